//! What a Compose file's health check asks: the port and the path.

use super::syntax::port_number;
use super::yaml::Node;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Probe {
    pub(super) port: Option<u16>,
    pub(super) path: Option<String>,
    pub(super) https: bool,
}

/// How a process calls its own container.
const LOOPBACK: [&str; 5] = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"];

/// The first URL of the service itself in `healthcheck.test`; `None` where there is none.
pub(super) fn probe(service: &Node) -> Option<Probe> {
    let asks = enabled(service)?.get("test")?;
    let words: Vec<&str> = asks.items().iter().chain([asks]).filter_map(Node::as_str).collect();
    let text = words.join(" ");
    let with_scheme =
        ["http://", "https://"].into_iter().filter_map(|scheme| Some((text.find(scheme)?, scheme)));
    let first =
        with_scheme.min().and_then(|(at, scheme)| url(&text[at + scheme.len()..], scheme == "https://"));
    // `wget -q --spider localhost:3000/health`: without a scheme only a port or path makes an address of it.
    let bare = || {
        let at = LOOPBACK.iter().filter_map(|host| text.find(&format!("{host}:"))).min()?;
        url(&text[at..], false).filter(|probe| probe.port.is_some())
    };
    first.or_else(bare)
}

/// The section, unless it switches off what the image has.
pub(super) fn enabled(service: &Node) -> Option<&Node> {
    let check = service.get("healthcheck")?;
    let test = check.get("test");
    let off = check.get("disable").and_then(Node::as_str) == Some("true")
        || test.is_some_and(|test| test.items().first().unwrap_or(test).as_str() == Some("NONE"));
    (!off).then_some(check)
}

/// `localhost:3000/health` and what comes behind it.
fn url(text: &str, https: bool) -> Option<Probe> {
    let host = LOOPBACK.iter().find(|host| text.starts_with(**host))?;
    let rest = &text[host.len()..];
    let end = |text: &str, more: &[char]| {
        text.find(|one: char| one.is_whitespace() || "\"'`()|;<>\\,".contains(one) || more.contains(&one))
            .unwrap_or(text.len())
    };
    let (port, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let length = end(rest, &['/', '?']);
            (port_number(&rest[..length]), &rest[length..])
        }
        None if rest.starts_with(|one: char| one.is_alphanumeric() || one == '-' || one == '.') => {
            return None;
        }
        None => (Some(if https { 443 } else { 80 }).filter(|_| is_url_end(rest)), rest),
    };
    let path = &rest[..end(rest, &['#'])];
    let path = match path {
        "" => Some("/"),
        // A shell's variable: what is asked is not known here.
        path if !path.starts_with('/')
            || path.contains(['$', '{'])
            || !path.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            None
        }
        path => Some(path),
    };
    Some(Probe { port, path: path.map(str::to_owned), https })
}

fn is_url_end(rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(|one: char| one == '/' || one.is_whitespace() || "\"'`)|;".contains(one))
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn asked(test: &str) -> Option<(Option<u16>, Option<String>, bool)> {
        let service = parse(&format!("healthcheck:\n  test: {test}\n")).unwrap();
        probe(&service).map(|probe| (probe.port, probe.path, probe.https))
    }

    #[test]
    fn the_url_of_a_health_check_is_found_in_any_tool() {
        for (test, port, path, https) in [
            (
                r#"["CMD", "curl", "-f", "http://localhost:3000/api/health"]"#,
                Some(3000),
                Some("/api/health"),
                false,
            ),
            ("curl -f http://127.0.0.1:3000 || exit 1", Some(3000), Some("/"), false),
            (
                r#"["CMD-SHELL", "wget -q --spider localhost:3000/health || exit 1"]"#,
                Some(3000),
                Some("/health"),
                false,
            ),
            (
                r#"["CMD", "node", "-e", "require('http').get('http://0.0.0.0:8080/live?x=1', r => 0)"]"#,
                Some(8080),
                Some("/live?x=1"),
                false,
            ),
            ("curl -kf https://localhost/health", Some(443), Some("/health"), true),
            ("curl -f http://[::1]/health;true", Some(80), Some("/health"), false),
            ("\"curl -f http://localhost:$${PORT}/health\"", None, Some("/health"), false),
            ("\"curl -f http://localhost:${PORT:-3000}/health\"", Some(3000), Some("/health"), false),
            ("\"curl -f http://localhost:3000/$$WHERE\"", Some(3000), None, false),
        ] {
            assert_eq!(asked(test), Some((port, path.map(str::to_owned), https)), "{test}");
        }
    }

    #[test]
    fn a_health_check_without_a_url_asks_nothing_that_is_known() {
        for test in [
            r#"["CMD", "redis-cli", "ping"]"#,
            "pg_isready -h localhost -U app",
            "curl -f http://localhost.example.com/",
            "curl -f http://db:5432/",
            "[NONE]",
            "NONE",
        ] {
            assert_eq!(asked(test), None, "{test}");
        }
        let off = parse("healthcheck: {disable: true, test: 'curl http://localhost:1/'}").unwrap();
        assert_eq!(probe(&off), None);
    }
}
