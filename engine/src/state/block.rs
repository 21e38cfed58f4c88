//! Rows by column: the fold of a block of a load, without a record for each row.
//!
//! It gives exactly what folding its rows one by one gives; rows that are not plain (kept as they came, conflicting,
//! without an identifier, with a time that is none) go that way, in their turn, and so do cells in rare forms.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, RecordContext, ToldTraits};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::definition::{Mapped, MappedColumn};
use crate::entry::{BlockEntry, FileShape, Reading, RowKind, RowStatus, Shape};
use crate::identity::PublicId;
use crate::record::{
    Decoded, Fields, Roles, RowError, Times, Token, ValueColumn, entity_id, message_id_of,
    normalise_text, quick_decimal, quick_integer,
};
use std::borrow::Cow;
use std::sync::Arc;

/// Rows that the caller has read already, in the order of those that are kept as they came.
type Read = std::vec::IntoIter<std::result::Result<Decoded, RowError>>;

/// What all rows of a block share.
struct Block<'b> {
    at: &'b RecordContext,
    entry: &'b BlockEntry,
    fields: Fields<'b>,
    shape: &'b FileShape,
    roles: Roles,
    /// What becomes of the columns that are no roles.
    columns: Vec<MappedColumn>,
    /// For each column which of those it is.
    places: Vec<Option<usize>>,
    /// Whether a column with a role of its own has a list in some row.
    lists: bool,
}

/// The identifiers of rows, with their public ids.
#[derive(Default)]
struct Identified<'n, 'b> {
    /// Where those of each row begin, and where the last end.
    starts: Vec<usize>,
    all: Vec<(&'n str, Cow<'b, str>, PublicId)>,
}

impl<'n, 'b> Identified<'n, 'b> {
    fn of_row(&self, row: usize) -> &[(&'n str, Cow<'b, str>, PublicId)] {
        let range = self.starts.get(row).copied().zip(self.starts.get(row + 1).copied());
        range.and_then(|(start, end)| self.all.get(start..end)).unwrap_or_default()
    }
}

/// A token in one of the common forms, when the field has a type that it is a value of.
fn quick(
    token: &Token<'_>,
    reading: Option<Reading>,
    in_force: Option<ValueType>,
) -> Option<Value> {
    let text = match token {
        Token::Cell(text) => *text,
        Token::Number(text) => text.as_ref(),
        Token::Text(text) => {
            return (in_force? == ValueType::Text).then(|| Value::Text(text.clone().into_owned()));
        }
        Token::Null | Token::Boolean(_) | Token::List(_) => return None,
    };
    match (in_force?, reading) {
        (_, Some(Reading::Json)) => None,
        (ValueType::Text, _) => Some(Value::Text(text.to_owned())),
        (_, Some(Reading::Text | Reading::Float)) => None,
        (ValueType::Integer, _) => quick_integer(text).map(Value::Integer),
        (ValueType::Decimal, _) => quick_decimal(text).map(Value::Decimal),
        _ => None,
    }
}

