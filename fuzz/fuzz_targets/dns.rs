//! A DNS server's bytes, and the system's files: nothing panics, and addresses come only from an answer to the question
//! that was asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizan_policy::discover::answers::{Addresses, Answer, Rules};
use mizan_policy::discover::system;
use std::net::IpAddr;

#[allow(dead_code, reason = "the proxy uses more of it")]
#[path = "../../proxy/src/discover/message.rs"]
mod message;

use hickory_proto::op::Message;
use message::{Family, Question};

fuzz_target!(|data: &[u8]| {
    let [family, rest @ ..] = data else { return };
    let family = if family & 1 == 0 { Family::V4 } else { Family::V6 };
    let question = Question::new("my_api", family).expect("a name");
    if let Ok(message) = Message::from_vec(rest) {
        take_in(&question.answer(&message), family);
    }
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = (system::servers(text), system::hosts(text, "my_api"), system::localhost(text));
        let _ = Question::new(text, family);
    }
});

/// Whatever was answered: what is in use is sorted, of the family, and each address once.
fn take_in(answer: &Answer, family: Family) {
    let mut addresses = Addresses::default();
    addresses.on_answer(answer, &Rules::default(), 0);
    let in_use = addresses.in_use();
    assert!(in_use.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(in_use.iter().all(|address: &IpAddr| address.is_ipv4() == (family == Family::V4)));
    if let Answer::Addresses { addresses, .. } = answer {
        assert!(!addresses.is_empty());
    }
}
