//! Several troubles in a row.

use crate::plans::{HOOKS, Rollback, Shape, blue_green, canary};
use crate::run::{Fault, Troubles, Word, run};
use mizan_rollout::{Record, State, Strategy as Rollout};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn any_strategy() -> impl Strategy<Value = Rollout> {
    let percents = subsequence(vec![1, 10, 25, 50, 99, 100], 1..5);
    prop_oneof![Just(blue_green()), Just(Rollout::Rolling), percents.prop_map(|percents| canary(&percents))]
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let rollback = proptest::option::of((any::<bool>(), any::<bool>()));
    let hooks = subsequence(HOOKS.to_vec(), 0..=HOOKS.len());
    (any_strategy(), any::<bool>(), 1..5u32, select(vec![0, 1000]), hooks, rollback).prop_map(
        |(strategy, first, replicas, keep_ms, hooks, rollback)| Shape {
            strategy,
            first: first && rollback.is_none(),
            replicas,
            keep_ms,
            hooks: hooks.into_iter().collect(),
            rollback: rollback.map(|(migrated, kept)| Rollback { migrated, kept }),
        },
    )
}

fn any_troubles() -> impl Strategy<Value = Troubles> {
    let fault = (0..16usize, any::<bool>(), 0..3usize, 1..3u32);
    let fault = fault.prop_map(|(step, back, after, times)| Fault { step, back, after, times });
    let words = vec(select(vec![Word::Resume, Word::Resume, Word::Rollback]), 0..8);
    (vec(fault, 0..4), vec(0..70usize, 0..6), words).prop_map(|(faults, kills, words)| Troubles {
        faults,
        kills,
        words,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_happens_it_ends_well(shape in any_shape(), troubles in any_troubles()) {
        run(&shape, &troubles);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_part_of_a_journal_leads_on_to_the_next_record(shape in any_shape(), troubles in any_troubles()) {
        let records = run(&shape, &troubles).records;
        for cut in 1..=records.len() {
            let mut state = State::replay(&records[..cut]).unwrap().unwrap();
            let next = state.next();
            prop_assert_eq!(state.next(), next.clone(), "it says the same again");
            prop_assert_eq!(state.ended().is_some(), cut == records.len());
            if let Some(record) = records.get(cut) {
                prop_assert!(state.apply(record).is_ok());
            } else {
                let note = Record::Note { text: String::new() };
                prop_assert!(state.apply(&note).is_err(), "nothing comes behind the end");
            }
        }
        prop_assert_eq!(State::replay(&records[..0]), Ok(None));
        prop_assert!(State::replay(&records[1..]).is_err());
    }

    #[test]
    fn a_record_in_the_wrong_place_changes_nothing(
        shape in any_shape(),
        troubles in any_troubles(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let records = run(&shape, &troubles).records;
        let mut state = State::replay(&records[..=to.index(records.len())]).unwrap().unwrap();
        let before = state.clone();
        if state.apply(from.get(&records)).is_err() {
            prop_assert_eq!(state, before);
        }
    }
}
