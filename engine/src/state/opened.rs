//! What was opened of parts, for all who read: a part is opened once, however many questions look at it.
//!
//! *Invariants:* it is a memory of what parts say and nothing else; it keeps no part alive that neither the newest
//! state nor a reader has; a fault that was found in a part is told to everybody who reads of it, until there is
//! another in its place. *Where to start reading:* `Reader::events`.

use super::State;
use crate::base::part::{BlockKey, Part};
use crate::base::sync::Mutex;
use crate::base::value::ValueType;
use crate::column::Faults;
use crate::event::TablePart;
use std::collections::HashMap;
use std::sync::Arc;

/// What was opened of one part.
#[derive(Debug)]
pub(super) struct OpenedPart {
    pub part: Arc<Part>,
    pub faults: Faults,
    tables: Mutex<HashMap<BlockKey, Option<Arc<TablePart>>>>,
}

/// The parts of a state, with what was opened of them.
#[derive(Debug, Default)]
pub(super) struct OpenedParts {
    parts: Arc<Vec<Arc<Part>>>,
    pub opened: Vec<Arc<OpenedPart>>,
}

/// What was opened of the parts of the state that was asked last: one for all states of a store.
#[derive(Debug, Clone, Default)]
pub struct Opened(Arc<Mutex<Arc<OpenedParts>>>);

impl OpenedPart {
    /// The rows that the part has of a table whose properties have these types.
    pub fn table(&self, key: BlockKey, types: &[Option<ValueType>]) -> Option<Arc<TablePart>> {
        let mut tables = self.tables.lock();
        match tables.get(&key) {
            Some(None) => return None,
            Some(Some(known)) if known.has_types(types) => return Some(Arc::clone(known)),
            _ => {}
        }
        let opened = TablePart::open(&self.part, key, types, &self.faults);
        let opened = opened.map(|opened| Arc::new(opened.kept()));
        tables.insert(key, opened.clone());
        opened
    }
}

impl State {
    /// Its parts, with what was opened of them.
    pub(super) fn opened(&self) -> Arc<OpenedParts> {
        let mut kept = self.opened.0.lock();
        if !Arc::ptr_eq(&kept.parts, &self.parts) {
            let find = |part: &Arc<Part>| {
                let known = kept.opened.iter().find(|of| Arc::ptr_eq(&of.part, part)).cloned();
                known.unwrap_or_else(|| {
                    let (part, faults) = (Arc::clone(part), Faults::default());
                    Arc::new(OpenedPart { part, faults, tables: Mutex::default() })
                })
            };
            let opened = self.parts.iter().map(find).collect();
            *kept = Arc::new(OpenedParts { parts: Arc::clone(&self.parts), opened });
        }
        Arc::clone(&kept)
    }

    /// Whether it and another came from one fold, so that a profile has the same ordinal in both unless it was joined
    /// or split in between.
    pub fn goes_on_from(&self, other: &State) -> bool {
        Arc::ptr_eq(&self.opened.0, &other.opened.0)
    }

    /// Lets go of the parts that it does not have.
    pub fn let_go(&self) {
        let unknown = self.opened.0.lock().opened.is_empty();
        if !unknown {
            self.opened();
        }
    }
}
