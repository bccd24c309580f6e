//! Versions of the test-backend as images, without a registry.

use crate::docker::compose::{has_image, lock, sh};
use crate::docker::{docker, run};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

const REPOSITORY: &str = "mizan-test-version";

/// So many builds' images stay: other checkouts may be at their tests.
const KEPT: usize = 8;

/// The image of a version that answers with its name; `env` as the test-backend knows it: `FAIL_PCT=50`.
pub(super) fn make(backend: &Path, version: &str, env: &[&str]) -> String {
    let _lock = lock(&std::env::temp_dir().join("mizan-test-version.lock"));
    let (folder, file) = (backend.parent().expect("a path").display(), backend.display());
    let build = sh(&format!("sha256sum <{file} | cut -c-16"));
    let words: Vec<String> = [version].iter().chain(env).map(|word| word.replace('=', "-")).collect();
    let tag = format!("{REPOSITORY}:{build}-{}", words.join("-"));
    if !has_image(&tag) {
        let mut changes = format!("-c 'ENV VERSION={version}'");
        // Something is always under way; a knob of the same name comes later and wins.
        for knob in ["DELAY=30"].iter().chain(env) {
            let _ = write!(changes, " -c 'ENV {knob}'");
        }
        sh(&format!(
            "tar -ch --owner=0 --group=0 -C / lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 \
             lib/x86_64-linux-gnu/libgcc_s.so.1 lib/x86_64-linux-gnu/libm.so.6 -C {folder} test-backend | \
             docker import -c 'LABEL mizan.test=image' {changes} -c 'ENTRYPOINT [\"/test-backend\"]' - {tag}"
        ));
        remove_old(&build);
    }
    tag
}

/// The tags that a project has moved.
pub(super) fn remove_moving(project: &str) {
    let images = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "mizan-test-moving"]);
    for image in images.lines().filter(|image| image.contains(&format!(":{project}-"))) {
        run(&["image", "rm", image]);
    }
}

/// The newest come first in the list.
fn remove_old(build: &str) {
    let format = "{{.Repository}}:{{.Tag}}";
    let images =
        docker(&["image", "ls", "--filter", "label=mizan.test=image", "--format", format, REPOSITORY]);
    let mut builds = BTreeSet::from([build]);
    for image in images.lines() {
        let of = image.split([':', '-']).nth(3).unwrap_or_default();
        if builds.len() < KEPT {
            builds.insert(of);
        }
        if !builds.contains(of) {
            run(&["image", "rm", image]);
        }
    }
}
