//! What may be typed to look after what comes in: quarantine, sources and quality.
//!
//! *Invariant:* as `arguments`. *Where to start reading:* `QuarantineCommand`.

use super::arguments::{StoreOnly, engine, position, rows};
use clap::{Args, Subcommand};
use navedb::{Position, QuarantineKind, limits};

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Print what could not be folded, a page at a time, in the order of the log
    List(QuarantineList),
    /// Print how much there is, by source, kind, and field or reason
    Count(StoreOnly),
    /// Decide conflicts, and try everything again
    Replay(QuarantineReplay),
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineList {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Of this source alone
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Of this kind alone: record, conflict or value
    #[arg(long, value_name = "KIND", value_parser = engine::<QuarantineKind>)]
    pub(crate) kind: Option<QuarantineKind>,
    /// Of this trait, property or field alone, such as amount or purchase.amount
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// How many at most; a page ends with the whole of a record
    #[arg(long, value_name = "N", default_value_t = limits::MEMBERS_DEFAULT, value_parser = rows)]
    pub(crate) limit: usize,
    /// The position that the page before ended with
    #[arg(long, value_name = "POSITION", value_parser = position)]
    pub(crate) after: Option<Position>,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineReplay {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Accept the conflict at this position: it takes the place of what has its message id
    #[arg(long, value_name = "POSITION", value_parser = position,
          conflicts_with = "all_conflicts")]
    pub(crate) accept: Option<Position>,
    /// Accept all conflicts, in the order of the log
    #[arg(long)]
    pub(crate) all_conflicts: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Print the sources, their states and how much of each is held back
    List(StoreOnly),
    /// From now on log what the source says, and fold it when the source is released
    Hold(SourceName),
    /// Fold what was held back, and take what the source says as it comes
    Release(SourceName),
    /// From now on refuse what the source says
    Refuse(SourceName),
}

#[derive(Debug, Args)]
pub(crate) struct SourceName {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The source
    pub(crate) name: String,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Quality {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Of this source alone
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// How many days, today with them
    #[arg(long, value_name = "N", default_value_t = limits::QUALITY_DAYS_DEFAULT,
          value_parser = days)]
    pub(crate) days: u32,
    /// Hold expectations against it; exit code 3 when one is not met
    #[arg(long)]
    pub(crate) check: bool,
}

fn days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| (1..=limits::QUALITY_DAYS_MAX).contains(days));
    days.ok_or_else(|| {
        format!("'{text}' is no number of days; use 1 to {}", limits::QUALITY_DAYS_MAX)
    })
}
