//! What was seen on the way from a name to its certificate.

use mizan_api::Verdict;
use mizan_config::model::AcmeChallenge;
use std::net::IpAddr;

/// Everything that is judged. It is gathered whole before any of it is judged.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// As it was asked for; a wildcard with its `*.`, an IPv6 address without brackets.
    pub(crate) name: String,
    /// The host of the directory: what the authority is called in messages.
    pub(crate) authority: String,
    /// In which ways the name may be proved.
    pub(crate) challenges: Vec<AcmeChallenge>,
    pub(crate) dns: Resolution,
    /// The plain port, by address. Empty where nothing was tried.
    pub(crate) http: Port,
    /// The TLS port, by address. Empty where nothing was tried.
    pub(crate) https: Port,
    pub(crate) caa: CaaSeen,
    pub(crate) directory: Result<DirectoryView, String>,
    /// What the ledger says; `None`: there is none yet.
    pub(crate) ledger: Option<LedgerView>,
}

/// What stands in the DNS for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// The name is an address.
    Address,
    Looked {
        v4: Answer<IpAddr>,
        v6: Answer<IpAddr>,
    },
}

/// What the DNS said to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    /// Perhaps none.
    Records(Vec<T>),
    NoSuchName,
    /// A server's word that it failed (SERVFAIL, REFUSED): an authority will have heard the same.
    Refused(String),
    /// Nobody answered: others may be luckier.
    Silent(String),
}

/// A port, and what each address of the name said at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) number: u16,
    pub(crate) probes: Vec<Probe>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) address: IpAddr,
    pub(crate) outcome: Outcome,
}

/// How a request for the token went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The token came back. After how many redirects.
    Answered { redirects: usize },
    /// Something else did: its status and its `Server` field.
    Stranger { status: u16, server: Option<String> },
    /// It leads to somewhere that is not asked.
    Elsewhere { status: u16, location: String, server: Option<String> },
    /// Nobody listens.
    Refused,
    /// No connection within the time, or no answer over it.
    Silent,
    /// There is no way from here to there.
    NoRoute,
    /// Connected, and no TLS came to be.
    Tls(String),
    /// Anything else, in words.
    Failed(String),
}

/// The CAA records that decide (RFC 8659).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaaSeen {
    /// Addresses have none.
    DoesNotApply,
    /// Nowhere between the name and the root.
    None,
    /// The set of `domain`: the nearest one that has any.
    Found { domain: String, records: Vec<CaaRecord> },
    /// A server said that it failed at `domain`.
    Refused { domain: String, why: String },
    /// Nobody answered for `domain`.
    Silent { domain: String, why: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaaRecord {
    pub(crate) critical: bool,
    /// Lower-cased.
    pub(crate) tag: String,
    pub(crate) value: String,
}

/// What the directory said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectoryView {
    /// `meta.caaIdentities` (RFC 8555, 7.1.1).
    pub(crate) caa_identities: Vec<String>,
    /// The authority's clock less ours, by the `Date` field. `None`: it sent none.
    pub(crate) skew_seconds: Option<i64>,
}

/// What the ledger of earlier attempts says, judged by who keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerView {
    pub(crate) verdict: Verdict,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

impl Seen {
    pub(crate) fn is_wildcard(&self) -> bool {
        self.name.starts_with("*.")
    }

    /// The name without `*.`.
    pub(crate) fn domain(&self) -> &str {
        self.name.strip_prefix("*.").unwrap_or(&self.name)
    }

    /// Whether it may be proved in this way: a wildcard by `dns-01` alone (RFC 8555, 7.1.3), an address never by it
    /// (RFC 8738, 7).
    pub(crate) fn can_use(&self, challenge: AcmeChallenge) -> bool {
        if self.is_wildcard() {
            return challenge == AcmeChallenge::Dns01;
        }
        let possible = challenge != AcmeChallenge::Dns01 || self.dns != Resolution::Address;
        possible && self.challenges.contains(&challenge)
    }

    /// Whether the authority comes to a port of the name at all.
    pub(crate) fn needs_ports(&self) -> bool {
        self.can_use(AcmeChallenge::Http01) || self.can_use(AcmeChallenge::TlsAlpn01)
    }
}

impl<T> Answer<T> {
    /// None where there was no answer.
    pub(crate) fn records(&self) -> &[T] {
        match self {
            Self::Records(records) => records,
            _ => &[],
        }
    }
}

impl Port {
    /// Every address answered as it should.
    pub(crate) fn is_good(&self) -> bool {
        !self.probes.is_empty()
            && self.probes.iter().all(|probe| matches!(probe.outcome, Outcome::Answered { .. }))
    }
}
