//! Definitions: declared types, mappings, what a dry run tells, and that correcting equals having been right.

use crate::store::{self, identify, say, session, track, view};
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Db, DefineReport, DefineRequest, DefinitionChange, ErrorKind, Input, Level, LoadRequest,
    RecordKind, Result, Said, Settings, Value, View,
};
use std::sync::Arc;

const DAY: &str = "2024-03-01T00:00:00Z";

fn request(text: &str) -> DefineRequest {
    DefineRequest { text: text.to_owned(), ..DefineRequest::default() }
}

fn try_define(db: &Db, text: &str) -> Result<DefineReport> {
    session(db).define(&request(text))
}

fn define(db: &Db, text: &str) -> DefineReport {
    try_define(db, text).unwrap()
}

fn drop_definition(db: &Db, name: &str) -> DefineReport {
    let drop = vec![name.to_owned()];
    session(db).define(&DefineRequest { drop, ..DefineRequest::default() }).unwrap()
}

fn golden(view: &View, user: &str, name: &str) -> Option<Value> {
    let profile =
        view.profile("user_id", user).unwrap().unwrap_or_else(|| panic!("{user} is unknown"));
    profile.traits.into_iter().find(|t| t.name == name).map(|t| t.value)
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

fn set(texts: &[&str]) -> Option<Value> {
    Some(Value::Set(texts.iter().map(|text| (*text).to_owned()).collect()))
}

/// A file of rows of people, or of purchases.
fn load(db: &Db, kind: RecordKind, ids: &[(&str, &str)], name: &str, text: &str) {
    let mut request = LoadRequest::new("shop", kind);
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes: text.as_bytes().to_vec() });
    request.ids = ids.iter().map(|(n, c)| ((*n).to_owned(), (*c).to_owned())).collect();
    request.level = Some(Level::Memory);
    db.load(&request).unwrap();
}

fn purchases() -> RecordKind {
    RecordKind::Track(Said::Fixed("purchase".to_owned()))
}

fn digest(db: &Db) -> String {
    view(db).digest().unwrap()
}

/// The digest live, after a checkpoint and opened again, and after a rebuild.
fn digests(db: Db, dir: &MemoryDir) -> String {
    let live = digest(&db);
    db.checkpoint().unwrap();
    assert_eq!(digest(&db), live, "after a checkpoint");
    db.close().unwrap();
    let db = store::open(dir.clone()).unwrap();
    assert_eq!(digest(&db), live, "opened again");
    db.close().unwrap();
    let shared: Arc<dyn Dir> = Arc::new(dir.clone());
    navedb::rebuild(shared, store::clock(store::NOON), Settings::default()).unwrap();
    let db = store::open(dir.clone()).unwrap();
    assert_eq!(digest(&db), live, "made anew");
    live
}

const PEOPLE: &str = "user,zip,tags,born,vip,note\n\
                      ann,06000,a;b,31/01/1990,yes,N/A\n\
                      ben,75001,b; c;,01/02/1991,0,x\n\
                      cat,x12,,bad,no,\n";

const TYPES: &str = r#"
[trait.zip]
type = "integer"
[trait.tags]
type = "set"
separator = ";"
[trait.born]
type = "date"
format = "%d/%m/%Y"
[trait.vip]
type = "boolean"
[trait.note]
null = ["N/A"]
"#;

