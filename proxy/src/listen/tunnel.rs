//! What a connection reads once all of it belongs to one side: an upgrade's bytes, or HTTP/2 under its limits.

use super::connection::Connection;
use super::h2::H2;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

impl Connection {
    /// Everything that arrives, held against the limits where it is HTTP/2.
    pub(super) fn poll_tunnel(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut h2) = self.h2.take() else { return self.poll_all(cx, into) };
        let before = into.filled().len();
        let verdict = match self.poll_all(cx, into) {
            Poll::Ready(Ok(())) => match h2.received(&into.filled()[before..]) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(flood) => Poll::Ready(Err((flood.code(), flood.name(), flood.explain()))),
            },
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => h2.poll_stalled(cx).map(|late| Err((late.code, late.rule, late.why))),
        };
        let verdict = verdict.map_err(|(code, rule, why)| {
            into.set_filled(before);
            self.expel(cx, &h2, code, rule, why)
        });
        self.h2 = Some(h2);
        verdict
    }

    /// Sends a client away that breaks a rule of HTTP/2's use.
    fn expel(
        &mut self,
        cx: &mut Context<'_>,
        h2: &H2,
        code: u32,
        rule: &'static str,
        why: &'static str,
    ) -> io::Error {
        tracing::info!(target: "mizan::refused", client = %self.client.peer, rule, code, "HTTP/2 connection closed: {why}");
        if let Some(goaway) = h2.goaway(code) {
            self.outgoing.extend_from_slice(&goaway);
            // Whatever cannot be sent at once is not worth waiting for.
            let _ = self.poll_drain(cx);
        }
        self.expelled = true;
        self.dismissed = true;
        io::Error::new(io::ErrorKind::InvalidData, why)
    }

    /// Everything that arrives, as it is.
    fn poll_all(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() {
            let Some(socket) = self.socket.as_mut() else { return Poll::Ready(Ok(())) };
            return Pin::new(socket).poll_read(cx, into);
        }
        let taken = self.incoming.len().min(into.remaining());
        into.put_slice(&self.incoming[..taken]);
        self.incoming.advance(taken);
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}
