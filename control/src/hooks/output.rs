//! What a command prints: cut into lines that are safe for a terminal, told at once, the end kept.

use super::KEPT_OUTPUT;
use std::collections::VecDeque;

/// Where a line is cut, in bytes.
pub(super) const LONGEST_LINE: usize = 4096;

/// Stands for what was left out.
const CUT: &str = "…";

#[derive(Debug)]
pub(super) struct Output<T> {
    told: T,
    /// What has come of a line that has not ended; a little more than is shown of it, at most.
    line: Vec<u8>,
    kept: VecDeque<String>,
    /// The bytes of `kept`, with the ends of lines.
    size: usize,
    forgotten: bool,
}

impl<T: FnMut(&str)> Output<T> {
    pub(super) fn new(told: T) -> Self {
        Self { told, line: Vec::new(), kept: VecDeque::new(), size: 0, forgotten: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            // One character more than is shown, whole: it alone tells that the line is too long.
            let room = (LONGEST_LINE + 4).saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.end_line();
            }
        }
    }

    /// The kept end; a last line without an end is told before.
    pub(super) fn into_kept(mut self) -> String {
        if !self.line.is_empty() {
            self.end_line();
        }
        let cut = self.forgotten.then_some(CUT);
        cut.into_iter().chain(self.kept.iter().map(String::as_str)).flat_map(|line| [line, "\n"]).collect()
    }

    fn end_line(&mut self) {
        let line = shown(&self.line);
        self.line.clear();
        (self.told)(&line);
        self.size += line.len() + 1;
        self.kept.push_back(line);
        while self.size > KEPT_OUTPUT - CUT.len() - 1 {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.size -= oldest.len() + 1;
            self.forgotten = true;
        }
    }
}

/// Safe for a terminal: control characters, and what turns the direction of text, are escaped.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    let mut safe = String::with_capacity(line.len());
    for one in line.chars() {
        let length = safe.len();
        match one {
            '\t' => safe.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.extend(one.escape_unicode()),
            _ if one.is_control() => safe.extend(one.escape_default()),
            _ => safe.push(one),
        }
        if safe.len() > LONGEST_LINE {
            safe.truncate(length);
            safe += CUT;
            break;
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(pieces: &[&[u8]]) -> (Vec<String>, String) {
        let mut told = Vec::new();
        let mut output = Output::new(|line: &str| told.push(line.to_owned()));
        for piece in pieces {
            output.push(piece);
        }
        let kept = output.into_kept();
        (told, kept)
    }

    #[test]
    fn lines_are_told_as_they_end_and_the_last_one_without_an_end_too() {
        let (told, kept) = through(&[b"one\ntw", b"o\r\n\nthr", b"ee"]);
        assert_eq!(told, ["one", "two", "", "three"]);
        assert_eq!(kept, "one\ntwo\n\nthree\n");
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let (told, _) =
            through(&["\x1b[31mred\x07 50%\r60%\ta\u{9b}b\u{202e}c \u{645}\n".as_bytes(), b"\xff\n"]);
        assert_eq!(told, ["\\u{1b}[31mred\\u{7} 50%\\r60% a\\u{9b}b\\u{202e}c \u{645}", "\u{fffd}"]);
    }

    #[test]
    fn a_long_line_is_cut_between_two_characters_and_the_next_one_is_whole() {
        let exact = "a".repeat(LONGEST_LINE);
        let (told, _) = through(&[exact.as_bytes(), b"\n"]);
        assert_eq!(told, [exact.as_str()]);

        let long = format!("{}é and more", "a".repeat(LONGEST_LINE - 1));
        let (told, _) = through(&[long.as_bytes(), b"\nnext\n"]);
        assert_eq!(told, [format!("{}…", "a".repeat(LONGEST_LINE - 1)).as_str(), "next"]);
    }

    #[test]
    fn the_end_is_kept_in_whole_lines() {
        let lines: Vec<String> = (0..10_000).map(|number| format!("line {number}\n")).collect();
        let lines = lines.concat();
        let (told, kept) = through(&[lines.as_bytes()]);
        assert_eq!(told.len(), 10_000);
        assert!(kept.len() <= KEPT_OUTPUT && kept.len() > KEPT_OUTPUT - 20, "{}", kept.len());
        let end = kept.strip_prefix("…\nline ").expect("it says that something is missing");
        assert!(lines.ends_with(&format!("\nline {end}")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn whatever_comes_is_bounded_and_safe(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5000), 0..8),
        ) {
            let (told, kept) = through(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert!(kept.len() <= KEPT_OUTPUT);
            for line in told.iter().map(String::as_str).chain(kept.lines()) {
                prop_assert!(line.len() <= LONGEST_LINE + CUT.len());
                prop_assert!(!line.contains(char::is_control));
            }
            prop_assert_eq!(told.len(), pieces.concat().split_inclusive(|byte| *byte == b'\n').count());
        }
    }
}
