//! YAML whose scalars stay as their author wrote them.
//!
//! The two generations of Compose read plain scalars by different rules: `22:22`, `yes` and `0755` are numbers and
//! booleans to one, text to the other. So a plain scalar is never interpreted here: it is written as it was read, and
//! either Compose makes of it what it made of it before. What was quoted stays quoted.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter, NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter};
use std::fmt;

/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 64;
/// Lists, mappings and scalars together, aliases counted each time.
const MAX_NODES: usize = 200_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Scalar(Scalar),
    List(Vec<Self>),
    /// In the order of the file; what merge keys bring stands where the parser puts it.
    Map(Vec<(Scalar, Self)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    /// On one line and without quotes: `3000`, `true`, `yes`, `${X:?}`, or nothing at all.
    Plain(String),
    /// Text that was quoted, or went over several lines; without its quotes.
    Text(String),
}

impl Scalar {
    pub(super) fn as_str(&self) -> &str {
        let (Self::Plain(text) | Self::Text(text)) = self;
        text
    }
}

impl Node {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::Text(text.into()))
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::Plain(text.into()))
    }

    /// The value of a mapping's key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
    }

    /// Empty for what is no mapping.
    pub(super) fn entries(&self) -> &[(Scalar, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// Empty for what is no list.
    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// A scalar's text; an empty value has none.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Scalar(Scalar::Plain(text)) if matches!(text.as_str(), "" | "~" | "null") => None,
            Self::Scalar(scalar) => Some(scalar.as_str()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// An error is a sentence that begins with line and column.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let raw: Spanned<Raw> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| sentence(&error))?;
    node(raw, &Source::new(text))
}

fn options() -> Options {
    serde_saphyr::options! {
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

fn sentence(error: &serde_saphyr::Error) -> String {
    let place = error
        .location()
        .map(|location| format!("{}:{}: ", location.line(), location.column()))
        .unwrap_or_default();
    format!("{place}{}", UserMessageFormatter.format_message(cause(error)))
}

/// Without the aliases around it.
fn cause(error: &serde_saphyr::Error) -> &serde_saphyr::Error {
    match error {
        serde_saphyr::Error::AliasError { error, .. } | serde_saphyr::Error::WithSnippet { error, .. } => {
            cause(error)
        }
        error => error,
    }
}

struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// What stands before the scalar, and the scalar itself, as written where it was defined: an alias stands for it.
    fn written(&self, location: serde_saphyr::Location) -> Option<(&'a str, &'a str)> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        Some((self.0.get(..start)?, self.0.get(start..end)?.trim_end()))
    }
}

fn node(raw: Spanned<Raw>, source: &Source<'_>) -> Result<Node, String> {
    Ok(match raw.value {
        Raw::List(items) => {
            Node::List(items.into_iter().map(|item| node(item, source)).collect::<Result<_, _>>()?)
        }
        Raw::Map(entries) => {
            let entry = |(key, value): (Spanned<Raw>, Spanned<Raw>)| match node(key, source)? {
                Node::Scalar(key) => Ok((key, node(value, source)?)),
                Node::List(_) | Node::Map(_) => {
                    Err("a list or mapping is the key of a mapping: Compose has no such thing".to_owned())
                }
            };
            Node::Map(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
        }
        Raw::Plain => Node::Scalar(Scalar::Plain(
            source.written(raw.defined).map(|(_, written)| written.to_owned()).unwrap_or_default(),
        )),
        Raw::Text(text) => Node::Scalar(match source.written(raw.defined) {
            Some((before, written)) if written == text && !announced(before) => Scalar::Plain(text),
            _ => Scalar::Text(text),
        }),
    })
}

/// Whether what stands before says that text comes: a tag such as `!!str`, or the `|` or `>` of a block.
fn announced(before: &str) -> bool {
    let line = before.trim_end().rsplit('\n').next().unwrap_or_default();
    let last = line.split_whitespace().take_while(|word| !word.starts_with('#')).last();
    last.is_some_and(|word| word.starts_with(['!', '|', '>']))
}

/// What serde-saphyr hands over. What it makes of a plain scalar other than text is dropped for the source as written.
enum Raw {
    Plain,
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
        Ok(Raw::Plain)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Node {
        parse(&format!("key: {text}\nother: &n 0755\n")).unwrap().get("key").unwrap().clone()
    }

    #[test]
    fn a_plain_scalar_stays_as_it_was_written() {
        for plain in [
            "3000",
            "0755",
            "0o17",
            "1.10",
            "1e3",
            "22:22",
            "yes",
            "on",
            "True",
            "~",
            "null",
            "",
            "${X:?}",
            "${X:-a b}",
            "$$HOME",
            "2024-01-01",
            "1_000",
            ".inf",
            "a#b",
            "é",
            "99999999999999999999999",
        ] {
            assert_eq!(value(plain), Node::plain(plain), "{plain}");
        }
        assert_eq!(value("3000 # a port"), Node::plain("3000"));
        assert_eq!(value("&a 0755"), Node::plain("0755"));
        assert_eq!(value("yes   "), Node::plain("yes"));
    }

    #[test]
    fn quoted_and_folded_text_stays_text() {
        for (written, text) in [
            ("\"3000\"", "3000"),
            ("'yes'", "yes"),
            ("''", ""),
            ("'it''s'", "it's"),
            (r#""a\tb""#, "a\tb"),
            ("!!str 123", "123"),
            ("!!str yes", "yes"),
            ("|\n  one\n  two", "one\ntwo\n"),
            (">-\n  one\n  two", "one two"),
            ("|-\n  one", "one"),
            ("> # folded\n\n  one", "\none\n"),
            (">- # folded\n  one", "one"),
            ("one\n  two", "one two"),
        ] {
            assert_eq!(value(written), Node::text(text), "{written}");
        }
    }

    #[test]
    fn aliases_and_merges_bring_what_was_defined_as_it_was_written() {
        let text = "a: &a {mode: 0755, name: 'yes', env: &e [no, \"no\"]}\nb: {<<: *a, mode: 1.10}\nc: *e\nd: {<<: [{x: 010}, {x: 020, y: on}]}\n";
        let root = parse(text).unwrap();
        let b = root.get("b").unwrap();
        assert_eq!(b.get("mode"), Some(&Node::plain("1.10")), "its own value wins");
        assert_eq!(b.get("name"), Some(&Node::text("yes")));
        assert_eq!(b.get("env").unwrap().items(), [Node::plain("no"), Node::text("no")]);
        assert_eq!(root.get("c"), b.get("env"));
        let d = root.get("d").unwrap();
        assert_eq!((d.get("x"), d.get("y")), (Some(&Node::plain("010")), Some(&Node::plain("on"))));
    }

    #[test]
    fn what_is_no_compose_file_says_where() {
        for (text, begin) in [
            ("a: 1\na: 2\n", "2:1: "),
            ("a: [1\n", "1:4: "),
            ("a: !reset 1\n", "1:11: "),
            ("? [1]\n: 2\n", "a list or mapping"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(begin), "{text}: {error}");
        }
    }
}
