//! Many rows pass in bounded memory, and a connection that is lost on the way loads nothing.

use super::{Server, alone, done, file, load};
use crate::binary::nave;
use crate::rng::scale;
use crate::scratch::Scratch;
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What `nave` may hold at most while rows come from a database, however many they are.
const PASSING_BYTES: u64 = 64 << 20;

/// What `nave` may hold at most over a load of half a million rows, its mapped files among it.
const LOADING_BYTES: u64 = 256 << 20;

/// The rows that come before the connection is lost, and the bytes of their text.
const BEFORE: u64 = 40_000;
const WIDE: u64 = 4_000;

/// Those who buy, each as often as the others.
const BUYERS: u64 = 5_000;

/// A `nave` that runs, and the most memory that it was seen to hold.
struct Watched {
    child: Child,
    most_bytes: u64,
}

impl Watched {
    fn start(arguments: &[&str]) -> Watched {
        let child = Command::new(nave())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nave starts");
        Watched { child, most_bytes: 0 }
    }

    /// Takes note of the memory; says whether it still runs.
    fn look(&mut self) -> bool {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        // The most that it ever held: none between two looks is missed.
        if let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            self.most_bytes = self.most_bytes.max(kilobytes << 10);
        }
        std::thread::sleep(Duration::from_millis(5));
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// What it said: its exit code, standard output and error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        (self.child.wait().expect("a child ends").code(), out, err)
    }
}

/// Rows that come at once, and one that waits for a minute.
fn stuck(name: &str) -> String {
    let last = BEFORE + 1;
    if name == "postgres" {
        return format!(
            "SELECT n AS id, repeat('x', {WIDE}) AS pad, CASE WHEN n = {last} THEN CAST(pg_sleep(60) AS text) END AS s
             FROM generate_series(1, {last}) n"
        );
    }
    format!(
        "SELECT seq AS id, repeat('x', {WIDE}) AS pad, CASE WHEN seq = {last} THEN sleep(60) END AS s
         FROM seq_1_to_{last}"
    )
}

/// Waits until the load waits for the last row, and ends its connection as an administrator does.
fn cut(server: &mut Server, watched: &mut Watched) {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        assert!(watched.look(), "it ended by itself");
        if server.ends_a_sleeper() {
            return;
        }
    }
    panic!("no load came to the row that waits");
}

#[test]
fn a_lost_connection_loads_nothing_and_rows_pass_in_bounded_memory() {
    let scratch = Scratch::new();
    let _alone = alone();
    for mut server in [Server::postgres(), Server::mysql()].into_iter().flatten() {
        let store = scratch.path(server.name());
        let query = stuck(server.name());
        let url = server.url().to_owned();
        let first = ["load", "--data", &store, "--source", "crm", "--as", "identify"];
        let rest = ["--id", "user_id=id", "--from", &url, "--query", &query];
        let mut watched = Watched::start(&[&first[..], &rest].concat());
        cut(&mut server, &mut watched);
        while watched.look() {}
        let most = watched.most_bytes;
        let (code, out, err) = watched.end();
        assert_eq!(code, Some(1), "{} {out} {err}", server.name());
        for word in ["cannot be read", "rows; nothing is loaded yet, the same command begins again"]
        {
            assert!(err.contains(word), "{word:?} is missing in {err}");
        }
        assert!(!err.contains("s3cret") && !err.contains("(after 0 rows"), "{err}");
        assert!(!std::path::Path::new(&store).exists(), "a store was made for nothing: {err}");
        const { assert!(BEFORE * WIDE > 2 * PASSING_BYTES) };
        assert!(most < PASSING_BYTES, "{}: {most} bytes", server.name());
        eprintln!("{}: {} bytes passed, {most} bytes at most", server.name(), BEFORE * WIDE);
        assert!(most > 1 << 20, "the memory was not seen: {most} bytes");
        let again = load(&store, &url, &["--query", "SELECT 1 AS id", "--query-name", "q"]);
        assert_eq!(file(&again, "written"), 1, "{again}");
    }
}

#[test]
fn a_big_table_is_loaded_in_bounded_memory() {
    let scratch = Scratch::new();
    let _alone = alone();
    let rows = scale(10_000, 500_000);
    for mut server in Server::all(&scratch) {
        server.run("DROP TABLE IF EXISTS big");
        let counted = match server.name() {
            "postgres" => format!("SELECT n FROM generate_series(1, {rows}) n"),
            "mysql" => format!("SELECT seq AS n FROM seq_1_to_{rows}"),
            _ => format!(
                "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {rows})
                 SELECT n FROM counted"
            ),
        };
        server.run(&format!(
            "CREATE TABLE big AS SELECT n AS id, n % {BUYERS} + 1 AS who, n % 9973 AS amount,
             'a text that says little' AS note FROM ({counted}) AS counted"
        ));
        let store = scratch.path(&format!("big {}", server.name()));
        let first = [
            "load", "--data", &store, "--source", "shop", "--as", "track", "--event", "buy",
            "--json",
        ];
        let rest = ["--id", "user_id=who", "--message-id", "id", "--watermark", "id"];
        let from = ["--from", server.url(), "--table", "big"];
        let mut watched = Watched::start(&[&first[..], &rest, &from].concat());
        while watched.look() {}
        let most = watched.most_bytes;
        let (code, out, err) = watched.end();
        assert_eq!(code, Some(0), "{} {out} {err}", server.name());
        let report: Value = serde_json::from_str(&out).expect("a report");
        assert_eq!((file(&report, "rows"), file(&report, "written")), (rows, rows), "{report}");
        assert!(most < LOADING_BYTES, "{}: {most} bytes", server.name());
        eprintln!("{}: {rows} rows, {most} bytes at most", server.name());
        let each = format!("(SELECT count(*) FROM buy) = {}", rows / BUYERS);
        assert_eq!(done(&["audience", "count", "--data", &store, &each]), format!("{BUYERS}\n"));
        server.run("DROP TABLE big");
    }
}
