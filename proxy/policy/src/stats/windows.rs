//! What happened in the last 10 seconds, minute and 5 minutes.

use super::counters::Tally;
use std::collections::VecDeque;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Seconds10,
    Minute1,
    Minutes5,
}

impl Window {
    /// (length of a slot in milliseconds, slots)
    fn shape(self) -> (u64, usize) {
        match self {
            Self::Seconds10 => (1000, 10),
            Self::Minute1 => (5000, 12),
            Self::Minutes5 => (15_000, 20),
        }
    }
}

const ALL: [Window; 3] = [Window::Seconds10, Window::Minute1, Window::Minutes5];

/// The traffic of the last minutes in slots, from a cumulative tally that is read about once a second.
#[derive(Debug, Default)]
pub struct Windows {
    /// Time of the last tick, milliseconds of any clock; None before the first.
    ticked_ms: Option<u64>,
    /// The tally then, unless zero.
    total: Option<Box<Tally>>,
    /// Oldest first, without gaps, up to the last tick.
    rings: [VecDeque<Slot>; 3],
}

#[derive(Debug)]
struct Slot {
    from_ms: u64,
    to_ms: u64,
    /// None: there was no traffic.
    tally: Option<Box<Tally>>,
}

impl Windows {
    /// Takes in what came since the last tick. The first tick only begins: how long its tally took is not known.
    pub fn tick(&mut self, total: &Tally, now_ms: u64) {
        if let Some(from_ms) = self.ticked_ms {
            if now_ms <= from_ms {
                return;
            }
            let delta = self.since_tick(total);
            for (window, ring) in ALL.into_iter().zip(&mut self.rings) {
                put(ring, window, delta.as_ref(), from_ms, now_ms);
            }
        }
        self.ticked_ms = Some(now_ms);
        self.total = (!total.is_zero()).then(|| Box::new(total.clone()));
    }

    /// The milliseconds that are really covered, and the traffic in them up to now. A young window covers less than
    /// its name says; before the first tick it is none.
    pub fn last(&self, window: Window, total: &Tally, now_ms: u64) -> (u64, Tally) {
        let Some(mut from_ms) = self.ticked_ms else { return (0, Tally::default()) };
        let now_ms = now_ms.max(from_ms);
        let mut sum = self.since_tick(total).unwrap_or_default();
        for slot in self.rings[window as usize].iter().filter(|slot| !is_over(slot, window, now_ms)) {
            from_ms = from_ms.min(slot.from_ms);
            if let Some(tally) = &slot.tally {
                sum.add(tally);
            }
        }
        (now_ms - from_ms, sum)
    }

    fn since_tick(&self, total: &Tally) -> Option<Tally> {
        let delta = self.total.as_ref().map_or_else(|| total.clone(), |before| total.since(before));
        (!delta.is_zero()).then_some(delta)
    }
}

fn put(ring: &mut VecDeque<Slot>, window: Window, delta: Option<&Tally>, from_ms: u64, to_ms: u64) {
    let (slot_ms, kept) = window.shape();
    // Half a second early is full: ticks jitter, and a slot of 1 s must not become one of 2.
    if ring.back().is_none_or(|slot| slot.to_ms - slot.from_ms + 500 > slot_ms) {
        ring.push_back(Slot { from_ms, to_ms, tally: None });
    }
    if let Some(slot) = ring.back_mut() {
        slot.to_ms = to_ms;
        if let Some(delta) = delta {
            slot.tally.get_or_insert_default().add(delta);
        }
    }
    while ring.len() > kept || ring.front().is_some_and(|slot| is_over(slot, window, to_ms)) {
        ring.pop_front();
    }
}

fn is_over(slot: &Slot, window: Window, now_ms: u64) -> bool {
    let (slot_ms, kept) = window.shape();
    slot.to_ms + slot_ms * kept as u64 <= now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(requests: u64) -> Tally {
        Tally { requests, ..Tally::default() }
    }

    fn boxes(windows: &Windows) -> usize {
        windows.rings.iter().flatten().filter(|slot| slot.tally.is_some()).count()
    }

    #[test]
    fn a_constant_rate_gives_the_rate_of_the_window() {
        for step in [970, 1000, 1013] {
            let mut windows = Windows::default();
            // One request a millisecond, so that requests are milliseconds.
            (0..=400).for_each(|n| windows.tick(&requests(n * step), n * step));
            let now = 400 * step + 300;
            for window in ALL {
                let (slot_ms, kept) = window.shape();
                let (covered, tally) = windows.last(window, &requests(now), now);
                assert_eq!(covered, tally.requests);
                assert!(
                    covered.abs_diff(slot_ms * kept as u64) <= slot_ms + 500,
                    "{window:?}: {covered} at {step}"
                );
            }
        }
    }

    #[test]
    fn silence_empties_it() {
        let mut windows = Windows::default();
        windows.tick(&Tally::default(), 0);
        windows.tick(&requests(5), 1000);
        assert!(boxes(&windows) == 3);
        (2..=320).for_each(|second| windows.tick(&requests(5), second * 1000));
        assert_eq!(boxes(&windows), 0);
        assert!(windows.last(Window::Minutes5, &requests(5), 320_000).1.is_zero());
    }

    #[test]
    fn late_ticks_lose_nothing() {
        let mut windows = Windows::default();
        for (total, now) in [(3, 0), (5, 1000), (40, 8000), (60, 8700), (100, 55_000)] {
            windows.tick(&requests(total), now);
        }
        assert_eq!(windows.last(Window::Minute1, &requests(101), 55_400), (55_400, requests(98)));
        assert_eq!(windows.last(Window::Minutes5, &requests(101), 55_400), (55_400, requests(98)));
        // The last tick stands for 46 s, and says so.
        assert_eq!(windows.last(Window::Seconds10, &requests(101), 55_400), (46_700, requests(41)));
    }

    #[test]
    fn a_young_window_covers_what_there_was() {
        let mut windows = Windows::default();
        assert_eq!(windows.last(Window::Minute1, &requests(9), 5), (0, Tally::default()));
        windows.tick(&requests(9), 1000);
        assert_eq!(windows.last(Window::Minute1, &requests(10), 1200), (200, requests(1)));
    }

    #[test]
    fn an_idle_window_has_no_boxes() {
        let mut windows = Windows::default();
        (0..100).for_each(|second| windows.tick(&Tally::default(), second * 1000));
        assert!(boxes(&windows) == 0 && windows.total.is_none());
    }
}
