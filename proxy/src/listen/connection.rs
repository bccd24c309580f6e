//! A client's connection, as the engine sees it while a request is under way.
//!
//! The connection knows where the request's body ends and hands the engine not one byte more: what follows is the next
//! request, which the head reader of `http1` takes up. It also buffers what is written, measures how long the client
//! is waited for, and takes its leave so that a refused client still reads why.

use super::client::ClientInfo;
use super::h2::H2;
use super::linger::{LINGER_TIME, linger};
use super::stall::Stall;
use super::timer::Timer;
use bytes::{Buf, Bytes, BytesMut};
use mizan_policy::head::ChunkScanner;
use pingora_core::protocols::raw_connect::ProxyDigest;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// What the sockets of all listeners have in common.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static> Socket for T {}

/// What one read asks of the socket.
pub(super) const READ_SIZE: usize = 4096;
/// Answers are gathered up to this size before they are sent.
const WRITE_BUFFER: usize = 16 * 1024;
/// Bytes of later requests that are held while one is under way; beyond it the socket is left unread.
const PIPELINE_BUFFER: usize = 64 * 1024;
pub(crate) struct Connection {
    /// `None` once the socket was handed on to be drained.
    pub(super) socket: Option<Box<dyn Socket>>,
    pub(super) digest: Arc<ProxyDigest>,
    pub(super) client: Arc<ClientInfo>,
    /// Read from the socket, not yet handed to the engine.
    pub(super) incoming: BytesMut,
    /// Written by the engine, not yet sent.
    pub(super) outgoing: BytesMut,
    /// The socket (TLS) may hold what was written and not sent yet.
    unflushed: bool,
    /// The client was sent away: it is not listened to any more.
    pub(super) expelled: bool,
    /// It was told why the connection ends: what it still sends is drained, so that it gets to read that.
    pub(super) dismissed: bool,
    body: RequestBody,
    /// The rest of the connection is HTTP/2.
    pub(super) h2: Option<Box<H2>>,
    upload: Stall,
    download: Stall,
    pub(super) timer: Timer,
}

/// What of the bytes that arrive belongs to the request under way.
pub(super) enum RequestBody {
    /// Nothing, or nothing more.
    Ended,
    Length(u64),
    Chunked(Box<ChunkScanner>),
    /// Everything, to the end of the connection: HTTP/2, or an upgrade that was answered with 101.
    Tunnel,
}

impl Connection {
    pub(super) fn new(socket: Box<dyn Socket>, client: Arc<ClientInfo>, digest: Arc<ProxyDigest>) -> Self {
        let pace = client.pace();
        Self {
            socket: Some(socket),
            digest,
            client,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            unflushed: false,
            expelled: false,
            dismissed: false,
            body: RequestBody::Ended,
            h2: None,
            upload: Stall::new(pace),
            download: Stall::new(pace),
            timer: Timer::default(),
        }
    }

    pub(super) fn client(&self) -> &Arc<ClientInfo> {
        &self.client
    }

    /// A request's head was taken from `incoming`; what follows is its body.
    pub(super) fn begin_request(&mut self, body: RequestBody) {
        self.body = body;
        self.upload.restart(self.client.pace());
        self.download.restart(self.client.pace());
    }

    /// The rest of the connection is HTTP/2. `head_timeout`: of a header block; `goodbye_timeout`: of the answer to a GOAWAY.
    pub(super) fn become_h2(&mut self, head_timeout: Duration, goodbye_timeout: Duration) {
        self.h2 = Some(Box::new(H2::new(head_timeout, goodbye_timeout)));
        self.body = RequestBody::Tunnel;
    }

    /// True when the request under way has been read to its end, so that the next may begin.
    pub(super) fn at_request_boundary(&self) -> bool {
        matches!(self.body, RequestBody::Ended) && self.outgoing.is_empty() && !self.unflushed
    }

    /// Frees what an idle connection does not need.
    pub(super) fn rest(&mut self) {
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        self.outgoing = BytesMut::new();
    }

