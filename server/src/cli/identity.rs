//! `nave identity`: who is one person, why, and what people decide about it.
//!
//! *Invariants:* a decision is a record like others, under a source of its own, so that it can be retracted and is told
//! again; nothing is decided by asking. *Where to start reading:* `identity`.

use super::arguments::StoreOnly;
use super::define::Define;
use super::failure::Failure;
use super::household;
use super::identity_arguments::{
    Both, Cluster, Clusters, Decision, IdentityCommand, Link, LinkKind, Match, One, Review,
    RuleSet, Rules, Together, Two, Unlink, Withdraw,
};
use super::identity_text::{
    answer_text, cluster_text, dot, history_text, match_text, review_text, together_text,
};
use super::output::{Lines, Output};
use super::store::{Store, clock};
use crate::resp::Reply;
use crate::{identity, shape};
use navedb::{
    Batch, ErrorKind, IdentityAnswer, IdentityLink, MatchRequest, Record, TogetherRequest,
};
use serde_json::{Map, Value as Json, json};

type Named = (String, String);

/// `nave identity ...`
pub(crate) fn run(command: IdentityCommand, output: &Output) -> Result<(), Failure> {
    match command {
        IdentityCommand::Link(what) => link(&what, output),
        IdentityCommand::Unlink(what) => unlink(&what, output),
        IdentityCommand::Forbid(what) => {
            let message = of_both("forbid", &what);
            decide(&what.two.store, &what.decision, message, output)
        }
        IdentityCommand::Retract(what) => retract(&what, output),
        IdentityCommand::Why(what) => why(&what, output),
        IdentityCommand::WhyNot(what) => why(&what, output),
        IdentityCommand::Cluster(what) if what.rules == RuleSet::Household => {
            household::cluster(&what, output)
        }
        IdentityCommand::Cluster(what) => cluster(&what, output),
        IdentityCommand::History(what) => history(&what, output),
        IdentityCommand::Clusters(what) if what.rules == RuleSet::Household => {
            household::clusters(&what, output)
        }
        IdentityCommand::Clusters(what) => clusters(&what, output),
        IdentityCommand::Match(what) => matching(&what, output),
        IdentityCommand::Together(what) => together(what, output),
        IdentityCommand::Review(what) => review(&what, output),
        IdentityCommand::Rules(what) => rules(what, output),
    }
}

/// Prints the rules in force, or defines others as `nave define` does.
fn rules(what: Rules, output: &Output) -> Result<(), Failure> {
    let Rules { store, dry_run, file } = what;
    if let Some(file) = file {
        return super::define::define(&Define::of_file(store.data, file, dry_run), output);
    }
    let store = Store::open(&store.data, false, output)?;
    let view = store.view();
    let mut text = view.identity_rules();
    let of_households =
        view.definitions().iter().any(|one| one.kind == "identity" && one.name == "household");
    if of_households {
        text.push('\n');
        text.push_str(&view.household_rules());
    }
    store.leave();
    output.answer(|| text.clone(), || Reply::from(text.as_str()))
}

fn identifier((namespace, value): &Named) -> Json {
    json!({"namespace": namespace, "value": value})
}

fn of_two(given: &str, two: &Two) -> Map<String, Json> {
    let mut message = Map::new();
    message.insert("type".to_owned(), Json::from(given));
    message.insert("left".to_owned(), identifier(&two.left));
    message.insert("right".to_owned(), identifier(&two.right));
    message
}

/// As `of_two`, of the set of rules that is named.
fn of_both(given: &str, both: &Both) -> Map<String, Json> {
    let mut message = of_two(given, &both.two);
    if both.rules == RuleSet::Household {
        message.insert("rules".to_owned(), Json::from("household"));
    }
    message
}

fn link(what: &Link, output: &Output) -> Result<(), Failure> {
    let mut message = of_both("link", &what.both);
    let kind = what.kind.unwrap_or(LinkKind::Manual);
    message.insert("kind".to_owned(), Json::from(kind.word()));
    if let Some(score) = what.score {
        message.insert("score".to_owned(), Json::from(score));
    }
    if let Some(rule) = &what.rule {
        message.insert("rule".to_owned(), Json::from(rule.as_str()));
    }
    decide(&what.both.two.store, &what.both.decision, message, output)
}

