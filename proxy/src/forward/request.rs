//! The request's way in: probes, rules, route; and what the upstream gets to see of it.

use super::context::{Context, RequestBody, Upstream};
use super::errors::{CLIENT_CLOSED_REQUEST, Verdict};
use super::view::{View, cookie, fields};
use super::{reply, track};
use crate::clock;
use crate::listen::ClientInfo;
use crate::random::random;
use crate::runtime::Runtime;
use crate::snapshot::{Action, ForwardAction};
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use mizan_config::model::{HashKey, UnknownHost};
use mizan_policy::forwarded::{self, Scheme};
use mizan_policy::head;
use mizan_policy::route::{Outcome, RouteRequest};
use pingora_core::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// From the head to a service: true when the request was answered on the way.
pub(super) async fn receive(session: &mut Session, context: &mut Context, runtime: &Runtime) -> Result<bool> {
    context.client = client_of(session);
    // Over HTTP/1 deadlines are the connection's; the engine's own would cut long uploads and tunnels short. Over HTTP/2
    // the connection cannot tell streams apart: no single wait for the client may be longer than an idle connection's.
    let h2 = session.req_header().version == http::Version::HTTP_2;
    let wait = h2.then_some(context.snapshot.limits.idle_timeout);
    session.set_read_timeout(wait);
    session.set_write_timeout(wait);
    if session.req_header().version == http::Version::HTTP_10 {
        // Interim answers came with HTTP/1.1: such a client would take one for the answer.
        session.set_ignore_info_resp(true);
    }
    if context.client.as_ref().is_some_and(|client| client.last_request.load(Ordering::Relaxed)) {
        session.set_keepalive(None);
    }
    if let Some(answer) = probe(session.req_header(), context, runtime) {
        let (status, body) = answer;
        reply::plain(session, context, status, body).await?;
        return Ok(true);
    }
    if context.client.as_ref().is_some_and(|client| client.reserve_only()) {
        let refused = context.refuse_for(503, "connections", "the limit of connections is reached");
        log_refusal(session, context);
        reply::refusal(session, context, refused).await?;
        return Ok(true);
    }
    match decide(session.req_header(), context) {
        Decision::Forward => Ok(false),
        Decision::Respond(action) => {
            respond(session, context, &action).await?;
            Ok(true)
        }
        Decision::Refused => {
            log_refusal(session, context);
            let refused = context.refused.expect("a refusal was noted");
            reply::refusal(session, context, refused).await?;
            Ok(true)
        }
        Decision::ServerOptions => {
            reply::plain(session, context, 204, Bytes::new()).await?;
            Ok(true)
        }
        Decision::NotFound => {
            reply::error(session, context, 404).await?;
            Ok(true)
        }
        Decision::Hang => {
            log_refusal(session, context);
            session.set_keepalive(None);
            session.shutdown().await;
            Ok(true)
        }
    }
}

enum Decision {
    Forward,
    Respond(Arc<mizan_config::model::Respond>),
    /// `context.refused` says why.
    Refused,
    NotFound,
    /// `OPTIONS *` asks about the server as a whole (RFC 9110, 9.3.7).
    ServerOptions,
    /// Closed without an answer.
    Hang,
}

fn client_of(session: &Session) -> Option<Arc<ClientInfo>> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref::<Arc<ClientInfo>>().cloned()
}

/// Answers for monitors, on every listener and for every host.
fn probe(request: &RequestHeader, context: &Context, runtime: &Runtime) -> Option<(u16, Bytes)> {
    let probes = &context.snapshot.probes;
    let path = request.raw_path();
    if probes.health.as_ref().is_some_and(|probe| probe.as_bytes() == path) {
        return Some(if runtime.draining() {
            (503, Bytes::from_static(b"draining\n"))
        } else {
            (200, Bytes::from_static(b"ok\n"))
        });
    }
    if probes.ready.as_ref().is_some_and(|probe| probe.as_bytes() == path) {
        let waiting = context.snapshot.not_ready();
        return Some(if runtime.draining() {
            (503, Bytes::from_static(b"draining\n"))
        } else if waiting.is_empty() {
            (200, Bytes::from_static(b"ready\n"))
        } else {
            (503, format!("waiting for discovery: {}\n", waiting.join(", ")).into())
        });
    }
    None
}

