//! The endpoints of a track that are in its name's answer, ready to be picked from.

use super::Endpoint;
use mizan_policy::balance::{Algorithm, Candidate, Cursor, Draw, Plan, pick};
use mizan_policy::health::Passive;
use std::sync::Arc;

/// One immutable set; discovery swaps it whole.
pub(super) struct Members {
    members: Vec<Member>,
    plan: Plan,
}

pub(super) struct Member {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) weight: u32,
}

impl Candidate for Member {
    fn weight(&self) -> u32 {
        self.weight
    }

    fn active(&self) -> u32 {
        self.endpoint.active()
    }

    fn key(&self) -> u64 {
        self.endpoint.key()
    }
}

impl Members {
    pub(super) fn new(members: Vec<Member>, algorithm: Algorithm) -> Self {
        let plan = Plan::new(algorithm, &members);
        Self { members, plan }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.members.iter().map(|member| &member.endpoint)
    }

    /// The endpoint for the next try, and whether another one could take it as well.
    ///
    /// Ejected endpoints are asked when no other is left: the last one is never given up.
    pub(super) fn pick(
        &self,
        cursor: &Cursor,
        draw: Draw,
        passive: &Passive,
        tried: &[Arc<Endpoint>],
    ) -> Option<(Arc<Endpoint>, bool)> {
        let untried = |index: usize| !tried.iter().any(|known| Arc::ptr_eq(known, &self.members[index].endpoint));
        for ejected_too in [false, true] {
            let usable = |index: usize| untried(index) && self.members[index].endpoint.usable(passive, ejected_too);
            if let Some(chosen) = pick(&self.plan, &self.members, cursor, draw, usable) {
                let others = (0..self.members.len()).any(|index| index != chosen && usable(index));
                return Some((self.members[chosen].endpoint.clone(), others));
            }
        }
        None
    }
}
