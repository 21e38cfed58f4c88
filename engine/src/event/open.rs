//! Rows of a table that are being gathered.

use super::{
    BY_NODE, BYTES, CHILD, DATED, FLAGS, GIVEN_ID, GROUP_ROWS, GROUPED_ROWS_MIN, GROUPS, HEAD, LAG,
    MESSAGE, NO_NODE, NODE, POSITION, PROPERTY, SOURCE, STEM, TIME,
};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::part::{BlockKey, PartWriter};
use crate::base::row_key::{self, Stems};
use crate::base::time::Timestamp;
use crate::base::value::ValueType;
use crate::column::{ColumnWriter, Layout, OpenColumn};

/// Bytes of the fixed columns of a row: node, time, flags, source, position, end of the message id.
const ROW_BYTES: usize = 33;
/// So many rows, about, are put in order at a time: each takes four bytes meanwhile.
const SORTED_AT_ONCE: usize = 1 << 19;
/// All rows are looked through as many times at most.
const SHARES_MAX: usize = 16;

/// What every event has.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    /// The identifier that it belongs to.
    pub node: NodeId,
    /// When it happened; the time of receipt when its record named none.
    pub time: Timestamp,
    /// Whether its record named a time.
    pub dated: bool,
    /// Who said so.
    pub source: SourceId,
    /// The message id that the source gave.
    pub message_id: Option<&'a str>,
    /// The key of its record: the message id when the source gave none.
    pub key: &'a Digest128,
    /// The record in the log.
    pub position: Position,
    /// Whether it is an object in an array of an event, a row of a child table, and no event of its own.
    pub child: bool,
}

/// Rows of a table that are not in a part yet, in order of arrival.
#[derive(Debug, Clone, Default)]
pub struct OpenTable {
    nodes: Vec<u32>,
    times: Vec<i64>,
    flags: Vec<u8>,
    sources: Vec<u32>,
    positions: Vec<u64>,
    message_ends: Vec<usize>,
    messages: Vec<u8>,
    /// What is kept of each row as bytes, when the table is one of such rows.
    byte_ends: Vec<usize>,
    bytes: Vec<u8>,
    properties: Vec<Option<OpenColumn>>,
}

impl OpenTable {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// About how many bytes of memory they take.
    pub fn weight(&self) -> usize {
        let columns = self.properties.iter().flatten().map(OpenColumn::weight).sum::<usize>();
        let bytes = self.messages.len() + self.bytes.len() + self.byte_ends.len() * 8;
        self.nodes.len() * ROW_BYTES + bytes + columns
    }

    /// Forgets the rows and keeps the memory for the next ones.
    pub fn recycle(&mut self) {
        self.nodes.clear();
        self.times.clear();
        self.flags.clear();
        self.sources.clear();
        self.positions.clear();
        self.message_ends.clear();
        self.messages.clear();
        self.byte_ends.clear();
        self.bytes.clear();
        self.properties.iter_mut().flatten().for_each(OpenColumn::recycle);
    }

    /// Appends a row and gives its number.
    pub fn push(&mut self, row: &EventRow<'_>) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(row.node.0);
        self.times.push(row.time.0);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let given = flag(row.message_id.is_some(), GIVEN_ID);
        self.flags.push(given | flag(row.dated, DATED) | flag(row.child, CHILD));
        self.sources.push(row.source.0);
        self.positions.push(row.position.0);
        self.messages.extend_from_slice(row.message_id.map_or(row.key, str::as_bytes));
        self.message_ends.push(self.messages.len());
        number
    }

    /// The key that a row has for its message id, when the source gave none.
    fn generated(&self, row: usize) -> Option<&Digest128> {
        let given = self.flags.get(row).is_some_and(|flags| flags & GIVEN_ID != 0);
        if given { None } else { piece(&self.message_ends, &self.messages, row).as_array() }
    }

