//! Every key of deploy.yml: what the decoder accepts and the JSON Schema describes.

use crate::keys::{Key, Section, Shape, optional, required};

static HOOK_SHAPE: Shape = Shape::Section(&HOOK);
static WORDS: Shape = Shape::OneOrSome(&Shape::Text);

pub(super) static TOP: Section = Section {
    name: "deploy.yml",
    keys: &[
        optional(
            "state",
            Shape::Text,
            "Folder for journals, locks and what hooks printed. Default: .mizan beside the file.",
        ),
        optional(
            "environments",
            Shape::Named(&Shape::Section(&ENVIRONMENT)),
            "Where versions run, by name. Default: one named production, with every default.",
        ),
        required("services", Shape::Named(&Shape::Section(&SERVICE)), "What is rolled out, by name."),
        optional(
            "notify",
            Shape::List(&Shape::Section(&WEBHOOK)),
            "Webhooks that are told how deploys go. Default: none.",
        ),
    ],
};

pub(super) static ENVIRONMENT: Section = Section {
    name: "an environment",
    keys: &[
        optional("socket", Shape::Text, "mizan's admin socket. Default: /run/mizan/admin.sock."),
        optional(
            "url",
            Shape::Text,
            "Where it is reached over http or https: hooks get it as MIZAN_URL. Default: none.",
        ),
        optional("compose", Shape::Section(&COMPOSE), "The Compose project."),
        optional(
            "after",
            Shape::Text,
            "The environment where the same image must have been deployed well before. Default: none.",
        ),
        optional(
            "variables",
            Shape::List(&Shape::Text),
            "Names of variables that must be set, for mizanctl or in `env_file`. Default: none.",
        ),
    ],
};

pub(super) static COMPOSE: Section = Section {
    name: "`compose`",
    keys: &[
        optional(
            "files",
            Shape::OneOrSome(&Shape::Text),
            "The Compose files, one or a list. Default: those that Compose itself finds beside deploy.yml, and \
             docker-compose.mizan.yml where it is there.",
        ),
        optional(
            "project",
            Shape::Text,
            "The project's name. Default: COMPOSE_PROJECT_NAME, else the folder of the first file, as Compose makes it.",
        ),
        optional(
            "env_file",
            Shape::Text,
            "Passed on as --env-file. Default: none, and Compose reads .env beside the first file.",
        ),
        optional(
            "command",
            Shape::OneOrSome(&Shape::Text),
            "auto, or a program and its arguments: [docker, compose]. Default: auto, the one that made the project, else \
             docker compose, else docker-compose.",
        ),
        optional(
            "engine",
            Shape::Text,
            "Docker's Unix socket. Default: DOCKER_HOST where it is one, else /var/run/docker.sock.",
        ),
    ],
};

pub(super) static STRATEGIES: [&str; 3] = ["blue_green", "canary", "rolling"];
pub(super) static PULLS: [&str; 3] = ["auto", "always", "never"];
pub(super) const MAX_REPLICAS: u64 = 1000;

pub(super) static SERVICE: Section = Section {
    name: "a service",
    keys: &[
        optional("proxy_service", Shape::Text, "The service's name in mizan.yml. Default: the same."),
        optional(
            "tracks",
            Shape::Named(&Shape::Section(&TRACK)),
            "Its two tracks, named as in mizan.yml. This, or `compose_service` and `image_variable`.",
        ),
        optional("compose_service", Shape::Text, "Of a service without tracks: Compose's name of it."),
        optional(
            "image_variable",
            Shape::Text,
            "Of a service without tracks: the variable that its `image` in the Compose file is.",
        ),
        optional(
            "replicas",
            Shape::Integer(1, MAX_REPLICAS),
            "Containers. Default: as many as the running track has, 1 where none runs.",
        ),
        optional(
            "strategy",
            Shape::Choice(&STRATEGIES),
            "How requests move to a version. Default: blue_green; rolling for a service without tracks.",
        ),
        optional("blue_green", Shape::Section(&BLUE_GREEN), "Of the strategy blue_green."),
        optional(
            "canary",
            Shape::Some(&Shape::Section(&CANARY_STEP)),
            "The steps of the strategy canary. Default: 10%, 25%, 50% and 100%, each held for 1m.",
        ),
        optional("health", Shape::Section(&HEALTH), "When a version is healthy."),
        optional(
            "keep",
            Shape::Duration,
            "How long the track before it stays, for an instant way back: 0 to 1d. Default: 5m.",
        ),
        optional(
            "lease",
            Shape::Duration,
            "How long a trial split outlives mizanctl: 2s to 5m. Default: 15s.",
        ),
        optional(
            "drain",
            Shape::Duration,
            "How long requests under way may take before containers are stopped: 0 to 1h. Default: 30s.",
        ),
        optional("stop_timeout", Shape::Duration, "Between SIGTERM and SIGKILL: 1s to 1h. Default: 10s."),
        optional(
            "pull",
            Shape::Choice(&PULLS),
            "Whether the image is pulled. auto: what was built here is not. Default: auto.",
        ),
        optional("limits", Shape::Section(&LIMITS), "At what a version is taken back."),
        optional(
            "disk",
            Shape::Size,
            "So much must be free where Docker keeps images; 0: not looked at. Default: 1g.",
        ),
        optional(
            "backup",
            Shape::Section(&BACKUP),
            "A fresh file must be there before a deploy. Default: not looked at.",
        ),
        optional(
            "hooks",
            Shape::Section(&HOOKS),
            "Commands, run in the folder of deploy.yml. Default: none.",
        ),
    ],
};

