//! One profile: whether a prepared audience holds for it, from its own rows.
//!
//! *What it is:* `Person`, what was read of a profile, shared by all questions about it; `One`, one question about it,
//! whose subqueries are answered when something asks for them. *Invariants:* the answer is that of an evaluation over
//! all profiles; where that would have none, because a number or a time overflows, there is an error. *Where to start
//! reading:* `One::holds`.

use super::aggregate::{Answers, Gather, Known};
use super::consent::allows;
use super::funnel::goes_through;
use super::money::Fault;
use super::prepared::Prepared;
use super::resolved::{
    AggregateOf, Column, Condition, EventQuery, FunnelQuery, Query, Resolved, Rows, Scalar,
};
use super::row::{Row, bind};
use crate::base::codec::Digest128;
use crate::base::error::{Error, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::value::Value;
use crate::event::TablePart;
use crate::identity::PublicId;
use crate::state::Reader;
use roaring::RoaringBitmap;
use std::cell::{Cell as Flag, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Rows of a table: the place of the part among its parts, the row, and its number among the rows of all parts.
type Places = Rc<[(usize, u32, u64)]>;

/// Takes a row of a subquery: with its part, its place in that, and its number among all rows. Says whether to go on.
type SeeRow<'s> = dyn FnMut(&Row<'_>, (&TablePart, u32, u64)) -> Result<bool> + 's;

/// What was read of one profile.
pub struct Person<'a> {
    reader: &'a Reader<'a>,
    ordinal: Ordinal,
    members: OnceCell<Vec<NodeId>>,
    events: RefCell<HashMap<usize, Places>>,
    /// Answers of subqueries that several audiences share, by the digest of what they ask.
    answers: Option<RefCell<HashMap<Digest128, Rc<Answers>>>>,
}

impl<'a> Person<'a> {
    /// Begins to read of a profile.
    pub fn new(reader: &'a Reader<'a>, ordinal: Ordinal) -> Person<'a> {
        let (members, events) = (OnceCell::new(), RefCell::default());
        Person { reader, ordinal, members, events, answers: None }
    }

    /// Begins to read of a profile that many audiences are asked of.
    pub fn of_many(reader: &'a Reader<'a>, ordinal: Ordinal) -> Person<'a> {
        Person { answers: Some(RefCell::default()), ..Person::new(reader, ordinal) }
    }

    fn members(&self) -> &[NodeId] {
        self.members.get_or_init(|| self.reader.nodes_of(self.ordinal))
    }

    /// When it had events of a type.
    pub(super) fn times(&self, event: usize) -> Vec<crate::base::time::Timestamp> {
        let parts = self.reader.events(event).map(|table| table.parts()).unwrap_or_default();
        let time = |(place, row, _): &(usize, u32, u64)| Some(parts.get(*place)?.time(*row));
        self.events(event).iter().filter_map(time).collect()
    }

    /// Its events of a type.
    fn events(&self, event: usize) -> Places {
        if let Some(known) = self.events.borrow().get(&event) {
            return Rc::clone(known);
        }
        let mut found = Vec::new();
        let mut first = 0;
        let table = self.reader.events(event);
        let stored = self.reader.state.stored_events(event, self.members());
        for number in stored.iter().flatten() {
            let Some((table, (place, row))) =
                table.and_then(|table| Some((table, table.place_of(u64::from(*number))?)))
            else {
                continue;
            };
            // What the files say of profiles may be of others now.
            let node = table.parts().get(place).map(|part| part.node(row));
            if node.is_some_and(|node| self.members().contains(&node)) {
                found.push((place, row, u64::from(*number)));
            }
        }
        let parts = table.map(|table| table.parts()).unwrap_or_default();
        for (place, part) in parts.iter().enumerate() {
            if stored.is_some() && part.is_file() {
                first += u64::from(part.len());
                continue;
            }
            for node in self.members() {
                let rows = part.rows_of(*node).into_iter();
                found.extend(rows.map(|row| (place, row, first + u64::from(row))));
            }
            first += u64::from(part.len());
        }
        let found: Places = found.into();
        self.events.borrow_mut().insert(event, Rc::clone(&found));
        found
    }
}

