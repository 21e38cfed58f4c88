//! How long matching takes of each record as it arrives, in a store of many profiles.
//!
//! ```text
//! cargo run --release -p nave-bench --example arrival -- PROFILES [ARRIVALS [unmatched]]
//! cargo run --release -p nave-bench --example arrival -- agree RECORDS [people|families|french]
//! ```
//!
//! Records are made up (see `matching/made.rs`, `people`): as many as asked for are loaded, a model is learnt of the
//! first 20,000 and saved, all are matched by runs (not with `unmatched`), the matcher is made, and the rest arrives
//! one by one: each is written, and followed, at level memory. Then as many again in batches of 64.
//!
//! `agree` has all records arrive one by one at one store, and matches another that has all of them by runs until one
//! says nothing new; it prints how many pairs of records each has in one profile, how many both have, and how many are
//! right. The model is learnt of other persons.

#![allow(clippy::indexing_slicing)]

#[path = "matching/made.rs"]
mod made;

use made::Made;
use navedb::{
    Batch, Caller, Db, DefineRequest, Level, MatchRequest, MatcherRequest, Purpose, Record, Session,
};
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

const LEARNT_OF: usize = 20_000;
const BATCH: usize = 64;

fn message(made: &Made, row: usize) -> String {
    let texts = made.rows.get(row).into_iter().flatten();
    let told =
        made.header.iter().zip(texts).filter(|(name, text)| **name != "rec_id" && !text.is_empty());
    let told: Vec<String> = told.map(|(name, text)| format!("{name:?}:{text:?}")).collect();
    format!(
        r#"{{"type":"identify","userId":"r{row}","messageId":"m{row}",
            "timestamp":"2024-01-01T00:00:00Z","traits":{{{}}}}}"#,
        told.join(",")
    )
}

fn write(session: &Session, made: &Made, rows: std::ops::Range<usize>) -> Outcome<()> {
    let batch = rows.fold(Batch::new().level(Level::Memory), |batch, row| {
        batch.record(Record::message("crm", message(made, row)))
    });
    session.write(batch).map(|_| ())?;
    Ok(())
}

fn fill(session: &Session, made: &Made, count: usize) -> Outcome<()> {
    for start in (0..count).step_by(10_000) {
        write(session, made, start..(start + 10_000).min(count))?;
    }
    Ok(())
}

/// The definition of a model that is learnt of the first records.
fn model(made: &Made) -> Outcome<String> {
    let folder = std::env::temp_dir().join(format!("nave-arrival-model-{}", std::process::id()));
    let db = Db::open(&folder)?;
    let session = db.session(Caller::all(), Purpose::any());
    fill(&session, made, LEARNT_OF.min(made.rows.len()))?;
    let (source, threads) = ("matcher".to_owned(), 2);
    session.identity_match(&MatchRequest { source, threads, ..MatchRequest::default() })?;
    let saved = session.view().definitions().into_iter().find(|one| one.kind == "model");
    db.close()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(format!("[model.person]\n{}\n", saved.ok_or("no model was saved")?.body))
}

