//! `/v1/services/{service}/stats` and the marks it counts from.

use crate::admin::call::{Call, Reply, bad};
use crate::clock;
use crate::stats::seconds;
use crate::upstream::{InForce, Service};
use mizan_api::{
    ClientsFailed, Mark, Problem, ProblemKind, ServiceStats, StatusClasses, StepStats, Tally, TrackStats,
    TriesFailed,
};
use mizan_policy::stats::{self, BUCKETS, Window};

/// What counts as an old request unless the call says otherwise, in seconds.
const OLD: u32 = 10;

pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    let service = call.admin.service(call.parameter(0))?;
    let older_than = call.query("older_than")?.unwrap_or(OLD);
    if !(1..=120).contains(&older_than) {
        return Err(bad("`older_than` must be from 1 to 120 seconds"));
    }
    let mark: Option<String> = call.query("mark")?;
    let mark = match mark {
        None => None,
        Some(name) => Some(service.steering.marks.get(&name).ok_or_else(|| {
            let detail = format!("the service `{}` has no mark `{name}` (any more)", service.name);
            Problem::new(ProblemKind::NotFound, detail)
        })?),
    };
    let in_force = service.steering.in_force();
    let tracks = (0..service.tracks.len()).map(|track| {
        let mark = mark.as_ref().and_then(|(age_ms, tallies)| Some((*age_ms, tallies.get(track)?)));
        track_stats(&service, &in_force, track, older_than, mark)
    });
    Ok(Reply::json(&ServiceStats {
        service: service.name.clone(),
        sticky: service.sticky.is_some(),
        step: in_force.step,
        step_ms: clock::now().saturating_sub(in_force.began_ms),
        latency_bounds_ms: stats::bounds_ms().to_vec(),
        tracks: tracks.collect(),
    }))
}

pub(in crate::admin) fn set_mark(call: &Call) -> Result<Reply, Problem> {
    let service = call.admin.service(call.parameter(0))?;
    let name = call.parameter(1);
    let sound = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !sound {
        return Err(bad(
            "a mark has up to 64 letters, digits, `-`, `_` and `.`, and begins with a letter or digit",
        ));
    }
    service.steering.marks.set(name, service.steering.books().map(|book| book.total()).collect());
    Ok(Reply::json(&Mark { mark: name.to_owned(), set_unix_ms: clock::unix_ms() }))
}

fn track_stats(
    service: &Service,
    in_force: &InForce,
    track: usize,
    older_than: u32,
    mark: Option<(u64, &stats::Tally)>,
) -> TrackStats {
    let now = clock::now();
    let book = service.steering.books().nth(track).expect("each track has a book");
    let window = |window| {
        let (ms, counted) = book.last(window, now);
        tally(ms, &counted)
    };
    let total = book.total();
    TrackStats {
        track: service.tracks[track].name.clone(),
        weight: in_force.split.weights()[track],
        step: step_stats(in_force, track, older_than),
        last_10s: window(Window::Seconds10),
        last_1m: window(Window::Minute1),
        last_5m: window(Window::Minutes5),
        since_mark: mark.map(|(age_ms, marked)| tally(age_ms, &total.since(marked))),
        total: tally(now, &total),
    }
}

fn step_stats(in_force: &InForce, track: usize, older_than: u32) -> StepStats {
    let step = &in_force.steps[track];
    let counted = step.counters.read();
    let (levels, first) = match &step.clients {
        Some(clients) => (clients.levels(), clients.first()),
        // Every request is a client of its own.
        None => ([counted.failed, 0, 0], counted.latency),
    };
    StepStats {
        tally: tally(clock::now().saturating_sub(in_force.began_ms), &counted),
        active: step.ages.active(),
        active_old: step.ages.older_than(older_than, seconds()),
        clients_failed: ClientsFailed { once: levels[0], four_times: levels[1], sixteen_times: levels[2] },
        first_latency: first.to_vec(),
    }
}

fn tally(ms: u64, counted: &stats::Tally) -> Tally {
    const { assert!(BUCKETS == 73) };
    let [informational, successful, redirection, client_error, server_error] = counted.status;
    let [
        connect,
        connect_timeout,
        unreachable,
        left,
        stale_connection,
        answer_timeout,
        bad_answer,
        closed,
        broken,
        tls,
        refused,
    ] = counted.tries_failed;
    Tally {
        ms,
        requests: counted.requests,
        status: StatusClasses { informational, successful, redirection, client_error, server_error },
        failed: counted.failed,
        tries_failed: TriesFailed {
            connect,
            connect_timeout,
            unreachable,
            left,
            stale_connection,
            answer_timeout,
            bad_answer,
            closed,
            broken,
            tls,
            refused,
        },
        retries: counted.retries,
        fallbacks: counted.fallbacks,
        client_aborts: counted.client_aborts,
        forced: counted.forced,
        forced_failed: counted.forced_failed,
        latency: counted.latency.to_vec(),
    }
}
