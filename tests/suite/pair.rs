//! The same steps on a store that loads by column and on one that loads row by row, and every way to look at what
//! became of them.

use crate::rng::{Rng, asked_seed};
use crate::store::{self, NOON, session, view};
use navedb::dir::{Crash, MemoryDir};
use navedb::limits::RECORD_IDENTIFIERS_MAX;
use navedb::{
    At, Db, DefineRequest, Input, Level, LoadReport, LoadRequest, QuarantineRequest, RecordKind,
    Retraction, Settings, Timestamp, View,
};
use std::sync::Arc;

/// A request for a file. `slowly`: the identifiers are named so often that rows go one by one.
pub(crate) fn request(
    kind: RecordKind,
    file: Input,
    (ids, slowly): (&[(&str, &str)], bool),
    time: bool,
    message_id: &[&str],
) -> LoadRequest {
    let mut request = LoadRequest::new("crm", kind);
    request.inputs.push(file);
    let ids: Vec<_> = ids.iter().map(|(n, c)| (n.to_string(), c.to_string())).collect();
    let times = if slowly { RECORD_IDENTIFIERS_MAX + 1 } else { 1 };
    request.ids = std::iter::repeat_n(ids, times).flatten().collect();
    request.time = time.then(|| "when".to_owned());
    request.message_id = message_id.iter().map(ToString::to_string).collect();
    request.level = Some(Level::Memory);
    request
}

fn open(disk: &MemoryDir) -> Db {
    let settings = Settings { keys_in_memory: 20, open_bytes: 3_000, ..Settings::default() };
    store::open_with(disk.clone(), settings).unwrap()
}

/// What a report says but for the names and numbers of loads.
fn told(report: &LoadReport) -> String {
    let file = &report.files[0];
    let counts = (file.rows, file.written, file.duplicates, file.conflicts, file.broken);
    format!("{counts:?} {} {:?}", file.quarantined_values, report.broken)
}

const USERS: usize = 12;

/// A name that is written with an escape, for which a row of JSON is read by itself, and the same, as long, without.
pub(crate) const ESCAPED: &str = "\"\\u0071\"";
pub(crate) const PLAIN_NAME: &str = "\"q\"     ";

/// All that can be seen of what was loaded, but for what is random in a store.
pub(crate) fn seen(view: &View, exact: bool) -> String {
    let stats = view.stats().unwrap();
    let digest = if exact { view.digest().unwrap() } else { String::new() };
    let mut text = format!(
        "{digest} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?}\n",
        stats.profiles,
        stats.identifiers,
        stats.events,
        stats.traits,
        stats.properties,
        stats.entities,
        stats.entity_fields,
        stats.quarantine,
        stats.sources,
    );
    for user in 0..USERS {
        let user = format!("u{user}");
        let profile = view.profile("user_id", &user).unwrap();
        let profile =
            profile.map(|p| (p.identifiers, p.traits, p.events, p.consents, p.memberships));
        text += &format!("{user} {profile:?} {:?}\n", view.timeline("user_id", &user).unwrap());
    }
    for number in 0..60 {
        for id in [format!("i{number}"), format!("i{number},p\\,1"), format!("\"i{number}\"")] {
            let record = view.record("crm", &id).unwrap();
            text += &record.map_or_else(String::new, |r| String::from_utf8_lossy(&r).into_owned());
        }
    }
    for item in view.quarantine(&QuarantineRequest::default()).unwrap().items {
        let at = (item.position, item.kind, item.line, item.time);
        text += &format!("\n{at:?} {:?} {} {}", item.field, item.value, item.reason);
    }
    let past = At::AsOf(Timestamp::parse("2024-02-10T00:00:00Z").unwrap());
    let count = |text: &str, at: At| view.count(text, at).map_err(|e| e.kind());
    for product in ["p0", "p1", "p2"] {
        let price = |name: &str| {
            let text = format!(
                "EXISTS (SELECT 1 FROM buy e JOIN product d ON d.id = '{product}' WHERE d.{name} \
                 IS NOT NULL)"
            );
            count(&text, At::Latest)
        };
        text += &format!("\n{product} {:?} {:?}", price("a"), price("\"n.x\""));
    }
    let bought = count("(SELECT count(*) FROM buy e) > 1", past);
    text + &format!("\n{bought:?} {:?}", count("p.a IS NULL", past))
}

