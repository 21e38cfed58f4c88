//! What owners save of questions: segments, and traits that are computed; and streams. The fold listens to none of
//! them.

use super::body::Body;
use super::trouble::{Found, Trouble};
use crate::base::limits::{SEGMENT_NOTE_BYTES_MAX, SEGMENT_TRAITS_MAX};
use toml::de::DeTable;

/// The kind of definitions of segments.
pub const SEGMENT: &str = "segment";
/// The kind of definitions of streams that have names of their own.
pub const STREAM: &str = "stream";
/// The kind of definitions of traits that are computed.
pub const COMPUTED: &str = "computed";

/// A saved segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentRule {
    /// Who is in it: an audience.
    pub audience: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Traits that the feed tells beside each profile.
    pub traits: Vec<String>,
    /// For how many days the feed can be read; nothing for ever.
    pub retain_days: Option<u64>,
    /// Whether to enter and to leave are events of the profile, which can be asked about.
    pub events: bool,
}

/// A stream with a name of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamRule {
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// For how many days its items can be read; nothing for ever.
    pub retain_days: Option<u64>,
}

/// A trait that is computed of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputedTrait {
    /// Its value, in the audience language.
    pub value: String,
    /// What it is.
    pub description: Option<String>,
}

const SEGMENT_KEYS: [&str; 7] =
    ["audience", "owner", "purpose", "description", "traits", "retain_days", "events"];

fn note(body: &Body<'_>, key: &str) -> Found<Option<String>> {
    let text = body.text(key)?;
    if text.is_some_and(|text| text.len() > SEGMENT_NOTE_BYTES_MAX) {
        let message = format!("'{key}' takes at most {SEGMENT_NOTE_BYTES_MAX} bytes");
        return Err(Trouble::new(body.place(key), message));
    }
    Ok(text.map(str::to_owned))
}

impl SegmentRule {
    /// An audience alone.
    pub fn asking(audience: impl Into<String>) -> SegmentRule {
        SegmentRule { audience: audience.into(), ..SegmentRule::default() }
    }

    /// Reads the body of a definition.
    pub fn read(body: &Body<'_>) -> Found<SegmentRule> {
        body.check_keys("a segment", &SEGMENT_KEYS)?;
        let Some(audience) = body.text("audience")? else {
            return Err(Trouble::new(
                body.at(),
                "a segment has an 'audience', such as \"p.country = 'FR'\"",
            ));
        };
        let traits: Vec<String> = body.texts("traits")?.into_iter().map(str::to_owned).collect();
        if traits.len() > SEGMENT_TRAITS_MAX {
            let message = format!("a segment tells at most {SEGMENT_TRAITS_MAX} traits");
            return Err(Trouble::new(body.place("traits"), message));
        }
        Ok(SegmentRule {
            audience: audience.to_owned(),
            owner: note(body, "owner")?,
            purpose: note(body, "purpose")?,
            description: note(body, "description")?,
            traits,
            retain_days: body.whole("retain_days")?,
            events: body.flag("events")?,
        })
    }

    /// The rule of a body that was read before.
    pub fn of_text(body: &str) -> Option<SegmentRule> {
        let table = DeTable::parse(body).ok()?;
        SegmentRule::read(&Body::new(table.get_ref(), table.span())).ok()
    }
}

impl StreamRule {
    /// Reads the body of a definition.
    pub fn read(body: &Body<'_>) -> Found<StreamRule> {
        body.check_keys("a stream", &["owner", "purpose", "description", "retain_days"])?;
        Ok(StreamRule {
            owner: note(body, "owner")?,
            purpose: note(body, "purpose")?,
            description: note(body, "description")?,
            retain_days: body.whole("retain_days")?,
        })
    }

    /// The stream of a body that was read before.
    pub fn of_text(body: &str) -> Option<StreamRule> {
        let table = DeTable::parse(body).ok()?;
        StreamRule::read(&Body::new(table.get_ref(), table.span())).ok()
    }
}

impl ComputedTrait {
    /// Reads the body of a definition.
    pub fn read(body: &Body<'_>) -> Found<ComputedTrait> {
        body.check_keys("a computed trait", &["value", "description"])?;
        let Some(value) = body.text("value")?.filter(|value| !value.trim().is_empty()) else {
            let help =
                "a computed trait has a 'value', such as \"(SELECT count(*) FROM purchase e)\"";
            return Err(Trouble::new(body.at(), help));
        };
        Ok(ComputedTrait { value: value.to_owned(), description: note(body, "description")? })
    }

    /// The trait of a body that was read before.
    pub fn of_text(body: &str) -> Option<ComputedTrait> {
        let table = DeTable::parse(body).ok()?;
        ComputedTrait::read(&Body::new(table.get_ref(), table.span())).ok()
    }
}
