//! Imports by column against imports row by row: random files, and every way to look at what became of them.
//!
//! Identifiers that are named more often than a record may have them send a load the slow way, and mean the same.

use crate::rng::{Rng, asked_seed, scale};
use crate::store::{self, NOON, session, view};
use navedb::dir::{Crash, MemoryDir};
use navedb::limits::RECORD_IDENTIFIERS_MAX;
use navedb::{
    At, Db, DefineRequest, Delimiter, Format, Input, Level, LoadReport, LoadRequest,
    QuarantineRequest, RecordKind, Retraction, Said, Settings, Timestamp, View,
};
use std::sync::Arc;

/// How a file is written and read.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    delimiter: Option<u8>,
    crlf: bool,
    mark: bool,
    event: bool,
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
            event: rng.one_in(2),
            ids: rng.one_in(2),
            time: rng.one_in(2),
            message_id: *rng.pick(&[0, 0, 1, 1, 2]),
        }
    }

    fn header(&self) -> Vec<&'static str> {
        vec!["user", "mail", "when", "id", "part", "a", "b", "c", "d"]
    }

    pub(crate) fn request(&self, bytes: &[u8], slowly: bool) -> LoadRequest {
        let kind = if self.event {
            RecordKind::Track(Said::Fixed("buy".into()))
        } else {
            RecordKind::Identify
        };
        let mut ids = vec![("user_id", "user")];
        if self.ids {
            ids.push(("email", "mail"));
        }
        let message_id = ["id", "part"];
        let message_id = message_id.get(..self.message_id).unwrap();
        let file = Input::Bytes { name: "file.csv".into(), bytes: bytes.to_vec() };
        let mut request = request(kind, file, (&ids, slowly), self.time, message_id);
        request.format = Some(Format::Csv);
        request.delimiter = Some(self.delimiter.map_or(Delimiter::Whitespace, Delimiter::Byte));
        request
    }
}

/// A request for a file. `slowly`: the identifiers are named so often that rows go one by one.
pub(crate) fn request(
    kind: RecordKind,
    file: Input,
    (ids, slowly): (&[(&str, &str)], bool),
    time: bool,
    message_id: &[&str],
) -> LoadRequest {
    let mut request = LoadRequest::new("crm", kind);
    request.inputs.push(file);
    let ids: Vec<_> = ids.iter().map(|(n, c)| (n.to_string(), c.to_string())).collect();
    let times = if slowly { RECORD_IDENTIFIERS_MAX + 1 } else { 1 };
    request.ids = std::iter::repeat_n(ids, times).flatten().collect();
    request.time = time.then(|| "when".to_owned());
    request.message_id = message_id.iter().map(ToString::to_string).collect();
    request.level = Some(Level::Memory);
    request
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

fn open(disk: &MemoryDir) -> Db {
    let settings = Settings { keys_in_memory: 20, open_bytes: 3_000, ..Settings::default() };
    store::open_with(disk.clone(), settings).unwrap()
}

/// What a report says but for the names and numbers of loads.
fn told(report: &LoadReport) -> String {
    let file = &report.files[0];
    let counts = (file.rows, file.written, file.duplicates, file.conflicts, file.broken);
    format!("{counts:?} {} {:?}", file.quarantined_values, report.broken)
}

const USERS: usize = 12;

/// A name that is written with an escape, for which a row of JSON is read by itself, and the same, as long, without.
pub(crate) const ESCAPED: &str = "\"\\u0071\"";
pub(crate) const PLAIN_NAME: &str = "\"q\"     ";

/// All that can be seen of what was loaded, but for what is random in a store.
fn seen(view: &View, exact: bool) -> String {
    let stats = view.stats().unwrap();
    let digest = if exact { view.digest().unwrap() } else { String::new() };
    let mut text = format!(
        "{digest} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?}\n",
        stats.profiles,
        stats.identifiers,
        stats.events,
        stats.traits,
        stats.properties,
        stats.entities,
        stats.entity_fields,
        stats.quarantine,
        stats.sources,
    );
    for user in 0..USERS {
        let user = format!("u{user}");
        let profile = view.profile("user_id", &user).unwrap();
        let profile = profile.map(|p| (p.identifiers, p.traits, p.events));
        text += &format!("{user} {profile:?} {:?}\n", view.timeline("user_id", &user).unwrap());
    }
    for number in 0..60 {
        for id in [format!("i{number}"), format!("i{number},p\\,1"), format!("\"i{number}\"")] {
            let record = view.record("crm", &id).unwrap();
            text += &record.map_or_else(String::new, |r| String::from_utf8_lossy(&r).into_owned());
        }
    }
    for item in view.quarantine(&QuarantineRequest::default()).unwrap().items {
        let at = (item.position, item.kind, item.line, item.time);
        text += &format!("\n{at:?} {:?} {} {}", item.field, item.value, item.reason);
    }
    let past = At::AsOf(Timestamp::parse("2024-02-10T00:00:00Z").unwrap());
    let count = |text: &str, at: At| view.count(text, at).map_err(|e| e.kind());
    for product in ["p0", "p1", "p2"] {
        let price = |name: &str| {
            let text = format!(
                "EXISTS (SELECT 1 FROM buy e JOIN product d ON d.id = '{product}' WHERE d.{name} \
                 IS NOT NULL)"
            );
            count(&text, At::Latest)
        };
        text += &format!("\n{product} {:?} {:?}", price("a"), price("\"n.x\""));
    }
    let bought = count("(SELECT count(*) FROM buy e) > 1", past);
    text + &format!("\n{bought:?} {:?}", count("p.a IS NULL", past))
}

/// A kind of files, and how they are loaded by column and row by row.
pub(crate) struct Case<'c> {
    /// The file of a seed with so many rows, for one way or the other.
    pub file: &'c dyn Fn(u64, usize, bool) -> Vec<u8>,
    pub request: &'c dyn Fn(&[u8], bool) -> LoadRequest,
    /// Whether both ways load the same bytes.
    pub exact: bool,
    /// What is defined after the first load.
    pub definition: Option<String>,
    pub name: String,
}

