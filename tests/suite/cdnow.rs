//! Real purchases: the CDNOW file, loaded whole, against answers counted in the file itself.

use crate::calendar;
use crate::rng::Rng;
use crate::store::{self, NOON, open, session, view};
use navedb::dir::MemoryDir;
use navedb::{
    At, Db, Input, Level, LoadReport, LoadRequest, RecordKind, Retraction, Said, Settings,
    TimeUnit, Timestamp, View,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const ROWS: u64 = 69_659;
const CUSTOMERS: u64 = 23_570;

fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cdnow_master.txt")
}

#[derive(Clone)]
struct Purchase {
    day: i64,
    cds: i64,
    cents: i64,
}

/// The file, read by hand: the purchases of each customer.
fn purchases() -> BTreeMap<String, Vec<Purchase>> {
    let text = std::fs::read_to_string(path()).unwrap();
    let mut customers: BTreeMap<String, Vec<Purchase>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let number = |from: usize, to: usize| cells[1][from..to].parse().unwrap();
        let (dollars, cents) = cells[3].split_once('.').unwrap();
        assert_eq!(cents.len(), 2, "{line}");
        customers.entry(cells[0].to_owned()).or_default().push(Purchase {
            day: calendar::day_number(number(0, 4), number(4, 6), number(6, 8)),
            cds: cells[2].parse().unwrap(),
            cents: dollars.parse::<i64>().unwrap() * 100 + cents.parse::<i64>().unwrap(),
        });
    }
    customers
}

fn request(input: Input) -> LoadRequest {
    let mut request = LoadRequest::new("cdnow", RecordKind::Track(Said::Fixed("purchase".into())));
    request.inputs.push(input);
    request.ids.push(("user_id".into(), "customer_id".into()));
    request.time = Some("date".into());
    request.time_unit = TimeUnit::Pattern("%Y%m%d".into());
    request.level = Some(Level::Memory);
    request
}

fn load(db: &Db) -> LoadReport {
    db.load(&request(Input::Path(path()))).unwrap()
}

fn loaded() -> (MemoryDir, Db) {
    let disk = MemoryDir::new();
    let db = open(disk.clone()).unwrap();
    let report = load(&db);
    assert_eq!(
        (report.files[0].rows, report.files[0].written, report.files[0].broken),
        (ROWS, ROWS, 0)
    );
    (disk, db)
}

/// Whether a customer with these purchases belongs to an audience.
type Belongs = fn(&[Purchase]) -> bool;

/// Questions of a shop, each with its naive answer.
fn questions() -> Vec<(&'static str, Belongs)> {
    fn day(year: i64, month: i64, day: i64) -> i64 {
        calendar::day_number(year, month, day)
    }
    fn cents(all: &[Purchase]) -> i64 {
        all.iter().map(|p| p.cents).sum()
    }
    vec![
        ("EXISTS (SELECT 1 FROM purchase e)", |_| true),
        ("EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '90 days')", |all| {
            all.iter().any(|p| p.day >= day(1998, 7, 1) - 90)
        }),
        (
            "NOT EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '6 months')",
            |all| all.iter().all(|p| p.day < day(1998, 1, 1)),
        ),
        ("(SELECT count(*) FROM purchase e) >= 10", |all| all.len() >= 10),
        ("(SELECT count(*) FROM purchase e) = 1", |all| all.len() == 1),
        ("(SELECT sum(e.dollar_value) FROM purchase e) > 1000", |all| cents(all) > 100_000),
        ("(SELECT max(e.dollar_value) FROM purchase e) >= 99.99", |all| {
            all.iter().any(|p| p.cents >= 9999)
        }),
        ("(SELECT min(e.dollar_value) FROM purchase e) = 0", |all| {
            all.iter().any(|p| p.cents == 0)
        }),
        (
            "(SELECT avg(e.number_of_cds) FROM purchase e) > 3 AND (SELECT count(*) FROM purchase e) > 2",
            |all| all.iter().map(|p| p.cds).sum::<i64>() > 3 * all.len() as i64 && all.len() > 2,
        ),
        (
            "(SELECT min(e.time) FROM purchase e) < TIMESTAMPTZ '1997-02-01 00:00:00+00' \
             AND (SELECT max(e.time) FROM purchase e) >= DATE '1998-06-01'",
            |all| {
                all.iter().any(|p| p.day < day(1997, 2, 1))
                    && all.iter().any(|p| p.day >= day(1998, 6, 1))
            },
        ),
        (
            "(SELECT sum(e.dollar_value) FROM purchase e WHERE e.time >= DATE '1998-01-01') > \
             (SELECT sum(e.dollar_value) FROM purchase e WHERE e.time < DATE '1998-01-01')",
            |all| {
                let (after, before): (Vec<Purchase>, Vec<Purchase>) =
                    all.iter().cloned().partition(|p| p.day >= day(1998, 1, 1));
                !after.is_empty() && !before.is_empty() && cents(&after) > cents(&before)
            },
        ),
        (
            "(SELECT count(DISTINCT e.time) FROM purchase e WHERE e.number_of_cds BETWEEN 2 AND 4) IN (2, 3)",
            |all| {
                let days: std::collections::BTreeSet<i64> =
                    all.iter().filter(|p| (2..=4).contains(&p.cds)).map(|p| p.day).collect();
                (2..=3).contains(&days.len())
            },
        ),
    ]
}

