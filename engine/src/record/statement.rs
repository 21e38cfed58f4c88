//! Messages that say something of identifiers themselves: that two are one person or are not, that what linked them
//! holds no longer, that one is somebody else's from a time on, that a piece of evidence is withdrawn.
//!
//! *Invariants:* a decision of a person and a score of a matcher are records like all others: they come once, can be
//! retracted, and stand in the log as they were sent. *Where to start reading:* `statement`.

use super::json::text_field;
use super::message::instant;
use super::{Identifier, RowError, add_identifier};
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::entry::{EvidenceColumns, Said};
use serde_json::{Map, Value as Json};

type Object = Map<String, Json>;

/// The greatest score, so that thousandths of it fit into 32 bits.
const SCORE_MAX: f64 = 2_000_000.0;

/// The types of messages that are statements.
pub const STATEMENTS: [&str; 6] = ["link", "propose", "forbid", "unlink", "retire", "withdraw"];

/// What kind of evidence a statement speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// One record names both.
    Deterministic,
    /// One is another name of the other.
    Alias,
    /// They resemble each other.
    Fuzzy,
    /// They were at the same places at the same times.
    Behavioural,
    /// A person decided that they belong together.
    Manual,
    /// A person decided that they do not.
    Forbidden,
}

impl Evidence {
    /// The kind that a word stands for.
    pub fn of(word: &str) -> Option<Evidence> {
        Some(match word.trim().to_lowercase().as_str() {
            "deterministic" | "record" => Evidence::Deterministic,
            "alias" => Evidence::Alias,
            "fuzzy" | "match" => Evidence::Fuzzy,
            "behavioural" | "behavioral" => Evidence::Behavioural,
            "manual" | "manual link" => Evidence::Manual,
            "forbidden" | "forbid" | "cannot-link" => Evidence::Forbidden,
            _ => return None,
        })
    }
}

/// What is said of two persons and their household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Household {
    /// They live together.
    Link,
    /// They do not.
    Forbid,
    /// That they do is retracted as far as it was said up to a time: that of the record when none is named.
    Unlink(Option<Timestamp>),
}

/// A statement of one or two identifiers, which are those of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// They are one person.
    Link {
        /// The kind of evidence that it is.
        evidence: Evidence,
        /// How sure, in thousandths; only scores have one.
        strength: i32,
        /// The rule or model that says so; empty when there is none.
        rule: String,
    },
    /// They may be one person, and somebody is to decide.
    Propose {
        /// How sure, in thousandths.
        strength: i32,
        /// The rule or model that says so.
        rule: String,
    },
    /// They are not one person.
    Forbid,
    /// What links them is retracted as far as it was said up to a time: that of the record when none is named.
    Unlink(Option<Timestamp>),
    /// What links the one identifier to any other is retracted as far as it was said up to a time.
    Retire(Option<Timestamp>),
    /// What is said of households: the persons that hold the identifiers live together, or do not.
    Household(Household),
    /// One piece of evidence is withdrawn, whenever it was or will be said.
    Withdraw {
        /// Its kind.
        evidence: Evidence,
        /// Who said it.
        source: String,
        /// By which rule or model; empty when by none.
        rule: String,
    },
}

/// Reads a statement of a type, and its identifiers.
pub(super) fn statement(
    object: &Object,
    given: &str,
) -> Result<(Statement, Vec<Identifier>), RowError> {
    let mut found = Vec::new();
    let names: &[&str] = if given == "retire" { &["identifier"] } else { &["left", "right"] };
    for name in names {
        let before = found.len();
        let (namespace, value) = identifier(object, given, name)?;
        add_identifier(&mut found, &namespace, &value);
        if found.len() == before {
            return Err(RowError::new(if super::identifier_of(&namespace, &value).is_some() {
                format!("a {given} message needs two identifiers; both are {namespace} '{value}'")
            } else {
                format!("\"{name}\" is no identifier: {namespace} '{value}' stands for nobody")
            }));
        }
    }
    let statement = match given {
        _ if of_households(object)? => Statement::Household(household(object, given)?),
        "link" => {
            let evidence = evidence(object, given)?;
            if evidence == Evidence::Fuzzy && !object.contains_key("score") {
                return Err(RowError::new(
                    "a fuzzy link needs \"score\": how sure it is, a number such as 0.97",
                ));
            }
            let strength = strength(object)?;
            Statement::Link { evidence, strength, rule: rule(object)? }
        }
        "propose" => Statement::Propose { strength: strength(object)?, rule: rule(object)? },
        "forbid" => Statement::Forbid,
        "unlink" => Statement::Unlink(instant(object, "until")?),
        "retire" => Statement::Retire(instant(object, "until")?),
        _ => {
            let source = text_field(object, "source")?.filter(|source| !source.is_empty());
            let source = source.ok_or_else(|| {
                RowError::new("a withdraw message needs \"source\": who said what is withdrawn")
            })?;
            Statement::Withdraw { evidence: evidence(object, given)?, source, rule: rule(object)? }
        }
    };
    if matches!(statement, Statement::Link { evidence: Evidence::Forbidden, .. }) {
        return Err(RowError::new("a link cannot be forbidden; send a message of type forbid"));
    }
    Ok((statement, found))
}

/// Whether a message speaks of households: its `rules` say so.
fn of_households(object: &Object) -> Result<bool, RowError> {
    match text_field(object, "rules")?.as_deref() {
        None | Some("" | "person") => Ok(false),
        Some("household") => Ok(true),
        Some(other) => Err(RowError::new(format!(
            "\"rules\" is '{other}'; give person, which is meant without it, or household"
        ))),
    }
}

