//! `--json` on every command: one document, with the shape that `docs/commands.md` states.

use super::{NOW, json, load_people};
use crate::scratch::Scratch;
use serde_json::Value;

/// Asserts that the document has the fields.
fn has(document: &Value, fields: &[&str]) {
    for field in fields {
        assert!(document.get(field).is_some(), "{field} is missing in {document}");
    }
}

#[test]
fn every_command_answers_in_json() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let data = ["--data", store.as_str()];
    let ask = |before: &[&str], after: &[&str]| json(&[before, &data[..], after].concat());
    let file = scratch.file("more.csv", "no,id,city\nm1,1,Rome\nm2,2\n");
    let load = ask(
        &["load"],
        &["--source", "web", "--as", "identify", "--id", "user_id=id", "--message-id", "no", &file],
    );
    has(&load, &["files", "broken", "position", "level"]);
    has(
        &load["files"][0],
        &[
            "name",
            "load",
            "rows",
            "written",
            "duplicates",
            "conflicts",
            "quarantined_values",
            "broken",
        ],
    );
    has(&load["broken"][0], &["file", "line", "column", "reason"]);
    let count = ask(&["audience", "count"], &["p.country = 'FR'"]);
    assert!(count == 2 || count["count"] == 2, "{count}");
    has(
        &ask(&["audience", "explain"], &["--now", NOW, "p.country = 'FR'"]),
        &["text", "plan", "count"],
    );
    let questions = scratch.file("q.sql", "-- all\ntrue;\n");
    let bench = ask(&["audience", "bench"], &["--file", &questions, "--runs", "2"]);
    has(&bench["statements"][0], &["name", "answer", "min_us", "median_us", "p99_us"]);
    has(
        &ask(&["profile", "get"], &["user_id=1"]),
        &["id", "identifiers", "traits", "events", "consents", "memberships"],
    );
    ask(&["profile", "timeline"], &["user_id=1"]);
    ask(&["record", "get"], &["--source", "web", "m1"]);
    has(&ask(&["retract"], &["--source", "web", "--message-id", "m1"]), &["position", "level"]);
    let stats = ask(&["stats"], &[]);
    has(
        &stats,
        &[
            "profiles",
            "identifiers",
            "events",
            "traits",
            "properties",
            "sources",
            "loads",
            "quarantine",
        ],
    );
    has(
        &stats,
        &["position", "durable", "clock", "log_bytes", "derived_bytes", "read_only", "torn_tails"],
    );
    assert!(!ask(&["stats"], &["--digest"]).is_null());
    has(&ask(&["check"], &[]), &["frames", "rows", "derived", "damage", "notes"]);
    has(&ask(&["rebuild"], &[]), &["checkpoint", "replayed", "torn_bytes", "torn_at", "discarded"]);
    has(&ask(&["repair"], &[]), &["actions", "lost_rows"]);
    json(&["docs"]);
}

#[test]
fn every_list_answers_in_json() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let data = ["--data", store.as_str()];
    let ask = |before: &[&str], after: &[&str]| json(&[before, &data[..], after].concat());
    has(&ask(&["audience", "explain"], &["--sql", "true"]), &["sql"]);
    let members = ask(&["audience", "members"], &["--select", "age", "--limit", "1", "true"]);
    has(&members, &["members", "next"]);
    has(&members["members"][0], &["profile_id", "traits", "identifiers"]);
    has(&ask(&["audience", "breakdown"], &["--by", "country", "true"]), &["columns", "rows"]);
    has(&ask(&["audience", "top"], &["--by", "age", "true"]), &["columns", "rows"]);
    has(
        &ask(&["audience", "aggregate"], &["--of", "age", "true"]),
        &["count", "sum", "avg", "min", "max"],
    );
    let explained = ask(&["profile", "explain"], &["user_id=1"]);
    has(&explained, &["id", "traits"]);
    has(
        &explained["traits"]["age"][0],
        &[
            "value",
            "time",
            "dated",
            "source",
            "namespace",
            "identifier",
            "position",
            "won",
            "reason",
        ],
    );
}
