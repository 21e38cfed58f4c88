//! The shape of every answer, once: the network writes it as RESP, the command line as JSON.
//!
//! *Invariants:* names of fields are those of the engine's types; a list of named things is a map
//! by name; times are ISO text in UTC. `docs/commands.md` states these shapes, so a change here is
//! a change there. *What it does not know:* sockets, arguments, exit codes. *Where to start
//! reading:* `profile`.

use crate::resp::Reply;
use navedb::{
    Aggregates, BrokenRow, CheckReport, Explanation, FileReport, Golden, IdentityStats, Lift,
    Lifts, LoadReport, MembersPage, OpenReport, PlanStep, Position, Profile, ProfileConsent,
    ProfileExplanation, ProfileMembership, ProfileTrait, Receipt, RepairReport, SourceState,
    SourceStats, Stats, Table, TimelineEvent, TraitFact, Value, WhyLost,
};

/// A typed value. Days and instants are text.
pub(crate) fn value(value: &Value) -> Reply {
    match value {
        Value::Integer(number) => Reply::Integer(*number),
        Value::Decimal(number) => Reply::Decimal(number.to_string()),
        Value::Float(number) => Reply::Double(*number),
        Value::Boolean(yes) => Reply::Boolean(*yes),
        Value::Text(text) => Reply::from(text.as_str()),
        Value::Date(_) | Value::Timestamp(_) => Reply::Text(value.to_string()),
        Value::Set(texts) => Reply::list(texts, |text| Reply::from(text.as_str())),
    }
}

/// A typed value, or null.
pub(crate) fn cell(cell: &Option<Value>) -> Reply {
    cell.as_ref().map_or(Reply::Null, value)
}

/// The table of a statement: headings and rows.
pub(crate) fn table(table: &Table) -> Reply {
    Reply::map([
        ("columns", Reply::list(&table.columns, |name| Reply::from(name.as_str()))),
        ("rows", Reply::list(&table.rows, |row| Reply::list(row, cell))),
    ])
}

/// A page of members, with the values of the traits that were selected.
pub(crate) fn members(page: &MembersPage, select: &[String]) -> Reply {
    let (members, next) = page_of(page, select);
    Reply::map([("members", members), ("next", next)])
}

/// The same, with the position that they are those of.
pub(crate) fn members_at(page: &MembersPage, select: &[String], position: Position) -> Reply {
    let (members, next) = page_of(page, select);
    let position = Reply::count(position.0);
    Reply::map([("members", members), ("next", next), ("position", position)])
}

fn page_of(page: &MembersPage, select: &[String]) -> (Reply, Reply) {
    let members = Reply::list(&page.members, |member| {
        let traits = select.iter().zip(&member.traits);
        let traits = traits.map(|(name, value)| (Reply::from(name.as_str()), cell(value)));
        Reply::map([
            ("profile_id", Reply::from(member.profile_id.as_str())),
            ("traits", Reply::Map(traits.collect())),
            ("identifiers", Reply::list(&member.identifiers, |value| Reply::from(value.as_str()))),
        ])
    });
    let next = page.next.map(|cursor| cursor.to_string());
    (members, Reply::optional(next))
}

/// How many profiles each audience shares with each other one.
pub(crate) fn overlap(counts: &[Vec<u64>]) -> Reply {
    let row = |row: &Vec<u64>| Reply::list(row, |count| Reply::count(*count));
    Reply::map([("overlap", Reply::list(counts, row))])
}

/// What sets an audience apart.
pub(crate) fn lifts(lifts: &Lifts) -> Reply {
    let value = |lift: &Lift| {
        Reply::map([
            ("trait", Reply::from(lift.field.as_str())),
            ("value", cell(&Some(lift.value.clone()))),
            ("count", Reply::count(lift.count)),
            ("everybody", Reply::count(lift.everybody)),
            ("lift", cell(&Some(Value::Float(lift.lift)))),
            ("z", cell(&Some(Value::Float(lift.z)))),
        ])
    };
    Reply::map([
        ("count", Reply::count(lifts.count)),
        ("everybody", Reply::count(lifts.everybody)),
        ("values", Reply::list(&lifts.values, value)),
        ("passed_over", Reply::list(&lifts.passed_over, |name| Reply::from(name.as_str()))),
    ])
}

