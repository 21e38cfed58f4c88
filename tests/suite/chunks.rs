//! Audiences over several chunks of 65,536 profiles, in files and beside parts in memory, with persons who are joined
//! and events that come later, against predicates on a plain list.

mod of_traits;

use crate::store::{self, NOON, identify, session, track, view, write};
use navedb::dir::MemoryDir;
use navedb::{
    At, Db, Input, Level, LoadRequest, RecordKind, Said, Settings, Timestamp, Value, View,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PERSONS: u64 = 150_000;
const DAY: i64 = 86_400_000_000;
const PLANS: [&str; 3] = ["free", "pro", "team"];

/// A number that looks like chance (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(77);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Debug, Clone, Default)]
struct Person {
    country: Option<String>,
    city: Option<String>,
    plan: Option<&'static str>,
    age: Option<i64>,
    value: Option<f64>,
    /// Since when.
    since: Option<i64>,
    /// When, and how many cents.
    purchases: Vec<(i64, i64)>,
    carts: Vec<i64>,
}

impl Person {
    fn new(number: u64) -> Person {
        let of = |salt: u64| mixed(number * 16 + salt);
        let purchases = if of(5) % 3 == 0 { of(6) % 5 } else { 0 };
        let event = |salt: u64| {
            let at = mixed(number * 1024 + salt);
            (
                NOON - (at % (200 * 86_400)).cast_signed() * 1_000_000,
                (at >> 40).cast_signed() % 20_000,
            )
        };
        Person {
            country: (of(0) % 11 > 0).then(|| format!("c{}", of(0) % 9)),
            city: Some(format!("city {}", of(1) % 7000)),
            plan: PLANS.get((of(2) % 4) as usize).copied(),
            age: (!(number / 100).is_multiple_of(7)).then(|| 18 + (of(3) % 60).cast_signed()),
            value: (of(4) % 50 > 0).then(|| (of(4) >> 30) as f64 / 1_048_576.0),
            since: (of(8) % 13 > 0)
                .then(|| NOON - (of(9) % (900 * 86_400)).cast_signed() * 1_000_000),
            purchases: (0..purchases).map(event).collect(),
            carts: (500..500 + of(7) % 2).map(|salt| event(salt).0).collect(),
        }
    }
}

/// Of what kind the purchase of an instant is.
fn category(at: i64) -> Option<&'static str> {
    let all = [None, Some("beer"), Some("wine"), Some("whisky"), Some("bread"), Some("wine gums")];
    all[(mixed(at.cast_unsigned()) % 6) as usize]
}

/// The points of the purchase of an instant: two of them may be more than 64 bits hold.
fn points(at: i64) -> Option<i64> {
    let number = mixed(at.cast_unsigned() ^ 1);
    (!number.is_multiple_of(5)).then(|| (number % 8_000_000_000_000_000_000).cast_signed())
}

/// The properties of a purchase, beside its amount.
fn beside(at: i64) -> String {
    let text = category(at).map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""));
    format!(r#""category":{text},"points":{}"#, points(at).map_or("null".into(), |n| n.to_string()))
}

/// The persons by their user id.
type World = BTreeMap<String, Person>;

fn load(db: &Db, kind: RecordKind, time: bool, csv: String) {
    let mut request = LoadRequest::new("crm", kind);
    request.inputs.push(Input::Bytes { name: "file.csv".into(), bytes: csv.into_bytes() });
    request.ids = vec![("user_id".into(), "user".into())];
    request.time = time.then(|| "at".to_owned());
    request.level = Some(Level::Memory);
    let report = db.load(&request).unwrap();
    assert!(report.files.iter().all(|file| file.broken == 0 && file.conflicts == 0), "{report:?}");
}

fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn world(db: &Db) -> World {
    let mut persons = String::from("user,country,city,plan,age,value,since\n");
    let mut purchases = String::from("user,at,amount,category,points\n");
    let mut carts = String::from("user,at\n");
    let mut world = World::new();
    for number in 0..PERSONS {
        let (user, person) = (format!("u{number}"), Person::new(number));
        let (country, city) = (cell(person.country.clone()), cell(person.city.clone()));
        let (plan, age) = (cell(person.plan), cell(person.age));
        let value = person.value.map_or_else(String::new, |value| format!("{value:e}"));
        let since = cell(person.since.map(Timestamp));
        writeln!(persons, "{user},{country},{city},{plan},{age},{value},{since}").unwrap();
        for (at, cents) in &person.purchases {
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            let beside = format!("{},{}", category(*at).unwrap_or_default(), cell(points(*at)));
            writeln!(purchases, "{user},{},{amount},{beside}", Timestamp(*at)).unwrap();
        }
        for at in &person.carts {
            writeln!(carts, "{user},{}", Timestamp(*at)).unwrap();
        }
        world.insert(user, person);
    }
    load(db, RecordKind::Identify, false, persons);
    let event = |name: &str| RecordKind::Track(Said::Fixed(name.into()));
    load(db, event("purchase"), true, purchases);
    load(db, event("cart"), true, carts);
    world
}

