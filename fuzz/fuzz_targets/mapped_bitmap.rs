//! Bytes as a mapped bitmap: what is accepted means what `roaring` says, and nothing panics or reads elsewhere.
//!
//! The first byte says where the bytes are parted in two bitmaps, which then meet, and are asked of the values that the
//! bytes also are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use navedb::bits::{Bits, Container, MappedBitmap};
use roaring::RoaringBitmap;

fn rows_of(bitmap: &MappedBitmap<'_>) -> RoaringBitmap {
    let mut rows = RoaringBitmap::new();
    for (key, container) in bitmap.iter() {
        container.each(|row| {
            rows.insert(u32::from(key) << 16 | u32::from(row));
        });
    }
    rows
}

/// The rows of bytes that are accepted, which `roaring` must read as well.
fn judge(bytes: &[u8]) -> Option<RoaringBitmap> {
    let accepted = MappedBitmap::validate(bytes);
    let bitmap = MappedBitmap::open(bytes)?;
    for (_, container) in bitmap.iter().take(8) {
        ask(container, bytes, accepted);
    }
    accepted.then(|| {
        let known = RoaringBitmap::deserialize_from(bytes).expect("roaring accepts it too");
        assert_eq!(bitmap.count(), known.len());
        assert_eq!(rows_of(&bitmap), known);
        known
    })
}

/// Everything that may be asked of a container. One that is not sound may give rows that are not its own.
fn ask(container: Container<'_>, values: &[u8], sound: bool) {
    let (mut bits, mut rest) = (Bits::empty(), Bits::full());
    bits.load(container);
    rest.and_not_container(container);
    assert_eq!(bits.and_count(&rest), 0);
    assert_eq!(bits.count() + rest.count(), 1 << 16);
    rest.or_container(container);
    assert_eq!(rest, Bits::full());
    rest.and_container(container);
    let counts = [bits.and_count_container(container), container.and_count(container)];
    assert!(!sound || (rest == bits && counts == [bits.count(); 2]));
    for width in [1, 2, 4, 8] {
        let sum = bits.rows().fold((0_u128, 0_u32), |(sum, number), row| {
            let at = usize::from(row) * width;
            match values.get(at..at + width) {
                Some(value) => {
                    let value =
                        value.iter().rev().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
                    (sum + value, number + 1)
                }
                None => (sum, number),
            }
        });
        assert_eq!(bits.sum(values, width as u8), sum);
        if let Some((least, greatest)) = bits.extremes(values, width as u8) {
            rest.between(values, width as u8, least, greatest);
            assert_eq!(rest.and_count(&bits), sum.1);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((parted, bytes)) = bytes.split_first() else { return };
    let middle = bytes.len() * usize::from(*parted) / 255;
    let (one, two) = bytes.split_at(middle);
    let rows = (judge(one), judge(two));
    let (Some(one), Some(two)) = (MappedBitmap::open(one), MappedBitmap::open(two)) else { return };
    let shared = one.and_count(&two);
    if let (Some(one), Some(two)) = rows {
        assert_eq!(shared, one.intersection_len(&two));
    }
});
