//! From replies to text: pure functions of what was answered, the width and the colour.

pub(crate) mod deploy;
mod event;
mod page;
#[cfg(test)]
pub(crate) mod sample;
mod split;
mod status;
mod table;
mod under_way;
mod units;
mod watch;

pub(crate) use event::{event, service_of};
pub(crate) use page::{Page, Style};
pub(crate) use split::{split, split_pieces};
pub(crate) use status::status;
pub(crate) use units::{parse_duration, short, time_of_day};
pub(crate) use watch::{Sample, frame, lines};

use mizan_api::{EndpointState, FileProblem, NameStatus};

/// `mizan.yml:3:5: message (hint)`.
pub(crate) fn file_problem(problem: &FileProblem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let FileProblem { file, line, column, message, .. } = problem;
    if *line == 0 {
        format!("{file}: {message}{hint}")
    } else {
        format!("{file}:{line}:{column}: {message}{hint}")
    }
}

/// One name, and what it stands for.
pub(crate) fn names(names: &[NameStatus], width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    for name in names {
        let addresses =
            if name.addresses.is_empty() { "no address".to_owned() } else { name.addresses.join(", ") };
        page.flow(0, vec![(Style::Bold, name.name.clone()), (Style::Plain, addresses)]);
        if let Some(error) = &name.last_error {
            let age = name.age_ms.map(|age| format!("; the last good answer is {} old", short(age)));
            page.words(2, Style::Bad, &format!("{error}{}", age.unwrap_or_default()));
        }
    }
    page.into_text()
}

/// How a state looks: its mark, and its colour.
pub(crate) fn state(state: EndpointState) -> (Style, &'static str) {
    match state {
        EndpointState::Up => (Style::Good, "●"),
        EndpointState::Starting => (Style::Warn, "○"),
        EndpointState::Unconfirmed => (Style::Warn, "?"),
        EndpointState::Ejected | EndpointState::Unhealthy => (Style::Bad, "✗"),
        EndpointState::Drained => (Style::Dim, "–"),
        EndpointState::Draining => (Style::Dim, "↓"),
    }
}