/// What is said later: new values, new events, new persons, and visitors who turn out to be known.
fn later(db: &Db, world: &mut World) {
    // The files came at this time, too; of one time the source that comes later in the alphabet wins.
    let time = "2024-03-31T12:00:00Z";
    let mut messages = Vec::new();
    for turn in 0..400_u64 {
        let user = format!("u{}", mixed(turn) % (PERSONS + 50));
        let person = world.entry(user.clone()).or_default();
        match turn % 4 {
            0 => {
                (person.age, person.country) = (Some(99), None);
                messages.push(identify(
                    &user,
                    &format!("i{turn}"),
                    time,
                    r#"{"age":99,"country":null}"#,
                ));
            }
            1 => {
                person.purchases.push((NOON - DAY, 10_000));
                let at = Timestamp(NOON - DAY).to_string();
                let properties = format!(r#"{{"amount":100,{}}}"#, beside(NOON - DAY));
                messages.push(track(&user, &format!("t{turn}"), &at, "purchase", &properties));
            }
            2 => {
                person.carts.push(NOON - 3 * DAY);
                let at = Timestamp(NOON - 3 * DAY).to_string();
                messages.push(track(&user, &format!("c{turn}"), &at, "cart", "{}"));
            }
            _ => {
                person.purchases.push((NOON - 2 * DAY, 5_050));
                let (at, more) = (Timestamp(NOON - 2 * DAY), beside(NOON - 2 * DAY));
                let who = format!(r#""userId":"{user}","anonymousId":"visitor {turn}""#);
                messages.push(format!(
                    r#"{{"type":"track",{who},"messageId":"v{turn}","timestamp":"{at}","event":"purchase",
                        "properties":{{"amount":50.5,{more}}}}}"#
                ));
            }
        }
    }
    messages.chunks(40).for_each(|some| drop(write(db, "web", some)));
}

/// Visitors whose events are in files, and who are known by the time that these are asked about.
fn known(db: &Db, world: &mut World) {
    for turn in 0..60_u64 {
        let person = world.get_mut(&format!("u{}", mixed(turn) % PERSONS)).unwrap();
        person.carts.push(NOON - 4 * DAY);
        let user = format!("u{}", mixed(turn) % PERSONS);
        let join = format!(
            r#"{{"type":"identify","userId":"{user}","anonymousId":"early {turn}","messageId":"k{turn}","timestamp":"2024-03-31T11:30:00Z"}}"#
        );
        write(db, "web", &[join]);
    }
}

fn visitors(db: &Db) {
    let at = Timestamp(NOON - 4 * DAY);
    let messages: Vec<String> = (0..60)
        .map(|turn| {
            format!(
                r#"{{"type":"track","anonymousId":"early {turn}","messageId":"e{turn}","timestamp":"{at}","event":"cart"}}"#
            )
        })
        .collect();
    write(db, "web", &messages);
}

type Holds = Box<dyn Fn(&Person) -> bool>;

fn within(days: i64) -> i64 {
    NOON - days * DAY
}

fn cents(person: &Person, days: i64) -> i64 {
    person.purchases.iter().filter(|(at, _)| *at >= within(days)).map(|(_, cents)| cents).sum()
}

fn bought(person: &Person, days: i64) -> usize {
    person.purchases.iter().filter(|(at, _)| *at >= within(days)).count()
}

fn ask(text: &'static str, holds: impl Fn(&Person) -> bool + 'static) -> (&'static str, Holds) {
    (text, Box::new(holds))
}

