//! Segments that stay true: after each write and each second, exactly those are members whom the rule holds for.
//!
//! *What it is:* `Rules`, the saved segments in force with what each looks at; `step`, which finds whom a change or the
//! clock may concern, evaluates the rules for them alone and says who enters and who leaves; `Cursors`, which know when
//! time alone changes something; `told`, which compares what the log told with what is true. *Invariants:* members are
//! those of a full evaluation at the position and the segments' clock, which is the engine clock cut to whole seconds;
//! a profile for which a rule has no answer, since a number overflows, is no member; a rule that no longer can be
//! understood keeps its members and says why. *What it does not know:* the log, the writer. *Where to start reading:*
//! `Keeper::step`.

mod ahead;
mod check;
mod concerned;
mod cursors;
mod evaluate;
mod money;
mod news;
mod rules;
mod step;
mod told;

pub use ahead::Ahead;
pub use check::check;
pub use evaluate::all_for;
pub use rules::{behind_stalled, prepared_trait};
pub use step::{Keeper, Step};
pub use told::{ToldBefore, ToldSince, Transitions, difference, keep_told, told_before, unfollow};

use crate::base::time::Timestamp;

/// The segments' clock at an engine clock: the last whole second.
pub fn whole_second(clock: Timestamp) -> Timestamp {
    Timestamp(clock.0 - clock.0.rem_euclid(1_000_000))
}
