//! Random values, as JSON tokens with what they mean.

use super::money::{CURRENCIES, currency, rate_day};
use super::{Field, Kind, moment};
use crate::calendar::DAY;
use crate::oracle::{Meaning, Said};
use crate::rng::Rng;
use navedb::{Date, Decimal, Timestamp, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;

pub const TEXTS: [&str; 24] = [
    "FR",
    "fr",
    "DE",
    "",
    "it's",
    "naïve",
    "Ω",
    "a b",
    "100%",
    "zzz",
    "2024-02-30",
    "007",
    "\"q\"",
    "a,b",
    "Fr",
    "日本",
    "a_b",
    "50%_\\",
    "École",
    "éCOLE",
    "e\u{301}cole",
    "👩\u{200d}🚀!",
    "ẞS",
    "\u{10ffff}",
];

/// Decimals near the end of what a decimal can hold, and plain ones among them.
const BIG_DECIMALS: [&str; 11] = [
    "99999999999999999999999999999999999999",
    "-99999999999999999999999999999999999999",
    "60000000000000000000000000000000000000",
    "-60000000000000000000000000000000000000",
    "0.30000000000000000000000000000000000001",
    "-9223372036854775809",
    "12345678901234567890.123456789012345678",
    "0.00000000000000000000000000000000000001",
    "9007199254740993.5",
    "-0.10",
    "2.50",
];

/// Floats that a plain sum would round, and the ends of their range.
const WIDE_FLOATS: [&str; 14] = [
    "1e-1",
    "2e-1",
    "-3e-1",
    "1e16",
    "-1e16",
    "1e300",
    "-1e300",
    "5e-324",
    "1e308",
    "-0e0",
    "7e0",
    "1e0",
    "9007199254740992e0",
    "33e-1",
];

/// Days at the ends of the calendar and at its corners.
const FAR_TIMES: [&str; 10] = [
    "0001-01-01",
    "9999-12-31",
    "1900-02-28",
    "2000-02-29",
    "1969-12-31",
    "0004-02-29",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.5Z",
    "2038-01-19T03:14:08Z",
];

pub fn null() -> Said {
    Said { meaning: Meaning::Null, token: "null".to_owned() }
}

fn said(value: Value, token: String) -> Said {
    Said { meaning: Meaning::Value(value), token }
}

fn parsed_decimal(token: &str) -> Said {
    said(Value::Decimal(Decimal::parse(token).unwrap()), token.to_owned())
}

fn decimal(rng: &mut Rng) -> Said {
    if rng.one_in(3) {
        // Equal numbers in several forms.
        return parsed_decimal(rng.pick::<&str>(&["2.5", "2.50", "2.500", "10.0", "10.00"]));
    }
    let scale = rng.below(4) as u8;
    let digits = *rng.pick(&[1999, -50, 10_000, 5, 0, 12_345, 250]) + rng.between(0, 2);
    let value = Decimal::new(i128::from(digits), scale).unwrap();
    // A decimal is recognised by its point.
    parsed_decimal(&if scale == 0 { format!("{value}.0") } else { value.to_string() })
}

fn integer(rng: &mut Rng) -> Said {
    let value = match rng.below(12) {
        // More digits than a short float holds.
        0 => 16_777_217,
        1..=4 => rng.between(-3, 100),
        _ => rng.between(0, 5),
    };
    said(Value::Integer(value), value.to_string())
}

fn big(rng: &mut Rng) -> Said {
    let ends = [i64::MAX, i64::MIN, i64::MAX - 1, 1 << 53, (1 << 53) + 1, 0, 7];
    let value = if rng.one_in(2) { *rng.pick(&ends) } else { rng.next() as i64 >> rng.below(20) };
    said(Value::Integer(value), value.to_string())
}

/// Eighths, whose sums are exact.
fn float(rng: &mut Rng) -> Said {
    let value = rng.between(-16, 80) as f64 / 8.0;
    said(Value::Float(value), format!("{value:e}"))
}

fn wide_float(rng: &mut Rng) -> Said {
    let token = *rng.pick(&WIDE_FLOATS);
    said(Value::Float(token.parse().unwrap()), token.to_owned())
}

fn eighth(rng: &mut Rng) -> Said {
    parsed_decimal(&format!("{:.3}", rng.between(-16, 80) as f64 / 8.0))
}

fn boolean(rng: &mut Rng) -> Said {
    let value = rng.one_in(2);
    said(Value::Boolean(value), value.to_string())
}

pub fn text(text: &str) -> Said {
    said(Value::Text(text.to_owned()), Json::from(text).to_string())
}

/// One of a few texts that many share, or of many that few share.
fn some_text(rng: &mut Rng) -> Said {
    if rng.one_in(5) {
        text(&format!("x{}", rng.below(300)))
    } else {
        text(rng.pick::<&str>(&TEXTS))
    }
}

fn date(rng: &mut Rng, base: i64) -> Said {
    dated(Date(moment(rng, base).div_euclid(DAY) as i32))
}

/// A day.
pub fn dated(date: Date) -> Said {
    said(Value::Date(date), format!("\"{date}\""))
}

/// An instant as ISO text, in one of several spellings.
pub fn iso(rng: &mut Rng, time: i64) -> String {
    match rng.below(4) {
        0 => Timestamp(time - 5_400_000_000).to_string().replace('Z', "-01:30"),
        1 => Timestamp(time + 7_200_000_000).to_string().replace('Z', "+0200"),
        _ => Timestamp(time).to_string(),
    }
}

fn timestamp(rng: &mut Rng, base: i64) -> Said {
    let time = moment(rng, base);
    said(Value::Timestamp(Timestamp(time)), format!("\"{}\"", iso(rng, time)))
}

fn far_time(rng: &mut Rng) -> Said {
    let text = *rng.pick(&FAR_TIMES);
    let value = Date::parse(text)
        .map(Value::Date)
        .unwrap_or_else(|_| Value::Timestamp(Timestamp::parse(text).unwrap()));
    said(value, format!("\"{text}\""))
}

/// A list of scalars, with its texts; null in it says nothing.
fn set(rng: &mut Rng) -> Said {
    let (mut tokens, mut texts) = (Vec::new(), BTreeSet::new());
    for _ in 0..rng.below(4) {
        let item = match rng.below(8) {
            0 => integer(rng),
            1 => decimal(rng),
            2 => boolean(rng),
            3 => null(),
            _ => text(rng.pick::<&str>(&TEXTS[..8])),
        };
        match &item.meaning {
            Meaning::Value(Value::Text(text)) => drop(texts.insert(text.clone())),
            Meaning::Value(_) => drop(texts.insert(item.token.clone())),
            Meaning::Null | Meaning::Unfolded => {}
        }
        tokens.push(item.token);
    }
    said(Value::Set(texts.into_iter().collect()), format!("[{}]", tokens.join(",")))
}

/// A value for a column; `first` asks for one that fixes the class.
fn value(rng: &mut Rng, kind: Kind, base: i64, first: bool) -> Said {
    let early = first || rng.one_in(3);
    match kind {
        Kind::Text => some_text(rng),
        Kind::MixedText if first => text("free text"),
        Kind::MixedText => match rng.below(7) {
            0 => integer(rng),
            1 => decimal(rng),
            2 => boolean(rng),
            3 => date(rng, base),
            4 => set(rng),
            _ => some_text(rng),
        },
        Kind::Integer => integer(rng),
        Kind::BigInteger => big(rng),
        Kind::Decimal if early => integer(rng),
        Kind::Decimal => decimal(rng),
        Kind::BigDecimal => parsed_decimal(rng.pick::<&str>(&BIG_DECIMALS)),
        Kind::Float if early && rng.one_in(2) => integer(rng),
        Kind::Float if early => eighth(rng),
        Kind::Float => float(rng),
        Kind::WideFloat => wide_float(rng),
        Kind::Boolean => boolean(rng),
        Kind::Timestamp if !early => timestamp(rng, base),
        Kind::Date | Kind::Timestamp => date(rng, base),
        Kind::FarTime => far_time(rng),
        Kind::RateDay => dated(rate_day(rng, base)),
        Kind::Set => set(rng),
        Kind::Nothing => null(),
        Kind::Reference if rng.one_in(4) => text(["", "nobody", " e1", "E1"][rng.below(4)]),
        Kind::Reference => text(&super::records::entity_id(rng)),
        Kind::Code => text(rng.pick::<&str>(&CURRENCIES)),
        Kind::Mark | Kind::Currency(_) => unreachable!("they are made with what stands beside"),
    }
}

/// A value of another class than the column's.
fn contradiction(rng: &mut Rng, kind: Kind, base: i64) -> Said {
    match kind {
        Kind::Text | Kind::MixedText | Kind::Reference | Kind::Code => text("never contradicts"),
        Kind::Nothing | Kind::Mark | Kind::Currency(_) => null(),
        Kind::Integer
        | Kind::BigInteger
        | Kind::Decimal
        | Kind::BigDecimal
        | Kind::Float
        | Kind::WideFloat => match rng.below(4) {
            0 => text("n/a"),
            1 => boolean(rng),
            2 => set(rng),
            _ => date(rng, base),
        },
        Kind::Boolean if rng.one_in(2) => integer(rng),
        Kind::Boolean => text("yes"),
        Kind::Date | Kind::Timestamp | Kind::FarTime | Kind::RateDay if rng.one_in(2) => {
            decimal(rng)
        }
        Kind::Date | Kind::Timestamp | Kind::FarTime | Kind::RateDay => text("soon"),
        Kind::Set if rng.one_in(2) => integer(rng),
        Kind::Set => text("a"),
    }
}

/// A list that is no set.
fn unfolded(rng: &mut Rng) -> Said {
    let token = *rng.pick(&["[[1]]", "[{\"a\":1}]", "[\"a\",[]]"]);
    Said { meaning: Meaning::Unfolded, token: token.to_owned() }
}

/// One statement for some of the fields, or with `first` for all of them.
pub fn statements(rng: &mut Rng, fields: &[Field], base: i64, first: bool) -> Vec<(String, Said)> {
    let mut said: Vec<(String, Said)> = Vec::new();
    for field in fields.iter().filter(|field| field.kind != Kind::Mark) {
        if let Kind::Currency(several) = field.kind {
            said.extend(currency(rng, field, several, &said));
            continue;
        }
        if !first && rng.one_in(3) {
            continue;
        }
        let what = match rng.below(24) {
            0 | 1 if !first => null(),
            2 | 3 if !first => contradiction(rng, field.kind, base),
            4 if !first && field.kind != Kind::Nothing => unfolded(rng),
            _ => value(rng, field.kind, base, first),
        };
        let name = if first || !rng.one_in(10) {
            field.name.clone()
        } else {
            field.name.to_ascii_uppercase()
        };
        said.push((name, what));
    }
    said
}