fn of_events() -> Vec<(&'static str, Holds)> {
    vec![
        ask("EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')", |p| {
            bought(p, 30) > 0
        }),
        ask(
            "EXISTS (SELECT 1 FROM cart e WHERE e.time >= now() - INTERVAL '7 days') AND NOT EXISTS \
             (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')",
            |p| p.carts.iter().any(|at| *at >= within(7)) && bought(p, 30) == 0,
        ),
        ask(
            "(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '90 days') >= 2 AND \
             (SELECT sum(e.amount) FROM purchase e WHERE e.time >= now() - INTERVAL '90 days') > 100",
            |p| bought(p, 90) >= 2 && cents(p, 90) > 10_000,
        ),
        ask("(SELECT count(*) FROM purchase e) < 1 AND p.plan = 'free'", |p| {
            p.purchases.is_empty() && p.plan == Some("free")
        }),
        ask("(SELECT count(*) FROM purchase e WHERE e.amount > 150) <> 1", |p| {
            p.purchases.iter().filter(|(_, cents)| *cents > 15_000).count() != 1
        }),
        ask(
            "(SELECT sum(e.amount) FROM purchase e WHERE e.time >= now() - INTERVAL '60 days') > \
             (SELECT sum(e.amount) FROM purchase e WHERE e.time < now() - INTERVAL '60 days')",
            |p| {
                let all: i64 = p.purchases.iter().map(|(_, cents)| cents).sum();
                let both = bought(p, 60) > 0 && bought(p, 60) < p.purchases.len();
                both && cents(p, 60) > all - cents(p, 60)
            },
        ),
        ask("(SELECT avg(e.amount) FROM purchase e) > 120 AND p.age > 50", |p| {
            let all: i64 = p.purchases.iter().map(|(_, cents)| cents).sum();
            all > 12_000 * p.purchases.len() as i64 && p.age.is_some_and(|age| age > 50)
        }),
        ask("(SELECT max(e.time) FROM purchase e) < now() - INTERVAL '100 days'", |p| {
            p.purchases.iter().map(|(at, _)| *at).max().is_some_and(|at| at < within(100))
        }),
        ask(
            "funnel(INTERVAL '10 days', (SELECT 1 FROM cart a), (SELECT 1 FROM purchase b))",
            |p| {
                let follows = |cart: i64| {
                    p.purchases.iter().any(|(at, _)| *at > cart && at - cart <= 10 * DAY)
                };
                p.carts.iter().any(|cart| follows(*cart))
            },
        ),
    ]
}

fn kinds(person: &Person) -> Vec<&'static str> {
    person.purchases.iter().filter_map(|(at, _)| category(*at)).collect()
}

fn different(person: &Person) -> usize {
    kinds(person).into_iter().collect::<std::collections::BTreeSet<_>>().len()
}

fn all_points(person: &Person) -> Vec<i128> {
    person.purchases.iter().filter_map(|(at, _)| points(*at)).map(i128::from).collect()
}

/// Aggregates that are measured, alone and compared with each other, and properties that are tested.
fn of_measures() -> Vec<(&'static str, Holds)> {
    vec![
        ask("(SELECT count(DISTINCT e.category) FROM purchase e) >= 2", |p| different(p) >= 2),
        ask("(SELECT count(DISTINCT e.category) FROM purchase e) = 0", |p| different(p) == 0),
        ask("EXISTS (SELECT 1 FROM purchase e WHERE e.category LIKE 'w%')", |p| {
            kinds(p).iter().any(|text| text.starts_with('w'))
        }),
        ask(
            "(SELECT count(*) FROM purchase e WHERE e.category IN ('beer', 'whisky') AND \
             e.amount > 20.5) >= 1",
            |p| {
                let wanted = |(at, cents): &(i64, i64)| {
                    matches!(category(*at), Some("beer" | "whisky")) && *cents > 2_050
                };
                p.purchases.iter().any(wanted)
            },
        ),
        ask("EXISTS (SELECT 1 FROM purchase e WHERE e.category <> 'wine')", |p| {
            kinds(p).iter().any(|text| *text != "wine")
        }),
        ask("(SELECT min(e.amount) FROM purchase e) < 15.25", |p| {
            p.purchases.iter().map(|(_, cents)| *cents).min().is_some_and(|least| least < 1_525)
        }),
        ask("NOT (SELECT max(e.amount) FROM purchase e) >= 50.5", |p| {
            p.purchases.iter().map(|(_, cents)| *cents).max().is_some_and(|most| most < 5_050)
        }),
        ask("(SELECT min(e.time) FROM purchase e) >= now() - INTERVAL '50 days'", |p| {
            p.purchases.iter().map(|(at, _)| *at).min().is_some_and(|at| at >= within(50))
        }),
    ]
}

