//! Databases as sources: types, watermarks, rows that count once, and errors that keep a secret.
//!
//! SQLite is in the program. The servers are those that `.ci/databases` starts; their addresses are in the variables
//! `NAVE_POSTGRES` and `NAVE_MYSQL`.

use super::{digest, done, json, run};
use crate::scratch::{Scratch, absent};
use mysql::prelude::Queryable;
use serde_json::{Value, json as document};
use std::sync::{Mutex, MutexGuard};

/// A database that a test writes into.
enum Server {
    Sqlite(rusqlite::Connection, String),
    Postgres(postgres::Client, String),
    Mysql(mysql::Conn, String),
}

/// Tests share a server: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn address(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        absent(
            variable,
            "Start servers with `.ci/databases start FOLDER` and export what it prints.",
        );
    }
    found
}

impl Server {
    fn sqlite(scratch: &Scratch) -> Server {
        let file = scratch.path("shop.db");
        let connection = rusqlite::Connection::open(&file).expect("the folder can be written");
        Server::Sqlite(connection, format!("sqlite:{file}"))
    }

    fn postgres() -> Option<Server> {
        let url = address("NAVE_POSTGRES")?;
        let client = postgres::Client::connect(&url, postgres::NoTls).expect("it lets us in");
        Some(Server::Postgres(client, url))
    }

    fn mysql() -> Option<Server> {
        let url = address("NAVE_MYSQL")?;
        let opts = mysql::Opts::from_url(&url).expect("an address");
        Some(Server::Mysql(mysql::Conn::new(opts).expect("it lets us in"), url))
    }

    fn all(scratch: &Scratch) -> Vec<Server> {
        [Some(Server::sqlite(scratch)), Server::postgres(), Server::mysql()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn name(&self) -> &'static str {
        match self {
            Server::Sqlite(..) => "sqlite",
            Server::Postgres(..) => "postgres",
            Server::Mysql(..) => "mysql",
        }
    }

    fn url(&self) -> &str {
        match self {
            Server::Sqlite(_, url) | Server::Postgres(_, url) | Server::Mysql(_, url) => url,
        }
    }

    fn run(&mut self, sql: &str) {
        match self {
            Server::Sqlite(connection, _) => connection.execute_batch(sql).expect(sql),
            Server::Postgres(client, _) => client.batch_execute(sql).expect(sql),
            Server::Mysql(connection, _) => {
                for statement in sql.split(';').filter(|text| !text.trim().is_empty()) {
                    connection.query_drop(statement).expect(statement);
                }
            }
        }
    }
}

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

#[test]
fn every_type_has_an_exact_value() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        let (create, expected) = match server.name() {
            "sqlite" => (SQLITE, sqlite_values()),
            "postgres" => (POSTGRES, postgres_values()),
            _ => (MYSQL, mysql_values()),
        };
        server.run("DROP TABLE IF EXISTS typed");
        server.run(create);
        let store = scratch.path(&format!("typed {}", server.name()));
        let report = load(&store, server.url(), &["--table", "typed"]);
        assert_eq!((file(&report, "written"), file(&report, "broken")), (2, 0), "{report}");
        assert_eq!(file(&report, "quarantined_values"), 0, "{report}");
        let told = traits(&store, "1");
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&told[name], value, "{} {name} in {told}", server.name());
        }
        assert_eq!(traits(&store, "2"), document!({}), "NULL says nothing");
        // Without a watermark the rows are a file: the same rows again are known.
        let again = load(&store, server.url(), &["--table", "typed"]);
        assert_eq!((file(&again, "written"), file(&again, "duplicates")), (0, 2), "{again}");
    }
}

const SQLITE: &str =
    "CREATE TABLE typed (id INTEGER, big BIGINT, price DECIMAL(10,2), weight DOUBLE,
    yes BOOLEAN, name TEXT, code TEXT, raw BLOB, day DATE, at DATETIME, likes JSON);
    INSERT INTO typed VALUES (1, 9223372036854775807, 19.99, 1.0, 1, 'Ann \"x\"', '007', x'00ff',
    '2024-02-29', '2024-02-29T12:00:00Z', '[\"a\",\"b\"]');
    INSERT INTO typed (id) VALUES (2)";

