//! What became of profiles, as the stream `identity` tells it: once for each real change between two snapshots.
//!
//! *Invariants:* it is told from the moment on at which the stream is defined, behind what brought it about and before
//! anybody sees either; what had been told and is otherwise after a fold from nothing is told as a correction. *Where
//! to start reading:* `Inner::tell_profiles`.

use super::regrouping::{Groups, groups, shared};
use super::segment_types::{FeedPage, IdentityItem};
use super::streams::Identity;
use super::streams::reading::{Placed, Reading};
use super::write::Draft;
use super::{View, Writer};
use crate::base::error::Result;
use crate::base::ids::{LoadId, NodeId, Ordinal, Position, SourceId};
use crate::base::limits::{IDENTITY_CHANGES_MAX, IDENTITY_IDS_MAX};
use crate::base::time::Timestamp;
use crate::entry::{Became, Entry, Origin, ProfilesChange, ProfilesEntry, Reason};
use crate::identity::PublicId;
use crate::log::LogReader;
use crate::state::{Fold, Hindsight, IDENTITY_STREAM, Reader, State, StreamName};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What the log told of ids: of each that was told of, whose it is.
#[derive(Debug, Clone, Default)]
pub(super) struct ToldIds {
    /// The profile that an id is of, and where that was told.
    holders: BTreeMap<u128, (u128, Position)>,
    /// Where it was told last that a profile came apart, so that other ids of it may be anywhere.
    apart: BTreeMap<u128, Position>,
}

impl ToldIds {
    /// Follows an entry at a position.
    pub fn follow(&mut self, entry: &ProfilesEntry, at: Position) {
        for change in &entry.changes {
            if change.became == Became::Begun {
                // What was told before is of no account: nobody was told what came in between.
                *self = ToldIds::default();
            }
            for (old, now) in change.old.iter().zip(&change.now) {
                if *now == NOBODY {
                    self.holders.remove(old);
                } else {
                    self.holders.insert(*old, (*now, at));
                }
                if !matches!(change.became, Became::Joined | Became::Renamed) {
                    self.apart.insert(*old, at);
                }
            }
            for new in &change.new {
                self.holders.insert(*new, (*new, at));
                if !change.old.contains(new) {
                    // Ids that were of a profile of this name before went where that one did.
                    self.apart.insert(*new, at);
                }
            }
        }
    }

    /// Takes note of an entry that had everything folded anew. What becomes of profiles by that is told; but an id that
    /// one of them had beside its own may be gone, and come back as somebody else, without a line.
    pub fn folded_anew(&mut self) {
        self.holders.retain(|id, (holder, _)| id == holder);
    }

    /// The profile that an id was told to be of at last; nothing where nobody can know.
    fn holder(&self, id: u128) -> Option<u128> {
        let (mut holder, mut since) = *self.holders.get(&id)?;
        while let Some((next, at)) = self.holders.get(&holder).filter(|(next, _)| *next != holder) {
            if self.apart.get(&holder).is_some_and(|apart| *apart > since) {
                return None;
            }
            (holder, since) = (*next, (*at).max(since));
        }
        let unclear = holder != id && self.apart.get(&holder).is_some_and(|apart| *apart > since);
        (!unclear).then_some(holder)
    }

    /// What was told and is not so in a state.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn corrections(&self, state: &State) -> Result<Vec<ProfilesChange>> {
        let reader = state.reader();
        let mut wrong: BTreeMap<u128, BTreeSet<u128>> = BTreeMap::new();
        for id in self.holders.keys() {
            let Some(told) = self.holder(*id) else { continue };
            let is = holder_of(&reader, PublicId(*id));
            // Of an identifier that is no more, and that named no profile, there is nothing to tell.
            if is != told && (is != NOBODY || *id == told) {
                wrong.entry(told).or_default().extend(Some(is).filter(|is| *is != NOBODY));
            }
        }
        let changes = wrong.into_iter().map(|(told, is)| {
            let own = holder_of(&reader, PublicId(told));
            let new: BTreeSet<u128> =
                is.into_iter().chain(Some(own).filter(|own| *own != NOBODY)).collect();
            let (old, new) = (BTreeSet::from([told]), new);
            change(&reader, (old, new), Reason::Correction)
        });
        let changes = changes.collect();
        reader.check().map(|()| changes)
    }
}

/// In the place of an id: of nobody.
const NOBODY: u128 = 0;

/// The id of the profile that an id is of now.
fn holder_of(reader: &Reader<'_>, id: PublicId) -> u128 {
    let holder = reader.resolve(id).and_then(|ordinal| reader.profile_id(ordinal));
    holder.map_or(NOBODY, |id| id.0)
}

fn change(
    reader: &Reader<'_>,
    (old, new): (BTreeSet<u128>, BTreeSet<u128>),
    reason: Reason,
) -> ProfilesChange {
    let now = old.iter().map(|id| holder_of(reader, PublicId(*id))).collect();
    let became = Became::of(old.len(), new.len());
    ProfilesChange {
        became,
        reason,
        old: old.into_iter().collect(),
        now,
        new: new.into_iter().collect(),
    }
}

