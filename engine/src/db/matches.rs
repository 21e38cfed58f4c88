//! Matching: profiles that no identifier joins and that yet are one person, as scored evidence; and what people decide
//! of the pairs in between.
//!
//! *Invariants:* a score is evidence like other evidence, under the rule of its model; the same model over the same
//! profiles says nothing new. *Where to start reading:* `Session::identity_match`.

use super::identity::told_of;
use super::match_rows::{ProfileColumns, ProfileRows};
use super::match_types::{MatchReport, MatchRequest, Proposal};
use super::types::{Batch, Record};
use super::{DefineRequest, Level, Session, View};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::ids::{NodeId, Ordinal};
use crate::base::limits::{DEFINITIONS_BYTES_MAX, MODEL_PROFILES_MIN};
use crate::definition::quoted;
use crate::entry::DefinitionEntry;
use crate::identity::{Component, EdgeKey, Grounds, Kind};
use crate::matching::{Model, Role, Roles, ScoredPair, match_records};
use crate::state::Reader;
use serde_json::json;
use std::collections::HashSet;

/// The name of the definition that keeps the model.
const MODEL: (&str, &str) = ("model", "person");
/// What the rules of models are called, before their ids.
const RULE: &str = "match-";
/// Roles by the names of traits.
type Asked = Vec<(String, String)>;
/// Links that are written as one batch.
const BATCH: usize = 10_000;

impl Session {
    /// Matches the profiles that there are: those that are likely enough of one person are linked by evidence with a
    /// score, those in between are proposed. Without roles these are those of the saved model, or inferred from names
    /// and values; without a saved model one is learnt, and saved when it is of enough profiles.
    ///
    /// # Errors
    /// `Invalid` when a role or a trait is unknown, or a saved model cannot be read; `Conflict` when a model is to be
    /// learnt of profiles that an earlier one joined; `Closed`; `Io`; `Corrupt`.
    pub fn identity_match(&self, request: &MatchRequest) -> Result<MatchReport> {
        super::write::check_source(&request.source)?;
        let view = self.view();
        let before = view.state().profiles();
        let reader = view.state().reader();
        let rows = ProfileRows::read(&reader);
        reader.check()?;
        let known = if request.learn { None } else { saved(&view)? };
        if known.is_none() {
            check_apart(&view)?;
        }
        let (known, mut told) = known.unzip();
        let roles = roles(&rows, told.get_or_insert_default(), &request.roles)?;
        let found = match_records(&roles, &rows, known.as_ref(), request.threads);
        let rule = rule_of(&found.model);
        let named = rows.names.iter().zip(roles.iter());
        let named: Vec<(String, String)> =
            named.map(|(name, role)| (name.clone(), role.name().to_owned())).collect();
        let learnt = known.is_none();
        let saved = !learnt || (!request.dry_run && self.save(&found.model, &named)?);
        let witnesses = Witnesses::of(&reader, &rows, &roles, &found.pairs);
        reader.check()?;
        let message = |given: &str, pair: &ScoredPair| {
            let nodes = (witnesses.get(pair.left), witnesses.get(pair.right));
            message(&reader, (given, &rule), nodes, pair.score)
        };
        let (links, proposals): (Vec<_>, Vec<_>) =
            found.pairs.iter().partition(|pair| found.joined(pair.left, pair.right));
        if !request.dry_run {
            let mut outbox = Outbox::new(self, &request.source, Level::Group);
            links.iter().try_for_each(|pair| outbox.put(message("link", pair)))?;
            proposals.iter().try_for_each(|pair| outbox.put(message("propose", pair)))?;
            outbox.finish()?;
        }
        let after = self.view();
        Ok(MatchReport {
            records: rows.ordinals.len() as u64,
            roles: named,
            compared: found.compared,
            rule,
            learnt,
            saved,
            model_profiles: found.model.records(),
            linked: links.len() as u64,
            proposed: proposals.len() as u64,
            profiles: (before, after.state().profiles()),
            position: after.position(),
        })
    }

    /// Saves a model as a definition, with the roles that it was learnt by, when it is of enough profiles and not too
    /// long for one; says whether it is.
    fn save(&self, model: &Model, roles: &[(String, String)]) -> Result<bool> {
        let roles = roles.iter().map(|(name, role)| format!("{} = {}", quoted(name), quoted(role)));
        let roles = roles.collect::<Vec<_>>().join(", ");
        let text = quoted(&model.to_text());
        let text = format!("[{}.{}]\nroles = {{ {roles} }}\ntext = {text}\n", MODEL.0, MODEL.1);
        if model.records() < MODEL_PROFILES_MIN || text.len() > DEFINITIONS_BYTES_MAX {
            return Ok(false);
        }
        self.define(&DefineRequest { text, ..DefineRequest::default() }).map(|_| true)
    }
}

/// The witnesses of the profiles that pairs were found of, by their rows.
struct Witnesses(Vec<(u32, NodeId)>);

