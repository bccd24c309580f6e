use super::frame::{frame, last_frame};
use super::sample::{self, Told, WIDTHS, flat, has};
use super::*;
use crate::deploy::progress::Traffic;
use crate::view::sample::NOW;
use mizan_rollout::{Step, Version};

fn stories() -> [(&'static str, Told); 6] {
    [
        ("in the middle", sample::in_the_middle()),
        ("gated", sample::gated()),
        ("good", sample::good()),
        ("rolled back", sample::rolled_back()),
        ("halted", sample::halted()),
        ("interrupted", sample::interrupted()),
    ]
}

fn model(told: &Told) -> (Model, u64) {
    let mut model = Model::default();
    for (seconds, progress) in told {
        model.apply(progress, NOW + seconds * 1000);
    }
    (model, NOW + told.last().unwrap().0 * 1000)
}

fn last(told: &Told, width: usize) -> String {
    let (model, now) = model(told);
    last_frame(&model, now, width, false).join("\n")
}

fn now(told: &Told, size: (usize, usize)) -> String {
    let (model, now) = model(told);
    frame(&model, now, size, false).join("\n")
}

fn plain(told: &Told) -> String {
    let mut plain = Plain::default();
    told.iter().map(|(seconds, progress)| plain.tell(progress, NOW + seconds * 1000)).collect()
}

#[test]
fn no_frame_is_wider_or_higher_than_the_terminal_at_any_moment() {
    for (name, told) in stories() {
        for width in WIDTHS {
            for height in [2, 10, 24] {
                let mut model = Model::default();
                for (seconds, progress) in &told {
                    let now = NOW + seconds * 1000;
                    model.apply(progress, now);
                    // Waits are alike.
                    if matches!(progress, Progress::Wait { .. }) && seconds % 10 > 0 {
                        continue;
                    }
                    let lines = frame(&model, now, (width, height), false);
                    let text = lines.join("\n");
                    assert!(lines.len() <= height, "{name} {width}x{height}:\n{text}");
                    assert!(
                        lines.iter().all(|line| line.chars().count() <= width),
                        "{name} {width}:\n{text}"
                    );
                    assert!(!text.contains('\x1b'), "{name}:\n{text}");
                }
            }
            let text = last(&told, width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{name} {width}:\n{text}");
        }
    }
}

#[test]
fn long_names_and_many_steps_fit_as_well() {
    let mut plan = sample::rolling();
    plan.service = "s".repeat(64);
    plan.environment = "e".repeat(64);
    plan.image.reference = format!("registry.example.org/{}:v1", "i".repeat(150));
    plan.steps = (1..=300).map(|nth| Step::Replace { nth, of: 300, version: Version::New }).collect();
    let mut told: Told = vec![(0, sample::begun(&plan)), (0, sample::begin(&plan, 150))];
    told.push((9, sample::shift("instance 150 of 300", 9, 120, 10.0, 1)));
    for (width, height) in [(40, 24), (80, 24), (200, 60), (1, 2)] {
        let text = now(&told, (width, height));
        assert!(text.lines().count() <= height, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= width.max(20)), "{text}");
        assert!(height < 24 || flat(&text).contains("▶ 150 instance 150 of 300"), "{text}");
    }
}

#[test]
fn a_canary_shows_where_it_is_and_what_its_tracks_do() {
    let text = now(&sample::in_the_middle(), (80, 40));
    has(
        &text,
        &[
            "deploy 17 of api in production canary 59s",
            "registry/api:v1 on blue → registry/api:v2 on green",
            "! backup: the newest file is 20h old",
            "✓ 1 pull registry/api:v2 4s",
            "▶ 5 10 % to green for 5m 48s",
            "· 6 50 % to green for 1m, until promoted",
            "10 % to green ████",
            "48s of 5m",
            "blue ██████ 90% 2/2 12.3 0% 4.2ms 12ms",
            "green █░░░░░ 10% 2/2 12.3 0% 4.2ms 12ms",
            "mizanctl promote|pause|abort api Ctrl-C gives traffic back",
        ],
    );
    assert!(!text.contains("docker"), "what is good is no news once it has begun:\n{text}");
    has(&now(&sample::in_the_middle(), (200, 40)), &["FAILED OF STEP", "0 of 246"]);
}

#[test]
fn on_ten_lines_the_step_that_runs_and_the_tracks_are_seen() {
    for width in WIDTHS {
        let text = now(&sample::in_the_middle(), (width, 10));
        has(&text, &["▶ 5 10 % to green", "48s of 5m", "90%", "10%"]);
        assert!(text.lines().any(|line| line.trim_start().starts_with("green ")), "{width}:\n{text}");
    }
}

#[test]
fn a_gate_says_how_it_is_passed() {
    has(&now(&sample::gated(), (80, 24)), &["at 50 % it waits for you: mizanctl promote api"]);
    let text = plain(&sample::gated());
    assert_eq!(text.matches("it waits for `mizanctl promote api`").count(), 1, "{text}");
}

#[test]
fn a_pause_is_seen_until_it_ends() {
    let mut told = sample::in_the_middle();
    told.push((61, Progress::Paused { by: "vera@host".to_owned() }));
    has(&now(&told, (80, 40)), &["paused by vera@host"]);
    told.push((62, Progress::Unpaused { by: "vera@host".to_owned() }));
    assert!(!now(&told, (80, 40)).contains("paused by"));
    has(&plain(&told), &["paused by vera@host", "vera@host lets it go on"]);
}

#[test]
fn what_a_command_printed_last_is_seen_while_it_runs() {
    let mut told = sample::in_the_middle();
    told.retain(|(seconds, progress)| *seconds < 7 || matches!(progress, Progress::Output { .. }));
    let text = now(&told, (80, 40));
    has(&text, &["▶ 2 hook migrate", "| applying 0042_orders", "| \u{fffd}[32mok"]);
    told.push((7, sample::done(2, 2)));
    assert!(!now(&told, (80, 40)).contains("applying"), "it is done");
}

#[test]
fn a_good_end_says_what_serves_now() {
    for width in WIDTHS {
        let text = last(&sample::good(), width);
        has(
            &text,
            &[
                "✓ 5 10 % to green for 5m 5m",
                "✓ 12 hook after_deploy 30s",
                "deploy 17: deployed in 10m 39s",
                "api in production serves registry/api:v2 on green",
                "exit code 0",
            ],
        );
        assert!(!text.contains("mizanctl"), "there is nothing to do:\n{text}");
    }
}

#[test]
fn a_rollback_says_why_and_how_fast_users_were_back() {
    for width in WIDTHS {
        has(
            &last(&sample::rolled_back(), width),
            &[
                "✗ 5 10 % to green for 5m",
                sample::ERRORS,
                "going back:",
                "✓ 1 all requests back to blue 900ms",
                "back where they had been 180ms after the decision",
                "deploy 17 was rolled back after 1m 3s",
                "api in production serves registry/api:v1 on blue",
                "exit code 7",
                "`mizanctl history api 17` tells",
            ],
        );
    }
    let text = last(&sample::rolled_back(), 80);
    assert!(!text.contains("50 % to green"), "what was not come to is no matter any more:\n{text}");
}

#[test]
fn what_failed_without_being_in_the_way_is_told_at_the_end() {
    let mut told = sample::good();
    let end = told.pop().unwrap();
    let why = "it ended with code 3".to_owned();
    told.pop();
    told.push((640, Progress::Failed { step: 12, back: false, reason: mizan_rollout::Reason::Hook, why }));
    told.push(end);
    let wanted = ["deploy 17: deployed in", "but this failed: hook after_deploy: it ended with code 3"];
    has(&last(&told, 80), &wanted);
    let text = plain(&told);
    has(text.split_once("deployed in").unwrap().1, &wanted[1..]);
    // What was the reason to turn back is told as that.
    assert!(!last(&sample::rolled_back(), 80).contains("but this failed"));
    assert!(!plain(&sample::rolled_back()).contains("but this failed"));
}

#[test]
fn one_that_stops_says_what_a_person_can_do() {
    for width in WIDTHS {
        has(
            &last(&sample::halted(), width),
            &[
                "✓ 2 instance 1 of 4 17s",
                "✗ 3 instance 2 of 4",
                "1 of 2 new instances did not get healthy in 2m",
                "deploy 3 is not finished; it stopped after 2m 20s",
                "serves both versions",
                "what to do: mizanctl resume jobs, or mizanctl rollback jobs",
            ],
        );
        has(
            &last(&sample::interrupted(), width),
            &[
                "▶ 5 10 % to green for 5m",
                "why: Ctrl-C",
                "serves registry/api:v1 on blue",
                "mizanctl resume api",
            ],
        );
    }
}

#[test]
fn a_service_without_tracks_is_called_by_its_name() {
    let told: Told = sample::halted().into_iter().take(7).collect();
    for text in [now(&told, (80, 24)), plain(&told)] {
        has(&text, &["jobs"]);
        assert!(!flat(&text).contains(" on  "), "{text}");
    }
    has(&plain(&told), &["jobs 100% 3/4 up 12.3/s 0% failed p95 12ms"]);
    let plan = sample::rolling();
    assert_eq!(step(&Step::Stop { track: String::new() }, &plan), "stop jobs");
}

#[test]
fn one_that_is_resumed_shows_what_was_done_before() {
    let plan = sample::canary();
    let by = "vera@host".to_owned();
    let told: Told =
        vec![(0, sample::begun(&plan)), (0, Progress::Resumed { by, done: 4 }), (0, sample::begin(&plan, 5))];
    let text = now(&told, (80, 40));
    has(&text, &["✓ 4 wait until green is healthy before", "▶ 5 10 % to green for 5m 0s"]);
    has(&plain(&told), &["vera@host carries on; 4 steps were done before", "[5/12] 10 % to green for 5m"]);
    // Also where nobody said so.
    let told: Told = vec![(0, sample::begun(&plan)), (0, sample::begin(&plan, 5))];
    has(&now(&told, (80, 40)), &["✓ 4 wait until green is healthy before"]);
}

#[test]
fn plain_lines_have_the_time_and_every_step() {
    let text = plain(&sample::good());
    assert!(text.lines().all(|line| line.as_bytes()[8] == b'Z'), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..9],
        [
            "08:00:00Z ✓ proxy: mizan 0.1.0 answers",
            "08:00:00Z ✓ docker: 28.1",
            "08:00:00Z ! backup: the newest file is 20h old",
            "08:00:01Z deploy 17 of registry/api:v2 to api in production: canary, green, while blue serves registry/api:v1",
            "08:00:01Z 12 steps",
            "08:00:01Z [1/12] pull registry/api:v2",
            "08:00:05Z       done in 4s",
            "08:00:05Z [2/12] hook migrate",
            "08:00:06Z     | applying 0042_orders",
        ]
    );
    assert!(!text.contains('\x1b'), "{text}");
    assert!(
        text.ends_with(
            "08:10:40Z deploy 17: deployed in 10m 39s\n\
             08:10:40Z   api in production serves registry/api:v2 on green\n\
             08:10:40Z   exit code 0\n"
        ),
        "{text}"
    );
}

