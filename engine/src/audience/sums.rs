//! What is gathered of groups of profiles: counts, sums, extremes.

use super::aggregate::exact;
use super::number::float;
use crate::base::bits::Bits;
use crate::base::error::{Error, Result};
use crate::base::many::{FloatBatch, ManyFloats};
use crate::base::number::Decimal;
use crate::base::sum::ExactSum;
use crate::base::value::Value;
use crate::column::{BlockView, Cell};
use crate::index::{ColumnIndex, Direct, Domain, KeyRange};
use std::cmp::Ordering;

/// With no more groups each has a batch of its own: all of them stay in the second cache.
const BATCHES: usize = 512;

/// The least or greatest value so far, with its key; the first of equal ones.
pub(super) type Extreme = Option<(u64, Value)>;

/// Puts a value in the place of one that it is less or greater than, as is wanted.
#[inline]
fn see<'c>(
    slot: &mut Extreme,
    wanted: Ordering,
    key: u64,
    cell: impl FnOnce() -> Option<Cell<'c>>,
) {
    // Keys stand in the order of their values, so that most are decided by them.
    if slot.as_ref().is_some_and(|(known, _)| key.cmp(known) != wanted) {
        return;
    }
    let Some(cell) = cell() else { return };
    let better = |value: &Value| cell.compare(Cell::of(value)) == Some(wanted);
    if slot.as_ref().is_none_or(|(_, value)| better(value)) {
        *slot = cell.to_value().map(|value| (key, value));
    }
}

pub(super) fn add_each(own: &mut [u64], others: &[u64]) {
    own.iter_mut().zip(others).for_each(|(own, other)| *own += other);
}

/// What is gathered of a group.
#[derive(Clone)]
pub(super) enum Sums {
    /// The count of the group itself.
    Rows,
    Counts(Vec<u64>),
    Exact(Vec<ExactSum>),
    Floats(Vec<(ManyFloats, u64)>),
    Extremes(Vec<Extreme>, Ordering),
    /// A bit for each of so many different values that was met; none before the first.
    Distinct(Vec<Vec<u64>>, usize),
}

impl Sums {
    /// Adds what came of later chunks.
    pub fn merge(&mut self, later: Sums) {
        match (self, later) {
            (Sums::Counts(own), Sums::Counts(later)) => add_each(own, &later),
            (Sums::Exact(own), Sums::Exact(later)) => {
                own.iter_mut().zip(&later).for_each(|(own, later)| own.merge(later));
            }
            (Sums::Floats(own), Sums::Floats(later)) => {
                for ((own, count), (later, more)) in own.iter_mut().zip(later) {
                    own.merge(later);
                    *count += more;
                }
            }
            (Sums::Extremes(own, wanted), Sums::Extremes(later, _)) => {
                for (own, later) in own.iter_mut().zip(&later) {
                    if let Some((key, value)) = later {
                        see(own, *wanted, *key, || Some(Cell::of(value)));
                    }
                }
            }
            (Sums::Distinct(own, _), Sums::Distinct(later, _)) => {
                for (own, later) in own.iter_mut().zip(later) {
                    own.resize(own.len().max(later.len()), 0);
                    own.iter_mut().zip(later).for_each(|(own, later)| *own |= later);
                }
            }
            // Those of one plan are alike.
            _ => {}
        }
    }

    /// Adds rows of one group whose numbers can be read in place; nothing when that is no way for them.
    pub fn whole_direct(
        &mut self,
        direct: &Direct<'_>,
        rows: &Bits,
        group: usize,
    ) -> Option<Option<()>> {
        match self {
            Sums::Counts(counts) => {
                let Some(count) = counts.get_mut(group) else { return Some(None) };
                *count += u64::from(direct.known(rows).count());
            }
            Sums::Floats(sums) => {
                let Some((sum, count)) = sums.get_mut(group) else { return Some(None) };
                let found = direct.known(rows);
                *count += u64::from(sum.add_at(&found, direct.floats()?));
            }
            Sums::Extremes(values, wanted) => {
                let Some(slot) = values.get_mut(group) else { return Some(None) };
                if let Some(found) = direct.extremes(rows) {
                    let found = found.map(|[least, greatest]| match wanted {
                        Ordering::Less => least,
                        _ => greatest,
                    });
                    if let Some((key, cell)) = found {
                        see(slot, *wanted, key, || Some(cell));
                    }
                    return Some(Some(()));
                }
                let mut best: Option<(u64, u16)> = None;
                rows.each(|row| {
                    if let Some(key) = direct.key(row)
                        && best.is_none_or(|(known, _)| key.cmp(&known) == *wanted)
                    {
                        best = Some((key, row));
                    }
                });
                if let Some((key, row)) = best {
                    see(slot, *wanted, key, || direct.cell(row));
                }
            }
            Sums::Rows | Sums::Exact(_) | Sums::Distinct(..) => return None,
        }
        Some(Some(()))
    }

