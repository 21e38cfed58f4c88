//! Random audiences: the engine and the oracle give the same members, whatever happened to the store in between.

use crate::ast::{self, Predicate};
use crate::evaluate;
use crate::generator::{self, Records, Schema, moment};
use crate::oracle::{Draft, Fate, Golden, Oracle, Person, World};
use crate::questions::{Questions, smaller};
use crate::rng::{Rng, scale, seeds};
use crate::store;
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    At, Batch, Db, Level, Profile, Record, Retraction, Settings, TimelineEvent, Timestamp, Value,
    View,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store with the oracle that heard the same.
struct Case {
    seed: u64,
    schema: Schema,
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    now: i64,
    oracle: Oracle,
}

/// One question with what the oracle says.
struct Question {
    predicate: Predicate,
    text: String,
    statement: String,
    at: At,
    expected: Vec<String>,
    /// The public ids that are known; any other stands for `NOBODY_KNOWS`.
    known: Arc<BTreeSet<String>>,
}

/// Stands for the public id of a profile that could not be asked for.
const NOBODY_KNOWS: &str = "?";

impl Question {
    /// Members with the ids that nobody knows made equal.
    fn blurred(&self, members: Vec<String>) -> Vec<String> {
        let blur = |id: String| if self.known.contains(&id) { id } else { NOBODY_KNOWS.to_owned() };
        let mut blurred: Vec<String> = members.into_iter().map(blur).collect();
        blurred.sort();
        blurred
    }
}

fn known_ids(world: &World) -> Arc<BTreeSet<String>> {
    let ids = world.people.iter().map(|p| p.id.clone());
    Arc::new(ids.filter(|id| id != NOBODY_KNOWS).collect())
}

impl Case {
    fn open(&self) -> Db {
        let settings =
            Settings { keys_in_memory: 32, log_file_bytes: 16 << 10, ..Settings::default() };
        Db::open_with(Arc::new(self.disk.clone()), self.clock.clone(), settings).unwrap()
    }

    fn advance(&mut self, micros: i64) {
        self.now += micros;
        self.clock.set(Timestamp(self.now));
    }

    /// Writes a batch and compares the receipt with what the oracle makes of it.
    fn write(&mut self, db: &Db, drafts: &[Draft]) {
        let mut batch = Batch::new().level(Level::Memory);
        let mut fates = Vec::new();
        for draft in drafts {
            batch = batch.record(Record::message(draft.source.clone(), draft.json.clone()));
            fates.push(self.oracle.say(draft, self.now));
        }
        let receipt = store::session(db).write(batch).unwrap();
        let count = |fate: Fate| fates.iter().filter(|f| **f == fate).count() as u64;
        let got =
            (receipt.written, receipt.duplicates, receipt.conflicts, receipt.broken.len() as u64);
        let expected = (
            count(Fate::Written),
            count(Fate::Duplicate),
            count(Fate::Conflict),
            count(Fate::Broken),
        );
        let messages: Vec<&String> = drafts.iter().map(|d| &d.json).collect();
        assert_eq!(got, expected, "seed {}: receipt of {messages:#?}", self.seed);
    }

    /// Says everything: the defining records one by one, the others in batches, some twice, some contradicting.
    fn fill(&mut self, rng: &mut Rng, db: &Db) {
        let schema = self.schema.clone();
        let people = 4 + rng.below(24);
        let count = 20 + rng.below(120);
        let mut records = Records::new(rng, &schema, people);
        for draft in records.first() {
            self.write(db, std::slice::from_ref(&draft));
        }
        let mut said: Vec<Draft> = Vec::new();
        let mut checkpoint = count / 2;
        while said.len() < count {
            let mut drafts = Vec::new();
            for _ in 0..1 + records.rng.below(20) {
                let known = (!said.is_empty()).then(|| records.rng.pick(&said).clone());
                let draft = match known.filter(|d| d.message_id.is_some()) {
                    Some(known) if records.rng.one_in(12) => known,
                    Some(known) if records.rng.one_in(25) => records.contradicting(&known),
                    _ => {
                        let draft = records.another();
                        said.push(draft.clone());
                        draft
                    }
                };
                drafts.push(draft);
            }
            self.advance(records.rng.between(0, 600_000_000));
            self.write(db, &drafts);
            if said.len() >= checkpoint {
                checkpoint = usize::MAX;
                db.checkpoint().unwrap();
            }
        }
        self.retract_some(rng, db, &said);
    }

