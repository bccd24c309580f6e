//! The last deploys, and what a report makes of them.

use mizan_api::Deploy;
use std::cmp::Reverse;

/// Deploys that are kept.
pub(crate) const MOST: usize = 200;

/// The one that was reported last is the last: one of which nothing was heard for long is the first to go.
#[derive(Debug, Default)]
pub(super) struct Book(Vec<Deploy>);

/// What became of a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It had ended so already; this is kept.
    Known(Box<Deploy>),
    /// It had ended otherwise; this is kept.
    Refused(Box<Deploy>),
    /// Nothing new, but that it goes on.
    Alive,
    /// `telling`: it began, does something else, or has ended.
    Changed { telling: bool },
}

impl Book {
    pub(super) fn of(mut deploys: Vec<Deploy>) -> Self {
        deploys.drain(..deploys.len().saturating_sub(MOST));
        Self(deploys)
    }

    pub(super) fn take(&mut self, deploy: Deploy) -> Taken {
        let Some(place) = self.0.iter().position(|kept| kept.id == deploy.id) else {
            if self.0.len() >= MOST {
                self.0.remove(0);
            }
            self.0.push(deploy);
            return Taken::Changed { telling: true };
        };
        let kept = &self.0[place];
        if kept.status.has_ended() {
            let same = (kept.status, kept.ended_unix_ms) == (deploy.status, deploy.ended_unix_ms);
            let kept = Box::new(kept.clone());
            return if same { Taken::Known(kept) } else { Taken::Refused(kept) };
        }
        let last = self.0.remove(place);
        let news = |deploy: &Deploy| (deploy.status, deploy.step.clone(), deploy.steps_done);
        let taken = if (Deploy { updated_unix_ms: deploy.updated_unix_ms, ..last.clone() }) == deploy {
            Taken::Alive
        } else {
            Taken::Changed { telling: news(&last) != news(&deploy) }
        };
        self.0.push(deploy);
        taken
    }

    pub(super) fn all(&self) -> &[Deploy] {
        &self.0
    }

    pub(super) fn get(&self, id: &str) -> Option<&Deploy> {
        self.0.iter().find(|deploy| deploy.id == id)
    }

    pub(super) fn ended(&self) -> impl Iterator<Item = &Deploy> {
        self.0.iter().filter(|deploy| deploy.status.has_ended())
    }

    /// By when they began.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Deploy> {
        let mut all: Vec<&Deploy> = self.0.iter().collect();
        all.sort_by_key(|deploy| Reverse((deploy.started_unix_ms, deploy.number)));
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample::deploy;
    use mizan_api::DeployStatus;

    fn ended(id: &str) -> Deploy {
        Deploy { status: DeployStatus::Deployed, ended_unix_ms: Some(2000), ..deploy(id) }
    }

    #[test]
    fn a_report_is_told_where_it_brings_news() {
        let mut book = Book::default();
        let began = deploy("a");
        let telling = Taken::Changed { telling: true };
        assert_eq!(book.take(began.clone()), telling);
        let later = Deploy { updated_unix_ms: began.updated_unix_ms + 5, ..began.clone() };
        assert_eq!(book.take(later.clone()), Taken::Alive);
        assert_eq!(book.get("a"), Some(&later));
        let why = Deploy { why: "slow".into(), ..later.clone() };
        assert_eq!(book.take(why), Taken::Changed { telling: false });
        assert_eq!(book.take(Deploy { step: "pull".into(), ..later.clone() }), telling);
        assert_eq!(book.take(Deploy { step: "pull".into(), steps_done: 2, ..later }), telling);
        assert_eq!(book.take(ended("a")), telling);
        assert_eq!(book.all(), [ended("a")]);
    }

    #[test]
    fn an_end_is_for_good() {
        let mut book = Book::default();
        book.take(ended("a"));
        let again = Deploy { updated_unix_ms: 9000, step: "other words".into(), ..ended("a") };
        assert_eq!(book.take(again), Taken::Known(Box::new(ended("a"))));
        for other in [
            Deploy { status: DeployStatus::Failed, ..ended("a") },
            Deploy { ended_unix_ms: Some(2001), ..ended("a") },
            deploy("a"),
        ] {
            assert_eq!(book.take(other), Taken::Refused(Box::new(ended("a"))));
        }
        assert_eq!(book.all(), [ended("a")]);
    }

    #[test]
    fn the_one_of_which_nothing_was_heard_for_longest_goes_first() {
        let mut book = Book::default();
        book.take(deploy("heard of"));
        book.take(deploy("silent"));
        for number in 2..MOST {
            book.take(ended(&number.to_string()));
        }
        book.take(Deploy { updated_unix_ms: 5000, ..deploy("heard of") });
        book.take(ended("one more"));
        assert_eq!(book.all().len(), MOST);
        assert!(book.get("silent").is_none() && book.get("heard of").is_some());
        let many = (0..MOST + 5).map(|number| ended(&number.to_string())).collect();
        let book = Book::of(many);
        assert_eq!((book.all().len(), book.all()[0].id.as_str()), (MOST, "5"));
    }

    #[test]
    fn the_newest_began_last() {
        let mut book = Book::default();
        for (id, started_unix_ms, number) in [("b", 20, 2), ("a", 10, 1), ("d", 30, 4), ("c", 30, 3)] {
            book.take(Deploy { started_unix_ms, number, ..deploy(id) });
        }
        let ids: Vec<&str> = book.newest().map(|deploy| deploy.id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "b", "a"]);
    }
}
