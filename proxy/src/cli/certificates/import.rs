//! What certbot got, taken over.

use super::text::{clean, date};
use super::{Failure, load, print};
use clap::Args;
use mizan_acme::import::{self, Imported, Placed, Problem, Why};
use mizan_config::Config;
use mizan_config::model::{HostPattern, Site};
use std::path::{Path, PathBuf};

/// Take over certificates that certbot got, so that nothing is ordered anew. mizan need not run.
///
/// They are copied below `state` of the file, for the authority that `certificates.acme.directory` names; certbot's folder
/// stays as it is.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// certbot's folder, /etc/letsencrypt, or one below its `live`
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

/// How many of each kind there were.
#[derive(Debug, Default)]
struct Tally {
    there: usize,
    failed: usize,
}

impl Import {
    pub(super) fn run(&self, file: &Path) -> Result<(), Failure> {
        let config = load(file, "where certificates are kept is not known")?;
        let shown = file.display();
        let acme = config.acme.as_ref().ok_or_else(|| {
            Failure::Said(format!(
                "{shown} has no `certificates.acme`: add it, and `tls: acme` to the sites that use it"
            ))
        })?;
        let state = config.state.as_ref().ok_or_else(|| {
            Failure::Said(format!("{shown} has no `state`: name the folder where certificates are kept"))
        })?;
        let found = import::read(&self.path).map_err(|error| Failure::Said(error.to_string()))?;
        if found.is_empty() {
            return Err(Failure::Said(format!("{} holds no certificate", self.path.display())));
        }
        let mut tally = Tally::default();
        for one in found {
            tally.add(&take(one, state, &acme.directory, &config)?);
        }
        if tally.there > 0 {
            print(NOTE)?;
        }
        if tally.failed > 0 { Err(Failure::Told) } else { Ok(()) }
    }
}

const NOTE: &str = "\
certbot is not needed for them any more: systemctl disable --now certbot.timer
Its account is not taken over: mizan makes one of its own with the first order.
";

#[derive(Debug, PartialEq, Eq)]
enum Taken {
    There,
    /// Nothing to be done about, and nothing lost.
    Passed,
    Failed,
}

impl Tally {
    fn add(&mut self, taken: &Taken) {
        match taken {
            Taken::There => self.there += 1,
            Taken::Passed => {}
            Taken::Failed => self.failed += 1,
        }
    }
}

fn take(
    one: Result<Imported, Problem>,
    state: &Path,
    directory: &str,
    config: &Config,
) -> Result<Taken, Failure> {
    let mut one = match one {
        Ok(one) => one,
        Err(problem) => {
            eprintln!("mizan: {}", clean(&problem.to_string()));
            return Ok(if matches!(problem.why, Why::Expired(_)) { Taken::Passed } else { Taken::Failed });
        }
    };
    if let Some(server) = trusted_by_nobody(&one, directory) {
        eprintln!(
            "mizan: {}: it comes from {}, whose certificates no browser trusts: left out, and mizan orders one",
            clean(&one.name),
            clean(server)
        );
        return Ok(Taken::Passed);
    }
    // A file is named after the names in the order of mizan.yml.
    if let Some(hosts) = acme_hosts(config).find(|hosts| same(hosts, &one.names)) {
        one.names = hosts;
    }
    let placed = match import::keep_imported(state, directory, &one) {
        Ok(placed) => placed,
        Err(error) => {
            eprintln!("mizan: {}: {}", clean(&one.name), clean(&error.to_string()));
            return Ok(Taken::Failed);
        }
    };
    print(&told(&one, &placed))?;
    for warning in warnings(&one, directory, config) {
        eprintln!("mizan: {}", clean(&warning));
    }
    Ok(Taken::There)
}

/// The authority for trying things out that a certificate comes from, where mizan's own is another.
fn trusted_by_nobody<'a>(one: &'a Imported, directory: &str) -> Option<&'a str> {
    one.server.as_deref().filter(|server| *server != directory && server.contains("staging"))
}

