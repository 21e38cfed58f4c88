//! Derived files whose counts lie under checksums that hold: an answer is right or an error, memory stays bounded, and
//! nothing panics. The layout is that of `docs/format.md`; the test changes bytes and makes every checksum anew.

use crate::rng::{Rng, asked_seed, scale};
use crate::store::{self, NOON, identify, track, view, write};
use navedb::dir::{Crash, MemoryDir};
use navedb::{At, Db, ErrorKind, Input, Level, LoadRequest, RecordKind, Result, Said, Settings};
use std::process::Command;
use std::sync::Arc;

const DAY: &str = "2024-03-01T00:00:00Z";
/// Address space of the child in KiB: an honest run takes a third of it.
const MOST_KIB: u64 = 900_000;
const CHILD: &str = "NAVE_HOSTILE_CHILD";
const MANIFEST: &str = "derived/MANIFEST";

fn settings() -> Settings {
    Settings { keys_in_memory: 64, open_bytes: 30_000, ..Settings::default() }
}

fn open(disk: &MemoryDir) -> Result<Db> {
    Db::open_with(Arc::new(disk.clone()), store::clock(NOON), settings())
}

fn message(i: usize) -> String {
    let (user, id) = (format!("u{}", i % 37), format!("m{i}"));
    let traits = format!(
        r#"{{"age":{},"city":"C{}","score":{}.5,"tags":["a","t{}"],"plan":"pro","ok":{}}}"#,
        i % 60,
        i % 7,
        i % 9,
        i % 5,
        i.is_multiple_of(2)
    );
    match i % 4 {
        0 => identify(&user, &id, DAY, &traits),
        1 => format!(
            r#"{{"type":"entity","entity":"product","id":"p{}","messageId":"{id}","timestamp":"{DAY}",
                "traits":{{"price":{i}.5,"tags":["a","t{}"]}}}}"#,
            i % 9,
            i % 3
        ),
        2 => track(&user, &id, DAY, "step", r#"{"n":"not always a number"}"#),
        _ => track(&user, &id, DAY, "step", &format!(r#"{{"m":{i},"sku":"p{}"}}"#, i % 9)),
    }
}

const QUESTIONS: [&str; 7] = [
    "p.age > 30 AND p.city <> 'C3'",
    "p.city LIKE 'C%' OR p.age IS NULL OR p.ok",
    "'t1' = ANY(p.tags) AND p.score >= 2.5",
    "(SELECT sum(e.m) FROM step e) > 100",
    "(SELECT max(d.price) FROM step e JOIN product d ON d.id = e.sku WHERE 't1' = ANY(d.tags)) > 9",
    "has_identifier('card') AND EXISTS (SELECT 1 FROM buy e WHERE e.amount > 20)",
    "(SELECT count(*) FROM buy e) BETWEEN 3 AND 50",
];

/// Everything that a view can be asked, each by itself, as texts.
fn ask_all(db: &Db) -> Vec<Result<String>> {
    let seen = view(db);
    let mut told = vec![seen.digest()];
    told.extend(QUESTIONS.map(|text| seen.count(text, At::Latest).map(|n| n.to_string())));
    let told_of = |user: usize| {
        let user = format!("u{user}");
        let profile = seen.profile("user_id", &user)?;
        let events = seen.timeline("user_id", &user)?.unwrap_or_default();
        Ok(format!("{:?} {}", profile.map(|p| (p.traits.len(), p.identifiers.len())), events.len()))
    };
    told.extend((0..37).step_by(6).map(told_of));
    told
}

/// A closed store of several parts, with entities, quarantine and joins.
fn victim() -> MemoryDir {
    let disk = MemoryDir::new();
    for round in 0..3 {
        let db = open(&disk).unwrap();
        let messages: Vec<String> = (0..60).map(|i| message(round * 60 + i)).collect();
        messages.chunks(20).for_each(|batch| drop(write(&db, "web", batch)));
        let row = |i: usize| format!("u{},c{},{}.25\n", (i + round) % 37, i % 30, i + round);
        let rows: String = (0..40).map(row).collect();
        let kind = RecordKind::Track(Said::Fixed("buy".into()));
        let mut request = LoadRequest::new("shop", kind);
        let bytes = format!("user,card,amount\n{rows}").into_bytes();
        request.inputs.push(Input::Bytes { name: format!("{round}.csv"), bytes });
        request.ids = vec![("user_id".into(), "user".into()), ("card".into(), "card".into())];
        request.level = Some(Level::Memory);
        db.load(&request).unwrap();
        db.close().unwrap();
    }
    disk
}

/// CRC-32C, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    *blake3::hash(bytes).as_bytes().first_chunk().unwrap()
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// The place of a block in the directory of its part, and what it says.
struct Block {
    entry: usize,
    form: u8,
    start: usize,
    length: usize,
}

/// Bytes of an entry of the directory: the key (14), offset, length, check word.
const ENTRY: usize = 34;

fn blocks(part: &[u8]) -> Vec<Block> {
    let directory = u64_at(part, part.len() - 32);
    let count = u64_at(part, directory + 8);
    let block = |number: usize| {
        let entry = directory + 16 + number * ENTRY;
        let (start, length) = (u64_at(part, entry + 14), u64_at(part, entry + 22));
        Block { entry, form: part[entry + 9], start, length }
    };
    (0..count).map(block).collect()
}

/// Makes the check words of a changed part anew, and its digest in the manifest.
fn seal_part(disk: &MemoryDir, name: &str, mut part: Vec<u8>) {
    let end = part.len();
    let old: [u8; 16] = part[end - 16..].try_into().unwrap();
    for block in blocks(&part) {
        if let Some(bytes) = part.get(block.start..block.start.saturating_add(block.length)) {
            let crc = crc(bytes).to_le_bytes();
            part[block.entry + 30..block.entry + 34].copy_from_slice(&crc);
        }
    }
    let directory = u64_at(&part, end - 32);
    let new = digest(&part[directory..end - 32]);
    part[end - 16..].copy_from_slice(&new);
    disk.put(name, part);
    seal_manifest(disk, |payload| {
        let at = payload.windows(16).position(|bytes| bytes == old).unwrap();
        payload[at..at + 16].copy_from_slice(&new);
    });
}

fn seal_manifest(disk: &MemoryDir, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = file(disk, MANIFEST);
    let mut payload = bytes.split_off(32);
    change(&mut payload);
    bytes[12..16].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes[16..32].copy_from_slice(&digest(&payload));
    bytes.extend_from_slice(&payload);
    disk.put(MANIFEST, bytes);
}

fn file(disk: &MemoryDir, name: &str) -> Vec<u8> {
    disk.files().into_iter().find(|(known, _)| known == name).unwrap().1
}

fn files(disk: &MemoryDir, what: &str) -> Vec<String> {
    disk.files().into_iter().map(|(name, _)| name).filter(|name| name.contains(what)).collect()
}

/// Another number in place of one: a little off, large, or anything.
fn other(rng: &mut Rng, bytes: &mut [u8]) {
    let old = bytes.to_vec();
    let mut word = [0; 8];
    word[..old.len()].copy_from_slice(&old);
    let number = u64::from_le_bytes(word);
    let new = match rng.below(6) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => number.wrapping_add(1 << rng.below(64)),
        3 => u64::MAX >> rng.below(40),
        4 => rng.next(),
        _ => rng.next() >> rng.below(60),
    };
    bytes.copy_from_slice(&new.to_le_bytes()[..old.len()]);
    if bytes == old {
        bytes[0] ^= 1;
    }
}

