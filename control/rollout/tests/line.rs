//! A journal's bytes: what was written is read, and what was not is told.

use mizan_rollout::line::{Damage, Entry, decode, encode};
use mizan_rollout::{
    CanaryStep, Deploying, Hook, Image, Reason, Record, State, Status, Step, Strategy as Rollout, Version,
    deploy,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec!["", "\n", "a\r\nb\0", "\u{2028}\"\\", "api:v2"]).prop_map(String::from)
    ]
}

fn any_hook() -> impl Strategy<Value = Hook> {
    select(vec![Hook::Preflight, Hook::Migrate, Hook::RevertMigration, Hook::CheckData])
}

fn any_step() -> impl Strategy<Value = Step> {
    let version = select(vec![Version::New, Version::Previous]);
    let start = (any_text(), version.clone(), any::<u32>());
    let shift = (any::<u8>(), any::<u64>(), any::<bool>());
    prop_oneof![
        Just(Step::Pull),
        any_hook().prop_map(|hook| Step::Hook { hook }),
        start.prop_map(|(track, version, replicas)| Step::Start { track, version, replicas }),
        shift.prop_map(|(percent, hold_ms, gate)| Step::Shift { percent, hold_ms, gate }),
        (any::<u32>(), any::<u32>(), version).prop_map(|(nth, of, version)| Step::Replace {
            nth,
            of,
            version
        }),
        any::<u64>().prop_map(|ms| Step::Keep { ms }),
        any_text().prop_map(|track| Step::Traffic { track }),
    ]
}

fn any_strategy() -> impl Strategy<Value = Rollout> {
    let step = (any::<u8>(), any::<u64>(), any::<bool>());
    let step = step.prop_map(|(percent, hold_ms, gate)| CanaryStep { percent, hold_ms, gate });
    prop_oneof![
        any::<u64>().prop_map(|watch_ms| Rollout::BlueGreen { watch_ms }),
        vec(step, 0..3).prop_map(|steps| Rollout::Canary { steps }),
        Just(Rollout::Rolling),
    ]
}

