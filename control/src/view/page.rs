//! Lines that are never wider than the page.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Style {
    /// Control characters, which others may have written, are replaced.
    pub(crate) fn paint(self, text: &str, colour: bool) -> String {
        let text: String = text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
        let code = match self {
            Self::Plain => return text,
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Good => 32,
            Self::Warn => 33,
            Self::Bad => 31,
        };
        if colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }
}

pub(crate) type Span = (Style, String);

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) width: usize,
    colour: bool,
    text: String,
}

impl Page {
    pub(crate) fn new(width: usize, colour: bool) -> Self {
        Self { width: width.max(20), colour, text: String::new() }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line, cut where the page ends.
    pub(crate) fn line(&mut self, spans: &[Span]) {
        let mut left = self.width;
        let last = spans.len().saturating_sub(1);
        for (at, (style, text)) in spans.iter().enumerate() {
            let text = if at == last { text.trim_end() } else { text };
            let length = text.chars().count();
            if length > left {
                let cut: String = text.chars().take(left.saturating_sub(1)).collect();
                self.text += &style.paint(&format!("{cut}…"), self.colour);
                break;
            }
            self.text += &style.paint(text, self.colour);
            left -= length;
            if left == 0 {
                break;
            }
        }
        self.text.push('\n');
    }

    /// Pieces with two spaces between, on as many lines as it takes; the lines after the first are indented by two more.
    pub(crate) fn flow(&mut self, indent: usize, pieces: Vec<Span>) {
        let mut line: Vec<Span> = vec![(Style::Plain, " ".repeat(indent))];
        let mut used = indent;
        for (style, piece) in pieces {
            let length = piece.chars().count();
            let gap = if line.len() == 1 { 0 } else { 2 };
            if line.len() > 1 && used + gap + length > self.width {
                self.line(&line);
                line = vec![(Style::Plain, " ".repeat(indent + 2))];
                used = indent + 2;
            } else {
                line.push((Style::Plain, " ".repeat(gap)));
                used += gap;
            }
            if used + length > self.width {
                let mut parts = wrapped(&piece, self.width - used);
                let rest = parts.pop().unwrap_or_default();
                for part in parts {
                    line.push((style, part));
                    self.line(&line);
                    line = vec![(Style::Plain, " ".repeat(used))];
                }
                used += rest.chars().count();
                line.push((style, rest));
            } else {
                used += length;
                line.push((style, piece));
            }
        }
        self.line(&line);
    }

    /// Running text.
    pub(crate) fn words(&mut self, indent: usize, style: Style, text: &str) {
        for part in wrapped(text, self.width.saturating_sub(indent).max(1)) {
            self.line(&[(Style::Plain, " ".repeat(indent)), (style, part)]);
        }
    }
}

/// Broken at spaces, and inside words that are longer than a line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            lines.last_mut().expect("there is a line").push(' ');
            used += 1;
        }
        for one in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().expect("there is a line").push(one);
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_words_only_where_they_must() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a 123456789", 4), ["a", "1234", "5678", "9"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let mut page = Page::new(20, false);
        let pieces = ["short", "not so short", &"x".repeat(50), "end"];
        page.flow(2, pieces.iter().map(|piece| (Style::Plain, (*piece).to_owned())).collect());
        page.line(&[(Style::Plain, "y".repeat(21))]);
        page.words(3, Style::Plain, &"z".repeat(40));
        let text = page.into_text();
        assert!(text.lines().all(|line| line.chars().count() <= 20), "{text}");
        assert!(text.contains(&format!("{}…", "y".repeat(19))), "{text}");
    }

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        assert_eq!(Style::Plain.paint("a\x1b[2Jb", true), "a\u{fffd}[2Jb");
        assert_eq!(Style::Bad.paint("x", true), "\x1b[31mx\x1b[0m");
        assert_eq!(Style::Bad.paint("x", false), "x");
    }
}
