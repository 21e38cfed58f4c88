//! The text of values.

use super::names::{ENTITY_COLUMNS, EVENT_COLUMNS};
use super::write::Writer;
use super::{Aggregate, Column, Events, Operator, Scalar, Space};
use crate::calendar::Unit;
use navedb::{Timestamp, Value};

/// How tight a value binds: 1 sums, 2 products, 3 a sign or a zone, 4 what stands alone.
fn level(scalar: &Scalar) -> u8 {
    match scalar {
        Scalar::Arithmetic(Operator::Plus | Operator::Minus, ..) | Scalar::Shifted { .. } => 1,
        Scalar::Arithmetic(..) => 2,
        Scalar::Negate(_) | Scalar::InZone(..) => 3,
        Scalar::Literal(Some(value)) if value.to_string().starts_with('-') => 3,
        Scalar::Literal(Some(Value::Date(_) | Value::Timestamp(_))) => 3,
        _ => 4,
    }
}

impl Writer<'_> {
    /// A value that binds at least as tight as asked, in brackets if it does not.
    pub(super) fn scalar(&mut self, scalar: &Scalar, wanted: u8) {
        let brackets = level(scalar) < wanted || self.rng.one_in(20);
        if brackets {
            self.text.push('(');
        }
        self.bare(scalar);
        if brackets {
            self.text.push(')');
        }
    }

    fn bare(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Literal(value) => self.literal(value.as_ref()),
            Scalar::Trait(name) => self.profile_column(name),
            Scalar::ProfileId => {
                self.text.push_str(&format!("{}.", self.profiles));
                self.word("profile_id");
            }
            Scalar::Column(table, column) => self.column(*table, column),
            Scalar::Now => self.word("now()"),
            Scalar::Shifted { base, by } => self.shifted(base, by),
            Scalar::Arithmetic(operator, left, right) => {
                let own = level(scalar);
                self.scalar(left, own);
                self.text.push_str(&format!(" {} ", operator.sign()));
                self.scalar(right, own + 1);
            }
            Scalar::Negate(inner) => {
                // Two signs without a space would begin a comment.
                let tight = if self.rng.one_in(3) { 3 } else { 4 };
                self.text.push_str(if tight == 3 { "- " } else { "-" });
                self.scalar(inner, tight);
            }
            Scalar::Coalesce(values) => {
                self.word("coalesce(");
                self.listed(values, |writer, value| writer.scalar(value, 0));
                self.text.push(')');
            }
            Scalar::Part(..) | Scalar::Truncate(..) | Scalar::AsDate(_) | Scalar::InZone(..) => {
                self.of_time(scalar);
            }
            Scalar::Bucket(salt, n) => {
                self.word("bucket(");
                self.quote(salt);
                self.text.push_str(&format!(", {n})"));
            }
            Scalar::Amount(inner) => {
                self.word("amount(");
                self.scalar(inner, 0);
                self.text.push(')');
            }
            Scalar::Convert(inner, to) => {
                self.word("convert(");
                self.scalar(inner, 0);
                self.text.push_str(", ");
                self.quote(to);
                self.text.push(')');
            }
            Scalar::CountAll(events) => self.subquery(events, |writer| writer.word("count(*)")),
            Scalar::Aggregate(aggregate, argument, events) => {
                self.subquery(events, |writer| writer.aggregate(*aggregate, argument));
            }
            Scalar::Edge { value, last, events } => self.edge(value, *last, events),
        }
    }

    pub(super) fn aggregate(&mut self, aggregate: Aggregate, argument: &Scalar) {
        self.word(match aggregate {
            Aggregate::Count => "count(",
            Aggregate::CountDistinct => "count(DISTINCT ",
            Aggregate::Sum => "sum(",
            Aggregate::Min => "min(",
            Aggregate::Max => "max(",
            Aggregate::Avg => "avg(",
            Aggregate::Mode => "mode(",
        });
        self.scalar(argument, 0);
        self.text.push(')');
    }

    /// The first or last event, whose order must be written.
    fn edge(&mut self, value: &Scalar, last: bool, events: &Events) {
        let way = match (last, self.rng.one_in(3)) {
            (true, _) => " DESC",
            (false, true) => " ASC",
            (false, false) => "",
        };
        let place = self.tables.len();
        let alone = events.joins.is_empty();
        let select = |writer: &mut Self| writer.scalar(value, 0);
        self.enclosed(events, "", alone, select, |writer| {
            writer.spaced("ORDER BY");
            writer.column(place, &Column::Time);
            writer.word(way);
            writer.text.push_str(", ");
            writer.column(place, &Column::Message);
            writer.word(way);
            writer.spaced("LIMIT");
            writer.text.push('1');
        });
    }

    fn of_time(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Part(part, inner) => {
                if self.rng.one_in(3) {
                    self.word("date_part(");
                    self.quote(part.name());
                    self.text.push_str(", ");
                } else {
                    self.word("extract(");
                    self.word(&part.name().to_uppercase());
                    self.spaced("FROM");
                }
                self.scalar(inner, 0);
                self.text.push(')');
            }
            Scalar::Truncate(part, inner) => {
                self.word("date_trunc(");
                self.quote(part.name());
                self.text.push_str(", ");
                self.scalar(inner, 0);
                self.text.push(')');
            }
            Scalar::AsDate(inner) if self.rng.one_in(3) => {
                self.scalar(inner, 4);
                self.text.push_str("::");
                self.word("DATE");
            }
            Scalar::AsDate(inner) => {
                self.word("CAST(");
                self.scalar(inner, 0);
                self.spaced("AS");
                self.word("DATE)");
            }
            Scalar::InZone(inner, zone) => {
                self.scalar(inner, 4);
                self.spaced("AT TIME ZONE");
                self.quote(zone);
            }
            _ => unreachable!("these are of times"),
        }
    }

    fn profile_column(&mut self, name: &str) {
        let folded = name.to_lowercase();
        let hidden = !self.tables.is_empty()
            && self.tables.iter().any(|table| {
                let (event, fixed) = match &table.space {
                    Space::Event(event) => (event, EVENT_COLUMNS.as_slice()),
                    Space::Entity(entity) => (entity, ENTITY_COLUMNS.as_slice()),
                };
                let named = |other: &String| other.to_lowercase() == folded;
                fixed.contains(&folded.as_str())
                    || named(event)
                    || self.schema.fields_of(&table.space).iter().any(named)
            });
        let alone = self.tables.len() < 2 && !self.qualified;
        if hidden || !alone || !self.rng.one_in(5) {
            let profiles = self.profiles.clone();
            let upper = !profiles.starts_with('"') && self.rng.one_in(10);
            self.text.push_str(&if upper { profiles.to_uppercase() } else { profiles });
            self.text.push('.');
        }
        if folded == "profile_id" || self.rng.one_in(20) {
            self.name(&format!("traits.{name}"));
        } else {
            self.name(name);
        }
    }

    pub(super) fn column(&mut self, table: usize, column: &Column) {
        let place = self.tables[table].clone();
        let alone = self.tables.len() == 1;
        if let Some(qualifier) = place.qualifier.filter(|_| !alone || !self.rng.one_in(5)) {
            self.text.push_str(&format!("{qualifier}."));
        }
        let (fixed, prefix) = match place.space {
            Space::Event(_) => (EVENT_COLUMNS.as_slice(), "properties"),
            Space::Entity(_) => (ENTITY_COLUMNS.as_slice(), "fields"),
        };
        match column {
            Column::Field(name) if fixed.contains(&name.to_lowercase().as_str()) => {
                self.name(&format!("{prefix}.{name}"));
            }
            Column::Field(name) => self.name(name),
            Column::Time => self.name("time"),
            Column::Source => self.name("source"),
            Column::Message => self.name("message_id"),
            Column::Owner => self.name("profile_id"),
            Column::Id => self.name("id"),
        }
    }

    fn shifted(&mut self, base: &Scalar, by: &[(i64, Unit)]) {
        let back = by.iter().all(|(count, _)| *count <= 0);
        if !back && self.rng.one_in(5) {
            self.interval(by);
            self.text.push_str(" + ");
            self.scalar(base, 2);
            return;
        }
        self.scalar(base, 1);
        if back && !self.rng.one_in(8) {
            self.text.push_str(" - ");
            let forward: Vec<(i64, Unit)> = by.iter().map(|(n, unit)| (-n, *unit)).collect();
            self.interval(&forward);
        } else {
            self.text.push_str(" + ");
            self.interval(by);
        }
    }

    pub(super) fn interval(&mut self, by: &[(i64, Unit)]) {
        self.word("INTERVAL ");
        let several = |unit: Unit| format!("{}s", unit.name());
        let text = match (by, self.rng.below(4)) {
            ([(count, unit)], 0) if *count >= 0 => {
                format!("{count} {}", unit.name().to_uppercase())
            }
            ([(1, unit)], 1) => format!("'1 {}'", unit.name()),
            ([(count, unit)], 2) => format!("'{count} {}'", several(*unit).to_uppercase()),
            ([(count, unit)], 3) => format!("'{count}' {}", unit.name().to_uppercase()),
            _ => {
                let parts = by.iter().map(|(count, unit)| format!("{count} {}", several(*unit)));
                format!("'{}'", parts.collect::<Vec<_>>().join(" "))
            }
        };
        self.text.push_str(&text);
    }

    pub(super) fn quote(&mut self, text: &str) {
        self.text.push_str(&format!("'{}'", text.replace('\'', "''")));
    }

    fn literal(&mut self, value: Option<&Value>) {
        let text = match value {
            None => "NULL".to_owned(),
            Some(Value::Text(text)) => return self.quote(text),
            Some(Value::Integer(i)) => i.to_string(),
            Some(Value::Decimal(d)) => d.to_string(),
            Some(Value::Float(f)) => format!("{f:e}"),
            Some(Value::Boolean(b)) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
            Some(Value::Date(d)) => format!("DATE '{d}'"),
            Some(Value::Timestamp(t)) => self.instant(*t),
            Some(Value::Set(_)) => panic!("a set has no literal"),
        };
        self.text.push_str(&text);
    }

    fn instant(&mut self, instant: Timestamp) -> String {
        let text = instant.to_string();
        // A clock that is two hours ahead of Greenwich may show a year that has no text.
        let ahead = instant.0 + 7_200_000_000;
        let shown = match self.rng.below(4) {
            0 => text.replace('T', " ").replace('Z', "+00"),
            1 => text.replace('Z', "+00:00"),
            2 if crate::calendar::in_range(ahead) => {
                Timestamp(ahead).to_string().replace('Z', "+02:00")
            }
            _ => text,
        };
        let word = *self.rng.pick(&["TIMESTAMPTZ", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"]);
        format!("{word} '{shown}'")
    }
}
