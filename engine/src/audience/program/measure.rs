//! What is measured over events by counters: how many there are, and sums.

use super::super::ast::Aggregate;
use super::super::resolved::{EventColumn, Scalar};
use super::events::EventTest;
use super::machine::Machine;
use crate::base::bits::Bits;
use crate::event::Ordered;
use crate::index::{Domain, KeyRange};
use std::sync::Arc;

/// What is measured over the events of a profile.
pub(in super::super) enum Measure {
    /// How many there are.
    Rows,
    /// How many have a value of a property.
    Present([Arc<Ordered>; 2]),
    /// The sum of a property, in so many digits behind the point.
    Sum([Arc<Ordered>; 2], u8),
}

/// Counts and sums of the profiles of a chunk.
#[derive(Default)]
pub(super) struct Counters {
    /// Counts up to 255, which stands for more as well.
    counts: Vec<u8>,
    sums: Vec<i64>,
}

/// The greatest count that a byte tells from greater ones.
const MOST: i64 = 254;

impl Measure {
    /// What a test measures, when it has a quick form.
    pub(super) fn of(test: &EventTest<'_>) -> Option<Measure> {
        let of = test.aggregate.filter(|of| !of.distinct)?;
        match (of.aggregate, &of.value, &test.values) {
            (Aggregate::Count, None, _) => Some(Measure::Rows),
            (Aggregate::Count, Some(_), Some(values)) => Some(Measure::Present(values.clone())),
            (Aggregate::Sum, Some(_), Some(values)) => {
                let mut scale = 0;
                for side in values {
                    match side.as_ref() {
                        Ordered::Keys(Domain::Decimal(own), ..) => scale = scale.max(*own),
                        Ordered::Keys(Domain::Integer, ..) => {}
                        _ => return None,
                    }
                }
                Some(Measure::Sum(values.clone(), scale))
            }
            _ => None,
        }
    }

    /// The domain of what is measured.
    pub(super) fn domain(&self) -> Domain {
        match self {
            Measure::Rows | Measure::Present(_) => Domain::Integer,
            Measure::Sum(_, scale) => Domain::Decimal(*scale),
        }
    }

    /// Whether a byte for each count is enough to say which are in a range.
    pub(super) fn counts_by_bytes(&self, range: KeyRange) -> bool {
        let (low, high) = range.integers();
        let decided = low <= MOST + 1 && (high <= MOST || high == i64::MAX);
        !matches!(self, Measure::Sum(..)) && decided
    }
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
        let mut counters = std::mem::take(&mut machine.counters);
        counters.counts.clear();
        counters.counts.resize(1 << 16, 0);
        let counts = &mut counters.counts;
        let mut count = |profile: u16| {
            if let Some(count) = counts.get_mut(usize::from(profile)) {
                *count = count.saturating_add(1);
            }
        };
        match measure {
            Measure::Present(values) => self.each(machine, chunk, asked, |profile, at| {
                if values.get(at.side).is_some_and(|values| values.is_known(chunk, at.place)) {
                    count(profile);
                }
            }),
            _ => self.each(machine, chunk, asked, |profile, _| count(profile)),
        }
        if machine.explain {
            out.between(&counters.counts, 1, 1, 255);
            self.noted(machine, out);
        }
        let (low, high) = range.integers();
        if range.is_empty() || high < 0 {
            out.clear();
        } else {
            out.between(&counters.counts, 1, low.max(0).cast_unsigned(), high.cast_unsigned());
        }
        machine.counters = counters;
    }

    /// Makes `out` the profiles of which the sum makes the condition `wanted`; what is too large to be added up here
    /// joins those that are answered apart.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is asked, of whom, and where the answer goes"
    )]
    pub(super) fn summed(
        &self,
        machine: &mut Machine<'a>,
        (values, scale): (&[Arc<Ordered>; 2], u8),
        (range, turned): (KeyRange, bool),
        wanted: bool,
        chunk: u32,
        asked: &Bits,
        (out, apart): (&mut Bits, &mut Vec<u16>),
    ) {
        let mut counters = std::mem::take(&mut machine.counters);
        counters.sums.resize(1 << 16, 0);
        let sums = &mut counters.sums;
        let mut seen = machine.take();
        seen.clear();
        let terms = values.each_ref().map(|values| Terms::new(values, chunk, scale));
        self.each(machine, chunk, asked, |profile, at| {
            let term = terms.get(at.side).and_then(|terms| terms.at(at.place));
            if let (Some(term), Some(sum)) = (term, sums.get_mut(usize::from(profile))) {
                seen.insert(profile);
                match term.and_then(|term| sum.checked_add(term)) {
                    Some(more) => *sum = more,
                    None => apart.push(profile),
                }
            }
        });
        self.noted(machine, &seen);
        out.clear();
        // Who has no event has no sum, and is neither.
        seen.each(|profile| {
            let Some(sum) = sums.get_mut(usize::from(profile)) else { return };
            if (range.holds(KeyRange::key(*sum)) != turned) == wanted {
                out.insert(profile);
            }
            *sum = 0;
        });
        machine.give(seen);
        machine.counters = counters;
    }
}

/// What is added up, of a chunk: keys, a bit for each that is a value, and what they are multiplied by.
struct Terms<'v> {
    domain: Domain,
    keys: &'v [u64],
    present: &'v [u64],
    factor: i64,
}

impl<'v> Terms<'v> {
    fn new(values: &'v Ordered, chunk: u32, scale: u8) -> Terms<'v> {
        let Ordered::Keys(domain, chunks, _) = values else {
            return Terms { domain: Domain::Integer, keys: &[], present: &[], factor: 1 };
        };
        let own = if let Domain::Decimal(own) = domain { *own } else { 0 };
        // A factor that does not fit leaves no term but nought that does.
        let factor = 10_i64.checked_pow(u32::from(scale.saturating_sub(own))).unwrap_or(i64::MAX);
        let of = chunks.get(chunk as usize);
        let (keys, present) =
            of.map_or((&[][..], &[][..]), |(keys, present)| (keys.as_slice(), present.as_slice()));
        Terms { domain: *domain, keys, present, factor }
    }

    /// The term of an event that has a value; the inner nothing does not fit 64 bits.
    #[inline]
    fn at(&self, place: usize) -> Option<Option<i64>> {
        let known = self.present.get(place / 64)? >> (place % 64) & 1 == 1;
        let value = self.keys.get(place).filter(|_| known)?;
        let value = self.domain.integer(*value)?;
        Some(if self.factor == 1 { Some(value) } else { value.checked_mul(self.factor) })
    }
}
