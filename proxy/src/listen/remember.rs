//! A socket whose first bytes are remembered, so that a failed handshake can tell what the client spoke instead.

use mizan_policy::head::{Opening, first_bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More is not needed to tell protocols apart.
const REMEMBERED: usize = 8;

/// What is written to a client that turns out to speak plain HTTP is thrown away: it is an alert, and would garble the
/// answer that follows.
pub(super) struct Remember<S> {
    socket: S,
    speaks_http: bool,
    first: [u8; REMEMBERED],
    seen: u8,
}

impl<S> Remember<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket, speaks_http: false, first: [0; REMEMBERED], seen: 0 }
    }

    /// The client began with a request, not with a handshake.
    pub(super) fn speaks_http(&self) -> bool {
        self.speaks_http
    }

    pub(super) fn into_socket(self) -> S {
        self.socket
    }

    fn remember(&mut self, bytes: &[u8]) {
        let seen = usize::from(self.seen);
        let taken = bytes.len().min(REMEMBERED - seen);
        self.first[seen..seen + taken].copy_from_slice(&bytes[..taken]);
        self.seen += taken as u8;
        self.speaks_http = first_bytes(&self.first[..seen + taken]) == Opening::Http;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Remember<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if usize::from(self.seen) == REMEMBERED {
            return Pin::new(&mut self.socket).poll_read(cx, into);
        }
        let before = into.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, into))?;
        self.remember(&into.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Remember<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.speaks_http {
            return Poll::Ready(Ok(data.len()));
        }
        Pin::new(&mut self.socket).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.speaks_http {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_first_bytes_are_remembered_and_read_all_the_same() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut stream = Remember::new(server);
        let mut text = [0; 16];
        client.write_all(b"GE").await.expect("room");
        stream.read_exact(&mut text[..2]).await.expect("there");
        assert!(!stream.speaks_http());
        client.write_all(b"T / HTTP/1.1\r\n").await.expect("room");
        stream.read_exact(&mut text[2..]).await.expect("there");
        assert_eq!(&text, b"GET / HTTP/1.1\r\n");
        assert!(stream.speaks_http());
    }

    #[tokio::test]
    async fn a_client_that_speaks_http_is_not_sent_what_tls_writes() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut stream = Remember::new(server);
        client.write_all(b"GET / HT").await.expect("room");
        stream.read_exact(&mut [0; 8]).await.expect("there");
        stream.write_all(b"alert").await.expect("taken");
        stream.into_socket().write_all(b"answer").await.expect("room");
        let mut got = [0; 6];
        client.read_exact(&mut got).await.expect("there");
        assert_eq!(&got, b"answer");
    }
}
