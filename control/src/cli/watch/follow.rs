//! The events of a proxy, also of the one that comes after it.

use mizan_api::{Client, ClientError, Event};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Between two tries to reach the proxy.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends on what happens until nobody listens any more.
pub(super) async fn follow(client: Client, sender: Sender<Event>) {
    let mut last = Last::default();
    while !sender.is_closed() {
        // The next try says what is wrong, if anything still is; the view says that there is no answer.
        let _ = read(&client, &sender, &mut last).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The last event that was read, and the process it was of: another one counts anew.
#[derive(Default)]
struct Last {
    process: Option<(u32, u64)>,
    id: Option<u64>,
}

async fn read(client: &Client, sender: &Sender<Event>, last: &mut Last) -> Result<(), ClientError> {
    let status = client.status().await?;
    let process = Some((status.pid, status.started_unix_ms));
    if last.process != process {
        *last = Last { process, id: None };
    }
    let mut events = client.events(last.id).await?;
    while let Some(event) = events.next().await? {
        last.id = Some(event.id);
        if sender.send(event).await.is_err() {
            break;
        }
    }
    Ok(())
}
