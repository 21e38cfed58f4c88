//! Definitions: what is defined, defining, and what a definition changes.

use super::write::Draft;
use super::{Inner, Level, Session, View, Writer, last_before};
use crate::base::error::{Error, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::value::ValueType;
use crate::catalog::folded;
use crate::definition::{SEGMENT, parse_file, parse_full_name};
use crate::entry::{DefinitionEntry, Entry, Origin, WATERMARK_KIND};
use crate::segment::{Ahead, check as check_saved};
use crate::state::{Fold, Hindsight, State};

/// What is to be defined, and what no longer: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefineRequest {
    /// The definitions, in TOML: each table is one.
    pub text: String,
    /// The names of definitions to drop, such as `trait.country`.
    pub drop: Vec<String>,
    /// Only tell what would change.
    pub dry_run: bool,
}

/// A definition in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// What it defines, such as `trait` or `mapping`.
    pub kind: String,
    /// Its name among those of its kind, as keys of TOML.
    pub name: String,
    /// Its version: 1 for the first.
    pub version: u32,
    /// What it says, in TOML.
    pub body: String,
}

/// What a definition is compared with those in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionChange {
    /// There was none of its name.
    New,
    /// There was another.
    Changed,
    /// There is the same: it is left alone.
    Unchanged,
    /// It is in force no longer.
    Dropped,
}

impl DefinitionChange {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            DefinitionChange::New => "new",
            DefinitionChange::Changed => "changed",
            DefinitionChange::Unchanged => "unchanged",
            DefinitionChange::Dropped => "dropped",
        }
    }
}

/// What became of one definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedOne {
    /// The kind and the name, such as `trait.country`.
    pub name: String,
    /// The version that is in force then, or was dropped.
    pub version: u32,
    /// What changed.
    pub change: DefinitionChange,
}

/// A field whose type is another, or that appears or vanishes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldChange {
    /// Its full name, as keys of TOML: `trait.country`, `property.purchase.amount` or `entity.product.price`.
    pub name: String,
    /// The type before; none when it was not there.
    pub before: Option<ValueType>,
    /// The type after; none when it is there no longer.
    pub after: Option<ValueType>,
}

/// A value, or a record, that goes into quarantine or comes out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineChange {
    /// The text of the value, or the digest of the record.
    pub value: String,
    /// Its field, when it is a value.
    pub field: Option<String>,
    /// Its source.
    pub source: String,
    /// Why it is or was in quarantine.
    pub reason: String,
    /// Its record.
    pub position: Position,
}

/// Profiles whose identifiers are grouped otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegroupedProfiles {
    /// What becomes of them: `joined`, `split` or `rearranged`.
    pub change: String,
    /// The ids before.
    pub before: Vec<String>,
    /// The ids after.
    pub after: Vec<String>,
    /// An identifier of theirs, to look at.
    pub of: String,
}

/// What definitions change in what the store knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefineEffect {
    /// Profiles before and after.
    pub profiles: (u64, u64),
    /// Identifiers before and after.
    pub identifiers: (u64, u64),
    /// Profiles that become one with others.
    pub joined: u64,
    /// Profiles that come apart.
    pub split: u64,
    /// Profiles that change members with others.
    pub rearranged: u64,
    /// The first changes of these kinds.
    pub regrouped: Vec<RegroupedProfiles>,
    /// Event types whose number of events is another: before and after.
    pub events: Vec<(String, u64, u64)>,
    /// Fields whose type is another, or that appear or vanish.
    pub fields: Vec<FieldChange>,
    /// How many values and records go into quarantine.
    pub quarantined: u64,
    /// The first of them.
    pub quarantined_shown: Vec<QuarantineChange>,
    /// How many come out of it.
    pub released: u64,
    /// The first of them.
    pub released_shown: Vec<QuarantineChange>,
}

/// What defining did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefineReport {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The position that covers the definitions; the newest one when nothing was written.
    pub position: Position,
    /// Each definition that was given or dropped.
    pub definitions: Vec<DefinedOne>,
    /// What changes in what the store knows; nothing when the log need not be folded anew.
    pub effect: Option<DefineEffect>,
}

/// Definitions as entries, and what each is compared with those in force.
#[derive(Default)]
struct Changes {
    entries: Vec<Entry>,
    told: Vec<DefinedOne>,
}

