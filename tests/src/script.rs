//! What a scripted upstream does with a request: a list of steps.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// One thing an upstream does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads the request's body to its end. Without this step the body is read after the script (see
    /// [`Script::early`]).
    ReadBody,
    Send(Vec<u8>),
    /// Sends so many bytes of [`pattern`].
    SendPattern(u64),
    Wait(Duration),
    /// Waits and reads nothing meanwhile, so that the proxy's writes come to a stop.
    Deaf(Duration),
    /// Waits for the test: [`Gate::open`].
    Gate(Gate),
    /// Closes with FIN.
    Close,
    /// Closes with RST.
    Reset,
    /// Neither sends nor closes until the proxy does.
    Hang,
    /// Sends back what comes in, until the proxy closes: the far end of an upgrade.
    Echo,
}

/// A door in a script that the test opens.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    #[expect(clippy::new_without_default, reason = "a closed gate is no obvious default")]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// For all who wait and all who come.
    pub fn open(&self) {
        self.0.close();
    }

    pub(crate) async fn pass(&self) {
        // Closed is the only way out: no permit is ever added.
        let _ = self.0.acquire().await;
    }
}

/// How an upstream answers.
#[derive(Debug, Clone)]
pub struct Script {
    pub steps: Vec<Step>,
}

impl Script {
    /// The request is read whole, then these steps.
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: std::iter::once(Step::ReadBody).chain(steps).collect() }
    }

    /// These steps begin as soon as the head is there.
    pub fn early(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect() }
    }

    /// 200 with this body, kept alive.
    pub fn ok(body: &str) -> Self {
        Self::answer(200, &[], body)
    }

    /// A whole answer with Content-Length, kept alive.
    pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        Self::steps([Step::Send(answer(status, headers, body))])
    }

    /// 200 `ok` after a wait.
    pub fn slow(wait: Duration) -> Self {
        Self::steps([Step::Wait(wait), Step::Send(answer(200, &[], "ok"))])
    }

    /// 200 `ok` once the test opens the gate.
    pub fn gated(gate: &Gate) -> Self {
        Self::steps([Step::Gate(gate.clone()), Step::Send(answer(200, &[], "ok"))])
    }

    /// Exactly these bytes, then FIN.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step::Send(bytes.into()), Step::Close])
    }

    /// Exactly these bytes, and the connection stays open.
    pub fn raw_open(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps([Step::Send(bytes.into()), Step::Hang])
    }

    /// 200 with these chunks.
    pub fn chunked(chunks: &[&str]) -> Self {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks {
            bytes.extend_from_slice(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Self::steps([Step::Send(bytes)])
    }

    /// 200 with so many bytes of [`pattern`].
    pub fn big(length: u64) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        Self::steps([Step::Send(head.into_bytes()), Step::SendPattern(length)])
    }

    /// An event stream: one event, then another each time after `pause`, `count` in all, then FIN.
    pub fn events(count: usize, pause: Duration) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\r\n";
        let mut steps = vec![Step::Send(head.into())];
        for n in 0..count {
            steps.push(Step::Send(format!("data: {n}\n\n").into_bytes()));
            steps.push(Step::Wait(pause));
        }
        steps.push(Step::Close);
        Self::steps(steps)
    }

    /// Promises 100 bytes, sends 10, closes.
    pub fn cut_off() -> Self {
        Self::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789")
    }

    /// One chunk, no last chunk, closes.
    pub fn cut_off_chunked() -> Self {
        Self::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n")
    }

    /// RST instead of an answer.
    pub fn reset() -> Self {
        Self::steps([Step::Reset])
    }

    /// FIN instead of an answer.
    pub fn close() -> Self {
        Self::steps([Step::Close])
    }

    /// Never answers.
    pub fn hang() -> Self {
        Self::steps([Step::Hang])
    }

    /// An answer with `Connection: close`, then FIN.
    pub fn ok_and_close(body: &str) -> Self {
        Self::steps([Step::Send(answer(200, &[("connection", "close")], body)), Step::Close])
    }

    /// Promises to keep the connection, then closes it once it was idle for so long.
    pub fn ok_then_idle_close(body: &str, idle: Duration) -> Self {
        Self::steps([Step::Send(answer(200, &[], body)), Step::Wait(idle), Step::Close])
    }

    /// Switches to `protocol` and echoes.
    pub fn upgrade(protocol: &str) -> Self {
        let head =
            format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n");
        Self::early([Step::Send(head.into_bytes()), Step::Echo])
    }
}

/// The bytes of an answer with Content-Length.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    head.push_str(body);
    head.into_bytes()
}

/// Bytes `from..from + length` of an endless sequence in which a lost, doubled or moved block shows: its period,
/// 251, divides no buffer size.
pub fn pattern(from: u64, length: usize) -> Vec<u8> {
    (from..from + length as u64).map(|n| (n % 251) as u8).collect()
}

/// Checks that what arrives is [`pattern`], block by block, without keeping it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PatternCheck {
    pub length: u64,
    pub broken_at: Option<u64>,
}

impl PatternCheck {
    pub fn feed(&mut self, block: &[u8]) {
        for byte in block {
            if *byte != (self.length % 251) as u8 && self.broken_at.is_none() {
                self.broken_at = Some(self.length);
            }
            self.length += 1;
        }
    }

    /// So many bytes, all as they should be.
    pub fn is_whole(&self, length: u64) -> bool {
        self.length == length && self.broken_at.is_none()
    }
}
