//! A name's life against scripted servers: the clock jumps to the next lookup, so a day passes in a moment.

use super::answers::{Addresses, Answer, Change, Failure, Negative, Rules};
use super::schedule::{FRESH_MS, Schedule};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(172, 18, 0, last))
}

fn ips(last: &[u8]) -> Vec<IpAddr> {
    last.iter().copied().map(ip).collect()
}

/// Docker's answer: a TTL of ten minutes.
fn good(last: &[u8]) -> Answer {
    Answer::Addresses { addresses: ips(last), ttl: Duration::from_mins(10) }
}

const GONE: Answer = Answer::Negative(Negative::NoSuchName);
const MUTE: Answer = Answer::Failed(Failure::Timeout);
const SERVFAIL: Answer = Answer::Failed(Failure::Code(2));

/// One name, its server and its clock.
struct Name {
    addresses: Addresses,
    schedule: Schedule,
    rules: Rules,
    now_ms: u64,
    lookups: Vec<u64>,
}

impl Name {
    fn new(interval: Option<Duration>, rules: Rules) -> Self {
        Self {
            addresses: Addresses::default(),
            schedule: Schedule::new(interval, 0),
            rules,
            now_ms: 0,
            lookups: Vec::new(),
        }
    }

    /// Jumps to the next lookup and answers it after `takes_ms`.
    fn lookup(&mut self, answer: &Answer, takes_ms: u64) -> Change {
        self.now_ms = self.now_ms.max(self.schedule.due().unwrap());
        self.schedule.begin(self.now_ms);
        self.lookups.push(self.now_ms);
        self.now_ms += takes_ms;
        self.schedule.finish(answer, self.now_ms, u64::MAX / 2);
        self.addresses.on_answer(answer, &self.rules, self.now_ms)
    }

    /// Answers every lookup alike until `until_ms`.
    fn run(&mut self, answer: &Answer, until_ms: u64) {
        while self.schedule.due().unwrap() <= until_ms {
            self.lookup(answer, 1);
        }
        self.now_ms = until_ms;
    }

    fn in_use(&self) -> Vec<IpAddr> {
        self.addresses.in_use()
    }
}

fn name() -> Name {
    Name::new(None, Rules::default())
}

#[test]
fn a_good_answer_is_believed_at_once_both_ways() {
    let mut name = name();
    let change = name.lookup(&good(&[2, 3, 2]), 1);
    assert_eq!(change, Change { added: ips(&[2, 3]), removed: vec![] });
    let change = name.lookup(&good(&[4, 3]), 1);
    assert_eq!(change, Change { added: ips(&[4]), removed: ips(&[2]) });
    assert!(name.lookup(&good(&[3, 4]), 1).is_empty());
}

#[test]
fn a_long_ttl_delays_nothing_beyond_five_seconds() {
    let mut name = name();
    name.run(&good(&[2]), 60_000);
    assert!(name.lookups.windows(2).all(|pair| pair[1] - pair[0] <= 5001), "{:?}", name.lookups);
    assert!(name.lookups.len() <= 16);
}

#[test]
fn a_ttl_of_zero_asks_about_once_a_second() {
    let mut name = name();
    name.run(&Answer::Addresses { addresses: ips(&[2]), ttl: Duration::ZERO }, 60_000);
    assert!((60..=68).contains(&name.lookups.len()), "{}", name.lookups.len());
}

#[test]
fn the_interval_of_the_file_wins_over_the_ttl() {
    let mut name = Name::new(Some(Duration::from_secs(2)), Rules::default());
    name.run(&good(&[2]), 20_000);
    assert!(name.lookups.windows(2).skip(1).all(|pair| (1800..=2001).contains(&(pair[1] - pair[0]))));
}

#[test]
fn names_started_together_are_looked_up_apart() {
    let second = |random| {
        let mut schedule = Schedule::new(None, 0);
        schedule.begin(0);
        schedule.finish(&good(&[2]), 0, random);
        schedule.due().unwrap()
    };
    assert!(second(0) > 4000 && second(u64::MAX) < 1000);
}

