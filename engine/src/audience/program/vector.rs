//! A condition on values of some profiles of a chunk; of a comparison each step for all of them before the next.
//!
//! *Invariants:* what is found is what `Row::holds` says of each; what has no quick form is asked of each row, value by
//! value, and so is what fails. *Where to start reading:* `Vector::select`.

use super::super::ast::{Arithmetic, Comparison};
use super::super::number::{BY_ZERO, OVERFLOW, float, negate, operate};
use super::super::resolved::{Condition, Scalar};
use super::super::row::Row;
use super::super::time;
use super::machine::ordinal;
use crate::base::bits::Bits;
use crate::base::ids::Ordinal;
use crate::base::time::{DAY_MICROS, Date, Timestamp};
use crate::base::value::ValueType;
use crate::column::Cell;
use crate::index::{ColumnIndex, Domain, KeyRange};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Rows that are taken at once: what is found of them stays in the nearest caches.
const TOGETHER: usize = 4096;
/// Fewer rows than these are asked one by one.
const FEW: usize = 32;
/// Days of which each has a place in a table.
const DAYS_MAX: i64 = 1 << 16;

/// Some profiles of a chunk, of whom values are asked.
pub(in super::super) struct Vector<'v> {
    /// Who asks, whoever the profile is.
    pub row: Row<'v>,
    /// Columns of traits, by number.
    pub columns: &'v [(usize, &'v ColumnIndex)],
    pub chunk: u32,
}

/// Values of rows, one after another.
pub(in super::super) struct Many<'v> {
    values: Values<'v>,
    /// Which are known; nothing when all are.
    known: Option<Vec<bool>>,
}

enum Values<'v> {
    /// The same of all.
    Same(Cell<'v>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    /// Microseconds.
    Times(Vec<i64>),
    Days(Vec<i64>),
    /// NULL is one of them.
    Cells(Vec<Cell<'v>>),
}

impl<'v> Many<'v> {
    fn cells(cells: Vec<Cell<'v>>) -> Many<'v> {
        Many { values: Values::Cells(cells), known: None }
    }

    fn is_known(&self, place: usize) -> bool {
        self.known.as_ref().is_none_or(|known| known.get(place) == Some(&true))
    }

    /// The floats in place, and which of them are known, if they are floats.
    pub fn in_place(&self) -> Option<(&[f64], Option<&[bool]>)> {
        match &self.values {
            Values::Floats(all) => Some((all, self.known.as_deref())),
            _ => None,
        }
    }

    /// The value at a place.
    pub fn cell(&self, place: usize) -> Cell<'v> {
        if !self.is_known(place) {
            return Cell::Null;
        }
        let found = match &self.values {
            Values::Same(cell) => Some(*cell),
            Values::Integers(all) => all.get(place).map(|number| Cell::Integer(*number)),
            Values::Floats(all) => all.get(place).map(|number| Cell::Float(*number)),
            Values::Times(all) => all.get(place).map(|time| Cell::Timestamp(Timestamp(*time))),
            Values::Days(all) => all.get(place).map(|day| day_cell(*day)),
            Values::Cells(all) => all.get(place).copied(),
        };
        found.unwrap_or(Cell::Null)
    }

    /// The values of so many rows as floats, if they are numbers of which that is so; of what is not known any.
    fn floats(&self, count: usize) -> Option<Cow<'_, [f64]>> {
        match &self.values {
            Values::Same(cell @ (Cell::Integer(_) | Cell::Float(_) | Cell::Decimal(_))) => {
                Some(vec![float(*cell); count].into())
            }
            Values::Integers(all) => Some(all.iter().map(|number| *number as f64).collect()),
            Values::Floats(all) => Some(all.as_slice().into()),
            _ => None,
        }
    }

    /// The values of so many rows as integers, if they are such; of what is not known any.
    fn integers(&self, count: usize) -> Option<Cow<'_, [i64]>> {
        match &self.values {
            Values::Same(Cell::Integer(number)) => Some(vec![*number; count].into()),
            Values::Integers(all) => Some(all.as_slice().into()),
            _ => None,
        }
    }

    /// Whether they are numbers that become floats beside a float.
    fn is_number(&self) -> bool {
        matches!(
            self.values,
            Values::Integers(_)
                | Values::Floats(_)
                | Values::Same(Cell::Integer(_) | Cell::Float(_) | Cell::Decimal(_))
        )
    }

    /// Whether they are floats.
    fn is_float(&self) -> bool {
        matches!(self.values, Values::Floats(_) | Values::Same(Cell::Float(_)))
    }
}

