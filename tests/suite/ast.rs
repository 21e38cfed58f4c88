//! Audiences as data, and their text.
//!
//! The text is made with chance in everything that must not matter: spelling of names, keywords, aliases, brackets,
//! whether the correlation is written out.

use crate::calendar::Unit;
use crate::rng::Rng;
use navedb::{Timestamp, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone)]
pub enum Predicate {
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare(Comparison, Scalar, Scalar),
    Between { subject: Scalar, low: Scalar, high: Scalar, negated: bool },
    In { subject: Scalar, list: Vec<Scalar>, negated: bool },
    IsNull { subject: Scalar, negated: bool },
    Exists { events: Events, negated: bool },
    Bare(Scalar),
}

#[derive(Debug, Clone)]
pub enum Scalar {
    Literal(Option<Value>),
    /// A trait of the profile, by the name that the schema gave it.
    Trait(String),
    ProfileId,
    /// A property of the event in whose subquery this stands.
    Property(String),
    EventTime,
    EventSource,
    EventMessage,
    Now,
    Shifted {
        base: Box<Scalar>,
        count: i64,
        unit: Unit,
    },
    Aggregate(Aggregate, Box<Scalar>, Events),
    CountAll(Events),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    CountDistinct,
    Sum,
    Min,
    Max,
    Avg,
}

/// The events of one type of a profile that pass a filter.
#[derive(Debug, Clone)]
pub struct Events {
    pub event: String,
    pub filter: Option<Box<Predicate>>,
}

/// Words that are names only in quotes.
const RESERVED: [&str; 14] = [
    "select", "order", "group", "from", "where", "null", "user", "not", "table", "in", "all",
    "case", "limit", "between",
];

/// The columns that every event has; a property of such a name is `"properties.name"`.
pub const EVENT_COLUMNS: [&str; 4] = ["profile_id", "time", "source", "message_id"];

/// Makes the text of an audience.
pub struct Writer<'a> {
    pub rng: &'a mut Rng,
    /// Whether the correlation of subqueries must be written out.
    pub statement: bool,
    /// The properties of each event type, to know where an unqualified name of a trait would be misread.
    pub properties: &'a dyn Fn(&str) -> Vec<String>,
    /// The subquery around: its qualifier, if it has one, and its event type.
    inside: Option<(Option<String>, String)>,
    text: String,
}

/// The text of a predicate, as a predicate or as a statement.
pub fn write(
    rng: &mut Rng,
    predicate: &Predicate,
    statement: bool,
    properties: &dyn Fn(&str) -> Vec<String>,
) -> String {
    let mut writer = Writer { rng, statement, properties, inside: None, text: String::new() };
    if statement {
        writer.word("SELECT count(*) FROM");
        writer.text.push_str(" profiles p ");
        writer.word("WHERE");
        writer.text.push(' ');
    }
    writer.predicate(predicate, 0);
    writer.text
}

