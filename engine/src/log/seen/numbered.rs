//! Rows of files, whose keys are a stem and a number: for each stem the stretches of its rows.
//!
//! *Invariants:* the stretches of a layer follow one another in the order of their numbers, so that one of them at most
//! has a number; rows that come again, as after a retraction, begin a layer of their own.

use crate::base::codec::Digest128;
use crate::base::ids::Position;
use crate::base::row_key::{self, Stem, Stretch};
use std::collections::BTreeMap;

/// Stretches by stem, in layers.
#[derive(Debug, Default)]
pub(super) struct Numbered(BTreeMap<Stem, Vec<Vec<Stretch>>>);

impl Numbered {
    /// These stretches, in the order in which they were given.
    pub(super) fn of(stretches: &[Stretch]) -> Numbered {
        let mut found = Numbered::default();
        stretches.iter().for_each(|stretch| found.add(stretch.clone()));
        found
    }

    pub(super) fn add(&mut self, stretch: Stretch) {
        let layers = self.0.entry(stretch.stem).or_default();
        let Some((layer, last)) = layers.last_mut().and_then(|layer| {
            let last = layer.pop()?;
            Some((layer, last))
        }) else {
            layers.push(vec![stretch]);
            return;
        };
        let mut last = last;
        let taken = last.take(&stretch);
        let follows = stretch.first > last.last;
        layer.push(last);
        match (taken, follows) {
            (true, _) => {}
            (false, true) => layer.push(stretch),
            (false, false) => layers.push(vec![stretch]),
        }
    }

    /// Adds the positions of rows that may have a key.
    pub(super) fn find(&self, key: &Digest128, found: &mut Vec<Position>) {
        let (stem, number) = row_key::split(key);
        for layer in self.0.get(&stem).into_iter().flatten() {
            let place = layer.partition_point(|stretch| stretch.first <= number);
            let stretch = place.checked_sub(1).and_then(|place| layer.get(place));
            found.extend(stretch.and_then(|stretch| stretch.place_of(number)).map(Position));
        }
    }

    /// All of them, so that `of` finds the same layers again.
    pub(super) fn all(&self) -> Vec<Stretch> {
        self.0.values().flatten().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::digest;
    use crate::base::row_key::{numbered, stem_of};

    #[test]
    fn every_row_is_found_however_often_it_came() {
        let stems = [stem_of(&digest(b"x")), stem_of(&digest(b"y"))];
        let mut kept = Numbered::default();
        let mut told: Vec<(Digest128, u64)> = Vec::new();
        let mut position = 1;
        for (from, to) in [(1, 300), (310, 320), (1, 50), (40, 45), (46, 60), (1, 400)] {
            for stem in &stems {
                let stretch = Stretch { stem: *stem, first: from, last: to, place: position };
                kept.add(stretch);
                let rows = (from..=to).zip(position..);
                told.extend(rows.map(|(number, place)| (numbered(stem, number), place)));
                position += to - from + 1;
            }
        }
        for kept in [&kept, &Numbered::of(&kept.all())] {
            for (key, position) in &told {
                let mut found = Vec::new();
                kept.find(key, &mut found);
                assert!(found.contains(&Position(*position)));
                let of_key = told.iter().filter(|(known, _)| known == key).count();
                assert_eq!(found.len(), of_key);
            }
            let mut found = Vec::new();
            kept.find(&numbered(&stems[0], 401), &mut found);
            kept.find(&digest(b"z"), &mut found);
            assert!(found.is_empty());
        }
    }
}
