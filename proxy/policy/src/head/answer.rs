//! An upstream's answer: what makes its end or its meaning uncertain is a 502, whatever the client asked.
//!
//! The engine has parsed it; these are the same rules for length, encoding, names and values as for requests.

use std::fmt;

use super::bytes::{control_at, is_token};
use super::{encoding, length, upgrade};

/// What the request was, as far as it decides what the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// HEAD: an answer has no body whatever it says.
    pub head_method: bool,
    /// An upgrade went on to the upstream: a 101 is an answer to it.
    pub upgrade: bool,
}

/// What an answer broke. `Display` is its stable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerFault {
    /// The head is larger than the limit.
    HeadTooLarge,
    /// A field name is not a token.
    FieldName,
    /// A field value contains a control byte.
    ControlByte,
    /// Content-Length is not a number.
    ContentLengthInvalid,
    /// More than one Content-Length.
    ContentLengthRepeated,
    /// Transfer-Encoding is not `chunked`, once.
    Encoding,
    /// Content-Length and Transfer-Encoding.
    EncodingWithLength,
    /// A 101 that nobody asked for.
    SwitchUnasked,
    /// A 101 to another version of HTTP.
    SwitchToHttp,
    /// A body where the status has none (1xx, 204).
    BodyUnexpected,
}

impl AnswerFault {
    /// The stable name: what logs and metrics say.
    pub fn name(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "answer-head-too-large",
            Self::FieldName => "answer-field-name",
            Self::ControlByte => "answer-control-byte",
            Self::ContentLengthInvalid => "answer-content-length-invalid",
            Self::ContentLengthRepeated => "answer-content-length-repeated",
            Self::Encoding => "answer-transfer-encoding",
            Self::EncodingWithLength => "answer-transfer-encoding-with-content-length",
            Self::SwitchUnasked => "answer-switch-unasked",
            Self::SwitchToHttp => "answer-switch-to-http",
            Self::BodyUnexpected => "answer-body-unexpected",
        }
    }

    /// A sentence for the log.
    pub fn explain(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "the head of the upstream's answer is larger than the limit",
            Self::FieldName => "a field name of the upstream's answer is not a token",
            Self::ControlByte => "a field value of the upstream's answer contains a control byte",
            Self::ContentLengthInvalid => "the upstream's Content-Length is not a number",
            Self::ContentLengthRepeated => "the upstream sent more than one Content-Length",
            Self::Encoding => "the upstream's Transfer-Encoding is not chunked, once",
            Self::EncodingWithLength => "the upstream sent both Content-Length and Transfer-Encoding",
            Self::SwitchUnasked => "the upstream switched protocols though nobody asked it to",
            Self::SwitchToHttp => "the upstream switched to another version of HTTP",
            Self::BodyUnexpected => "the upstream announced a body with a status that has none",
        }
    }
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Applies the rules to an answer's status and fields. `max_size` bounds names and values with four bytes a field for
/// colon, space and line end: the size of the head without its status line.
pub fn check_answer<'a>(
    status: u16,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    asked: Asked,
    max_size: usize,
) -> Result<(), AnswerFault> {
    if status == 101 && !asked.upgrade {
        return Err(AnswerFault::SwitchUnasked);
    }
    let mut size = 0_usize;
    let mut framing = Framing::default();
    for (name, value) in fields {
        size += name.len() + value.len() + 4;
        if size > max_size {
            return Err(AnswerFault::HeadTooLarge);
        }
        if !is_token(name.as_bytes()) {
            return Err(AnswerFault::FieldName);
        }
        if control_at(value, 0) < value.len() {
            return Err(AnswerFault::ControlByte);
        }
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => framing.content_length(value)?,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => framing.transfer_encoding(value)?,
            7 if status == 101 && name.eq_ignore_ascii_case("upgrade") && !switches_away(value) => {
                return Err(AnswerFault::SwitchToHttp);
            }
            _ => {}
        }
    }
    framing.suits(status, asked)
}

/// Whether the protocols of an Upgrade field are none of HTTP's own.
fn switches_away(upgrade: &[u8]) -> bool {
    std::str::from_utf8(upgrade).is_ok_and(|value| !upgrade::names_http(value))
}

