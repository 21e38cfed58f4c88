//! Values of every width at every alignment, and mapped bytes of every kind of damage.

use super::dispatch::{Kernels, every};
use super::tests::{Serialized, bits_of, shapes};
use super::*;
use crate::base::random::Rng;
use ::roaring::RoaringBitmap;

/// Values of a width, as numbers and as bytes with one more at the front.
fn column(rng: &mut Rng, width: u8, rows: usize) -> (Vec<u64>, Vec<u8>) {
    let number = |rng: &mut Rng| {
        let number = (rng.below(1 << 32) as u64) << 32 | rng.below(1 << 32) as u64;
        let most = u64::MAX >> (64 - u32::from(width) * 8);
        // The edges of the width and of signs are where comparisons go wrong.
        match rng.below(12) {
            0 => 0,
            1 => most,
            2 => most / 2,
            3 => most / 2 + 1,
            4 => number & most & 0xf,
            _ => number & most,
        }
    };
    let numbers: Vec<u64> = (0..rows).map(|_| number(rng)).collect();
    let mut bytes = vec![0];
    for number in &numbers {
        bytes.extend_from_slice(&number.to_le_bytes()[..usize::from(width)]);
    }
    (numbers, bytes)
}

const LENGTHS: [usize; 10] = [0, 1, 31, 63, 64, 65, 200, 4095, 65_535, 65_536];

fn judge_between(kernels: &Kernels, numbers: &[u64], bytes: &[u8], width: u8, low: u64, high: u64) {
    let mut found = Bits::full();
    (kernels.between)(&mut found.0, bytes, width, low, high);
    let mut expected = Bits::empty();
    for (number, row) in numbers.iter().zip(0..=u16::MAX) {
        if (low..=high).contains(number) {
            expected.insert(row);
        }
    }
    assert!(found == expected, "{} {width} {low} {high} {}", kernels.name, numbers.len());
}

#[test]
fn rows_among_values_are_those_of_a_loop_over_them() {
    let mut rng = Rng(12);
    for rows in LENGTHS {
        let (numbers, bytes) = column(&mut rng, 1, rows);
        for count in [0, 1, 2, 5, 16] {
            let wanted: Vec<u8> = (0..count).map(|_| rng.below(256) as u8 & 0x8f).collect();
            let mut expected = Bits::empty();
            for (number, row) in numbers.iter().zip(0..=u16::MAX) {
                if wanted.iter().any(|value| u64::from(*value) == *number) {
                    expected.insert(row);
                }
            }
            for kernels in every() {
                let mut found = Bits::full();
                (kernels.among)(&mut found.0, &bytes[1..], &wanted);
                assert!(found == expected, "{} {wanted:?} {rows}", kernels.name);
            }
        }
    }
}

#[test]
fn rows_between_bounds_are_those_of_a_loop_over_them() {
    let mut rng = Rng(11);
    for width in [1, 2, 4, 8] {
        let most = u64::MAX >> (64 - u32::from(width) * 8);
        for rows in LENGTHS {
            let (numbers, bytes) = column(&mut rng, width, rows);
            let some = column(&mut rng, width, 4).0;
            let mut bounds = vec![(0, most), (0, 0), (most, most), (most / 2, most / 2 + 1)];
            bounds.push((some[0].min(some[1]), some[0].max(some[1])));
            bounds.push((some[2].min(some[3]), some[2].max(some[3])));
            for (low, high) in bounds {
                for kernels in every() {
                    judge_between(kernels, &numbers, &bytes[1..], width, low, high);
                }
            }
            let mut bits = Bits::full();
            bits.between(&bytes[1..], width, 1, 0);
            assert!(bits.is_empty());
            bits.between(&bytes[1..], width, 0, u64::MAX);
            assert_eq!(bits.count() as usize, rows);
            if width < 8 {
                bits.between(&bytes[1..], width, most + 1, u64::MAX);
                assert!(bits.is_empty());
            }
        }
    }
}

#[test]
fn rows_between_two_pairs_of_bounds_are_those_of_both() {
    let mut rng = Rng(14);
    for rows in LENGTHS {
        let (_, bytes) = column(&mut rng, 1, rows);
        for _ in 0..8 {
            let mut pair = || {
                let (one, other) = (rng.below(256) as u8, rng.below(256) as u8);
                (one.min(other), one.max(other))
            };
            let bounds = [pair(), pair()];
            let expected = bounds.map(|(low, high)| {
                let mut rows = Bits::empty();
                rows.between(&bytes[1..], 1, u64::from(low), u64::from(high));
                rows
            });
            for kernels in every() {
                let (mut one, mut two) = (Bits::full(), Bits::full());
                (kernels.between_both)(&mut one.0, &mut two.0, &bytes[1..], bounds);
                assert!([one, two] == expected, "{} {bounds:?} {rows}", kernels.name);
            }
        }
    }
}

