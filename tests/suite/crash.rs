//! The crash loop: every call to the disk fails in turn, in every way; then the power goes.
//!
//! What is found is exactly what was acknowledged, or a little more of what was sent, and nothing else.

use crate::rng::{Rng, asked_seed, full};
use crate::store::{self, NOON, view};
use crate::workload::{self, Progress};
use navedb::Level;
use navedb::dir::{Crash, Fault, FaultDir, FaultPlan, MemoryDir};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FAULTS: [Fault; 5] =
    [Fault::Stop, Fault::Fail, Fault::FailForever, Fault::Tear, Fault::Shorten];

fn crashes(at: u64) -> Vec<Crash> {
    let tears = if full() { 8 } else { 2 };
    let mut all = vec![Crash::KeepAll, Crash::LoseUnsynced];
    all.extend((0..tears).map(|k| Crash::Tear { seed: asked_seed().unwrap_or(0) + at * 100 + k }));
    all
}

/// The steps that must be there after a crash of a kind.
fn least(progress: &Progress, how: Crash) -> usize {
    if how == Crash::KeepAll { progress.os } else { progress.durable }
}

/// Opens what a crash left and looks at it; thoroughly, also rebuilds it and runs the whole workload again on it.
fn verify(disk: &MemoryDir, progress: &Progress, how: Crash, thorough: bool, here: &str) {
    let left = disk.crash(how);
    let db =
        workload::open(left.clone()).unwrap_or_else(|e| panic!("{here}: it does not open: {e}"));
    let seen = view(&db);
    workload::is_a_prefix(&seen, least(progress, how), progress.begun, here);
    let digest = seen.digest().unwrap();
    if !thorough {
        return;
    }
    drop((seen, db));
    let shared: Arc<dyn navedb::dir::Dir> = Arc::new(left.clone());
    navedb::rebuild(shared.clone(), store::clock(NOON), workload::settings()).unwrap();
    let db = workload::open(left.clone()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "{here}: rebuilding gives another state");
    drop(db);
    let again = workload::run(&left);
    assert_eq!(again.failed, None, "{here}: sending everything again");
    let report = navedb::check(shared).unwrap();
    assert_eq!(report.damage, Vec::<String>::new(), "{here}");
    // The power goes once more, so that what counted as known before is known to be on disk.
    let db = workload::open(left.crash(Crash::LoseUnsynced)).unwrap();
    assert_eq!(
        view(&db).digest().unwrap(),
        workload::last_digest(),
        "{here}: sending everything again loses nothing"
    );
}

/// Runs the workload with one fault and looks at all crashes after it; says whether the fault was met.
fn one(at: u64, fault: Fault, states: &AtomicU64) -> bool {
    let dir = FaultDir::new(MemoryDir::new(), Some(FaultPlan { at, fault }));
    let progress = workload::run(&dir);
    let met = dir.calls() >= at;
    if fault == Fault::Shorten || !met {
        assert_eq!(progress.failed, None, "{fault:?} at call {at}: a short write is allowed");
    }
    for (number, how) in crashes(at).into_iter().enumerate() {
        let here = format!("{fault:?} at call {at}, then {how:?} ({progress:?})");
        let thorough = full() || (at as usize + number).is_multiple_of(4);
        verify(dir.disk(), &progress, how, thorough, &here);
        states.fetch_add(1, Ordering::SeqCst);
    }
    met
}

fn calls_of_a_whole_run() -> u64 {
    let dir = FaultDir::new(MemoryDir::new(), None);
    assert_eq!(workload::run(&dir).failed, None);
    assert_eq!(
        view(&workload::open(dir.disk().crash(Crash::KeepAll)).unwrap()).digest().unwrap(),
        workload::last_digest()
    );
    dir.calls()
}

/// Does something for every number of a list, on two threads.
fn shared<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    work(item);
                }
            });
        }
    });
}

#[test]
fn every_call_fails_in_turn() {
    let calls = calls_of_a_whole_run();
    let all: Vec<(u64, Fault)> =
        (1..=calls).flat_map(|at| FAULTS.map(|fault| (at, fault))).collect();
    let states = AtomicU64::new(0);
    shared(&all, |(at, fault)| {
        let met = one(*at, *fault, &states);
        assert!(met, "{fault:?} at call {at} of {calls} was never met");
    });
    assert!(!one(calls + 1, Fault::Stop, &states), "the workload has an end");
    println!("{calls} calls, {} faults, {} states after a crash", all.len(), states.into_inner());
}

/// The process restarts without a loss of power: it reads from memory what a failed sync never brought to disk.
#[test]
fn after_a_failed_call_a_new_process_acknowledges_only_what_is_on_disk() {
    let calls = calls_of_a_whole_run();
    let all: Vec<u64> = (1..=calls).collect();
    shared(&all, |at| {
        let dir = FaultDir::new(MemoryDir::new(), Some(FaultPlan { at: *at, fault: Fault::Fail }));
        let first = workload::run(&dir);
        let second = workload::run(&dir);
        let here = format!("failure at call {at} ({first:?}), then once more");
        assert_eq!(second.failed, None, "{here}");
        let db = workload::open(dir.disk().crash(Crash::LoseUnsynced));
        let db = db.unwrap_or_else(|e| panic!("{here}: it does not open: {e}"));
        assert_eq!(view(&db).digest().unwrap(), workload::last_digest(), "{here}");
    });
}

