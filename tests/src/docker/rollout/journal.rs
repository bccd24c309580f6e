//! The journals of deploys, read from outside while they are written.

use super::{Project, Running};
use crate::eventually;
use mizan_rollout::line::{Entry, decode};
use mizan_rollout::{Record, State, Step};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

impl Project {
    /// Where deploy `number` of `api` in production is written down.
    pub fn journal(&self, number: u64) -> PathBuf {
        self.state.join(format!("production/api/{number:06}.journal"))
    }

    /// The number of the last deploy; 0: there was none.
    pub fn last_number(&self) -> u64 {
        let Ok(files) = std::fs::read_dir(self.state.join("production/api")) else { return 0 };
        let names = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
        let numbers = names.filter_map(|name| name.strip_suffix(".journal")?.parse().ok());
        numbers.max().unwrap_or(0)
    }

    /// What is written down of a deploy, whole lines only; nothing where there is no such deploy.
    pub fn entries(&self, number: u64) -> Vec<Entry> {
        let bytes = std::fs::read(self.journal(number)).unwrap_or_default();
        decode(&bytes).unwrap_or_else(|e| panic!("the journal of deploy {number}: {e}")).entries
    }

    pub fn records(&self, number: u64) -> Vec<Record> {
        self.entries(number).into_iter().map(|entry| entry.record).collect()
    }

    /// When a deploy wrote the first record of this kind, in unix milliseconds.
    ///
    /// # Panics
    /// Where it wrote none.
    pub fn written_at(&self, number: u64, what: &str, wanted: impl Fn(&Record) -> bool) -> u64 {
        let entries = self.entries(number);
        let entry = entries.iter().find(|entry| wanted(&entry.record));
        entry.unwrap_or_else(|| panic!("deploy {number} has no {what}: {entries:#?}")).at_unix_ms
    }

    /// What the records of a deploy add up to.
    ///
    /// # Panics
    /// Where one does not fit those before it, or there is none.
    pub fn deploy_state(&self, number: u64) -> State {
        let records = self.records(number);
        let state = State::replay(&records).unwrap_or_else(|e| panic!("deploy {number}: {e}"));
        state.unwrap_or_else(|| panic!("deploy {number} has no journal"))
    }

    /// The steps that a deploy has begun, those of the way back behind those of the plan.
    pub fn begun_steps(&self, number: u64) -> Vec<Step> {
        let records = self.records(number);
        let Some(Record::Begin { plan, .. }) = records.first() else { return Vec::new() };
        let mut back_steps: &[Step] = &[];
        let mut begun = Vec::new();
        for record in &records {
            match record {
                Record::Back { steps, .. } => back_steps = steps,
                Record::Started { step, back: false } => begun.push(plan.steps[*step].clone()),
                Record::Started { step, back: true } => begun.push(back_steps[*step].clone()),
                _ => {}
            }
        }
        begun
    }

    /// Waits until the deploy that this mizanctl began has begun a step like this.
    ///
    /// # Panics
    /// When it ends before, or does not within a minute: with what it said.
    pub async fn begins(&self, running: &mut Running, what: &str, wanted: impl Fn(&Step) -> bool) {
        let begin = Instant::now();
        while !self.begun_steps(running.number()).iter().any(&wanted) {
            let said = || running.said();
            assert!(begin.elapsed() < Duration::from_secs(60), "{what} does not begin:\n{}", said());
            assert!(!running.has_ended(), "it ended before {what} began:\n{}", running.said());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the new version has a share of the requests: at least so many percent.
    pub async fn shifts_to(&self, running: &mut Running, wanted: u8) {
        let shift = |step: &Step| matches!(step, Step::Shift { percent, .. } if *percent >= wanted);
        self.begins(running, &format!("{wanted} %"), shift).await;
        eventually("the split says so", Duration::from_secs(5), || async {
            self.split().await.lease.is_some()
        })
        .await;
    }

    /// SIGKILL as soon as its deploy has so many records, and `later` after that. False: it ended before.
    pub async fn kill_at(&self, running: &mut Running, count: usize, later: Duration) -> bool {
        while self.entries(running.number()).len() < count {
            if running.has_ended() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(later).await;
        if running.has_ended() {
            return false;
        }
        running.signal(Signal::KILL);
        running.ended().await;
        true
    }
}
