//! A complete HTTP/1 request head against every rule (RFC 9112, RFC 9110), in one pass and without allocation.

use super::bytes::{TOKEN, is_control, list};
use super::fields::{Fields, Line, line, line_end};
use super::finder::METHOD;
use super::target::{Form, form_of};
use super::{HeadLimits, Refusal, Rule, encoding, host, length};

/// Options of all Connection fields together. Browsers send two; the bound keeps hop-by-hop rules cheap.
const CONNECTION_OPTIONS: usize = 32;

/// How the body of a request ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Neither length nor encoding: no body.
    None,
    /// Content-Length, 0 included.
    Length(u64),
    /// Transfer-Encoding: chunked. [`super::ChunkScanner`] finds the end.
    Chunked,
}

/// What a request head says, once all rules are met.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts of one head, independent of each other")]
pub struct RequestHead<'a> {
    /// Any token but TRACE and CONNECT.
    pub method: &'a str,
    /// As it was sent.
    pub target: &'a str,
    /// Else HTTP/1.0.
    pub http11: bool,
    pub body: Body,
    /// Whether the client means to send another request: by version and Connection.
    pub keep_alive: bool,
    /// `Expect: 100-continue` from a client that can understand the answer.
    pub expect_continue: bool,
    /// The one Upgrade field where Connection nominates it; see [`super::upgrade_allowed`].
    pub upgrade: Option<&'a str>,
    /// Host and port, valid: from an absolute target, else the Host field. `None` only in HTTP/1.0.
    pub authority: Option<&'a str>,
    /// The target is an absolute address: [`super::normalise`] must come before the head goes on.
    pub absolute: bool,
    /// The fields as they were sent.
    pub fields: Fields<'a>,
    /// Path and query of an absolute target; may be empty or start with `?`.
    pub(super) rest: &'a str,
    /// There is a Host field.
    pub(super) host_field: bool,
}

/// Applies every rule to `head`: the request line, the fields and the blank line, nothing before or after.
pub fn check_request<'a>(head: &'a [u8], limits: &HeadLimits) -> Result<RequestHead<'a>, Refusal> {
    if head.len() > limits.size {
        return Err(Rule::HeadTooLarge.into());
    }
    Ok(check(head, limits)?)
}

fn check<'a>(head: &'a [u8], limits: &HeadLimits) -> Result<RequestHead<'a>, Rule> {
    let request = request_line(head, limits)?;
    let mut seen = Seen::default();
    let mut at = request.next;
    let mut count = 0;
    while let Some(field) = line(head, at)? {
        count += 1;
        if count > limits.fields {
            return Err(Rule::TooManyFields);
        }
        seen.take(&field, request.http11)?;
        at = field.next;
    }
    if at + 2 != head.len() {
        return Err(Rule::HeadIncomplete);
    }
    finish(&request, &seen, Fields::checked(&head[request.next..]))
}

struct RequestLine<'a> {
    method: &'a str,
    target: &'a str,
    form: Form<'a>,
    http11: bool,
    next: usize,
}

fn request_line<'a>(head: &'a [u8], limits: &HeadLimits) -> Result<RequestLine<'a>, Rule> {
    let mut space = 0;
    while head.get(space).is_some_and(|&b| TOKEN[usize::from(b)]) {
        space += 1;
    }
    let (method, after) = head.split_at(space);
    if space == 0 || after.first() != Some(&b' ') {
        return Err(broken_method(after, space));
    }
    if method.len() > METHOD {
        return Err(Rule::MethodTooLong);
    }
    // In any case: there are applications that fold it.
    if method.eq_ignore_ascii_case(b"TRACE") || method.eq_ignore_ascii_case(b"CONNECT") {
        return Err(Rule::MethodRefused);
    }
    let after = &after[1..];
    let end = memchr::memchr3(b' ', b'\r', b'\n', after).ok_or(Rule::HeadIncomplete)?;
    if end > limits.target {
        return Err(Rule::TargetTooLong);
    }
    let target = &after[..end];
    if after[end] != b' ' {
        line_end(after, end)?;
        return Err(Rule::VersionMissing);
    }
    let form = form_of(target, method)?;
    let version = space + 1 + end + 1;
    let http11 = version_is_11(&head[version..])?;
    let next = line_end(head, version + 8)?;
    Ok(RequestLine { method: text(method), target: text(target), form, http11, next })
}

#[cold]
fn broken_method(after: &[u8], length: usize) -> Rule {
    match after.first() {
        None => Rule::HeadIncomplete,
        Some(b'\r' | b'\n') => line_end(after, 0).err().unwrap_or(Rule::RequestLine),
        Some(b' ' | b'\t') => Rule::RequestLine,
        Some(&byte) if length == 0 && !is_control(byte) => Rule::MethodInvalid,
        Some(_) if length == 0 => Rule::NotHttp,
        Some(_) => Rule::MethodInvalid,
    }
}

