//! An index that grows and shrinks finds what a batch finds.

use super::super::blocks::BLOCK_MAX;
use super::super::{Index, Matcher, Model, match_records};
use super::{Draw, Keyed, made, model, roles};
use std::collections::{BTreeMap, BTreeSet};

type Pairs = BTreeSet<(u64, u64, u32)>;

fn batch(rows: &Keyed, model: &Model) -> Pairs {
    let found = match_records(&roles(), rows, Some(model), 1);
    let key = |row: u32| rows.0[row as usize].0;
    let pairs = found.pairs.iter().map(|pair| {
        let (left, right) = (key(pair.left), key(pair.right));
        (left.min(right), left.max(right), pair.score.to_bits())
    });
    pairs.collect()
}

fn texts(row: &[String]) -> Vec<Option<&str>> {
    row.iter().map(|text| (!text.is_empty()).then_some(text.as_str())).collect()
}

fn all(matcher: &mut Matcher<'_>, keys: impl Iterator<Item = u64>) -> Pairs {
    let mut pairs = Pairs::new();
    for key in keys {
        for found in matcher.found(key) {
            pairs.insert((key.min(found.key), key.max(found.key), found.score.to_bits()));
        }
    }
    pairs
}

#[test]
fn records_that_come_and_go_have_the_scores_of_a_batch() {
    let (rows, _) = made(5, 120);
    let model = model();
    let mut index = Index::new(roles());
    let mut matcher = Matcher::against(model, &mut index);
    let mut present = BTreeMap::new();
    let mut draw = Draw(6);
    for step in 0..1_500 {
        let (key, row) = &rows.0[draw.below(rows.0.len())];
        if draw.below(3) == 0 {
            assert_eq!(matcher.remove(*key), present.remove(key).is_some());
        } else {
            // Now and then a record comes again and says something else.
            let mut row = row.clone();
            if draw.below(4) == 0 {
                row[draw.below(8)].clear();
            }
            matcher.arrive(*key, &texts(&row));
            present.insert(*key, row);
        }
        if step % 250 == 249 {
            let now = Keyed(present.clone().into_iter().collect());
            assert_eq!(
                all(&mut matcher, present.keys().copied()),
                batch(&now, model),
                "step {step}"
            );
        }
    }
}

#[test]
fn an_index_of_rows_is_that_of_records_one_by_one() {
    let (rows, _) = made(8, 100);
    let model = model();
    let mut index = Index::of(roles(), &rows, 2);
    assert_eq!(index.len(), rows.0.len());
    let mut matcher = Matcher::against(model, &mut index);
    let keys = || rows.0.iter().map(|(key, _)| *key);
    assert_eq!(all(&mut matcher, keys()), batch(&rows, model));
    // With a key that stands twice the last row counts.
    let mut twice = rows.clone();
    let last = twice.0[3].1.clone();
    twice.0.push((twice.0[0].0, last));
    assert_eq!(Index::of(roles(), &twice, 1).len(), rows.0.len());
}

#[test]
fn a_key_that_many_share_says_nothing_until_enough_are_gone() {
    let roles = roles();
    let mut index = Index::new(roles);
    let row = |number: u64| {
        [
            None,
            None,
            None,
            Some("shop@example.org".to_owned()),
            None,
            None,
            Some(format!("c{number}")),
            None,
        ]
    };
    for number in 0..BLOCK_MAX as u64 * 4 {
        index.add(number, &row(number));
    }
    assert_eq!((index.hot_keys(), index.candidates(0).len()), (1, 0));
    for number in BLOCK_MAX as u64..BLOCK_MAX as u64 * 4 {
        assert_eq!(index.hot_keys(), 1);
        assert!(index.remove(number));
    }
    assert_eq!(index.hot_keys(), 0);
    // One key that so many share is no reason to compare; few are.
    assert_eq!(index.candidates(0).len(), 0);
    (4..BLOCK_MAX as u64).for_each(|number| assert!(index.remove(number)));
    assert_eq!(index.candidates(0), [1, 2, 3]);
    (0..4).for_each(|number| assert!(index.remove(number)));
    assert!(index.is_empty() && !index.remove(0) && index.candidates(0).is_empty());
    assert_eq!(index.people.vocabulary.said().count(), 0, "nobody's words are left");
}

