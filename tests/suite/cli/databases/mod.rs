//! Databases as sources: types, watermarks, rows that count once, and errors that keep a secret.
//!
//! SQLite is in the program. The servers are those that `.ci/databases` starts; their addresses are in the variables
//! `NAVE_POSTGRES` and `NAVE_MYSQL`.

mod failures;
mod large;
mod order;
mod server;
mod types;
mod watermarks;

use super::{digest, done, json, run};
use serde_json::Value;
use server::{Server, alone};

/// Loads people of the source `crm` from a table or query.
fn load(store: &str, url: &str, more: &[&str]) -> Value {
    let first = ["load", "--data", store, "--source", "crm", "--as", "identify"];
    json(&[&first, ["--id", "user_id=id", "--from", url].as_slice(), more].concat())
}

fn file(report: &Value, count: &str) -> u64 {
    report["files"][0][count].as_u64().unwrap_or_else(|| panic!("{count} in {report}"))
}

/// The traits of a user, by name.
fn traits(store: &str, user: &str) -> Value {
    let profile = json(&["profile", "get", "--data", store, &format!("user_id={user}")]);
    let traits = profile["traits"].as_object().expect("traits").clone();
    traits.into_iter().map(|(name, said)| (name, said["value"].clone())).collect()
}
