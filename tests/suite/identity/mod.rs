//! Identity: whatever was said in whatever order, clusters are what a slow judge says they must be.

mod golden;
mod household;
mod judge;
mod orders;
mod plain;
mod together;

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use judge::{Evidence, Fact, Golden, Kind, Node, Rule, Rules, golden};
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    Batch, Db, DefineRequest, IdentityAnswer, Level, Record, Retraction, Settings, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NAMESPACES: [&str; 4] = ["user_id", "email", "anonymous_id", "device_id"];
const SOURCES: [&str; 3] = ["crm", "shop", "web"];
const RULES: [&str; 3] = ["", "model-1", "model-2"];
const TRAITS: [&str; 2] = ["age", "points"];
/// 2024-03-01.
const START: i64 = 1_709_251_200_000_000;
const HOUR: i64 = 3_600_000_000;

/// The rules for golden values, as they are defined.
const GOLDEN: [(Golden, &str); 9] = [
    (Golden::Latest, "\"latest\""),
    (Golden::Earliest, "\"earliest\""),
    (Golden::Least, "\"min\""),
    (Golden::Greatest, "\"max\""),
    (Golden::Frequent, "\"most_frequent\""),
    (Golden::Sum, "\"sum\""),
    (Golden::Sources, "{ sources = [\"shop\", \"web\"] }"),
    (Golden::Verified, "{ verified = \"age\" }"),
    (Golden::Follow, "{ follow = \"age\" }"),
];

struct World {
    rules: Rules,
    /// That of the second trait.
    golden: (Golden, &'static str),
    /// How many identifiers each namespace has.
    each: usize,
    facts: Vec<Fact>,
}

impl World {
    fn namespace(&self, node: Node) -> usize {
        node / self.each
    }

    fn name(&self, node: Node) -> (&'static str, String) {
        let namespace = NAMESPACES[self.namespace(node)];
        let number = node % self.each;
        let value =
            if namespace == "email" { format!("p{number}@x.org") } else { format!("v{number}") };
        (namespace, value)
    }

    fn random(rng: &mut Rng) -> World {
        let mut rules = Rules { edges: *rng.pick(&[3, 5, 4096, 4096]), ..Rules::default() };
        let (limits, uniques, caps) = (1 + rng.below(4), 1 + rng.below(4), 1 + rng.below(5));
        for _ in NAMESPACES {
            let mut rule = Rule::default();
            if rng.one_in(limits) {
                rule.limit = Some((1 + rng.below(3), rng.one_in(2)));
            }
            rule.unique = rng.one_in(uniques);
            for other in 0..NAMESPACES.len() {
                if rng.one_in(caps) {
                    rule.caps.insert(other, 1 + rng.below(3));
                }
            }
            rules.namespaces.push(rule);
        }
        for source in 0..SOURCES.len() {
            match rng.below(8) {
                0 => drop(rules.barred.insert(source)),
                1 | 2 => drop(rules.untrusted.insert(source)),
                _ => {}
            }
        }
        let golden = *rng.pick(&GOLDEN);
        let mut world = World { rules, golden, each: 2 + rng.below(3), facts: Vec::new() };
        let count = 5 + rng.below(35);
        for _ in 0..count {
            let fact = world.fact(rng);
            world.facts.push(fact);
        }
        world
    }

    fn fact(&self, rng: &mut Rng) -> Fact {
        let all = self.each * NAMESPACES.len();
        let time = START + HOUR * rng.below(96) as i64;
        let source = rng.below(SOURCES.len());
        let nodes = (rng.below(all), rng.below(all));
        let rule = rng.below(RULES.len());
        if nodes.0 == nodes.1 {
            return Fact::Retire { node: nodes.0, until: time };
        }
        match rng.below(24) {
            0 => Fact::Forbid { nodes, source, time },
            1 => Fact::Unlink { nodes, until: time },
            2 => Fact::Retire { node: nodes.0, until: time - 48 * HOUR },
            3 => match rng.pick(&self.facts.iter().map(Some).chain([None]).collect::<Vec<_>>()) {
                Some(Fact::Link { nodes, kind, rule, source, .. }) => {
                    Fact::Withdraw { nodes: *nodes, kind: *kind, source: *source, rule: *rule }
                }
                Some(Fact::Forbid { nodes, source, .. }) => Fact::Withdraw {
                    nodes: *nodes,
                    kind: Kind::Forbidden,
                    source: *source,
                    rule: 0,
                },
                Some(Fact::Record { nodes, source, .. })
                    if nodes.len() > 1 && nodes[0] != nodes[1] =>
                {
                    let nodes = (nodes[0], nodes[1]);
                    Fact::Withdraw { nodes, kind: Kind::Deterministic, source: *source, rule: 0 }
                }
                _ => Fact::Withdraw { nodes, kind: Kind::Fuzzy, source, rule },
            },
            4 => Fact::Link { nodes, kind: Kind::Manual, score: 0, rule: 0, source, time },
            5 => Fact::Link { nodes, kind: Kind::Alias, score: 0, rule: 0, source, time },
            6..=8 => {
                let kind = *rng.pick(&[Kind::Fuzzy, Kind::Behavioural]);
                let score = rng.below(4) as i32 * 250;
                Fact::Link { nodes, kind, score, rule, source, time }
            }
            _ => {
                let mut nodes = vec![nodes.0, nodes.1];
                if rng.one_in(3) {
                    nodes.push(rng.below(all));
                }
                if rng.one_in(4) {
                    nodes.truncate(1);
                }
                let told = (0..TRAITS.len()).filter(|_| rng.one_in(2));
                let told: Vec<usize> = told.collect();
                let traits = told.into_iter().map(|t| (t, rng.below(9) as i64)).collect();
                Fact::Record { nodes, time, source, traits }
            }
        }
    }

