//! A subquery: one pass over the events of a type gives an answer for every profile.

use super::ast::Aggregate;
use super::one::One;
use super::program::Measured;
use super::resolved::{AggregateOf, EventQuery, Rows, Scalar};
use super::row::{Row, bind};
use super::scan::{Owners, Scan};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::number::Decimal;
use crate::base::sum::{ExactSum, FloatSum};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::column::{CHUNK_BITS, Cell};
use crate::event::TableView;
use crate::state::Reader;
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

/// The answers of subqueries, by their numbers: those for all profiles, and those of the profiles at hand, which are
/// asked first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    pub all: &'a [Answers],
    pub here: &'a [(usize, Answers)],
    /// The one profile that is asked about, whose answers are found when they are asked for.
    pub one: Option<&'a One<'a>>,
}

impl<'a> Known<'a> {
    /// The answers of a subquery.
    pub fn get(&self, number: usize) -> Option<&'a Answers> {
        if let Some(one) = self.one {
            return one.answer(number);
        }
        let here = self.here.iter().find(|(known, _)| *known == number);
        here.map(|(_, answers)| answers).or_else(|| self.all.get(number))
    }
}

/// The answers of a subquery, by profile.
#[derive(Debug, Clone)]
pub enum Answers {
    /// Those of some profiles from one on: the place of the answer of each, and one more than it, or nought for those
    /// of whom no event is a row. Of these there are none, or nothing.
    Some { first: u32, places: Vec<u32>, answers: Box<Answers>, counts: bool },
    /// What was measured of the profiles of a chunk.
    Measured(Measured),
    /// Profiles that have a row.
    Exists(RoaringBitmap),
    /// How many.
    Count(Vec<u64>),
    /// A value; nothing is NULL.
    Values(Vec<Option<Value>>),
}

impl Answers {
    /// The value of a profile.
    pub fn value(&self, ordinal: Ordinal) -> Cell<'_> {
        let index = ordinal.0 as usize;
        match self {
            Answers::Some { first, places, answers, counts } => {
                let place = ordinal.0.checked_sub(*first).and_then(|at| places.get(at as usize));
                match place.and_then(|place| place.checked_sub(1)) {
                    Some(place) => answers.value(Ordinal(place)),
                    None if *counts => Cell::Integer(0),
                    None => Cell::Null,
                }
            }
            Answers::Measured(of) => of.value(ordinal),
            Answers::Exists(set) => Cell::Boolean(set.contains(ordinal.0)),
            Answers::Count(counts) => {
                let count = counts.get(index).copied().unwrap_or(0);
                Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Answers::Values(values) => {
                values.get(index).and_then(Option::as_ref).map_or(Cell::Null, Cell::of)
            }
        }
    }

    /// Whether those of whom no event is a row have a count of nought.
    pub fn counts(&self) -> bool {
        match self {
            Answers::Measured(of) => of.counts(),
            other => matches!(other, Answers::Some { counts: true, .. } | Answers::Count(_)),
        }
    }

    /// Whether a profile has a row.
    pub fn exists(&self, ordinal: Ordinal) -> bool {
        match self {
            Answers::Exists(set) => set.contains(ordinal.0),
            Answers::Some { first, places, .. } => {
                let place = ordinal.0.checked_sub(*first).and_then(|at| places.get(at as usize));
                place.is_some_and(|place| *place > 0)
            }
            Answers::Measured(_) | Answers::Count(_) | Answers::Values(_) => false,
        }
    }
}

/// What is gathered for each profile.
pub(super) enum Gather {
    Exists(RoaringBitmap),
    Count(Vec<u64>),
    /// Profile and value, the value as a number: its own, or that of its first appearance.
    Distinct(Vec<(u32, u128)>, HashMap<Vec<u8>, u128>),
    Sum(Vec<ExactSum>),
    FloatSum(HashMap<u32, FloatSum>),
    /// The exact sum and the count; the sums of floats stand apart.
    Average(Vec<ExactSum>, HashMap<u32, FloatSum>),
    /// The appearances: profile and value, the value as its place among those that were met.
    Mode(Vec<(u32, u32)>, Met),
    /// The least or greatest so far.
    Extreme(Vec<Option<Value>>, Ordering),
}

