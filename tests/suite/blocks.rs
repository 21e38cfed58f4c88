//! Imports by column against imports row by row: random files, and every way to look at what became of them.
//!
//! Identifiers that are named more often than a record may have them send a load the slow way, and mean the same.

use crate::pair::{Case, Pair, judge, judge_rounds, request};
use crate::rng::{Rng, scale};
use crate::words;
use navedb::{Delimiter, Format, Input, LoadRequest, RecordKind, Said};

/// How a file is written and read.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    delimiter: Option<u8>,
    crlf: bool,
    mark: bool,
    kind: RecordKind,
    ids: bool,
    time: bool,
    message_id: usize,
}

impl Form {
    pub(crate) fn random(rng: &mut Rng) -> Form {
        Form {
            delimiter: *rng.pick(&[Some(b','), Some(b';'), Some(b'\t'), Some(b'|'), None]),
            crlf: rng.one_in(3),
            mark: rng.one_in(4),
            kind: words::kind(rng),
            ids: rng.one_in(2),
            time: rng.one_in(2),
            message_id: *rng.pick(&[0, 0, 1, 1, 2]),
        }
    }

    fn header(&self) -> Vec<&'static str> {
        [&["user", "mail", "when", "id", "part"], &words::NAMES[..], &["a", "b", "c", "d"]].concat()
    }

    pub(crate) fn request(&self, bytes: &[u8], slowly: bool) -> LoadRequest {
        let mut ids = vec![("user_id", "user")];
        if self.ids {
            ids.push(("email", "mail"));
        }
        let message_id = ["id", "part"];
        let message_id = message_id.get(..self.message_id).unwrap();
        let file = Input::Bytes { name: "file.csv".into(), bytes: bytes.to_vec() };
        let mut request = request(self.kind.clone(), file, (&ids, slowly), self.time, message_id);
        request.format = Some(Format::Csv);
        request.delimiter = Some(self.delimiter.map_or(Delimiter::Whitespace, Delimiter::Byte));
        request
    }
}

const PLAIN: [&str; 34] = [
    "0",
    "-0",
    "7",
    "-12",
    "007",
    "123456789012345678",
    "1234567890123456789",
    "9223372036854775808",
    "12345678901234567890123456789012345678901",
    "1.5",
    "-0.50",
    "0.000",
    "5.",
    ".5",
    "1e3",
    "1e999",
    "+33",
    "true",
    "FALSE",
    "tRue",
    "2024-02-29",
    "2023-02-29",
    "2024-02-29T10:00:00Z",
    "2024-02-29T10:00:00+01:00",
    "NaN",
    "null",
    "x",
    "é",
    "日本",
    "a'b",
    "-",
    "1_0",
    "0.1",
    "00.5",
];

/// A cell of a column whose kind of values may change in the middle of the file.
fn cell(rng: &mut Rng, column: usize, late: bool) -> String {
    let kind = (column + usize::from(late)) % 6;
    match if rng.one_in(6) { 9 } else { kind } {
        0 => rng.between(-50, 50).to_string(),
        1 => format!("{}.{:02}", rng.between(-9, 99), rng.below(100)),
        2 => format!("2024-0{}-1{}", 1 + rng.below(9), rng.below(10)),
        3 => format!("w{}", rng.below(9)),
        4 => (*rng.pick(&["true", "false"])).to_owned(),
        5 => format!("{}e{}", rng.below(9), rng.below(5)),
        _ => (*rng.pick(&PLAIN)).to_owned(),
    }
}

/// A field as it stands in a file with a delimiter: plain, empty, quoted, or broken.
fn put_field(rng: &mut Rng, row: &mut Vec<u8>, text: &str, delimiter: u8) {
    match rng.below(40) {
        0 => {}
        1 => row.extend_from_slice(b"\"\""),
        2..=5 => row.extend_from_slice(format!("\"{text}\"").as_bytes()),
        6 => {
            row.extend_from_slice(format!("\"{text} \"\"q\"\" {}\"", delimiter as char).as_bytes())
        }
        7 => row.extend_from_slice(format!("\"{text}\r\nline\"").as_bytes()),
        8 => row.extend_from_slice(format!("{text}\"in\"").as_bytes()),
        9 => row.extend_from_slice(format!(" {text} ").as_bytes()),
        10 if rng.one_in(4) => row.extend_from_slice(b"\xff\xfe"),
        11 if rng.one_in(4) => row.extend_from_slice(format!("\"{text}\"x").as_bytes()),
        12 if rng.one_in(6) => row.extend_from_slice(format!("\"{text}").as_bytes()),
        13 if rng.one_in(4) => row.push(delimiter),
        14 if rng.one_in(4) => row.push(b'\r'),
        15 if rng.one_in(8) => row.extend_from_slice("long".repeat(100).as_bytes()),
        16 if rng.one_in(8) => row.push(0),
        _ => row.extend_from_slice(text.as_bytes()),
    }
}

