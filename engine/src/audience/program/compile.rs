//! A resolved condition becomes a program: each leaf that an index answers is found, the others are for rows.

use super::super::ast::Comparison;
use super::super::indexed::{Test, test_of};
use super::super::resolved::{
    AggregateOf, Column, Condition, EventQuery, Query, Resolved, Rows, Scalar,
};
use super::by_value::{Decided, Found, decide};
use super::events::{EventTest, Wanted};
use super::measure::{Measure, property_of};
use super::tests::Tests;
use super::{Kind, Node};
use crate::base::error::Result;
use crate::base::value::{Value, ValueType};
use crate::column::Cell;
use crate::index::{Codes, ColumnIndex, Range};
use crate::state::{Events, Reader};
use roaring::RoaringBitmap;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The indexes that a question needs.
pub(in super::super) struct Sources {
    columns: BTreeMap<usize, Arc<ColumnIndex>>,
    /// By event type.
    events: BTreeMap<usize, Arc<Option<Events>>>,
    /// What was decided value by value, by the address of the condition.
    decided: BTreeMap<usize, Decided>,
}

impl Sources {
    /// Finds the indexes of a question.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn of(resolved: &Resolved, reader: &Reader<'_>) -> Result<Sources> {
        let (columns, events, decided) = Default::default();
        let mut sources = Sources { columns, events, decided };
        sources.see(&resolved.condition, resolved, reader)?;
        Ok(sources)
    }

    /// The index of a trait.
    fn column(&mut self, number: usize, reader: &Reader<'_>) -> Result<Arc<ColumnIndex>> {
        Ok(match self.columns.entry(number) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(place) => Arc::clone(place.insert(reader.state.trait_index(number)?)),
        })
    }

    fn see(
        &mut self,
        condition: &Condition,
        resolved: &Resolved,
        reader: &Reader<'_>,
    ) -> Result<()> {
        match condition {
            Condition::Not(inner) => return self.see(inner, resolved, reader),
            Condition::And(parts) | Condition::Or(parts) => {
                return parts.iter().try_for_each(|part| self.see(part, resolved, reader));
            }
            _ => {}
        }
        let test = test_of(condition, reader);
        let quick = !matches!(test, None | Some((_, Test::Like(_))));
        let mut by_row = test.is_none();
        if let Some(number) = test.map(|(number, _)| number).or_else(|| condition.single_trait()) {
            let column = self.column(number, reader)?;
            if !quick && let Some(found) = decide(condition, number, &column, reader) {
                self.decided.insert(address(condition), found);
                by_row = false;
            }
        }
        if by_row && let Condition::Compare(..) = condition {
            for number in condition.numbers(reader.state.catalog.traits()) {
                self.column(number, reader)?;
            }
        }
        let mut queries: Vec<usize> =
            event_leaf(condition).map(|(number, _)| number).into_iter().collect();
        condition.visit(&mut |scalar| {
            if let Scalar::Subquery(number) = scalar {
                queries.push(*number);
            }
        });
        for number in queries {
            if let Some(Query::Events(query)) = resolved.queries.get(number)
                && !self.events.contains_key(&query.rows.event)
            {
                let number = query.rows.event;
                self.events.insert(number, reader.state.event_index(number, reader)?);
            }
        }
        Ok(())
    }
}

/// Tells conditions apart, which stay where they are while a question is answered.
fn address(condition: &Condition) -> usize {
    std::ptr::from_ref(condition).addr()
}

