//! Matching of profiles as they come and change: what a run over the whole store would say of them, without that run.
//!
//! *What it is:* an index of all profiles in memory, with the saved model; `follow` finds out which profiles changed,
//! judges each with those that it is tied to, and writes what is found as records like others, so that a replay needs
//! no matcher. *Invariants:* what is written of a snapshot is what a run over it would write of these profiles, in the
//! same words and under the same message ids; a profile that could not be judged is judged next time; nothing is done
//! unless somebody calls. *Where to start reading:* `ProfileMatcher::follow`.

use super::match_rows::{ProfileColumns, ProfileRows};
use super::match_types::{FollowReport, MatcherRequest};
use super::matches::{Outbox, message, roles, rule_of, saved, saved_as};
use super::{Level, Session, View};
use crate::base::error::{Error, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::limits::{MATCH_GROUP_MAX, MATCH_ROUNDS_MAX};
use crate::matching::{Index, JudgedPair, Matcher, Model, Role, Rows};
use crate::state::{Reader, SeenParts};
use roaring::RoaringBitmap;
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Profiles that are read and taken into the index at once.
const PIECE: usize = 4_096;

/// What is known of the profile of an ordinal: its key and a digest of what is compared. Without a digest there is
/// none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Known {
    key: u64,
    digest: u64,
}

/// The saved model, and how profiles are read for it.
#[derive(Debug)]
struct Reading {
    model: Model,
    /// The version of the definition that keeps the model.
    version: u32,
    rule: String,
    columns: ProfileColumns,
    compared: Vec<bool>,
}

/// Matches the profiles of a store with its saved model as they come and change. It belongs to one thread, and holds
/// about as much memory as a run over the whole store.
#[derive(Debug)]
pub struct ProfileMatcher {
    session: Session,
    request: MatcherRequest,
    reading: Reading,
    index: Index,
    /// By ordinal.
    known: Vec<Known>,
    seen: SeenParts,
    /// Profiles that changed and were not judged yet.
    pending: RoaringBitmap,
}

impl Session {
    /// Makes a matcher: reads the saved model and indexes all profiles of the newest view. These count as matched
    /// already; `identity_match` does that.
    ///
    /// # Errors
    /// `NotFound` when no model is saved; `Invalid` when a role or a trait is unknown, or the model cannot be read;
    /// `Io`; `Corrupt`.
    pub fn matcher(&self, request: &MatcherRequest) -> Result<ProfileMatcher> {
        super::write::check_source(&request.source)?;
        let view = self.view();
        let (reading, index, known) = index(&view, request)?;
        Ok(ProfileMatcher {
            session: self.clone(),
            request: request.clone(),
            reading,
            index,
            known,
            seen: view.state().seen(),
            pending: RoaringBitmap::new(),
        })
    }
}

/// Reads the model and all profiles.
fn index(view: &View, request: &MatcherRequest) -> Result<(Reading, Index, Vec<Known>)> {
    let Some((model, told)) = saved(view)? else {
        return Err(Error::not_found(
            "no model is saved, and what arrives is matched with the saved one; run `nave identity match` first, \
             over 100 profiles or more",
        ));
    };
    let reader = view.state().reader();
    let rows = ProfileRows::read(&reader);
    reader.check()?;
    let roles = roles(&rows, &told, &request.roles)?;
    let compared: Vec<bool> = roles.iter().map(Role::is_compared).collect();
    let index = Index::of(roles, &ByOrdinal(&rows), request.threads);
    let mut known = vec![Known::default(); view.state().counts.ordinals as usize];
    for (row, ordinal) in rows.ordinals.iter().enumerate() {
        let mut digest = Digest::default();
        for (column, name) in rows.names.iter().enumerate() {
            if compared.get(column) == Some(&true) {
                digest.add(name, rows.text(row, column).as_deref().unwrap_or_default());
            }
        }
        if let Some(known) = known.get_mut(*ordinal as usize) {
            *known = Known { key: rows.key(row), digest: digest.value() };
        }
    }
    let (version, rule) = (version(view), rule_of(&model));
    let columns = ProfileColumns::of(&reader);
    Ok((Reading { model, version, rule, columns, compared }, index, known))
}

/// The ordinal that is a key of the index.
fn ordinal_of(key: u64) -> Ordinal {
    Ordinal(u32::try_from(key).unwrap_or(u32::MAX))
}