/// Whether a state tells what becomes of profiles.
pub(super) fn tells_profiles(state: &State) -> bool {
    state.stream_rules().next().is_some() && state.stream_rule(IDENTITY_STREAM).is_some()
}

/// What became of profiles, from the groups of those that have identifiers in common.
fn changes(
    (before, after): (&Reader<'_>, &Reader<'_>),
    groups: Groups,
    reason: Reason,
) -> Result<Vec<ProfilesChange>> {
    let ids = |reader: &Reader<'_>, of: &BTreeSet<u32>| -> BTreeSet<u128> {
        of.iter()
            .filter_map(|ordinal| reader.profile_id(Ordinal(*ordinal)))
            .map(|id| id.0)
            .collect()
    };
    let mut found = Vec::new();
    for (old, new) in groups {
        let (was, is) = (ids(before, &old), ids(after, &new));
        if old.len() > 1 || new.len() > 1 || was != is {
            found.push(change(after, (was, is), reason));
        }
    }
    found.sort_by(|one, other| (&one.old, &one.new).cmp(&(&other.old, &other.new)));
    before.check()?;
    after.check().map(|()| found)
}

/// What became of profiles between a state and a later one of the same fold.
///
/// # Errors
/// `Corrupt`.
fn since(before: &State, after: &State, reason: Reason) -> Result<Vec<ProfilesChange>> {
    let news = after.news(&before.seen());
    if news.is_empty() {
        return Ok(Vec::new());
    }
    let (old, new) = (before.reader(), after.reader());
    let mut pairs = Vec::new();
    let mut add = |node: NodeId| {
        let was = old.nodes().label(node).filter(|_| node.0 < before.counts.nodes);
        pairs.extend(was.zip(new.nodes().label(node)).map(|(was, is)| (was.0, is.0)));
    };
    for ordinal in news.regrouped(&old, &new).into_iter().map(Ordinal) {
        if ordinal.0 < before.counts.ordinals {
            old.row(ordinal).members.into_iter().for_each(&mut add);
        }
        new.row(ordinal).members.into_iter().for_each(&mut add);
    }
    pairs.sort_unstable();
    pairs.dedup();
    changes((&old, &new), groups(&pairs), reason)
}

/// What became of profiles between a state and one that was folded from nothing.
///
/// # Errors
/// `Corrupt`.
fn between(before: &State, after: &State, reason: Reason) -> Result<Vec<ProfilesChange>> {
    let (old, new) = (before.reader(), after.reader());
    let pairs = shared(before, &old, &new)?;
    let mut groups = groups(&pairs);
    let kept: BTreeSet<u32> = pairs.iter().map(|(old, _)| *old).collect();
    let gone = before.live().into_iter().filter(|ordinal| !kept.contains(ordinal));
    groups.extend(gone.map(|ordinal| (BTreeSet::from([ordinal]), BTreeSet::new())));
    changes((&old, &new), groups, reason)
}

/// From what to what profiles may have changed.
pub(super) enum Since<'s> {
    /// From a state that the fold went through.
    Earlier(&'s State),
    /// From a state of another fold, for such a reason.
    Another(&'s State, Reason),
}

/// What became of profiles since a state that readers know, if the stream is defined.
///
/// # Errors
/// `Corrupt` when a part cannot be read.
pub(super) fn became(state: &State, from: &Since<'_>) -> Result<Vec<ProfilesChange>> {
    let (Since::Earlier(before) | Since::Another(before, _)) = from;
    if !tells_profiles(state) {
        return Ok(Vec::new());
    }
    if !tells_profiles(before) {
        let (became, reason) = (Became::Begun, Reason::Definition);
        let (old, now, new) = Default::default();
        return Ok(vec![ProfilesChange { became, reason, old, now, new }]);
    }
    match from {
        Since::Earlier(before) => since(before, state, Reason::Event),
        Since::Another(before, reason) => between(before, state, *reason),
    }
}

/// The last state whose profiles were told, when it is not the one that readers know.
pub(super) struct ToldProfiles {
    before: State,
    /// What had been told and is not true of it.
    corrections: Vec<ProfilesChange>,
    /// Why what is true is another now, when all was folded anew since then.
    pub anew: Option<Reason>,
}

impl ToldProfiles {
    /// A fold up to the end of what was told of profiles.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(state: &State, ids: &ToldIds) -> Result<ToldProfiles> {
        let tells = tells_profiles(state);
        let corrections = if tells { ids.corrections(state)? } else { Vec::new() };
        Ok(ToldProfiles { before: state.clone(), corrections, anew: None })
    }

    /// The same after all was folded anew: what was wrong in the fold of before was told to nobody.
    pub fn folded_anew(self, reason: Reason) -> ToldProfiles {
        ToldProfiles { corrections: Vec::new(), anew: Some(self.anew.unwrap_or(reason)), ..self }
    }

    /// A state whose profiles were told.
    pub fn all_of(state: &State) -> ToldProfiles {
        ToldProfiles { before: state.clone(), corrections: Vec::new(), anew: None }
    }

    /// The same when its state cannot be read any more: it is folded again, in memory.
    pub fn read_again(&self, reader: &LogReader) -> Result<ToldProfiles> {
        let mut fold = Fold::new(Hindsight::clone(&self.before.hindsight));
        super::open::fold_into(reader, self.before.end, &mut fold, (None, usize::MAX))?;
        fold.freeze()?;
        let (before, corrections) = (fold.state, self.corrections.clone());
        Ok(ToldProfiles { before, corrections, anew: self.anew })
    }

    /// What is to be told of a later state.
    pub fn became(&self, state: &State) -> Result<Vec<ProfilesChange>> {
        let from = match self.anew {
            Some(reason) => Since::Another(&self.before, reason),
            None => Since::Earlier(&self.before),
        };
        Ok(self.corrections.iter().cloned().chain(became(state, &from)?).collect())
    }
}

