//! Events: their rows, and the child tables that arrays of objects in them make.
//!
//! An array of objects is a table of its own, as an event type whose name is that of the event and of the property:
//! each object is a row that belongs to the same identifier, at the same time, of the same record. Such rows are no
//! events of their own. A type that has events as well has rows of both kinds.

use super::apply::Fact;
use super::fields::Owner;
use super::{Fold, QuarantineKind, ToldTraits};
use crate::base::error::Result;
use crate::base::ids::NodeId;
use crate::base::value::Value;
use crate::definition::{Mapped, Target};
use crate::entry::Row;
use crate::event::EventRow;
use crate::record::{Beside, Children, Decoded, FieldValue};

impl Fold {
    /// Folds a record of an event.
    pub(super) fn apply_event(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        event: &str,
        row: &Row,
        record: &Decoded,
    ) -> Result<()> {
        let source = fact.record.source;
        let number = match self.state.event_number(source, event) {
            Ok(Some(number)) => number,
            Ok(None) => {
                self.state.pass_over_name(source);
                return Ok(());
            }
            Err(e) => {
                let reason = e.message().to_owned();
                return self.reject_record(fact, QuarantineKind::Record, Some(event), row, reason);
            }
        };
        let mapping = self.state.mapping(fact.record.source, Mapped::Track(event));
        let owner = Owner::Event(number, event);
        let told = self.fitting(fact, owner, mapping.as_deref(), &record.fields)?;
        self.push_event(number, &fact.row(node), told);
        record.children.iter().try_for_each(|children| {
            match mapping.as_ref().and_then(|m| m.target(&children.property)) {
                Some(Target::Ignored) => Ok(()),
                Some(Target::Field(to, _)) => {
                    let rows = children.rows.clone();
                    let renamed = Children { property: to.clone(), rows };
                    self.apply_children(fact, node, event, &renamed)
                }
                None => self.apply_children(fact, node, event, children),
            }
        })
    }

    /// Folds a consent or a membership that a record tells beside what it is.
    pub(super) fn apply_beside(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        row: &Row,
        beside: &Beside,
    ) -> Result<()> {
        let event = beside.event;
        let source = fact.record.source;
        let number = match self.state.event_number(source, event) {
            Ok(Some(number)) => number,
            Ok(None) => {
                self.state.pass_over_name(source);
                return Ok(());
            }
            Err(e) => {
                let reason = e.message().to_owned();
                return self.reject_record(fact, QuarantineKind::Record, Some(event), row, reason);
            }
        };
        let told = self.fitting(fact, Owner::Event(number, event), None, &beside.fields)?;
        self.push_event(number, &fact.row(node), told);
        Ok(())
    }

    /// Folds the rows of a child table.
    pub(super) fn apply_children(
        &mut self,
        fact: &Fact<'_>,
        node: NodeId,
        event: &str,
        children: &Children,
    ) -> Result<()> {
        let table = children.table(event);
        let source = fact.record.source;
        let number = match self.state.event_number(source, &table) {
            Ok(Some(number)) => number,
            Ok(None) => {
                self.state.pass_over_name(source);
                return Ok(());
            }
            Err(e) => {
                let (property, reason) = (&children.property, e.message().to_owned());
                return self.reject_value(fact, Some(event), property, &FieldValue::List, reason);
            }
        };
        let mapping = self.state.mapping(fact.record.source, Mapped::Child(&table));
        for fields in &children.rows {
            let owner = Owner::Event(number, &table);
            let told = self.fitting(fact, owner, mapping.as_deref(), fields)?;
            self.push_event(number, &EventRow { child: true, ..fact.row(node) }, told);
        }
        Ok(())
    }

    /// Appends a row to the table of an event type. Of a property that is told twice the last value counts.
    pub(super) fn push_event(&mut self, event: usize, row: &EventRow<'_>, told: ToldTraits) {
        self.push_told(event, row, &Self::last_of_each(told));
    }

    /// The last value of each property.
    pub(super) fn last_of_each(mut told: ToldTraits) -> ToldTraits {
        told.reverse();
        told.sort_by_key(|(property, _)| *property);
        told.dedup_by_key(|(property, _)| *property);
        told
    }

    /// Appends a row with one value of each property to the table of an event type.
    pub(super) fn push_told(
        &mut self,
        event: usize,
        row: &EventRow<'_>,
        told: &[(u32, Option<Value>)],
    ) {
        let table = self.open.events.entry(u32::try_from(event).unwrap_or(u32::MAX)).or_default();
        let index = table.push(row);
        for (property, value) in told {
            if let Some(value) = value {
                self.push_property(event, index, *property, value);
            }
        }
    }

    /// Gives the newest row of an event type a property.
    pub(super) fn push_property(&mut self, event: usize, row: u32, property: u32, value: &Value) {
        let property = property as usize;
        let field = self.state.catalog.properties(event).and_then(|fields| fields.get(property));
        let number = u32::try_from(event).unwrap_or(u32::MAX);
        if let Some(value_type) = field.and_then(|field| field.value_type)
            && let Some(table) = self.open.events.get_mut(&number)
            && let Some(column) = table.column(property, value_type)
        {
            column.push(row, Some(value));
        }
    }
}