impl Witnesses {
    fn of(reader: &Reader<'_>, rows: &ProfileRows, roles: &Roles, pairs: &[ScoredPair]) -> Self {
        let columns = ProfileColumns::of(reader);
        let compared: Vec<bool> = roles.iter().map(Role::is_compared).collect();
        let compared = |column: usize| compared.get(column) == Some(&true);
        let mut found: Vec<u32> = pairs.iter().flat_map(|pair| [pair.left, pair.right]).collect();
        found.sort_unstable();
        found.dedup();
        let witness = |row: u32| {
            let ordinal = Ordinal(*rows.ordinals.get(row as usize)?);
            Some((row, columns.witness(reader, ordinal, compared)?))
        };
        Witnesses(found.into_iter().filter_map(witness).collect())
    }

    fn get(&self, row: u32) -> NodeId {
        let place = self.0.binary_search_by_key(&row, |(row, _)| *row);
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map_or(NodeId(u32::MAX), |(_, node)| *node)
    }
}

/// A model is learnt of profiles that no model joined: of those that one did, the likeliest pairs are missing, and what
/// is left looks like what it is not.
fn check_apart(view: &View) -> Result<()> {
    let joined = view.state().catalog.rules().iter().find(|rule| rule.starts_with(RULE));
    joined.map_or(Ok(()), |rule| {
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "what the model {rule} found is in force, and a model is learnt of profiles that none has joined; \
                 take it back first: `nave retract --source matcher --from 1`"
            ),
        ))
    })
}

/// The definition that keeps the model, if there ever was one.
pub(super) fn saved_as(view: &View) -> Option<&DefinitionEntry> {
    view.state().hindsight.definitions.get(&(MODEL.0.to_owned(), MODEL.1.to_owned()))
}

/// The saved model, and the roles that it was learnt by.
pub(super) fn saved(view: &View) -> Result<Option<(Model, Asked)>> {
    let Some(body) = saved_as(view).and_then(|definition| definition.body.as_deref()) else {
        return Ok(None);
    };
    let table: toml::Table = body.parse().unwrap_or_default();
    let text = table.get("text").and_then(toml::Value::as_str).unwrap_or_default();
    let roles = table.get("roles").and_then(toml::Value::as_table);
    let roles = roles.into_iter().flatten().filter_map(|(name, role)| Some((name, role.as_str()?)));
    let roles = roles.map(|(name, role)| (name.clone(), role.to_owned())).collect();
    let model = Model::from_text(text).map_err(|e| {
        Error::invalid(format!(
            "the definition model.person cannot be read: {e}; `nave define --drop model.person` forgets it"
        ))
    })?;
    Ok(Some((model, roles)))
}

/// The roles of columns: those that are asked for, those of the saved model, and the others as they are inferred.
pub(super) fn roles(rows: &ProfileRows, saved: &Asked, asked: &Asked) -> Result<Roles> {
    let mut roles = Roles::infer(&rows.names, rows);
    let place = |name: &str| rows.names.iter().position(|known| known.eq_ignore_ascii_case(name));
    for (name, word) in saved {
        if let Some((column, role)) = place(name).zip(Role::parse(word)) {
            roles.set(column, role);
        }
    }
    for (number, (name, word)) in asked.iter().enumerate() {
        if asked.iter().take(number).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(Error::invalid(format!("the role of '{name}' is given twice; choose")));
        }
        let column = place(name).ok_or_else(|| {
            Error::not_found(format!("there is no trait '{name}'; `nave stats` lists the traits"))
        })?;
        let role = Role::parse(word).ok_or_else(|| {
            Error::invalid(format!(
                "'{word}' is no role; use given_name, surname, full_name, birth_date, email, phone, \
                 street_number, street, suburb, city, postcode, state, national_id, gender, \
                 occupation, free_text or ignored"
            ))
        })?;
        roles.set(column, role);
    }
    if !roles.iter().any(Role::is_compared) {
        return Err(Error::invalid(
            "no trait tells of names, days of birth or addresses; say what they are: --role NAME=ROLE",
        ));
    }
    Ok(roles)
}

/// What the evidence of a model is called.
pub(super) fn rule_of(model: &Model) -> String {
    format!("{RULE}{:016x}", model.id())
}

fn identifier<'r>(reader: &'r Reader<'_>, node: NodeId) -> Named<'r> {
    reader.nodes().identifier(node).unwrap_or_default()
}

/// What is found of two profiles, as a message: of which kind, under the rule of a model. The nodes are the witnesses
/// of the profiles.
pub(super) fn message(
    reader: &Reader<'_>,
    (given, rule): (&str, &str),
    nodes: (NodeId, NodeId),
    score: f32,
) -> String {
    let score = (f64::from(score) * 1000.0).round() / 1000.0;
    let two = (identifier(reader, nodes.0), identifier(reader, nodes.1));
    scored_message((given, "fuzzy"), two, score, rule)
}

