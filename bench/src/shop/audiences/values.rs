//! Random values: numbers, times and texts, with the range that they come from.

use super::columns::Kind;
use super::{Asker, Scope};
use crate::shop::text::day;

/// A number.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) sql: String,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) form: Form,
    /// Whether its last digit depends on how a sum is made: it is compared with numbers that it never meets.
    pub(super) rounded: bool,
}

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Integer,
    Decimal,
    Float,
}

/// A day or an instant.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) sql: String,
    /// Days of these years.
    pub(super) years: (i64, i64),
    /// Whether it is an instant of a column, moved by an interval perhaps; not a day, and not a local time.
    pub(super) instant: bool,
}

const PARTS: [(&str, f64, f64); 10] = [
    ("year", 2021.0, 2024.0),
    ("quarter", 1.0, 4.0),
    ("month", 1.0, 12.0),
    ("week", 1.0, 53.0),
    ("day", 1.0, 31.0),
    ("hour", 0.0, 23.0),
    ("dow", 0.0, 6.0),
    ("isodow", 1.0, 7.0),
    ("doy", 1.0, 366.0),
    ("minute", 0.0, 59.0),
];

pub(super) const INTERVALS: [&str; 10] = [
    "INTERVAL '30 days'",
    "INTERVAL '1 month'",
    "INTERVAL '2 weeks'",
    "INTERVAL '36 hours'",
    "INTERVAL '1 year'",
    "INTERVAL '90 minutes'",
    "INTERVAL '18 months'",
    "INTERVAL 45 DAY",
    "INTERVAL '3' MONTH",
    "INTERVAL '100000 seconds'",
];

impl Moment {
    /// An instant of a column.
    pub(super) fn of_instant(sql: String) -> Moment {
        Moment { sql, years: (2021, 2024), instant: true }
    }
}

impl Asker {
    /// A column of one of the tables, of a kind that is wanted; of money that has several currencies the number, or the
    /// amount in one of them.
    pub(super) fn column(
        &mut self,
        scope: Scope<'_>,
        wanted: &dyn Fn(Kind) -> bool,
    ) -> Option<(String, Kind)> {
        let (sql, kind) = self.bare_column(scope, wanted)?;
        let Kind::Currencies(low, high) = kind else { return Some((sql, kind)) };
        let sql = match self.rng.below(3) {
            0 => format!("amount({sql})"),
            other => {
                self.plain = false;
                let to = if other == 1 { "USD" } else { "EUR" };
                format!("convert({sql}, '{to}')")
            }
        };
        Some((sql, Kind::Money(low, high)))
    }

    /// A column as it stands: where nothing is computed of it.
    pub(super) fn bare_column(
        &mut self,
        scope: Scope<'_>,
        wanted: &dyn Fn(Kind) -> bool,
    ) -> Option<(String, Kind)> {
        let columns = scope.iter().flat_map(|(alias, table)| {
            table.columns.iter().filter(|c| wanted(c.kind)).map(move |c| (*alias, *c))
        });
        let columns: Vec<_> = columns.collect();
        if columns.is_empty() {
            return None;
        }
        let (alias, column) = *self.rng.pick(&columns);
        let name = match self.rng.below(20) {
            0 if column.name.is_ascii() => column.name.to_uppercase(),
            _ => column.name.to_owned(),
        };
        // Alone, profiles need no qualifier.
        let sql = if scope.len() == 1 && alias == "p" && self.rng.percent(5) {
            name
        } else {
            format!("{alias}.{name}")
        };
        Some((sql, column.kind))
    }

    fn plain_number(&mut self, scope: Scope<'_>) -> Number {
        let numbers = |kind: Kind| {
            matches!(
                kind,
                Kind::Integer(..) | Kind::Money(..) | Kind::Currencies(..) | Kind::Float(_)
            )
        };
        let (sql, low, high, form) = match self.column(scope, &numbers) {
            Some((sql, Kind::Integer(low, high))) => (sql, low as f64, high as f64, Form::Integer),
            Some((sql, Kind::Money(low, high))) => {
                (sql, low as f64 / 100.0, high as f64 / 100.0, Form::Decimal)
            }
            Some((sql, Kind::Float(high))) => (sql, 0.0, high, Form::Float),
            _ => ("1".to_owned(), 0.0, 2.0, Form::Integer),
        };
        Number { sql, low, high, form, rounded: false }
    }

