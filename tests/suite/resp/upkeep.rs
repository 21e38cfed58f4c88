//! Looking after what comes in over the network: definitions, revisions, states of sources, quality.

use super::open_server;
use super::process::{Connection, Reply};
use crate::scratch::Scratch;

/// A request, and what its reply must hold: the value at a path of fields and places in lists.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, Reply)]);

/// The value at a path such as `definitions.0.change`.
fn at(reply: &Reply, path: &str) -> Reply {
    path.split('.').fold(reply.clone(), |reply, step| match (&reply, step.parse::<usize>()) {
        (Reply::Array(items), Ok(place)) => items[place].clone(),
        _ => reply.field(step).clone(),
    })
}

fn run(connection: &mut Connection, cases: &[Case<'_>]) {
    for (request, wanted) in cases {
        let reply = connection.ask(request);
        for (path, value) in *wanted {
            assert_eq!(&at(&reply, path), value, "{request:?}: {path} in {reply:?}");
        }
    }
}

fn bulk(text: &str) -> Reply {
    Reply::bulk(text)
}

fn message(id: &str, traits: &str) -> String {
    format!(r#"{{"type":"identify","userId":"ann","messageId":"{id}","traits":{traits}}}"#)
}

const FR: &str = "p.country = 'FR'";
const MAPPING: &str = "[mapping.crm.identify]\nfields = { land = \"country\" }\n";

#[test]
fn what_comes_in_is_looked_after_in_both_versions() {
    for version in ["2", "3"] {
        let scratch = Scratch::new();
        let server = open_server(&scratch);
        let mut connection = server.connect();
        connection.ask(&["HELLO", version]);
        let truth: fn(bool) -> Reply = match version {
            "3" => Reply::Boolean,
            _ => |value| Reply::Integer(i64::from(value)),
        };
        mapped(&mut connection, truth);
        held_and_released(&mut connection);
        expected(&mut connection);
    }
}

/// A mapping is tried, and defined.
fn mapped(connection: &mut Connection, truth: fn(bool) -> Reply) {
    let (first, second) = (message("m1", r#"{"land":"FR"}"#), message("m1", r#"{"land":"DE"}"#));
    let dry: &[&str] = &["DEFINITION.PUT", MAPPING, "dryrun"];
    let before: &[Case<'_>] = &[
        (&["RECORD.PUT", "crm", &first, "os"], &[("status", bulk("written"))]),
        (&["RECORD.PUT", "crm", &first, "os", "REVISE"], &[("status", bulk("duplicate"))]),
        (&["RECORD.PUT", "crm", &second, "os"], &[("status", bulk("conflict"))]),
        (
            dry,
            &[
                ("dry_run", truth(true)),
                ("definitions.0.name", bulk("mapping.crm.identify")),
                ("definitions.0.change", bulk("new")),
            ],
        ),
    ];
    run(connection, before);
    let told = connection.ask(dry);
    let field = told.field("effect").field("fields").field("trait.country");
    assert_eq!(field.field("after"), &bulk("text"), "{told:?}");
    assert!(connection.ask(&["AUDIENCE.COUNT", FR]).error().contains("country"), "a dry run");

    let defined = connection.ask(&["DEFINITION.PUT", MAPPING]);
    assert_eq!(defined.field("dry_run"), &truth(false));
    assert_eq!(connection.ask(&["AUDIENCE.COUNT", FR]), Reply::Integer(1));
    let cases: &[Case<'_>] = &[
        (&["DEFINITION.PUT", MAPPING], &[("definitions.0.change", bulk("unchanged"))]),
        (&["DEFINITION.LIST"], &[("definitions.0.kind", bulk("mapping"))]),
    ];
    run(connection, cases);
}

/// A record is revised; what comes while its source is held counts later.
fn held_and_released(connection: &mut Connection) {
    let number = Reply::Integer;
    let cases: &[Case<'_>] = &[
        (
            &["RECORD.PUT", "crm", &message("m1", r#"{"land":"IT"}"#), "REVISE"],
            &[("status", bulk("revised")), ("level", bulk("group"))],
        ),
        (&["SOURCE.LIST"], &[("crm.state", bulk("live"))]),
        (&["SOURCE.SET", "crm", "HELD", "reason", "odd"], &[("written", number(1))]),
        (&["SOURCE.SET", "crm", "held"], &[("written", number(0))]),
        (&["SOURCE.LIST"], &[("crm.state", bulk("held"))]),
        (
            &["RECORD.PUT", "crm", &message("m2", r#"{"land":"FR"}"#)],
            &[("status", bulk("written"))],
        ),
    ];
    run(connection, cases);
    assert_eq!(connection.ask(&["AUDIENCE.COUNT", FR]), number(0), "it is held back");
    connection.ask(&["SOURCE.SET", "crm", "live"]);
    assert_eq!(connection.ask(&["AUDIENCE.COUNT", FR]), number(1), "it is released");
}

/// An expectation that is not met holds the source, when that is asked for.
fn expected(connection: &mut Connection) {
    let number = Reply::Integer;
    let expect = "[expect.crm.identify]\nrows_per_day = { max = 1 }\non_breach = \"hold\"\n";
    let cases: &[Case<'_>] = &[
        (&["DEFINITION.PUT", expect], &[("effect", Reply::Null)]),
        (
            &["QUALITY", "source", "crm", "DAYS", "1"],
            &[
                ("sources.0.days.0.kinds.0.rows", number(2)),
                ("sources.0.days.0.kinds.0.nulls.country", number(0)),
                ("breaches.0.what", bulk("identify")),
            ],
        ),
        (&["SOURCE.LIST"], &[("crm.state", bulk("live"))]),
        (&["QUALITY", "CHECK"], &[("held.0", bulk("crm"))]),
        (&["SOURCE.LIST"], &[("crm.state", bulk("held"))]),
        (&["SOURCE.SET", "crm", "refused"], &[("written", number(1))]),
        (
            &["DEFINITION.PUT", "", "DROP", "1", "expect.crm.identify"],
            &[("definitions.0.change", bulk("dropped"))],
        ),
    ];
    run(connection, cases);
    let refused = connection.ask(&["RECORD.PUT", "crm", &message("m1", "{}")]);
    assert!(refused.error().starts_with("CONFLICT source 'crm' is refused"), "{refused:?}");
}

#[test]
fn requests_that_are_wrong_are_refused() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let put = message("m1", "{}");
    let cases: &[(&[&str], &str)] = &[
        (&["RECORD.PUT", "crm", &put, "REVISE", "os"], "ERR syntax error: 'os' is not"),
        (&["RECORD.PUT", "crm", &put, "os", "again"], "ERR syntax error: 'again' is not"),
        (&["RECORD.PUT", "crm", &put, "os", "REVISE", "x"], "ERR wrong number of arguments"),
        (&["SOURCE.SET", "crm"], "ERR wrong number of arguments"),
        (&["SOURCE.SET", "crm", "dead"], "INVALID 'dead' is no state of a source; use live, held"),
        (&["SOURCE.SET", "", "held"], "INVALID"),
        (&["SOURCE.SET", "crm", "held", "REASON"], "ERR syntax error: too little follows REASON"),
        (&["SOURCE.SET", "crm", "held", "why"], "ERR syntax error: 'WHY'"),
        (&["SOURCE.LIST", "crm"], "ERR wrong number of arguments"),
        (&["QUALITY", "SOURCE", "crm"], "NOTFOUND there is no source 'crm'"),
        (&["QUALITY", "DAYS", "0"], "LIMIT days are"),
        (&["QUALITY", "DAYS", "99999999999"], "LIMIT days are"),
        (&["QUALITY", "DAYS", "few"], "ERR syntax error: DAYS takes a number"),
        (&["QUALITY", "CHECK", "CHECK"], "ERR syntax error: CHECK stands twice"),
        (&["DEFINITION.PUT"], "ERR wrong number of arguments"),
        (&["DEFINITION.PUT", "[trait.a]\ntype = \"mony\""], "INVALID 2:8: 'mony' is no type"),
        (&["DEFINITION.PUT", "", "DROP", "2", "trait.a"], "ERR syntax error: too little"),
        (&["DEFINITION.PUT", "", "DROP", "1", "trait.a"], "NOTFOUND there is no definition"),
        (&["DEFINITION.PUT", "", "DRY"], "ERR syntax error: 'DRY'"),
        (&["DEFINITION.LIST", "EVERY"], "ERR syntax error: 'EVERY'"),
    ];
    for (request, wanted) in cases {
        let reply = connection.ask(request);
        assert!(reply.error().starts_with(wanted), "{request:?}: {reply:?}");
    }
    let bare = connection.ask(&["DEFINITION.PUT", "trait.age.type = \"integer\"", "DRYRUN"]);
    assert_eq!(at(&bare, "definitions.0.change"), bulk("new"), "the example of the documents");
    let stats = connection.ask(&["STATS"]);
    assert_eq!(stats.field("position"), &Reply::Integer(1), "nothing was written: {stats:?}");
}