#[test]
fn sums_and_extremes_are_those_of_a_loop_over_the_rows() {
    let mut rng = Rng(12);
    let shapes = shapes(&mut rng);
    for width in [1, 2, 4, 8] {
        for rows in LENGTHS {
            let (numbers, bytes) = column(&mut rng, width, rows);
            for shape in shapes.iter().skip(rng.below(4)).step_by(4) {
                let bits = bits_of(shape);
                let at = shape.iter().filter_map(|row| numbers.get(usize::from(*row)).copied());
                let sum: u128 = at.clone().map(u128::from).sum();
                let number = at.clone().count() as u32;
                let extremes = at.clone().min().zip(at.max());
                for kernels in every() {
                    let name = kernels.name;
                    let found = (kernels.sum)(&bits.0, &bytes[1..], width);
                    assert_eq!(found, (sum, number), "{name} {width} {rows}");
                    let found = (kernels.extremes)(&bits.0, &bytes[1..], width);
                    assert_eq!(found, extremes, "{name} {width} {rows}");
                }
            }
        }
        let greatest = vec![u8::MAX; usize::from(width) << 16];
        let most = u64::MAX >> (64 - u32::from(width) * 8);
        for kernels in every() {
            let found = (kernels.sum)(&Bits::full().0, &greatest, width);
            assert_eq!(found, (u128::from(most) << 16, 1 << 16), "{}", kernels.name);
        }
        assert_eq!(Bits::full().sum(&greatest, width).1, 1 << 16);
        assert_eq!(Bits::full().extremes(&greatest, width), Some((most, most)));
    }
    assert_eq!(Bits::full().sum(&[1; 99], 3), (0, 0));
    assert_eq!(Bits::full().extremes(&[1; 99], 16), None);
}

#[test]
fn a_histogram_counts_each_value_at_a_row() {
    let mut rng = Rng(13);
    for shape in shapes(&mut rng) {
        for rows in LENGTHS.into_iter().skip(rng.below(3)).step_by(3) {
            let (_, bytes) = column(&mut rng, 1, rows);
            let mut expected = [1_u64; 256];
            for row in &shape {
                if let Some(value) = bytes[1..].get(usize::from(*row)) {
                    expected[usize::from(*value)] += 1;
                }
            }
            let bits = bits_of(&shape);
            for kernels in every() {
                let mut found = [1; 256];
                (kernels.histogram)(&bits.0, &bytes[1..], &mut found);
                assert_eq!(found, expected, "{}", kernels.name);
            }
        }
    }
    // Of more values than a chunk has rows, the first count.
    let mut counts = [0; 256];
    let mut bits = Bits::empty();
    bits.between(&[7; 70_000], 1, 7, 7);
    assert_eq!(bits.sum(&[7; 70_000], 1), (7 << 16, 1 << 16));
    bits.histogram(&[7; 70_000], &mut counts);
    assert_eq!(counts[7], 1 << 16);
}

/// Bitmaps of few and of many containers, of every kind.
fn bitmaps(rng: &mut Rng) -> Vec<RoaringBitmap> {
    let shapes = shapes(rng);
    let mut bitmaps = vec![RoaringBitmap::new()];
    for containers in [1, 2, 3, 4, 5, 9, 17] {
        let mut bitmap = RoaringBitmap::new();
        let mut key = 0;
        for _ in 0..containers {
            key += 1 + rng.below(3) as u32;
            let shape = &shapes[rng.below(shapes.len())];
            bitmap.extend(shape.iter().map(|row| key << 16 | u32::from(*row)));
        }
        bitmap.remove_run_compression();
        bitmaps.push(bitmap.clone());
        bitmap.optimize();
        bitmaps.push(bitmap);
    }
    bitmaps.push((0..4).map(|n| n * 0x5555_5555).collect());
    bitmaps
}

/// All that mapped bytes say, as the rows that they are about.
fn rows_of(bytes: &[u8]) -> Option<RoaringBitmap> {
    let mapped = MappedBitmap::open(bytes)?;
    let mut rows = RoaringBitmap::new();
    for (key, container) in mapped.iter() {
        container.each(|row| {
            rows.insert(u32::from(key) << 16 | u32::from(row));
        });
    }
    Some(rows)
}

