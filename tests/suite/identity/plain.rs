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

/// No cap concerns what a person decided: it joins also an identifier that joins nobody else.
#[test]
fn a_decision_joins_an_identifier_with_too_many_neighbours() {
    let db = ruled("[identity.person.namespace.email]\ncap = { device_id = 2 }\n");
    for number in 0..4 {
        let device = format!("d{number}");
        let text = format!(
            r#"{{"type":"identify","identifiers":{{"device_id":"{device}","email":"all@x.org"}},
                "messageId":"{device}","timestamp":"2024-03-01T00:00:00Z"}}"#
        );
        store::say(&db, "web", &text);
    }
    assert_eq!(clusters(&db).len(), 5);
    let pair = r#""left":{"namespace":"device_id","value":"d1"},"right":{"namespace":"email","value":"all@x.org"}"#;
    store::say(
        &db,
        "operator",
        &format!(r#"{{"type":"link","kind":"manual",{pair},"messageId":"m"}}"#),
    );
    assert_eq!(clusters(&db).len(), 4);
    let answer = view(&db).identity(("device_id", "d1"), ("email", "all@x.org")).unwrap();
    assert!(matches!(answer, IdentityAnswer::One(_)), "{answer:?}");
}

/// Scores count again where a retired identifier leaves little enough evidence, also beyond its own profile.
#[test]
fn scores_count_again_when_evidence_beside_them_is_retired() {
    let db = ruled("[identity.person.component]\nedges = 1\n");
    let link = |left: &str, right: &str| {
        format!(
            r#"{{"type":"link","kind":"fuzzy","score":0.5,"timestamp":"2024-03-01T00:00:00Z",
                "left":{{"namespace":"device_id","value":"{left}"}},
                "right":{{"namespace":"device_id","value":"{right}"}},"messageId":"{left}{right}"}}"#
        )
    };
    store::say(&db, "matcher", &link("a", "b"));
    assert_eq!(clusters(&db).len(), 1);
    store::say(&db, "matcher", &link("b", "c"));
    assert_eq!(clusters(&db).len(), 3, "two scores are too many");
    let retired = r#"{"type":"retire","identifier":{"namespace":"device_id","value":"c"},
        "until":"2024-04-01T00:00:00Z","messageId":"r"}"#;
    store::say(&db, "operator", retired);
    assert_eq!(clusters(&db).len(), 2);
}

#[test]
fn what_a_link_names_is_given_as_received_too() {
    let db = store::new();
    let text = r#"{"type":"link","kind":"manual","left":{"namespace":"email","value":"Ann@X.org"},
        "right":{"namespace":"user_id","value":"7"},"messageId":"l"}"#;
    store::say(&db, "operator", text);
    let found: Vec<_> = clusters(&db).into_values().flatten().map(|(_, value)| value).collect();
    assert_eq!(found, ["Ann@X.org", "ann@x.org", "7"]);
}

/// Evidence of a source that there is not can be withdrawn by nobody: the record waits, and makes no identifiers.
#[test]
fn a_source_that_is_not_there_withdraws_nothing() {
    let db = store::new();
    let text = r#"{"type":"withdraw","kind":"alias","source":"nowhere","messageId":"w",
        "left":{"namespace":"email","value":"a@x.org"},"right":{"namespace":"user_id","value":"7"}}"#;
    store::say(&db, "operator", text);
    let counts = view(&db).quarantine_counts().unwrap();
    assert_eq!(counts.iter().map(|count| count.count).sum::<u64>(), 1);
    assert!(!view(&db).identity_known(("user_id", "7")).unwrap());
    assert!(view(&db).identity_known(("user_id", "null")).is_err());
}

/// A decision joins only when its source may: one that is not trusted decides nothing.
#[test]
fn a_manual_link_counts_only_of_a_trusted_source() {
    let pair =
        r#""left":{"namespace":"user_id","value":"1"},"right":{"namespace":"user_id","value":"2"}"#;
    for (trust, wanted) in [("full", 1), ("unknown", 2), ("none", 2)] {
        let db = ruled(&format!("[identity.person.source.desk]\ntrust = \"{trust}\"\n"));
        store::say(
            &db,
            "desk",
            &format!(r#"{{"type":"link","kind":"manual",{pair},"messageId":"m"}}"#),
        );
        assert_eq!(clusters(&db).len(), wanted, "{trust}");
    }
    let db = ruled("[identity.person.source.desk]\nnamespaces = [\"email\"]\n");
    store::say(
        &db,
        "desk",
        &format!(r#"{{"type":"link","kind":"manual",{pair},"messageId":"m"}}"#),
    );
    assert_eq!(clusters(&db).len(), 2);
}

#[test]
fn a_link_says_its_kind_and_a_resemblance_its_score() {
    let db = store::new();
    let pair =
        r#""left":{"namespace":"user_id","value":"1"},"right":{"namespace":"user_id","value":"2"}"#;
    for (rest, wanted) in [
        ("", "needs \"kind\""),
        (r#","kind":"fuzzy""#, "needs \"score\""),
        (r#","kind":"fuzzy","score":3000000"#, "between"),
        (r#","kind":"friendly""#, "'friendly' is no kind"),
    ] {
        let text = format!(r#"{{"type":"link",{pair},"messageId":"m"{rest}}}"#);
        let receipt = store::say(&db, "desk", &text);
        let [refused] = receipt.broken.as_slice() else { panic!("{rest}: {:?}", receipt.broken) };
        assert!(refused.reason.contains(wanted), "{rest}: {refused:?}");
    }
    assert_eq!(clusters(&db).len(), 0);
}
