//! Groups of consumers, who share the work of a stream: each item is given to one of them, and stays pending until it
//! is done; what a consumer that died had is taken over by another.
//!
//! *Invariants:* an item is given at least once, and not to two at a time; what is done is never given again. Whom
//! items were given to is an entry of the log, like that they are done. *Where to start reading:* `read_group`.

use super::segment_types::{ConsumerGroup, PendingItem};
use super::streams::Stream;
use super::streams::reading::Placed;
use super::write::Draft;
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{FEED_ITEMS_MAX, GROUP_PENDING_MAX, NAME_BYTES_MAX};
use crate::base::time::Timestamp;
use crate::entry::{Entry, GroupEntry, GroupSays, Origin};
use crate::state::{Group, StreamName};
use std::sync::Arc;
use std::time::Duration;

impl View {
    /// The groups of a stream, by name.
    pub fn groups<S: Stream>(&self, stream: S) -> Vec<ConsumerGroup> {
        let groups = self.state().groups.of(stream.name());
        let told = groups.map(|(name, group)| ConsumerGroup {
            name: name.to_owned(),
            given: group.given,
            pending: group.pending.len() as u64,
        });
        told.collect()
    }

    /// What the consumers of a group have and is not done, in the order of the feed.
    ///
    /// # Errors
    /// `NotFound` when there is no such group.
    pub fn pending<S: Stream>(&self, stream: S, group: &str) -> Result<Vec<PendingItem>> {
        let told =
            self.group(&stream.name(), group)?.pending.iter().map(|(position, has)| PendingItem {
                position: *position,
                consumer: has.consumer.clone(),
                since: has.since,
                deliveries: has.deliveries,
            });
        Ok(told.collect())
    }

    fn group(&self, stream: &StreamName, group: &str) -> Result<&Group> {
        self.state().groups.get(stream, group).ok_or_else(|| {
            let message =
                format!("the stream '{}' has no group '{group}'; create it first", stream.name);
            Error::not_found(message)
        })
    }
}

impl Session {
    /// Makes a group that is given the items of a stream behind a position; `Position(0)` is the whole stream. Level
    /// group.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream or segment; `Invalid` when there is such a group, or the name is none;
    /// `Closed`; `Io`.
    pub fn create_group<S: Stream>(
        &self,
        stream: S,
        group: &str,
        after: Position,
    ) -> Result<Position> {
        check_name("group", group)?;
        self.change(stream, group, Level::Group, |view| {
            stream.in_force(view)?;
            match view.group(&stream.name(), group) {
                Ok(_) => Err(Error::invalid(format!("there is a group '{group}' already"))),
                Err(_) => Ok((Some(GroupSays::Begins(after)), ())),
            }
        })
        .map(|((), position)| position)
    }

    /// Ends a group, with what is pending. Level group.
    ///
    /// # Errors
    /// `NotFound` when there is no such group; `Closed`; `Io`.
    pub fn drop_group<S: Stream>(&self, stream: S, group: &str) -> Result<()> {
        let ended = self.change(stream, group, Level::Group, |view| {
            view.group(&stream.name(), group).map(|_| (Some(GroupSays::Ends), ()))
        });
        ended.map(|_| ())
    }

    /// Gives a consumer the next items of a stream that no consumer of its group was given, at most so many; waits
    /// until there is one, or so long. Level memory: what is lost with the machine is given again.
    ///
    /// # Errors
    /// `NotFound` when there is no such group or stream; `Limit` when too much is pending; `Closed`; `Io`.
    pub fn read_group<S: Stream>(
        &self,
        stream: S,
        (group, consumer): (&str, &str),
        limit: usize,
        most: Duration,
    ) -> Result<Vec<S::Item>> {
        check_name("consumer", consumer)?;
        let mut left = most;
        loop {
            let seen = self.inner.news.now();
            let view = self.view();
            let given = view.group(&stream.name(), group)?.given;
            if !view.feed(stream, given, 1)?.items.is_empty() {
                let (items, _) = self.change(stream, group, Level::Memory, |view| {
                    next_for(view, stream, (group, consumer), limit)
                })?;
                // Others may have been quicker.
                if !items.is_empty() {
                    return Ok(items);
                }
            }
            if left.is_zero() {
                return Ok(Vec::new());
            }
            left = self.inner.news.wait(seen, left);
        }
    }

