//! Help, wrong usage, and failures: exit code 2 and 1, one line, with the remedy.

use super::{done, failed, load_people, run};
use crate::binary::nave;
use crate::scratch::Scratch;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const COMMANDS: [&str; 11] = [
    "demo", "load", "audience", "profile", "record", "retract", "stats", "check", "rebuild",
    "repair", "serve",
];

#[test]
fn help_names_every_command() {
    let help = done(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(command), "{command} is missing in {help}");
        assert!(done(&[command, "--help"]).contains("Usage:"), "{command}");
    }
    assert!(done(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let file = scratch.file("a.csv", "id\n1\n");
    let load =
        ["load", "--data", &store, "--source", "crm", "--as", "identify", "--id", "user_id=id"];
    let wrong: [&[&str]; 28] = [
        &[],
        &["lod"],
        &["load"],
        &["stats"],
        &["stats", "--data"],
        &["stats", "--data", &store, "--colour"],
        &["audience", "guess", "--data", &store, "true"],
        &["audience", "count", "--data", &store],
        &["audience", "count", "--data", &store, "--now", NOW, "--as-of", NOW, "true"],
        &["audience", "count", "--data", &store, "--now", "yesterday", "true"],
        &["audience", "members", "--data", &store, "--limit", "0", "true"],
        &["audience", "members", "--data", &store, "--limit", "100001", "true"],
        &["audience", "members", "--data", &store, "--limit", "many", "true"],
        &["audience", "members", "--data", &store, "--after", "the last", "true"],
        &["audience", "members", "--data", &store, "--select", "age,", "true"],
        &["audience", "members", "--data", &store, "--with", "", "true"],
        &["audience", "breakdown", "--data", &store, "true"],
        &["audience", "breakdown", "--data", &store, "--by", "a,b,c", "true"],
        &["audience", "top", "--data", &store, "true"],
        &["audience", "aggregate", "--data", &store, "true"],
        &["profile", "explain", "--data", &store, "ann"],
        &["profile", "get", "--data", &store, "ann"],
        &[&load[..], &["--level", "quick", &file]].concat(),
        &[&load[..], &["--as", "purchase", &file]].concat(),
        &["retract", "--data", &store, "--source", "crm"],
        &["retract", "--data", &store, "--load", "first"],
        &["serve", "--data", &store, "--listen", "nonsense"],
        &["serve", "--data", &store, "--listen", "0.0.0.0:0"],
    ];
    for arguments in wrong {
        let said = run(arguments);
        assert_eq!(said.code, Some(2), "nave {arguments:?}: {said:?}");
        assert!(said.out.is_empty() && !said.err.is_empty(), "nave {arguments:?}: {said:?}");
    }
    assert!(!std::path::Path::new(&store).exists(), "wrong usage makes no store");
}

const NOW: &str = "2026-01-01T00:00:00Z";

#[test]
fn asking_makes_no_store() {
    let scratch = Scratch::new();
    let store = scratch.path("nowhere");
    for arguments in [
        &["audience", "count", "--data", &store, "true"][..],
        &["stats", "--data", &store],
        &["profile", "get", "--data", &store, "email=a@b.c"],
        &["check", "--data", &store],
    ] {
        failed(arguments, &["nowhere"]);
        assert!(!std::path::Path::new(&store).exists(), "{arguments:?} made a store");
    }
}

#[test]
fn mistakes_name_the_place_and_the_remedy() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let count =
        |text: &str, words: &[&str]| failed(&["audience", "count", "--data", &store, text], words);
    count("p.contry = 'FR'", &["contry", "country"]);
    count("p.country = 'FR' AND p.agee > 3", &["agee", "at character 22", "near"]);
    count("p.country = 'FR' AND", &[]);
    count("EXISTS (SELECT 1 FROM purchse e)", &["purchse"]);
    count("p.age > 'old'", &["integer", "text"]);
    failed(&["retract", "--data", &store, "--load", "4711"], &["4711"]);
    failed(&["record", "get", "--data", &store, "--source", "crm", "none"], &["none"]);
    failed(&["profile", "get", "--data", &store, "user_id=99"], &["99"]);
    let missing = scratch.path("missing.csv");
    let load = ["load", "--data", &store, "--source", "crm", "--as", "identify", "--id"];
    failed(&[&load[..], &["user_id=id", &missing]].concat(), &["missing.csv"]);
    let file = scratch.file("b.csv", "id,name\n1,Ann\n");
    failed(&[&load[..], &["user_id=idd", &file]].concat(), &["idd"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    failed(&["serve", "--data", &store, "--listen", &address], &[&address, "--listen"]);
    let empty = scratch.file("empty", "");
    failed(
        &["serve", "--data", &store, "--listen", "127.0.0.1:0", "--password-file", &empty],
        &["empty"],
    );
}

#[test]
fn a_store_has_one_owner() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let mut server = Command::new(nave())
        .args(["serve", "--data", &store, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("nave starts");
    let mut line = String::new();
    let mut out = BufReader::new(server.stdout.take().expect("it is piped"));
    out.read_line(&mut line).expect("it says where it listens");
    let said = run(&["audience", "count", "--data", &store, "true"]);
    let pid = server.id().to_string();
    server.kill().expect("a child can be killed");
    server.wait().expect("a child ends");
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.err.contains(&format!("process {pid};")), "{said:?} does not name process {pid}");
    assert_eq!(done(&["audience", "count", "--data", &store, "true"]), "3\n");
}

#[test]
fn a_reader_that_goes_is_no_panic() {
    for arguments in [&["docs"][..], &["docs", "--json"], &["--help"], &["--version"], &["lod"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let errors = writer.try_clone().expect("a pipe");
        let status = Command::new(nave()).args(arguments).stdout(writer).stderr(errors).status();
        let code = status.expect("nave starts").code();
        assert!(matches!(code, Some(0..=2)), "nave {arguments:?} into a closed pipe: {code:?}");
    }
}
