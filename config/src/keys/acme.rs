//! `certificates`: certificates that the proxy gets by itself.

use super::{Section, Shape, optional, required};

/// The directories that have a name of their own.
pub(crate) static DIRECTORIES: [&str; 4] = ["letsencrypt", "letsencrypt-staging", "zerossl", "google"];

pub(crate) static CERTIFICATES: Section = Section {
    name: "`certificates`",
    keys: &[optional(
        "acme",
        Shape::Either(&Shape::Boolean, &Shape::Section(&ACME)),
        "The authority that sites with `tls: acme` have their certificates from. true: Let's Encrypt. Default: false.",
    )],
};

pub(crate) static ACME: Section = Section {
    name: "`acme`",
    keys: &[
        optional("email", Shape::Text, "Where the authority reports trouble. Default: nowhere."),
        optional(
            "directory",
            Shape::Either(&Shape::Choice(&DIRECTORIES), &Shape::Text),
            "The authority: letsencrypt, letsencrypt-staging, zerossl, google, or the https URL of an ACME directory. \
             Default: letsencrypt.",
        ),
        optional(
            "ca",
            Shape::Text,
            "PEM file: whom the directory's own certificate must come from. Default: those of the system.",
        ),
        optional(
            "challenges",
            Shape::OneOrSome(&Shape::Choice(&["tls-alpn-01", "http-01", "dns-01"])),
            "Ways to prove a name, the preferred first; a wildcard is proved by dns-01. Default: tls-alpn-01, http-01, \
             and dns-01 where `dns` is there.",
        ),
        optional(
            "profile",
            Shape::Text,
            "The kind of certificate, as the authority calls it: shortlived. Default: the authority's.",
        ),
        optional(
            "key",
            Shape::Choice(&["ecdsa-p256", "ecdsa-p384"]),
            "The kind of private key that is made. Default: ecdsa-p256.",
        ),
        optional(
            "external_account",
            Shape::Section(&EXTERNAL_ACCOUNT),
            "An account that is with the authority already, as zerossl and google want it. Default: none.",
        ),
        optional("dns", Shape::Section(&DNS), "How dns-01 writes its records. Default: it does not."),
        optional(
            "http_port",
            Shape::Integer(1, 65_535),
            "Where the authority looks for http-01: another one is for test authorities. Default: 80.",
        ),
        optional(
            "https_port",
            Shape::Integer(1, 65_535),
            "Where the authority looks for tls-alpn-01: another one is for test authorities. Default: 443.",
        ),
    ],
};

pub(crate) static EXTERNAL_ACCOUNT: Section = Section {
    name: "`external_account`",
    keys: &[
        required("key_id", Shape::Text, "The account's name, as the authority gives it."),
        required(
            "hmac_key",
            Shape::Secret,
            "The account's secret in base64url, as the authority gives it, or { file: PATH }.",
        ),
    ],
};

pub(crate) static DNS: Section = Section {
    name: "`dns`",
    keys: &[
        optional(
            "command",
            Shape::OneOrSome(&Shape::Text),
            "A program and its arguments; present or cleanup, the record's name and its value follow. Relative to \
             mizan.yml's folder where the program has a slash. This or `server`.",
        ),
        optional(
            "server",
            Shape::Text,
            "The DNS server that takes updates (RFC 2136): an address, with a port unless it is 53.",
        ),
        optional("zone", Shape::Text, "The zone that `server` updates. Default: as its SOA record says."),
        optional(
            "tsig",
            Shape::Section(&TSIG),
            "What signs updates to `server` (RFC 8945). Default: nothing.",
        ),
        optional(
            "propagation",
            Shape::Duration,
            "How long a record may take to be seen: 5s to 1h. Default: 2m.",
        ),
    ],
};

pub(crate) static TSIG: Section = Section {
    name: "`tsig`",
    keys: &[
        required("name", Shape::Text, "The name of the key, as the server knows it."),
        optional(
            "algorithm",
            Shape::Choice(&["hmac-sha256", "hmac-sha384", "hmac-sha512"]),
            "Of the signature. Default: hmac-sha256.",
        ),
        required("secret", Shape::Secret, "The key in base64, as tsig-keygen prints it, or { file: PATH }."),
    ],
};
