//! Every type has an exact value, or is refused by name.

use super::{Server, alone, done, file, json, load, traits};
use crate::scratch::Scratch;
use serde_json::{Value, json as document};

/// Rows of all types of a database: user 1 has ordinary values, user 2 NULLs, and user 3 what has no value in Nave.
struct Typed {
    sql: &'static str,
    expected: Value,
    /// What of user 3 waits in quarantine, by column.
    refused: &'static [(&'static str, &'static str)],
}

#[test]
fn every_type_has_an_exact_value() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        let typed = match server.name() {
            "sqlite" => sqlite(),
            "postgres" => postgres(),
            _ => mysql(),
        };
        server.run("DROP TABLE IF EXISTS typed");
        server.run(typed.sql);
        let store = scratch.path(&format!("typed {}", server.name()));
        let report = load(&store, server.url(), &["--table", "typed"]);
        assert_eq!((file(&report, "written"), file(&report, "broken")), (3, 0), "{report}");
        let told = traits(&store, "1");
        let expected = typed.expected.as_object().expect("an object");
        let wrong: Vec<_> = expected
            .iter()
            .filter(|(name, value)| told[name.as_str()] != **value)
            .map(|(name, value)| (name, value, &told[name.as_str()]))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", server.name());
        assert_eq!(told.as_object().map(|told| told.len()), Some(expected.len()), "{told}");
        assert_eq!(traits(&store, "2"), document!({}), "NULL says nothing");
        assert_eq!(traits(&store, "3"), document!({}), "{} has values beyond all", server.name());
        let waiting = done(&["quarantine", "list", "--data", &store]);
        let mut waiting: Vec<(&str, &str)> = waiting
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .map(|cells| (cells[5], cells[6]))
            .collect();
        waiting.sort_unstable();
        assert_eq!(waiting, typed.refused, "{}", server.name());
        // Without a watermark the rows are a file: the same rows again are known.
        let again = load(&store, server.url(), &["--table", "typed"]);
        assert_eq!((file(&again, "written"), file(&again, "duplicates")), (0, 3), "{again}");
        let before = super::digest(&store);
        done(&["rebuild", "--data", &store]);
        assert_eq!(super::digest(&store), before);
    }
}

/// Letters beyond ASCII, all that means something in a delimited row, and its own delimiters.
const ODD: &str = "Ann \"x\", é 日本 😀\n\t\u{1e}\u{1f}'";