/// Messages on their way into the log, in batches.
pub(super) struct Outbox<'s> {
    session: &'s Session,
    source: &'s str,
    level: Level,
    batch: Batch,
    count: usize,
    /// Messages that the log did not have.
    pub written: u64,
    /// Messages whose id the log has with other content; they are in quarantine.
    pub conflicts: u64,
}

impl<'s> Outbox<'s> {
    /// For messages of a source, which have reached a level at the end.
    pub fn new(session: &'s Session, source: &'s str, level: Level) -> Outbox<'s> {
        let (batch, count) = (Batch::new(), 0);
        Outbox { session, source, level, batch, count, written: 0, conflicts: 0 }
    }

    /// Adds a message; writes when there are enough.
    pub fn put(&mut self, message: String) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.batch = batch.record(Record::message(self.source, message));
        self.count += 1;
        if self.count < BATCH { Ok(()) } else { self.send(self.level.min(Level::Os)) }
    }

    /// Writes the rest.
    pub fn finish(&mut self) -> Result<()> {
        if self.count == 0 { Ok(()) } else { self.send(self.level) }
    }

    fn send(&mut self, level: Level) -> Result<()> {
        self.count = 0;
        let receipt = self.session.write(std::mem::take(&mut self.batch).level(level))?;
        self.written += receipt.written;
        self.conflicts += receipt.conflicts;
        Ok(())
    }
}

/// A namespace and a value.
pub(super) type Named<'n> = (&'n str, &'n str);

/// A message of a type and a kind, that says of two identifiers by a rule how surely they are one.
pub(super) fn scored_message(
    (given, kind): (&str, &str),
    (left, right): (Named<'_>, Named<'_>),
    score: f64,
    rule: &str,
) -> String {
    let shown = |(namespace, value): Named<'_>| format!("{namespace}={value}");
    let (one, other) = (shown(left), shown(right));
    // Of two profiles that were joined to others and have their names still the ordinals may change places, and one
    // message id must not come with two contents.
    let ((left, least), (right, greatest)) =
        if one <= other { ((left, one), (right, other)) } else { ((right, other), (left, one)) };
    // Without a time of its own: said again by the same rule it is the same record, until what is known of the two
    // gives another score.
    let id = format!("{rule} {given} {score} {least} {greatest}");
    let object = |(namespace, value): Named<'_>| json!({"namespace": namespace, "value": value});
    json!({
        "type": given, "left": object(left), "right": object(right), "kind": kind, "score": score,
        "rule": rule, "messageId": id,
    })
    .to_string()
}

impl View {
    /// The pairs that wait for a decision, the surest first: those that were proposed, are not one by now, and of which
    /// nobody decided.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn identity_review(&self, limit: usize) -> Result<Vec<Proposal>> {
        self.reading(|state| {
            let reader = state.reader();
            let found = proposals(&reader, limit)?;
            reader.check().map(|()| found)
        })
    }
}

fn proposals(reader: &Reader<'_>, limit: usize) -> Result<Vec<Proposal>> {
    // Of profiles, not of the two identifiers alone: witnesses change, and nobody is asked twice about two persons.
    let label = |node: NodeId| reader.nodes().label(node);
    let profile = |node: NodeId| label(node).map_or((1, node.0), |of| (0, of.0));
    let two = |one: NodeId, other: NodeId| {
        let (one, other) = (profile(one), profile(other));
        (one.min(other), one.max(other))
    };
    let (mut waiting, mut decided) = (Vec::new(), HashSet::new());
    for node in (0..reader.state.counts.nodes).map(NodeId) {
        let edges = reader.edges(&EdgeKey::all(node))?;
        for edge in edges.iter().filter(|edge| !edge.told.withdrawn) {
            let other = edge.key.other();
            match edge.kind() {
                Some(Kind::Proposed) if other > node && label(node) != label(other) => {
                    waiting.push((edge.told.strength, node, other));
                }
                Some(Kind::ManualLink | Kind::CannotLink) => {
                    decided.insert(two(node, other));
                }
                _ => {}
            }
        }
    }
    waiting.sort_unstable_by_key(|(strength, left, right)| (-i64::from(*strength), *left, *right));
    waiting.retain(|(_, left, right)| decided.insert(two(*left, *right)));
    let mut found = Vec::new();
    for (_, left, right) in waiting.into_iter().take(limit) {
        let component = Component::gather(reader, reader.rules(), [left, right])?;
        let of = |link: &&crate::identity::Link| {
            link.kind == Kind::Proposed && link.nodes() == (left, right)
        };
        let Some(link) = component.links.iter().find(of) else { continue };
        let id = |node| {
            let label = reader.nodes().label(node);
            label
                .and_then(|label| reader.profile_id(label))
                .map_or_else(String::new, |id| id.to_string())
        };
        let link = told_of(reader, &component, link);
        found.push(Proposal { link, profiles: (id(left), id(right)) });
    }
    Ok(found)
}
