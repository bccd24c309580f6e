//! Updates of the zone (RFC 2136), signed where there is a key (RFC 8945). Always by TCP.

use super::error::{DnsError, Refusal};
use super::{exchange, parse, plain};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::update_message::{append, delete_by_rdata};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm as Algorithm;
use hickory_proto::rr::{Name, RData, Record, RecordSet, RecordType, TSigVerifier, TSigner};
use mizan_config::model::{Rfc2136, Tsig, TsigAlgorithm};
use std::time::{SystemTime, UNIX_EPOCH};

/// Of the record: nobody is to keep it for long.
const TTL: u32 = 60;

/// By how many seconds clocks may differ (RFC 8945, 10).
const FUDGE: u16 = 300;

/// A string of a TXT record is no longer (RFC 1035, 3.3.14).
const STRING: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Present,
    Cleanup,
}

impl Change {
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Cleanup => "cleanup",
        }
    }
}

/// Adds the one value to the name, or removes it.
pub(super) async fn send(config: &Rfc2136, change: Change, name: &Name, value: &str) -> Result<(), DnsError> {
    let primary = Primary { config, key: config.tsig.as_ref().map(key).transpose()? };
    let zone = match &config.zone {
        Some(zone) => parse(zone)?,
        None => primary.zone_of(name).await?,
    };
    if !zone.zone_of(name) {
        return Err(DnsError::OutsideZone { zone: plain(&zone), name: plain(name) });
    }
    let answer = primary.ask(message(change, &zone, name, value)).await?;
    match answer.metadata.response_code {
        ResponseCode::NoError => Ok(()),
        code => Err(primary.refusal(code, &answer, Some(&zone))),
    }
}

/// The update itself. Values beside the one are left alone.
fn message(change: Change, zone: &Name, name: &Name, value: &str) -> Message {
    let text = TXT::from_bytes(value.as_bytes().chunks(STRING).collect());
    let records = RecordSet::from(Record::from_rdata(name.clone(), TTL, RData::TXT(text)));
    match change {
        Change::Present => append(records, zone.clone(), false, false),
        Change::Cleanup => delete_by_rdata(records, zone.clone(), false),
    }
}

/// The server that takes updates.
struct Primary<'a> {
    config: &'a Rfc2136,
    key: Option<TSigner>,
}

impl Primary<'_> {
    /// The zone that the name is in, by the server's own SOA: among the answers where the name is the zone itself, else
    /// beside them.
    async fn zone_of(&self, name: &Name) -> Result<Name, DnsError> {
        let mut asked = name.clone();
        while asked.num_labels() > 0 {
            let mut query = Message::query();
            query.metadata.recursion_desired = false;
            query.add_query(Query::query(asked.clone(), RecordType::SOA));
            let answer = self.ask(query).await?;
            let code = answer.metadata.response_code;
            if code == ResponseCode::NotAuth {
                return Err(self.refusal(code, &answer, None));
            }
            let mut records = answer.answers.iter().chain(&answer.authorities);
            let zone =
                records.find(|record| record.record_type() == RecordType::SOA && record.name.zone_of(name));
            if let Some(zone) = zone.filter(|_| answer.metadata.authoritative) {
                return Ok(zone.name.clone());
            }
            asked = asked.base_name();
        }
        Err(DnsError::NoZone { server: self.config.server, name: plain(name) })
    }

    /// Signs, sends, and sees that the answer is the server's. One that refuses need not be: nothing is believed of it
    /// but that nothing was done.
    async fn ask(&self, mut message: Message) -> Result<Message, DnsError> {
        let server = self.config.server;
        let verifier = match &self.key {
            Some(key) => message.finalize(key, now()).map_err(|error| self.unusable(&error))?,
            None => None,
        };
        let bytes = message.to_vec().map_err(|error| self.unusable(&error))?;
        let answer = exchange::by_tcp(server, &bytes).await?;
        self.read(&message, verifier, &answer)
    }

    fn read(
        &self,
        asked: &Message,
        verifier: Option<TSigVerifier>,
        bytes: &[u8],
    ) -> Result<Message, DnsError> {
        let server = self.config.server;
        let answer = Message::from_vec(bytes).ok().filter(|answer| exchange::is_to(asked, answer));
        let answer = answer.ok_or(DnsError::Garbage(server))?;
        if let Some(mut verifier) = verifier
            && matches!(answer.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        {
            let unverified = |why| DnsError::Unverified { server, key: self.key_name(), why };
            if answer.signature().is_none() {
                return Err(unverified("it is not signed at all".to_owned()));
            }
            verifier.verify(bytes).map_err(|error| unverified(error.to_string()))?;
        }
        Ok(answer)
    }

    fn refusal(&self, code: ResponseCode, answer: &Message, zone: Option<&Name>) -> DnsError {
        let signature = answer.signature().map(|record| &record.data);
        DnsError::Refusal(Box::new(Refusal {
            server: self.config.server,
            code,
            signature: signature.and_then(|signature| signature.error),
            ahead: signature.and_then(|signature| ahead(&signature.other)),
            zone: zone.map(plain),
            key: self.config.tsig.as_ref().map(|tsig| tsig.name.clone()),
        }))
    }

    fn key_name(&self) -> String {
        self.config.tsig.as_ref().map(|tsig| tsig.name.clone()).unwrap_or_default()
    }

    fn unusable(&self, error: &dyn std::error::Error) -> DnsError {
        DnsError::Key { name: self.key_name(), why: error.to_string() }
    }
}

/// By how many seconds the server's clock is ahead, in a signature that it found outdated (RFC 8945, 5.2.3).
fn ahead(other: &[u8]) -> Option<i64> {
    let bytes: [u8; 6] = other.try_into().ok()?;
    let theirs = bytes.into_iter().fold(0, |sum, byte| (sum << 8) | i64::from(byte));
    Some(theirs - i64::try_from(now()).ok()?)
}

fn key(tsig: &Tsig) -> Result<TSigner, DnsError> {
    let unusable = |why: String| DnsError::Key { name: tsig.name.clone(), why };
    // What is wrong with a secret is not told: the message could hold a part of it.
    let secret = STANDARD.decode(tsig.secret.expose().trim());
    let secret = secret.map_err(|_| unusable("its secret is not base64".into()))?;
    let name = parse(&tsig.name).map_err(|error| unusable(error.to_string()))?;
    let algorithm = match tsig.algorithm {
        TsigAlgorithm::HmacSha256 => Algorithm::HmacSha256,
        TsigAlgorithm::HmacSha384 => Algorithm::HmacSha384,
        TsigAlgorithm::HmacSha512 => Algorithm::HmacSha512,
    };
    TSigner::new(secret, algorithm, name, FUDGE).map_err(|error| unusable(error.to_string()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
