//! From ranges of bytes to lines and columns, with every secret of the source masked.

use super::{Finding, Problem};
use std::ops::Range;

/// How much of a long source line is kept on each side of the mark, in bytes.
const CONTEXT: usize = 160;

const MASK: &str = "***";

pub(super) struct Masked<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    /// Sorted, not overlapping.
    secrets: Vec<Range<usize>>,
}

impl<'a> Masked<'a> {
    pub(super) fn new(text: &'a str, secrets: Vec<Range<usize>>) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, line_starts, secrets: merged(text, secrets) }
    }

    pub(super) fn locate(&self, finding: Finding) -> Problem {
        let start = boundary(self.text, finding.span.start);
        let index = self.line_starts.partition_point(|line| *line <= start) - 1;
        let line = self.line(index);
        let start = start.min(line.end);
        let end = boundary(self.text, finding.span.end).clamp(start, line.end);
        let end = if end == start { self.end_of_word(start, line.end) } else { end };
        let (source, mark) = self.draw(&line, start..end);
        Problem {
            line: index + 1,
            column: self.text[line.start..start].chars().count() + 1,
            message: finding.message,
            hint: finding.hint,
            source,
            mark,
        }
    }

    /// Without its line end.
    fn line(&self, index: usize) -> Range<usize> {
        let start = self.line_starts[index];
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        start..start + self.text[start..end].trim_end_matches(['\n', '\r']).len()
    }

    /// The parser gives no end for lists and mappings: mark the first word.
    fn end_of_word(&self, start: usize, line_end: usize) -> usize {
        let rest = &self.text[start..line_end];
        start + rest.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(rest.len())
    }

    /// The line, masked and cut around the mark.
    fn draw(&self, line: &Range<usize>, mark: Range<usize>) -> (String, Range<usize>) {
        let from = boundary(self.text, mark.start.saturating_sub(CONTEXT)).max(line.start);
        let to = boundary(self.text, mark.end.min(mark.start + CONTEXT) + CONTEXT).min(line.end);
        let first = self.secrets.partition_point(|secret| secret.end <= from);
        let hidden: Vec<_> = self.secrets[first..]
            .iter()
            .take_while(|secret| secret.start < to)
            .map(|secret| secret.start.max(from)..secret.end.min(to))
            .collect();
        let mut source = String::new();
        let mut at = from;
        for secret in &hidden {
            source.push_str(&self.text[at..secret.start]);
            source.push_str(MASK);
            at = secret.end;
        }
        source.push_str(&self.text[at..to]);
        let start = moved(mark.start, from, &hidden, 0);
        let end = moved(mark.end.min(to), from, &hidden, MASK.len());
        (source, start..end.max(start))
    }
}

/// Where the byte `at` of the text is once the text is cut to begin at `from` and `hidden` is masked; `inside`: how far
/// into the mask, when it is hidden itself.
fn moved(at: usize, from: usize, hidden: &[Range<usize>], inside: usize) -> usize {
    let mut length = 0;
    let mut copied_to = from;
    for secret in hidden.iter().take_while(|secret| secret.start < at) {
        length += secret.start - copied_to;
        if at < secret.end {
            return length + inside;
        }
        length += MASK.len();
        copied_to = secret.end;
    }
    length + (at - copied_to)
}

/// Sorted, on character boundaries and without overlaps.
fn merged(text: &str, mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let range = boundary(text, range.start)..boundary(text, range.end);
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ if range.is_empty() => {}
            _ => merged.push(range),
        }
    }
    merged
}

/// The start of the character that `at` lies in.
fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(text: &str, span: Range<usize>, secret: Option<Range<usize>>) -> Problem {
        Masked::new(text, secret.into_iter().collect()).locate(Finding {
            span,
            message: String::new(),
            hint: None,
        })
    }

    #[test]
    fn the_marked_text_is_found_with_line_and_column() {
        let problem = locate("a: 1\nb: two\n", 8..11, None);
        assert_eq!((problem.line, problem.column), (2, 4));
        assert_eq!(&problem.source[problem.mark.clone()], "two");
    }

    #[test]
    fn a_secret_on_the_line_is_masked_and_marks_move_with_it() {
        let text = "{a: hunter2, b: two}";
        let problem = locate(text, 16..19, Some(4..11));
        assert_eq!(problem.source, "{a: ***, b: two}");
        assert_eq!(&problem.source[problem.mark.clone()], "two");
    }

    #[test]
    fn a_mark_on_a_secret_marks_the_mask() {
        let problem = locate("a: hunter2", 3..10, Some(3..10));
        assert_eq!((problem.source.as_str(), problem.mark.clone()), ("a: ***", 3..6));
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_mark() {
        let text = format!("{}bad{}", "x".repeat(100_000), "y".repeat(100_000));
        let problem = locate(&text, 100_000..100_003, None);
        assert_eq!(problem.column, 100_001);
        assert_eq!(&problem.source[problem.mark.clone()], "bad");
        assert!(problem.source.len() < 1000);
    }
}
