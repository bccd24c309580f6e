//! OCSP responses to be stapled (RFC 6960): whether one is for a certificate, says good and is of now.
//!
//! Its signature is left to clients: the file is the operator's own, and a staple can only take trust away.

use crate::certificate::Certificate;
use crate::dates::date_seen_from;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Tag};
use x509_parser::time::ASN1Time;

/// A response as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response<'a> {
    /// The responder had no answer: its status (RFC 6960, 4.2.1).
    Refused(&'static str),
    Answers(Vec<Answer<'a>>),
}

/// What is said of one certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    hash: Hash,
    issuer_name_hash: &'a [u8],
    serial: &'a [u8],
    status: Status,
    this_update: i64,
    next_update: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

/// The response is not DER, or not an OCSP response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Until when the response can be stapled, in Unix seconds; or why it cannot.
pub(crate) fn judge(response: &Response<'_>, certificate: &Certificate, now: i64) -> Result<i64, String> {
    let answers = match response {
        Response::Refused(status) => return Err(format!("the responder gave none: {status}")),
        Response::Answers(answers) => answers,
    };
    let Some(answer) = answers.iter().find(|answer| answer.is_for(certificate)) else {
        return Err("it is for another certificate".into());
    };
    match answer.status {
        Status::Good => {}
        Status::Revoked => return Err("it says that the certificate is revoked".into()),
        Status::Unknown => return Err("it says that the responder does not know the certificate".into()),
    }
    if now < answer.this_update {
        return Err(format!("it is not valid before {}", date_seen_from(answer.this_update, now)));
    }
    match answer.next_update {
        Some(end) if now > end => Err(format!("it is out of date since {}", date_seen_from(end, now))),
        end => Ok(end.unwrap_or(i64::MAX)),
    }
}

impl Answer<'_> {
    fn is_for(&self, certificate: &Certificate) -> bool {
        let algorithm = match self.hash {
            Hash::Sha1 => Some(&SHA1_FOR_LEGACY_USE_ONLY),
            Hash::Sha256 => Some(&SHA256),
            // The serial number has to do.
            Hash::Other => None,
        };
        let same_issuer =
            |algorithm| digest(algorithm, &certificate.issuer).as_ref() == self.issuer_name_hash;
        self.serial == certificate.serial && algorithm.is_none_or(same_issuer)
    }
}

/// A walk by hand: x509-parser does not know OCSP, and the crates that do bring a second ASN.1 stack for six fields.
pub(crate) fn parse(der: &[u8]) -> Result<Response<'_>, Malformed> {
    // OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT OPTIONAL }
    let mut outer = Reader(Reader::whole(der)?);
    let status = outer.universal(Tag::Enumerated)?;
    if *status != [0] {
        return Ok(Response::Refused(match status {
            [1] => "it found the request malformed",
            [2] => "it had an internal error",
            [3] => "try later",
            [5] => "the request was to be signed",
            [6] => "it was not authorized",
            _ => "for a reason that has no name",
        }));
    }
    // ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }
    let mut bytes = Reader(Reader::whole(outer.context(0)?)?);
    bytes.universal(Tag::Oid)?;
    // BasicOCSPResponse ::= SEQUENCE { tbsResponseData, signatureAlgorithm, signature, ... }
    let mut basic = Reader(Reader::whole(bytes.universal(Tag::OctetString)?)?);
    // ResponseData ::= SEQUENCE { version [0] OPTIONAL, responderID [1] or [2], producedAt, responses, ... }
    let mut data = Reader(basic.universal(Tag::Sequence)?);
    let _version = data.context(0);
    data.context(1).or_else(|_| data.context(2))?;
    data.time()?;
    let mut responses = Reader(data.universal(Tag::Sequence)?);
    let mut answers = Vec::new();
    while !responses.0.is_empty() {
        answers.push(answer(responses.universal(Tag::Sequence)?)?);
    }
    Ok(Response::Answers(answers))
}

/// SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, nextUpdate [0] EXPLICIT OPTIONAL, ... }
fn answer(content: &[u8]) -> Result<Answer<'_>, Malformed> {
    let mut single = Reader(content);
    // CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }
    let mut id = Reader(single.universal(Tag::Sequence)?);
    let algorithm = Reader(id.universal(Tag::Sequence)?).universal(Tag::Oid)?;
    let issuer_name_hash = id.universal(Tag::OctetString)?;
    id.universal(Tag::OctetString)?;
    let serial = id.universal(Tag::Integer)?;
    let status = match single.element()? {
        (Class::ContextSpecific, 0, _) => Status::Good,
        (Class::ContextSpecific, 1, _) => Status::Revoked,
        (Class::ContextSpecific, 2, _) => Status::Unknown,
        _ => return Err(Malformed),
    };
    let this_update = single.time()?;
    let next_update = match single.context(0) {
        Ok(time) => Some(Reader(time).time()?),
        Err(Malformed) => None,
    };
    let hash = match Oid::new(algorithm.into()).to_id_string().as_str() {
        "1.3.14.3.2.26" => Hash::Sha1,
        "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        _ => Hash::Other,
    };
    Ok(Answer { hash, issuer_name_hash, serial, status, this_update, next_update })
}

/// Elements of DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of a SEQUENCE that nothing follows.
    fn whole(der: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let mut reader = Self(der);
        let content = reader.universal(Tag::Sequence)?;
        if reader.0.is_empty() { Ok(content) } else { Err(Malformed) }
    }

    fn universal(&mut self, wanted: Tag) -> Result<&'a [u8], Malformed> {
        self.wanted(Class::Universal, wanted.0)
    }

    fn context(&mut self, wanted: u32) -> Result<&'a [u8], Malformed> {
        self.wanted(Class::ContextSpecific, wanted)
    }

    /// Stays where it is when something else comes.
    fn wanted(&mut self, class: Class, tag: u32) -> Result<&'a [u8], Malformed> {
        let mut ahead = Self(self.0);
        let (found_class, found_tag, content) = ahead.element()?;
        if (found_class, found_tag) != (class, tag) {
            return Err(Malformed);
        }
        *self = ahead;
        Ok(content)
    }

    fn element(&mut self) -> Result<(Class, u32, &'a [u8]), Malformed> {
        let (rest, element) = Any::from_der(self.0).map_err(|_| Malformed)?;
        self.0 = rest;
        Ok((element.header.class(), element.header.tag().0, element.data))
    }

    fn time(&mut self) -> Result<i64, Malformed> {
        let (rest, time) = ASN1Time::from_der(self.0).map_err(|_| Malformed)?;
        self.0 = rest;
        Ok(time.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_surprise(bytes in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
            prop_assert_eq!(parse(&bytes), Err(Malformed));
            // One that says that an answer follows.
            let mut framed = vec![0x30, 3 + body.len().min(100) as u8, 0x0a, 1, 0];
            framed.extend(body.iter().take(100));
            prop_assert_eq!(parse(&framed), Err(Malformed));
            let _ = answer(&body);
        }
    }

    #[test]
    fn a_responder_without_an_answer_says_why() {
        assert_eq!(parse(&[0x30, 3, 0x0a, 1, 3]), Ok(Response::Refused("try later")));
    }
}
