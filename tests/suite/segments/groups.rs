//! Groups of consumers: each item of a feed goes to one of them at a time until it is done, over restarts and crashes.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{Db, ErrorKind, Level, Position, SegmentRule, Settings, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const CONSUMERS: [&str; 3] = ["one", "two", "three"];
const HOUR: u64 = 3600;

/// What a group should know.
#[derive(Default)]
struct Model {
    given: Position,
    /// Who has it, since when, and how often it was given.
    pending: BTreeMap<Position, (&'static str, i64, u32)>,
    done: BTreeSet<Position>,
}

struct Story {
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Option<Db>,
    messages: u64,
}

impl Story {
    fn new() -> Story {
        let mut story = Story {
            disk: MemoryDir::new(),
            clock: store::clock(store::NOON),
            db: None,
            messages: 0,
        };
        story.open();
        story.say(0, "FR");
        let traits = vec!["country".into()];
        let rule = SegmentRule { traits, ..SegmentRule::asking("p.country = 'FR'") };
        session(story.db()).define_segment("French", &rule).unwrap();
        story
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        self.db = Some(Db::open_with(disk, self.clock.clone(), Settings::default()).unwrap());
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    /// Somebody moves: that is an item, or none.
    fn say(&mut self, user: usize, country: &str) {
        self.messages += 1;
        self.clock.advance(1_000_000);
        let time = Timestamp(store::NOON + self.messages as i64 * 1_000_000).to_string();
        let traits = format!(r#"{{"country":"{country}"}}"#);
        let (user, id) = (format!("u{user}"), format!("m{}", self.messages));
        store::say(self.db(), "web", &store::identify(&user, &id, &time, &traits));
    }

    fn crash(&mut self) {
        session(self.db()).wait(view(self.db()).position(), Level::Os).unwrap();
        let left = store::copy(&self.disk);
        self.db = None;
        self.disk = left;
        self.open();
    }

    fn now(&self) -> i64 {
        view(self.db()).clock().0
    }
}

/// Says of some pending items that they are done, and of one that is not pending.
fn acknowledge(story: &Story, model: &mut Model, rng: &mut Rng, seed: u64) {
    let mut items: Vec<Position> = model.pending.keys().copied().collect();
    items.retain(|_| rng.one_in(2));
    let asked: Vec<Position> = items.iter().copied().chain([Position(1)]).collect();
    let done = session(story.db()).acknowledge("French", "mail", &asked, Level::Group);
    assert_eq!(done.unwrap(), items.len() as u64, "seed {seed}");
    for item in items {
        model.pending.remove(&item);
        model.done.insert(item);
    }
}

/// Takes over what others have for an hour.
fn claim(story: &Story, model: &mut Model, consumer: &'static str, limit: usize) {
    let idle = Duration::from_secs(HOUR);
    let taken = session(story.db()).claim("French", ("mail", consumer), idle, limit).unwrap();
    let (now, hour) = (story.now(), HOUR as i64 * 1_000_000);
    let late = model.pending.iter().filter(|(_, (_, since, _))| *since <= now - hour);
    let late: Vec<Position> = late.map(|(item, _)| *item).take(limit).collect();
    let items: Vec<Position> = taken.iter().map(|item| item.position).collect();
    assert_eq!(items, late);
    for item in items {
        let has = model.pending.get_mut(&item).unwrap();
        *has = (consumer, now, has.2 + 1);
    }
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut story = Story::new();
    let mut model = Model::default();
    session(story.db()).create_group("French", "mail", Position(0)).unwrap();
    for _ in 0..120 {
        let consumer = *rng.pick(&CONSUMERS);
        let who = ("mail", consumer);
        match rng.below(12) {
            0..=3 => {
                let (user, country) = (rng.below(9), *rng.pick(&["FR", "DE"]));
                story.say(user, country);
            }
            4 | 5 => {
                let limit = 1 + rng.below(4);
                let read = session(story.db()).read_group("french", who, limit, Duration::ZERO);
                let items: Vec<Position> = read.unwrap().iter().map(|item| item.position).collect();
                let page = view(story.db()).feed("French", model.given, limit).unwrap();
                let expected: Vec<Position> = page.items.iter().map(|item| item.position).collect();
                assert_eq!(items, expected, "seed {seed}");
                for item in items {
                    assert!(!model.done.contains(&item), "seed {seed}: given although it is done");
                    let known = model.pending.insert(item, (consumer, story.now(), 1));
                    assert!(known.is_none(), "seed {seed}: given to two");
                    model.given = item;
                }
            }
            6 | 7 => acknowledge(&story, &mut model, &mut rng, seed),
            8 => claim(&story, &mut model, consumer, 1 + rng.below(4)),
            9 => story.clock.advance(rng.between(0, 2 * HOUR as i64 * 1_000_000)),
            10 => {
                story.db.take().unwrap().close().unwrap();
                story.open();
            }
            _ => story.crash(),
        }
        let pending = view(story.db()).pending("French", "mail").unwrap();
        let known: BTreeMap<Position, (String, i64, u32)> = pending
            .into_iter()
            .map(|item| (item.position, (item.consumer, item.since.0, item.deliveries)))
            .collect();
        let plain: BTreeMap<Position, (String, i64, u32)> = model
            .pending
            .iter()
            .map(|(item, (who, since, count))| (*item, ((*who).to_owned(), *since, *count)))
            .collect();
        assert_eq!(known, plain, "seed {seed}");
        let groups = view(story.db()).groups("french");
        assert_eq!((groups.len(), groups[0].given), (1, model.given), "seed {seed}");
    }
}

#[test]
fn each_item_goes_to_one_consumer_until_it_is_done() {
    seeds(1, scale(20, 400)).into_iter().for_each(run);
}

#[test]
fn who_waits_for_items_is_woken_by_them() {
    let mut story = Story::new();
    session(story.db()).create_group("French", "mail", Position(0)).unwrap();
    let long = Duration::from_secs(60);
    let read = |db: &Db, most| session(db).read_group("French", ("mail", "one"), 10, most).unwrap();
    assert_eq!(read(story.db(), long).len(), 1, "who was in it when it was defined");
    let db = story.db().clone();
    let waiting = std::thread::spawn(move || {
        let page =
            session(&db).wait_feed("French", Position(u64::MAX - 1), 1, Duration::from_millis(5));
        assert!(page.unwrap().items.is_empty());
        read(&db, long)
    });
    std::thread::sleep(Duration::from_millis(50));
    story.say(1, "DE");
    story.say(2, "FR");
    let items = waiting.join().unwrap();
    assert_eq!(items.len(), 1);
    assert!(items[0].entered && items[0].traits == [Some("FR".to_owned())], "{items:?}");
}

#[test]
fn what_cannot_be_asked_of_groups_says_why() {
    let story = Story::new();
    let session = session(story.db());
    let kind = |found: navedb::Result<Position>| found.unwrap_err().kind();
    assert_eq!(kind(session.create_group("Frensh", "mail", Position(0))), ErrorKind::NotFound);
    assert_eq!(kind(session.create_group("French", "", Position(0))), ErrorKind::Invalid);
    session.create_group("French", "mail", Position(0)).unwrap();
    assert_eq!(kind(session.create_group("French", "mail", Position(0))), ErrorKind::Invalid);
    let none = session.read_group("French", ("post", "one"), 1, Duration::ZERO).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    session.drop_group("French", "mail").unwrap();
    assert_eq!(view(story.db()).pending("French", "mail").unwrap_err().kind(), ErrorKind::NotFound);
}
