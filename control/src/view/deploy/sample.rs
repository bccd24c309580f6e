//! Deploys for tests: what they tell, and what they leave behind.

use crate::deploy::progress::{Progress, Traffic, Verdict};
use crate::deploy::store::Kept;
use crate::view::sample::NOW;
use mizan_rollout::line::Entry;
use mizan_rollout::{
    CanaryStep, Deploying, Hook, Image, Kind, Plan, Reason, Record, RollingBack, State, Status, Step,
    Strategy, deploy, roll_back,
};

pub(super) const WIDTHS: [usize; 3] = [40, 80, 200];

/// Events, each with the seconds since the first.
pub(super) type Told = Vec<(u64, Progress)>;

fn image(reference: &str) -> Image {
    Image { reference: reference.to_owned(), id: None }
}

pub(super) fn canary() -> Plan {
    let step = |percent, seconds: u64, gate| CanaryStep { percent, hold_ms: seconds * 1000, gate };
    deploy(Deploying {
        number: 17,
        environment: "production".to_owned(),
        service: "api".to_owned(),
        strategy: Strategy::Canary {
            steps: vec![step(10, 300, false), step(50, 60, true), step(100, 30, false)],
        },
        image: image("registry/api:v2"),
        previous: Some(image("registry/api:v1")),
        stable: Some("blue".to_owned()),
        target: "green".to_owned(),
        replicas: 2,
        ready: 2,
        keep_ms: 300_000,
        hooks: [Hook::Migrate, Hook::AfterDeploy].into(),
    })
}

pub(super) fn rolling() -> Plan {
    deploy(Deploying {
        number: 3,
        environment: "production".to_owned(),
        service: "jobs".to_owned(),
        strategy: Strategy::Rolling,
        image: image("registry/jobs:v9"),
        previous: Some(image("registry/jobs:v8")),
        stable: Some(String::new()),
        target: String::new(),
        replicas: 4,
        ready: 4,
        keep_ms: 0,
        hooks: [].into(),
    })
}

/// Of the canary, after it had ended.
pub(super) fn rollback() -> Plan {
    let (of, hooks) = (Box::new(canary()), [Hook::AfterRollback].into());
    let from = RollingBack { number: 18, of, migrated: false, kept: true, replicas: 2, ready: 2, hooks };
    roll_back(from).unwrap()
}

fn words(steps: &[Step], plan: &Plan) -> Vec<String> {
    steps.iter().map(|step| super::step(step, plan)).collect()
}

pub(super) fn begun(plan: &Plan) -> Progress {
    Progress::Begun {
        number: plan.number,
        environment: plan.environment.clone(),
        service: plan.service.clone(),
        kind: if plan.kind == Kind::Deploy { "deploy" } else { "rollback" }.to_owned(),
        strategy: plan.strategy.name().to_owned(),
        image: plan.image.reference.clone(),
        previous: plan.previous.as_ref().map(|image| image.reference.clone()),
        target: plan.target.clone(),
        stable: plan.stable.clone(),
        steps: words(&plan.steps, plan),
    }
}

pub(super) fn begin(plan: &Plan, step: usize) -> Progress {
    let what = super::step(&plan.steps[step - 1], plan);
    Progress::Step { step, of: plan.steps.len(), back: false, what }
}

pub(super) fn done(step: usize, seconds: u64) -> Progress {
    Progress::Done { step, back: false, took_ms: seconds * 1000 }
}

pub(super) fn track(track: &str, percent: f64, failed: u64) -> Traffic {
    Traffic {
        track: track.to_owned(),
        percent,
        up: 2,
        endpoints: 2,
        rate: 12.3,
        failed_share: failed as f64 / 246.0,
        p50_ms: Some(4.2),
        p95_ms: Some(12.0),
        requests: 246,
        failed,
    }
}

pub(super) fn shift(what: &str, elapsed: u64, total: u64, percent: f64, failed: u64) -> Progress {
    Progress::Wait {
        what: what.to_owned(),
        elapsed_ms: elapsed * 1000,
        total_ms: Some(total * 1000),
        tracks: vec![track("blue", 100.0 - percent, 0), track("green", percent, failed)],
    }
}

fn checked(what: &str, verdict: Verdict, detail: &str) -> Progress {
    Progress::Checked { what: what.to_owned(), verdict, detail: detail.to_owned() }
}

