//! Rows of a delimited file by column: splitting them, and reading the fields again.

use super::delimited::{parse_time, used_always, used_up};
use super::normalise::normalise_value;
use super::{CellText, json};
use crate::base::codec::Digest128;
use crate::base::limits::{RECORD_BYTES_MAX, RECORD_IDENTIFIERS_MAX};
use crate::base::time::Timestamp;
use crate::entry::{
    BlockEntry, Dialect, FileShape, Reading, RowFormat, RowKind, RowStatus, Said, TextColumn,
};
use std::collections::HashMap;
use std::ops::Range;

/// Splits a row into fields: where each stands in it, and whether it was quoted. Says whether the row is regular: as
/// many fields as the header has, no doubled quotes, UTF-8. Others are for the slow reader.
pub fn split_fields(
    format: &RowFormat,
    original: &[u8],
    fields: &mut Vec<(Range<usize>, bool)>,
) -> bool {
    fields.clear();
    let (header, regular) = match format {
        RowFormat::Delimited { dialect, header } => {
            (header, split_delimited(*dialect, original, fields))
        }
        RowFormat::Whitespace { header } => {
            split_blanks(original, fields);
            (header, true)
        }
        RowFormat::Json => return false,
    };
    regular && fields.len() == header.len() && std::str::from_utf8(original).is_ok()
}

fn split_delimited(
    dialect: Dialect,
    original: &[u8],
    fields: &mut Vec<(Range<usize>, bool)>,
) -> bool {
    let Dialect { delimiter, quote, escape } = dialect;
    if escape.is_some_and(|escape| quote != Some(escape) && original.contains(&escape)) {
        return false;
    }
    let mut start = 0;
    loop {
        let rest = original.get(start..).unwrap_or_default();
        let quoted = quote.filter(|quote| rest.first() == Some(quote));
        let end = if let Some(quote) = quoted {
            let inner = rest.get(1..).unwrap_or_default();
            let Some(length) = inner.iter().position(|byte| *byte == quote) else { return false };
            fields.push((start + 1..start + 1 + length, true));
            start + length + 2
        } else {
            let length = rest.iter().position(|byte| *byte == delimiter).unwrap_or(rest.len());
            fields.push((start..start + length, false));
            start + length
        };
        match original.get(end) {
            None => return true,
            Some(byte) if *byte == delimiter => start = end + 1,
            Some(_) => return false,
        }
    }
}

