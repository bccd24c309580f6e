//! When a name is asked again, and what an answer changes.
