//! Feeds: who entered and who left a segment, in the order of the log.
//!
//! *Invariants:* a feed is read from the log, never computed; a reader who goes on from `next` misses nothing and sees
//! nothing twice; readers take no lock that the writer holds for long.

use super::segment_types::{FeedItem, FeedPage};
use super::{Session, View};
use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use crate::base::limits::FEED_ITEMS_MAX;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::entry::{Entry, Origin};
use std::time::Duration;

const DAY_MICROS: i64 = 86_400_000_000;

impl View {
    /// The items of the feed of a segment behind a position, at most so many. A segment that was dropped keeps its
    /// feed.
    ///
    /// # Errors
    /// `NotFound` when there never was such a segment; `Invalid` for a limit out of range; `Corrupt`.
    pub fn feed(&self, name: &str, after: Position, limit: usize) -> Result<FeedPage> {
        if !(1..=FEED_ITEMS_MAX).contains(&limit) {
            let message = format!("a limit of {limit} is out of range: 1 to {FEED_ITEMS_MAX}");
            return Err(Error::invalid(message));
        }
        self.feed_since(name, after, limit, self.oldest_kept(name))
    }

    /// The moment before which a feed is kept no longer.
    fn oldest_kept(&self, name: &str) -> Option<Timestamp> {
        let days = self.state().segment_rule(name)?.says.retain_days?;
        let micros = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MICROS);
        Some(Timestamp(self.clock().0.saturating_sub(micros)))
    }

    /// As `feed`, of what was told since a moment.
    pub(super) fn feed_since(
        &self,
        name: &str,
        after: Position,
        limit: usize,
        oldest: Option<Timestamp>,
    ) -> Result<FeedPage> {
        let memberships = &self.state().memberships;
        let Some(segment) = memberships.known(name) else {
            return Err(self.membership(name).err().unwrap_or_else(|| Error::not_found("none")));
        };
        let mut page = FeedPage { next: after, ..FeedPage::default() };
        if segment.ledger.is_behind(after) {
            return Ok(page);
        }
        self.flush()?;
        let key = folded(name);
        for first in segment.ledger.from(after.plus(1)) {
            let frame = self.inner.reader.frame_at(first)?;
            let header = &frame.header;
            let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
            let Entry::Told(entry) = entry else { continue };
            if oldest.is_some_and(|oldest| entry.clock < oldest) {
                page.trimmed = Some(header.end());
                page.next = page.next.max(super::last_before(header.end()));
                continue;
            }
            let origin = Origin::from_code(header.origin).unwrap_or_default();
            let mut position = header.first;
            for change in entry.changes {
                let rows = change.rows();
                if folded(&change.segment) != key {
                    position = position.plus(rows as u64);
                    continue;
                }
                let each = change.traits.len().checked_div(rows).unwrap_or_default();
                let ids = change.entered.iter().map(|id| (id, true));
                let ids = ids.chain(change.left.iter().map(|id| (id, false)));
                for (place, (id, entered)) in ids.enumerate() {
                    if position > after {
                        if page.items.len() == limit {
                            page.more = true;
                            return Ok(page);
                        }
                        let traits = change.traits.get(place * each..(place + 1) * each);
                        page.items.push(FeedItem {
                            position,
                            time: entry.clock,
                            entered,
                            profile_id: format!("{id:032x}"),
                            reason: change.reason,
                            origin,
                            version: change.version,
                            traits: traits.unwrap_or_default().to_vec(),
                        });
                        page.next = position;
                    }
                    position = position.plus(1);
                }
            }
        }
        Ok(page)
    }
}

impl Session {
    /// As `View::feed` of the newest snapshot; waits until there is an item, or so long.
    ///
    /// # Errors
    /// As `View::feed`.
    pub fn wait_feed(
        &self,
        name: &str,
        after: Position,
        limit: usize,
        most: Duration,
    ) -> Result<FeedPage> {
        let mut left = most;
        loop {
            let seen = self.inner.news.now();
            let page = self.view().feed(name, after, limit)?;
            if !page.items.is_empty() || left.is_zero() {
                return Ok(page);
            }
            left = self.inner.news.wait(seen, left);
        }
    }

    /// The members of a segment, and where its feed goes on from them.
    ///
    /// # Errors
    /// As `View::segment_members`.
    pub fn segment_start(&self, name: &str) -> Result<(Vec<String>, Position)> {
        let view = self.view();
        Ok((view.segment_members(name)?, view.position()))
    }
}
