//! What is done for one set of names when something is due: under its lock, by its ledger.

use super::schedule::{allows, held, left_out_again, next, resumes};
use super::{Agent, ELSEWHERE, News, Plan, Wish};
use crate::clock::unix_now;
use crate::order::{Issued, certificate_id, good_names};
use crate::store::{LONGEST_WAIT, Ledger, Store, StoredWindow};
use crate::trouble::{Kind, Trouble};
use mizan_certs::kept::{Kept, Shelf, slug};
use mizan_certs::renewal::{Due, Window, ask_window_again};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An order that does not come to an end is given up after so many failures.
const GIVEN_UP_AFTER: u32 = 5;
/// When an authority that cannot be asked for a window is asked again.
const WINDOW_UNKNOWN: Duration = Duration::from_hours(6);

/// When a set is looked at again whose job did not come to an end.
const AFTER_A_FAULT: Duration = Duration::from_hours(1);

/// What became of a look at a set.
enum Done {
    /// Another process is at it.
    Elsewhere(Option<Wish>),
    /// The store cannot be used.
    Obstacle(String),
    Booked(Box<Ledger>, Due),
}

pub(super) async fn run(agent: Arc<Agent>, plan: Arc<Plan>, names: Vec<String>) {
    let mut running = Running { agent: agent.clone(), plan: plan.clone(), names, done: None };
    // Closed: the process ends. And another plan has begun its own jobs.
    let permit = agent.at_once.clone().acquire_owned().await.ok().filter(|_| agent.follows(&plan));
    let Some(permit) = permit else {
        running.done = Some(Done::Elsewhere(None));
        return;
    };
    let wish = agent.sets().get_mut(&slug(&running.names)).and_then(|standing| standing.wish.take());
    let names = running.names.clone();
    // The store is a disk: it is waited for on a thread of its own, not on one that serves.
    let runtime = tokio::runtime::Handle::current();
    let worked = tokio::task::spawn_blocking(move || runtime.block_on(work(&agent, &plan, &names, wish)));
    running.done = worked.await.ok();
    drop(permit);
}

/// A set that is being worked at; given back by Drop, so that not even a panic leaves it without anybody.
struct Running {
    agent: Arc<Agent>,
    plan: Arc<Plan>,
    names: Vec<String>,
    /// `None`: it did not come to an end.
    done: Option<Done>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut sets = self.agent.sets();
        let current = self.agent.follows(&self.plan);
        if let Some(standing) = sets.get_mut(&slug(&self.names)) {
            standing.running = false;
            match self.done.take() {
                // Of another authority, or another store: what it found does not count here.
                _ if !current => standing.ledger = None,
                Some(Done::Booked(ledger, due)) => {
                    standing.obstacle = None;
                    standing.ledger = Some(*ledger);
                    standing.due = Some(due);
                }
                Some(Done::Elsewhere(wish)) => {
                    standing.wish = standing.wish.take().or(wish);
                    standing.ledger = None;
                    standing.pause_until = Some(tokio::time::Instant::now() + ELSEWHERE);
                }
                Some(Done::Obstacle(why)) => {
                    standing.ledger = None;
                    standing.meet(why);
                }
                None => {
                    standing.ledger = None;
                    standing.meet("a fault of mizan itself: see the log".to_owned());
                    standing.pause_until = Some(tokio::time::Instant::now() + AFTER_A_FAULT);
                }
            }
        }
        drop(sets);
        self.agent.wake.notify_one();
    }
}

