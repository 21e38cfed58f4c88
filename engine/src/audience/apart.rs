//! Audiences beside others: how many profiles they share, and what sets one apart from everybody.

use super::evaluate::choose;
use super::program::Chosen;
use super::resolve::resolve;
use super::{Question, gives_a_table};
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::limits::LIFT_VALUES_MAX;
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::base::workers::Workers;
use crate::index::{ColumnIndex, Labels};
use crate::state::State;

/// A value of a trait that an audience has more often than everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Lift {
    /// The trait.
    pub field: String,
    /// The value.
    pub value: Value,
    /// How many profiles of the audience have it.
    pub count: u64,
    /// How many of all profiles have it.
    pub everybody: u64,
    /// How much greater its share is in the audience than among everybody.
    pub lift: f64,
    /// How many standard errors its share lies above that of the others (two-proportion z-test, pooled); infinite when
    /// the audience is everybody that has it and nobody else is left.
    pub z: f64,
}

/// What sets an audience apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lifts {
    /// How many profiles the audience has.
    pub count: u64,
    /// Of how many.
    pub everybody: u64,
    /// The values, the greatest lift first.
    pub values: Vec<Lift>,
    /// Traits that have too many values to be compared.
    pub passed_over: Vec<String>,
}

/// A share that lies less than this many standard errors above that of the others may be chance: one value in a
/// thousand does.
const CHANCE: f64 = 3.09;

/// The profiles of an audience, chunk by chunk.
fn chosen(
    (state, workers): (&State, &Workers),
    question: &Question,
    now: Timestamp,
) -> Result<Chosen> {
    let whole = resolve(question, state, now, false)?;
    if whole.resolved.table.is_some() {
        return Err(gives_a_table());
    }
    choose(&whole.resolved, state, workers, None)
}

/// How many profiles each audience shares with each other one, and with itself: a row for each.
///
/// # Errors
/// As `ask`, of the first audience that has one.
pub fn overlap(
    asking: (&State, &Workers),
    questions: &[impl AsRef<Question>],
    now: Timestamp,
) -> Result<Vec<Vec<u64>>> {
    let all = questions.iter().map(|question| chosen(asking, question.as_ref(), now));
    let all: Vec<Chosen> = all.collect::<Result<_>>()?;
    let mut rows = vec![vec![0; all.len()]; all.len()];
    for (row, one) in all.iter().enumerate() {
        for (column, other) in all.iter().enumerate().skip(row) {
            let both = if row == column { one.count() } else { shared(one, other) };
            for (row, column) in [(row, column), (column, row)] {
                if let Some(place) = rows.get_mut(row).and_then(|row| row.get_mut(column)) {
                    *place = both;
                }
            }
        }
    }
    Ok(rows)
}

/// How many profiles are in both.
fn shared(one: &Chosen, other: &Chosen) -> u64 {
    let mut others = other.chunks().peekable();
    let mut sum = 0;
    for (chunk, rows) in one.chunks() {
        while others.next_if(|(known, _)| *known < chunk).is_some() {}
        if let Some((_, known)) = others.next_if(|(known, _)| *known == chunk) {
            sum += u64::from(rows.and_count(known));
        }
    }
    sum
}

/// The values of traits that an audience has more often than everybody, the greatest lift first, at most so many.
///
/// # Errors
/// As `ask`.
pub fn lifts(
    asking: (&State, &Workers),
    question: &Question,
    limit: usize,
    now: Timestamp,
) -> Result<Lifts> {
    let state = asking.0;
    let chosen = chosen(asking, question, now)?;
    let live = state.alive();
    let mut found = Lifts { count: chosen.count(), everybody: live.count(), ..Lifts::default() };
    let mut everybody = Bits::empty();
    for (number, field) in state.catalog.traits().all().iter().enumerate() {
        let column = state.trait_index(number)?;
        let labels = if column.texts() > LIFT_VALUES_MAX { None } else { column.labels() };
        if column.texts().max(labels.map_or(0, Labels::len)) > LIFT_VALUES_MAX {
            found.passed_over.push(field.name.clone());
            continue;
        }
        let named = matches!(
            column.value_type(),
            Some(ValueType::Text | ValueType::Boolean | ValueType::Set)
        );
        let Some(labels) = labels.filter(|_| named) else { continue };
        let mut all = vec![0; labels.len()];
        for chunk in 0..live.chunks() {
            live.fill(chunk, &mut everybody);
            count(labels, &column, chunk, &everybody, &mut all);
        }
        let mut own = vec![0; labels.len()];
        for (chunk, rows) in chosen.chunks() {
            count(labels, &column, chunk, rows, &mut own);
        }
        let values = own.iter().zip(&all).enumerate();
        let lifted = values.filter_map(|(place, (count, all))| {
            let (lift, z) = lifted((*count, found.count), (*all, found.everybody))?;
            let value = labels.value(place)?.clone();
            let field = field.name.clone();
            Some(Lift { field, value, count: *count, everybody: *all, lift, z })
        });
        let lifted: Vec<Lift> = lifted.collect();
        found.values.extend(lifted);
    }
    found.values.sort_by(|a, b| b.lift.total_cmp(&a.lift).then(b.z.total_cmp(&a.z)));
    found.values.truncate(limit);
    Ok(found)
}

fn count(labels: &Labels, column: &ColumnIndex, chunk: u32, rows: &Bits, counts: &mut [u64]) {
    labels.each(column, chunk, rows, &mut |number| {
        if let Some(count) = counts.get_mut(number as usize) {
            *count += 1;
        }
    });
}

/// The lift of a value that so many of an audience have, and of everybody, and how sure it is; nothing when it may be
/// chance.
fn lifted((count, audience): (u64, u64), (all, everybody): (u64, u64)) -> Option<(f64, f64)> {
    let others = everybody.checked_sub(audience).filter(|_| audience > 0 && count > 0)?;
    let share = |of: u64, whole: u64| of as f64 / whole as f64;
    let lift = share(count, audience) / share(all, everybody);
    let (own, pooled) = (share(count, audience), share(all, everybody));
    let error = (pooled * (1.0 - pooled) * (1.0 / audience as f64 + 1.0 / others as f64)).sqrt();
    let z = (own - share(all - count, others)) / error;
    (others > 0 && lift > 1.0 && z >= CHANCE).then_some((lift, z))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_chance_is_not_told() {
        assert_eq!(lifted((0, 100), (50, 1000)), None);
        assert_eq!(lifted((6, 100), (50, 1000)), None);
        assert_eq!(lifted((100, 1000), (100, 1000)), None);
        // 30 of 100 against 20 of 900, pooled 5 %: (0.3 - 0.0222) / sqrt(0.05 * 0.95 * (1/100 + 1/900)).
        let (lift, z) = lifted((30, 100), (50, 1000)).unwrap();
        assert!((lift - 6.0).abs() < 1e-12 && (z - 12.091).abs() < 1e-3, "{lift} {z}");
    }
}
