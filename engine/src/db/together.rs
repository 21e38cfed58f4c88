//! Behavioural links: identifiers that are at the same places at the same times, again and again, as scored evidence.
//!
//! *Invariants:* nothing is linked unless somebody asks; the same request over the same events says nothing new.
//! *Where to start reading:* `Session::identity_together`.

use super::match_types::{TogetherReport, TogetherRequest};
use super::matches::{Outbox, scored_message};
use super::{Level, Session};
use crate::base::codec::{self, Digest128};
use crate::base::error::{Error, Result};
use crate::base::ids::NodeId;
use crate::base::limits::{NAME_BYTES_MAX, TOGETHER_EVENTS_MAX};
use crate::base::value::Value;
use crate::catalog::folded;
use crate::column::Cell;
use crate::matching::{MetPair, Sighting, Sought, meet};
use crate::state::Reader;
use std::collections::{BTreeSet, HashMap};

const SECOND_MICROS: i64 = 1_000_000;

impl Session {
    /// Links identifiers of different profiles that were at the same places at the same times often enough, by
    /// behavioural evidence with a score. A score never joins two profiles that both hold a unique identifier.
    ///
    /// The score is what the meetings are worth together: one of n identifiers is worth 1 / (n - 1), so that it says in
    /// how many meetings of two alone there would be as much. Meetings are counted by buckets, not by events, so that
    /// nobody meets oftener who is seen oftener; and where more than one is needed on at least two days in UTC, so that
    /// one long stay is not enough.
    ///
    /// # Errors
    /// `Invalid` when less than one meeting is asked for or a crowd of less than two; `NotFound` when there is no such
    /// event type, property or namespace; `Limit` when there are too many events, or too many pairs met; `Closed`;
    /// `Io`; `Corrupt`.
    pub fn identity_together(&self, request: &TogetherRequest) -> Result<TogetherReport> {
        super::write::check_source(&request.source)?;
        let rule = format!("together-{}-{}", folded(&request.place), request.bucket);
        check(request, &rule)?;
        let view = self.view();
        let before = view.state().profiles();
        let reader = view.state().reader();
        let seen = Seen::read(&reader, request)?;
        reader.check()?;
        let sought = Sought {
            least: request.least,
            crowd: request.crowd,
            bucket_seconds: request.bucket.seconds(),
        };
        let label = |node: u32| reader.nodes().label(NodeId(node));
        let found = meet(seen.sightings, &sought, |left, right| label(left) == label(right))?;
        reader.check()?;
        let named = |node: u32| reader.nodes().identifier(NodeId(node)).unwrap_or_default();
        let message = |pair: &MetPair| {
            let score = (pair.worth as f64 / 1_000.0).round() / 1_000.0;
            let two = (named(pair.left), named(pair.right));
            scored_message(("link", "behavioural"), two, score, &rule)
        };
        let mut outbox = Outbox::new(self, &request.source, Level::Group);
        if !request.dry_run {
            found.pairs.iter().try_for_each(|pair| outbox.put(message(pair)))?;
            outbox.finish()?;
        }
        let written = outbox.written;
        let after = self.view();
        Ok(TogetherReport {
            rule,
            events: seen.events,
            undated: seen.undated,
            groups: found.groups,
            crowded: found.crowds,
            met: found.met,
            linked: found.pairs.len() as u64,
            written,
            profiles: (before, after.state().profiles()),
            position: after.position(),
        })
    }
}

fn check(request: &TogetherRequest, rule: &str) -> Result<()> {
    if request.least < 1 {
        return Err(Error::invalid("two must have met in at least 1 bucket to be linked"));
    }
    if request.crowd < 2 {
        return Err(Error::invalid(
            "a crowd is of more than 2 identifiers or more; with less nobody meets",
        ));
    }
    if rule.len() > NAME_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the rule would be called '{rule}', and a name has {NAME_BYTES_MAX} bytes at most; give the property a \
             shorter name, by a mapping"
        )));
    }
    Ok(())
}

/// Who was where, when.
#[derive(Debug, Default)]
struct Seen {
    sightings: Vec<Sighting>,
    events: u64,
    undated: u64,
}