async fn work(agent: &Arc<Agent>, plan: &Plan, set: &[String], wish: Option<Wish>) -> Done {
    let store = &plan.work.store;
    let _lock = match store.try_lock(set) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Done::Elsewhere(wish),
        Err(error) => return Done::Obstacle(error.to_string()),
    };
    let (mut ledger, shelf) = match store.ledger(set).map(|ledger| (ledger, store.shelf())) {
        Ok((ledger, Ok(shelf))) => (ledger, shelf),
        Ok((_, Err(error))) => return Done::Obstacle(error.to_string()),
        Err(error) => return Done::Obstacle(error.to_string()),
    };
    if ledger.order.as_ref().is_some_and(|order| order.url.is_none()) {
        // Killed between the record and the authority's answer: whether it has an order nobody knows, so it counts.
        let at = ledger.last_attempt.unwrap_or_else(unix_now);
        ledger.fail(at, "the process ended while the order was made".to_owned(), None);
        if let Err(error) = store.keep_ledger(set, &ledger) {
            return Done::Obstacle(error.to_string());
        }
    }
    let good = good_names(set, &ledger, &shelf, unix_now());
    let current = shelf.covering(&good, unix_now()).cloned();
    if let Some(current) = &current
        && ask_window(plan, &mut ledger, current).await
        && let Err(error) = store.keep_ledger(set, &ledger)
    {
        return Done::Obstacle(error.to_string());
    }
    let now = unix_now();
    let wish = wish.filter(|wish| is_granted(wish, &ledger, now));
    let due = next(set, &ledger, &shelf, now);
    if due.at > now && wish.is_none() && !resumes(&ledger) {
        return Done::Booked(Box::new(ledger), due);
    }
    let again = current.as_ref().and_then(|_| left_out_again(set, &good, &ledger));
    let left_out_is_wanted = wish.as_ref().is_some_and(|wish| !good.contains(&wish.name));
    let all = left_out_is_wanted || again.is_some_and(|again| again.at <= now);
    let names = if all { set.to_vec() } else { good };
    let anew = due.at <= now || wish.is_some();
    let done = plan.work.run(set, &names, &mut ledger, current.as_deref(), anew).await;
    let is_issued = done.is_ok();
    match done {
        Ok(issued) => keep(store, &mut ledger, &issued),
        // The door is shut, so nobody could prove anything: no failure, and the order goes on after the next start.
        Err(_) if agent.is_ending() => return Done::Booked(Box::new(ledger), due),
        Err(trouble) => book(agent, plan, set, &names, &mut ledger, trouble, &shelf).await,
    }
    if let Err(error) = store.keep_ledger(set, &ledger) {
        tracing::error!("the ledger of {}: {error}", set.join(", "));
    }
    if is_issued {
        agent.tell(News::Issued).await;
    }
    match store.shelf() {
        Ok(shelf) => {
            let due = next(set, &ledger, &shelf, unix_now());
            Done::Booked(Box::new(ledger), due)
        }
        Err(error) => Done::Obstacle(error.to_string()),
    }
}

/// A wish is asked of the ledger as it is under the lock; what was issued since it came fulfils it.
fn is_granted(wish: &Wish, ledger: &Ledger, now: i64) -> bool {
    let fulfilled = ledger.attempts.iter().any(|attempt| attempt.issued && attempt.at > wish.at);
    !fulfilled && (wish.force || allows(ledger, now).is_ok())
}

/// Serves what was issued, on the disk or not.
fn keep(store: &Store, ledger: &mut Ledger, issued: &Issued) {
    let names = issued.names.join(", ");
    // Under its own names: one that was issued without a name leaves that name what it has.
    let kept = store.keep_certificate(&issued.names, &issued.pem);
    match &kept {
        Ok(file) => tracing::info!("certificate for {names} issued: {}", file.display()),
        Err(error) => tracing::error!(
            "certificate for {names} issued, but {error}; it is served from memory, and writing is tried again"
        ),
    }
    let now = unix_now();
    ledger.succeed(now, &issued.names, kept.is_err());
    if issued.info.not_after <= now || issued.info.not_before > now {
        // It is served: the clock that is wrong may be ours. But the next one would be no better at once.
        let why = "the certificate that was issued is not in force now: is this system's clock right?";
        tracing::warn!("certificate for {names}: {why}");
        let (order, unsaved) = (ledger.order.take(), ledger.unsaved);
        ledger.fail(now, why.to_owned(), None);
        (ledger.order, ledger.unsaved) = (order, unsaved);
    }
}

async fn book(
    agent: &Arc<Agent>,
    plan: &Plan,
    set: &[String],
    names: &[String],
    ledger: &mut Ledger,
    trouble: Trouble,
    shelf: &Shelf,
) {
    let trouble = explained(agent, plan, of_set(trouble, set)).await;
    let now = unix_now();
    tracing::warn!("no certificate for {}: {trouble}", names.join(", "));
    agent.tell(News::Failed { names: names.to_vec(), why: trouble.text.clone() }).await;
    let good = good_names(set, ledger, shelf, now);
    let retry_after = trouble.retry_after.map(|at| at.min(now + LONGEST_WAIT));
    let order = ledger.order.take();
    for name in names.iter().filter(|name| !good.contains(name)) {
        ledger.tried_again(now, name);
    }
    for (name, why) in &trouble.names {
        ledger.trouble(now, name, why);
        if trouble.refused {
            // Nothing that is tried again changes what the authority does not issue for.
            ledger.trouble(now, name, why);
        }
    }
    // Names that were left out before have failed again: the others are as well off as they were.
    let only_left_out = !trouble.names.is_empty() && trouble.names.keys().all(|name| !good.contains(name));
    if only_left_out && shelf.covering(&good, now).is_some() {
        ledger.note(now, trouble.text, retry_after);
        return;
    }
    let unsaved = ledger.unsaved;
    ledger.fail(now, trouble.text, retry_after);
    // What the authority has not given up goes on where it was, if not for ever. A full disk is not the order's fault.
    if let Some(mut order) = order.filter(|order| order.url.is_some() && trouble.kind.passes()) {
        order.failures += u32::from(trouble.kind != Kind::Store);
        if order.failures < GIVEN_UP_AFTER {
            ledger.order = Some(order);
            ledger.unsaved = unsaved;
        }
    }
    let left = good_names(set, ledger, shelf, now);
    if left.len() < good.len() && left.len() < set.len() {
        tracing::warn!("ordering for {} without the names that fail", left.join(", "));
        ledger.failures = 0;
        ledger.last_attempt = None;
    }
}

