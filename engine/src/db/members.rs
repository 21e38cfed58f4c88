//! Questions whose answer is a list: pages of members, breakdowns, greatest values, aggregates.

use super::answers::{Aggregates, Cursor, Member, MembersPage, MembersRequest};
use super::types::At;
use super::view::View;
use crate::audience::{Lifts, Table, Wanted, ask_for, lifts, overlap, page};
use crate::base::error::{Error, Result};
use crate::base::ids::Ordinal;
use crate::base::limits::{MEMBERS_MAX, OVERLAP_AUDIENCES_MAX};
use crate::base::value::Value;
use crate::state::Reader;

impl View {
    /// Members of an audience in the order of their profile ids, a page at a time.
    ///
    /// Who is a member on every page that is asked for, and keeps the profile id, is told exactly once, whatever is
    /// written in between. A profile that gets another id stands where the new id sorts.
    ///
    /// # Errors
    /// As `count`; without a place when a trait, the namespace or the limit is wrong.
    pub fn members_page(
        &self,
        text: &str,
        request: &MembersRequest,
        at: At,
    ) -> Result<MembersPage> {
        let limit = checked(request.limit)?;
        let with = request.with.as_deref().map(|namespace| namespace.trim().to_lowercase());
        if with.as_deref() == Some("") {
            return Err(Error::invalid("the namespace is empty; name one, such as email"));
        }
        let after = request.after.map(|cursor| cursor.0);
        let question = self.question(text)?;
        self.asked(at, |state, now| {
            let found =
                page((state, &self.inner.workers), &question, &request.select, after, limit, now)?;
            let next = found.members.last().filter(|_| found.more).map(|(id, ..)| Cursor(*id));
            let reader = state.reader();
            let members = found.members.into_iter().map(|(id, ordinal, traits)| Member {
                profile_id: id.to_string(),
                traits,
                identifiers: with
                    .as_deref()
                    .map_or_else(Vec::new, |namespace| identifiers(&reader, ordinal, namespace)),
            });
            let members = members.collect();
            reader.check().map(|()| MembersPage { members, next })
        })
    }

    /// How many profiles of an audience have each value of one trait, or of two together: a row for each, with the
    /// number in the last column, the greatest number first.
    ///
    /// # Errors
    /// As `count`; without a place when a name is no trait, or there are too many.
    pub fn breakdown(&self, text: &str, by: &[&str], at: At) -> Result<Table> {
        self.table(text, Wanted::Breakdown(by), at)
    }

    /// The profiles of an audience with the greatest values of a trait: profile id and value, ties by profile id.
    ///
    /// # Errors
    /// As `count`; without a place when the name is no trait, or the limit is wrong.
    pub fn top(&self, text: &str, by: &str, limit: usize, at: At) -> Result<Table> {
        self.table(text, Wanted::Top(by, checked(limit)? as u64), at)
    }

    /// How many profiles each audience shares with each other one: a row for each, with as many numbers; the number of
    /// an audience and itself is how many profiles it has.
    ///
    /// # Errors
    /// As `count`, of the first audience that has one; `Limit` when there are too many.
    pub fn overlap(&self, texts: &[&str], at: At) -> Result<Vec<Vec<u64>>> {
        if texts.len() > OVERLAP_AUDIENCES_MAX {
            return Err(Error::limit(format!(
                "the overlap of {} audiences was asked for; at most {OVERLAP_AUDIENCES_MAX} are",
                texts.len()
            )));
        }
        let questions = texts.iter().map(|text| self.question(text)).collect::<Result<Vec<_>>>()?;
        let workers = &self.inner.workers;
        self.asked(at, |state, now| overlap((state, workers), &questions, now))
    }

    /// The values of traits that the profiles of an audience have more often than everybody, the greatest lift first:
    /// those that are no chance.
    ///
    /// # Errors
    /// As `count`; without a place when the limit is wrong.
    pub fn lifts(&self, text: &str, limit: usize, at: At) -> Result<Lifts> {
        let (limit, question, workers) =
            (checked(limit)?, self.question(text)?, &self.inner.workers);
        self.asked(at, |state, now| lifts((state, workers), &question, limit, now))
    }

    /// One trait of the profiles of an audience, summed up.
    ///
    /// # Errors
    /// As `count`; without a place when the name is no trait, or the sum has too many digits.
    pub fn aggregate(&self, text: &str, of: &str, at: At) -> Result<Aggregates> {
        let table = self.table(text, Wanted::Aggregate(of), at)?;
        let row = table.rows.into_iter().next().unwrap_or_default();
        let mut found: Vec<(String, Option<Value>)> = table.columns.into_iter().zip(row).collect();
        let mut take = |name: &str| {
            let index = found.iter().position(|(column, _)| column == name)?;
            found.swap_remove(index).1
        };
        let count = match take("count") {
            Some(Value::Integer(count)) => u64::try_from(count).unwrap_or(0),
            _ => 0,
        };
        let (sum, avg, min, max) = (take("sum"), take("avg"), take("min"), take("max"));
        Ok(Aggregates { count, sum, avg, min, max })
    }

    fn table(&self, text: &str, wanted: Wanted<'_>, at: At) -> Result<Table> {
        let question = self.question(text)?;
        let workers = &self.inner.workers;
        let answer =
            self.asked(at, |state, now| ask_for((state, workers), &question, wanted, now))?;
        let nothing = || Table { columns: Vec::new(), rows: Vec::new() };
        Ok(answer.table.unwrap_or_else(nothing))
    }
}

/// A limit of rows that are held in memory.
fn checked(limit: usize) -> Result<usize> {
    match limit {
        0 => Err(Error::invalid("the limit is 0; ask for at least one row")),
        1..=MEMBERS_MAX => Ok(limit),
        _ => Err(Error::limit(format!(
            "the limit is {limit}; ask for at most {MEMBERS_MAX} rows at a time"
        ))),
    }
}

/// The values of a profile's identifiers in a namespace, sorted.
fn identifiers(reader: &Reader<'_>, ordinal: Ordinal, namespace: &str) -> Vec<String> {
    let members = reader.row(ordinal).members;
    let known = members.iter().filter_map(|node| reader.nodes().identifier(*node));
    let mut values: Vec<String> =
        known.filter(|(known, _)| *known == namespace).map(|(_, value)| value.to_owned()).collect();
    values.sort_unstable();
    values
}
