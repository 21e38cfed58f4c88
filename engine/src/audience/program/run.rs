//! Runs a program over all chunks.

use super::machine::{Asked, Machine};
use super::{Kind, Node};
use crate::base::bits::{Bits, WORDS};
use crate::base::workers::Workers;
use roaring::RoaringBitmap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// An audience of which one index says that it has at most so many profiles is looked at profile by profile: a pass
/// over chunks costs about as much as this many looks.
const SPARSE: u64 = 4096;
/// The same where a look at a profile is a look at its events.
const SPARSE_EVENTS: u64 = 256;

/// How many profiles a program selects, when no chunk must be evaluated for it.
pub(in super::super) fn known<'a>(program: &Node<'a>, machine: &mut Machine<'a>) -> Option<u64> {
    let mut sum = 0;
    stored(program, machine)
        .or_else(|| each_candidate(program, machine, &mut |_| sum += 1).then_some(sum))
}

/// Counts the profiles of the chunks that it is given, or takes them.
pub(in super::super) fn share<'a>(
    program: &Node<'a>,
    machine: &mut Machine<'a>,
    next: &mut dyn FnMut() -> Option<u32>,
    rows: bool,
) -> (u64, Chosen) {
    let (mut sum, mut chosen) = (0, Chosen::default());
    each_chunk(program, machine, next, &mut |chunk, found| match found {
        Found::Rows(found, count) => {
            sum += u64::from(count);
            if rows {
                chosen.0.push((chunk, Box::new(found.clone()), count));
            }
            true
        }
        Found::Count(count) => {
            let enough = !rows || count == 0;
            sum += if enough { u64::from(count) } else { 0 };
            enough
        }
    });
    (sum, chosen)
}

/// Takes the profiles of some that a program selects.
pub(in super::super) fn share_among<'a>(
    program: &Node<'a>,
    machine: &mut Machine<'a>,
    among: &RoaringBitmap,
) -> (u64, Chosen) {
    let (mut asked, mut some, mut out) = (machine.take(), machine.take(), machine.take());
    let (mut sum, mut chosen) = (0, Chosen::default());
    let mut rest = among.iter().peekable();
    while machine.reader.goes_on()
        && let Some(first) = rest.peek().copied()
    {
        let chunk = first >> 16;
        some.clear();
        while let Some(ordinal) = rest.next_if(|ordinal| ordinal >> 16 == chunk) {
            some.insert((ordinal & 0xffff) as u16);
        }
        machine.live.fill(chunk, &mut asked);
        asked.and(&some);
        let rows = Asked { rows: &asked, count: asked.count() };
        let count = machine.select(program, true, chunk, rows, &mut out);
        if count > 0 {
            sum += u64::from(count);
            chosen.0.push((chunk, out.clone(), count));
        }
    }
    [asked, some, out].into_iter().for_each(|rows| machine.give(rows));
    (sum, chosen)
}

/// What becomes of some chunks and their profiles.
type ShareOf<'w, T> = dyn Fn(&[(u32, &Bits)]) -> T + Sync + 'w;

/// The profiles that a program selects, chunk by chunk.
#[derive(Default)]
pub(in super::super) struct Chosen(Vec<(u32, Box<Bits>, u32)>);

impl Chosen {
    /// The chunks that have any, ascending.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, &Bits)> {
        self.0.iter().map(|(chunk, rows, _)| (*chunk, rows.as_ref()))
    }

    /// Does work for all chunks, or in shares of chunks that follow one another on several threads, when so many
    /// nanoseconds are worth them; what came of each, in the order of the chunks.
    pub fn shares<T: Send>(&self, workers: &Workers, nanos: u64, work: &ShareOf<'_, T>) -> Vec<T> {
        let chunks: Vec<(u32, &Bits)> = self.chunks().collect();
        if !workers.are_worth(nanos) || chunks.len() < 2 {
            return vec![work(&chunks)];
        }
        let (shares, next) = (workers.threads().min(chunks.len()), AtomicUsize::new(0));
        let found = workers.share(|| {
            let mut found = Vec::new();
            loop {
                let share = next.fetch_add(1, Relaxed);
                let bound = |share: usize| chunks.len() * share / shares;
                if share >= shares {
                    return found;
                }
                found
                    .push((share, work(chunks.get(bound(share)..bound(share + 1)).unwrap_or(&[]))));
            }
        });
        let mut found: Vec<(usize, T)> = found.into_iter().flatten().collect();
        found.sort_unstable_by_key(|(share, _)| *share);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(.., count)| u64::from(*count)).sum()
    }

    /// Takes the chunks of others, which have no chunk of these.
    pub fn join(&mut self, others: Chosen) {
        self.0.extend(others.0);
        self.0.sort_unstable_by_key(|(chunk, ..)| *chunk);
    }

    /// The same as one set.
    pub fn to_set(&self) -> RoaringBitmap {
        let mut members = RoaringBitmap::new();
        self.chunks().for_each(|(chunk, rows)| members |= set_of(chunk, rows));
        members
    }
}

