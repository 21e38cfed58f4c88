//! `IDENTITY` over the network: why two identifiers are one person or are not, all of a person, and what became of it.

use super::open_server;
use super::process::{Connection, Reply};
use crate::scratch::Scratch;

fn put(connection: &mut Connection, message: &str) {
    let receipt = connection.ask(&["RECORD.PUT", "crm", message, "os"]);
    assert_eq!(receipt.field("status"), &Reply::bulk("written"));
}

fn person(id: &str, ids: &str) -> String {
    format!(
        r#"{{"type":"identify","messageId":"{id}","timestamp":"2026-03-01T10:00:00Z",
            "identifiers":{ids},"traits":{{}}}}"#
    )
}

fn list(reply: &Reply) -> &[Reply] {
    match reply {
        Reply::Array(items) => items,
        other => panic!("{other:?} is no list"),
    }
}

fn ask(connection: &mut Connection, words: &str) -> Reply {
    let words: Vec<&str> = words.split(' ').collect();
    connection.ask(&words)
}

#[test]
fn who_is_one_person_is_told_alike_in_both_versions() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    put(&mut connection, &person("m1", r#"{"email":"Ann@example.org","device_id":"d1"}"#));
    put(&mut connection, &person("m2", r#"{"user_id":"7","device_id":"d1"}"#));
    put(&mut connection, &person("m3", r#"{"user_id":"8"}"#));
    let forbid = r#"{"type":"forbid","messageId":"m4","timestamp":"2026-03-02T10:00:00Z",
        "left":{"namespace":"user_id","value":"7"},"right":{"namespace":"user_id","value":"8"}}"#;
    put(&mut connection, forbid);
    for version in ["2", "3"] {
        connection.ask(&["HELLO", version]);
        let yes = if version == "3" { Reply::Boolean(true) } else { Reply::Integer(1) };
        let no = if version == "3" { Reply::Boolean(false) } else { Reply::Integer(0) };
        let why = ask(&mut connection, "IDENTITY WHY email ann@example.org user_id 7");
        assert_eq!(why.field("one"), &yes, "{why:?}");
        let [first, second] = list(why.field("path")) else { panic!("{why:?}") };
        for link in [first, second] {
            assert_eq!(link.field("kind"), &Reply::bulk("deterministic"));
            assert_eq!(link.field("source"), &Reply::bulk("crm"));
            assert_eq!(link.field("admitted"), &yes);
        }
        assert_eq!(first.field("left").field("value"), &Reply::bulk("ann@example.org"));
        let apart = ask(&mut connection, "IDENTITY WHY user_id 7 user_id 8");
        assert_eq!(apart.field("one"), &no, "{apart:?}");
        let [forbidden] = list(apart.field("forbidden")) else { panic!("{apart:?}") };
        assert_eq!(forbidden.field("kind"), &Reply::bulk("cannot-link"));
        let cluster = ask(&mut connection, "IDENTITY CLUSTER device_id d1");
        assert_eq!(cluster.field("profile"), why.field("profile"));
        assert_eq!(list(cluster.field("identifiers")).len(), 3, "{cluster:?}");
        let history = ask(&mut connection, "IDENTITY HISTORY user_id 7");
        let changes: Vec<&Reply> = list(&history).iter().map(|c| c.field("change")).collect();
        assert_eq!(changes, [&Reply::bulk("joined")], "{history:?}");
        let rules = ask(&mut connection, "IDENTITY RULES");
        assert!(matches!(&rules, Reply::Bulk(_)), "{rules:?}");
        for wrong in ["IDENTITY WHY email x user_id 7", "IDENTITY CLUSTER nothing 1"] {
            let refused = ask(&mut connection, wrong);
            let told = format!("{refused:?}");
            assert!(told.contains("NOTFOUND"), "{wrong}: {told}");
        }
    }
}
