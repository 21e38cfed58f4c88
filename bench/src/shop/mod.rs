//! The seeded shop that Nave and DuckDB are both asked about: its files, and the audiences.
//!
//! *What it is:* persons whom two sources know by several identifiers, what they did, and the things that they bought.
//! *Invariants:* the same seed and size give the same bytes and the same questions, on every machine; the files alone
//! say what is true, so that whoever folds them by other means comes to the same answers. *Where to start reading:*
//! `Shop::write`; `bench/duckdb/shop.sh` runs it all.

pub mod ask;
mod audiences;
mod events;
pub mod forms;
mod parquet;
mod people;
mod rng;
mod text;
mod things;
mod words;

pub use audiences::{Audience, audiences};

use rng::Rng;
use std::path::Path;
use text::{DAY, Lines};

/// The instant for which all audiences are asked. All that is dated happened before.
pub const NOW: &str = "2025-01-01T00:00:00Z";

/// When the records without a time were received, and those whose time lay ahead of the clock.
pub const RECEIVED: &str = "2024-11-05T06:07:08.000009Z";

/// 2021-01-01, the first day of the shop, in microseconds since 1970.
const OPENED: i64 = 18_628 * DAY;
/// The days from the first to the last.
const DAYS: i64 = 4 * 365 + 1;

/// A shop of a seed and a size.
#[derive(Debug, Clone, Copy)]
pub struct Shop {
    /// What chance is drawn from.
    pub seed: u64,
    /// How many persons there are, about as many as profiles; five times as many events.
    pub persons: u64,
}

/// How a person is known.
struct Person {
    number: u64,
    /// The number with the crm.
    no: Option<String>,
    mail: Option<String>,
    /// How many browsers they use.
    cookies: u64,
}

impl Shop {
    /// Writes all files into a folder.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.write_people(folder)?;
        self.write_events(folder)?;
        self.write_things(folder)
    }

    fn person(self, number: u64) -> Person {
        let mut rng = Rng::of(self.seed, 1, number);
        let no = rng.percent(80).then(|| format!("N-{number:06}"));
        let mut mail = rng.percent(60).then(|| format!("person.{number}@example.org"));
        let cookies = rng.below(3);
        if no.is_none() && cookies == 0 && mail.is_none() {
            mail = Some(format!("only.{number}@example.org"));
        }
        Person { number, no, mail, cookies }
    }

    /// Whether a browser was ever seen with a better identifier of its person.
    fn linked(self, person: &Person, cookie: u64) -> bool {
        let known = person.no.is_some() || person.mail.is_some();
        known && Rng::of(self.seed, 2, person.number * 4 + cookie).percent(85)
    }

    fn cookie(person: u64, cookie: u64) -> String {
        format!("c{person:x}.{cookie}")
    }

    /// Somebody who does something: a tenth of all does a good part.
    fn somebody(self, rng: &mut Rng) -> Person {
        let among = if rng.percent(25) { self.persons.div_ceil(10) } else { self.persons };
        self.person(rng.below(among))
    }

    /// When a person does something: at any time, or at one of few instants, so that several things happen at once.
    fn time(self, rng: &mut Rng, person: &Person) -> i64 {
        let mut own = Rng::of(self.seed, 3, person.number * 8 + rng.below(4));
        let rng = if rng.percent(15) { &mut own } else { rng };
        OPENED + rng.between(0, DAYS - 1) * DAY + rng.between(0, DAY / 1000 - 1) * 1000
    }
}

/// A mail address as somebody types it.
fn typed(rng: &mut Rng, mail: &str) -> String {
    match rng.below(6) {
        0 => mail.to_uppercase(),
        1 => format!(" {mail} "),
        _ => mail.to_owned(),
    }
}