#[test]
fn mapped_bitmaps_say_what_roaring_wrote() {
    let mut rng = Rng(14);
    let bitmaps = bitmaps(&mut rng);
    for one in &bitmaps {
        let stored = Serialized::new(one);
        assert!(MappedBitmap::validate(stored.bytes()));
        let mapped = MappedBitmap::open(stored.bytes()).unwrap();
        assert_eq!(rows_of(stored.bytes()).as_ref(), Some(one));
        assert_eq!(mapped.count(), one.len());
        for index in 0..mapped.containers() {
            let found = mapped.find(mapped.key(index).unwrap()).unwrap();
            assert_eq!(found.count(), mapped.cardinality(index));
            assert_eq!(mapped.container(index).unwrap().count(), found.count());
        }
        assert!(mapped.find(60_000).is_none() && mapped.key(mapped.containers()).is_none());
        assert!(mapped.container(mapped.containers()).is_none());
        for two in &bitmaps {
            let other = Serialized::new(two);
            let other = MappedBitmap::open(other.bytes()).unwrap();
            assert_eq!(mapped.and_count(&other), one.intersection_len(two));
        }
    }
}

/// Asks damaged bytes everything: nothing panics, and what is accepted means what `roaring` says.
fn judge_damaged(bytes: &[u8]) -> bool {
    let accepted = MappedBitmap::validate(bytes);
    if accepted {
        let known = RoaringBitmap::deserialize_from(bytes).expect("roaring accepts it too");
        assert_eq!(rows_of(bytes), Some(known));
    }
    let Some(mapped) = MappedBitmap::open(bytes) else { return accepted };
    let (mut bits, mut other) = (Bits::empty(), Bits::full());
    mapped.count();
    // What was not accepted may say that it has thousands of containers.
    for (key, container) in mapped.iter().take(20) {
        bits.load(container);
        other.and_container(container);
        bits.or_container(container);
        bits.and_not_container(container);
        other.and_count_container(container);
        container.count();
        container.contains(key);
        for (_, second) in mapped.iter().take(3) {
            container.and_count(second);
        }
        mapped.find(key);
    }
    accepted
}

#[test]
fn no_byte_of_a_bitmap_can_change_without_notice_or_with_a_panic() {
    let mut rng = Rng(15);
    for bitmap in bitmaps(&mut rng) {
        let stored = Serialized::new(&bitmap);
        let bytes = stored.bytes();
        for _ in 0..60 {
            let mut other = bytes.to_vec();
            for _ in 0..1 + rng.below(3) {
                // Half of the damage falls on the head, where counts and offsets are.
                let span = if rng.below(2) == 0 { bytes.len().min(160) } else { bytes.len() };
                other[rng.below(span)] ^= 1 << rng.below(8);
            }
            if judge_damaged(&other) && other != bytes {
                assert_ne!(rows_of(&other), Some(bitmap.clone()), "two forms of the same rows");
            }
            other.truncate(rng.below(other.len()));
            assert!(!judge_damaged(&other));
        }
        let longer = [bytes, &[0]].concat();
        assert!(!judge_damaged(&longer));
    }
    assert!(!judge_damaged(&[]));
}

#[test]
fn bytes_of_nothing_but_chance_do_no_harm() {
    let mut rng = Rng(16);
    for round in 0..4000 {
        let mut bytes: Vec<u8> = (0..rng.below(300)).map(|_| rng.below(256) as u8).collect();
        let cookie: u32 =
            if round % 2 == 0 { 12_346 } else { 12_347 | (rng.below(6) << 16) as u32 };
        let head = [cookie.to_le_bytes(), (rng.below(6) as u32).to_le_bytes()].concat();
        let place = bytes.len().min(8);
        bytes[..place].copy_from_slice(&head[..place]);
        judge_damaged(&bytes);
    }
}

#[test]
fn runs_that_touch_or_leave_the_chunk_are_refused() {
    let bitmap = |runs: &[(u16, u16)], cardinality: u16| {
        let mut bytes = 12_347_u32.to_le_bytes().to_vec();
        bytes.extend([1, 0, 0]);
        bytes.extend((cardinality.wrapping_sub(1)).to_le_bytes());
        bytes.extend((runs.len() as u16).to_le_bytes());
        for (first, more) in runs {
            bytes.extend([first.to_le_bytes(), more.to_le_bytes()].concat());
        }
        bytes
    };
    assert!(judge_damaged(&bitmap(&[(3, 4), (9, 0)], 6)));
    assert!(judge_damaged(&bitmap(&[(0, u16::MAX)], 0)));
    assert!(!judge_damaged(&bitmap(&[(3, 4), (9, 0)], 7)));
    assert!(!judge_damaged(&bitmap(&[(3, 4), (8, 0)], 6)));
    assert!(!judge_damaged(&bitmap(&[(3, 4), (7, 0)], 6)));
    assert!(!judge_damaged(&bitmap(&[(9, 0), (3, 4)], 6)));
    assert!(!judge_damaged(&bitmap(&[(65_535, 1)], 2)));
    assert!(!judge_damaged(&bitmap(&[], 0)));
}
