//! How well and how fast records are matched, judged by labels that matching never sees.
//!
//! ```text
//! matching febrl FILE.csv           the true person is the number in rec_id
//! matching cluster FILE.csv         the true person stands in the column cluster
//! matching links LEFT.csv RIGHT.csv LINKS.csv
//! matching made people|families|french RECORDS
//!                                   synthetic records with errors (see made.rs)
//! matching speed RECORDS THREADS    synthetic records like Febrl's, with a given model; three runs
//! ```

#![allow(clippy::indexing_slicing)]

#[path = "matching/made.rs"]
mod made;

use navedb::{Index, Matcher, Model, Role, Roles, Rows, Zone, match_records};
use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

/// Records, and which of them are of one person.
struct Set {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    truth: Vec<String>,
}

fn read(path: &str, truth: impl Fn(&[String], &[String]) -> String) -> Result<Set, Box<dyn Error>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let mut set = Set { header, rows: Vec::new(), truth: Vec::new() };
    for row in reader.records() {
        let row: Vec<String> = row?.iter().map(str::to_owned).collect();
        set.truth.push(truth(&set.header, &row));
        set.rows.push(row);
    }
    Ok(set)
}

fn column(header: &[String], row: &[String], name: &str) -> String {
    let place = header.iter().position(|column| column == name);
    place.and_then(|place| row.get(place)).cloned().unwrap_or_default()
}

fn made(which: &str, records: &str) -> Result<Set, Box<dyn Error>> {
    let made = made::make(which, records.parse()?, 20_261_126)?;
    let header = made.header.iter().map(|name| (*name).to_owned()).collect();
    Ok(Set { header, rows: made.rows, truth: made.persons.iter().map(u32::to_string).collect() })
}

fn set(arguments: &[&str]) -> Result<Set, Box<dyn Error>> {
    match arguments {
        ["febrl", file] => read(file, |header, row| {
            let id = column(header, row, "rec_id");
            id.split('-').nth(1).unwrap_or_default().to_owned()
        }),
        ["cluster", file] => read(file, |header, row| column(header, row, "cluster")),
        ["links", left, right, links] => {
            let links = read(links, |_, _| String::new())?;
            let known: HashMap<&str, &str> =
                links.rows.iter().map(|row| (row[1].as_str(), row[0].as_str())).collect();
            let mut set = read(left, |_, row| format!("left {}", row[0]))?;
            let other = read(right, |_, row| match known.get(row[0].as_str()) {
                Some(left) => format!("left {left}"),
                None => format!("right {}", row[0]),
            })?;
            set.rows.extend(other.rows);
            set.truth.extend(other.truth);
            Ok(set)
        }
        ["made", which, records] => made(which, records),
        _ => Err("say febrl FILE, cluster FILE, links LEFT RIGHT LINKS, made WHICH RECORDS, or speed RECORDS THREADS"
            .into()),
    }
}

fn pairs(groups: impl Iterator<Item = String>) -> f64 {
    let mut sizes: HashMap<String, u64> = HashMap::new();
    groups.for_each(|group| *sizes.entry(group).or_default() += 1);
    sizes.values().map(|size| size * (size - 1) / 2).sum::<u64>() as f64
}

fn roles_of(set: &Set) -> Roles {
    let mut roles = Roles::infer(&set.header, &set.rows);
    for (column, name) in set.header.iter().enumerate() {
        if ["cluster", "rec_id"].contains(&name.as_str()) {
            roles.set(column, Role::Ignored);
        }
    }
    roles
}

fn judge(set: &Set) -> Result<(), Box<dyn Error>> {
    let roles = roles_of(set);
    for (name, role) in set.header.iter().zip(roles.iter()) {
        println!("  {name}: {}", role.name());
    }
    let begin = Instant::now();
    let found = match_records(&roles, &set.rows, None, 2);
    let learning = begin.elapsed();
    let model = Model::from_text(&found.model.to_text())?;
    let begin = Instant::now();
    let again = match_records(&roles, &set.rows, Some(&model), 1);
    let matching = begin.elapsed();
    assert!(found.groups == again.groups, "a model that was saved and read is the same");
    let truth = pairs(set.truth.iter().cloned());
    let told = pairs(found.groups.iter().map(u32::to_string));
    let both = set.truth.iter().zip(&found.groups).map(|(a, b)| format!("{a} {b}"));
    let both = pairs(both);
    let zone =
        |zone| found.pairs.iter().filter(|pair| found.model.zone(pair.score) == zone).count();
    println!(
        "{} records, {} pairs compared, {} accepted, {} to review; groups: precision {:.5}, recall {:.5}, F1 {:.5}; \
         learnt and matched in {:.2} s by 2 threads, matched with the model in {:.3} s by 1, {:.0} records a second",
        set.rows.len(),
        found.compared,
        zone(Zone::Accept),
        zone(Zone::Review),
        both / told,
        both / truth,
        2.0 * both / (told + truth),
        learning.as_secs_f64(),
        matching.as_secs_f64(),
        set.rows.len() as f64 / matching.as_secs_f64(),
    );
    Ok(())
}

