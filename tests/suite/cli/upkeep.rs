//! Keeping a store: withdrawing, checking, rebuilding, repairing.

use super::{digest, done, failed, json, load_people, run};
use crate::scratch::Scratch;
use std::path::{Path, PathBuf};

fn load_more(store: &str, scratch: &Scratch) -> String {
    let file = scratch.file("more.csv", "no,id,country,age\nm1,1,IT,34\nm2,4,PL,50\nm3,2,DE,45\n");
    let load =
        ["load", "--data", store, "--source", "shop", "--as", "identify", "--id", "user_id=id"];
    let report = json(&[&load[..], &["--message-id", "no", &file]].concat());
    report["files"][0]["load"].to_string()
}

#[test]
fn a_load_can_be_withdrawn() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let before = digest(&store);
    let load = load_more(&store, &scratch);
    let after = digest(&store);
    assert_ne!(before, after);
    done(&["retract", "--data", &store, "--load", &load]);
    assert_eq!(digest(&store), before);
    failed(&["retract", "--data", &store, "--load", &load], &[&load]);
    load_more(&store, &scratch);
    assert_eq!(digest(&store), after, "withdrawn message ids are free again");
    for id in ["m1", "m2", "m3"] {
        done(&["retract", "--data", &store, "--source", "shop", "--message-id", id]);
    }
    assert_eq!(
        done(&["audience", "count", "--data", &store, "p.country = 'IT' OR p.country = 'PL'"]),
        "0\n"
    );
    failed(&["retract", "--data", &store, "--source", "shop", "--message-id", "m1"], &["m1"]);
}

/// The files of a folder of the store, smallest name first.
fn files(store: &str, folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(store).join(folder)).expect("the store is a folder");
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    found.sort();
    found
}

fn last_log_file(store: &str) -> PathBuf {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    files(store, "log").into_iter().rfind(is_log).expect("a log file")
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = std::fs::read(path).expect("the file is there");
    let place = at(bytes.len());
    bytes[place] ^= 0x10;
    std::fs::write(path, bytes).expect("the file can be written");
}

#[test]
fn derived_files_may_go_or_rot() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let before = digest(&store);
    assert_eq!(run(&["check", "--data", &store]).code, Some(0));
    done(&["rebuild", "--data", &store]);
    assert_eq!(digest(&store), before);
    for file in files(&store, "derived") {
        flip(&file, |length| length / 2);
        let said = run(&["check", "--data", &store]);
        let shown = file.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(
            said.code == Some(1) && (said.out + &said.err).contains(shown),
            "{shown} is damaged"
        );
        assert_eq!(digest(&store), before, "{shown} was believed");
        done(&["rebuild", "--data", &store]);
        assert_eq!(
            run(&["check", "--data", &store]).code,
            Some(0),
            "after the rebuild for {shown}"
        );
    }
    std::fs::remove_dir_all(Path::new(&store).join("derived")).expect("it can be removed");
    assert_eq!(digest(&store), before);
}

#[test]
fn a_damaged_log_is_never_believed() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    load_more(&store, &scratch);
    let log = last_log_file(&store);
    flip(&log, |length| length / 2);
    let name = log.file_name().and_then(|name| name.to_str()).expect("a name").to_string();
    let said = run(&["check", "--data", &store]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let shown = said.out + &said.err;
    assert!(shown.contains(&name), "{shown} does not name {name}");
    std::fs::remove_dir_all(Path::new(&store).join("derived")).expect("it can be removed");
    failed(&["audience", "count", "--data", &store, "true"], &[&name, "nave repair"]);
    done(&["repair", "--data", &store]);
    assert_eq!(run(&["check", "--data", &store]).code, Some(0));
    let left: u64 = done(&["audience", "count", "--data", &store, "true"])
        .trim_end()
        .parse()
        .expect("a number");
    assert!(left <= 4, "repair invents nobody");
}

#[test]
fn bytes_behind_a_clean_end_are_damage() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    load_people(&store, &scratch);
    let before = digest(&store);
    let log = last_log_file(&store);
    let mut bytes = std::fs::read(&log).expect("the file is there");
    bytes.extend_from_slice(b"half a frame that nobody wrote");
    std::fs::write(&log, bytes).expect("the file can be written");
    failed(&["audience", "count", "--data", &store, "true"], &["nave repair"]);
    done(&["repair", "--data", &store]);
    assert_eq!(digest(&store), before);
}
