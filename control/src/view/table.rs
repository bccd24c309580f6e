//! Aligned columns; the first gives way where the page is narrow.

use super::page::{Page, Span, Style};

/// The first column is no wider; what is longer has a line of its own.
const FIRST: usize = 24;

pub(super) struct Column {
    pub(super) title: &'static str,
    /// Numbers stand to the right.
    pub(super) right: bool,
}

pub(super) struct Table<'a> {
    columns: &'a [Column],
    widths: Vec<usize>,
    indent: usize,
}

impl<'a> Table<'a> {
    pub(super) fn fit(columns: &'a [Column], rows: &[Vec<Span>], indent: usize, width: usize) -> Self {
        let mut widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = rows.iter().map(|row| row[at].1.chars().count());
                cells.chain([column.title.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let others: usize = widths[1..].iter().map(|width| width + 2).sum();
        let room = width.saturating_sub(indent + others).min(FIRST).max(columns[0].title.chars().count());
        widths[0] = widths[0].min(room);
        Self { columns, widths, indent }
    }

    pub(super) fn head(&self, page: &mut Page) {
        let titles = self.columns.iter().map(|column| (Style::Dim, column.title.to_owned())).collect();
        self.row(page, titles, (Style::Plain, ""));
    }

    /// A row, and a remark: on the same line if it fits, else below. A first cell that is too long has its own line.
    pub(super) fn row(&self, page: &mut Page, mut cells: Vec<Span>, remark: (Style, &str)) {
        if cells[0].1.chars().count() > self.widths[0] {
            let (style, first) = std::mem::replace(&mut cells[0], (Style::Plain, String::new()));
            page.words(self.indent, style, &first);
        }
        let mut line = vec![(Style::Plain, " ".repeat(self.indent))];
        for ((at, (style, text)), column) in cells.into_iter().enumerate().zip(self.columns) {
            let room = " ".repeat(self.widths[at].saturating_sub(text.chars().count()));
            let gap = if at == 0 { "" } else { "  " };
            if column.right {
                line.extend([(Style::Plain, format!("{gap}{room}")), (style, text)]);
            } else {
                line.extend([(Style::Plain, gap.to_owned()), (style, text), (Style::Plain, room)]);
            }
        }
        let (style, remark) = remark;
        let used: usize = line.iter().map(|(_, text)| text.chars().count()).sum();
        let fits = used + 2 + remark.chars().count() <= page.width;
        if fits && !remark.is_empty() {
            line.extend([(Style::Plain, "  ".to_owned()), (style, remark.to_owned())]);
        }
        page.line(&line);
        if !fits && !remark.is_empty() {
            page.words(self.indent + 2, style, remark);
        }
    }
}