/// `example.com: example.com, www.example.com, until 2026-03-01 -> /var/lib/mizan/...`
fn told(one: &Imported, placed: &Placed) -> String {
    let until = date(u64::try_from(one.not_after).unwrap_or(0).saturating_mul(1000));
    let head = format!("{}: {}, until {until}", clean(&one.name), clean(&one.names.join(", ")));
    match placed {
        Placed::Written(file) => format!("{head} -> {}\n", file.display()),
        Placed::NewerThere(file) => {
            format!("{head}: left alone, as new a one is there: {}\n", file.display())
        }
    }
}

fn warnings(one: &Imported, directory: &str, config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(server) = one.server.as_deref().filter(|server| *server != directory) {
        warnings.push(format!(
            "{}: it comes from {server}; it serves until mizan renews it, at {directory}",
            one.name
        ));
    }
    if !acme_hosts(config).any(|hosts| hosts.iter().all(|host| is_for(&one.names, host))) {
        warnings.push(format!(
            "{}: no site with `tls: acme` has all its hosts in this certificate: it is not enough for any",
            one.name
        ));
    }
    warnings
}

/// The hosts of each site whose certificates mizan gets, as certificates write them.
fn acme_hosts(config: &Config) -> impl Iterator<Item = Vec<String>> {
    let is_acme = |site: &&Site| site.tls.as_ref().is_some_and(|tls| tls.certificates.is_acme());
    config.sites.iter().filter(is_acme).map(|site| site.hosts.iter().map(name_of).collect())
}

fn name_of(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(host) => host.trim_matches(['[', ']']).to_owned(),
        HostPattern::Wildcard(base) => format!("*.{base}"),
        HostPattern::Any => "*".to_owned(),
    }
}

fn same(some: &[String], others: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    sorted(some) == sorted(others)
}

/// Whether a certificate with these names is for a host: by its name, or by a wildcard in place of its first label
/// (RFC 6125, 6.4.3).
fn is_for(names: &[String], host: &str) -> bool {
    let parent = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    names.iter().any(|name| name == host || Some(name) == parent.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(names: &[&str]) -> Imported {
        Imported {
            name: "example.com".into(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            not_after: 1_772_366_400,
            server: None,
            pem: String::new(),
        }
    }

    #[test]
    fn a_line_says_what_went_where() {
        let one = one(&["example.com", "www.example.com"]);
        assert_eq!(
            told(&one, &Placed::Written("/s/x.pem".into())),
            "example.com: example.com, www.example.com, until 2026-03-01 -> /s/x.pem\n"
        );
        let text = told(&one, &Placed::NewerThere("/s/x.pem".into()));
        assert!(text.ends_with("until 2026-03-01: left alone, as new a one is there: /s/x.pem\n"), "{text}");
    }

    #[test]
    fn what_was_got_for_trying_things_out_is_not_put_in_the_place_of_what_counts() {
        let staging = "https://acme-staging-v02.api.letsencrypt.org/directory";
        let from = |server: &str| Imported { server: Some(server.to_owned()), ..one(&["example.com"]) };
        let own = "https://acme-v02.api.letsencrypt.org/directory";
        assert_eq!(trusted_by_nobody(&from(staging), own), Some(staging));
        assert_eq!(trusted_by_nobody(&from(staging), staging), None);
        assert_eq!(trusted_by_nobody(&from("https://acme.zerossl.com/v2/DV90"), own), None);
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let names = ["*.example.com".to_owned()];
        assert!(is_for(&names, "a.example.com") && is_for(&names, "*.example.com"));
        assert!(!is_for(&names, "example.com") && !is_for(&names, "b.a.example.com"));
    }

    #[test]
    fn the_order_of_names_does_not_matter() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert!(same(&names(&["a", "b"]), &names(&["b", "a"])));
        assert!(!same(&names(&["a"]), &names(&["a", "b"])));
    }
}
