//! One thread's evaluation of a program: a chunk at a time, or a profile at a time.

use super::super::aggregate::{Answers, Known};
use super::super::money::Fault;
use super::super::resolved::Condition;
use super::super::row::Row;
use super::events::EventTest;
use super::measured::Counters;
use super::vector::Vector;
use super::{Kind, Node};
use crate::base::bits::{Bits, Container, MappedBitmap};
use crate::base::clock::Stopwatch;
use crate::base::error::Error;
use crate::base::ids::Ordinal;
use crate::index::{Codes, ColumnIndex, Range};
use crate::state::{Live, Reader};
use std::cell::Cell as Flag;

/// What a thread evaluates with.
pub(in super::super) struct Machine<'a> {
    pub reader: &'a Reader<'a>,
    pub answers: &'a [Answers],
    /// The profiles that subqueries were answered for, in the portable form.
    pub listed: &'a [Vec<u8>],
    pub live: &'a Live,
    pub fault: &'a Flag<Option<Fault>>,
    /// Whether the numbers of the steps are wanted.
    pub explain: bool,
    /// What went wrong first.
    pub failed: Option<Error>,
    pub(super) counters: Counters,
    /// Sets of rows that are not in use.
    free: Vec<Box<Bits>>,
}

/// Some profiles of a chunk.
#[derive(Clone, Copy)]
pub(super) struct Asked<'b> {
    pub rows: &'b Bits,
    pub count: u32,
}

/// Whose value is asked for.
pub(super) const fn ordinal(chunk: u32, row: u16) -> u32 {
    chunk << 16 | row as u32
}

