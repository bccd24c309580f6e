//! What is wrong with a chain of certificates, as clients will see it.

use crate::certificate::{Certificate, Name};
use crate::dates::{DAY, date_seen_from};
use crate::fault::Finding;
use mizan_config::model::HostPattern;
use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

/// From when on the end is told, in seconds before it. Certificates that are made for a shorter time: the last third.
const EXPIRES_SOON: i64 = 14 * DAY;

/// How many names a message lists.
const NAMES_SHOWN: usize = 5;

/// Subjects of authorities, in DER.
pub(crate) type Roots = HashSet<Vec<u8>>;

/// The authorities that this system trusts. Read when first asked for; empty where the system has none.
pub(crate) fn system_roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs().certs;
        found.iter().filter_map(|der| Some(Certificate::parse(der)?.subject)).collect()
    })
}

/// Whether the certificates are in force now.
pub(crate) fn validity(chain: &[Certificate], now: i64, path: &Path) -> Vec<Finding> {
    let path = path.display();
    let mut findings = Vec::new();
    for (at, certificate) in chain.iter().enumerate() {
        let Certificate { title, not_before, not_after, .. } = certificate;
        let own = at == 0;
        let who = if own { "the certificate" } else { "the intermediate certificate" };
        let (from, until) = (date_seen_from(*not_before, now), date_seen_from(*not_after, now));
        // A client may know another intermediate with the same name and key: only the site's own is sure to fail.
        let refused = if own { Finding::invalid } else { Finding::doubtful };
        if now > *not_after {
            findings.push(refused(format!("{who} of {title} expired on {until}: {path}")));
        } else if now < *not_before {
            let message = format!("{who} of {title} is not valid before {from}: {path}");
            findings.push(refused(message).hint("is the clock of this system right?"));
        } else if own && not_after - now < EXPIRES_SOON.min((not_after - not_before) / 3) {
            findings.push(Finding::doubtful(format!("{who} of {title} expires on {until}: {path}")));
        }
    }
    findings
}

/// Whether a client finds its way from the site's certificate to an authority that it knows.
pub(crate) fn order(chain: &[Certificate], roots: &Roots, path: &Path) -> Vec<Finding> {
    let path = path.display();
    let mut findings = Vec::new();
    if let Some(at) = chain.windows(2).position(|pair| !pair[0].is_issued_by(&pair[1])) {
        let (here, next) = (&chain[at], &chain[at + 1]);
        let message = format!(
            "certificate {} of the file, `{}`, did not issue the one before it, `{}`, whose issuer is `{}`: {path}",
            at + 2,
            next.title,
            here.title,
            here.issuer_title,
        );
        findings.push(Finding::doubtful(message).hint(
            "the site's own certificate comes first, then the one that issued it, and so on; others do not belong there",
        ));
    }
    let Some(end) = end(chain) else { return findings };
    // Where the system has no roots to compare with, one certificate alone is still most likely one too few.
    let known = if roots.is_empty() { chain.len() > 1 } else { roots.contains(&end.issuer) };
    if !end.is_self_issued() && !known {
        let message = format!(
            "the chain ends with `{}` whose issuer `{}` is neither in the file nor a root of this system: clients that \
             have not met it before will refuse: {path}",
            end.title, end.issuer_title,
        );
        findings.push(Finding::doubtful(message).hint("use certbot's fullchain.pem, not cert.pem"));
    }
    findings
}

/// Where the way up from the first certificate ends, whatever the order of the others.
fn end(chain: &[Certificate]) -> Option<&Certificate> {
    let mut end = chain.first()?;
    // Not longer than the file: certificates may have issued each other.
    for _ in chain {
        let issuer =
            chain.iter().find(|other| end.is_issued_by(other) && end.fingerprint != other.fingerprint);
        match issuer {
            Some(issuer) if !end.is_self_issued() => end = issuer,
            _ => break,
        }
    }
    Some(end)
}

/// Whether the certificate is for the hosts of its site.
pub(crate) fn hosts(certificate: &Certificate, hosts: &[HostPattern], path: &Path) -> Vec<Finding> {
    let missing = hosts.iter().filter(|host| !is_for(&certificate.names, host));
    let missing: Vec<String> = missing.map(host_text).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let path = path.display();
    let missing = listed(&missing);
    let finding = if certificate.names.is_empty() {
        Finding::doubtful(format!(
            "the certificate of {} is for no host at all (it has no subjectAltName), nor for {missing}: {path}",
            certificate.title
        ))
    } else {
        let names: Vec<String> = certificate.names.iter().map(ToString::to_string).collect();
        let (site_hosts, are) = if missing.contains(", ") { ("hosts", "are") } else { ("host", "is") };
        Finding::doubtful(format!(
            "the certificate is for {}; the site's {site_hosts} {missing} {are} not among them: {path}",
            listed(&names),
        ))
    };
    vec![
        finding.hint("get a certificate for all hosts of the site, or make a site of its own for the others"),
    ]
}

