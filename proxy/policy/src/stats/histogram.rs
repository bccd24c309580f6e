//! Latencies in buckets that grow by a fourth of an octave: 19 % each, 0.5 ms to 110 s.

/// 72 with a bound, and one for what is slower.
pub const BUCKETS: usize = 73;

/// 2^(k/4). Constants, since a power is not `const`.
const QUARTERS: [f64; 4] = [1.0, 1.189_207_115_002_721, std::f64::consts::SQRT_2, 1.681_792_830_507_429];

const BOUNDS_MS: [f64; 72] = {
    let mut bounds = [0.0; 72];
    let mut k = 0;
    while k < 72 {
        bounds[k] = 0.5 * QUARTERS[k % 4] * (1u64 << (k / 4)) as f64;
        k += 1;
    }
    bounds
};

/// Whole microseconds below each bound: a whole number is below the bound if it is below this.
static BOUNDS_US: [u64; 72] = {
    let mut bounds = [0; 72];
    let mut k = 0;
    while k < 72 {
        bounds[k] = (BOUNDS_MS[k] * 1000.0) as u64;
        k += 1;
    }
    bounds
};

/// The upper bounds in milliseconds, inclusive: 0.5 * 2^(k/4).
pub fn bounds_ms() -> [f64; 72] {
    BOUNDS_MS
}

/// The first bucket whose bound is not below the latency (in microseconds); 72 if there is none.
pub fn bucket(latency_us: u64) -> usize {
    BOUNDS_US.partition_point(|&bound| bound < latency_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_the_powers_they_claim_to_be() {
        for (k, bound) in bounds_ms().into_iter().enumerate() {
            assert!((bound / (0.5 * (k as f64 / 4.0).exp2()) - 1.0).abs() < 1e-14);
        }
    }

    proptest! {
        #[test]
        fn a_latency_is_in_the_first_bucket_that_holds_it(latency in prop_oneof![0u64..200_000_000, any::<u64>()]) {
            let first = bounds_ms().iter().position(|bound| latency as f64 <= bound * 1000.0).unwrap_or(72);
            prop_assert_eq!(bucket(latency), first);
        }
    }

    #[test]
    fn a_bound_is_in_its_own_bucket() {
        assert_eq!([0, 500, 501, 1000, 1001].map(bucket), [0, 0, 1, 4, 5]);
        assert_eq!(bucket(u64::MAX), 72);
    }
}
