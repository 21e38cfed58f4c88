//! Who is in the segments at one moment, and where in the log it was told.
//!
//! *Invariants:* a clone never changes, and shares all that did not; what is here is what the log told, so that the
//! fold of a feed up to a position is the members at it. *What it does not know:* what a segment asks.

use super::State;
use crate::base::ids::{Ordinal, Position};
use crate::base::paged::Paged;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::entry::ToldEntry;
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Positions of a page of a ledger.
const LEDGER_PAGE: usize = 128;

/// Profiles, by ordinal: a change copies the 65,536 ordinals around it.
#[derive(Debug, Clone, Default)]
pub struct Members {
    chunks: Paged<RoaringBitmap>,
    count: u64,
}

impl Members {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether a profile is among them.
    pub fn holds(&self, ordinal: Ordinal) -> bool {
        self.chunks.get(ordinal.0 as usize >> 16).is_some_and(|chunk| chunk.contains(ordinal.0))
    }

    /// Their ordinals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Ordinal> {
        self.chunks.iter().flat_map(RoaringBitmap::iter).map(Ordinal)
    }

    /// Those from an ordinal on, ascending.
    pub fn starting_at(&self, first: Ordinal) -> impl Iterator<Item = Ordinal> {
        let chunks = self.chunks.iter().skip(first.0 as usize >> 16);
        chunks.flat_map(move |chunk| chunk.range(first.0..)).map(Ordinal)
    }

    /// The same as one set.
    pub fn to_set(&self) -> RoaringBitmap {
        let mut set = RoaringBitmap::new();
        self.chunks.iter().for_each(|chunk| set |= chunk);
        set
    }

    /// Those of a set that are among them.
    pub fn within(&self, set: &RoaringBitmap) -> RoaringBitmap {
        let (Some(first), Some(last)) = (set.min(), set.max()) else { return RoaringBitmap::new() };
        let mut found = RoaringBitmap::new();
        for chunk in first >> 16..=last >> 16 {
            if let Some(members) = self.chunks.get(chunk as usize)
                && !members.is_empty()
            {
                found |= members & set;
            }
        }
        found
    }

    /// Takes some out and some in.
    pub fn change(&mut self, left: &RoaringBitmap, entered: &RoaringBitmap) {
        for (of, enter) in [(left, false), (entered, true)] {
            let mut rest = of.iter().peekable();
            while let Some(first) = rest.peek().copied() {
                let place = first as usize >> 16;
                while self.chunks.len() <= place {
                    self.chunks.push(RoaringBitmap::new());
                }
                let Some(chunk) = self.chunks.get_mut(place) else { return };
                let before = chunk.len();
                while let Some(ordinal) = rest.next_if(|ordinal| *ordinal >> 16 == first >> 16) {
                    let _ = if enter { chunk.insert(ordinal) } else { chunk.remove(ordinal) };
                }
                self.count = self.count + chunk.len() - before;
            }
        }
    }
}

impl From<&RoaringBitmap> for Members {
    fn from(set: &RoaringBitmap) -> Members {
        let mut members = Members::default();
        members.change(&RoaringBitmap::new(), set);
        members
    }
}

/// The positions of the entries that told of a segment, ascending.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pages: Paged<Vec<Position>>,
    /// Behind the last entry.
    end: Position,
}

impl Ledger {
    /// Notes an entry by its first position, which is behind all others.
    pub fn note(&mut self, at: Position, end: Position) {
        self.end = end;
        let last = self.pages.len().checked_sub(1);
        match last.and_then(|last| self.pages.get_mut(last)) {
            Some(page) if page.len() < LEDGER_PAGE => page.push(at),
            _ => self.pages.push(vec![at]),
        }
    }

    /// The entries from a position on: the one that may hold it, and all behind.
    pub fn from(&self, position: Position) -> impl Iterator<Item = Position> + '_ {
        let (mut low, mut high) = (0, self.pages.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let head = self.pages.get(middle).and_then(|page| page.first());
            if head.is_some_and(|head| *head <= position) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let first = low.saturating_sub(1);
        let pages = (first..self.pages.len()).filter_map(|page| self.pages.get(page));
        let all = pages.flatten().copied();
        // Of those before, the last one may hold the position.
        let mut all = all.peekable();
        let mut held = None;
        while let Some(entry) = all.next_if(|entry| *entry <= position) {
            held = Some(entry);
        }
        held.into_iter().chain(all)
    }

    /// Whether nothing was told behind a position: not even by the entry that holds it.
    pub fn is_behind(&self, position: Position) -> bool {
        let last = self.last();
        // An entry has at least one position, so that one which begins at a position may go on behind it.
        last.is_none_or(|last| last <= position && self.end <= position.plus(1))
    }

    /// The position of the last entry.
    pub fn last(&self) -> Option<Position> {
        let last = self.pages.len().checked_sub(1)?;
        self.pages.get(last)?.last().copied()
    }

