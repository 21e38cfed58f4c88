//! The same shop in other forms: each file as rows of NDJSON, as messages, or as Parquet, with the same ids, times and
//! values.
//!
//! *Invariant:* a store that loads one form has the same digest as a store that loads another. *Where to
//! start reading:* `load`.

use super::parquet;
use super::text::{DAY, Lines, json, json_object};
use navedb::{Db, Input, LoadRequest, RecordKind, Result, Said, TimeUnit, Timestamp};
use std::path::Path;

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As `Shop::write` writes them: CSV, NDJSON, and messages.
    Written,
    /// Rows of NDJSON.
    Rows,
    /// Messages, one a line.
    Messages,
    /// Messages in batches.
    Batches,
    /// What is written as CSV as Parquet. NULLs that are said, and fields of several types, have no form in a column:
    /// the other files stay.
    Parquet,
}

/// A file of the shop, and what its rows are.
struct Sheet {
    name: &'static str,
    source: &'static str,
    kind: RecordKind,
    ids: usize,
    time: &'static str,
    unit: &'static str,
    message_id: Option<&'static str>,
}

const IDS: [(&str, &str); 3] = [("user_id", "no"), ("email", "mail"), ("anonymous_id", "cookie")];
const TILL_TIME: &str = "%d/%m/%Y %H:%M";
/// Messages in a batch.
const BATCH: usize = 40;

fn sheets() -> Vec<Sheet> {
    let event = |name: &str| RecordKind::Track(Said::Fixed(name.to_owned()));
    let sheet = |name, source, kind, ids, time, unit, message_id| Sheet {
        name,
        source,
        kind,
        ids,
        time,
        unit,
        message_id,
    };
    let column = RecordKind::Track(Said::Column("event".to_owned()));
    let order = Some("order_no");
    vec![
        sheet("crm_undated.csv", "crm", RecordKind::Identify, 2, "changed", "iso", None),
        sheet("web_undated.csv", "web", event("purchase"), 3, "at", "iso", order),
        sheet("crm_people.csv", "crm", RecordKind::Identify, 2, "changed", "iso", None),
        sheet("crm_tags.ndjson", "crm", RecordKind::Identify, 1, "at", "iso", None),
        sheet("web_signups.ndjson", "web", RecordKind::Identify, 3, "at", "iso", None),
        sheet("web_views.csv", "web", event("view"), 3, "at", "ms", None),
        sheet("web_purchases.csv", "web", event("purchase"), 3, "at", "iso", order),
        sheet("crm_till.csv", "crm", event("purchase"), 1, "at", TILL_TIME, Some("receipt")),
        sheet("web_mixed.ndjson", "web", column, 3, "at", "iso", Some("key")),
    ]
}

/// Loads all files of a shop in a form; what must be written anew is written beside them.
///
/// # Errors
/// Those of the engine.
///
/// # Panics
/// When a file cannot be read or written.
pub fn load(db: &Db, files: &Path, form: Form) -> Result<()> {
    things(db, files, form)?;
    for sheet in sheets() {
        let mut request = LoadRequest::new(sheet.source, sheet.kind.clone());
        let stem = sheet.name.strip_suffix(".csv");
        let name = if let (Form::Parquet, Some(stem)) = (form, stem) {
            let name = format!("{stem}.parquet");
            let text = std::fs::read_to_string(files.join(sheet.name));
            parquet::write(&files.join(&name), &records(&text.expect("it was written before")));
            name
        } else if matches!(form, Form::Written | Form::Parquet) {
            sheet.name.to_owned()
        } else {
            let name = format!("{form:?}_{}.ndjson", sheet.name);
            let lines = lines(&files.join(sheet.name)).into_iter();
            let lines = lines.map(|fields| sheet.line(&fields, form));
            write(files, &name, form, lines);
            name
        };
        if matches!(form, Form::Messages | Form::Batches) {
            request.kind = RecordKind::Message;
        } else {
            let ids = IDS.iter().take(sheet.ids).filter(|(_, column)| sheet.has(column));
            request.ids = ids.map(|(n, c)| ((*n).to_owned(), (*c).to_owned())).collect();
            request.time = Some(sheet.time.to_owned());
            request.time_unit = sheet.unit.parse::<TimeUnit>()?;
            request.zone = if sheet.unit == TILL_TIME { "Europe/Paris" } else { "UTC" }.to_owned();
            request.message_id = sheet.message_id.map(str::to_owned).into_iter().collect();
        }
        request.inputs = vec![Input::Path(files.join(name))];
        db.load(&request)?;
    }
    let mut stream = LoadRequest::new("web", RecordKind::Message);
    stream.inputs = vec![Input::Path(files.join("web_stream.ndjson"))];
    db.load(&stream).map(drop)
}

