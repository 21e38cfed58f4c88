//! What may be typed after `nave identity`.

use super::arguments::{StoreOnly, engine, engine_time, pair};
use super::store::{MATCHER, MATCHER_THREADS};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use navedb::{Bucket, Timestamp};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Say that two identifiers are one person
    Link(Link),
    /// Say that what linked two identifiers up to a time holds no longer
    Unlink(Unlink),
    /// Say that two identifiers are not one person
    Forbid(Both),
    /// Withdraw a piece of evidence by its id, or say from when on an identifier is somebody else's
    Retract(Withdraw),
    /// Print the evidence that makes two identifiers one person
    Why(Two),
    /// Print what keeps two identifiers apart: which rule, and which evidence would have joined them
    WhyNot(Two),
    /// Print a profile's identifiers with all that was said of them
    Cluster(Cluster),
    /// Print what became of a profile: joins, splits, changes of id, and what brought them about
    History(One),
    /// Find profiles that are one person although no identifier says so
    Match(Match),
    /// Link identifiers that are at the same places at the same times, again and again
    Together(Together),
    /// List pairs that wait for a decision, or decide one
    Review(Review),
    /// Print each identifier with the id of its profile
    Clusters(Clusters),
    /// Print the rules of persons and of households in force, in TOML, or define others
    Rules(Rules),
}

#[derive(Debug, Args)]
pub(crate) struct Match {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// What a trait tells, such as town=city; the others are inferred from their names and values
    #[arg(long, value_name = "TRAIT=ROLE", value_parser = pair)]
    pub(crate) role: Vec<(String, String)>,
    /// Learn a new model, although one is saved
    #[arg(long)]
    pub(crate) learn: bool,
    /// How many threads work
    #[arg(long, value_name = "N", default_value_t = MATCHER_THREADS)]
    pub(crate) threads: usize,
    /// Only tell what would be linked and proposed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The source that what is found is kept under
    #[arg(long, value_name = "NAME", default_value = MATCHER)]
    pub(crate) source: String,
}

#[derive(Debug, Args)]
pub(crate) struct Together {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// The property of events that says where, such as store_id
    #[arg(long, value_name = "PROPERTY")]
    pub(crate) place: String,
    /// An event type that is looked at, also a table of an array; many times; without it all events that say where
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Vec<String>,
    /// How long a bucket of time is, in which those who are at one place meet: 30m, 1h, 1d
    #[arg(long, value_name = "LENGTH", default_value = "1h", value_parser = engine::<Bucket>)]
    pub(crate) bucket: Bucket,
    /// In how many buckets two must have met; from 2 on they must lie on at least two days
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) least: u32,
    /// With more identifiers than this at one place in one bucket nobody met anybody
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) crowd: u32,
    /// A namespace whose identifiers may be linked; many times; without it all
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Vec<String>,
    /// Only tell what would be linked
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The source that what is found is kept under
    #[arg(long, value_name = "NAME", default_value = "matcher")]
    pub(crate) source: String,
}

#[derive(Debug, Args)]
pub(crate) struct Review {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    #[command(flatten)]
    pub(crate) decision: Decision,
    /// How many pairs at most
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// The pair with this id is one person
    #[arg(long, value_name = "ID", conflicts_with = "reject")]
    pub(crate) accept: Option<String>,
    /// The pair with this id is not one person
    #[arg(long, value_name = "ID")]
    pub(crate) reject: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Only tell how many profiles would be joined or split, with examples
    #[arg(long, requires = "file")]
    pub(crate) dry_run: bool,
    /// A file with the rules to put in force: a table [identity.person] or [identity.household]; - for standard input
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// An identifier, such as email=someone@example.org
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) identifier: (String, String),
}

/// Who decides, and when.
#[derive(Debug, Args)]
pub(crate) struct Decision {
    /// The source that the decision is kept under
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub(crate) source: String,
    /// When it was decided; without it now
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    pub(crate) at: Option<Timestamp>,
    /// Why, kept with the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// What clusters are made of: identifiers make persons, persons make households.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleSet {
    /// Who is one person
    Person,
    /// Which persons live together
    Household,
}

/// A decision about two identifiers.
#[derive(Debug, Args)]
pub(crate) struct Both {
    #[command(flatten)]
    pub(crate) two: Two,
    /// Of persons, or of the households that they live in
    #[arg(long, value_name = "SET", value_enum, default_value = "person")]
    pub(crate) rules: RuleSet,
    #[command(flatten)]
    pub(crate) decision: Decision,
}

#[derive(Debug, Args)]
pub(crate) struct Two {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// An identifier, such as email=someone@example.org
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) left: (String, String),
    /// Another one
    #[arg(value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) right: (String, String),
}

/// What kind of evidence a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkKind {
    /// A person decided
    Manual,
    /// One is another name of the other
    Alias,
    /// They resemble each other: a score
    Fuzzy,
    /// They were at the same places at the same times: a score
    Behavioural,
}

impl LinkKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            LinkKind::Manual => "manual",
            LinkKind::Alias => "alias",
            LinkKind::Fuzzy => "fuzzy",
            LinkKind::Behavioural => "behavioural",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Link {
    #[command(flatten)]
    pub(crate) both: Both,
    /// What kind of evidence it is; without it manual
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) kind: Option<LinkKind>,
    /// How sure, for scores
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) score: Option<f64>,
    /// The rule or model that says so
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Unlink {
    #[command(flatten)]
    pub(crate) both: Both,
    /// The event time up to which it held; without it that of the decision
    #[arg(long, value_name = "TIME", value_parser = engine_time)]
    pub(crate) until: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["evidence", "identifier"])))]
pub(crate) struct Withdraw {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    #[command(flatten)]
    pub(crate) decision: Decision,
    /// The id of a piece of evidence, as 'nave identity cluster' prints it
    #[arg(long, value_name = "ID")]
    pub(crate) evidence: Option<String>,
    /// An identifier that is somebody else's from a time on
    #[arg(long, value_name = "NAMESPACE=VALUE", value_parser = pair)]
    pub(crate) identifier: Option<(String, String)>,
    /// The event time up to which the identifier was this person's; without it that of the decision
    #[arg(long, value_name = "TIME", value_parser = engine_time, requires = "identifier")]
    pub(crate) until: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct Cluster {
    #[command(flatten)]
    pub(crate) one: One,
    /// Print it for Graphviz
    #[arg(long)]
    pub(crate) dot: bool,
    /// The person, or the household that the person lives in
    #[arg(long, value_name = "SET", value_enum, default_value = "person", conflicts_with = "dot")]
    pub(crate) rules: RuleSet,
}

#[derive(Debug, Args)]
pub(crate) struct Clusters {
    #[command(flatten)]
    pub(crate) store: StoreOnly,
    /// Print comma-separated values with a header
    #[arg(long)]
    pub(crate) csv: bool,
    /// Identifiers with their profiles, or profiles with their households
    #[arg(long, value_name = "SET", value_enum, default_value = "person")]
    pub(crate) rules: RuleSet,
}
