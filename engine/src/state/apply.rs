//! One entry after another: the fold.

use super::{LoadInfo, QuarantineKind, Quarantined, State};
use crate::base::codec;
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, NodeId, Position, SourceId};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::Fit;
use crate::entry::{Entry, LoadEntry, RetractEntry, Row, RowStatus, Shape, SourceEntry};
use crate::event::{EventRow, EventTable};
use crate::profile::Winner;
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
}

/// What an entry asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is folded.
    Folded,
    /// It withdraws what was folded: the state must be folded anew.
    Withdraws,
}

/// What is the same for all fields of a record.
struct Fact<'a> {
    record: &'a RecordContext,
    position: Position,
    time: Timestamp,
    dated: bool,
}

impl State {
    /// Folds an entry. `decoded` has the rows of a records entry when the caller has read them already.
    ///
    /// # Errors
    /// `Corrupt` when the entry cannot stand where it stands.
    pub fn apply(
        &mut self,
        at: &RecordContext,
        entry: &Entry,
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<Effect> {
        self.clock = self.clock.max(at.clock);
        let mut effect = Effect::Folded;
        match entry {
            Entry::Store(store) => {
                self.store = store.store;
                self.identity = crate::identity::Identity::new(store.salt);
            }
            Entry::Source(source) => self.apply_source(source)?,
            Entry::Load(load) => self.begin_load(at, load)?,
            Entry::Records(records) => self.apply_rows(at, &records.rows, decoded)?,
            Entry::Retract(retract) => {
                let retracted = Arc::make_mut(&mut self.retracted);
                let new = match retract {
                    RetractEntry::Load(load) => retracted.loads.insert(*load),
                    RetractEntry::Record(position) => retracted.rows.insert(*position),
                };
                if new {
                    effect = Effect::Withdraws;
                }
            }
            Entry::Gap(_) => {}
        }
        self.end = at.first.plus(u64::from(at.rows));
        Ok(effect)
    }

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

    fn begin_load(&mut self, at: &RecordContext, load: &LoadEntry) -> Result<()> {
        let id = LoadId(at.first.0);
        if self.retracted.loads.contains(&id) {
            return Ok(());
        }
        let shape = Arc::new(Shape::File(load.shape.clone()));
        let info = LoadInfo { source: at.source, file: load.file.clone(), shape, rows: 0 };
        Arc::make_mut(&mut self.loads).insert(id, info);
        if self.as_of.is_some() {
            return Ok(());
        }
        for inferred in &load.types {
            let catalog = Arc::make_mut(&mut self.catalog);
            // A name too many is told when its values come.
            match &inferred.event {
                None => {
                    if let Ok(number) = catalog.traits_mut().number(&inferred.name)
                        && let Fit::Widen(wide) =
                            catalog.traits_mut().fit(number, inferred.value_type)
                    {
                        Arc::make_mut(&mut self.golden).widen(number, wide);
                    }
                }
                Some(event) => {
                    let Ok(event) = catalog.event_number(event) else { continue };
                    let Some(fields) = catalog.properties_mut(event) else { continue };
                    if let Ok(number) = fields.number(&inferred.name)
                        && let Fit::Widen(wide) = fields.fit(number, inferred.value_type)
                        && let Some(table) = self.event_table(event)
                    {
                        table.widen(number, wide);
                    }
                }
            }
        }
        Ok(())
    }

    fn event_table(&mut self, event: usize) -> Option<&mut EventTable> {
        let events = Arc::make_mut(&mut self.events);
        while events.len() <= event {
            events.push(EventTable::default());
        }
        events.get_mut(event)
    }

    fn apply_rows(
        &mut self,
        at: &RecordContext,
        rows: &[Row],
        decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<()> {
        if self.catalog.sources().len() < at.source.0 as usize {
            Arc::make_mut(&mut self.catalog).keep_numbers(at.source);
        }
        let shape = match at.load {
            LoadId(0) => Some(Arc::new(Shape::Message)),
            load if self.retracted.loads.contains(&load) => return Ok(()),
            load => Arc::make_mut(&mut self.loads).get_mut(&load).map(|info| {
                info.rows += rows.len() as u64;
                Arc::clone(&info.shape)
            }),
        };
        let mut decoded = decoded.map(Vec::into_iter);
        for (index, row) in rows.iter().enumerate() {
            let known = decoded.as_mut().and_then(Iterator::next);
            let position = at.first.plus(index as u64);
            if self.retracted.rows.contains(&position) {
                continue;
            }
            let read = known.unwrap_or_else(|| match &shape {
                Some(shape) => decode(shape, &row.original),
                None => Err(RowError::lost_load()),
            });
            self.apply_row(at, position, row, read);
        }
        Ok(())
    }

    fn apply_row(
        &mut self,
        at: &RecordContext,
        position: Position,
        row: &Row,
        read: std::result::Result<Decoded, RowError>,
    ) {
        let time = read.as_ref().ok().and_then(|record| record.time);
        // A time ahead of the engine clock is taken for the time of receipt, like a time that is missing.
        let dated = time.filter(|t| *t <= at.clock);
        let time = dated.unwrap_or(at.clock);
        if self.as_of.is_some_and(|limit| time > limit) {
            return;
        }
        let reject = |kind, reason: String| Quarantined {
            position,
            source: at.source,
            kind,
            event: None,
            field: None,
            text: codec::hex(&codec::digest(&row.original)),
            reason,
            time: dated,
        };
        let record = match (row.status, read) {
            (RowStatus::Conflict, _) => {
                let reason = "the message id is known with other content".to_owned();
                return self.quarantine.push(reject(QuarantineKind::Conflict, reason));
            }
            (_, Err(e)) => return self.quarantine.push(reject(QuarantineKind::Record, e.reason)),
            (RowStatus::Accepted, Ok(record)) => record,
        };
        let Some((node, joins)) = self.identity.observe(&record.identifiers, time) else { return };
        for join in joins {
            Arc::make_mut(&mut self.golden).join(join.kept, join.gone, &self.catalog);
        }
        *Arc::make_mut(&mut self.records).entry(at.source).or_default() += 1;
        let fact = Fact { record: at, position, time, dated: dated.is_some() };
        match &record.kind {
            Kind::Identify => self.apply_traits(&fact, node, &record),
            Kind::Track(event) => self.apply_event(&fact, node, event, row, &record),
        }
    }

    fn apply_traits(&mut self, fact: &Fact<'_>, node: NodeId, record: &Decoded) {
        let Some(ordinal) = self.identity.ordinal_of(node) else { return };
        let winner = Winner {
            time: fact.time,
            dated: fact.dated,
            source: fact.record.source,
            position: fact.position,
        };
        for (name, field) in &record.fields {
            // The catalog is copied only when it changes: snapshots share it.
            let known = self.catalog.traits().find(name);
            let number = match known
                .map_or_else(|| Arc::make_mut(&mut self.catalog).traits_mut().number(name), Ok)
            {
                Ok(number) => number,
                Err(e) => {
                    self.reject_value(fact, None, name, field, e.message().to_owned());
                    continue;
                }
            };
            let cell = match field {
                FieldValue::Cell(cell) => cell,
                FieldValue::List => {
                    Arc::make_mut(&mut self.catalog).traits_mut().count_list(number);
                    continue;
                }
                FieldValue::Null => {
                    let golden = Arc::make_mut(&mut self.golden);
                    golden.tell(number, ordinal, None, winner, &self.catalog);
                    continue;
                }
            };
            let fit = self.catalog.traits().fits(number, cell.value_type);
            let fit = fit.unwrap_or_else(|| {
                Arc::make_mut(&mut self.catalog).traits_mut().fit(number, cell.value_type)
            });
            let golden = Arc::make_mut(&mut self.golden);
            if let Fit::Widen(wide) = fit {
                golden.widen(number, wide);
            }
            match fitted(cell, fit) {
                Ok(value) => golden.tell(number, ordinal, Some(&value), winner, &self.catalog),
                Err(reason) => self.reject_value(fact, None, name, field, reason),
            }
        }
    }

    fn apply_event(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        event: &str,
        row: &Row,
        record: &Decoded,
    ) {
        let known = self.catalog.events().find(event);
        let number =
            match known.map_or_else(|| Arc::make_mut(&mut self.catalog).event_number(event), Ok) {
                Ok(number) => number,
                Err(e) => {
                    self.quarantine.push(Quarantined {
                        position: fact.position,
                        source: fact.record.source,
                        kind: QuarantineKind::Record,
                        event: Some(event.to_owned()),
                        field: None,
                        text: codec::hex(&codec::digest(&row.original)),
                        reason: e.message().to_owned(),
                        time: fact.dated.then_some(fact.time),
                    });
                    return;
                }
            };
        let mut properties: Vec<(usize, Value)> = Vec::with_capacity(record.fields.len());
        for (name, field) in &record.fields {
            let known = self.catalog.properties(number).and_then(|fields| fields.find(name));
            let property = match (field, known) {
                (FieldValue::Null, _) => continue,
                (_, Some(property)) => property,
                (_, None) => match self.new_property(number, name) {
                    Ok(property) => property,
                    Err(e) => {
                        self.reject_value(fact, Some(event), name, field, e.message().to_owned());
                        continue;
                    }
                },
            };
            let FieldValue::Cell(cell) = field else {
                if let Some(fields) = Arc::make_mut(&mut self.catalog).properties_mut(number) {
                    fields.count_list(property);
                }
                continue;
            };
            let fit = self.property_fit(number, property, cell.value_type);
            match fitted(cell, fit) {
                Ok(value) => properties.push((property, value)),
                Err(reason) => self.reject_value(fact, Some(event), name, field, reason),
            }
        }
        let given = record.message_id.as_deref();
        let row = EventRow {
            node,
            time: fact.time,
            dated: fact.dated,
            source: fact.record.source,
            message_id: given.map_or_else(|| Arc::from(codec::hex(&row.key)), Arc::from),
            given_id: given.is_some(),
            position: fact.position,
        };
        if let Some(table) = self.event_table(number) {
            table.push(row, &properties);
        }
    }

    fn new_property(&mut self, event: usize, name: &str) -> Result<usize> {
        let fields = Arc::make_mut(&mut self.catalog).properties_mut(event);
        fields.ok_or_else(|| Error::invalid("the event type is unknown"))?.number(name)
    }

    /// How a value fits a property; the column is widened when that lets it fit.
    fn property_fit(&mut self, event: usize, property: usize, value_type: ValueType) -> Fit {
        let known =
            self.catalog.properties(event).and_then(|fields| fields.fits(property, value_type));
        if let Some(fit) = known {
            return fit;
        }
        let fields = Arc::make_mut(&mut self.catalog).properties_mut(event);
        let fit =
            fields.map_or(Fit::Contradicts(value_type), |fields| fields.fit(property, value_type));
        if let (Fit::Widen(wide), Some(table)) = (fit, self.event_table(event)) {
            table.widen(property, wide);
        }
        fit
    }

    fn reject_value(
        &mut self,
        fact: &Fact<'_>,
        event: Option<&str>,
        name: &str,
        field: &FieldValue,
        reason: String,
    ) {
        let text =
            if let FieldValue::Cell(cell) = field { cell.text.clone() } else { String::new() };
        self.quarantine.push(Quarantined {
            position: fact.position,
            source: fact.record.source,
            kind: QuarantineKind::Value,
            event: event.map(str::to_owned),
            field: Some(name.to_owned()),
            text,
            reason,
            time: fact.dated.then_some(fact.time),
        });
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
