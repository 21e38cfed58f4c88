//! The text of predicates and of subqueries.

use super::names::{quoted, spelled};
use super::{Comparison, Events, Predicate, Scalar, Space};
use crate::generator::Schema;
use crate::rng::Rng;

/// A table that names may mean: its qualifier as it is written, and what it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) qualifier: Option<String>,
    pub(super) space: Space,
}

/// Makes the text of an audience.
pub struct Writer<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) schema: &'a Schema,
    /// Whether the correlation of subqueries must be written out.
    statement: bool,
    /// The qualifier of profiles.
    pub(super) profiles: String,
    /// Whether every name of a trait has its qualifier, since it could be read as something else.
    pub(super) qualified: bool,
    /// The tables of the subquery around.
    pub(super) tables: Vec<Place>,
    pub(super) text: String,
}

/// The text of a predicate, as a predicate or as a statement that counts.
pub fn write(rng: &mut Rng, predicate: &Predicate, statement: bool, schema: &Schema) -> String {
    let mut writer = Writer::new(rng, schema, statement);
    if statement {
        writer.word("SELECT count(*) FROM");
        writer.text.push(' ');
        writer.table_of_profiles();
        writer.spaced("WHERE");
    }
    writer.predicate(predicate, 0);
    writer.text
}

impl<'a> Writer<'a> {
    pub(super) fn new(rng: &'a mut Rng, schema: &'a Schema, statement: bool) -> Writer<'a> {
        let (profiles, tables, text) = ("p".to_owned(), Vec::new(), String::new());
        Writer { rng, schema, statement, profiles, qualified: false, tables, text }
    }

    /// The table of profiles, under one of several names.
    pub(super) fn table_of_profiles(&mut self) {
        let (from, qualifier) = match self.rng.below(8) {
            0 => ("profiles", "profiles"),
            1 => ("PROFILES \"The People\"", "\"The People\""),
            2 => ("profiles AS q", "Q"),
            _ => ("profiles p", "p"),
        };
        self.text.push_str(from);
        self.profiles = qualifier.to_owned();
    }

    /// A keyword, in either case.
    pub(super) fn word(&mut self, word: &str) {
        if self.rng.one_in(6) {
            self.text.push_str(&word.to_lowercase());
        } else {
            self.text.push_str(word);
        }
    }

    pub(super) fn spaced(&mut self, word: &str) {
        self.text.push_str(if self.rng.one_in(12) { "\n  " } else { " " });
        self.word(word);
        self.text.push(' ');
    }

    pub(super) fn name(&mut self, name: &str) {
        let name = spelled(self.rng, name);
        self.text.push_str(&name);
    }

    pub(super) fn listed<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (at, item) in items.iter().enumerate() {
            self.text.push_str(if at > 0 { ", " } else { "" });
            write(self, item);
        }
    }

    /// Levels of binding: 0 OR, 1 AND, 2 NOT, 3 everything tighter.
    pub(super) fn predicate(&mut self, predicate: &Predicate, outer: u8) {
        let own = match predicate {
            Predicate::Or(_) => 0,
            Predicate::And(_) => 1,
            Predicate::Not(_) => 2,
            _ => 3,
        };
        let brackets = own < outer || self.rng.one_in(6);
        if brackets {
            self.text.push('(');
        }
        match predicate {
            Predicate::And(parts) => self.joined(parts, "AND", 2),
            Predicate::Or(parts) => self.joined(parts, "OR", 1),
            Predicate::Not(part) => {
                self.word("NOT");
                self.text.push(' ');
                self.predicate(part, 2);
            }
            _ => self.test(predicate),
        }
        if brackets {
            self.text.push(')');
        }
    }

    fn joined(&mut self, parts: &[Predicate], word: &str, inner: u8) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.spaced(word);
            }
            self.predicate(part, inner);
        }
    }

    fn not(&mut self, negated: bool, word: &str) {
        let word = if negated { format!("NOT {word}") } else { word.to_owned() };
        self.spaced(&word);
    }

    /// A predicate that is no combination of others.
    fn test(&mut self, predicate: &Predicate) {
        match predicate {
            Predicate::Constant(None) => self.word("NULL"),
            Predicate::Constant(Some(value)) => self.word(if *value { "TRUE" } else { "FALSE" }),
            Predicate::Compare(comparison, left, right) => {
                self.scalar(left, 0);
                let sign = self.sign(*comparison);
                self.text.push_str(&format!(" {sign} "));
                self.scalar(right, 0);
            }
            Predicate::Between { subject, low, high, negated } => {
                self.scalar(subject, 0);
                self.not(*negated, "BETWEEN");
                self.scalar(low, 0);
                self.spaced("AND");
                self.scalar(high, 0);
            }
            Predicate::In { subject, list, negated } => {
                self.scalar(subject, 0);
                self.not(*negated, "IN");
                self.text.push('(');
                self.listed(list, |writer, item| writer.scalar(item, 0));
                self.text.push(')');
            }
            Predicate::IsNull { subject, negated } => {
                self.scalar(subject, 3);
                self.text.push(' ');
                self.word(if *negated { "IS NOT NULL" } else { "IS NULL" });
            }
            Predicate::Like { subject, pattern, escape, any_case, negated } => {
                self.scalar(subject, 3);
                self.not(*negated, if *any_case { "ILIKE" } else { "LIKE" });
                self.scalar(pattern, 3);
                if let Some(escape) = escape {
                    self.spaced("ESCAPE");
                    self.quote(&escape.to_string());
                }
            }
            Predicate::AnyOf(text, set) => {
                self.scalar(text, 3);
                self.text.push_str(" = ");
                self.word("ANY");
                self.text.push('(');
                self.scalar(set, 0);
                self.text.push(')');
            }
            Predicate::HasIdentifier(namespace) => {
                self.word("has_identifier(");
                self.quote(namespace);
                self.text.push(')');
            }
            Predicate::Consents { channel, purpose, topic } => {
                self.consents([Some(channel), Some(purpose), topic.as_ref()]);
            }
            Predicate::Profile { subject, ids, list, negated } => {
                self.profile(subject, ids, *list, *negated);
            }
            Predicate::Exists { events, negated } => {
                self.word(if *negated { "NOT EXISTS" } else { "EXISTS" });
                self.text.push(' ');
                let what = *self.rng.pick(&["1", "1", "*", "'x'", "NULL"]);
                self.subquery(events, |writer| writer.text.push_str(what));
            }
            Predicate::Funnel { within, steps } => self.funnel(within, steps),
            Predicate::Bare(scalar) => self.scalar(scalar, 3),
            _ => unreachable!("the others combine"),
        }
    }

    /// Words of consents are compared without case and blanks around them.
    fn consents(&mut self, words: [Option<&String>; 3]) {
        self.word("consents(");
        for (number, word) in words.into_iter().flatten().enumerate() {
            if number > 0 {
                self.text.push_str(", ");
            }
            let any_case = self.rng.one_in(4);
            self.quote(&if any_case { format!("{} ", word.to_uppercase()) } else { word.clone() });
        }
        self.text.push(')');
    }

    fn sign(&mut self, comparison: Comparison) -> &'static str {
        match comparison {
            Comparison::Equal => "=",
            Comparison::Different if self.rng.one_in(4) => "!=",
            Comparison::Different => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    fn profile(&mut self, subject: &Scalar, ids: &[Option<String>], list: bool, negated: bool) {
        let id = |writer: &mut Self, id: &Option<String>| match id {
            Some(id) => writer.quote(id),
            None => writer.word("NULL"),
        };
        match ids {
            [one] if !list => {
                let sign = if negated { " <> " } else { " = " };
                if self.rng.one_in(4) {
                    id(self, one);
                    self.text.push_str(sign);
                    self.scalar(subject, 3);
                } else {
                    self.scalar(subject, 3);
                    self.text.push_str(sign);
                    id(self, one);
                }
            }
            _ => {
                self.scalar(subject, 3);
                self.not(negated, "IN");
                self.text.push('(');
                self.listed(ids, id);
                self.text.push(')');
            }
        }
    }

    /// A subquery in brackets.
    pub(super) fn subquery(&mut self, events: &Events, select: impl FnOnce(&mut Self)) {
        let alone = events.joins.is_empty();
        self.enclosed(events, "", alone, select, |_| {});
    }

    /// A subquery whose tables have aliases that end in `suffix`; `plain` lets names stand without a qualifier. The
    /// tables stay in scope for `tail`, and for what follows a step of a funnel.
    pub(super) fn enclosed(
        &mut self,
        events: &Events,
        suffix: &str,
        plain: bool,
        select: impl FnOnce(&mut Self),
        tail: impl FnOnce(&mut Self),
    ) {
        let outside = self.tables.len();
        let (from, qualifier) = self.aliased(&events.event, "e", suffix, plain);
        self.place(qualifier.clone(), Space::Event(events.event.clone()));
        let mut joins = String::new();
        for (number, join) in events.joins.iter().enumerate() {
            let letter = ["d", "b", "f", "g"][number];
            let (from, own) = self.aliased(&join.entity, letter, suffix, false);
            let before = std::mem::take(&mut self.text);
            let inner = *self.rng.pick(&["JOIN", "JOIN", "INNER JOIN"]);
            self.spaced(if join.left { "LEFT JOIN" } else { inner });
            self.text.push_str(&from);
            self.spaced("ON");
            let id = format!("{}.id", own.clone().expect("a joined table has a qualifier"));
            if self.rng.one_in(4) {
                self.scalar(&join.on, 0);
                self.text.push_str(&format!(" = {id}"));
            } else {
                self.text.push_str(&format!("{id} = "));
                self.scalar(&join.on, 0);
            }
            joins += &std::mem::replace(&mut self.text, before);
            self.place(own, Space::Entity(join.entity.clone()));
        }
        self.text.push('(');
        self.word("SELECT");
        self.text.push(' ');
        select(self);
        self.spaced("FROM");
        self.text.push_str(&from);
        self.text.push_str(&joins);
        let own = qualifier.map_or_else(|| "profile_id".to_owned(), |q| format!("{q}.profile_id"));
        self.filter(&own, events.filter.as_deref());
        tail(self);
        self.text.push(')');
        if suffix.is_empty() {
            self.tables.truncate(outside);
        }
    }

    fn place(&mut self, qualifier: Option<String>, space: Space) {
        self.tables.push(Place { qualifier, space });
    }

    /// A table in FROM, and how its columns are qualified.
    fn aliased(
        &mut self,
        table: &str,
        letter: &str,
        suffix: &str,
        plain: bool,
    ) -> (String, Option<String>) {
        let name = spelled(self.rng, table);
        let alias = format!("{letter}{suffix}");
        // Two tables of one name need two aliases.
        let folded = table.to_lowercase();
        let first = !self.tables.iter().any(|place| match &place.space {
            Space::Event(other) | Space::Entity(other) => other.to_lowercase() == folded,
        });
        match self.rng.below(8) {
            0 if plain => (name, None),
            1 if suffix.is_empty() && first => (name.clone(), Some(name)),
            2 => (format!("{name} AS {alias}"), Some(alias)),
            3 => {
                let alias = quoted(&format!("The {alias}"));
                (format!("{name} {alias}"), Some(alias))
            }
            4 => (format!("{name} {alias}"), Some(alias.to_uppercase())),
            _ => (format!("{name} {alias}"), Some(alias)),
        }
    }

    /// The WHERE of a subquery, with the correlation where it must or may stand.
    fn filter(&mut self, own: &str, filter: Option<&Predicate>) {
        let correlation = (self.statement || self.rng.one_in(2)).then(|| {
            let outer = format!("{}.profile_id", self.profiles);
            if self.rng.one_in(4) { format!("{outer} = {own}") } else { format!("{own} = {outer}") }
        });
        if correlation.is_some() || filter.is_some() {
            self.spaced("WHERE");
        }
        match (correlation, filter) {
            (None, None) => {}
            (Some(correlation), None) => self.text.push_str(&correlation),
            (None, Some(filter)) => self.predicate(filter, 0),
            (Some(correlation), Some(filter)) => {
                let last = self.rng.one_in(4);
                if !last {
                    self.text.push_str(&correlation);
                    self.spaced("AND");
                }
                self.predicate(filter, 1);
                if last {
                    self.spaced("AND");
                    self.text.push_str(&correlation);
                }
            }
        }
    }

    fn funnel(&mut self, within: &[(i64, crate::calendar::Unit)], steps: &[Events]) {
        self.word("funnel(");
        self.interval(within);
        for (number, step) in steps.iter().enumerate() {
            self.text.push_str(", ");
            let suffix = format!("_{}", number + 1);
            self.enclosed(step, &suffix, false, |writer| writer.text.push('1'), |_| {});
        }
        self.text.push(')');
        self.tables.clear();
    }
}
