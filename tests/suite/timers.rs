//! Timers: each becomes one item at its instant, whatever happens to the store and to the clock.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, identify, session, view};
use navedb::clock::{Clock, ManualClock};
use navedb::dir::MemoryDir;
use navedb::{
    Db, ErrorKind, Level, Named, NewTimer, Position, Retraction, RungTimer, Settings, StreamRule,
    Timer, Timestamp, import_log, limits,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const STREAMS: [&str; 2] = ["jobs", "Letters"];

/// A timer of the model: when it is due, its place among those that were set, and its text.
type Set = (Timestamp, u64, String);

/// What plain code says of one stream.
#[derive(Default)]
struct Plain {
    pending: BTreeMap<String, Set>,
    items: Vec<(String, Option<RungTimer>)>,
}

impl Plain {
    fn ring(&mut self, now: Timestamp) {
        let due = self.pending.iter().filter(|(_, (due, ..))| *due <= now);
        let mut due: Vec<(Timestamp, u64, String)> =
            due.map(|(name, (due, number, _))| (*due, *number, name.clone())).collect();
        due.sort();
        for (due, _, name) in due {
            let (.., text) = self.pending.remove(&name).unwrap();
            self.items.push((text, Some(RungTimer { name, due })));
        }
    }
}

struct Story {
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Db,
    plain: [Plain; 2],
    set: u64,
}

fn open(disk: &MemoryDir, clock: &Arc<ManualClock>) -> Db {
    let settings = Settings { log_file_bytes: 1 << 16, keys_in_memory: 64, ..Settings::default() };
    Db::open_with(Arc::new(disk.clone()), clock.clone(), settings).unwrap()
}

fn timer(name: &str, due: Timestamp, text: &str) -> NewTimer {
    NewTimer { name: name.into(), due, text: text.into() }
}

impl Story {
    fn new() -> Story {
        let (disk, clock) = (MemoryDir::new(), store::clock(NOON));
        let db = open(&disk, &clock);
        for stream in STREAMS {
            session(&db).define_stream(stream, &StreamRule::default()).unwrap();
        }
        Story { disk, clock, db, plain: Default::default(), set: 0 }
    }

    fn crash(&mut self) {
        session(&self.db).wait(view(&self.db).position(), Level::Os).unwrap();
        let left = store::copy(&self.disk);
        self.disk = left;
        self.db = open(&self.disk, &self.clock);
    }

    /// What the model has at the newest clock of the store.
    fn ring(&mut self) {
        let now = view(&self.db).clock();
        self.plain.iter_mut().for_each(|plain| plain.ring(now));
    }

    /// The moment of a call that is made now; what is due by then can no longer be changed.
    fn passed(&mut self) -> Timestamp {
        let now = view(&self.db).clock().max(self.clock.now());
        self.plain.iter_mut().for_each(|plain| plain.ring(now));
        now
    }

    fn set(&mut self, rng: &mut Rng) {
        let stream = rng.below(2);
        let now = self.passed();
        let mut timers = Vec::new();
        for _ in 0..1 + rng.below(4) {
            let due = Timestamp(now.0 + (rng.below(60) as i64 - 6) * SECOND / 2);
            let name = format!("n{}", rng.below(14));
            let text = format!("{} é", self.set);
            timers.push(timer(&name, due, &text));
            self.plain[stream].pending.insert(name, (due.max(now), self.set, text));
            self.set += 1;
        }
        let name =
            if rng.below(2) == 0 { STREAMS[stream].into() } else { STREAMS[stream].to_uppercase() };
        session(&self.db).set_timers(&name, timers, Level::Memory).unwrap();
    }

    fn cancel(&mut self, rng: &mut Rng) {
        let stream = rng.below(2);
        self.passed();
        let names: Vec<String> =
            (0..1 + rng.below(5)).map(|_| format!("n{}", rng.below(16))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let known: Vec<String> = names
            .iter()
            .filter_map(|name| self.plain[stream].pending.remove_entry(*name))
            .map(|e| e.0)
            .collect();
        let taken =
            session(&self.db).cancel_timers(STREAMS[stream], &names, Level::Memory).unwrap();
        assert_eq!(taken, known.len() as u64);
    }

    fn check(&self, seed: u64) {
        for (stream, plain) in STREAMS.into_iter().zip(&self.plain) {
            let items =
                session(&self.db).follow(Named(stream), Position(0), std::time::Duration::ZERO);
            let items: Vec<_> =
                items.map(Result::unwrap).map(|item| (item.text, item.timer)).collect();
            assert_eq!(items, plain.items, "seed {seed}, {stream}");
            let mut expected: Vec<(Timestamp, u64, String)> = Vec::new();
            for (name, (due, number, text)) in &plain.pending {
                expected.push((*due, *number, format!("{name} {text}")));
                let known = view(&self.db).timer(stream, name).unwrap().unwrap();
                assert_eq!((known.due, &known.text), (*due, text), "seed {seed}");
            }
            expected.sort();
            let shown = |timer: &Timer| (timer.due, format!("{} {}", timer.name, timer.text));
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = view(&self.db).timers(stream, after, 3).unwrap();
                after = page.timers.last().map(|timer| (timer.due, timer.position)).or(after);
                found.extend(page.timers.iter().map(shown));
                if !page.more {
                    break;
                }
            }
            let expected: Vec<_> = expected.into_iter().map(|(due, _, text)| (due, text)).collect();
            assert_eq!(found, expected, "seed {seed}, {stream}");
        }
    }
}

#[test]
fn each_timer_becomes_one_item_at_its_instant() {
    for seed in seeds(1, scale(25, 600)) {
        let (mut rng, mut story) = (Rng::new(seed), Story::new());
        for step in 0..70 {
            match rng.below(12) {
                0..=3 => story.set(&mut rng),
                4 => story.cancel(&mut rng),
                5..=6 => {
                    story.clock.advance(rng.below(12) as i64 * SECOND / 2);
                    story.db.tick().unwrap();
                }
                // A clock that goes back is waited for; one that jumps brings all that is due.
                7 => story.clock.advance((rng.below(40) as i64 - 10) * SECOND),
                8 => {
                    let at = "2024-01-01T00:00:00Z";
                    store::say(&story.db, "web", &identify("u", &format!("m{step}"), at, "{}"));
                    if rng.below(4) == 0 {
                        let (source, message_id) = ("web".into(), format!("m{step}"));
                        let record = Retraction::Record { source, message_id };
                        session(&story.db).retract(&record).map(|_| ()).unwrap();
                    }
                }
                9 => {
                    let text = format!("put {step}");
                    session(&story.db)
                        .put_items("jobs", vec![text.clone()], Level::Memory)
                        .unwrap();
                    story.plain[0].items.push((text, None));
                }
                10 => story.crash(),
                _ => story.db.checkpoint().map(|_| ()).unwrap(),
            }
            story.ring();
            story.check(seed);
        }
        let live = view(&story.db).digest().unwrap();
        let mut lines = Vec::new();
        view(&story.db).export_log(&mut lines, &mut |_| {}).unwrap();
        let copy = MemoryDir::new();
        import_log(Arc::new(copy.clone()), &mut &*lines, &mut |_| {}).unwrap();
        story.db = open(&copy, &story.clock);
        let pending = |story: &Story| story.plain.iter().map(|plain| plain.pending.len()).sum();
        let before: usize = pending(&story);
        story.ring();
        story.check(seed);
        if pending(&story) == before {
            assert_eq!(view(&story.db).digest().unwrap(), live, "seed {seed}");
        }
    }
}

#[test]
fn many_that_are_due_in_one_second_ring_at_once_and_once() {
    let story = Story::new();
    let due = Timestamp(story.clock.now().0 + 60 * SECOND);
    let count = scale(30_000, 300_000) as usize;
    for first in (0..count).step_by(10_000) {
        let some = (first..count.min(first + 10_000)).map(|n| timer(&format!("t{n}"), due, "x"));
        session(&story.db).set_timers("jobs", some.collect(), Level::Memory).unwrap();
    }
    story.clock.advance(60 * SECOND - 1);
    story.db.tick().unwrap();
    assert!(view(&story.db).feed(Named("jobs"), Position(0), 1).unwrap().items.is_empty());
    story.clock.advance(1);
    story.db.tick().unwrap();
    let items = session(&story.db).follow(Named("jobs"), Position(0), std::time::Duration::ZERO);
    let items: Vec<_> = items.map(Result::unwrap).collect();
    assert_eq!(items.len(), count);
    assert!(items.iter().all(|item| item.time == due));
    let named = |n: usize| Some(RungTimer { name: format!("t{n}"), due });
    assert!(items.iter().enumerate().all(|(n, item)| item.timer == named(n)), "in order");
    story.clock.advance(SECOND);
    story.db.tick().unwrap();
    let after = items.last().unwrap().position;
    assert!(view(&story.db).feed(Named("jobs"), after, 1).unwrap().items.is_empty());
}

#[test]
fn what_cannot_be_set_says_why() {
    let story = Story::new();
    let (session, now) = (session(&story.db), story.clock.now());
    let set = |stream: &str, timers| session.set_timers(stream, timers, Level::Memory).unwrap_err();
    assert_eq!(set("nobody", vec![timer("a", now, "")]).kind(), ErrorKind::NotFound);
    assert_eq!(set("jobs", Vec::new()).kind(), ErrorKind::Invalid);
    assert!(set("jobs", vec![timer("", now, "")]).message().contains("no name for a timer"));
    let long = "x".repeat(limits::STREAM_ITEM_BYTES_MAX + 1);
    assert_eq!(set("jobs", vec![timer("a", now, &long)]).kind(), ErrorKind::Limit);
    let many = vec![timer("a", now, ""); limits::STREAM_PUT_MAX + 1];
    assert!(set("jobs", many).message().contains("several calls"));
    session.define_stream("identity", &StreamRule::default()).unwrap();
    assert!(set("Identity", vec![timer("a", now, "")]).message().contains("the engine alone"));
    let cancelled = session.cancel_timers("jobs", &["a", "b"], Level::Memory).unwrap();
    assert_eq!(cancelled, 0, "none was set");
    let view = view(&story.db);
    assert_eq!(view.timers("nobody", None, 1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(view.timers("jobs", None, 0).unwrap_err().kind(), ErrorKind::Invalid);
}
