//! Single expressions of the audience language, each with the people that it selects.

use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{At, Batch, Caller, Db, ErrorKind, Purpose, Record, Settings, Timestamp, View};
use std::sync::Arc;

/// Five people, a to e; e has nothing but an identifier.
const PEOPLE: [&str; 9] = [
    r#"{"type":"identify","userId":"a","identifiers":{"phone":"+331"},"timestamp":"2024-01-01","traits":{"name":"Anna","n":7,"d":2.50,"f":1e0,"vip":true,"born":"1990-02-28","tags":["x","y"]}}"#,
    r#"{"type":"identify","userId":"b","timestamp":"2024-01-01","traits":{"name":"bÉa","n":-7,"d":0.10,"f":2e0,"vip":false,"born":"2000-12-31","tags":["y",7,true,null]}}"#,
    r#"{"type":"identify","userId":"c","timestamp":"2024-01-01","traits":{"name":"50%_\\","n":3000000000,"d":-1,"f":-5e-1,"born":"2024-02-29","tags":[]}}"#,
    r#"{"type":"identify","userId":"d","timestamp":"2024-01-01","traits":{"name":"","n":0,"d":0,"f":0e0,"nick":"Dee"}}"#,
    r#"{"type":"identify","userId":"e","timestamp":"2024-01-01"}"#,
    r#"{"type":"track","userId":"a","event":"buy","messageId":"1","timestamp":"2024-03-31T00:30:00Z","properties":{"amount":10.5,"n":2}}"#,
    r#"{"type":"track","userId":"a","event":"buy","messageId":"2","timestamp":"2024-03-31T22:30:00Z","properties":{"amount":4.5,"n":3}}"#,
    r#"{"type":"track","userId":"b","event":"buy","messageId":"3","timestamp":"2023-12-31T23:59:59Z","properties":{"amount":1.00,"n":1,"tags":["gift"]}}"#,
    r#"{"type":"track","userId":"c","event":"buy","messageId":"4","timestamp":"2024-12-30","properties":{"amount":100,"n":0}}"#,
];

fn people() -> (Db, View) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2025-01-01").unwrap()));
    let db = Db::open_with(Arc::new(MemoryDir::new()), clock, Settings::default()).unwrap();
    let session = db.session(Caller::all(), Purpose::any());
    let batch =
        PEOPLE.iter().fold(Batch::new(), |batch, json| batch.record(Record::message("crm", *json)));
    let receipt = session.write(batch).unwrap();
    assert!(receipt.broken.is_empty(), "{:?}", receipt.broken);
    let view = session.view();
    (db, view)
}

fn selected(view: &View, text: &str) -> String {
    let members = view.members(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let id = |user: &str| view.profile("user_id", user).unwrap().unwrap().id;
    ["a", "b", "c", "d", "e"].into_iter().filter(|user| members.contains(&id(user))).collect()
}

/// Expressions, and the people that they select.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("p.n + 1 = 8", "a"),
    ("p.n * 2 < 0", "b"),
    ("p.n - p.n = 0", "abcd"),
    ("p.n / 2 = 3.5", "a"),
    ("p.n / 0 > 1000", "acd"),
    ("p.n % 4 = 3", "a"),
    ("p.n % 4 = -3", "b"),
    ("p.d * p.d = 6.25", "a"),
    ("p.d + p.n = 9.5", "a"),
    ("p.d % 1 = 0.5", "a"),
    ("p.f + p.n = 8", "a"),
    ("-p.d = 1", "c"),
    ("- - p.n = 7", "a"),
    ("coalesce(p.nick, p.name) = 'Dee'", "d"),
    ("coalesce(p.n, -1) = -1", "e"),
    ("coalesce(NULL, p.vip, TRUE)", "acde"),
    ("p.name LIKE 'A%'", "a"),
    ("p.name LIKE '_n_a'", "a"),
    ("p.name LIKE '%É%'", "b"),
    ("p.name NOT LIKE '%n%'", "bcd"),
    ("p.name LIKE '50!%%' ESCAPE '!'", "c"),
    ("p.name LIKE '%\\'", "c"),
    ("p.name LIKE ''", "d"),
    ("p.name ILIKE 'BéA'", "b"),
    ("'x' = ANY(p.tags)", "a"),
    ("NOT 'x' = ANY(p.tags)", "bcde"),
    ("'7' = ANY(p.tags) AND 'true' = ANY(p.tags)", "b"),
    ("EXISTS (SELECT 1 FROM buy e WHERE 'gift' = ANY(e.tags))", "b"),
    ("extract(year FROM p.born) = 2000", "b"),
    ("extract(doy FROM p.born) = 60", "c"),
    ("date_part('week', p.born) = 52", "b"),
    ("extract(dow FROM p.born) = 0", "b"),
    ("date_trunc('quarter', p.born) = DATE '1990-01-01'", "a"),
    ("p.born + INTERVAL '1 year' = DATE '2025-02-28'", "c"),
    ("DATE '2024-03-01' - p.born = 1", "c"),
    ("has_identifier('phone')", "a"),
    ("NOT has_identifier('Phone')", "bcde"),
    ("bucket('s', 1) = 0", "abcde"),
    ("EXISTS (SELECT 1 FROM buy e WHERE CAST(e.time AS DATE) = DATE '2024-03-31')", "a"),
    ("(SELECT count(DISTINCT e.time::date) FROM buy e) = 1", "abc"),
    (
        "EXISTS (SELECT 1 FROM buy e WHERE extract(year FROM e.time AT TIME ZONE \
             'Europe/Paris') = 2023)",
        "",
    ),
    (
        "(SELECT count(*) FROM buy e WHERE (e.time AT TIME ZONE 'Europe/Paris')::date = DATE \
             '2024-04-01') = 1",
        "a",
    ),
    ("(SELECT sum(e.amount * e.n) FROM buy e) = 34.5", "a"),
    ("(SELECT sum(e.amount) FROM buy e) > p.n + 7", "ab"),
    ("(SELECT max(extract(hour FROM e.time)) FROM buy e) = 22", "a"),
    ("EXISTS (SELECT 1 FROM buy e WHERE e.amount > p.n * 10)", "b"),
    ("(SELECT e.amount FROM buy e ORDER BY e.time DESC, e.message_id DESC LIMIT 1) = 4.5", "a"),
    ("(SELECT amount FROM buy ORDER BY time, message_id LIMIT 1) > 10", "ac"),
    (
        "(SELECT e.amount FROM buy e WHERE e.n < 3 ORDER BY e.time DESC, e.message_id DESC \
             LIMIT 1) = 10.5",
        "a",
    ),
    (
        "(SELECT e.n + 1 FROM buy e WHERE e.n = 0 ORDER BY e.time, e.message_id LIMIT 1) IS \
             NULL",
        "abde",
    ),
];

