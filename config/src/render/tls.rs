//! TLS: `tls` wherever it stands, `redirect_to_https` and `hsts`.

use super::{duration, path, present, text, unless_empty};
use crate::model::{
    CertificateFiles, Cipher, ClientAuth, Hsts, RedirectToHttps, SiteCertificates, SiteTls, Tls, TlsProfile,
    TlsVersion, UpstreamTls,
};
use serde_json::{Value, json};

/// `tls` at the top.
pub(super) fn shared(tls: &Tls) -> Value {
    let Tls { profile, versions, ciphers, ticket_key } = tls;
    present(json!({
        "profile": match profile {
            TlsProfile::Modern => "modern",
            TlsProfile::Intermediate => "intermediate",
        },
        "versions": unless_empty(versions.iter().map(|version| json!(self::version(*version)))),
        "ciphers": unless_empty(ciphers.iter().map(|cipher: &Cipher| json!(cipher.openssl()))),
        "ticket_key": ticket_key.as_ref().map(|key| path(&key.file)),
    }))
}

fn version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls12 => "1.2",
        TlsVersion::Tls13 => "1.3",
    }
}

pub(super) fn site(tls: &SiteTls) -> Value {
    let SiteTls { certificates, client_auth } = tls;
    let mut rendered = match certificates {
        SiteCertificates::Acme(_) if client_auth.is_none() => return json!("acme"),
        SiteCertificates::Acme(_) => json!({ "acme": true }),
        SiteCertificates::Files(files) => match files.as_slice() {
            [one] => certificate(one),
            several => json!({ "certificates": several.iter().map(certificate).collect::<Vec<_>>() }),
        },
    };
    if let Some(auth) = client_auth {
        rendered["client_auth"] = self::client_auth(auth);
    }
    rendered
}

fn certificate(files: &CertificateFiles) -> Value {
    let CertificateFiles { certificate, key, ocsp, place: _ } = files;
    present(json!({
        "certificate": path(certificate),
        "key": path(key),
        "ocsp": ocsp.as_deref().map(path),
    }))
}

fn client_auth(auth: &ClientAuth) -> Value {
    let ClientAuth { ca, required, crl, place: _ } = auth;
    present(json!({
        "ca": path(ca),
        "mode": if *required { "required" } else { "optional" },
        "crl": crl.as_deref().map(path),
    }))
}

pub(super) fn redirect_to_https(redirect: RedirectToHttps) -> Value {
    let RedirectToHttps { status, port } = redirect;
    present(json!({ "status": status, "port": port }))
}

pub(super) fn hsts(hsts: &Hsts) -> Value {
    let Hsts { max_age, include_subdomains, preload } = hsts;
    json!({ "max_age": duration(*max_age), "include_subdomains": include_subdomains, "preload": preload })
}

pub(super) fn upstream(tls: &UpstreamTls) -> Value {
    let UpstreamTls { verify, ca, server_name, client, place: _ } = tls;
    let mut rendered = client.as_ref().map_or_else(|| json!({}), certificate);
    rendered["verify"] = json!(verify);
    if let Some(ca) = ca {
        rendered["ca"] = path(ca);
    }
    if let Some(name) = server_name {
        rendered["server_name"] = text(name);
    }
    rendered
}
