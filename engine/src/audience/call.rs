//! Operations and functions on values, from the grammar's tree to ours.

use super::ast::{Arithmetic, Conversion, Expr, ExprKind, Part};
use super::literal::{not_understood, part_of, span_of};
use super::parse::Places;
use super::query::Use;
use crate::base::error::{Error, Result};
use crate::base::limits::FUNNEL_STEPS;
use crate::base::time::Span;
use crate::record::consent_word;
use sqlparser::ast::{
    self as sql, BinaryOperator, Expr as Sql, FunctionArg, FunctionArgExpr, FunctionArguments,
};

impl Places<'_> {
    /// `+ - * / %`, and a time plus or minus an INTERVAL.
    pub(super) fn arithmetic(
        &self,
        left: Sql,
        op: &BinaryOperator,
        right: Sql,
        at: usize,
        depth: usize,
    ) -> Result<Expr> {
        let operator = match op {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            _ => Arithmetic::Remainder,
        };
        let places = (self.at(&left, at), self.at(&right, at));
        let kind = match (left, operator, right) {
            (value, Arithmetic::Add | Arithmetic::Subtract, Sql::Interval(interval)) => {
                self.shift(value, &interval, operator, places.1, depth)?
            }
            (Sql::Interval(interval), Arithmetic::Add, value) => {
                self.shift(value, &interval, operator, places.0, depth)?
            }
            (left, operator, right) => {
                let left = Box::new(self.expr(left, at, depth + 1)?);
                let right = Box::new(self.expr(right, at, depth + 1)?);
                ExprKind::Arithmetic(operator, left, right)
            }
        };
        Ok(Expr { kind, at })
    }

    fn shift(
        &self,
        value: Sql,
        interval: &sql::Interval,
        operator: Arithmetic,
        at: usize,
        depth: usize,
    ) -> Result<ExprKind> {
        let span = span_of(interval).ok_or_else(|| {
            Error::invalid(format!("{interval} is no interval; write it like INTERVAL '30 days'"))
                .at(at)
        })?;
        let span = if operator == Arithmetic::Subtract { span.negated() } else { Some(span) };
        let span = span.ok_or_else(|| Error::invalid("the interval is too long").at(at))?;
        Ok(ExprKind::Shift(Box::new(self.expr(value, at, depth + 1)?), span))
    }

    pub(super) fn like(
        &self,
        [value, pattern]: [Sql; 2],
        escape: Option<sql::ValueWithSpan>,
        any_case: bool,
        negated: bool,
        at: usize,
        depth: usize,
    ) -> Result<ExprKind> {
        let escape = match escape.and_then(sql::ValueWithSpan::into_string) {
            None => None,
            Some(text) => {
                let mut characters = text.chars();
                let (Some(escape), None) = (characters.next(), characters.next()) else {
                    return Err(Error::invalid("ESCAPE takes one character").at(at));
                };
                Some(escape)
            }
        };
        let value = Box::new(self.expr(value, at, depth + 1)?);
        let pattern = Box::new(self.expr(pattern, at, depth + 1)?);
        Ok(ExprKind::Like { value, pattern, escape, any_case, negated })
    }

    /// `funnel(INTERVAL '7 days', (SELECT 1 FROM view s1), (SELECT 1 FROM purchase s2))`.
    fn funnel(&self, arguments: &[&Sql], at: usize, depth: usize) -> Result<ExprKind> {
        let usage = "funnel is used like funnel(INTERVAL '7 days', (SELECT 1 FROM view s1), \
                     (SELECT 1 FROM purchase s2))";
        let Some((Sql::Interval(interval), given)) = arguments.split_first() else {
            let place = arguments.first().map_or(at, |first| self.at(first, at));
            return Err(Error::invalid(usage).at(place));
        };
        let interval_at = self.at(&Sql::Interval(interval.clone()), at);
        let span = span_of(interval)
            .filter(|s| s.months >= 0 && s.micros >= 0 && *s != Span::default())
            .ok_or_else(|| {
                let message = format!("{interval} is no interval that goes forward");
                Error::invalid(format!("{message}; write it like INTERVAL '7 days'"))
                    .at(interval_at)
            })?;
        let mut steps = Vec::with_capacity(given.len());
        for step in given {
            let step_at = self.at(step, at);
            let Sql::Subquery(query) = step else {
                return Err(Error::invalid(usage).at(step_at));
            };
            steps.push(self.subquery(sql::Query::clone(query), step_at, depth, Use::Step)?);
        }
        if !FUNNEL_STEPS.contains(&steps.len()) {
            let (least, most) = (FUNNEL_STEPS.start(), FUNNEL_STEPS.end());
            let message = format!("a funnel has {least} to {most} steps, not {}", steps.len());
            return Err(Error::invalid(message).at(at));
        }
        Ok(ExprKind::Funnel { span, steps })
    }

    pub(super) fn function(
        &self,
        function: &sql::Function,
        at: usize,
        depth: usize,
    ) -> Result<ExprKind> {
        let name = function.name.to_string().to_lowercase();
        let clocks = ["current_timestamp", "current_date", "localtimestamp", "current_time"];
        if clocks.contains(&name.as_str()) {
            return Err(Error::invalid(format!("{name} is not understood; use now()")).at(at));
        }
        let arguments =
            plain_arguments(function).ok_or_else(|| not_understood(&function.to_string(), at))?;
        let wrong =
            |usage: &str| Err(Error::invalid(format!("{name} is used like {usage}")).at(at));
        let value = |index: usize| -> Result<Box<Expr>> {
            let argument =
                arguments.get(index).ok_or_else(|| not_understood(&function.to_string(), at))?;
            Ok(Box::new(self.expr(Sql::clone(argument), at, depth + 1)?))
        };
        match (name.as_str(), arguments.as_slice()) {
            ("now", []) => Ok(ExprKind::Now),
            ("coalesce", [_, ..]) => {
                let values = arguments.iter().map(|a| self.expr(Sql::clone(a), at, depth + 1));
                Ok(ExprKind::Coalesce(values.collect::<Result<_>>()?))
            }
            ("date_trunc", [unit, _]) => {
                let part = part_of(&text_of(unit).unwrap_or_default(), self.at(unit, at))?;
                match part {
                    Part::DayOfWeek | Part::IsoDayOfWeek | Part::DayOfYear | Part::Epoch => {
                        wrong("date_trunc('month', time)")
                    }
                    part => Ok(ExprKind::Truncate(part, value(1)?)),
                }
            }
            ("date_part", [unit, _]) => Ok(ExprKind::Part(
                part_of(&text_of(unit).unwrap_or_default(), self.at(unit, at))?,
                value(1)?,
            )),
            ("has_identifier" | "in_segment", [word]) => named_of(&name, word, at),
            ("consents", [channel, purpose, topic @ ..]) if topic.len() < 2 => {
                consents(channel, purpose, topic.first().copied())
                    .map_or_else(|| wrong(CONSENTS), Ok)
            }
            ("consents", _) => wrong(CONSENTS),
            ("bucket", [salt, Sql::Value(n)]) => match (text_of(salt), n.to_string().parse()) {
                (Some(salt), Ok(n)) if (1..=u64::from(u32::MAX)).contains(&n) => {
                    Ok(ExprKind::Bucket { salt, n })
                }
                (None, _) => wrong("bucket('salt', 100)"),
                _ => wrong("bucket('salt', 100): a number from 1 to 4294967295"),
            },
            ("amount", [_]) => Ok(ExprKind::Amount(value(0)?)),
            ("convert", [_, to]) => match text_of(to) {
                Some(to) => Ok(ExprKind::Convert(Box::new(conversion(*value(0)?, to)))),
                None => wrong("convert(e.amount, 'EUR')"),
            },
            ("amount", _) => wrong("amount(e.amount)"),
            ("convert", _) => wrong("convert(e.amount, 'EUR')"),
            ("funnel", arguments) => self.funnel(arguments, at, depth),
            ("has_identifier" | "in_segment", _) => wrong(usage_of(&name)),
            ("bucket", _) => wrong("bucket('salt', 100)"),
            ("date_trunc", _) => wrong("date_trunc('month', time)"),
            _ => Err(unknown_function(&name, at)),
        }
    }
}

