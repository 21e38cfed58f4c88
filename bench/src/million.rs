//! A shop of a million profiles and five million events, made from a seed, loaded once and kept in the target folder.
//!
//! Profiles have a country, a city of many, a plan, a language, two consents, an age that one in ten does not tell, a
//! value (decimal, lognormal) and a day of sign-up; events are page views, opens, clicks, carts and purchases of the
//! year before `NOW`, skewed over people and towards the end. It is loaded from CSV by column, as any large file.

use crate::open;
use navedb::dir::DiskDir;
use navedb::{At, Db, Input, LoadRequest, Record, RecordKind, Said, Timestamp, Value, View};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many profiles there are.
pub const PROFILES: u64 = 1_000_000;
/// The instant for which questions are asked: 2026-07-01T00:00:00Z.
pub const NOW: i64 = 1_782_864_000;
/// One more whenever the data or the form of a store changes: the next run makes it anew.
const VERSION: u32 = 1;
const YEAR: u64 = 365 * 86_400;

/// Event types, how many of each there are, and the columns that they have beside person and time.
const EVENTS: [(&str, u64, &str); 5] = [
    ("view", 2_500_000, "page"),
    ("open", 1_000_000, "campaign"),
    ("click", 500_000, "campaign"),
    ("cart", 400_000, "amount,category"),
    ("purchase", 600_000, "amount,category"),
];

/// splitmix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `limit`, small numbers more often.
    pub fn skewed(&mut self, limit: u64, power: f64) -> u64 {
        ((self.unit().powf(power) * limit as f64) as u64).min(limit - 1)
    }

    /// About lognormal, in cents.
    pub fn cents(&mut self, median: f64, spread: f64) -> u64 {
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (median * 100.0 * (normal * spread).exp()) as u64
    }
}

/// The identifier of a person, by number.
pub fn user(number: u64) -> String {
    format!("u{number:07}")
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str], power: f64) -> &'a str {
    from.get(rng.skewed(from.len() as u64, power) as usize).copied().unwrap_or_default()
}

const COUNTRIES: [&str; 20] = [
    "DE", "FR", "GB", "IT", "ES", "NL", "PL", "BE", "AT", "CH", "SE", "DK", "NO", "FI", "PT", "IE",
    "CZ", "HU", "RO", "GR",
];

fn profile_rows(rng: &mut Rng) -> String {
    let mut rows = String::from(
        "user,country,city,plan,language,email_consent,sms_consent,age,value,signup\n",
    );
    for number in 0..PROFILES {
        let country = pick(rng, &COUNTRIES, 2.0);
        let city = rng.skewed(20_000, 3.0);
        let plan = pick(rng, &["free", "basic", "pro", "team"], 1.5);
        let language = pick(rng, &["de", "fr", "en", "it", "es", "nl"], 1.5);
        let (email, sms) = (rng.below(10) < 6, rng.below(10) < 2);
        let age = if rng.below(10) == 0 { String::new() } else { (18 + rng.below(72)).to_string() };
        let value = rng.cents(80.0, 1.0);
        let (year, month, day) = (2018 + rng.below(8), 1 + rng.below(12), 1 + rng.below(28));
        let signup = format!("{year}-{month:02}-{day:02}");
        let (whole, cents) = (value / 100, value % 100);
        let _ = writeln!(
            rows,
            "{},{country},city-{city:05},{plan},{language},{email},{sms},{age},{whole}.{cents:02},{signup}",
            user(number)
        );
    }
    rows
}

fn event_rows(rng: &mut Rng, count: u64, columns: &str) -> String {
    let mut rows = format!("user,at,{columns}\n");
    for _ in 0..count {
        let person = user(rng.skewed(PROFILES, 2.0));
        let at = Timestamp((NOW - rng.skewed(YEAR, 1.3) as i64) * 1_000_000);
        let _ = write!(rows, "{person},{at},");
        let _ = match columns {
            "page" => writeln!(rows, "/p/{}", rng.skewed(5_000, 2.0)),
            "campaign" => writeln!(rows, "c{}", rng.below(200)),
            _ => {
                let cents = rng.cents(40.0, 0.8);
                writeln!(rows, "{}.{:02},k{}", cents / 100, cents % 100, rng.skewed(40, 1.5))
            }
        };
    }
    rows
}

fn load(db: &Db, folder: &Path, name: &str, kind: RecordKind, rows: &str) {
    let path = folder.join(format!("{name}.csv"));
    fs::write(&path, rows).expect("the target folder can be written");
    let mut request = LoadRequest::new("shop", kind);
    request.ids = vec![("user_id".to_owned(), "user".to_owned())];
    request.time = (name != "profiles").then(|| "at".to_owned());
    request.inputs = vec![Input::Path(path.clone())];
    let report = db.load(&request).expect("the rows load");
    let rows = rows.lines().count() as u64 - 1;
    let file = report.files.first().expect("one file was loaded");
    assert_eq!((file.written, file.quarantined_values), (rows, 0), "all of {name} load");
    fs::remove_file(path).expect("the file can be removed");
}

/// The folder of the shop, made when it is not there: some 20 seconds on two cores, once.
fn folder(below: &Path) -> PathBuf {
    let done = below.join(format!("nave-bench-million-{VERSION}"));
    if done.is_dir() {
        // What another version derived is made anew here, once, and not in each copy.
        open(Arc::new(DiskDir::new(done.join("store")))).close().expect("the store closes");
        return done;
    }
    let making = below.join(format!("nave-bench-million-{}", std::process::id()));
    fs::create_dir_all(&making).expect("the target folder can be written");
    let db = open(Arc::new(DiskDir::new(making.join("store"))));
    let mut rng = Rng(2026);
    load(&db, &making, "profiles", RecordKind::Identify, &profile_rows(&mut rng));
    for (name, count, columns) in EVENTS {
        let rows = event_rows(&mut rng, count, columns);
        load(&db, &making, name, RecordKind::Track(Said::Fixed(name.to_owned())), &rows);
    }
    db.close().expect("the store closes");
    fs::rename(&making, &done).expect("the target folder can be written");
    done
}

