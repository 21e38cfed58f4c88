//! Entities: things that are no persons, each with the golden values of its fields.
//!
//! *What it is:* a row space for each entity type: an ordinal for each id, found by a digest of the id, and golden rows
//! and columns as profiles have them. *Invariants:* an entity is there as soon as a record names it, even without a
//! field; the values of fields win as those of traits do. *Where to start reading:* `OpenEntities`.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, QuarantineKind, ToldTraits};
use crate::base::codec::{self, DigestMap};
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::value::ValueType;
use crate::catalog::Fields;
use crate::column::{
    Cell, ColumnView, ColumnWriter, Faults, Layout, find_key, merge_keys, write_keys,
};
use crate::definition::Mapped;
use crate::entry::Row;
use crate::profile::{GoldenRow, OpenRows, RowTrait, RowView, Winner, merge_rows, trait_key};
use crate::record::Decoded;
use std::cell::OnceCell;
use std::sync::Arc;

/// The row space of the first entity type.
pub(super) const ENTITIES: BlockKey = BlockKey::new(6, 0, 0, 0);
/// The ids.
const ID: u32 = 2;

/// The row space of an entity type.
pub(super) const fn entities_of(number: u32) -> BlockKey {
    BlockKey { number, ..ENTITIES }
}

/// What an entity is found by.
fn key_of(id: &str) -> u128 {
    u128::from_be_bytes(codec::digest(id.as_bytes()))
}

/// Entities of one type that are new or changed.
#[derive(Debug, Default)]
pub(super) struct OpenEntities {
    rows: OpenRows,
    first: u32,
    ids: Vec<Box<str>>,
    known: DigestMap<u128, u32>,
}

impl OpenEntities {
    pub(super) fn starting_at(first: u32) -> OpenEntities {
        OpenEntities { rows: OpenRows::starting_at(first), first, ..OpenEntities::default() }
    }

    pub(super) fn count(&self) -> u32 {
        self.rows.count()
    }

    pub(super) fn changes(&self) -> usize {
        self.rows.changes()
    }

    pub(super) fn weight(&self) -> usize {
        self.rows.weight() + self.ids.iter().map(|id| id.len() + 80).sum::<usize>()
    }

    /// The entity of an id, new if need be.
    fn observe(&mut self, parts: &[Arc<Part>], space: BlockKey, id: &str) -> Result<Ordinal> {
        let key = key_of(id);
        if let Some(known) = self.known.get(&key) {
            return Ok(Ordinal(*known));
        }
        if let Some(known) = find_key(parts, space.field(ID), key)? {
            return Ok(Ordinal(known));
        }
        let ordinal = self.rows.add(0);
        self.ids.push(Box::from(id));
        self.known.insert(key, ordinal.0);
        Ok(ordinal)
    }

    pub(super) fn write(
        &self,
        part: &mut PartWriter,
        space: BlockKey,
        fields: &Fields,
    ) -> Result<()> {
        self.rows.write(part, space, fields)?;
        if self.ids.is_empty() {
            return Ok(());
        }
        let mut ids = ColumnWriter::new(part, space.field(ID), Layout::Bytes, None);
        for (ordinal, id) in (self.first..).zip(&self.ids) {
            ids.bytes(ordinal, id.as_bytes())?;
        }
        ids.finish()?;
        let mut keys: Vec<(u128, u32)> = self.known.iter().map(|(key, row)| (*key, *row)).collect();
        keys.sort_unstable();
        write_keys(part, space.field(ID), keys.len(), keys.into_iter())
    }
}

/// Merges the entities of one type.
pub(super) fn merge_entities(
    parts: &[Arc<Part>],
    space: BlockKey,
    writer: &mut PartWriter,
    whole: bool,
) -> Result<()> {
    merge_rows(parts, space, writer, whole)?;
    merge_keys(parts, space.field(ID), writer)
}

