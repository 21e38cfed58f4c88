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
    /// What is being written out, one in another.
    inside: Vec<Saved>,
    failed: Option<Error>,
}

/// The name of something that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Saved {
    Segment(String),
    Trait(String),
}

impl Saved {
    fn name(&self) -> &str {
        match self {
            Saved::Segment(name) | Saved::Trait(name) => name,
        }
    }
}

/// Writes out in a question what is saved elsewhere; segments stay where the state has their members.
///
/// # Errors
/// `Invalid` for an unknown segment, with the nearest name, and when definitions stand in one another too deeply.
pub(super) fn write_out(question: &mut Question, state: &State) -> Result<()> {
    let (alias, named) = (question.alias.clone(), state.has_computed_traits());
    let mut writing = Writing { state, alias, inside: Vec::new(), failed: None };
    question.each_outer(&mut |expr| {
        if named || matches!(expr.kind, ExprKind::InSegment(_)) {
            writing.write_out(expr);
        }
    });
    writing.failed.map_or(Ok(()), Err)
}

/// What a name of profiles stands for, when it is a computed trait.
///
/// # Errors
/// As `write_out`.
pub(super) fn written_trait(name: &str, alias: &str, state: &State) -> Result<Option<Expr>> {
    let named = vec![alias.to_owned(), name.to_owned()];
    let mut expr = Expr { kind: ExprKind::Name(named.clone()), at: 0 };
    let mut writing = Writing { state, alias: alias.to_owned(), inside: Vec::new(), failed: None };
    writing.write_out(&mut expr);
    let same = matches!(&expr.kind, ExprKind::Name(parts) if *parts == named);
    writing.failed.map_or(Ok((!same).then_some(expr)), Err)
}

impl Writing<'_> {
    fn write_out(&mut self, expr: &mut Expr) {
        if self.failed.is_some() {
            return;
        }
        let at = expr.at;
        let found = match &mut expr.kind {
            ExprKind::Name(parts) => self.computed(parts),
            ExprKind::InSegment(name) => match self.state.memberships.get(name) {
                // Its members are known; a warehouse knows it as it is spelled.
                Some(known) => return name.clone_from(&known.name),
                None => self.segment(name),
            },
            _ => return,
        };
        let written = found.and_then(|found| {
            let Some((saved, text)) = found else { return Ok(()) };
            self.check_inside(&saved)?;
            self.inside.push(saved);
            let written = parse(&text).map(|question| self.take(expr, question));
            self.inside.pop();
            written
        });
        if let Err(e) = written {
            let here = Error::new(e.kind(), e.message().to_owned()).at(at);
            self.failed.get_or_insert(here);
        }
    }

    /// Puts what was written elsewhere in the place of its name.
    fn take(&mut self, expr: &mut Expr, question: Question) {
        match question {
            Question { condition: Some(condition), alias, statement, table: None, .. } => {
                let at = expr.at;
                *expr = condition;
                self.adopt(expr, &alias, statement, at);
                expr.each_outer(&mut |part| self.write_out(part));
            }
            _ => expr.kind = ExprKind::And(Vec::new()),
        }
    }

    /// Refuses what stands in itself, or too deeply: segments in one another, and computed traits within one segment.
    fn check_inside(&self, saved: &Saved) -> Result<()> {
        if let Some(from) = self.inside.iter().position(|outer| outer == saved) {
            let circle = self.inside.iter().skip(from).chain([saved]);
            let names: Vec<String> = circle.map(|of| format!("'{}'", of.name())).collect();
            let message =
                format!("what is saved cannot stand in itself: {}", names.join(" asks for "));
            return Err(Error::invalid(message));
        }
        let is_segment = |saved: &&Saved| matches!(saved, Saved::Segment(_));
        let deep = match saved {
            Saved::Segment(_) => self.inside.iter().filter(is_segment).count(),
            Saved::Trait(_) => self.inside.iter().rev().take_while(|s| !is_segment(s)).count(),
        };
        if deep < SAVED_DEPTH_MAX {
            return Ok(());
        }
        Err(Error::limit(format!(
            "segments, and computed traits, stand in one another at most {SAVED_DEPTH_MAX} deep; \
             '{}' would be deeper",
            saved.name()
        )))
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

    /// A computed trait with its text; nothing when the name is no such one.
    fn computed(&self, parts: &[String]) -> Result<Option<(Saved, String)>> {
        let name = match parts {
            [name] => name,
            [qualifier, name] if same(qualifier, &self.alias) => name,
            _ => return Ok(None),
        };
        // What the owner says stands over a trait of this name that a source sent later.
        let found = self.state.computed_trait(name);
        Ok(found.map(|known| (Saved::Trait(known.name.clone()), known.says.value.clone())))
    }

    /// A segment with its text.
    fn segment(&self, name: &str) -> Result<Option<(Saved, String)>> {
        match self.state.segment_rule(name) {
            Some(found) => {
                Ok(Some((Saved::Segment(found.name.clone()), found.says.audience.clone())))
            }
            None => {
                let names = self.state.segment_rules().map(|known| known.name.as_str());
                let help = match nearest(name, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "`nave segment list` shows those that there are".to_owned(),
                };
                let message = format!("'{name}' is no segment; {help}");
                Err(Error::invalid(message))
            }
        }
    }
}
