//! One step: from the segments of one state to those of the next, by whom the difference concerns.

use super::concerned::{Concerned, Those};
use super::evaluate::{Persons, all_for, holds_for};
use super::money::Currencies;
use super::rules::{Rule, Rules, Watches};
use super::told::{Renaming, TraitsTold, Transitions, add};
use super::whole_second;
use crate::audience::{Effect, Prepared, Workers, passes};
use crate::base::error::Result;
use crate::base::ids::Ordinal;
use crate::base::limits::SEGMENT_FILTERED_ROWS_MAX;
use crate::base::time::Timestamp;
use crate::catalog::{Catalog, folded};
use crate::entry::Reason;
use crate::event::TableView;
use crate::record::CONSENT;
use crate::state::{Hindsight, Members, News, Reader, SeenParts, State};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
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
        let affected = self.by_news(&news, (&earlier, &reader), &mut concerned);
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
        let renaming = Renaming { earlier: &earlier, later: &reader, affected: &affected };
        self.evaluate(state, (step.workers, now), &mut concerned, &renaming, &mut told)?;
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
        let saved = state.segment_rules();
        if saved.is_empty() && self.rules.all.is_empty() && state.memberships.all().next().is_none()
        {
            return Ok(());
        }
        let names = state.segment_names();
        let memberships = Arc::make_mut(&mut state.memberships);
        // The feed of one that was dropped can still be read.
        for name in &names {
            memberships.get_mut(name);
        }
        let known: BTreeMap<String, u32> =
            state.memberships.all().map(|m| (m.name.clone(), m.version)).collect();
        let memberships = Arc::make_mut(&mut state.memberships);
        for segment in &saved {
            if let Some(membership) = memberships.get_mut(&segment.name) {
                membership.version = segment.version;
                membership.name.clone_from(&segment.name);
            }
        }
        let rules = Rules::of(state);
        let old = std::mem::replace(&mut self.rules, rules);
        let reason = if defined { Reason::Definition } else { Reason::Event };
        for (place, rule) in self.rules.all.iter().enumerate() {
            if known.get(&rule.name) != Some(&rule.version) {
                concerned.everybody_for(place, Reason::Definition);
            } else if !same_rule(old.find(&rule.name).and_then(|at| old.all.get(at)), rule) {
                concerned.everybody_for(place, reason);
            }
            let stalled = rule.prepared.as_ref().err().cloned();
            if let Some(segment) = Arc::make_mut(&mut state.memberships).get_mut(&rule.name)
                && segment.stalled != stalled
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

    /// Names whom new parts concern; gives the profiles that were joined, split or renamed, before and after.
    fn by_news(
        &mut self,
        news: &News,
        (earlier, reader): (&Reader<'_>, &Reader<'_>),
        concerned: &mut Concerned,
    ) -> RoaringBitmap {
        if news.is_empty() {
            return RoaringBitmap::new();
        }
        let rules = &self.rules;
        let everybody = |concerned: &mut Concerned, of: &[usize]| {
            of.iter().for_each(|rule| concerned.everybody_for(*rule, Reason::Event));
        };
        let entities = news.entity_types();
        for number in &entities {
            everybody(concerned, rules.by_entity.get(number).map_or(&[], Vec::as_slice));
        }
        for (number, of) in &rules.by_trait {
            let told = news.told_trait(*number, reader);
            of.iter().for_each(|rule| concerned.by_event(*rule, &told));
        }
        if !rules.identity.is_empty() {
            let told = news.profiles(reader);
            rules.identity.iter().for_each(|rule| concerned.by_event(*rule, &told));
        }
        let (first, end) = (earlier.state.counts.ordinals, reader.state.counts.ordinals);
        if first < end {
            let mut new = RoaringBitmap::new();
            new.insert_range(first..end);
            for (place, rule) in rules.all.iter().enumerate() {
                if rule.may_hold_of_nobody(reader) {
                    concerned.by_event(place, &new);
                }
            }
        }
        let mut arrived = Vec::new();
        let memberships = &earlier.state.memberships;
        let members = rules.all.iter().map(|rule| Some(&memberships.at(rule.place?)?.members));
        let members: Vec<Option<&Members>> = members.collect();
        let consent = reader.state.catalog.events().find(CONSENT);
        for number in news.event_types() {
            if Some(number) == consent && !rules.consents.is_empty() {
                let owners = news.owners(number, reader);
                rules.consents.iter().for_each(|rule| concerned.by_event(*rule, &owners));
            }
            let table = news.events(number, reader);
            let first = table.parts().iter().filter(|part| part.len() > 0).map(|p| p.time(0)).min();
            if let Some(watches) = rules.by_event.get(&number) {
                by_events(watches, &members, &table, reader, concerned);
            }
            arrived.extend(first.map(|first| (number, first)));
        }
        let rules = &mut self.rules;
        arrived.into_iter().for_each(|(number, first)| rules.cursors.arrived(number, first));
        if !entities.is_empty() && !rules.money.is_empty() {
            // Rates are found when a rule is prepared.
            for place in &rules.money {
                if let Some(rule) = rules.all.get_mut(*place)
                    && let Ok(prepared) = &rule.prepared
                {
                    rule.prepared = prepared.again(reader.state).map_err(|e| e.message().into());
                }
                concerned.everybody_for(*place, Reason::Event);
            }
        }
        let affected = news.regrouped(earlier, reader);
        (0..rules.all.len()).for_each(|rule| concerned.by_identity(rule, &affected));
        affected
    }

    /// Evaluates the rules that concern anybody, those that others ask for first.
    fn evaluate(
        &self,
        state: &mut State,
        (workers, now): (&Workers, Timestamp),
        concerned: &mut Concerned,
        renaming: &Renaming<'_>,
        told: &mut Transitions,
    ) -> Result<()> {
        let mut level = 0;
        let mut rest = self.rules.all.iter().enumerate().peekable();
        while rest.peek().is_some() {
            // Segments ask for those of lower levels, whose members are new now.
            let frozen = state.clone();
            let reader = frozen.reader().at(now);
            let persons = Persons::new(&reader);
            while let Some((place, rule)) = rest.next_if(|(_, rule)| rule.level == level) {
                let Some(those) = concerned.take(place) else { continue };
                let (entered, left) = match &rule.prepared {
                    Ok(prepared) => {
                        change_of(rule, prepared, (&frozen, workers, now), &persons, &those)?
                    }
                    // Nobody knows who should be in it; who is, goes with what becomes of profiles.
                    Err(_) => renaming.followed(rule, &frozen),
                };
                renaming.tell(rule, &those, (&entered, &left), &frozen, told)?;
                if entered.is_empty() && left.is_empty() {
                    continue;
                }
                let memberships = Arc::make_mut(&mut state.memberships);
                if let Some(segment) = memberships.get_mut(&rule.name) {
                    segment.members.change(&left, &entered);
                }
                let key = folded(&rule.name);
                for asking in self.rules.by_segment.get(&key).into_iter().flatten() {
                    for ordinal in (&entered | &left).iter() {
                        let mut one = RoaringBitmap::new();
                        one.insert(ordinal);
                        match those.reason(Ordinal(ordinal)) {
                            Reason::Clock => concerned.by_time(*asking, &one),
                            Reason::Identity => concerned.by_identity(*asking, &one),
                            Reason::Event => concerned.by_event(*asking, &one),
                            reason => concerned.everybody_for(*asking, reason),
                        }
                    }
                }
            }
            reader.check()?;
            level += 1;
        }
        Ok(())
    }
}

