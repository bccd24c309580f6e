//! TLS: `tls` of the whole file, of a site, of a service, and what goes with it.

use super::{Section, Shape, optional, required};

const CERTIFICATE_HELP: &str =
    "PEM file: the site's own certificate first, then its intermediates. Relative to mizan.yml's folder.";
const KEY_HELP: &str = "PEM file with the certificate's private key.";
const OCSP_HELP: &str = "File with an OCSP response (DER) to be stapled. Default: none.";

/// The suites there are, by every name they have.
pub(crate) static CIPHERS: [&str; 15] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

pub(crate) static TLS: Section = Section {
    name: "`tls`",
    keys: &[
        optional(
            "profile",
            Shape::Choice(&["modern", "intermediate"]),
            "Mozilla's choice of versions and ciphers: modern is TLS 1.3 alone. Default: intermediate.",
        ),
        optional(
            "versions",
            Shape::OneOrSome(&Shape::Choice(&["1.2", "1.3"])),
            "Versions of TLS, one or a list. Default: those of the profile.",
        ),
        optional(
            "ciphers",
            Shape::OneOrSome(&Shape::Choice(&CIPHERS)),
            "Cipher suites by IANA's or OpenSSL's names, one or a list. Default: those of the profile.",
        ),
        optional(
            "ticket_key",
            Shape::Text,
            "File with a secret of 32 bytes or more, the same at every instance: clients resume at any of them. \
             Default: a secret of this process.",
        ),
    ],
};

pub(crate) static SITE_TLS: Section = Section {
    name: "`tls` of a site",
    keys: &[
        optional("certificate", Shape::Text, CERTIFICATE_HELP),
        optional("key", Shape::Text, KEY_HELP),
        optional("ocsp", Shape::Text, OCSP_HELP),
        optional(
            "certificates",
            Shape::Some(&Shape::Section(&CERTIFICATE)),
            "Several for the same names, as an ECDSA and an RSA one, instead of `certificate` and `key`.",
        ),
        optional(
            "acme",
            Shape::Boolean,
            "The proxy gets the certificate by itself, as `tls: acme` says beside nothing else. Default: false.",
        ),
        optional(
            "client_auth",
            Shape::Section(&CLIENT_AUTH),
            "Clients show a certificate, too. Default: not asked for.",
        ),
    ],
};

pub(crate) static CERTIFICATE: Section = Section {
    name: "an entry of `certificates`",
    keys: &[
        required("certificate", Shape::Text, CERTIFICATE_HELP),
        required("key", Shape::Text, KEY_HELP),
        optional("ocsp", Shape::Text, OCSP_HELP),
    ],
};

pub(crate) static CLIENT_AUTH: Section = Section {
    name: "`client_auth`",
    keys: &[
        required("ca", Shape::Text, "PEM file: the authorities whose certificates are accepted."),
        optional(
            "mode",
            Shape::Choice(&["required", "optional"]),
            "Whether a client without a certificate is refused. Default: required.",
        ),
        optional(
            "crl",
            Shape::Text,
            "PEM file: one revocation list or several. Default: nothing is revoked.",
        ),
    ],
};

pub(crate) static REDIRECT_TO_HTTPS: Section = Section {
    name: "`redirect_to_https`",
    keys: &[
        optional(
            "status",
            Shape::Choice(&["308", "301"]),
            "308 keeps the method, 301 is for older clients. Default: 308.",
        ),
        optional(
            "port",
            Shape::Integer(1, 65_535),
            "Where clients reach TLS. Default: the first port under `https`.",
        ),
    ],
};

pub(crate) static HSTS: Section = Section {
    name: "`hsts`",
    keys: &[
        optional(
            "max_age",
            Shape::Duration,
            "How long a browser asks this host over TLS alone: 0s to 3650d. Default: 365d.",
        ),
        optional("include_subdomains", Shape::Boolean, "The hosts below this one, too. Default: false."),
        optional("preload", Shape::Boolean, "Wish to be in the browsers' own lists. Default: false."),
    ],
};

pub(crate) static UPSTREAM_TLS: Section = Section {
    name: "`tls` of a service",
    keys: &[
        optional("verify", Shape::Boolean, "The endpoint must prove its name. Default: true."),
        optional(
            "ca",
            Shape::Text,
            "PEM file: the authorities that are believed. Default: those of the system.",
        ),
        optional(
            "server_name",
            Shape::Text,
            "Sent as SNI and looked for in the certificate. Default: the host of the endpoint.",
        ),
        optional("certificate", Shape::Text, "PEM file, for endpoints that ask for one. Default: none."),
        optional("key", Shape::Text, "PEM file with the private key of `certificate`."),
    ],
};
