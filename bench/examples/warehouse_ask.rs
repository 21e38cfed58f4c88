//! Asks Nave the questions of `bench/warehouses` inside one process, by the public API.
//!
//! ```text
//! warehouse_ask STORE QUESTIONS.json OUT.json NOW RUNS [--live SECONDS EVENTS JOINS]
//! ```
//!
//! QUESTIONS is a list of `{"name", "kind", "text", "ids"}`; the kind is `count`, `table`, `set`, or `profile`, which
//! asks for one of `ids` after the other. OUT has for each the first run, with parsing and whatever must be read; the
//! least and the median of RUNS warm ones; the median of texts that were never asked, on warm data; and the answer.
//! With `--live` the counts are asked while so many events and joins arrive in a second: see `live`.

#[path = "warehouse_ask/live.rs"]
mod live;

use navedb::clock::SystemClock;
use navedb::dir::DiskDir;
use navedb::{
    At, Caller, Db, MembersRequest, Purpose, Session, Settings, Table, Timestamp, Value, View,
};
use serde_json::{Map, Value as Json, json};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failed = Box<dyn Error>;

/// No question is asked again once its runs have taken so long.
const MOST: Duration = Duration::from_secs(5);
/// Threads that a question may use: as many as the machine has that the figures are of, and as the others take.
const THREADS: usize = 2;
/// Runs before the clock counts.
const WARM_UP: usize = 3;
/// Texts that were never asked, each once.
const NEW_TEXTS: usize = 5;

/// A question, and how it is asked.
struct Question {
    name: String,
    kind: String,
    text: String,
    ids: Vec<String>,
}

impl Question {
    fn read(from: &Json) -> Question {
        let text = |name: &str| from[name].as_str().unwrap_or_default().to_owned();
        let ids = from["ids"].as_array().into_iter().flatten();
        Question {
            name: text("name"),
            kind: text("kind"),
            text: text("text"),
            ids: ids.filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        }
    }

    /// Asks once, in some words; `run` chooses among the ids.
    fn ask(&self, view: &View, text: &str, at: At, run: usize) -> Result<Table, Failed> {
        match self.kind.as_str() {
            "count" => {
                let count = i64::try_from(view.count(text, at)?)?;
                let rows = vec![vec![Some(Value::Integer(count))]];
                Ok(Table { columns: vec!["count".to_owned()], rows })
            }
            "profile" => {
                let id = self.ids.get(run % self.ids.len().max(1)).ok_or("a profile needs ids")?;
                let profile = view.golden("user_id", id)?.ok_or("nobody has this id")?;
                let (columns, row) =
                    profile.traits.into_iter().map(|said| (said.name, Some(said.value))).unzip();
                Ok(Table { columns, rows: vec![row] })
            }
            _ => Ok(view.query(text, at)?),
        }
    }
}

/// Milliseconds are too long for what is measured here.
fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

