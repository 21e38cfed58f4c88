//! Golden bytes: the payloads of version 1 are frozen.

use super::shape::Reading;
use super::*;
use crate::base::time::Timestamp;

fn round_trip(entry: &Entry) -> Vec<u8> {
    let bytes = entry.encode().unwrap();
    assert_eq!(&Entry::decode(entry.kind(), entry.version(), &bytes).unwrap(), entry);
    bytes
}

#[test]
fn payloads_of_version_one_are_frozen() {
    let source = Entry::Source(SourceEntry { number: SourceId(3), name: "crm".into() });
    assert_eq!(codec::hex(&round_trip(&source)), "03000000030000000000000063726d");

    let retract = Entry::Retract(RetractEntry::Record(Position(7)));
    assert_eq!(codec::hex(&round_trip(&retract)), "010000000700000000000000");
    let retract = Entry::Retract(RetractEntry::Load(LoadId(9)));
    assert_eq!(codec::hex(&round_trip(&retract)), "000000000900000000000000");

    let retract = Entry::Retract(RetractEntry::Records(vec![Position(7)]));
    assert_eq!(codec::hex(&round_trip(&retract)), "0200000001000000000000000700000000000000");
    let (source, from, to) = (SourceId(2), Position(5), Position(7));
    let retract = Entry::Retract(RetractEntry::Source { source, from, to });
    assert_eq!(
        codec::hex(&round_trip(&retract)),
        "030000000200000005000000000000000700000000000000"
    );

    let definition =
        DefinitionEntry { kind: "k".into(), name: "n".into(), version: 2, body: Some("b".into()) };
    assert_eq!(
        codec::hex(&round_trip(&Entry::Definition(definition))),
        "01000000000000006b01000000000000006e0200000001010000000000000062"
    );

    let counted = Entry::Counted(CountedEntry {
        file: "f".into(),
        rows: 7,
        written: 1,
        revised: 2,
        duplicates: 3,
        conflicts: 4,
        broken: 5,
    });
    let numbers: String = [7, 1, 2, 3, 4, 5].map(|n| format!("0{n}00000000000000")).concat();
    assert_eq!(codec::hex(&round_trip(&counted)), format!("010000000000000066{numbers}"));

    let row = Row { key: [1; 16], status: RowStatus::Conflict, line: 2, original: b"{}".to_vec() };
    let records = Entry::Records(RecordsEntry { rows: vec![row] });
    assert_eq!(
        codec::hex(&round_trip(&records)),
        "010000000000000001010101010101010101010101010101010000000200000000000000020000000000000\
         07b7d"
            .replace(' ', "")
    );

    let gap = Entry::Gap(GapEntry { reason: "x".into() });
    assert_eq!(codec::hex(&round_trip(&gap)), "010000000000000078");

    let store = StoreEntry {
        store: [2; 16],
        salt: [3; 32],
        normalisers: 1,
        inference: 1,
        time_zones: "2026a".into(),
    };
    let expected = format!(
        "{}{}0100000001000000050000000000000032303236{}",
        "02".repeat(16),
        "03".repeat(32),
        "61"
    );
    assert_eq!(codec::hex(&round_trip(&Entry::Store(store))), expected);
}

#[test]
fn what_is_told_of_segments_is_frozen() {
    let change = ToldChange {
        segment: "s".into(),
        version: 2,
        reason: Reason::Identity,
        entered: vec![1],
        left: vec![0x0203],
        traits: vec![Some("FR".into()), None],
    };
    let told = Entry::Told(ToldEntry { clock: Timestamp(5), changes: vec![change] });
    assert_eq!((told.kind(), told.version(), told.rows()), (10, 1, 2));
    let (one, zeros) = ("0100000000000000", "00".repeat(8));
    let expected = [
        "0500000000000000".to_owned(),
        // One change: its segment, version and reason.
        format!("{one}{one}730200000002000000"),
        // One id, and another.
        format!("{one}{one}{zeros}{one}0302000000000000{zeros}"),
        // A text and nothing.
        "02000000000000000102000000000000004652".to_owned() + "00",
    ];
    assert_eq!(codec::hex(&round_trip(&told)), expected.concat());
}

