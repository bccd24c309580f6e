//! Sites that want ACME, and what it needs for them.

use crate::decode::{Context, Draft, DraftAcme, DraftSite, Placed, is_public};
use crate::model::{AcmeChallenge, HostPattern, Place, SiteCertificates};
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;

/// Most names an authority takes for one certificate: Let's Encrypt's limit, and the tightest of the known ones.
const MAX_NAMES: usize = 100;

/// Names that nobody owns in the public DNS (RFC 6761, RFC 6762, RFC 8375), or that are taken for one's own network.
const PRIVATE_SUFFIXES: [&str; 12] = [
    "local",
    "localhost",
    "internal",
    "test",
    "example",
    "invalid",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "home.arpa",
];

/// A site and the place of the word that says ACME.
type AcmeSite<'d> = (&'d DraftSite, &'d Range<usize>);

pub(super) fn whole(draft: &Draft, context: &mut Context<'_>) {
    let sites: Vec<AcmeSite<'_>> = draft.sites.iter().filter_map(|site| Some((site, place(site)?))).collect();
    match &draft.acme {
        None => section_is_missing(&sites, context),
        Some(keyed) if sites.is_empty() => is_used(draft, &keyed.span, context),
        Some(keyed) => {
            if let Some(acme) = &keyed.value {
                agrees(acme, &sites, draft, context);
            }
        }
    }
    state_is_missing(&sites, draft, context);
    for (site, place) in sites {
        names_are_few(site, place, context);
        names_fit_a_certificate(site, context);
        names_are_apart(site, context);
    }
}

fn place(site: &DraftSite) -> Option<&Range<usize>> {
    match &site.tls.as_ref()?.value.as_ref()?.certificates {
        SiteCertificates::Acme(Place(place)) => Some(place),
        SiteCertificates::Files(_) => None,
    }
}

