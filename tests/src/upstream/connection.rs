//! One connection of a scripted upstream.

use super::{OpenGuard, Shared, lock, path_of};
use crate::recorded::{KEPT_BODY, Recorded, field_values};
use crate::script::{Step, pattern};
use crate::stream::Stream;
use socket2::SockRef;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The connection is over.
struct Over;

struct Connection {
    stream: Stream,
    /// Read, not yet used.
    buffer: Vec<u8>,
    number: u64,
    guard: OpenGuard,
}

/// How a request's body ends.
enum Framing {
    Length(u64),
    Chunked,
}

pub(super) async fn run(stream: TcpStream, number: u64, guard: OpenGuard) {
    let _ = stream.set_nodelay(true);
    let stream = match &guard.0.tls {
        None => Stream::from(stream),
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => Stream::from(stream),
            Err(_) => return,
        },
    };
    let mut connection = Connection { stream, buffer: Vec::new(), number, guard };
    while connection.one_request().await.is_ok() {}
}

impl Connection {
    async fn one_request(&mut self) -> Result<(), Over> {
        let head = self.read_head().await?;
        let index = self.record(&head);
        let mut framing = Some(framing_of(&head));
        let target = head.split(' ').nth(1).unwrap_or_default();
        let script = self.shared().script_for(path_of(target));
        let wants_continue = field_values(&head, "expect").contains(&"100-continue");
        for step in script.steps {
            if matches!(step, Step::ReadBody) {
                if let Some(framing) = framing.take() {
                    if wants_continue {
                        self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                    self.read_body(framing, index).await?;
                }
            } else {
                self.step(step).await?;
            }
        }
        match framing {
            Some(framing) => self.read_body(framing, index).await,
            None => Ok(()),
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), Over> {
        match step {
            Step::ReadBody => Ok(()),
            Step::Send(bytes) => self.send(&bytes).await,
            Step::SendPattern(length) => self.send_pattern(length).await,
            Step::Wait(duration) => self.unless_abandoned(tokio::time::sleep(duration)).await,
            Step::Deaf(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Step::Gate(gate) => self.unless_abandoned(gate.pass()).await,
            Step::Hang => self.unless_abandoned(std::future::pending()).await,
            Step::Close => {
                let _ = self.stream.shutdown().await;
                // Reads on, so that FIN is not followed by RST over bytes that are still coming.
                let rest = self.discard();
                let _ = tokio::time::timeout(Duration::from_millis(500), rest).await;
                Err(Over)
            }
            Step::Reset => {
                let _ = SockRef::from(self.stream.tcp()).set_linger(Some(Duration::ZERO));
                Err(Over)
            }
            Step::Echo => loop {
                let bytes = std::mem::take(&mut self.buffer);
                self.send(&bytes).await?;
                self.read_more().await?;
            },
        }
    }

    /// Waits for `event`; the proxy going away meanwhile is counted and ends the connection.
    async fn unless_abandoned(&mut self, event: impl Future<Output = ()>) -> Result<(), Over> {
        tokio::pin!(event);
        loop {
            tokio::select! {
                () = &mut event => return Ok(()),
                more = read_into(&mut self.stream, &mut self.buffer) => if more.is_err() {
                    self.shared().abandoned.fetch_add(1, SeqCst);
                    return Err(Over);
                },
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.stream.write_all(bytes).await.map_err(|_| self.abandoned())?;
        // Over TLS some of it may wait to be sent.
        self.stream.flush().await.map_err(|_| self.abandoned())
    }

    async fn send_pattern(&mut self, length: u64) -> Result<(), Over> {
        // A multiple of the pattern's period: the same block fits everywhere.
        let block = pattern(0, 251 * 256);
        let mut left = length;
        while left > 0 {
            let now = left.min(block.len() as u64);
            self.send(&block[..now as usize]).await?;
            left -= now;
        }
        Ok(())
    }

    fn abandoned(&self) -> Over {
        self.shared().abandoned.fetch_add(1, SeqCst);
        Over
    }

    async fn discard(&mut self) {
        while self.read_more().await.is_ok() {
            self.buffer.clear();
        }
    }

    async fn read_head(&mut self) -> Result<String, Over> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                // One char a byte: nothing is lost of what is not UTF-8.
                return Ok(head.into_iter().map(char::from).collect());
            }
            self.read_more().await?;
        }
    }

    async fn read_body(&mut self, framing: Framing, index: Option<usize>) -> Result<(), Over> {
        match framing {
            Framing::Length(mut left) => {
                while left > 0 {
                    if self.buffer.is_empty() {
                        self.read_more().await?;
                    }
                    let now = left.min(self.buffer.len() as u64) as usize;
                    let block: Vec<u8> = self.buffer.drain(..now).collect();
                    self.keep(index, &block, &block);
                    left -= now as u64;
                }
            }
            Framing::Chunked => self.read_chunks(index).await?,
        }
        self.edit(index, |r| r.whole = true);
        Ok(())
    }

    async fn read_chunks(&mut self, index: Option<usize>) -> Result<(), Over> {
        loop {
            let line = self.read_line().await?;
            self.keep(index, &line, &[]);
            let digits = String::from_utf8_lossy(&line);
            let digits = digits.trim().split(';').next().unwrap_or_default().to_owned();
            let size = usize::from_str_radix(&digits, 16).map_err(|_| Over)?;
            if size == 0 {
                break;
            }
            while self.buffer.len() < size + 2 {
                self.read_more().await?;
            }
            let block: Vec<u8> = self.buffer.drain(..size + 2).collect();
            self.keep(index, &block, &block[..size]);
        }
        loop {
            let trailer = self.read_line().await?;
            self.keep(index, &trailer, &[]);
            if trailer == b"\r\n" {
                return Ok(());
            }
        }
    }

    async fn read_line(&mut self) -> Result<Vec<u8>, Over> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                return Ok(self.buffer.drain(..end + 2).collect());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), Over> {
        read_into(&mut self.stream, &mut self.buffer).await
    }

    fn record(&self, head: &str) -> Option<usize> {
        let shared = self.shared();
        shared.count.fetch_add(1, SeqCst);
        if !shared.keep_records.load(SeqCst) {
            return None;
        }
        let mut requests = lock(&shared.requests);
        requests.push(Recorded { connection: self.number, head: head.to_owned(), ..Recorded::default() });
        Some(requests.len() - 1)
    }

    fn keep(&self, index: Option<usize>, raw: &[u8], body: &[u8]) {
        self.edit(index, |request| {
            request.check.feed(body);
            keep_some(&mut request.raw_body, raw);
            keep_some(&mut request.body, body);
        });
    }

    fn edit(&self, index: Option<usize>, change: impl FnOnce(&mut Recorded)) {
        if let Some(index) = index {
            change(&mut lock(&self.shared().requests)[index]);
        }
    }

    fn shared(&self) -> &Shared {
        &self.guard.0
    }
}

fn framing_of(head: &str) -> Framing {
    if field_values(head, "transfer-encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked")) {
        return Framing::Chunked;
    }
    let length = field_values(head, "content-length").first().and_then(|v| v.parse().ok());
    Framing::Length(length.unwrap_or(0))
}

async fn read_into(stream: &mut Stream, buffer: &mut Vec<u8>) -> Result<(), Over> {
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => Err(Over),
        Ok(_) => Ok(()),
    }
}

fn keep_some(kept: &mut Vec<u8>, block: &[u8]) {
    let room = KEPT_BODY.saturating_sub(kept.len()).min(block.len());
    kept.extend_from_slice(&block[..room]);
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
