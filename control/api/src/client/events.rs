//! `GET /v1/events`, read as it comes.

use super::transport::{Driver, Reply};
use crate::{ClientError, Event};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use serde::de::Error;

/// No line of an event is longer.
const LINE: usize = 1024 * 1024;

/// A stream of events. It ends when the proxy ends.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    lines: Lines,
    _driver: Driver,
}

impl Events {
    pub(super) async fn begin((reply, driver): (Response<Incoming>, Driver)) -> Result<Self, ClientError> {
        if reply.status() != 200 {
            Reply::read(reply).await?.understood::<()>()?;
            return Err(serde_json::Error::custom("not a stream of events").into());
        }
        Ok(Self { body: reply.into_body(), lines: Lines::default(), _driver: driver })
    }

    /// The next event, `None` at the end. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(event) = self.lines.next()? {
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Some(data) = frame?.data_ref() {
                self.lines.unread.extend_from_slice(data);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Lines {
    unread: Vec<u8>,
    /// The `data:` of the event that has begun.
    data: Vec<u8>,
}

impl Lines {
    fn next(&mut self) -> Result<Option<Event>, ClientError> {
        while let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = line.trim_ascii_end();
            if line.is_empty() && !self.data.is_empty() {
                return Ok(Some(serde_json::from_slice(&std::mem::take(&mut self.data))?));
            }
            // `id:` stands in the data as well, and `:` is a sign of life.
            if let Some(data) = line.strip_prefix(b"data:") {
                self.data.extend_from_slice(data);
            }
        }
        if self.unread.len() > LINE || self.data.len() > LINE {
            return Err(serde_json::Error::custom(format!("an event is longer than {LINE} bytes")).into());
        }
        Ok(None)
    }
}
