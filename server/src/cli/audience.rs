//! `nave audience count` and `nave audience explain`.
//!
//! *Invariant:* `count` prints the number alone. *Where to start reading:* `count`.

use super::arguments::Question;
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use crate::resp::Reply;
use crate::shape;

/// `nave audience count`
pub(crate) fn count(question: &Question, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&question.store.data, false, output)?;
    let answer = store.view().count(&question.text, question.moment.at());
    store.leave();
    let count = answer.map_err(|e| Failure::in_text(e, &question.text))?;
    output.answer(|| format!("{count}\n"), || Reply::map([("count", Reply::count(count))]))
}

/// `nave audience explain`
pub(crate) fn explain(question: &Question, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&question.store.data, false, output)?;
    let answer = store.view().explain(&question.text, question.moment.at());
    store.leave();
    let explanation = answer.map_err(|e| Failure::in_text(e, &question.text))?;
    output.answer(
        || {
            let plan: String = explanation.plan.iter().map(|line| format!("{line}\n")).collect();
            format!("{}\n\n{plan}\n{} profiles\n", explanation.text, explanation.count)
        },
        || shape::explanation(&explanation),
    )
}
