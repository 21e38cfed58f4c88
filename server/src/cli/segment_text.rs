//! Segments as people read them.
//!
//! *Where to start reading:* `describe_text`, `feed_line`.

use super::text::{Side, columns, grouped};
use navedb::{
    ComputedTrait, FeedItem, Segment, SegmentPart, SegmentReplay, SegmentTrial, SegmentVersion,
    SegmentWhy, Timestamp,
};
use std::fmt::Write as _;

/// A text on one line.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All segments.
pub(crate) fn list_text(all: &[Segment]) -> String {
    if all.is_empty() {
        return "no segments; 'nave segment define' saves one\n".to_owned();
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|segment| {
            vec![
                segment.name.clone(),
                grouped(segment.count),
                format!("version {}", segment.version),
                segment.rule.owner.clone().unwrap_or_default(),
                match (&segment.stalled, &segment.asks_stalled) {
                    (Some(reason), _) => format!("STALLED: {}", plain(reason)),
                    (None, Some(asked)) => {
                        let audience = plain(&segment.rule.audience);
                        format!("{audience} ('{}' is STALLED)", plain(asked))
                    }
                    (None, None) => plain(&segment.rule.audience),
                },
            ]
        })
        .collect();
    columns("", &[Side::Left, Side::Right, Side::Left, Side::Left, Side::Left], &rows)
}

/// A segment.
pub(crate) fn describe_text(segment: &Segment, clock: Timestamp) -> String {
    let mut rows = vec![
        vec!["version".to_owned(), segment.version.to_string()],
        vec!["members".to_owned(), format!("{} at {clock}", grouped(segment.count))],
        vec!["audience".to_owned(), plain(&segment.rule.audience)],
    ];
    let kept = segment.rule.retain_days.map(|days| format!("{} days", grouped(days)));
    let events = segment.rule.events.then(|| "events nave.entered and nave.left".to_owned());
    let traits = (!segment.rule.traits.is_empty()).then(|| segment.rule.traits.join(", "));
    for (name, said) in [
        ("owner", &segment.rule.owner),
        ("purpose", &segment.rule.purpose),
        ("description", &segment.rule.description),
        ("feed tells", &traits),
        ("feed kept", &kept),
        ("feed makes", &events),
        ("STALLED", &segment.stalled),
        ("STALLED below", &segment.asks_stalled),
    ] {
        if let Some(said) = said {
            rows.push(vec![name.to_owned(), plain(said)]);
        }
    }
    format!("segment {}\n{}", segment.name, columns("  ", &[Side::Left; 2], &rows))
}

/// What a segment would be.
pub(crate) fn trial_text(trial: &SegmentTrial, known: Option<&Segment>) -> String {
    let mut text = format!(
        "{} of {} profiles would be in it\n",
        grouped(trial.count),
        grouped(trial.profiles)
    );
    match known {
        Some(known) => {
            let _ = writeln!(
                text,
                "beside version {} of '{}', which has {}: {} would enter, {} would leave",
                known.version,
                known.name,
                grouped(known.count),
                grouped(trial.entered),
                grouped(trial.left)
            );
            some(&mut text, "would enter", trial.entered, &trial.entering);
            some(&mut text, "would leave", trial.left, &trial.leaving);
        }
        None => some(&mut text, "would be in it", trial.count, &trial.members),
    }
    text.push_str("nothing was changed: this was a trial\n");
    text
}

fn some(text: &mut String, what: &str, count: u64, ids: &[String]) {
    if ids.is_empty() {
        return;
    }
    let _ = match ids.len() as u64 == count {
        true => writeln!(text, "{what}:"),
        false => writeln!(text, "{what}, {} of {}:", ids.len(), grouped(count)),
    };
    for id in ids {
        let _ = writeln!(text, "  {id}");
    }
}

