//! Whom a change may concern, by rule and by what brings it about.

use crate::base::ids::Ordinal;
use crate::entry::Reason;
use roaring::RoaringBitmap;
use std::collections::BTreeMap;

/// Profiles whose membership of one segment may change.
#[derive(Debug, Clone, Default)]
pub struct Those {
    /// By a record.
    pub by_event: RoaringBitmap,
    /// By time.
    pub by_time: RoaringBitmap,
    /// By what became of profiles.
    pub by_identity: RoaringBitmap,
    /// Anybody, for such a reason.
    pub everybody: Option<Reason>,
}

/// Profiles whose memberships may change, by the place of the rule.
#[derive(Debug, Default)]
pub struct Concerned {
    all: BTreeMap<usize, Those>,
}

impl Those {
    /// All that are named.
    pub fn named(&self) -> RoaringBitmap {
        let mut named = &self.by_event | &self.by_time;
        named |= &self.by_identity;
        named
    }

    /// Why a profile changes.
    pub fn reason(&self, ordinal: Ordinal) -> Reason {
        if self.by_identity.contains(ordinal.0) {
            Reason::Identity
        } else if self.by_event.contains(ordinal.0) {
            Reason::Event
        } else {
            match self.everybody {
                Some(reason) => reason,
                None => Reason::Clock,
            }
        }
    }
}

impl Concerned {
    /// What concerns a rule.
    pub fn take(&mut self, rule: usize) -> Option<Those> {
        self.all.remove(&rule)
    }

    /// Whether it concerns nobody.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn of(&mut self, rule: usize) -> &mut Those {
        self.all.entry(rule).or_default()
    }

    /// Profiles that a record concerns.
    pub fn by_event(&mut self, rule: usize, profiles: &RoaringBitmap) {
        if !profiles.is_empty() {
            self.of(rule).by_event |= profiles;
        }
    }

    /// A profile that a record concerns.
    pub fn one_by_event(&mut self, rule: usize, profile: u32) {
        self.of(rule).by_event.insert(profile);
    }

    /// Profiles that time concerns.
    pub fn by_time(&mut self, rule: usize, profiles: &RoaringBitmap) {
        if !profiles.is_empty() {
            self.of(rule).by_time |= profiles;
        }
    }

    /// Profiles that were joined, split or renamed.
    pub fn by_identity(&mut self, rule: usize, profiles: &RoaringBitmap) {
        if !profiles.is_empty() {
            self.of(rule).by_identity |= profiles;
        }
    }

    /// Anybody, since time went on.
    pub fn everybody(&mut self, rule: usize) {
        self.everybody_for(rule, Reason::Clock);
    }

    /// Anybody, for a reason.
    pub fn everybody_for(&mut self, rule: usize, reason: Reason) {
        let known = &mut self.of(rule).everybody;
        // What people decided is told before what merely happened.
        *known = (*known).max(Some(reason));
    }
}