/// Exactly `HTTP/1.0` or `HTTP/1.1` with the end of the line behind it.
fn version_is_11(after: &[u8]) -> Result<bool, Rule> {
    match after {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b'\r' | b'\n', ..] => Ok(true),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b'\r' | b'\n', ..] => Ok(false),
        [b'H', b'T', b'T', b'P', b'/', a, b'.', b, b'\r', b'\n', ..]
            if a.is_ascii_digit() && b.is_ascii_digit() =>
        {
            Err(Rule::VersionUnsupported)
        }
        _ => Err(Rule::RequestLine),
    }
}

/// What the fields say of framing, host and connection.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was seen or not")]
struct Seen<'a> {
    host: Option<&'a str>,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    options: usize,
    upgrade_nominated: bool,
    upgrade: Option<&'a [u8]>,
    upgrades: usize,
    expect_continue: bool,
}

impl<'a> Seen<'a> {
    fn take(&mut self, field: &Line<'a>, http11: bool) -> Result<(), Rule> {
        let (name, value) = (field.name, field.value);
        // By length first: most fields are none of these.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value),
            6 if name.eq_ignore_ascii_case(b"expect") => self.expect(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = Some(value);
                self.upgrades += 1;
                Ok(())
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value, http11),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &'a [u8]) -> Result<(), Rule> {
        if self.host.is_some() {
            return Err(Rule::HostRepeated);
        }
        self.host = Some(host::checked(value).ok_or(Rule::HostInvalid)?);
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), Rule> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Rule::ExpectUnknown);
        }
        self.expect_continue = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), Rule> {
        for option in list(value) {
            self.options += 1;
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.upgrade_nominated |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
        if self.options > CONNECTION_OPTIONS { Err(Rule::ConnectionOptions) } else { Ok(()) }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Rule> {
        if self.chunked {
            return Err(Rule::EncodingWithLength);
        }
        if self.length.is_some() {
            return Err(Rule::ContentLengthRepeated);
        }
        self.length = Some(length::length_of(value).ok_or(Rule::ContentLengthInvalid)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8], http11: bool) -> Result<(), Rule> {
        if !http11 {
            return Err(Rule::EncodingInHttp10);
        }
        if self.length.is_some() {
            return Err(Rule::EncodingWithLength);
        }
        if self.chunked {
            return Err(Rule::EncodingRepeated);
        }
        encoding::check_encoding(value)?;
        self.chunked = true;
        Ok(())
    }

    fn body(&self) -> Body {
        match (self.chunked, self.length) {
            (true, _) => Body::Chunked,
            (false, Some(length)) => Body::Length(length),
            (false, None) => Body::None,
        }
    }

    /// RFC 9112 §9.3: `close` wins over everything.
    fn keeps_alive(&self, http11: bool) -> bool {
        !self.close && (http11 || self.keep_alive)
    }

    /// Two Upgrade fields are as good as none: nobody sends them, and only the first would be judged.
    fn upgrade(&self, http11: bool) -> Option<&'a str> {
        if !http11 || !self.upgrade_nominated || self.upgrades != 1 {
            return None;
        }
        self.upgrade.and_then(|value| std::str::from_utf8(value).ok())
    }
}

fn finish<'a>(
    request: &RequestLine<'a>,
    seen: &Seen<'a>,
    fields: Fields<'a>,
) -> Result<RequestHead<'a>, Rule> {
    if request.http11 && seen.host.is_none() {
        return Err(Rule::HostMissing);
    }
    let (authority, rest, absolute) = match request.form {
        Form::Origin | Form::Asterisk => (seen.host, request.target, false),
        Form::Absolute { authority, rest, default_port } => {
            let authority = host::checked(authority).ok_or(Rule::HostInvalid)?;
            if seen.host.is_some_and(|host| !host::agree(host, authority, default_port)) {
                return Err(Rule::HostDisagrees);
            }
            (Some(authority), text(rest), true)
        }
    };
    Ok(RequestHead {
        method: request.method,
        target: request.target,
        http11: request.http11,
        body: seen.body(),
        keep_alive: seen.keeps_alive(request.http11),
        expect_continue: seen.expect_continue && request.http11,
        upgrade: seen.upgrade(request.http11),
        authority,
        absolute,
        fields,
        rest,
        host_field: seen.host.is_some(),
    })
}

/// Bytes that were found to be ASCII, as text.
fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}
