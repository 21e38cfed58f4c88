//! Lists over the network: members page by page, breakdowns, greatest values, aggregates, explanations.

use super::open_server;
use super::process::{Connection, Reply, Server};
use crate::scratch::Scratch;
use std::collections::BTreeSet;

/// Writes what a person is.
fn put(connection: &mut Connection, person: &str, traits: &str) {
    let ids = format!(r#"{{"user_id":"{person}","email":"{person}@example.org"}}"#);
    let message = format!(r#"{{"type":"identify","identifiers":{ids},"traits":{traits}}}"#);
    let receipt = connection.ask(&["RECORD.PUT", "crm", &message, "os"]);
    assert_eq!(receipt.field("status"), &Reply::bulk("written"));
}

fn list(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) => items,
        other => panic!("{other:?} is no list"),
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) => String::from_utf8(bytes.clone()).expect("text"),
        other => panic!("{other:?} is no text"),
    }
}

fn row(values: &[Reply]) -> Reply {
    Reply::Array(values.to_vec())
}

fn people(connection: &mut Connection) {
    put(connection, "ann", r#"{"country":"FR","age":33,"balance":12.50,"vip":true}"#);
    put(connection, "bob", r#"{"country":"DE","age":44}"#);
    put(connection, "cem", r#"{"country":"FR","score":1.5e0}"#);
}

#[test]
fn lists_answer_alike_in_both_versions() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    people(&mut connection);
    for version in ["2", "3"] {
        connection.ask(&["HELLO", version]);
        let new = version == "3";
        let is_map = |reply: &Reply| matches!(reply, Reply::Map(_)) == new;
        let page = connection.ask(&[
            "AUDIENCE.MEMBERS",
            "p.country = 'FR'",
            "LIMIT",
            "10",
            "with",
            "email",
            "Select",
            "4",
            "age",
            "balance",
            "vip",
            "score",
        ]);
        assert!(is_map(&page) && page.field("next") == &Reply::Null, "{page:?}");
        let members = list(page.field("members"));
        assert!(members.len() == 2 && members.iter().all(is_map), "{page:?}");
        let of = |email: &str| {
            let emails = Reply::Array(vec![Reply::bulk(email)]);
            let member = members.iter().find(|member| member.field("identifiers") == &emails);
            member.unwrap_or_else(|| panic!("no {email} in {page:?}")).field("traits")
        };
        let (ann, cem) = (of("ann@example.org"), of("cem@example.org"));
        assert!(is_map(ann));
        assert_eq!(ann.field("age"), &Reply::Integer(33));
        assert_eq!(ann.field("balance"), &Reply::bulk("12.50"));
        assert_eq!(ann.field("vip"), &if new { Reply::Boolean(true) } else { Reply::Integer(1) });
        assert_eq!((ann.field("score"), cem.field("age")), (&Reply::Null, &Reply::Null));
        let score = if new { Reply::Double("1.5".to_owned()) } else { Reply::bulk("1.5") };
        assert_eq!(cem.field("score"), &score);

        let by = connection.ask(&["audience.breakdown", "true", "by", "country"]);
        assert!(is_map(&by));
        assert_eq!(by.field("columns"), &row(&[Reply::bulk("country"), Reply::bulk("count")]));
        let france = row(&[Reply::bulk("FR"), Reply::Integer(2)]);
        let germany = row(&[Reply::bulk("DE"), Reply::Integer(1)]);
        assert_eq!(by.field("rows"), &row(&[france, germany]));
        let by = connection.ask(&["AUDIENCE.BREAKDOWN", "p.age > 40", "BY", "country", "balance"]);
        let only = row(&[Reply::bulk("DE"), Reply::Null, Reply::Integer(1)]);
        assert_eq!(by.field("rows"), &row(&[only]));

        let top = connection.ask(&["AUDIENCE.TOP", "true", "BY", "age", "LIMIT", "1"]);
        assert_eq!(list(top.field("rows")).len(), 1);
        assert_eq!(list(&list(top.field("rows"))[0])[1], Reply::Integer(44));
        let top = connection.ask(&["AUDIENCE.TOP", "true", "BY", "age"]);
        assert_eq!(list(top.field("rows")).len(), 2, "who has no age is not among the oldest");

        let sums = connection.ask(&["AUDIENCE.AGGREGATE", "true", "OF", "age"]);
        assert!(is_map(&sums));
        assert_eq!(sums.field("count"), &Reply::Integer(2));
        assert_eq!(sums.field("sum"), &Reply::bulk("77"));
        let average = if new { Reply::Double("38.5".to_owned()) } else { Reply::bulk("38.5") };
        assert_eq!(sums.field("avg"), &average);
        let nothing = connection.ask(&["AUDIENCE.AGGREGATE", "false", "OF", "age"]);
        assert_eq!((nothing.field("count"), nothing.field("max")), {
            (&Reply::Integer(0), &Reply::Null)
        });
    }
}

#[test]
fn explanations_answer_alike_in_both_versions() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    people(&mut connection);
    for version in ["2", "3"] {
        connection.ask(&["HELLO", version]);
        let truth = if version == "3" { Reply::Boolean(true) } else { Reply::Integer(1) };
        let explained = connection.ask(&["AUDIENCE.EXPLAIN", "p.age > 40"]);
        assert_eq!(explained.field("count"), &Reply::Integer(1));
        assert!(!list(explained.field("plan")).is_empty());
        let sql = text(&connection.ask(&["AUDIENCE.EXPLAIN", "p.age > 40", "sql"]));
        assert!(sql.starts_with("SELECT count(*)"), "{sql}");
        let profile = connection.ask(&["PROFILE.EXPLAIN", "email", "ANN@example.org"]);
        let facts = list(profile.field("traits").field("age"));
        assert_eq!(facts[0].field("value"), &Reply::Integer(33));
        assert_eq!(facts[0].field("won"), &truth);
        assert_eq!(facts[0].field("reason"), &Reply::Null);
        assert_eq!(facts[0].field("namespace"), &Reply::bulk("user_id"));
        assert_eq!(facts[0].field("identifier"), &Reply::bulk("ann"));
        let whole = connection.ask(&["PROFILE.GET", "user_id", "ann"]);
        assert_eq!(profile.field("id"), whole.field("id"));
        let golden = connection.ask(&["PROFILE.GOLDEN", "email", "ANN@example.org"]);
        assert_eq!(golden.field("id"), whole.field("id"));
        assert_eq!(golden.field("traits"), whole.field("traits"));
        assert_eq!(connection.ask(&["PROFILE.GOLDEN", "email", "nobody@x.org"]), Reply::Null);
        assert_eq!(connection.ask(&["PROFILE.EXPLAIN", "email", "nobody@x.org"]), Reply::Null);
    }
}

#[test]
fn requests_that_are_wrong_are_refused() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    people(&mut connection);
    let long: Vec<&str> =
        ["AUDIENCE.MEMBERS", "true", "SELECT", "257"].into_iter().chain(["age"; 257]).collect();
    let cases: &[(&[&str], &str)] = &[
        (&["AUDIENCE.MEMBERS"], "ERR wrong number of arguments for 'audience.members' command"),
        (&["AUDIENCE.BREAKDOWN", "true", "BY"], "ERR wrong number of arguments"),
        (&["AUDIENCE.BREAKDOWN", "true", "BY", "a", "b", "c"], "ERR wrong number of arguments"),
        (&["AUDIENCE.TOP", "true"], "ERR wrong number of arguments"),
        (&["AUDIENCE.AGGREGATE", "true", "age"], "ERR wrong number of arguments"),
        (&["AUDIENCE.AGGREGATE", "true", "OF", "a", "b"], "ERR wrong number of arguments"),
        (&["AUDIENCE.EXPLAIN", "true", "SQL", "SQL"], "ERR wrong number of arguments"),
        (&["PROFILE.EXPLAIN", "email"], "ERR wrong number of arguments"),
        (&["AUDIENCE.EXPLAIN", "true", "XML"], "ERR syntax error: 'XML' is not understood"),
        (&["AUDIENCE.MEMBERS", "true", "OFFSET", "3"], "ERR syntax error: 'OFFSET'"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT"], "ERR syntax error: too little follows LIMIT"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT", "x"], "ERR syntax error: LIMIT takes a number"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT", "-1"], "ERR syntax error: LIMIT takes a number"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT", "1", "limit", "2"], "ERR syntax error: LIMIT"),
        (&["AUDIENCE.MEMBERS", "true", "SELECT", "2", "age"], "ERR syntax error: too little"),
        (&["AUDIENCE.MEMBERS", "true", "SELECT", "0", "age"], "ERR syntax error: 'AGE' is not"),
        (&["AUDIENCE.MEMBERS", "true", "SELECT", "9999999999", "age"], "ERR syntax error"),
        (&["AUDIENCE.MEMBERS", "true", "SELECT", "1", "contry"], "INVALID 'contry' is no trait"),
        (&["AUDIENCE.MEMBERS", "true", "SELECT", "2", "age", "AGE"], "INVALID 'AGE' is selected"),
        (&["AUDIENCE.MEMBERS", "true", "AFTER", "1"], "INVALID '1' is no cursor"),
        (&["AUDIENCE.MEMBERS", "true", "WITH", ""], "INVALID the namespace is empty"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT", "0"], "INVALID the limit is 0"),
        (&["AUDIENCE.MEMBERS", "true", "LIMIT", "100001"], "LIMIT the limit is 100001"),
        (&long, "LIMIT at most 256 traits"),
        (&["AUDIENCE.MEMBERS", "p.agee > 3"], "INVALID 'agee' is no trait; did you mean 'age'?"),
        (&["AUDIENCE.MEMBERS", "SELECT p.age FROM profiles p"], "INVALID this statement gives"),
        (&["AUDIENCE.BREAKDOWN", "true", "OF", "age"], "ERR syntax error: BY is expected"),
        (&["AUDIENCE.BREAKDOWN", "true", "BY", "agee"], "INVALID 'agee' is no trait"),
        (&["AUDIENCE.TOP", "true", "BY", "age", "LIMIT"], "ERR syntax error: too little"),
        (&["AUDIENCE.TOP", "true", "BY", "age", "AFTER", "3"], "ERR syntax error: 'AFTER'"),
        (&["AUDIENCE.TOP", "p.age >", "BY", "age"], "INVALID the audience is not understood"),
        (&["AUDIENCE.AGGREGATE", "true", "BY", "age"], "ERR syntax error: OF is expected"),
    ];
    for (request, wanted) in cases {
        let reply = connection.ask(request);
        assert!(reply.error().starts_with(wanted), "{request:?}: {reply:?}");
    }
    let placed = connection.ask(&["AUDIENCE.TOP", "p.age > 3 AND p.x = 1", "BY", "age"]);
    assert!(placed.error().contains("(at character 15, near"), "{placed:?}");
    let bytes = b"*3\r\n$16\r\nAUDIENCE.MEMBERS\r\n$4\r\ntrue\r\n$2\r\n\xff\xfe\r\n";
    connection.send(bytes);
    assert!(connection.reply().error().starts_with("ERR syntax error"));
    assert_eq!(connection.ask(&["PING"]), Reply::Simple("PONG".to_owned()));
}