fn day_cell(day: i64) -> Cell<'static> {
    i32::try_from(day).map_or(Cell::Null, |day| Cell::Date(Date(day)))
}

/// What is known of both.
fn both(left: Option<Vec<bool>>, right: Option<Vec<bool>>) -> Option<Vec<bool>> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            left.iter_mut().zip(right).for_each(|(left, right)| *left &= right);
            Some(left)
        }
        (left, right) => left.or(right),
    }
}

/// Adds those of some rows that pass, by their places.
fn put(rows: &[u16], out: &mut Bits, passes: impl Fn(usize) -> bool) {
    for (place, row) in rows.iter().enumerate() {
        if passes(place) {
            out.insert(*row);
        }
    }
}

impl<'v> Vector<'v> {
    /// Adds those of some rows of which a condition is `wanted`, as long as time is left.
    pub fn select(&self, condition: &'v Condition, wanted: bool, rows: &Bits, out: &mut Bits) {
        let Condition::Compare(comparison, left, right) = condition else {
            let mut goes_on = true;
            return rows.each(|row| {
                goes_on = goes_on && self.row.reader.keeps_pace();
                if goes_on && self.of(row).holds(condition) == Some(wanted) {
                    out.insert(row);
                }
            });
        };
        self.each_slice(rows, |some| {
            self.compare(*comparison, (left, right), wanted, some, out);
        });
    }

    /// Shows a value of some rows, in order, some of them with their number at once, as long as time is left.
    pub fn each_value(
        &self,
        scalar: &'v Scalar,
        rows: &Bits,
        see: &mut dyn FnMut(&Many<'v>, usize),
    ) {
        self.each_slice(rows, |some| see(&self.value(scalar, some), some.len()));
    }

    /// Shows rows in order, so many at once as are computed together, as long as time is left.
    fn each_slice(&self, rows: &Bits, mut see: impl FnMut(&[u16])) {
        let mut some = Vec::with_capacity(TOGETHER);
        let mut take = |some: &mut Vec<u16>| {
            if !some.is_empty() && self.row.reader.goes_on() {
                see(some);
            }
            some.clear();
        };
        rows.each(|row| {
            some.push(row);
            if some.len() == TOGETHER {
                take(&mut some);
            }
        });
        take(&mut some);
    }

    fn compare(
        &self,
        comparison: Comparison,
        (left, right): (&'v Scalar, &'v Scalar),
        wanted: bool,
        rows: &[u16],
        out: &mut Bits,
    ) {
        if rows.len() < FEW {
            for row in rows {
                let of = self.of(*row);
                let order = of.value(left).compare(of.value(right));
                if order.is_some_and(|order| comparison.holds(order) == wanted) {
                    out.insert(*row);
                }
            }
            return;
        }
        let (left, right) = (self.value(left, rows), self.value(right, rows));
        let wanted = |order: Ordering| comparison.holds(order) == wanted;
        // Beside a float both are floats.
        if (left.is_float() || right.is_float())
            && let (Some(one), Some(other)) = (left.floats(rows.len()), right.floats(rows.len()))
        {
            // Keys of floats stand in the order of floats.
            let pairs = one.iter().zip(other.iter());
            let pairs =
                pairs.map(|(one, other)| (KeyRange::of_float(*one), KeyRange::of_float(*other)));
            let passes = [Ordering::Less, Ordering::Equal, Ordering::Greater].map(wanted);
            let mut found: Vec<bool> = match passes {
                [true, false, false] => pairs.map(|(one, other)| one < other).collect(),
                [true, true, false] => pairs.map(|(one, other)| one <= other).collect(),
                [false, true, false] => pairs.map(|(one, other)| one == other).collect(),
                [true, false, true] => pairs.map(|(one, other)| one != other).collect(),
                [false, true, true] => pairs.map(|(one, other)| one >= other).collect(),
                [false, false, true] => pairs.map(|(one, other)| one > other).collect(),
                [all, ..] => vec![all; rows.len()],
            };
            for known in left.known.iter().chain(&right.known) {
                found.iter_mut().zip(known).for_each(|(found, known)| *found &= known);
            }
            return rows.iter().zip(found).for_each(|(row, found)| out.insert_if(*row, found));
        }
        put(rows, out, |place| left.cell(place).compare(right.cell(place)).is_some_and(wanted));
    }

    /// One of the rows by itself.
    fn of(&self, row: u16) -> Row<'v> {
        Row { ordinal: Ordinal(ordinal(self.chunk, row)), ..self.row }
    }

