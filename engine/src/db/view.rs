//! Views: questions to one snapshot.

use super::lookup::{Found, Lookup};
use super::types::{At, Explanation, LoadStats, Profile, SourceStats, Stats, TimelineEvent};
use super::{Inner, Snapshot, last_before};
use crate::audience::{Answer, Table, ask};
use crate::base::error::{Error, Result};
use crate::base::ids::{Ordinal, Position};
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::state::{DERIVED, State};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One snapshot of a store: it never changes. A clone is the same snapshot.
#[derive(Clone)]
pub struct View {
    inner: Arc<Inner>,
    snapshot: Arc<Snapshot>,
    /// Whether the holder of the writer flushed the log for this view.
    flushed: bool,
}

impl View {
    pub(super) fn new(inner: Arc<Inner>) -> View {
        let snapshot = inner.snapshot.load_full();
        View { inner, snapshot, flushed: false }
    }

    /// The view of a transaction, which holds the writer and has flushed the log.
    pub(super) fn inside(inner: Arc<Inner>) -> View {
        View { flushed: true, ..View::new(inner) }
    }

    pub(super) fn state(&self) -> &State {
        &self.snapshot.state
    }

    /// The last position that the snapshot holds.
    pub fn position(&self) -> Position {
        last_before(self.state().end)
    }

    /// The engine clock of the snapshot: `now()` unless a question sets it.
    pub fn clock(&self) -> Timestamp {
        self.state().clock
    }

    /// How many profiles an audience selects: a predicate, or `SELECT count(*) FROM profiles p WHERE ...`.
    ///
    /// # Errors
    /// `Invalid` with a place in the text; `Limit`.
    pub fn count(&self, text: &str, at: At) -> Result<u64> {
        Ok(self.counted(text, at)?.1.ordinals.len())
    }

