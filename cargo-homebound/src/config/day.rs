//! Owns days: today, and the days in the configuration.
//! Refuses to know hours and time zones: a day begins at midnight UTC on every machine.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use toml::value::Datetime;

/// A day of the Gregorian calendar. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Today, by the system's clock.
    pub(crate) fn today() -> Day {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Day::after_1970(since.as_secs() / 86_400)
    }

    /// By Howard Hinnant's algorithm. Its years begin in March, so that a leap day is the last day
    /// of a year.
    fn after_1970(days: u64) -> Day {
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        let small = |n: u64| u8::try_from(n).unwrap_or(u8::MAX);
        Day { year: u16::try_from(year).unwrap_or(u16::MAX), month: small(month), day: small(day) }
    }

    /// A day in TOML. `None` if the value has an hour.
    pub(crate) fn of(written: &Datetime) -> Option<Day> {
        let date = written.date.filter(|_| written.time.is_none() && written.offset.is_none())?;
        Some(Day { year: date.year, month: date.month, day: date.day })
    }

    /// A day in a text: some configurations put it in quotes.
    pub(crate) fn parse(text: &str) -> Option<Day> {
        text.trim().parse().ok().as_ref().and_then(Day::of)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn days_are_counted_over_leap_years() {
        for (days, written) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_513, "2026-03-01"), (47_541, "2100-03-01")]
        {
            assert_eq!(Day::after_1970(days).to_string(), written);
        }
        assert!(Day::parse("2026-11-25") < Day::parse("2027-01-31"));
        assert_eq!(Day::parse("2026-11-25T10:00:00"), None);
    }
}
