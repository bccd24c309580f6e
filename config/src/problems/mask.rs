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
        let from = boundary(self.text, mark.start.saturating_sub(CONTEXT).max(line.start));
        let to = boundary(self.text, mark.end.min(mark.start + CONTEXT) + CONTEXT).min(line.end);
        let mut source = String::new();
        let (mut start, mut end) = (None, None);
        let mut at = from;
        let first = self.secrets.partition_point(|secret| secret.end <= from);
        for secret in self.secrets[first..].iter().take_while(|secret| secret.start < to) {
            let hidden = secret.start.max(from)..secret.end.min(to);
            self.copy(at..hidden.start, &mark, &mut source, &mut start, &mut end);
            if hidden.contains(&mark.start) {
                start = Some(source.len());
            }
            source.push_str(MASK);
            if mark.end > hidden.start && mark.end <= hidden.end {
                end = Some(source.len());
            }
            at = hidden.end;
        }
        self.copy(at..to, &mark, &mut source, &mut start, &mut end);
        let start = start.unwrap_or(source.len());
        let end = end.unwrap_or(source.len()).max(start);
        (source, start..end)
    }

    fn copy(
        &self,
        part: Range<usize>,
        mark: &Range<usize>,
        source: &mut String,
        start: &mut Option<usize>,
        end: &mut Option<usize>,
    ) {
        if part.contains(&mark.start) {
            *start = Some(source.len() + mark.start - part.start);
        }
        if mark.end >= part.start && mark.end <= part.end && end.is_none() {
            *end = Some(source.len() + mark.end - part.start);
        }
        source.push_str(&self.text[part]);
    }
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

    fn locate(text: &str, span: Range<usize>, secrets: Vec<Range<usize>>) -> Problem {
        Masked::new(text, secrets).locate(Finding { span, message: String::new(), hint: None })
    }

    #[test]
    fn the_marked_text_is_found_with_line_and_column() {
        let problem = locate("a: 1\nb: two\n", 8..11, vec![]);
        assert_eq!((problem.line, problem.column), (2, 4));
        assert_eq!(&problem.source[problem.mark.clone()], "two");
    }

    #[test]
    fn a_secret_on_the_line_is_masked_and_marks_move_with_it() {
        let text = "{a: hunter2, b: two}";
        let problem = locate(text, 16..19, vec![4..11]);
        assert_eq!(problem.source, "{a: ***, b: two}");
        assert_eq!(&problem.source[problem.mark.clone()], "two");
    }

    #[test]
    fn a_mark_on_a_secret_marks_the_mask() {
        let problem = locate("a: hunter2", 3..10, vec![3..10]);
        assert_eq!((problem.source.as_str(), problem.mark.clone()), ("a: ***", 3..6));
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_mark() {
        let text = format!("{}bad{}", "x".repeat(100_000), "y".repeat(100_000));
        let problem = locate(&text, 100_000..100_003, vec![]);
        assert_eq!(problem.column, 100_001);
        assert_eq!(&problem.source[problem.mark.clone()], "bad");
        assert!(problem.source.len() < 1000);
    }
}
