//! Identity from the command line: decisions, explanations, rules, matching.

use super::{done, failed, json, run};
use crate::rng::Rng;
use crate::scratch::Scratch;
use std::collections::BTreeMap;

const MESSAGES: [&str; 3] = [
    r#""userId":"7","anonymousId":"a1","identifiers":{"email":"Ann@Example.org"},"messageId":"1""#,
    r#""userId":"8","anonymousId":"a2","messageId":"2""#,
    r#""userId":"8","anonymousId":"a1","messageId":"3""#,
];

/// A store in which the two users are one by a shared device.
fn shared(scratch: &Scratch) -> String {
    let store = scratch.path("data");
    let line = |said: &&str| {
        format!("{{\"type\":\"identify\",\"timestamp\":\"2024-01-01T10:00:00Z\",{said}}}\n")
    };
    let lines: String = MESSAGES.iter().map(line).collect();
    let file = scratch.file("messages.ndjson", lines.as_bytes());
    done(&["load", &file, "--data", &store, "--source", "web", "--as", "messages"]);
    store
}

fn profiles(store: &str) -> String {
    done(&["audience", "count", "--data", store, "TRUE"])
}

/// The words of a load of people from a file.
fn load_of<'w>(file: &'w str, store: &'w str, id: &'w str) -> [&'w str; 10] {
    ["load", file, "--data", store, "--source", "crm", "--as", "identify", "--id", id]
}

#[test]
fn people_decide_and_the_evidence_explains() {
    let scratch = Scratch::new();
    let store = shared(&scratch);
    let of = |command: &str, rest: &[&str]| {
        done(&[&["identity", command, "--data", &store], rest].concat())
    };
    let both = ["user_id=7", "user_id=8"];
    assert_eq!(profiles(&store), "1\n");
    let why = of("why", &both);
    assert!(why.starts_with("one person") && why.contains("the weakest link"), "{why}");
    of("forbid", &[&both[..], &["--note", "asked them"]].concat());
    assert_eq!(profiles(&store), "2\n");
    let apart = of("why-not", &both);
    assert!(apart.contains("keeps them apart") && apart.contains("operator said"), "{apart}");
    let cluster = json(&["identity", "cluster", "--data", &store, "user_id=8"]);
    let forbids = cluster["links"].as_array().unwrap();
    let forbids = forbids.iter().find(|link| link["kind"] == "cannot-link").unwrap();
    of("retract", &["--evidence", forbids["id"].as_str().unwrap()]);
    assert_eq!(profiles(&store), "1\n");
    of("retract", &["--identifier", "anonymous_id=a1", "--until", "2025-01-01T00:00:00Z"]);
    let told = of("history", &["user_id=7"]);
    assert!(told.contains("joined") && told.contains("split"), "{told}");
    let csv = of("clusters", &["--csv"]);
    let ids: BTreeMap<&str, &str> =
        csv.lines().skip(1).filter_map(|l| l.rsplit_once(',')).collect();
    assert!(csv.starts_with("namespace,value,profile_id\n"), "{csv}");
    assert_eq!(ids["email,ann@example.org"], ids["email,Ann@Example.org"], "{csv}");
    assert_ne!(ids["user_id,7"], ids["user_id,8"], "{csv}");
    of("link", &["user_id=7", "user_id=8"]);
    assert_eq!(profiles(&store), "2\n", "the shared device stands alone");
    of("unlink", &["user_id=7", "user_id=8"]);
    assert_eq!(profiles(&store), "3\n");
    let dot = of("cluster", &["--dot", "user_id=7"]);
    assert!(dot.starts_with("graph identity {") && dot.trim_end().ends_with('}'), "{dot}");
    failed(&["identity", "why", "--data", &store, "user_id=7", "user_id=99"], &["user_id '99'"]);
    let nobody = ["identity", "link", "--data", &store, "user_id=7", "user_id=anonymous"];
    failed(&nobody, &["'anonymous' is nobody", "blocked_builtin"]);
    let said = run(&["identity", "link", "--data", &store, "user_id=7", "user_id=70"]);
    assert!(said.code == Some(0) && said.err.contains("no record names user_id '70'"), "{said:?}");
    failed(&["identity", "retract", "--data", &store, "--evidence", "x"], &["no evidence 'x'"]);
}

