//! Every rule by which a request is refused: its status, its name in logs and metrics, and a sentence for a person.

use std::fmt;

/// A request that is refused. The connection is closed after the answer, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with.
    pub status: u16,
    /// The rule that was broken.
    pub rule: Rule,
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self { status: rule.status(), rule }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.rule, self.rule.explain())
    }
}

/// One enum from one table, so that a rule has a name, a status and a sentence or does not compile.
macro_rules! rules {
    ($($variant:ident $status:literal $name:literal $explain:literal)+) => {
        /// What a request broke. `Display` is its stable name; [`Rule::explain`] says it in a sentence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rule {
            $(#[doc = $explain] $variant,)+
        }

        impl Rule {
            /// All rules, for metrics that want every label from the start, and for the docs.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)+];

            /// The status a request that breaks the rule is answered with.
            pub fn status(self) -> u16 {
                match self { $(Rule::$variant => $status,)+ }
            }

            /// The stable name: what logs and metrics say.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name,)+ }
            }

            /// A sentence for the log.
            pub fn explain(self) -> &'static str {
                match self { $(Rule::$variant => $explain,)+ }
            }
        }
    };
}

rules! {
    HeadTooLarge 431 "head-too-large" "the request head is larger than the limit"
    TooManyFields 431 "too-many-fields" "the request has more fields than the limit"
    TargetTooLong 414 "target-too-long" "the request target is longer than the limit"
    HeadIncomplete 400 "head-incomplete" "the head does not end with one blank line"
    NotHttp 400 "not-http" "the first byte cannot start a method: TLS or another protocol on a port for plain HTTP"
    LeadingLines 400 "leading-lines" "more empty lines come before the request line than a client can have left over"
    BareLineFeed 400 "bare-line-feed" "a line ends with LF instead of CR LF"
    BareCarriageReturn 400 "bare-carriage-return" "a CR is not followed by LF"
    ControlByte 400 "control-byte" "a line contains NUL or another control byte"
    MethodInvalid 400 "method-invalid" "the method is not a token"
    MethodTooLong 501 "method-too-long" "the method is longer than any that exists"
    MethodRefused 405 "method-refused" "TRACE and CONNECT are not served"
    RequestLine 400 "request-line" "the request line is not method, target and version with one space between them"
    VersionMissing 400 "version-missing" "the request line has no version, as in HTTP/0.9"
    VersionUnsupported 505 "version-unsupported" "the version is neither HTTP/1.0 nor HTTP/1.1"
    TargetForm 400 "target-form" "the target is neither a path, nor an absolute http address, nor * for OPTIONS"
    TargetByte 400 "target-byte" "the target contains a byte that belongs percent-encoded, or a fragment"
    TargetEscape 400 "target-escape" "a % in the path is not followed by two hexadecimal digits"
    TargetNul 400 "target-nul" "the target contains %00"
    FieldFolded 400 "field-folded" "a field line starts with white space"
    FieldName 400 "field-name" "a field name is not a token"
    FieldNameSpace 400 "field-name-space" "white space stands between a field name and its colon"
    FieldWithoutColon 400 "field-without-colon" "a field line has no colon"
    HostMissing 400 "host-missing" "an HTTP/1.1 request has no Host field"
    HostRepeated 400 "host-repeated" "there is more than one Host field"
    HostInvalid 400 "host-invalid" "the host is not a name or an address with an optional port"
    HostDisagrees 400 "host-disagrees" "the Host field and the target name different hosts"
    ContentLengthInvalid 400 "content-length-invalid" "Content-Length is not a number, or too large for one"
    ContentLengthRepeated 400 "content-length-repeated" "there is more than one Content-Length"
    EncodingRepeated 400 "transfer-encoding-repeated" "Transfer-Encoding is a list, empty or repeated"
    EncodingUnknown 501 "transfer-encoding-unknown" "the transfer coding is not chunked"
    EncodingInHttp10 400 "transfer-encoding-in-http-1.0" "Transfer-Encoding does not exist in HTTP/1.0"
    EncodingWithLength 400 "transfer-encoding-with-content-length" "Content-Length and Transfer-Encoding contradict each other"
    ExpectUnknown 417 "expect-unknown" "Expect is not 100-continue"
    ConnectionOptions 400 "connection-options" "Connection has more options than any client sends"
    ConnectionField 400 "connection-field" "an HTTP/2 request carries a field of an HTTP/1 connection"
    PathMissing 400 "path-missing" "an HTTP/2 request has no :path"
    ChunkSize 400 "chunk-size" "the size of a chunk is not hexadecimal digits alone"
    ChunkSizeTooLarge 400 "chunk-size-too-large" "the size of a chunk is too large for a number"
    ChunkExtension 400 "chunk-extension" "a chunk extension is too long or contains a control byte"
    ChunkEnd 400 "chunk-end" "the data of a chunk is not followed by CR LF"
    TrailerInvalid 400 "trailer-invalid" "a trailer is not name, colon, value and CR LF"
    TrailerForbidden 400 "trailer-forbidden" "a trailer names a field that only a head may carry"
    TrailersTooLarge 431 "trailers-too-large" "the trailers are larger than the limit"
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_the_status_of_a_refusal() {
        let names: HashSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!((400..=599).contains(&rule.status()), "{rule}");
            assert!(
                rule.name()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
                "{rule}"
            );
        }
    }
}
