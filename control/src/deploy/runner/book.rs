//! The journal of a deploy under way, and what could not be written into it yet.

use super::Halt;
use crate::console::now_unix_ms;
use crate::deploy::store::{Journal, StoreError};
use mizan_rollout::{Record, State};

#[derive(Debug)]
pub(crate) struct Book {
    journal: Journal,
    /// In order. A journal with a hole would not be understood.
    unwritten: Vec<(u64, Record)>,
}

impl Book {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, unwritten: Vec::new() }
    }

    /// Everything so far is on the disk.
    pub(super) fn is_written(&self) -> bool {
        self.unwritten.is_empty()
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        self.unwritten.push((now_unix_ms(), record.clone()));
        while let Some((at, record)) = self.unwritten.first() {
            self.journal.append(*at, record)?;
            self.unwritten.remove(0);
        }
        Ok(())
    }
}

/// Writes a record down, and applies it. On the way back a journal that cannot be written holds nothing up: the requests
/// come first, and it is tried again with the next record.
pub(super) fn keep(book: &mut Book, state: &mut State, record: &Record) -> Result<(), Halt> {
    state.apply(record).map_err(|misplaced| Halt::Interrupted(misplaced.to_string()))?;
    match book.append(record) {
        Err(error) if state.back().is_none() => {
            Err(Halt::Interrupted(format!("the journal cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
