//! Files of SQLite.
//!
//! SQLite has types by value, not by column: the declared type of a column says how its cells are
//! read; of a column that declares none (an expression), one more pass finds what it holds.
//! *Where to start reading:* `ask`.

use super::{Address, Answer, Ask, GoesOn, Rows, Trouble, base64, quoted};
use navedb::Reading;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};
use std::time::Duration;

const QUOTE: char = '"';

/// How long another writer of the file is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Typed(Reading),
    /// 0 and 1 say false and true.
    Boolean,
}

impl Form {
    /// By the rules of SQLite for declared types, with dates, booleans and JSON beside them.
    fn of(declared: &str) -> Option<Form> {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        Some(if has(&["BOOL"]) {
            Form::Boolean
        } else if has(&["JSON"]) {
            Form::Typed(Reading::Json)
        } else if has(&["CHAR", "CLOB", "TEXT", "UUID", "BLOB"]) {
            Form::Typed(Reading::Text)
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Form::Typed(Reading::Float)
        } else if has(&["INT", "NUM", "DEC", "DATE", "TIME"]) {
            Form::Typed(Reading::Plain)
        } else {
            return None;
        })
    }

    fn reading(self) -> Reading {
        match self {
            Form::Typed(reading) => reading,
            Form::Boolean => Reading::Plain,
        }
    }
}

pub(super) fn ask(
    address: &Address,
    ask: &Ask,
    goes_on: &mut GoesOn<'_>,
) -> Result<Answer, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address.url(), flags)
        .map_err(|e| Trouble::Unreachable(format!("cannot open {}: {e}", address.shown())))?;
    connection.busy_timeout(PATIENCE).map_err(|e| refused(ask, &e))?;
    let plain = connection.prepare(&ask.nested("*", QUOTE)).map_err(|e| refused(ask, &e))?;
    let names: Vec<String> = plain.column_names().map(str::to_owned).collect();
    let forms = forms(&connection, ask, &plain, &names)?;
    drop(plain);
    let followed = ask.followed(names.iter().map(String::as_str))?;
    let mut sql = ask.nested("*", QUOTE);
    let mut bound = Vec::new();
    let mut order = Order { ask, column: "", class: None };
    if let Some((column, form)) = followed.and_then(|at| Some((names.get(at)?, forms.get(at)?))) {
        order.column = column;
        order.check(*form)?;
        let column = quoted(column, QUOTE);
        // Infinities have no place in the order: they come first, and each time.
        let infinite = format!("{column} IN (9e999, -9e999)");
        let (or_infinite, first) = match form.reading() {
            Reading::Float => (format!(" OR {infinite}"), format!("({infinite}) DESC, ")),
            _ => (String::new(), String::new()),
        };
        if let Some(since) = ask.since(form.reading()) {
            let value = bound_value(since, form.reading());
            let class = Class::of(ValueRef::from(&value));
            // Values of another class are all less or all greater: they are asked for, to be refused.
            let own = if class == Some(Class::Text) { "'text'" } else { "'integer', 'real'" };
            sql.push_str(&format!(
                "\nWHERE {column} >= ?1 OR typeof({column}) NOT IN ({own}){or_infinite}"
            ));
            order.class = class;
            bound.push(value);
        }
        sql.push_str(&format!("\nORDER BY {first}{column}"));
    }
    let columns = names.iter().cloned().zip(forms.iter().map(|form| form.reading())).collect();
    let mut gathered = Rows::new(ask, columns, followed, goes_on)?;
    let mut statement = connection.prepare(&sql).map_err(|e| refused(ask, &e))?;
    let mut rows =
        statement.query(rusqlite::params_from_iter(bound)).map_err(|e| refused(ask, &e))?;
    let mut cells: Vec<Option<String>> = Vec::with_capacity(names.len());
    while let Some(row) = rows.next().map_err(|e| refused(ask, &e))? {
        cells.clear();
        for (index, (name, form)) in names.iter().zip(&forms).enumerate() {
            let value = row.get_ref(index).map_err(|e| refused(ask, &e))?;
            if followed == Some(index) {
                order.note(value)?;
            }
            cells.push(cell(value, *form).map_err(|said| {
                Trouble::Refused(format!("{}: column '{name}': {said}", ask.name))
            })?);
        }
        let cells: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        gathered.push(&cells)?;
    }
    gathered.finish()
}

