//! Times and counts in few characters.

use std::time::Duration;

/// `500ms`, `60s`, `5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|one: char| one.is_ascii_digit());
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("a number and a unit are wanted: 500ms, 60s, 5m, 1h".to_owned()),
    };
    let number: u64 = text[..text.len() - unit.len()]
        .parse()
        .map_err(|_| "a number is wanted before the unit: 60s".to_owned())?;
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(|| "that is too long".to_owned())
}

/// The greatest unit alone: `500ms`, `12s`, `3m`, `5h`, `9d`.
pub(crate) fn short(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        1..1000 => format!("{ms}ms"),
        1000..60_000 => format!("{}s", ms / 1000),
        60_000..3_600_000 => format!("{}m", ms / 60_000),
        3_600_000..172_800_000 => format!("{}h", ms / 3_600_000),
        _ => format!("{}d", ms / 86_400_000),
    }
}

/// As `short`, in whole seconds.
pub(super) fn since(now_unix_ms: u64, unix_ms: u64) -> String {
    short(now_unix_ms.saturating_sub(unix_ms) / 1000 * 1000)
}

/// The two greatest units: `3d 4h`.
pub(super) fn uptime(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// `350ms`, `4s`, `1m 30s`, `5m`, `1h 5m`: as `uptime`, without a second unit that is none.
pub(super) fn took(ms: u64) -> String {
    if ms < 1000 {
        return short(ms);
    }
    let text = uptime(ms);
    match text.split_once(' ') {
        Some((first, second)) if second.starts_with('0') => first.to_owned(),
        _ => text,
    }
}

/// `2026-11-21 10:02Z`, in the Gregorian calendar.
pub(super) fn date_and_minute(unix_ms: u64) -> String {
    // Howard Hinnant's days_from_civil, the other way round: years begin in March, so that a leap day is their last.
    let days = unix_ms / 86_400_000 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let minutes = unix_ms / 60_000 % 1440;
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}Z", minutes / 60, minutes % 60)
}

/// `10:02:31Z`.
pub(crate) fn time_of_day(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// At most six characters up to 10^12.
pub(super) fn count(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..1_000_000 => format!("{}k", count / 1000),
        1_000_000..1_000_000_000 => format!("{}.{}M", count / 1_000_000, count / 100_000 % 10),
        _ => format!("{}.{}G", count / 1_000_000_000, count / 100_000_000 % 10),
    }
}

/// Of so many a second.
pub(super) fn rate(rate: f64) -> String {
    match rate {
        0.0..100.0 => format!("{rate:.1}"),
        _ => count(rate.round() as u64),
    }
}

/// At most five characters up to an hour.
pub(super) fn latency(ms: Option<f64>) -> String {
    match ms {
        None => "–".to_owned(),
        Some(ms) if ms.is_infinite() => "∞".to_owned(),
        Some(ms) if ms < 9.95 => format!("{ms:.1}ms"),
        Some(ms) if ms < 999.5 => format!("{ms:.0}ms"),
        Some(ms) if ms < 99_500.0 => format!("{:.1}s", ms / 1000.0),
        Some(ms) => format!("{:.0}s", ms / 1000.0),
    }
}

/// `90%`, `33.3%`; a share that is not none is not shown as none.
pub(super) fn percent(part: f64, whole: f64) -> String {
    let percent = if whole > 0.0 { part * 100.0 / whole } else { 0.0 };
    if percent > 0.0 && percent < 0.05 {
        "<0.1%".to_owned()
    } else if (percent - percent.round()).abs() < 0.05 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}

/// `1 request`, `2 requests`.
pub(super) fn many(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        for wrong in
            ["", "5", "s", "-1s", "1 s", "1d", "1.5s", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_counts_are_short() {
        assert_eq!([0, 999, 59_999, 3_599_999, 172_799_999].map(short), ["0s", "999ms", "59s", "59m", "47h"]);
        assert_eq!(since(200_500, 20_000), "3m");
        assert_eq!(since(1, 2), "0s");
        assert_eq!([59_000, 61_000, 7_260_000, 273_600_000].map(uptime), ["59s", "1m 1s", "2h 1m", "3d 4h"]);
        assert_eq!([99_999, 123_456, 1_250_000, 7_000_000_000].map(count), ["99999", "123k", "1.2M", "7.0G"]);
        assert_eq!(
            [0.59, 12.4, 1024.0, 131_072.0].map(|ms| latency(Some(ms))),
            ["0.6ms", "12ms", "1.0s", "131s"]
        );
        let tooks = [0, 350, 4200, 60_000, 90_000, 3_900_000, 7_200_000].map(took);
        assert_eq!(tooks, ["0s", "350ms", "4s", "1m", "1m 30s", "1h 5m", "2h"]);
        assert_eq!(percent(1.0, 3.0), "33.3%");
        assert_eq!(percent(90.0, 100.0), "90%");
        assert_eq!(percent(1.0, 100_000.0), "<0.1%");
        assert_eq!(time_of_day(36_151_000), "10:02:31Z");
    }

    #[test]
    fn a_moment_has_its_date() {
        // As `date -u -d @N` has them.
        let moments =
            [0, 951_782_400, 951_868_799, 1_709_251_199, 1_767_225_599, 1_800_000_000, 4_107_542_400];
        assert_eq!(
            moments.map(|seconds| date_and_minute(seconds * 1000)),
            [
                "1970-01-01 00:00Z",
                "2000-02-29 00:00Z",
                "2000-02-29 23:59Z",
                "2024-02-29 23:59Z",
                "2025-12-31 23:59Z",
                "2027-01-15 08:00Z",
                "2100-03-01 00:00Z"
            ]
        );
    }
}
