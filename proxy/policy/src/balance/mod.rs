//! Which endpoint takes the next request.
//!
//! A [`Plan`] is built from the endpoints of a pool whenever they change; [`pick`] reads it for every request and never
//! allocates, locks or waits. What changes between requests is one counter, the [`Cursor`].

mod hash;
mod least_conn;
mod random;
mod random_two;
mod round_robin;
#[cfg(test)]
mod tests;
mod weights;

use hash::Ring;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use weights::Weights;

/// What choosing has to know of an endpoint.
pub trait Candidate {
    /// 1 or more; 0 counts as 1. An endpoint that should get nothing is not usable.
    fn weight(&self) -> u32;
    /// Requests under way.
    fn active(&self) -> u32;
    /// A stable identity for consistent hashing: the same address gives the same key in every process.
    fn key(&self) -> u64;
}

impl<C: Candidate + ?Sized> Candidate for Arc<C> {
    fn weight(&self) -> u32 {
        (**self).weight()
    }
    fn active(&self) -> u32 {
        (**self).active()
    }
    fn key(&self) -> u64 {
        (**self).key()
    }
}

/// How an endpoint is chosen among the usable ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// The fewest requests under way for its weight; among equals, weighted round robin.
    #[default]
    LeastConn,
    /// In turn, each as often as its weight says.
    RoundRobin,
    /// Two at random, by weight; of these the one with fewer requests under way for its weight.
    RandomTwo,
    /// The same endpoint for the same key; when an endpoint leaves, only its keys move.
    Hash,
}

/// Where a pool's rotation stands. It outlives the plans, so that a changed pool goes on instead of starting over.
#[derive(Debug, Default)]
pub struct Cursor(AtomicU64);

impl Cursor {
    /// A rotation that begins at `start`: a random one keeps many proxies from beginning with the same endpoint.
    pub fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a request brings to the choice.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// Uniformly random.
    pub random: u64,
    /// The hash of the request's key. `None`, or a request without the header or cookie: at random.
    pub hash: Option<u64>,
}

/// What [`pick`] can know beforehand: the algorithm and its table.
#[derive(Debug)]
pub struct Plan {
    table: Table,
    candidates: usize,
}

#[derive(Debug)]
enum Table {
    LeastConn(Weights),
    RoundRobin(Weights),
    RandomTwo(Weights),
    Hash(Ring),
}

impl Plan {
    /// The table for these candidates, in this order.
    pub fn new<C: Candidate>(algorithm: Algorithm, candidates: &[C]) -> Self {
        let table = match algorithm {
            Algorithm::LeastConn => Table::LeastConn(Weights::new(candidates)),
            Algorithm::RoundRobin => Table::RoundRobin(Weights::new(candidates)),
            Algorithm::RandomTwo => Table::RandomTwo(Weights::new(candidates)),
            Algorithm::Hash => Table::Hash(Ring::new(candidates)),
        };
        Self { table, candidates: candidates.len() }
    }

    /// The algorithm this was built for.
    pub fn algorithm(&self) -> Algorithm {
        match self.table {
            Table::LeastConn(_) => Algorithm::LeastConn,
            Table::RoundRobin(_) => Algorithm::RoundRobin,
            Table::RandomTwo(_) => Algorithm::RandomTwo,
            Table::Hash(_) => Algorithm::Hash,
        }
    }
}

/// The index of the chosen candidate; `None` when none is usable.
///
/// `candidates` are those the plan was built from. `usable(i)` says whether candidate `i` is fit and was not tried by
/// this request yet; it is called at most a few times for a healthy pool, and must have no effect.
pub fn pick<C: Candidate>(
    plan: &Plan,
    candidates: &[C],
    cursor: &Cursor,
    draw: Draw,
    usable: impl Fn(usize) -> bool,
) -> Option<usize> {
    debug_assert_eq!(plan.candidates, candidates.len(), "a plan belongs to the pool it was built from");
    if candidates.len() <= 1 {
        return (!candidates.is_empty() && usable(0)).then_some(0);
    }
    match &plan.table {
        Table::LeastConn(weights) => least_conn::pick(weights, candidates, cursor, draw.random, usable),
        Table::RoundRobin(weights) => round_robin::pick(weights, cursor, draw.random, usable),
        Table::RandomTwo(weights) => random_two::pick(weights, candidates, draw.random, usable),
        Table::Hash(ring) => ring.pick(draw.hash.unwrap_or(draw.random), usable),
    }
}

/// Requests under way for the weight, as a fraction; compared without dividing.
#[derive(Debug, Clone, Copy)]
struct Load {
    active: u64,
    weight: u64,
}

impl Load {
    fn of<C: Candidate>(candidate: &C) -> Self {
        Self { active: u64::from(candidate.active()), weight: u64::from(candidate.weight().max(1)) }
    }

    fn compare(self, other: Self) -> std::cmp::Ordering {
        (self.active * other.weight).cmp(&(other.active * self.weight))
    }
}
