//! Definitions, and what they change, as replies.
//!
//! *Where to start reading:* `define_report`.

use crate::resp::Reply;
use navedb::{
    DefineEffect, DefineReport, DefinedOne, Definition, QuarantineChange, RegroupedProfiles,
    ValueType, View,
};

/// What defining did.
pub(crate) fn define_report(report: &DefineReport) -> Reply {
    Reply::map([
        ("dry_run", Reply::Boolean(report.dry_run)),
        ("position", Reply::count(report.position.0)),
        ("definitions", Reply::list(&report.definitions, defined_one)),
        ("effect", report.effect.as_ref().map_or(Reply::Null, define_effect)),
    ])
}

fn defined_one(one: &DefinedOne) -> Reply {
    Reply::map([
        ("name", Reply::from(one.name.as_str())),
        ("version", Reply::count(u64::from(one.version))),
        ("change", Reply::from(one.change.name())),
    ])
}

fn define_effect(effect: &DefineEffect) -> Reply {
    let both = |(before, after): (u64, u64)| {
        Reply::map([("before", Reply::count(before)), ("after", Reply::count(after))])
    };
    let events = effect
        .events
        .iter()
        .map(|(name, before, after)| (Reply::from(name.as_str()), both((*before, *after))));
    let type_of = |known: Option<ValueType>| known.map_or(Reply::Null, |t| Reply::from(t.name()));
    let fields = effect.fields.iter().map(|field| {
        let types =
            Reply::map([("before", type_of(field.before)), ("after", type_of(field.after))]);
        (Reply::from(field.name.as_str()), types)
    });
    Reply::map([
        ("profiles", both(effect.profiles)),
        ("identifiers", both(effect.identifiers)),
        ("joined", Reply::count(effect.joined)),
        ("split", Reply::count(effect.split)),
        ("rearranged", Reply::count(effect.rearranged)),
        ("regrouped", Reply::list(&effect.regrouped, regrouped)),
        ("events", Reply::Map(events.collect())),
        ("fields", Reply::Map(fields.collect())),
        ("quarantined", Reply::count(effect.quarantined)),
        ("quarantined_shown", Reply::list(&effect.quarantined_shown, quarantine_change)),
        ("released", Reply::count(effect.released)),
        ("released_shown", Reply::list(&effect.released_shown, quarantine_change)),
    ])
}

fn regrouped(profiles: &RegroupedProfiles) -> Reply {
    Reply::map([
        ("change", Reply::from(profiles.change.as_str())),
        ("before", Reply::list(&profiles.before, |id| Reply::from(id.as_str()))),
        ("after", Reply::list(&profiles.after, |id| Reply::from(id.as_str()))),
        ("of", Reply::from(profiles.of.as_str())),
    ])
}

fn quarantine_change(change: &QuarantineChange) -> Reply {
    Reply::map([
        ("value", Reply::from(change.value.as_str())),
        ("field", change.field.as_deref().map_or(Reply::Null, Reply::from)),
        ("source", Reply::from(change.source.as_str())),
        ("reason", Reply::from(change.reason.as_str())),
        ("position", Reply::count(change.position.0)),
    ])
}

/// The definitions in force.
pub(crate) fn in_force(view: &View, all: bool) -> Reply {
    let definitions = view.definitions();
    let one = |definition: &Definition| {
        Reply::map([
            ("kind", Reply::from(definition.kind.as_str())),
            ("name", Reply::from(definition.name.as_str())),
            ("version", Reply::count(u64::from(definition.version))),
            ("body", Reply::from(definition.body.as_str())),
        ])
    };
    Reply::map([
        ("definitions", Reply::list(&definitions, one)),
        ("text", Reply::from(view.definitions_text(all).as_str())),
    ])
}
