//! Streams: the feeds of segments, what became of profiles, and what programs put there. All are read, waited for,
//! gone through and shared by groups in the same way.
//!
//! *Invariants:* a stream is read from the log, never computed; a reader who goes on from `next` misses nothing and
//! sees nothing twice; readers take no lock that the writer holds for long. *Where to start reading:* `Stream`.

use super::segment_types::{FeedPage, NamedStream, RungTimer, StreamItem};
use super::write::Draft;
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{
    FEED_ITEMS_MAX, STREAM_ITEM_BYTES_MAX, STREAM_PUT_BYTES_MAX, STREAM_PUT_MAX,
};
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::definition::StreamRule;
use crate::entry::{Entry, ItemsEntry, Origin, TimerSays};
use crate::log::Header;
use crate::state::{IDENTITY_STREAM, Ledger, Saved, StreamName};
use reading::{Placed, Reading};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

const DAY_MICROS: i64 = 86_400_000_000;

/// A stream: `&str` is the feed of the segment of that name, [`Identity`] what became of profiles, [`Named`] what
/// programs put there.
pub trait Stream: Reading {}

impl<S: Reading> Stream for S {}

/// What became of profiles: told from the moment on at which the stream `identity` is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity;

/// A stream that programs put items into, by its name in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'n>(pub &'n str);

pub(super) mod reading {
    use super::{FeedPage, Position, Result, StreamName, Timestamp, View};

    /// Something with a place in the log.
    pub trait Placed {
        /// Its place.
        fn position(&self) -> Position;
    }

    /// How a stream is read.
    pub trait Reading: Copy {
        /// What it has.
        type Item: Placed;

        /// Which stream it is.
        fn name(self) -> StreamName;

        /// Refuses a stream that is not in force.
        fn in_force(self, view: &View) -> Result<()>;

        /// For how many days its items can be read.
        fn retain_days(self, view: &View) -> Option<u64>;

        /// The items behind a position, at most so many, of those told since a moment. Nothing of it is not there: a
        /// stream that was dropped can be read.
        fn page(
            self,
            view: &View,
            after: Position,
            limit: usize,
            oldest: Option<Timestamp>,
        ) -> Result<FeedPage<Self::Item>>;
    }
}

impl<Item> FeedPage<Item> {
    /// Nothing behind a position.
    pub(super) fn behind(after: Position) -> FeedPage<Item> {
        FeedPage { items: Vec::new(), next: after, more: false, trimmed: None }
    }
}

impl<Item: Placed> FeedPage<Item> {
    /// Adds the next item, or says that there is one more than the limit lets in.
    pub(super) fn add(&mut self, item: Item, limit: usize) -> ControlFlow<()> {
        self.more = self.items.len() == limit;
        if self.more {
            return ControlFlow::Break(());
        }
        self.next = item.position();
        self.items.push(item);
        ControlFlow::Continue(())
    }
}

impl View {
    /// The items of a stream behind a position, at most so many. What was dropped can still be read.
    ///
    /// # Errors
    /// `NotFound` when there never was such a segment or stream; `Invalid` for a limit out of range; `Corrupt`.
    pub fn feed<S: Stream>(
        &self,
        stream: S,
        after: Position,
        limit: usize,
    ) -> Result<FeedPage<S::Item>> {
        if !(1..=FEED_ITEMS_MAX).contains(&limit) {
            let message = format!("a limit of {limit} is out of range: 1 to {FEED_ITEMS_MAX}");
            return Err(Error::invalid(message));
        }
        stream.page(self, after, limit, self.oldest_kept(stream))
    }

