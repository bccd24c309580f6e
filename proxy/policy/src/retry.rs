//! Whether a failed request may be sent to another endpoint.
//!
//! The rules keep two promises: a request that may have had an effect is never silently sent twice, and retries never
//! grow into a storm. Connects that failed cost the endpoints nothing, so they are bounded by the tries alone; whatever
//! was sent is also bounded by the [`Budget`].

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happened to a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection: refused, unreachable, too slow, failed TLS handshake. Nothing was sent.
    Connect,
    /// The endpoint said that it did nothing with it (RFC 9113, 8.7).
    Refused,
    /// The connection was closed before the first byte of an answer; what was sent may have been read.
    Closed,
    /// No answer within the time limit: the endpoint may be at work on it.
    Timeout,
    /// The answer had begun, or was no HTTP.
    Answer,
}

/// A request after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    pub failure: Failure,
    pub method: Method,
    pub body: Body,
    /// Endpoints tried, this one included.
    pub tries: u32,
    /// Endpoints to try at most.
    pub most: u32,
}

/// Whether a method may be repeated without changing the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Idempotent,
    Other,
}

impl Method {
    /// RFC 9110, section 9.2.2. Methods are case-sensitive.
    pub fn of(name: &str) -> Self {
        match name {
            "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" => Self::Idempotent,
            _ => Self::Other,
        }
    }
}

/// How much of the request's body was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// It has none, or none of it was sent.
    Unsent,
    /// Some was, and all of that is kept.
    Kept,
    /// Some was; it is not kept, so it cannot be sent again.
    Begun,
}

/// What to do, and for the log why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Retry,
    /// It could have had an effect.
    NotRepeatable,
    /// As many endpoints were tried as the service allows.
    TriesUsedUp,
    /// The service has too many retries already.
    OverBudget,
}

/// May the request be sent to another endpoint? Takes one retry out of the budget if so and something was sent.
pub fn may_retry(tried: Tried, budget: &Budget, now_ms: u64) -> Decision {
    let repeatable = match (tried.failure, tried.body, tried.method) {
        (Failure::Connect, Body::Unsent, _)
        | (Failure::Refused, Body::Unsent | Body::Kept, _)
        | (Failure::Closed, Body::Unsent, Method::Idempotent) => true,
        (Failure::Closed, Body::Unsent, Method::Other)
        | (Failure::Connect | Failure::Closed, Body::Kept | Body::Begun, _)
        | (Failure::Refused, Body::Begun, _)
        | (Failure::Timeout | Failure::Answer, _, _) => false,
    };
    if !repeatable {
        return Decision::NotRepeatable;
    }
    if tried.tries >= tried.most {
        return Decision::TriesUsedUp;
    }
    match tried.failure {
        Failure::Connect => Decision::Retry,
        Failure::Refused | Failure::Closed | Failure::Timeout | Failure::Answer => {
            if budget.withdraw(now_ms) { Decision::Retry } else { Decision::OverBudget }
        }
    }
}

/// Retries as a share of the requests of the last [`WINDOW`] seconds, and some more a second, as in linkerd.
///
/// A request costs one addition; the lock is touched once a second and by retries.
#[derive(Debug)]
pub struct Budget {
    percent: u32,
    min_per_second: u32,
    requests: AtomicU64,
    /// The second that `window` has reached.
    second: AtomicU64,
    window: Mutex<Window>,
}

/// Seconds over which requests and retries are counted.
pub const WINDOW: usize = 10;

#[derive(Debug, Default)]
struct Window {
    second: u64,
    /// What `requests` was at the beginning of each second, and the retries in it; by the second modulo the length.
    requests: [u64; WINDOW],
    retries: [u64; WINDOW],
}

impl Budget {
    /// Retries up to `percent` of the requests and `min_per_second` more.
    pub fn new(percent: u32, min_per_second: u32) -> Self {
        Self {
            percent,
            min_per_second,
            requests: AtomicU64::new(0),
            second: AtomicU64::new(0),
            window: Mutex::new(Window::default()),
        }
    }

    /// Counts a request, retries not included.
    pub fn deposit(&self, now_ms: u64) {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        // Whoever comes first in a new second notes it; if the lock is taken, another does.
        if now_ms / 1000 > self.second.load(Ordering::Relaxed)
            && let Ok(mut window) = self.window.try_lock()
        {
            self.advance(&mut window, now_ms / 1000, before);
        }
    }

    /// Takes one retry, if there is one left.
    pub fn withdraw(&self, now_ms: u64) -> bool {
        let Ok(mut window) = self.window.lock() else { return false };
        let requests = self.requests.load(Ordering::Relaxed);
        self.advance(&mut window, now_ms / 1000, requests);
        let oldest = window.requests[((window.second + 1) % WINDOW as u64) as usize];
        let share = (requests - oldest.min(requests)) * u64::from(self.percent) / 100;
        let least = u64::from(self.min_per_second) * WINDOW as u64;
        if window.retries.iter().sum::<u64>() >= share + least {
            return false;
        }
        let now = (window.second % WINDOW as u64) as usize;
        window.retries[now] += 1;
        true
    }

