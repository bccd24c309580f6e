use super::*;
use proptest::prelude::*;

const HOUR: i64 = 60 * MINUTE;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: i64 = 1_767_225_600;

fn held(lifetime: i64) -> Held {
    Held { not_before: NEW_YEAR, not_after: NEW_YEAR + lifetime }
}

fn failed(failures: u32, last_attempt: i64) -> History {
    History { failures, last_attempt: Some(last_attempt), jitter: 0.5, ..History::default() }
}

fn window(start: i64, end: i64) -> Option<Window> {
    Window::sound(NEW_YEAR + start, NEW_YEAR + end)
}

/// What is due with nothing behind it, in seconds from the certificate's first.
fn planned_for(lifetime: i64, window: Option<Window>, chance: f64) -> (i64, Reason) {
    let history = History { chance, ..History::default() };
    let due = due(NEW_YEAR, Some(held(lifetime)), window, &history);
    (due.at - NEW_YEAR, due.reason)
}

#[test]
fn what_is_not_there_is_due_now() {
    let first = due(NEW_YEAR, None, None, &History::default());
    assert_eq!(first, Due { at: NEW_YEAR, reason: Reason::First });
}

#[test]
fn two_thirds_of_the_lifetime_or_a_little_sooner() {
    assert_eq!(planned_for(90 * DAY, None, 0.0), (60 * DAY, Reason::Lifetime));
    assert_eq!(planned_for(90 * DAY, None, 1.0), (55 * DAY + 12 * HOUR, Reason::Lifetime));
    assert_eq!(planned_for(6 * DAY, None, 0.0), (4 * DAY, Reason::Lifetime));
    assert_eq!(planned_for(6, None, 0.0), (4, Reason::Lifetime));
}

#[test]
fn the_authoritys_window_comes_first() {
    let week = window(30 * DAY, 40 * DAY);
    assert_eq!(planned_for(90 * DAY, week, 0.0), (30 * DAY, Reason::Window));
    assert_eq!(planned_for(90 * DAY, week, 0.5), (35 * DAY, Reason::Window));
    // It revoked the certificate, and wants it replaced at once.
    assert_eq!(planned_for(90 * DAY, window(-10, -5), 0.0), (-10, Reason::Window));
}

#[test]
fn but_it_cannot_make_a_certificate_expire() {
    let late = window(89 * DAY, 200 * DAY);
    assert_eq!(planned_for(90 * DAY, late, 0.3), (85 * DAY + 12 * HOUR, Reason::Emergency));
}

#[test]
fn a_window_that_ends_before_it_starts_is_none() {
    for (start, end) in [(5, 5), (6, 5), (-1, 5), (i64::MIN, i64::MAX), (5, END_OF_TIME + 1)] {
        assert_eq!(Window::sound(start, end), None);
        assert_eq!(planned_for(90 * DAY, Some(Window { start, end }), 0.0).1, Reason::Lifetime);
    }
}

#[test]
fn little_left_is_told_as_such() {
    let late = due(NEW_YEAR + 86 * DAY, Some(held(90 * DAY)), None, &History::default());
    assert_eq!(late, Due { at: NEW_YEAR + 60 * DAY, reason: Reason::Emergency });
}

#[test]
fn failures_and_the_authority_push_it_back() {
    let at = NEW_YEAR + 61 * DAY;
    let third = failed(3, at);
    let again = due(at, Some(held(90 * DAY)), None, &third);
    assert_eq!(again, Due { at: at + 5 * MINUTE, reason: Reason::Failures(3) });
    let asked = History { retry_after: Some(at + HOUR), ..third };
    let again = due(at, Some(held(90 * DAY)), None, &asked);
    assert_eq!(again, Due { at: at + HOUR, reason: Reason::RetryAfter });
    let sooner = History { retry_after: Some(at + 1), ..asked };
    assert_eq!(due(at, Some(held(90 * DAY)), None, &sooner).reason, Reason::Failures(3));
}

#[test]
fn the_authority_is_heeded_in_an_emergency_too() {
    let at = NEW_YEAR + 6 * DAY - 60;
    let history = History { retry_after: Some(at + DAY), ..failed(9, at) };
    let again = due(at, Some(held(6 * DAY)), None, &history);
    assert_eq!(again, Due { at: at + DAY, reason: Reason::RetryAfter });
}

#[test]
fn a_clock_that_was_years_ahead_is_forgiven() {
    let ahead = failed(4, NEW_YEAR + 3650 * DAY);
    assert_eq!(due(NEW_YEAR, None, None, &ahead), Due { at: NEW_YEAR, reason: Reason::First });
    // Seconds are not: it would be tried once too often.
    let step = failed(4, NEW_YEAR + 5);
    assert_eq!(due(NEW_YEAR, None, None, &step).at, NEW_YEAR + 5 + 10 * MINUTE);
}

