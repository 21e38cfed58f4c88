//! The tables of a snapshot: their columns and their rows, some at a time.

use super::{ExportColumn, ExportPart, ExportType};
use crate::base::error::Result;
use crate::base::ids::{NodeId, Ordinal};
use crate::base::number::DECIMAL_DIGITS;
use crate::base::value::ValueType;
use crate::catalog::{Fields, folded};
use crate::column::{Cell, SetCell};
use crate::identity::PublicId;
use crate::state::{Membership, Reader, State};
use roaring::RoaringBitmap;
use std::collections::HashSet;
use std::sync::Arc;

/// Digits that a narrow decimal has at most: such a column takes 8 bytes a value.
const NARROW_DIGITS: u8 = 18;
/// The reserved event type of consents, which count by the identifier that they belong to.
pub const CONSENTS: &str = "nave.consent";

/// A table of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableId {
    /// Profiles.
    Profiles,
    /// Identifiers.
    Identifiers,
    /// The events of a type.
    Events(usize),
    /// The entities of a type.
    Entities(usize),
    /// Who is in which segment.
    Members,
}

impl TableId {
    /// What it belongs to.
    pub fn part(self) -> ExportPart {
        match self {
            TableId::Profiles => ExportPart::Profiles,
            TableId::Identifiers => ExportPart::Identifiers,
            TableId::Events(_) => ExportPart::Events,
            TableId::Entities(_) => ExportPart::Entities,
            TableId::Members => ExportPart::Segments,
        }
    }

    /// The name by which audiences call it.
    pub fn name(self, state: &State) -> &str {
        match self {
            TableId::Profiles => Some("profiles"),
            TableId::Identifiers => Some("identifiers"),
            TableId::Members => Some("segment_members"),
            TableId::Events(number) => state.catalog.events().get(number).map(|f| f.name.as_str()),
            TableId::Entities(number) => {
                state.catalog.entities().get(number).map(|f| f.name.as_str())
            }
        }
        .unwrap_or_default()
    }
}

/// All tables of a snapshot.
pub fn tables(state: &State) -> Vec<TableId> {
    let events = (0..state.catalog.events().all().len()).map(TableId::Events);
    let entities = (0..state.catalog.entities().all().len()).map(TableId::Entities);
    let first = [TableId::Profiles, TableId::Identifiers];
    let members = segments(state).next().map(|_| TableId::Members);
    first.into_iter().chain(members).chain(events).chain(entities).collect()
}

/// The segments in force, with their places.
fn segments(state: &State) -> impl Iterator<Item = (u32, &Membership)> {
    (0..).zip(state.memberships.all()).filter(|(_, segment)| segment.version > 0)
}

/// The public ids of all profiles, by ordinal: 16 bytes a profile.
#[derive(Debug, Default)]
pub struct Names(Vec<u128>);

impl Names {
    /// Reads them.
    pub fn read(reader: &Reader<'_>) -> Names {
        let mut names = vec![0; reader.state.counts.ordinals as usize];
        for ordinal in reader.state.live() {
            let id = reader.profile_id(Ordinal(ordinal));
            if let (Some(id), Some(slot)) = (id, names.get_mut(ordinal as usize)) {
                *slot = id.0;
            }
        }
        Names(names)
    }

    fn cell(&self, profile: Option<Ordinal>) -> Cell<'static> {
        let id = profile.and_then(|ordinal| self.0.get(ordinal.0 as usize));
        let Some(id) = id.filter(|id| **id != 0) else { return Cell::Null };
        let mut digits = [b'0'; 32];
        for (place, digit) in digits.iter_mut().zip(PublicId(*id).to_string().bytes()) {
            *place = digit;
        }
        Cell::Digits(digits)
    }
}

/// Where a value of a row is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    ProfileId,
    Namespace,
    Identifier,
    FirstSeen,
    Time,
    Source,
    MessageId,
    Id,
    Trait(usize),
    Property(usize),
    Said(usize),
    Segment,
}