/// Loads the brands and products: messages as they are written, or rows of entities.
fn things(db: &Db, files: &Path, form: Form) -> Result<()> {
    if form != Form::Rows {
        let mut request = LoadRequest::new("crm", RecordKind::Message);
        request.inputs = vec![Input::Path(files.join("entities.ndjson"))];
        return db.load(&request).map(drop);
    }
    for entity in ["brand", "product", "currency_rate"] {
        let name = format!("{entity}.ndjson");
        let of_entity = |fields: &Fields| value(fields, "entity") == Some(json(entity));
        let all = lines(&files.join("entities.ndjson")).into_iter().filter(of_entity);
        let rows = all.map(|fields| {
            let mut row = split(&value(&fields, "traits").expect("an entity has traits"));
            for (column, known) in [("#id", "id"), ("#at", "timestamp"), ("#key", "messageId")] {
                row.push((column.to_owned(), value(&fields, known)));
            }
            object(&row)
        });
        write(files, &name, form, rows);
        let id = "#id".to_owned();
        let kind = RecordKind::Entity { entity: entity.to_owned(), id };
        let mut request = LoadRequest::new("crm", kind);
        request.time = Some("#at".to_owned());
        request.message_id = vec!["#key".to_owned()];
        request.inputs = vec![Input::Path(files.join(name))];
        db.load(&request)?;
    }
    Ok(())
}

fn write(files: &Path, name: &str, form: Form, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    let mut file = Lines::create(files, name).expect("a file can be made");
    let size = if form == Form::Batches { BATCH } else { 1 };
    for together in lines.chunks(size) {
        let line = match together {
            [line] => line.clone(),
            lines => format!(
                "{{\"sentAt\":\"2024-01-01T00:00:00Z\",\"batch\":[{}],\"writeKey\":\"k\"}}",
                lines.join(" , ")
            ),
        };
        file.line(&line).expect("a line can be written");
    }
    file.finish().expect("a file can be written");
}

/// The fields of a line: names, and values in JSON.
type Fields = Vec<(String, Option<String>)>;

fn value(fields: &Fields, name: &str) -> Option<String> {
    fields.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
}

fn object(fields: &Fields) -> String {
    let fields: Vec<(&str, Option<String>)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    json_object(&fields)
}

impl Sheet {
    fn has(&self, column: &str) -> bool {
        match self.name {
            "web_views.csv" => column != "mail",
            _ => true,
        }
    }

    fn line(&self, fields: &Fields, form: Form) -> String {
        if form == Form::Rows {
            return object(fields);
        }
        let [no, mail, cookie] =
            IDS.map(|(_, column)| value(fields, column).filter(|_| self.has(column)));
        let mails = mail.map(|mail| format!("{{\"email\":{mail}}}"));
        let event = match &self.kind {
            RecordKind::Track(Said::Fixed(event)) => Some(json(event)),
            RecordKind::Track(Said::Column(column)) => value(fields, column),
            _ => None,
        };
        let roles = IDS.iter().take(self.ids).map(|(_, column)| *column);
        let roles: Vec<&str> = roles.chain([self.time]).chain(self.message_id).collect();
        let by_column = matches!(self.kind, RecordKind::Track(Said::Column(_)));
        let plain =
            |name: &str| !(roles.contains(&name) && self.has(name) || by_column && name == "event");
        let told = object(&fields.iter().filter(|(name, _)| plain(name)).cloned().collect());
        let kind = if event.is_some() { "track" } else { "identify" };
        let inner = if event.is_some() { "properties" } else { "traits" };
        json_object(&[
            ("type", Some(json(kind))),
            ("userId", no),
            ("identifiers", mails),
            ("anonymousId", cookie.filter(|_| self.ids == 3)),
            ("event", event),
            (inner, Some(told)),
            ("timestamp", value(fields, self.time).map(|time| self.instant(&time))),
            ("messageId", self.message_id.and_then(|column| value(fields, column))),
        ])
    }

    /// A time in ISO 8601, in JSON.
    fn instant(&self, time: &str) -> String {
        match self.unit {
            "ms" => json(&Timestamp(time.parse::<i64>().expect("a number") * 1000).to_string()),
            TILL_TIME => json(&at_the_till(time.trim_matches('"'))),
            _ => time.to_owned(),
        }
    }
}