#[test]
fn waits_grow_up_to_six_hours() {
    let minutes = [1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 360];
    for (failures, minutes) in (1..).zip(minutes) {
        let wait = |jitter| backoff(failures, None, jitter).as_secs_f64() / 60.0;
        let exact = f64::from(minutes);
        assert!((wait(0.5) - exact).abs() < 1e-6, "{failures}: {}", wait(0.5));
        assert!((wait(0.0) - exact * 0.8).abs() < 1e-6);
        assert!((wait(1.0) - (exact * 1.2).min(360.0)).abs() < 1e-6);
    }
    assert_eq!(backoff(0, None, 0.5), Duration::ZERO);
}

#[test]
fn waits_shrink_with_the_time_that_is_left() {
    let hour = Duration::from_hours(1);
    assert_eq!(backoff(10, Some(hour), 0.5), hour / 8);
    assert_eq!(backoff(10, Some(Duration::ZERO), 0.5), Duration::from_mins(1));
    let wait = |lifetime, left: i64| {
        let last = NEW_YEAR + lifetime - left;
        due(last, Some(held(lifetime)), None, &failed(10, last)).at - last
    };
    assert_eq!(wait(90 * DAY, 30 * DAY), 6 * HOUR);
    assert_eq!(wait(90 * DAY, 8 * HOUR), HOUR);
    // No authority stands being asked every few seconds because a certificate is about to expire.
    assert_eq!(wait(90 * DAY, 30), 15 * MINUTE);
    assert_eq!(wait(6 * DAY, 0), 15 * MINUTE);
    // A certificate of seconds has none to wait.
    assert_eq!(wait(6, 2), 1);
    assert_eq!(wait(20 * MINUTE, 4 * MINUTE), MINUTE);
    // Long since expired.
    assert_eq!(wait(90 * DAY, -4 * HOUR), 30 * MINUTE);
    assert_eq!(wait(90 * DAY, -30 * DAY), 6 * HOUR);
}

#[test]
fn the_window_is_asked_for_as_the_authority_says_within_reason() {
    let ask = |seconds, lifetime| {
        ask_window_again(NEW_YEAR, Duration::from_secs(seconds), held(lifetime)) - NEW_YEAR
    };
    assert_eq!(ask(6 * 3600, 90 * DAY), 6 * HOUR);
    assert_eq!(ask(0, 90 * DAY), MINUTE);
    assert_eq!(ask(u64::MAX, 90 * DAY), DAY);
    assert_eq!(ask(6 * 3600, 4 * HOUR), 30 * MINUTE);
    assert_eq!(ask(6 * 3600, 6), 1);
    assert_eq!(ask(6 * 3600, 0), 1);
}

#[test]
fn reasons_read_behind_because() {
    let said = [
        (Reason::First, "there is none yet"),
        (Reason::Lifetime, "two thirds of its lifetime"),
        (Reason::Window, "the authority's window"),
        (Reason::Emergency, "little of its lifetime is left"),
        (Reason::Failures(1), "after 1 failed attempt"),
        (Reason::Failures(3), "after 3 failed attempts"),
        (Reason::RetryAfter, "the authority asked to wait"),
    ];
    for (reason, words) in said {
        assert_eq!(reason.to_string(), words);
    }
}

/// From 6 seconds to 398 days, short ones as often as long ones.
fn lifetimes() -> impl Strategy<Value = i64> {
    prop_oneof![6..HOUR, HOUR..6 * DAY, 6 * DAY..=398 * DAY]
}

/// Within twenty years.
fn certificates() -> impl Strategy<Value = Held> {
    (0..20 * 365 * DAY, lifetimes()).prop_map(|(start, lifetime)| {
        let not_before = NEW_YEAR + start;
        Held { not_before, not_after: not_before + lifetime }
    })
}

/// Anywhere around the certificate's time, in parts of its lifetime.
fn windows(held: Held) -> impl Strategy<Value = Option<Window>> {
    let at = move |part: f64| held.not_before + (held.lifetime() as f64 * part) as i64;
    prop::option::of((-0.5..1.5f64, 0.0..0.5f64))
        .prop_map(move |parts| parts.and_then(|(start, length)| Window::sound(at(start), at(start + length))))
}

fn managed() -> impl Strategy<Value = (Held, Option<Window>)> {
    certificates().prop_flat_map(|held| (Just(held), windows(held)))
}

fn chances() -> impl Strategy<Value = f64> {
    0.0..1.0f64
}

fn any_history() -> impl Strategy<Value = History> {
    let any = any::<(u32, Option<i64>, Option<i64>, f64, f64)>();
    any.prop_map(|(failures, last_attempt, retry_after, chance, jitter)| History {
        failures,
        last_attempt,
        retry_after,
        chance,
        jitter,
    })
}

