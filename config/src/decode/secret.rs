//! Secrets: written out, or in a file of their own.

use super::sensitive::is_sensitive;
use super::{Context, Text};
use crate::secret::Secret;
use crate::tree::{Kind, Node};
use std::fs::File;
use std::io::{self, Read};

/// Longer than any header field an upstream would take, and than any key.
const MAX_SECRET_SIZE: u64 = 64 * 1024;

/// A value, or the content of a file: `{ file: PATH }`, without its last line end.
pub(crate) fn secret(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Secret> {
    match &node.kind {
        Kind::Map(entries) => match entries.as_slice() {
            [(Node { kind: Kind::Text(name), .. }, path)] if name == "file" => {
                let path = context.text("file", path)?;
                read(key, &path, context)
            }
            _ => {
                context
                    .problem(&node.span, format!("`{key}` must be a value or a file to read it from"))
                    .hint("write the value, or { file: /run/secrets/NAME }");
                None
            }
        },
        _ => literal(key, node, context),
    }
}

fn literal(key: &str, node: &Node, context: &mut Context<'_>) -> Option<Secret> {
    let text = context.text(key, node)?;
    if text.is_literal() && is_sensitive(key) {
        context
            .warning(&text.span, format!("the value of `{key}` stands in the file for all who may read it"))
            .hint("write { file: /run/secrets/NAME }, or take it from a variable: ${NAME}");
    }
    Some(Secret::new(text.value))
}

fn read(key: &str, path: &Text, context: &mut Context<'_>) -> Option<Secret> {
    let mut secret = String::new();
    let file = context.resolve(&path.value);
    let result = match file.metadata() {
        // Opening a pipe or a device could wait for ever.
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a plain file")),
        Ok(_) => {
            File::open(&file).and_then(|file| file.take(MAX_SECRET_SIZE + 1).read_to_string(&mut secret))
        }
        Err(error) => Err(error),
    };
    let reason = match result {
        Err(error) => error.to_string(),
        Ok(_) if secret.len() as u64 > MAX_SECRET_SIZE => "it is larger than 64 KiB".into(),
        Ok(_) => {
            let value = secret
                .strip_suffix('\n')
                .map_or(secret.as_str(), |rest| rest.strip_suffix('\r').unwrap_or(rest));
            if !value.is_empty() {
                return Some(Secret::new(value.to_owned()));
            }
            "it is empty".into()
        }
    };
    let dialect = context.dialect();
    context
        .problem(&path.span, format!("cannot read the secret file {} for `{key}`: {reason}", path.shown()))
        .hint(format!(
            "the path is relative to the folder of {}, and the file is read as the user {} runs as",
            dialect.file, dialect.program
        ));
    None
}
