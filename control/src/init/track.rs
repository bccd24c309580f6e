//! A service as two can run of it side by side: without what only one of them can have.

use super::probe::enabled;
use super::syntax::{PortTarget, environment, port_number, shared_and_writable};
use super::yaml::{Node, Scalar};

/// What a service and its tracks have in common, and what was left out on the way.
#[derive(Debug)]
pub(super) struct Track {
    /// All but `image`.
    pub(super) body: Vec<(Scalar, Node)>,
    /// `deploy.replicas` or `scale`, where it is a number.
    pub(super) replicas: Option<u32>,
    pub(super) remarks: Vec<String>,
}

/// Only one container can have it.
const IDENTITY: [&str; 3] = ["container_name", "hostname", "mac_address"];
/// The same, of its place on a network.
const NETWORK_IDENTITY: [&str; 5] =
    ["aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address"];
/// Mounted to be spoken to, not to be written.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// An error is a sentence that says what to do.
pub(super) fn track(name: &str, service: &Node) -> Result<Track, String> {
    possible(name, service)?;
    let mut track = Track {
        body: vec![entry("profiles", Node::List(vec![Node::plain("mizan")]))],
        replicas: None,
        remarks: Vec::new(),
    };
    let mut left_out = Vec::new();
    let mut exposes = exposed(service);
    for (key, value) in service.entries() {
        match key.as_str() {
            "image" | "build" | "develop" => {}
            "ports" | "expose" if exposes.is_empty() => {}
            "ports" | "expose" => track.body.push(entry("expose", Node::List(std::mem::take(&mut exposes)))),
            "profiles" => left_out.push(format!("`profiles` ({})", words(value))),
            "scale" => track.take_replicas("scale", value),
            "deploy" => track.take_deploy(key, value),
            "networks" => {
                let (networks, gone) = networks(value);
                left_out.extend(gone);
                track.body.push((key.clone(), networks));
            }
            "pull_policy" if value.as_str() == Some("build") => left_out.push("`pull_policy`".to_owned()),
            other if IDENTITY.contains(&other) => left_out.push(format!("`{other}`")),
            _ => track.body.push((key.clone(), value.clone())),
        }
    }
    if !left_out.is_empty() {
        let gone = left_out.join(", ");
        track
            .remarks
            .insert(0, format!("left out of the tracks: {gone}; two that run side by side cannot share it"));
    }
    track.remark_on(service);
    Ok(track)
}

/// Whether there can be two of it that a proxy reaches.
fn possible(name: &str, service: &Node) -> Result<(), String> {
    if service.entries().is_empty() {
        return Err(format!("the service `{name}` is empty"));
    }
    if let Some(mode) = service.get("network_mode") {
        let mode = mode.as_str().unwrap_or_default();
        let why = match mode {
            "host" => "two tracks would want the same port of the host".to_owned(),
            "none" => "nothing reaches it".to_owned(),
            _ => "Docker gives it no name of its own there, by which mizan could find each track".to_owned(),
        };
        return Err(format!(
            "`{name}` has `network_mode: {mode}`: {why}; put it on a network of the project (remove `network_mode`)"
        ));
    }
    if service.get("extends").is_some() {
        return Err(format!(
            "`{name}` has `extends`, and what it extends may have ports and names that two tracks cannot share; have \
             Compose resolve it: `docker compose config --no-interpolate > docker-compose.flat.yml`, then `mizanctl init \
             {name} --file docker-compose.flat.yml`"
        ));
    }
    Ok(())
}

/// `expose` and the containers' side of `ports`, each once.
fn exposed(service: &Node) -> Vec<Node> {
    let list = |key| service.get(key).map_or(&[][..], Node::items);
    let mut exposed = list("expose").to_vec();
    let mut known: Vec<String> =
        exposed.iter().filter_map(PortTarget::of).map(|port| port.exposed()).collect();
    for port in list("ports").iter().filter_map(PortTarget::of).map(|port| port.exposed()) {
        if !known.contains(&port) {
            exposed.push(Node::text(port.clone()));
            known.push(port);
        }
    }
    exposed
}

/// The networks, and what was left out of them.
fn networks(networks: &Node) -> (Node, Vec<String>) {
    let mut gone = Vec::new();
    let Node::Map(entries) = networks else { return (networks.clone(), gone) };
    let mut kept = Vec::new();
    for (network, options) in entries {
        let (out, stay): (Vec<_>, Vec<_>) =
            options.entries().iter().cloned().partition(|(key, _)| NETWORK_IDENTITY.contains(&key.as_str()));
        for (key, value) in &out {
            gone.push(format!("`{}` on the network {} ({})", key.as_str(), network.as_str(), words(value)));
        }
        let options = if stay.is_empty() && !out.is_empty() {
            Node::plain("")
        } else if out.is_empty() {
            options.clone()
        } else {
            Node::Map(stay)
        };
        kept.push((network.clone(), options));
    }
    (Node::Map(kept), gone)
}

