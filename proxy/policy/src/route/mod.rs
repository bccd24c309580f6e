//! Host, path and conditions to a route.
//!
//! Hosts: exact, then `*.suffix` (the longest), then the site with `*`. Paths: exact; then patterns in file order,
//! unless the longest prefix says `^~`; then the longest prefix. It is nginx's order. A route whose conditions do not
//! hold is as if it were not there.
//!
//! A path is matched in every way a server behind the proxy may read it (see [`readings`]): where the ways do not
//! agree on one route the request is refused, so no disguise reaches what a rule guards.

pub mod readings;
pub mod rewrite;

mod conditions;
mod fault;
mod hash;
mod hosts;
mod paths;
mod patterns;
mod prefixes;
mod router;
mod rule_text;
mod spec;
mod spelling;
mod steps;

#[cfg(test)]
mod tests;

pub use conditions::Fields;
pub use fault::{BuildError, PathFault, RuleFault};
pub use readings::{reduce, reduced_target};
pub use rewrite::{RewriteSpec, rewrite};
pub use router::{Outcome, RouteMatch, RouteRequest, Router};
pub use spec::{HeaderTest, HostSpec, PathSpec, RouteSpec, SiteSpec};