/// What only the rules of identity know is told beside what the rows themselves tell.
#[test]
fn a_load_tells_of_rows_that_name_nobody() {
    let scratch = Scratch::new();
    let (store, file) =
        (scratch.path("data"), scratch.file("crm.csv", b"id,age\n1,5\nguest,6\n,7\n"));
    let load = load_of(&file, &store, "user_id=id");
    let rules = b"[identity.person.namespace.user_id]\nblocked = [\"guest\"]\n";
    let rules = scratch.file("rules.toml", rules);
    let empty = scratch.file("empty.csv", b"id,age\n2,5\n");
    done(&[&["load", &empty], &load[2..]].concat());
    done(&["identity", "rules", "--data", &store, &rules]);
    let said = run(&load);
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("3 rows, 1 new") && said.out.contains("2 broken"), "{said:?}");
    assert!(said.err.contains("crm.csv:4") && said.err.contains("1 rows name nobody"), "{said:?}");
    let waiting = done(&["quarantine", "list", "--data", &store]);
    assert!(waiting.contains("user_id 'guest' is nobody"), "{waiting}");
}

#[test]
fn rules_are_tried_and_then_in_force() {
    let scratch = Scratch::new();
    let store = shared(&scratch);
    let rules = "[identity.person.namespace.user_id]\nlimit = 1\n";
    let file = scratch.file("rules.toml", rules.as_bytes());
    let tried = done(&["identity", "rules", "--data", &store, &file, "--dry-run"]);
    assert!(tried.contains("1 profiles come apart") && tried.contains("dry run"), "{tried}");
    assert_eq!(profiles(&store), "1\n");
    done(&["identity", "rules", "--data", &store, &file]);
    assert_eq!(profiles(&store), "2\n");
    let shown = done(&["identity", "rules", "--data", &store]);
    assert!(shown.contains("limit = 1"), "{shown}");
    let apart = done(&["identity", "why-not", "--data", &store, "user_id=7", "user_id=8"]);
    assert!(apart.contains("the limit is 1"), "{apart}");
    let wrong = scratch.file("wrong.toml", b"[identity.person.namespace.email]\nlimt = 1\n");
    failed(&["identity", "rules", "--data", &store, &wrong], &["limt", "'limit'"]);
}

/// Records of 150 people, of half of them a second one with a slip of the keyboard.
fn people(rng: &mut Rng) -> String {
    const GIVEN: [&str; 12] = [
        "anna", "bruno", "clara", "david", "elena", "felix", "greta", "henri", "ines", "jonas",
        "karin", "louis",
    ];
    const SURNAMES: [&str; 10] = [
        "berger", "caruso", "dumont", "eriksen", "fischer", "garnier", "horvath", "ivanov",
        "jansen", "kowalski",
    ];
    let mut text = String::from("id,given_name,surname,birth_date,street,postcode,city\n");
    for person in 0..150 {
        let (given, surname) =
            (*rng.pick(&GIVEN), format!("{}{}", rng.pick(&SURNAMES), person % 7));
        let born =
            format!("{}-{:02}-{:02}", 1940 + rng.below(60), 1 + rng.below(12), 1 + rng.below(28));
        let street = format!("{} rue {}", 1 + rng.below(90), rng.pick(&SURNAMES));
        let rest = format!("{street},{},lyon", 69_000 + rng.below(900));
        text.push_str(&format!("{person}a,{given},{surname},{born},{rest}\n"));
        if person % 2 == 0 {
            let slipped = format!("{}x", &given[..given.len() - 1]);
            text.push_str(&format!("{person}b,{slipped},{surname},{born},{rest}\n"));
        }
    }
    text
}

