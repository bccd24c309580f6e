//! `mizanctl split`: which share of a service's requests goes to which track.

use crate::console::Console;
use crate::exit::Failure;
use crate::view;
use clap::Args;
use mizan_api::{Client, SplitChange, Weights};
use std::time::Duration;

/// Show or change which share of a service's requests goes to which track
///
/// With weights the split is changed, all tracks at once: a track that is not named gets 0. Without, it is shown.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").args(["weights", "release", "file"]))]
pub(super) struct SplitVerb {
    /// The service, as mizan.yml names it
    service: String,
    /// Weights, relative to each other: blue=90 green=10
    #[arg(value_name = "TRACK=WEIGHT", value_parser = weight)]
    weights: Vec<(String, u32)>,
    /// Not for good but for so long: 60s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = view::parse_duration, requires = "weights")]
    lease: Option<Duration>,
    /// Only if this is still the split's revision
    #[arg(long, value_name = "N", requires = "change")]
    revision: Option<u64>,
    /// Also where a track with weight has no endpoint that can take a request
    #[arg(long, requires = "weights")]
    force: bool,
    /// Give the lease back: the committed split is in force again
    #[arg(long, conflicts_with_all = ["weights", "file"])]
    release: bool,
    /// Forget what was committed: the split of mizan.yml is in force again
    #[arg(long, conflicts_with = "weights")]
    file: bool,
}

impl SplitVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let service = &self.service;
        let split = if self.release {
            client.release_lease(service, self.revision).await?
        } else if self.file {
            client.split_to_file(service, self.revision).await?
        } else if self.weights.is_empty() {
            client.split(service).await?
        } else {
            let weights = unique(self.weights)?;
            let lease_seconds = self.lease.map(|lease| lease.as_secs_f64());
            let change = SplitChange { weights, revision: self.revision, lease_seconds, force: self.force };
            client.set_split(service, &change).await?
        };
        console.show(&split, |width, colour| view::split(service, &split, width, colour))
    }
}

fn unique(pairs: Vec<(String, u32)>) -> Result<Weights, Failure> {
    let mut weights = Weights::new();
    for (track, weight) in pairs {
        if weights.insert(track.clone(), weight).is_some() {
            return Err(Failure::Usage(format!("{track} has two weights")));
        }
    }
    Ok(weights)
}

fn weight(text: &str) -> Result<(String, u32), String> {
    let (track, weight) = text
        .rsplit_once('=')
        .filter(|(track, _)| !track.is_empty())
        .ok_or_else(|| "a track and its weight are wanted: blue=90".to_owned())?;
    let weight =
        weight.parse().map_err(|_| format!("`{weight}` is not a weight: a whole number is wanted"))?;
    Ok((track.to_owned(), weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_has_one_weight() {
        assert_eq!(weight("blue=90"), Ok(("blue".to_owned(), 90)));
        assert!(weight("blue=-1").is_err() && weight("blue=1.5").is_err() && weight("blue=").is_err());
        assert!(matches!(unique(vec![("a".into(), 1), ("a".into(), 2)]), Err(Failure::Usage(_))));
    }
}
