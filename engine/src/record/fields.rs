//! The fields of a block again, by column and row.

use super::object::{Places, names_of};
use super::token::Token;
use crate::entry::{BlockEntry, FileShape, RowFormat};
use std::collections::HashSet;
use std::ops::Range;

/// The fields of a block, by column and row.
#[derive(Debug)]
pub struct Fields<'b> {
    block: &'b BlockEntry,
    split: Split<'b>,
}

#[derive(Debug)]
enum Split<'b> {
    /// For each column where its texts begin, and where the last ends.
    Delimited {
        starts: Vec<Vec<u32>>,
        /// The texts of each column as one, where they are UTF-8.
        texts: Vec<Option<&'b str>>,
        quote: Option<u8>,
    },
    Json(Objects),
}

/// Where the values of rows of JSON stand.
#[derive(Debug)]
struct Objects {
    names: Vec<String>,
    /// For each form the columns of its values.
    columns: Vec<Vec<usize>>,
    /// For each form where its values of columns are.
    places: Vec<Places>,
    /// For each row where its values begin among those of all rows.
    first: Vec<u32>,
    /// Where in its column each value of each row stands.
    ranges: Vec<Range<u32>>,
    /// The columns that have a list somewhere.
    lists: HashSet<usize>,
}

impl Objects {
    fn of(block: &BlockEntry, shares: bool) -> Option<Objects> {
        let mut names = vec![None; block.columns.len()];
        let mut columns: Vec<Vec<usize>> = Vec::with_capacity(block.forms.len());
        if block.holes.len() != block.forms.len() {
            return None;
        }
        for (pieces, holes) in block.forms.iter().zip(&block.holes) {
            let said = names_of(pieces, shares)?;
            let of_form: Vec<usize> = holes.iter().map(|column| *column as usize).collect();
            if said.len() != of_form.len() {
                return None;
            }
            for (name, column) in said.into_iter().zip(&of_form) {
                let slot = names.get_mut(*column)?;
                if slot.get_or_insert_with(|| name.clone()) != &name {
                    return None;
                }
            }
            columns.push(of_form);
        }
        let names: Vec<String> = names.into_iter().collect::<Option<_>>()?;
        // A name that had two columns would be told twice.
        if names.iter().collect::<HashSet<_>>().len() != names.len() {
            return None;
        }
        let places = columns.iter().map(|form| Places::of(form)).collect();
        let mut found = Objects {
            names,
            columns,
            places,
            first: Vec::with_capacity(block.rows()),
            ranges: Vec::new(),
            lists: HashSet::new(),
        };
        found.find(block)?;
        Some(found)
    }

    /// Finds the values of all rows; nothing when a row lacks one, or a column has more.
    fn find(&mut self, block: &BlockEntry) -> Option<()> {
        let mut columns: Vec<_> = block.columns.iter().map(|column| (0, column.texts())).collect();
        let mut odd = block.odd.iter().map(|(row, _)| *row as usize).peekable();
        for row in 0..block.rows() {
            self.first.push(u32::try_from(self.ranges.len()).ok()?);
            if odd.next_if_eq(&row).is_some() {
                continue;
            }
            for column in self.columns.get(block.form_number(row))? {
                let (start, texts) = columns.get_mut(*column)?;
                let text = texts.next()?;
                let end = *start + u32::try_from(text.len()).ok()?;
                self.ranges.push(*start..end);
                *start = end;
                if text.first() == Some(&b'[') {
                    self.lists.insert(*column);
                }
            }
        }
        columns.iter_mut().all(|(_, texts)| texts.next().is_none()).then_some(())
    }

    fn bytes<'b>(&self, block: &'b BlockEntry, row: usize, place: usize) -> Option<&'b [u8]> {
        let column = *self.columns.get(block.form_number(row))?.get(place)?;
        let range = self.ranges.get(*self.first.get(row)? as usize + place)?;
        block.columns.get(column)?.bytes.get(range.start as usize..range.end as usize)
    }
}

