//! What is told of segments, in entries that are not too large.
//!
//! *Invariant:* portions, one after another, tell what was given, in its order.

use crate::base::limits::{TOLD_BYTES_MAX, TOLD_ROWS_MAX};
use crate::entry::ToldChange;

/// What changes take of an entry: how many enter and leave, and the bytes of that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    rows: usize,
    bytes: usize,
}

impl Weight {
    fn with(self, traits: &[Option<String>]) -> Weight {
        let texts = traits.iter().map(|text| 9 + text.as_ref().map_or(0, String::len));
        Weight { rows: self.rows + 1, bytes: self.bytes + 16 + texts.sum::<usize>() }
    }

    fn fits(self, most: Weight) -> bool {
        self.rows <= most.rows && self.bytes <= most.bytes
    }
}

/// What an entry may take.
pub(super) const MOST: Weight = Weight { rows: TOLD_ROWS_MAX, bytes: TOLD_BYTES_MAX };

/// Changes in portions that take at most so much each, but for what one profile takes.
pub(super) fn told_portions(changes: Vec<ToldChange>, most: Weight) -> Vec<Vec<ToldChange>> {
    let mut portions = vec![Vec::new()];
    let mut weight = Weight::default();
    for change in changes {
        let ToldChange { segment, version, reason, entered, left, traits } = change;
        let each = traits.len().checked_div(entered.len() + left.len()).unwrap_or_default();
        let mut traits = traits.into_iter();
        let begin = |segment: &String| ToldChange {
            segment: segment.clone(),
            version,
            reason,
            entered: Vec::new(),
            left: Vec::new(),
            traits: Vec::new(),
        };
        let mut piece = begin(&segment);
        piece.entered.reserve_exact(entered.len().min(most.rows));
        let ids = entered.into_iter().map(|id| (id, true));
        for (id, enters) in ids.chain(left.into_iter().map(|id| (id, false))) {
            let told: Vec<Option<String>> = traits.by_ref().take(each).collect();
            let next = weight.with(&told);
            if weight.rows > 0 && !next.fits(most) {
                let full = std::mem::replace(&mut piece, begin(&segment));
                portions.last_mut().into_iter().for_each(|last| last.push(full.clone()));
                portions.push(Vec::new());
                weight = Weight::default().with(&told);
            } else {
                weight = next;
            }
            let ids = if enters { &mut piece.entered } else { &mut piece.left };
            ids.push(id);
            piece.traits.extend(told);
        }
        if let Some(last) = portions.last_mut() {
            last.push(piece);
        }
    }
    for portion in &mut portions {
        portion.retain(|change| change.rows() > 0);
    }
    portions.retain(|portion| !portion.is_empty());
    portions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Rng;
    use crate::entry::Reason;

    /// Each id with what is told beside it, in order.
    fn rows(changes: &[ToldChange]) -> Vec<(String, bool, u128, Vec<Option<String>>)> {
        let mut rows = Vec::new();
        for change in changes {
            let each = change.traits.len().checked_div(change.rows()).unwrap_or_default();
            let ids = change.entered.iter().map(|id| (true, id));
            for (place, (enters, id)) in
                ids.chain(change.left.iter().map(|id| (false, id))).enumerate()
            {
                let traits = change.traits[place * each..(place + 1) * each].to_vec();
                rows.push((change.segment.clone(), enters, *id, traits));
            }
        }
        rows
    }

    #[test]
    fn portions_have_all_rows_in_order_and_their_size() {
        let mut random = Rng(9);
        for _ in 0..500 {
            let mut changes = Vec::new();
            for segment in 0..random.below(5) {
                let mut ids =
                    |most| (0..random.below(most)).map(|id| id as u128).collect::<Vec<_>>();
                let (entered, left) = (ids(9), ids(9));
                let each = random.below(3);
                let traits = (0..each * (entered.len() + left.len()))
                    .map(|_| (random.below(3) > 0).then(|| "x".repeat(random.below(40))));
                let traits = traits.collect();
                let (segment, reason) = (segment.to_string(), Reason::Event);
                changes.push(ToldChange { segment, version: 1, reason, entered, left, traits });
            }
            let most = Weight { rows: 1 + random.below(8), bytes: 1 + random.below(200) };
            let found = told_portions(changes.clone(), most);
            for portion in &found {
                let rows = rows(portion);
                let weight = rows.iter().fold(Weight::default(), |sum, row| sum.with(&row.3));
                assert!(weight.fits(most) || rows.len() == 1, "{weight:?} of {most:?}");
                assert!(portion.iter().all(|change| change.rows() > 0));
            }
            assert_eq!(rows(&found.concat()), rows(&changes));
        }
    }
}
