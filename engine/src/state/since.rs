//! Which profiles were told of since somebody last looked.
//!
//! *Invariants:* no profile that changed is left out; some that did not change are named too, those in parts that were
//! merged meanwhile, so that on the whole each is named once for each merging of its row. What was looked at is kept
//! by its parts, without what is in them.

use super::{PROFILES, Reader, State};
use crate::base::ids::Ordinal;
use crate::base::part::Part;
use crate::profile::rows_told;
use roaring::RoaringBitmap;
use std::sync::{Arc, Weak};

/// The parts of a state that somebody looked at.
#[derive(Debug, Clone, Default)]
pub struct SeenParts(Vec<Weak<Part>>);

impl SeenParts {
    /// Whether a part is among them: one that is gone keeps its place in memory, so no other is taken for it.
    pub(super) fn holds(&self, part: &Arc<Part>) -> bool {
        self.0.iter().any(|seen| std::ptr::eq(seen.as_ptr(), Arc::as_ptr(part)))
    }
}

impl State {
    /// What there is to look at.
    pub fn seen(&self) -> SeenParts {
        SeenParts(self.parts.iter().map(Arc::downgrade).collect())
    }

    /// Whether an ordinal is a profile.
    pub fn is_live(&self, ordinal: Ordinal) -> bool {
        ordinal.0 < self.counts.ordinals && !self.dead.contains(ordinal.0)
    }
}

impl Reader<'_> {
    /// The ordinals of all profiles that are new, changed or gone since parts were looked at, and of others.
    pub fn profiles_since(&self, seen: &SeenParts) -> RoaringBitmap {
        let new = self.state.parts().iter().filter(|part| !seen.holds(part));
        let new: Vec<Arc<Part>> = new.cloned().collect();
        rows_told(&new, PROFILES, self.faults())
    }
}
