//! Which endpoint takes the next request.
