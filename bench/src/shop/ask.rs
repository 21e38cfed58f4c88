//! What only the engine's own process can do: writing through its API, asking audiences with a clock at hand, and
//! telling which profile an identifier belongs to.

use super::text::{json, json_list};
use super::{Audience, NOW, RECEIVED};
use navedb::clock::{Clock, ManualClock, SystemClock};
use navedb::dir::DiskDir;
use navedb::{
    At, Batch, Caller, Db, ErrorKind, Input, LoadRequest, MembersRequest, Purpose, Record,
    RecordKind, Result, Said, Settings, Timestamp, Value, View,
};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records in one batch of the API.
const BATCH: usize = 1000;

fn open(store: &Path, clock: Arc<dyn Clock>) -> Result<Db> {
    std::fs::create_dir_all(store).expect("the folder of the store can be made");
    Db::open_with(Arc::new(DiskDir::new(store)), clock, Settings::default())
}

/// Writes what was received at `RECEIVED`: rows without a time, and the things.
///
/// # Errors
/// Those of the engine.
pub fn prepare(store: &Path, files: &Path) -> Result<()> {
    let db = open(store, Arc::new(ManualClock::new(Timestamp::parse(RECEIVED)?)))?;
    let ids = |names: &[(&str, &str)]| {
        names.iter().map(|(space, column)| ((*space).to_owned(), (*column).to_owned())).collect()
    };
    let mut people = LoadRequest::new("crm", RecordKind::Identify);
    people.inputs = vec![Input::Path(files.join("crm_undated.csv"))];
    people.ids = ids(&[("user_id", "no"), ("email", "mail")]);
    people.time = Some("changed".to_owned());
    db.load(&people)?;
    let purchase = Said::Fixed("purchase".to_owned());
    let mut purchases = LoadRequest::new("web", RecordKind::Track(purchase));
    purchases.inputs = vec![Input::Path(files.join("web_undated.csv"))];
    purchases.ids = ids(&[("user_id", "no"), ("email", "mail"), ("anonymous_id", "cookie")]);
    purchases.time = Some("at".to_owned());
    purchases.message_id = vec!["order_no".to_owned()];
    db.load(&purchases)?;
    write(&db, "crm", &files.join("entities.ndjson"))?;
    db.close()
}

/// Writes the messages of the site, as they come in after everything else.
///
/// # Errors
/// Those of the engine.
pub fn stream(store: &Path, files: &Path) -> Result<()> {
    let db = open(store, Arc::new(SystemClock))?;
    write(&db, "web", &files.join("web_stream.ndjson"))?;
    db.close()
}

/// Writes the messages of a file through the API.
fn write(db: &Db, source: &str, file: &Path) -> Result<()> {
    let session = db.session(Caller::all(), Purpose::any());
    let text = std::fs::read_to_string(file).expect("the file was written before");
    let lines: Vec<&str> = text.lines().collect();
    for lines in lines.chunks(BATCH) {
        let batch = lines.iter().fold(Batch::new(), |batch, line| {
            batch.record(Record::message(source, line.as_bytes()))
        });
        let receipt = session.write(batch)?;
        assert_eq!(receipt.written, lines.len() as u64, "every message of {file:?} is written");
    }
    Ok(())
}

/// Shows each identifier with the id of its profile: namespace, value, profile id. Profile ids are names that the store
/// gives; nobody else can know them.
///
/// # Errors
/// Those of the engine, and of whoever is shown.
pub fn identifiers(
    view: &View,
    show: &mut dyn FnMut(&str, &str, &str) -> std::io::Result<()>,
) -> Result<()> {
    for namespace in ["user_id", "email", "anonymous_id"] {
        let mut request = MembersRequest {
            with: Some(namespace.to_owned()),
            limit: navedb::limits::MEMBERS_MAX,
            ..MembersRequest::default()
        };
        loop {
            let page = view.members_page("TRUE", &request, At::Latest)?;
            for member in &page.members {
                for value in &member.identifiers {
                    show(namespace, value, &member.profile_id).map_err(|e| {
                        navedb::Error::new(ErrorKind::Io, format!("cannot write: {e}"))
                    })?;
                }
            }
            if page.next.is_none() {
                break;
            }
            request.after = page.next;
        }
    }
    Ok(())
}

/// Opens a store to ask it.
///
/// # Errors
/// Those of the engine.
pub fn opened(store: &Path) -> Result<Db> {
    open(store, Arc::new(SystemClock))
}

/// Asks an audience: first what it says in full, which warms up, then `runs` times more, but for no longer than `most`.
/// The answer is a JSON document.
///
/// # Errors
/// Those of the engine.
pub fn ask(view: &View, audience: &Audience, runs: usize, most: Duration) -> Result<String> {
    let at = At::Now(Timestamp::parse(NOW)?);
    let text = named(view, &audience.text)?;
    let timed = || {
        let start = Instant::now();
        let table = view.query(&text, at)?;
        Ok((table, format!("{:.1}", start.elapsed().as_nanos() as f64 / 1000.0)))
    };
    let answer = view.explain(&text, at).and_then(|explained| Ok((explained, timed()?)));
    let (explained, (table, first)) = match answer {
        Ok(answer) => answer,
        Err(refused) => {
            let (name, text) = (json(&audience.name), json(&text));
            let refused = json(&refused.to_string());
            return Ok(format!("{{\"name\":{name},\"text\":{text},\"error\":{refused}}}"));
        }
    };
    let (begin, mut micros) = (Instant::now(), vec![first]);
    while micros.len() < runs && begin.elapsed() < most {
        micros.push(timed()?.1);
    }
    // A condition is no statement: what it says in full is.
    let whole = if audience.statement { &text } else { &explained.text };
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().map(|cell| cell.as_ref().map_or("null".to_owned(), cell_of));
        format!("[{}]", cells.collect::<Vec<_>>().join(","))
    });
    let rows = rows.collect::<Vec<_>>().join(",");
    let mut document = String::new();
    write!(
        document,
        "{{\"name\":{},\"text\":{},\"whole\":{},\"sql\":{},\"plain\":{},\"ordered\":{},\
         \"micros\":[{}],\"rows\":[{rows}]}}",
        json(&audience.name),
        json(&text),
        json(whole),
        json(&explained.sql),
        audience.plain,
        audience.ordered,
        micros.join(",")
    )
    .expect("a text takes all");
    Ok(document)
}

/// Puts the ids of profiles where a text names them by an identifier: `{user_id=N-000001}`.
fn named(view: &View, text: &str) -> Result<String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (identifier, after) = after.split_once('}').expect("a brace is closed");
        let (namespace, value) = identifier.split_once('=').expect("a namespace and a value");
        let profile = view.profile(namespace, value)?;
        done = done + before + &profile.map_or_else(|| "nobody".to_owned(), |profile| profile.id);
        rest = after;
    }
    Ok(done + rest)
}

/// A value as a list of its type and its text.
fn cell_of(value: &Value) -> String {
    let name = json(value.value_type().name());
    match value {
        Value::Set(texts) => {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            format!("[{name},{}]", json_list(&texts))
        }
        value => format!("[{name},{}]", json(&value.to_string())),
    }
}
