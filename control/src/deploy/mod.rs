//! Deploys: from deploy.yml to containers, splits and a journal.
//!
//! `place.rs` is what deploy.yml says of one service in one environment; `preflight/` looks before anything is done;
//! `runner.rs` takes the steps one by one, as `mizan_rollout` says which is next, and writes each down before and after;
//! `steps/` has a file for each. What is leased at the proxy is held by `lease.rs`.

mod facts;
mod fault;
mod ground;
mod lease;
mod place;
pub(crate) mod preflight;
pub(crate) mod progress;
mod proxy;
mod reporter;
pub(crate) mod runner;
mod steps;
pub(crate) mod store;
mod who;
mod workshop;

pub(crate) use facts::{begun, last_word};
pub(crate) use ground::Ground;
pub(crate) use place::Place;
pub(crate) use proxy::Proxy;
pub(crate) use who::who;
pub(crate) use workshop::Workshop;