    fn retract_some(&mut self, rng: &mut Rng, db: &Db, said: &[Draft]) {
        for _ in 0..rng.below(4) {
            let draft = rng.pick(said);
            let Some(message_id) = draft.message_id.clone() else { continue };
            // What becomes of a contradicting record when its rival is withdrawn is another test's business.
            let rivals =
                |(source, id): &&(String, String)| *source == draft.source && *id == message_id;
            if self.oracle.messages().iter().filter(rivals).count() != 1
                || self.oracle.contested(draft)
            {
                continue;
            }
            assert!(self.oracle.retract(&draft.source, &message_id));
            let what = Retraction::Record { source: draft.source.clone(), message_id };
            let _ = store::session(db).retract(&what).unwrap();
            if rng.one_in(3) {
                self.write(db, std::slice::from_ref(draft));
            }
        }
    }

    /// The profiles as the oracle sees them, with the engine's public ids filled in.
    fn world(&self, view: &View) -> World {
        let mut world = self.oracle.world(None);
        for person in &mut world.people {
            let id = |(namespace, value): &(String, String)| {
                let found = view.profile(namespace, value).unwrap();
                found.unwrap_or_else(|| panic!("seed {}: no {namespace} {value}", self.seed)).id
            };
            let ids: BTreeSet<String> = person.identifiers.keys().map(id).collect();
            let who = &person.identifiers;
            assert_eq!(ids.len(), 1, "seed {}: {who:?} are one profile", self.seed);
            person.id = ids.into_iter().next().unwrap();
        }
        world
    }

    /// The profiles as of a moment. Their public ids are asked for through a message that each sent; of those who
    /// sent none that can be named, only the number is compared.
    fn hidden_world(&self, view: &View, until: i64) -> World {
        let mut world = self.oracle.world(Some(until));
        for person in &mut world.people {
            let mut messages = person
                .events
                .iter()
                .flat_map(|(name, all)| all.iter().map(move |e| (name, &e.source, &e.message_id)));
            let named = messages.find_map(|(name, source, id)| Some((name, source, id.as_ref()?)));
            person.id = named.map_or_else(
                || NOBODY_KNOWS.to_owned(),
                |(name, source, id)| {
                    let table = name.replace('"', "\"\"");
                    let text = format!(
                        "EXISTS (SELECT 1 FROM \"{table}\" e WHERE e.message_id = '{id}' AND e.source = '{source}')"
                    );
                    let sent = view.members(&text, At::AsOf(Timestamp(until))).unwrap();
                    assert_eq!(sent.len(), 1, "seed {}: as of {until}, one sent {id}", self.seed);
                    sent.into_iter().next().unwrap()
                },
            );
        }
        world
    }

    /// Compares profiles, timelines and counts with those of the oracle.
    fn compare_profiles(&self, view: &View, world: &World) {
        let seed = self.seed;
        let ids: BTreeSet<&String> = world.people.iter().map(|p| &p.id).collect();
        assert_eq!(ids.len(), world.people.len(), "seed {seed}: profiles share a public id");
        let stats = view.stats().unwrap();
        assert_eq!(stats.profiles, world.people.len() as u64, "seed {seed}: number of profiles");
        let quarantined: u64 = stats.quarantine.iter().map(|(_, count)| count).sum();
        let expected = self.oracle.quarantined() + world.quarantined_values;
        assert_eq!(quarantined, expected, "seed {seed}: {:?}", stats.quarantine);
        for person in &world.people {
            let (namespace, value) = person.identifiers.keys().next().unwrap();
            let profile = view.profile(namespace, value).unwrap().unwrap();
            let mut golden: Vec<Golden> = person.traits.values().cloned().collect();
            golden.sort_by(|a, b| a.name.cmp(&b.name));
            assert_eq!(
                golden_of(&profile),
                golden,
                "seed {seed}: golden record of {namespace} {value}"
            );
            let seen: Vec<_> = profile
                .identifiers
                .iter()
                .map(|i| ((i.namespace.clone(), i.value.clone()), i.first_seen.0))
                .collect();
            let expected: Vec<_> = person.identifiers.clone().into_iter().collect();
            assert_eq!(seen, expected, "seed {seed}: identifiers of {namespace} {value}");
            let timeline = view.timeline(namespace, value).unwrap().unwrap();
            assert!(
                timeline.is_sorted_by_key(|e| e.time),
                "seed {seed}: the timeline is not in order"
            );
            let (got, expected) = (told(&timeline), happened(person));
            assert_eq!(got, expected, "seed {seed}: timeline of {namespace} {value}");
        }
    }

