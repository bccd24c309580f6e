//! A split in words.

use super::page::{Page, Span, Style};
use super::units::{percent, short};
use mizan_api::{SplitOrigin, SplitStatus, Weights};

/// `blue 90 (90%), green 10 (10%)`.
pub(super) fn weights(weights: &Weights) -> String {
    let total: f64 = weights.values().copied().map(f64::from).sum();
    let each = weights
        .iter()
        .map(|(track, &weight)| format!("{track} {weight} ({})", percent(f64::from(weight), total)));
    each.collect::<Vec<_>>().join(", ")
}

/// Weights, where they come from, how long they hold, and their revision.
pub(crate) fn split_pieces(split: &SplitStatus) -> Vec<Span> {
    let origin = match split.origin {
        SplitOrigin::File => "from mizan.yml",
        SplitOrigin::Committed => "committed",
    };
    let mut pieces = vec![(Style::Plain, weights(&split.weights))];
    if let Some(lease) = &split.lease {
        pieces.push((Style::Warn, format!("leased, {} left", short(lease.left_ms))));
        pieces.push((Style::Plain, format!("then {} {origin}", weights(&split.committed))));
    } else {
        pieces.push((Style::Plain, origin.to_owned()));
    }
    pieces.push((Style::Dim, format!("revision {}", split.revision)));
    pieces
}

/// One service's split.
pub(crate) fn split(service: &str, split: &SplitStatus, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    let mut pieces = vec![(Style::Bold, service.to_owned())];
    pieces.extend(split_pieces(split));
    page.flow(0, pieces);
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn a_leased_split_says_how_long_it_holds_and_what_comes_then() {
        let text = split("api", &sample::leased(), 160, false);
        assert_eq!(
            text,
            "api  blue 90 (90%), green 10 (10%)  leased, 42s left  then blue 100 (100%) from mizan.yml  revision 7\n"
        );
        let narrow = split("api", &sample::leased(), 80, false);
        assert!(
            narrow.lines().count() == 2 && narrow.lines().all(|line| line.chars().count() <= 80),
            "{narrow}"
        );
    }
}
