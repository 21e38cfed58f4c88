//! What may be defined, changed and dropped, and what is said of the rest.

use crate::store::{self, session, view};
use navedb::{
    ArrowRequest, ArrowTable, At, Db, Error, ErrorKind, MembersRequest, SegmentRule, Value,
};

fn say(db: &Db, id: &str, user: &str, traits: &str) {
    store::say(db, "web", &store::identify(user, id, "2024-01-01T00:00:00Z", traits));
}

fn buy(db: &Db, id: &str, user: &str, item: &str, amount: u32) {
    let properties = format!(r#"{{"item":"{item}","amount":{amount}}}"#);
    let message = store::track(user, id, "2024-01-02T00:00:00Z", "buy", &properties);
    store::say(db, "web", &message);
}

fn define(db: &Db, name: &str, audience: &str) -> Result<(), Error> {
    session(db).define_segment(name, &SegmentRule::asking(audience)).map(|_| ())
}

fn refused(result: Result<(), Error>, kind: ErrorKind, words: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.message().contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn a_circle_is_named_without_those_that_only_ask_for_it() {
    let db = store::new();
    say(&db, "m1", "1", r#"{"age":30}"#);
    define(&db, "a", "p.age > 20").unwrap();
    define(&db, "b", "in_segment('a')").unwrap();
    define(&db, "c", "in_segment('b') AND p.age > 1").unwrap();
    define(&db, "above", "in_segment('c')").unwrap();
    let circle = session(&db).redefine_segment("A", &SegmentRule::asking("in_segment('c')"));
    let circle = circle.map(|_| ()).unwrap_err();
    assert!(!circle.message().contains("above"), "{circle}");
    refused(Err(circle), ErrorKind::Invalid, &["'a'", "'b'", "'c'", "asks for"]);
    let itself = session(&db).redefine_segment("a", &SegmentRule::asking("NOT in_segment('A')"));
    refused(itself.map(|_| ()), ErrorKind::Invalid, &["'a' asks for 'a'"]);
    session(&db).define_trait("x", "p.age + 1", None).unwrap();
    session(&db).define_trait("y", "p.x + 1", None).unwrap();
    let circle = session(&db).define_trait("x", "p.y + 1", None).map(|_| ());
    refused(circle, ErrorKind::Invalid, &["'x'", "'y' asks for 'x' asks for 'y'"]);
    assert_eq!(view(&db).count("p.y = 32", At::Latest).unwrap(), 1);
}

#[test]
fn what_stands_too_deep_is_refused_before_it_is_asked_in_the_past() {
    let db = store::new();
    say(&db, "m1", "1", r#"{"age":30}"#);
    define(&db, "s0", "p.age > 20").unwrap();
    let deepest = (1..40)
        .find(|n| define(&db, &format!("s{n}"), &format!("in_segment('s{}')", n - 1)).is_err());
    let deepest = deepest.unwrap();
    let one_more = define(&db, "more", &format!("in_segment('s{}')", deepest - 1));
    refused(one_more, ErrorKind::Limit, &["'more'", "one on another"]);
    let text = format!("in_segment('s{}')", deepest - 1);
    let at = view(&db).clock();
    assert_eq!(view(&db).count(&text, At::Latest).unwrap(), 1);
    assert_eq!(view(&db).count(&text, At::AsOf(at)).unwrap(), 1);
}

#[test]
fn what_a_feed_tells_is_not_dropped_and_a_name_can_be_read() {
    let db = store::new();
    say(&db, "m1", "1", r#"{"age":30}"#);
    session(&db).define_trait("next_age", "p.age + 1", Some("in a year")).unwrap();
    let traits = vec!["next_age".to_owned()];
    let rule = SegmentRule { traits, ..SegmentRule::asking("p.age > 20") };
    session(&db).define_segment("adults", &rule).unwrap();
    let dropped = session(&db).drop_trait("next_age").map(|_| ());
    refused(dropped, ErrorKind::Invalid, &["'adults'", "its feed tells 'next_age'"]);
    session(&db).redefine_segment("adults", &SegmentRule::asking("p.age > 20")).unwrap();
    session(&db).drop_trait("next_age").unwrap();
    for name in [" ", "a\nb", "\t"] {
        refused(define(&db, name, "p.age > 20"), ErrorKind::Invalid, &["no name of a segment"]);
        let computed = session(&db).define_trait(name, "p.age", None).map(|_| ());
        refused(computed, ErrorKind::Invalid, &["no name of a computed trait"]);
    }
    let nothing = session(&db).define_trait("x", " ", None).map(|_| ());
    refused(nothing, ErrorKind::Invalid, &["a computed trait has a 'value'"]);
}

#[test]
fn what_stalls_stops_nothing_else_and_is_told() {
    let db = store::new();
    for (id, user, balance) in [("m1", "1", 20), ("m2", "2", 5)] {
        say(&db, id, user, &format!(r#"{{"balance":{balance},"balance.currency":"EUR"}}"#));
    }
    define(&db, "rich", "p.balance > 10").unwrap();
    define(&db, "above", "in_segment('rich')").unwrap();
    define(&db, "top", "in_segment('above') OR p.balance IS NULL").unwrap();
    session(&db).define_trait("twice", "p.balance * 2", None).unwrap();
    let known = view(&db).segments();
    assert!(known.iter().all(|s| s.stalled.is_none() && s.asks_stalled.is_none()), "{known:?}");
    say(&db, "m3", "3", r#"{"balance":30,"balance.currency":"USD"}"#);
    for name in ["above", "top"] {
        let segment = view(&db).segment(name).unwrap();
        assert_eq!(segment.asks_stalled.as_deref(), Some("rich"), "{name}");
        assert!(segment.stalled.is_none() && segment.count == 1);
    }
    let why = view(&db).segment_why("rich", "user_id", "1").unwrap().unwrap();
    assert!(why.member && why.parts.is_empty() && why.stalled.is_some(), "{why:?}");
    let computed = view(&db).computed_traits();
    assert!(computed.iter().all(|known| known.stalled.is_some()), "{computed:?}");
    define(&db, "others", "has_identifier('email')").unwrap();
    session(&db).define_trait("half", "1 / 2", None).unwrap();
}

#[test]
fn computed_traits_are_shown_like_others() {
    let db = store::new();
    for (user, item) in [("1", "tea"), ("1", "tea"), ("1", "cup"), ("2", "pot"), ("2", "cup")] {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        buy(&db, &format!("b{number}"), user, item, 10 + number);
    }
    say(&db, "m3", "3", r#"{"age":30}"#);
    session(&db).define_trait("likes", "(SELECT mode(e.item) FROM buy e)", None).unwrap();
    session(&db).define_trait("spent", "(SELECT sum(e.amount) FROM buy e)", None).unwrap();
    session(&db).define_trait("share", "p.spent / 100.0", None).unwrap();
    let view = view(&db);
    let select = vec!["likes".to_owned(), "spent".to_owned()];
    let request = MembersRequest { select, ..MembersRequest::default() };
    let page = view.members_page("p.likes IS NOT NULL OR p.age > 1", &request, At::Latest).unwrap();
    let shown = |value: &Option<Value>| value.as_ref().map_or("-".into(), Value::to_string);
    let row =
        |traits: &Vec<Option<Value>>| traits.iter().map(shown).collect::<Vec<String>>().join(" ");
    let mut rows: Vec<String> = page.members.iter().map(|member| row(&member.traits)).collect();
    rows.sort();
    assert_eq!(rows, ["- -", "cup 27", "tea 33"]);
    let by = view.breakdown("TRUE", &["likes"], At::Latest).unwrap();
    let counts: Vec<_> = by.rows.iter().map(|row| row[0].clone()).collect();
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(counts, [text("cup"), text("tea"), None]);
    let spent = view.aggregate("TRUE", "spent", At::Latest).unwrap();
    assert_eq!((spent.count, spent.sum.map(|sum| sum.to_string())), (2, Some("60".to_owned())));
    let top = view.top("TRUE", "spent", 1, At::Latest).unwrap();
    assert_eq!(top.rows.len(), 1);
    let shown = view.profile("user_id", "1").unwrap().unwrap().computed;
    let shown: Vec<String> = shown.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(shown, ["likes=tea", "share=0.33", "spent=33"]);
    let table = "SELECT p.likes, count(*) FROM profiles p GROUP BY p.likes ORDER BY 2 DESC";
    assert_eq!(view.query(table, At::Latest).unwrap().rows.len(), 3);
}

#[test]
fn members_are_a_table_of_an_export() {
    let db = store::new();
    for (id, user, age) in [("m1", "1", 30), ("m2", "2", 50), ("m3", "3", 70)] {
        say(&db, id, user, &format!(r#"{{"age":{age}}}"#));
    }
    define(&db, "Adults", "p.age > 20").unwrap();
    define(&db, "old", "p.age > 60").unwrap();
    define(&db, "gone", "p.age > 40").unwrap();
    session(&db).drop_segment("gone").unwrap();
    let rows = |audience: Option<&str>| {
        let audience = audience.map(str::to_owned);
        let request = ArrowRequest { audience, ..ArrowRequest::all(ArrowTable::SegmentMembers) };
        let batches = view(&db).arrow(&request).unwrap();
        batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    };
    assert_eq!((rows(None), rows(Some("p.age = 70"))), (4, 2));
    let sql = view(&db).explain("in_segment('ADULTS')", At::Latest).unwrap().sql;
    assert!(sql.contains("segment_members") && sql.contains("'Adults'"), "{sql}");
}