#[test]
fn a_wait_is_told_every_ten_seconds_and_when_something_happens_to_it() {
    let text = plain(&sample::in_the_middle());
    let waits: Vec<&str> = text.lines().filter(|line| line.contains("10 % to green, ")).collect();
    let at: Vec<&str> = waits.iter().map(|line| &line[6..8]).collect();
    assert_eq!(at, ["12", "22", "32", "42", "52"], "{text}");
    assert!(
        waits[1].ends_with(
            "10 % to green, 10s of 5m: blue 90% 2/2 up 12.3/s 0% failed p95 12ms; \
             green 10% 2/2 up 12.3/s 0% failed p95 12ms"
        ),
        "{text}"
    );
    // Nothing of this is withheld, though something was told a moment ago.
    let mut told = sample::in_the_middle();
    let wait = |what: &str, up: u32, failed: u64| Progress::Wait {
        what: what.to_owned(),
        elapsed_ms: 49_000,
        total_ms: None,
        tracks: vec![Traffic { up, ..sample::track("green", 10.0, failed) }],
    };
    let news = [(2, 0), (1, 0), (1, 5), (2, 5)].map(|(up, failed)| wait("10 % to green", up, failed));
    told.extend(news.into_iter().chain([wait("it looks again", 2, 5)]).map(|news| (61, news)));
    // A count that runs is no news.
    told.extend([wait("10 % to green", 2, 5), wait("11 % to green", 2, 6)].map(|news| (62, news)));
    let text = plain(&told);
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("08:01:01Z")).collect();
    assert_eq!(told.len(), 5, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("08:01:02Z")).count(), 1, "{text}");
    let text = plain(&sample::rolled_back());
    assert!(text.contains("08:01:00Z       10 % to green, 48s of 5m"), "the first failure is news:\n{text}");
    has(&text, &["[back 1/3] all requests back to blue", "going back (error_rate): 25 of 246"]);
    // How it ended is told even where it was told a moment ago.
    let text = plain(&sample::good());
    assert!(text.contains("08:05:12Z       10 % to green, 48s of 5m"), "{text}");
}

