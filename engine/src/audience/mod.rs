//! Audiences: questions about profiles, in SQL.
//!
//! *What it is:* `text -> ast -> resolved -> plan -> ordinals`, each stage with a type of its own: `parse` (with the
//! grammar of `sqlparser`), `ast` (and back to SQL), `resolve` (names, types, the implied correlation) into `resolved`,
//! `evaluate` (three-valued logic over bitmaps of profiles) with `row` (one value at a time) and `aggregate` (one pass
//! over events). *Invariants:* the answer is exact; NULL is SQL's NULL; an error names its place in the text. *What it
//! does not know:* the log, files, who asks. *Where to start reading:* `ask`.

mod aggregate;
mod ast;
mod call;
mod evaluate;
mod literal;
mod number;
mod parse;
mod query;
mod resolve;
mod resolved;
mod row;
mod statement;
mod subquery;
mod table;
mod text;
mod time;
mod typing;

pub use evaluate::Step;
pub use table::Table;

use evaluate::Evaluated;

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::state::State;
use roaring::RoaringBitmap;

/// The profiles that an audience selects, and how they were found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The selected profiles.
    pub ordinals: RoaringBitmap,
    /// The steps, in order, with how many profiles each selected.
    pub steps: Vec<Step>,
    /// The whole question, with what was implied written out.
    pub text: String,
    /// The table that a statement asked for; none when profiles are counted.
    pub table: Option<Table>,
}

/// Answers an audience: a predicate, or a statement that counts.
///
/// # Errors
/// `Invalid` with a place in the text when it is not understood; `Limit` when it is too large.
pub fn ask(state: &State, text: &str, now: Timestamp) -> Result<Answer> {
    let question = parse::parse(text)?;
    let resolved = resolve::resolve(&question, state, now)?;
    let evaluated = evaluate::evaluate(&resolved, state)?;
    let Evaluated { selected: ordinals, steps, table } = evaluated;
    Ok(Answer { ordinals, steps, text: resolved.text, table })
}
