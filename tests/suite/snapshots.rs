//! Readers beside a writer: a view answers the same for as long as it is held, whatever is written, joined, withdrawn,
//! checkpointed and merged meanwhile, on a real folder, whose files are removed under their readers, and in memory.

use crate::rng::{Rng, full, scale, seeds};
use crate::scratch::Scratch;
use crate::store::{self, session};
use navedb::dir::{Dir, DiskDir, MemoryDir};
use navedb::{
    At, Batch, Db, ErrorKind, Input, Level, LoadRequest, MembersRequest, Position, Record,
    RecordKind, Retraction, Session, Settings, Timestamp, Value, View,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const READERS: u64 = 3;
/// Views that a reader holds at a time.
const HELD: usize = 6;

const AUDIENCES: [&str; 8] = [
    "p.country = 'FR' AND p.age BETWEEN 20 AND 40",
    "p.country IN ('DE', 'IT') OR NOT 'vip' = ANY(p.tags)",
    "p.country LIKE 'F%' OR p.age IS NULL",
    "has_identifier('email') AND p.age > 10",
    "(SELECT count(*) FROM purchase e WHERE e.amount > 20) >= 2",
    "(SELECT sum(e.amount) FROM purchase e JOIN product d ON d.id = e.product WHERE d.price > 3) > 50",
    "EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '20 days') AND p.age < 70",
    "funnel(INTERVAL '9 days', (SELECT 1 FROM visit s1), (SELECT 1 FROM purchase s2))",
];
const TABLES: [&str; 3] = [
    "SELECT p.country, count(*), sum(p.age) FROM profiles p GROUP BY p.country",
    "SELECT p.profile_id, p.age FROM profiles p ORDER BY p.age DESC LIMIT 9",
    "SELECT count(*), avg(p.age), min(p.age), max(p.age) FROM profiles p WHERE p.country <> 'FR'",
];
/// Other questions: digest, counts of everything, members, plan, a past time, and of one person the profile, the
/// timeline, the reasons and a record.
const OTHERS: usize = 9;
const QUESTIONS: usize = AUDIENCES.len() + TABLES.len() + OTHERS;

/// An answer as text. `person` is whom to ask for.
fn ask(view: &View, question: usize, person: u64) -> String {
    let user = format!("u{person}");
    if let Some(text) = AUDIENCES.get(question) {
        return format!("{:?} {}", view.count(text, At::Latest), view.clock());
    }
    if let Some(text) = TABLES.get(question - AUDIENCES.len()) {
        return format!("{:?}", view.query(text, At::Latest).unwrap());
    }
    match question - AUDIENCES.len() - TABLES.len() {
        0 => view.digest().unwrap(),
        1 => {
            let mut stats = view.stats().unwrap();
            // These are of the store, not of the view.
            (stats.durable, stats.log_bytes, stats.derived_bytes) = (Position(0), 0, 0);
            format!("{stats:?}")
        }
        2 => {
            let select = ["country", "age", "tags"].map(str::to_owned).to_vec();
            let with = Some("email".to_owned());
            let request = MembersRequest { select, with, limit: 15, after: None };
            let first = view.members_page(AUDIENCES[0], &request, At::Latest).unwrap();
            let request = MembersRequest { after: first.next, ..request };
            format!("{first:?} {:?}", view.members_page(AUDIENCES[0], &request, At::Latest))
        }
        3 => {
            let mut explained = view.explain(AUDIENCES[4], At::Latest).unwrap();
            // How long it took is no answer.
            explained.steps.iter_mut().for_each(|step| step.nanos = None);
            format!("{explained:?}")
        }
        4 => {
            let at = At::AsOf(Timestamp(store::NOON - 12 * 86_400_000_000));
            format!("{:?} {:?}", view.count(AUDIENCES[0], at), view.count(AUDIENCES[4], at))
        }
        5 => format!("{:?}", view.profile("user_id", &user).unwrap()),
        6 => format!("{:?}", view.timeline("user_id", &user).unwrap()),
        7 => format!("{:?}", view.explain_profile("user_id", &user).unwrap()),
        _ => format!("{:?}", view.record("crm", &format!("m{person}")).unwrap()),
    }
}

/// The number that the last batch told, which every batch raises.
fn beat(view: &View) -> i64 {
    let Some(profile) = view.profile("user_id", "beacon").unwrap() else { return 0 };
    let Value::Integer(beat) = profile.traits[0].value else { panic!("{profile:?}") };
    beat
}

/// A view that is held, with what it answered when it was taken.
struct Held {
    view: View,
    person: u64,
    answers: Vec<String>,
}

impl Held {
    fn take(view: View, person: u64) -> Held {
        let answers = (0..QUESTIONS).map(|question| ask(&view, question, person)).collect();
        Held { view, person, answers }
    }

    fn again(&self, question: usize) {
        let now = ask(&self.view, question, self.person);
        let position = self.view.position();
        assert_eq!(now, self.answers[question], "question {question} of the view at {position}");
    }
}

/// What the threads tell each other.
#[derive(Default)]
struct Shared {
    /// The position of the last batch that was acknowledged, and its number.
    position: AtomicU64,
    beat: AtomicU64,
    people: AtomicU64,
    done: AtomicBool,
}

impl Shared {
    fn written(&self) -> (Position, i64) {
        let beat = self.beat.load(Ordering::Acquire);
        (Position(self.position.load(Ordering::Acquire)), beat as i64)
    }
}

/// Sets `done` whatever becomes of the writer, so that the readers end.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Release);
    }
}

