//! A table reads the same from memory, from a file, merged or not, and as a plain list would.

use super::*;
use crate::base::codec;
use crate::base::dir::MemoryDir;
use crate::base::ids::{NodeId, Position, SourceId};
use crate::base::part::{BlockKey, Part, PartWriter};
use crate::base::row_key;
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::column::Faults;
use crate::column::congruence::{Rng, file, memory, merged, value};
use std::collections::BTreeMap;
use std::sync::Arc;

const KEY: BlockKey = BlockKey::new(4, 3, 0, 0);

#[derive(Debug, Clone)]
struct Told {
    node: u32,
    time: i64,
    dated: bool,
    source: u32,
    message_id: Option<String>,
    position: u64,
    bytes: Vec<u8>,
    properties: BTreeMap<usize, Value>,
}

fn random_row(rng: &mut Rng, position: u64, types: &[ValueType]) -> Told {
    let mut properties = BTreeMap::new();
    for (number, value_type) in types.iter().enumerate() {
        if rng.below(3) > 0 {
            properties.insert(number, value(rng, *value_type));
        }
    }
    Told {
        node: rng.pick(&[0, 1, 2, 3, 70_000, u32::MAX]),
        time: rng.pick(&[i64::MIN, -5, 0, 1, 2, 1 << 50]) + rng.below(3).cast_signed(),
        dated: rng.below(2) == 0,
        source: 1 + rng.below(3) as u32,
        message_id: (rng.below(3) > 0)
            .then(|| rng.pick(&["", "m", "日本", "long long id"]).to_owned()),
        position,
        bytes: vec![7; rng.below(9) as usize],
        properties,
    }
}

/// Keys of positions: digests, or stems with numbers that lag behind positions in steps.
fn key_of(position: u64) -> codec::Digest128 {
    if (position / 50).is_multiple_of(2) {
        return codec::digest(&position.to_le_bytes());
    }
    let stem = row_key::stem_of(&codec::digest(&[(position % 3) as u8]));
    row_key::numbered(&stem, position - position / 7)
}

fn put(open: &mut OpenTable, told: &Told, types: &[ValueType]) {
    let key = key_of(told.position);
    let row = open.push(&EventRow {
        child: false,
        node: NodeId(told.node),
        time: Timestamp(told.time),
        dated: told.dated,
        source: SourceId(told.source),
        message_id: told.message_id.as_deref(),
        key: &key,
        position: Position(told.position),
    });
    open.push_bytes(&told.bytes);
    for (number, value) in &told.properties {
        open.column(*number, types[*number]).unwrap().push(row, Some(value));
    }
}

fn judge(all: &[Told], parts: &[Arc<Part>], types: &[ValueType], here: &str) {
    let faults = Faults::default();
    let wanted: Vec<Option<ValueType>> = types.iter().copied().map(Some).collect();
    let table = TableView::new(parts.iter(), KEY, &wanted, &faults);
    assert_eq!(table.len(), all.len() as u64, "{here}");
    let by_position: BTreeMap<u64, &Told> = all.iter().map(|told| (told.position, told)).collect();
    let mut seen = Vec::new();
    let mut number = 0;
    for part in table.parts() {
        let mut before = None;
        for row in 0..part.len() {
            let position = part.position(row).0;
            let told = by_position[&position];
            let place = (part.time(row), part.position(row));
            assert!(before < Some(place), "{here}: the order of {position}");
            before = Some(place);
            seen.push(position);
            let (found, index) = table.locate(number).unwrap();
            assert_eq!((found.position(index), index), (part.position(row), row), "{here}");
            number += 1;
            let fixed = (part.node(row).0, part.time(row).0, part.dated(row), part.source(row).0);
            assert_eq!(
                fixed,
                (told.node, told.time, told.dated, told.source),
                "{here}: {position}"
            );
            let generated = codec::hex(&key_of(position));
            let id = told.message_id.as_deref().unwrap_or(&generated);
            assert_eq!(part.message_id(row), id, "{here}: {position}");
            assert_eq!(part.message_cell(row).text(), Some(id), "{here}: {position}");
            assert_eq!(part.given_id(row), told.message_id.is_some(), "{here}: {position}");
            assert_eq!(part.bytes(row), told.bytes, "{here}: {position}");
            for (number, wanted) in types.iter().enumerate() {
                let told = told.properties.get(&number);
                let expected = told.map(|value| value.widen_to(*wanted).unwrap().canonical_bytes());
                let found = part.cell(number, row).to_value().map(|value| value.canonical_bytes());
                assert_eq!(found, expected, "{here}: property {number} of {position}");
            }
        }
        for node in [0, 1, 2, 3, 4, 70_000, u32::MAX] {
            let rows = part.rows_of(NodeId(node));
            let expected: Vec<u32> =
                (0..part.len()).filter(|row| part.node(*row).0 == node).collect();
            assert_eq!(rows, expected, "{here}: the rows of node {node}");
        }
    }
    assert!(table.locate(number).is_none());
    seen.sort_unstable();
    assert!(seen.iter().eq(by_position.keys()), "{here}: all of them, each once");
    faults.check().unwrap();
}

