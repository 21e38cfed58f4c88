//! Segments and their feeds as replies: for JSON and for the network alike.
//!
//! *Where to start reading:* `segment`, `feed`.

use crate::resp::Reply;
use crate::shape::cell;
use navedb::{
    ComputedTrait, FeedItem, FeedPage, IdentityItem, NamedStream, ReplayStep, Segment, SegmentPart,
    SegmentReplay, SegmentTrial, SegmentVersion, SegmentWhy, StreamItem, Timer, TimerPage,
    Timestamp,
};

fn texts(all: &[String]) -> Reply {
    Reply::list(all, |text| Reply::from(text.as_str()))
}

fn time(time: Timestamp) -> Reply {
    Reply::from(time.to_string())
}

/// A segment in force.
pub(crate) fn segment(segment: &Segment) -> Reply {
    let rule = &segment.rule;
    Reply::map([
        ("name", Reply::from(segment.name.as_str())),
        ("version", Reply::count(u64::from(segment.version))),
        ("count", Reply::count(segment.count)),
        ("audience", Reply::from(rule.audience.as_str())),
        ("owner", Reply::optional(rule.owner.as_deref())),
        ("purpose", Reply::optional(rule.purpose.as_deref())),
        ("description", Reply::optional(rule.description.as_deref())),
        ("traits", texts(&rule.traits)),
        ("retain_days", rule.retain_days.map_or(Reply::Null, Reply::count)),
        ("events", Reply::Boolean(rule.events)),
        ("stalled", Reply::optional(segment.stalled.as_deref())),
        ("asks_stalled", Reply::optional(segment.asks_stalled.as_deref())),
    ])
}

/// What a segment would be.
pub(crate) fn trial(trial: &SegmentTrial) -> Reply {
    Reply::map([
        ("count", Reply::count(trial.count)),
        ("profiles", Reply::count(trial.profiles)),
        ("entered", Reply::count(trial.entered)),
        ("left", Reply::count(trial.left)),
        ("members", texts(&trial.members)),
        ("entering", texts(&trial.entering)),
        ("leaving", texts(&trial.leaving)),
    ])
}

/// Why a profile is in a segment, or is not.
pub(crate) fn why(why: &SegmentWhy) -> Reply {
    Reply::map([
        ("profile_id", Reply::from(why.profile_id.as_str())),
        ("member", Reply::Boolean(why.member)),
        ("version", Reply::count(u64::from(why.version))),
        ("stalled", Reply::optional(why.stalled.as_deref())),
        ("parts", Reply::list(&why.parts, part)),
    ])
}

fn part(part: &SegmentPart) -> Reply {
    let values = part.values.iter().map(|(name, value)| (Reply::from(name.as_str()), cell(value)));
    let records = Reply::list(&part.records, |(at, position, source)| {
        Reply::map([
            ("time", time(*at)),
            ("position", Reply::count(position.0)),
            ("source", Reply::from(source.as_str())),
        ])
    });
    Reply::map([
        ("text", Reply::from(part.text.as_str())),
        ("truth", part.truth.map_or(Reply::Null, Reply::Boolean)),
        ("values", Reply::Map(values.collect())),
        ("records", records),
        ("flips", part.flips.map_or(Reply::Null, time)),
        ("trouble", Reply::optional(part.trouble.as_deref())),
    ])
}

/// A version of a segment.
pub(crate) fn version(version: &SegmentVersion) -> Reply {
    Reply::map([
        ("version", Reply::count(u64::from(version.version))),
        ("position", Reply::count(version.position.0)),
        ("time", time(version.time)),
        ("audience", Reply::optional(version.audience.as_deref())),
        ("owner", Reply::optional(version.owner.as_deref())),
    ])
}

/// Some of the feed of a segment.
pub(crate) fn feed(page: &FeedPage) -> Reply {
    self::page(page, item)
}

