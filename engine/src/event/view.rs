//! Reading the rows of a table, part by part.

use super::{
    BY_NODE, BYTES, CHILD, DATED, FLAGS, GIVEN_ID, GROUPED_ROWS_MIN, GROUPS, GROUPS_HEAD, HEAD,
    LAG, MESSAGE, NO_NODE, NODE, POSITION, PROPERTY, SOURCE, STEM, TIME,
};
use crate::base::codec;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::part::{BlockKey, Part};
use crate::base::search::first_place;
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::column::{CHUNK_BITS, Cell, ColumnView, Faults};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// One table over the parts of a snapshot.
#[derive(Debug, Default)]
pub struct TableView {
    parts: Vec<Arc<TablePart>>,
}

/// The rows that one part has of a table, in order of time and position.
#[derive(Debug)]
pub struct TablePart {
    part: Arc<Part>,
    key: BlockKey,
    rows: u32,
    fixed: [OnceLock<ColumnView>; 9],
    by_node: OnceLock<ColumnView>,
    /// Where those of each group of identifiers begin; nothing in memory and in short tables.
    groups: OnceLock<Option<Groups>>,
    /// The identifier of each row with the row, sorted, where they are few and asked for again and again.
    owners: Option<OnceLock<Vec<(u32, u32)>>>,
    properties: Vec<(OnceLock<ColumnView>, Option<ValueType>)>,
    faults: Faults,
}

/// Groups of identifiers, and where the rows of each begin in the order of identifiers.
#[derive(Debug)]
struct Groups {
    starts: ColumnView,
    shift: u32,
    first: u32,
    last: u32,
}

/// Is shown the number of the first of some rows, their identifiers and their times.
type SeeRows<'s> = dyn FnMut(u32, &mut Vec<u32>, &[i64]) + 's;

impl TableView {
    /// A table over parts; `types` are those of its properties, by number.
    pub fn new<'p>(
        parts: impl Iterator<Item = &'p Arc<Part>>,
        key: BlockKey,
        types: &[Option<ValueType>],
        faults: &Faults,
    ) -> TableView {
        let open = |part| TablePart::open(part, key, types, faults).map(Arc::new);
        TableView { parts: parts.filter_map(open).collect() }
    }

    /// A table over what was opened of parts, the oldest first.
    pub fn of(parts: Vec<Arc<TablePart>>) -> TableView {
        TableView { parts }
    }

    /// The parts, the oldest first.
    pub fn parts(&self) -> &[Arc<TablePart>] {
        &self.parts
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.rows)).sum()
    }

    /// Shows blocks of rows of the files, or of the parts in memory: the number among all rows of the first, the
    /// identifiers, and the times when they are asked for.
    pub fn each_owner(&self, files: bool, timed: bool, see: &mut SeeRows<'_>) {
        let (mut owners, mut instants) = (Vec::new(), Vec::new());
        let mut next = 0_u32;
        for part in &self.parts {
            let first = next;
            next = next.saturating_add(part.rows);
            if part.is_file() != files {
                continue;
            }
            let (nodes, times) = (part.fixed(NODE), part.fixed(TIME));
            let (Some(nodes), Some(times)) = (nodes, times) else { continue };
            for chunk in 0..nodes.chunks() {
                let (nodes, times) = (nodes.tiers(chunk).first(), times.tiers(chunk).first());
                let Some((nodes, times)) = nodes.zip(times) else { continue };
                let rows = nodes.view.count().min(times.view.count());
                owners.clear();
                owners.extend((0..rows).map(|slot| nodes.view.number(slot)));
                instants.clear();
                if timed {
                    instants.extend((0..rows).map(|slot| times.view.integer(slot)));
                }
                see(first + (chunk << CHUNK_BITS), &mut owners, &instants);
            }
        }
    }

    /// The row of a number that counts the rows of all parts, in order.
    pub fn locate(&self, number: u64) -> Option<(&TablePart, u32)> {
        let (place, row) = self.place_of(number)?;
        Some((self.parts.get(place)?.as_ref(), row))
    }

    /// The same, with the place of the part.
    pub fn place_of(&self, number: u64) -> Option<(usize, u32)> {
        let mut rest = number;
        for (place, part) in self.parts.iter().enumerate() {
            match u32::try_from(rest) {
                Ok(row) if row < part.rows => return Some((place, row)),
                _ => rest -= u64::from(part.rows),
            }
        }
        None
    }
}