    /// Reads once from the socket into `incoming`; 0 is the client's end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(socket) = self.socket.as_mut() else { return Poll::Ready(Ok(0)) };
        self.incoming.reserve(READ_SIZE);
        let read = poll_read_buf(socket, cx, &mut self.incoming);
        if read.is_pending() && self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        read
    }

    /// Sends `answer`, ends the sending side, and drains what still arrives so that the client gets to read it.
    pub(super) async fn refuse(mut self: Box<Self>, answer: Bytes) {
        if let Some(mut socket) = self.socket.take() {
            let farewell = async {
                socket.write_all(&answer).await?;
                linger(socket).await
            };
            // The client may be gone already; there is nobody left to tell.
            let _ = tokio::time::timeout(LINGER_TIME + LINGER_TIME, farewell).await;
        }
    }

    /// Ends a connection on which nothing is under way. Over TLS the client is told that nothing was cut off.
    pub(super) async fn close(mut self: Box<Self>) {
        if self.client.tls.is_some()
            && let Some(mut socket) = self.socket.take()
        {
            let _ = tokio::time::timeout(LINGER_TIME, socket.shutdown()).await;
        }
    }

    /// Sends what the engine wrote so far.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let sent = ready!(self.poll_send(cx, None))?;
            self.outgoing.advance(sent);
        }
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let Some(socket) = self.socket.as_mut() else { return Poll::Ready(Ok(())) };
        if let Poll::Ready(flushed) = Pin::new(socket).poll_flush(cx) {
            self.unflushed = false;
            return Poll::Ready(flushed);
        }
        self.poll_unread(cx)
    }

    /// The client does not take what is sent to it: fails once it was slower than the minimum rate for too long.
    fn poll_unread<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.download.poll_stalled(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")))
    }

    /// Takes what the engine writes: gathered while there is little of it, else sent.
    fn poll_take(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.outgoing.len() + data.len() <= WRITE_BUFFER {
            self.outgoing.extend_from_slice(data);
            return Poll::Ready(Ok(data.len()));
        }
        loop {
            let buffered = self.outgoing.len();
            let sent = ready!(self.poll_send(cx, Some(data)))?;
            if sent > buffered {
                self.outgoing.clear();
                return Poll::Ready(Ok(sent - buffered));
            }
            self.outgoing.advance(sent);
        }
    }

    /// One write of `outgoing` and, behind it, `more`. Fails once the client reads slower than the minimum rate.
    fn poll_send(&mut self, cx: &mut Context<'_>, more: Option<&[u8]>) -> Poll<io::Result<usize>> {
        let Some(socket) = self.socket.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let socket = Pin::new(socket);
        let sent = match more {
            Some(more) if !self.outgoing.is_empty() => {
                let parts = [io::IoSlice::new(&self.outgoing), io::IoSlice::new(more)];
                socket.poll_write_vectored(cx, &parts)
            }
            Some(more) => socket.poll_write(cx, more),
            None => socket.poll_write(cx, &self.outgoing),
        };
        match sent {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(sent) => {
                self.download.moved(*sent.as_ref().unwrap_or(&0) as u64);
                self.unflushed = true;
                Poll::Ready(sent)
            }
            Poll::Pending => self.poll_unread(cx),
        }
    }

    /// The engine asks for the body although none is left: only the client's going away is worth telling.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.incoming.len() < PIPELINE_BUFFER {
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // Enough is waiting; the answer under way, not the socket, decides what happens next.
        Poll::Pending
    }

    fn poll_body(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() {
            if let RequestBody::Length(left) = self.body {
                return self.poll_straight(cx, into, left);
            }
            let filled = self.poll_fill(cx);
            if ready!(self.poll_paced(cx, filled))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let wanted = self.incoming.len().min(into.remaining());
        let (taken, ended) = match &mut self.body {
            RequestBody::Ended | RequestBody::Tunnel => unreachable!("poll_read asks for these elsewhere"),
            RequestBody::Length(left) => {
                let taken = wanted.min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                (taken, *left == 0)
            }
            RequestBody::Chunked(scanner) => match scanner.scan(&self.incoming[..wanted]) {
                Ok(found) => (found.consumed, found.done),
                Err(refusal) => {
                    self.client.refused_body(refusal);
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        refusal.rule.explain(),
                    )));
                }
            },
        };
        into.put_slice(&self.incoming[..taken]);
        self.incoming.advance(taken);
        if ended {
            self.body = RequestBody::Ended;
        }
        Poll::Ready(Ok(()))
    }

    /// A body of known length goes from the socket to the engine without a stop in between.
    fn poll_straight(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
        left: u64,
    ) -> Poll<io::Result<()>> {
        let Some(socket) = self.socket.as_mut() else { return Poll::Ready(Ok(())) };
        let room = into.remaining().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut window = ReadBuf::new(into.initialize_unfilled_to(room));
        let read = Pin::new(socket).poll_read(cx, &mut window).map_ok(|()| window.filled().len());
        let read = ready!(self.poll_paced(cx, read))?;
        into.advance(read);
        let left = left - read as u64;
        self.body = if left == 0 { RequestBody::Ended } else { RequestBody::Length(left) };
        Poll::Ready(Ok(()))
    }

    /// Holds a read of the body against the minimum rate.
    fn poll_paced(&mut self, cx: &mut Context<'_>, read: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(read) = read {
            self.upload.moved(*read.as_ref().unwrap_or(&0) as u64);
            return Poll::Ready(read);
        }
        ready!(self.upload.poll_stalled(cx));
        self.client.upload_stalled.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends too slowly")))
    }
}

