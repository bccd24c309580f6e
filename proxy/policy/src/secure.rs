//! What a site's rules about TLS make of a request: it goes on, is sent to HTTPS, or came by the wrong way.

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Came {
    /// Over HTTPS, as far as this edge or a proxy that it trusts can tell.
    pub https: bool,
    /// In the handshake of its connection the client was asked for a certificate by this very site's authorities.
    pub asked_for_certificate: bool,
}

/// What the site wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The status of the redirect that a request over plain HTTP gets.
    pub redirect: Option<u16>,
    /// No request without a client's verified certificate.
    pub certificate_required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Pass,
    Redirect(u16),
    /// 421: over this connection nobody may reach the site; over one of its own the client may.
    Misdirected,
}

/// Where a CA asks for proof that a name is ours (RFC 8555, 8.3): over plain HTTP, and not every one follows redirects.
const ACME_CHALLENGES: &str = "/.well-known/acme-challenge/";

/// A client chooses the name of its handshake and the host of its request apart from one another: only the handshake
/// tells whether it was asked for the certificate that the host's site wants.
pub fn passage(came: Came, rules: Rules, path: &str) -> Passage {
    match rules.redirect {
        Some(status) if !came.https && !is_challenge(path) => Passage::Redirect(status),
        _ if rules.certificate_required && !came.asked_for_certificate => Passage::Misdirected,
        _ => Passage::Pass,
    }
}

/// A token is base64url (RFC 8555, 8.3): what has dots, slashes or escapes leads elsewhere.
fn is_challenge(path: &str) -> bool {
    let token = path.strip_prefix(ACME_CHALLENGES);
    token.is_some_and(|token| {
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Came = Came { https: false, asked_for_certificate: false };
    const TLS: Came = Came { https: true, asked_for_certificate: false };
    const ASKED: Came = Came { https: true, asked_for_certificate: true };

    #[test]
    fn plain_http_is_redirected_where_the_site_says_so_and_https_is_not() {
        let rules = Rules { redirect: Some(308), certificate_required: false };
        assert_eq!(passage(PLAIN, rules, "/"), Passage::Redirect(308));
        assert_eq!(passage(TLS, rules, "/"), Passage::Pass);
    }

    #[test]
    fn an_acme_challenge_is_not_redirected() {
        let rules = Rules { redirect: Some(301), certificate_required: false };
        assert_eq!(passage(PLAIN, rules, "/.well-known/acme-challenge/To-k_3n"), Passage::Pass);
        for path in ["", "/", "/../secret", "/..%2fsecret", "/a/b", "/a;b", "//x", "/a.txt"] {
            let path = format!("/.well-known/acme-challenge{path}");
            assert_eq!(passage(PLAIN, rules, &path), Passage::Redirect(301), "{path}");
        }
    }

    #[test]
    fn a_certificate_that_another_site_asked_for_does_not_count() {
        let rules = Rules { redirect: None, certificate_required: true };
        assert_eq!(passage(ASKED, rules, "/"), Passage::Pass);
        assert_eq!(passage(TLS, rules, "/"), Passage::Misdirected);
        assert_eq!(passage(PLAIN, rules, "/"), Passage::Misdirected);
    }

    #[test]
    fn a_challenge_does_not_open_a_site_that_wants_certificates() {
        let rules = Rules { redirect: Some(308), certificate_required: true };
        assert_eq!(passage(PLAIN, rules, "/.well-known/acme-challenge/x"), Passage::Misdirected);
    }
}
