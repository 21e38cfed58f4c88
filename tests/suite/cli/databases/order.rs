//! The column of a watermark: equal values at the edge, values without a place in the order, and types without one.

use super::failures::refused;
use super::{Server, alone, file, json, load, run};
use crate::scratch::Scratch;

#[test]
fn the_edge_is_read_again_whatever_the_type_of_the_column() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        let (single, moment) = match server.name() {
            "postgres" => ("real", "timestamp"),
            "mysql" => ("float", "datetime(6)"),
            _ => ("real", "datetime"),
        };
        let columns = ["n", "wide", "amount", "tag", "part", "whole", "day", "at"];
        server.run("DROP TABLE IF EXISTS edge");
        server.run(&format!(
            "CREATE TABLE edge (id int, n int, wide bigint, amount numeric(20, 4), tag char(9), part {single},
             whole double precision, day date, at {moment})"
        ));
        let greatest = "3, 9007199254740995, 10.0001, 'd é', 0.7, 0.3, '2024-03-01', '2024-03-01 00:00:00.000001'";
        server.run(&format!(
            "INSERT INTO edge VALUES (1, 1, 9007199254740993, 0.1, 'B', 0.1, 0.1, '2023-12-31', '2024-02-29 00:00:00'),
             (2, 2, 9007199254740994, 9.5, 'c', 0.6, 0.2, '2024-02-29', '2024-03-01 00:00:00'), (3, {greatest})"
        ));
        let name = server.name();
        let store = |column: &str| scratch.path(&format!("edge {name} {column}"));
        for column in columns {
            let asks = ["--table", "edge", "--watermark", column];
            let first = load(&store(column), server.url(), &asks);
            assert_eq!(file(&first, "written"), 3, "{column} {first}");
        }
        server.run(&format!("INSERT INTO edge VALUES (4, {greatest})"));
        for column in columns {
            let asks = ["--table", "edge", "--watermark", column];
            let more = load(&store(column), server.url(), &asks);
            let counts = (file(&more, "rows"), file(&more, "duplicates"), file(&more, "written"));
            assert_eq!(counts, (2, 1, 1), "{} {column} {more}", server.name());
        }
    }
}