fn decide(request: &RequestHeader, context: &mut Context) -> Decision {
    let snapshot = context.snapshot.clone();
    let authority = match authority(request) {
        Ok(authority) => authority,
        Err(refusal) => {
            context.refuse(refusal.status, refusal.rule);
            return Decision::Refused;
        }
    };
    let host = authority.and_then(head::host_of);
    let peer = context.client.as_ref().map_or(context.origin.peer, |client| client.peer);
    let chain = request.headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    context.origin = forwarded::Client::find(peer, &snapshot.trusted, chain);
    let (path, _) = split_target(request);
    let wanted = RouteRequest {
        host: host.as_ref().map(|host| host.name.as_ref()),
        path,
        method: request.method.as_str(),
        headers: &View(request),
    };
    match snapshot.router.find(&wanted) {
        Outcome::Route(found) => match &snapshot.sites[found.site][found.route] {
            Action::Respond(respond) => Decision::Respond(respond.clone()),
            Action::Forward(action) => forward(request, context, action),
        },
        Outcome::NoRoute { .. } if path == "*" => Decision::ServerOptions,
        Outcome::NoRoute { .. } => Decision::NotFound,
        Outcome::UnknownHost => {
            context.refuse_for(421, "unknown-host", "no site has this host");
            match snapshot.unknown_host {
                UnknownHost::Misdirected => Decision::Refused,
                UnknownHost::Close => Decision::Hang,
            }
        }
        Outcome::Refused(fault) => {
            context.refuse_for(400, fault.name(), fault.explain());
            Decision::Refused
        }
    }
}

/// The request's authority. HTTP/1 heads were checked before the engine saw them; those of HTTP/2 are checked here.
fn authority(request: &RequestHeader) -> std::result::Result<Option<&str>, head::Refusal> {
    let field = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    if request.version != http::Version::HTTP_2 {
        return Ok(field);
    }
    let authority = request.uri.authority().map(http::uri::Authority::as_str);
    head::check_h2(request.method.as_str(), Some(request.raw_path()), authority, fields(&request.headers))?;
    Ok(authority.or(field))
}

/// Path and query as they came.
fn split_target(request: &RequestHeader) -> (&str, Option<&str>) {
    let target = std::str::from_utf8(request.raw_path()).unwrap_or("/");
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

fn forward(request: &RequestHeader, context: &mut Context, action: &Arc<ForwardAction>) -> Decision {
    let (path, query) = split_target(request);
    let target = match action.target(path, query) {
        Ok(target) => target,
        Err(fault) => {
            context.refuse_for(400, fault.name(), fault.explain());
            return Decision::Refused;
        }
    };
    let upgrade = context.client.as_ref().is_some_and(|client| client.wants_upgrade.load(Ordering::Relaxed))
        && request.version == http::Version::HTTP_11
        && request
            .headers
            .get(http::header::UPGRADE)
            .and_then(|wanted| wanted.to_str().ok())
            .is_some_and(|wanted| head::upgrade_allowed(wanted, &action.upgrade));
    action.service.retries.deposit(clock::now());
    let place = track::place(request, context, &action.service);
    context.upstream = Some(Upstream {
        hash: hash_key(request, context, action),
        service: action.service.clone(),
        action: action.clone(),
        target,
        upgrade,
        at: place.track,
        place,
        try_began: Instant::now(),
        tried: Vec::new(),
        tries: 0,
        lease: None,
        body: RequestBody::default(),
        answered: false,
        failure: None,
    });
    Decision::Forward
}

/// What consistent hashing goes by; a request without it is spread by chance.
fn hash_key(request: &RequestHeader, context: &Context, action: &ForwardAction) -> Option<u64> {
    let key = action.service.hash_key.as_ref()?;
    let mut hasher = DefaultHasher::new();
    match key {
        HashKey::ClientIp => context.origin.address.hash(&mut hasher),
        HashKey::Header(name) => match request.headers.get(name) {
            Some(value) => value.as_bytes().hash(&mut hasher),
            None => return Some(random()),
        },
        HashKey::Cookie(name) => match cookie(request, name) {
            Some(value) => value.hash(&mut hasher),
            None => return Some(random()),
        },
    }
    Some(hasher.finish())
}

async fn respond(
    session: &mut Session,
    context: &mut Context,
    respond: &mizan_config::model::Respond,
) -> Result<()> {
    let mut head = pingora_http::ResponseHeader::build(respond.status, Some(respond.headers.len() + 3))?;
    for (name, value) in &respond.headers {
        head.append_header(name.clone(), value.as_str())?;
    }
    if !respond.body.is_empty() && !head.headers.contains_key(http::header::CONTENT_TYPE) {
        head.insert_header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")?;
    }
    reply::send(session, context, head, Bytes::copy_from_slice(respond.body.as_bytes())).await
}

/// The request as the endpoint gets it.
pub(super) fn prepare(
    came_by: http::Version,
    request: &mut RequestHeader,
    context: &mut Context,
) -> Result<()> {
    let Some(upstream) = context.upstream.as_ref() else {
        return Err(Error::explain(ErrorType::InternalError, "no upstream was chosen"));
    };
    let removals = head::request_removals(fields(&request.headers), upstream.upgrade);
    if !removals.is_empty() {
        for name in removals.iter().map(str::to_owned).collect::<Vec<_>>() {
            request.remove_header(name.as_str());
        }
    }
    if came_by == http::Version::HTTP_2 {
        join_cookies(request)?;
    }
    if upstream.upgrade {
        request.insert_header(http::header::CONNECTION, "upgrade")?;
    }
    if let Some(target) = &upstream.target {
        request.set_raw_path(target.as_bytes())?;
    }
    tell_origin(request, context)?;
    request.insert_header("X-Request-Id", context.request_id.as_str())?;
    match (&upstream.action.host, request.headers.contains_key(HOST)) {
        (Some(host), _) => request.insert_header(HOST, host.as_str())?,
        (None, false) => {
            let endpoint = upstream.lease.as_ref().map_or("localhost", |lease| lease.endpoint().host());
            request.insert_header(HOST, endpoint)?;
        }
        (None, true) => {}
    }
    if upstream.service.keepalive == 0 && !upstream.upgrade {
        request.insert_header(http::header::CONNECTION, "close")?;
    }
    Ok(())
}

/// HTTP/2 may send a cookie in crumbs; HTTP/1 knows one field (RFC 9113, 8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let crumbs: Vec<&[u8]> =
        request.headers.get_all(http::header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return Ok(());
    }
    let joined = crumbs.join(&b"; "[..]);
    request.insert_header(http::header::COOKIE, joined.as_slice())
}