#[test]
fn a_cursor_goes_on_over_writes_and_restarts() {
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    let mut connection = server.connect();
    for n in 0..50 {
        put(&mut connection, &format!("first-{n}"), r#"{"here":true}"#);
    }
    let stayed = |reply: &Reply| -> Vec<String> {
        let members = list(reply.field("members")).iter();
        members.map(|member| text(member.field("profile_id"))).collect()
    };
    let all = stayed(&connection.ask(&["AUDIENCE.MEMBERS", "p.here"]));
    assert_eq!(all.len(), 50);
    let (mut told, mut after, mut gone) = (Vec::new(), None, BTreeSet::new());
    for round in 0.. {
        let mut request = vec!["AUDIENCE.MEMBERS", "p.here", "LIMIT", "8"];
        request.extend(after.iter().flat_map(|cursor: &String| ["AFTER", cursor.as_str()]));
        let page = connection.ask(&request);
        told.extend(stayed(&page));
        if page.field("next") == &Reply::Null {
            break;
        }
        after = Some(text(page.field("next")));
        assert_eq!(after.as_ref(), told.last());
        put(&mut connection, &format!("new-{round}"), r#"{"here":true}"#);
        let leaver = format!("first-{round}");
        let profile = connection.ask(&["PROFILE.GET", "user_id", &leaver]);
        gone.insert(text(profile.field("id")));
        put(&mut connection, &leaver, r#"{"here":false}"#);
        if round % 2 == 1 {
            // An orderly end makes a checkpoint; a killed server leaves the log alone.
            if round % 4 == 1 {
                assert_eq!(server.stop(), Some(0));
            } else {
                server.kill();
            }
            server = Server::start(&scratch.path("data"), None);
            connection = server.connect();
        }
    }
    let once: BTreeSet<&String> = told.iter().collect();
    assert_eq!(once.len(), told.len(), "somebody was told twice");
    let lost: Vec<_> = all.iter().filter(|id| !gone.contains(*id) && !once.contains(id)).collect();
    assert!(lost.is_empty(), "{lost:?} were members all the time");
}

#[test]
fn the_new_commands_are_documented() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let names = [
        ("AUDIENCE.MEMBERS", -2),
        ("AUDIENCE.BREAKDOWN", -4),
        ("AUDIENCE.TOP", -4),
        ("AUDIENCE.AGGREGATE", 4),
        ("AUDIENCE.EXPLAIN", -2),
        ("PROFILE.EXPLAIN", 3),
        ("PROFILE.GOLDEN", 3),
    ];
    for (name, arity) in names {
        let info = connection.ask(&["COMMAND", "INFO", name]);
        assert_eq!(list(&list(&info)[0])[1], Reply::Integer(arity), "{name}");
        let docs = connection.ask(&["COMMAND", "DOCS", name]);
        let own = docs.field(&name.to_lowercase());
        assert!(!text(own.field("summary")).is_empty());
        assert!(!list(own.field("arguments")).is_empty());
    }
    let docs = connection.ask(&["COMMAND", "DOCS", "AUDIENCE.MEMBERS"]);
    let arguments = list(docs.field("audience.members").field("arguments")).to_vec();
    let shown: Vec<String> = arguments.iter().map(|a| text(a.field("display_text"))).collect();
    assert_eq!(
        shown,
        ["text", "SELECT n name [name ...]", "WITH namespace", "LIMIT n", "AFTER cursor"]
    );
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let scratch = Scratch::new();
    let server = Server::start_with(&scratch.path("data"), &["--within", "0.0000001"]);
    let mut connection = server.connect();
    people(&mut connection);
    let late = connection.ask(&["AUDIENCE.COUNT", "p.age > 3"]);
    assert!(late.error().starts_with("TIMEOUT "), "{late:?}");
    // What is no question to all has no limit.
    let found = connection.ask(&["PROFILE.GET", "user_id", "ann"]);
    assert!(matches!(found, Reply::Map(_) | Reply::Array(_)), "{found:?}");
}
