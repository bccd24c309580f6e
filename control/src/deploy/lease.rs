//! A trial split: leased at the proxy, and renewed for as long as this process lives.

use super::fault::Fault;
use super::proxy::{Proxy, sole};
use mizan_api::{ClientError, LeaseRenewal, SplitChange, SplitStatus, Weights};
use mizan_rollout::Reason;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What is leased, if anything is.
#[derive(Debug)]
pub(crate) struct Lease {
    proxy: Proxy,
    hold: Duration,
    held: Arc<Mutex<Held>>,
    renewing: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Held {
    #[default]
    Nothing,
    Holds {
        revision: u64,
        /// When the proxy last said yes.
        renewed: Instant,
        /// The proxy's process.
        process: u64,
    },
}

/// How it stands with a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// None is held.
    Nothing,
    /// It is in force; the split's revision.
    Ours(u64),
    /// The proxy started anew, or this process slept for too long: nobody else had a hand in it.
    Forgotten,
    /// Somebody changed the split: how it is now.
    Changed(String),
}

impl Lease {
    pub(crate) fn new(proxy: Proxy, hold: Duration) -> Self {
        Self { proxy, hold, held: Arc::default(), renewing: Mutex::default() }
    }

    /// Puts these weights in force, on the lease that is held or on what is committed; from then on it is renewed. `own`:
    /// leases of the same plan, which a process that is gone may have left behind.
    pub(crate) async fn take(&self, weights: Weights, stable: &str, own: &[Weights]) -> Result<(), Fault> {
        self.stop_renewing();
        let expected = match self.check(stable).await? {
            Standing::Ours(revision) => revision,
            Standing::Changed(now) => return Err(changed(&now)),
            Standing::Nothing | Standing::Forgotten => {
                let split = self.proxy.split().await?;
                let theirs = split.lease.is_some() && !own.contains(&split.weights);
                if theirs || sole(&split.committed) != Some(stable) {
                    return Err(changed(&shown(&split)));
                }
                split.revision
            }
        };
        let process = self.proxy.process().await?;
        let lease_seconds = Some(self.hold.as_secs_f64());
        let change = SplitChange { weights, revision: Some(expected), lease_seconds, force: false };
        let split = self.proxy.set_split(&change).await?;
        self.set(Held::Holds { revision: split.revision, renewed: Instant::now(), process });
        let renewing = renew(self.proxy.clone(), self.hold, split.revision, Arc::clone(&self.held));
        *self.renewing.lock().expect("nothing panics while it holds the lock") = Some(tokio::spawn(renewing));
        Ok(())
    }

    /// How it stands with the lease. `stable`: whom the requests belong to without it.
    pub(crate) async fn check(&self, stable: &str) -> Result<Standing, ClientError> {
        let Held::Holds { revision, renewed, process } = self.get() else { return Ok(Standing::Nothing) };
        let split = self.proxy.split().await?;
        if split.lease.is_some() && split.revision == revision {
            return Ok(Standing::Ours(revision));
        }
        let alone = split.lease.is_none() && sole(&split.committed) == Some(stable);
        let forgotten = renewed.elapsed() >= self.hold || self.proxy.process().await? != process;
        Ok(if alone && forgotten { Standing::Forgotten } else { Standing::Changed(shown(&split)) })
    }

    /// Somebody has to be asked before anything is given back.
    pub(crate) fn is_held(&self) -> bool {
        self.get() != Held::Nothing
    }

    /// Gives it back: what is committed is in force. Nothing to give back is no error.
    pub(crate) async fn release(&self) -> Result<(), ClientError> {
        self.stop_renewing();
        self.proxy.release_lease().await?;
        self.set(Held::Nothing);
        Ok(())
    }

    /// As above, where this process holds one; before anything else is done.
    pub(crate) async fn give_back(&self) {
        if self.get() != Held::Nothing {
            // The way back does it again, and says when it cannot.
            let _ = self.release().await;
        }
    }

    /// Something else is in force by now.
    pub(crate) fn forget(&self) {
        self.stop_renewing();
        self.set(Held::Nothing);
    }

    fn get(&self) -> Held {
        *self.held.lock().expect("nothing panics while it holds the lock")
    }

    fn set(&self, held: Held) {
        *self.held.lock().expect("nothing panics while it holds the lock") = held;
    }

    fn stop_renewing(&self) {
        if let Some(task) = self.renewing.lock().expect("nothing panics while it holds the lock").take() {
            task.abort();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop_renewing();
    }
}

/// Four times in each lease: one that fails on the way is no trouble. What became of a lease that is not renewed is seen by
/// [`Lease::check`].
async fn renew(proxy: Proxy, hold: Duration, lease: u64, shared: Arc<Mutex<Held>>) {
    let renewal = LeaseRenewal { revision: lease, lease_seconds: hold.as_secs_f64() };
    loop {
        tokio::time::sleep(hold / 4).await;
        if proxy.client().renew_lease(proxy.service_name(), &renewal).await.is_ok()
            && let Held::Holds { revision, renewed, .. } =
                &mut *shared.lock().expect("nothing panics while it holds the lock")
            && *revision == lease
        {
            *renewed = Instant::now();
        }
    }
}

pub(super) fn changed(now: &str) -> Fault {
    Fault::new(Reason::SplitChanged, format!("somebody else changed the split, it is now: {now}"))
}

/// `blue 70, green 30, committed, revision 9`.
pub(super) fn shown(split: &SplitStatus) -> String {
    let weights: Vec<_> = split.weights.iter().map(|(track, weight)| format!("{track} {weight}")).collect();
    let leased = if split.lease.is_some() { "leased" } else { "committed" };
    format!("{}, {leased}, revision {}", weights.join(", "), split.revision)
}
