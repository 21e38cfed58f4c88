//! One value and one condition at a time: for an event row with its profile, or for a profile alone.

use super::aggregate::Answers;
use super::number::{negate, operate};
use super::resolved::{Condition, Scalar};
use super::text::like;
use super::time;
use crate::base::ids::Ordinal;
use crate::column::Cell;
use crate::event::EventTable;
use crate::state::State;
use md5::{Digest, Md5};
use std::cell::Cell as Flag;

/// What values are taken from.
pub struct Row<'a> {
    pub state: &'a State,
    /// The answers of the subqueries.
    pub answers: &'a [Answers],
    /// The profile.
    pub ordinal: Ordinal,
    /// The event row, inside a subquery.
    pub event: Option<(&'a EventTable, usize)>,
    /// Why a value cannot be given, if one cannot.
    pub fault: &'a Flag<Option<&'static str>>,
}

/// Why a time cannot be given.
const OUT_OF_RANGE: &str = "a time runs out of range: years 1 to 9999";

/// The first eight hexadecimal digits of md5(salt:id), modulo n.
fn bucket(salt: &str, id: &str, n: u64) -> i64 {
    let digest = Md5::digest(format!("{salt}:{id}"));
    let first = digest.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    (u64::from(first) % n.max(1)).cast_signed()
}

impl<'a> Row<'a> {
    /// A value, or NULL with the reason noted: the whole question then has no answer.
    fn given(&self, found: Result<Cell<'a>, &'static str>) -> Cell<'a> {
        found.unwrap_or_else(|reason| {
            self.fault.set(Some(reason));
            Cell::Null
        })
    }

    /// A value.
    pub fn value(&self, scalar: &'a Scalar) -> Cell<'a> {
        match scalar {
            Scalar::Constant(value) => value.as_ref().map_or(Cell::Null, Cell::of),
            Scalar::Trait(number) => {
                self.state.golden.get(*number).map_or(Cell::Null, |t| t.value(self.ordinal))
            }
            Scalar::Property(number) => {
                let column =
                    self.event.and_then(|(table, index)| Some((table.property(*number)?, index)));
                column.map_or(Cell::Null, |(column, index)| column.get(index))
            }
            Scalar::EventTime => {
                let time = self.event.and_then(|(table, index)| table.times().get(index));
                time.map_or(Cell::Null, |t| Cell::Timestamp(*t))
            }
            Scalar::EventSource => {
                let row = self.event.and_then(|(table, index)| table.rows().get(index));
                row.map_or(Cell::Null, |row| Cell::Text(self.state.catalog.source_name(row.source)))
            }
            Scalar::EventMessage => {
                let row = self.event.and_then(|(table, index)| table.rows().get(index));
                row.map_or(Cell::Null, |row| Cell::Text(&row.message_id))
            }
            Scalar::Shift(inner, span) => {
                let instant = match self.value(inner) {
                    Cell::Timestamp(t) => t,
                    Cell::Date(d) => d.midnight(),
                    _ => return Cell::Null,
                };
                let moved = instant.checked_add(*span).filter(|t| t.in_range());
                self.given(moved.map(Cell::Timestamp).ok_or(OUT_OF_RANGE))
            }
            Scalar::Arithmetic(operator, left, right) => {
                self.given(operate(*operator, self.value(left), self.value(right)))
            }
            Scalar::Negate(inner) => self.given(negate(self.value(inner))),
            Scalar::Coalesce(values) => values
                .iter()
                .map(|v| self.value(v))
                .find(|cell| !cell.is_null())
                .unwrap_or(Cell::Null),
            Scalar::Part(part, inner) => {
                let time = time::instant(self.value(inner));
                time.and_then(|t| time::part(*part, t)).unwrap_or(Cell::Null)
            }
            Scalar::Truncate(part, inner) => {
                let time = time::instant(self.value(inner));
                time.and_then(|t| time::truncate(*part, t)).map_or(Cell::Null, Cell::Timestamp)
            }
            Scalar::AsDate(inner) => {
                time::instant(self.value(inner)).map_or(Cell::Null, |t| Cell::Date(t.date()))
            }
            Scalar::InZone(inner, zone) => {
                let time = time::instant(self.value(inner));
                time.and_then(|t| time::local(t, zone)).map_or(Cell::Null, Cell::Timestamp)
            }
            Scalar::Bucket { salt, n } => {
                let id = self.state.identity.profile_id(self.ordinal);
                id.map_or(Cell::Null, |id| Cell::Integer(bucket(salt, &id.to_string(), *n)))
            }
            Scalar::Subquery(number) => {
                self.answers.get(*number).map_or(Cell::Null, |answers| answers.value(self.ordinal))
            }
        }
    }

    /// A condition: true, false, or nothing for unknown.
    pub fn holds(&self, condition: &'a Condition) -> Option<bool> {
        match condition {
            Condition::Constant(value) => *value,
            Condition::Compare(comparison, left, right) => {
                self.value(left).compare(self.value(right)).map(|order| comparison.holds(order))
            }
            Condition::In(value, options) => self.is_in(value, options),
            Condition::IsNull(value) => Some(self.value(value).is_null()),
            Condition::Is(value) => match self.value(value) {
                Cell::Boolean(value) => Some(value),
                _ => None,
            },
            Condition::ProfileIn { ids, or_null } => {
                let found =
                    ids.iter().any(|id| self.state.identity.resolve(*id) == Some(self.ordinal));
                if found { Some(true) } else { (!or_null).then_some(false) }
            }
            Condition::Like { value, pattern, escape, any_case } => {
                match (self.value(value), self.value(pattern)) {
                    (Cell::Text(text), Cell::Text(pattern)) => {
                        Some(like(text, pattern, *escape, *any_case))
                    }
                    _ => None,
                }
            }
            Condition::AnyOf(value, set) => match (self.value(value), self.value(set)) {
                (Cell::Null, _) => None,
                (Cell::Text(text), Cell::Set(set)) => Some(set.holds(text)),
                _ => Some(false),
            },
            Condition::HasIdentifier(namespace) => {
                let identity = &self.state.identity;
                let nodes =
                    identity.members(self.ordinal).iter().filter_map(|node| identity.node(*node));
                Some(nodes.into_iter().any(|node| node.identifier.namespace == *namespace))
            }
            Condition::Exists(number) => {
                self.answers.get(*number).map(|answers| answers.exists(self.ordinal))
            }
            Condition::Not(inner) => self.holds(inner).map(|value| !value),
            Condition::And(parts) => self.all(parts, true),
            Condition::Or(parts) => self.all(parts, false),
        }
    }

    fn is_in(&self, value: &'a Scalar, options: &'a [Scalar]) -> Option<bool> {
        let value = self.value(value);
        if value.is_null() {
            return if options.is_empty() { Some(false) } else { None };
        }
        let mut unknown = false;
        for option in options {
            match value.compare(self.value(option)) {
                Some(order) if order.is_eq() => return Some(true),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    }

    /// AND of all parts when `wanted`, else OR: a part that is not `wanted` decides.
    fn all(&self, parts: &'a [Condition], wanted: bool) -> Option<bool> {
        let mut unknown = false;
        for part in parts {
            match self.holds(part) {
                Some(value) if value != wanted => return Some(!wanted),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(wanted)
    }
}
