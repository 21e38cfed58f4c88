//! What is told: who entered and who left, by public ids; and what had been told, when members are found anew.

use super::ahead::Ahead;
use super::concerned::{Pair, Those, Why};
use super::rules::{Rule, prepared_trait};
use super::step::{Keeper, Step};
use crate::audience::{Person, Prepared, parse, value_asked};
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::limits::TOLD_TEXT_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::catalog::folded;
use crate::entry::{Reason, ToldChange, ToldEntry};
use crate::identity::PublicId;
use crate::state::{Members, Reader, State};
use roaring::RoaringBitmap;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The values of the traits that a segment tells, by profile.
pub type TraitsTold = BTreeMap<PublicId, Vec<Option<String>>>;

/// Who entered and who left, by segment and reason, as the log has it.
pub type Transitions = Vec<ToldChange>;

/// Adds who entered and who left a segment for a reason, unless there is nobody.
pub(super) fn add(
    to: &mut Transitions,
    (segment, version): (&str, u32),
    reason: Reason,
    (mut entered, mut left): (Vec<PublicId>, Vec<PublicId>),
    mut traits: TraitsTold,
) {
    if entered.is_empty() && left.is_empty() {
        return;
    }
    entered.sort_unstable();
    left.sort_unstable();
    let told = entered.iter().chain(&left).filter_map(|id| traits.remove(id)).flatten();
    let traits = told.collect();
    let plain = |ids: Vec<PublicId>| ids.into_iter().map(|id| id.0).collect();
    let (segment, entered, left) = (segment.to_owned(), plain(entered), plain(left));
    to.push(ToldChange { segment, version, reason, entered, left, traits });
}

/// The two states that transitions lie between.
pub(super) struct Renaming<'a> {
    pub earlier: &'a Reader<'a>,
    pub later: &'a Reader<'a>,
    /// Profiles that were joined, split or renamed, before and after.
    pub affected: &'a RoaringBitmap,
    /// What was asked ahead.
    pub ahead: Option<&'a Ahead>,
    /// The id of the profile that was told last: one event changes many segments of one person.
    pub last: Cell<Option<(u32, PublicId)>>,
}

/// Who enters a segment and who leaves it, by ordinals.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub entered: RoaringBitmap,
    pub left: RoaringBitmap,
    /// Why each does, by ordinal, where they are few.
    pub whys: Vec<(u32, Why)>,
    /// Whom the change concerned, where they are many.
    pub those: Option<Those>,
}

impl Changed {
    /// Takes note of one more, whose ordinal is greater than those before.
    pub fn note(&mut self, pair: Pair, enters: bool) {
        let of = if enters { &mut self.entered } else { &mut self.left };
        of.insert(pair.ordinal);
        self.whys.push((pair.ordinal, pair.why));
    }

    /// Why a profile changes.
    pub fn reason(&self, ordinal: Ordinal) -> Reason {
        match &self.those {
            Some(those) => those.reason(ordinal),
            None => {
                let at = self.whys.binary_search_by_key(&ordinal.0, |(known, _)| *known).ok();
                let why = at.and_then(|at| self.whys.get(at));
                why.map_or(Reason::Identity, |(_, why)| why.reason())
            }
        }
    }
}

