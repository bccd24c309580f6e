//! How sure it is that an address is still the endpoint's.
//!
//! Docker announces an address before its process listens, takes it back after the process is gone, lets a removed
//! address hang instead of refuse, and gives it to another container within a second. So a refusal of an endpoint that
//! never answered means that it is starting; and one that refused, hung, or closed all its idle connections is not
//! dialled again before a lookup has confirmed its address.

/// What is known of an endpoint's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// An IP address or socket path written in the file: there is nothing to look up.
    Fixed,
    /// Announced; never answered and never failed.
    Fresh,
    /// Announced, never answered, refused `tries` times. From `next_ms` on one request may try.
    Starting { tries: u8, next_ms: u64 },
    /// It answered, and nothing has happened since.
    Confirmed,
    /// It answered once; a lookup has to confirm it before the next connect.
    Unconfirmed(Cause),
    /// A connect failed and lookups gave no answer, or it hung before it ever answered. From `next_ms` on one request may try.
    Suspect { tries: u8, next_ms: u64 },
    /// A lookup no longer has it.
    Gone,
}

/// Why an address has to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// All its idle connections were closed: what a process does when it ends, and what it does after a quiet minute.
    IdleClosed,
    ConnectFailed,
}

/// What happens to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A connect or an answer succeeded.
    Answered,
    /// A connect was refused: something is at the address, but nobody listens.
    Refused,
    /// A connect timed out, or the host or network was unreachable.
    Hung,
    /// The last idle connection was closed by the endpoint.
    IdleClosed,
    /// A lookup begun after the last event had the address.
    Present,
    /// A lookup was answered without the address.
    Absent,
    /// A lookup failed, or was not answered in time.
    LookupFailed,
    /// A request took the trial ([`Dial::Trial`]).
    TrialBegun,
}

/// What a request may do with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    Now,
    /// After taking the trial ([`super::cell::ConfidenceCell::claim`]): one request at a time.
    Trial,
    /// After a lookup has confirmed the address. Connections that are already open may be used.
    AfterLookup,
    /// It refused moments ago and is probably starting: only when there is no other.
    Starting,
    /// It hangs; somebody tries it now and then.
    Later,
    Never,
}

const START_BACKOFF_MS: u64 = 100;
const START_BACKOFF_MOST_MS: u64 = 1000;
const SUSPECT_BACKOFF_MS: u64 = 1000;
const SUSPECT_BACKOFF_MOST_MS: u64 = 8000;

impl Confidence {
    /// What becomes of it.
    #[must_use]
    pub fn on(self, event: Event, now_ms: u64) -> Self {
        match event {
            Event::Answered => self.answered(),
            Event::Refused => self.refused(now_ms),
            Event::Hung => self.hung(now_ms),
            Event::IdleClosed => self.idle_closed(),
            Event::Present => self.present(),
            Event::Absent => self.absent(),
            Event::LookupFailed => self.lookup_failed(now_ms),
            Event::TrialBegun => self.trial_begun(now_ms),
        }
    }

    /// What a request may do.
    pub fn dial(self, now_ms: u64) -> Dial {
        match self {
            Self::Fixed | Self::Fresh | Self::Confirmed => Dial::Now,
            Self::Starting { next_ms, .. } | Self::Suspect { next_ms, .. } if now_ms >= next_ms => {
                Dial::Trial
            }
            Self::Starting { .. } => Dial::Starting,
            Self::Suspect { .. } => Dial::Later,
            Self::Unconfirmed(_) => Dial::AfterLookup,
            Self::Gone => Dial::Never,
        }
    }

    /// Is a refused connect the endpoint's failure, to be counted against it? Not while it is starting or gone. A
    /// connect that hangs always is.
    pub fn refusal_counts(self) -> bool {
        match self {
            Self::Fixed | Self::Confirmed | Self::Unconfirmed(_) | Self::Suspect { .. } => true,
            Self::Fresh | Self::Starting { .. } | Self::Gone => false,
        }
    }

    fn answered(self) -> Self {
        match self {
            Self::Fixed => Self::Fixed,
            Self::Fresh
            | Self::Starting { .. }
            | Self::Confirmed
            | Self::Unconfirmed(_)
            | Self::Suspect { .. } => Self::Confirmed,
            // A connection from before; the address may be another's by now.
            Self::Gone => Self::Gone,
        }
    }

    fn refused(self, now_ms: u64) -> Self {
        match self {
            Self::Fixed => Self::Fixed,
            Self::Fresh => Self::starting(1, now_ms),
            Self::Confirmed | Self::Unconfirmed(_) => Self::Unconfirmed(Cause::ConnectFailed),
            // One of several connects that were under way at once: the first has set the wait, the trial lengthens it.
            Self::Starting { .. } | Self::Suspect { .. } => self,
            Self::Gone => Self::Gone,
        }
    }

    fn hung(self, now_ms: u64) -> Self {
        match self {
            Self::Fixed => Self::Fixed,
            Self::Fresh | Self::Starting { .. } => Self::suspect(1, now_ms),
            Self::Confirmed | Self::Unconfirmed(_) => Self::Unconfirmed(Cause::ConnectFailed),
            Self::Suspect { .. } => self,
            Self::Gone => Self::Gone,
        }
    }

    fn idle_closed(self) -> Self {
        match self {
            Self::Confirmed => Self::Unconfirmed(Cause::IdleClosed),
            Self::Fixed
            | Self::Fresh
            | Self::Starting { .. }
            | Self::Unconfirmed(_)
            | Self::Suspect { .. }
            | Self::Gone => self,
        }
    }

