//! Certificates: what is served, what is waited for, and why.

use serde::{Deserialize, Serialize};

/// `GET /v1/certificates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificates {
    /// In the order of mizan.yml.
    pub certificates: Vec<Certificate>,
}

/// A certificate, or what stands in its place while there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// The hosts of the site that it is for.
    pub names: Vec<String>,
    pub source: CertificateSource,
    pub state: CertificateState,
    /// What is served. `null`: nothing yet; names of a site with `tls: acme` have one that signed itself meanwhile.
    pub served: Option<ServedCertificate>,
    /// Names of `names` that no valid certificate is for, and why.
    pub missing: Vec<MissingName>,
    /// How it is kept up to date; `null` for files that somebody else writes.
    pub renewal: Option<Renewal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// The proxy gets it itself.
    Acme,
    /// `certificate` and `key` in mizan.yml.
    Files,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// Every name has one that is in force.
    Valid,
    /// Some names have one and others do not.
    Degraded,
    /// No name has one yet.
    Waiting,
    /// What is served has expired.
    Expired,
}

/// What clients are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServedCertificate {
    /// The names in it.
    pub names: Vec<String>,
    pub issuer: String,
    pub not_before_unix_ms: u64,
    pub not_after_unix_ms: u64,
    /// SHA-256 of the DER, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// `ECDSA P-256`
    pub key: String,
    /// Where it is kept.
    pub file: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingName {
    pub name: String,
    /// In words that a person can act on.
    pub why: String,
}

/// When a certificate is ordered next, and how the last attempts went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Renewal {
    /// The ACME directory that it is ordered from.
    pub directory: String,
    /// `null`: an order is under way.
    pub next_unix_ms: Option<u64>,
    /// Why then: `two thirds of its lifetime`, `the authority's window`, `after 3 failed attempts`.
    pub reason: String,
    /// Attempts that failed since the last success.
    pub failures: u32,
    pub last_error: Option<RenewalError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RenewalError {
    pub at_unix_ms: u64,
    /// In words that a person can act on.
    pub text: String,
}

/// `POST /v1/certificates/{name}/renew`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// Although the ledger says that it is too early or too often.
    #[serde(default)]
    pub force: bool,
}

/// `POST /v1/certificates/{name}/doctor`: what stands between a name and its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diagnosis {
    pub name: String,
    /// In the order in which they were looked at.
    pub findings: Vec<DiagnosisFinding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiagnosisFinding {
    /// `dns`, `http_port`, `https_port`, `caa`, `directory`, `clock`, `ledger`.
    pub check: String,
    pub verdict: Verdict,
    /// What was found, in one line.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    /// Probably not meant, and not in the way.
    Doubtful,
    /// In the way of a certificate.
    Bad,
    /// Could not be looked at, or does not apply.
    Unknown,
}
