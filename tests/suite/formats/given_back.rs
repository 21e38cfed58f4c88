//! Random records with odd text come back byte for byte: as rows of files, as messages, live, after a checkpoint, after
//! opening again, and rebuilt.

use super::{batch, events, parquet};
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, view};
use arrow::array::{Int64Array, StringArray};
use navedb::dir::MemoryDir;
use navedb::{Db, Input, Level, LoadRequest, RecordKind};
use std::sync::Arc;

/// Records with their message ids, and the bytes that must come back.
type Sent = Vec<(String, Vec<u8>)>;

const PIECES: [&str; 24] = [
    "a",
    "Ann",
    " ",
    "ü",
    "u\u{308}",
    "日本",
    "🦀",
    "\u{202e}",
    "\u{feff}",
    "\u{7f}",
    "\\u00fc",
    "\\ud83e\\udd80",
    "\\u0000",
    "\\\"",
    "\\\\",
    "\\/",
    "\\n",
    "{",
    "}",
    "[1,",
    ",",
    ":",
    "'",
    "null",
];

/// A string of JSON, with escapes that mean what plain characters mean.
fn string(rng: &mut Rng) -> String {
    let inner: String = (0..rng.below(6)).map(|_| *rng.pick(&PIECES)).collect();
    format!("\"{inner}\"")
}

fn blanks(rng: &mut Rng) -> &'static str {
    rng.pick::<&str>(&["", "", "", " ", "\t", "  ", " \t "])
}

/// A number as some program or other writes it.
fn number(rng: &mut Rng) -> String {
    const ODD: [&str; 14] = [
        "1.10",
        "-0",
        "0",
        "-0.0",
        "1e400",
        "-1E+5",
        "1e-400",
        "0.1e0",
        "100000000000000000000",
        "9223372036854775808",
        "12345678901234567890.12345678901234567890123",
        "1.0",
        "5e-324",
        "3.141592653589793238462643383279502884197169399375105820974944592307816406286",
    ];
    if rng.one_in(2) { (*rng.pick(&ODD)).to_owned() } else { (rng.next() as i64).to_string() }
}

