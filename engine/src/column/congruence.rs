//! A column reads the same from memory, from a file, merged or not, and as a plain map would.

use super::*;
use crate::base::dir::{Dir, MemoryDir};
use crate::base::part::{BlockKey, Part, PartWriter};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const KEY: BlockKey = BlockKey::new(2, 0, 17, 0);

/// splitmix64 (Steele, Lea and Flood 2014).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

fn text(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => String::new(),
        1 => "a".repeat(rng.below(70_000) as usize),
        2 => rng.pick(&["é", "日本", "a\0b", "ab", "abc", "\u{10ffff}", " "]).to_owned(),
        _ => format!("{}{}", rng.pick(&["a", "ab", "b", "Ab"]), rng.below(40)),
    }
}

pub fn value(rng: &mut Rng, value_type: ValueType) -> Value {
    const INTEGERS: [i64; 6] = [i64::MIN, i64::MAX, 0, -1, 255, 65_536];
    match value_type {
        ValueType::Text => Value::Text(text(rng)),
        ValueType::Integer if rng.below(9) == 0 => Value::Integer(rng.pick(&INTEGERS)),
        ValueType::Integer => Value::Integer(rng.below(300).cast_signed() - 100),
        ValueType::Decimal => {
            let scale = if rng.below(2) == 0 { 2 } else { rng.below(39) as u8 };
            let wide = (i128::from(rng.next()) << 60) - (1 << 122);
            let coefficient =
                if rng.below(5) == 0 { wide } else { i128::from(rng.below(10_000)) - 5000 };
            Value::Decimal(Decimal::new(coefficient, scale).unwrap())
        }
        ValueType::Float => {
            let floats = [f64::MAX, f64::MIN_POSITIVE, -0.0, 0.0, f64::INFINITY, 0.1];
            Value::Float(if rng.below(3) == 0 { rng.pick(&floats) } else { rng.below(99) as f64 })
        }
        ValueType::Boolean => Value::Boolean(rng.below(2) == 0),
        ValueType::Date => Value::Date(Date(rng.below(40_000) as i32 - 9000)),
        ValueType::Timestamp => Value::Timestamp(Timestamp(rng.next().cast_signed() >> 12)),
        ValueType::Set => {
            let texts: BTreeSet<String> = (0..rng.below(5)).map(|_| text(rng)).collect();
            Value::Set(texts.into_iter().collect())
        }
    }
}

/// Rows around the ends of chunks, in runs and alone.
fn rows(rng: &mut Rng) -> BTreeSet<u32> {
    let mut rows = BTreeSet::new();
    for _ in 0..1 + rng.below(6) {
        let start = rng.pick(&[0, 7, 65_530, 131_060, 300_000]) + rng.below(9) as u32;
        let (count, step) = (rng.below(30) as u32, 1 + rng.below(3) as u32);
        rows.extend((0..count).map(|i| start + i * step));
    }
    rows
}

type Model = BTreeMap<u32, Option<Value>>;

pub fn file(dir: &MemoryDir, fill: impl FnOnce(&mut PartWriter)) -> Arc<Part> {
    let name = format!("p{}", dir.list("").unwrap().len());
    let mut writer = PartWriter::file(dir.append(&name).unwrap());
    fill(&mut writer);
    let digest = writer.into_file(1).unwrap();
    let part = Arc::new(Part::open(dir, &name, &digest).unwrap());
    part.check().unwrap();
    part
}

pub fn memory(fill: impl FnOnce(&mut PartWriter)) -> Arc<Part> {
    let mut writer = PartWriter::memory();
    fill(&mut writer);
    Arc::new(writer.into_memory(1))
}

/// How parts that stand beside each other become one; whether none is older.
pub type Merging<'m> = dyn Fn(&[Arc<Part>], &mut PartWriter, bool) + 'm;

/// Merges neighbours at random until few parts are left.
pub fn merged(
    rng: &mut Rng,
    parts: &[Arc<Part>],
    dir: Option<&MemoryDir>,
    merge: &Merging<'_>,
) -> Vec<Arc<Part>> {
    let mut parts = parts.to_vec();
    while parts.len() > 1 && rng.below(5) > 0 {
        let first = rng.below(parts.len() as u64 - 1) as usize;
        let last = first + 2 + rng.below((parts.len() - first - 1) as u64) as usize;
        let fill = |writer: &mut PartWriter| merge(&parts[first..last], writer, first == 0);
        let part = match dir {
            Some(dir) => file(dir, fill),
            None => memory(fill),
        };
        parts.splice(first..last, [part]);
    }
    parts
}

