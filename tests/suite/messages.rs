//! Messages by column against messages one by one: random files of all types, in lines of their own and in batches.

use crate::objects::{Form, object, text, text_of, value};
use crate::pair::{Case, ESCAPED, PLAIN_NAME, judge, judge_rounds, request, seen};
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, session, view};
use crate::words;
use navedb::dir::MemoryDir;
use navedb::{
    Db, DefineRequest, Format, Input, LoadRequest, RecordKind, Retraction, Settings, import_log,
};
use std::sync::Arc;

type Fields = Vec<(String, String)>;

fn put(fields: &mut Fields, name: &str, value: impl Into<String>) {
    fields.push((name.to_owned(), value.into()));
}

/// Something that has no place where a text is meant.
fn odd(rng: &mut Rng) -> String {
    (*rng.pick(&[
        "null",
        "true",
        "7",
        "1e2",
        "[\"u1\"]",
        "[]",
        "{}",
        "{\"x\":1}",
        "[{}]",
        "\"\"",
        "\" \"",
    ]))
    .to_owned()
}

/// A text, or once in a while something else.
fn word(rng: &mut Rng, form: &Form, plain: &str) -> String {
    if rng.one_in(form.odd * 6) { odd(rng) } else { text_of(rng, plain) }
}

fn day(rng: &mut Rng, alone: Option<usize>) -> String {
    if alone.is_none() && rng.one_in(12) {
        let odd = ["\"soon\"", "\"2030-01-01\"", "\"\"", "null", "1709251200", "[1]", "{}"];
        return (*rng.pick(&odd)).to_owned();
    }
    let (month, day) = (1 + rng.below(3), 1 + rng.below(9));
    if let Some(number) = alone {
        // Of messages without an id those at one time stand in no order that two stores share.
        return format!("\"2024-0{month}-0{day}T00:00:00.{number:06}Z\"");
    }
    match rng.below(3) {
        0 => format!("\" 2024-0{month}-0{day} \""),
        1 => format!("\"2024-0{month}-0{day}T10:00:00.123+01:00\""),
        _ => format!("\"2024-0{month}-0{day}T00:00:00Z\""),
    }
}

fn told(rng: &mut Rng, form: &Form, late: bool) -> String {
    if rng.one_in(form.odd * 4) {
        return odd(rng);
    }
    let mut fields = Fields::new();
    for (place, name) in ["a", "b", "c", "d"].iter().enumerate() {
        if !rng.one_in(form.free + 1) {
            put(&mut fields, name, value(rng, form, place, late));
        }
    }
    if rng.one_in(2) {
        let inner = [
            ("x".to_owned(), value(rng, form, 0, late)),
            ("y".to_owned(), value(rng, form, 3, late)),
        ];
        put(&mut fields, "n", object(rng, form, &inner));
    }
    if rng.one_in(form.free) {
        rng.shuffle(&mut fields);
        let name =
            *rng.pick(&["A", "n.x", "Name", "category", "", "currency", "a_currency", "é", "USER"]);
        put(&mut fields, name, value(rng, form, 3, late));
    }
    object(rng, form, &fields)
}

/// What a message, or a batch for all of its messages, says of where it came from.
fn context(rng: &mut Rng, form: &Form, late: bool) -> String {
    let mut fields = Fields::new();
    put(&mut fields, "ip", "\"10.0.0.1\"");
    if rng.one_in(2) {
        put(&mut fields, "traits", told(rng, form, late));
    }
    if rng.one_in(3) {
        let device = format!("d{}", rng.below(5));
        let nobody = *rng.pick(&["\"0-0\"", "null", "true", "[1]", "{}", "\"AD-1\""]);
        let inner = [
            ("id".to_owned(), word(rng, form, &device)),
            ("advertisingId".to_owned(), nobody.to_owned()),
        ];
        put(&mut fields, "device", object(rng, form, &inner));
    }
    if rng.one_in(8) {
        let list = ["null", "[]", "[{\"id\":\"7\",\"type\":\"CRM\"}]", "{}", "[1]"];
        put(&mut fields, "externalIds", *rng.pick(&list));
    }
    if rng.one_in(12) {
        put(&mut fields, "consent", "{\"categoryPreferences\":{\"ads\":true,\"x\":false}}");
    }
    if rng.one_in(form.odd * 4) { odd(rng) } else { object(rng, form, &fields) }
}