/// Whether a rule is the same question as before, asked of the same names and types.
fn same_rule(before: Option<&Rule>, after: &Rule) -> bool {
    match before.map(|rule| &rule.prepared) {
        Some(Ok(before)) => after.prepared.as_ref().is_ok_and(|after| after.is_same(before)),
        Some(Err(_)) => after.prepared.is_err(),
        None => false,
    }
}

/// The ordinals that enter and that leave.
fn change_of(
    rule: &Rule,
    prepared: &Prepared,
    about: (&State, &Workers, Timestamp),
    persons: &Persons<'_>,
    those: &Those,
) -> Result<(RoaringBitmap, RoaringBitmap)> {
    let members = about.0.memberships.get(&rule.name).map(|segment| &segment.members);
    let (held, known) = if those.everybody.is_some() {
        let known = members.map(Members::to_set).unwrap_or_default();
        (holds_for(prepared, about, persons, None)?, known)
    } else {
        let named = those.named();
        let known = members.map(|members| members.within(&named)).unwrap_or_default();
        (holds_for(prepared, about, persons, Some(&named))?, known)
    };
    Ok((&held - &known, known - &held))
}

/// Names the profiles whose events may count.
fn by_events(
    watches: &Watches,
    members: &[Option<&Members>],
    table: &TableView,
    reader: &Reader<'_>,
    concerned: &mut Concerned,
) {
    let persons = Persons::new(reader);
    let work = table.len().saturating_mul(watches.all.len() as u64);
    if work > SEGMENT_FILTERED_ROWS_MAX {
        let mut owners = RoaringBitmap::new();
        for part in table.parts() {
            let labels = (0..part.len()).filter_map(|row| reader.nodes().label(part.node(row)));
            owners.extend(labels.map(|ordinal| ordinal.0));
        }
        for (rule, _) in watches.all.iter().flat_map(|watch| &watch.rules) {
            concerned.by_event(*rule, &owners);
        }
        return;
    }
    let mut asked: Vec<usize> = Vec::new();
    for part in table.parts() {
        for row in 0..part.len() {
            let Some(ordinal) = reader.nodes().label(part.node(row)) else { continue };
            asked.clear();
            asked.extend(&watches.rest);
            for (property, by_text) in &watches.keyed {
                let text = part.text(*property, row);
                asked.extend(text.and_then(|text| by_text.get(text)).into_iter().flatten());
            }
            let person = persons.of(ordinal);
            for watch in asked.iter().filter_map(|place| watches.all.get(*place)) {
                if passes(&person, &watch.rows, (part, row)) {
                    for (rule, effect) in &watch.rules {
                        // Who is in already cannot enter by one more row that can only help.
                        let is_in = members.get(*rule).copied().flatten();
                        let is_in = is_in.is_some_and(|of| of.holds(ordinal));
                        if *effect == Effect::Both || (*effect == Effect::Helps) != is_in {
                            concerned.one_by_event(*rule, ordinal.0);
                        }
                    }
                }
            }
        }
    }
}
