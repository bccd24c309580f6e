//! The admin socket: HTTP/1.1 and JSON for the machine's own people and programs.
//!
//! `operations.rs` is the table of all that can be asked; it is what routes, and what the OpenAPI document is made of.
//! `resources/` has a file for each kind of thing.

mod bind;
mod call;
mod events;
mod openapi;
mod operations;
mod owner;
mod resources;
mod serve;

pub(crate) use bind::{AdminError, bind};
pub(crate) use serve::serve;

use crate::history::History;
use crate::lifecycle::Changer;
use crate::runtime::Runtime;
use crate::upstream::Service;
use mizan_api::{Problem, ProblemKind};
use std::sync::Arc;

/// What calls work on.
pub(crate) struct Admin {
    changer: Arc<Changer>,
    runtime: Arc<Runtime>,
    history: History,
}

impl Admin {
    pub(crate) fn new(changer: Arc<Changer>, runtime: Arc<Runtime>, history: History) -> Arc<Self> {
        Arc::new(Self { changer, runtime, history })
    }

    fn service(&self, name: &str) -> Result<Arc<Service>, Problem> {
        named(&self.runtime.snapshot().services, name)
    }
}

fn named(services: &[Arc<Service>], name: &str) -> Result<Arc<Service>, Problem> {
    services.iter().find(|service| service.name == name).cloned().ok_or_else(|| {
        let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
        Problem::new(ProblemKind::NotFound, format!("there is no service `{name}`; the services: {known}"))
    })
}