#[test]
fn declared_types_hold_for_what_was_loaded_before() {
    let dir = MemoryDir::new();
    let db = store::open(dir.clone()).unwrap();
    load(&db, RecordKind::Identify, &[("user_id", "user")], "people.csv", PEOPLE);
    assert_eq!(golden(&view(&db), "ann", "zip"), text("06000"));
    let before = digest(&db);
    let report = session(&db).define(&DefineRequest { dry_run: true, ..request(TYPES) }).unwrap();
    assert_eq!(digest(&db), before, "a dry run changes nothing");
    let effect = report.effect.unwrap();
    assert_eq!(effect.quarantined, 2, "{effect:?}");
    assert_eq!(effect.quarantined_shown.len(), 2);
    assert!(effect.quarantined_shown.iter().any(|q| q.value == "x12" && q.source == "shop"));
    let names: Vec<&str> = effect.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["trait.born", "trait.tags", "trait.vip", "trait.zip"]);

    let report = define(&db, TYPES);
    assert!(report.definitions.iter().all(|d| d.change == DefinitionChange::New && d.version == 1));
    let seen = view(&db);
    assert_eq!(golden(&seen, "ann", "zip"), Some(Value::Integer(6000)));
    assert_eq!(golden(&seen, "ann", "tags"), set(&["a", "b"]));
    assert_eq!(golden(&seen, "ben", "tags"), set(&["b", "c"]));
    assert_eq!(golden(&seen, "ann", "born").unwrap().to_string(), "1990-01-31");
    assert_eq!(golden(&seen, "ann", "vip"), Some(Value::Boolean(true)));
    assert_eq!(golden(&seen, "ann", "note"), None);
    assert_eq!(golden(&seen, "ben", "note"), text("x"));
    assert_eq!(golden(&seen, "cat", "zip"), None);

    let report = define(&db, TYPES);
    assert!(report.definitions.iter().all(|d| d.change == DefinitionChange::Unchanged));
    assert_eq!(report.effect, None);
    let report = define(&db, "[trait.zip]\ntype = \"text\"");
    assert_eq!(report.definitions[0].change, DefinitionChange::Changed);
    assert_eq!(report.definitions[0].version, 2);
    assert_eq!(report.effect.unwrap().released, 1);
    assert_eq!(golden(&view(&db), "ann", "zip"), text("06000"));
    let declared = digests(db, &dir);

    // The same definitions before the load give the same.
    let dir = MemoryDir::new();
    let db = store::open(dir.clone()).unwrap();
    define(&db, &TYPES.replace("\"integer\"", "\"text\""));
    load(&db, RecordKind::Identify, &[("user_id", "user")], "people.csv", PEOPLE);
    assert_eq!(digests(db, &dir), declared);
    let db = store::open(dir).unwrap();
    for name in ["trait.zip", "trait.tags", "trait.born", "trait.vip", "trait.note"] {
        drop_definition(&db, name);
    }
    assert_eq!(digest(&db), before, "what is not declared is inferred again");
    assert!(view(&db).definitions().is_empty());
}