/// Some of any stream.
pub(crate) fn page<Item>(page: &FeedPage<Item>, item: fn(&Item) -> Reply) -> Reply {
    Reply::map([
        ("items", Reply::list(&page.items, item)),
        ("next", Reply::count(page.next.0)),
        ("more", Reply::Boolean(page.more)),
        ("trimmed", page.trimmed.map_or(Reply::Null, |position| Reply::count(position.0))),
    ])
}

fn item(item: &FeedItem) -> Reply {
    Reply::map([
        ("position", Reply::count(item.position.0)),
        ("time", time(item.time)),
        ("change", Reply::from(if item.entered { "entered" } else { "left" })),
        ("profile_id", Reply::from(item.profile_id.as_str())),
        ("reason", Reply::from(item.reason.name())),
        ("origin", Reply::from(item.origin.name())),
        ("version", Reply::count(u64::from(item.version))),
        ("traits", Reply::list(&item.traits, |text| Reply::optional(text.as_deref()))),
    ])
}

/// What became of profiles.
pub(crate) fn profiles_item(item: &IdentityItem) -> Reply {
    Reply::map([
        ("position", Reply::count(item.position.0)),
        ("time", time(item.time)),
        ("change", Reply::from(item.became.name())),
        ("reason", Reply::from(item.reason.name())),
        ("origin", Reply::from(item.origin.name())),
        ("before", texts(&item.before)),
        ("now", Reply::list(&item.now, |id| Reply::optional(id.as_deref()))),
        ("after", texts(&item.after)),
    ])
}

/// What a program put into a stream.
pub(crate) fn text_item(item: &StreamItem) -> Reply {
    Reply::map([
        ("position", Reply::count(item.position.0)),
        ("time", time(item.time)),
        ("text", Reply::from(item.text.as_str())),
        (
            "timer",
            item.timer.as_ref().map_or(Reply::Null, |timer| {
                Reply::map([("name", Reply::from(timer.name.as_str())), ("due", time(timer.due))])
            }),
        ),
    ])
}

/// Pending timers.
pub(crate) fn timers(page: &TimerPage) -> Reply {
    let timer = |timer: &Timer| {
        Reply::map([
            ("name", Reply::from(timer.name.as_str())),
            ("due", time(timer.due)),
            ("text", Reply::from(timer.text.as_str())),
            ("position", Reply::count(timer.position.0)),
        ])
    };
    Reply::map([("timers", Reply::list(&page.timers, timer)), ("more", Reply::Boolean(page.more))])
}

/// A stream in force.
pub(crate) fn stream(stream: &NamedStream) -> Reply {
    let rule = &stream.rule;
    Reply::map([
        ("name", Reply::from(stream.name.as_str())),
        ("version", Reply::count(u64::from(stream.version))),
        ("owner", Reply::optional(rule.owner.as_deref())),
        ("purpose", Reply::optional(rule.purpose.as_deref())),
        ("description", Reply::optional(rule.description.as_deref())),
        ("retain_days", rule.retain_days.map_or(Reply::Null, Reply::count)),
    ])
}

/// Who would have been in a segment.
pub(crate) fn replay(replay: &SegmentReplay) -> Reply {
    Reply::map([("members", texts(&replay.members)), ("steps", Reply::list(&replay.steps, step))])
}

fn step(step: &ReplayStep) -> Reply {
    Reply::map([
        ("time", time(step.time)),
        ("entered", texts(&step.entered)),
        ("left", texts(&step.left)),
        ("count", Reply::count(step.count)),
    ])
}

/// A computed trait.
pub(crate) fn computed(computed: &ComputedTrait) -> Reply {
    Reply::map([
        ("name", Reply::from(computed.name.as_str())),
        ("version", Reply::count(u64::from(computed.version))),
        ("value", Reply::from(computed.value.as_str())),
        ("description", Reply::optional(computed.description.as_deref())),
        ("stalled", Reply::optional(computed.stalled.as_deref())),
    ])
}
