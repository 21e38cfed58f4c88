//! Tables that are asked for by names of traits: breakdowns, greatest values, aggregates, pages of members.
//!
//! *Invariants:* the audience is parsed and the table is set into its ast; no text is put together. An error about a
//! name has no place, because the name stands in no text. A page holds no more rows than were asked for, however many
//! members there are. *Where to start reading:* `ask_for`, then `page`.

use super::ast::{Aggregate, Expr, ExprKind, Item, ItemKind, Question, Select, Table};
use super::names::Named;
use super::one::{One, Person};
use super::resolve::{Resolver, resolve};
use super::saved::written_trait;
use super::{Answer, ask, gives_a_table};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::{GROUPS_MAX, TABLE_COLUMNS_MAX};
use crate::base::time::Timestamp;
use crate::base::value::{Value, ValueType};
use crate::base::workers::Workers;
use crate::catalog::folded;
use crate::identity::PublicId;
use crate::state::State;
use std::collections::{BinaryHeap, HashSet};

/// A table of the profiles that an audience selects.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// How many profiles have each value of one or two traits, the most first.
    Breakdown(&'a [&'a str]),
    /// The profiles with the greatest values of a trait, at most so many.
    Top(&'a str, u64),
    /// `count`, `min` and `max` of a trait; of numbers also `sum` and `avg`.
    Aggregate(&'a str),
}

/// Some members of an audience, in the order of their public ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The members with the values of the traits that were asked for.
    pub members: Vec<(PublicId, Ordinal, Vec<Option<Value>>)>,
    /// Whether there are further members behind them.
    pub more: bool,
}

/// Answers an audience with a table.
///
/// # Errors
/// As `ask`; `Invalid` without a place when a name is no trait, or one that the table cannot take.
pub fn ask_for(
    (state, workers): (&State, &Workers),
    audience: &Question,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Answer> {
    let mut question = counting(audience)?.clone();
    let alias = question.alias.clone();
    let names = Names { state, now, alias: &alias };
    question.table = Some(match wanted {
        Wanted::Breakdown(by) => names.breakdown(by)?,
        Wanted::Aggregate(of) => names.aggregates(of)?,
        Wanted::Top(by, limit) => {
            let table = names.top(by, limit)?;
            // Who has no value is not among those with the greatest.
            let known = ExprKind::IsNull { value: Box::new(names.name(by)), negated: true };
            let known = plain(known);
            let both = question.condition.take().into_iter().chain([known]).collect();
            question.condition = Some(plain(ExprKind::And(both)));
            table
        }
    });
    ask(state, workers, &question, now)
}

/// The members of an audience whose public ids come after one, the first of them in the order of the ids.
///
/// # Errors
/// As `ask`; `Invalid` without a place when a name is no trait.
pub fn page(
    (state, workers): (&State, &Workers),
    audience: &Question,
    select: &[String],
    after: Option<PublicId>,
    limit: usize,
    now: Timestamp,
) -> Result<Page> {
    let question = counting(audience)?;
    let table = Names { state, now, alias: &question.alias }.columns(select)?;
    let columns = Question { condition: None, table: Some(table), ..question.clone() };
    let columns = resolve(&columns, state, now, false)?.resolved;
    let selected = ask(state, workers, question, now)?.ordinals;
    let mut least: BinaryHeap<(PublicId, Ordinal)> = BinaryHeap::new();
    let mut more = false;
    let reader = state.reader();
    for ordinal in selected.iter().map(Ordinal).take_while(|_| reader.keeps_pace()) {
        let Some(id) = reader.profile_id(ordinal) else { continue };
        if after.is_some_and(|after| id <= after) {
            continue;
        }
        if least.len() < limit {
            least.push((id, ordinal));
            continue;
        }
        more = true;
        if least.peek().is_some_and(|greatest| id < greatest.0) {
            least.pop();
            least.push((id, ordinal));
        }
    }
    let mut members = Vec::with_capacity(least.len());
    for (id, ordinal) in least.into_sorted_vec() {
        // Events are looked at for those alone that are shown.
        let person = Person::new(&reader, ordinal);
        members.push((id, ordinal, One::new(&person, &columns).columns(id)?));
    }
    reader.check()?;
    Ok(Page { members, more })
}

/// An audience that selects profiles and gives no table of its own.
fn counting(question: &Question) -> Result<&Question> {
    if question.table.is_some() { Err(gives_a_table()) } else { Ok(question) }
}

/// An expression that stands nowhere in the text.
fn plain(kind: ExprKind) -> Expr {
    Expr { kind, at: 0 }
}

/// Traits by their names, for a question whose profiles have an alias.
struct Names<'a> {
    state: &'a State,
    now: Timestamp,
    alias: &'a str,
}

