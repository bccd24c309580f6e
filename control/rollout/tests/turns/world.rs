//! Containers, a proxy and a database, as far as a deploy's steps change them. It is wrong where users are not served.

use mizan_rollout::{Hook, Plan, Step, Version};
use std::collections::BTreeMap;

/// An image, by its reference.
pub(crate) type Running = BTreeMap<String, Instances>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instances {
    pub(crate) starting: u32,
    pub(crate) healthy: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) running: Running,
    /// At the proxy: nothing new comes.
    pub(crate) drained: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) tracks: BTreeMap<String, Track>,
    /// The track that has the requests for good.
    pub(crate) committed: Option<String>,
    /// A track with a share of them for a time.
    pub(crate) lease: Option<(String, u8)>,
    /// How often each was begun.
    pub(crate) begun: BTreeMap<Hook, u32>,
    pub(crate) migrations: i32,
    pub(crate) reverts: u32,
    /// Nobody was served before, and nobody counts on it before the deploy has ended.
    pub(crate) first: bool,
}

impl World {
    /// Before a plan begins: what it says that runs, runs.
    pub(crate) fn before(plan: &Plan, kept: bool) -> Self {
        let mut world = Self { first: plan.stable.is_none(), ..Self::default() };
        world.tracks.entry(plan.target.clone()).or_default();
        if let (Some(stable), Some(previous)) = (&plan.stable, &plan.previous) {
            world.committed = Some(stable.clone());
            world.run(stable, &previous.reference, plan.replicas);
        }
        // What an earlier deploy left.
        if plan.stable.as_ref() != Some(&plan.target) {
            world.track(&plan.target).drained = true;
            if kept {
                world.run(&plan.target, &plan.image.reference, plan.replicas);
            }
        }
        world
    }

    fn run(&mut self, track: &str, image: &str, healthy: u32) {
        self.track(track).running.insert(image.to_owned(), Instances { starting: 0, healthy });
    }

    fn track(&mut self, track: &str) -> &mut Track {
        self.tracks.entry(track.to_owned()).or_default()
    }

    /// Nobody renews it any more.
    pub(crate) fn lease_runs_out(&mut self) {
        self.lease = None;
        self.check();
    }

    /// Tracks that get requests.
    fn serving(&self) -> Vec<&str> {
        if self.first {
            return Vec::new();
        }
        let leased = self.lease.iter().filter(|(_, percent)| *percent > 0).map(|(track, _)| track.as_str());
        let rest = self.lease.as_ref().is_none_or(|(_, percent)| *percent < 100);
        leased.chain(self.committed.as_deref().filter(|_| rest)).collect()
    }

    /// Users are never on a track that does not answer.
    pub(crate) fn check(&self) {
        for track in self.serving() {
            let there = &self.tracks[track];
            let healthy: u32 = there.running.values().map(|instances| instances.healthy).sum();
            assert!(healthy > 0, "users are on {track}, where nothing is healthy: {self:#?}");
            assert!(!there.drained, "users are on {track}, which is drained: {self:#?}");
        }
    }

    /// A step has so many parts: a process can be killed between any two of them.
    pub(crate) fn parts(step: &Step) -> usize {
        match step {
            Step::Start { .. }
            | Step::Stop { .. }
            | Step::Hook { .. }
            | Step::Replace { .. }
            | Step::Traffic { .. } => 2,
            Step::Pull
            | Step::Healthy { .. }
            | Step::Shift { .. }
            | Step::Commit { .. }
            | Step::Keep { .. }
            | Step::Drain { .. }
            | Step::FinalHealth { .. } => 1,
        }
    }

    /// Does a part of a step, as one who does not know how far an earlier process came.
    pub(crate) fn act(&mut self, plan: &Plan, step: &Step, part: usize) {
        match step {
            Step::Pull | Step::Keep { .. } => {}
            Step::Hook { hook } => self.hook(*hook, part),
            Step::Start { track, version, replicas } => {
                self.start(track, image(plan, *version), *replicas, part);
            }
            Step::Healthy { track, ready } => {
                let there = self.track(track);
                assert_eq!(there.running.len(), 1, "one version runs: {there:?}");
                for instances in there.running.values_mut() {
                    instances.healthy += std::mem::take(&mut instances.starting);
                    assert!(instances.healthy >= *ready, "{step:?}: {instances:?}");
                }
            }
            Step::Shift { percent, .. } => self.lease = Some((plan.target.clone(), *percent)),
            Step::Traffic { track } if part == 0 => self.track(track).drained = false,
            Step::Commit { track } | Step::Traffic { track } => self.commit(track),
            Step::Replace { nth, of, version } => self.replace(plan, *nth, *of, *version, part),
            Step::Drain { track } => {
                assert!(
                    !self.serving().contains(&track.as_str()),
                    "{track} is drained and serves: {self:#?}"
                );
                self.track(track).drained = true;
            }
            Step::Stop { track } => {
                assert!(
                    !self.serving().contains(&track.as_str()),
                    "{track} is stopped and serves: {self:#?}"
                );
                let there = self.track(track);
                if part == 0 {
                    for instances in there.running.values_mut() {
                        (instances.starting, instances.healthy) = (0, instances.healthy / 2);
                    }
                } else {
                    there.running.clear();
                }
            }
            Step::FinalHealth { track } => {
                assert_eq!(self.serving(), [track.as_str()], "{self:#?}");
            }
        }
        self.check();
    }

    fn start(&mut self, track: &str, image: &str, replicas: u32, part: usize) {
        let there = self.track(track);
        there.drained = false;
        // Compose makes those anew that have another image.
        there.running.retain(|running, _| running == image);
        let instances = there.running.entry(image.to_owned()).or_default();
        let wanted = if part == 0 { replicas / 2 } else { replicas };
        instances.starting += wanted.saturating_sub(instances.starting + instances.healthy);
    }

    fn commit(&mut self, track: &str) {
        self.committed = Some(track.to_owned());
        self.lease = None;
    }

    /// One more of the wanted version first, then one of the other goes.
    fn replace(&mut self, plan: &Plan, nth: u32, of: u32, version: Version, part: usize) {
        let wanted = image(plan, version).to_owned();
        let there = self.track(&plan.target);
        let healthy = there.running.entry(wanted.clone()).or_default();
        if part == 0 {
            healthy.healthy = healthy.healthy.max(nth);
            return;
        }
        let mut others = of.saturating_sub(healthy.healthy);
        for (_, instances) in there.running.iter_mut().filter(|(image, _)| **image != wanted) {
            instances.healthy = instances.healthy.min(others);
            others -= instances.healthy;
        }
        there.running.retain(|_, instances| instances.healthy > 0);
    }

    fn hook(&mut self, hook: Hook, part: usize) {
        if part == 0 {
            *self.begun.entry(hook).or_default() += 1;
            return;
        }
        match hook {
            // A migration that was run to its end does nothing when it is run again.
            Hook::Migrate => self.migrations = 1,
            Hook::RevertMigration => {
                self.migrations -= 1;
                self.reverts += 1;
            }
            _ => {}
        }
    }

    /// Which images run on a track, and how many healthy instances of each.
    pub(crate) fn on(&self, track: &str) -> Vec<(&str, u32)> {
        let there = self.tracks.get(track).into_iter().flat_map(|track| &track.running);
        there.map(|(image, instances)| (image.as_str(), instances.healthy)).collect()
    }
}

pub(crate) fn image(plan: &Plan, version: Version) -> &str {
    match version {
        Version::New => &plan.image.reference,
        Version::Previous => &plan.previous.as_ref().expect("something ran before").reference,
    }
}
