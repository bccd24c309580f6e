//! Every small plan, every failure, every moment to be killed in.

use crate::plans::Shape;
use crate::run::{Fault, Run, Troubles, Word, run};
use crate::world::World;
use mizan_rollout::Step;

const WORDS: [Word; 2] = [Word::Resume, Word::Rollback];

/// A process that is killed in each of its moments in turn, until it is not any more. Gives back how often.
fn killed_everywhere(shape: &Shape, troubles: &Troubles, mut see: impl FnMut(Run)) -> usize {
    for moment in 0.. {
        let kills = [&troubles.kills[..], &[moment]].concat();
        let killed = run(shape, &Troubles { kills, ..troubles.clone() });
        if killed.killed <= troubles.kills.len() {
            return moment;
        }
        see(killed);
    }
    unreachable!("it ends")
}

/// No failure, and the failure of each step before and behind its effect.
fn faults(steps: &[Step], back: bool) -> Vec<Vec<Fault>> {
    let of = |step: usize| {
        let parts = World::parts(&steps[step]);
        [0, parts].map(|after| vec![Fault { step, back, after, times: 1 }])
    };
    let one: Vec<_> = (0..steps.len()).flat_map(of).collect();
    [vec![vec![]], one].concat()
}

#[test]
fn killed_at_any_moment_of_any_plan_it_is_carried_on_or_turned_back() {
    let mut all = 0;
    for shape in Shape::all() {
        for word in WORDS {
            all += killed_everywhere(&shape, &Troubles { words: vec![word], ..Troubles::default() }, drop);
        }
    }
    assert!(all > 500, "{all} runs");
}

#[test]
fn killed_at_any_moment_after_any_failure_it_is_carried_on_or_turned_back() {
    let mut all = 0;
    for shape in Shape::all() {
        for faults in faults(&shape.plan().steps, false) {
            for word in WORDS {
                let troubles = Troubles { faults: faults.clone(), words: vec![word], kills: vec![] };
                all += killed_everywhere(&shape, &troubles, drop);
            }
        }
    }
    assert!(all > 8000, "{all} runs");
}

#[test]
fn turned_back_anywhere_any_failure_on_the_way_back_ends_well() {
    let mut all = 0;
    for shape in Shape::all() {
        let mut turns = Vec::new();
        killed_everywhere(
            &shape,
            &Troubles { words: vec![Word::Rollback], ..Troubles::default() },
            |killed| {
                turns.push(killed.state.back().map(|back| back.steps.clone()));
            },
        );
        for (moment, steps) in turns.into_iter().enumerate() {
            let Some(steps) = steps else { continue };
            for faults in faults(&steps, true) {
                let troubles = Troubles { faults, words: vec![Word::Rollback], kills: vec![moment] };
                run(&shape, &troubles);
                all += 1;
            }
        }
    }
    assert!(all > 2000, "{all} runs");
}

#[test]
fn turned_back_anywhere_and_killed_anywhere_on_the_way_back_it_gets_there() {
    let mut all = 0;
    for shape in Shape::all() {
        let words = vec![Word::Rollback];
        let turn = Troubles { words: words.clone(), ..Troubles::default() };
        let moments = killed_everywhere(&shape, &turn, drop);
        for moment in 0..moments {
            let troubles = Troubles { words: words.clone(), kills: vec![moment], faults: vec![] };
            all += killed_everywhere(&shape, &troubles, |killed| assert!(killed.killed == 2));
        }
    }
    assert!(all > 8000, "{all} runs");
}
