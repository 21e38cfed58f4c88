//! What is gathered of the rows of each group of a table: of numbers of a trait, of its different values, or of what is
//! computed of traits.
//!
//! *Invariants:* what is gathered is what `Gather` makes of the same rows; what has no quick form is left to it.

use super::ast::{Aggregate, Part};
use super::number::result_type;
use super::program::Vector;
use super::resolved::{AggregateOf, Scalar};
use super::row::Row;
use super::sums::Sums;
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::many::ManyFloats;
use crate::base::number::Decimal;
use crate::base::sum::ExactSum;
use crate::base::value::ValueType;
use crate::catalog::Fields;
use crate::index::{ColumnIndex, Domain};
use crate::state::State;
use std::cmp::Ordering;
use std::sync::Arc;

/// Bits for the different values of all groups, at most: 4 MiB for each thread.
const DISTINCT_BITS: usize = 1 << 25;

/// What is gathered.
#[derive(Clone)]
enum Source<'t> {
    Rows,
    Numbers(Arc<ColumnIndex>, Domain),
    /// The different values of a trait.
    Labels(Arc<ColumnIndex>),
    /// What is computed of traits, with their columns.
    Computed(&'t Scalar, Vec<(usize, Arc<ColumnIndex>)>),
}

/// An aggregate of each group.
#[derive(Clone)]
pub(super) struct Gathered<'t> {
    source: Source<'t>,
    pub sums: Sums,
}

/// Of which group each of some rows is.
#[derive(Clone, Copy)]
enum Groups<'g> {
    One(usize),
    Each(&'g [u32]),
}

impl Groups<'_> {
    #[inline]
    fn of(self, place: usize) -> usize {
        match self {
            Groups::One(group) => group,
            Groups::Each(groups) => groups.get(place).map_or(usize::MAX, |group| *group as usize),
        }
    }
}

/// The type of what is computed of traits of numbers and times; nothing when that is not known before.
fn type_of(scalar: &Scalar, fields: &Fields) -> Option<ValueType> {
    use ValueType::{Date, Decimal, Float, Integer, Timestamp};
    let number = |found: ValueType| matches!(found, Integer | Decimal | Float).then_some(found);
    match scalar {
        Scalar::Constant(value) => value.as_ref().map(|value| value.value_type()),
        Scalar::Now | Scalar::Shift(..) | Scalar::Truncate(..) => Some(Timestamp),
        Scalar::Trait(trait_number) => {
            let found = fields.get(*trait_number)?.value_type?;
            matches!(found, Integer | Decimal | Float | Date | Timestamp).then_some(found)
        }
        Scalar::Arithmetic(operator, left, right) => {
            match (type_of(left, fields)?, type_of(right, fields)?) {
                (Date, Date) => Some(Integer),
                (left, right) => Some(result_type(*operator, number(left)?, number(right)?)),
            }
        }
        Scalar::Negate(inner) => number(type_of(inner, fields)?),
        Scalar::Coalesce(values, common) => {
            let known = values.iter().all(|value| type_of(value, fields).is_some());
            common.filter(|_| known)
        }
        Scalar::Part(Part::Epoch, _) => Some(Float),
        Scalar::Part(..) => Some(Integer),
        Scalar::AsDate(_) => Some(Date),
        _ => None,
    }
}

