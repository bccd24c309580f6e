//! The laws every algorithm keeps, and what each promises of its own.

use super::random::{Numbers, mix};
use super::*;
use proptest::prelude::*;
use std::sync::atomic::AtomicU32;

const ALL: [Algorithm; 4] =
    [Algorithm::LeastConn, Algorithm::RoundRobin, Algorithm::RandomTwo, Algorithm::Hash];

#[derive(Debug)]
struct Server {
    weight: u32,
    active: AtomicU32,
    key: u64,
}

impl Candidate for Server {
    fn weight(&self) -> u32 {
        self.weight
    }
    fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }
    fn key(&self) -> u64 {
        self.key
    }
}

fn servers(weights: &[u32]) -> Vec<Server> {
    let server =
        |(index, &weight): (usize, &u32)| Server { weight, active: AtomicU32::new(0), key: index as u64 };
    weights.iter().enumerate().map(server).collect()
}

fn draw(numbers: &mut Numbers) -> Draw {
    Draw { random: numbers.next(), hash: Some(numbers.next()) }
}

/// How often each server is chosen in `count` requests of which `at_once` are under way at any time.
fn counts(
    algorithm: Algorithm,
    pool: &[Server],
    count: usize,
    at_once: usize,
    usable: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let plan = Plan::new(algorithm, pool);
    let cursor = Cursor::default();
    let mut numbers = Numbers::new(7);
    let mut chosen = vec![0; pool.len()];
    let mut under_way = std::collections::VecDeque::new();
    for _ in 0..count {
        if under_way.len() >= at_once {
            let done: usize = under_way.pop_front().unwrap();
            pool[done].active.fetch_sub(1, Ordering::Relaxed);
        }
        let index = pick(&plan, pool, &cursor, draw(&mut numbers), &usable).unwrap();
        chosen[index] += 1;
        pool[index].active.fetch_add(1, Ordering::Relaxed);
        under_way.push_back(index);
    }
    chosen
}

/// How far the shares in `chosen` are from `weights`, at most, as a part of the share due.
fn unfairness(chosen: &[usize], weights: &[u32]) -> f64 {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let count = chosen.iter().sum::<usize>() as f64;
    let off = |(&chosen, &weight): (&usize, &u32)| {
        let due = count * f64::from(weight) / total;
        if due == 0.0 { chosen as f64 } else { (chosen as f64 - due).abs() / due }
    };
    chosen.iter().zip(weights).map(off).fold(0.0, f64::max)
}

#[test]
fn equal_endpoints_get_equal_shares() {
    for (algorithm, tolerance) in [(ALL[0], 0.001), (ALL[1], 0.001), (ALL[2], 0.05), (Algorithm::Hash, 0.35)]
    {
        let chosen = counts(algorithm, &servers(&[1; 10]), 100_000, 1, |_| true);
        assert!(unfairness(&chosen, &[1; 10]) <= tolerance, "{algorithm:?}: {chosen:?}");
    }
}

#[test]
fn weights_are_respected_one_request_at_a_time_and_under_load() {
    let weights = [1, 2, 5, 10];
    for at_once in [1, 18, 180] {
        for (algorithm, tolerance) in [(ALL[0], 0.05), (ALL[1], 0.001), (ALL[2], 0.2), (Algorithm::Hash, 0.3)]
        {
            let chosen = counts(algorithm, &servers(&weights), 90_000, at_once, |_| true);
            assert!(unfairness(&chosen, &weights) <= tolerance, "{algorithm:?} at {at_once}: {chosen:?}");
        }
    }
}

#[test]
fn what_an_unusable_endpoint_leaves_is_shared_by_all_the_rest() {
    let due = [1, 0, 1, 1, 0, 1];
    for (algorithm, tolerance) in [(ALL[0], 0.02), (ALL[1], 0.001), (ALL[2], 0.05), (Algorithm::Hash, 0.35)] {
        let chosen = counts(algorithm, &servers(&[1; 6]), 60_000, 1, |index| due[index] == 1);
        assert!(unfairness(&chosen, &due) <= tolerance, "{algorithm:?}: {chosen:?}");
    }
}

