//! What was acknowledged is there after the server was killed, and an orderly end loses nothing.

use super::process::{Connection, Reply, Server, request};
use super::{open_server, purchase};
use crate::scratch::Scratch;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writers put records at a level until the server is killed; gives the persons whose record was acknowledged, and how
/// many were sent.
fn write_until_killed(server: &mut Server, round: usize, level: &str) -> (Vec<String>, usize) {
    let acknowledged = Mutex::new(Vec::new());
    let sent = Mutex::new(0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut connection = server.connect();
            let (acknowledged, sent, stop) = (&acknowledged, &sent, &stop);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let person = format!("{round}-{writer}-{n}");
                    let message = purchase(&person, "1.50");
                    let bytes = request(&["RECORD.PUT", "shop", &message, level]);
                    *sent.lock().expect("no panic") += 1;
                    if std::io::Write::write_all(&mut connection.stream, &bytes).is_err() {
                        break;
                    }
                    let Some(reply) = connection.try_reply() else { break };
                    assert_eq!(reply.field("level"), &Reply::bulk(level));
                    acknowledged.lock().expect("no panic").push(person);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(400));
        server.kill();
        stop.store(true, Ordering::Relaxed);
    });
    (acknowledged.into_inner().expect("no panic"), sent.into_inner().expect("no panic"))
}

/// Asserts that the store has one purchase of each person.
fn all_are_there(connection: &mut Connection, persons: &[String]) {
    for some in persons.chunks(500) {
        let get = |person: &String| request(&["PROFILE.GET", "user_id", person]);
        connection.send(&some.iter().flat_map(get).collect::<Vec<u8>>());
        for person in some {
            let profile = connection.reply();
            assert_ne!(profile, Reply::Null, "{person} was acknowledged and is lost");
            assert_eq!(profile.field("events").field("purchase"), &Reply::Integer(1), "{person}");
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let scratch = Scratch::new();
    let (mut known, mut sent): (Vec<String>, usize) = (Vec::new(), 0);
    let rounds = if crate::rng::full() { 60 } else { 4 };
    for (round, level) in ["group", "sync", "os"].into_iter().cycle().take(rounds).enumerate() {
        let mut server = open_server(&scratch);
        let (acknowledged, tried) = write_until_killed(&mut server, round, level);
        let count = acknowledged.len();
        assert!(count > 10, "only {count} records at level {level} before the end");
        let (_server, mut connection) = open_server(&scratch).connect_owned();
        all_are_there(&mut connection, &acknowledged);
        known.extend(acknowledged);
        sent += tried;
        let stats = connection.ask(&["STATS"]);
        let events = stats.field("events").field("purchase").integer() as usize;
        assert!((known.len()..=sent).contains(&events), "{events} events of {sent} sent");
        if round + 1 == rounds {
            all_are_there(&mut connection, &known);
        }
    }
}

#[test]
fn an_orderly_end_loses_nothing() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let mut connection = server.connect();
    for n in 0..100 {
        let receipt =
            connection.ask(&["RECORD.PUT", "shop", &purchase(&format!("p{n}"), "2"), "memory"]);
        assert_eq!(receipt.field("level"), &Reply::bulk("memory"));
    }
    assert_eq!(server.stop(), Some(0), "SIGTERM ends the server in order");
    let (_server, mut connection) = open_server(&scratch).connect_owned();
    let stats = connection.ask(&["STATS"]);
    assert_eq!(stats.field("profiles"), &Reply::Integer(100));
    assert_eq!(stats.field("torn_tails"), &Reply::Integer(0));
}

#[test]
fn a_server_that_is_killed_lets_go_of_its_folder() {
    let scratch = Scratch::new();
    let mut first = open_server(&scratch);
    assert_eq!(first.connect().ask(&["PING"]), Reply::Simple("PONG".to_string()));
    first.kill();
    let second = open_server(&scratch);
    assert_eq!(second.connect().ask(&["PING"]), Reply::Simple("PONG".to_string()));
}

#[test]
fn a_torn_tail_is_cut_and_counted() {
    let scratch = Scratch::new();
    let mut server = open_server(&scratch);
    server.connect().ask(&["RECORD.PUT", "shop", &purchase("ann", "2"), "sync"]);
    server.kill();
    let log = scratch.path("data/log/00000001.log");
    let mut bytes = std::fs::read(&log).expect("the log is there");
    bytes.extend_from_slice(b"half a frame that was never acknowledged");
    std::fs::write(&log, bytes).expect("the log can be written");
    let (_server, mut connection) = open_server(&scratch).connect_owned();
    let stats = connection.ask(&["STATS"]);
    assert_eq!(stats.field("torn_tails"), &Reply::Integer(1));
    assert_eq!(stats.field("events").field("purchase"), &Reply::Integer(1));
}

/// Bytes that the server says are in memory alone.
fn unsaved(connection: &mut Connection) -> u64 {
    let Reply::Bulk(info) = connection.ask(&["INFO", "persistence"]) else { panic!("no text") };
    let info = String::from_utf8(info).expect("INFO is text");
    let line = info.lines().find_map(|line| line.strip_prefix("unsaved_bytes:"));
    line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or_else(|| panic!("{info}"))
}

#[test]
fn a_server_makes_checkpoints_by_itself() {
    let scratch = Scratch::new();
    let data = scratch.path("data");
    let mut server = Server::start_with(&data, &["--unsaved", "1"]);
    let mut connection = server.connect();
    let filler = "x".repeat(20_000);
    let (mut sent, mut most) = (0, 0);
    while sent < 200 {
        let message = format!(
            r#"{{"type":"identify","userId":"u{sent}","messageId":"m{sent}","traits":{{"text":"{filler}{sent}"}}}}"#
        );
        connection.ask(&["RECORD.PUT", "crm", &message, "os"]);
        sent += 1;
        most = most.max(unsaved(&mut connection));
    }
    // Four megabytes were written: without a checkpoint they are all in memory.
    let begun = std::time::Instant::now();
    let manifest = std::path::Path::new(&data).join("derived/MANIFEST");
    while unsaved(&mut connection) >= 1 << 20 || !manifest.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no checkpoint was made");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most > 1 << 20, "{most}");
    server.kill();
    let server = Server::start(&data, None);
    let count = server.connect().ask(&["AUDIENCE.COUNT", "p.text IS NOT NULL"]);
    assert_eq!(count, Reply::Integer(sent));
    assert_eq!(server.stop(), Some(0));
}
