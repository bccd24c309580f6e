//! Why a step failed.

use super::ground::LookError;
use super::proxy;
use crate::compose::DockerError;
use mizan_api::ClientError;
use mizan_rollout::Reason;

/// The reason, the words for people, and the end of what a command printed.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) why: String,
    pub(crate) output: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), output: String::new() }
    }
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        Self::new(proxy::reason(&error), error.to_string())
    }
}

impl From<DockerError> for Fault {
    fn from(error: DockerError) -> Self {
        Self::new(Reason::Docker, error.to_string())
    }
}

impl From<LookError> for Fault {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Proxy(error) => error.into(),
            LookError::Docker(error) => error.into(),
        }
    }
}
