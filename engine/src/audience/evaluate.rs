//! Resolved to ordinals: the answers of subqueries that need a pass of their own, then a program over chunks.
//!
//! *Invariants:* a subquery that a program answers chunk by chunk is not answered before it; every other one that
//! anything asks for is. *Where to start reading:* `program`.

use super::aggregate::{Answers, answer};
use super::consent::consents;
use super::explain::{Step, Steps};
use super::funnel::funnel;
use super::money::Fault;
use super::program::{
    Chosen, Compiled, Machine, Node, Sources, compile, expected, known, known_members, share,
    share_among,
};
use super::resolved::{Query, Resolved};
use super::table::{Table, fill};
use crate::base::clock::Stopwatch;
use crate::base::error::{Error, Result};
use crate::base::workers::Workers;
use crate::state::{Live, Reader, State};
use roaring::RoaringBitmap;
use std::cell::Cell as Flag;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

pub struct Evaluated {
    pub count: u64,
    /// The profiles, when they were asked for and no table.
    pub selected: RoaringBitmap,
    /// The steps, when they were asked for.
    pub steps: Vec<Step>,
    pub table: Option<Table>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// How many profiles there are.
    Count,
    /// Which profiles, or their table.
    Members,
    /// The same, with the steps.
    Steps,
}

/// Answers a resolved question.
///
/// # Errors
/// `Invalid` when a sum, a number or a time overflows; `Limit` when a funnel has too much to try; `Corrupt`.
pub fn evaluate(
    resolved: &Resolved,
    state: &State,
    workers: &Workers,
    asked: Asked,
) -> Result<Evaluated> {
    let reader = &state.reader();
    let sources = Sources::of(resolved, reader)?;
    let Compiled { root, needed } = compile(resolved, reader, &sources);
    let explain = asked == Asked::Steps;
    let (answers, steps) = answered(resolved, (reader, workers), &needed, explain)?;
    let whole = Whole { resolved, state, sources: &sources, answers: &answers, workers };
    let rows = asked != Asked::Count || resolved.table.is_some();
    let (count, chosen) = whole.run(&root, reader, rows, explain)?;
    let fill = |table| fill(table, (reader, workers), &answers, &chosen);
    let table = resolved.table.as_ref().map(fill);
    reader.check()?;
    let selected = if table.is_some() { RoaringBitmap::new() } else { chosen.to_set() };
    let steps = if explain {
        let expected = whole.expected(reader);
        reader.check()?;
        told(resolved, reader, &root, (steps, &expected))
    } else {
        Vec::new()
    };
    Ok(Evaluated { count, selected, steps, table: table.transpose()? })
}

/// The profiles of a resolved question, chunk by chunk.
///
/// # Errors
/// As `evaluate`.
pub fn choose(
    resolved: &Resolved,
    state: &State,
    workers: &Workers,
    among: Option<&RoaringBitmap>,
) -> Result<Chosen> {
    let reader = &state.reader();
    let sources = Sources::of(resolved, reader)?;
    let Compiled { root, needed } = compile(resolved, reader, &sources);
    let (answers, _) = answered(resolved, (reader, workers), &needed, false)?;
    let whole = Whole { resolved, state, sources: &sources, answers: &answers, workers };
    let (_, chosen) = match among {
        None => whole.run(&root, reader, true, false)?,
        Some(among) => whole.run_among(&root, reader, among)?,
    };
    reader.check().map(|()| chosen)
}

/// What is evaluated, by one thread or several.
struct Whole<'w> {
    resolved: &'w Resolved,
    state: &'w State,
    sources: &'w Sources,
    answers: &'w [Answers],
    workers: &'w Workers,
}

