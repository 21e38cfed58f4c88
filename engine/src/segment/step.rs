//! One step: from the segments of one state to those of the next, by whom the difference concerns.

use super::ahead::Ahead;
use super::concerned::{Concerned, Taken, Why};
use super::evaluate::{Persons, all_for, changes_of, holds_for};
use super::money::Currencies;
use super::rules::{Rule, Rules};
use super::told::{Changed, Renaming, TraitsTold, Transitions, add};
use super::whole_second;
use crate::audience::Prepared;
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::limits::SEGMENT_ROWS_MAX;
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::catalog::{Catalog, folded};
use crate::definition::SegmentRule;
use crate::entry::Reason;
use crate::state::{Hindsight, Members, News, Reader, Saved, SeenParts, State};
use roaring::RoaringBitmap;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Keeps the segments of one store.
#[derive(Debug, Default)]
pub struct Keeper {
    rules: Rules,
    /// What the rules were found in.
    catalog: Arc<Catalog>,
    hindsight: Arc<Hindsight>,
    seen: SeenParts,
    currencies: Currencies,
    /// What was asked ahead of the next step.
    pub ahead: Option<Ahead>,
}

/// From which state to which moment.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The state whose members are those that it has.
    pub before: &'a State,
    /// The engine clock.
    pub clock: Timestamp,
    /// Threads to borrow.
    pub workers: &'a Workers,
}

/// What rules are evaluated over that ask for no other segments.
#[derive(Clone, Copy)]
struct Base<'a> {
    state: &'a State,
    persons: &'a Persons<'a>,
    workers: &'a Workers,
    now: Timestamp,
}

impl Keeper {
    /// Takes note that all parts of a state are known: what comes later is new.
    pub fn look(&mut self, state: &State) {
        self.seen = state.seen();
    }

