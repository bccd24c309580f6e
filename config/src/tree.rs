//! YAML into a tree whose every node knows its place in the source.

use crate::decode::Context;
use crate::problems::printable;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    DuplicateKeyPolicy, Location, MessageFormatter, NonFiniteFloatPolicy, Options, Spanned,
    UserMessageFormatter,
};
use std::fmt;
use std::ops::Range;

/// Nesting beyond this is refused; mizan.yml itself needs less than 10.
const MAX_DEPTH: usize = 32;
/// Lists, mappings and scalars together, aliases counted each time: ends a "billion laughs" early.
const MAX_NODES: usize = 500_000;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Bytes of the source. A list or mapping has only its beginning.
    pub(crate) span: Range<usize>,
    /// From 1. Where the node is used, when an alias or merge key brings it from elsewhere.
    pub(crate) line: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// As written: `010` and `1.10` keep their zeros.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// For "must be ..., not ...".
    pub(crate) fn described(&self) -> &'static str {
        match self.kind {
            Kind::Null => "empty",
            Kind::Bool(_) => "`true` or `false`",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// The tree, or `None` after a problem that leaves none. A duplicate key is a problem, but leaves a tree in which the
/// first counts.
pub(crate) fn parse(text: &str, context: &mut Context<'_>) -> Option<Node> {
    match raw(text, DuplicateKeyPolicy::Error) {
        Ok(root) => Some(located(root, text)),
        Err(error) => {
            report(&error, text, context);
            match cause(&error) {
                serde_saphyr::Error::DuplicateMappingKey { .. } => {
                    raw(text, DuplicateKeyPolicy::FirstWins).ok().map(|root| located(root, text))
                }
                _ => None,
            }
        }
    }
}

fn raw(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Result<Spanned<Raw>, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, options(duplicate_keys))
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_documents: 1,
        },
    }
}

fn report(error: &serde_saphyr::Error, text: &str, context: &mut Context<'_>) {
    let bare = cause(error);
    let span = error.location().map_or(0..0, |location| span(location, text));
    let (message, hint) = match bare {
        serde_saphyr::Error::DuplicateMappingKey { .. } => {
            let key = text.get(span.clone()).unwrap_or_default();
            (format!("`{}` is here twice", printable(key)), "keep one of the two")
        }
        serde_saphyr::Error::Budget { .. } => {
            ("the file is too large or too deeply nested".into(), "are there aliases within aliases?")
        }
        _ => (
            format!("this is not YAML: {}", printable(&UserMessageFormatter.format_message(bare))),
            "look at the indentation, the quotes and the brackets here and on the line before",
        ),
    };
    context.hide_sensitive_lines();
    context.problem(&span, message).hint(hint);
}

/// Without the aliases and drawings around it.
fn cause(error: &serde_saphyr::Error) -> &serde_saphyr::Error {
    match error {
        serde_saphyr::Error::AliasError { error, .. } | serde_saphyr::Error::WithSnippet { error, .. } => {
            cause(error)
        }
        error => error,
    }
}

fn located(raw: Spanned<Raw>, text: &str) -> Node {
    let span = span(raw.defined, text);
    let line = usize::try_from(raw.referenced.line()).unwrap_or(0);
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(value) => Kind::Bool(value),
        Raw::Number => Kind::Number(text.get(span.clone()).unwrap_or_default().trim().to_owned()),
        Raw::Text(value) => Kind::Text(value),
        Raw::List(items) => Kind::List(items.into_iter().map(|item| located(item, text)).collect()),
        Raw::Map(entries) => Kind::Map(
            entries.into_iter().map(|(key, value)| (located(key, text), located(value, text))).collect(),
        ),
    };
    Node { kind, span, line }
}

/// Bytes of the source. After some syntax errors the parser knows characters only.
fn span(location: Location, text: &str) -> Range<usize> {
    let span = location.span();
    if let Some((start, length)) = span.byte_offset().zip(span.byte_len()) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        return start..start.saturating_add(usize::try_from(length).unwrap_or(0));
    }
    let characters = usize::try_from(span.offset()).unwrap_or(usize::MAX);
    let start = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    start..start
}

/// What serde-saphyr hands over; its own guess of a number is dropped for the source as written.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
