//! What the columns of rows are for.

use super::delimited::{used_always, used_up};
use super::kinds::fields_wanted;
use super::quick::is_quick_list;
use super::token::Token;
use super::{CellText, FieldValue, check_reserved, json};
use crate::base::limits::RECORD_IDENTIFIERS_MAX;
use crate::entry::{FileShape, Reading, RowFormat, RowKind, Said};

/// The number of a column that there is not: no row says anything there.
const NOWHERE: usize = usize::MAX;

/// What the columns of rows are for.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    /// Namespace and column of each identifier.
    pub ids: Vec<(String, usize)>,
    /// The column of the time.
    pub time: Option<usize>,
    /// The columns of the message id.
    pub message_id: Vec<usize>,
    /// The column of the id of an entity, where the rows are entities.
    pub entity: Option<usize>,
    /// The columns whose words say what a row is, with their names, where rows of one load are of several events, or
    /// tell a consent or a membership.
    pub words: Vec<(String, usize)>,
    /// The columns that are traits, properties or fields, with their names and how they are read.
    pub values: Vec<ValueColumn>,
    /// Those of identifiers and the time, which are that once a mapping names others.
    pub lent: Vec<ValueColumn>,
    /// How many columns there are.
    columns: usize,
    /// Whether they are those of JSON.
    json: bool,
}

/// A column that is a trait, property or field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueColumn {
    /// Which column.
    pub column: usize,
    /// Its name.
    pub name: String,
    /// How its cells are read, when it has a type of its own.
    pub reading: Option<Reading>,
}

impl ValueColumn {
    /// Whether a cell is one value: JSON may hold more than a list of scalars, which is for the slow reader.
    pub fn is_plain(&self, text: &str) -> bool {
        self.reading != Some(Reading::Json)
            || is_quick_list(text)
            || json::flat_list(text).is_some()
    }

    /// The value of a plain cell.
    pub fn cell(&self, text: &str) -> CellText {
        match self.reading {
            Some(Reading::Json) => {
                json::flat_list(text).unwrap_or_else(|| CellText::read(text, self.reading))
            }
            reading => CellText::read(text, reading),
        }
    }

    /// The field that a token is.
    pub fn field(&self, token: &Token<'_>) -> FieldValue {
        match token {
            Token::Cell(text) => FieldValue::Cell(self.cell(text)),
            token => token.json_field(),
        }
    }
}

impl Roles {
    /// The roles of a shape whose rows are read by column; nothing for others, which are read row by row. Those of
    /// JSON have no columns yet; messages have none, since what they are says what is where.
    pub fn of(shape: &FileShape) -> Option<Roles> {
        // Whether a row names too many identifiers is for the slow reader.
        if !by_column(&shape.kind) || shape.ids.len() > RECORD_IDENTIFIERS_MAX {
            return None;
        }
        let namespaces = shape.ids.iter().map(|(namespace, _)| namespace.trim().to_lowercase());
        let mut words: Vec<(String, usize)> = Vec::new();
        if Roles::by_words(&shape.kind) {
            shape.kind.each_column(&mut |name| {
                if !words.iter().any(|(known, _)| known == name) {
                    words.push((name.to_owned(), NOWHERE));
                }
            });
        }
        let mut roles = Roles {
            words,
            ids: namespaces.map(|namespace| (namespace, NOWHERE)).collect(),
            message_id: vec![NOWHERE; shape.message_id.len()],
            entity: matches!(shape.kind, RowKind::Entity { .. }).then_some(NOWHERE),
            json: shape.format == RowFormat::Json,
            ..Roles::default()
        };
        let (RowFormat::Delimited { header, .. } | RowFormat::Whitespace { header }) =
            &shape.format
        else {
            return Some(roles);
        };
        // A list of identifiers, or one as a time, is for the slow reader too.
        let mut used = shape.readings.iter().filter(|(name, _)| used_up(shape, name));
        if used.any(|(_, reading)| *reading == Reading::Json) {
            return None;
        }
        header.iter().for_each(|name| roles.add(shape, name));
        (!roles.lack_one()).then_some(roles)
    }

    /// Whether there is no column for a role.
    fn lack_one(&self) -> bool {
        let ids = self.ids.iter().map(|(_, column)| column);
        let words = self.words.iter().map(|(_, column)| column);
        let all = ids.chain(&self.message_id).chain(&self.entity).chain(words);
        all.into_iter().any(|column| *column == NOWHERE)
    }

    /// Whether words in columns say what a row of a kind is.
    pub fn by_words(kind: &RowKind) -> bool {
        matches!(
            kind,
            RowKind::Track(Said::Column(_)) | RowKind::Consent(_) | RowKind::Membership { .. }
        )
    }

    /// Adds a column of a name. Of a name that comes twice the first column counts.
    pub fn add(&mut self, shape: &FileShape, name: &str) {
        let column = self.columns;
        self.columns += 1;
        let take = |slot: &mut usize| {
            if *slot == NOWHERE {
                *slot = column;
            }
        };
        for ((_, wanted), (_, slot)) in shape.ids.iter().zip(&mut self.ids) {
            if wanted == name {
                take(slot);
            }
        }
        for (wanted, slot) in shape.message_id.iter().zip(&mut self.message_id) {
            if wanted == name {
                take(slot);
            }
        }
        for (wanted, slot) in &mut self.words {
            if wanted == name {
                take(slot);
            }
        }
        if shape.time.as_deref() == Some(name) && self.time.is_none() {
            self.time = Some(column);
        }
        if let (RowKind::Entity { id, .. }, Some(slot)) = (&shape.kind, &mut self.entity)
            && id == name
        {
            take(slot);
        }
        if !shape.may_share() && !used_always(shape, name) && fields_wanted(&shape.kind) {
            let list = if used_up(shape, name) { &mut self.lent } else { &mut self.values };
            let (name, reading) = (name.to_owned(), shape.reading(name));
            list.push(ValueColumn { column, name, reading });
        }
    }

    /// Whether the rows are JSON.
    pub fn are_json(&self) -> bool {
        self.json
    }

    /// The columns that are no values.
    pub fn used(&self) -> impl Iterator<Item = usize> {
        let ids = self.ids.iter().map(|(_, column)| *column);
        let words = self.words.iter().map(|(_, column)| *column);
        ids.chain(self.time).chain(self.message_id.iter().copied()).chain(self.entity).chain(words)
    }
}

/// Whether rows of a kind are read by column.
fn by_column(kind: &RowKind) -> bool {
    match kind {
        RowKind::Track(Said::Fixed(event)) => check_reserved("event", event).is_ok(),
        RowKind::Evidence(_) => false,
        _ => true,
    }
}
