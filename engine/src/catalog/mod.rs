//! Sources, traits, event types with their properties, entity types with their fields: names, numbers and the types in
//! force.
//!
//! *What it is:* a fold of what sources and loads declared and of the values that were folded. *Invariants:* names
//! compare without case and show their first spelling; numbers are dense and never reused; the type in force is the
//! class of the first unit that said it (numbers, times, booleans, text), as wide as its values need. *What it does
//! not know:* the values. *Where to start reading:* `Fields`.

mod rule;

pub use crate::base::nearest::nearest;
pub use rule::{AMOUNT, CURRENCY, Currency, Declared, Golden, Rule, Trust};

use crate::base::error::{Error, Result};
use crate::base::ids::SourceId;
use crate::base::limits::{ENTITY_TYPES_MAX, EVENT_TYPES_MAX, FIELDS_MAX, NAME_BYTES_MAX};
use crate::base::value::ValueType;
use bincode::{Decode, Encode};
use std::collections::HashMap;
use std::sync::Arc;

/// A trait, a property of an event type, or a field of an entity type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Field {
    /// The name in its first spelling.
    pub name: String,
    /// The type in force; none while only NULL was said.
    pub value_type: Option<ValueType>,
    /// Lists that were kept in the original alone.
    pub lists: u64,
    /// The number of the field that has the currency, when this is an amount of money.
    pub money: Option<u32>,
}

/// What must happen to a column for a value to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The column has this type already.
    As(ValueType),
    /// The column must first be made, or widened to this type.
    Widen(ValueType),
    /// The value contradicts the type in force.
    Contradicts(ValueType),
}

/// Named fields with dense numbers.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    fields: Vec<Field>,
    /// By name in its folded form; other names of a field lead to it as well.
    numbers: HashMap<String, usize>,
    /// What is declared of fields, by number.
    rules: HashMap<usize, Arc<Rule>>,
}