fn who(rng: &mut Rng, form: &Form, fields: &mut Fields) {
    let user = format!("u{}", rng.below(12));
    let plain = word(rng, form, &user);
    let nobody = *rng.pick(&["0", "\" \"", "\"NULL\"", "null", "12"]);
    match rng.below(12) {
        0 => {}
        1 => put(fields, "userId", nobody),
        _ => put(fields, "userId", plain),
    }
    if rng.one_in(2) {
        let anonymous = format!("c{}", rng.below(9));
        put(fields, "anonymousId", word(rng, form, &anonymous));
    }
    if rng.one_in(4) {
        let mail = format!("\"M{}@x.org\"", rng.below(9));
        let list = format!("[{mail},null,\"a@x.org\"]");
        let mail = if rng.one_in(4) { list } else { mail };
        let inner = [("email".to_owned(), mail), (" Phone".to_owned(), word(rng, form, "+33 6 1"))];
        put(fields, "identifiers", object(rng, form, &inner));
    }
}

/// What makes a message one of its type.
fn what(rng: &mut Rng, form: &Form, late: bool, fields: &mut Fields) {
    let [event, which, how] = words::words(rng);
    let event = if event.is_ascii() && !event.is_empty() { event } else { "buy".to_owned() };
    let kinds = [
        "identify", "identify", "track", "track", "track", "page", "screen", "group", "alias",
        "entity", "consent", "link", "what", "track",
    ];
    let kind = *rng.pick(&kinds);
    put(fields, "type", word(rng, form, kind));
    match kind {
        "track" => {
            let consents = "Segment Consent Preference UPDATED";
            let event = if rng.one_in(20) { consents } else { &event };
            put(fields, "event", word(rng, form, event));
        }
        "page" | "screen" => {
            for (name, said) in [("name", "Home"), ("category", "shop")] {
                match rng.below(8) {
                    0 | 1 => {}
                    2 => put(fields, name, value(rng, form, 0, late)),
                    3 => put(fields, name, told(rng, form, late)),
                    _ => put(fields, name, word(rng, form, said)),
                }
            }
        }
        "group" => {
            put(fields, "groupId", word(rng, form, "f 1"));
            if rng.one_in(2) {
                put(fields, "groupType", word(rng, form, " product"));
            }
            if rng.one_in(2) {
                put(
                    fields,
                    "state",
                    word(rng, form, if rng.clone().one_in(2) { "left" } else { &how }),
                );
            }
        }
        "alias" => {
            let before = format!("c{}", rng.below(9));
            put(fields, "previousId", word(rng, form, &before));
        }
        "entity" => {
            put(
                fields,
                "entity",
                word(rng, form, if rng.clone().one_in(9) { "nave.x" } else { "product" }),
            );
            let id = format!(" p{}", rng.below(5));
            put(fields, "id", word(rng, form, &id));
        }
        "consent" => {
            put(fields, "channel", word(rng, form, "Email"));
            put(fields, "purpose", word(rng, form, if which == " " { "ads" } else { &which }));
            put(fields, "state", word(rng, form, if how.trim().is_empty() { "yes" } else { &how }));
        }
        _ => {}
    }
    let name = match kind {
        "track" | "page" | "screen" => "properties",
        _ => "traits",
    };
    if !rng.one_in(6) {
        put(fields, name, told(rng, form, late));
    }
}

