//! What goes wrong is told, without the password, and before a store is made.

use super::{Server, alone, done, file, load, run};
use crate::binary::nave;
use crate::scratch::Scratch;
use std::process::Command;

/// Fails with these words, and never with the password.
pub(super) fn refused(scratch: &Scratch, url: &str, more: &[&str], words: &[&str]) {
    let store = scratch.path("never made");
    let first = ["load", "--data", &store, "--source", "crm", "--as", "identify"];
    let said = run(&[&first, ["--id", "user_id=id", "--from", url].as_slice(), more].concat());
    assert!(matches!(said.code, Some(1 | 2)), "{said:?}");
    let all = format!("{}{}", said.out, said.err);
    for word in words {
        assert!(all.contains(word), "{word:?} is missing in {all}");
    }
    assert!(!all.contains("s3cret") && !all.contains("w0rd"), "{all}");
    assert!(!std::path::Path::new(&store).exists(), "a store was made for nothing: {all}");
}

#[test]
fn what_goes_wrong_is_told_without_the_password() {
    let scratch = Scratch::new();
    let _alone = alone();
    let table = ["--table", "none"];
    refused(&scratch, "sqlite:/no/such/file.db", &table, &["cannot open", "/no/such/file.db"]);
    refused(&scratch, "oracle://ann:s3cret@h/d", &table, &["postgres://USER"]);
    let nobody = "postgres://ann:s3cret@127.0.0.1:1/shop";
    refused(&scratch, nobody, &table, &["postgres://127.0.0.1:1/shop", "refused"]);
    refused(&scratch, &nobody.replace("postgres", "mysql"), &table, &["mysql://127.0.0.1:1/shop"]);
    for mut server in Server::all(&scratch) {
        let url = server.url().to_owned();
        server.run("DROP TABLE IF EXISTS few");
        server.run("CREATE TABLE few (id int, n int)");
        refused(&scratch, &url, &["--table", "none"], &["none"]);
        refused(&scratch, &url, &["--query", "SELEC id FROM few"], &["syntax"]);
        refused(
            &scratch,
            &url,
            &["--table", "few", "--watermark", "m"],
            &["no column 'm'", "id, n"],
        );
        if server.name() != "sqlite" {
            // SQLite gives the second one another name.
            refused(&scratch, &url, &["--query", "SELECT id, id FROM few"], &["id"]);
        }
        refused(&scratch, &url, &["--query", "DELETE FROM few"], &[]);
        let empty = scratch.path(&format!("empty {}", server.name()));
        let none = load(&empty, &url, &["--table", "few", "--watermark", "n"]);
        assert_eq!((file(&none, "rows"), file(&none, "written")), (0, 0), "{none}");
        let (table, watermark) = ("--query", "--watermark");
        refused(&scratch, &url, &[table, "SELECT * FROM few", watermark, "n"], &["--query-name"]);
        if let Some((before, host)) = url.rsplit_once('@') {
            let user = before.rsplit_once(':').expect("a user and a password").0;
            refused(&scratch, &format!("{user}:wr0ngw0rd@{host}"), &["--table", "few"], &["nave"]);
        }
    }
}

/// A password in each place where it may stand.
#[test]
fn a_password_is_taken_from_where_it_stands_and_never_shown() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in [Server::postgres(), Server::mysql()].into_iter().flatten() {
        server.run("DROP TABLE IF EXISTS few");
        server.run("CREATE TABLE few (id int, n int); INSERT INTO few VALUES (1, 2)");
        let url = server.url();
        let (before, place) = url.rsplit_once('@').expect("a user and a place");
        let (user, encoded) = before.rsplit_once(':').expect("a user and a password");
        let run = |address: &str, password: &str, store: &str| {
            let store = scratch.path(store);
            let output = Command::new(nave())
                .args(["load", "--data", &store, "--source", "crm", "--as", "identify"])
                .args(["--id", "user_id=id", "--table", "few", "--from", address])
                .env("NAVE_DATABASE_PASSWORD", password)
                .output()
                .expect("nave starts");
            let said = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(said).expect("text"), store)
        };
        let (code, said, store) = run(&format!("{user}@{place}"), "s3cret/@?", server.name());
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("1 rows, 1 new"), "{said}");
        let log = done(&["log", "export", "--data", &store]);
        assert!(!log.contains("s3cret") && !log.contains(encoded), "{log}");
        let (code, said, _) = run(&format!("{user}@{place}"), "wr0ng w0rd", "wrong");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("cannot connect to") && !said.contains("w0rd"), "{said}");
        let (code, said, _) = run(&format!("{user}@{place}?password=wr0ngw0rd"), "", "wrong");
        assert_eq!(code, Some(1), "{said}");
        assert!(!said.contains("w0rd"), "{said}");
    }
}
