//! Behavioural links: who meets again and again is linked, as a stupid oracle counts it, and by a score alone.

use super::clusters;
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::dir::MemoryDir;
use navedb::{
    Db, DefineRequest, ErrorKind, IdentityAnswer, Retraction, Timestamp, TogetherRequest,
};
use std::collections::{BTreeMap, BTreeSet};

/// 2024-03-01.
const START: i64 = 1_709_251_200_000_000;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
const PLACES: [&str; 4] = ["paris", "lyon", "17", "wifi 5"];
const EVENTS: [&str; 3] = ["visit", "purchase", "scan"];

/// A device at a place, at a time or not.
#[derive(Debug, Clone)]
struct Seen {
    namespace: &'static str,
    device: usize,
    place: &'static str,
    time: Option<i64>,
    event: &'static str,
}

fn value(device: usize) -> String {
    format!("d{device}")
}

fn message(number: usize, seen: &Seen) -> String {
    let at =
        seen.time.map_or(String::new(), |time| format!(r#","timestamp":"{}""#, Timestamp(time)));
    // A place may be said as a number, and under a name in another case.
    let name = if number.is_multiple_of(3) { "Store_Id" } else { "store_id" };
    // Scanners know numbers alone, in one form or another.
    let place = match seen.event {
        "scan" if number.is_multiple_of(2) => format!("{}.0", seen.place),
        "scan" => seen.place.to_owned(),
        _ => format!("\"{}\"", seen.place),
    };
    format!(
        r#"{{"type":"track","identifiers":{{"{}":"{}"}},"event":"{}","messageId":"m{number}",
            "properties":{{"{name}":{place}}}{at}}}"#,
        seen.namespace,
        value(seen.device),
        seen.event
    )
}

fn random(rng: &mut Rng) -> Vec<Seen> {
    let (devices, days) = (2 + rng.below(5), 1 + rng.below(5));
    let namespaces: &[&str] = if rng.one_in(2) { &["device_id"] } else { &["device_id", "cookie"] };
    let one = |rng: &mut Rng| {
        let event = *rng.pick(&EVENTS);
        let places: &[&str] = if event == "scan" { &["17", "18"] } else { &PLACES };
        let place = *rng.pick(places);
        let at = START + DAY * rng.below(days) as i64 + 20 * MINUTE * rng.below(12) as i64;
        let time = (!rng.one_in(20)).then_some(at);
        let namespace = *rng.pick(namespaces);
        Seen { namespace, device: rng.below(devices), place, time, event }
    };
    (0..10 + rng.below(60)).map(|_| one(rng)).collect()
}

fn request(rng: &mut Rng) -> TogetherRequest {
    let mut request = TogetherRequest::new("STORE_ID");
    request.bucket = rng.pick(&["20m", "1h", "7h", "1d", "2d"]).parse().unwrap();
    request.least = 1 + rng.below(4) as u32;
    request.crowd = 2 + rng.below(4) as u32;
    if rng.one_in(3) {
        request.events.push("purchase".to_owned());
        request.events.push("Scan".to_owned());
    }
    if rng.one_in(3) {
        request.namespaces.push("device_id".to_owned());
    }
    request
}

