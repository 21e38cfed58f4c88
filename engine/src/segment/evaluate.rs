//! The truth of rules for some profiles, one by one or by chunks.

use super::concerned::Pair;
use super::rules::Rule;
use crate::audience::{Person, Prepared};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::SEGMENT_ROWS_MAX;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::state::{Reader, State};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// About how many nanoseconds a rule takes for a profile.
const HOLDS_NANOS: u64 = 1_000;
/// Shares of profiles that threads take in turn.
const SHARES: usize = 16;

/// What is read of profiles in one evaluation of many rules.
pub struct Persons<'a> {
    /// What reads them.
    pub reader: &'a Reader<'a>,
    known: RefCell<HashMap<u32, Rc<Person<'a>>>>,
}

impl<'a> Persons<'a> {
    pub fn new(reader: &'a Reader<'a>) -> Persons<'a> {
        Persons { reader, known: RefCell::default() }
    }

    /// A profile, as far as it was read.
    pub fn of(&self, ordinal: Ordinal) -> Rc<Person<'a>> {
        let mut known = self.known.borrow_mut();
        let person = known.entry(ordinal.0);
        Rc::clone(person.or_insert_with(|| Rc::new(Person::of_many(self.reader, ordinal))))
    }
}

/// Which pairs of rules and profiles change: who enters, and who does not and leaves. Several threads look where there
/// are many.
///
/// # Errors
/// `Corrupt`.
pub fn changes_of(
    rules: &[Rule],
    pairs: &[Pair],
    (state, workers, now): (&State, &Workers, Timestamp),
    persons: &Persons<'_>,
) -> Result<Vec<(Pair, bool)>> {
    let ask = |pairs: &[Pair], persons: &Persons<'_>, changes: &mut Vec<(Pair, bool)>| {
        for pair in pairs {
            let Some(rule) = rules.get(pair.rule) else { continue };
            let (Ok(prepared), ordinal) = (&rule.prepared, Ordinal(pair.ordinal)) else {
                continue;
            };
            let segment = rule.place.and_then(|place| state.memberships.at(place));
            let was = segment.is_some_and(|segment| segment.members.holds(ordinal));
            let is = state.is_live(ordinal) && holds(prepared, &persons.of(ordinal))?;
            if was != is {
                changes.push((*pair, is));
            }
        }
        Ok::<(), Error>(())
    };
    if !workers.are_worth(pairs.len() as u64 * HOLDS_NANOS) {
        let mut changes = Vec::new();
        return ask(pairs, persons, &mut changes).map(|()| changes);
    }
    // By profile, so that one is read by one thread.
    let mut by_profile = pairs.to_vec();
    by_profile.sort_unstable_by_key(|pair| (pair.ordinal, pair.rule));
    let share = pairs.len().div_ceil(SHARES).max(1);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(Pair, bool)>> {
        let (mut changes, reader) = (Vec::new(), state.reader().at(now));
        while let Some(part) = by_profile.chunks(share).nth(next.fetch_add(1, Relaxed)) {
            // What was read of a profile is let go behind its share.
            ask(part, &Persons::new(&reader), &mut changes)?;
        }
        reader.check().map(|()| changes)
    };
    let found = workers.share(work).into_iter().collect::<Result<Vec<_>>>()?;
    let mut changes = found.concat();
    changes.sort_unstable();
    Ok(changes)
}

/// Whether a rule holds for a profile; where it has no answer it does not.
fn holds(prepared: &Prepared, person: &Person<'_>) -> Result<bool> {
    match prepared.holds(person) {
        Err(e) if has_no_answer(&e) => Ok(false),
        held => held,
    }
}

/// Whether an error says that there is no answer for some profile, rather than that something cannot be read.
fn has_no_answer(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit)
}

/// All profiles for whom a rule holds. Who has no answer is not among them.
///
/// # Errors
/// `Corrupt`.
pub fn all_for(
    prepared: &Prepared,
    (state, workers, now): (&State, &Workers, Timestamp),
) -> Result<RoaringBitmap> {
    let reader = state.reader().at(now);
    let held = holds_for(prepared, (state, workers, now), &Persons::new(&reader), None)?;
    reader.check().map(|()| held)
}

/// The profiles for whom a rule holds: of some, or of all. Who has no answer is not among them.
///
/// # Errors
/// `Corrupt`.
pub fn holds_for(
    prepared: &Prepared,
    (state, workers, now): (&State, &Workers, Timestamp),
    persons: &Persons<'_>,
    among: Option<&RoaringBitmap>,
) -> Result<RoaringBitmap> {
    if among.is_none_or(|among| among.len() > SEGMENT_ROWS_MAX) {
        match prepared.choose(state, workers, now, among) {
            Err(e) if has_no_answer(&e) => {}
            found => return found,
        }
    }
    let mut held = RoaringBitmap::new();
    let mut see = |ordinal: u32| {
        if ordinal.is_multiple_of(256) {
            state.patience.check()?;
        }
        if !state.is_live(Ordinal(ordinal)) {
            return Ok(());
        }
        if holds(prepared, &persons.of(Ordinal(ordinal)))? {
            held.insert(ordinal);
        }
        Ok(())
    };
    match among {
        Some(among) => among.iter().try_for_each(&mut see)?,
        None => (0..state.counts.ordinals).try_for_each(&mut see)?,
    }
    Ok(held)
}