impl<'b> Block<'b> {
    /// A block with what becomes of its columns; nothing when its rows must be folded one by one.
    fn of(
        fold: &Fold,
        at: &'b RecordContext,
        entry: &'b BlockEntry,
        shape: &'b Shape,
    ) -> Option<Block<'b>> {
        let Shape::File(shape) = shape else { return None };
        let mut roles = Roles::of(shape)?;
        let fields = Fields::new(entry, &shape.format)?;
        fields.names().iter().for_each(|name| roles.add(shape, name));
        let mapped = mapped(shape);
        let mapping = fold.state.mapping(at.source, mapped);
        let definitions = &fold.state.definitions;
        let columns = definitions.columns(mapped, mapping.as_deref(), &roles.values)?;
        let mut places = vec![None; entry.columns.len()];
        for (place, MappedColumn { column, .. }) in columns.iter().enumerate() {
            places.get_mut(column.column).into_iter().for_each(|slot| *slot = Some(place));
        }
        let lists = roles.used().any(|column| fields.may_be_list(column));
        Some(Block { at, entry, fields, shape, roles, columns, places, lists })
    }

    /// The text that a row has in a column.
    fn said(&self, column: usize, row: usize) -> Option<Cow<'b, str>> {
        self.fields.token(column, row)?.text()
    }

    /// The message id that a row names.
    fn message_id(&self, row: usize) -> Option<Cow<'b, str>> {
        match self.roles.message_id.as_slice() {
            [] => None,
            [column] => self.said(*column, row).filter(|id| !id.is_empty()),
            columns => {
                let said = |column: &usize| self.said(*column, row).map(Cow::into_owned);
                let parts: Vec<Option<String>> = columns.iter().map(said).collect();
                message_id_of(&parts).map(Cow::Owned)
            }
        }
    }

    /// When a row happened: the time and whether it was named; nothing when what stands there is no time.
    fn time(&self, row: usize, times: &mut Times) -> Option<(Timestamp, bool)> {
        let said = self.roles.time.and_then(|column| self.said(column, row));
        // An empty text in JSON says nothing.
        let said = said.filter(|text| !self.roles.are_json() || !text.is_empty());
        let Some(text) = said else { return Some((self.at.clock, false)) };
        let time = times.read(self.shape, &text)?;
        // A time ahead of the engine clock is taken for the time of receipt, like a time that is missing.
        Some(if time <= self.at.clock { (time, true) } else { (self.at.clock, false) })
    }

    /// Whether each cell of a row is one value.
    fn one_value_each(&self, row: usize) -> bool {
        if self.roles.are_json() {
            let is_list = |column| matches!(self.fields.token(column, row), Some(Token::List(_)));
            return !self.lists || !self.roles.used().any(is_list);
        }
        let plain = |value: &ValueColumn| match self.fields.token(value.column, row) {
            Some(Token::Cell(text)) => value.is_plain(text),
            _ => true,
        };
        self.roles.values.iter().all(plain)
    }

    fn identifiers(&self, row: usize) -> Vec<(&str, Cow<'b, str>)> {
        let mut found: Vec<(&str, Cow<'b, str>)> = Vec::with_capacity(self.roles.ids.len());
        for (namespace, column) in &self.roles.ids {
            if let Some(text) = self.said(*column, row)
                && let Some(value) = normalise_text(namespace, text)
                && !found.iter().any(|(known, same)| *known == namespace.as_str() && *same == value)
            {
                found.push((namespace, value));
            }
        }
        found
    }

    /// The identifiers of all rows that are not kept as they came, row by row.
    fn all_identifiers(&self, salt: &[u8; 32]) -> Identified<'_, 'b> {
        let rows = self.entry.rows();
        let mut found =
            Identified { starts: Vec::with_capacity(rows + 1), all: Vec::with_capacity(rows) };
        for row in 0..rows {
            found.starts.push(found.all.len());
            if self.entry.odd(row).is_none() {
                let named = self.identifiers(row).into_iter();
                found.all.extend(named.map(|(namespace, value)| {
                    let public = PublicId::of((namespace, &value), salt);
                    (namespace, value, public)
                }));
            }
        }
        found.starts.push(found.all.len());
        found
    }

    /// The values of a row, in its order, and what becomes of their columns.
    fn values(&self, row: usize) -> impl Iterator<Item = (&MappedColumn, Token<'b>)> {
        (0..self.fields.places(row)).filter_map(move |place| {
            let column = self.fields.column_at(row, place)?;
            let mapped = self.columns.get((*self.places.get(column)?)?)?;
            Some((mapped, self.fields.token_at(row, place)?))
        })
    }

    fn fact<'f>(
        &'f self,
        row: usize,
        time: (Timestamp, bool),
        key: &'f [u8; 16],
        id: Option<&'f str>,
    ) -> Fact<'f> {
        let position = self.at.first.plus(row as u64);
        let (time, dated) = time;
        Fact { record: self.at, position, time, dated, key, message_id: id }
    }
}

