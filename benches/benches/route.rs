//! How long it takes to find a route.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mizan_policy::route::{HostSpec, Outcome, PathSpec, RouteRequest, RouteSpec, Router, SiteSpec};

criterion_group!(benches, hosts, prefixes, kinds_of_path, strange_paths);
criterion_main!(benches);

/// A site for each host, with the one route `/`: the most common table there is.
fn hosts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route/hosts");
    for count in [1, 10, 10_000] {
        let mut sites: Vec<SiteSpec> =
            (0..count).map(|n| site(HostSpec::Exact(host(n)), vec![root()])).collect();
        sites.push(site(HostSpec::Wildcard("wild.example.com".into()), vec![root()]));
        let router = Router::build(&sites).expect("sites are sound");
        let asked: Vec<String> = (0..64).map(|n| host(n * 157 % count)).collect();
        group.bench_function(BenchmarkId::new("exact", count), |bencher| {
            let mut turn = asked.iter().cycle();
            bencher.iter(|| find(&router, turn.next().expect("a cycle has no end"), "/api/orders/17"));
        });
        group.bench_function(BenchmarkId::new("wildcard", count), |bencher| {
            bencher.iter(|| find(&router, "a.b.wild.example.com", "/api/orders/17"));
        });
    }
}

/// Prefixes two segments deep under `/`, one host.
fn prefixes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route/prefixes");
    for count in [10, 10_000] {
        let mut table = vec![root()];
        table.extend((0..count).map(|n| RouteSpec::new(PathSpec::prefix(prefix(n)))));
        let router = one_site(table);
        let asked: Vec<String> = (0..64).map(|n| prefix(n * 157 % count) + "/orders/17").collect();
        group.bench_function(BenchmarkId::new("deep", count), |bencher| {
            let mut turn = asked.iter().cycle();
            bencher.iter(|| find(&router, "example.com", turn.next().expect("a cycle has no end")));
        });
        group.bench_function(BenchmarkId::new("root", count), |bencher| {
            bencher.iter(|| find(&router, "example.com", "/other/orders/17"));
        });
    }
}

fn kinds_of_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route/kinds");
    let suffixes = [".js", ".css", ".woff2", ".png", ".svg"].map(String::from).to_vec();
    let regex = |pattern: &str| PathSpec::Regex { pattern: pattern.into(), ignore_case: false };
    let paths = [
        PathSpec::Exact("/lb-health".into()),
        PathSpec::Suffixes(suffixes),
        regex(r"^/v[0-9]+/users/[^/]+$"),
        regex(r"\.php$"),
        PathSpec::prefix("/api"),
        PathSpec::prefix("/"),
    ];
    let router = one_site(paths.map(RouteSpec::new).to_vec());
    for (name, path) in [
        ("exact", "/lb-health"),
        ("suffix", "/assets/index-4f2a.js"),
        ("regex", "/v2/users/ada"),
        ("prefix_after_patterns", "/api/orders/17"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| find(&router, "example.com", path)));
    }
}

/// Paths that have to be read in more than one way.
fn strange_paths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route/strange");
    let router =
        one_site(["/", "/api", "/private"].map(|path| RouteSpec::new(PathSpec::prefix(path))).to_vec());
    let long = format!("/{}", "a;b/%2f//".repeat(900));
    for (name, path) in [
        ("escaped_space", "/files/annual%20report.pdf"),
        ("escaped_slash", "/@scope%2fname"),
        ("parameters_and_slashes", "/app//page;jsessionid=1A2B%2F"),
        ("disguise", "/c/..;/private"),
        ("eight_kilobytes", &long),
        ("eight_kilobytes_in_32_readings", &format!("{long}\\.%5c%253f%3b%252525")),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| find(&router, "example.com", path)));
    }
}

fn find(router: &Router, host: &str, path: &str) -> Outcome {
    router.find(black_box(&RouteRequest { host: Some(host), path, method: "GET", headers: &() }))
}

fn one_site(routes: Vec<RouteSpec>) -> Router {
    Router::build(&[site(HostSpec::Any, routes)]).expect("routes are sound")
}

fn site(host: HostSpec, routes: Vec<RouteSpec>) -> SiteSpec {
    SiteSpec { hosts: vec![host], routes }
}

fn root() -> RouteSpec {
    RouteSpec::new(PathSpec::prefix("/"))
}

fn host(n: usize) -> String {
    format!("shop-{n}.example.com")
}

fn prefix(n: usize) -> String {
    format!("/team-{}/service-{n}", n % 100)
}
