//! A bucket of tokens that is filled by time and by what a client earns.

/// How many frames of one kind a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At once, at the start or after a rest.
    pub burst: u32,
    /// More each second.
    pub per_second: u32,
    /// The most that may be saved up by earning: above `burst`, since what earns comes in bursts as well.
    pub saved: u32,
}

/// What one client has left of an [`Allowance`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// Thousandths of a token, so that a millisecond's share is a whole number.
    left: u64,
    /// When the share of time was added last.
    filled: u64,
}

const TOKEN: u64 = 1000;

impl Bucket {
    pub(super) fn full(allowance: &Allowance) -> Self {
        Self { left: u64::from(allowance.burst) * TOKEN, filled: 0 }
    }

    /// Takes one token; false where there is none.
    pub(super) fn take(&mut self, allowance: &Allowance, now: u64) -> bool {
        let full = u64::from(allowance.burst) * TOKEN;
        if self.left < full {
            let gained = now.saturating_sub(self.filled).saturating_mul(u64::from(allowance.per_second));
            self.left = self.left.saturating_add(gained).min(full);
        }
        self.filled = self.filled.max(now);
        let enough = self.left >= TOKEN;
        self.left -= if enough { TOKEN } else { 0 };
        enough
    }

    pub(super) fn earn(&mut self, allowance: &Allowance, tokens: u32) {
        let most = u64::from(allowance.saved.max(allowance.burst)) * TOKEN;
        self.left = (self.left + u64::from(tokens) * TOKEN).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance { burst: 5, per_second: 2, saved: 8 };

    fn taken(bucket: &mut Bucket, now: u64) -> usize {
        (0..100).take_while(|_| bucket.take(&ALLOWANCE, now)).count()
    }

    #[test]
    fn a_burst_at_once_and_then_so_many_a_second() {
        let mut bucket = Bucket::full(&ALLOWANCE);
        assert_eq!(taken(&mut bucket, 1_000_000), 5);
        assert_eq!(taken(&mut bucket, 1_000_499), 0);
        assert_eq!(taken(&mut bucket, 1_000_500), 1);
        assert_eq!(taken(&mut bucket, 1_002_000), 3);
        assert_eq!(taken(&mut bucket, u64::MAX), 5);
    }

    #[test]
    fn what_is_earned_is_saved_above_the_burst_but_not_for_ever() {
        let mut bucket = Bucket::full(&ALLOWANCE);
        bucket.earn(&ALLOWANCE, 100);
        assert_eq!(taken(&mut bucket, 0), 8);
        bucket.earn(&ALLOWANCE, 2);
        assert_eq!(taken(&mut bucket, 0), 2);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::full(&ALLOWANCE);
        assert_eq!(taken(&mut bucket, 10_000), 5);
        assert_eq!(taken(&mut bucket, 5_000), 0);
        assert_eq!(taken(&mut bucket, 10_000), 0);
    }
}