impl<'a> Machine<'a> {
    pub fn new(
        reader: &'a Reader<'a>,
        (answers, listed): (&'a [Answers], &'a [Vec<u8>]),
        live: &'a Live,
        fault: &'a Flag<Option<Fault>>,
        explain: bool,
    ) -> Machine<'a> {
        let (counters, free) = (Counters::default(), Vec::new());
        Machine { reader, answers, listed, live, fault, explain, failed: None, counters, free }
    }

    /// A set of rows to work with; what is in it is of no account.
    pub(super) fn take(&mut self) -> Box<Bits> {
        self.free.pop().unwrap_or_else(Bits::boxed)
    }

    pub(super) fn give(&mut self, rows: Box<Bits>) {
        self.free.push(rows);
    }

    /// A profile by itself.
    pub(super) fn row(&self, ordinal: u32) -> Row<'a> {
        let answers = Known { all: self.answers, here: &[], one: None };
        Row::new(self.reader, answers, Ordinal(ordinal), self.fault)
    }

    /// Makes `out` those of the profiles that are asked about of which a condition is `wanted`; gives their number.
    pub(super) fn select(
        &mut self,
        node: &Node<'a>,
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) -> u32 {
        if asked.count == 0 {
            out.clear();
            return 0;
        }
        let since = self.explain.then(Stopwatch::start);
        let found = match &node.kind {
            Kind::Constant(value) if *value == Some(wanted) => {
                out.copy_from(asked.rows);
                asked.count
            }
            Kind::Constant(_) => {
                out.clear();
                0
            }
            Kind::Not(inner) => self.select(inner, !wanted, chunk, asked, out),
            Kind::And(parts) if wanted => self.all(parts, wanted, chunk, asked, out),
            Kind::Or(parts) if !wanted => self.all(parts, wanted, chunk, asked, out),
            Kind::And(parts) | Kind::Or(parts) => self.any(parts, wanted, chunk, asked, out),
            leaf => {
                self.leaf(leaf, node, wanted, chunk, asked, out);
                out.count()
            }
        };
        if let Some(since) = since {
            let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            node.nanos.set(node.nanos.get().saturating_add(nanos));
            node.asked.set(node.asked.get() + u64::from(asked.count));
            let selected = if wanted { found } else { self.true_of(node, chunk, asked) };
            node.selected.set(node.selected.get() + u64::from(selected));
        }
        found
    }

    /// Of how many of the profiles that were asked about a condition is true, for the steps.
    fn true_of(&mut self, node: &Node<'a>, chunk: u32, asked: Asked<'_>) -> u32 {
        let mut rows = self.take();
        self.explain = false;
        let found = self.select(node, true, chunk, asked, &mut rows);
        self.explain = true;
        self.give(rows);
        found
    }

    /// The rows that all parts are `wanted` of. A part that a look at may fail is asked about every row that no part
    /// before it decides: what is unknown may not hide that there is no answer.
    fn all(
        &mut self,
        parts: &[Node<'a>],
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) -> u32 {
        let mut left = self.take();
        left.copy_from(asked.rows);
        let (mut count, mut open) = (asked.count, None::<Box<Bits>>);
        for (number, part) in parts.iter().enumerate() {
            let fails_later = parts.iter().skip(number + 1).any(Node::can_fail);
            if open.is_none() && !fails_later && !part.can_fail() {
                count = self.narrow(part, wanted, chunk, &mut left, count);
                if count == 0 {
                    break;
                }
                continue;
            }
            let before = open.take();
            let undecided = before.as_deref().unwrap_or(&left);
            if fails_later && (before.is_some() || !part.is_total()) {
                open = Some(self.undecided(part, wanted, chunk, undecided));
            }
            let rows = if part.can_fail() { undecided } else { &*left };
            let rows = Asked { rows, count: rows.count() };
            self.select(part, wanted, chunk, rows, out);
            out.and(&left);
            left.copy_from(out);
            count = left.count();
            if let Some(before) = before {
                self.give(before);
            }
            if count == 0 && open.as_ref().is_none_or(|open| open.is_empty()) {
                break;
            }
        }
        out.copy_from(&left);
        open.into_iter().chain([left]).for_each(|rows| self.give(rows));
        count
    }

    /// Leaves of rows those that a part is `wanted` of.
    fn narrow(
        &mut self,
        part: &Node<'a>,
        wanted: bool,
        chunk: u32,
        left: &mut Box<Bits>,
        count: u32,
    ) -> u32 {
        if let Kind::Codes(codes, _) = &part.kind
            && wanted
            && !self.explain
            && let Some(container) = codes.container(chunk)
        {
            match container {
                Some(container) => left.and_container(container),
                None => left.clear(),
            }
            return left.count();
        }
        let mut found = self.take();
        let hit = self.select(part, wanted, chunk, Asked { rows: left, count }, &mut found);
        std::mem::swap(left, &mut found);
        self.give(found);
        hit
    }

    /// The rows that a part is not the opposite of `wanted` of.
    fn undecided(&mut self, part: &Node<'a>, wanted: bool, chunk: u32, rows: &Bits) -> Box<Bits> {
        let (mut rest, mut decided) = (self.take(), self.take());
        let explain = std::mem::take(&mut self.explain);
        self.select(part, !wanted, chunk, Asked { rows, count: rows.count() }, &mut decided);
        self.explain = explain;
        rest.copy_from(rows);
        rest.and_not(&decided);
        self.give(decided);
        rest
    }

    fn any(
        &mut self,
        parts: &[Node<'a>],
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) -> u32 {
        let (mut left, mut found) = (self.take(), self.take());
        left.copy_from(asked.rows);
        let mut count = asked.count;
        let mut rows = self.take();
        found.clear();
        for part in parts {
            let hit = self.select(part, wanted, chunk, Asked { rows: &left, count }, &mut rows);
            if hit > 0 {
                found.or(&rows);
                left.and_not(&rows);
                count -= hit;
            }
            if count == 0 {
                break;
            }
        }
        out.copy_from(&found);
        [left, found, rows].into_iter().for_each(|rows| self.give(rows));
        asked.count - count
    }

    fn leaf(
        &mut self,
        leaf: &Kind<'a>,
        node: &Node<'a>,
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) {
        match leaf {
            Kind::Codes(codes, total) => {
                match codes.container(chunk) {
                    Some(None) => out.clear(),
                    Some(Some(container)) if wanted => {
                        out.copy_from(asked.rows);
                        return out.and_container(container);
                    }
                    _ => codes.select(chunk, out),
                }
                self.turn(wanted, *total, codes.column(), chunk, asked, out);
            }
            Kind::Ranges(ranges) => self.ranges(ranges, wanted, chunk, asked, out),
            Kind::Table(table) => {
                table.select(chunk, asked.rows, out);
                self.turn(wanted, false, table.column(), chunk, asked, out);
            }
            Kind::Null(column) => {
                column.present(chunk, out);
                if wanted {
                    turned(asked.rows, out);
                } else {
                    out.and(asked.rows);
                }
            }
            Kind::Listed(bytes, total) => of_list(bytes, *total, wanted, chunk, asked, out),
            Kind::Answered(number) => {
                let bytes = self.listed.get(*number).map(Vec::as_slice).unwrap_or_default();
                of_list(bytes, true, wanted, chunk, asked, out);
            }
            Kind::Turned(inner) => self.leaf(inner, node, !wanted, chunk, asked, out),
            Kind::Filled(inner, column, null) => {
                self.leaf(inner, node, wanted, chunk, asked, out);
                if *null == wanted {
                    let mut absent = self.take();
                    column.present(chunk, &mut absent);
                    turned(asked.rows, &mut absent);
                    out.or(&absent);
                    self.give(absent);
                }
            }
            Kind::Events(test) => test.select(self, wanted, chunk, asked, out),
            _ => self.by_row(node, wanted, chunk, asked, out),
        }
    }

    /// Of rows that a leaf is true of makes those of the profiles that were asked about that it is `wanted` of; what
    /// has no value is unknown, unless the leaf is true or false of everything.
    fn turn(
        &mut self,
        wanted: bool,
        total: bool,
        column: &ColumnIndex,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) {
        if wanted {
            return out.and(asked.rows);
        }
        turned(asked.rows, out);
        if !total {
            let mut present = self.take();
            column.present(chunk, &mut present);
            out.and(&present);
            self.give(present);
        }
    }

    fn by_row(
        &mut self,
        node: &Node<'a>,
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) {
        out.clear();
        let Kind::Row(tests, columns) = &node.kind else { return };
        let mut rest = self.take();
        rest.copy_from(asked.rows);
        let mut apart = Vec::new();
        for test in tests {
            test.take_apart(chunk, &mut rest, &mut apart);
        }
        let strict = node.condition.is_strict();
        let (mut here, mut some) = (Vec::with_capacity(tests.len()), Vec::new());
        for test in tests {
            let (answers, seen) = test.answers(self, chunk, &rest, &mut apart);
            here.push((test.number, answers));
            some.push((test, seen));
        }
        apart.sort_unstable();
        apart.dedup();
        apart.iter().for_each(|low| rest.remove(*low));
        for (test, seen) in some {
            if strict && !test.counts() {
                rest.and(&seen);
            }
            self.give(seen);
        }
        let known = Known { all: self.answers, here: &here, one: None };
        let row = Row { answers: known, ..self.row(0) };
        Vector { row, columns, chunk }.select(node.condition, wanted, &rest, out);
        self.give(rest);
        for (_, answers) in here {
            if let Answers::Measured(used) = answers {
                self.counters.give(used);
            }
        }
        for low in apart {
            if self.row_holds(tests, node.condition, ordinal(chunk, low)) == Some(wanted) {
                out.insert(low);
            }
        }
    }

    /// The truth of a condition for one profile, which asks subqueries for it alone.
    fn row_holds(
        &mut self,
        tests: &[EventTest<'a>],
        condition: &Condition,
        of: u32,
    ) -> Option<bool> {
        let here: Vec<(usize, Answers)> =
            tests.iter().map(|test| (test.number, test.answers_of(self, of))).collect();
        let known = Known { all: self.answers, here: &here, one: None };
        Row { answers: known, ..self.row(of) }.holds(condition)
    }

    /// The truth of a condition for one profile.
    pub(super) fn holds(&mut self, node: &Node<'a>, of: u32) -> Option<bool> {
        self.kind_holds(&node.kind, node, of)
    }

    fn kind_holds(&mut self, kind: &Kind<'a>, node: &Node<'a>, of: u32) -> Option<bool> {
        let (chunk, row) = (of >> 16, (of & 0xffff) as u16);
        match kind {
            Kind::Constant(value) => *value,
            Kind::Turned(inner) => self.kind_holds(inner, node, of).map(|value| !value),
            Kind::Filled(inner, _, null) => self.kind_holds(inner, node, of).or(Some(*null)),
            Kind::Answered(number) => {
                self.answers.get(*number).map(|answers| answers.exists(Ordinal(of)))
            }
            Kind::Not(inner) => self.holds(inner, of).map(|value| !value),
            Kind::And(parts) => self.decided(parts, false, of),
            Kind::Or(parts) => self.decided(parts, true, of),
            Kind::Codes(codes, total) => code_holds(codes, *total, chunk, row),
            Kind::Ranges(ranges) => {
                // Whether a row has a value does not depend on the range.
                ranges
                    .iter()
                    .map(|range| range.holds(chunk, row))
                    .reduce(|one, other| Some(one? || other?))?
            }
            Kind::Table(table) => table.holds(chunk, row),
            Kind::Null(column) => Some(column.find(chunk, row).is_none()),
            Kind::Listed(bytes, total) => {
                let found = listed(bytes, chunk).is_some_and(|container| container.contains(row));
                if found { Some(true) } else { total.then_some(false) }
            }
            Kind::Events(test) => test.holds(self, of),
            Kind::Row(tests, _) => self.row_holds(tests, node.condition, of),
        }
    }

    /// The rows of a chunk whose number is in one of some ranges of a column.
    fn ranges(
        &mut self,
        ranges: &[Range<'_>],
        wanted: bool,
        chunk: u32,
        asked: Asked<'_>,
        out: &mut Bits,
    ) {
        let Some((first, rest)) = ranges.split_first() else { return out.clear() };
        first.select(chunk, asked.rows, asked.count, out);
        let mut more = Bits::empty();
        for range in rest {
            range.select(chunk, asked.rows, asked.count, &mut more);
            out.or(&more);
        }
        self.turn(wanted, false, first.column(), chunk, asked, out);
    }

    /// AND and OR of one profile: a part that is `deciding` decides.
    fn decided(&mut self, parts: &[Node<'a>], deciding: bool, of: u32) -> Option<bool> {
        let mut unknown = false;
        for part in parts {
            match self.holds(part, of) {
                Some(value) if value == deciding => return Some(deciding),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(!deciding)
    }
}

/// Makes `out` the rows that were asked for and are not in it.
fn turned(asked: &Bits, out: &mut Bits) {
    let mut rest = asked.clone();
    rest.and_not(out);
    out.copy_from(&rest);
}

/// As a leaf, of profiles in the portable form; of the others it is false when it is total, or unknown.
fn of_list(bytes: &[u8], total: bool, wanted: bool, chunk: u32, asked: Asked<'_>, out: &mut Bits) {
    out.clear();
    let container = listed(bytes, chunk);
    if wanted {
        if let Some(container) = container {
            out.copy_from(asked.rows);
            out.and_container(container);
        }
    } else if total {
        out.copy_from(asked.rows);
        if let Some(container) = container {
            out.and_not_container(container);
        }
    }
}

fn listed(bytes: &[u8], chunk: u32) -> Option<Container<'_>> {
    MappedBitmap::open(bytes)?.find(u16::try_from(chunk).ok()?)
}

fn code_holds(codes: &Codes<'_>, total: bool, chunk: u32, row: u16) -> Option<bool> {
    match codes.holds(chunk, row) {
        None if total => Some(false),
        found => found,
    }
}
