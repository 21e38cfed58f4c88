//! Random audiences over a schema: every operator of the language, in every place where it may stand.

use crate::ast::{Aggregate, Comparison, Events, Predicate, Scalar};
use crate::calendar::{UNITS, Unit};
use crate::generator::{Field, Kind, Schema, TEXTS, moment};
use crate::rng::Rng;
use navedb::{Date, Decimal, Timestamp, Value};

/// What may be compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Number,
    Boolean,
    Time,
}

fn class(kind: Kind) -> Class {
    match kind {
        Kind::Text | Kind::MixedText => Class::Text,
        Kind::Integer | Kind::BigInteger | Kind::Decimal | Kind::Float => Class::Number,
        Kind::Boolean => Class::Boolean,
        Kind::Date | Kind::Timestamp => Class::Time,
    }
}

/// What a question may name.
pub struct Questions<'a> {
    pub rng: &'a mut Rng,
    pub schema: &'a Schema,
    /// Public ids of profiles.
    pub ids: &'a [String],
    /// Message ids of records.
    pub messages: &'a [String],
    subqueries: usize,
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::Different,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

impl<'a> Questions<'a> {
    pub fn new(
        rng: &'a mut Rng,
        schema: &'a Schema,
        ids: &'a [String],
        messages: &'a [String],
    ) -> Questions<'a> {
        Questions { rng, schema, ids, messages, subqueries: 0 }
    }

    /// A random audience.
    pub fn ask(&mut self) -> Predicate {
        self.subqueries = 4;
        let depth = self.rng.below(4);
        self.predicate(depth, None)
    }

    fn predicate(&mut self, depth: usize, inside: Option<usize>) -> Predicate {
        if depth == 0 {
            return self.test(inside);
        }
        match self.rng.below(5) {
            0 => Predicate::Not(Box::new(self.predicate(depth - 1, inside))),
            1 | 2 => Predicate::And(self.parts(depth, inside)),
            3 => Predicate::Or(self.parts(depth, inside)),
            _ => self.test(inside),
        }
    }

    fn parts(&mut self, depth: usize, inside: Option<usize>) -> Vec<Predicate> {
        (0..2 + self.rng.below(2)).map(|_| self.predicate(depth - 1, inside)).collect()
    }

    fn may_ask_events(&mut self, inside: Option<usize>) -> bool {
        let may = inside.is_none() && self.subqueries > 0 && self.rng.one_in(2);
        self.subqueries -= usize::from(may);
        may
    }

    fn test(&mut self, inside: Option<usize>) -> Predicate {
        let negated = self.rng.one_in(3);
        if self.rng.one_in(5) && self.may_ask_events(inside) {
            return Predicate::Exists { events: self.events(), negated };
        }
        if inside.is_none() && self.rng.one_in(15) {
            return self.of_profile_id();
        }
        let class = *self.rng.pick(&[
            Class::Text,
            Class::Number,
            Class::Number,
            Class::Number,
            Class::Time,
            Class::Time,
            Class::Boolean,
        ]);
        let Some(subject) = self.column(class, inside) else { return self.test(inside) };
        match self.rng.below(10) {
            0 => Predicate::IsNull { subject, negated },
            // Nobody knows how a generated message id compares, only that it equals none.
            1 | 2 if class != Class::Boolean && !matches!(subject, Scalar::EventMessage) => {
                let (low, high) = (self.other(class, inside), self.other(class, inside));
                Predicate::Between { subject, low, high, negated }
            }
            3 | 4 if class != Class::Boolean => {
                let count = 1 + self.rng.below(4);
                let mut list: Vec<Scalar> = (0..count).map(|_| self.literal(class)).collect();
                if self.rng.one_in(5) {
                    list.push(Scalar::Literal(None));
                }
                Predicate::In { subject, list, negated }
            }
            5 if class == Class::Boolean => Predicate::Bare(subject),
            _ => self.comparison(class, subject, inside),
        }
    }

    fn comparison(&mut self, class: Class, subject: Scalar, inside: Option<usize>) -> Predicate {
        let count = if class == Class::Boolean { 2 } else { COMPARISONS.len() };
        let comparison = COMPARISONS[self.rng.below(count)];
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::Different);
        if ordered && matches!(subject, Scalar::EventMessage) {
            return Predicate::IsNull { subject, negated: true };
        }
        let other =
            if self.rng.one_in(25) { Scalar::Literal(None) } else { self.other(class, inside) };
        if self.rng.one_in(5) {
            Predicate::Compare(comparison, other, subject)
        } else {
            Predicate::Compare(comparison, subject, other)
        }
    }

    /// The other side: mostly a literal, else a column or an aggregate.
    fn other(&mut self, class: Class, inside: Option<usize>) -> Scalar {
        if self.rng.one_in(4) {
            match self.column(class, inside) {
                Some(Scalar::EventMessage) | None => {}
                Some(column) => return column,
            }
        }
        self.literal(class)
    }

    /// A column or an aggregate of a class, if there is one in scope.
    fn column(&mut self, class: Class, inside: Option<usize>) -> Option<Scalar> {
        let schema = self.schema;
        if matches!(class, Class::Number | Class::Time | Class::Text)
            && (class == Class::Number || self.rng.one_in(2))
            && self.may_ask_events(inside)
        {
            return Some(self.aggregate(class));
        }
        let mut found = self.fields_of(class, &schema.traits, Scalar::Trait);
        if let Some(event) = inside {
            let own = self.fields_of(class, &schema.events[event].fields, Scalar::Property);
            if self.rng.one_in(4) {
                found.extend(own);
            } else {
                found = own;
            }
            match class {
                Class::Time => found.extend([Scalar::EventTime, Scalar::EventTime]),
                Class::Text => found.extend([Scalar::EventSource, Scalar::EventMessage]),
                Class::Number | Class::Boolean => {}
            }
        }
        if found.is_empty() {
            return None;
        }
        let column = self.rng.pick(&found).clone();
        if class == Class::Time && self.rng.one_in(8) {
            return Some(self.shifted(column));
        }
        Some(column)
    }

    fn fields_of(
        &self,
        class_: Class,
        fields: &[Field],
        column: fn(String) -> Scalar,
    ) -> Vec<Scalar> {
        fields.iter().filter(|f| class(f.kind) == class_).map(|f| column(f.name.clone())).collect()
    }

    fn events(&mut self) -> Events {
        let number = self.rng.below(self.schema.events.len());
        self.events_of(number)
    }

    fn events_of(&mut self, number: usize) -> Events {
        let filter = (!self.rng.one_in(4)).then(|| {
            let depth = self.rng.below(3);
            Box::new(self.predicate(depth, Some(number)))
        });
        Events { event: self.schema.events[number].name.clone(), filter }
    }

    /// A scalar subquery whose answer is of a class.
    fn aggregate(&mut self, wanted: Class) -> Scalar {
        let number = self.rng.below(self.schema.events.len());
        let schema = self.schema;
        let fields = &schema.events[number].fields;
        let events = self.events_of(number);
        let extreme = if self.rng.one_in(2) { Aggregate::Min } else { Aggregate::Max };
        let own: Vec<&Field> = fields.iter().filter(|f| class(f.kind) == wanted).collect();
        match wanted {
            Class::Number if own.is_empty() || self.rng.one_in(2) => {
                if self.rng.one_in(2) {
                    return Scalar::CountAll(events);
                }
                let any = Scalar::Property(self.rng.pick(fields).name.clone());
                let argument = if self.rng.one_in(6) { Scalar::EventTime } else { any };
                let aggregate =
                    if self.rng.one_in(2) { Aggregate::Count } else { Aggregate::CountDistinct };
                Scalar::Aggregate(aggregate, Box::new(argument), events)
            }
            Class::Number => {
                let field = *self.rng.pick(&own);
                let aggregates = [extreme, Aggregate::Sum, Aggregate::Avg];
                // The mean of numbers at the ends of 64 bits is no exact quotient of floats.
                let some = if field.kind == Kind::BigInteger { 2 } else { 3 };
                let aggregate = aggregates[self.rng.below(some)];
                Scalar::Aggregate(aggregate, Box::new(Scalar::Property(field.name.clone())), events)
            }
            _ if own.is_empty() || self.rng.one_in(2) => {
                let column =
                    if wanted == Class::Time { Scalar::EventTime } else { Scalar::EventSource };
                Scalar::Aggregate(extreme, Box::new(column), events)
            }
            _ => {
                let name = self.rng.pick(&own).name.clone();
                Scalar::Aggregate(extreme, Box::new(Scalar::Property(name)), events)
            }
        }
    }

    fn of_profile_id(&mut self) -> Predicate {
        let mut id = || {
            let id = if self.ids.is_empty() || self.rng.one_in(4) {
                "nobody".to_owned()
            } else {
                self.rng.pick(self.ids).clone()
            };
            Scalar::Literal(Some(Value::Text(id)))
        };
        let list = vec![id(), id(), id()];
        let one = list[0].clone();
        let negated = self.rng.one_in(3);
        match self.rng.below(3) {
            0 => Predicate::Compare(Comparison::Equal, Scalar::ProfileId, one),
            1 => Predicate::Compare(Comparison::Different, Scalar::ProfileId, one),
            _ => Predicate::In { subject: Scalar::ProfileId, list, negated },
        }
    }

    fn shifted(&mut self, base: Scalar) -> Scalar {
        let mut unit = *self.rng.pick(&UNITS);
        if self.rng.one_in(2) {
            unit = *self.rng.pick(&[Unit::Day, Unit::Month, Unit::Week]);
        }
        let most = if unit == Unit::Year { 3 } else { 40 };
        let size = self.rng.between(0, most);
        let count = if self.rng.one_in(4) { size } else { -size };
        Scalar::Shifted { base: Box::new(base), count, unit }
    }

    fn literal(&mut self, class: Class) -> Scalar {
        let base = self.schema.base;
        let value = match class {
            Class::Text => match self.rng.below(8) {
                0 => Value::Text((*self.rng.pick(&["web", "crm", "shop", "5", "true"])).to_owned()),
                1 if !self.messages.is_empty() => Value::Text(self.rng.pick(self.messages).clone()),
                _ => Value::Text((*self.rng.pick(&TEXTS)).to_owned()),
            },
            Class::Boolean => Value::Boolean(self.rng.one_in(2)),
            Class::Number => match self.rng.below(12) {
                0 => Value::Integer(*self.rng.pick(&[i64::MAX, 1 << 53, (1 << 53) + 1, -1])),
                1..=3 => {
                    let digits = *self.rng.pick(&[1999_i128, 2001, 5, 125, -50, 250, 1000]);
                    Value::Decimal(Decimal::new(digits, 1 + self.rng.below(3) as u8).unwrap())
                }
                _ => Value::Integer(self.rng.between(-1, 6)),
            },
            Class::Time => match self.rng.below(6) {
                0 | 1 => return self.shifted(Scalar::Now),
                2 => return Scalar::Now,
                3 => Value::Date(Date(
                    moment(self.rng, base).div_euclid(crate::calendar::DAY) as i32
                )),
                4 => {
                    let time = Value::Timestamp(Timestamp(moment(self.rng, base)));
                    return self.shifted(Scalar::Literal(Some(time)));
                }
                _ => Value::Timestamp(Timestamp(moment(self.rng, base))),
            },
        };
        Scalar::Literal(Some(value))
    }
}

