//! Labels that others name: bounded, so that no caller fills the memory of the process, nor that of who collects.

use std::collections::HashSet;
use std::sync::Mutex;

/// Sets of labels that one family may have.
const MOST: usize = 200;
/// Stands for what there is no room for.
pub(super) const OTHER: &str = "other";

/// The sets of labels of one family.
#[derive(Default)]
pub(super) struct LabelSets {
    known: Mutex<HashSet<Vec<String>>>,
}

impl LabelSets {
    /// These labels, or `other` where there are too many sets already.
    pub(super) fn fit<'a, const N: usize>(&self, labels: [&'a str; N], other: [&'a str; N]) -> [&'a str; N] {
        let mut known = self.known.lock().expect("nothing panics while it holds the lock");
        let wanted: Vec<String> = labels.map(str::to_owned).into();
        if known.contains(&wanted) {
            return labels;
        }
        if known.len() >= MOST {
            return other;
        }
        known.insert(wanted);
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_only_sets_that_are_known_keep_their_labels() {
        let sets = LabelSets::default();
        for number in 0..MOST {
            let name = number.to_string();
            assert_eq!(sets.fit([&name], [OTHER]), [&name]);
        }
        assert_eq!(sets.fit(["one more"], [OTHER]), [OTHER]);
        assert_eq!(sets.fit(["7"], [OTHER]), ["7"]);
    }
}
