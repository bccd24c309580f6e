//! Absolute URLs of HTTP.

use super::address::port_number;
use super::host;
use std::net::IpAddr;

/// What an absolute http or https URL says, without user name and fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) is_tls: bool,
    /// As written; an IPv6 address in its brackets.
    host: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let sound = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte))
            && port.is_none_or(|port| port_number(port).is_some_and(|port| port != 0))
            && host::exact(&host.to_ascii_lowercase()).is_some();
        sound.then_some(Self { is_tls, host })
    }

    /// Whether what is sent there never leaves the machine.
    pub(crate) fn is_local(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn a_url_is_of_this_machine_or_of_another() {
        let local = |url: &str| Url::parse(url).unwrap().is_local();
        for here in ["http://localhost/", "http://127.0.0.9:8080", "https://[::1]:8080/x", "http://LOCALHOST"]
        {
            assert!(local(here), "{here}");
        }
        for there in
            ["http://localhost.example.com/", "http://10.0.0.1", "https://[::2]/", "http://hooks:9000/x"]
        {
            assert!(!local(there), "{there}");
        }
    }

    #[test]
    fn only_http_has_urls_here() {
        for wrong in
            ["ftp://a/", "a", "HTTP:/a", "://a", "http://", "http://u:p@a/", "http://a/ b", "http://a/#b"]
        {
            assert_eq!(Url::parse(wrong), None, "{wrong}");
        }
    }
}
