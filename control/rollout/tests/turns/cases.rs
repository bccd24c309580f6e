//! What the plans and the ways back are, step by step.

use crate::plans::{Rollback, Shape, blue_green, canary};
use crate::run::{Fault, Troubles, Word, run};
use mizan_rollout::{
    Deploying, Hook, Image, Next, OnFailure, Plan, Reason, Record, State, Status, Step, Strategy, deploy,
};

/// Short words for steps, to be read in one line.
fn words(steps: &[Step]) -> String {
    let word = |step: &Step| match step {
        Step::Pull => "pull".to_owned(),
        Step::Hook { hook } => hook.name().to_owned(),
        Step::Start { track, version, replicas } => format!("start {track} {version:?} {replicas}"),
        Step::Healthy { track, ready } => format!("healthy {track} {ready}"),
        Step::Shift { percent, .. } => format!("shift {percent}"),
        Step::Replace { nth, of, version } => format!("replace {nth}/{of} {version:?}"),
        Step::Commit { track } => format!("commit {track}"),
        Step::Keep { .. } => "keep".to_owned(),
        Step::Drain { track } => format!("drain {track}"),
        Step::Stop { track } => format!("stop {track}"),
        Step::Traffic { track } => format!("traffic {track}"),
        Step::FinalHealth { track } => format!("final_health {track}"),
    };
    steps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A deploy of which so many steps are done, and the next one is begun.
fn state_at(plan: Plan, step: usize) -> State {
    let mut state = State::begin(plan);
    for step in 0..step {
        state.apply(&Record::Started { step, back: false }).unwrap();
        state.apply(&Record::Done { step, back: false, output: String::new() }).unwrap();
    }
    state.apply(&Record::Started { step, back: false }).unwrap();
    state
}

fn position(plan: &Plan, word: &str) -> usize {
    plan.steps.iter().position(|step| words(std::slice::from_ref(step)).starts_with(word)).unwrap()
}

#[test]
fn plans_have_these_steps() {
    let bare = |strategy| Shape { hooks: [].into(), ..Shape::new(strategy) };
    let of = |shape: Shape| words(&shape.plan().steps);
    assert_eq!(
        of(Shape::new(blue_green())),
        "pull, before_deploy, migrate, start green New 2, healthy green 1, smoke, shift 100, commit green, keep, \
         drain blue, stop blue, after_deploy"
    );
    assert_eq!(
        of(Shape { keep_ms: 0, ..bare(canary(&[10, 50, 100])) }),
        "pull, start green New 2, healthy green 1, shift 10, shift 50, shift 100, commit green, drain blue, stop blue"
    );
    assert_eq!(
        of(Shape::new(Strategy::Rolling)),
        "pull, before_deploy, migrate, replace 1/2 New, replace 2/2 New, smoke, after_deploy"
    );
    let first = "pull, start green New 2, healthy green 1, commit green";
    assert_eq!(of(Shape { first: true, ..bare(blue_green()) }), first);
    assert_eq!(of(Shape { first: true, ..bare(canary(&[10])) }), first);
    assert_eq!(of(Shape { first: true, ..bare(Strategy::Rolling) }), "pull, start  New 2, healthy  1");
}

#[test]
fn rollbacks_have_the_order_traffic_migration_data_metrics_health() {
    let of = |strategy, migrated, kept| {
        words(&Shape { rollback: Some(Rollback { migrated, kept }), ..Shape::new(strategy) }.plan().steps)
    };
    assert_eq!(
        of(blue_green(), true, true),
        "traffic blue, drain green, stop green, revert_migration, check_data, check_metrics, final_health blue, \
         after_rollback"
    );
    assert_eq!(
        of(canary(&[10]), false, false),
        "pull, start blue New 2, healthy blue 1, traffic blue, drain green, stop green, check_data, check_metrics, \
         final_health blue, after_rollback"
    );
    assert_eq!(
        of(Strategy::Rolling, true, false),
        "pull, replace 1/2 New, replace 2/2 New, revert_migration, check_data, check_metrics, final_health , \
         after_rollback"
    );
}

#[test]
fn the_way_back_fits_the_step_it_begins_at() {
    let looks = "revert_migration, check_data, check_metrics, final_health blue";
    let away = format!("drain green, stop green, {looks}");
    let over = format!("traffic blue, {away}, after_rollback");
    let again = format!("stop blue, start blue Previous 2, healthy blue 1, {over}");
    let table = [
        ("pull", ""),
        ("before_deploy", ""),
        ("migrate", ""),
        ("start", &away),
        ("healthy", &away),
        ("smoke", &away),
        ("shift", &over),
        ("commit", &over),
        ("keep", &over),
        ("drain", &over),
        ("stop", &again),
        ("after_deploy", &again),
    ];
    let plan = Shape::new(blue_green()).plan();
    for (word, wanted) in table {
        let state = state_at(plan.clone(), position(&plan, word));
        assert_eq!(words(&state.way_back()), wanted, "from {word}");
    }
}

#[test]
fn the_way_back_of_a_rolling_deploy_replaces_all_again() {
    let plan = Shape::new(Strategy::Rolling).plan();
    let back = "replace 1/2 Previous, replace 2/2 Previous, revert_migration, check_data, check_metrics, final_health , \
                after_rollback";
    for (word, wanted) in [("migrate", ""), ("replace 1", back), ("smoke", back), ("after_deploy", back)] {
        let state = state_at(plan.clone(), position(&plan, word));
        assert_eq!(words(&state.way_back()), wanted, "from {word}");
    }
}

#[test]
fn a_failed_step_means_this() {
    use OnFailure::{Back, Halt, Tell};
    let blue_green_means = [
        ("pull", Back),
        ("before_deploy", Back),
        ("migrate", Back),
        ("start", Back),
        ("healthy", Back),
        ("smoke", Back),
        ("shift", Back),
        ("commit", Back),
        ("keep", Back),
        ("drain", Tell),
        ("stop", Tell),
        ("after_deploy", Tell),
    ];
    let rolling_means = [
        ("pull", Back),
        ("migrate", Back),
        ("replace 1", Halt),
        ("replace 2", Halt),
        ("smoke", Halt),
        ("after_deploy", Tell),
    ];
    let rollback_means = [
        ("pull", Back),
        ("start", Back),
        ("healthy", Back),
        ("traffic", Halt),
        ("drain", Tell),
        ("stop", Tell),
        ("revert_migration", Tell),
        ("check_data", Tell),
        ("check_metrics", Tell),
        ("final_health", Tell),
        ("after_rollback", Tell),
    ];
    let rollback = Some(Rollback { migrated: true, kept: false });
    let tables: [(Shape, &[_]); 4] = [
        (Shape::new(blue_green()), &blue_green_means),
        (Shape::new(Strategy::Rolling), &rolling_means),
        (Shape { rollback, ..Shape::new(blue_green()) }, &rollback_means),
        (Shape { first: true, ..Shape::new(Strategy::Rolling) }, &[("healthy", Back), ("smoke", Back)]),
    ];
    for (shape, table) in tables {
        let plan = shape.plan();
        for (word, wanted) in table {
            let step = position(&plan, word);
            assert_eq!(
                State::begin(plan.clone()).on_failure(step, false),
                *wanted,
                "{word} of {:?}",
                plan.kind
            );
        }
    }
}

#[test]
fn without_a_watch_after_it_a_commit_that_failed_still_turns_back() {
    let plan = Shape { keep_ms: 0, ..Shape::new(blue_green()) }.plan();
    let state = State::begin(plan.clone());
    assert_eq!(state.on_failure(position(&plan, "commit"), false), OnFailure::Back);
    assert_eq!(state.on_failure(position(&plan, "drain"), false), OnFailure::Tell);
}

#[test]
fn a_migration_that_was_cut_off_is_begun_again_and_never_reverted() {
    let plan = Shape::new(blue_green()).plan();
    let step = position(&plan, "migrate");
    let mut state = state_at(plan, step);
    assert!(state.migration_unfinished() && !state.migrated());
    state.apply(&Record::Resumed { by: "ali@host".to_owned() }).unwrap();
    assert!(
        matches!(state.next(), Next::Do { step: at, again: true, .. } if at == step),
        "{:?}",
        state.next()
    );
    let steps = state.way_back();
    assert_eq!(words(&steps), "");
    state
        .apply(&Record::Back { reason: Reason::Command, why: "so it was wished".to_owned(), steps })
        .unwrap();
    assert!(state.migration_unfinished(), "it is told at the end as well");
    let late = Record::Done { step, back: false, output: String::new() };
    assert!(state.apply(&late).is_err(), "what was left behind does not change any more");
    assert_eq!(state.next(), Next::End { status: Status::Failed, why: "so it was wished".to_owned() });
}

#[test]
fn a_revert_that_was_cut_off_is_given_up_and_told() {
    for rollback in [None, Some(Rollback { migrated: true, kept: true })] {
        let plan = Shape { rollback, ..Shape::new(blue_green()) }.plan();
        let mut state = State::begin(plan.clone());
        let back = rollback.is_none();
        if back {
            state = state_at(plan.clone(), position(&plan, "keep"));
            let steps = state.way_back();
            state.apply(&Record::Back { reason: Reason::Command, why: String::new(), steps }).unwrap();
        }
        let revert = Step::Hook { hook: Hook::RevertMigration };
        let step = state.steps(back).iter().position(|step| *step == revert).unwrap();
        for step in 0..step {
            state.apply(&Record::Started { step, back }).unwrap();
            state.apply(&Record::Done { step, back, output: String::new() }).unwrap();
        }
        let started = Record::Started { step, back };
        state.apply(&started).unwrap();
        state.apply(&Record::Resumed { by: "ali@host".to_owned() }).unwrap();
        assert!(state.apply(&started).is_err(), "nobody can begin it again");
        let Next::GiveUp { step: at, back: on, what, reason, why } = state.next() else {
            panic!("{state:#?}")
        };
        assert_eq!((at, on, what), (step, back, revert.clone()));
        assert!(why.contains("cut off") && why.contains("look yourself"), "{why}");
        state.apply(&Record::Failed { step, back, reason, why: why.clone(), output: String::new() }).unwrap();
        assert_eq!(state.told(), [(&revert, why.as_str())]);
        assert!(matches!(state.next(), Next::Do { step: at, .. } if at == step + 1), "{:?}", state.next());
    }
}

#[test]
fn a_rolling_deploy_halts_at_the_first_failure_and_is_tried_again() {
    let shape = Shape::new(Strategy::Rolling);
    let step = position(&shape.plan(), "replace 2");
    let fault = Fault { step, back: false, after: 1, times: 1 };
    let resumed = run(&shape, &Troubles { faults: vec![fault.clone()], ..Troubles::default() });
    assert_eq!((resumed.halted, resumed.state.ended().unwrap().0), (1, Status::Deployed));
    let words = vec![Word::Rollback];
    let turned = run(&shape, &Troubles { faults: vec![fault], words, ..Troubles::default() });
    assert_eq!((turned.halted, turned.state.ended().unwrap().0), (1, Status::RolledBack));
    assert_eq!(turned.world.reverts, 1);
}

#[test]
fn before_anything_serves_a_failure_ends_as_failed() {
    let ends = |shape: &Shape, word: &str| {
        let step = position(&shape.plan(), word);
        let fault = Fault { step, back: false, after: 0, times: 1 };
        let ended = run(shape, &Troubles { faults: vec![fault], ..Troubles::default() });
        (ended.halted, ended.state.ended().unwrap().0)
    };
    for strategy in [blue_green(), canary(&[10, 100])] {
        let shape = Shape::new(strategy);
        for word in ["pull", "before_deploy", "migrate", "start", "healthy", "smoke"] {
            assert_eq!(ends(&shape, word), (0, Status::Failed), "{word}");
        }
        for word in ["shift", "commit", "keep"] {
            assert_eq!(ends(&shape, word), (0, Status::RolledBack), "{word}");
        }
        for word in ["drain", "stop", "after_deploy"] {
            assert_eq!(ends(&shape, word), (0, Status::Deployed), "{word}");
        }
        assert_eq!(ends(&Shape { first: true, ..shape }, "commit"), (0, Status::Failed));
    }
}

#[test]
fn some_may_not_be_turned_back() {
    let first = Shape { first: true, ..Shape::new(blue_green()) }.plan();
    let at = |plan: &Plan, word| state_at(plan.clone(), position(plan, word));
    assert_eq!(at(&first, "commit").may_turn_back(), Ok(()));
    let serves = at(&first, "after_deploy");
    assert!(serves.may_turn_back().unwrap_err().contains("first version"));
    assert_eq!(serves.way_back(), [], "what serves is not stopped");
    let rollback = Some(Rollback { migrated: true, kept: true });
    let rollback = Shape { rollback, ..Shape::new(blue_green()) }.plan();
    assert_eq!(at(&rollback, "stop").may_turn_back(), Ok(()));
    assert!(at(&rollback, "revert").may_turn_back().unwrap_err().contains("being reverted"));
    let mut turned = at(&rollback, "stop");
    let steps = turned.way_back();
    turned.apply(&Record::Back { reason: Reason::Command, why: String::new(), steps }).unwrap();
    assert!(turned.may_turn_back().unwrap_err().contains("already"));
    turned.apply(&Record::End { status: Status::Failed, why: String::new() }).unwrap();
    assert!(turned.may_turn_back().unwrap_err().contains("ended"));
}

#[test]
fn a_rollback_that_is_turned_back_starts_the_track_it_has_stopped() {
    let rollback = Some(Rollback { migrated: false, kept: true });
    let plan = Shape { rollback, hooks: [].into(), ..Shape::new(blue_green()) }.plan();
    let state = state_at(plan.clone(), position(&plan, "stop"));
    assert_eq!(
        words(&state.way_back()),
        "stop green, start green Previous 2, healthy green 2, traffic green, drain blue, stop blue, final_health green"
    );
}

#[test]
fn ids_that_the_pull_found_are_the_plans() {
    let image = |reference: &str| Image { reference: reference.to_owned(), id: None };
    let mut state = State::begin(deploy(Deploying {
        number: 1,
        environment: "production".to_owned(),
        service: "api".to_owned(),
        strategy: Strategy::Rolling,
        image: image("api:v2"),
        previous: Some(image("api:v1")),
        stable: Some(String::new()),
        target: String::new(),
        replicas: 1,
        ready: 1,
        keep_ms: 0,
        hooks: [].into(),
    }));
    let id = |digit: &str| Some(format!("sha256:{digit}"));
    state.apply(&Record::Images { new: id("2"), previous: None }).unwrap();
    state.apply(&Record::Images { new: None, previous: id("1") }).unwrap();
    assert_eq!(state.plan().image.id, id("2"));
    assert_eq!(state.plan().previous.as_ref().unwrap().id, id("1"));
}

#[test]
fn a_split_that_somebody_else_changed_halts_it_wherever_it_is() {
    let plan = Shape::new(blue_green()).plan();
    for word in ["shift", "commit", "keep", "drain", "stop"] {
        let step = position(&plan, word);
        let state = state_at(plan.clone(), step);
        assert_eq!(state.meaning(step, false, Reason::SplitChanged), OnFailure::Halt, "{word}");
    }
}
