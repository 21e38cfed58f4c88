//! Segments: after whatever happened, members are those whom plain code finds, and the fold of each feed is them.

mod ahead;
mod copied;
mod crashes;
mod damaged;
mod defining;
mod events;
mod groups;
mod kept;
mod profiles;
mod rule;
mod stalled;
mod world;

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    At, Db, ErrorKind, Level, Position, Retraction, SegmentRule, Settings, Timestamp, View,
};
use rule::{CATEGORIES, COUNTRIES, EVENTS, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use world::{DAY, Event, Fact, HOUR, Name, Person, World};

/// One store, what was said to it, and what its feeds told.
struct Story {
    seed: u64,
    rng: Rng,
    disk: MemoryDir,
    clock: Arc<ManualClock>,
    db: Option<Db>,
    world: World,
    /// Identifiers that were named.
    named: BTreeSet<Name>,
    /// By segment: how far its feed was read, and who was told to be in it.
    told: BTreeMap<String, (Position, BTreeSet<String>)>,
    messages: usize,
    /// Everything that was ever said, and every rule that was ever defined, by its text.
    said: BTreeMap<String, Fact>,
    rules: BTreeMap<String, Rule>,
    /// Whether the disk failed, so that the store is read-only.
    failed: bool,
    /// Whether the disk may fail.
    faulty: bool,
    times: BTreeSet<i64>,
    profiles: profiles::Profiles,
    log: Vec<String>,
}

fn settings() -> Settings {
    Settings { log_file_bytes: 1 << 16, keys_in_memory: 64, ..Settings::default() }
}

impl Story {
    fn new(seed: u64) -> Story {
        let disk = MemoryDir::new();
        let clock = store::clock(store::NOON);
        let db = Db::open_with(Arc::new(disk.clone()), clock.clone(), settings()).unwrap();
        let mut story = Story {
            seed,
            rng: Rng::new(seed),
            disk,
            clock,
            db: Some(db),
            world: World::default(),
            named: BTreeSet::new(),
            told: BTreeMap::new(),
            messages: 0,
            said: BTreeMap::new(),
            rules: BTreeMap::new(),
            failed: false,
            faulty: false,
            times: BTreeSet::new(),
            profiles: profiles::Profiles::default(),
            log: Vec::new(),
        };
        // All names are known from the beginning.
        let first = ("user_id".to_owned(), "first".to_owned());
        let traits = vec![
            ("country", "FR".to_owned()),
            ("age", "40".to_owned()),
            ("trial_end", (store::NOON / 1_000_000).to_string()),
        ];
        story.say(
            std::slice::from_ref(&first),
            Fact::Traits(first.clone(), store::NOON - DAY, traits),
        );
        for name in EVENTS {
            let event = Event { name, time: store::NOON - DAY, category: "shoes", amount: 1 };
            story.say(std::slice::from_ref(&first), Fact::Event(first.clone(), event));
        }
        story
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn view(&self) -> View {
        view(self.db())
    }

    fn identifier(&mut self) -> Name {
        let namespace = *self.rng.pick(&["user_id", "user_id", "email", "anonymous_id"]);
        let number = self.rng.below(6);
        let value =
            if namespace == "email" { format!("e{number}@x.org") } else { format!("v{number}") };
        (namespace.to_owned(), value)
    }

    /// A time in the past that no other message has.
    fn time(&mut self) -> i64 {
        let now = self.view().clock().0.max(self.clock_now());
        let back = match self.rng.below(4) {
            0 => 0,
            1 => self.rng.between(0, HOUR),
            2 => self.rng.between(0, 3 * DAY),
            _ => self.rng.between(0, 50 * DAY),
        };
        let mut time = (now - back) / 1_000_000 * 1_000_000 - 1_000_000;
        // Half of them on whole seconds, where windows end.
        if self.rng.one_in(2) {
            time += self.messages as i64 % 1_000_000;
        }
        while !self.times.insert(time) {
            time -= 1_000_000;
        }
        time
    }

    fn clock_now(&self) -> i64 {
        use navedb::clock::Clock;
        self.clock.now().0
    }

    fn message(&self, id: &str, names: &[Name], fact: &Fact) -> String {
        let ids: Vec<String> = names
            .iter()
            .map(|(namespace, value)| format!(r#"{{"type":"{namespace}","id":"{value}"}}"#))
            .collect();
        let ids = ids.join(",");
        let at = |time: i64| Timestamp(time).to_string();
        let (kind, time, rest) = match fact {
            Fact::Traits(_, time, traits) => {
                let traits: Vec<String> = traits
                    .iter()
                    .map(|(name, value)| match *name {
                        "trial_end" => {
                            let end = Timestamp(value.parse::<i64>().unwrap() * 1_000_000);
                            format!(r#""{name}":"{end}""#)
                        }
                        "age" => format!(r#""{name}":{value}"#),
                        _ => format!(r#""{name}":"{value}""#),
                    })
                    .collect();
                ("identify", time, format!(r#""traits":{{{}}}"#, traits.join(",")))
            }
            Fact::Event(_, Event { name, time, category, amount }) => (
                "track",
                time,
                format!(
                    r#""event":"{name}","properties":{{"category":"{category}","amount":{amount}}}"#
                ),
            ),
            Fact::Consent(_, time, given) => {
                let state = if *given { "granted" } else { "withdrawn" };
                let says = format!(r#""channel":"email","purpose":"marketing","state":"{state}""#);
                ("consent", time, says)
            }
        };
        format!(
            r#"{{"type":"{kind}","messageId":"{id}","timestamp":"{}","context":{{"externalIds":[{ids}]}},{rest}}}"#,
            at(*time)
        )
    }

    fn say(&mut self, names: &[Name], fact: Fact) {
        self.messages += 1;
        let id = format!("m{}", self.messages);
        let text = self.message(&id, names, &fact);
        self.log.push(text.clone());
        self.said.insert(id.clone(), fact.clone());
        if self.write(&text) {
            self.named.extend(names.iter().cloned());
            self.world.facts.insert(id, fact);
        }
    }

    /// Writes a message; says whether it was acknowledged.
    fn write(&mut self, text: &str) -> bool {
        let batch = store::batch("web", &[text]).level(Level::Memory);
        let written = session(self.db()).write(batch);
        self.done(written).is_some()
    }

    /// What a call gave; nothing when the disk failed, which nothing else may do.
    fn done<T>(&mut self, found: navedb::Result<T>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(e) => {
                let planned = self.faulty && e.kind() == ErrorKind::Io;
                assert!(planned, "seed {}: {e}", self.seed);
                self.failed = true;
                None
            }
        }
    }

    fn fact(&mut self) -> (Vec<Name>, Fact) {
        let owner = self.identifier();
        let mut names = vec![owner.clone()];
        if self.rng.one_in(6) {
            let other = self.identifier();
            if other != owner {
                names.push(other);
            }
        }
        let time = self.time();
        let fact = match self.rng.below(8) {
            0 | 1 => {
                let mut traits = Vec::new();
                if self.rng.one_in(2) {
                    traits.push(("country", (*self.rng.pick(&COUNTRIES)).to_owned()));
                }
                if self.rng.one_in(2) {
                    traits.push(("age", self.rng.between(18, 70).to_string()));
                }
                if self.rng.one_in(2) {
                    let end = self.clock_now() + self.rng.between(-2 * DAY, 12 * DAY);
                    traits.push(("trial_end", (end / 1_000_000).to_string()));
                }
                Fact::Traits(owner, time, traits)
            }
            2 => Fact::Consent(owner, time, self.rng.one_in(2)),
            _ => {
                let (name, category) = (*self.rng.pick(&EVENTS), *self.rng.pick(&CATEGORIES));
                Fact::Event(owner, Event { name, time, category, amount: self.rng.between(1, 90) })
            }
        };
        (names, fact)
    }

    /// Evidence that takes identifiers apart, or joins them.
    fn evidence(&mut self) {
        let (left, right) = (self.identifier(), self.identifier());
        if left == right {
            return;
        }
        self.messages += 1;
        let one = |(namespace, value): &Name| {
            format!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#)
        };
        let kind = *self.rng.pick(&["forbid", "unlink", "link", "withdraw"]);
        let time = Timestamp(self.view().clock().0 - 1_000_000);
        let more = match kind {
            "link" => r#","kind":"manual""#,
            "withdraw" => r#","kind":"deterministic","source":"web""#,
            _ => "",
        };
        let text = format!(
            r#"{{"type":"{kind}","messageId":"m{}","timestamp":"{time}","left":{},"right":{}{more}}}"#,
            self.messages,
            one(&left),
            one(&right)
        );
        self.log.push(text.clone());
        if !self.write(&text) {
            return;
        }
        if kind == "forbid" || kind == "link" {
            self.named.extend([left, right]);
        }
    }

    fn define(&mut self) {
        let names: Vec<String> = self.world.segments.keys().cloned().collect();
        let fresh = names.len() < 3 || (names.len() < 8 && self.rng.one_in(2));
        if fresh {
            let name = format!("s{}", self.log.len());
            let rule = Rule::random(&mut self.rng, &names, 0);
            self.log.push(format!("define {name}: {}", rule.text()));
            self.rules.insert(rule.text(), rule.clone());
            let defined =
                session(self.db()).define_segment(&name, &SegmentRule::asking(rule.text()));
            if self.done(defined).is_some() {
                self.world.segments.insert(name, rule);
            }
            return;
        }
        let name = self.rng.pick(&names).clone();
        let asked = self.world.segments.values().any(|rule| rule.names(&name));
        if self.rng.one_in(3) {
            self.log.push(format!("drop {name}"));
            let dropped = session(self.db()).drop_segment(&name);
            if asked {
                assert!(dropped.is_err(), "seed {}: {dropped:?}", self.seed);
            } else if self.done(dropped).is_some() {
                self.world.segments.remove(&name);
            }
            return;
        }
        // Only what does not ask for it, even by others, so that nothing goes in a circle.
        let rule = Rule::random(&mut self.rng, &[], 0);
        self.log.push(format!("redefine {name}: {}", rule.text()));
        self.rules.insert(rule.text(), rule.clone());
        let defined = session(self.db()).redefine_segment(&name, &SegmentRule::asking(rule.text()));
        if self.done(defined).is_some() {
            self.world.segments.insert(name, rule);
        }
    }

    fn move_clock(&mut self) {
        let by = match self.rng.below(8) {
            0..=2 => self.rng.between(0, 5_000_000),
            3 | 4 => self.rng.between(0, 2 * HOUR),
            5 => self.rng.between(0, 2 * DAY),
            6 => self.rng.between(0, 20 * DAY),
            _ => -self.rng.between(0, DAY),
        };
        self.log.push(format!("clock by {by}"));
        self.clock.advance(by);
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        self.db = Some(Db::open_with(disk, self.clock.clone(), settings()).unwrap());
    }

    /// What a crash leaves when everything was handed to the system.
    fn crash(&mut self) {
        session(self.db()).wait(self.view().position(), Level::Os).unwrap();
        let left = store::copy(&self.disk);
        self.db = None;
        self.disk = left;
        self.open();
    }

    fn step(&mut self) {
        match self.rng.below(64) {
            0..=31 => {
                let (names, fact) = self.fact();
                self.say(&names, fact);
            }
            32..=36 => self.evidence(),
            37..=40 => self.define(),
            41 => {
                let ids: Vec<String> = self.world.facts.keys().cloned().collect();
                if ids.len() > 5 {
                    let id = ids[4 + self.rng.below(ids.len() - 4)].clone();
                    if ["m1", "m2", "m3", "m4"].contains(&id.as_str()) {
                        return;
                    }
                    self.log.push(format!("retract {id}"));
                    let what = Retraction::Record { source: "web".into(), message_id: id.clone() };
                    let retracted = session(self.db()).retract(&what);
                    if self.done(retracted).is_some() {
                        self.world.facts.remove(&id);
                    }
                }
            }
            42 => {
                self.log.push("checkpoint".into());
                // A checkpoint that fails loses nothing: the log may go on.
                let written = self.db().checkpoint();
                let _ = self.done(written);
            }
            43 if !self.faulty => {
                self.log.push("reopen".into());
                self.db.take().unwrap().close().unwrap();
                self.open();
            }
            44 if !self.faulty => {
                self.log.push("crash".into());
                self.crash();
            }
            45..=54 => {
                self.move_clock();
                let ticked = self.db().tick();
                let _ = self.done(ticked);
            }
            _ => self.move_clock(),
        }
    }

    fn people(&self, view: &View) -> BTreeMap<String, BTreeSet<Name>> {
        let mut people: BTreeMap<String, BTreeSet<Name>> = BTreeMap::new();
        view.identity_clusters(&mut |namespace, value, id| {
            let name = (namespace.to_owned(), value.to_owned());
            people.entry(id.to_owned()).or_default().insert(name);
            Ok(())
        })
        .unwrap();
        people
    }

    fn said(&self, now: Timestamp) -> String {
        let tail: Vec<&str> = self.log.iter().rev().take(12).rev().map(String::as_str).collect();
        format!("seed {} at {now} after\n{}", self.seed, tail.join("\n"))
    }

    fn hold(&mut self) {
        let view = self.view();
        let now = view.segment_clock();
        let said = self.said(now);
        self.follow_profiles(&said);
        if self.world.segments.is_empty() {
            return;
        }
        assert_eq!(now.0, view.clock().0 / 1_000_000 * 1_000_000, "seed {}", self.seed);
        let people = self.people(&view);
        for (name, rule) in &self.world.segments {
            let members: BTreeSet<String> =
                view.segment_members(name).unwrap().into_iter().collect();
            let plain: BTreeSet<String> = people
                .iter()
                .filter(|(_, identifiers)| {
                    let person = Person { world: &self.world, identifiers: (*identifiers).clone() };
                    rule.holds(&self.world, &person, now.0) == Some(true)
                })
                .map(|(id, _)| id.clone())
                .collect();
            assert_eq!(members, plain, "{name}: {}\n{}", rule.text(), said);
            assert_eq!(view.segment_count(name).unwrap(), members.len() as u64);
            let asked = view.members(&rule.text(), At::Now(now)).unwrap();
            assert!(asked.iter().eq(members.iter()), "{name}: {}\n{}", rule.text(), said);
        }
        self.follow(&view, &said);
    }

    /// Reads on in each feed.
    fn follow(&mut self, view: &View, said: &str) {
        let names: Vec<String> = self.world.segments.keys().cloned().collect();
        for name in names.iter().chain(self.told.keys().cloned().collect::<Vec<_>>().iter()) {
            let (mut after, mut told) = self.told.get(name).cloned().unwrap_or_default();
            loop {
                let limit = 1 + self.rng.below(20);
                let page = view.feed(name.as_str(), after, limit).unwrap();
                for item in &page.items {
                    assert!(item.position > after, "{name}: {said}");
                    after = item.position;
                    let real = if item.entered {
                        told.insert(item.profile_id.clone())
                    } else {
                        told.remove(&item.profile_id)
                    };
                    assert!(real, "{name}: {item:?} is no change\n{said}");
                }
                assert_eq!(page.next, after);
                if !page.more {
                    break;
                }
            }
            let members: BTreeSet<String> = if self.world.segments.contains_key(name) {
                view.segment_members(name).unwrap().into_iter().collect()
            } else {
                BTreeSet::new()
            };
            assert_eq!(told, members, "the feed of {name}: {said}");
            self.told.insert(name.clone(), (after, told));
        }
    }
}

fn run(seed: u64, steps: u64) {
    let mut story = Story::new(seed);
    let told = story.rng.below(2 * steps as usize) as u64;
    for step in 0..steps {
        if step == told {
            story.tell_profiles();
        }
        story.step();
        story.hold();
    }
}

#[test]
fn members_and_feeds_are_what_plain_code_says_after_each_step() {
    let (stories, steps) = (scale(250, 5000), 200);
    let seeds = seeds(1, stories);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    run(*seed, steps);
                }
            });
        }
    });
}