fn split_blanks(original: &[u8], fields: &mut Vec<(Range<usize>, bool)>) {
    let mut start = None;
    for (index, byte) in original.iter().enumerate() {
        match (byte.is_ascii_whitespace(), start) {
            (false, None) => start = Some(index),
            (true, Some(first)) => {
                fields.push((first..index, false));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(first) = start {
        fields.push((first..original.len(), false));
    }
}

/// Gathers rows into a block.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    block: BlockEntry,
    /// The line that would go on the last run of lines.
    next_line: u64,
    form: u32,
}

impl BlockBuilder {
    /// An empty block of rows with so many columns.
    pub fn new(columns: usize) -> BlockBuilder {
        let columns = vec![TextColumn::default(); columns];
        BlockBuilder { block: BlockEntry { columns, ..BlockEntry::default() }, ..Self::default() }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.block.rows()
    }

    /// Appends a row: its fields when it is regular.
    pub fn push(
        &mut self,
        key: &Digest128,
        status: RowStatus,
        line: u64,
        original: &[u8],
        fields: Option<&[(Range<usize>, bool)]>,
    ) {
        let row = u32::try_from(self.rows()).unwrap_or(u32::MAX);
        self.block.keys.extend_from_slice(key);
        if status == RowStatus::Conflict {
            self.block.conflicts.push(row);
        }
        if line != self.next_line || row == 0 {
            self.block.lines.push((row, line));
        }
        self.next_line = line + 1;
        match fields {
            Some(fields) => {
                for (column, (range, _)) in self.block.columns.iter_mut().zip(fields) {
                    column.push(original.get(range.clone()).unwrap_or_default());
                }
                self.note_form(row, original, fields);
            }
            None => {
                self.block.columns.iter_mut().for_each(|column| column.push(b""));
                self.block.odd.push((row, original.to_vec()));
                self.note(row, self.form);
            }
        }
    }

    fn note(&mut self, row: u32, form: u32) {
        if form != 0 && self.block.form_of.is_empty() {
            self.block.form_of = vec![0; row as usize];
        }
        if !self.block.form_of.is_empty() || form != 0 {
            self.block.form_of.push(form);
        }
        self.form = form;
    }

    fn note_form(&mut self, row: u32, original: &[u8], fields: &[(Range<usize>, bool)]) {
        let is = |form: &[Vec<u8>]| pieces(original, fields).eq(form.iter().map(Vec::as_slice));
        let known = self.block.forms.get(self.form as usize).is_some_and(|form| is(form));
        let form = if known {
            self.form as usize
        } else {
            let found = self.block.forms.iter().position(|form| is(form));
            found.unwrap_or_else(|| {
                self.block.forms.push(pieces(original, fields).map(<[u8]>::to_vec).collect());
                self.block.forms.len() - 1
            })
        };
        self.note(row, u32::try_from(form).unwrap_or(u32::MAX));
    }

    /// The block.
    pub fn finish(self) -> BlockEntry {
        self.block
    }
}

/// What stands before, between and behind the fields of a row.
fn pieces<'a>(
    original: &'a [u8],
    fields: &'a [(Range<usize>, bool)],
) -> impl Iterator<Item = &'a [u8]> {
    let starts = std::iter::once(0).chain(fields.iter().map(|(range, _)| range.end));
    let ends = fields.iter().map(|(range, _)| range.start).chain([original.len()]);
    starts.zip(ends).map(|(start, end)| original.get(start..end).unwrap_or_default())
}

/// The fields of a block, by column and row.
#[derive(Debug)]
pub struct Fields<'b> {
    block: &'b BlockEntry,
    /// For each column where its texts begin, and where the last ends.
    starts: Vec<Vec<u32>>,
    quote: Option<u8>,
}

impl<'b> Fields<'b> {
    /// Finds where the fields begin.
    pub fn new(block: &'b BlockEntry, format: &RowFormat) -> Fields<'b> {
        let quote = match format {
            RowFormat::Delimited { dialect, .. } => dialect.quote,
            _ => None,
        };
        let starts = block.columns.iter().map(|column| {
            let mut end = 0;
            let ends = column.texts().map(|text| {
                end += u32::try_from(text.len()).unwrap_or(u32::MAX);
                end
            });
            std::iter::once(0).chain(ends).collect()
        });
        Fields { block, starts: starts.collect(), quote }
    }

    /// What a row says in a column; nothing when the field is empty and not quoted.
    pub fn said(&self, column: usize, row: usize) -> Option<&'b str> {
        let starts = self.starts.get(column)?;
        let range = *starts.get(row)? as usize..*starts.get(row + 1)? as usize;
        let bytes = self.block.columns.get(column)?.bytes.get(range)?;
        let quoted = || {
            let before = self.block.form(row).get(column);
            before
                .is_some_and(|before| self.quote.is_some() && before.last().copied() == self.quote)
        };
        if bytes.is_empty() && !quoted() { None } else { std::str::from_utf8(bytes).ok() }
    }
}

/// What the columns of a file are for.
#[derive(Debug)]
pub struct Roles {
    /// Namespace and column of each identifier.
    pub ids: Vec<(String, usize)>,
    /// The column of the time.
    pub time: Option<usize>,
    /// The columns of the message id.
    pub message_id: Vec<usize>,
    /// The columns that are traits or properties, with their names and how they are read.
    pub values: Vec<ValueColumn>,
    /// Those of identifiers and the time, which are traits or properties once a mapping names others.
    pub lent: Vec<ValueColumn>,
}