/// The value that so large a share of sorted times does not exceed.
fn rank(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// From the least to the greatest.
fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

fn measured(view: &View, question: &Question, at: At, runs: usize) -> Result<Json, Failed> {
    let timed = |text: &str, run: usize| {
        let begin = Instant::now();
        let table = question.ask(view, text, at, run)?;
        Ok::<_, Failed>((table, micros(begin.elapsed())))
    };
    let (table, first) = timed(&question.text, 0)?;
    // Each person is asked for before, which tells what those take that nobody asked for yet.
    let warm_up = WARM_UP.max(question.ids.len().saturating_sub(1));
    let (begin, mut before) = (Instant::now(), vec![first]);
    for run in 1..=warm_up {
        if begin.elapsed() < MOST {
            before.push(timed(&question.text, run)?.1);
        }
    }
    let unasked = (!question.ids.is_empty()).then(|| rank(&sorted(before), 0.5));
    let (begin, mut warm) = (Instant::now(), Vec::with_capacity(runs));
    while warm.len() < runs && (warm.is_empty() || begin.elapsed() < MOST) {
        warm.push(timed(&question.text, warm_up + 1 + warm.len())?.1);
    }
    let mut new = Vec::with_capacity(NEW_TEXTS);
    while new.len() < NEW_TEXTS && (new.is_empty() || begin.elapsed() < MOST) {
        let text = format!("{}{}", question.text, " ".repeat(new.len() + 1));
        new.push(timed(&text, new.len())?.1);
    }
    let (count, warm, new) = (warm.len(), sorted(warm), sorted(new));
    Ok(json!({
        "name": question.name, "runs": count, "first_us": first, "min_us": rank(&warm, 0.0),
        "median_us": rank(&warm, 0.5), "new_text_us": rank(&new, 0.5), "unasked_us": unasked,
        "columns": table.columns, "rows": rows(&with_user_ids(view, table, at)?),
    }))
}

/// Puts the identifier where a table has the id of a profile, which is a name that the store gives.
fn with_user_ids(view: &View, mut table: Table, at: At) -> Result<Table, Failed> {
    if table.columns.first().is_none_or(|name| name != "profile_id") {
        return Ok(table);
    }
    for cell in table.rows.iter_mut().filter_map(|row| row.first_mut()) {
        let Some(Value::Text(id)) = cell else { continue };
        let request =
            MembersRequest { with: Some("user_id".to_owned()), ..MembersRequest::default() };
        let page = view.members_page(&format!("p.profile_id = '{id}'"), &request, at)?;
        let user = page.members.first().and_then(|member| member.identifiers.first());
        *id = user.ok_or("a profile without an identifier")?.clone();
    }
    Ok(table)
}

/// Cells as their type and their text.
fn rows(table: &Table) -> Json {
    let cell = |cell: &Option<Value>| match cell {
        None => Json::Null,
        Some(Value::Set(texts)) => json!(["set", texts]),
        Some(value) => json!([value.value_type().name(), value.to_string()]),
    };
    table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>()).collect()
}

/// What the system says of the memory of this process, in KiB.
fn memory() -> Result<Json, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let named = lines.filter(|(name, _)| ["VmRSS", "VmHWM", "RssAnon", "RssFile"].contains(name));
    let number = |text: &str| text.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    Ok(named.map(|(name, text)| (name.to_owned(), json!(number(text)))).collect())
}

fn opened(store: &str) -> Result<(Db, Session, f64), Failed> {
    let begin = Instant::now();
    let settings = Settings {
        create: false,
        merge_thread: true,
        question_threads: THREADS,
        ..Settings::default()
    };
    let db = Db::open_with(Arc::new(DiskDir::new(store)), Arc::new(SystemClock), settings)?;
    let took = begin.elapsed().as_secs_f64();
    let session = db.session(Caller::all(), Purpose::any());
    Ok((db, session, took))
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [store, questions, out, now, runs, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: warehouse_ask STORE QUESTIONS.json OUT.json NOW RUNS [--live ...]".into()
        );
    };
    let read: Json = serde_json::from_slice(&std::fs::read(questions)?)?;
    let questions: Vec<Question> =
        read.as_array().into_iter().flatten().map(Question::read).collect();
    let (at, runs) = (At::Now(Timestamp::parse(now)?), runs.parse()?);
    let (db, session, open_seconds) = opened(store)?;
    let mut told = Map::new();
    let mut tell = |name: &str, what: Json| drop(told.insert(name.to_owned(), what));
    tell("open_seconds", json!(open_seconds));
    tell("memory_opened", memory()?);
    match rest {
        [] => {
            let view = session.view();
            let answers = questions.iter().map(|question| {
                let failed = |e: Failed| json!({ "name": question.name, "error": e.to_string() });
                measured(&view, question, at, runs).unwrap_or_else(failed)
            });
            tell("answers", answers.collect());
        }
        ["--live", seconds, events, joins] => {
            let load = live::Load::new(seconds.parse()?, events.parse()?, joins.parse()?);
            tell("live", live::run(&session, &questions, at, &load)?);
        }
        _ => return Err("--live SECONDS EVENTS JOINS".into()),
    }
    tell("memory", memory()?);
    std::fs::write(out, serde_json::to_vec_pretty(&told)?)?;
    let begin = Instant::now();
    db.close()?;
    println!("closed in {:.3} s", begin.elapsed().as_secs_f64());
    Ok(())
}