/// Changes a count whose bytes stand in the block; nothing when this block has none that can be told from another.
fn change_count(rng: &mut Rng, block: &Block, part: &mut [u8]) -> Option<()> {
    let bytes = &mut part[block.start..block.start + block.length];
    let places: Vec<(usize, usize)> = match block.form {
        // One bitmap or list for each code: how many codes, and the end of one.
        2 => vec![(0, 4), (4, 4), (8, 8)],
        3 => vec![(0, 4), (4, 4)],
        8 => vec![(0, 4)],
        7 => return None,
        _ => {
            let narrow = [0, 6].contains(&bytes[0]) && bytes[3] == 0;
            // Equal integers in a row take no bytes: any number of them is a block.
            (!narrow || bytes[1] == 1).then_some(())?;
            let mut places = vec![(4, 4), (1, 1), (2, 1)];
            if ![1, 2, 5].contains(&bytes[0]) && bytes[3] != 0 {
                places.push((3, 1));
            }
            places
        }
    };
    let (at, width) = *rng.pick(&places);
    other(rng, bytes.get_mut(at..at + width)?);
    Some(())
}

/// What is done to a store: whether every answer must then be right, and in words.
fn change(rng: &mut Rng, disk: &MemoryDir) -> Option<(bool, String)> {
    let names = files(disk, "part-");
    let name = rng.pick(&names).clone();
    let mut part = file(disk, &name);
    let known = blocks(&part);
    let block = &known[rng.below(known.len())];
    let what = format!("{name}, block of form {} at {}", block.form, block.start);
    match rng.below(8) {
        0..=3 => {
            change_count(rng, block, &mut part)?;
            seal_part(disk, &name, part);
            Some((true, format!("a count of {what}")))
        }
        4 | 5 => {
            let wide = *rng.pick(&[1, 1, 2, 4, 8]);
            let from = block.start + rng.below(block.length.min(80));
            let to = (from + wide).min(block.start + block.length);
            other(rng, &mut part[from..to]);
            seal_part(disk, &name, part);
            Some((false, format!("bytes {from}..{to} of {what}")))
        }
        6 => {
            let (at, width) =
                *rng.pick(&[(0, 1), (1, 4), (5, 4), (9, 1), (10, 4), (14, 8), (22, 8)]);
            other(rng, &mut part[block.entry + at..block.entry + at + width]);
            seal_part(disk, &name, part);
            Some((false, format!("byte {at} of the entry of {what}")))
        }
        _ => {
            let mut said = 0;
            seal_manifest(disk, |payload| {
                let wide = *rng.pick(&[1, 4, 8]);
                // The version and the store decide whether it is believed at all.
                said = 20 + rng.below(payload.len() - 28);
                other(rng, &mut payload[said..said + wide]);
            });
            Some((false, format!("the manifest at {said}")))
        }
    }
}

