//! What the rows of a file are: the arguments of `nave load` that go with each kind.
//!
//! *Invariant:* an argument of another kind is wrong usage, and is told with the kind that it goes with. *Where to
//! start reading:* `record_kind`.

use super::arguments::{LoadAs, pair};
use super::failure::Failure;
use clap::{Args, ValueEnum};
use navedb::{ConsentColumns, EvidenceColumns, RecordKind, Said};

#[derive(Debug, Args)]
pub(crate) struct RowArguments {
    /// The event of all rows (track)
    #[arg(long, value_name = "NAME", conflicts_with = "event_column")]
    event: Option<String>,
    /// The column that names the event (track)
    #[arg(long, value_name = "COLUMN")]
    event_column: Option<String>,
    /// The type of the entities (entity)
    #[arg(long, value_name = "TYPE")]
    entity: Option<String>,
    /// The column of the id of the entity (entity)
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// The type of the groups, such as account (membership)
    #[arg(long, value_name = "TYPE", conflicts_with = "group_column")]
    group: Option<String>,
    /// The column of the type of the group (membership)
    #[arg(long, value_name = "COLUMN")]
    group_column: Option<String>,
    /// The column of the id of the group (membership)
    #[arg(long, value_name = "COLUMN")]
    group_id: Option<String>,
    /// The channel, such as email, or * for all (consent)
    #[arg(long, value_name = "NAME", conflicts_with = "channel_column")]
    channel: Option<String>,
    /// The column of the channel (consent)
    #[arg(long, value_name = "COLUMN")]
    channel_column: Option<String>,
    /// The purpose, such as marketing, or * for all (consent)
    #[arg(long, value_name = "NAME", conflicts_with = "purpose_column")]
    purpose: Option<String>,
    /// The column of the purpose (consent)
    #[arg(long, value_name = "COLUMN")]
    purpose_column: Option<String>,
    /// The topic within the purpose (consent)
    #[arg(long, value_name = "NAME", conflicts_with = "topic_column")]
    topic: Option<String>,
    /// The column of the topic (consent)
    #[arg(long, value_name = "COLUMN")]
    topic_column: Option<String>,
    /// granted, denied or withdrawn (consent)
    #[arg(long, value_name = "STATE", conflicts_with = "state_column")]
    state: Option<String>,
    /// The column that says granted, denied or withdrawn (consent), joined or left (membership)
    #[arg(long, value_name = "COLUMN")]
    state_column: Option<String>,
    /// The legal basis (consent)
    #[arg(long, value_name = "TEXT", conflicts_with = "basis_column")]
    basis: Option<String>,
    /// The column of the legal basis (consent)
    #[arg(long, value_name = "COLUMN")]
    basis_column: Option<String>,
    /// What persons were shown (consent)
    #[arg(long, value_name = "TEXT", conflicts_with = "text_column")]
    text: Option<String>,
    /// The column of what persons were shown (consent)
    #[arg(long, value_name = "COLUMN")]
    text_column: Option<String>,
    /// The namespace and the column of one identifier, such as record=unique_id_l (evidence)
    #[arg(long, value_name = "NAMESPACE=COLUMN", value_parser = pair)]
    left: Option<(String, String)>,
    /// Those of the other, such as record=unique_id_r (evidence)
    #[arg(long, value_name = "NAMESPACE=COLUMN", value_parser = pair)]
    right: Option<(String, String)>,
    /// The column that says how sure it is (evidence)
    #[arg(long, value_name = "COLUMN")]
    score: Option<String>,
    /// What kind of evidence it is; without it fuzzy (evidence)
    #[arg(long = "kind", value_name = "KIND", value_enum)]
    evidence_kind: Option<EvidenceKind>,
    /// The rule or model that says so (evidence)
    #[arg(long, value_name = "NAME", conflicts_with = "rule_column")]
    rule: Option<String>,
    /// The column of the rule or model (evidence)
    #[arg(long, value_name = "COLUMN")]
    rule_column: Option<String>,
}

/// What kind of evidence the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EvidenceKind {
    /// They resemble each other: a score
    Fuzzy,
    /// They were at the same places at the same times: a score
    Behavioural,
    /// One record named both
    Deterministic,
    /// One is another name of the other
    Alias,
    /// A person decided
    Manual,
}

impl EvidenceKind {
    fn word(self) -> &'static str {
        match self {
            EvidenceKind::Fuzzy => "fuzzy",
            EvidenceKind::Behavioural => "behavioural",
            EvidenceKind::Deterministic => "deterministic",
            EvidenceKind::Alias => "alias",
            EvidenceKind::Manual => "manual",
        }
    }
}

