//! The log as lines of text, out and in: the truth of a store in a form that any program reads.
//!
//! *Invariants:* what was written and read again is the same log: every position, key, byte and clock. A file without
//! its last line, or with another line than was written, is refused. *Where to start reading:* `import_log`.

use super::view::View;
use crate::base::codec::{self, Digest128};
use crate::base::dir::Dir;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position};
use crate::base::limits::{BATCH_BYTES_MAX, LOG_FILE_BYTES, LOG_LINE_BYTES_MAX};
use crate::base::time::Timestamp;
use crate::entry::{Entry, FileShape, Origin};
use crate::export::{EntryLine, EntryText, RowLine, TailLine, failed};
use crate::log::{Append, LogWriter, Manifest, open_log};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;

/// What went out or came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextLogReport {
    /// Entries of the log.
    pub entries: u64,
    /// Positions that they take.
    pub rows: u64,
    /// The last position.
    pub position: Position,
}

/// Lines on their way out, with the digest of all of them.
struct Lines<'a> {
    out: &'a mut dyn Write,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl Lines<'_> {
    fn put(&mut self, line: &impl Serialize) -> Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)
            .map_err(|e| Error::new(ErrorKind::Io, format!("an entry has no text: {e}")))?;
        self.buffer.push(b'\n');
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer).map_err(|e| failed(&e))
    }
}

impl View {
    /// Writes the log up to the position of the view as lines of JSON, which `import_log` reads; `docs/export.md` says
    /// what they hold.
    ///
    /// # Errors
    /// `Io`; `Corrupt` when the log does not hold; `Invalid` when something was erased from it.
    pub fn export_log(
        &self,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<TextLogReport> {
        self.flush()?;
        let end = self.position().plus(1);
        let mut lines = Lines { out, hasher: blake3::Hasher::new(), buffer: Vec::new() };
        let mut report = TextLogReport { position: self.position(), ..TextLogReport::default() };
        self.inner.reader.scan(Position(1), end, &mut |frame| {
            let (line, rows) = EntryLine::of(&frame)?;
            lines.put(&line)?;
            for (index, row) in rows.into_iter().enumerate() {
                lines.put(&RowLine::of(line.position.plus(index as u64), row))?;
            }
            report.entries += 1;
            report.rows += u64::from(line.positions());
            progress(report.rows);
            Ok(())
        })?;
        let digest = codec::first_half(lines.hasher.finalize());
        lines.put(&TailLine { end, entries: report.entries, digest })?;
        lines.out.flush().map_err(|e| failed(&e))?;
        Ok(report)
    }
}

/// Makes the log of a store in an empty folder from the lines that `View::export_log` wrote. The store is the same
/// again: name, public ids, positions, and what is known already. Opening it folds the log.
///
/// # Errors
/// `Conflict` when there is a store in the folder; `Invalid` with the number of the line that is wrong, and then the
/// folder has part of a log: throw it away; `Io`.
pub fn import_log(
    dir: Arc<dyn Dir>,
    input: &mut dyn BufRead,
    progress: &mut dyn FnMut(u64),
) -> Result<TextLogReport> {
    let _lock = dir.lock()?;
    if Manifest::read(dir.as_ref())?.is_some() || !dir.list(crate::log::FOLDER)?.is_empty() {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("there is a store in {} already; import into an empty folder", dir.place()),
        ));
    }
    let mut lines = InputLines { input, hasher: blake3::Hasher::new(), line: 0, text: Vec::new() };
    let first = lines.next()?.ok_or_else(|| Error::invalid("the file is empty"))?;
    let first: EntryLine = lines.parse(&first)?;
    let EntryText::Store(store) = &first.entry else {
        return Err(lines.wrong("the first entry must tell of the store"));
    };
    let (name, salt) = (store.store, store.salt);
    let found = open_log(dir.as_ref(), || Ok(Manifest::new(name, salt)), first.clock())?;
    let log = LogWriter::start(Arc::clone(&dir), found, LOG_FILE_BYTES)?;
    let shapes = BTreeMap::new();
    let clock = first.clock();
    let mut import = Import { log, shapes, batch: Vec::new(), bytes: 0, clock, sources: 0 };
    let mut report = TextLogReport::default();
    let mut pending = Some(first);
    while let Some(line) = pending.take() {
        report.entries += 1;
        report.rows += u64::from(line.positions());
        import.entry(line, &mut lines)?;
        progress(report.rows);
        let before = lines.digest();
        let Some(text) = lines.next()? else { break };
        if !text.starts_with(b"{\"end\":") {
            pending = Some(lines.parse(&text)?);
            continue;
        }
        let tail: TailLine = lines.parse(&text)?;
        if !import.batch.is_empty() || tail.end != import.next() || tail.entries != report.entries {
            return Err(lines.wrong("entries are missing before the last line"));
        }
        if tail.digest != before {
            return Err(lines.wrong(
                "the lines are not those that were exported (their digest is another one)",
            ));
        }
        if lines.next()?.is_some() {
            return Err(lines.wrong("nothing may follow the last line"));
        }
        import.log.close()?;
        report.position = Position(tail.end.0.saturating_sub(1));
        return Ok(report);
    }
    Err(lines.wrong("the file ends early: its last line, which says 'end', is missing"))
}

