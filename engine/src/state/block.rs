//! Rows by column: the fold of a block of a load, without a record for each row.
//!
//! It gives exactly what folding its rows one by one gives; rows that are not plain (kept as they came, conflicting,
//! without an identifier, with a time that is none) go that way, in their turn, and so do cells in rare forms.

use super::apply::Fact;
use super::message::{Messages, Told};
use super::people::Normal;
use super::{Fold, RecordContext, State, ToldTraits};
use crate::base::codec::TextMap;
use crate::base::error::Result;
use crate::base::ids::SourceId;
use crate::base::time::Timestamp;
use crate::definition::{Mapped, MappedColumn};
use crate::entry::{BlockEntry, FileShape, RowKind, RowStatus, Shape};
use crate::identity::{Namespace, PublicId};
use crate::record::{
    Decoded, Fields, Roles, RowError, Times, Token, ValueColumn, Words, identifier_text,
    message_id_of,
};
use std::borrow::Cow;
use std::sync::Arc;

/// Rows that the caller has read already, in the order of those that are kept as they came.
type Read = std::vec::IntoIter<std::result::Result<Decoded, RowError>>;

/// What all rows of a block share.
pub(super) struct Block<'b> {
    pub at: &'b RecordContext,
    pub entry: &'b BlockEntry,
    pub fields: Fields<'b>,
    pub shape: &'b FileShape,
    pub roles: Roles,
    /// What becomes of the columns that are no roles; nothing where that is said event by event.
    pub columns: Columns,
    /// Whether a column with a role of its own has a list in some row.
    lists: bool,
}

/// What becomes of the columns of rows that are all of one kind.
#[derive(Default)]
pub(super) struct Columns {
    mapped: Vec<MappedColumn>,
    /// For each column which of those it is.
    places: Vec<Option<usize>>,
}

impl Columns {
    /// Those of rows of a source; nothing when their rows must be folded one by one.
    pub fn of(
        state: &State,
        source: SourceId,
        mapped: Mapped<'_>,
        roles: &Roles,
    ) -> Option<Columns> {
        let mapping = state.mapping(source, mapped);
        let mapped = state.definitions.columns(mapped, mapping.as_deref(), &roles.values)?;
        let mut places = Vec::new();
        for (place, MappedColumn { column, .. }) in mapped.iter().enumerate() {
            if places.len() <= column.column {
                places.resize(column.column + 1, None);
            }
            places.get_mut(column.column).into_iter().for_each(|slot| *slot = Some(place));
        }
        Some(Columns { mapped, places })
    }

    fn of_column(&self, column: usize) -> Option<&MappedColumn> {
        self.mapped.get((*self.places.get(column)?)?)
    }
}

/// The identifiers of rows, with their public ids.
#[derive(Default)]
pub(super) struct Identified<'n, 'b> {
    /// Where those of each row begin, and where the last end.
    starts: Vec<usize>,
    all: Vec<Named<'n, 'b>>,
    /// Rows, ascending, whose identifiers are left to their turn: they are of namespaces that begin in this block.
    left: Vec<usize>,
}

/// An identifier of a row, as it was received, with the number of its namespace.
pub(super) struct Named<'n, 'b> {
    pub namespace: &'n str,
    pub number: Namespace,
    pub received: Cow<'b, str>,
    /// The form in which it is compared, when that is another.
    pub form: Option<String>,
    pub public: PublicId,
}

impl Named<'_, '_> {
    pub fn normal(&self) -> Normal<'_> {
        let value = match &self.form {
            Some(form) => Cow::Borrowed(form.as_str()),
            None => Cow::Borrowed(self.received.as_ref()),
        };
        let (namespace, received) = (self.namespace, self.received.as_ref());
        Normal { namespace, number: self.number, value, received, public: self.public }
    }
}

impl<'n, 'b> Identified<'n, 'b> {
    pub fn with_room(rows: usize) -> Identified<'n, 'b> {
        let (starts, all) = (Vec::with_capacity(rows + 1), Vec::with_capacity(rows));
        Identified { starts, all, left: Vec::new() }
    }

    /// Begins the next row, or ends the last.
    pub fn begin_row(&mut self) {
        self.starts.push(self.all.len());
    }

    pub fn add(&mut self, named: Named<'n, 'b>) {
        self.all.push(named);
    }

    /// Leaves the identifiers of a row to its turn.
    pub fn leave(&mut self, row: usize) {
        self.left.push(row);
    }

    pub fn leaves(&self, row: usize) -> bool {
        self.left.binary_search(&row).is_ok()
    }

