//! Ctrl-C and a killed process: what is loaded stays, and the same command goes on.

use super::{digest, done, json, run};
use crate::binary::nave;
use crate::scratch::Scratch;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROWS: usize = 150_000;

/// Rows with notes that hardly pack, so that the log grows while they are loaded.
fn rows() -> String {
    let note = |i: usize| (i as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let row = |i: usize| format!("u{},{}.25,{:x}\n", i % 5000, i % 90, note(i));
    std::iter::once("user,amount,note\n".to_owned()).chain((0..ROWS).map(row)).collect()
}

fn load<'a>(store: &'a str, file: &'a str) -> [&'a str; 12] {
    let [data, source, kind, event] = ["--data", "--source", "--as", "--event"];
    ["load", data, store, source, "shop", kind, "track", event, "buy", "--id", "user_id=user", file]
}

fn log_bytes(store: &str) -> u64 {
    let files = std::fs::read_dir(Path::new(store).join("log")).into_iter().flatten();
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|known| known.len()).sum()
}

/// Starts the load, and waits until rows are in the log.
fn begun(store: &str, file: &str) -> Child {
    let before = log_bytes(store);
    let mut child = Command::new(nave())
        .args(load(store, file))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nave starts");
    let end = Instant::now() + Duration::from_secs(60);
    while log_bytes(store) < before + 100_000 && Instant::now() < end {
        if child.try_wait().expect("it can be asked").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn an_interrupted_load_goes_on_and_ends_as_if_it_never_was() {
    let scratch = Scratch::new();
    let file = scratch.file("buys.csv", rows());
    let calm = scratch.path("calm");
    done(&load(&calm, &file));
    let wanted = digest(&calm);

    let store = scratch.path("data");
    let child = begun(&store, &file);
    signal(&child, "-INT");
    let said = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(said.status.code(), Some(130), "{out}{err}");
    assert!(err.contains("interrupted after") && err.contains("same command"), "{err}");
    assert!(out.contains("buys.csv: "), "the summary is printed all the same: {out}");
    assert_ne!(digest(&store), wanted);

    let child = begun(&store, &file);
    signal(&child, "-KILL");
    drop(child.wait_with_output().expect("it ends"));

    let report = json(&load(&store, &file));
    let last = &report["files"][0];
    assert_eq!((&last["rows"], &report["interrupted"]), (&ROWS.into(), &false.into()));
    assert!(last["continued_at"].as_u64().is_some_and(|row| row > 1), "{report}");
    assert_eq!(digest(&store), wanted);
    let again = run(&load(&store, &file));
    assert!(again.out.contains("nothing new"), "{again:?}");

    let loads = json(&["stats", "--data", &store])["loads"].clone();
    let loads = loads.as_array().expect("a list").clone();
    assert_eq!(loads.len(), 1, "{loads:?}");
    let load = loads[0]["id"].to_string();
    done(&["retract", "--data", &store, "--load", &load]);
    assert_eq!(done(&["audience", "count", "--data", &store, "true"]), "0\n");
}