impl RowArguments {
    /// The arguments that were given, each with the kinds of rows that it goes with.
    fn given(&self) -> Vec<(&'static str, &'static [LoadAs])> {
        const TRACK: &[LoadAs] = &[LoadAs::Track];
        const ENTITY: &[LoadAs] = &[LoadAs::Entity];
        const MEMBERSHIP: &[LoadAs] = &[LoadAs::Membership];
        const CONSENT: &[LoadAs] = &[LoadAs::Consent];
        const BOTH: &[LoadAs] = &[LoadAs::Consent, LoadAs::Membership];
        const EVIDENCE: &[LoadAs] = &[LoadAs::Evidence];
        let all = [
            ("--event", &self.event, TRACK),
            ("--event-column", &self.event_column, TRACK),
            ("--entity", &self.entity, ENTITY),
            ("--id-column", &self.id_column, ENTITY),
            ("--group", &self.group, MEMBERSHIP),
            ("--group-column", &self.group_column, MEMBERSHIP),
            ("--group-id", &self.group_id, MEMBERSHIP),
            ("--channel", &self.channel, CONSENT),
            ("--channel-column", &self.channel_column, CONSENT),
            ("--purpose", &self.purpose, CONSENT),
            ("--purpose-column", &self.purpose_column, CONSENT),
            ("--topic", &self.topic, CONSENT),
            ("--topic-column", &self.topic_column, CONSENT),
            ("--state", &self.state, CONSENT),
            ("--state-column", &self.state_column, BOTH),
            ("--basis", &self.basis, CONSENT),
            ("--basis-column", &self.basis_column, CONSENT),
            ("--text", &self.text, CONSENT),
            ("--text-column", &self.text_column, CONSENT),
            ("--score", &self.score, EVIDENCE),
            ("--rule", &self.rule, EVIDENCE),
            ("--rule-column", &self.rule_column, EVIDENCE),
        ];
        let given = all.into_iter().filter(|(_, value, _)| value.is_some());
        let mut given: Vec<_> = given.map(|(name, _, kinds)| (name, kinds)).collect();
        given.extend(self.left.is_some().then_some(("--left", EVIDENCE)));
        given.extend(self.right.is_some().then_some(("--right", EVIDENCE)));
        given.extend(self.evidence_kind.is_some().then_some(("--kind", EVIDENCE)));
        given
    }
}

fn said(fixed: &Option<String>, column: &Option<String>) -> Option<Said> {
    let fixed = fixed.clone().map(Said::Fixed);
    fixed.or_else(|| column.clone().map(Said::Column))
}

/// What the rows are, as the engine is told.
pub(crate) fn record_kind(kind: LoadAs, rows: &RowArguments) -> Result<RecordKind, Failure> {
    if let Some((name, kinds)) = rows.given().into_iter().find(|(_, kinds)| !kinds.contains(&kind))
    {
        let with = kinds.first().map_or("", |kind| word(*kind));
        return Err(Failure::usage(format!("{name} goes with --as {with}; leave it out")));
    }
    let needs = |what: &str| Failure::usage(format!("--as {} needs {what}", word(kind)));
    let named = |value: &Option<String>, what| value.clone().ok_or_else(|| needs(what));
    Ok(match kind {
        LoadAs::Identify => RecordKind::Identify,
        LoadAs::Messages => RecordKind::Message,
        LoadAs::Track => {
            let event = said(&rows.event, &rows.event_column);
            RecordKind::Track(event.ok_or_else(|| needs("--event NAME or --event-column COLUMN"))?)
        }
        LoadAs::Entity => RecordKind::Entity {
            entity: named(&rows.entity, "--entity TYPE")?,
            id: named(&rows.id_column, "--id-column COLUMN")?,
        },
        LoadAs::Membership => RecordKind::Membership {
            group: said(&rows.group, &rows.group_column)
                .ok_or_else(|| needs("--group TYPE or --group-column COLUMN"))?,
            id: named(&rows.group_id, "--group-id COLUMN")?,
            state: rows.state_column.clone(),
        },
        LoadAs::Consent => {
            let part = |fixed, column, what| said(fixed, column).ok_or_else(|| needs(what));
            RecordKind::Consent(ConsentColumns {
                channel: part(
                    &rows.channel,
                    &rows.channel_column,
                    "--channel NAME or --channel-column COLUMN",
                )?,
                purpose: part(
                    &rows.purpose,
                    &rows.purpose_column,
                    "--purpose NAME or --purpose-column COLUMN",
                )?,
                topic: said(&rows.topic, &rows.topic_column),
                state: part(
                    &rows.state,
                    &rows.state_column,
                    "--state STATE or --state-column COLUMN",
                )?,
                basis: said(&rows.basis, &rows.basis_column),
                text: said(&rows.text, &rows.text_column),
            })
        }
        LoadAs::Evidence => {
            let two =
                |side: &Option<(String, String)>, what| side.clone().ok_or_else(|| needs(what));
            RecordKind::Evidence(EvidenceColumns {
                left: two(&rows.left, "--left NAMESPACE=COLUMN")?,
                right: two(&rows.right, "--right NAMESPACE=COLUMN")?,
                kind: rows.evidence_kind.map_or("fuzzy", EvidenceKind::word).to_owned(),
                score: rows.score.clone(),
                rule: said(&rows.rule, &rows.rule_column),
            })
        }
    })
}

fn word(kind: LoadAs) -> &'static str {
    match kind {
        LoadAs::Identify => "identify",
        LoadAs::Track => "track",
        LoadAs::Messages => "messages",
        LoadAs::Entity => "entity",
        LoadAs::Membership => "membership",
        LoadAs::Consent => "consent",
        LoadAs::Evidence => "evidence",
    }
}
