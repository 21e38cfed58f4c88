//! The shapes of answers about what comes in: quarantine and quality.
//!
//! *Invariants:* as `shape`. *Where to start reading:* `quarantine`.

use crate::resp::Reply;
use navedb::{
    Breach, DayQuality, KindQuality, Quality, QuarantineCount, QuarantinePage, ReplayReport,
};

/// How much is in quarantine.
pub(crate) fn quarantine_counts(counts: &[QuarantineCount]) -> Reply {
    Reply::list(counts, |count| {
        Reply::map([
            ("source", Reply::from(count.source.as_str())),
            ("kind", Reply::from(count.kind.word())),
            ("about", Reply::from(count.about.as_str())),
            ("count", Reply::count(count.count)),
        ])
    })
}

/// A page of the quarantine.
pub(crate) fn quarantine(page: &QuarantinePage) -> Reply {
    let items = Reply::list(&page.items, |item| {
        Reply::map([
            ("position", Reply::count(item.position.0)),
            ("source", Reply::from(item.source.as_str())),
            ("load", item.load.map_or(Reply::Null, |load| Reply::count(load.0))),
            ("file", Reply::optional(item.file.as_deref())),
            ("line", item.line.map_or(Reply::Null, Reply::count)),
            ("kind", Reply::from(item.kind.word())),
            ("field", Reply::optional(item.field.as_deref())),
            ("value", Reply::from(item.value.as_str())),
            ("reason", Reply::from(item.reason.as_str())),
            ("time", Reply::optional(item.time.map(|time| time.to_string()))),
        ])
    });
    let next = page.next.map_or(Reply::Null, |next| Reply::count(next.0));
    Reply::map([("items", items), ("next", next)])
}

/// What a replay of the quarantine did.
pub(crate) fn replay_report(report: &ReplayReport) -> Reply {
    Reply::map([
        ("before", Reply::count(report.before)),
        ("accepted", Reply::count(report.accepted)),
        ("left", quarantine_counts(&report.left)),
        ("position", Reply::count(report.position.0)),
    ])
}

/// How good what sources say is.
pub(crate) fn quality(quality: &Quality) -> Reply {
    let sources = Reply::list(&quality.sources, |source| {
        Reply::map([
            ("name", Reply::from(source.name.as_str())),
            ("newest_receipt", Reply::optional(source.newest_receipt.map(|t| t.to_string()))),
            ("newest_event", Reply::optional(source.newest_event.map(|t| t.to_string()))),
            ("days", Reply::list(&source.days, day)),
        ])
    });
    Reply::map([
        ("clock", Reply::from(quality.clock.to_string())),
        ("first", Reply::from(quality.first.to_string())),
        ("sources", sources),
        ("breaches", breaches(&quality.breaches)),
    ])
}

fn day(day: &DayQuality) -> Reply {
    let contradictions = day.contradictions.iter();
    let contradictions =
        contradictions.map(|(field, n)| (Reply::from(field.as_str()), Reply::count(*n)));
    let lateness = day.lateness.map_or(Reply::Null, |late| {
        Reply::map([
            ("p50_us", Reply::Integer(late.p50)),
            ("p95_us", Reply::Integer(late.p95)),
            ("max_us", Reply::Integer(late.most)),
        ])
    });
    Reply::map([
        ("day", Reply::from(day.day.to_string())),
        ("kinds", Reply::list(&day.kinds, kind)),
        ("broken", Reply::count(day.broken)),
        ("conflicts", Reply::count(day.conflicts)),
        ("duplicates", Reply::count(day.duplicates)),
        ("revised", Reply::count(day.revised)),
        ("contradictions", Reply::Map(contradictions.collect())),
        ("new_fields", Reply::list(&day.new_fields, |name| Reply::from(name.as_str()))),
        ("lateness", lateness),
    ])
}

fn kind(kind: &KindQuality) -> Reply {
    let nulls = kind.nulls.iter().map(|(name, n)| (Reply::from(name.as_str()), Reply::count(*n)));
    Reply::map([
        ("kind", Reply::from(kind.kind)),
        ("what", Reply::from(kind.what.as_str())),
        ("rows", Reply::count(kind.rows)),
        ("newest_event", Reply::optional(kind.newest_event.map(|time| time.to_string()))),
        ("nulls", Reply::Map(nulls.collect())),
    ])
}

/// Expectations that are not met.
pub(crate) fn breaches(breaches: &[Breach]) -> Reply {
    Reply::list(breaches, |breach| {
        Reply::map([
            ("source", Reply::from(breach.source.as_str())),
            ("what", Reply::from(breach.what.as_str())),
            ("day", Reply::from(breach.day.to_string())),
            ("message", Reply::from(breach.message.as_str())),
            ("hold", Reply::Boolean(breach.hold)),
        ])
    })
}
