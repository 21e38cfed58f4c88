//! Looking at the quarantine.
//!
//! *Invariants:* nothing is decided here; a page is bounded. *Where to start reading:* `list`.

use super::options::Options;
use super::{Call, Outcome};
use crate::care;
use navedb::{Position, QuarantineRequest};

/// `QUARANTINE.COUNT`
pub(super) fn count(call: &mut Call<'_>) -> Outcome {
    Ok(care::quarantine_counts(&call.server.view().quarantine_counts()?))
}

/// `QUARANTINE.LIST [SOURCE name] [KIND kind] [FIELD name] [LIMIT n] [AFTER position]`
pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let mut request = QuarantineRequest::default();
    let mut options = Options::new(call, 0);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "SOURCE" => request.source = Some(options.value()?.to_owned()),
            "KIND" => request.kind = Some(options.value()?.to_ascii_lowercase().parse()?),
            "FIELD" => request.field = Some(options.value()?.to_owned()),
            "LIMIT" => request.limit = options.number()?,
            "AFTER" => request.after = Some(Position(options.number()? as u64)),
            _ => return Err(options.unexpected()),
        }
    }
    Ok(care::quarantine(&call.server.view().quarantine(&request)?))
}