/// The same steps on a store that loads by column and on one that loads row by row.
struct Pair<'c> {
    disks: [MemoryDir; 2],
    stores: [Db; 2],
    case: &'c Case<'c>,
}

impl<'c> Pair<'c> {
    fn new(case: &'c Case<'c>) -> Pair<'c> {
        let disks = [MemoryDir::new(), MemoryDir::new()];
        let stores = [open(&disks[0]), open(&disks[1])];
        Pair { disks, stores, case }
    }

    fn load(&self, seed: u64, rows: usize, here: &str) -> LoadReport {
        let [by_column, by_row] = [false, true].map(|slowly| {
            let bytes = (self.case.file)(seed, rows, slowly);
            self.stores[usize::from(slowly)].load(&(self.case.request)(&bytes, slowly)).unwrap()
        });
        assert_eq!(told(&by_column), told(&by_row), "{here}");
        by_column
    }

    /// What a store shows. Where the files have other bytes, the names in them are the same.
    fn seen(&self, db: &Db) -> String {
        seen(&view(db), self.case.exact).replace(ESCAPED, PLAIN_NAME)
    }

    fn same(&self, here: &str) -> String {
        let [by_column, by_row] = [0, 1].map(|store| self.seen(&self.stores[store]));
        assert_eq!(by_column, by_row, "{here}: by column and by row");
        by_column
    }

    fn reopen(&mut self, here: &str) {
        let before = self.same(here);
        for store in 0..2 {
            let left = self.disks[store].crash(Crash::KeepAll);
            assert_eq!(self.seen(&open(&left)), before, "{here}: after a crash");
            navedb::rebuild(Arc::new(left.clone()), store::clock(NOON), Settings::default())
                .unwrap();
            assert_eq!(self.seen(&open(&left)), before, "{here}: rebuilt");
            let other = std::mem::replace(&mut self.stores[store], open(&MemoryDir::new()));
            other.close().unwrap();
            self.stores[store] = open(&self.disks[store]);
        }
        assert_eq!(self.same(here), before, "{here}: opened again");
    }

    fn define(&self, text: &str, here: &str) {
        for db in &self.stores {
            let text = text.to_owned();
            let request = DefineRequest { text, ..DefineRequest::default() };
            session(db).define(&request).unwrap_or_else(|e| panic!("{here}: {e}"));
        }
    }

    fn retract(&self, what: &Retraction) -> bool {
        let done = [0, 1].map(|store| session(&self.stores[store]).retract(what).is_ok());
        assert_eq!(done[0], done[1], "{what:?}");
        done[0]
    }
}

