//! The path that a rule is written with.

use super::fault::{PathFault, RuleFault};
use super::readings::{as_sent, reduce};
use super::steps::Step;

/// How a path that matches a rule may go on after the rule's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoesOn {
    /// `/api*` goes on as `/apix`.
    WithinSegment,
    WithSegments,
}

/// The text to compare paths with: decoded where it could not be written otherwise (`/my%20files`).
///
/// It must be the same in every reading, since a request has to match it in all of them.
pub(super) fn rule_text(path: &str, goes_on: GoesOn) -> Result<Box<[u8]>, RuleFault> {
    let at_fault = |fault| RuleFault::Path { path: path.into(), fault };
    reduce(path).map_err(at_fault)?;
    let text = as_sent(path).map_err(at_fault)?.into_owned();
    let plainest = match goes_on {
        GoesOn::WithSegments => plainest(text.clone()).map_err(at_fault)?,
        GoesOn::WithinSegment => {
            // With a letter more: `/.` alone is a dot segment, `/.git` is none.
            let mut plainest = plainest([&*text, b"x"].concat()).map_err(at_fault)?;
            plainest.pop();
            plainest
        }
    };
    if plainest == text {
        return Ok(text.into());
    }
    // A `%` that is no escape cannot be written at all.
    let write = (!plainest.contains(&b'%')).then(|| String::from_utf8_lossy(&plainest).into_owned());
    Err(RuleFault::Unreachable { path: path.into(), write })
}

/// The text after every step that can be taken.
fn plainest(mut text: Vec<u8>) -> Result<Vec<u8>, PathFault> {
    while let Some(plainer) = Step::ALL.iter().find_map(|step| step.take(&text).transpose()) {
        text = plainer?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_no_request_could_reach_says_what_to_write_instead() {
        for (path, write) in [
            ("/a//b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/%61pi", Some("/api")),
            ("/@scope%2fname", Some("/@scope/name")),
            ("/a;v=1/b", Some("/a/b")),
            ("/a\\b", Some("/a/b")),
            ("/faq?", Some("/faq")),
            ("/100%25", None),
        ] {
            let error = rule_text(path, GoesOn::WithSegments).unwrap_err();
            let write = write.map(String::from);
            assert_eq!(error, RuleFault::Unreachable { path: path.into(), write: write.clone() });
            assert!(write.is_none_or(|write| rule_text(&write, GoesOn::WithSegments).is_ok()), "{path}");
        }
    }

    #[test]
    fn a_rule_may_be_escaped_where_a_request_must_be() {
        for path in ["/my files", "/my%20files"] {
            assert_eq!(&*rule_text(path, GoesOn::WithSegments).unwrap(), b"/my files");
        }
        for path in ["/файлы", "/%D1%84айлы"] {
            assert_eq!(&*rule_text(path, GoesOn::WithSegments).unwrap(), "/файлы".as_bytes());
        }
    }

    #[test]
    fn a_prefix_of_hidden_files_is_no_dot_segment() {
        assert_eq!(&*rule_text("/.", GoesOn::WithinSegment).unwrap(), b"/.");
        assert!(rule_text("/.", GoesOn::WithSegments).is_err());
    }

    #[test]
    fn a_rule_that_is_no_path_is_at_fault() {
        for (path, fault) in [
            ("api", PathFault::Relative),
            ("/../x", PathFault::AboveRoot),
            ("/100%", PathFault::BadEscape),
            ("/%00", PathFault::NulByte),
            ("/%c0%ae", PathFault::OverlongUtf8),
        ] {
            let error = rule_text(path, GoesOn::WithSegments).unwrap_err();
            assert_eq!(error, RuleFault::Path { path: path.into(), fault });
        }
    }
}
