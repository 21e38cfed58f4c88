//! Child tables: arrays of objects in events.

use crate::store::{self, NOON, identify, say, session, track, view, write};
use navedb::dir::MemoryDir;
use navedb::{
    At, Db, Format, Input, Level, LoadRequest, RecordKind, Retraction, Said, Settings, Timestamp,
    Value, ValueType, View,
};
use std::sync::Arc;

const DAY_1: &str = "2024-03-01T00:00:00Z";
const DAY_2: &str = "2024-03-02T00:00:00Z";

/// What three people ordered; the order o1 is by an anonymous id that later turns out to be a.
fn orders() -> Vec<String> {
    let order = |user: &str, id: &str, time: &str, products: &str| {
        track(user, id, time, "order", &format!(r#"{{"total":9,"products":{products}}}"#))
    };
    vec![
        r#"{"type":"track","anonymousId":"x","messageId":"o1","timestamp":"2024-03-01","event":"order",
            "properties":{"total":1,"products":[{"sku":"s1","price":1.5,"n":2,"size":{"w":3}},
            {"sku":"s2","price":20,"tags":["red"]},null,{"sku":"s1"}]}}"#
            .to_owned(),
        r#"{"type":"identify","userId":"a","anonymousId":"x","timestamp":"2024-03-01","messageId":"i1"}"#
            .to_owned(),
        order("a", "o2", DAY_2, r#"[{"sku":"s3","time":"noon","index":"first","n":1}]"#),
        order("b", "o3", DAY_1, r#"[{},{"sku":"s2","parts":[{"x":1}],"n":3}]"#),
        order("c", "o4", DAY_1, "[]"),
        identify("a", "i2", DAY_1, r#"{"list":[{"x":1}],"favourite":"s2"}"#),
        r#"{"type":"entity","entity":"product","id":"s2","timestamp":"2024-03-01",
            "traits":{"parts":[{"x":1}],"kind":"toy"}}"#
            .to_owned(),
    ]
}

fn shop() -> (Db, View) {
    let db = store::new();
    assert!(write(&db, "web", &orders()).broken.is_empty());
    let view = view(&db);
    (db, view)
}

fn selected(view: &View, text: &str) -> String {
    let members = view.members(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let id = |user: &str| view.profile("user_id", user).unwrap().unwrap().id;
    ["a", "b", "c"].into_iter().filter(|user| members.contains(&id(user))).collect()
}

#[test]
fn arrays_of_objects_are_tables_of_their_own() {
    let (_db, view) = shop();
    for (text, expected) in [
        ("(SELECT count(*) FROM order_products e) = 4", "a"),
        ("(SELECT count(*) FROM order_products e) = 2", "b"),
        ("(SELECT count(*) FROM order_products e) = 0", "c"),
        ("(SELECT sum(e.n) FROM Order_Products e) = 3", "ab"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.\"size.w\" = 3)", "a"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE 'red' = ANY(e.tags))", "a"),
        ("(SELECT max(e.index) FROM order_products e) = 3", "a"),
        ("(SELECT count(*) FROM order_products e WHERE e.index = 0) = 1", "b"),
        ("(SELECT sum(e.index) FROM order_products e WHERE e.sku IS NULL) = 0", "b"),
        ("(SELECT count(DISTINCT e.sku) FROM order_products e) = 3", "a"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.time < TIMESTAMPTZ '2024-03-02')", "ab"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.\"properties.time\" = 'noon')", "a"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.\"properties.index\" = 'first')", "a"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.message_id = 'o3')", "b"),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.source = 'web' AND e.sku = 's1')", "a"),
        (
            "EXISTS (SELECT 1 FROM order_products e JOIN product d ON d.id = e.sku WHERE d.kind = \
             'toy')",
            "ab",
        ),
        ("EXISTS (SELECT 1 FROM order_products e WHERE e.sku = p.favourite)", "a"),
        ("(SELECT count(*) FROM order e) = 2", "a"),
        (
            "funnel(INTERVAL '2 days', (SELECT 1 FROM order_products s1 WHERE s1.sku = 's2'), \
             (SELECT 1 FROM order_products s2 WHERE s2.sku = 's3'))",
            "a",
        ),
        // What is in no array of objects of an event stays what it was.
        ("EXISTS (SELECT 1 FROM order e WHERE 'x' = ANY(e.products))", ""),
    ] {
        assert_eq!(selected(&view, text), expected, "{text}");
    }
    assert!(view.count("EXISTS (SELECT 1 FROM order_products_parts e)", At::Latest).is_err());
    assert!(view.count("p.list IS NULL AND EXISTS (SELECT 1 FROM order)", At::Latest).is_ok());
}

#[test]
fn rows_of_child_tables_are_no_events_of_the_profile() {
    let (_db, view) = shop();
    let profile = view.profile("user_id", "a").unwrap().unwrap();
    assert_eq!(profile.events, [("order".to_owned(), 2)]);
    let timeline = view.timeline("user_id", "a").unwrap().unwrap();
    let shown: Vec<&str> = timeline.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(shown, ["order", "order"]);
    let stats = view.stats().unwrap();
    assert_eq!(stats.events, [("order".to_owned(), 4), ("order_products".to_owned(), 6)]);
    let index = ("order_products".to_owned(), "index".to_owned(), ValueType::Integer);
    assert!(stats.properties.contains(&index), "{:?}", stats.properties);
    // Of a trait, of an entity, and inside a row of a child table.
    assert_eq!(stats.lists_not_folded, 3);
    assert_eq!(stats.quarantine, []);
}

#[test]
fn an_event_type_of_the_same_name_shares_the_table() {
    let db = store::new();
    write(
        &db,
        "web",
        &[
            track("a", "1", DAY_1, "Order_Products", r#"{"n":7,"index":"none"}"#),
            track("a", "2", DAY_1, "order", r#"{"products":[{"n":1},{"n":"many"}]}"#),
        ],
    );
    let view = view(&db);
    assert_eq!(view.count("(SELECT sum(e.n) FROM order_products e) = 8", At::Latest).unwrap(), 1);
    // The event fixed the type of the property, so that the place in the array is a text as well.
    let places = "(SELECT count(*) FROM order_products e WHERE e.index IN ('0', '1', 'none')) = 3";
    assert_eq!(view.count(places, At::Latest).unwrap(), 1);
    let profile = view.profile("user_id", "a").unwrap().unwrap();
    assert_eq!(profile.events, [("Order_Products".to_owned(), 1), ("order".to_owned(), 1)]);
    let timeline = view.timeline("user_id", "a").unwrap().unwrap();
    assert_eq!(timeline.len(), 2);
    assert_eq!(view.stats().unwrap().events[0], ("Order_Products".to_owned(), 3));
    assert_eq!(view.stats().unwrap().quarantine, [("contradicting value".to_owned(), 1)]);
}

#[test]
fn child_tables_follow_the_rules_of_records() {
    let db = store::new();
    write(&db, "web", &orders());
    let whole = view(&db).digest().unwrap();
    let units = |at: At| {
        let text = "SELECT sum((SELECT count(*) FROM order_products e WHERE e.profile_id = \
                    p.profile_id)) FROM profiles p";
        view(&db).query(text, at).unwrap().rows[0][0].as_ref().map(ToString::to_string)
    };
    let first_day = Timestamp::parse(DAY_1).unwrap();
    assert_eq!(units(At::Latest).as_deref(), Some("6"));
    assert_eq!(units(At::AsOf(first_day)).as_deref(), Some("5"));
    // Said once more; said otherwise; withdrawn.
    assert_eq!(write(&db, "web", &orders()[..1]).duplicates, 1);
    assert_eq!(units(At::Latest).as_deref(), Some("6"));
    let more = track("b", "o9", DAY_1, "order", r#"{"products":[{"sku":"s9","new":1}]}"#);
    say(&db, "web", &more);
    assert_ne!(view(&db).digest().unwrap(), whole);
    assert_eq!(units(At::Latest).as_deref(), Some("7"));
    let what = Retraction::Record { source: "web".into(), message_id: "o9".into() };
    let _ = session(&db).retract(&what).unwrap();
    assert_eq!(view(&db).digest().unwrap(), whole);
    assert_eq!(units(At::Latest).as_deref(), Some("6"));
}

#[test]
fn child_tables_survive_checkpoints_merges_and_rebuilding() {
    let disk = MemoryDir::new();
    let questions = [
        "(SELECT sum(e.index) FROM order_products e) = 4",
        "(SELECT sum(e.price) FROM order_products e) = 21.5",
        "(SELECT count(*) FROM order_products e WHERE e.n > 2) = 1",
    ];
    let answers =
        |db: &Db| questions.map(|text| view(db).count(text, At::Latest).unwrap()).to_vec();
    let mut db = store::open(disk.clone()).unwrap();
    for message in orders() {
        say(&db, "web", &message);
        db.close().unwrap();
        db = store::open(disk.clone()).unwrap();
        assert!(db.open_report().checkpoint.is_some());
    }
    for n in 0..40 {
        let product = format!(r#"{{"products":[{{"n":{n}}},{{"n":0.5}}]}}"#);
        say(&db, "web", &track("d", &format!("d{n}"), DAY_1, "order", &product));
    }
    let (digest, before) = (view(&db).digest().unwrap(), answers(&db));
    assert_eq!(before, [1, 1, 1]);
    db.close().unwrap();
    let rebuild = || {
        navedb::rebuild(Arc::new(disk.clone()), store::clock(NOON), Settings::default()).unwrap()
    };
    rebuild();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!((view(&db).digest().unwrap(), answers(&db)), (digest.clone(), before));
    drop(db);
    // In another order, and all at once.
    let db = store::new();
    let mut all = orders();
    all.extend((0..40).map(|n| {
        let product = format!(r#"{{"products":[{{"n":{n}}},{{"n":0.5}}]}}"#);
        track("d", &format!("d{n}"), DAY_1, "order", &product)
    }));
    all.rotate_left(11);
    write(&db, "web", &all);
    assert_eq!(view(&db).digest().unwrap(), digest);
}

#[test]
fn files_of_events_have_child_tables_with_types_of_the_whole_file() {
    let rows = r#"{"user":"a","what":"order","products":[{"n":1},{"n":2.5}],"user_list":[{"x":1}]}
{"user":"b","what":"order","products":[{"n":"many"}]}
{"user":"b","what":"view","pages":[{"path":"/"}]}
"#;
    let mut request = LoadRequest::new("crm", RecordKind::Track(Said::Column("what".to_owned())));
    request.inputs.push(Input::Bytes { name: "e.ndjson".into(), bytes: rows.as_bytes().into() });
    request.ids.push(("user_id".to_owned(), "user".to_owned()));
    request.format = Some(Format::Ndjson);
    request.level = Some(Level::Memory);
    let db = store::new();
    let report = db.load(&request).unwrap();
    assert_eq!(report.files[0].written, 3);
    let view = view(&db);
    let stats = view.stats().unwrap();
    let events = ["order", "order_products", "order_user_list", "view", "view_pages"];
    assert_eq!(stats.events.iter().map(|e| e.0.as_str()).collect::<Vec<_>>(), events);
    // Numbers and a word in one file: the property is a text, and nothing is in quarantine.
    let n = ("order_products".to_owned(), "n".to_owned(), ValueType::Text);
    assert!(stats.properties.contains(&n), "{:?}", stats.properties);
    assert_eq!(stats.quarantine, []);
    assert_eq!(
        view.count("EXISTS (SELECT 1 FROM order_products e WHERE e.n = '2.5')", At::Latest)
            .unwrap(),
        1
    );
}

#[test]
fn of_a_property_that_is_told_twice_the_last_value_counts() {
    let db = store::new();
    write(
        &db,
        "web",
        &[
            track("a", "1", DAY_1, "buy", r#"{"N":1,"n":2,"other":1}"#),
            track("b", "2", DAY_2, "buy", r#"{"other":1}"#),
        ],
    );
    let view = view(&db);
    let told = |user: &str| {
        let timeline = view.timeline("user_id", user).unwrap().unwrap();
        let n = timeline[0].properties.iter().find(|(name, _)| name == "N");
        n.map(|(_, value)| value.clone())
    };
    assert_eq!(told("a"), Some(Value::Integer(2)));
    assert_eq!(told("b"), None);
}
