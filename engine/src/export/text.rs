//! Tables as text: CSV after RFC 4180, and NDJSON.
//!
//! *Invariants:* NULL is an empty cell without quotes, the empty text is `""`; a set is a JSON list; a decimal in JSON
//! is a text, because most readers would make a float of it.

use super::table::{ROWS, RowRef, TableScan};
use super::{ExportFormat, ExportType, failed};
use crate::base::error::Result;
use crate::base::number::Decimal;
use crate::column::Cell;
use crate::state::Reader;
use std::io::Write;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Where text goes.
enum Output {
    Plain(Box<dyn Write + Send>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Box<dyn Write + Send>>>),
}

/// A file of text that a table is written into.
pub struct TextFile {
    output: Output,
    format: ExportFormat,
    buffer: Vec<u8>,
    rows: u64,
}

impl TextFile {
    /// Begins a file with its heading.
    ///
    /// # Errors
    /// `Io`.
    pub fn new(
        out: Box<dyn Write + Send>,
        format: ExportFormat,
        compressed: bool,
        scan: &TableScan,
    ) -> Result<TextFile> {
        let output = if compressed {
            let encoder = zstd::stream::write::Encoder::new(out, 0).map_err(|e| failed(&e))?;
            Output::Zstd(Box::new(encoder))
        } else {
            Output::Plain(out)
        };
        let mut file = TextFile { output, format, buffer: Vec::new(), rows: 0 };
        if format == ExportFormat::Csv {
            for (index, column) in scan.columns().iter().enumerate() {
                if index > 0 {
                    file.buffer.push(b',');
                }
                csv_text(&column.name, &mut file.buffer);
            }
            file.buffer.push(b'\n');
        }
        Ok(file)
    }

    /// Writes the next rows of a table; says whether there were any.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&mut self, reader: &Reader<'_>, scan: &mut TableScan) -> Result<bool> {
        let rows = scan.rows(reader, ROWS);
        for row in &rows {
            match self.format {
                ExportFormat::Csv => csv_row(reader, scan, row, &mut self.buffer),
                _ => json_row(reader, scan, row, &mut self.buffer),
            }
            if self.buffer.len() >= BUFFER {
                self.flush()?;
            }
        }
        self.rows += rows.len() as u64;
        rows.last().into_iter().for_each(|row| scan.go_on(row));
        reader.check().map(|()| !rows.is_empty())
    }

    fn flush(&mut self) -> Result<()> {
        let written = match &mut self.output {
            Output::Plain(out) => out.write_all(&self.buffer),
            Output::Zstd(out) => out.write_all(&self.buffer),
        };
        self.buffer.clear();
        written.map_err(|e| failed(&e))
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        let ended = match self.output {
            Output::Plain(mut out) => out.flush(),
            Output::Zstd(out) => out.finish().and_then(|mut out| out.flush()),
        };
        ended.map(|()| self.rows).map_err(|e| failed(&e))
    }
}

/// Writes a text as a cell: in quotes where it needs them.
fn csv_text(text: &str, out: &mut Vec<u8>) {
    let special = |byte: u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    let blank = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace());
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| special(*byte)) && !blank(bytes.first()) && !blank(bytes.last()) {
        return out.extend_from_slice(bytes);
    }
    out.push(b'"');
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

fn csv_row(reader: &Reader<'_>, scan: &TableScan, row: &RowRef, out: &mut Vec<u8>) {
    for (index, column) in scan.columns().iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if column.kind == ExportType::Texts {
            let mut list = Vec::new();
            json_texts(reader, scan, index, row, &mut list);
            csv_text(&String::from_utf8_lossy(&list), out);
            continue;
        }
        let cell = scan.cell(reader, index, row);
        match cell.text() {
            Some(text) => csv_text(text, out),
            None => plain(cell, column.kind, out),
        }
    }
    out.push(b'\n');
}

/// Writes a value that is no text and needs no quotes; nothing for NULL.
fn plain(cell: Cell<'_>, kind: ExportType, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = match cell {
        Cell::Integer(i) => write!(out, "{i}"),
        Cell::Decimal(d) => write!(out, "{}", at_scale(d, kind)),
        Cell::Float(x) => {
            out.extend_from_slice(float(x).as_bytes());
            Ok(())
        }
        Cell::Boolean(b) => write!(out, "{b}"),
        Cell::Date(d) => write!(out, "{d}"),
        Cell::Timestamp(t) => write!(out, "{t}"),
        Cell::Null | Cell::Text(_) | Cell::Digits(_) | Cell::Set(_) => Ok(()),
    };
}

/// The shortest text that is the same float again.
fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        (if value > 0.0 { "Infinity" } else { "-Infinity" }).to_owned()
    } else {
        serde_json::to_string(&value).unwrap_or_default()
    }
}

/// A decimal with as many digits behind the point as its column has.
fn at_scale(value: Decimal, kind: ExportType) -> Decimal {
    match kind {
        ExportType::Decimal { scale, .. } => at(value, scale).unwrap_or(value),
        _ => value,
    }
}

/// The number with a scale, if it can be written with it.
pub(super) fn at(value: Decimal, scale: u8) -> Option<Decimal> {
    let value = value.normalized();
    let factor = 10_i128.checked_pow(u32::from(scale.checked_sub(value.scale)?))?;
    Decimal::new(value.coefficient.checked_mul(factor)?, scale)
}

fn json_text(text: &str, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn json_texts(
    reader: &Reader<'_>,
    scan: &TableScan,
    column: usize,
    row: &RowRef,
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    let mut first = true;
    scan.texts(reader, column, row, |text| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        json_text(text, out);
    });
    out.push(b']');
}

fn json_row(reader: &Reader<'_>, scan: &TableScan, row: &RowRef, out: &mut Vec<u8>) {
    for (index, column) in scan.columns().iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        json_text(&column.name, out);
        out.push(b':');
        if column.kind == ExportType::Texts {
            json_texts(reader, scan, index, row, out);
            continue;
        }
        let cell = scan.cell(reader, index, row);
        match (cell, cell.text()) {
            (_, Some(text)) => json_text(text, out),
            (Cell::Null, _) => out.extend_from_slice(b"null"),
            (Cell::Integer(_) | Cell::Boolean(_), _) => plain(cell, column.kind, out),
            (Cell::Float(x), _) if x.is_finite() => plain(cell, column.kind, out),
            _ => {
                out.push(b'"');
                plain(cell, column.kind, out);
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("", "\"\""),
            (" a", "\" a\""),
            ("a\nb", "\"a\nb\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("1,5", "\"1,5\""),
            ("größe", "größe"),
        ] {
            let mut out = Vec::new();
            csv_text(text, &mut out);
            assert_eq!(out, wanted.as_bytes(), "{text}");
        }
    }

    #[test]
    fn decimals_take_the_scale_of_their_column() {
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        let kind = ExportType::Decimal { digits: 18, scale: 3 };
        assert_eq!(at_scale(decimal("1.50"), kind).to_string(), "1.500");
        assert_eq!(at_scale(decimal("-7"), kind).to_string(), "-7.000");
        assert_eq!(at(decimal("0.0001"), 3), None);
        for (value, wanted) in [(0.1, "0.1"), (1e300, "1e+300"), (f64::INFINITY, "Infinity")] {
            assert_eq!(float(value).parse::<f64>(), wanted.parse(), "{wanted}");
        }
    }
}