/// A text without the digests of bytes and the ids that come of these.
fn without_digests(text: &str) -> String {
    let (mut kept, mut digits) = (String::with_capacity(text.len()), 0);
    for character in text.chars() {
        kept.push(character);
        digits = if matches!(character, '0'..='9' | 'a'..='f') { digits + 1 } else { 0 };
        if digits == 32 {
            kept.truncate(kept.len() - 32);
        }
    }
    kept
}

/// A kind of files, and how they are loaded by column and row by row.
pub(crate) struct Case<'c> {
    /// The file of a seed with so many rows, for one way or the other.
    pub file: &'c dyn Fn(u64, usize, bool) -> Vec<u8>,
    pub request: &'c dyn Fn(&[u8], bool) -> LoadRequest,
    /// Whether both ways load the same bytes.
    pub exact: bool,
    /// What is defined after the first load.
    pub definition: Option<String>,
    pub name: String,
}

/// The same steps on a store that loads by column and on one that loads row by row.
pub(crate) struct Pair<'c> {
    disks: [MemoryDir; 2],
    stores: [Db; 2],
    case: &'c Case<'c>,
}

impl<'c> Pair<'c> {
    pub fn new(case: &'c Case<'c>) -> Pair<'c> {
        let disks = [MemoryDir::new(), MemoryDir::new()];
        let stores = [open(&disks[0]), open(&disks[1])];
        Pair { disks, stores, case }
    }

    pub fn load(&self, seed: u64, rows: usize, here: &str) -> LoadReport {
        let [by_column, by_row] = [false, true].map(|slowly| {
            let bytes = (self.case.file)(seed, rows, slowly);
            self.stores[usize::from(slowly)].load(&(self.case.request)(&bytes, slowly)).unwrap()
        });
        assert_eq!(told(&by_column), told(&by_row), "{here}");
        by_column
    }

    /// What a store shows. Where the files have other bytes, the names in them are the same.
    fn seen(&self, db: &Db) -> String {
        let seen = seen(&view(db), self.case.exact).replace(ESCAPED, PLAIN_NAME);
        if self.case.exact { seen } else { without_digests(&seen) }
    }

    pub fn same(&self, here: &str) -> String {
        let [by_column, by_row] = [0, 1].map(|store| self.seen(&self.stores[store]));
        assert_eq!(by_column, by_row, "{here}: by column and by row");
        by_column
    }

    fn reopen(&mut self, here: &str) {
        let before = self.same(here);
        for store in 0..2 {
            let left = self.disks[store].crash(Crash::KeepAll);
            assert_eq!(self.seen(&open(&left)), before, "{here}: after a crash");
            navedb::rebuild(Arc::new(left.clone()), store::clock(NOON), Settings::default())
                .unwrap();
            assert_eq!(self.seen(&open(&left)), before, "{here}: rebuilt");
            let other = std::mem::replace(&mut self.stores[store], open(&MemoryDir::new()));
            other.close().unwrap();
            self.stores[store] = open(&self.disks[store]);
        }
        assert_eq!(self.same(here), before, "{here}: opened again");
    }

    fn define(&self, text: &str, here: &str) {
        for db in &self.stores {
            let text = text.to_owned();
            let request = DefineRequest { text, ..DefineRequest::default() };
            session(db).define(&request).unwrap_or_else(|e| panic!("{here}: {e}"));
        }
    }

    fn retract(&self, what: &Retraction) -> bool {
        let done = [0, 1].map(|store| session(&self.stores[store]).retract(what).is_ok());
        assert_eq!(done[0], done[1], "{what:?}");
        done[0]
    }
}

