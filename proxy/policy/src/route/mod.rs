//! Host, path and conditions to a route.
