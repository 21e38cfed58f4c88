//! The `nave` binary as a user meets it: what it prints, where, and with which exit code.

mod asking;
mod databases;
mod identity;
mod inputs;
mod interrupting;
mod kinds;
mod lists;
mod loading;
mod segments;
mod shapes;
mod streams;
mod upkeep;
mod usage;
mod withdrawn;

use crate::binary::{nave, workspace};
use serde_json::Value;
use std::process::{Command, Stdio};

/// What a run said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `nave`.
fn run(arguments: &[&str]) -> Said {
    let output =
        Command::new(nave()).args(arguments).stdin(Stdio::null()).output().expect("nave starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("nave prints text");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs `nave`, which must succeed, and gives what it printed.
fn done(arguments: &[&str]) -> String {
    let said = run(arguments);
    assert_eq!(said.code, Some(0), "nave {arguments:?}: {said:?}");
    said.out
}

/// Runs `nave`, which must fail with exit code 1 and one line that holds the words; gives the line. With `--json` it
/// says the same as one document.
fn failed(arguments: &[&str], words: &[&str]) -> String {
    let said = run(arguments);
    assert_eq!(said.code, Some(1), "nave {arguments:?}: {said:?}");
    let line = said.err.trim_end().to_string();
    assert!(
        line.starts_with("nave: ") && line.lines().count() == 1,
        "nave {arguments:?}: {said:?}"
    );
    for word in words {
        assert!(line.contains(word), "nave {arguments:?}: {word:?} is missing in {line:?}");
    }
    let in_json = run(&[arguments, &["--json"]].concat());
    assert_eq!(in_json.code, Some(1), "nave {arguments:?} --json: {in_json:?}");
    let document: Value =
        serde_json::from_str(&in_json.out).unwrap_or_else(|e| panic!("{e}: {in_json:?}"));
    assert!(document.is_object(), "nave {arguments:?} --json: {in_json:?}");
    line
}

/// Runs `nave ... --json`, which must print one JSON document.
fn json(arguments: &[&str]) -> Value {
    let printed = done(&[arguments, &["--json"]].concat());
    serde_json::from_str(&printed)
        .unwrap_or_else(|e| panic!("nave {arguments:?} --json: {e} in {printed}"))
}

/// The instant of the questions about CDNOW.
const NOW: &str = "1998-07-01T00:00:00Z";

/// The flags that load CDNOW, without the file.
const CDNOW: [&str; 14] = [
    "--source",
    "shop",
    "--as",
    "track",
    "--event",
    "purchase",
    "--id",
    "customer_id=customer_id",
    "--time",
    "date",
    "--time-unit",
    "%Y%m%d",
    "--delimiter",
    "whitespace",
];

/// Loads the file as CDNOW purchases.
fn load_purchases(store: &str, file: &str) -> Value {
    json(&[&["load", "--data", store], CDNOW.as_slice(), &[file]].concat())
}

/// The CDNOW purchases of the repository.
fn purchases() -> String {
    workspace().join("tests/data/cdnow_master.txt").to_str().expect("a path in Unicode").to_string()
}

/// The digest of a store.
fn digest(store: &str) -> String {
    let word = done(&["stats", "--data", store, "--digest"]);
    let word = word.trim_end();
    assert!(
        word.len() >= 16 && word.bytes().all(|b| b.is_ascii_hexdigit()),
        "{word:?} is no hex word"
    );
    word.to_string()
}

/// Loads a few people of a CRM.
fn load_people(store: &str, scratch: &crate::scratch::Scratch) {
    let file = scratch.file(
        "people.csv",
        "id,email,country,age,joined\n\
         1,Ann@Example.org,FR,33,2025-01-31\n\
         2,bob@example.org,DE,44,2024-12-01\n\
         3,,FR,,2025-06-15\n",
    );
    let ids = ["--id", "user_id=id", "--id", "email=email"];
    done(
        &[
            &["load", "--data", store, "--source", "crm", "--as", "identify"],
            ids.as_slice(),
            &[&file],
        ]
        .concat(),
    );
}