impl Changes {
    fn of(request: &DefineRequest, hindsight: &Hindsight) -> Result<Changes> {
        let mut changes = Changes::default();
        let given = parse_file(&request.text)?;
        let kept: Vec<(&str, &str)> = given.iter().map(|g| (g.kind, g.name.as_str())).collect();
        for text in &request.drop {
            let (kind, name) = parse_full_name(text)?;
            if kept.contains(&(kind, name.as_str())) {
                return Err(Error::invalid(format!("{text} is both defined and dropped; choose")));
            }
            let place = (kind.to_owned(), name.clone());
            let known = hindsight.definitions.get(&place).filter(|known| known.body.is_some());
            if known.is_none() {
                return Err(Error::not_found(format!(
                    "there is no definition {text}; `nave define --show` lists them"
                )));
            }
            changes.add(hindsight, kind, name, None);
        }
        for definition in given {
            changes.add(hindsight, definition.kind, definition.name, Some(definition.body));
        }
        Ok(changes)
    }

    fn add(&mut self, hindsight: &Hindsight, kind: &str, name: String, body: Option<String>) {
        let known = hindsight.definitions.get(&(kind.to_owned(), name.clone()));
        let before = known.and_then(|known| known.body.as_ref());
        let change = match (before, &body) {
            (Some(before), Some(body)) if before == body => DefinitionChange::Unchanged,
            (_, None) if before.is_none() => return,
            (_, None) => DefinitionChange::Dropped,
            (None, Some(_)) => DefinitionChange::New,
            (Some(_), Some(_)) => DefinitionChange::Changed,
        };
        let mut version = known.map_or(0, |known| known.version);
        let full = format!("{kind}.{name}");
        if change != DefinitionChange::Unchanged {
            version += 1;
            let kind = kind.to_owned();
            self.entries.push(Entry::Definition(DefinitionEntry { kind, name, version, body }));
        }
        self.told.push(DefinedOne { name: full, version, change });
    }

    /// Those that are written.
    fn drafts(self) -> Vec<Draft> {
        let draft = |entry| Draft { entry, source: SourceId(0), load: LoadId(0), decoded: None };
        self.entries.into_iter().map(draft).collect()
    }
}

impl Session {
    /// Defines, all or nothing, or tells what that would change. Definitions that are in force as they are given are
    /// left alone. They hold for the whole log, which is folded anew; readers go on with what they have, writers wait.
    /// Level sync.
    ///
    /// # Errors
    /// `Invalid` with line and column; `NotFound` when what is to be dropped is not there; `Closed`; `Io`.
    pub fn define(&self, request: &DefineRequest) -> Result<DefineReport> {
        let ahead = self.inner.ask_ahead(request);
        let report = {
            let mut writer = self.inner.writer.lock();
            writer.telling.keeper.ahead = ahead;
            let report = self.inner.define_locked(&mut writer, request);
            writer.telling.keeper.ahead = None;
            report?
        };
        if !request.dry_run {
            self.inner.reach(report.position.plus(1), Level::Sync)?;
        }
        Ok(report)
    }
}

impl View {
    /// The definitions in force, by kind and name.
    pub fn definitions(&self) -> Vec<Definition> {
        let written = self.state().hindsight.definitions.values();
        // How far a query was read is no definition that somebody writes.
        let written = written.filter(|definition| definition.kind != WATERMARK_KIND);
        let in_force = written.filter_map(|definition| {
            let DefinitionEntry { kind, name, version, body } = definition.clone();
            Some(Definition { kind, name, version, body: body? })
        });
        in_force.collect()
    }

    /// The definitions in force as a file that can be edited and given back. The types that are only inferred are
    /// comments in it, or with `all` definitions like the others.
    pub fn definitions_text(&self, all: bool) -> String {
        let mut text = String::new();
        for Definition { kind, name, version, body } in self.definitions() {
            text.push_str(&format!("# version {version}\n[{kind}.{name}]\n{body}\n"));
        }
        // A definition may leave the type of its field to be inferred: the field is told once.
        let told: Vec<String> = self
            .definitions()
            .iter()
            .map(|Definition { kind, name, .. }| folded(&format!("{kind}.{name}")))
            .collect();
        for (name, value_type) in super::effect::inferred(self.state()) {
            if told.contains(&folded(&name)) {
                continue;
            }
            let mark = if all { "" } else { "# " };
            text.push_str(&format!(
                "# inferred\n{mark}[{name}]\n{mark}type = \"{value_type}\"\n\n"
            ));
        }
        text
    }
}

