//! The calendar of the oracle, written anew so that an error of the engine's is not repeated here.

/// A unit of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

pub const UNITS: [Unit; 9] = [
    Unit::Microsecond,
    Unit::Millisecond,
    Unit::Second,
    Unit::Minute,
    Unit::Hour,
    Unit::Day,
    Unit::Week,
    Unit::Month,
    Unit::Year,
];

pub const DAY: i64 = 86_400_000_000;

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Microsecond => "microsecond",
            Unit::Millisecond => "millisecond",
            Unit::Second => "second",
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        }
    }

    /// Whole months and microseconds of one such unit.
    fn size(self) -> (i64, i64) {
        match self {
            Unit::Microsecond => (0, 1),
            Unit::Millisecond => (0, 1_000),
            Unit::Second => (0, 1_000_000),
            Unit::Minute => (0, 60_000_000),
            Unit::Hour => (0, 3_600_000_000),
            Unit::Day => (0, DAY),
            Unit::Week => (0, 7 * DAY),
            Unit::Month => (1, 0),
            Unit::Year => (12, 0),
        }
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, counted year by year and month by month.
pub fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let days_of_year = |y: i64| 365 + i64::from(is_leap(y));
    let years: i64 = if year >= 1970 {
        (1970..year).map(days_of_year).sum()
    } else {
        -(year..1970).map(days_of_year).sum::<i64>()
    };
    years + (1..month).map(|m| days_of_month(year, m)).sum::<i64>() + day - 1
}

/// Year, month and day of a number of days from 1970-01-01.
pub fn day_parts(number: i64) -> (i64, i64, i64) {
    let mut year = 1970 + number.div_euclid(366);
    while day_number(year + 1, 1, 1) <= number {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && day_number(year, month + 1, 1) <= number {
        month += 1;
    }
    (year, month, number - day_number(year, month, 1) + 1)
}

/// Microseconds from 1970 of a moment in UTC.
pub fn instant(year: i64, month: i64, day: i64, second_of_day: i64) -> i64 {
    day_number(year, month, day) * DAY + second_of_day * 1_000_000
}

/// An instant moved by `count` units; months stop at the end of the month.
pub fn shift(micros: i64, count: i64, unit: Unit) -> i64 {
    let (months, size) = unit.size();
    if months == 0 {
        return micros + count * size;
    }
    let (year, month, day) = day_parts(micros.div_euclid(DAY));
    let total = year * 12 + month - 1 + count * months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let day = day.min(days_of_month(year, month));
    day_number(year, month, day) * DAY + micros.rem_euclid(DAY)
}

#[test]
fn the_calendar_is_right() {
    assert_eq!(day_number(2000, 3, 1), 11_017);
    assert_eq!(day_number(1969, 12, 31), -1);
    for number in (-200_000..200_000).step_by(97) {
        let (year, month, day) = day_parts(number);
        assert_eq!(day_number(year, month, day), number);
    }
    let moved =
        |from: i64, count: i64, unit: Unit| day_parts(shift(from, count, unit).div_euclid(DAY));
    assert_eq!(moved(instant(2024, 3, 31, 5), -1, Unit::Month), (2024, 2, 29));
    assert_eq!(moved(instant(2024, 2, 29, 5), -1, Unit::Year), (2023, 2, 28));
    assert_eq!(moved(instant(2023, 11, 30, 5), 3, Unit::Month), (2024, 2, 29));
}
