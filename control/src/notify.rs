//! Webhooks: who is told, in the background; a deploy never waits for them, but for a few seconds at its end.

mod post;
#[cfg(test)]
mod tests;
mod text;

use mizan_config::deploy::model::{NotifyOn, Webhook};
use post::{Post, Tries};
use rustls::ClientConfig;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// What can be said of a deploy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Facts {
    pub(crate) environment: String,
    pub(crate) service: String,
    pub(crate) number: u64,
    /// deploy, rollback.
    pub(crate) kind: String,
    pub(crate) strategy: String,
    pub(crate) image: String,
    pub(crate) previous: String,
    pub(crate) track: String,
    /// started, deployed, rolled_back, failed, waiting.
    pub(crate) status: String,
    pub(crate) why: String,
    pub(crate) by: String,
    pub(crate) duration_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Notifier {
    webhooks: Vec<Webhook>,
    /// `Err`: why there is no TLS on this machine.
    tls: Result<ClientConfig, String>,
    tries: Tries,
    under_way: Vec<Telling>,
}

/// One call of one webhook.
#[derive(Debug)]
struct Telling {
    /// "hooks.example.com was not told that api is deployed"; all that may be said of the URL is its host.
    undone: String,
    task: JoinHandle<Result<(), String>>,
}

impl Notifier {
    pub(crate) fn new(webhooks: Vec<Webhook>) -> Self {
        let encrypted = webhooks.iter().any(|webhook| webhook.url.expose().starts_with("https:"));
        // Reading the authorities takes a while that few need.
        let tls = if encrypted { post::tls() } else { Err("there is no https among the webhooks".into()) };
        Self { webhooks, tls, tries: Tries::default(), under_way: Vec::new() }
    }

    /// Begins to tell all who want to know. Retries by itself.
    pub(crate) fn tell(&mut self, on: NotifyOn, facts: &Facts) {
        for webhook in self.webhooks.iter().filter(|webhook| webhook.on.contains(&on)) {
            let host = post::host(&webhook.url).unwrap_or_else(|| "a webhook".to_owned());
            let undone = format!("{host} was not told {}", text::that(on, facts));
            let post = Post {
                url: webhook.url.clone(),
                body: text::body(webhook, on, facts),
                timeout: webhook.timeout,
                tls: self.tls.clone(),
                tries: self.tries,
            };
            self.under_way.push(Telling { undone, task: tokio::spawn(post.send()) });
        }
    }

    /// Waits for what is under way; gives what could not be told, without URLs.
    pub(crate) async fn finish(self, within: Duration) -> Vec<String> {
        let deadline = Instant::now() + within;
        let mut failed = Vec::new();
        for Telling { undone, mut task } in self.under_way {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(why))) => failed.push(format!("{undone}: {why}")),
                Ok(Err(_)) => failed.push(format!("{undone}: that is a bug of mizanctl")),
                Err(_) => {
                    task.abort();
                    failed.push(format!("{undone}: it took too long"));
                }
            }
        }
        failed
    }
}
