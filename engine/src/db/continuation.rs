//! Going on with a load: which load of the log a file is again, and which of its rows that load has already.
//!
//! *Invariants:* a file goes on under the load in force that has its source, content and shape, so that one retraction
//! withdraws all of it, however often it was interrupted. Its first rows are passed over without a look-up only when
//! that is exact: the load has as many rows in the log as the file has up to the line of the last of them, none of
//! them is withdrawn, and no other load in force has the content. Rows of a load have ascending lines, so these are
//! then the beginning of the file and nothing else.

use super::Writer;
use crate::base::ids::LoadId;
use crate::entry::{RowKind, Shape};
use crate::intake::{LoadPlan, LoadRequest};

/// What the log has of a file already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Continuation {
    /// The load that the rows go on under; none when a new one begins.
    pub load: Option<LoadId>,
    /// The rows of that load in the log, as far as this run knows.
    pub rows: u64,
    /// The line of the last of them.
    line: u64,
    /// Whether rows behind these are new for sure.
    pub exact: bool,
}

impl Continuation {
    /// What the log has of a file of a source.
    pub(super) fn find(writer: &Writer, request: &LoadRequest, plan: &LoadPlan) -> Continuation {
        let state = &writer.fold.state;
        let number = state.catalog.find_source(&request.source);
        let mut same = state.loads.iter().filter(|(_, info)| {
            Some(info.source) == number
                && info.content == plan.content
                && matches!(info.shape.as_ref(), Shape::File(shape) if **shape == plan.shape)
        });
        let Some((load, info)) = same.next_back() else {
            return Continuation { exact: true, ..Continuation::default() };
        };
        let generated = plan.shape.message_id.is_empty()
            && plan.shape.kind != RowKind::Message
            && request.following.is_none();
        let exact = generated && info.withdrawn == 0;
        Continuation { load: Some(*load), rows: info.rows, line: info.line, exact }
    }

    /// The rows that are passed over: how many, and the line of the last; none when they are to be looked up.
    pub(super) fn prefix(&self) -> Option<(u64, u64)> {
        (self.exact && self.load.is_some() && self.rows > 0).then_some((self.rows, self.line))
    }

    /// Whether generated keys of the next rows may be known: another load in force has the content, or somebody else
    /// went on with this one. Both may have begun while this run was under way.
    pub(super) fn may_be_known(&mut self, writer: &Writer, plan: &LoadPlan) -> bool {
        let loads = &writer.fold.state.loads;
        let own = self.load.and_then(|load| loads.get(&load));
        self.exact &= own.is_none_or(|info| info.rows == self.rows);
        let mut others = loads.iter().filter(|(id, _)| Some(**id) != self.load);
        !self.exact || others.any(|(_, info)| info.content == plan.content)
    }

    /// Takes note of rows that were written.
    pub(super) fn wrote(&mut self, load: LoadId, rows: u64) {
        self.load = Some(load);
        self.rows += rows;
    }
}
