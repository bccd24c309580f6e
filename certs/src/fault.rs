//! What is wrong with a file that TLS needs.

use mizan_config::model::Place;

/// One thing that is wrong, where mizan.yml asks for it, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub gravity: Gravity,
    /// Empty (`0..0`) for what belongs to the whole file.
    pub place: Place,
    /// Names the file and what is wrong in words. Never holds a secret.
    pub message: String,
    pub hint: Option<String>,
}

/// What follows from a [`Fault`]. Ordered: the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gravity {
    /// Told, nothing more.
    Doubtful,
    /// Can be served, but clients will refuse it: `mizan check` fails on it, a reload that brings it is refused, a start
    /// goes on.
    Invalid,
    /// Cannot be served at all.
    Unusable,
}

/// A [`Fault`] whose place in mizan.yml the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) gravity: Gravity,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Finding {
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Unusable, message: message.into(), hint: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Invalid, message: message.into(), hint: None }
    }

    pub(crate) fn doubtful(message: impl Into<String>) -> Self {
        Self { gravity: Gravity::Doubtful, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Where it must not stand in anything's way.
    pub(crate) fn only_doubtful(self) -> Self {
        Self { gravity: Gravity::Doubtful, ..self }
    }

    pub(crate) fn at(self, place: &Place) -> Fault {
        let Self { gravity, message, hint } = self;
        Fault { gravity, place: place.clone(), message, hint }
    }
}
