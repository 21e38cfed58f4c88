//! Who entered and left, asked about as events: in audiences, and in segments that stand on others.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    At, Db, DefineRequest, ErrorKind, Level, Position, Retraction, SegmentRule, Settings,
    Timestamp, View,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;
const CAME: &str = r#"(SELECT count(*) FROM "nave.entered" e WHERE e.segment = 'French') >= 2"#;
const RECENT: &str = r#"EXISTS (SELECT 1 FROM "nave.left" e WHERE e.segment = 'French'
    AND e.time >= now() - INTERVAL '3 days') AND NOT in_segment('French')"#;
const EVER: &str = r#"EXISTS (SELECT 1 FROM "nave.entered" e WHERE e.segment IN ('Just left', 'French')
    AND NOT e.segment = 'French')"#;

fn settings() -> Settings {
    Settings { log_file_bytes: 1 << 16, keys_in_memory: 64, ..Settings::default() }
}

fn evented(audience: &str) -> SegmentRule {
    SegmentRule { events: true, ..SegmentRule::asking(audience) }
}

struct Story {
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Option<Db>,
    /// Of each message: what it stands behind, the profile id of its user, and whether it is in force.
    said: Vec<(Position, String, bool)>,
}

impl Story {
    fn new() -> Story {
        let (disk, clock) = (MemoryDir::new(), store::clock(store::NOON));
        let mut story = Story { disk, clock, db: None, said: Vec::new() };
        story.open();
        story.say(0, "FR");
        story
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        self.db = Some(Db::open_with(disk, self.clock.clone(), settings()).unwrap());
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn define(&self, name: &str, audience: &str, events: bool) {
        let rule = SegmentRule { events, ..SegmentRule::asking(audience) };
        session(self.db()).define_segment(name, &rule).unwrap();
    }

    /// What a user is said to live in, behind all that was said before.
    fn say(&mut self, user: usize, country: &str) {
        let number = self.said.len();
        let time = Timestamp(store::NOON - 9 * DAY + number as i64 * 1_000_000).to_string();
        let traits = format!(r#"{{"country":"{country}"}}"#);
        let (user, id) = (format!("u{user}"), format!("m{number}"));
        let batch = store::batch("web", &[store::identify(&user, &id, &time, &traits)]);
        let before = view(self.db()).position();
        let _ = session(self.db()).write(batch).unwrap();
        let profile = view(self.db()).profile("user_id", &user).unwrap().unwrap();
        self.said.push((before, profile.id, true));
    }

    fn crash(&mut self) {
        session(self.db()).wait(view(self.db()).position(), Level::Os).unwrap();
        let left = store::copy(&self.disk);
        self.db = None;
        self.disk = left;
        self.open();
    }
}

/// By profile id: when it entered a segment, and when it left. What was told of somebody of whom nothing that was said
/// before is in force any more happened to nobody.
fn told(story: &Story, segment: &str) -> BTreeMap<String, [Vec<i64>; 2]> {
    let mut told: BTreeMap<String, [Vec<i64>; 2]> = BTreeMap::new();
    for item in view(story.db()).feed(segment, Position(0), 100_000).unwrap().items {
        let named = |(position, id, in_force): &(Position, String, bool)| {
            *in_force && *id == item.profile_id && *position < item.position
        };
        if !story.said.iter().any(named) {
            continue;
        }
        told.entry(item.profile_id).or_default()[usize::from(!item.entered)].push(item.time.0);
    }
    told
}

fn members(view: &View, name: &str) -> BTreeSet<String> {
    view.segment_members(name).unwrap().into_iter().collect()
}

/// Holds the segments above French against its feed. No users are joined here, so that an id is a profile.
fn hold(story: &Story, seed: u64) {
    let view = view(story.db());
    let mut there = BTreeSet::new();
    let see = &mut |_: &str, _: &str, id: &str| {
        there.insert(id.to_owned());
        Ok(())
    };
    view.identity_clusters(see).unwrap();
    let (now, french) = (view.segment_clock().0, members(&view, "French"));
    let (of_french, of_left) = (told(story, "French"), told(story, "Just left"));
    let those = |told: &BTreeMap<String, [Vec<i64>; 2]>,
                 holds: &dyn Fn(&String, &[Vec<i64>; 2]) -> bool|
     -> BTreeSet<String> {
        let all = told.iter().filter(|(id, times)| there.contains(*id) && holds(id, times));
        all.map(|(id, _)| id.clone()).collect()
    };
    let came = those(&of_french, &|_, [entered, _]| entered.len() >= 2);
    let recent = those(&of_french, &|id, [_, left]| {
        left.iter().any(|time| *time >= now - 3 * DAY) && !french.contains(id)
    });
    let ever = those(&of_left, &|_, [entered, _]| !entered.is_empty());
    for (name, text, plain) in
        [("Came back", CAME, came), ("Just left", RECENT, recent), ("Ever left", EVER, ever)]
    {
        assert_eq!(members(&view, name), plain, "seed {seed}: {name}");
        let asked = view.members(text, At::Now(view.segment_clock())).unwrap();
        assert!(asked.iter().eq(plain.iter()), "seed {seed}: {name} asked anew");
    }
}

fn run(seed: u64) -> usize {
    let mut rng = Rng::new(seed);
    let mut story = Story::new();
    story.define("French", "p.country = 'FR'", true);
    story.define("Just left", RECENT, true);
    story.define("Came back", CAME, false);
    story.define("Ever left", EVER, false);
    for _ in 0..80 {
        match rng.below(16) {
            0..=8 => {
                let (user, country) = (rng.below(6), *rng.pick(&["FR", "DE"]));
                story.say(user, country);
            }
            9..=11 => {
                story.clock.advance(rng.between(0, 2 * DAY));
                story.db().tick().unwrap();
            }
            12 => {
                let number = rng.below(story.said.len());
                if std::mem::take(&mut story.said[number].2) {
                    let message_id = format!("m{number}");
                    let what = Retraction::Record { source: "web".into(), message_id };
                    let _ = session(story.db()).retract(&what).unwrap();
                }
            }
            13 => {
                story.db.take().unwrap().close().unwrap();
                story.open();
            }
            14 => story.crash(),
            _ => story.db().checkpoint().map(|_| ()).unwrap(),
        }
        hold(&story, seed);
    }
    let before = view(story.db()).digest().unwrap();
    story.db.take().unwrap().close().unwrap();
    navedb::rebuild(Arc::new(story.disk.clone()), story.clock.clone(), settings()).unwrap();
    story.open();
    assert_eq!(view(story.db()).digest().unwrap(), before, "seed {seed}");
    hold(&story, seed);
    told(&story, "Just left").len()
}

#[test]
fn segments_above_transitions_are_what_the_feeds_say() {
    let told: usize = seeds(1, scale(40, 800)).into_iter().map(run).sum();
    assert!(told > 60, "{told} profiles tell little");
}

#[test]
fn transitions_become_events_of_the_past_too_when_that_is_said_later() {
    let mut story = Story::new();
    story.define("French", "p.country = 'FR'", false);
    story.say(1, "FR");
    story.say(1, "DE");
    let asked = |story: &Story| view(story.db()).count(CAME, At::Latest);
    let none = asked(&story).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Invalid, "{none}");
    let rule = evented("p.country = 'FR'");
    session(story.db()).redefine_segment("french", &rule).unwrap();
    assert_eq!(asked(&story), Ok(0));
    story.say(1, "FR");
    assert_eq!(asked(&story), Ok(1));
    let why = r#"(SELECT count(*) FROM "nave.entered" e WHERE e.segment = 'French'
        AND e.reason = 'event' AND e.origin = 'live' AND e.version = 2) = 1"#;
    assert_eq!(view(story.db()).count(why, At::Latest), Ok(1));
    // A segment that is gone keeps its feed, and the events are what the feed says.
    session(story.db()).drop_segment("French").unwrap();
    assert_eq!(asked(&story), Ok(1));
    let text = r#"EXISTS (SELECT 1 FROM "nave.left" e WHERE e.reason = 'definition')"#;
    assert_eq!(view(story.db()).count(text, At::Latest), Ok(2));
    story.define("French", "p.country = 'FR'", false);
    let gone = asked(&story).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Invalid, "{gone}");
}

