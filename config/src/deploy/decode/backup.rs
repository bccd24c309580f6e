//! `backup`: the file that must be there before a deploy.

use super::path;
use crate::decode::{Context, Fields, Text};
use crate::deploy::keys::BACKUP;
use crate::deploy::model::Backup;
use std::time::Duration;

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Option<Backup> {
    let fields = service.section(context, "backup", &BACKUP)?;
    let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
    let max_age = fields.duration(context, "max_age", day, &(second..=365 * day));
    let pattern = match fields.text(context, "pattern") {
        Some(text) => pattern(text, context),
        None => "*".into(),
    };
    Some(Backup { folder: path::file(&fields, "folder", context)?, max_age, pattern })
}

/// Of names alone: `*` stands for any letters.
fn pattern(text: Text, context: &mut Context<'_>) -> String {
    let hint = if text.value.is_empty() {
        "write \"*\" for every file"
    } else if text.value.contains('/') {
        "it is of names alone: the folder stands in `folder`"
    } else if text.value.contains(char::is_control) {
        "a name has no control characters"
    } else {
        return text.value;
    };
    context.problem(&text.span, format!("{} is no pattern of file names", text.shown())).hint(hint);
    String::new()
}
