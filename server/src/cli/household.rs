//! `nave identity ... --rules household`: who lives together, and why.

use super::failure::Failure;
use super::identity_arguments::{Cluster, Clusters, One};
use super::output::{Lines, Output};
use super::store::Store;
use super::text::{Side, grouped, section};
use crate::resp::Reply;
use navedb::{Household, HouseholdCounts};
use std::fmt::Write as _;

/// Prints the household of a person.
pub(crate) fn cluster(what: &Cluster, output: &Output) -> Result<(), Failure> {
    let One { store, identifier } = &what.one;
    let store = Store::open(&store.data, false, output)?;
    let found = store.view().household((&identifier.0, &identifier.1))?;
    store.leave();
    output.answer(|| household_text(&found), || household_reply(&found))
}

/// Prints each profile with the id of its household; without `--csv` and `--json` how many there are, too.
pub(crate) fn clusters(what: &Clusters, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let view = store.view();
    let counts = view.household_counts()?;
    let (header, between) = if what.csv { ("profile_id,household_id\n", ',') } else { ("", '\t') };
    let mut lines = Lines::new(output, header);
    let done = view.household_clusters(&mut |profile, household| {
        let row = || {
            Reply::map([
                ("profile_id", Reply::from(profile)),
                ("household_id", Reply::from(household)),
            ])
        };
        lines.put(|| format!("{profile}{between}{household}\n"), row);
        Ok(())
    });
    store.leave();
    done?;
    lines.finish(|rows| counts_reply(&counts, rows))?;
    if !output.is_json() {
        output.note(&counts_text(&counts));
    }
    Ok(())
}

fn counts_text(counts: &HouseholdCounts) -> String {
    format!(
        "{} persons in {} households, {} of them of more than one person, the largest of {}; {} groups of persons who \
         are alike are too large to be households",
        grouped(counts.persons),
        grouped(counts.households),
        grouped(counts.shared),
        grouped(counts.largest),
        grouped(counts.crowded)
    )
}

fn counts_reply(counts: &HouseholdCounts, rows: Vec<Reply>) -> Reply {
    Reply::map([
        ("persons", Reply::count(counts.persons)),
        ("households", Reply::count(counts.households)),
        ("shared", Reply::count(counts.shared)),
        ("largest", Reply::count(counts.largest)),
        ("crowded", Reply::count(counts.crowded)),
        ("profiles", Reply::Array(rows)),
    ])
}

fn household_text(found: &Household) -> String {
    let mut text = format!("household {}\n", found.id);
    let persons: Vec<Vec<String>> = found
        .persons
        .iter()
        .map(|person| vec![person.identifier.to_string(), person.profile.clone()])
        .collect();
    section(&mut text, "persons", &[Side::Left; 2], &persons);
    let name = |profile: &str| {
        let person = found.persons.iter().find(|person| person.profile == profile);
        person.map_or_else(|| profile.to_owned(), |person| person.identifier.to_string())
    };
    let ties: Vec<Vec<String>> = found
        .ties
        .iter()
        .map(|tie| {
            let fate = if tie.admitted { "counts".to_owned() } else { tie.reason.clone() };
            let (left, right) = (name(&tie.profiles.0), name(&tie.profiles.1));
            vec![format!("{left} - {right}"), tie.because.clone(), fate]
        })
        .collect();
    section(&mut text, "what ties them", &[Side::Left; 3], &ties);
    for (what, count) in &found.crowded {
        let _ = writeln!(text, "{} persons are {what}: too many for a household", grouped(*count));
    }
    text
}

fn household_reply(found: &Household) -> Reply {
    let persons = Reply::list(&found.persons, |person| {
        Reply::map([
            ("profile", Reply::from(person.profile.as_str())),
            ("namespace", Reply::from(person.identifier.namespace.as_str())),
            ("value", Reply::from(person.identifier.value.as_str())),
        ])
    });
    let ties = Reply::list(&found.ties, |tie| {
        Reply::map([
            ("left", Reply::from(tie.profiles.0.as_str())),
            ("right", Reply::from(tie.profiles.1.as_str())),
            ("because", Reply::from(tie.because.as_str())),
            ("admitted", Reply::Boolean(tie.admitted)),
            ("reason", Reply::from(tie.reason.as_str())),
        ])
    });
    let crowded = Reply::list(&found.crowded, |(what, count)| {
        Reply::map([("what", Reply::from(what.as_str())), ("persons", Reply::count(*count))])
    });
    Reply::map([
        ("household", Reply::from(found.id.as_str())),
        ("persons", persons),
        ("ties", ties),
        ("crowded", crowded),
    ])
}
