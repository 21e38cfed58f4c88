//! The same questions while events and joins arrive.
//!
//! One thread writes what arrives in a fiftieth of a second as one batch, at the level of a service that tells its
//! sources at once (`os`), and never waits for those who ask; when it is late, it goes on without a pause. Another asks
//! one question after the other, each of the newest snapshot. The *age* of an answer is what it does not know: the time
//! from the arrival of the oldest event that it has not seen to the moment at which it is given. So waiting in the
//! queue, writing, and the question itself all count.

use super::{Failed, Question, micros, rank, sorted};
use nave_bench::million::Rng;
use navedb::{At, Batch, Level, Position, Record, Session};
use serde_json::{Value as Json, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a batch is written.
const TICKS: u32 = 50;
/// Users who are told of; there are more in a large store.
const USERS: u64 = 100_000;

/// How much arrives in a second, and for how long.
pub struct Load {
    seconds: u64,
    events: u64,
    joins: u64,
}

impl Load {
    pub fn new(seconds: u64, events: u64, joins: u64) -> Load {
        Load { seconds, events, joins }
    }

    fn tick(&self) -> Duration {
        Duration::from_secs(1) / TICKS
    }

    fn batches(&self) -> u64 {
        self.seconds * u64::from(TICKS)
    }

    /// What arrives until a moment, in messages, and before it since the moment before.
    fn messages(&self, number: u64, rng: &mut Rng) -> Vec<String> {
        let share = |rate: u64, until: u64| rate * until / u64::from(TICKS);
        let mut messages = Vec::new();
        for event in share(self.events, number)..share(self.events, number + 1) {
            messages.push(event_of(event, rng));
        }
        for join in share(self.joins, number)..share(self.joins, number + 1) {
            let user = rng.below(USERS);
            messages.push(format!(
                r#"{{"type":"identify","userId":"u{user:08}","anonymousId":"a{join}",
"messageId":"join-{join}","timestamp":"2026-01-01T00:00:00Z","traits":{{}}}}"#
            ));
        }
        messages
    }
}

/// An event of a user, or, one in fifty, of a browser that nobody has named yet.
fn event_of(number: u64, rng: &mut Rng) -> String {
    let who = if rng.below(50) == 0 {
        format!(r#""anonymousId":"a{}""#, number / 50)
    } else {
        format!(r#""userId":"u{:08}""#, rng.skewed(USERS, 2.0))
    };
    let (name, properties) = match rng.below(10) {
        0..6 => ("view", format!(r#"{{"page":"/p/{}"}}"#, rng.skewed(5_000, 2.0))),
        6..8 => ("open", format!(r#"{{"campaign":"c{:03}"}}"#, 160 + rng.below(22))),
        kind => {
            let cents = rng.cents(40.0, 0.8);
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            let name = if kind == 8 { "cart" } else { "purchase" };
            (name, format!(r#"{{"amount":{amount},"category":"wine"}}"#))
        }
    };
    format!(
        r#"{{"type":"track",{who},"event":"{name}","messageId":"live-{number}",
"timestamp":"2026-01-01T00:00:00Z","properties":{properties}}}"#
    )
}

/// What the writer tells: the position behind each batch, and how late it was acknowledged.
#[derive(Default)]
struct Written {
    positions: Vec<Position>,
    late: Vec<f64>,
    records: u64,
}

/// Writes batch after batch, each when it is due.
fn write(
    session: &Session,
    load: &Load,
    begin: Instant,
    written: &Mutex<Written>,
) -> Result<(), Failed> {
    let mut rng = Rng(2026);
    for number in 0..load.batches() {
        let messages = load.messages(number, &mut rng);
        let due = begin + load.tick() * u32::try_from(number + 1)?;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (count, batch) = (messages.len() as u64, Batch::new().level(Level::Os));
        let batch = messages
            .into_iter()
            .fold(batch, |batch, message| batch.record(Record::message("live", message)));
        let receipt = session.write(batch)?;
        if receipt.written != count {
            return Err(format!("{} of {count} records were new", receipt.written).into());
        }
        let late = Instant::now().saturating_duration_since(due);
        let mut written = written.lock().map_err(|_| "who asks has failed")?;
        written.positions.push(receipt.position);
        written.late.push(micros(late));
        written.records += count;
    }
    Ok(())
}

/// Latencies and ages of the answers to one question, in microseconds.
#[derive(Default)]
struct Asked {
    took: Vec<f64>,
    age: Vec<f64>,
}

/// Asks each question in turn until nothing arrives any more.
fn ask(
    session: &Session,
    questions: &[&Question],
    at: At,
    (load, begin): (&Load, Instant),
    (written, done): (&Mutex<Written>, &dyn Fn() -> bool),
) -> Result<Vec<Asked>, Failed> {
    let mut asked: Vec<Asked> = questions.iter().map(|_| Asked::default()).collect();
    let mut run = 0;
    while !done() {
        for (question, asked) in questions.iter().zip(&mut asked) {
            let asks = Instant::now();
            let view = session.view();
            question.ask(&view, &question.text, at, run)?;
            let given = Instant::now();
            let seen = {
                let written = written.lock().map_err(|_| "the writer has failed")?;
                written.positions.partition_point(|position| *position <= view.position())
            };
            // What arrived first of what it has not seen.
            let unseen = begin + load.tick() * u32::try_from(seen)?;
            asked.took.push(micros(given - asks));
            asked.age.push(micros(given.saturating_duration_since(unseen)));
        }
        run += 1;
    }
    Ok(asked)
}

/// Asks while events and joins arrive, and tells latencies, ages, and whether the writer kept up.
pub fn run(session: &Session, questions: &[Question], at: At, load: &Load) -> Result<Json, Failed> {
    let questions: Vec<&Question> = questions.iter().collect();
    for question in &questions {
        question.ask(&session.view(), &question.text, at, 0)?;
    }
    let written = Mutex::new(Written::default());
    let begin = Instant::now();
    let (asked, wrote) = std::thread::scope(|scope| {
        let writer =
            scope.spawn(|| write(session, load, begin, &written).map_err(|e| e.to_string()));
        let done = || writer.is_finished();
        let asked = ask(session, &questions, at, (load, begin), (&written, &done));
        (asked, writer.join())
    });
    let seconds = begin.elapsed().as_secs_f64();
    wrote.map_err(|_| "the writer panicked")??;
    let written = written.into_inner().map_err(|_| "the writer panicked")?;
    let spread = |times: Vec<f64>| {
        let times = sorted(times);
        json!({ "median_us": rank(&times, 0.5), "p99_us": rank(&times, 0.99), "most_us": rank(&times, 1.0) })
    };
    let answers: Vec<Json> = questions
        .iter()
        .zip(asked?)
        .map(|(question, asked)| {
            let count = asked.took.len();
            let (took, age) = (spread(asked.took), spread(asked.age));
            json!({ "name": question.name, "answers": count, "took": took, "age": age })
        })
        .collect();
    Ok(json!({
        "events_a_second": load.events, "joins_a_second": load.joins,
        "due_seconds": load.seconds, "seconds": seconds,
        "records": written.records, "records_a_second": written.records as f64 / seconds,
        "acknowledged_late": spread(written.late), "answers": answers,
    }))
}
