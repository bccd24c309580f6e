//! The three files.

use super::emit::{mapping, quoted, word};
use super::yaml::{Node, Scalar};
use super::{COMPOSE_FILE, TRACKS, image_variable};
use std::fmt::Write;

/// What is known of the service and its project.
pub(super) struct Facts<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a str,
    pub(super) overriding: Option<&'a str>,
    pub(super) port: u16,
    pub(super) health: &'a str,
    /// Empty: the project's default.
    pub(super) networks: Vec<&'a str>,
    pub(super) project: Option<&'a str>,
    /// The image where no variable is set; `None`: there can be none.
    pub(super) image: Option<&'a str>,
    pub(super) replicas: Option<u32>,
}

impl Facts<'_> {
    /// For comments: on one line, whatever the names hold.
    fn made(&self) -> String {
        format!("Made by `mizanctl init` from {}.", comment(self.file))
    }

    /// For texts in which `${NAME}` is a variable.
    fn literal(text: &str) -> String {
        word(&text.replace('$', "$$"))
    }
}

pub(super) fn deploy(facts: &Facts<'_>) -> String {
    let name = facts.name;
    let files: Vec<_> = [Some(facts.file), facts.overriding, Some(COMPOSE_FILE)]
        .into_iter()
        .flatten()
        .map(Facts::literal)
        .collect();
    let mut text = format!(
        "# How new versions are rolled out: `mizanctl deploy {name} --image IMAGE`. {}
environments:
  production:
    socket: /run/mizan/admin.sock
    compose:
      files: [{}]
",
        facts.made(),
        files.join(", ")
    );
    if let Some(project) = facts.project {
        let _ = writeln!(text, "      project: {}", Facts::literal(project));
    }
    let _ = write!(text, "services:\n  {}:\n    tracks:\n", word(name));
    for track in TRACKS {
        let variable = image_variable(name, track);
        let service = word(&format!("{name}-{track}"));
        let _ = writeln!(text, "      {track}: {{ compose_service: {service}, image_variable: {variable} }}");
    }
    text += "    strategy: blue_green\n";
    if let Some(count) = facts.replicas {
        let _ = writeln!(text, "    replicas: {count}");
    }
    text + SUGGESTIONS
}

/// What most people set next: keys to take the mark from.
const SUGGESTIONS: &str =
    "    # A few users first, more every time it goes well; with `strategy: canary` above:
    # canary: [{ weight: 10%, hold: 5m }, { weight: 50%, hold: 5m }, { weight: 100% }]
    # Programs of yours, in this folder: a failed one stops the deploy, and users stay where they are.
    # hooks:
    #   before_deploy: ./backup
    #   migrate: ./migrate
    #   smoke: ./smoke-test
# Who is told, in Slack's format:
# notify:
#   - { url: \"${DEPLOY_WEBHOOK}\", on: [deployed, rolled_back, failed] }
";

pub(super) fn compose(facts: &Facts<'_>, version: Option<&Node>, body: &[(Scalar, Node)]) -> String {
    let name = facts.name;
    let mut text = format!(
        "# `{name}` as two tracks, for mizan. {} Compose reads both files:
#
#   docker compose -f {} -f {COMPOSE_FILE} ps
#
# The tracks are whole services, since Compose's `extends` would bring ports and names that two cannot share: what
# changes for `{name}` there has to change here, too. `docker compose up` leaves them alone, by their profile:
# `mizanctl deploy` starts and stops them.
",
        facts.made(),
        comment(facts.file)
    );
    // docker-compose 1.29 wants the same version in all files.
    if let Some(version) = version {
        text += &mapping(&[(Scalar::Plain("version".into()), version.clone())], 0);
    }
    text += "\nx-mizan-track: &track\n";
    text += &mapping(body, 2);
    text += "\nservices:\n";
    if facts.image.is_none() {
        text += "  # No image but what mizanctl sets: docker-compose 1.29 knows no variable within a variable's default.\n";
    }
    for track in TRACKS {
        let image = facts.image.unwrap_or("mizan/not-set");
        let image = format!("${{{}:-{image}}}", image_variable(name, track));
        let _ = write!(text, "  {name}-{track}:\n    <<: *track\n    image: {}\n", quoted(&image));
    }
    text
}

pub(super) fn mizan(facts: &Facts<'_>) -> String {
    let name = facts.name;
    let network = match &facts.networks[..] {
        [] => "the project's network".to_owned(),
        [one] => format!("the network `{}`", comment(one)),
        several => format!("one of the networks {}", comment(&several.join(", "))),
    };
    format!(
        "# What is served, and how. {}
listen:
  http: \":80\"
admin:
  socket: /run/mizan/admin.sock
state: /var/lib/mizan
resolver:
  # Docker's own DNS, which Docker's networks have and the host has not: mizan runs in a container on
  # {network}, as `{name}` does.
  servers: [127.0.0.11]
services:
{}sites:
  - hosts: [\"*\"]
    routes:
      - {{ path: /, service: {} }}
",
        facts.made(),
        service(facts),
        word(name)
    )
}

pub(super) fn mizan_section(facts: &Facts<'_>) -> String {
    format!(
        "# For mizan.yml: this goes under its `services:`. {}
# A route of a site then sends requests there: - {{ path: /, service: {} }}
# The names are Docker's: `resolver: {{ servers: [127.0.0.11] }}` looks them up.
services:
{}",
        facts.made(),
        word(facts.name),
        service(facts)
    )
}

fn service(facts: &Facts<'_>) -> String {
    let (name, port) = (facts.name, facts.port);
    format!(
        "  {}:
    tracks:
      blue: \"{name}-blue:{port}\"
      green: \"{name}-green:{port}\"
    # Where it starts; from then on `mizanctl` moves it.
    split: {{ blue: 100 }}
    # For testers: a request with `X-Mizan-Track: green` reaches that track before users do.
    force: {{ header: X-Mizan-Track }}
    health: {{ path: {}, interval: 2s, timeout: 1s, healthy: 2, unhealthy: 3 }}
",
        word(name),
        quoted(&facts.health.replace('$', "$$"))
    )
}

fn comment(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '?' } else { one }).collect()
}
