//! Sources that are live, held or refused.
//!
//! *Invariants:* a change of state is an entry of the log, so that every fold agrees; holding keeps what was folded
//! before, releasing folds what was held back as if it had come when it came.

use super::expect::key_text;
use super::types::{Receipt, SourceState};
use super::write::{Draft, check_source};
use super::{Inner, Level, Session, Writer, last_before};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::entry::{DefinitionEntry, Entry, Origin};
use crate::state::SOURCE;

impl Session {
    /// Makes a source live, held or refused from now on; it need not have said anything yet. A source that is in the
    /// state already stays as it is. Level sync.
    ///
    /// # Errors
    /// `Invalid` for a bad name; `Closed`, `Io`.
    pub fn set_source(&self, name: &str, state: SourceState, reason: &str) -> Result<Receipt> {
        check_source(name)?;
        let (position, written) = {
            let mut writer = self.inner.writer.lock();
            self.inner.writable(&mut writer)?;
            let before = writer.log.next();
            self.inner.set_source_locked(&mut writer, name, state, reason)?;
            let next = writer.log.next();
            (last_before(next), next.0 - before.0)
        };
        self.inner.reach(position.plus(1), Level::Sync)?;
        Ok(Receipt {
            position,
            level: Level::Sync,
            default_level: Level::Sync,
            written,
            revised: 0,
            duplicates: 0,
            conflicts: 0,
            broken: Vec::new(),
        })
    }
}

impl Inner {
    pub(super) fn set_source_locked(
        &self,
        writer: &mut Writer,
        name: &str,
        state: SourceState,
        reason: &str,
    ) -> Result<()> {
        let hindsight = &writer.fold.state.hindsight;
        let rule = hindsight.source(name);
        if rule.state == state {
            return Ok(());
        }
        let key = key_text(name);
        let known = hindsight.definitions.get(&(SOURCE.to_owned(), key.clone()));
        let version = known.map_or(1, |known| known.version.saturating_add(1));
        let body = known.and_then(|known| known.body.as_deref()).unwrap_or_default();
        let entry = Entry::Definition(DefinitionEntry {
            kind: SOURCE.to_owned(),
            name: key,
            version,
            body: Some(body_with(body, state, reason)),
        });
        writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
        let source = writer.fold.state.catalog.find_source(name).unwrap_or(SourceId(0));
        if state == SourceState::Live && rule.since.is_some() {
            return self.refold_with(writer, vec![entry], source);
        }
        let draft = Draft { entry, source, load: LoadId(0), decoded: None };
        writer.append(vec![draft], Origin::Live)?;
        self.publish(writer)
    }
}

/// The body of a source's definition with another state; what else it says stays.
fn body_with(body: &str, state: SourceState, reason: &str) -> String {
    let mut table: toml::Table = body.parse().unwrap_or_default();
    table.insert("state".to_owned(), toml::Value::String(state.name().to_owned()));
    table.remove("reason");
    if !reason.is_empty() {
        table.insert("reason".to_owned(), toml::Value::String(reason.to_owned()));
    }
    table.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

impl Writer {
    /// Refuses what a refused source says.
    pub(super) fn taken(&self, name: &str) -> Result<()> {
        if self.fold.state.hindsight.source(name).state == SourceState::Refused {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "source '{name}' is refused, and nothing of it was written; \
                     `nave source release` takes it again"
                ),
            ));
        }
        Ok(())
    }

    /// Whether what a source says from now on is held back.
    pub(super) fn held(&self, name: &str) -> bool {
        self.fold.state.hindsight.source(name).holds_back(Position(u64::MAX))
    }
}
