//! Golden rows: for each profile or entity its members and, for each trait, the value that won.
//!
//! *What it is:* `GoldenRow`, everything of one profile in one place; `OpenRows`, those that are not in a part yet,
//! with the traits that changed; in parts a row for each profile and beside it a column for each trait. *Invariants:*
//! the winner is the greatest fact by (event time, name of the source, value; NULL is the least), so the order of
//! arrival never matters; a NULL that wins removes the trait; rows and columns tell the same. *What it does not know:*
//! where facts come from. *Where to start reading:* `GoldenRow::tell`.

mod golden;
mod view;

pub use golden::{Support, is_counted, order, support};
pub use view::{RowView, rows_told};

use crate::base::codec;
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal, Position, SourceId};
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::catalog::{Catalog, Fields};
use crate::column::{
    Cell, ColumnWriter, Keeping, Layout, OpenColumn, Point, Stored, merge_column, rows_in,
};
use bincode::{Decode, Encode};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The rows themselves, as bytes.
const ROW: u32 = 0;
/// The node that a profile began with.
const ANCHOR: u32 = 1;
/// The first trait.
const TRAIT: u32 = 16;

/// Rows that are kept after they were read.
const ROWS_READ: usize = 1024;

/// Who said the value that won, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Winner {
    /// The event time; the time of receipt when the record named none.
    pub time: Timestamp,
    /// Whether the record named a time.
    pub dated: bool,
    /// The source.
    pub source: SourceId,
    /// The record.
    pub position: Position,
}

/// A trait in a golden row.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RowTrait {
    /// Its number in the catalog.
    pub number: u32,
    /// The value that won, in the type that it was told in; none when NULL won.
    pub value: Option<Value>,
    /// Who said so.
    pub winner: Winner,
    /// What its rule asks for beside that.
    pub support: Support,
}

impl RowTrait {
    /// What one record says of a trait.
    pub fn told(number: u32, value: Option<Value>, winner: Winner) -> RowTrait {
        RowTrait { number, value, winner, support: Support::None }
    }
}

/// Everything that is known of a profile or entity.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct GoldenRow {
    /// The nodes of a profile; none for an entity.
    pub members: Vec<NodeId>,
    /// The node that names a profile; nothing for an entity.
    pub name: Option<NodeId>,
    /// Whether evidence that may not join two known profiles holds a profile together.
    pub conditional: bool,
    /// The traits, by number.
    pub traits: Vec<RowTrait>,
}

impl GoldenRow {
    /// A profile of which no more is known than the node that it began with.
    pub fn of_anchor(anchor: Option<NodeId>) -> GoldenRow {
        GoldenRow { members: anchor.into_iter().collect(), name: anchor, ..GoldenRow::default() }
    }

    /// What is known of a trait.
    pub fn get(&self, number: u32) -> Option<&RowTrait> {
        let found = self.traits.binary_search_by_key(&number, |known| known.number);
        found.ok().and_then(|index| self.traits.get(index))
    }

    /// Tells a fact; says whether it won.
    fn tell(&mut self, fact: RowTrait, fields: &Fields, catalog: &Catalog) -> bool {
        if is_counted(fields, fact.number) {
            if fact.value.is_none() && fact.support == Support::None {
                return false;
            }
            let fact = golden::count(self.get(fact.number), fact, fields, catalog);
            self.put(fact);
            return true;
        }
        match self.traits.binary_search_by_key(&fact.number, |known| known.number) {
            Err(index) => {
                self.traits.insert(index, fact);
                true
            }
            Ok(index) => match self.traits.get_mut(index) {
                Some(known) if beats(&fact, known, fields, catalog) => {
                    *known = fact;
                    true
                }
                _ => false,
            },
        }
    }
}

impl GoldenRow {
    /// Tells the facts of one record; notes the numbers of those that won.
    pub fn tell_record(
        &mut self,
        mut facts: Vec<RowTrait>,
        fields: &Fields,
        catalog: &Catalog,
        changed: &mut Vec<u32>,
    ) {
        support(&mut facts, fields);
        self.tell_all(facts, fields, catalog, changed);
    }

