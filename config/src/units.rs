//! Durations, sizes and percentages as people write them.

use std::fmt::Write;
use std::time::Duration;

/// `30s`, `1m30s`, `250ms`, `0`: whole numbers, units from large to small (`d`, `h`, `m`, `s`, `ms`), each once.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut last_unit = u64::MAX;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = milliseconds(&rest[..unit_end]).filter(|unit| *unit < last_unit)?;
        rest = &rest[unit_end..];
        last_unit = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    (last_unit != u64::MAX).then(|| Duration::from_millis(total))
}

/// As [`duration`] reads it back: `90000 ms` is `1m30s`.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= size {
            let _ = write!(text, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// `16k`, `1m`, `2g` (powers of 1024), or bytes without a unit.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(factor)
}

/// `20%`.
pub(crate) fn percent(text: &str) -> Option<u64> {
    number(text.strip_suffix('%')?)
}

/// Digits alone: no sign, no blank.
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn milliseconds(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_numbers_with_units_from_large_to_small() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        for wrong in [
            "",
            "30",
            "s",
            "30s1m",
            "1s1s",
            "-1s",
            "1.5s",
            "1 s",
            "30sec",
            "99999999999999999999s",
            "99999999999999999d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(size("512"), Some(512));
        assert_eq!(size("16k"), Some(16_384));
        assert_eq!(size("1M"), Some(1_048_576));
        for wrong in ["", "k", "1kb", "1.5k", "-1", "+1", "99999999999g"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_percentage_has_its_sign() {
        assert_eq!(percent("20%"), Some(20));
        assert_eq!(percent("20"), None);
        assert_eq!(percent("%"), None);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(millis in 0_u64..1_000_000_000_000) {
            let value = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(value)), Some(value));
        }
    }
}
