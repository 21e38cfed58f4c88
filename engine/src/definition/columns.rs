//! What becomes of the columns of a file, said once for all its rows.

use super::compiled::{Definitions, Mapped};
use super::mapping::{Mapping, Target};
use crate::catalog::{Fields, Rule};
use crate::record::ValueColumn;
use std::cell::OnceCell;
use std::sync::Arc;

/// A column whose cells are a trait or a property.
#[derive(Debug, Clone)]
pub struct MappedColumn {
    /// The column, and how its cells are read.
    pub column: ValueColumn,
    /// The trait or property.
    pub name: String,
    /// How a mapping reads its cells.
    pub rule: Option<Arc<Rule>>,
    /// Whether a cell in a common form is a value of the type in force as it stands.
    pub quick: bool,
    /// The number of the trait or property, once it is known: it never changes.
    pub number: OnceCell<usize>,
}

impl Definitions {
    /// What becomes of columns; nothing when fields must be looked at together, for which rows are read one by one.
    pub fn columns(
        &self,
        mapped: Mapped<'_>,
        mapping: Option<&Mapping>,
        columns: &[ValueColumn],
    ) -> Option<Vec<MappedColumn>> {
        let mut known = Fields::default();
        self.install_of(mapped, &mut known);
        let mut taken = Vec::with_capacity(columns.len());
        let mut found = Vec::with_capacity(columns.len());
        for column in columns {
            let (name, rule) = match mapping.and_then(|mapping| mapping.target(&column.name)) {
                None => (column.name.as_str(), None),
                Some(Target::Ignored) => continue,
                Some(Target::Field(to, rule)) => (to.as_str(), rule.clone()),
            };
            let mut quick = rule.is_none();
            if let Ok(number) = known.number(name) {
                if known.in_money(number) || taken.contains(&number) {
                    return None;
                }
                taken.push(number);
                let plain = |rule: &Arc<Rule>| {
                    rule.nulls.is_empty() && !rule.names_zone && rule.decimal_mark.is_none()
                };
                quick = quick && known.rule(number).is_none_or(plain);
            }
            let name = name.to_owned();
            let (column, number) = (column.clone(), OnceCell::new());
            found.push(MappedColumn { column, name, rule, quick, number });
        }
        Some(found)
    }
}