    /// Takes the members of a state for those of its rules.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn start(&mut self, state: &mut State) -> Result<()> {
        self.refresh(state, &mut Concerned::default(), &mut Transitions::new())?;
        self.look(state);
        Ok(())
    }

    /// Brings the segments of a state, which has those of the state before, up to date; says who entered and who left.
    ///
    /// # Errors
    /// `Corrupt`: the segments are then as they were, or partly so, and must be compared with what was told.
    pub fn step(&mut self, state: &mut State, step: Step<'_>) -> Result<Transitions> {
        let mut concerned = Concerned::default();
        let mut told = Transitions::new();
        self.refresh(state, &mut concerned, &mut told)?;
        if self.rules.all.is_empty() {
            return Ok(told);
        }
        let before = step.before.memberships.clock;
        let now = whole_second(step.clock).max(before);
        if state.memberships.clock != now {
            Arc::make_mut(&mut state.memberships).clock = now;
        }
        let frozen = state.clone();
        let reader = frozen.reader().at(now);
        let earlier = step.before.reader().at(before);
        let news = frozen.news(&self.seen);
        if !news.is_empty() {
            self.prepare_again(&news, &reader, state);
        }
        let persons = Persons::new(&reader);
        let memberships = &step.before.memberships;
        let rules = &self.rules.all;
        let is_in = |rule: usize, ordinal: Ordinal| {
            let place = rules.get(rule).and_then(|rule| rule.place);
            let segment = place.and_then(|place| memberships.at(place));
            segment.is_some_and(|segment| segment.members.holds(ordinal))
        };
        let affected = self.rules.by_news(&news, &earlier, &persons, &is_in, &mut concerned);
        self.rules.arrived(&news, &reader);
        if now > before {
            // The moment before is asked of the new state: a moment needs no state.
            let moments = (&frozen.reader().at(before), &reader);
            self.rules.cursors.moved((&frozen, step.workers), moments, &mut concerned)?;
        }
        reader.check()?;
        earlier.check()?;
        if concerned.is_empty() {
            return Ok(told);
        }
        let mut ahead = self.ahead.take();
        if let Some(known) = &mut ahead
            && !known.follow(&frozen, now, step.workers)?
        {
            ahead = None;
        }
        let ahead = ahead.as_ref();
        let (earlier_of, later, last) = (&earlier, &reader, Cell::new(None));
        let renaming = Renaming { earlier: earlier_of, later, affected: &affected, ahead, last };
        let base = Base { state: &frozen, persons: &persons, workers: step.workers, now };
        self.evaluate(state, base, &mut concerned, &renaming, &mut told)?;
        earlier.check().map(|()| told)
    }

    /// Evaluates all rules for everybody, against no members at all: a state whose members are not known gets them.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn fill(&mut self, state: &mut State, workers: &Workers, now: Timestamp) -> Result<()> {
        // A state made from nothing knows the segments by name at most.
        *self = Keeper::default();
        let mut ignored = Concerned::default();
        self.refresh(state, &mut ignored, &mut Transitions::new())?;
        let memberships = Arc::make_mut(&mut state.memberships);
        memberships.clock = whole_second(now);
        for place in 0..self.rules.all.len() {
            let Some(rule) = self.rules.all.get(place) else { continue };
            let Ok(prepared) = &rule.prepared else { continue };
            let held = all_for(prepared, (&state.clone(), workers, whole_second(now)))?;
            if let Some(segment) = Arc::make_mut(&mut state.memberships).get_mut(&rule.name) {
                segment.members = Members::from(&held);
            }
        }
        Ok(())
    }

    /// Follows definitions, and names and types that are new.
    fn refresh(
        &mut self,
        state: &mut State,
        concerned: &mut Concerned,
        told: &mut Transitions,
    ) -> Result<()> {
        let same_names = Arc::ptr_eq(&self.catalog, &state.catalog);
        let same_definitions = Arc::ptr_eq(&self.hindsight, &state.hindsight);
        if same_names && same_definitions {
            return Ok(());
        }
        let defined =
            !same_definitions && self.hindsight.definitions != state.hindsight.definitions;
        self.catalog = Arc::clone(&state.catalog);
        self.hindsight = Arc::clone(&state.hindsight);
        if !defined && self.rules.fit(state) {
            return Ok(());
        }
        let none = state.segment_rules().next().is_none();
        if none && self.rules.all.is_empty() && state.memberships.all().next().is_none() {
            return Ok(());
        }
        // The feed of one that was dropped can still be read.
        let unknown = |name: &&str| state.memberships.known(name).is_none();
        let unknown: Vec<String> =
            state.segment_names().filter(unknown).map(str::to_owned).collect();
        for name in &unknown {
            Arc::make_mut(&mut state.memberships).get_mut(name);
        }
        let known: BTreeMap<String, u32> =
            state.memberships.all().map(|m| (m.name.clone(), m.version)).collect();
        let other = |saved: &&Arc<Saved<SegmentRule>>| {
            let known = state.memberships.known(&saved.name);
            known.is_none_or(|of| of.version != saved.version || of.name != saved.name)
        };
        let others: Vec<Arc<Saved<SegmentRule>>> =
            state.segment_rules().filter(other).cloned().collect();
        for segment in others {
            if let Some(membership) = Arc::make_mut(&mut state.memberships).get_mut(&segment.name) {
                membership.version = segment.version;
                membership.name.clone_from(&segment.name);
            }
        }
        let rules = Rules::of(state, &self.rules);
        let old = std::mem::replace(&mut self.rules, rules);
        let reason = if defined { Reason::Definition } else { Reason::Event };
        for (place, rule) in self.rules.all.iter().enumerate() {
            if known.get(&rule.name) != Some(&rule.version) {
                concerned.everybody_for(place, Reason::Definition);
            } else {
                let before = old.find(&rule.name).and_then(|at| old.all.get(at));
                if !before.is_some_and(|before| before.is_same(rule)) {
                    concerned.everybody_for(place, reason);
                }
            }
            let stalled = rule.prepared.as_ref().err().cloned();
            if state.memberships.get(&rule.name).is_some_and(|known| known.stalled != stalled)
                && let Some(segment) = Arc::make_mut(&mut state.memberships).get_mut(&rule.name)
            {
                segment.stalled = stalled;
            }
        }
        self.drop_those_of_no_rule(state, &known, told)
    }

    /// Everybody leaves segments that are no longer defined.
    fn drop_those_of_no_rule(
        &self,
        state: &mut State,
        known: &BTreeMap<String, u32>,
        told: &mut Transitions,
    ) -> Result<()> {
        for (name, version) in known.iter().filter(|(_, version)| **version > 0) {
            if self.rules.find(name).is_some() {
                continue;
            }
            let frozen = state.clone();
            let reader = frozen.reader();
            let memberships = Arc::make_mut(&mut state.memberships);
            let Some(segment) = memberships.get_mut(name) else { continue };
            let members = std::mem::take(&mut segment.members);
            segment.version = 0;
            segment.stalled = None;
            let left = members.iter().filter_map(|ordinal| reader.profile_id(ordinal)).collect();
            let (of, ids) = ((name.as_str(), *version), (Vec::new(), left));
            add(told, of, Reason::Definition, ids, TraitsTold::new());
            reader.check()?;
        }
        Ok(())
    }

    /// Prepares rules again whose amounts have a currency that was not known; those that it makes unanswerable stall.
    fn prepare_again(&mut self, news: &News, reader: &Reader<'_>, state: &mut State) {
        for place in self.currencies.concerned(&self.rules, news, reader) {
            let Some(rule) = self.rules.all.get_mut(place) else { continue };
            let Ok(prepared) = &rule.prepared else { continue };
            let again = prepared.again(reader.state);
            let again = again.map_err(|e| Arc::<str>::from(e.message()));
            if let Err(why) = &again
                && let Some(segment) = Arc::make_mut(&mut state.memberships).get_mut(&rule.name)
            {
                segment.stalled = Some(Arc::clone(why));
            }
            rule.prepared = again;
        }
    }

    /// Evaluates the rules that concern anybody, those that others ask for first.
    fn evaluate(
        &self,
        state: &mut State,
        base: Base<'_>,
        concerned: &mut Concerned,
        renaming: &Renaming<'_>,
        told: &mut Transitions,
    ) -> Result<()> {
        let (mut level, mut first) = (0, 0);
        while first < self.rules.all.len() && !concerned.is_empty() {
            let end = self.rules.all.partition_point(|rule| rule.level <= level);
            if level == 0 {
                self.evaluate_level(state, base, first..end, concerned, (renaming, told))?;
            } else {
                // Segments ask for those of lower levels, whose members are new now.
                let frozen = state.clone();
                let reader = frozen.reader().at(base.now);
                let persons = Persons::new(&reader);
                let Base { workers, now, .. } = base;
                let base = Base { state: &frozen, persons: &persons, workers, now };
                self.evaluate_level(state, base, first..end, concerned, (renaming, told))?;
            }
            (level, first) = (level + 1, end);
        }
        Ok(())
    }

    fn evaluate_level(
        &self,
        state: &mut State,
        base: Base<'_>,
        places: Range<usize>,
        concerned: &mut Concerned,
        (renaming, told): (&Renaming<'_>, &mut Transitions),
    ) -> Result<()> {
        let about = (base.state, base.workers, base.now);
        let Taken { few, many } = concerned.take(places.clone(), SEGMENT_ROWS_MAX as usize);
        let mut changed: BTreeMap<usize, Changed> = BTreeMap::new();
        for (pair, enters) in changes_of(&self.rules.all, &few, about, base.persons)? {
            changed.entry(pair.rule).or_default().note(pair, enters);
        }
        for (place, those) in many {
            let Some(rule) = self.rules.all.get(place) else { continue };
            let Ok(prepared) = &rule.prepared else { continue };
            let among = those.everybody.is_none().then(|| those.named());
            let ahead = renaming.ahead.filter(|_| among.is_none());
            let held = ahead.and_then(|ahead| ahead.members_of(rule)).cloned();
            let (entered, left) =
                change_of((rule, prepared), about, base.persons, among.as_ref(), held)?;
            let whys = Vec::new();
            changed.insert(place, Changed { entered, left, whys, those: Some(those) });
        }
        // The ids of those who stay may be others.
        let renamed = if renaming.affected.is_empty() { 0..0 } else { places };
        for (place, rule) in self.rules.all.iter().enumerate().take(renamed.end).skip(renamed.start)
        {
            if renaming.touches(rule, base.state) {
                let known = changed.entry(place).or_default();
                if rule.prepared.is_err() {
                    // Nobody knows who should be in it; who is, goes with what becomes of profiles.
                    (known.entered, known.left) = renaming.followed(rule, base.state);
                }
            }
        }
        for (place, change) in changed {
            if let Some(rule) = self.rules.all.get(place) {
                renaming.tell(rule, &change, base.state, told)?;
                self.make(state, rule, &change, concerned);
            }
        }
        base.persons.reader.check()
    }

    /// Changes the members of a segment, and names those whom that concerns in segments that ask for it.
    fn make(&self, state: &mut State, rule: &Rule, change: &Changed, concerned: &mut Concerned) {
        if change.entered.is_empty() && change.left.is_empty() {
            return;
        }
        let memberships = Arc::make_mut(&mut state.memberships);
        if let Some(segment) = rule.place.and_then(|place| memberships.at_mut(place)) {
            segment.members.change(&change.left, &change.entered);
        }
        for asking in self.rules.by_segment.get(&folded(&rule.name)).into_iter().flatten() {
            for ordinal in (&change.entered | &change.left).iter() {
                match change.reason(Ordinal(ordinal)) {
                    Reason::Clock => concerned.add_one(*asking, ordinal, Why::Time),
                    Reason::Identity => concerned.add_one(*asking, ordinal, Why::Identity),
                    Reason::Event => concerned.add_one(*asking, ordinal, Why::Event),
                    reason => concerned.everybody_for(*asking, reason),
                }
            }
        }
    }
}

/// The ordinals that enter and that leave, of all or of some; `held` are those of them that the rule holds for, when
/// they are known.
fn change_of(
    (rule, prepared): (&Rule, &Prepared),
    about: (&State, &Workers, Timestamp),
    persons: &Persons<'_>,
    among: Option<&RoaringBitmap>,
    held: Option<RoaringBitmap>,
) -> Result<(RoaringBitmap, RoaringBitmap)> {
    let members = about.0.memberships.get(&rule.name).map(|segment| &segment.members);
    let known =
        members.map(|members| among.map_or_else(|| members.to_set(), |of| members.within(of)));
    let known = known.unwrap_or_default();
    let held = match held {
        Some(held) => held,
        None => holds_for(prepared, about, persons, among)?,
    };
    Ok((&held - &known, known - &held))
}
