//! Segments and the log: after each change, what it makes true of segments is appended behind it, before anybody sees
//! either.
//!
//! *Invariants:* a snapshot has the members that the log told, and they are those of a full evaluation at its position
//! and the segments' clock; what had been told is never told again: after a fold from nothing it is compared with what
//! is true. *Where to start reading:* `Inner::tell`.

use super::write::Draft;
use super::{Inner, Writer};
use crate::base::error::{ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{TOLD_ROUNDS_MAX, TOLD_ROWS_MAX};
use crate::base::time::Timestamp;
use crate::entry::{Entry, Origin, Reason, TOLD_KIND, ToldChange, ToldEntry};
use crate::log::LogReader;
use crate::segment::{
    Keeper, Step, ToldBefore, Transitions, difference, follow, keep_told, told_before, whole_second,
};
use crate::state::{Fold, State};

/// What a fold from nothing needs to know of what was told before it.
struct Refolded {
    told: ToldBefore,
    /// Why what is true is another now.
    reason: Reason,
}

/// What the writer keeps of segments.
pub(super) struct Telling {
    /// Keeps them true.
    pub keeper: Keeper,
    /// What was told before the fold was made from nothing, until it is compared.
    refolded: Option<Refolded>,
    /// Whether the members of the fold are those of the fold itself, and not those of the snapshot.
    compared: bool,
    /// The moment at which the log's last entry found the segments, when the store was opened.
    told_at: Timestamp,
    /// The origin of what was appended last.
    pub origin: Origin,
}

impl Telling {
    /// Begins with a fold of the log, of which a stretch was folded just now; `told` was told before that.
    ///
    /// # Errors
    /// `Corrupt`; `Io`.
    pub fn begin(
        fold: &mut Fold,
        reader: &LogReader,
        (from, end): (Position, Position),
        mut told: ToldBefore,
    ) -> Result<Telling> {
        let told_at = whole_second(fold.state.clock).max(fold.state.memberships.clock);
        let mut telling = Telling {
            keeper: Keeper::default(),
            refolded: None,
            compared: false,
            told_at,
            origin: Origin::Live,
        };
        if has_segments(&fold.state) {
            if from == end {
                telling.keeper.start(&mut fold.state)?;
            } else {
                follow_log(reader, (from, end), &mut told)?;
                telling.refolded = Some(Refolded { told, reason: Reason::Correction });
            }
        } else {
            // What is there is no news to the first segment.
            telling.keeper.look(&fold.state);
        }
        Ok(telling)
    }

    /// Forgets a fold from nothing that was not taken over.
    pub fn keep_fold(&mut self) {
        self.refolded = None;
    }
}

/// Whether there are or were segments.
pub(super) fn has_segments(state: &State) -> bool {
    state.memberships.all().next().is_some() || !state.segment_rules().is_empty()
}

/// Follows what the log told between two positions.
///
/// # Errors
/// `Corrupt`; `Io`.
fn follow_log(
    reader: &LogReader,
    (from, end): (Position, Position),
    told: &mut ToldBefore,
) -> Result<()> {
    reader.scan(from, end, &mut |frame| {
        let header = &frame.header;
        if header.kind == TOLD_KIND && !header.stub {
            let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
            if let Entry::Told(entry) = entry {
                follow(told, &entry);
            }
        }
        Ok(())
    })
}

impl Writer {
    /// Takes note that the fold was made from nothing, so that its segments must be compared with what was told.
    pub(super) fn note_refold(&mut self, before: &State, reason: Reason) -> Result<()> {
        if self.telling.refolded.is_none() && has_segments(before) {
            self.telling.refolded = Some(Refolded { told: told_before(before)?, reason });
        }
        Ok(())
    }
}

impl Inner {
    /// Brings the segments up to date with what was folded, and appends what is to be told.
    ///
    /// # Errors
    /// `Corrupt` when a part cannot be read; `Io`.
    pub(super) fn tell(&self, writer: &mut Writer) -> Result<()> {
        let newest = self.snapshot.get();
        if !has_segments(&writer.fold.state) && !has_segments(&newest.state) {
            writer.telling.keeper.look(&writer.fold.state);
            return Ok(());
        }
        if writer.log.writable().is_err() {
            return Ok(());
        }
        if let Some(refolded) = writer.telling.refolded.take() {
            self.tell_difference(writer, &newest.state, refolded)?;
        }
        let origin = writer.telling.origin;
        for round in 0..TOLD_ROUNDS_MAX {
            let before = if round == 0 && !writer.telling.compared {
                newest.state.clone()
            } else {
                writer.fold.state.clone()
            };
            let clock = writer.fold.state.clock;
            let step = Step { before: &before, clock, workers: &self.workers };
            let told = writer.telling.keeper.step(&mut writer.fold.state, step)?;
            writer.telling.compared = false;
            writer.telling.keeper.look(&writer.fold.state);
            if told.is_empty() {
                break;
            }
            append_told(writer, told, origin)?;
            writer.fold.freeze_alone()?;
        }
        Ok(())
    }

    /// Finds the members of a fold from nothing, and tells what is otherwise than it was told.
    fn tell_difference(
        &self,
        writer: &mut Writer,
        before: &State,
        refolded: Refolded,
    ) -> Result<()> {
        let at = before.memberships.clock.max(writer.telling.told_at);
        let state = &mut writer.fold.state;
        keep_told(state, &refolded.told)?;
        writer.telling.keeper.fill(state, &self.workers, at)?;
        writer.telling.keeper.look(state);
        writer.telling.compared = true;
        let told = difference(&refolded.told, state, refolded.reason)?;
        append_told(writer, told, Origin::Correction)
    }
}

/// Appends who entered and who left.
fn append_told(writer: &mut Writer, told: Transitions, cause: Origin) -> Result<()> {
    let clock = writer.fold.state.memberships.clock;
    let mut by_origin: [(Origin, Vec<ToldChange>); 3] =
        [Origin::Live, Origin::History, Origin::Correction].map(|origin| (origin, Vec::new()));
    for transition in told.all {
        let origin = match transition.change.reason {
            Reason::Event | Reason::Identity => cause,
            Reason::Clock => Origin::Live,
            Reason::Definition => Origin::History,
            Reason::Correction => Origin::Correction,
        };
        if let Some((_, changes)) = by_origin.iter_mut().find(|(known, _)| *known == origin) {
            changes.push(transition.change);
        }
    }
    for (origin, changes) in by_origin {
        let drafts: Vec<Draft> = portions(changes)
            .map(|changes| {
                let entry = Entry::Told(ToldEntry { clock, changes });
                Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None }
            })
            .collect();
        if !drafts.is_empty() {
            writer.append(drafts, origin)?;
        }
    }
    writer.telling.origin = cause;
    Ok(())
}

