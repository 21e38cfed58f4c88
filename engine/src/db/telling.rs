//! Segments and the log: after each change, what it makes true of segments is appended behind it, before anybody sees
//! either.
//!
//! *Invariants:* a snapshot has the members that the log told, and they are those of a full evaluation at its position
//! and the segments' clock; what had been told is never told again: after a fold from nothing it is compared with what
//! is true. *Where to start reading:* `Inner::tell`.

use super::identity_feed::{Since, ToldIds, ToldProfiles, append_profiles, became, tells_profiles};
use super::timers::TimerPlace;
use super::told_portions::{MOST, told_portions};
use super::write::Draft;
use super::{Inner, Writer};
use crate::base::error::{ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{SAVED_DEPTH_MAX, TOLD_ROWS_MAX};
use crate::base::time::Timestamp;
use crate::base::workers::Workers;
use crate::entry::{
    BLOCK_KIND, DEFINITION_KIND, Entry, Origin, PROFILES_KIND, RECORDS_KIND, RETRACT_KIND, Reason,
    TOLD_KIND, ToldChange, ToldEntry,
};
use crate::log::LogReader;
use crate::segment::{
    Keeper, Step, ToldBefore, ToldSince, Transitions, difference, keep_told, told_before, unfollow,
    whole_second,
};
use crate::state::{Fold, Hindsight, State};
use std::sync::Arc;

/// What a fold from nothing needs to know of what was told before it.
struct Refolded {
    told: ToldBefore,
    /// Why what is true is another now.
    reason: Reason,
}

/// What the log has behind a checkpoint.
pub(super) struct Tail {
    /// Behind the last entry that told of segments: what is before it was told, what is behind it may not be.
    pub told_end: Position,
    /// The same of what became of profiles.
    pub ids_end: Position,
    told: ToldSince,
    /// What was told of ids.
    pub ids: ToldIds,
    /// The origin of what may not be told.
    origin: Origin,
}

/// What opening found.
struct Opened {
    /// What had been told and is not true.
    corrections: Transitions,
    /// The state at the end of what was told.
    before: State,
    /// The origin of what came after.
    origin: Origin,
}

/// What the writer keeps of segments.
pub(super) struct Telling {
    /// Keeps them true.
    pub keeper: Keeper,
    /// What opening found, until it is told.
    opened: Option<Opened>,
    /// From what on it is told what became of profiles.
    pub profiles: Option<ToldProfiles>,
    /// The last state whose segments were told, when readers do not know it yet.
    ahead: Option<State>,
    /// What was told before the fold was made from nothing, until it is compared.
    refolded: Option<Refolded>,
    /// The moment at which the log's last entry found the segments, when the store was opened.
    told_at: Timestamp,
    /// The origin of what was appended last.
    pub origin: Origin,
    /// No timer before this place is pending: when it is due, and where it was set. Nothing when that is not known.
    pub next_timer: Option<TimerPlace>,
}

impl Tail {
    /// Looks through the log behind a state.
    ///
    /// # Errors
    /// `Corrupt`; `Io`.
    pub fn of(
        reader: &LogReader,
        (from, end): (Position, Position),
        state: &State,
    ) -> Result<Tail> {
        let told = ToldSince::new(state);
        let (ids, origin) = (ToldIds::default(), Origin::Live);
        let mut tail = Tail { told_end: from, ids_end: from, told, ids, origin };
        reader.scan(from, end, &mut |frame| {
            let header = &frame.header;
            if header.stub {
                return Ok(());
            }
            if [RECORDS_KIND, BLOCK_KIND].contains(&header.kind) {
                tail.origin = Origin::from_code(header.origin).unwrap_or_default();
            }
            if header.kind == TOLD_KIND {
                let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
                if let Entry::Told(entry) = entry {
                    tail.told.follow(&entry);
                }
                tail.told_end = header.end();
            }
            if [RETRACT_KIND, DEFINITION_KIND].contains(&header.kind) {
                tail.ids.folded_anew();
            }
            if header.kind == PROFILES_KIND {
                let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
                if let Entry::Profiles(entry) = entry {
                    tail.ids.follow(&entry, header.first);
                }
                tail.ids_end = header.end();
            }
            Ok(())
        })?;
        Ok(tail)
    }
}

impl Telling {
    fn new(told_at: Timestamp) -> Telling {
        let (keeper, origin) = (Keeper::default(), Origin::Live);
        let (opened, profiles, ahead, refolded) = (None, None, None, None);
        let next_timer = None;
        Telling { keeper, opened, profiles, ahead, refolded, told_at, origin, next_timer }
    }

    /// Goes on from a state that was kept with all that was told.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn go_on(fold: &mut Fold) -> Result<Telling> {
        let mut telling = Telling::new(fold.state.memberships.clock);
        if has_segments(&fold.state) {
            telling.keeper.start(&mut fold.state)?;
        } else {
            // What is there is no news to the first segment.
            telling.keeper.look(&fold.state);
        }
        Ok(telling)
    }

    /// Begins with a fold of the log up to the end of what was told: what is not true of it is a correction, and what
    /// is folded behind it is told as it would have been.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn begin(fold: &mut Fold, tail: &Tail, workers: &Workers) -> Result<Telling> {
        let state = &mut fold.state;
        let at = whole_second(state.clock).max(state.memberships.clock);
        let mut telling = Telling::new(at);
        let mut corrections = Transitions::new();
        if tail.told.leads_to(state) {
            corrections = tail.told.settle(state, (&mut telling.keeper, workers, at))?;
        } else if has_segments(state) {
            let told = tail.told.all()?;
            keep_told(state, &told)?;
            telling.keeper.fill(state, workers, at)?;
            corrections = difference(&told, state, Reason::Correction)?;
        }
        telling.keeper.look(state);
        let (before, origin) = (state.clone(), tail.origin);
        telling.opened = Some(Opened { corrections, before, origin });
        Ok(telling)
    }

    /// Takes note that what came behind the end of what was told had all of the log folded anew.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn note_refold_at_opening(&mut self) -> Result<()> {
        if let Some(Opened { corrections, before, .. }) = self.opened.take() {
            let mut told = told_before(&before)?;
            // They are true of what is no more: nobody was told of them.
            unfollow(&mut told, &corrections);
            self.refolded = Some(Refolded { told, reason: Reason::Correction });
        }
        Ok(())
    }

    /// Takes note of the state at the end of the log, when the store is opened: what was folded anew is judged at its
    /// moment, since what the log has behind the end of what was told was judged at no earlier one.
    pub fn reached(&mut self, end: &State) {
        self.told_at = self.told_at.max(whole_second(end.clock));
    }

    /// Takes note that readers know the newest state.
    pub fn shown(&mut self) {
        (self.profiles, self.ahead) = (None, None);
    }

    /// Forgets a fold from nothing that was not taken over.
    pub fn keep_fold(&mut self) {
        self.refolded = None;
        self.profiles = None;
    }
}

