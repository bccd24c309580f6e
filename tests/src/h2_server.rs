//! An HTTP/2 server frame by frame, with prior knowledge: it refuses, resets and leaves as no library would on demand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// What it does with a request, once its head is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// 200 with this body.
    Answers(&'static str),
    /// 200 with this body, and trailers behind it.
    AnswersWithTrailers(&'static str),
    /// RST_STREAM with this code, before any answer.
    Resets(u32),
    /// 200 and some of a body, then RST_STREAM with this code.
    BeginsAndResets(u32),
    /// GOAWAY that says that the request was not looked at, then the connection is closed.
    Leaves,
    /// The connection is closed without a word.
    Closes,
    /// Nothing at all.
    Nothing,
}

/// How long a connection that is left is still read from.
const LINGER: Duration = Duration::from_secs(2);

/// A running server; it stops, connections and all, when dropped.
#[derive(Debug)]
pub struct H2Server {
    addr: SocketAddr,
    requests: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl H2Server {
    /// Does the same with every request.
    pub async fn start(does: Does) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("the listener is bound");
        let requests = Arc::new(AtomicU64::new(0));
        let count = requests.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        connections.spawn(serve(stream, does, count.clone()));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { addr, requests, serving }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests whose head came.
    pub fn request_count(&self) -> u64 {
        self.requests.load(SeqCst)
    }
}

impl Drop for H2Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, does: Does, requests: Arc<AtomicU64>) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    send(&mut stream, SETTINGS, 0, 0, &[]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.ok()?;
        match kind {
            SETTINGS if flags & ACK == 0 => send(&mut stream, SETTINGS, ACK, 0, &[]).await?,
            PING if flags & ACK == 0 => send(&mut stream, PING, ACK, 0, &payload).await?,
            HEADERS => {
                requests.fetch_add(1, SeqCst);
                react(&mut stream, id, does).await?;
            }
            _ => {}
        }
    }
}

/// `None`: the connection is over.
async fn react(stream: &mut TcpStream, id: u32, does: Does) -> Option<()> {
    // `:status` 200 of the static table.
    let ok = [0x88];
    match does {
        Does::Answers(body) => {
            send(stream, HEADERS, END_HEADERS, id, &ok).await?;
            send(stream, DATA, END_STREAM, id, body.as_bytes()).await
        }
        Does::AnswersWithTrailers(body) => {
            send(stream, HEADERS, END_HEADERS, id, &ok).await?;
            send(stream, DATA, 0, id, body.as_bytes()).await?;
            send(stream, HEADERS, END_HEADERS | END_STREAM, id, b"\x00\x05x-end\x01y").await
        }
        Does::Resets(code) => send(stream, RST_STREAM, 0, id, &code.to_be_bytes()).await,
        Does::BeginsAndResets(code) => {
            send(stream, HEADERS, END_HEADERS, id, &ok).await?;
            send(stream, DATA, 0, id, b"some").await?;
            send(stream, RST_STREAM, 0, id, &code.to_be_bytes()).await
        }
        Does::Leaves => {
            // The last stream that was looked at, and NO_ERROR.
            let last = id.saturating_sub(2);
            send(stream, GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat()).await?;
            let _ = stream.shutdown().await;
            // What is still on its way is read: closing over it would reset the connection, and GOAWAY be lost with it.
            let mut rest = [0; 1024];
            let drained = async { while stream.read(&mut rest).await.is_ok_and(|size| size > 0) {} };
            let _ = tokio::time::timeout(LINGER, drained).await;
            None
        }
        Does::Closes => None,
        Does::Nothing => Some(()),
    }
}

async fn send(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> Option<()> {
    let mut frame = ((payload.len() as u32) << 8 | u32::from(kind)).to_be_bytes().to_vec();
    frame.push(flags);
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await.ok()
}
