//! What was said to a store, and the ways in which the same may have come to be on disk.

use crate::generator::{self, Records, Schema};
use crate::oracle::{Draft, Fate, Oracle};
use crate::rng::Rng;
use crate::store;
use navedb::clock::ManualClock;
use navedb::dir::{Crash, MemoryDir};
use navedb::{Batch, Db, Level, Record, Retraction, Settings, Timestamp};
use std::sync::Arc;

#[derive(Debug, Clone)]
enum Step {
    /// A batch at an engine clock, with what becomes of each record.
    Write {
        clock: i64,
        drafts: Vec<Draft>,
        fates: Vec<Fate>,
    },
    Retract {
        source: String,
        message_id: String,
    },
}

/// Everything that was said, and the oracle that heard it.
pub struct Story {
    pub seed: u64,
    pub schema: Schema,
    start: i64,
    /// The clock at the end.
    pub end: i64,
    steps: Vec<Step>,
    pub oracle: Oracle,
    /// What the oracle knew after half of the steps.
    pub early: Oracle,
}

impl Story {
    /// Thinks of a story: the defining records one by one, the others in batches, some twice, some contradicting; then
    /// some are withdrawn, and some of these are said again.
    pub fn new(seed: u64, rng: &mut Rng) -> Story {
        let schema = generator::schema(rng);
        let start = schema.base - 6 * 3_600_000_000;
        let mut story = Story {
            seed,
            start,
            end: start,
            steps: Vec::new(),
            oracle: Oracle::default(),
            early: Oracle::default(),
            schema,
        };
        let schema = story.schema.clone();
        let people = 2 + rng.below(16);
        let count = 20 + rng.below(120);
        let mut records = Records::new(rng, &schema, people);
        for draft in records.first() {
            story.write(vec![draft]);
        }
        let mut said: Vec<Draft> = Vec::new();
        let mut half = Some(count / 2);
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
            story.end += records.rng.between(0, 600_000_000);
            story.write(drafts);
            if records.rng.one_in(6) {
                story.retract_some(records.rng, &said, 1);
            }
            if half.is_some_and(|half| said.len() >= half) {
                half = None;
                story.early = story.oracle.clone();
                story.steps.push(Step::Write { clock: story.end, drafts: vec![], fates: vec![] });
            }
        }
        let some = records.rng.below(4);
        story.retract_some(records.rng, &said, some);
        story
    }

    fn write(&mut self, drafts: Vec<Draft>) {
        let fates = drafts.iter().map(|draft| self.oracle.say(draft, self.end)).collect();
        self.steps.push(Step::Write { clock: self.end, drafts, fates });
    }

    fn retract_some(&mut self, rng: &mut Rng, said: &[Draft], count: usize) {
        for _ in 0..count {
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
            self.steps.push(Step::Retract { source: draft.source.clone(), message_id });
            if rng.one_in(3) {
                self.write(vec![draft.clone()]);
            }
        }
    }

    /// Where the first half ends: at a batch of nothing, which nobody writes.
    fn half(&self) -> usize {
        let nothing = |step: &Step| matches!(step, Step::Write { drafts, .. } if drafts.is_empty());
        self.steps.iter().position(nothing).expect("every story has a middle")
    }
}

/// A store to which a story is told.
pub struct Stage<'a> {
    story: &'a Story,
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Option<Db>,
}

impl<'a> Stage<'a> {
    /// An empty store. All stages of a story are copies of one, so that they give the same public ids.
    pub fn new(story: &'a Story) -> Stage<'a> {
        let stage =
            Stage { story, disk: MemoryDir::new(), clock: store::clock(story.start), db: None };
        stage.open().close().unwrap();
        stage
    }

    pub fn copy(&self) -> Stage<'a> {
        let clock = store::clock(self.story.start);
        let disk = self.disk.crash(Crash::KeepAll);
        let mut copy = Stage { story: self.story, disk, clock, db: None };
        copy.db = Some(copy.open());
        copy
    }

    fn settings() -> Settings {
        Settings { keys_in_memory: 32, log_file_bytes: 16 << 10, ..Settings::default() }
    }

    fn open(&self) -> Db {
        let disk = Arc::new(self.disk.clone());
        Db::open_with(disk, Arc::clone(&self.clock) as _, Stage::settings()).unwrap()
    }

    pub fn db(&self) -> &Db {
        self.db.as_ref().expect("the store is open")
    }

    /// The first half of the story.
    pub fn first_half(&self) {
        self.play(0, self.story.half());
    }

    pub fn second_half(&self) {
        self.play(self.story.half() + 1, self.story.steps.len());
    }

    /// The whole story, with a checkpoint after each of several parts.
    pub fn with_checkpoints(&self, parts: usize) {
        let count = self.story.steps.len();
        for part in 0..parts {
            self.play(count * part / parts, count * (part + 1) / parts);
            self.db().checkpoint().unwrap();
        }
    }

    pub fn reopen(&mut self) {
        self.db.take().expect("the store is open").close().unwrap();
        let db = self.open();
        let replayed = db.open_report().replayed;
        assert_eq!(replayed, 0, "seed {}: a clean close leaves nothing to replay", self.story.seed);
        self.db = Some(db);
    }

    pub fn rebuild(&mut self) {
        self.db = None;
        let clock = Arc::clone(&self.clock);
        navedb::rebuild(Arc::new(self.disk.clone()), clock, Stage::settings()).unwrap();
        self.db = Some(self.open());
    }

    fn play(&self, from: usize, to: usize) {
        for step in &self.story.steps[from..to] {
            match step {
                Step::Write { drafts, .. } if drafts.is_empty() => {}
                Step::Write { clock, drafts, fates } => {
                    self.clock.set(Timestamp(*clock));
                    self.write(drafts, fates);
                }
                Step::Retract { source, message_id } => {
                    let (source, message_id) = (source.clone(), message_id.clone());
                    let what = Retraction::Record { source, message_id };
                    let _ = store::session(self.db()).retract(&what).unwrap();
                }
            }
        }
    }

    /// Writes a batch and compares the receipt with what the oracle makes of it.
    fn write(&self, drafts: &[Draft], fates: &[Fate]) {
        let record = |draft: &Draft| Record::message(draft.source.clone(), draft.json.clone());
        let batch = drafts.iter().fold(Batch::new(), |batch, draft| batch.record(record(draft)));
        let receipt = store::session(self.db()).write(batch.level(Level::Memory)).unwrap();
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
        let broken = &receipt.broken;
        let seed = self.story.seed;
        assert_eq!(got, expected, "seed {seed}: receipt of {messages:#?}\n{broken:?}");
    }
}
