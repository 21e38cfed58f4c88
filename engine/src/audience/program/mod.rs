//! A condition as a program over chunks of profiles.
//!
//! *What it is:* `Node`, a condition whose leaves are indexes, ranges, windows of events, or rows; `run`, which
//! evaluates it chunk by chunk, the whole tree for 65,536 profiles before the next, so that what is between stays in
//! the fastest cache. *Invariants:* logic has three values: a node is asked which of some profiles it is true of, or
//! which it is false of, and the rest are unknown; NOT turns the question, AND and OR ask their later parts only about
//! what the earlier ones leave. What has no quick form is asked row by row, so every condition has a program, and the
//! answer is exact. *Where to start reading:* `run`, then `Machine::select`.

mod answers;
mod by_value;
mod compile;
mod events;
mod expect;
mod machine;
mod measure;
mod measured;
mod run;
mod tests;
mod vector;

pub(super) use compile::{Compiled, Sources, compile, event_test};
pub(super) use events::{EventTest, Wanted};
pub(super) use expect::expected;
pub(super) use machine::Machine;
pub use measured::Measured;
pub(super) use run::{Chosen, known, known_members, set_of, share, share_among};
pub(super) use vector::Vector;

use super::resolved::Condition;
use crate::index::{Codes, ColumnIndex, Range, Table};
use std::cell::Cell;
use std::sync::Arc;

/// A condition, and what became of it.
pub(super) struct Node<'a> {
    pub kind: Kind<'a>,
    pub condition: &'a Condition,
    /// How many profiles it was asked about, and of how many it is true: when the steps are told.
    pub asked: Cell<u64>,
    pub selected: Cell<u64>,
    /// How long that took, in nanoseconds.
    pub nanos: Cell<u64>,
}

/// How a condition is evaluated.
pub(super) enum Kind<'a> {
    Constant(Option<bool>),
    Not(Box<Node<'a>>),
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    /// One of some texts; what has no value is unknown, but for sets.
    Codes(Codes<'a>, bool),
    /// In one of some ranges of one column.
    Ranges(Vec<Range<'a>>),
    /// By a table of its numbers.
    Table(Table<'a>),
    Null(&'a ColumnIndex),
    /// Profiles in the portable form; of the others it is false, or unknown.
    Listed(Arc<Vec<u8>>, bool),
    Events(Box<EventTest<'a>>),
    /// The profiles that a subquery was answered for, by its number.
    Answered(usize),
    /// True of what another is false of, and false of what it is true of.
    Turned(Box<Kind<'a>>),
    /// As another where there is a value in a column, and this where there is none.
    Filled(Box<Kind<'a>>, &'a ColumnIndex, bool),
    /// Row by row, with subqueries that are answered for the rows at hand, and columns of traits that are read
    /// together.
    Row(Vec<EventTest<'a>>, Vec<(usize, &'a ColumnIndex)>),
}

impl<'a> Node<'a> {
    /// About how many nanoseconds the evaluation of one chunk takes.
    pub fn weight(&self, chunks: u32) -> u64 {
        match &self.kind {
            Kind::Constant(_) | Kind::Listed(..) | Kind::Answered(_) => 100,
            Kind::Not(inner) => inner.weight(chunks),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().map(|p| p.weight(chunks)).sum(),
            Kind::Codes(codes, _) => codes.weight(),
            Kind::Null(_) | Kind::Turned(_) => 500,
            Kind::Filled(..) => 3500,
            Kind::Table(_) => 100_000,
            Kind::Ranges(ranges) => ranges.len() as u64 * 3000,
            Kind::Events(test) => test.weight() / u64::from(chunks.max(1)),
            Kind::Row(..) => 1_000_000,
        }
    }

    /// Whether a look at a row may fail, so that the question has no answer.
    pub fn can_fail(&self) -> bool {
        match &self.kind {
            Kind::Row(..) => true,
            Kind::Events(test) => test.can_fail(),
            Kind::Not(inner) => inner.can_fail(),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().any(Node::can_fail),
            _ => false,
        }
    }

    /// Whether it is true or false of every row, and never unknown.
    pub fn is_total(&self) -> bool {
        match &self.kind {
            Kind::Constant(value) => value.is_some(),
            Kind::Codes(_, total) | Kind::Listed(_, total) => *total,
            Kind::Null(_) | Kind::Answered(_) | Kind::Filled(..) => true,
            Kind::Events(test) => test.is_total(),
            Kind::Not(inner) => inner.is_total(),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().all(Node::is_total),
            Kind::Ranges(_) | Kind::Table(_) | Kind::Turned(_) | Kind::Row(..) => false,
        }
    }

    /// The tests of events in it.
    pub fn each_test<'n>(&'n self, see: &mut dyn FnMut(&'n EventTest<'a>)) {
        match &self.kind {
            Kind::Events(test) => see(test),
            Kind::Row(tests, _) => tests.iter().for_each(see),
            Kind::Not(inner) => inner.each_test(see),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| part.each_test(see)),
            _ => {}
        }
    }

    /// The nodes in the order of the plan, with their depths.
    pub fn each(&self, depth: usize, see: &mut dyn FnMut(&Node<'_>, usize)) {
        see(self, depth);
        match &self.kind {
            Kind::Not(inner) => inner.each(depth + 1, see),
            Kind::And(parts) | Kind::Or(parts) => {
                parts.iter().for_each(|part| part.each(depth + 1, see));
            }
            _ => {}
        }
    }
}
