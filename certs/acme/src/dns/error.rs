//! Why a record could not be written, removed or seen.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::tsig::TsigError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum DnsError {
    #[error("`{0}` is not a name that DNS knows")]
    Name(String),

    #[error("`{0}` is a CNAME of a CNAME and so on, and there is no end to it")]
    Endless(String),

    /// The program of `dns.command`.
    #[error("cannot run `{program}`: {error}; `certificates.acme.dns.command` names it")]
    Spawn { program: String, error: io::Error },

    #[error("`{program} {verb}` did not end within {} s", limit.as_secs())]
    HookTimeout { program: String, verb: &'static str, limit: Duration },

    /// `end`: `ended with exit code 1`. `said`: its last line, or nothing.
    #[error("`{program} {verb}` {end}{}", after_colon(said))]
    Hook { program: String, verb: &'static str, end: String, said: String },

    #[error("no connection to the DNS server {server}: {error}")]
    Unreachable { server: SocketAddr, error: io::Error },

    #[error("the DNS server {server} does not answer within {} s", limit.as_secs())]
    Mute { server: SocketAddr, limit: Duration },

    #[error("the DNS server {0} answers something that is not DNS, or not to what was asked")]
    Garbage(SocketAddr),

    /// Something of `tsig`.
    #[error("the key `{name}` cannot sign updates: {why}; `certificates.acme.dns.tsig` has it")]
    Key { name: String, why: String },

    #[error(
        "the DNS server {server} did not sign its answer with the key `{key}`: {why}; whether the record was written is \
         not known"
    )]
    Unverified { server: SocketAddr, key: String, why: String },

    #[error("{0}")]
    Refusal(Box<Refusal>),

    #[error(
        "the DNS server {server} is not authoritative for any zone that `{name}` could be in; updates go to the \
         primary server of the zone"
    )]
    NoZone { server: SocketAddr, name: String },

    #[error("`{name}` is not in the zone `{zone}` that `certificates.acme.dns.zone` names")]
    OutsideZone { zone: String, name: String },

    #[error("the TXT record of `{name}` is not seen after {} s: {why}", within.as_secs())]
    NotSeen { name: String, within: Duration, why: String },
}

/// The server's own word against an update.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) server: SocketAddr,
    pub(crate) code: ResponseCode,
    /// What it says of the signature (RFC 8945, 5.2).
    pub(crate) signature: Option<TsigError>,
    /// How far its clock is ahead of ours, in seconds, where it says so.
    pub(crate) ahead: Option<i64>,
    /// That was to be updated. `None`: it was only asked about.
    pub(crate) zone: Option<String>,
    pub(crate) key: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server, code, .. } = self;
        let zone =
            self.zone.as_deref().map_or_else(|| "the zone".into(), |zone| format!("the zone `{zone}`"));
        let key = self.key.as_deref().unwrap_or_default();
        write!(f, "the DNS server {server} ")?;
        match (&self.signature, code) {
            (Some(TsigError::BadKey), _) => write!(
                f,
                "does not know the key `{key}` (BADKEY): its name and algorithm must be those of the server's \
                 configuration"
            ),
            (Some(TsigError::BadSig), _) => {
                write!(f, "has another secret for the key `{key}` (BADSIG)")
            }
            (Some(TsigError::BadTime), _) => match self.ahead {
                Some(ahead) if ahead < 0 => {
                    write!(f, "has a clock that is {} s behind ours (BADTIME)", ahead.unsigned_abs())
                }
                Some(ahead) => write!(f, "has a clock that is {ahead} s ahead of ours (BADTIME)"),
                None => write!(f, "has a clock that differs from ours (BADTIME)"),
            },
            (_, ResponseCode::NotAuth) if key.is_empty() => {
                write!(f, "is not authoritative for {zone} (NOTAUTH)")
            }
            (_, ResponseCode::NotAuth) => {
                write!(f, "is not authoritative for {zone} or does not know the key `{key}` (NOTAUTH)")
            }
            (_, ResponseCode::Refused) if key.is_empty() => write!(
                f,
                "refuses to update {zone} (REFUSED): its `allow-update` must permit our address, or `tsig` must name a \
                 key that it permits"
            ),
            (_, ResponseCode::Refused) => write!(
                f,
                "refuses to update {zone} (REFUSED): its `allow-update` or `update-policy` must permit the key `{key}`"
            ),
            (_, ResponseCode::NotZone) => write!(f, "says that the record is outside of {zone} (NOTZONE)"),
            (_, ResponseCode::NotImp) => write!(f, "does not take updates (NOTIMP, RFC 2136)"),
            (_, ResponseCode::ServFail) => {
                write!(
                    f,
                    "could not update {zone} (SERVFAIL): its log says why; can it write the zone's journal?"
                )
            }
            (_, code) => write!(f, "did not update {zone}: {code} (RCODE {})", u16::from(*code)),
        }
    }
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
