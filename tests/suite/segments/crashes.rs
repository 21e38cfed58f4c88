//! Segments on a disk that fails at any call: after the crash members and feeds are right for what is left.

use super::{Story, settings};
use crate::rng::{scale, seeds};
use crate::store::{session, view};
use navedb::dir::{Crash, Fault, FaultDir, FaultPlan};
use navedb::{Db, Level};
use std::sync::Arc;

const FAULTS: [Fault; 4] = [Fault::Stop, Fault::Fail, Fault::FailForever, Fault::Tear];

impl Story {
    /// Goes on with a disk that fails at one of the next calls, until it did or nothing happened for long; then the
    /// power goes. Says whether the call was met.
    fn fail(&mut self) -> bool {
        session(self.db()).wait(view(self.db()).position(), Level::Sync).unwrap();
        drop(self.db.take());
        let at = 1 + self.rng.below(40) as u64;
        let fault = *self.rng.pick(&FAULTS);
        let dir = FaultDir::new(self.disk.clone(), Some(FaultPlan { at, fault }));
        self.faulty = true;
        let opened = Db::open_with(Arc::new(dir.clone()), self.clock.clone(), settings());
        if let Some(db) = self.done(opened) {
            self.db = Some(db);
            for _ in 0..12 {
                if self.failed {
                    break;
                }
                self.step();
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