fn household(object: &Object, given: &str) -> Result<Household, RowError> {
    match given {
        "link" => match text_field(object, "kind")?.map(|word| Evidence::of(&word)) {
            None | Some(Some(Evidence::Manual)) => Ok(Household::Link),
            Some(_) => Err(RowError::new(
                "a link of households is said by a person; its \"kind\" is manual, or left out",
            )),
        },
        "forbid" => Ok(Household::Forbid),
        "unlink" => Ok(Household::Unlink(instant(object, "until")?)),
        _ => Err(RowError::new(format!(
            "a {given} message speaks of persons; of households there are link, forbid and unlink"
        ))),
    }
}

/// An identifier: `{"namespace": "email", "value": "ann@example.org"}`.
fn identifier(object: &Object, given: &str, name: &str) -> Result<(String, String), RowError> {
    let wrong = || {
        RowError::new(format!(
            "a {given} message needs \"{name}\" like {{\"namespace\": \"email\", \"value\": \"...\"}}"
        ))
    };
    let inner = object.get(name).and_then(Json::as_object).ok_or_else(wrong)?;
    let namespace = text_field(inner, "namespace")?.ok_or_else(wrong)?;
    let value = text_field(inner, "value")?.ok_or_else(wrong)?;
    Ok((namespace, value))
}

fn evidence(object: &Object, given: &str) -> Result<Evidence, RowError> {
    let word = text_field(object, "kind")?.ok_or_else(|| {
        RowError::new(format!(
            "a {given} message needs \"kind\": the kind of evidence, such as fuzzy, or manual when \
             a person decided"
        ))
    })?;
    Evidence::of(&word).ok_or_else(|| {
        let shown: String = word.chars().take(60).collect();
        RowError::new(format!(
            "'{shown}' is no kind of evidence; use manual, deterministic, alias, fuzzy or behavioural"
        ))
    })
}

fn rule(object: &Object) -> Result<String, RowError> {
    let rule = text_field(object, "rule")?.unwrap_or_default();
    if rule.len() > NAME_BYTES_MAX {
        return Err(RowError::new(format!("\"rule\" has over {NAME_BYTES_MAX} bytes")));
    }
    Ok(rule)
}

/// The score, a number, in thousandths.
fn strength(object: &Object) -> Result<i32, RowError> {
    let Some(text) = text_field(object, "score")? else { return Ok(0) };
    let wrong = || {
        RowError::new(format!(
            "\"score\" is '{text}'; give a number such as 0.97, between -{SCORE_MAX} and {SCORE_MAX}"
        ))
    };
    thousandths(&text).ok_or_else(wrong)
}

/// A score in thousandths; nothing for what is none.
fn thousandths(text: &str) -> Option<i32> {
    let score: f64 = text.trim().parse().ok()?;
    let strength = (score * 1000.0).round();
    (strength.is_finite() && score.abs() <= SCORE_MAX).then_some(strength as i32)
}

/// What a row of a file says of two identifiers, as a message of the type `link` would; `said` gives what it has in a
/// column. What is wrong comes with the column that it stands in.
pub(super) fn row_statement(
    columns: &EvidenceColumns,
    said: impl Fn(&str) -> Option<String>,
) -> Result<(Statement, Vec<Identifier>), (&str, RowError)> {
    let EvidenceColumns { left, right, kind, score, rule } = columns;
    let mut found = Vec::new();
    for (namespace, name) in [left, right] {
        let wrong =
            |reason: String| (name.as_str(), RowError::new(format!("column {name}{reason}")));
        let value = said(name).filter(|value| !value.trim().is_empty());
        let value = value.ok_or_else(|| {
            wrong(format!(" names no {namespace}, or a list; evidence needs two identifiers"))
        })?;
        let before = found.len();
        add_identifier(&mut found, namespace, &value);
        if found.len() == before {
            return Err(wrong(if super::identifier_of(namespace, &value).is_some() {
                format!(": evidence needs two identifiers; both are {namespace} '{value}'")
            } else {
                format!(" is no identifier: {namespace} '{value}' stands for nobody")
            }));
        }
    }
    let evidence = Evidence::of(kind).filter(|evidence| *evidence != Evidence::Forbidden);
    let evidence = evidence.ok_or_else(|| {
        let reason = format!("'{kind}' is no kind of evidence that links; load the file again");
        ("", RowError::new(reason))
    })?;
    let strength = match score {
        Some(name) => strength_in(name, said(name), evidence).map_err(|e| (name.as_str(), e))?,
        None => 0,
    };
    let (rule, place) = match rule {
        Some(Said::Fixed(rule)) => (rule.clone(), ""),
        Some(Said::Column(name)) => (said(name).unwrap_or_default(), name.as_str()),
        None => (String::new(), ""),
    };
    if rule.len() > NAME_BYTES_MAX {
        let reason = format!("column {place}: a rule has at most {NAME_BYTES_MAX} bytes");
        return Err((place, RowError::new(reason)));
    }
    Ok((Statement::Link { evidence, strength, rule }, found))
}

/// The score in a column, which a fuzzy link needs.
fn strength_in(name: &str, text: Option<String>, evidence: Evidence) -> Result<i32, RowError> {
    match text {
        None if evidence == Evidence::Fuzzy => Err(RowError::new(format!(
            "column {name} says no score; a fuzzy link needs one, a number such as 0.97"
        ))),
        None => Ok(0),
        Some(text) => thousandths(&text).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            RowError::new(format!(
                "column {name}: '{shown}' is no score; give a number such as 0.97, between -{SCORE_MAX} and {SCORE_MAX}"
            ))
        }),
    }
}