#[test]
fn two_keys_are_reason_enough_where_one_is_not() {
    let mut index = Index::new(roles());
    let row = |email: &str, phone: &str| {
        [None, None, None, Some(email.to_owned()), Some(phone.to_owned()), None, None, None]
    };
    for number in 0..10 {
        index.add(number, &row("shop@example.org", &format!("06123400{number:02}")));
        index.add(100 + number, &row(&format!("p{number}@example.org"), "0698765432"));
    }
    index.add(50, &row("shop@example.org", "0698765432"));
    assert!(index.candidates(50).is_empty());
    index.add(51, &row("shop@example.org", "0698765432"));
    assert_eq!((index.candidates(50), index.candidates(51)), (vec![51], vec![50]));
}

#[test]
fn another_model_gives_other_scores_in_the_same_index() {
    let (rows, _) = made(9, 80);
    let (others, _) = made(10, 80);
    let model = model();
    let other = match_records(&roles(), &others, None, 1).model;
    let mut index = Index::of(roles(), &rows, 1);
    let keys = || rows.0.iter().map(|(key, _)| *key);
    let first = all(&mut Matcher::against(model, &mut index), keys());
    let second = all(&mut Matcher::against(&other, &mut index), keys());
    assert_ne!(first, second);
    assert_eq!(second, batch(&rows, &other));
    assert_eq!(all(&mut Matcher::against(model, &mut index), keys()), first);
}

#[test]
fn what_is_judged_of_a_record_is_what_a_batch_makes_of_it() {
    for seed in [11, 12, 13] {
        let (rows, _) = made(seed, 150);
        let model = model();
        let found = match_records(&roles(), &rows, Some(model), 1);
        let keys: Vec<u64> = rows.0.iter().map(|(key, _)| *key).collect();
        let mut index = Index::of(roles(), &rows, 1);
        let mut matcher = Matcher::against(model, &mut index);
        let (mut alone, mut tied) = (0, 0);
        for key in &keys {
            let judged = matcher.judge(*key, usize::MAX, &|key| key);
            assert!(judged.whole && judged.members.first() == Some(key));
            let concerned = |row: u32| judged.members.contains(&keys[row as usize]);
            let pairs = found.pairs.iter().filter(|p| concerned(p.left) || concerned(p.right));
            let wanted: BTreeSet<_> = pairs
                .map(|pair| {
                    let (left, right) = (keys[pair.left as usize], keys[pair.right as usize]);
                    (left, right, pair.score.to_bits(), found.joined(pair.left, pair.right))
                })
                .collect();
            let told = judged.pairs.iter().map(|p| (p.left, p.right, p.score.to_bits(), p.joined));
            assert_eq!(told.clone().count(), wanted.len(), "each once");
            assert_eq!(told.collect::<BTreeSet<_>>(), wanted, "of {key}");
            *(if judged.members.len() == 1 { &mut alone } else { &mut tied }) += 1;
        }
        assert!(alone > 10 && tied > 100, "{alone} and {tied}");
    }
}

#[test]
fn a_chain_that_is_too_long_is_not_judged_and_says_so() {
    let (rows, _) = made(14, 150);
    let mut index = Index::of(roles(), &rows, 1);
    let mut matcher = Matcher::against(model(), &mut index);
    let mut long = 0;
    for (key, _) in &rows.0 {
        let all = matcher.judge(*key, usize::MAX, &|key| key);
        let some = matcher.judge(*key, 2, &|key| key);
        assert_eq!(some.whole, all.members.len() <= 2);
        if some.whole {
            assert_eq!(some, all);
        } else {
            assert!(some.pairs.iter().all(|pair| !pair.joined) && some.members.len() == 2);
            let own = |pairs: &[crate::matching::JudgedPair]| {
                let mine = pairs.iter().filter(|p| p.left == *key || p.right == *key);
                mine.map(|p| (p.left, p.right, p.score.to_bits())).collect::<BTreeSet<_>>()
            };
            assert_eq!(own(&some.pairs), own(&all.pairs), "nothing of its own is left out");
            long += 1;
        }
    }
    assert!(long > 10, "{long}");
    assert!(!matcher.judge(1, 9, &|key| key).whole, "a record that is not there");
}