/// A column that is a trait or property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueColumn {
    /// Which column.
    pub column: usize,
    /// Its name.
    pub name: String,
    /// How its cells are read, when it has a type of its own.
    pub reading: Option<Reading>,
}

impl ValueColumn {
    /// Whether a cell is one value: JSON may hold more than a list of scalars, which is for the slow reader.
    pub fn is_plain(&self, text: &str) -> bool {
        self.reading != Some(Reading::Json) || json::flat_list(text).is_some()
    }

    /// The value of a plain cell.
    pub fn cell(&self, text: &str) -> CellText {
        match self.reading {
            Some(Reading::Json) => {
                json::flat_list(text).unwrap_or_else(|| CellText::read(text, self.reading))
            }
            reading => CellText::read(text, reading),
        }
    }
}

impl Roles {
    /// The roles of a shape whose rows are all of one kind; nothing for others, which are read row by row.
    pub fn of(shape: &FileShape) -> Option<Roles> {
        let (RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header }) =
            &shape.format
        else {
            return None;
        };
        // Whether a row names too many identifiers is for the slow reader.
        let plain = matches!(&shape.kind, RowKind::Identify | RowKind::Track(Said::Fixed(_)));
        if !plain || shape.ids.len() > RECORD_IDENTIFIERS_MAX {
            return None;
        }
        // A list of identifiers, or one as a time, is for the slow reader too.
        let mut used = shape.readings.iter().filter(|(name, _)| used_up(shape, name));
        if used.any(|(_, reading)| *reading == Reading::Json) {
            return None;
        }
        let at = |name: &str| header.iter().position(|known| known == name);
        let ids = shape
            .ids
            .iter()
            .map(|(namespace, name)| Some((namespace.trim().to_lowercase(), at(name)?)));
        let column = |(column, name): (usize, &String)| {
            let (name, reading) = (name.clone(), shape.reading(name));
            ValueColumn { column, name, reading }
        };
        let named = || header.iter().enumerate();
        let values = named().filter(|(_, name)| !used_up(shape, name));
        let lent = named().filter(|(_, name)| used_up(shape, name) && !used_always(shape, name));
        Some(Roles {
            ids: ids.collect::<Option<_>>()?,
            time: shape.time.as_deref().and_then(at),
            message_id: shape.message_id.iter().map(|name| at(name)).collect::<Option<_>>()?,
            values: values.map(column).collect(),
            lent: lent.map(column).collect(),
        })
    }
}

/// A row at hand, and what was learnt from those before.
#[derive(Debug, Default)]
pub struct RowSight {
    times: Times,
    /// The fields of the row that was looked at last.
    pub fields: Vec<(Range<usize>, bool)>,
}

impl RowSight {
    /// Looks at a row. It is plain when it is regular, names an identifier, its time, if it names one, is one, and each
    /// of its cells is one value: such a row can be read.
    pub fn plain(&mut self, shape: &FileShape, roles: &Roles, original: &[u8]) -> bool {
        self.regular(shape, &roles.values, original) && self.is_record(shape, roles, original)
    }

    /// Looks at a row, and says whether it is regular and each of its cells in some columns is one value.
    pub fn regular(&mut self, shape: &FileShape, columns: &[ValueColumn], original: &[u8]) -> bool {
        if original.len() > RECORD_BYTES_MAX
            || !split_fields(&shape.format, original, &mut self.fields)
        {
            return false;
        }
        let plain = |value: &ValueColumn| {
            self.said(original, value.column).is_none_or(|text| value.is_plain(text))
        };
        columns.iter().all(plain)
    }

    /// Whether the regular row at hand names an identifier, and its time, if it names one, is one.
    pub fn is_record(&mut self, shape: &FileShape, roles: &Roles, original: &[u8]) -> bool {
        let identified = roles.ids.iter().any(|(namespace, column)| {
            let value = self.said(original, *column);
            value.and_then(|value| normalise_value(namespace, value)).is_some()
        });
        if !identified {
            return false;
        }
        let Some(column) = roles.time else { return true };
        let Some((range, quoted)) = self.fields.get(column) else { return true };
        match text(original, range, *quoted) {
            Some(said) => self.times.read(shape, said).is_some(),
            None => true,
        }
    }