    fn present(self) -> Self {
        match self {
            Self::Unconfirmed(_) => Self::Confirmed,
            // Names work again: no more trials one by one. It has to answer before its refusals count.
            Self::Suspect { .. } | Self::Gone => Self::Fresh,
            Self::Fixed | Self::Fresh | Self::Starting { .. } | Self::Confirmed => self,
        }
    }

    fn absent(self) -> Self {
        match self {
            Self::Fixed => Self::Fixed,
            // Drains: whoever keeps it in rotation (obsolete_hold) may go on using it as long as it answers.
            Self::Confirmed => Self::Confirmed,
            Self::Fresh
            | Self::Starting { .. }
            | Self::Unconfirmed(_)
            | Self::Suspect { .. }
            | Self::Gone => Self::Gone,
        }
    }

    fn lookup_failed(self, now_ms: u64) -> Self {
        match self {
            // Nothing failed but DNS, and that takes down nothing that works. If it hangs, it is suspect then.
            Self::Unconfirmed(Cause::IdleClosed) => Self::Confirmed,
            Self::Unconfirmed(Cause::ConnectFailed) => Self::suspect(1, now_ms),
            Self::Fixed
            | Self::Fresh
            | Self::Starting { .. }
            | Self::Confirmed
            | Self::Suspect { .. }
            | Self::Gone => self,
        }
    }

    fn trial_begun(self, now_ms: u64) -> Self {
        match self {
            Self::Starting { tries, .. } => Self::starting(tries.saturating_add(1), now_ms),
            Self::Suspect { tries, .. } => Self::suspect(tries.saturating_add(1), now_ms),
            Self::Fixed | Self::Fresh | Self::Confirmed | Self::Unconfirmed(_) | Self::Gone => self,
        }
    }

    fn starting(tries: u8, now_ms: u64) -> Self {
        let wait = backoff(START_BACKOFF_MS, tries, START_BACKOFF_MOST_MS);
        Self::Starting { tries, next_ms: now_ms.saturating_add(wait) }
    }

    fn suspect(tries: u8, now_ms: u64) -> Self {
        let wait = backoff(SUSPECT_BACKOFF_MS, tries, SUSPECT_BACKOFF_MOST_MS);
        Self::Suspect { tries, next_ms: now_ms.saturating_add(wait) }
    }
}

/// Doubles with every try after the first.
fn backoff(first: u64, tries: u8, most: u64) -> u64 {
    (first << u32::from(tries.saturating_sub(1)).min(16)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 8] = [
        Event::Answered,
        Event::Refused,
        Event::Hung,
        Event::IdleClosed,
        Event::Present,
        Event::Absent,
        Event::LookupFailed,
        Event::TrialBegun,
    ];

    fn after(start: Confidence, events: &[Event]) -> Confidence {
        events.iter().fold(start, |confidence, &event| confidence.on(event, 1000))
    }

    #[test]
    fn a_starting_endpoint_is_tried_sooner_at_first_and_once_a_second_at_last() {
        let mut confidence = Confidence::Fresh;
        let mut waits = Vec::new();
        for _ in 0..6 {
            // Others that were under way beside it change nothing.
            confidence = confidence.on(Event::Refused, 0).on(Event::Refused, 0);
            let Confidence::Starting { next_ms, .. } = confidence else { panic!("{confidence:?}") };
            waits.push(next_ms);
            confidence = confidence.on(Event::TrialBegun, 0);
        }
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn refusals_count_only_after_the_first_answer() {
        let starting = after(Confidence::Fresh, &[Event::Refused, Event::Refused]);
        assert!(!Confidence::Fresh.refusal_counts() && !starting.refusal_counts());
        assert!(starting.on(Event::Answered, 0).refusal_counts());
    }

    #[test]
    fn a_failed_connect_or_silence_asks_for_a_lookup_before_the_next_connect() {
        for event in [Event::Refused, Event::Hung, Event::IdleClosed] {
            let unconfirmed = Confidence::Confirmed.on(event, 0);
            assert_eq!(unconfirmed.dial(u64::MAX), Dial::AfterLookup);
            assert_eq!(unconfirmed.on(Event::Present, 0), Confidence::Confirmed);
            assert_eq!(unconfirmed.on(Event::Absent, 0), Confidence::Gone);
        }
    }

    #[test]
    fn a_quiet_endpoint_serves_on_when_names_do_not_work() {
        let quiet = after(Confidence::Confirmed, &[Event::IdleClosed, Event::LookupFailed]);
        assert_eq!(quiet, Confidence::Confirmed);
        let hung = after(quiet, &[Event::Hung, Event::LookupFailed]);
        assert_eq!(hung.dial(1000), Dial::Later);
    }

    #[test]
    fn an_address_that_left_comes_back_as_a_new_one() {
        let gone = after(Confidence::Fresh, &[Event::Refused, Event::Absent]);
        assert_eq!(gone.dial(u64::MAX), Dial::Never);
        assert_eq!(gone.on(Event::Answered, 0), Confidence::Gone);
        assert_eq!(gone.on(Event::Present, 0), Confidence::Fresh);
    }

    #[test]
    fn an_address_written_in_the_file_is_never_looked_up() {
        assert!(EVENTS.iter().all(|&event| Confidence::Fixed.on(event, 5) == Confidence::Fixed));
    }

    fn any_confidence() -> impl Strategy<Value = Confidence> {
        any::<u64>().prop_map(crate::health::cell::decode)
    }

    proptest! {
        #[test]
        fn an_answered_lookup_always_ends_the_wait(confidence in any_confidence(), now_ms in 0u64..1 << 40) {
            let present = confidence.on(Event::Present, now_ms);
            prop_assert!(matches!(present.dial(u64::MAX), Dial::Now | Dial::Trial));
        }
    }
}
