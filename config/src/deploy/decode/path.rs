//! Paths: relative ones begin at the folder of deploy.yml.

use crate::decode::{Context, Fields, Text};
use std::path::PathBuf;

/// The longest path of a Unix socket on Linux (unix(7), sun_path), without its final NUL.
const MAX_SOCKET_PATH: usize = 107;

pub(super) fn file(fields: &Fields<'_>, key: &str, context: &mut Context<'_>) -> Option<PathBuf> {
    let text = fields.text(context, key)?;
    resolved(key, &text, &text.value, context)
}

/// `written`: the value of `text`, or what is left of it.
pub(super) fn resolved(key: &str, text: &Text, written: &str, context: &mut Context<'_>) -> Option<PathBuf> {
    let hint = if written.is_empty() {
        format!("give `{key}` a path, or remove the line")
    } else if written.contains(char::is_control) {
        "a path has no control characters".into()
    } else if written == "~" || written.starts_with("~/") {
        "no shell reads it: write ${HOME} instead of ~".into()
    } else {
        return Some(context.resolve(written));
    };
    context.problem(&text.span, format!("{} is no path", text.shown())).hint(hint);
    None
}

/// A Unix socket; `unix:` or `unix://` may stand before it.
pub(super) fn socket(fields: &Fields<'_>, key: &str, context: &mut Context<'_>) -> Option<PathBuf> {
    let text = fields.text(context, key)?;
    let path = match text.value.split_once("://") {
        Some(("unix", path)) => path,
        None => text.value.strip_prefix("unix:").unwrap_or(&text.value),
        Some(_) => {
            context
                .problem(&text.span, format!("`{key}` must be a Unix socket, not {}", text.shown()))
                .hint("mizanctl runs on the server itself: a path, as in /run/mizan/admin.sock");
            return None;
        }
    };
    let path = resolved(key, &text, path, context)?;
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        context
            .problem(&text.span, format!("the path {} is too long for a Unix socket", text.shown()))
            .hint(format!("at most {MAX_SOCKET_PATH} bytes"));
        return None;
    }
    Some(path)
}

/// The words of a command that may be run in any folder.
pub(super) fn command(words: Vec<Text>, context: &Context<'_>) -> Vec<String> {
    let mut words = context.program(words);
    if let Some(program) = words.first_mut().filter(|program| program.contains('/'))
        && let Ok(absolute) = std::path::absolute(&*program)
    {
        *program = absolute.to_string_lossy().into_owned();
    }
    words
}