/// The value that a question such as `VALUE IS NULL` asks of; nothing where it has no answer.
pub fn value_asked(prepared: &Prepared, person: &Person<'_>) -> Option<Value> {
    let Condition::IsNull(scalar) = &prepared.resolved().condition else { return None };
    One::new(person, prepared.resolved()).value(scalar).ok().flatten()
}

/// One question about one profile.
pub struct One<'a> {
    person: &'a Person<'a>,
    resolved: &'a Resolved,
    /// The digest of what each subquery asks that can be shared; none are when there is none.
    shared: &'a [Option<Digest128>],
    answers: Vec<OnceCell<Rc<Answers>>>,
    fault: Flag<Option<Fault>>,
    failed: RefCell<Option<Error>>,
}

impl<'a> One<'a> {
    pub fn new(person: &'a Person<'a>, resolved: &'a Resolved) -> One<'a> {
        One::sharing(person, resolved, &[])
    }

    /// One of many questions about a profile: subqueries of equal digests are answered once.
    pub fn sharing(
        person: &'a Person<'a>,
        resolved: &'a Resolved,
        shared: &'a [Option<Digest128>],
    ) -> One<'a> {
        let answers = resolved.queries.iter().map(|_| OnceCell::new()).collect();
        let (fault, failed) = (Flag::new(None), RefCell::default());
        One { person, resolved, shared, answers, fault, failed }
    }

    /// Whether the condition is true of the profile.
    ///
    /// # Errors
    /// `Invalid` when a number or a time overflows; `Limit`.
    pub fn holds(&self) -> Result<bool> {
        let found = self.row(Some(self)).holds(&self.resolved.condition);
        self.checked().map(|()| found == Some(true))
    }

    /// The value of something that was asked of the profile.
    ///
    /// # Errors
    /// As `holds`.
    pub fn value(&self, scalar: &Scalar) -> Result<Option<Value>> {
        let found = self.row(Some(self)).value(scalar).to_value();
        self.checked().map(|()| found)
    }

    /// The columns of the profile, whose public id is given, in the table that was asked for.
    ///
    /// # Errors
    /// As `holds`.
    pub fn columns(&self, id: PublicId) -> Result<Vec<Option<Value>>> {
        let columns = self.resolved.table.iter().flat_map(|table| &table.columns);
        let of = |column: &Column| match column {
            Column::ProfileId => Ok(Some(Value::Text(id.to_string()))),
            Column::Value(scalar) => self.value(scalar),
            Column::Group(_) | Column::Aggregate(_) => Ok(None),
        };
        columns.map(of).collect()
    }

    /// Whether a part of the condition is true; nothing for unknown.
    ///
    /// # Errors
    /// As `holds`.
    pub fn truth(&self, condition: &Condition) -> Result<Option<bool>> {
        let found = self.row(Some(self)).holds(condition);
        self.checked().map(|()| found)
    }

