//! Conditions on events that are tested over values in the order of the index.

use super::super::ast::Comparison;
use super::super::resolved::{Condition, Rows};
use super::super::scan::{Test, Window, conjuncts, test_of};
use super::super::text::like;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::column::Cell;
use crate::event::{Ordered, TableView};
use crate::index::{Domain, KeyRange};
use crate::state::Events;
use std::sync::Arc;

/// The condition of a subquery, taken apart.
pub(super) struct Tests<'a> {
    /// The first and the last instant that it lets pass.
    pub window: (Timestamp, Timestamp),
    /// For files and for parts in memory.
    quick: [Vec<Quick>; 2],
    /// What must be asked row by row.
    pub rest: Vec<&'a Condition>,
    /// Whether rows must be looked at: there is such a condition, or an entity that must stand beside an event.
    pub by_row: bool,
}

/// A test over the values of a property.
struct Quick {
    values: Arc<Ordered>,
    pass: Pass,
}

enum Pass {
    /// Keys in a range; or, when it is turned, those that are not.
    Keys(KeyRange, bool),
    /// Codes.
    Codes(Vec<bool>),
    /// False, true.
    Truths([bool; 2]),
    Never,
}

impl<'a> Tests<'a> {
    pub(super) fn new(rows: &'a Rows, table: &TableView, events: &Events) -> Tests<'a> {
        let mut parts = Vec::new();
        conjuncts(&rows.filter, &mut parts);
        let mut window = Window::default();
        let (mut base, mut over, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            if window.take(part, rows.slot) {
                continue;
            }
            let quick = test_of(part, rows.slot).and_then(|test| {
                let number = test.property();
                let files = Quick::new(events.base.property(table, number)?, &test)?;
                Some((files, Quick::new(events.over.property(table, number)?, &test)?))
            });
            match quick {
                Some((files, memory)) => {
                    base.push(files);
                    over.push(memory);
                }
                None => rest.push(part),
            }
        }
        let by_row = !rest.is_empty() || rows.joins.iter().any(|join| join.required);
        Tests { window: window.0, quick: [base, over], rest, by_row }
    }

    /// Whether every event of the window passes.
    pub(super) fn is_empty(&self) -> bool {
        self.quick.iter().all(Vec::is_empty) && !self.by_row
    }

    /// The tests over the values of a chunk.
    pub(super) fn over(&self, side: usize, chunk: u32) -> Passing<'_> {
        let chunk = chunk as usize;
        let quick = self.quick.get(side).map(Vec::as_slice).unwrap_or_default();
        Passing(quick.iter().map(|quick| quick.over(chunk)).collect())
    }
}

impl Quick {
    fn new(values: Arc<Ordered>, test: &Test<'_>) -> Option<Quick> {
        let pass = match (values.as_ref(), test) {
            (Ordered::Keys(domain, ..), Test::Compare(_, comparison, value)) => {
                keys(*domain, *comparison, value)
            }
            (Ordered::Codes(_, texts), test) => {
                let passes: Box<dyn Fn(&str) -> bool> = match test {
                    Test::Compare(_, comparison, Value::Text(value)) => Box::new(move |text| {
                        comparison.holds(text.as_bytes().cmp(value.as_bytes()))
                    }),
                    Test::Compare(..) => return None,
                    Test::OneOf(_, wanted) => Box::new(move |text| wanted.contains(&text)),
                    Test::Like(_, condition) => {
                        let Condition::Like { pattern, escape, any_case, .. } = condition else {
                            return None;
                        };
                        let pattern = pattern.text()?;
                        Box::new(move |text| like(text, pattern, *escape, *any_case))
                    }
                };
                Pass::Codes(texts.iter().map(|text| passes(text)).collect())
            }
            (Ordered::Truths(_), Test::Compare(_, comparison, value)) => {
                let holds = |truth: bool| {
                    let order = Cell::Boolean(truth).compare(Cell::of(value));
                    order.is_some_and(|order| comparison.holds(order))
                };
                Pass::Truths([holds(false), holds(true)])
            }
            _ => return None,
        };
        Some(Quick { values, pass })
    }

    fn over(&self, chunk: usize) -> Over<'_> {
        match (self.values.as_ref(), &self.pass) {
            (Ordered::Keys(_, chunks, _), Pass::Keys(range, turned)) => chunks
                .get(chunk)
                .map_or(Over::Never, |(keys, present)| Over::Keys(keys, present, *range, *turned)),
            (Ordered::Codes(chunks, _), Pass::Codes(pass)) => {
                chunks.get(chunk).map_or(Over::Never, |codes| Over::Codes(codes, pass))
            }
            (Ordered::Truths(chunks), Pass::Truths(pass)) => {
                chunks.get(chunk).map_or(Over::Never, |truths| Over::Truths(truths, *pass))
            }
            _ => Over::Never,
        }
    }
}

fn keys(domain: Domain, comparison: Comparison, value: &Value) -> Pass {
    match domain.comparing(Cell::of(value), |order| comparison.holds(order)) {
        Some((range, turned)) => Pass::Keys(range, turned),
        None => Pass::Never,
    }
}

/// Tests over the values of a chunk.
pub(super) struct Passing<'t>(Vec<Over<'t>>);

enum Over<'t> {
    Keys(&'t [u64], &'t [u64], KeyRange, bool),
    Codes(&'t [u32], &'t [bool]),
    Truths(&'t [u8], [bool; 2]),
    Never,
}

impl Passing<'_> {
    /// Whether the event at a place passes all of them.
    #[inline]
    pub(super) fn each(&self, place: usize) -> bool {
        self.0.iter().all(|test| match test {
            Over::Keys(keys, present, range, turned) => {
                let known = present.get(place / 64).is_some_and(|w| w >> (place % 64) & 1 == 1);
                known && keys.get(place).is_some_and(|key| range.holds(*key) != *turned)
            }
            Over::Codes(codes, pass) => {
                let code = codes.get(place).copied().unwrap_or(u32::MAX);
                pass.get(code as usize).copied().unwrap_or(false)
            }
            Over::Truths(truths, pass) => {
                let truth = truths.get(place).copied().unwrap_or(2);
                pass.get(usize::from(truth)).copied().unwrap_or(false)
            }
            Over::Never => false,
        })
    }
}
