//! What a report must keep to: the limits that the type's comments tell.

use mizan_api::{
    DEPLOY_BY_MOST, DEPLOY_ID_MOST, DEPLOY_IMAGE_MOST, DEPLOY_NAME_MOST, DEPLOY_STEP_MOST, DEPLOY_WHY_MOST,
    DEPLOY_WORD_MOST, Deploy,
};

/// What is wrong with it, if anything is. The value is not in the words: it may be long, and hold anything.
pub(crate) fn sound(deploy: &Deploy) -> Result<(), String> {
    name("id", &deploy.id, DEPLOY_ID_MOST)?;
    name("environment", &deploy.environment, DEPLOY_NAME_MOST)?;
    name("service", &deploy.service, DEPLOY_NAME_MOST)?;
    if !deploy.track.is_empty() {
        name("track", &deploy.track, DEPLOY_NAME_MOST)?;
    }
    word("strategy", &deploy.strategy)?;
    if let Some(reason) = &deploy.reason {
        word("reason", reason)?;
    }
    image("image", &deploy.image)?;
    if let Some(previous) = &deploy.previous_image {
        image("previous_image", previous)?;
    }
    text("by", &deploy.by, DEPLOY_BY_MOST)?;
    text("step", &deploy.step, DEPLOY_STEP_MOST)?;
    text("why", &deploy.why, DEPLOY_WHY_MOST)?;
    let status = deploy.status.as_str();
    match (deploy.status.has_ended(), deploy.ended_unix_ms) {
        (true, None) => Err(format!("the status `{status}` is an end, so `ended_unix_ms` must say when")),
        (false, Some(_)) => Err(format!("the status `{status}` is no end, so there is no `ended_unix_ms`")),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

/// As names of services in mizan.yml.
pub(crate) fn name(field: &str, text: &str, most: usize) -> Result<(), String> {
    let sound = text.len() <= most
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let rule = || {
        format!(
            "`{field}` has up to {most} letters, digits, `-`, `_` and `.`, and begins with a letter or digit"
        )
    };
    sound.then_some(()).ok_or_else(rule)
}

fn word(field: &str, text: &str) -> Result<(), String> {
    let sound = !text.is_empty()
        && text.len() <= DEPLOY_WORD_MOST
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    sound.then_some(()).ok_or_else(|| format!("`{field}` has 1 to {DEPLOY_WORD_MOST} letters and `_`"))
}

fn image(field: &str, reference: &str) -> Result<(), String> {
    let sound =
        !reference.is_empty() && !reference.contains(|one: char| one.is_whitespace() || one.is_control());
    if !sound {
        return Err(format!("`{field}` names an image, without white space"));
    }
    text(field, reference, DEPLOY_IMAGE_MOST)
}

fn text(field: &str, text: &str, most: usize) -> Result<(), String> {
    let sound = text.chars().count() <= most;
    sound.then_some(()).ok_or_else(|| format!("`{field}` has up to {most} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample::deploy;
    use mizan_api::DeployStatus;

    #[test]
    fn a_report_within_the_limits_is_sound() {
        let good = deploy("2026-11-21T10.00_api-7");
        assert_eq!(sound(&good), Ok(()));
        assert_eq!(sound(&Deploy { id: "a".repeat(128), track: String::new(), ..good.clone() }), Ok(()));
        assert_eq!(
            sound(&Deploy { why: "é\n\x1b".repeat(1365), previous_image: None, ..good.clone() }),
            Ok(())
        );
        let status = DeployStatus::Failed;
        assert_eq!(sound(&Deploy { status, ended_unix_ms: Some(1), ..good }), Ok(()));
    }

    #[test]
    fn what_is_not_as_it_must_be_is_named() {
        let good = deploy("a");
        let long = |length: usize| "x".repeat(length);
        let cases: [(&str, Deploy); 19] = [
            ("id", Deploy { id: String::new(), ..good.clone() }),
            ("id", Deploy { id: long(129), ..good.clone() }),
            ("id", Deploy { id: "..".into(), ..good.clone() }),
            ("id", Deploy { id: "a/b".into(), ..good.clone() }),
            ("environment", Deploy { environment: String::new(), ..good.clone() }),
            ("environment", Deploy { environment: long(65), ..good.clone() }),
            ("service", Deploy { service: "a b".into(), ..good.clone() }),
            ("service", Deploy { service: "é".into(), ..good.clone() }),
            ("track", Deploy { track: "-a".into(), ..good.clone() }),
            ("strategy", Deploy { strategy: String::new(), ..good.clone() }),
            ("strategy", Deploy { strategy: "blue-green".into(), ..good.clone() }),
            ("reason", Deploy { reason: Some(long(33)), ..good.clone() }),
            ("image", Deploy { image: String::new(), ..good.clone() }),
            ("image", Deploy { image: long(1025), ..good.clone() }),
            ("previous_image", Deploy { previous_image: Some("a\x07".into()), ..good.clone() }),
            ("by", Deploy { by: long(257), ..good.clone() }),
            ("step", Deploy { step: long(1025), ..good.clone() }),
            ("ended_unix_ms", Deploy { status: DeployStatus::RolledBack, ..good.clone() }),
            ("ended_unix_ms", Deploy { ended_unix_ms: Some(1), ..good }),
        ];
        for (field, deploy) in cases {
            let why = sound(&deploy).expect_err(field);
            assert!(why.contains(&format!("`{field}`")), "{field}: {why}");
        }
    }

    #[test]
    fn what_the_client_cuts_fits() {
        let long = "é".repeat(10_000);
        let deploy = Deploy { by: long.clone(), step: long.clone(), why: long, ..deploy("a") };
        let fitted = deploy.fitted();
        assert_eq!(sound(&fitted), Ok(()));
        assert!(fitted.why.starts_with('é') && fitted.why.ends_with('…'));
    }
}
