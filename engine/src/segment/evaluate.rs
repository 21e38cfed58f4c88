//! The truth of rules for some profiles, one by one or by chunks.

use crate::audience::{Person, Prepared, Workers};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::SEGMENT_ROWS_MAX;
use crate::base::time::Timestamp;
use crate::state::{Reader, State};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

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
        Rc::clone(person.or_insert_with(|| Rc::new(Person::new(self.reader, ordinal))))
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
        if !state.is_live(Ordinal(ordinal)) {
            return Ok(());
        }
        match prepared.holds(&persons.of(Ordinal(ordinal))) {
            Ok(true) => {
                held.insert(ordinal);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(e) if has_no_answer(&e) => Ok(()),
            Err(e) => Err(e),
        }
    };
    match among {
        Some(among) => among.iter().try_for_each(&mut see)?,
        None => (0..state.counts.ordinals).try_for_each(&mut see)?,
    }
    Ok(held)
}
