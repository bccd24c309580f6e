//! A year of a hundred certificates, with an authority that fails now and then, and once for a week.

use super::*;
use std::ops::Range;
use std::time::Instant;

const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 365 * DAY;
const WEEK: i64 = 7 * DAY;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// Of the attempts outside of the outage, how many fail.
const FAILING: f64 = 0.2;

/// In any hour, and in any day: what one name may fail at. On average the waits allow four an hour; the first after a
/// success are shorter.
const HOURLY: usize = 7;
const DAILY: usize = 16;

/// Sequences that are the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One name and what became of it.
struct Name {
    lifetime: i64,
    /// Whether its authority suggests windows.
    windows: bool,
    outage: Range<i64>,
}

#[derive(Debug, Default)]
struct Figures {
    renewals: usize,
    failures: usize,
    hourly: usize,
    daily: usize,
    /// The smallest part of a lifetime that was left at a renewal.
    left: f64,
}

impl Name {
    fn issue(&self, now: i64) -> (Held, Option<Window>) {
        // As authorities do, for clients whose clocks are behind.
        let not_before = now - HOUR;
        let held = Held { not_before, not_after: not_before + self.lifetime };
        let at = |part: f64| not_before + (self.lifetime as f64 * part) as i64;
        (held, Window::sound(at(0.62), at(0.67)).filter(|_| self.windows))
    }

    fn year(&self, chance: &mut Chance) -> Figures {
        let phase = (self.lifetime as f64 * 0.6 * chance.draw()) as i64;
        let (mut held, mut window) = self.issue(START - phase);
        let mut history = History { chance: chance.draw(), ..History::default() };
        let (mut now, mut renewals, mut left) = (START, 0, 1.0f64);
        let mut failed = Vec::new();
        loop {
            now = due(now, Some(held), window, &history).at.max(now);
            if now > START + YEAR {
                break;
            }
            let out = self.outage.contains(&now);
            if out || chance.draw() < FAILING {
                failed.push(now);
                history.failures += 1;
                history.last_attempt = Some(now);
                history.jitter = chance.draw();
                history.retry_after = (chance.draw() < 0.3).then_some(now + 2 * HOUR);
                continue;
            }
            left = left.min((held.not_after - now) as f64 / self.lifetime as f64);
            renewals += 1;
            (held, window) = self.issue(now);
            history = History { chance: chance.draw(), ..History::default() };
        }
        let within = |length| {
            let ahead =
                |at: usize| failed[at..].iter().take_while(|&&time| time < failed[at] + length).count();
            (0..failed.len()).map(ahead).max().unwrap_or_default()
        };
        Figures { renewals, failures: failed.len(), hourly: within(HOUR), daily: within(DAY), left }
    }
}

/// A hundred names of 30 to 398 days, and twenty of six days whose authority has no outage: nobody renews those in one.
fn names(outage: &Range<i64>) -> impl Iterator<Item = Name> {
    let days = [30, 45, 47, 64, 90, 100, 180, 200, 365, 398];
    let long = (0..100).map(move |number| Name {
        lifetime: days[number % days.len()] * DAY,
        windows: number / days.len() % 2 == 0,
        outage: outage.clone(),
    });
    let short = (0..20).map(|number| Name { lifetime: 6 * DAY, windows: number % 2 == 0, outage: 0..0 });
    long.chain(short)
}

#[test]
fn a_year_of_a_hundred_certificates_in_under_a_second() {
    let mut chance = Chance(6);
    let mut total = Figures { left: 1.0, ..Figures::default() };
    let (mut years, started) = (0, Instant::now());
    // The week begins at another time in each year.
    for offset in (DAY..YEAR - WEEK).step_by(usize::try_from(9 * DAY + 5 * HOUR).expect("it fits")) {
        let outage = START + offset..START + offset + WEEK;
        for name in names(&outage) {
            let figures = name.year(&mut chance);
            let days = name.lifetime / DAY;
            assert!(figures.left >= 0.05, "{days} days, out from day {}: {figures:?}", offset / DAY);
            assert!(figures.hourly <= HOURLY && figures.daily <= DAILY, "{days} days: {figures:?}");
            assert!(
                figures.renewals >= usize::try_from(YEAR / name.lifetime).expect("it fits"),
                "{days} days: {figures:?}"
            );
            total.renewals += figures.renewals;
            total.failures += figures.failures;
            total.hourly = total.hourly.max(figures.hourly);
            total.daily = total.daily.max(figures.daily);
            total.left = total.left.min(figures.left);
        }
        years += 1;
    }
    let took = started.elapsed() / years;
    let Figures { renewals, failures, hourly, daily, left } = total;
    println!(
        "{years} years of 120 certificates: {renewals} renewals, {failures} failed attempts, at most {hourly} in an \
         hour and {daily} in a day for one name; at least {:.1} % of a lifetime was left; a year took {took:?}",
        left * 100.0
    );
    assert!(failures > renewals / 5, "nothing failed");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
