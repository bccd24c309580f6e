//! A connection whose first answer waits until the request has been seen to end.
//!
//! The engine tells the upstream side by a message that the request has no (more) body. Where an endpoint answers 101 so
//! fast that the answer is read before that message, the engine takes the end of the request for the end of the tunnel
//! and closes it: one WebSocket in fifteen, before a fast server. Reads that follow the first writes are put off by a turn
//! each, in which the message is taken. Over TLS the handshake's writes come before the request's.

use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Reads that are put off: one is needed, a second one makes up for a turn that the runtime took for fairness.
const TURNS: u8 = 2;

/// Writes among which the request is: a TLS handshake has two or three before it.
const FIRST_WRITES: u8 = 6;

pub(super) struct Patient<S> {
    socket: S,
    turns: u8,
    first_writes: u8,
}

impl<S> Patient<S> {
    pub(super) fn new(socket: S) -> Self {
        Self { socket, turns: TURNS, first_writes: FIRST_WRITES }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turns > 0 {
            self.turns -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, data);
        if written.is_ready() && self.first_writes > 0 {
            self.first_writes -= 1;
            self.turns = TURNS;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl VirtualSocket for Patient<TcpStream> {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.socket.set_nodelay(true),
            // TCP keepalive is asked for by no peer of ours.
            _ => Ok(()),
        }
    }
}

impl VirtualSocket for Patient<UnixStream> {
    fn set_socket_option(&self, _option: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}

impl<S> fmt::Debug for Patient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patient").field("turns", &self.turns).finish_non_exhaustive()
    }
}
