//! Conditions on events that are tested over values in the order of the index.

use super::super::ast::Comparison;
use super::super::resolved::{Condition, Rows};
use super::super::scan::{Test, Window, conjuncts, test_of};
use super::super::text::like;
use crate::base::bits::Bits;
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::column::Cell;
use crate::event::{Kind, Ordered, TableView, Values};
use crate::index::{Domain, KeyRange};
use crate::state::Events;
use std::sync::Arc;

/// So many stretches of numbers are looked for one by one; of more each number is looked up.
const STRETCHES: usize = 4;

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
    /// Numbers in a range; or, when it is turned, those that are not.
    Range(KeyRange, bool),
    /// Numbers that pass, from 0 on, and the stretches of those that do when these are few.
    Some(Vec<bool>, Option<Vec<(u64, u64)>>),
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
        let quick = self.quick.get(side).map(Vec::as_slice).unwrap_or_default();
        Passing(quick.iter().map(|quick| (quick.values.values(chunk), &quick.pass)).collect())
    }
}

impl Quick {
    fn new(values: Arc<Ordered>, test: &Test<'_>) -> Option<Quick> {
        let pass = match (values.kind(), test) {
            (Kind::Keys(domain, _), Test::Compare(_, comparison, value)) => {
                keys(*domain, *comparison, value)
            }
            (Kind::Codes(texts), test) => {
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
                Pass::some(texts.iter().map(|text| passes(text)).collect())
            }
            (Kind::Truths, Test::Compare(_, comparison, value)) => {
                let holds = |truth: bool| {
                    let order = Cell::Boolean(truth).compare(Cell::of(value));
                    order.is_some_and(|order| comparison.holds(order))
                };
                Pass::some(vec![holds(false), holds(true)])
            }
            _ => return None,
        };
        Some(Quick { values, pass })
    }
}

fn keys(domain: Domain, comparison: Comparison, value: &Value) -> Pass {
    match domain.comparing(Cell::of(value), |order| comparison.holds(order)) {
        Some((range, turned)) => Pass::Range(range, turned),
        None => Pass::Never,
    }
}

impl Pass {
    fn some(each: Vec<bool>) -> Pass {
        let mut stretches = Vec::new();
        let mut next = 0_u64;
        for alike in each.chunk_by(|one, other| one == other) {
            let first = next;
            next += alike.len() as u64;
            if alike.first() == Some(&true) {
                stretches.push((first, next - 1));
            }
        }
        let few = stretches.len() <= STRETCHES;
        Pass::Some(each, few.then_some(stretches))
    }

    #[inline]
    fn holds(&self, number: u64) -> bool {
        match self {
            Pass::Range(range, turned) => range.holds(number) != *turned,
            Pass::Some(each, _) => {
                usize::try_from(number).is_ok_and(|at| each.get(at) == Some(&true))
            }
            Pass::Never => false,
        }
    }

    /// Makes `out` the places from one on whose number passes.
    fn over(&self, values: &Values, places: (usize, usize), spare: &mut Bits, out: &mut Bits) {
        match self {
            Pass::Range(range, turned) => {
                values.between(places, (range.low, range.high), out);
                if *turned {
                    out.0.iter_mut().for_each(|word| *word = !*word);
                }
            }
            Pass::Some(_, Some(stretches)) => {
                out.clear();
                for (number, stretch) in stretches.iter().enumerate() {
                    if number == 0 {
                        values.between(places, *stretch, out);
                    } else {
                        values.between(places, *stretch, spare);
                        out.or(spare);
                    }
                }
            }
            Pass::Some(..) => values.passing(places, |number| self.holds(number), out),
            Pass::Never => out.clear(),
        }
        values.leave_known(places.0, out);
    }
}

/// Tests over the values of a chunk, each with the values, if there are any.
pub(super) struct Passing<'t>(Vec<(Option<&'t Values>, &'t Pass)>);

impl Passing<'_> {
    /// Whether the event at a place passes all of them.
    #[inline]
    pub(super) fn holds(&self, place: usize) -> bool {
        self.0.iter().all(|(values, pass)| {
            values.and_then(|values| values.get(place)).is_some_and(|number| pass.holds(number))
        })
    }

    /// Makes `out` the places of a stretch that pass all of them: from a first one on, which is a multiple of 64, to
    /// the one before the last, which is at most 65,536 behind it.
    pub(super) fn stretch(&self, places: (usize, usize), spare: &mut [Bits; 2], out: &mut Bits) {
        let [found, other] = spare;
        out.fill();
        for (values, pass) in &self.0 {
            match values {
                Some(values) => pass.over(values, places, other, found),
                None => found.clear(),
            }
            out.and(found);
        }
        if let Ok(rest) = u16::try_from(places.1 - places.0) {
            out.remove_range(rest, u16::MAX);
        }
    }
}
