//! One call: what was asked, and what is answered.

use super::Admin;
use super::events::EventStream;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use mizan_api::{Problem, ProblemKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) struct Call {
    pub(super) admin: Arc<Admin>,
    /// What stands for the parameters of the operation's path, in order.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// `Last-Event-ID`.
    pub(super) last_event: Option<u64>,
}

pub(super) enum Reply {
    Json(Vec<u8>),
    /// `kind`: its media type.
    Text {
        kind: &'static str,
        text: String,
    },
    Events(EventStream),
}

impl Call {
    pub(super) fn parameter(&self, place: usize) -> &str {
        &self.path[place]
    }

    /// A parameter of the query, where it is there.
    pub(super) fn query<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some((_, value)) = self.query.iter().find(|(known, _)| known == name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| bad(format!("`{name}={value}` is not what it must be")))
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| bad(format!("the body: {error}")))
    }
}

pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::BadRequest, detail)
}

impl Reply {
    pub(super) fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_vec(value).expect("the API's types have string keys only"))
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Json(json) => response(StatusCode::OK, "application/json", whole(json)),
            Self::Text { kind, text } => response(StatusCode::OK, kind, whole(text.into_bytes())),
            Self::Events(stream) => {
                let mut response = response(StatusCode::OK, "text/event-stream", stream.boxed_unsync());
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
        }
    }
}

/// `allow`: the methods that the resource has, for 405.
pub(super) fn problem(problem: &Problem, allow: Option<&str>) -> Response<Body> {
    let json = serde_json::to_vec(problem).expect("the API's types have string keys only");
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(status, "application/problem+json", whole(json));
    if let Some(allow) = allow.and_then(|allow| HeaderValue::from_str(allow).ok()) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn whole(body: Vec<u8>) -> Body {
    Full::from(body).boxed_unsync()
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::SERVER, HeaderValue::from_static(concat!("mizan/", env!("CARGO_PKG_VERSION"))));
    // A call is a connection: one that stalls holds nothing else up.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
