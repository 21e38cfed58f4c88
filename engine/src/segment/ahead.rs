//! Rules that are asked of everybody before they are in force, while others write: what came meanwhile is followed.
//!
//! *Invariants:* the members are those of a full evaluation of the state that was followed last; a rule that asks for
//! other segments, or of money, is not asked ahead, since more than news of profiles changes it. *Where to start
//! reading:* `Ahead::of`, then `Ahead::follow`.

use super::concerned::{Concerned, Taken};
use super::evaluate::{Persons, all_for, holds_for};
use super::rules::{Rule, Rules};
use super::whole_second;
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::identity::PublicId;
use crate::state::{SeenParts, State};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// Rules that are not in force yet, with their members.
#[derive(Debug)]
pub struct Ahead {
    rules: Rules,
    /// The state whose members these are, and its moment.
    state: State,
    now: Timestamp,
    seen: SeenParts,
    /// By the place of the rule.
    members: Vec<RoaringBitmap>,
    /// The ids of those who were members first, in the order of their ordinals.
    named: RoaringBitmap,
    ids: Vec<PublicId>,
    /// Profiles that were joined, split or renamed since.
    renamed: RoaringBitmap,
}

/// The ids of ascending ordinals, as far as they were found ahead.
pub(super) struct KnownIds<'a> {
    all: std::iter::Peekable<
        std::iter::Zip<roaring::bitmap::Iter<'a>, std::slice::Iter<'a, PublicId>>,
    >,
    renamed: &'a RoaringBitmap,
}

impl Ahead {
    /// Asks the rules of those segments that a state has and the state before it has not; nothing when none can be
    /// asked ahead.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(state: State, before: &State, workers: &Workers) -> Result<Option<Ahead>> {
        let is_new = |rule: &Rule| {
            let known = before.segment_rule(&rule.name);
            known.is_none_or(|known| *known != rule.saved) && rule.stands_alone()
        };
        let rules = Rules::some_of(&state, &is_new);
        if rules.all.is_empty() {
            return Ok(None);
        }
        let now = whole_second(state.clock).max(state.memberships.clock);
        let mut members = Vec::with_capacity(rules.all.len());
        for prepared in rules.all.iter().filter_map(|rule| rule.prepared.as_ref().ok()) {
            members.push(all_for(prepared, (&state, workers, now))?);
        }
        let mut named = RoaringBitmap::new();
        members.iter().for_each(|members| named |= members);
        let reader = state.reader();
        let ids = named.iter().map(|ordinal| reader.profile_id(Ordinal(ordinal)));
        let ids = ids.map(|id| id.unwrap_or(PublicId(0))).collect();
        reader.check()?;
        let (seen, renamed) = (state.seen(), RoaringBitmap::new());
        Ok(Some(Ahead { rules, state, now, seen, members, named, ids, renamed }))
    }

    /// Follows what came until a state; says whether it could.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn follow(&mut self, state: &State, clock: Timestamp, workers: &Workers) -> Result<bool> {
        if !state.goes_on_from(&self.state) || !self.rules.fit(state) {
            return Ok(false);
        }
        let now = whole_second(clock).max(self.now);
        let (reader, earlier) = (state.reader().at(now), self.state.reader().at(self.now));
        let (persons, mut concerned) = (Persons::new(&reader), Concerned::default());
        let news = state.news(&self.seen);
        let members = &self.members;
        let is_in = |rule: usize, Ordinal(ordinal): Ordinal| {
            members.get(rule).is_some_and(|members| members.contains(ordinal))
        };
        let renamed = self.rules.by_news(&news, &earlier, &persons, &is_in, &mut concerned);
        self.rules.arrived(&news, &reader);
        if now > self.now {
            let moments = (&state.reader().at(self.now), &reader);
            self.rules.cursors.moved((state, workers), moments, &mut concerned)?;
        }
        let Taken { few, many } = concerned.take(0..self.rules.all.len(), usize::MAX);
        let mut asked: BTreeMap<usize, Option<RoaringBitmap>> = BTreeMap::new();
        for pair in few {
            if let Some(among) =
                asked.entry(pair.rule).or_insert_with(|| Some(RoaringBitmap::new()))
            {
                among.insert(pair.ordinal);
            }
        }
        for (place, those) in many {
            asked.insert(place, those.everybody.is_none().then(|| those.named()));
        }
        for (place, among) in asked {
            let prepared = self.rules.all.get(place).and_then(|rule| rule.prepared.as_ref().ok());
            let (Some(prepared), Some(members)) = (prepared, self.members.get_mut(place)) else {
                continue;
            };
            let held = holds_for(prepared, (state, workers, now), &persons, among.as_ref())?;
            match among {
                Some(among) => *members -= among,
                None => members.clear(),
            }
            *members |= held;
        }
        reader.check()?;
        earlier.check()?;
        self.renamed |= renamed;
        drop((earlier, persons));
        (self.state, self.now, self.seen) = (state.clone(), now, state.seen());
        Ok(true)
    }

    /// The members of a rule, when it was asked as it is understood now.
    pub(super) fn members_of(&self, rule: &Rule) -> Option<&RoaringBitmap> {
        let place = self.rules.find(&rule.name)?;
        let known = self.rules.all.get(place).filter(|known| known.is_same(rule))?;
        let all_found = known.prepared.is_ok();
        self.members.get(place).filter(|_| all_found)
    }

    /// The ids that are known.
    pub(super) fn ids(&self) -> KnownIds<'_> {
        KnownIds { all: self.named.iter().zip(&self.ids).peekable(), renamed: &self.renamed }
    }
}

impl KnownIds<'_> {
    /// The id of a profile; those that are asked for ascend.
    pub fn of(&mut self, ordinal: u32) -> Option<PublicId> {
        while self.all.next_if(|(known, _)| *known < ordinal).is_some() {}
        let (_, id) = self.all.peek().filter(|(known, _)| *known == ordinal)?;
        (!self.renamed.contains(ordinal)).then_some(**id)
    }
}
