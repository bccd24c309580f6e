//! Points in time that a caller counts from.

use crate::clock;
use mizan_policy::stats::Tally;
use std::collections::VecDeque;
use std::sync::Mutex;

/// A service keeps so many; another one takes the oldest's place.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<VecDeque<Set>>);

#[derive(Debug)]
struct Set {
    name: String,
    at_ms: u64,
    /// By track.
    tallies: Vec<Tally>,
}

impl Marks {
    pub(crate) fn set(&self, name: &str, tallies: Vec<Tally>) {
        let mut marks = self.0.lock().expect("nothing panics while it holds the lock");
        marks.retain(|mark| mark.name != name);
        if marks.len() == MOST {
            marks.pop_front();
        }
        marks.push_back(Set { name: name.to_owned(), at_ms: clock::now(), tallies });
    }

    /// How long ago it was set, in milliseconds, and what the tracks had counted by then.
    pub(crate) fn get(&self, name: &str) -> Option<(u64, Vec<Tally>)> {
        let marks = self.0.lock().expect("nothing panics while it holds the lock");
        let mark = marks.iter().find(|mark| mark.name == name)?;
        Some((clock::now().saturating_sub(mark.at_ms), mark.tallies.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_mark_makes_room() {
        let marks = Marks::default();
        for number in 0..=MOST {
            marks.set(&number.to_string(), vec![Tally::default()]);
        }
        assert!(marks.get("0").is_none());
        assert!(marks.get("1").is_some() && marks.get("16").is_some());
        marks.set("1", Vec::new());
        assert_eq!(marks.get("1").map(|(_, tallies)| tallies.len()), Some(0));
    }
}
