//! Conditions and tables of what is computed of traits: decided value by value, or for many profiles at once.

use super::language_values::{holds, refused, store};
use navedb::{At, Batch, Caller, Db, Purpose, Record, Value, View};
use std::collections::BTreeSet;

/// Judges a store with everything in memory, then in files, then in files with what is said again laid over them.
fn in_all_forms(db: &Db, again: &str, judge: impl Fn(&View)) {
    let session = db.session(Caller::all(), Purpose::any());
    judge(&session.view());
    db.checkpoint().unwrap();
    judge(&session.view());
    let again = again.replacen('{', r#"{"messageId":"said again","#, 1);
    let receipt = session.write(Batch::new().record(Record::message("crm", again))).unwrap();
    assert_eq!(receipt.written, 1);
    judge(&session.view());
}

/// Conditions on one of four traits.
const ON_ONE: [&str; 24] = [
    "{n} * 2 > 60",
    "{n} % 3 = 1",
    "coalesce({n}, 7) < 10",
    "coalesce({n}, 70) < 10",
    "{n} + 1 IN (2, 3, 38)",
    "- {n} < -20",
    "{n} * 2 IS NULL",
    "{n} * 2 < NULL",
    "100 / {n} > 3",
    "100 / ({n} - 1) > 3",
    "{town} LIKE '%a'",
    "{town} LIKE 'P%s'",
    "{town} LIKE '_a%'",
    "{town} LIKE '%i%'",
    "{town} LIKE 'Ulm'",
    "{town} ILIKE 'é%'",
    "coalesce({town}, 'Ulm') = 'Ulm'",
    "coalesce({town}, 'x') > 'M'",
    "{town} IN ('Ulm', NULL)",
    "coalesce({yes}, FALSE)",
    "coalesce({yes}, TRUE)",
    "extract(month FROM {day}) = 2",
    "date_trunc('month', {day}) >= TIMESTAMPTZ '2024-06-01'",
    "{day} + INTERVAL '1 year' > TIMESTAMPTZ '2025-05-05'",
];

/// Conditions on one trait, which are decided value by value, and the same about two traits of which one is never
/// known, which are asked of each profile.
#[test]
fn conditions_on_one_trait_hold_for_whom_a_look_at_each_says() {
    let towns = ["Paris", "Padua", "Lima", "Oslo", "Épinal", "Ulm"];
    let person = |number: usize| {
        let mut traits = vec![r#""other":1"#.to_owned()];
        let mut known = |is: bool, text: String| traits.extend(is.then_some(text));
        known(!number.is_multiple_of(7), format!(r#""n":{}"#, 1 + number * 13 % 40));
        known(!number.is_multiple_of(5), format!(r#""town":"{}""#, towns[number % 6]));
        known(!number.is_multiple_of(4), format!(r#""yes":{}"#, number.is_multiple_of(3)));
        known(
            !number.is_multiple_of(6),
            format!(r#""day":"2024-{:02}-{:02}""#, 1 + number % 12, 1 + number % 28),
        );
        let traits = traits.join(",");
        format!(r#"{{"type":"identify","userId":"u{number}","traits":{{{traits}}}}}"#)
    };
    let mut messages: Vec<String> = (0..300).map(person).collect();
    let void = r#"{"type":"identify","userId":"void","traits":{"n2":1,"town2":"x","yes2":true,"day2":"2024-01-01"}}"#;
    messages.push(void.to_owned());
    let (db, _) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    in_all_forms(&db, &messages[8], decided_as_looked_at);
}

fn decided_as_looked_at(view: &View) {
    let mut some = 0;
    for condition in ON_ONE {
        let said = |both: bool| {
            ["n", "town", "yes", "day"].into_iter().fold(condition.to_owned(), |text, name| {
                let asked = if both {
                    format!("coalesce(p.{name}, p.{name}2)")
                } else {
                    format!("p.{name}")
                };
                text.replace(&format!("{{{name}}}"), &asked)
            })
        };
        let (one, two) = (said(false), said(true));
        let others = "p.other IS NOT NULL";
        for form in
            ["{}", "NOT ({})", "({}) OR p.n = 5", "({}) AND p.n > 5", "NOT ({}) AND p.n > 5"]
        {
            let asked = |text: &str| {
                let text = format!("{others} AND ({})", form.replace("{}", text));
                view.count(&text, At::Latest).map_err(|error| error.message().to_owned())
            };
            let found = asked(&one);
            assert_eq!(found, asked(&two), "{form} of {one}");
            some += usize::from(found.is_ok_and(|count| count > 0));
        }
    }
    assert!(some > 90, "{some}");
    // Of a value that nobody has it does not matter; of one that somebody has it does.
    assert_eq!(holds(view, "p.n * 184467440737095516 > 0"), 257);
    refused(view, "p.n * 9223372036854775807 > 0", "64 bits");
}

/// What a person has of an integer, another, a float, and a day that is an instant too.
#[derive(Clone, Copy)]
struct Numbers {
    i: Option<i64>,
    j: Option<i64>,
    f: Option<f64>,
    day: Option<i64>,
}

/// A store of persons with such numbers.
fn numbers() -> (Vec<Numbers>, Db, String) {
    let person = |n: i64| Numbers {
        i: (n % 7 != 0).then_some(n % 23 - 9),
        j: (n % 5 != 0).then_some(n * 31 % 17 + 1),
        f: (n % 6 != 0).then_some((n * 37 % 400) as f64 / 8.0 - 20.0),
        day: (n % 4 != 0).then_some(19_700 + n * 11 % 900),
    };
    let people: Vec<Numbers> = (0..500).map(person).collect();
    let message = |(n, of): (usize, &Numbers)| {
        let mut traits = vec![r#""always":1"#.to_owned()];
        traits.extend(of.i.map(|i| format!(r#""i":{i}"#)));
        traits.extend(of.j.map(|j| format!(r#""j":{j}"#)));
        traits.extend(of.f.map(|f| format!(r#""f":{f:e}"#)));
        traits.extend(of.day.map(|day| {
            let day = navedb::Date(i32::try_from(day).unwrap());
            format!(r#""day":"{day}","instant":"{day}T13:00:00Z""#)
        }));
        let traits = traits.join(",");
        format!(r#"{{"type":"identify","userId":"u{n}","traits":{{{traits}}}}}"#)
    };
    let messages: Vec<String> = people.iter().enumerate().map(message).collect();
    let (db, _) = store(&messages.iter().map(String::as_str).collect::<Vec<_>>());
    (people, db, messages[8].clone())
}

/// Comparisons of several traits, which are computed for many profiles at once, and what they are in plain code.
#[test]
fn comparisons_of_traits_hold_for_whom_plain_code_says() {
    let (people, db, again) = numbers();
    in_all_forms(&db, &again, |view| compared(view, &people));
}

fn compared(view: &View, people: &[Numbers]) {
    type Plain = fn(&Numbers) -> Option<bool>;
    let conditions: [(&str, Plain); 12] = [
        ("p.i * 2 > p.j", |n| Some(n.i? * 2 > n.j?)),
        ("p.i - p.j <> -3", |n| Some(n.i? - n.j? != -3)),
        ("p.i % 5 = p.j % 5", |n| Some(n.i? % 5 == n.j? % 5)),
        ("p.f / p.j <= 1.5", |n| Some(n.f? / n.j? as f64 <= 1.5)),
        ("p.i / p.j < 0.25", |n| Some((n.i? as f64 / n.j? as f64) < 0.25)),
        ("p.f * 1.2 > 15", |n| Some(n.f? * 1.2 > 15.0)),
        ("p.f + p.i >= p.j", |n| Some(n.f? + n.i? as f64 >= n.j? as f64)),
        ("- p.f = p.i", |n| Some(-n.f? == n.i? as f64)),
        ("coalesce(p.f, p.i) < p.j", |n| Some(n.f.or(n.i.map(|i| i as f64))? < n.j? as f64)),
        ("extract(dow FROM p.instant) < p.j", |n| Some((n.day? + 4) % 7 < n.j?)),
        ("p.instant > p.day", |n| n.day.map(|_| true)),
        ("CAST(p.instant AS date) - p.day = p.i", |n| n.day.and(n.i).map(|i| i == 0)),
    ];
    for (condition, plain) in conditions {
        let count =
            |wanted: bool| people.iter().filter(|n| plain(n) == Some(wanted)).count() as u64;
        assert!(count(true) > 0, "{condition}");
        assert_eq!(holds(view, condition), count(true), "{condition}");
        assert_eq!(holds(view, &format!("NOT ({condition})")), count(false), "NOT {condition}");
        let some = people.iter().filter(|n| plain(n) == Some(true) && n.i.is_some_and(|i| i > 3));
        assert_eq!(holds(view, &format!("p.i > 3 AND {condition}")), some.count() as u64);
    }
    refused(view, "p.i * 9223372036854775807 > p.j", "64 bits");
    refused(view, "p.j % (p.i - p.i) = p.j", "zero");
    // Of whom one of both is unknown there is no number that could be too great.
    assert_eq!(holds(view, "p.i IS NULL AND p.i * 9223372036854775807 > p.j"), 0);
    assert_eq!(holds(view, "p.i IN (0, 1) AND p.i * 9223372036854775807 > p.j"), {
        people.iter().filter(|n| n.i == Some(1) && n.j.is_some()).count() as u64
    });
}

/// Tables of what is computed of traits, by groups that are computed as well.
#[test]
fn tables_of_computed_values_are_what_plain_code_says() {
    let (people, db, again) = numbers();
    in_all_forms(&db, &again, |view| gathered(view, &people));
}

fn gathered(view: &View, people: &[Numbers]) {
    let text =
        "SELECT p.i % 3, count(*), count(p.f), count(DISTINCT p.j), sum(p.i * 2), avg(p.i - p.j),
        sum(p.f * 1.5), avg(p.f / 2), min(p.f + p.i), max(p.i * p.j), max(p.day - p.day + p.i),
        max(CAST(p.instant AS date)), count(DISTINCT p.i)
        FROM profiles p GROUP BY p.i % 3 ORDER BY 1";
    let table = view.query(text, At::Latest).unwrap();
    let keys: BTreeSet<Option<i64>> = people.iter().map(|n| n.i.map(|i| i % 3)).collect();
    assert_eq!(table.rows.len(), keys.len());
    for row in &table.rows {
        let key = row[0].clone().map(|value| match value {
            Value::Integer(key) => key,
            other => panic!("{other:?}"),
        });
        let of: Vec<&Numbers> = people.iter().filter(|n| n.i.map(|i| i % 3) == key).collect();
        let all = |value: fn(&Numbers) -> Option<f64>| {
            of.iter().filter_map(|n| value(n)).collect::<Vec<f64>>()
        };
        let integer = |number: usize| Some(Value::Integer(number as i64));
        let sum = |value| Some(all(value).iter().sum::<f64>()).filter(|_| !all(value).is_empty());
        let average = |value| sum(value).map(|sum| Value::Float(sum / all(value).len() as f64));
        let different = |value: fn(&Numbers) -> Option<i64>| {
            of.iter().filter_map(|n| value(n)).collect::<BTreeSet<i64>>().len()
        };
        let whole = |value: Option<i64>| value.map(Value::Integer);
        assert_eq!(row[1], integer(of.len()));
        assert_eq!(row[2], integer(of.iter().filter(|n| n.f.is_some()).count()));
        assert_eq!(row[3], integer(different(|n| n.j)));
        let doubled = of.iter().filter_map(|n| n.i).map(|i| i * 2).reduce(|a, b| a + b);
        assert_eq!(row[4], doubled.map(|sum| Value::Decimal(sum.into())));
        assert_eq!(row[5], average(|n| Some((n.i? - n.j?) as f64)));
        assert_eq!(row[6], sum(|n| Some(n.f? * 1.5)).map(Value::Float));
        assert_eq!(row[7], average(|n| Some(n.f? / 2.0)));
        let least = all(|n| Some(n.f? + n.i? as f64)).into_iter().reduce(f64::min);
        assert_eq!(row[8], least.map(Value::Float));
        assert_eq!(row[9], whole(of.iter().filter_map(|n| Some(n.i? * n.j?)).max()));
        assert_eq!(row[10], whole(of.iter().filter_map(|n| n.day.and(n.i)).max()));
        let day = of.iter().filter_map(|n| n.day).max();
        assert_eq!(row[11], day.map(|day| Value::Date(navedb::Date(i32::try_from(day).unwrap()))));
        assert_eq!(row[12], integer(different(|n| n.i)));
    }
    refused(view, "SELECT sum(p.i * 9223372036854775807) FROM profiles p", "64 bits");
    let none = "SELECT avg(p.i * 2), count(DISTINCT p.i) FROM profiles p WHERE p.i > 1000";
    let none = view.query(none, At::Latest).unwrap();
    assert_eq!(none.rows, [[None, Some(Value::Integer(0))]]);
}

/// What a value behind the first that is known would fail with is of no account, wherever it is computed.
#[test]
fn what_nobody_asks_for_does_not_fail() {
    let (people, db, again) = numbers();
    in_all_forms(&db, &again, |view| unasked(view, &people));
}

fn unasked(view: &View, people: &[Numbers]) {
    let known = people.iter().filter(|n| n.i.is_some()).count() as u64;
    let later = ["p.j % (p.i - p.i)", "p.i * 9223372036854775807", "p.j * 9223372036854775807"];
    for later in later {
        let text = format!("p.i IS NOT NULL AND coalesce(p.i, {later}) > -100");
        assert_eq!(holds(view, &text), known, "{later}");
        let text =
            format!("SELECT count(coalesce(p.i, {later})) FROM profiles p WHERE p.i IS NOT NULL");
        let table = view.query(&text, At::Latest).unwrap();
        assert_eq!(table.rows, [[Some(Value::Integer(known as i64))]], "{later}");
    }
    refused(view, "coalesce(p.i, p.j * 9223372036854775807) > -100", "64 bits");
}

/// Subqueries within what tables gather, under functions that have a type of their own.
#[test]
fn tables_of_subqueries_within_functions_have_their_answers() {
    let event = |who: &str, at: &str| {
        format!(
            r#"{{"type":"track","userId":"{who}","event":"buy","timestamp":"{at}","properties":{{"x":1}}}}"#
        )
    };
    let messages = [
        event("a", "2024-02-10"),
        event("a", "2024-05-10"),
        event("b", "2023-05-10T10:00:00Z"),
        r#"{"type":"identify","userId":"c","traits":{"plan":"x"}}"#.to_owned(),
    ];
    let (_db, view) = store(&messages.each_ref().map(String::as_str));
    let last = "(SELECT max(e.time) FROM buy e WHERE e.profile_id = p.profile_id)";
    let value = |aggregate: &str| {
        let text = format!("SELECT {aggregate} FROM profiles p").replace("LAST", last);
        view.query(&text, At::Latest).unwrap().rows[0][0].clone()
    };
    let at = |text: &str| Some(Value::Timestamp(navedb::Timestamp::parse(text).unwrap()));
    assert_eq!(value("max(date_trunc('month', LAST))"), at("2024-05-01"));
    assert_eq!(value("count(extract(year FROM LAST))"), Some(Value::Integer(2)));
    assert_eq!(value("min(LAST + INTERVAL '1 day')"), at("2023-05-11T10:00:00Z"));
    assert_eq!(value("sum(extract(month FROM LAST) * 2)"), Some(Value::Decimal(20.into())));
}

/// A group of values that are equal and written differently shows what its first profile has.
#[test]
fn groups_show_the_form_that_their_first_profile_has() {
    let message = |who: usize, traits: &str| {
        format!(r#"{{"type":"identify","userId":"u{who}","traits":{{"n":1{traits}}}}}"#)
    };
    for (first, second, shown) in [("", r#","i":1"#, "1.0"), (r#","i":1"#, "", "1")] {
        let messages = [message(1, first), message(2, second)];
        let (_db, view) = store(&messages.each_ref().map(String::as_str));
        let text =
            "SELECT coalesce(p.i, 1.0), count(*) FROM profiles p GROUP BY coalesce(p.i, 1.0)";
        let table = view.query(text, At::Latest).unwrap();
        let values: Vec<String> = table.rows[0].iter().flatten().map(Value::to_string).collect();
        assert_eq!(values, [shown, "2"]);
    }
}