#[test]
fn expressions_select_whom_they_should() {
    let (_db, view) = people();
    for (text, expected) in EXPRESSIONS {
        assert_eq!(selected(&view, text), *expected, "{text}");
    }
}

#[test]
fn what_has_no_answer_says_why() {
    let (_db, view) = people();
    for (text, at, word) in [
        ("p.n + 9223372036854775807 > 0", None, "64 bits"),
        ("p.n % 0 = 1", None, "by zero"),
        ("p.born + INTERVAL '9000 years' > now()", None, "range"),
        ("p.name + 1 = 2", Some(0), "arithmetic"),
        ("p.born - p.n = 2", Some(0), "arithmetic"),
        ("p.name LIKE 5", Some(12), "text is expected"),
        ("p.tags IS NULL", Some(0), "ANY"),
        ("p.tags = 'x'", Some(0), "ANY"),
        ("'x' = ANY(p.name)", Some(10), "set is expected"),
        ("extract(fortnight FROM p.born) = 1", None, "fortnight"),
        ("extract(year FROM p.n) = 1", Some(18), "time is expected"),
        ("bucket('s', 0) = 1", Some(0), "bucket"),
        ("bucket(p.name, 5) = 1", Some(0), "bucket"),
        ("in_segment('vips')", Some(0), "'vips' is no segment"),
        ("consents('email')", Some(0), "consents is used like consents('email', 'marketing')"),
        (
            "consents('email', p.name)",
            Some(0),
            "consents is used like consents('email', 'marketing')",
        ),
        ("p.born AT TIME ZONE 'Mars/Base' > now()", None, "time zone"),
        ("coalesce(p.n, 'x') = 1", Some(14), "compare"),
        ("(SELECT e.n FROM buy e ORDER BY e.time LIMIT 1) = 1", Some(23), "message_id"),
        (
            "(SELECT e.n FROM buy e ORDER BY e.time, e.message_id DESC LIMIT 1) = 1",
            Some(23),
            "both alike",
        ),
        ("(SELECT e.n FROM buy e ORDER BY e.time, e.message_id LIMIT 2) = 1", Some(23), "LIMIT 1"),
    ] {
        let error = view.count(text, At::Latest).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}: {error}");
        assert!(error.message().contains(word), "{text}: {error}");
        if let Some(at) = at {
            assert_eq!(error.place(), Some(at), "{text}: {error}");
        }
    }
}

#[test]
fn the_explained_text_is_the_same_question() {
    let (_db, view) = people();
    for text in [
        "coalesce(-p.n, p.d * 2 + 1, p.f / 3) % 5 < 2 AND p.name ILIKE 'a!%' ESCAPE '!'",
        "'x' = ANY(p.tags) OR extract(doy FROM p.born + INTERVAL '1 month 3 seconds') = 3 OR \
         has_identifier('it''s')",
        "(SELECT sum(e.amount * e.n) FROM buy e WHERE date_trunc('week', e.time AT TIME ZONE \
         'Asia/Tokyo') < now()) > -1",
        "(SELECT n FROM buy ORDER BY time DESC, message_id DESC LIMIT 1) > (SELECT n FROM buy e \
         ORDER BY e.time, message_id LIMIT 1)",
        "CAST(p.born AS DATE) - DATE '2000-01-01' > bucket('a''b', 10)",
    ] {
        let first = view.explain(text, At::Latest).unwrap();
        let again =
            view.explain(&first.text, At::Latest).unwrap_or_else(|e| panic!("{}: {e}", first.text));
        assert_eq!((again.text, again.count), (first.text, first.count), "{text}");
    }
}

