//! Whether a person allows something.

use crate::oracle::{CONSENT, Event, Person};
use navedb::Value;
use std::collections::BTreeMap;

/// The latest of each identifier, channel, purpose and topic that is asked for; one must be given, and none refused.
pub fn consents(person: &Person, channel: &str, purpose: &str, topic: Option<&str>) -> bool {
    let mut latest: BTreeMap<_, (i64, bool)> = BTreeMap::new();
    let all = person.events.get(CONSENT);
    for event in all.into_iter().flatten() {
        let own = (said(event, "channel"), said(event, "purpose"), said(event, "topic"));
        let (on, to, about) = &own;
        let matches = |word: &Option<String>, wanted: &str| {
            word.as_deref() == Some(wanted) || word.as_deref() == Some("*")
        };
        let asked = about.is_none() || topic.is_none() || about.as_deref() == topic;
        if !(matches(on, channel) && matches(to, purpose) && asked) {
            continue;
        }
        let given = said(event, "state").as_deref() == Some("granted");
        let known = latest.entry((event.owner.clone(), own)).or_insert((event.time, given));
        if event.time > known.0 {
            *known = (event.time, given);
        } else if event.time == known.0 {
            known.1 &= given;
        }
    }
    !latest.is_empty() && latest.values().all(|(_, given)| *given)
}

fn said(event: &Event, name: &str) -> Option<String> {
    match event.properties.get(name)? {
        Value::Text(text) => Some(text.clone()),
        other => panic!("{name} of a consent is {other:?}"),
    }
}
