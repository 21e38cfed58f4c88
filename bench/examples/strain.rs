//! Identity under strain: what hot identifiers, large components and busy readers cost.
//!
//! ```text
//! cargo run --release -p nave-bench --example strain -- attack DEVICES
//! cargo run --release -p nave-bench --example strain -- component EDGES
//! cargo run --release -p nave-bench --example strain -- readers SECONDS
//! cargo run --release -p nave-bench --example strain -- batch EDGES
//! ```
//!
//! `attack`: one e-mail on very many devices, under a cap. `component`: evidence that touches a component in which a
//! limit is in play, so that it is judged anew. `readers`: how long readers wait for a snapshot and an answer while
//! profiles join and split. `batch`: numbered pairs to clusters, without look-ups and log.

use navedb::clock::SystemClock;
use navedb::dir::{DiskDir, MemoryDir};
use navedb::{
    At, Batch, Caller, Db, DefineRequest, Level, Purpose, Record, Session, Settings, UnionFind,
};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Done = Result<(), Box<dyn Error>>;

fn memory(rules: &str) -> Result<Db, Box<dyn Error>> {
    let settings = Settings { merge_thread: true, ..Settings::default() };
    let db = Db::open_with(Arc::new(MemoryDir::new()), Arc::new(SystemClock), settings)?;
    if !rules.is_empty() {
        session(&db)
            .define(&DefineRequest { text: rules.to_owned(), ..DefineRequest::default() })?;
    }
    Ok(db)
}

fn session(db: &Db) -> Session {
    db.session(Caller::all(), Purpose::any())
}

fn write(session: &Session, messages: &[String]) -> Result<Duration, Box<dyn Error>> {
    let batch = messages.iter().fold(Batch::new().level(Level::Memory), |batch, message| {
        batch.record(Record::message("web", message.as_str()))
    });
    let begin = Instant::now();
    let receipt = session.write(batch)?;
    let took = begin.elapsed();
    match receipt.broken.first() {
        Some(broken) => Err(broken.reason.clone().into()),
        None => Ok(took),
    }
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share) as usize;
        times.get(place).copied().unwrap_or_default()
    };
    println!(
        "{what}: {} times, p50 {:?}, p99 {:?}, p99.9 {:?}, most {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

/// Memory of this process, in MiB, as Linux tells it.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn attack(devices: usize) -> Done {
    let folder = std::env::temp_dir().join(format!("nave-strain-{}", std::process::id()));
    let db = Db::open_with(
        Arc::new(DiskDir::new(&folder)),
        Arc::new(SystemClock),
        Settings { merge_thread: true, ..Settings::default() },
    )?;
    let text = "[identity.person.namespace.email]\ncap = { device_id = 20 }\n".to_owned();
    let session = session(&db);
    session.define(&DefineRequest { text, ..DefineRequest::default() })?;
    let message = |number: usize| {
        format!(
            r#"{{"type":"identify","identifiers":{{"device_id":"d{number}","email":"all@example.org"}},
                "messageId":"{number}","timestamp":"2024-03-01T00:00:00Z"}}"#
        )
    };
    let step = (devices / 10).max(1);
    for start in (0..devices).step_by(step) {
        let numbers: Vec<usize> = (start..(start + step).min(devices)).collect();
        let begin = Instant::now();
        let mut most = Duration::ZERO;
        for some in numbers.chunks(1000) {
            let messages: Vec<String> = some.iter().map(|number| message(*number)).collect();
            most = most.max(write(&session, &messages)?);
        }
        let per = begin.elapsed() / u32::try_from(numbers.len())?;
        println!(
            "{:>9} devices: {per:?} a record, the slowest batch of 1,000 {most:?}, {} MiB, {} profiles",
            start + numbers.len(),
            resident(),
            session.view().stats()?.profiles
        );
    }
    let view = session.view();
    let begin = Instant::now();
    let why = view.identity(("device_id", "d3"), ("device_id", &format!("d{}", devices - 1)))?;
    println!("crowded identifiers: {}", view.stats()?.identity.crowded);
    println!("why-not in {:?}: {why:?}", begin.elapsed());
    db.close()?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

fn component(edges: usize) -> Done {
    // Device k was seen with users k and k+1 of the same person: a chain, in which a limit is in play.
    let db = memory("[identity.person.namespace.email]\nlimit = 1\n")?;
    let session = session(&db);
    let message = |number: usize| {
        format!(
            r#"{{"type":"identify","identifiers":{{"device_id":"d{}","cookie":"c{}"}},"messageId":"{number}",
                "timestamp":"2024-03-01T00:00:00Z"}}"#,
            number.div_ceil(2),
            number / 2
        )
    };
    let all: Vec<String> = (0..edges).map(message).collect();
    for some in all.chunks(1000) {
        write(&session, some)?;
    }
    // Two e-mails, of which one has no room: from now on the component is looked at closely.
    for number in [1, 2] {
        write(
            &session,
            &[format!(
                r#"{{"type":"identify","identifiers":{{"device_id":"d{number}","email":"e{number}@example.org"}},
                "messageId":"e{number}","timestamp":"2024-03-01T00:00:00Z"}}"#
            )],
        )?;
    }
    db.checkpoint()?;
    println!("{edges} pieces of evidence, {} profiles", session.view().stats()?.profiles);
    let mut times = Vec::new();
    for number in 0..200 {
        let at = number * (edges / 2) / 200;
        times.push(write(&session, &[format!(
            r#"{{"type":"identify","identifiers":{{"device_id":"d{at}","cookie":"new{number}"}},"messageId":"n{number}",
                "timestamp":"2024-03-02T00:00:00Z"}}"#
        )])?);
    }
    told("a record that has the component judged anew", times);
    Ok(())
}

