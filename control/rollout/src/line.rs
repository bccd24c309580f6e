//! A journal's lines: a checksum, the moment, the record.

use crate::record::Record;
use serde::{Deserialize, Serialize};

/// A record and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_unix_ms: u64,
    #[serde(flatten)]
    pub record: Record,
}

/// What a journal's bytes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    pub entries: Vec<Entry>,
    /// So many bytes are whole lines. What comes behind them was cut off while it was written, and is to be removed.
    pub whole: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Lines from 1.
    #[error("line {0} is not what was written: its checksum is another one")]
    Checksum(usize),
    #[error("line {0} cannot be understood: {1}")]
    Json(usize, String),
}

/// `8 hex digits of CRC-32 of the JSON, space, JSON, newline`.
pub fn encode(entry: &Entry) -> Vec<u8> {
    let json = serde_json::to_string(entry).expect("records have string keys only");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// A last line that is torn is left away: nobody was told that it was written. Anything before it must be right, and one that
/// was written whole must be understood, last or not: it may be a later mizanctl's.
pub fn decode(bytes: &[u8]) -> Result<Journal, Damage> {
    let mut journal = Journal { entries: Vec::new(), whole: 0 };
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let last = journal.whole + line.len() == bytes.len();
        match entry(line, number + 1) {
            Ok(entry) => journal.entries.push(entry),
            Err(Damage::Checksum(_)) if last && !begins_with_a_whole_one(line) => break,
            Err(damage) => return Err(damage),
        }
        journal.whole += line.len();
    }
    Ok(journal)
}

fn entry(line: &[u8], number: usize) -> Result<Entry, Damage> {
    let wrong = || Damage::Checksum(number);
    let line = line.strip_suffix(b"\n").ok_or_else(wrong)?;
    let (sum, json) = line.split_at_checked(9).ok_or_else(wrong)?;
    if sum != format!("{:08x} ", crc32fast::hash(json)).as_bytes() {
        return Err(wrong());
    }
    serde_json::from_slice(json).map_err(|error| Damage::Json(number, error.to_string()))
}

/// Its newline is not there any more, and so it swallowed the line behind it: both were written to their ends.
fn begins_with_a_whole_one(line: &[u8]) -> bool {
    let Some((sum, rest)) = line.split_at_checked(9) else { return false };
    let sum = std::str::from_utf8(&sum[..8]).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok());
    let mut so_far = crc32fast::Hasher::new();
    // With one byte behind it, that is where its own newline was to be.
    let shorter = rest.len().saturating_sub(2);
    rest[..shorter].iter().any(|byte| {
        so_far.update(&[*byte]);
        sum == Some(so_far.clone().finalize())
    })
}
