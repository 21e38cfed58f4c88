//! Parts of times, times cut down to a unit, and zones.

use super::ast::Part;
use crate::base::time::{DAY_MICROS, Date, Timestamp};
use crate::column::Cell;
use jiff::tz::TimeZone;

/// A day as its midnight, an instant as itself.
pub fn instant(cell: Cell<'_>) -> Option<Timestamp> {
    match cell {
        Cell::Date(day) => Some(day.midnight()),
        Cell::Timestamp(time) => Some(time),
        _ => None,
    }
}

/// Days since Monday, 0 to 6. 1970-01-01 was a Thursday.
fn weekday(day: Date) -> i64 {
    (i64::from(day.0) + 3).rem_euclid(7)
}

/// The part of a time in UTC.
pub fn part(part: Part, time: Timestamp) -> Option<Cell<'static>> {
    let day = time.date();
    let (year, month, of_month) = day.ymd()?;
    let micros = time.0.rem_euclid(DAY_MICROS);
    Some(Cell::Integer(match part {
        Part::Year => i64::from(year),
        Part::Quarter => i64::from(month - 1) / 3 + 1,
        Part::Month => i64::from(month),
        Part::Week => iso_week(day)?,
        Part::Day => i64::from(of_month),
        Part::Hour => micros / 3_600_000_000,
        Part::Minute => micros / 60_000_000 % 60,
        Part::Second => micros / 1_000_000 % 60,
        Part::DayOfWeek => (weekday(day) + 1) % 7,
        Part::IsoDayOfWeek => weekday(day) + 1,
        Part::DayOfYear => i64::from(day.0 - Date::from_ymd(year, 1, 1)?.0) + 1,
        Part::Epoch => return Some(Cell::Float(time.0 as f64 / 1e6)),
    }))
}

/// The week of ISO 8601: the one that holds the Thursday.
fn iso_week(day: Date) -> Option<i64> {
    let thursday = Date(day.0 + i32::try_from(3 - weekday(day)).ok()?);
    let (year, ..) = thursday.ymd()?;
    Some(i64::from(thursday.0 - Date::from_ymd(year, 1, 1)?.0) / 7 + 1)
}

/// A time cut down to the beginning of a unit.
pub fn truncate(part: Part, time: Timestamp) -> Option<Timestamp> {
    let day = time.date();
    let (year, month, _) = day.ymd()?;
    let begin = |month: i8| Date::from_ymd(year, month, 1).map(Date::midnight);
    let cut = |unit: i64| Some(Timestamp(time.0 - time.0.rem_euclid(unit)));
    match part {
        Part::Year => begin(1),
        Part::Quarter => begin((month - 1) / 3 * 3 + 1),
        Part::Month => begin(month),
        Part::Week => Some(Date(day.0 - i32::try_from(weekday(day)).ok()?).midnight()),
        Part::Day => Some(day.midnight()),
        Part::Hour => cut(3_600_000_000),
        Part::Minute => cut(60_000_000),
        Part::Second => cut(1_000_000),
        _ => None,
    }
}

/// The zone of a name, if there is one; names are those of the IANA tables, in any case.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok().filter(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_units() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let number = |p: Part, text: &str| part(p, at(text)).unwrap();
        for (text, week, dow, doy) in [
            ("2024-12-30", 1, 1, 365),
            ("2021-01-03", 53, 0, 3),
            ("2020-02-29", 9, 6, 60),
            ("1969-12-31", 1, 3, 365),
        ] {
            assert_eq!(number(Part::Week, text), Cell::Integer(week), "{text}");
            assert_eq!(number(Part::DayOfWeek, text), Cell::Integer(dow), "{text}");
            assert_eq!(number(Part::DayOfYear, text), Cell::Integer(doy), "{text}");
        }
        assert_eq!(truncate(Part::Quarter, at("2024-08-31T10:11:12.5Z")), Some(at("2024-07-01")));
        assert_eq!(truncate(Part::Week, at("1970-01-01")), Some(at("1969-12-29")));
        assert_eq!(
            truncate(Part::Hour, at("1969-12-31T23:59:59Z")),
            Some(at("1969-12-31T23:00:00Z"))
        );
    }
}
