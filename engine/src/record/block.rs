//! Rows of a file by column: splitting delimited ones, and gathering rows into a block.

use super::object::Form;
use super::sight::RowSight;
use crate::base::codec::Digest128;
use crate::base::limits::{BLOCK_COLUMNS_MAX, BLOCK_FORMS_MAX};
use crate::entry::{BlockEntry, Dialect, FileShape, RowFormat, RowStatus, TextColumn};
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
    /// The number here of each form of JSON of the sight.
    forms: HashMap<usize, u32>,
    /// The column here of each column of JSON of the sight.
    columns: HashMap<usize, u32>,
    delimited: bool,
}

impl BlockBuilder {
    /// An empty block of rows of a shape.
    pub fn new(shape: &FileShape) -> BlockBuilder {
        let columns = vec![TextColumn::default(); shape.columns().unwrap_or(0)];
        let block = BlockEntry { columns, ..BlockEntry::default() };
        BlockBuilder { block, delimited: shape.format != RowFormat::Json, ..Self::default() }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.block.rows()
    }

    /// Appends a row, with the sight that has split it when it is regular.
    pub fn push(
        &mut self,
        key: &Digest128,
        status: RowStatus,
        line: u64,
        original: &[u8],
        sight: Option<&RowSight>,
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
        let form = sight.and_then(RowSight::form);
        match (sight, form.and_then(|(number, form)| self.form_of(number, form))) {
            (Some(sight), Some(form)) => self.push_values(row, original, (sight, form)),
            (Some(RowSight { fields, .. }), None) if form.is_none() => {
                for (column, (range, _)) in self.block.columns.iter_mut().zip(fields) {
                    column.push(original.get(range.clone()).unwrap_or_default());
                }
                self.note_form(row, original, fields);
            }
            _ => {
                // A column of JSON has no field for a row that has no value there.
                if self.delimited {
                    self.block.columns.iter_mut().for_each(|column| column.push(b""));
                }
                self.block.odd.push((row, original.to_vec()));
                self.note(row, self.form);
            }
        }
    }

    /// Appends the values of a row of JSON.
    fn push_values(&mut self, row: u32, original: &[u8], (sight, form): (&RowSight, u32)) {
        let holes = self.block.holes.get(form as usize).map(Vec::as_slice).unwrap_or_default();
        for ((_, bytes), column) in sight.forms.values(original).zip(holes) {
            let column = self.block.columns.get_mut(*column as usize);
            column.into_iter().for_each(|column| column.push(bytes));
        }
        self.note(row, form);
    }

