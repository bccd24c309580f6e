//! `mizanctl init`: from somebody's docker-compose.yml to two tracks.
//!
//! Pure: text in, texts out. The file is read without Compose, so that nothing needs to be installed or set, and what
//! it says of the service is written again to the letter (see [`yaml`]).

mod choose;
mod emit;
mod files;
mod probe;
mod syntax;
mod track;
mod yaml;

use files::Facts;
use serde::Serialize;
use syntax::PortTarget;
use yaml::Node;

/// The file with the tracks.
pub(crate) const COMPOSE_FILE: &str = "docker-compose.mizan.yml";
/// Where the path is not known.
const HEALTH: &str = "/health";
const TRACKS: [&str; 2] = ["blue", "green"];

/// What init would write. Nothing is written here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Proposal {
    /// What is rolled out.
    pub(crate) service: String,
    /// deploy.yml.
    pub(crate) deploy: String,
    /// docker-compose.mizan.yml: the tracks as whole services.
    pub(crate) compose: String,
    /// A whole mizan.yml with the service.
    pub(crate) mizan: String,
    /// The service alone, for a mizan.yml that is there already.
    pub(crate) mizan_section: String,
    /// What was dropped or has to be looked at, in sentences.
    pub(crate) remarks: Vec<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// The service to be rolled out; `None`: the only one that can be.
    pub(crate) service: Option<String>,
    /// The port it listens on; `None`: from `ports`, `expose` or the health check.
    pub(crate) port: Option<u16>,
    /// The path its health is asked at; `None`: from the health check.
    pub(crate) health: Option<String>,
    /// The Compose file's name, as deploy.yml is to have it.
    pub(crate) file: String,
    /// The override that Compose reads with it by itself, where there is one; as deploy.yml is to have it.
    pub(crate) overriding: Option<String>,
    /// COMPOSE_PROJECT_NAME of the `.env` beside it.
    pub(crate) project: Option<String>,
}

/// `text`: the user's Compose file. An error is a sentence that says what to do.
pub(crate) fn propose(text: &str, wanted: &Wanted) -> Result<Proposal, String> {
    let file = wanted.file.as_str();
    let root = yaml::parse(text).map_err(|error| format!("{file}:{error}"))?;
    let services = root.get("services").filter(|services| !services.entries().is_empty()).ok_or_else(|| {
        format!("{file} has no `services`: name the Compose file with --file; one of version 1 needs them put under `services:`")
    })?;
    let (name, service) = choose::choose(services, wanted.service.as_deref(), file)?;
    speakable(name, services, file)?;
    let mut track = track::track(name, service)?;
    let mut remarks = Vec::new();
    if let Some(other) = &wanted.overriding {
        remarks.push(format!(
            "{other} is in deploy.yml, since Compose reads it, too; what it says of `{name}` is not in the tracks: copy it there"
        ));
    }
    let (port, health) = asked(name, service, wanted, &mut remarks)?;
    remarks.append(&mut track.remarks);
    remarks.extend(dependents(name, services));
    remarks.extend(on_port_80(services));
    let image = default_image(service);
    if image.is_none() {
        remarks.push(format!(
            "the tracks' `image` has no default: mizanctl sets {} and {}",
            image_variable(name, TRACKS[0]),
            image_variable(name, TRACKS[1])
        ));
    }
    let project = project(&root, wanted, &mut remarks);
    let networks: Vec<&str> = service.get("networks").map(names).unwrap_or_default();
    let facts = Facts {
        name,
        file,
        overriding: wanted.overriding.as_deref(),
        port,
        health: &health,
        networks,
        project,
        image,
        replicas: track.replicas,
    };
    let proposal = Proposal {
        service: name.to_owned(),
        deploy: files::deploy(&facts),
        compose: files::compose(&facts, root.get("version"), &track.body),
        mizan: files::mizan(&facts),
        mizan_section: files::mizan_section(&facts),
        remarks,
    };
    mizan_config::parse("mizan.yml", &proposal.mizan, &|_| None)
        .map_err(|problems| format!("mizan.yml would not be sound; nothing was written\n{problems}"))?;
    Ok(proposal)
}