fn merge_one(parts: &[Arc<Part>], writer: &mut PartWriter, whole: bool) {
    let keeping = Keeping { index: true, nulls: !whole };
    merge_column(parts, KEY, writer, keeping).unwrap();
}

fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(Value::Float(a)), Some(Value::Float(b))) => a.to_bits() == b.to_bits(),
        (Some(Value::Decimal(a)), Some(Value::Decimal(b))) => {
            (a.coefficient, a.scale) == (b.coefficient, b.scale)
        }
        (left, right) => left == right,
    }
}

fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::Text(text) => vec![text],
        Value::Set(texts) => texts.iter().map(String::as_str).collect(),
        Value::Boolean(true) => vec!["true"],
        Value::Boolean(false) => vec!["false"],
        _ => Vec::new(),
    }
}

fn judge(model: &Model, parts: &[Arc<Part>], wanted: ValueType, here: &str) {
    let faults = Faults::default();
    let view = ColumnView::new(parts.iter(), KEY, Some(wanted), &faults);
    let end = model.keys().last().map_or(0, |last| last + 3);
    let near = model.keys().flat_map(|row| row.saturating_sub(1)..row + 2);
    for row in near.chain([end, end + 65_536, u32::MAX - 1]) {
        let told = model.get(&row).and_then(Option::as_ref);
        let expected = told.map(|value| value.widen_to(wanted).unwrap());
        let found = view.cell(row).to_value();
        assert!(
            same(found.as_ref(), expected.as_ref()),
            "{here}: row {row}, {found:?}, {expected:?}"
        );
        let point = Point::find(parts, KEY, row).unwrap();
        assert_eq!(point.is_some(), told.is_some(), "{here}: row {row} alone");
    }
    let present: Vec<u32> = view.present().iter().collect();
    let told = model.iter().filter(|(_, value)| value.is_some()).map(|(row, _)| *row);
    assert_eq!(present, told.collect::<Vec<u32>>(), "{here}: present");
    if !matches!(wanted, ValueType::Text | ValueType::Set | ValueType::Boolean) {
        return faults.check().unwrap();
    }
    let known: BTreeSet<&str> = model.values().flatten().flat_map(texts_of).collect();
    let rows = |holds: &dyn Fn(&str) -> bool| -> Vec<u32> {
        let hit = |value: &Option<Value>| value.iter().flat_map(texts_of).any(holds);
        model.iter().filter(|(_, value)| hit(value)).map(|(row, _)| *row).collect()
    };
    for text in known.into_iter().chain(["", "a", "zz", "true", "a1"]).take(60) {
        let pick = |texts: &Dictionary| match (wanted, text) {
            (ValueType::Boolean, "true") => vec![1],
            (ValueType::Boolean, "false") => vec![0],
            (ValueType::Boolean, _) => Vec::new(),
            _ => texts.find(text).into_iter().collect(),
        };
        let expected = rows(&|known| known == text);
        assert_eq!(view.matching(&pick).iter().collect::<Vec<u32>>(), expected, "{here}: {text:?}");
        if wanted != ValueType::Boolean {
            let begins = |texts: &Dictionary| texts.prefixed(text).collect();
            let found: Vec<u32> = view.matching(&begins).iter().collect();
            assert_eq!(found, rows(&|known| known.starts_with(text)), "{here}: {text:?} and on");
        }
    }
    faults.check().unwrap();
}

fn types_of(rng: &mut Rng) -> Vec<ValueType> {
    use ValueType::{Boolean, Date, Decimal, Float, Integer, Set, Text, Timestamp};
    rng.pick(&[
        vec![Text],
        vec![Set],
        vec![Boolean],
        vec![Integer, Decimal, Float],
        vec![Integer, Float],
        vec![Integer, Decimal],
        vec![Date, Timestamp],
        vec![Integer],
        vec![Timestamp],
    ])
}

#[test]
fn a_column_is_a_map_however_it_is_stored() {
    for seed in 0..250 {
        let mut rng = Rng(seed);
        let dir = MemoryDir::new();
        let mut types = types_of(&mut rng);
        types.reverse();
        let mut wanted = types.pop().unwrap();
        let (mut model, mut overlay, mut files) = (Model::new(), Vec::new(), Vec::new());
        for _ in 0..1 + rng.below(9) {
            let mut open = OpenColumn::new(wanted);
            for row in rows(&mut rng) {
                for _ in 0..=rng.below(12) / 11 {
                    if !types.is_empty() && rng.below(40) == 0 {
                        wanted = types.pop().unwrap();
                        open.widen(wanted);
                    }
                    let told = (rng.below(5) > 0).then(|| value(&mut rng, wanted));
                    open.push(row, told.as_ref());
                    model.insert(row, told);
                }
            }
            if open.len() > 0 {
                overlay.push(memory(|writer| open.write(writer, KEY, None, true).unwrap()));
                files.push(file(&dir, |writer| open.write(writer, KEY, None, true).unwrap()));
            }
        }
        let here = |what: &str| format!("seed {seed}, {wanted}, {what}");
        judge(&model, &overlay, wanted, &here("overlay"));
        judge(&model, &files, wanted, &here("files"));
        let few = merged(&mut rng, &overlay, None, &merge_one);
        judge(&model, &few, wanted, &here("merged in memory"));
        let few = merged(&mut rng, &few, Some(&dir), &merge_one);
        judge(&model, &few, wanted, &here("memory merged into files"));
        let few = merged(&mut rng, &files, Some(&dir), &merge_one);
        judge(&model, &few, wanted, &here("merged files"));
        let one = file(&dir, |writer| merge_one(&few, writer, true));
        judge(&model, &[one], wanted, &here("one file"));
    }
}

