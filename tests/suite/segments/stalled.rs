//! Rules that have no answer for somebody, or that are no longer understood.

use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{Db, Position, Retraction, SegmentRule, Settings};
use std::sync::Arc;

fn open(disk: &MemoryDir, clock: &Arc<ManualClock>) -> Db {
    Db::open_with(Arc::new(disk.clone()), clock.clone(), Settings::default()).unwrap()
}

/// Says traits of a user, in a message of that name.
fn identify(db: &Db, id: &str, user: &str, traits: &str) {
    let text = format!(
        r#"{{"type":"identify","messageId":"{id}","userId":"{user}","timestamp":"2024-01-01T00:00:00Z","traits":{{{traits}}}}}"#
    );
    store::say(db, "web", &text);
}

fn define(db: &Db, name: &str, audience: &str) {
    session(db).define_segment(name, &SegmentRule::asking(audience)).unwrap();
}

#[test]
fn who_has_no_answer_is_no_member_and_no_error_of_a_trial() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let db = open(&disk, &clock);
    identify(&db, "m1", "1", r#""n":9223372036854775807"#);
    identify(&db, "m2", "2", r#""n":1"#);
    let text = "p.n + 1 > 0";
    assert_eq!(view(&db).try_segment("next", text).unwrap().count, 1);
    define(&db, "next", text);
    assert_eq!(view(&db).segment_count("next").unwrap(), 1);
}

#[test]
fn a_stalled_segment_keeps_its_members_when_all_is_folded_anew() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let db = open(&disk, &clock);
    identify(&db, "m1", "1", r#""balance":20,"balance.currency":"EUR""#);
    identify(&db, "m2", "2", r#""age":30"#);
    define(&db, "rich", "p.balance > 10");
    define(&db, "rich_too", "in_segment('rich')");
    let known = view(&db).segment_members("rich").unwrap();
    identify(&db, "m3", "3", r#""balance":30,"balance.currency":"USD""#);
    // Nobody enters by an amount that cannot be compared.
    assert!(view(&db).segment("rich").unwrap().stalled.is_some());
    assert_eq!(view(&db).segment_members("rich").unwrap(), known);
    db.close().unwrap();
    let db = open(&disk, &clock);
    let before = view(&db);
    assert!(before.segment("rich").unwrap().stalled.is_some());
    let (members, end) = (before.segment_members("rich").unwrap(), before.position());
    assert!(!members.is_empty() && members == known);
    let what = Retraction::Record { source: "web".into(), message_id: "m2".into() };
    drop(session(&db).retract(&what).unwrap());
    let after = view(&db);
    assert!(after.segment("rich").unwrap().stalled.is_some());
    for name in ["rich", "rich_too"] {
        assert_eq!(after.segment_members(name).unwrap(), members, "{name}");
        assert_eq!(after.feed(name, end, 10).unwrap().items, [], "{name}");
        assert!(!after.feed(name, Position(0), 10).unwrap().items.is_empty(), "{name}");
    }
}
