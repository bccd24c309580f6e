use super::*;

fn wanted() -> Wanted {
    Wanted { file: "docker-compose.yml".to_owned(), ..Wanted::default() }
}

fn proposed(text: &str) -> Proposal {
    propose(text, &wanted()).unwrap()
}

fn refused(text: &str) -> String {
    propose(text, &wanted()).unwrap_err()
}

const SMALL: &str = "services:\n  api:\n    image: acme/api:1\n    ports: ['80:3000']\n    healthcheck: {test: curl -f http://localhost:3000/api/health}\n";

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compose");
    std::fs::read_to_string(format!("{folder}/{name}.yml")).unwrap()
}

#[test]
fn the_tracks_are_whole_services_with_an_image_of_their_own() {
    let text = proposed(&format!("version: \"3.8\"\n{SMALL}    user: '1000'\n")).compose;
    let text = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(
        text,
        r#"version: "3.8"

x-mizan-track: &track
  profiles:
    - mizan
  expose:
    - "3000"
  healthcheck:
    test: curl -f http://localhost:3000/api/health
  user: "1000"

services:
  api-blue:
    <<: *track
    image: "${API_BLUE_IMAGE:-acme/api:1}"
  api-green:
    <<: *track
    image: "${API_GREEN_IMAGE:-acme/api:1}""#
    );
}

#[test]
fn mizan_yml_is_sound_and_sends_requests_to_the_first_track() {
    let env = |_: &str| None;
    for name in ["kaleem-production", "kaleem-staging", "kaleem-development", "identity", "build", "flow"] {
        let proposal = proposed(&fixture(name));
        let examined = mizan_config::examine("mizan.yml", &proposal.mizan, &env).unwrap();
        assert_eq!(examined.warnings.iter().count(), 0, "{name}: {}", examined.warnings);
        let service = &examined.config.services[0];
        assert_eq!(service.name, proposal.service);
        let tracks: Vec<_> = service.tracks.iter().map(|track| track.name.as_str()).collect();
        assert_eq!((tracks, &service.split[..]), (vec!["blue", "green"], &[100, 0][..]), "{name}");
        // A whole file is made of the section with what every mizan.yml has.
        let whole = format!(
            "listen: {{ http: \":80\" }}\nresolver: {{ servers: [127.0.0.11] }}\nsites: [{{ hosts: [\"*\"], routes: [{{ path: /, service: {} }}] }}]\n{}",
            proposal.service, proposal.mizan_section
        );
        let section = mizan_config::parse("mizan.yml", &whole, &env).unwrap();
        assert_eq!(section.services, examined.config.services, "{name}");
    }
}

#[test]
fn the_port_and_the_path_are_the_health_checks_or_what_is_asked_for() {
    let text = proposed(&SMALL.replace("'80:3000'", "'9229:9229', '80:3000'")).mizan;
    assert!(text.contains("blue: \"api-blue:3000\"") && text.contains("path: \"/api/health\""), "{text}");
    let wanted = Wanted { port: Some(8080), health: Some("/up?a=$x".into()), ..wanted() };
    let text = propose(SMALL, &wanted).unwrap().mizan;
    assert!(text.contains("green: \"api-green:8080\"") && text.contains("path: \"/up?a=$$x\""), "{text}");
    let plain = proposed("services: {api: {build: ., expose: [3000]}}");
    assert!(plain.mizan.contains("path: \"/health\""));
    assert!(plain.remarks.iter().any(|remark| remark.contains("mizan asks /health; --health")));
    let wanted = Wanted { health: Some("/a b".into()), ..wanted };
    assert!(propose(SMALL, &wanted).unwrap_err().contains("mizan.yml would not be sound"));
}

#[test]
fn deploy_yml_is_sound_and_names_the_tracks() {
    let wanted = Wanted { overriding: Some("over ride.yml".into()), ..wanted() };
    let text = propose(&format!("name: shop\n{}", fixture("no-version")), &wanted).unwrap().deploy;
    let examined = mizan_config::deploy::examine("deploy.yml", &text, &|_| None).unwrap();
    assert_eq!(examined.warnings.iter().count(), 0, "{}", examined.warnings);
    let environment = &examined.file.environments[0];
    assert_eq!((environment.name.as_str(), environment.compose.project.as_str()), ("production", "shop"));
    let files: Vec<_> = environment.compose.files.iter().map(|file| file.file_name().unwrap()).collect();
    assert_eq!(files, ["docker-compose.yml", "over ride.yml", COMPOSE_FILE]);
    let service = &examined.file.services[0];
    assert_eq!((service.name.as_str(), service.replicas), ("api", Some(4)));
    let tracks: Vec<_> = service
        .tracks
        .iter()
        .map(|track| (track.name.as_str(), track.compose_service.as_str(), track.image_variable.as_str()))
        .collect();
    assert_eq!(tracks, [("blue", "api-blue", "API_BLUE_IMAGE"), ("green", "api-green", "API_GREEN_IMAGE")]);
}

