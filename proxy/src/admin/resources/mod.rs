//! What can be asked, a file for each kind of thing.

pub(super) mod certificates;
pub(super) mod config;
pub(super) mod deploys;
pub(super) mod drain;
pub(super) mod events;
pub(super) mod metrics;
pub(super) mod services;
pub(super) mod split;
pub(super) mod stats;
pub(super) mod status;
