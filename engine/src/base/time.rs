//! Dates, instants and spans, with the calendar arithmetic of the audience language.
//!
//! Instants are UTC microseconds; a day is 24 hours; a month clamps to the end of the target month.

use super::error::{Error, Result};
use bincode::{Decode, Encode};
use jiff::civil;
use jiff::tz::TimeZone;
use std::fmt;

/// Microseconds in a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

const SECOND_MICROS: i64 = 1_000_000;

/// The first and last instant that a text form exists for: years 1 to 9999.
const TIMESTAMP_RANGE: std::ops::RangeInclusive<i64> =
    -62_135_596_800_000_000..=253_402_300_799_999_999;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Timestamp(pub i64);

/// A calendar day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Date(pub i32);

/// A span: whole months, and microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode)]
pub struct Span {
    /// Whole months (a year is 12).
    pub months: i32,
    /// Microseconds (a day is 24 hours).
    pub micros: i64,
}

fn civil_of(date: Date) -> Option<civil::Date> {
    let epoch = civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().try_days(date.0).ok()?).ok()
}

fn days_of(date: civil::Date) -> Option<i32> {
    let since = civil::date(1970, 1, 1).until((jiff::Unit::Day, date)).ok()?;
    Some(since.get_days())
}

impl Date {
    /// The day of a year, month and day of the Gregorian calendar, if there is one.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Date> {
        days_of(civil::Date::new(year, month, day).ok()?).map(Date)
    }

    /// Reads `2024-02-29`.
    ///
    /// # Errors
    /// `Invalid` when the text is no such day.
    pub fn parse(text: &str) -> Result<Date> {
        parse_date(text).ok_or_else(|| {
            Error::invalid(format!("'{text}' is no date; write YYYY-MM-DD, such as 2024-02-29"))
        })
    }

    /// Midnight UTC at the start of the day.
    pub fn midnight(self) -> Timestamp {
        Timestamp(i64::from(self.0) * DAY_MICROS)
    }

    /// Year, month and day.
    pub fn ymd(self) -> Option<(i16, i8, i8)> {
        civil_of(self).map(|d| (d.year(), d.month(), d.day()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ymd() {
            Some((y, m, d)) => write!(f, "{y:04}-{m:02}-{d:02}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

impl Timestamp {
    /// Reads an ISO 8601 instant, such as `1998-07-01T00:00:00Z`; without a zone it is UTC; a day alone is its
    /// midnight.
    ///
    /// # Errors
    /// `Invalid` when the text is no such instant.
    pub fn parse(text: &str) -> Result<Timestamp> {
        parse_timestamp(text, &TimeZone::UTC).map(|found| found.0).ok_or_else(|| {
            Error::invalid(format!("'{text}' is no time; write it like 1998-07-01T00:00:00Z"))
        })
    }

    /// The calendar day in UTC.
    pub fn date(self) -> Date {
        Date(i32::try_from(self.0.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX))
    }

    /// The instant `span` later: months first (clamped to the month's end), then microseconds.
    pub fn checked_add(self, span: Span) -> Option<Timestamp> {
        let mut day = self.date();
        let rest = self.0.rem_euclid(DAY_MICROS);
        if span.months != 0 {
            let (year, month, of_month) = day.ymd()?;
            let total = (i32::from(year) * 12 + i32::from(month) - 1).checked_add(span.months)?;
            let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
            let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
            let last = civil::Date::new(year, month, 1).ok()?.days_in_month();
            day = Date::from_ymd(year, month, of_month.min(last))?;
        }
        let base = i64::from(day.0).checked_mul(DAY_MICROS)?.checked_add(rest)?;
        base.checked_add(span.micros).map(Timestamp)
    }

    /// What the clocks of a zone show at this instant, written as if it were UTC.
    pub fn shown_in(self, zone: &TimeZone) -> Option<Timestamp> {
        let offset = offset_at(self, zone);
        self.0.checked_add(i64::from(offset.seconds()) * SECOND_MICROS).map(Timestamp)
    }

    /// The instant at which the clocks of a zone show what this one says, as if it were UTC. A time that they skip is
    /// taken as if they had not been put forward yet.
    pub fn clock_in(self, zone: &TimeZone, twice: Twice) -> Option<Timestamp> {
        if *zone == TimeZone::UTC {
            return Some(self);
        }
        let date = civil_of(self.date())?;
        let of_day = jiff::SignedDuration::from_micros(self.0.rem_euclid(DAY_MICROS));
        let time = civil::Time::midnight().checked_add(of_day).ok()?;
        let found = zone.to_ambiguous_timestamp(date.to_datetime(time));
        let found = match twice {
            Twice::First => found.compatible(),
            Twice::Last => found.later(),
        };
        match found {
            Ok(instant) => Some(Timestamp(instant.as_microsecond())),
            Err(_) => {
                let offset = i64::from(offset_at(self, zone).seconds()) * SECOND_MICROS;
                self.0.checked_sub(offset).map(Timestamp)
            }
        }
    }

    /// Whether the instant lies in the years 1 to 9999, which all parts of the system can write.
    pub fn in_range(self) -> bool {
        TIMESTAMP_RANGE.contains(&self.0)
    }
}

/// Which instant a local time is that comes twice, when clocks are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// The earlier one, as files are read.
    First,
    /// The later one, as SQL has it.
    Last,
}

/// The offset of a zone. The library knows no instant in the last two days of the year 9999: the offset is then that
/// of the last one that it knows.
fn offset_at(time: Timestamp, zone: &TimeZone) -> jiff::tz::Offset {
    let known = jiff::Timestamp::from_microsecond(time.0).unwrap_or(jiff::Timestamp::MAX);
    zone.to_offset(known)
}

impl Span {
    /// The span backwards.
    pub fn negated(self) -> Option<Span> {
        Some(Span { months: self.months.checked_neg()?, micros: self.micros.checked_neg()? })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.rem_euclid(DAY_MICROS);
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{h:02}:{m:02}:{s:02}", self.date())?;
        if fraction != 0 {
            let digits = format!("{fraction:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Reads a day as `YYYY-MM-DD`, nothing else.
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<i32> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    if year == 0 {
        return None;
    }
    Date::from_ymd(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

/// Reads an ISO 8601 instant; the flag tells whether the text itself named a zone. A text without one is taken in
/// `zone` (an hour that does not exist moves forward, one that exists twice is the first).
pub fn parse_timestamp(text: &str, zone: &TimeZone) -> Option<(Timestamp, bool)> {
    let day = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return in_zone(day.0, 0, zone).filter(|t| t.in_range()).map(|t| (t, false));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = split_offset(rest)?;
    let micros = parse_clock(clock)?;
    let found = match offset {
        Some(seconds) => {
            (Timestamp(i64::from(day.0) * DAY_MICROS + micros - seconds * 1_000_000), true)
        }
        None => (in_zone(day.0, micros, zone)?, false),
    };
    found.0.in_range().then_some(found)
}

fn in_zone(day: i32, micros: i64, zone: &TimeZone) -> Option<Timestamp> {
    Timestamp(i64::from(day) * DAY_MICROS + micros).clock_in(zone, Twice::First)
}

/// `HH:MM[:SS[.ffffff]]` as microseconds of the day; more than six digits of fraction are cut.
fn parse_clock(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let field = |at: usize, limit: i64| match bytes.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0')).filter(|n| *n < limit)
        }
        _ => None,
    };
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    let (hours, minutes) = (field(0, 24)?, field(3, 60).filter(|_| colon(2))?);
    let seconds = if bytes.len() > 5 { field(6, 60).filter(|_| colon(5))? } else { 0 };
    let mut micros = 0;
    match bytes.get(8..) {
        None | Some([]) => {}
        Some([b'.', fraction @ ..]) if !fraction.is_empty() => {
            if !fraction.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let digits = fraction.iter().chain(b"000000").take(6);
            micros = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        }
        Some(_) => return None,
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// Splits `12:30:00+02:00` into the clock and the offset in seconds; `Z` is 0.
fn split_offset(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, Some(0)));
    }
    let Some(sign) = text.find(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at(sign);
    let digits: String = offset.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !(digits.len() == 2 || digits.len() == 4) {
        return None;
    }
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 =
        digits.get(2..).filter(|m| !m.is_empty()).map_or(Some(0), |m| m.parse().ok())?;
    if hours > 18 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    Some((clock, Some(if offset.starts_with('-') { -seconds } else { seconds })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_and_write() {
        for (text, shown) in [
            ("1998-07-01T00:00:00Z", "1998-07-01T00:00:00Z"),
            ("1998-07-01", "1998-07-01T00:00:00Z"),
            ("1998-07-01 12:30", "1998-07-01T12:30:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
            ("2024-02-29T01:00:00+02:00", "2024-02-28T23:00:00Z"),
            ("2024-02-29T01:00:00.123456789-0130", "2024-02-29T02:30:00.123456Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in
            ["", "1998-7-1", "2023-02-29", "1998-07-01T24:00:00Z", "1998-07-01T10", "1998-07-01Tx"]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn months_clamp_to_the_end() {
        let add = |text: &str, months: i32| {
            Timestamp::parse(text)
                .unwrap()
                .checked_add(Span { months, micros: 0 })
                .unwrap()
                .to_string()
        };
        assert_eq!(add("2024-01-31", 1), "2024-02-29T00:00:00Z");
        assert_eq!(add("2023-01-31", 1), "2023-02-28T00:00:00Z");
        assert_eq!(add("2024-03-31", -1), "2024-02-29T00:00:00Z");
        assert_eq!(add("2024-12-31T10:00:00Z", 14), "2026-02-28T10:00:00Z");
    }
}
