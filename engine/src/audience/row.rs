//! One value and one condition at a time: for events and entities at hand with their profile, or for a profile alone.
//!
//! All that is read of traits, events and entities here goes through `trait_value`, `event_value`, `entity_value` and
//! `bind`.

use super::aggregate::Known;
use super::ast::Arithmetic;
use super::money::{Code, Fault};
use super::number::{negate, operate};
use super::resolved::{Condition, Convert, EntityColumn, EventColumn, Rows, Scalar};
use super::text::{ENDS_IN_ESCAPE, ends_in_escape, like};
use super::time;
use crate::base::ids::Ordinal;
use crate::base::time::Twice;
use crate::base::value::ValueType;
use crate::column::{Cell, SetCell};
use crate::event::TablePart;
use crate::state::{EntityView, Reader};
use jiff::tz::TimeZone;
use md5::{Digest, Md5};
use std::cell::Cell as Flag;

/// What values are taken from.
pub struct Row<'a> {
    pub reader: &'a Reader<'a>,
    /// The answers of the subqueries.
    pub answers: Known<'a>,
    /// The profile.
    pub ordinal: Ordinal,
    /// The events and entities at hand, by slot: inside a subquery alone.
    pub bound: &'a [Bound<'a>],
    /// The value that a trait is taken to have, whoever the profile is.
    pub standing: Option<(usize, Cell<'a>)>,
    /// Why a value cannot be given, if one cannot.
    pub fault: &'a Flag<Option<Fault>>,
}

/// What stands in a slot.
#[derive(Clone, Copy)]
pub enum Bound<'a> {
    /// Nothing: all columns are NULL.
    Nothing,
    /// An event, by its row.
    Event(&'a TablePart, u32),
    /// An entity.
    Entity(&'a EntityView, Ordinal),
}

/// Puts an event and the entities beside it in their slots; whether it has all that are required.
pub fn bind<'a>(
    row: &Row<'a>,
    rows: &'a Rows,
    event: (&'a TablePart, u32),
    bound: &mut Vec<Bound<'a>>,
) -> bool {
    bound.resize(rows.slot, Bound::Nothing);
    bound.push(Bound::Event(event.0, event.1));
    for join in &rows.joins {
        let table = row.reader.entities(join.entity);
        let key = Row { bound: &*bound, ..*row }.value(&join.key);
        let entity = table.zip(key.text()).and_then(|(table, id)| Some((table, table.find(id)?)));
        match entity {
            Some((table, ordinal)) => bound.push(Bound::Entity(table, ordinal)),
            None if join.required => return false,
            None => bound.push(Bound::Nothing),
        }
    }
    true
}

/// Why a time cannot be given.
const OUT_OF_RANGE: &str = "a time runs out of range: years 1 to 9999";

/// The first eight hexadecimal digits of md5(salt:id), modulo n.
fn bucket(salt: &str, id: &str, n: u64) -> i64 {
    let digest = Md5::digest(format!("{salt}:{id}"));
    let first = digest.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    (u64::from(first) % n.max(1)).cast_signed()
}

/// A value of a field; a set is never NULL, an absent one is empty.
fn cell_of<'c>(cell: Cell<'c>, value_type: Option<ValueType>) -> Cell<'c> {
    match cell {
        Cell::Null if value_type == Some(ValueType::Set) => Cell::Set(SetCell::Texts(&[])),
        cell => cell,
    }
}

