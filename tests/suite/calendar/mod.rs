//! The calendar of the oracle, written anew so that an error of the engine's is not repeated here.

pub mod zones;

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

/// Days from 0001-01-01 to the first day of a year.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400)
}

/// Days from 1970-01-01, counted month by month in the year.
pub fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let months: i64 = (1..month).map(|m| days_of_month(year, m)).sum();
    days_before(year) - days_before(1970) + months + day - 1
}

/// Year, month and day of a number of days from 1970-01-01.
pub fn day_parts(number: i64) -> (i64, i64, i64) {
    // A little too early, so that the years that are missing can be counted.
    let mut year = (number + days_before(1970)).div_euclid(366);
    while day_number(year + 1, 1, 1) <= number {
        year += 1 + (number - day_number(year + 1, 1, 1)) / 366;
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

/// An instant moved by several units at once, all months first, then all else; nothing beyond the years 1 to 9999. The
/// flag tells that the way led out of them, which an engine may refuse even when it leads back.
pub fn shift_all(micros: i64, by: &[(i64, Unit)]) -> (Option<i64>, bool) {
    let months: i64 = by.iter().map(|(count, unit)| count * unit.size().0).sum();
    let rest: i64 = by.iter().map(|(count, unit)| count * unit.size().1).sum();
    // Beyond all years there are no days to count.
    if months.abs() > 12 * 20_000 {
        return (None, true);
    }
    let moved = shift(micros, months, Unit::Month);
    (moved.checked_add(rest).filter(|end| in_range(*end)), !in_range(moved))
}

/// Whether an instant lies in the years 1 to 9999.
pub fn in_range(micros: i64) -> bool {
    (instant(1, 1, 1, 0)..instant(10_000, 1, 1, 0)).contains(&micros)
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Dow,
    Isodow,
    Doy,
    Epoch,
}

pub const PARTS: [(Part, &str); 12] = [
    (Part::Year, "year"),
    (Part::Quarter, "quarter"),
    (Part::Month, "month"),
    (Part::Week, "week"),
    (Part::Day, "day"),
    (Part::Hour, "hour"),
    (Part::Minute, "minute"),
    (Part::Second, "second"),
    (Part::Dow, "dow"),
    (Part::Isodow, "isodow"),
    (Part::Doy, "doy"),
    (Part::Epoch, "epoch"),
];

impl Part {
    pub fn name(self) -> &'static str {
        PARTS.iter().find(|(part, _)| *part == self).expect("every part has a name").1
    }
}

/// Monday is 1, Sunday 7. The first day of 1970 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}

/// The first day of the first week of a year: the Monday of the week with the fourth of January.
fn first_week(year: i64) -> i64 {
    let fourth = day_number(year, 1, 4);
    fourth - (weekday(fourth) - 1)
}

fn week(day: i64) -> i64 {
    let year = day_parts(day).0;
    let begins = [year + 1, year, year - 1].map(first_week);
    let begin = begins.into_iter().find(|begin| *begin <= day).expect("a year before");
    (day - begin) / 7 + 1
}

/// A whole part of a time in UTC; `Epoch` is none.
pub fn part(part: Part, micros: i64) -> i64 {
    let (day, clock) = (micros.div_euclid(DAY), micros.rem_euclid(DAY) / 1_000_000);
    let (year, month, of_month) = day_parts(day);
    match part {
        Part::Year => year,
        Part::Quarter => (month + 2) / 3,
        Part::Month => month,
        Part::Week => week(day),
        Part::Day => of_month,
        Part::Hour => clock / 3600,
        Part::Minute => clock % 3600 / 60,
        Part::Second => clock % 60,
        Part::Dow => weekday(day) % 7,
        Part::Isodow => weekday(day),
        Part::Doy => day - day_number(year, 1, 1) + 1,
        Part::Epoch => panic!("an epoch has a fraction"),
    }
}

/// The beginning of the unit that holds an instant; nothing for what is no unit.
pub fn truncate(part: Part, micros: i64) -> Option<i64> {
    let day = micros.div_euclid(DAY);
    let (year, month, _) = day_parts(day);
    let clock = |unit: i64| Some(micros - micros.rem_euclid(unit));
    match part {
        Part::Year => Some(day_number(year, 1, 1) * DAY),
        Part::Quarter => Some(day_number(year, (month + 2) / 3 * 3 - 2, 1) * DAY),
        Part::Month => Some(day_number(year, month, 1) * DAY),
        Part::Week => Some((day - weekday(day) + 1) * DAY),
        Part::Day => Some(day * DAY),
        Part::Hour => clock(3_600_000_000),
        Part::Minute => clock(60_000_000),
        Part::Second => clock(1_000_000),
        Part::Dow | Part::Isodow | Part::Doy | Part::Epoch => None,
    }
}

#[test]
fn the_calendar_is_right() {
    assert_eq!(day_number(2000, 3, 1), 11_017);
    assert_eq!(day_number(1969, 12, 31), -1);
    let counted: i64 = (1970..2024).map(|y| 365 + i64::from(is_leap(y))).sum();
    assert_eq!(day_number(2024, 1, 1), counted);
    assert_eq!(day_parts(day_number(9999, 12, 31)), (9999, 12, 31));
    assert_eq!(day_parts(day_number(1, 1, 1)), (1, 1, 1));
    for number in (-700_000..2_900_000).step_by(997) {
        let (year, month, day) = day_parts(number);
        assert_eq!(day_number(year, month, day), number);
    }
    let moved =
        |from: i64, count: i64, unit: Unit| day_parts(shift(from, count, unit).div_euclid(DAY));
    assert_eq!(moved(instant(2024, 3, 31, 5), -1, Unit::Month), (2024, 2, 29));
    assert_eq!(moved(instant(2024, 2, 29, 5), -1, Unit::Year), (2023, 2, 28));
    assert_eq!(moved(instant(2023, 11, 30, 5), 3, Unit::Month), (2024, 2, 29));
    assert_eq!(shift_all(instant(9999, 12, 31, 0), &[(1, Unit::Day)]), (None, false));
    let both = [(3, Unit::Day), (1, Unit::Month)];
    assert_eq!(shift_all(instant(2024, 1, 31, 0), &both), (Some(instant(2024, 3, 3, 0)), false));
}

#[test]
fn the_parts_of_times_are_right() {
    for ((year, month, day), number, dow) in [
        ((2024, 12, 30), 1, 1),
        ((2021, 1, 3), 53, 0),
        ((2020, 2, 29), 9, 6),
        ((1969, 12, 31), 1, 3),
        ((2016, 1, 1), 53, 5),
        ((1, 1, 1), 1, 1),
    ] {
        let time = instant(year, month, day, 5);
        assert_eq!(part(Part::Week, time), number, "{year}-{month}-{day}");
        assert_eq!(part(Part::Dow, time), dow, "{year}-{month}-{day}");
    }
    let time = instant(2024, 8, 31, 36_672);
    assert_eq!(truncate(Part::Quarter, time), Some(instant(2024, 7, 1, 0)));
    assert_eq!(truncate(Part::Week, time), Some(instant(2024, 8, 26, 0)));
    assert_eq!(truncate(Part::Minute, -1), Some(-60_000_000));
    let parts = [Part::Doy, Part::Hour, Part::Minute, Part::Second].map(|p| part(p, time));
    assert_eq!(parts, [244, 10, 11, 12]);
}
