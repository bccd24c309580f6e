//! When a version is taken back.

use mizan_rollout::Reason;
use mizan_rollout::limits::{Limits, Sample, judge};

const LIMITS: Limits = Limits { error_rate: 0.1, min_requests: 20 };
const PATIENCE_MS: u64 = 5000;

fn reason(limits: Limits, sample: Sample, unhealthy_ms: u64) -> Option<Reason> {
    judge(limits, sample, unhealthy_ms, PATIENCE_MS).map(|(reason, _)| reason)
}

#[test]
fn failed_requests_count_from_the_limit_on_and_not_before_there_are_enough() {
    let of =
        |requests, failed| reason(LIMITS, Sample { requests, failed, up: 2, ready: 2, starting: false }, 0);
    let bad = Some(Reason::ErrorRate);
    let table = [
        (0, 0, None),
        (19, 19, None),
        (20, 1, None),
        (20, 2, bad),
        (20, 20, bad),
        (1000, 0, None),
        (1000, 99, None),
        (1000, 100, bad),
        (u64::MAX, 1, None),
        (u64::MAX, u64::MAX, bad),
        // Counters that were read one after the other.
        (20, 21, bad),
    ];
    for (requests, failed, wanted) in table {
        assert_eq!(of(requests, failed), wanted, "{failed} of {requests}");
    }
}

#[test]
fn instances_that_are_missing_are_waited_for_and_none_at_all_is_not() {
    let of =
        |up, ready, ms| reason(LIMITS, Sample { requests: 0, failed: 0, up, ready, starting: false }, ms);
    let bad = Some(Reason::Unhealthy);
    let table = [
        (2, 2, 60_000, None),
        (3, 2, 60_000, None),
        (1, 2, 0, None),
        (1, 2, 4999, None),
        (1, 2, 5000, bad),
        (0, 2, 0, bad),
        (0, 1, 0, bad),
        (0, 0, 60_000, None),
    ];
    for (up, ready, ms, wanted) in table {
        assert_eq!(of(up, ready, ms), wanted, "{up} of {ready} for {ms} ms");
    }
}

#[test]
fn instances_that_are_starting_are_waited_for() {
    let of = |ms| reason(LIMITS, Sample { requests: 0, failed: 0, up: 0, ready: 2, starting: true }, ms);
    assert_eq!((of(0), of(4999), of(5000)), (None, None, Some(Reason::Unhealthy)));
}

#[test]
fn a_limit_of_nothing_and_of_all_mean_what_they_say() {
    let of = |error_rate, requests, failed| {
        let limits = Limits { error_rate, min_requests: 1 };
        reason(limits, Sample { requests, failed, up: 1, ready: 1, starting: false }, 0)
    };
    assert_eq!(of(0.0, 100, 0), None, "no failure is never too many");
    assert_eq!(of(0.0, 100, 1), Some(Reason::ErrorRate));
    assert_eq!(of(1.0, 100, 99), None);
    assert_eq!(of(1.0, 100, 100), Some(Reason::ErrorRate));
}

#[test]
fn one_that_is_gone_is_named_before_the_requests_it_failed() {
    let sample = Sample { requests: 100, failed: 100, up: 0, ready: 2, starting: false };
    assert_eq!(reason(LIMITS, sample, 0), Some(Reason::Unhealthy));
}

#[test]
fn the_words_have_the_numbers() {
    let why = |sample, ms| judge(LIMITS, sample, ms, PATIENCE_MS).unwrap().1;
    assert_eq!(
        why(Sample { requests: 80, failed: 10, up: 2, ready: 2, starting: false }, 0),
        "10 of 80 requests failed: 12.5 %, the limit is 10.0 %"
    );
    assert_eq!(
        why(Sample { up: 1, ready: 3, ..Sample::default() }, 5000),
        "only 1 of 3 instances take requests"
    );
    assert_eq!(
        why(Sample { up: 0, ready: 3, ..Sample::default() }, 0),
        "none of its instances takes requests any more"
    );
}
