//! Entries of the log as lines of JSON, there and back.
//!
//! *Invariants:* a line says all that a fold takes from its entry; bytes are given back as they were. *Where to start
//! reading:* `EntryLine`; `docs/export.md` shows the lines.

use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::time::Timestamp;
use crate::entry::{
    BlockEntry, CountedEntry, DefinitionEntry, Entry, FileShape, GapEntry, GroupEntry, ItemsEntry,
    LoadEntry, Origin, ProfilesEntry, RecordsEntry, RetractEntry, Row, RowStatus, SourceEntry,
    StoreEntry, TimersEntry, ToldEntry,
};
use crate::log::{Frame, Header};
use crate::record::{BlockBuilder, RowSight};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A flag that is left out of a line unless it is set.
fn is_unset(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An entry of the log. An entry with rows is followed by a line for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLine {
    /// The position of its first row.
    pub position: Position,
    /// The engine clock, microseconds since 1970.
    pub clock: i64,
    /// `live`, `history` or `correction`.
    pub origin: String,
    /// The number of the source; 0 is the engine.
    pub source: SourceId,
    /// The load; 0 for none.
    pub load: LoadId,
    /// Whether the next entry belongs to the same batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub more: bool,
    /// What it says.
    pub entry: EntryText,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EntryText {
    /// The store.
    Store(StoreEntry),
    /// A source.
    Source(SourceEntry),
    /// The beginning of a load.
    Load(Box<LoadEntry>),
    /// So many rows follow.
    Records(u32),
    /// So many rows follow, which the log keeps by column.
    Columns(u32),
    /// A retraction.
    Retract(RetractEntry),
    /// A definition.
    Definition(DefinitionEntry),
    /// The end of a load.
    Counted(CountedEntry),
    /// Who entered and who left segments.
    Told(ToldEntry),
    /// What happened to a group of consumers.
    Group(GroupEntry),
    /// What became of profiles.
    Profiles(ProfilesEntry),
    /// What a program put into a stream.
    Items(ItemsEntry),
    /// What happened to timers.
    Timers(TimersEntry),
    /// Positions that were lost in a repair.
    Gap {
        /// How many.
        rows: u32,
        /// What was found.
        reason: String,
    },
}

/// A row of the entry before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowLine {
    /// Its position.
    pub row: Position,
    /// The key of exactly-once.
    #[serde(with = "codec::digits")]
    pub key: Digest128,
    /// The line in its file.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u64,
    /// Whether its message id was known with other content.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub conflict: bool,
    /// The bytes, when they are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes, when they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// The last line, without which a file is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailLine {
    /// The first position that the log does not have.
    pub end: Position,
    /// How many entries there are.
    pub entries: u64,
    /// The digest of all lines before, with their ends.
    #[serde(with = "codec::digits")]
    pub digest: Digest128,
}

impl EntryLine {
    /// The lines of a frame: the entry, and its rows.
    ///
    /// # Errors
    /// `Corrupt`; `Invalid` for what an erasure left, which has no line.
    pub fn of(frame: &Frame) -> Result<(EntryLine, Vec<Row>)> {
        let header = &frame.header;
        if header.stub {
            return Err(Error::invalid(format!(
                "the entry at position {} was erased; a log with erasures cannot be exported as \
                 text, copy the folder of the store instead",
                header.first
            )));
        }
        let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
        let (entry, rows) = match entry {
            Entry::Store(store) => (EntryText::Store(store), Vec::new()),
            Entry::Source(source) => (EntryText::Source(source), Vec::new()),
            Entry::Load(load) => (EntryText::Load(load), Vec::new()),
            Entry::Records(records) => (EntryText::Records(header.rows), records.rows),
            Entry::Block(block) => (EntryText::Columns(header.rows), block.to_rows()),
            Entry::Retract(retract) => (EntryText::Retract(retract), Vec::new()),
            Entry::Definition(definition) => (EntryText::Definition(definition), Vec::new()),
            Entry::Counted(counted) => (EntryText::Counted(counted), Vec::new()),
            Entry::Told(told) => (EntryText::Told(told), Vec::new()),
            Entry::Group(group) => (EntryText::Group(group), Vec::new()),
            Entry::Profiles(told) => (EntryText::Profiles(told), Vec::new()),
            Entry::Items(put) => (EntryText::Items(put), Vec::new()),
            Entry::Timers(timers) => (EntryText::Timers(timers), Vec::new()),
            Entry::Gap(gap) => {
                (EntryText::Gap { rows: header.rows, reason: gap.reason }, Vec::new())
            }
        };
        Ok((EntryLine::with(header, entry)?, rows))
    }

    fn with(header: &Header, entry: EntryText) -> Result<EntryLine> {
        let origin = Origin::from_code(header.origin).ok_or_else(|| {
            Error::corrupt(format!("the entry at position {} has no origin", header.first))
        })?;
        Ok(EntryLine {
            position: header.first,
            clock: header.clock.0,
            origin: origin.name().to_owned(),
            source: header.source,
            load: header.load,
            more: header.continues,
            entry,
        })
    }

    /// How many row lines follow.
    pub fn rows(&self) -> u32 {
        match self.entry {
            EntryText::Records(rows) | EntryText::Columns(rows) => rows,
            _ => 0,
        }
    }

    /// How many positions it takes.
    pub fn positions(&self) -> u32 {
        match &self.entry {
            EntryText::Records(rows) | EntryText::Columns(rows) | EntryText::Gap { rows, .. } => {
                *rows
            }
            EntryText::Told(told) => u32::try_from(told.rows()).unwrap_or(u32::MAX),
            EntryText::Profiles(told) => u32::try_from(told.rows()).unwrap_or(u32::MAX),
            EntryText::Items(put) => u32::try_from(put.items.len()).unwrap_or(u32::MAX),
            EntryText::Timers(timers) => u32::try_from(timers.says.len()).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    /// The engine clock.
    pub fn clock(&self) -> Timestamp {
        Timestamp(self.clock)
    }

    /// The entry again, with its rows; `shape` says how rows by column are split.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn entry(self, rows: Vec<Row>, shape: Option<&FileShape>) -> Result<Entry> {
        Ok(match self.entry {
            EntryText::Store(store) => Entry::Store(store),
            EntryText::Source(source) => Entry::Source(source),
            EntryText::Load(load) => Entry::Load(load),
            EntryText::Records(_) => Entry::Records(RecordsEntry { rows }),
            EntryText::Columns(_) => Entry::Block(block(&rows, shape)?),
            EntryText::Retract(retract) => Entry::Retract(retract),
            EntryText::Definition(definition) => Entry::Definition(definition),
            EntryText::Counted(counted) => Entry::Counted(counted),
            EntryText::Told(told) => Entry::Told(told),
            EntryText::Group(group) => Entry::Group(group),
            EntryText::Profiles(told) => Entry::Profiles(told),
            EntryText::Items(put) => Entry::Items(put),
            EntryText::Timers(timers) => Entry::Timers(timers),
            EntryText::Gap { reason, .. } => Entry::Gap(GapEntry { reason }),
        })
    }
}

/// The rows by column, as loading the file made them.
fn block(rows: &[Row], shape: Option<&FileShape>) -> Result<BlockEntry> {
    let missing = || Error::invalid("no load before says how these rows are split");
    let shape = shape.ok_or_else(missing)?;
    let Some(mut sight) = RowSight::of(shape) else {
        return Err(Error::invalid("rows of this load are not kept by column; write \"records\""));
    };
    let mut builder = BlockBuilder::new(shape);
    for row in rows {
        let plain = sight.plain(&row.original);
        let sight = plain.then_some(&sight);
        builder.push(&row.key, row.status, row.line, &row.original, sight);
    }
    Ok(builder.finish())
}

impl RowLine {
    /// The line of a row at a position.
    pub fn of(position: Position, row: Row) -> RowLine {
        let Row { key, status, line, original } = row;
        let (text, base64) = match String::from_utf8(original) {
            Ok(text) => (Some(text), None),
            Err(bytes) => (None, Some(STANDARD.encode(bytes.as_bytes()))),
        };
        let conflict = status == RowStatus::Conflict;
        RowLine { row: position, key, line, conflict, text, base64 }
    }

    /// The row again.
    ///
    /// # Errors
    /// `Invalid` when the bytes are not said once.
    pub fn row(self) -> Result<Row> {
        let original = match (self.text, self.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => STANDARD.decode(&text).map_err(|e| {
                Error::new(ErrorKind::Invalid, format!("'base64' cannot be read: {e}"))
            })?,
            _ => return Err(Error::invalid("a row has either 'text' or 'base64'")),
        };
        let status = if self.conflict { RowStatus::Conflict } else { RowStatus::Accepted };
        Ok(Row { key: self.key, status, line: self.line, original })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Epoch;
    use crate::base::value::ValueType;
    use crate::entry::{Became, GroupSays, ProfilesChange, Reason, TimerSays, ToldChange};
    use crate::entry::{Dialect, InferredType, RowFormat, RowKind, Said, TimeUnit};

    fn shape() -> FileShape {
        FileShape {
            format: RowFormat::Delimited {
                dialect: Dialect { delimiter: b';', quote: Some(b'"'), escape: Some(b'\\') },
                header: vec!["u".into(), "größe \"x\"".into()],
            },
            kind: RowKind::Track(Said::Fixed("buy".into())),
            ids: vec![("user_id".into(), "u".into())],
            time: None,
            time_unit: TimeUnit::Pattern("%Y".into()),
            zone: "UTC".into(),
            message_id: vec![],
            encoding: "utf-8".into(),
            readings: vec![],
        }
    }

    fn rows() -> Vec<Row> {
        let texts: [&[u8]; 6] =
            [b"1;a", b"2;\"b\"", b"", b"3;c;d", b"4;\xff\xfe", "5;ü\u{0}\n".as_bytes()];
        let row = |(index, text): (usize, &&[u8])| Row {
            key: [index as u8; 16],
            status: if index == 1 { RowStatus::Conflict } else { RowStatus::Accepted },
            line: if index == 3 { 0 } else { index as u64 + 2 },
            original: text.to_vec(),
        };
        texts.iter().enumerate().map(row).collect()
    }

    fn header() -> Header {
        Header {
            kind: 4,
            payload_version: 1,
            origin: 1,
            continues: true,
            length: 0,
            first: Position(10),
            rows: 1,
            epoch: Epoch(3),
            clock: Timestamp(-5),
            load: LoadId(6),
            durable: Position(7),
            source: SourceId(8),
            digest: [0; 16],
            chain: [0; 16],
            stored: 0,
            stub: false,
        }
    }

    fn entries() -> Vec<Entry> {
        let types = vec![InferredType {
            entity: None,
            event: Some("buy".into()),
            name: "n".into(),
            value_type: ValueType::Decimal,
        }];
        let load = LoadEntry { file: "f".into(), content: [7; 16], shape: shape(), types };
        let retract = |what| Entry::Retract(what);
        let (source, from, to) = (SourceId(1), Position(2), Position(9));
        vec![
            Entry::Store(StoreEntry {
                store: [1; 16],
                salt: [2; 32],
                normalisers: 1,
                inference: 1,
                time_zones: "2026a".into(),
            }),
            Entry::Source(SourceEntry { number: SourceId(1), name: "crm".into() }),
            Entry::Load(Box::new(load)),
            Entry::Records(RecordsEntry { rows: rows() }),
            Entry::Block(block(&rows(), Some(&shape())).unwrap()),
            retract(RetractEntry::Load(LoadId(3))),
            retract(RetractEntry::Record(Position(5))),
            retract(RetractEntry::Records(vec![Position(5), Position(6)])),
            retract(RetractEntry::Source { source, from, to }),
            Entry::Gap(GapEntry { reason: "damage".into() }),
            Entry::Definition(DefinitionEntry {
                kind: "trait".into(),
                name: "n".into(),
                version: 2,
                body: None,
            }),
            told(),
            group(false),
            group(true),
            Entry::Profiles(ProfilesEntry {
                clock: Timestamp(9),
                changes: vec![ProfilesChange {
                    became: Became::Joined,
                    reason: Reason::Event,
                    old: vec![1, 2],
                    now: vec![2, 2],
                    new: vec![2],
                }],
            }),
            Entry::Items(ItemsEntry {
                stream: "jobs".into(),
                items: vec!["{}".into(), String::new()],
            }),
            Entry::Timers(TimersEntry {
                stream: "jobs".into(),
                says: vec![
                    TimerSays::Set { name: "a".into(), due: Timestamp(-7), text: "{}".into() },
                    TimerSays::Cancelled { name: "a".into() },
                    TimerSays::Rung { name: "b".into(), due: Timestamp(8), text: String::new() },
                ],
            }),
        ]
    }

    fn group(named: bool) -> Entry {
        let says = GroupSays::Given { consumer: "one".into(), items: vec![Position(7)] };
        Entry::Group(GroupEntry { named, stream: "vip".into(), group: "mail".into(), says })
    }

    fn told() -> Entry {
        let change = ToldChange {
            segment: "vip".into(),
            version: 2,
            reason: Reason::Clock,
            entered: vec![1, u128::MAX],
            left: vec![3],
            traits: vec![Some("FR".into()), None, None],
        };
        Entry::Told(ToldEntry { clock: Timestamp(-5), changes: vec![change] })
    }

    #[test]
    fn every_entry_is_itself_again() {
        for entry in entries() {
            let payload = entry.encode().unwrap();
            let header = Header {
                kind: entry.kind(),
                payload_version: entry.version(),
                rows: entry.rows(),
                ..header()
            };
            let frame = Frame { header, payload, file: 1, offset: 0 };
            let (line, rows) = EntryLine::of(&frame).unwrap();
            assert_eq!(line.positions(), entry.rows());
            let text = serde_json::to_string(&line).unwrap();
            let line: EntryLine = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (line.clock(), line.more, line.origin.as_str()),
                (Timestamp(-5), true, "history")
            );
            let rows = rows.into_iter().map(|row| {
                let text = serde_json::to_string(&RowLine::of(Position(1), row)).unwrap();
                serde_json::from_str::<RowLine>(&text).unwrap().row().unwrap()
            });
            assert_eq!(line.entry(rows.collect(), Some(&shape())).unwrap(), entry, "{text}");
        }
        let header = Header { stub: true, ..header() };
        let frame = Frame { header, payload: Vec::new(), file: 1, offset: 0 };
        assert_eq!(EntryLine::of(&frame).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
