//! Numbers as they are written in Europe: read as a definition says, for what was loaded before too.

use super::{digest, events, loaded, people};
use crate::store::{self, say, session, view};
use navedb::{Db, Decimal, DefineRequest, ErrorKind, Value};

fn define(db: &Db, text: &str) -> navedb::Result<navedb::DefineReport> {
    session(db).define(&DefineRequest { text: text.to_owned(), ..DefineRequest::default() })
}

fn told(db: &Db, user: &str) -> Option<Value> {
    let profile = view(db).profile("user_id", user).unwrap().unwrap();
    profile.traits.into_iter().find(|t| t.name == "balance").map(|t| t.value)
}

const CELLS: [(&str, &str, Option<&str>); 17] = [
    ("a", "1.234,56", Some("1234.56")),
    ("b", "-1.234.567,8", Some("-1234567.8")),
    ("c", "12,5", Some("12.5")),
    ("d", "1.234", Some("1234")),
    ("e", "7", Some("7")),
    ("f", "1 234,50", Some("1234.50")),
    ("g", "1\u{a0}234,50", Some("1234.50")),
    ("h", "1\u{202f}234", Some("1234")),
    ("i", "1'234,5", Some("1234.5")),
    ("j", " 0,10 ", Some("0.10")),
    // A point that parts no groups of three is most likely a decimal mark, and is not guessed.
    ("k", "12.5", None),
    ("l", "1.23,4", None),
    ("m", "1234.567,8", None),
    ("n", "1,234,567", None),
    ("o", "1,234.5", None),
    ("p", "1..234", None),
    ("q", ".234", None),
];

#[test]
fn numbers_are_read_with_the_mark_that_is_defined() {
    let rows: String = CELLS.iter().map(|(user, cell, _)| format!("{user};{cell}\n")).collect();
    let mut request = people("a.csv", format!("user;balance\n{rows}").as_bytes());
    request.delimiter = Some(navedb::Delimiter::Byte(b';'));
    let mapping = "[mapping.shop.identify]\nfields = { balance = { type = \"decimal\", decimal_mark = \",\" } }";
    for text in ["[trait.balance]\ntype = \"decimal\"\ndecimal_mark = \",\"", mapping] {
        // Corrected, and right at first.
        let (db, _) = loaded(&request);
        define(&db, text).unwrap();
        let other = store::new();
        define(&other, text).unwrap();
        other.load(&request).unwrap();
        assert_eq!(digest(&db), digest(&other), "{text}");
        for (user, cell, wanted) in CELLS {
            let wanted = wanted.map(|text| Value::Decimal(Decimal::parse(text).unwrap()));
            assert_eq!(told(&db, user), wanted, "{cell:?}");
        }
        let odd = CELLS.iter().filter(|(.., wanted)| wanted.is_none()).count() as u64;
        let waiting: u64 = view(&db).stats().unwrap().quarantine.iter().map(|q| q.1).sum();
        assert_eq!(waiting, odd);
        // What JSON sends as a number has no such mark; its text has.
        let identify = |user: &str, value: &str| {
            store::identify(user, user, "2024-03-01T00:00:00Z", &format!("{{\"balance\":{value}}}"))
        };
        say(&db, "shop", &identify("x", "1.234"));
        say(&db, "shop", &identify("y", "\"1.234\""));
        assert_eq!(told(&db, "x"), Some(Value::Decimal(Decimal::parse("1.234").unwrap())));
        assert_eq!(told(&db, "y"), Some(Value::Decimal(Decimal::parse("1234").unwrap())));
    }
}

#[test]
fn marks_are_for_integers_floats_and_money_too() {
    let text = "[property.buy.n]\ntype = \"integer\"\ndecimal_mark = \",\"\n\
                [property.buy.f]\ntype = \"float\"\ndecimal_mark = \".\"\n\
                [property.buy.m]\ntype = \"money\"\ndecimal_mark = \",\"";
    let db = store::new();
    define(&db, text).unwrap();
    let csv = "user;n;f;m\nu;1.234,00;1,234.5e0;1.234,56 EUR\n";
    let mut request = events("a.csv", csv.as_bytes());
    request.delimiter = Some(navedb::Delimiter::Byte(b';'));
    db.load(&request).unwrap();
    let told = super::types::told(&db, "u");
    assert_eq!(told["n"], Value::Integer(1234));
    assert_eq!(told["f"], Value::Float(1234.5));
    assert_eq!(told["m"], Value::Decimal(Decimal::parse("1234.56").unwrap()));
    assert_eq!(told["m.currency"], Value::Text("EUR".to_owned()));
    for (wrong, words) in [
        (
            "[trait.a]\ntype = \"text\"\ndecimal_mark = \",\"",
            "'decimal_mark' is for numbers and money",
        ),
        ("[trait.a]\ntype = \"decimal\"\ndecimal_mark = \";\"", "a decimal mark is"),
    ] {
        let error = define(&db, wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(words), "{error}");
    }
}