fn any_begin() -> impl Strategy<Value = Record> {
    let image = || {
        let image = (any_text(), proptest::option::of(any_text()));
        image.prop_map(|(reference, id)| Image { reference, id })
    };
    let versions = (image(), proptest::option::of(image()), proptest::option::of(any_text()), any_text());
    (any::<u64>(), any_strategy(), versions, 0..4u32, btree_set(any_hook(), 0..3), any_text()).prop_map(
        |(number, strategy, (image, previous, stable, target), replicas, hooks, by)| {
            let (environment, service) = ("production".to_owned(), "api".to_owned());
            let (ready, keep_ms) = (replicas, number / 2);
            let plan = deploy(Deploying {
                number,
                environment,
                service,
                strategy,
                image,
                previous,
                stable,
                target,
                replicas,
                ready,
                keep_ms,
                hooks,
            });
            Record::Begin { plan: Box::new(plan), by }
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let reason = select(vec![Reason::Image, Reason::ErrorRate, Reason::Disk]);
    let status = select(vec![Status::Deployed, Status::RolledBack, Status::Failed]);
    let failed = (any::<usize>(), any::<bool>(), reason.clone(), any_text(), any_text());
    prop_oneof![
        any_begin(),
        (any::<usize>(), any::<bool>()).prop_map(|(step, back)| Record::Started { step, back }),
        (0..9usize, any_text()).prop_map(|(step, output)| Record::Done { step, back: true, output }),
        failed.prop_map(|(step, back, reason, why, output)| Record::Failed {
            step,
            back,
            reason,
            why,
            output
        }),
        proptest::option::of(any_text()).prop_map(|new| Record::Images { new, previous: None }),
        (reason, any_text(), vec(any_step(), 0..4)).prop_map(|(reason, why, steps)| Record::Back {
            reason,
            why,
            steps
        }),
        any_text().prop_map(|why| Record::Interrupted { why }),
        any_text().prop_map(|by| Record::Resumed { by }),
        any_text().prop_map(|by| Record::Promoted { by }),
        any_text().prop_map(|text| Record::Note { text }),
        (status, any_text()).prop_map(|(status, why)| Record::End { status, why }),
    ]
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    vec((any::<u64>(), any_record()).prop_map(|(at_unix_ms, record)| Entry { at_unix_ms, record }), 1..6)
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn bytes(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(encode).collect()
}

proptest! {
    #[test]
    fn any_entries_are_read_as_they_were_written(entries in any_entries()) {
        let bytes = bytes(&entries);
        let journal = decode(&bytes).unwrap();
        prop_assert_eq!(journal.whole, bytes.len());
        prop_assert_eq!(journal.entries, entries);
    }

    #[test]
    fn a_record_is_one_line(entries in any_entries()) {
        prop_assert_eq!(newlines(&bytes(&entries)), entries.len());
    }

    #[test]
    fn what_was_cut_off_leaves_the_lines_before_it(entries in any_entries(), at in any::<Index>()) {
        let bytes = bytes(&entries);
        let cut = at.index(bytes.len() + 1);
        let journal = decode(&bytes[..cut]).unwrap();
        let whole = newlines(&bytes[..cut]);
        prop_assert_eq!(&journal.entries[..], &entries[..whole]);
        let expected: usize = entries[..whole].iter().map(|entry| encode(entry).len()).sum();
        prop_assert_eq!(journal.whole, expected);
    }

    #[test]
    fn a_byte_that_changed_is_damage_before_the_last_line_and_takes_the_last_line_away(
        entries in any_entries(),
        at in any::<Index>(),
        bits in 1..=255u8,
    ) {
        let mut bytes = bytes(&entries);
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        let last = bytes.len() - encode(entries.last().unwrap()).len();
        match decode(&bytes) {
            Ok(journal) => {
                prop_assert!(at >= last, "a change before the last line went unseen");
                prop_assert_eq!(&journal.entries[..], &entries[..entries.len() - 1]);
                prop_assert_eq!(journal.whole, last);
            }
            // A newline in the last line makes two of it, the first of which is wrong.
            Err(_) => prop_assert!(at < last || bytes[at] == b'\n'),
        }
    }

    #[test]
    fn no_bytes_and_no_records_panic(bytes in vec(any::<u8>(), 0..300), entries in any_entries()) {
        let _ = decode(&bytes);
        let _ = State::replay(entries.iter().map(|entry| &entry.record));
    }
}

#[test]
fn a_line_looks_like_this() {
    let entry = Entry { at_unix_ms: 1_700_000_000_000, record: Record::Started { step: 3, back: false } };
    let line = String::from_utf8(encode(&entry)).unwrap();
    assert_eq!(
        line,
        "6a6f2abb {\"at_unix_ms\":1700000000000,\"record\":\"started\",\"step\":3,\"back\":false}\n"
    );
}

#[test]
fn a_line_with_a_right_checksum_and_words_nobody_knows_is_told_by_its_number() {
    let json = r#"{"at_unix_ms":1,"record":"vanished"}"#;
    let strange = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
    let good = encode(&Entry { at_unix_ms: 1, record: Record::Note { text: String::new() } });
    for behind in [&good[..], b""] {
        let all = [&good[..], strange.as_bytes(), behind].concat();
        match decode(&all) {
            Err(Damage::Json(2, why)) => assert!(why.contains("vanished"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_checksum_is_eight_digits_as_they_were_written_and_nothing_else() {
    let note = |number: u32| Record::Note { text: number.to_string() };
    let lines = (0..).map(|number| encode(&Entry { at_unix_ms: 1, record: note(number) }));
    let lines = lines.map(|line| String::from_utf8(line).unwrap());
    // Numbers that other spellings of it would be read as, too.
    let is_apt = |line: &String| {
        line.starts_with('0') && line[..8].contains(|digit: char| digit.is_ascii_alphabetic())
    };
    let line = lines.into_iter().find(is_apt).unwrap();
    let (sum, json) = line.split_at(8);
    let wrong = [
        format!("+{}{json}", &sum[1..]),
        format!("{}{json}", sum.to_uppercase()),
        line.replacen(' ', "\t", 1),
        line[1..].to_owned(),
        format!("0{line}"),
        "\n".to_owned(),
    ];
    for wrong in wrong {
        let bytes = [&wrong, &line].map(String::as_bytes).concat();
        assert_eq!(decode(&bytes), Err(Damage::Checksum(1)), "{wrong:?}");
    }
}
