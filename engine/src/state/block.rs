//! Rows by column: the fold of a block of a load, without a record for each row.
//!
//! It gives exactly what folding its rows one by one gives; rows that are not plain (kept as they came, conflicting,
//! without an identifier, with a time that is none) and cells in rare forms go that way.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, RecordContext, ToldTraits};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::value::{Value, ValueType};
use crate::definition::{Mapped, MappedColumn};
use crate::entry::{BlockEntry, FileShape, Reading, RowStatus, Shape};
use crate::identity::PublicId;
use crate::record::{
    FieldValue, Fields, Roles, Times, ValueColumn, message_id_of, normalise_value, quick_decimal,
    quick_integer,
};
use std::borrow::Cow;
use std::sync::Arc;

/// A row of a block that became a row of a table: its number in the block and in the table.
type Taken = (usize, u32);

/// What all rows of a block share.
struct Block<'b> {
    at: &'b RecordContext,
    entry: &'b BlockEntry,
    fields: Fields<'b>,
    shape: &'b FileShape,
    roles: Roles,
    /// What becomes of the columns that are no roles.
    columns: Vec<MappedColumn>,
}

/// A cell in one of the common forms, when the field has a type that it is a value of.
fn quick(text: &str, reading: Option<Reading>, in_force: Option<ValueType>) -> Option<Value> {
    match (in_force?, reading) {
        (_, Some(Reading::Json)) => None,
        (ValueType::Text, _) => Some(Value::Text(text.to_owned())),
        (_, Some(Reading::Text | Reading::Float)) => None,
        (ValueType::Integer, _) => quick_integer(text).map(Value::Integer),
        (ValueType::Decimal, _) => quick_decimal(text).map(Value::Decimal),
        _ => None,
    }
}

impl Block<'_> {
    /// The message id that a row names.
    fn message_id(&self, row: usize) -> Option<Cow<'_, str>> {
        match self.roles.message_id.as_slice() {
            [] => None,
            [column] => {
                self.fields.said(*column, row).filter(|id| !id.is_empty()).map(Cow::Borrowed)
            }
            columns => {
                let said = |column: &usize| self.fields.said(*column, row).map(str::to_owned);
                let parts: Vec<Option<String>> = columns.iter().map(said).collect();
                message_id_of(&parts).map(Cow::Owned)
            }
        }
    }

    /// When a row happened: the time and whether it was named; nothing when what stands there is no time.
    fn time(&self, row: usize, times: &mut Times) -> Option<(crate::base::time::Timestamp, bool)> {
        let said = self.roles.time.and_then(|column| self.fields.said(column, row));
        let Some(text) = said else { return Some((self.at.clock, false)) };
        let time = times.read(self.shape, text)?;
        // A time ahead of the engine clock is taken for the time of receipt, like a time that is missing.
        Some(if time <= self.at.clock { (time, true) } else { (self.at.clock, false) })
    }

    /// Whether each cell of a row is one value.
    fn one_value_each(&self, row: usize) -> bool {
        let plain = |value: &ValueColumn| {
            self.fields.said(value.column, row).is_none_or(|text| value.is_plain(text))
        };
        self.roles.values.iter().all(plain)
    }

    fn identifiers(&self, row: usize) -> Vec<(&str, Cow<'_, str>)> {
        let mut found: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(self.roles.ids.len());
        for (namespace, column) in &self.roles.ids {
            if let Some(text) = self.fields.said(*column, row)
                && let Some(value) = normalise_value(namespace, text)
                && !found.iter().any(|(known, same)| *known == namespace.as_str() && *same == value)
            {
                found.push((namespace, value));
            }
        }
        found
    }
}

impl Block<'_> {
    /// The public ids of all rows.
    fn publics(&self, salt: &[u8; 32]) -> Vec<PublicId> {
        let mut publics = Vec::with_capacity(self.entry.rows());
        for row in (0..self.entry.rows()).filter(|row| self.entry.odd(*row).is_none()) {
            let identifiers = self.identifiers(row);
            publics.extend(
                identifiers.iter().map(|(namespace, value)| PublicId::of((namespace, value), salt)),
            );
        }
        publics
    }
}

impl Fold {
    pub(super) fn apply_block(&mut self, at: &RecordContext, entry: &BlockEntry) -> Result<()> {
        let last = entry.line(entry.rows().saturating_sub(1));
        let Some(shape) = self.state.begin_rows(at, entry.rows(), last) else { return Ok(()) };
        let plain = match shape.as_deref() {
            Some(Shape::File(shape)) => Roles::of(shape).map(|roles| (shape, roles)),
            _ => None,
        };
        let Some((file, roles)) = plain else {
            return self.apply_some_rows(at, entry, shape.as_ref(), 0..entry.rows());
        };
        let event = file.fixed_event();
        let mapped = event.map_or(Mapped::Identify, Mapped::Track);
        let mapping = self.state.mapping(at.source, mapped);
        let columns = self.state.definitions.columns(mapped, mapping.as_deref(), &roles.values);
        let Some(columns) = columns else {
            return self.apply_some_rows(at, entry, shape.as_ref(), 0..entry.rows());
        };
        let fields = Fields::new(entry, &file.format);
        let block = Block { at, entry, fields, shape: file, roles, columns };
        let (taken, rest) = self.take_rows(&block, event)?;
        if let Some(name) = event
            && let Some(number) = self.state.catalog.events().find(name)
        {
            self.take_properties(&block, (number, name), &taken)?;
        }
        self.apply_some_rows(at, entry, shape.as_ref(), rest.into_iter())
    }

