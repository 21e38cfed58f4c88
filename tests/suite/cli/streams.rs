//! Streams from the command line: made, filled, read, and what becomes of profiles.

use super::{done, failed, json, load_people, run};
use crate::binary::nave;
use crate::scratch::Scratch;
use std::io::Write;
use std::process::{Command, Stdio};

/// `nave stream COMMAND --data STORE ...`
fn words<'w>(store: &'w str, command: &'w str, rest: &[&'w str]) -> Vec<&'w str> {
    [&["stream", command, "--data", store], rest].concat()
}

#[test]
fn texts_are_put_and_read_in_order() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    assert!(of("list", &[]).contains("nave stream define"));
    of("define", &["jobs", "--owner", "ann", "--retain-days", "30"]);
    let told = of("define", &["JOBS", "--description", "letters"]);
    assert!(told.contains("stream.jobs (version 2)"), "{told}");
    let list = json(&words(&store, "list", &[]));
    let [stream] = list["streams"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!(
        (&stream["owner"], &stream["description"], &stream["retain_days"]),
        (&"ann".into(), &"letters".into(), &30.into())
    );
    let put = of("put", &["jobs", "one", "two\ttabs"]);
    assert!(put.starts_with("2 items put"), "{put}");
    let mut child = Command::new(nave())
        .args(words(&store, "put", &["jobs"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines: String = (0..2500).map(|n| format!("line {n}\n")).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let first = of("read", &["jobs", "--limit", "3"]);
    let texts: Vec<&str> =
        first.lines().skip(1).map(|l| l.splitn(3, '\t').nth(2).unwrap()).collect();
    assert_eq!(texts, ["one", "two tabs", "line 0"]);
    let last = first.lines().last().unwrap().split('\t').next().unwrap();
    let rest = json(&words(&store, "read", &["jobs", "--after", last, "--limit", "5000"]));
    assert_eq!(rest["items"].as_array().unwrap().len(), 2499);
    assert_eq!((&rest["items"][2498]["text"], &rest["more"]), (&"line 2499".into(), &false.into()));
    of("drop", &["jobs"]);
    failed(&words(&store, "put", &["jobs", "three"]), &["there is no stream 'jobs'", "define"]);
    assert!(of("read", &["jobs", "--limit", "1"]).contains("\tone\n"));
}

#[test]
fn timers_are_set_listed_and_taken_back_and_become_items() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    done(&words(&store, "define", &["jobs"]));
    let timer = |command: &'static str, rest: &[&'static str]| {
        [&["timer", command, "--data", &store, "jobs"], rest].concat().join("\u{1}")
    };
    let of = |command: &'static str, rest: &[&'static str]| {
        done(&timer(command, rest).split('\u{1}').collect::<Vec<_>>())
    };
    assert!(of("set", &["a", "--at", "2999-01-01T00:00:00Z", "first"]).starts_with("set at"));
    of("set", &["b", "--at", "2998-01-01T00:00:00Z", "second"]);
    of("set", &["c", "--at", "2998-06-01T00:00:00Z", "third"]);
    of("set", &["a", "--at", "2997-01-01T00:00:00Z", "first again"]);
    let list = timer("list", &[]);
    let list = json(&list.split('\u{1}').collect::<Vec<_>>());
    let names: Vec<&str> =
        list["timers"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(list["timers"][0]["text"], "first again");
    let (due, position) = (&list["timers"][1]["due"], &list["timers"][1]["position"]);
    let after = format!("{}/{position}", due.as_str().unwrap());
    let page = done(&["timer", "list", "--data", &store, "jobs", "--after", &after]);
    assert_eq!(page, "due\tname\ttext\n2998-06-01T00:00:00Z\tc\tthird\n");
    assert!(of("cancel", &["b", "b", "nobody"]).starts_with("1 of 3 were pending"));
    // What is due already is due now.
    of("set", &["c", "--at", "2020-01-01T00:00:00Z", "third again"]);
    let read = json(&words(&store, "read", &["jobs"]));
    let [item] = read["items"].as_array().unwrap().as_slice() else { panic!("{read}") };
    assert_eq!((&item["text"], &item["timer"]["name"]), (&"third again".into(), &"c".into()));
    let bad = run(&["timer", "list", "--data", &store, "jobs", "--after", "7"]);
    assert!(bad.code == Some(2) && bad.err.contains("TIME/POSITION"), "{bad:?}");
    failed(
        &["timer", "set", "--data", &store, "none", "a", "--at", "2999-01-01", "x"],
        &["no stream 'none'"],
    );
}

/// `nave stream put` with such lines: what it says when it fails.
fn put_lines(store: &str, lines: &[u8]) -> Result<(), String> {
    let mut child = Command::new(nave())
        .args(words(store, "put", &["jobs"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It ends before it has read all, when a line is none.
    let _ = child.stdin.take().unwrap().write_all(lines);
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    if out.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn large_lines_are_put_and_a_bad_one_is_named() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    done(&words(&store, "define", &["jobs"]));
    let count = || {
        let page = json(&words(&store, "read", &["jobs", "--limit", "5000"]));
        page["items"].as_array().unwrap().len()
    };
    // More than an entry can hold, though each line is allowed.
    let most = "x".repeat(1 << 20) + "\r\n";
    put_lines(&store, most.repeat(18).as_bytes()).unwrap();
    assert_eq!(count(), 18);
    let large = "short\n".repeat(1001) + &most.replacen('x', "xx", 1) + "short\n";
    let said = put_lines(&store, large.as_bytes()).unwrap_err();
    assert!(said.contains("1000 items are put: standard input, line 1002:"), "{said}");
    let said = put_lines(&store, b"one\ntwo\xff\n").unwrap_err();
    assert!(said.contains("0 items are put: standard input, line 2:"), "{said}");
    put_lines(&store, b"last").unwrap();
    assert_eq!(count(), 1019);
}

#[test]
fn joins_and_splits_are_told() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let of = |command: &str, rest: &[&str]| done(&words(&store, command, rest));
    of("define", &["identity"]);
    let link = ["identity", "link", "--data", &store, "user_id=1", "user_id=2"];
    done(&link);
    let read = of("read", &["Identity"]);
    let lines: Vec<Vec<&str>> = read.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines[0][2..], ["change", "reason", "origin", "before", "after"]);
    let told: Vec<&str> = lines.iter().skip(1).map(|line| line[2]).collect();
    assert_eq!(told, ["begun", "joined"]);
    let item = &json(&words(&store, "read", &["identity"]))["items"][1];
    let (before, after) = (item["before"].as_array().unwrap(), item["after"].as_array().unwrap());
    assert_eq!((before.len(), after.len(), before.contains(&after[0])), (2, 1, true));
    assert_eq!(item["now"], serde_json::json!([after[0], after[0]]));
    failed(&words(&store, "put", &["identity", "x"]), &["the engine alone"]);
}