    fn value(&self, scalar: &'v Scalar, rows: &[u16]) -> Many<'v> {
        let quick = match scalar {
            Scalar::Constant(_) | Scalar::Now => {
                Some(Many { values: Values::Same(self.row.value(scalar)), known: None })
            }
            Scalar::Trait(number) => self.of_trait(*number, rows),
            Scalar::Arithmetic(operator, left, right) => {
                let (left, right) = (self.value(left, rows), self.value(right, rows));
                Some(self.operated(*operator, left, right, rows.len()))
            }
            Scalar::Negate(inner) => {
                let inner = self.value(inner, rows);
                Some(self.each(rows.len(), |place| negate(inner.cell(place))))
            }
            Scalar::Coalesce(values, common) => Some(self.coalesced(values, *common, rows)),
            Scalar::Part(part, inner) => {
                let of = |time| time::part(*part, time).unwrap_or(Cell::Null);
                Some(of_times(&self.value(inner, rows), rows.len(), part.is_of_day(), of))
            }
            Scalar::Truncate(part, inner) => {
                let of = |time| time::truncate(*part, time).map_or(Cell::Null, Cell::Timestamp);
                Some(of_times(&self.value(inner, rows), rows.len(), part.is_of_day(), of))
            }
            Scalar::AsDate(inner) => {
                let of = |time: Timestamp| Cell::Date(time.date());
                Some(of_times(&self.value(inner, rows), rows.len(), true, of))
            }
            Scalar::Subquery(number) => self.row.answers.get(*number).map(|answers| {
                let value = |row: &u16| answers.value(Ordinal(ordinal(self.chunk, *row)));
                Many::cells(rows.iter().map(value).collect())
            }),
            _ => None,
        };
        quick.unwrap_or_else(|| {
            Many::cells(rows.iter().map(|row| self.of(*row).value(scalar)).collect())
        })
    }

    /// The first value of each row that is known. No later one is looked at, which might fail.
    fn coalesced(&self, values: &'v [Scalar], common: Option<ValueType>, rows: &[u16]) -> Many<'v> {
        let mut found = vec![Cell::Null; rows.len()];
        let mut open: Vec<(usize, u16)> = rows.iter().copied().enumerate().collect();
        for value in values {
            let some: Vec<u16> = open.iter().map(|(_, row)| *row).collect();
            let many = self.value(value, &some);
            for (nth, (place, _)) in open.iter().enumerate() {
                if let Some(slot) = found.get_mut(*place) {
                    *slot = many.cell(nth);
                }
            }
            open.retain(|(place, _)| found.get(*place).is_some_and(|cell| cell.is_null()));
            if open.is_empty() {
                break;
            }
        }
        if let Some(wanted) = common {
            found.iter_mut().for_each(|cell| *cell = cell.widened(wanted));
        }
        Many::cells(found)
    }

    /// The values of a trait whose numbers can be read in place.
    fn of_trait(&self, number: usize, rows: &[u16]) -> Option<Many<'v>> {
        let (_, column) = self.columns.iter().find(|(known, _)| *known == number)?;
        let (domain, direct) = (column.domain()?, column.direct(self.chunk)?);
        let values = match domain {
            Domain::Integer => Values::Integers(direct.integers(rows)),
            Domain::Date => Values::Days(direct.integers(rows)),
            Domain::Timestamp => Values::Times(direct.integers(rows)),
            Domain::Float => Values::Floats(
                direct
                    .integers(rows)
                    .into_iter()
                    .map(|bits| f64::from_bits(bits.cast_unsigned()))
                    .collect(),
            ),
            Domain::Decimal(_) => {
                let cell = |row: &u16| direct.cell(*row).unwrap_or(Cell::Null);
                return Some(Many::cells(rows.iter().map(cell).collect()));
            }
        };
        Some(Many { values, known: direct.known_at(rows) })
    }

    /// What something says of each place, or NULL with the reason noted.
    fn each(&self, count: usize, of: impl Fn(usize) -> Result<Cell<'v>, &'static str>) -> Many<'v> {
        Many::cells((0..count).map(|place| self.row.given(of(place))).collect())
    }

