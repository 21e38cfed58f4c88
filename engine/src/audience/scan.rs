//! Passes over the events of a type: which rows can be rows of a subquery, chunk by chunk.
//!
//! Conditions on one column and a constant narrow the rows of a chunk in a loop of their own, before anything else is
//! looked at; events stand in the order of time, so a window is found by bisection. What is left of the condition is
//! asked row by row.

use super::ast::Comparison;
use super::resolved::{Condition, EventColumn, Scalar};
use super::text::like;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::number::Decimal;
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::column::{CHUNK_BITS, Cell, ColumnView};
use crate::event::TablePart;
use crate::state::Reader;

/// A condition on one column of the events, in a form that is quick to ask.
pub(super) enum Test<'a> {
    /// The value compares so with a constant.
    Compare(usize, Comparison, &'a Value),
    /// The text is one of these.
    OneOf(usize, Vec<&'a str>),
    /// The text is like a pattern.
    Like(usize, &'a Condition),
}

impl Test<'_> {
    /// The property.
    pub(super) fn property(&self) -> usize {
        match self {
            Test::Compare(number, ..) | Test::OneOf(number, _) | Test::Like(number, _) => *number,
        }
    }
}

/// The first and the last instant that conditions let pass.
pub(super) struct Window(pub (Timestamp, Timestamp));

impl Default for Window {
    fn default() -> Window {
        Window((Timestamp(i64::MIN), Timestamp(i64::MAX)))
    }
}

/// A condition, taken apart.
pub(super) struct Scan<'a> {
    window: Window,
    tests: Vec<Test<'a>>,
    /// What must be asked row by row.
    pub rest: Vec<&'a Condition>,
}

/// The parts of a condition that must all hold.
pub(super) fn conjuncts<'a>(condition: &'a Condition, found: &mut Vec<&'a Condition>) {
    match condition {
        Condition::And(parts) => parts.iter().for_each(|part| conjuncts(part, found)),
        Condition::Constant(Some(true)) => {}
        part => found.push(part),
    }
}

impl Window {
    /// Whether a condition is one on the time of the event alone; the window is then narrowed.
    pub(super) fn take(&mut self, condition: &Condition, slot: usize) -> bool {
        let Condition::Compare(comparison, left, right) = condition else { return false };
        let is_time = |scalar: &Scalar| *scalar == Scalar::Event(slot, EventColumn::Time);
        let (comparison, other) = match (is_time(left), is_time(right)) {
            (true, false) => (*comparison, right),
            (false, true) => (comparison.turned(), left),
            _ => return false,
        };
        let Scalar::Constant(Some(Value::Timestamp(time))) = other else { return false };
        let (low, high) = &mut self.0;
        match comparison {
            Comparison::Greater => *low = (*low).max(Timestamp(time.0.saturating_add(1))),
            Comparison::GreaterOrEqual => *low = (*low).max(*time),
            Comparison::Less => *high = (*high).min(Timestamp(time.0.saturating_sub(1))),
            Comparison::LessOrEqual => *high = (*high).min(*time),
            Comparison::Equal => self.0 = ((*low).max(*time), (*high).min(*time)),
            Comparison::NotEqual => return false,
        }
        true
    }
}

impl<'a> Scan<'a> {
    /// Takes apart a condition on the events in a slot.
    pub(super) fn new(condition: &'a Condition, slot: usize) -> Scan<'a> {
        let mut parts = Vec::new();
        conjuncts(condition, &mut parts);
        let mut scan = Scan { window: Window::default(), tests: Vec::new(), rest: Vec::new() };
        for part in parts {
            if !scan.window.take(part, slot) {
                match test_of(part, slot) {
                    Some(test) => scan.tests.push(test),
                    None => scan.rest.push(part),
                }
            }
        }
        scan
    }

    /// The rows of a part within the window.
    pub(super) fn window_of(&self, part: &TablePart) -> std::ops::Range<u32> {
        let (first, last) = self.window.0;
        part.rows_between(first, last)
    }

    /// Leaves of some rows of one chunk those that pass the tests.
    pub(super) fn narrow(&self, part: &TablePart, rows: &mut Vec<u32>) {
        for test in &self.tests {
            match test {
                Test::Compare(number, comparison, value) => {
                    compare(part, *number, *comparison, value, rows);
                }
                Test::OneOf(number, texts) => {
                    by_code(part, *number, rows, &|text| texts.contains(&text));
                }
                Test::Like(number, condition) => {
                    let Condition::Like { pattern, escape, any_case, .. } = condition else {
                        continue;
                    };
                    let Some(pattern) = pattern.text() else { continue };
                    by_code(part, *number, rows, &|text| like(text, pattern, *escape, *any_case));
                }
            }
        }
    }
}

pub(super) fn test_of(condition: &Condition, slot: usize) -> Option<Test<'_>> {
    let property = |scalar: &Scalar| match scalar {
        Scalar::Event(at, EventColumn::Property(number)) if *at == slot => Some(*number),
        _ => None,
    };
    match condition {
        Condition::Compare(comparison, left, right) => match (property(left), property(right)) {
            (Some(number), None) => constant(right).map(|v| Test::Compare(number, *comparison, v)),
            (None, Some(number)) => {
                constant(left).map(|v| Test::Compare(number, comparison.turned(), v))
            }
            _ => None,
        },
        Condition::In(value, options) => {
            let texts: Option<Vec<&str>> = options.iter().map(Scalar::text).collect();
            Some(Test::OneOf(property(value)?, texts?))
        }
        Condition::Like { value, pattern, .. } => {
            pattern.text()?;
            Some(Test::Like(property(value)?, condition))
        }
        _ => None,
    }
}