fn sqlite_values() -> Value {
    document!({
        "big": 9_223_372_036_854_775_807_i64, "weight": 1.0, "yes": true, "name": "Ann \"x\"", "code": "007",
        "raw": "AP8=", "day": "2024-02-29", "at": "2024-02-29T12:00:00Z", "likes": ["a", "b"],
    })
}

const POSTGRES: &str = "DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE typed (id int, small smallint, big bigint, weight float8, half float4, yes boolean,
    name text, code varchar(9), fixed char(3), raw bytea, day date, at timestamptz, likes text[], doc jsonb,
    u uuid, m mood, lapse interval, ip inet);
    INSERT INTO typed VALUES (1, -3, 9223372036854775807, 1, 0.5, true, 'Ann \"x\"', '007', 'ab', '\\x00ff',
    '2024-02-29', '2024-02-29 13:00:00.25+01', '{a,b}', '[\"c\"]', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'glad',
    '1 day 2 hours', '10.0.0.1');
    INSERT INTO typed (id) VALUES (2)";

fn postgres_values() -> Value {
    document!({
        "small": -3, "big": 9_223_372_036_854_775_807_i64, "weight": 1.0, "half": 0.5, "yes": true,
        "name": "Ann \"x\"", "code": "007", "fixed": "ab", "raw": "AP8=", "day": "2024-02-29",
        "at": "2024-02-29T12:00:00.25Z", "likes": ["a", "b"], "doc": ["c"],
        "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "m": "glad", "lapse": "P1DT2H", "ip": "10.0.0.1/32",
    })
}

const MYSQL: &str = "CREATE TABLE typed (id int, small tinyint, big bigint unsigned, weight double, half float,
    name text, code varchar(9), raw varbinary(9), day date, at timestamp(2) NULL, bits bit(9),
    word enum('sad','glad'), words set('a','b','c'), lapse time, born year) CHARACTER SET utf8mb4;
    SET time_zone = '+01:00';
    INSERT INTO typed VALUES (1, -3, 9223372036854775807, 1, 0.5, 'Ann \"x\" é', '007', x'00ff', '2024-02-29',
    '2024-02-29 13:00:00.25', b'100000001', 'glad', 'a,b', '-30:00:01', 2001);
    INSERT INTO typed (id) VALUES (2)";

fn mysql_values() -> Value {
    document!({
        "small": -3, "big": 9_223_372_036_854_775_807_i64, "weight": 1.0, "half": 0.5, "name": "Ann \"x\" é",
        "code": "007", "raw": "AP8=", "day": "2024-02-29", "at": "2024-02-29T12:00:00.25Z", "bits": 257,
        "word": "glad", "words": ["a", "b"], "lapse": "-30:00:01", "born": 2001,
    })
}

#[test]
fn rows_are_followed_by_a_watermark_and_count_once() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        let moment = match server.name() {
            "postgres" => "timestamptz",
            "mysql" => "timestamp(6) NULL",
            _ => "text",
        };
        server.run("DROP TABLE IF EXISTS people");
        server.run(&format!("CREATE TABLE people (id int, city varchar(20), changed {moment})"));
        server.run(
            "INSERT INTO people VALUES (1, 'Nice', '2024-01-01 10:00:00'),
             (2, 'Lyon', '2024-01-02 10:00:00.000001'), (3, 'Metz', NULL)",
        );
        let store = scratch.path(&format!("people {}", server.name()));
        let asks = ["--table", "people", "--watermark", "changed"];
        let report = load(&store, server.url(), &asks);
        assert_eq!((file(&report, "rows"), file(&report, "written")), (3, 3), "{report}");
        // The row at the border and those without a watermark are read again, and known.
        let again = load(&store, server.url(), &asks);
        assert_eq!((file(&again, "rows"), file(&again, "duplicates")), (2, 2), "{again}");
        // One more at the very border, one behind it, one without a watermark, one changed row.
        server.run(
            "INSERT INTO people VALUES (4, 'Brest', '2024-01-02 10:00:00.000001'),
             (5, 'Nancy', '2024-03-01 00:00:00'), (6, 'Dijon', NULL);
             UPDATE people SET city = 'Paris', changed = '2024-02-01 00:00:00' WHERE id = 1",
        );
        let more = load(&store, server.url(), &asks);
        assert_eq!(
            (file(&more, "rows"), file(&more, "written")),
            (6, 4),
            "{} {more}",
            server.name()
        );
        assert_eq!(traits(&store, "1")["city"], "Paris");
        let before = digest(&store);
        let all = load(&store, server.url(), &[&asks[..], &["--again"]].concat());
        assert_eq!((file(&all, "rows"), file(&all, "written")), (6, 0), "{all}");
        assert_eq!(digest(&store), before);
        done(&["rebuild", "--data", &store]);
        assert_eq!(digest(&store), before);
        let known = load(&store, server.url(), &asks);
        assert_eq!((file(&known, "rows"), file(&known, "written")), (3, 0), "{known}");
        // A load that is withdrawn takes its watermark with it.
        let last = more["files"][0]["load"].to_string();
        done(&["retract", "--data", &store, "--load", &last]);
        let back = load(&store, server.url(), &asks);
        assert_eq!((file(&back, "rows"), file(&back, "written")), (6, 4), "{back}");
        assert_eq!(digest(&store), before);
    }
}

