//! Rows of typed columns: written in the one dialect that the log has for them, and read again.
//!
//! Parquet, Arrow and tables of databases have no bytes of a row that could be kept. Their rows become delimited ones,
//! in a dialect of their own, with a reading for every column; see `docs/format.md`.

use super::request::Input;
use super::rows::{RawRows, Rows, Trouble};
use crate::base::codec::{self, Digest128};
use crate::base::dir::{Spool, SpoolWriter};
use crate::base::error::{Error, Result};
use crate::catalog::folded;
use crate::entry::{Dialect, Reading};
use std::io::{BufReader, Read};

/// The columns of typed rows.
pub type Columns = Vec<(String, Reading)>;

/// Begins the next cell of a row.
pub fn next_cell(row: &mut Vec<u8>, first: bool) {
    if !first {
        row.push(Dialect::TYPED.delimiter);
    }
}

/// A cell that holds text.
pub fn text_cell(row: &mut Vec<u8>, text: &str) {
    const QUOTE: u8 = 0x1e;
    row.push(QUOTE);
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == QUOTE) {
        row.extend_from_slice(rest.get(..=at).unwrap_or_default());
        row.push(QUOTE);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    row.extend_from_slice(rest);
    row.push(QUOTE);
}

/// Where typed rows come from.
pub trait Table {
    /// The columns.
    fn columns(&self) -> &Columns;

    /// Appends rows until there are no more, or they make a block; notes what cannot be read.
    ///
    /// # Errors
    /// `Io` when nothing of it can be read any more.
    fn read(&mut self, into: &mut RawRows, trouble: &mut Trouble) -> Result<()>;

    /// How many bytes of the input as it is stored were read; none when it does not tell.
    fn bytes(&self) -> Option<u64> {
        None
    }
}

/// Reads typed rows.
pub struct TypedReader {
    table: Box<dyn Table + Send>,
    hasher: blake3::Hasher,
    trouble: Trouble,
}

impl TypedReader {
    /// The rows of a table. Their digest is that of columns and rows, however they are packed.
    pub fn new(table: Box<dyn Table + Send>) -> TypedReader {
        let mut hasher = blake3::Hasher::new();
        for (name, reading) in table.columns() {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&[match reading {
                Reading::Text => 0,
                Reading::Plain => 1,
                Reading::Float => 2,
                Reading::Json => 3,
            }]);
        }
        TypedReader { table, hasher, trouble: Trouble::default() }
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        self.table.columns()
    }
}

impl Rows for TypedReader {
    fn next_rows(&mut self, into: &mut RawRows) -> Result<()> {
        into.clear();
        self.table.read(into, &mut self.trouble)?;
        // Rows stand one after another: the digest of all of them at once is that of each in turn, and much quicker.
        self.hasher.update(into.bytes());
        let lengths = into.iter().flat_map(|(_, row)| (row.len() as u64).to_le_bytes());
        self.hasher.update(&lengths.collect::<Vec<u8>>());
        Ok(())
    }

    fn content(&self) -> Digest128 {
        codec::first_half(self.hasher.finalize())
    }

    fn bytes(&self) -> Option<u64> {
        self.table.bytes()
    }

    fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }
}

/// Names of columns that cannot be used: without a name, or twice.
///
/// # Errors
/// `Invalid`, with the place that `place` says for a column from 1.
pub fn check_names<'a>(
    names: impl Iterator<Item = &'a str>,
    place: impl Fn(usize) -> String,
) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for (index, name) in names.enumerate() {
        let place = place(index + 1);
        if name.is_empty() {
            return Err(Error::invalid(format!("{place}: the column has no name")));
        }
        if !seen.insert(folded(name)) {
            return Err(Error::invalid(format!("{place}: the name '{name}' comes twice")));
        }
    }
    Ok(())
}

/// Gathers rows of typed columns, such as those of a query, which can be had but once.
#[derive(Debug)]
pub struct RowSpool {
    name: String,
    columns: Columns,
    writer: SpoolWriter,
    row: Vec<u8>,
    rows: u64,
}

