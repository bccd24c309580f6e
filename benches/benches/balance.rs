//! Choosing an endpoint: each algorithm with 2 and with 1,000 endpoints; idle, loaded, and with a third of them out.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mizan_policy::balance::{Algorithm, Candidate, Cursor, Draw, Plan, pick};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Endpoint {
    active: AtomicU32,
    key: u64,
}

impl Candidate for Endpoint {
    fn weight(&self) -> u32 {
        1
    }
    fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }
    fn key(&self) -> u64 {
        self.key
    }
}

fn pool(size: u64, active: u32) -> Vec<Arc<Endpoint>> {
    (0..size).map(|key| Arc::new(Endpoint { active: AtomicU32::new(active), key })).collect()
}

fn choosing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for algorithm in [Algorithm::LeastConn, Algorithm::RoundRobin, Algorithm::RandomTwo, Algorithm::Hash] {
        for size in [2, 1000] {
            for (state, active, period_of_unusable) in [("idle", 0, 0), ("loaded", 5, 0), ("third_out", 5, 3)]
            {
                let pool = pool(size, active);
                let plan = Plan::new(algorithm, &pool);
                let cursor = Cursor::default();
                let mut random = 0u64;
                let name = format!("{algorithm:?}/{state}");
                group.bench_function(BenchmarkId::new(name, size), |bencher| {
                    bencher.iter(|| {
                        random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
                        let draw = Draw { random, hash: Some(random) };
                        let usable =
                            |index: usize| period_of_unusable == 0 || index % period_of_unusable != 1;
                        pick(&plan, black_box(&pool), &cursor, draw, usable)
                    });
                });
            }
        }
    }
    group.finish();
}

fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for algorithm in [Algorithm::LeastConn, Algorithm::Hash] {
        let pool = pool(1000, 0);
        group.bench_function(BenchmarkId::new(format!("{algorithm:?}"), 1000), |bencher| {
            bencher.iter(|| Plan::new(algorithm, black_box(&pool)));
        });
    }
    group.finish();
}

criterion_group!(benches, choosing, planning);
criterion_main!(benches);
