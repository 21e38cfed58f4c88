//! Streams with names of their own: what was put there comes out once and in order, whatever happens to the store.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, identify, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    Became, Db, ErrorKind, Identity, Input, Level, LoadRequest, Named, Position, Reason,
    RecordKind, Retraction, Session, Settings, StreamRule, import_log, limits,
};
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400_000_000;

struct Story {
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Db,
}

fn open(disk: &MemoryDir, clock: &Arc<ManualClock>) -> Db {
    let settings = Settings { log_file_bytes: 1 << 16, keys_in_memory: 64, ..Settings::default() };
    Db::open_with(Arc::new(disk.clone()), clock.clone(), settings).unwrap()
}

impl Story {
    fn new() -> Story {
        let (disk, clock) = (MemoryDir::new(), store::clock(NOON));
        let db = open(&disk, &clock);
        session(&db).define_stream("jobs", &StreamRule::default()).unwrap();
        Story { disk, clock, db }
    }

    fn session(&self) -> Session {
        session(&self.db)
    }

    /// What a crash leaves when everything was handed to the system.
    fn crash(&mut self) {
        self.session().wait(view(&self.db).position(), Level::Os).unwrap();
        let left = store::copy(&self.disk);
        self.disk = left;
        self.db = open(&self.disk, &self.clock);
    }
}

fn texts(db: &Db, stream: &str) -> Vec<String> {
    let items = session(db).follow(Named(stream), Position(0), Duration::ZERO);
    items.map(|item| item.unwrap().text).collect()
}

#[test]
fn items_come_out_once_and_in_order() {
    for seed in seeds(1, scale(20, 400)) {
        let (mut rng, mut story) = (Rng::new(seed), Story::new());
        let mut plain: Vec<String> = Vec::new();
        let (mut read, mut after): (Vec<String>, Position) = (Vec::new(), Position(0));
        for step in 0..60 {
            match rng.below(8) {
                0..=3 => {
                    let some = 1 + rng.below(4);
                    let items: Vec<String> = (0..some).map(|n| format!("{step}.{n} é\n")).collect();
                    plain.extend(items.iter().cloned());
                    story.session().put_items("JOBS", items, Level::Memory).unwrap();
                }
                4 => {
                    let one = identify("u", &format!("m{step}"), "2024-01-01T00:00:00Z", "{}");
                    store::say(&story.db, "web", &one);
                }
                5 => {
                    let page =
                        view(&story.db).feed(Named("jobs"), after, 1 + rng.below(5)).unwrap();
                    assert!(page.items.windows(2).all(|two| two[0].position < two[1].position));
                    read.extend(page.items.iter().map(|item| item.text.clone()));
                    after = page.next;
                    assert_eq!(page.more, read.len() < plain.len(), "seed {seed}");
                }
                6 => story.crash(),
                _ => story.db.checkpoint().map(|_| ()).unwrap(),
            }
        }
        let rest = story.session().follow(Named("jobs"), after, Duration::ZERO);
        read.extend(rest.map(|item| item.unwrap().text));
        assert_eq!(read, plain, "seed {seed}");
        let mut lines = Vec::new();
        view(&story.db).export_log(&mut lines, &mut |_| {}).unwrap();
        let copy = MemoryDir::new();
        import_log(Arc::new(copy.clone()), &mut &*lines, &mut |_| {}).unwrap();
        assert_eq!(texts(&open(&copy, &story.clock), "jobs"), plain, "seed {seed}");
    }
}

#[test]
fn who_goes_through_a_stream_goes_on_where_it_ended() {
    let story = Story::new();
    let session = story.session();
    let put = |text: &str| session.put_items("jobs", vec![text.into()], Level::Group).unwrap();
    let first = put("one");
    let mut items = session.follow(Named("jobs"), Position(0), Duration::from_millis(1));
    assert_eq!(items.next().unwrap().unwrap().text, "one");
    assert_eq!(items.position(), first);
    assert!(items.next().is_none());
    let second = put("two");
    assert_eq!(items.next().unwrap().unwrap().text, "two");
    assert_eq!(items.position(), second);
    let db = story.db.clone();
    let waiting = std::thread::spawn(move || {
        let session = store::session(&db);
        let mut items = session.follow(Named("jobs"), second, Duration::from_secs(60));
        items.next().unwrap().unwrap().text
    });
    std::thread::sleep(Duration::from_millis(50));
    put("three");
    assert_eq!(waiting.join().unwrap(), "three");
}

