//! Imports of JSON by column against imports row by row: random, odd and hostile lines.

use crate::pair::{Case, ESCAPED, PLAIN_NAME, judge, judge_rounds, request};
use crate::rng::{Rng, scale};
use crate::words;
use navedb::{Format, Input, LoadRequest, RecordKind};

/// What the rows of a file are, and how they are read.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    kind: RecordKind,
    ids: usize,
    time: bool,
    message_id: usize,
    /// One row in so many has something odd.
    pub(crate) odd: usize,
    /// One row in so many has an order and fields of its own.
    pub(crate) free: usize,
    pub(crate) blanks: bool,
    /// One message in so many lacks an id.
    pub(crate) lacking: usize,
    /// One line of messages in so many is a batch.
    pub(crate) batches: usize,
}

impl Form {
    pub(crate) fn random(rng: &mut Rng) -> Form {
        let kind = match rng.below(4) {
            0 => RecordKind::Entity { entity: "product".into(), id: "sku".into() },
            _ => words::kind(rng),
        };
        Form {
            kind,
            ids: 1 + rng.below(3),
            time: rng.one_in(2),
            message_id: *rng.pick(&[0, 0, 1, 1, 2]),
            odd: *rng.pick(&[2, 4, 20, 1000]),
            free: *rng.pick(&[1, 3, 20, 1000]),
            blanks: rng.one_in(4),
            lacking: *rng.pick(&[3, 20, 1000]),
            batches: *rng.pick(&[2, 10, 1000]),
        }
    }

    fn is_entity(&self) -> bool {
        matches!(self.kind, RecordKind::Entity { .. })
    }

    pub(crate) fn request(&self, bytes: &[u8], slowly: bool) -> LoadRequest {
        let ids = [("user_id", "user"), ("email", "who.mail"), ("phone", "a")];
        let ids = ids.get(..if self.is_entity() { 0 } else { self.ids }).unwrap();
        let message_id = ["id", "who.part"];
        let message_id = message_id.get(..self.message_id).unwrap();
        let file = Input::Bytes { name: "file.ndjson".into(), bytes: bytes.to_vec() };
        let mut request = request(self.kind.clone(), file, (ids, slowly), self.time, message_id);
        request.format = Some(Format::Ndjson);
        request
    }
}

const SCALARS: [&str; 44] = [
    "0",
    "-0",
    "7",
    "-12",
    "123456789012345678",
    "1234567890123456789",
    "9223372036854775808",
    "12345678901234567890123456789012345678901",
    "1.5",
    "-0.50",
    "0.000",
    "1e3",
    "1E+3",
    "-2.5e-7",
    "1e999",
    "true",
    "false",
    "null",
    "\"\"",
    "\"x\"",
    "\"7\"",
    "\"007\"",
    "\"true\"",
    "\"null\"",
    "\"2024-02-29\"",
    "\"2023-02-29\"",
    "\"2024-02-29T10:00:00Z\"",
    "\"2024-02-29T10:00:00+01:00\"",
    "\"é日本\"",
    "\" x \"",
    "\"a\\\"b\"",
    "\"\\u00e9\\n\"",
    "\"\\ud83d\\ude00\"",
    "\"\\/\"",
    "[]",
    "[\"b\",\"a\",\"a\"]",
    "[1, 2.50,null,true]",
    "[ ]",
    "[\"\\u0041\"]",
    "\"NaN\"",
    "\"{}\"",
    "\"}\"",
    "\",\"",
    "\"1,2\"",
];

/// Values that have no place in a column, and what is no value at all.
const ODD: [&str; 24] = [
    "[[1]]",
    "[{\"x\":1},{\"x\":\"y\",\"index\":2}]",
    "[{}]",
    "[1,{}]",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "tru",
    "True",
    "NaN",
    "'a'",
    "\"a",
    "\"\\q\"",
    "\"\\ud83d\"",
    "\"a\tb\"",
    "",
    "nulll",
    "{\"a\":1,\"a\":2}",
    "{\"x\":{\"y\":1},\"x\":{\"z\":2}}",
    "{\"$serde_json::private::Number\":\"5\"}",
    "{\"\\u0061\":1}",
    "[1,]",
];

