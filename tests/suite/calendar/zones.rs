//! A few time zones of the oracle, by their rules of today: with and without summer time, on both sides of the equator,
//! with offsets of whole, half and quarter hours.

use super::{day_number, day_parts, instant};

/// The week of a month in which clocks change, on a Sunday.
#[derive(Debug, Clone, Copy)]
enum Sunday {
    First,
    Second,
    Last,
}

/// A change of clocks: month, Sunday, and the second of that day in UTC, which may lie before or after the day.
type Change = (i64, Sunday, i64);

struct Zone {
    name: &'static str,
    /// Seconds ahead of UTC in winter.
    standard: i64,
    /// Seconds more in summer, and when it begins and ends.
    summer: Option<(i64, Change, Change)>,
}

const HOUR: i64 = 3600;

const fn fixed(name: &'static str, standard: i64) -> Zone {
    Zone { name, standard, summer: None }
}

const EUROPE: (i64, Change, Change) = (HOUR, (3, Sunday::Last, HOUR), (10, Sunday::Last, HOUR));

const ZONES: [Zone; 11] = [
    fixed("UTC", 0),
    fixed("Asia/Tokyo", 9 * HOUR),
    fixed("Asia/Kolkata", 5 * HOUR + HOUR / 2),
    fixed("Asia/Kathmandu", 5 * HOUR + HOUR * 3 / 4),
    fixed("America/Phoenix", -7 * HOUR),
    Zone { name: "Europe/Paris", standard: HOUR, summer: Some(EUROPE) },
    Zone { name: "Europe/London", standard: 0, summer: Some(EUROPE) },
    Zone {
        name: "America/New_York",
        standard: -5 * HOUR,
        summer: Some((HOUR, (3, Sunday::Second, 7 * HOUR), (11, Sunday::First, 6 * HOUR))),
    },
    Zone {
        name: "America/St_Johns",
        standard: -(3 * HOUR + HOUR / 2),
        summer: Some((
            HOUR,
            (3, Sunday::Second, 5 * HOUR + HOUR / 2),
            (11, Sunday::First, 4 * HOUR + HOUR / 2),
        )),
    },
    Zone {
        name: "Australia/Lord_Howe",
        standard: 10 * HOUR + HOUR / 2,
        // Two in the morning by the clock of the moment, on the day before in UTC.
        summer: Some((
            HOUR / 2,
            (10, Sunday::First, -(8 * HOUR + HOUR / 2)),
            (4, Sunday::First, -9 * HOUR),
        )),
    },
    Zone {
        name: "Pacific/Chatham",
        standard: 12 * HOUR + HOUR * 3 / 4,
        summer: Some((HOUR, (9, Sunday::Last, -10 * HOUR), (4, Sunday::First, -10 * HOUR))),
    },
];

pub fn names() -> Vec<&'static str> {
    ZONES.iter().map(|zone| zone.name).collect()
}

/// The instant of a change in a year.
fn change((month, sunday, second): Change, year: i64) -> i64 {
    let from = match sunday {
        Sunday::First => day_number(year, month, 1),
        Sunday::Second => day_number(year, month, 8),
        Sunday::Last => day_number(year, month + 1, 1) - 7,
    };
    // The first day of 1970 was a Thursday: Sundays are 3 days later, modulo 7.
    let day = from + (3 - from).rem_euclid(7);
    (day * 86_400 + second) * 1_000_000
}

/// What the clocks of a zone show, written as if it were UTC; nothing where these rules were or will not be in force.
pub fn local(name: &str, micros: i64) -> Option<i64> {
    let zone = ZONES.iter().find(|zone| zone.name == name)?;
    let known = match zone.summer {
        _ if zone.standard == 0 && zone.summer.is_none() => true,
        None => (instant(1990, 1, 1, 0)..instant(2037, 1, 1, 0)).contains(&micros),
        Some(_) => (instant(2012, 1, 1, 0)..instant(2037, 1, 1, 0)).contains(&micros),
    };
    if !known {
        return None;
    }
    let more = zone.summer.map_or(0, |(more, begin, end)| {
        let year = day_parts(micros.div_euclid(super::DAY)).0;
        let (begin, end) = (change(begin, year), change(end, year));
        let summer = if begin < end {
            (begin..end).contains(&micros)
        } else {
            !(end..begin).contains(&micros)
        };
        if summer { more } else { 0 }
    });
    Some(micros + (zone.standard + more) * 1_000_000)
}

#[test]
fn clocks_show_what_they_should() {
    let shows = |zone: &str, time: i64| local(zone, time).unwrap();
    let at = |month: i64, day: i64, second: i64| instant(2024, month, day, second);
    // The second before clocks change, and the first one after.
    for (zone, change, before, after) in [
        ("Europe/Paris", at(3, 31, HOUR), at(3, 31, 2 * HOUR), at(3, 31, 3 * HOUR)),
        ("Europe/Paris", at(10, 27, HOUR), at(10, 27, 3 * HOUR), at(10, 27, 2 * HOUR)),
        ("America/New_York", at(3, 10, 7 * HOUR), at(3, 10, 2 * HOUR), at(3, 10, 3 * HOUR)),
        ("America/New_York", at(11, 3, 6 * HOUR), at(11, 3, 2 * HOUR), at(11, 3, HOUR)),
        ("America/St_Johns", at(3, 10, 19_800), at(3, 10, 2 * HOUR), at(3, 10, 3 * HOUR)),
        ("America/St_Johns", at(11, 3, 16_200), at(11, 3, 2 * HOUR), at(11, 3, HOUR)),
        ("Australia/Lord_Howe", at(10, 5, 55_800), at(10, 6, 2 * HOUR), at(10, 6, 9_000)),
        ("Australia/Lord_Howe", at(4, 6, 15 * HOUR), at(4, 7, 2 * HOUR), at(4, 7, 5_400)),
        ("Pacific/Chatham", at(9, 28, 14 * HOUR), at(9, 29, 9_900), at(9, 29, 13_500)),
        ("Pacific/Chatham", at(4, 6, 14 * HOUR), at(4, 7, 13_500), at(4, 7, 9_900)),
    ] {
        assert_eq!(shows(zone, change - 1) + 1, before, "{zone} before");
        assert_eq!(shows(zone, change), after, "{zone} after");
    }
    assert_eq!(shows("Asia/Kathmandu", at(1, 1, 0)), at(1, 1, 20_700));
}
