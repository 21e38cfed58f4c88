//! What may be defined: segments and computed traits that are understood, in no circle, and nothing needed gone.
//!
//! *Invariant:* what was not understood before and is unchanged stands in nobody's way. *Where to start reading:*
//! `check`.

use super::rules::{below, levels, parsed, prepared_trait, rule_of};
use crate::audience::Prepared;
use crate::base::error::{Error, Result};
use crate::base::limits::{EVENT_TYPES_MAX, SAVED_DEPTH_MAX, SEGMENTS_MAX};
use crate::catalog::{folded, nearest};
use crate::definition::SegmentRule;
use crate::record::{ENTERED, LEFT};
use crate::state::{Saved, State};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Refuses definitions of segments and computed traits that cannot be: `state` has them already, and `before` not yet.
///
/// # Errors
/// `Invalid` when an audience is not understood, when segments stand in themselves, when something that was understood
/// no longer is, or a trait that is told is unknown; `Limit` when there are too many.
pub fn check(before: &State, state: &State) -> Result<()> {
    if state.segment_rules().count() > SEGMENTS_MAX {
        return Err(Error::limit(format!("a store has at most {SEGMENTS_MAX} segments")));
    }
    let exact = |name: &str| before.segment_rule(name).filter(|known| known.name == name);
    let names = state.segment_rules().map(|segment| segment.name.as_str());
    check_names("segment", names, |name| exact(name).is_some())?;
    let names = state.computed_traits().map(|known| known.name.as_str());
    check_names("computed trait", names, |name| {
        before.computed_trait(name).is_some_and(|known| known.name == name)
    })?;
    let names = state.stream_rules().map(|known| known.name.as_str());
    check_names("stream", names, |name| {
        before.stream_rule(name).is_some_and(|known| known.name == name)
    })?;
    if state.makes_events() && state.catalog.events().find(LEFT).is_none() {
        return Err(Error::limit(format!(
            "there are {EVENT_TYPES_MAX} event types already, and none is left for '{ENTERED}' and \
             '{LEFT}'; define segments without events"
        )));
    }
    let mut trial = state.clone();
    Arc::make_mut(&mut trial.memberships).keep(|name| state.segment_rule(name).is_some());
    let all_anew = may_break_others(before, state);
    for segment in state.segment_rules() {
        let was = exact(&segment.name).is_some_and(|known| known.says == segment.says);
        if all_anew || !was {
            check_segment(segment, was.then_some(before), &trial)?;
        }
    }
    check_computed(before, &trial)?;
    for segment in state.segment_rules() {
        if trial.memberships.get(&segment.name).is_none()
            && let Some(new) = Arc::make_mut(&mut trial.memberships).get_mut(&segment.name)
        {
            new.version = 1;
        }
    }
    check_levels(&trial)
}

/// Whether something is other than before, or no more, that segments and computed traits which did not change may need.
fn may_break_others(before: &State, state: &State) -> bool {
    !Arc::ptr_eq(&before.catalog, &state.catalog)
        || !before.computed_traits().eq(state.computed_traits())
        || before.segment_rules().any(|known| {
            let now = state.segment_rule(&known.name);
            now.is_none_or(|now| known.says.events && !now.says.events)
        })
}

