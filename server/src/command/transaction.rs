//! MULTI, EXEC, DISCARD: requests that are sent together and run in order.
//!
//! *Invariant:* the connection's session holds the queue and, after EXEC, hands it to the
//! connection, which runs and answers the requests one by one. *Where to start reading:* `exec`.

use super::{Call, Failure, Outcome};
use crate::resp::Reply;

/// `MULTI`
pub(super) fn multi(call: &mut Call<'_>) -> Outcome {
    if call.session.begin_queue() {
        Ok(Reply::Simple("OK"))
    } else {
        Err(Failure::err("MULTI calls can not be nested"))
    }
}

/// `EXEC`. The reply is only seen when nothing was queued.
pub(super) fn exec(call: &mut Call<'_>) -> Outcome {
    match call.session.release_queue() {
        None => Err(Failure::err("EXEC without MULTI")),
        Some(false) => {
            Err(Failure::new("EXECABORT", "Transaction discarded because of previous errors."))
        }
        Some(true) => Ok(Reply::Array(Vec::new())),
    }
}

/// `DISCARD`
pub(super) fn discard(call: &mut Call<'_>) -> Outcome {
    if call.session.drop_queue() {
        Ok(Reply::Simple("OK"))
    } else {
        Err(Failure::err("DISCARD without MULTI"))
    }
}