    /// Writes message ids: generated ones as stems, and positions less numbers, when they are of rows of files.
    fn write_messages(&self, part: &mut PartWriter, key: BlockKey, order: &[u32]) -> Result<()> {
        let mut stems = Stems::default();
        let mut keys = 0;
        let few = (0..self.nodes.len()).filter_map(|row| self.generated(row)).all(|key| {
            keys += 1;
            stems.place(&row_key::split(key).0).is_some()
        });
        if keys == 0 || !few || !stems.pay(keys) {
            let (ends, bytes) = (&self.message_ends, &self.messages);
            return write_bytes(part, key.field(MESSAGE), order, ends, bytes);
        }
        let mut given = ColumnWriter::new(part, key.field(MESSAGE), Layout::Bytes, None);
        let rows = || (0..).zip(order.iter().map(|old| *old as usize));
        for (row, old) in rows().filter(|(_, old)| self.generated(*old).is_none()) {
            given.bytes(row, piece(&self.message_ends, &self.messages, old))?;
        }
        given.finish()?;
        let numbered = || rows().filter_map(|(row, old)| Some((row, old, self.generated(old)?)));
        let mut lags = ColumnWriter::new(part, key.field(LAG), Layout::Integers, None);
        for (row, old, key) in numbered() {
            let position = self.positions.get(old).copied().unwrap_or_default();
            lags.integer(row, position.wrapping_sub(row_key::split(key).1).cast_signed())?;
        }
        lags.finish()?;
        let digits: Vec<String> = stems.all.iter().map(|stem| codec::hex(stem)).collect();
        let mut texts = OpenColumn::new(ValueType::Text);
        for (row, _, key) in numbered() {
            let place = stems.place(&row_key::split(key).0).unwrap_or_default();
            texts.push_text(row, digits.get(usize::from(place)).map_or("", String::as_str));
        }
        texts.write(part, key.field(STEM), None, false)
    }

    /// The rows of a node, by number, in order of arrival.
    pub fn rows_of(&self, node: NodeId) -> impl Iterator<Item = usize> {
        let rows = self.nodes.iter().enumerate();
        rows.filter(move |(_, known)| **known == node.0).map(|(row, _)| row)
    }

    /// When a row happened, whether its record named a time, who said so, and where in the log.
    pub fn head(&self, row: usize) -> Option<(Timestamp, bool, SourceId, Position)> {
        let time = Timestamp(*self.times.get(row)?);
        let dated = self.flags.get(row)? & DATED != 0;
        let source = SourceId(*self.sources.get(row)?);
        Some((time, dated, source, Position(*self.positions.get(row)?)))
    }

    /// The bytes that are kept of a row.
    pub fn bytes(&self, row: usize) -> &[u8] {
        piece(&self.byte_ends, &self.bytes, row)
    }

    /// Keeps bytes with the row that was appended last.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.byte_ends.push(self.bytes.len());
    }

    /// The column of a property in a type, widening what is there.
    pub fn column(&mut self, number: usize, value_type: ValueType) -> Option<&mut OpenColumn> {
        while self.properties.len() <= number {
            self.properties.push(None);
        }
        let slot = self.properties.get_mut(number)?;
        let column = slot.get_or_insert_with(|| OpenColumn::new(value_type));
        column.widen(value_type);
        Some(column)
    }

    /// Writes the rows into a part, in order of time and position.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, part: &mut PartWriter, key: BlockKey) -> Result<()> {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let mut order: Vec<u32> =
            (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).collect();
        let place = |row: u32| {
            let row = row as usize;
            (self.times.get(row).copied(), self.positions.get(row).copied())
        };
        order.sort_by_key(|row| place(*row));
        write_head(part, key, self.nodes.len())?;
        let picked = |values: &dyn Fn(usize) -> i64, field, part: &mut PartWriter| -> Result<()> {
            let mut column = ColumnWriter::new(part, key.field(field), Layout::Integers, None);
            for (row, old) in (0..).zip(&order) {
                column.integer(row, values(*old as usize))?;
            }
            column.finish()
        };
        let nodes = |row: usize| i64::from(self.nodes.get(row).copied().unwrap_or_default());
        picked(&nodes, NODE, part)?;
        picked(&|row| self.times.get(row).copied().unwrap_or_default(), TIME, part)?;
        picked(&|row| i64::from(self.flags.get(row).copied().unwrap_or_default()), FLAGS, part)?;
        picked(&|row| i64::from(self.sources.get(row).copied().unwrap_or_default()), SOURCE, part)?;
        let positions = |row: usize| self.positions.get(row).copied().unwrap_or_default();
        picked(&|row| positions(row).cast_signed(), POSITION, part)?;
        self.write_messages(part, key, &order)?;
        if !self.byte_ends.is_empty() {
            write_bytes(part, key.field(BYTES), &order, &self.byte_ends, &self.bytes)?;
        }
        let new_nodes: Vec<u32> = order
            .iter()
            .map(|row| self.nodes.get(*row as usize).copied().unwrap_or_default())
            .collect();
        write_by_node(part, key, &new_nodes)?;
        for (number, column) in (PROPERTY..).zip(&self.properties) {
            if let Some(column) = column.as_ref().filter(|column| column.len() > 0) {
                column.write(part, key.field(number), Some(&order), false)?;
            }
        }
        Ok(())
    }
}

/// A range of bytes by its number, of ranges of which the ends are known.
fn piece<'b>(ends: &[usize], bytes: &'b [u8], number: usize) -> &'b [u8] {
    let before = number.checked_sub(1).and_then(|before| ends.get(before));
    let start = before.copied().unwrap_or(0);
    let end = ends.get(number).copied().unwrap_or(start);
    bytes.get(start..end).unwrap_or_default()
}