pub(crate) fn is_for(names: &[Name], host: &HostPattern) -> bool {
    match host {
        HostPattern::Any => true,
        HostPattern::Wildcard(base) => {
            names.iter().any(|name| matches!(name, Name::Dns(name) if name.strip_prefix("*.") == Some(base)))
        }
        HostPattern::Exact(host) => match host.trim_matches(['[', ']']).parse() {
            Ok(address) => names.contains(&Name::Address(address)),
            Err(_) => names.iter().any(|name| matches!(name, Name::Dns(name) if matches_dns(name, host))),
        },
    }
}

/// RFC 9525, 6.3: a wildcard stands for one label.
fn matches_dns(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(base) => host.split_once('.').is_some_and(|(_, parent)| parent == base),
        None => name == host,
    }
}

fn host_text(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(base) => format!("*.{base}"),
        HostPattern::Any => "*".into(),
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    struct Made {
        root: Certificate,
        intermediate: Certificate,
        own: Certificate,
    }

    fn made() -> Made {
        let authority = |name| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, KeyPair::generate().expect("randomness"))
        };
        let parse = |der: &[u8]| Certificate::parse(der).expect("a certificate");
        let (params, key) = authority("Root");
        let root = CertifiedIssuer::self_signed(params, key).expect("made");
        let (params, key) = authority("R11");
        let intermediate = CertifiedIssuer::signed_by(params, key, &root).expect("made");
        let key = KeyPair::generate().expect("randomness");
        let own = CertificateParams::new(["a.example.com".into()]).expect("a name");
        let own = own.signed_by(&key, &intermediate).expect("made");
        Made { root: parse(root.der()), intermediate: parse(intermediate.der()), own: parse(own.der()) }
    }

    fn told(chain: &[&Certificate], roots: &[&Certificate]) -> Vec<String> {
        let chain: Vec<_> = chain.iter().copied().cloned().collect();
        let roots = roots.iter().map(|root| root.subject.clone()).collect();
        order(&chain, &roots, Path::new("/c")).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_way_to_a_root_of_the_system_is_enough() {
        let Made { root, intermediate, own } = &made();
        assert_eq!(told(&[own, intermediate], &[root]), [""; 0]);
        assert_eq!(told(&[own, intermediate, root], &[root]), [""; 0]);
        let missing = told(&[own], &[root]);
        assert!(missing[0].starts_with("the chain ends with `a.example.com` whose issuer `R11` is neither"));
        let unknown = told(&[own, intermediate], &[intermediate]);
        assert!(unknown[0].starts_with("the chain ends with `R11` whose issuer `Root` is neither"));
    }

    #[test]
    fn without_roots_one_certificate_alone_is_one_too_few() {
        let Made { intermediate, own, .. } = &made();
        assert_eq!(told(&[own], &[]).len(), 1);
        assert_eq!(told(&[own, intermediate], &[]), [""; 0]);
    }

    #[test]
    fn a_wrong_order_is_told_and_the_way_found_all_the_same() {
        let Made { root, intermediate, own } = &made();
        let wrong = told(&[own, root, intermediate], &[root]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("certificate 2 of the file, `Root`, did not issue the one before it"));
    }

    #[test]
    fn of_intermediates_only_an_end_that_has_come_is_told() {
        let Made { intermediate, own, .. } = made();
        let ends = |not_after| Certificate { not_after, ..intermediate.clone() };
        let told = |chain: &[Certificate]| validity(chain, 1_772_366_400, Path::new("/c"));
        assert_eq!(told(&[own.clone(), ends(1_772_366_400 + DAY)]), []);
        let expired = told(&[own, ends(1_772_366_400 - DAY)]);
        assert_eq!(expired[0].gravity, crate::Gravity::Doubtful);
        assert!(expired[0].message.starts_with("the intermediate certificate of R11 expired on 2026-02-28"));
    }

    #[test]
    fn a_wildcard_of_a_certificate_stands_for_one_label() {
        assert!(matches_dns("*.example.com", "a.example.com"));
        assert!(!matches_dns("*.example.com", "a.b.example.com"));
        assert!(!matches_dns("*.example.com", "example.com"));
    }
}