impl Writer<'_> {
    /// A keyword, in either case.
    fn word(&mut self, word: &str) {
        if self.rng.one_in(6) {
            self.text.push_str(&word.to_lowercase());
        } else {
            self.text.push_str(word);
        }
    }

    fn spaced(&mut self, word: &str) {
        self.text.push_str(if self.rng.one_in(12) { "\n  " } else { " " });
        self.word(word);
        self.text.push(' ');
    }

    /// A name, in quotes where it needs them and sometimes where it does not, in any case of ASCII letters.
    fn name(&mut self, name: &str) -> String {
        let plain = name
            .bytes()
            .enumerate()
            .all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()));
        let reserved = RESERVED.contains(&name.to_lowercase().as_str());
        let cased = match self.rng.below(8) {
            0 => name.to_ascii_uppercase(),
            1 => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        if plain && !reserved && !self.rng.one_in(5) {
            cased
        } else {
            format!("\"{}\"", cased.replace('"', "\"\""))
        }
    }

    /// Levels of binding: 0 OR, 1 AND, 2 NOT, 3 everything tighter.
    fn predicate(&mut self, predicate: &Predicate, outer: u8) {
        let own = match predicate {
            Predicate::Or(_) => 0,
            Predicate::And(_) => 1,
            Predicate::Not(_) => 2,
            _ => 3,
        };
        let brackets = own < outer || self.rng.one_in(6);
        if brackets {
            self.text.push('(');
        }
        match predicate {
            Predicate::And(parts) => self.joined(parts, "AND", 2),
            Predicate::Or(parts) => self.joined(parts, "OR", 1),
            Predicate::Not(part) => {
                self.word("NOT");
                self.text.push(' ');
                self.predicate(part, 2);
            }
            _ => self.test(predicate),
        }
        if brackets {
            self.text.push(')');
        }
    }

    fn joined(&mut self, parts: &[Predicate], word: &str, inner: u8) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.spaced(word);
            }
            self.predicate(part, inner);
        }
    }

    /// A predicate that is no combination of others.
    fn test(&mut self, predicate: &Predicate) {
        let not = |negated: bool, word: &str| {
            if negated { format!("NOT {word}") } else { word.to_owned() }
        };
        match predicate {
            Predicate::Compare(comparison, left, right) => {
                self.scalar(left);
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::Different => "<>",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                self.text.push_str(&format!(" {sign} "));
                self.scalar(right);
            }
            Predicate::Between { subject, low, high, negated } => {
                self.scalar(subject);
                self.spaced(&not(*negated, "BETWEEN"));
                self.scalar(low);
                self.spaced("AND");
                self.scalar(high);
            }
            Predicate::In { subject, list, negated } => {
                self.scalar(subject);
                self.spaced(&not(*negated, "IN"));
                self.text.push('(');
                for (at, item) in list.iter().enumerate() {
                    self.text.push_str(if at > 0 { ", " } else { "" });
                    self.scalar(item);
                }
                self.text.push(')');
            }
            Predicate::IsNull { subject, negated } => {
                self.scalar(subject);
                self.text.push(' ');
                self.word(if *negated { "IS NOT NULL" } else { "IS NULL" });
            }
            Predicate::Exists { events, negated } => {
                self.word(&not(*negated, "EXISTS"));
                self.text.push(' ');
                self.subquery(events, |writer| writer.text.push('1'));
            }
            Predicate::Bare(scalar) => self.scalar(scalar),
            Predicate::And(_) | Predicate::Or(_) | Predicate::Not(_) => {
                unreachable!("these combine")
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Literal(value) => self.literal(value.as_ref()),
            Scalar::Trait(name) => self.profile_column(name),
            Scalar::ProfileId => {
                self.text.push_str("p.");
                self.word("profile_id");
            }
            Scalar::Property(name) => {
                let hidden = EVENT_COLUMNS.contains(&name.to_lowercase().as_str());
                self.event_column(&if hidden {
                    format!("properties.{name}")
                } else {
                    name.clone()
                });
            }
            Scalar::EventTime => self.event_column("time"),
            Scalar::EventSource => self.event_column("source"),
            Scalar::EventMessage => self.event_column("message_id"),
            Scalar::Now => self.word("now()"),
            Scalar::Shifted { base, count, unit } => {
                self.scalar(base);
                self.interval(*count, *unit);
            }
            Scalar::Aggregate(aggregate, argument, events) => {
                let (open, close) = match aggregate {
                    Aggregate::Count => ("count(", ")"),
                    Aggregate::CountDistinct => ("count(DISTINCT ", ")"),
                    Aggregate::Sum => ("sum(", ")"),
                    Aggregate::Min => ("min(", ")"),
                    Aggregate::Max => ("max(", ")"),
                    Aggregate::Avg => ("avg(", ")"),
                };
                self.subquery(events, |writer| {
                    writer.word(open);
                    writer.scalar(argument);
                    writer.text.push_str(close);
                });
            }
            Scalar::CountAll(events) => self.subquery(events, |writer| writer.word("count(*)")),
        }
    }

    fn profile_column(&mut self, name: &str) {
        let hidden = self.inside.as_ref().is_some_and(|(_, event)| {
            let named = |other: &String| other.to_lowercase() == name.to_lowercase();
            EVENT_COLUMNS.contains(&name.to_lowercase().as_str())
                || named(event)
                || (self.properties)(event).iter().any(named)
        });
        if hidden || !self.rng.one_in(5) {
            self.text.push_str(if self.rng.one_in(10) { "P." } else { "p." });
        }
        let name = self.name(name);
        self.text.push_str(&name);
    }

    fn event_column(&mut self, name: &str) {
        let (qualifier, _) = self.inside.clone().expect("an event's column stands in a subquery");
        if let Some(qualifier) = qualifier.filter(|_| !self.rng.one_in(5)) {
            self.text.push_str(&format!("{qualifier}."));
        }
        let name = self.name(name);
        self.text.push_str(&name);
    }

    fn subquery(&mut self, events: &Events, select: impl FnOnce(&mut Self)) {
        let table = self.name(&events.event);
        let (from, qualifier) = match self.rng.below(8) {
            0 => (table.clone(), None),
            1 => (table.clone(), Some(table)),
            2 => (format!("{table} AS ev"), Some("ev".to_owned())),
            3 => (format!("{table} \"The Event\""), Some("\"The Event\"".to_owned())),
            4 => (format!("{table} x1"), Some("X1".to_owned())),
            _ => (format!("{table} e"), Some("e".to_owned())),
        };
        self.inside = Some((qualifier.clone(), events.event.clone()));
        self.text.push('(');
        self.word("SELECT");
        self.text.push(' ');
        select(self);
        self.spaced("FROM");
        self.text.push_str(&from);
        let correlation = (self.statement || self.rng.one_in(2)).then(|| {
            let own =
                qualifier.map_or_else(|| "profile_id".to_owned(), |q| format!("{q}.profile_id"));
            if self.rng.one_in(4) {
                format!("p.profile_id = {own}")
            } else {
                format!("{own} = p.profile_id")
            }
        });
        match (correlation, &events.filter) {
            (None, None) => {}
            (Some(correlation), None) => {
                self.spaced("WHERE");
                self.text.push_str(&correlation);
            }
            (None, Some(filter)) => {
                self.spaced("WHERE");
                self.predicate(filter, 0);
            }
            (Some(correlation), Some(filter)) => {
                self.spaced("WHERE");
                let last = self.rng.one_in(4);
                if !last {
                    self.text.push_str(&correlation);
                    self.spaced("AND");
                }
                self.predicate(filter, 1);
                if last {
                    self.spaced("AND");
                    self.text.push_str(&correlation);
                }
            }
        }
        self.text.push(')');
        self.inside = None;
    }

    fn interval(&mut self, count: i64, unit: Unit) {
        let sign = if count < 0 { '-' } else { '+' };
        let size = count.abs();
        let (one, many) = (unit.name(), format!("{}s", unit.name()));
        let text = match self.rng.below(4) {
            0 => format!("INTERVAL {size} {}", one.to_uppercase()),
            1 if size == 1 => format!("INTERVAL '{size} {one}'"),
            2 => format!("interval '{size} {}'", many.to_uppercase()),
            _ => format!("INTERVAL '{size} {many}'"),
        };
        self.text.push_str(&format!(" {sign} {text}"));
    }

    fn literal(&mut self, value: Option<&Value>) {
        let text = match value {
            None => "NULL".to_owned(),
            Some(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            Some(Value::Integer(i)) => i.to_string(),
            Some(Value::Decimal(d)) => d.to_string(),
            Some(Value::Float(f)) => panic!("{f} has no literal"),
            Some(Value::Boolean(b)) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
            Some(Value::Date(d)) => format!("DATE '{d}'"),
            Some(Value::Timestamp(t)) => self.instant(*t),
            Some(Value::Set(_)) => panic!("a set has no literal"),
        };
        self.text.push_str(&text);
    }

    fn instant(&mut self, instant: Timestamp) -> String {
        let text = instant.to_string();
        let shown = match self.rng.below(4) {
            0 => text.replace('T', " ").replace('Z', "+00"),
            1 => text.replace('Z', "+00:00"),
            2 => {
                // The same instant as a clock two hours ahead of Greenwich shows it.
                Timestamp(instant.0 + 7_200_000_000).to_string().replace('Z', "+02:00")
            }
            _ => text,
        };
        format!("TIMESTAMPTZ '{shown}'")
    }
}
