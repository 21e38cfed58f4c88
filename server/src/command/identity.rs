//! Asking who is one person, and why.
//!
//! *Invariant:* nothing is decided here: decisions are records, which RECORD.PUT writes. *Where to start
//! reading:* `why`.

use super::{Call, Outcome};
use crate::identity;
use crate::resp::Reply;

/// `IDENTITY WHY namespace value namespace value`
pub(super) fn why(call: &mut Call<'_>) -> Outcome {
    let (left, right) = ((call.text(0)?, call.text(1)?), (call.text(2)?, call.text(3)?));
    Ok(identity::answer(&call.server.view().identity(left, right)?))
}

/// `IDENTITY CLUSTER namespace value`
pub(super) fn cluster(call: &mut Call<'_>) -> Outcome {
    let of = (call.text(0)?, call.text(1)?);
    Ok(identity::cluster(&call.server.view().identity_cluster(of)?))
}

/// `IDENTITY HISTORY namespace value`
pub(super) fn history(call: &mut Call<'_>) -> Outcome {
    let of = (call.text(0)?, call.text(1)?);
    Ok(identity::history(&call.server.view().identity_history(of)?))
}

/// `IDENTITY RULES`
pub(super) fn rules(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::from(call.server.view().identity_rules().as_str()))
}
