//! A million profiles and five million events: the questions that are to become fast, and reads of one profile.

use criterion::Criterion;
use nave_bench::million::{
    self, AUDIENCE, COUNTS, Million, PROFILES, TABLES, at, holds, profile_id, statement, user,
};
use nave_bench::session;
use navedb::View;
use std::hint::black_box;

fn counts(criterion: &mut Criterion, view: &View) {
    let mut group = criterion.benchmark_group("count at 1M");
    group.sample_size(10);
    for (name, text) in COUNTS {
        group.bench_function(name, |b| {
            b.iter(|| view.count(black_box(text), at()).expect("the audience is counted"));
        });
    }
    group.finish();
}

fn tables(criterion: &mut Criterion, view: &View) {
    let mut group = criterion.benchmark_group("statement at 1M");
    group.sample_size(10);
    for (name, select, rest) in TABLES {
        let text = statement(select, rest);
        group.bench_function(name, |b| {
            b.iter(|| view.query(black_box(&text), at()).expect("a table"));
        });
    }
    group.finish();
}

/// Reads of one profile each; a step that is prime to their number visits them far apart.
fn points(criterion: &mut Criterion, view: &View) {
    let mut group = criterion.benchmark_group("one profile of 1M");
    let mut number = 0;
    let mut next = || {
        number = (number + 764_591) % PROFILES;
        number
    };
    group.bench_function("profile by identifier", |b| {
        b.iter(|| view.profile("user_id", &user(next())).expect("a read").expect("a profile"));
    });
    group.bench_function("timeline by identifier", |b| {
        b.iter(|| view.timeline("user_id", &user(next())).expect("a read").expect("a profile"));
    });
    let traits = COUNTS[2].1;
    let events = COUNTS[6].1;
    let ids: Vec<String> = (0..64).map(|_| profile_id(view, next())).collect();
    let mut turn = 0;
    let mut id = || {
        turn = (turn + 1) % ids.len();
        ids.get(turn).map_or("", String::as_str)
    };
    group.bench_function("holds, three traits, asked before", |b| {
        b.iter(|| holds(view, id(), traits));
    });
    group.sample_size(10);
    group.bench_function("holds, events, asked before", |b| b.iter(|| holds(view, id(), events)));
    group.bench_function("holds, three traits, new text", |b| {
        b.iter_batched(
            || profile_id(view, next()),
            |id| holds(view, &id, traits),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let shop = Million::below(env!("CARGO_TARGET_TMPDIR"));
    let db = shop.open();
    let view = session(&db).view();
    if std::env::var_os("NAVE_DESCRIBE").is_some() {
        println!("{}audience: {:?}", million::describe(&view), view.count(AUDIENCE, at()));
    }
    points(&mut criterion, &view);
    counts(&mut criterion, &view);
    tables(&mut criterion, &view);
    criterion.final_summary();
}