#[test]
fn workers_share_a_stream_as_they_share_a_feed() {
    let mut story = Story::new();
    story.session().create_group(Named("jobs"), "mail", Position(0)).unwrap();
    // The feed of a segment of the same name is another stream.
    let rule = navedb::SegmentRule::asking("true");
    story.session().define_segment("jobs", &rule).unwrap();
    assert!(view(&story.db).groups("jobs").is_empty());
    let items = (0..4).map(|n| n.to_string()).collect();
    story.session().put_items("jobs", items, Level::Group).unwrap();
    let read = |story: &Story, who: &str| {
        let some = story.session().read_group(Named("jobs"), ("mail", who), 3, Duration::ZERO);
        some.unwrap().into_iter().map(|item| (item.text, item.position)).collect::<Vec<_>>()
    };
    let of_one = read(&story, "one");
    assert_eq!(of_one.len(), 3);
    story.crash();
    let of_two = read(&story, "two");
    assert_eq!(of_two.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["3"]);
    let done: Vec<Position> = of_one.iter().take(2).map(|(_, position)| *position).collect();
    let count = story.session().acknowledge(Named("JOBS"), "mail", &done, Level::Group).unwrap();
    assert_eq!(count, 2);
    story.crash();
    let pending = view(&story.db).pending(Named("jobs"), "mail").unwrap();
    let pending: Vec<_> = pending.iter().map(|item| item.consumer.as_str()).collect();
    assert_eq!(pending, ["one", "two"]);
    story.clock.advance(DAY);
    let idle = Duration::from_secs(3600);
    let taken = story.session().claim(Named("jobs"), ("mail", "two"), idle, 9).unwrap();
    assert_eq!(taken.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn what_cannot_be_done_with_streams_says_why() {
    let story = Story::new();
    let session = story.session();
    let put = |stream: &str, items: Vec<String>| {
        let e = session.put_items(stream, items, Level::Group).unwrap_err();
        (e.kind(), e.message().to_owned())
    };
    assert_eq!(put("job", vec!["x".into()]).0, ErrorKind::NotFound);
    assert_eq!(put("jobs", Vec::new()).0, ErrorKind::Invalid);
    assert_eq!(
        put("jobs", vec!["x".repeat(limits::STREAM_ITEM_BYTES_MAX + 1)]).0,
        ErrorKind::Limit
    );
    assert_eq!(put("jobs", vec![String::new(); limits::STREAM_PUT_MAX + 1]).0, ErrorKind::Limit);
    session.define_stream("identity", &StreamRule::default()).unwrap();
    let (kind, message) = put("Identity", vec!["x".into()]);
    assert_eq!(
        (kind, message.contains("the engine alone")),
        (ErrorKind::Invalid, true),
        "{message}"
    );
    for other in [" jobs", "jobs\t"] {
        let none = session.define_stream(other, &StreamRule::default()).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Invalid, "{none}");
    }
    let own = view(&story.db).feed(Named("Identity"), Position(0), 1).unwrap_err();
    assert_eq!(own.kind(), ErrorKind::Invalid, "{own}");
    let own = session.create_group(Named("identity"), "mail", Position(0)).unwrap_err();
    assert_eq!(own.kind(), ErrorKind::Invalid, "{own}");
    let none = view(&story.db).feed(Named("job"), Position(0), 1).unwrap_err();
    assert!(none.message().contains("[stream.NAME]"), "{none}");
    let group = session.create_group(Named("job"), "mail", Position(0)).unwrap_err();
    assert_eq!(group.kind(), ErrorKind::NotFound);
    let other = session.define_stream(" ", &StreamRule::default()).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Invalid, "{other}");
    // What is full is taken whole, and what was dropped can be read and not written.
    session.put_items("jobs", vec![String::new(); limits::STREAM_PUT_MAX], Level::Group).unwrap();
    let large = vec!["x".repeat(limits::STREAM_ITEM_BYTES_MAX); 16];
    session.put_items("jobs", large, Level::Group).unwrap();
    session.drop_stream("Jobs").unwrap();
    assert_eq!(put("jobs", vec!["x".into()]).0, ErrorKind::NotFound);
    assert_eq!(texts(&story.db, "jobs").len(), limits::STREAM_PUT_MAX + 16);
}

