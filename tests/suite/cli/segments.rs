//! Segments from the command line: saved, changed, tried, explained, followed, replayed.

use super::{done, failed, json, load_people, run};
use crate::binary::nave;
use crate::scratch::Scratch;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A store of people and of what they bought.
fn shop(scratch: &Scratch) -> String {
    let store = scratch.path("data");
    load_people(&store, scratch);
    buy(&store, scratch, "buys.csv", "m1,1,2026-02-01T00:00:00Z,5\nm2,2,2026-02-03T00:00:00Z,70\n");
    store
}

fn buy(store: &str, scratch: &Scratch, name: &str, rows: &str) {
    let file = scratch.file(name, format!("message,id,at,amount\n{rows}").as_bytes());
    let load = ["load", "--data", store, "--source", "shop", "--as", "track"];
    let rows = ["--event", "purchase", "--id", "user_id=id", "--time", "at"];
    done(&[&load[..], &rows, &["--message-id", "message", &file]].concat());
}

/// The words of `nave segment COMMAND --data STORE ...`.
fn words<'w>(store: &'w str, command: &'w str, rest: &[&'w str]) -> Vec<&'w str> {
    [&["segment", command, "--data", store], rest].concat()
}

const SPENT: &str = "(SELECT sum(e.amount) FROM purchase e) >= 50";

#[test]
fn a_segment_is_saved_and_kept_up_to_date() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    let told = of("define", &["big", SPENT, "--owner", "ann", "--trait", "country"]);
    assert!(told.contains("segment.big (version 1)") && told.contains("1 profiles are in it"));
    assert_eq!(of("count", &["big"]), "1\n");
    assert_eq!(of("has", &["BIG", "user_id=2"]), "yes\n");
    assert_eq!(of("has", &["big", "user_id=1"]), "no\n");
    buy(&store, &scratch, "more.csv", "m3,1,2026-02-04T00:00:00Z,60\n");
    assert_eq!(of("count", &["big"]), "2\n");
    assert_eq!(of("has", &["email=ann@example.org"]), "big\n");
    assert_eq!(of("has", &["user_id=3"]), "");
    let described = json(&words(&store, "describe", &["big"]));
    assert_eq!((&described["owner"], &described["count"]), (&"ann".into(), &2.into()));
    assert_eq!(described["traits"], serde_json::json!(["country"]));
    let list = of("list", &[]);
    assert!(list.contains("big") && list.contains("version 1") && list.contains(SPENT), "{list}");
    let members = json(&words(&store, "members", &["big", "--select", "country", "--limit", "1"]));
    let next = members["next"].as_str().expect("a cursor").to_owned();
    assert!(members["position"].as_u64() > Some(0));
    let rest = of("members", &["big", "--with", "user_id", "--after", &next]);
    assert_eq!(rest.lines().count(), 2, "{rest}");
    assert_eq!(json(&words(&store, "count", &["big"])), serde_json::json!({"count": 2}));
}

#[test]
fn the_feed_tells_each_change_once_and_goes_on() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    of("define", &["big", SPENT, "--trait", "country"]);
    let first = json(&words(&store, "feed", &["big"]));
    let items = first["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{first}");
    for (name, wanted) in [("change", "entered"), ("reason", "definition"), ("origin", "history")] {
        assert_eq!(items[0][name], wanted);
    }
    let next = first["next"].to_string();
    buy(&store, &scratch, "more.csv", "m3,1,2026-02-04T00:00:00Z,60\n");
    let shown = of("feed", &["big", "--after", &next]);
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][7], "country", "{shown}");
    assert_eq!(
        (lines[1][2], lines[1][4], lines[1][5], lines[1][7]),
        ("entered", "event", "live", "FR")
    );
    assert_eq!(lines.len(), 2, "{shown}");
    assert_eq!(of("feed", &["big", "--after", lines[1][0]]).lines().count(), 1);
    done(&["retract", "--data", &store, "--source", "shop", "--message-id", "m3"]);
    let page = json(&words(&store, "feed", &["big", "--after", lines[1][0], "--limit", "1"]));
    let item = &page["items"][0];
    assert_eq!((&item["change"], &item["reason"]), (&"left".into(), &"correction".into()));
    assert_eq!(item["profile_id"], lines[1][3], "who entered left");
    let paged = run(&words(&store, "feed", &["big", "--limit", "1"]));
    assert!(paged.err.contains(&format!("go on with --after {next}")), "{paged:?}");
}

