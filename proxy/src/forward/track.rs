//! Which track takes the request: the one a tester asks for, the one the client's cookie says, or one by weight.

use super::context::Context;
use super::secure;
use super::view::cookie;
use crate::random::random;
use crate::stats::{Record, Routed};
use crate::upstream::{Service, Sticky};
use http::HeaderValue;
use mizan_config::model::Force;
use mizan_policy::forwarded::Scheme;
use mizan_policy::split::{parse_cookie, signed_text, write_cookie};
use pingora_http::RequestHeader;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// Keyed, so that no client can choose whom it is counted with.
static CLIENTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A request's place, for as long as it lives.
pub(super) struct Place {
    pub(super) track: usize,
    pub(super) routed: Routed,
    pub(super) record: Record,
    /// For a client that has none yet.
    pub(super) set_cookie: Option<HeaderValue>,
}

pub(super) fn place(request: &RequestHeader, context: &Context, service: &Service) -> Place {
    let in_force = service.steering.in_force();
    let begin = |track: usize, routed, client| Record::begin(in_force.steps[track].clone(), routed, client);
    let plain = |track, routed| Place { track, routed, record: begin(track, routed, None), set_cookie: None };
    if let [_only] = &service.tracks[..] {
        return plain(0, Routed::ByWeight);
    }
    if let Some(track) = service.force.as_ref().and_then(|force| forced(request, context, force, service)) {
        return plain(track, Routed::Forced);
    }
    let Some(sticky) = &service.sticky else {
        return plain(in_force.split.choose(random()), Routed::ByWeight);
    };
    let known = cookie(request, &sticky.cookie).and_then(parse_cookie);
    match known.filter(|known| sticky.signer.verify(known.signed, known.signature)) {
        Some(known) => {
            let track = in_force.split.choose_sticky(known.id, &in_force.names);
            let record = begin(track, Routed::ByWeight, Some(CLIENTS.hash_one(known.id)));
            Place { track, routed: Routed::ByWeight, record, set_cookie: None }
        }
        None => {
            let id = random();
            let track = in_force.split.choose_sticky(id, &in_force.names);
            let record = begin(track, Routed::ByWeight, None);
            let secure = secure::scheme(&request.headers, context) == Scheme::Https;
            Place { track, routed: Routed::ByWeight, record, set_cookie: set_cookie(sticky, id, secure) }
        }
    }
}

fn forced(request: &RequestHeader, context: &Context, force: &Force, service: &Service) -> Option<usize> {
    let header = force.header.as_ref().and_then(|name| request.headers.get(name)).map(HeaderValue::as_bytes);
    let wanted = header.or_else(|| cookie(request, force.cookie.as_ref()?))?;
    let allowed =
        force.from.is_empty() || force.from.iter().any(|network| network.contains(&context.origin.address));
    let track = service.tracks.iter().position(|track| track.name.as_bytes() == wanted);
    track.filter(|_| allowed)
}

/// RFC 6265, 4.1. Lax: a link from elsewhere still brings it along, a form from elsewhere does not.
fn set_cookie(sticky: &Sticky, id: u64, secure: bool) -> Option<HeaderValue> {
    let value = write_cookie(id, sticky.signer.sign(&signed_text(id)));
    let (name, max_age) = (&sticky.cookie, sticky.max_age_s);
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}