#[test]
fn people_are_matched_without_settings_and_twice_is_as_once() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let file = scratch.file("people.csv", people(&mut Rng::new(5)).as_bytes());
    done(&load_of(&file, &store, "record=id"));
    let tried = json(&["identity", "match", "--data", &store, "--dry-run"]);
    assert_eq!(profiles(&store), "225\n");
    assert_eq!(tried["roles"]["surname"], "surname");
    let found = json(&["identity", "match", "--data", &store]);
    assert_eq!(found["learnt"], true);
    assert_eq!(found["linked"], tried["linked"]);
    let csv = done(&["identity", "clusters", "--csv", "--data", &store]);
    let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        clusters.entry(cells[2]).or_default().push(cells[1].trim_end_matches(['a', 'b']));
    }
    let pairs = clusters.values().filter(|all| all.len() == 2 && all[0] == all[1]).count();
    let wrong = clusters.values().filter(|all| all.iter().any(|one| *one != all[0])).count();
    assert!(pairs >= 70 && wrong == 0, "{pairs} of 75, {wrong} wrong");
    let count = profiles(&store);
    let again = json(&["identity", "match", "--data", &store]);
    assert_eq!((again["learnt"].as_bool(), profiles(&store)), (Some(false), count));
    let refused = |rest: &[&str], words: &[&str]| {
        failed(&[&["identity", "match", "--data", &store], rest].concat(), words);
    };
    refused(&["--role", "city=town"], &["'town'", "city"]);
    refused(&["--role", "city=city", "--role", "city=ignored"], &["city"]);
    // What a model has joined teaches nothing, until it is taken back.
    refused(&["--learn"], &["nave retract --source matcher --from 1"]);
    done(&["retract", "--data", &store, "--source", "matcher", "--from", "1"]);
    assert_eq!(profiles(&store), "225\n");
    let anew = json(&["identity", "match", "--data", &store, "--learn"]);
    assert_eq!(
        (anew["learnt"].as_bool(), anew["linked"].clone()),
        (Some(true), found["linked"].clone())
    );
}

#[test]
fn households_are_asked_for_beside_persons() {
    let scratch = Scratch::new();
    let store = shared(&scratch);
    let of = |command: &str, rest: &[&str]| {
        done(&[&["identity", command, "--data", &store, "--rules", "household"], rest].concat())
    };
    let none = ["identity", "clusters", "--data", &store, "--rules", "household"];
    failed(&none, &["no rules of households", "[identity.household]"]);
    let rules = b"[identity.household]\nalike = [[\"street\"]]\n[trait.street]\n";
    let rules = scratch.file("rules.toml", rules);
    done(&["identity", "rules", "--data", &store, &rules]);
    assert!(done(&["identity", "rules", "--data", &store]).contains("[identity.household]"));
    let rows = b"id,street\n20,5 Main Street\n21,\"5, main st.\"\n";
    let file = scratch.file("crm.csv", rows);
    done(&load_of(&file, &store, "user_id=id"));
    let home = of("cluster", &["user_id=20"]);
    assert!(home.contains("user_id=21") && home.contains("alike in street '5 main st'"), "{home}");
    of("forbid", &["user_id=20", "user_id=21"]);
    let home = of("cluster", &["user_id=20"]);
    assert!(home.contains("do not live together"), "{home}");
    of("link", &["user_id=20", "user_id=7"]);
    let csv = of("clusters", &["--csv"]);
    assert!(csv.starts_with("profile_id,household_id\n") && csv.lines().count() == 4, "{csv}");
    let homes: std::collections::BTreeSet<&str> =
        csv.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(homes.len(), 2, "{csv}");
    assert_eq!(profiles(&store), "3\n");
}

