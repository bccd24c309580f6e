//! An event in one line.

use super::page::{Span, Style};
use super::split::weights;
use mizan_api::{EndpointState, Event, Happening, SplitReason};

pub(crate) fn event(event: &Event) -> Span {
    match &event.what {
        Happening::Endpoint { service, track, address, from, state, why } => {
            let from = from.map_or("new", EndpointState::as_str);
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let place = place(service, track);
            (super::state(*state).0, format!("{place} {address} {from} → {}{why}", state.as_str()))
        }
        Happening::Track { service, track, drained } => {
            let done = if *drained { "was drained" } else { "was put back" };
            (Style::Warn, format!("{} {done}", place(service, track)))
        }
        Happening::Split { service, split, why } => {
            let why = match why {
                SplitReason::Committed => "committed",
                SplitReason::Leased => "leased",
                SplitReason::LeaseExpired => "the lease ended without renewal",
                SplitReason::LeaseReleased => "the lease was given back",
                SplitReason::File => "from mizan.yml",
            };
            (
                Style::Bold,
                format!("{service} split {}: {why}, revision {}", weights(&split.weights), split.revision),
            )
        }
        Happening::Fallback { service, wanted, taken } => {
            (Style::Warn, format!("{service} requests for {wanted} go to {taken}: it has no endpoint"))
        }
        Happening::Reload { generation } => (Style::Good, format!("configuration {generation} is in force")),
        Happening::ReloadRefused { why } => (Style::Bad, format!("a configuration was refused: {why}")),
        Happening::Certificate { names, issuer, .. } => {
            (Style::Good, format!("a certificate of {issuer} for {} is in force", names.join(", ")))
        }
        Happening::CertificateFailed { names, why } => {
            (Style::Bad, format!("no certificate for {}: {why}", names.join(", ")))
        }
        Happening::Deploy { deploy } => super::under_way::event(deploy),
        Happening::Ending => (Style::Warn, "mizan finishes what is under way and ends".to_owned()),
        Happening::Missed { count } => (Style::Dim, format!("{count} events were missed")),
    }
}

fn place(service: &str, track: &str) -> String {
    format!("{service} {track}").trim_end().to_owned()
}

/// The service that an event is about; `None`: the whole proxy.
pub(crate) fn service_of(event: &Event) -> Option<&str> {
    match &event.what {
        Happening::Endpoint { service, .. }
        | Happening::Track { service, .. }
        | Happening::Split { service, .. }
        | Happening::Fallback { service, .. } => Some(service),
        Happening::Deploy { deploy } => Some(&deploy.service),
        _ => None,
    }
}