fn sqlite() -> Typed {
    Typed {
        sql: "CREATE TABLE typed (id INTEGER, big BIGINT, price DECIMAL(10,2), weight DOUBLE, huge DOUBLE,
            yes BOOLEAN, name TEXT, code TEXT, none VARCHAR(9), raw BLOB, day DATE, at DATETIME, likes JSON, doc JSON,
            untyped, u UUID);
            INSERT INTO typed VALUES (1, 9223372036854775807, 19.99, 1.0, 1e300, 1,
            'Ann \"x\", é 日本 😀' || char(10, 9, 30, 31) || '''', '007', '', x'00ff', '2024-02-29',
            '2024-02-29T12:00:00Z', '[\"a\",\"b\"]', '{\"city\":{\"code\":\"01\"},\"n\":1.50}', 7,
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
            INSERT INTO typed (id) VALUES (2);
            INSERT INTO typed (id, weight, day, at) VALUES (3, 9e999, '2024-02-30', '12024-01-01T00:00:00Z')",
        expected: document!({
            "big": 9_223_372_036_854_775_807_i64, "price": 19.99, "weight": 1.0, "huge": exactly("1e300"), "yes": true,
            "name": ODD, "code": "007", "none": "", "raw": "AP8=", "day": "2024-02-29", "at": "2024-02-29T12:00:00Z",
            "likes": ["a", "b"], "doc.city.code": "01", "doc.n": exactly("1.50"), "untyped": 7,
            "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        }),
        refused: &[("at", "12024-01-01T00:00:00Z"), ("day", "2024-02-30"), ("weight", "inf")],
    }
}

fn postgres() -> Typed {
    Typed {
        sql: "DROP TYPE IF EXISTS mood, pair; DROP DOMAIN IF EXISTS rate;
            CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (n int, t text);
            CREATE DOMAIN rate AS numeric(6, 3);
            CREATE TABLE typed (id int, small smallint, big bigint, o oid, exact numeric, price numeric(10, 2), r rate,
            weight float8, half float4, yes boolean, name text, code varchar(9), none text, fixed char(3), raw bytea,
            day date, at timestamptz, plain timestamp, clock time, zoned timetz, lapse interval, likes text[],
            numbers int[], doc jsonb, old json, u uuid, m mood, p pair, ip inet, bits bit(5), span int4range, x xml);
            INSERT INTO typed VALUES (1, -3, 9223372036854775807, 4294967295,
            123456789012345678901234567.01234567890, 1.50, 0.125, 1, 0.1, true,
            E'Ann \"x\", é 日本 😀\\n\\t\\x1e\\x1f''', '007', '', 'ab', '\\x00ff', '2024-02-29',
            '2024-02-29 13:00:00.25+01', '2024-02-29 13:00:00.000001', '23:59:59.5', '01:02:03+02', '1 day 2 hours',
            '{a,\"b,c\",NULL}', '{2,1}', '{\"city\": {\"code\": \"01\"}, \"n\": 1.50}', '[\"c\"]',
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'glad', '(7,é)', '10.0.0.1', '10101', '[1,5)', '<a>é</a>');
            INSERT INTO typed (id) VALUES (2);
            INSERT INTO typed (id, exact, weight, half, day, at, plain) VALUES (3, 'NaN', 'NaN', '-Infinity',
            '0044-03-15 BC', 'infinity', '12024-01-01')",
        expected: document!({
            "small": -3, "big": 9_223_372_036_854_775_807_i64, "o": 4_294_967_295_u32,
            "exact": exactly("123456789012345678901234567.01234567890"), "price": exactly("1.50"),
            "r": exactly("0.125"), "weight": 1.0, "half": 0.1, "yes": true, "name": ODD, "code": "007", "none": "",
            "fixed": "ab", "raw": "AP8=", "day": "2024-02-29", "at": "2024-02-29T12:00:00.25Z",
            "plain": "2024-02-29T13:00:00.000001Z", "clock": "23:59:59.5", "zoned": "01:02:03+02",
            "lapse": "P1DT2H", "likes": ["a", "b,c"], "numbers": ["1", "2"], "doc.city.code": "01",
            "doc.n": exactly("1.50"), "old": ["c"], "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "m": "glad",
            "p.n": 7, "p.t": "é", "ip": "10.0.0.1/32", "bits": "10101", "span": "[1,5)", "x": "<a>é</a>",
        }),
        refused: &[
            ("at", "infinity"),
            ("day", "0044-03-15 BC"),
            ("exact", "NaN"),
            ("half", "-Infinity"),
            ("plain", "12024-01-01 00:00:00"),
            ("weight", "NaN"),
        ],
    }
}

