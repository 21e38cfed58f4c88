//! Rows of a file by column: what a load writes, so that a file does not become one text a row.
//!
//! A row of a delimited file is its fields and what stands between them. The fields of one column stand together; what
//! stands between them is the same for nearly all rows of a file and is kept once. A row that is not regular (too many
//! fields, a quote that is not closed, bytes that are no UTF-8) is kept as it came. Every row is given back byte for
//! byte.

use super::{Row, RowStatus};
use crate::base::codec::Digest128;
use bincode::{Decode, Encode};

/// The texts of one column, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct TextColumn {
    /// The length of each, when all are below 256.
    pub short: Vec<u8>,
    /// The length of each, otherwise.
    pub long: Vec<u32>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl TextColumn {
    /// Appends a text.
    pub fn push(&mut self, text: &[u8]) {
        match u8::try_from(text.len()) {
            Ok(short) if self.long.is_empty() => self.short.push(short),
            _ => {
                if self.long.is_empty() {
                    self.long = self.short.drain(..).map(u32::from).collect();
                }
                self.long.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            }
        }
        self.bytes.extend_from_slice(text);
    }

    fn lengths(&self) -> impl Iterator<Item = usize> {
        let short = self.short.iter().map(|length| usize::from(*length));
        short.chain(self.long.iter().map(|length| *length as usize))
    }

    /// All texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.lengths().map(move |length| {
            let text = self.bytes.get(start..start + length).unwrap_or_default();
            start += length;
            text
        })
    }
}

/// Rows of one load, by column, each with a position of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct BlockEntry {
    /// The keys of exactly-once, 16 bytes a row.
    pub keys: Vec<u8>,
    /// The rows whose message id was known with other content, ascending.
    pub conflicts: Vec<u32>,
    /// Where a run of rows on consecutive lines begins: row and line.
    pub lines: Vec<(u32, u64)>,
    /// The fields, a column for each of the header; a row that is kept as it came has none.
    pub columns: Vec<TextColumn>,
    /// What stands before, between and behind the fields: the forms that rows have.
    pub forms: Vec<Vec<Vec<u8>>>,
    /// The form of each row; empty when all have the first.
    pub form_of: Vec<u32>,
    /// Rows that are kept as they came, ascending.
    pub odd: Vec<(u32, Vec<u8>)>,
}

impl BlockEntry {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.keys.len() / 16
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> Option<Digest128> {
        crate::base::codec::digest_at(&self.keys, row.checked_mul(16)?)
    }

    /// What stands around the fields of a row.
    pub fn form(&self, row: usize) -> &[Vec<u8>] {
        let form = self.form_of.get(row).map_or(0, |form| *form as usize);
        self.forms.get(form).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a row is folded.
    pub fn status(&self, row: usize) -> RowStatus {
        let conflict =
            u32::try_from(row).is_ok_and(|row| self.conflicts.binary_search(&row).is_ok());
        if conflict { RowStatus::Conflict } else { RowStatus::Accepted }
    }

    /// The line of a row in its file.
    pub fn line(&self, row: usize) -> u64 {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        let run = self.lines.partition_point(|(first, _)| *first <= row).checked_sub(1);
        let run = run.and_then(|run| self.lines.get(run));
        run.map_or(0, |(first, line)| line + u64::from(row - first))
    }

    /// The bytes of a row that is kept as it came.
    pub fn odd(&self, row: usize) -> Option<&[u8]> {
        let row = u32::try_from(row).ok()?;
        let found = self.odd.binary_search_by_key(&row, |(number, _)| *number).ok()?;
        self.odd.get(found).map(|(_, bytes)| bytes.as_slice())
    }

    /// The bytes of a row from its fields.
    fn join<'a>(&self, row: usize, fields: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut pieces = self.form(row).iter();
        let mut original = pieces.next().cloned().unwrap_or_default();
        for (field, piece) in fields.zip(pieces) {
            original.extend_from_slice(field);
            original.extend_from_slice(piece);
        }
        original
    }

    /// All rows as their source sent them.
    pub fn to_rows(&self) -> Vec<Row> {
        let mut columns: Vec<_> = self.columns.iter().map(TextColumn::texts).collect();
        let row = |row: usize| {
            // Every column has a field for every row, an empty one for rows that are kept as they came.
            let fields: Vec<&[u8]> =
                columns.iter_mut().map(|texts| texts.next().unwrap_or_default()).collect();
            let original = match self.odd(row) {
                Some(bytes) => bytes.to_vec(),
                None => self.join(row, fields.into_iter()),
            };
            Some(Row {
                key: self.key(row)?,
                status: self.status(row),
                line: self.line(row),
                original,
            })
        };
        (0..self.rows()).filter_map(row).collect()
    }
}