/// Writes bytes as lower-case hexadecimal digits, as far as there is room.
fn put_digits(digits: &mut [u8], bytes: &[u8]) {
    for (place, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        let digit = |half: u8| b"0123456789abcdef".get(usize::from(half)).copied();
        place.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)].map(Option::unwrap_or_default));
    }
}

impl TablePart {
    /// The table of a part; nothing when it has none. `types` are those of its properties, by number.
    pub fn open(
        part: &Arc<Part>,
        key: BlockKey,
        types: &[Option<ValueType>],
        faults: &Faults,
    ) -> Option<TablePart> {
        let head = part.sound_block(key.field(NODE).form(HEAD), |head| head.len() == 4);
        let head = faults.or_note(head).flatten();
        let rows = head.and_then(|head| codec::u32_at(&head, 0))?;
        let nodes = ColumnView::new(std::iter::once(part), key.field(NODE), None, faults);
        if nodes.end() != u64::from(rows) {
            faults.note(part.damaged());
            return None;
        }
        Some(TablePart {
            part: Arc::clone(part),
            key,
            rows,
            fixed: Default::default(),
            by_node: OnceLock::new(),
            groups: OnceLock::new(),
            owners: None,
            properties: types.iter().map(|wanted| (OnceLock::new(), *wanted)).collect(),
            faults: faults.clone(),
        })
    }

    /// The same, which is kept as long as its part is.
    pub fn kept(self) -> TablePart {
        let owners = (!self.is_file()).then(OnceLock::new);
        TablePart { owners, ..self }
    }

