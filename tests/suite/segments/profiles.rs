//! What became of profiles: the stream tells every change of the grouping of identifiers, and nothing else.

use super::Story;
use super::world::Name;
use crate::store::session;
use navedb::{Became, DefineRequest, Identity, IdentityItem, Position, View};
use std::collections::{BTreeMap, BTreeSet};

/// Whose each identifier was when the stream was read last, and before.
#[derive(Default)]
pub struct Profiles(Vec<(Position, BTreeMap<Name, String>)>);

type Group = (BTreeSet<String>, BTreeSet<String>);

/// All items of the stream behind a position.
fn items(view: &View, after: Position) -> Vec<IdentityItem> {
    let page = view.feed(Identity, after, 10_000).unwrap();
    assert!(!page.more);
    page.items
}

/// The profiles that have identifiers in common, before and after, where there is anything to tell.
fn groups(before: &BTreeMap<Name, String>, now: &BTreeMap<Name, String>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, old) in before {
        let (old, new) = (old.clone(), now.get(name).cloned());
        let mut merged: Group = (BTreeSet::from([old]), new.into_iter().collect());
        groups.retain(|(olds, news)| {
            let apart = olds.is_disjoint(&merged.0) && news.is_disjoint(&merged.1);
            if !apart {
                merged.0.extend(olds.iter().cloned());
                merged.1.extend(news.iter().cloned());
            }
            apart
        });
        groups.push(merged);
    }
    groups.retain(|(old, new)| old.len() > 1 || old != new);
    groups.sort();
    groups
}

fn group_of(item: &IdentityItem) -> Group {
    (item.before.iter().cloned().collect(), item.after.iter().cloned().collect())
}

/// Whether no id is in two items, so that each tells all that became of its profiles, and all were there before.
fn are_apart(items: &[IdentityItem], before: &BTreeMap<Name, String>) -> bool {
    let known: BTreeSet<&String> = before.values().collect();
    if !items.iter().flat_map(|item| &item.before).all(|id| known.contains(id)) {
        return false;
    }
    let mut seen = BTreeSet::new();
    let ids = |item: &IdentityItem| -> BTreeSet<String> {
        item.before.iter().chain(&item.after).cloned().collect()
    };
    items.iter().flat_map(ids).all(|id| seen.insert(id))
}

/// Where an id may be after items that may follow one another.
fn reached(items: &[IdentityItem], id: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::from([id.to_owned()]);
    for item in items {
        if item.before.iter().any(|id| ids.contains(id)) {
            ids.retain(|id| !item.before.contains(id));
            ids.extend(item.after.iter().cloned());
        }
    }
    ids
}

fn check_item(item: &IdentityItem, said: &str) {
    assert_eq!(item.before.len(), item.now.len(), "{item:?}\n{said}");
    for now in &item.now {
        let fits = now.as_ref().is_none_or(|now| item.after.contains(now));
        assert!(fits, "{item:?}\n{said}");
    }
    let became = match (item.before.len(), item.after.len()) {
        (0, _) => Became::Begun,
        (_, 0) => Became::Gone,
        (1, 1) => Became::Renamed,
        (_, 1) => Became::Joined,
        (1, _) => Became::Split,
        _ => Became::Rearranged,
    };
    assert_eq!(item.became, became, "{item:?}\n{said}");
}

impl Story {
    fn owners(&self, view: &View) -> BTreeMap<Name, String> {
        let people = self.people(view).into_iter();
        people
            .flat_map(|(id, names)| names.into_iter().map(move |name| (name, id.clone())))
            .collect()
    }

    /// Defines the stream.
    pub fn tell_profiles(&mut self) {
        let text = "[stream.identity]\n".to_owned();
        let defined =
            session(self.db()).define(&DefineRequest { text, ..DefineRequest::default() });
        if self.done(defined).is_some() {
            let view = self.view();
            let told = items(&view, Position(0));
            assert_eq!(told.last().map(|item| item.became), Some(Became::Begun));
            let owners = self.owners(&view);
            self.profiles.0.push((view.position(), owners));
        }
    }

    /// Holds what was told since the last time against the identifiers then and now.
    pub fn follow_profiles(&mut self, said: &str) {
        let Some((after, before)) = self.profiles.0.last() else { return };
        let view = self.view();
        let told = items(&view, *after);
        told.iter().for_each(|item| check_item(item, said));
        let now = self.owners(&view);
        let expected = groups(before, &now);
        if are_apart(&told, before) {
            let mut found: Vec<Group> = told.iter().map(group_of).collect();
            found.sort();
            assert_eq!(found, expected, "{told:?}\n{said}");
        } else {
            for (name, old) in before {
                let reached = reached(&told, old);
                let fits = now.get(name).is_none_or(|new| reached.contains(new));
                assert!(fits, "{name:?} of {old} is not in {reached:?}: {told:?}\n{said}");
            }
        }
        self.profiles.0.push((view.position(), now));
    }

    /// Takes note of identifiers that were there and are not: when they come back, it is as if they were new.
    pub fn note_gone(&self, gone: &mut BTreeSet<Name>) {
        let Some((_, before)) = self.profiles.0.last() else { return };
        let now = self.owners(&self.view());
        gone.extend(before.keys().filter(|name| !now.contains_key(*name)).cloned());
    }

    /// Goes back to what was known at a position: what came behind it, others may have taken the place of. Of those
    /// that were gone for a while nothing is known.
    pub fn forget_profiles(&mut self, durable: Position, gone: &BTreeSet<Name>) {
        self.profiles.0.retain(|(position, _)| *position <= durable);
        let last = self.profiles.0.last_mut();
        last.into_iter().for_each(|(_, owners)| owners.retain(|name, _| !gone.contains(name)));
    }
}
