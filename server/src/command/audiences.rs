//! Asking audiences.
//!
//! *Invariants:* nothing is decided here; a question advances the engine clock first, so that
//! `now()` is now; an error about the audience names the place in its text. *Where to start
//! reading:* `count`.

use super::options::Options;
use super::table::{ANY, BASE};
use super::{Call, Command, Failure, Outcome};
use crate::resp::Reply;
use crate::shape;
use navedb::{At, MembersRequest, Result, View, limits};

/// Asks about the audience that is the first argument.
fn ask<T>(
    call: &Call<'_>,
    ask: impl FnOnce(&View, &str) -> Result<T>,
) -> std::result::Result<T, Failure> {
    let text = call.text(0)?;
    ask(&call.server.view(), text).map_err(|error| Failure::in_text(&error, text))
}

/// `AUDIENCE.COUNT text`
pub(super) fn count(call: &mut Call<'_>) -> Outcome {
    ask(call, |view, text| view.count(text, At::Latest)).map(Reply::count)
}

/// `AUDIENCE.QUERY text`
pub(super) fn query(call: &mut Call<'_>) -> Outcome {
    let table = ask(call, |view, text| view.query(text, At::Latest))?;
    Ok(shape::table(&table))
}

/// `AUDIENCE.EXPLAIN text [SQL]`
pub(super) fn explain(call: &mut Call<'_>) -> Outcome {
    let mut sql = false;
    let mut options = Options::new(call, 1);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "SQL" => sql = true,
            _ => return Err(options.unexpected()),
        }
    }
    let explanation = ask(call, |view, text| view.explain(text, At::Latest))?;
    Ok(if sql { Reply::from(explanation.sql) } else { shape::explanation(&explanation) })
}

/// `AUDIENCE.MEMBERS text [SELECT n name [name ...]] [WITH namespace] [LIMIT n] [AFTER cursor]`
pub(super) fn members(call: &mut Call<'_>) -> Outcome {
    let mut request = MembersRequest::default();
    let mut options = Options::new(call, 1);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "SELECT" => {
                for _ in 0..options.number()? {
                    request.select.push(options.value()?.to_owned());
                }
            }
            "WITH" => request.with = Some(options.value()?.to_owned()),
            "LIMIT" => request.limit = options.number()?,
            "AFTER" => request.after = Some(options.value()?.parse()?),
            _ => return Err(options.unexpected()),
        }
    }
    let page = ask(call, |view, text| view.members_page(text, &request, At::Latest))?;
    Ok(shape::members(&page, &request.select))
}

/// `AUDIENCE.BREAKDOWN text BY trait [trait]`
pub(super) fn breakdown(call: &mut Call<'_>) -> Outcome {
    let mut options = Options::new(call, 1);
    options.expect("BY")?;
    let mut by = vec![options.value()?];
    if options.is_left() {
        by.push(options.value()?);
    }
    let table = ask(call, |view, text| view.breakdown(text, &by, At::Latest))?;
    Ok(shape::table(&table))
}

/// `AUDIENCE.TOP text BY trait [LIMIT n]`
pub(super) fn top(call: &mut Call<'_>) -> Outcome {
    let mut options = Options::new(call, 1);
    options.expect("BY")?;
    let by = options.value()?;
    let mut limit = limits::TOP_DEFAULT;
    while let Some(word) = options.word()? {
        match word.as_str() {
            "LIMIT" => limit = options.number()?,
            _ => return Err(options.unexpected()),
        }
    }
    let table = ask(call, |view, text| view.top(text, by, limit, At::Latest))?;
    Ok(shape::table(&table))
}

/// `AUDIENCE.OVERLAP text text [text ...]`
pub(super) fn overlap(call: &mut Call<'_>) -> Outcome {
    let mut texts = Vec::with_capacity(call.args.len());
    for at in 0..call.args.len() {
        texts.push(call.text(at)?);
    }
    let counts = call.server.view().overlap(&texts, At::Latest)?;
    Ok(shape::overlap(&counts))
}

/// `AUDIENCE.LIFT text [LIMIT n]`
pub(super) fn lift(call: &mut Call<'_>) -> Outcome {
    let mut limit = limits::TOP_DEFAULT;
    let mut options = Options::new(call, 1);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "LIMIT" => limit = options.number()?,
            _ => return Err(options.unexpected()),
        }
    }
    let lifts = ask(call, |view, text| view.lifts(text, limit, At::Latest))?;
    Ok(shape::lifts(&lifts))
}

/// `AUDIENCE.AGGREGATE text OF trait`
pub(super) fn aggregate(call: &mut Call<'_>) -> Outcome {
    let mut options = Options::new(call, 1);
    options.expect("OF")?;
    let of = options.value()?;
    let aggregates = ask(call, |view, text| view.aggregate(text, of, At::Latest))?;
    Ok(shape::aggregates(&aggregates))
}

/// `AUDIENCE.OVERLAP`
pub(super) const OVERLAP: Command = Command {
    name: "AUDIENCE.OVERLAP",
    syntax: "text text [text ...]",
    args: (2, ANY),
    group: "Audiences",
    summary: "How many profiles each audience shares with each other one, up to 100 audiences.",
    reply: "map: `overlap`, a list of numbers for each audience, its own among them",
    example: "AUDIENCE.OVERLAP \"p.country = 'FR'\" \"p.age > 40\"",
    run: Some(overlap),
    ..BASE
};

/// `AUDIENCE.LIFT`
pub(super) const LIFT: Command = Command {
    name: "AUDIENCE.LIFT",
    syntax: "text [LIMIT n]",
    args: (1, 3),
    group: "Audiences",
    summary: "The values of traits that an audience has more often than everybody, the greatest \
              lift first, 10 unless a limit says otherwise.",
    reply: "map: `count`, `everybody`, `values`, a list of maps (`trait`, `value`, `count`, \
            `everybody`, `lift`, `z`), and `passed_over`, traits with too many values",
    example: "AUDIENCE.LIFT \"p.age > 40\" LIMIT 5",
    run: Some(lift),
    ..BASE
};

/// `AUDIENCE.AGGREGATE`
pub(super) const AGGREGATE: Command = Command {
    name: "AUDIENCE.AGGREGATE",
    syntax: "text OF trait",
    args: (3, 3),
    group: "Audiences",
    summary: "One trait of the profiles of an audience, summed up.",
    reply: "map: `count`, `sum`, `avg`, `min`, `max`",
    example: "AUDIENCE.AGGREGATE \"p.country = 'FR'\" OF age",
    run: Some(aggregate),
    ..BASE
};