impl Renaming<'_> {
    /// Whether members of a segment were joined, split or renamed.
    pub fn touches(&self, rule: &Rule, state: &State) -> bool {
        let segment = rule.place.and_then(|place| state.memberships.at(place));
        let is_in = |ordinal: u32| segment.is_some_and(|of| of.members.holds(Ordinal(ordinal)));
        self.affected.iter().any(is_in)
    }

    /// Adds what is told of a rule.
    pub fn tell(
        &self,
        rule: &Rule,
        change: &Changed,
        state: &State,
        told: &mut Transitions,
    ) -> Result<()> {
        let (entered, left) = (&change.entered, &change.left);
        let mut found: BTreeMap<Reason, (Vec<PublicId>, Vec<PublicId>)> = BTreeMap::new();
        for (of, enters) in [(entered, true), (left, false)] {
            let mut known = self.ahead.map(Ahead::ids);
            for ordinal in of.iter().filter(|ordinal| !self.affected.contains(*ordinal)) {
                let known = known.as_mut().and_then(|ids| ids.of(ordinal));
                let id = known.or_else(|| self.id(ordinal));
                let Some(id) = id else { continue };
                let (entered, left) = found.entry(change.reason(Ordinal(ordinal))).or_default();
                if enters { entered.push(id) } else { left.push(id) }
            }
        }
        if !self.affected.is_empty() {
            let everybody = change.those.as_ref().and_then(|those| those.everybody);
            let reason = everybody.unwrap_or(Reason::Identity);
            let pair = found.entry(reason).or_default();
            self.renamed(rule, (entered, left), state, pair);
        }
        for (reason, (entered, left)) in found {
            let traits = self.traits(rule, entered.iter().chain(&left).copied(), state);
            add(told, (&rule.name, rule.version), reason, (entered, left), traits);
        }
        self.later.check()
    }

    fn id(&self, ordinal: u32) -> Option<PublicId> {
        let last = self.last.get().filter(|(known, _)| *known == ordinal);
        let id = last.map(|(_, id)| id).or_else(|| self.later.profile_id(Ordinal(ordinal)))?;
        self.last.set(Some((ordinal, id)));
        Some(id)
    }

    /// Members among the profiles that were joined, split or renamed, by the ids that they had and have.
    fn renamed(
        &self,
        rule: &Rule,
        (entered, left): (&RoaringBitmap, &RoaringBitmap),
        state: &State,
        found: &mut (Vec<PublicId>, Vec<PublicId>),
    ) {
        let Some(segment) = state.memberships.get(&rule.name) else { return };
        // The state has the members of before yet.
        let was = segment.members.within(self.affected);
        let is = (&was - left) | &(entered & self.affected);
        let ids = |reader: &Reader<'_>, of: &RoaringBitmap| -> BTreeSet<PublicId> {
            of.iter().filter_map(|ordinal| reader.profile_id(Ordinal(ordinal))).collect()
        };
        let (was, is) = (ids(self.earlier, &was), ids(self.later, &is));
        found.0.extend(is.difference(&was));
        found.1.extend(was.difference(&is));
    }

    /// The ordinals that enter and leave a segment whose members stay, when profiles are joined, split or renamed: who
    /// has the id of a member is one.
    pub fn followed(&self, rule: &Rule, state: &State) -> (RoaringBitmap, RoaringBitmap) {
        let Some(segment) = state.memberships.get(&rule.name) else { return Default::default() };
        let was = segment.members.within(self.affected);
        let ids = was.iter().filter_map(|ordinal| self.earlier.profile_id(Ordinal(ordinal)));
        let is: RoaringBitmap = ids.filter_map(|id| self.later.resolve(id)).map(|o| o.0).collect();
        (&is - &segment.members.within(&is), was - is)
    }

    fn traits(
        &self,
        rule: &Rule,
        ids: impl Iterator<Item = PublicId>,
        state: &State,
    ) -> TraitsTold {
        let mut told = TraitsTold::new();
        if rule.saved.says.traits.is_empty() {
            return told;
        }
        let all: Vec<ToldTrait> =
            rule.saved.says.traits.iter().map(|name| ToldTrait::of(name, state)).collect();
        for id in ids {
            let ordinal = self.later.resolve(id);
            let person = ordinal.map(|ordinal| Person::new(self.later, ordinal));
            let value = |of: &ToldTrait| match of {
                ToldTrait::Sent(number) => self.later.trait_cell(*number, ordinal?).to_value(),
                ToldTrait::Computed(prepared) => value_asked(prepared, person.as_ref()?),
                ToldTrait::Nothing => None,
            };
            let value = |of: &ToldTrait| value(of).map(|value| shortened(value.to_string()));
            told.insert(id, all.iter().map(value).collect());
        }
        told
    }
}

