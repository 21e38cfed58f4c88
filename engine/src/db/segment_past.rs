//! Segments explained: why somebody is in one, how it was defined before, and who would have been in it.

use super::segment_types::{ReplayStep, SegmentPart, SegmentReplay, SegmentVersion, SegmentWhy};
use super::view::View;
use crate::audience::{Prepared, why};
use crate::base::error::{Error, Result};
use crate::base::ids::{Ordinal, Position};
use crate::base::limits::REPLAY_STEPS_MAX;
use crate::base::time::Timestamp;
use crate::catalog::folded;
use crate::definition::{SEGMENT, SegmentRule, parse_name};
use crate::entry::{DEFINITION_KIND, Entry};
use crate::segment::all_for;
use std::collections::BTreeSet;
use std::time::Duration;

impl View {
    /// Why the profile that holds an identifier is in a segment, or is not: each part of its rule with its truth, its
    /// values, the records behind them, and when it changes by time alone. Nothing when there is no such profile.
    ///
    /// # Errors
    /// As `segment`; `Invalid` when the rule has no answer; `Corrupt`.
    pub fn segment_why(
        &self,
        name: &str,
        namespace: &str,
        value: &str,
    ) -> Result<Option<SegmentWhy>> {
        let segment = self.segment(name)?;
        self.reading(|state| {
            let reader = state.reader();
            let found = super::profile_view::find(&reader, namespace, value);
            let Some((ordinal, id)) = found.and_then(|o| Some((o, reader.profile_id(o)?))) else {
                return reader.check().map(|()| None);
            };
            let known = state.memberships.get(name);
            let stalled = known.and_then(|known| known.stalled.as_deref().map(str::to_owned));
            // Its rule is not understood, so no part of it has a truth.
            let parts = match stalled {
                Some(_) => Vec::new(),
                None => {
                    let question = self.question(&segment.rule.audience)?;
                    why(&question, state, ordinal, state.memberships.clock)?
                }
            };
            let parts = parts.into_iter().map(|part| SegmentPart {
                text: part.text,
                truth: part.truth,
                values: part.values,
                records: part
                    .records
                    .iter()
                    .map(|r| (r.time, r.position, state.catalog.source_name(r.source).to_owned()))
                    .collect(),
                flips: part.flips,
                trouble: part.trouble,
            });
            Ok(Some(SegmentWhy {
                profile_id: id.to_string(),
                member: known.is_some_and(|of| of.members.holds(ordinal)),
                version: segment.version,
                stalled,
                parts: parts.collect(),
            }))
        })
    }

    /// All versions of a segment that is or was defined, the first one first. The whole log is looked through.
    ///
    /// # Errors
    /// `NotFound` when there never was one; `Corrupt`; `Io`.
    pub fn segment_history(&self, name: &str) -> Result<Vec<SegmentVersion>> {
        self.flush()?;
        let key = folded(name);
        let mut found = Vec::new();
        self.inner.reader.scan(Position(1), self.state().end, &mut |frame| {
            let header = &frame.header;
            if header.kind != DEFINITION_KIND || header.stub {
                return Ok(());
            }
            let entry = Entry::decode(header.kind, header.payload_version, &frame.payload)?;
            if let Entry::Definition(entry) = entry
                && entry.kind == SEGMENT
                && parse_name(&entry.name)
                    .is_some_and(|keys| keys.iter().map(|k| folded(k)).eq([key.clone()]))
            {
                let says = entry.body.as_deref().and_then(SegmentRule::of_text);
                found.push(SegmentVersion {
                    version: entry.version,
                    position: header.first,
                    time: header.clock,
                    audience: says.as_ref().map(|says| says.audience.clone()),
                    owner: says.and_then(|says| says.owner),
                });
            }
            Ok(())
        })?;
        if found.is_empty() {
            return Err(self.membership(name).err().unwrap_or_else(|| {
                Error::not_found(format!("there never was a segment '{name}'"))
            }));
        }
        Ok(found)
    }

    /// Who would have been in an audience at a time, and who would have entered and left it from then to another, in
    /// steps of some length. For each step what happened later is hidden, and the log is folded again: a step costs as
    /// much as a rebuild in memory.
    ///
    /// # Errors
    /// As `count`; `Invalid` when the times are not in order; `Limit` when there are too many steps.
    pub fn replay_audience(
        &self,
        audience: &str,
        (from, to): (Timestamp, Timestamp),
        step: Duration,
    ) -> Result<SegmentReplay> {
        let micros = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        if from > to || micros == 0 {
            return Err(Error::invalid(format!("there is nothing from {from} to {to}")));
        }
        let count = to.0.saturating_sub(from.0) / micros;
        if count > REPLAY_STEPS_MAX {
            let message = format!(
                "{count} steps are too many, at most {REPLAY_STEPS_MAX} are taken; take longer ones"
            );
            return Err(Error::limit(message));
        }
        let question = self.question(audience)?;
        let at = |time| -> Result<BTreeSet<String>> {
            let state = self.past(time)?;
            let prepared = Prepared::new(&question, &state)?;
            // Who has no answer is no member, as in a segment.
            let held = all_for(&prepared, (&state, &self.inner.workers, time))?;
            let reader = state.reader();
            let ids = held.iter().filter_map(|ordinal| reader.profile_id(Ordinal(ordinal)));
            let ids = ids.map(|id| id.to_string()).collect();
            reader.check().map(|()| ids)
        };
        let mut known = at(from)?;
        let members = known.iter().cloned().collect();
        let mut replay = SegmentReplay { members, steps: Vec::new() };
        let mut time = from;
        while time < to {
            time = Timestamp(time.0.saturating_add(micros).min(to.0));
            let now = at(time)?;
            replay.steps.push(ReplayStep {
                time,
                entered: now.difference(&known).cloned().collect(),
                left: known.difference(&now).cloned().collect(),
                count: now.len() as u64,
            });
            known = now;
        }
        Ok(replay)
    }
}