    fn toml(&self) -> String {
        let mut text = String::new();
        text.push_str(&format!("[identity.person.component]\nedges = {}\n", self.rules.edges));
        for (name, rule) in NAMESPACES.iter().zip(&self.rules.namespaces) {
            text.push_str(&format!("[identity.person.namespace.{name}]\n"));
            if let Some((most, daily)) = rule.limit {
                let per = if daily { "day" } else { "ever" };
                text.push_str(&format!("limit = {{ most = {most}, per = \"{per}\" }}\n"));
            }
            text.push_str(&format!("unique = {}\n", rule.unique));
            let caps: Vec<String> = rule
                .caps
                .iter()
                .map(|(of, most)| format!("{} = {most}", NAMESPACES[*of]))
                .collect();
            if !caps.is_empty() {
                text.push_str(&format!("cap = {{ {} }}\n", caps.join(", ")));
            }
        }
        for (number, name) in SOURCES.iter().enumerate() {
            let trust = if self.rules.barred.contains(&number) {
                "none"
            } else if self.rules.untrusted.contains(&number) {
                "unknown"
            } else {
                continue;
            };
            text.push_str(&format!("[identity.person.source.{name}]\ntrust = \"{trust}\"\n"));
        }
        let (_, golden) = self.golden;
        text.push_str("[trait.age]\ntype = \"integer\"\n");
        text.push_str(&format!("[trait.points]\ntype = \"integer\"\ngolden = {golden}\n"));
        text
    }

