//! Amounts of money: which questions compute with several currencies at once, and what a rate makes of an amount.

use super::kind::{Scope, kind_of, table_of};
use super::number::{moment, operate, widened};
use super::{Fault, Row, Slot};
use crate::ast::{
    Aggregate, Column, Events, Item, Operator, Order, Predicate, Scalar, Space, Table,
};
use crate::calendar::DAY;
use crate::oracle::{self, World};
use navedb::{Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};

/// Whether an audience computes with a column whose amounts have several currencies.
pub fn clashes(world: &World, predicate: &Predicate) -> bool {
    Walk { world, scope: &Scope::default() }.predicate(predicate)
}

/// The same of a statement.
pub fn clashes_in(world: &World, table: &Table) -> bool {
    let walk = Walk { world, scope: &Scope::default() };
    let item = |item: &Item, ordered: bool| match item {
        Item::Value(scalar) => walk.scalar(scalar, !ordered),
        Item::Aggregate(aggregate, scalar) => walk.scalar(scalar, *aggregate == Aggregate::Count),
        Item::Key(_) | Item::CountAll => false,
    };
    let shown = |order: &Order| match order {
        Order::Shown(number) => item(&table.columns[*number].0, true),
        Order::Other(other) => item(other, true),
    };
    table.filter.iter().any(|filter| walk.predicate(filter))
        || table.groups.iter().any(|key| walk.scalar(key, false))
        || table.columns.iter().any(|(column, _)| item(column, false))
        || table.order.iter().any(|(order, _)| shown(order))
}

struct Walk<'a> {
    world: &'a World,
    scope: &'a Scope,
}

impl Walk<'_> {
    fn predicate(&self, predicate: &Predicate) -> bool {
        let of = |scalar: &Scalar| self.scalar(scalar, false);
        match predicate {
            Predicate::Constant(_)
            | Predicate::HasIdentifier(_)
            | Predicate::Consents { .. }
            | Predicate::Profile { .. } => false,
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().any(|p| self.predicate(p)),
            Predicate::Not(part) => self.predicate(part),
            Predicate::Compare(_, left, right) | Predicate::AnyOf(left, right) => {
                of(left) || of(right)
            }
            Predicate::Between { subject, low, high, .. } => of(subject) || of(low) || of(high),
            Predicate::In { subject, list, .. } => of(subject) || list.iter().any(of),
            Predicate::IsNull { subject, .. } => self.scalar(subject, true),
            Predicate::Like { subject, pattern, .. } => of(subject) || of(pattern),
            Predicate::Exists { events, .. } => self.events(events, None),
            Predicate::Funnel { steps, .. } => {
                let mut scope = self.scope.clone();
                steps.iter().any(|step| {
                    let found = Walk { world: self.world, scope: &scope }.events(step, None);
                    scope = scope.inside(step);
                    found
                })
            }
            Predicate::Bare(scalar) => of(scalar),
        }
    }

    /// The joins and the filter of a subquery, and a value inside it.
    fn events(&self, events: &Events, value: Option<(&Scalar, bool)>) -> bool {
        let inside = Walk { world: self.world, scope: &self.scope.inside(events) };
        events.joins.iter().any(|join| inside.scalar(&join.on, false))
            || events.filter.iter().any(|filter| inside.predicate(filter))
            || value.is_some_and(|(value, bare)| inside.scalar(value, bare))
    }

    /// A value; `bare` when nothing is computed of a column that it is itself.
    fn scalar(&self, scalar: &Scalar, bare: bool) -> bool {
        let of = |inner: &Scalar| self.scalar(inner, false);
        match scalar {
            Scalar::Trait(_) | Scalar::Column(..) => !bare && self.several(scalar),
            Scalar::Literal(_) | Scalar::ProfileId | Scalar::Now | Scalar::Bucket(..) => false,
            Scalar::Amount(_) | Scalar::Convert(..) => false,
            Scalar::Shifted { base: inner, .. }
            | Scalar::Negate(inner)
            | Scalar::Part(_, inner)
            | Scalar::Truncate(_, inner)
            | Scalar::AsDate(inner)
            | Scalar::InZone(inner, _) => of(inner),
            Scalar::Arithmetic(_, left, right) => of(left) || of(right),
            Scalar::Coalesce(values) => values.iter().any(of),
            Scalar::CountAll(events) => self.events(events, None),
            Scalar::Aggregate(aggregate, value, events) => {
                self.events(events, Some((value, *aggregate == Aggregate::Count)))
            }
            Scalar::Edge { value, events, .. } => self.events(events, Some((value, false))),
        }
    }

    /// Whether the amounts of a column have several currencies, none being one of them.
    fn several(&self, scalar: &Scalar) -> bool {
        let number = kind_of(scalar, &self.world.types, self.scope);
        let numbers = [ValueType::Integer, ValueType::Decimal, ValueType::Float];
        let Some(beside) = currency_of(scalar) else { return false };
        let text = kind_of(&beside, &self.world.types, self.scope) == Some(ValueType::Text);
        if !text || !number.is_some_and(|kind| numbers.contains(&kind)) {
            return false;
        }
        let (Scalar::Trait(name) | Scalar::Column(_, Column::Field(name))) = scalar else {
            return false;
        };
        let (name, other) = (name.to_lowercase(), format!("{}.currency", name.to_lowercase()));
        let mut found = BTreeSet::new();
        let mut see = |fields: &BTreeMap<String, Value>| {
            if fields.contains_key(&name) {
                found.insert(fields.get(&other).map(Value::to_string));
            }
        };
        match scalar {
            Scalar::Column(table, _) => match table_of(&self.scope.tables()[*table]) {
                oracle::Table::Event(event) => {
                    let events = self.world.people.iter().filter_map(|p| p.events.get(&event));
                    events.flatten().for_each(|event| see(&event.properties));
                }
                oracle::Table::Entity(entity) => {
                    let all = self.world.entities.iter().filter(|((kind, _), _)| *kind == entity);
                    all.for_each(|(_, entity)| see(&entity.fields));
                }
                oracle::Table::Traits => {}
            },
            _ => {
                for person in &self.world.people {
                    let own =
                        person.traits.iter().map(|(n, golden)| (n.clone(), golden.value.clone()));
                    see(&own.collect());
                }
            }
        }
        found.len() > 1
    }
}

