//! Cipher suites, by every name they have.

use super::{Context, Text};
use crate::keys::CIPHERS;
use crate::model::Cipher;

impl Context<'_> {
    pub(crate) fn cipher(&mut self, text: &Text) -> Option<Cipher> {
        let name = text.value.as_str();
        let known = Cipher::ALL.into_iter().find(|cipher| [cipher.iana(), cipher.openssl()].contains(&name));
        if known.is_some() {
            return known;
        }
        let nearest = self.suggest(name, CIPHERS);
        if let Some(lack) = weakness(name, nearest.is_some()) {
            let hint =
                "TLS here only has ciphers with forward secrecy and AEAD, as ECDHE-RSA-AES128-GCM-SHA256";
            self.problem(&text.span, format!("{} {lack}", text.shown())).hint(hint);
            return None;
        }
        let hint = match nearest {
            Some(nearest) if text.is_literal() => format!("did you mean `{nearest}`?"),
            _ if name.contains([':', '!', '+']) => {
                "a list of suites by name, not OpenSSL's language of ciphers".to_owned()
            }
            _ => "a suite by IANA's or OpenSSL's name, as ECDHE-RSA-AES128-GCM-SHA256".to_owned(),
        };
        self.problem(&text.span, format!("there is no cipher {}", text.shown())).hint(hint);
        None
    }
}

/// What a suite lacks that is known but not offered. A name that is near one of ours is told as a slip of it, unless it
/// names something that ours have not.
fn weakness(name: &str, is_near_ours: bool) -> Option<&'static str> {
    const BROKEN: [&str; 11] =
        ["RC4", "DES", "3DES", "RC2", "NULL", "EXP", "EXPORT", "MD5", "ANON", "ADH", "AECDH"];
    const UNAUTHENTICATED: [&str; 1] = ["CBC"];
    const BULK: [&str; 9] = [
        "AES",
        "AES128",
        "AES256",
        "CAMELLIA",
        "CAMELLIA128",
        "CAMELLIA256",
        "ARIA128",
        "ARIA256",
        "CHACHA20",
    ];
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(['-', '_']).collect();
    let has = |some: &[&str]| words.iter().any(|word| some.contains(word));
    if name.contains([':', '!', '+']) {
        return None;
    }
    if has(&BROKEN) {
        return Some("is broken");
    }
    if has(&UNAUTHENTICATED) {
        return Some("is no AEAD");
    }
    if is_near_ours || !has(&BULK) {
        return None;
    }
    let is_tls13 = upper.starts_with("TLS_") && !words.contains(&"WITH");
    if !is_tls13 && !has(&["ECDHE", "DHE", "EDH", "EECDH"]) {
        return Some("has no forward secrecy");
    }
    if !has(&["GCM", "CCM", "CCM8", "CHACHA20"]) {
        return Some("is no AEAD");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_every_name_of_every_cipher() {
        let mut names: Vec<_> =
            Cipher::ALL.into_iter().flat_map(|cipher| [cipher.iana(), cipher.openssl()]).collect();
        let mut described = CIPHERS.to_vec();
        names.sort_unstable();
        names.dedup();
        described.sort_unstable();
        assert_eq!(names, described);
    }

    #[test]
    fn what_a_known_suite_lacks_is_named() {
        for (name, lack) in [
            ("RC4-SHA", "is broken"),
            ("ECDHE-RSA-DES-CBC3-SHA", "is broken"),
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "is broken"),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "is no AEAD"),
            ("ECDHE-RSA-AES128-SHA256", "is no AEAD"),
            ("ecdhe-ecdsa-aes256-sha", "is no AEAD"),
            ("AES128-GCM-SHA256", "has no forward secrecy"),
            ("TLS_RSA_WITH_AES_256_GCM_SHA384", "has no forward secrecy"),
        ] {
            assert_eq!(weakness(name, false), Some(lack), "{name}");
        }
        for other in ["HIGH:!aNULL:!MD5", "moon", "", "TLS_AES_128_CCM_SHA256"] {
            assert_eq!(weakness(other, false), None, "{other}");
        }
    }
}