/// The subquery of a leaf that asks nothing else, and how its answer is compared with a constant.
fn event_leaf(leaf: &Condition) -> Option<(usize, Option<(Comparison, &Value)>)> {
    match leaf {
        Condition::Exists(number) => Some((*number, None)),
        Condition::Compare(comparison, left, right) => match (left, right) {
            (Scalar::Subquery(number), Scalar::Constant(Some(value))) => {
                Some((*number, Some((*comparison, value))))
            }
            (Scalar::Constant(Some(value)), Scalar::Subquery(number)) => {
                Some((*number, Some((comparison.turned(), value))))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What compiling found.
pub(in super::super) struct Compiled<'a> {
    pub root: Node<'a>,
    /// The subqueries whose answers for all profiles rows, or tables, ask for.
    pub needed: BTreeSet<usize>,
}

struct Compiler<'a> {
    resolved: &'a Resolved,
    reader: &'a Reader<'a>,
    sources: &'a Sources,
    needed: BTreeSet<usize>,
}

/// Makes a program of a condition.
pub(in super::super) fn compile<'a>(
    resolved: &'a Resolved,
    reader: &'a Reader<'a>,
    sources: &'a Sources,
) -> Compiled<'a> {
    let mut compiler = Compiler { resolved, reader, sources, needed: BTreeSet::new() };
    let root = compiler.node(&resolved.condition);
    let mut needed = compiler.needed;
    let mut see = |scalar: &Scalar| {
        if let Scalar::Subquery(number) = scalar {
            needed.insert(*number);
        }
    };
    if let Some(table) = &resolved.table {
        table.groups.iter().flatten().for_each(|group| group.visit(&mut see));
        for column in &table.columns {
            match column {
                Column::Value(scalar) => scalar.visit(&mut see),
                Column::Aggregate(of) => of.value.iter().for_each(|value| value.visit(&mut see)),
                Column::ProfileId | Column::Group(_) => {}
            }
        }
    }
    Compiled { root, needed }
}

