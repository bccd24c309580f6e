//! Listeners, certificates and redirects fit together.

use crate::decode::{Context, Draft, DraftSite, Placed};
use crate::model::{HostPattern, ListenAddress, ListenProtocol};

pub(super) fn whole(draft: &Draft, context: &mut Context<'_>) {
    if draft.listen.https_missing {
        listener_is_missing(draft, context);
        return;
    }
    if draft.sites.iter().all(|site| site.tls.is_none()) {
        certificate_is_missing(draft, context);
        return;
    }
    for site in &draft.sites {
        redirected_are_served(site, draft, context);
        hsts_is_sent(site, draft, context);
    }
    redirects_have_a_source(draft, context);
    redirects_have_a_port(draft, context);
}

/// One line mends all of them: the first is told.
fn listener_is_missing(draft: &Draft, context: &mut Context<'_>) {
    let tls = draft.sites.iter().find_map(|site| site.tls.as_ref()).map(|tls| ("tls", &tls.span));
    let redirect = draft.sites.iter().find_map(|site| site.redirect_to_https.as_ref());
    let hsts = draft.sites.iter().find_map(|site| site.hsts.as_ref());
    let first = tls
        .or_else(|| redirect.map(|redirect| ("redirect_to_https", &redirect.span)))
        .or_else(|| hsts.map(|hsts| ("hsts", &hsts.span)));
    if let Some((key, span)) = first {
        context
            .problem(span, format!("`{key}`, but nothing listens for TLS"))
            .hint("add `https: \":443\"` to `listen`");
    }
}

fn certificate_is_missing(draft: &Draft, context: &mut Context<'_>) {
    let listener = draft.listen.listeners.iter().find(|one| one.value.protocol == ListenProtocol::Https);
    // No site at all is told already.
    if let Some(listener) = listener.filter(|_| !draft.sites.is_empty()) {
        context
            .problem(
                &listener.text.span,
                format!("every handshake at {} would be refused: no site has `tls`", listener.text.shown()),
            )
            .hint("add it to a site, as in `tls: acme` or `tls: { certificate: fullchain.pem, key: privkey.pem }`");
    }
}

/// A host without a certificate of its own may be in that of another site: of a wildcard, or of `*`.
fn redirected_are_served(site: &DraftSite, draft: &Draft, context: &mut Context<'_>) {
    let Some(redirect) = &site.redirect_to_https else { return };
    if let Some(host) = site.hosts.iter().find(|host| !is_covered(host, site, draft)) {
        context
            .problem(
                &redirect.span,
                format!("clients of {} would be sent to TLS, where no site has it", host.text.shown()),
            )
            .hint("give this site `tls`, or remove `redirect_to_https`");
    }
}

fn hsts_is_sent(site: &DraftSite, draft: &Draft, context: &mut Context<'_>) {
    let Some(hsts) = &site.hsts else { return };
    if !site.hosts.is_empty() && !site.hosts.iter().any(|host| is_covered(host, site, draft)) {
        context
            .problem(&hsts.span, "`hsts` on a site that is not served over TLS")
            .hint("give the site `tls`, or remove `hsts`: over plain HTTP it means nothing (RFC 6797, 7.2)");
    }
}

fn is_covered(host: &Placed<HostPattern>, site: &DraftSite, draft: &Draft) -> bool {
    let others = draft.sites.iter().filter(|other| other.tls.is_some());
    site.tls.is_some() || others.flat_map(|other| &other.hosts).any(|other| covers(&other.value, &host.value))
}

fn covers(all: &HostPattern, one: &HostPattern) -> bool {
    match (all, one) {
        (HostPattern::Any, _) => true,
        (HostPattern::Wildcard(domain), HostPattern::Exact(name) | HostPattern::Wildcard(name)) => {
            name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
        }
        (HostPattern::Wildcard(_), HostPattern::Any) | (HostPattern::Exact(_), _) => false,
    }
}

fn redirects_have_a_source(draft: &Draft, context: &mut Context<'_>) {
    let first = draft.sites.iter().find_map(|site| site.redirect_to_https.as_ref());
    if let Some(redirect) = first.filter(|_| draft.listen.http_missing) {
        context
            .warning(&redirect.span, "`redirect_to_https`, but nothing listens for plain HTTP")
            .hint("add `http: \":80\"` to `listen`, or remove `redirect_to_https`");
    }
}

/// Of a Unix socket nobody knows at which port the one in front of it is reached.
fn redirects_have_a_port(draft: &Draft, context: &mut Context<'_>) {
    let mut tls = draft.listen.listeners.iter().filter(|one| one.value.protocol == ListenProtocol::Https);
    let has_port = tls.any(|one| !matches!(one.value.address, ListenAddress::Unix(_)));
    let is_read = draft.listen.listeners.iter().any(|one| one.value.protocol == ListenProtocol::Https);
    if has_port || !is_read {
        return;
    }
    for redirect in draft.sites.iter().filter_map(|site| site.redirect_to_https.as_ref()) {
        if redirect.value.is_some_and(|value| value.port.is_none()) {
            context
                .problem(
                    &redirect.span,
                    "which port do clients reach TLS at? It listens on Unix sockets alone",
                )
                .hint("say it, as in `redirect_to_https: { port: 443 }`");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_the_names_below_it_and_not_its_own() {
        let exact = |name: &str| HostPattern::Exact(name.into());
        let wildcard = |domain: &str| HostPattern::Wildcard(domain.into());
        assert!(covers(&HostPattern::Any, &exact("a.b")));
        assert!(covers(&wildcard("a.b"), &exact("x.a.b")));
        assert!(covers(&wildcard("a.b"), &wildcard("x.a.b")));
        assert!(!covers(&wildcard("a.b"), &exact("a.b")));
        assert!(!covers(&wildcard("a.b"), &exact("xa.b")));
        assert!(!covers(&wildcard("a.b"), &HostPattern::Any));
        assert!(!covers(&exact("a.b"), &exact("x.a.b")));
    }
}
