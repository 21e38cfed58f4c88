//! Households: which persons live together, as the rules of households and what was said of them say.
//!
//! *Invariants:* a household is made of whole persons of one snapshot and of nothing that was found before, so that it
//! is right whatever was joined, split or retracted; it is found once for a snapshot and kept with it. *Where to start
//! reading:* `Homes::find`.

use super::identity::{named, node_of, public_of};
use super::identity_types::{
    Household, HouseholdCounts, HouseholdPerson, HouseholdTie, IdentifierName,
};
use super::view::View;
use crate::base::codec::{Digest128, digest_of_parts};
use crate::base::error::{Error, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::time::Timestamp;
use crate::definition::HouseholdRules;
use crate::identity::{
    Alike, Apart, Edge, Ground, Grounds, Households, Kind, NamingKey, Person, Statement, all_edges,
    households,
};
use crate::normalise::Normaliser;
use crate::state::{Reader, State};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// In what form values must be equal: without case, accents and points, with streets in their short forms.
const FORM: Normaliser = Normaliser::Address;

/// The persons that have anything alike with others, or of whom anything was said, and their households.
struct Homes {
    rules: HouseholdRules,
    /// By place.
    ordinals: Vec<Ordinal>,
    places: HashMap<Ordinal, u32>,
    alike: Vec<Alike>,
    said: Vec<Edge>,
    found: Households,
    /// The persons of each household, by the least of them.
    groups: BTreeMap<u32, Vec<u32>>,
}

impl Homes {
    fn find(reader: &Reader<'_>) -> Result<Homes> {
        let rules = reader.state.hindsight.compiled().household().clone();
        let (alike, mut ordinals) = alike(reader, &rules)?;
        let said = said(reader)?;
        let label = |node: NodeId| reader.nodes().label(node);
        for edge in &said {
            ordinals.extend(label(edge.key.node()).into_iter().chain(label(edge.key.other())));
        }
        ordinals.sort_unstable();
        ordinals.dedup();
        let places: HashMap<Ordinal, u32> = ordinals.iter().copied().zip(0..).collect();
        let place = |ordinal: &Ordinal| places.get(ordinal).copied();
        let mut persons = Vec::with_capacity(ordinals.len());
        for ordinal in &ordinals {
            let name = reader.row(*ordinal).name;
            let content = name.map(|node| reader.content(node)).transpose()?.unwrap_or_default();
            persons.push(Person { content });
        }
        let alike: Vec<Alike> = alike
            .into_iter()
            .map(|((list, digest), group)| Alike {
                list,
                digest,
                persons: group.iter().filter_map(place).collect(),
            })
            .collect();
        let statements = statements(&said, &|node| place(&label(node)?));
        let found = households(&persons, &alike, &statements, rules.most);
        let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (place, label) in (0_u32..).zip(&found.labels) {
            groups.entry(*label).or_default().push(place);
        }
        Ok(Homes { rules, ordinals, places, alike, said, found, groups })
    }

    /// The persons of the household of one.
    fn of(&self, ordinal: Ordinal) -> Vec<Ordinal> {
        let label =
            self.places.get(&ordinal).and_then(|place| self.found.labels.get(*place as usize));
        let group = label.and_then(|label| self.groups.get(label));
        let persons = group.into_iter().flatten();
        let persons: Vec<Ordinal> =
            persons.filter_map(|place| self.ordinals.get(*place as usize).copied()).collect();
        if persons.is_empty() { vec![ordinal] } else { persons }
    }
}

/// What persons have alike: by list and digest, those with the same; and all who have anything with another.
type AlikeBy = BTreeMap<(u32, Digest128), Vec<Ordinal>>;

fn alike(reader: &Reader<'_>, rules: &HouseholdRules) -> Result<(AlikeBy, Vec<Ordinal>)> {
    let mut digests: Vec<(u32, Digest128, Ordinal)> = Vec::new();
    for (list, names) in (0_u32..).zip(&rules.alike) {
        let numbers: Option<Vec<usize>> =
            names.iter().map(|name| reader.state.catalog.traits().find(name)).collect();
        let Some(numbers) = numbers else { continue };
        for ordinal in reader.state.live().iter().map(Ordinal) {
            let texts: Option<Vec<String>> =
                numbers.iter().map(|number| form(reader, *number, ordinal)).collect();
            let Some(texts) = texts else { continue };
            let parts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            digests.push((list, digest_of_parts(&parts), ordinal));
        }
    }
    digests.sort_unstable();
    let mut groups = AlikeBy::new();
    let mut persons = Vec::new();
    for same in digests.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let [(list, digest, _), _, ..] = same else { continue };
        let group: Vec<Ordinal> = same.iter().map(|(.., ordinal)| *ordinal).collect();
        persons.extend(&group);
        groups.insert((*list, *digest), group);
    }
    Ok((groups, persons))
}