/// The column beside a column that has its currency.
pub fn currency_of(scalar: &Scalar) -> Option<Scalar> {
    match scalar {
        Scalar::Trait(name) => Some(Scalar::Trait(format!("{name}.currency"))),
        Scalar::Column(table, Column::Field(name)) => {
            Some(Scalar::Column(*table, Column::Field(format!("{name}.currency"))))
        }
        _ => None,
    }
}

impl Row<'_> {
    /// An amount in another currency.
    pub(super) fn converted(&self, inner: &Scalar, to: &str) -> Result<Option<Value>, Fault> {
        let beside = currency_of(inner).ok_or(Fault::IllTyped)?;
        let (Some(amount), currency) = (self.value(inner)?, self.value(&beside)?) else {
            return Ok(None);
        };
        let Some(Value::Text(from)) = currency else { return Err(Fault::Rate) };
        if from == to {
            let float = matches!(amount, Value::Float(_));
            let kind = if float { ValueType::Float } else { ValueType::Decimal };
            return Ok(widened(amount, kind));
        }
        let day = self.day_of(inner).div_euclid(DAY);
        let rates = oracle::Table::Entity("currency_rate".to_owned());
        let has_dates = self.world.types.contains_key(&(rates, "date".to_owned()));
        let dated = if has_dates { "date" } else { "day" };
        let mut best: Option<(i64, &str, &Value)> = None;
        for ((kind, id), entity) in &self.world.entities {
            let field = |name: &str| entity.fields.get(name);
            let said = |name: &str, text: &str| field(name) == Some(&Value::Text(text.to_owned()));
            if kind != "currency_rate" || !said("from", &from) || !said("to", to) {
                continue;
            }
            let (Some(date), Some(rate)) = (field(dated), field("rate")) else { continue };
            let date = moment(date).ok_or(Fault::IllTyped)?.div_euclid(DAY);
            if date <= day
                && best.is_none_or(|(known, other, _)| (date, id.as_str()) > (known, other))
            {
                best = Some((date, id, rate));
            }
        }
        let (_, _, rate) = best.ok_or(Fault::Rate)?;
        self.notes.by_rate();
        let rate = widened(rate.clone(), ValueType::Decimal).ok_or(Fault::IllTyped)?;
        operate(Operator::Times, Some(amount), Some(rate), self.notes)
    }

    /// The time that decides which rate holds: that of the event, or now.
    fn day_of(&self, inner: &Scalar) -> i64 {
        let Scalar::Column(table, _) = inner else { return self.now };
        let before = self.slots.iter().take(table + 1).rev();
        let event = before.zip(self.scope.tables().iter().take(table + 1).rev());
        let mut events = event.filter_map(|(slot, space)| match (slot, space) {
            (Slot::Event(event), Space::Event(_)) => Some(event.time),
            _ => None,
        });
        events.next().expect("an entity stands beside an event")
    }
}