/// Profiles of a chunk as a set.
pub(in super::super) fn set_of(chunk: u32, rows: &Bits) -> RoaringBitmap {
    let mut bytes = vec![0; WORDS * 8];
    for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&rows.0) {
        *place = word.to_le_bytes();
    }
    RoaringBitmap::from_lsb0_bytes(chunk << 16, &bytes)
}

/// The profiles that a program selects, when no chunk must be evaluated for it.
pub(in super::super) fn known_members<'a>(
    program: &Node<'a>,
    machine: &mut Machine<'a>,
) -> Option<Chosen> {
    let mut found: Vec<u32> = Vec::new();
    each_candidate(program, machine, &mut |ordinal| found.push(ordinal)).then_some(())?;
    let mut chosen = Chosen::default();
    for of_chunk in found.chunk_by(|before, after| before >> 16 == after >> 16) {
        let mut rows = Bits::boxed();
        of_chunk.iter().for_each(|ordinal| rows.insert((ordinal & 0xffff) as u16));
        let chunk = of_chunk.first().map_or(0, |ordinal| ordinal >> 16);
        chosen.0.push((chunk, rows, of_chunk.len() as u32));
    }
    Some(chosen)
}

/// What was found in a chunk.
enum Found<'b> {
    Rows(&'b Bits, u32),
    Count(u32),
}

/// Evaluates each chunk that it is given and shows what it found; a count alone may be refused for its rows.
fn each_chunk<'a>(
    program: &Node<'a>,
    machine: &mut Machine<'a>,
    next: &mut dyn FnMut() -> Option<u32>,
    see: &mut dyn FnMut(u32, Found<'_>) -> bool,
) {
    let (mut asked, mut out) = (machine.take(), machine.take());
    while machine.reader.goes_on()
        && let Some(chunk) = next()
    {
        let quick = !machine.explain && machine.live.is_whole(chunk);
        if let Some(count) = quick.then(|| fused(program, chunk)).flatten()
            && see(chunk, Found::Count(count))
        {
            continue;
        }
        machine.live.fill(chunk, &mut asked);
        let rows = Asked { rows: &asked, count: asked.count() };
        let count = machine.select(program, true, chunk, rows, &mut out);
        if count > 0 {
            see(chunk, Found::Rows(&out, count));
        }
    }
    machine.give(asked);
    machine.give(out);
}

/// How many rows of a chunk without dead ones a condition selects, when containers tell without a look at others.
fn fused(node: &Node<'_>, chunk: u32) -> Option<u32> {
    match &node.kind {
        Kind::Codes(codes, _) => codes.count_in(chunk),
        Kind::And(parts) => match parts.as_slice() {
            [Node { kind: Kind::Codes(left, _), .. }, Node { kind: Kind::Codes(right, _), .. }] => {
                let (left, right) = (left.container(chunk)?, right.container(chunk)?);
                Some(left.zip(right).map_or(0, |(left, right)| left.and_count(right)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The count that parts store.
fn stored(node: &Node<'_>, machine: &Machine<'_>) -> Option<u64> {
    match &node.kind {
        Kind::Constant(Some(true)) => Some(machine.live.count()),
        Kind::Constant(_) => Some(0),
        Kind::Codes(codes, _) if machine.live.all() => codes.count(),
        _ => None,
    }
}

/// Looks at the profiles that one index names, one by one, when there is one that names few: shows those that are
/// selected, in order. Says whether there is such an index.
fn each_candidate<'a>(
    program: &Node<'a>,
    machine: &mut Machine<'a>,
    see: &mut dyn FnMut(u32),
) -> bool {
    let parts = match &program.kind {
        Kind::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(program),
    };
    // Whom no index names may be unknown to it, and may not hide that there is no answer.
    if program.can_fail() {
        return false;
    }
    let mut most = SPARSE;
    program.each_test(&mut |_| most = SPARSE_EVENTS);
    let few = |part: &&Node<'_>| match &part.kind {
        Kind::Codes(codes, _) => codes.at_most() <= most,
        _ => false,
    };
    let Some(place) = parts.iter().position(|part| few(&part)) else { return false };
    let Some(Node { kind: Kind::Codes(driver, _), .. }) = parts.get(place) else { return false };
    let mut found = Vec::new();
    driver.each(&mut |ordinal| found.push(ordinal));
    found.retain(|ordinal| machine.live.holds(*ordinal));
    // Part by part: looks at one column need not wait for one another.
    for (_, part) in parts.iter().enumerate().filter(|(number, _)| *number != place) {
        match &part.kind {
            Kind::Ranges(ranges) if ranges.len() == 1 => {
                ranges.iter().for_each(|range| range.keep(&mut found));
            }
            _ => found.retain(|ordinal| machine.holds(part, *ordinal) == Some(true)),
        }
    }
    found.into_iter().for_each(see);
    true
}
