//! What could not be folded: counted, listed page by page, and decided.
//!
//! *Invariants:* quarantine is a fold of the log, so nothing is taken out of it by hand: a decision is rows that are
//! written again under their message ids, and the withdrawal of those that they replace, in one batch; whatever can be
//! read since a definition or the program changed leaves it when the log is folded anew. A page is bounded, however
//! much there is.

use super::lookup::{given_key, sent};
use super::quality_types::{
    Accept, QuarantineCount, QuarantineItem, QuarantinePage, QuarantineRequest, ReplayReport,
};
use super::retract::log_row;
use super::sift::BatchKeys;
use super::view::View;
use super::write::Draft;
use super::{Inner, Level, Session, Writer, last_before};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::limits::{
    LOAD_FRAME_BYTES, LOAD_FRAME_ROWS, MEMBERS_MAX, QUARANTINE_GROUPS_MAX, QUARANTINE_SHOWN_BYTES,
};
use crate::catalog::folded;
use crate::entry::{Entry, Origin, RecordsEntry, Row, RowStatus, Shape};
use crate::record::decode;
use crate::state::{QuarantineKind, Quarantined, Reader, State};
use std::collections::{BTreeMap, BinaryHeap};

/// What stands for all reasons beyond the limit.
const OTHERS: &str = "other reasons";

/// Whether an item is wanted.
fn wanted(state: &State, request: &QuarantineRequest, item: &Quarantined) -> bool {
    let named = |field: &String| {
        let (wanted, known) = (folded(field), item.field.as_deref().map(folded));
        let whole = field_name(item).map(|name| folded(&name));
        known.as_deref() == Some(&wanted) || whole.as_deref() == Some(&wanted)
    };
    let source = state.catalog.source_name(item.source);
    request.source.as_ref().is_none_or(|name| name == source)
        && request.kind.is_none_or(|kind| kind == item.kind)
        && request.field.as_ref().is_none_or(named)
        && request.after.is_none_or(|after| item.position > after)
}

/// The field of a value, with its event or entity type before it.
fn field_name(item: &Quarantined) -> Option<String> {
    let field = item.field.as_deref()?;
    Some(match &item.event {
        Some(event) => format!("{event}.{field}"),
        None => field.to_owned(),
    })
}

/// How much is in quarantine, by source, kind, and field or reason.
fn counts(reader: &Reader<'_>) -> Result<Vec<QuarantineCount>> {
    let mut groups: BTreeMap<(SourceId, QuarantineKind, String), u64> = BTreeMap::new();
    for item in reader.quarantine() {
        let about = field_name(&item).unwrap_or(item.reason);
        let key = (item.source, item.kind, about);
        let key = if groups.len() < QUARANTINE_GROUPS_MAX || groups.contains_key(&key) {
            key
        } else {
            (item.source, item.kind, OTHERS.to_owned())
        };
        *groups.entry(key).or_default() += 1;
    }
    reader.check()?;
    let counts = groups.into_iter().map(|((source, kind, about), count)| QuarantineCount {
        source: reader.state.catalog.source_name(source).to_owned(),
        kind,
        about,
        count,
    });
    let mut counts: Vec<QuarantineCount> = counts.collect();
    counts.sort_unstable_by(|a, b| {
        let key = |c: &QuarantineCount| (c.source.clone(), c.kind, c.about.clone());
        key(a).cmp(&key(b))
    });
    Ok(counts)
}

/// The items of one page in the order of the log: as many as were asked for, and the rest of the last one's record.
/// Says whether there are more.
fn page(state: &State, request: &QuarantineRequest) -> Result<(Vec<Quarantined>, bool)> {
    let reader = state.reader();
    let mut first: BinaryHeap<Position> = BinaryHeap::new();
    for item in reader.quarantine().filter(|item| wanted(state, request, item)) {
        first.push(item.position);
        if first.len() > request.limit {
            first.pop();
        }
    }
    let Some(last) = first.peek().copied() else {
        return reader.check().map(|()| (Vec::new(), false));
    };
    let mut more = false;
    let mut items = Vec::new();
    for item in reader.quarantine().filter(|item| wanted(state, request, item)) {
        if item.position > last {
            more = true;
        } else {
            items.push(item);
        }
    }
    items.sort_by_key(|item| item.position);
    reader.check().map(|()| (items, more))
}