#[test]
fn a_name_is_gone_after_three_negatives_over_five_seconds() {
    let mut name = name();
    name.lookup(&good(&[2, 3]), 1);
    let began_ms = name.schedule.due().unwrap();
    let mut said = 0;
    while !name.in_use().is_empty() {
        name.lookup(&GONE, 0);
        said += 1;
    }
    assert!(said >= 3);
    assert!((5000..10_000).contains(&(name.now_ms - began_ms)), "{}", name.now_ms - began_ms);
}

#[test]
fn one_negative_in_three_changes_nothing() {
    let mut name = name();
    name.lookup(&good(&[2]), 1);
    for n in 0..1000 {
        let answer = if n % 3 == 0 { GONE } else { good(&[2]) };
        assert!(name.lookup(&answer, 1).is_empty());
    }
}

#[test]
fn silence_and_errors_change_nothing_for_a_day() {
    for failed in [MUTE, SERVFAIL, Answer::Failed(Failure::Truncated), Answer::Failed(Failure::Garbage)] {
        let mut name = name();
        name.lookup(&good(&[2, 3]), 1);
        name.run(&failed, 86_400_000);
        assert_eq!(name.in_use(), ips(&[2, 3]));
        assert!(name.lookups.len() < 20_000, "{}", name.lookups.len());
    }
}

#[test]
fn errors_between_negatives_do_not_hide_that_the_name_is_gone() {
    let mut name = name();
    name.lookup(&good(&[2]), 1);
    for _ in 0..10 {
        name.lookup(&GONE, 1);
        name.lookup(&MUTE, 1000);
    }
    assert!(name.in_use().is_empty());
}

#[test]
fn a_name_that_never_existed_is_asked_for_ever_but_not_often() {
    let mut name = name();
    name.run(&GONE, 3_600_000);
    assert!(name.addresses.answered());
    assert!((700..760).contains(&name.lookups.len()), "{}", name.lookups.len());
    name.lookup(&good(&[9]), 1);
    assert_eq!(name.in_use(), ips(&[9]));
}

#[test]
fn answers_that_do_not_help_are_retried_soon_and_then_less_often() {
    let mut name = name();
    name.run(&GONE, 20_000);
    let waits: Vec<_> = name.lookups.windows(2).map(|pair| pair[1] - pair[0] - 1).collect();
    assert_eq!(waits[..6], [250, 500, 1000, 2000, 4000, 5000]);
}

#[test]
fn an_address_that_left_is_held_as_long_as_the_file_says() {
    let rules = Rules { obsolete_hold_ms: 10_000, max_stale_ms: None };
    let mut name = Name::new(None, rules);
    name.lookup(&good(&[2, 3]), 0);
    assert!(name.lookup(&good(&[3]), 0).is_empty());
    let left_ms = name.now_ms;
    assert_eq!(name.addresses.obsolete().collect::<Vec<_>>(), ips(&[2]));
    assert_eq!(name.addresses.wakeup(&rules), Some(left_ms + 10_000));
    assert!(name.addresses.on_time(&rules, left_ms + 9999).is_empty());
    assert_eq!(name.addresses.on_time(&rules, left_ms + 10_000).removed, ips(&[2]));
}

#[test]
fn a_held_address_that_returns_is_no_longer_obsolete() {
    let rules = Rules { obsolete_hold_ms: 60_000, max_stale_ms: None };
    let mut name = Name::new(None, rules);
    for answer in [good(&[2, 3]), good(&[3]), good(&[2, 3])] {
        name.lookup(&answer, 0);
    }
    assert_eq!(name.addresses.obsolete().count(), 0);
    assert_eq!(name.in_use(), ips(&[2, 3]));
}

#[test]
fn a_stale_answer_is_dropped_only_if_the_file_says_so() {
    let rules = Rules { obsolete_hold_ms: 0, max_stale_ms: Some(60_000) };
    let mut name = Name::new(None, rules);
    name.lookup(&good(&[2]), 0);
    assert_eq!(name.addresses.wakeup(&rules), Some(60_000));
    name.run(&MUTE, 59_999);
    assert_eq!(name.in_use(), ips(&[2]));
    assert_eq!(name.addresses.on_time(&rules, 60_000).removed, ips(&[2]));
    assert_eq!(name.addresses.wakeup(&rules), None);
}

