//! Opening the store of the CDNOW purchases: from its checkpoint, and from the log alone.

use criterion::Criterion;
use nave_bench::{Folder, load_purchases, open};
use std::time::{Duration, Instant};

/// Times each opening; closing is not counted.
fn opening(folder: &Folder, times: u64, from_log: bool) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..times {
        if from_log {
            std::fs::remove_dir_all(folder.path().join("derived"))
                .expect("derived files can be removed");
        }
        let begin = Instant::now();
        let db = open(folder.dir());
        total += begin.elapsed();
        assert_eq!(db.open_report().checkpoint.is_none(), from_log);
        db.close().expect("the store closes");
    }
    total
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = Folder::below(env!("CARGO_TARGET_TMPDIR"));
    let db = open(folder.dir());
    load_purchases(&db);
    db.close().expect("the store closes");
    let mut group = criterion.benchmark_group("open CDNOW");
    group.sample_size(10);
    group.bench_function("from the checkpoint", |b| {
        b.iter_custom(|times| opening(&folder, times, false))
    });
    group.bench_function("from the log", |b| b.iter_custom(|times| opening(&folder, times, true)));
    group.finish();
    criterion.final_summary();
}
