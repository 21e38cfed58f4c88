//! Segments: defining them, who is in them, and whether somebody is.

use super::define::{DefineReport, DefineRequest};
use super::segment_types::{ComputedTrait, Segment, SegmentTrial};
use super::types::At;
use super::{Session, View};
use crate::audience::{Person, Prepared};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::time::Timestamp;
use crate::catalog::nearest;
use crate::definition::{COMPUTED, SEGMENT, STREAM, SegmentRule, StreamRule, quoted};
use crate::record::identifier_of;
use crate::segment::{all_for, behind_stalled, check, prepared_trait, whole_second};
use crate::state::{Membership, Saved, State};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many ids a trial shows.
const SHOWN: usize = 10;

/// The definition of a segment, in TOML.
fn definition_of(name: &str, rule: &SegmentRule) -> String {
    let mut body = toml::Table::new();
    let mut put = |key: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("audience", Some(rule.audience.clone().into()));
    put("owner", rule.owner.clone().map(Into::into));
    put("purpose", rule.purpose.clone().map(Into::into));
    put("description", rule.description.clone().map(Into::into));
    put("traits", (!rule.traits.is_empty()).then(|| rule.traits.clone().into()));
    let days = rule.retain_days.and_then(|days| i64::try_from(days).ok());
    put("retain_days", days.map(Into::into));
    put("events", rule.events.then(|| true.into()));
    format!("[{SEGMENT}.{}]\n{body}", quoted(name))
}

/// A segment by its name, in any case.
fn named<'s>(state: &'s State, name: &str) -> Result<&'s Saved<SegmentRule>> {
    let found = state.segment_rule(name).map(Arc::as_ref);
    found.ok_or_else(|| unknown(name, state))
}

fn unknown(name: &str, state: &State) -> Error {
    let help = match nearest(name, state.segment_rules().map(|rule| rule.name.as_str())) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "`nave segment list` shows those that there are".to_owned(),
    };
    Error::not_found(format!("there is no segment '{name}'; {help}"))
}

impl Session {
    /// Saves a segment under a new name. It is in force with all its members when this returns. Level sync.
    ///
    /// # Errors
    /// `Invalid` when the audience is not understood, or there is a segment of this name; as `define`.
    pub fn define_segment(&self, name: &str, rule: &SegmentRule) -> Result<DefineReport> {
        if let Ok(known) = named(self.view().state(), name) {
            let message = format!("there is a segment '{}'; use redefine", known.name);
            return Err(Error::invalid(message));
        }
        self.define(&DefineRequest { text: definition_of(name, rule), ..DefineRequest::default() })
    }

    /// Changes a segment: its next version is in force when this returns, and its feed tells who entered and who left
    /// by that. Level sync.
    ///
    /// # Errors
    /// `NotFound` when there is none of this name; as `define`.
    pub fn redefine_segment(&self, name: &str, rule: &SegmentRule) -> Result<DefineReport> {
        let name = named(self.view().state(), name)?.name.clone();
        self.define(&DefineRequest { text: definition_of(&name, rule), ..DefineRequest::default() })
    }

    /// Drops a segment: all leave it, and its feed stays. Level sync.
    ///
    /// # Errors
    /// `NotFound` when there is none of this name; `Invalid` when another segment asks for it; as `define`.
    pub fn drop_segment(&self, name: &str) -> Result<DefineReport> {
        let known = named(self.view().state(), name)?.name.clone();
        let drop = vec![format!("{SEGMENT}.{}", quoted(&known))];
        self.define(&DefineRequest { drop, ..DefineRequest::default() })
    }

    /// Makes a stream with a name of its own, or changes what is said of it; `identity` tells from then on what becomes
    /// of profiles. Level sync.
    ///
    /// # Errors
    /// `Invalid` when the name is none; as `define`.
    pub fn define_stream(&self, name: &str, rule: &StreamRule) -> Result<DefineReport> {
        let known = self.view().state().stream_rule(name).map(|known| known.name.clone());
        let days = rule.retain_days.and_then(|days| i64::try_from(days).ok());
        let notes = [
            ("owner", rule.owner.clone().map(Into::into)),
            ("purpose", rule.purpose.clone().map(Into::into)),
            ("description", rule.description.clone().map(Into::into)),
            ("retain_days", days.map(toml::Value::from)),
        ];
        let notes = notes.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let body: toml::Table = notes.collect();
        let text = format!("[{STREAM}.{}]\n{body}", quoted(known.as_deref().unwrap_or(name)));
        self.define(&DefineRequest { text, ..DefineRequest::default() })
    }

