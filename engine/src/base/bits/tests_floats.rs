//! Sums of floats at rows: what kernels say in units is what whole numbers of the least unit say.

use super::dispatch::every;
use super::tests::{bits_of, shapes};
use super::*;
use crate::base::random::Rng;

/// A float as how many of the least units of a window.
fn in_units(value: f64, window: FloatWindow) -> i128 {
    let [_, least] = window.units();
    if value == 0.0 {
        return 0;
    }
    let bits = value.to_bits();
    let digits = i128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let units = digits << ((bits >> 52 & 0x7ff) - 52 - (least.to_bits() >> 52));
    if value < 0.0 { -units } else { units }
}

/// Floats around the upper end of a window, of which some are out of it, as bytes with one more at the front.
fn floats(rng: &mut Rng, end: u64, rows: usize) -> (Vec<f64>, Vec<u8>) {
    let mut number = || {
        let digits = (rng.below(1 << 26) as u64) << 26 | rng.below(1 << 26) as u64;
        let exponent = match rng.below(20) {
            0 => end - 1,
            1 => end,
            2 => end - 47,
            3 => end - 48,
            _ => end - 1 - rng.below(47) as u64,
        };
        let sign = (rng.below(2) as u64) << 63;
        match rng.below(60) {
            0 => 0.0,
            1 => -0.0,
            2 => f64::NAN,
            3 => f64::NEG_INFINITY,
            4 => f64::from_bits(1),
            5 => f64::from_bits(sign | exponent << 52 | ((1 << 52) - 1)),
            6 => f64::from_bits(sign | exponent << 52),
            _ => f64::from_bits(sign | exponent << 52 | digits),
        }
    };
    let numbers: Vec<f64> = (0..rows).map(|_| number()).collect();
    let bytes = std::iter::once(0).chain(numbers.iter().flat_map(|n| n.to_le_bytes())).collect();
    (numbers, bytes)
}

#[test]
fn floats_in_units_are_those_of_whole_numbers() {
    let mut rng = Rng(21);
    let shapes = shapes(&mut rng);
    for rows in [0, 1, 63, 64, 65, 200, 4095, 65_535, 65_536] {
        for near in [1.0, 1e-50, -1e200, f64::MAX, f64::MIN_POSITIVE, 60_000.0] {
            let window = FloatWindow::around(near);
            let [whole, _] = window.units();
            // The window ends 49 powers of two above its first unit.
            let end = (whole.to_bits() >> 52 & 0x7ff) + 49;
            let (numbers, bytes) = floats(&mut rng, end, rows);
            let inside = |value: &f64| {
                let exponent = value.to_bits() >> 52 & 0x7ff;
                *value == 0.0 || (end - 47..end).contains(&exponent)
            };
            for shape in shapes.iter().skip(rng.below(4)).step_by(4) {
                let at = |row: &u16| numbers.get(usize::from(*row)).map(|value| (*row, *value));
                let (mut out, mut sum, mut count) = (Bits::empty(), 0, 0);
                for (row, value) in shape.iter().filter_map(at) {
                    count += 1;
                    if inside(&value) { sum += in_units(value, window) } else { out.insert(row) }
                }
                for kernels in every() {
                    let name = kernels.name;
                    let (bits, mut others) = (bits_of(shape), Bits::empty());
                    let found = (kernels.sum_floats)(&bits.0, &bytes[1..], window, &mut others.0);
                    let [high, low] = found.units;
                    assert_eq!((high << 50) + low, sum, "{name} {rows} {near}");
                    assert_eq!((found.count, found.others), (count, out.count()), "{name} {rows}");
                    assert!(others == out, "{name} {rows} {near}");
                }
            }
        }
    }
    // As many of the greatest as a chunk has.
    let greatest = f64::from_bits((1049 << 52) | ((1 << 52) - 1));
    let bytes: Vec<u8> = (0..65_536).flat_map(|_| greatest.to_le_bytes()).collect();
    let mut others = Bits::full();
    let found = Bits::full().sum_floats(&bytes, FloatWindow::default(), &mut others);
    let [high, low] = found.units;
    assert_eq!((high << 50) + low, in_units(greatest, FloatWindow::default()) << 16);
    assert_eq!((found.count, others.is_empty()), (65_536, true));
}