/// Smaller audiences that may still show the same error: the parts, and the whole without a part.
pub fn smaller(predicate: &Predicate) -> Vec<Predicate> {
    let mut found = Vec::new();
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => {
            found.extend(parts.iter().cloned());
            let rebuilt = |parts: Vec<Predicate>| match predicate {
                Predicate::And(_) => Predicate::And(parts),
                _ => Predicate::Or(parts),
            };
            for at in 0..parts.len() {
                for part in smaller(&parts[at]) {
                    let mut all = parts.clone();
                    all[at] = part;
                    found.push(rebuilt(all));
                }
            }
        }
        Predicate::Not(part) => {
            found.push((**part).clone());
            found.extend(smaller(part).into_iter().map(|p| Predicate::Not(Box::new(p))));
        }
        Predicate::Exists { events, negated } => {
            let smaller = smaller_events(events);
            found.extend(
                smaller.into_iter().map(|events| Predicate::Exists { events, negated: *negated }),
            );
        }
        Predicate::Compare(comparison, left, right) => {
            let compare = |l: Scalar, r: Scalar| Predicate::Compare(*comparison, l, r);
            found.extend(smaller_scalar(left).into_iter().map(|l| compare(l, right.clone())));
            found.extend(smaller_scalar(right).into_iter().map(|r| compare(left.clone(), r)));
        }
        _ => {}
    }
    found
}

fn smaller_scalar(scalar: &Scalar) -> Vec<Scalar> {
    match scalar {
        Scalar::Aggregate(aggregate, argument, events) => smaller_events(events)
            .into_iter()
            .map(|events| Scalar::Aggregate(*aggregate, argument.clone(), events))
            .collect(),
        Scalar::CountAll(events) => {
            smaller_events(events).into_iter().map(Scalar::CountAll).collect()
        }
        _ => Vec::new(),
    }
}

fn smaller_events(events: &Events) -> Vec<Events> {
    let Some(filter) = &events.filter else { return Vec::new() };
    let with = |filter: Option<Predicate>| Events {
        event: events.event.clone(),
        filter: filter.map(Box::new),
    };
    let mut found = vec![with(None)];
    found.extend(smaller(filter).into_iter().map(|p| with(Some(p))));
    found
}