fn put_row(rng: &mut Rng, form: &Form, row: &mut Vec<u8>, number: usize, late: bool) {
    let user = match rng.below(20) {
        0 => "0".to_owned(),
        1 => " ".to_owned(),
        2 => "NULL".to_owned(),
        _ => format!("u{}", rng.below(12)),
    };
    let when = match rng.below(12) {
        0 => "soon".to_owned(),
        1 => "2030-01-01".to_owned(),
        _ => format!("2024-0{}-0{}", 1 + rng.below(3), 1 + rng.below(9)),
    };
    let id = if rng.one_in(5) { number.saturating_sub(rng.below(4)) } else { number };
    let mut texts =
        vec![user, format!("M{}@x.org", rng.below(9)), when, format!("i{id}"), "p,1".into()];
    texts.extend(words::words(rng));
    texts.extend((0..4).map(|column| cell(rng, column, late)));
    let blanks = |rng: &mut Rng| " \t".repeat(rng.below(3)) + " ";
    for (place, text) in texts.iter().enumerate() {
        match form.delimiter {
            Some(delimiter) => {
                if place > 0 {
                    row.push(delimiter);
                }
                put_field(rng, row, text, delimiter);
            }
            None if rng.one_in(60) => row.extend_from_slice(b"\xc3( "),
            None => {
                if place > 0 || rng.one_in(3) {
                    row.extend_from_slice(blanks(rng).as_bytes());
                }
                let text = if rng.one_in(20) { "\"q" } else { text.trim() };
                row.extend_from_slice(if text.is_empty() { b"_" } else { text.as_bytes() });
            }
        }
    }
    if rng.one_in(30) {
        row.extend_from_slice(&[form.delimiter.unwrap_or(b' '), b'z']);
    }
}

/// A file of rows; the first of a longer one are the same.
pub(crate) fn file(seed: u64, form: &Form, rows: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let end: &[u8] = if form.crlf { b"\r\n" } else { b"\n" };
    let mut bytes = if form.mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
    let delimiter = form.delimiter.map_or(" ".to_owned(), |byte| (byte as char).to_string());
    bytes.extend_from_slice(form.header().join(&delimiter).as_bytes());
    bytes.extend_from_slice(end);
    let (turn, mut before) = (rng.below(40), Vec::new());
    for number in 0..rows {
        let mut row = Vec::new();
        put_row(&mut rng, form, &mut row, number, number > turn);
        if rng.one_in(12) {
            // The same row once more: the same content under the same message id.
            row.clone_from(&before);
        }
        bytes.extend_from_slice(&row);
        bytes.extend_from_slice(if rng.one_in(15) { b"\n" } else { end });
        if rng.one_in(15) {
            bytes.extend_from_slice(rng.pick::<&[u8]>(&[b"\n", b"\r\n", b"   \n", b",\n"]));
        }
        before = row;
    }
    if rng.one_in(3) {
        bytes.truncate(bytes.len() - end.len());
    }
    bytes
}

#[test]
fn files_by_column_are_files_row_by_row() {
    let written = judge_rounds(scale(60, 20_000), |seed, rng| {
        let form = Form::random(rng);
        let case = Case {
            file: &|seed, rows, _| file(seed, &form, rows),
            request: &|bytes, slowly| form.request(bytes, slowly),
            exact: true,
            definition: words::definition(rng),
            name: format!("{form:?}"),
        };
        judge(seed, rng, &case)
    });
    assert!(written > scale(100, 50_000), "{written}");
}

/// Lines that are no records stand among those that are, and count as rows.
#[test]
fn lines_that_are_too_long_are_the_same_both_ways() {
    let form = Form {
        delimiter: Some(b','),
        crlf: false,
        mark: false,
        kind: RecordKind::Track(Said::Fixed("buy".into())),
        ids: false,
        time: false,
        message_id: 0,
    };
    let row = |i: usize, long: usize| {
        format!("u{},,,,,,,,{},,,\n", i % 3, "x".repeat(long) + &i.to_string())
    };
    let record = navedb::limits::RECORD_BYTES_MAX;
    let lengths = [1, 1, record + 9, 1, 2 * record, 1, record + 70_000, 1];
    let rows: String = lengths.iter().enumerate().map(|(i, long)| row(i, *long)).collect();
    let file = format!("{}\n{rows}", form.header().join(",")).into_bytes();
    let case = Case {
        file: &|_, _, _| file.clone(),
        request: &|bytes, slowly| form.request(bytes, slowly),
        exact: true,
        definition: None,
        name: "long lines".into(),
    };
    let pair = Pair::new(&case);
    let report = pair.load(1, 8, "long lines");
    let counted = &report.files[0];
    assert_eq!((counted.rows, counted.broken), (8, 3), "{:?}", report.broken);
    let before = pair.same("long lines");
    pair.load(1, 8, "long lines once more");
    assert_eq!(pair.same("long lines once more"), before);
}
