//! `health`: active checks of a service.

use super::Context;
use super::fields::Fields;
use super::secret::secret;
use crate::keys::HEALTH;
use crate::model::HealthCheck;
use crate::secret::Secret;
use crate::tree::Node;
use std::time::Duration;

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Option<HealthCheck> {
    let fields = service.section(context, "health", &HEALTH)?;
    let second = Duration::from_secs(1);
    let day = 86_400 * second;
    let path = fields.text(context, "path");
    if let Some(path) = &path {
        context.request_target(path);
    }
    let check = HealthCheck {
        path: path.map_or_else(String::new, |path| path.value),
        host: fields.text(context, "host").and_then(|host| context.host_field("host", host)),
        headers: fields.get("headers").map_or_else(Vec::new, |node| headers(node, context)),
        interval: fields.duration(context, "interval", 10 * second, &(second / 10..=day)),
        timeout: fields.duration(context, "timeout", 3 * second, &(second / 100..=day)),
        healthy: fields.integer(context, "healthy", 2) as u32,
        unhealthy: fields.integer(context, "unhealthy", 3) as u32,
        status: fields.get("status").map_or_else(|| vec![(200, 399)], |node| statuses(node, context)),
    };
    if check.timeout > check.interval {
        context
            .warning(&fields.span, "a health check may take longer than the interval between two")
            .hint("make `timeout` shorter than `interval`");
    }
    Some(check)
}

fn headers(node: &Node, context: &mut Context<'_>) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    for (name, node) in context.named("headers", node) {
        let Some(name_text) = context.settable_field_name(&name) else { continue };
        if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name_text)) {
            context
                .problem(&name.span, format!("{} is here twice", name.shown()))
                .hint("keep one of the two");
        }
        if let Some(value) = secret(&name_text, node, context)
            && context.field_value(&name_text, value.expose(), &node.span).is_some()
        {
            headers.push((name_text, value));
        }
    }
    headers
}

fn statuses(node: &Node, context: &mut Context<'_>) -> Vec<(u16, u16)> {
    let mut ranges = Vec::new();
    for node in context.one_or_some("status", node) {
        let Some(text) = context.text("status", node) else { continue };
        match status_range(&text.value) {
            Some(range) => ranges.push(range),
            None => {
                context
                    .problem(&text.span, format!("{} is no status code or range of them", text.shown()))
                    .hint("as in 200 or 200-399; codes are 100 to 599");
            }
        }
    }
    ranges
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        crate::units::number(text.trim())
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (100..=599).contains(code))
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let range = (code(from)?, code(to)?);
    (range.0 <= range.1).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::status_range;

    #[test]
    fn a_status_is_a_code_or_a_range() {
        assert_eq!(status_range("200"), Some((200, 200)));
        assert_eq!(status_range("200-399"), Some((200, 399)));
        for wrong in ["", "99", "600", "2xx", "300-200", "200-", "-200", "200-300-400"] {
            assert_eq!(status_range(wrong), None, "{wrong}");
        }
    }
}
