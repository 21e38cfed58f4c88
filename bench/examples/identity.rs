//! How long joins and splits take in a store of many profiles, three identifiers and twenty traits each.
//!
//! ```text
//! cargo run --release -p nave-bench --example identity -- PROFILES
//! ```
//!
//! Joins come in batches of 64, published together, and alone; splits are retractions of the pair that joined. Some
//! profiles have a hundred events each, and their joins are told apart, and so are those before the first split, which
//! need not look for retractions. The store is as one that is served: a thread merges what is in memory, and files are
//! read ahead. Each time is that of a whole call at level memory: decoding, exactly-once, look-ups, rules, log buffer,
//! fold, publishing. `bench/joins.py` does the same joins by hand in other stores.

use navedb::clock::SystemClock;
use navedb::dir::DiskDir;
use navedb::{Batch, Caller, Db, Level, Purpose, Record, Session, Settings};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH: usize = 64;
const ROUNDS: usize = 100;
const ALONE: usize = 2_000;
/// Batches of joins of profiles that have events, and how many each of them has.
const EVENTFUL: usize = 20;
const EVENTS: usize = 100;

fn profile(number: usize) -> String {
    let traits: Vec<String> =
        (0..20).map(|t| format!(r#""t{t}":{}"#, (number * 31 + t) % 1000)).collect();
    format!(
        r#"{{"type":"identify","userId":"u{number}","anonymousId":"a{number}","messageId":"p{number}",
            "identifiers":{{"email":"p{number}@example.org"}},"timestamp":"2024-01-01T00:00:00Z",
            "traits":{{{}}}}}"#,
        traits.join(",")
    )
}

fn write(session: &Session, messages: &[String]) -> Result<Duration, Box<dyn Error>> {
    let batch = messages.iter().fold(Batch::new().level(Level::Memory), |batch, message| {
        batch.record(Record::message("crm", message.as_str()))
    });
    let begin = Instant::now();
    let receipt = session.write(batch)?;
    let took = begin.elapsed();
    if receipt.written != messages.len() as u64 {
        return Err(format!("{} of {} were new", receipt.written, messages.len()).into());
    }
    Ok(took)
}

/// Prints the median, the 99th percentile and the most of some times, each of so many records.
fn told(what: &str, mut times: Vec<Duration>, each: u32) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share) as usize;
        times.get(place).copied().unwrap_or_default() / each
    };
    println!("{what}: p50 {:?}, p99 {:?}, most {:?}", at(0.5), at(0.99), at(1.0));
}

fn join(left: usize, right: usize, message: &str) -> String {
    format!(
        r#"{{"type":"identify","userId":"u{left}","anonymousId":"a{right}","messageId":"{message}",
            "timestamp":"2024-02-01T00:00:00Z","traits":{{}}}}"#
    )
}

fn split(left: usize, right: usize, message: &str) -> String {
    format!(
        r#"{{"type":"unlink","left":{{"namespace":"user_id","value":"u{left}"}},"messageId":"{message}",
            "right":{{"namespace":"anonymous_id","value":"a{right}"}},"timestamp":"2024-03-01T00:00:00Z"}}"#
    )
}

fn event(profile: usize, number: usize) -> String {
    let second = number % 60;
    format!(
        r#"{{"type":"track","userId":"u{profile}","event":"view","messageId":"e{profile}-{number}",
            "timestamp":"2024-01-02T00:00:{second:02}Z","properties":{{"n":{number}}}}}"#
    )
}

/// Pairs that are far from each other, none twice.
fn pair(number: usize, count: usize) -> (usize, usize) {
    let half = count / 2;
    ((number * 7919) % half, half + (number * 104_729) % half)
}

/// A store of so many profiles; those of the last pairs have events.
fn fill(session: &Session, count: usize) -> Result<(), Box<dyn Error>> {
    for start in (0..count).step_by(10_000) {
        let messages: Vec<String> = (start..(start + 10_000).min(count)).map(profile).collect();
        write(session, &messages)?;
    }
    let last = ROUNDS * BATCH + ALONE;
    for number in last..last + EVENTFUL * BATCH {
        let (left, right) = pair(number, count);
        let of = |profile: usize| (0..EVENTS).map(move |number| event(profile, number));
        write(session, &of(left).chain(of(right)).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("nave-identity-{}", std::process::id()));
    // As a process that serves has it: a thread merges what is in memory, and files are read ahead.
    let settings = Settings { merge_thread: true, question_threads: 2, ..Settings::default() };
    let dir = Arc::new(DiskDir::new(&folder));
    let db = Db::open_with(dir, Arc::new(SystemClock), settings)?;
    let session = db.session(Caller::all(), Purpose::any());
    let begin = Instant::now();
    fill(&session, count)?;
    db.checkpoint()?;
    println!("{count} profiles in {:?}", begin.elapsed());
    let begin = Instant::now();
    println!("{} MB of files read ahead in {:?}", db.read_ahead(u64::MAX)? >> 20, begin.elapsed());
    let pair = |number: usize| pair(number, count);
    let (mut batched, mut alone, mut splits, mut single) = (vec![], vec![], vec![], vec![]);
    let (mut eventful, mut unsplit) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let first = ROUNDS * BATCH + ALONE + EVENTFUL * BATCH + round * BATCH;
        let numbers = (first..first + BATCH).map(|number| (pair(number), format!("j{number}")));
        let joins: Vec<String> = numbers.map(|((l, r), j)| join(l, r, &j)).collect();
        unsplit.push(write(&session, &joins)?);
    }
    for round in 0..ROUNDS {
        let numbers = round * BATCH..(round + 1) * BATCH;
        let named = |n: usize| (pair(n), format!("j{n}"), format!("s{n}"));
        let joins: Vec<String> =
            numbers.clone().map(named).map(|((l, r), j, _)| join(l, r, &j)).collect();
        batched.push(write(&session, &joins)?);
        let apart: Vec<String> = numbers.map(named).map(|((l, r), _, s)| split(l, r, &s)).collect();
        splits.push(write(&session, &apart)?);
        // In between, so that both kinds of join meet the same store and the same machine.
        if round % (ROUNDS / EVENTFUL) == 0 {
            let first = ROUNDS * BATCH + ALONE + round / (ROUNDS / EVENTFUL) * BATCH;
            let numbers = (first..first + BATCH).map(|number| (pair(number), format!("j{number}")));
            let joins: Vec<String> = numbers.map(|((l, r), j)| join(l, r, &j)).collect();
            eventful.push(write(&session, &joins)?);
        }
    }
    for number in ROUNDS * BATCH..ROUNDS * BATCH + ALONE {
        let (left, right) = pair(number);
        alone.push(write(&session, &[join(left, right, &format!("j{number}"))])?);
        single.push(write(&session, &[split(left, right, &format!("s{number}"))])?);
    }
    told("a join before any split, 64 in a batch", unsplit, 64);
    told("a join, 64 in a batch", batched, 64);
    told("a split, 64 in a batch", splits, 64);
    told("a join with 100 events each, 64 in a batch", eventful, 64);
    told("a join alone", alone, 1);
    told("a split alone", single, 1);
    db.close()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
