//! wrk, and what it says.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A run under way.
#[derive(Debug)]
pub struct Wrk {
    child: Child,
}

/// What wrk counted.
#[derive(Debug, Clone, PartialEq)]
pub struct WrkReport {
    pub requests: u64,
    pub per_second: f64,
    /// Answers that were neither 2xx nor 3xx.
    pub bad_status: u64,
    /// Connect, read, write and timeout errors together.
    pub socket_errors: u64,
    pub text: String,
}

impl Wrk {
    /// One thread, so many keepalive connections, so long.
    pub fn start(addr: SocketAddr, host: &str, path: &str, connections: u32, during: Duration) -> Self {
        let child = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), &format!("-d{}s", during.as_secs().max(1))])
            .args(["-H", &format!("Host: {host}"), &format!("http://{addr}{path}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("wrk is installed (apt-get install wrk)");
        Self { child }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When wrk fails or says what we cannot read.
    pub async fn report(self) -> WrkReport {
        let output = self.child.wait_with_output().await.expect("wrk runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
        WrkReport::parse(&text).unwrap_or_else(|| panic!("not what wrk says: {text}"))
    }
}

impl WrkReport {
    /// `None` when the text is not wrk's.
    pub fn parse(text: &str) -> Option<Self> {
        let line = |needle: &str| text.lines().map(str::trim).find(|l| l.contains(needle));
        let requests = line(" requests in ")?.split(' ').next()?.parse().ok()?;
        let per_second = line("Requests/sec:")?.split_whitespace().nth(1)?.parse().ok()?;
        let bad_status = match line("Non-2xx or 3xx responses:") {
            Some(line) => line.rsplit(' ').next()?.parse().ok()?,
            None => 0,
        };
        let socket_errors = match line("Socket errors:") {
            Some(line) => numbers(line).sum(),
            None => 0,
        };
        Some(Self { requests, per_second, bad_status, socket_errors, text: text.to_owned() })
    }

    /// # Panics
    /// When a request failed, or none was sent.
    pub fn assert_no_failure(&self) {
        assert!(self.bad_status == 0 && self.socket_errors == 0 && self.requests > 0, "{}", self.text);
    }
}

fn numbers(line: &str) -> impl Iterator<Item = u64> + '_ {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::WrkReport;

    #[test]
    fn reads_what_wrk_prints() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 2 connections\n  90 requests in 1.10s, 11.53KB read\n  \
                    Socket errors: connect 1, read 20, write 0, timeout 3\n  Non-2xx or 3xx responses: 5\nRequests/sec:     81.90\n";
        let report = WrkReport::parse(text).expect("it is wrk's");
        assert_eq!((report.requests, report.bad_status, report.socket_errors), (90, 5, 24));
        assert_eq!(WrkReport::parse("wrk: unable to connect"), None);
    }
}