impl Names<'_> {
    fn name(&self, name: &str) -> Expr {
        plain(ExprKind::Name(vec![self.alias.to_owned(), name.to_owned()]))
    }

    fn value(&self, name: &str) -> Item {
        Item { kind: ItemKind::Value(self.name(name)), name: name.to_owned(), at: 0 }
    }

    fn aggregate(&self, aggregate: Aggregate, of: &str) -> Item {
        let select = Select::Of { aggregate, distinct: false, value: self.name(of) };
        Item { kind: ItemKind::Aggregate(select), name: aggregate.name().to_owned(), at: 0 }
    }

    /// The type of a trait; none when it never had a value. With `computed` it must have one currency, if any.
    fn type_of(&self, name: &str, computed: bool) -> Result<Option<ValueType>> {
        let mut resolver = Resolver {
            state: self.state,
            now: Some(self.now),
            profiles: self.alias,
            statement: true,
            queries: Vec::new(),
            passes: 0,
            explain: false,
        };
        let placeless = |e: Error| Error::new(e.kind(), e.message());
        if let Some(mut value) = written_trait(name, self.alias, self.state).map_err(placeless)? {
            return resolver.scalar(&mut value, None).map(|(_, found)| found).map_err(placeless);
        }
        let found = resolver.named(&mut self.name(name), None);
        match found.map_err(placeless)? {
            Some(Named::Value(scalar, value_type)) => {
                if computed {
                    let guarded = resolver.guard(&self.name(name), &scalar, None);
                    guarded.map_err(placeless)?;
                }
                Ok(value_type)
            }
            _ => Err(Error::invalid(format!("'{name}' is the name of every profile, no trait"))),
        }
    }

    /// The type of a trait that is no set.
    fn single(&self, name: &str, refused: &str) -> Result<Option<ValueType>> {
        match self.type_of(name, true)? {
            Some(ValueType::Set) => Err(Error::invalid(format!(
                "'{name}' is a set, which {refused}; ask 'x' = ANY(set)"
            ))),
            value_type => Ok(value_type),
        }
    }

    fn breakdown(&self, by: &[&str]) -> Result<Table> {
        if by.is_empty() {
            return Err(Error::invalid("a breakdown needs the name of a trait"));
        }
        if by.len() > GROUPS_MAX {
            return Err(Error::limit(format!(
                "a breakdown is by at most {GROUPS_MAX} traits, not by {}",
                by.len()
            )));
        }
        for name in by {
            self.single(name, "makes no groups")?;
        }
        let count = ItemKind::Aggregate(Select::CountAll);
        let count = Item { kind: count, name: "count".to_owned(), at: 0 };
        let values = by.iter().map(|name| self.value(name));
        Ok(Table {
            items: values.chain([count.clone()]).collect(),
            groups: by.iter().map(|name| self.name(name)).collect(),
            order: vec![(count, true)],
            limit: None,
        })
    }

    fn top(&self, by: &str, limit: u64) -> Result<Table> {
        self.single(by, "has no order")?;
        let value = self.value(by);
        Ok(Table {
            items: vec![self.value("profile_id"), value.clone()],
            groups: Vec::new(),
            order: vec![(value, true)],
            limit: Some(limit),
        })
    }

    fn aggregates(&self, of: &str) -> Result<Table> {
        let value_type = self.single(of, "has no aggregates")?;
        let mut wanted = vec![Aggregate::Count, Aggregate::Min, Aggregate::Max];
        if value_type.is_none_or(ValueType::is_number) {
            wanted.extend([Aggregate::Sum, Aggregate::Average]);
        }
        let items = wanted.into_iter().map(|aggregate| self.aggregate(aggregate, of));
        Ok(Table { items: items.collect(), groups: Vec::new(), order: Vec::new(), limit: None })
    }

    fn columns(&self, select: &[String]) -> Result<Table> {
        if select.len() > TABLE_COLUMNS_MAX {
            return Err(Error::limit(format!("at most {TABLE_COLUMNS_MAX} traits are selected")));
        }
        let mut known = HashSet::new();
        for name in select {
            self.type_of(name, false)?;
            if !known.insert(folded(name)) {
                return Err(Error::invalid(format!("'{name}' is selected twice")));
            }
        }
        let items = select.iter().map(|name| self.value(name)).collect();
        Ok(Table { items, groups: Vec::new(), order: Vec::new(), limit: None })
    }
}
