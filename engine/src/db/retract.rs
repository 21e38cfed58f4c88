//! Withdrawing: a record, a load, or a source between two positions, as if it had never been said.
//!
//! *Invariants:* whoever withdraws the last row of a load withdraws the load too, in the same batch, so that what it
//! inferred goes with it; the log keeps every row.

use super::types::Retraction;
use super::write::Draft;
use super::{Inner, Writer, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::entry::{BLOCK_KIND, Entry, RECORDS_KIND, RetractEntry, Row};
use crate::log::LogReader;
use std::collections::BTreeMap;

/// The rows of the frame that was last looked at, with their source and load.
pub(super) type LogRows = Option<(Position, SourceId, LoadId, Vec<Row>)>;

/// The row at a position of the log, with its source and load; nothing when no row is there, or it is erased.
pub(super) fn log_row(
    reader: &LogReader,
    position: Position,
    cached: &mut LogRows,
) -> Result<Option<(SourceId, LoadId, Row)>> {
    let frame = reader.frame_at(position)?;
    let header = &frame.header;
    if header.stub || ![RECORDS_KIND, BLOCK_KIND].contains(&header.kind) {
        return Ok(None);
    }
    if cached.as_ref().is_none_or(|(first, ..)| *first != header.first) {
        let rows = match Entry::decode(header.kind, header.payload_version, &frame.payload)? {
            Entry::Records(records) => records.rows,
            Entry::Block(block) => block.to_rows(),
            _ => Vec::new(),
        };
        *cached = Some((header.first, header.source, header.load, rows));
    }
    let index = usize::try_from(position.0 - header.first.0).unwrap_or(usize::MAX);
    Ok(cached.as_ref().and_then(|(_, source, load, rows)| {
        rows.get(index).map(|row| (*source, *load, row.clone()))
    }))
}

/// How many rows of each load are withdrawn; 0 stands for records without a load.
type Gone = BTreeMap<LoadId, u64>;

impl Inner {
    pub(super) fn retract_locked(
        &self,
        writer: &mut Writer,
        what: &Retraction,
    ) -> Result<Position> {
        self.writable(writer)?;
        writer.log.advance_clock(self.clock.now());
        writer.log.flush()?;
        let (entries, source) = match what {
            Retraction::Load(load) => {
                let info = writer.fold.state.loads.get(load).ok_or_else(|| {
                    Error::not_found(format!(
                        "there is no load {load} in force; `nave stats` lists the loads"
                    ))
                })?;
                (vec![RetractEntry::Load(*load)], info.source)
            }
            Retraction::Record { source, message_id } => {
                let missing = || {
                    Error::not_found(format!(
                        "source '{source}' has no record '{message_id}' in force"
                    ))
                };
                let number = writer.fold.state.catalog.find_source(source).ok_or_else(missing)?;
                let position = writer
                    .lookup(|lookup, compared| lookup.message(source, message_id, compared))?
                    .ok_or_else(missing)?
                    .0;
                let gone = self.loads_of(writer, &[position])?;
                let mut entries = vec![RetractEntry::Record(position)];
                entries.extend(writer.emptied(&gone));
                (entries, number)
            }
            Retraction::Source { source, from, to } => {
                let number = writer.fold.state.catalog.find_source(source).ok_or_else(|| {
                    Error::not_found(format!(
                        "there is no source '{source}'; `nave stats` lists the sources"
                    ))
                })?;
                (self.stretch(writer, (number, source), *from, *to)?, number)
            }
        };
        self.refold_with(writer, entries.into_iter().map(Entry::Retract).collect(), source)?;
        Ok(last_before(writer.log.next()))
    }

    /// The entries that withdraw what a source said between two positions.
    fn stretch(
        &self,
        writer: &Writer,
        (source, name): (SourceId, &str),
        from: Option<Position>,
        to: Option<Position>,
    ) -> Result<Vec<RetractEntry>> {
        let newest = last_before(writer.log.next());
        let from = from.unwrap_or_default().max(Position(1));
        let to = to.unwrap_or(newest).min(newest);
        if from > to {
            return Err(Error::invalid(format!(
                "there is nothing from position {from} to {to}; the newest position is {newest}"
            )));
        }
        let mut gone = Gone::new();
        let state = &writer.fold.state;
        let first = self.reader.frame_at(from)?.header.first;
        self.reader.scan(first, to.plus(1), &mut |frame| {
            let header = &frame.header;
            if header.source != source || ![RECORDS_KIND, BLOCK_KIND].contains(&header.kind) {
                return Ok(());
            }
            let inside = header.first.max(from).0..header.end().0.min(to.plus(1).0);
            let holds = |position: &u64| {
                state.hindsight.retracted.holds(source, header.load, Position(*position))
            };
            let count = inside.filter(|position| !holds(position)).count() as u64;
            *gone.entry(header.load).or_default() += count;
            Ok(())
        })?;
        if gone.values().sum::<u64>() == 0 {
            return Err(Error::not_found(format!(
                "source '{name}' has no record in force from position {from} to {to}"
            )));
        }
        let mut entries = vec![RetractEntry::Source { source, from, to }];
        entries.extend(writer.emptied(&gone));
        Ok(entries)
    }

    /// The loads that rows of the log belong to, with how many rows each.
    pub(super) fn loads_of(&self, writer: &Writer, rows: &[Position]) -> Result<Gone> {
        let mut gone = Gone::new();
        let end = writer.log.next();
        for position in rows.iter().filter(|position| **position < end) {
            let load = self.reader.frame_at(*position)?.header.load;
            *gone.entry(load).or_default() += 1;
        }
        Ok(gone)
    }

    /// The drafts that withdraw rows which others take the place of, and loads that have no row in force then.
    /// `except` is the load that the others are of.
    pub(super) fn draft_replaced(
        &self,
        writer: &Writer,
        mut rows: Vec<Position>,
        source: SourceId,
        except: LoadId,
    ) -> Result<(Vec<Draft>, Gone)> {
        if rows.is_empty() {
            return Ok((Vec::new(), Gone::new()));
        }
        rows.sort_unstable();
        rows.dedup();
        let mut gone = self.loads_of(writer, &rows)?;
        let own = gone.remove(&except).unwrap_or_default();
        let emptied: Vec<RetractEntry> = writer.emptied(&gone).collect();
        // Rows that are written together with those that replace them are of the same load.
        let end = writer.log.next();
        let together = rows.iter().filter(|position| **position >= end).count() as u64;
        gone.insert(except, own + together);
        let entries = std::iter::once(RetractEntry::Records(rows)).chain(emptied);
        let draft =
            |entry| Draft { entry: Entry::Retract(entry), source, load: LoadId(0), decoded: None };
        Ok((entries.map(draft).collect(), gone))
    }
}

impl Writer {
    /// The entries that withdraw the loads of which no row is in force when some more are gone.
    fn emptied<'g>(&'g self, gone: &'g Gone) -> impl Iterator<Item = RetractEntry> + 'g {
        gone.iter().filter_map(|(load, count)| {
            let info = self.fold.state.loads.get(load)?;
            (info.withdrawn + count >= info.rows).then_some(RetractEntry::Load(*load))
        })
    }

    /// Takes note that rows of loads are withdrawn, until the fold is made anew and knows it by itself.
    pub(super) fn note_gone(&mut self, gone: &Gone) {
        let loads = std::sync::Arc::make_mut(&mut self.fold.state.loads);
        for (load, count) in gone {
            if let Some(info) = loads.get_mut(load) {
                info.withdrawn += count;
            }
        }
    }
}