impl<'a> Row<'a> {
    /// A profile by itself, with no event at hand.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        answers: Known<'a>,
        ordinal: Ordinal,
        fault: &'a Flag<Option<Fault>>,
    ) -> Row<'a> {
        Row { reader, answers, ordinal, bound: &[], standing: None, fault }
    }

    /// The same for another profile.
    pub(super) fn of(&self, ordinal: Ordinal) -> Row<'a> {
        Row { ordinal, ..*self }
    }

    /// A value, or NULL with the reason noted: the whole question then has no answer.
    pub(super) fn given(&self, found: Result<Cell<'a>, &'static str>) -> Cell<'a> {
        found.unwrap_or_else(|reason| {
            self.fault.set(Some(Fault::Plain(reason)));
            Cell::Null
        })
    }

    fn trait_value(&self, number: usize) -> Cell<'a> {
        if let Some((_, cell)) = self.standing.filter(|(standing, _)| *standing == number) {
            return cell;
        }
        let field = self.reader.state.catalog.traits().get(number);
        let cell = self.reader.trait_cell(number, self.ordinal);
        cell_of(cell, field.and_then(|field| field.value_type))
    }

    fn event_value(&self, slot: usize, column: EventColumn) -> Cell<'a> {
        let Some(Bound::Event(table, row)) = self.bound.get(slot).copied() else {
            return Cell::Null;
        };
        match column {
            EventColumn::Property(number) => {
                cell_of(table.cell(number, row), table.value_type(number))
            }
            EventColumn::Time => Cell::Timestamp(table.time(row)),
            EventColumn::Source => {
                Cell::Text(self.reader.state.catalog.source_name(table.source(row)))
            }
            EventColumn::Message => table.message_cell(row),
        }
    }

    fn entity_value(&self, slot: usize, column: EntityColumn) -> Cell<'a> {
        let Some(Bound::Entity(table, ordinal)) = self.bound.get(slot).copied() else {
            return Cell::Null;
        };
        match column {
            EntityColumn::Id => table.id(ordinal).map_or(Cell::Null, Cell::Text),
            EntityColumn::Field(number) => {
                cell_of(table.value(number, ordinal), table.value_type(number))
            }
        }
    }

    /// The zone that a text names.
    fn zone(&self, named: &'a Scalar) -> Option<TimeZone> {
        self.value(named).text().and_then(time::zone)
    }

    /// An instant as the local time in a zone, or the way back.
    fn zoned(&self, inner: &'a Scalar, zone: Option<&TimeZone>, back: bool) -> Cell<'a> {
        let Some((time, zone)) = time::instant(self.value(inner)).zip(zone) else {
            return Cell::Null;
        };
        let found = if back { time.clock_in(zone, Twice::Last) } else { time.shown_in(zone) };
        let found = found.filter(|time| time.in_range());
        self.given(found.map(Cell::Timestamp).ok_or(OUT_OF_RANGE))
    }

    /// An amount in another currency.
    fn converted(&self, convert: &'a Convert) -> Cell<'a> {
        let (amount, currency) = (self.value(&convert.value), self.value(&convert.currency));
        if amount.is_null() {
            return Cell::Null;
        }
        let Some(from) = currency.text() else {
            return self.given(Err("an amount without a currency cannot be converted"));
        };
        if from == convert.to {
            return amount.widened(ValueType::Decimal);
        }
        let day = time::instant(self.value(&convert.day)).map(|time| time.date());
        let rate = day.and_then(|day| convert.rates.on(from, day));
        match (rate, day) {
            (Some(rate), _) => {
                self.given(operate(Arithmetic::Multiply, amount, Cell::Decimal(rate)))
            }
            (None, day) => {
                let day = day.unwrap_or_default();
                let fault = Fault::NoRate(Code::of(from), Code::of(&convert.to), day);
                self.fault.set(Some(fault));
                Cell::Null
            }
        }
    }

    /// A value.
    pub fn value(&self, scalar: &'a Scalar) -> Cell<'a> {
        match scalar {
            Scalar::Constant(value) => value.as_ref().map_or(Cell::Null, Cell::of),
            Scalar::Now => Cell::Timestamp(self.reader.now()),
            Scalar::Trait(number) => self.trait_value(*number),
            Scalar::Event(slot, column) => self.event_value(*slot, *column),
            Scalar::Entity(slot, column) => self.entity_value(*slot, *column),
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
            Scalar::Coalesce(values, common) => {
                let found = values.iter().map(|v| self.value(v)).find(|cell| !cell.is_null());
                let found = found.unwrap_or(Cell::Null);
                common.map_or(found, |wanted| found.widened(wanted))
            }
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
            Scalar::InZone(inner, zone) => self.zoned(inner, Some(zone), false),
            Scalar::FromZone(inner, zone) => self.zoned(inner, Some(zone), true),
            Scalar::InZoneOf(inner, zone) => self.zoned(inner, self.zone(zone).as_ref(), false),
            Scalar::FromZoneOf(inner, zone) => self.zoned(inner, self.zone(zone).as_ref(), true),
            Scalar::Bucket { salt, n } => {
                let id = self.reader.profile_id(self.ordinal);
                id.map_or(Cell::Null, |id| Cell::Integer(bucket(salt, &id.to_string(), *n)))
            }
            Scalar::Convert(convert) => self.converted(convert),
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
                let found = ids.iter().any(|id| self.reader.resolve(*id) == Some(self.ordinal));
                if found { Some(true) } else { (!or_null).then_some(false) }
            }
            Condition::Like { value, pattern, escape, any_case } => {
                let (text, pattern) = (self.value(value), self.value(pattern));
                let (text, pattern) = (text.text()?, pattern.text()?);
                if ends_in_escape(pattern, *escape) {
                    self.fault.set(Some(Fault::Plain(ENDS_IN_ESCAPE)));
                }
                Some(like(text, pattern, *escape, *any_case))
            }
            Condition::AnyOf(value, set) => match (self.value(value), self.value(set)) {
                // Nothing is in an empty set, not even what is unknown; an absent set is empty.
                (_, Cell::Set(set)) if set.texts().next().is_none() => Some(false),
                (Cell::Null, Cell::Set(_)) => None,
                (value, Cell::Set(set)) => Some(value.text().is_some_and(|text| set.holds(text))),
                _ => Some(false),
            },
            Condition::HasIdentifier(namespace) => {
                let members = self.reader.nodes_of(self.ordinal);
                let mut namespaces =
                    members.iter().filter_map(|node| self.reader.nodes().namespace(*node));
                Some(namespaces.any(|known| known == namespace))
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