/// How many rows come and are new, and how many are told to come each time.
fn followed(store: &str, url: &str, column: &str) -> (u64, u64, String) {
    let first =
        ["load", "--data", store, "--source", "crm", "--as", "identify", "--id", "user_id=id"];
    let rest = ["--from", url, "--table", "gaps", "--watermark", column, "--json"];
    let said = run(&[&first[..], &rest].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = serde_json::from_str(&said.out).expect("a report");
    let note = said.err.lines().find_map(|line| line.strip_prefix("nave: note: "));
    let told = note.and_then(|note| note.split_once(" rows of ")).map_or("", |(count, _)| count);
    (file(&report, "rows"), file(&report, "written"), told.to_owned())
}

#[test]
fn rows_without_a_place_in_the_order_are_never_lost_and_told() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        // The type of the column, ordinary values from less to more, and what would be the greatest or least for ever.
        let of_all: &[(&str, [&str; 3], &str)] = match server.name() {
            "sqlite" => {
                &[("double", ["1.5", "2.5", "3.5"], "9e999"), ("int", ["1", "2", "3"], "NULL")]
            }
            "postgres" => &[
                ("numeric", ["1", "2", "3"], "'NaN'"),
                ("float8", ["1", "2", "3"], "'NaN'"),
                ("real", ["1", "2", "3"], "'Infinity'"),
                ("date", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"], "'infinity'"),
                ("timestamptz", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"], "'infinity'"),
                ("text", ["'a'", "'b'", "'c'"], "NULL"),
            ],
            _ => &[
                ("date NOT NULL", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"], "0"),
                ("datetime", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"], "0"),
                ("timestamp NOT NULL", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"], "0"),
                ("bigint unsigned", ["1", "2", "18446744073709551615"], "NULL"),
            ],
        };
        for (number, (kind, [less, middle, more], beyond)) in of_all.iter().enumerate() {
            if server.name() == "mysql" {
                server.run("SET sql_mode = ''");
            }
            server.run("DROP TABLE IF EXISTS gaps");
            server.run(&format!("CREATE TABLE gaps (id int, mark {kind})"));
            let store = scratch.path(&format!("gaps {} {number}", server.name()));
            let mut step = |rows: &[(u32, &str)]| {
                for (id, mark) in rows {
                    server.run(&format!("INSERT INTO gaps VALUES ({id}, {mark})"));
                }
                let (rows, new, told) = followed(&store, server.url(), "mark");
                (rows, new, told, format!("{} {kind}", server.name()))
            };
            let check = |got: (u64, u64, String, String), rows: u64, new: u64, told: &str| {
                assert_eq!((got.0, got.1, got.2.as_str()), (rows, new, told), "{}", got.3);
            };
            check(step(&[(1, beyond)]), 1, 1, "1");
            check(step(&[(2, less), (3, middle)]), 3, 2, "1");
            check(step(&[(4, beyond), (5, more)]), 4, 2, "2");
            check(step(&[]), 3, 0, "2");
        }
    }
}

#[test]
fn a_column_without_an_order_to_follow_is_refused() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        server.run("DROP TABLE IF EXISTS unordered");
        let columns: &[(&str, &str, &str)] = match server.name() {
            "sqlite" => &[
                ("raw blob", "x'00'", "bytes"),
                ("yes boolean", "1", "yes or no"),
                ("doc json", "'[]'", "documents"),
            ],
            "postgres" => &[
                ("raw bytea", "'a'", "bytes"),
                ("yes boolean", "true", "yes or no"),
                ("doc jsonb", "'[]'", "documents"),
                ("list int[]", "'{1}'", "lists"),
                ("old json", "'[]'", "documents"),
                ("x xml", "'<a/>'", "ordering operator"),
            ],
            _ => &[
                ("raw blob", "x'00'", "bytes"),
                ("word enum('b', 'a')", "'a'", "words of a list"),
                ("words set('b', 'a')", "'a'", "words of a list"),
                ("clock time", "'01:02:03'", "times of day"),
            ],
        };
        let defined: Vec<&str> = columns.iter().map(|column| column.0).collect();
        let values: Vec<&str> = columns.iter().map(|column| column.1).collect();
        server.run(&format!("CREATE TABLE unordered (id int, {})", defined.join(", ")));
        server.run(&format!("INSERT INTO unordered VALUES (1, {})", values.join(", ")));
        for (column, _, word) in columns {
            let name = column.split(' ').next().expect("a name");
            let asks = ["--table", "unordered", "--watermark", name];
            refused(&scratch, server.url(), &asks, &[word]);
        }
    }
}

/// SQLite orders all numbers before all texts, so that a watermark of text would hide numbers that come later.
#[test]
fn a_column_of_numbers_and_texts_is_refused_when_they_come() {
    let scratch = Scratch::new();
    for (name, first, second) in [("text", "'b'", "7"), ("number", "7", "'b'")] {
        let mut server = Server::sqlite(&scratch);
        server.run(&format!(
            "DROP TABLE IF EXISTS mixed; CREATE TABLE mixed (id INT, mark); INSERT INTO mixed VALUES (1, {first})"
        ));
        let store = scratch.path(name);
        let asks = ["--table", "mixed", "--watermark", "mark"];
        load(&store, server.url(), &asks);
        server.run(&format!("INSERT INTO mixed VALUES (2, {second})"));
        let start = ["load", "--data", &store, "--source", "crm", "--as", "identify"];
        let rest = ["--id", "user_id=id", "--from", server.url()];
        let said = run(&[&start[..], &rest, &asks].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("'mark' is no watermark"), "{said:?}");
        assert!(said.err.contains("both numbers and texts"), "{said:?}");
        let query =
            ["--query", "SELECT id, CAST(mark AS TEXT) AS mark FROM mixed", "--query-name", "q"];
        let cast = json(&[&start[..], &rest, &query, &["--watermark", "mark"]].concat());
        assert_eq!(file(&cast, "rows"), 2, "{cast}");
    }
}
