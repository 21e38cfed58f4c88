//! Writing: decode, deduplicate, append, apply, publish, sync, reply.

use super::lookup::{given_key, remember};
use super::sift::{BatchKeys, Candidate, Sifted};
use super::types::{Batch, BrokenRow, Receipt, Record, Retraction};
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::codec;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, NAME_BYTES_MAX};
use crate::base::workers::Workers;
use crate::entry::{Entry, Origin, Reason, RecordsEntry, Row, Shape, SourceEntry};
use crate::log::Append;
use crate::record::{Decoded, RowError, decode};
use crate::state::{Effect, Fold, Hindsight, RecordContext};
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
        self.append_each(drafts.into_iter().map(|draft| (draft, origin)).collect())
    }

    /// The same, each with an origin of its own.
    pub(super) fn append_each(&mut self, drafts: Vec<(Draft, Origin)>) -> Result<()> {
        self.telling.origin = drafts.last().map_or(self.telling.origin, |(_, origin)| *origin);
        let mut batch = Vec::with_capacity(drafts.len());
        for (draft, origin) in &drafts {
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
        for (draft, origin) in drafts {
            let rows = draft.entry.rows();
            let (source, load) = (draft.source, draft.load);
            let at = RecordContext { first, rows, clock, source, load, origin };
            remember(&mut seen, &draft.entry, first);
            self.telling.note_timers(&draft.entry, first);
            let ahead = match &draft.decoded {
                Some(decoded) => self.fold.look_ahead(decoded, &self.workers),
                None => Ok(()),
            };
            match ahead.and_then(|()| self.fold.apply(&at, &draft.entry, draft.decoded)) {
                Ok(Effect::Folded) => {}
                Ok(Effect::Refolds) => self.stale = true,
                Err(_) => self.broken = true,
            }
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
        let level = batch.level;
        let how = (batch.origin, batch.revise);
        let read = prepare(batch, &self.inner.workers)?;
        let mut receipt = {
            let mut writer = self.inner.writer.lock();
            self.inner.write_locked(&mut writer, read, how)?
        };
        let level = level.unwrap_or(receipt.default_level);
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
            let level = level.or(batch.level);
            let how = (batch.origin, batch.revise);
            let read = prepare(batch, &self.inner.workers)?;
            (self.inner.write_locked(&mut writer, read, how)?, level)
        };
        let level = level.unwrap_or(receipt.default_level);
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

    /// Withdraws a record, a load, or a source between two positions, as if it had never been said; the message ids are
    /// free again. Level sync.
    ///
    /// # Errors
    /// `NotFound` when nothing of it is in force; `Invalid` when the positions are not in order; `Closed`; `Io`.
    pub fn retract(&self, what: &Retraction) -> Result<Receipt> {
        let position = {
            let mut writer = self.inner.writer.lock();
            self.inner.retract_locked(&mut writer, what)?
        };
        self.inner.reach(position.plus(1), Level::Sync)?;
        Ok(Receipt {
            position,
            level: Level::Sync,
            default_level: Level::Sync,
            written: 1,
            revised: 0,
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

/// About how many nanoseconds it takes to read a record.
const RECORD_NANOS: u64 = 1_000;

/// Reads the records of a batch, before the writer is taken: by several threads when there are many.
type Prepared = Vec<(String, Candidate)>;

fn prepare(batch: Batch, workers: &Workers) -> Result<Prepared> {
    let bytes: usize = batch.records.iter().map(|r| r.json.len()).sum();
    if batch.records.len() > BATCH_RECORDS_MAX || bytes > BATCH_BYTES_MAX {
        return Err(Error::limit(format!(
            "a batch has at most {BATCH_RECORDS_MAX} records and {BATCH_BYTES_MAX} bytes; split it"
        )));
    }
    for Record { source, json } in &batch.records {
        check_source(source)?;
        if json.len() > crate::base::limits::RECORD_BYTES_MAX {
            let most = crate::base::limits::RECORD_BYTES_MAX;
            return Err(Error::limit(format!(
                "a record of {} bytes is too large; at most {most}",
                json.len()
            )));
        }
    }
    let decoded = |some: &[Record]| {
        Ok(some
            .iter()
            .map(|Record { source, json }| {
                let decoded = decode(&Shape::Message, json);
                let key = match &decoded {
                    Ok(record) => record.message_id.as_deref().map(|id| given_key(source, id)),
                    Err(_) => Some(codec::digest_of_parts(&[b"broken", source.as_bytes(), json])),
                };
                (key, decoded)
            })
            .collect())
    };
    let decoded = workers.map(&batch.records, RECORD_NANOS, decoded)?;
    let read = batch.records.into_iter().zip(decoded);
    Ok(read
        .map(|(Record { source, json: original }, (key, decoded))| {
            (source, Candidate { key, older: None, line: 0, original, row: None, decoded })
        })
        .collect())
}

/// The level of a batch that names none: what persons allowed is synced.
fn default_level(read: &Prepared) -> Level {
    let consents = |(_, candidate): &(String, Candidate)| {
        candidate.decoded.as_ref().is_ok_and(Decoded::consents)
    };
    if read.iter().any(consents) { Level::Sync } else { Level::Group }
}

impl Inner {
    fn write_locked(
        &self,
        writer: &mut Writer,
        read: Prepared,
        (origin, revise): (Origin, bool),
    ) -> Result<Receipt> {
        self.writable(writer)?;
        let mut names: Vec<&str> = read.iter().map(|(source, _)| source.as_str()).collect();
        names.dedup();
        names.into_iter().try_for_each(|name| writer.taken(name))?;
        writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
        let mut receipt = Receipt {
            position: Position(0),
            level: Level::Memory,
            default_level: default_level(&read),
            written: 0,
            revised: 0,
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
        let mut replaced = Vec::new();
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
            let mut sifted = writer.sift(&source, together, (&mut batch, revise), next)?;
            receipt.duplicates += sifted.duplicates;
            receipt.conflicts += sifted.conflicts;
            receipt.revised += sifted.revised;
            if sifted.rows.is_empty() {
                drafts.truncate(before);
                next = Position(writer.log.next().0 + positions(&drafts));
                continue;
            }
            receipt.written += sifted.understood();
            next = next.plus(sifted.rows.len() as u64);
            replaced.append(&mut sifted.replaced);
            draft_rows(&mut drafts, number, sifted);
        }
        let source = drafts.last().map_or(SourceId(0), |draft| draft.source);
        drafts.extend(self.draft_replaced(writer, replaced, source, LoadId(0))?.0);
        if !drafts.is_empty() {
            writer.append(drafts, origin)?;
            self.publish(writer)?;
        }
        receipt.position = last_before(writer.log.next());
        Ok(receipt)
    }

    /// Folds the log anew as entries say that speak of earlier ones, appends them together, and publishes.
    pub(super) fn refold_with(
        &self,
        writer: &mut Writer,
        entries: Vec<Entry>,
        source: SourceId,
    ) -> Result<()> {
        let mut hindsight = Hindsight::clone(&writer.fold.state.hindsight);
        for (index, entry) in entries.iter().enumerate() {
            hindsight.note(entry, writer.log.next().plus(index as u64));
        }
        let fold = self.fold_beside(writer, hindsight)?;
        let draft = |entry| Draft { entry, source, load: LoadId(0), decoded: None };
        self.take_fold(writer, fold, entries.into_iter().map(draft).collect())
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
        let defines = |draft: &Draft| matches!(draft.entry, Entry::Definition(_));
        let reason =
            if drafts.iter().any(defines) { Reason::Definition } else { Reason::Correction };
        writer.note_refold(&self.snapshot.get().state, reason)?;
        let before = std::mem::replace(&mut writer.fold, fold);
        if let Err(e) = writer.append(drafts, Origin::Correction) {
            writer.fold = before;
            writer.telling.keep_fold();
            return Err(e);
        }
        (writer.stale, writer.broken) = (false, false);
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
