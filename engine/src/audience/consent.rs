//! Consents: one pass over what persons allowed gives the profiles that allow a purpose on a channel.

use super::resolved::ConsentQuery;
use crate::base::ids::NodeId;
use crate::record::{ConsentState, EVERY};
use crate::state::{ConsentPlace, Reader};
use roaring::RoaringBitmap;

/// The profiles that allow it: of the latest consents within each of their identifiers, channel, purpose and topic, at
/// least one is given and none is refused.
///
/// A consent on every channel, or to every purpose, counts as one on this channel, to this purpose. With a topic, those
/// count that are about it or about none; without one, all.
pub fn consents(reader: &Reader<'_>, query: &ConsentQuery) -> RoaringBitmap {
    let latest = reader.consents(&|place| concerns(query, place));
    let (mut given, mut refused) = (RoaringBitmap::new(), RoaringBitmap::new());
    for (node, state) in latest.states() {
        if let Some(profile) = reader.nodes().label(node) {
            match state {
                ConsentState::Granted => given.insert(profile.0),
                ConsentState::Denied | ConsentState::Withdrawn => refused.insert(profile.0),
            };
        }
    }
    given - refused
}

/// Whether a place is asked about.
fn concerns(query: &ConsentQuery, place: &ConsentPlace<'_>) -> bool {
    let about = |topic: &String| place.topic.is_none_or(|known| known == topic.as_str());
    [query.channel.as_str(), EVERY].contains(&place.channel)
        && [query.purpose.as_str(), EVERY].contains(&place.purpose)
        && query.topic.as_ref().is_none_or(about)
}

/// Whether one profile, by its identifiers, allows it.
pub fn allows(reader: &Reader<'_>, members: &[NodeId], query: &ConsentQuery) -> bool {
    let latest = reader.consents_of(members);
    let mut given = false;
    for (place, state) in latest.all().filter(|(place, _)| concerns(query, place)) {
        debug_assert!(members.contains(&place.node));
        match state {
            ConsentState::Granted => given = true,
            ConsentState::Denied | ConsentState::Withdrawn => return false,
        }
    }
    given
}