#[test]
fn items_are_kept_as_long_as_the_stream_says() {
    let story = Story::new();
    let session = story.session();
    session.put_items("jobs", vec!["old".into()], Level::Group).unwrap();
    story.clock.advance(10 * DAY);
    let last = session.put_items("jobs", vec!["new".into()], Level::Group).unwrap();
    assert_eq!(texts(&story.db, "jobs"), ["old", "new"]);
    let rule = StreamRule { retain_days: Some(9), ..StreamRule::default() };
    session.define_stream("jobs", &rule).unwrap();
    let page = view(&story.db).feed(Named("jobs"), Position(0), 9).unwrap();
    assert_eq!((page.items.len(), page.next), (1, last));
    assert!(page.trimmed.is_some_and(|position| position <= last));
    assert_eq!(view(&story.db).streams()[0].rule, rule);
}

/// The ways in which profiles change, one after another.
#[test]
fn what_becomes_of_profiles_is_told_with_its_reason() {
    let mut story = Story::new();
    let link = |users: &[&str], id: &str| {
        let ids: Vec<String> =
            users.iter().map(|user| format!(r#"{{"type":"email","id":"{user}@x.org"}}"#)).collect();
        format!(
            r#"{{"type":"identify","messageId":"{id}","timestamp":"2024-01-01T00:00:00Z",
                "context":{{"externalIds":[{}]}},"traits":{{}}}}"#,
            ids.join(",")
        )
    };
    let say = |story: &Story, users: &[&str], id: &str| {
        store::say(&story.db, "web", &link(users, id));
    };
    ["a", "b", "c"].iter().for_each(|user| say(&story, &[user], user));
    let identity = StreamRule::default();
    story.session().define_stream("identity", &identity).unwrap();
    let begun = view(&story.db).position();
    say(&story, &["a", "b"], "ab");
    say(&story, &["d"], "d");
    story.crash();
    say(&story, &["d", "c"], "dc");
    let retract = |story: &Story, id: &str| {
        let what = Retraction::Record { source: "web".into(), message_id: id.into() };
        let _ = story.session().retract(&what).unwrap();
    };
    retract(&story, "ab");
    retract(&story, "a");
    story.crash();
    let items = view(&story.db).feed(Identity, Position(0), 99).unwrap().items;
    let told: Vec<_> = items.iter().map(|i| (i.became, i.reason, i.before.len())).collect();
    assert_eq!(
        told,
        [
            (Became::Begun, Reason::Definition, 0),
            (Became::Joined, Reason::Event, 2),
            (Became::Joined, Reason::Event, 2),
            (Became::Split, Reason::Correction, 1),
            (Became::Gone, Reason::Correction, 1),
        ]
    );
    assert_eq!((items[0].position, items[4].now.as_slice()), (begun, &[None][..]));
    let rules = r#"
        [identity.person.namespace.email]
        limit = 1
    "#;
    let request = navedb::DefineRequest { text: rules.into(), ..Default::default() };
    story.session().define(&request).unwrap();
    let last = view(&story.db).feed(Identity, items[4].position, 9).unwrap().items;
    let told: Vec<_> = last.iter().map(|i| (i.became, i.reason, i.origin.name())).collect();
    assert_eq!(told, [(Became::Split, Reason::Definition, "history")]);
}

/// Loads rows of people, some of whom are joined by two identifiers in a row.
fn load(db: &Db, name: &str, rows: &str) {
    let mut request = LoadRequest::new("crm", RecordKind::Identify);
    let bytes = format!("user,email\n{rows}").into_bytes();
    request.inputs.push(Input::Bytes { name: name.into(), bytes });
    request.ids = vec![("user_id".into(), "user".into()), ("email".into(), "email".into())];
    request.level = Some(Level::Os);
    db.load(&request).unwrap();
}