    /// A number of a row or a profile; `whole` when nothing may come out of it that is no finite number.
    pub(super) fn number(&mut self, scope: Scope<'_>, depth: u32, whole: bool) -> Number {
        let plain = self.plain_number(scope);
        if depth == 0 {
            return plain;
        }
        let integer = |sql: String, low: f64, high: f64| Number {
            sql,
            low,
            high,
            form: Form::Integer,
            rounded: false,
        };
        match self.rng.below(12) {
            0 | 1 => {
                let moment = self.moment(scope, 1);
                let (part, low, high) = *self.rng.pick(&PARTS);
                let (low, high) = if part == "year" {
                    (moment.years.0 as f64, moment.years.1 as f64)
                } else {
                    (low, high)
                };
                let sql = if self.rng.percent(70) {
                    format!("extract({part} FROM {})", moment.sql)
                } else {
                    format!("date_part('{part}', {})", moment.sql)
                };
                integer(sql, low, high)
            }
            2 => {
                let moment = self.moment(scope, 0);
                let (low, high) = moment.years;
                let day = day(&mut self.rng, low, high);
                let span = (high - low + 1) as f64 * 365.0;
                integer(format!("(CAST({} AS DATE) - DATE '{day}')", moment.sql), -span, span)
            }
            3 => {
                let other = self.plain_number(scope);
                let value = self.constant(&other);
                Number { sql: format!("coalesce({}, {value})", other.sql), ..other }
            }
            4 if plain.form == Form::Integer => {
                let by = self.rng.between(2, 7);
                integer(format!("({} % {by})", plain.sql), -1.0, by as f64)
            }
            5 => Number {
                sql: format!("(- {})", plain.sql),
                low: -plain.high,
                high: -plain.low,
                ..plain
            },
            6 | 7 => {
                let other = self.plain_number(scope);
                let form = self.joined(plain.form, other.form);
                let (sign, low, high) = if self.rng.percent(50) {
                    ("+", plain.low + other.low, plain.high + other.high)
                } else {
                    ("-", plain.low - other.high, plain.high - other.low)
                };
                let sql = format!("({} {sign} {})", plain.sql, other.sql);
                Number { sql, low, high, form, rounded: false }
            }
            8 => {
                let by = self.rng.between(2, 12) as f64;
                let sql = format!("({} * {by})", plain.sql);
                Number { sql, low: plain.low * by, high: plain.high * by, ..plain }
            }
            9 => {
                let other = self.plain_number(scope);
                let (by, least) = match other.low > 0.0 || !whole {
                    true => (other.sql, other.low.abs().max(1.0)),
                    false => ("8".to_owned(), 8.0),
                };
                Number {
                    sql: format!("({} / {by})", plain.sql),
                    low: plain.low.min(0.0) / least,
                    high: plain.high / least,
                    form: Form::Float,
                    rounded: false,
                }
            }
            _ => plain,
        }
    }

    fn joined(&self, left: Form, right: Form) -> Form {
        match (left, right) {
            (Form::Float, _) | (_, Form::Float) => Form::Float,
            (Form::Integer, Form::Integer) => Form::Integer,
            _ => Form::Decimal,
        }
    }

    /// A number that it may be compared with.
    pub(super) fn constant(&mut self, number: &Number) -> String {
        let place = number.low + self.rng.unit() * (number.high - number.low);
        if number.rounded {
            // No short decimal comes near it.
            return format!("{place:.3}0371");
        }
        match (number.form, self.rng.below(10)) {
            (_, 0) => format!("{place:.3e}"),
            (Form::Integer, 1) => format!("{place:.1}"),
            (Form::Integer, _) => format!("{place:.0}"),
            (Form::Decimal, _) => format!("{place:.2}"),
            (Form::Float, _) => format!("{place:.4}"),
        }
        .replace("-0.00", "0.00")
    }