#[test]
fn two_idle_endpoints_take_turns() {
    for algorithm in [Algorithm::LeastConn, Algorithm::RoundRobin] {
        let pool = servers(&[1, 1]);
        let (plan, cursor) = (Plan::new(algorithm, &pool), Cursor::default());
        let next = |random| pick(&plan, &pool, &cursor, Draw { random, hash: None }, |_| true);
        let order: Vec<_> = (0..6).filter_map(next).collect();
        assert_eq!(order, [0, 1, 0, 1, 0, 1], "{algorithm:?}");
    }
}

#[test]
fn a_heavy_endpoint_has_no_long_run_while_a_lighter_one_waits() {
    let pool = servers(&[5, 5, 2]);
    let (plan, cursor) = (Plan::new(Algorithm::RoundRobin, &pool), Cursor::default());
    let next = |random| pick(&plan, &pool, &cursor, Draw { random, hash: None }, |_| true);
    let order: Vec<_> = (0..120).filter_map(next).collect();
    let longest = order.chunk_by(|a, b| a == b).map(<[usize]>::len).max();
    assert!(longest <= Some(2), "{order:?}");
}

#[test]
fn a_single_candidate_is_always_taken_and_none_when_it_is_not_usable() {
    for algorithm in ALL {
        let pool = [Arc::new(servers(&[3]).remove(0))];
        pool[0].active.store(1000, Ordering::Relaxed);
        let (plan, cursor) = (Plan::new(algorithm, &pool), Cursor::default());
        let draw = Draw { random: 5, hash: None };
        assert_eq!(pick(&plan, &pool, &cursor, draw, |_| true), Some(0));
        assert_eq!(pick(&plan, &pool, &cursor, draw, |_| false), None);
    }
}

#[test]
fn an_empty_pool_gives_none() {
    for algorithm in ALL {
        let pool: [Server; 0] = [];
        let plan = Plan::new(algorithm, &pool);
        let draw = Draw { random: 5, hash: None };
        assert_eq!(pick(&plan, &pool, &Cursor::default(), draw, |_| true), None);
    }
}

#[test]
fn a_request_without_a_key_is_spread() {
    let pool = servers(&[1; 4]);
    let (plan, cursor) = (Plan::new(Algorithm::Hash, &pool), Cursor::default());
    let mut chosen = [0; 4];
    for random in (0..4000).map(mix) {
        chosen[pick(&plan, &pool, &cursor, Draw { random, hash: None }, |_| true).unwrap()] += 1;
    }
    assert!(chosen.iter().all(|&count| count > 500), "{chosen:?}");
}

#[test]
fn only_the_keys_of_an_endpoint_that_leaves_move() {
    let (all, mut left) = (servers(&[1, 3, 1, 2, 1]), servers(&[1, 3, 1, 2, 1]));
    left.remove(3);
    let owners = |pool: &[Server]| -> Vec<u64> {
        let (plan, cursor) = (Plan::new(Algorithm::Hash, pool), Cursor::default());
        let draw = |hash| Draw { random: 0, hash: Some(hash) };
        (0..2000).map(|hash| pool[pick(&plan, pool, &cursor, draw(hash), |_| true).unwrap()].key).collect()
    };
    let (before, after) = (owners(&all), owners(&left));
    assert!(before.contains(&3));
    for (before, after) in before.into_iter().zip(after) {
        assert!(if before == 3 { after != 3 } else { after == before });
    }
}

#[test]
fn the_keys_of_a_pool_that_is_mostly_out_are_shared_by_the_rest() {
    let pool = servers(&[1; 2000]);
    let (plan, cursor) = (Plan::new(Algorithm::Hash, &pool), Cursor::default());
    let mut chosen = [0; 4];
    for hash in 0..400 {
        let draw = Draw { random: 0, hash: Some(hash) };
        chosen[pick(&plan, &pool, &cursor, draw, |index| index < 4).unwrap()] += 1;
    }
    assert!(chosen.iter().all(|&count| count > 60), "{chosen:?}");
}

#[test]
fn of_two_the_less_loaded_one_is_taken() {
    for weights in [[1, 1], [1, 3], [3, 1]] {
        let pool = servers(&weights);
        pool[0].active.store(100, Ordering::Relaxed);
        let (plan, cursor) = (Plan::new(Algorithm::RandomTwo, &pool), Cursor::default());
        for random in (0..200).map(mix) {
            let chosen = pick(&plan, &pool, &cursor, Draw { random, hash: None }, |_| true);
            assert_eq!(chosen, Some(1), "{weights:?}");
        }
    }
}