    /// Whether the row says the names of all columns: a header, as files that were put together have in their midst.
    pub fn is_header(&self, columns: &[ValueColumn], original: &[u8]) -> bool {
        columns.iter().all(|c| self.said(original, c.column) == Some(c.name.as_str()))
    }

    /// What the row says in a column.
    pub fn said<'a>(&self, original: &'a [u8], column: usize) -> Option<&'a str> {
        let (range, quoted) = self.fields.get(column)?;
        text(original, range, *quoted)
    }
}

fn text<'a>(original: &'a [u8], range: &Range<usize>, quoted: bool) -> Option<&'a str> {
    if range.is_empty() && !quoted {
        return None;
    }
    std::str::from_utf8(original.get(range.clone())?).ok()
}

/// Times of a file, remembered by their texts: the same few are said again and again.
#[derive(Debug, Default)]
pub struct Times {
    known: HashMap<Box<str>, Option<Timestamp>>,
}

/// Texts of times that are remembered at once.
const TIMES_KNOWN: usize = 4096;

impl Times {
    /// The instant of a text; nothing when it is none.
    pub fn read(&mut self, shape: &FileShape, text: &str) -> Option<Timestamp> {
        if let Some(time) = self.known.get(text) {
            return *time;
        }
        if self.known.len() >= TIMES_KNOWN {
            self.known.clear();
        }
        let time = parse_time(shape, text);
        self.known.insert(Box::from(text), time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_byte_for_byte() {
        let header: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let comma =
            RowFormat::Delimited { dialect: Dialect::standard(b','), header: header.clone() };
        let blanks = RowFormat::Whitespace { header };
        let rows: [(&RowFormat, &str); 9] = [
            (&comma, "1,2,3"),
            (&comma, "\"1\",,\"\""),
            (&comma, "1,\"a \"\"b\"\"\",3"),
            (&comma, "1,2"),
            (&comma, "\"open,2,3"),
            (&comma, "\"x\"y,2,3"),
            (&comma, ",,"),
            (&blanks, "  1 2\t 3  "),
            (&blanks, "1 2 3 4"),
        ];
        for format in [&comma, &blanks] {
            let mut builder = BlockBuilder::new(3);
            let mut fields = Vec::new();
            let mine: Vec<&str> = rows.iter().filter(|r| r.0 == format).map(|r| r.1).collect();
            for (line, row) in (5..).zip(&mine) {
                let regular = split_fields(format, row.as_bytes(), &mut fields);
                let fields = regular.then_some(fields.as_slice());
                let line = if line > 6 { line + 10 } else { line };
                builder.push(&[7; 16], RowStatus::Accepted, line, row.as_bytes(), fields);
            }
            let block = builder.finish();
            let back = block.to_rows();
            let texts: Vec<&[u8]> = back.iter().map(|row| row.original.as_slice()).collect();
            assert_eq!(texts, mine.iter().map(|row| row.as_bytes()).collect::<Vec<_>>());
            assert_eq!(back[1].line, 6);
            assert_eq!(
                back.last().unwrap().line,
                if mine.len() > 2 { 14 + mine.len() as u64 } else { 6 }
            );
        }
        let mut builder = BlockBuilder::new(3);
        let mut fields = Vec::new();
        assert!(split_fields(&comma, b"\"1\",,\"\"", &mut fields));
        builder.push(&[7; 16], RowStatus::Accepted, 1, b"\"1\",,\"\"", Some(&fields));
        let block = builder.finish();
        let fields = Fields::new(&block, &comma);
        assert_eq!([0, 1, 2].map(|c| fields.said(c, 0)), [Some("1"), None, Some("")]);
    }
}
