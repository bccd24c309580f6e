//! Who says how a service's traffic is split, and for how long: the file, a committed change, or a lease that ends.

/// One weight a track, in file order.
pub type TrackWeights = Vec<u32>;

/// The split of one service. Every change makes a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitState {
    /// Grows with each change, across restarts too: never less than the change's time, milliseconds since 1970.
    pub revision: u64,
    /// What is in force without a lease.
    pub committed: Vec<u32>,
    pub owner: Owner,
    pub lease: Option<Leased>,
}

/// Where the committed weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    File,
    Committed,
}

/// Weights that end unless renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub weights: Vec<u32>,
    /// Milliseconds since 1970.
    pub until_ms: u64,
}

/// Why a change was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitFault {
    /// Another change was quicker; this is the revision now.
    Stale { revision: u64 },
    /// There is no lease to renew or to release.
    NoLease,
}

/// `expected` is the revision that the caller has seen (None: whatever it is), `stamp` the time in milliseconds since
/// 1970.
impl SplitState {
    pub fn from_file(weights: Vec<u32>, revision: u64) -> Self {
        Self { revision, committed: weights, owner: Owner::File, lease: None }
    }

    /// The lease's weights, else the committed ones.
    pub fn in_force(&self) -> &[u32] {
        self.lease.as_ref().map_or(&self.committed, |lease| &lease.weights)
    }

    /// New weights for good. Ends a lease.
    pub fn commit(&self, weights: Vec<u32>, expected: Option<u64>, stamp: u64) -> Result<Self, SplitFault> {
        self.expect(expected)?;
        Ok(Self { revision: self.next(stamp), committed: weights, owner: Owner::Committed, lease: None })
    }

    /// New weights until a time, in place of a lease there may be.
    pub fn lease(
        &self,
        weights: Vec<u32>,
        until_ms: u64,
        expected: Option<u64>,
        stamp: u64,
    ) -> Result<Self, SplitFault> {
        self.expect(expected)?;
        Ok(Self { revision: self.next(stamp), lease: Some(Leased { weights, until_ms }), ..self.clone() })
    }

    /// Another end for the lease. The weights stay, and so does the revision: the holder need not learn a new one.
    pub fn renew(&self, until_ms: u64, expected: u64) -> Result<Self, SplitFault> {
        self.expect(Some(expected))?;
        let mut renewed = self.clone();
        renewed.lease.as_mut().ok_or(SplitFault::NoLease)?.until_ms = until_ms;
        Ok(renewed)
    }

    /// Gives the lease back before its time.
    pub fn release(&self, expected: Option<u64>, stamp: u64) -> Result<Self, SplitFault> {
        self.expect(expected)?;
        if self.lease.is_none() {
            return Err(SplitFault::NoLease);
        }
        Ok(self.without_lease(stamp))
    }

    /// The state without its lease, once the lease's time has come.
    pub fn expire(&self, now_ms: u64, stamp: u64) -> Option<Self> {
        let due = self.lease.as_ref().is_some_and(|lease| now_ms >= lease.until_ms);
        due.then(|| self.without_lease(stamp))
    }

    /// The file's weights again. Ends a lease.
    pub fn to_file(&self, weights: Vec<u32>, expected: Option<u64>, stamp: u64) -> Result<Self, SplitFault> {
        self.expect(expected)?;
        Ok(Self::from_file(weights, self.next(stamp)))
    }

    fn without_lease(&self, stamp: u64) -> Self {
        Self { revision: self.next(stamp), lease: None, ..self.clone() }
    }

    fn expect(&self, expected: Option<u64>) -> Result<(), SplitFault> {
        match expected {
            Some(revision) if revision != self.revision => Err(SplitFault::Stale { revision: self.revision }),
            _ => Ok(()),
        }
    }

    fn next(&self, stamp: u64) -> u64 {
        stamp.max(self.revision.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The reference: the committed weights, and the lease's weights with their end.
        #[test]
        fn any_sequence_of_changes_agrees_with_a_plain_reference(
            steps in prop::collection::vec((0u8..6, 0u32..100, 0u64..50, 0u8..3), 0..60),
        ) {
            let mut state = SplitState::from_file(vec![100, 0], 10);
            let (mut committed, mut leased, mut owner) = (vec![100, 0], None::<(Vec<u32>, u64)>, Owner::File);
            for (at, (verb, weight, time, seen)) in steps.into_iter().enumerate() {
                let (weights, now) = (vec![weight, 1], at as u64);
                let expected = [None, Some(state.revision), Some(state.revision - 1)][usize::from(seen)];
                let renewal = expected.unwrap_or(state.revision);
                let result = match verb {
                    0 => state.commit(weights.clone(), expected, time),
                    1 => state.lease(weights.clone(), now + time, expected, time),
                    2 => state.renew(now + time, renewal),
                    3 => state.release(expected, time),
                    4 => state.to_file(weights.clone(), expected, time),
                    _ => state.expire(now, time).ok_or(SplitFault::NoLease),
                };
                if seen == 2 && verb != 5 {
                    prop_assert_eq!(result, Err(SplitFault::Stale { revision: state.revision }));
                    continue;
                }
                let possible = match verb {
                    2 | 3 => leased.is_some(),
                    5 => leased.as_ref().is_some_and(|lease| lease.1 <= now),
                    _ => true,
                };
                prop_assert_eq!(result.is_ok(), possible);
                let Ok(next) = result else {
                    prop_assert_eq!(result, Err(SplitFault::NoLease));
                    continue;
                };
                match verb {
                    0 => (committed, leased, owner) = (weights, None, Owner::Committed),
                    1 => leased = Some((weights, now + time)),
                    2 => leased = leased.map(|lease| (lease.0, now + time)),
                    4 => (committed, leased, owner) = (weights, None, Owner::File),
                    _ => leased = None,
                }
                let revision = if verb == 2 { state.revision } else { time.max(state.revision + 1) };
                prop_assert_eq!(next.revision, revision);
                prop_assert_eq!(&next.committed, &committed);
                prop_assert_eq!(next.owner, owner);
                prop_assert_eq!(next.in_force(), leased.as_ref().map_or(&committed[..], |lease| &lease.0[..]));
                prop_assert_eq!(next.lease.as_ref().map(|lease| lease.until_ms), leased.as_ref().map(|lease| lease.1));
                state = next;
            }
        }
    }

    #[test]
    fn a_lease_ends_in_the_millisecond_it_names() {
        let state = SplitState::from_file(vec![1], 1).lease(vec![2], 50, None, 5).unwrap();
        assert_eq!(state.expire(49, 49), None);
        assert_eq!(state.expire(50, 50).unwrap(), SplitState::from_file(vec![1], 50));
    }
}