fn value(rng: &mut Rng, depth: usize) -> String {
    match rng.below(if depth < 5 { 9 } else { 6 }) {
        0 | 1 => string(rng),
        2 | 3 => number(rng),
        4 => (*rng.pick(&["true", "false", "null"])).to_owned(),
        5 => {
            format!("\"{}\"", rng.pick(&["2024-02-30", "2024-02-29", "007", "1.10", "0x1F", "NaN"]))
        }
        6 | 7 => object(rng, depth + 1, Vec::new()),
        _ => {
            let count = rng.below(4);
            let items = (0..count).map(|_| {
                let (before, behind) = (blanks(rng), blanks(rng));
                format!("{before}{}{behind}", value(rng, depth + 1))
            });
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
    }
}

/// An object of these fields and of others, whose names look alike, in any order.
fn object(rng: &mut Rng, depth: usize, mut fields: Vec<(String, String)>) -> String {
    for field in 0..rng.below(6) {
        let alike =
            ["naïve", "nai\u{308}ve", "Plan", "plan", "PLAN", "a.b", "a", "", " a", "é\\u00e9"];
        let name = if rng.one_in(3) { format!("k{field}") } else { (*rng.pick(&alike)).to_owned() };
        let value = value(rng, depth);
        fields.push((format!("\"{name}\""), value));
    }
    rng.shuffle(&mut fields);
    let fields = fields.iter().map(|(name, value)| {
        let around: Vec<&str> = (0..4).map(|_| blanks(rng)).collect();
        format!("{}{name}{}:{}{value}{}", around[0], around[1], around[2], around[3])
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn rows_of_json(rng: &mut Rng, count: usize) -> Sent {
    (0..count)
        .map(|n| {
            let id = format!("n{n}");
            let fields = vec![
                (quoted("user"), quoted(&format!("u{}", n % 50))),
                (quoted("id"), quoted(&id)),
            ];
            (id, object(rng, 0, fields).into_bytes())
        })
        .collect()
}

fn messages(rng: &mut Rng, count: usize) -> Sent {
    (0..count)
        .map(|n| {
            let id = format!("s{n}");
            let inner = object(rng, 1, Vec::new());
            let (kind, inner_name) = *rng.pick(&[
                ("track", "properties"),
                ("identify", "traits"),
                ("page", "properties"),
            ]);
            let mut fields = vec![
                (quoted("type"), quoted(kind)),
                (quoted("userId"), quoted(&format!("u{}", n % 50))),
                (quoted("messageId"), quoted(&id)),
                (quoted(inner_name), inner),
                (quoted("extra"), value(rng, 1)),
            ];
            if kind == "track" {
                fields.push((quoted("event"), quoted("buy")));
            }
            (id, object(rng, 9, fields).into_bytes())
        })
        .collect()
}

/// Rows whose cells are quoted where they must be, and sometimes where they need not.
fn delimited(rng: &mut Rng, count: usize) -> Sent {
    const CELLS: [&str; 16] = [
        "",
        " ",
        " a ",
        "a b",
        "007",
        "1.10",
        "-0",
        "1e400",
        "ü",
        "日本 🦀",
        "a\"b",
        "\u{feff}",
        "null",
        "=1+1",
        "'",
        "x\u{1e}\u{1f}",
    ];
    const QUOTED: [&str; 7] = ["", ",", "\"\"", "\n", "\r\n", "a\n\n\"\"b\"\",", " \"\" "];
    (0..count)
        .map(|n| {
            let id = format!("c{n}");
            let mut cells = vec![id.clone(), format!("u{}", n % 50)];
            for _ in 0..4 {
                let plain = (*rng.pick(&CELLS)).to_owned();
                cells.push(match rng.below(3) {
                    0 => format!("\"{}\"", rng.pick(&QUOTED)),
                    1 if !plain.contains('"') => quoted(&plain),
                    _ => plain,
                });
            }
            (id, cells.join(",").into_bytes())
        })
        .collect()
}

fn request(name: &str, bytes: Vec<u8>) -> LoadRequest {
    let mut request = events(name, b"");
    request.inputs = vec![Input::Bytes { name: name.to_owned(), bytes }];
    request.message_id = vec!["id".to_owned()];
    request
}

fn joined(rows: &[(String, Vec<u8>)], end: &[u8]) -> Vec<u8> {
    rows.iter().flat_map(|(_, row)| [row.as_slice(), end].concat()).collect()
}

fn given_back(db: &Db, sent: &[(&str, &Sent)], when: &str) {
    let seen = view(db);
    for (source, records) in sent {
        for (id, record) in *records {
            let found = seen.record(source, id).unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let found = found.map(|found| text(&found));
            assert_eq!(found.as_ref(), Some(&text(record)), "{when}: {source} {id}");
        }
    }
}

#[test]
fn odd_records_come_back_byte_for_byte() {
    for seed in seeds(5000, scale(1, 20)) {
        let mut rng = Rng::new(seed);
        let count = scale(1000, 3000) as usize;
        let (json, sent, lines) =
            (rows_of_json(&mut rng, count), messages(&mut rng, count), delimited(&mut rng, count));
        let disk = MemoryDir::new();
        let settings = || navedb::Settings { log_file_bytes: 1 << 18, ..store::small() };
        let open = || store::open_with(disk.clone(), settings()).unwrap();
        let db = open();
        let load = |name: &str, head: &[u8], rows: &[(String, Vec<u8>)], source: &str, end| {
            let mut request = request(name, [head, &joined(rows, end)].concat());
            request.source = source.to_owned();
            let report = db.load(&request).unwrap();
            let file = &report.files[0];
            let here = format!("NAVE_SEED={seed} {source}: {:?}", report.broken.first());
            assert_eq!((file.written, file.broken), (rows.len() as u64, 0), "{here}");
        };
        // A look at a record reads its whole block: many small files make small ones.
        for (json, lines) in json.chunks(50).zip(lines.chunks(50)) {
            let end: &[u8] = if rng.one_in(2) { b"\n" } else { b"\r\n" };
            load("a.ndjson", b"", json, "rows", end);
            load("a.csv", &[b"id,user,a,b,c,d", end].concat(), lines, "table", end);
        }
        let (loaded, said) = sent.split_at(count / 2);
        for some in loaded.chunks(50) {
            let mut stream = LoadRequest::new("said", RecordKind::Message);
            let bytes = joined(some, b"\n");
            stream.inputs = vec![Input::Bytes { name: "a.ndjson".to_owned(), bytes }];
            stream.level = Some(Level::Memory);
            assert_eq!(db.load(&stream).unwrap().files[0].written, some.len() as u64);
        }
        let texts: Vec<String> =
            said.iter().map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect();
        texts.chunks(97).for_each(|batch| drop(store::write(&db, "said", batch)));
        let all = [("rows", &json), ("said", &sent), ("table", &lines)];
        given_back(&db, &all, "live");
        let digest = view(&db).digest().unwrap();
        db.checkpoint().unwrap();
        given_back(&db, &all, "after a checkpoint");
        db.close().unwrap();
        let db = open();
        given_back(&db, &all, "opened again");
        assert_eq!(view(&db).digest().unwrap(), digest, "NAVE_SEED={seed}");
        db.close().unwrap();
        navedb::rebuild(Arc::new(disk.clone()), store::clock(NOON), settings()).unwrap();
        let db = open();
        given_back(&db, &all, "rebuilt");
        assert_eq!(view(&db).digest().unwrap(), digest, "NAVE_SEED={seed}");
    }
}

#[test]
fn odd_texts_in_typed_columns_come_back_as_their_values() {
    let mut rng = Rng::new(5100);
    let texts: Vec<String> = (0..1000).map(|_| super::columns::odd_text(&mut rng)).collect();
    let ids = Int64Array::from_iter_values(0..1000);
    let table = batch(vec![
        ("user", Arc::new(StringArray::from_iter_values(texts.iter().map(|_| "u")))),
        ("id", Arc::new(ids)),
        ("text", Arc::new(StringArray::from_iter_values(&texts))),
    ]);
    let db = store::new();
    db.load(&request("a.parquet", parquet(&table))).unwrap();
    for (id, text) in texts.iter().enumerate() {
        let record = view(&db).record("shop", &id.to_string()).unwrap().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(found, serde_json::json!({"user": "u", "id": id, "text": text}));
    }
}
