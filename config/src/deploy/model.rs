//! What deploy.yml says, checked, with every default filled in. Paths are absolute, or relative to this process's folder.

use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeployFile {
    /// `state`: journals, locks, and what hooks printed. Default `.mizan` beside the file.
    pub state: PathBuf,
    /// In file order; at least one.
    pub environments: Vec<Environment>,
    /// In file order; at least one.
    pub services: Vec<DeployService>,
    /// `notify`.
    pub notify: Vec<Webhook>,
}

/// One entry of `environments`: where a version runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Letters, digits, `-`, `_`, `.`; at most 64; it becomes a folder and a label.
    pub name: String,
    /// `socket`: mizan's admin socket. Default /run/mizan/admin.sock.
    pub socket: PathBuf,
    /// `url`: for hooks, as `MIZAN_URL`. Default: none.
    pub url: Option<String>,
    pub compose: Compose,
    /// `after`: the environment in which the image must have been deployed well before. Default: none.
    pub after: Option<String>,
    /// `variables`: names that must be set, in mizanctl's environment or in `env_file`. Default: none.
    pub variables: Vec<String>,
}

/// `compose`: the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compose {
    /// `files`: at least one. Default: those that Compose itself finds in deploy.yml's folder (with its override file), and
    /// docker-compose.mizan.yml where it is there; docker-compose.yml where none is.
    pub files: Vec<PathBuf>,
    /// `project`. Default, as Compose finds it: COMPOSE_PROJECT_NAME of mizanctl's environment or of `env_file` (else .env),
    /// else `name` at the top of a file, else the name of the first file's folder; lower-cased, only letters, digits, `-`
    /// and `_`.
    pub project: String,
    /// `env_file`: passed as `--env-file`. Default: none; Compose then reads `.env` in the first file's folder.
    pub env_file: Option<PathBuf>,
    /// `command`: `auto` is `None`: that which made the project, else `docker compose`, else `docker-compose`. Or words:
    /// `[docker, compose]`.
    pub command: Option<Vec<String>>,
    /// `engine`: Docker's socket. Default: DOCKER_HOST where it is a unix one, else /var/run/docker.sock.
    pub engine: PathBuf,
}

/// One entry of `services`: what is rolled out.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployService {
    /// As `Environment::name`.
    pub name: String,
    /// `proxy_service`: its name in mizan.yml. Default: the same.
    pub proxy_service: String,
    /// `tracks`, in file order: exactly two. Or one without a name, from `compose_service` and `image_variable`: then
    /// `strategy` is rolling.
    pub tracks: Vec<Track>,
    /// `replicas`: 1 to 1000. Default: as many as the running track has, 1 where none runs.
    pub replicas: Option<u32>,
    /// `strategy`. Default blue_green; rolling for a service without tracks.
    pub strategy: StrategyName,
    /// `blue_green: { watch: 30s }`: how long the new track is watched with all requests on a lease, 0 to 24 h.
    pub watch: Duration,
    /// `canary: [{ weight: 10%, hold: 5m, gate: true }]`: weights rise, the last is 100 %. Default: 10, 25, 50, 100 %, each
    /// 1 m, without gates; `hold` is 0 to 24 h, default 1 m.
    pub canary: Vec<CanaryStep>,
    /// `health`.
    pub health: Health,
    /// `keep`: how long the track before it stays for an instant way back, 0 to 24 h. Default 5 m.
    pub keep: Duration,
    /// `lease`: how long a trial split outlives mizanctl, 2 s to 5 m. Default 15 s.
    pub lease: Duration,
    /// `drain`: how long requests under way are waited for before containers are stopped, 0 to 1 h. Default 30 s.
    pub drain: Duration,
    /// `stop_timeout`: between SIGTERM and SIGKILL, 1 s to 1 h. Default 10 s.
    pub stop_timeout: Duration,
    /// `pull`. Default auto.
    pub pull: Pull,
    /// `limits: { error_rate: 10%, min_requests: 20 }`.
    pub limits: Limits,
    /// `disk`: so many bytes must be free where Docker keeps images. Default 1 GiB; 0: not looked at.
    pub disk: u64,
    /// `backup: { folder: /opt/backups, max_age: 24h, pattern: "*.gz" }`: a fresh file must be there before the deploy.
    pub backup: Option<Backup>,
    /// `hooks`, by name, in file order.
    pub hooks: Vec<(HookName, HookCommand)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// As mizan.yml names it; empty for a service without tracks.
    pub name: String,
    /// `compose_service`: Compose's name of it.
    pub compose_service: String,
    /// `image_variable`: what the Compose file has in `image:`.
    pub image_variable: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrategyName {
    BlueGreen,
    Canary,
    Rolling,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryStep {
    /// 1 to 100.
    pub percent: u8,
    pub hold: Duration,
    pub gate: bool,
}

/// `health: { timeout: 2m, ready: 2 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How long a version may take to get healthy, 1 s to 1 h. Default 2 m.
    pub timeout: Duration,
    /// So many instances must be healthy before they take requests. Default: all.
    pub ready: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// An image that came from a registry, or is not here, is pulled; one that was built here is not.
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Failed requests as a share of all, 0 to 1, at which a version is taken back. Default 10 %.
    pub error_rate: f64,
    /// Fewer requests say nothing. 1 to 1 000 000. Default 20.
    pub min_requests: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    pub folder: PathBuf,
    /// Default 24 h.
    pub max_age: Duration,
    /// File names, with `*`. Default `*`.
    pub pattern: String,
}

/// As `mizan_rollout::Hook` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookName {
    Preflight,
    BeforeDeploy,
    Migrate,
    Smoke,
    AfterDeploy,
    RevertMigration,
    CheckData,
    CheckMetrics,
    AfterRollback,
}

/// `migrate: ./migrate`, `[./migrate, up]`, or `{ run: ..., timeout: 5m }`. It runs in deploy.yml's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCommand {
    /// Program and arguments. A text is `["sh", "-c", text]`. A program with a slash is an absolute path.
    pub words: Vec<String>,
    /// 1 s to 24 h. Default 10 m.
    pub timeout: Duration,
}

/// One entry of `notify`.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// `url`: http or https; it is a secret.
    pub url: Secret,
    /// `format`. Default slack.
    pub format: WebhookFormat,
    /// `on`: when it is called. Default: deployed, rolled_back, failed.
    pub on: Vec<NotifyOn>,
    /// `text`: with `{service}`, `{environment}`, `{image}`, `{previous}`, `{status}`, `{why}`, `{strategy}`, `{duration}`,
    /// `{number}`, `{by}`, `{track}`. Default: a sentence.
    pub text: Option<String>,
    /// `timeout`: of one try, 1 s to 1 m. Default 5 s.
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// `{"text": "..."}`: Slack, Mattermost, Rocket.Chat, Discord with `/slack`.
    Slack,
    /// An object with every value.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyOn {
    Started,
    Deployed,
    RolledBack,
    Failed,
    /// A gate waits for `mizanctl promote`.
    Waiting,
}
