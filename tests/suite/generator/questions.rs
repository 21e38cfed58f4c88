//! Random audiences over a schema: every operator of the language, in every place where it may stand.

use super::scalars::Class;
use super::{Kind, Known, Schema};
use crate::ast::{Column, Comparison, Events, Join, Predicate, Scalar, Space};
use crate::calendar::Unit;
use crate::evaluate::{kind_of, table_of};
use crate::oracle::{HELD, Table, Types};
use crate::rng::Rng;
use navedb::{Value, ValueType};

/// What a question may name.
pub struct Questions<'a> {
    pub rng: &'a mut Rng,
    pub schema: &'a Schema,
    /// The types in force.
    pub types: &'a Types,
    pub known: &'a Known,
    /// How many subqueries there may be yet.
    pub(super) subqueries: usize,
    /// The tables in scope; the last is the nearest.
    pub(super) scope: Vec<Space>,
    /// Whether numbers and times at the ends of their ranges are left out.
    pub(super) calm: bool,
    /// Whether columns without a type are left out.
    pub(super) typed: bool,
    /// The column whose values are the likeliest literals.
    pub(super) near: Option<(Table, String)>,
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
        types: &'a Types,
        known: &'a Known,
    ) -> Questions<'a> {
        let scope = Vec::new();
        let (calm, typed) = (false, false);
        Questions { rng, schema, types, known, subqueries: 0, scope, calm, typed, near: None }
    }

    /// A random audience.
    pub fn ask(&mut self) -> Predicate {
        self.subqueries = 4;
        self.scope.clear();
        let depth = *self.rng.pick(&[0, 0, 0, 1, 1, 1, 2, 2, 3]);
        self.predicate(depth)
    }

    pub(super) fn predicate(&mut self, depth: usize) -> Predicate {
        if depth == 0 {
            return self.test();
        }
        match self.rng.below(5) {
            0 => Predicate::Not(Box::new(self.predicate(depth - 1))),
            1 | 2 => Predicate::And(self.parts(depth)),
            3 => Predicate::Or(self.parts(depth)),
            _ => self.test(),
        }
    }

    fn parts(&mut self, depth: usize) -> Vec<Predicate> {
        (0..2 + self.rng.below(2)).map(|_| self.predicate(depth - 1)).collect()
    }

    pub(super) fn may_ask_events(&mut self) -> bool {
        let may = self.scope.is_empty() && self.subqueries > 0 && self.rng.one_in(2);
        self.subqueries -= usize::from(may);
        may
    }

    /// A predicate that is no combination of others.
    fn test(&mut self) -> Predicate {
        self.calm = self.rng.one_in(2);
        let negated = self.rng.one_in(3);
        if self.rng.one_in(5) && self.may_ask_events() {
            return Predicate::Exists { events: self.events(), negated };
        }
        if crate::oracle::ENTITIES_AND_FUNNELS && self.rng.one_in(8) && self.may_ask_events() {
            return self.funnel();
        }
        if self.rng.one_in(10) && self.may_ask_events() {
            return super::consents::question(self.rng);
        }
        match self.rng.below(40) {
            0 | 1 => return self.of_profile_id(negated),
            2 => {
                let namespaces = ["phone", "Email ", "user_id", "loyalty.card", "nobody's"];
                return Predicate::HasIdentifier((*self.rng.pick(&namespaces)).to_owned());
            }
            3 => return Predicate::Constant([Some(true), Some(false), None][self.rng.below(3)]),
            4..=7 => {
                if let Some(test) = self.any_of() {
                    return test;
                }
            }
            8..=11 => return self.like(negated),
            12 | 13 if self.scope.len() > 1 => {
                if let Some(test) = self.bound() {
                    return test;
                }
            }
            _ => {}
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
        self.of_class(class, negated)
    }

    fn of_class(&mut self, class: Class, negated: bool) -> Predicate {
        let Some(subject) = self.subject(class) else { return self.test() };
        self.near = self.column_of(&subject);
        let found = self.about(subject, class, negated);
        self.near = None;
        found
    }

    /// Where a column stands.
    pub(super) fn column_of(&self, scalar: &Scalar) -> Option<(Table, String)> {
        match scalar {
            Scalar::Trait(name) => Some((Table::Traits, name.to_lowercase())),
            Scalar::Column(table, Column::Field(name)) => {
                Some((table_of(&self.scope[*table]), name.to_lowercase()))
            }
            _ => None,
        }
    }

    fn about(&mut self, subject: Scalar, class: Class, negated: bool) -> Predicate {
        match self.rng.below(10) {
            0 => Predicate::IsNull { subject, negated },
            1 | 2 => {
                let (low, high) = (self.other(class), self.other(class));
                Predicate::Between { subject, low, high, negated }
            }
            3 | 4 => {
                let count = 1 + self.rng.below(4);
                let mut list: Vec<Scalar> = (0..count).map(|_| self.literal(class)).collect();
                if self.rng.one_in(4) {
                    list.push(self.other(class));
                }
                if self.rng.one_in(5) {
                    list.push(Scalar::Literal(None));
                }
                Predicate::In { subject, list, negated }
            }
            5 | 6 if class == Class::Boolean => Predicate::Bare(subject),
            _ => {
                let comparison = *self.rng.pick(&COMPARISONS);
                let other = self.other(class);
                if self.rng.one_in(5) {
                    Predicate::Compare(comparison, other, subject)
                } else {
                    Predicate::Compare(comparison, subject, other)
                }
            }
        }
    }

    /// What a test is about: a column, an aggregate, or something computed.
    fn subject(&mut self, class: Class) -> Option<Scalar> {
        if self.rng.one_in(2) {
            let depth = 1 + self.rng.below(2);
            return Some(self.scalar(class, depth));
        }
        self.column_or_aggregate(class)
    }

    /// The other side: mostly a literal, else a column, an aggregate, something computed, or NULL.
    fn other(&mut self, class: Class) -> Scalar {
        match self.rng.below(25) {
            0 => Scalar::Literal(None),
            1..=5 => self.column_or_aggregate(class).unwrap_or_else(|| self.literal(class)),
            6..=9 => self.scalar(class, 1),
            _ => self.literal(class),
        }
    }

    fn any_of(&mut self) -> Option<Predicate> {
        let sets = self.columns(|kind| kind == ValueType::Set, |_| true);
        if sets.is_empty() {
            return None;
        }
        let set = self.rng.pick(&sets).clone();
        let text = match self.rng.below(6) {
            0 => self.scalar(Class::Text, 1),
            1 => Scalar::Literal(None),
            2..=4 if !self.known.labels.is_empty() => {
                Scalar::Literal(Some(Value::Text(self.rng.pick(&self.known.labels).clone())))
            }
            _ => Scalar::Literal(Some(Value::Text(self.some_text()))),
        };
        Some(Predicate::AnyOf(text, set))
    }

    fn like(&mut self, negated: bool) -> Predicate {
        let subject = if self.rng.one_in(4) {
            self.scalar(Class::Text, 1)
        } else {
            self.column_or_aggregate(Class::Text).unwrap_or_else(|| self.literal(Class::Text))
        };
        let any_case = self.rng.one_in(2);
        self.near = self.column_of(&subject);
        let (pattern, escape) = match self.rng.below(12) {
            0 => (Scalar::Literal(None), None),
            1 => match self.column_or_aggregate(Class::Text) {
                Some(pattern) => (pattern, None),
                None => self.pattern(),
            },
            _ => self.pattern(),
        };
        self.near = None;
        Predicate::Like { subject, pattern, escape, any_case, negated }
    }

    fn of_profile_id(&mut self, negated: bool) -> Predicate {
        let list = self.rng.one_in(2);
        let count = if list { 1 + self.rng.below(3) } else { 1 };
        let mut ids: Vec<Option<String>> = Vec::new();
        for _ in 0..count {
            let known = &self.known.ids;
            let nobody = known.is_empty() || self.rng.one_in(5);
            let id = if nobody { "nobody".to_owned() } else { self.rng.pick(known).clone() };
            ids.push(if self.rng.one_in(10) { None } else { Some(id) });
        }
        let events = (0..self.scope.len()).filter(|n| matches!(self.scope[*n], Space::Event(_)));
        let own: Vec<Scalar> = events.map(|n| Scalar::Column(n, Column::Owner)).collect();
        let subject = if own.is_empty() || self.rng.one_in(4) {
            Scalar::ProfileId
        } else {
            self.rng.pick(&own).clone()
        };
        Predicate::Profile { subject, ids, list, negated }
    }

    /// A column of the nearest table that is like one of another table.
    fn bound(&mut self) -> Option<Predicate> {
        let nearest = self.scope.len() - 1;
        let mut pairs = Vec::new();
        let columns: Vec<Vec<(Scalar, Option<ValueType>)>> = (0..=nearest)
            .map(|table| {
                let fields = self.schema.columns_of(&self.scope[table]).iter();
                let column = |name: &String| Scalar::Column(table, Column::Field(name.clone()));
                let typed = |scalar: Scalar| {
                    let kind = kind_of(&scalar, self.types, &self.here());
                    (scalar, kind)
                };
                fields.map(|field| typed(column(&field.name))).collect()
            })
            .collect();
        for (own, kind) in &columns[nearest] {
            for (other, other_kind) in columns[..nearest].iter().flatten() {
                let class = |kind: &Option<ValueType>| kind.and_then(super::scalars::class);
                if class(kind).is_some() && class(kind) == class(other_kind) {
                    pairs.push((own.clone(), other.clone()));
                }
            }
        }
        if pairs.is_empty() {
            return None;
        }
        let (own, other) = self.rng.pick(&pairs).clone();
        let comparison =
            if self.rng.one_in(3) { *self.rng.pick(&COMPARISONS) } else { Comparison::Equal };
        Some(Predicate::Compare(comparison, own, other))
    }

    pub(super) fn events(&mut self) -> Events {
        self.around(|_| ()).0
    }

    /// A subquery, and what is made of its rows inside it.
    pub(super) fn around<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> (Events, T) {
        let outside = self.scope.len();
        let events = self.opened();
        let calm = self.calm;
        self.typed = !HELD.untyped_columns_stand_everywhere;
        let made = inside(self);
        self.typed = false;
        self.calm = calm;
        self.scope.truncate(outside);
        (events, made)
    }

    /// A subquery whose tables stay in scope.
    fn opened(&mut self) -> Events {
        let first = self.scope.len();
        let event = self.rng.pick(&self.schema.events).name.clone();
        self.scope.push(Space::Event(event.clone()));
        let joins = if self.rng.one_in(2) { self.joins(first) } else { Vec::new() };
        let filter = (!self.rng.one_in(4)).then(|| {
            let depth = *self.rng.pick(&[0, 0, 0, 1, 1, 2]);
            Box::new(self.predicate(depth))
        });
        Events { event, joins, filter }
    }

    /// Entities that are joined to tables from `first` on: to what stands before them in their own subquery.
    fn joins(&mut self, first: usize) -> Vec<Join> {
        let schema = self.schema;
        let mut joins = Vec::new();
        while !schema.entities.is_empty() && joins.len() < 3 && !self.rng.one_in(2 + joins.len()) {
            let entity = self.rng.pick(&schema.entities).name.clone();
            let references =
                self.columns(|kind| kind == ValueType::Text, |kind| kind == Kind::Reference);
            let own = |r: &Scalar| matches!(r, Scalar::Column(table, _) if *table >= first);
            let inner: Vec<Scalar> = references.into_iter().filter(own).collect();
            if inner.is_empty() {
                break;
            }
            let on = self.rng.pick(&inner).clone();
            joins.push(Join { entity: entity.clone(), left: self.rng.one_in(2), on });
            self.scope.push(Space::Entity(entity));
        }
        joins
    }

    /// A step of a funnel: it asks for little, so that some profiles get through.
    fn step(&mut self) -> Events {
        let first = self.scope.len();
        let event = self.rng.pick(&self.schema.events).name.clone();
        self.scope.push(Space::Event(event.clone()));
        let joins = if self.rng.one_in(4) { self.joins(first) } else { Vec::new() };
        let filter = match self.rng.below(6) {
            0 | 1 if first > 0 => self.bound(),
            2 => Some(self.test()),
            3 if self.rng.one_in(3) => Some(self.predicate(1)),
            _ => None,
        };
        Events { event, joins, filter: filter.map(Box::new) }
    }

    fn funnel(&mut self) -> Predicate {
        let count = if self.rng.one_in(10) { 2 + self.rng.below(7) } else { 2 + self.rng.below(2) };
        let steps = (0..count).map(|_| self.step()).collect();
        self.scope.clear();
        let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Month, Unit::Year];
        let mut within = vec![(self.rng.between(1, 12), *self.rng.pick(&units))];
        if self.rng.one_in(4) {
            within.push((self.rng.between(0, 3), Unit::Day));
        }
        Predicate::Funnel { within, steps }
    }
}