/// A message, and whether it lacks an id. `moment`: what all such messages of a file have in their times.
fn message(
    rng: &mut Rng,
    form: &Form,
    (number, moment): (usize, usize),
    late: bool,
) -> (String, bool) {
    let mut fields = Fields::new();
    who(rng, form, &mut fields);
    what(rng, form, late, &mut fields);
    let alone = rng.one_in(form.lacking);
    if !alone {
        let id = if rng.one_in(5) { number.saturating_sub(rng.below(4)) } else { number };
        put(&mut fields, "messageId", text(rng, &format!("i{id}")));
    } else if rng.one_in(2) {
        put(&mut fields, "messageId", *rng.pick(&["null", "\"\""]));
    }
    if alone || !rng.one_in(4) {
        put(&mut fields, "timestamp", day(rng, alone.then_some(number * 1000 + moment)));
    }
    for name in ["originalTimestamp", "receivedAt", "sentAt"] {
        if rng.one_in(3) {
            put(&mut fields, name, day(rng, None));
        }
    }
    if rng.one_in(3) {
        put(&mut fields, "context", context(rng, form, late));
    }
    if rng.one_in(form.free) {
        rng.shuffle(&mut fields);
    }
    if rng.one_in(form.odd * 6) {
        put(&mut fields, "batch", *rng.pick(&["1", "[]", "{}", "[1]"]));
    }
    fields.insert(0, ("q".to_owned(), "null".to_owned()));
    (object(rng, form, &fields), alone)
}

/// Messages in one line, and what is said for all of them.
fn batch(rng: &mut Rng, form: &Form, messages: &[String], late: bool) -> String {
    let list = format!("[{}]", messages.join(if form.blanks { " , " } else { "," }));
    if rng.one_in(4) {
        return list;
    }
    let mut fields = vec![("batch".to_owned(), list)];
    if !rng.one_in(3) {
        put(&mut fields, "context", context(rng, form, late));
    }
    if rng.one_in(2) {
        put(&mut fields, "sentAt", day(rng, None));
    }
    if rng.one_in(3) {
        put(&mut fields, "integrations", "{\"All\":true}");
    }
    rng.shuffle(&mut fields);
    object(rng, form, &fields)
}

/// A file of messages. `slowly`: each has a name for which it is folded by itself.
pub(crate) fn file(seed: u64, form: &Form, rows: usize, slowly: bool) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let turn = rng.below(40);
    let (mut number, mut before, mut bytes) = (0, (String::new(), true), Vec::new());
    let moment = rows + 70 * (seed % 10) as usize;
    let name = if slowly { ESCAPED } else { PLAIN_NAME };
    for _ in 0..rows {
        let late = number > turn;
        let many = if rng.one_in(form.batches) { rng.below(5) } else { 1 };
        let mut messages = Vec::new();
        for _ in 0..many {
            let mut one = message(&mut rng, form, (number, moment), late);
            if rng.one_in(12) && !before.1 {
                one.clone_from(&before);
            }
            before.clone_from(&one);
            number += 1;
            messages.push(one.0);
        }
        let mut line = match messages.as_slice() {
            [one] if !rng.one_in(form.batches + 3) => one.clone(),
            all => batch(&mut rng, form, all, late),
        };
        if rng.one_in(form.odd * 6) {
            // Nothing in a file is what stands between a message and what its batch shares.
            line += *rng.pick(&["\u{1e}", "\u{1e}{\"sentAt\":\"2024-01-01\"}", " x", "}"]);
        }
        line = line.replace("\"q\"", name);
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(if rng.one_in(9) { b"\r\n" } else { b"\n" });
    }
    bytes
}

pub(crate) fn load_request(bytes: &[u8]) -> LoadRequest {
    let file = Input::Bytes { name: "file.ndjson".into(), bytes: bytes.to_vec() };
    let mut request = request(RecordKind::Message, file, (&[], false), false, &[]);
    request.format = Some(Format::Ndjson);
    request
}