/// The form of a name under which it is found.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        let shown: String = name.chars().take(40).collect();
        return Err(Error::limit(format!(
            "'{shown}' is no name: names have 1 to {NAME_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

impl Fields {
    /// The fields of stored ones.
    pub fn from_stored(fields: Vec<Field>) -> Fields {
        let numbers = fields.iter().enumerate().map(|(i, f)| (folded(&f.name), i)).collect();
        Fields { fields, numbers, rules: HashMap::new() }
    }

    /// All fields in order of their numbers.
    pub fn all(&self) -> &[Field] {
        &self.fields
    }

    /// The number of a name, whatever its case.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).or_else(|| self.numbers.get(&folded(name))).copied()
    }

    /// A field by its number.
    pub fn get(&self, number: usize) -> Option<&Field> {
        self.fields.get(number)
    }

    /// The field that has the currency of a number, when the number is an amount of money: as it is declared, or, told
    /// without a declaration, the text of the same name with `.currency` behind it.
    pub fn currency_of(&self, number: usize) -> Option<usize> {
        let field =
            self.fields.get(number).filter(|f| f.value_type.is_some_and(ValueType::is_number))?;
        let declared = field.money.and_then(|number| usize::try_from(number).ok());
        let currency = declared.or_else(|| self.find(&format!("{}{CURRENCY}", field.name)))?;
        let text = self.fields.get(currency)?.value_type == Some(ValueType::Text);
        text.then_some(currency)
    }

    /// The number of a name, new if need be.
    ///
    /// # Errors
    /// `Limit` when there are too many, or the name is too long.
    pub fn number(&mut self, name: &str) -> Result<usize> {
        if let Some(number) = self.find(name) {
            return Ok(number);
        }
        check_name(name)?;
        if self.fields.len() >= FIELDS_MAX {
            return Err(Error::limit(format!(
                "there are {FIELDS_MAX} fields already; '{name}' would be one more"
            )));
        }
        let number = self.fields.len();
        self.fields.push(Field { name: name.to_owned(), value_type: None, lists: 0, money: None });
        self.numbers.insert(folded(name), number);
        Ok(number)
    }

    /// Declares a field, which is there from now on: its type is in force whatever its values are.
    ///
    /// # Errors
    /// As `number`.
    pub fn declare(&mut self, declared: &Declared) -> Result<()> {
        let number = self.number(&declared.name)?;
        for alias in &declared.aliases {
            self.numbers.entry(folded(alias)).or_insert(number);
        }
        let mut money = None;
        if declared.rule.money.is_some() {
            let currency = self.number(&format!("{}{CURRENCY}", declared.name))?;
            money = u32::try_from(currency).ok();
            self.set_rule(currency, Rule { value_type: Some(ValueType::Text), ..Rule::default() });
        }
        self.set_rule(number, declared.rule.clone());
        if let Some(field) = self.fields.get_mut(number) {
            field.money = money;
        }
        Ok(())
    }

    fn set_rule(&mut self, number: usize, rule: Rule) {
        if let Some(field) = self.fields.get_mut(number)
            && rule.value_type.is_some()
        {
            field.value_type = rule.value_type;
        }
        self.rules.insert(number, Arc::new(rule));
    }

    /// What is declared of a field.
    pub fn rule(&self, number: usize) -> Option<&Arc<Rule>> {
        if self.rules.is_empty() { None } else { self.rules.get(&number) }
    }

    /// Whether a field is an amount of money or its currency, or may say one.
    pub fn in_money(&self, number: usize) -> bool {
        let Some(field) = self.fields.get(number).filter(|_| self.has_money()) else {
            return false;
        };
        field.money.is_some()
            || self.money().any(|(_, name, rule)| {
                let says = |end: &str| folded(&field.name) == folded(&format!("{name}{end}"));
                let from = match &rule.money {
                    Some(Currency::From(from)) => self.find(from) == Some(number),
                    _ => false,
                };
                from || says(CURRENCY) || says(AMOUNT)
            })
    }

    /// The fields that are amounts of money: number, name, and how they are read.
    pub fn money(&self) -> impl Iterator<Item = (usize, &str, &Arc<Rule>)> {
        let mut found: Vec<_> =
            self.rules.iter().filter(|(_, rule)| rule.money.is_some()).collect();
        found.sort_unstable_by_key(|(number, _)| **number);
        found.into_iter().filter_map(|(number, rule)| {
            Some((*number, self.fields.get(*number)?.name.as_str(), rule))
        })
    }

    /// Whether a name is that of the amount in an object of amount and currency: no field of its own.
    pub fn is_amount(&self, name: &str) -> bool {
        self.has_money()
            && self.money().any(|(_, money, _)| folded(name) == folded(&format!("{money}{AMOUNT}")))
    }

    /// The fields whose golden value is not simply the latest, in the order of their numbers.
    pub fn golden(&self) -> impl Iterator<Item = (usize, &Golden)> {
        let asked = self.rules.iter().filter(|(_, rule)| rule.golden != Golden::Latest);
        let mut found: Vec<_> = asked.map(|(number, rule)| (*number, &rule.golden)).collect();
        found.sort_unstable_by_key(|(number, _)| *number);
        found.into_iter()
    }

    /// Whether any field is an amount of money.
    pub fn has_money(&self) -> bool {
        self.rules.values().any(|rule| rule.money.is_some())
    }

    /// The type that a value of a type takes in a field as it is; nothing when the field would have to change.
    pub fn fits(&self, number: usize, value_type: ValueType) -> Option<Fit> {
        let current = self.fields.get(number)?.value_type?;
        match current.widened(value_type) {
            Some(wide) if wide != current => None,
            None if current != ValueType::Text => Some(Fit::Contradicts(current)),
            _ => Some(Fit::As(current)),
        }
    }

    /// How a value of a type fits a field; the type in force is widened or set when that lets it fit.
    pub fn fit(&mut self, number: usize, value_type: ValueType) -> Fit {
        let declared = self.rules.get(&number).is_some_and(|rule| rule.value_type.is_some());
        let Some(field) = self.fields.get_mut(number) else { return Fit::Contradicts(value_type) };
        if let Some(current) = field.value_type.filter(|_| declared) {
            return Fit::As(current);
        }
        let Some(current) = field.value_type else {
            field.value_type = Some(value_type);
            return Fit::Widen(value_type);
        };
        if current == ValueType::Text {
            return Fit::As(current);
        }
        match current.widened(value_type) {
            Some(wide) if wide == current => Fit::As(current),
            Some(wide) => {
                field.value_type = Some(wide);
                Fit::Widen(wide)
            }
            None => Fit::Contradicts(current),
        }
    }

    /// Counts a list that is kept in the original alone.
    pub fn count_list(&mut self, number: usize) {
        if let Some(field) = self.fields.get_mut(number) {
            field.lists += 1;
        }
    }
}

/// What the name of a source begins with when its entry was damaged beyond saving.
pub const LOST_SOURCE: &str = "nave.lost.";

/// The catalog of a store.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    sources: Vec<Arc<str>>,
    /// The namespaces of identifiers.
    namespaces: Vec<Arc<str>>,
    /// The rules and models by which evidence was said; that of records is not among them.
    rules: Vec<Arc<str>>,
    traits: Fields,
    event_names: Fields,
    properties: Vec<Fields>,
    entity_names: Fields,
    entity_fields: Vec<Fields>,
}

impl Catalog {
    /// A catalog of stored parts; `properties` has the fields of each event type.
    pub fn from_stored(
        sources: Vec<String>,
        traits: Vec<Field>,
        events: Vec<Field>,
        properties: Vec<Vec<Field>>,
    ) -> Catalog {
        Catalog {
            sources: sources.into_iter().map(Arc::from).collect(),
            traits: Fields::from_stored(traits),
            event_names: Fields::from_stored(events),
            properties: properties.into_iter().map(Fields::from_stored).collect(),
            ..Catalog::default()
        }
    }

    /// The catalog with stored entity types, and the fields of each.
    pub fn with_entities(self, entities: Vec<Field>, fields: Vec<Vec<Field>>) -> Catalog {
        Catalog {
            entity_names: Fields::from_stored(entities),
            entity_fields: fields.into_iter().map(Fields::from_stored).collect(),
            ..self
        }
    }

    /// The catalog with stored namespaces, and rules of evidence.
    pub fn with_identity(self, namespaces: Vec<String>, rules: Vec<String>) -> Catalog {
        let names = |all: Vec<String>| all.into_iter().map(Arc::from).collect();
        Catalog { namespaces: names(namespaces), rules: names(rules), ..self }
    }

    /// The names of all namespaces, by number.
    pub fn namespaces(&self) -> &[Arc<str>] {
        &self.namespaces
    }

    /// The number of a namespace, if it has one.
    pub fn find_namespace(&self, name: &str) -> Option<u16> {
        let place = self.namespaces.iter().position(|known| known.as_ref() == name)?;
        u16::try_from(place).ok()
    }

    /// Adds a namespace. Those beyond the numbers that there are share the last one, and no rule speaks of them.
    pub fn add_namespace(&mut self, name: &str) -> u16 {
        let number = u16::try_from(self.namespaces.len()).unwrap_or(u16::MAX);
        if number < u16::MAX {
            self.namespaces.push(Arc::from(name));
        }
        number
    }

    /// The rules of evidence: the first has the number 1.
    pub fn rules(&self) -> &[Arc<str>] {
        &self.rules
    }

    /// The name of a rule of evidence: 0 is what a record says by naming both.
    pub fn rule_name(&self, number: u16) -> &str {
        let index = usize::from(number).wrapping_sub(1);
        self.rules.get(index).map_or("record", AsRef::as_ref)
    }

    /// The number of a rule of evidence, new if need be.
    ///
    /// # Errors
    /// `Limit` when there are too many.
    pub fn rule_number(&mut self, name: &str) -> Result<u16> {
        let known = self.rules.iter().position(|rule| rule.as_ref() == name);
        let place = known.unwrap_or(self.rules.len());
        let number = u16::try_from(place + 1).ok().filter(|number| *number < u16::MAX);
        let number = number.ok_or_else(|| {
            Error::limit(format!(
                "there are {place} rules of evidence already; '{name}' is one more"
            ))
        })?;
        if known.is_none() {
            check_name(name)?;
            self.rules.push(Arc::from(name));
        }
        Ok(number)
    }

    /// Adds a source; its number is one more than those before.
    pub fn add_source(&mut self, name: &str) -> SourceId {
        self.sources.push(Arc::from(name));
        SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX))
    }

    /// Gives the sources up to a number a name of their own, when the entry that named them was lost, so that no
    /// other source ever takes their number.
    pub fn keep_numbers(&mut self, number: SourceId) {
        while self.sources.len() < number.0 as usize {
            let lost = format!("{LOST_SOURCE}{}", self.sources.len() + 1);
            self.sources.push(Arc::from(lost));
        }
    }

    /// The number of a source. Sources compare byte for byte.
    pub fn find_source(&self, name: &str) -> Option<SourceId> {
        let index = self.sources.iter().position(|s| s.as_ref() == name)?;
        Some(SourceId(u32::try_from(index + 1).unwrap_or(u32::MAX)))
    }

    /// The name of a source.
    pub fn source_name(&self, source: SourceId) -> &str {
        let index = (source.0 as usize).wrapping_sub(1);
        self.sources.get(index).map_or("", AsRef::as_ref)
    }

    /// The names of all sources, by number.
    pub fn sources(&self) -> &[Arc<str>] {
        &self.sources
    }

    /// The traits.
    pub fn traits(&self) -> &Fields {
        &self.traits
    }

    /// The traits, to change.
    pub fn traits_mut(&mut self) -> &mut Fields {
        &mut self.traits
    }

    /// The event types; their `value_type` means nothing.
    pub fn events(&self) -> &Fields {
        &self.event_names
    }

    /// The properties of an event type.
    pub fn properties(&self, event: usize) -> Option<&Fields> {
        self.properties.get(event)
    }

    /// The properties of an event type, to change.
    pub fn properties_mut(&mut self, event: usize) -> Option<&mut Fields> {
        self.properties.get_mut(event)
    }

    /// The number of an event type, new if need be.
    ///
    /// # Errors
    /// `Limit` when there are too many, or the name is too long.
    pub fn event_number(&mut self, name: &str) -> Result<usize> {
        let number = self.event_names.number(name)?;
        if number >= EVENT_TYPES_MAX {
            return Err(Error::limit(format!("there are {EVENT_TYPES_MAX} event types already")));
        }
        while self.properties.len() <= number {
            self.properties.push(Fields::default());
        }
        Ok(number)
    }

    /// The entity types; their `value_type` means nothing.
    pub fn entities(&self) -> &Fields {
        &self.entity_names
    }

    /// The fields of an entity type.
    pub fn entity_fields(&self, entity: usize) -> Option<&Fields> {
        self.entity_fields.get(entity)
    }

    /// The fields of an entity type, to change.
    pub fn entity_fields_mut(&mut self, entity: usize) -> Option<&mut Fields> {
        self.entity_fields.get_mut(entity)
    }

    /// The number of an entity type, new if need be.
    ///
    /// # Errors
    /// `Limit` when there are too many, or the name is too long.
    pub fn entity_number(&mut self, name: &str) -> Result<usize> {
        if self.entity_names.find(name).is_none() && self.entity_fields.len() >= ENTITY_TYPES_MAX {
            return Err(Error::limit(format!("there are {ENTITY_TYPES_MAX} entity types already")));
        }
        let number = self.entity_names.number(name)?;
        while self.entity_fields.len() <= number {
            self.entity_fields.push(Fields::default());
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_widen_within_their_class() {
        let mut fields = Fields::default();
        let age = fields.number("Age").unwrap();
        assert_eq!(fields.number("AGE").unwrap(), age);
        assert_eq!(fields.fit(age, ValueType::Integer), Fit::Widen(ValueType::Integer));
        assert_eq!(fields.fit(age, ValueType::Integer), Fit::As(ValueType::Integer));
        assert_eq!(fields.fit(age, ValueType::Text), Fit::Contradicts(ValueType::Integer));
        assert_eq!(fields.fit(age, ValueType::Float), Fit::Widen(ValueType::Float));
        assert_eq!(fields.fit(age, ValueType::Decimal), Fit::As(ValueType::Float));
        let name = fields.number("name").unwrap();
        fields.fit(name, ValueType::Text);
        assert_eq!(fields.fit(name, ValueType::Date), Fit::As(ValueType::Text));
        assert_eq!(fields.get(age).map(|f| f.name.as_str()), Some("Age"));
    }
}
