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
use crate::base::value::compare_floats;
use crate::column::Cell;
use crate::index::{ColumnIndex, Direct, Domain};
use std::cmp::Ordering;

/// Rows that are taken at once: what is found of them stays in the nearest caches.
const TOGETHER: usize = 4096;
/// Fewer rows than these are asked one by one.
const FEW: usize = 32;
/// Days of which each has a place in a table.
const DAYS_MAX: i64 = 1 << 16;

/// Some profiles of a chunk, of whom values are asked.
pub(super) struct Vector<'v> {
    /// Who asks, whoever the profile is.
    pub row: Row<'v>,
    /// Columns of traits, by number.
    pub columns: &'v [(usize, &'v ColumnIndex)],
    pub chunk: u32,
}

/// Values of rows, one after another.
struct Many<'v> {
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

    fn cell(&self, place: usize) -> Cell<'v> {
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

    /// The values as floats, if they are numbers of which that is so.
    fn floats(&self) -> Option<Floats<'_>> {
        match &self.values {
            Values::Same(cell @ (Cell::Integer(_) | Cell::Float(_) | Cell::Decimal(_))) => {
                Some(Floats::Same(float(*cell)))
            }
            Values::Integers(all) => Some(Floats::Integers(all)),
            Values::Floats(all) => Some(Floats::Each(all)),
            _ => None,
        }
    }

    /// Whether they are floats.
    fn is_float(&self) -> bool {
        matches!(self.values, Values::Floats(_) | Values::Same(Cell::Float(_)))
    }
}

/// Numbers that are taken as floats.
#[derive(Clone, Copy)]
enum Floats<'m> {
    Same(f64),
    Integers(&'m [i64]),
    Each(&'m [f64]),
}

impl Floats<'_> {
    #[inline]
    fn at(self, place: usize) -> f64 {
        match self {
            Floats::Same(number) => number,
            Floats::Integers(all) => all.get(place).map_or(f64::NAN, |number| *number as f64),
            Floats::Each(all) => all.get(place).copied().unwrap_or(f64::NAN),
        }
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
        let mut some = Vec::with_capacity(TOGETHER);
        let mut take = |some: &mut Vec<u16>| {
            if self.row.reader.goes_on() {
                self.compare(*comparison, (left, right), wanted, some, out);
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
        if let (Some(one), Some(other)) = (left.floats(), right.floats())
            && (left.is_float() || right.is_float())
        {
            // Beside a float both are floats.
            let known = |place: usize| left.is_known(place) && right.is_known(place);
            let passes = [Ordering::Less, Ordering::Equal, Ordering::Greater].map(wanted);
            let order = |place: usize| compare_floats(one.at(place), other.at(place)) as usize;
            return put(rows, out, |place| {
                // The orders are -1, 0 and 1.
                let passes = passes.get(order(place).wrapping_add(1)).copied().unwrap_or(false);
                known(place) & passes
            });
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
            Scalar::Coalesce(values, common) => {
                let all: Vec<Many<'v>> =
                    values.iter().map(|value| self.value(value, rows)).collect();
                let first = |place: usize| {
                    let found =
                        all.iter().map(|many| many.cell(place)).find(|cell| !cell.is_null());
                    let found = found.unwrap_or(Cell::Null);
                    common.map_or(found, |wanted| found.widened(wanted))
                };
                Some(Many::cells((0..rows.len()).map(first).collect()))
            }
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

    /// The values of a trait whose numbers can be read in place.
    fn of_trait(&self, number: usize, rows: &[u16]) -> Option<Many<'v>> {
        let (_, column) = self.columns.iter().find(|(known, _)| *known == number)?;
        let (domain, direct) = (column.domain()?, column.direct(self.chunk)?);
        let known = |direct: &Direct<'_>| {
            direct.may_be_null().then(|| {
                rows.iter().map(|row| direct.number(usize::from(*row)).is_some()).collect()
            })
        };
        let integers = || rows.iter().map(|row| direct.integer(*row).unwrap_or_default()).collect();
        let values = match domain {
            Domain::Integer => Values::Integers(integers()),
            Domain::Date => Values::Days(integers()),
            Domain::Timestamp => Values::Times(integers()),
            Domain::Float => Values::Floats(
                rows.iter().map(|row| direct.float(*row).unwrap_or_default()).collect(),
            ),
            Domain::Decimal(_) => {
                let cell = |row: &u16| direct.cell(*row).unwrap_or(Cell::Null);
                return Some(Many::cells(rows.iter().map(cell).collect()));
            }
        };
        Some(Many { values, known: known(&direct) })
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
        let divides = operator == Arithmetic::Divide;
        if let (Some(one), Some(other)) = (left.floats(), right.floats())
            && (divides || left.is_float() || right.is_float())
        {
            let pairs = (0..count).map(|place| (one.at(place), other.at(place)));
            let values: Vec<f64> = match operator {
                Arithmetic::Add => pairs.map(|(a, b)| a + b).collect(),
                Arithmetic::Subtract => pairs.map(|(a, b)| a - b).collect(),
                Arithmetic::Multiply => pairs.map(|(a, b)| a * b).collect(),
                Arithmetic::Divide => pairs.map(|(a, b)| a / b).collect(),
                Arithmetic::Remainder => {
                    let known = |place: usize| left.is_known(place) && right.is_known(place);
                    if (0..count).any(|place| known(place) && other.at(place) == 0.0) {
                        self.row.given(Err(BY_ZERO));
                    }
                    pairs.map(|(a, b)| a % b).collect()
                }
            };
            let known = both(left.known, right.known);
            return Many { values: Values::Floats(values), known };
        }
        if let Some(found) = integers(operator, &left, &right, count) {
            let Some(found) = found else {
                return Many::cells(vec![self.row.given(Err(OVERFLOW)); count]);
            };
            return Many { values: Values::Integers(found), known: both(left.known, right.known) };
        }
        self.each(count, |place| operate(operator, left.cell(place), right.cell(place)))
    }
}

/// Sums, differences and products of integers; the inner nothing when one has too many bits, the outer one for others.
fn integers(
    operator: Arithmetic,
    left: &Many<'_>,
    right: &Many<'_>,
    count: usize,
) -> Option<Option<Vec<i64>>> {
    let of = match operator {
        Arithmetic::Add => i64::checked_add,
        Arithmetic::Subtract => i64::checked_sub,
        Arithmetic::Multiply => i64::checked_mul,
        Arithmetic::Remainder | Arithmetic::Divide => return None,
    };
    let at = |many: &Many<'_>, place: usize| match &many.values {
        Values::Same(Cell::Integer(number)) => Some(*number),
        Values::Integers(all) => all.get(place).copied(),
        _ => None,
    };
    at(left, 0).zip(at(right, 0))?;
    let found = (0..count).map(|place| {
        let known = left.is_known(place) && right.is_known(place);
        let (left, right) = at(left, place).zip(at(right, place))?;
        // What is not known has any number, which may be too great.
        of(left, right).or((!known).then_some(0))
    });
    Some(found.collect())
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
