//! Sets of every shape, held against the `roaring` crate and against scalar code, with every table of kernels.

use super::dispatch::every;
use super::*;
use crate::base::random::Rng;
use ::roaring::RoaringBitmap;

/// Rows of one chunk, in every shape that a container may have and at its edges.
pub(super) fn shapes(rng: &mut Rng) -> Vec<Vec<u16>> {
    let mut shapes: Vec<Vec<u16>> = vec![
        vec![],
        vec![0],
        vec![u16::MAX],
        vec![0, u16::MAX],
        vec![63, 64, 127, 128, 65_471, 65_472],
        (0..=u16::MAX).collect(),
        (1..u16::MAX).collect(),
        (0..4096).collect(),
        (0..4097).map(|row| row * 15).collect(),
        (0..4096).map(|row| row * 16 + 15).collect(),
        (0..=u16::MAX).filter(|row| row % 2 == 1).collect(),
        (0..=u16::MAX).filter(|row| row % 1000 < 900).collect(),
        (0..=u16::MAX).filter(|row| row % 64 == 63 || row % 64 == 0).collect(),
    ];
    for of_thousand in [1, 30, 62, 70, 300, 900, 999] {
        shapes.push((0..=u16::MAX).filter(|_| rng.below(1000) < of_thousand).collect());
    }
    for runs in [1, 3, 60, 900] {
        let mut rows: Vec<u16> = Vec::new();
        for _ in 0..runs {
            let first = rng.below(1 << 16) as u16;
            let last = first.saturating_add(rng.below(120_000 / (runs + 1)) as u16);
            rows.extend(first..=last);
        }
        rows.sort_unstable();
        rows.dedup();
        shapes.push(rows);
    }
    shapes
}

/// The rows as bytes of the portable format, at an address that is a multiple of nothing.
pub(super) struct Serialized {
    bytes: Vec<u8>,
}

impl Serialized {
    pub(super) fn new(bitmap: &RoaringBitmap) -> Serialized {
        let mut bytes = vec![0; 1];
        bitmap.serialize_into(&mut bytes).unwrap();
        Serialized { bytes }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[1..]
    }
}

/// The bitmap, as arrays and bitmaps, and as runs where these are smaller, and as nothing but runs.
fn stored_forms(rows: &[u16]) -> Vec<Serialized> {
    let mut bitmap: RoaringBitmap = rows.iter().map(|row| u32::from(*row)).collect();
    bitmap.remove_run_compression();
    let plain = Serialized::new(&bitmap);
    bitmap.optimize();
    vec![plain, Serialized::new(&bitmap)]
}

/// The bytes of runs of rows, whether or not these are the smallest form.
fn run_bytes(rows: &[u16]) -> Vec<u8> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for row in rows {
        match runs.last_mut() {
            Some((first, more)) if u32::from(*first) + u32::from(*more) + 1 == u32::from(*row) => {
                *more += 1;
            }
            _ => runs.push((*row, 0)),
        }
    }
    let bytes = |(first, more): &(u16, u16)| [first.to_le_bytes(), more.to_le_bytes()].concat();
    runs.iter().flat_map(bytes).collect()
}

pub(super) fn bits_of(rows: &[u16]) -> Bits {
    let mut bits = Bits::empty();
    rows.iter().for_each(|row| bits.insert(*row));
    bits
}

