//! Databases as sources: the rows of a query, as typed rows that the engine loads.
//!
//! *What it is:* `address` says where a database is, each driver asks it and gives its cells as text
//! with the reading of their column. *Invariants:* a query only reads; values are bound, never
//! pasted; rows pass through one at a time; what a cell holds is exact, or its column is refused by
//! name; no password is ever shown. *Where to start reading:* `Ask`, then `sqlite`.

mod address;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

pub(crate) use address::Address;

use address::Kind;
use navedb::{Input, Reading, RowSpool};
use std::ops::ControlFlow;

/// Why a database gave no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It cannot be reached, or does not let us in.
    Unreachable(String),
    /// It does not do what it is asked.
    Refused(String),
    /// The rows cannot be kept.
    Engine(navedb::Error),
    /// Somebody asked to stop.
    Stopped,
}

impl From<navedb::Error> for Trouble {
    fn from(error: navedb::Error) -> Trouble {
        Trouble::Engine(error)
    }
}

/// What is asked of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The name of the rows in reports.
    pub(crate) name: String,
    /// The rows that are wanted.
    pub(crate) from: Wanted,
    /// The column that they are ordered by, and the value that they begin with.
    pub(crate) following: Option<(String, Option<String>)>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of a table, which may be written `schema.table`.
    Table(String),
    /// Those of a SELECT.
    Query(String),
}

/// Hears how many rows were read, and says whether to go on.
pub(crate) type GoesOn<'g> = dyn FnMut(u64) -> ControlFlow<()> + 'g;

/// The rows that a database gave.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The rows.
    pub(crate) input: Input,
    /// How many of them have no place in the order of the watermark, and come each time.
    pub(crate) unplaced: u64,
}

/// Asks a database, and gives the rows.
pub(crate) fn ask(
    address: &Address,
    ask: &Ask,
    goes_on: &mut GoesOn<'_>,
) -> Result<Answer, Trouble> {
    let answer = match address.kind() {
        #[cfg(feature = "postgres")]
        Kind::Postgres => postgres::ask(address, ask, goes_on),
        #[cfg(feature = "mysql")]
        Kind::Mysql => mysql::ask(address, ask, goes_on),
        #[cfg(feature = "sqlite")]
        Kind::Sqlite => sqlite::ask(address, ask, goes_on),
        #[allow(unreachable_patterns, reason = "reached only when a driver is left out")]
        _ => Err(Trouble::Refused(format!(
            "this program was built without {}; build it with the feature",
            address.shown()
        ))),
    };
    answer.map_err(|trouble| match trouble {
        Trouble::Unreachable(said) => Trouble::Unreachable(address.without_password(&said)),
        Trouble::Refused(said) => Trouble::Refused(address.without_password(&said)),
        other => other,
    })
}

/// The rows between which it is asked whether to go on.
const BETWEEN: u64 = 1024;

/// Gathers rows, and asks now and then whether to go on.
struct Rows<'r, 'g> {
    spool: RowSpool,
    /// The column that rows are ordered by, and how it is read.
    followed: Option<(usize, Reading)>,
    unplaced: u64,
    goes_on: &'r mut GoesOn<'g>,
}

impl<'r, 'g> Rows<'r, 'g> {
    fn new(
        ask: &Ask,
        columns: Vec<(String, Reading)>,
        followed: Option<usize>,
        goes_on: &'r mut GoesOn<'g>,
    ) -> Result<Rows<'r, 'g>, Trouble> {
        let followed = followed.and_then(|at| Some((at, columns.get(at)?.1)));
        Ok(Rows { spool: RowSpool::new(&ask.name, columns)?, followed, unplaced: 0, goes_on })
    }

    fn push(&mut self, cells: &[Option<&str>]) -> Result<(), Trouble> {
        self.spool.push(cells)?;
        if let Some((at, reading)) = self.followed {
            let cell = cells.get(at).copied().flatten();
            self.unplaced += u64::from(!cell.is_some_and(|text| has_place(text, reading)));
        }
        let rows = self.spool.rows();
        if rows.is_multiple_of(BETWEEN) && (self.goes_on)(rows).is_break() {
            return Err(Trouble::Stopped);
        }
        Ok(())
    }

