//! What lies beside the tables: the names of the files, a manifest, and views and macros for DuckDB.

use super::table::CONSENTS;
use super::{ExportColumn, ExportFormat, ExportPart, ExportType};
use crate::base::codec;
use crate::base::ids::Position;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use serde::Serialize;
use std::collections::HashSet;
use std::fmt::Write;

/// The longest name of a file before its ending.
const STEM_BYTES: usize = 120;

/// Names of files: any event can be named, and no two names meet, also where the case of letters does not count.
#[derive(Debug, Default)]
pub struct FileNames {
    taken: HashSet<String>,
}

impl FileNames {
    /// A name for the file of a table. ASCII letters, digits, `-` and `_` stay as they are; other bytes are written
    /// `%` and two hexadecimal digits; a name that becomes long is cut and told apart by a digest.
    pub fn name(&mut self, part: ExportPart, name: &str, ending: &str) -> String {
        let stem = match part {
            ExportPart::Profiles => "profiles".to_owned(),
            ExportPart::Identifiers => "identifiers".to_owned(),
            ExportPart::Segments => "segment_members".to_owned(),
            ExportPart::Events => format!("event.{}", escaped(name)),
            ExportPart::Entities => format!("entity.{}", escaped(name)),
        };
        let cut = |digest: &str| {
            let start: String = stem.chars().take(STEM_BYTES - 33).collect();
            format!("{start}.{digest}")
        };
        let digest = codec::hex(&codec::digest(name.as_bytes()));
        let long = stem.len() > STEM_BYTES || !self.taken.insert(stem.to_lowercase());
        let stem = if long { cut(&digest) } else { stem };
        format!("{stem}.{ending}")
    }
}

fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedTable {
    /// What it is about.
    pub part: ExportPart,
    /// The name by which audiences call the table.
    pub name: String,
    /// The file.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<ExportColumn>,
}

/// What the files of an export are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// The form of the files.
    pub format: ExportFormat,
    /// The position of the snapshot.
    pub position: Position,
    /// What `now()` is: the clock of the snapshot.
    pub clock: Timestamp,
    /// The audience whose profiles were exported; none for all.
    pub audience: Option<String>,
    /// The files.
    pub tables: Vec<ExportedTable>,
}

#[derive(Serialize)]
struct ManifestText<'a> {
    nave_export: u32,
    format: &'a str,
    position: u64,
    clock: String,
    audience: Option<&'a str>,
    tables: Vec<TableText<'a>>,
}

#[derive(Serialize)]
struct TableText<'a> {
    kind: &'a str,
    name: &'a str,
    file: &'a str,
    rows: u64,
    columns: Vec<ColumnText<'a>>,
}

#[derive(Serialize)]
struct ColumnText<'a> {
    name: &'a str,
    r#type: String,
}