#[test]
fn messages_by_column_are_messages_one_by_one() {
    let written = judge_rounds(scale(30, 20_000), |seed, rng| {
        let form = Form::random(rng);
        let case = Case {
            file: &|seed, rows, slowly| file(seed, &form, rows, slowly),
            request: &|bytes, _| load_request(bytes),
            exact: false,
            definition: words::definition(rng),
            name: format!("{form:?}"),
        };
        judge(seed, rng, &case)
    });
    assert!(written > scale(200, 200_000), "{written}");
}

/// The log of a store as text, with the rows of all blocks as records.
fn one_by_one(db: &Db, here: &str) -> Db {
    let mut lines = Vec::new();
    view(db).export_log(&mut lines, &mut |_| {}).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let mut all: Vec<&str> = text.lines().collect();
    let tail = all.pop().unwrap();
    assert!(text.contains("\"entry\":{\"columns\":"), "{here}: nothing is kept by column");
    let rows: Vec<String> = all
        .iter()
        .map(|line| line.replace("\"entry\":{\"columns\":", "\"entry\":{\"records\":") + "\n")
        .collect();
    let rows = rows.concat();
    let digest = blake3::hash(rows.as_bytes()).to_hex();
    let from = tail.find("\"digest\":\"").unwrap() + 10;
    let tail = format!("{}{}{}\n", &tail[..from], &digest[..32], &tail[from + 32..]);
    let dir = MemoryDir::new();
    let text = rows + &tail;
    import_log(Arc::new(dir.clone()), &mut text.as_bytes(), &mut |_| {})
        .unwrap_or_else(|e| panic!("{here}: {e}"));
    store::open_with(dir, Settings { open_bytes: 3_000, ..Settings::default() }).unwrap()
}

/// The same bytes in the same log, by column and one by one, are the same state to the last digit.
#[test]
fn a_block_of_messages_is_its_messages() {
    for seed in seeds(1, scale(40, 20_000)) {
        let mut rng = Rng::new(seed);
        let form = Form::random(&mut rng);
        let rows = 1 + rng.below(60);
        let disk = MemoryDir::new();
        let settings = Settings { open_bytes: 3_000, ..Settings::default() };
        let db = store::open_with(disk.clone(), settings.clone()).unwrap();
        let here = format!(
            "seed {seed}, {rows} rows, {form:?}\n{}",
            String::from_utf8_lossy(&file(seed, &form, rows, false))
        );
        let define = |rng: &mut Rng| {
            if let Some(text) = words::definition(rng) {
                let request = DefineRequest { text, ..DefineRequest::default() };
                session(&db).define(&request).unwrap();
            }
        };
        define(&mut rng);
        let load = |seed: u64, rows: usize, revise: bool| {
            let mut request = load_request(&file(seed, &form, rows, false));
            request.revise = revise;
            db.load(&request).ok()
        };
        let Some(first) = load(seed, rows, false) else { continue };
        if first.files[0].load.is_none() {
            continue;
        }
        load(seed + 1, rows, rng.one_in(2));
        let compare = |here: &str| {
            let other = one_by_one(&db, here);
            let (left, right) = (seen(&view(&db), true), seen(&view(&other), true));
            assert_eq!(left, right, "{here}: by column and one by one");
            left
        };
        compare(&here);
        define(&mut rng);
        let message_id = format!("i{}", rng.below(rows));
        let _ = session(&db).retract(&Retraction::Record { source: "crm".into(), message_id });
        compare(&here);
        if let (Some(load), true) = (first.files[0].load, rng.one_in(3)) {
            let _ = session(&db).retract(&Retraction::Load(load));
        }
        load(seed, rows, false);
        // Nothing may be left by column when all is withdrawn, but then both are the same all the more.
        let live = compare(&here);
        db.close().unwrap();
        navedb::rebuild(Arc::new(disk.clone()), store::clock(NOON), settings.clone()).unwrap();
        let db = store::open_with(disk, settings).unwrap();
        assert_eq!(seen(&view(&db), true), live, "{here}: rebuilt");
    }
}