/// Changes in portions of bounded size.
fn portions(changes: Vec<ToldChange>) -> impl Iterator<Item = Vec<ToldChange>> {
    let mut rest: std::collections::VecDeque<ToldChange> =
        changes.into_iter().flat_map(pieces).collect();
    std::iter::from_fn(move || {
        let (mut portion, mut rows) = (Vec::new(), 0);
        while let Some(next) = rest.front() {
            if rows > 0 && rows + next.rows() > TOLD_ROWS_MAX {
                break;
            }
            rows += next.rows();
            portion.extend(rest.pop_front());
        }
        (!portion.is_empty()).then_some(portion)
    })
}

/// One change as several of bounded size.
fn pieces(change: ToldChange) -> Vec<ToldChange> {
    if change.rows() <= TOLD_ROWS_MAX {
        return vec![change];
    }
    let each = change.traits.len() / change.rows();
    let mut traits = change.traits.into_iter();
    let mut found = Vec::new();
    for (ids, enters) in [(change.entered, true), (change.left, false)] {
        for piece in ids.chunks(TOLD_ROWS_MAX) {
            let (entered, left) =
                if enters { (piece.to_vec(), Vec::new()) } else { (Vec::new(), piece.to_vec()) };
            let traits = traits.by_ref().take(each * piece.len()).collect();
            let (segment, version, reason) =
                (change.segment.clone(), change.version, change.reason);
            found.push(ToldChange { segment, version, reason, entered, left, traits });
        }
    }
    found
}

/// Whether an error says that a part does not hold.
pub(super) fn is_damage(error: &crate::base::error::Error) -> bool {
    error.kind() == ErrorKind::Corrupt
}