    /// Adds rows of one group, wherever their values are.
    pub fn whole_found(
        &mut self,
        (column, domain): (&ColumnIndex, Domain),
        chunk: u32,
        rows: &Bits,
        group: usize,
    ) -> Option<()> {
        match self {
            Sums::Rows | Sums::Distinct(..) => {}
            Sums::Counts(counts) => {
                let mut present = Bits::empty();
                column.present(chunk, &mut present);
                *counts.get_mut(group)? += u64::from(present.and_count(rows));
            }
            Sums::Floats(sums) => {
                let (sum, count) = sums.get_mut(group)?;
                let mut batch = FloatBatch::default();
                column.each_value(chunk, rows, |_, view, slot| {
                    batch.add(view.float(slot), sum);
                    *count += 1;
                });
                batch.settle(sum);
            }
            Sums::Exact(sums) => {
                let sum = sums.get_mut(group)?;
                column.each_value(chunk, rows, |_, view, slot| {
                    let coefficient = i128::from(view.integer(slot));
                    sum.add(Decimal { coefficient, scale: view.common_scale().unwrap_or(0) });
                });
            }
            Sums::Extremes(values, wanted) => {
                let slot_of = values.get_mut(group)?;
                let mut best: Option<(u64, u16, &BlockView, usize)> = None;
                column.each_value(chunk, rows, |row, view, slot| {
                    let key = domain.key(view, slot);
                    // Blocks come one after another: of equal keys the first row stays.
                    let better = best.is_none_or(|(known, first, ..)| {
                        key.cmp(&known) == *wanted || (key == known && row < first)
                    });
                    if better {
                        best = Some((key, row, view, slot));
                    }
                });
                if let Some((key, _, view, slot)) = best {
                    see(slot_of, *wanted, key, || Some(domain.stored_cell(view, slot)));
                }
            }
        }
        Some(())
    }

    /// Adds rows of a chunk whose numbers can be read in place, each of a group; nothing when that is no way for them.
    pub fn each_direct(&mut self, direct: &Direct<'_>, rows: &Bits, groups: &[u32]) -> Option<()> {
        let mut groups = groups.iter().map(|group| *group as usize);
        match self {
            Sums::Counts(counts) => rows.each(|row| {
                let place = groups.next().and_then(|group| counts.get_mut(group));
                if let (Some(count), Some(_)) = (place, direct.key(row)) {
                    *count += 1;
                }
            }),
            Sums::Floats(sums) if sums.len() <= BATCHES => {
                let mut batches: Vec<FloatBatch> =
                    sums.iter().map(|_| FloatBatch::default()).collect();
                rows.each(|row| {
                    let group = groups.next().unwrap_or(usize::MAX);
                    let place = batches.get_mut(group).zip(sums.get_mut(group));
                    if let (Some((batch, (sum, count))), Some(value)) = (place, direct.float(row)) {
                        batch.add(value, sum);
                        *count += 1;
                    }
                });
                batches.iter_mut().zip(sums).for_each(|(batch, (sum, _))| batch.settle(sum));
            }
            Sums::Floats(sums) => rows.each(|row| {
                let place = groups.next().and_then(|group| sums.get_mut(group));
                if let (Some((sum, count)), Some(value)) = (place, direct.float(row)) {
                    sum.add(value);
                    *count += 1;
                }
            }),
            Sums::Exact(sums) => {
                // So many numbers of 32 bits as a chunk has rows fit 64.
                direct.is_narrow().then_some(())?;
                let mut totals = vec![(0_u64, 0_u64); sums.len()];
                rows.each(|row| {
                    let place = groups.next().and_then(|group| totals.get_mut(group));
                    if let (Some((total, count)), Some(number)) = (place, direct.number(row.into()))
                    {
                        *total += number;
                        *count += 1;
                    }
                });
                let known = sums.iter_mut().zip(totals).filter(|(_, (_, count))| *count > 0);
                known.for_each(|(sum, (total, count))| {
                    sum.add_many(direct.total(total, count), count);
                });
            }
            Sums::Extremes(values, wanted) => rows.each(|row| {
                let place = groups.next().and_then(|group| values.get_mut(group));
                if let (Some(slot), Some(key)) = (place, direct.key(row)) {
                    see(slot, *wanted, key, || direct.cell(row));
                }
            }),
            Sums::Rows | Sums::Distinct(..) => return None,
        }
        Some(())
    }

