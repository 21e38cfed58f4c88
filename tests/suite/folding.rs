//! What records mean once they are in: golden values, types, names, identifiers, times.

use crate::store::{self, NOON, identify, say, session, track, view};
use navedb::dir::MemoryDir;
use navedb::{
    At, Date, Db, Decimal, Level, Retraction, Settings, Timestamp, Value, ValueType, View,
};
use std::sync::Arc;

const DAY_1: &str = "2024-03-01T00:00:00Z";
const DAY_2: &str = "2024-03-02T00:00:00Z";

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The golden value of a trait.
fn golden(view: &View, user: &str, name: &str) -> Option<Value> {
    let profile = view.profile("user_id", user).unwrap()?;
    profile.traits.into_iter().find(|t| t.name == name).map(|t| t.value)
}

fn trait_type(view: &View, name: &str) -> Option<ValueType> {
    view.stats().unwrap().traits.into_iter().find(|(n, ..)| n == name).map(|(_, kind, _)| kind)
}

fn quarantined(view: &View) -> u64 {
    view.stats().unwrap().quarantine.iter().map(|(_, count)| count).sum()
}

#[test]
fn the_latest_event_time_wins_whatever_came_last() {
    let db = store::new();
    say(&db, "crm", &identify("ann", "1", DAY_2, r#"{"city":"Nice"}"#));
    say(&db, "crm", &identify("ann", "2", DAY_1, r#"{"city":"Lyon","age":30}"#));
    assert_eq!(golden(&view(&db), "ann", "city"), Some(text("Nice")));
    assert_eq!(
        golden(&view(&db), "ann", "age"),
        Some(Value::Integer(30)),
        "an absent field says nothing"
    );
    let profile = view(&db).profile("user_id", "ann").unwrap().unwrap();
    let city = profile.traits.iter().find(|t| t.name == "city").unwrap();
    assert_eq!((city.time, city.source.as_str()), (Timestamp::parse(DAY_2).unwrap(), "crm"));
}

#[test]
fn at_the_same_time_the_greater_source_wins_then_the_greater_value() {
    for order in [["1", "2", "3"], ["3", "2", "1"], ["2", "3", "1"]] {
        let db = store::new();
        for id in order {
            match id {
                "1" => say(&db, "app", &identify("ann", "1", DAY_1, r#"{"city":"Z"}"#)),
                "2" => say(&db, "web", &identify("ann", "2", DAY_1, r#"{"city":"A"}"#)),
                _ => say(&db, "web", &identify("ann", "3", DAY_1, r#"{"city":"B"}"#)),
            };
        }
        assert_eq!(golden(&view(&db), "ann", "city"), Some(text("B")), "{order:?}");
    }
}

#[test]
fn null_removes_and_an_older_value_does_not_come_back() {
    let db = store::new();
    say(&db, "crm", &identify("ann", "1", DAY_1, r#"{"city":"Nice","age":3}"#));
    say(&db, "crm", &identify("ann", "2", DAY_2, r#"{"city":null}"#));
    say(&db, "crm", &identify("ann", "3", "2024-03-01T12:00:00Z", r#"{"city":"Lyon"}"#));
    assert_eq!(golden(&view(&db), "ann", "city"), None);
    assert_eq!(view(&db).count("p.city IS NULL AND p.age = 3", At::Latest), Ok(1));
    let before = Timestamp::parse("2024-03-01T18:00:00Z").unwrap();
    assert_eq!(
        view(&db).count("p.city = 'Lyon'", At::AsOf(before)),
        Ok(1),
        "then it was not removed yet"
    );
    say(&db, "crm", &identify("ann", "4", "2024-03-03T00:00:00Z", r#"{"city":"Metz"}"#));
    assert_eq!(golden(&view(&db), "ann", "city"), Some(text("Metz")));
}

#[test]
fn identifiers_are_normalised_and_join() {
    let db = store::new();
    let message = |ids: &str| {
        format!(r#"{{"type":"identify","identifiers":{ids},"traits":{{}},"timestamp":"{DAY_1}"}}"#)
    };
    say(&db, "a", &message(r#"{"email":"  Ann@Example.ORG ","crm":"X 1"}"#));
    say(&db, "b", &message(r#"{"email":"ann@example.org","phone":"+33 (0) 6-12"}"#));
    say(&db, "c", &message(r#"{"phone":["+330612","null"],"crm":"x 1"}"#));
    say(&db, "c", &message(r#"{"crm":["-1","0","","  ","y"]}"#));
    say(&db, "c", &message(r#"{"crm":["0","z"]}"#));
    let seen = view(&db);
    let profile = seen.profile("email", "ANN@example.org ").unwrap().unwrap();
    let names: Vec<(&str, &str)> =
        profile.identifiers.iter().map(|i| (i.namespace.as_str(), i.value.as_str())).collect();
    let expected =
        [("crm", "X 1"), ("crm", "x 1"), ("email", "ann@example.org"), ("phone", "+330612")];
    assert_eq!(names, expected, "others than e-mail are byte for byte");
    assert_eq!(seen.stats().unwrap().profiles, 3, "0 and -1 join nobody");
    assert_eq!(seen.profile("crm", "X 1").unwrap().unwrap().id, profile.id);
    assert_eq!(seen.profile("crm", "nobody").unwrap(), None);
    assert_eq!(seen.profile("nowhere", "y").unwrap(), None);
    let question = format!("p.profile_id = '{}'", profile.id);
    assert_eq!(seen.count(&question, At::Latest), Ok(1));
}

#[test]
fn a_retracted_join_splits_and_everything_returns_to_its_owner() {
    let db = store::new();
    say(&db, "web", &track("ann", "1", DAY_1, "purchase", r#"{"amount":1}"#));
    say(&db, "web", &track("ben", "2", DAY_1, "purchase", r#"{"amount":2}"#));
    say(&db, "crm", &identify("ben", "3", DAY_1, r#"{"city":"Nice"}"#));
    let apart = view(&db).digest().unwrap();
    say(
        &db,
        "crm",
        r#"{"type":"identify","userId":"ann","identifiers":{"user_id":"ben"},"messageId":"j"}"#,
    );
    let joined = view(&db);
    assert_eq!(joined.stats().unwrap().profiles, 1);
    assert_eq!(
        joined.count("(SELECT sum(e.amount) FROM purchase e) = 3 AND p.city = 'Nice'", At::Latest),
        Ok(1)
    );
    assert_ne!(joined.digest().unwrap(), apart);
    let what = Retraction::Record { source: "crm".into(), message_id: "j".into() };
    let _ = session(&db).retract(&what).unwrap();
    let split = view(&db);
    assert_eq!((split.stats().unwrap().profiles, split.digest().unwrap()), (2, apart));
    assert_eq!(
        split.count("(SELECT sum(e.amount) FROM purchase e) = 1 AND p.city IS NULL", At::Latest),
        Ok(1)
    );
}

#[test]
fn values_that_contradict_their_type_go_to_quarantine_alone() {
    let db = store::new();
    say(
        &db,
        "web",
        &identify("ann", "1", DAY_1, r#"{"age":30,"vip":true,"born":"1990-01-31","name":"Ann"}"#),
    );
    let said = r#"{"age":"old","vip":1,"born":7,"name":5,"city":"Nice"}"#;
    let receipt = say(&db, "web", &identify("ann", "2", DAY_2, said));
    assert_eq!((receipt.written, receipt.broken.len()), (1, 0));
    let seen = view(&db);
    assert_eq!(golden(&seen, "ann", "age"), Some(Value::Integer(30)));
    assert_eq!(golden(&seen, "ann", "vip"), Some(Value::Boolean(true)));
    assert_eq!(
        golden(&seen, "ann", "born"),
        Some(Value::Date(Date::from_ymd(1990, 1, 31).unwrap()))
    );
    assert_eq!(golden(&seen, "ann", "name"), Some(text("5")), "text takes everything");
    assert_eq!(golden(&seen, "ann", "city"), Some(text("Nice")), "the rest of the record counts");
    assert_eq!(quarantined(&seen), 3, "{:?}", seen.stats().unwrap().quarantine);
}

#[test]
fn types_widen_and_what_was_said_before_widens_too() {
    let db = store::new();
    say(&db, "web", &identify("ann", "1", DAY_1, r#"{"score":3,"seen":"2024-01-31"}"#));
    assert_eq!(trait_type(&view(&db), "score"), Some(ValueType::Integer));
    say(&db, "web", &identify("ben", "2", DAY_1, r#"{"score":2.50}"#));
    let decimal = |text: &str| Some(Value::Decimal(Decimal::parse(text).unwrap()));
    assert_eq!(golden(&view(&db), "ann", "score"), decimal("3"));
    assert_eq!(golden(&view(&db), "ben", "score"), decimal("2.5"));
    say(
        &db,
        "web",
        &identify("cat", "3", DAY_1, r#"{"score":1.25e1,"seen":"2024-01-31T10:00:00+01:00"}"#),
    );
    assert_eq!(golden(&view(&db), "ben", "score"), Some(Value::Float(2.5)));
    assert_eq!(golden(&view(&db), "cat", "score"), Some(Value::Float(12.5)));
    let seen = |day: &str| Some(Value::Timestamp(Timestamp::parse(day).unwrap()));
    assert_eq!(golden(&view(&db), "ann", "seen"), seen("2024-01-31T00:00:00Z"));
    assert_eq!(golden(&view(&db), "cat", "seen"), seen("2024-01-31T09:00:00Z"));
    assert_eq!(view(&db).count("p.score >= 3", At::Latest), Ok(2));
    let what = Retraction::Record { source: "web".into(), message_id: "3".into() };
    let _ = session(&db).retract(&what).unwrap();
    assert_eq!(
        golden(&view(&db), "ben", "score"),
        decimal("2.5"),
        "the type in force folds what is in force"
    );
    assert_eq!(quarantined(&view(&db)), 0);
}

#[test]
fn retracting_what_made_a_column_text_makes_it_a_number_again() {
    let db = store::new();
    say(&db, "web", &identify("ann", "1", DAY_1, r#"{"age":"thirty"}"#));
    say(&db, "web", &identify("ben", "2", DAY_1, r#"{"age":40}"#));
    assert_eq!(golden(&view(&db), "ben", "age"), Some(text("40")));
    let what = Retraction::Record { source: "web".into(), message_id: "1".into() };
    let _ = session(&db).retract(&what).unwrap();
    assert_eq!(golden(&view(&db), "ben", "age"), Some(Value::Integer(40)));
    let alone = store::new();
    say(&alone, "web", &identify("ben", "2", DAY_1, r#"{"age":40}"#));
    assert_eq!(view(&db).digest().unwrap(), view(&alone).digest().unwrap());
}

#[test]
fn names_compare_without_case_and_the_first_spelling_is_shown() {
    let db = store::new();
    say(&db, "web", &identify("ann", "1", DAY_1, r#"{"FirstName":"Ann"}"#));
    say(&db, "web", &identify("ben", "2", DAY_1, r#"{"firstname":"Ben"}"#));
    say(&db, "web", &track("ann", "3", DAY_1, "Order Completed", r#"{"Total":5}"#));
    say(&db, "web", &track("ben", "4", DAY_1, "ORDER completed", r#"{"total":6}"#));
    let seen = view(&db);
    assert_eq!(golden(&seen, "ben", "FirstName"), Some(text("Ben")));
    assert_eq!(seen.stats().unwrap().events, [("Order Completed".to_owned(), 2)]);
    assert_eq!(seen.count("p.FIRSTNAME = 'Ben'", At::Latest), Ok(1));
    let total = "(SELECT max(e.TOTAL) FROM \"order completed\" e) > 5";
    assert_eq!(seen.count(total, At::Latest), Ok(1));
}

#[test]
fn objects_flatten_and_lists_of_objects_stay_in_the_original() {
    let db = store::new();
    let traits = r#"{"address":{"city":"Nice","geo":{"lat":43.7}},"tags":["b","a","b"],"seen":[{"x":1}],"none":{}}"#;
    let message = identify("ann", "1", DAY_1, traits);
    say(&db, "web", &message);
    let seen = view(&db);
    assert_eq!(golden(&seen, "ann", "address.city"), Some(text("Nice")));
    assert_eq!(seen.count("p.\"address.geo.lat\" = 43.7", At::Latest), Ok(1));
    let set = Value::Set(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(golden(&seen, "ann", "tags"), Some(set), "a list of texts is a set");
    assert_eq!(golden(&seen, "ann", "seen"), None, "a list of objects is not");
    assert_eq!(seen.stats().unwrap().lists_not_folded, 1);
    assert_eq!(seen.record("web", "1").unwrap().unwrap(), message.as_bytes());
}

#[test]
fn an_event_ahead_of_the_clock_happened_when_it_was_received() {
    let db = store::new();
    let message = track("ann", "1", "2031-01-01T00:00:00Z", "purchase", "{}");
    say(&db, "web", &message);
    let undated = r#"{"type":"track","userId":"ann","messageId":"2","event":"purchase"}"#;
    say(&db, "web", undated);
    let seen = view(&db);
    let timeline = seen.timeline("user_id", "ann").unwrap().unwrap();
    assert!(timeline.iter().all(|e| e.time == Timestamp(NOON)), "{timeline:?}");
    assert_eq!(seen.record("web", "1").unwrap().unwrap(), message.as_bytes(), "the original stays");
    assert_eq!(
        seen.count("(SELECT count(*) FROM purchase e WHERE e.time <= now()) = 2", At::Latest),
        Ok(1)
    );
    let earlier = At::AsOf(Timestamp(NOON - 1));
    assert_eq!(seen.count("EXISTS (SELECT 1 FROM purchase e)", earlier), Ok(0));
}

#[test]
fn the_engine_clock_never_goes_back() {
    let disk = MemoryDir::new();
    let clock = store::clock(NOON);
    let db = Db::open_with(Arc::new(disk.clone()), clock.clone(), Settings::default()).unwrap();
    say(&db, "web", &track("ann", "1", DAY_1, "purchase", "{}"));
    assert_eq!(view(&db).clock(), Timestamp(NOON));
    clock.advance(5_000_000);
    assert_eq!(
        view(&db).clock(),
        Timestamp(NOON),
        "a snapshot's clock moves by writes and ticks alone"
    );
    assert_eq!(db.tick().unwrap(), Timestamp(NOON + 5_000_000));
    assert_eq!(view(&db).clock(), Timestamp(NOON + 5_000_000));
    clock.set(Timestamp(NOON - 1_000_000_000));
    assert_eq!(db.tick().unwrap(), Timestamp(NOON + 5_000_000));
    let undated = r#"{"type":"track","userId":"ann","messageId":"2","event":"purchase"}"#;
    say(&db, "web", undated);
    let last = view(&db).timeline("user_id", "ann").unwrap().unwrap().pop().unwrap();
    assert_eq!(last.time, Timestamp(NOON + 5_000_000));
    session(&db).wait(view(&db).position(), Level::Sync).unwrap();
    drop(db);
    let reopened = Db::open_with(
        Arc::new(disk.crash(navedb::dir::Crash::KeepAll)),
        clock,
        Settings::default(),
    );
    assert!(
        view(&reopened.unwrap()).clock() >= Timestamp(NOON + 5_000_000),
        "nor does it after opening"
    );
}

#[test]
fn what_was_said_is_explained_with_all_facts_now_and_as_of_a_time() {
    let db = store::new();
    say(&db, "crm", &identify("ann", "1", DAY_1, r#"{"city":"Lyon","age":30}"#));
    say(&db, "web", &identify("ann", "2", DAY_2, r#"{"city":null}"#));
    say(&db, "app", &identify("ann", "3", DAY_1, r#"{"city":"Lyon"}"#));
    let told = |view: &View| -> Vec<(String, Option<Value>, String, Option<&'static str>)> {
        let explained = view.explain_profile("user_id", "ann").unwrap().unwrap();
        let facts = explained.traits.into_iter().flat_map(|explained| {
            let name = explained.name;
            explained.facts.into_iter().map(move |f| {
                (name.clone(), f.value, f.source, f.reason.map(navedb::WhyLost::name))
            })
        });
        facts.collect()
    };
    let fact =
        |name: &str, value, source: &str, why| (name.to_owned(), value, source.to_owned(), why);
    let age = fact("age", Some(Value::Integer(30)), "crm", None);
    let expected = [
        age.clone(),
        fact("city", None, "web", None),
        fact("city", Some(text("Lyon")), "crm", Some("time")),
        fact("city", Some(text("Lyon")), "app", Some("time")),
    ];
    for checkpoint in [false, true] {
        if checkpoint {
            db.checkpoint().unwrap();
        }
        assert_eq!(told(&view(&db)), expected, "checkpoint: {checkpoint}");
        assert_eq!(golden(&view(&db), "ann", "city"), None);
        let then = view(&db).as_of(Timestamp::parse("2024-03-01T12:00:00Z").unwrap()).unwrap();
        assert_eq!(golden(&then, "ann", "city"), Some(text("Lyon")));
        let source = fact("city", Some(text("Lyon")), "app", Some("source"));
        assert_eq!(
            told(&then),
            [age.clone(), fact("city", Some(text("Lyon")), "crm", None), source]
        );
        assert_eq!(then.count("p.city = 'Lyon'", At::Latest), Ok(1));
    }
}
