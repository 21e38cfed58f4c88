//! Indexes tell of every row what a plain list tells: over files and parts in memory, alone and over one another.

use super::*;
use crate::base::bits::Bits;
use crate::base::dir::MemoryDir;
use crate::base::number::Decimal;
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::time::{Date, Timestamp};
use crate::base::value::{Value, ValueType};
use crate::column::congruence::{Rng, file, memory};
use crate::column::{Cell, Dictionary, OpenColumn};
use std::cmp::Ordering;
use std::sync::Arc;

const KEY: BlockKey = BlockKey::new(2, 0, 17, 0);
const ROWS: u32 = 150_000;
const TYPES: [ValueType; 8] = [
    ValueType::Text,
    ValueType::Integer,
    ValueType::Decimal,
    ValueType::Float,
    ValueType::Boolean,
    ValueType::Date,
    ValueType::Timestamp,
    ValueType::Set,
];

fn value(rng: &mut Rng, value_type: ValueType, texts: u64, wide: bool) -> Value {
    let number =
        if wide { rng.next().cast_signed() >> rng.below(60) } else { rng.below(200) as i64 };
    let text = |rng: &mut Rng| format!("t{}", rng.below(texts));
    match value_type {
        ValueType::Text => Value::Text(text(rng)),
        ValueType::Integer => Value::Integer(number),
        ValueType::Decimal => Value::Decimal(Decimal { coefficient: i128::from(number), scale: 2 }),
        ValueType::Float => Value::Float(match rng.below(40) {
            0 => rng.pick(&[0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
            _ => number as f64 / 8.0,
        }),
        ValueType::Boolean => Value::Boolean(rng.below(3) == 0),
        ValueType::Date => Value::Date(Date((number % 30_000) as i32)),
        ValueType::Timestamp => Value::Timestamp(Timestamp(number >> 8)),
        ValueType::Set => {
            let mut all: Vec<String> = (0..rng.below(4)).map(|_| text(rng)).collect();
            all.sort_unstable();
            all.dedup();
            Value::Set(all)
        }
    }
}

struct World {
    model: Vec<Option<Value>>,
    column: ColumnIndex,
}

/// Rows of a part: most of a stretch, or a few anywhere.
fn rows(rng: &mut Rng, few: bool) -> Vec<u32> {
    if few {
        let mut some: Vec<u32> =
            (0..rng.below(300)).map(|_| rng.below(ROWS.into()) as u32).collect();
        some.sort_unstable();
        some.dedup();
        return some;
    }
    let start = rng.pick(&[0, 0, 70, 65_500, 131_072]);
    let end = rng.pick(&[60_000, 65_536, 131_072, 140_000, ROWS]);
    let gaps = rng.below(3) == 0;
    (start..end).filter(|row| !gaps || row % 7 != 3).collect()
}

fn world(rng: &mut Rng, value_type: ValueType) -> World {
    let dir = MemoryDir::new();
    let (texts, wide) = (rng.pick(&[3, 40, 9000]), rng.below(2) == 0);
    let mut model = vec![None; ROWS as usize];
    let mut part = |rng: &mut Rng, few: bool, disk: bool| -> Arc<Part> {
        let mut column = OpenColumn::new(value_type);
        let nulls = rng.below(3);
        for row in rows(rng, few) {
            let null = nulls > 0 && rng.below(10) < nulls;
            let value = (!null).then(|| value(rng, value_type, texts, wide));
            column.push(row, value.as_ref());
            model[row as usize] = value;
        }
        let fill = |writer: &mut PartWriter| column.write(writer, KEY, None, true).unwrap();
        if disk { file(&dir, fill) } else { memory(fill) }
    };
    let files: Vec<_> = (0..rng.below(4))
        .map(|number| {
            let few = number > 0 && rng.below(2) == 0;
            part(rng, few, true)
        })
        .collect();
    let over: Vec<_> = (0..rng.below(3)).map(|_| part(rng, true, false)).collect();
    let base = Arc::new(Layer::new(files.iter(), KEY).unwrap().spread().unwrap());
    let over = Layer::new(over.iter(), KEY).unwrap();
    World { model, column: ColumnIndex::new(base, over, Some(value_type)) }
}

impl World {
    fn cell(&self, row: u32) -> Cell<'_> {
        self.model.get(row as usize).and_then(Option::as_ref).map_or(Cell::Null, Cell::of)
    }

    /// Rows of a chunk that a test takes.
    fn wanted(&self, chunk: u32, test: impl Fn(Cell<'_>) -> bool) -> Bits {
        let mut rows = Bits::empty();
        for low in 0..=u16::MAX {
            if test(self.cell(chunk << 16 | u32::from(low))) {
                rows.insert(low);
            }
        }
        rows
    }
}

fn asked(rng: &mut Rng) -> Bits {
    let mut rows = Bits::empty();
    match rng.below(3) {
        0 => rows.fill(),
        1 => (0..rng.below(3000)).for_each(|_| rows.insert(rng.next() as u16)),
        _ => rows.0.iter_mut().for_each(|word| *word = rng.next()),
    }
    rows
}

fn codes_agree(rng: &mut Rng, world: &World, value_type: ValueType) {
    let texts: Vec<String> = (0..1 + rng.below(3)).map(|_| format!("t{}", rng.below(45))).collect();
    let boolean = value_type == ValueType::Boolean;
    let pick = |dictionary: &Dictionary| {
        if boolean {
            return vec![1];
        }
        let mut codes: Vec<u32> = texts.iter().filter_map(|text| dictionary.find(text)).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    };
    let hit = |cell: Cell<'_>| match cell {
        Cell::Text(text) => texts.iter().any(|known| known == text),
        Cell::Set(set) => texts.iter().any(|known| set.holds(known)),
        Cell::Boolean(truth) => truth,
        _ => false,
    };
    codes_of(rng, world, &pick, &hit);
    if value_type == ValueType::Text {
        // Of thousands of texts those with one beginning are a stretch of many codes, or two of them.
        let (one, other) = (format!("t{}", rng.below(9)), format!("t{}7", rng.below(9)));
        let pick = |dictionary: &Dictionary| {
            let both = [one.as_str(), other.as_str()].map(|text| dictionary.prefixed(text));
            let mut codes: Vec<u32> = both.into_iter().flatten().collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        let hit = |cell: Cell<'_>| {
            cell.text().is_some_and(|text| text.starts_with(&one) || text.starts_with(&other))
        };
        codes_of(rng, world, &pick, &hit);
    }
}

fn codes_of(
    rng: &mut Rng,
    world: &World,
    pick: &dyn Fn(&Dictionary) -> Vec<u32>,
    hit: &dyn Fn(Cell<'_>) -> bool,
) {
    let value_type = world.column.value_type();
    let codes = Codes::new(&world.column, pick).unwrap();
    let (mut all, mut rows) = (Vec::new(), Bits::empty());
    for chunk in 0..world.column.chunks() {
        let wanted = world.wanted(chunk, hit);
        codes.select(chunk, &mut rows);
        assert!(rows == wanted, "{value_type:?} {chunk}");
        if let Some(container) = codes.container(chunk) {
            rows.clear();
            container.into_iter().for_each(|container| rows.or_container(container));
            assert!(rows == wanted, "{value_type:?} {chunk}");
        }
        assert!(codes.count_in(chunk).is_none_or(|count| count == wanted.count()));
        all.extend(wanted.rows().map(|low| chunk << 16 | u32::from(low)));
        for _ in 0..200 {
            let low = rng.next() as u16;
            let cell = world.cell(chunk << 16 | u32::from(low));
            assert_eq!(codes.holds(chunk, low), (!cell.is_null()).then(|| hit(cell)));
        }
    }
    let mut each = Vec::new();
    codes.each(&mut |row| each.push(row));
    assert_eq!(each, all);
    assert!(codes.at_most() >= all.len() as u64);
    assert!(codes.count().is_none_or(|count| count == all.len() as u64));
}

fn ranges_agree(rng: &mut Rng, world: &World, value_type: ValueType, constant: &Value) {
    let Some(domain) = world.column.domain() else { return };
    let orders: Vec<Ordering> = [Ordering::Less, Ordering::Equal, Ordering::Greater]
        .into_iter()
        .filter(|_| rng.below(2) == 0)
        .collect();
    let holds = |order: Ordering| orders.contains(&order);
    let Some((range, turned)) = domain.comparing(Cell::of(constant), holds) else {
        panic!("{value_type:?} compares with {constant:?}")
    };
    let range = Range::new(&world.column, range, turned).unwrap();
    let mut rows = Bits::empty();
    let some: Vec<u32> = (0..world.column.chunks() << 16).filter(|_| rng.below(90) == 0).collect();
    let is_in = |row: &u32| {
        let value = value_at(world, *row);
        value.is_some_and(|value| Cell::of(value).compare(Cell::of(constant)).is_some_and(holds))
    };
    let mut kept = some.clone();
    range.keep(&mut kept);
    assert!(kept.iter().eq(some.iter().filter(|row| is_in(row))), "{value_type:?} {constant:?}");
    for chunk in 0..world.column.chunks() {
        let asked = asked(rng);
        let mut wanted =
            world.wanted(chunk, |cell| cell.compare(Cell::of(constant)).is_some_and(holds));
        wanted.and(&asked);
        range.select(chunk, &asked, asked.count(), &mut rows);
        assert!(rows == wanted, "{value_type:?} {constant:?} {orders:?} {chunk}");
    }
}

/// Values are shown once each, and of those that are read in place the least and the greatest are found.
fn values_agree(rng: &mut Rng, world: &World) {
    let Some(domain) = world.column.domain() else { return };
    for chunk in 0..world.column.chunks() {
        let asked = asked(rng);
        let mut wanted = Vec::new();
        for low in asked.rows() {
            let key = |value| domain.key_of(Cell::of(value));
            let value = value_at(world, chunk << 16 | u32::from(low));
            wanted.extend(value.and_then(key).map(|key| (low, key)));
        }
        let mut shown = Vec::new();
        world.column.each_value(chunk, &asked, |row, view, slot| {
            shown.push((row, domain.key(view, slot)));
        });
        shown.sort_unstable();
        assert_eq!(shown, wanted, "{domain:?} {chunk}");
        let Some(direct) = world.column.direct(chunk) else { continue };
        let Some(found) = direct.extremes(&asked) else { continue };
        let keys = || wanted.iter().map(|(_, key)| *key);
        let ends = keys().min().zip(keys().max());
        assert_eq!(found.map(|[least, greatest]| (least.0, greatest.0)), ends, "{domain:?}");
        for (key, cell) in found.into_iter().flatten() {
            assert_eq!(domain.key_of(cell), Some(key), "{domain:?}");
        }
    }
}

fn labels_agree(rng: &mut Rng, world: &World) {
    let least = |value: &Value| match value {
        Value::Integer(number) => Some(*number),
        Value::Date(date) => Some(i64::from(date.0)),
        _ => None,
    };
    let numbers: Vec<i64> = world.model.iter().flatten().filter_map(least).collect();
    let close = numbers.iter().all(|number| (0..200).contains(number));
    let Some(labels) = world.column.labels() else {
        let few = matches!(world.column.value_type(), Some(ValueType::Integer | ValueType::Date));
        return assert!(!(few && close) || numbers.is_empty());
    };
    let mut numbers = Vec::new();
    if world.column.value_type() == Some(ValueType::Set) {
        return sets_agree(rng, world, labels);
    }
    for chunk in 0..world.column.chunks() {
        let asked = asked(rng);
        labels.of_rows(&world.column, chunk, &asked, &mut numbers).unwrap();
        let bytes = labels.bytes(&world.column, chunk);
        assert_eq!(numbers.len(), asked.count() as usize);
        for (low, number) in asked.rows().zip(&numbers) {
            let value = value_at(world, chunk << 16 | u32::from(low));
            assert_eq!(labels.value(*number as usize), value);
            if let Some(of) = &bytes
                && let Some(byte) = of.bytes.get(usize::from(low))
                && value.is_some()
            {
                assert_eq!(of.numbers.get(usize::from(*byte)), Some(number));
            }
        }
        if let Some(bytes) = bytes {
            let (mut counts, mut wanted) = (vec![1; labels.len() + 1], vec![1; labels.len() + 1]);
            bytes.count(&asked, &mut counts).unwrap();
            numbers.iter().for_each(|number| wanted[*number as usize] += 1);
            assert_eq!(counts, wanted);
        }
    }
}

fn sets_agree(rng: &mut Rng, world: &World, labels: &Labels) {
    for chunk in 0..world.column.chunks() {
        let asked = asked(rng);
        let (mut texts, mut wanted) = (Vec::new(), Vec::new());
        labels.each(&world.column, chunk, &asked, &mut |number| {
            texts.push(labels.value(number as usize).unwrap().to_string());
        });
        for low in asked.rows() {
            if let Some(Value::Set(set)) = value_at(world, chunk << 16 | u32::from(low)) {
                wanted.extend(set.iter().cloned());
            }
        }
        assert_eq!(texts, wanted);
    }
}

fn value_at(world: &World, row: u32) -> Option<&Value> {
    world.model.get(row as usize).and_then(Option::as_ref)
}

#[test]
fn indexes_tell_what_rows_tell() {
    let mut rng = Rng(41);
    for round in 0..3 {
        for value_type in TYPES {
            let world = world(&mut rng, value_type);
            let mut rows = Bits::empty();
            for chunk in 0..world.column.chunks() {
                world.column.present(chunk, &mut rows);
                assert!(rows == world.wanted(chunk, |cell| !cell.is_null()), "{value_type:?}");
            }
            match value_type {
                ValueType::Text | ValueType::Set | ValueType::Boolean => {
                    codes_agree(&mut rng, &world, value_type);
                    labels_agree(&mut rng, &world);
                }
                _ => {
                    for _ in 0..4 {
                        let wide = round == 0;
                        let constant = value(&mut rng, value_type, 1, wide);
                        ranges_agree(&mut rng, &world, value_type, &constant);
                    }
                    let other = match value_type {
                        ValueType::Date => Value::Timestamp(Timestamp(86_400_000_000 * 50 + 5)),
                        ValueType::Timestamp => Value::Date(Date(3)),
                        _ => rng.pick(&[Value::Float(7.5), Value::Integer(7)]),
                    };
                    ranges_agree(&mut rng, &world, value_type, &other);
                    values_agree(&mut rng, &world);
                    labels_agree(&mut rng, &world);
                }
            }
        }
    }
}

/// One file that tells of all rows, whose values are read in place.
#[test]
fn whole_columns_are_found_by_kernels_as_by_rows() {
    let (dir, mut rng) = (MemoryDir::new(), Rng(43));
    for round in 0..4 {
        for value_type in
            [ValueType::Text, ValueType::Integer, ValueType::Decimal, ValueType::Float]
        {
            let mut column = OpenColumn::new(value_type);
            // Floats of every kind in some rounds, and above nought alone in the others.
            let kept = |value: Value| match value {
                Value::Float(number) if round > 1 => Value::Float(number.abs().min(1e9) + 0.5),
                value => value,
            };
            let some = |rng: &mut Rng| kept(value(rng, value_type, 9000, round == 0));
            let known = |rng: &mut Rng| round % 2 == 0 || rng.below(50) > 0;
            let model: Vec<Option<Value>> =
                (0..ROWS).map(|_| known(&mut rng).then(|| some(&mut rng))).collect();
            (0..).zip(&model).for_each(|(row, value)| column.push(row, value.as_ref()));
            let part = file(&dir, |writer| column.write(writer, KEY, None, true).unwrap());
            let base = Arc::new(Layer::new([&part].into_iter(), KEY).unwrap().spread().unwrap());
            let column = ColumnIndex::new(base, Layer::default(), Some(value_type));
            let world = World { model, column };
            if value_type == ValueType::Text {
                codes_agree(&mut rng, &world, value_type);
                continue;
            }
            let in_place = (0..world.column.chunks()).filter(|chunk| {
                let direct = world.column.direct(*chunk);
                direct.is_some_and(|direct| direct.extremes(&Bits::full()).is_some())
            });
            let mixed = value_type == ValueType::Float && round < 2;
            assert_eq!(in_place.count(), if mixed { 0 } else { 3 }, "{value_type:?} {round}");
            values_agree(&mut rng, &world);
        }
    }
}

/// Digits that fit 64 bits in the scale of their block, and not in that of another.
#[test]
fn decimals_of_several_scales_are_compared_exactly() {
    let dir = MemoryDir::new();
    let part = |coefficient: i128, scale: u8, row: u32| {
        let mut column = OpenColumn::new(ValueType::Decimal);
        column.push(row, Some(&Value::Decimal(Decimal { coefficient, scale })));
        file(&dir, |writer| column.write(writer, KEY, None, true).unwrap())
    };
    let large = 9_000_000_000_000_000_i128;
    let parts = [part(large * 100, 2, 0), part(1, 5, 70_000), part(-large, 0, 70_001)];
    let base = Arc::new(Layer::new(parts.iter(), KEY).unwrap().spread().unwrap());
    let column = ColumnIndex::new(base, Layer::default(), Some(ValueType::Decimal));
    // Without keys a column is looked at row by row, which is exact.
    assert_eq!(column.domain(), None);
    let parts = [part(4_000, 2, 0), part(1, 5, 70_000)];
    let base = Arc::new(Layer::new(parts.iter(), KEY).unwrap().spread().unwrap());
    let column = ColumnIndex::new(base, Layer::default(), Some(ValueType::Decimal));
    assert_eq!(column.domain(), Some(Domain::Decimal(5)));
}
