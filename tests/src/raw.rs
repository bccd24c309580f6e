//! A raw HTTP/1.1 client: it sends the bytes it is given and says exactly what came back.

use crate::recorded::field_values;
use crate::script::PatternCheck;
use crate::stream::Stream;
use socket2::SockRef;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Reads give up after so long, unless a test asks for another limit.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// Bodies are kept up to this size; the rest is only checked against the pattern.
const KEPT: usize = 4 * 1024 * 1024;

/// A client connection.
#[derive(Debug)]
pub struct Raw {
    stream: Stream,
    /// Read, not yet used.
    buffer: Vec<u8>,
    patience: Duration,
}

/// An answer, whole.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    /// Status line and fields, up to and with the empty line.
    pub head: String,
    /// Without its framing.
    pub body: Vec<u8>,
    /// Of the body, however big.
    pub check: PatternCheck,
    /// Statuses of the interim answers (1xx) before it.
    pub interim: Vec<u16>,
    /// The body ended with the connection, not by a length or a last chunk.
    pub until_close: bool,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// FIN before the first byte of an answer.
    ClosedBefore,
    /// RST before the first byte of an answer.
    ResetBefore,
    /// FIN or RST within an answer; what had come of it.
    CutOff { got: String },
    /// No end within the patience; what had come.
    TooLate { got: String },
    /// Not HTTP/1.1 as we know it.
    Malformed { got: String },
}

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Closed,
    Reset,
    StillOpen,
}

