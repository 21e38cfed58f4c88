//! Timers: at an instant, a text that a program left becomes an item of a stream.
//!
//! *Invariants:* each timer that is set and neither replaced nor taken back becomes one item, when the engine clock has
//! reached its instant: by the next write, by `tick`, or by opening; those that are due together come in the order of
//! their instants. The item and that the timer is no more are one entry of the log. *Where to start reading:*
//! `Inner::ring`.

use super::telling::Telling;
use super::write::Draft;
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{
    FEED_ITEMS_MAX, NAME_BYTES_MAX, STREAM_ITEM_BYTES_MAX, STREAM_PUT_BYTES_MAX, STREAM_PUT_MAX,
    TIMERS_AT_ONCE,
};
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::entry::{Entry, Origin, TimerSays, TimersEntry};
use crate::state::Timer;
use std::collections::BTreeMap;

/// A timer to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTimer {
    /// Its name within the stream: a pending timer of this name is replaced.
    pub name: String,
    /// When it is due; what is due already is due now.
    pub due: Timestamp,
    /// What the item will say.
    pub text: String,
}

/// Some of the pending timers of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerPage {
    /// The soonest first.
    pub timers: Vec<Timer>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Behind which timer a page begins: when it is due, and where it was set.
pub type TimerPlace = (Timestamp, Position);

impl View {
    /// The pending timers of a stream behind a place, the soonest first, at most so many.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream; `Invalid` for a limit out of range; `Corrupt`.
    pub fn timers(
        &self,
        stream: &str,
        after: Option<TimerPlace>,
        limit: usize,
    ) -> Result<TimerPage> {
        if !(1..=FEED_ITEMS_MAX).contains(&limit) {
            let message = format!("a limit of {limit} is out of range: 1 to {FEED_ITEMS_MAX}");
            return Err(Error::invalid(message));
        }
        self.ledger(stream)?;
        let (wanted, timers) = (folded(stream), self.state().timers());
        let after = after.unwrap_or((timers.last_rung(), Position(0)));
        let of_stream = |timer: &Timer| folded(&timer.stream) == wanted;
        let pending = timers.pending(after, NEVER);
        let mut found: Vec<Timer> = pending.filter(of_stream).take(limit + 1).collect();
        timers.check()?;
        let more = found.len() > limit;
        found.truncate(limit);
        Ok(TimerPage { timers: found, more })
    }

    /// The pending timer of a name in a stream.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream; `Corrupt`.
    pub fn timer(&self, stream: &str, name: &str) -> Result<Option<Timer>> {
        self.ledger(stream)?;
        let timers = self.state().timers();
        let found = timers.named(stream, name);
        timers.check().map(|()| found)
    }
}

impl Session {
    /// Sets timers of a stream, each in the place of a pending one of its name; gives the position of the last one. All
    /// or none.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream; `Invalid` when it is the engine's own, for no timers, and for bad
    /// names; `Limit` when they are too many or too large; `Closed`; `Io`.
    pub fn set_timers(
        &self,
        stream: &str,
        timers: Vec<NewTimer>,
        level: Level,
    ) -> Result<Position> {
        check(&timers)?;
        let position = {
            let mut writer = self.inner.writer.lock();
            let stream = self.inner.stream_of_timers(&mut writer, stream)?;
            let now = writer.fold.state.clock;
            let set = |timer: NewTimer| {
                let NewTimer { name, due, text } = timer;
                TimerSays::Set { name, due: due.max(now), text }
            };
            let says = timers.into_iter().map(set).collect();
            self.inner.append_timers(&mut writer, TimersEntry { stream, says })?
        };
        self.inner.reach(position.plus(1), level)?;
        Ok(position)
    }

    /// Takes the pending timers of some names back; says how many there were.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream; `Invalid` when it is the engine's own; `Limit` for too many names;
    /// `Corrupt`; `Closed`; `Io`.
    pub fn cancel_timers(&self, stream: &str, names: &[&str], level: Level) -> Result<u64> {
        if names.len() > STREAM_PUT_MAX {
            let message = format!("at most {STREAM_PUT_MAX} timers are taken back at once");
            return Err(Error::limit(message));
        }
        let (position, count) = {
            let mut writer = self.inner.writer.lock();
            let stream = self.inner.stream_of_timers(&mut writer, stream)?;
            let mut names = names.to_vec();
            names.sort_unstable();
            names.dedup();
            let timers = writer.fold.state.timers();
            names.retain(|name| timers.named(&stream, name).is_some());
            timers.check()?;
            if names.is_empty() {
                self.inner.publish(&mut writer)?;
                return Ok(0);
            }
            let taken = |name: &&str| TimerSays::Cancelled { name: (*name).to_owned() };
            let says = names.iter().map(taken).collect();
            let entry = TimersEntry { stream, says };
            (self.inner.append_timers(&mut writer, entry)?, names.len() as u64)
        };
        self.inner.reach(position.plus(1), level)?;
        Ok(count)
    }
}