type Device = (&'static str, usize);

/// What must be found: groups, crowds, how many pairs met, and the scores of those that met often enough.
type Oracle = (u64, u64, u64, BTreeMap<(Device, Device), f64>);

/// Looks at each pair of devices and each bucket by itself.
fn oracle(all: &[Seen], request: &TogetherRequest) -> Oracle {
    let length = i64::from(request.bucket.seconds()) * 1_000_000;
    let asked = |seen: &&Seen| {
        (request.events.is_empty() || seen.event != "visit")
            && (request.namespaces.is_empty() || seen.namespace == "device_id")
            && seen.time.is_some()
    };
    let mut groups: BTreeMap<(i64, &str), BTreeSet<Device>> = BTreeMap::new();
    for seen in all.iter().filter(asked) {
        let bucket = seen.time.unwrap().div_euclid(length);
        groups.entry((bucket, seen.place)).or_default().insert((seen.namespace, seen.device));
    }
    groups.retain(|_, group| group.len() > 1);
    let count = groups.len() as u64;
    groups.retain(|_, group| group.len() <= request.crowd as usize);
    let devices: BTreeSet<Device> = groups.values().flatten().copied().collect();
    let (mut met, mut linked) = (0, BTreeMap::new());
    for one in &devices {
        for other in devices.iter().filter(|other| *other > one) {
            let mut best: BTreeMap<i64, usize> = BTreeMap::new();
            for ((bucket, _), group) in &groups {
                if group.contains(one) && group.contains(other) {
                    let least = best.entry(*bucket).or_insert(group.len());
                    *least = group.len().min(*least);
                }
            }
            met += u64::from(!best.is_empty());
            let days: BTreeSet<i64> =
                best.keys().map(|bucket| (bucket * length).div_euclid(DAY)).collect();
            if best.len() >= request.least as usize && (request.least == 1 || days.len() > 1) {
                let worth = best.values().map(|size| 1.0 / (*size as f64 - 1.0)).sum();
                linked.insert((*one, *other), worth);
            }
        }
    }
    (count, count - groups.len() as u64, met, linked)
}

/// The scores of all behavioural evidence.
fn links(db: &Db, all: &[Seen], rule: &str) -> BTreeMap<(String, String), f64> {
    let mut found = BTreeMap::new();
    for seen in all {
        let cluster = view(db).identity_cluster((seen.namespace, &value(seen.device))).unwrap();
        for link in cluster.links {
            assert_eq!((link.kind.as_str(), link.rule.as_str()), ("behavioural", rule));
            assert_eq!(link.source, "matcher");
            let (one, other) = (link.identifiers.0.to_string(), link.identifiers.1.to_string());
            found.insert((one.clone().min(other.clone()), one.max(other)), link.score);
        }
    }
    found
}

#[test]
fn meetings_are_what_a_stupid_oracle_counts() {
    for seed in seeds(1, scale(60, 2000)) {
        let mut rng = Rng::new(seed);
        let all = random(&mut rng);
        let request = request(&mut rng);
        let said = format!("NAVE_SEED={seed}\n{request:#?}\n{all:#?}");
        let (groups, crowded, met, wanted) = oracle(&all, &request);
        let mut first: Option<String> = None;
        for order in 0..2 {
            let db = store::new();
            // So that each event type that is named is there, with a place.
            let start = |event: &str| {
                let place = if event == "scan" { "1.5" } else { "\"nowhere\"" };
                let properties = format!(r#"{{"store_id":{place}}}"#);
                let id = format!("start {event}");
                store::track("start", &id, "2020-01-01T00:00:00Z", event, &properties)
            };
            store::write(&db, "shop", &EVENTS.map(start));
            store::say(&db, "shop", r#"{"type":"identify","identifiers":{"device_id":"d0"}}"#);
            let mut numbers: Vec<usize> = (0..all.len()).collect();
            if order > 0 {
                rng.shuffle(&mut numbers);
            }
            let texts: Vec<String> = numbers.iter().map(|n| message(*n, &all[*n])).collect();
            let (early, late) = texts.split_at(rng.below(texts.len()));
            store::write(&db, "shop", early);
            if rng.one_in(2) {
                db.checkpoint().unwrap();
            }
            store::write(&db, "shop", late);
            let tried = session(&db)
                .identity_together(&TogetherRequest { dry_run: true, ..request.clone() })
                .unwrap();
            let report = session(&db).identity_together(&request).unwrap();
            assert_eq!(
                (report.groups, report.crowded, report.met),
                (groups, crowded, met),
                "{said}"
            );
            assert_eq!(
                (report.linked, report.written),
                (wanted.len() as u64, report.linked),
                "{said}"
            );
            assert_eq!((tried.linked, tried.written), (report.linked, 0), "{said}");
            let found = links(&db, &all, &report.rule);
            let name = |(namespace, device): Device| format!("{namespace}={}", value(device));
            let names: BTreeMap<(String, String), f64> = wanted
                .iter()
                .map(|((one, other), worth)| {
                    let (one, other) = (name(*one), name(*other));
                    ((one.clone().min(other.clone()), one.max(other)), *worth)
                })
                .collect();
            assert!(found.keys().eq(names.keys()), "{found:?}\n{names:?}\n{said}");
            let near = found.values().zip(names.values()).all(|(a, b)| (a - b).abs() < 0.001);
            assert!(near, "{found:?}\n{names:?}\n{said}");
            // Said again it is known, as far as it did not join what it is said of.
            let again = session(&db).identity_together(&request).unwrap();
            assert_eq!((again.written, again.position), (0, report.position), "{said}");
            let told = told(&db);
            assert_eq!(*first.get_or_insert_with(|| told.clone()), told, "{said}");
        }
    }
}

/// Who is one with whom.
fn told(db: &Db) -> String {
    let all: BTreeSet<BTreeSet<(String, String)>> = clusters(db).into_values().collect();
    format!("{all:?}")
}

fn visit(who: (&str, &str), id: &str, time: &str, place: &str) -> String {
    let (namespace, value) = who;
    format!(
        r#"{{"type":"track","identifiers":{{"{namespace}":"{value}"}},"event":"visit","messageId":"{id}",
            "timestamp":"{time}","properties":{{"store_id":{place}}}}}"#
    )
}

/// Two who visit one shop in the same hour on three days.
fn visits(db: &Db, one: (&str, &str), other: (&str, &str)) {
    for day in 1..=3 {
        for (who, minute) in [(one, 10), (other, 50)] {
            let id = format!("{} {day}", who.1);
            store::say(
                db,
                "shop",
                &visit(who, &id, &format!("2024-03-0{day}T12:{minute}:00Z"), "5"),
            );
        }
    }
}

#[test]
fn meetings_never_join_two_who_are_known() {
    let db = store::new();
    let text = "[identity.person.namespace.user_id]\nunique = true\n".to_owned();
    session(&db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
    for (user, device) in [("7", "a"), ("8", "b")] {
        let identify = format!(
            r#"{{"type":"identify","userId":"{user}","identifiers":{{"device_id":"{device}"}},
                "messageId":"i{user}","timestamp":"2024-01-01T00:00:00Z"}}"#
        );
        store::say(&db, "crm", &identify);
    }
    visits(&db, ("device_id", "a"), ("device_id", "b"));
    visits(&db, ("cookie", "c"), ("cookie", "d"));
    assert_eq!(view(&db).count("TRUE", navedb::At::Latest).unwrap(), 4, "nothing links by itself");
    let mut request = TogetherRequest::new("store_id");
    request.namespaces = vec!["device_id".to_owned()];
    let report = session(&db).identity_together(&request).unwrap();
    assert_eq!((report.written, report.profiles), (1, (4, 4)));
    let IdentityAnswer::Apart(not) =
        view(&db).identity(("user_id", "7"), ("user_id", "8")).unwrap()
    else {
        panic!("they are one");
    };
    let refused = &not.path[not.refused[0]];
    assert_eq!((refused.kind.as_str(), refused.score), ("behavioural", 3.0));
    assert!(!refused.admitted && !refused.reason.is_empty(), "{refused:?}");
    let again = session(&db).identity_together(&request).unwrap();
    assert_eq!((again.linked, again.written), (1, 0), "refused, and known");
    // Devices of which one at most is known are joined.
    request.namespaces = vec!["cookie".to_owned()];
    let report = session(&db).identity_together(&request).unwrap();
    assert_eq!(
        (report.rule.as_str(), report.written, report.profiles),
        ("together-store_id-1h", 1, (4, 3))
    );
    let all = Retraction::Source { source: "matcher".to_owned(), from: None, to: None };
    let _ = session(&db).retract(&all).unwrap();
    assert_eq!(clusters(&db).len(), 4, "taken back as if it had never been said");
    assert_eq!(session(&db).identity_together(&request).unwrap().profiles, (4, 3));
}

