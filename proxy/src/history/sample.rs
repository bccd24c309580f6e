//! A deploy under way, for tests.

use mizan_api::{Deploy, DeployKind, DeployStatus};

pub(crate) fn deploy(id: &str) -> Deploy {
    Deploy {
        id: id.to_owned(),
        number: 7,
        environment: "production".to_owned(),
        service: "api".to_owned(),
        kind: DeployKind::Deploy,
        strategy: "canary".to_owned(),
        image: "registry.test/api:v2".to_owned(),
        previous_image: Some("registry.test/api:v1".to_owned()),
        track: "green".to_owned(),
        by: "ali@host".to_owned(),
        status: DeployStatus::Running,
        step: "start green".to_owned(),
        steps_done: 1,
        steps: 9,
        why: String::new(),
        reason: None,
        started_unix_ms: 1000,
        updated_unix_ms: 1500,
        ended_unix_ms: None,
    }
}