fn version(view: &View) -> u32 {
    saved_as(view).map_or(0, |definition| definition.version)
}

/// Profiles whose keys are their ordinals.
struct ByOrdinal<'r>(&'r ProfileRows);

impl Rows for ByOrdinal<'_> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        self.0.text(row, column)
    }

    fn key(&self, row: usize) -> u64 {
        self.0.ordinals.get(row).copied().map_or(u64::MAX, u64::from)
    }
}

/// What a profile says in the columns that are compared, as one number. A column in which it says nothing does not
/// count, so that a new trait changes only those who have it.
#[derive(Default)]
struct Digest(DefaultHasher);

impl Digest {
    fn add(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            (name, text).hash(&mut self.0);
        }
    }

    fn value(&self) -> u64 {
        self.0.finish().max(1)
    }
}

/// Profiles that are no longer what they were, and those that are new: one that is only at another ordinal is both.
#[derive(Default)]
struct Moves {
    gone: HashSet<Known>,
    put: Vec<(u32, Known)>,
}

impl ProfileMatcher {
    /// Matches the profiles that are new or say something else since the last time, writes what is found, and goes on
    /// with those that changed by it, until nothing new is found. Each is judged as `identity_match` would with the
    /// saved model. A model that was learnt anew is read again, with all profiles.
    ///
    /// # Errors
    /// `NotFound` when the model was dropped; `Invalid` when it cannot be read; as `Session::write`; `Corrupt`. What
    /// was not judged is judged the next time.
    pub fn follow(&mut self) -> Result<FollowReport> {
        let mut report = FollowReport { settled: true, ..FollowReport::default() };
        for _ in 0..MATCH_ROUNDS_MAX {
            let view = self.session.view();
            self.take_in(&view, &mut report)?;
            report.changed += self.pending.len();
            let written = self.judge(&view, &mut report)?;
            report.rule.clone_from(&self.reading.rule);
            // It covers what was written before, and nothing that was not looked at.
            report.position = view.position();
            if written == 0 {
                return Ok(report);
            }
        }
        report.settled = false;
        report.position = self.session.view().position();
        Ok(report)
    }