#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    fn content_length(&mut self, value: &[u8]) -> Result<(), AnswerFault> {
        if self.length.is_some() {
            return Err(AnswerFault::ContentLengthRepeated);
        }
        self.length = Some(length::length_of(value).ok_or(AnswerFault::ContentLengthInvalid)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), AnswerFault> {
        if self.chunked || encoding::check_encoding(value).is_err() {
            return Err(AnswerFault::Encoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// RFC 9110 §8.6, RFC 9112 §6.1: no encoding and no length with 1xx and 204. `Content-Length: 0` is common there and
    /// means the same. An answer to HEAD and a 304 describe a body that they do not have.
    fn suits(&self, status: u16, asked: Asked) -> Result<(), AnswerFault> {
        if self.chunked && self.length.is_some() {
            return Err(AnswerFault::EncodingWithLength);
        }
        let bodiless = status < 200 || (status == 204 && !asked.head_method);
        if bodiless && (self.chunked || self.length.is_some_and(|length| length > 0)) {
            return Err(AnswerFault::BodyUnexpected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Asked = Asked { head_method: false, upgrade: false };
    const HEAD: Asked = Asked { head_method: true, upgrade: false };
    const UPGRADE: Asked = Asked { head_method: false, upgrade: true };

    fn verdict(
        status: u16,
        fields: &[(&'static str, &'static str)],
        asked: Asked,
    ) -> Result<(), AnswerFault> {
        check_answer(status, fields.iter().map(|(name, value)| (*name, value.as_bytes())), asked, 1000)
    }

    #[test]
    fn ordinary_answers_pass() {
        for (status, fields, asked) in [
            (200, [("content-length", "5")].as_slice(), PLAIN),
            (
                200,
                &[("Transfer-Encoding", "chunked"), ("Set-Cookie", "a=\u{e9}"), ("Set-Cookie", "b\t")],
                PLAIN,
            ),
            (200, &[], PLAIN),
            (200, &[("content-length", "5")], HEAD),
            (200, &[("transfer-encoding", "chunked")], HEAD),
            (204, &[], PLAIN),
            (204, &[("content-length", "0")], PLAIN),
            (204, &[("content-length", "5")], HEAD),
            (304, &[("content-length", "5")], PLAIN),
            (100, &[], PLAIN),
            (103, &[("link", "</a>")], PLAIN),
            (101, &[("connection", "upgrade"), ("upgrade", "websocket")], UPGRADE),
            (101, &[], UPGRADE),
            (200, &[("upgrade", "h2,h2c"), ("connection", "upgrade")], PLAIN),
            (200, &[("x", "")], PLAIN),
        ] {
            assert_eq!(verdict(status, fields, asked), Ok(()), "{status} {fields:?}");
        }
    }

    #[test]
    fn an_answer_whose_end_is_not_certain_is_refused() {
        use AnswerFault as F;
        for (status, fields, asked, fault) in [
            (
                200,
                [("content-length", "5"), ("content-length", "5")].as_slice(),
                PLAIN,
                F::ContentLengthRepeated,
            ),
            (200, &[("content-length", "5"), ("content-length", "6")], PLAIN, F::ContentLengthRepeated),
            (200, &[("content-length", "5, 5")], PLAIN, F::ContentLengthInvalid),
            (200, &[("content-length", "+5")], PLAIN, F::ContentLengthInvalid),
            (200, &[("content-length", "")], HEAD, F::ContentLengthInvalid),
            (200, &[("transfer-encoding", "xchunked")], PLAIN, F::Encoding),
            (200, &[("transfer-encoding", "gzip, chunked")], PLAIN, F::Encoding),
            (200, &[("transfer-encoding", "identity")], PLAIN, F::Encoding),
            (200, &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], PLAIN, F::Encoding),
            (200, &[("transfer-encoding", "chunked"), ("content-length", "5")], PLAIN, F::EncodingWithLength),
            (200, &[("content-length", "5"), ("transfer-encoding", "chunked")], HEAD, F::EncodingWithLength),
            (204, &[("content-length", "5")], PLAIN, F::BodyUnexpected),
            (204, &[("transfer-encoding", "chunked")], PLAIN, F::BodyUnexpected),
            (103, &[("content-length", "5")], PLAIN, F::BodyUnexpected),
            (101, &[("transfer-encoding", "chunked")], UPGRADE, F::BodyUnexpected),
        ] {
            assert_eq!(verdict(status, fields, asked), Err(fault), "{status} {fields:?}");
        }
    }

    #[test]
    fn a_switch_that_nobody_asked_for_or_to_http_is_refused() {
        assert_eq!(verdict(101, &[("upgrade", "websocket")], PLAIN), Err(AnswerFault::SwitchUnasked));
        assert_eq!(verdict(101, &[("upgrade", "websocket, H2C")], UPGRADE), Err(AnswerFault::SwitchToHttp));
    }

    #[test]
    fn names_values_and_size_are_checked() {
        assert_eq!(verdict(200, &[("a b", "c")], PLAIN), Err(AnswerFault::FieldName));
        assert_eq!(verdict(200, &[("", "c")], PLAIN), Err(AnswerFault::FieldName));
        assert_eq!(verdict(200, &[("a", "b\r\nc: d")], PLAIN), Err(AnswerFault::ControlByte));
        assert_eq!(verdict(200, &[("a", "\0")], PLAIN), Err(AnswerFault::ControlByte));
        let value = "v".repeat(995);
        let fields = |value: &'static str| [("a", value)];
        assert_eq!(verdict(200, &fields(value.clone().leak()), PLAIN), Ok(()));
        assert_eq!(verdict(200, &fields(format!("{value}v").leak()), PLAIN), Err(AnswerFault::HeadTooLarge));
    }
}