#[test]
fn versions_are_tried_changed_and_dropped() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    let fresh = of("try", &["big", SPENT]);
    assert!(fresh.contains("1 of 3 profiles would be in it"), "{fresh}");
    of("define", &["big", SPENT, "--owner", "ann", "--retain-days", "30"]);
    let text = "p.country = 'FR'";
    let trial = json(&words(&store, "try", &["big", text]));
    for (name, wanted) in [("count", 2), ("entered", 2), ("left", 1), ("profiles", 3)] {
        assert_eq!(trial[name], wanted, "{name} of {trial}");
    }
    assert!(of("try", &["big", text]).contains("2 would enter, 1 would leave"));
    let told = of("redefine", &["big", text, "--purpose", "letters"]);
    assert!(told.contains("(version 2)") && told.contains("2 profiles are in it"), "{told}");
    let described = json(&words(&store, "describe", &["big"]));
    let kept = (&described["owner"], &described["purpose"], &described["retain_days"]);
    assert_eq!(kept, (&"ann".into(), &"letters".into(), &30.into()), "what is not given stays");
    of("define", &["both", "in_segment('big') AND p.age > 30"]);
    let refused = words(&store, "drop", &["big"]);
    failed(&refused, &["'both'", "big"]);
    let circle = words(&store, "redefine", &["big", "in_segment('both')"]);
    failed(&circle, &["cannot stand in itself", "'big'", "'both'"]);
    of("drop", &["both"]);
    of("drop", &["big"]);
    let history = of("history", &["big"]);
    assert_eq!(history.lines().count(), 3, "{history}");
    assert!(history.ends_with("dropped\n") && history.contains("ann"), "{history}");
    failed(&words(&store, "count", &["big"]), &["no segment 'big'"]);
    let feed = json(&words(&store, "feed", &["big"]));
    let items = feed["items"].as_array().expect("a list");
    let left = items.iter().filter(|item| item["change"] == "left").count();
    assert_eq!((items.len(), left), (6, 3), "the feed stays: {feed}");
}

#[test]
fn why_names_each_part_with_what_is_behind_it() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let text = format!("p.country = 'DE' AND {SPENT}");
    done(&words(&store, "define", &["rich", &text]));
    let why = json(&words(&store, "why", &["rich", "user_id=2"]));
    let parts = why["parts"].as_array().expect("a list");
    assert_eq!((&why["member"], parts.len()), (&true.into(), 2));
    assert_eq!(parts[0]["records"][0]["source"], "crm");
    assert_eq!(parts[1]["records"][0]["time"], "2026-02-03T00:00:00Z");
    let shown = done(&words(&store, "why", &["rich", "user_id=1"]));
    for said in [
        "is not in it",
        "false    \"p\".\"country\" = 'DE'",
        "country = FR",
        "crm said so at",
        "= 5",
    ] {
        assert!(shown.contains(said), "{said} is missing in {shown}");
    }
    failed(&words(&store, "why", &["rich", "user_id=9"]), &["nobody has the user_id '9'"]);
    failed(&words(&store, "has", &["rich", "user_id=9"]), &["nobody has the user_id '9'"]);
    failed(&words(&store, "why", &["reich", "user_id=1"]), &["did you mean 'rich'?"]);
}

#[test]
fn segments_are_compared_and_replayed() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    of("define", &["french", "p.country = 'FR'"]);
    let lately = "EXISTS (SELECT 1 FROM purchase e WHERE e.time > now() - INTERVAL '2 days')";
    of("define", &["lately", lately]);
    of("define", &["o'clock", "in_segment('lately') OR in_segment('french')"]);
    let overlap = of("overlap", &["french", "lately", "o'clock"]);
    assert_eq!(overlap, "segment\t1\t2\t3\nfrench\t2\t0\t2\nlately\t0\t0\t0\no'clock\t2\t0\t2\n");
    let span = ["--from", "2026-02-01T12:00:00Z", "--to", "2026-02-06T12:00:00Z"];
    let replayed = json(&words(&store, "replay", &[&["lately"][..], &span].concat()));
    assert_eq!(replayed["members"].as_array().map(Vec::len), Some(1));
    let count = |step: &serde_json::Value, name: &str| step[name].as_array().map(Vec::len).unwrap();
    let steps: Vec<(usize, usize)> = replayed["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| (count(step, "entered"), count(step, "left")))
        .collect();
    assert_eq!(steps, [(0, 0), (1, 1), (0, 0), (0, 1), (0, 0)]);
    let by_text = ["--audience", lately, "--every", "5d", "--ids"];
    let shown = of("replay", &[&by_text[..], &span].concat());
    assert!(shown.starts_with("2026-02-01T12:00:00Z\t1 profiles\n\tin it\t"), "{shown}");
    assert!(shown.contains("2026-02-06T12:00:00Z\t0 profiles\t0 entered\t1 left"), "{shown}");
    let one_day = of("replay", &["o'clock", "--from", "2026-02-02T00:00:00Z"]);
    assert_eq!(one_day.lines().count(), 1, "{one_day}");
}

