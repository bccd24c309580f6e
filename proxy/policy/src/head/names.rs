//! Field names that a client may not take away, smuggle in by another spelling, or send late.

/// Fields that frame a message, choose where it goes, say who sends it, or are set by the edge. Lower-case.
///
/// `x-forwarded-` and `x-ssl-client-` and all that follows them belong to them.
const GUARDED: [&str; 20] = [
    "authorization",
    "cache-control",
    CLIENT_CERT,
    CLIENT_CERT_CHAIN,
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "forwarded",
    "host",
    "set-cookie",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "x-request-id",
];
const FORWARDED: &str = "x-forwarded-";

/// What says which certificate the client showed: X-SSL-Client-Verify, -S-DN, -Fingerprint, -Serial are the edge's own
/// word. The rest of the family goes with them: backends that once stood behind another proxy trust -CN or -Cert.
const CLIENT_TLS: &str = "x-ssl-client-";
/// RFC 9440 §2.2, §2.3: whoever ends TLS removes them from what a client sent (§4).
const CLIENT_CERT: &str = "client-cert";
const CLIENT_CERT_CHAIN: &str = "client-cert-chain";

/// The longest name that has to be known to the end to tell whether it is guarded.
pub(super) const LONGEST: usize = "transfer-encoding".len();

/// A guarded field, in any case and with `_` for `-`.
pub(super) fn is_guarded(name: &[u8]) -> bool {
    starts(name, FORWARDED) || starts(name, CLIENT_TLS) || GUARDED.iter().any(|guarded| same(name, guarded))
}

/// A field that only the edge may say: never a client's, in any case and with `_` for `-`.
pub(super) fn is_edge_only(name: &[u8]) -> bool {
    starts(name, CLIENT_TLS) || same(name, CLIENT_CERT) || same(name, CLIENT_CERT_CHAIN)
}

/// A guarded field that was spelled with `_`: a backend that folds both (CGI, WSGI, PHP) would take it for the real one.
pub(super) fn is_twin(name: &[u8]) -> bool {
    name.contains(&b'_') && is_guarded(name)
}

/// Whether a client's `name` is another spelling of `field`, which the edge sets: with `_` for `-`, in any case.
///
/// For fields that a site or route adds to requests; those that Mizan itself sets are in [`super::request_removals`].
pub fn is_twin_of(name: &str, field: &str) -> bool {
    name.len() == field.len()
        && name.contains('_')
        && !name.eq_ignore_ascii_case(field)
        && name.bytes().zip(field.bytes()).all(|(a, b)| fold(a) == fold(b))
}

fn starts(name: &[u8], lower: &str) -> bool {
    name.get(..lower.len()).is_some_and(|start| same(start, lower))
}

fn same(name: &[u8], lower: &str) -> bool {
    name.len() == lower.len() && name.iter().zip(lower.bytes()).all(|(&a, b)| fold(a) == b)
}

fn fold(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_guarded_name_is_longer_than_what_is_kept_of_a_trailer_s() {
        assert!(GUARDED.iter().all(|name| name.len() <= LONGEST));
        assert!(FORWARDED.len() <= LONGEST && CLIENT_TLS.len() <= LONGEST);
    }

    #[test]
    fn twins_of_fields_that_are_set_or_trusted_are_known() {
        for name in [
            "Content_Length",
            "transfer_encoding",
            "Transfer_Encoding",
            "X_Forwarded_For",
            "x-forwarded_proto",
            "X_Real_IP",
            "x_request_id",
        ] {
            assert!(is_twin(name.as_bytes()), "{name}");
        }
        for name in ["Content-Length", "user_id", "X_Forwarded", "session_token", "_", "x_forwardedfor"] {
            assert!(!is_twin(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_only_the_edge_may_say_is_known_in_every_spelling() {
        for name in [
            "X-SSL-Client-Verify",
            "x-ssl-client-s-dn",
            "X_SSL_CLIENT_FINGERPRINT",
            "X-Ssl_Client-Serial",
            "x_ssl-client_s_dn",
            "X-SSL-Client-Cert",
            "Client-Cert",
            "CLIENT_CERT",
            "client-cert-chain",
            "Client_Cert-Chain",
        ] {
            assert!(is_edge_only(name.as_bytes()), "{name}");
            assert!(is_guarded(name.as_bytes()), "{name}");
        }
        for name in ["X-SSL-Client", "X-SSL", "Client-Certificate", "Client-Cert-", "X-Client-Cert", "c", ""]
        {
            assert!(!is_edge_only(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_twin_of_a_field_that_a_site_sets_is_another_spelling_of_it() {
        assert!(is_twin_of("X_Edge_Key", "X-Edge-Key"));
        assert!(is_twin_of("x-edge_key", "X-Edge-Key"));
        assert!(!is_twin_of("X-Edge-Key", "X-Edge-Key"));
        assert!(!is_twin_of("X_Edge_Key", "x_edge_key"));
        assert!(!is_twin_of("X_Edge", "X-Edge-Key"));
    }
}