    /// Tells the traits of another row, which have what their rules ask for: what stands beside them there may be of
    /// other records. Notes the numbers of those that won. An amount of money and its currency win together, so that
    /// both are always of one record.
    pub fn tell_all(
        &mut self,
        facts: Vec<RowTrait>,
        fields: &Fields,
        catalog: &Catalog,
        changed: &mut Vec<u32>,
    ) {
        let pairs: Vec<(u32, u32)> = if fields.has_money() {
            let amounts = facts
                .iter()
                .filter_map(|fact| Some((fact.number, fields.get(fact.number as usize)?.money?)));
            amounts.filter(|(_, currency)| facts.iter().any(|f| f.number == *currency)).collect()
        } else {
            Vec::new()
        };
        let of = |number: u32| facts.iter().rfind(|fact| fact.number == number);
        for (amount, currency) in &pairs {
            let (Some(amount), Some(currency)) = (of(*amount), of(*currency)) else { continue };
            let known = (self.get(amount.number), self.get(currency.number));
            let wins = match known {
                (Some(known), Some(beside)) => {
                    let order = order(amount, known, fields, catalog);
                    let order = order
                        .then_with(|| value_order(currency.value.as_ref(), beside.value.as_ref()));
                    order.then_with(|| known.winner.position.cmp(&amount.winner.position))
                        == Ordering::Greater
                }
                (Some(known), None) => beats(amount, known, fields, catalog),
                (None, _) => true,
            };
            if wins {
                for fact in [amount, currency] {
                    self.put(fact.clone());
                    changed.push(fact.number);
                }
            }
        }
        for fact in facts {
            let paired = pairs.iter().any(|(a, c)| [*a, *c].contains(&fact.number));
            let number = fact.number;
            if !paired && self.tell(fact, fields, catalog) {
                changed.push(number);
            }
        }
    }

    fn put(&mut self, fact: RowTrait) {
        match self.traits.binary_search_by_key(&fact.number, |known| known.number) {
            Err(index) => self.traits.insert(index, fact),
            Ok(index) => {
                if let Some(known) = self.traits.get_mut(index) {
                    *known = fact;
                }
            }
        }
    }
}

/// Whether a fact beats another of the same trait.
pub fn beats(fact: &RowTrait, known: &RowTrait, fields: &Fields, catalog: &Catalog) -> bool {
    // Of equal facts the first in the log is named, so that a replay names the same one.
    let position = || known.winner.position.cmp(&fact.winner.position);
    order(fact, known, fields, catalog).then_with(position) == Ordering::Greater
}

/// The order of two values in which the greater one wins: NULL is less than every value.
pub fn value_order(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(a), Some(b)) => Cell::of(a).compare(Cell::of(b)).unwrap_or(Ordering::Equal),
    }
}

/// A row that was changed.
#[derive(Debug, Clone, Default)]
struct OpenRow {
    /// None when the ordinal is dead.
    row: Option<GoldenRow>,
    /// The traits whose columns must be told, each once.
    changed: Vec<u32>,
}

/// Rows that are not in a part yet.
#[derive(Debug, Clone, Default)]
pub struct OpenRows {
    /// The first new ordinal.
    first: u32,
    /// The anchor of each new ordinal.
    anchors: Vec<u32>,
    rows: BTreeMap<u32, OpenRow>,
    /// Rows of parts that were read and may be read again before the next part.
    read: HashMap<u32, GoldenRow>,
    stored: Stored,
}

impl OpenRows {
    /// Nothing open; the next new row gets an ordinal.
    pub fn starting_at(first: u32) -> OpenRows {
        OpenRows { first, ..OpenRows::default() }
    }

    /// Takes note that all parts are files.
    pub fn settled(&mut self, files: usize) {
        self.stored.settled(files, self.first);
    }

