//! Identity as people read it, and as Graphviz does.

use super::text::{Side, grouped, section};
use navedb::{
    FollowReport, IdentityAnswer, IdentityChange, IdentityCluster, IdentityLink, MatchReport,
    Proposal, TogetherReport,
};
use std::fmt::Write as _;

/// How many times the profiles that a model is of there may be before a new one is recommended.
const MODEL_OLD: u64 = 10;

/// Whether two identifiers are one person, and why.
pub(crate) fn answer_text(answer: &IdentityAnswer) -> String {
    match answer {
        IdentityAnswer::One(why) if why.path.is_empty() => {
            format!("one person, profile {}: they are the same identifier\n", why.profile)
        }
        IdentityAnswer::One(why) => {
            let mut text = format!("one person, profile {}\n", why.profile);
            let weakest = why.weakest;
            links(&mut text, "joined by", &why.path, |place| {
                if Some(place) == weakest { "the weakest link" } else { "" }
            });
            text
        }
        IdentityAnswer::Apart(not) => {
            let (left, right) = &not.profiles;
            let mut text = if left.is_empty() || right.is_empty() {
                "they are not one: no record names one of them yet\n".to_owned()
            } else {
                format!("two persons, profiles {left} and {right}\n")
            };
            if not.path.is_empty() {
                text.push_str("nothing that was said leads from one to the other\n");
            } else {
                links(&mut text, "what leads from one to the other", &not.path, |place| {
                    if not.refused.contains(&place) { "keeps them apart" } else { "" }
                });
            }
            if !not.forbidden.is_empty() {
                links(&mut text, "they cannot be one", &not.forbidden, |_| "");
            }
            text
        }
    }
}

fn links(
    text: &mut String,
    title: &str,
    all: &[IdentityLink],
    mark: impl Fn(usize) -> &'static str,
) {
    let rows: Vec<Vec<String>> = all
        .iter()
        .enumerate()
        .map(|(place, link)| {
            let mut row = link_row(link);
            row.push(mark(place).to_owned());
            row
        })
        .collect();
    section(text, title, &[Side::Left; 6], &rows);
}

fn link_row(link: &IdentityLink) -> Vec<String> {
    let (left, right) = &link.identifiers;
    let score = if link.score == 0.0 { String::new() } else { format!(" {}", link.score) };
    let rule = if link.rule == "record" { String::new() } else { format!(" by {}", link.rule) };
    let kind = format!("{}{score} from {}{rule}", link.kind, link.source);
    let times = match (link.first, link.last) {
        (Some(first), Some(last)) if first == last => format!("{first}"),
        (Some(first), Some(last)) => format!("{first} to {last}, {} times", link.count),
        _ => String::new(),
    };
    let fate = if link.reason.is_empty() {
        link.fate.clone()
    } else {
        format!("{}: {}", link.fate, link.reason)
    };
    vec![format!("{left} - {right}"), kind, times, fate, link.id.clone()]
}

/// A whole cluster.
pub(crate) fn cluster_text(cluster: &IdentityCluster) -> String {
    let mut text = if cluster.profile.is_empty() {
        "no profile: no record names it yet\n".to_owned()
    } else {
        format!("profile {}\n", cluster.profile)
    };
    let identifiers: Vec<Vec<String>> = cluster
        .identifiers
        .iter()
        .map(|(name, id, first)| vec![name.to_string(), format!("first seen {first}"), id.clone()])
        .collect();
    section(&mut text, "identifiers", &[Side::Left; 3], &identifiers);
    if !cluster.links.is_empty() {
        links(&mut text, "evidence", &cluster.links, |_| "");
    }
    for (name, namespace) in &cluster.crowded {
        let _ =
            writeln!(text, "{name} has too many neighbours of {namespace}: none of them counts");
    }
    text
}

/// A cluster for Graphviz: what counts is drawn through, what does not is dashed, what forbids is red.
pub(crate) fn dot(cluster: &IdentityCluster) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("graph identity {\n  node [shape=box];\n");
    let _ = writeln!(text, "  label={};", quoted(&format!("profile {}", cluster.profile)));
    for (name, ..) in &cluster.identifiers {
        let _ = writeln!(text, "  {};", quoted(&name.to_string()));
    }
    for link in &cluster.links {
        let (left, right) = &link.identifiers;
        let style = match (link.admitted, link.fate.as_str()) {
            (true, "joined") => "solid",
            (true, _) => "bold",
            (false, "forbids") => "dotted\", color=\"red",
            (false, _) => "dashed",
        };
        let label = format!("{} {} ({})", link.kind, link.source, link.fate);
        let _ = writeln!(
            text,
            "  {} -- {} [style=\"{style}\", label={}];",
            quoted(&left.to_string()),
            quoted(&right.to_string()),
            quoted(&label)
        );
    }
    text.push_str("}\n");
    text
}