pub(crate) fn text(rng: &mut Rng, text: &str) -> String {
    if rng.one_in(12) {
        format!("\"\\u00{:02x}{}\"", text.as_bytes()[0], &text[1..])
    } else {
        format!("\"{text}\"")
    }
}

pub(crate) fn text_of(rng: &mut Rng, word: &str) -> String {
    if word.is_ascii() && !word.is_empty() { text(rng, word) } else { format!("\"{word}\"") }
}

/// A value of a field whose kind of values may change in the middle of the file.
pub(crate) fn value(rng: &mut Rng, form: &Form, field: usize, late: bool) -> String {
    if rng.one_in(form.odd * 8) {
        return (*rng.pick(&ODD)).to_owned();
    }
    match if rng.one_in(6) { 9 } else { (field + usize::from(late)) % 6 } {
        0 => rng.between(-50, 50).to_string(),
        1 => format!("{}.{:02}", rng.between(-9, 99), rng.below(100)),
        2 => format!("\"2024-0{}-1{}\"", 1 + rng.below(9), rng.below(10)),
        3 => {
            let word = format!("w{}", rng.below(9));
            text(rng, &word)
        }
        4 => (*rng.pick(&["true", "false", "null"])).to_owned(),
        5 => format!("{}e{}", rng.below(9), rng.below(5)),
        _ => (*rng.pick(&SCALARS)).to_owned(),
    }
}

const BLANKS: [&str; 4] = ["", " ", "\t ", "  "];

fn blank(rng: &mut Rng, form: &Form) -> &'static str {
    if form.blanks { BLANKS[rng.below(BLANKS.len())] } else { "" }
}

pub(crate) fn object(rng: &mut Rng, form: &Form, fields: &[(String, String)]) -> String {
    let mut text = String::from("{");
    for (number, (name, value)) in fields.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        text += &format!(
            "{}\"{name}\"{}:{}{value}",
            blank(rng, form),
            blank(rng, form),
            blank(rng, form)
        );
    }
    text + blank(rng, form) + "}"
}

