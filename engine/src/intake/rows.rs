//! The rows of a file, one after another, in bounded memory.

use super::input::Opened;
use super::request::Input;
use super::transcode::Transcoder;
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, Result};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS, RECORD_BYTES_MAX};
use crate::record::{Charset, Quoting, split_record};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const PIECE: usize = 256 << 10;

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RowItem {
    /// Its line, from 1, and its bytes without the end of the line.
    Row { line: u64, original: Vec<u8> },
    /// It is too long to be a record: its line, and why.
    TooLong { line: u64, reason: String },
}

/// Where rows come from, a block after another.
pub trait Rows {
    /// The next rows that are not empty, as many as make a block; none at the end, or where nothing more can be read.
    ///
    /// # Errors
    /// `Io` when what was gathered for this load cannot be read.
    fn next_rows(&mut self, into: &mut RawRows) -> Result<()>;

    /// The digest of all that was read.
    fn content(&self) -> Digest128;

    /// How many bytes of the input as it is stored were read; none when it does not tell.
    fn bytes(&self) -> Option<u64>;

    /// What could not be read, once there are no more rows.
    fn trouble(&self) -> Trouble;
}

/// What of a file could not be read: not a row, but a part of the file or all that is behind a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trouble {
    /// What and where; empty when all was read.
    pub said: String,
    /// Rows that are known to be lost by it.
    pub lost: u64,
}

impl Trouble {
    /// Says one more thing.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only Arrow and Parquet ask"))]
    pub fn add(&mut self, what: &str, lost: u64) {
        const SHOWN: usize = 2000;
        if self.said.len() < SHOWN {
            if !self.said.is_empty() {
                self.said.push_str("; ");
            }
            self.said.push_str(what);
        }
        self.lost += lost;
    }
}

/// Rows of a file, one after another in one piece of memory.
#[derive(Debug, Default)]
pub struct RawRows {
    bytes: Vec<u8>,
    /// Where each row ends, and its line.
    rows: Vec<(usize, u64)>,
    /// Lines that are too long to be records, with the reason.
    pub too_long: Vec<(u64, String)>,
}

impl RawRows {
    /// Forgets the rows.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.too_long.clear();
    }

    /// Whether there is neither a row nor a line that is too long.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.too_long.is_empty()
    }

    /// How many rows there are, without lines that are too long, and the line of the last.
    pub fn count(&self) -> (u64, Option<u64>) {
        (self.rows.len() as u64, self.rows.last().map(|(_, line)| *line))
    }

    fn push(&mut self, line: u64, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.rows.push((self.bytes.len(), line));
    }

    /// The bytes of all rows, one after another.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether they make a block.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= LOAD_FRAME_ROWS || self.bytes.len() >= LOAD_FRAME_BYTES
    }

    /// Appends a row that is written in place; gives its bytes when it is one.
    ///
    /// # Errors
    /// As `write`.
    pub fn write(
        &mut self,
        line: u64,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<&[u8]> {
        let start = self.bytes.len();
        write(&mut self.bytes)?;
        let length = self.bytes.len() - start;
        if length > RECORD_BYTES_MAX {
            self.bytes.truncate(start);
            let reason =
                format!("the row has {length} bytes; a record has at most {RECORD_BYTES_MAX}");
            self.too_long.push((line, reason));
        } else {
            self.rows.push((self.bytes.len(), line));
        }
        Ok(self.bytes.get(start..).unwrap_or_default())
    }

    /// All in order: the line, and the row unless it is too long.
    pub fn items(&self) -> impl Iterator<Item = (u64, Option<&[u8]>)> {
        let mut too_long = self.too_long.iter().map(|(line, _)| *line).peekable();
        let mut rows = self.iter().peekable();
        std::iter::from_fn(move || match (too_long.peek(), rows.peek()) {
            (Some(long), Some((line, _))) if long < line => too_long.next().map(|l| (l, None)),
            (Some(_), None) => too_long.next().map(|line| (line, None)),
            _ => rows.next().map(|(line, row)| (line, Some(row))),
        })
    }

    /// The rows in order: line and bytes.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.rows.iter().map(move |(end, line)| {
            let row = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*line, row)
        })
    }
}

/// Reads the rows of one file.
pub struct RowReader {
    input: Box<dyn Read + Send>,
    quoting: Quoting,
    buffer: Vec<u8>,
    used: usize,
    line: u64,
    ended: bool,
    failed: Option<String>,
    name: String,
    hasher: blake3::Hasher,
    /// Bytes of the input as it is stored that were read.
    stored: Arc<AtomicU64>,
}

/// A row by its line: its bytes, or why it is too long to be a record.
type FirstRow = (u64, std::result::Result<Vec<u8>, String>);