fn merge(parts: &[Arc<Part>], writer: &mut PartWriter, _: bool) {
    merge_table(parts, KEY, writer).unwrap();
}

fn compare(seed: u64, sizes: &[u64], mut types: Vec<ValueType>) {
    use ValueType::{Date, Decimal, Float, Integer, Timestamp};
    let mut rng = Rng(seed);
    let dir = MemoryDir::new();
    let (mut all, mut overlay, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for size in sizes {
        let mut open = OpenTable::default();
        for _ in 0..*size {
            match rng.below(60) {
                0 if types[0] == Integer => types[0] = Decimal,
                1 if types[1] == Integer => types[1] = Float,
                2 if types[2] == Date => types[2] = Timestamp,
                _ => {}
            }
            let told = random_row(&mut rng, all.len() as u64 + 1, &types);
            put(&mut open, &told, &types);
            all.push(told);
        }
        overlay.push(memory(|writer| open.write(writer, KEY).unwrap()));
        files.push(file(&dir, |writer| open.write(writer, KEY).unwrap()));
    }
    let here = |what: &str| format!("seed {seed}, {what}");
    judge(&all, &overlay, &types, &here("overlay"));
    judge(&all, &files, &types, &here("files"));
    let few = merged(&mut rng, &overlay, None, &merge);
    judge(&all, &few, &types, &here("merged in memory"));
    let few = merged(&mut rng, &few, Some(&dir), &merge);
    judge(&all, &few, &types, &here("memory merged into files"));
    let few = merged(&mut rng, &files, Some(&dir), &merge);
    judge(&all, &few, &types, &here("merged files"));
    let one = file(&dir, |writer| merge(&few, writer, true));
    judge(&all, &[one], &types, &here("one file"));
}

#[test]
fn a_table_is_a_list_however_it_is_stored() {
    use ValueType::{Boolean, Date, Decimal, Integer, Set, Text};
    for seed in 0..60 {
        let mut rng = Rng(seed);
        let sizes: Vec<u64> = (0..1 + rng.below(9)).map(|_| rng.below(40)).collect();
        compare(seed, &sizes, vec![Integer, Integer, Date, Text, Set, Boolean, Decimal]);
    }
    // More than a chunk in one part, and in what becomes of two.
    compare(1000, &[66_000, 5], vec![Integer, Boolean, Date]);
    compare(1001, &[40_000, 30_000], vec![Boolean, Integer, Date]);
}

/// Rows of identifiers that follow one another, lie far apart, are few, or are none, in a file with groups of them.
#[test]
fn rows_of_each_identifier_are_found_in_long_tables() {
    let mut rng = Rng(29);
    for round in 0..12_u64 {
        let count = [4096, 5000, 9000][(round % 3) as usize];
        let nodes: Vec<u32> = (0..count)
            .map(|_| match (round, rng.next()) {
                (_, some) if some % 50 == 0 || round == 11 => u32::MAX,
                (0..=3, some) => (some >> 32) as u32 % 3000 + 70_000,
                (4..=6, some) => (some >> 32) as u32,
                (7..=8, some) => {
                    if some % 3 == 0 {
                        5
                    } else {
                        (some >> 40) as u32
                    }
                }
                (_, some) => u32::MAX - 1 - (some >> 32) as u32 % 40,
            })
            .collect();
        let mut table = OpenTable::default();
        let key = codec::digest(b"key");
        for (row, node) in nodes.iter().enumerate() {
            let time = Timestamp(row as i64);
            let (source, position) = (SourceId(1), Position(row as u64 + 1));
            table.push(&EventRow {
                node: NodeId(*node),
                time,
                dated: true,
                source,
                message_id: None,
                key: &key,
                position,
                child: false,
            });
        }
        let dir = MemoryDir::new();
        let mut writer = PartWriter::file(crate::base::dir::Dir::append(&dir, "p").unwrap());
        table.write(&mut writer, KEY).unwrap();
        let digest = writer.into_file(1).unwrap();
        let part = Arc::new(Part::open(&dir, "p", &digest).unwrap());
        let faults = Faults::default();
        let view = TableView::new(std::iter::once(&part), KEY, &[], &faults);
        let mut asked: Vec<u32> =
            nodes.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]).collect();
        asked.extend([0, u32::MAX]);
        asked.sort_unstable();
        asked.dedup();
        let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        (0_u32..).zip(&nodes).for_each(|(row, node)| rows.entry(*node).or_default().push(row));
        for node in asked {
            let found = view.parts()[0].rows_of(NodeId(node));
            assert_eq!(
                Some(&found).filter(|rows| !rows.is_empty()),
                rows.get(&node),
                "{round} {node}"
            );
        }
        faults.check().unwrap();
    }
}