fn checklist() -> Told {
    vec![
        (0, checked("proxy", Verdict::Good, "mizan 0.1.0 answers")),
        (0, checked("docker", Verdict::Good, "28.1")),
        (0, checked("backup", Verdict::Warning, "the newest file is 20h old")),
    ]
}

/// Up to a wait at 10 %.
fn under_way(failed: u64) -> Told {
    let plan = canary();
    let mut told = checklist();
    let output = |line: &str| Progress::Output { line: line.to_owned() };
    told.extend([
        (1, begun(&plan)),
        (1, begin(&plan, 1)),
        (5, done(1, 4)),
        (5, begin(&plan, 2)),
        (6, output("applying 0042_orders")),
        (7, output("\x1b[32mok\x1b[0m\t1 migration")),
        (7, done(2, 2)),
        (7, begin(&plan, 3)),
        (9, done(3, 2)),
        (9, begin(&plan, 4)),
        (12, done(4, 3)),
        (12, begin(&plan, 5)),
        (12, shift("10 % to green", 0, 300, 10.0, 0)),
    ]);
    told.extend((13..60).map(|at| (at, shift("10 % to green", at - 12, 300, 10.0, 0))));
    told.push((60, shift("10 % to green", 48, 300, 10.0, failed)));
    told
}

pub(super) fn in_the_middle() -> Told {
    under_way(0)
}

pub(super) fn gated() -> Told {
    let plan = canary();
    let mut told = under_way(0);
    told.extend([
        (312, done(5, 300)),
        (312, begin(&plan, 6)),
        (312, shift("50 % to green", 0, 60, 50.0, 0)),
        (372, Progress::Gate { percent: 50 }),
        (372, shift("50 % to green", 60, 60, 50.0, 0)),
        (373, Progress::Gate { percent: 50 }),
    ]);
    told
}

pub(super) fn good() -> Told {
    let plan = canary();
    let mut told = gated();
    told.push((400, done(6, 88)));
    for step in 7..=plan.steps.len() {
        let at = 400 + (step as u64 - 7) * 30;
        told.extend([(at, begin(&plan, step)), (at + 30, done(step, 30))]);
    }
    let why = String::new();
    told.push((640, Progress::Ended { status: Status::Deployed, why, took_ms: 639_000 }));
    told
}

pub(super) const ERRORS: &str = "25 of 246 requests failed: 10.2 %, the limit is 10.0 %";

pub(super) fn rolled_back() -> Told {
    let plan = canary();
    let mut told = under_way(25);
    let why = ERRORS.to_owned();
    let (reason, status) = (Reason::ErrorRate, Status::RolledBack);
    let track = || "green".to_owned();
    let back = [
        Step::Traffic { track: "blue".to_owned() },
        Step::Drain { track: track() },
        Step::Stop { track: track() },
    ];
    let steps = words(&back, &plan);
    told.extend([
        (60, Progress::Failed { step: 5, back: false, reason, why: why.clone() }),
        (60, Progress::TurnBack { reason, why: why.clone(), steps: steps.clone() }),
    ]);
    for (at, what) in steps.into_iter().enumerate() {
        let step = at + 1;
        told.push((60 + at as u64, Progress::Step { step, of: 3, back: true, what }));
        if at == 0 {
            told.push((60, Progress::TrafficBack { took_ms: 180 }));
        }
        told.push((61 + at as u64, Progress::Done { step, back: true, took_ms: 900 }));
    }
    told.push((64, Progress::Ended { status, why, took_ms: 63_000 }));
    told
}

pub(super) fn halted() -> Told {
    let plan = rolling();
    let why = "1 of 2 new instances did not get healthy in 2m".to_owned();
    vec![
        (0, begun(&plan)),
        (0, begin(&plan, 1)),
        (3, done(1, 3)),
        (3, begin(&plan, 2)),
        (20, done(2, 17)),
        (20, begin(&plan, 3)),
        (
            30,
            Progress::Wait {
                what: "1 of 2 new instances is healthy".to_owned(),
                elapsed_ms: 10_000,
                total_ms: Some(120_000),
                tracks: vec![Traffic { up: 3, endpoints: 4, ..track("", 100.0, 0) }],
            },
        ),
        (140, Progress::Failed { step: 3, back: false, reason: Reason::Unhealthy, why: why.clone() }),
        (
            140,
            Progress::Stopped {
                why,
                serves: "jobs in production serves both versions: 1 instance of registry/jobs:v9, 3 of registry/jobs:v8"
                    .to_owned(),
                todo: "mizanctl resume jobs, or mizanctl rollback jobs".to_owned(),
            },
        ),
    ]
}