/// Takes views and asks them again and again; gives those that it holds at the end.
fn read(session: &Session, shared: &Shared, seed: u64) -> Vec<Held> {
    let mut rng = Rng::new(seed);
    let mut held: Vec<Held> = Vec::new();
    let (mut newest, mut asked) = (Position(0), 0_u64);
    while !shared.done.load(Ordering::Acquire) || asked < 100 {
        if held.len() < HELD || rng.one_in(10) {
            let (position, number) = shared.written();
            let view = session.at_least(position).expect("what was acknowledged is there");
            assert!(view.position() >= newest, "{} after {newest}", view.position());
            assert!(beat(&view) >= number, "a view without what was acknowledged");
            newest = view.position();
            let person = rng.next() % shared.people.load(Ordering::Acquire).max(1);
            let place = rng.below(HELD);
            let taken = Held::take(view, person);
            match held.get_mut(place) {
                Some(slot) => *slot = taken,
                None => held.push(taken),
            }
        }
        let view = rng.below(held.len());
        held[view].again(rng.below(QUESTIONS));
        asked += 1;
    }
    held.iter().for_each(|held| (0..QUESTIONS).for_each(|question| held.again(question)));
    held
}

/// The one who writes.
struct Town<'a> {
    db: &'a Db,
    shared: &'a Shared,
    rng: Rng,
    said: u64,
    people: u64,
    beat: i64,
    /// Message ids that were withdrawn and may be told anew.
    free: Vec<u64>,
}

