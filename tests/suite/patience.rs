//! Questions that are given up: an answer is whole and right, or there is none, and nothing of it stays behind.

use crate::rng::Rng;
use crate::store::{self, NOON, session, view};
use navedb::dir::MemoryDir;
use navedb::{
    At, Cancel, Db, ErrorKind, Input, LoadRequest, MembersRequest, RecordKind, Result, Said,
    Timestamp, View,
};
use std::sync::Arc;
use std::time::Duration;

const PEOPLE: usize = 3000;

/// People with many events, some of them in memory.
fn shop() -> Db {
    let db = Db::open_with(Arc::new(MemoryDir::new()), store::clock(NOON), Default::default());
    let db = db.unwrap();
    let mut rng = Rng::new(3);
    let load = |kind, columns: &str, rows: String| {
        let mut request = LoadRequest::new("shop", kind);
        let bytes = format!("{columns}\n{rows}").into_bytes();
        request.inputs.push(Input::Bytes { name: "rows.csv".into(), bytes });
        request.ids.push(("user_id".into(), "user".into()));
        if columns.contains("at") {
            request.time = Some("at".into());
        }
        db.load(&request).unwrap();
    };
    let person = |n: usize, rng: &mut Rng| {
        format!("u{n},{},{}\n", 18 + rng.below(60), ["FR", "DE", "IT"][rng.below(3)])
    };
    let people: String = (0..PEOPLE).map(|n| person(n, &mut rng)).collect();
    load(RecordKind::Identify, "user,age,country", people);
    let event = |name: &str, rng: &mut Rng| -> String {
        let user = rng.below(PEOPLE);
        let at = Timestamp(NOON - rng.between(0, 90 * 86_400_000_000));
        format!("u{user},{at},{},{name}{}\n", rng.below(90), rng.below(7))
    };
    for name in ["view", "cart"] {
        let rows: String = (0..4 * PEOPLE).map(|_| event(name, &mut rng)).collect();
        load(RecordKind::Track(Said::Fixed(name.into())), "user,at,amount,page", rows);
    }
    db.checkpoint().unwrap();
    let rows: String = (0..PEOPLE).map(|_| event("view", &mut rng)).collect();
    load(RecordKind::Track(Said::Fixed("view".into())), "user,at,amount,page", rows);
    let consent = r#"{"type":"consent","userId":"u1","messageId":"c1","timestamp":"2024-01-01T00:00:00Z",
        "channel":"email","purpose":"marketing","state":"granted"}"#;
    store::say(&db, "shop", consent);
    db
}

type Ask = (&'static str, fn(&View) -> Result<String>);

const QUESTIONS: [Ask; 11] = [
    ("count", |view| {
        let text = "p.age > 30 AND (SELECT sum(e.amount) FROM view e WHERE e.page LIKE '%1') > 40";
        view.count(text, At::Latest).map(|n| n.to_string())
    }),
    ("rows", |view| {
        let text = "p.age + 1 > (SELECT max(e.amount) FROM view e) - 5 OR p.age * 2 = 60";
        view.count(text, At::Latest).map(|n| n.to_string())
    }),
    ("members", |view| {
        let text = "EXISTS (SELECT 1 FROM cart e WHERE e.amount > p.age)";
        view.members(text, At::Latest).map(|ids| ids.join(" "))
    }),
    ("funnel", |view| {
        let text = "funnel(INTERVAL '20 days', (SELECT 1 FROM view v),
            (SELECT 1 FROM cart c WHERE c.page <> v.page))";
        view.count(text, At::Latest).map(|n| n.to_string())
    }),
    ("consents", |view| {
        view.count("consents('email', 'marketing')", At::Latest).map(|n| n.to_string())
    }),
    ("explain", |view| {
        let found = view.explain("p.country = 'FR' AND NOT (p.age < 50)", At::Latest)?;
        Ok(format!("{} {:?}", found.count, found.plan))
    }),
    ("table", |view| {
        let text = "SELECT p.country, count(*),
            max((SELECT count(*) FROM cart e WHERE e.profile_id = p.profile_id))
            FROM profiles p GROUP BY p.country ORDER BY 1";
        view.query(text, At::Latest).map(|table| format!("{table:?}"))
    }),
    ("columns", |view| {
        let text = "SELECT p.age, (SELECT count(*) FROM view e WHERE e.profile_id = p.profile_id)
            FROM profiles p ORDER BY 2 DESC, 1 LIMIT 5";
        view.query(text, At::Latest).map(|table| format!("{table:?}"))
    }),
    ("page", |view| {
        let request = MembersRequest { select: vec!["age".into()], ..MembersRequest::default() };
        view.members_page("p.age > 20", &request, At::Latest).map(|page| format!("{page:?}"))
    }),
    ("top", |view| view.top("p.age > 20", "age", 9, At::Latest).map(|table| format!("{table:?}"))),
    ("past", |view| {
        let at = At::AsOf(Timestamp(NOON - 86_400_000_000));
        view.count("EXISTS (SELECT 1 FROM view e)", at).map(|n| n.to_string())
    }),
];

#[test]
fn who_has_no_time_gets_no_answer_and_who_has_enough_the_right_one() {
    let db = shop();
    let view = view(&db);
    let (cancel, endless) = (Cancel::new(), Duration::from_secs(3600));
    for (name, ask) in QUESTIONS {
        let none = ask(&view.within(Duration::ZERO)).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Stopped, "{name}: {none}");
        let right = ask(&view).unwrap();
        assert_eq!(ask(&view.within(endless).until(&cancel)), Ok(right), "{name}");
    }
    let listening = view.until(&cancel);
    let earlier = listening.as_of(Timestamp(NOON - 86_400_000_000)).unwrap();
    cancel.cancel();
    for (name, ask) in QUESTIONS {
        let none = ask(&listening).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Stopped, "{name}: {none}");
        assert!(none.message().contains("cancelled"), "{name}: {none}");
    }
    let none = earlier.count("p.age > 20", At::Latest).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Stopped, "{none}");
    assert!(session(&db).view().count("true", At::Latest).is_ok());
}

#[test]
fn an_answer_is_whole_and_right_whenever_time_is_over() {
    let db = shop();
    let view = view(&db);
    let mut rng = Rng::new(11);
    let (mut given_up, mut answered) = (0, 0);
    for (name, ask) in QUESTIONS {
        let right = ask(&view).unwrap();
        for _ in 0..60 {
            // From less than any takes to more than most take.
            let most = Duration::from_micros(1 << rng.below(15));
            match ask(&view.within(most)) {
                Ok(found) => {
                    assert_eq!(found, right, "{name} within {most:?}");
                    answered += 1;
                }
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Stopped, "{name} within {most:?}: {e}");
                    given_up += 1;
                }
            }
        }
        assert_eq!(ask(&view), Ok(right), "{name}: again, with all time");
    }
    assert!(given_up > 60 && answered > 60, "{given_up} given up, {answered} answered");
}