/// Prints the median, the 99th percentile and the most of some times, and how many records a second.
fn told(what: &str, mut times: Vec<Duration>, each: u32) {
    let all: Duration = times.iter().sum();
    let rate = times.len() as f64 * f64::from(each) / all.as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len().max(1) - 1) as f64 * share) as usize;
        times.get(place).copied().unwrap_or_default() / each
    };
    println!(
        "{what}: p50 {:?}, p99 {:?}, most {:?}; {rate:.0} a second",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Megabytes of memory that the process holds.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// The rows of each profile.
fn groups(session: &Session) -> Outcome<Vec<Vec<usize>>> {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    session.view().identity_clusters(&mut |_, value, id| {
        if let Some(row) = value.strip_prefix('r').and_then(|row| row.parse().ok()) {
            groups.entry(id.to_owned()).or_default().push(row);
        }
        Ok(())
    })?;
    Ok(groups.into_values().collect())
}

fn pairs(groups: &[Vec<usize>]) -> HashSet<(usize, usize)> {
    let of = |group: &Vec<usize>| {
        let mut sorted = group.clone();
        sorted.sort_unstable();
        let pair = |(place, one): (usize, &usize)| {
            sorted.iter().skip(place + 1).map(|other| (*one, *other)).collect::<Vec<_>>()
        };
        sorted.iter().enumerate().flat_map(pair).collect::<Vec<_>>()
    };
    groups.iter().flat_map(of).collect()
}

/// Runs over the whole store until one says nothing new; gives how many profiles are left.
fn settle(session: &Session) -> Outcome<u64> {
    loop {
        let before = session.view().position();
        let (source, threads) = ("matcher".to_owned(), 2);
        session.identity_match(&MatchRequest { source, threads, ..MatchRequest::default() })?;
        let view = session.view();
        if view.position() == before {
            return Ok(view.stats()?.profiles);
        }
    }
}

fn agree(records: usize, kind: &str) -> Outcome<()> {
    let made = made::make(kind, records, 7)?;
    let model = model(&made::make(kind, LEARNT_OF, 8)?)?;
    let folders = ["arrive", "run"].map(|name| {
        std::env::temp_dir().join(format!("nave-arrival-{name}-{}", std::process::id()))
    });
    let [here, there] = [Db::open(&folders[0])?, Db::open(&folders[1])?];
    let [one, all] = [&here, &there].map(|db| db.session(Caller::all(), Purpose::any()));
    for session in [&one, &all] {
        session.define(&DefineRequest { text: model.clone(), ..DefineRequest::default() })?;
        write(session, &made, 0..1)?;
    }
    let mut matcher = one.matcher(&request())?;
    for row in 1..made.rows.len() {
        write(&one, &made, row..row + 1)?;
        matcher.follow()?;
    }
    fill(&all, &made, made.rows.len())?;
    settle(&all)?;
    let mut persons: HashMap<u32, Vec<usize>> = HashMap::new();
    made.persons
        .iter()
        .enumerate()
        .for_each(|(row, person)| persons.entry(*person).or_default().push(row));
    let truth = pairs(&persons.into_values().collect::<Vec<_>>());
    let (arrived, run) = (pairs(&groups(&one)?), pairs(&groups(&all)?));
    let same = |left: &HashSet<_>, right: &HashSet<_>| left.intersection(right).count();
    println!("{} {kind}, {} true pairs", made.rows.len(), truth.len());
    for (what, found) in [("on arrival", &arrived), ("by runs", &run)] {
        let right = same(found, &truth) as f64;
        let (precision, recall) = (right / found.len() as f64, right / truth.len() as f64);
        println!("{what}: {} pairs, precision {precision:.4}, recall {recall:.4}", found.len());
    }
    let both = same(&arrived, &run) as f64;
    println!("of the runs' pairs on arrival: {:.4}", both / run.len() as f64);
    println!("of the arrival's pairs by runs: {:.4}", both / arrived.len() as f64);
    let before = one.view().stats()?.profiles;
    println!("runs afterwards: {before} -> {} profiles", settle(&one)?);
    [here, there].into_iter().try_for_each(Db::close)?;
    folders.iter().try_for_each(std::fs::remove_dir_all)?;
    Ok(())
}

fn request() -> MatcherRequest {
    MatcherRequest {
        threads: 2,
        source: "matcher".to_owned(),
        level: Some(Level::Memory),
        ..MatcherRequest::default()
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, records, rest @ ..] = arguments.as_slice()
        && word == "agree"
    {
        return agree(records.parse()?, rest.first().map_or("people", String::as_str));
    }
    speed()
}

fn speed() -> Outcome<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let arrivals: usize = std::env::args().nth(2).map_or(Ok(5_000), |text| text.parse())?;
    let made = made::make("people", count + 2 * arrivals, 7)?;
    let count = made.rows.len() - 2 * arrivals;
    let model = model(&made)?;
    let folder = std::env::temp_dir().join(format!("nave-arrival-{}", std::process::id()));
    let db = Db::open(&folder)?;
    let session = db.session(Caller::all(), Purpose::any());
    let begin = Instant::now();
    fill(&session, &made, count)?;
    session.define(&DefineRequest { text: model, ..DefineRequest::default() })?;
    if !std::env::args().any(|word| word == "unmatched") {
        let left = settle(&session)?;
        println!("matched by runs: {left} profiles are left");
    }
    db.checkpoint()?;
    println!("{count} profiles in {:.1?}, {:?} MB", begin.elapsed(), resident());
    let begin = Instant::now();
    let mut matcher = session.matcher(&request())?;
    let each = matcher.bytes() as u64 / matcher.profiles().max(1);
    println!(
        "index in {:.2?}, {each} bytes a profile, {:?} MB in all",
        begin.elapsed(),
        resident()
    );
    let (mut wrote, mut followed, mut batched) = (vec![], vec![], vec![]);
    let (mut linked, mut proposed, mut compared) = (0, 0, 0);
    for row in count..count + arrivals {
        let begin = Instant::now();
        write(&session, &made, row..row + 1)?;
        wrote.push(begin.elapsed());
        let begin = Instant::now();
        let report = matcher.follow()?;
        followed.push(begin.elapsed());
        linked += report.linked;
        proposed += report.proposed;
        compared += report.compared;
    }
    println!(
        "{arrivals} records alone: {compared} pairs compared, {linked} linked, {proposed} for review"
    );
    told("a write, without matching", wrote, 1);
    told("following it", followed, 1);
    for start in (count + arrivals..count + 2 * arrivals - BATCH).step_by(BATCH) {
        write(&session, &made, start..start + BATCH)?;
        let begin = Instant::now();
        matcher.follow()?;
        batched.push(begin.elapsed());
    }
    told("following 64 in a batch, for each", batched, BATCH as u32);
    db.close()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
