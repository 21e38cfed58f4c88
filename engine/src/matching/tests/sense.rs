//! What is told makes sense: of persons, of families, of what is explained, of what is saved.

use super::super::model::{Scorer, Weights};
use super::super::people::People;
use super::super::{Index, Matcher, Model, Zone, match_records};
use super::{Draw, made, model, roles};
use std::collections::HashMap;

fn pairs<T: std::hash::Hash + Eq>(labels: impl Iterator<Item = T>) -> f64 {
    let mut sizes: HashMap<T, usize> = HashMap::new();
    labels.for_each(|label| *sizes.entry(label).or_default() += 1);
    sizes.values().map(|size| size * (size - 1) / 2).sum::<usize>() as f64
}

#[test]
fn persons_are_told_from_their_families() {
    let (rows, truth) = made(11, 500);
    let found = match_records(&roles(), &rows, None, 1);
    let both = pairs(truth.iter().zip(&found.groups));
    let (precision, recall) = (both / pairs(found.groups.iter()), both / pairs(truth.iter()));
    assert!(precision > 0.95 && recall > 0.9, "precision {precision}, recall {recall}");
}

#[test]
fn groups_are_more_than_chains_of_pairs() {
    let model = model();
    let row = |given: &str, day: &str, email: &str| {
        [given, "hofberg", day, email, "0612345678", "3 garton street", "torville", "10007"]
            .map(str::to_owned)
    };
    // The one in the middle may be either of the two sisters, who cannot be one.
    let rows = vec![
        row("nina", "1970-02-03", "nina.hofberg@example.org").to_vec(),
        row("n", "", "").to_vec(),
        row("nora", "1981-11-25", "nora.1981@example.org").to_vec(),
    ];
    let found = match_records(&roles(), &rows, Some(model), 1);
    let accepted: Vec<(u32, u32)> = found
        .pairs
        .iter()
        .filter(|pair| model.zone(pair.score) == Zone::Accept)
        .map(|pair| (pair.left, pair.right))
        .collect();
    assert!(accepted.contains(&(0, 1)) && accepted.contains(&(1, 2)), "{:?}", found.pairs);
    assert!(!found.joined(0, 2));
    assert!(found.joined(0, 1) != found.joined(1, 2));
}

#[test]
fn explanations_add_up_to_scores() {
    let (rows, _) = made(12, 150);
    let found = match_records(&roles(), &rows, Some(model()), 1);
    assert!(found.pairs.len() > 100);
    let mut index = Index::of(roles(), &rows, 1);
    let matcher = Matcher::against(&found.model, &mut index);
    for pair in &found.pairs {
        let why = found.explain(pair.left, pair.right);
        assert_eq!(why, found.explain(pair.right, pair.left));
        assert!((why.score - pair.score).abs() < 1e-4);
        let sum: f32 = why.contributions.iter().map(|one| one.weight).sum();
        assert!((why.prior + sum + why.house - why.score).abs() < 1e-3, "{why:?}");
        assert!(why.house <= 0.0 && why.contributions.iter().all(|one| !one.meaning.is_empty()));
        let key = |row: u32| rows.0[row as usize].0;
        assert_eq!(matcher.explain(key(pair.left), key(pair.right)), Some(why));
    }
    assert_eq!(matcher.explain(rows.0[0].0, 1), None);
}

#[test]
fn pairs_that_are_left_early_are_below_the_least_score() {
    let (rows, _) = made(13, 150);
    let mut people = People::read(&roles(), &rows, 1);
    model().rate(&mut people);
    let mut scorer = Scorer::of(&people, Weights::of(model()), 64);
    let mut draw = Draw(14);
    for _ in 0..20_000 {
        let (left, right) = (draw.below(rows.0.len()) as u32, draw.below(rows.0.len()) as u32);
        let (left, right) =
            if draw.below(2) == 0 { (left, right) } else { (left, (left + 1) % 200) };
        let score = scorer.score(left, right);
        let near = score - draw.below(100) as f32 / 100.0;
        let least = if draw.below(2) == 0 { draw.below(40) as f32 - 20.0 } else { near };
        assert_eq!(score, scorer.score(right, left));
        let expected = (score >= least).then_some(score);
        assert_eq!(scorer.score_from(least, &people.record(left), right), expected);
    }
}

#[test]
fn models_are_saved_and_read_again() {
    let mut model = model().clone();
    assert!(model.set_thresholds(1.5, -2.0) && !model.set_thresholds(0.0, 1.0));
    let text = model.to_text();
    assert_eq!(Model::from_text(&text).as_ref(), Ok(&model));
    assert!(!text.contains("hofberg"), "a model tells nobody's name");
    // The owner may move the thresholds in the text.
    let moved = Model::from_text(&text.replace("accept 1.5", "accept 2.5")).unwrap();
    assert_eq!((moved.thresholds(), moved.id()), ((2.5, -2.0), model.id()));
}

#[test]
fn models_that_are_damaged_are_refused_with_line_and_remedy() {
    let text = model().to_text();
    let fails = |text: &str, line: usize, problem: &str| {
        let error = Model::from_text(text).unwrap_err();
        assert!(
            error.line == line && error.problem.contains(problem),
            "{error}, not: line {line}: {problem}"
        );
    };
    let lines = text.lines().count();
    let cut: String = text.lines().take(lines - 1).map(|line| format!("{line}\n")).collect();
    fails("", 1, "empty");
    fails("hello", 1, "is this the right file");
    fails(&text.replacen("model 1", "model 9", 1), 1, "learn the model anew");
    fails(&text.replacen("accept 0", "accept much", 1), 3, "`much` is not a number");
    fails(&text.replacen("accept 0", "accept inf", 1), 3, "finite");
    fails(&text.replacen("accept 0", "accept -9", 1), lines + 1, "lower it");
    fails(&text.replacen("records", "record", 1), 2, "is not understood");
    fails(&text.replacen("records", "accept 1\nrecords", 1), 4, "stands twice");
    fails(&cut, lines, "`end` is missing");
    fails(&format!("{text}more"), lines + 1, "after the end");
    let gender = 1 + text.lines().position(|line| line == "rest gender 1e0").unwrap();
    fails(&text.replacen("rest gender 1e0", "rest gender 2e0", 1), gender, "up to 1");
    let changed = text.replacen("rest gender 1e0", "rest gender 5e-1", 1);
    fails(&changed, lines, "weights were changed");
}
