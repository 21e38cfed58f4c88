//! What a row of a file is, by what its load says of all rows.

use super::reserved::{Beside, consent, entity_id, membership};
use super::statement::row_statement;
use super::{Identifier, Kind, RowError, check_reserved};
use crate::entry::{ConsentColumns, RowKind, Said};

/// What a row is, and what it tells beside that.
pub(super) struct Told {
    pub kind: Kind,
    /// The identifiers that it speaks of, where what it is names their columns.
    pub identifiers: Vec<Identifier>,
    pub beside: Vec<Beside>,
}

/// Whether the columns that have no other role are traits, properties or fields. Those of a consent, a
/// membership or evidence are kept in the original alone.
pub(super) fn fields_wanted(kind: &RowKind) -> bool {
    !matches!(kind, RowKind::Membership { .. } | RowKind::Consent(_) | RowKind::Evidence(_))
}

/// What a row is: `column` gives what it says in a column, and `place` where that stands.
pub(super) fn told(
    kind: &RowKind,
    column: impl Fn(&str) -> Option<String>,
    place: impl Fn(&str) -> Option<u64>,
) -> Result<Told, RowError> {
    let at = |name: &str, e: RowError| RowError { column: place(name), ..e };
    let (mut beside, mut identifiers) = (Vec::new(), Vec::new());
    let kind = match kind {
        RowKind::Identify | RowKind::Message => Kind::Identify,
        RowKind::Track(Said::Fixed(event)) => {
            check_reserved("event", event)?;
            Kind::Track(event.clone())
        }
        RowKind::Track(Said::Column(name)) => {
            let event = column(name).filter(|event| !event.is_empty());
            let missing = || at(name, RowError::new(format!("column {name} names no event")));
            let event = event.ok_or_else(missing)?;
            check_reserved("event", &event).map_err(|e| at(name, e))?;
            Kind::Track(event)
        }
        RowKind::Entity { entity, id } => {
            let what = format!("column {id}: an entity");
            let found = entity_id(column(id), &what).map_err(|e| at(id, e))?;
            Kind::Entity { entity: entity.clone(), id: found }
        }
        RowKind::Membership { group, id, state } => {
            let said = group_of(group, &column).map_err(|e| at(group.column().unwrap_or(""), e))?;
            let what = format!("column {id}: a group");
            let found = entity_id(column(id), &what).map_err(|e| at(id, e))?;
            let word = state.as_deref().and_then(&column);
            let of_state = |e| at(state.as_deref().unwrap_or(""), e);
            beside.push(membership(&said, &found, word.as_deref()).map_err(of_state)?);
            Kind::Entity { entity: said, id: found }
        }
        RowKind::Consent(columns) => {
            let said = |name: &str| {
                Ok(consent_part(columns, name).and_then(|part| match part {
                    Said::Fixed(text) => Some(text.clone()),
                    Said::Column(name) => column(name),
                }))
            };
            beside.push(consent(said)?);
            Kind::Identify
        }
        RowKind::Evidence(columns) => {
            let (statement, two) =
                row_statement(columns, column).map_err(|(name, e)| at(name, e))?;
            identifiers = two;
            Kind::Statement(statement)
        }
    };
    Ok(Told { kind, identifiers, beside })
}

/// The type of the group of a membership: an entity type.
fn group_of(group: &Said, column: &impl Fn(&str) -> Option<String>) -> Result<String, RowError> {
    let said = match group {
        Said::Fixed(group) => Some(group.clone()),
        Said::Column(name) => column(name),
    };
    let said = said.map(|group| group.trim().to_owned()).filter(|group| !group.is_empty());
    let missing = || RowError::new("the membership names no type of group, such as account");
    let said = said.ok_or_else(missing)?;
    check_reserved("type of group", &said).map(|()| said)
}

fn consent_part<'a>(columns: &'a ConsentColumns, name: &str) -> Option<&'a Said> {
    let ConsentColumns { channel, purpose, topic, state, basis, text } = columns;
    match name {
        "channel" => Some(channel),
        "purpose" => Some(purpose),
        "state" => Some(state),
        "topic" => topic.as_ref(),
        "basis" => basis.as_ref(),
        _ => text.as_ref(),
    }
}
