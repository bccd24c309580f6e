//! Problems of a configuration, for a terminal or for a file.

use mizan_config::Problems;
use std::io::IsTerminal;

pub(crate) fn render(problems: &Problems) -> String {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    problems.render(colour)
}
