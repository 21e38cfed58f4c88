//! A store with segments, rebuilt from its log and read in again from its log as text, has the same members and feeds.

use super::Story;
use crate::rng::{scale, seeds};
use crate::store::view;
use navedb::dir::MemoryDir;
use navedb::{Db, FeedItem, Position, View, import_log};
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