#[test]
fn what_deploy_yml_suggests_is_sound_when_the_marks_go() {
    let text = proposed(SMALL).deploy.replace("blue_green", "canary");
    let uncommented = |line: &str| {
        let (indent, rest) = line.split_once("# ").unwrap_or((line, ""));
        let key = rest.trim_start().split([':', ' ']).next().unwrap_or_default();
        let keys = ["canary", "hooks", "before_deploy", "migrate", "smoke", "notify", "-"];
        if keys.contains(&key) { format!("{indent}{rest}\n") } else { format!("{line}\n") }
    };
    let text: String = text.lines().map(uncommented).collect();
    let env = |name: &str| (name == "DEPLOY_WEBHOOK").then(|| "https://hooks.example.com/x".to_owned());
    let examined =
        mizan_config::deploy::examine("deploy.yml", &text, &env).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let service = &examined.file.services[0];
    assert_eq!((service.canary.len(), service.hooks.len(), examined.file.notify.len()), (3, 3, 1), "{text}");
}

#[test]
fn an_image_with_a_variable_is_no_default_of_another() {
    for text in
        [SMALL.replace("acme/api:1", "acme/api:${TAG:-1}"), SMALL.replace("image: acme/api:1", "build: .")]
    {
        let proposal = proposed(&text);
        assert!(
            proposal.compose.contains("image: \"${API_BLUE_IMAGE:-mizan/not-set}\""),
            "{}",
            proposal.compose
        );
        assert!(
            proposal.remarks.iter().any(|remark| remark.contains("sets API_BLUE_IMAGE and API_GREEN_IMAGE"))
        );
    }
    assert_eq!(image_variable("my_app.api-2", "blue"), "MY_APP_API_2_BLUE_IMAGE");
    assert_eq!(image_variable("2web", "green"), "_2WEB_GREEN_IMAGE");
}

#[test]
fn the_projects_name_is_the_env_files_or_the_compose_files() {
    let text = format!("name: shop\n{SMALL}");
    assert!(proposed(&text).deploy.contains("      project: shop\n"));
    let wanted = Wanted { project: Some("other".into()), ..wanted() };
    assert!(propose(&text, &wanted).unwrap().deploy.contains("      project: other\n"));
    let variable = proposed(&format!("name: ${{NAME}}\n{SMALL}"));
    assert!(
        !variable.deploy.contains("project:") && variable.remarks.iter().any(|r| r.contains("`${NAME}`"))
    );
    assert!(!proposed(SMALL).deploy.contains("project:"));
}

#[test]
fn who_depends_on_the_old_service_is_told() {
    let text = format!(
        "{SMALL}  nginx: {{image: nginx, depends_on: [api]}}\n  x: {{image: redis, depends_on: {{api: {{condition: service_started}}}}}}\n"
    );
    let remarks = proposed(&text).remarks;
    assert!(
        remarks.iter().any(|remark| remark.contains("`depends_on: api` of nginx, x starts")),
        "{remarks:?}"
    );
}

#[test]
fn who_has_the_port_that_mizan_wants_is_told() {
    let remarks = proposed(&fixture("kaleem-production")).remarks;
    assert!(
        remarks.iter().any(|remark| remark.contains("published by nginx: mizan takes it over")),
        "{remarks:?}"
    );
    assert!(!proposed(&fixture("ports")).remarks.iter().any(|remark| remark.contains("port 80")));
}

#[test]
fn what_is_no_compose_file_or_has_its_tracks_is_refused() {
    assert!(refused("api: {image: a}").contains("no `services`"));
    assert!(refused("").contains("no `services`"));
    assert!(refused("services: [a]").contains("no `services`"));
    let tracks = refused("services: {api: {build: ., ports: [80]}, api-blue: {image: a}}");
    assert!(tracks.contains("has a service `api-blue` already"), "{tracks}");
    assert!(refused("services: {'a/b': {build: ., ports: [80]}}").contains("`a/b` is no name"));
    let wanted = Wanted { service: Some("db".into()), ..wanted() };
    let error = propose("services: {db: {image: postgres}}", &wanted).unwrap_err();
    assert!(error.contains("which port `db` listens on") && error.contains("--port"), "{error}");
}

#[test]
fn names_in_comments_stay_in_their_comments() {
    let wanted = Wanted { file: "a\nservices: {}\n#.yml".into(), ..wanted() };
    let proposal = propose(SMALL, &wanted).unwrap();
    for text in [&proposal.compose, &proposal.mizan, &proposal.mizan_section, &proposal.deploy] {
        assert!(!text.contains("\nservices: {}"), "{text}");
    }
}
