//! When a set is ordered next, by real stores and ledgers.

use super::schedule::{A_WEEK, DAY, WEEK, allows, left_out_again, next};
use crate::order::good_names;
use crate::store::{Began, Ledger};
use mizan_certs::kept::{Shelf, certificate_file, certificates_folder};
use mizan_certs::{Unsaved, renewal};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A shelf with a certificate for each: names, days since it began, days until it ends.
fn shelf(certificates: &[(&[&str], i64, i64)]) -> Shelf {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(certificates_folder(folder.path())).expect("made");
    fs::set_permissions(certificates_folder(folder.path()), fs::Permissions::from_mode(0o700)).expect("set");
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |unix: i64| epoch + std::time::Duration::from_secs(unix.unsigned_abs());
    for (of, since, until) in certificates {
        let mut params = CertificateParams::new(names(of)).expect("names");
        params.not_before = date(NOW - since * DAY);
        params.not_after = date(NOW + until * DAY);
        let key = KeyPair::generate().expect("randomness");
        let pem = key.serialize_pem() + &params.self_signed(&key).expect("made").pem();
        let file = certificate_file(folder.path(), of);
        fs::write(&file, pem).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    }
    Shelf::look(folder.path(), &Unsaved::default()).expect("read")
}

fn order(at: i64, of: &[String]) -> Began {
    Began { at, names: of.to_vec(), key: String::new(), csr: String::new(), url: None, failures: 0 }
}

/// A ledger that says that so many certificates were issued, one at each of these times.
fn issued(set: &[String], times: &[i64]) -> Ledger {
    let mut ledger = Ledger::new(set);
    for at in times {
        ledger.begin(order(*at, set));
        ledger.succeed(*at, set, false);
    }
    ledger
}

#[test]
fn without_a_certificate_it_is_due_at_once() {
    let set = names(&["a.test"]);
    assert!(next(&set, &Ledger::new(&set), &shelf(&[]), NOW).at <= NOW);
}

#[test]
fn a_name_that_failed_twice_is_left_out_where_it_has_nothing_to_lose() {
    let set = names(&["a.test", "b.test"]);
    let mut ledger = Ledger::new(&set);
    ledger.trouble(NOW, "b.test", "no");
    assert_eq!(good_names(&set, &ledger, &shelf(&[]), NOW), set);
    ledger.trouble(NOW, "b.test", "no");
    assert_eq!(good_names(&set, &ledger, &shelf(&[]), NOW), names(&["a.test"]));
    let in_force = shelf(&[(&["a.test", "b.test"], 60, 30)]);
    assert_eq!(good_names(&set, &ledger, &in_force, NOW), set, "its certificate is good for a month");
    let ending = shelf(&[(&["a.test", "b.test"], 85, 5)]);
    assert_eq!(
        good_names(&set, &ledger, &ending, NOW),
        names(&["a.test"]),
        "the others must not end with it"
    );
    for name in &set {
        ledger.trouble(NOW, name, "no");
        ledger.trouble(NOW, name, "no");
    }
    assert_eq!(good_names(&set, &ledger, &shelf(&[]), NOW), set, "all fail: then all are tried");
}

#[test]
fn whatever_fails_is_not_tried_again_at_once() {
    let set = names(&["a.test", "b.test"]);
    let held = shelf(&[(&["a.test"], 1, 89)]);
    let mut ledger = issued(&names(&["a.test"]), &[NOW - DAY]);
    ledger.trouble(NOW - DAY, "b.test", "no");
    ledger.trouble(NOW - DAY, "b.test", "no");
    assert!(next(&set, &ledger, &held, NOW).at <= NOW, "the name that was left out is due again");
    // The attempt fails for another reason: the authority is away.
    ledger.begin(order(NOW, &set));
    ledger.fail(NOW, "away".into(), None);
    let due = next(&set, &ledger, &held, NOW);
    assert!(due.at >= NOW + 48, "{due:?}");
    ledger.fail(NOW, "limited".into(), Some(NOW + 7200));
    assert_eq!(next(&set, &ledger, &held, NOW).at, NOW + 7200);
}

#[test]
fn a_name_that_was_tried_with_the_others_waits_again() {
    let set = names(&["a.test", "b.test"]);
    let mut ledger = Ledger::new(&set);
    ledger.trouble(NOW - DAY, "b.test", "no");
    ledger.trouble(NOW - DAY, "b.test", "no");
    let good = names(&["a.test"]);
    assert!(left_out_again(&set, &good, &ledger).expect("it is left out").at < NOW);
    ledger.tried_again(NOW, "b.test");
    assert!(left_out_again(&set, &good, &ledger).expect("it is left out").at > NOW + 60);
}

#[test]
fn a_clock_that_was_ahead_does_not_stop_renewal() {
    let set = names(&["a.test"]);
    let mut ledger = issued(&set, &[NOW + 20 * DAY, NOW + 20 * DAY + 60]);
    ledger.retry_after = Some(NOW + 30 * DAY);
    ledger.trouble(NOW + 20 * DAY, "a.test", "no");
    ledger.mend(NOW);
    let ending = shelf(&[(&["a.test"], 89, 1)]);
    assert!(next(&set, &ledger, &ending, NOW).at <= NOW);
    assert_eq!(allows(&ledger, NOW), Ok(()));
    assert_eq!(ledger.troubled["a.test"].last.at, NOW);
    ledger.fail(NOW + 20 * DAY, "away".into(), None);
    ledger.mend(NOW);
    assert_eq!(ledger.last_attempt, Some(NOW));
}

#[test]
fn no_more_are_ordered_within_a_week_than_authorities_give() {
    let set = names(&["a.test"]);
    let times: Vec<i64> = (0..5).map(|day| NOW - 5 * DAY + day * DAY).collect();
    let mut ledger = issued(&set, &times);
    // The store was lost, again and again.
    assert_eq!(next(&set, &ledger, &shelf(&[]), NOW).at, times[0] + WEEK);
    assert!(allows(&ledger, NOW).is_err_and(|why| why.contains("within a week")));
    ledger.attempts.pop();
    assert!(next(&set, &ledger, &shelf(&[]), NOW).at <= NOW, "one of the five is left for the schedule");
    assert_eq!(ledger.issued_within(NOW, WEEK), A_WEEK);
}

#[test]
fn what_the_schedule_says_is_what_the_pure_one_says() {
    let set = names(&["a.test"]);
    let ledger = issued(&set, &[NOW - 30 * DAY]);
    let held = shelf(&[(&["a.test"], 30, 60)]);
    let due = next(&set, &ledger, &held, NOW);
    let of = renewal::Held { not_before: NOW - 30 * DAY, not_after: NOW + 60 * DAY };
    assert_eq!(due, renewal::due(NOW, Some(of), None, &ledger.history()));
    assert_eq!(due.reason, renewal::Reason::Lifetime);
}