    fn questions(&self, rng: &mut Rng, view: &View, count: u64) -> Vec<Question> {
        let moments: Vec<i64> = (0..3).map(|_| moment(rng, self.schema.base)).collect();
        let mut worlds = vec![self.world(view)];
        worlds.extend(moments.iter().map(|until| self.hidden_world(view, *until)));
        let known: Vec<Arc<BTreeSet<String>>> = worlds.iter().map(known_ids).collect();
        let messages: Vec<String> = self.oracle.messages().into_iter().map(|m| m.1).collect();
        let properties = |event: &str| self.schema.properties_of(event);
        let mut questions = Vec::new();
        for _ in 0..count {
            let moment = rng.below(3);
            let (at, world, now) = match rng.below(3) {
                0 => (At::Latest, 0, self.now),
                1 => (At::Now(Timestamp(moments[moment])), 0, moments[moment]),
                _ => (At::AsOf(Timestamp(moments[moment])), 1 + moment, moments[moment]),
            };
            let ids: Vec<String> = known[world].iter().cloned().collect();
            let predicate = Questions::new(rng, &self.schema, &ids, &messages).ask();
            let expected = evaluate::members(&worlds[world], &predicate, now);
            let text = ast::write(rng, &predicate, false, &properties);
            let statement = ast::write(rng, &predicate, true, &properties);
            let known = Arc::clone(&known[world]);
            questions.push(Question { predicate, text, statement, at, expected, known });
        }
        questions
    }

    /// Asks everything; a wrong answer is reported with the smallest audience that shows it.
    fn ask(&self, view: &View, questions: &[Question], phase: &str) {
        let seed = self.seed;
        for (number, question) in questions.iter().enumerate() {
            let Question { text, at, expected, .. } = question;
            let here = format!("NAVE_SEED={seed}, question {number}, {phase}, {at:?}\n{text}\n");
            let members =
                view.members(text, *at).unwrap_or_else(|e| panic!("{here}{e} at {:?}", e.place()));
            if question.blurred(members.clone()) != *expected {
                let small = self.shrink(view, question);
                panic!("{here}expected {expected:?}\ngot      {members:?}\nsmallest: {small}");
            }
            let count = view.count(text, *at).unwrap();
            assert_eq!(count, expected.len() as u64, "{here}");
            let statement = view.count(&question.statement, *at);
            let statement =
                statement.unwrap_or_else(|e| panic!("{here}{}\n{e}", question.statement));
            assert_eq!(statement, count, "{here}{}", question.statement);
            if number % 4 == 0 {
                let explained = view.explain(text, *at).unwrap();
                assert_eq!(explained.count, count, "{here}{explained:?}");
                let whole = view.count(&explained.text, *at);
                assert_eq!(whole, Ok(count), "{here}the whole question: {}", explained.text);
            }
        }
    }

    /// The smallest part of an audience that the engine still answers wrongly.
    fn shrink(&self, view: &View, question: &Question) -> String {
        let (world, now) = match question.at {
            At::Latest => (self.world(view), self.now),
            At::Now(now) => (self.world(view), now.0),
            At::AsOf(now) => (self.hidden_world(view, now.0), now.0),
        };
        let properties = |event: &str| self.schema.properties_of(event);
        let text = |p: &Predicate| ast::write(&mut Rng::new(2), p, false, &properties);
        let wrong = |p: &Predicate| {
            let members = view.members(&text(p), question.at);
            members.is_ok_and(|m| question.blurred(m) != evaluate::members(&world, p, now))
        };
        let mut smallest = question.predicate.clone();
        while let Some(next) = smaller(&smallest).into_iter().find(wrong) {
            smallest = next;
        }
        let got = view.members(&text(&smallest), question.at);
        format!(
            "{}\nexpected {:?}\ngot {got:?}",
            text(&smallest),
            evaluate::members(&world, &smallest, now)
        )
    }
}

