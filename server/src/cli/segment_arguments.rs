//! What may be typed after `nave segment` and `nave trait`.

use super::arguments::{StoreOnly, engine_time, pair, rows};
use super::page::Page;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand};
use navedb::{Position, SegmentRule, Timestamp, limits};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Save an audience under a name; from then on its members are kept up to date
    Define(Rule),
    /// Change a segment; its feed tells who enters and who leaves by that
    Redefine(Rule),
    /// Tell what a segment would be: how many, who, and the difference to the one in force
    Try(Trial),
    /// Drop a segment that no other one asks for
    Drop(Named),
    /// List the segments with the number of their members
    List(StoreOnly),
    /// Print what a segment is
    Describe(Named),
    /// Print how many profiles are in a segment
    Count(Named),
    /// Print the members, a page at a time
    Members(SegmentMembers),
    /// Tell whether a profile is in a segment; without NAME list all that it is in
    Has(Has),
    /// Print why a profile is in a segment or is not: each part of the rule, and when it flips
    Why(Why),
    /// Print how many profiles each of some segments shares with each other one
    Overlap(Shared),
    /// Print all versions of a segment
    History(Named),
    /// Print who entered and who left, in order
    Feed(Feed),
    /// Print who would have been in a segment, or in any audience, and who would have entered and left
    Replay(Replay),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TraitCommand {
    /// Save a value of the audience language under a name, to be used like a trait
    Define(Computed),
    /// List the computed traits
    List(StoreOnly),
    /// Drop a computed trait that no segment asks for
    Drop(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The name, in any case
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rule {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// A trait whose value the feed tells beside each profile; may be given many times
    #[arg(long = "trait", value_name = "TRAIT")]
    pub(crate) traits: Vec<String>,
    /// For how many days its feed can be read; without it for ever
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=365_000))]
    pub(crate) retain_days: Option<u64>,
    /// Make entering and leaving events of the person, which audiences can ask about
    #[arg(long)]
    pub(crate) events: bool,
    /// The name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Who is in it: a condition on p, which may ask in_segment('NAME') of others
    pub(crate) text: String,
}

impl Rule {
    /// What the segment is to be.
    pub(crate) fn says(&self) -> SegmentRule {
        SegmentRule {
            audience: self.text.clone(),
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            description: self.description.clone(),
            traits: self.traits.clone(),
            retain_days: self.retain_days,
            events: self.events,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Trial {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The name of the segment that it would take the place of, or a new one
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Who would be in it
    pub(crate) text: String,
}

#[derive(Debug, Args)]
pub(crate) struct SegmentMembers {
    #[command(flatten)]
    pub(crate) named: Named,
    #[command(flatten)]
    pub(crate) page: Page,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Has {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The segment; without it all that the profile is in are listed
    pub(crate) name: Option<String>,
    /// Any identifier of the person, such as email=someone@example.org
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair, required = true)]
    pub(crate) identifier: (String, String),
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) named: Named,
    /// Any identifier of the person, such as email=someone@example.org
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) identifier: (String, String),
}

#[derive(Debug, Args)]
pub(crate) struct Shared {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The names
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Feed {
    #[command(flatten)]
    pub(crate) named: Named,
    /// What was told up to this position is known; without it the feed is read from its beginning
    #[arg(long, value_name = "POSITION", value_parser = feed_position)]
    pub(crate) after: Option<Position>,
    /// How many items at most; with --follow how many at once
    #[arg(long, value_name = "N", default_value_t = limits::MEMBERS_DEFAULT, value_parser = rows)]
    pub(crate) limit: usize,
    /// Go on until Ctrl-C, while time moves members
    #[arg(long, conflicts_with = "json")]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["name", "audience"])))]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The segment, by its rule in force
    pub(crate) name: Option<String>,
    /// An audience that is saved nowhere
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// The first moment: who would have been in it then
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    pub(crate) from: Timestamp,
    /// The last moment; without it the first alone
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    pub(crate) to: Option<Timestamp>,
    /// How long a step is: a number and s, m, h, d or w
    #[arg(long, value_name = "LENGTH", default_value = "1d", value_parser = step)]
    pub(crate) every: Duration,
    /// Print the profile ids too, not only how many
    #[arg(long)]
    pub(crate) ids: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Computed {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The name
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Its value, such as "(SELECT count(*) FROM purchase e)"
    pub(crate) text: String,
}

pub(super) fn feed_position(text: &str) -> Result<Position, String> {
    text.parse().map(Position).map_err(|_| {
        format!("'{text}' is no position; use a number, as 'nave segment feed' prints them, or 0")
    })
}

/// A length of time that is no calendar's.
fn step(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 5] =
        [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
    let seconds = UNITS.iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        count.checked_mul(*seconds).filter(|seconds| (1..=1 << 40).contains(seconds))
    });
    seconds.map(Duration::from_secs).ok_or_else(|| {
        format!("'{text}' is no length of a step; write a number and s, m, h, d or w, such as 1d")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbers_with_a_unit() {
        assert_eq!(step("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(step("2w"), Ok(Duration::from_secs(14 * 86_400)));
        for wrong in ["", "d", "0d", "1", "1.5d", "-1d", "1 d", "1month", "99999999999999w"] {
            assert!(step(wrong).is_err(), "{wrong}");
        }
    }
}
