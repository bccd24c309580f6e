//! From the name that a client asks for to what serves it.

use mizan_config::model::HostPattern;
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

/// Hosts of sites, looked up as requests are: exact, then the longest wildcard, then `*`.
#[derive(Debug)]
pub(crate) struct Names<T> {
    exact: HashMap<String, T>,
    /// By what follows `*.`.
    wildcard: HashMap<String, T>,
    any: Option<T>,
    /// Of the first site that has an IP address among its hosts.
    address: Option<T>,
}

impl<T: Clone> Names<T> {
    pub(crate) fn new() -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new(), any: None, address: None }
    }

    pub(crate) fn insert(&mut self, host: &HostPattern, value: &T) {
        match host {
            HostPattern::Exact(name) => {
                if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
                    self.address.get_or_insert_with(|| value.clone());
                }
                self.exact.insert(normal(name).into_owned(), value.clone());
            }
            HostPattern::Wildcard(base) => {
                self.wildcard.insert(normal(base).into_owned(), value.clone());
            }
            HostPattern::Any => self.any = Some(value.clone()),
        }
    }

    pub(crate) fn insert_some(&mut self, host: &HostPattern, value: Option<&T>) {
        if let Some(value) = value {
            self.insert(host, value);
        }
    }

    /// What is there for exactly this host.
    pub(crate) fn of_host(&self, host: &HostPattern) -> Option<&T> {
        match host {
            HostPattern::Exact(name) => self.exact.get(&*normal(name)),
            HostPattern::Wildcard(base) => self.wildcard.get(&*normal(base)),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    /// Without a name, which is how clients come that were given an IP address: the site `*`, or else the first site
    /// that has an address among its hosts.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<&T> {
        let Some(name) = name else { return self.any.as_ref().or(self.address.as_ref()) };
        let name = normal(name);
        self.exact.get(&*name).or_else(|| self.below(&name)).or(self.any.as_ref())
    }

    fn below(&self, name: &str) -> Option<&T> {
        if self.wildcard.is_empty() {
            return None;
        }
        let mut rest = name;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(value) = self.wildcard.get(parent) {
                return Some(value);
            }
            rest = parent;
        }
        None
    }
}

/// Lower-case, without the dot of the root. rustls gives names in lower case, so that nothing is allocated for them.
fn normal(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(hosts: &[(HostPattern, u8)]) -> Names<u8> {
        let mut names = Names::new();
        for (host, value) in hosts {
            names.insert(host, value);
        }
        names
    }

    fn exact(name: &str) -> HostPattern {
        HostPattern::Exact(name.into())
    }

    fn wildcard(base: &str) -> HostPattern {
        HostPattern::Wildcard(base.into())
    }

    #[test]
    fn exact_then_the_longest_wildcard_then_any() {
        let names = names(&[
            (exact("api.example.com"), 1),
            (wildcard("example.com"), 2),
            (wildcard("eu.example.com"), 3),
            (HostPattern::Any, 4),
        ]);
        for (name, expected) in [
            ("api.example.com", 1),
            ("API.Example.COM.", 1),
            ("a.api.example.com", 2),
            ("a.b.example.com", 2),
            ("a.eu.example.com", 3),
            ("eu.example.com", 2),
            ("example.com", 4),
            ("badexample.com", 4),
            ("", 4),
            (".", 4),
        ] {
            assert_eq!(names.find(Some(name)), Some(&expected), "{name}");
        }
        assert_eq!(names.find(None), Some(&4));
    }

    #[test]
    fn a_name_that_no_site_has_is_not_found() {
        let names = names(&[(exact("api.example.com"), 1), (wildcard("example.org"), 2)]);
        assert_eq!(names.find(Some("example.org")), None);
        assert_eq!(names.find(Some("other.example.com")), None);
        assert_eq!(names.find(None), None);
    }

    #[test]
    fn a_client_without_a_name_gets_the_site_of_an_address_where_none_has_all() {
        let names = names(&[(exact("api.example.com"), 1), (exact("[::1]"), 2), (exact("127.0.0.1"), 3)]);
        assert_eq!(names.find(None), Some(&2));
    }
}
