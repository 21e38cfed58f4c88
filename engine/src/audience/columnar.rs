//! Tables that columns answer chunk by chunk: groups by traits with their counts and aggregates.
//!
//! *Invariants:* a table is that which `table::fill` gives, profile by profile; what has no quick form is left to it.

use super::aggregate::Known;
use super::ast::Aggregate;
use super::gathered::Gathered;
use super::keys::Key;
use super::program::Chosen;
use super::resolved::{Column, TableOf};
use super::row::Row;
use super::sums::{Sums, add_each};
use super::table::{Filled, compare};
use crate::base::bits::Bits;
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::workers::Workers;
use crate::index::LabelBytes;
use crate::state::Reader;
use std::cell::Cell as Flag;

/// A table of groups with more combinations of values than these is made profile by profile.
const GROUPS: usize = 1 << 20;
/// About how many nanoseconds a profile takes that is added to its group.
const ROW_NANOS: u64 = 2;
/// As many profiles, at least, for each group are worth groups of their own for each thread.
const ROWS_PER_GROUP: u64 = 16;

/// The rows of a table of groups; nothing when it has no quick form.
///
/// # Errors
/// `Corrupt` when a part does not hold; `Invalid` when a sum has too many digits.
pub(super) fn groups(
    table: &TableOf,
    (reader, workers): (&Reader<'_>, &Workers),
    chosen: &Chosen,
) -> Result<Option<Vec<Filled>>> {
    let Some(groups) = &table.groups else { return Ok(None) };
    let mut keys = Vec::new();
    for group in groups {
        let Some(key) = Key::of(group, reader, GROUPS)? else { return Ok(None) };
        keys.push(key);
    }
    let sizes = keys.iter().map(Key::len);
    let Some(size) = sizes.clone().try_fold(1_usize, usize::checked_mul).filter(|s| *s <= GROUPS)
    else {
        return Ok(None);
    };
    let (mut measures, mut shown) = (Vec::<Gathered<'_>>::new(), Vec::new());
    for column in &table.columns {
        match column {
            Column::Group(key) => shown.push(Shown::Key(*key)),
            Column::Aggregate(of) => {
                let Some(measured) = Gathered::new(of, reader.state, size)? else {
                    return Ok(None);
                };
                // A sum and an average of one trait are gathered once.
                let known = measures.iter().position(|known| known.is_as(&measured));
                shown.push(Shown::Measure(
                    known.unwrap_or(measures.len()),
                    of.aggregate == Aggregate::Average,
                ));
                if known.is_none() {
                    measures.push(measured);
                }
            }
            Column::ProfileId | Column::Value(_) => return Ok(None),
        }
    }
    let (counts, apart, failed) = (vec![0; size], Vec::new(), None);
    let none = Pass { keys: &keys, counts, measures, apart, failed };
    let (rows, now) = (chosen.count(), reader.now());
    let few = (size as u64).saturating_mul(ROWS_PER_GROUP) < rows;
    let nanos = if few { rows.saturating_mul(ROW_NANOS) } else { 0 };
    let passes = chosen.shares(workers, nanos, &|chunks| {
        let (mut pass, fault) = (none.clone(), Flag::new(None));
        let reader = &reader.state.reader().at(now);
        let asker = Row::new(reader, Known::default(), Ordinal(0), &fault);
        let mut chunks = chunks.iter();
        let whole = chunks.all(|(chunk, rows)| pass.chunk(*chunk, rows, &asker).is_some());
        pass.failed = reader.check().err().or_else(|| fault.get().map(Error::invalid));
        whole.then_some(pass)
    });
    let Some(mut passes) = passes.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(mut whole) = passes.pop() else { return Ok(None) };
    // Of extremes that are equal the first stays, so that later chunks come to earlier ones.
    while let Some(mut before) = passes.pop() {
        before.merge(whole);
        whole = before;
    }
    if let Some(failed) = whole.failed {
        return Err(failed);
    }
    filled(table, &keys, &whole.counts, (&whole.measures, &shown)).map(Some)
}

/// Rows of a chunk are put apart by group when there are at most so many groups, and so many rows for each.
const GROUPS_APART: usize = 8;
const ROWS_APART: usize = 256;

/// What a column shows of a group.
enum Shown {
    /// A key, by its number.
    Key(usize),
    /// A measure, by its number; of a sum whether its average.
    Measure(usize, bool),
}

/// Adds chunk after chunk to the groups.
#[derive(Clone)]
struct Pass<'p> {
    keys: &'p [Key],
    counts: Vec<u64>,
    measures: Vec<Gathered<'p>>,
    /// The rows of each group, when they are put apart.
    apart: Vec<Bits>,
    /// Why there is no answer.
    failed: Option<Error>,
}

impl Pass<'_> {
    /// Adds what came of later chunks.
    fn merge(&mut self, later: Self) {
        add_each(&mut self.counts, &later.counts);
        self.failed = self.failed.take().or(later.failed);
        for (own, later) in self.measures.iter_mut().zip(later.measures) {
            own.sums.merge(later.sums);
        }
    }

    fn chunk(&mut self, chunk: u32, rows: &Bits, asker: &Row<'_>) -> Option<()> {
        let measures = &mut self.measures;
        if measures.iter().all(Gathered::is_of_rows) {
            match self.keys {
                [key] => {
                    if let Some(bytes) = key.bytes(chunk) {
                        return bytes.count(rows, &mut self.counts);
                    }
                }
                [left, right] => {
                    if let Some(first) = left.bytes(chunk).filter(|of| of.nulls.is_none())
                        && let Some(second) = right.bytes(chunk).filter(|of| of.nulls.is_none())
                    {
                        return self.pairs(rows, &first, &second, right.len());
                    }
                }
                _ => {}
            }
        }
        if self.keys.is_empty() {
            let count = self.counts.first_mut()?;
            *count += u64::from(rows.count());
            return measures.iter_mut().try_for_each(|one| one.whole(chunk, rows, 0, asker));
        }
        let (mut groups, mut numbers) = (Vec::new(), Vec::new());
        for key in self.keys {
            key.of_rows(chunk, rows, &mut numbers)?;
            if groups.is_empty() {
                std::mem::swap(&mut groups, &mut numbers);
                continue;
            }
            let size = u32::try_from(key.len()).ok()?;
            for (group, number) in groups.iter_mut().zip(&numbers) {
                *group = *group * size + number;
            }
        }
        let measured = !measures.iter().all(Gathered::is_of_rows);
        let few = self.counts.len() <= GROUPS_APART.min(groups.len() / ROWS_APART);
        if measured && few {
            return self.by_group(chunk, rows, &groups, asker);
        }
        for group in &groups {
            *self.counts.get_mut(*group as usize)? += 1;
        }
        measures.iter_mut().try_for_each(|one| one.each(chunk, rows, &groups, asker))
    }
}