fn check(timers: &[NewTimer]) -> Result<()> {
    if timers.is_empty() {
        return Err(Error::invalid("there is nothing to set; give at least one timer"));
    }
    let bad = |timer: &&NewTimer| timer.name.is_empty() || timer.name.len() > NAME_BYTES_MAX;
    if let Some(NewTimer { name, .. }) = timers.iter().find(bad) {
        return Err(Error::invalid(format!(
            "'{name}' is no name for a timer: it has 1 to {NAME_BYTES_MAX} bytes"
        )));
    }
    if let Some(timer) = timers.iter().find(|timer| timer.text.len() > STREAM_ITEM_BYTES_MAX) {
        return Err(Error::limit(format!(
            "the text of timer '{}' has {} bytes, which is too large: {STREAM_ITEM_BYTES_MAX}",
            timer.name,
            timer.text.len()
        )));
    }
    let bytes: usize = timers.iter().map(|timer| timer.name.len() + timer.text.len()).sum();
    if timers.len() > STREAM_PUT_MAX || bytes > STREAM_PUT_BYTES_MAX {
        return Err(Error::limit(format!(
            "{} timers of {bytes} bytes are too many at once: {STREAM_PUT_MAX}, and \
             {STREAM_PUT_BYTES_MAX} bytes; set them in several calls",
            timers.len()
        )));
    }
    Ok(())
}

impl Inner {
    /// The stream as it is written in its definition, at the newest moment: what is due by then is an item.
    fn stream_of_timers(&self, writer: &mut Writer, stream: &str) -> Result<String> {
        let known = self.stream_to_write(writer, stream)?;
        // What is due already can be neither replaced nor taken back.
        while self.ring(writer)? {}
        Ok(known)
    }

    fn append_timers(&self, writer: &mut Writer, entry: TimersEntry) -> Result<Position> {
        writer.append(vec![draft(entry)], Origin::Live)?;
        let position = last_before(writer.log.next());
        self.publish(writer)?;
        Ok(position)
    }

    /// Makes items of timers that are due, some at a time, so that the writer is not held for long: says whether there
    /// are more. All that was folded must be in parts.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read; `Io`.
    pub(super) fn ring(&self, writer: &mut Writer) -> Result<bool> {
        let now = writer.fold.state.clock;
        let next = match writer.telling.next_timer {
            Some(next) => next,
            None => first_place(writer)?,
        };
        writer.telling.next_timer = Some(next);
        if next.0 > now || writer.log.writable().is_err() {
            return Ok(false);
        }
        // What follows from the clock is no part of what was appended last.
        let origin = writer.telling.origin;
        let last = make_items(writer, next, now);
        writer.telling.origin = origin;
        let next = match last? {
            Some(last) => last,
            None => {
                let timers = writer.fold.state.timers();
                let next = timers.next_after(now).unwrap_or(NEVER);
                timers.check()?;
                (next, Position(0))
            }
        };
        writer.telling.next_timer = Some(next);
        writer.fold.freeze_alone()?;
        Ok(next.0 <= now)
    }

    /// Whether timers are due that are no items yet.
    pub(super) fn rings_on(writer: &Writer) -> bool {
        writer.telling.next_timer.is_some_and(|(due, _)| due <= writer.fold.state.clock)
            && writer.log.writable().is_ok()
    }
}

impl Telling {
    /// Takes note of when timers that are set are due.
    pub fn note_timers(&mut self, entry: &Entry, first: Position) {
        let Entry::Timers(timers) = entry else { return };
        let due = |says: &TimerSays| match says {
            TimerSays::Set { due, .. } => Some(*due),
            _ => None,
        };
        if let Some((next, due)) = self.next_timer.zip(timers.says.iter().filter_map(due).min()) {
            let before = Position(first.0.saturating_sub(1));
            self.next_timer = Some(next.min((due, before)));
        }
    }
}

/// When what is never due is due.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Where pending timers begin, when nobody knows: none is due before the last one that became an item.
fn first_place(writer: &Writer) -> Result<TimerPlace> {
    if !writer.fold.state.has_timers() {
        return Ok((NEVER, Position(0)));
    }
    let timers = writer.fold.state.timers();
    let last = timers.last_rung();
    timers.check().map(|()| (last, Position(0)))
}

fn draft(entry: TimersEntry) -> Draft {
    let entry = Entry::Timers(entry);
    Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None }
}

/// Makes items of timers behind a place that are due by an instant, an entry for each stream; gives the place of the
/// last one when there may be more.
fn make_items(
    writer: &mut Writer,
    after: TimerPlace,
    now: Timestamp,
) -> Result<Option<TimerPlace>> {
    let timers = writer.fold.state.timers();
    let mut entries: BTreeMap<String, TimersEntry> = BTreeMap::new();
    let (mut count, mut bytes, mut last) = (0, 0, None);
    for Timer { stream, name, due, text, position } in timers.pending(after, now) {
        (count, bytes) = (count + 1, bytes + name.len() + text.len());
        last = Some((due, position));
        let none = || TimersEntry { stream: stream.clone(), says: Vec::new() };
        let entry = entries.entry(folded(&stream)).or_insert_with(none);
        entry.says.push(TimerSays::Rung { name, due, text });
        if count == TIMERS_AT_ONCE || bytes >= STREAM_PUT_BYTES_MAX / 2 {
            break;
        }
    }
    timers.check()?;
    let more = count == TIMERS_AT_ONCE || bytes >= STREAM_PUT_BYTES_MAX / 2;
    let drafts: Vec<Draft> = entries.into_values().map(draft).collect();
    if !drafts.is_empty() {
        writer.append(drafts, Origin::Live)?;
    }
    Ok(last.filter(|_| more))
}
