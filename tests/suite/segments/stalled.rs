//! Rules that have no answer for somebody, or that are no longer understood.

use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{Db, SegmentRequest, Settings};
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
    let (name, audience) = (name.to_owned(), audience.to_owned());
    let request = SegmentRequest { name, audience, ..SegmentRequest::default() };
    session(db).define_segment(&request).unwrap();
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
