//! A later load goes on where the last one stopped: no row is lost, and none counts twice.

use super::{Server, alone, digest, done, file, json, load, run, traits};
use crate::scratch::Scratch;

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