#[test]
fn a_segment_of_transitions_stands_in_no_circle() {
    let story = Story::new();
    let text = r#"
        [segment.one]
        audience = "EXISTS (SELECT 1 FROM \"nave.entered\" e WHERE e.segment = 'two')"
        events = true
        [segment.two]
        audience = "EXISTS (SELECT 1 FROM \"nave.left\" e WHERE e.segment = 'one')"
        events = true
    "#;
    let define = |text: &str| {
        let request = DefineRequest { text: text.into(), ..DefineRequest::default() };
        session(story.db()).define(&request)
    };
    let circle = define(text).unwrap_err();
    assert!(circle.message().contains("cannot stand in itself"), "{circle}");
    let any = r#"
        [segment.any]
        audience = "EXISTS (SELECT 1 FROM \"nave.entered\" e)"
        events = true
    "#;
    let any = define(any).unwrap_err();
    assert!(any.message().contains("e.segment = 'NAME'"), "{any}");
    let own = r#"
        [segment.own]
        audience = "NOT EXISTS (SELECT 1 FROM \"nave.entered\" e WHERE e.segment = 'own')"
        events = true
    "#;
    let own = define(own).unwrap_err();
    assert!(own.message().contains("cannot stand in itself"), "{own}");
}

#[test]
fn a_computed_trait_leads_no_segment_to_its_own_transitions() {
    let story = Story::new();
    story.define("French", "p.country = 'FR'", true);
    let of = |text: &str| session(story.db()).define_trait("moves", text, None);
    of("(SELECT count(*) FROM \"nave.left\" e WHERE e.segment = 'French')").unwrap();
    story.define("Restless", "p.moves < 2", true);
    let any = of("(SELECT count(*) FROM \"nave.entered\" e)").unwrap_err();
    assert!(any.message().contains("e.segment = 'NAME'"), "{any}");
    let own = "(SELECT count(*) FROM \"nave.entered\" e WHERE e.segment = 'Restless')";
    let own = of(own).unwrap_err();
    assert!(own.message().contains("cannot stand in itself"), "{own}");
}