    pub fn of_row(&self, row: usize) -> &[Named<'n, 'b>] {
        let range = self.starts.get(row).copied().zip(self.starts.get(row + 1).copied());
        range.and_then(|(start, end)| self.all.get(start..end)).unwrap_or_default()
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
        let fields = Fields::new(entry, shape)?;
        fields.names().iter().for_each(|name| roles.add(shape, name));
        let columns = if Roles::by_words(&shape.kind) || shape.may_share() {
            Columns::default()
        } else {
            Columns::of(&fold.state, at.source, mapped(shape), &roles)?
        };
        let lists = roles.used().any(|column| fields.may_be_list(column));
        Some(Block { at, entry, fields, shape, roles, columns, lists })
    }

    /// The text that a row has in a column.
    pub fn said(&self, column: usize, row: usize) -> Option<Cow<'b, str>> {
        self.fields.token(column, row)?.text()
    }

    /// The message id that a row names.
    pub fn message_id(&self, row: usize) -> Option<Cow<'b, str>> {
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
    pub fn time(&self, row: usize, times: &mut Times) -> Option<(Timestamp, bool)> {
        let said = self.roles.time.and_then(|column| self.said(column, row));
        // An empty text in JSON says nothing.
        let said = said.filter(|text| !self.roles.are_json() || !text.is_empty());
        let time = match said {
            Some(text) => Some(times.read(self.shape, &text)?),
            None => None,
        };
        Some(self.at.dated(time))
    }

    /// Whether each cell of a row is one value.
    pub fn one_value_each(&self, row: usize) -> bool {
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
                && let Some(value) = identifier_text(namespace, text)
                && !found.iter().any(|(known, same)| *known == namespace.as_str() && *same == value)
            {
                found.push((namespace, value));
            }
        }
        found
    }

    /// The identifiers of all rows that are not kept as they came, row by row.
    fn all_identifiers(&self, fold: &mut Fold) -> Identified<'_, 'b> {
        let salt = fold.state.salt;
        let rows = self.entry.rows();
        let mut found = Identified::with_room(rows);
        for row in 0..rows {
            found.begin_row();
            if self.entry.odd(row).is_none() {
                for (namespace, received) in self.identifiers(row) {
                    let number = fold.namespace(namespace);
                    let Some(value) = fold.normal(number, &received) else { continue };
                    let public = PublicId::of((namespace, &value), &salt);
                    let form = if value == received { None } else { Some(value.into_owned()) };
                    found.add(Named { namespace, number, received, form, public });
                }
            }
        }
        found.begin_row();
        found
    }

    /// The values of a row, in its order, and what becomes of their columns.
    pub fn values<'c>(
        &self,
        row: usize,
        columns: &'c Columns,
    ) -> impl Iterator<Item = (&'c MappedColumn, Token<'b>)> {
        (0..self.fields.places(row)).filter_map(move |place| {
            let column = self.fields.column_at(row, place)?;
            let mapped = columns.of_column(column)?;
            Some((mapped, self.fields.token_at(row, place)?))
        })
    }

    pub fn fact<'f>(
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
pub(super) struct Going<'n, 'b> {
    pub times: Times,
    /// Nothing where the rows are entities.
    pub identified: Identified<'n, 'b>,
    /// The number of the event type or entity type of the rows, once one of them has begun it.
    pub number: Option<usize>,
    /// What rows are by their words, and what a consent tells once it is settled.
    pub words: Words<Option<ToldTraits>>,
    /// The number of an event and what becomes of the columns in its rows, where rows name theirs; nothing for one
    /// whose rows must be folded one by one.
    pub events: TextMap<String, Option<(usize, Columns)>>,
    /// What becomes of the fields of messages, by plan.
    pub told: Vec<Told>,
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
        let messages = Messages::of(block);
        let mut going = Going { told: messages.told(), ..Going::default() };
        if block.roles.entity.is_none() {
            going.identified = match block.shape.may_share() {
                true => messages.identifiers(block, self),
                false => block.all_identifiers(self),
            };
            let publics = going.identified.all.iter().map(|named| named.public).collect();
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
            let taken = match block.shape.may_share() {
                _ if !plain => false,
                true => self.take_message((block, row), &messages, &mut going)?,
                false => self.take_row(block, row, &mut going)?,
            };
            if taken {
                continue;
            }
            if let Some(whole) = block.entry.row(row, block.fields.original(row)) {
                self.apply_one(block.at, row, &whole, shape, known)?;
            }
        }
        Ok(())
    }
}
