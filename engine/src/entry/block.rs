//! Rows of a file by column: what a load writes, so that a file does not become one text a row.
//!
//! A row of a delimited file is its fields and what stands between them. The fields of one column stand together; what
//! stands between them is the same for nearly all rows of a file and is kept once. A row that is not regular (too many
//! fields, a quote that is not closed, bytes that are no UTF-8) is kept as it came. Every row is given back byte for
//! byte.
//!
//! A row of JSON is its scalar values and what stands around them: braces, names, colons, commas and white space. Rows
//! have few forms, but not all have the same values, so each form says in which columns its values stand. A message is
//! such a row, and what its batch shares stands behind it, in the same row.

use super::{Row, RowStatus};
use crate::base::codec::{self, Digest128};
use crate::base::error::Result;
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
    /// The fields, a column for each of the header; of a row that is kept as it came they are empty. Of JSON, the
    /// values, a column for each name, which has a text for each row whose form has a value there.
    pub columns: Vec<TextColumn>,
    /// What stands before, between and behind the fields: the forms that rows have.
    pub forms: Vec<Vec<Vec<u8>>>,
    /// The form of each row; empty when all have the first.
    pub form_of: Vec<u32>,
    /// Rows that are kept as they came, ascending.
    pub odd: Vec<(u32, Vec<u8>)>,
    /// Of rows of JSON: for each form the columns of its values, in the order of the row. Empty for delimited rows,
    /// whose fields are those of all columns in order.
    pub holes: Vec<Vec<u32>>,
}

/// The payload of the first version, which has delimited rows alone.
type First = (
    Vec<u8>,
    Vec<u32>,
    Vec<(u32, u64)>,
    Vec<TextColumn>,
    Vec<Vec<Vec<u8>>>,
    Vec<u32>,
    Vec<(u32, Vec<u8>)>,
);

impl BlockEntry {
    /// The block of a payload of the first version.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn decode_first(payload: &[u8]) -> Result<BlockEntry> {
        let first: First = codec::decode(payload)?;
        let (keys, conflicts, lines, columns, forms, form_of, odd) = first;
        let holes = Vec::new();
        Ok(BlockEntry { keys, conflicts, lines, columns, forms, form_of, odd, holes })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.keys.len() / 16
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> Option<Digest128> {
        codec::digest_at(&self.keys, row.checked_mul(16)?)
    }

    /// The number of the form of a row.
    pub fn form_number(&self, row: usize) -> usize {
        self.form_of.get(row).map_or(0, |form| *form as usize)
    }

    /// What stands around the fields of a row.
    pub fn form(&self, row: usize) -> &[Vec<u8>] {
        self.forms.get(self.form_number(row)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The columns of the values of a row of JSON.
    fn holes(&self, row: usize) -> &[u32] {
        self.holes.get(self.form_number(row)).map(Vec::as_slice).unwrap_or_default()
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
    pub fn join<'a>(&self, row: usize, fields: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut pieces = self.form(row).iter();
        let mut original = pieces.next().cloned().unwrap_or_default();
        for (field, piece) in fields.zip(pieces) {
            original.extend_from_slice(field);
            original.extend_from_slice(piece);
        }
        original
    }

    /// A row of which the bytes are known.
    pub fn row(&self, row: usize, original: Vec<u8>) -> Option<Row> {
        let (key, status, line) = (self.key(row)?, self.status(row), self.line(row));
        Some(Row { key, status, line, original })
    }

    /// All rows as their source sent them.
    pub fn to_rows(&self) -> Vec<Row> {
        let mut columns: Vec<_> = self.columns.iter().map(TextColumn::texts).collect();
        let row = |row: usize| {
            let odd = self.odd(row);
            // A column of a delimited file has a field for every row, an empty one for one that is kept as it came.
            let fields: Vec<&[u8]> = if self.holes.is_empty() {
                columns.iter_mut().map(|texts| texts.next().unwrap_or_default()).collect()
            } else if odd.is_none() {
                let texts = |column: &u32| columns.get_mut(*column as usize)?.next();
                self.holes(row).iter().map(texts).map(Option::unwrap_or_default).collect()
            } else {
                Vec::new()
            };
            let original = match odd {
                Some(bytes) => bytes.to_vec(),
                None => self.join(row, fields.into_iter()),
            };
            self.row(row, original)
        };
        (0..self.rows()).filter_map(row).collect()
    }
}
