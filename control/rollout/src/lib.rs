//! What is decided in a deploy. Pure: no clock, no IO; values in, values out.
//!
//! A [`Plan`] is the steps of one deploy, fixed when it begins. What happens is written down as [`Record`]s; [`State`] is
//! what they add up to, and says what comes [`Next`]. A process that is killed anywhere leaves the records, and the next
//! one goes on from them. [`line`] is the form the records have in the journal; [`limits`] says when a version that takes
//! traffic is taken back.

mod back;
pub mod limits;
pub mod line;
mod plan;
mod record;
mod state;
mod step;

pub use plan::{CanaryStep, Deploying, Image, Kind, Plan, RollingBack, Strategy, deploy, roll_back};
pub use record::{Reason, Record, Status};
pub use state::{Mark, Misplaced, Next, State, WayBack};
pub use step::{Hook, OnFailure, Step, Version};
