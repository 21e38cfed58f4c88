//! Feeds: who entered and who left a segment, in the order of the log.

use super::segment_types::{FeedItem, FeedPage};
use super::streams::reading::{Placed, Reading};
use super::{Session, View};
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::entry::{Entry, Origin, ToldChange, ToldEntry};
use crate::log::Header;
use crate::state::StreamName;
use std::ops::ControlFlow;

impl Placed for FeedItem {
    fn position(&self) -> Position {
        self.position
    }
}

impl Reading for &str {
    type Item = FeedItem;

    fn name(self) -> StreamName {
        StreamName::of_segment(self)
    }

    fn in_force(self, view: &View) -> Result<()> {
        view.membership(self).map(|_| ())
    }

    fn retain_days(self, view: &View) -> Option<u64> {
        view.state().segment_rule(self)?.says.retain_days
    }

    fn page(
        self,
        view: &View,
        after: Position,
        limit: usize,
        oldest: Option<Timestamp>,
    ) -> Result<FeedPage> {
        let memberships = &view.state().memberships;
        let Some(segment) = memberships.known(self) else {
            return Err(view.membership(self).err().unwrap_or_else(|| Error::not_found("none")));
        };
        let (key, mut page) = (folded(self), FeedPage::behind(after));
        view.each_entry(&segment.ledger, &mut page, oldest, |header, entry, page| {
            let Entry::Told(entry) = entry else { return ControlFlow::Continue(()) };
            add_entry(page, (header, &entry), &key, (after, limit))
        })?;
        Ok(page)
    }
}

/// Adds what an entry tells of a segment; goes on while there is room for more.
fn add_entry(
    page: &mut FeedPage,
    (header, entry): (&Header, &ToldEntry),
    segment: &str,
    (after, limit): (Position, usize),
) -> ControlFlow<()> {
    let origin = Origin::from_code(header.origin).unwrap_or_default();
    let mut position = header.first;
    for change in &entry.changes {
        if folded(&change.segment) != segment {
            position = position.plus(change.rows() as u64);
            continue;
        }
        for (place, (id, entered)) in transitions(change).enumerate() {
            if position > after {
                let item = FeedItem {
                    position,
                    time: entry.clock,
                    entered,
                    profile_id: format!("{id:032x}"),
                    reason: change.reason,
                    origin,
                    version: change.version,
                    traits: traits_of(change, place),
                };
                page.add(item, limit)?;
            }
            position = position.plus(1);
        }
    }
    ControlFlow::Continue(())
}

/// Who entered and who left, in the order of their positions.
fn transitions(change: &ToldChange) -> impl Iterator<Item = (u128, bool)> {
    let entered = change.entered.iter().map(|id| (*id, true));
    entered.chain(change.left.iter().map(|id| (*id, false)))
}

/// The traits that are told of the profile at a place among them.
fn traits_of(change: &ToldChange, place: usize) -> Vec<Option<String>> {
    let each = change.traits.len().checked_div(change.rows()).unwrap_or_default();
    let traits = change.traits.get(place * each..(place + 1) * each);
    traits.unwrap_or_default().to_vec()
}

impl Session {
    /// The members of a segment, and where its feed goes on from them.
    ///
    /// # Errors
    /// As `View::segment_members`.
    pub fn segment_start(&self, name: &str) -> Result<(Vec<String>, Position)> {
        let view = self.view();
        Ok((view.segment_members(name)?, view.position()))
    }
}
