//! `hooks`: commands at their place in a deploy.

use super::{REPLICAS, changed, env, one, problems, service, silent, slip, told, warned};
use mizan_config::deploy::model::HookName::{
    AfterDeploy, AfterRollback, BeforeDeploy, CheckData, CheckMetrics, Migrate, Preflight, RevertMigration,
    Smoke,
};
use std::time::Duration;

#[track_caller]
fn words(command: &str) -> Vec<String> {
    service(&format!("hooks: {{ smoke: {command} }}")).hooks.remove(0).1.words
}

#[test]
fn a_command_is_a_text_for_a_shell_or_a_list_without_one() {
    assert_eq!(words("./smoke --quick | cat"), ["sh", "-c", "./smoke --quick | cat"]);
    assert_eq!(words("[curl, -f, 1]"), ["curl", "-f", "1"]);
    assert_eq!(words("[./smoke, ./x]"), ["/srv/app/smoke", "./x"]);
    assert_eq!(words("[/bin/true]"), ["/bin/true"]);
    assert_eq!(words("{ run: a b }"), ["sh", "-c", "a b"]);
    assert_eq!(words("{ run: [a, b] }"), ["a", "b"]);
}

#[test]
fn hooks_keep_the_order_of_the_file_and_have_their_timeouts() {
    let hooks = service(
        "hooks:\n      smoke: a\n      preflight: { run: b, timeout: 1d }\n      before_deploy: { run: c }\n      \
         after_rollback: d\n      check_metrics: e\n      check_data: f\n      migrate: g\n      \
         revert_migration: h\n      after_deploy: i",
    )
    .hooks;
    let names: Vec<_> = hooks.iter().map(|(name, _)| *name).collect();
    let expected = [
        Smoke,
        Preflight,
        BeforeDeploy,
        AfterRollback,
        CheckMetrics,
        CheckData,
        Migrate,
        RevertMigration,
        AfterDeploy,
    ];
    assert_eq!(names, expected);
    let timeouts: Vec<_> = hooks.iter().take(3).map(|(_, command)| command.timeout).collect();
    let ten = Duration::from_mins(10);
    assert_eq!(timeouts, [ten, Duration::from_hours(24), ten]);
}

#[test]
fn the_shell_fills_in_what_has_no_braces() {
    assert_eq!(words("\"$MIZAN_COMPOSE run\"")[2], "$MIZAN_COMPOSE run");
    assert_eq!(words("\"$$MIZAN_COMPOSE run\"")[2], "$MIZAN_COMPOSE run");
    assert_eq!(words("\"$${MIZAN_IMAGE} ${ON}\"")[2], "${MIZAN_IMAGE} true");
    slip(
        "hooks: { smoke: \"${MIZAN_IMAGE}\" }",
        "`MIZAN_IMAGE` is not set (in a hook write $MIZAN_IMAGE, without braces, or $${MIZAN_IMAGE}",
    );
    slip("hooks: { smoke: \"${NOWHERE}\" }", "set it, or write a default: ${NOWHERE:-default}");
}

#[test]
fn hooks_are_checked() {
    slip("hooks: { migrat: x }", "did you mean `migrate`?");
    slip("hooks: { pre_deploy: x }", "did you mean `before_deploy`?");
    slip("hooks: { post_deploy: x }", "did you mean `after_deploy`?");
    slip("hooks: { health: x }", "it stands in an entry of `services`");
    slip("hooks: { colour: x }", "its keys are preflight, before_deploy");
    slip("hooks: ./x", "`hooks` must be a mapping");
    slip("hooks: { smoke: }", "`smoke` has no value");
    slip("hooks: { smoke: [] }", "`smoke` is empty");
    slip("hooks: { smoke: \" \" }", "the name of a program, which is empty here");
    slip("hooks: { smoke: [\"\", a] }", "the name of a program, which is empty here");
    slip("hooks: { smoke: [a, [b]] }", "`smoke` must be text, not a list");
    slip("hooks: { smoke: true }", "write \"true\" in quotes");
    slip("hooks: { smoke: \"a\\0\" }", "cannot hold a NUL byte");
    slip("hooks: { smoke: { timeout: 1m } }", "a hook needs `run`");
    slip("hooks: { smoke: { cmd: a } }", "did you mean `run`?");
    slip("hooks: { smoke: { run: a, timeout: 0 } }", "`timeout` must be 1s to 1d");
    slip("hooks: { smoke: { run: a, timeout: 25h } }", "`timeout` must be 1s to 1d");
    slip(
        "hooks: { smoke: [{ file: a }] }",
        "{ file: PATH } is accepted only where a secret is: the `url` of an entry of `notify`",
    );
}

#[test]
fn what_reverts_nothing_is_a_warning() {
    let hooks = |keys: &str| format!("{REPLICAS}\n    hooks: {{ {keys} }}");
    warned(REPLICAS, &hooks("revert_migration: a"), "`revert_migration` without `migrate` never runs");
    silent(REPLICAS, &hooks("revert_migration: a, migrate: b"));
    told(REPLICAS, &hooks("revert_migration: a, migrat: b"), "did you mean `migrate`?");
    let drawn =
        mizan_config::deploy::examine("deploy.yml", &changed(REPLICAS, &hooks("revert_migration: a")), &env);
    assert!(drawn.unwrap().warnings.lines().next().unwrap().starts_with("deploy.yml:10:14: "));
    one(&problems(&changed(REPLICAS, "    hooks:")), "`hooks` has nothing in it");
}
