//! A slow judge of identity, which shares no code with the engine: it takes all that was said and makes clusters of it.

use std::collections::{BTreeMap, BTreeSet};

/// The number of an identifier of the world.
pub type Node = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Deterministic,
    Alias,
    Fuzzy,
    Behavioural,
    Manual,
    Forbidden,
}

impl Kind {
    fn tier(self) -> u8 {
        match self {
            Kind::Manual | Kind::Forbidden => 0,
            Kind::Deterministic | Kind::Alias => 1,
            Kind::Fuzzy => 2,
            Kind::Behavioural => 3,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::Deterministic => "deterministic",
            Kind::Alias => "alias",
            Kind::Fuzzy => "fuzzy",
            Kind::Behavioural => "behavioural",
            Kind::Manual => "manual",
            Kind::Forbidden => "forbid",
        }
    }
}

/// Something that is said; times are microseconds.
#[derive(Debug, Clone)]
pub enum Fact {
    Record { nodes: Vec<Node>, time: i64, source: usize, traits: Vec<(usize, i64)> },
    Link { nodes: (Node, Node), kind: Kind, score: i32, rule: usize, source: usize, time: i64 },
    Forbid { nodes: (Node, Node), source: usize, time: i64 },
    Unlink { nodes: (Node, Node), until: i64 },
    Retire { node: Node, until: i64 },
    Withdraw { nodes: (Node, Node), kind: Kind, source: usize, rule: usize },
}

/// What holds for a namespace.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// So many in a profile, for ever or within one day of first seeing them.
    pub limit: Option<(usize, bool)>,
    pub unique: bool,
    pub caps: BTreeMap<usize, usize>,
}

#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub namespaces: Vec<Rule>,
    /// Sources that never join two known profiles.
    pub untrusted: BTreeSet<usize>,
    /// Sources whose evidence links nothing.
    pub barred: BTreeSet<usize>,
    pub edges: usize,
}

/// What evidence is: its two nodes, its kind, its source, its rule.
pub type Content = (Node, Node, Kind, usize, usize);

#[derive(Debug, Clone, Copy, Default)]
struct Told {
    first: i64,
    last: i64,
    score: i32,
    said: bool,
    withdrawn: bool,
}

const DAY: i64 = 86_400_000_000;

/// What all facts together say.
#[derive(Debug, Default)]
pub struct Evidence {
    told: BTreeMap<Content, Told>,
    pairs: BTreeMap<(Node, Node), i64>,
    retired: BTreeMap<Node, i64>,
    /// When each identifier that somebody named was first seen.
    pub seen: BTreeMap<Node, i64>,
}

fn ordered((a, b): (Node, Node)) -> (Node, Node) {
    (a.min(b), a.max(b))
}

impl Evidence {
    pub fn of(facts: &[Fact]) -> Evidence {
        let mut all = Evidence::default();
        for fact in facts {
            all.take(fact);
        }
        all
    }

    fn see(&mut self, node: Node, time: i64) {
        let first = self.seen.entry(node).or_insert(time);
        *first = (*first).min(time);
    }

