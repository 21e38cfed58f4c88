//! Reading one profile, and its timeline, among the 23,570 of CDNOW.

use criterion::Criterion;
use nave_bench::{load_purchases, open, session};
use navedb::dir::MemoryDir;
use std::sync::Arc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let db = open(Arc::new(MemoryDir::new()));
    load_purchases(&db);
    let view = session(&db).view();
    let mut group = criterion.benchmark_group("point read");
    // A step that is prime to the number of customers visits them all, far apart.
    let mut number = 0_u32;
    let mut next = || {
        number = (number + 7919) % 23_570;
        format!("{:05}", number + 1)
    };
    group.bench_function("profile", |b| {
        b.iter(|| view.profile("customer_id", &next()).expect("a read").expect("a customer"));
    });
    group.bench_function("timeline", |b| {
        b.iter(|| view.timeline("customer_id", &next()).expect("a read").expect("a customer"));
    });
    group.bench_function("nobody", |b| {
        b.iter(|| assert!(view.profile("customer_id", "nobody").expect("a read").is_none()));
    });
    group.finish();
    criterion.final_summary();
}
