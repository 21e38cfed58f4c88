//! Reading rules from TOML: the keys and the types of their values; what they may say is checked in `check`.

use super::check::Wrong;
use super::{CapRules, IdentityRules, LimitRule, NamespaceRules, SourceRules, Trust};
use super::{namespace_form, write};
use crate::base::calendar::Window;
use crate::definition::body::{Body, path_text};
use crate::definition::trouble::{Found, Trouble};
use crate::normalise::{Extension, Folding, Normaliser, PhoneRules, Region};
use std::collections::BTreeMap;
use std::ops::Range;
#[cfg(test)]
use toml::de::DeTable;
use toml::de::DeValue;

const SET_KEYS: [&str; 5] = ["blocked", "blocked_builtin", "namespace", "source", "component"];
const NAMESPACE_KEYS: [&str; 10] = [
    "limit",
    "unique",
    "rank",
    "blocked",
    "cap",
    "normaliser",
    "region",
    "extension",
    "fold_dots",
    "fold_plus",
];
const LIMIT_KEYS: [&str; 2] = ["most", "per"];
const SOURCE_KEYS: [&str; 2] = ["trust", "namespaces"];
const COMPONENT_KEYS: [&str; 1] = ["edges"];
const ANY: &str = "any";

/// The rule sets of a file, each in a table `[identity.NAME]`.
///
/// # Errors
/// What is wrong, where it stands in the text, and what to do.
#[cfg(test)]
pub fn parse(text: &str) -> Found<Vec<IdentityRules>> {
    let table =
        DeTable::parse(text).map_err(|e| Trouble::new(e.span().unwrap_or(0..0), e.message()))?;
    let root = Body::new(table.get_ref(), 0..0);
    root.check_keys("a file of rules", &["identity"])?;
    let Some(sets) = root.table("identity")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, at, value) in sets.pairs() {
        match value.get_ref().as_table() {
            Some(body) => found.push(IdentityRules::read(name, &Body::new(body, value.span()))?),
            None => {
                return Err(Trouble::new(
                    at,
                    format!("a rule set is a table; write [identity.{name}]"),
                ));
            }
        }
    }
    Ok(found)
}

impl IdentityRules {
    /// The rule set that the body of a definition says.
    ///
    /// # Errors
    /// What is wrong, where it stands in the text, and what to do.
    pub fn read(name: &str, body: &Body<'_>) -> Found<IdentityRules> {
        let path = vec![name.to_owned()];
        let place = Place { path: &path, body };
        let rules = place.rules(name)?;
        rules.validate().map_err(|wrong| trouble(body, &wrong))?;
        Ok(rules)
    }
}

/// What is wrong, at the place of the deepest of its keys that the text has.
fn trouble(body: &Body<'_>, wrong: &Wrong) -> Trouble {
    let mut at = body.at();
    let mut body = *body;
    for key in wrong.path.iter().skip(1) {
        let known = body
            .pairs()
            .into_iter()
            .find(|(name, _, _)| *name == key || namespace_form(name) == *key);
        let Some((_, place, value)) = known else { break };
        at = place;
        match value.get_ref().as_table() {
            Some(table) => body = Body::new(table, value.span()),
            None => {
                at = value.span();
                break;
            }
        }
    }
    Trouble::new(at, wrong.to_string())
}

/// A table and the keys that lead to it.
struct Place<'p, 't> {
    path: &'p [String],
    body: &'p Body<'t>,
}

