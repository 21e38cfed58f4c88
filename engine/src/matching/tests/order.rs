//! The order of rows and the number of threads change nothing.

use super::super::{Matches, match_records};
use super::{Draw, Keyed, made, model, roles};
use std::collections::BTreeSet;

/// Groups as sets of keys.
fn groups(rows: &Keyed, found: &Matches) -> BTreeSet<BTreeSet<u64>> {
    let mut groups = std::collections::BTreeMap::<u32, BTreeSet<u64>>::new();
    for (row, group) in found.groups.iter().enumerate() {
        groups.entry(*group).or_default().insert(rows.0[row].0);
    }
    groups.into_values().collect()
}

/// Scored pairs by keys, the scores as bits.
fn pairs(rows: &Keyed, found: &Matches) -> BTreeSet<(u64, u64, u32)> {
    let key = |row: u32| rows.0[row as usize].0;
    let pair =
        |left: u64, right: u64, score: f32| (left.min(right), left.max(right), score.to_bits());
    found.pairs.iter().map(|one| pair(key(one.left), key(one.right), one.score)).collect()
}

#[test]
fn rows_in_any_order_give_the_same_model_pairs_and_groups() {
    let (mut rows, _) = made(1, 120);
    // Rows that say the same and little, so that only their keys can tell them apart.
    for key in 0..6 {
        rows.0.push((1_000_000 + key, vec!["anna".to_owned(), "berton".to_owned()]));
    }
    let first = match_records(&roles(), &rows, None, 1);
    let (expected, expected_pairs) = (groups(&rows, &first), pairs(&rows, &first));
    assert!(expected.iter().any(|group| group.len() > 2), "the set has something to join");
    let full = std::env::var_os("NAVE_FULL").is_some();
    let mut draw = Draw(2);
    for round in 0..if full { 300 } else { 3 } {
        draw.shuffle(&mut rows.0);
        let learnt = match_records(&roles(), &rows, None, 1 + round % 3);
        assert_eq!(learnt.model, first.model);
        assert_eq!(pairs(&rows, &learnt), expected_pairs);
        assert_eq!(groups(&rows, &learnt), expected);
    }
    for round in 0..if full { 10_000 } else { 20 } {
        draw.shuffle(&mut rows.0);
        let again = match_records(&roles(), &rows, Some(&first.model), 1 + round % 3);
        assert_eq!(groups(&rows, &again), expected);
    }
}

/// Cookies and devices of which nothing else is known are no persons whom a model could learn of.
#[test]
fn rows_that_say_nothing_change_no_model() {
    let (mut rows, _) = made(1, 120);
    let said = match_records(&roles(), &rows, None, 1);
    for key in 0..2_000 {
        rows.0.push((2_000_000 + key, Vec::new()));
    }
    let beside = match_records(&roles(), &rows, None, 2);
    assert_eq!(beside.model, said.model);
    assert_eq!(pairs(&rows, &beside), pairs(&rows, &said));
}

#[test]
fn many_rows_are_read_by_several_threads_as_by_one() {
    let (rows, _) = made(3, 2_000);
    assert!(rows.0.len() > 4_096, "each of two threads reads some");
    let one = match_records(&roles(), &rows, Some(model()), 1);
    let two = match_records(&roles(), &rows, Some(model()), 2);
    assert_eq!((one.groups, one.pairs), (two.groups, two.pairs));
}
