//! The segments of `nave demo`: eighteen months go by in seconds, and the feeds tell who entered and who left.
//!
//! *Invariants:* the store of the replay lies in memory and is gone with it; its clock shows the end of the week whose
//! purchases are written, so that time takes members out as it did then; what is shown is what the feeds told. *Where
//! to start reading:* `replay`.

use super::failure::Failure;
use super::progress::Stop;
use super::statements::{self, Statement};
use super::text::{Side, columns, grouped};
use crate::resp::Reply;
use navedb::clock::ManualClock;
use navedb::dir::MemoryDir;
use navedb::{
    Batch, Caller, Db, Level, Position, Purpose, Record, SegmentRule, Session, Settings, Timestamp,
    View, limits,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

const SEGMENTS: &str = include_str!("demo_segments.sql");
const INTRODUCTION: &str = "\
Segments: saved audiences that stay true by themselves. These five were in force while the
eighteen months happened again, week by week; each feed tells who entered, who left and why:

";
const SOURCE: &str = "cdnow";
const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;
/// The length of a month in a time: `1998-06`.
const MONTH: usize = 7;

/// Who entered and who left in a month, and how many were in it at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Month {
    entered: u64,
    left: u64,
    count: u64,
}

/// What the feed of a segment told.
#[derive(Debug)]
struct Told {
    segment: Statement,
    /// By month, such as `1998-06`; months in which nothing was told are among them.
    months: BTreeMap<String, Month>,
    count: u64,
}

/// A replay.
#[derive(Debug)]
pub(crate) struct Replayed {
    days: u64,
    purchases: u64,
    seconds: f64,
    told: Vec<Told>,
}

/// The messages of the purchases, by day.
fn by_day(purchases: &str) -> Result<BTreeMap<i64, Vec<String>>, Failure> {
    let broken = || Failure::new("corrupt", "the purchases of the demo are broken");
    let mut days: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (row, line) in purchases.lines().skip(1).enumerate() {
        let mut cells = line.split_whitespace();
        let mut cell = || cells.next().ok_or_else(broken);
        let (customer, date, discs, value) = (cell()?, cell()?, cell()?, cell()?);
        let (year, rest) = date.split_at_checked(4).ok_or_else(broken)?;
        let (month, day) = rest.split_at_checked(2).ok_or_else(broken)?;
        let time = Timestamp::parse(&format!("{year}-{month}-{day}"))?;
        days.entry(time.0).or_default().push(format!(
            r#"{{"type":"track","userId":"{customer}","event":"purchase","messageId":"{row}","timestamp":"{time}","properties":{{"number_of_cds":{discs},"dollar_value":{value}}}}}"#
        ));
    }
    Ok(days)
}

/// The days at whose end the replay stops to write what happened since: so each month ends with a stop.
const STOPS: [&str; 4] = ["01", "08", "15", "22"];

/// Whether a week of the replay ends before a day.
fn is_stop(day: i64) -> bool {
    let text = Timestamp(day).to_string();
    text.get(MONTH + 1..MONTH + 3).is_some_and(|day| STOPS.contains(&day))
}

/// Lets the purchases happen again, week by week up to a moment, while the segments of the demo are in force.
pub(crate) fn replay(purchases: &str, end: Timestamp, stop: &Stop) -> Result<Replayed, Failure> {
    let by_day = by_day(purchases)?;
    let first = by_day.keys().next().copied().unwrap_or(end.0);
    let clock = Arc::new(ManualClock::new(Timestamp(first)));
    let start = Instant::now();
    let db = Db::open_with(Arc::new(MemoryDir::new()), clock.clone(), Settings::default())?;
    let session = db.session(Caller::all(), Purpose::any());
    let (mut written, mut days, mut defined) = (0, 0, false);
    let mut batch = Batch::new();
    let mut day = first;
    while day < end.0 {
        if stop.flow().is_break() {
            return Err(Failure::new("interrupted", "interrupted; the same command begins anew"));
        }
        for text in by_day.get(&day).into_iter().flatten() {
            batch = batch.record(Record::message(SOURCE, text.as_str()));
        }
        days += 1;
        day += DAY_MICROS;
        if is_stop(day) || day >= end.0 {
            clock.set(Timestamp(day - SECOND_MICROS));
            db.tick()?;
            written += session.write(std::mem::take(&mut batch).level(Level::Memory))?.written;
            if !defined {
                // The names are known from the first week on.
                define(&session)?;
                defined = true;
            }
        }
    }
    let view = session.view();
    let months: Vec<String> = (0..days).map(|day| month(first + day * DAY_MICROS)).collect();
    let segments = statements::read(SEGMENTS);
    let told: Result<Vec<Told>, Failure> =
        segments.into_iter().map(|segment| told(&view, segment, &months)).collect();
    let seconds = start.elapsed().as_secs_f64();
    let replayed = Replayed { days: days as u64, purchases: written, seconds, told: told? };
    db.close()?;
    Ok(replayed)
}

