//! Writing: decode, deduplicate, append, apply, publish, sync, reply.

use super::lookup::given_key;
use super::sift::{BatchKeys, Candidate, Sifted};
use super::types::{Batch, BrokenRow, Receipt, Record, Retraction};
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::codec;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, NAME_BYTES_MAX};
use crate::entry::{Entry, Origin, RecordsEntry, RetractEntry, Row, Shape, SourceEntry};
use crate::log::Append;
use crate::record::{Decoded, RowError, decode};
use crate::state::{Fold, Hindsight, RecordContext};
use std::sync::Arc;

/// Entries that will be appended as one batch, and applied after.
pub(super) struct Draft {
    pub entry: Entry,
    pub source: SourceId,
    pub load: LoadId,
    pub decoded: Option<Vec<std::result::Result<Decoded, RowError>>>,
}

/// A source's name must be one.
pub(super) fn check_source(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with("nave.") {
        return Err(Error::invalid(format!(
            "'{name}' is no name for a source: 1 to {NAME_BYTES_MAX} bytes, not beginning with 'nave.'"
        )));
    }
    Ok(())
}

impl Writer {
    /// The number of a source; a new one is drafted.
    pub(super) fn source(&self, name: &str, drafts: &mut Vec<Draft>) -> SourceId {
        if let Some(known) = self.fold.state.catalog.find_source(name) {
            return known;
        }
        let drafted = drafts.iter().find_map(|draft| match &draft.entry {
            Entry::Source(source) if source.name == name => Some(source.number),
            _ => None,
        });
        if let Some(number) = drafted {
            return number;
        }
        let new = drafts.iter().filter(|d| matches!(d.entry, Entry::Source(_))).count();
        let number = SourceId(
            u32::try_from(self.fold.state.catalog.sources().len() + new + 1).unwrap_or(u32::MAX),
        );
        let entry = Entry::Source(SourceEntry { number, name: name.to_owned() });
        drafts.push(Draft { entry, source: number, load: LoadId(0), decoded: None });
        number
    }

    /// Appends drafts as one batch, and folds them. When a part cannot be read they count all the same, and the fold is
    /// broken until it is made anew.
    pub(super) fn append(&mut self, drafts: Vec<Draft>, origin: Origin) -> Result<()> {
        let mut batch = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            batch.push(Append {
                kind: draft.entry.kind(),
                payload_version: draft.entry.version(),
                origin: origin.code(),
                rows: draft.entry.rows(),
                source: draft.source,
                load: draft.load,
                payload: draft.entry.encode()?,
            });
        }
        let mut first = self.log.next();
        let clock = self.log.clock();
        self.log.append(&batch)?;
        let mut seen = self.seen.write();
        for draft in drafts {
            let rows = draft.entry.rows();
            let at = RecordContext { first, rows, clock, source: draft.source, load: draft.load };
            for (index, key) in draft.entry.keys().enumerate() {
                seen.add(&key, first.plus(index as u64));
            }
            self.broken |= self.fold.apply(&at, &draft.entry, draft.decoded).is_err();
            first = first.plus(u64::from(rows));
        }
        // Keys are derived: when they cannot be written now they stay in memory, and the write counts all the same.
        if seen.full() && seen.spill().is_err() {
            seen.postpone();
        }
        Ok(())
    }
}

impl Session {
    /// Writes a batch: all of it or nothing.
    ///
    /// # Errors
    /// `Limit` when it is too large; `Invalid` for a bad source name; `Closed`; `Io`, and then nothing of it was
    /// acknowledged and the store is read-only.
    pub fn write(&self, batch: Batch) -> Result<Receipt> {
        let level = batch.level.unwrap_or(Level::Group);
        let (read, origin) = prepare(batch)?;
        let mut receipt = {
            let mut writer = self.inner.writer.lock();
            self.inner.write_locked(&mut writer, read, origin)?
        };
        self.inner.reach(receipt.position.plus(1), level)?;
        receipt.level = level;
        Ok(receipt)
    }