/// Whether a state has anything to tell.
pub(super) fn tells(state: &State) -> bool {
    has_segments(state) || tells_profiles(state)
}

/// Whether there are or were segments.
pub(super) fn has_segments(state: &State) -> bool {
    state.memberships.all().next().is_some() || state.segment_rules().next().is_some()
}

impl Writer {
    /// Takes note that the fold was made from nothing, so that its segments must be compared with what was told.
    /// `shown` is the state that readers know.
    pub(super) fn note_refold(&mut self, shown: &State, reason: Reason) -> Result<()> {
        if self.telling.refolded.is_none() {
            let before = self.telling.ahead.as_ref().unwrap_or(shown);
            if has_segments(before) {
                let told = match told_before(before) {
                    // What cannot be read any more is in the log.
                    Err(e) if is_damage(&e) => self.told_by_log()?.told.all()?,
                    told => told?,
                };
                self.telling.refolded = Some(Refolded { told, reason });
            }
        }
        if tells_profiles(shown) || self.telling.profiles.is_some() {
            let known = self.telling.profiles.take();
            let known = known.unwrap_or_else(|| ToldProfiles::all_of(shown));
            self.telling.profiles = Some(known.folded_anew(reason));
        }
        Ok(())
    }
}

impl Writer {
    /// All that the log tells, from its beginning.
    fn told_by_log(&mut self) -> Result<Tail> {
        self.log.flush()?;
        let nothing = Fold::new(Hindsight::default());
        Tail::of(&self.log.reader(), (Position(1), self.log.next()), &nothing.state)
    }
}

impl Inner {
    /// Brings the segments up to date with what was folded, and appends what is to be told.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read; `Io`.
    pub(super) fn tell(&self, writer: &mut Writer) -> Result<()> {
        let newest = self.snapshot.get();
        if !tells(&writer.fold.state) && !tells(&newest.state) {
            writer.telling.keeper.look(&writer.fold.state);
            return Ok(());
        }
        if writer.log.writable().is_err() {
            return Ok(());
        }
        self.tell_profiles(writer, &newest.state)?;
        if !has_segments(&writer.fold.state) && !has_segments(&newest.state) {
            writer.telling.keeper.look(&writer.fold.state);
            return Ok(());
        }
        let ahead = writer.telling.ahead.clone();
        let newest = ahead.as_ref().unwrap_or(&newest.state);
        let opened = writer.telling.opened.take();
        let mut compared = None;
        if let Some(Opened { corrections, before, origin }) = opened {
            append_told(writer, corrections, Origin::Correction)?;
            writer.telling.ahead = Some(before.clone());
            writer.fold.freeze_alone()?;
            writer.telling.origin = origin;
            compared = Some(before);
        }
        let refolded = writer.telling.refolded.take();
        compared = match refolded {
            None => compared,
            Some(refolded) => {
                if let Err(e) = self.tell_difference(writer, newest, &refolded) {
                    writer.telling.refolded = Some(refolded);
                    return Err(e);
                }
                Some(writer.fold.state.clone())
            }
        };
        // What is told may itself be asked for, by segments that stand above those that it is told of.
        // They stand in no circle, so that it ends.
        for _ in 0..=SAVED_DEPTH_MAX {
            if !self.step(writer, compared.as_ref().unwrap_or(newest))? {
                break;
            }
            compared = Some(writer.fold.state.clone());
            writer.telling.ahead.clone_from(&compared);
            writer.fold.freeze_alone()?;
        }
        Ok(())
    }