/// Refuses segments that stand in themselves, or too deeply in one another.
fn check_levels(state: &State) -> Result<()> {
    let words = ["in_segment", ENTERED, LEFT];
    let asks = |text: &str| {
        let text = text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    let by_trait = state.computed_traits().any(|known| asks(&known.says.value));
    let asked = |saved: &Arc<Saved<SegmentRule>>| match by_trait || asks(&saved.says.audience) {
        true => rule_of(saved, state).asks().to_vec(),
        false => Vec::new(),
    };
    let all: Vec<(&str, Vec<String>)> =
        state.segment_rules().map(|saved| (saved.name.as_str(), asked(saved))).collect();
    let below = below(all.iter().map(|(name, asks)| (*name, asks.as_slice())));
    let levels = levels(&below);
    let name = |place: usize| all.get(place).map_or("", |(name, _)| name);
    if let Some(circle) = circle(&below, &levels) {
        let names: Vec<String> = circle.iter().map(|at| format!("'{}'", name(*at))).collect();
        let first = names.first().cloned().unwrap_or_default();
        let chain = names.join(" asks for ");
        return Err(Error::invalid(format!(
            "a segment cannot stand in itself: {chain} asks for {first}"
        )));
    }
    let deepest = levels.iter().enumerate().max_by_key(|(_, level)| **level);
    match deepest {
        Some((place, Some(level))) if *level >= SAVED_DEPTH_MAX => Err(Error::limit(format!(
            "segment '{}' stands on {level} others, one on another; at most {} are taken",
            name(place),
            SAVED_DEPTH_MAX - 1
        ))),
        _ => Ok(()),
    }
}

/// The segments of one circle in the order in which they ask for each other, when there is one.
fn circle(below: &[Vec<usize>], levels: &[Option<usize>]) -> Option<Vec<usize>> {
    let unsettled = |place: usize| levels.get(place).is_some_and(Option::is_none);
    let mut path = vec![(0..below.len()).find(|place| unsettled(*place))?];
    // Whoever has no level asks for another without one, so the path comes back to itself.
    loop {
        let last = path.last().and_then(|place| below.get(*place))?;
        let next = *last.iter().find(|asked| unsettled(**asked))?;
        if let Some(from) = path.iter().position(|place| *place == next) {
            return path.get(from..).map(<[usize]>::to_vec);
        }
        path.push(next);
    }
}

/// Refuses names that are told apart by their case alone, since they are looked up in any case, and new names that
/// cannot be read in a list.
fn check_names<'n>(
    what: &str,
    names: impl Iterator<Item = &'n str>,
    is_known: impl Fn(&str) -> bool,
) -> Result<()> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if !is_known(name) && (name.trim().is_empty() || name.chars().any(char::is_control)) {
            let message = format!(
                "{name:?} is no name of a {what}; take one with a letter and without line breaks"
            );
            return Err(Error::invalid(message));
        }
        if !is_known(name) && name.trim() != name {
            let message =
                format!("{name:?} is no name of a {what}; take the blanks around it away");
            return Err(Error::invalid(message));
        }
        if let Some(other) = known.insert(folded(name), name) {
            let message =
                format!("{what} '{name}' is there as '{other}' already; names have no case");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

/// Refuses to ask who entered or left a segment that does not make events of it.
fn check_transitions(prepared: &Prepared, state: &State) -> Result<()> {
    if prepared.reads.any_segment {
        let help = "a segment must say whose transitions it asks for: add e.segment = 'NAME', or \
                    e.segment IN ('NAME', ...)";
        return Err(Error::invalid(help));
    }
    for asked in &prepared.reads.transitions {
        let help = match state.segment_rule(asked) {
            None => format!("'{asked}', which is no segment; define it with events = true"),
            Some(known) if !known.says.events => {
                format!("'{asked}', which makes no events; define it with events = true")
            }
            Some(known) if known.name != *asked => {
                format!("'{asked}'; events name it '{}', so write that", known.name)
            }
            Some(_) => continue,
        };
        return Err(Error::invalid(format!("it asks who entered or left {help}")));
    }
    Ok(())
}

/// Refuses a segment that cannot be. `was` is the state in which it was defined in the same words, if it was.
fn check_segment(segment: &Saved<SegmentRule>, was: Option<&State>, state: &State) -> Result<()> {
    let name = &segment.name;
    let about = |says: &str, e: &Error| {
        let error = Error::new(e.kind(), format!("segment '{name}'{says}: {}", e.message()));
        e.place().map_or(error.clone(), |place| error.at(place))
    };
    let understood = |state: &State| {
        let prepared = Prepared::new(&parsed(&segment.says)?, state)?;
        check_transitions(&prepared, state).map(|()| prepared)
    };
    match (understood(state), was) {
        (Ok(_), _) => {}
        // What was not understood before is no worse now.
        (Err(_), Some(before)) if understood(before).is_err() => {}
        (Err(e), Some(_)) => return Err(about(" needs what is changed or dropped", &e)),
        (Err(e), None) => return Err(about("", &e)),
    }
    let is_there = |state: &State, told: &str| {
        state.catalog.traits().find(told).is_some() || state.computed_trait(told).is_some()
    };
    for told in segment.says.traits.iter().filter(|told| !is_there(state, told)) {
        match was {
            // It was not there before, and is no worse now.
            Some(before) if !is_there(before, told) => {}
            Some(_) => {
                let message = format!("its feed tells '{told}'");
                return Err(about(" needs what is changed or dropped", &Error::invalid(message)));
            }
            None => {
                let names = state.catalog.traits().all().iter().map(|field| field.name.as_str());
                let near = nearest(told, names);
                let near = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
                return Err(about("", &Error::invalid(format!("'{told}' is no trait{near}"))));
            }
        }
    }
    Ok(())
}

/// Refuses computed traits that cannot be.
fn check_computed(before: &State, state: &State) -> Result<()> {
    if !may_break_others(before, state) {
        return Ok(());
    }
    for computed in state.computed_traits() {
        let name = &computed.name;
        let about = |says: &str, e: &Error| {
            Error::new(e.kind(), format!("computed trait '{name}'{says}: {}", e.message()))
        };
        let was = before.computed_trait(name).filter(|was| was.name == *name);
        if was.is_none() && state.catalog.traits().find(name).is_some() {
            let help = "there is a trait of this name that sources send; choose another";
            return Err(about("", &Error::invalid(help)));
        }
        let Err(e) = prepared_trait(&computed.says, state) else { continue };
        match was.filter(|was| was.says == computed.says) {
            // What was not understood before is no worse now.
            Some(was) if prepared_trait(&was.says, before).is_err() => {}
            Some(_) => return Err(about(" needs what is changed or dropped", &e)),
            None => return Err(about("", &e)),
        }
    }
    Ok(())
}