/// The recovery from one crash is itself cut short at each of its calls.
#[test]
fn recovery_that_crashes_loses_nothing() {
    let calls = calls_of_a_whole_run();
    let mut rng = Rng::new(asked_seed().unwrap_or(31));
    let mut all: Vec<(u64, Fault, u64)> = (1..=calls)
        .flat_map(|at| [Fault::Stop, Fault::Fail, Fault::Tear].map(|f| (at, f, at)))
        .collect();
    rng.shuffle(&mut all);
    if !full() {
        all.truncate(25);
    }
    let states = AtomicU64::new(0);
    shared(&all, |(at, fault, seed)| {
        let dir = FaultDir::new(MemoryDir::new(), Some(FaultPlan { at: *at, fault: *fault }));
        let progress = workload::run(&dir);
        for how in [Crash::KeepAll, Crash::LoseUnsynced, Crash::Tear { seed: *seed }] {
            let left = dir.disk().crash(how);
            for second in 1.. {
                let plan = FaultPlan {
                    at: second,
                    fault: if second % 2 == 0 { Fault::Stop } else { *fault },
                };
                let again = FaultDir::new(left.crash(Crash::KeepAll), Some(plan));
                let opened = workload::open(again.clone());
                let met = again.calls() >= second;
                let here = format!("{fault:?} at call {at}, {how:?}, then {plan:?} while opening");
                assert!(met || opened.is_ok(), "{here}");
                drop(opened);
                for then in [Crash::KeepAll, Crash::LoseUnsynced, Crash::Tear { seed: second }] {
                    let db = workload::open(again.disk().crash(then));
                    let db =
                        db.unwrap_or_else(|e| panic!("{here}, {then:?}: it does not open: {e}"));
                    let here = format!("{here}, {then:?} ({progress:?})");
                    workload::is_a_prefix(&view(&db), least(&progress, how), progress.begun, &here);
                    states.fetch_add(1, Ordering::SeqCst);
                }
                if !met {
                    break;
                }
            }
        }
    });
    println!("{} states after a crash while opening after a crash", states.into_inner());
}

const THREADS: usize = 4;
const WRITES: usize = 12;

fn thread_message(thread: usize, i: usize) -> String {
    let user = format!("u{thread}");
    store::track(&user, &format!("t{thread}-{i}"), "2024-03-01T00:00:00Z", "step", "{}")
}

/// Several threads write and wait until the disk fails; gives how many writes of each were acknowledged.
fn write_together(dir: &FaultDir, level: Level) -> [usize; THREADS] {
    let Ok(db) = workload::open(dir.clone()) else { return [0; THREADS] };
    let acknowledged = [const { AtomicU64::new(0) }; THREADS];
    std::thread::scope(|scope| {
        for (thread, count) in acknowledged.iter().enumerate() {
            let session = store::session(&db);
            scope.spawn(move || {
                for i in 0..WRITES {
                    let batch = store::batch("web", &[thread_message(thread, i)]).level(level);
                    if session.write(batch).is_err() {
                        break;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    acknowledged.map(|count| count.into_inner() as usize)
}

#[test]
fn what_many_threads_were_promised_survives() {
    let mut met = 0;
    for at in (1..if full() { 400 } else { 160 }).step_by(3) {
        for (fault, level) in
            [(Fault::Stop, Level::Group), (Fault::Fail, Level::Sync), (Fault::Tear, Level::Group)]
        {
            let dir = FaultDir::new(MemoryDir::new(), Some(FaultPlan { at, fault }));
            let promised = write_together(&dir, level);
            met += u64::from(promised.iter().sum::<usize>() < THREADS * WRITES);
            for how in [Crash::LoseUnsynced, Crash::Tear { seed: at }] {
                let here =
                    format!("{fault:?} at call {at}, {level}, then {how:?}, promised {promised:?}");
                let db = workload::open(dir.disk().crash(how));
                let db = db.unwrap_or_else(|e| panic!("{here}: it does not open: {e}"));
                let seen = view(&db);
                let mut events = 0;
                for (thread, least) in promised.iter().enumerate() {
                    let record = |i: usize| seen.record("web", &format!("t{thread}-{i}")).unwrap();
                    let there = (0..WRITES).take_while(|i| record(*i).is_some()).count();
                    assert!(there >= *least, "{here}: thread {thread} finds {there}");
                    assert!((there..WRITES).all(|i| record(i).is_none()), "{here}: no prefix");
                    let whole =
                        (0..there).all(|i| record(i) == Some(thread_message(thread, i).into()));
                    assert!(whole, "{here}: other bytes than were sent");
                    events += there as u64;
                }
                let told: u64 = seen.stats().unwrap().events.iter().map(|(_, count)| count).sum();
                assert_eq!(told, events, "{here}");
            }
        }
    }
    assert!(met > 30, "the faults were met {met} times");
}