/// Messages whose values have types that those of a file may contradict.
fn messages(rng: &mut Rng) -> Vec<String> {
    const VALUES: [&str; 9] = [
        "1",
        "1.5",
        "1e2",
        "true",
        "\"2024-01-01\"",
        "\"2024-01-01T00:00:00Z\"",
        "\"x\"",
        "[\"x\"]",
        "null",
    ];
    let day = "2024-01-01T00:00:00Z";
    let mut told =
        || ["a", "b", "C"].map(|name| format!("\"{name}\":{}", rng.pick(&VALUES))).join(",");
    vec![
        store::identify("u1", "i3", day, &format!("{{{}}}", told())),
        store::track("u2", "i900", day, "Buy", &format!("{{{}}}", told())),
    ]
}

/// Does the same to both stores; gives how many rows of the first file were written.
pub(crate) fn judge(seed: u64, rng: &mut Rng, case: &Case<'_>) -> u64 {
    let rows = 1 + rng.below(60);
    let shown = (case.file)(seed, rows, false);
    let here =
        format!("seed {seed}, {rows} rows, {}\n{}", case.name, String::from_utf8_lossy(&shown));
    let mut pair = Pair::new(case);
    if rng.one_in(2) {
        let messages = messages(rng);
        pair.stores.iter().for_each(|db| drop(store::write(db, "crm", &messages)));
    }
    let first = pair.load(seed, rows, &here);
    let loaded = pair.same(&here);
    let again = pair.load(seed, rows, &format!("{here}\nonce more"));
    assert_eq!((again.files[0].written, again.files[0].load), (0, None), "{here}: once more");
    assert_eq!(pair.same(&here), loaded, "{here}: once more");
    pair.reopen(&here);
    pair.load(seed, rows, &format!("{here}\nopened again"));
    assert_eq!(pair.same(&here), loaded, "{here}: once more");
    if let Some(definition) = &case.definition {
        pair.define(definition, &here);
        pair.reopen(&format!("{here}\ndefined {definition}"));
    }
    // A longer file begins with the same rows.
    pair.load(seed, rows + 5, &format!("{here}\nlonger"));
    pair.same(&format!("{here}\nlonger"));
    pair.load(seed + 1, rows, &format!("{here}\nanother"));
    pair.same(&format!("{here}\nanother"));
    // Rows are withdrawn, whatever their message ids are, and then loaded again.
    let events = view(&pair.stores[0]).timeline("user_id", "u3").unwrap().unwrap_or_default();
    let generated = events.first().map(|event| event.message_id.clone());
    let ids = [format!("i{}", rng.below(rows)), format!("i{},p\\,1", rng.below(rows))];
    for message_id in ids.into_iter().chain(generated) {
        pair.retract(&Retraction::Record { source: "crm".into(), message_id: message_id.clone() });
        pair.same(&format!("{here}\nwithout {message_id}"));
    }
    pair.load(seed, rows, &format!("{here}\nafter rows were withdrawn"));
    pair.reopen(&format!("{here}\nafter rows were withdrawn"));
    if let Some(load) = first.files[0].load {
        // A load all of whose rows are withdrawn is no longer in force, and its file is loaded as another.
        let loads = view(&pair.stores[0]).stats().unwrap().loads;
        let in_force = loads.iter().any(|known| known.id == load);
        assert_eq!(pair.retract(&Retraction::Load(load)), in_force, "{here}");
        pair.reopen(&format!("{here}\nwithout the load"));
        pair.load(seed, rows, &format!("{here}\nafter the load was withdrawn"));
        pair.same(&format!("{here}\nafter the load was withdrawn"));
    }
    first.files[0].written
}

#[test]
fn files_by_column_are_files_row_by_row() {
    let seed = asked_seed().unwrap_or(1);
    let mut written = 0;
    for round in 0..scale(120, 20_000) {
        let seed = seed * 1_000_000 + round;
        let mut rng = Rng::new(seed);
        let form = Form::random(&mut rng);
        let case = Case {
            file: &|seed, rows, _| file(seed, &form, rows),
            request: &|bytes, slowly| form.request(bytes, slowly),
            exact: true,
            definition: None,
            name: format!("{form:?}"),
        };
        written += judge(seed, &mut rng, &case);
    }
    println!("{written} rows");
}

/// Lines that are no records stand among those that are, and count as rows.
#[test]
fn lines_that_are_too_long_are_the_same_both_ways() {
    let form = Form {
        delimiter: Some(b','),
        crlf: false,
        mark: false,
        event: true,
        ids: false,
        time: false,
        message_id: 0,
    };
    let row = |i: usize, long: usize| {
        format!("u{},,,,,{},,,\n", i % 3, "x".repeat(long) + &i.to_string())
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
