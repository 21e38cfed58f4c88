//! What comes in: quarantine with its pages and decisions, sources that are held or refused, quality and expectations.

use crate::rng::Rng;
use crate::store::{self, identify, say, session, track, view};
use navedb::clock::ManualClock;
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Accept, At, Db, DefineRequest, ErrorKind, Input, Level, LoadRequest, QualityRequest,
    QuarantineKind, QuarantineRequest, RecordKind, Said, Settings, SourceState, Timestamp,
};
use std::sync::Arc;

const DAY: &str = "2024-03-01T00:00:00Z";

fn request(name: &str, rows: &[String]) -> LoadRequest {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    let bytes = format!("user,id,day,amount\n{}\n", rows.join("\n")).into_bytes();
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes });
    request.ids.push(("user_id".into(), "user".into()));
    request.time = Some("day".into());
    request.message_id.push("id".into());
    request.level = Some(Level::Memory);
    request
}

fn rows(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn kinds(db: &Db) -> Vec<(QuarantineKind, u64)> {
    view(db).quarantine_counts().unwrap().iter().map(|c| (c.kind, c.count)).collect()
}

#[test]
fn pages_of_the_quarantine_are_the_whole_of_it() {
    let db = store::new();
    db.load(&request("a.csv", &rows(&["u1,a,2024-01-01,5", ",b,2024-01-01,6"]))).unwrap();
    say(&db, "web", &track("u", "first", DAY, "view", r#"{"n":1,"k":1}"#));
    let mut rng = Rng::new(3);
    for i in 0..60 {
        let message = match rng.below(4) {
            0 => track("u", "m0", DAY, "view", &format!(r#"{{"n":{i}}}"#)),
            1 => track("u", &format!("x{i}"), DAY, "view", r#"{"n":"odd","k":"odd"}"#),
            2 => format!("no record {i}"),
            _ => track("u", &format!("g{i}"), DAY, "view", &format!(r#"{{"n":{i},"k":{i}}}"#)),
        };
        say(&db, ["web", "app"][rng.below(2)], &message);
    }
    let all = view(&db).quarantine(&QuarantineRequest::default()).unwrap();
    assert_eq!(all.next, None);
    let counted: u64 = view(&db).quarantine_counts().unwrap().iter().map(|c| c.count).sum();
    assert_eq!((all.items.len() as u64, counted > 20), (counted, true));
    assert!(all.items.is_sorted_by_key(|item| item.position));
    let file = all.items.iter().find(|item| item.source == "shop").unwrap();
    assert_eq!((file.file.as_deref(), file.line), (Some("a.csv"), Some(3)));
    assert_eq!(file.value, ",b,2024-01-01,6");
    for limit in [1, 3, 7] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = QuarantineRequest { limit, after, ..QuarantineRequest::default() };
            let page = view(&db).quarantine(&request).unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, all.items, "by {limit}");
    }
    for (source, kind, field) in [
        (Some("web"), None, None),
        (None, Some(QuarantineKind::Value), Some("k")),
        (Some("app"), Some(QuarantineKind::Value), Some("view.n")),
        (None, Some(QuarantineKind::Conflict), None),
    ] {
        let wanted = QuarantineRequest {
            source: source.map(str::to_owned),
            kind,
            field: field.map(str::to_owned),
            ..QuarantineRequest::default()
        };
        let some = view(&db).quarantine(&wanted).unwrap().items;
        let plain = all.items.iter().filter(|item| {
            source.is_none_or(|s| s == item.source)
                && kind.is_none_or(|k| k == item.kind)
                && field.is_none_or(|f| {
                    item.field
                        .as_deref()
                        .is_some_and(|own| own == f || own.ends_with(&format!(".{f}")))
                })
        });
        assert_eq!(some, plain.cloned().collect::<Vec<_>>(), "{wanted:?}");
        assert!(!some.is_empty(), "{wanted:?}");
    }
}

#[test]
fn a_replay_decides_conflicts_as_if_the_newer_content_had_come_alone() {
    let (disk, other) = (MemoryDir::new(), store::new());
    let db = store::open_with(disk.clone(), store::small()).unwrap();
    let message = |id: &str, n: u64| track("ann", id, DAY, "view", &format!(r#"{{"n":{n}}}"#));
    for (id, n) in [("a", 1), ("b", 1), ("a", 2), ("a", 3), ("c", 1), ("b", 2)] {
        say(&db, "web", &message(id, n));
    }
    db.load(&request("a.csv", &rows(&["u1,a,2024-01-01,5"]))).unwrap();
    db.load(&request("b.csv", &rows(&["u1,a,2024-01-01,6", "u1,z,2024-01-01,9"]))).unwrap();
    assert_eq!(kinds(&db).iter().map(|(_, n)| n).sum::<u64>(), 4);
    let nothing = session(&db).replay(Accept::Free).unwrap();
    assert_eq!((nothing.before, nothing.accepted), (4, 0), "no id is free");
    let page = view(&db).quarantine(&QuarantineRequest::default()).unwrap();
    let first = page.items[0].position;
    let one = session(&db).replay(Accept::One(first)).unwrap();
    assert_eq!(one.accepted, 1);
    assert_eq!(view(&db).record("web", "a").unwrap().unwrap(), message("a", 2).as_bytes());
    let gone = session(&db).replay(Accept::One(first)).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "it is decided");
    let all = session(&db).replay(Accept::AllConflicts).unwrap();
    assert_eq!((all.before, all.accepted, all.left.len()), (3, 3, 0));
    for (id, n) in [("a", 3), ("b", 2), ("c", 1)] {
        say(&other, "web", &message(id, n));
    }
    other.load(&request("b.csv", &rows(&["u1,a,2024-01-01,6", "u1,z,2024-01-01,9"]))).unwrap();
    let digest = view(&other).digest().unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "live");
    assert_eq!(say(&db, "web", &message("a", 3)).duplicates, 1, "it is known by its own id");
    db.close().unwrap();
    let shared: Arc<dyn Dir> = Arc::new(disk.clone());
    navedb::rebuild(shared, store::clock(store::NOON), store::small()).unwrap();
    let db = store::open_with(disk, store::small()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), digest, "rebuilt");
}

#[test]
fn a_conflict_whose_id_is_free_by_now_is_taken_by_a_replay() {
    let db = store::new();
    let message = |n: u64| track("ann", "a", DAY, "view", &format!(r#"{{"n":{n}}}"#));
    say(&db, "web", &message(1));
    say(&db, "web", &message(2));
    let (source, message_id) = ("web".to_owned(), "a".to_owned());
    let _ = session(&db).retract(&navedb::Retraction::Record { source, message_id }).unwrap();
    assert_eq!(session(&db).replay(Accept::Free).unwrap().accepted, 1);
    assert_eq!(view(&db).record("web", "a").unwrap().unwrap(), message(2).as_bytes());
    assert!(view(&db).quarantine_counts().unwrap().is_empty());
}

#[test]
fn what_a_held_source_says_counts_when_it_is_released_and_not_before() {
    let disk = MemoryDir::new();
    let mut db = store::open_with(disk.clone(), store::small()).unwrap();
    let (before, all) = (store::new(), store::new());
    let mut rng = Rng::new(11);
    for (held, steps) in [(false, 6), (true, 12)] {
        if held {
            let _ = session(&db).set_source("shop", SourceState::Held, "a \"test\"").unwrap();
        }
        for step in 0..steps {
            let id = format!("{held}{step}");
            let message = match rng.below(2) {
                0 => identify("u1", &id, DAY, &format!(r#"{{"age":{step}}}"#)),
                _ => track("u2", &id, DAY, "view", &format!(r#"{{"n":{step}}}"#)),
            };
            let source = ["shop", "web"][rng.below(2)];
            let file = request("a.csv", &[format!("u{step},f{id},2024-01-01,{step}")]);
            for target in [&db, &all] {
                assert_eq!(say(target, source, &message).written, 1);
                assert_eq!(say(target, source, &message).duplicates, 1, "once, also while held");
                assert_eq!(target.load(&file).unwrap().files[0].written, 1);
            }
            if !held || source == "web" {
                say(&before, source, &message);
            }
            if !held {
                before.load(&file).unwrap();
            }
            if held && step % 4 == 3 {
                if step % 8 == 3 {
                    db.close().unwrap();
                } else {
                    db.close().unwrap();
                    let shared: Arc<dyn Dir> = Arc::new(disk.clone());
                    let clock = store::clock(store::NOON);
                    navedb::rebuild(shared, clock, store::small()).unwrap();
                }
                db = store::open_with(disk.clone(), store::small()).unwrap();
            }
            let wanted = if held { &before } else { &all };
            assert_eq!(view(&db).digest().unwrap(), view(wanted).digest().unwrap(), "{id}");
        }
    }
    let stats = view(&db).stats().unwrap();
    let shop = stats.sources.iter().find(|source| source.name == "shop").unwrap();
    assert_eq!(
        (shop.state, shop.held >= 12, shop.since.is_some()),
        (SourceState::Held, true, true)
    );
    let _ = session(&db).set_source("shop", SourceState::Live, "").unwrap();
    assert_eq!(view(&db).digest().unwrap(), view(&all).digest().unwrap(), "released");
    db.close().unwrap();
    let db = store::open_with(disk, store::small()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), view(&all).digest().unwrap(), "reopened");
    assert_eq!(view(&db).stats().unwrap().sources.iter().map(|s| s.held).sum::<u64>(), 0);
}

#[test]
fn a_refused_source_is_told_so_and_nothing_is_logged() {
    let db = store::new();
    let again = session(&db).set_source("shop", SourceState::Refused, "").unwrap();
    assert_eq!(again.written, 1);
    let again = session(&db).set_source("shop", SourceState::Refused, "").unwrap();
    assert_eq!(again.written, 0, "it is so already");
    let position = view(&db).position();
    let mut batch = store::batch("web", &[track("u", "1", DAY, "view", "{}")]);
    batch = batch.record(navedb::Record::message("shop", track("u", "2", DAY, "view", "{}")));
    let refused = session(&db).write(batch).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("'shop'"), "{refused}");
    let refused = db.load(&request("a.csv", &rows(&["u,1,2024-01-01,5"]))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(view(&db).position(), position);
    let _ = session(&db).set_source("shop", SourceState::Live, "").unwrap();
    assert_eq!(
        db.load(&request("a.csv", &rows(&["u,1,2024-01-01,5"]))).unwrap().files[0].written,
        1
    );
}

/// A store with a clock that starts two days before noon of the tests.
fn aged() -> (Db, Arc<ManualClock>) {
    let clock = store::clock(store::NOON - 2 * 86_400_000_000);
    let db =
        Db::open_with(Arc::new(MemoryDir::new()), Arc::clone(&clock) as _, Settings::default());
    (db.unwrap(), clock)
}

#[test]
fn quality_counts_what_is_in_force_by_day() {
    let (db, clock) = aged();
    let (first, second) = ("u1,a,2024-03-28,5", "u2,b,2024-03-29,");
    let file = rows(&[first, second, ",c,2024-03-29,1", first, second]);
    db.load(&request("a.csv", &file)).unwrap();
    let position = view(&db).position();
    db.load(&request("a.csv", &file)).unwrap();
    assert_eq!(view(&db).position(), position, "what brings nothing new is not written down");
    let first_load = view(&db).stats().unwrap().loads[0].id;
    clock.set(Timestamp(store::NOON));
    say(&db, "shop", &track("u1", "m", DAY, "purchase", r#"{"amount":"odd","coupon":"x"}"#));
    say(&db, "shop", &identify("u1", "i", DAY, r#"{"age":null}"#));
    say(&db, "shop", &identify("u1", "i", DAY, r#"{"age":7}"#));
    let quality = view(&db).quality(&QualityRequest::default()).unwrap();
    let shop = &quality.sources[0];
    assert_eq!((shop.name.as_str(), shop.days.len()), ("shop", 2));
    let (old, new) = (&shop.days[0], &shop.days[1]);
    assert_eq!(
        (old.day.to_string(), new.day.to_string()),
        ("2024-03-29".into(), "2024-03-31".into())
    );
    assert_eq!((old.broken, old.duplicates, old.conflicts), (1, 2, 0));
    assert_eq!((new.broken, new.duplicates, new.conflicts), (0, 0, 1));
    let bought = &old.kinds[0];
    assert_eq!((bought.kind, bought.what.as_str(), bought.rows), ("track", "purchase", 2));
    assert_eq!(bought.nulls, [("amount".to_owned(), 1), ("coupon".to_owned(), 2)]);
    assert_eq!(new.new_fields, ["purchase.coupon", "identify.age"]);
    assert_eq!(new.contradictions, [("purchase.amount".to_owned(), 1)]);
    assert_eq!(shop.newest_event, Timestamp::parse("2024-03-29T00:00:00Z").ok());
    let late = old.lateness.unwrap();
    assert_eq!(late.most, 36 * 3_600_000_000, "the older of the two");
    assert!(late.p50 >= 12 * 3_600_000_000 && late.p50 < 13 * 3_600_000_000);
    let _ = session(&db).retract(&navedb::Retraction::Load(first_load)).unwrap();
    let quality = view(&db).quality(&QualityRequest { source: None, days: 1 }).unwrap();
    assert_eq!(quality.sources[0].days.len(), 1, "one day was asked for");
    let quality = view(&db).quality(&QualityRequest::default()).unwrap();
    assert_eq!(quality.sources[0].days.len(), 1, "a withdrawn load counts nowhere");
    assert!(view(&db).quality(&QualityRequest { source: Some("x".into()), days: 1 }).is_err());
}

/// Defines what a text of TOML says.
fn define(db: &Db, text: &str) {
    let text = text.to_owned();
    session(db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
}

#[test]
fn quality_names_fields_as_mappings_do() {
    let db = store::new();
    let text = "[mapping.shop.track.purchase]\nfields = { amount = \"price\", odd = false }\n";
    say(&db, "shop", &track("u", "1", DAY, "purchase", r#"{"amount":5,"odd":1,"n":1}"#));
    say(&db, "shop", &track("u", "2", DAY, "purchase", r#"{"PRICE":6}"#));
    define(&db, text);
    let quality = view(&db).quality(&QualityRequest::default()).unwrap();
    let nulls = &quality.sources[0].days[0].kinds[0].nulls;
    assert_eq!(*nulls, [("price".to_owned(), 0), ("n".to_owned(), 1)]);

    // What is expected of a field goes by any of its names.
    define(&db, "[property.purchase.n]\naliases = [\"count\"]\n");
    for (expected, wanted) in [("price", 0), ("amount", 0), ("n", 1), ("COUNT", 1), ("odd", 0)] {
        let body = format!("max_null = {{ {expected} = 0.4 }}");
        session(&db).expect("shop", "purchase", Some(&body)).unwrap();
        let quality = view(&db).quality(&QualityRequest::default()).unwrap();
        assert_eq!(quality.breaches.len(), wanted, "{expected}: {:?}", quality.breaches);
    }
    let known = view(&db).quality(&QualityRequest::default()).unwrap().sources[0].days[0].clone();
    assert_eq!(known.new_fields, ["purchase.price", "purchase.n"]);
}

#[test]
fn a_definition_holds_and_releases_a_source_too() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    let all = store::new();
    let message = |n: u64| track("u", &format!("m{n}"), DAY, "view", &format!(r#"{{"n":{n}}}"#));
    for target in [&db, &all] {
        say(target, "my shop", &message(1));
    }
    let before = view(&db).digest().unwrap();
    define(&db, "[source.\"my shop\"]\nstate = \"held\"\n");
    for target in [&db, &all] {
        say(target, "my shop", &message(2));
    }
    assert_eq!(view(&db).digest().unwrap(), before, "held");
    db.close().unwrap();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!(view(&db).digest().unwrap(), before, "reopened");
    let shared: Arc<dyn Dir> = Arc::new(disk.clone());
    db.close().unwrap();
    navedb::rebuild(shared, store::clock(store::NOON), Settings::default()).unwrap();
    let db = store::open(disk).unwrap();
    assert_eq!(view(&db).digest().unwrap(), before, "rebuilt");
    define(&db, "[source.\"my shop\"]\nstate = \"live\"\n");
    assert_eq!(view(&db).digest().unwrap(), view(&all).digest().unwrap(), "released");
}

#[test]
fn a_load_that_breaches_an_expectation_is_told_and_may_hold_its_source() {
    let (db, clock) = aged();
    let session = session(&db);
    for wrong in ["rows_per_day = -1", "max_null = 2", "max_lag = \"soon\"", "odd = 1", "x"] {
        let error = session.expect("shop", "purchase", Some(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}: {error}");
    }
    let body = "rows_per_day = { min = 2, max = 3 }\nmax_null = { amount = 0.5 }\n\
                max_lag = \"2 days\"\non_breach = \"hold\"\n";
    session.expect("shop", "purchase", Some(body)).unwrap();
    let good =
        db.load(&request("a.csv", &rows(&["u1,a,2024-03-28,5", "u2,b,2024-03-29,"]))).unwrap();
    assert_eq!((good.breaches.len(), good.held), (0, false), "half is no more than half");
    clock.set(Timestamp(store::NOON - 86_400_000_000));
    let short = db.load(&request("b.csv", &rows(&["u1,c,2024-03-30,5"]))).unwrap();
    assert_eq!(short.breaches.len(), 0, "the day is not over");
    clock.set(Timestamp(store::NOON));
    db.tick().unwrap();
    let quality = view(&db).quality(&QualityRequest::default()).unwrap();
    let told: Vec<String> = quality.breaches.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["shop purchase 2024-03-30: 1 rows, at least 2 are expected"]);
    let bad =
        rows(&["u1,d,2024-03-31,", "u2,e,2024-03-31,", "u3,f,2024-03-31,", "u4,g,2024-03-31,1"]);
    let report = db.load(&request("c.csv", &bad)).unwrap();
    assert_eq!((report.breaches.len(), report.held), (2, true), "{:?}", report.breaches);
    let count = || view(&db).count("EXISTS (SELECT 1 FROM purchase e)", At::Latest).unwrap();
    let people = count();
    db.load(&request("d.csv", &rows(&["u9,h,2024-03-31,1"]))).unwrap();
    assert_eq!(count(), people, "held from there on");
    session.expect("shop", "purchase", None).unwrap();
    let _ = session.set_source("shop", SourceState::Live, "").unwrap();
    assert_eq!(count(), people + 1);
    let (quality, held) = session.check_quality(&QualityRequest::default()).unwrap();
    assert_eq!((quality.breaches.len(), held.len()), (0, 0));
}