/// One trait, summed up.
pub(crate) fn aggregates(aggregates: &Aggregates) -> Reply {
    Reply::map([
        ("count", Reply::count(aggregates.count)),
        ("sum", cell(&aggregates.sum)),
        ("avg", cell(&aggregates.avg)),
        ("min", cell(&aggregates.min)),
        ("max", cell(&aggregates.max)),
    ])
}

fn counts(pairs: &[(String, u64)]) -> Reply {
    Reply::Map(
        pairs.iter().map(|(name, n)| (Reply::from(name.as_str()), Reply::count(*n))).collect(),
    )
}

/// Traits by name, with their provenance.
fn traits(all: &[ProfileTrait]) -> Reply {
    Reply::Map(all.iter().map(|t| (Reply::from(t.name.as_str()), profile_trait(t))).collect())
}

/// The golden record of a profile alone.
pub(crate) fn golden(golden: &Golden) -> Reply {
    Reply::map([("id", Reply::from(golden.id.as_str())), ("traits", traits(&golden.traits))])
}

/// A profile: identifiers, traits with their provenance, and numbers of events.
pub(crate) fn profile(profile: &Profile) -> Reply {
    let identifiers = Reply::list(&profile.identifiers, |identifier| {
        Reply::map([
            ("namespace", Reply::from(identifier.namespace.as_str())),
            ("value", Reply::from(identifier.value.as_str())),
            ("first_seen", Reply::from(identifier.first_seen.to_string())),
        ])
    });
    let computed = profile.computed.iter();
    let computed = computed.map(|(name, value)| (Reply::from(name.as_str()), self::value(value)));
    Reply::map([
        ("id", Reply::from(profile.id.as_str())),
        ("identifiers", identifiers),
        ("traits", traits(&profile.traits)),
        ("events", counts(&profile.events)),
        ("consents", Reply::list(&profile.consents, consent)),
        ("memberships", Reply::list(&profile.memberships, membership)),
        ("computed", Reply::Map(computed.collect())),
    ])
}

fn consent(known: &ProfileConsent) -> Reply {
    Reply::map([
        ("channel", Reply::from(known.channel.as_str())),
        ("purpose", Reply::from(known.purpose.as_str())),
        ("topic", Reply::optional(known.topic.as_deref())),
        ("state", Reply::from(known.state.as_str())),
        ("time", Reply::from(known.time.to_string())),
        ("source", Reply::from(known.source.as_str())),
        ("basis", Reply::optional(known.basis.as_deref())),
        ("text", Reply::optional(known.text.as_deref())),
        ("position", Reply::count(known.position.0)),
    ])
}

fn membership(known: &ProfileMembership) -> Reply {
    Reply::map([
        ("group", Reply::from(known.group.as_str())),
        ("id", Reply::from(known.id.as_str())),
        ("state", Reply::from(known.state.as_str())),
        ("time", Reply::from(known.time.to_string())),
        ("source", Reply::from(known.source.as_str())),
        ("position", Reply::count(known.position.0)),
    ])
}

fn profile_trait(winner: &ProfileTrait) -> Reply {
    Reply::map([
        ("value", value(&winner.value)),
        ("type", Reply::from(winner.value.value_type().name())),
        ("time", Reply::from(winner.time.to_string())),
        ("source", Reply::from(winner.source.as_str())),
        ("position", Reply::count(winner.position.0)),
    ])
}

/// What was said about each trait of a profile.
pub(crate) fn profile_explanation(explanation: &ProfileExplanation) -> Reply {
    let traits = explanation.traits.iter();
    let traits = traits.map(|t| (Reply::from(t.name.as_str()), Reply::list(&t.facts, fact)));
    Reply::map([
        ("id", Reply::from(explanation.id.as_str())),
        ("traits", Reply::Map(traits.collect())),
    ])
}

fn fact(fact: &TraitFact) -> Reply {
    Reply::map([
        ("value", cell(&fact.value)),
        ("time", Reply::from(fact.time.to_string())),
        ("dated", Reply::Boolean(fact.dated)),
        ("source", Reply::from(fact.source.as_str())),
        ("namespace", Reply::from(fact.namespace.as_str())),
        ("identifier", Reply::from(fact.identifier.as_str())),
        ("position", Reply::count(fact.position.0)),
        ("won", Reply::Boolean(fact.won)),
        ("reason", Reply::optional(fact.reason.map(WhyLost::name))),
    ])
}

