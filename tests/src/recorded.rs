//! What an upstream saw of a request.

use crate::script::PatternCheck;

/// Bodies are kept up to this size; beyond it only their length and pattern are checked.
pub const KEPT_BODY: usize = 1024 * 1024;

/// One request, byte for byte.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Which of the upstream's connections brought it, counted from 1.
    pub connection: u64,
    /// Request line and fields, up to and with the empty line.
    pub head: String,
    /// The body without its framing, as far as it is kept.
    pub body: Vec<u8>,
    /// The body as it was on the wire, chunk sizes and trailers included, as far as it is kept.
    pub raw_body: Vec<u8>,
    pub check: PatternCheck,
    /// The body was there to its end.
    pub whole: bool,
}

impl Recorded {
    /// `GET /x HTTP/1.1`.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub fn method(&self) -> &str {
        self.line().split(' ').next().unwrap_or_default()
    }

    /// As it was sent.
    pub fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// All values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        field_values(&self.head, name)
    }

    /// The value of a field that is there once.
    ///
    /// # Panics
    /// When it is there twice: no test means that.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "`{name}` is there {} times in:\n{}", all.len(), self.head);
        all.first().copied()
    }
}

/// All values of a field in a head.
pub fn field_values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}