/// A conversion whose currency and day are not found yet.
fn conversion(value: Expr, to: String) -> Conversion {
    Conversion { value, to, currency: None, day: None, dated: String::new() }
}

/// What is asked of consents; nothing when a word is no text.
fn consents(channel: &Sql, purpose: &Sql, topic: Option<&Sql>) -> Option<ExprKind> {
    let topic = match topic {
        Some(topic) => Some(word_of(topic)?),
        None => None,
    };
    Some(ExprKind::Consents { channel: word_of(channel)?, purpose: word_of(purpose)?, topic })
}

/// How a question with one name is used.
fn usage_of(function: &str) -> &'static str {
    if function == "in_segment" { "in_segment('name')" } else { "has_identifier('phone')" }
}

/// A question with one name.
fn named_of(function: &str, word: &Sql, at: usize) -> Result<ExprKind> {
    let Some(word) = text_of(word) else {
        let usage = usage_of(function);
        return Err(Error::invalid(format!("{function} is used like {usage}")).at(at));
    };
    let segment = function == "in_segment";
    Ok(if segment { ExprKind::InSegment(word) } else { ExprKind::HasIdentifier(word) })
}

const CONSENTS: &str =
    "consents('email', 'marketing'), or with a topic consents('email', 'marketing', 'news')";

/// A channel, purpose or topic in the form in which they are compared; nothing for what is no text, or a blank one.
fn word_of(expr: &Sql) -> Option<String> {
    text_of(expr).map(|text| consent_word(&text)).filter(|word| !word.is_empty())
}

/// Why a function is not answered.
fn unknown_function(name: &str, at: usize) -> Error {
    match name {
        "count" | "sum" | "min" | "max" | "avg" | "mode" => {
            let hint = "an aggregate stands in a subquery of its own, such as";
            Error::invalid(format!("{name}: {hint} (SELECT {name}(...) FROM purchase e)")).at(at)
        }
        _ => not_understood(&format!("function {name}"), at),
    }
}

/// The text of a literal.
fn text_of(expr: &Sql) -> Option<String> {
    let Sql::Value(value) = expr else { return None };
    match &value.value {
        sql::Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

/// The arguments of a call that has nothing but arguments.
fn plain_arguments(function: &sql::Function) -> Option<Vec<&Sql>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let mut arguments = Vec::with_capacity(list.args.len());
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => arguments.push(value),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
            _ => return None,
        }
    }
    let shown = function.to_string();
    let wildcard =
        list.args.iter().any(|a| matches!(a, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)));
    let texts: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let plain = format!("{}({})", function.name, texts.join(", "));
    (wildcard || plain == shown || is_aggregate(function)).then_some(arguments)
}

/// Whether a call is one over many rows.
pub(super) fn is_aggregate(function: &sql::Function) -> bool {
    let name = function.name.to_string().to_lowercase();
    matches!(name.as_str(), "count" | "sum" | "min" | "max" | "avg" | "mode")
}