/// The text of `manifest.json`.
pub fn manifest(report: &ExportReport) -> String {
    let tables = report.tables.iter().map(|table| TableText {
        kind: table.part.name(),
        name: &table.name,
        file: &table.file,
        rows: table.rows,
        columns: table
            .columns
            .iter()
            .map(|c| ColumnText { name: &c.name, r#type: c.kind.to_string() })
            .collect(),
    });
    let text = ManifestText {
        nave_export: 1,
        format: report.format.extension(),
        position: report.position.0,
        clock: report.clock.to_string(),
        audience: report.audience.as_deref(),
        tables: tables.collect(),
    };
    // Plain data have no form that JSON lacks.
    serde_json::to_string_pretty(&text).unwrap_or_default() + "\n"
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The type in DuckDB, and how a column of text becomes it.
fn duckdb_type(kind: ExportType) -> String {
    match kind {
        ExportType::Text | ExportType::DecimalText => "VARCHAR".to_owned(),
        ExportType::Integer => "BIGINT".to_owned(),
        ExportType::Decimal { digits, scale } => format!("DECIMAL({digits}, {scale})"),
        ExportType::Float => "DOUBLE".to_owned(),
        ExportType::Boolean => "BOOLEAN".to_owned(),
        ExportType::Date => "DATE".to_owned(),
        ExportType::Timestamp => "TIMESTAMPTZ".to_owned(),
        ExportType::Texts => "VARCHAR[]".to_owned(),
    }
}

/// How DuckDB reads a file.
fn source(format: ExportFormat, table: &ExportedTable) -> String {
    let file = literal(&table.file);
    let list = |of: &dyn Fn(ExportType) -> String| {
        let columns = table.columns.iter();
        let columns = columns.map(|c| format!("{}: '{}'", quoted(&c.name), of(c.kind)));
        columns.collect::<Vec<_>>().join(", ")
    };
    match format {
        ExportFormat::Parquet => format!("SELECT * FROM read_parquet({file})"),
        ExportFormat::Ndjson => {
            let columns = list(&duckdb_type);
            format!(
                "SELECT * FROM read_json({file}, format = 'newline_delimited', \
                 columns = {{{columns}}})"
            )
        }
        ExportFormat::Csv => {
            let plain = |kind| match kind {
                ExportType::Texts => "VARCHAR".to_owned(),
                kind => duckdb_type(kind),
            };
            let lists = table.columns.iter().filter(|c| c.kind == ExportType::Texts);
            let lists: Vec<String> = lists
                .map(|c| {
                    let name = quoted(&c.name);
                    format!("from_json({name}, '[\"VARCHAR\"]') AS {name}")
                })
                .collect();
            let replaced = match lists.is_empty() {
                true => String::new(),
                false => format!(" REPLACE ({})", lists.join(", ")),
            };
            format!(
                "SELECT *{replaced} FROM read_csv({file}, header = true, auto_detect = false, \
                 delim = ',', quote = '\"', escape = '\"', nullstr = '', \
                 allow_quoted_nulls = false, columns = {{{}}})",
                list(&plain)
            )
        }
    }
}

const HEADING: &str = "\
-- The tables of this export under the names that audiences use, and what the audience language has beyond SQL, for
-- DuckDB: in the folder of the export, `.read nave.sql`. From elsewhere say first where that is:
-- SET file_search_path = '...';
-- What an audience says is then asked word for word, as `nave audience explain` prints it: of profiles p, by that
-- name. Only funnel() and convert() have no macro: `nave audience explain --sql` writes them out.
SET TimeZone = 'UTC';
";

/// DuckDB looks for `p` already when a macro is made, unless something before it depends on an argument alone.
const HAS_IDENTIFIER: &str = "\
CREATE OR REPLACE MACRO has_identifier(wanted) AS
  CASE WHEN wanted IS NULL THEN NULL ELSE EXISTS (
    SELECT 1 FROM identifiers \"nave.i\" WHERE \"nave.i\".profile_id = p.profile_id
      AND \"nave.i\".namespace = lower(trim(wanted))) END;
";

const IN_SEGMENT: &str = "\
CREATE OR REPLACE MACRO in_segment(wanted) AS
  CASE WHEN wanted IS NULL THEN NULL ELSE EXISTS (
    SELECT 1 FROM segment_members \"nave.m\" WHERE \"nave.m\".profile_id = p.profile_id
      AND lower(\"nave.m\".segment) = lower(wanted)) END;
";

const BUCKET: &str = "\
CREATE OR REPLACE MACRO bucket(salt, n) AS
  CAST('0x' || substr(md5(salt || ':' || p.profile_id), 1, 8) AS BIGINT) % n;
CREATE OR REPLACE MACRO amount(money) AS money;
";

/// The macro of consents, as `nave audience explain --sql` writes them out: of each identifier, channel, purpose and
/// topic the latest, of two at the same time the stricter, and then whether all of them are given.
fn consents(columns: &[ExportColumn]) -> String {
    let known = |name: &str| columns.iter().any(|column| folded(&column.name) == name);
    let topic = if known("topic") { "\"nave.r\".topic" } else { "NULL::VARCHAR" };
    let of = |about: &str| {
        format!(
            "CASE WHEN wanted IS NULL THEN NULL ELSE coalesce((
    SELECT bool_and(\"nave.c\".given) FROM (
      SELECT \"nave.r\".profile_id, \"nave.r\".state = 'granted' AS given,
        row_number() OVER (PARTITION BY \"nave.r\".namespace, \"nave.r\".value, \"nave.r\".channel,
          \"nave.r\".purpose, {topic}
          ORDER BY \"nave.r\".\"time\" DESC, \"nave.r\".state = 'granted') AS place
      FROM \"nave.consent\" \"nave.r\" WHERE \"nave.r\".channel IN (lower(trim(wanted)), '*')
        AND \"nave.r\".purpose IN (lower(trim(use)), '*'){about}) \"nave.c\"
    WHERE \"nave.c\".place = 1 AND \"nave.c\".profile_id = p.profile_id), FALSE) END"
        )
    };
    let about = format!(" AND ({topic} = lower(trim(subject)) OR {topic} IS NULL)");
    format!(
        "CREATE OR REPLACE MACRO consents(wanted, use) AS\n  {},\n  (wanted, use, subject) AS\n  {};\n",
        of(""),
        of(&about)
    )
}

/// The text of `nave.sql`.
pub fn statements(report: &ExportReport) -> String {
    let mut text = HEADING.to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "CREATE OR REPLACE MACRO now() AS TIMESTAMPTZ {};\n{BUCKET}",
        literal(&report.clock.to_string())
    );
    let mut taken = HashSet::new();
    for table in &report.tables {
        let mut name = table.name.clone();
        if !taken.insert(folded(&name)) {
            // `nave audience explain --sql` calls it so as well.
            name = format!("{}.{name}", table.part.name());
            let _ = writeln!(text, "-- {} is the name of another table as well.", {
                table.name.replace(['\n', '\r'], " ")
            });
            if !taken.insert(folded(&name)) {
                let _ = writeln!(text, "-- {} has no view.", table.file);
                continue;
            }
        }
        let source = source(report.format, table);
        let _ = writeln!(text, "CREATE OR REPLACE VIEW {} AS\n  {source};", quoted(&name));
    }
    // A macro needs its table when it is made.
    if report.tables.iter().any(|table| table.part == ExportPart::Identifiers) {
        text.push_str(HAS_IDENTIFIER);
    }
    if report.tables.iter().any(|table| table.part == ExportPart::Segments) {
        text.push_str(IN_SEGMENT);
    }
    let is_consents =
        |t: &&ExportedTable| t.part == ExportPart::Events && folded(&t.name) == CONSENTS;
    if let Some(table) = report.tables.iter().find(is_consents) {
        text.push_str(&consents(&table.columns));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_has_a_file_of_its_own() {
        let mut names = FileNames::default();
        let mut event = |name: &str| names.name(ExportPart::Events, name, "csv");
        assert_eq!(event("purchase"), "event.purchase.csv");
        assert_eq!(event("Wish List/../x"), "event.Wish%20List%2F%2E%2E%2Fx.csv");
        assert_eq!(event("größe"), "event.gr%C3%B6%C3%9Fe.csv");
        let (first, second) = ("x".repeat(256), format!("{}y", "x".repeat(255)));
        let (first, second) = (event(&first), event(&second));
        assert!(first != second && first.len() < 130 && second.len() < 130, "{first} {second}");
        // Two names whose letters differ in case alone would be one file on some disks.
        assert_ne!(event("PURCHASE").to_lowercase(), "event.purchase.csv");
    }

    #[test]
    fn macros_are_made_where_their_tables_are() {
        let table = |part, name: &str, columns: &[&str]| ExportedTable {
            part,
            name: name.to_owned(),
            file: "f".to_owned(),
            rows: 0,
            columns: columns
                .iter()
                .map(|name| ExportColumn { name: (*name).to_owned(), kind: ExportType::Text })
                .collect(),
        };
        let told = |tables: Vec<ExportedTable>| {
            statements(&ExportReport {
                format: ExportFormat::Parquet,
                position: Position(1),
                clock: Timestamp(0),
                audience: None,
                tables,
            })
        };
        let none = told(vec![table(ExportPart::Profiles, "profiles", &[])]);
        assert!(none.contains("MACRO bucket") && !none.contains("MACRO has_identifier"), "{none}");
        let text = told(vec![
            table(ExportPart::Identifiers, "identifiers", &[]),
            table(ExportPart::Events, "nave.consent", &["channel", "purpose", "state"]),
        ]);
        assert!(text.contains("MACRO has_identifier") && text.contains("MACRO consents"), "{text}");
        assert!(!text.contains(".topic"), "a column that is not there: {text}");
        let twice = [ExportPart::Events, ExportPart::Entities].map(|part| table(part, "a\"b", &[]));
        let text = told(twice.to_vec());
        assert!(text.contains("VIEW \"a\"\"b\" AS") && text.contains("VIEW \"entities.a\"\"b\""));
    }
}
