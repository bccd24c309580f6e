//! Whatever the text: an answer, soon, and no panic.

use super::{SOUND, env};
use mizan_config::deploy::examine;
use mizan_config::{Problems, Style};
use proptest::prelude::*;

/// Examines, and prints all there is to print.
fn survives(text: &str) {
    match examine("deploy.yml", text, &env) {
        Ok(examined) => {
            assert!(!examined.file.services.is_empty() && !examined.file.environments.is_empty());
            let complete = |service: &mizan_config::deploy::model::DeployService| {
                let last = service.canary.last().map(|step| step.percent);
                matches!(service.tracks.len(), 1 | 2) && last == Some(100)
            };
            assert!(examined.file.services.iter().all(complete));
            print_all(&examined.warnings);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            print_all(&problems);
        }
    }
}

fn print_all(problems: &Problems) {
    assert!(problems.lines().all(|line| !line.contains('\n')));
    assert!(problems.iter().all(|problem| problem.source.get(problem.mark.clone()).is_some()));
    let _ = problems.render(Style::Coloured);
}

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\n",
        "\n  ",
        "\"",
        "|",
        "&a ",
        "*a",
        "<<: *a",
        "!!int ",
        "${",
        "${ON}",
        "$$",
        "null",
        "true",
        "-1",
        "10%",
        "100%",
        "0",
        "1d",
        "é",
        "\u{202e}",
        "\0",
        "after: production",
        "tracks: {}",
        "hooks: { migrate: x }",
        "canary: [{ weight: 1% }]",
        "file: /dev/null",
        "{x}",
    ];
    prop_oneof![prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), "[ -~]{0,8}", "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_are_answered(pieces in prop::collection::vec(piece(), 0..30)) {
        survives(&pieces.concat());
    }

    #[test]
    fn any_change_of_a_sound_file_is_answered(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece()), 1..4),
    ) {
        let mut text = SOUND.to_owned();
        for (at, length, piece) in changes {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        survives(&text);
    }
}