impl RowReader {
    /// Opens an input; one that is packed is unpacked.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn open(input: &Input, quoting: Quoting, charset: Charset) -> Result<RowReader> {
        let name = input.name();
        let Opened { bytes, stored, .. } = super::input::open(input)?;
        let input: Box<dyn Read + Send> = if charset == Charset::UTF_8 {
            bytes
        } else {
            Box::new(Transcoder::new(bytes, charset))
        };
        let mut reader = RowReader {
            input,
            quoting,
            buffer: Vec::new(),
            used: 0,
            line: 1,
            ended: false,
            failed: None,
            name,
            hasher: blake3::Hasher::new(),
            stored,
        };
        // A read may give less than the mark that some programs put before UTF-8.
        while reader.buffer.len() < 3 && !reader.ended {
            reader.fill();
        }
        if reader.buffer.starts_with(&[0xef, 0xbb, 0xbf]) {
            reader.used = 3;
        }
        Ok(reader)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Reads one more piece.
    fn fill(&mut self) {
        self.buffer.drain(..self.used);
        self.used = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + PIECE, 0);
        let free = self.buffer.get_mut(before..).unwrap_or_default();
        let read = loop {
            match self.input.read(free) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = match read {
            Ok(read) => read,
            Err(e) => {
                let rest = String::from_utf8_lossy(self.buffer.get(..before).unwrap_or_default());
                let line = self.line + rest.bytes().filter(|byte| *byte == b'\n').count() as u64;
                self.failed = Some(format!(
                    "it cannot be read behind line {line} ({e}): it was cut or is damaged"
                ));
                self.ended = true;
                0
            }
        };
        self.ended |= read == 0;
        self.buffer.truncate(before + read);
        self.hasher.update(self.buffer.get(before..).unwrap_or_default());
    }

    fn take(&mut self, length: usize, used: usize) -> RowItem {
        let line = self.line;
        let bytes = self.buffer.get(self.used..self.used + used).unwrap_or_default();
        let original = bytes.get(..length).unwrap_or_default().to_vec();
        self.line += bytes.iter().filter(|b| **b == b'\n').count() as u64;
        self.used += used;
        RowItem::Row { line, original }
    }

    /// The first row: the line, and its bytes unless it is too long.
    ///
    /// # Errors
    /// `Invalid` when nothing can be read before the first row ends.
    pub fn first_row(&mut self) -> Result<Option<FirstRow>> {
        match self.next_row() {
            Some(RowItem::Row { line, original }) => Ok(Some((line, Ok(original)))),
            Some(RowItem::TooLong { line, reason }) => Ok(Some((line, Err(reason)))),
            None => match &self.failed {
                Some(reason) => Err(Error::invalid(format!("{}: {reason}", self.name))),
                None => Ok(None),
            },
        }
    }

    /// The next row that is not empty; nothing at the end of the file.
    fn next_row(&mut self) -> Option<RowItem> {
        loop {
            match self.next_raw() {
                Some(RowItem::Row { original, .. }) if original.is_empty() => {}
                found => return found,
            }
        }
    }
}

impl Rows for RowReader {
    fn next_rows(&mut self, into: &mut RawRows) -> Result<()> {
        into.clear();
        while !into.is_full() {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            if let Some((length, used)) = split_record(rest, self.quoting, false)
                && length > 0
                && length <= RECORD_BYTES_MAX
            {
                into.push(self.line, rest.get(..length).unwrap_or_default());
                let taken = rest.get(..used).unwrap_or_default();
                // A record has an end of a line inside it only in quotes.
                self.line += match self.quoting {
                    Quoting::None => u64::from(taken.last() == Some(&b'\n')),
                    Quoting::Dialect(_) => taken.iter().filter(|b| **b == b'\n').count() as u64,
                };
                self.used += used;
                continue;
            }
            match self.next_row() {
                Some(RowItem::Row { line, original }) => into.push(line, &original),
                Some(RowItem::TooLong { line, reason }) => into.too_long.push((line, reason)),
                None => break,
            }
        }
        Ok(())
    }

    fn content(&self) -> Digest128 {
        codec::first_half(self.hasher.finalize())
    }

    fn bytes(&self) -> Option<u64> {
        Some(self.stored.load(Ordering::Relaxed))
    }

    fn trouble(&self) -> Trouble {
        Trouble { said: self.failed.clone().unwrap_or_default(), lost: 0 }
    }
}

impl RowReader {
    fn next_raw(&mut self) -> Option<RowItem> {
        loop {
            let whole = split_record(self.rest(), self.quoting, false);
            if let Some((length, used)) = whole {
                return Some(self.take(length, used));
            }
            let too_long = self.rest().len() > RECORD_BYTES_MAX;
            if !self.ended && !too_long {
                self.fill();
                continue;
            }
            if self.failed.is_some() || (self.ended && self.rest().is_empty()) {
                return None;
            }
            // A quote that is never closed must not swallow the rows behind it: its line alone is broken.
            let closed = split_record(self.rest(), self.quoting, true);
            let line_alone = split_record(self.rest(), Quoting::None, false);
            return match (line_alone, closed) {
                (Some((length, used)), _) => Some(self.take(length, used)),
                (None, Some((length, used))) if !too_long => Some(self.take(length, used)),
                _ => Some(self.skip_line()),
            };
        }
    }

    /// Passes over a line that is too long to be a record.
    fn skip_line(&mut self) -> RowItem {
        let line = self.line;
        let mut bytes = 0;
        loop {
            let end = self.rest().iter().position(|b| *b == b'\n');
            let used = end.map_or(self.rest().len(), |at| at + 1);
            bytes += used;
            self.used += used;
            if end.is_some() || self.ended {
                break;
            }
            self.fill();
        }
        self.line += 1;
        let reason = format!("the line has {bytes} bytes; a record has at most {RECORD_BYTES_MAX}");
        RowItem::TooLong { line, reason }
    }
}
