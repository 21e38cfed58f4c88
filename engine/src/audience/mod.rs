//! Audiences: questions about profiles, in SQL.
//!
//! *What it is:* `text -> ast -> resolved -> plan -> ordinals`, each stage with a type of its own: `parse` (with the
//! grammar of `sqlparser`), `ast`, `print` (back to SQL), `resolve` (`names`, types, the implied correlation) into
//! `resolved`, `evaluate` (three-valued logic over bitmaps of profiles) with `row` (one value at a time), `aggregate`
//! (one pass over events), `funnel` (one pass for each step) and `consent`. *Invariants:* the answer is exact; NULL is
//! SQL's NULL; an error names its place in the text. *What it does not know:* the log, files, who asks. *Where to
//! start reading:*
//! `ask`.

mod aggregate;
mod apart;
mod ast;
mod call;
mod columnar;
mod consent;
mod evaluate;
mod explain;
mod first;
mod follow;
mod funnel;
mod gathered;
mod indexed;
mod keys;
mod literal;
mod money;
mod names;
mod number;
mod of_traits;
mod one;
mod parse;
mod prepared;
mod print;
mod program;
mod query;
mod resolve;
mod resolved;
mod row;
mod saved;
mod scan;
mod statement;
mod subquery;
mod sums;
mod table;
mod text;
mod time;
mod typing;
mod walk;
mod wanted;
mod why;
mod zone;

pub use apart::{Lift, Lifts, lifts, overlap};
pub use ast::Question;
pub use explain::Step;
pub use one::{Person, value_asked};
pub use parse::parse;
pub use prepared::{Amount, Effect, Moves, Prepared, between, instant, moment, passes};
pub use resolved::{Rows, Scalar};
pub use table::Table;
pub use wanted::{Wanted, ask_for, page};
pub use why::why;

use crate::base::workers::Workers;
use evaluate::Asked;
use print::{Printer, Warehouse};

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::state::State;
use roaring::RoaringBitmap;

/// The profiles that an audience selects.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The selected profiles, when there is no table.
    pub ordinals: RoaringBitmap,
    /// The table that a statement asked for; none when profiles are counted.
    pub table: Option<Table>,
}

/// How an audience is answered.
#[derive(Debug, Clone)]
pub struct Explained {
    /// How many profiles are selected.
    pub count: u64,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The whole question, with what was implied written out.
    pub text: String,
    /// The question for a warehouse.
    pub sql: String,
}

/// Answers an audience: a predicate, or a statement.
///
/// # Errors
/// `Invalid` with a place in the text when it is not understood; `Limit` when it is too large.
pub fn ask(
    state: &State,
    workers: &Workers,
    question: &Question,
    now: Timestamp,
) -> Result<Answer> {
    let whole = resolve::resolve(question, state, now, false)?;
    let found = evaluate::evaluate(&whole.resolved, state, workers, Asked::Members)?;
    Ok(Answer { ordinals: found.selected, table: found.table })
}

/// How many profiles an audience selects.
///
/// # Errors
/// As `ask`; `Invalid` for a statement that gives a table.
pub fn count(state: &State, workers: &Workers, question: &Question, now: Timestamp) -> Result<u64> {
    let whole = resolve::resolve(question, state, now, false)?;
    if whole.resolved.table.is_some() {
        return Err(gives_a_table());
    }
    Ok(evaluate::evaluate(&whole.resolved, state, workers, Asked::Count)?.count)
}

/// The error of a statement that gives a table, where profiles are wanted.
pub fn gives_a_table() -> Error {
    Error::invalid("this statement gives a table; ask it with `nave audience query`").at(0)
}

/// Answers an audience and tells how.
///
/// # Errors
/// As `ask`.
pub fn explain(
    state: &State,
    workers: &Workers,
    question: &Question,
    now: Timestamp,
) -> Result<Explained> {
    let whole = resolve::resolve(question, state, now, true)?;
    let found = evaluate::evaluate(&whole.resolved, state, workers, Asked::Steps)?;
    let question = &whole.question;
    let shared = |name: &str| state.catalog.events().find(name).is_some();
    let warehouse = Warehouse { profiles: &question.alias, now, shared: &shared };
    Ok(Explained {
        count: found.count,
        steps: found.steps,
        text: Printer { warehouse: None }.question(question),
        sql: Printer { warehouse: Some(warehouse) }.question(question),
    })
}
