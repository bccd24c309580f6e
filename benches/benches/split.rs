//! What a split and its figures cost each request.

use criterion::{Criterion, criterion_group, criterion_main};
use mizan_policy::split::Split;
use mizan_policy::stats::{Ages, Counters, Ended};
use std::hint::black_box;

fn choosing(criterion: &mut Criterion) {
    let split = Split::new(&[90, 10]);
    let mut random = 0u64;
    let mut next = move || {
        random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        random
    };
    let mut group = criterion.benchmark_group("split");
    group.bench_function("choose", |bencher| bencher.iter(|| black_box(&split).choose(next())));
    group.bench_function("choose_sticky", |bencher| {
        bencher.iter(|| black_box(&split).choose_sticky(next(), black_box(&[11, 22])));
    });
    group.finish();
}

fn counting(criterion: &mut Criterion) {
    let (counters, ages) = (Counters::default(), Ages::default());
    let mut group = criterion.benchmark_group("stats");
    let mut latency = 0;
    group.bench_function("finished", |bencher| {
        bencher.iter(|| {
            latency = (latency + 7919) % 1_000_000;
            counters.finished(
                black_box(Ended::Answered { status: 200, failed: false }),
                false,
                Some(latency),
            );
        });
    });
    group.bench_function("begin_and_end", |bencher| {
        bencher.iter(|| {
            ages.begin(black_box(1000));
            ages.end(black_box(1000));
        });
    });
    group.finish();
}

criterion_group!(benches, choosing, counting);
criterion_main!(benches);
