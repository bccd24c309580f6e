//! Certificates that the proxy gets and renews by itself (ACME, RFC 8555).
//!
//! [`Agent`] keeps what a configuration wants; [`Answers`] is what the data plane needs of it; [`import`] takes over what
//! certbot got. Decisions are pure: when something is due in `mizan_certs::renewal`, what stands in a name's way in
//! `doctor/judge`.

mod account;
mod agent;
mod answers;
mod client;
mod clock;
mod dns;
mod doctor;
pub mod import;
mod order;
mod overview;
mod resolver;
mod settings;
mod store;
mod trouble;

pub use agent::{Agent, News, Plan, PlanError, RenewError};
pub use answers::{ACME_TLS, Answers, PATH};
pub use settings::Settings;
pub use store::StoreError;