    /// What is open is in a part in memory now: nothing is open any more.
    pub fn frozen(&mut self) -> OpenRows {
        let mut stored = std::mem::take(&mut self.stored);
        stored.touch(self.rows.keys().copied());
        OpenRows { first: self.count(), stored, ..OpenRows::default() }
    }

    /// One more than the greatest ordinal.
    pub fn count(&self) -> u32 {
        self.first + u32::try_from(self.anchors.len()).unwrap_or(u32::MAX - self.first)
    }

    /// How many rows are new or changed.
    pub fn changes(&self) -> usize {
        self.anchors.len() + self.rows.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        let traits = self.rows.values().filter_map(|open| open.row.as_ref());
        let traits = traits.map(|row| row.traits.len() * 96).sum::<usize>();
        self.anchors.len() * 4 + self.rows.len() * 120 + traits
    }

    /// Forgets what is open, which is in a part now, and keeps the memory for what comes next.
    pub fn recycle(&mut self) {
        self.first = self.count();
        self.anchors.clear();
        self.rows.clear();
        self.read.clear();
    }

    /// A new row, for the node that it begins with (for an entity any number).
    pub fn add(&mut self, anchor: u32) -> Ordinal {
        let ordinal = self.count();
        self.anchors.push(anchor);
        Ordinal(ordinal)
    }

    /// Reads a row of parts ahead of those who will look at it.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn fetch(&mut self, parts: &[Arc<Part>], space: BlockKey, ordinal: Ordinal) -> Result<()> {
        let stored = ordinal.0 < self.first && !self.rows.contains_key(&ordinal.0);
        if stored && !self.read.contains_key(&ordinal.0) {
            if self.read.len() >= ROWS_READ {
                self.read.clear();
            }
            let parts = self.stored.of(parts, ordinal.0);
            self.read.insert(ordinal.0, stored_row(parts, space, ordinal)?);
        }
        Ok(())
    }

    /// Everything that is known of a row; a profile that has its first node alone and no traits has only that.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn get(&self, parts: &[Arc<Part>], space: BlockKey, ordinal: Ordinal) -> Result<GoldenRow> {
        if let Some(open) = self.rows.get(&ordinal.0) {
            return Ok(open.row.clone().unwrap_or_default());
        }
        let new = ordinal.0.checked_sub(self.first).and_then(|i| self.anchors.get(i as usize));
        if let Some(anchor) = new {
            return Ok(GoldenRow::of_anchor(Some(NodeId(*anchor))));
        }
        match self.read.get(&ordinal.0) {
            Some(row) => Ok(row.clone()),
            None => stored_row(self.stored.of(parts, ordinal.0), space, ordinal),
        }
    }

    /// As `get`, without a copy of a row that is open.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn look(
        &self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<Cow<'_, GoldenRow>> {
        let open = self.rows.get(&ordinal.0).and_then(|open| open.row.as_ref());
        match open.or_else(|| self.read.get(&ordinal.0)) {
            Some(row) => Ok(Cow::Borrowed(row)),
            None => self.get(parts, space, ordinal).map(Cow::Owned),
        }
    }

    /// Changes a row. `change` gives the traits whose values changed.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn change(
        &mut self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
        change: impl FnOnce(&mut GoldenRow, &mut Vec<u32>),
    ) -> Result<()> {
        if !self.rows.contains_key(&ordinal.0) {
            let row = match self.read.remove(&ordinal.0) {
                Some(row) => row,
                None => self.get(parts, space, ordinal)?,
            };
            self.rows.insert(ordinal.0, OpenRow { row: Some(row), changed: Vec::new() });
        }
        let Some(open) = self.rows.get_mut(&ordinal.0) else { return Ok(()) };
        change(open.row.get_or_insert_default(), &mut open.changed);
        open.changed.sort_unstable();
        open.changed.dedup();
        Ok(())
    }

    /// Takes the row of an ordinal that dies.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn take(
        &mut self,
        parts: &[Arc<Part>],
        space: BlockKey,
        ordinal: Ordinal,
    ) -> Result<GoldenRow> {
        let known = self.rows.get_mut(&ordinal.0).and_then(|open| open.row.take());
        let row = match known.or_else(|| self.read.remove(&ordinal.0)) {
            Some(row) => row,
            None => self.get(parts, space, ordinal)?,
        };
        let open = self.rows.entry(ordinal.0).or_default();
        open.changed.extend(row.traits.iter().map(|known| known.number));
        open.changed.sort_unstable();
        open.changed.dedup();
        open.row = None;
        Ok(row)
    }

    /// Writes what is open into a part; `fields` has the types in force.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter, space: BlockKey, fields: &Fields) -> Result<()> {
        if !self.anchors.is_empty() {
            let mut anchors = ColumnWriter::new(part, space.field(ANCHOR), Layout::Integers, None);
            for (ordinal, anchor) in (self.first..).zip(&self.anchors) {
                anchors.integer(ordinal, i64::from(*anchor))?;
            }
            anchors.finish()?;
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut columns: BTreeMap<u32, OpenColumn> = BTreeMap::new();
        let mut rows = ColumnWriter::new(part, space.field(ROW), Layout::Bytes, None);
        for (ordinal, open) in &self.rows {
            match &open.row {
                Some(row) => rows.bytes(*ordinal, &codec::encode_row(row)?)?,
                None => rows.null(*ordinal)?,
            }
            for number in &open.changed {
                let Some(value_type) = fields.get(*number as usize).and_then(|f| f.value_type)
                else {
                    continue;
                };
                let known = open.row.as_ref().and_then(|row| row.get(*number));
                columns
                    .entry(*number)
                    .or_insert_with(|| OpenColumn::new(value_type))
                    .push(*ordinal, known.and_then(|known| known.value.as_ref()));
            }
        }
        rows.finish()?;
        for (number, column) in columns {
            column.write(part, trait_key(space, number as usize), None, true)?;
        }
        Ok(())
    }
}

