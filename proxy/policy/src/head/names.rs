//! Field names that a client may not take away, smuggle in by another spelling, or send late.

/// Fields that frame a message, choose where it goes, say who sends it, or are set by the edge. Lower-case.
///
/// `x-forwarded-` and all that follows it belong to them.
const GUARDED: [&str; 18] = [
    "authorization",
    "cache-control",
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

/// The longest name that has to be known to the end to tell whether it is guarded.
pub(super) const LONGEST: usize = "transfer-encoding".len();

/// A guarded field, in any case and with `_` for `-`.
pub(super) fn is_guarded(name: &[u8]) -> bool {
    name.get(..FORWARDED.len()).is_some_and(|start| same(start, FORWARDED))
        || GUARDED.iter().any(|guarded| same(name, guarded))
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
        assert!(FORWARDED.len() <= LONGEST);
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
    fn a_twin_of_a_field_that_a_site_sets_is_another_spelling_of_it() {
        assert!(is_twin_of("X_Edge_Key", "X-Edge-Key"));
        assert!(is_twin_of("x-edge_key", "X-Edge-Key"));
        assert!(!is_twin_of("X-Edge-Key", "X-Edge-Key"));
        assert!(!is_twin_of("X_Edge_Key", "x_edge_key"));
        assert!(!is_twin_of("X_Edge", "X-Edge-Key"));
    }
}