fn ask_all(view: &View, when: &str) {
    let customers = purchases();
    let now = At::Now(Timestamp::parse("1998-07-01T00:00:00Z").unwrap());
    for (text, belongs) in questions() {
        let expected = customers.values().filter(|all| belongs(all)).count() as u64;
        assert_eq!(view.count(text, now), Ok(expected), "{when}: {text}");
    }
}

#[test]
fn every_purchase_counts_and_the_answers_are_those_of_the_file() {
    let text = std::fs::read_to_string(path()).unwrap();
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(lines.windows(2).filter(|w| w[0] == w[1]).count(), 255, "rows that equal another");
    let (disk, db) = loaded();
    let seen = view(&db);
    assert_eq!(seen.stats().unwrap().profiles, CUSTOMERS);
    assert_eq!(seen.stats().unwrap().events, [("purchase".to_owned(), ROWS)]);
    ask_all(&seen, "loaded");
    let one = seen.timeline("user_id", "00001").unwrap().unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].time.to_string(), "1997-01-01T00:00:00Z");
    let as_of = At::AsOf(Timestamp::parse("1997-01-31T23:59:59Z").unwrap());
    let early = purchases()
        .values()
        .filter(|all| all.iter().any(|p| p.day < calendar::day_number(1997, 2, 1)))
        .count();
    assert_eq!(seen.count("EXISTS (SELECT 1 FROM purchase e)", as_of), Ok(early as u64));
    let digest = seen.digest().unwrap();
    db.close().unwrap();
    let db = open(disk).unwrap();
    assert_eq!((db.open_report().replayed, view(&db).digest().unwrap()), (0, digest));
    ask_all(&view(&db), "reopened");
}

#[test]
fn rebuilt_or_without_derived_files_it_is_the_same() {
    let (disk, db) = loaded();
    let digest = view(&db).digest().unwrap();
    db.close().unwrap();
    navedb::rebuild(Arc::new(disk.clone()), store::clock(NOON), Settings::default()).unwrap();
    let db = open(disk.clone()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "rebuilt");
    drop(db);
    for (name, _) in disk.files() {
        if name.starts_with("derived/") {
            disk.delete(&name);
        }
    }
    let db = open(disk).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "without derived files");
    ask_all(&view(&db), "without derived files");
}

#[test]
fn loaded_twice_or_retracted_it_is_the_same() {
    let empty = view(&store::new()).digest().unwrap();
    let (_, db) = loaded();
    let digest = view(&db).digest().unwrap();
    assert_ne!(digest, empty);
    let again = load(&db);
    assert_eq!((again.files[0].written, again.files[0].duplicates), (0, ROWS));
    assert_eq!(view(&db).digest().unwrap(), digest, "loaded twice");
    let first =
        view(&db).stats().unwrap().loads.iter().find(|l| l.rows == ROWS).expect("the load").id;
    let _ = session(&db).retract(&Retraction::Load(first)).unwrap();
    assert_eq!(view(&db).digest().unwrap(), empty, "retracted");
    assert_eq!(view(&db).stats().unwrap().profiles, 0);
    assert_eq!(load(&db).files[0].written, ROWS);
    assert_eq!(view(&db).digest().unwrap(), digest, "loaded again");
}

#[test]
fn shuffled_with_message_ids_it_is_the_same() {
    let text = std::fs::read_to_string(path()).unwrap();
    let mut rows: Vec<String> =
        text.lines().skip(1).enumerate().map(|(i, line)| format!("{line} m{i}")).collect();
    let mut rng = Rng::new(11);
    let mut digests = Vec::new();
    for _ in 0..2 {
        let bytes =
            format!("customer_id date number_of_cds dollar_value id\n{}\n", rows.join("\n"))
                .into_bytes();
        let input = Input::Bytes { name: "cdnow.txt".into(), bytes };
        let db = store::new();
        let report =
            db.load(&LoadRequest { message_id: vec!["id".into()], ..request(input) }).unwrap();
        assert_eq!(report.files[0].written, ROWS);
        digests.push(view(&db).digest().unwrap());
        rng.shuffle(&mut rows);
    }
    assert_eq!(digests[0], digests[1]);
}