impl<'t> Gathered<'t> {
    /// What an aggregate gathers of so many groups; nothing when that has no quick form.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn new(of: &'t AggregateOf, state: &State, groups: usize) -> Result<Option<Gathered<'t>>> {
        let Some(value) = &of.value else {
            return Ok(Some(Gathered { source: Source::Rows, sums: Sums::Rows }));
        };
        if of.distinct {
            return Gathered::distinct(of, state, groups);
        }
        let (source, value_type) = match value {
            Scalar::Trait(number) => {
                let column = state.trait_index(*number)?;
                let Some(domain) = column.domain() else { return Ok(None) };
                let value_type = column.value_type();
                (Source::Numbers(column, domain), value_type)
            }
            computed => {
                let fields = state.catalog.traits();
                let found = type_of(computed, fields);
                // The keys of decimals are those of one number of digits, which is not known here.
                let extreme = matches!(of.aggregate, Aggregate::Min | Aggregate::Max);
                if found.is_none() || (extreme && found == Some(ValueType::Decimal)) {
                    return Ok(None);
                }
                let mut columns: Vec<(usize, Arc<ColumnIndex>)> = Vec::new();
                let (mut numbers, mut of_traits) = (Vec::new(), true);
                computed.visit(&mut |scalar| match scalar {
                    Scalar::Trait(number) => numbers.push(*number),
                    // Nobody answers subqueries here, wherever they stand.
                    Scalar::Subquery(_) => of_traits = false,
                    _ => {}
                });
                if !of_traits {
                    return Ok(None);
                }
                numbers.sort_unstable();
                numbers.dedup();
                for number in numbers {
                    columns.push((number, state.trait_index(number)?));
                }
                (Source::Computed(computed, columns), found)
            }
        };
        let number = value_type.is_some_and(ValueType::is_number);
        let sums = match of.aggregate {
            Aggregate::Count => Sums::Counts(vec![0; groups]),
            Aggregate::Sum | Aggregate::Average if value_type == Some(ValueType::Float) => {
                Sums::Floats(vec![(ManyFloats::default(), 0); groups])
            }
            Aggregate::Sum | Aggregate::Average if number => {
                Sums::Exact(vec![ExactSum::default(); groups])
            }
            Aggregate::Min => Sums::Extremes(vec![None; groups], Ordering::Less),
            Aggregate::Max => Sums::Extremes(vec![None; groups], Ordering::Greater),
            _ => return Ok(None),
        };
        Ok(Some(Gathered { source, sums }))
    }

    /// How many different values of a trait there are.
    fn distinct(of: &AggregateOf, state: &State, groups: usize) -> Result<Option<Gathered<'t>>> {
        let (Aggregate::Count, Some(Scalar::Trait(number))) = (of.aggregate, &of.value) else {
            return Ok(None);
        };
        let column = state.trait_index(*number)?;
        let texts = column.texts();
        let fits = |values: usize| values.saturating_add(1).saturating_mul(groups) <= DISTINCT_BITS;
        if column.value_type() == Some(ValueType::Set) || !fits(texts) {
            return Ok(None);
        }
        let Some(values) = column.labels().map(|labels| labels.len()) else { return Ok(None) };
        if !fits(values) {
            return Ok(None);
        }
        let sums = Sums::Distinct(vec![Vec::new(); groups], values);
        Ok(Some(Gathered { source: Source::Labels(column), sums }))
    }

    /// Whether it gathers the same as another.
    pub fn is_as(&self, other: &Gathered<'_>) -> bool {
        let same = match (&self.sums, &other.sums) {
            (Sums::Extremes(_, own), Sums::Extremes(_, theirs)) => own == theirs,
            (own, theirs) => std::mem::discriminant(own) == std::mem::discriminant(theirs),
        };
        same && match (&self.source, &other.source) {
            (Source::Rows, Source::Rows) => true,
            (Source::Numbers(own, _), Source::Numbers(theirs, _))
            | (Source::Labels(own), Source::Labels(theirs)) => Arc::ptr_eq(own, theirs),
            (Source::Computed(own, _), Source::Computed(theirs, _)) => own == theirs,
            _ => false,
        }
    }

    /// Whether it counts rows alone.
    pub fn is_of_rows(&self) -> bool {
        matches!(self.source, Source::Rows)
    }

    /// Adds rows of a chunk that are all of one group.
    pub fn whole(&mut self, chunk: u32, rows: &Bits, group: usize, asker: &Row<'_>) -> Option<()> {
        let Source::Numbers(column, domain) = &self.source else {
            return self.other(chunk, rows, Groups::One(group), asker);
        };
        if let (Sums::Exact(sums), Some(view)) = (&mut self.sums, column.only(chunk))
            && let Some(numbers) = view.numbers().filter(|numbers| numbers.width > 0)
        {
            let mut present = Bits::empty();
            view.present_rows(&mut present);
            present.and(rows);
            let (sum, count) = present.sum(numbers.bytes, numbers.width);
            let base = i128::from(numbers.base) * i128::from(count);
            let coefficient = i128::try_from(sum).ok()?.checked_add(base)?;
            let scale = view.common_scale().unwrap_or(0);
            sums.get_mut(group)?.add_many(Decimal { coefficient, scale }, u64::from(count));
            return Some(());
        }
        if let Some(direct) = column.direct(chunk)
            && let Some(added) = self.sums.whole_direct(&direct, rows, group)
        {
            return added;
        }
        self.sums.whole_found((column, *domain), chunk, rows, group)
    }

    /// Adds rows of a chunk, each of a group.
    pub fn each(&mut self, chunk: u32, rows: &Bits, groups: &[u32], asker: &Row<'_>) -> Option<()> {
        let Source::Numbers(column, domain) = &self.source else {
            return self.other(chunk, rows, Groups::Each(groups), asker);
        };
        if let Some(direct) = column.direct(chunk)
            && self.sums.each_direct(&direct, rows, groups).is_some()
        {
            return Some(());
        }
        let (column, domain) = (Arc::clone(column), *domain);
        let mut taken = Some(());
        let mut groups = groups.iter();
        rows.each(|row| {
            if let (Some(group), Some(())) = (groups.next(), taken) {
                taken = self.sums.take((&column, domain), chunk, row, *group as usize);
            }
        });
        taken
    }

    /// Adds what is no number of a trait.
    fn other(
        &mut self,
        chunk: u32,
        rows: &Bits,
        groups: Groups<'_>,
        asker: &Row<'_>,
    ) -> Option<()> {
        let (mut place, mut taken) = (0, Some(()));
        match &self.source {
            Source::Rows | Source::Numbers(..) => {}
            Source::Labels(column) => {
                let mut numbers = Vec::new();
                column.labels()?.of_rows(column, chunk, rows, &mut numbers)?;
                for (place, number) in numbers.into_iter().enumerate() {
                    self.sums.meet(groups.of(place), number)?;
                }
            }
            Source::Computed(scalar, columns) => {
                let columns: Vec<(usize, &ColumnIndex)> =
                    columns.iter().map(|(number, column)| (*number, column.as_ref())).collect();
                let vector = Vector { row: asker.of(asker.ordinal), columns: &columns, chunk };
                vector.each_value(scalar, rows, &mut |values, count| {
                    let group = |nth: usize| groups.of(place + nth);
                    let added = values
                        .in_place()
                        .and_then(|(floats, known)| self.sums.take_floats(floats, known, group));
                    if added.is_none() {
                        for nth in 0..count {
                            let cell = values.cell(nth);
                            if !cell.is_null() && taken.is_some() {
                                taken = self.sums.take_cell(group(nth), cell);
                            }
                        }
                    }
                    place += count;
                });
            }
        }
        taken
    }
}
