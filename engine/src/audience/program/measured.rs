//! What was measured of the profiles of a chunk: a number for each, and what it stands for.

use crate::base::bits::Bits;
use crate::base::ids::Ordinal;
use crate::base::number::Decimal;
use crate::base::sum::ExactSum;
use crate::column::Cell;
use crate::index::{Domain, KeyRange};

/// What numbers of profiles stand for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Count,
    Digits(u8),
    Average(u8),
    Keys(Domain),
    /// A bit for each text.
    Marks,
}

/// What was measured of the profiles of a chunk.
#[derive(Debug, Clone)]
pub struct Measured {
    first: u32,
    form: Form,
    /// Who has something that is measured.
    pub(super) seen: Box<Bits>,
    /// The number of each profile of the chunk, nought for the others; of averages also the count.
    pub(super) numbers: Vec<i64>,
    pub(super) counts: Vec<u32>,
}

/// Counts of the profiles of a chunk, and what was measured before, to be used again.
#[derive(Default)]
pub(super) struct Counters {
    /// Counts up to 255, which stands for more as well.
    pub counts: Vec<u8>,
    free: Vec<Measured>,
}

/// The greatest integer of which every smaller one is a float.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

impl Measured {
    /// The value of a profile.
    pub fn value(&self, of: Ordinal) -> Cell<'_> {
        let place = of.0.checked_sub(self.first).and_then(|at| u16::try_from(at).ok());
        let seen = place.filter(|place| self.seen.contains(*place));
        match (seen, self.form) {
            (Some(place), form) => self.value_at(place, form),
            (None, Form::Count | Form::Marks) => Cell::Integer(0),
            (None, _) => Cell::Null,
        }
    }

    fn value_at(&self, place: u16, form: Form) -> Cell<'_> {
        let number = self.number(place);
        match form {
            Form::Count => Cell::Integer(number),
            Form::Marks => Cell::Integer(i64::from(number.count_ones())),
            Form::Digits(scale) => Cell::Decimal(Decimal { coefficient: number.into(), scale }),
            Form::Average(scale) => Cell::Float(self.average(place, scale, unit(scale))),
            Form::Keys(domain) => domain.cell(KeyRange::key(number)),
        }
    }

    /// Whether those of whom nothing was seen have a count of nought.
    pub fn counts(&self) -> bool {
        matches!(self.form, Form::Count | Form::Marks)
    }

    /// How many profiles have something that is measured.
    pub fn len(&self) -> u64 {
        u64::from(self.seen.count())
    }

    #[inline]
    fn number(&self, place: u16) -> i64 {
        self.numbers.get(usize::from(place)).copied().unwrap_or_default()
    }

    /// The key of how many texts there are.
    #[inline]
    fn marks(&self, place: u16) -> u64 {
        KeyRange::key(i64::from(self.number(place).count_ones()))
    }

    /// Makes `out` the profiles of which what is measured makes the condition `wanted`; those that are answered apart
    /// are any. Nothing is measured any more then.
    pub(super) fn take_in_range(
        &mut self,
        (range, turned): (KeyRange, bool),
        wanted: bool,
        asked: &Bits,
        out: &mut Bits,
    ) {
        out.clear();
        // Who has no event has a count of nought; no sum, which is neither.
        if self.counts() && (range.holds(KeyRange::key(0)) != turned) == wanted {
            out.copy_from(asked);
            out.and_not(&self.seen);
        }
        let holds = |key: u64| (range.holds(key) != turned) == wanted;
        match self.form {
            Form::Marks => self.sweep(out, |of, place| holds(of.marks(place))),
            Form::Average(scale) => {
                let unit = unit(scale);
                self.sweep(out, |of, place| {
                    holds(KeyRange::of_float(of.average(place, scale, unit)))
                });
            }
            Form::Count | Form::Digits(_) | Form::Keys(_) => {
                self.sweep(out, |of, place| holds(KeyRange::key(of.number(place))));
            }
        }
    }

    /// Puts those that were seen in of whom something holds; nothing is measured any more then.
    #[inline]
    fn sweep(&mut self, out: &mut Bits, holds: impl Fn(&Measured, u16) -> bool) {
        let mut seen = std::mem::take(&mut self.seen);
        for ((word, out), first) in seen.0.iter().zip(&mut out.0).zip((0..=u16::MAX).step_by(64)) {
            // Of whom it holds is as good as random: no bit is branched on.
            let (mut rest, mut found) = (*word, 0);
            while rest != 0 {
                let bit = rest.trailing_zeros();
                let place = first | bit as u16;
                found |= u64::from(holds(self, place)) << bit;
                self.forget(place);
                rest &= rest - 1;
            }
            *out |= found;
        }
        seen.clear();
        self.seen = seen;
    }

    #[inline]
    fn forget(&mut self, place: u16) {
        let place = usize::from(place);
        self.numbers.get_mut(place).into_iter().for_each(|number| *number = 0);
        self.counts.get_mut(place).into_iter().for_each(|count| *count = 0);
    }

    /// The average, rounded once.
    #[inline]
    fn average(&self, place: u16, scale: u8, unit: Option<u64>) -> f64 {
        let sum = self.number(place);
        let count = self.counts.get(usize::from(place)).copied().unwrap_or_default();
        match unit.and_then(|unit| unit.checked_mul(u64::from(count))) {
            // Two integers that are floats: their quotient is rounded once.
            Some(divisor) if divisor <= EXACT && sum.unsigned_abs() <= EXACT => {
                sum as f64 / divisor.cast_signed() as f64
            }
            _ => {
                let mut exact = ExactSum::default();
                exact.add_many(Decimal { coefficient: sum.into(), scale }, u64::from(count));
                exact.average()
            }
        }
    }
}

