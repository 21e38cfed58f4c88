//! Audiences that must be refused: the error points at the place, says what was expected, and nothing crashes.

use crate::generator::{self, Known, Questions};
use crate::rng::{Rng, scale, seeds};
use crate::{ast, store};
use navedb::{At, Db, Error, ErrorKind, View};

/// A store with one trait and one property of each class.
fn shop() -> Db {
    let db = store::new();
    let traits =
        r#"{"age":30,"country":"FR","vip":true,"signup":"2024-01-31","address.city":"Nice"}"#;
    store::say(&db, "crm", &store::identify("ann", "i1", "2024-03-01T00:00:00Z", traits));
    let properties = r#"{"amount":19.99,"sku":"A1","gift":false,"due":"2024-03-05","time":"noon"}"#;
    store::say(
        &db,
        "web",
        &store::track("ann", "t1", "2024-03-02T00:00:00Z", "purchase", properties),
    );
    store::say(
        &db,
        "web",
        &store::track("ben", "t2", "2024-03-03T00:00:00Z", "Order Completed", r#"{"total":5}"#),
    );
    db
}

/// Where the marks « and » stand in a text, and the text without them.
fn marked(text: &str) -> (String, usize, usize) {
    let from = text.find('«').expect("a mark");
    let clean = text.replace('«', "");
    let to = clean.find('»').expect("a closing mark");
    (clean.replace('»', ""), from, to)
}

fn refused(view: &View, text: &str) -> Error {
    match view.count(text, At::Latest) {
        Ok(count) => panic!("{text}\nwas answered with {count}"),
        Err(error) => error,
    }
}

/// The text is refused; the error points into the marks (their end counts) and names every word.
fn check(view: &View, text: &str, words: &[&str]) -> Option<String> {
    let (text, from, to) = marked(text);
    let error = refused(view, &text);
    let message = error.message().to_lowercase();
    let missing: Vec<&&str> =
        words.iter().filter(|w| !message.contains(&w.to_lowercase())).collect();
    let wrong = match error.place() {
        _ if error.kind() != ErrorKind::Invalid && error.kind() != ErrorKind::Limit => {
            format!("is of the kind {:?}", error.kind())
        }
        None => "points nowhere".to_owned(),
        Some(place) if place < from || place > to => {
            format!("points at {place}, not into {from}..={to}")
        }
        _ if !missing.is_empty() => format!("does not name {missing:?}"),
        _ if message.contains('\n') => "has more than one line".to_owned(),
        _ => return None,
    };
    Some(format!("{text}\n  {error}\n  {wrong}"))
}

fn check_all(cases: &[(&str, &[&str])]) {
    let db = shop();
    let view = store::view(&db);
    let wrong: Vec<String> =
        cases.iter().filter_map(|(text, words)| check(&view, text, words)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn unknown_names_are_pointed_at_and_the_nearest_is_suggested() {
    check_all(&[
        ("p.country = 'FR' AND «p.agee» > 3", &["agee", "age"]),
        ("«countri» = 'FR'", &["country"]),
        ("p.vip = TRUE AND «p.\"adress.city\"» = 'Nice'", &["address.city"]),
        ("p.vip = TRUE AND «q.age» > 3", &["q"]),
        ("«e.amount» > 3", &["e"]),
        ("EXISTS (SELECT 1 FROM «purchas» e)", &["purchase"]),
        ("EXISTS (SELECT 1 FROM «\"Order Complete\"» e)", &["Order Completed"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «e.amout» > 5)", &["amount"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «amuont» > 5)", &["amount"]),
        ("(SELECT sum(«e.amounts») FROM purchase e) > 5", &["amount"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «e.total» > 5)", &["total"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «x.amount» > 5)", &["x"]),
        ("EXISTS (SELECT 1 FROM «\"nave.sent\"» e)", &["nave.sent"]),
        ("p.age > 5 AND EXISTS (SELECT 1 FROM «profiles» q)", &["profiles"]),
    ]);
}

#[test]
fn types_that_do_not_fit_are_pointed_at() {
    check_all(&[
        ("p.vip = TRUE AND «p.age = 'x'»", &["integer", "text"]),
        ("p.vip = TRUE AND «p.country > 5»", &["text", "integer"]),
        ("«p.age > now()»", &[]),
        ("«p.signup = 20240131»", &["date", "integer"]),
        ("«p.vip = 1»", &["boolean", "integer"]),
        ("p.age = 1 OR «p.age BETWEEN 1 AND 'z'»", &[]),
        ("p.age = 1 OR «p.age IN (1, 'z')»", &[]),
        ("p.age = 1 OR «p.country = p.age»", &[]),
        ("«(SELECT sum(e.sku) FROM purchase e) > 1»", &["sum", "text"]),
        ("«(SELECT avg(e.due) FROM purchase e) > 1»", &["avg", "date"]),
        ("«(SELECT max(e.sku) FROM purchase e) > 1»", &[]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «e.time > 5»)", &["time"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «e.source = 5»)", &["text", "integer"]),
        ("p.vip = TRUE AND «p.age»", &["integer"]),
        ("«5»", &[]),
        ("p.age > 1 AND «'x'»", &[]),
        ("NOT «p.country»", &["country"]),
        ("«p.age - INTERVAL '1 day'» > 5", &[]),
        ("«p.profile_id > 'x'»", &["profile_id"]),
        ("p.signup > «DATE '2024-02-30'»", &["2024-02-30"]),
        ("p.signup > «TIMESTAMPTZ 'soon'»", &["soon"]),
        ("p.signup > now() - «INTERVAL '3 fortnights'»", &["fortnights"]),
        ("p.signup > now() - «INTERVAL 'x days'»", &[]),
        ("p.signup > now() - «INTERVAL '30'»", &[]),
        ("p.age > «99999999999999999999999999999999999999999»", &[]),
    ]);
}

#[test]
fn what_is_no_audience_is_refused_where_it_goes_wrong() {
    check_all(&[
        ("«»", &[]),
        ("«  »", &[]),
        ("p.age =«»", &[]),
        ("p.age «BETWEEN 1»", &[]),
        ("«(p.age = 1»", &[]),
        ("p.age = 1«)»", &[]),
        ("p.country = «'FR»", &[]),
        ("p.«\"age = 1»", &[]),
        ("p.age IN («)»", &[]),
        ("p.age = 1 «garbage»", &["garbage"]),
        ("p.age = 1«; p.age = 2»", &[]),
        ("SELECT count(*) FROM profiles p WHERE p.age = 1 «nonsense»", &["nonsense"]),
        ("SELECT count(*) FROM profiles p WHERE p.age = 1«; SELECT 1»", &[]),
        ("«AND p.age = 1»", &[]),
        ("p.age = 1 AND«»", &[]),
        ("«DELETE FROM profiles»", &[]),
        ("«count(*) > 1»", &["count"]),
        ("SELECT count(*) FROM «customers» c", &["profiles"]),
    ]);
}

#[test]
fn what_the_language_does_not_have_is_named() {
    check_all(&[
        ("p.signup < «current_timestamp»", &["now()"]),
        ("p.signup < «CURRENT_TIMESTAMP()»", &["now()"]),
        ("p.vip = TRUE AND «p.country SIMILAR TO 'F%'»", &["SIMILAR"]),
        ("p.vip = TRUE AND «p.age || 2 = 4»", &["||"]),
        ("p.vip = TRUE AND «frobnicate(p.country)» = 'fr'", &["frobnicate"]),
        ("p.age = «?»", &[]),
        ("p.age = «$1»", &[]),
        ("«CAST(p.age AS text)» = '1'", &["CAST"]),
        ("«(SELECT e.amount FROM purchase e)» > 1", &[]),
        ("(SELECT «count(*), sum(e.amount)» FROM purchase e) > 1", &[]),
        ("(SELECT count(*) FROM purchase e «GROUP BY e.sku») > 1", &["GROUP BY"]),
        ("(SELECT count(*) FROM purchase e, «\"Order Completed\" o») > 1", &[]),
        ("(SELECT count(*) FROM purchase e «UNION» SELECT 1) > 1", &["UNION"]),
        ("«(SELECT 5)» > 1", &["FROM"]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «EXISTS (SELECT 1 FROM purchase f)»)", &[]),
        ("SELECT count(*) FROM profiles p WHERE p.age = 1 «FOR UPDATE»", &[]),
        ("p.age = 1 AND «p.age IN (SELECT age FROM profiles)»", &[]),
        ("EXISTS (SELECT 1 FROM purchase e WHERE «e.amount > sum(e.amount)»)", &["sum"]),
    ]);
}

#[test]
fn a_statement_must_write_its_correlations_out() {
    check_all(&[
        (
            "SELECT count(*) FROM profiles p WHERE «(SELECT count(*) FROM purchase e)» > 1",
            &["profile_id"],
        ),
        (
            "SELECT count(*) FROM profiles p WHERE «EXISTS (SELECT 1 FROM purchase e WHERE e.amount > 5)»",
            &["profile_id"],
        ),
        (
            "SELECT count(*) FROM profiles p WHERE «EXISTS (SELECT 1 FROM purchase e WHERE \
             e.profile_id = p.profile_id OR e.amount > 5)»",
            &["profile_id"],
        ),
        (
            "SELECT count(*) FROM profiles p WHERE «EXISTS (SELECT 1 FROM purchase e WHERE \
             NOT e.profile_id = p.profile_id)»",
            &["profile_id"],
        ),
    ]);
    let db = shop();
    let view = store::view(&db);
    let text = "SELECT count(*) FROM profiles x \
                WHERE EXISTS (SELECT 1 FROM purchase WHERE profile_id = x.profile_id)";
    assert_eq!(view.count(text, At::Latest), Ok(1), "any alias is an alias");
    assert_eq!(
        view.count("select COUNT(*) from PROFILES", At::Latest),
        Ok(2),
        "no alias, no condition"
    );
}

#[test]
fn bombs_are_refused_and_do_not_crash() {
    let db = shop();
    let view = store::view(&db);
    let many = |text: &str, count: usize| text.repeat(count);
    let bombs = [
        format!("{}p.age = 1{}", many("(", 10_000), many(")", 10_000)),
        many("(", 60_000),
        format!("{}p.age = 1", many("NOT ", 10_000)),
        format!("p.age = {}5", many("- ", 20_000)),
        format!("p.age = {}5{}", many("(", 9000), many(")", 9000)),
        format!("{}1", many("EXISTS (SELECT 1 FROM purchase e WHERE ", 1000)),
        many("(SELECT count(", 3000),
        format!("p.age = 1{}", many(" AND p.age = 1", 100_000)),
        format!("p.country = '{}'", many("x", 1 << 20)),
        format!("p.age IN (1{})", many(", 1", 300_000)),
        many(" ", 1 << 20),
        many("CASE WHEN ", 6000),
        many("p.age[", 10_000),
        many("a.", 30_000),
    ];
    for bomb in &bombs {
        let start = &bomb[..40.min(bomb.len())];
        let error = refused(&view, bomb);
        assert!(
            matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit),
            "{start}: {:?} {error}",
            error.kind()
        );
        assert!(error.message().len() < 1000, "{start}: the message repeats the text");
    }
}

#[test]
fn long_flat_texts_within_the_limit_are_answered_or_refused() {
    let db = shop();
    let view = store::view(&db);
    for (word, expected) in [("AND", 1), ("OR", 1)] {
        for count in [50, 500, 4000] {
            let text = vec!["p.age = 30"; count].join(&format!(" {word} "));
            match view.count(&text, At::Latest) {
                Ok(found) => assert_eq!(found, expected, "{count} parts joined by {word}"),
                Err(error) => {
                    assert!(count > 50, "{count} parts: {error}");
                    assert_eq!(error.kind(), ErrorKind::Limit, "{count} parts: {error}");
                }
            }
        }
    }
    let nested = format!("{}p.age = 30{}", "(".repeat(30), ")".repeat(30));
    assert_eq!(view.count(&nested, At::Latest), Ok(1), "thirty brackets are no bomb");
    let list: Vec<String> = (0..5000).map(|i| i.to_string()).collect();
    assert_eq!(view.count(&format!("p.age IN ({})", list.join(", ")), At::Latest), Ok(1));
}

/// Damages a text as a person or a broken program might.
fn mutate(rng: &mut Rng, text: &str) -> String {
    const PIECES: [&str; 22] = [
        "(",
        ")",
        "'",
        "\"",
        ",",
        ".",
        "NOT ",
        " AND ",
        "SELECT ",
        " FROM ",
        "NULL",
        "5",
        "-",
        "--",
        "/*",
        "é",
        "\0",
        " IN ",
        "now()",
        "INTERVAL ",
        "e.",
        "::int",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(chars.len() + 1);
        match rng.below(4) {
            0 => chars.truncate(at),
            1 => drop(chars.drain(at..(at + 1 + rng.below(6)).min(chars.len()).max(at))),
            2 => {
                let to = rng.below(chars.len() + 1).max(at);
                let copy = chars[at..to].to_vec();
                chars.splice(at..at, copy);
            }
            _ => drop(chars.splice(at..at, rng.pick::<&str>(&PIECES).chars())),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn damaged_texts_give_an_answer_or_an_error_with_a_place() {
    for seed in seeds(7000, scale(8, 100)) {
        let mut rng = Rng::new(seed);
        let schema = generator::schema(&mut rng);
        let db = store::new();
        let mut records = generator::Records::new(&mut rng, &schema, 3);
        for draft in records.first() {
            store::say(&db, &draft.source, &draft.json);
        }
        let view = store::view(&db);
        let types = schema.usual_types();
        for _ in 0..400 {
            let known = Known { ids: vec!["x".to_owned()], ..Known::default() };
            let predicate = Questions::new(&mut rng, &schema, &types, &known).ask();
            let statement = rng.one_in(2);
            let text = ast::write(&mut rng, &predicate, statement, &schema);
            let text = mutate(&mut rng, &text);
            let Err(error) = view.count(&text, At::Latest) else { continue };
            let here = format!("NAVE_SEED={seed}\n{text}\n{error}");
            assert!(
                matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit),
                "{here}: {:?}",
                error.kind()
            );
            assert!(!error.message().contains('\n'), "{here}: the message has lines");
            if let Some(place) = error.place() {
                assert!(text.is_char_boundary(place), "{here}: {place} is no place in the text");
            }
        }
    }
}
