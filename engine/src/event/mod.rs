//! What persons did: one table for each event type.
//!
//! *What it is:* typed columns by row, in order of arrival; each row belongs to the identifier that its record named
//! first. *Invariants:* a join or split of profiles changes no row; all columns have a row's values or NULL.
//! *What it does not know:* which profile an identifier belongs to. *Where to start reading:* `EventTable`.

use crate::base::chunked::Chunked;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::column::Column;
use std::sync::Arc;

/// What every event has.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The identifier that it belongs to.
    pub node: NodeId,
    /// When it happened; the time of receipt when its record named none.
    pub time: Timestamp,
    /// Whether its record named a time.
    pub dated: bool,
    /// Who said so.
    pub source: SourceId,
    /// The message id: the source's, or the generated one.
    pub message_id: Arc<str>,
    /// Whether the source gave the message id.
    pub given_id: bool,
    /// The record in the log.
    pub position: Position,
}

/// The events of one type.
#[derive(Debug, Clone, Default)]
pub struct EventTable {
    rows: Chunked<EventRow>,
    times: Chunked<Timestamp>,
    nodes: Chunked<NodeId>,
    properties: Vec<Option<Column>>,
}

impl EventTable {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What every event has, by row.
    pub fn rows(&self) -> &Chunked<EventRow> {
        &self.rows
    }

    /// The times, by row.
    pub fn times(&self) -> &Chunked<Timestamp> {
        &self.times
    }

    /// The identifiers, by row.
    pub fn nodes(&self) -> &Chunked<NodeId> {
        &self.nodes
    }

    /// The column of a property, if any value was said.
    pub fn property(&self, number: usize) -> Option<&Column> {
        self.properties.get(number).and_then(Option::as_ref)
    }

    /// How many columns there may be.
    pub fn property_count(&self) -> usize {
        self.properties.len()
    }

    /// Makes the column of a property have a type, widening what is there.
    pub fn widen(&mut self, number: usize, value_type: ValueType) {
        while self.properties.len() <= number {
            self.properties.push(None);
        }
        if let Some(slot) = self.properties.get_mut(number) {
            match slot {
                Some(column) if column.value_type() != value_type => {
                    *column = column.widened(value_type)
                }
                Some(_) => {}
                None => *slot = Some(Column::new(value_type)),
            }
        }
    }

    /// Appends an event with the properties that it has.
    pub fn push(&mut self, row: EventRow, properties: &[(usize, Value)]) {
        let index = self.rows.len();
        self.times.push(row.time);
        self.nodes.push(row.node);
        self.rows.push(row);
        for (number, value) in properties {
            if let Some(Some(column)) = self.properties.get_mut(*number) {
                column.set(index, Some(value));
            }
        }
    }
}
