//! Saved questions in other questions: a computed trait is written out where it is named, and so is a segment where
//! nobody keeps its members, as in a state of the past.

use super::ast::{Expr, ExprKind, Question};
use super::names::same;
use super::parse::parse;
use crate::base::error::{Error, Result};
use crate::base::limits::SAVED_DEPTH_MAX;
use crate::catalog::nearest;
use crate::state::State;

/// What is written out of one state.
struct Writing<'a> {
    state: &'a State,
    /// The alias of profiles in the question.
    alias: String,
    failed: Option<Error>,
}

/// Writes out in a question what is saved elsewhere; segments stay where the state has their members.
///
/// # Errors
/// `Invalid` for an unknown segment, with the nearest name, and when definitions stand in one another too deeply.
pub(super) fn write_out(question: &mut Question, state: &State) -> Result<()> {
    let (alias, named) = (question.alias.clone(), state.has_computed_traits());
    let mut writing = Writing { state, alias, failed: None };
    question.each_outer(&mut |expr| {
        if named || matches!(expr.kind, ExprKind::InSegment(_)) {
            writing.write_out(expr, 0);
        }
    });
    writing.failed.map_or(Ok(()), Err)
}

impl Writing<'_> {
    fn write_out(&mut self, expr: &mut Expr, depth: usize) {
        if self.failed.is_some() {
            return;
        }
        let at = expr.at;
        let found = match &expr.kind {
            ExprKind::Name(parts) => self.computed(parts),
            ExprKind::InSegment(name) => self.segment(name, at),
            _ => return,
        };
        let text = match found {
            Ok(None) => return,
            Ok(Some(text)) => text,
            Err(e) => {
                self.failed.get_or_insert(e);
                return;
            }
        };
        if depth >= SAVED_DEPTH_MAX {
            let message = format!(
                "segments and computed traits stand in one another more than {SAVED_DEPTH_MAX} deep"
            );
            self.failed.get_or_insert(Error::invalid(message).at(at));
            return;
        }
        match parse(&text) {
            Ok(Question { condition: Some(condition), alias, statement, table: None, .. }) => {
                *expr = condition;
                self.adopt(expr, &alias, statement, at);
                expr.each_outer(&mut |part| self.write_out(part, depth + 1));
            }
            Ok(_) => expr.kind = ExprKind::And(Vec::new()),
            Err(e) => {
                self.failed.get_or_insert(Error::invalid(e.message().to_owned()).at(at));
            }
        }
    }

    /// Makes what was written elsewhere a part of this question: its places, and the alias of profiles.
    fn adopt(&self, expr: &mut Expr, alias: &str, statement: bool, at: usize) {
        if !statement {
            expr.each_subquery(&mut |subquery| subquery.implied = true);
        }
        expr.each(&mut |part| {
            part.at = at;
            if let ExprKind::Name(parts) = &mut part.kind
                && let [qualifier, _] = parts.as_mut_slice()
                && same(qualifier, alias)
            {
                qualifier.clone_from(&self.alias);
            }
        });
    }

    /// The text of a computed trait; nothing when the name is no such one.
    fn computed(&self, parts: &[String]) -> Result<Option<String>> {
        let name = match parts {
            [name] => name,
            [qualifier, name] if same(qualifier, &self.alias) => name,
            _ => return Ok(None),
        };
        // What the owner says stands over a trait of this name that a source sent later.
        let mut computed = self.state.computed_traits().into_iter();
        Ok(computed.find(|known| same(&known.name, name)).map(|known| known.says.value))
    }

    /// The text of a segment; nothing when its members are known.
    fn segment(&self, name: &str, at: usize) -> Result<Option<String>> {
        if self.state.memberships.get(name).is_some() {
            return Ok(None);
        }
        let known = self.state.segment_rules();
        match known.iter().find(|known| same(&known.name, name)) {
            Some(found) => Ok(Some(found.says.audience.clone())),
            None => {
                let names = known.iter().map(|known| known.name.as_str());
                let help = match nearest(name, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "`nave segment list` shows those that there are".to_owned(),
                };
                let message = format!("'{name}' is no segment; {help}");
                Err(Error::invalid(message).at(at))
            }
        }
    }
}
