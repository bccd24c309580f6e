//! Problems as people read them: drawn with their source line, or one line each.

use super::{Problem, Problems, Style};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt::Write;

pub(super) fn errors(problems: &Problems, style: Style) -> String {
    let mut text = draw(problems, style, &Level::ERROR);
    let _ = writeln!(text, "{}: {}", problems.file(), count(problems.len(), "problem"));
    text
}

pub(super) fn warnings(problems: &Problems, style: Style) -> String {
    draw(problems, style, &Level::WARNING)
}

/// `file:line:column: message (hint)`. Of a hint of several lines, the first.
pub(super) fn line(file: &str, problem: &Problem) -> String {
    let place = match problem.line {
        0 => file.to_owned(),
        line => format!("{file}:{line}:{}", problem.column),
    };
    match problem.hint.as_deref().and_then(|hint| hint.lines().next()) {
        Some(hint) => format!("{place}: {} ({hint})", problem.message),
        None => format!("{place}: {}", problem.message),
    }
}

fn draw(problems: &Problems, style: Style, level: &Level<'static>) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut text = String::new();
    for problem in problems {
        text.push_str(&draw_one(problems.file(), problem, &renderer, level));
        text.push_str("\n\n");
    }
    text
}

fn draw_one(file: &str, problem: &Problem, renderer: &Renderer, level: &Level<'static>) -> String {
    if problem.line == 0 {
        let title = level.clone().primary_title(format!("{file}: {}", problem.message));
        let group = title.elements(problem.hint.iter().map(|hint| Level::HELP.message(hint.as_str())));
        return renderer.render(&[group]);
    }
    let snippet = Snippet::source(problem.source.as_str())
        .path(file)
        .line_start(problem.line)
        .annotation(AnnotationKind::Primary.span(problem.mark.clone()));
    let group = level
        .clone()
        .primary_title(problem.message.as_str())
        .element(snippet)
        .elements(problem.hint.iter().map(|hint| Level::HELP.message(hint.as_str())));
    let text = renderer.render(&[group]);
    // Where the line is masked or cut, the column as drawn is not the column of the file.
    let drawn = problem.source[..problem.mark.start].chars().count() + 1;
    let place = |column: usize| format!("{file}:{}:{column}", problem.line);
    text.replacen(&place(drawn), &place(problem.column), 1)
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