/// Which records the rows of a shape are to a mapping.
fn mapped(shape: &FileShape) -> Mapped<'_> {
    match &shape.kind {
        RowKind::Entity { entity, .. } => Mapped::Entity(entity),
        _ => shape.fixed_event().map_or(Mapped::Identify, Mapped::Track),
    }
}

/// What is known while the rows of a block are folded.
#[derive(Default)]
struct Going<'n, 'b> {
    times: Times,
    /// Nothing where the rows are entities.
    identified: Identified<'n, 'b>,
    /// The number of the event type or entity type of the rows, once one of them has begun it.
    number: Option<usize>,
}

impl Fold {
    pub(super) fn apply_block(
        &mut self,
        at: &RecordContext,
        entry: &BlockEntry,
        read: Option<Vec<std::result::Result<Decoded, RowError>>>,
    ) -> Result<()> {
        let last = entry.line(entry.rows().saturating_sub(1));
        let Some(shape) = self.state.begin_rows(at, entry.rows(), last) else { return Ok(()) };
        let mut read = read.map(Vec::into_iter).filter(|read| read.len() == entry.odd.len());
        let block = shape.as_deref().and_then(|shape| Block::of(self, at, entry, shape));
        let Some(block) = block else {
            for (number, row) in entry.to_rows().iter().enumerate() {
                let known = entry.odd(number).and_then(|_| read.as_mut()?.next());
                self.apply_one(at, number, row, shape.as_ref(), known)?;
            }
            return Ok(());
        };
        self.apply_columns(&block, shape.as_ref(), read)
    }

    fn apply_columns(
        &mut self,
        block: &Block<'_>,
        shape: Option<&Arc<Shape>>,
        mut read: Option<Read>,
    ) -> Result<()> {
        let mut going = Going::default();
        if block.roles.entity.is_none() {
            going.identified = block.all_identifiers(&self.state.salt);
            let publics = going.identified.all.iter().map(|(_, _, public)| *public).collect();
            self.open.nodes.look_up(&self.state.parts, publics)?;
        }
        for row in 0..block.entry.rows() {
            let odd = block.entry.odd(row).is_some();
            let known = if odd { read.as_mut().and_then(Iterator::next) } else { None };
            let position = block.at.first.plus(row as u64);
            if self.state.hindsight.retracted.holds_row(block.at.source, position) {
                continue;
            }
            let plain = !odd && block.entry.status(row) == RowStatus::Accepted;
            if plain && self.take_row(block, row, &mut going)? {
                continue;
            }
            if let Some(whole) = block.entry.row(row, block.fields.original(row)) {
                self.apply_one(block.at, row, &whole, shape, known)?;
            }
        }
        Ok(())
    }

    /// Takes a row that is not withdrawn; says whether it could: one that is not plain must be folded by itself.
    fn take_row(
        &mut self,
        block: &Block<'_>,
        row: usize,
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        let time = block.time(row, &mut going.times);
        let (Some(time), Some(key)) = (time, block.entry.key(row)) else { return Ok(false) };
        if !block.one_value_each(row) {
            return Ok(false);
        }
        if let (RowKind::Entity { entity, .. }, Some(column)) =
            (&block.shape.kind, block.roles.entity)
        {
            let said = block.said(column, row).map(Cow::into_owned);
            let Ok(id) = entity_id(said, "") else { return Ok(false) };
            let fact = block.fact(row, time, &key, None);
            return self.take_entity(block, (row, &fact), (entity, &id), going);
        }
        if going.identified.of_row(row).is_empty() {
            return Ok(false);
        }
        if self.is_later(time.0) {
            return Ok(true);
        }
        let event = block.shape.fixed_event();
        if let (Some(name), None) = (event, going.number) {
            // An event type begins with its first event.
            match self.state.event_number(block.at.source, name) {
                Ok(Some(number)) => going.number = Some(number),
                Ok(None) | Err(_) => return Ok(false),
            }
        }
        let named = going.identified.of_row(row).iter();
        let named = named.map(|(namespace, value, public)| ((*namespace, value.as_ref()), *public));
        let Some((node, profile)) = self.observe_known(named, time.0)? else { return Ok(true) };
        self.count_record(block);
        let id = block.message_id(row);
        let fact = block.fact(row, time, &key, id.as_deref());
        match event.zip(going.number) {
            Some((name, number)) => {
                self.take_properties(block, (row, &fact), Owner::Event(number, name), node)?;
            }
            None => {
                let told = self.told(block, row, &fact, Owner::Profile)?;
                self.apply_told(&fact, node, profile, told)?;
            }
        }
        Ok(true)
    }

