//! What a client may send, and what it gets: both versions of the protocol, pipelines, batches, inline requests.

use super::process::{Reply, request};
use super::{PASSWORD, closed_server, open_server, purchase};
use crate::scratch::Scratch;

fn ok() -> Reply {
    Reply::Simple("OK".to_string())
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut bytes = request(&["ECHO", "a\r\nb"]);
    bytes.extend_from_slice(b"echo \"x y\"\r\n\r\n*0\r\n");
    bytes.extend_from_slice(&request(&["RECORD.PUT", "shop", &purchase("ann", "12.50")]));
    bytes.extend_from_slice(&request(&["AUDIENCE.COUNT", "EXISTS (SELECT 1 FROM purchase e)"]));
    bytes.extend_from_slice(&request(&["QUIT"]));
    let mut connection = server.connect();
    for byte in &bytes {
        connection.send(std::slice::from_ref(byte));
    }
    assert_eq!(connection.reply(), Reply::bulk("a\r\nb"));
    assert_eq!(connection.reply(), Reply::bulk("x y"));
    assert_eq!(connection.reply().field("status"), &Reply::bulk("written"));
    assert_eq!(connection.reply(), Reply::Integer(1));
    assert_eq!(connection.reply(), ok());
    assert!(connection.is_closed());
}

#[test]
fn replies_come_in_the_order_of_requests() {
    const REQUESTS: usize = 20_000;
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let mut writer = connection.stream.try_clone().expect("a socket can be shared");
    let sender = std::thread::spawn(move || {
        let bytes: Vec<u8> =
            (0..REQUESTS).flat_map(|n| request(&["ECHO", &n.to_string()])).collect();
        std::io::Write::write_all(&mut writer, &bytes).expect("the server reads on");
    });
    for n in 0..REQUESTS {
        assert_eq!(connection.reply(), Reply::bulk(n.to_string()));
    }
    sender.join().expect("all was sent");
}

#[test]
fn a_whole_pipeline_may_be_sent_before_a_reply_is_read() {
    const REQUESTS: usize = 2_000;
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let long = "x".repeat(500);
    let bytes: Vec<u8> =
        (0..REQUESTS).flat_map(|n| request(&["ECHO", &format!("{n} {long}")])).collect();
    connection.send(&bytes);
    for n in 0..REQUESTS {
        assert_eq!(connection.reply(), Reply::bulk(format!("{n} {long}")));
    }
}

#[test]
fn people_may_type() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    connection.send(b"PING\r\nping\nPing hello\r\necho 'it is'\r\nset a b\r\nget\r\n");
    assert_eq!(connection.reply(), Reply::Simple("PONG".to_string()));
    assert_eq!(connection.reply(), Reply::Simple("PONG".to_string()));
    assert_eq!(connection.reply(), Reply::bulk("hello"));
    assert_eq!(connection.reply(), Reply::bulk("it is"));
    // Clients look at these words when they decide what a server can do.
    let unknown = |name: &str, arguments: &str| {
        format!("ERR unknown command '{name}', with args beginning with: {arguments}")
    };
    assert_eq!(connection.reply().error().trim_end(), unknown("set", "'a' 'b'"));
    assert_eq!(connection.reply().error().trim_end(), unknown("get", "").trim_end());
    assert_eq!(
        connection.ask(&["eCHo"]).error(),
        "ERR wrong number of arguments for 'echo' command"
    );
    assert_eq!(connection.ask(&["audience.count", "true"]), Reply::Integer(0));
}

#[test]
fn hello_chooses_the_protocol() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let flat = connection.ask(&["HELLO"]);
    assert!(matches!(flat, Reply::Array(_)), "{flat:?}");
    assert_eq!(flat.field("proto"), &Reply::Integer(2));
    assert!(
        connection.ask(&["HELLO", "4"]).error().starts_with("NOPROTO unsupported protocol version")
    );
    let map = connection.ask(&["hello", "3", "SETNAME", "till"]);
    assert!(matches!(map, Reply::Map(_)), "{map:?}");
    assert_eq!(map.field("proto"), &Reply::Integer(3));
    assert_eq!(map.field("mode"), &Reply::bulk("standalone"));
    assert_eq!(connection.ask(&["CLIENT", "GETNAME"]), Reply::bulk("till"));
    assert_eq!(connection.ask(&["PROFILE.GET", "email", "nobody@example.org"]), Reply::Null);
    assert_eq!(connection.ask(&["HELLO", "2"]).field("proto"), &Reply::Integer(2));
}

#[test]
fn what_clients_send_first_is_answered() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    assert_eq!(connection.ask(&["CLIENT", "SETINFO", "LIB-NAME", "test"]), ok());
    assert_eq!(connection.ask(&["select", "0"]), ok());
    assert!(matches!(connection.ask(&["SELECT", "1"]), Reply::Error(_)));
    assert!(matches!(connection.ask(&["COMMAND"]), Reply::Array(rows) if rows.len() > 10));
    assert!(matches!(connection.ask(&["COMMAND", "DOCS"]), Reply::Array(_)));
    assert!(matches!(connection.ask(&["CONFIG", "GET", "save"]), Reply::Array(_)));
    assert!(connection.ask(&["CLIENT", "ID"]).integer() > 0);
    let Reply::Bulk(info) = connection.ask(&["INFO"]) else { panic!("INFO is text") };
    let info = String::from_utf8(info).expect("INFO is text");
    for line in ["redis_version:", "loading:0", "role:master"] {
        assert!(info.contains(line), "{line} is missing in {info}");
    }
}

