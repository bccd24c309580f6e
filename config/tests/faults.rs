//! What is found wrong after mizan.yml is decoded is told like any other problem of it.

use mizan_config::model::Place;
use mizan_config::{Examined, Fault, examine};

const TEXT: &str = r#"listen: { https: ":443" }
services:
  app: { endpoints: app:3000, health: { path: /, headers: { Cookie: hunter2 } } }
sites:
  - hosts: [example.com]
    tls: { certificate: a.pem, key: a.key, client_auth: { ca: ca.pem } }
    routes: [{ path: /, service: app }]
"#;

fn examined() -> Examined {
    examine("mizan.yml", TEXT, &|_| None).unwrap_or_else(|e| panic!("{e}"))
}

fn fault(place: &Place, message: &str) -> Fault {
    Fault { place: place.clone(), message: message.into(), hint: Some("look at it".into()) }
}

#[test]
fn a_fault_is_drawn_at_its_place() {
    let Examined { config, source, .. } = examined();
    let place = &config.sites[0].tls.as_ref().unwrap().certificates.files()[0].place;
    let drawn = source.problems(vec![fault(place, "a.pem has expired")]).to_string();
    let expected = "\
error: a.pem has expired
 --> mizan.yml:6:25
  |
6 |     tls: { certificate: a.pem, key: a.key, client_auth: { ca: ca.pem } }
  |                         ^^^^^
  |
  = help: look at it

mizan.yml: 1 problem
";
    assert_eq!(drawn, expected);
}

#[test]
fn faults_and_warnings_are_joined_in_file_order() {
    let Examined { config, warnings, source } = examined();
    let tls = config.sites[0].tls.as_ref().unwrap();
    let (certificate, ca) = (&tls.certificates.files()[0].place, &tls.client_auth.as_ref().unwrap().place);
    let faults = source.problems(vec![fault(ca, "second"), fault(certificate, "first")]);
    let again = source.problems(vec![fault(certificate, "first")]);
    let joined = faults.join(warnings).join(again);
    let messages: Vec<_> = joined.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        ["the value of `Cookie` stands in the file for all who may read it", "first", "second"]
    );
    assert_eq!(joined.file(), "mizan.yml");
}

#[test]
fn without_faults_there_are_no_problems() {
    let source = examined().source;
    assert!(source.problems(Vec::new()).is_empty());
}

#[test]
fn a_fault_shows_no_secret_and_neither_does_the_source() {
    let source = examined().source;
    let at = TEXT.find("/, headers").unwrap();
    let drawn = source.problems(vec![fault(&Place(at..at + 1), "here")]).to_string();
    assert!(drawn.contains("Cookie: ***"), "{drawn}");
    assert!(!format!("{source:?}").contains("hunter2"));
}

#[test]
fn a_place_beyond_the_text_is_its_end() {
    let problems = examined().source.problems(vec![fault(&Place(9000..9001), "where?")]);
    assert!(problems.lines().all(|line| line.starts_with("mizan.yml:8:1: where?")), "{problems}");
}