impl<'b> Fields<'b> {
    /// Finds where the fields begin; nothing for a block whose parts do not fit each other, which is read row by row.
    pub fn new(block: &'b BlockEntry, shape: &FileShape) -> Option<Fields<'b>> {
        let quote = match &shape.format {
            RowFormat::Json => {
                let objects = Objects::of(block, shape.may_share())?;
                return Some(Fields { block, split: Split::Json(objects) });
            }
            RowFormat::Delimited { dialect, .. } => dialect.quote,
            RowFormat::Whitespace { .. } => None,
        };
        if !block.holes.is_empty() {
            return None;
        }
        let starts = block.columns.iter().map(|column| {
            let mut end = 0;
            let ends = column.texts().map(|text| {
                end += u32::try_from(text.len()).unwrap_or(u32::MAX);
                end
            });
            std::iter::once(0).chain(ends).collect()
        });
        let texts = block.columns.iter().map(|column| std::str::from_utf8(&column.bytes).ok());
        let (starts, texts) = (starts.collect(), texts.collect());
        Some(Fields { block, split: Split::Delimited { starts, texts, quote } })
    }

    /// The names of the columns of JSON.
    pub fn names(&self) -> &[String] {
        match &self.split {
            Split::Delimited { .. } => &[],
            Split::Json(objects) => &objects.names,
        }
    }

    /// What a row has in a column; nothing when the field is empty and not quoted, or not there.
    pub fn token(&self, column: usize, row: usize) -> Option<Token<'b>> {
        match &self.split {
            Split::Delimited { starts, texts, quote } => {
                let range = Self::range(starts, column, row)?;
                let quoted = || {
                    let before = self.block.form(row).get(column);
                    before.is_some_and(|before| quote.is_some() && before.last().copied() == *quote)
                };
                if range.is_empty() && !quoted() {
                    return None;
                }
                Some(Token::Cell(match texts.get(column)? {
                    Some(text) => text.get(range)?,
                    None => {
                        let bytes = self.block.columns.get(column)?.bytes.get(range)?;
                        std::str::from_utf8(bytes).ok()?
                    }
                }))
            }
            Split::Json(objects) => {
                let place = objects.places.get(self.block.form_number(row))?.get(column)?;
                Token::of_json(objects.bytes(self.block, row, place)?)
            }
        }
    }

    fn range(starts: &[Vec<u32>], column: usize, row: usize) -> Option<Range<usize>> {
        let starts = starts.get(column)?;
        Some(*starts.get(row)? as usize..*starts.get(row + 1)? as usize)
    }

    fn delimited(&self, starts: &[Vec<u32>], column: usize, row: usize) -> Option<&'b [u8]> {
        self.block.columns.get(column)?.bytes.get(Self::range(starts, column, row)?)
    }

    /// How many places a row has: the columns of a delimited file, or the values of a row of JSON, in its order.
    pub fn places(&self, row: usize) -> usize {
        match &self.split {
            Split::Delimited { starts, .. } => starts.len(),
            Split::Json(objects) => {
                objects.columns.get(self.block.form_number(row)).map_or(0, Vec::len)
            }
        }
    }

    /// The column of a place of a row.
    pub fn column_at(&self, row: usize, place: usize) -> Option<usize> {
        match &self.split {
            Split::Delimited { .. } => Some(place),
            Split::Json(objects) => {
                objects.columns.get(self.block.form_number(row))?.get(place).copied()
            }
        }
    }

    /// What a row has at a place.
    pub fn token_at(&self, row: usize, place: usize) -> Option<Token<'b>> {
        match &self.split {
            Split::Delimited { .. } => self.token(place, row),
            Split::Json(objects) => Token::of_json(objects.bytes(self.block, row, place)?),
        }
    }

    /// Whether a row of JSON may have a list in a column: some row has.
    pub fn may_be_list(&self, column: usize) -> bool {
        match &self.split {
            Split::Delimited { .. } => false,
            Split::Json(objects) => objects.lists.contains(&column),
        }
    }

    /// The bytes of a row.
    pub fn original(&self, row: usize) -> Vec<u8> {
        if let Some(odd) = self.block.odd(row) {
            return odd.to_vec();
        }
        let bytes = |place| match &self.split {
            Split::Delimited { starts, .. } => self.delimited(starts, place, row),
            Split::Json(objects) => objects.bytes(self.block, row, place),
        };
        let places = 0..self.places(row);
        self.block.join(row, places.map(|place| bytes(place).unwrap_or_default()))
    }
}
