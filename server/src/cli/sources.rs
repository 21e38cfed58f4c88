//! `nave source list`, `hold`, `release` and `refuse`: whether what a source says is taken.
//!
//! *Invariant:* what was done is told, also that nothing had to be. *Where to start reading:* `list`.

use super::arguments::StoreOnly;
use super::care::SourceName;
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use super::text::{Side, grouped, section};
use crate::shape;
use navedb::{SourceState, SourceStats};

/// `nave source list`
pub(crate) fn list(arguments: &StoreOnly, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&arguments.data, false, output)?;
    let stats = store.view().stats()?;
    store.leave();
    output.answer(|| text(&stats.sources), || shape::sources(&stats.sources))
}

fn text(sources: &[SourceStats]) -> String {
    let rows: Vec<Vec<String>> = sources
        .iter()
        .map(|source| {
            let since = source.since.map_or_else(String::new, |since| {
                format!("{} held back since position {since}", grouped(source.held))
            });
            let state = source.state.name().to_owned();
            let names = match source.beyond_names {
                0 => String::new(),
                beyond => format!("{} values under too many new names", grouped(beyond)),
            };
            vec![source.name.clone(), state, grouped(source.records), since, names]
        })
        .collect();
    let mut text = String::new();
    let sides = [Side::Left, Side::Left, Side::Right, Side::Left, Side::Left];
    section(&mut text, "sources", &sides, &rows);
    text
}

/// `nave source hold`, `release` and `refuse`
pub(crate) fn set(
    arguments: &SourceName,
    state: SourceState,
    output: &Output,
) -> Result<(), Failure> {
    let store = Store::open(&arguments.store.data, false, output)?;
    let receipt = store.session().set_source(&arguments.name, state, &arguments.reason)?;
    store.close()?;
    let (name, word) = (&arguments.name, state.name());
    output.answer(
        || match receipt.written {
            0 => format!("source '{name}' was {word} already\n"),
            _ => format!("source '{name}' is {word} from position {} on\n", receipt.position),
        },
        || shape::receipt(&receipt),
    )
}
