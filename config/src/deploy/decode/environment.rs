//! `environments`: where versions run.

use super::{compose, path, value};
use crate::decode::{Context, Fields, Text, Url};
use crate::deploy::keys::ENVIRONMENT;
use crate::deploy::model::Environment;
use crate::tree::{Kind, Node};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

const ADMIN_SOCKET: &str = "/run/mizan/admin.sock";

/// The one there is where the file has none.
const ONLY: &str = "production";

/// An environment, and where it says which one comes before it.
struct Draft {
    environment: Environment,
    after: Option<Text>,
}

pub(super) fn all(top: &Fields<'_>, context: &mut Context<'_>) -> Vec<Environment> {
    let Some(node) = top.get("environments") else { return only(context) };
    if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
        context
            .problem(&top.span_of("environments"), "`environments` is empty")
            .hint("name one, as in `production: { ... }`, or remove the line");
    }
    let named = value::named("environment", "environments", node, context);
    let known: HashSet<String> = named.iter().map(|(name, _)| name.value.clone()).collect();
    let drafts: Vec<Draft> =
        named.into_iter().filter_map(|(name, node)| decode(&name, node, context)).collect();
    for draft in &drafts {
        follows_another(draft, &known, context);
    }
    in_no_circle(&drafts, context);
    drafts.into_iter().map(|draft| draft.environment).collect()
}

fn only(context: &mut Context<'_>) -> Vec<Environment> {
    let nothing = Node { kind: Kind::Map(Vec::new()), span: 0..0, line: 1 };
    let name = Text::plain(ONLY, &(0..0));
    decode(&name, &nothing, context).map(|draft| draft.environment).into_iter().collect()
}

fn decode(name: &Text, node: &Node, context: &mut Context<'_>) -> Option<Draft> {
    let fields = context.fields(node, &ENVIRONMENT, &name.span)?;
    let socket = path::socket(&fields, "socket", context);
    let after = fields.text(context, "after");
    let environment = Environment {
        name: name.value.clone(),
        socket: socket.unwrap_or_else(|| PathBuf::from(ADMIN_SOCKET)),
        url: fields.text(context, "url").and_then(|text| url(text, context)),
        compose: compose::decode(&fields, context),
        after: after.as_ref().map(|text| text.value.clone()),
        variables: variables(&fields, context),
    };
    Some(Draft { environment, after })
}

fn url(text: Text, context: &mut Context<'_>) -> Option<String> {
    if Url::parse(&text.value).is_some() {
        return Some(text.value);
    }
    let hint = match text.value.split_once("://") {
        _ if !text.is_literal() => "look at the variable's value".into(),
        None => format!("did you mean https://{}?", text.value),
        Some(_) => "http:// or https://, a host and no user name, as in https://api.example.com".into(),
    };
    // A password may be in it.
    context.problem(&text.span, "`url` is no URL of http or https").hint(hint);
    None
}

fn variables(fields: &Fields<'_>, context: &mut Context<'_>) -> Vec<String> {
    let Some(node) = fields.get("variables") else { return Vec::new() };
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for node in context.list("variables", node) {
        let Some(text) = value::variable("variables", node, context) else { continue };
        if !seen.insert(text.value.clone()) {
            context
                .problem(&text.span, format!("the variable {} is here twice", text.shown()))
                .hint("keep one of the two");
        }
        names.push(text.value);
    }
    names
}

fn follows_another(draft: &Draft, known: &HashSet<String>, context: &mut Context<'_>) {
    let Some(after) = &draft.after else { return };
    if after.value == draft.environment.name {
        context
            .problem(&after.span, format!("an environment cannot be after itself: {}", after.shown()))
            .hint("name another one, or remove the line");
    } else if !known.contains(&after.value) {
        let nearest =
            context.suggest(&after.value, known.iter().map(String::as_str)).filter(|_| after.is_literal());
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "add it to `environments`".into(),
        };
        context.problem(&after.span, format!("there is no environment {}", after.shown())).hint(hint);
    }
}

/// Else none of them could ever be the first.
fn in_no_circle(drafts: &[Draft], context: &mut Context<'_>) {
    let places: HashMap<&str, usize> =
        drafts.iter().enumerate().map(|(at, draft)| (draft.environment.name.as_str(), at)).collect();
    let next = |at: usize| Some(*places.get(drafts[at].after.as_ref()?.value.as_str())?);
    // From which start each was come by, and the circle that a walk closes by meeting its own trace.
    let mut traces: Vec<Option<usize>> = vec![None; drafts.len()];
    for start in 0..drafts.len() {
        let mut here = Some(start);
        while let Some(at) = here.filter(|at| traces[*at].is_none()) {
            traces[at] = Some(start);
            here = next(at);
        }
        let Some(met) = here.filter(|at| traces[*at] == Some(start)) else { continue };
        // After itself: that is told already.
        let Some(after) = drafts[met].after.as_ref().filter(|_| next(met) != Some(met)) else { continue };
        context
            .problem(&after.span, "these environments come after each other in a circle")
            .hint("the first of them has no `after`");
    }
}
