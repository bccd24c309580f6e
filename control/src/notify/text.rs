//! What is said: a template's text or a sentence, in the form that the other side reads.

use super::Facts;
use mizan_config::deploy::model::{NotifyOn, Webhook, WebhookFormat};
use serde::Serialize;

/// So many characters of the reason are told; some chats refuse a message of more than 2000.
const LONGEST_WHY: usize = 1000;

/// The request's body.
pub(super) fn body(webhook: &Webhook, on: NotifyOn, facts: &Facts) -> Vec<u8> {
    #[derive(Serialize)]
    struct Slack {
        text: String,
    }
    #[derive(Serialize)]
    struct Json<'a> {
        text: String,
        #[serde(flatten)]
        facts: &'a Facts,
    }
    let body = match webhook.format {
        WebhookFormat::Slack => serde_json::to_vec(&Slack { text: text(webhook, on, &escaped(facts)) }),
        WebhookFormat::Json => serde_json::to_vec(&Json { text: text(webhook, on, facts), facts }),
    };
    body.expect("strings and numbers are JSON")
}

/// "that api is deployed in production", for those who read why somebody else was not told.
pub(super) fn that(on: NotifyOn, facts: &Facts) -> String {
    let Facts { service, environment, .. } = facts;
    let what = match on {
        NotifyOn::Started => "begins",
        NotifyOn::Deployed => "is done",
        NotifyOn::RolledBack => "was rolled back",
        NotifyOn::Failed => "failed",
        NotifyOn::Waiting => "waits",
    };
    format!("that {} {} of {service} in {environment} {what}", facts.kind, facts.number)
}

fn text(webhook: &Webhook, on: NotifyOn, facts: &Facts) -> String {
    let mut facts = facts.clone();
    if let Some((at, _)) = facts.why.char_indices().nth(LONGEST_WHY) {
        facts.why.truncate(at);
        facts.why.push('…');
    }
    webhook.text.as_ref().map_or_else(|| sentence(on, &facts), |template| filled(template, &facts))
}