    /// All positions.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Position> + '_ {
        self.pages.iter().flatten().copied()
    }
}

impl FromIterator<Position> for Ledger {
    fn from_iter<I: IntoIterator<Item = Position>>(positions: I) -> Ledger {
        let mut ledger = Ledger::default();
        positions.into_iter().for_each(|position| ledger.note(position, Position(u64::MAX)));
        ledger
    }
}

/// One segment: who is in it, and where that was told.
#[derive(Debug, Clone, Default)]
pub struct Membership {
    /// Its name.
    pub name: String,
    /// The version of its definition that the members are those of; nought when it is dropped.
    pub version: u32,
    /// Who is in it.
    pub members: Members,
    /// Where it was told.
    pub ledger: Ledger,
    /// Why its rule cannot be answered now, so that its members stay as they were.
    pub stalled: Option<Arc<str>>,
}

/// All segments at one moment.
#[derive(Debug, Clone, Default)]
pub struct Memberships {
    /// The moment: a whole second. All members are those at it.
    pub clock: Timestamp,
    /// By name in its folded form.
    places: Arc<BTreeMap<String, usize>>,
    all: Paged<Membership>,
}

impl Memberships {
    /// A segment that is or was defined.
    pub fn known(&self, name: &str) -> Option<&Membership> {
        self.all.get(*self.places.get(&folded(name))?)
    }

    /// The place of a segment, which it keeps.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(&folded(name)).copied()
    }

    /// The segment at a place.
    pub fn at(&self, place: usize) -> Option<&Membership> {
        self.all.get(place)
    }

    /// The segment at a place, to change it.
    pub fn at_mut(&mut self, place: usize) -> Option<&mut Membership> {
        self.all.get_mut(place)
    }

    /// A segment in force.
    pub fn get(&self, name: &str) -> Option<&Membership> {
        self.known(name).filter(|segment| segment.version > 0)
    }

    /// All segments that are or were defined, in the order in which they were first.
    pub fn all(&self) -> impl Iterator<Item = &Membership> {
        self.all.iter()
    }

    /// Takes segments for dropped, but for some.
    pub fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        for place in 0..self.all.len() {
            if self.all.get(place).is_some_and(|of| of.version > 0 && !is_kept(&of.name))
                && let Some(segment) = self.all.get_mut(place)
            {
                segment.version = 0;
            }
        }
    }

    /// A segment, to change it; one that is new is made.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Membership> {
        let key = folded(name);
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let place = self.all.len();
                self.all.push(Membership { name: name.to_owned(), ..Membership::default() });
                Arc::make_mut(&mut self.places).insert(key, place);
                place
            }
        };
        self.all.get_mut(place)
    }
}

impl State {
    /// Takes note of where segments were told of. Who is in them is known to those who told it.
    pub(super) fn note_told(&mut self, first: Position, told: &ToldEntry) {
        let end = first.plus(told.rows() as u64);
        let memberships = Arc::make_mut(&mut self.memberships);
        for change in &told.changes {
            if let Some(segment) = memberships.get_mut(&change.segment)
                && segment.ledger.last() != Some(first)
            {
                segment.ledger.note(first, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;

    #[test]
    fn members_are_those_of_a_plain_set() {
        let mut random = Rng(5);
        let (mut members, mut plain) = (Members::default(), RoaringBitmap::new());
        for _ in 0..300 {
            let mut some = |most: usize| -> RoaringBitmap {
                (0..random.below(most))
                    .map(|_| (random.below(5) << 16 | random.below(50)) as u32)
                    .collect()
            };
            let (left, entered) = (some(40), some(40));
            let before = members.clone();
            let set = before.to_set();
            members.change(&left, &entered);
            plain = (plain - &left) | &entered;
            assert_eq!(members.to_set(), plain);
            assert_eq!(members.count(), plain.len());
            assert_eq!(before.to_set(), set);
            assert_eq!(members.within(&left), &plain & &left);
            assert!(members.iter().map(|o| o.0).eq(plain.iter()));
            assert!((0..50).all(|o| members.holds(Ordinal(o)) == plain.contains(o)));
        }
    }

    #[test]
    fn a_ledger_gives_the_entry_that_may_hold_a_position_and_all_behind() {
        let plain: Vec<Position> = (0..3000).map(|n| Position(n * 3 + 5)).collect();
        let ledger: Ledger = plain.iter().copied().collect();
        for from in [0, 4, 5, 6, 7, 8, 1540, 1541, 1542, 4000, 9001, 9002, 9003, 20_000] {
            let behind = plain.partition_point(|at| at.0 <= from);
            let expected = &plain[behind.saturating_sub(1)..];
            assert!(ledger.from(Position(from)).eq(expected.iter().copied()), "{from}");
        }
    }
}
