//! Deploys in a little simulated world: whatever is killed, refused or asked for, users are served, and it ends well.

mod cases;
mod exhaustive;
mod plans;
mod random;
mod run;
mod world;