impl Pass<'_> {
    /// Adds the rows of one group after those of another, so that no row asks where its sums are.
    fn by_group(&mut self, chunk: u32, rows: &Bits, groups: &[u32], asker: &Row<'_>) -> Option<()> {
        self.apart.resize_with(self.counts.len(), Bits::empty);
        self.apart.iter_mut().for_each(Bits::clear);
        let mut groups = groups.iter();
        rows.each(|row| {
            let group = groups.next().and_then(|group| self.apart.get_mut(*group as usize));
            if let Some(group) = group {
                group.insert(row);
            }
        });
        for (group, (rows, count)) in self.apart.iter().zip(&mut self.counts).enumerate() {
            let found = rows.count();
            *count += u64::from(found);
            if found > 0 {
                let mut measures = self.measures.iter_mut();
                measures.try_for_each(|one| one.whole(chunk, rows, group, asker))?;
            }
        }
        Some(())
    }

    /// Counts pairs of values that have a byte for each row.
    fn pairs(
        &mut self,
        rows: &Bits,
        left: &LabelBytes<'_>,
        right: &LabelBytes<'_>,
        size: usize,
    ) -> Option<()> {
        let ((left, first), (right, second)) =
            ((&left.numbers, left.bytes), (&right.numbers, right.bytes));
        // Bytes of a block are below the number of its codes, but a block says so, not the type.
        let mut starts = [usize::MAX; 256];
        starts.iter_mut().zip(left).for_each(|(start, number)| *start = *number as usize * size);
        let mut steps = [usize::MAX; 256];
        steps.iter_mut().zip(right).for_each(|(step, number)| *step = *number as usize);
        let mut whole = true;
        rows.each(|row| {
            let at = usize::from(row);
            let bytes = first.get(at).zip(second.get(at));
            let place = bytes.and_then(|(one, two)| {
                let start = starts.get(usize::from(*one))?;
                start.checked_add(*steps.get(usize::from(*two))?)
            });
            match place.and_then(|place| self.counts.get_mut(place)) {
                Some(count) => *count += 1,
                None => whole = false,
            }
        });
        whole.then_some(())
    }
}

/// The rows of the groups that have a profile; without keys there is one group, whether it has any.
fn filled(
    table: &TableOf,
    keys: &[Key],
    counts: &[u64],
    (measures, shown): (&[Gathered<'_>], &[Shown]),
) -> Result<Vec<Filled>> {
    let least = least_count(table, counts, (measures, shown));
    let mut rows = Vec::new();
    for (group, count) in counts.iter().enumerate() {
        if (*count == 0 && !keys.is_empty()) || *count < least {
            continue;
        }
        let (mut tie, mut rest) = (Vec::with_capacity(keys.len()), group);
        for key in keys.iter().rev() {
            tie.push(key.value(rest % key.len()));
            rest /= key.len();
        }
        tie.reverse();
        let values = shown.iter().map(|shown| match shown {
            Shown::Key(key) => Ok(tie.get(*key).cloned().flatten()),
            Shown::Measure(number, average) => {
                let measured = measures.get(*number);
                measured.map_or(Ok(None), |measured| measured.sums.value(group, *count, *average))
            }
        });
        let values = values.collect::<Result<_>>()?;
        rows.push(Filled { values, tie });
    }
    rows.sort_by(|a, b| compare(&table.order, a, b));
    Ok(rows)
}

/// The least count that may be among the first rows, when these are the ones with the greatest counts.
fn least_count(
    table: &TableOf,
    counts: &[u64],
    (measures, shown): (&[Gathered<'_>], &[Shown]),
) -> u64 {
    let (Some((column, true)), Some(limit)) = (table.order.first(), table.limit) else { return 0 };
    let Some(Shown::Measure(number, _)) = shown.get(*column) else { return 0 };
    let by_rows = measures.get(*number).is_some_and(|of| matches!(of.sums, Sums::Rows));
    let Some(place) = usize::try_from(limit).ok().and_then(|limit| limit.checked_sub(1)) else {
        return 0;
    };
    if !by_rows || place >= counts.len() {
        return 0;
    }
    let mut counts = counts.to_vec();
    *counts.select_nth_unstable_by(place, |a, b| b.cmp(a)).1
}
