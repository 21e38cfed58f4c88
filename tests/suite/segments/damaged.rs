//! Parts that are damaged while segments are kept over them: what is told is told once, whatever is folded anew.

use crate::healing::{flip, parts};
use crate::rng::{Rng, scale, seeds};
use crate::scratch::Scratch;
use crate::store::{self, session, view};
use navedb::dir::DiskDir;
use navedb::{
    Db, ErrorKind, Identity, Level, Position, Reason, SegmentRule, Settings, StreamRule, Timestamp,
    View,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

const CAME: &str = r#"(SELECT count(*) FROM "nave.entered" e WHERE e.segment = 'French') >= 2"#;

fn open(folder: &Path) -> Db {
    let settings = Settings { keys_in_memory: 64, open_bytes: 30_000, ..Settings::default() };
    Db::open_with(Arc::new(DiskDir::new(folder)), store::clock(store::NOON), settings).unwrap()
}

/// A person by one identifier, or by two that are one from now on.
fn message(number: usize, rng: &mut Rng) -> String {
    let time = Timestamp(store::NOON - 9_000_000_000 + number as i64 * 1_000_000);
    let country = *rng.pick(&["FR", "DE"]);
    let user = rng.below(60);
    let ids = if rng.one_in(5) {
        format!(r#"{{"user_id":"u{user}","email":"e{}@x.org"}}"#, rng.below(40))
    } else if rng.one_in(2) {
        format!(r#"{{"user_id":"u{user}"}}"#)
    } else {
        format!(r#"{{"email":"e{}@x.org"}}"#, rng.below(40))
    };
    format!(
        r#"{{"type":"identify","messageId":"m{number}","timestamp":"{time}","identifiers":{ids},
            "traits":{{"country":"{country}","note":"{}"}}}}"#,
        "x".repeat(rng.below(400))
    )
}

/// The ids of all profiles, of a view that can be read whole.
fn ids(db: &Db) -> (View, BTreeSet<String>) {
    loop {
        let (seen, mut ids) = (view(db), BTreeSet::new());
        let see = &mut |_: &str, _: &str, id: &str| {
            ids.insert(id.to_owned());
            Ok(())
        };
        match seen.identity_clusters(see) {
            Ok(()) => return (seen, ids),
            Err(e) => assert_eq!(e.kind(), ErrorKind::Corrupt, "{e}"),
        }
    }
}

/// The fold of a feed; each line must be a change.
fn told(view: &View, segment: &str, here: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for item in view.feed(segment, Position(0), 100_000).unwrap().items {
        let id = item.profile_id.clone();
        let real = if item.entered { told.insert(id) } else { told.remove(&id) };
        assert!(real, "{here}: {item:?} of {segment} is no change");
    }
    told
}

fn run(seed: u64, scratch: &Scratch) -> usize {
    let mut rng = Rng::new(seed);
    let folder = std::path::PathBuf::from(scratch.path(&format!("store-{seed}")));
    let mut db = open(&folder);
    let mut number = 0;
    let mut write = |db: &Db, count: usize, rng: &mut Rng| {
        let texts: Vec<String> = (0..count).map(|n| message(number + n, rng)).collect();
        number += count;
        let written = session(db).write(store::batch("web", &texts).level(Level::Memory));
        let _ = written.unwrap();
    };
    write(&db, 80, &mut rng);
    let french = SegmentRule { events: true, ..SegmentRule::asking("p.country = 'FR'") };
    session(&db).define_segment("French", &french).unwrap();
    session(&db).define_segment("Came back", &SegmentRule::asking(CAME)).unwrap();
    session(&db).define_stream("identity", &StreamRule::default()).unwrap();
    let (seen, mut alive) = ids(&db);
    let mut after = seen.position();
    let mut healed = 0;
    for round in 0..14 {
        let here = format!("seed {seed}, round {round}");
        if rng.one_in(2) {
            // A block is held against its checksum when it is first needed: now, or later.
            db.close().unwrap();
            parts(&folder).iter().for_each(|file| flip(file, &mut rng, 1 + round));
            db = open(&folder);
        }
        let count = 1 + rng.below(6);
        write(&db, count, &mut rng);
        let (seen, now) = ids(&db);
        for item in seen.feed(Identity, after, 1000).unwrap().items {
            for id in &item.before {
                assert!(alive.remove(id), "{here}: {item:?} is no change");
            }
            alive.extend(item.after.iter().cloned());
            after = item.position;
        }
        assert_eq!(alive.difference(&now).collect::<Vec<_>>(), Vec::<&String>::new(), "{here}");
        alive = now;
        for name in ["French", "Came back"] {
            let members: BTreeSet<String> =
                seen.segment_members(name).unwrap().into_iter().collect();
            assert_eq!(told(&seen, name, &here), members, "{here}: {name}");
            let items = seen.feed(name, Position(0), 100_000).unwrap().items;
            healed += items.iter().filter(|item| item.reason == Reason::Correction).count();
        }
    }
    healed
}

#[test]
fn what_is_told_over_damaged_parts_is_told_once() {
    let scratch = Scratch::new();
    for seed in seeds(1, scale(30, 600)) {
        run(seed, &scratch);
    }
}