impl<'a> Compiler<'a> {
    fn node(&mut self, condition: &'a Condition) -> Node<'a> {
        let kind = match condition {
            Condition::Constant(value) => Kind::Constant(*value),
            Condition::Not(inner) => Kind::Not(Box::new(self.node(inner))),
            Condition::And(parts) => Kind::And(narrowed(self.parts(parts))),
            Condition::Or(parts) => Kind::Or(self.parts(parts)),
            leaf => self.leaf(leaf).unwrap_or_else(|| match leaf {
                Condition::Exists(number) => {
                    self.needed.insert(*number);
                    Kind::Answered(*number)
                }
                _ => Kind::Row(self.asked(leaf), self.read_together(leaf)),
            }),
        };
        Node { kind, condition, asked: 0.into(), selected: 0.into(), nanos: 0.into() }
    }

    /// The parts of AND or OR, the cheap ones first; of those that indexes answer, the ones that select few; otherwise
    /// in the order of the text.
    fn parts(&mut self, parts: &'a [Condition]) -> Vec<Node<'a>> {
        let mut nodes: Vec<Node<'a>> = parts.iter().map(|part| self.node(part)).collect();
        nodes.sort_by_cached_key(cost);
        nodes
    }

    /// The subqueries that a row asks, each answered for the rows at hand where it can be; takes note of the others.
    fn asked(&mut self, leaf: &'a Condition) -> Vec<EventTest<'a>> {
        let mut numbers = BTreeSet::new();
        leaf.visit(&mut |scalar| {
            if let Scalar::Subquery(number) = scalar {
                numbers.insert(*number);
            }
        });
        let mut tests = Vec::new();
        for number in numbers {
            let test = match self.resolved.queries.get(number) {
                Some(Query::Events(query)) => self.events(number, query, Wanted::Value),
                _ => None,
            };
            match test {
                Some(test) => tests.push(test),
                None => {
                    self.needed.insert(number);
                }
            }
        }
        tests
    }

    /// The columns of numbers and times that a comparison reads.
    fn read_together(&self, leaf: &'a Condition) -> Vec<(usize, &'a ColumnIndex)> {
        let mut columns: Vec<(usize, &'a ColumnIndex)> = Vec::new();
        leaf.visit(&mut |scalar| {
            if let Scalar::Trait(number) = scalar
                && let Some(column) = self.sources.columns.get(number)
                && !columns.iter().any(|(known, _)| known == number)
            {
                columns.push((*number, column));
            }
        });
        columns
    }

    fn leaf(&self, leaf: &'a Condition) -> Option<Kind<'a>> {
        if let Condition::HasIdentifier(namespace) = leaf {
            let known = self.reader.state.memo.known(format!("has {namespace}"), || {
                let found = portable(&self.reader.nodes().with_namespace(namespace));
                self.reader.check().map(|()| found)
            });
            return known.ok().map(|bytes| Kind::Listed(bytes, true));
        }
        if let Condition::ProfileIn { ids, or_null } = leaf {
            let found = ids.iter().filter_map(|id| self.reader.resolve(*id));
            let bytes = portable(&found.map(|ordinal| ordinal.0).collect());
            return Some(Kind::Listed(Arc::new(bytes), !or_null));
        }
        if let Condition::Exists(number) = leaf
            && let Some(Query::Segment(name)) = self.resolved.queries.get(*number)
        {
            let known = self.reader.state.memo.known(format!("segment {name}"), || {
                let known = self.reader.state.memberships.get(name);
                let members = known.map(|segment| segment.members.to_set());
                Ok(portable(&members.unwrap_or_default()))
            });
            return known.ok().map(|bytes| Kind::Listed(bytes, true));
        }
        if let Some((number, compared)) = event_leaf(leaf) {
            let Some(Query::Events(query)) = self.resolved.queries.get(number) else { return None };
            let wanted = match (compared, &query.aggregate) {
                (None, None) => Wanted::Exists,
                (Some((comparison, constant)), Some(_)) => Wanted::Compare(comparison, constant),
                _ => return None,
            };
            let test = self.events(number, query, wanted);
            return test.map(|test| Kind::Events(Box::new(test)));
        }
        if let Some(decided) = self.sources.decided.get(&address(leaf)) {
            let column = self.sources.columns.get(&decided.number())?.as_ref();
            let kind = match decided.found(column)? {
                Found::Codes(codes) => Kind::Codes(codes, false),
                Found::Ranges(ranges) => Kind::Ranges(ranges),
                Found::Table(table) => Kind::Table(table),
            };
            return Some(match decided.of_null() {
                None => kind,
                Some(null) => Kind::Filled(Box::new(kind), column, null),
            });
        }
        let (number, test) = test_of(leaf, self.reader)?;
        let column = self.sources.columns.get(&number)?.as_ref();
        let set = column.value_type() == Some(ValueType::Set);
        match test {
            Test::Null => Some(Kind::Null(column)),
            Test::Value(comparison, value) => {
                compared(column, comparison, value).map(|range| Kind::Ranges(vec![range]))
            }
            Test::Values(values) => {
                let equal = |value| compared(column, Comparison::Equal, value);
                values.into_iter().map(equal).collect::<Option<_>>().map(Kind::Ranges)
            }
            Test::Not(text) => {
                let equal = Test::OneOf(vec![text]);
                let codes = Codes::new(column, &|texts| equal.codes(texts))?;
                Some(Kind::Turned(Box::new(Kind::Codes(codes, false))))
            }
            test => Codes::new(column, &|texts| test.codes(texts)).map(|c| Kind::Codes(c, set)),
        }
    }

    fn events(
        &self,
        number: usize,
        query: &'a EventQuery,
        wanted: Wanted<'a>,
    ) -> Option<EventTest<'a>> {
        let events = self.sources.events.get(&query.rows.event)?.as_ref().as_ref()?;
        let parts = (query.aggregate.as_ref(), query.text.as_str());
        event_test(self.reader, number, (&query.rows, parts.0, parts.1), events, wanted)
    }
}

/// A test of events of a type whose index is given.
pub(in super::super) fn event_test<'a>(
    reader: &'a Reader<'a>,
    number: usize,
    (rows, aggregate, text): (&'a Rows, Option<&'a AggregateOf>, &'a str),
    events: &'a Events,
    wanted: Wanted<'a>,
) -> Option<EventTest<'a>> {
    let table = reader.events(rows.event)?;
    let tests = Tests::new(rows, table, events);
    let value = aggregate.and_then(|aggregate| aggregate.value.as_ref());
    let values = value.and_then(|value| property_of(value, rows.slot)).and_then(|property| {
        let base = events.base.property(table, property)?;
        Some([base, events.over.property(table, property)?])
    });
    let (looked, found) = Default::default();
    let (measure, range) = (None, None);
    let mut test = EventTest {
        number,
        text,
        rows,
        aggregate,
        table,
        events,
        tests,
        wanted,
        measure,
        range,
        values,
        looked,
        found,
    };
    test.measure = Measure::of(&test);
    if let (Wanted::Compare(comparison, constant), Some(measure)) = (wanted, &test.measure) {
        let holds = |order| comparison.holds(order);
        test.range = measure.domain().comparing(Cell::of(constant), holds);
    }
    Some(test)
}

/// The rows of a column whose values compare with a constant so.
fn compared<'a>(
    column: &'a ColumnIndex,
    comparison: Comparison,
    value: &Value,
) -> Option<Range<'a>> {
    let holds = |order| comparison.holds(order);
    let (range, turned) = column.domain()?.comparing(Cell::of(value), holds)?;
    Range::new(column, range, turned)
}

/// Makes one range of several of the same trait that must all hold. What is narrowed away holds where the other does:
/// it stays as a constant, so that the steps tell of it.
fn narrowed(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    for at in 1..nodes.len() {
        let (before, rest) = nodes.split_at_mut(at);
        let Some(Node { kind, .. }) = rest.first_mut() else { continue };
        let Kind::Ranges(ranges) = kind else { continue };
        let [range] = ranges.as_slice() else { continue };
        let narrow = |node: &mut Node<'_>| match &mut node.kind {
            Kind::Ranges(others) => match others.as_mut_slice() {
                [other] => other.narrow(range),
                _ => false,
            },
            _ => false,
        };
        if before.iter_mut().any(narrow) {
            *kind = Kind::Constant(Some(true));
        }
    }
    nodes
}