/// The fields of a row that have a meaning.
fn roles(rng: &mut Rng, form: &Form, number: usize) -> Vec<(String, String)> {
    let user = match rng.below(24) {
        0 => "0".to_owned(),
        1 => "\" \"".to_owned(),
        2 => "\"NULL\"".to_owned(),
        3 => "null".to_owned(),
        4 => "[\"u1\",\"u2\",7]".to_owned(),
        5 => "12".to_owned(),
        _ => {
            let user = format!("u{}", rng.below(12));
            text(rng, &user)
        }
    };
    let when = match rng.below(16) {
        0 => "\"soon\"".to_owned(),
        1 => "\"2030-01-01\"".to_owned(),
        2 => "\"\"".to_owned(),
        3 => "null".to_owned(),
        4 => "[\"2024-01-01\"]".to_owned(),
        _ => format!("\"2024-0{}-0{}\"", 1 + rng.below(3), 1 + rng.below(9)),
    };
    let id = if rng.one_in(5) { number.saturating_sub(rng.below(4)) } else { number };
    let id = if rng.one_in(20) { "[\"i1\"]".to_owned() } else { text(rng, &format!("i{id}")) };
    let sku = match rng.below(20) {
        0 => "\"  \"".to_owned(),
        1 => "7".to_owned(),
        2 => "null".to_owned(),
        3 => "[1]".to_owned(),
        _ => format!("\" p{}\"", rng.below(5)),
    };
    let who = [
        ("mail".to_owned(), format!("\"M{}@x.org\"", rng.below(9))),
        ("part".to_owned(), "\"p,1\"".to_owned()),
    ];
    let who = object(rng, form, &who);
    let named = [("user", user), ("when", when), ("id", id), ("sku", sku), ("who", who)];
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The names of a row in an order and number of its own, some of them hostile.
fn stir(rng: &mut Rng, fields: &mut Vec<(String, String)>) {
    rng.shuffle(fields);
    if rng.one_in(3) {
        fields.remove(rng.below(fields.len()));
    }
    const NAMES: [&str; 16] = [
        "A",
        "a",
        "B",
        "n.x",
        "",
        ".",
        "n.",
        "é",
        "$serde_json::private::Number",
        "user",
        "who.mail",
        "\\u0061",
        "n",
        "USER",
        "x\ty",
        "c",
    ];
    if rng.one_in(3) {
        let value = rng.pick(&["1", "\"y\"", "{}", "{\"x\":3}", "null", "{\"\":{\"\":5}}"]);
        fields.insert(
            rng.below(fields.len() + 1),
            ((*rng.pick(&NAMES)).to_owned(), (*value).to_owned()),
        );
    }
}

fn row(rng: &mut Rng, form: &Form, number: usize, late: bool) -> Vec<u8> {
    let mut fields = roles(rng, form, number);
    for (name, word) in words::NAMES.iter().zip(words::words(rng)) {
        let odd = *rng.pick(&["null", "true", "7", "1e2", "[\"buy\"]", "[1]", "{}", "[{}]"]);
        let value = if rng.one_in(form.odd * 4) { odd.to_owned() } else { text_of(rng, &word) };
        fields.push(((*name).to_owned(), value));
    }
    for (place, name) in ["a", "b", "c", "d"].iter().enumerate() {
        fields.push(((*name).to_owned(), value(rng, form, place, late)));
    }
    let inner =
        [("x".to_owned(), value(rng, form, 0, late)), ("y".to_owned(), value(rng, form, 3, late))];
    fields.push(("n".to_owned(), object(rng, form, &inner)));
    if rng.one_in(form.free) {
        stir(rng, &mut fields);
    }
    let deep = 1 + rng.below(40);
    if rng.one_in(form.odd * 10) {
        fields.push(("deep".to_owned(), "{\"d\":".repeat(deep) + "1" + &"}".repeat(deep)));
    }
    fields.insert(0, (String::from("q"), "null".to_owned()));
    let mut line = object(rng, form, &fields).into_bytes();
    if rng.one_in(form.odd * 4) {
        let at = rng.below(line.len());
        match rng.below(7) {
            0 => line.truncate(at),
            1 => line[at] = b"\"\\{}[],: 0\x00\xff"[rng.below(12)],
            2 => drop(line.remove(at)),
            3 => line.extend_from_slice(b" x"),
            4 => line.insert(0, b' '),
            5 => line = b"[1,2]".to_vec(),
            _ => line.insert(at, b"\"\\{}[],: 0\x00\xff"[rng.below(12)]),
        }
    }
    line
}

/// A file of rows; the first of a longer one are the same. `slowly`: each row has a name that sends it the slow way.
pub(crate) fn file(seed: u64, form: &Form, rows: usize, slowly: bool) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let (turn, mut before) = (rng.below(40), Vec::new());
    let mut bytes = Vec::new();
    let name = if slowly { ESCAPED } else { PLAIN_NAME };
    for number in 0..rows {
        let mut line = row(&mut rng, form, number, number > turn);
        if rng.one_in(12) {
            // The same row once more: the same content under the same message id.
            line.clone_from(&before);
        }
        before.clone_from(&line);
        line.retain(|byte| *byte != b'\n');
        if let Some(at) = line.windows(3).position(|part| part == b"\"q\"") {
            line.splice(at..at + 3, name.bytes());
        }
        bytes.extend_from_slice(&line);
        bytes.extend_from_slice(if rng.one_in(9) { b"\r\n" } else { b"\n" });
    }
    bytes
}

#[test]
fn json_by_column_is_json_row_by_row() {
    let written = judge_rounds(scale(15, 20_000), |seed, rng| {
        let form = Form::random(rng);
        let entity = form.is_entity();
        let case = Case {
            file: &|seed, rows, slowly| file(seed, &form, rows, slowly && entity),
            request: &|bytes, slowly| form.request(bytes, slowly),
            exact: !entity,
            definition: words::definition(rng),
            name: format!("{form:?}"),
        };
        judge(seed, rng, &case)
    });
    assert!(written > scale(100, 200_000), "{written}");
}
