//! A store with segments, rebuilt from its log and read in again from its log as text, has the same members and feeds.

use super::Story;
use crate::rng::{scale, seeds};
use crate::store::{self, session, view};
use navedb::dir::MemoryDir;
use navedb::{Db, FeedItem, Position, Retraction, SegmentRule, View, import_log};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By segment: the members, and all items of the feed.
fn all(view: &View) -> BTreeMap<String, (Vec<String>, Vec<FeedItem>)> {
    let of = |name: &str| {
        let items = view.feed(name, Position(0), 10_000).unwrap().items;
        (view.segment_members(name).unwrap(), items)
    };
    view.segments().into_iter().map(|segment| (segment.name.clone(), of(&segment.name))).collect()
}

#[test]
fn what_is_folded_from_the_log_alone_is_what_was() {
    let mut items = 0;
    for seed in seeds(1, scale(25, 300)) {
        let mut story = Story::new(seed);
        (0..60).for_each(|_| story.step());
        // Whoever opens a store is told what time did meanwhile; here that is nothing.
        story.db().tick().unwrap();
        let before = all(&story.view());
        items += before.values().map(|(_, items)| items.len()).sum::<usize>();
        let mut lines = Vec::new();
        story.view().export_log(&mut lines, &mut |_| {}).unwrap();
        story.db.take().unwrap().close().unwrap();
        let copy = MemoryDir::new();
        import_log(Arc::new(copy.clone()), &mut &*lines, &mut |_| {}).unwrap();
        navedb::rebuild(Arc::new(story.disk.clone()), story.clock.clone(), super::settings())
            .unwrap();
        for disk in [story.disk.clone(), copy] {
            let clock = story.clock.clone();
            let db = Db::open_with(Arc::new(disk), clock, super::settings()).unwrap();
            assert_eq!(all(&view(&db)), before, "seed {seed}");
        }
    }
    assert!(items > 200, "{items} items tell little");
}

/// What arrives late is judged at the moment at which it arrived, also when all is folded anew when a store is opened.
#[test]
fn late_events_of_a_store_that_is_folded_anew_enter_no_moment_that_is_over() {
    let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
    let open = || Db::open_with(Arc::new(disk.clone()), clock.clone(), super::settings()).unwrap();
    let db = open();
    let say = |id: &str, user: &str, time: &str| {
        store::say(&db, "web", &store::track(user, id, time, "cart", "{}"));
    };
    let define = |name: &str, text: &str| {
        session(&db).define_segment(name, &SegmentRule::asking(text)).unwrap();
    };
    say("m1", "ann", "2024-03-31T11:00:00Z");
    define("ever", "EXISTS (SELECT 1 FROM cart e)");
    // Behind this nothing is told for long.
    clock.advance(60 * super::world::DAY);
    db.tick().unwrap();
    let weeks = "e.time >= now() - INTERVAL '40 days' AND e.time < now() - INTERVAL '5 days'";
    define("weeks", &format!("EXISTS (SELECT 1 FROM cart e WHERE {weeks})"));
    say("m2", "ann", "2024-03-20T10:00:00Z");
    say("m3", "ann", "2024-03-21T10:00:00Z");
    let what = Retraction::Record { source: "web".into(), message_id: "m3".into() };
    drop(session(&db).retract(&what).unwrap());
    let told = all(&view(&db));
    assert!(told["weeks"].1.is_empty() && told["ever"].1.len() == 1);
    db.close().unwrap();
    navedb::rebuild(Arc::new(disk.clone()), clock.clone(), super::settings()).unwrap();
    assert_eq!(all(&view(&open())), told);
}