    /// Brings the segments up to date from a state, and appends what is to be told; says whether that makes events.
    fn step(&self, writer: &mut Writer, before: &State) -> Result<bool> {
        let (clock, workers) = (writer.fold.state.clock, &self.workers);
        let known = Arc::clone(&writer.fold.state.memberships);
        let step = Step { before, clock, workers };
        let told = writer.telling.keeper.step(&mut writer.fold.state, step)?;
        writer.telling.keeper.look(&writer.fold.state);
        let state = &writer.fold.state;
        let events = told.iter().any(|change| state.are_events(&change.segment));
        let origin = writer.telling.origin;
        // What cannot be told is so for nobody.
        let appended = append_told(writer, told, origin);
        appended.inspect_err(|_| writer.fold.state.memberships = known).map(|()| events)
    }

    /// Appends what became of profiles since it was told last.
    fn tell_profiles(&self, writer: &mut Writer, newest: &State) -> Result<()> {
        let state = &writer.fold.state;
        let told = match &writer.telling.profiles {
            Some(known) => match known.became(state) {
                Err(e) if is_damage(&e) && known.anew.is_some() => {
                    known.read_again(&self.reader)?.became(state)?
                }
                told => told?,
            },
            None => became(state, &Since::Earlier(newest))?,
        };
        let known = writer.telling.profiles.as_ref();
        let anew = tells_profiles(state) && known.is_some_and(|known| known.anew.is_some());
        append_profiles(writer, told, anew)?;
        // What follows may fail before anybody sees the state.
        let state = &writer.fold.state;
        writer.telling.profiles = tells_profiles(state).then(|| ToldProfiles::all_of(state));
        Ok(())
    }

    /// Finds the members of a fold from nothing, and tells what is otherwise than it was told.
    fn tell_difference(
        &self,
        writer: &mut Writer,
        before: &State,
        refolded: &Refolded,
    ) -> Result<()> {
        let at = before.memberships.clock.max(writer.telling.told_at);
        let state = &mut writer.fold.state;
        keep_told(state, &refolded.told)?;
        writer.telling.keeper.fill(state, &self.workers, at)?;
        writer.telling.keeper.look(state);
        let told = difference(&refolded.told, state, refolded.reason)?;
        let origin = writer.telling.origin;
        append_told(writer, told, Origin::Correction)?;
        writer.telling.ahead = Some(writer.fold.state.clone());
        writer.telling.origin = origin;
        writer.fold.freeze_alone()
    }
}

/// Appends who entered and who left.
fn append_told(writer: &mut Writer, told: Transitions, cause: Origin) -> Result<()> {
    let clock = writer.fold.state.memberships.clock;
    let mut by_origin: [(Origin, Vec<ToldChange>); 3] =
        [Origin::Live, Origin::History, Origin::Correction].map(|origin| (origin, Vec::new()));
    for change in told {
        let origin = change.reason.origin(cause);
        if let Some((_, changes)) = by_origin.iter_mut().find(|(known, _)| *known == origin) {
            changes.push(change);
        }
    }
    for (origin, changes) in by_origin {
        let mut rest = changes.into_iter().peekable();
        while rest.peek().is_some() {
            // What is told of many large segments at once is not held as entries all together.
            let mut rows = 0;
            let group = std::iter::from_fn(|| {
                let next = rest.next_if(|_| rows < TOLD_ROWS_MAX)?;
                rows += next.rows();
                Some(next)
            });
            let entries = told_portions(group.collect(), MOST).into_iter().map(|changes| {
                let entry = Entry::Told(ToldEntry { clock, changes });
                Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None }
            });
            writer.append(entries.collect(), origin)?;
        }
    }
    writer.telling.origin = cause;
    Ok(())
}

/// Whether an error says that a part does not hold.
pub(super) fn is_damage(error: &crate::base::error::Error) -> bool {
    error.kind() == ErrorKind::Corrupt
}