/// The column of a trait.
pub fn trait_key(space: BlockKey, number: usize) -> BlockKey {
    space.field(TRAIT + u32::try_from(number).unwrap_or(u32::MAX - TRAIT))
}

/// The row of an ordinal in parts.
///
/// # Errors
/// `Corrupt` when a block does not hold.
pub fn stored_row(parts: &[Arc<Part>], space: BlockKey, ordinal: Ordinal) -> Result<GoldenRow> {
    if let Some(row) = Point::find(parts, space.field(ROW), ordinal.0)? {
        return codec::decode_row(row.bytes());
    }
    let anchor = Point::find(parts, space.field(ANCHOR), ordinal.0)?;
    Ok(GoldenRow::of_anchor(anchor.map(|anchor| NodeId(anchor.number()))))
}

/// One more than the greatest ordinal that parts tell of.
///
/// # Errors
/// `Corrupt`.
pub fn ordinals_in(parts: &[Arc<Part>], space: BlockKey) -> Result<u64> {
    rows_in(parts, space.field(ANCHOR))
}

/// Merges the rows and columns of parts. `whole`: no older part tells of these rows.
///
/// # Errors
/// `Corrupt`, `Io`.
pub fn merge_rows(
    parts: &[Arc<Part>],
    space: BlockKey,
    writer: &mut PartWriter,
    whole: bool,
) -> Result<()> {
    let mut fields = Vec::new();
    for part in parts {
        let same = |key: &BlockKey| (key.space, key.number) == (space.space, space.number);
        let keys = part.keys_from(space).take_while(same).filter(|key| key.form == 0);
        fields.extend(keys.map(|key| key.field));
    }
    fields.sort_unstable();
    fields.dedup();
    for field in fields {
        let keeping = Keeping { index: field >= TRAIT, nulls: !whole };
        merge_column(parts, space.field(field), writer, keeping)?;
    }
    Ok(())
}

/// A value in the type in force: rows keep the type that it was told in.
pub fn widened(value: &Value, wanted: Option<ValueType>) -> Value {
    wanted.and_then(|wanted| value.widen_to(wanted)).unwrap_or_else(|| value.clone())
}
