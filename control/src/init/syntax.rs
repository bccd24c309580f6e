//! The small languages inside Compose's scalars: ports, volumes, and values with a default.

use super::yaml::Node;

/// What of a published port is inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortTarget {
    /// A number, a range or a variable.
    pub(super) port: String,
    /// `tcp` is not written.
    pub(super) udp: bool,
    /// On the host; `None`: Docker chooses.
    pub(super) published: Option<String>,
}

impl PortTarget {
    /// An entry of `ports` in its short or long form, or of `expose`.
    pub(super) fn of(entry: &Node) -> Option<Self> {
        if let Some(text) = entry.as_str() {
            let (text, protocol) = match text.rsplit_once('/') {
                Some((text, protocol)) if !protocol.contains('}') => (text, protocol),
                _ => (text, "tcp"),
            };
            let parts = split(text);
            let published = parts.len().checked_sub(2).map(|at| parts[at]).filter(|text| !text.is_empty());
            let port = (*parts.last()?).to_owned();
            return Some(Self { port, udp: protocol == "udp", published: published.map(str::to_owned) });
        }
        let text = |key| entry.get(key).and_then(Node::as_str);
        let port = text("target")?.to_owned();
        let published = text("published").map(str::to_owned);
        Some(Self { port, udp: text("protocol") == Some("udp"), published })
    }

    /// As `expose` has it.
    pub(super) fn exposed(&self) -> String {
        format!("{}{}", self.port, if self.udp { "/udp" } else { "" })
    }

    /// The port a proxy can connect to.
    pub(super) fn number(&self) -> Option<u16> {
        if self.udp { None } else { port_number(&self.port) }
    }
}

/// A port, or the default of a variable that is a port: `3000`, `${PORT:-3000}`.
pub(super) fn port_number(text: &str) -> Option<u16> {
    let text = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).map_or(text, |inside| {
        inside.split_once(":-").or_else(|| inside.split_once('-')).map_or("", |(_, default)| default)
    });
    text.parse().ok().filter(|port| *port != 0)
}

/// What is mounted that other containers have, too, and may be written: where it is on the host, or its volume's name.
pub(super) fn shared_and_writable(volume: &Node) -> Option<String> {
    if let Some(text) = volume.as_str() {
        let parts = split(text);
        let (source, mode) = match parts[..] {
            [source, _] => (source, ""),
            [source, _, mode] => (source, mode),
            _ => return None,
        };
        return (!mode.split(',').any(|word| word == "ro")).then(|| source.to_owned());
    }
    let text = |key| volume.get(key).and_then(Node::as_str);
    let shared = matches!(text("type"), Some("volume" | "bind" | "nfs"));
    let source = text("source").or_else(|| text("src"))?;
    (shared && text("read_only") != Some("true")).then(|| source.to_owned())
}

/// `environment` in either form; a variable without a value has `None`.
pub(super) fn environment(service: &Node) -> Vec<(&str, Option<&str>)> {
    let Some(environment) = service.get("environment") else { return Vec::new() };
    let pairs = environment.entries().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let words = environment.items().iter().filter_map(Node::as_str);
    let listed = words.map(|word| match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    });
    pairs.chain(listed).collect()
}

/// At the colons that are not inside `${...}` or `[...]`.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|one| {
        match one {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        one == ':' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn target(text: &str) -> (String, Option<String>, Option<u16>) {
        let target = PortTarget::of(&parse(text).unwrap()).unwrap();
        (target.exposed(), target.published.clone(), target.number())
    }

    #[test]
    fn a_port_is_read_in_every_form_that_compose_knows() {
        for (text, exposed, published, number) in [
            ("\"3000\"", "3000", None, Some(3000)),
            ("3000", "3000", None, Some(3000)),
            ("\"80:3000\"", "3000", Some("80"), Some(3000)),
            ("\"127.0.0.1:80:3000/tcp\"", "3000", Some("80"), Some(3000)),
            ("\"127.0.0.1::3000\"", "3000", None, Some(3000)),
            ("\"[::1]:80:3000\"", "3000", Some("80"), Some(3000)),
            ("\"53:53/udp\"", "53/udp", Some("53"), None),
            ("\"8000-8002:9000-9002\"", "9000-9002", Some("8000-8002"), None),
            ("\"${PORT:-80}:3000\"", "3000", Some("${PORT:-80}"), Some(3000)),
            ("\"80:${PORT:-3000}\"", "${PORT:-3000}", Some("80"), Some(3000)),
            ("\"80:${PORT}\"", "${PORT}", Some("80"), None),
            ("{target: 3000, published: 80, mode: host}", "3000", Some("80"), Some(3000)),
            ("{target: 53, protocol: udp}", "53/udp", None, None),
        ] {
            assert_eq!(target(text), (exposed.to_owned(), published.map(str::to_owned), number), "{text}");
        }
        assert_eq!(PortTarget::of(&parse("{published: 80}").unwrap()), None);
        assert_eq!((port_number("0"), port_number("65536"), port_number("${A-81}")), (None, None, Some(81)));
    }

    #[test]
    fn what_is_shared_and_written_is_a_named_volume_or_a_folder_of_the_host() {
        let shared = |text: &str| shared_and_writable(&parse(text).unwrap());
        for (text, source) in [
            ("data:/data", Some("data")),
            ("./data:/data:rw", Some("./data")),
            ("${DIR:-/srv}:/data", Some("${DIR:-/srv}")),
            ("./nginx.conf:/etc/nginx.conf:ro", None),
            ("./nginx.conf:/etc/nginx.conf:z,ro", None),
            ("/app/node_modules", None),
            ("{type: volume, source: data, target: /data}", Some("data")),
            ("{type: bind, source: ., target: /data, read_only: true}", None),
            ("{type: volume, target: /data}", None),
            ("{type: tmpfs, target: /data}", None),
        ] {
            assert_eq!(shared(text).as_deref(), source, "{text}");
        }
    }

    #[test]
    fn the_environment_is_read_as_a_list_and_as_a_mapping() {
        for text in ["environment: [PORT=3000, HOME]", "environment: {PORT: 3000, HOME: }"] {
            let service = parse(text).unwrap();
            assert_eq!(environment(&service), [("PORT", Some("3000")), ("HOME", None)], "{text}");
        }
    }
}
