//! Two columns of the same rows beside each other: which texts are in force, and whether one lacks what the other has.

use super::view::ColumnView;
use std::collections::BTreeSet;

impl ColumnView {
    /// Adds the texts of the rows that have a value in another column; without one, all that a part knows, which may be
    /// more than any row has now.
    pub fn texts_beside(&self, other: Option<&ColumnView>, found: &mut BTreeSet<String>) {
        let mut known = BTreeSet::new();
        self.each_dictionary(|dictionary| {
            known.extend(
                (0..dictionary.len()).filter_map(|code| dictionary.text(code).map(str::to_owned)),
            );
        });
        if let Some(beside) = other.map(ColumnView::present) {
            known.retain(|text| {
                let has = self.matching(&|texts| texts.find(text).into_iter().collect());
                !has.is_disjoint(&beside)
            });
        }
        found.append(&mut known);
    }

    /// Whether some row has a value here and none in another column.
    pub fn tells_beyond(&self, other: &ColumnView) -> bool {
        (0..self.chunks()).any(|chunk| {
            let (own, others) = (self.tiers(chunk), other.tiers(chunk));
            let alike = own.len() == others.len()
                && own.iter().zip(others).all(|(own, other)| own.view.tells_as(&other.view));
            !alike && !(self.present_in(chunk) - other.present_in(chunk)).is_empty()
        })
    }
}
