//! Where files come from and how they are written: folders, patterns, standard input, dialects, encodings, packings.

use super::{digest, failed, json};
use crate::binary::nave;
use crate::scratch::Scratch;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::process::{Command, Stdio};

const LOAD: [&str; 6] = ["--source", "crm", "--as", "identify", "--id", "user_id=no"];
const TEXT: &str = "no,name,city\n1,Jürgen,\"A, B\"\n2,Zoë,\"the \"\"X\"\"\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Loads what is given on standard input, and gives the digest of the store.
fn from_input(scratch: &Scratch, name: &str, bytes: &[u8], more: &[&str]) -> String {
    let store = scratch.path(&format!("store {name}"));
    let mut child = Command::new(nave())
        .args(["load", "--data", &store])
        .args(LOAD)
        .args(more)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(child.wait().unwrap().success(), "{name}");
    digest(&store)
}

fn from_files(scratch: &Scratch, name: &str, files: &[&str], more: &[&str]) -> String {
    let store = scratch.path(&format!("store {name}"));
    let report = json(&[&["load", "--data", &store][..], &LOAD, more, files].concat());
    for file in report["files"].as_array().unwrap() {
        assert!(file["broken"] == 0 && file["failure"].is_null(), "{name}: {report}");
    }
    digest(&store)
}

#[test]
fn files_are_the_same_however_they_are_written() {
    let scratch = Scratch::new();
    let plain = from_files(&scratch, "plain", &[&scratch.file("a.csv", TEXT)], &[]);
    let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        [0xfeff].into_iter().chain(TEXT.encode_utf16()).flat_map(order).collect()
    };
    let latin: Vec<u8> = TEXT.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let apostrophes = "no;name;city\n1;Jürgen;'A, B'\n2;Zoë;'the \"X\"'\n";
    let escapes = "no|name|city\n1|Jürgen|\"A, B\"\n2|Zoë|\"the \\\"X\\\"\"\n";
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("mark.csv", format!("\u{feff}{TEXT}").into_bytes(), &[]),
        ("little.csv", wide(u16::to_le_bytes), &[]),
        ("big.csv", wide(u16::to_be_bytes), &["--encoding", "utf-16be"]),
        ("latin.csv", latin, &["--encoding", "latin1"]),
        ("lines.csv", TEXT.replace('\n', "\r\n").into_bytes(), &[]),
        ("quote.csv", apostrophes.into(), &["--delimiter", ";", "--quote", "'"]),
        ("escape.csv", escapes.into(), &["--delimiter", "|", "--escape", "\\"]),
    ];
    for (number, (name, bytes, more)) in cases.into_iter().enumerate() {
        assert_eq!(
            from_files(&scratch, name, &[&scratch.file(name, &bytes)], more),
            plain,
            "{name}"
        );
        let packed = scratch.file(&format!("{name}.gz"), gzip(&bytes));
        assert_eq!(from_files(&scratch, &format!("gz {name}"), &[&packed], more), plain, "{name}");
        let more = [&["--format", "csv"], more].concat();
        let packed = zstd::encode_all(bytes.as_slice(), 1).unwrap();
        let (how, bytes) = [("plain", bytes.clone()), ("gzip", gzip(&bytes)), ("zstd", packed)]
            .into_iter()
            .nth(number % 3)
            .unwrap();
        let store = format!("{how} from input {name}");
        assert_eq!(from_input(&scratch, &store, &bytes, &more), plain, "{store}");
    }
}

#[test]
fn folders_patterns_and_several_files_are_the_same() {
    let scratch = Scratch::new();
    let row = |n: u32| format!("no,name,city\n{n},N{n},C\n");
    let folder = scratch.path("in");
    std::fs::create_dir_all(scratch.path("in/below")).unwrap();
    let files = [("in/a.csv", row(1).into_bytes()), ("in/b.csv.gz", gzip(row(2).as_bytes()))];
    let files = files.map(|(name, bytes)| scratch.file(name, bytes));
    let below = scratch.file("in/below/c.csv", row(3));
    scratch.file("in/notes.md", "no data");
    scratch.file("in/_SUCCESS", "");
    scratch.file("in/.d.csv", row(4));
    let named = from_files(&scratch, "named", &[&files[0], &files[1], &below], &[]);
    assert_eq!(from_files(&scratch, "folder", &[&folder], &[]), named);
    let pattern = scratch.path("in/**/*.csv*");
    let odd = scratch.path("in/[ab].csv*");
    assert_eq!(from_files(&scratch, "mixed", &[&odd, &below], &[]), named);
    let store = scratch.path("store pattern");
    json(&[&["load", "--data", &store][..], &LOAD, &[&pattern]].concat());
    let empty = scratch.path("nothing/*.csv");
    let load = |file: &str, words: &[&str]| {
        failed(&[&["load", "--data", &store][..], &LOAD, &[file]].concat(), words)
    };
    load(&empty, &["no file matches"]);
    load(&scratch.path("no.csv"), &["no.csv", "name an existing file"]);
    std::fs::create_dir_all(scratch.path("bare")).unwrap();
    load(&scratch.path("bare"), &["holds no file whose name tells a format"]);
}
