//! Defining, and what is in force.
//!
//! *Invariants:* nothing is decided here; a dry run changes nothing. *Where to start reading:* `put`.

use super::options::Options;
use super::{Call, Outcome};
use crate::definitions;
use navedb::DefineRequest;

/// `DEFINITION.PUT toml [DROP n name [name ...]] [DRYRUN]`
pub(super) fn put(call: &mut Call<'_>) -> Outcome {
    let text = call.text(0)?;
    let mut request = DefineRequest { text: text.to_owned(), ..DefineRequest::default() };
    let mut options = Options::new(call, 1);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "DROP" => {
                for _ in 0..options.number()? {
                    request.drop.push(options.value()?.to_owned());
                }
            }
            "DRYRUN" => request.dry_run = true,
            _ => return Err(options.unexpected()),
        }
    }
    Ok(definitions::define_report(&call.server.store().define(&request)?))
}

/// `DEFINITION.LIST [ALL]`
pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let mut options = Options::new(call, 0);
    let mut all = false;
    while let Some(word) = options.word()? {
        match word.as_str() {
            "ALL" => all = true,
            _ => return Err(options.unexpected()),
        }
    }
    Ok(definitions::in_force(&call.server.view(), all))
}