    fn say(&mut self, nodes: (Node, Node), by: (Kind, usize, usize), time: i64, score: i32) {
        let (a, b) = ordered(nodes);
        let told = self.told.entry((a, b, by.0, by.1, by.2)).or_default();
        if !told.said {
            (told.first, told.last, told.score, told.said) = (time, time, score, true);
            return;
        }
        told.score = match time.cmp(&told.last) {
            std::cmp::Ordering::Less => told.score,
            std::cmp::Ordering::Equal => told.score.max(score),
            std::cmp::Ordering::Greater => score,
        };
        told.first = told.first.min(time);
        told.last = told.last.max(time);
    }

    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Record { nodes, time, source, .. } => {
                let mut distinct: Vec<Node> = Vec::new();
                for node in nodes {
                    if !distinct.contains(node) {
                        distinct.push(*node);
                    }
                }
                for node in &distinct {
                    self.see(*node, *time);
                }
                for other in distinct.iter().skip(1) {
                    self.say((distinct[0], *other), (Kind::Deterministic, *source, 0), *time, 0);
                }
            }
            Fact::Link { nodes, kind, score, rule, source, time } => {
                self.see(nodes.0, *time);
                self.see(nodes.1, *time);
                self.say(*nodes, (*kind, *source, *rule), *time, *score);
            }
            Fact::Forbid { nodes, source, time } => {
                self.say(*nodes, (Kind::Forbidden, *source, 0), *time, 0);
            }
            Fact::Unlink { nodes, until } => {
                let known = self.pairs.entry(ordered(*nodes)).or_insert(i64::MIN);
                *known = (*known).max(*until);
            }
            Fact::Retire { node, until } => {
                let known = self.retired.entry(*node).or_insert(i64::MIN);
                *known = (*known).max(*until);
            }
            Fact::Withdraw { nodes, kind, source, rule } => {
                let (a, b) = ordered(*nodes);
                self.told.entry((a, b, *kind, *source, *rule)).or_default().withdrawn = true;
            }
        }
    }

    /// Up to when what links a pair is retracted.
    fn until(&self, a: Node, b: Node) -> i64 {
        let of = |found: Option<&i64>| found.copied().unwrap_or(i64::MIN);
        of(self.pairs.get(&(a, b))).max(of(self.retired.get(&a))).max(of(self.retired.get(&b)))
    }

    fn lives(&self, content: &Content, told: &Told) -> bool {
        told.said && !told.withdrawn && told.last > self.until(content.0, content.1)
    }

    /// The clusters of the identifiers that somebody named. `ids` breaks ties between evidence that is alike else.
    pub fn clusters(
        &self,
        rules: &Rules,
        namespace: &dyn Fn(Node) -> usize,
        ids: &dyn Fn(&Content) -> String,
    ) -> BTreeSet<BTreeSet<Node>> {
        let links: Vec<(Content, Told)> = self
            .told
            .iter()
            .filter(|(content, told)| {
                content.2 != Kind::Forbidden
                    && self.lives(content, told)
                    && !rules.barred.contains(&content.3)
                    && !(content.2 == Kind::Manual && rules.untrusted.contains(&content.3))
            })
            .map(|(content, told)| (*content, *told))
            .collect();
        let mut neighbours: BTreeMap<(Node, usize), BTreeSet<Node>> = BTreeMap::new();
        for ((a, b, kind, ..), _) in &links {
            if *kind != Kind::Manual {
                neighbours.entry((*a, namespace(*b))).or_default().insert(*b);
                neighbours.entry((*b, namespace(*a))).or_default().insert(*a);
            }
        }
        let crowded = |node: Node, of: usize| {
            let most = rules.namespaces[namespace(node)].caps.get(&of);
            let count = neighbours.get(&(node, of)).map_or(0, BTreeSet::len);
            most.is_some_and(|most| count > *most)
        };
        let mut counting: Vec<(Content, Told)> = links
            .into_iter()
            .filter(|((a, b, kind, ..), _)| {
                *kind == Kind::Manual || !(crowded(*a, namespace(*b)) || crowded(*b, namespace(*a)))
            })
            .collect();
        counting.sort_by_cached_key(|(content, told)| {
            let until = self.until(content.0, content.1);
            let since = told.first.max(until.saturating_add(1));
            (content.2.tier(), -i64::from(told.score), since, ids(content))
        });
        self.admit(rules, namespace, &counting)
    }

    fn admit(
        &self,
        rules: &Rules,
        namespace: &dyn Fn(Node) -> usize,
        counting: &[(Content, Told)],
    ) -> BTreeSet<BTreeSet<Node>> {
        let forbidden: Vec<(Node, Node)> = self
            .told
            .iter()
            .filter(|(content, told)| content.2 == Kind::Forbidden && told.said && !told.withdrawn)
            .map(|(content, _)| (content.0, content.1))
            .collect();
        let join = |sets: &mut Vec<BTreeSet<Node>>, a: Node, b: Node| {
            let left = sets.iter().position(|set| set.contains(&a)).unwrap();
            let right = sets.iter().position(|set| set.contains(&b)).unwrap();
            if left != right {
                let moved = sets[left.max(right)].clone();
                sets[left.min(right)].extend(moved);
                sets.remove(left.max(right));
            }
        };
        let alone = || self.seen.keys().map(|node| BTreeSet::from([*node])).collect::<Vec<_>>();
        let mut components = alone();
        for ((a, b, ..), _) in counting {
            join(&mut components, *a, *b);
        }
        let edges_of = |node: Node| {
            let set = components.iter().find(|set| set.contains(&node)).unwrap();
            counting.iter().filter(|((a, ..), _)| set.contains(a)).count()
        };
        let mut sets = alone();
        for ((a, b, kind, source, _), _) in counting {
            if matches!(kind, Kind::Fuzzy | Kind::Behavioural) && edges_of(*a) > rules.edges {
                continue;
            }
            let of = |node: Node| sets.iter().find(|set| set.contains(&node)).unwrap().clone();
            let (left, right) = (of(*a), of(*b));
            if left == right {
                continue;
            }
            let both: BTreeSet<Node> = left.union(&right).copied().collect();
            let apart = forbidden.iter().any(|(x, y)| {
                (left.contains(x) && right.contains(y)) || (left.contains(y) && right.contains(x))
            });
            let known =
                |set: &BTreeSet<Node>| set.iter().any(|n| rules.namespaces[namespace(*n)].unique);
            let scored = matches!(kind, Kind::Fuzzy | Kind::Behavioural);
            let barred = scored || (*kind != Kind::Manual && rules.untrusted.contains(source));
            if apart
                || self.over(rules, namespace, &both)
                || (barred && known(&left) && known(&right))
            {
                continue;
            }
            join(&mut sets, *a, *b);
        }
        sets.into_iter().collect()
    }

    /// Whether a set has too many identifiers of a namespace.
    fn over(&self, rules: &Rules, namespace: &dyn Fn(Node) -> usize, set: &BTreeSet<Node>) -> bool {
        let mut counts: BTreeMap<(usize, i64), usize> = BTreeMap::new();
        for node in set {
            let of = namespace(*node);
            if let Some((_, daily)) = rules.namespaces[of].limit {
                let bucket = if daily { self.seen[node].div_euclid(DAY) } else { 0 };
                *counts.entry((of, bucket)).or_default() += 1;
            }
        }
        counts.iter().any(|((of, _), count)| {
            rules.namespaces[*of].limit.is_some_and(|(most, _)| *count > most)
        })
    }
}

