//! From a write to the snapshot that has it, at level memory: one record, and 64 in a batch, in an empty store and in
//! one of a million profiles. It takes decoding, the log's buffer, the fold and publishing; no disk is waited for.

use criterion::{Criterion, Throughput};
use nave_bench::million::{Million, change};
use nave_bench::{message, open, session};
use navedb::dir::MemoryDir;
use navedb::{Batch, Level, Record, Session};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes batches that were made before the clock starts.
fn written(
    session: &Session,
    times: u64,
    records: u64,
    next: &mut u64,
    make: fn(u64) -> Record,
) -> Duration {
    let batches: Vec<Batch> = (0..times)
        .map(|_| {
            let first = *next;
            *next += records;
            (first..first + records)
                .fold(Batch::new().level(Level::Memory), |batch, n| batch.record(make(n)))
        })
        .collect();
    let begin = Instant::now();
    for batch in batches {
        let receipt = session.write(batch).expect("the batch is written");
        assert_eq!(receipt.written, records);
    }
    begin.elapsed()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let shop = Million::below(env!("CARGO_TARGET_TMPDIR"));
    let db = shop.open();
    let session_of_million = session(&db);
    let mut group = criterion.benchmark_group("publish");
    type Make = fn(u64) -> Record;
    let kinds: [(&str, Make); 2] = [("an event", message), ("a change", change)];
    let mut next = 0;
    for (kind, make) in kinds {
        for records in [1, 64] {
            group.throughput(Throughput::Elements(records));
            group.bench_function(format!("{kind}, {records} a batch, empty store"), |b| {
                b.iter_custom(|times| {
                    let db = open(Arc::new(MemoryDir::new()));
                    written(&session(&db), times, records, &mut 0, make)
                });
            });
            group.bench_function(format!("{kind}, {records} a batch, 1M profiles"), |b| {
                b.iter_custom(|times| {
                    written(&session_of_million, times, records, &mut next, make)
                });
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