/// The beginning of a text that is too long to be told.
fn shortened(mut text: String) -> String {
    if text.len() > TOLD_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TOLD_TEXT_BYTES_MAX));
    }
    text
}

/// A trait that a segment tells.
enum ToldTrait {
    /// One that sources send, by number.
    Sent(usize),
    /// A computed one.
    Computed(Box<Prepared>),
    /// One that is no more.
    Nothing,
}

impl ToldTrait {
    fn of(name: &str, state: &State) -> ToldTrait {
        let Some(known) = state.computed_trait(name) else {
            let sent = state.catalog.traits().find(name);
            return sent.map_or(ToldTrait::Nothing, ToldTrait::Sent);
        };
        let prepared = prepared_trait(&known.says, state);
        prepared.map_or(ToldTrait::Nothing, |of| ToldTrait::Computed(Box::new(of)))
    }
}

/// Who had been told to be in segments, by the folded name of the segment and by public id.
pub type ToldBefore = BTreeMap<String, BTreeSet<PublicId>>;

/// What was told since a state, whose members are those that had been told then.
#[derive(Debug)]
pub struct ToldSince {
    state: State,
    /// Who entered and who left since, and did not go back, by the folded name of the segment.
    changes: BTreeMap<String, (BTreeSet<PublicId>, BTreeSet<PublicId>)>,
}

impl ToldSince {
    /// Nothing yet.
    pub fn new(state: &State) -> ToldSince {
        ToldSince { state: state.clone(), changes: BTreeMap::new() }
    }

    /// Follows what an entry told.
    pub fn follow(&mut self, entry: &ToldEntry) {
        for change in &entry.changes {
            let (entered, left) = self.changes.entry(folded(&change.segment)).or_default();
            for id in change.left.iter().map(|id| PublicId(*id)) {
                entered.remove(&id);
                left.insert(id);
            }
            for id in change.entered.iter().map(|id| PublicId(*id)) {
                left.remove(&id);
                entered.insert(id);
            }
        }
    }

    /// Everybody who was told to be in segments.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn all(&self) -> Result<ToldBefore> {
        let mut told = told_before(&self.state)?;
        for (key, (entered, left)) in &self.changes {
            let of = told.entry(key.clone()).or_default();
            of.retain(|id| !left.contains(id));
            of.extend(entered);
        }
        Ok(told)
    }

    /// Whether the members of a state can be found by what changed since.
    pub fn leads_to(&self, state: &State) -> bool {
        self.state.memberships.all().next().is_some() && state.goes_on_from(&self.state)
    }

    /// Brings the segments of a state that was folded behind this one up to date, as `Keeper::fill` does, but by what
    /// changed alone; gives what was told otherwise than is true.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn settle(
        &self,
        state: &mut State,
        (keeper, workers, clock): (&mut Keeper, &Workers, Timestamp),
    ) -> Result<Transitions> {
        let mut before = self.state.clone();
        keeper.start(&mut before)?;
        let changed = keeper.step(state, Step { before: &before, clock, workers })?;
        if state.memberships.all().any(|segment| segment.stalled.is_some()) {
            keep_told(state, &self.all()?)?;
        }
        let mut ids: BTreeMap<String, BTreeSet<PublicId>> = BTreeMap::new();
        for change in &changed {
            let of = ids.entry(folded(&change.segment)).or_default();
            of.extend(change.entered.iter().chain(&change.left).map(|id| PublicId(*id)));
        }
        for (key, (entered, left)) in &self.changes {
            ids.entry(key.clone()).or_default().extend(entered.iter().chain(left));
        }
        let (earlier, later) = (before.reader(), state.reader());
        let mut found = Transitions::new();
        for segment in state.memberships.all() {
            let key = folded(&segment.name);
            let (mut entered, mut left) = (Vec::new(), Vec::new());
            for id in ids.get(&key).into_iter().flatten().copied() {
                let is = is_in(&later, &segment.name, id);
                let told = match self.changes.get(&key) {
                    Some((entered, _)) if entered.contains(&id) => true,
                    Some((_, left)) if left.contains(&id) => false,
                    _ => is_in(&earlier, &segment.name, id),
                };
                match (is, told) {
                    (true, false) => entered.push(id),
                    (false, true) => left.push(id),
                    _ => {}
                }
            }
            let of = (segment.name.as_str(), segment.version);
            add(&mut found, of, Reason::Correction, (entered, left), TraitsTold::new());
        }
        earlier.check()?;
        later.check()?;
        if cfg!(debug_assertions) {
            assert_eq!(found, difference(&self.all()?, state, Reason::Correction)?);
        }
        Ok(found)
    }
}

