//! When a set of names is ordered next, from what is held and what the ledger has. Pure: the clock is given.

use crate::order::good_names;
use crate::store::Ledger;
use mizan_certs::kept::{Kept, Shelf};
use mizan_certs::renewal::{self, Due, Held};

/// The time between two certificates for the same names, in seconds, whatever the schedule says. For those that live for
/// less than a day a third of that.
const BETWEEN_SUCCESSES: i64 = 6 * 3600;

/// Certificates for one set within a week, of which public authorities allow five: the last is left for the schedule.
pub(super) const A_WEEK: usize = 4;

pub(super) const WEEK: i64 = 7 * DAY;

pub(super) const DAY: i64 = 24 * 3600;

/// What the ledger says to an order out of turn.
pub(super) fn allows(ledger: &Ledger, now: i64) -> Result<(), String> {
    if let Some(until) = ledger.retry_after.filter(|until| *until > now) {
        return Err(format!("the authority asked to wait for another {} s", until - now));
    }
    let issued = ledger.issued_within(now, WEEK);
    if issued >= A_WEEK {
        return Err(format!(
            "{issued} certificates were issued for these names within a week, and public authorities allow five: \
             use --force if this one counts differently"
        ));
    }
    Ok(())
}

/// Whether an order is to be gone on with whatever the schedule says: it has an address, so it makes no new one.
pub(super) fn resumes(ledger: &Ledger) -> bool {
    ledger.failures == 0 && !ledger.unsaved && ledger.order.as_ref().is_some_and(|order| order.url.is_some())
}

/// When a set is ordered next: when what it holds is due, or when names that were left out are tried again.
pub(super) fn next(set: &[String], ledger: &Ledger, shelf: &Shelf, now: i64) -> Due {
    let good = good_names(set, ledger, shelf, now);
    let held = shelf.covering(&good, now);
    let window = held.and_then(|held| ledger.window(&held.info.fingerprint));
    let due = renewal::due(now, held.map(|kept| self::held(kept)), window, &ledger.history());
    let at = due.at.max(held.map_or(i64::MIN, |held| not_again_before(now, held, ledger)));
    let due = Due { at: at.max(within_a_week(now, held.map(|held| &**held), ledger)), ..due };
    match held.and_then(|_| left_out_again(set, &good, ledger)) {
        Some(again) if again.at < due.at => again,
        _ => due,
    }
}

/// A window that has always passed already must not have certificates ordered without end: the first one that it asks for
/// is ordered at once, as after a revocation, and the next one waits.
fn not_again_before(now: i64, held: &Kept, ledger: &Ledger) -> i64 {
    if ledger.issued_within(now, DAY) < 2 {
        return i64::MIN;
    }
    let Some(last) = ledger.attempts.iter().rev().find(|attempt| attempt.issued) else { return i64::MIN };
    last.at.saturating_add((lifetime(held) / 3).clamp(1, BETWEEN_SUCCESSES))
}

/// No more certificates within a week than public authorities give for the same names, unless they live for less.
fn within_a_week(now: i64, held: Option<&Kept>, ledger: &Ledger) -> i64 {
    if held.is_some_and(|held| lifetime(held) < WEEK) {
        return i64::MIN;
    }
    let issued = ledger.attempts.iter().rev().filter(|attempt| attempt.issued && now - attempt.at < WEEK);
    issued.map(|attempt| attempt.at).nth(A_WEEK).map_or(i64::MIN, |fifth| fifth.saturating_add(WEEK))
}

fn lifetime(kept: &Kept) -> i64 {
    kept.info.not_after.saturating_sub(kept.info.not_before)
}

/// When the names are tried again that are left out: no earlier than what failed for all of them allows.
pub(super) fn left_out_again(set: &[String], good: &[String], ledger: &Ledger) -> Option<Due> {
    let pause = |failures| renewal::backoff(failures, None, ledger.jitter).as_secs().cast_signed();
    let of_all = match (ledger.failures, ledger.last_attempt) {
        (1.., Some(last)) => last.saturating_add(pause(ledger.failures)),
        _ => i64::MIN,
    };
    let least = of_all.max(ledger.retry_after.unwrap_or(i64::MIN));
    let again = |name: &String| {
        let trouble = ledger.troubled.get(name)?;
        let at = trouble.last.at.saturating_add(pause(trouble.failures)).max(least);
        Some(Due { at, reason: renewal::Reason::Failures(trouble.failures) })
    };
    set.iter().filter(|name| !good.contains(name)).filter_map(again).min_by_key(|due| due.at)
}

/// When the authority is asked for its window: `None` where there is nothing to ask about.
pub(super) fn asks_window(set: &[String], ledger: &Ledger, shelf: &Shelf, now: i64) -> Option<i64> {
    let held = shelf.covering(&good_names(set, ledger, shelf, now), now)?;
    match &ledger.window {
        Some(window) if window.fingerprint == held.info.fingerprint => Some(window.ask_again),
        _ => Some(i64::MIN),
    }
}

pub(super) fn held(kept: &Kept) -> Held {
    Held { not_before: kept.info.not_before, not_after: kept.info.not_after }
}
