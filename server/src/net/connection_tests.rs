//! Connections over real sockets on this machine.

use super::*;
use crate::limits::QUEUE_REQUESTS;
use crate::net::Password;
use navedb::clock::SystemClock;
use navedb::dir::{Crash, Dir, Fault, FaultDir, FaultPlan, MemoryDir};
use navedb::{Caller, Db, Purpose, Settings};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

fn open(dir: Arc<dyn Dir>) -> navedb::Result<Db> {
    Db::open_with(dir, Arc::new(SystemClock), Settings::default())
}

/// A peer of a connection that is served on a thread of its own.
struct Peer {
    stream: TcpStream,
    server: Arc<Server>,
    thread: JoinHandle<()>,
}

impl Peer {
    fn connect(password: Option<&str>) -> Peer {
        Peer::connect_to(open(Arc::new(MemoryDir::new())).unwrap(), password)
    }

    fn connect_to(db: Db, password: Option<&str>) -> Peer {
        let password = password.map(|text| Password::from_file(text.as_bytes()).ok().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Server::new(db, password, address));
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let shared = Arc::clone(&server);
        let thread = std::thread::spawn(move || serve(&shared, &accepted, 1));
        Peer { stream, server, thread }
    }

    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn expect(&mut self, wanted: &str) {
        let mut read = vec![0; wanted.len()];
        self.stream.read_exact(&mut read).unwrap();
        assert_eq!(String::from_utf8_lossy(&read), wanted);
    }

    /// All that comes until the other side closes.
    fn rest(mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).unwrap();
        self.thread.join().unwrap();
        assert_eq!(self.server.memory().used(), 0);
        text
    }
}

#[test]
fn replies_come_in_the_order_of_the_requests() {
    let mut peer = Peer::connect(None);
    peer.send("PING\r\n*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\necho 'd e'\r\n*1\r\n$4\r\nPI");
    peer.expect("+PONG\r\n$3\r\nabc\r\n$3\r\nd e\r\n");
    peer.send("NG\r\nnothing\r\nMULTI\r\nPING\r\nECHO x\r\nEXEC\r\nQUIT\r\nPING\r\n");
    peer.expect("+PONG\r\n-ERR unknown command 'nothing', with args beginning with: \r\n");
    peer.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n$1\r\nx\r\n+OK\r\n");
    assert_eq!(peer.rest(), "");
}

#[test]
fn what_is_no_request_is_told_and_ends_the_connection() {
    for (sent, wanted) in [
        ("*-5\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        ("*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("PING\r\n*1\r\n:1\r\nPING\r\n", "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n",
            "-ERR Protocol error: this is no HTTP port\r\n",
        ),
    ] {
        let mut peer = Peer::connect(None);
        peer.send(sent);
        assert_eq!(peer.rest(), wanted);
    }
}

#[test]
fn limits_are_small_before_the_password() {
    let mut peer = Peer::connect(Some("secret"));
    peer.send("*1\r\n$20000\r\n");
    assert_eq!(peer.rest(), "-ERR Protocol error: invalid bulk length\r\n");
    let mut peer = Peer::connect(Some("secret"));
    peer.send(&format!("AUTH secret\r\n*2\r\n$4\r\nECHO\r\n$20000\r\n{}\r\n", "x".repeat(20_000)));
    peer.expect(&format!("+OK\r\n$20000\r\n{}\r\n", "x".repeat(20_000)));
    let started = Instant::now();
    let mut silent = Peer::connect(Some("secret"));
    silent.send("PING\r\n*1\r\n");
    silent.expect("-NOAUTH Authentication required.\r\n");
    assert_eq!(silent.rest(), "-ERR no password within 5 seconds\r\n");
    assert!(started.elapsed() >= AUTH_WAIT);
}

#[test]
fn reset_asks_for_the_password_again() {
    let mut peer = Peer::connect(Some("secret"));
    peer.send("AUTH secret\r\n");
    peer.expect("+OK\r\n");
    std::thread::sleep(AUTH_WAIT);
    peer.send("PING\r\nRESET\r\nPING\r\n");
    peer.expect("+PONG\r\n+RESET\r\n-NOAUTH Authentication required.\r\n");
    peer.send("AUTH secret\r\nQUIT\r\n");
    assert_eq!(peer.rest(), "+OK\r\n+OK\r\n");
}

#[test]
fn a_pipeline_may_be_sent_whole_before_the_first_reply_is_read() {
    let mut peer = Peer::connect(None);
    let text = "x".repeat(1000);
    let request = format!("*2\r\n$4\r\nECHO\r\n$1000\r\n{text}\r\n");
    let count = 4000;
    peer.send(&request.repeat(count));
    let reply = format!("$1000\r\n{text}\r\n");
    peer.expect(&reply.repeat(count));
    peer.send("QUIT\r\n");
    assert_eq!(peer.rest(), "+OK\r\n");
}

#[test]
fn a_long_batch_is_answered_whole() {
    let mut peer = Peer::connect(None);
    let count = QUEUE_REQUESTS / 4;
    peer.send(&format!("MULTI\r\n{}EXEC\r\nQUIT\r\n", "PING\r\n".repeat(count)));
    let queued = "+QUEUED\r\n".repeat(count);
    peer.expect(&format!("+OK\r\n{queued}*{count}\r\n{}", "+PONG\r\n".repeat(count)));
    assert_eq!(peer.rest(), "+OK\r\n");
}

#[test]
fn a_peer_that_goes_is_forgotten() {
    let mut peer = Peer::connect(None);
    peer.send("*2\r\n$4\r\nECHO\r\n$100000\r\nabc");
    peer.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.rest(), "");
}