impl Track {
    fn take_deploy(&mut self, key: &Scalar, deploy: &Node) {
        if let Some(replicas) = deploy.get("replicas") {
            self.take_replicas("deploy.replicas", replicas);
        }
        let stay: Vec<_> =
            deploy.entries().iter().filter(|(key, _)| key.as_str() != "replicas").cloned().collect();
        if !stay.is_empty() {
            self.body.push((key.clone(), Node::Map(stay)));
        }
    }

    fn take_replicas(&mut self, key: &str, value: &Node) {
        let text = value.as_str().unwrap_or_default();
        self.replicas = text.parse().ok().filter(|count| (1..=1000).contains(count));
        self.remarks.push(match self.replicas {
            Some(count) => {
                format!("`{key}: {count}` is `replicas: {count}` in deploy.yml: mizanctl scales the tracks")
            }
            None => format!(
                "`{key}: {text}` left out: mizanctl scales the tracks; write `replicas` in deploy.yml"
            ),
        });
    }

    /// What stays, and has to be looked at.
    fn remark_on(&mut self, service: &Node) {
        let list = |key| service.get(key).map_or(&[][..], Node::items);
        let mut say = |remark: String| self.remarks.push(remark);
        let ports: Vec<_> = list("ports").iter().filter_map(PortTarget::of).map(shown).collect();
        if !ports.is_empty() {
            say(format!(
                "`ports` ({}) are `expose` in the tracks: two cannot have the same port of the host, and users come through mizan",
                ports.join(", ")
            ));
        }
        if service.get("build").is_some() {
            say("`build` left out: a deploy is of an image, `mizanctl deploy ... --image`; build and tag it before".to_owned());
        }
        let shared: Vec<_> = list("volumes")
            .iter()
            .filter_map(shared_and_writable)
            .filter(|source| source != DOCKER_SOCKET)
            .collect();
        if !shared.is_empty() {
            say(format!(
                "both tracks write to {}: two versions at once, while a deploy goes on; where only one reads, add `:ro`",
                shared.join(", ")
            ));
        }
        if labels(service).any(|label| label.starts_with("traefik.")) {
            say("both tracks have the labels for Traefik: it would send them requests past mizan".to_owned());
        }
        if enabled(service).is_none() {
            say("no `healthcheck`: the image may have one; mizan checks over HTTP by itself (`health` in mizan.yml)".to_owned());
        }
        if service.get("stop_grace_period").is_none() {
            say("no `stop_grace_period`: a container is killed 10 s after SIGTERM; give it as long as its longest request".to_owned());
        }
        if service.get("restart").is_none()
            && service.get("deploy").is_none_or(|deploy| deploy.get("restart_policy").is_none())
        {
            say("no `restart`: a container that ends stays down; `restart: unless-stopped` is usual"
                .to_owned());
        }
    }
}

