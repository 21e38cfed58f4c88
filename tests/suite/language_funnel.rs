//! Funnels: events that follow one another within a span of the first.

use crate::rng::Rng;
use crate::store::{self, identify, session, track, view, write};
use navedb::{At, Batch, Db, ErrorKind, Level, Record, Timestamp, View};

/// What people did: a letter for the person, the event, the time, and properties as JSON.
const DONE: &[(&str, &str, &str, &str)] = &[
    // a: views twice, the second close to a purchase of the same campaign.
    ("a", "view", "2024-01-30T12:00:00Z", r#"{"campaign":"x","n":1}"#),
    ("a", "view", "2024-01-31T06:00:00Z", r#"{"campaign":"y","n":2}"#),
    ("a", "purchase", "2024-02-29T10:00:00Z", r#"{"campaign":"x","product_id":"p1"}"#),
    // b: exactly seven days, then a refund.
    ("b", "view", "2024-03-01T00:00:00Z", r#"{"campaign":"x","n":3}"#),
    ("b", "purchase", "2024-03-08T00:00:00Z", r#"{"campaign":"y","product_id":"p2"}"#),
    ("b", "refund", "2024-03-08T00:00:00.000001Z", "{}"),
    // c: both at the same instant, and a purchase before the view.
    ("c", "purchase", "2024-03-01T00:00:00Z", r#"{"campaign":"z","product_id":"p1"}"#),
    ("c", "view", "2024-03-02T00:00:00Z", r#"{"campaign":"z","n":4}"#),
    ("c", "purchase", "2024-03-02T00:00:00Z", r#"{"campaign":"z","product_id":"p2"}"#),
    // d: three views a day apart, campaigns x, y, x.
    ("d", "view", "2024-03-01T00:00:00Z", r#"{"campaign":"x","n":1}"#),
    ("d", "view", "2024-03-02T00:00:00Z", r#"{"campaign":"y","n":2}"#),
    ("d", "view", "2024-03-03T00:00:00Z", r#"{"campaign":"x","n":3}"#),
];

fn world() -> (Db, View) {
    let db = store::new();
    let mut messages: Vec<String> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|user| {
            identify(
                user,
                &format!("i{user}"),
                "2024-01-01",
                &format!(r#"{{"name":"{user}","wanted":"x"}}"#),
            )
        })
        .collect();
    let done = DONE.iter().enumerate();
    messages.extend(done.map(|(n, (user, event, time, properties))| {
        track(user, &format!("t{n}"), time, event, properties)
    }));
    for (id, price) in [("p1", 5), ("p2", 50)] {
        messages.push(format!(
            r#"{{"type":"entity","entity":"product","id":"{id}","traits":{{"price":{price}}}}}"#
        ));
    }
    write(&db, "web", &messages);
    let view = view(&db);
    (db, view)
}

fn selected(view: &View, text: &str) -> String {
    let members = view.members(text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
    let id = |user: &str| view.profile("user_id", user).unwrap().unwrap().id;
    ["a", "b", "c", "d", "e"].into_iter().filter(|user| members.contains(&id(user))).collect()
}

/// A text with its funnels written out: `{7 days | view a | purchase b WHERE ...}`.
fn filled(text: &str) -> String {
    let mut full = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (funnel, after) = after.split_once('}').unwrap();
        let mut parts = funnel.split(" | ");
        full += &format!("{before}funnel(INTERVAL '{}'", parts.next().unwrap());
        parts.for_each(|step| full += &format!(", (SELECT 1 FROM {step})"));
        full += ")";
        rest = after;
    }
    full + rest
}

/// Funnels, and who goes through them.
const FUNNELS: &[(&str, &str)] = &[
    ("{7 days | view s1 | purchase s2}", "b"),
    ("{6 days 23 hours | view s1 | purchase s2}", ""),
    ("{1 day | purchase s1 | view s2}", "c"),
    ("funnel(INTERVAL '1 day', (SELECT * FROM view), (SELECT 1 FROM purchase))", ""),
    // January 30 at noon and a month is February 29 at noon; January 31 at six and a month is February 29 at six.
    ("{1 month | view s1 | purchase s2}", "ab"),
    ("{1 month | view s1 WHERE s1.n = 2 | purchase s2}", ""),
    ("{1 month 4 hours | view s1 WHERE n = 2 | purchase s2}", "a"),
    ("{30 days | view s1 | purchase s2}", "ab"),
    ("{8 days | view s1 | purchase s2 | refund s3}", "b"),
    ("{7 days | view s1 | purchase s2 | refund s3}", ""),
    ("{2 days | view a | view b | view c}", "d"),
    ("{1 day | view a | view b | view c}", ""),
    ("{1 day | view a | view b}", "ad"),
    ("{1 day | view a | view b | view c | view d}", ""),
    // Steps that are bound to earlier ones.
    ("{40 days | view s1 | purchase s2 WHERE s2.campaign = s1.campaign}", "a"),
    ("{29 days | view s1 | purchase s2 WHERE s2.campaign = s1.campaign}", ""),
    ("{40 days | view s1 | purchase s2 WHERE s2.campaign <> s1.campaign}", "ab"),
    (
        "{9 days | view a | view b WHERE b.campaign <> a.campaign | \
         view c WHERE c.campaign = a.campaign AND c.n = a.n + b.n}",
        "d",
    ),
    ("{9 days | view a | view b | view c WHERE c.n > b.n + 1}", ""),
    ("{9 days | view a | view b WHERE b.time - INTERVAL '2 days' >= a.time}", "d"),
    ("{9 days | view a WHERE n = 1 | view b WHERE n = a.n + 2}", "d"),
    ("{9 days | view a | purchase b WHERE b.campaign = a.campaign OR b.campaign IS NULL}", ""),
    // The profile's traits, ids and other subqueries beside.
    ("{9 days | view a WHERE a.campaign = p.wanted | view b WHERE b.campaign <> wanted}", "ad"),
    (
        "{9 days | view a WHERE p.name = 'd' AND a.profile_id = p.profile_id | \
         view b WHERE b.profile_id = a.profile_id}",
        "d",
    ),
    ("NOT {1 day | view a | view b}", "bce"),
    ("{1 day | view a | view b} AND NOT {2 months | view a | purchase b}", "d"),
    ("{1 day | view a | view b} AND (SELECT count(*) FROM view e) = 3", "d"),
    // Entities beside the events of steps.
    (
        "{30 days | view s1 | purchase s2 JOIN product d ON d.id = s2.product_id WHERE d.price > 10}",
        "b",
    ),
    (
        "{1 day | purchase s1 JOIN product d ON d.id = s1.product_id | \
         purchase s2 JOIN product f ON f.id = s2.product_id WHERE f.price > d.price}",
        "c",
    ),
    (
        "{1 day | purchase s1 JOIN product d ON d.id = s1.product_id | \
         purchase s2 JOIN product f ON f.id = s2.product_id WHERE f.price < d.price}",
        "",
    ),
    (
        "{1 day | view s1 LEFT JOIN product d ON d.id = s1.campaign WHERE d.id IS NULL | \
         view s2 WHERE s2.n > coalesce(d.price, 2)}",
        "d",
    ),
    // A span that leads out of the calendar never ends.
    ("{9000 years | view s1 | purchase s2}", "ab"),
];

#[test]
fn funnels_select_whom_they_should() {
    let (_db, view) = world();
    for (text, expected) in FUNNELS {
        let text = &filled(text);
        assert_eq!(selected(&view, text), *expected, "{text}");
        let whole = view.explain(text, At::Latest).unwrap();
        assert_eq!(whole.count, expected.len() as u64, "{text}");
        let again = view.explain(&whole.text, At::Latest);
        let again = again.unwrap_or_else(|e| panic!("{}: {e}", whole.text));
        assert_eq!((again.count, again.text), (whole.count, whole.text), "{text}");
    }
    let early = At::AsOf(Timestamp::parse("2024-03-02T00:00:00Z").unwrap());
    let views = "funnel(INTERVAL '2 days', (SELECT 1 FROM view a), (SELECT 1 FROM view b))";
    assert_eq!(view.count(views, early), Ok(2), "the third view of d had not happened");
    let three = "funnel(INTERVAL '2 days', (SELECT 1 FROM view a), (SELECT 1 FROM view b), (SELECT 1 FROM view c))";
    assert_eq!((view.count(three, early), view.count(three, At::Latest)), (Ok(0), Ok(1)));
}

/// Funnels that are refused; the error points between the marks.
const REFUSED: &[(&str, &str)] = &[
    ("«funnel()»", "funnel(INTERVAL '7 days'"),
    ("funnel(«7», (SELECT 1 FROM view a), (SELECT 1 FROM view b))", "funnel(INTERVAL '7 days'"),
    ("funnel(«INTERVAL 'a week'», (SELECT 1 FROM view a), (SELECT 1 FROM view b))", "goes forward"),
    (
        "funnel(«INTERVAL '-7 days'», (SELECT 1 FROM view a), (SELECT 1 FROM view b))",
        "goes forward",
    ),
    ("funnel(«INTERVAL '0 days'», (SELECT 1 FROM view a), (SELECT 1 FROM view b))", "goes forward"),
    (
        "funnel(«INTERVAL '1 month -3 days'», (SELECT 1 FROM view a), (SELECT 1 FROM view b))",
        "goes forward",
    ),
    ("funnel(INTERVAL '7 days', «p.name», (SELECT 1 FROM view b))", "funnel(INTERVAL '7 days'"),
    ("«{7 days | view a}»", "2 to 8 steps, not 1"),
    ("{7 days | view a | «view» A}", "alias"),
    ("{7 days | view | «view»}", "alias"),
    ("{7 days | view a | «purchas» b}", "purchase"),
    ("{7 days | view a | «product» b}", "JOIN product"),
    ("{7 days | view a WHERE «b.n» = 1 | view b}", "'b' names no table here"),
    ("{7 days | view a | purchase b WHERE «n» = 1}", "'n'"),
    ("{7 days | view a | view b WHERE «c.n» = 1}", "use p, a or b"),
    ("{7 days | view a | view b WHERE b.n = «a.m»}", "no property of a"),
    (
        "funnel(INTERVAL '7 days', (SELECT «count(*)» FROM view a), (SELECT 1 FROM view b))",
        "a step of a funnel is",
    ),
    ("{7 days | view a «ORDER BY a.time» LIMIT 1 | view b}", "a step of a funnel is"),
    ("{7 days | view a | purchase b JOIN product d ON «d.id = a.campaign»}", "in this subquery"),
    ("{7 days | view a | view b WHERE «EXISTS (SELECT 1 FROM view c)»}", "inside a subquery"),
    ("EXISTS (SELECT 1 FROM view e WHERE «{7 days | view a | view b}»)", "inside a subquery"),
    ("coalesce(p.name, «{7 days | view a | view b}») = 'x'", "a value is expected"),
    (
        "SELECT count(*) FROM profiles p WHERE {7 days | «view» a | view b}",
        "a.profile_id = p.profile_id",
    ),
    (
        "SELECT count(*) FROM profiles a WHERE {7 days | «view» a | view b}",
        "names the profiles here",
    ),
];

#[test]
fn what_is_no_funnel_says_where_and_why() {
    let (_db, view) = world();
    let mut wrong = Vec::new();
    for (marked, words) in REFUSED {
        let marked = filled(marked);
        let from = marked.find('«').unwrap();
        let plain = marked.replace('«', "");
        let to = plain.find('»').unwrap();
        let text = plain.replace('»', "");
        match view.count(&text, At::Latest) {
            Ok(count) => wrong.push(format!("{text}: answered with {count}")),
            Err(error) => {
                let place = error.place().unwrap_or(usize::MAX);
                let right = (from..=to).contains(&place) && error.message().contains(words);
                if !right || error.kind() != ErrorKind::Invalid {
                    wrong.push(format!(
                        "{text}\n  {error} at {place}, not in {from}..={to}: {words}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let step = |n: usize| format!(", (SELECT 1 FROM view s{n})");
    let of = |steps: usize| {
        format!("funnel(INTERVAL '1 day'{})", (0..steps).map(step).collect::<String>())
    };
    assert_eq!(view.count(&of(8), At::Latest), Ok(0));
    assert!(view.count(&of(9), At::Latest).unwrap_err().message().contains("not 9"));
    let many = vec![of(8); 9].join(" OR ");
    assert_eq!(view.count(&many, At::Latest).unwrap_err().kind(), ErrorKind::Limit);
}

/// One event of a person: its kind, its time and its number.
#[derive(Clone, Copy)]
struct Done {
    kind: usize,
    time: i64,
    n: i64,
}

/// Whether a condition of a step holds beside the events of the steps before.
type Between = fn(&[Done], Done) -> bool;

/// The definition itself: all ways to choose an event for each step.
fn goes_through(
    done: &[Done],
    steps: &[(usize, Between)],
    span: i64,
    chosen: &mut Vec<Done>,
) -> bool {
    let Some((kind, between)) = steps.get(chosen.len()) else { return true };
    done.iter().any(|event| {
        let follows = chosen.last().is_none_or(|last| event.time > last.time);
        let within = chosen.first().is_none_or(|first| event.time <= first.time + span);
        if event.kind != *kind || !follows || !within || !between(chosen, *event) {
            return false;
        }
        chosen.push(*event);
        let found = goes_through(done, steps, span, chosen);
        chosen.pop();
        found
    })
}

#[test]
fn random_funnels_are_exact() {
    const START: i64 = 1_704_067_200_000_000;
    let mut rng = Rng::new(77);
    let people: Vec<Vec<Done>> = (0..300)
        .map(|_| {
            let event = |rng: &mut Rng| Done {
                kind: rng.below(3),
                time: START + rng.below(12) as i64 * 3_600_000_000,
                n: rng.below(4) as i64,
            };
            (0..rng.below(14)).map(|_| event(&mut rng)).collect()
        })
        .collect();
    let db = store::new();
    let mut batch = Batch::new().level(Level::Memory);
    for (user, done) in people.iter().enumerate() {
        let user = format!("u{user}");
        batch = batch.record(Record::message("web", identify(&user, &user, "2023-01-01", "{}")));
        for (number, event) in done.iter().enumerate() {
            let (kind, time) = (["a", "b", "c"][event.kind], Timestamp(event.time).to_string());
            let properties = format!(r#"{{"n":{}}}"#, event.n);
            let message = track(&user, &format!("{user}-{number}"), &time, kind, &properties);
            batch = batch.record(Record::message("web", message));
        }
    }
    let _ = session(&db).write(batch).unwrap();
    let view = view(&db);
    let steps: [(&str, usize, Between); 6] = [
        ("", 0, |_, _| true),
        ("WHERE {s}.n > 1", 1, |_, e| e.n > 1),
        ("WHERE {s}.n = s0.n", 2, |before, e| before.first().is_none_or(|b| e.n == b.n)),
        ("WHERE {s}.n <> s0.n OR {s}.n = 0", 0, |before, e| {
            before.first().is_none_or(|b| e.n != b.n) || e.n == 0
        }),
        ("WHERE {s}.n >= {l}.n AND {s}.n < 3", 1, |before, e| {
            before.last().is_none_or(|b| e.n >= b.n) && e.n < 3
        }),
        ("WHERE {s}.n + {l}.n = s0.n + 1", 2, |before, e| {
            before.first().zip(before.last()).is_none_or(|(f, l)| e.n + l.n == f.n + 1)
        }),
    ];
    let (mut some, mut none) = (0, 0);
    for round in 0..300 {
        let (mut text, mut chosen) = (String::new(), Vec::new());
        for number in 0..2 + rng.below(3) {
            // The first step has nothing to be bound to.
            let (filter, kind, between) = steps[rng.below(if number == 0 { 2 } else { 6 })];
            let filter = filter.replace("{s}", &format!("s{number}"));
            let filter = filter.replace("{l}", &format!("s{}", number.max(1) - 1));
            text += &format!(", (SELECT 1 FROM {} s{number} {filter})", ["a", "b", "c"][kind]);
            chosen.push((kind, between));
        }
        let hours = 1 + rng.below(12) as i64;
        let text = format!("funnel(INTERVAL '{hours} hours'{text})");
        let expected = people
            .iter()
            .filter(|done| goes_through(done, &chosen, hours * 3_600_000_000, &mut Vec::new()))
            .count() as u64;
        let count = view.count(&text, At::Latest).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(count, expected, "round {round}: {text}");
        some += u32::from(expected > 0);
        none += u32::from(expected < 300);
    }
    assert!(some > 100 && none > 100, "{some} with somebody, {none} without somebody");
}

#[test]
fn a_search_without_end_is_refused() {
    let db = store::new();
    let mut batch = Batch::new().level(Level::Memory);
    for number in 0..3000 {
        for kind in ["view", "purchase"] {
            let time = Timestamp(store::NOON - 10_000_000 + number).to_string();
            let message = track(
                "bot",
                &format!("{kind}{number}"),
                &time,
                kind,
                &format!(r#"{{"n":{number}}}"#),
            );
            batch = batch.record(Record::message("web", message));
        }
    }
    let _ = session(&db).write(batch).unwrap();
    let ask = |text: &str| view(&db).count(text, At::Latest);
    let bound = "funnel(INTERVAL '1 day', (SELECT 1 FROM view a), (SELECT 1 FROM purchase b WHERE b.n < a.n))";
    let error = ask(&format!("TRUE AND {bound}")).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Limit, Some(9)), "{error}");
    assert!(error.message().contains("narrow them"), "{error}");
    let narrow = "funnel(INTERVAL '1 day', (SELECT 1 FROM view a WHERE a.n < 1000), \
                  (SELECT 1 FROM purchase b WHERE b.n < a.n))";
    assert_eq!(ask(narrow), Ok(0));
    // What was tried in vain is remembered, so a third step that looks at the first alone costs little more.
    let third = "funnel(INTERVAL '1 day', (SELECT 1 FROM view a WHERE a.n < 500), (SELECT 1 FROM view b), \
                 (SELECT 1 FROM purchase c WHERE c.n < a.n))";
    assert_eq!(ask(third), Ok(0));
    let free = "funnel(INTERVAL '1 day', (SELECT 1 FROM view a), (SELECT 1 FROM view b), (SELECT 1 FROM purchase c))";
    assert_eq!(ask(free), Ok(1));
}