fn unlink(what: &Unlink, output: &Output) -> Result<(), Failure> {
    let mut message = of_both("unlink", &what.both);
    if let Some(until) = what.until {
        message.insert("until".to_owned(), Json::from(until.to_string()));
    }
    decide(&what.both.two.store, &what.both.decision, message, output)
}

fn retract(what: &Withdraw, output: &Output) -> Result<(), Failure> {
    let mut message = Map::new();
    if let Some(named) = &what.identifier {
        message.insert("type".to_owned(), Json::from("retire"));
        message.insert("identifier".to_owned(), identifier(named));
        if let Some(until) = what.until {
            message.insert("until".to_owned(), Json::from(until.to_string()));
        }
    }
    if let Some(id) = &what.evidence {
        let found = evidence(&what.store, id, "cluster", output)?;
        let (left, right) = found.identifiers;
        message.insert("type".to_owned(), Json::from("withdraw"));
        message.insert("left".to_owned(), identifier(&(left.namespace, left.value)));
        message.insert("right".to_owned(), identifier(&(right.namespace, right.value)));
        message.insert("kind".to_owned(), Json::from(found.kind));
        message.insert("source".to_owned(), Json::from(found.source));
        if found.rule != "record" {
            message.insert("rule".to_owned(), Json::from(found.rule));
        }
    }
    decide(&what.store, &what.decision, message, output)
}

/// Writes a decision down.
fn decide(
    store: &StoreOnly,
    decision: &Decision,
    mut message: Map<String, Json>,
    output: &Output,
) -> Result<(), Failure> {
    let at = decision.at.unwrap_or_else(|| clock().now());
    message.insert("timestamp".to_owned(), Json::from(at.to_string()));
    if let Some(note) = &decision.note {
        message.insert("note".to_owned(), Json::from(note.as_str()));
    }
    let store = Store::open(&store.data, false, output)?;
    for of in ["left", "right", "identifier"] {
        let Some((namespace, value)) = named_in(&message, of) else { continue };
        // One that stands for nobody would only wait in quarantine.
        if !store.view().identity_known((namespace, value))? {
            output.note(&format!("note: no record names {namespace} '{value}' so far"));
        }
    }
    let text = Json::Object(message.clone()).to_string();
    let record = Record::message(&decision.source, text.as_str());
    let receipt = store.session().write(Batch::new().record(record))?;
    let unmet = unmet(&store, &message)?;
    store.close()?;
    if let Some(broken) = receipt.broken.first() {
        return Err(Failure::new("invalid", broken.reason.clone()));
    }
    if let Some(unmet) = unmet {
        output.note(&unmet);
    }
    output.answer(
        || format!("decided at position {}\n", receipt.position),
        || shape::receipt(&receipt),
    )
}

/// The identifier that a message names.
fn named_in<'m>(message: &'m Map<String, Json>, of: &str) -> Option<(&'m str, &'m str)> {
    let of = message.get(of)?;
    Some((of.get("namespace")?.as_str()?, of.get("value")?.as_str()?))
}

/// What a decision about two identifiers asks for and does not reach: rules and other evidence stand beside it.
fn unmet(store: &Store, message: &Map<String, Json>) -> Result<Option<String>, Failure> {
    if message.contains_key("rules") {
        return Ok(None);
    }
    let wanted = match message.get("type").and_then(Json::as_str) {
        Some("link") => true,
        Some("forbid" | "unlink") => false,
        _ => return Ok(None),
    };
    let two = named_in(message, "left").zip(named_in(message, "right"));
    let Some((left, right)) = two else { return Ok(None) };
    let view = store.view();
    let answer = match view.identity(left, right) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        answer => answer?,
    };
    let note = match (wanted, answer) {
        (true, IdentityAnswer::Apart(_)) => {
            "note: it is written down, and the two are still apart: 'nave identity why-not' says what keeps them so"
        }
        (false, IdentityAnswer::One(_)) => {
            "note: it is written down, and the two are still one: 'nave identity why' and 'nave identity \
             cluster' say what was said, and what of it is withdrawn"
        }
        _ => return Ok(None),
    };
    Ok(Some(note.to_owned()))
}