fn mysql() -> Typed {
    Typed {
        sql: "SET sql_mode = ''; SET time_zone = '+01:00';
            CREATE TABLE typed (id int, small tinyint, byte tinyint unsigned, big bigint, wide bigint unsigned,
            filled int(5) zerofill, price decimal(10, 2), exact decimal(38, 11), weight double, half float, yes boolean,
            name text, code varchar(9), none text, fixed char(5), latin text CHARACTER SET latin1, raw varbinary(9),
            big_raw blob, day date, at timestamp(2) NULL, plain datetime(6), bits bit(9), all_bits bit(64),
            word enum('sad', 'é'), words set('a', 'b', 'ÿ'), lapse time(1), born year, doc json)
            CHARACTER SET utf8mb4;
            INSERT INTO typed VALUES (1, -3, 255, 9223372036854775807, 18446744073709551615, 42, 1.50,
            123456789012345678901234567.01234567890, 1, 0.1, true,
            concat('Ann \"x\", é 日本 😀', char(10, 9, 30, 31 USING utf8mb4), ''''), '007', '', 'ab', 'é', x'00ff', x'',
            '2024-02-29', '2024-02-29 13:00:00.25', '2024-02-29 13:00:00.000001', b'100000001',
            b'1111111111111111111111111111111111111111111111111111111111111111', 'é', 'a,ÿ', '-30:00:01.5', 2001,
            '{\"a\":1}');
            INSERT INTO typed (id) VALUES (2);
            INSERT INTO typed (id, day, at, plain) VALUES (3, '0000-00-00', 0, '2024-02-00 01:00:00')",
        expected: document!({
            "small": -3, "byte": 255, "big": 9_223_372_036_854_775_807_i64, "wide": 18_446_744_073_709_551_615_u64,
            "filled": 42, "price": exactly("1.50"), "exact": exactly("123456789012345678901234567.01234567890"),
            "weight": 1.0, "half": 0.1, "yes": 1, "name": ODD, "code": "007", "none": "", "fixed": "ab", "latin": "é",
            "raw": "AP8=", "big_raw": "", "day": "2024-02-29", "at": "2024-02-29T12:00:00.25Z",
            "plain": "2024-02-29T13:00:00.000001Z", "bits": 257, "all_bits": 18_446_744_073_709_551_615_u64,
            "word": "é", "words": ["a", "ÿ"], "lapse": "-30:00:01.500000", "born": 2001, "doc": "{\"a\":1}",
        }),
        refused: &[
            ("at", "0000-00-00T00:00:00.000000Z"),
            ("day", "0000-00-00"),
            ("plain", "2024-02-00T01:00:00.000000"),
        ],
    }
}

/// A number with these digits.
fn exactly(digits: &str) -> Value {
    serde_json::from_str(digits).expect("a number")
}

#[test]
fn a_type_without_an_exact_text_is_refused_by_name() {
    let scratch = Scratch::new();
    let _alone = alone();
    let Some(mut server) = Server::mysql() else { return };
    server.run("DROP TABLE IF EXISTS typed");
    server
        .run("CREATE TABLE typed (id int, place point); INSERT INTO typed VALUES (1, point(1, 2))");
    super::failures::refused(
        &scratch,
        server.url(),
        &["--table", "typed"],
        &["'place'", "cast it"],
    );
    let store = scratch.path("cast");
    let query = "SELECT id, ST_AsText(place) AS place FROM typed";
    load(&store, server.url(), &["--query", query]);
    assert_eq!(traits(&store, "1"), document!({"place": "POINT(1 2)"}));
}

#[test]
fn an_instant_has_its_zone_or_that_of_the_load() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in Server::all(&scratch) {
        let (plain, zoned, moment) = match server.name() {
            "postgres" => ("timestamp", "timestamptz", "2024-07-01 12:00:00+02"),
            "mysql" => ("datetime", "timestamp NULL", "2024-07-01 12:00:00"),
            _ => ("datetime", "datetime", "2024-07-01T12:00:00+02:00"),
        };
        if server.name() == "mysql" {
            server.run("SET time_zone = '+02:00'");
        }
        server.run("DROP TABLE IF EXISTS dated");
        server.run(&format!("CREATE TABLE dated (id int, plain {plain}, zoned {zoned})"));
        server.run(&format!("INSERT INTO dated VALUES (1, '2024-07-01 12:00:00', '{moment}')"));
        for column in ["plain", "zoned"] {
            let store = scratch.path(&format!("dated {} {column}", server.name()));
            let first =
                ["load", "--data", &store, "--source", "shop", "--as", "track", "--event", "buy"];
            let rest = [
                "--id",
                "user_id=id",
                "--message-id",
                "id",
                "--time",
                column,
                "--zone",
                "Europe/Paris",
            ];
            json(&[&first[..], &rest, &["--from", server.url(), "--table", "dated"]].concat());
            let asked =
                "EXISTS (SELECT 1 FROM buy e WHERE e.time = TIMESTAMPTZ '2024-07-01T10:00:00Z')";
            let count = done(&["audience", "count", "--data", &store, asked]);
            assert_eq!(count, "1\n", "{} {column}", server.name());
        }
    }
}
