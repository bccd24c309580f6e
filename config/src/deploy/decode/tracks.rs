//! What a version is in Compose: two tracks, or a service alone.

use super::value;
use crate::decode::{Context, Fields, Text};
use crate::deploy::keys::TRACK;
use crate::deploy::model::Track;
use crate::tree::{Kind, Node};

/// The two keys that a service without tracks has itself.
const OWN: [&str; 2] = ["compose_service", "image_variable"];

/// A track, with the places of its two values in the order of [`OWN`].
struct Draft {
    name: Text,
    values: [Option<Text>; 2],
}

pub(super) fn decode(name: &Text, service: &Fields<'_>, context: &mut Context<'_>) -> Vec<Track> {
    let Some(node) = service.get("tracks") else {
        return alone(name, service, context).into_iter().collect();
    };
    for key in OWN.iter().filter(|key| service.get(key).is_some()) {
        context
            .problem(&service.span_of(key), format!("{} has both `tracks` and `{key}`", name.shown()))
            .hint(format!("each track has a `{key}` of its own"));
    }
    tracks(node, service, context)
}

fn alone(name: &Text, service: &Fields<'_>, context: &mut Context<'_>) -> Option<Track> {
    let there = |key: &str| !service.is_missing(key);
    match OWN.map(there) {
        [false, false] if !there("tracks") => {
            context
                .problem(
                    &name.span,
                    format!("the service {} has neither `tracks` nor `compose_service`", name.shown()),
                )
                .hint(
                    "as in `tracks: { blue: { compose_service: api-blue, image_variable: API_BLUE_IMAGE }, green: ... }`",
                );
        }
        [true, false] => without(service, OWN[0], OWN[1], context),
        [false, true] => without(service, OWN[1], OWN[0], context),
        _ => {}
    }
    let compose_service = value::compose_service(service, context);
    let image_variable = image_variable(service, context);
    Some(Track {
        name: String::new(),
        compose_service: compose_service?.value,
        image_variable: image_variable?.value,
    })
}

fn without(service: &Fields<'_>, there: &str, missing: &str, context: &mut Context<'_>) {
    let hint = if missing == "image_variable" {
        "the variable that its `image` in the Compose file is, as in `image: ${API_IMAGE}`"
    } else {
        "the name that it has in the Compose file"
    };
    context.problem(&service.span_of(there), format!("`{there}` without `{missing}`")).hint(hint);
}

fn tracks(node: &Node, service: &Fields<'_>, context: &mut Context<'_>) -> Vec<Track> {
    if let Kind::Map(entries) = &node.kind
        && entries.len() != 2
    {
        context
            .problem(&service.span_of("tracks"), format!("there are two tracks, not {}", entries.len()))
            .hint("one serves while the other gets the new version, as in blue and green");
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for (name, node) in value::named("track", "tracks", node, context) {
        let Some(fields) = context.fields(node, &TRACK, &name.span) else { continue };
        let values = [value::compose_service(&fields, context), image_variable(&fields, context)];
        let draft = Draft { name, values };
        if let Some(other) = drafts.first() {
            apart(other, &draft, context);
        }
        drafts.push(draft);
    }
    drafts.into_iter().map(Draft::into_track).collect()
}

/// Else the track that serves would change with the other.
fn apart(one: &Draft, other: &Draft, context: &mut Context<'_>) {
    for (key, values) in OWN.iter().zip(one.values.iter().zip(&other.values)) {
        let (Some(first), Some(second)) = values else { continue };
        if first.value == second.value {
            let (one, other) = (one.name.shown(), other.name.shown());
            context
                .problem(&second.span, format!("the tracks {one} and {other} have the same `{key}`"))
                .hint("give each its own: the one that serves must not change with the other");
        }
    }
}

impl Draft {
    /// What could not be read is told already.
    fn into_track(self) -> Track {
        let [compose_service, image_variable] =
            self.values.map(|text| text.map(|text| text.value).unwrap_or_default());
        Track { name: self.name.value, compose_service, image_variable }
    }
}

fn image_variable(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<Text> {
    value::variable("image_variable", fields.get("image_variable")?, context)
}
