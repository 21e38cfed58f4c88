//! Golden values, case by case: what a join makes of them, rules that cannot hold, and how they are explained.

use crate::store::{self, session, view};
use navedb::{Db, DefineReport, DefineRequest, ErrorKind, Result};

const DAY: &str = "2024-03-01T00:00:00Z";

fn defined(db: &Db, text: &str) -> Result<DefineReport> {
    session(db).define(&DefineRequest { text: text.to_owned(), ..DefineRequest::default() })
}

/// A golden value as text.
fn golden(db: &Db, user: &str, name: &str) -> Option<String> {
    let profile = view(db).profile("user_id", user).unwrap().unwrap();
    profile.traits.into_iter().find(|one| one.name == name).map(|one| one.value.to_string())
}

/// What was verified of one profile is not taken for verified of another when their rows are merged.
#[test]
fn a_join_asks_the_record_of_each_value_whether_it_is_verified() {
    let db = store::new();
    defined(
        &db,
        "[trait.points]\ntype = \"integer\"\ngolden = { verified = \"sure\" }\n[trait.sure]\ntype = \"boolean\"\n",
    )
    .unwrap();
    let told = |user: &str, day: u32, traits: &str| {
        let time = format!("2024-03-{day:02}T00:00:00Z");
        store::say(&db, "crm", &store::identify(user, &format!("{user}{day}"), &time, traits));
    };
    told("a", 1, r#"{"points":6}"#);
    told("a", 3, r#"{"sure":true}"#);
    told("b", 2, r#"{"points":3}"#);
    told("b", 4, r#"{"sure":true,"points":1}"#);
    told("c", 9, r#"{"points":9}"#);
    assert_eq!(golden(&db, "a", "points").as_deref(), Some("6"));
    for other in ["b", "c"] {
        let pair = format!(
            r#"{{"type":"link","kind":"manual","left":{{"namespace":"user_id","value":"a"}},
                "right":{{"namespace":"user_id","value":"{other}"}},"messageId":"{other}"}}"#
        );
        store::say(&db, "operator", &pair);
        assert_eq!(golden(&db, "a", "points").as_deref(), Some("1"), "joined with {other}");
    }
}

#[test]
fn a_golden_rule_that_cannot_hold_is_refused() {
    let db = store::new();
    let follow = |leader: &str| {
        format!("[trait.city]\n{leader}\n[trait.postcode]\ngolden = {{ follow = \"city\" }}\n")
    };
    for (text, words) in [
        (follow("golden = \"most_frequent\""), ["'city'", "by itself"]),
        (follow("golden = { verified = \"postcode\" }"), ["'city'", "by itself"]),
        ("[trait.postcode]\ngolden = { follow = \"city\" }\n".to_owned(), ["'city'", "no trait"]),
        ("[trait.email]\ngolden = { verified = \"sure\" }\n".to_owned(), ["'sure'", "no trait"]),
        (
            "[trait.due]\ntype = \"money\"\ncurrency = \"EUR\"\ngolden = \"most_frequent\"\n"
                .to_owned(),
            ["money", "another rule"],
        ),
        ("[identity.people]\n".to_owned(), ["'people'", "[identity.person]"]),
    ] {
        let refused = defined(&db, &text).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{text}");
        assert!(words.iter().all(|word| refused.message().contains(word)), "{text}: {refused}");
    }
    defined(&db, &follow("golden = \"longest\"")).unwrap();
}

#[test]
fn a_record_that_tells_of_the_leader_alone_is_explained_for_what_follows_it() {
    let db = store::new();
    defined(&db, "[trait.city]\n[trait.postcode]\ngolden = { follow = \"city\" }\n").unwrap();
    store::say(
        &db,
        "crm",
        &store::identify("ann", "1", DAY, r#"{"city":"Lyon","postcode":"69001"}"#),
    );
    store::say(
        &db,
        "crm",
        &store::identify("ann", "2", "2024-04-01T00:00:00Z", r#"{"city":"Nice"}"#),
    );
    let seen = view(&db);
    assert_eq!(golden(&db, "ann", "postcode"), None, "not that of Lyon");
    let explained = seen.explain_profile("user_id", "ann").unwrap().unwrap();
    let postcode = explained.traits.iter().find(|one| one.name == "postcode").unwrap();
    assert_eq!(postcode.facts.len(), 2, "{postcode:?}");
    assert!(postcode.facts.iter().any(|fact| fact.value.is_none()), "{postcode:?}");
}
