//! One entry after another: the fold.

use super::fields::Owner;
use super::memo::Memo;
use super::overlay::NOBODY;
use super::streams::IDENTITY_STREAM;
use super::{Fold, LoadInfo, PROFILES, QuarantineKind, Quarantined, State, ToldTraits};
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, NodeId, Ordinal, Position, SourceId};
use crate::base::tagged::Told;
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::{Fit, Rule};
use crate::definition::{Mapped, says_nothing};
use crate::entry::{DefinitionEntry, Entry, LoadEntry, Origin, Row, RowStatus, Shape, SourceEntry};
use crate::event::EventRow;
use crate::identity::Kind as Said;
use crate::profile::{RowTrait, Winner};
use crate::record::{CellText, Decoded, FieldValue, Kind, RowError, decode};
use std::sync::Arc;

/// Where an entry stands in the log.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext {
    /// The position of the first row.
    pub first: Position,
    /// How many positions it takes.
    pub rows: u32,
    /// The engine clock when it was written.
    pub clock: Timestamp,
    /// The source.
    pub source: SourceId,
    /// The load.
    pub load: LoadId,
    /// Whether it tells of now, of the past, or corrects.
    pub origin: Origin,
}

impl RecordContext {
    /// When a record happened that says when: the time, and whether that counts. A time ahead of the engine clock is
    /// taken for the time of receipt, like a time that is missing.
    pub(super) fn dated(&self, time: Option<Timestamp>) -> (Timestamp, bool) {
        let dated = time.filter(|time| *time <= self.clock);
        (dated.unwrap_or(self.clock), dated.is_some())
    }
}

/// What an entry asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is folded.
    Folded,
    /// It says something new of what was folded: the state must be folded anew.
    Refolds,
}

/// What is the same for all fields of a record.
pub(super) struct Fact<'a> {
    pub record: &'a RecordContext,
    pub position: Position,
    pub time: Timestamp,
    pub dated: bool,
    pub key: &'a Digest128,
    /// The message id that the source gave.
    pub message_id: Option<&'a str>,
}

impl Fact<'_> {
    /// The row of a table that this record makes.
    pub fn row(&self, node: NodeId) -> EventRow<'_> {
        EventRow {
            node,
            time: self.time,
            dated: self.dated,
            source: self.record.source,
            message_id: self.message_id,
            key: self.key,
            position: self.position,
            child: false,
        }
    }
}

impl State {
    /// Passes over an entry of which only the place in the log is known, such as a stub.
    pub fn skip(&mut self, at: &RecordContext) {
        self.clock = self.clock.max(at.clock);
        self.end = at.first.plus(u64::from(at.rows));
    }

    fn apply_source(&mut self, source: &SourceEntry) -> Result<()> {
        let SourceEntry { number, name } = source;
        let before = SourceId(number.0.saturating_sub(1));
        if self.catalog.sources().len() < before.0 as usize {
            Arc::make_mut(&mut self.catalog).keep_numbers(before);
        }
        let known = self.catalog.find_source(name);
        let given = known.unwrap_or_else(|| Arc::make_mut(&mut self.catalog).add_source(name));
        if given == *number {
            return Ok(());
        }
        Err(Error::corrupt(format!("source '{name}' has two numbers")))
    }

    fn begin_load(&mut self, at: &RecordContext, load: &LoadEntry) {
        let id = LoadId(at.first.0);
        if self.hindsight.retracted.loads.contains(&id) {
            return;
        }
        let name = self.catalog.source_name(at.source).to_owned();
        let read = self.definitions.shape(&name, &load.shape);
        let shape = Arc::new(Shape::File(Box::new(read.unwrap_or_else(|| load.shape.clone()))));
        let (source, file, content) = (at.source, load.file.clone(), load.content);
        let info = LoadInfo {
            source,
            file,
            content,
            shape: Arc::clone(&shape),
            rows: 0,
            line: 0,
            withdrawn: 0,
        };
        Arc::make_mut(&mut self.loads).insert(id, info);
        if self.as_of.is_some() || self.holds_back(at) {
            return;
        }
        for inferred in &load.types {
            self.take_type(at.source, &shape, inferred);
        }
    }

