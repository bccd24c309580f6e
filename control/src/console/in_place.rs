//! A page on the terminal that is drawn anew in place. The cursor is hidden, and comes back below the last frame.

use super::{print, size};

/// Lines that wrap again, and the cursor, on an empty line.
const RESTORED: &str = "\x1b[?7h\x1b[?2026l\r\x1b[K\x1b[?25h";

/// What is written first: what a terminal of so many lines shows goes up to where it can be scrolled back to.
pub(crate) fn opened(height: usize) -> String {
    format!("{}\x1b[?25l", "\n".repeat(height))
}

/// One line fewer than the terminal has at most, so that nothing scrolls.
pub(crate) fn drawn(lines: &[String]) -> String {
    // The frame appears at once, where the terminal knows how (mode 2026). Characters that are wider than they are
    // counted for are cut where the terminal ends, and do not begin a line of their own (mode 7).
    format!("\x1b[?2026h\x1b[?7l\x1b[H{}\x1b[J\x1b[?7h\x1b[?2026l", cleared(lines))
}

/// The last frame, which may be higher than the terminal, and the terminal as it was.
pub(crate) fn closed(lines: &[String]) -> String {
    // What is cleared at once some terminals keep, above the last frame: so it is cleared line by line.
    format!("\x1b[H{}\x1b[J{RESTORED}", cleared(lines))
}

/// Cleared first: behind a full line the cursor still stands on its last character.
fn cleared(lines: &[String]) -> String {
    lines.iter().flat_map(|line| ["\x1b[K", line, "\n"]).collect()
}

/// The page is open as long as this lives.
#[derive(Debug)]
pub(crate) struct InPlace;

impl InPlace {
    pub(crate) fn begin() -> Self {
        let _ = print(&opened(size().1));
        Self
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        let _ = print(RESTORED);
    }
}