    /// Ends a stream; what it has can still be read. Level sync.
    ///
    /// # Errors
    /// `NotFound` when there is none of this name; as `define`.
    pub fn drop_stream(&self, name: &str) -> Result<DefineReport> {
        let known = self.view().state().stream_rule(name).map(|known| known.name.clone());
        let known = known.ok_or_else(|| super::streams::unknown(name))?;
        let drop = vec![format!("{STREAM}.{}", quoted(&known))];
        self.define(&DefineRequest { drop, ..DefineRequest::default() })
    }

    /// Saves a computed trait, or changes it: a value of the audience language, such as
    /// `(SELECT count(*) FROM purchase e)`, that can be named like a trait. Level sync.
    ///
    /// # Errors
    /// `Invalid` when the value is not understood or the name is taken by a trait; as `define`.
    pub fn define_trait(
        &self,
        name: &str,
        value: &str,
        description: Option<&str>,
    ) -> Result<DefineReport> {
        let mut body = toml::Table::new();
        body.insert("value".to_owned(), value.into());
        if let Some(description) = description {
            body.insert("description".to_owned(), description.into());
        }
        let text = format!("[{COMPUTED}.{}]\n{body}", quoted(name));
        self.define(&DefineRequest { text, ..DefineRequest::default() })
    }

    /// Drops a computed trait. Level sync.
    ///
    /// # Errors
    /// `NotFound` when there is none of this name; `Invalid` when a segment asks for it; as `define`.
    pub fn drop_trait(&self, name: &str) -> Result<DefineReport> {
        let view = self.view();
        let known = view.state().computed_trait(name).ok_or_else(|| {
            let names = view.state().computed_traits().map(|known| known.name.as_str());
            let help = match nearest(name, names) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "`nave trait list` shows those that there are".to_owned(),
            };
            Error::not_found(format!("there is no computed trait '{name}'; {help}"))
        })?;
        let drop = vec![format!("{COMPUTED}.{}", quoted(&known.name))];
        self.define(&DefineRequest { drop, ..DefineRequest::default() })
    }
}

impl View {
    /// The moment at which the segments of this snapshot are true: its clock, cut to whole seconds.
    pub fn segment_clock(&self) -> Timestamp {
        self.state().memberships.clock
    }

    /// Whether there are or were segments, so that the clock changes something.
    pub fn has_segments(&self) -> bool {
        super::telling::has_segments(self.state())
    }

    /// The segments in force, by name.
    pub fn segments(&self) -> Vec<Segment> {
        let state = self.state();
        let behind = behind_stalled(state);
        state.segment_rules().map(|saved| told(state, saved, &behind)).collect()
    }

    /// The computed traits in force, by name.
    pub fn computed_traits(&self) -> Vec<ComputedTrait> {
        let state = self.state();
        let shown = state.computed_traits().map(|saved| ComputedTrait {
            name: saved.name.clone(),
            version: saved.version,
            value: saved.says.value.clone(),
            description: saved.says.description.clone(),
            stalled: prepared_trait(&saved.says, state).err().map(|e| e.message().to_owned()),
        });
        shown.collect()
    }

    /// A segment.
    ///
    /// # Errors
    /// `NotFound`, with the nearest name.
    pub fn segment(&self, name: &str) -> Result<Segment> {
        let state = self.state();
        named(state, name).map(|saved| told(state, saved, &behind_stalled(state)))
    }

    /// How many profiles are in a segment.
    ///
    /// # Errors
    /// As `segment`.
    pub fn segment_count(&self, name: &str) -> Result<u64> {
        self.membership(name).map(|segment| segment.members.count())
    }

    /// Whether the profile that holds an identifier is in a segment; nothing when there is no such profile.
    ///
    /// # Errors
    /// As `segment`; `Corrupt`.
    pub fn in_segment(&self, name: &str, namespace: &str, value: &str) -> Result<Option<bool>> {
        self.membership(name)?;
        self.reading(|state| {
            let found = identifier_of(namespace, value).map(|named| state.find(&named));
            let segment = state.memberships.get(name);
            let is = |ordinal| segment.is_some_and(|of| of.members.holds(ordinal));
            Ok(found.transpose()?.flatten().map(is))
        })
    }