/// The events of a profile, oldest first.
pub(crate) fn timeline(events: &[TimelineEvent]) -> Reply {
    Reply::list(events, |event| {
        let properties = event.properties.iter().map(|(n, v)| (Reply::from(n.as_str()), value(v)));
        Reply::map([
            ("event", Reply::from(event.event.as_str())),
            ("time", Reply::from(event.time.to_string())),
            ("source", Reply::from(event.source.as_str())),
            ("message_id", Reply::from(event.message_id.as_str())),
            ("position", Reply::count(event.position.0)),
            ("properties", Reply::Map(properties.collect())),
        ])
    })
}

/// What a store holds.
pub(crate) fn stats(stats: &Stats) -> Reply {
    let traits = stats.traits.iter().map(|(name, kind, profiles)| {
        let fields =
            Reply::map([("type", Reply::from(kind.name())), ("profiles", Reply::count(*profiles))]);
        (Reply::from(name.as_str()), fields)
    });
    let sources =
        stats.sources.iter().map(|s| (Reply::from(s.name.as_str()), Reply::count(s.records)));
    let loads = Reply::list(&stats.loads, |load| {
        Reply::map([
            ("id", Reply::count(load.id.0)),
            ("source", Reply::from(load.source.as_str())),
            ("file", Reply::from(load.file.as_str())),
            ("rows", Reply::count(load.rows)),
        ])
    });
    Reply::map([
        ("profiles", Reply::count(stats.profiles)),
        ("identifiers", Reply::count(stats.identifiers)),
        ("events", counts(&stats.events)),
        ("traits", Reply::Map(traits.collect())),
        ("properties", properties(stats)),
        ("sources", Reply::Map(sources.collect())),
        ("source_states", states(stats)),
        ("loads", loads),
        ("quarantine", counts(&stats.quarantine)),
        ("lists_not_folded", Reply::count(stats.lists_not_folded)),
        ("identity", identity_stats(&stats.identity)),
        ("position", Reply::count(stats.position.0)),
        ("durable", Reply::count(stats.durable.0)),
        ("clock", Reply::from(stats.clock.to_string())),
        ("log_bytes", Reply::count(stats.log_bytes)),
        ("derived_bytes", Reply::count(stats.derived_bytes)),
        ("read_only", Reply::optional(stats.read_only.as_deref())),
        ("torn_tails", Reply::count(stats.torn_tails)),
    ])
}

fn identity_stats(identity: &IdentityStats) -> Reply {
    Reply::map([
        ("retractions", Reply::count(identity.retractions)),
        ("crowded", Reply::count(identity.crowded)),
        ("watched", Reply::count(identity.watched)),
    ])
}

/// The sources that are not simply live, or brought too many names.
fn states(stats: &Stats) -> Reply {
    let special = stats
        .sources
        .iter()
        .filter(|s| s.since.is_some() || s.state != SourceState::Live || s.beyond_names > 0);
    Reply::Map(special.map(|s| (Reply::from(s.name.as_str()), source(s))).collect())
}

fn source(source: &SourceStats) -> Reply {
    Reply::map([
        ("state", Reply::from(source.state.name())),
        ("records", Reply::count(source.records)),
        ("since", source.since.map_or(Reply::Null, |since| Reply::count(since.0))),
        ("held", Reply::count(source.held)),
        ("names", Reply::count(source.names)),
        ("beyond_names", Reply::count(source.beyond_names)),
    ])
}

/// The sources with their states.
pub(crate) fn sources(sources: &[SourceStats]) -> Reply {
    Reply::Map(sources.iter().map(|s| (Reply::from(s.name.as_str()), source(s))).collect())
}

/// The types of properties, by event type and name.
fn properties(stats: &Stats) -> Reply {
    let mut events: Vec<(&str, Vec<(Reply, Reply)>)> = Vec::new();
    for (event, name, kind) in &stats.properties {
        let field = (Reply::from(name.as_str()), Reply::from(kind.name()));
        match events.iter_mut().find(|(known, _)| known == event) {
            Some((_, fields)) => fields.push(field),
            None => events.push((event, vec![field])),
        }
    }
    Reply::Map(
        events.into_iter().map(|(name, fields)| (Reply::from(name), Reply::Map(fields))).collect(),
    )
}

/// How an audience is answered.
pub(crate) fn explanation(explanation: &Explanation) -> Reply {
    Reply::map([
        ("text", Reply::from(explanation.text.as_str())),
        ("plan", Reply::list(&explanation.plan, Reply::from)),
        ("steps", Reply::list(&explanation.steps, step)),
        ("count", Reply::count(explanation.count)),
    ])
}