    /// Decides on the newest state and writes, with no other write between the two. `decide` runs on the one writer: it
    /// reads from the view that it is given, and must not write.
    ///
    /// # Errors
    /// What `decide` says, and then nothing is written; else as `write`.
    pub fn transact(
        &self,
        level: Option<Level>,
        decide: impl FnOnce(&View) -> Result<Batch>,
    ) -> Result<Receipt> {
        let (mut receipt, level) = {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            // The view must not need the writer, which is held here.
            writer.log.flush()?;
            let batch = match decide(&View::inside(Arc::clone(&self.inner))) {
                Err(e) if e.kind() == ErrorKind::Corrupt => {
                    // The view cannot do this while the writer is held; the next transaction finds the store whole.
                    self.inner.heal_locked(&mut writer);
                    return Err(e);
                }
                decided => decided?,
            };
            let level = level.or(batch.level).unwrap_or(Level::Group);
            let (read, origin) = prepare(batch)?;
            (self.inner.write_locked(&mut writer, read, origin)?, level)
        };
        self.inner.reach(receipt.position.plus(1), level)?;
        receipt.level = level;
        Ok(receipt)
    }

    /// Waits until a position has reached a level.
    ///
    /// # Errors
    /// `NotFound` when the position is beyond the log; `Io` when the level cannot be reached any more.
    pub fn wait(&self, position: Position, level: Level) -> Result<()> {
        let newest = last_before(self.inner.snapshot.get().state.end);
        if position > newest {
            return Err(Error::not_found(format!(
                "position {position} is not written yet; the newest is {newest}"
            )));
        }
        self.inner.reach(position.plus(1), level)
    }

    /// Withdraws a load or a record, as if it had never been said; its message ids are free again. Level sync.
    ///
    /// # Errors
    /// `NotFound` when there is no such load or record in force; `Closed`; `Io`.
    pub fn retract(&self, what: &Retraction) -> Result<Receipt> {
        let position = {
            let mut writer = self.inner.writer.lock();
            self.inner.retract_locked(&mut writer, what)?
        };
        self.inner.reach(position.plus(1), Level::Sync)?;
        Ok(Receipt {
            position,
            level: Level::Sync,
            written: 1,
            duplicates: 0,
            conflicts: 0,
            broken: Vec::new(),
        })
    }

    /// The newest snapshot.
    pub fn view(&self) -> View {
        View::new(Arc::clone(&self.inner))
    }

    /// A snapshot that holds a position.
    ///
    /// # Errors
    /// `NotFound` when the position is not written yet.
    pub fn at_least(&self, position: Position) -> Result<View> {
        let view = self.view();
        if view.position() < position {
            let newest = view.position();
            return Err(Error::not_found(format!(
                "position {position} is not written yet; the newest is {newest}"
            )));
        }
        Ok(view)
    }
}

/// Reads the records of a batch, before the writer is taken.
type Prepared = Vec<(String, Candidate)>;

fn prepare(batch: Batch) -> Result<(Prepared, Origin)> {
    let bytes: usize = batch.records.iter().map(|r| r.json.len()).sum();
    if batch.records.len() > BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX {
        return Err(Error::limit(format!(
            "a batch has at most {BATCH_RECORDS_MAX} records and {BATCH_BYTES_MAX} bytes; split it"
        )));
    }
    let mut read = Vec::with_capacity(batch.records.len());
    for Record { source, json } in batch.records {
        check_source(&source)?;
        if json.len() > crate::base::limits::RECORD_BYTES_MAX {
            let most = crate::base::limits::RECORD_BYTES_MAX;
            return Err(Error::limit(format!(
                "a record of {} bytes is too large; at most {most}",
                json.len()
            )));
        }
        let decoded = decode(&Shape::Message, &json);
        let key = match &decoded {
            Ok(record) => record.message_id.as_deref().map(|id| given_key(&source, id)),
            Err(_) => Some(codec::digest_of_parts(&[b"broken", source.as_bytes(), &json])),
        };
        read.push((source, Candidate { key, line: 0, original: json, decoded }));
    }
    Ok((read, batch.origin))
}

