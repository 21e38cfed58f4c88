//! The rows of a file, one after another, in bounded memory.

use super::request::Input;
use super::watch::Counted;
use crate::base::dir::open_input;
use crate::base::error::{Error, Result};
use crate::base::limits::{LOAD_FRAME_BYTES, LOAD_FRAME_ROWS, RECORD_BYTES_MAX};
use crate::record::{Quoting, split_record};
use std::cell::Cell;
use std::io::{BufReader, Cursor, Read};
use std::rc::Rc;

const PIECE: usize = 256 << 10;

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowItem {
    /// Its bytes without the end of the line.
    Row {
        /// The line that it begins on, from 1.
        line: u64,
        /// The bytes.
        original: Vec<u8>,
    },
    /// It is too long to be a record.
    TooLong {
        /// The line that it begins on, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
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
    input: Box<dyn Read>,
    quoting: Quoting,
    buffer: Vec<u8>,
    used: usize,
    line: u64,
    ended: bool,
    failed: Option<Error>,
    name: String,
    hasher: blake3::Hasher,
    /// Bytes of the input as it is stored that were read.
    stored: Rc<Cell<u64>>,
}

impl RowReader {
    /// Opens an input; one that begins like gzip is decompressed.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    pub fn open(input: &Input, quoting: Quoting) -> Result<RowReader> {
        let name = input.name();
        let plain: Box<dyn Read> = match input {
            Input::Path(path) => open_input(path)?,
            Input::Bytes { bytes, .. } => Box::new(Cursor::new(bytes.clone())),
        };
        let (plain, stored) = Counted::new(plain);
        let mut plain = BufReader::with_capacity(PIECE, plain);
        let mut first = Vec::with_capacity(3);
        plain.by_ref().take(2).read_to_end(&mut first).map_err(|e| Error::io("read", &name, &e))?;
        let zipped = first == [0x1f, 0x8b];
        let whole = Cursor::new(first).chain(plain);
        let input: Box<dyn Read> = if zipped {
            Box::new(flate2::read::MultiGzDecoder::new(whole))
        } else {
            Box::new(whole)
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

    /// The digest of all decompressed bytes that were read.
    pub fn content(&self) -> crate::base::codec::Digest128 {
        crate::base::codec::first_half(self.hasher.finalize())
    }

    /// The name of the input in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes of the input as it is stored were read.
    pub fn bytes(&self) -> u64 {
        self.stored.get()
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
        let read = match self.input.read(free) {
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => 0,
            Err(e) => {
                let place = format!("{} behind line {}", self.name, self.line);
                self.failed = Some(Error::io("read", &place, &e));
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

    /// The next row that is not empty; nothing at the end of the file.
    ///
    /// # Errors
    /// `Io` when the file cannot be read further, such as one that was cut while it was packed.
    pub fn next_row(&mut self) -> Result<Option<RowItem>> {
        loop {
            match self.next_raw() {
                Some(RowItem::Row { original, .. }) if original.is_empty() => {}
                found => return self.failed.take().map_or(Ok(found), Err),
            }
        }
    }

    /// The next rows that are not empty, as many as make a block, and no more than asked for; none at the end of the
    /// file.
    ///
    /// # Errors
    /// As `next_row`.
    pub fn next_rows(&mut self, into: &mut RawRows, most: u64) -> Result<()> {
        into.clear();
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(LOAD_FRAME_ROWS);
        while into.rows.len() < most && into.bytes.len() < LOAD_FRAME_BYTES {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            if let Some((length, used)) = split_record(rest, self.quoting, false)
                && length > 0
                && length <= RECORD_BYTES_MAX
            {
                into.push(self.line, rest.get(..length).unwrap_or_default());
                let taken = rest.get(..used).unwrap_or_default();
                self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
                self.used += used;
                continue;
            }
            match self.next_row()? {
                Some(RowItem::Row { line, original }) => into.push(line, &original),
                Some(RowItem::TooLong { line, reason }) => into.too_long.push((line, reason)),
                None => break,
            }
        }
        Ok(())
    }

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
