//! Host to site: exact, then the longest wildcard, then the site with `*`.

use super::fault::BuildError;
use super::hash::Table;
use super::spec::{HostSpec, SiteSpec};

#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: Table<Box<str>, u32>,
    /// By what stands after `*.`.
    wildcards: Table<Box<str>, u32>,
    /// Length of the longest key of `wildcards`: bounds the work a host of many labels makes.
    longest_wildcard: usize,
    any: Option<u32>,
}

impl Hosts {
    pub(super) fn build(sites: &[SiteSpec]) -> Result<Self, BuildError> {
        let mut hosts = Self::default();
        for (site, spec) in sites.iter().enumerate() {
            for host in &spec.hosts {
                if let Some(first) = hosts.insert(host, site as u32) {
                    return Err(BuildError::DuplicateHost {
                        host: written(host),
                        first: first as usize,
                        second: site,
                    });
                }
            }
        }
        Ok(hosts)
    }

    /// The site that had the host already, if one had.
    fn insert(&mut self, host: &HostSpec, site: u32) -> Option<u32> {
        match host {
            HostSpec::Exact(name) => self.exact.insert(name.as_str().into(), site),
            HostSpec::Wildcard(suffix) => {
                self.longest_wildcard = self.longest_wildcard.max(suffix.len());
                self.wildcards.insert(suffix.as_str().into(), site)
            }
            HostSpec::Any => self.any.replace(site),
        }
    }

    pub(super) fn find(&self, host: Option<&str>) -> Option<u32> {
        let Some(host) = host else { return self.any };
        self.exact.get(host).copied().or_else(|| self.by_wildcard(host)).or(self.any)
    }

    fn by_wildcard(&self, host: &str) -> Option<u32> {
        if self.wildcards.is_empty() {
            return None;
        }
        memchr::memchr_iter(b'.', host.as_bytes())
            .filter(|&dot| dot > 0)
            .map(|dot| &host[dot + 1..])
            .filter(|suffix| suffix.len() <= self.longest_wildcard)
            .find_map(|suffix| self.wildcards.get(suffix).copied())
    }
}

fn written(host: &HostSpec) -> String {
    match host {
        HostSpec::Exact(name) => name.clone(),
        HostSpec::Wildcard(suffix) => format!("*.{suffix}"),
        HostSpec::Any => "*".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(sites: &[&[&str]]) -> Result<Hosts, BuildError> {
        let spec = |host: &&str| match *host {
            "*" => HostSpec::Any,
            host => match host.strip_prefix("*.") {
                Some(suffix) => HostSpec::Wildcard(suffix.into()),
                None => HostSpec::Exact(host.into()),
            },
        };
        let sites: Vec<SiteSpec> = sites
            .iter()
            .map(|hosts| SiteSpec { hosts: hosts.iter().map(spec).collect(), routes: Vec::new() })
            .collect();
        Hosts::build(&sites)
    }

    #[test]
    fn an_exact_host_comes_before_a_wildcard_and_a_long_wildcard_before_a_short_one() {
        let hosts =
            hosts(&[&["*.com"], &["*.b.example.com"], &["*.example.com"], &["a.b.example.com"], &["*"]])
                .unwrap();
        for (host, site) in [
            ("a.b.example.com", 3),
            ("c.b.example.com", 1),
            ("d.c.b.example.com", 1),
            ("b.example.com", 2),
            ("example.com", 0),
            ("com", 4),
            ("localhost", 4),
            ("[::1]", 4),
        ] {
            assert_eq!(hosts.find(Some(host)), Some(site), "{host}");
        }
    }

    #[test]
    fn a_wildcard_wants_a_label_before_it() {
        let hosts = hosts(&[&["*.example.com"]]).unwrap();
        for host in ["example.com", ".example.com", "xexample.com", "example.com.evil.org"] {
            assert_eq!(hosts.find(Some(host)), None, "{host}");
        }
    }

    #[test]
    fn a_request_without_a_host_is_for_the_site_with_a_star() {
        assert_eq!(hosts(&[&["a"], &["*"]]).unwrap().find(None), Some(1));
        assert_eq!(hosts(&[&["a"]]).unwrap().find(None), None);
    }

    #[test]
    fn a_host_in_two_sites_is_an_error_that_names_both() {
        let error = hosts(&[&["*.a"], &["b"], &["c", "*.a"]]).unwrap_err();
        assert_eq!(error.to_string(), "host `*.a` is in site 0 and in site 2");
    }
}
