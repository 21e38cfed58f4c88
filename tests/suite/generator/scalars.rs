//! Random values: columns, and what can be computed from them.

use super::{Field, Kind, Questions};
use crate::ast::{Aggregate, Column, Operator, Scalar, Space};
use crate::calendar::{PARTS, Part, UNITS, Unit, zones};
use crate::evaluate::{Scope, kind_of};
use crate::oracle::Table;
use navedb::{Value, ValueType};

/// What may be compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Text,
    Number,
    Boolean,
    Time,
}

/// The class of a type; a set has none.
pub fn class(kind: ValueType) -> Option<Class> {
    Some(match kind {
        ValueType::Text => Class::Text,
        ValueType::Integer | ValueType::Decimal | ValueType::Float => Class::Number,
        ValueType::Boolean => Class::Boolean,
        ValueType::Date | ValueType::Timestamp => Class::Time,
        ValueType::Set => return None,
    })
}

/// Whether values of a column lie at the ends of what their type holds.
fn wild(kind: Kind) -> bool {
    matches!(kind, Kind::BigInteger | Kind::BigDecimal | Kind::FarTime)
}

impl Questions<'_> {
    pub(super) fn here(&self) -> Scope {
        Scope::of(&self.scope)
    }

    /// The columns in scope of some types and kinds: those of the profile, and those of the tables around, of which
    /// the nearest are named more often.
    pub(super) fn columns(
        &mut self,
        typed: impl Fn(ValueType) -> bool,
        of_kind: impl Fn(Kind) -> bool,
    ) -> Vec<Scalar> {
        let (types, calm) = (self.types, self.calm);
        let may_lack = !self.typed && self.rng.one_in(6);
        let fits = |table: Table, field: &Field| {
            let kind = types.get(&(table, field.name.to_lowercase()));
            let untyped = may_lack && kind.is_none() && field.kind == Kind::Nothing;
            of_kind(field.kind)
                && (untyped || kind.is_some_and(|kind| typed(*kind)))
                && !(calm && wild(field.kind))
        };
        let own = self.schema.traits.iter().filter(|field| fits(Table::Traits, field));
        let profile: Vec<Scalar> = own.map(|field| Scalar::Trait(field.name.clone())).collect();
        let mut inner = Vec::new();
        for (number, space) in self.scope.iter().enumerate() {
            let column = |column: Column| Scalar::Column(number, column);
            let fields = self.schema.columns_of(space).iter();
            let own = fields.filter(|field| fits(crate::evaluate::table_of(space), field));
            inner.extend(own.map(|field| column(Column::Field(field.name.clone()))));
            if let Space::Event(_) = space {
                if typed(ValueType::Timestamp) && of_kind(Kind::Timestamp) {
                    inner.extend([column(Column::Time), column(Column::Time)]);
                }
                if typed(ValueType::Text) && of_kind(Kind::Text) {
                    inner.extend([column(Column::Source), column(Column::Message)]);
                }
            } else if typed(ValueType::Text) && of_kind(Kind::Text) {
                inner.push(column(Column::Id));
            }
        }
        match (inner.is_empty(), self.rng.one_in(4)) {
            (true, _) => profile,
            (false, true) => inner.into_iter().chain(profile).collect(),
            (false, false) => inner,
        }
    }

    /// A column of a class, if there is one in scope.
    pub(super) fn column(&mut self, wanted: Class) -> Option<Scalar> {
        let found = self.columns(|kind| class(kind) == Some(wanted), |_| true);
        let found = self.some_of_money(found, wanted);
        let found = (!found.is_empty()).then(|| self.rng.pick(&found).clone())?;
        Some(self.priced(found, wanted))
    }

    pub(super) fn column_or_aggregate(&mut self, class: Class) -> Option<Scalar> {
        let often = class == Class::Number || self.rng.one_in(2);
        if often && self.may_ask_events() {
            return Some(self.aggregate(class));
        }
        self.column(class)
    }

    /// A value of a class, of expressions up to a depth.
    pub(super) fn scalar(&mut self, class: Class, depth: usize) -> Scalar {
        if depth == 0 {
            let column = if self.rng.one_in(4) { None } else { self.column_or_aggregate(class) };
            return column.unwrap_or_else(|| self.literal(class));
        }
        if self.rng.one_in(6) {
            return self.coalesce(class, depth);
        }
        match class {
            Class::Text | Class::Boolean => {
                if self.rng.one_in(2) {
                    self.coalesce(class, depth)
                } else {
                    self.scalar(class, 0)
                }
            }
            Class::Number => self.number(depth),
            Class::Time => self.time(depth),
        }
    }

    fn coalesce(&mut self, class: Class, depth: usize) -> Scalar {
        let count = 1 + self.rng.below(3);
        let mut values: Vec<Scalar> = (0..count).map(|_| self.scalar(class, depth - 1)).collect();
        if self.rng.one_in(8) {
            let place = self.rng.below(values.len() + 1);
            values.insert(place, Scalar::Literal(None));
        }
        Scalar::Coalesce(values)
    }

    fn number(&mut self, depth: usize) -> Scalar {
        match self.rng.below(12) {
            0 => {
                let inner = self.scalar(Class::Number, depth - 1);
                // A sign before a literal is a part of the literal.
                let literal = matches!(inner, Scalar::Literal(_));
                if literal { inner } else { Scalar::Negate(Box::new(inner)) }
            }
            1 | 2 => {
                let part = self.rng.pick(&PARTS).0;
                Scalar::Part(part, Box::new(self.scalar(Class::Time, depth - 1)))
            }
            3 => {
                let (left, right) = (self.date(depth - 1), self.date(depth - 1));
                Scalar::Arithmetic(Operator::Minus, Box::new(left), Box::new(right))
            }
            4 => {
                let salt = *self.rng.pick(&["", "s", "it's ☃"]);
                let n = *self.rng.pick(&[1, 2, 3, 10, 100, u32::MAX]);
                Scalar::Bucket(salt.to_owned(), n)
            }
            _ => {
                let operator = *self.rng.pick(&[
                    Operator::Plus,
                    Operator::Minus,
                    Operator::Times,
                    Operator::Divide,
                    Operator::Remainder,
                ]);
                let left = self.scalar(Class::Number, depth - 1);
                let right = if operator == Operator::Remainder && !self.rng.one_in(4) {
                    Scalar::Literal(Some(self.divisor()))
                } else if self.rng.one_in(30) {
                    Scalar::Literal(None)
                } else {
                    self.scalar(Class::Number, depth - 1)
                };
                Scalar::Arithmetic(operator, Box::new(left), Box::new(right))
            }
        }
    }

    /// A value whose type is a day.
    fn date(&mut self, depth: usize) -> Scalar {
        if self.rng.one_in(2) {
            let days = self.columns(|kind| kind == ValueType::Date, |kind| kind != Kind::Nothing);
            if !days.is_empty() {
                return self.rng.pick(&days).clone();
            }
        }
        let time = self.scalar(Class::Time, depth);
        let own = kind_of(&time, self.types, &self.here());
        if own == Some(ValueType::Date) { time } else { Scalar::AsDate(Box::new(time)) }
    }

    fn time(&mut self, depth: usize) -> Scalar {
        match self.rng.below(7) {
            0 | 1 => {
                let base = self.scalar(Class::Time, depth - 1);
                self.shifted(base)
            }
            2 => {
                let units: Vec<Part> = PARTS.iter().map(|(part, _)| *part).take(8).collect();
                let unit = *self.rng.pick(&units);
                Scalar::Truncate(unit, Box::new(self.scalar(Class::Time, depth - 1)))
            }
            3 => Scalar::AsDate(Box::new(self.scalar(Class::Time, depth - 1))),
            4 | 5 => {
                let base = self.instant();
                // Of times at the ends of the calendar the oracle knows UTC alone.
                let zones = zones::names();
                let zone = if self.calm { *self.rng.pick(&zones) } else { zones[0] };
                Scalar::InZone(Box::new(base), zone)
            }
            _ => self.scalar(Class::Time, 0),
        }
    }

    /// An instant that is no local time: what a zone can be asked of.
    fn instant(&mut self) -> Scalar {
        let found = self.columns(|kind| kind == ValueType::Timestamp, |kind| kind != Kind::Nothing);
        let base = if found.is_empty() || self.rng.one_in(4) {
            Scalar::Now
        } else {
            self.rng.pick(&found).clone()
        };
        // Nothing but NULL is no instant either.
        let instant = kind_of(&base, self.types, &self.here()) == Some(ValueType::Timestamp);
        let base = if instant { base } else { Scalar::Now };
        if self.rng.one_in(3) { self.shifted(base) } else { base }
    }

    pub(super) fn shifted(&mut self, base: Scalar) -> Scalar {
        let mut by = Vec::new();
        for _ in 0..if self.rng.one_in(6) { 2 } else { 1 } {
            let mut unit = *self.rng.pick(&UNITS);
            if self.rng.one_in(2) {
                unit = *self.rng.pick(&[Unit::Day, Unit::Month, Unit::Week]);
            }
            let most = if unit == Unit::Year { 3 } else { 40 };
            let size = self.rng.between(0, most);
            by.push((if self.rng.one_in(4) { size } else { -size }, unit));
        }
        Scalar::Shifted { base: Box::new(base), by }
    }

    /// A scalar subquery whose answer is of a class.
    fn aggregate(&mut self, wanted: Class) -> Scalar {
        let least = *self.rng.pick(&[Aggregate::Min, Aggregate::Max, Aggregate::Mode]);
        let depth = usize::from(self.rng.one_in(3));
        if self.rng.one_in(4) {
            let last = self.rng.one_in(2);
            let (events, value) = self.around(|inside| inside.scalar(wanted, depth));
            return Scalar::Edge { value: Box::new(value), last, events };
        }
        if wanted == Class::Number && self.rng.one_in(2) {
            return self.count();
        }
        let gathers = [least, Aggregate::Sum, Aggregate::Avg];
        let aggregate = if wanted == Class::Number { *self.rng.pick(&gathers) } else { least };
        let (events, value) = self.around(|inside| {
            let wild = if inside.rng.one_in(3) { inside.wild_number() } else { None };
            match wild.filter(|_| wanted == Class::Number) {
                Some(wild) => wild,
                None => inside.scalar(wanted, depth),
            }
        });
        Scalar::Aggregate(aggregate, Box::new(value), events)
    }

    /// A column of numbers at the ends of their range, whose sums are hard to keep exact.
    pub(super) fn wild_number(&mut self) -> Option<Scalar> {
        let calm = std::mem::replace(&mut self.calm, false);
        let numbers = |kind| class(kind) == Some(Class::Number);
        let found = self.columns(numbers, |kind| wild(kind) || kind == Kind::WideFloat);
        self.calm = calm;
        let found = (!found.is_empty()).then(|| self.rng.pick(&found).clone())?;
        Some(self.priced(found, Class::Number))
    }

    fn count(&mut self) -> Scalar {
        if self.rng.one_in(2) {
            return Scalar::CountAll(self.events());
        }
        let aggregate =
            if self.rng.one_in(2) { Aggregate::Count } else { Aggregate::CountDistinct };
        let owner = aggregate == Aggregate::Count && self.rng.one_in(6);
        let (events, value) = self.around(|inside| {
            if owner {
                return Scalar::Column(0, Column::Owner);
            }
            let classes = [Class::Text, Class::Number, Class::Boolean, Class::Time];
            let class = *inside.rng.pick(&classes);
            let depth = usize::from(inside.rng.one_in(4));
            inside.scalar(class, depth)
        });
        Scalar::Aggregate(aggregate, Box::new(value), events)
    }

    fn divisor(&mut self) -> Value {
        match self.rng.below(4) {
            0 => Value::Decimal(navedb::Decimal::new(25, 1).unwrap()),
            1 => Value::Integer(-3),
            2 => Value::Float(0.75),
            _ => Value::Integer(self.rng.between(1, 7)),
        }
    }
}
