//! Rows of JSON by column: each is what stands around its values, its form, and the values.
//!
//! The rows of a file have few forms. A row of the form of the row before is read by comparing what stands around its
//! values, and nothing else; a row that is no object of scalars and of such objects, or names something twice, has no
//! form and is for the slow reader. Behind a message may stand what its batch shares, an object more.

use super::batch::SEAM;
use super::forks::Forks;
use super::token::{Token, blanks, text_length, value_end};
use crate::base::limits::NESTING_MAX;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What begins a name that the slow reader has a meaning of its own for.
const RESERVED: &str = "$serde_json";

/// What the names of values that a batch shares begin with: no name of a message does.
const SHARED: &str = "\u{1e}";

/// Stands for a value where forms are compared: no row has it outside of its values.
const HOLE: u8 = 0;

/// Where the values of an object stand; their names too where they are asked for.
struct Reader<'a> {
    line: &'a [u8],
    at: usize,
    tokens: &'a mut Vec<Range<usize>>,
    names: Option<&'a mut Vec<String>>,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        self.at += blanks(self.line, self.at);
        self.line.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn name(&mut self) -> Option<&'a str> {
        if self.peek()? != b'"' {
            return None;
        }
        let rest = self.line.get(self.at..)?;
        let length = text_length(rest)?;
        let name = std::str::from_utf8(rest.get(1..length - 1)?).ok()?;
        self.at += length;
        (!name.contains('\\') && !name.starts_with(RESERVED)).then_some(name)
    }

    /// An object whose values have names behind a prefix, as the slow reader makes them.
    fn object(&mut self, prefix: &str, depth: usize) -> Option<()> {
        self.take(b'{')?;
        if depth > NESTING_MAX {
            return None;
        }
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut known = self.names.is_some().then(HashSet::new);
        loop {
            let name = self.name()?;
            self.take(b':')?;
            let mut whole = String::new();
            if let Some(known) = &mut known {
                if !known.insert(name) {
                    return None;
                }
                whole =
                    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            }
            if self.peek()? == b'{' {
                self.object(&whole, depth + 1)?;
            } else {
                let end = value_end(self.line, self.at)?;
                self.tokens.push(self.at..end);
                self.at = end;
                self.names.iter_mut().for_each(|names| names.push(std::mem::take(&mut whole)));
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A row that is one object, or where `shares` says so one with what its batch shares.
    fn row(
        line: &'a [u8],
        tokens: &'a mut Vec<Range<usize>>,
        names: Option<&'a mut Vec<String>>,
        shares: bool,
    ) -> Option<()> {
        tokens.clear();
        let mut reader = Reader { line, at: 0, tokens, names };
        reader.object("", 0)?;
        if shares && reader.peek() == Some(SEAM) {
            reader.at += 1;
            if reader.at < line.len() {
                reader.object(SHARED, 0)?;
            }
        }
        reader.peek().is_none().then_some(())
    }
}

/// The names of the values of a form; nothing when it is none, or names something twice.
pub(super) fn names_of(pieces: &[Vec<u8>], shares: bool) -> Option<Vec<String>> {
    let (mut tokens, mut names) = (Vec::new(), Vec::new());
    Reader::row(&pieces.join(&b'0'), &mut tokens, Some(&mut names), shares)?;
    let distinct: HashSet<&String> = names.iter().collect();
    (distinct.len() == names.len() && names.len() + 1 == pieces.len()).then_some(names)
}

/// A form, and the columns of its values.
#[derive(Debug)]
pub(super) struct Form {
    pub pieces: Vec<Vec<u8>>,
    /// The column of each value.
    pub columns: Vec<usize>,
    /// Whether behind a message stands what its batch shares.
    pub shares: bool,
    places: Places,
}

/// Which value of a form stands in a column: columns with their values, sorted.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(usize, usize)>);

impl Places {
    pub fn of(columns: &[usize]) -> Places {
        let mut places: Vec<(usize, usize)> = columns.iter().copied().zip(0..).collect();
        places.sort_unstable();
        Places(places)
    }

    pub fn get(&self, column: usize) -> Option<usize> {
        let at = self.0.binary_search_by_key(&column, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, place)| *place)
    }
}

/// The forms of the rows of a block, and the row that was looked at last.
#[derive(Debug, Default)]
pub(super) struct Forms {
    pub list: Vec<Form>,
    /// The names of the columns.
    pub names: Vec<String>,
    columns: HashMap<String, usize>,
    /// By what stands around the values; nothing for what is no form.
    known: HashMap<Vec<u8>, Option<usize>>,
    /// The same by what rows begin with.
    forks: Forks,
    skeleton: Vec<u8>,
    /// Whether rows may have behind them what their batch shares.
    shares: bool,
    /// The form of the row.
    pub last: usize,
    /// Where its values stand.
    pub tokens: Vec<Range<usize>>,
}

impl Forms {
    /// None yet. `shares`: whether rows may have behind them what their batch shares.
    pub fn new(shares: bool) -> Forms {
        Forms { shares, ..Forms::default() }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.forks.clear();
        self.list.clear();
        self.names.clear();
        self.columns.clear();
        self.known.clear();
    }

    /// Looks at a row; says whether it has a form.
    pub fn look(&mut self, line: &[u8]) -> bool {
        std::str::from_utf8(line).is_ok() && (self.follows(line) || self.find(line).is_some())
    }

    /// Whether a row has a form that is known.
    fn follows(&mut self, line: &[u8]) -> bool {
        let found = self.forks.find(line, &mut self.tokens);
        found.map(|form| self.last = form).is_some()
    }

    fn find(&mut self, line: &[u8]) -> Option<()> {
        Reader::row(line, &mut self.tokens, None, self.shares)?;
        self.skeleton.clear();
        for piece in pieces(line, &self.tokens) {
            self.skeleton.extend_from_slice(piece);
            self.skeleton.push(HOLE);
        }
        let form = match self.known.get(self.skeleton.as_slice()) {
            Some(known) => *known,
            None => {
                let form = self.add(line);
                self.known.insert(self.skeleton.clone(), form);
                form
            }
        };
        self.last = form?;
        Some(())
    }

    fn add(&mut self, line: &[u8]) -> Option<usize> {
        let pieces: Vec<Vec<u8>> = pieces(line, &self.tokens).map(<[u8]>::to_vec).collect();
        let names = names_of(&pieces, self.shares)?;
        let columns = names.into_iter().map(|name| {
            if let Some(known) = self.columns.get(&name) {
                return *known;
            }
            self.names.push(name.clone());
            self.columns.insert(name, self.names.len() - 1);
            self.names.len() - 1
        });
        let columns: Vec<usize> = columns.collect();
        let places = Places::of(&columns);
        self.forks.add(&pieces, self.list.len());
        let shares = self.shares && pieces.iter().any(|piece| piece.contains(&SEAM));
        self.list.push(Form { pieces, columns, shares, places });
        Some(self.list.len() - 1)
    }

    /// The bytes of what a row says in a column.
    pub fn bytes<'l>(&self, line: &'l [u8], column: usize) -> Option<&'l [u8]> {
        let place = self.list.get(self.last)?.places.get(column)?;
        line.get(self.tokens.get(place)?.clone())
    }

    /// What a row says in a column.
    pub fn token<'l>(&self, line: &'l [u8], column: usize) -> Option<Token<'l>> {
        Token::of_json(self.bytes(line, column)?)
    }

    /// The columns of the values of the row, and the bytes of these.
    pub fn values<'l>(&self, line: &'l [u8]) -> impl Iterator<Item = (usize, &'l [u8])> {
        let columns = self.list.get(self.last).map(|form| form.columns.as_slice());
        let columns = columns.unwrap_or_default().iter().copied();
        columns.zip(self.tokens.iter().map(|range| line.get(range.clone()).unwrap_or_default()))
    }
}

/// What stands before, between and behind the values of a row.
fn pieces<'a>(line: &'a [u8], tokens: &'a [Range<usize>]) -> impl Iterator<Item = &'a [u8]> {
    let starts = std::iter::once(0).chain(tokens.iter().map(|range| range.end));
    let ends = tokens.iter().map(|range| range.start).chain([line.len()]);
    starts.zip(ends).map(|(start, end)| line.get(start..end).unwrap_or_default())
}