#[test]
fn declared_types_read_messages_too() {
    let db = store::new();
    define(&db, "[trait.age]\ntype = \"integer\"\n[trait.code]\ntype = \"text\"\n");
    say(&db, "crm", &identify("ann", "a", DAY, r#"{"age":"007","code":12.50}"#));
    say(&db, "crm", &identify("ben", "b", DAY, r#"{"age":7.0,"code":true}"#));
    say(&db, "crm", &identify("cat", "c", DAY, r#"{"age":7.5}"#));
    let seen = view(&db);
    assert_eq!(golden(&seen, "ann", "age"), Some(Value::Integer(7)));
    assert_eq!(golden(&seen, "ben", "age"), Some(Value::Integer(7)));
    assert_eq!(golden(&seen, "cat", "age"), None);
    assert_eq!(golden(&seen, "ann", "code"), text("12.50"));
    assert_eq!(golden(&seen, "ben", "code"), text("true"));
}

const WRONG: &str = "person,mail,zeit,Cust Country,internal,tags,total\n\
                     ann,Ann@x.org,2024-01-02,FR,1,a;b,10\n\
                     ben,,2024-01-03,DE,2,,20\n\
                     \"ann\",a2@x.org,,IT,x,\"c\",30\n\
                     ,z@x.org,2024-01-04,FR,,,40\n";

const MAPPING: &str = r#"
[mapping.shop.track]
ids = { user_id = "person", email = "mail" }
zone = "Europe/Paris"
fields = { "Cust Country" = "country", internal = false }
[mapping.shop.track.purchase]
time = "zeit"
fields = { tags = { to = "labels", type = "set", separator = ";" } }
[property.purchase.country]
aliases = ["land", "pays"]
"#;

#[test]
fn correcting_a_mapping_is_having_loaded_with_the_right_one() {
    let mut found = Vec::new();
    for first in [true, false] {
        let dir = MemoryDir::new();
        let db = store::open(dir.clone()).unwrap();
        if first {
            define(&db, MAPPING);
        }
        load(&db, purchases(), &[("email", "mail")], "p.csv", WRONG);
        say(&db, "shop", &track("eva", "m1", DAY, "purchase", r#"{"pays":"ES","internal":3}"#));
        if !first {
            let report = define(&db, MAPPING);
            let effect = report.effect.unwrap();
            assert_eq!(effect.released, 1, "ben has a person: {effect:?}");
            assert_eq!(effect.events, [("purchase".to_owned(), 4, 5)]);
        }
        let seen = view(&db);
        let count = |text: &str| seen.count(text, navedb::At::Latest).unwrap();
        let any = |what: &str| count(&format!("EXISTS (SELECT 1 FROM purchase e WHERE {what})"));
        assert_eq!(any("e.country = 'FR'"), 2);
        assert_eq!(any("e.pays = 'ES'"), 1);
        assert_eq!(any("'b' = ANY(e.labels)"), 1);
        assert_eq!(any("e.time < TIMESTAMP '2024-01-02'"), 1, "midnight in Paris");
        assert!(
            seen.count(
                "EXISTS (SELECT 1 FROM purchase e WHERE e.internal = 1)",
                navedb::At::Latest
            )
            .is_err()
        );
        // The same file again changes nothing.
        load(&db, purchases(), &[("email", "mail")], "p.csv", WRONG);
        found.push(digests(db, &dir));
    }
    assert_eq!(found[0], found[1]);

    // A file that had the right names, loaded with the right columns, is the same.
    let db = store::new();
    let right = WRONG.replace("Cust Country", "country").replace("tags", "labels");
    let right = right.replace("a;b", "\"a;b\"");
    define(
        &db,
        &MAPPING
            .replace("\"Cust Country\" = \"country\", ", "")
            .replace("tags = { to = \"labels\"", "labels = {to = \"labels\""),
    );
    load(&db, purchases(), &[("user_id", "person"), ("email", "mail")], "p.csv", &right);
    say(&db, "shop", &track("eva", "m1", DAY, "purchase", r#"{"pays":"ES","internal":3}"#));
    assert_eq!(digest(&db), found[0]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let db = store::new();
    for (text, place, words) in [
        ("[trit.a]\n", "1:2", "did you mean 'trait'?"),
        ("[trait.a]\ntype = \"integr\"", "2:8", "did you mean 'integer'?"),
        ("[trait.a]\ntipe = \"text\"", "2:1", "did you mean 'type'?"),
        ("[trait.a]\nseparator = \";\"", "2:13", "sets"),
        ("[trait.a]\ntype = \"date\"\nformat = \"%!\"", "3:10", "no pattern"),
        ("[trait.a]\ntype = \"timestamp\"\nzone = \"Mars\"", "3:8", "no time zone"),
        ("[trait]\na = 1", "2:1", "[trait.NAME]"),
        ("[mapping.shop.track]\nmessage_id = \"x\"", "2:14", "cannot be mapped"),
        ("[mapping.shop.tracks]\n", "1:15", "did you mean 'track'?"),
        ("[mapping.shop.identify]\nfields = { a = 1 }", "2:12", "= false"),
        ("[trait.a]\n[trait.b]\nx =", "3:4", ""),
        ("[trait.a]\ntype = \"money\"\ncurrency = \"EURO\"", "3:12", "three letters"),
        ("[source.a]\nmax_new_names = -1", "2:17", "not negative"),
    ] {
        let error = try_define(&db, text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        assert!(error.message().starts_with(&format!("{place}: ")), "{text}: {error}");
        assert!(error.message().contains(words), "{text}: {error}");
    }
    let error = try_define(&db, "[trait.a]\naliases = [\"b\"]\n[trait.B]").unwrap_err();
    assert!(error.message().contains("two definitions"), "{error}");
    let drop = vec!["trait.zzz".to_owned()];
    let error = session(&db).define(&DefineRequest { drop, ..DefineRequest::default() });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(view(&db).position().0, 1, "nothing was written");
}

#[test]
fn what_is_shown_can_be_given_back() {
    let db = store::new();
    load(&db, RecordKind::Identify, &[("user_id", "user")], "people.csv", PEOPLE);
    define(&db, TYPES);
    define(&db, MAPPING);
    define(&db, "[trait.\"a.b \\\"c\\\"\"]\ntype = \"text\"\nnull = [\"a\\nb\", '\"']");
    let shown = view(&db).definitions_text(false);
    let report = define(&db, &shown);
    assert_eq!(report.definitions.len(), 9, "{shown}");
    assert!(report.definitions.iter().all(|d| d.change == DefinitionChange::Unchanged), "{shown}");
    let before = digest(&db);
    let all = view(&db).definitions_text(true);
    let report = define(&db, &all);
    assert!(report.definitions.iter().any(|d| d.name == "trait.note"), "{all}");
    assert_eq!(digest(&db), before, "inferred types that are declared change nothing");
}

#[test]
fn a_hostile_key_in_each_record_makes_no_million_columns() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    let hostile = |first: usize, count: usize| {
        let rows: Vec<String> = (first..first + count)
            .map(|i| format!(r#"{{"u":"u{}","k{i}":{i},"plan":"p"}}"#, i % 50))
            .collect();
        let mut request = LoadRequest::new("web", RecordKind::Identify);
        let bytes = rows.join("\n").into_bytes();
        request.inputs.push(Input::Bytes { name: format!("{first}.ndjson"), bytes });
        request.ids.push(("user_id".into(), "u".into()));
        request.level = Some(Level::Memory);
        request
    };
    let report = db.load(&hostile(0, 5_000)).unwrap();
    // One name of a thousand is the plan.
    assert_eq!(report.files[0].beyond_names, 5_000 - 999);
    let told = |db: &Db| {
        let stats = view(db).stats().unwrap();
        let web = stats.sources.iter().find(|source| source.name == "web").unwrap().clone();
        (stats.traits.len(), web.names, web.beyond_names, stats.quarantine)
    };
    let (traits, names, beyond, quarantine) = told(&db);
    assert_eq!((traits, names, beyond), (1_000, 1_000, 4_001));
    assert!(quarantine.is_empty(), "{quarantine:?}");
    // Other sources are not kept out, and may use the names that are there.
    say(&db, "crm", r#"{"type":"identify","userId":"x","traits":{"k0":1,"fresh":2}}"#);
    assert_eq!(told(&db).0, 1_001);
    let live = (told(&db), view(&db).digest().unwrap());
    db.close().unwrap();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!((told(&db), view(&db).digest().unwrap()), live, "opened again");
    db.close().unwrap();
    navedb::rebuild(Arc::new(disk.clone()), store::clock(0), Settings::default()).unwrap();
    let db = store::open(disk).unwrap();
    assert_eq!((told(&db), view(&db).digest().unwrap()), live, "made anew");
    // A definition lets more in, for all that was loaded.
    define(&db, "[source.web]\nmax_new_names = 100000\n");
    let (traits, _, beyond, _) = told(&db);
    assert_eq!((traits, beyond), (5_002, 0));
}

/// What the balances of a store are: user, amount and currency.
fn balances(db: &Db) -> String {
    let text = "SELECT p.balance, p.\"balance.currency\" FROM profiles p ORDER BY p.profile_id";
    let table = view(db).query(text, navedb::At::Latest).unwrap();
    let shown = |cell: &Option<Value>| cell.as_ref().map_or("-".to_owned(), Value::to_string);
    let rows = table.rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join(" "));
    // By amount, those that have none last.
    let mut rows: Vec<String> = rows.collect();
    let amount = |row: &String| row.split(' ').next().and_then(|text| text.parse().ok());
    rows.sort_by(|a, b| amount(a).unwrap_or(f64::MAX).total_cmp(&amount(b).unwrap_or(f64::MAX)));
    rows.join(", ")
}

#[test]
fn money_is_told_with_its_currency_or_not_at_all() {
    let tell = |definition: &str, traits: &[&str]| {
        let disk = MemoryDir::new();
        let db = store::open(disk.clone()).unwrap();
        for (number, traits) in traits.iter().enumerate() {
            let message = identify(&format!("u{number}"), &format!("m{number}"), DAY, traits);
            say(&db, "crm", &message);
        }
        define(&db, definition);
        let said = (balances(&db), view(&db).stats().unwrap().quarantine, digest(&db));
        db.close().unwrap();
        navedb::rebuild(Arc::new(disk.clone()), store::clock(store::NOON), Settings::default())
            .unwrap();
        let db = store::open(disk).unwrap();
        assert_eq!(digest(&db), said.2, "made anew");
        (said.0, said.1.iter().map(|(_, count)| count).sum::<u64>())
    };
    let fixed = "[trait.balance]\ntype = \"money\"\ncurrency = \"eur\"\n";
    let told = [r#"{"balance":7}"#, r#"{"balance":"12.50 USD"}"#, r#"{"balance":"GBP 3"}"#];
    assert_eq!(tell(fixed, &told), ("7 EUR, - -, - -".to_owned(), 2));
    let told = [r#"{"balance":"12.50 EUR"}"#, r#"{"balance":"eur 3"}"#];
    assert_eq!(tell(fixed, &told), ("3 EUR, 12.50 EUR".to_owned(), 0));
    let from = "[trait.balance]\ntype = \"money\"\ncurrency_from = \"cur\"\n";
    let told = [
        r#"{"balance":7,"cur":"eur"}"#,
        r#"{"balance":8}"#,
        r#"{"balance":9,"cur":"euro"}"#,
        r#"{"cur":"USD"}"#,
    ];
    assert_eq!(tell(from, &told), ("7 EUR, - -, - -, - -".to_owned(), 2));
    let beside = "[trait.balance]\ntype = \"money\"\n";
    let told = [
        r#"{"balance":{"amount":"1.5","currency":"JPY"}}"#,
        r#"{"balance":{"currency":"JPY"}}"#,
        r#"{"balance":{"amount":2}}"#,
        r#"{"balance":"much JPY"}"#,
    ];
    assert_eq!(tell(beside, &told), ("1.5 JPY, - -, - -, - -".to_owned(), 3));
}

#[test]
fn an_amount_and_its_currency_are_of_one_record() {
    let told = [("10", "EUR"), ("5", "USD"), ("10", "CHF")];
    let mut said = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let db = store::new();
        define(&db, "[trait.balance]\ntype = \"money\"\ncurrency_from = \"cur\"\n");
        for number in order {
            let (amount, code) = told[number];
            let traits = format!(r#"{{"balance":{amount},"cur":"{code}"}}"#);
            say(&db, "crm", &identify("ann", &format!("m{number}"), DAY, &traits));
        }
        said.push((balances(&db), digest(&db)));
        // Null takes both away.
        let later = "2024-04-01T00:00:00Z";
        say(&db, "crm", &identify("ann", "null", later, r#"{"balance":null}"#));
        assert_eq!(balances(&db), "- -");
    }
    assert_eq!(said[0].0, "10 EUR");
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
}

#[test]
fn money_in_files_is_the_same_by_column_and_by_row() {
    let definition = "[property.purchase.amount]\ntype = \"money\"\ncurrency = \"EUR\"\n";
    let csv = "user,amount,at\nu1,12.50,2024-01-01\nu1,7 EUR,2024-01-02\nu2,x,2024-01-03\n";
    let json = "{\"user\":\"u1\",\"amount\":12.50,\"at\":\"2024-01-01\"}\n\
                {\"user\":\"u1\",\"amount\":\"7 EUR\",\"at\":\"2024-01-02\"}\n\
                {\"user\":\"u2\",\"amount\":\"x\",\"at\":\"2024-01-03\"}\n";
    let mut digests = Vec::new();
    for (name, text, first) in
        [("a.csv", csv, true), ("a.csv", csv, false), ("a.ndjson", json, true)]
    {
        let db = store::new();
        if first {
            define(&db, definition);
        }
        load(&db, purchases(), &[("user_id", "user")], name, text);
        if !first {
            define(&db, definition);
        }
        let sum =
            "(SELECT sum(e.amount) FROM purchase e WHERE e.\"amount.currency\" = 'EUR') = 19.50";
        assert_eq!(view(&db).count(sum, navedb::At::Latest), Ok(1), "{name} {first}");
        digests.push(digest(&db));
    }
    assert_eq!(digests[0], digests[1], "before or after");
}

const MONEY: &str = r#"
[trait.fixed]
type = "money"
currency = "EUR"
[trait.beside]
type = "money"
null = ["none"]
[trait.named]
type = "money"
currency_from = "unit"
"#;

#[test]
fn an_amount_is_told_with_its_currency_or_not_at_all() {
    const ROWS: &str = "user,fixed,beside,named,unit\n\
                        ann,10.50,12.50 usd,7,chf\n\
                        ben,GBP 3,8,9,\n\
                        cat,\"1,5\",none,x,JPY\n";
    let mut digests = Vec::new();
    for first in [true, false] {
        let dir = MemoryDir::new();
        let db = store::open(dir.clone()).unwrap();
        if first {
            define(&db, MONEY);
        }
        load(&db, RecordKind::Identify, &[("user_id", "user")], "money.csv", ROWS);
        let object =
            r#"{"beside":{"amount":4.25,"currency":"EUR"},"fixed":{"amount":1,"currency":"EUR"}}"#;
        say(&db, "crm", &identify("dan", "m1", DAY, object));
        say(&db, "crm", &identify("eva", "m2", DAY, r#"{"beside":6,"beside.currency":"SEK"}"#));
        if !first {
            define(&db, MONEY);
        }
        let seen = view(&db);
        let both = |user: &str, name: &str| {
            let currency = golden(&seen, user, &format!("{name}.currency"));
            golden(&seen, user, name).zip(currency).map(|(a, c)| format!("{a} {c}"))
        };
        for (user, name, wanted) in [
            ("ann", "fixed", Some("10.50 EUR")),
            ("ann", "beside", Some("12.50 USD")),
            ("ann", "named", Some("7 CHF")),
            ("ben", "fixed", None),
            ("ben", "beside", None),
            ("ben", "named", None),
            ("cat", "fixed", None),
            ("cat", "beside", None),
            ("cat", "named", None),
            ("dan", "beside", Some("4.25 EUR")),
            ("dan", "fixed", Some("1 EUR")),
            ("eva", "beside", Some("6 SEK")),
        ] {
            assert_eq!(both(user, name).as_deref(), wanted, "{user} {name}");
        }
        assert_eq!(golden(&seen, "ben", "beside"), None);
        assert_eq!(golden(&seen, "cat", "unit"), text("JPY"));
        let waiting: u64 = seen.stats().unwrap().quarantine.iter().map(|(_, count)| *count).sum();
        assert_eq!(waiting, 5);
        digests.push(self::digests(db, &dir));
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_store_can_begin_with_a_definition() {
    let dir = MemoryDir::new();
    let db = store::open(dir.clone()).unwrap();
    define(&db, "[trait.a]\n");
    digests(db, &dir);
}
