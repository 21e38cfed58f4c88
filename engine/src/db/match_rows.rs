//! The profiles of a snapshot as rows of text, for matching, and who speaks for each.

use crate::base::ids::{NodeId, Ordinal, Position};
use crate::base::value::ValueType;
use crate::column::Cell;
use crate::matching::Rows;
use crate::profile::GoldenRow;
use crate::state::Reader;
use std::borrow::Cow;

/// Namespaces whose identifiers are compared like traits: people mistype them.
const NAMESPACES: [&str; 2] = ["email", "phone"];

/// The texts of one column, one behind another.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn get(&self, row: usize) -> Option<&str> {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let text = self.text.get(start.unwrap_or_default()..*self.ends.get(row)?)?;
        (!text.is_empty()).then_some(text)
    }
}

/// The columns that profiles have for matching: their traits, and identifiers that are compared like traits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProfileColumns {
    /// Their names.
    pub names: Vec<String>,
    /// The types of their values, by which these are written as text.
    types: Vec<Option<ValueType>>,
    /// How many, the first ones, are traits by their numbers.
    traits: usize,
}

impl ProfileColumns {
    /// The columns of a snapshot.
    pub fn of(reader: &Reader<'_>) -> ProfileColumns {
        let fields = reader.state.catalog.traits().all();
        let mut names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let known = |name: &&&str| !names.iter().any(|other| other.eq_ignore_ascii_case(name));
        let extra: Vec<&str> = NAMESPACES.iter().filter(known).copied().collect();
        let types = fields.iter().map(|field| field.value_type).collect();
        let traits = names.len();
        names.extend(extra.iter().map(|name| (*name).to_owned()));
        ProfileColumns { names, types, traits }
    }

    /// Shows the texts of a profile, in the columns that are wanted; what it does not tell is empty. Gives its key;
    /// nothing when no identifier names it.
    pub fn read(
        &self,
        reader: &Reader<'_>,
        ordinal: Ordinal,
        wanted: impl Fn(usize) -> bool,
        mut see: impl FnMut(usize, &str),
    ) -> Option<u64> {
        let row = reader.row(ordinal);
        row.name?;
        for (number, of) in self.names.iter().enumerate().filter(|(number, _)| wanted(*number)) {
            if number < self.traits {
                match reader.trait_cell(number, ordinal) {
                    Cell::Null => see(number, ""),
                    Cell::Text(text) => see(number, text),
                    cell => {
                        let value = cell.to_value();
                        see(number, &value.map_or_else(String::new, |value| value.to_string()));
                    }
                }
                continue;
            }
            see(number, identifier(reader, &row, of).map_or("", |(_, value)| value));
        }
        Some(reader.profile_id(ordinal).map_or(0, |id| id.0 as u64))
    }

    /// The witness of a profile: the identifier to which most of the values belong that are compared, and among equals
    /// the one that would name the profile. What matching finds is said of it, so that it stays with the record whose
    /// values spoke for it when other identifiers leave.
    pub fn witness(
        &self,
        reader: &Reader<'_>,
        ordinal: Ordinal,
        compared: impl Fn(usize) -> bool,
    ) -> Option<NodeId> {
        let row = reader.row(ordinal);
        if row.members.len() < 2 {
            return row.name;
        }
        let told = row.traits.iter().filter(|told| told.value.is_some());
        let told = told.filter(|told| compared(told.number as usize));
        let mut records: Vec<Position> = told.map(|told| told.winner.position).collect();
        records.sort_unstable();
        let extra = self.names.iter().enumerate().skip(self.traits);
        let extra = extra.filter(|(number, _)| compared(*number));
        let shown: Vec<NodeId> =
            extra.filter_map(|(_, of)| Some(identifier(reader, &row, of)?.0)).collect();
        let mut values: Vec<(usize, NodeId)> = Vec::with_capacity(row.members.len());
        let mut open = records.len();
        for node in &row.members {
            // A record tells its traits to one identifier; once all records are found no other member has any.
            let own = if open > 0 { reader.told_of(*node) } else { Vec::new() };
            let told = records.iter().filter(|record| own.binary_search(record).is_ok()).count();
            open -= told.min(open);
            values.push((told + usize::from(shown.contains(node)), *node));
        }
        let most = values.iter().map(|(count, _)| *count).max()?;
        let mut best = values.iter().filter(|(count, _)| *count == most).map(|(_, node)| *node);
        let first = best.next()?;
        let least =
            |one, other| if reader.naming(other) < reader.naming(one) { other } else { one };
        Some(best.fold(first, least))
    }
}

/// The first identifier of a namespace that a row has, and its value.
fn identifier<'r>(
    reader: &'r Reader<'_>,
    row: &GoldenRow,
    namespace: &str,
) -> Option<(NodeId, &'r str)> {
    row.members.iter().find_map(|node| {
        let (of, value) = reader.nodes().identifier(*node)?;
        (of == namespace).then_some((*node, value))
    })
}

/// The profiles of a snapshot.
#[derive(Debug)]
pub(super) struct ProfileRows {
    /// The names of the columns.
    pub names: Vec<String>,
    /// The ordinal of each profile.
    pub ordinals: Vec<u32>,
    columns: Vec<Texts>,
    keys: Vec<u64>,
}

impl ProfileRows {
    /// Reads all profiles.
    pub fn read(reader: &Reader<'_>) -> ProfileRows {
        let of = ProfileColumns::of(reader);
        let mut columns: Vec<Texts> = of.names.iter().map(|_| Texts::default()).collect();
        let (mut ordinals, mut keys) = (Vec::new(), Vec::new());
        for ordinal in reader.state.live() {
            let put = |number: usize, text: &str| {
                columns.get_mut(number).into_iter().for_each(|column| column.push(text));
            };
            if let Some(key) = of.read(reader, Ordinal(ordinal), |_| true, put) {
                ordinals.push(ordinal);
                keys.push(key);
            }
        }
        ProfileRows { names: of.names, ordinals, columns, keys }
    }
}

impl Rows for ProfileRows {
    fn count(&self) -> usize {
        self.ordinals.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        self.columns.get(column)?.get(row).map(Cow::Borrowed)
    }

    fn key(&self, row: usize) -> u64 {
        self.keys.get(row).copied().unwrap_or_default()
    }
}