/// One line mends all of them: the first is told. So with what follows.
fn section_is_missing(sites: &[AcmeSite<'_>], context: &mut Context<'_>) {
    if let Some((_, place)) = sites.first() {
        context.problem(place, "`tls: acme`, but `certificates` has no `acme`").hint(
            "add `certificates: { acme: { email: ops@example.com } }` at the top, with your own address",
        );
    }
}

/// Of a `tls` that could not be read nobody knows.
fn is_used(draft: &Draft, span: &Range<usize>, context: &mut Context<'_>) {
    if draft.sites.iter().all(|site| site.tls.as_ref().is_none_or(|tls| tls.value.is_some())) {
        context
            .warning(span, "no site has its certificate from here")
            .hint("write `tls: acme` in a site, or remove `acme`");
    }
}

fn state_is_missing(sites: &[AcmeSite<'_>], draft: &Draft, context: &mut Context<'_>) {
    if let Some((_, place)) = sites.first().filter(|_| draft.state_missing) {
        context
            .problem(place, "`tls: acme` needs `state`, where accounts and certificates are kept")
            .hint("add `state: /var/lib/mizan`");
    }
}

fn names_are_few(site: &DraftSite, place: &Range<usize>, context: &mut Context<'_>) {
    let count = site.hosts.len();
    if count > MAX_NAMES {
        context
            .problem(place, format!("a certificate has {MAX_NAMES} names at most, and this site {count}"))
            .hint("divide the site: each has a certificate of its own");
    }
}

fn names_fit_a_certificate(site: &DraftSite, context: &mut Context<'_>) {
    for host in &site.hosts {
        match &host.value {
            HostPattern::Any => {
                context
                    .problem(&host.text.span, "no authority gives a certificate for `*`")
                    .hint("name the hosts, or give this site the files of a certificate");
            }
            HostPattern::Exact(name) | HostPattern::Wildcard(name) if name.contains('_') => {
                context
                    .problem(&host.text.span, format!("{} cannot be in a certificate", host.text.shown()))
                    .hint("its names have letters, digits and `-`, no `_` (RFC 5280, 4.2.1.6)");
            }
            HostPattern::Exact(_) | HostPattern::Wildcard(_) => {}
        }
    }
}

/// Authorities refuse an order for a name and the wildcard that it is in.
fn names_are_apart(site: &DraftSite, context: &mut Context<'_>) {
    let wildcards: HashSet<&str> = site
        .hosts
        .iter()
        .filter_map(|host| match &host.value {
            HostPattern::Wildcard(domain) => Some(domain.as_str()),
            _ => None,
        })
        .collect();
    for host in &site.hosts {
        if let HostPattern::Exact(name) = &host.value
            && let Some((_, domain)) = name.split_once('.')
            && wildcards.contains(domain)
        {
            context
                .problem(
                    &host.text.span,
                    format!("{} is in `*.{domain}` of this site already", host.text.shown()),
                )
                .hint("remove it: no certificate has both");
        }
    }
}

fn agrees(acme: &DraftAcme, sites: &[AcmeSite<'_>], draft: &Draft, context: &mut Context<'_>) {
    let hosts = || sites.iter().flat_map(|(site, _)| &site.hosts);
    let wildcard = hosts().find(|host| matches!(host.value, HostPattern::Wildcard(_)));
    if let Some(host) = wildcard.filter(|_| acme.dns_missing) {
        context
            .problem(
                &host.text.span,
                format!("{} is proved by `dns-01`, and `acme` has no `dns`", host.text.shown()),
            )
            .hint("say how its records are written, as in `dns: { command: [./dns-hook] }`");
    }
    if let Some(dns) = &acme.dns
        && wildcard.is_none()
        && !acme.acme.challenges.contains(&AcmeChallenge::Dns01)
    {
        context
            .warning(dns, "`dns` is never used: `challenges` has no `dns-01`, and no site a wildcard")
            .hint("add `dns-01` to `challenges`, or remove `dns`");
    }
    if is_public(&acme.acme.directory) {
        hosts().for_each(|host| is_known_in_public(host, context));
    }
    for (site, place) in sites {
        names_can_be_proved(acme, site, place, draft, context);
    }
}

fn is_known_in_public(host: &Placed<HostPattern>, context: &mut Context<'_>) {
    let name = match &host.value {
        HostPattern::Any => return,
        HostPattern::Exact(name) | HostPattern::Wildcard(name) => name.as_str(),
    };
    let reason = match address(&host.value) {
        Some(address) if is_private(address) => "is an address of a private network",
        None if !name.contains('.') && matches!(host.value, HostPattern::Wildcard(_)) => {
            "is a whole top-level domain"
        }
        None if !name.contains('.') => "has no dot",
        None if PRIVATE_SUFFIXES.iter().any(|suffix| is_below(name, suffix)) => "is not in the public DNS",
        Some(_) | None => return,
    };
    context
        .problem(
            &host.text.span,
            format!("{} {reason}: a public authority gives no certificate for it", host.text.shown()),
        )
        .hint("name an authority of your own in `directory`, or give the site the files of a certificate");
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

fn address(host: &HostPattern) -> Option<IpAddr> {
    match host {
        HostPattern::Exact(host) => host.trim_start_matches('[').trim_end_matches(']').parse().ok(),
        _ => None,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => {
            v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified()
        }
    }
}

/// One challenge will do; a listener that is missing altogether under `https` is told already.
fn names_can_be_proved(
    acme: &DraftAcme,
    site: &DraftSite,
    place: &Range<usize>,
    draft: &Draft,
    context: &mut Context<'_>,
) {
    let challenges = &acme.acme.challenges;
    let can = |challenge: AcmeChallenge| {
        challenges.contains(&challenge)
            && match challenge {
                AcmeChallenge::Http01 => !draft.listen.http_missing,
                AcmeChallenge::TlsAlpn01 | AcmeChallenge::Dns01 => true,
            }
    };
    let by_address = site.hosts.iter().find(|host| address(&host.value).is_some());
    if let Some(host) = by_address.filter(|_| !can(AcmeChallenge::Http01)) {
        let shown = host.text.shown();
        let finding = context
            .problem(&host.text.span, format!("{shown} is an address, which only `http-01` can prove"));
        if challenges.contains(&AcmeChallenge::Http01) {
            finding.hint("it needs a plain listener: add `http: \":80\"` to `listen`");
        } else {
            finding.hint("add `http-01` to `challenges`, or take the address out of `hosts`");
        }
        return;
    }
    let has_names = site.hosts.iter().any(|host| matches!(host.value, HostPattern::Exact(_)));
    if has_names && *challenges == [AcmeChallenge::Http01] && !can(AcmeChallenge::Http01) {
        context
            .problem(
                acme.challenges.as_ref().unwrap_or(place),
                "`http-01` is the only challenge, and nothing listens for plain HTTP",
            )
            .hint("add `http: \":80\"` to `listen`, or `tls-alpn-01` to `challenges`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_below_a_private_suffix_is_not_public() {
        assert!(is_below("a.local", "local"));
        assert!(is_below("a.b.home.arpa", "home.arpa"));
        assert!(!is_below("local", "local"));
        assert!(!is_below("alocal", "local"));
        assert!(!is_below("local.com", "local"));
    }

    #[test]
    fn addresses_nobody_else_reaches_are_private() {
        for private in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.1.1", "::1", "fd00::1", "fe80::1", "::"]
        {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["203.0.113.7", "1.1.1.1", "2001:db8::1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