/// Messages whose values have types that those of a file may contradict.
fn messages(rng: &mut Rng) -> Vec<String> {
    const VALUES: [&str; 9] = [
        "1",
        "1.5",
        "1e2",
        "true",
        "\"2024-01-01\"",
        "\"2024-01-01T00:00:00Z\"",
        "\"x\"",
        "[\"x\"]",
        "null",
    ];
    let day = "2024-01-01T00:00:00Z";
    let mut told =
        || ["a", "b", "C"].map(|name| format!("\"{name}\":{}", rng.pick(&VALUES))).join(",");
    vec![
        store::identify("u1", "i3", day, &format!("{{{}}}", told())),
        store::track("u2", "i900", day, "Buy", &format!("{{{}}}", told())),
    ]
}

/// Rounds of random cases, each with a seed of its own; gives how many rows were written in all.
pub(crate) fn judge_rounds(rounds: u64, round: impl Fn(u64, &mut Rng) -> u64) -> u64 {
    let first = asked_seed().unwrap_or(1) * 1_000_000;
    let written = (first..first + rounds).map(|seed| round(seed, &mut Rng::new(seed))).sum();
    println!("{written} rows");
    written
}

/// Does the same to both stores; gives how many rows of the first file were written.
pub(crate) fn judge(seed: u64, rng: &mut Rng, case: &Case<'_>) -> u64 {
    let rows = 1 + rng.below(60);
    let shown = (case.file)(seed, rows, false);
    let here =
        format!("seed {seed}, {rows} rows, {}\n{}", case.name, String::from_utf8_lossy(&shown));
    let mut pair = Pair::new(case);
    if rng.one_in(2) {
        let messages = messages(rng);
        pair.stores.iter().for_each(|db| drop(store::write(db, "crm", &messages)));
    }
    let first = pair.load(seed, rows, &here);
    let loaded = pair.same(&here);
    let again = pair.load(seed, rows, &format!("{here}\nonce more"));
    assert_eq!((again.files[0].written, again.files[0].load), (0, None), "{here}: once more");
    assert_eq!(pair.same(&here), loaded, "{here}: once more");
    pair.reopen(&here);
    pair.load(seed, rows, &format!("{here}\nopened again"));
    assert_eq!(pair.same(&here), loaded, "{here}: once more");
    if let Some(definition) = &case.definition {
        pair.define(definition, &here);
        pair.reopen(&format!("{here}\ndefined {definition}"));
    }
    // A longer file begins with the same rows.
    pair.load(seed, rows + 5, &format!("{here}\nlonger"));
    pair.same(&format!("{here}\nlonger"));
    pair.load(seed + 1, rows, &format!("{here}\nanother"));
    pair.same(&format!("{here}\nanother"));
    // Rows are withdrawn, whatever their message ids are, and then loaded again.
    let events = view(&pair.stores[0]).timeline("user_id", "u3").unwrap().unwrap_or_default();
    let generated = events.first().map(|event| event.message_id.clone());
    let ids = [format!("i{}", rng.below(rows)), format!("i{},p\\,1", rng.below(rows))];
    for message_id in ids.into_iter().chain(generated.filter(|_| case.exact)) {
        pair.retract(&Retraction::Record { source: "crm".into(), message_id: message_id.clone() });
        pair.same(&format!("{here}\nwithout {message_id}"));
    }
    pair.load(seed, rows, &format!("{here}\nafter rows were withdrawn"));
    pair.reopen(&format!("{here}\nafter rows were withdrawn"));
    if let Some(load) = first.files[0].load {
        // A load all of whose rows are withdrawn is no longer in force, and its file is loaded as another.
        let loads = view(&pair.stores[0]).stats().unwrap().loads;
        let in_force = loads.iter().any(|known| known.id == load);
        assert_eq!(pair.retract(&Retraction::Load(load)), in_force, "{here}");
        pair.reopen(&format!("{here}\nwithout the load"));
        pair.load(seed, rows, &format!("{here}\nafter the load was withdrawn"));
        pair.same(&format!("{here}\nafter the load was withdrawn"));
    }
    first.files[0].written
}
