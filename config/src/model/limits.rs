//! `limits` and `drain`: what bounds a client, and what bounds the end of the process.

use std::time::Duration;

/// `limits`. Sizes in bytes (`16k`, `1m` in the file).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `connections`: open client connections of the whole process; a small reserve beyond it answers /lb-health.
    pub connections: usize,
    /// `head_size`: request line and fields together; beyond it 431. Default 32k.
    pub head_size: usize,
    /// `head_fields`: number of fields; beyond it 431. Default 100.
    pub head_fields: usize,
    /// `target_size`: of the request target; beyond it 414. Default 8k.
    pub target_size: usize,
    /// `head_timeout`: from a head's first byte to its last, then 408. Default 10 s.
    pub head_timeout: Duration,
    /// `handshake_timeout`: of a TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// `streams`: requests under way on one HTTP/2 connection. Default 128.
    pub streams: u32,
    /// `idle_timeout`: of a connection between requests. Default 75 s.
    pub idle_timeout: Duration,
    /// `body_grace`: time a client may spend below `body_rate`, both ways. Default 10 s.
    pub body_grace: Duration,
    /// `body_rate`: bytes per second a client must send or read once the grace is used up; 0 turns it off. Default 256.
    pub body_rate: u64,
    /// `answer_head_size`: fields of an upstream's answer; beyond it 502. Default 64k.
    pub answer_head_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_size: 32 * 1024,
            head_fields: 100,
            target_size: 8 * 1024,
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            streams: 128,
            idle_timeout: Duration::from_secs(75),
            body_grace: Duration::from_secs(10),
            body_rate: 256,
            answer_head_size: 64 * 1024,
        }
    }
}

/// `drain`: SIGTERM to exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// `timeout`: how long requests under way may take to end. Default 30 s.
    pub timeout: Duration,
    /// `idle_grace`: how long idle connections stay open, so that a request already on its way is not lost. Default 2 s.
    pub idle_grace: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), idle_grace: Duration::from_secs(2) }
    }
}