/// What takes the image of a track.
fn image_variable(service: &str, track: &str) -> String {
    let name: String = format!("{service}_{track}_image")
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' })
        .collect();
    // A variable's name begins with no digit.
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Whether mizan.yml, deploy.yml and the tracks can have the name.
fn speakable(name: &str, services: &Node, file: &str) -> Result<(), String> {
    let sound = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !sound {
        return Err(format!(
            "`{name}` is no name for a service: letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
        ));
    }
    match TRACKS.iter().map(|track| format!("{name}-{track}")).find(|track| services.get(track).is_some()) {
        Some(track) => Err(format!(
            "{file} has a service `{track}` already: are the tracks there? Write deploy.yml for them by hand"
        )),
        None => Ok(()),
    }
}

/// The port and the path that mizan asks.
fn asked(
    name: &str,
    service: &Node,
    wanted: &Wanted,
    remarks: &mut Vec<String>,
) -> Result<(u16, String), String> {
    let probe = probe::probe(service).unwrap_or_default();
    let port = match (wanted.port.or(probe.port), track::port(service)) {
        (Some(port), _) => port,
        (None, Some((port, remark))) => {
            remarks.extend(remark);
            port
        }
        (None, None) => {
            return Err(format!(
                "which port `{name}` listens on is not in {}: say it with --port",
                wanted.file
            ));
        }
    };
    if probe.https && wanted.port.is_none() {
        remarks.push(format!("the health check speaks HTTPS: `{name}` in mizan.yml may need `tls: true`"));
    }
    let health = wanted.health.clone().or(probe.path).unwrap_or_else(|| {
        remarks.push(format!("the health check names no path: mizan asks {HEALTH}; --health says another"));
        HEALTH.to_owned()
    });
    Ok((port, health))
}

/// What may stand behind `:-`. docker-compose 1.29 knows no variable within a variable's default.
fn default_image(service: &Node) -> Option<&str> {
    service.get("image").and_then(Node::as_str).filter(|image| !image.contains(['$', '}']))
}

/// Who starts the old service again.
fn dependents(name: &str, services: &Node) -> Option<String> {
    let depends = |service: &Node| service.get("depends_on").is_some_and(|on| names(on).contains(&name));
    let others: Vec<_> = services
        .entries()
        .iter()
        .filter(|(_, service)| depends(service))
        .map(|(other, _)| other.as_str())
        .collect();
    (!others.is_empty()).then(|| {
        format!(
            "`depends_on: {name}` of {} starts the service `{name}` whenever that is started: when the tracks serve, remove it there",
            others.join(", ")
        )
    })
}

/// Who has the port that mizan.yml listens on.
fn on_port_80(services: &Node) -> Option<String> {
    let has = |service: &Node| {
        let ports = service.get("ports").map_or(&[][..], Node::items);
        ports.iter().filter_map(PortTarget::of).any(|port| port.published.as_deref() == Some("80"))
    };
    let owners: Vec<_> = services
        .entries()
        .iter()
        .filter(|(_, service)| has(service))
        .map(|(owner, _)| owner.as_str())
        .collect();
    (!owners.is_empty()).then(|| {
        format!(
            "port 80 of the host is published by {}: mizan takes it over, or publishes another",
            owners.join(", ")
        )
    })
}

fn project<'a>(root: &'a Node, wanted: &'a Wanted, remarks: &mut Vec<String>) -> Option<&'a str> {
    let name = wanted.project.as_deref().or_else(|| root.get("name").and_then(Node::as_str))?;
    if name.contains('$') {
        remarks.push(format!(
            "the project's name, `{name}`, is a variable's: write `compose: {{ project: ... }}` in deploy.yml"
        ));
        return None;
    }
    Some(name)
}

/// Of a list, or of a mapping's keys.
fn names(node: &Node) -> Vec<&str> {
    let keys = node.entries().iter().map(|(key, _)| key.as_str());
    keys.chain(node.items().iter().filter_map(Node::as_str)).collect()
}

#[cfg(test)]
mod tests;