pub(super) fn write_head(part: &mut PartWriter, key: BlockKey, rows: usize) -> Result<()> {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    part.put(key.field(NODE).form(HEAD), &rows.to_le_bytes())
}

fn write_bytes(
    part: &mut PartWriter,
    key: BlockKey,
    order: &[u32],
    ends: &[usize],
    bytes: &[u8],
) -> Result<()> {
    let mut column = ColumnWriter::new(part, key, Layout::Bytes, None);
    for (row, old) in (0..).zip(order) {
        column.bytes(row, piece(ends, bytes, *old as usize))?;
    }
    column.finish()
}

/// Groups of identifiers, and where the rows of each begin.
struct Groups {
    /// How many bits number an identifier within its group.
    shift: u32,
    first: u32,
    last: u32,
    starts: Vec<u32>,
}

impl Groups {
    /// Groups of so many rows as are worth it, of identifiers between two.
    fn new(least: u32, most: u32, rows: usize) -> Groups {
        let range = u64::from(most.saturating_sub(least)) + 1;
        let wanted = (rows as u64 / GROUP_ROWS).max(1);
        let shift = (0..u32::BITS - 1).find(|shift| range >> shift <= wanted).unwrap_or(31);
        let (first, last) = (least >> shift, most >> shift);
        Groups { shift, first, last, starts: Vec::new() }
    }

    /// Takes note of the row at the next place, and gives what is written for it.
    fn note(&mut self, place: u32, row: u32, node: u32) -> i64 {
        let group = if node == NO_NODE { self.last + 1 } else { node >> self.shift };
        while self.starts.len() <= (group - self.first) as usize {
            self.starts.push(place);
        }
        i64::from(row) << self.shift | i64::from(node & ((1 << self.shift) - 1))
    }

    fn write(self, part: &mut PartWriter, key: BlockKey, rows: u32) -> Result<()> {
        let places = (self.last - self.first) as usize + 3;
        let rest = std::iter::repeat_n(rows, places.saturating_sub(self.starts.len()));
        let head = [self.shift, self.first, self.last];
        let mut column = ColumnWriter::new(part, key, Layout::Integers, None);
        for (place, value) in (0..).zip(head.into_iter().chain(self.starts).chain(rest)) {
            column.integer(place, i64::from(value))?;
        }
        column.finish()
    }
}

/// The rows in order of their identifiers, and of time for one identifier.
pub(super) fn write_by_node(part: &mut PartWriter, key: BlockKey, nodes: &[u32]) -> Result<()> {
    let known = || nodes.iter().copied().filter(|node| *node != NO_NODE);
    let ends = known().min().zip(known().max());
    let grouped = part.is_file() && nodes.len() >= GROUPED_ROWS_MIN as usize;
    let (least, most) = ends.unwrap_or_default();
    let mut groups = grouped.then(|| Groups::new(least, most, nodes.len()));
    let mut column = ColumnWriter::new(part, key.field(NODE).form(BY_NODE), Layout::Integers, None);
    let node_of = |row: u32| nodes.get(row as usize).copied().unwrap_or_default();
    let (mut place, mut order) = (0, Vec::<u32>::new());
    // Some nodes at a time, so that the order of all rows is not held beside their nodes; those without come last.
    let shares = nodes.len().div_ceil(SORTED_AT_ONCE).clamp(1, SHARES_MAX) as u64;
    let width = (u64::from(most - least) + 1).div_ceil(shares);
    let share_of =
        |share: u64| u64::from(least) + share * width..u64::from(least) + (share + 1) * width;
    let nobody = u64::from(NO_NODE)..u64::from(NO_NODE) + 1;
    for share in (0..shares).map(share_of).chain([nobody]) {
        let is_in = |node: u32| {
            share.contains(&u64::from(node))
                && (node != NO_NODE || share.start == u64::from(NO_NODE))
        };
        order.clear();
        let rows = (0_u32..).zip(nodes).filter(|(_, node)| is_in(**node));
        order.extend(rows.map(|(row, _)| row));
        // Not the stable sort, which takes as much memory again: the row itself decides between equal ones.
        order.sort_unstable_by_key(|row| (node_of(*row), *row));
        for row in &order {
            let value = match &mut groups {
                Some(groups) => groups.note(place, *row, node_of(*row)),
                None => i64::from(*row),
            };
            column.integer(place, value)?;
            place += 1;
        }
    }
    column.finish()?;
    match groups {
        Some(groups) => groups.write(part, key.field(NODE).form(GROUPS), place),
        None => Ok(()),
    }
}
