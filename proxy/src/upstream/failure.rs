//! How a try at an endpoint fails, told apart by what it says of the endpoint and of the request.

use super::dial::LEFT;
use pingora_core::{Error, ErrorType, RetryType};

/// How a try at an endpoint failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: nothing was sent.
    Connect,
    /// No connection within its time: nothing was sent.
    ConnectTime,
    /// There is no way to the address.
    Unreachable,
    /// There is a connection, but no TLS that could be trusted: nothing was sent.
    Tls,
    /// The endpoint is no longer the service's: it was not even dialled.
    Left,
    /// A kept connection turned out to be closed before the first byte of an answer.
    StaleConnection,
    /// The endpoint said that it did nothing with the request: it is closing the HTTP/2 connection, or has no room.
    Refused,
    /// No answer within its time.
    AnswerTime,
    /// The answer breaks a rule of HTTP.
    BadAnswer,
    /// The connection was closed before the first byte of an answer.
    Closed,
    /// The answer broke off.
    Broken,
}

impl Failure {
    /// The failure behind an engine's error on the upstream side.
    pub(crate) fn of(error: &Error, connecting: bool, reused: bool, answered: bool) -> Self {
        match error.etype() {
            ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => Self::ConnectTime,
            ErrorType::ConnectNoRoute => Self::Unreachable,
            ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert => Self::Tls,
            kind if *kind == LEFT => Self::Left,
            // The engine's own word for a stream that was not processed (RFC 9113, 8.7).
            ErrorType::H2Error if !answered && matches!(error.retry, RetryType::Decided(true)) => {
                Self::Refused
            }
            _ if connecting => Self::Connect,
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => Self::AnswerTime,
            ErrorType::InvalidHTTPHeader | ErrorType::HTTPStatus(_) => Self::BadAnswer,
            _ if answered => Self::Broken,
            _ if reused => Self::StaleConnection,
            _ => Self::Closed,
        }
    }

    /// Its place among the kinds that are counted: as `mizan_api::TriesFailed` lists them.
    pub(crate) fn kind(self) -> usize {
        match self {
            Self::Connect => 0,
            Self::ConnectTime => 1,
            Self::Unreachable => 2,
            Self::Left => 3,
            Self::StaleConnection => 4,
            Self::AnswerTime => 5,
            Self::BadAnswer => 6,
            Self::Closed => 7,
            Self::Broken => 8,
            Self::Tls => 9,
            Self::Refused => 10,
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Self::ConnectTime | Self::AnswerTime => 504,
            Self::Left | Self::Refused => 503,
            Self::Connect
            | Self::Unreachable
            | Self::Tls
            | Self::StaleConnection
            | Self::BadAnswer
            | Self::Closed
            | Self::Broken => 502,
        }
    }

    pub(crate) fn explain(self) -> &'static str {
        match self {
            Self::Connect => "the endpoint refused the connection",
            Self::Unreachable => "there is no way to the endpoint's address",
            Self::Tls => "the endpoint's TLS failed: its certificate cannot be verified, or it speaks none",
            Self::Refused => "the endpoint refused the request before it did anything with it",
            Self::Left => "the endpoint left the service",
            Self::Closed => "the endpoint closed the connection before it answered",
            Self::ConnectTime => "the endpoint did not accept the connection in time",
            Self::StaleConnection => "the endpoint closed a kept connection",
            Self::AnswerTime => "the endpoint did not answer in time",
            Self::BadAnswer => "the endpoint's answer breaks HTTP",
            Self::Broken => "the endpoint broke the connection off",
        }
    }
}