impl Seen {
    fn read(reader: &Reader<'_>, request: &TogetherRequest) -> Result<Seen> {
        let namespaces = namespaces(reader, &request.namespaces)?;
        let bucket_micros = i64::from(request.bucket.seconds()) * SECOND_MICROS;
        let mut places: HashMap<Digest128, u32> = HashMap::new();
        let mut seen = Seen::default();
        for (event, property) in tables(reader, request)? {
            let parts = reader.events(event).map(|table| table.parts()).unwrap_or_default();
            let rows = parts.iter().flat_map(|part| (0..part.len()).map(move |row| (part, row)));
            for (part, row) in rows {
                // What an array in an event holds is looked at where its table is asked for by name.
                let cell = part.cell(property, row);
                if cell.is_null() || (part.child(row) && request.events.is_empty()) {
                    continue;
                }
                let node = part.node(row);
                let asked = |known: &BTreeSet<String>| {
                    reader.nodes().namespace(node).is_some_and(|name| known.contains(name))
                };
                if !namespaces.as_ref().is_none_or(asked) {
                    continue;
                }
                if !part.dated(row) {
                    // The time of receipt would make all rows of a file meet.
                    seen.undated += 1;
                    continue;
                }
                seen.events += 1;
                let bucket = part.time(row).0.div_euclid(bucket_micros);
                each_place(cell, |text| {
                    let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
                    let place = *places.entry(codec::digest(text.as_bytes())).or_insert(next);
                    seen.sightings.push(Sighting { bucket, place, who: node.0 });
                });
                if seen.sightings.len() > TOGETHER_EVENTS_MAX {
                    return Err(Error::limit(format!(
                        "more than {TOGETHER_EVENTS_MAX} events say '{}'; ask about fewer event types or namespaces",
                        request.place
                    )));
                }
            }
        }
        Ok(seen)
    }
}

/// The places that a value names. Numbers are one place in whatever form they are written.
fn each_place(cell: Cell<'_>, mut found: impl FnMut(&str)) {
    let mut named = |text: &str| {
        if !text.trim().is_empty() {
            found(text);
        }
    };
    match cell {
        Cell::Text(text) => named(text),
        Cell::Set(set) => set.texts().for_each(named),
        cell => match cell.to_value() {
            Some(Value::Decimal(decimal)) => named(&decimal.normalized().to_string()),
            value => named(&value.map(|value| value.to_string()).unwrap_or_default()),
        },
    }
}

/// The namespaces that are asked for; nothing stands for all.
fn namespaces(reader: &Reader<'_>, asked: &[String]) -> Result<Option<BTreeSet<String>>> {
    let known = reader.state.catalog.namespaces();
    let mut found = BTreeSet::new();
    for name in asked {
        let name = folded(name.trim());
        if !known.iter().any(|known| known.as_ref() == name) {
            let known = known.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            return Err(Error::not_found(format!(
                "there is no namespace '{name}'; there are {known}"
            )));
        }
        found.insert(name);
    }
    Ok((!found.is_empty()).then_some(found))
}

/// The event types that are looked at, each with the number of the property that says where.
fn tables(reader: &Reader<'_>, request: &TogetherRequest) -> Result<BTreeSet<(usize, usize)>> {
    let catalog = &reader.state.catalog;
    let place = &request.place;
    let property = |event| catalog.properties(event).and_then(|fields| fields.find(place));
    if request.events.is_empty() {
        let all =
            (0..catalog.events().all().len()).filter_map(|event| Some((event, property(event)?)));
        let all: BTreeSet<_> = all.collect();
        if all.is_empty() {
            return Err(Error::not_found(format!(
                "no event has a property '{place}'; `nave stats` lists the properties"
            )));
        }
        return Ok(all);
    }
    let mut found = BTreeSet::new();
    for name in &request.events {
        let event = catalog.events().find(name).ok_or_else(|| {
            Error::not_found(format!("there is no event '{name}'; `nave stats` lists the events"))
        })?;
        let property = property(event).ok_or_else(|| {
            Error::not_found(format!(
                "'{name}' has no property '{place}'; `nave stats` lists the properties"
            ))
        })?;
        found.insert((event, property));
    }
    Ok(found)
}
