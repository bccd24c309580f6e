//! Who the client is, and what the upstream is told about it.
