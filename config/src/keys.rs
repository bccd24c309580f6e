//! Every key of mizan.yml: what the decoder accepts and the JSON Schema describes. Those of deploy.yml are in
//! `deploy/keys.rs`.
//!
//! One table a section. The decoder takes names, requirements and ranges from here, so that a key cannot be accepted
//! without being described.

mod acme;
mod service;
mod site;
mod tls;
mod top;

pub(crate) use acme::*;
pub(crate) use service::*;
pub(crate) use site::*;
pub(crate) use tls::*;
pub(crate) use top::*;

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Section {
    /// As messages call it: `a service`.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: Shape,
    /// For editors: meaning, unit, default.
    pub(crate) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Optional,
    Required,
}

/// What a value looks like. Any scalar may also be text with `${NAME}` in it.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Any text; a number stands for itself as written.
    Text,
    /// Text, or a mapping `{ file: PATH }`.
    Secret,
    Boolean,
    /// From, to, both included.
    Integer(u64, u64),
    Duration,
    Size,
    Percent(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `false` or the other shape.
    OrFalse(&'static Shape),
    /// `true`, `false` or the other shape.
    OrBoolean(&'static Shape),
    /// A list; it may be empty.
    List(&'static Shape),
    /// A list that is not empty.
    Some(&'static Shape),
    /// One, or a list that is not empty.
    OneOrSome(&'static Shape),
    /// A mapping whose keys are names.
    Named(&'static Shape),
    Section(&'static Section),
    Either(&'static Shape, &'static Shape),
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(crate) const fn optional(name: &'static str, shape: Shape, help: &'static str) -> Key {
    Key { name, need: Need::Optional, shape, help }
}

pub(crate) const fn required(name: &'static str, shape: Shape, help: &'static str) -> Key {
    Key { name, need: Need::Required, shape, help }
}

/// What to say of a key that is not known, because people will try it.
pub(crate) fn not_yet(key: &str) -> Option<&'static str> {
    match key {
        "acme" | "letsencrypt" | "lets_encrypt" | "certbot" | "auto_https" | "automatic_https" => Some(
            "ACME is set up once, as in `certificates: { acme: { email: ops@example.com } }`; a site asks for it with \
             `tls: acme`",
        ),
        "certificates" => Some(
            "those of a site stand in its `tls`; ACME is set up at the top, as in \
             `certificates: { acme: { email: ops@example.com } }`",
        ),
        "certificate" | "key" => Some(
            "it stands in `tls` of the site, as in `tls: { certificate: fullchain.pem, key: privkey.pem }`",
        ),
        "files" | "compress" | "rate_limit" | "response_headers" | "request_headers" | "cache"
        | "access_log" | "access" | "metrics" | "fallback" | "redirect" | "maintenance"
        | "proxy_protocol" => Some("not part of this version"),
        _ => None,
    }
}

/// What a key is called here that has another name elsewhere: the candidates, best first.
pub(crate) fn also_called(key: &str) -> &'static [&'static str] {
    match key {
        "ssl" => &["tls"],
        "ssl_certificate" | "cert" | "crt" | "certfile" | "cert_file" | "fullchain" | "chain" => {
            &["certificate", "tls"]
        }
        "ssl_certificate_key" | "private_key" | "privkey" | "keyfile" | "key_file" => &["key", "tls"],
        "ssl_client_certificate" | "mtls" => &["client_auth", "tls"],
        "ssl_crl" => &["crl", "tls"],
        "ssl_verify_client" => &["mode", "client_auth", "tls"],
        "ssl_protocols" | "protocols" | "min_version" => &["versions"],
        "ssl_ciphers" | "cipher_suites" => &["ciphers"],
        "ssl_session_ticket_key" => &["ticket_key"],
        "sni" | "proxy_ssl_name" => &["server_name"],
        "insecure" | "insecure_skip_verify" | "proxy_ssl_verify" => &["verify", "tls"],
        "trusted_ca" | "ca_file" | "cafile" | "proxy_ssl_trusted_certificate" => &["ca", "tls"],
        "strict_transport_security" => &["hsts"],
        "force_https" | "https_redirect" | "redirect_https" | "http_to_https" => &["redirect_to_https"],
        "http2" | "grpc" => &["protocol"],
        "directory_url" | "acme_url" | "acme_ca" | "caserver" | "authority" | "issuer" => &["directory"],
        "contact" | "mail" => &["email"],
        "ca_root" | "acme_ca_root" | "cacertificates" | "root" => &["ca"],
        "key_type" => &["key"],
        "eab" | "external_account_binding" => &["external_account"],
        "kid" | "eab_kid" => &["key_id"],
        "hmac" | "mac_key" | "eab_hmac_key" => &["hmac_key"],
        "dns_challenge" | "dns_provider" | "rfc2136" => &["dns"],
        "hook" | "script" | "exec" | "program" => &["command"],
        "nameserver" | "name_server" => &["server"],
        "key_name" => &["name"],
        "key" => &["hmac_key", "secret"],
        "propagation_timeout" | "propagation_delay" => &["propagation"],
        _ => &[],
    }
}