/// A constant; NULL compares with nothing and is for the row.
fn constant(scalar: &Scalar) -> Option<&Value> {
    match scalar {
        Scalar::Constant(value) => value.as_ref(),
        _ => None,
    }
}

/// Leaves the rows whose text passes; each text of the dictionary is tested once.
fn by_code(part: &TablePart, number: usize, rows: &mut Vec<u32>, test: &dyn Fn(&str) -> bool) {
    let column = part.property(number).filter(|_| part.value_type(number) == Some(ValueType::Text));
    let Some(column) = column else { return rows.clear() };
    let passing = column.passing(test);
    let passes = |code: i64| {
        let code = usize::try_from(code).unwrap_or(usize::MAX);
        passing.get(code).is_some_and(|passes| *passes)
    };
    retain_integers(column, rows, passes);
}

/// Leaves of the rows of one chunk those that have an integer, code, day or instant that is kept.
fn retain_integers(column: &ColumnView, rows: &mut Vec<u32>, keep: impl Fn(i64) -> bool) {
    let Some(first) = rows.first().copied() else { return };
    let Some(tier) = column.tiers(first >> CHUNK_BITS).first() else { return rows.clear() };
    let view = &tier.view;
    rows.retain(|row| match view.slot(row & 0xffff) {
        Some(slot) => !view.is_null(slot) && keep(view.integer(slot)),
        None => false,
    });
}

/// Leaves the rows whose value compares so with a constant.
fn compare(
    part: &TablePart,
    number: usize,
    comparison: Comparison,
    value: &Value,
    rows: &mut Vec<u32>,
) {
    let Some(column) = part.property(number) else { return rows.clear() };
    let Some(first) = rows.first().copied() else { return };
    let stored = column.tiers(first >> CHUNK_BITS).first().and_then(|tier| tier.view.value_type());
    // The stored type is that in force, unless the field was widened since.
    let plain = stored == part.value_type(number);
    let same = |known: i64| retain_integers_by(column, comparison, known);
    let quick = match value {
        Value::Text(text) if plain && stored == Some(ValueType::Text) => {
            return by_code(part, number, rows, &|known| {
                comparison.holds(known.as_bytes().cmp(text.as_bytes()))
            });
        }
        Value::Integer(known) if plain && stored == Some(ValueType::Integer) => Some(same(*known)),
        Value::Date(known) if plain && stored == Some(ValueType::Date) => {
            Some(same(i64::from(known.0)))
        }
        Value::Timestamp(known) if plain && stored == Some(ValueType::Timestamp) => {
            Some(same(known.0))
        }
        Value::Decimal(_) | Value::Integer(_) if plain && stored == Some(ValueType::Decimal) => {
            digits_in(column, first, value).map(same)
        }
        _ => None,
    };
    match quick {
        Some(narrow) => narrow(rows),
        None => {
            let constant = Cell::of(value);
            rows.retain(|row| {
                column.cell(*row).compare(constant).is_some_and(|order| comparison.holds(order))
            });
        }
    }
}

/// The digits of a number in the scale that all decimals of a chunk have; nothing when it has none such, or needs more.
fn digits_in(column: &ColumnView, row: u32, value: &Value) -> Option<i64> {
    let scale = column.tiers(row >> CHUNK_BITS).first()?.view.common_scale()?;
    let known = match value {
        Value::Decimal(known) => known.normalized(),
        Value::Integer(known) => Decimal::from(*known),
        _ => return None,
    };
    let factor = 10_i128.checked_pow(u32::from(scale.checked_sub(known.scale)?))?;
    i64::try_from(known.coefficient.checked_mul(factor)?).ok()
}

fn retain_integers_by(
    column: &ColumnView,
    comparison: Comparison,
    known: i64,
) -> impl Fn(&mut Vec<u32>) + '_ {
    move |rows| match comparison {
        Comparison::Equal => retain_integers(column, rows, |value| value == known),
        Comparison::NotEqual => retain_integers(column, rows, |value| value != known),
        Comparison::Less => retain_integers(column, rows, |value| value < known),
        Comparison::LessOrEqual => retain_integers(column, rows, |value| value <= known),
        Comparison::Greater => retain_integers(column, rows, |value| value > known),
        Comparison::GreaterOrEqual => retain_integers(column, rows, |value| value >= known),
    }
}

/// The profiles of identifiers: all of them in a row when many are asked for.
pub(super) enum Owners<'a> {
    All(Vec<u32>),
    Each(&'a Reader<'a>),
}

impl<'a> Owners<'a> {
    /// For so many look-ups.
    pub(super) fn new(reader: &'a Reader<'a>, lookups: u64) -> Owners<'a> {
        if lookups < u64::from(reader.state.counts.nodes) {
            return Owners::Each(reader);
        }
        Owners::All(reader.nodes().labels(reader.state.counts.nodes))
    }

    #[inline]
    pub(super) fn of(&self, node: NodeId) -> Option<Ordinal> {
        match self {
            Owners::All(labels) => {
                labels.get(node.0 as usize).copied().filter(|l| *l != u32::MAX).map(Ordinal)
            }
            Owners::Each(reader) => reader.nodes().label(node),
        }
    }
}