/// More texts than have a bitmap each, over chunks of texts and of rows.
#[test]
fn many_texts_have_lists_of_rows() {
    let dir = MemoryDir::new();
    for count in [4095_u32, 4096, 4097, 70_000] {
        let mut open = OpenColumn::new(ValueType::Text);
        let name = |number: u32| format!("t{number:05}");
        let rows = count + 5000;
        for row in 0..rows {
            open.push(row * 3, Some(&Value::Text(name(row * 7 % count))));
        }
        let part = file(&dir, |writer| open.write(writer, KEY, None, true).unwrap());
        let later = {
            let mut open = OpenColumn::new(ValueType::Text);
            (0..50).for_each(|row| open.push(row * 3, Some(&Value::Text(name(1)))));
            file(&dir, |writer| open.write(writer, KEY, None, true).unwrap())
        };
        let both = file(&dir, |writer| merge_one(&[part.clone(), later.clone()], writer, true));
        for parts in [vec![part, later], vec![both]] {
            let faults = Faults::default();
            let view = ColumnView::new(parts.iter(), KEY, Some(ValueType::Text), &faults);
            let told = |row: u32| if row < 50 { 1 } else { row * 7 % count };
            for wanted in [0, 1, 2, count / 2, count - 1, count] {
                let found = view.matching(&|texts| texts.find(&name(wanted)).into_iter().collect());
                let expected = (0..rows).filter(|row| told(*row) == wanted).map(|row| row * 3);
                assert!(found.iter().eq(expected), "{wanted} of {count}");
            }
            let found = view.matching(&|texts| texts.prefixed("t0000").collect());
            let expected = (0..rows).filter(|row| told(*row) < 10).map(|row| row * 3);
            assert!(found.iter().eq(expected), "a prefix of {count}");
            assert_eq!(view.present().len(), u64::from(rows));
            for row in (0..rows).step_by(977) {
                assert_eq!(view.cell(row * 3).text(), Some(name(told(row)).as_str()));
            }
            faults.check().unwrap();
        }
    }
}

/// Sorted keys, fewer and more than have a filter, and more than a chunk.
#[test]
fn keys_are_found_wherever_they_are() {
    let dir = MemoryDir::new();
    let column = BlockKey::new(1, 0, 2, 0);
    for (seed, sizes) in
        [(1, vec![1, 63, 64, 65]), (2, vec![70_000, 3, 500]), (3, vec![65_536, 65_537])]
    {
        let mut rng = Rng(seed);
        let mut all = BTreeMap::new();
        let mut parts = Vec::new();
        for size in sizes {
            let mut keys: Vec<(u128, u32)> = Vec::new();
            for _ in 0..size {
                let key = u128::from(rng.next()) << 64 | u128::from(rng.next());
                keys.push((key, all.len() as u32));
                all.insert(key, all.len() as u32);
            }
            keys.sort_unstable();
            parts.push(memory(|writer| {
                write_keys(writer, column, keys.len(), keys.into_iter()).unwrap()
            }));
        }
        let merge = |parts: &[Arc<Part>], writer: &mut PartWriter, _: bool| {
            merge_keys(parts, column, writer).unwrap()
        };
        let few = merged(&mut rng, &parts, None, &merge);
        let one = vec![file(&dir, |writer| merge_keys(&few, column, writer).unwrap())];
        for parts in [&parts, &few, &one] {
            for (key, row) in &all {
                assert_eq!(find_key(parts, column, *key), Ok(Some(*row)));
            }
            for _ in 0..5000 {
                let key = u128::from(rng.next()) << 64;
                assert_eq!(find_key(parts, column, key), Ok(None));
            }
            let ends = [0, u128::MAX];
            assert!(ends.iter().all(|key| find_key(parts, column, *key) == Ok(None)));
        }
    }
}