impl Inner {
    fn write_locked(&self, writer: &mut Writer, read: Prepared, origin: Origin) -> Result<Receipt> {
        self.writable(writer)?;
        writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
        let mut receipt = Receipt {
            position: Position(0),
            level: Level::Memory,
            written: 0,
            duplicates: 0,
            conflicts: 0,
            broken: Vec::new(),
        };
        for (number, (source, candidate)) in read.iter().enumerate() {
            if let Err(e) = &candidate.decoded {
                let line = number as u64 + 1;
                receipt.broken.push(BrokenRow {
                    file: source.clone(),
                    line,
                    column: e.column,
                    reason: e.reason.clone(),
                });
            }
        }
        let mut drafts = Vec::new();
        let mut batch = BatchKeys::new();
        let mut rest = read.into_iter().peekable();
        let mut next = writer.log.next();
        while let Some((source, candidate)) = rest.next() {
            let mut together = vec![candidate];
            while let Some((_, candidate)) = rest.next_if(|(s, _)| *s == source) {
                together.push(candidate);
            }
            let before = drafts.len();
            let number = writer.source(&source, &mut drafts);
            next = next.plus((drafts.len() - before) as u64);
            let sifted = writer.sift(&source, together, &mut batch, next)?;
            receipt.duplicates += sifted.duplicates;
            receipt.conflicts += sifted.conflicts;
            if sifted.rows.is_empty() {
                drafts.truncate(before);
                next = Position(writer.log.next().0 + positions(&drafts));
                continue;
            }
            receipt.written += sifted.understood();
            next = next.plus(sifted.rows.len() as u64);
            draft_rows(&mut drafts, number, sifted);
        }
        if !drafts.is_empty() {
            writer.append(drafts, origin)?;
            self.publish(writer)?;
        }
        receipt.position = last_before(writer.log.next());
        Ok(receipt)
    }

    fn retract_locked(&self, writer: &mut Writer, what: &Retraction) -> Result<Position> {
        self.writable(writer)?;
        writer.log.advance_clock(self.clock.now());
        let (entry, source) = match what {
            Retraction::Load(load) => {
                let info = writer.fold.state.loads.get(load).ok_or_else(|| {
                    Error::not_found(format!(
                        "there is no load {load} in force; `nave stats` lists the loads"
                    ))
                })?;
                (RetractEntry::Load(*load), info.source)
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
                (RetractEntry::Record(position), number)
            }
        };
        self.refold_with(writer, Entry::Retract(entry), source)?;
        Ok(last_before(writer.log.next()))
    }

    /// Folds the log anew as an entry says that speaks of earlier ones, appends the entry, and publishes.
    pub(super) fn refold_with(
        &self,
        writer: &mut Writer,
        entry: Entry,
        source: SourceId,
    ) -> Result<()> {
        let mut hindsight = Hindsight::clone(&writer.fold.state.hindsight);
        hindsight.note(&entry);
        let fold = self.fold_beside(writer, hindsight)?;
        let draft = Draft { entry, source, load: LoadId(0), decoded: None };
        self.take_fold(writer, fold, vec![draft])
    }

    /// The log so far, folded anew with other hindsight.
    pub(super) fn fold_beside(&self, writer: &mut Writer, hindsight: Hindsight) -> Result<Fold> {
        writer.log.flush()?;
        let end = writer.log.next();
        let mut fold = Fold::after(&writer.fold.state, hindsight);
        let spill = (Some(self.dir.as_ref()), self.open_bytes);
        super::open::fold_into(&self.reader, end, &mut fold, spill)?;
        fold.state.clock = fold.state.clock.max(writer.fold.state.clock);
        Ok(fold)
    }

    /// Goes on from another fold, appends the entries that it knows already, and publishes.
    pub(super) fn take_fold(
        &self,
        writer: &mut Writer,
        fold: Fold,
        drafts: Vec<Draft>,
    ) -> Result<()> {
        let before = std::mem::replace(&mut writer.fold, fold);
        if let Err(e) = writer.append(drafts, Origin::Correction) {
            writer.fold = before;
            return Err(e);
        }
        self.publish(writer)
    }
}

fn positions(drafts: &[Draft]) -> u64 {
    drafts.iter().map(|d| u64::from(d.entry.rows())).sum()
}

/// Drafts rows of one source, in frames of bounded size.
fn draft_rows(drafts: &mut Vec<Draft>, source: SourceId, sifted: Sifted) {
    let mut rows = Vec::new();
    let mut decoded = Vec::new();
    let mut bytes = 0;
    let mut put = |rows: &mut Vec<Row>, decoded: &mut Vec<_>| {
        if !rows.is_empty() {
            let entry = Entry::Records(RecordsEntry { rows: std::mem::take(rows) });
            drafts.push(Draft {
                entry,
                source,
                load: LoadId(0),
                decoded: Some(std::mem::take(decoded)),
            });
        }
    };
    for (row, read) in sifted.rows.into_iter().zip(sifted.decoded) {
        bytes += row.original.len() + 64;
        if bytes > crate::base::limits::LOAD_FRAME_BYTES {
            put(&mut rows, &mut decoded);
            bytes = row.original.len() + 64;
        }
        rows.push(row);
        decoded.push(read);
    }
    put(&mut rows, &mut decoded);
}
