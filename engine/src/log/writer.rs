//! Writing: frames gather in memory, are handed to the system, and are synced once for all that wait.
//!
//! *Invariants:* the writer is one (the database's mutex); after the first failed write or sync it takes nothing more
//! and the sync is never tried again, for nobody knows then what reached the disk. A batch lies in one file. A file is
//! synced and recorded as complete before the next one is made.

use super::durability::Durability;
use super::file_name;
use super::frame::{FILE_HEAD_BYTES, Header, write_frame};
use super::manifest::{CleanEnd, Manifest, SealedFile};
use super::reader::LogReader;
use super::recovery::{Recovered, make_file};
use crate::base::codec::Digest128;
use crate::base::dir::{AppendFile, Dir, write_all};
use crate::base::error::Result;
use crate::base::ids::{Epoch, LoadId, Position, SourceId};
use crate::base::limits::LOG_BUFFER_BYTES;
use crate::base::time::Timestamp;
use std::sync::Arc;

/// One entry to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// Which entry.
    pub kind: u16,
    /// How the payload is encoded.
    pub payload_version: u16,
    /// The code of the origin.
    pub origin: u8,
    /// How many positions it takes.
    pub rows: u32,
    /// The source.
    pub source: SourceId,
    /// The load.
    pub load: LoadId,
    /// The payload.
    pub payload: Vec<u8>,
}

/// The one writer of a log.
pub struct LogWriter {
    dir: Arc<dyn Dir>,
    reader: Arc<LogReader>,
    durability: Arc<Durability>,
    manifest: Manifest,
    file: Arc<dyn AppendFile>,
    length: u64,
    buffer: Vec<u8>,
    chain: Digest128,
    next: Position,
    clock: Timestamp,
    file_bytes_max: u64,
}

impl LogWriter {
    /// Takes the log over from what opening found: what it holds is synced, and a new epoch begins.
    ///
    /// # Errors
    /// `Io`.
    pub fn start(dir: Arc<dyn Dir>, found: Recovered, file_bytes_max: u64) -> Result<LogWriter> {
        let Recovered { mut manifest, end, length, chain, clock, torn, .. } = found;
        let reader = Arc::new(LogReader::new(Arc::clone(&dir), &manifest));
        let file = dir.append(&file_name(manifest.active_number()))?;
        manifest.epoch = Epoch(manifest.epoch.0 + 1);
        manifest.torn_tails += u64::from(torn.is_some());
        manifest.durable_end = end;
        manifest.clean = None;
        manifest.write(dir.as_ref())?;
        let durability = Arc::new(Durability::default());
        durability.reached(end);
        let buffer = Vec::new();
        Ok(LogWriter {
            dir,
            reader,
            durability,
            manifest,
            file,
            length,
            buffer,
            chain,
            next: end,
            clock,
            file_bytes_max,
        })
    }

    /// The reader of this log.
    pub fn reader(&self) -> Arc<LogReader> {
        Arc::clone(&self.reader)
    }

    /// How far it is durable.
    pub fn durability(&self) -> Arc<Durability> {
        Arc::clone(&self.durability)
    }

    /// What is known about its files.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The position of the next row.
    pub fn next(&self) -> Position {
        self.next
    }

    /// The engine clock: the greatest time that was seen.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Advances the engine clock; it never goes back.
    pub fn advance_clock(&mut self, now: Timestamp) -> Timestamp {
        self.clock = self.clock.max(now);
        self.clock
    }

    /// Whether anything more is taken.
    ///
    /// # Errors
    /// `Io` after the first failure.
    pub fn writable(&self) -> Result<()> {
        self.durability.refusal().map_or(Ok(()), Err)
    }

    /// Appends a batch: all of it or none. The frames are in memory until they are flushed.
    ///
    /// # Errors
    /// `Io` when a file had to be completed and that failed.
    pub fn append(&mut self, batch: &[Append]) -> Result<()> {
        self.writable()?;
        if self.length + self.buffer.len() as u64 >= self.file_bytes_max {
            self.rotate()?;
        }
        let durable = self.durability.durable_end();
        for (index, entry) in batch.iter().enumerate() {
            let mut header = Header {
                kind: entry.kind,
                payload_version: entry.payload_version,
                origin: entry.origin,
                continues: index + 1 < batch.len(),
                length: 0,
                first: self.next,
                rows: entry.rows,
                epoch: self.manifest.epoch,
                clock: self.clock,
                load: entry.load,
                durable,
                source: entry.source,
                digest: Digest128::default(),
                chain: Digest128::default(),
                stored: 0,
                stub: false,
            };
            write_frame(&mut self.buffer, &mut header, &entry.payload, &self.chain);
            self.chain = header.chain;
            self.next = header.end();
        }
        if self.buffer.len() >= LOG_BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// `Io`; the writer is then read-only.
    pub fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.writable()?;
        write_all(self.file.as_ref(), &self.buffer).map_err(|e| self.durability.fail(e))?;
        self.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Hands everything to the system, and says which file a sync must follow for, and up to where.
    ///
    /// # Errors
    /// `Io`; the writer is then read-only.
    pub fn flush_for_sync(&mut self) -> Result<(Arc<dyn AppendFile>, Position)> {
        self.writable()?;
        self.flush()?;
        Ok((Arc::clone(&self.file), self.next))
    }

    /// Completes the file in use and makes the next one.
    fn rotate(&mut self) -> Result<()> {
        self.flush()?;
        self.durability.synced(self.file.as_ref(), self.next)?;
        let durability = Arc::clone(&self.durability);
        let failing = |e| durability.fail(e);
        self.manifest.sealed.push(SealedFile {
            number: self.manifest.active_number(),
            first: self.manifest.active_first(),
            end: self.next,
            length: self.length,
            chain: self.chain,
        });
        self.manifest.durable_end = self.next;
        self.manifest.write(self.dir.as_ref()).map_err(failing)?;
        let head = make_file(self.dir.as_ref(), &self.manifest, self.clock).map_err(failing)?;
        self.file = self.dir.append(&file_name(head.number)).map_err(failing)?;
        self.reader.add_file(head.number, head.first);
        self.length = FILE_HEAD_BYTES as u64;
        self.chain = head.chain();
        Ok(())
    }

    /// Records the end of the log, so that the next opening knows that nothing is missing.
    ///
    /// # Errors
    /// `Io`; the next opening then looks for the end itself.
    pub fn close(&mut self) -> Result<()> {
        self.flush()?;
        self.writable()?;
        self.durability.synced(self.file.as_ref(), self.next)?;
        let durability = Arc::clone(&self.durability);
        let failing = |e| durability.fail(e);
        self.manifest.durable_end = self.next;
        self.manifest.clean = Some(CleanEnd {
            end: self.next,
            length: self.length,
            chain: self.chain,
            clock: self.clock.0,
        });
        self.manifest.write(self.dir.as_ref()).map_err(failing)
    }
}