    /// The names of the segments that the profile which holds an identifier is in; nothing when there is no such
    /// profile.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn segments_of(&self, namespace: &str, value: &str) -> Result<Option<Vec<String>>> {
        self.reading(|state| {
            let found = identifier_of(namespace, value).map(|named| state.find(&named));
            let names = found.transpose()?.flatten().map(|ordinal| {
                let all = state.memberships.all().filter(|of| of.members.holds(ordinal));
                let mut names: Vec<String> = all.map(|of| of.name.clone()).collect();
                names.sort_unstable();
                names
            });
            Ok(names)
        })
    }

    /// Prepares an audience that is asked of one profile after another.
    ///
    /// # Errors
    /// `Invalid` with a place in the text.
    pub fn prepare(&self, text: &str) -> Result<PreparedAudience> {
        Prepared::new(&self.question(text)?, self.state()).map(PreparedAudience)
    }

    /// Whether a prepared audience holds for the profile that holds an identifier; nothing when there is no such
    /// profile. `now()` is the clock of the snapshot.
    ///
    /// # Errors
    /// `Invalid` when a number or a time overflows; `Corrupt`.
    pub fn holds(
        &self,
        audience: &PreparedAudience,
        namespace: &str,
        value: &str,
    ) -> Result<Option<bool>> {
        self.reading(|state| {
            let reader = state.reader();
            let found = super::profile_view::find(&reader, namespace, value);
            let held = found.map(|ordinal| audience.0.holds(&Person::new(&reader, ordinal)));
            let held = held.transpose()?;
            reader.check().map(|()| held)
        })
    }

    /// What a segment would be: how many would be in it, who would enter and who would leave. `name` is that of the
    /// segment it would take the place of, or a new one.
    ///
    /// # Errors
    /// `Invalid` when it could not be defined so.
    pub fn try_segment(&self, name: &str, audience: &str) -> Result<SegmentTrial> {
        let state = self.state();
        let known = named(state, name).ok();
        let mut trial = state.clone();
        let kept = known.as_ref().map_or(name, |known| &known.name);
        let rule = SegmentRule::asking(audience);
        let version = known.as_ref().map_or(1, |known| known.version + 1);
        super::define::note_alone(&mut trial, &definition_of(kept, &rule), version)?;
        check(state, &trial)?;
        let prepared = Prepared::new(&self.question(audience)?, state)?;
        let about = (state, &self.inner.workers, whole_second(state.clock));
        let would = all_for(&prepared, about)?;
        let is = state.memberships.get(name).map(|segment| segment.members.to_set());
        let is = is.unwrap_or_default();
        let (entering, leaving) = (&would - &is, &is - &would);
        let reader = state.reader();
        let ids = |of: &RoaringBitmap| -> Vec<String> {
            let ids = of.iter().take(SHOWN).filter_map(|o| reader.profile_id(Ordinal(o)));
            ids.map(|id| id.to_string()).collect()
        };
        let trial = SegmentTrial {
            count: would.len(),
            profiles: state.profiles(),
            entered: entering.len(),
            left: leaving.len(),
            members: ids(&would),
            entering: ids(&entering),
            leaving: ids(&leaving),
        };
        reader.check().map(|()| trial)
    }

    /// The public ids of all members of a segment, sorted: those at the position of this view, behind which the feed
    /// goes on.
    ///
    /// # Errors
    /// As `segment`; `Corrupt`.
    pub fn segment_members(&self, name: &str) -> Result<Vec<String>> {
        let known = named(self.state(), name)?;
        let text = format!("in_segment('{}')", known.name.replace('\'', "''"));
        self.members(&text, At::Latest)
    }

    pub(super) fn membership(&self, name: &str) -> Result<&Membership> {
        self.state().memberships.get(name).ok_or_else(|| unknown(name, self.state()))
    }
}

/// An audience that was prepared, for `View::holds`. It fits every later snapshot as long as names and types are the
/// same.
#[derive(Debug, Clone)]
pub struct PreparedAudience(Prepared);

fn told(
    state: &State,
    saved: &Saved<SegmentRule>,
    behind_stalled: &BTreeMap<String, String>,
) -> Segment {
    let name = saved.name.clone();
    let known = state.memberships.get(&name);
    Segment {
        version: saved.version,
        rule: saved.says.clone(),
        count: known.map_or(0, |known| known.members.count()),
        stalled: known.and_then(|known| known.stalled.as_deref().map(str::to_owned)),
        asks_stalled: behind_stalled.get(&name).cloned(),
        name,
    }
}
