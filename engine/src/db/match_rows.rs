//! The profiles of a snapshot as rows of text, for matching.

use crate::base::ids::{NodeId, Ordinal};
use crate::column::Cell;
use crate::matching::Rows;
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

/// The profiles of a snapshot.
#[derive(Debug)]
pub(super) struct ProfileRows {
    /// The names of the columns.
    pub names: Vec<String>,
    /// The identifier that names each profile.
    pub nodes: Vec<NodeId>,
    columns: Vec<Texts>,
    keys: Vec<u64>,
}

impl ProfileRows {
    /// Reads all profiles.
    pub fn read(reader: &Reader<'_>) -> ProfileRows {
        let fields = reader.state.catalog.traits().all();
        let mut names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let known = |name: &&&str| !names.iter().any(|other| other.eq_ignore_ascii_case(name));
        let extra: Vec<&str> = NAMESPACES.iter().filter(known).copied().collect();
        let traits = names.len();
        names.extend(extra.iter().map(|name| (*name).to_owned()));
        let mut columns: Vec<Texts> = names.iter().map(|_| Texts::default()).collect();
        let (mut nodes, mut keys) = (Vec::new(), Vec::new());
        for ordinal in reader.state.live().iter().map(Ordinal) {
            let row = reader.row(ordinal);
            let Some(name) = row.name else { continue };
            nodes.push(name);
            keys.push(reader.profile_id(ordinal).map_or(0, |id| id.0 as u64));
            for (number, column) in columns.iter_mut().enumerate() {
                if number < traits {
                    match reader.trait_cell(number, ordinal) {
                        Cell::Null => column.push(""),
                        Cell::Text(text) => column.push(text),
                        cell => {
                            let value = cell.to_value();
                            column.push(&value.map_or_else(String::new, |value| value.to_string()));
                        }
                    }
                    continue;
                }
                let wanted = extra.get(number - traits).copied().unwrap_or_default();
                let named = row.members.iter().filter_map(|node| reader.nodes().identifier(*node));
                let mut of = named.filter(|(namespace, _)| *namespace == wanted);
                column.push(of.next().map_or("", |(_, value)| value));
            }
        }
        ProfileRows { names, nodes, columns, keys }
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
