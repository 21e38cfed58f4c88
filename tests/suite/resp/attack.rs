//! Bytes and behaviour that no good client shows. Each is refused or bounded, and the server serves on.

use super::process::{Connection, Reply, Server, request};
use super::{PASSWORD, closed_server, open_server};
use crate::scratch::Scratch;
use std::time::{Duration, Instant};

/// Bytes that are no request.
fn malformed() -> Vec<Vec<u8>> {
    let mut table: Vec<Vec<u8>> = Vec::new();
    for count in
        ["-1", "-5", "x", "", "+1", "01", "1.5", "1e3", "0x10", " 1", "1 ", "1025", "2147483648"]
    {
        table.push(format!("*{count}\r\n$4\r\nPING\r\n").into_bytes());
    }
    table.push(b"*9223372036854775808\r\n".to_vec());
    table.push(b"*18446744073709551617\r\n".to_vec());
    for length in [
        "-1",
        "-2",
        "x",
        "",
        "+4",
        "04",
        "4.0",
        " 4",
        "4 ",
        "4194305",
        "536870913",
        "9223372036854775807",
    ] {
        table.push(format!("*1\r\n${length}\r\nPING\r\n").into_bytes());
    }
    table.push(b"*1\r\n$18446744073709551612\r\nPING\r\n".to_vec());
    for item in [
        ":4\r\n",
        "+PING\r\n",
        "-PING\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "%1\r\n",
        "_\r\n",
        "PING\r\n",
        "\0",
    ] {
        table.push(format!("*1\r\n{item}").into_bytes());
    }
    table.push(b"*1\n$4\r\nPING\r\n".to_vec());
    table.push(b"*1\r\n$4\nPING\r\n".to_vec());
    table.push(b"*1\r\n$4\r\nPINGPONG\r\n".to_vec());
    table.push(b"*1\r\n$4\r\nPING\n\r".to_vec());
    table.push(b"*2\r\n$4\r\nECHO\r\n$2\r\nabc\r\n".to_vec());
    table.push([b"*".as_slice(), &[b'1'; 100]].concat());
    table.push([b"*1\r\n$".as_slice(), &[b'1'; 100]].concat());
    table.push(vec![b'a'; 70 << 10]);
    table.push([vec![b'a'; 70 << 10], b"\r\n".to_vec()].concat());
    table.push(b"ECHO \"no end\r\n".to_vec());
    table.push(b"ECHO 'a'b\r\n".to_vec());
    table.push(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec());
    table.push(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec());
    let three = ["$4194304\r\n", &"a".repeat(4 << 20), "\r\n"].concat().repeat(2) + "$4194304\r\n";
    table.push(format!("*3\r\n{three}").into_bytes());
    table
}

/// Sends bytes that may be refused before all of them are taken.
fn send_carelessly(connection: &mut Connection, bytes: &[u8]) {
    let _ = std::io::Write::write_all(&mut connection.stream, bytes);
}

/// The answer to bytes that are no request: one protocol error, then the end of the connection.
fn refused(server: &Server, bytes: &[u8]) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
    let mut connection = server.connect();
    send_carelessly(&mut connection, bytes);
    match connection.try_reply() {
        Some(Reply::Error(text)) => {
            assert!(text.starts_with("ERR Protocol error: "), "{shown:?}: {text}")
        }
        other => panic!("{shown:?}: {other:?} is no protocol error"),
    }
    assert!(connection.is_closed(), "{shown:?}: the connection stays open");
}

#[test]
fn malformed_bytes_end_the_connection_and_nothing_else() {
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    let mut witness = server.connect();
    let table = malformed();
    assert!(table.len() >= 40, "{} cases", table.len());
    for bytes in table {
        refused(&server, &bytes);
        assert_eq!(witness.ask(&["PING"]), Reply::Simple("PONG".to_string()));
    }
    assert!(server.is_alive());
}

#[test]
fn good_requests_before_bad_bytes_are_answered() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    connection.send(b"PING\r\n*1\r\n:1\r\nPING\r\n");
    assert_eq!(connection.reply(), Reply::Simple("PONG".to_string()));
    assert_eq!(connection.reply().error(), "ERR Protocol error: expected '$', got ':'");
    assert!(connection.is_closed());
}

#[test]
fn strangers_may_send_little() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    refused(&server, b"*17\r\n$4\r\nECHO\r\n");
    refused(&server, b"*2\r\n$4\r\nAUTH\r\n$16385\r\n");
    refused(&server, &[b"*3\r\n$9000\r\n".as_slice(), &[b'a'; 9000], b"\r\n$9000\r\n"].concat());
    refused(&server, &vec![b'a'; 17 << 10]);
    let mut known = server.connect();
    assert_eq!(known.ask(&["AUTH", PASSWORD]), Reply::Simple("OK".to_string()));
    let long = "x".repeat(1 << 20);
    assert_eq!(
        known.ask(&["ECHO", &long]),
        Reply::bulk(&long),
        "who has shown the password may send more"
    );
}

#[test]
fn guessing_ends_the_connection() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    let mut connection = server.connect();
    let mut guesses = 0;
    loop {
        guesses += 1;
        send_carelessly(&mut connection, &request(&["AUTH", &format!("guess {guesses}")]));
        match connection.try_reply() {
            Some(reply) => assert!(reply.error().starts_with("WRONGPASS "), "{reply:?}"),
            None => break,
        }
        assert!(guesses < 100, "a hundred guesses on one connection");
    }
    assert_eq!(server.connect().ask(&["AUTH", PASSWORD]), Reply::Simple("OK".to_string()));
}

