//! Names: which column a name stands for. A name that was found is written out in full, as the catalog spells it.

use super::ast::{Expr, ExprKind};
use super::print::quoted;
use super::resolve::Resolver;
use super::resolved::{EntityColumn, EventColumn, Scalar};
use crate::base::error::{Error, Result};
use crate::base::value::ValueType;
use crate::catalog::{Fields, folded, nearest};

/// The tables that names are looked up in before the profiles: those of the subquery at hand, behind those of the
/// earlier steps of a funnel. The place of a table is its slot.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) tables: Vec<Table>,
    /// The first table of the subquery at hand.
    pub(super) own: usize,
}

pub(super) struct Table {
    pub(super) name: String,
    pub(super) kind: TableKind,
}

/// What a table holds, with the number of its type.
#[derive(Debug, Clone, Copy)]
pub(super) enum TableKind {
    Event(usize),
    Entity(usize),
}

/// What a name stands for.
pub(super) enum Named {
    Value(Scalar, Option<ValueType>),
    ProfileId,
}

/// A column, and how its name is spelled.
type Found = (Named, String);

pub(super) fn same(left: &str, right: &str) -> bool {
    folded(left) == folded(right)
}

/// A field by its name, or by its name behind a prefix, which tells it from a column that is always there.
fn field_of(
    fields: &Fields,
    prefix: &str,
    name: &str,
) -> Option<(usize, Option<ValueType>, String)> {
    let (number, shown) = match fields.find(name) {
        Some(number) => (number, ""),
        None => {
            let (start, rest) = name.split_at_checked(prefix.len())?;
            (fields.find(rest).filter(|_| start.eq_ignore_ascii_case(prefix))?, prefix)
        }
    };
    let field = fields.get(number)?;
    Some((number, field.value_type, format!("{shown}{}", field.name)))
}

/// "p, e or d".
pub(super) fn alternatives<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.join(""),
    }
}

/// "did you mean ...?", or where to look.
pub(super) fn hint<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, candidates) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "`nave stats` lists what there is".to_owned(),
    }
}

