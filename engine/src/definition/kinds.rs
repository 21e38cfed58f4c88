//! The kinds of definitions, in one table: where their names stand, what their bodies may say, and whether the fold
//! listens to them.

use super::body::{Body, body_text};
use super::compiled::Definitions;
use super::expectation::Expectation;
use super::identity::{HOUSEHOLD, HouseholdRules, IdentityRules, PERSON};
use super::saved::{COMPUTED, ComputedTrait, SEGMENT, STREAM, SegmentRule, StreamRule};
use super::trouble::{Found, Trouble};
use super::{field, mapping};
use toml::de::DeTable;

/// A kind of definition.
pub struct Kind {
    /// Its name: the first key of its tables.
    pub name: &'static str,
    /// The keys that follow, as they are told.
    pub levels: Levels,
    /// Reads a body; what the fold needs of it goes into the definitions.
    pub read: fn(&[String], &Body<'_>, &mut Definitions) -> Found<()>,
    /// What of it the fold listens to.
    pub folds: Folds,
}

/// How the name of a definition stands in the keys of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// So many keys, which are called so.
    Named(&'static [&'static str]),
    /// As mappings have it.
    Mapping,
}

/// What of a definition the fold listens to: when that changes, the log is folded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folds {
    /// All of it.
    Whole,
    /// These keys; nothing when there are none.
    Keys(&'static [&'static str]),
}

/// All kinds.
pub const KINDS: [Kind; 11] = [
    Kind { name: "trait", levels: Levels::Named(&["NAME"]), read: read_trait, folds: Folds::Whole },
    Kind {
        name: "property",
        levels: Levels::Named(&["EVENT", "NAME"]),
        read: read_property,
        folds: Folds::Whole,
    },
    Kind {
        name: "entity",
        levels: Levels::Named(&["TYPE", "NAME"]),
        read: read_entity,
        folds: Folds::Whole,
    },
    Kind { name: "mapping", levels: Levels::Mapping, read: read_mapping, folds: Folds::Whole },
    Kind {
        name: "source",
        levels: Levels::Named(&["NAME"]),
        read: read_source,
        folds: Folds::Keys(&["max_new_names"]),
    },
    Kind {
        name: "identity",
        levels: Levels::Named(&["NAME"]),
        read: read_identity,
        folds: Folds::Whole,
    },
    Kind {
        name: "model",
        levels: Levels::Named(&["NAME"]),
        read: read_model,
        folds: Folds::Keys(&[]),
    },
    Kind {
        name: "expect",
        levels: Levels::Named(&["SOURCE", "WHAT"]),
        read: read_expectation,
        folds: Folds::Keys(&[]),
    },
    Kind {
        name: SEGMENT,
        levels: Levels::Named(&["NAME"]),
        read: |_, body, _| SegmentRule::read(body).map(|_| ()),
        folds: Folds::Keys(&[]),
    },
    Kind {
        name: COMPUTED,
        levels: Levels::Named(&["NAME"]),
        read: |_, body, _| ComputedTrait::read(body).map(|_| ()),
        folds: Folds::Keys(&[]),
    },
    Kind {
        name: STREAM,
        levels: Levels::Named(&["NAME"]),
        read: |_, body, _| StreamRule::read(body).map(|_| ()),
        folds: Folds::Keys(&[]),
    },
];

/// The names of all kinds.
pub fn kind_names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// The kind of a name.
pub fn kind_of(name: &str) -> Option<&'static Kind> {
    const ALL: &[Kind] = &KINDS;
    ALL.iter().find(|kind| kind.name == name)
}

/// What of a body the fold listens to.
pub fn fold_text(kind: &str, name: &str, body: Option<&str>) -> String {
    if (kind, name) == ("identity", HOUSEHOLD) {
        // Households are asked for; the fold makes none.
        return String::new();
    }
    let (Some(kind), Some(body)) = (kind_of(kind), body) else { return String::new() };
    match kind.folds {
        // A body that says nothing is not the same as none.
        Folds::Whole => format!("body\n{body}"),
        Folds::Keys(keys) => match DeTable::parse(body) {
            Ok(table) => body_text(table.get_ref(), |key, _| keys.contains(&key)),
            Err(_) => body.to_owned(),
        },
    }
}

fn name_of(path: &[String], index: usize) -> &str {
    path.get(index).map_or("", String::as_str)
}

fn read_trait(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    into.add_trait(field::declared(name_of(path, 0), body)?);
    Ok(())
}

fn read_property(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    if body.place("golden") != body.at() {
        let message =
            "'golden' is for traits and fields of entities; each event keeps its own value";
        return Err(Trouble::new(body.place("golden"), message));
    }
    into.add_property(name_of(path, 0), field::declared(name_of(path, 1), body)?);
    Ok(())
}

fn read_entity(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    into.add_entity_field(name_of(path, 0), field::declared(name_of(path, 1), body)?);
    Ok(())
}

fn read_mapping(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    let mapping = mapping::Mapping::read(body)?;
    let (source, kind) = (name_of(path, 0), name_of(path, 1));
    into.add_mapping(source, kind, path.get(2).map(String::as_str), mapping);
    Ok(())
}

/// What a source is allowed to do.
const SOURCE_KEYS: [&str; 3] = ["state", "reason", "max_new_names"];

/// The states of a source.
const SOURCE_STATES: [&str; 3] = ["live", "held", "refused"];

fn read_source(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    body.check_keys("a source", &SOURCE_KEYS)?;
    if let Some(state) = body.text("state")?
        && !SOURCE_STATES.contains(&state)
    {
        return Err(Trouble::unknown(body.place("state"), "state", state, &SOURCE_STATES));
    }
    body.text("reason")?;
    if let Some(most) = body.whole("max_new_names")? {
        into.set_most_names(name_of(path, 0), most);
    }
    Ok(())
}

fn read_identity(path: &[String], body: &Body<'_>, into: &mut Definitions) -> Found<()> {
    if name_of(path, 0) == HOUSEHOLD {
        into.set_household(HouseholdRules::read(body)?);
        return Ok(());
    }
    check_person("identity", path, body)?;
    into.set_identity(IdentityRules::read(name_of(path, 0), body)?);
    Ok(())
}

/// There is one model, that of persons, and beside their rules only those of households.
fn check_person(kind: &str, path: &[String], body: &Body<'_>) -> Found<()> {
    match name_of(path, 0) {
        PERSON => Ok(()),
        other => {
            let or = if kind == "identity" {
                format!(" or [{kind}.{HOUSEHOLD}]")
            } else {
                String::new()
            };
            let message = format!("'{other}' is none that Nave knows; write [{kind}.{PERSON}]{or}");
            Err(Trouble::new(body.at(), message))
        }
    }
}

/// A model is read by those who match with it; the fold does not listen.
fn read_model(path: &[String], body: &Body<'_>, _: &mut Definitions) -> Found<()> {
    check_person("model", path, body)?;
    body.check_keys("a model", &["text", "roles"])?;
    body.table("roles")?;
    match body.text("text")? {
        Some(_) => Ok(()),
        None => {
            Err(Trouble::new(body.at(), "a model has a 'text', as nave identity match saves it"))
        }
    }
}

fn read_expectation(path: &[String], body: &Body<'_>, _: &mut Definitions) -> Found<()> {
    let text = body_text(body.table, |_, _| true);
    let read = Expectation::read(name_of(path, 0), name_of(path, 1), &text);
    read.map(|_| ()).map_err(|message| Trouble::new(body.at(), message))
}