/// Seconds that processors have worked for this program; nothing where the system does not tell.
fn busy() -> f64 {
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        told.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// The most memory that this program has had, in bytes; nothing where the system does not tell.
fn peak() -> f64 {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

fn busy_since(before: f64) -> f64 {
    busy() - before
}

fn speed(records: &str, threads: &str) -> Result<(), Box<dyn Error>> {
    let (set, threads) = (made("people", records)?, threads.parse()?);
    let roles = roles_of(&set);
    let before = peak();
    let begin = Instant::now();
    let model = match_records(&roles, &set.rows, None, threads).model;
    println!("learnt and matched in {:.2} s", begin.elapsed().as_secs_f64());
    let mut times = Vec::new();
    for _ in 0..3 {
        let (begin, busy) = (Instant::now(), busy());
        let found = match_records(&roles, &set.rows, Some(&model), threads);
        times.push(begin.elapsed().as_secs_f64());
        let busy = busy_since(busy);
        let both = set.truth.iter().zip(&found.groups).map(|(a, b)| format!("{a} {b}"));
        let (truth, told) =
            (pairs(set.truth.iter().cloned()), pairs(found.groups.iter().map(u32::to_string)));
        let both = pairs(both);
        println!(
            "matched with the model in {:.2} s ({busy:.2} s of processors): {} pairs compared, {} told, F1 {:.5}, \
             {} bytes a record are kept, {} at the peak beside the rows",
            times.last().copied().unwrap_or_default(),
            found.compared,
            found.pairs.len(),
            2.0 * both / (told + truth),
            found.bytes() / set.rows.len(),
            (peak() - before) / set.rows.len() as f64,
        );
    }
    times.sort_by(f64::total_cmp);
    let rate = |time: f64| set.rows.len() as f64 / time;
    println!(
        "{} records, {threads} threads: {:.0} records a second at best, {:.0} in the median of 3",
        set.rows.len(),
        rate(times[0]),
        rate(times[1])
    );
    arrivals(&set, roles, &model, threads);
    Ok(())
}

/// The last records arrive one by one at an index of all others.
fn arrivals(set: &Set, roles: Roles, model: &Model, threads: usize) {
    let new = 10_000.min(set.rows.len() / 2);
    let (old, new) = set.rows.split_at(set.rows.len() - new);
    let begin = Instant::now();
    let mut index = Index::of(roles, &Numbered(old), threads);
    println!("index of {} records in {:.2} s", index.len(), begin.elapsed().as_secs_f64());
    println!("{} bytes a record, {} hot keys", index.bytes() / index.len(), index.hot_keys());
    let begin = Instant::now();
    let mut matcher = Matcher::against(model, &mut index);
    println!("ready in {:.2} s", begin.elapsed().as_secs_f64());
    let mut times = Vec::new();
    let mut found = 0;
    for (key, row) in (old.len() as u64..).zip(new) {
        let texts: Vec<Option<&str>> = row.iter().map(|text| Some(text.as_str())).collect();
        let begin = Instant::now();
        found += matcher.arrive(key, &texts).len();
        times.push(begin.elapsed().as_micros());
    }
    times.sort_unstable();
    println!(
        "{} records arrived, {found} found; µs for each: p50 {}, p99 {}, most {}",
        new.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1]
    );
}

/// Rows whose key is their number.
struct Numbered<'a>(&'a [Vec<String>]);

impl Rows for Numbered<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<std::borrow::Cow<'_, str>> {
        self.0.text(row, column)
    }

    fn key(&self, row: usize) -> u64 {
        row as u64
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["speed", records, threads] => speed(records, threads),
        arguments => judge(&set(arguments)?),
    }
}
