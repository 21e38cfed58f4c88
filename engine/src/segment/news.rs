//! Whom new parts concern: by trait, by row of events, by entity, by consent, by what became of profiles.
//!
//! *Invariant:* nobody is left out whose membership of a segment the new parts may change. *Where to start reading:*
//! `Rules::by_news`.

use super::concerned::{Concerned, Why};
use super::evaluate::Persons;
use super::rules::{Rules, Watches};
use crate::audience::{Effect, passes};
use crate::base::ids::Ordinal;
use crate::base::limits::SEGMENT_FILTERED_ROWS_MAX;
use crate::entry::Reason;
use crate::event::TableView;
use crate::record::CONSENT;
use crate::state::{News, Reader};
use roaring::RoaringBitmap;

/// Whether a profile is in the segment of a rule.
pub(super) type IsIn<'i> = dyn Fn(usize, Ordinal) -> bool + 'i;

impl Rules {
    /// Names whom new parts concern; gives the profiles that were joined, split or renamed, before and after.
    pub(super) fn by_news(
        &self,
        news: &News,
        earlier: &Reader<'_>,
        persons: &Persons<'_>,
        is_in: &IsIn<'_>,
        concerned: &mut Concerned,
    ) -> RoaringBitmap {
        if news.is_empty() {
            return RoaringBitmap::new();
        }
        let reader = persons.reader;
        let everybody = |concerned: &mut Concerned, of: &[usize]| {
            of.iter().for_each(|rule| concerned.everybody_for(*rule, Reason::Event));
        };
        let entities = news.entity_types();
        for number in &entities {
            everybody(concerned, self.by_entity.get(number).map_or(&[], Vec::as_slice));
        }
        if !entities.is_empty() {
            // Rates are entities.
            everybody(concerned, &self.money);
        }
        for (number, of) in &self.by_trait {
            let told = news.told_trait(*number, reader);
            of.iter().for_each(|rule| concerned.add(*rule, &told, Why::Event));
        }
        if !self.identity.is_empty() {
            let told = news.profiles(reader);
            self.identity.iter().for_each(|rule| concerned.add(*rule, &told, Why::Event));
        }
        let (first, end) = (earlier.state.counts.ordinals, reader.state.counts.ordinals);
        if first < end {
            let mut new = RoaringBitmap::new();
            new.insert_range(first..end);
            for (place, rule) in self.all.iter().enumerate() {
                if rule.may_hold_of_nobody(reader) {
                    concerned.add(place, &new, Why::Event);
                }
            }
        }
        let consent = reader.state.catalog.events().find(CONSENT);
        for number in news.event_types() {
            if Some(number) == consent && !self.consents.is_empty() {
                let owners = news.owners(number, reader);
                self.consents.iter().for_each(|rule| concerned.add(*rule, &owners, Why::Event));
            }
            if let Some(watches) = self.by_event.get(&number) {
                by_events(watches, is_in, &news.events(number, reader), persons, concerned);
            }
        }
        let affected = news.regrouped(earlier, reader);
        if !affected.is_empty() {
            (0..self.all.len()).for_each(|rule| concerned.add(rule, &affected, Why::Identity));
        }
        affected
    }

    /// Takes note of what new parts have for the next steps: the first new event of each type, and rates.
    pub(super) fn arrived(&mut self, news: &News, reader: &Reader<'_>) {
        for number in news.event_types() {
            let table = news.events(number, reader);
            let first = table.parts().iter().filter(|part| part.len() > 0).map(|p| p.time(0)).min();
            first.into_iter().for_each(|first| self.cursors.arrived(number, first));
        }
        if self.money.is_empty() || news.entity_types().is_empty() {
            return;
        }
        // Rates are found when a rule is prepared.
        for place in &self.money {
            if let Some(rule) = self.all.get_mut(*place)
                && let Ok(prepared) = &rule.prepared
            {
                rule.prepared = prepared.again(reader.state).map_err(|e| e.message().into());
            }
        }
    }
}

/// Names the profiles whose events may count.
fn by_events(
    watches: &Watches,
    is_in: &IsIn<'_>,
    table: &TableView,
    persons: &Persons<'_>,
    concerned: &mut Concerned,
) {
    let reader = persons.reader;
    let work = table.len().saturating_mul(watches.most as u64);
    if work > SEGMENT_FILTERED_ROWS_MAX {
        let mut owners = RoaringBitmap::new();
        for part in table.parts() {
            let labels = (0..part.len()).filter_map(|row| reader.nodes().label(part.node(row)));
            owners.extend(labels.map(|ordinal| ordinal.0));
        }
        for (rule, _) in watches.all.iter().flat_map(|watch| &watch.rules) {
            concerned.add(*rule, &owners, Why::Event);
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
                        if *effect == Effect::Both
                            || (*effect == Effect::Helps) != is_in(*rule, ordinal)
                        {
                            concerned.add_one(*rule, ordinal.0, Why::Event);
                        }
                    }
                }
            }
        }
    }
}
