//! The profiles of a snapshot as rows of text, for matching.

use crate::base::ids::{NodeId, Ordinal};
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

    /// Shows the texts of a profile, in the columns that are wanted; what it does not tell is empty. Gives the
    /// identifier that names it, and its key; nothing when it has no name.
    pub fn read(
        &self,
        reader: &Reader<'_>,
        ordinal: Ordinal,
        wanted: impl Fn(usize) -> bool,
        mut see: impl FnMut(usize, &str),
    ) -> Option<(NodeId, u64)> {
        let row = reader.row(ordinal);
        let name = row.name?;
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
            see(number, identifier(reader, &row, of));
        }
        Some((name, reader.profile_id(ordinal).map_or(0, |id| id.0 as u64)))
    }
}

/// The first identifier of a namespace that a row has.
fn identifier<'r>(reader: &'r Reader<'_>, row: &GoldenRow, namespace: &str) -> &'r str {
    let named = row.members.iter().filter_map(|node| reader.nodes().identifier(*node));
    let mut same = named.filter(|(of, _)| *of == namespace);
    same.next().map_or("", |(_, value)| value)
}

/// The profiles of a snapshot.
#[derive(Debug)]
pub(super) struct ProfileRows {
    /// The names of the columns.
    pub names: Vec<String>,
    /// The identifier that names each profile.
    pub nodes: Vec<NodeId>,
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
        let (mut nodes, mut ordinals, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for ordinal in reader.state.live() {
            let put = |number: usize, text: &str| {
                columns.get_mut(number).into_iter().for_each(|column| column.push(text));
            };
            if let Some((name, key)) = of.read(reader, Ordinal(ordinal), |_| true, put) {
                nodes.push(name);
                ordinals.push(ordinal);
                keys.push(key);
            }
        }
        ProfileRows { names: of.names, nodes, ordinals, columns, keys }
    }
}

impl Rows for ProfileRows {
    fn count(&self) -> usize {
        self.nodes.len()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        self.columns.get(column)?.get(row).map(Cow::Borrowed)
    }

    fn key(&self, row: usize) -> u64 {
        self.keys.get(row).copied().unwrap_or_default()
    }
}
