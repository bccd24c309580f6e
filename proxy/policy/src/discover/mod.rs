//! What answers of DNS mean for the addresses in use, and when to ask again.
//!
//! One [`answers::Addresses`] and one [`schedule::Schedule`] for each name and family.

pub mod answers;
pub mod schedule;
pub mod system;
#[cfg(test)]
mod tests;
