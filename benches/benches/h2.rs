//! What the watch over HTTP/2 frames costs each request, and each piece of a large answer.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mizan_policy::h2::{FrameGuard, Limits};
use std::hint::black_box;

/// What a client says before its first frame: its content is not looked at.
const PREFACE: [u8; 24] = [0; 24];

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags, 0, 0, 0, 1]);
    bytes.extend(payload);
    bytes
}

fn watching(criterion: &mut Criterion) {
    let mut guard = FrameGuard::new(Limits::default());
    guard.received(&PREFACE, 0).expect("a preface is no flood");
    let request = frame(1, 5, &[0x82; 30]);
    let answer = [frame(1, 4, &[0x88; 60]), frame(0, 1, &[0; 100])].concat();
    let mut now = 0;
    let mut group = criterion.benchmark_group("h2");
    group.bench_function("request_and_answer", |bencher| {
        bencher.iter(|| {
            now += 1;
            guard.sent(black_box(&answer), now);
            guard.received(black_box(&request), now)
        });
    });
    let windows = [frame(8, 0, &[0, 0, 0x40, 0]), frame(8, 0, &[0, 0, 0x40, 0])].concat();
    let data = frame(0, 0, &[0; 16384]);
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("data_and_window_updates", |bencher| {
        bencher.iter(|| {
            now += 1;
            guard.sent(black_box(&data), now);
            guard.received(black_box(&windows), now)
        });
    });
    group.finish();
}

criterion_group!(benches, watching);
criterion_main!(benches);
