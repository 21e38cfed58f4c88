//! Random audiences: the engine and the oracle give the same answers, whatever happened to the store in between.
//!
//! One story is told to three copies of an empty store, which keep it in different ways: in the overlay alone, in parts
//! that several checkpoints made, and half in parts and half in the overlay. All must answer one list of questions like
//! the oracle, and the first also after a checkpoint, after opening and after a rebuild.

mod asking;
mod history;
mod people;

use crate::rng::{Rng, scale, seeds};
use crate::store;
use asking::{List, Tally};
use history::{Stage, Story};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Asks a list of questions in every state of the stores of one story.
fn run(seed: u64, count: u64) -> Tally {
    let mut rng = Rng::new(seed);
    let story = Story::new(seed, &mut rng);
    let empty = Stage::new(&story);
    let mut stage = empty.copy();
    stage.first_half();
    let former = people::ids_of(&story.early, &store::view(stage.db()));
    stage.second_half();
    let view = store::view(stage.db());
    assert_eq!(view.clock().0, story.end, "seed {seed}: the clock of the snapshot");
    let mut now = people::world(&story, &view, None);
    people::remember(&mut now, &former);
    people::compare(&story, &view, &now);
    let list = List::new(&mut rng, &story, count, |until| match until {
        None => now.clone(),
        Some(_) => people::world(&story, &view, until),
    });
    let digest = view.digest().unwrap();
    let mut turn = 0;
    let mut ask = |stage: &Stage, state: &str| {
        let view = store::view(stage.db());
        assert_eq!(view.digest().unwrap(), digest, "seed {seed}: digest {state}");
        list.ask(&view, state, turn);
        turn += 1;
    };
    ask(&stage, "in the overlay alone");
    stage.db().checkpoint().unwrap();
    ask(&stage, "after a checkpoint");
    stage.reopen();
    ask(&stage, "after opening");
    stage.rebuild();
    ask(&stage, "after a rebuild");
    people::compare(&story, &store::view(stage.db()), &now);
    let mut stage = empty.copy();
    stage.with_checkpoints(6);
    ask(&stage, "after several checkpoints");
    people::compare(&story, &store::view(stage.db()), &now);
    if seed.is_multiple_of(2) {
        stage.reopen();
        ask(&stage, "after several checkpoints and opening");
    }
    let mut stage = empty.copy();
    stage.first_half();
    stage.db().checkpoint().unwrap();
    if seed.is_multiple_of(3) {
        stage.reopen();
    }
    stage.second_half();
    ask(&stage, "half in parts");
    people::compare(&story, &store::view(stage.db()), &now);
    list.tally()
}

#[test]
fn random_audiences_equal_the_oracle() {
    let (stories, count) = (scale(64, 420), 48);
    let seeds = seeds(1, stories);
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    let found = run(*seed, count);
                    tally.lock().unwrap().add(found);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:?} over {} stories, each in six states or seven", seeds.len());
    if seeds.len() > 1 {
        let Tally { asked, telling, faults, doubts, converted, currencies } = tally;
        assert!(telling * 3 > asked, "only {telling} of {asked} questions tell people apart");
        assert!(faults * 8 < asked, "{faults} of {asked} questions have no answer");
        assert!(doubts * 8 < asked, "{doubts} of {asked} questions may be refused");
        assert!(converted * 100 > asked, "{converted} of {asked} answers need a rate");
        assert!(currencies * 100 > asked, "{currencies} of {asked} mix currencies");
    }
}
