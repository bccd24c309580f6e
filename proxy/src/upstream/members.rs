//! The endpoints of a track that are in its name's answer, ready to be picked from.

use super::Endpoint;
use crate::clock;
use mizan_policy::balance::{Algorithm, Candidate, Cursor, Draw, Plan, pick};
use mizan_policy::health::fitness::{Stage, in_stages};
use mizan_policy::health::passive::Passive;
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
    pub(super) fn pick(
        &self,
        cursor: &Cursor,
        draw: Draw,
        passive: &Passive,
        tried: &[Arc<Endpoint>],
    ) -> Option<(Arc<Endpoint>, bool)> {
        let now = clock::now();
        // An endpoint whose trial another request took in this moment is passed over and the rest asked again.
        for _ in 0..=self.members.len() {
            let (stage, chosen) = in_stages(|stage| {
                let usable = |index: usize| self.usable(index, stage, passive, tried, now);
                pick(&self.plan, &self.members, cursor, draw, usable)
            })?;
            let endpoint = &self.members[chosen].endpoint;
            if stage == Stage::LastResort || endpoint.claim(passive, now) {
                let others = (0..self.members.len())
                    .any(|index| index != chosen && self.usable(index, Stage::Fit, passive, tried, now));
                return Some((endpoint.clone(), others));
            }
        }
        None
    }

    fn usable(
        &self,
        index: usize,
        stage: Stage,
        passive: &Passive,
        tried: &[Arc<Endpoint>],
        now: u64,
    ) -> bool {
        let endpoint = &self.members[index].endpoint;
        !tried.iter().any(|known| Arc::ptr_eq(known, endpoint))
            && endpoint.in_rotation()
            && stage.admits(endpoint.fitness(passive, now))
    }
}