/// Profiles in the portable form.
fn portable(profiles: &RoaringBitmap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(profiles.serialized_size());
    // A vector takes all that is written to it.
    let _ = profiles.serialize_into(&mut bytes);
    bytes
}

/// What decides the order of parts: a class, and how many profiles are selected at most.
fn cost(node: &Node<'_>) -> (u32, u64) {
    match &node.kind {
        Kind::Constant(_) | Kind::Listed(..) | Kind::Answered(_) => (0, 0),
        Kind::Turned(_) | Kind::Filled(..) => (2, 0),
        Kind::Codes(codes, _) => (1, codes.at_most()),
        Kind::Null(_) => (2, 0),
        Kind::Ranges(ranges) => (3, ranges.len() as u64),
        Kind::Table(_) => (4, 0),
        Kind::Events(test) => (4, test.weight().saturating_mul(test.dearness())),
        Kind::Not(inner) => cost(inner),
        Kind::And(parts) | Kind::Or(parts) => {
            let most = parts.iter().map(cost).max().unwrap_or_default();
            (most.0, most.1.saturating_add(parts.len() as u64))
        }
        Kind::Row(tests, _) => (5 + row_cost(node.condition), tests.len() as u64),
    }
}

/// What a look at one row costs, about.
fn row_cost(condition: &Condition) -> u32 {
    match condition {
        Condition::Like { .. } | Condition::AnyOf(..) => 2,
        Condition::In(_, options) => u32::try_from(options.len() / 8).unwrap_or(u32::MAX / 2),
        _ => 0,
    }
}