/// Who the client is and how it came: what was sent about it is believed from trusted proxies only.
fn tell_origin(request: &mut RequestHeader, context: &Context) -> Result<()> {
    let origin = &context.origin;
    let scheme = origin
        .forwarded_proto(request.headers.get("x-forwarded-proto").map(HeaderValue::as_bytes), Scheme::Http);
    let host = request.headers.get(HOST).cloned();
    let authority = host.as_ref().and_then(|host| host.to_str().ok());
    let told_host = match request.headers.get("x-forwarded-host") {
        Some(sent) => origin
            .forwarded_host(Some(sent.as_bytes()), authority)
            .and_then(|host| HeaderValue::from_str(host).ok()),
        None => host.clone(),
    };
    let sent = |name: &str| -> Vec<HeaderValue> { request.headers.get_all(name).iter().cloned().collect() };
    let chain = sent("x-forwarded-for");
    let (forwarded_for, real_ip) = if chain.is_empty() || !origin.peer_trusted {
        // As nearly always: nothing is believed, and both fields are the connection's other end.
        let peer = context.client.as_ref().map(|client| client.peer_text.clone());
        (peer.clone(), peer)
    } else {
        let mut text = String::new();
        origin.write_forwarded_for(chain.iter().map(HeaderValue::as_bytes), &mut text);
        (HeaderValue::from_str(&text).ok(), HeaderValue::from_str(origin.real_ip().as_str()).ok())
    };
    let forwarded = context.snapshot.forwarded.then(|| {
        let mut text = String::new();
        let sent = sent("forwarded");
        origin.write_forwarded(sent.iter().map(HeaderValue::as_bytes), scheme, authority, &mut text);
        text
    });
    set(request, "X-Forwarded-For", forwarded_for)?;
    set(request, "X-Real-IP", real_ip)?;
    set(request, "X-Forwarded-Proto", Some(HeaderValue::from_static(scheme.as_str())))?;
    set(request, "X-Forwarded-Host", told_host)?;
    set(request, "Forwarded", forwarded.and_then(|text| HeaderValue::from_str(&text).ok()))
}

/// Sets the field, or takes it away.
fn set(request: &mut RequestHeader, name: &'static str, value: Option<HeaderValue>) -> Result<()> {
    match value {
        Some(value) => request.insert_header(name, value),
        None => {
            request.remove_header(name);
            Ok(())
        }
    }
}

/// One line for what was refused here.
fn log_refusal(session: &Session, context: &Context) {
    let Some(refused) = context.refused else { return };
    tracing::info!(
        target: "mizan::refused",
        client = %context.origin.address,
        status = refused.status,
        rule = refused.rule,
        request_id = %context.request_id,
        request = session.request_summary(),
        "request refused: {}",
        refused.why
    );
}

/// One line for a request that failed, with the endpoint and the engine's own words, which the client never sees.
pub(super) fn log_failure(session: &Session, context: &Context, verdict: &Verdict, error: &Error) {
    let endpoint = context.upstream.as_ref().and_then(|upstream| {
        upstream
            .lease
            .as_ref()
            .map(|lease| lease.endpoint().name())
            .or(upstream.tried.last().map(|last| last.name()))
    });
    let service = context.upstream.as_ref().map_or("-", |upstream| upstream.service.name.as_str());
    let milliseconds = context.started.elapsed().as_millis() as u64;
    let tried = context.upstream.as_ref().map_or(0, |upstream| upstream.tries);
    let rule =
        context.client.as_ref().and_then(|client| client.body_refusal()).map_or("-", |(_, rule)| rule.name());
    if verdict.status == CLIENT_CLOSED_REQUEST || verdict.status < 500 {
        tracing::info!(
            target: "mizan::request",
            client = %context.origin.address, status = verdict.status, rule, service, endpoint = endpoint.unwrap_or("-"), milliseconds,
            request_id = %context.request_id, request = session.request_summary(), "request failed: {}", verdict.why
        );
        return;
    }
    tracing::warn!(
        target: "mizan::request",
        client = %context.origin.address, status = verdict.status, service, endpoint = endpoint.unwrap_or("-"), tried, milliseconds,
        request_id = %context.request_id, request = session.request_summary(), %error, "request failed: {}", verdict.why
    );
}