impl Fold {
    /// Folds a record of an entity.
    pub(super) fn apply_entity(
        &mut self,
        fact: &Fact<'_>,
        (entity, id): (&str, &str),
        row: &Row,
        record: &Decoded,
    ) -> Result<()> {
        let source = fact.record.source;
        let number = match self.state.entity_number(source, entity) {
            Ok(Some(number)) => number,
            Ok(None) => {
                self.state.pass_over_name(source);
                return Ok(());
            }
            Err(e) => {
                let reason = e.message().to_owned();
                return self.reject_record(fact, QuarantineKind::Record, Some(entity), row, reason);
            }
        };
        let ordinal = self.observe_entity(number, id)?;
        let mapping = self.state.mapping(fact.record.source, Mapped::Entity(entity));
        let owner = Owner::Entity(number, entity);
        let told = self.fitting(fact, owner, mapping.as_deref(), &record.fields)?;
        self.tell_entity(fact, number, ordinal, told)
    }

    /// The entity of an id, new if need be.
    pub(super) fn observe_entity(&mut self, number: usize, id: &str) -> Result<Ordinal> {
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        let counts = &mut self.state.counts.entities;
        while counts.len() <= number {
            counts.push(0);
        }
        let first = counts.get(number).copied().unwrap_or_default();
        let open = self.open.entities.entry(short);
        let open = open.or_insert_with(|| OpenEntities::starting_at(first));
        open.observe(&self.state.parts, entities_of(short), id)
    }

    /// Lets an entity know what a record tells of it.
    pub(super) fn tell_entity(
        &mut self,
        fact: &Fact<'_>,
        number: usize,
        ordinal: Ordinal,
        told: ToldTraits,
    ) -> Result<()> {
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        let winner = Winner {
            time: fact.time,
            dated: fact.dated,
            source: fact.record.source,
            position: fact.position,
        };
        let Some(open) = self.open.entities.get_mut(&short) else { return Ok(()) };
        let catalog = &self.state.catalog;
        open.rows.change(&self.state.parts, entities_of(short), ordinal, |row, changed| {
            row.members.clear();
            row.name = None;
            let facts =
                told.into_iter().map(|(number, value)| RowTrait::told(number, value, winner));
            if let Some(fields) = catalog.entity_fields(number) {
                row.tell_record(facts.collect(), fields, catalog, changed);
            }
        })
    }
}

/// The entities of one type in a snapshot.
#[derive(Debug)]
pub struct EntityView {
    parts: Arc<Vec<Arc<Part>>>,
    space: BlockKey,
    count: u32,
    ids: ColumnView,
    rows: RowView,
    fields: Vec<(OnceCell<ColumnView>, Option<ValueType>)>,
    faults: Faults,
}

impl EntityView {
    pub(super) fn new(
        parts: &Arc<Vec<Arc<Part>>>,
        number: u32,
        count: u32,
        fields: &Fields,
        faults: &Faults,
    ) -> EntityView {
        let space = entities_of(number);
        EntityView {
            parts: Arc::clone(parts),
            space,
            count,
            ids: ColumnView::new(parts.iter(), space.field(ID), None, faults),
            rows: RowView::new(parts, space, faults),
            fields: fields.all().iter().map(|f| (OnceCell::new(), f.value_type)).collect(),
            faults: faults.clone(),
        }
    }

    /// How many entities there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// The id of an entity.
    pub fn id(&self, ordinal: Ordinal) -> Option<&str> {
        std::str::from_utf8(self.ids.bytes(ordinal.0)?).ok()
    }

    /// The entity of an id.
    pub fn find(&self, id: &str) -> Option<Ordinal> {
        let found = find_key(&self.parts, self.space.field(ID), key_of(id));
        self.faults.or_note(found).flatten().map(Ordinal)
    }

    /// The type in force of a field.
    pub fn value_type(&self, field: usize) -> Option<ValueType> {
        self.fields.get(field).and_then(|(_, wanted)| *wanted)
    }

    /// The value of a field of an entity.
    pub fn value(&self, field: usize, ordinal: Ordinal) -> Cell<'_> {
        self.column(field).map_or(Cell::Null, |column| column.cell(ordinal.0))
    }

    /// The column of a field.
    pub fn column(&self, field: usize) -> Option<&ColumnView> {
        let (slot, wanted) = self.fields.get(field)?;
        Some(slot.get_or_init(|| {
            let key = trait_key(self.space, field);
            ColumnView::new(self.parts.iter(), key, *wanted, &self.faults)
        }))
    }

    /// Everything that is known of an entity.
    pub fn row(&self, ordinal: Ordinal) -> GoldenRow {
        self.rows.row(ordinal)
    }
}