#[test]
fn a_ring_of_heavy_endpoints_stays_bounded() {
    let ring = Ring::new(&servers(&[1000; 1000]));
    assert_eq!(ring.pick(1, |_| true).map(|index| index < 1000), Some(true));
    let ring = Ring::new(&servers(&vec![1; 2000]));
    assert!(ring.pick(99, |index| index == 1234) == Some(1234));
}

#[test]
fn a_thousand_loaded_endpoints_share_by_least_conn() {
    let pool = servers(&[1; 1000]);
    let chosen = counts(Algorithm::LeastConn, &pool, 100_000, 5000, |_| true);
    assert!(unfairness(&chosen, &[1; 1000]) < 0.2, "{chosen:?}");
    assert!(pool.iter().all(|server| server.active() <= 6));
}

fn pools() -> impl Strategy<Value = Vec<(u32, u32, bool)>> {
    let servers = |size, most| prop::collection::vec((1u32..=most, 0u32..50, any::<bool>()), size);
    prop_oneof![9 => servers(1..12, 10), 1 => servers(120..300, 2)]
}

fn build(pool: &[(u32, u32, bool)]) -> Vec<Server> {
    let server = |(index, &(weight, active, _)): (usize, &(u32, u32, bool))| Server {
        weight,
        active: AtomicU32::new(active),
        key: index as u64,
    };
    pool.iter().enumerate().map(server).collect()
}

proptest! {
    #[test]
    fn the_other_one_is_never_the_same(weights in prop::collection::vec(1u32..5, 2..6), random: u64) {
        let table = Weights::new(&servers(&weights));
        for not in 0..weights.len() {
            prop_assert_ne!(table.draw_other(random, not), not);
        }
    }

    #[test]
    fn a_usable_one_is_chosen_if_there_is_one_and_never_another(pool in pools(), random: u64, start: u64) {
        let candidates = build(&pool);
        let any = pool.iter().any(|server| server.2);
        for algorithm in ALL {
            let plan = Plan::new(algorithm, &candidates);
            let cursor = Cursor::new(start);
            for hash in [None, Some(random)] {
                let chosen = pick(&plan, &candidates, &cursor, Draw { random, hash }, |i| pool[i].2);
                prop_assert_eq!(chosen.is_some(), any);
                prop_assert!(chosen.is_none_or(|index| pool[index].2));
            }
        }
    }

    #[test]
    fn least_conn_never_chooses_the_more_loaded_one(
        pool in prop::collection::vec((1u32..=20, 0u32..50, any::<bool>()), 1..=128), random: u64, start: u64,
    ) {
        let candidates = build(&pool);
        let plan = Plan::new(Algorithm::LeastConn, &candidates);
        let draw = Draw { random, hash: None };
        if let Some(chosen) = pick(&plan, &candidates, &Cursor::new(start), draw, |i| pool[i].2) {
            let chosen = Load::of(&candidates[chosen]);
            for (index, other) in candidates.iter().enumerate().filter(|&(index, _)| pool[index].2) {
                prop_assert!(chosen.compare(Load::of(other)).is_le(), "{} is less loaded", index);
            }
        }
    }

    #[test]
    fn a_full_round_gives_each_exactly_its_weight(weights in prop::collection::vec(1u32..=30, 2..20)) {
        let candidates = servers(&weights);
        let total: u32 = weights.iter().sum();
        let chosen = counts(Algorithm::RoundRobin, &candidates, total as usize, 1, |_| true);
        prop_assert_eq!(chosen, weights.iter().map(|&weight| weight as usize).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_key_finds_the_same_endpoint_whatever_the_order(
        weights in prop::collection::vec(1u32..=5, 2..20), hash: u64, turn: usize,
    ) {
        let candidates = servers(&weights);
        let mut turned = servers(&weights);
        turned.rotate_left(turn % weights.len());
        let owner = |pool: &[Server]| {
            let draw = Draw { random: 1, hash: Some(hash) };
            let plan = Plan::new(Algorithm::Hash, pool);
            pick(&plan, pool, &Cursor::default(), draw, |_| true).map(|index| pool[index].key)
        };
        prop_assert_eq!(owner(&candidates), owner(&turned));
    }
}