/// Numbers that 64 bits do not hold, aggregates that are compared with one another, and a funnel of three steps.
fn of_large_measures() -> Vec<(&'static str, Holds)> {
    vec![
        ask("(SELECT avg(e.points) FROM purchase e) > 5000000000000000000", |p| {
            let all = all_points(p);
            let average = all.iter().sum::<i128>() as f64 / all.len() as f64;
            !all.is_empty() && average > 5e18
        }),
        ask("(SELECT sum(e.points) FROM purchase e) > 12000000000000000000", |p| {
            all_points(p).iter().sum::<i128>() > 12_000_000_000_000_000_000
        }),
        ask(
            "(SELECT sum(e.points) FROM purchase e) > (SELECT max(e.points) FROM purchase e)",
            |p| all_points(p).len() > 1,
        ),
        ask(
            "(SELECT count(e.category) FROM purchase e) <> (SELECT count(*) FROM purchase e)",
            |p| kinds(p).len() != p.purchases.len(),
        ),
        ask(
            "(SELECT count(DISTINCT e.category) FROM purchase e) < \
             (SELECT count(e.category) FROM purchase e)",
            |p| different(p) < kinds(p).len(),
        ),
        ask(
            "(SELECT sum(e.amount) FROM purchase e) / (SELECT count(*) FROM purchase e) > 100.25",
            |p| {
                let all: i64 = p.purchases.iter().map(|(_, cents)| cents).sum();
                4 * all > 40_100 * p.purchases.len() as i64
            },
        ),
        ask("(SELECT avg(e.amount) FROM purchase e) < p.age", |p| {
            let all: i64 = p.purchases.iter().map(|(_, cents)| cents).sum();
            let count = p.purchases.len() as i64;
            count > 0 && p.age.is_some_and(|age| all < 100 * age * count)
        }),
        ask(
            "funnel(INTERVAL '90 days', (SELECT 1 FROM cart a), (SELECT 1 FROM purchase b WHERE \
             b.amount > 10), (SELECT 1 FROM purchase c WHERE c.category LIKE 'w%'))",
            |p| {
                let last = |cart: i64, first: i64| {
                    let follows = |at: i64| at > first && at - cart <= 90 * DAY;
                    let wanted = |at: i64| category(at).is_some_and(|text| text.starts_with('w'));
                    p.purchases.iter().any(|(at, _)| follows(*at) && wanted(*at))
                };
                let first = |cart: i64| {
                    let mut after =
                        p.purchases.iter().filter(|(at, cents)| *at > cart && *cents > 1_000);
                    after.any(|(at, _)| last(cart, *at))
                };
                p.carts.iter().any(|cart| first(*cart))
            },
        ),
    ]
}

/// Groups with aggregates of a float and an integer, which several threads gather.
fn grouped(view: &View, world: &World, here: &str) {
    let text = "SELECT p.plan, count(*), count(p.age), sum(p.age), min(p.value), max(p.value), \
                avg(p.value) FROM profiles p GROUP BY p.plan";
    let table = view.query(text, At::Latest).unwrap();
    let mut groups: BTreeMap<Option<&str>, Vec<&Person>> = BTreeMap::new();
    world.values().for_each(|person| groups.entry(person.plan).or_default().push(person));
    assert_eq!(table.rows.len(), groups.len(), "{here}");
    for row in table.rows {
        let plan = row[0].as_ref().map(ToString::to_string);
        let persons = &groups[&plan.as_deref()];
        let ages: Vec<i64> = persons.iter().filter_map(|person| person.age).collect();
        let mut values: Vec<f64> = persons.iter().filter_map(|person| person.value).collect();
        values.sort_by(f64::total_cmp);
        let integers = [persons.len() as i64, ages.len() as i64].map(Value::Integer);
        assert_eq!(row[1..3], integers.map(Some), "{here}: {plan:?}");
        let sum = ages.iter().sum::<i64>().to_string();
        assert_eq!(row[3].as_ref().map(ToString::to_string), Some(sum), "{here}: {plan:?}");
        let ends = [values.first(), values.last()].map(|value| value.copied().map(Value::Float));
        assert_eq!(row[4..6], ends, "{here}: {plan:?}");
        // Whole numbers of 2^-20, so that the sum is exact however it is made.
        let sum: i128 = values.iter().map(|value| (value * 1_048_576.0) as i128).sum();
        let average = sum as f64 / 1_048_576.0 / values.len() as f64;
        assert_eq!(row[6], Some(Value::Float(average)), "{here}: {plan:?}");
    }
    let text = "SELECT avg(p.value), sum(p.age), max(p.value) FROM profiles p WHERE p.age > 20";
    let row = view.query(text, At::Latest).unwrap().rows.remove(0);
    let older = || world.values().filter(|person| person.age.is_some_and(|age| age > 20));
    let values: Vec<f64> = older().filter_map(|person| person.value).collect();
    let sum: i128 = values.iter().map(|value| (value * 1_048_576.0) as i128).sum();
    let average = sum as f64 / 1_048_576.0 / values.len() as f64;
    assert_eq!(row[0], Some(Value::Float(average)), "{here}");
    let ages = older().filter_map(|person| person.age).sum::<i64>().to_string();
    assert_eq!(row[1].as_ref().map(ToString::to_string), Some(ages), "{here}");
    let most = values.iter().copied().max_by(f64::total_cmp).map(Value::Float);
    assert_eq!(row[2], most, "{here}");
}