/// How many events there are of a type: as many rows a pass looks at.
pub fn events_of(reader: &Reader<'_>, event: usize) -> u64 {
    reader.events(event).map_or(0, TableView::len)
}

/// When an event happened.
pub(super) fn time_of(table: &TableView, number: u64) -> Option<Timestamp> {
    table.locate(number).map(|(part, row)| part.time(row))
}

/// One pass over the events of a type: shows those that are rows of a subquery, with their profile and the number of
/// the row among those of all parts.
///
/// # Errors
/// What `see` says; `Invalid` when a number or a time overflows.
pub(super) fn each_row(
    reader: &Reader<'_>,
    rows: &Rows,
    see: &mut dyn FnMut(&Row<'_>, u64) -> Result<()>,
) -> Result<()> {
    let Some(table) = reader.events(rows.event) else { return Ok(()) };
    let fault = Flag::new(None);
    let scan = Scan::new(&rows.filter, rows.slot);
    let windows: Vec<Range<u32>> = table.parts().iter().map(|p| scan.window_of(p)).collect();
    let owners = Owners::new(reader, windows.iter().map(|w| u64::from(w.end - w.start)).sum());
    let (mut bound, mut passing) = (Vec::new(), Vec::new());
    let mut first = 0;
    for (part, window) in table.parts().iter().zip(windows) {
        let mut start = window.start;
        while start < window.end && reader.goes_on() {
            let end = ((start >> CHUNK_BITS) + 1).checked_shl(CHUNK_BITS).unwrap_or(u32::MAX);
            let end = end.min(window.end);
            passing.clear();
            passing.extend(start..end);
            scan.narrow(part, &mut passing);
            for index in &passing {
                let Some(ordinal) = owners.of(part.node(*index)) else { continue };
                bound.clear();
                let alone = Row::new(reader, Known::default(), ordinal, &fault);
                if !bind(&alone, rows, (part, *index), &mut bound) {
                    continue;
                }
                let row = Row { bound: &bound, ..alone };
                if scan.rest.iter().all(|condition| row.holds(condition) == Some(true)) {
                    see(&row, first + u64::from(*index))?;
                }
            }
            start = end;
        }
        first += u64::from(part.len());
    }
    fault.get().map_or(Ok(()), |reason| Err(Error::invalid(reason)))
}

/// Answers a subquery for all profiles.
///
/// # Errors
/// `Invalid` when a sum, a number or a time overflows.
pub fn answer(reader: &Reader<'_>, query: &EventQuery) -> Result<Answers> {
    if let Some((value, last)) = query.aggregate.as_ref().and_then(AggregateOf::edge) {
        return edge(reader, &query.rows, value, last);
    }
    let profiles = reader.state.counts.ordinals as usize;
    let mut gather = Gather::new(query.aggregate.as_ref(), profiles);
    let value = query.aggregate.as_ref().and_then(|a| a.value.as_ref());
    each_row(reader, &query.rows, &mut |row, _| {
        gather.take(row.ordinal, value.map(|value| row.value(value)))
    })?;
    gather.finish(profiles)
}

/// The value of the first or last row of each profile, by time and message id.
fn edge(reader: &Reader<'_>, rows: &Rows, value: &Scalar, last: bool) -> Result<Answers> {
    let Some(table) = reader.events(rows.event) else { return Ok(Answers::Values(Vec::new())) };
    let key = |number: u64| {
        let (part, row) = table.locate(number)?;
        // Rows of one record, of a child table, share all but their place.
        Some((part.time(row), part.message_id(row), part.position(row), number))
    };
    let mut chosen: Vec<Option<u64>> = vec![None; reader.state.counts.ordinals as usize];
    each_row(reader, rows, &mut |row, number| {
        if let Some(slot) = chosen.get_mut(row.ordinal.0 as usize) {
            let better = slot.is_none_or(|known| (key(number) > key(known)) == last);
            if better {
                *slot = Some(number);
            }
        }
        Ok(())
    })?;
    let fault = Flag::new(None);
    let mut bound = Vec::new();
    let values = chosen.into_iter().zip(0_u32..).map(|(number, ordinal)| {
        bound.clear();
        let alone = Row::new(reader, Known::default(), Ordinal(ordinal), &fault);
        bind(&alone, rows, table.locate(number?)?, &mut bound);
        Row { bound: &bound, ..alone }.value(value).to_value()
    });
    let values = values.collect();
    fault.get().map_or(Ok(Answers::Values(values)), |reason| Err(Error::invalid(reason)))
}

impl Gather {
    pub(super) fn new(aggregate: Option<&AggregateOf>, profiles: usize) -> Gather {
        let Some(of) = aggregate else { return Gather::Exists(RoaringBitmap::new()) };
        match (of.aggregate, of.value_type) {
            (Aggregate::Count, _) if of.distinct => Gather::Distinct(Vec::new(), HashMap::new()),
            (Aggregate::Count, _) => Gather::Count(vec![0; profiles]),
            (Aggregate::Sum, Some(ValueType::Decimal)) => {
                Gather::Sum(vec![ExactSum::default(); profiles])
            }
            (Aggregate::Sum, _) => Gather::FloatSum(HashMap::new()),
            (Aggregate::Average, _) => {
                Gather::Average(vec![ExactSum::default(); profiles], HashMap::new())
            }
            (Aggregate::Mode, _) => Gather::Mode(Vec::new(), Met::default()),
            (Aggregate::Min | Aggregate::First, _) => {
                Gather::Extreme(vec![None; profiles], Ordering::Less)
            }
            (Aggregate::Max | Aggregate::Last, _) => {
                Gather::Extreme(vec![None; profiles], Ordering::Greater)
            }
        }
    }

    /// Takes a row: its value, or nothing when rows are counted.
    pub(super) fn take(&mut self, ordinal: Ordinal, cell: Option<Cell<'_>>) -> Result<()> {
        if cell.is_some_and(Cell::is_null) {
            return Ok(());
        }
        let cell = cell.unwrap_or(Cell::Null);
        let index = ordinal.0 as usize;
        match self {
            Gather::Exists(set) => {
                set.insert(ordinal.0);
            }
            Gather::Count(counts) => {
                if let Some(count) = counts.get_mut(index) {
                    *count += 1;
                }
            }
            Gather::Distinct(pairs, seen) => pairs.push((ordinal.0, distinct_number(cell, seen))),
            Gather::Sum(sums) => {
                if let Some((sum, term)) = sums.get_mut(index).zip(exact(cell)) {
                    sum.add(term);
                }
            }
            Gather::FloatSum(sums) => sums.entry(ordinal.0).or_default().add(float(cell)),
            Gather::Average(sums, floats) => {
                let Some(sum) = sums.get_mut(index) else { return Ok(()) };
                match exact(cell) {
                    Some(term) => sum.add(term),
                    None => {
                        sum.count_one();
                        floats.entry(ordinal.0).or_default().add(float(cell));
                    }
                }
            }
            Gather::Mode(pairs, met) => {
                pairs.extend(met.place(cell).map(|place| (ordinal.0, place)));
            }
            Gather::Extreme(values, wanted) => {
                if let Some(slot) = values.get_mut(index) {
                    let better =
                        slot.as_ref().is_none_or(|v| cell.compare(Cell::of(v)) == Some(*wanted));
                    if better {
                        *slot = cell.to_value();
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self, profiles: usize) -> Result<Answers> {
        let mut values = Vec::new();
        let mut put = |ordinal: u32, value: Value| {
            if values.is_empty() {
                values.resize(profiles, None);
            }
            if let Some(slot) = values.get_mut(ordinal as usize) {
                *slot = Some(value);
            }
        };
        match self {
            Gather::Exists(set) => return Ok(Answers::Exists(set)),
            Gather::Count(counts) => return Ok(Answers::Count(counts)),
            Gather::Distinct(mut pairs, _) => {
                pairs.sort_unstable();
                pairs.dedup();
                let mut counts = vec![0; profiles];
                for (ordinal, _) in pairs {
                    if let Some(count) = counts.get_mut(ordinal as usize) {
                        *count += 1;
                    }
                }
                return Ok(Answers::Count(counts));
            }
            Gather::Sum(sums) => {
                let values = sums.iter().map(|sum| match (sum.count(), sum.value()) {
                    (0, _) => Ok(None),
                    (_, Some(value)) => Ok(Some(Value::Decimal(value))),
                    (_, None) => Err(Error::invalid("a sum has more than 38 digits")),
                });
                return values.collect::<Result<_>>().map(Answers::Values);
            }
            Gather::Extreme(values, _) => return Ok(Answers::Values(values)),
            Gather::Mode(pairs, met) => most_frequent(pairs, &met, &mut put),
            Gather::FloatSum(sums) => {
                sums.iter().for_each(|(ordinal, sum)| put(*ordinal, Value::Float(sum.value())));
            }
            Gather::Average(sums, floats) => {
                let averages = sums.iter().zip(0_u32..).map(|(sum, ordinal)| {
                    // A column has numbers of one type: one of both parts is zero.
                    let floats = floats.get(&ordinal).map_or(0.0, FloatSum::value);
                    let average = || sum.average() + floats / sum.count() as f64;
                    (sum.count() > 0).then(|| Value::Float(average()))
                });
                return Ok(Answers::Values(averages.collect()));
            }
        }
        Ok(Answers::Values(values))
    }
}

/// Values that were met, each once.
#[derive(Debug, Default)]
pub(super) struct Met {
    places: HashMap<Vec<u8>, u32>,
    values: Vec<Value>,
}

impl Met {
    fn place(&mut self, cell: Cell<'_>) -> Option<u32> {
        let value = cell.to_value()?;
        let next = u32::try_from(self.values.len()).ok()?;
        let place = *self.places.entry(value.canonical_bytes()).or_insert(next);
        if place == next {
            self.values.push(value);
        }
        Some(place)
    }
}

/// The value that each profile has most often, of several the least.
fn most_frequent(mut pairs: Vec<(u32, u32)>, met: &Met, put: &mut impl FnMut(u32, Value)) {
    pairs.sort_unstable();
    for of_one in pairs.chunk_by(|a, b| a.0 == b.0) {
        let mut best: Option<(usize, &Value)> = None;
        for same in of_one.chunk_by(|a, b| a.1 == b.1) {
            let value = same.first().and_then(|(_, place)| met.values.get(*place as usize));
            let Some(value) = value else { continue };
            let better = best.is_none_or(|(count, known)| match same.len().cmp(&count) {
                Ordering::Equal => Cell::of(value).compare(Cell::of(known)) == Some(Ordering::Less),
                order => order.is_gt(),
            });
            if better {
                best = Some((same.len(), value));
            }
        }
        if let (Some((profile, _)), Some((_, value))) = (of_one.first(), best) {
            put(*profile, value.clone());
        }
    }
}

/// A number that equal values of one column share, and no others.
fn distinct_number(cell: Cell<'_>, seen: &mut HashMap<Vec<u8>, u128>) -> u128 {
    let own = match cell {
        Cell::Integer(i) => Some(i),
        Cell::Boolean(b) => Some(i64::from(b)),
        Cell::Date(d) => Some(i64::from(d.0)),
        Cell::Timestamp(t) => Some(t.0),
        _ => None,
    };
    if let Some(own) = own {
        return u128::from(own.cast_unsigned());
    }
    let next = seen.len() as u128;
    let bytes = cell.to_value().map(|value| value.canonical_bytes()).unwrap_or_default();
    *seen.entry(bytes).or_insert(next)
}

pub(super) fn exact(cell: Cell<'_>) -> Option<Decimal> {
    match cell {
        Cell::Integer(i) => Some(Decimal::from(i)),
        Cell::Decimal(d) => Some(d),
        _ => None,
    }
}

fn float(cell: Cell<'_>) -> f64 {
    match cell {
        Cell::Float(f) => f,
        other => exact(other).map_or(f64::NAN, Decimal::to_f64),
    }
}
