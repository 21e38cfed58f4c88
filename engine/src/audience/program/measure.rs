//! What is measured over events, profile by profile of a chunk: how many there are, sums, averages, extremes, and how
//! many different texts.

use super::super::ast::Aggregate;
use super::super::resolved::{EventColumn, Scalar};
use super::events::EventTest;
use super::machine::Machine;
use super::measured::{Form, Measured, Slots};
use crate::base::bits::Bits;
use crate::event::{Kind, Ordered, Values};
use crate::index::{Domain, KeyRange};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// The values of a property, of files and of parts in memory.
type Sides = [Arc<Ordered>; 2];

/// What is measured over the events of a profile.
pub(in super::super) enum Measure {
    /// How many there are.
    Rows,
    /// How many have a value of a property.
    Present(Sides),
    /// The sum of a property, in so many digits behind the point.
    Sum(Sides, u8),
    /// The average of a property, whose values have so many digits behind the point.
    Average(Sides, u8),
    /// The least or greatest value of a property, or instant.
    Extreme(Option<Sides>, Domain, Ordering),
    /// How many different texts of a property: for each code of the sides the bit of its text.
    Distinct(Sides, [Vec<u64>; 2]),
}

/// The greatest count that a byte tells from greater ones.
const MOST: i64 = 254;
/// So many different texts have a bit each.
const MARKS: usize = 64;
impl Measure {
    /// What a test measures, when it has a quick form.
    pub(super) fn of(test: &EventTest<'_>) -> Option<Measure> {
        let of = test.aggregate?;
        let values = test.values.as_ref();
        if of.distinct {
            return values.filter(|_| of.aggregate == Aggregate::Count).and_then(distinct);
        }
        match (of.aggregate, &of.value) {
            (Aggregate::Count, None) => Some(Measure::Rows),
            (Aggregate::Count, Some(_)) => values.cloned().map(Measure::Present),
            (Aggregate::Sum, Some(_)) => Some(Measure::Sum(values?.clone(), scale_of(values?)?)),
            (Aggregate::Average, Some(_)) => {
                Some(Measure::Average(values?.clone(), scale_of(values?)?))
            }
            (Aggregate::Min | Aggregate::Max, Some(value)) => {
                let wanted = match of.aggregate {
                    Aggregate::Min => Ordering::Less,
                    _ => Ordering::Greater,
                };
                if *value == Scalar::Event(test.rows.slot, EventColumn::Time) {
                    return Some(Measure::Extreme(None, Domain::Timestamp, wanted));
                }
                Some(Measure::Extreme(Some(values?.clone()), domain_of(values?)?, wanted))
            }
            _ => None,
        }
    }

    /// The domain of what is measured.
    pub(super) fn domain(&self) -> Domain {
        match self {
            Measure::Rows | Measure::Present(_) | Measure::Distinct(..) => Domain::Integer,
            Measure::Sum(_, scale) => Domain::Decimal(*scale),
            Measure::Average(..) => Domain::Float,
            Measure::Extreme(_, domain, _) => *domain,
        }
    }

    fn form(&self) -> Form {
        match self {
            Measure::Rows | Measure::Present(_) => Form::Count,
            Measure::Sum(_, scale) => Form::Digits(*scale),
            Measure::Average(_, scale) => Form::Average(*scale),
            Measure::Extreme(_, domain, _) => Form::Keys(*domain),
            Measure::Distinct(..) => Form::Marks,
        }
    }

    /// Whether its numbers are the values to the last digit, also those behind the point that are nought.
    pub(super) fn is_exact(&self) -> bool {
        let sides = match self {
            Measure::Sum(sides, _) | Measure::Extreme(Some(sides), ..) => sides,
            _ => return true,
        };
        let mut used = sides.iter().filter(|side| !side.is_empty()).map(|side| match side.kind() {
            Kind::Keys(domain, true) => Some(*domain),
            _ => None,
        });
        let first = used.next().unwrap_or(Some(self.domain()));
        let whole = Some(self.domain()) == first || matches!(first, Some(Domain::Integer));
        whole && used.all(|domain| domain == first)
    }

