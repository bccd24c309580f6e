//! Secrets of the authority and of the name server: they decode, and are never shown.

use super::{SECTION, acme, changed, env, model, silent, slip, warned};
use mizan_config::{load, parse};

#[test]
fn an_external_account_has_a_key_that_decodes() {
    let written = |keys: &str| format!("external_account: {{ {keys} }}");
    for (hmac, expected) in [("aHVudGVyMg", "aHVudGVyMg"), ("aHVudGVyMg==", "aHVudGVyMg"), ("_-_-", "_-_-")] {
        let account = model(&written(&format!("key_id: kid-1, hmac_key: {hmac}"))).external_account.unwrap();
        assert_eq!((account.key_id.as_str(), account.hmac_key.expose()), ("kid-1", expected));
    }
    slip(&written("key_id: \"\", hmac_key: AAAA"), "`` is no `key_id`");
    slip(&written("key_id: \"a\\nb\", hmac_key: AAAA"), "one line of text");
    slip(&written("key_id: a"), "`external_account` needs `hmac_key`");
    slip(&written("kid: a, hmac_key: AAAA"), "did you mean `key_id`?");
    slip(&written("key_id: a, hmac_key: \"AA+/\""), "base64url has - and _ where base64 has + and /");
    slip(&written("key_id: a, hmac_key: \"AAAA AAAA\""), "`hmac_key` is not base64url");
    slip(&written("key_id: a, hmac_key: A"), "copy it as the authority gives it");
    slip(&written("key_id: a, hmac_key: \"\""), "is not base64url");
    slip(&written("key_id: a, hmac_key: \"***\""), "write the secret itself");
    let literal = acme(&written("key_id: a, hmac_key: AAAA"));
    warned(&[(SECTION, &literal)], "the value of `hmac_key` stands in the file for all who may read it");
    silent(&[(SECTION, &acme(&written("key_id: a, hmac_key: \"${HMAC}\"")))]);
}

#[test]
fn secrets_are_read_from_files_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let read = |content: &str| {
        std::fs::write(folder.path().join("key"), content).unwrap();
        let both = "external_account: { key_id: k, hmac_key: { file: key } }, \
                    dns: { server: \"::1\", tsig: { name: k, secret: { file: key } } }";
        let file = folder.path().join("mizan.yml");
        std::fs::write(&file, changed(&[(SECTION, &acme(both))])).unwrap();
        load(&file)
    };
    let config = read("aHVudGVy\n").unwrap();
    let acme = config.acme.as_ref().unwrap();
    assert_eq!(acme.external_account.as_ref().unwrap().hmac_key.expose(), "aHVudGVy");
    assert!(!format!("{config:?}").contains("aHVudGVy"));
    let problems = read("hunter2!").unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(!format!("{problems}{problems:?}").contains("hunter2"), "{problems}");
}

#[test]
fn a_secret_in_the_file_is_masked_wherever_its_line_is_drawn() {
    for keys in [
        "external_account: { key_id: a, hmac_key: \"hunter2!\" }",
        "external_account: { key_id: a, hmack_ey: hunter2 }",
        "external_account: { kye: hunter2 }",
        "external_account: [hunter2]",
        "external_account: hunter2",
        "dns: { server: \"::1\", tsig: { name: a, secret: \"hunter2!\" } }",
        "dns: { server: \"::1\", tsig: { name: a, sceret: hunter2 } }",
        "dns: { server: x, tsig: { name: a, key: hunter2 } }",
        "dns: { server: \"::1\", tsig: hunter2 }",
        "external_account: { key_id: a, hmac_key: \"hunter2 }",
        "hmac_key: hunter2",
    ] {
        let problems = parse("mizan.yml", &changed(&[(SECTION, &acme(keys))]), &env).expect_err(keys);
        assert!(!format!("{problems}{problems:?}").contains("hunter2"), "{keys}\n{problems}");
    }
}