fn step(step: &PlanStep) -> Reply {
    let optional = |number: Option<u64>| number.map_or(Reply::Null, Reply::count);
    Reply::map([
        ("depth", Reply::count(step.depth as u64)),
        ("text", Reply::from(step.text.as_str())),
        ("rows", optional(step.rows)),
        ("asked", optional(step.asked)),
        ("expected", optional(step.expected)),
        ("selected", Reply::count(step.selected)),
        ("bytes", Reply::count(step.bytes)),
        ("nanos", optional(step.nanos)),
    ])
}

/// What became of a write.
pub(crate) fn receipt(receipt: &Receipt) -> Reply {
    Reply::map([
        ("position", Reply::count(receipt.position.0)),
        ("level", Reply::from(receipt.level.to_string())),
        ("written", Reply::count(receipt.written)),
        ("revised", Reply::count(receipt.revised)),
        ("duplicates", Reply::count(receipt.duplicates)),
        ("conflicts", Reply::count(receipt.conflicts)),
        ("broken", Reply::list(&receipt.broken, broken_row)),
    ])
}

/// What became of a load.
pub(crate) fn load_report(report: &LoadReport) -> Reply {
    Reply::map([
        ("files", Reply::list(&report.files, file_report)),
        ("broken", Reply::list(&report.broken, broken_row)),
        ("position", Reply::count(report.position.0)),
        ("level", Reply::from(report.level.to_string())),
        ("interrupted", Reply::Boolean(report.interrupted)),
        ("held", Reply::Boolean(report.held)),
        ("breaches", crate::care::breaches(&report.breaches)),
    ])
}

fn file_report(file: &FileReport) -> Reply {
    Reply::map([
        ("name", Reply::from(file.name.as_str())),
        ("load", file.load.map_or(Reply::Null, |load| Reply::count(load.0))),
        ("rows", Reply::count(file.rows)),
        ("continued_at", file.continued_at.map_or(Reply::Null, Reply::count)),
        ("written", Reply::count(file.written)),
        ("revised", Reply::count(file.revised)),
        ("duplicates", Reply::count(file.duplicates)),
        ("conflicts", Reply::count(file.conflicts)),
        ("quarantined_values", Reply::count(file.quarantined_values)),
        ("beyond_names", Reply::count(file.beyond_names)),
        ("broken", Reply::count(file.broken)),
        ("nobody", Reply::count(file.nobody)),
        ("lost", Reply::count(file.lost)),
        ("failure", file.failure.as_deref().map_or(Reply::Null, Reply::from)),
    ])
}

fn broken_row(row: &BrokenRow) -> Reply {
    Reply::map([
        ("file", Reply::from(row.file.as_str())),
        ("line", Reply::count(row.line)),
        ("column", row.column.map_or(Reply::Null, Reply::count)),
        ("reason", Reply::from(row.reason.as_str())),
    ])
}

/// What opening found and did.
pub(crate) fn open_report(report: &OpenReport) -> Reply {
    let torn_at = report.torn_at.as_ref().map_or(Reply::Null, |(file, offset)| {
        Reply::map([("file", Reply::from(file.as_str())), ("offset", Reply::count(*offset))])
    });
    Reply::map([
        ("checkpoint", report.checkpoint.map_or(Reply::Null, |position| Reply::count(position.0))),
        ("replayed", Reply::count(report.replayed)),
        ("torn_bytes", Reply::count(report.torn_bytes)),
        ("torn_at", torn_at),
        ("discarded", Reply::list(&report.discarded, Reply::from)),
    ])
}

/// What a check found.
pub(crate) fn check_report(report: &CheckReport) -> Reply {
    Reply::map([
        ("frames", Reply::count(report.frames)),
        ("rows", Reply::count(report.rows)),
        ("derived", Reply::count(report.derived)),
        ("damage", Reply::list(&report.damage, Reply::from)),
        ("notes", Reply::list(&report.notes, Reply::from)),
    ])
}

/// What a repair did.
pub(crate) fn repair_report(report: &RepairReport) -> Reply {
    Reply::map([
        ("actions", Reply::list(&report.actions, Reply::from)),
        ("lost_rows", Reply::count(report.lost_rows)),
    ])
}
