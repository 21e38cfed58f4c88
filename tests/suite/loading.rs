//! Files: what each cell says, what each row is, and what happens to rows that cannot be read.

use crate::store::{self, view};
use navedb::{
    Date, Db, Decimal, Delimiter, ErrorKind, Format, Input, Level, LoadReport, LoadRequest, Phase,
    Progress, RecordKind, Said, TimeUnit, Timestamp, Value, View,
};
use std::ops::ControlFlow;

fn bytes(name: &str, text: &str) -> Input {
    Input::Bytes { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
}

/// A request to load one text as identify, with `user` as the user id.
fn people(name: &str, text: &str) -> LoadRequest {
    let mut request = LoadRequest::new("crm", RecordKind::Identify);
    request.inputs.push(bytes(name, text));
    request.ids.push(("user_id".to_owned(), "user".to_owned()));
    request.level = Some(Level::Memory);
    request
}

/// A request to load one text as `purchase` events.
fn purchases(name: &str, text: &str) -> LoadRequest {
    LoadRequest {
        kind: RecordKind::Track(Said::Fixed("purchase".to_owned())),
        ..people(name, text)
    }
}

fn golden(view: &View, user: &str, name: &str) -> Option<Value> {
    let profile =
        view.profile("user_id", user).unwrap().unwrap_or_else(|| panic!("{user} is unknown"));
    profile.traits.into_iter().find(|t| t.name == name).map(|t| t.value)
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

fn times(db: &Db, user: &str) -> Vec<String> {
    let timeline = view(db).timeline("user_id", user).unwrap().unwrap();
    timeline.iter().map(|e| e.time.to_string()).collect()
}

/// Rows, written, duplicates, conflicts and broken of a report's only file.
fn counts(report: &LoadReport) -> (u64, u64, u64, u64, u64) {
    assert_eq!(report.files.len(), 1);
    let file = &report.files[0];
    (file.rows, file.written, file.duplicates, file.conflicts, file.broken)
}

#[test]
fn cells_are_what_they_read_as() {
    let db = store::new();
    let file = "user,age,zip,score,vip,born,seen,name,empty\n\
                ann,30,06000,1.50,true,1990-01-31,2024-01-31T10:00:00Z,Ann,\n\
                ben,,75001,-2,false,,2024-02-01T10:00:00+02:00,\"\",x\n";
    let report = db.load(&people("people.csv", file)).unwrap();
    assert_eq!(counts(&report), (2, 2, 0, 0, 0));
    let seen = view(&db);
    assert_eq!(golden(&seen, "ann", "age"), Some(Value::Integer(30)));
    assert_eq!(golden(&seen, "ben", "age"), None, "an empty cell says nothing");
    assert_eq!(golden(&seen, "ann", "zip"), text("06000"), "digits with a leading zero are text");
    assert_eq!(golden(&seen, "ben", "zip"), text("75001"), "and so is their column");
    assert_eq!(golden(&seen, "ann", "score"), Some(Value::Decimal(Decimal::parse("1.5").unwrap())));
    assert_eq!(golden(&seen, "ben", "score"), Some(Value::Decimal(Decimal::parse("-2").unwrap())));
    assert_eq!(golden(&seen, "ben", "vip"), Some(Value::Boolean(false)));
    assert_eq!(
        golden(&seen, "ann", "born"),
        Some(Value::Date(Date::from_ymd(1990, 1, 31).unwrap()))
    );
    let when = Timestamp::parse("2024-02-01T08:00:00Z").unwrap();
    assert_eq!(golden(&seen, "ben", "seen"), Some(Value::Timestamp(when)));
    assert_eq!(golden(&seen, "ben", "name"), text(""), "a quoted empty cell is an empty text");
    assert_eq!((golden(&seen, "ann", "empty"), golden(&seen, "ben", "empty")), (None, text("x")));
    assert_eq!(golden(&seen, "ann", "user"), None, "an identifier is no trait");
}

#[test]
fn an_empty_cell_removes_nothing_and_json_null_does() {
    let db = store::new();
    let dated = |name, file| LoadRequest { time: Some("day".into()), ..people(name, file) };
    db.load(&dated("a.csv", "user,city,age,day\nann,Nice,3,2024-01-01\n")).unwrap();
    db.load(&dated("b.csv", "user,city,age,day\nann,,4,2024-01-02\n")).unwrap();
    assert_eq!(golden(&view(&db), "ann", "city"), text("Nice"));
    let removing = r#"{"user":"ann","city":null,"day":"2024-01-03"}"#;
    db.load(&dated("c.ndjson", removing)).unwrap();
    assert_eq!(golden(&view(&db), "ann", "city"), None);
    assert_eq!(golden(&view(&db), "ann", "age"), Some(Value::Integer(4)));
}

#[test]
fn quotes_hold_commas_quotes_and_lines() {
    let db = store::new();
    let file = "\u{feff}user,note,city\r\nann,\"a, \"\"b\"\"\r\nc\",Nice\r\nben,plain,\"Lyon\"";
    let report = db.load(&people("people.csv", file)).unwrap();
    assert_eq!(counts(&report), (2, 2, 0, 0, 0));
    assert_eq!(golden(&view(&db), "ann", "note"), text("a, \"b\"\r\nc"));
    assert_eq!(golden(&view(&db), "ben", "city"), text("Lyon"));
}

#[test]
fn delimiters_are_known_guessed_or_given() {
    let rows = [
        ("a.tsv", "user\tcity\nann\tNice\n", None),
        ("a.txt", "  user   city\n  ann     Nice\n", None),
        ("a.data", "user city\nann Nice\n", Some(Delimiter::Whitespace)),
        ("a.csv", "user;city\nann;Nice\n", Some(Delimiter::Byte(b';'))),
        ("a.csv", "user|city\nann|Nice\n", Some(Delimiter::Byte(b'|'))),
    ];
    for (name, file, delimiter) in rows {
        let db = store::new();
        let format = name.ends_with("data").then_some(Format::Csv);
        db.load(&LoadRequest { delimiter, format, ..people(name, file) }).unwrap();
        assert_eq!(golden(&view(&db), "ann", "city"), text("Nice"), "{name}");
    }
}

#[test]
fn times_come_in_units_patterns_and_zones() {
    let cases = [
        (TimeUnit::Iso, "UTC", "1998-07-01T10:00:00Z", "1998-07-01T10:00:00Z"),
        (TimeUnit::Iso, "UTC", "1998-07-01", "1998-07-01T00:00:00Z"),
        (TimeUnit::Iso, "Europe/Paris", "1998-07-01 10:00:00", "1998-07-01T08:00:00Z"),
        (TimeUnit::Iso, "Europe/Paris", "1998-01-01T10:00:00", "1998-01-01T09:00:00Z"),
        (TimeUnit::Iso, "Europe/Paris", "1998-07-01T10:00:00Z", "1998-07-01T10:00:00Z"),
        (TimeUnit::Seconds, "UTC", "899287200", "1998-07-01T10:00:00Z"),
        (TimeUnit::Millis, "UTC", "899287200001", "1998-07-01T10:00:00.001Z"),
        (TimeUnit::Micros, "UTC", "899287200000001", "1998-07-01T10:00:00.000001Z"),
        (TimeUnit::Nanos, "UTC", "899287200000001000", "1998-07-01T10:00:00.000001Z"),
        (TimeUnit::Seconds, "UTC", "-1", "1969-12-31T23:59:59Z"),
        (TimeUnit::Pattern("%Y%m%d".into()), "UTC", "19980701", "1998-07-01T00:00:00Z"),
        (TimeUnit::Pattern("%Y%m%d".into()), "Europe/Paris", "19980701", "1998-06-30T22:00:00Z"),
        (
            TimeUnit::Pattern("%d/%m/%Y %H:%M".into()),
            "UTC",
            "01/07/1998 10:30",
            "1998-07-01T10:30:00Z",
        ),
    ];
    for (time_unit, zone, cell, expected) in cases {
        let db = store::new();
        let shown = format!("{time_unit:?} {zone} {cell}");
        let file = format!("user,when\nann,{cell}\n");
        let time = Some("when".to_owned());
        let request =
            LoadRequest { time, time_unit, zone: zone.into(), ..purchases("p.csv", &file) };
        let report = db.load(&request).unwrap();
        assert_eq!(report.broken, [], "{shown}");
        assert_eq!(times(&db, "ann"), [expected], "{shown}");
    }
}

#[test]
fn an_unknown_zone_column_or_pattern_is_refused_before_anything_is_written() {
    let db = store::new();
    let file = "user,when\nann,1998-07-01\n";
    let base = || LoadRequest { time: Some("when".into()), ..purchases("p.csv", file) };
    let requests = [
        LoadRequest { zone: "Europe/Atlantis".into(), ..base() },
        LoadRequest { time: Some("wen".into()), ..base() },
        LoadRequest { ids: vec![("user_id".into(), "users".into())], ..base() },
        LoadRequest { message_id: vec!["id".into()], ..base() },
        LoadRequest { ids: Vec::new(), ..base() },
        LoadRequest { kind: RecordKind::Track(Said::Column("event".into())), ..base() },
    ];
    let before = view(&db).digest().unwrap();
    for request in requests {
        let error = db.load(&request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(view(&db).digest().unwrap(), before, "{error}");
    }
    let error = db.load(&LoadRequest { time: Some("wen".into()), ..base() }).unwrap_err();
    assert!(error.message().contains("when"), "the columns there are, or the nearest: {error}");
}

#[test]
fn events_are_named_by_a_column() {
    let db = store::new();
    let file = "user,what,n\nann,open,1\nann,click,2\nben,open,3\n";
    let kind = RecordKind::Track(Said::Column("what".into()));
    db.load(&LoadRequest { kind, ..people("e.csv", file) }).unwrap();
    assert_eq!(
        view(&db).stats().unwrap().events,
        [("click".to_owned(), 1), ("open".to_owned(), 2)]
    );
    let question = "(SELECT sum(e.n) FROM open e) = 3";
    assert_eq!(view(&db).count(question, navedb::At::Latest), Ok(1));
    assert!(
        view(&db).count("(SELECT max(e.what) FROM open e) = 'open'", navedb::At::Latest).is_err()
    );
}

#[test]
fn several_identifier_columns_join() {
    let db = store::new();
    let file = "user,mail,n\nann,Ann@X.org,1\n,ann@x.org,2\nnull,ben@x.org,3\n-1,,4\n";
    let mut request = purchases("p.csv", file);
    request.ids.push(("email".into(), "mail".into()));
    let report = db.load(&request).unwrap();
    let seen = view(&db);
    assert_eq!(seen.stats().unwrap().profiles, 2);
    assert_eq!(seen.timeline("user_id", "ann").unwrap().unwrap().len(), 2);
    let file = &report.files[0];
    assert_eq!(
        (file.rows, file.written, file.broken),
        (4, 3, 1),
        "a row of nobody is in quarantine"
    );
    assert_eq!(report.broken[0].line, 5);
    assert_eq!(seen.stats().unwrap().quarantine.iter().map(|q| q.1).sum::<u64>(), 1);
}

#[test]
fn broken_rows_are_named_by_file_line_and_column_and_the_rest_loads() {
    let db = store::new();
    let file = "user,when,note\n\
                ann,2024-01-01,\"two\nlines\"\n\
                ben,soon,x\n\
                cat,2024-01-02\n\
                dan,2024-01-03,x,y\n\
                eve,2024-01-04,\"open\" end\n\
                fay,2024-01-05,fine\n";
    let request = LoadRequest { time: Some("when".into()), ..purchases("dir/p.csv", file) };
    let report = db.load(&request).unwrap();
    let places: Vec<(u64, Option<u64>)> =
        report.broken.iter().map(|b| (b.line, b.column)).collect();
    assert_eq!(places[0], (4, Some(2)), "{:?}", report.broken);
    let lines: Vec<u64> = places.iter().map(|p| p.0).collect();
    assert_eq!(lines, [4, 5, 6, 7], "{:?}", report.broken);
    assert!(report.broken.iter().all(|b| b.file.contains("p.csv")), "{:?}", report.broken);
    assert!(report.broken[0].to_string().contains("p.csv:4:2: "), "{}", report.broken[0]);
    assert_eq!(counts(&report), (6, 2, 0, 0, 4));
    assert_eq!(times(&db, "fay"), ["2024-01-05T00:00:00Z"]);
    assert_eq!(view(&db).stats().unwrap().profiles, 2);
}

#[test]
fn a_quote_that_never_closes_breaks_its_line_alone() {
    let db = store::new();
    let report =
        db.load(&people("p.csv", "user,note\nann,fine\nben,\"never\ncat,closed\n")).unwrap();
    assert_eq!(counts(&report), (3, 2, 0, 0, 1), "{report:?}");
    assert_eq!(report.broken[0].line, 3, "{report:?}");
    assert_eq!(golden(&view(&db), "cat", "note"), text("closed"));
}

#[test]
fn broken_json_lines_are_named_and_the_rest_loads() {
    let db = store::new();
    let file = "{\"user\":\"ann\",\"n\":1}\n\n{\"user\":\"ben\",\"n\":}\n[1]\n{\"n\":2}\n{\"user\":\"cat\",\"n\":3}";
    let report = db.load(&purchases("p.ndjson", file)).unwrap();
    let lines: Vec<u64> = report.broken.iter().map(|b| b.line).collect();
    assert_eq!(lines, [3, 4, 5], "{:?}", report.broken);
    assert!(report.broken[0].to_string().contains("p.ndjson:3"), "{}", report.broken[0]);
    assert_eq!((report.files[0].written, report.files[0].broken), (2, 3));
    assert_eq!(view(&db).stats().unwrap().profiles, 2);
}

#[test]
fn strict_loads_nothing_when_a_row_is_broken() {
    for (name, file) in [
        ("p.csv", "user,when\nann,2024-01-01\nben,soon\n"),
        ("p.ndjson", "{\"user\":\"ann\",\"when\":\"2024-01-01\"}\n{\"user\":\n"),
    ] {
        let db = store::new();
        let before = view(&db).digest().unwrap();
        let request =
            LoadRequest { strict: true, time: Some("when".into()), ..purchases(name, file) };
        let error = db.load(&request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(&format!("{name}:")), "the row is named: {error}");
        assert_eq!(view(&db).digest().unwrap(), before);
        assert_eq!(view(&db).stats().unwrap().profiles, 0);
        let fine = LoadRequest {
            strict: true,
            ..purchases(name, file.split_once("ben").map_or(file, |f| f.0))
        };
        if name.ends_with("csv") {
            assert_eq!(
                db.load(&fine).unwrap().files[0].written,
                1,
                "without the broken row it loads"
            );
        }
    }
}

#[test]
fn rows_are_given_back_as_they_were_sent() {
    let db = store::new();
    let rows = ["m1,ann,\"a, \"\"b\"\"\",1.50", "m2,ben,  spaced ,007"];
    let file = format!("id,user,note,n\r\n{}\r\n{}\r\n", rows[0], rows[1]);
    let request = LoadRequest { message_id: vec!["id".into()], ..purchases("p.csv", &file) };
    db.load(&request).unwrap();
    for (id, row) in [("m1", rows[0]), ("m2", rows[1])] {
        let found = view(&db).record("crm", id).unwrap().unwrap();
        assert_eq!(String::from_utf8(found).unwrap().trim_end_matches(['\r', '\n']), row);
    }
    let line = "{\"user\":\"cat\",  \"id\": 5, \"unknown\": [1, {\"x\": 1.10}] }";
    let request = LoadRequest {
        message_id: vec!["id".into()],
        ..purchases("p.ndjson", &format!("{line}\n"))
    };
    db.load(&request).unwrap();
    let found = view(&db).record("crm", "5").unwrap().unwrap();
    assert_eq!(String::from_utf8(found).unwrap(), line);
}

#[test]
fn a_load_says_how_far_it_is_and_reaches_its_level() {
    let db = store::new();
    let rows: String = (0..10_000).map(|i| format!("u{i},{i}\n")).collect();
    let mut request = purchases("p.csv", &format!("user,n\n{rows}"));
    request.level = Some(Level::Group);
    let mut seen = Vec::new();
    let mut tell = |progress: &Progress<'_>| {
        assert_eq!(progress.file, "p.csv");
        assert!(progress.bytes_total.is_some_and(|total| progress.bytes_done <= total));
        if progress.phase == Phase::Rows {
            seen.push(progress.rows);
        }
        ControlFlow::Continue(())
    };
    let report = db.load_with(&request, &mut tell).unwrap();
    assert!(seen.is_sorted() && seen.last().is_some_and(|last| *last <= 10_000), "{seen:?}");
    assert!(report.level >= Level::Group);
    assert!(view(&db).stats().unwrap().durable >= report.position);
    assert_eq!(view(&db).stats().unwrap().loads.len(), 1);
    let load = &view(&db).stats().unwrap().loads[0];
    assert_eq!((load.source.as_str(), load.rows), ("crm", 10_000));
    assert_eq!(Some(load.id), report.files[0].load);
}

#[test]
fn several_files_are_several_loads_and_files_without_rows_are_fine() {
    let db = store::new();
    let mut request = purchases("a.csv", "user,n\nann,1\n");
    request.inputs.push(bytes("b.csv", "user,n\nben,2\ncat,3\n"));
    request.inputs.push(bytes("c.csv", "user,n\n"));
    let report = db.load(&request).unwrap();
    let rows: Vec<u64> = report.files.iter().map(|f| f.rows).collect();
    assert_eq!(rows, [1, 2, 0]);
    assert_eq!(view(&db).stats().unwrap().profiles, 3);
    let missing = Input::Path("no/such/file.csv".into());
    let error = db.load(&LoadRequest { inputs: vec![missing], ..request }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.message().contains("no/such/file.csv"), "{error}");
}