    /// Whether its properties have these types.
    pub fn has_types(&self, types: &[Option<ValueType>]) -> bool {
        self.properties.iter().map(|(_, wanted)| wanted).eq(types)
    }

    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.rows
    }

    fn view(&self, key: BlockKey, wanted: Option<ValueType>) -> ColumnView {
        ColumnView::new(std::iter::once(&self.part), key, wanted, &self.faults)
    }

    fn fixed(&self, field: u32) -> Option<&ColumnView> {
        let slot = self.fixed.get(field as usize)?;
        Some(slot.get_or_init(|| self.view(self.key.field(field), None)))
    }

    #[inline]
    fn integer(&self, field: u32, row: u32) -> i64 {
        let known = self.fixed(field).and_then(|column| column.integer(row));
        known.unwrap_or_else(|| self.lacks())
    }

    /// Takes note that a column does not tell of all rows.
    #[cold]
    fn lacks<T: Default>(&self) -> T {
        self.faults.note(self.part.damaged());
        T::default()
    }

    /// The identifier of a row.
    #[inline]
    pub fn node(&self, row: u32) -> NodeId {
        NodeId(u32::try_from(self.integer(NODE, row)).unwrap_or(u32::MAX))
    }

    /// When it happened.
    #[inline]
    pub fn time(&self, row: u32) -> Timestamp {
        Timestamp(self.integer(TIME, row))
    }

    /// Whether its record named a time.
    pub fn dated(&self, row: u32) -> bool {
        self.integer(FLAGS, row) & i64::from(DATED) != 0
    }

    /// Whether the source gave the message id.
    pub fn given_id(&self, row: u32) -> bool {
        self.integer(FLAGS, row) & i64::from(GIVEN_ID) != 0
    }

    /// Whether it is a row of a child table, and no event of its own.
    pub fn child(&self, row: u32) -> bool {
        self.integer(FLAGS, row) & i64::from(CHILD) != 0
    }

    /// Who said so.
    pub fn source(&self, row: u32) -> SourceId {
        SourceId(u32::try_from(self.integer(SOURCE, row)).unwrap_or_default())
    }

    /// The record in the log.
    pub fn position(&self, row: u32) -> Position {
        Position(self.integer(POSITION, row).cast_unsigned())
    }

    /// The message id: that of the source, or the generated one in 32 digits.
    pub fn message_id(&self, row: u32) -> Cow<'_, str> {
        if let Some(digits) = self.stem_digits(row) {
            return Cow::Owned(digits.iter().map(|digit| char::from(*digit)).collect());
        }
        let bytes = self.fixed(MESSAGE).and_then(|c| c.bytes(row));
        let bytes = bytes.unwrap_or_else(|| self.lacks());
        match std::str::from_utf8(bytes) {
            Ok(text) if self.given_id(row) => Cow::Borrowed(text),
            _ => Cow::Owned(codec::hex(bytes)),
        }
    }

    /// The message id as a value.
    pub fn message_cell(&self, row: u32) -> Cell<'_> {
        if let Some(digits) = self.stem_digits(row) {
            return Cell::Digits(digits);
        }
        let bytes = self.fixed(MESSAGE).and_then(|c| c.bytes(row));
        let bytes = bytes.unwrap_or_else(|| self.lacks());
        if self.given_id(row) {
            return std::str::from_utf8(bytes).map_or(Cell::Null, Cell::Text);
        }
        let mut digits = [b'0'; 32];
        put_digits(&mut digits, bytes);
        Cell::Digits(digits)
    }

    /// The digits of a generated message id that is a stem and a number.
    fn stem_digits(&self, row: u32) -> Option<[u8; 32]> {
        let lag = self.fixed(LAG)?.integer(row)?;
        let Cell::Text(stem) = self.fixed(STEM)?.cell(row) else { return self.lacks() };
        let number = self.position(row).0.wrapping_sub(lag.cast_unsigned());
        let mut digits = [b'0'; 32];
        let (first, rest) = digits.split_at_mut_checked(stem.len())?;
        first.copy_from_slice(stem.as_bytes());
        let bytes = number.to_be_bytes();
        put_digits(rest, bytes.get(bytes.len().saturating_sub(rest.len() / 2)..)?);
        Some(digits)
    }

    /// What is kept of a row as bytes.
    pub fn bytes(&self, row: u32) -> &[u8] {
        let known = self.fixed(BYTES).and_then(|column| column.bytes(row));
        known.unwrap_or_else(|| self.lacks())
    }

    /// The column of a property.
    pub fn property(&self, number: usize) -> Option<&ColumnView> {
        let (slot, wanted) = self.properties.get(number)?;
        let field = PROPERTY + u32::try_from(number).unwrap_or(u32::MAX - PROPERTY);
        Some(slot.get_or_init(|| self.view(self.key.field(field), *wanted)))
    }

    /// The type in force of a property.
    pub fn value_type(&self, number: usize) -> Option<ValueType> {
        self.properties.get(number).and_then(|(_, wanted)| *wanted)
    }

    /// The value of a property.
    pub fn cell(&self, number: usize, row: u32) -> Cell<'_> {
        self.property(number).map_or(Cell::Null, |column| column.cell(row))
    }

    /// The rows of an identifier, in order of time.
    pub fn rows_of(&self, node: NodeId) -> Vec<u32> {
        let order =
            self.by_node.get_or_init(|| self.view(self.key.field(NODE).form(BY_NODE), None));
        let row_at = |place: u32| order.number(place).unwrap_or_else(|| self.lacks());
        if let Some(owners) = &self.owners {
            let owners = owners.get_or_init(|| {
                let rows = (0..self.rows).map(row_at);
                rows.map(|row| (self.node(row).0, row)).collect()
            });
            let first = owners.partition_point(|(owner, _)| *owner < node.0);
            let own = owners.get(first..).unwrap_or_default().iter();
            return own.take_while(|(owner, _)| *owner == node.0).map(|(_, row)| *row).collect();
        }
        if let Some(groups) = self.groups() {
            return self.rows_in(groups, order, node.0);
        }
        let node_at = |place: usize| self.node(row_at(u32::try_from(place).unwrap_or(u32::MAX))).0;
        let low = first_place((0, self.rows as usize), node.0, false, node_at);
        let places = (u32::try_from(low).unwrap_or(self.rows)..self.rows).map(row_at);
        places.take_while(|row| self.node(*row) == node).collect()
    }

    /// The groups of identifiers, which long tables of files have.
    fn groups(&self) -> Option<&Groups> {
        if self.rows < GROUPED_ROWS_MIN || !self.is_file() {
            return None;
        }
        let open = || {
            let starts = self.view(self.key.field(NODE).form(GROUPS), None);
            let head = |place: u32| starts.number(place).unwrap_or_else(|| self.lacks());
            let (shift, first, last) = (head(0), head(1), head(2));
            // A place for each, one for what has no identifier, and the end.
            let places = u64::from(last).checked_sub(first.into()).map(|between| between + 3);
            if shift >= u32::BITS
                || places.map(|n| n + u64::from(GROUPS_HEAD)) != Some(starts.end())
            {
                self.lacks::<()>();
            }
            Some(Groups { starts, shift: shift.min(31), first, last })
        };
        self.groups.get_or_init(open).as_ref()
    }

    /// The rows of an identifier, among those of its group.
    fn rows_in(&self, groups: &Groups, order: &ColumnView, node: u32) -> Vec<u32> {
        let group = match node {
            NO_NODE => groups.last.saturating_add(1),
            _ => node >> groups.shift,
        };
        if group < groups.first || (group > groups.last && node != NO_NODE) {
            return Vec::new();
        }
        let place = |group: u32| {
            let start = groups.starts.number(GROUPS_HEAD.saturating_add(group));
            start.unwrap_or_else(|| self.lacks())
        };
        let (start, end) = (place(group - groups.first), place(group - groups.first + 1));
        let mask = (1_i64 << groups.shift) - 1;
        let wanted = i64::from(node) & mask;
        let at = |place: u32| order.integer(place).unwrap_or_else(|| self.lacks());
        let (mut low, mut high) = (start, end.min(self.rows));
        while low < high {
            let middle = u32::midpoint(low, high);
            if at(middle) & mask < wanted { low = middle + 1 } else { high = middle }
        }
        let own = (low..end.min(self.rows)).map(at).take_while(|value| value & mask == wanted);
        own.map(|value| u32::try_from(value >> groups.shift).unwrap_or_else(|_| self.lacks()))
            .collect()
    }

    /// The rows between two instants, both of them included: rows stand in the order of time.
    pub fn rows_between(&self, from: Timestamp, to: Timestamp) -> std::ops::Range<u32> {
        let bound = |before: &dyn Fn(Timestamp) -> bool| {
            let (mut low, mut high) = (0, self.rows);
            while low < high {
                let middle = u32::midpoint(low, high);
                if before(self.time(middle)) { low = middle + 1 } else { high = middle }
            }
            low
        };
        let first = bound(&|time| time < from);
        first..bound(&|time| time <= to).max(first)
    }

    /// The text of a property; nothing for what is none.
    pub fn text(&self, number: usize, row: u32) -> Option<&str> {
        match self.cell(number, row) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the rows are in a file.
    pub fn is_file(&self) -> bool {
        self.part.digest().is_some()
    }

    /// The part that has the rows.
    pub(super) fn source_part(&self) -> &Arc<Part> {
        &self.part
    }
}
