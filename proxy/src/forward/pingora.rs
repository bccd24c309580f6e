//! The engine's callbacks. Each one only delegates: nothing is decided here.

use super::context::Context;
use super::{answer, choose, errors, prepare, reply, request};
use crate::runtime::Runtime;
use async_trait::async_trait;
use bytes::Bytes;
use pingora_core::modules::http::HttpModules;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use std::sync::Arc;

/// The proxy as the engine knows it.
pub(crate) struct Forwarder {
    runtime: Arc<Runtime>,
}

impl Forwarder {
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime }
    }
}

#[async_trait]
impl ProxyHttp for Forwarder {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new(&self.runtime)
    }

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {
        // None: the engine would add a compression module of its own.
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        // What fails here is the client's side: nobody else has been asked yet.
        request::receive(session, context, &self.runtime).await.map_err(Error::into_down)
    }

    async fn upstream_peer(&self, _session: &mut Session, context: &mut Context) -> Result<Box<HttpPeer>> {
        choose::peer(context)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream_request: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        prepare::request(session, upstream_request, context)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        context: &mut Context,
    ) -> Result<()> {
        if let Some(upstream) = context.upstream.as_mut() {
            upstream.body.ended |= end_of_stream;
            upstream.body.sent |= body.as_ref().is_some_and(|bytes| !bytes.is_empty());
        }
        // An HTTP/2 body may end by an empty frame. The engine would write that as the last chunk, and then the last chunk:
        // on a kept connection the second one is the beginning of the next request.
        if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        upstream_response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        answer::receive(session, upstream_response, context)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        answer::prepare(session, response, context)
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        context: &mut Context,
        error: Box<Error>,
    ) -> Box<Error> {
        choose::failed(session, context, error, choose::Stage::Connecting)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        context: &mut Context,
        client_reused: bool,
    ) -> Box<Error> {
        let stage = choose::Stage::Exchanging { reused: client_reused };
        choose::failed(session, context, error, stage)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        let verdict = errors::verdict(error, context);
        let begun = session.response_written().is_some_and(|head| !head.status.is_informational());
        if verdict.tell {
            session.set_keepalive(None);
            if let Err(error) = reply::failure(session, context, verdict.status, begun).await {
                tracing::debug!(request_id = %context.request_id, "cannot send the error answer: {error}");
            }
        }
        context.status = verdict.status;
        choose::count_failure(context, &verdict, begun);
        request::log_failure(session, context, &verdict, error);
        FailToProxy { error_code: verdict.status, can_reuse_downstream: false }
    }

    async fn logging(&self, _session: &mut Session, error: Option<&Error>, context: &mut Context) {
        choose::finished(context, error);
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Context, _error: &Error) -> bool {
        // `fail_to_proxy` says it once, in words.
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _context: &Context,
        _error: &Error,
        _which: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
