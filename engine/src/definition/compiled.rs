//! The definitions in force, as a fold asks them.

use super::body::Body;
use super::file::parse_name;
use super::identity::{HouseholdRules, IdentityRules, PERSON};
use super::kinds::kind_of;
use super::mapping::Mapping;
use crate::base::limits::NEW_NAMES_MAX;
use crate::catalog::{Catalog, Declared, Fields, Golden, folded};
use crate::entry::{FileShape, RowKind, Said};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use toml::de::DeTable;

/// Which records of a source a mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapped<'a> {
    /// Those that say what a person is.
    Identify,
    /// Those of an event.
    Track(&'a str),
    /// The rows of a child table of an event.
    Child(&'a str),
    /// Those of a type of entity.
    Entity(&'a str),
}

#[derive(Debug, Clone, Default)]
struct SourceMappings {
    identify: Option<Arc<Mapping>>,
    track: Option<Arc<Mapping>>,
    /// By the folded name of the event.
    events: HashMap<String, Arc<Mapping>>,
    /// By the folded name of the type of entity.
    entities: HashMap<String, Arc<Mapping>>,
}

/// The definitions in force, as a fold asks them.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    traits: Vec<Declared>,
    /// By the folded name of the event.
    properties: HashMap<String, Vec<Declared>>,
    /// By the folded name of the type of entity.
    entities: HashMap<String, Vec<Declared>>,
    mappings: HashMap<String, SourceMappings>,
    most_names: HashMap<String, u64>,
    /// The rules of identity, when any are written.
    identity: Option<Arc<IdentityRules>>,
    /// The rules of households.
    household: HouseholdRules,
}

impl Definitions {
    /// The definitions of kinds, names and bodies. Those that this version does not know say nothing to the fold.
    pub fn compile<'d>(given: impl Iterator<Item = (&'d str, &'d str, &'d str)>) -> Definitions {
        let mut found = Definitions::default();
        for (kind, name, body) in given {
            let known = kind_of(kind).zip(parse_name(name)).zip(DeTable::parse(body).ok());
            let Some(((kind, path), table)) = known else { continue };
            let _ = (kind.read)(&path, &Body::new(table.get_ref(), 0..body.len()), &mut found);
        }
        found
    }

    pub(super) fn add_trait(&mut self, declared: Declared) {
        self.traits.push(declared);
    }

    pub(super) fn add_property(&mut self, event: &str, declared: Declared) {
        self.properties.entry(folded(event)).or_default().push(declared);
    }

    pub(super) fn add_entity_field(&mut self, entity: &str, declared: Declared) {
        self.entities.entry(folded(entity)).or_default().push(declared);
    }

    pub(super) fn set_most_names(&mut self, source: &str, most: u64) {
        self.most_names.insert(source.to_owned(), most);
    }

    pub(super) fn set_identity(&mut self, rules: IdentityRules) {
        self.identity = Some(Arc::new(rules));
    }

    pub(super) fn set_household(&mut self, rules: HouseholdRules) {
        self.household = rules;
    }

    /// The rules of households in force.
    pub fn household(&self) -> &HouseholdRules {
        &self.household
    }

    /// The rules of identity in force.
    pub fn identity(&self) -> Arc<IdentityRules> {
        static UNWRITTEN: LazyLock<Arc<IdentityRules>> =
            LazyLock::new(|| Arc::new(IdentityRules::new(PERSON)));
        self.identity.clone().unwrap_or_else(|| Arc::clone(&UNWRITTEN))
    }

    pub(super) fn add_mapping(
        &mut self,
        source: &str,
        kind: &str,
        of: Option<&str>,
        mapping: Mapping,
    ) {
        let mapping = Arc::new(mapping);
        let mappings = self.mappings.entry(source.to_owned()).or_default();
        match (kind, of) {
            ("identify", _) => mappings.identify = Some(mapping),
            ("track", None) => mappings.track = Some(mapping),
            ("track", Some(event)) => {
                mappings.events.insert(folded(event), mapping);
            }
            (_, Some(entity)) => {
                mappings.entities.insert(folded(entity), mapping);
            }
            _ => {}
        }
    }

    /// A rule that names a trait or field which a catalog, in which the definitions are installed, does not know, in
    /// words.
    pub fn unknown(&self, catalog: &Catalog) -> Option<String> {
        let alike = self.household.alike.iter().flatten();
        let missing = alike.into_iter().find(|name| catalog.traits().find(name).is_none());
        let of_households = missing.map(|name| {
            format!(
                "persons of a household are to be alike in '{name}', and there is no trait of that name; load it \
                 first, or define it too"
            )
        });
        let of_traits = unknown_in("trait", &self.traits, catalog.traits());
        of_households.or(of_traits).or_else(|| {
            self.entities.iter().find_map(|(entity, declared)| {
                let number = catalog.entities().find(entity)?;
                let what = format!("field of '{entity}'");
                unknown_in(&what, declared, catalog.entity_fields(number)?)
            })
        })
    }

    /// How many new names a source may bring.
    pub fn most_names(&self, source: &str) -> u64 {
        self.most_names.get(source).copied().unwrap_or(NEW_NAMES_MAX)
    }

    /// How records of a source are understood, when anything says so.
    pub fn mapping(&self, source: &str, mapped: Mapped<'_>) -> Option<Arc<Mapping>> {
        let mappings = self.mappings.get(source)?;
        match mapped {
            Mapped::Identify => mappings.identify.clone(),
            Mapped::Track(event) => {
                let of_event = mappings.events.get(&folded(event));
                match (of_event, &mappings.track) {
                    (Some(event), Some(all)) => Some(Arc::new(event.over(all))),
                    (Some(one), None) | (None, Some(one)) => Some(Arc::clone(one)),
                    (None, None) => None,
                }
            }
            Mapped::Child(event) => mappings.events.get(&folded(event)).cloned(),
            Mapped::Entity(entity) => mappings.entities.get(&folded(entity)).cloned(),
        }
    }

    /// How rows of a load of a source are read, when that is not as the load said.
    pub fn shape(&self, source: &str, shape: &FileShape) -> Option<FileShape> {
        let mapping = match &shape.kind {
            RowKind::Identify => self.mapping(source, Mapped::Identify),
            RowKind::Track(Said::Fixed(event)) => self.mapping(source, Mapped::Track(event)),
            RowKind::Track(Said::Column(_)) => self.mappings.get(source)?.track.clone(),
            RowKind::Entity { entity, .. } => self.mapping(source, Mapped::Entity(entity)),
            _ => None,
        };
        mapping?.shape(shape)
    }

    /// Declares everything that is defined of fields, in a catalog that may have some of them.
    pub fn install(&self, catalog: &mut Catalog) {
        declare(&self.traits, catalog.traits_mut());
        let events: Vec<String> = catalog.events().all().iter().map(|e| e.name.clone()).collect();
        for (number, name) in events.iter().enumerate() {
            if let Some(fields) = catalog.properties_mut(number) {
                self.install_event(name, fields);
            }
        }
        let entities = catalog.entities().all().iter().map(|e| e.name.clone());
        for (number, name) in entities.collect::<Vec<_>>().iter().enumerate() {
            if let Some(fields) = catalog.entity_fields_mut(number) {
                self.install_entity(name, fields);
            }
        }
    }

    /// Declares the fields of those that a mapping is for.
    pub(super) fn install_of(&self, mapped: Mapped<'_>, fields: &mut Fields) {
        match mapped {
            Mapped::Identify => declare(&self.traits, fields),
            Mapped::Track(event) | Mapped::Child(event) => self.install_event(event, fields),
            Mapped::Entity(entity) => self.install_entity(entity, fields),
        }
    }

    /// Declares the properties of an event type.
    pub fn install_event(&self, event: &str, fields: &mut Fields) {
        if let Some(declared) = self.properties.get(&folded(event)) {
            declare(declared, fields);
        }
    }

    /// Declares the fields of a type of entity.
    pub fn install_entity(&self, entity: &str, fields: &mut Fields) {
        if let Some(declared) = self.entities.get(&folded(entity)) {
            declare(declared, fields);
        }
    }

    /// Names that two definitions claim, and traits that follow one that cannot lead, in words.
    pub fn clashes(&self) -> Vec<String> {
        let mut found = Vec::new();
        clashes_of("trait", &self.traits, &mut found);
        for (event, declared) in &self.properties {
            clashes_of(&format!("property of '{event}'"), declared, &mut found);
        }
        for (entity, declared) in &self.entities {
            clashes_of(&format!("field of '{entity}'"), declared, &mut found);
        }
        found.sort_unstable();
        found
    }
}

