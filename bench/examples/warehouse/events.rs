//! Events: what the persons did in 2025, in the order of time.
//!
//! Half are views, a fifth opens, a tenth each clicks, carts and purchases; half of the purchases come within an hour
//! of a cart. More happens later in the year and at weekends, and a few persons do much of it.

use super::words::{CATEGORIES, skewed_word};
use super::{GROUP_ROWS, Writer, chance, user};
use arrow::array::{
    ArrayRef, Decimal128Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use nave_bench::million::Rng;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// 2025-01-01T00:00:00Z in seconds since 1970.
const YEAR: i64 = 1_735_689_600;
const DAYS: u64 = 365;
const DAY: u32 = 86_400;
const KIND: u64 = 2;
/// Events of a person on average.
const EACH: u64 = 5;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    View,
    Open,
    Click,
    Cart,
    Purchase,
}

/// Second of the day, person, what.
type Event = (u32, u64, Kind);

pub fn write(path: &Path, seed: u64, people: u64) -> Result<(), Box<dyn Error>> {
    let mut writer = Writer::create(path);
    let mut group = Group::default();
    // More later in the year, and at weekends: 2025-01-01 was a Wednesday.
    let weights =
        (0..DAYS).map(|day| (DAYS + day) * if matches!(day % 7, 3 | 4) { 13 } else { 10 });
    let whole: u64 = weights.clone().sum();
    let (mut before, mut done) = (0, 0);
    for (day, weight) in (0..).zip(weights) {
        before += weight;
        let until =
            u64::try_from(u128::from(people * EACH) * u128::from(before) / u128::from(whole))?;
        let mut rng = chance(seed, KIND, day);
        let events = events_of_day(&mut rng, seed, people, until - done);
        done = until;
        for event in events {
            group.event(&mut rng, i64::try_from(day)?, event);
            if group.rows == GROUP_ROWS {
                writer.write(&std::mem::take(&mut group).batch()?)?;
            }
        }
    }
    if group.rows > 0 {
        writer.write(&group.batch()?)?;
    }
    writer.close()
}

fn events_of_day(rng: &mut Rng, seed: u64, people: u64, count: u64) -> Vec<Event> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut events: Vec<Event> = Vec::with_capacity(count);
    while events.len() < count {
        let person = shuffled(rng.skewed(people, 2.0), seed, people);
        // Less at night: the mean of two draws.
        let second =
            u32::try_from(rng.below(u64::from(DAY)) + rng.below(u64::from(DAY))).unwrap_or(0) / 2;
        let kind = match rng.below(950) {
            0..500 => Kind::View,
            500..700 => Kind::Open,
            700..800 => Kind::Click,
            800..900 => Kind::Cart,
            _ => Kind::Purchase,
        };
        events.push((second, person, kind));
        if kind == Kind::Cart && rng.below(2) == 0 && events.len() < count {
            let later = 60 + u32::try_from(rng.below(3_540)).unwrap_or(0);
            events.push(((second + later).min(DAY - 1), person, Kind::Purchase));
        }
    }
    events.sort_by_key(|(second, ..)| *second);
    events
}

/// Another number below `count` for each: who is busy must not follow from the order of the file. Four rounds of a
/// Feistel network over the next even number of bits, walked until it is below.
fn shuffled(number: u64, seed: u64, count: u64) -> u64 {
    let half = (u64::BITS - (count - 1).leading_zeros()).max(2).div_ceil(2);
    let mask = (1_u64 << half) - 1;
    let mut found = number;
    loop {
        let (mut left, mut right) = (found >> half, found & mask);
        for round in 0..4 {
            let mixed = Rng(seed ^ right ^ (round << 48)).next() & mask;
            (left, right) = (right, left ^ mixed);
        }
        found = (left << half) | right;
        if found < count {
            return found;
        }
    }
}

/// The columns of a row group.
struct Group {
    rows: usize,
    user: StringBuilder,
    event: StringBuilder,
    time: TimestampMicrosecondBuilder,
    page: StringBuilder,
    campaign: StringBuilder,
    category: StringBuilder,
    amount: Decimal128Builder,
}

impl Default for Group {
    fn default() -> Group {
        let amount = Decimal128Builder::new().with_precision_and_scale(12, 2);
        Group {
            rows: 0,
            user: StringBuilder::new(),
            event: StringBuilder::new(),
            time: TimestampMicrosecondBuilder::new(),
            page: StringBuilder::new(),
            campaign: StringBuilder::new(),
            category: StringBuilder::new(),
            amount: amount.unwrap_or_default(),
        }
    }
}

impl Group {
    fn event(&mut self, rng: &mut Rng, day: i64, (second, person, kind): Event) {
        self.rows += 1;
        self.user.append_value(user(person));
        self.event.append_value(match kind {
            Kind::View => "view",
            Kind::Open => "open",
            Kind::Click => "click",
            Kind::Cart => "cart",
            Kind::Purchase => "purchase",
        });
        self.time.append_value((YEAR + day * i64::from(DAY) + i64::from(second)) * 1_000_000);
        let page = (kind == Kind::View).then(|| format!("/p/{}", rng.skewed(5_000, 2.0)));
        self.page.append_option(page);
        let mailed = matches!(kind, Kind::Open | Kind::Click);
        // The campaigns of the last weeks: one begins every other day.
        let campaign =
            mailed.then(|| format!("c{:03}", (day / 2 - rng.skewed(20, 2.0) as i64).max(0)));
        self.campaign.append_option(campaign);
        let sold = matches!(kind, Kind::Cart | Kind::Purchase);
        self.category.append_option(sold.then(|| skewed_word(rng, &CATEGORIES, 1.5)));
        let cents = sold.then(|| i128::from(rng.cents(40.0, 0.8)));
        self.amount.append_option(cents);
    }

    fn batch(mut self) -> Result<RecordBatch, Box<dyn Error>> {
        let time = self.time.finish().with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("user_id", Arc::new(self.user.finish()), false),
            ("event", Arc::new(self.event.finish()), false),
            ("time", Arc::new(time), false),
            ("page", Arc::new(self.page.finish()), true),
            ("campaign", Arc::new(self.campaign.finish()), true),
            ("category", Arc::new(self.category.finish()), true),
            ("amount", Arc::new(self.amount.finish()), true),
        ];
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}