/// A folder with the shop to open, which goes when it is dropped: what is written there leaves the shop as it is.
#[derive(Debug)]
pub struct Million(crate::Folder);

impl Million {
    /// Made below the shop's own parent, which should be `CARGO_TARGET_TMPDIR`: files that never change are the shop's
    /// own under a second name, and the end of the log is a copy.
    pub fn below(parent: &str) -> Million {
        let shop = folder(Path::new(parent)).join("store");
        let copy = crate::Folder::below(parent);
        for part in ["log", "derived"] {
            fs::create_dir_all(copy.path().join(part)).expect("the target folder can be written");
            let mut names: Vec<_> = fs::read_dir(shop.join(part))
                .expect("the shop can be read")
                .map(|entry| entry.expect("the shop can be read").file_name())
                .collect();
            names.sort();
            let last = names.iter().rfind(|name| name.to_string_lossy().ends_with(".log")).cloned();
            for name in &names {
                let (from, to) = (shop.join(part).join(name), copy.path().join(part).join(name));
                let done = if last.as_ref() == Some(name) {
                    fs::copy(from, to).map(|_| ())
                } else {
                    fs::hard_link(from, to)
                };
                done.expect("the target folder takes links");
            }
        }
        Million(copy)
    }

    /// Opens it.
    pub fn open(&self) -> Db {
        let db = open(self.0.dir());
        assert_eq!(db.open_report().replayed, 0, "opening is mapping");
        db
    }
}

/// A change of one profile: a trait that it has, told anew. Every number is another message.
pub fn change(number: u64) -> Record {
    let (person, age) = (user(number * 7_919 % PROFILES), 18 + number % 72);
    Record::message(
        "crm",
        format!(
            r#"{{"type":"identify","userId":"{person}","messageId":"change-{number}",
"timestamp":"2026-06-30T12:00:00Z","traits":{{"age":{age},"plan":"pro"}}}}"#
        ),
    )
}

/// When to ask.
pub fn at() -> At {
    At::Now(Timestamp(NOW * 1_000_000))
}

/// An audience of 200,000 or so, to break down and sum up.
pub const AUDIENCE: &str = "p.country IN ('DE', 'FR', 'IT') AND p.email_consent";

/// Counts: name and audience.
pub const COUNTS: [(&str, &str); 8] = [
    ("one trait equal", "p.country = 'FR'"),
    (
        "five values, a trait, a consent",
        "p.country IN ('FR', 'DE', 'IT', 'ES', 'NL') AND p.plan = 'pro' AND p.email_consent",
    ),
    (
        "age range, value above, country",
        "p.age BETWEEN 25 AND 40 AND p.value > 100 AND p.country = 'FR'",
    ),
    (
        "or, not, three traits",
        "(p.plan = 'team' OR p.language = 'it') AND NOT p.country = 'DE'",
    ),
    ("rare city and age", "p.city = 'city-15000' AND p.age >= 30"),
    (
        "purchase in 30 days",
        "EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')",
    ),
    (
        "two purchases and above 100 in 90 days",
        "(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '90 days') >= 2
         AND (SELECT sum(e.amount) FROM purchase e WHERE e.time >= now() - INTERVAL '90 days') > 100",
    ),
    (
        "cart in 7 days, no purchase in 30, consent, country",
        "p.email_consent AND p.country = 'FR'
         AND EXISTS (SELECT 1 FROM cart e WHERE e.time >= now() - INTERVAL '7 days')
         AND NOT EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')",
    ),
];

/// Statements about `AUDIENCE`: name, and what is selected before and after `FROM profiles p WHERE`.
pub const TABLES: [(&str, &str, &str); 3] = [
    ("breakdown country and plan", "p.country, p.plan, count(*)", "GROUP BY p.country, p.plan"),
    ("top 100 by value", "p.profile_id, p.value", "ORDER BY p.value DESC LIMIT 100"),
    ("average and sum of value", "avg(p.value), sum(p.value)", ""),
];

/// The profile id of a person.
pub fn profile_id(view: &View, number: u64) -> String {
    view.profile("user_id", &user(number)).expect("a read").expect("a profile").id
}

/// Whether an audience holds for one profile.
pub fn holds(view: &View, profile_id: &str, audience: &str) -> bool {
    let text = format!("p.profile_id = '{profile_id}' AND {audience}");
    view.count(&text, at()).expect("the audience is counted") == 1
}

/// The answers, to see that they are what they should be.
pub fn describe(view: &View) -> String {
    let mut told = String::new();
    for (name, text) in COUNTS {
        let count = view.count(text, at()).expect("the audience is counted");
        let _ = writeln!(told, "{name}: {count}");
    }
    for (name, select, rest) in TABLES {
        let table = view.query(&statement(select, rest), at()).expect("a table");
        let first: Vec<Option<Value>> = table.rows.first().cloned().unwrap_or_default();
        let _ = writeln!(told, "{name}: {} rows, the first {first:?}", table.rows.len());
    }
    told
}

/// A statement about `AUDIENCE`.
pub fn statement(select: &str, rest: &str) -> String {
    format!("SELECT {select} FROM profiles p WHERE {AUDIENCE} {rest}")
}
