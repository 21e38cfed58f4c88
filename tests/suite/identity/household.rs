//! Households: who lives together, beside who is one person.

use crate::store::{self, session, view};
use navedb::dir::MemoryDir;
use navedb::{Db, DefineRequest, ErrorKind, Retraction, View};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const RULES: &str = "[identity.household]\nalike = [[\"surname\", \"street\"], [\"landline\"]]\nmost = 4\n\
                     [trait.surname]\n[trait.street]\n[trait.landline]\ntype = \"text\"\n";

fn define(db: &Db, text: &str) -> navedb::Result<()> {
    let request = DefineRequest { text: text.to_owned(), ..DefineRequest::default() };
    session(db).define(&request).map(|_| ())
}

fn person(db: &Db, user: &str, traits: &str) {
    store::say(db, "crm", &store::identify(user, user, "2024-03-01T00:00:00Z", traits));
}

fn said(db: &Db, id: &str, given: &str, pair: (&str, &str), rest: &str) {
    let of = |user: &str| format!(r#"{{"namespace":"user_id","value":"{user}"}}"#);
    let (left, right) = (of(pair.0), of(pair.1));
    let text = format!(
        r#"{{"type":"{given}","rules":"household","left":{left},"right":{right},"messageId":"{id}",
            "timestamp":"2024-03-02T00:00:00Z"{rest}}}"#
    );
    let receipt = store::say(db, "desk", &text);
    assert!(receipt.broken.is_empty(), "{:?}", receipt.broken);
}

/// The households of more than one person, by the user ids that name these.
fn homes(seen: &View) -> BTreeSet<BTreeSet<String>> {
    let mut names = BTreeMap::new();
    seen.identity_clusters(&mut |namespace, value, id| {
        if namespace == "user_id" {
            names.entry(id.to_owned()).or_insert_with(|| value.to_owned());
        }
        Ok(())
    })
    .unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    seen.household_clusters(&mut |profile, household| {
        found.entry(household.to_owned()).or_default().insert(names[profile].clone());
        Ok(())
    })
    .unwrap();
    let counts = seen.household_counts().unwrap();
    assert_eq!(counts.households, found.len() as u64);
    assert_eq!(counts.persons, names.len() as u64);
    let shared: BTreeSet<_> = found.into_values().filter(|persons| persons.len() > 1).collect();
    assert_eq!(counts.shared, shared.len() as u64);
    for persons in &shared {
        let ids: BTreeSet<String> =
            persons.iter().map(|user| seen.household(("user_id", user)).unwrap().id).collect();
        assert_eq!(ids.len(), 1, "one id, whoever of them is asked for");
    }
    shared
}

fn sets(all: &[&[&str]]) -> BTreeSet<BTreeSet<String>> {
    all.iter().map(|set| set.iter().map(|one| (*one).to_owned()).collect()).collect()
}

fn town(db: &Db) {
    person(db, "ann", r#"{"surname":"Müller","street":"12 Avenue de la Paix"}"#);
    person(db, "ben", r#"{"surname":"MULLER","street":"12, av. de la paix"}"#);
    person(db, "cat", r#"{"surname":"Muller","street":"14 av de la paix","landline":"0112"}"#);
    person(db, "dan", r#"{"landline":"0112"}"#);
    (0..5).for_each(|n| person(db, &format!("hostel{n}"), r#"{"landline":"999"}"#));
}

#[test]
fn persons_who_are_alike_or_are_said_to_live_together_are_households() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    assert_eq!(view(&db).household_counts().unwrap_err().kind(), ErrorKind::Invalid);
    define(&db, RULES).unwrap();
    town(&db);
    let profiles = view(&db).stats().unwrap().profiles;
    assert_eq!(homes(&view(&db)), sets(&[&["ann", "ben"], &["cat", "dan"]]));
    assert_eq!(view(&db).household_counts().unwrap().crowded, 1);
    let hostel = view(&db).household(("user_id", "hostel3")).unwrap();
    assert_eq!((hostel.persons.len(), hostel.crowded[0].1), (1, 5));
    said(&db, "1", "link", ("dan", "hostel1"), "");
    said(&db, "2", "forbid", ("ann", "ben"), "");
    assert_eq!(homes(&view(&db)), sets(&[&["cat", "dan", "hostel1"]]));
    let ann = view(&db).household(("user_id", "ann")).unwrap();
    assert!(
        !ann.ties[0].admitted && ann.ties[0].reason.contains("do not live together"),
        "{ann:?}"
    );
    // A decision comes first: what is alike finds no more room.
    said(&db, "3", "link", ("dan", "hostel2"), "");
    said(&db, "4", "link", ("dan", "hostel3"), "");
    assert_eq!(homes(&view(&db)), sets(&[&["dan", "hostel1", "hostel2", "hostel3"]]));
    let cat = view(&db).household(("user_id", "cat")).unwrap();
    assert!(cat.ties[0].reason.contains("more than 4 persons"), "{cat:?}");
    said(&db, "5", "unlink", ("dan", "hostel2"), r#","until":"2024-04-01T00:00:00Z""#);
    let now = homes(&view(&db));
    assert_eq!(now, sets(&[&["cat", "dan", "hostel1", "hostel3"]]));
    assert_eq!(view(&db).stats().unwrap().profiles, profiles, "persons are as they were");
    let digest = view(&db).digest().unwrap();
    db.close().unwrap();
    let clock = store::clock(store::NOON);
    navedb::rebuild(Arc::new(disk.clone()), clock, store::small()).unwrap();
    let db = store::open(disk).unwrap();
    assert_eq!((homes(&view(&db)), view(&db).digest().unwrap()), (now, digest));
    // What is withdrawn was never said.
    let decisions = Retraction::Source { source: "desk".to_owned(), from: None, to: None };
    let _ = session(&db).retract(&decisions).unwrap();
    assert_eq!(homes(&view(&db)), sets(&[&["ann", "ben"], &["cat", "dan"]]));
    // Persons who are one are one in their household.
    let link = r#"{"type":"alias","userId":"dan","previousId":"ann","messageId":"one","timestamp":"2024-03-03T00:00:00Z"}"#;
    store::say(&db, "crm", link);
    let one = homes(&view(&db));
    assert_eq!(one.len(), 1);
    assert_eq!(one.first().unwrap().len(), 3, "{one:?}");
}

#[test]
fn rules_of_households_that_cannot_hold_are_refused() {
    let db = store::new();
    for (text, wanted) in [
        ("[identity.household]\nalike = [[\"surname\"]]\n", "no trait of that name"),
        ("[identity.household]\nalike = [\"surname\"]\n", "lists of traits"),
        ("[identity.household]\nmost = 1\n", "at least 2"),
        ("[identity.household]\nlimit = 3\n", "use alike, most"),
    ] {
        let refused = define(&db, text).unwrap_err();
        assert!(refused.message().contains(wanted), "{text}: {refused}");
    }
    let pair =
        r#""left":{"namespace":"user_id","value":"1"},"right":{"namespace":"user_id","value":"2"}"#;
    for (text, wanted) in [
        (format!(r#"{{"type":"propose","rules":"household",{pair}}}"#), "speaks of persons"),
        (format!(r#"{{"type":"link","kind":"fuzzy","rules":"household",{pair}}}"#), "manual"),
        (format!(r#"{{"type":"link","kind":"manual","rules":"family",{pair}}}"#), "'family'"),
    ] {
        let receipt = store::say(&db, "desk", &text);
        assert!(receipt.broken[0].reason.contains(wanted), "{:?}", receipt.broken);
    }
}