fn asked() -> impl Iterator<Item = (&'static str, Holds)> {
    let measures = of_measures().into_iter().chain(of_large_measures());
    of_traits::asked().into_iter().chain(of_events()).chain(measures)
}

fn judge(view: &View, world: &World, here: &str) {
    for (text, holds) in asked() {
        let wanted = world.values().filter(|person| holds(person)).count() as u64;
        assert_eq!(view.count(text, At::Latest), Ok(wanted), "{here}: {text}");
        assert_eq!(view.members(text, At::Latest).unwrap().len() as u64, wanted, "{here}: {text}");
        assert!(wanted > 0 && wanted < world.len() as u64, "{text}: {wanted}");
    }
    let mut counts: BTreeMap<(Option<&str>, Option<&str>), i64> = BTreeMap::new();
    for person in world.values().filter(|person| person.age.is_some_and(|age| age > 30)) {
        *counts.entry((person.country.as_deref(), person.plan)).or_default() += 1;
    }
    let table = view.breakdown("p.age > 30", &["country", "plan"], At::Latest).unwrap();
    assert_eq!(table.rows.len(), counts.len(), "{here}");
    for row in &table.rows {
        let [country, plan, Some(Value::Integer(count))] = row.as_slice() else {
            panic!("{row:?}")
        };
        let text = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
        let (country, plan) = (text(country), text(plan));
        assert_eq!(counts.get(&(country.as_deref(), plan.as_deref())), Some(count), "{here}");
    }
    grouped(view, world, here);
    of_traits::tables(view, world, here);
    let mut values: Vec<f64> = world.values().filter_map(|person| person.value).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let top = view.top("true", "value", 50, At::Latest).unwrap();
    let found: Vec<Value> =
        top.rows.iter().filter_map(|row| row.get(1).cloned().flatten()).collect();
    let wanted: Vec<Value> = values.iter().take(50).map(|value| Value::Float(*value)).collect();
    assert_eq!(found, wanted, "{here}");
    let sums = view.aggregate("p.plan = 'pro'", "age", At::Latest).unwrap();
    let ages = || world.values().filter(|p| p.plan == Some("pro")).filter_map(|person| person.age);
    assert_eq!(sums.count, ages().count() as u64, "{here}");
    assert_eq!(
        sums.sum.map(|sum| sum.to_string()),
        Some(ages().sum::<i64>().to_string()),
        "{here}"
    );
    let both = view.overlap(&["p.country = 'c3'", "p.age > 30"], At::Latest).unwrap();
    let shared = view.count("p.country = 'c3' AND p.age > 30", At::Latest).unwrap();
    assert_eq!((both[0][1], both[1][0]), (shared, shared), "{here}");
}

#[test]
fn audiences_over_chunks_are_those_of_a_plain_list() {
    let dir = MemoryDir::new();
    let settings = Settings { question_threads: 2, ..Settings::default() };
    let db = store::open_with(dir.clone(), settings.clone()).unwrap();
    let mut world = world(&db);
    visitors(&db);
    db.checkpoint().unwrap();
    // Visitors are persons too, as long as nobody knows them.
    let mut early = world.clone();
    for turn in 0..60 {
        let person = Person { carts: vec![NOON - 4 * DAY], ..Person::default() };
        early.insert(format!("early {turn}"), person);
    }
    judge(&view(&db), &early, "in files");
    known(&db, &mut world);
    later(&db, &mut world);
    judge(&view(&db), &world, "files and overlay");
    db.close().unwrap();
    let db = store::open_with(dir, settings).unwrap();
    judge(&session(&db).view(), &world, "reopened");
}