    fn message(&self, number: usize, fact: &Fact) -> (&'static str, String) {
        let id = format!("m{number}");
        let at = |time: i64| Timestamp(time).to_string();
        let one = |node: Node| {
            let (namespace, value) = self.name(node);
            format!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#)
        };
        let two = |(a, b): (Node, Node)| format!(r#""left":{},"right":{}"#, one(a), one(b));
        let head = |given: &str, time: i64| {
            format!(r#""type":"{given}","messageId":"{id}","timestamp":"{}""#, at(time))
        };
        let (source, text) = match fact {
            Fact::Record { nodes, time, source, traits } => {
                // Identifiers in an object come one after another, as they are written.
                let named: Vec<String> = nodes
                    .iter()
                    .map(|node| {
                        let (namespace, value) = self.name(*node);
                        format!(r#"{{"type":"{namespace}","id":"{value}"}}"#)
                    })
                    .collect();
                let traits: Vec<String> =
                    traits.iter().map(|(t, v)| format!(r#""{}":{v}"#, TRAITS[*t])).collect();
                let text = format!(
                    r#"{},"context":{{"externalIds":[{}]}},"traits":{{{}}}"#,
                    head("identify", *time),
                    named.join(","),
                    traits.join(",")
                );
                (*source, text)
            }
            Fact::Link { nodes, kind, score, rule, source, time } => {
                let text = format!(
                    r#"{},{},"kind":"{}","score":{},"rule":"{}""#,
                    head("link", *time),
                    two(*nodes),
                    kind.word(),
                    f64::from(*score) / 1000.0,
                    RULES[*rule]
                );
                (*source, text)
            }
            Fact::Forbid { nodes, source, time } => {
                (*source, format!("{},{}", head("forbid", *time), two(*nodes)))
            }
            Fact::Unlink { nodes, until } => {
                (0, format!("{},{}", head("unlink", *until), two(*nodes)))
            }
            Fact::Retire { node, until } => {
                let until = at(*until);
                let head = head("retire", START);
                (0, format!(r#"{head},"identifier":{},"until":"{until}""#, one(*node)))
            }
            Fact::Withdraw { nodes, kind, source, rule } => {
                let text = format!(
                    r#"{},{},"kind":"{}","source":"{}","rule":"{}""#,
                    head("withdraw", START),
                    two(*nodes),
                    kind.word(),
                    SOURCES[*source],
                    RULES[*rule]
                );
                (0, text)
            }
        };
        (SOURCES[source], format!("{{{text}}}"))
    }
}

fn settings() -> Settings {
    Settings { log_file_bytes: 1 << 16, ..Settings::default() }
}

fn open(disk: &MemoryDir) -> Db {
    let clock = Arc::new(ManualClock::new(Timestamp(store::NOON)));
    Db::open_with(Arc::new(disk.clone()), clock, settings()).unwrap()
}

/// Begins a store whose sources are known and whose rules are in force.
fn begin(disk: &MemoryDir, world: &World) -> Db {
    let db = open(disk);
    for source in SOURCES {
        let text = format!(
            r#"{{"type":"entity","entity":"start","id":"{source}","messageId":"start","timestamp":"2024-01-01T00:00:00Z"}}"#
        );
        store::say(&db, source, &text);
    }
    let text = world.toml();
    session(&db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
    db
}

type Clusters = BTreeMap<String, BTreeSet<(String, String)>>;

fn clusters(db: &Db) -> Clusters {
    let mut found = Clusters::new();
    view(db)
        .identity_clusters(&mut |namespace, value, id| {
            let identifier = (namespace.to_owned(), value.to_owned());
            found.entry(id.to_owned()).or_default().insert(identifier);
            Ok(())
        })
        .unwrap();
    found
}

/// The ids of all evidence that the store knows, by what it says.
fn ids(db: &Db, world: &World) -> BTreeMap<judge::Content, String> {
    let mut found = BTreeMap::new();
    let numbers: BTreeMap<(&str, String), Node> =
        (0..world.each * NAMESPACES.len()).map(|node| (world.name(node), node)).collect();
    let number = |name: &navedb::IdentifierName| {
        let namespace = NAMESPACES.iter().find(|known| **known == name.namespace).unwrap();
        numbers[&(*namespace, name.value.clone())]
    };
    for node in numbers.values() {
        let (namespace, value) = world.name(*node);
        let Ok(cluster) = view(db).identity_cluster((namespace, &value)) else { continue };
        for link in cluster.links {
            let (a, b) = (number(&link.identifiers.0), number(&link.identifiers.1));
            let kind = match link.kind.as_str() {
                "deterministic" => Kind::Deterministic,
                "alias" => Kind::Alias,
                "fuzzy" => Kind::Fuzzy,
                "behavioural" => Kind::Behavioural,
                "manual link" => Kind::Manual,
                _ => Kind::Forbidden,
            };
            let source = SOURCES.iter().position(|known| *known == link.source).unwrap();
            let rule = RULES.iter().position(|known| *known == link.rule).unwrap_or(0);
            found.insert((a.min(b), a.max(b), kind, source, rule), link.id);
        }
    }
    found
}

/// Holds a store against the judge.
fn hold(db: &Db, world: &World, facts: &[Fact], said: &str) {
    let evidence = Evidence::of(facts);
    let known = ids(db, world);
    let wanted = evidence.clusters(&world.rules, &|node| world.namespace(node), &|content| {
        known.get(content).cloned().unwrap_or_default()
    });
    let named = |set: &BTreeSet<Node>| -> BTreeSet<(String, String)> {
        let names = set.iter().map(|node| world.name(*node));
        names.map(|(namespace, value)| (namespace.to_owned(), value)).collect()
    };
    let found: BTreeSet<_> = clusters(db).into_values().collect();
    let expected: BTreeSet<_> = wanted.iter().map(named).collect();
    assert_eq!(found, expected, "{said}\n{}\n{facts:#?}", world.toml());
    assert_eq!(view(db).count("TRUE", navedb::At::Latest).unwrap(), wanted.len() as u64, "{said}");
    for cluster in &wanted {
        let (namespace, value) = world.name(*cluster.first().unwrap());
        let profile = view(db).profile(namespace, &value).unwrap().unwrap();
        for (number, name) in TRAITS.iter().enumerate() {
            let rule = if number == 0 { Golden::Latest } else { world.golden.0 };
            let wanted = golden(facts, cluster, rule, number == 0, &SOURCES);
            let found = profile.traits.iter().find(|known| known.name == *name);
            let found = found.map(|known| known.value.to_string());
            let wanted = wanted.map(|value| value.to_string());
            assert_eq!(found, wanted, "{said}: {name} of {value}\n{}\n{facts:#?}", world.toml());
        }
    }
}

/// Holds explanations against the clusters that they explain.
fn hold_explanations(db: &Db, world: &World, rng: &mut Rng, said: &str) {
    let found = clusters(db);
    let profile_of = |(namespace, value): &(&str, String)| {
        let holds = |set: &BTreeSet<(String, String)>| {
            set.contains(&((*namespace).to_owned(), value.clone()))
        };
        found.iter().find(|(_, set)| holds(set)).map(|(id, _)| id.clone())
    };
    for _ in 0..6 {
        let all = world.each * NAMESPACES.len();
        let (left, right) = (world.name(rng.below(all)), world.name(rng.below(all)));
        let (Some(one), Some(other)) = (profile_of(&left), profile_of(&right)) else { continue };
        let answer = view(db).identity((left.0, &left.1), (right.0, &right.1)).unwrap();
        let (path, joined) = match answer {
            IdentityAnswer::One(why) => {
                assert_eq!((&one, &other), (&why.profile, &why.profile), "{said}");
                assert_eq!(why.weakest.is_none(), why.path.is_empty(), "{said}");
                (why.path, true)
            }
            IdentityAnswer::Apart(not) => {
                assert_eq!((one, other), not.profiles, "{said}");
                assert_eq!(not.refused.is_empty(), not.path.is_empty(), "{said}: {not:?}");
                let told = not.refused.iter().all(|place| !not.path[*place].reason.is_empty());
                assert!(told, "{said}: {not:?}");
                (not.path, false)
            }
        };
        let named = |(namespace, value): &(&str, String)| format!("{namespace}={value}");
        let mut at = named(&left);
        for link in &path {
            assert_eq!(link.identifiers.0.to_string(), at, "{said}");
            assert!(!joined || link.admitted, "{said}: {link:?}");
            at = link.identifiers.1.to_string();
        }
        assert!(at == named(&right) || (path.is_empty() && !joined), "{said}");
    }
}

/// Withdraws some records, so that the store is as if they had never been written.
fn hold_without(db: &Db, world: &World, rng: &mut Rng, said: &str) {
    let mut kept: Vec<usize> = (0..world.facts.len()).collect();
    rng.shuffle(&mut kept);
    for number in kept.split_off(kept.len() - kept.len().min(3)) {
        let (source, _) = world.message(number, &world.facts[number]);
        let message_id = format!("m{number}");
        let what = Retraction::Record { source: source.to_owned(), message_id };
        let _ = session(db).retract(&what).unwrap();
    }
    let rest: Vec<Fact> = kept.iter().map(|number| world.facts[*number].clone()).collect();
    hold(db, world, &rest, &format!("{said}, three withdrawn"));
}

fn write(db: &Db, world: &World, facts: &[(usize, &Fact)]) {
    let mut batch = Batch::new().level(Level::Memory);
    for (number, fact) in facts {
        let (source, text) = world.message(*number, fact);
        batch = batch.record(Record::message(source, text.as_str()));
    }
    let receipt = session(db).write(batch).unwrap();
    assert!(receipt.broken.is_empty(), "{:?}", receipt.broken);
}

#[test]
fn clusters_are_what_a_slow_judge_says_in_every_order() {
    for seed in seeds(1, scale(150, 3000)) {
        let mut rng = Rng::new(seed);
        let world = World::random(&mut rng);
        let said = format!("NAVE_SEED={seed}");
        let disk = MemoryDir::new();
        begin(&disk, &world).close().unwrap();
        let mut first: Option<(Clusters, String)> = None;
        for order in 0..3 {
            // Stores that began as one have one salt, so that ids can be compared.
            let disk = store::copy(&disk);
            let mut db = open(&disk);
            let mut order_of: Vec<usize> = (0..world.facts.len()).collect();
            if order > 0 {
                rng.shuffle(&mut order_of);
            }
            let mut done = Vec::new();
            let mut rest = order_of.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(1 + rng.below(6)));
                rest = later;
                let facts: Vec<_> = now.iter().map(|n| (*n, &world.facts[*n])).collect();
                write(&db, &world, &facts);
                done.extend(facts.iter().map(|(_, fact)| (*fact).clone()));
                match rng.below(8) {
                    0 => drop(db.checkpoint().unwrap()),
                    1 => {
                        db.close().unwrap();
                        db = open(&disk);
                    }
                    _ => {}
                }
                if rng.one_in(3) {
                    hold(&db, &world, &done, &said);
                }
            }
            hold(&db, &world, &done, &said);
            let found = (clusters(&db), view(&db).digest().unwrap());
            db.close().unwrap();
            let clock = store::clock(store::NOON);
            navedb::rebuild(Arc::new(disk.clone()), clock, settings()).unwrap();
            let db = open(&disk);
            assert_eq!(clusters(&db), found.0, "{said}, rebuilt");
            assert_eq!(view(&db).digest().unwrap(), found.1, "{said}, rebuilt");
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(*first, found, "{said}, order {order}");
            hold_explanations(&db, &world, &mut rng, &said);
            if order == 2 {
                hold_without(&db, &world, &mut rng, &said);
            }
        }
    }
}