/// What became of a profile.
pub(crate) fn history_text(changes: &[IdentityChange]) -> String {
    if changes.is_empty() {
        let text =
            "nothing: under the rules in force its identifiers never joined, split or changed id\n";
        return text.to_owned();
    }
    let rows: Vec<Vec<String>> = changes
        .iter()
        .map(|change| {
            let (left, right) = &change.identifiers;
            let of = if left == right { left.to_string() } else { format!("{left} - {right}") };
            let from = if change.source.is_empty() {
                String::new()
            } else {
                format!(" from {}", change.source)
            };
            let why = format!("{} {}{from} {of}", change.kind, change.because);
            let ids = format!("{} -> {}", change.old.join(" "), change.new.join(" "));
            vec![
                change.position.to_string(),
                change.time.to_string(),
                change.change.clone(),
                ids,
                why,
            ]
        })
        .collect();
    let mut text = String::new();
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left, Side::Left];
    section(&mut text, "changes", &sides, &rows);
    text
}

/// A line of what matching on arrival found.
pub(crate) fn follow_text(report: &FollowReport) -> String {
    let mut text = format!(
        "matching by {}: {} profiles new or changed, {} pairs compared: {} linked, {} for review\n",
        report.rule,
        grouped(report.changed),
        grouped(report.compared),
        grouped(report.linked),
        grouped(report.proposed)
    );
    if report.conflicts > 0 {
        let _ = writeln!(
            text,
            "{} pairs are in quarantine, since their message ids are known with other content; \
             'nave quarantine list' shows them",
            grouped(report.conflicts)
        );
    }
    if report.chained > 0 || !report.settled {
        text.push_str("not all could be decided one by one: 'nave identity match' goes on\n");
    }
    text
}

/// What matching found.
pub(crate) fn match_text(report: &MatchReport, dry_run: bool) -> String {
    let mut text = String::new();
    let roles = report.roles.iter().filter(|(_, role)| role != "ignored");
    let roles: Vec<Vec<String>> =
        roles.map(|(name, role)| vec![name.clone(), role.clone()]).collect();
    section(&mut text, "roles", &[Side::Left; 2], &roles);
    let (before, after) = report.profiles;
    let model = match (report.learnt, report.saved) {
        (true, true) => "learnt now, and saved as the definition model.person",
        (true, false) if dry_run => "learnt now, and not saved: this is a dry run",
        (true, false) => "learnt now, and not saved: too few profiles, or too much to keep",
        (false, _) => "the saved one",
    };
    // Writing to a string cannot fail.
    let of = grouped(report.model_profiles);
    let _ = writeln!(text, "model {} of {of} profiles: {model}", report.rule);
    if report.records > report.model_profiles.saturating_mul(MODEL_OLD) {
        text.push_str(
            "there are many more profiles than the model is of: \
             `nave retract --source matcher --from 1` and `nave identity match --learn` learn anew\n",
        );
    }
    let _ = writeln!(
        text,
        "{} profiles, {} pairs compared: {} linked, {} for review",
        grouped(report.records),
        grouped(report.compared),
        grouped(report.linked),
        grouped(report.proposed)
    );
    if dry_run {
        text.push_str("nothing was changed: this was a dry run\n");
    } else {
        let _ = writeln!(text, "profiles: {} -> {}", grouped(before), grouped(after));
        let _ = writeln!(text, "position {}, level group", report.position);
    }
    text
}

/// Who was at the same places at the same times.
pub(crate) fn together_text(report: &TogetherReport, dry_run: bool) -> String {
    let mut text = format!("rule {}\n{} events", report.rule, grouped(report.events));
    // Writing to a string cannot fail.
    if report.undated > 0 {
        let undated = grouped(report.undated);
        let _ =
            write!(text, ", and {undated} more that were passed over: their records name no time");
    }
    let _ = writeln!(
        text,
        "\n{} groups of two or more at one place in one bucket, {} of them crowds that were passed over",
        grouped(report.groups),
        grouped(report.crowded)
    );
    let _ = writeln!(
        text,
        "{} pairs of different profiles met, {} of them often enough",
        grouped(report.met),
        grouped(report.linked)
    );
    if dry_run {
        text.push_str("nothing was changed: this was a dry run\n");
        return text;
    }
    let known = report.linked - report.written.min(report.linked);
    let _ = writeln!(
        text,
        "{} links written, {} were known already",
        grouped(report.written),
        grouped(known)
    );
    let (before, after) = report.profiles;
    let _ = writeln!(text, "profiles: {} -> {}", grouped(before), grouped(after));
    let _ = writeln!(text, "position {}, level group", report.position);
    text
}

/// Pairs that wait for a decision.
pub(crate) fn review_text(found: &[Proposal]) -> String {
    if found.is_empty() {
        return "nothing waits for a decision\n".to_owned();
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|proposal| {
            let (left, right) = &proposal.link.identifiers;
            let (one, other) = &proposal.profiles;
            let score = format!("{:.3}", proposal.link.score);
            let profiles = format!("{one} {other}");
            vec![score, format!("{left} - {right}"), profiles, proposal.link.id.clone()]
        })
        .collect();
    let mut text = String::new();
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    section(&mut text, "pairs that may be one person", &sides, &rows);
    text
}
