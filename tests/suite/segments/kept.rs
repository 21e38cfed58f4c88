//! What names, retention and computed traits do, and segments that stall while profiles are joined.

use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{At, Db, DefineRequest, ErrorKind, Level, Position, SegmentRule, Settings, Timestamp};
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400_000_000;

fn open(disk: &MemoryDir, clock: &Arc<ManualClock>) -> Db {
    Db::open_with(Arc::new(disk.clone()), clock.clone(), Settings::default()).unwrap()
}

fn say(db: &Db, id: &str, user: &str, traits: &str) {
    store::say(db, "web", &store::identify(user, id, "2024-01-01T00:00:00Z", traits));
}

fn define(db: &Db, name: &str, audience: &str) {
    session(db).define_segment(name, &SegmentRule::asking(audience)).unwrap();
}

#[test]
fn names_that_differ_in_case_alone_are_one() {
    let db = store::new();
    say(&db, "m1", "1", r#"{"age":30}"#);
    define(&db, "Größe", "p.age > 20");
    let again = session(&db).define_segment("GRÖSSE", &SegmentRule::asking("p.age > 30"));
    assert!(again.is_ok(), "another name");
    let text = "[segment.\"GRÖßE\"]\naudience = \"p.age > 40\"\n".to_owned();
    let clash = session(&db).define(&DefineRequest { text, ..DefineRequest::default() });
    let clash = clash.unwrap_err();
    assert_eq!(clash.kind(), ErrorKind::Invalid);
    assert!(clash.message().contains("'GRÖßE'") || clash.message().contains("'Größe'"), "{clash}");
    assert_eq!(view(&db).segment_count("GRÖßE").unwrap(), 1);
    let text = "[computed.x]\nvalue = \"p.age + 1\"\n[computed.X]\nvalue = \"p.age\"\n".to_owned();
    let clash = session(&db).define(&DefineRequest { text, ..DefineRequest::default() });
    assert_eq!(clash.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn what_is_kept_no_longer_is_passed_over_but_what_is_pending_can_be_taken_over() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let db = open(&disk, &clock);
    say(&db, "m1", "1", r#"{"age":30}"#);
    let rule = SegmentRule { retain_days: Some(2), ..SegmentRule::asking("p.age > 20") };
    session(&db).define_segment("old", &rule).unwrap();
    session(&db).create_group("old", "mail", Position(0)).unwrap();
    let read =
        |who: &str| session(&db).read_group("old", ("mail", who), 9, Duration::ZERO).unwrap();
    let given = read("one");
    assert_eq!(given.len(), 1);
    clock.advance(3 * DAY);
    db.tick().unwrap();
    let page = view(&db).feed("old", Position(0), 9).unwrap();
    assert_eq!(page.items, []);
    assert_eq!((page.next, page.trimmed), (given[0].position, Some(given[0].position.plus(1))));
    let none = view(&db).feed("old", page.next, 9).unwrap();
    assert_eq!((none.items.len(), none.trimmed, none.next), (0, None, page.next));
    let taken = session(&db).claim("old", ("mail", "two"), Duration::from_secs(60), 9).unwrap();
    assert_eq!(taken, given);
    assert_eq!(
        session(&db).acknowledge("old", "mail", &[taken[0].position], Level::Group).unwrap(),
        1
    );
    say(&db, "m2", "2", r#"{"age":40}"#);
    assert_eq!(read("one").len(), 1, "what is new");
    let nobody = session(&db).read_group("old", ("mail", ""), 9, Duration::ZERO).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Invalid);
}

#[test]
fn a_computed_trait_stands_over_one_that_is_sent_later() {
    let db = store::new();
    say(&db, "m1", "1", r#"{"age":30}"#);
    session(&db).define_trait("points", "p.age * 2", None).unwrap();
    define(&db, "many", "p.points > 50");
    let asked = |text: &str| view(&db).count(text, At::Latest).unwrap();
    assert_eq!((asked("p.points = 60"), view(&db).segment_count("many").unwrap()), (1, 1));
    say(&db, "m2", "1", r#"{"points":"few"}"#);
    say(&db, "m3", "2", r#"{"age":20,"points":"many"}"#);
    assert_eq!((asked("p.points = 60"), view(&db).segment_count("many").unwrap()), (1, 1));
    assert_eq!(asked("SELECT count(*) FROM profiles x WHERE x.points = 40"), 1);
}

#[test]
fn members_of_a_stalled_segment_go_with_what_becomes_of_profiles() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let db = open(&disk, &clock);
    for (id, user, balance) in [("m1", "1", 20), ("m2", "2", 30), ("m3", "3", 5)] {
        say(&db, id, user, &format!(r#"{{"balance":{balance},"balance.currency":"EUR"}}"#));
    }
    define(&db, "rich", "p.balance > 10");
    say(&db, "m4", "4", r#"{"balance":30,"balance.currency":"USD"}"#);
    let stalled = view(&db).segment("rich").unwrap();
    assert!(stalled.stalled.is_some() && stalled.count == 2);
    // The second becomes one with the third, who is none, and with the first.
    for (id, other) in [("m5", "3"), ("m6", "1")] {
        let time = Timestamp(store::NOON - DAY);
        let link = format!(
            r#"{{"type":"link","messageId":"{id}","timestamp":"{time}","kind":"manual",
                "left":{{"namespace":"user_id","value":"2"}},
                "right":{{"namespace":"user_id","value":"{other}"}}}}"#
        );
        store::say(&db, "web", &link);
        let members = view(&db).segment_members("rich").unwrap();
        let mut told = std::collections::BTreeSet::new();
        for item in view(&db).feed("rich", Position(0), 99).unwrap().items {
            let real = if item.entered {
                told.insert(item.profile_id.clone())
            } else {
                told.remove(&item.profile_id)
            };
            assert!(real, "{item:?}");
        }
        assert!(told.iter().eq(members.iter()), "after {id}");
    }
    assert_eq!(view(&db).segment_count("rich").unwrap(), 1);
    assert_eq!(view(&db).in_segment("rich", "user_id", "3").unwrap(), Some(true));
}

#[test]
fn who_has_no_answer_is_told_so() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let db = open(&disk, &clock);
    say(&db, "m1", "1", r#"{"n":9223372036854775807}"#);
    say(&db, "m2", "2", r#"{"n":1}"#);
    define(&db, "next", "p.n + 1 > 0 AND p.n > 0");
    let why = view(&db).segment_why("next", "user_id", "1").unwrap().unwrap();
    assert!(!why.member);
    let [first, second] = why.parts.as_slice() else { panic!("{why:?}") };
    assert!(first.truth.is_none() && first.trouble.is_some(), "{first:?}");
    assert_eq!((second.truth, &second.trouble), (Some(true), &None));
    let from = Timestamp(store::NOON);
    let replayed = view(&db).replay_audience("p.n + 1 > 0", (from, from), Duration::from_secs(60));
    assert_eq!(replayed.unwrap().members.len(), 1);
}
