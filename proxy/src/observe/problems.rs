//! Problems of a configuration, for a terminal or for a file.

use mizan_config::{Problems, Style};
use std::io::IsTerminal;

pub(crate) fn render(problems: &Problems) -> String {
    problems.render(style())
}

pub(crate) fn render_warnings(warnings: &Problems) -> String {
    warnings.render_warnings(style())
}

fn style() -> Style {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colour { Style::Coloured } else { Style::Plain }
}