    /// The number here of a form of JSON of the sight; nothing when it would be one too many. It depends on the rows
    /// that were appended and on nothing else: the log as text makes the same block of them.
    fn form_of(&mut self, number: usize, form: &Form) -> Option<u32> {
        if let Some(known) = self.forms.get(&number) {
            return Some(*known);
        }
        let new = form.columns.iter().filter(|column| !self.columns.contains_key(column)).count();
        if self.block.forms.len() >= BLOCK_FORMS_MAX
            || self.block.columns.len() + new > BLOCK_COLUMNS_MAX
        {
            return None;
        }
        let mut holes = Vec::with_capacity(form.columns.len());
        for column in &form.columns {
            holes.push(*self.columns.entry(*column).or_insert_with(|| {
                self.block.columns.push(TextColumn::default());
                u32::try_from(self.block.columns.len() - 1).unwrap_or(u32::MAX)
            }));
        }
        self.block.forms.push(form.pieces.clone());
        self.block.holes.push(holes);
        let given = u32::try_from(self.block.forms.len() - 1).ok()?;
        self.forms.insert(number, given);
        Some(given)
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

#[cfg(test)]
mod tests {
    use super::super::fields::Fields;
    use super::super::token::Token;
    use super::*;
    use crate::base::codec;
    use crate::entry::{Entry, RowKind, TimeUnit};
    use std::borrow::Cow;

    fn shape(format: RowFormat, user: &str) -> FileShape {
        FileShape {
            format,
            kind: RowKind::Identify,
            ids: vec![("user_id".into(), user.into())],
            time: None,
            time_unit: TimeUnit::Iso,
            zone: "UTC".into(),
            message_id: Vec::new(),
            encoding: "utf-8".into(),
            readings: Vec::new(),
        }
    }

    fn delimited() -> [FileShape; 2] {
        let header: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let comma =
            RowFormat::Delimited { dialect: Dialect::standard(b','), header: header.clone() };
        [shape(comma, "a"), shape(RowFormat::Whitespace { header }, "a")]
    }

    fn block_of(shape: &FileShape, rows: &[&str]) -> BlockEntry {
        let mut builder = BlockBuilder::new(shape);
        let mut sight = RowSight::of(shape).unwrap();
        for (line, row) in (5..).zip(rows) {
            let plain = sight.plain(row.as_bytes());
            let line = if line > 6 { line + 10 } else { line };
            let sight = plain.then_some(&sight);
            builder.push(&[7; 16], RowStatus::Accepted, line, row.as_bytes(), sight);
        }
        builder.finish()
    }

    #[test]
    fn rows_come_back_byte_for_byte() {
        let comma = [
            "1,2,3",
            "\"1\",,\"\"",
            "1,\"a \"\"b\"\"\",3",
            "1,2",
            "\"open,2,3",
            "\"x\"y,2,3",
            ",,",
        ];
        let blanks = ["  1 2\t 3  ", "1 2 3 4"];
        for (shape, rows) in delimited().iter().zip([comma.as_slice(), blanks.as_slice()]) {
            let block = block_of(shape, rows);
            let back = block.to_rows();
            let texts: Vec<&[u8]> = back.iter().map(|row| row.original.as_slice()).collect();
            assert_eq!(texts, rows.iter().map(|row| row.as_bytes()).collect::<Vec<_>>());
            assert_eq!(back[1].line, 6);
            let last = if rows.len() > 2 { 14 + rows.len() as u64 } else { 6 };
            assert_eq!(back.last().unwrap().line, last);
            let fields = Fields::new(&block, shape).unwrap();
            assert!((0..).zip(rows).all(|(row, text)| fields.original(row) == text.as_bytes()));
        }
        let [comma, _] = delimited();
        let block = block_of(&comma, &["\"1\",,\"\""]);
        let fields = Fields::new(&block, &comma).unwrap();
        let cells = [0, 1, 2].map(|column| fields.token(column, 0));
        assert_eq!(cells, [Some(Token::Cell("1")), None, Some(Token::Cell(""))]);
    }

    const OBJECTS: [&str; 17] = [
        r#"{"u":"a","n":1}"#,
        r#"{"u":"b","n":2.50}"#,
        r#"{"n":null,"u":7}"#,
        r#" { "u" : "c" , "in":{"x":true,"y":{},"z":"\u00e9"} } "#,
        r#"{"u":"a","n":[1, "x"]}"#,
        r#"{"u":"a","n":[1,[]]}"#,
        r#"{"u":"a","n":01}"#,
        r#"{"u":"a","n":1}x"#,
        r#"{"u":"a","u":"b"}"#,
        r#"{"u":"a","in":{"x":1},"in":{"y":1}}"#,
        r#"{"u":"a","in.x":1,"in":{"x":1}}"#,
        r#"{"\u0075":"a"}"#,
        r#"{"u":"a","n":{"$serde_json::private::Number":"1"}}"#,
        r#"[1]"#,
        "",
        r#"{"u":"0","n":1}"#,
        r#"{"u":"d","n":-0}"#,
    ];

    #[test]
    fn objects_come_back_byte_for_byte() {
        let shape = shape(RowFormat::Json, "u");
        let block = block_of(&shape, &OBJECTS);
        let back: Vec<Vec<u8>> = block.to_rows().into_iter().map(|row| row.original).collect();
        assert_eq!(back, OBJECTS.map(|row| row.as_bytes().to_vec()));
        let odd: Vec<u32> = block.odd.iter().map(|(row, _)| *row).collect();
        assert_eq!(odd, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], "what is for the slow reader");
        let fields = Fields::new(&block, &shape).unwrap();
        assert_eq!(fields.names(), ["u", "n", "in.x", "in.z"]);
        assert!((0..).zip(OBJECTS).all(|(row, text)| fields.original(row) == text.as_bytes()));
        assert_eq!([0, 1, 2].map(|place| fields.column_at(2, place)), [Some(1), Some(0), None]);
        assert_eq!(fields.token_at(2, 1), Some(Token::Number("7".into())));
        let tokens = |row| [0, 1, 2, 3].map(|column| fields.token(column, row));
        let text = |text| Some(Token::Text(Cow::Borrowed(text)));
        assert_eq!(tokens(1), [text("b"), Some(Token::Number("2.50".into())), None, None]);
        assert_eq!(tokens(2), [Some(Token::Number("7".into())), Some(Token::Null), None, None]);
        assert_eq!(tokens(3), [text("c"), None, Some(Token::Boolean("true")), text("é")]);
        assert_eq!(tokens(4), [text("a"), Some(Token::List("[1, \"x\"]")), None, None]);
    }

    #[test]
    fn messages_come_back_byte_for_byte_with_what_their_batch_shares() {
        let shape =
            FileShape { kind: RowKind::Message, ids: Vec::new(), ..shape(RowFormat::Json, "u") };
        let track = r#"{"type":"track","userId":"a","event":"e","properties":{"n":1}}"#;
        let rows = [
            track.to_owned(),
            format!("{track}\u{1e}{{\"context\":{{\"ip\":\"x\"}},\"sentAt\":\"2024-01-01\"}}"),
            format!("{track}\u{1e}{{\"context\":{{\"ip\":\"y\"}},\"sentAt\":null}}"),
            format!("{track}\u{1e}"),
            format!("{track}\u{1e}{{}}\u{1e}"),
            format!("{track}\u{1e} "),
            r#"{"type":"consent","userId":"a"}"#.to_owned(),
            r#"{"type":"track","userId":{},"event":"e"}"#.to_owned(),
            r#"{"type":"track","userId":"0","event":"e"}"#.to_owned(),
        ];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let block = block_of(&shape, &rows);
        let odd: Vec<u32> = block.odd.iter().map(|(row, _)| *row).collect();
        assert_eq!(odd, [4, 5, 6, 7, 8], "what is for the slow reader");
        assert_eq!(block.forms.len(), 3, "batches of one form share it, whatever they say");
        let fields = Fields::new(&block, &shape).unwrap();
        assert!((0..).zip(&rows).all(|(row, text)| fields.original(row) == text.as_bytes()));
        assert_eq!(fields.names().last().map(String::as_str), Some("\u{1e}.sentAt"));
    }

    #[test]
    fn rows_of_too_many_forms_are_kept_as_they_came() {
        let shape = shape(RowFormat::Json, "u");
        let rows: Vec<String> = (0..4000).map(|i| format!("{{\"u\":\"a\",\"k{i}\":1}}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let block = block_of(&shape, &rows);
        assert_eq!((block.forms.len(), block.odd.len()), (BLOCK_FORMS_MAX, 4000 - BLOCK_FORMS_MAX));
        let wide: String = (0..2 * BLOCK_COLUMNS_MAX).map(|i| format!(",\"k{i}\":1")).collect();
        let wide = format!("{{\"u\":\"a\"{wide}}}");
        assert_eq!(block_of(&shape, &[&wide, "{\"u\":\"a\"}"]).odd.len(), 1);
    }

    /// A block that says of itself what cannot be, under a digest that holds, is decoded or refused, and never more.
    #[test]
    fn damaged_blocks_are_rows_or_none() {
        let [comma, _] = delimited();
        let json = shape(RowFormat::Json, "u");
        let mut state = 7_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % limit
        };
        let (mut decoded, mut split) = (0, 0);
        for (shape, block) in [
            (&comma, block_of(&comma, &["1,2,3", "\"1\",,\"\"", "1,2", "x,y,z"])),
            (&json, block_of(&json, &OBJECTS)),
        ] {
            // Version 2: the bytes of version 3 are packed, so that hardly any damage is left to be found behind them.
            let whole = codec::encode(&block).unwrap();
            for _ in 0..20_000 {
                let mut bytes = whole.clone();
                for _ in 0..1 + below(3) {
                    let at = below(bytes.len());
                    bytes[at] = [0, 1, 2, 0xff, b'"', b'{', below(256) as u8][below(7)];
                }
                let Ok(Entry::Block(block)) = Entry::decode(7, 2, &bytes) else {
                    continue;
                };
                decoded += 1;
                let rows = block.to_rows();
                assert_eq!(rows.len(), block.rows());
                let Some(fields) = Fields::new(&block, shape) else { continue };
                split += 1;
                for (row, whole) in rows.iter().enumerate() {
                    assert_eq!(fields.original(row), whole.original, "{}", codec::hex(&bytes));
                    for column in 0..5 {
                        let _ = (fields.token(column, row), fields.may_be_list(column));
                    }
                }
            }
        }
        assert!(decoded > 10_000 && split > 3_000, "{decoded} {split}");
    }
}
