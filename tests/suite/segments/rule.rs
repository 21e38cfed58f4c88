//! Rules for random segments: each as a text for the engine, and as plain code over what is known of a person.

use super::world::{DAY, HOUR, Person, World};
use crate::rng::Rng;
use navedb::Timestamp;

pub const COUNTRIES: [&str; 3] = ["FR", "DE", "UK"];
pub const CATEGORIES: [&str; 3] = ["shoes", "hats", "bags"];
pub const EVENTS: [&str; 3] = ["view", "cart", "purchase"];

/// A rule.
#[derive(Debug, Clone)]
pub enum Rule {
    Country(&'static str),
    Older(i64),
    Recent { event: &'static str, category: Option<&'static str>, hours: i64 },
    AtLeast { event: &'static str, count: i64, days: i64 },
    Spent { above: i64, days: i64 },
    Long { event: &'static str, days: i64 },
    LastCategory(&'static str),
    TrialOver,
    TrialWithin(i64),
    Funnel(i64),
    Morning,
    Month(i64),
    SinceMidnight(&'static str),
    Has(&'static str),
    Allows,
    In(String),
    Not(Box<Rule>),
    And(Box<Rule>, Box<Rule>),
    Or(Box<Rule>, Box<Rule>),
}

impl Rule {
    /// A random rule; it may ask for segments of these names.
    pub fn random(rng: &mut Rng, names: &[String], depth: usize) -> Rule {
        let deep = depth < 2 && rng.one_in(3);
        if deep {
            let mut one = || Box::new(Rule::random(rng, names, depth + 1));
            let (left, right) = (one(), one());
            return match rng.below(3) {
                0 => Rule::Not(left),
                1 => Rule::And(left, right),
                _ => Rule::Or(left, right),
            };
        }
        let event = *rng.pick(&EVENTS);
        let hours = *rng.pick(&[1, 5, 24, 72, 720]);
        match rng.below(if names.is_empty() { 15 } else { 17 }) {
            0 => Rule::Country(COUNTRIES[rng.below(3)]),
            1 => Rule::Older(rng.between(18, 60)),
            2 | 3 => Rule::Recent { event, category: None, hours },
            4 => Rule::Recent { event, category: Some(*rng.pick(&CATEGORIES)), hours },
            5 => Rule::AtLeast { event, count: rng.between(1, 4), days: rng.between(1, 20) },
            6 => Rule::Spent { above: rng.between(0, 300), days: rng.between(1, 30) },
            7 => Rule::Long { event, days: rng.between(1, 10) },
            8 => Rule::LastCategory(CATEGORIES[rng.below(3)]),
            9 => {
                if rng.one_in(2) {
                    Rule::TrialOver
                } else {
                    Rule::TrialWithin(rng.between(1, 9))
                }
            }
            10 => Rule::Funnel(rng.between(1, 90)),
            11 => {
                if rng.one_in(2) {
                    Rule::Morning
                } else {
                    Rule::Month(rng.between(1, 3))
                }
            }
            12 => Rule::SinceMidnight(event),
            13 => Rule::Has(if rng.one_in(2) { "email" } else { "anonymous_id" }),
            14 => Rule::Allows,
            _ => Rule::In(rng.pick(names).clone()),
        }
    }

    /// The rule in the audience language.
    pub fn text(&self) -> String {
        match self {
            Rule::Country(country) => format!("p.country = '{country}'"),
            Rule::Older(age) => format!("p.age >= {age}"),
            Rule::Recent { event, category, hours } => {
                let category =
                    category.map_or(String::new(), |of| format!(" AND e.category = '{of}'"));
                format!(
                    "EXISTS (SELECT 1 FROM {event} e WHERE e.time >= now() - INTERVAL '{hours} hours'{category})"
                )
            }
            Rule::AtLeast { event, count, days } => format!(
                "(SELECT count(*) FROM {event} e WHERE e.time > now() - INTERVAL '{days} days') >= {count}"
            ),
            Rule::Spent { above, days } => format!(
                "(SELECT sum(e.amount) FROM purchase e WHERE e.time >= now() - INTERVAL '{days} days') > {above}"
            ),
            Rule::Long { event, days } => format!(
                "EXISTS (SELECT 1 FROM {event} e WHERE e.time < now() - INTERVAL '{days} days')"
            ),
            Rule::LastCategory(of) => format!(
                "(SELECT e.category FROM purchase e ORDER BY e.time DESC, e.message_id DESC LIMIT 1) = '{of}'"
            ),
            Rule::TrialOver => "p.trial_end < now()".to_owned(),
            Rule::TrialWithin(days) => {
                format!("p.trial_end BETWEEN now() AND now() + INTERVAL '{days} days'")
            }
            Rule::Funnel(hours) => format!(
                "funnel(INTERVAL '{hours} hours', (SELECT 1 FROM view a), (SELECT 1 FROM purchase b))"
            ),
            Rule::Morning => "date_part('hour', now()) < 12 AND p.age > 30".to_owned(),
            Rule::Month(months) => format!(
                "EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '{months} months')"
            ),
            Rule::SinceMidnight(event) => {
                format!("EXISTS (SELECT 1 FROM {event} e WHERE e.time >= date_trunc('day', now()))")
            }
            Rule::Has(namespace) => format!("has_identifier('{namespace}')"),
            Rule::Allows => "consents('email', 'marketing')".to_owned(),
            Rule::In(name) => format!("in_segment('{name}')"),
            Rule::Not(inner) => format!("NOT ({})", inner.text()),
            Rule::And(left, right) => format!("({}) AND ({})", left.text(), right.text()),
            Rule::Or(left, right) => format!("({}) OR ({})", left.text(), right.text()),
        }
    }

    /// Whether it names a segment.
    pub fn names(&self, name: &str) -> bool {
        match self {
            Rule::In(of) => of == name,
            Rule::Not(inner) => inner.names(name),
            Rule::And(left, right) | Rule::Or(left, right) => left.names(name) || right.names(name),
            _ => false,
        }
    }

    /// Its truth for a person at a moment; nothing for unknown.
    pub fn holds(&self, world: &World, person: &Person<'_>, now: i64) -> Option<bool> {
        let events = |of: &str, from: i64| {
            person.events().filter(move |e| e.name == of && e.time >= from).collect::<Vec<_>>()
        };
        match self {
            Rule::Country(of) => person.latest("country").map(|found| found == *of),
            Rule::Older(age) => person.number("age").map(|found| found >= *age),
            Rule::Recent { event, category, hours } => {
                let mut found = events(event, now - hours * HOUR).into_iter();
                Some(found.any(|e| category.is_none_or(|of| e.category == of)))
            }
            Rule::AtLeast { event, count, days } => {
                Some(events(event, now - days * DAY + 1).len() as i64 >= *count)
            }
            Rule::Spent { above, days } => {
                let found = events("purchase", now - days * DAY);
                (!found.is_empty()).then(|| found.iter().map(|e| e.amount).sum::<i64>() > *above)
            }
            Rule::Long { event, days } => {
                Some(events(event, i64::MIN).iter().any(|e| e.time < now - days * DAY))
            }
            Rule::LastCategory(of) => {
                let last = events("purchase", i64::MIN).into_iter().max_by_key(|e| e.time)?;
                Some(last.category == *of)
            }
            Rule::TrialOver => person.number("trial_end").map(|end| end * 1_000_000 < now),
            Rule::TrialWithin(days) => person
                .number("trial_end")
                .map(|end| now <= end * 1_000_000 && end * 1_000_000 <= now + days * DAY),
            Rule::Funnel(hours) => {
                let (views, bought) = (events("view", i64::MIN), events("purchase", i64::MIN));
                Some(views.iter().any(|a| {
                    bought.iter().any(|b| a.time < b.time && b.time <= a.time + hours * HOUR)
                }))
            }
            Rule::Morning => {
                let morning = now.rem_euclid(DAY) < 12 * HOUR;
                match person.number("age") {
                    None => (!morning).then_some(false),
                    Some(age) => Some(morning && age > 30),
                }
            }
            Rule::Month(months) => {
                let from = months_before(now, *months);
                Some(!events("purchase", from).is_empty())
            }
            Rule::SinceMidnight(event) => {
                Some(!events(event, now - now.rem_euclid(DAY)).is_empty())
            }
            Rule::Has(namespace) => Some(person.has(namespace)),
            Rule::Allows => Some(person.allows()),
            Rule::In(name) => Some(world.holds(name, person, now)),
            Rule::Not(inner) => inner.holds(world, person, now).map(|value| !value),
            Rule::And(left, right) => {
                match (left.holds(world, person, now), right.holds(world, person, now)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Rule::Or(left, right) => {
                match (left.holds(world, person, now), right.holds(world, person, now)) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                }
            }
        }
    }
}

/// The same time of day some months before; the last day of the month where there is no such day.
fn months_before(now: i64, months: i64) -> i64 {
    let text = Timestamp(now - now.rem_euclid(DAY)).to_string();
    let number = |at: std::ops::Range<usize>| text[at].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let total = year * 12 + month - 1 - months;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    let midnight = (1..=day)
        .rev()
        .find_map(|day| Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z")).ok());
    midnight.unwrap().0 + now.rem_euclid(DAY)
}
