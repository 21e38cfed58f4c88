//! Segments that are defined while others write: they are asked of everybody before they are in force, and what came
//! meanwhile must not be lost.

use crate::rng::Rng;
use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{Batch, Db, Level, Position, Record, SegmentRule, Settings};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const RULES: [&str; 6] = [
    "p.n > 50",
    "(SELECT count(*) FROM buy e WHERE e.time >= now() - INTERVAL '40 seconds') >= 2",
    "NOT EXISTS (SELECT 1 FROM buy e WHERE e.time >= now() - INTERVAL '30 seconds')",
    "EXISTS (SELECT 1 FROM buy e WHERE e.item = 'tea') AND p.n < 80",
    "has_identifier('email') OR p.n = 7",
    "(SELECT e.n FROM buy e ORDER BY e.time DESC, e.message_id DESC LIMIT 1) > 3",
];

/// A record that changes a trait, buys something, or joins two.
fn record(number: u64, clock: &ManualClock, rng: &mut Rng) -> String {
    let (user, id) = (rng.below(60), format!("r{number}"));
    let time = navedb::clock::Clock::now(clock).to_string();
    match rng.below(10) {
        0..4 => store::identify(
            &user.to_string(),
            &id,
            &time,
            &format!(r#"{{"n":{}}}"#, rng.below(100)),
        ),
        4..8 => {
            let item = if rng.one_in(3) { "tea" } else { "cup" };
            let properties = format!(r#"{{"item":"{item}","n":{}}}"#, rng.below(9));
            store::track(&user.to_string(), &id, &time, "buy", &properties)
        }
        _ => format!(
            r#"{{"type":"identify","userId":"{user}","messageId":"{id}","timestamp":"{time}",
                "traits":{{"email":"{}@x.org"}}}}"#,
            rng.below(90)
        ),
    }
}

fn held(db: &Db, name: &str, rule: &str) {
    let view = view(db);
    let known: BTreeSet<String> = view.segment_members(name).unwrap().into_iter().collect();
    let at = navedb::At::Now(view.segment_clock());
    let real: BTreeSet<String> = view.members(rule, at).unwrap().into_iter().collect();
    assert_eq!(known, real, "{name}: {rule}");
    let mut told = BTreeSet::new();
    let mut after = Position(0);
    loop {
        let page = view.feed(name, after, 1000).unwrap();
        for item in &page.items {
            let real = match item.entered {
                true => told.insert(item.profile_id.clone()),
                false => told.remove(&item.profile_id),
            };
            assert!(real, "{name}: {item:?}");
        }
        after = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(told, real, "the feed of {name}: {rule}");
}

#[test]
fn what_is_written_while_a_segment_is_defined_counts() {
    for seed in 0..6 {
        let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
        let db = Db::open_with(Arc::new(disk), clock.clone(), Settings::default()).unwrap();
        let mut rng = Rng::new(seed);
        for number in 0..400 {
            store::say(&db, "web", &record(number, &clock, &mut rng));
        }
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut rng = Rng::new(seed + 100);
                let mut number = 1_000;
                while !stop.load(Ordering::Relaxed) {
                    let mut batch = Batch::new().level(Level::Memory);
                    for _ in 0..1 + rng.below(4) {
                        let text = record(number, &clock, &mut rng);
                        batch = batch.record(Record::message("web", text.as_str()));
                        number += 1;
                    }
                    let _ = session(&db).write(batch).unwrap();
                    if rng.one_in(9) {
                        clock.advance(1_500_000);
                        db.tick().unwrap();
                    }
                    if rng.one_in(400) {
                        db.checkpoint().unwrap();
                    }
                }
            });
            for round in 0..30 {
                let (name, rule) = (format!("s{}", round % 8), RULES[round % RULES.len()]);
                let rule = SegmentRule::asking(rule);
                let saved = if round < 8 {
                    session(&db).define_segment(&name, &rule)
                } else {
                    session(&db).redefine_segment(&name, &rule)
                };
                saved.unwrap();
                if round == 20 {
                    session(&db).drop_segment("s1").unwrap();
                    session(&db).define_segment("s1", &rule).unwrap();
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        for segment in view(&db).segments() {
            held(&db, &segment.name, &segment.rule.audience);
        }
    }
}
