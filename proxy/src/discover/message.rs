//! A question, and what a server's message answers. Knows hickory-proto and nothing else, so that fuzzing builds it alone.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use mizan_policy::discover::answers::{Answer, Failure, Negative};
use std::net::IpAddr;
use std::time::Duration;

/// Aliases followed within one answer.
const ALIASES: usize = 16;

/// One question: the addresses of a name in one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    name: Name,
    kind: RecordType,
}

impl Question {
    /// `None` when no DNS name can be like that. Underscores can: Compose has them.
    pub(super) fn new(host: &str, family: Family) -> Option<Self> {
        let mut name = Name::from_str_relaxed(host).ok()?;
        name.set_fqdn(true);
        Some(Self { name, kind: family.record() })
    }

    pub(super) fn name(&self) -> Name {
        self.name.clone()
    }

    pub(super) fn kind(&self) -> RecordType {
        self.kind
    }

    /// What a server's message says of the name.
    pub(super) fn answer(&self, message: &Message) -> Answer {
        match message.metadata.response_code {
            ResponseCode::NoError => self.addresses(&message.answers),
            ResponseCode::NXDomain => Answer::Negative(Negative::NoSuchName),
            code => Answer::Failed(Failure::Code(code.into())),
        }
    }

    /// The addresses of the name or of what it is an alias of; the TTL is the shortest on the way.
    fn addresses(&self, records: &[Record]) -> Answer {
        let (mut name, mut ttl) = (&self.name, u32::MAX);
        for _ in 0..ALIASES {
            let named = || records.iter().filter(|record| record.name == *name);
            let alias = named().find_map(|record| match &record.data {
                RData::CNAME(target) => Some((&target.0, record.ttl)),
                _ => None,
            });
            if let Some((target, alias_ttl)) = alias {
                (name, ttl) = (target, ttl.min(alias_ttl));
                continue;
            }
            let found: Vec<_> =
                named().filter_map(|record| Some((self.address(record)?, record.ttl))).collect();
            if found.is_empty() {
                break;
            }
            let ttl = found.iter().map(|&(_, record_ttl)| record_ttl).fold(ttl, u32::min);
            let addresses = found.into_iter().map(|(address, _)| address).collect();
            return Answer::Addresses { addresses, ttl: Duration::from_secs(ttl.into()) };
        }
        Answer::Negative(Negative::NoAddress)
    }

    /// 0.0.0.0 is how filters say no; a connect to it would end at this machine.
    fn address(&self, record: &Record) -> Option<IpAddr> {
        let address = match (&record.data, self.kind) {
            (RData::A(address), RecordType::A) => IpAddr::V4(address.0),
            (RData::AAAA(address), RecordType::AAAA) => IpAddr::V6(address.0),
            _ => return None,
        };
        (!address.is_unspecified()).then_some(address)
    }
}

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn record(self) -> RecordType {
        match self {
            Self::V4 => RecordType::A,
            Self::V6 => RecordType::AAAA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{OpCode, Query};
    use hickory_proto::rr::rdata::{A, CNAME};
    use std::net::Ipv4Addr;

    const ID: u16 = 0xABCD;

    fn question() -> Question {
        Question::new("my_api", Family::V4).expect("a name")
    }

    fn response(records: Vec<(&str, u32, RData)>) -> Message {
        let mut message = Message::response(ID, OpCode::Query);
        message.add_query(Query::query(question().name, RecordType::A));
        for (name, ttl, data) in records {
            let mut name = Name::from_str_relaxed(name).unwrap();
            name.set_fqdn(true);
            message.add_answer(Record::from_rdata(name, ttl, data));
        }
        message
    }

    fn a(last: u8) -> RData {
        RData::A(A(Ipv4Addr::new(10, 0, 0, last)))
    }

    fn alias(to: &str) -> RData {
        let mut name = Name::from_str_relaxed(to).unwrap();
        name.set_fqdn(true);
        RData::CNAME(CNAME(name))
    }

    fn read(message: &Message) -> Answer {
        question().answer(message)
    }

    fn addresses(last: &[u8], seconds: u64) -> Answer {
        let addresses = last.iter().map(|&last| IpAddr::from([10, 0, 0, last])).collect();
        Answer::Addresses { addresses, ttl: Duration::from_secs(seconds) }
    }

    #[test]
    fn addresses_come_with_the_shortest_ttl() {
        let reply = read(&response(vec![("MY_API", 600, a(2)), ("my_api", 30, a(3))]));
        assert_eq!(reply, addresses(&[2, 3], 30));
    }

    #[test]
    fn aliases_are_followed_and_strangers_are_not() {
        let records =
            vec![("b", 300, a(9)), ("my_api", 20, alias("a")), ("a", 60, alias("b")), ("other", 1, a(66))];
        assert_eq!(read(&response(records)), addresses(&[9], 20));
    }

    #[test]
    fn an_alias_of_itself_ends() {
        let reply = read(&response(vec![("my_api", 20, alias("my_api"))]));
        assert_eq!(reply, Answer::Negative(Negative::NoAddress));
    }

    #[test]
    fn no_address_is_negative_and_so_is_the_unspecified_one() {
        for records in [vec![], vec![("my_api", 1, RData::A(A(Ipv4Addr::UNSPECIFIED)))]] {
            assert_eq!(read(&response(records)), Answer::Negative(Negative::NoAddress));
        }
    }

    #[test]
    fn codes_are_told_apart() {
        for (code, answer) in [
            (ResponseCode::NXDomain, Answer::Negative(Negative::NoSuchName)),
            (ResponseCode::ServFail, Answer::Failed(Failure::Code(2))),
            (ResponseCode::Refused, Answer::Failed(Failure::Code(5))),
        ] {
            let mut message = response(vec![]);
            message.metadata.response_code = code;
            assert_eq!(read(&message), answer);
        }
    }

    #[test]
    fn a_name_that_cannot_be_is_no_question() {
        assert_eq!(Question::new(&"x".repeat(64), Family::V4), None);
        assert!(Question::new("api.p_default", Family::V4).is_some());
    }
}