/// A local time of Paris at the till, which is shut when clocks are put forward or back.
fn at_the_till(text: &str) -> String {
    let (day, clock) = text.split_once(' ').expect("a day and a time");
    let parts: Vec<&str> = day.split('/').collect();
    let [day, month, year] = parts[..] else { panic!("{text} is no day") };
    let number = |month: &str, day: &str| {
        let midnight = Timestamp::parse(&format!("{year}-{month}-{day}T00:00:00Z"));
        midnight.expect("a day").0 / DAY
    };
    // The first day since 1970 was a Thursday.
    let last_sunday = |month: &str| number(month, "31") - (number(month, "31") + 4) % 7;
    let summer = (last_sunday("03")..last_sunday("10")).contains(&number(month, day));
    let offset = if summer { "+02:00" } else { "+01:00" };
    format!("{year}-{month}-{day}T{clock}:00{offset}")
}

/// The lines of a file.
fn lines(file: &Path) -> Vec<Fields> {
    let text = std::fs::read_to_string(file).expect("the file was written before");
    if file.extension().is_some_and(|ending| ending == "ndjson") {
        return text.lines().map(split).collect();
    }
    let mut rows = records(&text).into_iter();
    let header: Vec<String> = rows.next().unwrap_or_default().into_iter().flatten().collect();
    rows.map(|row| {
        header.iter().cloned().zip(row.iter().map(|c| c.as_deref().map(token))).collect()
    })
    .collect()
}

/// The rows of a CSV file; nothing stands for an empty cell without quotes.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), None::<String>);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                let quoted = cell.get_or_insert_default();
                while let Some(inner) = characters.next() {
                    if inner != '"' || characters.next_if_eq(&'"').is_some() {
                        quoted.push(inner);
                    } else {
                        break;
                    }
                }
            }
            ',' => row.push(cell.take()),
            '\n' => {
                row.push(cell.take());
                rows.push(std::mem::take(&mut row));
            }
            other => cell.get_or_insert_default().push(other),
        }
    }
    rows
}

/// A cell in JSON, of the type that it is inferred to have.
fn token(cell: &str) -> String {
    let (mantissa, exponent) = cell.split_once('e').unwrap_or((cell, "0"));
    let number = parquet::scale(mantissa).is_some() && exponent.parse::<i32>().is_ok();
    if number || matches!(cell, "true" | "false") { cell.to_owned() } else { json(cell) }
}

/// The fields of an object, as they are written.
fn split(object: &str) -> Fields {
    let (mut fields, mut depth, mut quoted) = (Vec::new(), 0, false);
    let (mut name, mut start) = (None::<String>, 1);
    let bytes = object.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if quoted {
            let escapes = bytes.iter().take(index).rev().take_while(|byte| **byte == b'\\').count();
            quoted = *byte != b'"' || escapes % 2 == 1;
            continue;
        }
        let ends = match byte {
            b'"' => {
                quoted = true;
                false
            }
            b'{' | b'[' => {
                depth += 1;
                false
            }
            b'}' | b']' => {
                depth -= 1;
                depth == 0
            }
            b':' if depth == 1 && name.is_none() => {
                name = Some(object[start..index].trim_matches('"').to_owned());
                start = index + 1;
                false
            }
            b',' => depth == 1,
            _ => false,
        };
        if ends {
            if let Some(name) = name.take() {
                fields.push((name, Some(object[start..index].to_owned())));
            }
            start = index + 1;
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::Shop;
    use navedb::clock::ManualClock;
    use navedb::dir::MemoryDir;
    use navedb::{Caller, Purpose, Settings};
    use std::sync::Arc;

    #[test]
    fn the_shop_has_one_digest_in_all_its_forms() {
        let folder = std::env::temp_dir().join(format!("nave-forms-{}", std::process::id()));
        Shop { seed: 3, persons: 300 }.write(&folder).unwrap();
        let forms = [Form::Written, Form::Rows, Form::Messages, Form::Batches, Form::Parquet];
        let told = forms.map(|form| {
            let now = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
            let clock = Arc::new(ManualClock::new(now));
            let db = Db::open_with(Arc::new(MemoryDir::new()), clock, Settings::default()).unwrap();
            load(&db, &folder, form).unwrap();
            let view = db.session(Caller::all(), Purpose::any()).view();
            let stats = view.stats().unwrap();
            let counts = (stats.profiles, stats.events, stats.properties, stats.traits);
            (counts, stats.entity_fields, stats.quarantine, stats.sources, view.digest().unwrap())
        });
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(told[0].0.0 > 200, "{told:?}");
        for other in &told[1..] {
            assert_eq!(&told[0], other);
        }
    }
}