#[test]
fn the_first_kick_is_at_once_and_the_next_a_second_later() {
    let mut name = name();
    name.lookup(&good(&[2]), 0);
    name.lookup(&good(&[2]), 0);
    let kicked_ms = name.now_ms + 200;
    assert_eq!(name.schedule.kick(kicked_ms), kicked_ms);
    name.lookup(&good(&[2]), 1);
    assert_eq!(name.now_ms, kicked_ms + 1);
    for later in 2..500 {
        assert_eq!(name.schedule.kick(kicked_ms + later), kicked_ms + 1000);
    }
    assert_eq!(name.schedule.due(), Some(kicked_ms + 1000));
}

#[test]
fn a_kick_during_a_lookup_is_not_lost() {
    let mut schedule = Schedule::new(None, 0);
    schedule.begin(0);
    schedule.kick(5);
    assert_eq!(schedule.due(), None);
    schedule.finish(&good(&[2]), 900, 0);
    assert_eq!(schedule.due(), Some(900));
    schedule.begin(900);
    schedule.kick(950);
    schedule.finish(&good(&[2]), 960, 0);
    assert_eq!(schedule.due(), Some(1900));
}

#[test]
fn whoever_waits_for_a_confirmation_gets_a_lookup_at_once_unless_one_is_fresh() {
    let mut schedule = Schedule::new(None, 0);
    schedule.begin(0);
    schedule.finish(&good(&[2]), 1, 0);
    let regular_ms = schedule.due();
    schedule.demand(FRESH_MS);
    assert_eq!(schedule.due(), regular_ms);
    schedule.demand(FRESH_MS + 1);
    assert_eq!(schedule.due(), Some(FRESH_MS + 1));
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        prop::collection::vec(0u8..6, 1..6).prop_map(|last| good(&last)),
        prop_oneof![Just(GONE), Just(Answer::Negative(Negative::NoAddress)), Just(MUTE), Just(SERVFAIL)],
    ]
}

proptest! {
    #[test]
    fn the_set_is_the_last_good_answer_unless_the_name_is_believed_gone(
        answers in prop::collection::vec((any_answer(), 0u64..1500), 1..60),
    ) {
        let mut name = name();
        let (mut last, mut negatives, mut since) = (Vec::new(), 0, 0);
        for (answer, takes_ms) in answers {
            let before = name.in_use();
            let change = name.lookup(&answer, takes_ms);
            match &answer {
                Answer::Addresses { addresses, .. } => {
                    (last, negatives) = (addresses.clone(), 0);
                    last.sort_unstable();
                    last.dedup();
                }
                Answer::Negative(_) => {
                    since = if negatives == 0 { name.now_ms } else { since };
                    negatives += 1;
                    if negatives >= 3 && name.now_ms - since >= 5000 {
                        last.clear();
                    }
                }
                Answer::Failed(_) => {}
            }
            prop_assert_eq!(&name.in_use(), &last);
            let mut rebuilt: Vec<_> = before.into_iter().filter(|ip| !change.removed.contains(ip)).collect();
            rebuilt.extend(change.added);
            rebuilt.sort_unstable();
            prop_assert_eq!(rebuilt, last.clone());
        }
    }

    #[test]
    fn kicks_add_at_most_one_lookup_a_second(kicks in prop::collection::vec(0u64..400, 1..300)) {
        let mut name = name();
        let mut at_ms = 0;
        let mut last_kick = 0;
        for wait in kicks {
            at_ms += wait;
            name.run(&good(&[2]), at_ms);
            name.schedule.kick(at_ms);
            last_kick = at_ms;
        }
        name.run(&good(&[2]), last_kick + 1001);
        prop_assert!(name.lookups.len() as u64 <= 2 + 2 * (name.now_ms / 1000 + 1));
        prop_assert!(name.lookups.iter().any(|&began_ms| began_ms >= last_kick));
    }
}
