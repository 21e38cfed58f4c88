//! Segments on a disk that fails at any call: after the crash members and feeds are right for what is left.

use super::{Story, settings};
use crate::rng::{Rng, scale, seeds};
use crate::store;
use crate::store::{session, view};
use navedb::dir::MemoryDir;
use navedb::dir::{Crash, Fault, FaultDir, FaultPlan};
use navedb::{Db, Input, Level, LoadRequest, Origin, Position, Reason, RecordKind, SegmentRule};
use std::collections::BTreeSet;
use std::sync::Arc;

const FAULTS: [Fault; 4] = [Fault::Stop, Fault::Fail, Fault::FailForever, Fault::Tear];

impl Story {
    /// Goes on with a disk that fails at one of the next calls, until it did or nothing happened for long; then the
    /// power goes. Says whether the call was met.
    fn fail(&mut self) -> bool {
        let durable = view(self.db()).position();
        session(self.db()).wait(durable, Level::Sync).unwrap();
        drop(self.db.take());
        let at = 1 + self.rng.below(40) as u64;
        let fault = *self.rng.pick(&FAULTS);
        let dir = FaultDir::new(self.disk.clone(), Some(FaultPlan { at, fault }));
        self.faulty = true;
        let mut gone = BTreeSet::new();
        let opened = Db::open_with(Arc::new(dir.clone()), self.clock.clone(), settings());
        if let Some(db) = self.done(opened) {
            self.db = Some(db);
            for _ in 0..12 {
                if self.failed {
                    break;
                }
                self.step();
                self.note_gone(&mut gone);
            }
        }
        self.log.push(format!("{fault:?} at call {at}"));
        drop(self.db.take());
        let how = match self.rng.below(3) {
            0 => Crash::KeepAll,
            1 => Crash::LoseUnsynced,
            _ => Crash::Tear { seed: self.rng.next() },
        };
        self.disk = dir.disk().crash(how);
        (self.faulty, self.failed) = (false, false);
        self.open();
        self.look_again();
        self.forget_profiles(durable, &gone);
        dir.calls() >= at
    }

    /// Takes what is left for the world; feeds are read from their beginning.
    fn look_again(&mut self) {
        let view = self.view();
        let there = |id: &&String| view.record("web", id).unwrap().is_some();
        let left = self.said.keys().filter(there).cloned();
        let left: Vec<String> = left.collect();
        self.world.facts = left
            .into_iter()
            .filter_map(|id| Some((id.clone(), self.said.get(&id)?.clone())))
            .collect();
        let segments = view.segments().into_iter();
        self.world.segments =
            segments.map(|known| (known.name, self.rules[&known.rule.audience].clone())).collect();
        self.told.clear();
    }
}

#[test]
fn members_and_feeds_are_right_for_what_a_crash_leaves() {
    let seeds = seeds(1, scale(40, 1000));
    let mut met = 0;
    for seed in &seeds {
        let mut story = Story::new(*seed);
        story.tell_profiles();
        for _ in 0..4 {
            for _ in 0..15 {
                story.step();
                story.hold();
            }
            met += usize::from(story.fail());
            story.hold();
        }
    }
    assert!(met >= 2 * seeds.len(), "{met} faults were met in {} stories", seeds.len());
}

/// How many people a file has.
const PEOPLE: usize = 30_000;

/// People of a file, so many that the log takes several frames of them.
fn people(origin: Origin) -> LoadRequest {
    let mut rng = Rng::new(4);
    let note = |rng: &mut Rng| format!("{:x}{:x}", rng.next(), rng.next());
    let rows = (0..PEOPLE).map(|n| format!("u{n},FR,{}", note(&mut rng)));
    let bytes = format!("user,country,note\n{}\n", rows.collect::<Vec<_>>().join("\n"));
    let mut request = LoadRequest::new("crm", RecordKind::Identify);
    request.inputs.push(Input::Bytes { name: "people.csv".into(), bytes: bytes.into_bytes() });
    request.ids.push(("user_id".into(), "user".into()));
    request.origin = origin;
    request
}

#[test]
fn what_a_load_wrote_before_it_died_is_told_as_what_it_is() {
    let mut partly = 0;
    for (number, at) in (1..40).step_by(4).enumerate() {
        let origin = [Origin::Live, Origin::History][number % 2];
        let disk = MemoryDir::new();
        let open = |dir: Arc<dyn navedb::dir::Dir>| {
            Db::open_with(dir, store::clock(store::NOON), settings())
        };
        let db = open(Arc::new(disk.clone())).unwrap();
        store::say(
            &db,
            "web",
            &store::identify("first", "m1", "2024-01-01T00:00:00Z", r#"{"country":"DE"}"#),
        );
        session(&db).define_segment("French", &SegmentRule::asking("p.country = 'FR'")).unwrap();
        if number % 3 == 0 {
            db.checkpoint().unwrap();
        }
        drop(db);
        let dir = FaultDir::new(disk.clone(), Some(FaultPlan { at, fault: Fault::Stop }));
        let died = open(Arc::new(dir.clone())).and_then(|db| db.load(&people(origin)));
        let left = dir.disk().crash(Crash::KeepAll);
        let db = open(Arc::new(left)).unwrap();
        let told = view(&db).feed("French", Position(0), 100_000).unwrap().items;
        assert_eq!(told.len() as u64, view(&db).segment_count("French").unwrap());
        for item in &told {
            let expected = (Reason::Event, origin);
            assert_eq!((item.reason, item.origin), expected, "died at {at}: {died:?}");
        }
        partly += usize::from(!told.is_empty() && told.len() < PEOPLE);
        db.load(&people(origin)).unwrap();
        let told = view(&db).feed("French", Position(0), 100_000).unwrap().items;
        assert_eq!(told.len(), PEOPLE);
        assert!(told.iter().all(|item| (item.reason, item.origin) == (Reason::Event, origin)));
    }
    assert!(partly > 1, "{partly} died within the load");
}
