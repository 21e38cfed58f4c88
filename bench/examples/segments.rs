//! What segments cost: `segments STORE [COUNT ...]` opens a copy of the store that `bench/warehouses` made, defines so
//! many segments of mixed kinds (100, 500 and 2,000 when nothing is said), and measures for each count what a lone
//! event, a batch, a question about one person, a new segment and a passing second cost. `segments STORE narrow ...`
//! defines rules of one kind alone: each asks for views of one of 5,000 pages, so that an event can touch few of them.
//! `segments STORE on` goes on with the segments that the store has, and measures events alone, five times.

use nave_bench::million::Rng;
use navedb::clock::{Clock, ManualClock, SystemClock};
use navedb::dir::DiskDir;
use navedb::{
    Batch, Caller, Db, DefineRequest, Level, Purpose, Record, SegmentRule, Session, Settings,
    Timestamp,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Failed = Box<dyn std::error::Error>;

const COUNTRIES: [&str; 6] = ["FR", "DE", "IT", "ES", "GB", "US"];
const PLANS: [&str; 3] = ["free", "team", "pro"];
const EVENTS: [&str; 5] = ["view", "open", "click", "cart", "purchase"];
const CATEGORIES: [&str; 6] = ["wine", "shoes", "books", "toys", "food", "garden"];

/// The number of a rule that asks for a page.
const PAGES: u64 = 5;

fn pick<T: Copy + Default>(from: &[T], rng: &mut Rng) -> T {
    let place = usize::try_from(rng.below(from.len() as u64)).unwrap_or_default();
    from.get(place).copied().unwrap_or_default()
}

/// A rule of one of eight kinds.
fn rule(number: u64, rng: &mut Rng) -> String {
    let event = pick(&EVENTS, rng);
    let days = pick(&[1, 7, 30, 330, 400], rng);
    let recent = format!("e.time >= now() - INTERVAL '{days} days'");
    let country = pick(&COUNTRIES, rng);
    match number % 8 {
        0 => format!(
            "EXISTS (SELECT 1 FROM purchase e WHERE e.category = '{}' AND {recent})",
            pick(&CATEGORIES, rng)
        ),
        1 => format!("(SELECT count(*) FROM {event} e WHERE {recent}) >= {}", 2 + rng.below(5)),
        2 => format!("p.country = '{country}' AND p.age > {}", 20 + rng.below(50)),
        3 => format!(
            "(SELECT sum(e.amount) FROM purchase e WHERE {recent}) > {}",
            50 + rng.below(900)
        ),
        4 => format!(
            "NOT EXISTS (SELECT 1 FROM {event} e WHERE {recent}) AND p.plan = '{}'",
            pick(&PLANS, rng)
        ),
        5 => format!(
            "EXISTS (SELECT 1 FROM view e WHERE e.page = '/p/{}' AND {recent})",
            rng.below(5000)
        ),
        6 => format!(
            "EXISTS (SELECT 1 FROM open e WHERE e.campaign = 'c{:03}') AND p.country = '{country}'",
            rng.below(182)
        ),
        _ => format!(
            "EXISTS (SELECT 1 FROM cart e WHERE {recent} AND e.amount > {}) \
             AND NOT EXISTS (SELECT 1 FROM purchase e WHERE {recent})",
            10 + rng.below(200)
        ),
    }
}

fn event(number: u64, now: Timestamp, rng: &mut Rng) -> String {
    let user = rng.below(100_000);
    let (name, properties) = match rng.below(10) {
        0..6 => ("view", format!(r#"{{"page":"/p/{}"}}"#, rng.below(5_000))),
        6..8 => ("open", format!(r#"{{"campaign":"c{:03}"}}"#, rng.below(182))),
        8 => ("cart", format!(r#"{{"amount":{}.5,"category":"wine"}}"#, rng.below(300))),
        _ => ("purchase", format!(r#"{{"amount":{}.5,"category":"wine"}}"#, rng.below(300))),
    };
    format!(
        r#"{{"type":"track","userId":"u{user:08}","event":"{name}","messageId":"s{number}",
            "timestamp":"{now}","properties":{properties}}}"#
    )
}

fn quantiles(mut of: Vec<Duration>) -> String {
    of.sort_unstable();
    let at = |part: usize| {
        let took = of.get(of.len().saturating_sub(1) * part / 1000).copied().unwrap_or_default();
        took.as_secs_f64() * 1e6
    };
    format!(
        "min {:.1} p50 {:.1} p99 {:.1} max {:.1} us ({})",
        at(0),
        at(500),
        at(990),
        at(1000),
        of.len()
    )
}

fn lone(
    session: &Session,
    clock: &ManualClock,
    from: &mut u64,
    rng: &mut Rng,
) -> Result<(), Failed> {
    let mut took = Vec::new();
    for _ in 0..2_000 {
        clock.advance(2_000);
        let text = event(*from, clock.now(), rng);
        *from += 1;
        let batch =
            Batch::new().record(Record::message("live", text.as_str())).level(Level::Memory);
        let begun = Instant::now();
        let receipt = session.write(batch)?;
        took.push(begun.elapsed());
        assert!(session.view().position() >= receipt.position);
    }
    println!("  lone event: {}", quantiles(took));
    Ok(())
}

fn batches(
    session: &Session,
    clock: &ManualClock,
    from: &mut u64,
    rng: &mut Rng,
) -> Result<(), Failed> {
    for size in [100, 1_000, 5_000] {
        let mut spent = Duration::ZERO;
        let mut rounds = 0;
        while rounds < 200_000 / size / 10 {
            let mut batch = Batch::new().level(Level::Os);
            clock.advance(10_000);
            for _ in 0..size {
                batch = batch.record(Record::message("live", event(*from, clock.now(), rng)));
                *from += 1;
            }
            let begun = Instant::now();
            let _ = session.write(batch)?;
            spent += begun.elapsed();
            rounds += 1;
        }
        let rate = (rounds * size) as f64 / spent.as_secs_f64();
        println!("  batches of {size}: {rate:.0} events/s");
    }
    Ok(())
}

fn asking(session: &Session) -> Result<(), Failed> {
    let view = session.view();
    let texts = [
        "p.country = 'FR' AND p.age > 30",
        "(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '400 days') >= 2",
    ];
    for text in texts {
        let prepared = view.prepare(text)?;
        let mut took = Vec::new();
        for user in 0..2_000_u64 {
            let name = format!("u{:08}", user * 7 % 100_000);
            let begun = Instant::now();
            let _ = view.holds(&prepared, "user_id", &name)?;
            took.push(begun.elapsed());
        }
        println!("  holds {text}: {}", quantiles(took));
    }
    let segments = view.segments();
    let name = segments.first().map(|segment| segment.name.as_str()).ok_or("no segment")?;
    let (mut count, mut is) = (Vec::new(), Vec::new());
    for user in 0..2_000_u64 {
        let begun = Instant::now();
        view.segment_count(name)?;
        count.push(begun.elapsed());
        let id = format!("u{:08}", user * 7 % 100_000);
        let begun = Instant::now();
        view.in_segment(name, "user_id", &id)?;
        is.push(begun.elapsed());
    }
    println!("  count: {}", quantiles(count));
    println!("  in segment, by identifier: {}", quantiles(is));
    Ok(())
}

/// One more segment while another thread writes.
fn fill(session: &Session, from: &mut u64, clock: &ManualClock) -> Result<(), Failed> {
    let stop = AtomicBool::new(false);
    let mut rng = Rng(17);
    let begin = *from;
    *from += 10_000_000;
    std::thread::scope(|scope| -> Result<(), Failed> {
        let writer = scope.spawn(|| {
            let (mut took, mut number) = (Vec::new(), begin);
            while !stop.load(Ordering::SeqCst) {
                let text = event(number, clock.now(), &mut rng);
                number += 1;
                let batch = Batch::new()
                    .record(Record::message("live", text.as_str()))
                    .level(Level::Memory);
                let begun = Instant::now();
                let _ = session.write(batch);
                took.push(begun.elapsed());
                std::thread::sleep(Duration::from_micros(200));
            }
            took
        });
        std::thread::sleep(Duration::from_millis(300));
        let name = format!("late {begin}");
        let rule = SegmentRule::asking(
            "(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '600 days') >= 1",
        );
        let begun = Instant::now();
        session.define_segment(&name, &rule)?;
        let took = begun.elapsed();
        let count = session.view().segment_count(&name)?;
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::SeqCst);
        let writers = writer.join().map_err(|_| "the writer ended")?;
        println!(
            "  back-fill of {count} members: {:.1} ms; writers meanwhile: {}",
            took.as_secs_f64() * 1e3,
            quantiles(writers)
        );
        Ok(())
    })
}

fn tick(db: &Db, clock: &ManualClock) -> Result<(), Failed> {
    let mut took = Vec::new();
    for _ in 0..200 {
        clock.advance(1_000_000);
        let begun = Instant::now();
        db.tick()?;
        took.push(begun.elapsed());
    }
    println!("  a second passes: {}", quantiles(took));
    let session = db.session(Caller::all(), Purpose::any());
    let before: u64 = session.view().segments().iter().map(|s| s.count).sum();
    let begun = Instant::now();
    clock.advance(30 * 86_400_000_000);
    db.tick()?;
    let after: u64 = session.view().segments().iter().map(|s| s.count).sum();
    println!(
        "  thirty days pass: {:.1} ms ({before} to {after} memberships)",
        begun.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}

/// Bytes of memory that the process has beside mapped files; 0 where nobody tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() << 10
}

/// What a process that serves reads before anybody asks.
const AHEAD_BYTES: u64 = 4 << 30;

fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("segments STORE [COUNT ...]")?;
    let mut arguments = arguments.peekable();
    let narrow = arguments.next_if(|text| text == "narrow").is_some();
    let on = arguments.next_if(|text| text == "on").is_some();
    let mut counts: Vec<u64> = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![100, 500, 2_000];
    }
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let settings = Settings { merge_thread: true, question_threads: 2, ..Settings::default() };
    let db = Db::open_with(
        Arc::new(DiskDir::new(&folder)),
        Arc::clone(&clock) as Arc<dyn Clock>,
        settings,
    )?;
    let session = db.session(Caller::all(), Purpose::any());
    let read = db.read_ahead(AHEAD_BYTES)? >> 20;
    println!("{} profiles, {read} MB of files read ahead", session.view().stats()?.profiles);
    let known = session.view().segments();
    let mut rng = Rng(11);
    let mut next = session.view().position().0 * 1000;
    if on {
        println!("{} segments", known.len());
        for _ in 0..5 {
            lone(&session, &clock, &mut next, &mut rng)?;
            batches(&session, &clock, &mut next, &mut rng)?;
        }
        return db.close().map_err(Into::into);
    }
    let drop = known.iter().map(|s| format!("segment.\"{}\"", s.name)).collect();
    session.define(&DefineRequest { drop, ..DefineRequest::default() })?;
    let mut defined = 0;
    println!("no segments");
    lone(&session, &clock, &mut next, &mut rng)?;
    batches(&session, &clock, &mut next, &mut rng)?;
    for count in counts {
        let mut text = String::new();
        while defined < count {
            let kind = if narrow { PAGES } else { defined };
            let audience = rule(kind, &mut rng).replace('"', "\\\"");
            text.push_str(&format!("[segment.s{defined}]\naudience = \"{audience}\"\n"));
            defined += 1;
        }
        let begun = Instant::now();
        session.define(&DefineRequest { text, ..DefineRequest::default() })?;
        let members: u64 = session.view().segments().iter().map(|s| s.count).sum();
        println!(
            "{count} segments, {members} memberships, defined in {:.1} s, {} MB resident",
            begun.elapsed().as_secs_f64(),
            resident() >> 20
        );
        lone(&session, &clock, &mut next, &mut rng)?;
        if std::env::var_os("NAVE_LONE").is_some() {
            for _ in 0..10 {
                lone(&session, &clock, &mut next, &mut rng)?;
            }
            continue;
        }
        batches(&session, &clock, &mut next, &mut rng)?;
        asking(&session)?;
        fill(&session, &mut next, &clock)?;
        tick(&db, &clock)?;
    }
    db.close()?;
    Ok(())
}