    /// Whether a byte for each count is enough to say which are in a range.
    pub(super) fn counts_by_bytes(&self, range: KeyRange) -> bool {
        let (low, high) = range.integers();
        let decided = low <= MOST + 1 && (high <= MOST || high == i64::MAX);
        matches!(self, Measure::Rows | Measure::Present(_)) && decided
    }
}

/// The most digits behind the point of integers or decimals.
fn scale_of(sides: &Sides) -> Option<u8> {
    sides.iter().try_fold(0, |most, side| match side.kind() {
        Kind::Keys(Domain::Decimal(own), _) => Some(most.max(*own)),
        Kind::Keys(Domain::Integer, _) => Some(most),
        _ => None,
    })
}

/// The domain of the keys of both sides.
fn domain_of(sides: &Sides) -> Option<Domain> {
    let [Kind::Keys(files, _), Kind::Keys(memory, _)] = sides.each_ref().map(|side| side.kind())
    else {
        return None;
    };
    match (files, memory) {
        (Domain::Decimal(_), Domain::Decimal(_)) => scale_of(sides).map(Domain::Decimal),
        (files, memory) => (files == memory).then_some(*files),
    }
}

/// Gives each text a bit, when they are few.
fn distinct(sides: &Sides) -> Option<Measure> {
    let mut bits: HashMap<&str, u64> = HashMap::new();
    let mut marks = [Vec::new(), Vec::new()];
    for (side, marks) in sides.iter().zip(&mut marks) {
        let Kind::Codes(texts) = side.kind() else { return None };
        if texts.len() > MARKS {
            return None;
        }
        for text in texts {
            let next = bits.len();
            marks.push(*bits.entry(text).or_insert_with(|| 1_u64.rotate_left(next as u32)));
        }
    }
    (bits.len() <= MARKS).then(|| Measure::Distinct(sides.clone(), marks))
}

/// The property of an event that a value is.
pub(super) fn property_of(value: &Scalar, slot: usize) -> Option<usize> {
    match value {
        Scalar::Event(at, EventColumn::Property(number)) if *at == slot => Some(*number),
        _ => None,
    }
}

impl<'a> EventTest<'a> {
    /// Makes `out` the profiles whose count is in a range that bytes decide.
    pub(super) fn counted(
        &self,
        machine: &mut Machine<'a>,
        measure: &Measure,
        range: KeyRange,
        chunk: u32,
        asked: &Bits,
        out: &mut Bits,
    ) {
        let mut counts = std::mem::take(&mut machine.counters.counts);
        counts.clear();
        counts.resize(1 << 16, 0);
        let mut count = |profile: u16| {
            if let Some(count) = counts.get_mut(usize::from(profile)) {
                *count = count.saturating_add(1);
            }
        };
        match measure {
            Measure::Present(sides) => {
                let values = sides.each_ref().map(|side| side.values(chunk));
                self.each(machine, chunk, asked, |profile, at| {
                    if values
                        .get(at.side)
                        .is_some_and(|of| of.and_then(|v| v.get(at.place)).is_some())
                    {
                        count(profile);
                    }
                });
            }
            _ => self.each(machine, chunk, asked, |profile, _| count(profile)),
        }
        if machine.explain {
            out.between(&counts, 1, 1, 255);
            self.noted(machine, out);
        }
        let (low, high) = range.integers();
        if range.is_empty() || high < 0 {
            out.clear();
        } else {
            out.between(&counts, 1, low.max(0).cast_unsigned(), high.cast_unsigned());
        }
        machine.counters.counts = counts;
    }

