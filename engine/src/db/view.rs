//! Views: questions to one snapshot.

use super::answers::ProfileExplanation;
use super::lookup::{Found, Lookup};
use super::publish::Snapshot;
use super::types::{At, Explanation, Golden, Profile, Stats, TimelineEvent};
use super::{Inner, last_before};
use crate::audience::{Answer, Question, Table, ask, count, explain, gives_a_table};
use crate::base::error::{ErrorKind, Result};
use crate::base::ids::{Ordinal, Position};
use crate::base::patience::{Cancel, Patience};
use crate::base::time::Timestamp;
use crate::base::value::Value;
use crate::entry::Shape;
use crate::record::given_back;
use crate::state::{Fold, State};
use std::sync::Arc;
use std::time::Duration;

/// One snapshot of a store: it never changes. A clone is the same snapshot.
#[derive(Clone)]
pub struct View {
    pub(super) inner: Arc<Inner>,
    snapshot: Arc<Snapshot>,
    /// Whether the holder of the writer flushed the log for this view.
    flushed: bool,
}

impl View {
    pub(super) fn new(inner: Arc<Inner>) -> View {
        let snapshot = inner.snapshot.get();
        View { inner, snapshot, flushed: false }
    }

    /// The view of a transaction, which holds the writer and has flushed the log.
    pub(super) fn inside(inner: Arc<Inner>) -> View {
        View { flushed: true, ..View::new(inner) }
    }

    /// The same snapshot, whose questions have so long for their answers, from now on, all together. What a question
    /// finds for all others too, such as an index that nobody asked for yet, it finishes first.
    pub fn within(&self, most: Duration) -> View {
        self.patient(self.state().patience.clone().within(most))
    }

    /// The same snapshot, whose questions end when somebody cancels.
    pub fn until(&self, cancel: &Cancel) -> View {
        self.patient(self.state().patience.clone().until(cancel))
    }

    fn patient(&self, patience: Patience) -> View {
        let state = self.state().patient(patience);
        View { snapshot: Arc::new(Snapshot { state }), ..self.clone() }
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
        let (question, workers) = (self.question(text)?, &self.inner.workers);
        self.asked(at, |state, now| count(state, workers, &question, now))
    }

    /// The public ids of the profiles that an audience selects, sorted.
    ///
    /// # Errors
    /// As `count`.
    pub fn members(&self, text: &str, at: At) -> Result<Vec<String>> {
        let (question, workers) = (self.question(text)?, &self.inner.workers);
        self.asked(at, |state, now| {
            let answer = counted(ask(state, workers, &question, now)?)?;
            let reader = state.reader();
            let ordinals = answer.ordinals.iter().take_while(|_| reader.keeps_pace());
            let ids = ordinals.filter_map(|o| reader.profile_id(Ordinal(o)));
            let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            ids.sort_unstable();
            reader.check().map(|()| ids)
        })
    }

    /// How an audience is answered: the whole text, the text for a warehouse, the steps, and what each step looked at
    /// and selected.
    ///
    /// # Errors
    /// As `count`.
    pub fn explain(&self, text: &str, at: At) -> Result<Explanation> {
        let (question, workers) = (self.question(text)?, &self.inner.workers);
        let found = self.asked(at, |state, now| explain(state, workers, &question, now))?;
        let plan = found.steps.iter().map(ToString::to_string).collect();
        let count = found.count;
        Ok(Explanation { text: found.text, sql: found.sql, plan, steps: found.steps, count })
    }

    /// The table of a statement: columns of profiles, or aggregates of groups; a predicate gives its count.
    ///
    /// # Errors
    /// As `count`.
    pub fn query(&self, text: &str, at: At) -> Result<Table> {
        let (question, workers) = (self.question(text)?, &self.inner.workers);
        let answer = self.asked(at, |state, now| ask(state, workers, &question, now))?;
        let count = i64::try_from(answer.ordinals.len()).unwrap_or(i64::MAX);
        Ok(answer.table.unwrap_or_else(|| Table {
            columns: vec![question.heading.clone()],
            rows: vec![vec![Some(Value::Integer(count))]],
        }))
    }

    /// Asks a state at a moment: what is read is from the state that is given.
    pub(super) fn asked<T>(
        &self,
        at: At,
        ask: impl Fn(&State, Timestamp) -> Result<T>,
    ) -> Result<T> {
        self.state().patience.check()?;
        match at {
            At::Latest => self.reading(|state| ask(state, self.clock())),
            At::Now(now) => self.reading(|state| ask(state, now)),
            At::AsOf(time) => {
                let state = self.past(time)?;
                ask(&state.patient(self.state().patience.clone()), time)
            }
        }
    }

    /// The question of a text, parsed now or before.
    pub(super) fn question(&self, text: &str) -> Result<Arc<Question>> {
        self.inner.plans.get(text)
    }