    /// The moment before which a stream is kept no longer.
    fn oldest_kept<S: Stream>(&self, stream: S) -> Option<Timestamp> {
        let days = stream.retain_days(self)?;
        let micros = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MICROS);
        Some(Timestamp(self.clock().0.saturating_sub(micros)))
    }

    /// The streams in force that have names of their own, by name.
    pub fn streams(&self) -> Vec<NamedStream> {
        self.state().stream_rules().map(|saved| told(saved)).collect()
    }

    /// A stream in force that has a name of its own, in any case.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn stream(&self, name: &str) -> Result<NamedStream> {
        self.state().stream_rule(name).map(|saved| told(saved)).ok_or_else(|| unknown(name))
    }

    /// Where the items of a stream with a name of its own are: nothing when it has none yet.
    pub(super) fn ledger(&self, name: &str) -> Result<Option<&Ledger>> {
        let state = self.state();
        let known = state.streams.ledger(name);
        if known.is_none() && state.stream_rule(name).is_none() {
            return Err(unknown(name));
        }
        Ok(known)
    }

    /// Reads the entries of a ledger behind a position, the oldest first; `read` says whether it goes on.
    pub(super) fn each_entry<Item>(
        &self,
        ledger: &Ledger,
        page: &mut FeedPage<Item>,
        oldest: Option<Timestamp>,
        mut read: impl FnMut(&Header, Entry, &mut FeedPage<Item>) -> ControlFlow<()>,
    ) -> Result<()> {
        if ledger.is_behind(page.next) {
            return Ok(());
        }
        self.flush()?;
        for first in ledger.from(page.next.plus(1)) {
            let frame = self.inner.reader.frame_at(first)?;
            let header = &frame.header;
            let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
            if oldest.is_some_and(|oldest| told_at(&entry, header) < oldest) {
                page.trimmed = Some(header.end());
                page.next = page.next.max(last_before(header.end()));
            } else if read(header, entry, page).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn told(saved: &Saved<StreamRule>) -> NamedStream {
    let (name, version, rule) = (saved.name.clone(), saved.version, saved.says.clone());
    NamedStream { name, version, rule }
}

/// The clock at which an entry was told.
fn told_at(entry: &Entry, header: &Header) -> Timestamp {
    match entry {
        Entry::Told(told) => told.clock,
        _ => header.clock,
    }
}

pub(super) fn unknown(name: &str) -> Error {
    let example = if name == IDENTITY_STREAM { name } else { "NAME" };
    Error::not_found(format!(
        "there is no stream '{name}'; define it first: [stream.{example}], or nave stream define"
    ))
}

impl Named<'_> {
    /// The engine's own stream has items of another kind.
    fn check(self) -> Result<()> {
        if folded(self.0) == IDENTITY_STREAM {
            let help = "the stream 'identity' has no texts; ask for it by Identity";
            return Err(Error::invalid(help));
        }
        Ok(())
    }
}

impl Placed for StreamItem {
    fn position(&self) -> Position {
        self.position
    }
}

impl Reading for Named<'_> {
    type Item = StreamItem;

    fn name(self) -> StreamName {
        StreamName::named(self.0)
    }

    fn in_force(self, view: &View) -> Result<()> {
        self.check()?;
        view.state().stream_rule(self.0).map(|_| ()).ok_or_else(|| unknown(self.0))
    }

    fn retain_days(self, view: &View) -> Option<u64> {
        view.state().stream_rule(self.0)?.says.retain_days
    }

    fn page(
        self,
        view: &View,
        after: Position,
        limit: usize,
        oldest: Option<Timestamp>,
    ) -> Result<FeedPage<StreamItem>> {
        self.check()?;
        let mut page = FeedPage::behind(after);
        let Some(ledger) = view.ledger(self.0)? else { return Ok(page) };
        view.each_entry(ledger, &mut page, oldest, |header, entry, page| {
            let positions = (header.first.0..).map(Position);
            for (position, (text, timer)) in positions.zip(items_of(entry)) {
                if position > after {
                    page.add(StreamItem { position, time: header.clock, text, timer }, limit)?;
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }
}

/// The items of an entry, with the timers that they were.
fn items_of(entry: Entry) -> Vec<(String, Option<RungTimer>)> {
    let rung = |says| match says {
        TimerSays::Rung { name, due, text } => Some((text, Some(RungTimer { name, due }))),
        TimerSays::Set { .. } | TimerSays::Cancelled { .. } => None,
    };
    match entry {
        Entry::Items(put) => put.items.into_iter().map(|text| (text, None)).collect(),
        Entry::Timers(timers) => timers.says.into_iter().filter_map(rung).collect(),
        _ => Vec::new(),
    }
}

impl Session {
    /// As `View::feed` of the newest snapshot; waits until there is an item, or so long.
    ///
    /// # Errors
    /// As `View::feed`.
    pub fn wait_feed<S: Stream>(
        &self,
        stream: S,
        after: Position,
        limit: usize,
        most: Duration,
    ) -> Result<FeedPage<S::Item>> {
        let mut left = most;
        loop {
            let seen = self.inner.news.now();
            let page = self.view().feed(stream, after, limit)?;
            if !page.items.is_empty() || left.is_zero() {
                return Ok(page);
            }
            left = self.inner.news.wait(seen, left);
        }
    }

    /// The items of a stream behind a position, one after another. It waits so long for each that is not there yet,
    /// and then ends; asked again, it goes on.
    pub fn follow<S: Stream>(&self, stream: S, after: Position, most: Duration) -> Follow<S> {
        Follow { session: self.clone(), stream, most, next: after, ready: VecDeque::new() }
    }

    /// Puts items into a stream with a name of its own, in this order; gives the position of the last one. All or
    /// none.
    ///
    /// # Errors
    /// `NotFound` when there is no such stream; `Invalid` when it is the engine's own, or without items; `Limit` when
    /// they are too many or too large; `Closed`; `Io`.
    pub fn put_items(&self, stream: &str, items: Vec<String>, level: Level) -> Result<Position> {
        check_items(&items)?;
        let position = {
            let mut writer = self.inner.writer.lock();
            let stream = self.inner.stream_to_write(&mut writer, stream)?;
            let entry = Entry::Items(ItemsEntry { stream, items });
            let (source, load) = (SourceId(0), LoadId(0));
            writer.append(vec![Draft { entry, source, load, decoded: None }], Origin::Live)?;
            let position = last_before(writer.log.next());
            self.inner.publish(&mut writer)?;
            position
        };
        self.inner.reach(position.plus(1), level)?;
        Ok(position)
    }
}

impl Inner {
    /// The name of a stream that programs write into, as it is defined, once the clock has gone on.
    pub(super) fn stream_to_write(&self, writer: &mut Writer, stream: &str) -> Result<String> {
        self.writable(writer)?;
        let known = writer.fold.state.stream_rule(stream).map(|known| known.name.clone());
        let known = known.ok_or_else(|| unknown(stream))?;
        if known.eq_ignore_ascii_case(IDENTITY_STREAM) {
            let message = "the engine alone writes into the stream 'identity'; define another";
            return Err(Error::invalid(message));
        }
        writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
        Ok(known)
    }
}

fn check_items(items: &[String]) -> Result<()> {
    if items.is_empty() {
        return Err(Error::invalid("there is nothing to put; give at least one item"));
    }
    if let Some(item) = items.iter().find(|item| item.len() > STREAM_ITEM_BYTES_MAX) {
        let message =
            format!("an item of {} bytes is too large: {STREAM_ITEM_BYTES_MAX}", item.len());
        return Err(Error::limit(message));
    }
    let bytes: usize = items.iter().map(String::len).sum();
    if items.len() > STREAM_PUT_MAX || bytes > STREAM_PUT_BYTES_MAX {
        let message = format!(
            "{} items of {bytes} bytes are too many at once: {STREAM_PUT_MAX}, and \
             {STREAM_PUT_BYTES_MAX} bytes; put them in several calls",
            items.len()
        );
        return Err(Error::limit(message));
    }
    Ok(())
}

/// Goes through a stream; made by [`Session::follow`].
pub struct Follow<S: Stream> {
    session: Session,
    stream: S,
    most: Duration,
    next: Position,
    ready: VecDeque<S::Item>,
}

impl<S: Stream> Follow<S> {
    /// The position behind which it goes on: that of the item that was given last, so that a reader who keeps it
    /// misses nothing.
    pub fn position(&self) -> Position {
        self.next
    }
}

impl<S: Stream> Iterator for Follow<S> {
    type Item = Result<S::Item>;

    fn next(&mut self) -> Option<Result<S::Item>> {
        if self.ready.is_empty() {
            let page =
                self.session.wait_feed(self.stream, self.next, FEED_ITEMS_MAX.min(1000), self.most);
            match page {
                Err(e) => return Some(Err(e)),
                Ok(page) => {
                    if page.items.is_empty() {
                        self.next = page.next;
                    }
                    self.ready = page.items.into();
                }
            }
        }
        let item = self.ready.pop_front()?;
        self.next = item.position();
        Some(Ok(item))
    }
}
