//! Tells the proxy how far a deploy is, in the background: its history is worth no wait and no failure.

use mizan_api::{Client, Deploy};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A deploy of which nothing new is heard is told of again.
const HEARTBEAT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_secs(1);
/// For the last word.
const FINISH: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct Reporter {
    latest: watch::Sender<Option<Deploy>>,
    task: JoinHandle<()>,
}

impl Reporter {
    pub(crate) fn begin(client: Client) -> Self {
        let (latest, reader) = watch::channel(None);
        Self { latest, task: tokio::spawn(report(client, reader)) }
    }

    pub(crate) fn tell(&self, deploy: Deploy) {
        self.latest.send_replace(Some(deploy));
    }

    /// Waits until the last word was heard, for a while.
    pub(crate) async fn finish(self) {
        drop(self.latest);
        let _ = tokio::time::timeout(FINISH, self.task).await;
    }
}

async fn report(client: Client, mut latest: watch::Receiver<Option<Deploy>>) {
    loop {
        let open = match tokio::time::timeout(HEARTBEAT, latest.changed()).await {
            Ok(changed) => changed.is_ok(),
            Err(_) => true,
        };
        let Some(mut deploy) = latest.borrow_and_update().clone() else {
            if open {
                continue;
            }
            return;
        };
        if open && !deploy.status.has_ended() {
            deploy.updated_unix_ms = crate::console::now_unix_ms();
        }
        let mut heard = client.report_deploy(&deploy).await;
        while matches!(heard, Err(mizan_api::ClientError::Connect { .. }))
            && !latest.has_changed().unwrap_or(true)
        {
            tokio::time::sleep(PAUSE).await;
            heard = client.report_deploy(&deploy).await;
        }
        if !open {
            return;
        }
    }
}