/// Whether a segment has the profile that an id is the name of.
fn is_in(reader: &Reader<'_>, segment: &str, id: PublicId) -> bool {
    let named = reader.resolve(id).filter(|ordinal| reader.profile_id(*ordinal) == Some(id));
    let segment = reader.state.memberships.known(segment);
    segment.zip(named).is_some_and(|(segment, ordinal)| segment.members.holds(ordinal))
}

/// The ids of the members of a state.
///
/// # Errors
/// `Corrupt`.
pub fn told_before(state: &State) -> Result<ToldBefore> {
    let reader = state.reader();
    let mut ids: HashMap<u32, Option<PublicId>> = HashMap::new();
    let mut told = ToldBefore::new();
    for segment in state.memberships.all() {
        let of = told.entry(folded(&segment.name)).or_default();
        for ordinal in segment.members.iter() {
            let id = ids.entry(ordinal.0).or_insert_with(|| reader.profile_id(ordinal));
            of.extend(*id);
        }
    }
    reader.check().map(|()| told)
}

/// Goes back to before changes that nobody was told of.
pub fn unfollow(told: &mut ToldBefore, changes: &Transitions) {
    for change in changes {
        let of = told.entry(folded(&change.segment)).or_default();
        for id in &change.entered {
            of.remove(&PublicId(*id));
        }
        of.extend(change.left.iter().map(|id| PublicId(*id)));
    }
}

/// Gives segments whose rule is not understood the members that they were told to have.
///
/// # Errors
/// `Corrupt`.
pub fn keep_told(state: &mut State, told: &ToldBefore) -> Result<()> {
    let all: Vec<_> = state.segment_rules().cloned().collect();
    for saved in all {
        let question = parse(&saved.says.audience).map(Arc::new);
        if question.and_then(|question| Prepared::new(&question, state)).is_ok() {
            continue;
        }
        let key = folded(&saved.name);
        let frozen = state.clone();
        let reader = frozen.reader();
        let ids = told.get(&key).into_iter().flatten();
        let known: RoaringBitmap =
            ids.filter_map(|id| reader.resolve(*id)).map(|ordinal| ordinal.0).collect();
        reader.check()?;
        if let Some(segment) = Arc::make_mut(&mut state.memberships).get_mut(&saved.name) {
            segment.members = Members::from(&known);
        }
    }
    Ok(())
}

/// The difference between what was told and the members of a state.
///
/// # Errors
/// `Corrupt`.
pub fn difference(told: &ToldBefore, state: &State, reason: Reason) -> Result<Transitions> {
    let now = told_before(state)?;
    let mut found = Transitions::new();
    let none = BTreeSet::new();
    for segment in state.memberships.all() {
        let key = folded(&segment.name);
        let (was, is) = (told.get(&key).unwrap_or(&none), now.get(&key).unwrap_or(&none));
        let entered = is.difference(was).copied().collect();
        let left = was.difference(is).copied().collect();
        let of = (segment.name.as_str(), segment.version);
        add(&mut found, of, reason, (entered, left), TraitsTold::new());
    }
    Ok(found)
}
