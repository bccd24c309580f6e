//! `compose`: the project of an environment.

use super::{path, project};
use crate::decode::{Context, Fields, Text};
use crate::deploy::keys::COMPOSE;
use crate::deploy::model::Compose;
use crate::expand::expand;
use crate::tree::{Kind, Node};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// As Compose looks for a file when it is told none, and for what is laid over it; and ours, over both.
const LAYERS: [&[&str]; 3] = [
    &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"],
    &[
        "compose.override.yml",
        "compose.override.yaml",
        "docker-compose.override.yml",
        "docker-compose.override.yaml",
    ],
    &["docker-compose.mizan.yml"],
];

const DOCKER_SOCKET: &str = "/var/run/docker.sock";

pub(super) fn decode(environment: &Fields<'_>, context: &mut Context<'_>) -> Compose {
    let span = environment.span_of("compose");
    let fields = environment.section(context, "compose", &COMPOSE);
    let fields = fields.as_ref();
    let files = fields.and_then(|fields| files(fields, context)).unwrap_or_else(|| found(context));
    let env_file = fields.and_then(|fields| path::file(fields, "env_file", context));
    let project = match fields.filter(|fields| fields.get("project").is_some()) {
        Some(fields) => fields.text(context, "project").and_then(|text| named(text, context)),
        None => unnamed(&files, env_file.as_deref(), &span, context),
    };
    let engine = fields.and_then(|fields| path::socket(fields, "engine", context));
    Compose {
        project: project.unwrap_or_default(),
        env_file,
        command: fields.and_then(|fields| command(fields.get("command")?, context)),
        engine: engine.unwrap_or_else(|| docker_socket(context)),
        files,
    }
}

fn files(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<Vec<PathBuf>> {
    let node = fields.get("files")?;
    let mut files = Vec::new();
    for node in context.one_or_some("files", node) {
        let Some(text) = context.text("files", node) else { continue };
        let Some(file) = path::resolved("files", &text, &text.value, context) else { continue };
        if files.contains(&file) {
            context
                .problem(&text.span, format!("the file {} is here twice", text.shown()))
                .hint("keep one of the two");
        }
        files.push(file);
    }
    Some(files)
}

/// The first of each layer that is there. Without any it is what people call it most, which the preflight then misses.
fn found(context: &Context<'_>) -> Vec<PathBuf> {
    let first = |names: &[&str]| names.iter().map(|name| context.resolve(name)).find(|file| file.exists());
    let [base, over, ours] = LAYERS.map(first);
    // What lies over a file that is not there is not read either.
    let over = over.filter(|_| base.is_some());
    let base = base.unwrap_or_else(|| context.resolve("docker-compose.yml"));
    [Some(base), over, ours].into_iter().flatten().collect()
}

fn named(text: Text, context: &mut Context<'_>) -> Option<String> {
    if !text.value.is_empty() && project::normalised(&text.value) == text.value {
        return Some(text.value);
    }
    let meant = project::normalised(&text.value);
    let hint = if text.is_literal() && !meant.is_empty() {
        format!("did you mean `{meant}`?")
    } else {
        "lower-case letters, digits, `-` and `_`, beginning with a letter or digit".into()
    };
    context.problem(&text.span, format!("{} is no name of a Compose project", text.shown())).hint(hint);
    None
}

/// As Compose finds it: from the environment, its file, the Compose files, the folder.
fn unnamed(
    files: &[PathBuf],
    env_file: Option<&Path>,
    span: &Range<usize>,
    context: &mut Context<'_>,
) -> Option<String> {
    let first = files.first()?;
    let variables = env_file.map_or_else(|| first.with_file_name(".env"), Path::to_owned);
    let written = context.env()(project::VARIABLE)
        .or_else(|| project::of_variables(&variables))
        .filter(|name| !name.is_empty());
    let named = match written {
        Some(name) => Some(name),
        None => match project::of_compose(files).map(|name| expand(&name, context.env())) {
            Some(Err(_)) => {
                context
                    .problem(span, "the project's `name` in the Compose file has a variable that is not set")
                    .hint("set it, or write the name here: `compose: { project: app }`");
                return None;
            }
            Some(Ok(name)) => Some(name),
            None => None,
        },
    };
    let name = match named {
        Some(name) => Some(project::normalised(&name)).filter(|name| !name.is_empty()),
        None => project::of_file(first),
    };
    if name.is_none() {
        context
            .problem(
                span,
                "nothing says how the Compose project is called: there is no letter or digit in the folder's name",
            )
            .hint("give it one: `compose: { project: app }`");
    }
    name
}

/// `None` for `auto`.
fn command(node: &Node, context: &mut Context<'_>) -> Option<Vec<String>> {
    let words = context.words("command", node)?;
    let is_list = matches!(node.kind, Kind::List(_));
    if !is_list && words[0].value == "auto" {
        return None;
    }
    if !is_list && words[0].value.contains(char::is_whitespace) {
        context
            .problem(&words[0].span, "a program with arguments is a list")
            .hint("as in `command: [docker, compose]`");
        return None;
    }
    Some(path::command(words, context))
}

fn docker_socket(context: &Context<'_>) -> PathBuf {
    let host = context.env()("DOCKER_HOST").unwrap_or_default();
    let socket = host.strip_prefix("unix://").filter(|socket| socket.starts_with('/'));
    PathBuf::from(socket.unwrap_or(DOCKER_SOCKET))
}