/// One, in so many digits behind the point.
fn unit(scale: u8) -> Option<u64> {
    10_u64.checked_pow(u32::from(scale))
}

impl Counters {
    pub fn take(&mut self, first: u32, form: Form) -> Measured {
        let new = || Measured {
            first,
            form,
            seen: Bits::boxed(),
            numbers: vec![0; 1 << 16],
            counts: Vec::new(),
        };
        let mut found = self.free.pop().unwrap_or_else(new);
        (found.first, found.form) = (first, form);
        if matches!(form, Form::Average(_)) {
            found.counts.resize(1 << 16, 0);
        }
        found
    }

    /// Takes what is no longer needed.
    pub fn give(&mut self, mut used: Measured) {
        let mut seen = std::mem::take(&mut used.seen);
        seen.each(|place| used.forget(place));
        seen.clear();
        used.seen = seen;
        self.free.push(used);
    }
}

/// Where numbers of profiles are put together. Whether a profile was seen before is as good as random, so that nothing
/// here branches on it.
pub(super) struct Slots<'s> {
    pub seen: &'s mut Bits,
    pub numbers: &'s mut [i64],
    pub apart: &'s mut Vec<u16>,
}

impl Slots<'_> {
    /// Puts a number of a profile together with what there is of it, which is nought at first.
    #[inline]
    pub fn put(&mut self, profile: u16, join: impl FnOnce(i64) -> Option<i64>) {
        self.seen.insert(profile);
        let Some(slot) = self.numbers.get_mut(usize::from(profile)) else { return };
        match join(*slot) {
            Some(joined) => *slot = joined,
            None => self.apart.push(profile),
        }
    }

    /// Adds a term; nothing is one that does not fit.
    #[inline]
    pub fn add(&mut self, profile: u16, term: Option<i64>) {
        self.put(profile, |sum| term.and_then(|term| sum.checked_add(term)));
    }

    /// Keeps the greater number, or with `-1` for a mask, which turns their order, the less.
    #[inline]
    pub fn keep(&mut self, profile: u16, number: Option<i64>, mask: i64) {
        let known = self.seen.contains(profile);
        self.put(profile, |kept| {
            let number = number?;
            let better = number ^ mask > kept ^ mask;
            Some(if better | !known { number } else { kept })
        });
    }
}