    /// Takes note of rows and of the line of the last: how they are read, when their load still has its entry; nothing
    /// when it is withdrawn, or their source is held.
    pub(super) fn begin_rows(
        &mut self,
        at: &RecordContext,
        rows: usize,
        line: u64,
    ) -> Option<Option<Arc<Shape>>> {
        if self.catalog.sources().len() < at.source.0 as usize {
            Arc::make_mut(&mut self.catalog).keep_numbers(at.source);
        }
        let withdrawn = self.hindsight.retracted.count(at.source, at.first, rows as u64);
        let held = self.holds_back(at);
        if held && !self.hindsight.retracted.loads.contains(&at.load) {
            let waiting = (rows as u64).saturating_sub(withdrawn);
            *Arc::make_mut(&mut self.held).entry(at.source).or_default() += waiting;
        }
        match at.load {
            LoadId(0) if !held => Some(Some(Arc::new(Shape::Message))),
            LoadId(0) => None,
            load if self.hindsight.retracted.loads.contains(&load) => None,
            load => {
                let found = Arc::make_mut(&mut self.loads).get_mut(&load).map(|info| {
                    info.rows += rows as u64;
                    info.withdrawn += withdrawn;
                    info.line = line;
                    Arc::clone(&info.shape)
                });
                (!held).then_some(found)
            }
        }
    }

    /// Takes note of an entry with items of a stream.
    pub(super) fn note_items(&mut self, stream: &str, at: &RecordContext) {
        Arc::make_mut(&mut self.streams).note(stream, at.first, at.rows);
    }

    /// Whether what an entry says is held back until its source is released.
    fn holds_back(&self, at: &RecordContext) -> bool {
        !self.hindsight.sources.is_empty()
            && self.hindsight.source(self.catalog.source_name(at.source)).holds_back(at.first)
    }
}

