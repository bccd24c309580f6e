//! Text for a terminal: its width, times seen from now, and what others wrote made harmless.

use jiff::Timestamp;

/// Width where nobody says one.
const WIDTH: usize = 160;

/// Of the terminal; else of `COLUMNS`.
pub(super) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0);
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    size.map_or_else(|| columns().unwrap_or(WIDTH), |size| size.ws_col.into()).max(40)
}

/// Control characters, which others may have written, are replaced.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}

/// Running text in lines of `width`, each indented; the first by what is in `head` already.
pub(super) fn words(head: &str, indent: usize, text: &str, width: usize) -> String {
    let mut lines = vec![head.to_owned()];
    let mut is_fresh = true;
    for word in clean(text).split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        let gap = usize::from(!is_fresh);
        if !is_fresh && line.chars().count() + gap + word.chars().count() > width {
            lines.push(" ".repeat(indent) + word);
        } else {
            line.push_str(&" ".repeat(gap));
            line.push_str(word);
        }
        is_fresh = false;
    }
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// At most `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `2026-03-01`, in UTC.
pub(super) fn date(unix_ms: u64) -> String {
    formatted(unix_ms, "%Y-%m-%d")
}

/// `2026-03-01 04:12 UTC`
pub(super) fn date_and_time(unix_ms: u64) -> String {
    formatted(unix_ms, "%Y-%m-%d %H:%M UTC")
}

fn formatted(unix_ms: u64, format: &str) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "never".to_owned(), |time| time.strftime(format).to_string())
}

/// `in 61 days`, `3 h ago`, `now`.
pub(super) fn seen_from(now_unix_ms: u64, unix_ms: u64) -> String {
    let span = span(now_unix_ms.abs_diff(unix_ms) / 1000);
    match span {
        None => "now".to_owned(),
        Some(span) if unix_ms > now_unix_ms => format!("in {span}"),
        Some(span) => format!("{span} ago"),
    }
}

/// The largest unit alone, rounded down; `None` for less than a second.
fn span(seconds: u64) -> Option<String> {
    Some(match seconds {
        0 => return None,
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seen_from_now() {
        let now = 1_772_366_400_000;
        assert_eq!(date(now), "2026-03-01");
        assert_eq!(date_and_time(now), "2026-03-01 12:00 UTC");
        assert_eq!(date(u64::MAX), "never");
        let days = 86_400_000;
        for (other, text) in [
            (now, "now"),
            (now + 61 * days, "in 61 days"),
            (now + 2 * days - 1000, "in 47 h"),
            (now + 119_000, "in 119 s"),
            (now - 600_000, "10 min ago"),
            (now - 8 * days, "8 days ago"),
        ] {
            assert_eq!(seen_from(now, other), text);
        }
    }

    #[test]
    fn text_is_broken_at_spaces_and_what_others_wrote_does_not_steer_the_terminal() {
        assert_eq!(words("- ", 2, "one two three", 9), "- one two\n  three\n");
        assert_eq!(words("  ", 2, "", 9), "\n");
        assert_eq!(words("", 0, "a\u{1b}[2Jb", 20), "a\u{fffd}[2Jb\n");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
