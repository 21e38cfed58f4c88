//! The seeded shop: makes its files, writes what goes through the engine's API, and asks the audiences.
//!
//! `bench/duckdb/shop.sh` runs it, loads the files with `nave load`, and lets DuckDB answer the same.
//!
//! ```text
//! shop make    FILES PERSONS SEED                  the files of a shop
//! shop prepare FILES STORE                         what was received at a fixed time, and the things
//! shop stream  FILES STORE                         the messages of the site, after all files
//! shop ids     STORE IDS.csv                       which profile each identifier belongs to
//! shop list    PERSONS SEED COUNT                  the audiences
//! shop ask     STORE PERSONS SEED COUNT RUNS OUT   the audiences answered, a JSON document a line
//! ```

use nave_bench::shop::{Shop, ask, audiences};
use navedb::{Caller, Purpose};
use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// No audience is asked again once its runs have taken so long.
const MOST: Duration = Duration::from_secs(6);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", files, persons, seed] => shop(persons, seed)?.write(Path::new(files))?,
        ["prepare", files, store] => ask::prepare(Path::new(store), Path::new(files))?,
        ["stream", files, store] => ask::stream(Path::new(store), Path::new(files))?,
        ["ids", store, out] => ids(store, out)?,
        ["list", persons, seed, count] => {
            for audience in audiences(shop(persons, seed)?, count.parse()?) {
                println!("-- {}\n{};\n", audience.name, audience.text);
            }
        }
        ["ask", store, persons, seed, count, runs, out] => {
            answers(store, shop(persons, seed)?, count.parse()?, runs.parse()?, out)?;
        }
        _ => {
            return Err(
                "usage: shop make|prepare|stream|ids|list|ask ARGUMENTS; see its source".into()
            );
        }
    }
    Ok(())
}

fn shop(persons: &str, seed: &str) -> Result<Shop, Box<dyn Error>> {
    Ok(Shop { seed: seed.parse()?, persons: persons.parse()? })
}

fn ids(store: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let db = ask::opened(Path::new(store))?;
    let view = db.session(Caller::all(), Purpose::any()).view();
    let mut file = BufWriter::new(std::fs::File::create(out)?);
    ask::identifiers(&view, &mut |namespace, value, profile| {
        writeln!(file, "{namespace},{value},{profile}")
    })?;
    file.flush()?;
    Ok(db.close()?)
}

fn answers(
    store: &str,
    shop: Shop,
    count: usize,
    runs: usize,
    out: &str,
) -> Result<(), Box<dyn Error>> {
    let db = ask::opened(Path::new(store))?;
    let view = db.session(Caller::all(), Purpose::any()).view();
    let mut file = BufWriter::new(std::fs::File::create(out)?);
    for audience in audiences(shop, count) {
        writeln!(file, "{}", ask::ask(&view, &audience, runs, MOST)?)?;
        file.flush()?;
    }
    Ok(db.close()?)
}
