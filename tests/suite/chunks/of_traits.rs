//! Questions about traits, plain and computed.

use super::{DAY, Holds, Person, World, ask};
use navedb::{At, Timestamp, Value, View};
use std::collections::{BTreeMap, BTreeSet};

fn plain() -> Vec<(&'static str, Holds)> {
    let country = |person: &Person, names: &[&str]| {
        person.country.as_deref().is_some_and(|country| names.contains(&country))
    };
    vec![
        ask("p.country = 'c3'", move |p| country(p, &["c3"])),
        ask("p.country IN ('c1','c2','c3','c5','c8') AND p.plan = 'pro'", move |p| {
            country(p, &["c1", "c2", "c3", "c5", "c8"]) && p.plan == Some("pro")
        }),
        ask("p.plan = 'pro' AND p.country <> 'c1'", move |p| {
            p.plan == Some("pro") && p.country.is_some() && !country(p, &["c1"])
        }),
        ask("p.age BETWEEN 25 AND 40 AND p.value > 4096.5", |p| {
            p.age.is_some_and(|age| (25..=40).contains(&age)) && p.value.is_some_and(|v| v > 4096.5)
        }),
        ask("NOT (p.age >= 30 AND p.plan = 'team')", |p| {
            p.age.is_some_and(|age| age < 30) || p.plan.is_some_and(|plan| plan != "team")
        }),
        ask("p.value <= 100.25 OR p.age = 99", |p| {
            p.value.is_some_and(|value| value <= 100.25) || p.age == Some(99)
        }),
        ask("p.city = 'city 4711' AND p.age > 20", |p| {
            p.city.as_deref() == Some("city 4711") && p.age.is_some_and(|age| age > 20)
        }),
        ask("p.city LIKE 'city 12%' AND p.age IS NULL", |p| {
            p.city.as_deref().is_some_and(|city| city.starts_with("city 12")) && p.age.is_none()
        }),
        ask("p.city NOT LIKE 'city 1%' AND p.plan = 'pro'", |p| {
            let other = p.city.as_deref().is_some_and(|city| !city.starts_with("city 1"));
            other && p.plan == Some("pro")
        }),
    ]
}

fn day(person: &Person) -> Option<i64> {
    person.since.map(|since| since.div_euclid(DAY))
}

fn year(person: &Person) -> Option<String> {
    person.since.map(|since| Timestamp(since).to_string()[..4].to_owned())
}

/// What is decided once a value, once a day, or computed for many profiles at once.
fn computed() -> Vec<(&'static str, Holds)> {
    vec![
        ask("p.age * 2 > 60 AND p.plan = 'pro'", |p| {
            p.age.is_some_and(|age| age * 2 > 60) && p.plan == Some("pro")
        }),
        ask("p.age % 2 = 1", |p| p.age.is_some_and(|age| age % 2 == 1)),
        ask("NOT p.age % 7 = 3", |p| p.age.is_some_and(|age| age % 7 != 3)),
        ask("coalesce(p.age, 70) >= 70", |p| p.age.is_none_or(|age| age >= 70)),
        ask("p.city LIKE '%11' AND p.value > 10", |p| {
            p.city.as_deref().is_some_and(|city| city.ends_with("11"))
                && p.value.is_some_and(|value| value > 10.0)
        }),
        ask("extract(year FROM p.since) = 2023", |p| year(p).as_deref() == Some("2023")),
        ask("NOT extract(dow FROM p.since) = 1", |p| day(p).is_some_and(|day| (day + 4) % 7 != 1)),
        ask("p.value * 1.5 > 9000", |p| p.value.is_some_and(|value| value * 1.5 > 9000.0)),
        ask("NOT p.value > p.age * 100", |p| {
            p.value.zip(p.age).is_some_and(|(value, age)| value <= (age * 100) as f64)
        }),
        ask("p.value / p.age < 40 OR p.plan = 'team'", |p| {
            let few = p.value.zip(p.age).is_some_and(|(value, age)| value / (age as f64) < 40.0);
            few || p.plan == Some("team")
        }),
        ask("coalesce(p.value, p.age) < 50", |p| {
            p.value.or(p.age.map(|age| age as f64)).is_some_and(|value| value < 50.0)
        }),
        ask("extract(hour FROM p.since) < p.age - 40", |p| {
            let hour = p.since.map(|since| since.rem_euclid(DAY) / 3_600_000_000);
            hour.zip(p.age).is_some_and(|(hour, age)| hour < age - 40)
        }),
    ]
}

pub fn asked() -> Vec<(&'static str, Holds)> {
    plain().into_iter().chain(computed()).collect()
}

/// What a table should show of the persons of a group, all sums of whole numbers of 2^-20.
fn row(persons: &[&Person]) -> Vec<Option<Value>> {
    let integer = |count: usize| Some(Value::Integer(count as i64));
    let cities: BTreeSet<&str> = persons.iter().filter_map(|p| p.city.as_deref()).collect();
    let doubled = persons.iter().filter_map(|p| p.age).map(|age| age * 2).reduce(|a, b| a + b);
    let whole = |value: f64| (value * 1_048_576.0) as i128;
    let values: Vec<i128> =
        persons.iter().filter_map(|p| p.value).map(|v| whole(v * 2.0)).collect();
    let sum = values.iter().sum::<i128>() as f64 / 1_048_576.0;
    let average = (!values.is_empty()).then(|| Value::Float(sum / values.len() as f64));
    let less = persons.iter().filter_map(|p| Some(p.value? - p.age? as f64)).reduce(f64::max);
    vec![
        integer(persons.len()),
        integer(cities.len()),
        doubled.map(|sum| Value::Decimal(sum.into())),
        average,
        less.map(Value::Float),
    ]
}

/// Tables by groups that are computed, of what is computed.
pub fn tables(view: &View, world: &World, here: &str) {
    type KeyOf = fn(&Person) -> Option<String>;
    let keys: [(&str, KeyOf); 4] = [
        ("p.age % 10", |p| p.age.map(|age| (age % 10).to_string())),
        ("extract(year FROM p.since)", year),
        ("CAST(p.since AS date)", |p| p.since.map(|at| Timestamp(at).to_string()[..10].to_owned())),
        ("p.plan", |p| p.plan.map(str::to_owned)),
    ];
    for (key, of) in keys {
        let mut groups: BTreeMap<Option<String>, Vec<&Person>> = BTreeMap::new();
        world.values().for_each(|person| groups.entry(of(person)).or_default().push(person));
        let text = format!(
            "SELECT {key}, count(*), count(DISTINCT p.city), sum(p.age * 2), avg(p.value * 2), \
             max(p.value - p.age) FROM profiles p GROUP BY {key}"
        );
        let table = view.query(&text, At::Latest).unwrap();
        assert_eq!(table.rows.len(), groups.len(), "{here}: {key}");
        for found in &table.rows {
            let group = found[0].as_ref().map(ToString::to_string);
            assert_eq!(found[1..], row(&groups[&group]), "{here}: {key} {group:?}");
        }
    }
    let text = "SELECT count(DISTINCT p.city), sum(p.age * 2) FROM profiles p WHERE p.plan = 'pro'";
    let pro: Vec<&Person> = world.values().filter(|p| p.plan == Some("pro")).collect();
    let table = view.query(text, At::Latest).unwrap();
    assert_eq!(table.rows, [row(&pro)[1..3].to_vec()], "{here}");
}
