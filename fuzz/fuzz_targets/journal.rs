//! A deploy's journal: nothing panics, what is read is written the same way again, and what can be carried on comes to an
//! end when everything goes well from there.
//!
//! First byte: 0, the rest is a journal's bytes; else it is a journal's lines without their checksums.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_rollout::line::{self, Entry};
use mizan_rollout::{Next, Record, State};

/// As deploy.yml allows; a plan is made with as many steps.
const REPLICAS: u32 = 1000;

fuzz_target!(|data: &[u8]| {
    let [kind, rest @ ..] = data else { return };
    let entries = if *kind == 0 { decoded(rest) } else { rest.split(|byte| *byte == b'\n').map_while(parsed).collect() };
    let bytes: Vec<u8> = entries.iter().flat_map(line::encode).collect();
    let again = line::decode(&bytes).expect("it was just written");
    assert_eq!((&again.entries, again.whole), (&entries, bytes.len()));
    if let Some(Record::Begin { plan, .. }) = entries.first().map(|entry| &entry.record)
        && plan.replicas > REPLICAS
    {
        return;
    }
    if let Ok(Some(state)) = State::replay(entries.iter().map(|entry| &entry.record)) {
        carry_on(state);
    }
});

fn decoded(bytes: &[u8]) -> Vec<Entry> {
    let Ok(journal) = line::decode(bytes) else { return Vec::new() };
    assert!(journal.whole <= bytes.len());
    // What is behind the whole lines is one line at most.
    assert!(bytes[journal.whole..].iter().rev().skip(1).all(|byte| *byte != b'\n'));
    journal.entries
}

fn parsed(json: &[u8]) -> Option<Entry> {
    serde_json::from_slice(json).ok()
}

fn carry_on(mut state: State) {
    // Each step is begun and done, there and back; and a few records around them.
    let ways = state.plan().steps.len() + state.steps(true).len().max(state.way_back().len());
    for _ in 0..2 * ways + 10 {
        let records = match state.next() {
            Next::Do { step, back, .. } => {
                vec![Record::Started { step, back }, Record::Done { step, back, output: String::new() }]
            }
            Next::GiveUp { step, back, reason, why, .. } => {
                vec![Record::Failed { step, back, reason, why, output: String::new() }]
            }
            Next::TurnBack { reason, why } => {
                vec![Record::Back { reason, why, steps: state.way_back() }]
            }
            Next::Halt { .. } => vec![Record::Resumed { by: String::new() }],
            Next::End { status, why } => vec![Record::End { status, why }],
            Next::Nothing => return assert!(state.ended().is_some()),
        };
        for record in records {
            state.apply(&record).expect("it asked for it");
        }
    }
    panic!("it does not end: {state:#?}");
}