#[test]
fn strangers_do_not_stay() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    let begin = Instant::now();
    let mut silent = server.connect();
    let mut slow = server.connect();
    slow.send(b"*2\r\n$4\r\nAUTH\r\n$10\r\n");
    let closed = |connection: &mut Connection| {
        // An error may explain the end.
        while connection.try_reply().is_some() {}
        begin.elapsed() < Duration::from_secs(20)
    };
    assert!(closed(&mut silent) && closed(&mut slow), "a stranger may hold a connection for long");
}

#[test]
fn a_header_reserves_no_memory() {
    const MOST: u64 = 24 << 20;
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    assert_eq!(server.connect().ask(&["PING"]), Reply::Simple("PONG".to_string()));
    let before = server.resident_bytes();
    let mut connections: Vec<Connection> = (0..100).map(|_| server.connect()).collect();
    for connection in &mut connections {
        connection.send(b"*1024\r\n$4\r\nECHO\r\n$4194304\r\nonly this much");
    }
    assert_eq!(server.connect().ask(&["PING"]), Reply::Simple("PONG".to_string()));
    std::thread::sleep(Duration::from_millis(200));
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(
        grown < MOST,
        "100 headers that claim 400 MiB made the server grow by {} MiB",
        grown >> 20
    );
    assert!(server.is_alive());
}

#[test]
fn readers_that_never_read_are_bounded() {
    const MOST: u64 = 128 << 20;
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    let before = server.resident_bytes();
    let long = request(&["ECHO", &"x".repeat(1 << 20)]);
    let mut idle: Vec<Connection> = (0..4).map(|_| server.connect()).collect();
    for connection in &mut idle {
        // 200 MiB of replies each, if the server takes all requests without being read.
        connection
            .stream
            .set_write_timeout(Some(Duration::from_millis(300)))
            .expect("a timeout can be set");
        let taken = (0..200)
            .take_while(|_| std::io::Write::write_all(&mut connection.stream, &long).is_ok())
            .count();
        assert!(
            taken < 200,
            "the server takes requests without end from a client that reads no reply"
        );
    }
    assert_eq!(server.connect().ask(&["PING"]), Reply::Simple("PONG".to_string()));
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < MOST, "replies that nobody reads take {} MiB", grown >> 20);
    assert!(server.is_alive());
}

#[test]
fn many_idle_connections_cost_little() {
    const IDLE: usize = 200;
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let before = server.resident_bytes();
    let mut idle: Vec<Connection> = (0..IDLE).map(|_| server.connect()).collect();
    for connection in &mut idle {
        assert_eq!(connection.ask(&["PING"]), Reply::Simple("PONG".to_string()));
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{IDLE} idle connections take {} MiB", grown >> 20);
    let begin = Instant::now();
    let mut busy = server.connect();
    for _ in 0..100 {
        assert_eq!(busy.ask(&["AUDIENCE.COUNT", "true"]), Reply::Integer(0));
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "idle connections slow down others");
}

#[test]
fn too_many_connections_are_turned_away_with_a_word() {
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    let mut held: Vec<Connection> = Vec::new();
    loop {
        let mut connection = server.connect();
        send_carelessly(&mut connection, &request(&["PING"]));
        match connection.try_reply() {
            Some(Reply::Simple(_)) => held.push(connection),
            _ => break,
        }
        assert!(held.len() < 5000, "the server takes connections without end");
    }
    // Without a request of ours on its way, the word arrives for certain.
    let mut refused = server.connect();
    assert_eq!(refused.reply().error(), "ERR max number of clients reached");
    assert!(refused.is_closed());
    assert!(held.len() >= 100, "only {} connections", held.len());
    drop(held);
    let begin = Instant::now();
    loop {
        let mut connection = server.connect();
        send_carelessly(&mut connection, &request(&["PING"]));
        if matches!(connection.try_reply(), Some(Reply::Simple(_))) {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "places are not given back");
    }
    assert!(server.is_alive());
}

#[test]
fn a_question_of_death_costs_one_error() {
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    let mut connection = server.connect();
    let nested = format!("{}true{}", "(".repeat(100_000), ")".repeat(100_000));
    let nots = format!("{} true", "NOT ".repeat(15_000));
    let ands = vec!["true"; 12_000].join(" AND ");
    let subqueries = vec!["EXISTS (SELECT 1 FROM purchase e)"; 1_500].join(" OR ");
    for text in [&nested, &nots, &subqueries] {
        let error = connection.ask(&["AUDIENCE.COUNT", text]);
        assert!(matches!(&error, Reply::Error(text) if text.len() < 1000), "{error:?}");
    }
    let reply = connection.ask(&["AUDIENCE.COUNT", &ands]);
    assert!(matches!(reply, Reply::Integer(0) | Reply::Error(_)), "{reply:?}");
    let (open, close) = (r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
    let deep = format!(r#"{{"type":"identify","userId":"a","traits":{open}1{close}}}"#);
    assert!(matches!(connection.ask(&["RECORD.PUT", "crm", &deep]), Reply::Error(_)));
    assert!(server.is_alive());
}
