//! Entities: how their records fold, and how they join events in subqueries.

use crate::store::{self, NOON, identify, say, session, track, view, write};
use navedb::dir::MemoryDir;
use navedb::{At, Batch, Db, ErrorKind, Level, Record, Retraction, Timestamp, ValueType, View};

const DAY_1: &str = "2024-03-01T00:00:00Z";
const DAY_2: &str = "2024-03-02T00:00:00Z";
const DAY_3: &str = "2024-03-03T00:00:00Z";

/// An entity message: type, id as JSON, message id, time and the fields as JSON.
fn entity(kind: &str, id: &str, message: &str, time: &str, traits: &str) -> String {
    format!(
        r#"{{"type":"entity","entity":"{kind}","id":{id},"messageId":"{message}","timestamp":"{time}","traits":{traits}}}"#
    )
}

fn catalogue() -> Vec<String> {
    let product =
        |id: &str, message: &str, traits: &str| entity("product", id, message, DAY_1, traits);
    vec![
        product(
            r#""p1""#,
            "e1",
            r#"{"name":"Chair","price":12.50,"tags":["oak","new"],"brand_id":"b1","launched":"2024-01-31","id":"SKU-1"}"#,
        ),
        product(
            r#"" p2 ""#,
            "e2",
            r#"{"name":"Table","price":100,"tags":[],"brand_id":"b2","id":"SKU-2"}"#,
        ),
        product(r#""p3""#, "e3", "{}"),
        product("17", "e4", r#"{"name":"Lamp","price":9.5,"brand_id":"nobody","Net Weight":2}"#),
        entity(
            "Brand",
            r#""b1""#,
            "e5",
            DAY_1,
            r#"{"name":"Acme","country":"FR","source":"ours"}"#,
        ),
        entity("brand", r#""b2""#, "e6", DAY_1, r#"{"name":"Öko","country":"DE"}"#),
    ]
}

/// Four people and what they bought: a the chair twice and the table, b the lamp, a product without a field and one
/// that nobody knows, c something without an id, d nothing.
fn shop() -> (Db, View) {
    let db = store::new();
    write(&db, "erp", &catalogue());
    let bought = |user: &str, id: &str, time: &str, properties: &str| {
        track(user, id, time, "purchase", properties)
    };
    write(
        &db,
        "web",
        &[
            identify("a", "i1", DAY_1, r#"{"country":"FR","favourite":"p2","name":"Ann"}"#),
            identify("b", "i2", DAY_1, r#"{"country":"DE"}"#),
            identify("c", "i3", DAY_1, r#"{"country":"FR"}"#),
            identify("d", "i4", DAY_1, "{}"),
            bought("a", "t1", "2024-03-05T00:00:00Z", r#"{"product_id":"p1","n":2}"#),
            bought("a", "t2", "2024-03-06T00:00:00Z", r#"{"product_id":"p1","n":1}"#),
            bought("a", "t3", "2024-03-07T00:00:00Z", r#"{"product_id":"p2","n":1}"#),
            bought("b", "t4", "2024-03-05T00:00:00Z", r#"{"product_id":"17","n":1}"#),
            bought("b", "t5", "2024-03-06T00:00:00Z", r#"{"product_id":"p3","n":1}"#),
            bought("b", "t6", "2024-03-07T00:00:00Z", r#"{"product_id":"P1","n":5}"#),
            bought("c", "t7", "2024-03-05T00:00:00Z", r#"{"product_id":null,"n":1}"#),
        ],
    );
    let view = view(&db);
    (db, view)
}

fn selected(view: &View, text: &str) -> String {
    let members = view.members(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let id = |user: &str| view.profile("user_id", user).unwrap().unwrap().id;
    ["a", "b", "c", "d"].into_iter().filter(|user| members.contains(&id(user))).collect()
}

const JOIN: &str = "purchase e JOIN product d ON d.id = e.product_id";
const LEFT: &str = "purchase e LEFT JOIN product d ON e.product_id = d.id";

/// A text with the joins written out.
fn filled(text: &str) -> String {
    text.replace("{J}", JOIN).replace("{L}", LEFT)
}

/// Questions, in which `{J}` and `{L}` stand for the joins above, and whom they select.
const QUESTIONS: &[(&str, &str)] = &[
    ("(SELECT count(*) FROM {J}) = 3", "a"),
    ("(SELECT count(*) FROM {J}) = 2", "b"),
    ("(SELECT count(*) FROM {J}) = 0", "cd"),
    ("(SELECT count(*) FROM {L}) = 3", "ab"),
    ("(SELECT count(*) FROM {L}) = 1", "c"),
    ("(SELECT count(d.id) FROM {L}) = 2", "b"),
    ("(SELECT count(*) FROM {L} WHERE d.id IS NULL) = 1", "bc"),
    ("(SELECT count(*) FROM {J} WHERE d.price > 10) >= 1", "a"),
    ("(SELECT count(*) FROM {J} WHERE d.price IS NULL) = 1", "b"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.price * e.n = 25)", "a"),
    ("NOT EXISTS (SELECT 1 FROM {J} WHERE d.price > 10)", "bcd"),
    ("(SELECT sum(d.price) FROM {J}) = 125", "a"),
    ("(SELECT sum(d.price * e.n) FROM {J}) = 137.5", "a"),
    ("(SELECT avg(d.price) FROM {L}) = 9.5", "b"),
    ("(SELECT min(d.name) FROM {J}) = 'Chair'", "a"),
    ("(SELECT max(d.price) FROM {J}) < 10", "b"),
    ("(SELECT count(DISTINCT d.id) FROM {J}) = 2", "ab"),
    ("(SELECT d.name FROM {J} ORDER BY e.time DESC, e.message_id DESC LIMIT 1) = 'Table'", "a"),
    ("(SELECT d.name FROM {J} ORDER BY e.time, e.message_id LIMIT 1) = 'Chair'", "a"),
    ("(SELECT d.name FROM {L} ORDER BY e.time DESC, e.message_id DESC LIMIT 1) IS NULL", "bcd"),
    ("EXISTS (SELECT 1 FROM {J} WHERE 'oak' = ANY(d.tags))", "a"),
    ("EXISTS (SELECT 1 FROM {L} WHERE NOT 'oak' = ANY(d.tags))", "abc"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.launched < DATE '2024-02-01')", "a"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.id = '17')", "b"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.\"fields.id\" = 'SKU-2')", "a"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.\"net weight\" = 2)", "b"),
    ("EXISTS (SELECT 1 FROM {J} WHERE price > 10 AND n = 2)", "a"),
    ("EXISTS (SELECT 1 FROM {J} WHERE d.id = p.favourite)", "a"),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = p.favourite WHERE d.price = 100)",
        "a",
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = coalesce(e.product_id, 'p1') \
         WHERE d.name = 'Chair')",
        "ac",
    ),
    (
        "EXISTS (SELECT 1 FROM PURCHASE INNER JOIN Product ON product.ID = product_id WHERE PRICE > 10)",
        "a",
    ),
    (
        "EXISTS (SELECT 1 FROM {J} JOIN brand b ON b.id = d.brand_id WHERE b.country = p.country)",
        "a",
    ),
    ("(SELECT count(*) FROM {J} JOIN brand b ON b.id = d.brand_id WHERE b.name = 'Öko') = 1", "a"),
    ("EXISTS (SELECT 1 FROM {J} JOIN brand b ON b.id = d.brand_id)", "a"),
    (
        "(SELECT count(*) FROM {J} LEFT JOIN brand b ON b.id = d.brand_id WHERE b.id IS NULL) = 2",
        "b",
    ),
    (
        "(SELECT count(*) FROM {L} LEFT JOIN brand b ON d.brand_id = b.id WHERE b.country = 'FR') = 2",
        "a",
    ),
    (
        "EXISTS (SELECT 1 FROM {J} JOIN brand b ON b.id = d.brand_id WHERE b.source = 'ours' AND e.source = 'web')",
        "a",
    ),
    (
        "EXISTS (SELECT 1 FROM {J} JOIN product o ON o.id = d.id WHERE o.price = d.price AND o.price = 9.5)",
        "b",
    ),
    ("(SELECT count(*) FROM {J} WHERE name = 'Lamp' OR p.name = 'Ann') = 3", "a"),
];

#[test]
fn entities_join_events() {
    let (_db, view) = shop();
    for (text, expected) in QUESTIONS {
        let text = filled(text);
        assert_eq!(selected(&view, &text), *expected, "{text}");
        let whole = view.explain(&text, At::Latest).unwrap();
        let count = view.count(&whole.text, At::Latest);
        assert_eq!(count, Ok(expected.len() as u64), "{}", whole.text);
        assert_eq!(view.explain(&whole.text, At::Latest).unwrap().text, whole.text);
    }
}

/// Questions that are refused; the error points between the marks.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN «prodct» d ON d.id = e.product_id)",
        &["no entity type", "product"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN «purchase» d ON d.id = e.product_id)",
        &["is an event type"],
    ),
    ("EXISTS (SELECT 1 FROM «product» d)", &["is an entity type", "JOIN product d ON"]),
    ("EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = «e.prodct_id»)", &["product_id"]),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.id = e.product_id AND d.price > 3»)",
        &["ON takes one equality", "ON d.id = e.product_id"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.name = e.product_id»)",
        &["ON takes one equality"],
    ),
    ("EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.id = d.name»)", &["stands before"]),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.id = d.id»)",
        &["ON takes one equality"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.id > e.product_id»)",
        &["ON takes one equality"],
    ),
    ("EXISTS (SELECT 1 FROM purchase e JOIN product d ON «TRUE»)", &["ON takes one equality"]),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON «d.id = p.profile_id»)",
        &["ON takes one equality"],
    ),
    ("EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = «e.n»)", &["integer", "text"]),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = «b.id» JOIN brand b ON b.id = d.brand_id)",
        &["'b' names no table"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN «product» e ON e.id = 'x')",
        &["'e' names another table", "alias"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN «product» P ON P.id = e.product_id)",
        &["the profiles", "alias"],
    ),
    ("EXISTS (SELECT 1 FROM «purchase» p)", &["the profiles", "alias"]),
    ("EXISTS (SELECT 1 FROM {J} WHERE «d.prize» > 3)", &["no field of d", "price"]),
    ("EXISTS (SELECT 1 FROM {J} WHERE «prize» > 3)", &["no column of e or d", "price"]),
    (
        "EXISTS (SELECT 1 FROM {J} JOIN brand b ON b.id = d.brand_id WHERE «name» = 'x')",
        &["in d and in b", "d.name"],
    ),
    ("EXISTS (SELECT 1 FROM {J} WHERE «d.tags» IS NULL)", &["ANY"]),
    ("EXISTS (SELECT 1 FROM {J} WHERE «d.price = 'x'»)", &["decimal", "text"]),
    ("(SELECT sum(«d.name») FROM {J}) > 3", &["sum takes a number"]),
    (
        "EXISTS (SELECT 1 FROM purchase e RIGHT JOIN «product» d ON d.id = e.product_id)",
        &["LEFT JOIN"],
    ),
    ("EXISTS (SELECT 1 FROM purchase e CROSS JOIN «product» d)", &["LEFT JOIN"]),
    ("EXISTS (SELECT 1 FROM purchase e JOIN «product» d USING (id))", &["ON d.id ="]),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN «(SELECT 1)» d ON d.id = e.product_id)",
        &["name of an event or entity type"],
    ),
    (
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = «(SELECT max(f.product_id) FROM purchase f)»)",
        &["inside a subquery"],
    ),
    (
        "(SELECT d.name FROM {J} «ORDER BY d.time», e.message_id LIMIT 1) = 'x'",
        &["ORDER BY e.time"],
    ),
    ("EXISTS (SELECT 1 FROM «purchase AS e (x)» WHERE TRUE)", &["name and an alias alone"]),
];