impl RowSpool {
    /// No rows yet of these columns, under a name for reports. Rows wait in a temporary file, as a load
    /// reads them twice.
    ///
    /// # Errors
    /// `Invalid` when there is no column, or names are empty or come twice; `Io`.
    pub fn new(name: impl Into<String>, columns: Vec<(String, Reading)>) -> Result<RowSpool> {
        let name = name.into();
        if columns.is_empty() {
            return Err(Error::invalid(format!("{name} has no columns")));
        }
        check_names(columns.iter().map(|(column, _)| column.as_str()), |column| {
            format!("{name}: column {column}")
        })?;
        Ok(RowSpool { name, columns, writer: SpoolWriter::new()?, row: Vec::new(), rows: 0 })
    }

    /// Appends a row: a cell for each column; nothing is NULL. A `Plain` cell is written as `-12`, `0.50`, `true`,
    /// `2024-02-29` or `2024-02-29T12:00:00.5Z`, a `Float` one as `1.5`, `1e300`, a `Json` one as JSON.
    ///
    /// # Errors
    /// `Invalid` when there are not as many cells as columns; `Io`.
    pub fn push(&mut self, cells: &[Option<&str>]) -> Result<()> {
        if cells.len() != self.columns.len() {
            return Err(Error::invalid(format!(
                "{}: a row has {} cells, but there are {} columns",
                self.name,
                cells.len(),
                self.columns.len()
            )));
        }
        self.row.clear();
        for (index, (cell, (_, reading))) in cells.iter().zip(&self.columns).enumerate() {
            next_cell(&mut self.row, index == 0);
            let Some(text) = cell else { continue };
            let special = |byte: u8| byte < b' ';
            if *reading == Reading::Text || text.is_empty() || text.bytes().any(special) {
                text_cell(&mut self.row, text);
            } else {
                self.row.extend_from_slice(text.as_bytes());
            }
        }
        self.writer.write(&(self.row.len() as u64).to_le_bytes())?;
        self.writer.write(&self.row)?;
        self.rows += 1;
        Ok(())
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows, to be loaded. The same rows of the same columns have the same content, whatever their name.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(self) -> Result<Input> {
        let spool = self.writer.finish()?;
        Ok(Input::Rows(TypedRows {
            name: self.name,
            columns: self.columns,
            rows: self.rows,
            spool,
        }))
    }
}

/// Rows of typed columns that were gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedRows {
    pub(super) name: String,
    columns: Columns,
    rows: u64,
    spool: Spool,
}

impl TypedRows {
    /// Bytes of them, as they are stored.
    pub(super) fn stored_bytes(&self) -> Option<u64> {
        self.spool.bytes().ok()
    }

    /// The rows from the first on.
    pub(super) fn table(&self) -> Box<dyn Table + Send> {
        Box::new(SpooledTable {
            rows: self.clone(),
            bytes: BufReader::with_capacity(256 << 10, self.spool.reader()),
            line: 0,
            read: 0,
        })
    }
}

struct SpooledTable<R> {
    rows: TypedRows,
    bytes: R,
    line: u64,
    read: u64,
}

impl<R: Read> Table for SpooledTable<R> {
    fn columns(&self) -> &Columns {
        &self.rows.columns
    }

    fn bytes(&self) -> Option<u64> {
        Some(self.read)
    }

    fn read(&mut self, into: &mut RawRows, _: &mut Trouble) -> Result<()> {
        while self.line < self.rows.rows && !into.is_full() {
            self.line += 1;
            let failed = |e: &std::io::Error| Error::io("read again", &self.rows.name, e);
            let mut length = [0; 8];
            self.bytes.read_exact(&mut length).map_err(|e| failed(&e))?;
            self.read += 8 + u64::from_le_bytes(length);
            let bytes = &mut self.bytes;
            into.write(self.line, |row| {
                let row_bytes = bytes.take(u64::from_le_bytes(length)).read_to_end(row);
                row_bytes.map(|_| ()).map_err(|e| failed(&e))
            })?;
        }
        Ok(())
    }
}
