//! What a team's deploy.sh does, step by step: required settings, the image, a backup with rotation, the new version,
//! its health, and the way back. The dump itself is a stand-in: a command that writes a file as `mongodump` would.

use crate::{BACKEND, DONE, NOT_DEPLOYED, with_both_composes};
use mizan_tests::cli::Finished;
use mizan_tests::docker::compose::Version;
use mizan_tests::docker::rollout::{DeployFile, Project};
use std::time::Instant;

/// Keeps the newest three.
const BACKUP: &str = "set -eu
: \"${MONGODB_URI:?is required}\"
mkdir -p backups
nth=$(cat backups/count 2>/dev/null || echo 100)
echo $((nth + 1)) >backups/count
echo \"a dump of $MONGODB_URI\" >\"backups/mongo-$nth.archive.gz\"
ls backups/mongo-*.archive.gz | sort | head -n -3 | xargs -r rm
echo \"backup $nth is written\"
";

with_both_composes! {
    a_deploy_script_step_by_step
}

async fn a_deploy_script_step_by_step(version: Version) {
    let Some(project) = Project::start(version, BACKEND).await else { return };
    std::fs::write(project.path("backup.sh"), BACKUP).expect("our own folder");
    let hooks = "{ before_deploy: [sh, backup.sh], after_deploy: echo deployed >>log, after_rollback: echo back >>log }";
    let file = DeployFile::blue_green().environment("variables: [MONGODB_URI]").set("hooks", hooks);
    project.deploy_file(&file.clone().set("health", "{ timeout: 3s }"));
    let load = project.load(4);

    // "${MONGODB_URI:?MONGODB_URI is required}"
    let finished = project.deploy_ends(NOT_DEPLOYED, &project.image("v2", &[])).await;
    assert!((finished.stdout + &finished.stderr).contains("MONGODB_URI"), "it names what is missing");
    assert_eq!(project.read("backups/count"), "", "nothing was begun");
    // So much was promised before it: what would be done is shown, and not done.
    let words = ["deploy", "api", "--image", &project.image("v2", &[]), "--dry-run"];
    run(&project, DONE, &words).await;
    assert_eq!((project.last_number(), project.read("backups/count").as_str()), (0, ""));

    // docker pull; mongodump and rotation; up -d; curl until healthy.
    for (nth, (name, track)) in
        [("v2", "green"), ("v3", "blue"), ("v4", "green"), ("v5", "blue")].iter().enumerate()
    {
        let begin = Instant::now();
        run(&project, DONE, &["deploy", "api", "--image", &project.image(name, &[])]).await;
        println!("{version:?}: {name} in {:?}", begin.elapsed());
        project.serves(track, name).await;
        assert_eq!(project.read("log").lines().count(), nth + 1, "after_deploy ran");
    }
    assert_eq!(backups(&project), ["mongo-101.archive.gz", "mongo-102.archive.gz", "mongo-103.archive.gz"]);
    assert_eq!(project.read("backups/mongo-103.archive.gz"), "a dump of mongodb://stand-in\n");

    // Never healthy: the image before stays, and the script's exit code says so.
    let sick = project.image("v6", &["UNHEALTHY=1"]);
    run(&project, NOT_DEPLOYED, &["deploy", "api", "--image", &sick]).await;
    project.serves("blue", "v5").await;
    assert_eq!(
        backups(&project).last().map(String::as_str),
        Some("mongo-104.archive.gz"),
        "before the attempt"
    );

    // rollback.sh: the image before, health, and word of it.
    run(&project, DONE, &["rollback", "api"]).await;
    project.serves("green", "v4").await;
    assert!(project.read("log").ends_with("back\n"), "{}", project.read("log"));

    // A backup that is too old, or not there, is a reason not to begin.
    project.deploy_file(&file.set("backup", "{ folder: elsewhere, max_age: 1h, pattern: \"*.gz\" }"));
    let finished =
        run(&project, NOT_DEPLOYED, &["deploy", "api", "--image", &project.image("v2", &[])]).await;
    assert!((finished.stdout + &finished.stderr).contains("elsewhere"), "it says where it looked");
    project.serves("green", "v4").await;

    let history = run(&project, DONE, &["history", "api"]).await.stdout;
    for image in ["v2", "v3", "v4", "v5"] {
        assert!(history.contains(&project.image(image, &[])), "{image}: {history}");
    }
    load.stop().await.assert_no_failure();
}

async fn run(project: &Project, code: i32, words: &[&str]) -> Finished {
    project.spawn_with(words, &[("MONGODB_URI", "mongodb://stand-in")]).ends(code).await
}

fn backups(project: &Project) -> Vec<String> {
    let files = std::fs::read_dir(project.path("backups")).expect("it is there").flatten();
    let mut names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("mongo-"));
    names.sort();
    names
}