#[test]
fn a_batch_runs_in_order() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    assert!(connection.ask(&["EXEC"]).error().starts_with("ERR EXEC without MULTI"));
    assert_eq!(connection.ask(&["MULTI"]), ok());
    let queued = Reply::Simple("QUEUED".to_string());
    let count = ["AUDIENCE.COUNT", "EXISTS (SELECT 1 FROM purchase e WHERE e.amount > 10)"];
    assert_eq!(connection.ask(&["RECORD.PUT", "shop", &purchase("ann", "5")]), queued);
    assert_eq!(connection.ask(&count), queued);
    assert_eq!(connection.ask(&["RECORD.PUT", "shop", &purchase("bob", "50.00")]), queued);
    assert_eq!(connection.ask(&count), queued);
    let Reply::Array(replies) = connection.ask(&["EXEC"]) else {
        panic!("EXEC answers with a list")
    };
    assert_eq!(replies.len(), 4);
    assert_eq!((&replies[1], &replies[3]), (&Reply::Integer(0), &Reply::Integer(1)));
    assert_eq!(connection.ask(&["MULTI"]), ok());
    assert!(matches!(connection.ask(&["NO.SUCH"]), Reply::Error(_)));
    assert!(connection.ask(&["EXEC"]).error().starts_with("EXECABORT"));
    assert_eq!(connection.ask(&["PING"]), Reply::Simple("PONG".to_string()));
}

#[test]
fn own_commands_answer_alike_in_both_versions() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    let traits = r#"{"name":"Ann Müller","age":33,"balance":12.50,"vip":true}"#;
    let message = &format!(r#"{{"type":"identify","userId":"ann","traits":{traits}}}"#);
    for version in ["2", "3"] {
        connection.ask(&["HELLO", version]);
        let receipt = connection.ask(&["RECORD.PUT", "crm", message, "sync"]);
        assert_eq!(receipt.field("level"), &Reply::bulk("sync"));
        assert_eq!(receipt.field("status"), &Reply::bulk("written"));
        let profile = connection.ask(&["PROFILE.GET", "user_id", "ann"]);
        let value = |name: &str| profile.field("traits").field(name).field("value").clone();
        assert_eq!(value("name"), Reply::bulk("Ann Müller"));
        assert_eq!(value("age"), Reply::Integer(33));
        assert_eq!(value("balance"), Reply::bulk("12.50"));
        assert_eq!(
            value("vip"),
            if version == "3" { Reply::Boolean(true) } else { Reply::Integer(1) }
        );
        assert_eq!(
            connection.ask(&["AUDIENCE.COUNT", "p.name = 'Ann Müller' AND p.age > 30"]),
            Reply::Integer(1)
        );
        assert_eq!(connection.ask(&["STATS"]).field("profiles"), &Reply::Integer(1));
    }
}

#[test]
fn mistakes_are_answered_and_the_connection_goes_on() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    connection.ask(&[
        "RECORD.PUT",
        "crm",
        r#"{"type":"identify","userId":"ann","traits":{"country":"FR"}}"#,
    ]);
    let error = connection.ask(&["AUDIENCE.COUNT", "p.contry = 'FR'"]);
    assert!(
        error.error().starts_with("INVALID ") && error.error().contains("country"),
        "{error:?}"
    );
    assert!(connection.ask(&["AUDIENCE.COUNT", "p.country ="]).error().starts_with("INVALID "));
    assert!(matches!(
        connection.ask(&["RECORD.PUT", "crm", "{\"type\":", "group"]),
        Reply::Error(_)
    ));
    assert!(matches!(connection.ask(&["RECORD.PUT", "crm", "{}", "quick"]), Reply::Error(_)));
    assert!(matches!(connection.ask(&["RECORD.PUT", "crm"]), Reply::Error(_)));
    assert_eq!(connection.ask(&["AUDIENCE.COUNT", "p.country = 'FR'"]), Reply::Integer(1));
}

#[test]
fn a_password_is_asked_for() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    let mut connection = server.connect();
    for command in ["PING", "STATS", "INFO", "COMMAND", "NO.SUCH"] {
        assert!(connection.ask(&[command]).error().starts_with("NOAUTH "), "{command}");
    }
    assert!(connection.ask(&["HELLO", "3"]).error().starts_with("NOAUTH "));
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(connection.ask(&["AUTH", "guess"]).error(), wrong);
    assert_eq!(connection.ask(&["AUTH", "default", &PASSWORD[1..]]).error(), wrong);
    assert_eq!(connection.ask(&["AUTH", "root", PASSWORD]).error(), wrong);
    assert_eq!(connection.ask(&["HELLO", "3", "AUTH", "default", "guess"]).error(), wrong);
    assert!(connection.ask(&["PING"]).error().starts_with("NOAUTH "));
    assert_eq!(connection.ask(&["AUTH", PASSWORD]), ok());
    assert_eq!(connection.ask(&["PING"]), Reply::Simple("PONG".to_string()));
    let mut other = server.connect();
    assert!(matches!(other.ask(&["HELLO", "3", "AUTH", "default", PASSWORD]), Reply::Map(_)));
    assert!(
        server.connect().ask(&["PING"]).error().starts_with("NOAUTH "),
        "a password is good for one connection"
    );
}

#[test]
fn auth_without_a_password_is_explained() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let error = server.connect().ask(&["AUTH", "x"]);
    assert!(error.error().contains("without any password configured"), "{error:?}");
}