    /// Folds rows of a block one by one.
    fn apply_some_rows(
        &mut self,
        at: &RecordContext,
        entry: &BlockEntry,
        shape: Option<&Arc<Shape>>,
        wanted: impl ExactSizeIterator<Item = usize>,
    ) -> Result<()> {
        if wanted.len() == 0 {
            return Ok(());
        }
        let rows = entry.to_rows();
        for number in wanted {
            if let Some(row) = rows.get(number) {
                self.apply_one(at, number, row, shape, None)?;
            }
        }
        Ok(())
    }

    /// Takes the plain rows; gives those that became rows of a table, and those that must be folded one by one.
    fn take_rows(
        &mut self,
        block: &Block<'_>,
        event: Option<&str>,
    ) -> Result<(Vec<Taken>, Vec<usize>)> {
        let mut event_number = None;
        let mut taken = Vec::with_capacity(block.entry.rows());
        let mut rest = Vec::new();
        let mut times = Times::default();
        self.open.nodes.look_up(&self.state.parts, block.publics(&self.state.salt))?;
        for row in 0..block.entry.rows() {
            let position = block.at.first.plus(row as u64);
            if self.state.hindsight.retracted.holds_row(block.at.source, position) {
                continue;
            }
            let plain =
                block.entry.status(row) == RowStatus::Accepted && block.entry.odd(row).is_none();
            let time = if plain { block.time(row, &mut times) } else { None };
            let (Some((time, dated)), Some(key)) = (time, block.entry.key(row)) else {
                rest.push(row);
                continue;
            };
            let identifiers = block.identifiers(row);
            if identifiers.is_empty() || !block.one_value_each(row) {
                rest.push(row);
                continue;
            }
            if self.state.as_of.is_some_and(|limit| time > limit) {
                continue;
            }
            if let (Some(name), None) = (event, event_number) {
                // An event type begins with its first event.
                match self.state.event_number(block.at.source, name) {
                    Ok(Some(number)) => event_number = Some(number),
                    Ok(None) | Err(_) => {
                        rest.push(row);
                        continue;
                    }
                }
            }
            let named = identifiers.iter().map(|(namespace, value)| (*namespace, value.as_ref()));
            let Some((node, profile)) = self.observe(named, time)? else { continue };
            *Arc::make_mut(&mut self.state.records).entry(block.at.source).or_default() += 1;
            let id = block.message_id(row);
            let (record, message_id) = (block.at, id.as_deref());
            let fact = Fact { record, position, time, dated, key: &key, message_id };
            match event_number {
                Some(number) => {
                    let number = u32::try_from(number).unwrap_or(u32::MAX);
                    let table = self.open.events.entry(number).or_default();
                    taken.push((row, table.push(&fact.row(node))));
                }
                None => self.take_traits(block, row, &fact, node, profile)?,
            }
        }
        Ok((taken, rest))
    }

    /// The properties of rows, column by column.
    fn take_properties(
        &mut self,
        block: &Block<'_>,
        event: (usize, &str),
        taken: &[Taken],
    ) -> Result<()> {
        let mut times = Times::default();
        let owner = Owner::Event(event.0, event.1);
        for MappedColumn { column, name, rule, quick } in &block.columns {
            for (row, index) in taken {
                let Some(text) = block.fields.said(column.column, *row) else { continue };
                let quick = if *quick { self.quick_field(owner, name, column, text) } else { None };
                let value = match quick {
                    Some(found) => Some(found),
                    None => {
                        let key = block.entry.key(*row).unwrap_or_default();
                        let (time, dated) =
                            block.time(*row, &mut times).unwrap_or((block.at.clock, false));
                        let position = block.at.first.plus(*row as u64);
                        let id = block.message_id(*row);
                        let (record, message_id) = (block.at, id.as_deref());
                        let fact = Fact { record, position, time, dated, key: &key, message_id };
                        let cell = FieldValue::Cell(column.cell(text));
                        self.fit_one(&fact, owner, name, rule.as_deref(), &cell)?
                    }
                };
                let Some((property, Some(value))) = value else { continue };
                self.push_property(event.0, *index, property, &value);
            }
        }
        Ok(())
    }

    /// A cell in a common form of a field that is known.
    fn quick_field(
        &self,
        owner: Owner<'_>,
        name: &str,
        column: &ValueColumn,
        text: &str,
    ) -> Option<(u32, Option<Value>)> {
        let fields = self.state.fields(owner)?;
        let number = fields.find(name)?;
        let value = quick(text, column.reading, fields.get(number)?.value_type)?;
        Some((u32::try_from(number).ok()?, Some(value)))
    }

    fn take_traits(
        &mut self,
        block: &Block<'_>,
        row: usize,
        fact: &Fact<'_>,
        node: NodeId,
        profile: Ordinal,
    ) -> Result<()> {
        let mut told: ToldTraits = Vec::with_capacity(block.columns.len());
        for MappedColumn { column, name, rule, quick } in &block.columns {
            let Some(text) = block.fields.said(column.column, row) else { continue };
            let owner = Owner::Profile;
            let quick = if *quick { self.quick_field(owner, name, column, text) } else { None };
            let value = match quick {
                Some(found) => Some(found),
                None => {
                    let cell = FieldValue::Cell(column.cell(text));
                    self.fit_one(fact, owner, name, rule.as_deref(), &cell)?
                }
            };
            told.extend(value);
        }
        self.apply_told(fact, node, profile, told)
    }
}
