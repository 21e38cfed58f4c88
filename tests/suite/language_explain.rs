//! How a question was answered, and the same question for a warehouse; questions that are asked again; local times.

use crate::store::{self, identify, say, track, view, write};
use navedb::{At, Db, ErrorKind, PlanStep, Timestamp, View};

const DAY: &str = "2024-03-01T00:00:00Z";

/// Four people, five views, three purchases, two products; `contract` is an event type and an entity type.
fn world() -> (Db, View) {
    let db = store::new();
    let entity = |kind: &str, id: &str, traits: &str| {
        format!(r#"{{"type":"entity","entity":"{kind}","id":"{id}","traits":{traits}}}"#)
    };
    let person = |user: &str, traits: &str| identify(user, &format!("i{user}"), DAY, traits);
    let done = |user: &str, id: &str, time: &str, event: &str, properties: &str| {
        track(user, id, time, event, properties)
    };
    write(
        &db,
        "web",
        &[
            person(
                "a",
                r#"{"country":"FR","age":30,"tags":["x"],"time_zone":"Europe/Paris","contract_id":"k1"}"#,
            ),
            person("b", r#"{"country":"DE","age":50,"time_zone":"Mars/Base","born":"1990-02-28"}"#),
            person("c", r#"{"country":"FR","time_zone":null,"tags":[]}"#),
            person("d", r#"{"time_zone":"asia/tokyo","Favourite Colour":"red"}"#),
            done("a", "v1", "2024-03-02T23:30:00Z", "view", r#"{"campaign":"x"}"#),
            done("b", "v2", "2024-03-02T23:30:00Z", "view", r#"{"campaign":"x"}"#),
            done("c", "v3", "2024-03-02T23:30:00Z", "view", r#"{"campaign":"y"}"#),
            done("d", "v4", "2024-03-02T23:30:00Z", "view", r#"{"campaign":"y"}"#),
            done("d", "v5", "2024-03-02T12:30:00Z", "view", r#"{"campaign":"z"}"#),
            done(
                "a",
                "p1",
                "2024-03-03T00:00:00Z",
                "purchase",
                r#"{"amount":12.5,"product_id":"p1","campaign":"x"}"#,
            ),
            done(
                "b",
                "p2",
                "2024-03-04T00:00:00Z",
                "purchase",
                r#"{"amount":7,"product_id":"p2"}"#,
            ),
            done(
                "b",
                "p3",
                "2024-03-05T00:00:00Z",
                "purchase",
                r#"{"amount":3,"product_id":"p9"}"#,
            ),
            done("a", "c1", "2024-03-05T00:00:00Z", "contract", r#"{"contract_id":"k1"}"#),
            entity("product", "p1", r#"{"name":"Chair","price":12.5}"#),
            entity("product", "p2", r#"{"name":"Table","price":100}"#),
            entity("contract", "k1", r#"{"months":12}"#),
        ],
    );
    let view = view(&db);
    (db, view)
}

fn steps(view: &View, text: &str) -> Vec<PlanStep> {
    view.explain(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}")).steps
}

#[test]
fn steps_tell_what_they_looked_at_and_selected() {
    let (_db, view) = world();
    let text = "p.country = 'FR' AND (p.age > 40 OR has_identifier('user_id')) \
                AND (SELECT sum(e.amount) FROM purchase e WHERE e.amount > 5) > 5";
    let found: Vec<_> = steps(&view, text)
        .into_iter()
        .map(|s| (s.depth, s.asked, s.rows, s.selected, s.bytes))
        .collect();
    assert_eq!(
        found,
        [
            // The owner of each event, and its amount: a decimal of 16 bytes, once.
            (0, None, Some(3), 1, 3 * (4 + 16)),
            (0, Some(4), None, 1, 0),
            // The codes of four countries.
            (1, Some(4), None, 2, 4 * 4),
            // What is cheaper is asked first, about those who may still be selected; OR asks nobody twice.
            (1, Some(2), None, 2, 0),
            (2, Some(2), None, 2, 0),
            (2, Some(0), None, 0, 0),
            // A sum may fail, so it is asked of those, too, of whom nothing is known before it: d has no country.
            (1, Some(3), None, 1, 0),
        ]
    );
    let joined = "EXISTS (SELECT 1 FROM purchase e JOIN product d ON d.id = e.product_id \
                  WHERE d.price > 20 AND d.name LIKE 'T%' AND e.time < now() AND p.age > 1)";
    let step = &steps(&view, joined)[0];
    assert_eq!((step.rows, step.selected), (Some(3), 1));
    assert_eq!(
        step.bytes,
        3 * (4 + 4 + 16 + 4 + 8 + 8),
        "owner, product_id, price, name, time, age"
    );
}

#[test]
fn funnels_tell_their_steps() {
    let (_db, view) = world();
    let text = "funnel(INTERVAL '7 days', (SELECT 1 FROM view s1), \
                (SELECT 1 FROM purchase s2 WHERE s2.campaign = s1.campaign AND s2.amount > 5))";
    let found = steps(&view, text);
    let numbers: Vec<_> = found.iter().map(|s| (s.depth, s.rows, s.selected, s.bytes)).collect();
    let (views, purchases) = (5 * (4 + 8), 3 * (4 + 8 + 16 + 4 + 4));
    assert_eq!(
        numbers,
        [
            (0, Some(8), 1, views + purchases),
            (1, Some(5), 4, views),
            (1, Some(3), 2, purchases),
            (0, None, 1, 0),
        ]
    );
    assert!(found[0].text.contains("funnel of 2 steps"), "{}", found[0].text);
    assert!(found[2].text.contains("\"purchase\" \"s2\""), "{}", found[2].text);
    let plan = view.explain(text, At::Latest).unwrap().plan;
    assert!(plan[0].ends_with(": 1 profiles, 8 rows looked at, 168 bytes of columns"), "{plan:?}");
    assert!(plan[1].starts_with("  step 1: "), "{plan:?}");
    assert_eq!(plan[3], "subquery 1 has a row: 1 of 4");
}

/// Questions, and the same for a warehouse, behind `SELECT count(*) FROM profiles "p" WHERE `.
const FOR_WAREHOUSES: &[(&str, &str)] = &[
    ("COUNTRY = 'FR'", r#""p"."country" = 'FR'"#),
    ("p.\"favourite colour\" IS NULL", r#""p"."Favourite Colour" IS NULL"#),
    (
        "p.age > 3 AND has_identifier(' Phone ')",
        r#"("p"."age" > 3) AND (EXISTS (SELECT 1 FROM identifiers "nave.i" WHERE "nave.i".profile_id = "p".profile_id AND "nave.i".namespace = 'phone'))"#,
    ),
    (
        "bucket('it''s', 100) < 10",
        r#"(CAST('0x' || substr(md5('it''s:' || "p".profile_id), 1, 8) AS BIGINT) % 100) < 10"#,
    ),
    ("'x' = ANY(p.tags)", r#"'x' = ANY(coalesce("p"."tags", []))"#),
    (
        "now() - INTERVAL '1 month' > p.born",
        r#"(TIMESTAMPTZ '2024-03-31T12:00:00Z' - INTERVAL '1 months') > "p"."born""#,
    ),
    (
        "extract(hour FROM now() AT TIME ZONE 'europe/paris') = 1",
        r#"extract(hour FROM (CAST(TIMESTAMPTZ '2024-03-31T12:00:00Z' AS TIMESTAMPTZ) AT TIME ZONE 'Europe/Paris')) = 1"#,
    ),
    (
        "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'Asia/Tokyo' > \
         TIMESTAMP '2024-01-01 10:00' AT TIME ZONE 'UTC'",
        r#"(CAST(date_trunc('day', (CAST(TIMESTAMPTZ '2024-03-31T12:00:00Z' AS TIMESTAMPTZ) AT TIME ZONE 'UTC')) AS TIMESTAMP) AT TIME ZONE 'Asia/Tokyo') > (CAST(TIMESTAMP '2024-01-01T10:00:00' AS TIMESTAMP) AT TIME ZONE 'UTC')"#,
    ),
    (
        "extract(hour FROM now() AT TIME ZONE time_zone) = 1",
        r#"extract(hour FROM CASE WHEN lower("p"."time_zone") IN (SELECT lower(name) FROM pg_timezone_names()) THEN (CAST(TIMESTAMPTZ '2024-03-31T12:00:00Z' AS TIMESTAMPTZ) AT TIME ZONE "p"."time_zone") END) = 1"#,
    ),
    (
        "EXISTS (SELECT 1 FROM Purchase JOIN Product d ON d.ID = product_id WHERE PRICE > Amount)",
        r#"EXISTS (SELECT 1 FROM "purchase" JOIN "product" "d" ON "d"."id" = "purchase"."product_id" WHERE ("purchase"."profile_id" = "p"."profile_id") AND ("d"."price" > "purchase"."amount"))"#,
    ),
    (
        "(SELECT count(*) FROM contract LEFT JOIN contract k ON k.id = contract_id WHERE k.months > 3) = 1",
        r#"(SELECT count(*) FROM "contract" LEFT JOIN "entities.contract" "k" ON "k"."id" = "contract"."contract_id" WHERE ("contract"."profile_id" = "p"."profile_id") AND ("k"."months" > 3)) = 1"#,
    ),
    (
        "(SELECT amount FROM purchase ORDER BY time DESC, message_id DESC LIMIT 1) = 3",
        r#"(SELECT "purchase"."amount" FROM "purchase" WHERE "purchase"."profile_id" = "p"."profile_id" ORDER BY "purchase"."time" DESC, "purchase"."message_id" DESC LIMIT 1) = 3"#,
    ),
    (
        "funnel(INTERVAL '7 days', (SELECT 1 FROM view s1), \
         (SELECT 1 FROM purchase s2 WHERE s2.campaign = s1.campaign AND amount > 1))",
        r#"EXISTS (SELECT 1 FROM "view" "s1" JOIN "purchase" "s2" ON "s2"."profile_id" = "s1"."profile_id" AND "s2"."time" > "s1"."time" AND "s2"."time" <= "s1"."time" + INTERVAL '7 days' WHERE ("s1"."profile_id" = "p"."profile_id") AND (("s2"."profile_id" = "p"."profile_id") AND ("s2"."campaign" = "s1"."campaign") AND ("s2"."amount" > 1)))"#,
    ),
    (
        "NOT funnel(INTERVAL '1 month 1 hour', (SELECT 1 FROM view a), \
         (SELECT 1 FROM view b), (SELECT 1 FROM purchase c JOIN product d ON d.id = c.product_id))",
        r#"NOT (EXISTS (SELECT 1 FROM "view" "a" JOIN "view" "b" ON "b"."profile_id" = "a"."profile_id" AND "b"."time" > "a"."time" AND "b"."time" <= "a"."time" + INTERVAL '1 months 3600 seconds' JOIN "purchase" "c" ON "c"."profile_id" = "a"."profile_id" AND "c"."time" > "b"."time" AND "c"."time" <= "a"."time" + INTERVAL '1 months 3600 seconds' JOIN "product" "d" ON "d"."id" = "c"."product_id" WHERE ("a"."profile_id" = "p"."profile_id") AND ("b"."profile_id" = "p"."profile_id") AND ("c"."profile_id" = "p"."profile_id")))"#,
    ),
];

#[test]
fn questions_are_written_for_a_warehouse() {
    let (_db, view) = world();
    for (text, expected) in FOR_WAREHOUSES {
        let explained = view.explain(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
        let expected = format!(r#"SELECT count(*) FROM profiles "p" WHERE {expected}"#);
        assert_eq!(explained.sql, expected, "{text}");
        let again = view.explain(&explained.text, At::Latest).unwrap();
        assert_eq!((again.text, again.sql), (explained.text, expected), "{text}");
    }
    for (text, expected) in [
        (
            "SELECT country, count(*) FROM profiles x WHERE age > 3 GROUP BY country ORDER BY 2 DESC LIMIT 3",
            r#"SELECT "x"."country" AS "country", count(*) AS "count(*)" FROM profiles "x" WHERE "x"."age" > 3 GROUP BY "x"."country" ORDER BY count(*) DESC NULLS LAST, "x"."country" NULLS LAST LIMIT 3"#,
        ),
        (
            "SELECT p.profile_id, age FROM profiles p ORDER BY age DESC LIMIT 1",
            r#"SELECT "p"."profile_id" AS "profile_id", "p"."age" AS "age" FROM profiles "p" ORDER BY "p"."age" DESC NULLS LAST, "p"."profile_id" LIMIT 1"#,
        ),
        (
            "SELECT sum(age) FROM profiles",
            r#"SELECT sum("profiles"."age") AS "sum(age)" FROM profiles "profiles""#,
        ),
    ] {
        let explained = view.explain(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(explained.sql, expected);
        assert_eq!(
            view.explain(&explained.text, At::Latest).unwrap().sql,
            expected,
            "{}",
            explained.text
        );
    }
    let early = At::Now(Timestamp::parse(DAY).unwrap());
    let sql = view.explain("p.born < now()", early).unwrap().sql;
    assert!(sql.ends_with("TIMESTAMPTZ '2024-03-01T00:00:00Z'"), "{sql}");
}

#[test]
fn a_text_that_was_asked_before_follows_the_store() {
    let db = store::new();
    say(&db, "crm", &identify("a", "1", DAY, r#"{"age":30}"#));
    let before = view(&db);
    let text = "(SELECT count(*) FROM purchase e WHERE e.amount > p.age) = 1";
    assert_eq!(before.count(text, At::Latest).unwrap_err().kind(), ErrorKind::Invalid);
    say(&db, "web", &track("a", "2", DAY, "purchase", r#"{"amount":31}"#));
    let after = view(&db);
    assert_eq!(after.count(text, At::Latest), Ok(1));
    say(&db, "crm", &identify("a", "3", "2024-03-02T00:00:00Z", r#"{"age":31.5}"#));
    assert_eq!((view(&db).count(text, At::Latest), after.count(text, At::Latest)), (Ok(0), Ok(1)));
    assert_eq!(before.count(text, At::Latest).unwrap_err().kind(), ErrorKind::Invalid);
    let now = "now() > TIMESTAMPTZ '2024-03-10'";
    assert_eq!(after.count(now, At::Latest), Ok(1));
    assert_eq!(after.count(now, At::Now(Timestamp::parse(DAY).unwrap())), Ok(0));
    assert_eq!(after.count(now, At::Latest), Ok(1));
}

#[test]
fn a_zone_may_be_any_text() {
    let (_db, view) = world();
    let hour =
        "EXISTS (SELECT 1 FROM view e WHERE extract(hour FROM e.time AT TIME ZONE {z}) = {h})";
    let ask = |zone: &str, hour_is: &str| {
        let text = hour.replace("{z}", zone).replace("{h}", hour_is);
        view.count(&text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"))
    };
    assert_eq!(ask("'Europe/Paris'", "0"), 4);
    assert_eq!(ask("p.time_zone", "0"), 1, "Paris");
    assert_eq!(ask("p.time_zone", "8"), 1, "Tokyo, in any case");
    assert_eq!(ask("p.time_zone", "21"), 1, "Tokyo");
    assert_eq!(ask("p.time_zone", "23"), 0, "neither Mars nor NULL is UTC");
    assert_eq!(ask("coalesce(p.time_zone, 'UTC')", "23"), 1);
    assert_eq!(ask("e.campaign", "23"), 0);
    assert_eq!(ask("NULL", "23"), 0);
    let unknown = "(now() AT TIME ZONE p.time_zone) IS NULL";
    assert_eq!(view.count(unknown, At::Latest), Ok(2));
    for (text, at, words) in [
        (
            "now() AT TIME ZONE 'Mars/Base' > p.born",
            19,
            "'Mars/Base' is no time zone; write it like",
        ),
        ("now() AT TIME ZONE '' > p.born", 19, "is no time zone"),
        ("now() AT TIME ZONE p.age > p.born", 19, "text is expected"),
        ("now() AT TIME ZONE 5 > p.born", 19, "text is expected"),
        ("p.age AT TIME ZONE 'UTC' > p.born", 0, "a time is expected"),
        ("now() AT TIME ZONE p.time_zon > p.born", 19, "time_zone"),
    ] {
        let error = view.count(text, At::Latest).expect_err(text);
        assert!(error.message().contains(words), "{text}: {error}");
        assert_eq!(
            (error.place(), error.kind()),
            (Some(at), ErrorKind::Invalid),
            "{text}: {error}"
        );
    }
}

#[test]
fn what_is_unknown_hides_no_failure() {
    let (db, _) = world();
    say(&db, "crm", &identify("a", "zero", "2024-03-02T00:00:00Z", r#"{"zero":0}"#));
    let view = view(&db);
    for text in [
        "NOT (NULL = NULL OR (5 % p.zero) IS NULL)",
        "p.nowhere = 'x' AND (5 % p.zero) = 1",
        "NULL = NULL AND (SELECT count(*) FROM purchase e WHERE e.amount % p.zero = 1) > 0",
    ] {
        let text = text.replace("p.nowhere", "NULL");
        assert_eq!(view.count(&text, At::Latest).unwrap_err().kind(), ErrorKind::Invalid, "{text}");
    }
    assert_eq!(view.count("1 = 2 AND (5 % p.zero) = 1", At::Latest), Ok(0));
}

/// A term that does not fit 64 bits in the scale of the others is added up exactly.
#[test]
fn sums_of_several_scales_are_exact() {
    let db = store::new();
    say(&db, "web", &track("a", "1", DAY, "sale", r#"{"amount":100000000000000001.5}"#));
    say(&db, "web", &track("b", "2", DAY, "sale", r#"{"amount":-100000000000000001.5}"#));
    say(&db, "web", &track("c", "3", DAY, "sale", r#"{"amount":0.1}"#));
    db.checkpoint().unwrap();
    say(&db, "web", &track("d", "4", DAY, "sale", r#"{"amount":0.1234567}"#));
    for (text, count) in [
        ("(SELECT sum(e.amount) FROM sale e) > 100000000000000000", 1),
        ("(SELECT sum(e.amount) FROM sale e) < -100000000000000000", 1),
        ("(SELECT sum(e.amount) FROM sale e) BETWEEN 0.1 AND 0.2", 2),
    ] {
        assert_eq!(view(&db).count(text, At::Latest), Ok(count), "{text}");
    }
}
