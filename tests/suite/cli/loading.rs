//! Loading files: formats, broken rows, loading twice, and the bytes that come back.

use super::{digest, done, json, load_purchases, purchases, run};
use crate::scratch::Scratch;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

#[test]
fn the_real_purchases_load_once() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let first = load_purchases(&store, &purchases());
    assert_eq!(
        (&first["files"][0]["written"], &first["files"][0]["broken"]),
        (&69_659.into(), &0.into())
    );
    assert_eq!(done(&["audience", "count", "--data", &store, "true"]), "23570\n");
    let before = digest(&store);
    let again = load_purchases(&store, &purchases());
    assert_eq!(
        (&again["files"][0]["written"], &again["files"][0]["duplicates"]),
        (&0.into(), &69_659.into())
    );
    let zipped =
        scratch.file("other name.txt.gz", gzip(&std::fs::read(purchases()).expect("it is there")));
    let zipped = load_purchases(&store, &zipped);
    assert_eq!(
        zipped["files"][0]["duplicates"], 69_659,
        "a file is known by its content, compressed or not"
    );
    assert_eq!(digest(&store), before);
}

#[test]
fn gzip_makes_no_difference() {
    let scratch = Scratch::new();
    let text = "{\"id\":\"1\",\"a\":1}\n".repeat(1000);
    let load = |name: &str, bytes: &[u8]| {
        let (store, file) = (scratch.path(&format!("store {name}")), scratch.file(name, bytes));
        let report = json(&[
            "load",
            "--data",
            &store,
            "--source",
            "crm",
            "--as",
            "identify",
            "--id",
            "user_id=id",
            &file,
        ]);
        assert_eq!(report["files"][0]["written"], 1000, "{report}");
        digest(&store)
    };
    let plain = load("a.ndjson", text.as_bytes());
    assert_eq!(load("a.ndjson.gz", &gzip(text.as_bytes())), plain);
    assert_eq!(load("b.jsonl", &gzip(text.as_bytes())), plain, "gzip is known by its first bytes");
    let (one, two) = text.split_at(text.len() / 2);
    assert_eq!(load("c.ndjson.gz", &[gzip(one.as_bytes()), gzip(two.as_bytes())].concat()), plain);
}

#[test]
fn rows_before_the_cut_of_a_gzip_file_load_and_the_code_tells() {
    let scratch = Scratch::new();
    let whole = gzip(&"a,b\n1,2\n".repeat(5000).into_bytes());
    let file = scratch.file("cut.csv.gz", &whole[..whole.len() / 2]);
    let store = scratch.path("data");
    let load = ["load", "--data", &store, "--source", "s", "--as", "identify", "--id", "user_id=a"];
    let said = run(&[&load[..], &[&file]].concat());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("not read whole (load "), "{said:?}");
    assert!(said.err.contains("was cut or is damaged"), "{said:?}");
    assert!(said.err.contains("nave retract --load"), "{said:?}");
}

const SALES: &str = "id,when,amount,place\n\
    1,2026-01-02T10:00:00Z,12.50,Paris\n\
    2,not a time,3.00,Rome\n\
    3,2026-01-03T10:00:00Z,7.25,\"New\nYork\"\n\
    4,2026-01-04T10:00:00Z\n\
    5,2026-01-05T10:00:00Z,1.00,Oslo\n";

#[test]
fn broken_rows_are_named_and_the_rest_loads() {
    let scratch = Scratch::new();
    let (store, file) = (scratch.path("data"), scratch.file("sales.csv", SALES));
    let load = [
        "load",
        "--data",
        &store,
        "--source",
        "shop",
        "--as",
        "track",
        "--event",
        "sale",
        "--id",
        "user_id=id",
    ];
    let arguments = [&load[..], &["--time", "when", &file]].concat();
    let said = run(&arguments);
    assert_eq!(said.code, Some(0), "{said:?}");
    let all = said.out + &said.err;
    assert!(all.contains("sales.csv:3:2: "), "line 3, column 2 is not named in {all}");
    assert!(
        all.contains("sales.csv:6: ") || all.contains("sales.csv:6:"),
        "line 6 is not named in {all}"
    );
    assert_eq!(
        done(&["audience", "count", "--data", &store, "EXISTS (SELECT 1 FROM sale e)"]),
        "3\n"
    );
    let york = "EXISTS (SELECT 1 FROM sale e WHERE e.place = 'New\nYork' AND e.amount = 7.25)";
    assert_eq!(done(&["audience", "count", "--data", &store, york]), "1\n");
}