/// Why a profile is in a segment, or is not.
pub(crate) fn why_text(why: &SegmentWhy) -> String {
    let is = if why.member { "is in it" } else { "is not in it" };
    let mut text = format!("profile {} {is} (version {})\n", why.profile_id, why.version);
    if let Some(reason) = &why.stalled {
        let _ = writeln!(text, "STALLED, it stays what it was: {}", plain(reason));
    }
    for part in &why.parts {
        part_text(&mut text, part);
    }
    text
}

fn part_text(text: &mut String, part: &SegmentPart) {
    let truth = match part.truth {
        Some(true) => "true",
        Some(false) => "false",
        None => "unknown",
    };
    let _ = writeln!(text, "{truth:7}  {}", plain(&part.text));
    for (name, value) in &part.values {
        let value = value.as_ref().map_or_else(|| "NULL".to_owned(), ToString::to_string);
        let _ = writeln!(text, "         {} = {}", plain(name), plain(&value));
    }
    for (time, position, source) in &part.records {
        let _ = writeln!(text, "         {source} said so at {time}, position {position}");
    }
    if let Some(trouble) = &part.trouble {
        let _ = writeln!(text, "         there is no answer: {}", plain(trouble));
    }
    if let Some(flips) = part.flips {
        let _ = writeln!(text, "         if nothing new is said, it changes at {flips}");
    }
}

/// All versions.
pub(crate) fn history_text(versions: &[SegmentVersion]) -> String {
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                format!("version {}", version.version),
                version.time.to_string(),
                format!("position {}", version.position),
                version.owner.clone().unwrap_or_default(),
                version.audience.as_deref().map_or_else(|| "dropped".to_owned(), plain),
            ]
        })
        .collect();
    columns("", &[Side::Left; 5], &rows)
}

/// What the columns of a feed are called.
pub(crate) fn feed_heading(traits: &[String]) -> String {
    let fixed = ["position", "time", "change", "profile_id", "reason", "origin", "version"];
    let all = fixed.into_iter().map(str::to_owned).chain(traits.iter().map(|name| plain(name)));
    all.collect::<Vec<_>>().join("\t") + "\n"
}

/// An item of a feed.
pub(crate) fn feed_line(item: &FeedItem) -> String {
    let mut line = format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        item.position,
        item.time,
        if item.entered { "entered" } else { "left" },
        item.profile_id,
        item.reason,
        item.origin.name(),
        item.version
    );
    for value in &item.traits {
        let value = value.as_deref().unwrap_or_default().replace(['\t', '\n', '\r'], " ");
        let _ = write!(line, "\t{value}");
    }
    line + "\n"
}

/// Who would have been in a segment.
pub(crate) fn replay_text(replay: &SegmentReplay, from: Timestamp, ids: bool) -> String {
    let mut text = format!("{from}\t{} profiles\n", replay.members.len());
    let list = |text: &mut String, what: &str, all: &[String]| {
        for id in all.iter().filter(|_| ids) {
            let _ = writeln!(text, "\t{what}\t{id}");
        }
    };
    list(&mut text, "in it", &replay.members);
    for step in &replay.steps {
        let _ = writeln!(
            text,
            "{}\t{} profiles\t{} entered\t{} left",
            step.time,
            step.count,
            step.entered.len(),
            step.left.len()
        );
        list(&mut text, "entered", &step.entered);
        list(&mut text, "left", &step.left);
    }
    text
}

/// All computed traits.
pub(crate) fn computed_text(all: &[ComputedTrait]) -> String {
    if all.is_empty() {
        return "no computed traits; 'nave trait define' saves one\n".to_owned();
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|known| {
            let said = known.description.as_deref().map(plain).unwrap_or_default();
            let version = format!("version {}", known.version);
            let value = match &known.stalled {
                Some(reason) => format!("STALLED: {}", plain(reason)),
                None => plain(&known.value),
            };
            vec![known.name.clone(), version, value, said]
        })
        .collect();
    columns("", &[Side::Left; 4], &rows)
}