    /// Whether a question as of a time hides what happened at another.
    fn is_later(&self, time: Timestamp) -> bool {
        self.state.as_of.is_some_and(|limit| time > limit)
    }

    fn count_record(&mut self, block: &Block<'_>) {
        *Arc::make_mut(&mut self.state.records).entry(block.at.source).or_default() += 1;
    }

    fn take_entity(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        (entity, id): (&str, &str),
        going: &mut Going<'_, '_>,
    ) -> Result<bool> {
        if self.is_later(fact.time) {
            return Ok(true);
        }
        if going.number.is_none() {
            match self.state.entity_number(block.at.source, entity) {
                Ok(Some(number)) => going.number = Some(number),
                Ok(None) | Err(_) => return Ok(false),
            }
        }
        let Some(number) = going.number else { return Ok(false) };
        let ordinal = self.observe_entity(number, id)?;
        let told = self.told(block, row, fact, Owner::Entity(number, entity))?;
        self.tell_entity(fact, number, ordinal, told)?;
        self.count_record(block);
        Ok(true)
    }

    /// Takes an event and its properties.
    fn take_properties(
        &mut self,
        block: &Block<'_>,
        (row, fact): (usize, &Fact<'_>),
        owner: Owner<'_>,
        node: NodeId,
    ) -> Result<()> {
        let Owner::Event(number, _) = owner else { return Ok(()) };
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        let index = self.open.events.entry(short).or_default().push(&fact.row(node));
        for (mapped, token) in block.values(row) {
            // Null says nothing of a property.
            if token == Token::Null {
                continue;
            }
            if let Some((property, Some(value))) = self.fit_token(fact, owner, mapped, &token)? {
                self.push_property(number, index, property, &value);
            }
        }
        Ok(())
    }

    /// A token in a common form of a field that is known.
    fn quick_field(
        &self,
        owner: Owner<'_>,
        mapped: &MappedColumn,
        token: &Token<'_>,
    ) -> Option<(u32, Option<Value>)> {
        if !mapped.quick {
            return None;
        }
        let fields = self.state.fields(owner)?;
        let number = fields.find(&mapped.name)?;
        let value = quick(token, mapped.column.reading, fields.get(number)?.value_type)?;
        Some((u32::try_from(number).ok()?, Some(value)))
    }

    fn fit_token(
        &mut self,
        fact: &Fact<'_>,
        owner: Owner<'_>,
        mapped: &MappedColumn,
        token: &Token<'_>,
    ) -> Result<Option<(u32, Option<Value>)>> {
        if let Some(found) = self.quick_field(owner, mapped, token) {
            return Ok(Some(found));
        }
        let field = mapped.column.field(token);
        self.fit_one(fact, owner, &mapped.name, mapped.rule.as_deref(), &field)
    }

    /// What a row tells of its owner.
    fn told(
        &mut self,
        block: &Block<'_>,
        row: usize,
        fact: &Fact<'_>,
        owner: Owner<'_>,
    ) -> Result<ToldTraits> {
        let mut told: ToldTraits = Vec::with_capacity(block.columns.len());
        for (mapped, token) in block.values(row) {
            told.extend(self.fit_token(fact, owner, mapped, &token)?);
        }
        Ok(told)
    }
}