#[test]
fn late_events_and_rebuilding_end_alike() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    visits(&db, ("cookie", "a"), ("cookie", "b"));
    let request = TogetherRequest::new("store_id");
    let strict = TogetherRequest { least: 4, ..request.clone() };
    assert_eq!(session(&db).identity_together(&strict).unwrap().linked, 0);
    // Meetings of long ago, that are told now, count as others do.
    for who in ["a", "b"] {
        let text = visit(("cookie", who), &format!("late {who}"), "2023-01-01T12:30:00Z", "5");
        store::say(&db, "shop", &text);
    }
    let report = session(&db).identity_together(&strict).unwrap();
    assert_eq!((report.linked, report.profiles), (1, (2, 1)));
    let found = (told(&db), view(&db).digest().unwrap());
    db.close().unwrap();
    let clock = store::clock(store::NOON);
    navedb::rebuild(std::sync::Arc::new(disk.clone()), clock, navedb::Settings::default()).unwrap();
    let db = store::open(disk).unwrap();
    assert_eq!((told(&db), view(&db).digest().unwrap()), found);
    assert_eq!(session(&db).identity_together(&strict).unwrap().met, 0, "they are one by now");
}

#[test]
fn places_in_sets_and_in_tables_of_arrays_count_when_they_are_asked_for() {
    let db = store::new();
    let text = "[property.scan.wifi]\ntype = \"set\"\nseparator = \",\"\n".to_owned();
    session(&db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
    for day in 1..=3 {
        for (who, wifi) in [("a", "home, bus"), ("b", "work,bus"), ("c", "work, home")] {
            let text = format!(
                r#"{{"type":"track","anonymousId":"{who}","event":"scan","messageId":"{who} {day}",
                    "timestamp":"2024-03-0{day}T12:00:00Z",
                    "properties":{{"wifi":"{wifi}","stops":[{{"shop":"{who}"}},{{"shop":"x"}}]}}}}"#
            );
            store::say(&db, "phone", &text);
        }
    }
    let tried = |place: &str, events: &[&str]| {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        session(&db).identity_together(&TogetherRequest {
            events,
            dry_run: true,
            ..TogetherRequest::new(place)
        })
    };
    assert_eq!(tried("wifi", &[]).unwrap().linked, 3);
    let table = tried("shop", &["scan_stops"]).unwrap();
    assert_eq!((table.linked, table.groups), (3, 3));
    assert_eq!(tried("shop", &[]).unwrap().events, 0, "a row of an array is no event of its own");
    for (asked, words) in [
        (tried("shop", &["scan"]), "'scan' has no property 'shop'"),
        (tried("shop", &["visit"]), "no event 'visit'"),
        (tried("till", &[]), "no event has a property 'till'"),
    ] {
        let refused = asked.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert!(refused.message().contains(words), "{refused:?}");
    }
    let refused = |change: &dyn Fn(&mut TogetherRequest), words: &str| {
        let mut request = TogetherRequest::new("wifi");
        change(&mut request);
        let refused = session(&db).identity_together(&request).unwrap_err();
        assert!(refused.message().contains(words), "{refused:?}");
    };
    refused(&|request| request.least = 0, "at least 1 bucket");
    refused(&|request| request.crowd = 1, "crowd");
    refused(&|request| request.namespaces.push("phone".to_owned()), "there are anonymous_id");
    refused(&|request| request.place = "p".repeat(250), "shorter name");
    refused(&|request| request.source = "nave.x".to_owned(), "no name for a source");
    for wrong in ["", "h", "1", "0h", "59s", "32d", "1 h", "-1h", "1w", "99999999999h"] {
        assert!(wrong.parse::<navedb::Bucket>().is_err(), "{wrong}");
    }
    for (given, shown) in [("24h", "1d"), ("90m", "90m"), ("60m", "1h"), ("61s", "61s")] {
        assert_eq!(given.parse::<navedb::Bucket>().unwrap().to_string(), shown);
    }
}