    fn checked(&self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)?;
        self.fault.take().map_or(Ok(()), |reason| Err(Error::invalid(reason)))
    }

    fn row<'b>(&'b self, one: Option<&'b One<'b>>) -> Row<'b> {
        let answers = Known { all: &[], here: &[], one };
        Row::new(self.person.reader, answers, self.person.ordinal, &self.fault)
    }

    /// The answer of a subquery.
    pub(super) fn answer(&self, number: usize) -> Option<&Answers> {
        let (slot, query) = self.answers.get(number).zip(self.resolved.queries.get(number))?;
        let asked = self.shared.get(number).copied().flatten();
        let shared = self.person.answers.as_ref().zip(asked);
        Some(slot.get_or_init(|| {
            if let Some((answers, asked)) = shared
                && let Some(known) = answers.borrow().get(&asked)
            {
                return Rc::clone(known);
            }
            let found = match query {
                Query::Events(query) => self.of_events(query),
                Query::Funnel(query) => self.of_funnel(query).map(|through| self.exists(through)),
                Query::Consents(query) => {
                    let (reader, members) = (self.person.reader, self.person.members());
                    Ok(self.exists(allows(reader, members, query)))
                }
                Query::Segment(name) => {
                    let known = self.person.reader.state.memberships.get(name);
                    let member = known.is_some_and(|of| of.members.holds(self.person.ordinal));
                    Ok(self.exists(member))
                }
            };
            let sound = found.is_ok() && self.fault.get().is_none();
            let found = Rc::new(found.unwrap_or_else(|error| {
                self.failed.borrow_mut().get_or_insert(error);
                Answers::Exists(RoaringBitmap::new())
            }));
            if let Some((answers, asked)) = shared.filter(|_| sound) {
                answers.borrow_mut().insert(asked, Rc::clone(&found));
            }
            found
        }))
    }

    fn exists(&self, is: bool) -> Answers {
        let mut set = RoaringBitmap::new();
        if is {
            set.insert(self.person.ordinal.0);
        }
        Answers::Exists(set)
    }

    /// Shows the events of the profile that are rows; stops when there was enough.
    pub(super) fn each_row(&self, rows: &Rows, see: &mut SeeRow<'_>) -> Result<()> {
        let Some(table) = self.person.reader.events(rows.event) else { return Ok(()) };
        let mut bound = Vec::new();
        for (place, row, number) in self.person.events(rows.event).iter() {
            let Some(part) = table.parts().get(*place) else { continue };
            let alone = self.row(None);
            bound.clear();
            if !bind(&alone, rows, (part, *row), &mut bound) {
                continue;
            }
            let whole = Row { bound: &bound, ..alone };
            if whole.holds(&rows.filter) == Some(true) && !see(&whole, (part, *row, *number))? {
                break;
            }
        }
        Ok(())
    }

    fn of_events(&self, query: &EventQuery) -> Result<Answers> {
        let Some(aggregate) = &query.aggregate else {
            let mut found = false;
            self.each_row(&query.rows, &mut |_, _| {
                found = true;
                Ok(false)
            })?;
            return Ok(self.exists(found));
        };
        let answers = match aggregate.edge() {
            Some((value, last)) => Answers::Values(vec![self.edge(&query.rows, value, last)?]),
            None => self.gathered(&query.rows, aggregate)?,
        };
        let (first, counts) = (self.person.ordinal.0, aggregate.counts());
        Ok(Answers::Some { first, places: vec![1], answers: Box::new(answers), counts })
    }

    fn gathered(&self, rows: &Rows, aggregate: &AggregateOf) -> Result<Answers> {
        let mut gather = Gather::new(Some(aggregate), 1);
        self.each_row(rows, &mut |row, _| {
            gather.take(Ordinal(0), aggregate.value.as_ref().map(|value| row.value(value)))?;
            Ok(true)
        })?;
        gather.finish(1)
    }

    /// The value of the first or last row, by time and message id; rows of one record share all but their place.
    fn edge(&self, rows: &Rows, value: &Scalar, last: bool) -> Result<Option<Value>> {
        let mut chosen = None;
        let mut found = None;
        self.each_row(rows, &mut |row, (part, at, number)| {
            let key = (part.time(at), part.message_id(at).into_owned(), part.position(at), number);
            if chosen.as_ref().is_none_or(|known| (key > *known) == last) {
                found = row.value(value).to_value();
                chosen = Some(key);
            }
            Ok(true)
        })?;
        Ok(found)
    }

    fn of_funnel(&self, query: &FunnelQuery) -> Result<bool> {
        let mut steps = Vec::with_capacity(query.steps.len());
        for step in &query.steps {
            let mut events = Vec::new();
            self.each_row(&step.rows, &mut |_, (part, row, number)| {
                events.push((part.time(row), number));
                Ok(true)
            })?;
            if events.is_empty() {
                return Ok(false);
            }
            steps.push(events);
        }
        goes_through(self.person.reader, query, self.person.ordinal, &steps, &self.fault)
    }
}

/// Whether an event could be a row for its profile.
pub fn passes<'a>(person: &'a Person<'a>, rows: &'a Rows, event: (&'a TablePart, u32)) -> bool {
    let fault = Flag::new(None);
    let (reader, ordinal) = (person.reader, person.ordinal);
    let alone = Row::new(reader, Known::default(), ordinal, &fault);
    let mut bound = Vec::new();
    if !bind(&alone, rows, event, &mut bound) {
        return false;
    }
    let whole = Row { bound: &bound, ..alone };
    // What cannot be computed is for the evaluation to tell.
    whole.holds(&rows.filter) == Some(true) || fault.get().is_some()
}

impl std::fmt::Debug for One<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "One of {:?}", self.person.ordinal)
    }
}