impl Raw {
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).await.unwrap_or_else(|e| panic!("connect to {addr}: {e}"))
    }

    pub async fn try_connect(addr: SocketAddr) -> std::io::Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(addr)).await.map_err(|_| ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Speaks over a connection that is there already.
    pub fn over(stream: impl Into<Stream>) -> Self {
        Self { stream: stream.into(), buffer: Vec::new(), patience: PATIENCE }
    }

    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.tcp().local_addr().expect("the socket is connected")
    }

    /// # Panics
    /// When the other side does not take the bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap_or_else(|e| panic!("send: {e}"));
    }

    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        let sent = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(self.patience, sent).await.map_err(|_| ErrorKind::TimedOut)?
    }

    /// Sends FIN and can still read.
    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap_or_else(|e| panic!("shutdown: {e}"));
    }

    /// Sends RST and is gone.
    pub fn reset(self) {
        let _ = SockRef::from(self.stream.tcp()).set_linger(Some(Duration::ZERO));
    }

    /// The answer to a request other than HEAD.
    ///
    /// # Panics
    /// When there is no whole answer within the patience.
    pub async fn answer(&mut self) -> Answer {
        self.try_answer("GET").await.unwrap_or_else(|e| panic!("no answer: {e}"))
    }

    /// The answer to a request of this method (to HEAD there is no body).
    pub async fn try_answer(&mut self, method: &str) -> Result<Answer, Broken> {
        let deadline = Instant::now() + self.patience;
        let mut interim = Vec::new();
        loop {
            let head = self.head_by(deadline).await?;
            let status = status_of(&head).ok_or_else(|| Broken::Malformed { got: head.clone() })?;
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            let mut answer = Answer { status, head, interim, ..Answer::default() };
            if !(method == "HEAD" || status == 101 || status == 204 || status == 304) {
                self.body_by(&mut answer, deadline).await?;
            }
            return Ok(answer);
        }
    }

    /// The next answer's head alone.
    pub async fn head(&mut self) -> Result<String, Broken> {
        self.head_by(Instant::now() + self.patience).await
    }

    /// Waits until `text` has come and takes everything up to and with it.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn read_until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(at) = find(&self.buffer, text.as_bytes()) {
                return printable(&self.buffer.drain(..at + text.len()).collect::<Vec<_>>());
            }
            if let Err(e) = self.more_by(deadline).await {
                panic!("`{text}` did not come ({e:?}), but this did: {}", printable(&self.buffer));
            }
        }
    }

    /// How the connection stands after `within`; bytes that come are thrown away.
    pub async fn end(&mut self, within: Duration) -> End {
        let deadline = Instant::now() + within;
        loop {
            self.buffer.clear();
            match self.more_by(deadline).await {
                Ok(()) => {}
                Err(Stop::Closed) => return End::Closed,
                Err(Stop::Reset) => return End::Reset,
                Err(Stop::Late) => return End::StillOpen,
            }
        }
    }

    /// FIN or RST within so long.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        self.end(within).await != End::StillOpen
    }

    /// Everything until the other side closes.
    pub async fn rest(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + self.patience;
        while self.more_by(deadline).await.is_ok() {}
        std::mem::take(&mut self.buffer)
    }

    async fn head_by(&mut self, deadline: Instant) -> Result<String, Broken> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(head.into_iter().map(char::from).collect());
            }
            if let Err(stop) = self.more_by(deadline).await {
                return Err(match stop {
                    Stop::Closed if self.buffer.is_empty() => Broken::ClosedBefore,
                    Stop::Reset if self.buffer.is_empty() => Broken::ResetBefore,
                    stop => self.broken(&stop, ""),
                });
            }
        }
    }

    async fn body_by(&mut self, answer: &mut Answer, deadline: Instant) -> Result<(), Broken> {
        if field_values(&answer.head, "transfer-encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked")) {
            return self.chunks_by(answer, deadline).await;
        }
        let lengths = field_values(&answer.head, "content-length");
        let Some(length) = lengths.first() else {
            answer.until_close = true;
            loop {
                self.take(answer, usize::MAX);
                match self.more_by(deadline).await {
                    Ok(()) => {}
                    Err(Stop::Closed) => return Ok(()),
                    Err(stop) => return Err(self.broken(&stop, &answer.head)),
                }
            }
        };
        let mut left: usize = length.parse().map_err(|_| Broken::Malformed { got: answer.head.clone() })?;
        while left > 0 {
            left -= self.take(answer, left);
            if left > 0
                && let Err(stop) = self.more_by(deadline).await
            {
                return Err(self.broken(&stop, &answer.head));
            }
        }
        Ok(())
    }

    async fn chunks_by(&mut self, answer: &mut Answer, deadline: Instant) -> Result<(), Broken> {
        loop {
            let line = self.line_by(answer, deadline).await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let mut left =
                usize::from_str_radix(digits, 16).map_err(|_| Broken::Malformed { got: line.clone() })?;
            if left == 0 {
                while self.line_by(answer, deadline).await? != "\r\n" {}
                return Ok(());
            }
            while left > 0 {
                left -= self.take(answer, left);
                if left > 0
                    && let Err(stop) = self.more_by(deadline).await
                {
                    return Err(self.broken(&stop, &answer.head));
                }
            }
            let end = self.line_by(answer, deadline).await?;
            if end != "\r\n" {
                return Err(Broken::Malformed { got: end });
            }
        }
    }

    async fn line_by(&mut self, answer: &Answer, deadline: Instant) -> Result<String, Broken> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                return Ok(self.buffer.drain(..end + 2).map(char::from).collect());
            }
            if let Err(stop) = self.more_by(deadline).await {
                return Err(self.broken(&stop, &answer.head));
            }
        }
    }

    /// Moves up to `most` bytes from the buffer into the answer's body.
    fn take(&mut self, answer: &mut Answer, most: usize) -> usize {
        let now = most.min(self.buffer.len());
        let block: Vec<u8> = self.buffer.drain(..now).collect();
        answer.check.feed(&block);
        let room = KEPT.saturating_sub(answer.body.len()).min(block.len());
        answer.body.extend_from_slice(&block[..room]);
        now
    }

    async fn more_by(&mut self, deadline: Instant) -> Result<(), Stop> {
        match timeout_at(deadline, self.stream.read_buf(&mut self.buffer)).await {
            Err(_) => Err(Stop::Late),
            Ok(Ok(0)) => Err(Stop::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Stop::Reset),
        }
    }

    fn broken(&self, stop: &Stop, before: &str) -> Broken {
        let got = format!("{before}{}", printable(&self.buffer));
        match stop {
            Stop::Late => Broken::TooLate { got },
            Stop::Closed | Stop::Reset => Broken::CutOff { got },
        }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        printable(&self.body)
    }

    /// All values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        field_values(&self.head, name)
    }

    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The other side will close after it.
    pub fn says_close(&self) -> bool {
        self.all("connection").iter().any(|v| v.to_ascii_lowercase().contains("close"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedBefore => write!(f, "closed without an answer"),
            Self::ResetBefore => write!(f, "reset without an answer"),
            Self::CutOff { got } => write!(f, "cut off after:\n{got}"),
            Self::TooLate { got } => write!(f, "too late; so far:\n{got}"),
            Self::Malformed { got } => write!(f, "malformed:\n{got}"),
        }
    }
}

#[derive(Debug)]
enum Stop {
    Closed,
    Reset,
    Late,
}

/// One request on a connection of its own: sends these bytes, reads the answer.
///
/// # Panics
/// When there is no whole answer.
pub async fn exchange(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    try_exchange(addr, bytes).await.unwrap_or_else(|e| panic!("no answer: {e}"))
}

/// As [`exchange`], for tests in which there may be none.
pub async fn try_exchange(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> Result<Answer, Broken> {
    let mut raw = Raw::connect(addr).await;
    let method = if bytes.as_ref().starts_with(b"HEAD ") { "HEAD" } else { "GET" };
    // A server that answers before it has read everything may have closed already: the answer counts.
    let _ = raw.try_send(bytes).await;
    raw.try_answer(method).await
}

/// `GET path` for `host`, with `Connection: close`.
pub fn request(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

/// GET on a connection of its own.
///
/// # Panics
/// When there is no whole answer.
pub async fn get(addr: SocketAddr, host: &str, path: &str) -> Answer {
    exchange(addr, request(host, path)).await
}

fn status_of(head: &str) -> Option<u16> {
    let mut words = head.lines().next()?.split(' ');
    words.next()?.starts_with("HTTP/1.").then_some(())?;
    words.next()?.parse().ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