#[test]
fn json_is_a_line_an_event_with_its_time() {
    for (_, told) in stories() {
        for (seconds, progress) in told {
            let line = json(&progress, NOW + seconds);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["at_unix_ms"], NOW + seconds, "{line}");
            assert!(value["event"].is_string(), "{line}");
        }
    }
    let note = Progress::Note { text: "a\nb".to_owned() };
    assert_eq!(json(&note, 7), "{\"at_unix_ms\":7,\"event\":\"note\",\"text\":\"a\\nb\"}\n");
}

/// What a terminal gets.
fn written(told: &Told) -> String {
    #[derive(Clone, Default)]
    struct Terminal(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let terminal = Terminal::default();
    let mut live = Live::default();
    {
        let writer = Writer::new(terminal.clone());
        for (seconds, progress) in told {
            live.tell(progress, NOW + seconds * 1000, (80, 24), false, &writer);
        }
        live.close(NOW, 80, false, &writer);
    }
    let bytes = terminal.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn the_cursor_is_hidden_and_comes_back_once_whether_it_ended_or_not() {
    for told in [sample::good(), sample::in_the_middle()] {
        let text = written(&told);
        assert_eq!((text.matches("\x1b[?25l").count(), text.matches("\x1b[?25h").count()), (1, 1));
        assert!(text.ends_with("\x1b[?25h"), "{text}");
        let (_, last) = text.rsplit_once("\x1b[H").unwrap();
        has(last, &["pull registry/api:v2", "hook after_deploy"]);
    }
    assert_eq!(written(&Vec::new()), "", "nothing was told");
}

#[test]
fn what_is_told_after_the_end_comes_below_it() {
    let mut told = sample::good();
    told.push((641, Progress::Note { text: "a webhook was not reached".to_owned() }));
    assert!(written(&told).ends_with("\x1b[?25h08:10:41Z note: a webhook was not reached\n"));
}

#[test]
fn colours_come_only_when_they_are_asked_for() {
    let (model, now) = model(&sample::rolled_back());
    assert!(last_frame(&model, now, 80, true).join("\n").contains("\x1b[31m ✗  5"), "a failure is red");
    let kept = [sample::kept_rolled_back()];
    assert!(history(&kept, NOW, 80, true).contains("\x1b[33mrolled back\x1b[0m"));
    assert!(story(&kept[0], 80, true).contains('\x1b'));
    assert!(!story(&kept[0], 80, false).contains('\x1b'));
}