#[test]
fn what_does_not_join_says_where_and_why() {
    let (_db, view) = shop();
    let mut wrong = Vec::new();
    for (marked, words) in REFUSED {
        let marked = filled(marked);
        let from = marked.find('«').unwrap();
        let plain = marked.replace('«', "");
        let to = plain.find('»').unwrap();
        let text = plain.replace('»', "");
        match view.count(&text, At::Latest) {
            Ok(count) => wrong.push(format!("{text}: answered with {count}")),
            Err(error) => {
                let place = error.place().unwrap_or(usize::MAX);
                let told = words.iter().all(|word| error.message().contains(word));
                if !(from..=to).contains(&place) || !told || error.kind() != ErrorKind::Invalid {
                    wrong.push(format!(
                        "{text}\n  {error} at {place}, not in {from}..={to}: {words:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let joins: String =
        (0..9).map(|n| format!(" JOIN product d{n} ON d{n}.id = e.product_id")).collect();
    let many = view.count(&format!("EXISTS (SELECT 1 FROM purchase e{joins})"), At::Latest);
    assert_eq!(many.unwrap_err().kind(), ErrorKind::Limit);
    let unjoined = "SELECT count(*) FROM profiles p WHERE EXISTS (SELECT 1 FROM purchase e JOIN \
                    product d ON d.id = e.product_id WHERE d.price > 3)";
    let error = view.count(unjoined, At::Latest).unwrap_err();
    assert!(error.message().contains("e.profile_id = p.profile_id"), "{error}");
}

/// The price of the product p1, which one purchase names.
fn price(db: &Db, at: At, is: &str) -> bool {
    let text = format!(
        "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = e.product_id WHERE d.price {is})"
    );
    view(db).count(&text, at).unwrap_or_else(|e| panic!("{text}: {e}")) == 1
}

fn one_purchase() -> Db {
    let db = store::new();
    say(&db, "web", &track("a", "t1", DAY_1, "purchase", r#"{"product_id":"p1"}"#));
    db
}

#[test]
fn the_latest_word_about_a_field_wins() {
    let p1 = |message: &str, time: &str, traits: &str| {
        entity("product", r#""p1""#, message, time, traits)
    };
    let said = [
        ("shop", p1("1", DAY_2, r#"{"price":2,"name":"Chair"}"#)),
        ("shop", p1("2", DAY_1, r#"{"price":9}"#)),
        ("erp", p1("3", DAY_2, r#"{"price":8}"#)),
        ("shop", p1("4", DAY_2, r#"{"price":1}"#)),
        ("shop", p1("5", DAY_2, r#"{"price":null}"#)),
    ];
    for rotation in 0..said.len() {
        let db = one_purchase();
        for turn in 0..said.len() {
            let (source, message) = &said[(turn + rotation) % said.len()];
            say(&db, source, message);
        }
        assert!(price(&db, At::Latest, "= 2"), "the time, then the source, then the value");
        say(&db, "shop", &p1("6", DAY_3, r#"{"price":null}"#));
        assert!(price(&db, At::Latest, "IS NULL") && !price(&db, At::Latest, "= 2"));
        let first_day = Timestamp::parse(DAY_1).unwrap();
        assert!(price(&db, At::AsOf(first_day), "= 9"), "then nothing else had been said");
        assert!(price(&db, At::Now(first_day), "IS NULL"), "--now hides nothing");
    }
}

#[test]
fn entities_follow_the_rules_of_records() {
    let db = one_purchase();
    let first = entity("product", r#""p1""#, "1", DAY_1, r#"{"price":2}"#);
    assert_eq!(say(&db, "shop", &first).written, 1);
    assert_eq!(say(&db, "shop", &first).duplicates, 1);
    let other = entity("product", r#""p1""#, "1", DAY_1, r#"{"price":3}"#);
    assert_eq!(say(&db, "shop", &other).conflicts, 1);
    assert!(price(&db, At::Latest, "= 2"));

    say(&db, "shop", &entity("product", r#""p1""#, "2", DAY_2, r#"{"price":2.5}"#));
    assert!(price(&db, At::Latest, "= 2.5"), "integers widen to decimals");
    let odd = entity(
        "PRODUCT",
        r#""p1""#,
        "3",
        DAY_3,
        r#"{"Price":"cheap","name":"Chair","parts":[{"n":1}]}"#,
    );
    assert_eq!(say(&db, "shop", &odd).written, 1, "the rest of the record counts");
    assert!(price(&db, At::Latest, "= 2.5"));
    let stats = view(&db).stats().unwrap();
    assert_eq!(
        stats.quarantine,
        [("conflicting message id".into(), 1), ("contradicting value".into(), 1)]
    );
    assert_eq!(stats.entities, [("product".to_owned(), 1)]);
    let fields = [("name", ValueType::Text), ("price", ValueType::Decimal)];
    let fields: Vec<_> =
        fields.iter().map(|(n, t)| ("product".to_owned(), (*n).to_owned(), *t)).collect();
    assert_eq!(stats.entity_fields, fields);
    assert_eq!((stats.lists_not_folded, stats.profiles, stats.identifiers), (1, 1, 1));
    let shop = stats.sources.iter().find(|s| s.name == "shop").unwrap();
    assert_eq!(shop.records, 3);

    let retract = |id: &str| Retraction::Record { source: "shop".into(), message_id: id.into() };
    let _ = session(&db).retract(&retract("2")).unwrap();
    assert!(price(&db, At::Latest, "= 2"));
    assert!(
        view(&db)
            .stats()
            .unwrap()
            .entity_fields
            .iter()
            .any(|f| f.1 == "price" && f.2 == ValueType::Integer)
    );
    let _ = session(&db).retract(&retract("1")).unwrap();
    let _ = session(&db).retract(&retract("3")).unwrap();
    let question = "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = e.product_id)";
    let error = view(&db).count(question, At::Latest).unwrap_err();
    assert!(error.message().contains("no entity type"), "{error}");
}

#[test]
fn messages_that_name_no_entity_are_broken() {
    let db = store::new();
    for (message, words) in [
        (r#"{"type":"entity","id":"p1","traits":{}}"#, "\"entity\""),
        (r#"{"type":"entity","entity":"","id":"p1"}"#, "\"entity\""),
        (r#"{"type":"entity","entity":"product","traits":{}}"#, "\"id\""),
        (r#"{"type":"entity","entity":"product","id":"  "}"#, "\"id\""),
        (r#"{"type":"entity","entity":"product","id":null}"#, "\"id\""),
        (r#"{"type":"entity","entity":"product","id":true}"#, "\"id\""),
        (r#"{"type":"entity","entity":"product","id":["p1"]}"#, "\"id\""),
        (r#"{"type":"entity","entity":"product","id":"p1","traits":[]}"#, "\"traits\""),
        (r#"{"type":"thing","entity":"product","id":"p1"}"#, "entity"),
    ] {
        let receipt = say(&db, "shop", message);
        assert_eq!((receipt.written, receipt.broken.len()), (0, 1), "{message}");
        assert!(
            receipt.broken[0].reason.contains(words),
            "{message}: {}",
            receipt.broken[0].reason
        );
    }
    let long = format!(r#"{{"type":"entity","entity":"product","id":"{}"}}"#, "x".repeat(1025));
    assert!(say(&db, "shop", &long).broken[0].reason.contains("1024"));
    assert!(view(&db).stats().unwrap().entities.is_empty());
    let long = entity(&"x".repeat(300), "1", "m", DAY_1, "{}");
    let receipt = say(&db, "shop", &long);
    assert_eq!((receipt.written, receipt.broken.len()), (1, 0));
    let quarantine = view(&db).stats().unwrap().quarantine;
    assert_eq!(quarantine, [("broken record".to_owned(), 11)], "a name that is too long");
}

#[test]
fn entities_survive_checkpoints_and_rebuilding() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    let fill = |db: &Db| {
        write(db, "erp", &catalogue());
        say(
            db,
            "erp",
            r#"{"type":"entity","entity":"product","id":"p9","traits":{"price":null,"odd":"x"}}"#,
        );
        say(
            db,
            "erp",
            r#"{"type":"entity","entity":"product","id":"p9","traits":{"price":"much"}}"#,
        );
        say(db, "web", &track("a", "t1", DAY_1, "purchase", r#"{"product_id":"p1"}"#));
    };
    fill(&db);
    let (digest, stats) = (view(&db).digest().unwrap(), view(&db).stats().unwrap());
    db.close().unwrap();

    let reopened = store::open(disk.clone()).unwrap();
    assert!(reopened.open_report().checkpoint.is_some());
    assert_eq!(view(&reopened).digest().unwrap(), digest);
    assert_eq!(view(&reopened).stats().unwrap().entities, stats.entities);
    assert_eq!(view(&reopened).stats().unwrap().entity_fields, stats.entity_fields);
    assert!(price(&reopened, At::Latest, "= 12.5"));
    say(&reopened, "erp", &entity("product", r#""p1""#, "n1", DAY_2, r#"{"price":13}"#));
    assert!(price(&reopened, At::Latest, "= 13"));
    let changed = view(&reopened).digest().unwrap();
    assert_ne!(changed, digest);
    reopened.close().unwrap();

    navedb::rebuild(
        std::sync::Arc::new(disk.clone()),
        store::clock(NOON),
        navedb::Settings::default(),
    )
    .unwrap();
    let rebuilt = store::open(disk).unwrap();
    assert_eq!(view(&rebuilt).digest().unwrap(), changed);
    assert!(price(&rebuilt, At::Latest, "= 13"));
}

#[test]
fn the_digest_tells_entities_apart_and_not_their_order() {
    let messages = catalogue();
    let digest = |messages: &[String]| {
        let db = store::new();
        for message in messages {
            say(&db, "erp", message);
        }
        view(&db).digest().unwrap()
    };
    let forward = digest(&messages);
    let backward: Vec<String> = messages.iter().rev().cloned().collect();
    assert_eq!(digest(&backward), forward);
    let change = |from: &str, to: &str| -> Vec<String> {
        messages.iter().map(|message| message.replace(from, to)).collect()
    };
    for (from, to) in [
        ("Chair", "Chairs"),
        ("\"p3\"", "\"p4\""),
        (":17,", ":18,"),
        ("Net Weight", "Gross Weight"),
        ("\"launched\":\"2024-01-31\"", "\"launched\":\"2024-01-30\""),
        (DAY_1, DAY_2),
    ] {
        assert_ne!(digest(&change(from, to)), forward, "{from}");
    }
    assert_ne!(digest(&messages[1..]), forward);
    let batch = messages
        .iter()
        .fold(Batch::new(), |b, json| b.record(Record::message("erp", json.as_str())));
    let db = store::new();
    let _ = session(&db).write(batch.level(Level::Memory)).unwrap();
    assert_eq!(view(&db).digest().unwrap(), forward);
}
