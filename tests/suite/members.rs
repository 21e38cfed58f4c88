//! Lists of members: pages whose cursors hold while the store changes, breakdowns, greatest values and aggregates
//! against what the profiles say one by one.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, NOON, identify, say, view, write};
use navedb::dir::MemoryDir;
use navedb::{
    At, Cursor, Db, ErrorKind, MembersPage, MembersRequest, Retraction, Table, Timestamp,
};
use navedb::{Value, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TIME: &str = "2024-03-01T00:00:00Z";

fn ids(page: &MembersPage) -> Vec<String> {
    page.members.iter().map(|member| member.profile_id.clone()).collect()
}

fn page(view: &View, text: &str, limit: usize, after: Option<Cursor>) -> MembersPage {
    let request = MembersRequest { limit, after, ..MembersRequest::default() };
    view.members_page(text, &request, At::Latest).unwrap()
}

#[test]
fn pages_of_any_size_are_the_members_in_order() {
    let db = store::new();
    let people: Vec<String> = (0..57)
        .map(|n| identify(&format!("u{n}"), &format!("m{n}"), TIME, &format!(r#"{{"n":{n}}}"#)))
        .collect();
    write(&db, "crm", &people);
    let view = view(&db);
    let text = "p.n % 3 <> 1";
    let all = view.members(text, At::Latest).unwrap();
    for limit in [1, 2, 7, all.len() - 1, all.len(), all.len() + 1, 100_000] {
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let page = page(&view, text, limit, after);
            assert!(page.members.len() <= limit);
            told.extend(ids(&page));
            after = page.next;
            assert_eq!(after.map(|cursor| cursor.to_string()).as_ref(), {
                told.last().filter(|_| told.len() < all.len())
            });
            if after.is_none() {
                break;
            }
        }
        assert_eq!(told, all, "limit {limit}");
    }
    let last: Cursor = all.last().unwrap().parse().unwrap();
    assert_eq!(page(&view, text, 5, Some(last)), MembersPage { members: vec![], next: None });
    assert_eq!(page(&view, "false", 5, None), MembersPage { members: vec![], next: None });
}

#[test]
fn a_page_has_the_values_and_the_identifiers_that_were_asked_for() {
    let db = store::new();
    let ann = r#"{"type":"identify","identifiers":{"user_id":"ann","email":["B@x.org","a@x.org"]},
        "traits":{"country":"FR","address":{"city":"Lyon"},"tags":["b","a"],"gone":1},
        "timestamp":"2024-03-01T00:00:00Z","messageId":"a1"}"#;
    say(&db, "crm", ann);
    say(&db, "crm", &identify("ann", "a2", "2024-03-02T00:00:00Z", r#"{"gone":null}"#));
    say(&db, "crm", &identify("bob", "b1", TIME, r#"{"country":"DE"}"#));
    let view = view(&db);
    let request = MembersRequest {
        select: ["Country", "traits.country", "address.city", "tags", "gone"]
            .map(str::to_owned)
            .to_vec(),
        with: Some(" Email".to_owned()),
        ..MembersRequest::default()
    };
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    for audience in ["true", "SELECT count(*) FROM profiles somebody"] {
        let page = view.members_page(audience, &request, At::Latest).unwrap();
        let of = |user: &str| {
            let id = view.profile("user_id", user).unwrap().unwrap().id;
            page.members.iter().find(|member| member.profile_id == id).unwrap()
        };
        let tags = Value::Set(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(of("ann").traits, [text("FR"), text("FR"), text("Lyon"), Some(tags), None]);
        assert_eq!(of("ann").identifiers, ["a@x.org", "b@x.org"]);
        let none = Some(Value::Set(Vec::new()));
        assert_eq!(of("bob").traits, [text("DE"), text("DE"), None, none, None]);
        assert!(of("bob").identifiers.is_empty());
        assert_eq!((page.members.len(), page.next), (2, None));
    }
    let before = At::AsOf(Timestamp::parse("2024-03-01T12:00:00Z").unwrap());
    let page = view.members_page("p.gone IS NOT NULL", &request, before).unwrap();
    assert_eq!(page.members[0].traits[4], Some(Value::Integer(1)));
}

/// A store that changes between two pages: people come, go, return and are found to be one, records are withdrawn.
struct Town {
    disk: MemoryDir,
    db: Option<Db>,
    people: usize,
    said: usize,
}

const AUDIENCE: &str = "p.present AND EXISTS (SELECT 1 FROM visit)";

impl Town {
    fn new(people: usize) -> Town {
        let disk = MemoryDir::new();
        let db = store::open_with(disk.clone(), store::small()).ok();
        let mut town = Town { disk, db, people: 0, said: 0 };
        (0..people).for_each(|_| town.arrive());
        town
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn say(&mut self, users: &str, rest: &str) {
        self.said += 1;
        let message = format!(
            r#"{{"identifiers":{{"user_id":{users}}},"messageId":"m{}",{rest}}}"#,
            self.said
        );
        say(self.db(), "crm", &message);
    }

    fn arrive(&mut self) {
        let user = format!(r#""u{}""#, self.people);
        self.people += 1;
        self.say(&user, r#""type":"identify","traits":{"present":true}"#);
        self.say(&user, r#""type":"track","event":"visit","properties":{}"#);
    }

    fn change(&mut self, rng: &mut Rng) {
        let someone = |rng: &mut Rng, people| format!(r#""u{}""#, rng.below(people));
        let user = someone(rng, self.people);
        match rng.below(10) {
            0..3 => self.arrive(),
            3..6 => self.say(&user, r#""type":"identify","traits":{"present":false}"#),
            6 => self.say(&user, r#""type":"identify","traits":{"present":true}"#),
            7 => {
                let both = format!("[{user},{}]", someone(rng, self.people));
                self.say(&both, r#""type":"identify","traits":{}"#);
            }
            8 => {
                let id = format!("m{}", rng.below(self.said) + 1);
                let record = Retraction::Record { source: "crm".to_owned(), message_id: id };
                // It may have been withdrawn already.
                let _ = store::session(self.db()).retract(&record);
            }
            _ => drop(self.db().checkpoint().unwrap()),
        }
    }

    /// Closes the store, in order or not, and opens what is there.
    fn open_again(&mut self, rng: &mut Rng) {
        let db = self.db.take().unwrap();
        db.close().unwrap();
        if rng.one_in(2) {
            let disk = Arc::new(self.disk.clone());
            navedb::rebuild(disk, store::clock(NOON), store::small()).unwrap();
        }
        self.db = store::open_with(self.disk.clone(), store::small()).ok();
    }
}

#[test]
fn cursors_hold_while_the_store_changes() {
    for seed in seeds(1, scale(8, 80)) {
        let mut rng = Rng::new(seed);
        let mut town = Town::new(60);
        let (mut told, mut after) = (Vec::new(), None);
        let mut always: Option<BTreeSet<String>> = None;
        loop {
            let view = view(town.db());
            let now = view.members(AUDIENCE, At::Latest).unwrap();
            let limit = 4 + rng.below(12);
            let page = page(&view, AUDIENCE, limit, after);
            let behind = |id: &&String| after.is_none_or(|a: Cursor| **id > a.to_string());
            let wanted: Vec<String> = now.iter().filter(behind).take(limit).cloned().collect();
            assert_eq!(ids(&page), wanted, "seed {seed}");
            told.extend(wanted);
            always = Some(match always {
                None => now.into_iter().collect(),
                Some(before) => now.into_iter().filter(|id| before.contains(id)).collect(),
            });
            after = page.next;
            if after.is_none() {
                break;
            }
            (0..rng.below(6)).for_each(|_| town.change(&mut rng));
            if rng.one_in(3) {
                town.open_again(&mut rng);
            }
        }
        assert!(told.is_sorted() && told.windows(2).all(|two| two[0] < two[1]), "seed {seed}");
        let told: BTreeSet<String> = told.into_iter().collect();
        let always = always.unwrap();
        assert!(!always.is_empty(), "seed {seed}: nobody stayed, so nothing is tested");
        let lost: Vec<_> = always.difference(&told).cloned().collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} were members all the time");
    }
}

#[test]
fn what_is_wrong_with_a_page_is_told() {
    let db = store::new();
    say(&db, "crm", &identify("ann", "a", TIME, r#"{"country":"FR","age":3}"#));
    let view = view(&db);
    let fails = |text: &str, request: MembersRequest| {
        view.members_page(text, &request, At::Latest).unwrap_err()
    };
    let select = |names: &[&str]| MembersRequest {
        select: names.iter().map(|name| (*name).to_owned()).collect(),
        ..MembersRequest::default()
    };
    for (request, words) in [
        (select(&["contry"]), "did you mean 'country'?"),
        (select(&["profile_id"]), "no trait"),
        (select(&["age", "AGE"]), "twice"),
        (select(&["p.age"]), "no trait"),
        (select(&[""]), "no trait"),
        (MembersRequest { with: Some(" ".to_owned()), ..select(&[]) }, "namespace"),
        (MembersRequest { limit: 0, ..select(&[]) }, "limit"),
    ] {
        let error = fails("true", request);
        assert_eq!((error.kind(), error.place()), (ErrorKind::Invalid, None), "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    let many = MembersRequest { limit: 100_001, ..select(&[]) };
    assert_eq!(fails("true", many).kind(), ErrorKind::Limit);
    let many: Vec<String> = (0..257).map(|n| format!("t{n}")).collect();
    let many = MembersRequest { select: many, ..MembersRequest::default() };
    assert_eq!(fails("true", many).kind(), ErrorKind::Limit);
    for (text, place) in [("p.agee > 1", 0), ("p.age >", 7), ("SELECT p.age FROM profiles p", 0)] {
        assert_eq!(fails(text, select(&["country"])).place(), Some(place), "{text}");
    }
    for cursor in ["", "7", "GG000000000000000000000000000000", "é0000000000000000000000000000000"]
    {
        let error = cursor.parse::<Cursor>().unwrap_err();
        assert!(
            error.kind() == ErrorKind::Invalid && error.message().contains("cursor"),
            "{error}"
        );
    }
}

/// People with values at random, and what each profile says by itself: id and traits.
struct Census {
    db: Db,
    people: Vec<(String, BTreeMap<String, Value>)>,
}

impl Census {
    fn new(rng: &mut Rng) -> Census {
        let db = store::new();
        let mut users = Vec::new();
        for n in 0..120 {
            let mut traits = vec![format!(r#""group":{}"#, rng.below(3))];
            let countries = ["\"FR\"", "\"DE\"", "\"Österreich\"", "null"];
            if !rng.one_in(4) {
                traits.push(format!(r#""odd name.x":{}"#, rng.pick(&countries)));
            }
            if !rng.one_in(4) {
                traits.push(format!(r#""age":{}"#, rng.between(-3, 3)));
            }
            if !rng.one_in(4) {
                traits.push(format!(r#""value":{}.{:02}"#, rng.below(50), rng.below(100)));
            }
            if !rng.one_in(4) {
                traits.push(format!(r#""since":"2024-0{}-01""#, 1 + rng.below(3)));
            }
            let user = format!("u{n}");
            let traits = format!("{{{}}}", traits.join(","));
            say(&db, "crm", &identify(&user, &format!("m{n}"), TIME, &traits));
            users.push(user);
        }
        let view = view(&db);
        let people = users.iter().map(|user| {
            let profile = view.profile("user_id", user).unwrap().unwrap();
            let traits = profile.traits.into_iter().map(|t| (t.name, t.value));
            (profile.id, traits.collect::<BTreeMap<_, _>>())
        });
        let people = people.filter(|(_, traits)| traits["group"] != Value::Integer(0));
        let people = people.collect();
        Census { db, people }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.people.iter().filter_map(move |(id, traits)| Some((id, traits.get(name)?)))
    }
}

const CENSUS: &str = "p.group <> 0";

/// Values of one kind, as something that has an order; NULL is the greatest.
fn order(value: Option<&Value>) -> (bool, i128, String) {
    match value {
        None => (true, 0, String::new()),
        Some(Value::Text(text)) => (false, 0, text.clone()),
        Some(Value::Integer(i)) => (false, i128::from(*i), String::new()),
        Some(Value::Decimal(d)) => (false, hundredths(*d), String::new()),
        Some(Value::Date(d)) => (false, i128::from(d.0), String::new()),
        Some(other) => panic!("{other:?} is not part of the census"),
    }
}

/// A decimal with at most two digits behind the point.
fn hundredths(decimal: navedb::Decimal) -> i128 {
    decimal.coefficient * 10_i128.pow(2 - u32::from(decimal.scale))
}

fn breakdown_is_right(census: &Census, by: &[&str]) {
    let mut groups: BTreeMap<Vec<_>, (Vec<Option<Value>>, i64)> = BTreeMap::new();
    for (_, traits) in &census.people {
        let values: Vec<Option<Value>> = by.iter().map(|name| traits.get(*name).cloned()).collect();
        let key = values.iter().map(|value| order(value.as_ref())).collect();
        groups.entry(key).or_insert((values, 0)).1 += 1;
    }
    // By the number, then by the values: the sort keeps the order of the map.
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(_, count)| -count);
    let rows = groups.into_iter().map(|(mut values, count)| {
        values.push(Some(Value::Integer(count)));
        values
    });
    let columns = by.iter().chain(&["count"]).map(|name| (*name).to_owned()).collect();
    let wanted = Table { columns, rows: rows.collect() };
    assert_eq!(view(&census.db).breakdown(CENSUS, by, At::Latest).unwrap(), wanted);
}

fn top_is_right(census: &Census, by: &str, limit: usize) {
    let mut known: Vec<(&String, &Value)> = census.values(by).collect();
    known.sort_by_key(|(id, _)| *id);
    known.sort_by_key(|(_, value)| std::cmp::Reverse(order(Some(value))));
    known.truncate(limit);
    let rows =
        known.into_iter().map(|(id, v)| vec![Some(Value::Text(id.clone())), Some(v.clone())]);
    let columns = vec!["profile_id".to_owned(), by.to_owned()];
    let wanted = Table { columns, rows: rows.collect() };
    assert_eq!(view(&census.db).top(CENSUS, by, limit, At::Latest).unwrap(), wanted);
}

fn aggregate_is_right(census: &Census, of: &str) {
    let found = view(&census.db).aggregate(CENSUS, of, At::Latest).unwrap();
    let mut values: Vec<&Value> = census.values(of).map(|(_, value)| value).collect();
    values.sort_by_key(|value| order(Some(value)));
    assert_eq!(found.count, values.len() as u64);
    assert_eq!((found.min.as_ref(), found.max.as_ref()), {
        (values.first().copied(), values.last().copied())
    });
    let cents = |value: &Value| match value {
        Value::Integer(i) => Some(i128::from(*i) * 100),
        Value::Decimal(d) => Some(hundredths(*d)),
        _ => None,
    };
    let sum: Option<i128> = values.iter().map(|value| cents(value)).sum();
    assert_eq!(found.sum.as_ref().map(|sum| cents(sum).unwrap()), sum);
    let average = |sum: i128| sum as f64 / (values.len() as f64 * 100.0);
    match (found.avg, sum) {
        (Some(Value::Float(found)), Some(sum)) => assert!((found - average(sum)).abs() < 1e-9),
        (found, sum) => assert_eq!((found, sum), (None, None)),
    }
}

#[test]
fn lists_are_what_the_profiles_say() {
    for seed in seeds(1, scale(4, 40)) {
        let census = Census::new(&mut Rng::new(seed));
        for by in ["odd name.x", "age", "value", "since"] {
            breakdown_is_right(&census, &[by]);
            breakdown_is_right(&census, &[by, "group"]);
            for limit in [1, 3, 1000] {
                top_is_right(&census, by, limit);
            }
            aggregate_is_right(&census, by);
        }
    }
}

#[test]
fn lists_of_nobody_and_lists_that_cannot_be() {
    let db = store::new();
    say(&db, "crm", &identify("ann", "a", TIME, r#"{"age":3,"tags":["x"],"never":null}"#));
    let view = view(&db);
    let nobody = view.aggregate("false", "age", At::Latest).unwrap();
    assert_eq!((nobody.count, nobody.sum, nobody.min), (0, None, None));
    assert!(view.breakdown("false", &["age"], At::Latest).unwrap().rows.is_empty());
    assert!(view.top("true", "never", 5, At::Latest).unwrap().rows.is_empty());
    assert_eq!(view.aggregate("true", "never", At::Latest).unwrap().count, 0);
    let earlier = At::AsOf(Timestamp::parse("2024-01-01T00:00:00Z").unwrap());
    assert!(view.top("true", "age", 5, earlier).unwrap().rows.is_empty());
    let early = At::Now(Timestamp::parse("2024-01-01T00:00:00Z").unwrap());
    assert_eq!(view.top("now() < DATE '2024-02-01'", "age", 5, early).unwrap().rows.len(), 1);
    let refused = [
        view.breakdown("true", &[], At::Latest).unwrap_err(),
        view.breakdown("true", &["tags"], At::Latest).unwrap_err(),
        view.breakdown("true", &["agee"], At::Latest).unwrap_err(),
        view.top("true", "tags", 5, At::Latest).unwrap_err(),
        view.top("true", "profile_id", 5, At::Latest).unwrap_err(),
        view.top("true", "age", 0, At::Latest).unwrap_err(),
        view.aggregate("true", "tags", At::Latest).unwrap_err(),
        view.aggregate("true", "", At::Latest).unwrap_err(),
    ];
    for error in refused {
        assert_eq!((error.kind(), error.place()), (ErrorKind::Invalid, None), "{error}");
    }
    for error in [
        view.breakdown("true", &["age", "age", "never"], At::Latest).unwrap_err(),
        view.top("true", "age", 100_001, At::Latest).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    let table = "SELECT p.age FROM profiles p";
    assert_eq!(view.top(table, "age", 5, At::Latest).unwrap_err().place(), Some(0));
    let wrong = view.aggregate("p.age = 3 AND p.aeg = 3", "age", At::Latest).unwrap_err();
    assert_eq!(wrong.place(), Some(14));
}

#[test]
fn a_profile_explains_its_traits() {
    let db = store::new();
    let both = r#"{"type":"identify","identifiers":{"email":"Ann@x.org","user_id":"7"},
        "traits":{"country":"FR","city":"Lyon"},"messageId":"1","timestamp":"2024-03-01T00:00:00Z"}"#;
    say(&db, "crm", both);
    let late = r#"{"type":"identify","identifiers":{"email":"ann@x.org"},"traits":{"city":null},
        "messageId":"2","timestamp":"2024-03-02T00:00:00Z"}"#;
    let position = say(&db, "web", late).position;
    say(&db, "web", r#"{"type":"identify","userId":"7","traits":{"age":3},"messageId":"3"}"#);
    let view = view(&db);
    let explained = view.explain_profile("email", "ANN@x.org ").unwrap().unwrap();
    let whole = view.profile("user_id", "7").unwrap().unwrap();
    assert_eq!(explained.id, whole.id);
    let golden = view.golden("email", "ANN@x.org ").unwrap().unwrap();
    assert_eq!((golden.id, golden.traits), (whole.id, whole.traits));
    assert!(view.golden("user_id", "8").unwrap().is_none());
    let names: Vec<&str> = explained.traits.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["age", "city", "country"]);
    let winners: Vec<_> = explained.traits.iter().map(|t| &t.facts[0]).collect();
    assert!(winners.iter().all(|fact| fact.won && fact.reason.is_none()));
    let [age, city, country] = winners[..] else { panic!("{winners:?}") };
    assert_eq!((city.value.as_ref(), city.source.as_str(), city.dated), (None, "web", true));
    assert_eq!((city.position, city.namespace.as_str()), (position, "email"));
    assert_eq!(city.identifier, "ann@x.org");
    assert_eq!(city.time, Timestamp::parse("2024-03-02T00:00:00Z").unwrap());
    assert_eq!(country.value, Some(Value::Text("FR".to_owned())));
    assert_eq!((age.dated, age.time), (false, Timestamp(NOON)));
    assert_eq!((age.namespace.as_str(), age.identifier.as_str()), ("user_id", "7"));
    assert_eq!(view.explain_profile("email", "nobody@x.org").unwrap(), None);
    assert_eq!(view.explain_profile("email", "").unwrap(), None);
}