proptest! {
    #[test]
    fn no_input_is_a_surprise(
        now in any::<i64>(),
        dates in any::<Option<(i64, i64)>>(),
        ends in any::<Option<(i64, i64)>>(),
        history in any_history(),
        seconds in any::<u64>(),
    ) {
        let held = dates.map(|(not_before, not_after)| Held { not_before, not_after });
        let due = due(now, held, ends.map(|(start, end)| Window { start, end }), &history);
        prop_assert!(history.retry_after.is_none_or(|at| due.at >= at));
        prop_assert!(!due.reason.to_string().is_empty());
        let remaining = Some(Duration::from_secs(seconds));
        prop_assert!(backoff(history.failures, remaining, history.jitter) <= LONGEST);
        if let Some(held) = held {
            prop_assert!(ask_window_again(now, Duration::from_secs(seconds), held) >= now);
        }
    }

    #[test]
    fn a_twentieth_is_left_where_nothing_failed((held, window) in managed(), chance in chances()) {
        let history = History { chance, ..History::default() };
        let due = due(held.not_before, Some(held), window, &history);
        prop_assert!((held.not_after - due.at) * 20 >= held.lifetime());
    }

    #[test]
    fn only_the_authority_makes_it_sooner_than_a_quarter(held in certificates(), chance in chances()) {
        let history = History { chance, ..History::default() };
        let due = due(held.not_before, Some(held), None, &history);
        prop_assert!((due.at - held.not_before) * 4 >= held.lifetime());
        prop_assert!((due.at - held.not_before) * 3 <= held.lifetime() * 2 + 2);
    }

    #[test]
    fn it_lies_in_the_window_unless_that_is_too_late((held, window) in managed(), chance in chances()) {
        let history = History { chance, ..History::default() };
        let due = due(held.not_before, Some(held), window, &history);
        if let Some(window) = window {
            let inside = window.start <= due.at && due.at < window.end;
            let sooner = due.reason == Reason::Emergency && due.at < window.end;
            prop_assert!(inside || sooner);
        }
    }

    #[test]
    fn time_passing_changes_no_plan(
        (held, window) in managed(),
        chance in chances(),
        parts in prop::array::uniform2(-1.0..2.0f64),
    ) {
        let history = History { chance, ..History::default() };
        let [one, other] = parts.map(|part| {
            let now = held.not_before + (held.lifetime() as f64 * part) as i64;
            due(now, Some(held), window, &history).at
        });
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_longer_lifetime_is_never_due_sooner(held in certificates(), more in 0..398 * DAY, chance in chances()) {
        let history = History { chance, ..History::default() };
        let longer = Held { not_after: held.not_after + more, ..held };
        let [short, long] = [held, longer].map(|held| due(held.not_before, Some(held), None, &history).at);
        // Both rounded to seconds.
        prop_assert!(short <= long + 1);
    }

    #[test]
    fn chance_moves_it_one_way((held, window) in managed(), chances in prop::array::uniform2(chances())) {
        let [low, high] = [chances[0].min(chances[1]), chances[0].max(chances[1])].map(|chance| {
            due(held.not_before, Some(held), window, &History { chance, ..History::default() }).at
        });
        let (first, second) = if window.is_some() { (low, high) } else { (high, low) };
        prop_assert!(first <= second);
    }

    #[test]
    fn more_failures_never_make_it_sooner(
        (held, window) in managed(),
        part in 0.0..1.2f64,
        failures in 0..40u32,
        jitter in chances(),
    ) {
        let last = held.not_before + (held.lifetime() as f64 * part) as i64;
        let [fewer, more] = [failures, failures + 2].map(|failures| {
            let history = History { failures, last_attempt: Some(last), jitter, ..History::default() };
            due(last, Some(held), window, &history).at
        });
        prop_assert!(fewer <= more);
    }

    #[test]
    fn what_failed_waits_but_not_for_ever(
        (held, window) in managed(),
        part in 0.0..1.2f64,
        failures in 1..40u32,
        jitter in chances(),
    ) {
        let last = held.not_before + (held.lifetime() as f64 * part) as i64;
        let history = History { failures, last_attempt: Some(last), jitter, ..History::default() };
        let due = due(last, Some(held), window, &history);
        prop_assert!(due.at > last);
        let planned = planned(last, held, window, 0.0).at;
        let shortest = held.lifetime() / 20 + 1;
        let cut = ((held.not_after - last).abs() / 8 + 1).max(shortest);
        prop_assert!(due.at <= planned.max(last + cut.min(seconds(LONGEST))));
        if held.lifetime() >= 6 * DAY && failures > 4 && due.at > planned {
            // Four an hour.
            prop_assert!(due.at - last >= 15 * MINUTE);
        }
    }
}
