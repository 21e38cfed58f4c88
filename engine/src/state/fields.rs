//! The fields that records tell: whose they are, their numbers and types.

use super::State;
use crate::base::error::{Error, Result};
use crate::base::ids::SourceId;
use crate::base::value::{Value, ValueType};
use crate::catalog::{Fields, Fit, Rule};
use crate::definition::{Mapped, Mapping, read, within};
use crate::record::CellText;
use std::sync::Arc;

/// Whose fields a record tells: those of profiles, or of an event or entity type, with its number and name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    Profile,
    Event(usize, &'a str),
    Entity(usize, &'a str),
}

impl Owner<'_> {
    /// The name of the type, unless it is a profile.
    pub fn name(&self) -> Option<&str> {
        match self {
            Owner::Profile => None,
            Owner::Event(_, name) | Owner::Entity(_, name) => Some(name),
        }
    }
}

impl State {
    /// The fields of an owner.
    pub(super) fn fields(&self, owner: Owner<'_>) -> Option<&Fields> {
        match owner {
            Owner::Profile => Some(self.catalog.traits()),
            Owner::Event(number, _) => self.catalog.properties(number),
            Owner::Entity(number, _) => self.catalog.entity_fields(number),
        }
    }

    /// The same, to change: the catalog is copied only then, because snapshots share it.
    pub(super) fn fields_mut(&mut self, owner: Owner<'_>) -> Option<&mut Fields> {
        let catalog = Arc::make_mut(&mut self.catalog);
        match owner {
            Owner::Profile => Some(catalog.traits_mut()),
            Owner::Event(number, _) => catalog.properties_mut(number),
            Owner::Entity(number, _) => catalog.entity_fields_mut(number),
        }
    }

    /// Whether a source may bring one more name; it is then counted.
    fn may_name(&mut self, source: SourceId) -> bool {
        let most = self.definitions.most_names(self.catalog.source_name(source));
        let names = Arc::make_mut(&mut self.names).entry(source).or_default();
        if names.brought >= most {
            return false;
        }
        names.brought += 1;
        true
    }

    /// Counts something of a source that stays in the original alone, because its name would be one too many.
    pub(super) fn pass_over_name(&mut self, source: SourceId) {
        Arc::make_mut(&mut self.names).entry(source).or_default().beyond += 1;
    }

    /// The number of an event type, new if need be; nothing when the source may bring no more names.
    pub(super) fn event_number(&mut self, source: SourceId, name: &str) -> Result<Option<usize>> {
        if let Some(known) = self.catalog.events().find(name) {
            return Ok(Some(known));
        }
        if !self.may_name(source) {
            return Ok(None);
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        let number = catalog.event_number(name)?;
        if let Some(fields) = catalog.properties_mut(number) {
            self.definitions.install_event(name, fields);
        }
        Ok(Some(number))
    }

    /// The number of a type of entity, new if need be; nothing when the source may bring no more names.
    pub(super) fn entity_number(&mut self, source: SourceId, name: &str) -> Result<Option<usize>> {
        if let Some(known) = self.catalog.entities().find(name) {
            return Ok(Some(known));
        }
        if !self.may_name(source) {
            return Ok(None);
        }
        let catalog = Arc::make_mut(&mut self.catalog);
        let number = catalog.entity_number(name)?;
        if let Some(fields) = catalog.entity_fields_mut(number) {
            self.definitions.install_entity(name, fields);
        }
        Ok(Some(number))
    }

    /// How the fields of an owner are named and read when a source tells them.
    pub(super) fn mapping(&self, source: SourceId, mapped: Mapped<'_>) -> Option<Arc<Mapping>> {
        self.definitions.mapping(self.catalog.source_name(source), mapped)
    }

    /// The number of a field, new if need be; nothing when the source may bring no more names.
    pub(super) fn field_number(
        &mut self,
        source: SourceId,
        owner: Owner<'_>,
        name: &str,
    ) -> Result<Option<usize>> {
        if let Some(known) = self.fields(owner).and_then(|fields| fields.find(name)) {
            return Ok(Some(known));
        }
        if !self.may_name(source) {
            return Ok(None);
        }
        let fields = self.fields_mut(owner);
        let fields = fields.ok_or_else(|| Error::invalid("the type of the record is unknown"))?;
        fields.number(name).map(Some)
    }

    /// How a value fits a field; the type in force is widened when that lets it fit.
    pub(super) fn fit(&mut self, owner: Owner<'_>, number: usize, value_type: ValueType) -> Fit {
        let known = self.fields(owner).and_then(|fields| fields.fits(number, value_type));
        known.unwrap_or_else(|| match self.fields_mut(owner) {
            Some(fields) => fields.fit(number, value_type),
            None => Fit::Contradicts(value_type),
        })
    }

    /// The value of a cell as a mapping and a declaration read it; nothing when its text says nothing.
    pub(super) fn declared_value(
        &mut self,
        owner: Owner<'_>,
        number: usize,
        (mapped, rule): (Option<&Rule>, Option<&Rule>),
        cell: &CellText,
    ) -> std::result::Result<Option<Value>, String> {
        let typed = |rule: &Rule| rule.value_type.is_some();
        let rule = rule.filter(|rule| typed(rule));
        let value = match (mapped.filter(|mapped| typed(mapped)), rule) {
            (Some(mapped), Some(rule)) => match read(mapped, cell)? {
                Some(value) => Some(within(rule, value)?),
                None => None,
            },
            (Some(rule), None) | (None, Some(rule)) => read(rule, cell)?,
            (None, None) => None,
        };
        let Some(value) = value else { return Ok(None) };
        if rule.is_some() {
            return Ok(Some(value));
        }
        let own = value.value_type();
        let (Fit::As(wanted) | Fit::Widen(wanted) | Fit::Contradicts(wanted)) =
            self.fit(owner, number, own);
        let fitting = match wanted {
            ValueType::Text => Some(Value::Text(cell.text.clone())),
            wanted => value.widen_to(wanted),
        };
        let shown = || cell.text.chars().take(60).collect::<String>();
        fitting
            .map(Some)
            .ok_or_else(|| format!("'{}' is {own}, but the type in force is {wanted}", shown()))
    }
}
