//! Identity, case by case: forms of values, values that are nobody's, identifiers that too many share.

use super::clusters;
use crate::rng::scale;
use crate::store::{self, session, view};
use navedb::{Db, DefineRequest, IdentityAnswer};
use std::collections::BTreeSet;

/// A store with rules.
fn ruled(rules: &str) -> Db {
    let db = store::new();
    let request = DefineRequest { text: rules.to_owned(), ..DefineRequest::default() };
    session(&db).define(&request).unwrap();
    db
}

fn named(user: &str, namespace: &str, value: &str, number: usize) -> String {
    format!(
        r#"{{"type":"identify","userId":"{user}","identifiers":{{"{namespace}":"{value}"}},
            "messageId":"{number}","timestamp":"2024-03-01T00:00:00Z"}}"#
    )
}

#[test]
fn identifiers_are_compared_in_the_form_of_the_rules_and_given_as_received() {
    let rules = "[identity.person.namespace.email]\nnormaliser = \"email@2\"\nfold_plus = true\n\
                 [identity.person.namespace.phone]\nnormaliser = \"phone@2\"\nregion = \"FR\"\n";
    let db = ruled(rules);
    for (number, (user, namespace, value)) in [
        ("a", "email", "Ann+shop@Example.org"),
        ("b", "email", "ann@example.org"),
        ("c", "phone", "06 12 34 56 78"),
        ("d", "phone", "+33 (0)6 12 34 56 78"),
        ("e", "email", "bob@example.org"),
    ]
    .into_iter()
    .enumerate()
    {
        store::say(&db, "crm", &named(user, namespace, value, number));
    }
    let found: BTreeSet<BTreeSet<(String, String)>> = clusters(&db).into_values().collect();
    let set = |all: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    let wanted = BTreeSet::from([
        set(&[
            ("user_id", "a"),
            ("user_id", "b"),
            ("email", "ann@example.org"),
            ("email", "Ann+shop@Example.org"),
        ]),
        set(&[
            ("user_id", "c"),
            ("user_id", "d"),
            ("phone", "+33612345678"),
            ("phone", "06 12 34 56 78"),
            ("phone", "+33 (0)6 12 34 56 78"),
        ]),
        set(&[("user_id", "e"), ("email", "bob@example.org")]),
    ]);
    assert_eq!(found, wanted);
    let of = |namespace: &str, value: &str| view(&db).profile(namespace, value).unwrap();
    assert!(of("phone", "0033612345678").is_some() && of("email", "ANN+x@example.ORG").is_some());
    // Under other rules the log is read anew.
    let drop = vec!["identity.person".to_owned()];
    session(&db).define(&DefineRequest { drop, ..DefineRequest::default() }).unwrap();
    assert_eq!(clusters(&db).len(), 5);
}

#[test]
fn nobodys_identifiers_join_nobody_and_wait_in_quarantine() {
    let db = store::new();
    for (number, user) in ["7", "8"].into_iter().enumerate() {
        store::say(&db, "web", &named(user, "email", "undefined", number));
    }
    store::say(&db, "web", &store::track("anonymous", "9", "2024-03-01T00:00:00Z", "view", "{}"));
    assert_eq!(clusters(&db).len(), 2);
    let counts = view(&db).quarantine_counts().unwrap();
    assert_eq!(counts.iter().map(|count| count.count).sum::<u64>(), 1);
    let nobody = view(&db).identity(("user_id", "7"), ("user_id", "anonymous")).unwrap_err();
    assert!(nobody.message().contains("'anonymous'"), "{}", nobody.message());
    let text = "[identity.person]\nblocked_builtin = false\n".to_owned();
    session(&db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
    assert_eq!(
        clusters(&db).len(),
        2,
        "the two are one by what is an e-mail now, and a third is there"
    );
    assert!(view(&db).profile("user_id", "anonymous").unwrap().is_some());
    assert!(view(&db).quarantine_counts().unwrap().is_empty());
}

/// One e-mail on very many devices: it joins them as long as they are few, and then nobody.
#[test]
fn an_identifier_with_too_many_neighbours_joins_nobody_and_is_seen() {
    let db = ruled("[identity.person.namespace.email]\ncap = { device_id = 20 }\n");
    let count = usize::try_from(scale(400, 100_000)).unwrap();
    let message = |number: usize| {
        format!(
            r#"{{"type":"identify","identifiers":{{"device_id":"d{number}","email":"all@x.org"}},
                "messageId":"{number}","timestamp":"2024-03-01T00:00:00Z"}}"#
        )
    };
    for number in 0..20 {
        store::say(&db, "web", &message(number));
    }
    assert_eq!(clusters(&db).len(), 1);
    let texts: Vec<String> = (20..count).map(message).collect();
    for some in texts.chunks(1000) {
        store::write(&db, "web", some);
    }
    assert_eq!(clusters(&db).len(), count + 1);
    assert_eq!(view(&db).stats().unwrap().identity.crowded, 1);
    let answer = view(&db).identity(("device_id", "d3"), ("device_id", "d300")).unwrap();
    let IdentityAnswer::Apart(not) = answer else { panic!("{answer:?}") };
    assert_eq!(not.path.len(), 2);
    assert!(not.path[0].reason.contains("more than 20 neighbours"), "{:?}", not.path[0]);
}