pub(super) static TRACK: Section = Section {
    name: "a track",
    keys: &[
        required("compose_service", Shape::Text, "Compose's name of it, as in api-blue."),
        required(
            "image_variable",
            Shape::Text,
            "The variable that its `image` in the Compose file is, as in API_BLUE_IMAGE.",
        ),
    ],
};

pub(super) static BLUE_GREEN: Section = Section {
    name: "`blue_green`",
    keys: &[optional(
        "watch",
        Shape::Duration,
        "How long a version is watched with all requests before it is for good: 0 to 1d. Default: 30s.",
    )],
};

pub(super) static CANARY_STEP: Section = Section {
    name: "a step of `canary`",
    keys: &[
        required(
            "weight",
            Shape::Percent(1, 100),
            "The share of requests for the new version. It rises from step to step, up to 100%.",
        ),
        optional("hold", Shape::Duration, "How long it stays there: 0 to 1d. Default: 1m."),
        optional("gate", Shape::Boolean, "Whether it goes on only after `mizanctl promote`. Default: false."),
    ],
};

pub(super) static HEALTH: Section = Section {
    name: "`health`",
    keys: &[
        optional(
            "timeout",
            Shape::Duration,
            "How long a version may take to get healthy: 1s to 1h. Default: 2m.",
        ),
        optional(
            "ready",
            Shape::Integer(1, MAX_REPLICAS),
            "So many instances must be healthy before they take requests. Default: all.",
        ),
    ],
};

pub(super) static LIMITS: Section = Section {
    name: "`limits`",
    keys: &[
        optional(
            "error_rate",
            Shape::Percent(1, 100),
            "The share of failed requests at which a version is taken back. Default: 10%.",
        ),
        optional("min_requests", Shape::Integer(1, 1_000_000), "Fewer requests say nothing. Default: 20."),
    ],
};

pub(super) static BACKUP: Section = Section {
    name: "`backup`",
    keys: &[
        required("folder", Shape::Text, "Where backups are."),
        optional("max_age", Shape::Duration, "The newest may be so old: 1s to 365d. Default: 1d."),
        optional("pattern", Shape::Text, "Names of the files that count, with `*`. Default: \"*\"."),
    ],
};

/// The forms of a command.
const fn hook(name: &'static str, help: &'static str) -> Key {
    optional(name, Shape::Either(&WORDS, &HOOK_SHAPE), help)
}

pub(super) static HOOKS: Section = Section {
    name: "`hooks`",
    keys: &[
        hook("preflight", "Part of the checklist: when it fails, nothing is begun."),
        hook("before_deploy", "Before anything is started: the backup."),
        hook("migrate", "Before the new version starts. It runs once a deploy."),
        hook("smoke", "Asks the new version before anybody else does."),
        hook("after_deploy", "When the version is for good. When it fails, that is told."),
        hook("revert_migration", "On the way back, where `migrate` had run."),
        hook("check_data", "On the way back, when requests are on the version before."),
        hook("check_metrics", "On the way back, after `check_data`."),
        hook("after_rollback", "At the end of the way back. When it fails, that is told."),
    ],
};

pub(super) static HOOK: Section = Section {
    name: "a hook",
    keys: &[
        required(
            "run",
            Shape::OneOrSome(&Shape::Text),
            "A text for sh, or a list of a program and its arguments.",
        ),
        optional("timeout", Shape::Duration, "How long it may take: 1s to 1d. Default: 10m."),
    ],
};

pub(super) static FORMATS: [&str; 2] = ["slack", "json"];
pub(super) static EVENTS: [&str; 5] = ["started", "deployed", "rolled_back", "failed", "waiting"];

pub(super) static WEBHOOK: Section = Section {
    name: "an entry of `notify`",
    keys: &[
        required("url", Shape::Secret, "An http or https URL, or { file: PATH }. It is never shown."),
        optional(
            "format",
            Shape::Choice(&FORMATS),
            "slack: a text, as Slack, Mattermost and Rocket.Chat take it. json: every value. Default: slack.",
        ),
        optional(
            "on",
            Shape::OneOrSome(&Shape::Choice(&EVENTS)),
            "When it is called. Default: [deployed, rolled_back, failed].",
        ),
        optional(
            "text",
            Shape::Text,
            "What it says, with placeholders such as {service} and {image}. Default: a sentence.",
        ),
        optional("timeout", Shape::Duration, "Of one try: 1s to 1m. Default: 5s."),
    ],
};