/// Lines on their way in.
struct InputLines<'a> {
    input: &'a mut dyn BufRead,
    hasher: blake3::Hasher,
    line: u64,
    text: Vec<u8>,
}

impl InputLines<'_> {
    /// The next line without its end; none at the end of the file.
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.text.clear();
        let most = LOG_LINE_BYTES_MAX as u64 + 1;
        let read = (&mut *self.input).take(most).read_until(b'\n', &mut self.text);
        read.map_err(|e| Error::new(ErrorKind::Io, format!("the file cannot be read: {e}")))?;
        if self.text.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if self.text.len() as u64 >= most {
            return Err(self.wrong(&format!("it has more than {LOG_LINE_BYTES_MAX} bytes")));
        }
        self.hasher.update(&self.text);
        if self.text.pop_if(|byte| *byte == b'\n').is_none() {
            return Err(self.wrong("the file ends inside it"));
        }
        Ok(Some(std::mem::take(&mut self.text)))
    }

    /// The digest of all lines so far.
    fn digest(&self) -> Digest128 {
        codec::first_half(self.hasher.finalize())
    }

    fn parse<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T> {
        serde_json::from_slice(text).map_err(|e| self.wrong(&e.to_string()))
    }

    fn wrong(&self, reason: &str) -> Error {
        Error::invalid(format!("line {}: {reason}", self.line))
    }
}

/// A log that is being made.
struct Import {
    log: LogWriter,
    /// How the rows of loads are split.
    shapes: BTreeMap<LoadId, FileShape>,
    /// Entries of the batch at hand.
    batch: Vec<Append>,
    bytes: usize,
    /// The clock of the last entry.
    clock: Timestamp,
    /// The greatest number of a source.
    sources: u32,
}

impl Import {
    /// The position of the next entry.
    fn next(&self) -> Position {
        self.log.next().plus(self.batch.iter().map(|entry| u64::from(entry.rows)).sum())
    }

    /// Takes an entry with its rows.
    fn entry(&mut self, line: EntryLine, lines: &mut InputLines<'_>) -> Result<()> {
        let expected = self.next();
        if line.position != expected {
            return Err(lines
                .wrong(&format!("the position is {}, but {expected} must follow", line.position)));
        }
        if u64::from(line.source.0) > expected.0 || line.load.0 > expected.0 {
            return Err(lines.wrong("no entry before names this source or load"));
        }
        if line.positions() == 0 {
            return Err(lines.wrong("an entry takes at least one position"));
        }
        let clock = line.clock();
        if !clock.in_range() || clock < self.clock {
            return Err(lines.wrong("the clock goes back, or is no time"));
        }
        if clock != self.clock {
            // All entries of a batch have one clock; a repair may have left one without its end.
            self.append()?;
            self.clock = clock;
        }
        let origin: Origin = line.origin.parse().map_err(|e: Error| lines.wrong(e.message()))?;
        let mut rows = Vec::new();
        for position in (0..u64::from(line.rows())).map(|index| expected.plus(index)) {
            let text = lines.next()?.ok_or_else(|| lines.wrong("rows are missing behind it"))?;
            let row: RowLine = lines.parse(&text)?;
            if row.row != position {
                let found = row.row;
                return Err(lines.wrong(&format!("the row is {found}, but {position} must follow")));
            }
            let row = row.row().map_err(|e| lines.wrong(e.message()))?;
            self.bytes += row.original.len();
            rows.push(row);
            if self.bytes > 2 * BATCH_BYTES_MAX {
                return Err(lines.wrong("a batch is larger than any that Nave writes"));
            }
        }
        let (source, load, more, positions) = (line.source, line.load, line.more, line.positions());
        let shape = self.shapes.get(&load);
        let entry = line.entry(rows, shape).map_err(|e| lines.wrong(e.message()))?;
        self.note(&entry, expected).map_err(|e| lines.wrong(e.message()))?;
        self.batch.push(Append {
            kind: entry.kind(),
            payload_version: entry.version(),
            origin: origin.code(),
            rows: positions,
            source,
            load,
            payload: entry.encode().map_err(|e| lines.wrong(e.message()))?,
        });
        if more { Ok(()) } else { self.append() }
    }

    /// Appends the batch at hand.
    fn append(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            self.log.advance_clock(self.clock);
            self.log.append(&std::mem::take(&mut self.batch))?;
            self.bytes = 0;
        }
        Ok(())
    }

    /// Takes note of what later entries refer to.
    fn note(&mut self, entry: &Entry, position: Position) -> Result<()> {
        match entry {
            Entry::Store(_) if position != Position(1) => {
                Err(Error::invalid("only the first entry tells of the store"))
            }
            Entry::Source(source) => {
                // A number may be skipped: its entry was lost in a repair.
                let possible = u64::from(self.sources) + 1..=position.0;
                if !possible.contains(&u64::from(source.number.0)) {
                    return Err(Error::invalid("no source can have this number here"));
                }
                self.sources = source.number.0;
                Ok(())
            }
            Entry::Load(load) => {
                self.shapes.insert(LoadId(position.0), load.shape.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
