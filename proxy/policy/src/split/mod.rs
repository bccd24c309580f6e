//! Which track takes the next request.