/// The value of a trait in the form in which it must be equal; nothing when there is none.
fn form(reader: &Reader<'_>, number: usize, ordinal: Ordinal) -> Option<String> {
    let value = reader.trait_cell(number, ordinal).to_value()?.to_string();
    FORM.apply(&value).map(std::borrow::Cow::into_owned)
}

/// All that was said of households, each piece once.
fn said(reader: &Reader<'_>) -> Result<Vec<Edge>> {
    let mut found = Vec::new();
    if reader.state.counts.households > 0 {
        all_edges(reader.state.parts(), |edge| {
            let of_household = edge.kind().is_some_and(Kind::of_household);
            if of_household && edge.key.node() < edge.key.other() {
                found.push(*edge);
            }
        })?;
    }
    Ok(found)
}

/// The statements that hold, each about two persons.
fn statements(said: &[Edge], place: &dyn Fn(NodeId) -> Option<u32>) -> Vec<Statement> {
    let mut untils: HashMap<(NodeId, NodeId), i64> = HashMap::new();
    for edge in said.iter().filter(|edge| edge.kind() == Some(Kind::HouseholdUntil)) {
        let until = untils.entry((edge.key.node(), edge.key.other())).or_insert(i64::MIN);
        *until = edge.told.last.max(*until);
    }
    let statement = |(number, edge): (u32, &Edge)| {
        let pair = (edge.key.node(), edge.key.other());
        let persons = (place(pair.0)?, place(pair.1)?);
        let together = edge.kind() == Some(Kind::HouseholdLink);
        if persons.0 == persons.1 || !(together || edge.kind() == Some(Kind::HouseholdForbid)) {
            return None;
        }
        let until = untils.get(&pair).copied().filter(|_| together);
        if until.is_some_and(|until| edge.told.last <= until) {
            return None;
        }
        let after = until.map_or(i64::MIN, |until| until.saturating_add(1));
        Some(Statement { persons, together, since: edge.told.first.max(after), number })
    };
    (0_u32..).zip(said).filter_map(statement).collect()
}

impl View {
    /// The household of the person that holds an identifier: its persons, and what ties them or would.
    ///
    /// # Errors
    /// As `identity`; `Invalid` when no rules of households are in force and nothing was said of any.
    pub fn household(&self, of: (&str, &str)) -> Result<Household> {
        self.reading(|state| {
            let reader = state.reader();
            let homes = homes(state, &reader)?;
            let node = node_of(&reader, of)?;
            let label = reader.nodes().label(node).ok_or_else(|| {
                Error::not_found(format!("no record names the {} '{}'", of.0, of.1))
            })?;
            let found = told(&reader, &homes, label)?;
            reader.check().map(|()| found)
        })
    }

    /// How many persons and households there are.
    ///
    /// # Errors
    /// As `household`.
    pub fn household_counts(&self) -> Result<HouseholdCounts> {
        self.reading(|state| {
            let reader = state.reader();
            let homes = homes(state, &reader)?;
            let shared = homes.groups.values().filter(|group| group.len() > 1);
            let largest = homes.groups.values().map(Vec::len).max().unwrap_or_default();
            let alone = state.profiles() - homes.ordinals.len() as u64;
            let crowded =
                homes.alike.iter().filter(|g| g.persons.len() > homes.rules.most as usize);
            let found = HouseholdCounts {
                persons: state.profiles(),
                households: alone + homes.groups.len() as u64,
                shared: shared.count() as u64,
                largest: largest.max(usize::from(state.profiles() > 0)) as u64,
                crowded: crowded.count() as u64,
            };
            reader.check().map(|()| found)
        })
    }

    /// Calls `take` with the public id of each profile and that of its household.
    ///
    /// # Errors
    /// As `household`; what `take` fails with.
    pub fn household_clusters(&self, take: &mut dyn FnMut(&str, &str) -> Result<()>) -> Result<()> {
        let state = self.state();
        let reader = state.reader();
        let homes = homes(state, &reader)?;
        let mut ids: HashMap<Ordinal, String> = HashMap::new();
        for ordinal in state.live().iter().map(Ordinal) {
            let persons = homes.of(ordinal);
            let profile = public_of(&reader, Some(ordinal));
            match persons.as_slice() {
                [_] => take(&profile, &profile)?,
                [first, ..] => {
                    if !ids.contains_key(first) {
                        ids.insert(*first, id_of(&reader, &persons)?);
                    }
                    take(&profile, ids.get(first).map_or("", String::as_str))?;
                }
                [] => {}
            }
        }
        reader.check()
    }