/// In one pass: a value that looks like a placeholder stays as it is. So does what is none.
fn filled(template: &str, facts: &Facts) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        match after.split_once('}').and_then(|(name, after)| Some((value(name, facts)?, after))) {
            Some((value, after)) => {
                text += &value;
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

fn value(name: &str, facts: &Facts) -> Option<String> {
    Some(match name {
        "service" => facts.service.clone(),
        "environment" => facts.environment.clone(),
        "image" => facts.image.clone(),
        "previous" => facts.previous.clone(),
        "status" => facts.status.clone(),
        "why" => facts.why.clone(),
        "strategy" => facts.strategy.clone(),
        "duration" => duration(facts.duration_ms),
        "number" => facts.number.to_string(),
        "by" => facts.by.clone(),
        "track" => facts.track.clone(),
        _ => return None,
    })
}

/// What is said where no template is given.
fn sentence(on: NotifyOn, facts: &Facts) -> String {
    let Facts { service, environment, image, previous, .. } = facts;
    let took = duration(facts.duration_ms);
    let strategy = facts.strategy.replace('_', "-");
    let by = if facts.by.is_empty() { String::new() } else { format!("by {}", facts.by) };
    let aside = |pieces: &[&str]| {
        let pieces: Vec<&str> = pieces.iter().copied().filter(|piece| !piece.is_empty()).collect();
        if pieces.is_empty() { String::new() } else { format!(" ({})", pieces.join(", ")) }
    };
    let because = match facts.why.trim_end_matches(['.', '\n']) {
        "" => String::new(),
        why => format!(": {why}"),
    };
    let back = facts.kind == "rollback";
    match on {
        NotifyOn::Started if back => {
            format!("{service}: {environment} goes back to {image}{}{because}", aside(&[&by]))
        }
        NotifyOn::Started => {
            format!("{service}: {image} is being deployed in {environment}{}", aside(&[&strategy, &by]))
        }
        // A rollback's own good end, by whichever name.
        NotifyOn::Deployed | NotifyOn::RolledBack if back => {
            let from = if previous.is_empty() { String::new() } else { format!("instead of {previous}") };
            format!(
                "{service}: {image} serves again in {environment}{}{because}",
                aside(&[&from, &took, &by])
            )
        }
        NotifyOn::Deployed => {
            format!("{service}: {image} is deployed in {environment}{}", aside(&[&strategy, &took, &by]))
        }
        NotifyOn::RolledBack => {
            let serves = if previous.is_empty() { String::new() } else { format!("; {previous} serves") };
            format!("{service}: {image} was rolled back in {environment} after {took}{because}{serves}")
        }
        NotifyOn::Failed if back => {
            format!("{service}: {environment} could not go back to {image}{}{because}", aside(&[&took, &by]))
        }
        NotifyOn::Failed => {
            format!(
                "{service}: {image} was not deployed in {environment}{}{because}",
                aside(&[&strategy, &took, &by])
            )
        }
        NotifyOn::Waiting => format!(
            "{service}: {image} waits in {environment} for `mizanctl promote {service} --env {environment}`{}{because}",
            aside(&[&strategy, &took, &by])
        ),
    }
}

/// The two greatest units: `850ms`, `40s`, `12m 3s`, `1h 2m`.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// As Slack wants values, so that no name or error becomes a link or calls everybody. The template's own `<!here>` is meant.
fn escaped(facts: &Facts) -> Facts {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Facts {
        environment: escape(&facts.environment),
        service: escape(&facts.service),
        number: facts.number,
        kind: facts.kind.clone(),
        strategy: escape(&facts.strategy),
        image: escape(&facts.image),
        previous: escape(&facts.previous),
        track: escape(&facts.track),
        status: escape(&facts.status),
        why: escape(&facts.why),
        by: escape(&facts.by),
        duration_ms: facts.duration_ms,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mizan_config::secret::Secret;
    use std::time::Duration;

    pub(in super::super) fn facts() -> Facts {
        Facts {
            environment: "production".to_owned(),
            service: "api".to_owned(),
            number: 17,
            kind: "deploy".to_owned(),
            strategy: "blue_green".to_owned(),
            image: "registry/api:v2".to_owned(),
            previous: "registry/api:v1".to_owned(),
            track: "green".to_owned(),
            status: "deployed".to_owned(),
            why: String::new(),
            by: "ali@host".to_owned(),
            duration_ms: 723_000,
        }
    }

    pub(in super::super) fn webhook(url: &str, format: WebhookFormat) -> Webhook {
        Webhook {
            url: Secret::new(url.to_owned()),
            format,
            on: vec![NotifyOn::Deployed, NotifyOn::RolledBack, NotifyOn::Failed],
            text: None,
            timeout: Duration::from_secs(5),
        }
    }

    fn said(webhook: &Webhook, facts: &Facts) -> String {
        let body: serde_json::Value =
            serde_json::from_slice(&body(webhook, NotifyOn::Deployed, facts)).unwrap();
        body["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn every_event_has_its_sentence() {
        let facts = Facts { why: "12 of 60 requests failed.".to_owned(), ..facts() };
        assert_eq!(
            sentence(NotifyOn::Started, &facts),
            "api: registry/api:v2 is being deployed in production (blue-green, by ali@host)"
        );
        assert_eq!(
            sentence(NotifyOn::Deployed, &facts),
            "api: registry/api:v2 is deployed in production (blue-green, 12m 3s, by ali@host)"
        );
        assert_eq!(
            sentence(NotifyOn::RolledBack, &Facts { duration_ms: 40_900, ..facts.clone() }),
            "api: registry/api:v2 was rolled back in production after 40s: 12 of 60 requests failed; registry/api:v1 serves"
        );
        assert_eq!(
            sentence(NotifyOn::Failed, &facts),
            "api: registry/api:v2 was not deployed in production (blue-green, 12m 3s, by ali@host): 12 of 60 requests failed"
        );
        assert_eq!(
            sentence(NotifyOn::Waiting, &Facts { why: String::new(), ..facts }),
            "api: registry/api:v2 waits in production for `mizanctl promote api --env production` (blue-green, 12m 3s, by ali@host)"
        );
    }

    #[test]
    fn a_rollback_that_somebody_asked_for_has_sentences_of_its_own() {
        let facts = Facts {
            kind: "rollback".to_owned(),
            image: "registry/api:v1".to_owned(),
            previous: "registry/api:v2".to_owned(),
            ..facts()
        };
        assert_eq!(
            sentence(NotifyOn::Started, &facts),
            "api: production goes back to registry/api:v1 (by ali@host)"
        );
        let done = "api: registry/api:v1 serves again in production (instead of registry/api:v2, 12m 3s, by ali@host)";
        assert_eq!(sentence(NotifyOn::RolledBack, &facts), done);
        assert_eq!(sentence(NotifyOn::Deployed, &facts), done);
        assert_eq!(
            sentence(NotifyOn::Failed, &Facts { why: "no".to_owned(), ..facts }),
            "api: production could not go back to registry/api:v1 (12m 3s, by ali@host): no"
        );
    }

    #[test]
    fn what_is_not_known_leaves_no_gap() {
        let facts = Facts { previous: String::new(), by: String::new(), strategy: String::new(), ..facts() };
        assert_eq!(
            sentence(NotifyOn::Started, &facts),
            "api: registry/api:v2 is being deployed in production"
        );
        assert_eq!(
            sentence(NotifyOn::RolledBack, &facts),
            "api: registry/api:v2 was rolled back in production after 12m 3s"
        );
    }

    #[test]
    fn a_template_has_every_value_once() {
        let facts = Facts { why: "{service} is {down".to_owned(), ..facts() };
        let template = "{service} {environment} {image} {previous} {status} {why} {strategy} {duration} {number} {by} {track}";
        assert_eq!(
            filled(template, &facts),
            "api production registry/api:v2 registry/api:v1 deployed {service} is {down blue_green 12m 3s 17 ali@host green"
        );
        assert_eq!(filled("{x} {} {{service}} }{ {", &facts), "{x} {} {api} }{ {");
    }

    #[test]
    fn slack_gets_values_that_cannot_call_everybody() {
        let mut slack = webhook("https://h.test/x", WebhookFormat::Slack);
        slack.text = Some("<!here> {why}".to_owned());
        let facts = Facts { why: "<!channel> a && b".to_owned(), ..facts() };
        assert_eq!(said(&slack, &facts), "<!here> &lt;!channel&gt; a &amp;&amp; b");
        slack.format = WebhookFormat::Json;
        assert_eq!(said(&slack, &facts), "<!here> <!channel> a && b");
    }

    #[test]
    fn json_has_every_value_and_the_text() {
        let json = body(&webhook("https://h.test/x", WebhookFormat::Json), NotifyOn::Deployed, &facts());
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "text": "api: registry/api:v2 is deployed in production (blue-green, 12m 3s, by ali@host)",
                "environment": "production", "service": "api", "number": 17, "kind": "deploy",
                "strategy": "blue_green", "image": "registry/api:v2", "previous": "registry/api:v1",
                "track": "green", "status": "deployed", "why": "", "by": "ali@host", "duration_ms": 723_000,
            })
        );
    }

    #[test]
    fn a_long_reason_is_cut() {
        let facts = Facts { why: "é".repeat(5000), ..facts() };
        let text = text(&webhook("https://h.test/x", WebhookFormat::Json), NotifyOn::Failed, &facts);
        assert!(text.ends_with("éé…") && text.chars().count() < 1200, "{text}");
    }

    #[test]
    fn durations_have_two_units() {
        assert_eq!(
            [0, 850, 1000, 59_999, 723_000, 3_720_000].map(duration),
            ["0ms", "850ms", "1s", "59s", "12m 3s", "1h 2m"]
        );
    }
}