fn declare(declared: &[Declared], fields: &mut Fields) {
    for one in declared {
        // There can be no more definitions than fields, and their names were checked when they were defined.
        let _ = fields.declare(one);
    }
}

fn clashes_of(what: &str, declared: &[Declared], found: &mut Vec<String>) {
    let mut known: HashMap<String, &str> = HashMap::new();
    for one in declared {
        for name in one.names() {
            if let Some(other) = known.insert(folded(&name), &one.name) {
                let (this, name) = (&one.name, &name);
                found.push(format!(
                    "'{name}' is a name of two definitions of a {what}: '{other}' and '{this}'"
                ));
            }
        }
    }
    for one in declared {
        let Golden::Follow(leader) = &one.rule.golden else { continue };
        let leads = |other: &&Declared| other.names().any(|name| folded(&name) == folded(leader));
        if let Some(other) = declared.iter().find(leads)
            && !other.rule.golden.leads()
        {
            found.push(format!(
                "the {what} '{}' follows '{leader}', whose golden value is not that of one record by itself ({}); give \
                 '{leader}' latest, earliest, min, max, longest or sources",
                one.name,
                other.rule.golden.describe()
            ));
        }
    }
}

fn unknown_in(what: &str, declared: &[Declared], fields: &Fields) -> Option<String> {
    declared.iter().find_map(|one| {
        let name = one.rule.golden.names().filter(|name| fields.find(name).is_none())?;
        let this = &one.name;
        Some(format!(
            "the golden value of the {what} '{this}' asks for '{name}', and there is no {what} of that name; load it \
             first, or define it too"
        ))
    })
}