#[test]
fn a_model_of_too_few_is_not_kept() {
    let scratch = Scratch::new();
    let store = shared(&scratch);
    let rows = "id,given_name,surname\n1,ann,berger\n2,bob,caruso\n";
    let file = scratch.file("two.csv", rows.as_bytes());
    done(&load_of(&file, &store, "record=id"));
    let said = done(&["identity", "match", "--data", &store]);
    assert!(said.contains("of 3 profiles: learnt now, and not saved: too few"), "{said}");
    failed(&["define", "--data", &store, "--drop", "model.person"], &["model.person"]);
}

#[test]
fn those_who_meet_are_linked_when_somebody_asks() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let mut rows = String::from("device,shop,at\n");
    for day in 1..=3 {
        for device in ["a", "b"] {
            rows.push_str(&format!("{device},5,2024-03-0{day}T12:30:00Z\n"));
        }
        (0..21).for_each(|n| rows.push_str(&format!("n{n},9,2024-03-0{day}T12:30:00Z\n")));
    }
    rows.push_str("c,5,\n");
    let file = scratch.file("visits.csv", rows.as_bytes());
    let load = ["load", &file, "--data", &store, "--source", "shop", "--as", "track"];
    done(&[&load[..], &["--event", "visit", "--id", "device_id=device", "--time", "at"]].concat());
    assert_eq!(profiles(&store), "24\n");
    let together = ["identity", "together", "--data", &store, "--place", "shop"];
    let tried = done(&[&together[..], &["--dry-run"]].concat());
    assert!(tried.contains("69 events, and 1 more that were passed over"), "{tried}");
    assert!(tried.contains("3 of them crowds") && tried.contains("dry run"), "{tried}");
    assert_eq!(profiles(&store), "24\n");
    let said = done(&together);
    assert!(said.starts_with("rule together-shop-1h\n"), "{said}");
    assert!(said.contains("1 links written, 0 were known already"), "{said}");
    assert!(said.contains("profiles: 24 -> 23"), "{said}");
    let again = json(&together);
    assert_eq!((again["met"].as_u64(), again["written"].as_u64()), (Some(0), Some(0)));
    let why = done(&["identity", "why", "--data", &store, "device_id=a", "device_id=b"]);
    assert!(why.contains("behavioural 3 from matcher by together-shop-1h"), "{why}");
    let refused = |rest: &[&str], words: &[&str]| failed(&[&together[..4], rest].concat(), words);
    refused(&["--place", "till"], &["no event has a property 'till'"]);
    refused(&["--place", "shop", "--event", "buy"], &["no event 'buy'"]);
}

#[test]
fn a_load_is_matched_with_what_is_there() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let all = people(&mut Rng::new(5));
    let (header, rows) = all.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let (first, second) = rows.split_at(rows.len() - 60);
    let file = |name: &str, rows: &[&str]| {
        scratch.file(name, format!("{header}\n{}\n", rows.join("\n")).as_bytes())
    };
    let (first, second) = (file("first.csv", first), file("second.csv", second));
    let load = |file| load_of(file, &store, "record=id");
    let run = [&load(&second)[..], &["--match"]].concat();
    failed(&run, &["no model is saved", "nave identity match"]);
    done(&load(&first));
    done(&["identity", "match", "--data", &store]);
    let before: u64 = profiles(&store).trim().parse().unwrap();
    let said = json(&run);
    let found = &said["matching"];
    let linked = found["linked"].as_u64().unwrap();
    assert!(linked > 5 && found["settled"] == true && found["conflicts"] == 0, "{said}");
    assert!(found["changed"].as_u64().unwrap() >= 60, "{said}");
    let after: u64 = profiles(&store).trim().parse().unwrap();
    assert!(after < before + 60, "{before} and 60 are {after}");
    let again = done(&run);
    assert!(again.contains("0 profiles new or changed, 0 pairs compared: 0 linked"), "{again}");
}