impl View {
    /// How much is in quarantine, by source, kind, and field or reason, sorted.
    ///
    /// # Errors
    /// `Corrupt` when a part does not hold.
    pub fn quarantine_counts(&self) -> Result<Vec<QuarantineCount>> {
        self.reading(|state| counts(&state.reader()))
    }

    /// A page of what is in quarantine, in the order of the log. All that is in quarantine of one record is in one
    /// page.
    ///
    /// # Errors
    /// `Limit` when the page is too large; `NotFound` for an unknown source; `Corrupt` when a part or the log does not
    /// hold.
    pub fn quarantine(&self, request: &QuarantineRequest) -> Result<QuarantinePage> {
        if request.limit == 0 || request.limit > MEMBERS_MAX {
            return Err(Error::limit(format!("a page has 1 to {MEMBERS_MAX} items")));
        }
        if let Some(name) = &request.source
            && self.state().catalog.find_source(name).is_none()
        {
            return Err(Error::not_found(format!(
                "there is no source '{name}'; `nave stats` lists the sources"
            )));
        }
        let (found, more) = self.reading(|state| page(state, request))?;
        self.flush()?;
        let next = found.last().map(|item| item.position).filter(|_| more);
        let mut cached = None;
        let mut items = Vec::with_capacity(found.len());
        for item in found {
            let row = log_row(&self.inner.reader, item.position, &mut cached)?;
            let load = row.as_ref().map(|(_, load, _)| *load).filter(|load| load.0 > 0);
            let info = load.and_then(|load| self.state().loads.get(&load));
            let sent = row.as_ref().map(|(_, load, row)| sent(self.state(), *load, row));
            let line = row.as_ref().map(|(_, _, row)| row.line).filter(|line| *line > 0);
            let value = match item.kind {
                QuarantineKind::Value => shortened(item.text.as_bytes()),
                _ => sent.map(shortened).unwrap_or_default(),
            };
            items.push(QuarantineItem {
                position: item.position,
                source: self.state().catalog.source_name(item.source).to_owned(),
                kind: item.kind,
                load,
                file: info.map(|info| info.file.clone()),
                line,
                field: field_name(&item),
                value,
                reason: item.reason,
                time: item.time,
            });
        }
        Ok(QuarantinePage { items, next })
    }
}

/// The beginning of a text, whole characters.
fn shortened(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..QUARANTINE_SHOWN_BYTES).unwrap_or(bytes));
    text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
}

impl Session {
    /// Tries what is in quarantine again. Conflicts whose message id is free by now, and those that are to be accepted,
    /// are written again under it, in the order of the log, and take the place of what has it; then the log is folded
    /// anew, so that whatever can be read since a definition or the program changed leaves the quarantine. Level sync.
    ///
    /// # Errors
    /// `NotFound` when no conflict waits at the position that is to be accepted; `Closed`, `Io`.
    pub fn replay(&self, accept: Accept) -> Result<ReplayReport> {
        let report = {
            let mut writer = self.inner.writer.lock();
            self.inner.replay_locked(&mut writer, accept)?
        };
        self.inner.reach(report.position.plus(1), Level::Sync)?;
        Ok(report)
    }
}

/// Rows that were decided and are not in the log yet: all of one source and load.
#[derive(Default)]
struct Decided {
    source: SourceId,
    load: LoadId,
    rows: Vec<Row>,
    bytes: usize,
    replaced: Vec<Position>,
    batch: BatchKeys,
}

