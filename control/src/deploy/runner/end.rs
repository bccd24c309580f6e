//! How a run ends: what is said, and with which exit code.

use super::{Runner, heard};
use crate::console::now_unix_ms;
use crate::deploy::facts;
use crate::deploy::progress::Progress;
use crate::deploy::proxy::sole;
use crate::exit::Failure;
use mizan_config::deploy::model::NotifyOn;
use mizan_rollout::{Kind, Record, Status, Step};
use std::time::Duration;
use tokio::time::Instant;

const BEFORE: &str = "what served before serves";
/// For the last words.
const ASK: Duration = Duration::from_secs(2);

pub(crate) struct End {
    pub(super) progress: Option<Progress>,
    how: How,
    /// Of a rollback that somebody asked for.
    wanted_back: bool,
}

enum How {
    Ended(Status, String),
    Interrupted(String),
    Halted(String),
}

impl End {
    /// The exit code. What is to be said was said on the screen.
    pub(crate) fn outcome(self) -> Result<(), Failure> {
        match self.how {
            How::Ended(Status::Deployed, _) => Ok(()),
            How::Ended(Status::RolledBack, _) if self.wanted_back => Ok(()),
            How::Ended(Status::RolledBack, why) => Err(Failure::RolledBack(format!("rolled back: {why}"))),
            How::Ended(Status::Failed, why) => Err(Failure::NotDeployed(format!("not deployed: {why}"))),
            How::Interrupted(why) => Err(Failure::Interrupted(why)),
            How::Halted(why) => Err(Failure::Halted(why)),
        }
    }
}

impl Runner {
    pub(super) fn ended(&mut self, begin: Instant) -> End {
        let (status, why) = self.state.ended().map_or((Status::Failed, ""), |ended| ended);
        let why = why.to_owned();
        let took_ms = match self.identity.began_unix_ms {
            0 => begin.elapsed().as_millis() as u64,
            at => now_unix_ms().saturating_sub(at),
        };
        let progress = Some(Progress::Ended { status, why: why.clone(), took_ms });
        let wanted_back = matches!(self.state.plan().kind, Kind::Rollback { .. });
        End { progress, how: How::Ended(status, why), wanted_back }
    }

    pub(super) fn halted(&mut self, why: String) -> End {
        let service = &self.state.plan().service;
        let todo = todo(service);
        let serves = if self.is_mixed() { "instances of both versions serve" } else { "" };
        let progress = Some(Progress::Stopped { why: why.clone(), serves: serves.to_owned(), todo });
        End { progress, how: How::Halted(why), wanted_back: false }
    }

    /// The traffic goes back at once, if some of it is out; nothing else is touched.
    pub(super) async fn interrupted(&mut self, why: String) -> End {
        let begin = Instant::now();
        let was_out = self.tools.lease.is_held();
        self.tools.lease.give_back().await;
        // It may be the journal itself that cannot be written.
        let _ = self.journal.append(&Record::Interrupted { why: why.clone() });
        let service = self.state.plan().service.clone();
        let serves = self.who_serves().await;
        if was_out && serves == BEFORE {
            self.screen.tell(&Progress::TrafficBack { took_ms: begin.elapsed().as_millis() as u64 });
        }
        let todo = todo(&service);
        let progress = Some(Progress::Stopped { why: why.clone(), serves: serves.to_owned(), todo });
        End { progress, how: How::Interrupted(why), wanted_back: false }
    }

    /// As the proxy says, if it does at once.
    async fn who_serves(&self) -> &'static str {
        if self.is_mixed() {
            return "instances of both versions serve";
        }
        let proxy = &self.tools.proxy;
        let asked = tokio::time::timeout(ASK, proxy.client().split(proxy.service_name())).await;
        let plan = self.state.plan();
        match asked {
            Ok(Ok(split)) if sole(&split.weights) == Some(&plan.target) => "the new version serves",
            Ok(Ok(split)) if sole(&split.weights) == plan.stable.as_deref() => BEFORE,
            Ok(Ok(_)) => "both versions serve",
            _ => "mizan does not answer: a trial share ends by itself when its lease does",
        }
    }

    /// Instances of one track were replaced one by one, and not all of them.
    fn is_mixed(&self) -> bool {
        self.state.has_begun(|step| matches!(step, Step::Replace { .. }))
    }

    pub(super) fn tell_webhooks(&mut self, end: &End) {
        let (on, status, why) = match &end.how {
            How::Ended(status, why) => (heard(*status), status.as_str(), why),
            How::Interrupted(why) | How::Halted(why) => (NotifyOn::Failed, "failed", why),
        };
        let facts = facts::facts(self.state.plan(), &self.identity, status, why, now_unix_ms());
        self.notifier.tell(on, &facts);
    }
}

/// What a person can do with one that is open.
fn todo(service: &str) -> String {
    format!("`mizanctl resume {service}` carries on, `mizanctl rollback {service}` goes back")
}