impl Town<'_> {
    fn time(&mut self) -> Timestamp {
        Timestamp(store::NOON - self.rng.between(0, 40 * 86_400) * 1_000_000)
    }

    fn someone(&mut self) -> u64 {
        // Mostly the newest, so that joins make small groups.
        let back = if self.rng.one_in(4) { self.people } else { self.people.min(12) };
        self.people - 1 - self.rng.next() % back
    }

    fn message(&mut self) -> Record {
        let time = self.time();
        let number = match self.free.pop() {
            Some(number) if self.rng.one_in(2) => number,
            _ => {
                self.said += 1;
                self.said
            }
        };
        let kind = if self.people < 3 { 0 } else { self.rng.below(12) };
        let (age, country) = (self.rng.between(0, 99), *self.rng.pick(&["FR", "DE", "IT", "Fès"]));
        let body = match kind {
            0..3 => {
                self.people += 1;
                let n = self.people - 1;
                let tags = *self.rng.pick(&[r#"["vip"]"#, r#"["new","vip"]"#, "[]"]);
                format!(
                    r#""type":"identify","userId":"u{n}","traits":{{"country":"{country}","age":{age},"tags":{tags}}}"#
                )
            }
            3..5 => {
                let (n, age) =
                    (self.someone(), if age < 20 { "null".into() } else { age.to_string() });
                format!(r#""type":"identify","userId":"u{n}","traits":{{"age":{age}}}"#)
            }
            5 => {
                let (n, other) = (self.someone(), self.someone());
                format!(
                    r#""type":"identify","identifiers":{{"user_id":["u{n}","u{other}"],"email":"e{n}@x.org"}}"#
                )
            }
            6 => format!(
                r#""type":"entity","entity":"product","id":"p{}","traits":{{"price":{}.5}}"#,
                age % 7,
                age % 9
            ),
            7..9 => format!(
                r#""type":"track","userId":"u{}","event":"visit","properties":{{"page":"{age}"}}"#,
                self.someone()
            ),
            _ => format!(
                r#""type":"track","userId":"u{}","event":"purchase","properties":{{"amount":{age}.25,"product":"p{}"}}"#,
                self.someone(),
                age % 7
            ),
        };
        let json = format!(r#"{{"messageId":"m{number}","timestamp":"{time}",{body}}}"#);
        Record::message("crm", json)
    }

    fn write(&mut self, size: usize) {
        self.beat += 1;
        let time = Timestamp(store::NOON - 1_000_000_000_000 + self.beat);
        let beacon = format!(
            r#"{{"type":"identify","userId":"beacon","timestamp":"{time}","traits":{{"beat":{}}}}}"#,
            self.beat
        );
        let mut batch = Batch::new().record(Record::message("clock", beacon));
        for _ in 1..size {
            batch = batch.record(self.message());
        }
        let level = if self.rng.one_in(20) { Level::Group } else { Level::Memory };
        let receipt = session(self.db).write(batch.level(level)).unwrap();
        assert!(receipt.broken.is_empty(), "{receipt:?}");
        self.shared.position.store(receipt.position.0, Ordering::Release);
        self.shared.beat.store(self.beat as u64, Ordering::Release);
        self.shared.people.store(self.people, Ordering::Release);
        let view = session(self.db).at_least(receipt.position).unwrap();
        assert_eq!(beat(&view), self.beat, "a write that its own writer does not see");
    }

    /// Withdraws a record; its message id is then free.
    fn retract(&mut self) {
        let number = 1 + self.rng.next() % self.said.max(1);
        let what = Retraction::Record { source: "crm".into(), message_id: format!("m{number}") };
        match session(self.db).retract(&what) {
            Ok(receipt) => {
                self.shared.position.store(receipt.position.0, Ordering::Release);
                self.free.push(number);
            }
            Err(e) => assert_eq!(e.kind(), ErrorKind::NotFound, "{e}"),
        }
    }

    fn load(&mut self) {
        let first = self.people;
        self.people += 40;
        let rows: Vec<String> = (first..self.people)
            .map(|n| format!("u{n},{},{}", self.rng.pick(&["FR", "DE"]), self.rng.between(1, 90)))
            .collect();
        let bytes = format!("user,country,age\n{}\n", rows.join("\n")).into_bytes();
        let mut request = LoadRequest::new("file", RecordKind::Identify);
        request.inputs.push(Input::Bytes { name: format!("from {first}.csv"), bytes });
        request.ids.push(("user_id".into(), "user".into()));
        let report = self.db.load(&request).unwrap();
        assert_eq!(report.files[0].written, 40);
        self.shared.position.store(report.position.0, Ordering::Release);
    }

    fn live(&mut self, checkpoints: u64) {
        let _done = Done(self.shared);
        let rare = if full() { 800 } else { 30 };
        for _ in 0..checkpoints {
            for _ in 0..2 + self.rng.below(10) {
                let size = *self.rng.pick(&[1, 1, 1, 1, 3, 64]);
                self.write(size);
            }
            if self.rng.one_in(rare) {
                self.retract();
            }
            if self.rng.one_in(rare) {
                self.load();
            }
            let position = self.db.checkpoint().unwrap();
            assert!(session(self.db).at_least(position).is_ok());
        }
    }
}

/// On every other seed a thread merges.
fn settings(seed: u64) -> Settings {
    let merge_thread = seed.is_multiple_of(2);
    Settings { log_file_bytes: 1 << 16, keys_in_memory: 200, merge_thread, ..Settings::default() }
}

/// A writer and readers, until there were so many checkpoints; then what is held must outlive the store.
fn together(dir: &Arc<dyn Dir>, checkpoints: u64, seed: u64) {
    let db = Db::open_with(Arc::clone(dir), store::clock(store::NOON), settings(seed)).unwrap();
    let shared = Shared::default();
    let rng = Rng::new(seed);
    let mut town =
        Town { db: &db, shared: &shared, rng, said: 0, people: 0, beat: 0, free: Vec::new() };
    town.write(128);
    let held = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (session, shared) = (session(&db), &shared);
                scope.spawn(move || read(&session, shared, seed ^ (reader << 32)))
            })
            .collect();
        town.live(checkpoints);
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    let last = Held::take(session(&db).view(), 1);
    let next = Position(last.view.position().0 + 1);
    let error = session(&db).at_least(next).err().map(|e| e.kind());
    assert_eq!(error, Some(ErrorKind::NotFound), "nothing was written there");
    db.close().unwrap();
    for view in held.iter().chain([&last]) {
        (0..QUESTIONS).for_each(|question| view.again(question));
    }
    drop(held);
    let named = dir.list("derived").unwrap();
    let parts: Vec<&String> = named.iter().filter(|name| name.starts_with("part-")).collect();
    let made: u64 = parts.last().unwrap()[5..15].parse().unwrap();
    assert!(made > checkpoints && parts.len() < 24, "{made} files were made, there are {parts:?}");
    assert_eq!(navedb::check(Arc::clone(dir)).unwrap().damage, Vec::<String>::new());
    let db = Db::open_with(Arc::clone(dir), store::clock(store::NOON), settings(seed)).unwrap();
    assert_eq!(session(&db).view().digest().unwrap(), last.answers[AUDIENCES.len() + TABLES.len()]);
}

#[test]
fn a_past_time_is_asked_of_an_old_view_whatever_files_the_log_has_since() {
    let db = store::open_with(MemoryDir::new(), store::small()).unwrap();
    let day = |n: u64| format!("2024-03-{:02}T00:00:00Z", 1 + n % 28);
    let say = |n: u64| {
        let traits = format!(r#"{{"age":{n}}}"#);
        store::say(
            &db,
            "crm",
            &store::identify(&format!("u{n}"), &format!("m{n}"), &day(n), &traits),
        );
    };
    (0..30).for_each(say);
    let at = At::AsOf(Timestamp::parse("2024-03-10T12:00:00Z").unwrap());
    let old = session(&db).view();
    assert_eq!(old.count("p.age >= 0", at), Ok(12));
    (30..400).for_each(say);
    assert_eq!(session(&db).view().count("p.age = 30", at), Ok(1), "the newest was asked last");
    assert_eq!(old.count("p.age >= 0", at), Ok(12));
}

#[test]
fn views_on_a_folder_never_change() {
    for seed in seeds(4_100, scale(1, 2)) {
        let scratch = Scratch::new();
        let dir: Arc<dyn Dir> = Arc::new(DiskDir::new(scratch.path("data")));
        together(&dir, scale(20, 2_000), seed);
    }
}

#[test]
fn views_in_memory_never_change() {
    for seed in seeds(4_201, scale(1, 2)) {
        let dir: Arc<dyn Dir> = Arc::new(MemoryDir::new());
        together(&dir, scale(20, 2_000), seed);
    }
}