/// The port a proxy connects to, of those that the file names; with a remark where several could be meant.
pub(super) fn port(service: &Node) -> Option<(u16, Option<String>)> {
    let list = |key| service.get(key).map_or(&[][..], Node::items).iter();
    let mut ports: Vec<u16> = Vec::new();
    for port in
        list("ports").chain(list("expose")).filter_map(PortTarget::of).filter_map(|port| port.number())
    {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    let named = environment(service).into_iter().find(|(name, _)| *name == "PORT");
    let named = named.and_then(|(_, value)| value).and_then(port_number);
    match (ports.as_slice(), named) {
        ([], named) => named.map(|port| (port, None)),
        ([port], _) => Some((*port, None)),
        (ports, named) => {
            let port = named.filter(|port| ports.contains(port)).unwrap_or(ports[0]);
            let all: Vec<_> = ports.iter().map(u16::to_string).collect();
            Some((
                port,
                Some(format!(
                    "of the ports {} mizan connects to {port}; --port says another",
                    all.join(", ")
                )),
            ))
        }
    }
}

fn labels(service: &Node) -> impl Iterator<Item = &str> {
    let labels = service.get("labels");
    let keys = labels.into_iter().flat_map(|labels| labels.entries().iter().map(|(key, _)| key.as_str()));
    keys.chain(labels.into_iter().flat_map(|labels| labels.items().iter().filter_map(Node::as_str)))
}

fn shown(port: PortTarget) -> String {
    let inside = port.exposed();
    port.published.map_or_else(|| inside.clone(), |published| format!("{published}:{inside}"))
}

/// A list's words, or one.
fn words(value: &Node) -> String {
    let words: Vec<_> = value.items().iter().chain([value]).filter_map(Node::as_str).collect();
    words.join(", ")
}

fn entry(key: &str, value: Node) -> (Scalar, Node) {
    (Scalar::Plain(key.to_owned()), value)
}

#[cfg(test)]
mod tests {
    use super::super::emit::mapping;
    use super::super::yaml::parse;
    use super::*;

    fn of(text: &str) -> Track {
        track("api", &parse(text).unwrap()).unwrap()
    }

    fn body(text: &str) -> String {
        mapping(&of(text).body, 0).replacen("profiles:\n  - mizan\n", "", 1)
    }

    fn has(track: &Track, part: &str) -> bool {
        track.remarks.iter().any(|remark| remark.contains(part))
    }

    #[test]
    fn what_only_one_container_can_have_is_left_out_and_said() {
        let text = "container_name: api\nhostname: api\nmac_address: 02:42:ac:11:65:43\nprofiles: [app, x]\nuser: '1000'\ndomainname: a.b\nnetworks:\n  front: {aliases: [api, www], ipv4_address: 10.9.0.2}\n  back: {priority: 1, ipv6_address: fd00::2}\n  other:\n";
        assert_eq!(
            body(text),
            "user: \"1000\"\ndomainname: a.b\nnetworks:\n  front:\n  back:\n    priority: 1\n  other:\n"
        );
        let said = &of(text).remarks[0];
        for part in [
            "`container_name`, `hostname`, `mac_address`, `profiles` (app, x)",
            "`aliases` on the network front (api, www)",
            "`ipv4_address` on the network front (10.9.0.2)",
            "`ipv6_address` on the network back (fd00::2)",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn published_ports_are_exposed_once() {
        let text = "ports: ['80:3000', {target: 9000, published: 9000}, '53:53/udp', '${P:-1}:${Q:-2}']\nexpose: [3000, '4000']\n";
        assert_eq!(
            body(text),
            "expose:\n  - 3000\n  - \"4000\"\n  - \"9000\"\n  - \"53/udp\"\n  - \"${Q:-2}\"\n"
        );
        assert!(has(&of(text), "(80:3000, 9000:9000, 53:53/udp, ${P:-1}:${Q:-2})"));
        assert_eq!(body("ports: []\nuser: a\n"), "user: a\n");
    }

    #[test]
    fn how_many_there_are_is_mizanctls_to_say() {
        let track = of("deploy: {replicas: 3, resources: {limits: {cpus: '0.50'}}}\n");
        assert_eq!(track.replicas, Some(3));
        assert!(has(&track, "`deploy.replicas: 3`"));
        assert_eq!(
            mapping(&track.body[1..], 0),
            "deploy:\n  resources:\n    limits:\n      cpus: \"0.50\"\n"
        );
        assert_eq!(body("scale: 2\nuser: a\n"), "user: a\n");
        let track = of("deploy: {replicas: '${N:-2}'}\n");
        assert_eq!((track.replicas, track.body.len()), (None, 1));
        assert!(has(&track, "`deploy.replicas: ${N:-2}` left out"));
    }

    #[test]
    fn what_two_versions_do_to_each_other_is_remarked() {
        let text = "build: .\nvolumes: ['data:/data', './c:/c:ro', '/var/run/docker.sock:/var/run/docker.sock', /tmp]\nlabels: {traefik.enable: 'true'}\n";
        let track = of(text);
        for part in [
            "both tracks write to data:",
            "`build` left out",
            "Traefik",
            "no `healthcheck`",
            "no `stop_grace_period`",
            "no `restart`",
        ] {
            assert!(has(&track, part), "{part}: {:?}", track.remarks);
        }
        let quiet = of(
            "image: a\nrestart: always\nstop_grace_period: 40s\nhealthcheck: {test: curl http://localhost/}\n",
        );
        assert_eq!(quiet.remarks, Vec::<String>::new());
    }

    #[test]
    fn where_there_cannot_be_two_the_reason_is_given() {
        for (text, part) in [
            ("network_mode: host", "same port of the host"),
            ("network_mode: 'service:vpn'", "no name of its own"),
            ("extends: {service: base}", "docker compose config --no-interpolate"),
            ("", "is empty"),
        ] {
            let error =
                track("api", &parse(&format!("api: {{{text}}}")).unwrap().get("api").unwrap().clone())
                    .unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_port_is_the_published_the_exposed_or_the_environments() {
        let port = |text: &str| port(&parse(text).unwrap());
        assert_eq!(port("ports: ['80:3000']\nexpose: [3000]\n"), Some((3000, None)));
        assert_eq!(port("environment: [PORT=8080]\n"), Some((8080, None)));
        assert_eq!(port("user: a\n"), None);
        let (first, remark) = port("ports: ['9229:9229', '80:3000']\n").unwrap();
        assert!(first == 9229 && remark.unwrap().contains("9229, 3000"));
        let (named, _) = port("ports: ['9229:9229', '80:3000']\nenvironment: {PORT: 3000}\n").unwrap();
        assert_eq!(named, 3000);
    }
}