#[test]
fn replies_of_writes_keep_their_place() {
    let mut peer = Peer::connect(None);
    let put = |id: &str, level: &str| {
        let json = format!(r#"{{"type":"identify","userId":"{id}","messageId":"{id}"}}"#);
        format!("RECORD.PUT crm '{json}' {level}\r\n")
    };
    let reply = |position: u64, level: &str, status: &str| {
        let (level_bytes, status_bytes) = (level.len(), status.len());
        format!(
            "*6\r\n$8\r\nposition\r\n:{position}\r\n$5\r\nlevel\r\n${level_bytes}\r\n{level}\r\n\
             $6\r\nstatus\r\n${status_bytes}\r\n{status}\r\n"
        )
    };
    peer.send(&format!("PING\r\n{}{}PING\r\n{}", put("a", "os"), put("b", "GROUP"), put("c", "")));
    peer.expect("+PONG\r\n");
    // The store and the source are entries too.
    let first = 3;
    peer.expect(&reply(first, "os", "written"));
    peer.expect(&reply(first + 1, "group", "written"));
    peer.expect("+PONG\r\n");
    peer.expect(&reply(first + 2, "group", "written"));
    peer.send(&format!("MULTI\r\n{}{}PING\r\nEXEC\r\n", put("a", "sync"), put("d", "memory")));
    peer.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n");
    peer.expect(&reply(first + 2, "sync", "duplicate"));
    peer.expect(&reply(first + 3, "memory", "written"));
    peer.expect("+PONG\r\n");
    peer.send("RECORD.PUT crm x group\r\nRECORD.PUT crm '{}' fast\r\nQUIT\r\n");
    let rest = peer.rest();
    let lines: Vec<&str> = rest.lines().collect();
    assert!(lines[0].starts_with("-BROKEN "), "{rest}");
    assert!(lines[1].starts_with("-INVALID 'fast' is no level"), "{rest}");
    assert_eq!(lines[2..], ["+OK"]);
}

/// The disk fails at each of its calls in turn; whoever was told `written` is found after the power
/// went.
#[test]
fn what_is_acknowledged_is_on_disk() {
    const PEOPLE: [&str; 4] = ["a", "b", "c", "d"];
    let mut refused = 0;
    for at in 1.. {
        let dir =
            Arc::new(FaultDir::new(MemoryDir::new(), Some(FaultPlan { at, fault: Fault::Fail })));
        let Ok(db) = open(Arc::clone(&dir) as Arc<dyn Dir>) else { continue };
        let mut peer = Peer::connect_to(db, None);
        for pair in PEOPLE.chunks(2) {
            let puts = pair.iter().map(|id| {
                let json = format!(r#"{{"type":"identify","userId":"{id}","messageId":"{id}"}}"#);
                format!("RECORD.PUT crm '{json}' group\r\n")
            });
            peer.send(&puts.collect::<String>());
        }
        peer.send("QUIT\r\n");
        let text = peer.rest();
        let told = text.lines().filter(|line| *line == "written" || line.starts_with('-'));
        let told: Vec<bool> = told.map(|line| line == "written").collect();
        assert_eq!(told.len(), PEOPLE.len(), "{text}");
        refused += told.iter().filter(|kept| !**kept).count();
        let after = open(Arc::new(dir.disk().crash(Crash::LoseUnsynced))).unwrap();
        let view = after.session(Caller::all(), Purpose::any()).view();
        for (id, _) in PEOPLE.iter().zip(told).filter(|(_, kept)| *kept) {
            assert!(view.profile("user_id", id).unwrap().is_some(), "call {at} lost {id}: {text}");
        }
        if dir.calls() < at {
            break;
        }
    }
    assert!(refused > 0);
}
