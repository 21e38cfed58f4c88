//! The types that loads showed: what each field is, before the first value of it is folded.

use super::State;
use super::fields::Owner;
use crate::base::ids::SourceId;
use crate::definition::{Mapped, Target};
use crate::entry::{InferredType, Shape};
use crate::record::{is_of_role, table_name};

impl State {
    /// Takes the type that a load showed for a field, as the field is mapped. A name too many is told when its values
    /// come.
    pub(super) fn take_type(&mut self, source: SourceId, shape: &Shape, inferred: &InferredType) {
        let InferredType { event, entity, name, value_type } = inferred;
        // A child table is that of a property, which may have a role, or another name.
        let property = event.as_ref().and(entity.as_ref());
        if let Shape::File(shape) = shape
            && is_of_role(shape, property.unwrap_or(name))
        {
            return;
        }
        let table = match (event, property) {
            (Some(event), Some(property)) => match self.child_table(source, event, property) {
                None => return,
                found => found,
            },
            _ => None,
        };
        let mapped = match (&table, event, entity) {
            (Some(table), ..) => Mapped::Child(table),
            (None, Some(event), _) => Mapped::Track(event),
            (None, None, Some(entity)) => Mapped::Entity(entity),
            (None, None, None) => Mapped::Identify,
        };
        let mapping = self.mapping(source, mapped);
        let (name, rule) = match mapping.as_ref().and_then(|mapping| mapping.target(name)) {
            Some(Target::Ignored) => return,
            Some(Target::Field(to, rule)) => (to.as_str(), rule.as_deref()),
            None => (name.as_str(), None),
        };
        let shown = rule.and_then(|rule| rule.value_type).unwrap_or(*value_type);
        let owner = match mapped {
            Mapped::Track(event) | Mapped::Child(event) => {
                let Ok(Some(number)) = self.event_number(source, event) else { return };
                Owner::Event(number, event)
            }
            Mapped::Entity(entity) => {
                let Ok(Some(number)) = self.entity_number(source, entity) else { return };
                Owner::Entity(number, entity)
            }
            Mapped::Identify => Owner::Profile,
        };
        if !self.fields(owner).is_some_and(|fields| fields.is_amount(name))
            && let Ok(Some(number)) = self.field_number(source, owner, name)
            && let Some(fields) = self.fields_mut(owner)
        {
            fields.fit(number, shown);
        }
    }

    /// The name of the child table that a property of an event makes, as it is mapped; nothing when it makes none.
    fn child_table(&self, source: SourceId, event: &str, property: &str) -> Option<String> {
        let mapping = self.mapping(source, Mapped::Track(event));
        match mapping.as_ref().and_then(|mapping| mapping.target(property)) {
            Some(Target::Ignored) => None,
            Some(Target::Field(to, _)) => Some(table_name(event, to)),
            None => Some(table_name(event, property)),
        }
    }
}
