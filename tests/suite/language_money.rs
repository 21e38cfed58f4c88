//! Amounts of money in questions: one currency, several, `amount` and `convert` with dated rates.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, identify, track, view, write};
use navedb::dir::{Crash, MemoryDir};
use navedb::{At, Db, DefineRequest, Error, ErrorKind, Timestamp, Value, View};
use std::collections::{BTreeMap, BTreeSet};

const DAY: &str = "2024-03-01T00:00:00Z";

fn balance(user: &str, id: &str, time: &str, amount: &str, currency: &str) -> String {
    identify(
        user,
        id,
        time,
        &format!(r#"{{"balance":{amount},"balance.currency":{currency},"country":"FR"}}"#),
    )
}

fn rate(id: &str, from: &str, to: &str, date: &str, rate: &str) -> String {
    format!(
        r#"{{"type":"entity","entity":"currency_rate","id":"{id}","messageId":"r-{id}","timestamp":"{DAY}",
            "traits":{{"from":"{from}","to":"{to}","date":"{date}","rate":{rate}}}}}"#
    )
}

fn holds(view: &View, text: &str) -> u64 {
    view.count(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused(view: &View, text: &str, words: &[&str]) -> Error {
    let error = view.query(text, At::Latest).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{text}: {error}");
    words.iter().for_each(|word| assert!(error.message().contains(word), "{text}: {error}"));
    error
}

fn value(view: &View, text: &str) -> String {
    let table = view.query(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    table.rows[0][0].as_ref().map_or("NULL".to_owned(), Value::to_string)
}

/// What is computed of a balance.
const COMPUTED: [&str; 9] = [
    "p.balance > 10",
    "p.balance BETWEEN 1 AND 20",
    "p.balance IN (1, 2)",
    "p.balance + 1 > 10",
    "-p.balance < 0",
    "coalesce(p.balance, 0) = 0",
    "SELECT sum(p.balance) FROM profiles p",
    "SELECT p.country, count(DISTINCT p.balance) FROM profiles p GROUP BY p.country",
    "SELECT p.country FROM profiles p ORDER BY p.balance DESC",
];

#[test]
fn money_is_a_number_as_long_as_it_has_one_currency() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    write(&db, "crm", &[balance("ann", "1", DAY, "12.50", "\"EUR\"")]);
    write(&db, "crm", &[balance("ben", "2", DAY, "7", "\"EUR\"")]);
    let seen = view(&db);
    for text in COMPUTED {
        seen.query(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
    assert_eq!(value(&seen, "SELECT sum(p.balance) FROM profiles p"), "19.50");
    assert_eq!(holds(&seen, r#"p."balance.currency" = 'EUR' AND p.balance > 10"#), 1);

    write(&db, "crm", &[balance("cid", "3", DAY, "100", "\"USD\"")]);
    let mixed = view(&db);
    for text in COMPUTED {
        let error = refused(
            &mixed,
            text,
            &["EUR, USD", "amount(\"p\".\"balance\")", "convert(\"p\".\"balance\", 'EUR')"],
        );
        assert!(text[error.place().unwrap()..].starts_with("p.balance"), "{text}: {error}");
    }
    let asked = mixed.top("p.country = 'FR'", "balance", 3, At::Latest);
    assert!(asked.unwrap_err().message().contains("EUR, USD"));
    let asked = mixed.aggregate("p.country = 'FR'", "balance", At::Latest);
    assert!(asked.unwrap_err().message().contains("EUR, USD"));
    // What computes nothing is not asked about currencies.
    assert_eq!(holds(&mixed, "p.balance IS NOT NULL"), 3);
    assert_eq!(holds(&mixed, r#"p."balance.currency" <> 'EUR'"#), 1);
    assert_eq!(value(&mixed, "SELECT count(p.balance) FROM profiles p"), "3");
    assert_eq!(mixed.query("SELECT p.balance FROM profiles p", At::Latest).unwrap().rows.len(), 3);
    assert_eq!(value(&mixed, "SELECT sum(amount(p.balance)) FROM profiles p"), "119.50");
    let ordered = "SELECT p.balance FROM profiles p ORDER BY amount(p.balance) DESC";
    assert_eq!(value(&mixed, ordered), "100");
    let ordered = "SELECT amount(p.balance) FROM profiles p ORDER BY 1";
    assert_eq!(value(&mixed, ordered), "7");
    // The snapshot of before knows one currency still.
    assert_eq!(holds(&seen, "p.balance > 10"), 1);

    // An overwritten value does not count, in memory, in parts, and after opening again.
    write(&db, "crm", &[balance("cid", "4", "2024-03-02T00:00:00Z", "90", "\"EUR\"")]);
    let again = |db: &Db| holds(&view(db), "p.balance > 10");
    assert_eq!(again(&db), 2);
    db.checkpoint().unwrap();
    assert_eq!(again(&db), 2);
    db.close().unwrap();
    let db = store::open(disk.crash(Crash::KeepAll)).unwrap();
    assert_eq!(again(&db), 2);
    // A currency of no amount does not count either.
    write(&db, "crm", &[identify("eve", "6", DAY, r#"{"balance.currency":"USD"}"#)]);
    assert_eq!(again(&db), 2);
    db.checkpoint().unwrap();
    assert_eq!(again(&db), 2);
    // An amount without a currency is one more kind of amount.
    write(&db, "crm", &[identify("dan", "5", DAY, r#"{"balance":1}"#)]);
    refused(&view(&db), "p.balance > 10", &["EUR, and some have none"]);
}

/// What a conversion says to a warehouse.
const WRITTEN: [&str; 3] = [
    r#""nave.r"."from" = "e"."amount.currency""#,
    r#"CAST("e"."time" AS DATE)"#,
    r#""nave.r"."rate" IS NOT NULL"#,
];

#[test]
fn a_conversion_takes_the_latest_rate_of_its_day() {
    let db = store::new();
    let mut messages = vec![
        balance("ann", "1", DAY, "10.00", "\"EUR\""),
        balance("ben", "2", DAY, "10.00", "\"USD\""),
        identify("cid", "3", DAY, r#"{"country":"FR"}"#),
        rate("a", "USD", "EUR", "2024-01-01", "0.5"),
        rate("b", "USD", "EUR", "2024-02-10", "0.75"),
        rate("c", "USD", "EUR", "2024-02-10", "0.70"),
        rate("d", "USD", "EUR", "2024-09-01", "9"),
        rate("e", "USD", "GBP", "2024-01-01", "100"),
    ];
    for (number, (time, amount, currency)) in [
        ("2024-02-09T23:59:59Z", "100", "USD"),
        ("2024-02-10T00:00:00Z", "100", "USD"),
        ("2024-02-11T00:00:00Z", "3", "EUR"),
    ]
    .iter()
    .enumerate()
    {
        let told = format!(r#"{{"amount":{amount},"amount.currency":"{currency}","sku":"p1"}}"#);
        messages.push(track("ann", &format!("t{number}"), time, "buy", &told));
    }
    messages.push(format!(
        r#"{{"type":"entity","entity":"product","id":"p1","messageId":"p1","timestamp":"{DAY}",
            "traits":{{"price":8,"price.currency":"USD"}}}}"#
    ));
    write(&db, "crm", &messages);
    let seen = view(&db);
    refused(&seen, "(SELECT sum(e.amount) FROM buy e) > 1", &["EUR, USD", "'amount'"]);
    // Of two rates of one day that with the greater id holds.
    let sum = "(SELECT sum(convert(e.amount, 'EUR')) FROM buy e)";
    assert_eq!(holds(&seen, &format!("{sum} = 123")), 1);
    assert_eq!(holds(&seen, "convert(p.balance, 'EUR') = 7"), 1);
    assert_eq!(holds(&seen, "convert(p.balance, 'EUR') IS NULL"), 1);
    let price = "(SELECT max(convert(d.price, 'EUR')) FROM buy e JOIN product d ON d.id = e.sku)";
    assert_eq!(holds(&seen, &format!("{price} = 5.6")), 1);
    let ordered =
        "SELECT convert(p.balance, 'EUR') FROM profiles p ORDER BY convert(p.balance, 'EUR') DESC";
    assert_eq!(value(&seen, ordered), "10.00");
    let later = At::Now(Timestamp::parse("2024-10-01").unwrap());
    assert_eq!(seen.count("convert(p.balance, 'EUR') = 90", later), Ok(1));
    // A pair without a rate is an error that names it; no rate is turned round.
    refused(&seen, "convert(p.balance, 'GBP') > 0", &["no rate from EUR to GBP on 2024-03-31"]);
    let early = At::Now(Timestamp::parse("2023-12-31").unwrap());
    let error = seen.count("convert(p.balance, 'EUR') > 0", early).unwrap_err();
    assert!(error.message().contains("from USD to EUR on 2023-12-31"), "{error}");
    refused(&seen, "convert(p.country, 'EUR') > 0", &["field of money"]);
    refused(&seen, "convert(p.balance, p.country) > 0", &["convert(e.amount, 'EUR')"]);

    let told = seen.explain(&format!("{sum} > 1 AND amount(p.balance) > 1"), At::Latest).unwrap();
    assert!(told.text.contains(r#"sum(convert("e"."amount", 'EUR'))"#), "{}", told.text);
    assert_eq!(seen.count(&told.text, At::Latest), Ok(told.count));
    for part in WRITTEN {
        assert!(told.sql.contains(part), "{}", told.sql);
    }
    assert!(!told.sql.contains("amount(") && !told.sql.contains("convert("), "{}", told.sql);

    write(
        &db,
        "crm",
        &[rate("z", "USD", "EUR", "2024-03-01", "99999999999999999999999999999.123456")],
    );
    refused(&view(&db), "convert(p.balance, 'EUR') * 1000000 > 0", &["38 digits"]);
}

#[test]
fn rates_that_are_no_decimals_cannot_be_exact() {
    let db = store::new();
    write(&db, "crm", &[balance("ann", "1", DAY, "10", "\"USD\"")]);
    write(&db, "crm", &[rate("z", "USD", "EUR", "2024-03-01", "1e-1")]);
    refused(&view(&db), "convert(p.balance, 'EUR') > 0", &["'rate'", "decimal"]);
}

/// What a random store holds, in hundredths.
#[derive(Default)]
struct Known {
    /// Of each person the balance that was told last.
    balances: BTreeMap<usize, (i128, usize)>,
    /// Person, day, amount, currency.
    purchases: Vec<(usize, usize, i128, usize)>,
    /// From each day on the rate of each currency to the first.
    rates: BTreeMap<(usize, usize), i128>,
}

const CURRENCIES: [&str; 3] = ["EUR", "USD", "JPY"];

fn day(number: usize) -> String {
    format!("2024-02-{:02}", number + 1)
}

impl Known {
    fn in_euros(&self, amount: i128, currency: usize, day: usize) -> Option<i128> {
        if currency == 0 {
            return Some(amount * 100);
        }
        let known = self.rates.range((currency, 0)..=(currency, day)).next_back();
        known.map(|(_, rate)| amount * rate)
    }

    fn check(&self, view: &View, here: &str) {
        let several: BTreeSet<usize> =
            self.balances.values().map(|(_, currency)| *currency).collect();
        let sum = view.query("SELECT sum(p.balance) FROM profiles p", At::Latest);
        assert_eq!(sum.is_err(), several.len() > 1, "{here}: {sum:?} {several:?}");
        let several: BTreeSet<usize> = self.purchases.iter().map(|bought| bought.3).collect();
        let asked = view.count("(SELECT sum(e.amount) FROM buy e) > 0", At::Latest);
        assert_eq!(asked.is_err(), several.len() > 1, "{here}: {asked:?} {several:?}");

        let total: Option<i128> = self
            .balances
            .values()
            .map(|(amount, currency)| self.in_euros(*amount, *currency, 27))
            .sum();
        let asked = view.query("SELECT sum(convert(p.balance, 'EUR')) FROM profiles p", At::Latest);
        match total {
            Some(total) => {
                let found = asked.unwrap().rows[0][0].as_ref().map(Value::to_string).unwrap();
                assert_eq!(scaled(&found), total, "{here}");
            }
            None => assert!(asked.unwrap_err().message().contains("there is no rate"), "{here}"),
        }
        let mut sums: BTreeMap<usize, Option<i128>> = BTreeMap::new();
        for (person, day, amount, currency) in &self.purchases {
            let term = self.in_euros(*amount, *currency, *day);
            let sum = sums.entry(*person).or_insert(Some(0));
            *sum = sum.zip(term).map(|(sum, term)| sum + term);
        }
        let cut = 100_000;
        let asked =
            view.count("(SELECT sum(convert(e.amount, 'EUR')) FROM buy e) > 10", At::Latest);
        match sums.values().copied().collect::<Option<Vec<i128>>>() {
            Some(sums) => {
                let many = sums.iter().filter(|sum| **sum > cut).count() as u64;
                assert_eq!(asked, Ok(many), "{here}");
            }
            None => assert!(asked.unwrap_err().message().contains("there is no rate"), "{here}"),
        }
    }
}

/// A decimal in ten-thousandths.
fn scaled(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<4}").parse().unwrap()
}

fn hundredths(number: i128) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

#[test]
fn random_amounts_agree_with_sums_by_hand() {
    for seed in seeds(500, scale(12, 400)) {
        let mut rng = Rng::new(seed);
        let (disk, mut known) = (MemoryDir::new(), Known::default());
        let mut db = store::open(disk.clone()).unwrap();
        let of = 1 + rng.below(3);
        for step in 0..40 {
            let (person, on) = (rng.below(12), rng.below(27));
            let (amount, currency) = (rng.between(1, 9_999) as i128, rng.below(of));
            let (shown, code) = (hundredths(amount), CURRENCIES[currency]);
            let id = format!("m{step}");
            let message = match rng.below(4) {
                0 => {
                    let time = format!("2024-03-01T00:00:{step:02}Z");
                    known.balances.insert(person, (amount, currency));
                    balance(&format!("u{person}"), &id, &time, &shown, &format!("\"{code}\""))
                }
                1 if rng.one_in(2) => {
                    let from = 1 + rng.below(2);
                    let number = rng.between(1, 300) as i128;
                    known.rates.insert((from, on), number);
                    rate(
                        &format!("r{step:02}"),
                        CURRENCIES[from],
                        "EUR",
                        &day(on),
                        &hundredths(number),
                    )
                }
                _ => {
                    known.purchases.push((person, on, amount, currency));
                    let told = format!(r#"{{"amount":{shown},"amount.currency":"{code}"}}"#);
                    track(
                        &format!("u{person}"),
                        &id,
                        &format!("{}T07:00:00Z", day(on)),
                        "buy",
                        &told,
                    )
                }
            };
            write(&db, "crm", &[message]);
            if rng.one_in(9) {
                db.checkpoint().unwrap();
            }
        }
        if known.balances.is_empty() || known.purchases.is_empty() {
            continue;
        }
        known.check(&view(&db), &format!("seed {seed}"));
        db.close().unwrap();
        db = store::open(disk.clone()).unwrap();
        known.check(&view(&db), &format!("seed {seed}, opened again"));
    }
}

#[test]
fn declared_money_is_money_in_questions() {
    let db = store::new();
    let definition = "[trait.balance]\ntype = \"money\"\n\
                      [property.buy.amount]\ntype = \"money\"\ncurrency_from = \"unit\"\n";
    let request = DefineRequest { text: definition.to_owned(), ..DefineRequest::default() };
    let buy = |id: &str, told: &str| track("ann", id, DAY, "buy", told);
    let messages = [
        identify("ann", "1", DAY, r#"{"balance":"12.50 EUR"}"#),
        identify("ben", "2", DAY, r#"{"balance":{"amount":8,"currency":"usd"}}"#),
        buy("3", r#"{"amount":3,"unit":"usd"}"#),
        buy("4", r#"{"amount":4.5,"unit":"USD"}"#),
        rate("a", "USD", "EUR", "2024-01-01", "0.5"),
    ];
    write(&db, "crm", &messages);
    // What was told before holds as well.
    store::session(&db).define(&request).unwrap();
    let seen = view(&db);
    refused(&seen, "p.balance > 0", &["EUR, USD"]);
    assert_eq!(value(&seen, "SELECT sum(convert(p.balance, 'EUR')) FROM profiles p"), "16.50");
    assert_eq!(holds(&seen, "(SELECT sum(e.amount) FROM buy e) = 7.5"), 1);
    assert_eq!(holds(&seen, "(SELECT sum(convert(e.amount, 'EUR')) FROM buy e) = 3.75"), 1);
    write(&db, "crm", &[buy("5", r#"{"amount":1,"unit":"EUR"}"#)]);
    refused(&view(&db), "(SELECT sum(e.amount) FROM buy e) = 7.5", &["EUR, USD"]);
}

/// Bob has no cart, so that nobody needs his purchase; that there is no rate for it is told all the same, as for every
/// other way to ask.
#[test]
fn a_step_of_a_funnel_that_nobody_needs_hides_no_missing_rate() {
    let db = store::new();
    let bought = |user: &str, currency: &str| {
        let told = format!(r#"{{"amount":9,"amount.currency":"{currency}"}}"#);
        track(user, &format!("b {user}"), "2024-03-01T01:00:00Z", "buy", &told)
    };
    let messages = [
        track("ann", "c", DAY, "cart", "{}"),
        bought("ann", "EUR"),
        bought("bob", "USD"),
        bought("cid", "GBP"),
    ];
    write(&db, "web", &messages);
    let text = "funnel(INTERVAL '1 day', (SELECT 1 FROM cart a), (SELECT 1 FROM buy b WHERE \
                convert(b.amount, 'EUR') > 5))";
    db.checkpoint().unwrap();
    for _ in 0..2 {
        let seen = view(&db);
        refused(&seen, text, &["there is no rate"]);
        assert!(seen.explain(text, At::Latest).is_err());
        assert!(seen.count(text, At::Latest).is_err());
        write(&db, "web", &[track("dan", "c2", DAY, "cart", "{}")]);
    }
    let rates =
        [rate("1", "USD", "EUR", "2024-01-01", "0.5"), rate("2", "GBP", "EUR", "2024-01-01", "2")];
    write(&db, "web", &rates);
    assert_eq!(holds(&view(&db), text), 1);
}