/// A table as text: columns, then a line for each row.
fn table(view: &View, text: &str) -> String {
    let table = view.query(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let rows = table.rows.iter().map(|row| {
        let cells =
            row.iter().map(|cell| cell.as_ref().map_or("NULL".to_owned(), ToString::to_string));
        cells.collect::<Vec<_>>().join(" ")
    });
    std::iter::once(table.columns.join(",")).chain(rows).collect::<Vec<_>>().join("|")
}

#[test]
fn statements_give_tables() {
    let (_db, view) = people();
    for (text, expected) in [
        ("SELECT count(*) FROM profiles", "count(*)|5"),
        ("p.n > 0", "count(*)|2"),
        (
            "SELECT p.name, p.n FROM profiles p ORDER BY p.n DESC LIMIT 2",
            "name,n|50%_\\ 3000000000|Anna 7",
        ),
        ("SELECT p.n FROM profiles p ORDER BY n", "n|-7|0|7|3000000000|NULL"),
        ("SELECT p.n AS number FROM profiles p ORDER BY 1 DESC", "number|3000000000|7|0|-7|NULL"),
        ("SELECT p.name FROM profiles p WHERE p.n = 7 OR p.n = -7 ORDER BY p.n", "name|bÉa|Anna"),
        (
            "SELECT p.vip, count(*) FROM profiles p GROUP BY p.vip",
            "vip,count(*)|false 1|true 1|NULL 3",
        ),
        (
            "SELECT p.vip, count(*) AS people, sum(p.n) FROM profiles p GROUP BY p.vip ORDER BY \
             people DESC, p.vip",
            "vip,people,sum(p.n)|NULL 3 3000000000|false 1 -7|true 1 7",
        ),
        (
            "SELECT sum(p.d), min(p.n), max(p.name), avg(p.n) FROM profiles p WHERE p.n < 10",
            "sum(p.d),min(p.n),max(p.name),avg(p.n)|2.60 -7 bÉa 0",
        ),
        (
            "SELECT sum(p.n), count(p.n), count(*) FROM profiles p WHERE p.n = 99",
            "sum(p.n),count(p.n),count(*)|NULL 0 0",
        ),
        ("SELECT p.vip, count(*) FROM profiles p WHERE p.n = 99 GROUP BY p.vip", "vip,count(*)"),
        ("SELECT count(DISTINCT p.vip) FROM profiles p LIMIT 3", "count(DISTINCT p.vip)|2"),
        (
            "SELECT extract(year FROM p.born) AS year, count(*) FROM profiles p GROUP BY \
             extract(year FROM p.born) ORDER BY 2 DESC, 1 LIMIT 2",
            "year,count(*)|NULL 2|1990 1",
        ),
        (
            "SELECT p.name, (SELECT count(*) FROM buy e WHERE e.profile_id = p.profile_id) AS \
             buys FROM profiles p WHERE p.n <> 0 ORDER BY buys DESC, p.name",
            "name,buys|Anna 2|50%_\\ 1|bÉa 1",
        ),
    ] {
        assert_eq!(table(&view, text), expected, "{text}");
    }
    let ids = view.query("SELECT p.profile_id FROM profiles p", At::Latest).unwrap();
    let members = view.members("TRUE", At::Latest).unwrap();
    let listed: Vec<String> =
        ids.rows.iter().map(|row| row[0].as_ref().unwrap().to_string()).collect();
    assert_eq!(listed, members);
    for (text, at, word) in [
        ("SELECT p.n, count(*) FROM profiles p", 7, "GROUP BY"),
        ("SELECT p.n FROM profiles p GROUP BY p.vip", 7, "GROUP BY"),
        ("SELECT p.n FROM profiles p ORDER BY 2", 36, "no such column"),
        ("SELECT p.n FROM profiles p ORDER BY p.n NULLS FIRST", 36, "last"),
        ("SELECT p.n FROM profiles p LIMIT 1 OFFSET 2", 27, "LIMIT"),
        ("SELECT * FROM profiles p", 7, "not understood"),
        ("SELECT p.tags, count(*) FROM profiles p GROUP BY p.tags", 49, "ANY"),
        ("SELECT p.n FROM people p", 16, "profiles"),
        ("SELECT DISTINCT p.n FROM profiles p", 7, "DISTINCT"),
    ] {
        let error = view.query(text, At::Latest).expect_err(text);
        assert!(error.message().contains(word), "{text}: {error}");
        assert_eq!(error.place(), Some(at), "{text}: {error}");
    }
    let error = view.count("SELECT p.n FROM profiles p", At::Latest).unwrap_err();
    assert!(error.message().contains("table"), "{error}");
}
