//! Writing: one record, and batches with a group commit, to a disk and to memory.

use criterion::{BenchmarkId, Criterion, Throughput};
use nave_bench::{Folder, message, open, session};
use navedb::dir::{Dir, MemoryDir};
use navedb::{Batch, Level, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where the store is: on the disk that holds the target folder, or in memory.
#[derive(Clone, Copy)]
enum Place {
    Disk,
    Memory,
}

/// Times `run` on a new, empty store.
fn timed(place: Place, run: impl FnOnce(&Session)) -> Duration {
    let folder = Folder::below(env!("CARGO_TARGET_TMPDIR"));
    let dir: Arc<dyn Dir> = match place {
        Place::Disk => folder.dir(),
        Place::Memory => Arc::new(MemoryDir::new()),
    };
    let db = open(dir);
    let session = session(&db);
    let begin = Instant::now();
    run(&session);
    begin.elapsed()
}

fn write(session: &Session, first: u64, records: u64, level: Level) {
    let batch = (first..first + records)
        .fold(Batch::new().level(level), |batch, n| batch.record(message(n)));
    let receipt = session.write(batch).expect("the batch is written");
    assert_eq!(receipt.written, records);
}

/// One record in a batch of its own, and its reply.
fn single(c: &mut Criterion) {
    let mut group = c.benchmark_group("single record");
    group.sample_size(10).throughput(Throughput::Elements(1));
    let cases = [
        ("memory dir, level memory", Place::Memory, Level::Memory),
        ("disk, level memory", Place::Disk, Level::Memory),
        ("disk, level os", Place::Disk, Level::Os),
        ("disk, level group", Place::Disk, Level::Group),
    ];
    for (name, place, level) in cases {
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                timed(place, |session| (0..times).for_each(|n| write(session, n, 1, level)))
            });
        });
    }
    group.finish();
}

/// A thousand records in one frame, at level group: the cost of the frame is shared.
fn frame(c: &mut Criterion) {
    const RECORDS: u64 = 1000;
    let mut group = c.benchmark_group("frame of 1000 records, level group");
    group.sample_size(10).throughput(Throughput::Elements(RECORDS));
    for (name, place) in [("memory dir", Place::Memory), ("disk", Place::Disk)] {
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                timed(place, |session| {
                    (0..times).for_each(|n| write(session, n * RECORDS, RECORDS, Level::Group));
                })
            });
        });
    }
    group.finish();
}

/// Writers that wait at the same time share one sync: more writers, more records a second.
fn group_commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("group commit on disk");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for writers in [1_u64, 4, 16] {
        group.bench_function(BenchmarkId::new("writers", writers), |b| {
            b.iter_custom(|times| timed(Place::Disk, |session| together(session, writers, times)));
        });
    }
    group.finish();
}

/// `records` single records, written by several threads.
fn together(session: &Session, writers: u64, records: u64) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= records {
                        break;
                    }
                    write(session, n, 1, Level::Group);
                }
            });
        }
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    single(&mut criterion);
    frame(&mut criterion);
    group_commit(&mut criterion);
    criterion.final_summary();
}