/// The evidence of an id.
fn evidence(
    store: &StoreOnly,
    id: &str,
    printed_by: &str,
    output: &Output,
) -> Result<IdentityLink, Failure> {
    let store = Store::open(&store.data, false, output)?;
    let found = store.view().identity_evidence(id)?;
    store.leave();
    found.ok_or_else(|| {
        let message = format!(
            "there is no evidence '{id}'; 'nave identity {printed_by}' prints the ids, whole"
        );
        Failure::new("not_found", message)
    })
}

fn matching(what: &Match, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let report = store.session().identity_match(&MatchRequest {
        roles: what.role.clone(),
        learn: what.learn,
        threads: what.threads,
        dry_run: what.dry_run,
        source: what.source.clone(),
    })?;
    store.close()?;
    output.answer(|| match_text(&report, what.dry_run), || identity::matched(&report))
}

fn together(what: Together, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let report = store.session().identity_together(&TogetherRequest {
        place: what.place,
        events: what.event,
        bucket: what.bucket,
        least: what.least,
        crowd: what.crowd,
        namespaces: what.namespace,
        dry_run: what.dry_run,
        source: what.source,
    })?;
    store.close()?;
    output.answer(|| together_text(&report, what.dry_run), || identity::together(&report))
}

fn review(what: &Review, output: &Output) -> Result<(), Failure> {
    let decided = what.accept.as_ref().map(|id| ("link", id));
    if let Some((given, id)) = decided.or(what.reject.as_ref().map(|id| ("forbid", id))) {
        let (left, right) = evidence(&what.store, id, "review", output)?.identifiers;
        let mut message = Map::new();
        message.insert("type".to_owned(), Json::from(given));
        if given == "link" {
            message.insert("kind".to_owned(), Json::from("manual"));
        }
        message.insert("left".to_owned(), identifier(&(left.namespace, left.value)));
        message.insert("right".to_owned(), identifier(&(right.namespace, right.value)));
        return decide(&what.store, &what.decision, message, output);
    }
    let store = Store::open(&what.store.data, false, output)?;
    let found = store.view().identity_review(what.limit as usize)?;
    store.leave();
    output.answer(|| review_text(&found), || identity::proposals(&found))
}

fn why(what: &Two, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let (left, right) = (&what.left, &what.right);
    let answer = store.view().identity((&left.0, &left.1), (&right.0, &right.1))?;
    store.leave();
    output.answer(|| answer_text(&answer), || identity::answer(&answer))
}

fn cluster(what: &Cluster, output: &Output) -> Result<(), Failure> {
    let One { store, identifier } = &what.one;
    let store = Store::open(&store.data, false, output)?;
    let found = store.view().identity_cluster((&identifier.0, &identifier.1))?;
    store.leave();
    output.answer(
        || if what.dot { dot(&found) } else { cluster_text(&found) },
        || identity::cluster(&found),
    )
}

fn history(what: &One, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let (namespace, value) = &what.identifier;
    let changes = store.view().identity_history((namespace, value))?;
    store.leave();
    output.answer(|| history_text(&changes), || identity::history(&changes))
}

fn clusters(what: &Clusters, output: &Output) -> Result<(), Failure> {
    let store = Store::open(&what.store.data, false, output)?;
    let view = store.view();
    let header = if what.csv { "namespace,value,profile_id\n" } else { "" };
    let mut lines = Lines::new(output, header);
    let done = view.identity_clusters(&mut |namespace, value, id| {
        let line = || match what.csv {
            true => format!("{},{},{id}\n", csv_cell(namespace), csv_cell(value)),
            false => format!("{id}\t{namespace}={}\n", value.replace(['\t', '\r', '\n'], " ")),
        };
        lines.put(line, || identity::clustered(namespace, value, id));
        Ok(())
    });
    store.leave();
    done?;
    lines.finish(Reply::Array)
}

/// A cell of comma-separated values.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}
