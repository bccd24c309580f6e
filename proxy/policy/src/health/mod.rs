//! Which endpoints are fit to serve.
