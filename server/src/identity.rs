//! Identity as replies: for JSON and for the network alike.

use crate::resp::Reply;
use navedb::{
    FollowReport, IdentifierName, IdentityAnswer, IdentityChange, IdentityCluster, IdentityLink,
    MatchReport, Proposal, Timestamp, TogetherReport,
};

fn name(name: &IdentifierName) -> Reply {
    Reply::map([
        ("namespace", Reply::from(name.namespace.as_str())),
        ("value", Reply::from(name.value.as_str())),
    ])
}

fn time(time: Option<Timestamp>) -> Reply {
    time.map_or(Reply::Null, |time| Reply::from(time.to_string().as_str()))
}

/// The id of a profile; null for identifiers that belong to none.
fn profile(id: &str) -> Reply {
    if id.is_empty() { Reply::Null } else { Reply::from(id) }
}

fn profiles((left, right): &(String, String)) -> Reply {
    Reply::Array(vec![profile(left), profile(right)])
}

fn texts(all: &[String]) -> Reply {
    Reply::Array(all.iter().map(|text| Reply::from(text.as_str())).collect())
}

fn link(link: &IdentityLink) -> Reply {
    Reply::map([
        ("id", Reply::from(link.id.as_str())),
        ("left", name(&link.identifiers.0)),
        ("right", name(&link.identifiers.1)),
        ("kind", Reply::from(link.kind.as_str())),
        ("source", Reply::from(link.source.as_str())),
        ("rule", Reply::from(link.rule.as_str())),
        ("score", Reply::Double(link.score)),
        ("first", time(link.first)),
        ("last", time(link.last)),
        ("count", Reply::count(u64::from(link.count))),
        ("admitted", Reply::Boolean(link.admitted)),
        ("fate", Reply::from(link.fate.as_str())),
        ("reason", Reply::from(link.reason.as_str())),
    ])
}

fn links(all: &[IdentityLink]) -> Reply {
    Reply::Array(all.iter().map(link).collect())
}

/// Whether two identifiers are one person, and why.
pub(crate) fn answer(answer: &IdentityAnswer) -> Reply {
    match answer {
        IdentityAnswer::One(why) => Reply::map([
            ("one", Reply::Boolean(true)),
            ("profile", Reply::from(why.profile.as_str())),
            ("path", links(&why.path)),
            ("weakest", why.weakest.map_or(Reply::Null, |place| Reply::count(place as u64))),
        ]),
        IdentityAnswer::Apart(not) => Reply::map([
            ("one", Reply::Boolean(false)),
            ("profiles", profiles(&not.profiles)),
            ("path", links(&not.path)),
            (
                "refused",
                Reply::Array(not.refused.iter().map(|n| Reply::count(*n as u64)).collect()),
            ),
            ("forbidden", links(&not.forbidden)),
        ]),
    }
}

/// A whole cluster.
pub(crate) fn cluster(cluster: &IdentityCluster) -> Reply {
    let identifiers = cluster.identifiers.iter().map(|(of, id, first)| {
        Reply::map([
            ("namespace", Reply::from(of.namespace.as_str())),
            ("value", Reply::from(of.value.as_str())),
            ("id", Reply::from(id.as_str())),
            ("first_seen", time(Some(*first))),
        ])
    });
    let crowded = cluster.crowded.iter().map(|(of, neighbours)| {
        Reply::map([
            ("namespace", Reply::from(of.namespace.as_str())),
            ("value", Reply::from(of.value.as_str())),
            ("neighbours", Reply::from(neighbours.as_str())),
        ])
    });
    Reply::map([
        ("profile", profile(&cluster.profile)),
        ("identifiers", Reply::Array(identifiers.collect())),
        ("links", links(&cluster.links)),
        ("crowded", Reply::Array(crowded.collect())),
    ])
}

/// What became of a profile.
pub(crate) fn history(changes: &[IdentityChange]) -> Reply {
    let all = changes.iter().map(|change| {
        Reply::map([
            ("position", Reply::count(change.position.0)),
            ("time", time(Some(change.time))),
            ("change", Reply::from(change.change.as_str())),
            ("old", texts(&change.old)),
            ("new", texts(&change.new)),
            ("because", Reply::from(change.because.as_str())),
            ("kind", Reply::from(change.kind.as_str())),
            ("left", name(&change.identifiers.0)),
            ("right", name(&change.identifiers.1)),
            ("source", Reply::from(change.source.as_str())),
            ("rule", Reply::from(change.rule.as_str())),
        ])
    });
    Reply::Array(all.collect())
}

/// An identifier with the id of its profile.
pub(crate) fn clustered(namespace: &str, value: &str, id: &str) -> Reply {
    Reply::map([
        ("namespace", Reply::from(namespace)),
        ("value", Reply::from(value)),
        ("profile_id", Reply::from(id)),
    ])
}

/// What matching found.
pub(crate) fn matched(report: &MatchReport) -> Reply {
    let roles = report.roles.iter();
    let roles = roles.map(|(name, role)| (Reply::from(name.as_str()), Reply::from(role.as_str())));
    Reply::map([
        ("records", Reply::count(report.records)),
        ("roles", Reply::Map(roles.collect())),
        ("compared", Reply::count(report.compared)),
        ("rule", Reply::from(report.rule.as_str())),
        ("learnt", Reply::Boolean(report.learnt)),
        ("saved", Reply::Boolean(report.saved)),
        ("model_profiles", Reply::count(report.model_profiles)),
        ("linked", Reply::count(report.linked)),
        ("proposed", Reply::count(report.proposed)),
        ("profiles_before", Reply::count(report.profiles.0)),
        ("profiles", Reply::count(report.profiles.1)),
        ("position", Reply::count(report.position.0)),
    ])
}

/// Who was at the same places at the same times.
pub(crate) fn together(report: &TogetherReport) -> Reply {
    Reply::map([
        ("rule", Reply::from(report.rule.as_str())),
        ("events", Reply::count(report.events)),
        ("undated", Reply::count(report.undated)),
        ("groups", Reply::count(report.groups)),
        ("crowded", Reply::count(report.crowded)),
        ("met", Reply::count(report.met)),
        ("linked", Reply::count(report.linked)),
        ("written", Reply::count(report.written)),
        ("profiles_before", Reply::count(report.profiles.0)),
        ("profiles", Reply::count(report.profiles.1)),
        ("position", Reply::count(report.position.0)),
    ])
}

/// What matching on arrival found.
pub(crate) fn followed(report: &FollowReport) -> Reply {
    Reply::map([
        ("rule", Reply::from(report.rule.as_str())),
        ("changed", Reply::count(report.changed)),
        ("gone", Reply::count(report.gone)),
        ("compared", Reply::count(report.compared)),
        ("linked", Reply::count(report.linked)),
        ("proposed", Reply::count(report.proposed)),
        ("written", Reply::count(report.written)),
        ("conflicts", Reply::count(report.conflicts)),
        ("chained", Reply::count(report.chained)),
        ("read_again", Reply::Boolean(report.read_again)),
        ("settled", Reply::Boolean(report.settled)),
        ("position", Reply::count(report.position.0)),
    ])
}

/// Pairs that wait for a decision.
pub(crate) fn proposals(found: &[Proposal]) -> Reply {
    Reply::list(found, |proposal| {
        Reply::map([("link", link(&proposal.link)), ("profiles", profiles(&proposal.profiles))])
    })
}