/// A row of a table.
#[derive(Debug, Clone, Copy)]
pub struct RowRef {
    /// The part of a table of events, the place of a segment.
    part: u32,
    /// The row in the part, the ordinal, or the node.
    row: u32,
    profile: Option<Ordinal>,
    /// Where the scan goes on behind it.
    after: u64,
}

/// One table with its columns and the rows that are wanted.
#[derive(Debug, Clone)]
pub struct TableScan {
    table: TableId,
    columns: Vec<ExportColumn>,
    fields: Vec<Field>,
    names: Arc<Names>,
    /// The profiles whose rows are wanted; none for all.
    chosen: Option<Arc<RoaringBitmap>>,
    next: u64,
}

/// Adds the fields of a catalog, by the names that audiences call them.
fn add_fields(
    fields: &Fields,
    prefix: &str,
    of: impl Fn(usize) -> Field,
    columns: &mut Vec<(ExportColumn, Field)>,
) {
    let mut taken: HashSet<String> = columns.iter().map(|(c, _)| folded(&c.name)).collect();
    taken.extend(fields.all().iter().map(|field| folded(&field.name)));
    let fixed: HashSet<String> = columns.iter().map(|(c, _)| folded(&c.name)).collect();
    for (number, field) in fields.all().iter().enumerate() {
        let mut name = field.name.clone();
        // A column that is always there has the name: the field is called behind a prefix.
        if fixed.contains(&folded(&name)) {
            while taken.contains(&folded(&name)) {
                name = format!("{prefix}{name}");
            }
            taken.insert(folded(&name));
        }
        let kind = match field.value_type {
            None | Some(ValueType::Text) => ExportType::Text,
            Some(ValueType::Integer) => ExportType::Integer,
            Some(ValueType::Decimal) => ExportType::DecimalText,
            Some(ValueType::Float) => ExportType::Float,
            Some(ValueType::Boolean) => ExportType::Boolean,
            Some(ValueType::Date) => ExportType::Date,
            Some(ValueType::Timestamp) => ExportType::Timestamp,
            Some(ValueType::Set) => ExportType::Texts,
        };
        columns.push((ExportColumn { name, kind }, of(number)));
    }
}

fn columns_of(state: &State, table: TableId) -> Vec<(ExportColumn, Field)> {
    let fixed = |name: &str, kind, field| (ExportColumn { name: name.to_owned(), kind }, field);
    let catalog = &state.catalog;
    let profile = fixed("profile_id", ExportType::Text, Field::ProfileId);
    let none = Fields::default();
    match table {
        TableId::Profiles => {
            let mut columns = vec![profile];
            add_fields(catalog.traits(), "traits.", Field::Trait, &mut columns);
            columns
        }
        TableId::Identifiers => vec![
            fixed("namespace", ExportType::Text, Field::Namespace),
            fixed("value", ExportType::Text, Field::Identifier),
            profile,
            fixed("first_seen", ExportType::Timestamp, Field::FirstSeen),
        ],
        TableId::Events(number) => {
            let mut columns = vec![
                profile,
                fixed("time", ExportType::Timestamp, Field::Time),
                fixed("source", ExportType::Text, Field::Source),
                fixed("message_id", ExportType::Text, Field::MessageId),
            ];
            if table.name(state) == CONSENTS {
                columns.push(fixed("namespace", ExportType::Text, Field::Namespace));
                columns.push(fixed("value", ExportType::Text, Field::Identifier));
            }
            let fields = catalog.properties(number).unwrap_or(&none);
            add_fields(fields, "properties.", Field::Property, &mut columns);
            columns
        }
        TableId::Entities(number) => {
            let mut columns = vec![fixed("id", ExportType::Text, Field::Id)];
            let fields = catalog.entity_fields(number).unwrap_or(&none);
            add_fields(fields, "fields.", Field::Said, &mut columns);
            columns
        }
        TableId::Members => vec![profile, fixed("segment", ExportType::Text, Field::Segment)],
    }
}

