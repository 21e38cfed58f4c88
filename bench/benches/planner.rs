//! What planning costs: the audiences of the demo with a plan that is kept, and parsed, resolved and compiled anew.
//!
//! Both evaluate the audience as well; the difference is the planner's. Texts are made new by blanks at their end, more
//! of them than plans are kept.

use criterion::{BatchSize, Criterion};
use nave_bench::{at, demo_audiences, load_purchases, open, session};
use navedb::dir::MemoryDir;
use navedb::limits::PLANS_MAX;
use std::hint::black_box;
use std::sync::Arc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let db = open(Arc::new(MemoryDir::new()));
    load_purchases(&db);
    let view = session(&db).view();
    for (name, text) in demo_audiences() {
        let mut group = criterion.benchmark_group(format!("plan of {name}"));
        group.bench_function("kept", |b| {
            b.iter(|| view.count(black_box(&text), at()).expect("the audience is counted"));
        });
        let mut number = 0;
        let mut fresh = || {
            number = (number + 1) % (2 * PLANS_MAX);
            format!("{text}{}", " ".repeat(number))
        };
        group.bench_function("made anew", |b| {
            b.iter_batched(
                &mut fresh,
                |text| view.count(black_box(&text), at()).expect("the audience is counted"),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("explained", |b| {
            b.iter(|| view.explain(black_box(&text), at()).expect("the audience is explained"));
        });
        group.finish();
    }
    criterion.final_summary();
}