impl<'t> Place<'_, 't> {
    /// The same trouble, with the keys that lead to it.
    fn named<T>(&self, found: Found<T>) -> Found<T> {
        found.map_err(|trouble| self.wrong(trouble.at.clone(), &[], &trouble.message))
    }

    fn wrong(&self, at: Range<usize>, keys: &[&str], message: &str) -> Trouble {
        let path = self.path.iter().map(String::as_str).chain(keys.iter().copied());
        let path: Vec<&str> = path.collect();
        Trouble::new(at, format!("identity.{}: {message}", path_text(&path)))
    }

    fn at_key<T>(&self, key: &str, message: &str) -> Found<T> {
        Err(self.wrong(self.body.place(key), &[key], message))
    }

    fn value(&self, key: &str) -> Option<&'t DeValue<'t>> {
        let mut pairs = self.body.pairs().into_iter();
        pairs.find(|(name, _, _)| *name == key).map(|(_, _, value)| value.get_ref())
    }

    fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn texts(&self, key: &str) -> Found<Vec<String>> {
        Ok(self.named(self.body.texts(key))?.into_iter().map(str::to_owned).collect())
    }

    /// Values that are blocked, as they are compared, in order.
    fn blocked(&self) -> Found<Vec<String>> {
        let mut values: Vec<String> =
            self.texts("blocked")?.iter().map(|value| value.trim().to_lowercase()).collect();
        values.sort_unstable();
        Ok(values)
    }

    fn flag(&self, key: &str) -> Found<Option<bool>> {
        match self.value(key) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => self.at_key(key, "must be true or false"),
        }
    }

    fn number<N: TryFrom<u64>>(&self, key: &str, most: u64) -> Found<Option<N>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number =
            value.as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        match number.filter(|number| *number <= most).and_then(|number| N::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => self.at_key(key, &format!("must be a whole number of at most {most}")),
        }
    }

    fn unknown<T>(&self, key: &str, what: &str, name: &str, known: &[&str]) -> Found<T> {
        let trouble = Trouble::unknown(self.body.place(key), what, name, known);
        Err(self.wrong(trouble.at, &[key], &trouble.message))
    }

    /// The tables of a key, each by its name.
    fn tables<T>(
        &self,
        key: &str,
        mut read: impl FnMut(&str, &Place<'_, 't>) -> Found<T>,
    ) -> Found<Vec<(String, Range<usize>, T)>> {
        let mut found = Vec::new();
        let Some(tables) = self.named(self.body.table(key))? else { return Ok(found) };
        for (name, at, value) in tables.pairs() {
            let path: Vec<String> =
                self.path.iter().cloned().chain([key.to_owned(), name.to_owned()]).collect();
            let Some(table) = value.get_ref().as_table() else {
                let example = path_text(&path);
                return Err(self.wrong(
                    at,
                    &[key, name],
                    &format!("must be a table; write [identity.{example}]"),
                ));
            };
            let body = Body::new(table, value.span());
            let place = Place { path: &path, body: &body };
            found.push((name.to_owned(), at, read(name, &place)?));
        }
        Ok(found)
    }

    fn rules(&self, name: &str) -> Found<IdentityRules> {
        self.named(self.body.check_keys("a rule set", &SET_KEYS))?;
        let mut namespaces = BTreeMap::new();
        for (namespace, at, rules) in self.tables("namespace", |_, place| place.namespace())? {
            if namespaces.insert(namespace_form(&namespace), rules).is_some() {
                let message = "this namespace comes twice, since case does not count; keep one";
                return Err(self.wrong(at, &["namespace", &namespace], message));
            }
        }
        let sources = self.tables("source", |_, place| place.source())?;
        let component = self.named(self.body.table("component"))?;
        let edges = match component {
            None => None,
            Some(body) => {
                let path: Vec<String> =
                    self.path.iter().cloned().chain([String::from("component")]).collect();
                let place = Place { path: &path, body: &body };
                place.named(body.check_keys("a component", &COMPONENT_KEYS))?;
                place.number("edges", u64::from(u32::MAX))?
            }
        };
        Ok(IdentityRules {
            name: name.to_owned(),
            blocked: self.blocked()?,
            blocked_builtin: self.flag("blocked_builtin")?.unwrap_or(true),
            namespaces,
            sources: sources.into_iter().map(|(source, _, rules)| (source, rules)).collect(),
            component_edges: edges,
        })
    }

    fn namespace(&self) -> Found<NamespaceRules> {
        self.named(self.body.check_keys("a namespace", &NAMESPACE_KEYS))?;
        Ok(NamespaceRules {
            limit: self.limit()?,
            unique: self.flag("unique")?.unwrap_or(false),
            rank: self.number("rank", u64::from(u16::MAX) - 1)?,
            blocked: self.blocked()?,
            cap: self.cap()?,
            normaliser: self.normaliser()?,
        })
    }

    fn limit(&self) -> Found<Option<LimitRule>> {
        let most = u64::from(u32::MAX);
        match self.value("limit") {
            None => Ok(None),
            Some(DeValue::Table(table)) => {
                let body = Body::new(table, self.body.place("limit"));
                let path: Vec<String> =
                    self.path.iter().cloned().chain([String::from("limit")]).collect();
                let place = Place { path: &path, body: &body };
                place.named(body.check_keys("a limit", &LIMIT_KEYS))?;
                let Some(most) = place.number("most", most)? else {
                    return self
                        .at_key("limit", "says no number; write { most = 3, per = \"month\" }");
                };
                let per = place.named(body.text("per"))?.unwrap_or("ever");
                let known = write::WINDOWS.iter().find(|(name, _)| *name == per);
                let Some((_, per)) = known else {
                    let names = write::WINDOWS.map(|(name, _)| name);
                    return place.unknown("per", "window", per, &names);
                };
                Ok(Some(LimitRule { most, per: *per }))
            }
            Some(DeValue::Integer(_)) => {
                let most = self.number("limit", most)?;
                Ok(most.map(|most| LimitRule { most, per: Window::Ever }))
            }
            Some(_) => self.at_key("limit", "must be a number, or { most = 3, per = \"month\" }"),
        }
    }

    fn cap(&self) -> Found<CapRules> {
        let most = u64::from(u32::MAX);
        match self.value("cap") {
            None => Ok(CapRules::default()),
            Some(DeValue::Integer(_)) => {
                Ok(CapRules { any: self.number("cap", most)?, of: BTreeMap::new() })
            }
            Some(DeValue::Table(table)) => {
                let body = Body::new(table, self.body.place("cap"));
                let path: Vec<String> =
                    self.path.iter().cloned().chain([String::from("cap")]).collect();
                let place = Place { path: &path, body: &body };
                let mut cap = CapRules::default();
                for (neighbour, at, _) in body.pairs() {
                    let Some(most) = place.number(neighbour, most)? else { continue };
                    if neighbour == ANY {
                        cap.any = Some(most);
                    } else if cap.of.insert(namespace_form(neighbour), most).is_some() {
                        let message =
                            "this namespace comes twice, since case does not count; keep one";
                        return Err(place.wrong(at, &[neighbour], message));
                    }
                }
                if cap == CapRules::default() {
                    return self
                        .at_key("cap", "says no number; write { anonymous_id = 100, any = 1000 }");
                }
                Ok(cap)
            }
            Some(_) => {
                self.at_key("cap", "must be a number, or { anonymous_id = 100, any = 1000 }")
            }
        }
    }

    fn normaliser(&self) -> Found<Option<Normaliser>> {
        let mut normaliser = match self.named(self.body.text("normaliser"))? {
            None => None,
            Some(name) => match Normaliser::named(name) {
                Ok(normaliser) => Some(normaliser),
                Err(message) => return self.at_key("normaliser", &message),
            },
        };
        let (dots, plus) = (self.folding("fold_dots")?, self.folding("fold_plus")?);
        let (region, extension) = (self.region()?, self.extension()?);
        match &mut normaliser {
            Some(Normaliser::Email(rules)) => {
                (rules.fold_dots, rules.fold_plus) = (dots, plus);
                self.only_for(&["region", "extension"], "phone@2")?;
            }
            Some(Normaliser::Phone(rules)) => {
                *rules = PhoneRules::new(region, extension);
                self.only_for(&["fold_dots", "fold_plus"], "email@2")?;
            }
            _ => {
                self.only_for(&["fold_dots", "fold_plus"], "email@2")?;
                self.only_for(&["region", "extension"], "phone@2")?;
            }
        }
        Ok(normaliser)
    }

    /// Refuses settings of a normaliser that is not chosen.
    fn only_for(&self, keys: &[&str], normaliser: &str) -> Found<()> {
        match keys.iter().find(|key| self.has(key)) {
            None => Ok(()),
            Some(key) => {
                let message =
                    format!("is for {normaliser} alone; add normaliser = \"{normaliser}\"");
                self.at_key(key, &message)
            }
        }
    }

    fn folding(&self, key: &str) -> Found<Folding> {
        let wants = "must be true, false, or a list of domains such as [\"gmail.com\"]";
        match self.value(key) {
            None | Some(DeValue::Boolean(false)) => Ok(Folding::Off),
            Some(DeValue::Boolean(true)) => Ok(Folding::Everywhere),
            Some(DeValue::Array(items)) if !items.is_empty() => {
                let domains = self.texts(key)?;
                let folding = Folding::at(&domains);
                match domains.iter().find(|text| text.contains('@') || text.trim().is_empty()) {
                    Some(text) => self.at_key(key, &format!("'{text}' is no domain; {wants}")),
                    None => Ok(folding),
                }
            }
            Some(_) => self.at_key(key, wants),
        }
    }

    fn region(&self) -> Found<Option<Region>> {
        let Some(text) = self.named(self.body.text("region"))? else { return Ok(None) };
        match Region::parse(text) {
            Ok(region) => Ok(Some(region)),
            Err(message) => self.at_key("region", &message),
        }
    }

    fn extension(&self) -> Found<Extension> {
        match self.named(self.body.text("extension"))? {
            None | Some("keep") => Ok(Extension::Kept),
            Some("drop") => Ok(Extension::Dropped),
            Some(other) => {
                self.unknown("extension", "way with extensions", other, &["keep", "drop"])
            }
        }
    }

    fn source(&self) -> Found<SourceRules> {
        self.named(self.body.check_keys("a source", &SOURCE_KEYS))?;
        let trust = match self.named(self.body.text("trust"))? {
            None => Trust::Full,
            Some(name) => match write::TRUSTS.iter().find(|(known, _)| *known == name) {
                Some((_, trust)) => *trust,
                None => {
                    let names = write::TRUSTS.map(|(name, _)| name);
                    return self.unknown("trust", "trust", name, &names);
                }
            },
        };
        let namespaces = match self.has("namespaces") {
            false => None,
            true => {
                let texts = self.texts("namespaces")?;
                let mut namespaces: Vec<String> = texts.iter().map(|n| namespace_form(n)).collect();
                namespaces.sort_unstable();
                Some(namespaces)
            }
        };
        Ok(SourceRules { trust, namespaces })
    }
}
