//! Values at their edges: sums that stray, times at the end of the calendar, zones there and back, names in tables.

use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{At, Batch, Caller, Db, ErrorKind, Purpose, Record, Settings, Timestamp, Value, View};
use std::sync::Arc;

pub fn store(messages: &[&str]) -> (Db, View) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2025-01-01").unwrap()));
    let db = Db::open_with(Arc::new(MemoryDir::new()), clock, Settings::default()).unwrap();
    let session = db.session(Caller::all(), Purpose::any());
    let batch = messages
        .iter()
        .fold(Batch::new(), |batch, json| batch.record(Record::message("crm", *json)));
    let receipt = session.write(batch).unwrap();
    assert!(receipt.broken.is_empty(), "{:?}", receipt.broken);
    let view = session.view();
    (db, view)
}

/// Somebody with an event for each number.
fn amounts(who: &str, numbers: &[&str]) -> Vec<String> {
    let one = |number: &&str| {
        format!(
            r#"{{"type":"track","userId":"{who}","event":"buy","timestamp":"2024-01-01","properties":{{"x":{number}}}}}"#
        )
    };
    numbers.iter().map(one).collect()
}

pub fn holds(view: &View, text: &str) -> u64 {
    view.count(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The only value of a table.
fn value(view: &View, text: &str) -> Option<Value> {
    let table = view.query(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    table.rows[0][0].clone()
}

pub fn refused(view: &View, text: &str, word: &str) -> Option<usize> {
    let error = view.query(text, At::Latest).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{text}: {error}");
    assert!(error.message().contains(word), "{text}: {error}");
    error.place()
}

#[test]
fn sums_and_averages_are_exact_whatever_the_order() {
    let big = "60000000000000000000000000000000000000.0";
    let minus = &format!("-{big}")[..];
    for order in [[big, big, minus], [big, minus, big], [minus, big, big]] {
        // Decimals with a point: a JSON number of that many digits is no integer.
        let order = order.map(|number| number.trim_end_matches(".0"));
        let messages = amounts("a", &order);
        let (_db, view) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
        let sum = "(SELECT sum(e.x) FROM buy e) = 60000000000000000000000000000000000000";
        assert_eq!(holds(&view, sum), 1, "{order:?}");
        assert_eq!(holds(&view, "(SELECT avg(e.x) FROM buy e) = 2e37"), 1);
    }
    let messages = amounts("a", &["9007199254740993"; 3]);
    let (_db, view) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    let average = "(SELECT avg(e.x) FROM buy e) = 9007199254740992";
    assert_eq!(holds(&view, average), 1);
    let messages = amounts("a", &[big.trim_end_matches(".0"); 2]);
    let (_db, view) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    refused(&view, "(SELECT sum(e.x) FROM buy e) > 0", "38 digits");
    assert_eq!(holds(&view, "(SELECT avg(e.x) FROM buy e) = 6e37"), 1);
}

#[test]
fn sums_of_floats_reach_infinity_and_come_back() {
    for (numbers, expected) in [
        (vec!["1e308", "1e308"], "1e308 * 10"),
        (vec!["-1e308", "-1e308", "1e0"], "-1e308 * 10"),
        (vec!["1e308", "1e308", "-1e308"], "1e308"),
    ] {
        let messages = amounts("a", &numbers);
        let (_db, view) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(holds(&view, &format!("(SELECT sum(e.x) FROM buy e) = {expected}")), 1);
    }
}

#[test]
fn aggregates_of_nothing_known_are_null() {
    let (_db, view) = store(&[
        r#"{"type":"identify","userId":"a","traits":{"nothing":null}}"#,
        r#"{"type":"track","userId":"a","event":"buy","properties":{"x":1}}"#,
    ]);
    for aggregate in ["min", "max", "sum", "avg"] {
        let text = format!("(SELECT {aggregate}(p.nothing) FROM buy e)");
        assert_eq!(holds(&view, &format!("{text} > 5")), 0);
        assert_eq!(holds(&view, &format!("{text} IS NULL")), 1);
    }
    let last = "(SELECT p.nothing FROM buy e ORDER BY e.time DESC, e.message_id DESC LIMIT 1)";
    assert_eq!(holds(&view, &format!("{last} > 5")), 0);
    assert_eq!(holds(&view, &format!("{last} = 'x'")), 0);
}

const FAR: &str = r#"{"type":"identify","userId":"a","traits":{"far":"9999-12-31T20:00:00Z",
    "near":"2024-03-31T01:30:00Z","day":"2024-03-31","zone":"Europe/Paris","none":"Mars/Base"}}"#;

#[test]
fn zones_reach_the_end_of_the_calendar() {
    let (_db, view) = store(&[FAR]);
    for text in [
        "p.far AT TIME ZONE 'UTC' = p.far",
        "p.far AT TIME ZONE 'America/New_York' = TIMESTAMPTZ '9999-12-31T15:00:00Z'",
        "p.far AT TIME ZONE p.zone = TIMESTAMPTZ '9999-12-31T21:00:00Z'",
        "p.far AT TIME ZONE p.none IS NULL",
        "p.far AT TIME ZONE 'America/New_York' AT TIME ZONE 'America/New_York' = p.far",
    ] {
        assert_eq!(holds(&view, text), 1, "{text}");
    }
    refused(&view, "p.far AT TIME ZONE 'Asia/Tokyo' IS NULL", "range");
    refused(&view, "p.far AT TIME ZONE 'Pacific/Auckland' > now()", "range");
}

#[test]
fn at_time_zone_goes_there_and_back() {
    let (_db, view) = store(&[
        FAR,
        r#"{"type":"track","userId":"a","event":"buy","timestamp":"2024-06-30T22:30:00Z"}"#,
    ]);
    for text in [
        // What PostgreSQL and DuckDB say, an hour that is skipped and one that comes twice among them.
        "TIMESTAMPTZ '2024-07-01T12:00:00Z' AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Paris' = \
         TIMESTAMPTZ '2024-07-01T10:00:00Z'",
        "TIMESTAMP '2024-03-31 02:30:00' AT TIME ZONE 'Europe/Paris' = \
         TIMESTAMPTZ '2024-03-31T01:30:00Z'",
        "TIMESTAMP '2024-10-27 02:30:00' AT TIME ZONE p.zone = \
         TIMESTAMPTZ '2024-10-27T01:30:00Z'",
        "TIMESTAMP '2011-12-30 02:30:00' AT TIME ZONE 'Pacific/Apia' = \
         TIMESTAMPTZ '2011-12-30T12:30:00Z'",
        "date_trunc('day', p.near AT TIME ZONE p.zone) AT TIME ZONE p.zone = \
         TIMESTAMPTZ '2024-03-30T23:00:00Z'",
        "(p.near AT TIME ZONE p.zone + INTERVAL '1 day') AT TIME ZONE p.zone = \
         TIMESTAMPTZ '2024-04-01T01:30:00Z'",
        "coalesce(NULL, p.near AT TIME ZONE 'UTC') AT TIME ZONE 'Asia/Tokyo' = \
         TIMESTAMPTZ '2024-03-30T16:30:00Z'",
        // An instant beside a local time makes both instants.
        "coalesce(p.near AT TIME ZONE 'UTC', now()) AT TIME ZONE 'Asia/Tokyo' = \
         TIMESTAMPTZ '2024-03-31T10:30:00Z'",
        "(SELECT max(e.time AT TIME ZONE p.zone) FROM buy e) AT TIME ZONE p.zone = \
         TIMESTAMPTZ '2024-06-30T22:30:00Z'",
        "(SELECT e.time FROM buy e ORDER BY e.time, e.message_id LIMIT 1) AT TIME ZONE p.zone = \
         TIMESTAMPTZ '2024-07-01T00:30:00Z'",
        "TIMESTAMP '2024-03-31 02:30:00' AT TIME ZONE p.none IS NULL",
    ] {
        assert_eq!(holds(&view, text), 1, "{text}");
        let told = view.explain(text, At::Latest).unwrap().text;
        assert_eq!(holds(&view, &told), 1, "{told}");
    }
    for (text, at) in [
        ("p.day AT TIME ZONE 'UTC' > now()", 0),
        ("now() > p.day AT TIME ZONE p.zone", 8),
        ("(p.day + INTERVAL '1 day') AT TIME ZONE 'UTC' > now()", 1),
        ("date_trunc('month', p.day) AT TIME ZONE 'UTC' > now()", 0),
        ("DATE '2024-01-01' AT TIME ZONE 'UTC' > now()", 5),
        ("(p.near::date) AT TIME ZONE 'UTC' > now()", 1),
        ("(SELECT max(p.day) FROM buy e) AT TIME ZONE 'UTC' > now()", 1),
    ] {
        assert_eq!(refused(&view, text, "a day is a day"), Some(at), "{text}");
    }
}

#[test]
fn groups_are_found_by_what_they_mean() {
    let (_db, view) = store(&[
        r#"{"type":"identify","userId":"a","traits":{"Country":"FR","n":1}}"#,
        r#"{"type":"identify","userId":"b","traits":{"country":"FR","n":2}}"#,
        r#"{"type":"track","userId":"a","event":"buy","properties":{"x":1}}"#,
    ]);
    for text in [
        "SELECT p.COUNTRY, count(*) FROM profiles p GROUP BY p.country",
        "SELECT country, count(*) FROM profiles p GROUP BY p.country",
        "SELECT P.country, count(*) FROM profiles p GROUP BY country ORDER BY p.Country",
        "SELECT \"traits.country\", count(*) FROM profiles p GROUP BY p.\"Country\"",
    ] {
        let table = view.query(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
        let expected = vec![Some(Value::Text("FR".to_owned())), Some(Value::Integer(2))];
        assert_eq!(table.rows, [expected], "{text}");
    }
    let buys = "(SELECT count(*) FROM buy {a} WHERE {a}.profile_id = p.profile_id)";
    let (e, f) = (buys.replace("{a}", "e"), buys.replace("{a}", "f"));
    let text = format!("SELECT {e} AS buys, count(*) FROM profiles p GROUP BY {f} ORDER BY buys");
    let table = view.query(&text, At::Latest).unwrap();
    assert_eq!(table.rows.len(), 2);
    let plan = view.explain(&text, At::Latest).unwrap();
    assert_eq!(plan.steps.iter().filter(|step| step.rows.is_some()).count(), 1);
    assert!(!plan.sql.contains("\"e\""), "{}", plan.sql);
    refused(&view, "SELECT p.n, count(*) FROM profiles p GROUP BY p.country", "GROUP BY");
    refused(&view, "SELECT p.profile_id, count(*) FROM profiles p GROUP BY p.n", "GROUP BY");
}

#[test]
fn a_count_has_the_name_that_it_is_given() {
    let (_db, view) = store(&[r#"{"type":"identify","userId":"a"}"#]);
    let text = "SELECT count(*) AS total FROM profiles p";
    assert_eq!(view.query(text, At::Latest).unwrap().columns, ["total"]);
    assert_eq!(view.count(text, At::Latest).unwrap(), 1);
    let told = view.explain(text, At::Latest).unwrap();
    assert_eq!(told.text, "SELECT count(*) AS \"total\" FROM profiles \"p\"");
    assert_eq!(view.query(&told.sql, At::Latest).unwrap().columns, ["total"]);
    assert_eq!(view.query("TRUE", At::Latest).unwrap().columns, ["count(*)"]);
}

#[test]
fn patterns_and_numbers_that_mean_nothing_are_refused() {
    let (_db, view) = store(&[
        r#"{"type":"identify","userId":"a","traits":{"name":"İ!","like":"a!","n":1,"t":"x"}}"#,
        r#"{"type":"identify","userId":"b","traits":{"n":1e400,"t":1e+400,"new":-1e999,
            "long":1234567890123456789012345678901234567890123}}"#,
    ]);
    assert_eq!(refused(&view, "p.name LIKE 'a!' ESCAPE '!'", "escape"), Some(12));
    refused(&view, "p.name LIKE p.like ESCAPE '!'", "escape");
    assert_eq!(holds(&view, "p.name LIKE '%!!' ESCAPE '!' AND p.name ILIKE 'i!'"), 1);
    assert_eq!(holds(&view, "p.n IS NULL"), 1, "1e400 is no number");
    assert_eq!(holds(&view, "p.n = 1 AND p.n / 2 = 0.5"), 1);
    assert_eq!(holds(&view, "p.t = '1e+400'"), 1, "text takes what was sent");
    assert_eq!(holds(&view, "p.long = 1.2345678901234568e42"), 1);
    assert_eq!(value(&view, "SELECT max(p.n) FROM profiles p"), Some(Value::Integer(1)));
    assert_eq!(view.stats().unwrap().quarantine, [("contradicting value".to_owned(), 2)]);
}