    /// A day or an instant.
    pub(super) fn moment(&mut self, scope: Scope<'_>, depth: u32) -> Moment {
        let found = self.column(scope, &|kind| matches!(kind, Kind::Date(..) | Kind::Time));
        let plain = match found {
            Some((sql, Kind::Date(low, high))) => {
                Moment { sql, years: (low, high), instant: false }
            }
            Some((sql, _)) => Moment { sql, years: (2021, 2024), instant: true },
            None => Moment { sql: "now()".to_owned(), years: (2025, 2025), instant: true },
        };
        if depth == 0 {
            return plain;
        }
        let Moment { sql, instant, .. } = &plain;
        let (sql, instant) = match self.rng.below(10) {
            0 => (format!("CAST({sql} AS DATE)"), false),
            1 => (format!("{sql}::date"), false),
            2 | 3 => {
                // Days have no hours; DuckDB 2.0 compares date_trunc('hour', day) wrongly.
                let units = ["year", "quarter", "month", "week", "day", "hour"];
                let unit = self.rng.word(if *instant { &units } else { &units[..5] });
                (format!("date_trunc('{unit}', {sql})"), *instant)
            }
            4 | 5 => {
                let sign = if self.rng.percent(50) { "+" } else { "-" };
                (format!("({sql} {sign} {})", self.rng.pick(&INTERVALS)), *instant)
            }
            6 | 7 if *instant => return self.local(plain.clone()),
            8 => {
                let (low, high) = plain.years;
                let day = day(&mut self.rng, low, high);
                (format!("coalesce({sql}, DATE '{day}')"), *instant)
            }
            _ => return plain,
        };
        Moment { sql, instant, years: plain.years }
    }

    /// The wall clock of a zone at an instant.
    pub(super) fn local(&mut self, moment: Moment) -> Moment {
        if !moment.instant {
            return moment;
        }
        let zone = if self.rng.percent(60) {
            let zones = crate::shop::words::ZONES.split_last().expect("there are zones").1;
            format!("'{}'", self.rng.pick(zones))
        } else {
            // Not every value of the trait is a zone, which is an error in a warehouse.
            self.plain = false;
            "p.zone".to_owned()
        };
        Moment { sql: format!("({} AT TIME ZONE {zone})", moment.sql), instant: false, ..moment }
    }

    /// A time that a moment may be compared with.
    pub(super) fn time(&mut self, (low, high): (i64, i64)) -> String {
        let day = day(&mut self.rng, low, high);
        match self.rng.below(6) {
            0 if high >= 2024 => format!("now() - {}", self.rng.pick(&INTERVALS)),
            1 => format!("TIMESTAMPTZ '{day}T{:02}:30:00Z'", self.rng.below(24)),
            2 => format!("TIMESTAMPTZ '{day} 02:00:00+02:00'"),
            3 => format!("DATE '{day}' + {}", self.rng.pick(&INTERVALS)),
            _ => format!("DATE '{day}'"),
        }
    }

    /// A text in quotes.
    pub(super) fn quoted(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A text that a column may hold.
    pub(super) fn word(&mut self, kind: Kind) -> String {
        let word = match kind {
            Kind::Text(words) | Kind::Set(words) if self.rng.percent(95) => {
                (*self.rng.pick(words)).to_owned()
            }
            Kind::Product => format!("p{}", 1 + self.rng.below(400)),
            _ => "nothing".to_owned(),
        };
        self.quoted(&word)
    }

    /// A text column, or what stands for it when it says nothing.
    pub(super) fn text(&mut self, scope: Scope<'_>) -> Option<(String, Kind)> {
        let texts = |kind: Kind| matches!(kind, Kind::Text(_) | Kind::Product);
        let (sql, kind) = self.column(scope, &texts)?;
        if self.rng.percent(12) {
            let word = self.word(kind);
            return Some((format!("coalesce({sql}, {word})"), kind));
        }
        Some((sql, kind))
    }
}
