//! `nave audience`: how many, who, and which values.
//!
//! *Invariants:* `count` prints the number alone, `explain --sql` the statement alone; what is wrong
//! with the arguments alone is found before a store is opened. *Where to start reading:* `ask`.

use super::arguments::{Aggregate, Breakdown, Explain, Lift, Members, Overlap, Question, Top};
use super::failure::Failure;
use super::output::Output;
use super::store::Store;
use crate::resp::Reply;
use crate::shape;
use navedb::{At, MembersPage, MembersRequest, PlanStep, Table, Value, View, limits};

/// Opens the store, asks, and closes it again.
fn ask<T>(
    question: &Question,
    output: &Output,
    ask: impl FnOnce(&View, &str, At) -> navedb::Result<T>,
) -> Result<T, Failure> {
    let store = Store::open(&question.store.data, false, output)?;
    let view = question.moment.patient(store.view());
    let answer = ask(&view, &question.text, question.moment.at());
    store.leave();
    answer.map_err(|e| Failure::in_text(e, &question.text))
}

/// `nave audience count`
pub(crate) fn count(question: &Question, output: &Output) -> Result<(), Failure> {
    let count = ask(question, output, View::count)?;
    output.answer(|| format!("{count}\n"), || Reply::map([("count", Reply::count(count))]))
}

/// `nave audience explain`
pub(crate) fn explain(explain: &Explain, output: &Output) -> Result<(), Failure> {
    let explanation = ask(&explain.question, output, View::explain)?;
    if explain.sql {
        let sql = || Reply::map([("sql", Reply::from(explanation.sql.as_str()))]);
        return output.answer(|| format!("{}\n", explanation.sql), sql);
    }
    output.answer(
        || {
            let line = |step: &PlanStep| match explain.analyze {
                true => format!("{}\n", step.analyzed()),
                false => format!("{step}\n"),
            };
            let plan: String = explanation.steps.iter().map(line).collect();
            format!("{}\n\n{plan}\n{} profiles\n", explanation.text, explanation.count)
        },
        || shape::explanation(&explanation),
    )
}

/// `nave audience members`
pub(crate) fn members(members: &Members, output: &Output) -> Result<(), Failure> {
    let request = members.page.request();
    let page =
        ask(&members.question, output, |view, text, at| view.members_page(text, &request, at))?;
    output.answer(
        || lines(&member_rows(&page, &request)),
        || shape::members(&page, &request.select),
    )?;
    if let Some(next) = page.next {
        output.note(&format!("note: there are more members; go on with --after {next}"));
    }
    Ok(())
}

/// The members of a page as a table.
pub(crate) fn member_rows(page: &MembersPage, request: &MembersRequest) -> Table {
    let id = std::iter::once("profile_id".to_owned());
    let columns = id.chain(request.select.iter().chain(&request.with).cloned());
    let rows = page.members.iter().map(|member| {
        let id = std::iter::once(Some(Value::Text(member.profile_id.clone())));
        let known = (!member.identifiers.is_empty()).then(|| member.identifiers.join(", "));
        let with = request.with.iter().map(|_| known.clone().map(Value::Text));
        id.chain(member.traits.iter().cloned()).chain(with).collect()
    });
    Table { columns: columns.collect(), rows: rows.collect() }
}

/// `nave audience breakdown`
pub(crate) fn breakdown(breakdown: &Breakdown, output: &Output) -> Result<(), Failure> {
    let by: Vec<&str> = breakdown.by.iter().map(String::as_str).collect();
    if by.len() > limits::GROUPS_MAX {
        let most = limits::GROUPS_MAX;
        return Err(Failure::usage(format!("--by names {} traits; at most {most}", by.len())));
    }
    let table = ask(&breakdown.question, output, |view, text, at| view.breakdown(text, &by, at))?;
    output.answer(|| lines(&table), || shape::table(&table))
}

/// `nave audience top`
pub(crate) fn top(top: &Top, output: &Output) -> Result<(), Failure> {
    let table =
        ask(&top.question, output, |view, text, at| view.top(text, &top.by, top.limit, at))?;
    output.answer(|| lines(&table), || shape::table(&table))
}

/// `nave audience aggregate`
pub(crate) fn aggregate(aggregate: &Aggregate, output: &Output) -> Result<(), Failure> {
    let found =
        ask(&aggregate.question, output, |view, text, at| view.aggregate(text, &aggregate.of, at))?;
    let count = Some(Value::Integer(i64::try_from(found.count).unwrap_or(i64::MAX)));
    let columns = ["count", "sum", "avg", "min", "max"].map(str::to_owned).to_vec();
    let row = [&count, &found.sum, &found.avg, &found.min, &found.max].map(Clone::clone).to_vec();
    let table = Table { columns, rows: vec![row] };
    output.answer(|| lines(&table), || shape::aggregates(&found))
}

/// `nave audience overlap`
pub(crate) fn overlap(overlap: &Overlap, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&overlap.store.data, false, output)?;
    let texts: Vec<&str> = overlap.texts.iter().map(String::as_str).collect();
    let found = overlap.moment.patient(store.view()).overlap(&texts, overlap.moment.at());
    store.leave();
    let found = found?;
    let table = overlap_table(("audience", &texts), &found);
    output.answer(|| lines(&table), || shape::overlap(&found))
}

/// How many profiles each of some audiences, or segments, shares with each other one.
pub(crate) fn overlap_table((what, names): (&str, &[&str]), found: &[Vec<u64>]) -> Table {
    let number = |count: &u64| Some(Value::Integer(i64::try_from(*count).unwrap_or(i64::MAX)));
    let rows = names.iter().zip(found).map(|(name, counts)| {
        let name = Some(Value::Text((*name).to_owned()));
        std::iter::once(name).chain(counts.iter().map(number)).collect()
    });
    let numbers = (1..=names.len()).map(|number| number.to_string());
    let columns = std::iter::once(what.to_owned()).chain(numbers).collect();
    Table { columns, rows: rows.collect() }
}

/// `nave audience lift`
pub(crate) fn lift(lift: &Lift, output: &Output) -> Result<(), Failure> {
    let found = ask(&lift.question, output, |view, text, at| view.lifts(text, lift.limit, at))?;
    let number = |count: u64| Some(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
    let rows = found.values.iter().map(|lift| {
        vec![
            Some(Value::Text(lift.field.clone())),
            Some(lift.value.clone()),
            number(lift.count),
            number(lift.everybody),
            Some(Value::Text(format!("{:.2}", lift.lift))),
            Some(Value::Text(format!("{:.1}", lift.z))),
        ]
    });
    let columns = ["trait", "value", "count", "everybody", "lift", "z"].map(str::to_owned);
    let table = Table { columns: columns.to_vec(), rows: rows.collect() };
    output.answer(|| lines(&table), || shape::lifts(&found))?;
    if !found.passed_over.is_empty() {
        let names = found.passed_over.join(", ");
        output.note(&format!("note: too many values to compare: {names}"));
    }
    Ok(())
}

/// `nave audience query`
pub(crate) fn query(question: &Question, output: &Output) -> Result<(), Failure> {
    let table = ask(question, output, View::query)?;
    output.answer(|| lines(&table), || shape::table(&table))
}

/// The table with a tab between columns; tabs and ends of lines inside texts are blanks, NULL is nothing.
pub(crate) fn lines(table: &Table) -> String {
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
