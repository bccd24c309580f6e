//! Which protocols a connection may switch to (RFC 9110 §7.8).

/// Whether a client may switch to what it names in Upgrade, given the route's protocols (lower-case).
///
/// Each protocol it names must be among them. `h2c` and other names of HTTP never are: such a tunnel would carry
/// requests past every rule.
pub fn upgrade_allowed(value: &str, protocols: &[String]) -> bool {
    !names_http(value)
        && elements(value)
            .all(|protocol| protocols.iter().any(|allowed| allowed.eq_ignore_ascii_case(protocol)))
}

/// Whether one of the protocols is HTTP again: `h2c`, `h2`, `HTTP/2.0`, `TLS/1.0, HTTP/1.1` (RFC 2817) and their like.
pub(super) fn names_http(value: &str) -> bool {
    elements(value).any(|protocol| {
        let name = protocol.split('/').next().unwrap_or_default();
        ["h2c", "h2", "h3", "http", "tls"].iter().any(|http| name.eq_ignore_ascii_case(http))
    })
}

/// At least one, perhaps empty: an empty name is on no route's list.
fn elements(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|element| element.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_route_s_protocols_go_through() {
        let websocket = ["websocket".to_owned()];
        for value in ["websocket", "WebSocket", "websocket, websocket"] {
            assert!(upgrade_allowed(value, &websocket), "{value}");
        }
        for value in ["", "tcp", "websocket, tcp", "websocket,", "websocket/13", "web socket", "xwebsocket"] {
            assert!(!upgrade_allowed(value, &websocket), "{value}");
        }
        assert!(!upgrade_allowed("websocket", &[]));
    }

    #[test]
    fn http_in_http_goes_nowhere_even_when_a_route_names_it() {
        let all = ["websocket", "h2c", "http/2.0", "tls/1.0"].map(str::to_owned);
        for value in ["h2c", "H2C", "websocket, h2c", "h2c, websocket", "HTTP/2.0", "TLS/1.0"] {
            assert!(!upgrade_allowed(value, &all), "{value}");
        }
    }
}
