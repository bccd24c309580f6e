//! What discovery says of a name, and of one of its addresses.

use std::net::IpAddr;

/// What a name is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Resolved {
    /// In use; sorted, each once. The last good answer, for as long as nothing better is known.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether it is known what the name is, or that it is nothing. False until the first answers came.
    pub(crate) answered: bool,
}

/// What a lookup says of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// It is in use.
    Present,
    /// It is not any more; followers of the name hear the same.
    Absent,
    /// No answer, or one that is not believed yet.
    Unknown,
}