#[test]
fn names_of_segments_in_events_are_those_that_are_defined() {
    let mut story = Story::new();
    story.define("Active", "p.country = 'FR'", false);
    story.say(0, "DE");
    session(story.db()).drop_segment("Active").unwrap();
    story.define("active", "p.country = 'FR'", true);
    let left = |story: &Story| {
        let text = r#"EXISTS (SELECT 1 FROM "nave.left" e)"#;
        view(story.db()).count(text, At::Latest).unwrap()
    };
    assert_eq!(left(&story), 1, "names have no case, so it is the same feed");
    let told = view(story.db()).digest().unwrap();
    story.db.take().unwrap().close().unwrap();
    navedb::rebuild(Arc::new(story.disk.clone()), story.clock.clone(), settings()).unwrap();
    story.open();
    assert_eq!((left(&story), view(story.db()).digest().unwrap()), (1, told));
    let text = r#"EXISTS (SELECT 1 FROM "nave.left" e WHERE e.segment = 'ACTIVE')"#;
    let other = session(story.db()).define_segment("gone", &SegmentRule::asking(text));
    let other = other.unwrap_err();
    assert!(other.message().contains("'active', so write that"), "{other}");
}

#[test]
fn what_a_segment_of_transitions_stands_on_cannot_go() {
    let story = Story::new();
    story.define("French", "p.country = 'FR'", true);
    story.define("Came back", CAME, false);
    let plain = SegmentRule::asking("p.country = 'FR'");
    for lost in [
        session(story.db()).drop_segment("French"),
        session(story.db()).redefine_segment("French", &plain),
    ] {
        let lost = lost.unwrap_err();
        assert!(lost.message().contains("'Came back' needs what is changed"), "{lost}");
    }
}