    /// The rules of households in force, in TOML, as they can be defined.
    pub fn household_rules(&self) -> String {
        self.state().hindsight.compiled().household().to_toml()
    }
}

/// The households of a snapshot, found when they are first asked for.
fn homes(state: &State, reader: &Reader<'_>) -> Result<Arc<Homes>> {
    let homes = state.memo.known("households".to_owned(), || {
        let homes = Homes::find(reader)?;
        reader.check().map(|()| homes)
    })?;
    if homes.rules.alike.is_empty() && homes.said.is_empty() {
        return Err(Error::invalid(
            "there are no rules of households: define [identity.household] with 'alike', the traits that persons of \
             one household share, or link persons with '--rules household'",
        ));
    }
    Ok(homes)
}

/// The public id of a household: that of the person whose id is the least of theirs by the rules of naming.
fn id_of(reader: &Reader<'_>, persons: &[Ordinal]) -> Result<String> {
    let mut least: Option<NamingKey> = None;
    for name in persons.iter().filter_map(|person| reader.row(*person).name) {
        let (namespace, first, public) = reader.about(name)?;
        let key = (reader.rules().rank(namespace), first, public);
        least = Some(least.map_or(key, |known| known.min(key)));
    }
    Ok(least.map(|(.., public)| public.to_string()).unwrap_or_default())
}

fn told(reader: &Reader<'_>, homes: &Homes, label: Ordinal) -> Result<Household> {
    let persons = homes.of(label);
    let inside = |place: u32| {
        homes.ordinals.get(place as usize).is_some_and(|ordinal| persons.contains(ordinal))
    };
    let profile = |place: u32| public_of(reader, homes.ordinals.get(place as usize).copied());
    let ties = homes.found.ties.iter().filter(|tie| inside(tie.persons.0) || inside(tie.persons.1));
    let ties = ties.map(|tie| HouseholdTie {
        profiles: (profile(tie.persons.0), profile(tie.persons.1)),
        because: match tie.ground {
            Ground::Alike(number) => homes
                .alike
                .get(number as usize)
                .map_or_else(String::new, |group| alike_text(reader, homes, group)),
            Ground::Said(number) => said_text(reader, homes, number),
        },
        admitted: tie.apart.is_none(),
        reason: match tie.apart {
            None => String::new(),
            Some(Apart::TooMany) => {
                format!("the household would have more than {} persons", homes.rules.most)
            }
            Some(Apart::Said(number)) => said_text(reader, homes, number),
        },
    });
    let ties = ties.collect();
    let own: Vec<u32> = persons.iter().filter_map(|p| homes.places.get(p).copied()).collect();
    let crowded = homes.alike.iter().filter(|group| {
        group.persons.len() > homes.rules.most as usize
            && group.persons.iter().any(|person| own.contains(person))
    });
    let crowded = crowded
        .map(|group| (alike_text(reader, homes, group), group.persons.len() as u64))
        .collect();
    let id = id_of(reader, &persons)?;
    let persons = persons.iter().map(|ordinal| {
        let name = reader.row(*ordinal).name;
        let identifier = name.map_or_else(
            || IdentifierName { namespace: String::new(), value: String::new() },
            |node| named(reader, node),
        );
        HouseholdPerson { profile: public_of(reader, Some(*ordinal)), identifier }
    });
    Ok(Household { id, persons: persons.collect(), ties, crowded })
}

/// What the persons of a group have alike, in words.
fn alike_text(reader: &Reader<'_>, homes: &Homes, group: &Alike) -> String {
    let names = homes.rules.alike.get(group.list as usize).map(Vec::as_slice).unwrap_or_default();
    let person = group.persons.first().and_then(|place| homes.ordinals.get(*place as usize));
    let told: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let number = reader.state.catalog.traits().find(name)?;
            Some(format!("{name} '{}'", form(reader, number, *person?)?))
        })
        .collect();
    format!("alike in {}", told.join(", "))
}

/// Who said something of households, and when.
fn said_text(reader: &Reader<'_>, homes: &Homes, number: u32) -> String {
    let Some(edge) = homes.said.get(number as usize) else { return String::new() };
    let by = reader.source(edge.key.source());
    let what = match edge.kind() {
        Some(Kind::HouseholdForbid) => "do not live together",
        _ => "live together",
    };
    let (left, right) = (named(reader, edge.key.node()), named(reader, edge.key.other()));
    format!("{by} said that {left} and {right} {what}, {}", Timestamp(edge.told.last))
}