/// Values that SQLite orders among themselves: all numbers are less than all texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Text,
    Bytes,
}

impl Class {
    fn of(value: ValueRef<'_>) -> Option<Class> {
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(_) | ValueRef::Real(_) => Some(Class::Number),
            ValueRef::Text(_) => Some(Class::Text),
            ValueRef::Blob(_) => Some(Class::Bytes),
        }
    }
}

/// Holds the column that rows are ordered by to values of one class, since any column may hold all.
struct Order<'a> {
    ask: &'a Ask,
    column: &'a str,
    class: Option<Class>,
}

impl Order<'_> {
    fn check(&self, form: Form) -> Result<(), Trouble> {
        match form {
            Form::Boolean => Err(self.ask.not_followed(self.column, "yes or no")),
            Form::Typed(Reading::Json) => Err(self.ask.not_followed(self.column, "documents")),
            Form::Typed(_) => Ok(()),
        }
    }

    fn note(&mut self, value: ValueRef<'_>) -> Result<(), Trouble> {
        let Some(class) = Class::of(value) else { return Ok(()) };
        if class == Class::Bytes {
            return Err(self.ask.not_followed(self.column, "bytes"));
        }
        if *self.class.get_or_insert(class) != class {
            return Err(self.ask.not_followed(self.column, "both numbers and texts"));
        }
        Ok(())
    }
}

/// How the cells of each column are read.
fn forms(
    connection: &Connection,
    ask: &Ask,
    plain: &Statement<'_>,
    names: &[String],
) -> Result<Vec<Form>, Trouble> {
    let declared = plain.columns();
    let known: Vec<Option<Form>> =
        declared.map(|column| column.decl_type().and_then(Form::of)).collect();
    let measured = |name: &String| {
        let name = quoted(name, QUOTE);
        format!(
            "coalesce(max(CASE typeof({name}) WHEN 'text' THEN 2 WHEN 'blob' THEN 2 WHEN 'real' \
             THEN 1 ELSE 0 END), 0)"
        )
    };
    let unknown: Vec<String> = names
        .iter()
        .zip(&known)
        .filter(|(_, form)| form.is_none())
        .map(|(name, _)| measured(name))
        .collect();
    let mut found: Vec<Form> = Vec::new();
    if !unknown.is_empty() {
        let sql = ask.nested(&unknown.join(", "), QUOTE);
        let read = |row: &rusqlite::Row<'_>| (0..unknown.len()).map(|at| row.get(at)).collect();
        let held: Vec<i64> = connection.query_row(&sql, [], read).map_err(|e| refused(ask, &e))?;
        found.extend(held.into_iter().map(|held| {
            Form::Typed(match held {
                2 => Reading::Text,
                1 => Reading::Float,
                _ => Reading::Plain,
            })
        }));
    }
    let mut found = found.into_iter();
    let form =
        |form: Option<Form>| form.or_else(|| found.next()).unwrap_or(Form::Typed(Reading::Text));
    Ok(known.into_iter().map(form).collect())
}

/// The text of a value.
fn cell(value: ValueRef<'_>, form: Form) -> Result<Option<String>, String> {
    Ok(Some(match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) if form == Form::Boolean && (0..=1).contains(&number) => {
            (number == 1).to_string()
        }
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Err("a text is not UTF-8; give it as hex(...)".to_owned()),
        },
        ValueRef::Blob(bytes) => base64(bytes),
    }))
}

/// The watermark as the value that its column holds.
fn bound_value(text: &str, reading: Reading) -> Value {
    let integer = || text.parse().ok().map(Value::Integer);
    let real = || text.parse().ok().filter(|real: &f64| real.is_finite()).map(Value::Real);
    let number = match reading {
        Reading::Plain | Reading::Float => integer().or_else(real),
        Reading::Text | Reading::Json => None,
    };
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn refused(ask: &Ask, error: &rusqlite::Error) -> Trouble {
    let place = match error {
        rusqlite::Error::SqlInputError { sql, offset, msg, .. } => {
            let near: String = usize::try_from(*offset)
                .ok()
                .and_then(|at| sql.get(at..))
                .map(|rest| rest.chars().take(30).collect())
                .unwrap_or_default();
            format!("{msg} (near \"{}\")", near.trim_end())
        }
        other => other.to_string(),
    };
    Trouble::Refused(format!("{} cannot be read: {place}", ask.name))
}