impl Whole<'_> {
    /// How many profiles are selected; with `rows`, which.
    fn run(
        &self,
        root: &Node<'_>,
        reader: &Reader<'_>,
        rows: bool,
        explain: bool,
    ) -> Result<(u64, Chosen)> {
        let listed: Vec<Vec<u8>> = self.answers.iter().map(portable).collect();
        let (live, fault) = (&*self.state.alive(), Flag::new(None));
        let mut machine = Machine::new(reader, (self.answers, &listed), live, &fault, explain);
        let known = match (explain, rows) {
            (true, _) => None,
            (false, true) => known_members(root, &mut machine).map(|found| (found.count(), found)),
            (false, false) => known(root, &mut machine).map(|count| (count, Chosen::default())),
        };
        if let Some(known) = known {
            return faults(&mut machine, &fault).map(|()| known);
        }
        let weight = root.weight(live.chunks()) * u64::from(live.chunks());
        if !explain && self.workers.are_worth(weight) {
            return self.shared(&listed, live, rows);
        }
        let mut chunks = 0..live.chunks();
        let found = share(root, &mut machine, &mut || chunks.next(), rows);
        faults(&mut machine, &fault).map(|()| found)
    }

    /// How many profiles each condition is expected to select, in the order of the plan.
    fn expected(&self, reader: &Reader<'_>) -> Vec<u64> {
        // A program of its own: what is looked at here is no part of the answer.
        let Compiled { root, .. } = compile(self.resolved, reader, self.sources);
        let listed: Vec<Vec<u8>> = self.answers.iter().map(portable).collect();
        let (live, fault) = (&*self.state.alive(), Flag::new(None));
        let mut machine = Machine::new(reader, (self.answers, &listed), live, &fault, false);
        expected(&root, &mut machine)
    }

    /// The same of some profiles alone.
    fn run_among(
        &self,
        root: &Node<'_>,
        reader: &Reader<'_>,
        among: &RoaringBitmap,
    ) -> Result<(u64, Chosen)> {
        let listed: Vec<Vec<u8>> = self.answers.iter().map(portable).collect();
        let (live, fault) = (&*self.state.alive(), Flag::new(None));
        let mut machine = Machine::new(reader, (self.answers, &listed), live, &fault, false);
        let found = share_among(root, &mut machine, among);
        faults(&mut machine, &fault).map(|()| found)
    }

    /// Each thread takes the next chunk until there is none, with a reader and a program of its own.
    fn shared(&self, listed: &[Vec<u8>], live: &Live, rows: bool) -> Result<(u64, Chosen)> {
        let next = AtomicU32::new(0);
        let work = || {
            let reader = &self.state.reader();
            let Compiled { root, .. } = compile(self.resolved, reader, self.sources);
            let fault = Flag::new(None);
            let mut machine = Machine::new(reader, (self.answers, listed), live, &fault, false);
            let mut next = || Some(next.fetch_add(1, Relaxed)).filter(|c| *c < live.chunks());
            let found = share(&root, &mut machine, &mut next, rows);
            faults(&mut machine, &fault)?;
            reader.check().map(|()| found)
        };
        let (mut sum, mut chosen) = (0, Chosen::default());
        for found in self.workers.share(work) {
            let (count, rows) = found?;
            sum += count;
            chosen.join(rows);
        }
        Ok((sum, chosen))
    }
}

/// Fails with what went wrong in an evaluation.
fn faults(machine: &mut Machine<'_>, fault: &Flag<Option<Fault>>) -> Result<()> {
    if let Some(reason) = fault.get() {
        return Err(Error::invalid(reason));
    }
    machine.failed.take().map_or(Ok(()), Err)
}

/// The answers of the subqueries that are needed, and the steps of each.
fn answered(
    resolved: &Resolved,
    (reader, workers): (&Reader<'_>, &Workers),
    needed: &BTreeSet<usize>,
    explain: bool,
) -> Result<(Vec<Answers>, Vec<Vec<Step>>)> {
    let (mut answers, mut told) = (Vec::new(), Vec::new());
    for (number, query) in resolved.queries.iter().enumerate() {
        let (mut steps, since) = (Steps::new(reader, explain), Stopwatch::start());
        answers.push(match query {
            Query::Segment(name) if explain || needed.contains(&number) => {
                let members = state_members(reader, name);
                steps.segment(number, name, members.len());
                Answers::Exists(members)
            }
            _ if !needed.contains(&number) => Answers::Exists(RoaringBitmap::new()),
            Query::Events(query) => {
                let found = answer(reader, query)?;
                steps.subquery(number, query, &found);
                found
            }
            Query::Funnel(query) => {
                let found = funnel((reader, workers), query, explain)?;
                steps.funnel(number, query, &found);
                Answers::Exists(found.through)
            }
            Query::Consents(query) => {
                let allowed = consents(reader, query);
                steps.consents(number, query, allowed.len());
                Answers::Exists(allowed)
            }
            Query::Segment(_) => Answers::Exists(RoaringBitmap::new()),
        });
        steps.took(since);
        told.push(steps.done());
    }
    Ok((answers, told))
}

/// The members of a segment.
fn state_members(reader: &Reader<'_>, name: &str) -> RoaringBitmap {
    let known = reader.state.memberships.get(name);
    known.map(|segment| segment.members.to_set()).unwrap_or_default()
}

/// The profiles that a subquery was answered for, in the portable form.
fn portable(answers: &Answers) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Answers::Exists(set) = answers {
        // A vector takes all that is written to it.
        let _ = set.serialize_into(&mut bytes);
    }
    bytes
}

/// The steps: those of the subqueries in the order of their numbers, then those of the condition.
fn told(
    resolved: &Resolved,
    reader: &Reader<'_>,
    root: &Node<'_>,
    (mut answered, expected): (Vec<Vec<Step>>, &[u64]),
) -> Vec<Step> {
    root.each_test(&mut |test| {
        let mut steps = Steps::new(reader, true);
        steps.test(test);
        if let Some(known) = answered.get_mut(test.number) {
            known.extend(steps.done());
        }
    });
    debug_assert_eq!(answered.len(), resolved.queries.len());
    let mut steps = Steps::new(reader, true);
    root.each(0, &mut |node, depth| {
        let place = steps.condition(node.condition, node.asked.get(), depth);
        let expected = expected.get(place).copied();
        steps.selected(place, node.selected.get(), expected, node.nanos.get());
    });
    answered.into_iter().flatten().chain(steps.done()).collect()
}
