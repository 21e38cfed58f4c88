//! `nave audience count`, `nave audience explain` and `nave audience query`.
//!
//! *Invariant:* `count` prints the number alone. *Where to start reading:* `count`.

use super::arguments::Question;
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use crate::resp::Reply;
use crate::shape;
use navedb::Table;

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

/// `nave audience query`
pub(crate) fn query(question: &Question, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&question.store.data, false, output)?;
    let answer = store.view().query(&question.text, question.moment.at());
    store.leave();
    let table = answer.map_err(|e| Failure::in_text(e, &question.text))?;
    output.answer(|| lines(&table), || shape::table(&table))
}

/// The table with a tab between columns; tabs and ends of lines inside texts are blanks, NULL is nothing.
fn lines(table: &Table) -> String {
    let plain = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let heading = table.columns.iter().map(|name| plain(name)).collect::<Vec<_>>().join("\t");
    let rows = table.rows.iter().map(|row| {
        let cells = row
            .iter()
            .map(|cell| cell.as_ref().map_or_else(String::new, |v| plain(&v.to_string())));
        cells.collect::<Vec<_>>().join("\t")
    });
    std::iter::once(heading).chain(rows).map(|line| line + "\n").collect()
}