    /// Measures the profiles of a chunk that are asked about. Those of whom a number does not fit join those that are
    /// answered apart; what is measured of them is of no account.
    pub(super) fn measured(
        &self,
        machine: &mut Machine<'a>,
        measure: &Measure,
        chunk: u32,
        asked: &Bits,
        apart: &mut Vec<u16>,
    ) -> Measured {
        let mut found = machine.counters.take(chunk << 16, measure.form());
        let Measured { seen, numbers, counts, .. } = &mut found;
        let mut slots = Slots { seen, numbers, apart };
        match measure {
            Measure::Rows => self.each(machine, chunk, asked, |profile, _| {
                slots.add(profile, Some(1));
            }),
            Measure::Present(sides) => {
                let terms = terms(sides, chunk, 0);
                self.each(machine, chunk, asked, |profile, at| {
                    if terms.get(at.side).and_then(|terms| terms.key(at.place)).is_some() {
                        slots.add(profile, Some(1));
                    }
                });
            }
            Measure::Sum(sides, scale) => {
                let terms = terms(sides, chunk, *scale);
                self.each(machine, chunk, asked, |profile, at| {
                    if let Some(term) = terms.get(at.side).and_then(|terms| terms.at(at.place)) {
                        slots.add(profile, term);
                    }
                });
            }
            Measure::Average(sides, scale) => {
                let terms = terms(sides, chunk, *scale);
                self.each(machine, chunk, asked, |profile, at| {
                    let Some(term) = terms.get(at.side).and_then(|terms| terms.at(at.place)) else {
                        return;
                    };
                    slots.add(profile, term);
                    if let Some(count) = counts.get_mut(usize::from(profile)) {
                        *count += 1;
                    }
                });
            }
            Measure::Extreme(sides, domain, wanted) => {
                let of = (sides.as_ref(), *domain, *wanted);
                self.extremes(machine, of, (chunk, asked), &mut slots);
            }
            Measure::Distinct(sides, marks) => {
                let values = sides.each_ref().map(|side| side.values(chunk));
                self.each(machine, chunk, asked, |profile, at| {
                    let code = values.get(at.side).and_then(|values| (*values)?.get(at.place));
                    let mark = code.zip(marks.get(at.side));
                    if let Some(mark) = mark.and_then(|(code, marks)| marks.get(code as usize)) {
                        slots.put(profile, |known| Some(known | mark.cast_signed()));
                    }
                });
            }
        }
        self.noted(machine, &found.seen);
        found
    }

    /// Keeps the least or the greatest number, or instant, of each profile.
    fn extremes(
        &self,
        machine: &Machine<'a>,
        (sides, domain, wanted): (Option<&Sides>, Domain, Ordering),
        (chunk, asked): (u32, &Bits),
        slots: &mut Slots<'_>,
    ) {
        let scale = if let Domain::Decimal(scale) = domain { scale } else { 0 };
        let terms = sides.map(|sides| terms(sides, chunk, scale));
        let mask = if wanted.is_lt() { -1 } else { 0 };
        let times = self.chunk(chunk).map(|of| of.map_or(&[][..], |of| of.times.as_slice()));
        self.each(machine, chunk, asked, |profile, at| {
            let number = match &terms {
                None => times.get(at.side).and_then(|times| times.get(at.place)).copied().map(Some),
                Some(terms) => terms.get(at.side).and_then(|terms| terms.at(at.place)),
            };
            if let Some(number) = number {
                slots.keep(profile, number, mask);
            }
        });
    }
}

fn terms(sides: &Sides, chunk: u32, scale: u8) -> [Terms<'_>; 2] {
    sides.each_ref().map(|side| Terms::new(side, chunk, scale))
}

/// Numbers of the events of a chunk, and what they are multiplied by to have so many digits behind the point.
struct Terms<'v> {
    values: Option<&'v Values>,
    factor: i64,
}

impl<'v> Terms<'v> {
    fn new(side: &'v Ordered, chunk: u32, scale: u8) -> Terms<'v> {
        let own = if let Kind::Keys(Domain::Decimal(own), _) = side.kind() { *own } else { 0 };
        // A factor that does not fit leaves no term but nought that does.
        let factor = 10_i64.checked_pow(u32::from(scale.saturating_sub(own))).unwrap_or(i64::MAX);
        Terms { values: side.values(chunk), factor }
    }

    #[inline]
    fn key(&self, place: usize) -> Option<u64> {
        self.values?.get(place)
    }

    /// The number of an event that has a value; the inner nothing does not fit 64 bits.
    #[inline]
    fn at(&self, place: usize) -> Option<Option<i64>> {
        let number = KeyRange::number(self.key(place)?);
        Some(if self.factor == 1 { Some(number) } else { number.checked_mul(self.factor) })
    }
}