    /// Why the next row does not come, with how far it went.
    fn lost(&self, trouble: Trouble) -> Trouble {
        let Trouble::Unreachable(said) = trouble else { return trouble };
        let rows = self.spool.rows();
        Trouble::Unreachable(format!(
            "{said} (after {rows} rows; nothing is loaded yet, the same command begins again)"
        ))
    }

    fn finish(self) -> Result<Answer, Trouble> {
        if (self.goes_on)(self.spool.rows()).is_break() {
            return Err(Trouble::Stopped);
        }
        Ok(Answer { input: self.spool.finish()?, unplaced: self.unplaced })
    }
}

impl Ask {
    /// The rows as a SELECT. `quote` is what stands around names.
    fn select(&self, quote: char) -> String {
        match &self.from {
            Wanted::Query(text) => text.trim().trim_end_matches(';').trim_end().to_owned(),
            Wanted::Table(table) => {
                let parts: Vec<String> = table.split('.').map(|part| quoted(part, quote)).collect();
                format!("SELECT * FROM {}", parts.join("."))
            }
        }
    }

    /// The SELECT as a table that is called `nave_rows`. What stands before it has `BEFORE` characters.
    fn nested(&self, columns: &str, quote: char) -> String {
        // A line of its own, since the text may end with a comment.
        format!("SELECT {columns} FROM (\n{}\n) AS nave_rows", self.select(quote))
    }

    /// The number of the column that rows are ordered by.
    fn followed<'n>(
        &self,
        mut names: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<Option<usize>, Trouble> {
        let Some((column, _)) = &self.following else { return Ok(None) };
        let all = names.clone();
        names.position(|name| name == column).map(Some).ok_or_else(|| {
            let all: Vec<&str> = all.collect();
            Trouble::Refused(format!(
                "{} has no column '{column}' for --watermark; the columns are {}",
                self.name,
                all.join(", ")
            ))
        })
    }

    /// The value that rows begin with. One without a place in the order is none: all rows are asked for.
    fn since(&self, reading: Reading) -> Option<&str> {
        self.following.as_ref()?.1.as_deref().filter(|text| has_place(text, reading))
    }

    /// A column that cannot be followed. `holds` says what it is.
    fn not_followed(&self, column: &str, holds: &str) -> Trouble {
        Trouble::Refused(format!(
            "{}: column '{column}' is no watermark, since it holds {holds}; use a column of \
             numbers, days, instants or texts that grows with every change, or cast it in a query",
            self.name
        ))
    }
}

/// Whether a value has a place in the order of its column. What has none would be the greatest or the least for ever:
/// NaN, the infinities, and the zero dates of MySQL.
fn has_place(text: &str, reading: Reading) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let has_none = matches!(number, "NaN" | "Infinity" | "infinity" | "inf");
    reading == Reading::Text || !(has_none || text.starts_with("0000-"))
}

/// A name as it stands in a statement.
fn quoted(name: &str, quote: char) -> String {
    let inside = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{inside}{quote}")
}

/// Bytes as text.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(3) {
        let byte = |at: usize| u32::from(piece.get(at).copied().unwrap_or(0));
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS.get((all >> (18 - 6 * place)) as usize & 63).copied();
            text.push(if place <= piece.len() { digit.map_or('=', char::from) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_no_value_of_an_order_has_no_place_in_it() {
        for text in ["NaN", "Infinity", "-infinity", "inf", "0000-00-00", "0000-00-00T00:00:00Z"] {
            assert!(!has_place(text, Reading::Plain), "{text}");
            assert!(has_place(text, Reading::Text), "{text}");
        }
        for text in ["-1", "0", "0.5", "0001-01-01", "2024-02-29T12:00:00Z"] {
            assert!(has_place(text, Reading::Plain), "{text}");
        }
    }

    #[test]
    fn names_are_quoted_and_queries_are_nested() {
        let ask = |from| Ask { name: "n".to_owned(), from, following: None };
        let table = ask(Wanted::Table("sales.odd\"name".to_owned()));
        assert_eq!(table.select('"'), "SELECT * FROM \"sales\".\"odd\"\"name\"");
        let query = ask(Wanted::Query(" SELECT 1 -- one\n;\n".to_owned()));
        assert_eq!(query.nested("*", '"'), "SELECT * FROM (\nSELECT 1 -- one\n) AS nave_rows");
    }
}