#[test]
fn what_streams_say_is_frozen() {
    let change = ProfilesChange {
        became: Became::Split,
        reason: Reason::Correction,
        old: vec![1],
        now: vec![2],
        new: vec![2, 3],
    };
    let told = Entry::Profiles(ProfilesEntry { clock: Timestamp(5), changes: vec![change] });
    assert_eq!((told.kind(), told.version(), told.rows()), (12, 1, 1));
    let (length, zeros) = (|n: u8| format!("{n:02x}00000000000000"), "00".repeat(8));
    let id = |n: u8| length(n) + &zeros;
    let expected = [
        length(5),
        // One change: what, and why.
        length(1) + "0200000004000000",
        length(1) + &id(1) + &length(1) + &id(2),
        length(2) + &id(2) + &id(3),
    ];
    assert_eq!(codec::hex(&round_trip(&told)), expected.concat());

    let put = Entry::Items(ItemsEntry { stream: "s".into(), items: vec!["a".into(), "".into()] });
    assert_eq!((put.kind(), put.version(), put.rows()), (13, 1, 2));
    let expected = length(1) + "73" + &length(2) + &length(1) + "61" + &length(0);
    assert_eq!(codec::hex(&round_trip(&put)), expected);

    let says = vec![
        TimerSays::Set { name: "n".into(), due: Timestamp(5), text: "a".into() },
        TimerSays::Cancelled { name: "n".into() },
        TimerSays::Rung { name: "n".into(), due: Timestamp(5), text: "".into() },
    ];
    let timers = Entry::Timers(TimersEntry { stream: "s".into(), says });
    assert_eq!((timers.kind(), timers.version(), timers.rows()), (14, 1, 3));
    let (name, due) = (length(1) + "6e", "0500000000000000");
    let expected = [
        length(1) + "73" + &length(3),
        "00000000".to_owned() + &name + due + &length(1) + "61",
        "01000000".to_owned() + &name,
        "02000000".to_owned() + &name + due + &length(0),
    ];
    assert_eq!(codec::hex(&round_trip(&timers)), expected.concat());

    let group = |named| {
        let (stream, group, says) = ("s".into(), "g".into(), GroupSays::Ends);
        Entry::Group(GroupEntry { named, stream, group, says })
    };
    let of_segment = length(1) + "73" + &length(1) + "6704000000";
    assert_eq!((group(false).version(), group(true).version()), (1, 2));
    assert_eq!(codec::hex(&round_trip(&group(false))), of_segment);
    assert_eq!(codec::hex(&round_trip(&group(true))), "01".to_owned() + &of_segment);
}

#[test]
fn a_load_entry_is_frozen() {
    let shape = FileShape {
        format: RowFormat::Delimited { dialect: Dialect::standard(b','), header: vec!["a".into()] },
        kind: RowKind::Track(Said::Fixed("e".into())),
        ids: vec![("u".into(), "a".into())],
        time: None,
        time_unit: TimeUnit::Iso,
        zone: "UTC".into(),
        message_id: vec![],
        encoding: "utf-8".into(),
        readings: vec![("a".into(), Reading::Text)],
    };
    let types = vec![InferredType {
        event: None,
        entity: Some("p".into()),
        name: "t".into(),
        value_type: ValueType::Decimal,
    }];
    let load =
        Entry::Load(Box::new(LoadEntry { file: "f".into(), content: [4; 16], shape, types }));
    let digest = codec::hex(&codec::digest(&round_trip(&load)));
    assert_eq!(digest, GOLDEN_LOAD_DIGEST);
}

