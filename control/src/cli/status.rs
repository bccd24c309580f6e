//! `mizanctl status`: services, tracks and endpoints at a glance.

use clap::Args;
use mizan_api::{Client, ClientError, EndpointStatus, Status};
use std::fmt::Write;

/// Show services, tracks and endpoints: their state and why, and the requests under way.
#[derive(Debug, Args)]
pub(super) struct StatusVerb {
    /// Print the admin API's JSON
    #[arg(long)]
    json: bool,
}

impl StatusVerb {
    pub(super) async fn run(self, client: &Client) -> Result<(), ClientError> {
        let status = client.status().await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&status).expect("a status is JSON"));
        } else {
            print!("{}", table(&status));
        }
        Ok(())
    }
}

fn table(status: &Status) -> String {
    let mut text = String::new();
    let state = match (status.draining, status.ready) {
        (true, _) => "draining",
        (false, true) => "serving",
        (false, false) => "serving, discovery has not answered for all services",
    };
    let _ = writeln!(
        text,
        "mizan {} (pid {}), {state}; configuration {}; {} connections on {}",
        status.version,
        status.pid,
        status.generation,
        status.connections,
        status.listeners.join(", ")
    );
    for service in &status.services {
        for track in &service.tracks {
            let name = if track.name.is_empty() {
                service.name.clone()
            } else {
                format!("{} {}", service.name, track.name)
            };
            let _ = writeln!(text, "\n{name}  weight {}", track.weight);
            if track.endpoints.is_empty() {
                let _ = writeln!(text, "  no endpoint");
            }
            for endpoint in &track.endpoints {
                let _ = writeln!(text, "  {}", row(endpoint));
            }
            for name in track.names.iter().filter(|name| name.last_error.is_some()) {
                let _ = writeln!(text, "  {}: {}", name.name, name.last_error.as_deref().unwrap_or_default());
            }
        }
    }
    text
}

fn row(endpoint: &EndpointStatus) -> String {
    let state = endpoint.state.as_str();
    let why = if endpoint.why.is_empty() { String::new() } else { format!("  ({})", endpoint.why) };
    format!(
        "{:<24} {state:<12} {:>4} under way {:>8} requests {:>6} failures  {}{why}",
        endpoint.address, endpoint.in_flight, endpoint.requests, endpoint.failures, endpoint.from
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mizan_api::{EndpointState, ServiceStatus, TrackStatus};

    #[test]
    fn an_endpoint_that_is_out_says_why() {
        let endpoint = EndpointStatus {
            address: "10.0.0.2:3000".into(),
            from: "api:3000".into(),
            state: EndpointState::Ejected,
            why: "the endpoint did not answer in time".into(),
            in_flight: 0,
            connections: 0,
            requests: 7,
            failures: 3,
            since_unix_ms: 0,
            latency_ms: None,
        };
        let track = TrackStatus {
            name: "blue".into(),
            weight: 100,
            endpoints: vec![endpoint],
            names: Vec::new(),
            drained: false,
        };
        let status = Status {
            version: "0.1.0".into(),
            pid: 1,
            started_unix_ms: 0,
            requests: 0,
            draining: false,
            ready: true,
            generation: 1,
            listeners: vec!["127.0.0.1:80".into()],
            connections: 0,
            services: vec![ServiceStatus {
                name: "api".into(),
                ready: true,
                split: None,
                sticky: false,
                fallbacks: 0,
                tracks: vec![track],
            }],
        };
        let text = table(&status);
        assert!(text.contains("api blue  weight 100"), "{text}");
        assert!(text.contains("ejected") && text.contains("(the endpoint did not answer in time)"), "{text}");
    }
}