/// Reads once into the spare room of `buffer`; the caller reserved it.
fn poll_read_buf(
    socket: &mut Box<dyn Socket>,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    std::pin::pin!(AsyncReadExt::read_buf(socket, buffer)).poll(cx)
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.expelled {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // Whenever the engine waits for the client, what it wrote so far goes out: an event stream needs no flush.
        if (!this.outgoing.is_empty() || this.unflushed)
            && let Poll::Ready(Err(error)) = this.poll_drain(cx)
        {
            return Poll::Ready(Err(error));
        }
        if matches!(this.body, RequestBody::Ended) && this.client.tunnel.load(Ordering::Relaxed) {
            this.body = RequestBody::Tunnel;
        }
        match this.body {
            RequestBody::Ended => this.poll_gone(cx),
            RequestBody::Tunnel => this.poll_tunnel(cx, into),
            RequestBody::Length(_) | RequestBody::Chunked(_) => this.poll_body(cx, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let taken = ready!(this.poll_take(cx, data))?;
        if let Some(h2) = this.h2.as_mut()
            && let Some(code) = h2.sent(&data[..taken])
        {
            let client = this.client.peer;
            tracing::info!(target: "mizan::refused", %client, rule = "h2-protocol", code, "HTTP/2 connection closed: the client breaks the protocol");
            this.dismissed = true;
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(h2) = self.h2.as_mut() {
            // Only sets the clock going: the next read tells.
            let _ = h2.poll_goodbye(cx);
        }
        self.poll_drain(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        match self.socket.as_mut() {
            Some(socket) => Pin::new(socket).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let unread = self.dismissed
            || !matches!(self.body, RequestBody::Ended | RequestBody::Tunnel)
            || !self.incoming.is_empty();
        // The engine drops HTTP/2 where it ends it. Its streams tell what was cut off: the connection has ended well. Of
        // HTTP/1 a missing close_notify may be all that tells.
        let untold = self.h2.is_some() && self.client.tls.is_some();
        if let Some(mut socket) = self.socket.take()
            && (unread || untold)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let client = self.client.clone();
            runtime.spawn(async move {
                let _ = if unread {
                    linger(socket).await
                } else {
                    tokio::time::timeout(LINGER_TIME, socket.shutdown()).await.unwrap_or(Ok(()))
                };
                // Counted as open until here.
                drop(client);
            });
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.client.peer).finish_non_exhaustive()
    }
}
