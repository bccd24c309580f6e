//! Dates and spans of time in words.

use x509_parser::time::ASN1Time;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// `2026-03-01 12:00:00 UTC`.
pub(crate) fn date(unix_seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(unix_seconds) else {
        return format!("{unix_seconds} seconds after 1970");
    };
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `2026-03-01 12:00:00 UTC (8 months ago)`, `(in 3 days)`.
pub(crate) fn date_seen_from(unix_seconds: i64, now: i64) -> String {
    let away = unix_seconds.saturating_sub(now);
    let span = span(away.unsigned_abs());
    if away < 0 {
        format!("{} ({span} ago)", date(unix_seconds))
    } else {
        format!("{} (in {span})", date(unix_seconds))
    }
}

/// The largest unit alone, rounded down: `8 months`.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (365 * DAY as u64, "year"),
        // A twelfth of a year, near enough for words.
        (30 * DAY as u64, "month"),
        (DAY as u64, "day"),
        (HOUR as u64, "hour"),
        (MINUTE as u64, "minute"),
    ];
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_utc_and_spans_in_the_largest_unit() {
        let noon = 1_772_366_400;
        assert_eq!(date(noon), "2026-03-01 12:00:00 UTC");
        assert_eq!(date_seen_from(noon, noon + 250 * DAY), "2026-03-01 12:00:00 UTC (8 months ago)");
        assert_eq!(date_seen_from(noon, noon - DAY), "2026-03-01 12:00:00 UTC (in 1 day)");
        assert_eq!(date_seen_from(noon, noon), "2026-03-01 12:00:00 UTC (in 0 seconds)");
    }

    #[test]
    fn no_time_is_too_far_away() {
        for time in [i64::MIN, i64::MAX] {
            assert!(!date_seen_from(time, -time.saturating_add(1)).is_empty());
        }
    }
}