    fn operated(
        &self,
        operator: Arithmetic,
        left: Many<'v>,
        right: Many<'v>,
        count: usize,
    ) -> Many<'v> {
        if let (Values::Same(one), Values::Same(other)) = (&left.values, &right.values) {
            let found = self.row.given(operate(operator, *one, *other));
            return Many { values: Values::Same(found), known: None };
        }
        let divides = operator == Arithmetic::Divide && left.is_number() && right.is_number();
        if (divides || left.is_float() || right.is_float())
            && let (Some(one), Some(other)) = (left.floats(count), right.floats(count))
        {
            let pairs = one.iter().zip(other.iter());
            let values: Vec<f64> = match operator {
                Arithmetic::Add => pairs.map(|(a, b)| a + b).collect(),
                Arithmetic::Subtract => pairs.map(|(a, b)| a - b).collect(),
                Arithmetic::Multiply => pairs.map(|(a, b)| a * b).collect(),
                Arithmetic::Divide => pairs.map(|(a, b)| a / b).collect(),
                Arithmetic::Remainder => {
                    let known = |place: usize| left.is_known(place) && right.is_known(place);
                    if other.iter().enumerate().any(|(place, other)| *other == 0.0 && known(place))
                    {
                        self.row.given(Err(BY_ZERO));
                    }
                    pairs.map(|(a, b)| a % b).collect()
                }
            };
            drop((one, other));
            let known = both(left.known, right.known);
            return Many { values: Values::Floats(values), known };
        }
        if let (Some(one), Some(other)) = (left.integers(count), right.integers(count)) {
            let pair = (one.as_ref(), other.as_ref());
            let found = match operator {
                Arithmetic::Add => Some(of_integers(pair, i64::overflowing_add)),
                Arithmetic::Subtract => Some(of_integers(pair, i64::overflowing_sub)),
                Arithmetic::Multiply => Some(of_integers(pair, i64::overflowing_mul)),
                Arithmetic::Remainder | Arithmetic::Divide => None,
            };
            if let Some((values, strays)) = found {
                // What is not known has any number, which may be too great.
                if strays.into_iter().any(|place| left.is_known(place) && right.is_known(place)) {
                    self.row.given(Err(OVERFLOW));
                }
                let values = Values::Integers(values);
                drop((one, other));
                return Many { values, known: both(left.known, right.known) };
            }
        }
        self.each(count, |place| operate(operator, left.cell(place), right.cell(place)))
    }
}

/// What comes of pairs of integers, and at which places it has too many bits.
fn of_integers(
    (left, right): (&[i64], &[i64]),
    of: impl Fn(i64, i64) -> (i64, bool),
) -> (Vec<i64>, Vec<usize>) {
    let mut any = false;
    let pairs = || left.iter().zip(right).map(|(left, right)| of(*left, *right));
    let values = pairs().map(|(value, strays)| {
        any |= strays;
        value
    });
    let values = values.collect();
    if !any {
        return (values, Vec::new());
    }
    let strays = pairs().enumerate().filter(|(_, (_, strays))| *strays);
    (values, strays.map(|(place, _)| place).collect())
}

/// What something says of each time; once for a day where it says the same all day.
fn of_times(
    inner: &Many<'_>,
    count: usize,
    of_day: bool,
    of: impl Fn(Timestamp) -> Cell<'static>,
) -> Many<'static> {
    let day = |place: usize| match (&inner.values, inner.is_known(place)) {
        (Values::Times(all), true) => all.get(place).map(|time| time.div_euclid(DAY_MICROS)),
        (Values::Days(all), true) => all.get(place).copied(),
        _ => None,
    };
    let least = (0..count).filter_map(day).min();
    let greatest = (0..count).filter_map(day).max();
    if let (true, Some((least, greatest))) = (of_day, least.zip(greatest))
        && greatest - least < DAYS_MAX
    {
        let mut known = vec![None; usize::try_from(greatest - least).unwrap_or(0) + 1];
        let cell = |place: usize| {
            let Some(day) = day(place) else { return Cell::Null };
            let found = || of(Timestamp(day * DAY_MICROS));
            let slot = usize::try_from(day - least).ok().and_then(|at| known.get_mut(at));
            slot.map_or_else(&found, |slot| *slot.get_or_insert_with(&found))
        };
        return Many::cells((0..count).map(cell).collect());
    }
    let cell = |place: usize| time::instant(inner.cell(place)).map_or(Cell::Null, &of);
    Many::cells((0..count).map(cell).collect())
}
