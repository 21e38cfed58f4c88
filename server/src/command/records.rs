//! Writing records and asking about profiles: the commands that reach the database.
//!
//! *Invariants:* nothing is decided here; a write promises a level, and its reply waits for it.
//! *Where to start reading:* `put`.

use super::{Call, Failure, Outcome, shown};
use crate::net::Promise;
use crate::resp::Reply;
use crate::shape;
use navedb::{Batch, Level, Record};

/// `RECORD.PUT source json [level] [REVISE]`
///
/// The write itself waits for nothing; the connection keeps the reply back until the level is
/// reached, so that the records of a pipeline share one sync.
pub(super) fn put(call: &mut Call<'_>) -> Outcome {
    let source = call.text(0)?;
    let revises = |index| call.bytes(index).eq_ignore_ascii_case(b"REVISE");
    let (level, revise) = match call.args.len() {
        0..=2 => (None, false),
        3 if revises(2) => (None, true),
        3 => (Some(call.text(2)?.to_ascii_lowercase().parse()?), false),
        _ if revises(3) => (Some(call.text(2)?.to_ascii_lowercase().parse()?), true),
        _ => {
            let word = shown(call.bytes(3));
            return Err(Failure::err(format!("syntax error: '{word}' is not understood here")));
        }
    };
    let record = Record::message(source, call.bytes(1));
    let batch = Batch::new().record(record).level(Level::Memory);
    let batch = if revise { batch.revise() } else { batch };
    let receipt = call.server.store().write(batch)?;
    let level = level.unwrap_or(receipt.default_level);
    call.session.promise(Promise { position: receipt.position, level });
    if let Some(broken) = receipt.broken.first() {
        return Err(Failure::new("BROKEN", &broken.reason));
    }
    let status = match (receipt.revised, receipt.written, receipt.duplicates) {
        (1.., ..) => "revised",
        (0, 1.., _) => "written",
        (0, 0, 1..) => "duplicate",
        (0, 0, 0) => "conflict",
    };
    Ok(Reply::map([
        ("position", Reply::count(receipt.position.0)),
        ("level", Reply::from(level.to_string())),
        ("status", Reply::from(status)),
    ]))
}

/// `PROFILE.GET namespace value`
pub(super) fn profile_get(call: &mut Call<'_>) -> Outcome {
    let (namespace, value) = (call.text(0)?, call.text(1)?);
    let found = call.server.store().view().profile(namespace, value)?;
    Ok(found.as_ref().map_or(Reply::Null, shape::profile))
}

/// `PROFILE.GOLDEN namespace value`
pub(super) fn profile_golden(call: &mut Call<'_>) -> Outcome {
    let (namespace, value) = (call.text(0)?, call.text(1)?);
    let found = call.server.store().view().golden(namespace, value)?;
    Ok(found.as_ref().map_or(Reply::Null, shape::golden))
}

/// `PROFILE.EXPLAIN namespace value`
pub(super) fn profile_explain(call: &mut Call<'_>) -> Outcome {
    let (namespace, value) = (call.text(0)?, call.text(1)?);
    let found = call.server.store().view().explain_profile(namespace, value)?;
    Ok(found.as_ref().map_or(Reply::Null, shape::profile_explanation))
}

/// `STATS`
pub(super) fn stats(call: &mut Call<'_>) -> Outcome {
    Ok(shape::stats(&call.server.view().stats()?))
}
