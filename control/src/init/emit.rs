//! YAML text in block style, which both generations of Compose read alike.

use super::yaml::{Node, Scalar};
use std::fmt::Write;

/// The entries of a mapping, indented by so many spaces.
pub(super) fn mapping(entries: &[(Scalar, Node)], indent: usize) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        text += &" ".repeat(indent);
        // A key has one line: the literal form is for values.
        match key {
            Scalar::Plain(key) => text += key,
            Scalar::Text(key) => text += &quoted(key),
        }
        text.push(':');
        text += &after_colon(value, indent);
    }
    text
}

/// For our own files: as it is where nobody can misread it, else in quotes.
pub(super) fn word(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        || (text.starts_with("./") || text.starts_with("../"));
    let keyword = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .iter()
        .any(|keyword| text.eq_ignore_ascii_case(keyword));
    if begins && !keyword && text.bytes().all(safe) { text.to_owned() } else { quoted(text) }
}

/// In double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for one in text.chars() {
        match one {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            '\r' => quoted += "\\r",
            // Not printable in YAML, or a line break to one of its versions.
            one if one.is_control() || matches!(one, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(one));
            }
            one => quoted.push(one),
        }
    }
    quoted.push('"');
    quoted
}

fn after_colon(value: &Node, indent: usize) -> String {
    match value {
        Node::Map(entries) if !entries.is_empty() => format!("\n{}", mapping(entries, indent + 2)),
        Node::List(items) if !items.is_empty() => format!("\n{}", list(items, indent + 2)),
        Node::Scalar(Scalar::Plain(text)) if text.is_empty() => "\n".to_owned(),
        other => format!(" {}", inline(other, indent)),
    }
}

fn list(items: &[Node], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let item = |item: &Node| match item {
        Node::Map(entries) if !entries.is_empty() => {
            let text = mapping(entries, indent + 2);
            format!("{pad}- {}", text.trim_start_matches(' '))
        }
        Node::List(items) if !items.is_empty() => format!("{pad}-\n{}", list(items, indent + 2)),
        Node::Scalar(Scalar::Plain(text)) if text.is_empty() => format!("{pad}- null\n"),
        other => format!("{pad}- {}", inline(other, indent)),
    };
    items.iter().map(item).collect()
}

/// What begins on the line of its key or dash, with its line's end.
fn inline(value: &Node, indent: usize) -> String {
    match value {
        Node::Map(_) => "{}\n".to_owned(),
        Node::List(_) => "[]\n".to_owned(),
        Node::Scalar(Scalar::Plain(text)) => format!("{text}\n"),
        Node::Scalar(Scalar::Text(text)) => {
            literal(text, indent + 2).unwrap_or_else(|| format!("{}\n", quoted(text)))
        }
    }
}

/// A text of several lines as a `|` block, where that is exact.
fn literal(text: &str, indent: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let exact = body.contains('\n')
        && !body.ends_with(['\n', ' '])
        && !body.starts_with([' ', '\n'])
        && body.chars().all(|one| {
            one == '\n'
                || quoted(one.encode_utf8(&mut [0; 4])).len() == one.len_utf8() + 2
                || matches!(one, '"' | '\\')
        });
    if !exact {
        return None;
    }
    let pad = " ".repeat(indent);
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") };
    let chomp = if text.ends_with('\n') { "|" } else { "|-" };
    Some(format!("{chomp}\n{}", body.split('\n').map(line).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mapping_is_written_as_people_write_it() {
        let text = "a:\n  b: 0755\n  \"c d\": \"yes\"\n  empty:\n  list:\n    - x: 1\n      y: 2\n    -\n      - 3\n    - null\n  none: []\n  nothing: {}\n  script: |-\n    one\n\n    two \\ \"x\"\n";
        assert_eq!(mapping(parse(text).unwrap().entries(), 0), text);
    }

    #[test]
    fn a_word_is_quoted_where_it_could_be_misread() {
        for plain in ["api", "a.b-c_d", "/opt/x.yml", "../compose.yml", "docker-compose.mizan.yml"] {
            assert_eq!(word(plain), plain);
        }
        for other in ["yes", "No", "1", "a b", "${X}", "a:b", "", "-", "é", "{a}", "1.5"] {
            assert!(word(other).starts_with('"'), "{other}");
        }
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let scalar = prop_oneof![
            any::<String>().prop_map(Node::text),
            "[ \n\tab\"'\\\\#:-]{0,12}".prop_map(Node::text),
            "[a-z0-9$.]{1,6}".prop_map(Node::plain),
        ];
        scalar.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Node::List),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| {
                    Node::Map(map.into_iter().map(|(key, value)| (Scalar::Text(key), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in any_node()) {
            let node = Node::Map(vec![(Scalar::Plain("key".into()), value)]);
            let text = mapping(node.entries(), 0);
            prop_assert_eq!(parse(&text).map_err(|error| format!("{error}\n{text}")), Ok(node));
        }
    }
}