const PEOPLE: u64 = 100_000;

/// A store of people, of two identifiers each.
fn town() -> Result<Db, Box<dyn Error>> {
    let db = memory("")?;
    let session = session(&db);
    for start in (0..PEOPLE).step_by(10_000) {
        let message = |n: u64| {
            format!(
                r#"{{"type":"identify","userId":"u{n}","anonymousId":"a{n}","messageId":"p{n}",
                    "timestamp":"2024-01-01T00:00:00Z","traits":{{"age":{},"city":"c{}"}}}}"#,
                n % 90,
                n % 50
            )
        };
        let messages: Vec<String> = (start..start + 10_000).map(message).collect();
        write(&session, &messages)?;
    }
    db.checkpoint()?;
    Ok(db)
}

/// How long readers waited for a snapshot, and for an answer.
type Waits = (Vec<Duration>, Vec<Duration>);

/// Takes a snapshot and asks for somebody, again and again.
fn read(session: &Session, stop: &AtomicBool) -> Result<Waits, String> {
    let (mut waits, mut asks) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let view = session.view();
        waits.push(begin.elapsed());
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let user = format!("u{}", (number >> 33) % PEOPLE);
        let begin = Instant::now();
        let found = view.profile("user_id", &user);
        asks.push(begin.elapsed());
        if !matches!(found, Ok(Some(_))) {
            return Err(format!("{user} was not found: {found:?}"));
        }
        if number % 4096 == 1 && view.count("p.age > 80", At::Latest).is_err() {
            return Err("a count failed".to_owned());
        }
    }
    Ok((waits, asks))
}

/// Joins 64 pairs and splits them again.
fn join_and_split(session: &Session, round: u64) -> Done {
    let pair = |n: u64| ((n * 7919) % PEOPLE, (n * 104_729 + 1) % PEOPLE);
    let numbers = round * 64..(round + 1) * 64;
    let join = |n: u64| {
        let (left, right) = pair(n);
        format!(
            r#"{{"type":"identify","userId":"u{left}","anonymousId":"a{right}","messageId":"j{n}",
                "timestamp":"2024-02-01T00:00:00Z"}}"#
        )
    };
    write(session, &numbers.clone().map(join).collect::<Vec<_>>())?;
    let split = |n: u64| {
        let (left, right) = pair(n);
        format!(
            r#"{{"type":"unlink","left":{{"namespace":"user_id","value":"u{left}"}},"messageId":"s{n}",
                "right":{{"namespace":"anonymous_id","value":"a{right}"}},"timestamp":"2024-03-01T00:00:00Z"}}"#
        )
    };
    write(session, &numbers.map(split).collect::<Vec<_>>())?;
    Ok(())
}

fn readers(seconds: u64) -> Done {
    let db = town()?;
    let session = session(&db);
    let stop = AtomicBool::new(false);
    let mut rounds = 0;
    let (waits, asks) = std::thread::scope(|scope| -> Result<Waits, Box<dyn Error>> {
        let reader = scope.spawn(|| read(&db.session(Caller::all(), Purpose::any()), &stop));
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut wrote = Ok(());
        while Instant::now() < end && wrote.is_ok() {
            wrote = join_and_split(&session, rounds);
            rounds += 1;
        }
        stop.store(true, Ordering::Relaxed);
        let found = reader.join().map_err(|_| "the reader ended early")?;
        wrote?;
        Ok(found?)
    })?;
    println!("{} joins and splits beside one reader in {seconds} s", rounds * 128);
    told("waiting for a snapshot", waits);
    told("one profile by an identifier", asks);
    Ok(())
}

/// Pairs as identifiers make them: most persons have a few, some devices many.
fn pairs(edges: u32) -> (u32, Vec<(u32, u32)>) {
    let nodes = edges / 10 * 8;
    let mut state = 7_u64;
    let mut below = move |most: u32| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((state >> 32) * u64::from(most)) >> 32) as u32
    };
    let pairs = (0..edges).map(|_| {
        let left = below(nodes);
        (left, (left + 1 + below(5)).min(nodes - 1))
    });
    (nodes, pairs.collect())
}

fn batch(edges: u32) -> Done {
    let (nodes, pairs) = pairs(edges);
    let mut times = Vec::new();
    let mut clusters = 0;
    for _ in 0..5 {
        let begin = Instant::now();
        let mut sets = UnionFind::new(nodes);
        for (left, right) in &pairs {
            sets.join(*left, *right);
        }
        let labels = sets.labels();
        times.push(begin.elapsed());
        clusters = (0..nodes).zip(&labels).filter(|(node, label)| node == *label).count();
    }
    if let Some(path) = std::env::args().nth(3) {
        let bytes =
            pairs.iter().flat_map(|(left, right)| [left.to_le_bytes(), right.to_le_bytes()]);
        std::fs::write(path, bytes.flatten().collect::<Vec<u8>>())?;
    }
    println!("{nodes} identifiers, {} pairs, {clusters} clusters", pairs.len());
    told("clusters of numbered pairs, one core", times);
    Ok(())
}

fn main() -> Done {
    let words: Vec<String> = std::env::args().skip(1).take(2).collect();
    let number = words.get(1).map_or(Ok(0), |text| text.parse::<u64>())?;
    match words.first().map(String::as_str) {
        Some("attack") => attack(usize::try_from(number)?),
        Some("component") => component(usize::try_from(number)?),
        Some("readers") => readers(number),
        Some("batch") => batch(u32::try_from(number)?),
        _ => Err("name one of attack, component, readers and batch, and a number".into()),
    }
}
