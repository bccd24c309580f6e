//! `certificates.acme`.

use super::{MASK, duration, path, present, text};
use crate::model::{
    Acme, AcmeChallenge, AcmeKey, DnsUpdater, DnsUpdates, ExternalAccount, Rfc2136, Tsig, TsigAlgorithm,
};
use serde_json::{Value, json};

/// `directory` is a URL here, also where the file has its name.
pub(super) fn render(acme: &Acme) -> Value {
    let Acme {
        directory,
        ca,
        email,
        challenges,
        profile,
        key,
        external_account,
        dns,
        http_port,
        https_port,
        place: _,
    } = acme;
    present(json!({
        "directory": text(directory),
        "ca": ca.as_deref().map(path),
        "email": email.as_deref().map(text),
        "challenges": challenges.iter().copied().map(AcmeChallenge::name).collect::<Vec<_>>(),
        "profile": profile.as_deref().map(text),
        "key": match key {
            AcmeKey::EcdsaP256 => "ecdsa-p256",
            AcmeKey::EcdsaP384 => "ecdsa-p384",
        },
        "external_account": external_account.as_ref().map(self::external_account),
        "dns": dns.as_ref().map(self::dns),
        "http_port": http_port,
        "https_port": https_port,
    }))
}

fn external_account(account: &ExternalAccount) -> Value {
    let ExternalAccount { key_id, hmac_key: _ } = account;
    json!({ "key_id": text(key_id), "hmac_key": MASK })
}

fn dns(dns: &DnsUpdates) -> Value {
    let DnsUpdates { by, propagation } = dns;
    let mut rendered = match by {
        DnsUpdater::Command(words) => {
            json!({ "command": words.iter().map(|word| text(word)).collect::<Vec<_>>() })
        }
        DnsUpdater::Rfc2136(Rfc2136 { server, zone, tsig }) => present(json!({
            "server": server.to_string(),
            "zone": zone.as_deref().map(text),
            "tsig": tsig.as_ref().map(self::tsig),
        })),
    };
    rendered["propagation"] = duration(*propagation);
    rendered
}

fn tsig(tsig: &Tsig) -> Value {
    let Tsig { name, algorithm, secret: _ } = tsig;
    let algorithm = match algorithm {
        TsigAlgorithm::HmacSha256 => "hmac-sha256",
        TsigAlgorithm::HmacSha384 => "hmac-sha384",
        TsigAlgorithm::HmacSha512 => "hmac-sha512",
    };
    json!({ "name": text(name), "algorithm": algorithm, "secret": MASK })
}