impl Resolver<'_> {
    /// What a name stands for; nothing when the expression is no name.
    pub(super) fn named(&self, expr: &mut Expr, scope: Option<&Scope>) -> Result<Option<Named>> {
        let ExprKind::Name(parts) = &expr.kind else { return Ok(None) };
        let at = expr.at;
        let (table, (named, spelled)) = match parts.as_slice() {
            [name] => self.unqualified(name, scope, at)?,
            [qualifier, name] => self.qualified(qualifier, name, scope, at)?,
            [qualifier, rest @ ..] => {
                let name = quoted(&rest.join("."));
                let message = format!("a name with dots needs quotes: {qualifier}.{name}");
                return Err(Error::invalid(message).at(at));
            }
            [] => return Err(Error::invalid("a name is expected").at(at)),
        };
        expr.kind = ExprKind::Name(vec![table, spelled]);
        Ok(Some(named))
    }

    /// The tables of the subquery at hand come first, then the profiles.
    fn unqualified(&self, name: &str, scope: Option<&Scope>, at: usize) -> Result<(String, Found)> {
        let own = scope.into_iter().flat_map(|s| s.tables.iter().enumerate().skip(s.own));
        let mut found =
            own.filter_map(|(slot, table)| Some((table, self.column(slot, table, name)?)));
        if let Some((table, column)) = found.next() {
            let Some((other, _)) = found.next() else { return Ok((table.name.clone(), column)) };
            let (first, second) = (&table.name, &other.name);
            let message = format!("'{name}' is in {first} and in {second}; write {first}.{name}");
            return Err(Error::invalid(message).at(at));
        }
        let found = self.trait_column(name).map(|found| (self.profiles.to_owned(), found));
        found.ok_or_else(|| {
            let tables = scope.map_or(&[][..], |s| s.tables.get(s.own..).unwrap_or_default());
            self.unknown(name, tables, true, at)
        })
    }

    fn qualified(
        &self,
        qualifier: &str,
        name: &str,
        scope: Option<&Scope>,
        at: usize,
    ) -> Result<(String, Found)> {
        let tables = scope.map_or(&[][..], |scope| &scope.tables);
        let known = tables.iter().enumerate().find(|(_, table)| same(qualifier, &table.name));
        if let Some((slot, table)) = known {
            let found = self.column(slot, table, name);
            let missing = || self.unknown(name, std::slice::from_ref(table), false, at);
            return found.map(|found| (table.name.clone(), found)).ok_or_else(missing);
        }
        if same(qualifier, self.profiles) {
            let found = self.trait_column(name);
            return found
                .map(|found| (self.profiles.to_owned(), found))
                .ok_or_else(|| self.unknown(name, &[], true, at));
        }
        let known = std::iter::once(self.profiles).chain(tables.iter().map(|t| t.name.as_str()));
        let known = alternatives(known);
        Err(Error::invalid(format!("'{qualifier}' names no table here; use {known}")).at(at))
    }

    fn trait_column(&self, name: &str) -> Option<Found> {
        if same(name, "profile_id") {
            return Some((Named::ProfileId, "profile_id".to_owned()));
        }
        let found = field_of(self.state.catalog.traits(), "traits.", name);
        found.map(|(number, kind, spelled)| (Named::Value(Scalar::Trait(number), kind), spelled))
    }

    fn column(&self, slot: usize, table: &Table, name: &str) -> Option<Found> {
        let catalog = &self.state.catalog;
        let value = |scalar, kind| Named::Value(scalar, Some(kind));
        let known = folded(name);
        match table.kind {
            TableKind::Event(number) => {
                let event = |column| Scalar::Event(slot, column);
                let named = match known.as_str() {
                    "profile_id" => Named::ProfileId,
                    "time" => value(event(EventColumn::Time), ValueType::Timestamp),
                    "source" => value(event(EventColumn::Source), ValueType::Text),
                    "message_id" => value(event(EventColumn::Message), ValueType::Text),
                    _ => {
                        let fields = catalog.properties(number)?;
                        let (property, kind, spelled) = field_of(fields, "properties.", name)?;
                        let scalar = event(EventColumn::Property(property));
                        return Some((Named::Value(scalar, kind), spelled));
                    }
                };
                Some((named, known))
            }
            TableKind::Entity(_) if known == "id" => {
                Some((value(Scalar::Entity(slot, EntityColumn::Id), ValueType::Text), known))
            }
            TableKind::Entity(number) => {
                let fields = catalog.entity_fields(number)?;
                let (field, kind, spelled) = field_of(fields, "fields.", name)?;
                let scalar = Scalar::Entity(slot, EntityColumn::Field(field));
                Some((Named::Value(scalar, kind), spelled))
            }
        }
    }

    fn unknown(&self, name: &str, tables: &[Table], traits: bool, at: usize) -> Error {
        fn names(fields: Option<&Fields>) -> impl Iterator<Item = &str> {
            fields.into_iter().flat_map(|f| f.all()).map(|f| f.name.as_str())
        }
        let catalog = &self.state.catalog;
        let mut candidates: Vec<&str> = Vec::new();
        for table in tables {
            match table.kind {
                TableKind::Event(number) => {
                    candidates.extend(["profile_id", "time", "source", "message_id"]);
                    candidates.extend(names(catalog.properties(number)));
                }
                TableKind::Entity(number) => {
                    candidates.push("id");
                    candidates.extend(names(catalog.entity_fields(number)));
                }
            }
        }
        if traits {
            candidates.push("profile_id");
            candidates.extend(names(Some(catalog.traits())));
        }
        let what = match tables {
            [Table { name: table, kind: TableKind::Entity(_) }] => {
                format!("'{name}' is no field of {table}")
            }
            [Table { name: table, .. }] => format!("'{name}' is no property of {table}"),
            [] => format!("'{name}' is no trait"),
            several => {
                let several = alternatives(several.iter().map(|table| table.name.as_str()));
                format!("'{name}' is no column of {several}")
            }
        };
        Error::invalid(format!("{what}; {}", hint(name, candidates.into_iter()))).at(at)
    }
}
