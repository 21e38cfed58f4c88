//! Stock clients: redis-cli, redis-benchmark and redis-py.

use super::process::{Reply, Server};
use super::{PASSWORD, closed_server, open_server, purchase};
use crate::scratch::{Scratch, absent};
use std::io::Write;
use std::process::{Command, Output, Stdio};

const INSTALL_TOOLS: &str = "Install Debian's redis-tools.";

/// Runs a tool, if it is there, with `input` as its standard input.
fn run(tool: &str, arguments: &[&str], input: &[u8]) -> Option<Output> {
    let child = Command::new(tool)
        .args(arguments)
        .env_remove("REDISCLI_AUTH")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{tool}: {error}"),
    };
    child.stdin.take().expect("it is piped").write_all(input).expect("the tool reads its input");
    Some(child.wait_with_output().expect("the tool ends"))
}

/// What redis-cli prints for a command; nothing if it is absent.
fn redis_cli(server: &Server, options: &[&str], command: &[&str]) -> Option<String> {
    let port = server.port.to_string();
    let arguments = [&["-p", &port, "-e"], options, command].concat();
    let output = run("redis-cli", &arguments, b"")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "redis-cli {command:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    Some(text(&output.stdout).trim_end().to_string())
}

#[test]
fn redis_cli_asks_and_writes() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let Some(pong) = redis_cli(&server, &[], &["PING"]) else {
        return absent("redis-cli", INSTALL_TOOLS);
    };
    assert_eq!(pong, "PONG");
    let cli = |options: &[&str], command: &[&str]| {
        redis_cli(&server, options, command).expect("it is there")
    };
    for (person, amount) in [("ann", "12.50"), ("bob", "99.99"), ("ann", "3")] {
        assert!(
            cli(&[], &["record.put", "shop", &purchase(person, amount), "group"]).contains("group")
        );
    }
    let spenders = "(SELECT sum(e.amount) FROM purchase e) > 15";
    assert_eq!(cli(&[], &["audience.count", spenders]), "2");
    assert_eq!(cli(&["-3"], &["AUDIENCE.COUNT", "(SELECT count(*) FROM purchase e) = 2"]), "1");
    assert!(cli(&["-3"], &["PROFILE.GET", "user_id", "ann"]).contains("ann"));
    assert_eq!(cli(&[], &["PROFILE.GET", "user_id", "nobody"]), "");
    assert!(cli(&[], &["INFO"]).contains("redis_version:"));
    assert!(cli(&[], &["COMMAND", "LIST"]).to_uppercase().contains("AUDIENCE.COUNT"));
}

#[test]
fn redis_cli_exits_with_an_error() {
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let port = server.port.to_string();
    let Some(output) = run("redis-cli", &["-p", &port, "-e", "AUDIENCE.COUNT", "p.x ="], b"")
    else {
        return absent("redis-cli", INSTALL_TOOLS);
    };
    assert_eq!(output.status.code(), Some(1));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        String::from_utf8_lossy(&said).contains("INVALID"),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn redis_cli_shows_a_password() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    let ask = |options: &[&str]| {
        redis_cli(&server, &[options, &["--no-auth-warning"]].concat(), &["PING"])
    };
    let Some(pong) = ask(&["-a", PASSWORD]) else { return absent("redis-cli", INSTALL_TOOLS) };
    assert_eq!(pong, "PONG");
    assert_eq!(ask(&["-3", "--user", "default", "--pass", PASSWORD]).as_deref(), Some("PONG"));
    let port = server.port.to_string();
    let output = run("redis-cli", &["-p", &port, "PING"], b"").expect("it is there");
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOAUTH"), "{output:?}");
}