/// What an authority says of names, as the set has them: of a wildcard it may name the base.
fn of_set(trouble: Trouble, set: &[String]) -> Trouble {
    if trouble.names.is_empty() {
        return trouble;
    }
    let mut names = BTreeMap::new();
    for (name, why) in &trouble.names {
        let plain = name.trim_end_matches('.').to_ascii_lowercase();
        let wildcard = format!("*.{plain}");
        let found = [plain, wildcard].into_iter().find(|name| set.contains(name));
        names.extend(found.map(|name| (name, why.clone())));
    }
    Trouble { names, ..trouble }
}

/// What a person can act on, found by looking from here at what the authority looked at.
async fn explained(agent: &Arc<Agent>, plan: &Plan, trouble: Trouble) -> Trouble {
    if trouble.kind != Kind::Unproved || trouble.refused || trouble.names.is_empty() {
        return trouble;
    }
    let (mut names, retry_after) = (trouble.names.clone(), trouble.retry_after);
    for (name, why) in &mut names {
        if let Some(obstacle) = super::diagnose::obstacle(agent, plan, name).await {
            *why = format!("{obstacle}; {why}");
        }
    }
    Trouble { retry_after, ..Trouble::unproved(names) }
}

/// Asks the authority when it wants the certificate renewed (RFC 9773). Whether the ledger changed.
async fn ask_window(plan: &Plan, ledger: &mut Ledger, current: &Kept) -> bool {
    let fingerprint = &current.info.fingerprint;
    let now = unix_now();
    let known = ledger.window.as_ref().filter(|window| window.fingerprint == *fingerprint);
    if known.is_some_and(|window| window.ask_again > now) {
        return false;
    }
    let (window, again) = match window_of(plan, current).await {
        Ok((window, again)) => (window, again),
        Err(trouble) => {
            tracing::debug!("no renewal window for {}: {trouble}", current.info.names.join(", "));
            // What was said before still holds.
            (known.and_then(|known| Window::sound(known.start?, known.end?)), WINDOW_UNKNOWN)
        }
    };
    ledger.window = Some(StoredWindow {
        fingerprint: fingerprint.clone(),
        start: window.map(|window| window.start),
        end: window.map(|window| window.end),
        ask_again: ask_window_again(now, again, held(current)),
    });
    true
}

async fn window_of(plan: &Plan, current: &Kept) -> Result<(Option<Window>, Duration), Trouble> {
    let work = &plan.work;
    let Some(id) = certificate_id(current) else { return Ok((None, WINDOW_UNKNOWN)) };
    let account = work.account(&work.client.fresh()).await?;
    match account.renewal_info(&id).await {
        Ok((info, again)) => {
            let suggested = &info.suggested_window;
            let window = Window::sound(suggested.start.unix_timestamp(), suggested.end.unix_timestamp());
            Ok((window, again))
        }
        Err(instant_acme::Error::Unsupported(_)) => Ok((None, WINDOW_UNKNOWN)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_names_is_booked_for_those_of_the_set_alone() {
        let set = ["*.x.test".to_owned(), "a.test".to_owned()];
        let said = ["x.test", "A.TEST.", "stranger.test"].map(|name| (name.to_owned(), "no".to_owned()));
        let of = of_set(Trouble::unproved(said.into()), &set);
        assert_eq!(of.names.keys().collect::<Vec<_>>(), ["*.x.test", "a.test"]);
        let strangers = [("stranger.test".to_owned(), "no".to_owned())];
        let of = of_set(Trouble::unproved(strangers.into()), &set);
        assert!(of.names.is_empty() && of.kind == Kind::Unproved, "it fails for all, and is booked as that");
    }
}
