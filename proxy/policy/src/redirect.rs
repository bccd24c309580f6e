//! Where plain HTTP is sent: the same host and target, over TLS.

use std::fmt::Write as _;

/// The Location of a redirect to https.
///
/// `host` was checked (IPv6 in brackets) and has no port; 443 is left out. `target` is the request's, as it was sent, so
/// that no escape changes on the way; `*` becomes `/`. The authority is always written out and ended by a slash: no
/// target, `//evil.example` neither, names another host. A byte that is not visible ASCII is percent-encoded.
pub fn https_location(host: &str, port: u16, target: &str) -> String {
    let mut location = String::with_capacity("https://:65535/".len() + host.len() + target.len());
    location.push_str("https://");
    push_visible(&mut location, host);
    if port != 443 {
        // Writing to a string cannot fail.
        let _ = write!(location, ":{port}");
    }
    let target = if target == "*" { "/" } else { target };
    if !target.starts_with('/') {
        location.push('/');
    }
    push_visible(&mut location, target);
    location
}

fn push_visible(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_target_at_the_same_host_over_tls() {
        for (host, port, target, location) in [
            ("a.example", 443, "/", "https://a.example/"),
            ("a.example", 443, "/x/%2F?q=%20&r=[1]", "https://a.example/x/%2F?q=%20&r=[1]"),
            ("a.example", 8443, "/x", "https://a.example:8443/x"),
            ("a.example", 80, "/x", "https://a.example:80/x"),
            ("[::1]", 443, "/", "https://[::1]/"),
            ("[::1]", 8443, "/", "https://[::1]:8443/"),
            ("a.example", 443, "*", "https://a.example/"),
            ("a.example", 443, "", "https://a.example/"),
            ("a.example", 443, "?q", "https://a.example/?q"),
        ] {
            assert_eq!(https_location(host, port, target), location);
        }
    }

    #[test]
    fn no_target_names_another_host() {
        for (target, location) in [
            ("//evil.example/..", "https://a.example//evil.example/.."),
            ("/\\evil.example", "https://a.example/\\evil.example"),
            ("@evil.example", "https://a.example/@evil.example"),
            (".evil.example", "https://a.example/.evil.example"),
            (":80@evil.example", "https://a.example/:80@evil.example"),
            ("https://evil.example/", "https://a.example/https://evil.example/"),
        ] {
            assert_eq!(https_location("a.example", 443, target), location);
        }
    }

    #[test]
    fn no_target_ends_the_line() {
        assert_eq!(
            https_location("a", 443, "/\r\nSet-Cookie: a\0\u{e9}\x7f"),
            "https://a/%0D%0ASet-Cookie:%20a%00%C3%A9%7F"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_target_the_location_is_visible_and_at_the_host(
            target in "\\PC*|[\\x00-\\x7f]*|[/\\\\@:.*]*",
            port: u16,
        ) {
            let location = https_location("a.example", port, &target);
            prop_assert!(location.bytes().all(|b| b.is_ascii_graphic()));
            let rest = location.strip_prefix("https://").unwrap();
            let authority = rest.split(['/', '\\', '?', '#']).next().unwrap();
            let with_port = format!("a.example:{port}");
            prop_assert_eq!(authority, if port == 443 { "a.example" } else { &with_port });
        }
    }
}