/// Makes one definition heard in a state that nobody else sees.
///
/// # Errors
/// `Invalid` when it is none.
pub(super) fn note_alone(state: &mut State, text: &str, version: u32) -> Result<()> {
    let mut hindsight = Hindsight::clone(&state.hindsight);
    for given in parse_file(text)? {
        let (kind, name, body) = (given.kind.to_owned(), given.name, Some(given.body));
        let entry = Entry::Definition(DefinitionEntry { kind, name, version, body });
        hindsight.note(&entry, state.end);
    }
    state.set_hindsight(hindsight);
    Ok(())
}

impl Inner {
    /// Asks the rules of new segments of everybody while others write. What is wrong with them is told by those who
    /// define them.
    fn ask_ahead(&self, request: &DefineRequest) -> Option<Ahead> {
        let before = self.snapshot.get();
        let changes = Changes::of(request, &before.state.hindsight).ok()?;
        let of_segments =
            |entry: &Entry| matches!(entry, Entry::Definition(d) if d.kind == SEGMENT);
        if request.dry_run || !changes.entries.iter().any(of_segments) {
            return None;
        }
        let mut hindsight = Hindsight::clone(&before.state.hindsight);
        for entry in &changes.entries {
            if hindsight.note(entry, before.state.end) {
                return None;
            }
        }
        let mut state = before.state.clone();
        state.set_hindsight(hindsight);
        let mut ahead = Ahead::of(state, &before.state, &self.workers).ok()??;
        // What came meanwhile is little; what comes while this is followed is less.
        let newest = self.snapshot.get();
        let follows = ahead.follow(&newest.state, newest.state.clock, &self.workers);
        follows.is_ok_and(|follows| follows).then_some(ahead)
    }

    fn define_locked(&self, writer: &mut Writer, request: &DefineRequest) -> Result<DefineReport> {
        self.writable(writer)?;
        let mut changes = Changes::of(request, &writer.fold.state.hindsight)?;
        let mut hindsight = Hindsight::clone(&writer.fold.state.hindsight);
        let mut heard = false;
        for (index, entry) in changes.entries.iter().enumerate() {
            heard |= hindsight.note(entry, writer.log.next().plus(index as u64));
        }
        if let Some(clash) = hindsight.compiled().clashes().into_iter().next() {
            return Err(Error::invalid(clash));
        }
        let definitions = std::mem::take(&mut changes.told);
        let mut report = DefineReport {
            dry_run: request.dry_run,
            position: last_before(writer.log.next()),
            definitions,
            effect: None,
        };
        if changes.entries.is_empty() {
            return Ok(report);
        }
        if heard {
            self.publish(writer)?;
            let mut fold = self.fold_beside(writer, hindsight)?;
            let unknown = fold.state.definitions().unknown(&fold.state.catalog);
            let unknown = unknown.map_or(Ok(()), |unknown| Err(Error::invalid(unknown)));
            let checked = unknown.and_then(|()| check_saved(&writer.fold.state, &fold.state));
            if let Err(e) = checked {
                self.discard(writer, fold);
                return Err(e);
            }
            fold.freeze()?;
            report.effect = Some(super::effect::compare(&writer.fold.state, &fold.state)?);
            if request.dry_run {
                self.discard(writer, fold);
                return Ok(report);
            }
            writer.log.advance_clock(self.clock.now());
            self.take_fold(writer, fold, changes.drafts())?;
        } else if let Some(unknown) = hindsight.compiled().unknown(&writer.fold.state.catalog) {
            return Err(Error::invalid(unknown));
        } else {
            let mut trial = writer.fold.state.clone();
            trial.set_hindsight(hindsight);
            check_saved(&writer.fold.state, &trial)?;
            if !request.dry_run {
                writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
                writer.append(changes.drafts(), Origin::Correction)?;
                self.publish(writer)?;
            }
        }
        if !request.dry_run {
            report.position = last_before(writer.log.next());
        }
        Ok(report)
    }

    /// Removes the files of a fold that nobody takes over. One that cannot be removed now goes with the next
    /// checkpoint.
    fn discard(&self, writer: &Writer, fold: Fold) {
        let kept = writer.fold.state.files();
        let made = fold.state.files();
        drop(fold);
        for name in made.iter().filter(|name| !kept.contains(name)) {
            let _ = self.dir.remove(name);
        }
    }
}