/// Which of the facts about a trait is its golden value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Golden {
    Latest,
    Earliest,
    Least,
    Greatest,
    Frequent,
    Sum,
    Sources,
    /// What a record says that says 1 of the first trait comes first.
    Verified,
    /// What the record says whose value of the first trait has won, the latest there.
    Follow,
}

/// One thing that was said of a trait: when, by whom, which value, and what was said of the first trait beside it.
type Said<'s> = (i64, &'s str, i64, Option<i64>);

/// When and by whom the first trait was told, its value, and what was said of the second beside it.
type Leading<'s> = ((i64, &'s str, i64), Option<i64>);

/// The value of the second trait of a cluster under a rule, or, with `first`, that of the first one: the latest.
pub fn golden(
    facts: &[Fact],
    cluster: &BTreeSet<Node>,
    rule: Golden,
    first: bool,
    sources: &[&str],
) -> Option<i64> {
    let mut said: Vec<Said<'_>> = Vec::new();
    // For the rule that follows: each record that tells of the first trait, with what it says of the second.
    let mut leading: Vec<Leading<'_>> = Vec::new();
    for fact in facts {
        let Fact::Record { nodes, time, source, traits } = fact else { continue };
        if !cluster.contains(&nodes[0]) {
            continue;
        }
        let of = |number: usize| traits.iter().find(|(n, _)| *n == number).map(|(_, value)| *value);
        if let Some(value) = of(usize::from(!first)) {
            said.push((*time, sources[*source], value, of(0)));
        }
        if let Some(leader) = of(0) {
            leading.push(((*time, sources[*source], leader), of(1)));
        }
    }
    let latest = |one: &Said<'_>| (one.0, one.1.to_owned(), one.2);
    match rule {
        Golden::Latest => said.into_iter().max_by_key(latest).map(|one| one.2),
        Golden::Earliest => {
            let key = |one: &Said<'_>| (-one.0, one.1.to_owned(), one.2);
            said.into_iter().max_by_key(key).map(|one| one.2)
        }
        Golden::Least => said.iter().map(|one| one.2).min(),
        Golden::Greatest => said.iter().map(|one| one.2).max(),
        Golden::Sum => (!said.is_empty()).then(|| said.iter().map(|one| one.2).sum()),
        Golden::Frequent => {
            let count = |value: i64| said.iter().filter(|one| one.2 == value).count();
            said.iter().max_by_key(|one| (count(one.2), latest(one))).map(|one| one.2)
        }
        Golden::Sources => {
            let rank = |one: &Said<'_>| i32::from(one.1 == "shop") * 2 + i32::from(one.1 == "web");
            said.iter().max_by_key(|one| (rank(one), latest(one))).map(|one| one.2)
        }
        Golden::Verified => {
            said.iter().max_by_key(|one| (one.3 == Some(1), latest(one))).map(|one| one.2)
        }
        Golden::Follow => {
            let key = |one: &Leading<'_>| (one.0.0, one.0.1.to_owned(), one.0.2, one.1);
            leading.iter().max_by_key(|one| key(one)).and_then(|one| one.1)
        }
    }
}