#[test]
fn a_load_of_evidence_is_frozen_under_a_version_of_its_own() {
    let shape = FileShape {
        format: RowFormat::Json,
        kind: RowKind::Evidence(EvidenceColumns {
            left: ("r".into(), "a".into()),
            right: ("r".into(), "b".into()),
            kind: "fuzzy".into(),
            score: Some("s".into()),
            rule: Some(Said::Fixed("m".into())),
        }),
        ids: vec![],
        time: None,
        time_unit: TimeUnit::Iso,
        zone: "UTC".into(),
        message_id: vec![],
        encoding: "utf-8".into(),
        readings: vec![],
    };
    let load = LoadEntry { file: "f".into(), content: [4; 16], shape, types: vec![] };
    let load = Entry::Load(Box::new(load));
    assert_eq!(load.version(), 3);
    assert_eq!(codec::hex(&codec::digest(&round_trip(&load))), GOLDEN_EVIDENCE_DIGEST);
    assert_eq!(Entry::decode(3, 4, &[]).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_block_is_frozen_and_gives_its_rows_back() {
    let mut column = TextColumn::default();
    column.push(b"1");
    column.push(b"");
    let mut wide = TextColumn::default();
    wide.push(b"x");
    wide.push(&[b'y'; 300]);
    let block = BlockEntry {
        keys: [[1; 16], [2; 16]].concat(),
        conflicts: vec![1],
        lines: vec![(0, 2), (1, 9)],
        columns: vec![column, wide],
        forms: vec![vec![b"".to_vec(), b",\"".to_vec(), b"\"".to_vec()]],
        form_of: vec![],
        odd: vec![(1, b"a,b,c".to_vec())],
        holes: vec![],
    };
    let rows = block.to_rows();
    assert_eq!(rows[0].original, b"1,\"x\"");
    assert_eq!((rows[0].line, rows[0].status, rows[0].key), (2, RowStatus::Accepted, [1; 16]));
    assert_eq!(rows[1].original, b"a,b,c");
    assert_eq!((rows[1].line, rows[1].status, rows[1].key), (9, RowStatus::Conflict, [2; 16]));
    let BlockEntry { keys, conflicts, lines, columns, forms, form_of, odd, holes: _ } = &block;
    let first = codec::encode(&(keys, conflicts, lines, columns, forms, form_of, odd)).unwrap();
    assert_eq!(codec::hex(&codec::digest(&first)), GOLDEN_BLOCK_DIGEST);
    let block = Entry::Block(block);
    assert_eq!(Entry::decode(7, 1, &first).unwrap(), block);
    round_trip(&block);
}

#[test]
fn a_block_of_json_is_frozen_and_gives_its_rows_back() {
    let column = |texts: &[&str]| {
        let mut column = TextColumn::default();
        texts.iter().for_each(|text| column.push(text.as_bytes()));
        column
    };
    let form = |pieces: &[&str]| pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    let block = BlockEntry {
        keys: [[1; 16], [2; 16], [3; 16], [4; 16]].concat(),
        conflicts: vec![2],
        lines: vec![(0, 1)],
        columns: vec![column(&["1", "2", "3"]), column(&["\"x\""])],
        forms: vec![form(&["{\"a\":", "}"]), form(&["{\"b\": ", ", \"a\":", "}"])],
        form_of: vec![0, 1, 1, 0],
        odd: vec![(2, b"[1]".to_vec())],
        holes: vec![vec![0], vec![1, 0]],
    };
    let originals: Vec<Vec<u8>> = block.to_rows().into_iter().map(|row| row.original).collect();
    let expected: [&[u8]; 4] = [b"{\"a\":1}", b"{\"b\": \"x\", \"a\":2}", b"[1]", b"{\"a\":3}"];
    assert_eq!(originals, expected);
    let second = codec::encode(&block).unwrap();
    assert_eq!(codec::hex(&codec::digest(&second)), GOLDEN_OBJECTS_DIGEST);
    let entry = Entry::Block(block);
    assert_eq!(Entry::decode(7, 2, &second).unwrap(), entry);
    round_trip(&entry);
}

/// A block of version 3 as it was first written: two stems, ten rows with a gap behind the fourth.
#[test]
fn a_packed_block_is_read_as_it_was_written() {
    let mut column = TextColumn::default();
    let mut keys = Vec::new();
    for row in 0..16_u64 {
        let stem = [if row % 3 == 0 { 7 } else { 9 }; 11];
        let number = if row < 4 { row + 1 } else { row + 100 };
        keys.extend_from_slice(&row_key::numbered(&stem, number));
        column.push(row.to_string().as_bytes());
    }
    let block = BlockEntry {
        keys,
        lines: vec![(0, 2)],
        columns: vec![column],
        forms: vec![vec![b"".to_vec(), b"".to_vec()]],
        ..BlockEntry::default()
    };
    let entry = Entry::Block(block);
    assert_eq!(entry.version(), 4);
    round_trip(&entry);
    let known: Vec<u8> = GOLDEN_PACKED
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let written = || codec::hex(&entry.encode().unwrap());
    assert_eq!(Entry::decode(7, 3, &known).ok().as_ref(), Some(&entry), "{}", written());
}

const GOLDEN_PACKED: &str = "\
    f800000028b52ffd20f82d030064030100000010000000020007091000010101000400000068010200160030313233343536\
    3738393130313131323133313431350100020015000383017880d1400a68876bfe02b19b24ae2200017e12c82d6869a58207\
    6c644500ddc12023d80c6c310024";

const GOLDEN_OBJECTS_DIGEST: &str = "6dee5e08e31931eea342550800596969";
const GOLDEN_BLOCK_DIGEST: &str = "2489bf61198fe5e080b5b53805e2606e";
const GOLDEN_EVIDENCE_DIGEST: &str = "31fe452582dbf2ff12838265b46204c0";
const GOLDEN_LOAD_DIGEST: &str = "474e04fd9a675b37b80a9a4c1247c650";

#[test]
fn unknown_kinds_and_versions_ask_for_an_upgrade() {
    assert_eq!(Entry::decode(99, 1, &[]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Entry::decode(2, 2, &[]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(Entry::decode(2, 1, &[1, 2]).unwrap_err().kind(), ErrorKind::Corrupt);
}