#[test]
fn redis_cli_loads_through_its_pipe() {
    const RECORDS: usize = 500;
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    let message = |n: usize| purchase(&format!("person-{n}"), "7.25");
    let bytes: Vec<u8> = (0..RECORDS)
        .flat_map(|n| super::process::request(&["RECORD.PUT", "shop", &message(n), "os"]))
        .collect();
    let port = server.port.to_string();
    let Some(output) = run("redis-cli", &["-p", &port, "--pipe"], &bytes) else {
        return absent("redis-cli", INSTALL_TOOLS);
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("errors: 0, replies: {RECORDS}")), "{said}");
    assert_eq!(server.connect().ask(&["STATS"]).field("profiles"), &Reply::Integer(RECORDS as i64));
}

/// Runs redis-benchmark for `requests` requests of a command; false if it is absent.
fn benchmark(server: &Server, requests: i64, options: &[&str], command: &[&str]) -> bool {
    let (port, number) = (server.port.to_string(), requests.to_string());
    let arguments = [&["-p", &port, "-n", &number, "-c", "8", "--csv"], options, command].concat();
    let Some(output) = run("redis-benchmark", &arguments, b"") else {
        absent("redis-benchmark", INSTALL_TOOLS);
        return false;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("Error"),
        "redis-benchmark {command:?}: {said}"
    );
    let rate = said
        .lines()
        .filter_map(|line| line.split("\",\"").nth(1))
        .find_map(|rate| rate.parse::<f64>().ok());
    assert!(rate.is_some_and(|rate| rate > 1.0), "no rate in {said}");
    true
}

#[test]
fn redis_benchmark_runs() {
    const WRITES: i64 = 2000;
    let scratch = Scratch::new();
    let server = open_server(&scratch);
    if !benchmark(&server, 5000, &["-t", "ping"], &[]) {
        return;
    }
    benchmark(&server, 5000, &["-t", "ping", "-P", "16"], &[]);
    let message = purchase("person-__rand_int__", "7.25");
    benchmark(&server, WRITES, &["-r", "100"], &["RECORD.PUT", "shop", &message, "os"]);
    let stats = server.connect().ask(&["STATS"]);
    // The tool sends up to one request more for each of its connections.
    let events = stats.field("events").field("purchase").integer();
    assert!((WRITES..WRITES + 8).contains(&events), "{events} events of {WRITES} writes");
    assert_eq!(stats.field("profiles"), &Reply::Integer(100));
    benchmark(
        &server,
        500,
        &["-P", "4"],
        &["AUDIENCE.COUNT", "(SELECT sum(e.amount) FROM purchase e) > 100"],
    );
}

#[test]
fn redis_benchmark_shows_a_password() {
    let scratch = Scratch::new();
    let server = closed_server(&scratch);
    benchmark(&server, 1000, &["-a", PASSWORD, "-t", "ping"], &[]);
}

/// A Python that has redis-py.
fn python() -> Option<String> {
    let python = std::env::var("NAVE_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let output = run(&python, &["-c", "import redis"], b"");
    let found = output.is_some_and(|output| output.status.success());
    if !found {
        absent(
            "redis-py",
            "Install redis-py 8.1.0 for `python3`, or name a Python that has it in NAVE_PYTHON.",
        );
    }
    found.then_some(python)
}

/// Runs `redis_client.py` against a server.
fn redis_py(python: &str, server: &Server, password: &str, protocol: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/redis_client.py");
    let arguments = [script, &server.port.to_string(), protocol, password];
    let output = run(python, &arguments, b"").expect("it is there");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("all checks passed"),
        "protocol {protocol}: {said}"
    );
}

#[test]
fn redis_py_is_served() {
    let Some(python) = python() else { return };
    for protocol in ["2", "3", "default"] {
        let scratch = Scratch::new();
        redis_py(&python, &open_server(&scratch), "", protocol);
    }
}

#[test]
fn redis_py_shows_a_password() {
    let Some(python) = python() else { return };
    for protocol in ["2", "3", "default"] {
        let scratch = Scratch::new();
        redis_py(&python, &closed_server(&scratch), PASSWORD, protocol);
    }
}