    fn advance(&self, window: &mut Window, second: u64, requests: u64) {
        let passed = second.saturating_sub(window.second).min(WINDOW as u64);
        for second in (second + 1 - passed)..=second {
            if passed > 0 {
                window.requests[(second % WINDOW as u64) as usize] = requests;
                window.retries[(second % WINDOW as u64) as usize] = 0;
            }
        }
        window.second = window.second.max(second);
        self.second.store(window.second, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plenty() -> Budget {
        Budget::new(100, 1000)
    }

    fn tried(failure: Failure, method: &str, body: Body) -> Tried {
        Tried { failure, method: Method::of(method), body, tries: 1, most: 3 }
    }

    #[test]
    fn a_failed_connect_is_retried_for_any_method() {
        for method in ["GET", "POST", "PATCH", "get"] {
            let tried = tried(Failure::Connect, method, Body::Unsent);
            assert_eq!(may_retry(tried, &plenty(), 0), Decision::Retry);
        }
    }

    #[test]
    fn a_closed_connection_is_retried_only_for_idempotent_methods() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
            assert_eq!(
                may_retry(tried(Failure::Closed, method, Body::Unsent), &plenty(), 0),
                Decision::Retry
            );
        }
        for method in ["POST", "PATCH", "CONNECT", "get", ""] {
            let tried = tried(Failure::Closed, method, Body::Unsent);
            assert_eq!(may_retry(tried, &plenty(), 0), Decision::NotRepeatable);
        }
    }

    #[test]
    fn a_timeout_or_a_begun_answer_is_never_retried() {
        for failure in [Failure::Timeout, Failure::Answer] {
            assert_eq!(may_retry(tried(failure, "GET", Body::Unsent), &plenty(), 0), Decision::NotRepeatable);
        }
    }

    #[test]
    fn a_body_that_was_sent_once_is_not_sent_twice() {
        for failure in [Failure::Connect, Failure::Closed] {
            assert_eq!(may_retry(tried(failure, "PUT", Body::Begun), &plenty(), 0), Decision::NotRepeatable);
        }
    }

    #[test]
    fn the_last_try_is_the_last() {
        let last = Tried { tries: 3, ..tried(Failure::Connect, "GET", Body::Unsent) };
        assert_eq!(may_retry(last, &plenty(), 0), Decision::TriesUsedUp);
        let only = Tried { most: 1, ..tried(Failure::Connect, "GET", Body::Unsent) };
        assert_eq!(may_retry(only, &plenty(), 0), Decision::TriesUsedUp);
    }

    #[test]
    fn the_budget_bounds_what_was_sent_and_not_the_connects() {
        let none = Budget::new(0, 0);
        assert_eq!(may_retry(tried(Failure::Closed, "GET", Body::Unsent), &none, 0), Decision::OverBudget);
        assert_eq!(may_retry(tried(Failure::Connect, "GET", Body::Unsent), &none, 0), Decision::Retry);
    }

    #[test]
    fn retries_are_a_share_of_the_requests() {
        let budget = Budget::new(20, 0);
        (0..1000).for_each(|_| budget.deposit(5000));
        assert_eq!((0..1000).filter(|_| budget.withdraw(5000)).count(), 200);
    }

    #[test]
    fn a_quiet_service_has_the_minimum() {
        let budget = Budget::new(20, 10);
        assert_eq!((0..1000).filter(|_| budget.withdraw(123_456)).count(), 100);
        assert!(!budget.withdraw(132_999));
        assert_eq!((0..1000).filter(|_| budget.withdraw(133_456)).count(), 100);
    }

    #[test]
    fn requests_and_retries_of_ten_seconds_ago_are_forgotten() {
        let budget = Budget::new(10, 0);
        (0..1000).for_each(|_| budget.deposit(0));
        (0..1000).for_each(|_| budget.deposit(4000));
        assert_eq!((0..500).filter(|_| budget.withdraw(9000)).count(), 200);
        budget.deposit(13_000);
        assert_eq!((0..500).filter(|_| budget.withdraw(13_000)).count(), 0);
        (0..100).for_each(|_| budget.deposit(19_000));
        assert_eq!((0..500).filter(|_| budget.withdraw(19_000)).count(), 10);
    }

    proptest! {
        #[test]
        fn retries_never_exceed_the_share_and_the_minimum_of_the_window(
            steps in prop::collection::vec((0u64..3000, any::<bool>()), 0..400),
        ) {
            let budget = Budget::new(20, 1);
            let (mut now_ms, mut requests, mut retries) = (0, Vec::new(), Vec::new());
            for (wait, request) in steps {
                now_ms += wait / 20;
                if request {
                    budget.deposit(now_ms);
                    requests.push(now_ms);
                } else if budget.withdraw(now_ms) {
                    retries.push(now_ms);
                }
                let since = (now_ms / 1000).saturating_sub(WINDOW as u64 - 1) * 1000;
                let count = |all: &[u64]| all.iter().filter(|&&at| at >= since).count();
                prop_assert!(count(&retries) <= requests.len() / 5 + WINDOW);
            }
        }
    }
}
