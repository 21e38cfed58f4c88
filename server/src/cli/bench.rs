//! `nave audience bench`: how long audiences take, measured inside the process.
//!
//! *Invariants:* the store is opened once; every audience is asked a few times before it is timed;
//! all runs see one snapshot. *Where to start reading:* `bench`, then `time`.

use super::arguments::Bench;
use super::failure::Failure;
use super::output::Output;
use super::statements::{self, Statement};
use super::store::Store;
use super::text::{Side, columns};
use crate::resp::Reply;
use navedb::{At, View};
use std::time::Instant;

/// Runs before the clock counts: the text is planned, and pages and caches are warm.
const WARM_UP: u32 = 3;

/// An answer and how long it took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timing {
    /// The number of profiles.
    pub(crate) answer: u64,
    /// The fastest run.
    pub(crate) min_us: f64,
    /// The run in the middle.
    pub(crate) median_us: f64,
    /// The run that one in a hundred is slower than.
    pub(crate) p99_us: f64,
}

/// `nave audience bench`
pub(crate) fn bench(arguments: &Bench, output: &Output) -> Result<(), Failure> {
    let statements = read(arguments)?;
    let store = Store::open(&arguments.store.data, false, output)?;
    let view = store.view();
    let mut timings = Vec::with_capacity(statements.len());
    for statement in &statements {
        let timing = time(&view, &statement.text, arguments.moment.at(), arguments.runs);
        timings.push(
            timing.map_err(|failure| failure.about(&format!("audience {}", statement.name)))?,
        );
    }
    store.leave();
    output.answer(|| table(&statements, &timings), || document(&statements, &timings))
}

fn read(arguments: &Bench) -> Result<Vec<Statement>, Failure> {
    let Some(file) = &arguments.file else {
        let text = arguments.text.clone().unwrap_or_default();
        return Ok(vec![Statement { name: "1".to_owned(), comment: String::new(), text }]);
    };
    let text = std::fs::read_to_string(file).map_err(|e| {
        Failure::new("io", format!("cannot read {}: {e}; name a file of audiences", file.display()))
    })?;
    let statements = statements::read(&text);
    if statements.is_empty() {
        let message = format!("{} holds no audience; write some, separated by ';'", file.display());
        return Err(Failure::new("invalid", message));
    }
    Ok(statements)
}

/// Asks an audience again and again.
pub(crate) fn time(view: &View, text: &str, at: At, runs: u32) -> Result<Timing, Failure> {
    let ask = || view.count(text, at).map_err(|e| Failure::in_text(e, text));
    let mut answer = ask()?;
    for _ in 1..WARM_UP {
        answer = ask()?;
    }
    let mut nanos = Vec::with_capacity(runs as usize);
    for _ in 0..runs {
        let start = Instant::now();
        let again = ask()?;
        nanos.push(start.elapsed().as_nanos() as u64);
        if again != answer {
            let message = format!(
                "the same snapshot answered {answer} and {again}; please report this as a bug"
            );
            return Err(Failure::new("corrupt", message));
        }
    }
    nanos.sort_unstable();
    Ok(Timing {
        answer,
        min_us: rank(&nanos, 0),
        median_us: rank(&nanos, 50),
        p99_us: rank(&nanos, 99),
    })
}

/// The time that so many in a hundred runs do not exceed, in microseconds.
fn rank(sorted_nanos: &[u64], percent: usize) -> f64 {
    let place = (sorted_nanos.len() * percent).div_ceil(100).saturating_sub(1);
    sorted_nanos.get(place).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
}

fn table(statements: &[Statement], timings: &[Timing]) -> String {
    let head = ["name", "answer", "min µs", "median µs", "p99 µs"].map(str::to_owned).to_vec();
    let rows = statements.iter().zip(timings).map(|(statement, timing)| {
        vec![
            statement.name.clone(),
            timing.answer.to_string(),
            format!("{:.1}", timing.min_us),
            format!("{:.1}", timing.median_us),
            format!("{:.1}", timing.p99_us),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    columns("", &[Side::Left, Side::Right, Side::Right, Side::Right, Side::Right], &rows)
}

fn document(statements: &[Statement], timings: &[Timing]) -> Reply {
    let rows = Reply::list(statements.iter().zip(timings), |(statement, timing)| {
        Reply::map([
            ("name", Reply::from(statement.name.as_str())),
            ("answer", Reply::count(timing.answer)),
            ("min_us", Reply::Double(timing.min_us)),
            ("median_us", Reply::Double(timing.median_us)),
            ("p99_us", Reply::Double(timing.p99_us)),
        ])
    });
    Reply::map([("statements", rows)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_nearest() {
        let nanos: Vec<u64> = (1..=100).map(|n| n * 1000).collect();
        assert_eq!((rank(&nanos, 0), rank(&nanos, 50), rank(&nanos, 99)), (1.0, 50.0, 99.0));
        assert_eq!((rank(&[7000], 0), rank(&[7000], 50), rank(&[7000], 99)), (7.0, 7.0, 7.0));
        assert_eq!((rank(&[1000, 2000], 50), rank(&[1000, 2000], 99)), (1.0, 2.0));
    }
}