/// Appends what became of profiles: all of it or nothing, so that a crash leaves no part of it told. When all was
/// folded anew and nothing became of them, that is noted: an identifier that is gone and comes back as somebody else
/// would otherwise look, after a crash, as if it had been split off.
///
/// # Errors
/// `Io`.
pub(super) fn append_profiles(
    writer: &mut Writer,
    told: Vec<ProfilesChange>,
    anew: bool,
) -> Result<()> {
    let (clock, cause) = (writer.log.clock(), writer.telling.origin);
    let mut rest = told.into_iter().flat_map(portions).peekable();
    let mut drafts = Vec::new();
    let draft = |changes, origin| {
        let entry = Entry::Profiles(ProfilesEntry { clock, changes });
        (Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None }, origin)
    };
    while let Some(first) = rest.next() {
        let reason = first.reason;
        let mut ids = first.old.len() + first.new.len();
        let mut changes = vec![first];
        while changes.len() < IDENTITY_CHANGES_MAX
            && let Some(next) = rest.next_if(|next| {
                ids += next.old.len() + next.new.len();
                next.reason == reason && ids <= IDENTITY_IDS_MAX
            })
        {
            changes.push(next);
        }
        drafts.push(draft(changes, reason.origin(cause)));
    }
    if anew && drafts.is_empty() {
        drafts.push(draft(Vec::new(), Origin::Correction));
    }
    if !drafts.is_empty() {
        writer.append_each(drafts)?;
        writer.telling.origin = cause;
    }
    Ok(())
}

/// A change in pieces of so many ids at most: of many that are one, some at a time.
fn portions(change: ProfilesChange) -> Vec<ProfilesChange> {
    let most = IDENTITY_IDS_MAX / 4;
    if change.old.len() <= most && change.new.len() <= most {
        return vec![change];
    }
    let ProfilesChange { became, reason, old, now, new } = change;
    let mut found = Vec::new();
    for (old, now) in old.chunks(most).zip(now.chunks(most)) {
        let new: BTreeSet<u128> = now.iter().copied().filter(|id| *id != NOBODY).collect();
        let (old, now, new) = (old.to_vec(), now.to_vec(), new.into_iter().collect());
        found.push(ProfilesChange { became, reason, old, now, new });
    }
    let told: BTreeSet<u128> = now.into_iter().collect();
    let further: Vec<u128> = new.into_iter().filter(|id| !told.contains(id)).collect();
    for new in further.chunks(most) {
        let (old, now, new) = (Vec::new(), Vec::new(), new.to_vec());
        found.push(ProfilesChange { became, reason, old, now, new });
    }
    found
}

impl Placed for IdentityItem {
    fn position(&self) -> Position {
        self.position
    }
}

impl Reading for Identity {
    type Item = IdentityItem;

    fn name(self) -> StreamName {
        StreamName::named(IDENTITY_STREAM)
    }

    fn in_force(self, view: &View) -> Result<()> {
        view.stream(IDENTITY_STREAM).map(|_| ())
    }

    fn retain_days(self, view: &View) -> Option<u64> {
        view.state().stream_rule(IDENTITY_STREAM)?.says.retain_days
    }

    fn page(
        self,
        view: &View,
        after: Position,
        limit: usize,
        oldest: Option<Timestamp>,
    ) -> Result<FeedPage<IdentityItem>> {
        let mut page = FeedPage::behind(after);
        let Some(ledger) = view.ledger(IDENTITY_STREAM)? else { return Ok(page) };
        view.each_entry(ledger, &mut page, oldest, |header, entry, page| {
            let Entry::Profiles(told) = entry else { return ControlFlow::Continue(()) };
            let origin = Origin::from_code(header.origin).unwrap_or_default();
            for (position, change) in (header.first.0..).map(Position).zip(told.changes) {
                if position > after {
                    page.add(item(change, (position, told.clock, origin)), limit)?;
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }
}

fn item(
    change: ProfilesChange,
    (position, time, origin): (Position, Timestamp, Origin),
) -> IdentityItem {
    let text = |id: &u128| PublicId(*id).to_string();
    IdentityItem {
        position,
        time,
        became: change.became,
        reason: change.reason,
        origin,
        before: change.old.iter().map(text).collect(),
        now: change.now.iter().map(|id| (*id != NOBODY).then(|| text(id))).collect(),
        after: change.new.iter().map(text).collect(),
    }
}
