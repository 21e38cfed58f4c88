//! Sessions without sockets: who may call what, and what becomes of batches.

use super::super::Password;
use super::*;
use navedb::clock::SystemClock;
use navedb::dir::MemoryDir;
use navedb::{Db, Settings};
use std::sync::Arc;

fn server(password: Option<&str>) -> Server {
    let db = Db::open_with(Arc::new(MemoryDir::new()), Arc::new(SystemClock), Settings::default())
        .unwrap();
    let password = password.map(|text| Password::from_file(text.as_bytes()).ok().unwrap());
    Server::new(db, password, ([127, 0, 0, 1], 6283).into())
}

struct Caller(Server, Session);

impl Caller {
    fn new(password: Option<&str>) -> Caller {
        let server = server(password);
        let session = Session::new(7, "peer".to_owned(), &server);
        Caller(server, session)
    }

    fn ask(&mut self, words: &[&str]) -> Answer {
        self.1.answer(&self.0, Request(words.iter().map(|word| word.as_bytes().to_vec()).collect()))
    }

    /// What RESP2 writes for a line of words without spaces inside.
    fn says(&mut self, line: &str) -> String {
        match self.ask(&line.split(' ').collect::<Vec<_>>()) {
            Answer::One(reply) => {
                let mut out = Vec::new();
                reply.write(Protocol::Resp2, &mut out);
                String::from_utf8(out).unwrap()
            }
            Answer::Each(requests) => format!("{} requests", requests.len()),
        }
    }
}

#[test]
fn without_the_password_nothing_runs() {
    let mut caller = Caller::new(Some("secret"));
    for line in
        ["PING", "STATS", "nothing", "CLIENT ID", "client", "MULTI", "PROFILE.GET", "COMMAND"]
    {
        assert_eq!(caller.says(line), "-NOAUTH Authentication required.\r\n", "{line}");
    }
    assert!(caller.says("HELLO 3").starts_with("-NOAUTH HELLO must be called with"));
    assert_eq!(caller.1.protocol(), Protocol::Resp2);
    assert_eq!(caller.1.limits(), &BEFORE_AUTH);
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    assert_eq!(caller.says("AUTH wrong"), wrong);
    assert_eq!(caller.says("AUTH other secret"), wrong);
    assert_eq!(caller.says("HELLO 3 AUTH default wrong"), wrong);
    assert!(caller.says("hello 3 auth default secret setname me").starts_with("*14\r\n"));
    assert_eq!(caller.1.protocol(), Protocol::Resp3);
    assert_eq!(caller.says("ping"), "+PONG\r\n");
    assert_eq!(caller.says("CLIENT GETNAME"), "$2\r\nme\r\n");
    assert_eq!(caller.1.limits(), &AFTER_AUTH);
    assert_eq!(caller.says("RESET"), "+RESET\r\n");
    assert!(caller.says("PING").starts_with("-NOAUTH"));
    assert_eq!(caller.says("AUTH secret"), "+OK\r\n");
    assert_eq!(caller.says("QUIT"), "+OK\r\n");
    assert!(caller.1.is_closing());
}

#[test]
fn guessing_ends_the_connection() {
    let mut caller = Caller::new(Some("secret"));
    for _ in 1..WRONG_PASSWORDS {
        caller.says("AUTH wrong");
        caller.says("RESET");
    }
    assert!(!caller.1.is_closing());
    caller.says("AUTH wrong");
    assert!(caller.1.is_closing());
}

#[test]
fn errors_have_the_words_that_clients_know() {
    let mut caller = Caller::new(None);
    for (line, wanted) in [
        ("get a b", "-ERR unknown command 'get', with args beginning with: 'a' 'b' \r\n"),
        ("NOTHING", "-ERR unknown command 'NOTHING', with args beginning with: \r\n"),
        ("echo", "-ERR wrong number of arguments for 'echo' command\r\n"),
        ("client", "-ERR wrong number of arguments for 'client' command\r\n"),
        ("client setname", "-ERR wrong number of arguments for 'client|setname' command\r\n"),
        ("client kill x", "-ERR unknown subcommand 'kill'. Try COMMAND DOCS CLIENT.\r\n"),
        ("RECORD.PUT a b c d e", "-ERR wrong number of arguments for 'record.put' command\r\n"),
        ("HELLO 4", "-NOPROTO unsupported protocol version\r\n"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"),
        ("HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH'\r\n"),
        ("SELECT 1", "-ERR DB index is out of range\r\n"),
        ("EXEC", "-ERR EXEC without MULTI\r\n"),
        ("DISCARD", "-ERR DISCARD without MULTI\r\n"),
        ("CLIENT SETINFO LIB-NAME a\rb", {
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
        }),
    ] {
        assert_eq!(caller.says(line), wanted, "{line}");
    }
    assert!(caller.says("AUTH x").starts_with("-ERR AUTH <password> called without any password"));
    assert_eq!(caller.says("AUTH default x"), "+OK\r\n");
}

#[test]
fn batches_wait_for_exec() {
    let mut caller = Caller::new(None);
    assert_eq!(caller.says("MULTI"), "+OK\r\n");
    assert_eq!(caller.says("MULTI"), "-ERR MULTI calls can not be nested\r\n");
    assert_eq!(caller.says("PING"), "+QUEUED\r\n");
    assert_eq!(caller.says("ECHO hi"), "+QUEUED\r\n");
    assert!(caller.says("HELLO 3").starts_with("-ERR Command not allowed inside a transaction"));
    assert_eq!(caller.says("DISCARD"), "+OK\r\n");
    for line in ["MULTI", "PING", "ECHO hi"] {
        caller.says(line);
    }
    assert!(caller.1.queued_bytes() > 0);
    assert_eq!(caller.says("EXEC"), "2 requests");
    assert_eq!((caller.1.queued_bytes(), caller.says("PING").as_str()), (0, "+PONG\r\n"));
    assert_eq!(
        (caller.says("MULTI").as_str(), caller.says("EXEC").as_str()),
        ("+OK\r\n", "0 requests")
    );
}

#[test]
fn a_refused_request_spoils_the_batch() {
    let mut caller = Caller::new(None);
    for bad in ["nothing", "ECHO", "client nothing"] {
        caller.says("MULTI");
        assert_eq!(caller.says("PING"), "+QUEUED\r\n");
        assert!(caller.says(bad).starts_with("-ERR "));
        let wanted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
        assert_eq!(caller.says("EXEC"), wanted);
    }
}

#[test]
fn a_batch_is_bounded() {
    let mut caller = Caller::new(None);
    caller.says("MULTI");
    let large = "x".repeat(4 << 20);
    let replies: Vec<Answer> = (0..5).map(|_| caller.ask(&["ECHO", &large])).collect();
    assert!(matches!(&replies[3], Answer::One(Reply::Error(text)) if text.starts_with("LIMIT ")));
    assert_eq!(caller.1.queued_bytes(), 0);
    assert!(caller.says("EXEC").starts_with("-EXECABORT"));
}
