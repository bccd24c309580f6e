//! What a version is in Compose.

use super::{changed, one, parsed, problems, told};
use mizan_config::deploy::model::{StrategyName, Track};

const BLUE: &str = "      blue: { compose_service: api-blue, image_variable: API_BLUE_IMAGE }\n";
const GREEN: &str = "      green: { compose_service: api-green, image_variable: API_GREEN_IMAGE }\n";

/// The file of one service with these keys.
fn alone(keys: &str) -> String {
    format!("services:\n  api: {{ {keys} }}\n")
}

fn track(name: &str, compose_service: &str, image_variable: &str) -> Track {
    Track {
        name: name.into(),
        compose_service: compose_service.into(),
        image_variable: image_variable.into(),
    }
}

#[test]
fn a_service_has_two_tracks_in_file_order() {
    let blue = track("blue", "api-blue", "API_BLUE_IMAGE");
    let green = track("green", "api-green", "API_GREEN_IMAGE");
    assert_eq!(parsed(super::SOUND).services[0].tracks, [blue.clone(), green.clone()]);
    let text = changed(BLUE, "").replace(GREEN, &format!("{GREEN}{BLUE}"));
    assert_eq!(parsed(&text).services[0].tracks, [green, blue]);
}

#[test]
fn a_service_without_tracks_is_rolled() {
    let service = parsed(&alone("compose_service: api, image_variable: API_IMAGE")).services.remove(0);
    assert_eq!(service.tracks, [track("", "api", "API_IMAGE")]);
    assert_eq!(service.strategy, StrategyName::Rolling);
    let rolling = alone("compose_service: api, image_variable: API_IMAGE, strategy: rolling");
    assert_eq!(parsed(&rolling).services[0].strategy, StrategyName::Rolling);
}

#[test]
fn what_a_version_is_must_be_said_once() {
    one(&problems(&alone("replicas: 1")), "the service `api` has neither `tracks` nor `compose_service`");
    one(&problems(&alone("compose_service: api")), "`compose_service` without `image_variable`");
    one(&problems(&alone("image_variable: API")), "`image_variable` without `compose_service`");
    one(&problems(&alone("compose_servce: api, image_variable: A")), "did you mean `compose_service`?");
    one(&problems(&alone("track: {}")), "did you mean `tracks`?");
}

#[test]
fn tracks_and_keys_of_a_service_without_them_do_not_go_together() {
    super::slip("compose_service: api", "`api` has both `tracks` and `compose_service`");
    super::slip("image_variable: API", "`api` has both `tracks` and `image_variable`");
}

#[test]
fn only_tracks_can_share_requests() {
    for strategy in ["blue_green", "canary"] {
        let keys = format!("compose_service: api, image_variable: API, strategy: {strategy}");
        one(&problems(&alone(&keys)), &format!("the strategy `{strategy}` needs `tracks`"));
        let misspelt = alone(&format!("trakcs: {{}}, strategy: {strategy}"));
        one(&problems(&misspelt), "did you mean `tracks`?");
    }
}

#[test]
fn there_are_exactly_two_tracks() {
    told(GREEN, "", "there are two tracks, not 1");
    let third = "      red: { compose_service: api-red, image_variable: API_RED_IMAGE }\n";
    told(GREEN, &format!("{GREEN}{third}"), "there are two tracks, not 3");
    told(BLUE, &format!("{BLUE}{}", BLUE.replace("blue:", "blue: ")), "`blue` is here twice");
    one(&problems(&alone("tracks: {}")), "there are two tracks, not 0");
    one(&problems(&alone("tracks: [blue, green]")), "`tracks` must be a mapping");
}

#[test]
fn two_tracks_share_nothing() {
    told("api-green,", "api-blue,", "the tracks `blue` and `green` have the same `compose_service`");
    told("API_GREEN_IMAGE", "API_BLUE_IMAGE", "the tracks `blue` and `green` have the same `image_variable`");
    // One name may be both.
    let text = changed("api-green,", "API_BLUE_IMAGE,");
    assert_eq!(parsed(&text).services[0].tracks[1].compose_service, "API_BLUE_IMAGE");
}

#[test]
fn a_track_says_both() {
    told(GREEN, "      green: { compose_service: api-green }\n", "a track needs `image_variable`");
    told(GREEN, "      green: { image_variable: G }\n", "a track needs `compose_service`");
    told(GREEN, "      green: api-green\n", "a track must be a mapping, not text");
    told(GREEN, "      green: { service: g, image_variable: G }\n", "did you mean `compose_service`?");
    told(GREEN, "      green: { compose_service: g, image: G }\n", "did you mean `image_variable`?");
}

#[test]
fn names_of_compose_are_checked() {
    for wrong in ["\"\"", "\"a b\"", "-a", "a/b"] {
        told("api-green,", &format!("{wrong},"), "is no name of a Compose service");
    }
    for wrong in ["\"\"", "1A", "A-B", "\"A B\"", "é"] {
        told("API_GREEN_IMAGE", wrong, "is no name of a variable");
    }
    told("API_GREEN_IMAGE", "$API_IMAGE", "write API_IMAGE, without the dollar sign");
    told("API_GREEN_IMAGE", "\"${API_IMAGE}\"", "is a variable's name, not what it holds (write API_IMAGE)");
    told("API_GREEN_IMAGE", "\"${API_IMAGE:-api:v1}\"", "(write API_IMAGE)");
}
