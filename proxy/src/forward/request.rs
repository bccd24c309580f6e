//! The request's way in: probes, rules, route.

use super::context::{Context, RequestBody, Upstream};
use super::errors::{CLIENT_CLOSED_REQUEST, Verdict};
use super::grpc::Call;
use super::view::{View, cookie, fields};
use super::{reply, secure, track};
use crate::clock;
use crate::listen::ClientInfo;
use crate::random::random;
use crate::runtime::Runtime;
use crate::snapshot::{Action, ForwardAction};
use bytes::Bytes;
use http::Method;
use http::header::{HOST, HeaderValue};
use mizan_config::model::{HashKey, UnknownHost};
use mizan_policy::forwarded;
use mizan_policy::head;
use mizan_policy::route::{Outcome, RouteMatch, RouteRequest};
use mizan_policy::secure::Passage;
use pingora_core::{Error, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// From the head to a service: true when the request was answered on the way.
pub(super) async fn receive(session: &mut Session, context: &mut Context, runtime: &Runtime) -> Result<bool> {
    context.client = client_of(session);
    context.grpc = Call::of(session.req_header());
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
    if let Some(proof) = proof(session.req_header(), runtime).await {
        reply::plain(session, context, 200, proof).await?;
        return Ok(true);
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
    match decide(session.req_header(), context, runtime) {
        Decision::Forward => {
            if let (Some(wait), Some(upstream)) = (wait, &context.upstream) {
                // A stream (gRPC) may be silent for as long as its endpoint may.
                let wait = wait.max(upstream.service.timeouts.read);
                session.set_read_timeout(Some(wait));
                session.set_write_timeout(Some(wait));
            }
            Ok(false)
        }
        Decision::Respond(action) => {
            respond(session, context, &action).await?;
            Ok(true)
        }
        Decision::Redirect { status, location } => {
            reply::redirect(session, context, status, &location).await?;
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
    Redirect {
        status: u16,
        location: String,
    },
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

/// What an authority asks for to see that a name is ours (RFC 8555, 8.3): whatever the host, before all rules. A token that
/// is not ours is somebody else's, and its request goes its way.
async fn proof(request: &RequestHeader, runtime: &Runtime) -> Option<Bytes> {
    let path = request.raw_path();
    if !path.starts_with(mizan_acme::PATH.as_bytes()) || !matches!(request.method, Method::GET | Method::HEAD)
    {
        return None;
    }
    Some(runtime.acme.answers().http(std::str::from_utf8(path).ok()?).await?.into())
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
        if runtime.draining() {
            return Some((503, Bytes::from_static(b"draining\n")));
        }
        let waiting = waiting(context, runtime);
        return Some(match waiting.as_str() {
            "" => (200, Bytes::from_static(b"ready\n")),
            _ => (503, waiting.into()),
        });
    }
    None
}

/// What is not there yet, a line for each kind.
fn waiting(context: &Context, runtime: &Runtime) -> String {
    let services = context.snapshot.not_ready().join(", ");
    let certificates = runtime.server_tls().as_ref().map(|tls| runtime.acme.waiting(tls.sites()).join(", "));
    let kinds = [("discovery", services), ("certificates", certificates.unwrap_or_default())];
    let waiting = kinds.iter().filter(|(_, names)| !names.is_empty());
    waiting.map(|(kind, names)| format!("waiting for {kind}: {names}\n")).collect::<Vec<_>>().concat()
}

fn decide(request: &RequestHeader, context: &mut Context, runtime: &Runtime) -> Decision {
    let snapshot = context.snapshot.clone();
    let authority = match authority(request, &snapshot.head_limits) {
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
    let outcome = snapshot.router.find(&wanted);
    if let Outcome::Route(RouteMatch { site, .. }) | Outcome::NoRoute { site } = outcome {
        context.set_site(site);
        let name = host.as_ref().map(|host| host.name.as_ref());
        match secure::check(request, name, path, &snapshot.sites[site], context, runtime) {
            Passage::Pass => {}
            Passage::Redirect(status) => {
                let (host, target) = (name.unwrap_or_default(), request.raw_path());
                let target = std::str::from_utf8(target).unwrap_or("/");
                let location = secure::location(host, target, &snapshot.sites[site], runtime);
                return Decision::Redirect { status, location };
            }
            Passage::Misdirected => {
                context.refuse_for(
                    421,
                    "client-certificate",
                    "the site wants a certificate that this connection was not asked for",
                );
                return Decision::Refused;
            }
        }
    }
    match outcome {
        Outcome::Route(found) => match &snapshot.sites[found.site].routes[found.route] {
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
fn authority<'a>(
    request: &'a RequestHeader,
    limits: &head::HeadLimits,
) -> std::result::Result<Option<&'a str>, head::Refusal> {
    let field = request.headers.get(HOST).and_then(|host| host.to_str().ok());
    if request.version != http::Version::HTTP_2 {
        return Ok(field);
    }
    let authority = request.uri.authority().map(http::uri::Authority::as_str);
    let fields = fields(&request.headers);
    head::check_h2(request.method.as_str(), Some(request.raw_path()), authority, fields, limits)?;
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
        && action.service.transport.can_upgrade()
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