    /// The public ids of the profiles that an audience selects, sorted.
    ///
    /// # Errors
    /// As `count`.
    pub fn members(&self, text: &str, at: At) -> Result<Vec<String>> {
        let (past, answer) = self.counted(text, at)?;
        let state = past.as_deref().unwrap_or(self.state());
        let ids = answer.ordinals.iter().filter_map(|o| state.identity.profile_id(Ordinal(o)));
        let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// How an audience is answered: the whole text, the steps, and how many profiles each step selected.
    ///
    /// # Errors
    /// As `count`.
    pub fn explain(&self, text: &str, at: At) -> Result<Explanation> {
        let (_, answer) = self.answer(text, at)?;
        let count = answer.ordinals.len();
        let plan = answer.steps.iter().map(|step| {
            let indent = "  ".repeat(step.depth);
            match step.asked {
                Some(asked) => format!("{indent}{}: {} of {asked}", step.text, step.selected),
                None => format!("{indent}{}: {} profiles", step.text, step.selected),
            }
        });
        Ok(Explanation { text: answer.text, plan: plan.collect(), count })
    }

    /// The table of a statement: columns of profiles, or aggregates of groups; a predicate gives its count.
    ///
    /// # Errors
    /// As `count`.
    pub fn query(&self, text: &str, at: At) -> Result<Table> {
        let (_, answer) = self.answer(text, at)?;
        let count = i64::try_from(answer.ordinals.len()).unwrap_or(i64::MAX);
        Ok(answer.table.unwrap_or_else(|| Table {
            columns: vec!["count(*)".to_owned()],
            rows: vec![vec![Some(Value::Integer(count))]],
        }))
    }

    /// An answer that is a set of profiles, not a table.
    fn counted(&self, text: &str, at: At) -> Result<(Option<Arc<State>>, Answer)> {
        let found = self.answer(text, at)?;
        if found.1.table.is_some() {
            return Err(Error::invalid(
                "this statement gives a table; ask it with `nave audience query`",
            )
            .at(0));
        }
        Ok(found)
    }

    fn answer(&self, text: &str, at: At) -> Result<(Option<Arc<State>>, Answer)> {
        match at {
            At::Latest => Ok((None, ask(self.state(), text, self.clock())?)),
            At::Now(now) => Ok((None, ask(self.state(), text, now)?)),
            At::AsOf(time) => {
                let past = self.past(time)?;
                let answer = ask(&past, text, time)?;
                Ok((Some(past), answer))
            }
        }
    }

    /// The state as of a time: the log folded again without what happened later.
    fn past(&self, time: Timestamp) -> Result<Arc<State>> {
        let end = self.state().end;
        if let Some((known, at, state)) = self.inner.past.lock().as_ref()
            && (*known, *at) == (end, time)
        {
            return Ok(Arc::clone(state));
        }
        self.flush()?;
        let mut state = self.state().as_of(time);
        super::open::fold_into(&self.inner.reader, end, &mut state)?;
        let state = Arc::new(state);
        *self.inner.past.lock() = Some((end, time, Arc::clone(&state)));
        Ok(state)
    }

    /// Hands what the writer holds in memory to the system, so that it can be read from the log.
    fn flush(&self) -> Result<()> {
        if self.flushed {
            return Ok(());
        }
        let mut writer = self.inner.writer.lock();
        if writer.closed || writer.log.writable().is_err() { Ok(()) } else { writer.log.flush() }
    }

    /// The profile that holds an identifier.
    ///
    /// # Errors
    /// None today; the signature leaves room for access rules.
    pub fn profile(&self, namespace: &str, value: &str) -> Result<Option<Profile>> {
        Ok(super::profile_view::profile(self.state(), namespace, value))
    }

    /// The events of the profile that holds an identifier, the oldest first.
    ///
    /// # Errors
    /// As `profile`.
    pub fn timeline(&self, namespace: &str, value: &str) -> Result<Option<Vec<TimelineEvent>>> {
        Ok(super::profile_view::timeline(self.state(), namespace, value))
    }

    /// The bytes of a record as its source sent them, by its message id (or the generated one).
    ///
    /// # Errors
    /// `Corrupt` when its frame does not hold; `Io`.
    pub fn record(&self, source: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        self.flush()?;
        let seen = self.inner.seen.read();
        let lookup = Lookup { seen: &seen, reader: &self.inner.reader, state: self.state() };
        let found = lookup.message(source, message_id, &mut None)?;
        Ok(found.and_then(|(_, row)| match row {
            Found::Row(original) => Some(original),
            Found::Erased => None,
        }))
    }

    /// One hexadecimal word for all logical state; see `docs/format.md`.
    pub fn digest(&self) -> String {
        self.state().digest()
    }

    /// What the store holds.
    pub fn stats(&self) -> Stats {
        let state = self.state();
        let catalog = &state.catalog;
        let mut events = Vec::new();
        let mut properties = Vec::new();
        let mut lists: u64 = catalog.traits().all().iter().map(|f| f.lists).sum();
        for (number, event) in catalog.events().all().iter().enumerate() {
            let count = state.events.get(number).map_or(0, crate::event::EventTable::len);
            events.push((event.name.clone(), count as u64));
            for field in catalog.properties(number).into_iter().flat_map(|fields| fields.all()) {
                lists += field.lists;
                properties
                    .extend(field.value_type.map(|t| (event.name.clone(), field.name.clone(), t)));
            }
        }
        events.sort_unstable();
        properties.sort_unstable();
        let golden =
            |number| state.golden.get(number).and_then(|g| g.column()).map_or(0, |c| c.count());
        let fields = catalog.traits().all().iter().enumerate();
        let mut traits: Vec<_> =
            fields.filter_map(|(n, f)| Some((f.name.clone(), f.value_type?, golden(n)))).collect();
        traits.sort_unstable();
        let mut quarantine: BTreeMap<&str, u64> = BTreeMap::new();
        for item in state.quarantine.iter() {
            *quarantine.entry(item.kind.name()).or_default() += 1;
        }
        let mut sources: Vec<SourceStats> = state
            .records
            .iter()
            .map(|(id, records)| SourceStats {
                name: catalog.source_name(*id).to_owned(),
                records: *records,
            })
            .collect();
        sources.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let loads = state.loads.iter().map(|(id, info)| LoadStats {
            id: *id,
            source: catalog.source_name(info.source).to_owned(),
            file: info.file.clone(),
            rows: info.rows,
        });
        Stats {
            profiles: state.identity.live().len(),
            identifiers: state.identity.nodes().len() as u64,
            events,
            traits,
            properties,
            sources,
            loads: loads.collect(),
            quarantine: quarantine
                .into_iter()
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect(),
            lists_not_folded: lists,
            position: self.position(),
            durable: last_before(self.inner.durability.durable_end()),
            clock: self.clock(),
            log_bytes: self.inner.reader.bytes(),
            derived_bytes: self.derived_bytes(),
            read_only: self.inner.durability.failure().map(ToString::to_string),
            torn_tails: self.inner.torn_tails,
        }
    }

    fn derived_bytes(&self) -> u64 {
        let dir = self.inner.dir.as_ref();
        let names = dir.list(DERIVED).unwrap_or_default();
        names.iter().filter_map(|name| dir.len(&format!("{DERIVED}/{name}")).ok()).sum()
    }
}