    /// Reads the snapshot. A part that does not hold is made anew from the log, unless that was done already; when
    /// nothing was written meanwhile, the new state is this snapshot again.
    pub(super) fn reading<T>(&self, read: impl Fn(&State) -> Result<T>) -> Result<T> {
        let is_damage =
            |found: &Result<T>| matches!(found, Err(e) if e.kind() == ErrorKind::Corrupt);
        let found = read(self.state());
        // A state of the past is in memory alone, and no newer one stands for it.
        if !is_damage(&found) || self.state().is_past() {
            return found;
        }
        for heal in [false, true] {
            if heal {
                self.inner.heal();
            }
            let newest = self.inner.snapshot.get();
            if Arc::ptr_eq(&newest, &self.snapshot) {
                continue;
            }
            let again = match &self.state().patience {
                patience if patience.is_endless() => read(&newest.state),
                patience => read(&newest.state.patient(patience.clone())),
            };
            if !is_damage(&again) {
                return if newest.state.end == self.state().end { again } else { found };
            }
        }
        found
    }

    /// The state as of a time: the log folded again without what happened later.
    pub(super) fn past(&self, time: Timestamp) -> Result<Arc<State>> {
        let end = self.state().end;
        if let Some((known, at, state)) = self.inner.past.lock().as_ref()
            && (*known, *at) == (end, time)
        {
            return Ok(Arc::clone(state));
        }
        self.flush()?;
        let mut fold = Fold::as_of(self.state(), time);
        fold.state.patience = self.state().patience.clone();
        let spill = (None, self.inner.open_bytes);
        super::open::fold_into(&self.inner.reader, end, &mut fold, spill)?;
        fold.freeze()?;
        let state = Arc::new(fold.state.patient(Patience::default()));
        *self.inner.past.lock() = Some((end, time, Arc::clone(&state)));
        Ok(state)
    }

    /// Hands what the writer holds in memory to the system, so that it can be read from the log.
    pub(super) fn flush(&self) -> Result<()> {
        if self.flushed {
            return Ok(());
        }
        let mut writer = self.inner.writer.lock();
        if writer.closed || writer.log.writable().is_err() { Ok(()) } else { writer.log.flush() }
    }

    /// The view of what was so at a time: what happened later is hidden, and `now()` is that time. The log is folded
    /// again for it, in memory; the last such state is kept.
    ///
    /// # Errors
    /// `Corrupt` when the log does not hold; `Io`.
    pub fn as_of(&self, time: Timestamp) -> Result<View> {
        let mut state = State::clone(self.past(time)?.as_ref());
        (state.clock, state.patience) = (time, self.state().patience.clone());
        let snapshot = Arc::new(Snapshot { state });
        Ok(View { inner: Arc::clone(&self.inner), snapshot, flushed: self.flushed })
    }

    /// The profile that holds an identifier.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn profile(&self, namespace: &str, value: &str) -> Result<Option<Profile>> {
        self.reading(|state| super::profile_view::profile(state, namespace, value))
    }

    /// The golden record of the profile that holds an identifier: what `profile` gives, without looking at events,
    /// consents, groups and computed traits.
    ///
    /// # Errors
    /// As `profile`.
    pub fn golden(&self, namespace: &str, value: &str) -> Result<Option<Golden>> {
        self.reading(|state| super::profile_view::golden(state, namespace, value))
    }

    /// The events of the profile that holds an identifier, the oldest first.
    ///
    /// # Errors
    /// As `profile`.
    pub fn timeline(&self, namespace: &str, value: &str) -> Result<Option<Vec<TimelineEvent>>> {
        self.reading(|state| super::profile_view::timeline(state, namespace, value))
    }

    /// Why each trait of the profile that holds an identifier has its value.
    ///
    /// # Errors
    /// As `profile`.
    pub fn explain_profile(
        &self,
        namespace: &str,
        value: &str,
    ) -> Result<Option<ProfileExplanation>> {
        self.reading(|state| super::provenance::explanation(state, namespace, value))
    }

    /// The bytes of a record as its source sent them, by its message id (or the generated one). A row of typed columns,
    /// such as one of a Parquet file, is given as a JSON object.
    ///
    /// # Errors
    /// `Corrupt` when its frame does not hold; `Io`.
    pub fn record(&self, source: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        self.flush()?;
        let seen = self.inner.seen.read();
        let lookup = Lookup { seen: &seen, reader: &self.inner.reader, state: self.state() };
        let Some((position, Found::Row(original))) =
            lookup.message(source, message_id, &mut None)?
        else {
            return Ok(None);
        };
        let load = self.inner.reader.frame_at(position)?.header.load;
        let info = self.state().loads.get(&load);
        Ok(Some(match info.map(|info| info.shape.as_ref()) {
            Some(Shape::File(shape)) => given_back(shape, original),
            _ => original,
        }))
    }

    /// One hexadecimal word for all logical state; see `docs/format.md`.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn digest(&self) -> Result<String> {
        self.reading(State::digest)
    }

    /// What the store holds.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn stats(&self) -> Result<Stats> {
        self.reading(|state| self.stats_of(state))
    }
}

/// An answer that is a set of profiles, not a table.
fn counted(answer: Answer) -> Result<Answer> {
    if answer.table.is_some() {
        return Err(gives_a_table());
    }
    Ok(answer)
}
