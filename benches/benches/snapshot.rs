//! What a snapshot costs: to load it for a request, to build the next, to swap it in.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use mizan_policy::route::{HostSpec, Outcome, PathSpec, RouteRequest, RouteSpec, Router, SiteSpec};

criterion_group!(benches, snapshot);
criterion_main!(benches);

const HOSTS: usize = 10_000;

fn snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    let sites: Vec<SiteSpec> = (0..HOSTS).map(site).collect();
    let build = || Router::build(&sites).expect("sites are sound");
    let current = ArcSwap::from_pointee(build());

    group.sample_size(20);
    group.bench_function("build", |bencher| bencher.iter(build));

    group.sample_size(100);
    group.bench_function("load", |bencher| bencher.iter(|| black_box(current.load())));
    group.bench_function("load_and_find", |bencher| bencher.iter(|| find(&current.load())));

    let turns = [Arc::new(build()), Arc::new(build())];
    let mut turn = turns.iter().cycle();
    let mut next = || Arc::clone(turn.next().expect("a cycle has no end"));
    group.bench_function("swap", |bencher| bencher.iter(|| current.swap(next())));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                black_box(find(&current.load()));
            }
        });
        group.bench_function("swap_under_load", |bencher| bencher.iter(|| current.swap(next())));
        done.store(true, Ordering::Relaxed);
    });
}

fn find(router: &Router) -> bool {
    let request = RouteRequest {
        host: Some("shop-4711.example.com"),
        path: "/api/orders/17",
        method: "GET",
        headers: &(),
    };
    matches!(router.find(black_box(&request)), Outcome::Route(_))
}

fn site(n: usize) -> SiteSpec {
    SiteSpec {
        hosts: vec![HostSpec::Exact(format!("shop-{n}.example.com"))],
        routes: vec![RouteSpec::new(PathSpec::prefix("/"))],
    }
}