#[test]
fn a_computed_trait_is_used_like_a_trait() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let of = |command: &str, rest: &[&str]| {
        done(&[&["trait", command, "--data", &store], rest].concat())
    };
    let value = "(SELECT sum(e.amount) FROM purchase e)";
    assert!(
        of("define", &["spent", value, "--description", "all of it"]).contains("computed.spent")
    );
    assert_eq!(done(&["audience", "count", "--data", &store, "p.spent >= 50"]), "1\n");
    done(&words(&store, "define", &["big", "p.spent >= 50", "--trait", "spent"]));
    buy(&store, &scratch, "more.csv", "m3,1,2026-02-04T00:00:00Z,60\n");
    assert_eq!(done(&words(&store, "count", &["big"])), "2\n");
    let feed = json(&words(&store, "feed", &["big"]));
    let told = feed["items"].as_array().expect("a list").iter().map(|item| &item["traits"][0]);
    assert_eq!(told.collect::<Vec<_>>(), ["70", "65"], "{feed}");
    let list = of("list", &[]);
    assert!(list.contains("spent") && list.contains(value) && list.contains("all of it"), "{list}");
    failed(&["trait", "drop", "--data", &store, "spent"], &["'big'", "spent"]);
    failed(&["trait", "drop", "--data", &store, "spend"], &["did you mean 'spent'?"]);
    failed(&["trait", "define", "--data", &store, "country", "1"], &["trait of this name"]);
    let wrong = "(SELECT sum(e.amont) FROM purchase e)";
    failed(&["trait", "define", "--data", &store, "sum", wrong], &["amont", "amount"]);
    done(&words(&store, "drop", &["big"]));
    of("drop", &["spent"]);
    assert!(of("list", &[]).starts_with("no computed traits"));
}

#[test]
fn mistakes_with_segments_name_the_remedy() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    failed(
        &words(&store, "define", &["a", "p.contry = 'FR'"]),
        &["contry", "country", "at character"],
    );
    failed(
        &words(&store, "try", &["a", "p.contry = 'FR'"]),
        &["contry", "country", "at character"],
    );
    let other = ["a", "in_segment('b')"];
    failed(&words(&store, "define", &other), &["'b' is no segment"]);
    failed(&words(&store, "define", &["a", "TRUE", "--trait", "contry"]), &["'contry'", "country"]);
    failed(&words(&store, "redefine", &["a", "TRUE"]), &["no segment 'a'", "nave segment list"]);
    done(&words(&store, "define", &["a", "TRUE"]));
    failed(&words(&store, "define", &["A", "TRUE"]), &["'a'", "redefine"]);
    let wrong: [&[&str]; 9] = [
        &["define", "--data", &store, "x"],
        &["define", "--data", &store, "x", "TRUE", "--retain-days", "0"],
        &["has", "--data", &store],
        &["has", "--data", &store, "a"],
        &["feed", "--data", &store, "a", "--after", "x"],
        &["feed", "--data", &store, "a", "--follow", "--json"],
        &["replay", "--data", &store, "a"],
        &["replay", "--data", &store, "--from", "2026-01-01"],
        &["replay", "--data", &store, "a", "--from", "2026-01-01", "--every", "day"],
    ];
    for arguments in wrong {
        let said = run(&[&["segment"], arguments].concat());
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
    }
    let nowhere = scratch.path("nowhere");
    failed(&words(&nowhere, "list", &[]), &["nowhere"]);
    failed(&words(&nowhere, "define", &["a", "TRUE"]), &["nowhere"]);
}

#[test]
fn who_follows_sees_what_time_does() {
    let scratch = Scratch::new();
    let store = shop(&scratch);
    let until = "EXISTS (SELECT 1 FROM visit e WHERE e.time > now() - INTERVAL '1 second')";
    let line =
        |said: &str| format!("{{\"type\":\"track\",\"userId\":\"1\",\"event\":\"visit\"{said}}}\n");
    let load = |name: &str, said: &str| {
        let file = scratch.file(name, line(said).as_bytes());
        done(&["load", "--data", &store, "--source", "web", "--as", "messages", &file]);
    };
    load("old.ndjson", ",\"timestamp\":\"2026-01-01T00:00:00Z\",\"messageId\":\"v1\"");
    done(&words(&store, "define", &["here", until]));
    load("now.ndjson", ",\"messageId\":\"v2\"");
    let mut follower = Command::new(nave())
        .args(words(&store, "feed", &["here", "--follow"]))
        .stdout(Stdio::piped())
        .spawn()
        .expect("nave starts");
    let mut out = BufReader::new(follower.stdout.take().expect("it is piped"));
    let mut lines = Vec::new();
    while lines.len() < 3 {
        let mut line = String::new();
        assert!(out.read_line(&mut line).expect("it tells") > 0, "it ended after {lines:?}");
        lines.push(line);
    }
    assert!(lines[1].contains("\tentered\t") && lines[1].contains("\tevent\t"), "{lines:?}");
    assert!(lines[2].contains("\tleft\t") && lines[2].contains("\tclock\t"), "{lines:?}");
    let pid = follower.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(follower.wait().expect("a child ends").code(), Some(0));
    assert_eq!(done(&words(&store, "count", &["here"])), "0\n");
}
