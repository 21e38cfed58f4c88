//! Matching: profiles that no identifier joins and that yet are one person, as scored evidence; and what people decide
//! of the pairs in between.
//!
//! *Invariants:* a score is evidence like other evidence, under the rule of its model; the same model over the same
//! profiles says nothing new. *Where to start reading:* `Session::identity_match`.

use super::identity::told_of;
use super::match_rows::ProfileRows;
use super::match_types::{MatchReport, MatchRequest, Proposal};
use super::types::{Batch, Record};
use super::{DefineRequest, Level, Session, View};
use crate::base::error::{Error, Result};
use crate::base::ids::NodeId;
use crate::base::limits::DEFINITIONS_BYTES_MAX;
use crate::definition::quoted;
use crate::identity::{Component, EdgeKey, Grounds, Kind};
use crate::matching::{Matches, Model, Role, Roles, match_records};
use crate::state::Reader;
use serde_json::{Value as Json, json};

/// The name of the definition that keeps the model.
const MODEL: (&str, &str) = ("model", "person");
/// Links that are written as one batch.
const BATCH: usize = 10_000;

impl Session {
    /// Matches the profiles that there are: those that are likely enough of one person are linked by evidence with a
    /// score, those in between are proposed. Without roles these are inferred from names and values; without a saved
    /// model one is learnt and saved.
    ///
    /// # Errors
    /// `Invalid` when a role or a trait is unknown, or a saved model cannot be read; `Closed`; `Io`; `Corrupt`.
    pub fn identity_match(&self, request: &MatchRequest) -> Result<MatchReport> {
        super::write::check_source(&request.source)?;
        let view = self.view();
        let before = view.state().profiles();
        let reader = view.state().reader();
        let rows = ProfileRows::read(&reader);
        reader.check()?;
        let roles = roles(&rows, &request.roles)?;
        let known = if request.learn { None } else { saved(&view)? };
        let found = match_records(&roles, &rows, known.as_ref(), request.threads);
        let rule = format!("match-{:016x}", found.model.id());
        let learnt = known.is_none();
        let saved = if learnt && !request.dry_run { self.save(&found.model)? } else { !learnt };
        let told = Telling { reader: &reader, rows: &rows, found: &found, rule: &rule };
        let (links, proposals): (Vec<_>, Vec<_>) =
            found.pairs.iter().partition(|pair| found.joined(pair.left, pair.right));
        if !request.dry_run {
            let links = links.iter().map(|pair| told.message("link", pair));
            let all = links.chain(proposals.iter().map(|pair| told.message("propose", pair)));
            self.write_all(&request.source, all)?;
        }
        let after = self.view();
        let named = rows.names.iter().zip(roles.iter());
        let named = named.map(|(name, role)| (name.clone(), role.name().to_owned()));
        Ok(MatchReport {
            records: rows.nodes.len() as u64,
            roles: named.collect(),
            compared: found.compared,
            rule,
            learnt,
            saved,
            linked: links.len() as u64,
            proposed: proposals.len() as u64,
            profiles: (before, after.state().profiles()),
            position: after.position(),
        })
    }

    fn write_all(&self, source: &str, messages: impl Iterator<Item = String>) -> Result<()> {
        let mut batch = Batch::new();
        let mut count = 0;
        for message in messages {
            batch = batch.record(Record::message(source, message.as_str()));
            count += 1;
            if count == BATCH {
                let _ = self.write(std::mem::take(&mut batch).level(Level::Os))?;
                count = 0;
            }
        }
        if count > 0 {
            let _ = self.write(batch.level(Level::Group))?;
        }
        Ok(())
    }

    /// Saves a model as a definition, when it is not too long for one; says whether it is.
    fn save(&self, model: &Model) -> Result<bool> {
        let text = model.to_text();
        let text = format!("[{}.{}]\ntext = {}\n", MODEL.0, MODEL.1, quoted(&text));
        if text.len() > DEFINITIONS_BYTES_MAX {
            return Ok(false);
        }
        self.define(&DefineRequest { text, ..DefineRequest::default() }).map(|_| true)
    }
}

/// The saved model.
fn saved(view: &View) -> Result<Option<Model>> {
    let body = view.state().hindsight.definitions.get(&(MODEL.0.to_owned(), MODEL.1.to_owned()));
    let Some(body) = body.and_then(|definition| definition.body.as_deref()) else {
        return Ok(None);
    };
    let table: toml::Table = body.parse().unwrap_or_default();
    let text = table.get("text").and_then(toml::Value::as_str).unwrap_or_default();
    let model = Model::from_text(text);
    model.map(Some).map_err(|e| Error::invalid(format!("{e}; nave identity match --learn does so")))
}

/// The roles of columns: those that are asked for, and the others as they are inferred.
fn roles(rows: &ProfileRows, asked: &[(String, String)]) -> Result<Roles> {
    let mut roles = Roles::infer(&rows.names, rows);
    for (name, word) in asked {
        let column = rows.names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let column = column.ok_or_else(|| {
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

/// What is found, as messages.
struct Telling<'t> {
    reader: &'t Reader<'t>,
    rows: &'t ProfileRows,
    found: &'t Matches,
    rule: &'t str,
}

impl Telling<'_> {
    fn identifier(&self, row: u32) -> (Json, String) {
        let node = self.rows.nodes.get(row as usize).copied().unwrap_or(NodeId(u32::MAX));
        let (namespace, value) = self.reader.nodes().identifier(node).unwrap_or_default();
        (json!({"namespace": namespace, "value": value}), format!("{namespace}={value}"))
    }

    fn message(&self, given: &str, pair: &crate::matching::ScoredPair) -> String {
        let ((left, one), (right, other)) =
            (self.identifier(pair.left), self.identifier(pair.right));
        let (least, greatest) = (one.as_str().min(&other), one.as_str().max(&other));
        // Without a time of its own: said again by the same model it is the same record.
        let id = format!("{given} {} {least} {greatest}", self.rule);
        let score = (f64::from(pair.score) * 1000.0).round() / 1000.0;
        let _ = self.found;
        json!({
            "type": given, "left": left, "right": right, "kind": "fuzzy", "score": score,
            "rule": self.rule, "messageId": id,
        })
        .to_string()
    }
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
    let mut waiting = Vec::new();
    for node in (0..reader.state.counts.nodes).map(NodeId) {
        let edges = reader.edges(&EdgeKey::all(node))?;
        for edge in edges.iter().filter(|edge| edge.kind() == Some(Kind::Proposed)) {
            let other = edge.key.other();
            let decided = edges.iter().any(|known| {
                known.key.other() == other
                    && !known.told.withdrawn
                    && matches!(known.kind(), Some(Kind::ManualLink | Kind::CannotLink))
            });
            let one = reader.nodes().label(node) == reader.nodes().label(other);
            if other > node && !edge.told.withdrawn && !decided && !one {
                waiting.push((edge.told.strength, node, other));
            }
        }
    }
    waiting.sort_unstable_by_key(|(strength, left, right)| (-i64::from(*strength), *left, *right));
    waiting.dedup_by_key(|(_, left, right)| (*left, *right));
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