    /// Says that items are done, and how many of them were pending.
    ///
    /// # Errors
    /// `NotFound` when there is no such group; `Closed`; `Io`.
    pub fn acknowledge<S: Stream>(
        &self,
        stream: S,
        group: &str,
        items: &[Position],
        level: Level,
    ) -> Result<u64> {
        let done = self.change(stream, group, level, |view| {
            let pending = &view.group(&stream.name(), group)?.pending;
            let known = items.iter().filter(|item| pending.contains_key(item)).copied();
            let known: Vec<Position> = known.collect();
            let count = known.len() as u64;
            Ok(((count > 0).then_some(GroupSays::Done(known)), count))
        });
        done.map(|(count, _)| count)
    }

    /// Gives a consumer items that others had for longer than a time without saying that they are done, the oldest
    /// first, at most so many. Level memory.
    ///
    /// # Errors
    /// As `read_group`.
    pub fn claim<S: Stream>(
        &self,
        stream: S,
        (group, consumer): (&str, &str),
        idle: Duration,
        limit: usize,
    ) -> Result<Vec<S::Item>> {
        check_name("consumer", consumer)?;
        let taken = self.change(stream, group, Level::Memory, |view| {
            let idle = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
            let before = Timestamp(view.clock().0.saturating_sub(idle));
            let pending = &view.group(&stream.name(), group)?.pending;
            let late = pending.iter().filter(|(_, has)| has.since <= before);
            let mut items = Vec::new();
            for (position, _) in late {
                if items.len() >= limit.min(FEED_ITEMS_MAX) {
                    break;
                }
                // What is pending can be taken over however old it is.
                let before = Position(position.0.saturating_sub(1));
                let page = stream.page(view, before, 1, None)?;
                items.extend(page.items.into_iter().filter(|item| item.position() == *position));
            }
            let says =
                says_of(&items, |consumer, items| GroupSays::Taken { consumer, items }, consumer);
            Ok((says, items))
        });
        taken.map(|(items, _)| items)
    }

    /// Decides on the newest state what happens to a group, and appends that.
    fn change<S: Stream, T>(
        &self,
        stream: S,
        group: &str,
        level: Level,
        decide: impl FnOnce(&View) -> Result<(Option<GroupSays>, T)>,
    ) -> Result<(T, Position)> {
        let (found, position) = {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            writer.log.flush()?;
            writer.fold.state.clock = writer.log.advance_clock(self.inner.clock.now());
            self.inner.publish(&mut writer)?;
            writer.log.flush()?;
            let (says, found) = decide(&View::inside(Arc::clone(&self.inner)))?;
            if let Some(says) = says {
                let StreamName { named, name: stream } = stream.name();
                let group = group.to_owned();
                self.inner.append_group(&mut writer, GroupEntry { named, stream, group, says })?;
            }
            (found, last_before(writer.log.next()))
        };
        self.inner.reach(position.plus(1), level)?;
        Ok((found, position))
    }
}

impl Inner {
    fn append_group(&self, writer: &mut Writer, entry: GroupEntry) -> Result<()> {
        let (entry, source, load) = (Entry::Group(entry), SourceId(0), LoadId(0));
        writer.append(vec![Draft { entry, source, load, decoded: None }], Origin::Live)?;
        self.publish(writer)
    }
}

/// A group and a consumer must have a name.
fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let message = format!("'{name}' is no name for a {what}: 1 to {NAME_BYTES_MAX} bytes");
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// The next items of a stream that no consumer of a group has, which one is given now.
fn next_for<S: Stream>(
    view: &View,
    stream: S,
    (group, consumer): (&str, &str),
    limit: usize,
) -> Result<(Option<GroupSays>, Vec<S::Item>)> {
    let known = view.group(&stream.name(), group)?;
    if known.pending.len() >= GROUP_PENDING_MAX {
        let message =
            format!("{GROUP_PENDING_MAX} items of group '{group}' are pending; acknowledge some");
        return Err(Error::limit(message));
    }
    let items = view.feed(stream, known.given, limit)?.items;
    let says = says_of(&items, |consumer, items| GroupSays::Given { consumer, items }, consumer);
    Ok((says, items))
}

fn says_of<Item: Placed>(
    items: &[Item],
    says: impl Fn(String, Vec<Position>) -> GroupSays,
    consumer: &str,
) -> Option<GroupSays> {
    let positions: Vec<Position> = items.iter().map(Placed::position).collect();
    (!positions.is_empty()).then(|| says(consumer.to_owned(), positions))
}