impl TableScan {
    /// A table with all its columns, before its first row. Decimals are looked at, for a scale that holds them all.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn new(
        reader: &Reader<'_>,
        table: TableId,
        names: Arc<Names>,
        chosen: Option<Arc<RoaringBitmap>>,
    ) -> Result<TableScan> {
        let (columns, fields) = columns_of(reader.state, table).into_iter().unzip();
        let mut scan = TableScan { table, columns, fields, names, chosen, next: 0 };
        scan.settle(reader)?;
        Ok(scan)
    }

    /// The table with some of its columns, in the order that is given.
    #[cfg(feature = "arrow")]
    #[must_use]
    pub fn with_columns(mut self, wanted: &[usize]) -> TableScan {
        self.columns = wanted.iter().filter_map(|i| self.columns.get(*i).cloned()).collect();
        self.fields = wanted.iter().filter_map(|i| self.fields.get(*i).copied()).collect();
        self
    }

    /// The columns.
    pub fn columns(&self) -> &[ExportColumn] {
        &self.columns
    }

    /// Finds for each column of decimals how many digits its values need.
    fn settle(&mut self, reader: &Reader<'_>) -> Result<()> {
        let decimals = self.columns.iter().enumerate();
        let decimals = decimals.filter(|(_, column)| column.kind == ExportType::DecimalText);
        let mut found: Vec<(usize, u8, u8)> = decimals.map(|(i, _)| (i, 0, 0)).collect();
        if found.is_empty() {
            return Ok(());
        }
        loop {
            let rows = self.rows(reader, ROWS);
            let Some(last) = rows.last() else { break };
            for (column, whole, scale) in &mut found {
                for row in &rows {
                    if let Cell::Decimal(value) = self.cell(reader, *column, row) {
                        let value = value.normalized();
                        let digits = value.coefficient.unsigned_abs().checked_ilog10();
                        let digits = digits.map_or(0, |log| log as u8 + 1);
                        *scale = (*scale).max(value.scale);
                        *whole = (*whole).max(digits.saturating_sub(value.scale));
                    }
                }
            }
            self.go_on(last);
        }
        self.next = 0;
        for (column, whole, scale) in found {
            let Some(column) = self.columns.get_mut(column) else { continue };
            let digits = if whole + scale <= NARROW_DIGITS { NARROW_DIGITS } else { 38 };
            if u32::from(whole) + u32::from(scale) <= DECIMAL_DIGITS {
                column.kind = ExportType::Decimal { digits, scale };
            }
        }
        reader.check()
    }

    /// The next rows, so many at most; the scan stays where it is until `go_on`.
    pub fn rows(&self, reader: &Reader<'_>, most: usize) -> Vec<RowRef> {
        let chosen = |profile: Option<Ordinal>| match (&self.chosen, profile) {
            (None, _) => true,
            (Some(chosen), Some(profile)) => chosen.contains(profile.0),
            (Some(_), None) => false,
        };
        let next = u32::try_from(self.next).unwrap_or(u32::MAX);
        let plain = |row: u32, profile| RowRef { part: 0, row, profile, after: u64::from(row) + 1 };
        match self.table {
            TableId::Profiles => {
                let mut live = reader.state.live();
                live.remove_range(0..next);
                let live = live.iter().map(|row| plain(row, Some(Ordinal(row))));
                live.filter(|row| chosen(row.profile)).take(most).collect()
            }
            TableId::Identifiers => {
                let nodes = next..reader.state.counts.nodes;
                let nodes = nodes.map(|node| plain(node, reader.nodes().label(NodeId(node))));
                nodes.filter(|row| chosen(row.profile)).take(most).collect()
            }
            TableId::Entities(number) => {
                let count = reader.entities(number).map_or(0, |table| table.len());
                (next..count).map(|row| plain(row, None)).take(most).collect()
            }
            TableId::Events(number) => self.event_rows(reader, number, most, chosen),
            TableId::Members => self.member_rows(reader, most, chosen),
        }
    }

    fn event_rows(
        &self,
        reader: &Reader<'_>,
        number: usize,
        most: usize,
        chosen: impl Fn(Option<Ordinal>) -> bool,
    ) -> Vec<RowRef> {
        let mut found = Vec::new();
        let mut before = 0;
        let parts = reader.events(number).map(|table| table.parts()).unwrap_or_default();
        for (index, part) in (0_u32..).zip(parts) {
            let end = before + u64::from(part.len());
            let first = u32::try_from(self.next.saturating_sub(before)).unwrap_or(u32::MAX);
            for row in first..part.len() {
                if found.len() >= most {
                    return found;
                }
                let profile = reader.nodes().label(part.node(row));
                if chosen(profile) {
                    let after = before + u64::from(row) + 1;
                    found.push(RowRef { part: index, row, profile, after });
                }
            }
            before = end;
        }
        found
    }

    /// Members by segment and ordinal, which `next` says in its upper and its lower half.
    fn member_rows(
        &self,
        reader: &Reader<'_>,
        most: usize,
        chosen: impl Fn(Option<Ordinal>) -> bool,
    ) -> Vec<RowRef> {
        let segments =
            segments(reader.state).filter(|(place, _)| u64::from(*place) >= self.next >> 32);
        let rows = segments.flat_map(|(part, segment)| {
            let begun = u64::from(part) == self.next >> 32;
            let from = if begun { self.next as u32 } else { 0 };
            segment.members.starting_at(Ordinal(from)).map(move |Ordinal(row)| RowRef {
                part,
                row,
                profile: Some(Ordinal(row)),
                after: (u64::from(part) << 32 | u64::from(row)) + 1,
            })
        });
        rows.filter(|row| chosen(row.profile)).take(most).collect()
    }

    /// Goes on behind a row.
    pub fn go_on(&mut self, row: &RowRef) {
        self.next = row.after;
    }

    /// The value of a column of a row. A set that was not said is NULL here; it is written as the empty list.
    pub fn cell<'r>(&self, reader: &'r Reader<'_>, column: usize, row: &RowRef) -> Cell<'r> {
        let Some(field) = self.fields.get(column) else { return Cell::Null };
        let nodes = reader.nodes();
        let text = |text: Option<&'r str>| text.map_or(Cell::Null, Cell::Text);
        let event = || match self.table {
            TableId::Events(number) => {
                reader.events(number).and_then(|table| table.parts().get(row.part as usize))
            }
            _ => None,
        };
        let node = event().map_or(NodeId(row.row), |part| part.node(row.row));
        match *field {
            Field::ProfileId => self.names.cell(row.profile),
            Field::Namespace => text(nodes.identifier(node).map(|(namespace, _)| namespace)),
            Field::Identifier => text(nodes.identifier(node).map(|(_, value)| value)),
            Field::FirstSeen => nodes.first_seen(node).map_or(Cell::Null, Cell::Timestamp),
            Field::Time => event().map_or(Cell::Null, |part| Cell::Timestamp(part.time(row.row))),
            Field::Source => event().map_or(Cell::Null, |part| {
                Cell::Text(reader.state.catalog.source_name(part.source(row.row)))
            }),
            Field::MessageId => event().map_or(Cell::Null, |part| part.message_cell(row.row)),
            Field::Trait(number) => reader.trait_cell(number, Ordinal(row.row)),
            Field::Property(number) => event().map_or(Cell::Null, |p| p.cell(number, row.row)),
            Field::Segment => {
                let segment = reader.state.memberships.at(row.part as usize);
                text(segment.map(|segment| segment.name.as_str()))
            }
            Field::Id => text(self.entities(reader).and_then(|t| t.id(Ordinal(row.row)))),
            Field::Said(number) => {
                let table = self.entities(reader);
                table.map_or(Cell::Null, |table| table.value(number, Ordinal(row.row)))
            }
        }
    }

    fn entities<'r>(&self, reader: &'r Reader<'_>) -> Option<&'r crate::state::EntityView> {
        match self.table {
            TableId::Entities(number) => reader.entities(number),
            _ => None,
        }
    }

    /// The texts of a set, sorted; none when it was not said.
    pub fn texts(
        &self,
        reader: &Reader<'_>,
        column: usize,
        row: &RowRef,
        mut each: impl FnMut(&str),
    ) {
        if let Cell::Set(set) = self.cell(reader, column, row) {
            SetCell::texts(set).for_each(&mut each);
        }
    }
}

/// Rows that are looked at together.
pub const ROWS: usize = 65_536;
