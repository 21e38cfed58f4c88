//! Counting the audiences of the demo on the CDNOW purchases.

use criterion::Criterion;
use nave_bench::{at, demo_audiences, load_purchases, open, session};
use navedb::dir::MemoryDir;
use std::hint::black_box;
use std::sync::Arc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let db = open(Arc::new(MemoryDir::new()));
    load_purchases(&db);
    let view = session(&db).view();
    let mut group = criterion.benchmark_group("audience of the demo");
    for (name, text) in demo_audiences() {
        group.bench_function(name, |b| {
            b.iter(|| view.count(black_box(&text), at()).expect("the audience is counted"));
        });
    }
    group.finish();
    criterion.final_summary();
}