/// One changed store: it is opened, asked twice, written to and closed.
fn judge(disk: &MemoryDir, right: &[String], exact: bool, here: &str) {
    let db = match open(disk) {
        Ok(db) => db,
        Err(error) => {
            assert!(!exact, "{here}: {error}");
            return;
        }
    };
    for round in 0..if exact { 2 } else { 1 } {
        for (told, right) in ask_all(&db).iter().zip(right) {
            match told {
                Ok(told) => assert!(!exact || told == right, "{here}: {told} for {right}"),
                Err(error) if exact => assert_eq!(error.kind(), ErrorKind::Corrupt, "{here}"),
                Err(_) => {}
            }
            assert!(!exact || round == 0 || told.is_ok(), "{here}: {told:?} again");
        }
    }
    let written = store::session(&db).write(store::batch("web", &[message(900), message(903)]));
    assert!(!exact || written.is_ok(), "{here}: {written:?}");
    // Merges read what questions did not.
    let closed = db.close();
    assert!(!exact || closed.is_ok(), "{here}: {closed:?}");
}

#[test]
fn changes_under_a_limit() {
    // Its work is done when the test below runs it as a process of its own, with less memory.
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let whole = victim();
    let db = open(&whole.crash(Crash::KeepAll)).unwrap();
    let right: Vec<String> = ask_all(&db).into_iter().map(Result::unwrap).collect();
    drop(db);
    let mut rng = Rng::new(asked_seed().unwrap_or(71));
    let (mut changed, wanted) = (0, scale(2_000, 60_000));
    while changed < wanted {
        let disk = whole.crash(Crash::KeepAll);
        let Some((exact, what)) = change(&mut rng, &disk) else { continue };
        changed += 1;
        let here = format!("change {changed}, {what}");
        // Told before it is judged, so that a process that is stopped says where.
        if std::env::var_os("NAVE_HOSTILE_TELL").is_some() {
            println!("{here}");
        }
        judge(&disk, &right, exact, &here);
    }
}