/// A set of rows in every form in which a container may hold it.
fn with_containers(rows: &[u16], mut look: impl FnMut(Container<'_>)) {
    for stored in stored_forms(rows) {
        assert!(MappedBitmap::validate(stored.bytes()));
        let mapped = MappedBitmap::open(stored.bytes()).unwrap();
        assert_eq!(mapped.count(), rows.len() as u64);
        match mapped.find(0) {
            Some(container) => look(container),
            None => assert!(rows.is_empty()),
        }
    }
    let array: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
    look(Container::Array(&array));
    look(Container::Runs(&run_bytes(rows)));
    let words: Vec<u8> = bits_of(rows).0.iter().flat_map(|word| word.to_le_bytes()).collect();
    look(Container::Bitmap(&words));
}

#[test]
fn containers_of_every_shape_have_their_rows_and_no_other() {
    let mut rng = Rng(1);
    for rows in shapes(&mut rng) {
        let bits = bits_of(&rows);
        assert_eq!(bits.count() as usize, rows.len());
        assert_eq!(bits.is_empty(), rows.is_empty());
        assert_eq!(bits.rows().collect::<Vec<_>>(), rows);
        let mut seen = Vec::new();
        bits.each(|row| seen.push(row));
        assert_eq!(seen, rows);
        with_containers(&rows, |container| {
            let mut seen = Vec::new();
            container.each(|row| seen.push(row));
            assert_eq!(seen, rows);
            assert_eq!(container.count() as usize, rows.len());
            let mut loaded = Bits::full();
            loaded.load(container);
            assert_eq!(loaded, bits);
            for _ in 0..200 {
                let row = rng.below(1 << 16) as u16;
                assert_eq!(container.contains(row), rows.binary_search(&row).is_ok());
                assert_eq!(bits.contains(row), rows.binary_search(&row).is_ok());
            }
        });
    }
}

#[test]
fn two_sets_of_every_shape_meet_as_their_rows_do() {
    let mut rng = Rng(2);
    let shapes = shapes(&mut rng);
    for one in &shapes {
        let ours = bits_of(one);
        for two in shapes.iter().skip(rng.below(4)).step_by(4) {
            let theirs = bits_of(two);
            let (mut and, mut or, mut not) = (ours.clone(), ours.clone(), ours.clone());
            and.and(&theirs);
            or.or(&theirs);
            not.and_not(&theirs);
            for row in 0..=u16::MAX {
                let (a, b) = (ours.contains(row), theirs.contains(row));
                let found = (and.contains(row), or.contains(row), not.contains(row));
                assert_eq!(found, (a && b, a || b, a && !b));
            }
            let expected = and.rows().count() as u32;
            assert_eq!(ours.and_count(&theirs), expected);
            with_containers(two, |theirs| {
                assert_eq!(ours.and_count_container(theirs), expected);
                let mut found = ours.clone();
                found.and_container(theirs);
                assert_eq!(found, and);
                found.copy_from(&ours);
                found.or_container(theirs);
                assert_eq!(found, or);
                found.copy_from(&ours);
                found.and_not_container(theirs);
                assert_eq!(found, not);
            });
        }
    }
}

#[test]
fn containers_of_all_pairs_of_kinds_count_what_they_share_with_every_kernel() {
    let mut rng = Rng(3);
    let shapes = shapes(&mut rng);
    for _ in 0..60 {
        let one = &shapes[rng.below(shapes.len())];
        let two = &shapes[rng.below(shapes.len())];
        let mut both = bits_of(one);
        both.and(&bits_of(two));
        let expected = both.rows().count() as u32;
        with_containers(one, |one| {
            with_containers(two, |two| {
                assert_eq!(one.and_count(two), expected, "{one:?} {two:?}");
                for kernels in every() {
                    assert_eq!(one.and_count_with(two, kernels), expected, "{}", kernels.name);
                }
            });
        });
    }
}

#[test]
fn every_kernel_answers_what_scalar_code_does() {
    let mut rng = Rng(4);
    let shapes = shapes(&mut rng);
    for one in &shapes {
        let two = &shapes[rng.below(shapes.len())];
        let (ours, theirs) = (bits_of(one), bits_of(two));
        let stored = |bits: &Bits| bits.0.map(u64::to_le_bytes);
        let (ours_stored, theirs_stored) = (stored(&ours), stored(&theirs));
        let pairs = || ours.0.iter().zip(&theirs.0);
        let shared: u32 = pairs().map(|(a, b)| (a & b).count_ones()).sum();
        let runs = run_bytes(two);
        let runs = runs.as_chunks::<4>().0;
        for kernels in every() {
            assert_eq!((kernels.count)(&ours.0) as usize, one.len(), "{}", kernels.name);
            assert_eq!((kernels.count_stored)(&ours_stored) as usize, one.len());
            assert_eq!((kernels.and_count)(&ours.0, &theirs.0), shared, "{}", kernels.name);
            assert_eq!((kernels.and_count_mixed)(&ours.0, &theirs_stored), shared);
            assert_eq!((kernels.and_count_stored)(&ours_stored, &theirs_stored), shared);
            assert_eq!((kernels.runs_count)(&ours.0, runs), shared, "{}", kernels.name);
            assert_eq!((kernels.runs_count_stored)(&ours_stored, runs), shared);
            let expected = [
                pairs().map(|(a, b)| a & b).collect::<Vec<_>>(),
                pairs().map(|(a, b)| a | b).collect(),
                pairs().map(|(a, b)| a & !b).collect(),
            ];
            let made = [kernels.and, kernels.or, kernels.and_not];
            let made_stored = [kernels.and_stored, kernels.or_stored, kernels.and_not_stored];
            for ((make, make_stored), expected) in made.iter().zip(made_stored).zip(expected) {
                let mut found = ours.clone();
                make(&mut found.0, &theirs.0);
                assert_eq!(found.0.as_slice(), expected, "{}", kernels.name);
                found.copy_from(&ours);
                make_stored(&mut found.0, &theirs_stored);
                assert_eq!(found.0.as_slice(), expected, "{}", kernels.name);
            }
        }
    }
}

#[test]
fn arrays_of_every_length_share_what_they_share() {
    let mut rng = Rng(5);
    for round in 0..3000 {
        let spread = [40, 600, 1 << 16][round % 3];
        let mut array = |most: usize| {
            let mut rows: Vec<u16> =
                (0..rng.below(most)).map(|_| rng.below(spread) as u16).collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        let (one, two) = (array(80), array([20, 80, 3000][round % 7 % 3]));
        let expected = one.iter().filter(|row| two.binary_search(row).is_ok()).count() as u32;
        let bytes = |rows: &[u16]| rows.iter().map(|row| row.to_le_bytes()).collect::<Vec<_>>();
        let (one, two) = (bytes(&one), bytes(&two));
        for kernels in every() {
            assert_eq!((kernels.arrays_count)(&one, &two), expected, "{}", kernels.name);
            assert_eq!((kernels.arrays_count)(&two, &one), expected, "{}", kernels.name);
        }
        let (one, two) =
            (Container::Array(one.as_flattened()), Container::Array(two.as_flattened()));
        assert_eq!(one.and_count(two), expected);
    }
}

#[test]
fn ranges_go_in_and_out_whole() {
    let mut rng = Rng(6);
    let edges = [0, 1, 62, 63, 64, 65, 127, 128, 65_471, 65_472, 65_534, u16::MAX];
    let mut row =
        || if rng.below(2) == 0 { edges[rng.below(12)] } else { rng.below(1 << 16) as u16 };
    for _ in 0..400 {
        let (first, last) = (row(), row());
        let (mut bits, mut rest) = (Bits::empty(), Bits::full());
        bits.insert_range(first, last);
        rest.remove_range(first, last);
        assert_eq!(bits, bits_of(&(first..=last).collect::<Vec<_>>()), "{first} {last}");
        rest.or(&bits);
        assert_eq!(rest, Bits::full());
        bits.remove(first);
        assert!(!bits.contains(first));
    }
    let mut bits = *Bits::boxed();
    bits.fill();
    assert_eq!(bits.count(), 1 << 16);
    bits.clear();
    assert!(bits.is_empty());
    assert_eq!(align_of::<Bits>(), 64);
    assert!(available().any(|name| name == chosen()));
}
