//! The kernels over bitmaps of ten million rows where they are mapped, against `roaring` and CRoaring, and over the
//! values of one chunk. Bitmaps lie at a multiple of eight bytes and of no more, as in a part.

use criterion::{Criterion, Throughput};
use navedb::bits::{Bits, MappedBitmap, chosen};
use roaring::RoaringBitmap;
use std::hint::black_box;

const ROWS: u32 = 10_000_000;

/// xorshift64 (Marsaglia 2003).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// So many of a thousand rows.
fn bitmap(of_thousand: u64, state: &mut u64) -> RoaringBitmap {
    let rows = (0..ROWS).filter(|_| next(state) % 1000 < of_thousand);
    RoaringBitmap::from_sorted_iter(rows).expect("rows ascend")
}

fn stored(bitmap: &RoaringBitmap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap.serialize_into(&mut bytes).expect("a vector takes all");
    bytes
}

fn intersections(criterion: &mut Criterion) {
    let mut state = 1;
    let mut group = criterion.benchmark_group("rows in both of two bitmaps of 10 M rows");
    for (name, one, two) in [
        ("30 % and 40 %", 300, 400),
        ("1 % and 30 %", 10, 300),
        ("0.1 % and 1 %", 1, 10),
        ("1 % and 1 %", 10, 10),
    ] {
        let (one, two) = (bitmap(one, &mut state), bitmap(two, &mut state));
        let (one_bytes, two_bytes) = (stored(&one), stored(&two));
        assert!(MappedBitmap::validate(&one_bytes) && MappedBitmap::validate(&two_bytes));
        let shared = one.intersection_len(&two);
        group.throughput(Throughput::Bytes((one_bytes.len() + two_bytes.len()) as u64));
        group.bench_function(format!("{name}, mapped, {}", chosen()), |b| {
            b.iter(|| {
                // Opened for each question, as questions do.
                let one = MappedBitmap::open(black_box(&one_bytes)).expect("it is a bitmap");
                let two = MappedBitmap::open(black_box(&two_bytes)).expect("it is a bitmap");
                assert_eq!(one.and_count(&two), shared);
            });
        });
        group.bench_function(format!("{name}, roaring"), |b| {
            b.iter(|| assert_eq!(black_box(&one).intersection_len(black_box(&two)), shared));
        });
        let read = |bytes: &[u8]| croaring::Bitmap::deserialize::<croaring::Portable>(bytes);
        let (one, two) = (read(&one_bytes), read(&two_bytes));
        group.bench_function(format!("{name}, croaring"), |b| {
            b.iter(|| assert_eq!(black_box(&one).and_cardinality(black_box(&two)), shared));
        });
    }
    group.finish();
}

fn values(criterion: &mut Criterion) {
    let mut state = 2;
    let bytes: Vec<u8> = (0..8 << 16).map(|_| next(&mut state) as u8).collect();
    let mut half = Bits::empty();
    (0..=u16::MAX).filter(|_| next(&mut state).is_multiple_of(2)).for_each(|row| half.insert(row));
    let mut found = Bits::empty();
    let mut group = criterion.benchmark_group("values of a chunk of 65,536 rows");
    for width in [1_u8, 2, 4, 8] {
        let values = bytes.get(..usize::from(width) << 16).expect("there are so many");
        let most = u64::MAX >> (64 - u32::from(width) * 8);
        group.throughput(Throughput::Bytes(values.len() as u64));
        group.bench_function(format!("between, {width} bytes"), |b| {
            b.iter(|| found.between(black_box(values), width, most / 4, most / 2));
        });
        if width == 1 {
            let mut other = Bits::empty();
            group.bench_function("between two pairs of bounds, 1 bytes", |b| {
                b.iter(|| {
                    found.between_both(&mut other, black_box(values), [(64, 127), (60, 130)])
                });
            });
        }
        group.bench_function(format!("sum at half of the rows, {width} bytes"), |b| {
            b.iter(|| black_box(&half).sum(black_box(values), width));
        });
        group.bench_function(format!("extremes at half of the rows, {width} bytes"), |b| {
            b.iter(|| black_box(&half).extremes(black_box(values), width));
        });
    }
    let values = bytes.get(..1 << 16).expect("there are so many");
    let mut counts = [0; 256];
    group.throughput(Throughput::Bytes(values.len() as u64));
    group.bench_function("histogram at half of the rows", |b| {
        b.iter(|| black_box(&half).histogram(black_box(values), &mut counts));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    intersections(&mut criterion);
    values(&mut criterion);
    criterion.final_summary();
}