#[test]
fn strict_loads_all_or_nothing() {
    let scratch = Scratch::new();
    let (store, file) = (scratch.path("data"), scratch.file("sales.csv", SALES));
    let good =
        scratch.file("good.csv", "id,when,amount,place\n9,2026-01-02T10:00:00Z,12.50,Paris\n");
    let load = [
        "load",
        "--data",
        &store,
        "--source",
        "shop",
        "--as",
        "track",
        "--event",
        "sale",
        "--id",
        "user_id=id",
    ];
    let said = run(&[&load[..], &["--time", "when", "--strict", &good, &file]].concat());
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("sales.csv:3:2: "), "{said:?}");
    let empty = json(&["stats", "--data", &store]);
    assert_eq!(empty["profiles"], 0, "nothing was loaded: {empty}");
    let said = run(&[&load[..], &["--time", "when", "--strict", &good]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(json(&["stats", "--data", &store])["profiles"], 1);
}

#[test]
fn a_record_comes_back_byte_for_byte() {
    let scratch = Scratch::new();
    let store = scratch.path("data");
    let odd = concat!(
        "{ \"id\" :\t\"1\",  \"no\":\"m-1\", \"n\":1.50e0,",
        "\"ü\":\"\\u00fc\",\"l\":[1, 2],\"no such column\":{\"deep\":[null,true]} }"
    );
    let plain = r#"{"id":2,"no":"m-2","x":"y"}"#;
    let file = scratch.file("a.ndjson", format!("{odd}\n{plain}\n"));
    let load =
        ["load", "--data", &store, "--source", "crm", "--as", "identify", "--id", "user_id=id"];
    done(&[&load[..], &["--message-id", "no", &file]].concat());
    let get = |id: &str| done(&["record", "get", "--data", &store, "--source", "crm", id]);
    assert_eq!(get("m-1"), odd);
    assert_eq!(get("m-2"), plain);
}

#[test]
fn formats_and_delimiters_agree() {
    let scratch = Scratch::new();
    let load = |name: &str, text: &str, more: &[&str]| {
        let (store, file) = (scratch.path(&format!("store {name}")), scratch.file(name, text));
        let ids = ["--id", "email=mail", "--message-id", "no"];
        let arguments = [
            &["load", "--data", &store, "--source", "crm", "--as", "identify"],
            &ids[..],
            more,
            &[&file],
        ];
        done(&arguments.concat());
        digest(&store)
    };
    let csv = load("a.csv", "no,mail,city\n1,a@b.c,Rome\n2,d@e.f,Bonn\n", &[]);
    assert_eq!(load("b.tsv", "no\tmail\tcity\n1\ta@b.c\tRome\n2\td@e.f\tBonn\n", &[]), csv);
    assert_eq!(
        load(
            "c.txt",
            "  no mail   city\n 1  a@b.c Rome\n2 d@e.f\tBonn\n",
            &["--delimiter", "whitespace"]
        ),
        csv
    );
    assert_eq!(
        load("d.csv", "city;mail;no\r\nBonn;d@e.f;2\r\nRome;a@b.c;1\r\n", &["--delimiter", ";"]),
        csv
    );
    assert_eq!(
        load(
            "e.dat",
            "\u{feff}no\tmail\tcity\n1\ta@b.c\tRome\n2\td@e.f\tBonn\n",
            &["--format", "tsv"]
        ),
        csv
    );
    assert_ne!(load("f.csv", "no,mail,city\n1,a@b.c,Rome\n2,d@e.f,Bonnn\n", &[]), csv);
}
