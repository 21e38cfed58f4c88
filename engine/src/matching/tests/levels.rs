//! How well two records agree, on cases that tell.

use super::super::compare::Comparer;
use super::super::comparison::Comparison;
use super::super::people::People;
use super::super::{Role, Roles};

/// The levels that two rows with these columns show, in words.
fn levels(columns: &[Role], left: &[&str], right: &[&str]) -> Vec<(Comparison, &'static str)> {
    let roles: Roles = columns.iter().copied().collect();
    let rows = vec![left.to_vec(), right.to_vec()];
    let mut people = People::read(&roles, &rows, 1);
    people.vocabulary.set_log_shares(|_| -5.0);
    let (mut seen, mut turned) = (Vec::new(), Vec::new());
    Comparer::new(&people, 64).compare(0, 1, &mut seen);
    Comparer::new(&people, 64).compare(1, 0, &mut turned);
    assert_eq!(seen, turned, "{left:?} {right:?}");
    let told = seen.iter().map(|one| {
        let meaning = one.comparison.levels().get(usize::from(one.level));
        (one.comparison, *meaning.unwrap())
    });
    told.collect()
}

fn one(role: Role, left: &str, right: &str) -> &'static str {
    levels(&[role], &[left], &[right]).first().map_or("nothing", |(_, meaning)| meaning)
}

#[test]
fn names_agree_by_letters_likeness_sound_and_initial() {
    for (left, right, meaning) in [
        ("Anna", "ANNA", "equal"),
        ("Zoé", "zoe", "equal"),
        ("martin", "martyn", "one change"),
        ("martin", "matrin", "one change"),
        ("martin", "martins", "one change"),
        ("christopher", "christhofer", "nearly alike"),
        ("johnson", "jonsohn", "nearly alike"),
        ("ann", "anne", "short form or alike in sound"),
        ("ben", "benjamin", "short form or alike in sound"),
        ("philippe", "filipe", "short form or alike in sound"),
        ("j", "john", "initial"),
        ("john", "jane", "different"),
        ("martin", "dupont", "different"),
        ("", "john", "nothing"),
    ] {
        assert_eq!(one(Role::GivenName, left, right), meaning, "{left} {right}");
    }
}

#[test]
fn names_agree_word_by_word_in_any_order() {
    let columns = [Role::GivenName, Role::Surname];
    let swapped = levels(&columns, &["martin", "paul"], &["paul", "martin"]);
    assert_eq!(swapped, [(Comparison::Name, "equal"), (Comparison::OtherName, "equal")]);
    let compound = levels(&columns, &["Jean-Pierre", "Le Gall"], &["jean pierre", "legal"]);
    assert_eq!(compound[0], (Comparison::Name, "equal"));
    assert_eq!(one(Role::FullName, "Mr John Smith", "john smith"), "equal");
}

#[test]
fn days_agree_in_parts() {
    for (left, right, meaning) in [
        ("1980-03-12", "12/03/1980", "equal"),
        ("1980-03-12", "1980-03-13", "one change"),
        ("1980-03-12", "1980-03-21", "one change"),
        ("1980-03-12", "1980-12-03", "day and month swapped"),
        ("1980-03-12", "1980-03-29", "two of three parts equal"),
        ("1980-03-12", "1980-11-25", "year equal"),
        ("1980-03-12", "1981-04-12", "two changes"),
        ("1980-03-12", "1957-11-25", "different"),
        ("about 1850", "about 1851", "one change"),
    ] {
        assert_eq!(one(Role::BirthDate, left, right), meaning, "{left} {right}");
    }
}

#[test]
fn addresses_agree_however_they_are_written() {
    for (left, right, meaning) in [
        ("12 High St, Flat 3", "12 high street apt 3", "equal"),
        ("3 av. du Gal Leclerc", "3, avenue du Général Leclerc", "equal"),
        ("100 N Main St", "100 North Maine Street", "all words alike"),
        ("5/12 Smith Pde", "12 Smith Parade", "equal"),
        ("12 Smith Parade", "9 Leclerc Avenue", "different"),
    ] {
        let seen = levels(&[Role::Street], &[left], &[right]);
        assert!(seen.contains(&(Comparison::Street, meaning)), "{left} {right} {seen:?}");
    }
    let number = |left, right| {
        let seen = levels(&[Role::Street], &[left], &[right]);
        seen.iter()
            .find(|(known, _)| *known == Comparison::StreetNumber)
            .map(|(_, meaning)| *meaning)
    };
    assert_eq!(number("12 bis rue Roux", "12B r. Roux"), Some("equal"));
    assert_eq!(number("5/12 Smith St", "12 Smith St"), Some("equal"));
    assert_eq!(number("12 Smith St", "12 B Smith St"), Some("one change"));
}

#[test]
fn places_agree_by_postcode_and_name() {
    let columns = [Role::City, Role::Postcode];
    for (left, right, meaning) in [
        (["St Denis", "93200"], ["Saint-Denis cedex", "93200"], "postcode equal"),
        (["lyon", "69003"], ["lyon", "69002"], "postcode alike"),
        (["exeter", "TQ13 8DF"], ["exeter", "tq13 9xx"], "same district"),
        (["lyon", ""], ["LYON", "69003"], "place equal, no postcode"),
        (["lyon", "69003"], ["lyon", "13001"], "place equal, other postcode"),
        (["melbourne", ""], ["melborne", ""], "place alike"),
        (["kew", "3101"], ["paris", "75011"], "different"),
    ] {
        let seen = levels(&columns, &left, &right);
        assert_eq!(seen, [(Comparison::Place, meaning)], "{left:?} {right:?}");
    }
}

#[test]
fn values_of_one_person_agree_but_for_errors() {
    for (role, left, right, meaning) in [
        (Role::NationalId, "6988048", "6988-048", "equal"),
        (Role::NationalId, "6988048", "6988084", "one change"),
        (Role::NationalId, "6988048", "6987049", "two changes"),
        (Role::NationalId, "6988048", "1234567", "different"),
        (Role::Phone, "+33 6 12 34 56 78", "06 12 34 56 78", "equal"),
        (Role::Phone, "0612345678", "0612345679", "one change"),
        (Role::Phone, "0612345678", "0698765432", "different"),
        (Role::Email, "Ann.Lee@example.org", "ann.lee+x@example.org", "equal"),
        (Role::Email, "ann.lee@example.org", "ann.lee@exmaple.org", "one change or other host"),
        (Role::Email, "ann.lee@example.org", "ann.lee@other.net", "one change or other host"),
        (Role::Email, "ann@example.org", "ann@other.net", "different"),
        (Role::Gender, "Mme", "female", "equal"),
        (Role::State, "New South Wales", "nsw", "equal"),
    ] {
        assert_eq!(one(role, left, right), meaning, "{left} {right}");
    }
}
