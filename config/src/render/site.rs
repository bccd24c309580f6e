//! An entry of `sites`.

use super::{MASK, present, text, tls, unless_empty};
use crate::decode::is_sensitive;
use crate::model::{
    Action, Forward, HeaderCondition, HeaderTest, HostPattern, PathPattern, Respond, Rewrite, Route, Site,
};
use serde_json::{Value, json};

pub(super) fn render(site: &Site) -> Value {
    let Site { hosts, tls, redirect_to_https, hsts, routes } = site;
    present(json!({
        "hosts": hosts.iter().map(host).collect::<Vec<_>>(),
        "tls": tls.as_ref().map(tls::site),
        "redirect_to_https": redirect_to_https.map_or(json!(false), tls::redirect_to_https),
        "hsts": hsts.as_ref().map_or(json!(false), tls::hsts),
        "routes": routes.iter().map(route).collect::<Vec<_>>(),
    }))
}

fn host(host: &HostPattern) -> Value {
    match host {
        HostPattern::Exact(host) => text(host),
        HostPattern::Wildcard(domain) => text(&format!("*.{domain}")),
        HostPattern::Any => json!("*"),
    }
}

fn route(route: &Route) -> Value {
    let Route { path, methods, headers, action, line: _ } = route;
    let mut rendered = match action {
        Action::Service(forward) => self::forward(forward),
        Action::Respond(respond) => json!({ "respond": self::respond(respond) }),
    };
    rendered["path"] = text(&self::path(path));
    if let Some(methods) = unless_empty(methods.iter().map(|method| text(method))) {
        rendered["methods"] = json!(methods);
    }
    if !headers.is_empty() {
        rendered["headers"] =
            headers.iter().map(|condition| (condition.name.clone(), test(condition))).collect();
    }
    rendered
}

fn path(path: &PathPattern) -> String {
    match path {
        PathPattern::Exact(path) => format!("= {path}"),
        PathPattern::Prefix { prefix, whole_segment, before_patterns } => {
            let (first, last) =
                (if *before_patterns { "^~ " } else { "" }, if *whole_segment { "" } else { "*" });
            format!("{first}{prefix}{last}")
        }
        PathPattern::Regex { pattern, ignore_case: false } => format!("~ {pattern}"),
        PathPattern::Regex { pattern, ignore_case: true } => format!("~* {pattern}"),
        PathPattern::Suffixes(suffixes) => {
            suffixes.iter().map(|suffix| format!("*{suffix}")).collect::<Vec<_>>().join(",")
        }
    }
}

fn test(condition: &HeaderCondition) -> Value {
    let HeaderCondition { name, test } = condition;
    match test {
        HeaderTest::Present => json!(true),
        HeaderTest::Absent => json!(false),
        HeaderTest::Equals(_) | HeaderTest::Regex(_) if is_sensitive(name) => json!(MASK),
        HeaderTest::Equals(value) => text(value),
        HeaderTest::Regex(pattern) => text(&format!("~ {pattern}")),
    }
}

fn forward(forward: &Forward) -> Value {
    let Forward { service, rewrite, host, upgrade, merge_slashes, forward_reduced_path } = forward;
    present(json!({
        "service": text(service),
        "rewrite": match rewrite {
            Rewrite::Keep => Value::Null,
            Rewrite::StripPrefix(prefix) => json!({ "strip_prefix": text(prefix) }),
            // The first is the route's own.
            Rewrite::ReplacePrefix(_, prefix) => json!({ "replace_prefix": text(prefix) }),
        },
        "host": host.as_deref().map(text),
        "upgrade": upgrade.iter().map(|protocol| text(protocol)).collect::<Vec<_>>(),
        "merge_slashes": merge_slashes,
        "forward_reduced_path": forward_reduced_path,
    }))
}

fn respond(respond: &Respond) -> Value {
    let Respond { status, body, headers } = respond;
    json!({
        "status": status,
        "body": text(body),
        "headers": headers.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Value>(),
    })
}