fn golden_of(profile: &Profile) -> Vec<Golden> {
    let mut golden: Vec<Golden> = profile
        .traits
        .iter()
        .map(|t| Golden {
            name: t.name.clone(),
            value: t.value.clone(),
            time: t.time.0,
            source: t.source.clone(),
        })
        .collect();
    golden.sort_by(|a, b| a.name.cmp(&b.name));
    golden
}

/// An event with what makes it this one, to compare lists of events in which ties stand in any order.
type EventKey = (i64, String, String, Vec<String>);

/// A value as text, the same for equal values.
fn shown(value: &Value) -> String {
    match value {
        Value::Decimal(decimal) => format!("decimal {}", decimal.normalized()),
        other => format!("{other:?}"),
    }
}

fn told(timeline: &[TimelineEvent]) -> Vec<EventKey> {
    let property =
        |(name, value): &(String, Value)| format!("{} {}", name.to_lowercase(), shown(value));
    let mut events: Vec<EventKey> = timeline
        .iter()
        .map(|e| {
            let mut properties: Vec<String> = e.properties.iter().map(property).collect();
            properties.sort();
            (e.time.0, e.event.to_lowercase(), e.source.clone(), properties)
        })
        .collect();
    events.sort();
    events
}

fn happened(person: &Person) -> Vec<EventKey> {
    let mut events = Vec::new();
    for (name, all) in &person.events {
        for event in all {
            let mut properties: Vec<String> = event
                .properties
                .iter()
                .map(|(name, value)| format!("{name} {}", shown(value)))
                .collect();
            properties.sort();
            events.push((event.time, name.clone(), event.source.clone(), properties));
        }
    }
    events.sort();
    events
}

/// One store from a seed through its whole life; says how many answers were neither nobody nor everybody.
fn run(seed: u64, count: u64) -> u64 {
    let mut rng = Rng::new(seed);
    let schema = generator::schema(&mut rng);
    let now = schema.base - 6 * 3_600_000_000;
    let mut case = Case {
        seed,
        schema,
        disk: MemoryDir::new(),
        clock: store::clock(now),
        now,
        oracle: Oracle::default(),
    };
    let db = case.open();
    case.fill(&mut rng, &db);
    let view = store::view(&db);
    assert_eq!(view.clock().0, case.now, "seed {seed}: the clock of the snapshot");
    let world = case.world(&view);
    case.compare_profiles(&view, &world);
    let questions = case.questions(&mut rng, &view, count);
    case.ask(&view, &questions, "live");
    let digest = view.digest().unwrap();
    db.checkpoint().unwrap();
    case.ask(&store::view(&db), &questions, "after a checkpoint");
    db.close().unwrap();
    let db = case.open();
    assert_eq!(db.open_report().replayed, 0, "seed {seed}: a clean close leaves nothing to replay");
    let view = store::view(&db);
    assert_eq!(view.digest().unwrap(), digest, "seed {seed}: digest after opening");
    case.ask(&view, &questions, "after opening");
    drop((view, db));
    navedb::rebuild(Arc::new(case.disk.clone()), case.clock.clone(), Settings::default()).unwrap();
    let db = case.open();
    let view = store::view(&db);
    assert_eq!(view.digest().unwrap(), digest, "seed {seed}: digest after a rebuild");
    case.compare_profiles(&view, &world);
    case.ask(&view, &questions, "after a rebuild");
    let everybody = world.people.len();
    questions.iter().filter(|q| !q.expected.is_empty() && q.expected.len() < everybody).count()
        as u64
}

#[test]
fn random_audiences_equal_the_oracle() {
    let (stores, count) = (scale(100, 400), 50);
    let seeds = seeds(1, stores);
    let (next, telling) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    telling.fetch_add(run(*seed, count), Ordering::SeqCst);
                }
            });
        }
    });
    let (asked, telling) = (seeds.len() as u64 * count, telling.into_inner());
    println!(
        "{asked} audiences over {} stores, each in four states; {telling} tell people apart",
        seeds.len()
    );
    assert!(
        seeds.len() == 1 || telling * 3 > asked,
        "only {telling} of {asked} audiences tell people apart"
    );
}
