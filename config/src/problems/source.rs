//! The text of a file, kept for what is found wrong with it once it is decoded.

use super::mask::Masked;
use super::{Finding, Problems};
use crate::model::Place;
use std::fmt;
use std::ops::Range;

/// A file that was read. It says where a [`Place`] is, in lines and columns, and shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Ranges of `text` that are never shown.
    secrets: Vec<Range<usize>>,
}

/// What is wrong with a file that mizan.yml names, at the place that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str, secrets: Vec<Range<usize>>) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), secrets }
    }

    /// Faults as problems of this file, sorted by place. Without faults there are none.
    pub fn problems(&self, faults: Vec<Fault>) -> Problems {
        let finding = |Fault { place: Place(span), message, hint }| Finding { span, message, hint };
        self.locate(faults.into_iter().map(finding).collect())
    }

    /// Finds lines and columns, and masks secrets in the source lines.
    pub(crate) fn locate(&self, findings: Vec<Finding>) -> Problems {
        let masked = Masked::new(&self.text, self.secrets.clone());
        let list = findings.into_iter().map(|finding| masked.locate(finding)).collect();
        Problems::sorted(self.name.clone(), list)
    }
}

/// The text may hold secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}