pub(super) fn interrupted() -> Told {
    let mut told = under_way(0);
    told.push((
        61,
        Progress::Stopped {
            why: "Ctrl-C".to_owned(),
            serves: "api in production serves registry/api:v1 on blue".to_owned(),
            todo: "mizanctl resume api, or mizanctl rollback api".to_owned(),
        },
    ));
    told
}

pub(super) fn kept(plan: &Plan, records: Vec<(u64, Record)>) -> Kept {
    let begin = Record::Begin { plan: Box::new(plan.clone()), by: "ali@host".to_owned() };
    let records = [(0, begin)].into_iter().chain(records);
    let entries: Vec<_> =
        records.map(|(seconds, record)| Entry { at_unix_ms: NOW + seconds * 1000, record }).collect();
    let state = State::replay(entries.iter().map(|entry| &entry.record)).unwrap().unwrap();
    Kept { entries, state }
}

fn started(step: usize) -> Record {
    Record::Started { step, back: false }
}

fn finished(step: usize, output: &str) -> Record {
    Record::Done { step, back: false, output: output.to_owned() }
}

fn to_ten_percent() -> Vec<(u64, Record)> {
    vec![
        (1, started(0)),
        (4, Record::Images { new: Some("sha256:0123".to_owned()), previous: None }),
        (5, finished(0, "")),
        (5, started(1)),
        (7, finished(1, "applying 0042_orders\nok\t1 migration\n")),
        (7, started(2)),
        (9, finished(2, "")),
        (9, started(3)),
        (12, finished(3, "")),
        (12, started(4)),
    ]
}

pub(super) fn kept_rolled_back() -> Kept {
    let mut records = to_ten_percent();
    let by = || "vera@host".to_owned();
    let (reason, why) = (Reason::ErrorRate, ERRORS.to_owned());
    let steps = vec![Step::Traffic { track: "blue".to_owned() }, Step::Stop { track: "green".to_owned() }];
    records.extend([
        (20, Record::Interrupted { why: "SIGHUP".to_owned() }),
        (90, Record::Resumed { by: by() }),
        (90, started(4)),
        (100, Record::Paused { by: by() }),
        (110, Record::Unpaused { by: by() }),
        (120, Record::Failed { step: 4, back: false, reason, why: why.clone(), output: String::new() }),
        (120, Record::Back { reason, why: why.clone(), steps }),
        (120, Record::Started { step: 0, back: true }),
        (121, Record::Done { step: 0, back: true, output: String::new() }),
        (121, Record::Started { step: 1, back: true }),
        (131, Record::Done { step: 1, back: true, output: String::new() }),
        (131, Record::End { status: Status::RolledBack, why }),
    ]);
    kept(&canary(), records)
}

pub(super) fn kept_good() -> Kept {
    let mut records = vec![];
    let plan = Plan { number: 16, ..canary() };
    for step in 0..plan.steps.len() {
        let at = step as u64 * 10 + 1;
        records.extend([(at, started(step)), (at + 10, finished(step, ""))]);
    }
    records.push((300, Record::End { status: Status::Deployed, why: String::new() }));
    kept(&plan, records)
}

pub(super) fn kept_halted() -> Kept {
    let (step, back, reason, output) = (1, false, Reason::Unhealthy, String::new());
    let failed = Record::Failed { step, back, reason, why: "not healthy".to_owned(), output };
    kept(&rolling(), vec![(1, started(0)), (2, finished(0, "")), (2, started(1)), (9, failed)])
}

pub(super) fn kept_interrupted() -> Kept {
    let mut records = to_ten_percent();
    records.push((30, Record::Interrupted { why: "Ctrl-C".to_owned() }));
    kept(&Plan { number: 18, ..canary() }, records)
}

/// Without what lies between words.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn has(text: &str, words: &[&str]) {
    for words in words {
        assert!(flat(text).contains(words), "{words} is not in:\n{text}");
    }
}
