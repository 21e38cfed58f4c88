//! Small cases in which a storage of parts goes wrong easily: names that come twice, loads beside each other, files
//! that a check must not touch.

use crate::rng::scale;
use crate::store::{self, identify, say, track, view};
use navedb::dir::MemoryDir;
use navedb::{At, Db, Input, Level, LoadRequest, RecordKind, Said, Settings};

const DAY: &str = "2024-03-01T00:00:00Z";

fn purchases(name: &str, text: &str) -> LoadRequest {
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("purchase".into())));
    request.inputs.push(Input::Bytes { name: name.into(), bytes: text.as_bytes().to_vec() });
    request.ids.push(("user_id".into(), "user".into()));
    request.level = Some(Level::Memory);
    request
}

/// Two spellings of a name, and a nested name beside its flat form, are one property: the last one is its value.
#[test]
fn a_property_that_is_told_twice_belongs_to_its_own_event_alone() {
    let twice = [
        (r#"{"n":1,"N":2}"#, "2"),
        (r#"{"a.b":1,"a":{"b":2}}"#, "2"),
        (r#"{"s":["x"],"S":["y","z"]}"#, "y,z"),
        (r#"{"t":"one","T":"two"}"#, "two"),
        (r#"{"n":1.5,"N":2}"#, "2"),
        (r#"{"n":true,"N":false}"#, "false"),
    ];
    for (properties, _) in twice {
        // The second event lacks what the first one told twice.
        let db = store::new();
        let messages =
            [track("ann", "1", DAY, "step", properties), track("ben", "2", DAY, "step", "{}")];
        store::write(&db, "web", &messages);
        for (user, told) in [("ann", 1), ("ben", 0)] {
            let events = view(&db).timeline("user_id", user).unwrap().unwrap();
            assert_eq!(events[0].properties.len(), told, "{user}: {properties}");
        }
        let live = view(&db).digest().unwrap();
        db.checkpoint().unwrap();
        assert_eq!(view(&db).digest().unwrap(), live, "{properties}");
    }
    let db = store::new();
    say(&db, "web", &track("ann", "1", DAY, "step", r#"{"n":1,"N":2}"#));
    say(&db, "web", &track("ann", "2", DAY, "step", r#"{"n":5}"#));
    assert_eq!(view(&db).count("(SELECT sum(e.n) FROM step e) = 7", At::Latest), Ok(1));
}

/// The same file, loaded on several threads at once, counts once.
#[test]
fn a_file_that_is_loaded_on_several_threads_counts_once() {
    let rows: String = (0..40_000).map(|i| format!("u{},{i}\n", i % 50)).collect();
    let file = format!("user,n\n{rows}");
    let db = store::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let db = db.clone();
            let request = purchases("p.csv", &file);
            scope.spawn(move || db.load(&request).unwrap());
        }
    });
    let stats = view(&db).stats().unwrap();
    assert_eq!(stats.events, [("purchase".to_owned(), 40_000)], "{:?}", stats.loads);
}

/// A thread that merges changes nothing but who waits: after each write all is there, and in the end all is equal.
#[test]
fn a_store_whose_parts_a_thread_merges_tells_the_same() {
    let write = |db: &Db, number: u64| {
        let traits = format!(r#"{{"age":{},"city":"c{}"}}"#, number % 90, number % 7);
        let user = format!("u{}", number * 31 % 200);
        say(db, "web", &identify(&user, &format!("m{number}"), DAY, &traits));
        let link = format!(
            r#"{{"type":"identify","userId":"{user}","anonymousId":"a{}","messageId":"l{number}","timestamp":"{DAY}"}}"#,
            number * 17 % 150
        );
        say(db, "web", &link);
    };
    let settings = |merge_thread| Settings { merge_thread, ..store::small() };
    let [alone, beside] =
        [false, true].map(|thread| store::open_with(MemoryDir::new(), settings(thread)).unwrap());
    for number in 0..scale(700, 20_000) {
        write(&alone, number);
        write(&beside, number);
        if number % 97 == 0 {
            let seen =
                |db: &Db| view(db).count("p.age > 30 AND p.city = 'c3'", At::Latest).unwrap();
            assert_eq!(seen(&alone), seen(&beside), "{number}");
        }
        if number % 331 == 330 {
            beside.checkpoint().unwrap();
        }
    }
    assert_eq!(view(&alone).digest().unwrap(), view(&beside).digest().unwrap());
}

/// A golden record may be larger than any one record: it is read back all the same.
#[test]
fn a_profile_with_more_than_64_mib_of_values_stays_readable() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    let long = "x".repeat(4_000_000);
    let told =
        |i: usize| identify("ann", &format!("m{i}"), DAY, &format!(r#"{{"t{i}":"{long}{i}"}}"#));
    store::write(&db, "crm", &(0..17).map(told).collect::<Vec<_>>());
    db.checkpoint().unwrap();
    say(&db, "crm", &identify("ann", "n", DAY, r#"{"n":1}"#));
    let profile = view(&db).profile("user_id", "ann").unwrap().unwrap();
    assert_eq!(profile.traits.len(), 18);
    assert_eq!(view(&db).count("p.t7 LIKE 'xx%7' AND p.n = 1", At::Latest), Ok(1));
    let live = view(&db).digest().unwrap();
    db.close().unwrap();
    let db = store::open(disk).unwrap();
    assert_eq!(view(&db).digest().unwrap(), live);
    assert_eq!(db.open_report().discarded, Vec::<String>::new());
}