#[test]
fn counts_that_lie_under_good_checksums_take_no_memory_and_give_no_wrong_answer() {
    let program = std::env::current_exe().unwrap();
    let limited = format!(
        "ulimit -v {MOST_KIB}; exec \"$0\" --exact hostile::changes_under_a_limit --nocapture"
    );
    let out =
        Command::new("sh").arg("-c").arg(limited).arg(program).env(CHILD, "1").output().unwrap();
    let (told, said) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let end = |text: &str| {
        text.chars().rev().take(3_000).collect::<String>().chars().rev().collect::<String>()
    };
    assert!(out.status.success(), "{}\n{}\n{}", out.status, end(&told), end(&said));
    assert!(told.contains("1 passed"), "{}", end(&told));
}

/// How many events each of some persons has: many have one or two, a few have hundreds.
fn events_of(person: usize) -> usize {
    if person.is_multiple_of(97) { 400 } else { 1 + person % 9 }
}

/// A table that is long enough for groups of its identifiers.
fn long_table(persons: usize) -> MemoryDir {
    let disk = MemoryDir::new();
    let db = open(&disk).unwrap();
    let mut rows: Vec<usize> =
        (0..persons).flat_map(|p| std::iter::repeat_n(p, events_of(p))).collect();
    let mut rng = Rng::new(5);
    (1..rows.len()).for_each(|at| rows.swap(at, rng.below(at + 1)));
    let lines: String = rows.iter().enumerate().map(|(i, p)| format!("u{p},{i}\n")).collect();
    let mut request = LoadRequest::new("shop", RecordKind::Track(Said::Fixed("buy".into())));
    let bytes = format!("user,n\n{lines}").into_bytes();
    request.inputs.push(Input::Bytes { name: "long.csv".into(), bytes });
    request.ids = vec![("user_id".into(), "user".into())];
    db.load(&request).unwrap();
    db.close().unwrap();
    disk
}

#[test]
fn groups_of_a_long_table_find_everybody_and_never_lie() {
    const GROUPS: u8 = 10;
    const PERSONS: usize = 900;
    let whole = long_table(PERSONS);
    let timeline = |db: &Db, person: usize| {
        let found = view(db).timeline("user_id", &format!("u{person}"));
        found.map(|events| events.unwrap_or_default().len())
    };
    let db = open(&whole.crash(Crash::KeepAll)).unwrap();
    for person in 0..PERSONS {
        assert_eq!(timeline(&db, person), Ok(events_of(person)), "person {person}");
    }
    drop(db);
    let mut rng = Rng::new(asked_seed().unwrap_or(72));
    let grouped: Vec<String> = files(&whole, "part-")
        .into_iter()
        .filter(|name| blocks(&file(&whole, name)).iter().any(|block| block.form == GROUPS))
        .collect();
    assert!(!grouped.is_empty(), "no part has groups");
    let damage = |disk: &MemoryDir| navedb::check(Arc::new(disk.clone())).unwrap().damage;
    for round in 0..scale(60, 2_000) {
        let disk = whole.crash(Crash::KeepAll);
        let name = rng.pick(&grouped).clone();
        let mut part = file(&disk, &name);
        let known = blocks(&part);
        let block = known.iter().find(|block| block.form == GROUPS).unwrap();
        if round % 2 == 0 {
            if change_count(&mut rng, block, &mut part).is_none() {
                continue;
            }
            seal_part(&disk, &name, part);
        } else {
            part[block.start + rng.below(block.length)] ^= 1 << rng.below(8);
            disk.put(&name, part);
            assert_ne!(damage(&disk), Vec::<String>::new(), "round {round}");
        }
        let db = open(&disk).unwrap();
        for person in (0..PERSONS).step_by(41) {
            // A view heals what it meets, and answers then.
            assert_eq!(timeline(&db, person), Ok(events_of(person)), "round {round}, {person}");
        }
        db.close().unwrap();
        assert_eq!(damage(&disk), Vec::<String>::new(), "round {round}: the damage is gone");
    }
}