    /// Adds the value of a row to a group.
    #[inline]
    pub fn take(
        &mut self,
        (column, domain): (&ColumnIndex, Domain),
        chunk: u32,
        row: u16,
        group: usize,
    ) -> Option<()> {
        let Some((view, slot)) = column.find(chunk, row) else { return Some(()) };
        match self {
            Sums::Rows | Sums::Distinct(..) => {}
            Sums::Counts(counts) => *counts.get_mut(group)? += 1,
            Sums::Floats(sums) => {
                let (sum, count) = sums.get_mut(group)?;
                sum.add(view.float(slot));
                *count += 1;
            }
            Sums::Exact(sums) => {
                let coefficient = i128::from(view.integer(slot));
                let scale = view.common_scale().unwrap_or(0);
                sums.get_mut(group)?.add(Decimal { coefficient, scale });
            }
            Sums::Extremes(values, wanted) => {
                let cell = || Some(domain.stored_cell(view, slot));
                see(values.get_mut(group)?, *wanted, domain.key(view, slot), cell);
            }
        }
        Some(())
    }

    /// Adds a value that was computed, and is not NULL, to a group.
    #[inline]
    pub fn take_cell(&mut self, group: usize, cell: Cell<'_>) -> Option<()> {
        match self {
            Sums::Rows | Sums::Distinct(..) => {}
            Sums::Counts(counts) => *counts.get_mut(group)? += 1,
            Sums::Floats(sums) => {
                let (sum, count) = sums.get_mut(group)?;
                sum.add(float(cell));
                *count += 1;
            }
            Sums::Exact(sums) => sums.get_mut(group)?.add(exact(cell)?),
            Sums::Extremes(values, wanted) => {
                see(values.get_mut(group)?, *wanted, KeyRange::of_cell(cell)?, || Some(cell));
            }
        }
        Some(())
    }

    /// Adds floats of which some are known, each of a group; nothing, and none is added, when that is no way for them.
    pub fn take_floats(
        &mut self,
        values: &[f64],
        known: Option<&[bool]>,
        group: impl Fn(usize) -> usize,
    ) -> Option<()> {
        let Sums::Floats(sums) = self else { return None };
        (sums.len() <= BATCHES).then_some(())?;
        let mut batches: Vec<FloatBatch> = sums.iter().map(|_| FloatBatch::default()).collect();
        for (nth, value) in values.iter().enumerate() {
            if known.is_some_and(|known| known.get(nth) != Some(&true)) {
                continue;
            }
            let place = batches.get_mut(group(nth)).zip(sums.get_mut(group(nth)));
            if let Some((batch, (sum, count))) = place {
                batch.add(*value, sum);
                *count += 1;
            }
        }
        batches.iter_mut().zip(sums).for_each(|(batch, (sum, _))| batch.settle(sum));
        Some(())
    }

    /// Notes that a group has one of its different values, by number; behind the last is NULL.
    #[inline]
    pub fn meet(&mut self, group: usize, number: u32) -> Option<()> {
        let Sums::Distinct(groups, values) = self else { return None };
        let met = groups.get_mut(group)?;
        if met.is_empty() {
            met.resize(*values / 64 + 1, 0);
        }
        *met.get_mut(number as usize / 64)? |= 1 << (number % 64);
        Some(())
    }

    /// The value of a group.
    pub fn value(&self, group: usize, count: u64, average: bool) -> Result<Option<Value>> {
        let integer = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(match self {
            Sums::Rows => Some(integer(count)),
            Sums::Counts(counts) => counts.get(group).map(|count| integer(*count)),
            Sums::Distinct(groups, values) => groups.get(group).map(|met| {
                let null = met.get(values / 64).map_or(0, |word| word >> (values % 64) & 1);
                integer(met.iter().map(|word| u64::from(word.count_ones())).sum::<u64>() - null)
            }),
            Sums::Extremes(values, _) => {
                values.get(group).and_then(Option::as_ref).map(|(_, value)| value.clone())
            }
            Sums::Floats(sums) => {
                let found = sums.get(group).filter(|(_, count)| *count > 0);
                let value = |(sum, count): &(ManyFloats, u64)| {
                    let sum = sum.clone().finish().value();
                    Value::Float(if average { sum / *count as f64 } else { sum })
                };
                found.map(value)
            }
            Sums::Exact(sums) => match sums.get(group).filter(|sum| sum.count() > 0) {
                None => None,
                Some(sum) if average => Some(Value::Float(sum.average())),
                Some(sum) => {
                    let sum = sum.value().map(Value::Decimal);
                    Some(sum.ok_or_else(|| Error::invalid("a sum has more than 38 digits"))?)
                }
            },
        })
    }
}
