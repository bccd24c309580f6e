//! How deploy.yml is spoken of, and what people write in it that belongs elsewhere.

use super::keys::{COMPOSE, ENVIRONMENT, HOOKS, SERVICE};
use crate::dialect::{self, Dialect};

pub(super) static DEPLOY: Dialect = Dialect {
    file: "deploy.yml",
    program: "mizanctl",
    secrets: "the `url` of an entry of `notify`",
    before_secrets: &["url", "notify", "webhook"],
    also_called,
    not_yet,
    unset,
};

fn not_yet(key: &str) -> Option<&'static str> {
    match key {
        "listen" | "sites" | "routes" | "endpoints" | "split" | "sticky" | "certificates" | "resolver" => {
            return Some("that is of mizan.yml: deploy.yml says how versions are rolled out");
        }
        "image" | "tag" => return Some("it is said with each deploy: `mizanctl deploy SERVICE --image REF`"),
        "path" | "interval" | "unhealthy" | "status" | "headers" => {
            return Some(
                "the health checks of the proxy are in mizan.yml: here is how long a deploy waits for them",
            );
        }
        "email" | "mail" | "smtp" => return Some("there are webhooks alone: `notify: [{ url: ... }]`"),
        "schedule" | "cron" => return Some("not part of this version"),
        _ => {}
    }
    if SERVICE.key(key).is_some() {
        Some("it stands in an entry of `services`, as in `services: { api: { ... } }`")
    } else if ENVIRONMENT.key(key).is_some() {
        Some("it stands in an entry of `environments`, as in `environments: { production: { ... } }`")
    } else if COMPOSE.key(key).is_some() {
        Some("it stands in `compose` of an environment, as in `compose: { files: [docker-compose.yml] }`")
    } else if HOOKS.key(key).is_some() {
        Some("it stands in `hooks` of a service, as in `hooks: { migrate: ./migrate }`")
    } else {
        None
    }
}

fn also_called(key: &str) -> &'static [&'static str] {
    match key {
        "envs" | "stages" => &["environments"],
        "apps" | "applications" => &["services"],
        "notifications" | "webhooks" | "slack" | "alerts" => &["notify"],
        "admin" | "admin_socket" => &["socket"],
        "requires" | "depends_on" | "promote_from" => &["after"],
        "env" | "env_vars" | "environment" | "required_variables" => &["variables", "env_file"],
        "docker_compose" => &["compose"],
        "compose_file" | "compose_files" => &["files"],
        "name" | "project_name" => &["project"],
        "dotenv" => &["env_file"],
        "docker" | "docker_host" | "docker_socket" => &["engine"],
        "service" => &["compose_service", "proxy_service"],
        "image" | "image_var" | "image_env" | "variable" => &["image_variable"],
        "versions" | "colours" | "colors" => &["tracks"],
        "scale" | "instances" => &["replicas"],
        "steps" => &["canary"],
        "percent" | "percentage" | "traffic" => &["weight"],
        "wait" | "duration" | "pause" => &["hold", "watch"],
        "approval" | "manual" => &["gate"],
        "healthy" | "min_healthy" | "min_ready" => &["ready"],
        "stop_grace_period" | "grace_period" => &["stop_timeout"],
        "error_limit" | "errors" | "max_errors" => &["error_rate"],
        "min_free" | "disk_space" | "free_disk" => &["disk"],
        "path" | "dir" | "directory" => &["folder"],
        "age" => &["max_age"],
        "glob" | "files" => &["pattern"],
        "checklist" | "checks" => &["preflight"],
        "backup" | "pre_deploy" | "before" => &["before_deploy"],
        "migration" | "migrations" => &["migrate"],
        "smoke_test" | "smoke_tests" | "test" => &["smoke"],
        "post_deploy" | "after" => &["after_deploy"],
        "rollback_migration" | "migrate_down" => &["revert_migration"],
        "post_rollback" => &["after_rollback"],
        "cmd" | "command" | "exec" | "script" | "shell" => &["run"],
        "max_time" | "limit" => &["timeout"],
        "type" | "kind" => &["strategy", "format"],
        "events" | "when" => &["on"],
        "body" | "message" | "template" => &["text"],
        _ => &[],
    }
}

/// Hooks are run with variables that only their shell can fill in.
fn unset(name: &str) -> String {
    if name.starts_with("MIZAN_") {
        format!("in a hook write ${name}, without braces, or $${{{name}}}: then the hook's shell fills it in")
    } else {
        dialect::unset(name)
    }
}