#[test]
fn a_query_is_known_by_its_name_and_its_watermark_has_any_type() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        server.run("DROP TABLE IF EXISTS numbered");
        server
            .run("CREATE TABLE numbered (id int, n bigint, amount numeric(20, 4), tag varchar(9))");
        server.run(
            "INSERT INTO numbered VALUES (1, 9007199254740993, 0.1, 'a'), (2, 9007199254740994, 0.25, 'b'),
             (3, 9007199254740995, 10, 'c')",
        );
        for (column, expected) in [("n", 1), ("amount", 1), ("tag", 1)] {
            let store = scratch.path(&format!("{} {column}", server.name()));
            let query = "SELECT id, n, amount, tag FROM numbered WHERE id > 0 -- all; of them\n;";
            let asks = ["--query", query, "--query-name", "q", "--watermark", column];
            let first = load(&store, server.url(), &asks);
            assert_eq!(file(&first, "written"), 3, "{first}");
            let again = load(&store, server.url(), &asks);
            assert_eq!(file(&again, "rows"), expected, "{} {column}: {again}", server.name());
            assert_eq!(file(&again, "written"), 0, "{again}");
        }
        let store = scratch.path(&format!("{} n", server.name()));
        let other =
            ["--query", "SELECT * FROM numbered", "--query-name", "q", "--watermark", "amount"];
        let first = ["load", "--data", &store, "--source", "crm", "--as", "identify"];
        let ids = ["--id", "user_id=id", "--from", server.url()];
        let said = run(&[&first[..], &ids, &other].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("one of the column 'n'"), "{said:?}");
    }
}

#[test]
fn events_need_an_id_and_count_once() {
    let scratch = Scratch::new();
    let _alone = alone();
    let mut server = Server::sqlite(&scratch);
    server.run(
        "CREATE TABLE buys (receipt INTEGER PRIMARY KEY, id INT, amount DECIMAL(9,2), at TEXT);
         INSERT INTO buys VALUES (1, 7, 1.5, '2024-01-01T00:00:00Z'), (2, 7, 1.5, '2024-01-01T00:00:00Z')",
    );
    let store = scratch.path("data");
    let first = ["load", "--data", &store, "--source", "shop", "--as", "track", "--event", "buy"];
    let url = server.url().to_owned();
    let rest = ["--id", "user_id=id", "--time", "at", "--from", &url, "--table", "buys"];
    let all = [&first[..], &rest, &["--watermark", "receipt"]].concat();
    let said = run(&all);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("--message-id"), "{said:?}");
    let all = [&all[..], &["--message-id", "receipt"]].concat();
    assert_eq!(file(&json(&all), "written"), 2);
    let again = json(&all);
    assert_eq!((file(&again, "rows"), file(&again, "written")), (1, 0), "{again}");
    server.run("INSERT INTO buys VALUES (3, 7, 2, '2024-01-02T00:00:00Z')");
    assert_eq!(file(&json(&all), "written"), 1);
    let question = "(SELECT count(*) FROM buy) = 3";
    assert_eq!(done(&["audience", "count", "--data", &store, question]), "1\n");
}

/// Fails with these words, and never with the password.
fn refused(scratch: &Scratch, url: &str, more: &[&str], words: &[&str]) {
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
