//! Rules are read, written and refused as they should be.

mod errors;

use super::*;
use crate::base::limits::{BLOCKED_MAX, BLOCKED_PATTERNS_MAX, RULES_MAX};
use crate::base::random::Rng;
use crate::definition::body::Body;
use crate::normalise::{EmailRules, Extension, Folding, KINDS, PhoneRules, Region};
use toml::de::DeTable;

fn one(text: &str) -> IdentityRules {
    let mut found = parse(text).unwrap_or_else(|trouble| panic!("{}\n{text}", trouble.message));
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

fn set(body: &str) -> IdentityRules {
    one(&format!("[identity.person]\n{body}"))
}

/// The example of the module's documentation.
fn example() -> String {
    let lines = include_str!("mod.rs").lines();
    let inside = lines.skip_while(|line| *line != "//! ```toml").skip(1);
    inside
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").trim_start())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_example_says_what_it_says() {
    let rules = one(&example());
    assert_eq!(rules.name, "person");
    assert_eq!(rules.blocked, ["qa-*"]);
    let email = &rules.namespaces["email"];
    assert_eq!(email.limit, Some(LimitRule { most: 3, per: Window::Month }));
    let folding =
        EmailRules { fold_dots: Folding::at(["gmail.com"]), fold_plus: Folding::Everywhere };
    assert_eq!(email.normaliser, Some(Normaliser::Email(folding)));
    assert_eq!(email.cap, CapRules { any: Some(50), of: BTreeMap::new() });
    let user = &rules.namespaces["user_id"];
    assert_eq!(user.limit, Some(LimitRule { most: 1, per: Window::Ever }));
    assert!(user.unique && user.rank == Some(0));
    let phone = &rules.namespaces["phone"];
    assert_eq!(phone.cap.any, Some(1000));
    assert_eq!(phone.cap.of["anonymous_id"], 100);
    let france = PhoneRules::new(Region::parse("FR").ok(), Extension::Kept);
    assert_eq!(phone.normaliser, Some(Normaliser::Phone(france)));
    let web = &rules.sources["web"];
    assert_eq!(web.trust, Trust::Unknown);
    assert_eq!(
        web.namespaces.as_deref(),
        Some(&["anonymous_id".to_owned(), "email".to_owned()][..])
    );
    assert_eq!(rules.component_edges, Some(4096));
    assert_eq!(one(&rules.to_toml()), rules);
}

#[test]
fn the_text_of_rules_is_their_one_form() {
    let text = r#"[identity.person]
blocked_builtin = false
blocked = ["a \" b", "qa-*"]

[identity.person.namespace.email]
limit = { most = 3, per = "week" }
unique = true
rank = 2
blocked = ["*@example.com"]
cap = { anonymous_id = 100, "shoe size" = 3, any = 1000 }
normaliser = "email@2"
fold_dots = ["gmail.com", "xn--bcher-kva.example"]
fold_plus = true

[identity.person.namespace.phone]
limit = 5
cap = 50
normaliser = "phone@2"
region = "GB"
extension = "drop"

[identity.person.namespace."shoe size"]
normaliser = "digits@1"

[identity.person.source.old]
trust = "none"

[identity.person.source."the web"]
trust = "unknown"
namespaces = ["email"]

[identity.person.component]
edges = 512
"#;
    assert_eq!(one(text).to_toml(), text);
    // Said in another way, it has the same text.
    let other = set(r#"
blocked = ["QA-*", "A \" B"]
blocked_builtin = false
component = { edges = 512 }
source = { "the web" = { namespaces = ["EMAIL"], trust = "unknown" }, old = { trust = "none" } }
namespace."Shoe Size" = { normaliser = "digits@1", unique = false }
namespace.EMAIL.rank = 2
namespace.EMAIL.limit = { per = "week", most = 3 }
namespace.EMAIL.unique = true
namespace.EMAIL.blocked = "*@Example.com"
namespace.EMAIL.normaliser = "email@2"
namespace.EMAIL.fold_plus = true
namespace.EMAIL.fold_dots = ["GMAIL.com", "bücher.example"]
namespace.EMAIL.cap = { any = 1_000, Anonymous_Id = 100, "shoe size" = 0x3 }
namespace.phone.limit = { most = 5, per = "ever" }
namespace.phone.cap = { any = 50 }
namespace.phone.normaliser = "phone@2"
namespace.phone.region = "gb"
namespace.phone.extension = "drop"
"#);
    assert_eq!(other.to_toml(), text);
    let empty = IdentityRules::new("house hold");
    assert_eq!(empty.to_toml(), "[identity.\"house hold\"]\n");
    assert_eq!(one(&empty.to_toml()), empty);
}

/// A definition in the log has its tables in its lines.
#[test]
fn the_body_of_a_definition_reads_as_its_tables() {
    let text = example();
    let table = DeTable::parse(&text).unwrap();
    let person = table.get_ref().get("identity").and_then(|value| value.get_ref().get("person"));
    let person = person.and_then(|value| value.get_ref().as_table()).unwrap();
    let body = crate::definition::body::body_text(person, |_, _| true);
    let table = DeTable::parse(&body).unwrap();
    let read = IdentityRules::read("person", &Body::new(table.get_ref(), 0..body.len()));
    assert_eq!(read, Ok(one(&text)));
}

#[test]
fn a_file_holds_rule_sets_alone() {
    assert_eq!(parse("").map(|found| found.len()), Ok(0));
    assert_eq!(parse("[identity.person]\n[identity.household]").map(|found| found.len()), Ok(2));
    for (text, hint) in [
        ("[identty.person]", "did you mean 'identity'?"),
        ("[identity]\nperson = 1", "write [identity.person]"),
        ("[identity.person", "unclosed table"),
        ("identity = 1", "must be a table"),
    ] {
        let trouble = parse(text).unwrap_err();
        assert!(trouble.message.contains(hint), "{text}: {}", trouble.message);
    }
}

/// Rules that a program made are checked as those of a file are.
#[test]
fn rules_of_a_program_are_checked() {
    let check = |change: &dyn Fn(&mut IdentityRules), path: &str, hint: &str| {
        let mut rules = IdentityRules::new("person");
        change(&mut rules);
        let wrong = rules.validate().unwrap_err();
        assert_eq!(wrong.path.join("."), path);
        assert!(wrong.message.contains(hint), "{wrong}");
    };
    check(&|rules| rules.name.clear(), "", "1 to 256 bytes");
    let twice = |rules: &mut IdentityRules| {
        rules.namespaces.insert("email".into(), NamespaceRules::default());
        rules.namespaces.insert("Email".into(), NamespaceRules::default());
    };
    check(&twice, "person.namespace.email", "comes twice");
    let any = |rules: &mut IdentityRules| {
        let cap = CapRules { any: None, of: BTreeMap::from([("any".into(), 3)]) };
        rules.namespaces.insert("email".into(), NamespaceRules { cap, ..Default::default() });
    };
    check(&any, "person.namespace.email.cap.any", "every other namespace");
    let many = |what: usize| {
        move |rules: &mut IdentityRules| {
            for number in 0..=RULES_MAX {
                if what == 0 {
                    rules.namespaces.insert(number.to_string(), NamespaceRules::default());
                } else {
                    rules.sources.insert(number.to_string(), SourceRules::default());
                }
            }
        }
    };
    check(&many(0), "person.namespace", "at most 1000 namespaces");
    check(&many(1), "person.source", "at most 1000 sources");
    let values = |rules: &mut IdentityRules| {
        rules.blocked = (0..=BLOCKED_MAX).map(|number| format!("v{number}")).collect();
    };
    check(&values, "person", "at most 10000 blocked values");
    let stars = |rules: &mut IdentityRules| {
        rules.blocked = (0..=BLOCKED_PATTERNS_MAX).map(|number| format!("{number}*")).collect();
    };
    check(&stars, "person", "with a star");
    assert_eq!(IdentityRules::new("person").validate(), Ok(()));
}

#[test]
fn a_namespace_has_its_normaliser() {
    let rules = set("namespace.email.normaliser = \"email@1\"");
    assert_eq!(rules.normaliser("email", 2), Normaliser::EmailFirst);
    assert_eq!(rules.normaliser("phone", 2).name(), "phone@2");
    assert_eq!(rules.normaliser("phone", 1).name(), "phone@1");
}

fn random_namespace(rng: &mut Rng) -> NamespaceRules {
    let windows = [Window::Ever, Window::Day, Window::Week, Window::Month, Window::Year];
    let some = |rng: &mut Rng, most: usize| (rng.below(2) == 0).then(|| rng.below(most) as u32 + 1);
    let domains = |rng: &mut Rng| match rng.below(3) {
        0 => Folding::Off,
        1 => Folding::Everywhere,
        _ => Folding::at(["gmail.com", "bücher.example"]),
    };
    let normaliser = match rng.below(4) {
        0 => None,
        1 => {
            Some(Normaliser::Email(EmailRules { fold_dots: domains(rng), fold_plus: domains(rng) }))
        }
        2 => Some(Normaliser::Phone(PhoneRules::new(Region::parse("US").ok(), Extension::Dropped))),
        _ => Some(KINDS[rng.below(KINDS.len())].1()),
    };
    let of = (0..rng.below(3)).map(|number| (format!("n {number}"), rng.below(9) as u32 + 1));
    let of = of.collect();
    NamespaceRules {
        limit: some(rng, 9).map(|most| LimitRule { most, per: windows[rng.below(5)] }),
        unique: rng.below(2) == 0,
        rank: some(rng, 9).map(|rank| rank as u16),
        blocked: (0..rng.below(3)).map(|number| format!("\"{number}\\ \u{7f}*é")).collect(),
        cap: CapRules { any: some(rng, 99), of },
        normaliser,
    }
}

/// What is written reads as what was written.
#[test]
fn any_rules_survive_their_text() {
    let mut rng = Rng(4);
    for _ in 0..200 {
        let mut rules = IdentityRules::new(["person", "house hold", "é"][rng.below(3)]);
        rules.blocked_builtin = rng.below(2) == 0;
        rules.blocked = (0..rng.below(3)).map(|number| format!("{number}*")).collect();
        for number in 0..rng.below(4) {
            rules.namespaces.insert(format!("n.{number}"), random_namespace(&mut rng));
            let trust = [Trust::Full, Trust::Unknown][rng.below(2)];
            let namespaces = (rng.below(2) == 0).then(|| vec!["a".to_owned(), "b".to_owned()]);
            rules.sources.insert(format!("S {number}"), SourceRules { trust, namespaces });
        }
        rules.component_edges = (rng.below(2) == 0).then_some(77);
        assert_eq!(one(&rules.to_toml()), rules);
    }
}