    /// How many profiles are in the index.
    pub fn profiles(&self) -> u64 {
        self.index.len() as u64
    }

    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.known.capacity() * size_of::<Known>()
    }

    /// Brings the index up to date, and notes which profiles are to be judged.
    fn take_in(&mut self, view: &View, report: &mut FollowReport) -> Result<()> {
        let reader = view.state().reader();
        let mut told = reader.profiles_since(&self.seen);
        told.extend(view.state().counts.ordinals..self.ordinals());
        reader.check()?;
        let another = self.reading.version != version(view)
            || self.reading.columns != ProfileColumns::of(&reader);
        if another || (told.len() > PIECE as u64 && told.len() > self.index.len() as u64) {
            return self.take_in_all(view, report);
        }
        let mut moves = Moves::default();
        let told: Vec<u32> = told.into_iter().collect();
        let done =
            told.chunks(PIECE).try_for_each(|some| self.take_in_some(&reader, some, &mut moves));
        let Moves { mut gone, put } = moves;
        let changed = put.into_iter().filter(|(_, known)| !gone.remove(known));
        self.pending.extend(changed.map(|(ordinal, _)| ordinal));
        report.gone += gone.len() as u64;
        done?;
        self.known.truncate(view.state().counts.ordinals as usize);
        self.seen = view.state().seen();
        Ok(())
    }

    fn ordinals(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// Reads everything again: another model, other columns, or another numbering of most profiles.
    fn take_in_all(&mut self, view: &View, report: &mut FollowReport) -> Result<()> {
        let (reading, index, known) = index(view, &self.request)?;
        let waiting =
            |ordinal: usize| u32::try_from(ordinal).is_ok_and(|o| self.pending.contains(o));
        let judged = self.known.iter().enumerate().filter(|(ordinal, _)| !waiting(*ordinal));
        let mut judged: HashSet<Known> = judged.map(|(_, known)| *known).collect();
        let there = (0..).zip(&known).filter(|(_, known)| known.digest != 0);
        let pending = there.filter(|(_, known)| !judged.remove(known)).map(|(ordinal, _)| ordinal);
        self.pending = pending.collect();
        judged.remove(&Known::default());
        report.gone += judged.len() as u64;
        report.read_again = true;
        (self.reading, self.index, self.known) = (reading, index, known);
        self.seen = view.state().seen();
        Ok(())
    }

    fn take_in_some(&mut self, reader: &Reader<'_>, some: &[u32], moves: &mut Moves) -> Result<()> {
        let Reading { columns, compared, .. } = &self.reading;
        let mut changed: Vec<(u32, Known, Vec<Option<String>>)> = Vec::new();
        for ordinal in some {
            let (mut now, mut texts) = (Known::default(), Vec::new());
            if reader.state.is_live(Ordinal(*ordinal)) {
                let mut digest = Digest::default();
                texts = vec![None; compared.len()];
                let wanted = |column: usize| compared.get(column) == Some(&true);
                let key = columns.read(reader, Ordinal(*ordinal), wanted, |column, text| {
                    digest.add(columns.names.get(column).map_or("", String::as_str), text);
                    if let Some(place) = texts.get_mut(column).filter(|_| !text.is_empty()) {
                        *place = Some(text.to_owned());
                    }
                });
                now = key.map_or(now, |key| Known { key, digest: digest.value() });
            }
            if now != self.known.get(*ordinal as usize).copied().unwrap_or_default() {
                changed.push((*ordinal, now, texts));
            }
        }
        // Nothing is taken in that could not be read.
        reader.check()?;
        let mut matcher = Matcher::against(&self.reading.model, &mut self.index);
        for (ordinal, now, texts) in changed {
            if self.known.len() <= ordinal as usize {
                self.known.resize(ordinal as usize + 1, Known::default());
            }
            let Some(known) = self.known.get_mut(ordinal as usize) else { continue };
            let before = std::mem::replace(known, now);
            if before.digest != 0 {
                moves.gone.insert(before);
            }
            // One that waited and is judged as it was would be lost if it only moved.
            let waited = self.pending.remove(ordinal);
            if waited {
                moves.gone.remove(&before);
            }
            if now.digest == 0 {
                matcher.remove(u64::from(ordinal));
            } else {
                matcher.put(u64::from(ordinal), &texts);
                moves.put.push((ordinal, now));
            }
        }
        Ok(())
    }

    /// Judges what is pending, and writes what is found; gives how many messages were new.
    fn judge(&mut self, view: &View, report: &mut FollowReport) -> Result<u64> {
        let reader = view.state().reader();
        let ProfileMatcher { session, request, reading, index, known, pending, .. } = self;
        let mut matcher = Matcher::against(&reading.model, index);
        let tie = |key: u64| known.get(key as usize).map_or(0, |known| known.key);
        let compared = |column: usize| reading.compared.get(column) == Some(&true);
        let witness = |ordinal: Ordinal| {
            let found = reading.columns.witness(&reader, ordinal, compared);
            found.unwrap_or(NodeId(u32::MAX))
        };
        let mut judged = RoaringBitmap::new();
        let mut outbox =
            Outbox::new(session, &request.source, request.level.unwrap_or(Level::Group));
        for ordinal in pending.iter() {
            if judged.contains(ordinal) {
                continue;
            }
            let found = matcher.judge(u64::from(ordinal), MATCH_GROUP_MAX, &tie);
            report.compared += found.compared;
            report.chained += u64::from(!found.whole);
            let holds =
                |set: &RoaringBitmap, key: u64| u32::try_from(key).is_ok_and(|o| set.contains(o));
            // What was judged before told its pairs with these; what did not change told its own at another time.
            let due = |pair: &&JudgedPair| {
                let (left, right) = (pair.left, pair.right);
                let new = pair.joined || holds(pending, left) || holds(pending, right);
                new && !holds(&judged, left) && !holds(&judged, right)
            };
            for pair in found.pairs.iter().filter(due) {
                let [left, right] = [pair.left, pair.right].map(ordinal_of);
                let given = if pair.joined { "link" } else { "propose" };
                *(if pair.joined { &mut report.linked } else { &mut report.proposed }) += 1;
                let nodes = (witness(left), witness(right));
                outbox.put(message(&reader, (given, &reading.rule), nodes, pair.score))?;
            }
            judged.extend(found.members.iter().filter_map(|key| u32::try_from(*key).ok()));
        }
        reader.check()?;
        outbox.finish()?;
        pending.clear();
        report.written += outbox.written;
        report.conflicts += outbox.conflicts;
        Ok(outbox.written)
    }
}
