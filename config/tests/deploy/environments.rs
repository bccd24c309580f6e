//! `environments`: where versions run.

use super::{SOCKET, SOUND, changed, one, parsed, problems, told};
use mizan_config::deploy::model::Environment;
use std::path::Path;

/// The environment of the sound file with these keys in place of its own.
#[track_caller]
fn environment(keys: &str) -> Environment {
    parsed(&changed(SOCKET, &format!("    {keys}"))).environments.remove(0)
}

#[track_caller]
fn slip(keys: &str, expected: &str) {
    told(SOCKET, &format!("    {keys}"), expected);
}

#[test]
fn without_environments_there_is_one_with_every_default() {
    let text = format!("services:{}", SOUND.split("services:").nth(1).unwrap());
    let file = parsed(&text);
    let [only] = file.environments.as_slice() else { panic!("{:?}", file.environments) };
    assert_eq!(
        (only.name.as_str(), only.socket.as_path()),
        ("production", Path::new("/run/mizan/admin.sock"))
    );
    assert_eq!((&only.url, &only.after, only.variables.len()), (&None, &None, 0));
    assert_eq!(only.compose.project, "app");
    assert_eq!(only, &environment("variables: []"));
    assert_eq!(file.state, Path::new("/srv/app/.mizan"));
}

#[test]
fn what_an_environment_says_is_what_it_gets() {
    let all =
        environment("url: https://api.example.com\n    socket: unix:mizan.sock\n    variables: [A, _b1]");
    assert_eq!(all.socket, Path::new("/srv/app/mizan.sock"));
    assert_eq!(all.url.as_deref(), Some("https://api.example.com"));
    assert_eq!(all.variables, ["A", "_b1"]);
    assert_eq!(environment("socket: unix:///run/m.sock").socket, Path::new("/run/m.sock"));
    assert_eq!(parsed(&format!("state: /var/lib/mizanctl\n{SOUND}")).state, Path::new("/var/lib/mizanctl"));
}

#[test]
fn an_environment_is_checked() {
    slip("socket: https://10.0.0.1", "`socket` must be a Unix socket");
    slip("socket: \"\"", "is no path");
    slip("socket: \"a\\nb\"", "a path has no control characters");
    slip(&format!("socket: /{}", "x".repeat(107)), "too long for a Unix socket");
    slip("url: api.example.com", "did you mean https://api.example.com?");
    slip("url: ftp://api.example.com", "`url` is no URL of http or https");
    slip("url: https://", "`url` is no URL of http or https");
    slip("variables: A", "`variables` must be a list");
    slip("variables: [A, A]", "the variable `A` is here twice");
    slip("variables: [$A]", "write A, without the dollar sign");
    slip("variables: [\"${A}\"]", "(write A)");
    slip("files: [a.yml]", "it stands in `compose` of an environment");
    slip("admin: /s", "did you mean `socket`?");
    slip("depends_on: x", "did you mean `after`?");
    one(
        &problems(&format!("environments: {{}}\nservices:{}", SOUND.split("services:").nth(1).unwrap())),
        "`environments` is empty",
    );
    one(&problems(&format!("state: \"\"\n{SOUND}")), "give `state` a path");
}

#[test]
fn an_environment_comes_after_another_one() {
    let two = |first: &str, second: &str| {
        changed(
            "  production:\n    socket: /run/mizan/admin.sock",
            &format!("  staging: {{ {first} }}\n  production: {{ {second} }}"),
        )
    };
    let file = parsed(&two("", "after: staging"));
    assert_eq!(file.environments[1].after.as_deref(), Some("staging"));
    one(&problems(&two("", "after: stagin")), "there is no environment `stagin` (did you mean `staging`?)");
    one(&problems(&two("", "after: moon")), "add it to `environments`");
    one(&problems(&two("", "after: production")), "an environment cannot be after itself");
    one(&problems(&two("after: production", "after: staging")), "in a circle");
    let three = "environments:\n  a: { after: c }\n  b: { after: a }\n  c: { after: b }\n  d: { after: a }\nservices:";
    one(&problems(&format!("{three}{}", SOUND.split("services:").nth(1).unwrap())), "in a circle");
    let two_circles = three.replace("d: { after: a }", "d: { after: e }\n  e: { after: d }");
    let found = problems(&format!("{two_circles}{}", SOUND.split("services:").nth(1).unwrap()));
    assert_eq!(found.len(), 2, "{found}");
    let line = three.replace("a: { after: c }", "a: {}");
    assert_eq!(parsed(&format!("{line}{}", SOUND.split("services:").nth(1).unwrap())).environments.len(), 4);
    // One that could not be read is there all the same.
    one(&problems(&two("sockt: /s", "after: staging")), "did you mean `socket`?");
}
