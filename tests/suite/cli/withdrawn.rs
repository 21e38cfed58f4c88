//! `nave load --from` after `nave retract`: rows of a load that was withdrawn are asked for again.

use super::{done, json};
use crate::scratch::{Scratch, absent};
use std::process::{Command, Stdio};

/// Has SQLite run statements on a file; says whether there is one to do it.
fn sqlite(file: &str, statements: &str) -> bool {
    let script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); \
                  d.executescript(sys.argv[2]); d.commit()";
    let mut python = Command::new("python3");
    let done = python.args(["-c", script, file, statements]).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

#[test]
fn the_rows_of_a_withdrawn_load_come_again() {
    let scratch = Scratch::new();
    let (store, file) = (scratch.path("data"), scratch.path("pos.db"));
    let made = "CREATE TABLE receipts (id INTEGER, mail TEXT, changed INTEGER);
                INSERT INTO receipts VALUES (1, 'a@x.org', 10), (2, 'b@x.org', 20);";
    if !sqlite(&file, made) {
        return absent("python3 with sqlite3", "Install Python 3.");
    }
    let from = format!("sqlite:{file}");
    let load = || {
        let flags = "--source pos --as track --event purchase --table receipts --id email=mail \
                     --message-id id --watermark changed";
        let flags = flags.split_whitespace();
        let words: Vec<&str> =
            ["load", "--data", &store, "--from", &from].into_iter().chain(flags).collect();
        json(&words)["files"][0].clone()
    };
    let count = || done(&["audience", "count", "--data", &store, "true"]);
    let first = load();
    assert_eq!(first["written"], 2, "{first}");
    assert!(sqlite(&file, "INSERT INTO receipts VALUES (3, 'c@x.org', 30)"));
    let second = load();
    assert_eq!((&second["rows"], &second["written"]), (&2.into(), &1.into()), "{second}");
    assert!(sqlite(&file, "INSERT INTO receipts VALUES (4, 'd@x.org', 40)"));
    load();
    assert_eq!(count(), "4\n");

    // The second of three: it is read on from where the first one stopped.
    done(&["retract", "--data", &store, "--load", &second["load"].to_string()]);
    assert_eq!(count(), "3\n");
    let again = load();
    assert_eq!((&again["rows"], &again["written"]), (&3.into(), &1.into()), "{again}");
    assert_eq!(count(), "4\n");

    // The first: all of it is read.
    done(&["retract", "--data", &store, "--load", &first["load"].to_string()]);
    let again = load();
    assert_eq!((&again["rows"], &again["written"]), (&4.into(), &2.into()), "{again}");
    assert_eq!(count(), "4\n");
}