impl Fold {
    /// Folds an entry. `decoded` has the rows of a records entry, or those of a block that are kept as they came, when
    /// the caller has read them already.
    ///
    /// # Errors
    /// `Corrupt` when the entry cannot stand where it stands, or a part cannot be read.
    pub fn apply(
        &mut self,
        at: &RecordContext,
        entry: &Entry,
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<Effect> {
        let state = &mut self.state;
        // What was found out of the state before holds no longer.
        state.memo = Memo::default();
        state.clock = state.clock.max(at.clock);
        let mut effect = Effect::Folded;
        match entry {
            Entry::Store(store) => {
                state.store = store.store;
                state.salt = store.salt;
                state.normalisers = store.normalisers;
            }
            Entry::Source(source) => state.apply_source(source)?,
            Entry::Load(load) => state.begin_load(at, load),
            Entry::Records(records) => self.apply_rows(at, &records.rows, decoded)?,
            Entry::Block(block) => self.apply_block(at, block, decoded)?,
            Entry::Retract(_) | Entry::Definition(_) => {
                if Arc::make_mut(&mut state.hindsight).note(entry, at.first) {
                    effect = Effect::Refolds;
                }
                if let Entry::Definition(DefinitionEntry { kind, name, .. }) = entry {
                    state.note_saved((kind.clone(), name.clone()));
                    state.know_transitions();
                }
            }
            Entry::Told(told) => {
                state.note_told(at.first, told);
                self.apply_transitions(at, told)?;
            }
            Entry::Group(group) => Arc::make_mut(&mut state.groups).note(group, at.clock),
            Entry::Profiles(told) if told.changes.is_empty() => {}
            Entry::Profiles(_) => state.note_items(IDENTITY_STREAM, at),
            Entry::Items(put) => state.note_items(&put.stream, at),
            Entry::Timers(timers) => self.apply_timers(at, timers)?,
            Entry::Gap(_) | Entry::Counted(_) => {}
        }
        self.state.end = at.first.plus(u64::from(at.rows));
        Ok(effect)
    }

    fn apply_rows(
        &mut self,
        at: &RecordContext,
        rows: &[Row],
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<()> {
        let last = rows.last().map_or(0, |row| row.line);
        let Some(shape) = self.state.begin_rows(at, rows.len(), last) else { return Ok(()) };
        let mut decoded = decoded.map(Vec::into_iter);
        for (number, row) in rows.iter().enumerate() {
            let known = decoded.as_mut().and_then(Iterator::next);
            self.apply_one(at, number, row, shape.as_ref(), known)?;
        }
        Ok(())
    }

    /// Folds a row, unless it is withdrawn.
    pub(super) fn apply_one(
        &mut self,
        at: &RecordContext,
        number: usize,
        row: &Row,
        shape: Option<&Arc<Shape>>,
        known: Option<std::result::Result<Decoded, RowError>>,
    ) -> Result<()> {
        let position = at.first.plus(number as u64);
        if self.state.hindsight.retracted.holds_row(at.source, position) {
            return Ok(());
        }
        let read = known.unwrap_or_else(|| match shape {
            Some(shape) => decode(shape, &row.original),
            None => Err(RowError::lost_load()),
        });
        self.apply_row(at, position, row, read)
    }

    fn apply_row(
        &mut self,
        at: &RecordContext,
        position: Position,
        row: &Row,
        read: std::result::Result<Decoded, RowError>,
    ) -> Result<()> {
        let (time, dated) = at.dated(read.as_ref().ok().and_then(|record| record.time));
        if self.state.as_of.is_some_and(|limit| time > limit) {
            return Ok(());
        }
        let mut fact = Fact { record: at, position, time, dated, key: &row.key, message_id: None };
        let record = match (row.status, read) {
            (RowStatus::Conflict, _) => {
                let reason = "the message id is known with other content".to_owned();
                return self.reject_record(&fact, QuarantineKind::Conflict, None, row, reason);
            }
            (_, Err(e)) => {
                return self.reject_record(&fact, QuarantineKind::Record, None, row, e.reason);
            }
            (RowStatus::Accepted, Ok(record)) => record,
        };
        if let Kind::Entity { entity, id } = &record.kind {
            self.apply_entity(&fact, (entity, id), row, &record)?;
        }
        if !record.of_person() {
            *Arc::make_mut(&mut self.state.records).entry(at.source).or_default() += 1;
            return Ok(());
        }
        if let Kind::Statement(statement) = &record.kind {
            return self.apply_statement(&fact, row, &record, statement);
        }
        let said_by = if record.kind == Kind::Alias { Said::Alias } else { Said::Deterministic };
        let Some((node, profile)) = self.observe(record.named(), said_by, &fact)? else {
            let named = record.named().map(|(namespace, value)| self.nobody(namespace, value));
            let reason = named.collect::<Vec<_>>().join("; ");
            return self.reject_record(&fact, QuarantineKind::Record, None, row, reason);
        };
        *Arc::make_mut(&mut self.state.records).entry(at.source).or_default() += 1;
        fact.message_id = record.message_id.as_deref();
        match &record.kind {
            Kind::Identify => self.apply_traits(&fact, node, profile, &record)?,
            Kind::Track(event) => self.apply_event(&fact, node, event, row, &record)?,
            Kind::Entity { .. } | Kind::Alias | Kind::Statement(_) => {}
        }
        record.beside.iter().try_for_each(|beside| self.apply_beside(&fact, node, row, beside))
    }

    /// The number and value of a field, if it fits; otherwise it goes to quarantine. `mapped` is how a mapping reads
    /// it.
    pub(super) fn fit_one(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        name: &str,
        mapped: Option<&Rule>,
        field: &FieldValue,
    ) -> Result<Option<(u32, Option<Value>)>> {
        let source = fact.record.source;
        let field_number = match self.state.field_number(source, owner, name) {
            Ok(Some(number)) => number,
            Ok(None) => {
                self.state.pass_over_name(source);
                return Ok(None);
            }
            Err(e) => {
                let reason = e.message().to_owned();
                return self.reject_value(fact, owner.name(), name, field, reason).map(|()| None);
            }
        };
        let short = u32::try_from(field_number).unwrap_or(u32::MAX);
        let cell = match field {
            FieldValue::Cell(cell) => cell,
            FieldValue::List => {
                if let Some(fields) = self.state.fields_mut(owner) {
                    fields.count_list(field_number);
                }
                return Ok(None);
            }
            FieldValue::Null => return Ok(Some((short, None))),
        };
        let fields = self.state.fields(owner);
        let rule = fields.and_then(|fields| fields.rule(field_number)).cloned();
        let rules = [mapped, rule.as_deref()];
        if rules.iter().flatten().any(|rule| says_nothing(rule, cell)) {
            return Ok(None);
        }
        if rules.iter().flatten().any(|rule| rule.value_type.is_some()) {
            let rules = (mapped, rule.as_deref());
            return match self.state.declared_value(owner, field_number, rules, cell) {
                Ok(None) => Ok(None),
                Ok(Some(value)) => Ok(Some((short, Some(value)))),
                Err(reason) => {
                    self.reject_value(fact, owner.name(), name, field, reason).map(|()| None)
                }
            };
        }
        let known = self.state.fields(owner).and_then(|fields| fields.get(field_number));
        let text = known.is_some_and(|field| field.value_type == Some(ValueType::Text));
        if !text && cell.is_beyond_floats() {
            let reason = format!("'{}' is beyond the range of floats; send it as text", cell.text);
            return self.reject_value(fact, owner.name(), name, field, reason).map(|()| None);
        }
        let fit = self.state.fit(owner, field_number, cell.value_type);
        match fitted(cell, fit) {
            Ok(value) => Ok(Some((short, Some(value)))),
            Err(reason) => {
                self.reject_value(fact, owner.name(), name, field, reason).map(|()| None)
            }
        }
    }

    fn apply_traits(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        profile: Ordinal,
        record: &Decoded,
    ) -> Result<()> {
        let mapping = self.state.mapping(fact.record.source, Mapped::Identify);
        let told = self.fitting(fact, Owner::Profile, mapping.as_deref(), &record.fields)?;
        self.apply_told(fact, node, profile, told)
    }

    /// Keeps what a record told of a person, and lets the golden record know.
    pub(super) fn apply_told(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        profile: Ordinal,
        told: ToldTraits,
    ) -> Result<()> {
        let winner = Winner {
            time: fact.time,
            dated: fact.dated,
            source: fact.record.source,
            position: fact.position,
        };
        if told.is_empty() {
            return Ok(());
        }
        self.open.facts.push(&fact.row(node));
        let told = Told(told);
        self.open.facts.push_bytes(&codec::encode_row(&told)?);
        let Told(told) = told;
        let catalog = &self.state.catalog;
        self.open.profiles.change(&self.state.parts, PROFILES, profile, |row, changed| {
            let facts =
                told.into_iter().map(|(number, value)| RowTrait::told(number, value, winner));
            row.tell_record(facts.collect(), catalog.traits(), catalog, changed);
        })
    }

    pub(super) fn reject_record(
        &mut self,
        fact: &Fact<'_>,
        kind: QuarantineKind,
        event: Option<&str>,
        row: &Row,
        reason: String,
    ) -> Result<()> {
        let text = codec::hex(&codec::digest(&row.original));
        match kind {
            QuarantineKind::Conflict => self.state.counts.conflicts += 1,
            _ => self.state.counts.broken += 1,
        }
        self.reject(fact, kind, event, None, text, reason)
    }

    pub(super) fn reject_value(
        &mut self,
        fact: &Fact<'_>,
        event: Option<&str>,
        name: &str,
        field: &FieldValue,
        reason: String,
    ) -> Result<()> {
        let text =
            if let FieldValue::Cell(cell) = field { cell.text.clone() } else { String::new() };
        self.state.counts.values += 1;
        self.reject(fact, QuarantineKind::Value, event, Some(name), text, reason)
    }

    fn reject(
        &mut self,
        fact: &Fact<'_>,
        kind: QuarantineKind,
        event: Option<&str>,
        field: Option<&str>,
        text: String,
        reason: String,
    ) -> Result<()> {
        let item = Quarantined {
            position: fact.position,
            source: fact.record.source,
            kind,
            event: event.map(str::to_owned),
            field: field.map(str::to_owned),
            text,
            reason,
            time: fact.dated.then_some(fact.time),
        };
        self.open.reject(&item, &fact.row(NOBODY))
    }
}

/// The value of a cell in the type that its field has now.
fn fitted(cell: &CellText, fit: Fit) -> std::result::Result<Value, String> {
    let (Fit::As(wanted) | Fit::Widen(wanted) | Fit::Contradicts(wanted)) = fit;
    let value = if matches!(fit, Fit::Contradicts(_)) { None } else { cell.value_as(wanted) };
    value.ok_or_else(|| {
        let shown: String = cell.text.chars().take(60).collect();
        format!("'{shown}' is {}, but the type in force is {wanted}", cell.value_type)
    })
}
