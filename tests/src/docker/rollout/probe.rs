//! Who answered last, and when.

use super::REQUEST;
use crate::raw::Raw;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// Clients that ask all the time, and note when each version answered last, whatever its status. Ended when dropped.
#[derive(Debug)]
pub struct Probe {
    last: Arc<Mutex<BTreeMap<String, u64>>>,
    clients: Vec<JoinHandle<()>>,
}

impl Probe {
    pub fn start(addr: SocketAddr, clients: usize) -> Self {
        let last = Arc::new(Mutex::new(BTreeMap::new()));
        let clients = (0..clients).map(|_| tokio::spawn(ask(addr, last.clone()))).collect();
        Self { last, clients }
    }

    /// Unix milliseconds of a version's last answer; 0: there was none.
    pub fn last_of(&self, version: &str) -> u64 {
        self.last.lock().expect("no client panics").get(version).copied().unwrap_or(0)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

pub fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    since.as_millis() as u64
}

async fn ask(addr: SocketAddr, last: Arc<Mutex<BTreeMap<String, u64>>>) {
    let mut kept: Option<Raw> = None;
    loop {
        let Some(mut raw) = (match kept.take() {
            Some(raw) => Some(raw),
            None => Raw::try_connect(addr).await.ok(),
        }) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = raw.try_send(REQUEST.as_bytes()).await;
        if let Ok(answer) = raw.try_answer("GET").await {
            last.lock().expect("no client panics").insert(answer.text(), now_unix_ms());
            kept = (!answer.says_close()).then_some(raw);
        }
    }
}