impl Inner {
    fn replay_locked(&self, writer: &mut Writer, accept: Accept) -> Result<ReplayReport> {
        self.writable(writer)?;
        writer.fold.state.clock = writer.log.advance_clock(self.clock.now());
        writer.log.flush()?;
        self.publish(writer)?;
        let state = writer.fold.state.clone();
        let before = state.counts.clone();
        let all = before.conflicts + before.broken + before.values;
        let mut report = ReplayReport { before: all, ..ReplayReport::default() };
        if let Accept::One(position) = accept {
            self.check_conflict(&state, position)?;
        }
        let mut decided = Decided::default();
        let mut request = QuarantineRequest {
            kind: Some(QuarantineKind::Conflict),
            limit: LOAD_FRAME_ROWS,
            ..QuarantineRequest::default()
        };
        loop {
            let (items, more) = page(&state, &request)?;
            let mut cached = None;
            for item in &items {
                let Some((source, load, row)) = log_row(&self.reader, item.position, &mut cached)?
                else {
                    continue;
                };
                let take = accept == Accept::AllConflicts || accept == Accept::One(item.position);
                if (source, load) != (decided.source, decided.load)
                    || decided.rows.len() >= LOAD_FRAME_ROWS
                    || decided.bytes >= LOAD_FRAME_BYTES
                {
                    self.append_decided(writer, &mut decided)?;
                    (decided.source, decided.load) = (source, load);
                }
                report.accepted += self.decide(writer, &mut decided, (item.position, row), take)?;
            }
            request.after = items.last().map(|item| item.position);
            if !more {
                break;
            }
        }
        self.append_decided(writer, &mut decided)?;
        if all > 0 {
            self.fold_again(writer)?;
        }
        self.publish(writer)?;
        let after = &writer.fold.state;
        report.left = counts(&after.reader())?;
        report.position = last_before(writer.log.next());
        Ok(report)
    }

    fn check_conflict(&self, state: &State, position: Position) -> Result<()> {
        let row = match log_row(&self.reader, position, &mut None) {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            other => other?,
        };
        let waits = row.is_some_and(|(source, load, row)| {
            row.status == RowStatus::Conflict
                && !state.hindsight.retracted.holds(source, load, position)
        });
        if waits {
            return Ok(());
        }
        Err(Error::not_found(format!(
            "no conflict waits at position {position}; `nave quarantine list --kind conflict` lists \
             them"
        )))
    }

    /// Decides a conflict, if it can be; gives how many rows are accepted.
    fn decide(
        &self,
        writer: &mut Writer,
        decided: &mut Decided,
        (position, row): (Position, Row),
        take: bool,
    ) -> Result<u64> {
        let state = writer.fold.state.clone();
        let shape = match decided.load {
            LoadId(0) => None,
            load => match state.loads.get(&load) {
                Some(info) => Some(std::sync::Arc::clone(&info.shape)),
                None => return Ok(0),
            },
        };
        let read = decode(shape.as_deref().unwrap_or(&Shape::Message), &row.original);
        let Some(id) = read.ok().and_then(|record| record.message_id) else { return Ok(0) };
        let key = given_key(state.catalog.source_name(decided.source), &id);
        let at = writer.log.next().plus(decided.rows.len() as u64);
        let batch = Some(&mut decided.batch);
        let sifted = writer.sift_row(key, sent(&state, decided.load, &row), batch, (at, take))?;
        if sifted.conflict {
            return Ok(0);
        }
        decided.replaced.extend(sifted.replaced);
        decided.replaced.push(position);
        if let Some((key, status)) = sifted.new {
            decided.bytes += row.original.len() + 64;
            decided.rows.push(Row { key, status, ..row });
        }
        Ok(1)
    }

    fn append_decided(&self, writer: &mut Writer, decided: &mut Decided) -> Result<()> {
        let Decided { source, load, rows, replaced, .. } = std::mem::take(decided);
        (decided.source, decided.load) = (source, load);
        if replaced.is_empty() {
            return Ok(());
        }
        let mut drafts = Vec::new();
        if !rows.is_empty() {
            let entry = Entry::Records(RecordsEntry { rows });
            drafts.push(Draft { entry, source, load, decoded: None });
        }
        let (withdrawn, gone) = self.draft_replaced(writer, replaced, source, load)?;
        drafts.extend(withdrawn);
        writer.append(drafts, Origin::Correction)?;
        writer.note_gone(&gone);
        self.writable(writer)?;
        writer.log.flush()
    }
}
