//! Sources: their states, and how good what they say is.
//!
//! *Invariants:* nothing is decided here; what changes something is asked for by name. *Where to
//! start reading:* `set`.

use super::options::Options;
use super::{Call, Outcome};
use crate::resp::Reply;
use crate::{care, shape};
use navedb::QualityRequest;

/// `SOURCE.LIST`
pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    Ok(shape::sources(&call.server.view().stats()?.sources))
}

/// `SOURCE.SET name live|held|refused [REASON text]`
pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    let (name, state) = (call.text(0)?, call.text(1)?.to_ascii_lowercase().parse()?);
    let mut reason = "";
    let mut options = Options::new(call, 2);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "REASON" => reason = options.value()?,
            _ => return Err(options.unexpected()),
        }
    }
    Ok(shape::receipt(&call.server.store().set_source(name, state, reason)?))
}

/// `QUALITY [SOURCE name] [DAYS n] [CHECK]`
pub(super) fn quality(call: &mut Call<'_>) -> Outcome {
    let mut request = QualityRequest::default();
    let mut check = false;
    let mut options = Options::new(call, 0);
    while let Some(word) = options.word()? {
        match word.as_str() {
            "SOURCE" => request.source = Some(options.value()?.to_owned()),
            "DAYS" => {
                let days = options.number()?;
                let days = u32::try_from(days).unwrap_or(u32::MAX);
                request.days = days;
            }
            "CHECK" => check = true,
            _ => return Err(options.unexpected()),
        }
    }
    // So that the clock, and with it today, is that of now.
    let view = call.server.view();
    let (quality, held) = if check {
        call.server.store().check_quality(&request)?
    } else {
        (view.quality(&request)?, Vec::new())
    };
    let mut told = care::quality(&quality);
    if let (true, Reply::Map(fields)) = (check, &mut told) {
        let held = Reply::list(&held, |name| Reply::from(name.as_str()));
        fields.push((Reply::from("held"), held));
    }
    Ok(told)
}