fn define(session: &Session) -> Result<(), Failure> {
    for statement in statements::read(SEGMENTS) {
        let description = Some(statement.comment);
        let rule = SegmentRule { description, ..SegmentRule::asking(statement.text) };
        session.define_segment(&statement.name, &rule)?;
    }
    Ok(())
}

/// The month of a moment.
fn month(time: i64) -> String {
    Timestamp(time).to_string().chars().take(MONTH).collect()
}

/// Reads a feed from its beginning.
fn told(view: &View, segment: Statement, months: &[String]) -> Result<Told, Failure> {
    let mut found: BTreeMap<String, Month> =
        months.iter().map(|month| (month.clone(), Month::default())).collect();
    let mut after = Position(0);
    loop {
        let page = view.feed(segment.name.as_str(), after, limits::FEED_ITEMS_MAX)?;
        for item in &page.items {
            let month = found.entry(month(item.time.0)).or_default();
            *(if item.entered { &mut month.entered } else { &mut month.left }) += 1;
        }
        after = page.next;
        if !page.more {
            break;
        }
    }
    let mut count = 0;
    for month in found.values_mut() {
        count = count + month.entered - month.left;
        month.count = count;
    }
    let count = view.segment_count(&segment.name)?;
    Ok(Told { segment, months: found, count })
}

impl Replayed {
    fn changes(&self) -> u64 {
        let months = self.told.iter().flat_map(|told| told.months.values());
        months.map(|month| month.entered + month.left).sum()
    }

    /// What it was, as people read it.
    pub(crate) fn text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        let rows = self.told.iter().map(|told| {
            vec![told.segment.name.clone(), told.segment.comment.clone(), grouped(told.count)]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        text.push_str(&columns("  ", &[Side::Left, Side::Left, Side::Right], &rows));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} days and {} purchases in {:.2} s, {} changes told. Who entered, left and was in it, by month:\n",
            grouped(self.days),
            grouped(self.purchases),
            self.seconds,
            grouped(self.changes())
        );
        text.push_str(&self.table());
        text.push('\n');
        text
    }

    fn table(&self) -> String {
        let names = self
            .told
            .iter()
            .flat_map(|told| [String::new(), String::new(), told.segment.name.clone()]);
        let heading: Vec<String> = std::iter::once(String::new()).chain(names).collect();
        let months: Vec<&String> =
            self.told.first().map(|told| told.months.keys().collect()).unwrap_or_default();
        let rows = months.into_iter().map(|name| {
            let cells = self.told.iter().flat_map(|told| {
                let month = told.months.get(name).copied().unwrap_or_default();
                [
                    format!("+{}", grouped(month.entered)),
                    format!("-{}", grouped(month.left)),
                    grouped(month.count),
                ]
            });
            std::iter::once(name.clone()).chain(cells).collect()
        });
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        let numbers = std::iter::repeat_n(Side::Right, 3 * self.told.len());
        let sides: Vec<Side> = std::iter::once(Side::Left).chain(numbers).collect();
        columns("  ", &sides, &rows)
    }

    /// The same for programs.
    pub(crate) fn reply(&self) -> Reply {
        let segments = Reply::list(&self.told, |told| {
            let months = Reply::list(&told.months, |(name, month)| {
                Reply::map([
                    ("month", Reply::from(name.as_str())),
                    ("entered", Reply::count(month.entered)),
                    ("left", Reply::count(month.left)),
                    ("count", Reply::count(month.count)),
                ])
            });
            Reply::map([
                ("name", Reply::from(told.segment.name.as_str())),
                ("description", Reply::from(told.segment.comment.as_str())),
                ("audience", Reply::from(told.segment.text.as_str())),
                ("count", Reply::count(told.count)),
                ("months", months),
            ])
        });
        Reply::map([
            ("days", Reply::count(self.days)),
            ("purchases", Reply::count(self.purchases)),
            ("seconds", Reply::Double(self.seconds)),
            ("changes", Reply::count(self.changes())),
            ("segments", segments),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purchases_are_read_day_by_day() {
        let text = "customer_id date number_of_cds dollar_value\n 00001 19970102 1 11.77\n 2 19970101 2 5\n";
        let days = by_day(text).unwrap();
        let times: Vec<String> = days.keys().map(|time| Timestamp(*time).to_string()).collect();
        assert_eq!(times, ["1997-01-01T00:00:00Z", "1997-01-02T00:00:00Z"]);
        assert!(days.values().flatten().all(|text| text.contains(r#""event":"purchase""#)));
        assert!(by_day("head\n1 1997").is_err());
    }
}