#[test]
fn what_a_crash_cuts_off_of_many_joins_is_told_when_the_store_is_opened() {
    const JOINS: usize = 10_500;
    let (disk, clock) = (MemoryDir::new(), store::clock(NOON));
    // All in one file of the log.
    let open = |disk: &MemoryDir| {
        Db::open_with(Arc::new(disk.clone()), clock.clone(), Settings::default()).unwrap()
    };
    let first = open(&disk);
    let alone: String = (0..JOINS)
        .map(|n| format!("u{n},\n"))
        .chain((0..JOINS).map(|n| format!(",e{n}@x.org\n")))
        .collect();
    load(&first, "alone.csv", &alone);
    session(&first).define_stream("identity", &StreamRule::default()).unwrap();
    let both: String = (0..JOINS).map(|n| format!("u{n},e{n}@x.org\n")).collect();
    load(&first, "both.csv", &both);
    let joined = |db: &Db| {
        let items = session(db).follow(Identity, Position(0), Duration::ZERO);
        let became = items.map(|item| item.unwrap().became);
        became.filter(|became| *became == Became::Joined).count()
    };
    assert_eq!(joined(&first), JOINS);
    let files = disk.files();
    let of_log = files.iter().filter(|(name, _)| name.starts_with("log/"));
    let (name, bytes) = of_log.max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let mut rng = Rng::new(3);
    for round in 0..6 {
        let left = MemoryDir::new();
        files.iter().for_each(|(name, bytes)| left.put(name, bytes.clone()));
        let cut = 1 + rng.below(if round % 2 == 0 { 4_000 } else { bytes.len() / 2 });
        left.put(name, bytes[..bytes.len() - cut].to_vec());
        let db = open(&left);
        let one = |n: usize| view(&db).profile("user_id", &format!("u{n}")).unwrap().unwrap();
        let are = (0..JOINS).filter(|n| one(*n).identifiers.len() == 2).count();
        assert_eq!(joined(&db), are, "{cut} bytes cut off");
    }
}

#[test]
fn what_was_told_is_corrected_once_and_nothing_else() {
    let mut story = Story::new();
    let message = |id: &str, ids: &str| {
        format!(
            r#"{{"type":"identify","messageId":"{id}","timestamp":"2024-01-01T00:00:00Z",
                "identifiers":{ids},"traits":{{}}}}"#
        )
    };
    let say = |story: &Story, id: &str, ids: &str| store::say(&story.db, "web", &message(id, ids));
    let count =
        |story: &Story| view(&story.db).feed(Identity, Position(0), 99).unwrap().items.len();
    let again = |story: &mut Story| {
        story.crash();
        let files = story.disk.files();
        let left = MemoryDir::new();
        let kept = files.into_iter().filter(|(name, _)| !name.starts_with("derived/"));
        kept.for_each(|(name, bytes)| left.put(&name, bytes));
        story.disk = left;
        story.db = open(&story.disk, &story.clock);
    };
    story.session().define_stream("identity", &StreamRule::default()).unwrap();
    say(&story, "s0", r#"{"user_id":"1"}"#);
    say(&story, "s1", r#"{"email":"a@x.org"}"#);
    say(&story, "s2", r#"{"user_id":"1","email":"a@x.org"}"#);
    for id in ["s2", "s1"] {
        let what = Retraction::Record { source: "web".into(), message_id: id.into() };
        let _ = story.session().retract(&what).unwrap();
    }
    say(&story, "s3", r#"{"user_id":"2"}"#);
    say(&story, "s4", r#"{"device_id":"d"}"#);
    say(&story, "gone", r#"{"user_id":"2","device_id":"e"}"#);
    say(&story, "s5", r#"{"user_id":"2","device_id":"d"}"#);
    // An identifier that is gone and comes back as somebody else was not split off.
    let what = Retraction::Record { source: "web".into(), message_id: "gone".into() };
    let _ = story.session().retract(&what).unwrap();
    say(&story, "back", r#"{"device_id":"e"}"#);
    let told = count(&story);
    for round in 0..3 {
        again(&mut story);
        assert_eq!(count(&story), told, "round {round}");
    }
    // What happens while nobody is told of it is never told.
    story.session().drop_stream("identity").unwrap();
    say(&story, "s6", r#"{"user_id":"2","email":"b@x.org","phone":"+33612345678"}"#);
    say(&story, "s7", r#"{"user_id":"1","device_id":"d"}"#);
    story.session().define_stream("Identity", &StreamRule::default()).unwrap();
    say(&story, "s8", r#"{"user_id":"3"}"#);
    say(&story, "s9", r#"{"user_id":"4"}"#);
    say(&story, "s10", r#"{"user_id":"3","custom":"c"}"#);
    say(&story, "s11", r#"{"user_id":"4","custom":"c"}"#);
    let told = count(&story);
    for round in 0..2 {
        again(&mut story);
        assert_eq!(count(&story), told, "round {round} after it was defined again");
    }
}
