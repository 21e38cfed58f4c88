//! Text to ast. The grammar is that of `sqlparser`; what the language does not have is refused with its place.

use super::ast::{Aggregate, COUNT, Comparison, Expr, ExprKind, Literal, Question, Select};
use super::literal::{negative, not_understood, number, part_of, typed_literal};
use super::query::Use;
use crate::base::error::{Error, Result};
use crate::base::limits::{AUDIENCE_BYTES_MAX, AUDIENCE_DEPTH_MAX, IN_LIST_MAX};
use sqlparser::ast::{
    self as sql, BinaryOperator, DuplicateTreatment, FunctionArg, FunctionArgExpr,
    FunctionArguments, Spanned, UnaryOperator,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

/// Texts up to this length need no stack beyond what a thread has.
const SHORT_TEXT: usize = 2048;
/// Stack for each byte of a longer text: a chain of operators nests once for every two bytes.
const STACK_PER_BYTE: usize = 1024;

/// Parses a predicate or a statement.
///
/// # Errors
/// `Invalid` with the place; `Limit` when it is too long or too deep.
pub fn parse(text: &str) -> Result<Question> {
    if text.len() > AUDIENCE_BYTES_MAX {
        return Err(Error::limit(format!(
            "the audience has {} bytes; at most {AUDIENCE_BYTES_MAX} are taken",
            text.len()
        )));
    }
    if text.len() <= SHORT_TEXT {
        parse_here(text)
    } else {
        stacker::grow(text.len() * STACK_PER_BYTE, || parse_here(text))
    }
}

fn parse_here(text: &str) -> Result<Question> {
    let places = Places::new(text);
    let dialect = PostgreSqlDialect {};
    let mut tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|e| places.parser_error(&e.into()))?;
    // To the grammar CONVERT takes a type; to us it is a function.
    for token in &mut tokens {
        if let Token::Word(word) = &mut token.token
            && word.keyword == Keyword::CONVERT
        {
            word.keyword = Keyword::NoKeyword;
        }
    }
    let parser = Parser::new(&dialect).with_recursion_limit(AUDIENCE_DEPTH_MAX * 4);
    let mut parser = parser.with_tokens_with_locations(tokens);
    let first = parser.peek_token();
    if first.token == Token::EOF {
        return Err(Error::invalid(
            "the audience is empty; write a predicate such as p.country = 'FR'",
        )
        .at(0));
    }
    // In quotes it is a name.
    let statement = match &first.token {
        Token::Word(word) => {
            word.quote_style.is_none() && word.value.eq_ignore_ascii_case("select")
        }
        _ => false,
    };
    let question = if statement {
        let query = parser.parse_query().map_err(|e| places.parser_error(&e))?;
        let at = places.offset(first.span.start);
        check_end(&mut parser, &places)?;
        places.statement(*query, at)?
    } else {
        let expr = parser.parse_expr().map_err(|e| places.parser_error(&e))?;
        check_end(&mut parser, &places)?;
        let condition = places.expr(expr, 0, 0)?;
        Question {
            alias: "p".to_owned(),
            condition: Some(condition),
            statement: false,
            heading: COUNT.to_owned(),
            table: None,
        }
    };
    Ok(question)
}

fn check_end(parser: &mut Parser<'_>, places: &Places<'_>) -> Result<()> {
    let rest = parser.peek_token();
    if rest.token == Token::EOF {
        return Ok(());
    }
    let at = places.offset(rest.span.start);
    Err(Error::invalid(format!("the audience should end before '{}'", rest.token)).at(at))
}

/// Turns places of the grammar into byte offsets, and its trees into ours.
pub(super) struct Places<'a> {
    pub(super) text: &'a str,
    /// Where each character begins, and which character each line begins with.
    characters: Vec<usize>,
    lines: Vec<usize>,
}

type Sql = sql::Expr;

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        let characters: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let breaks =
            text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(index, _)| index + 1);
        Places { text, lines: std::iter::once(0).chain(breaks).collect(), characters }
    }

    /// The byte offset of a line and column, both from 1.
    pub(super) fn offset(&self, place: Location) -> usize {
        let line = usize::try_from(place.line).unwrap_or(1).max(1);
        let column = usize::try_from(place.column).unwrap_or(1).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(self.characters.len());
        self.characters.get(start + column - 1).copied().unwrap_or(self.text.len())
    }

    pub(super) fn at(&self, expr: &Sql, otherwise: usize) -> usize {
        let span = expr.span();
        if span.start.line == 0 { otherwise } else { self.offset(span.start) }
    }

    /// The parser names the place in its message: "... at Line: 1, Column: 7".
    fn parser_error(&self, error: &sqlparser::parser::ParserError) -> Error {
        let full = error.to_string();
        let message = full.strip_prefix("sql parser error: ").unwrap_or(&full);
        if matches!(error, sqlparser::parser::ParserError::RecursionLimitExceeded) {
            return Error::limit(format!(
                "the audience is nested deeper than {AUDIENCE_DEPTH_MAX}"
            ));
        }
        let (words, place) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
        let place = place.split_once(", Column: ").and_then(|(line, column)| {
            Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
        });
        let at = place.map_or(self.text.len(), |place| self.offset(place));
        Error::invalid(format!("the audience is not understood: {words}")).at(at)
    }

    pub(super) fn expr(&self, expr: Sql, outer: usize, depth: usize) -> Result<Expr> {
        let at = self.at(&expr, outer);
        if depth > AUDIENCE_DEPTH_MAX {
            return Err(Error::limit(format!(
                "the audience is nested deeper than {AUDIENCE_DEPTH_MAX}"
            ))
            .at(at));
        }
        let sub = |e: Box<Sql>| self.expr(*e, at, depth + 1).map(Box::new);
        let kind = match expr {
            Sql::Nested(inner) => return self.expr(*inner, at, depth + 1),
            Sql::Identifier(name) => ExprKind::Name(vec![name.value]),
            Sql::CompoundIdentifier(names) => {
                ExprKind::Name(names.into_iter().map(|n| n.value).collect())
            }
            Sql::Value(value) => ExprKind::Literal(self.literal(value.value, at)?),
            Sql::TypedString(typed) => ExprKind::Literal(typed_literal(typed, at)?),
            Sql::UnaryOp { op: UnaryOperator::Not, expr } => ExprKind::Not(sub(expr)?),
            Sql::UnaryOp { op: UnaryOperator::Minus, expr } => {
                negative(self.expr(*expr, at, depth + 1)?)
            }
            Sql::UnaryOp { op: UnaryOperator::Plus, expr } => {
                return self.expr(*expr, at, depth + 1);
            }
            Sql::IsNull(value) => ExprKind::IsNull { value: sub(value)?, negated: false },
            Sql::IsNotNull(value) => ExprKind::IsNull { value: sub(value)?, negated: true },
            Sql::Between { expr, negated, low, high } => {
                ExprKind::Between { value: sub(expr)?, low: sub(low)?, high: sub(high)?, negated }
            }
            Sql::InList { expr, list, negated } => {
                if list.len() > IN_LIST_MAX {
                    return Err(Error::limit(format!(
                        "an IN list has at most {IN_LIST_MAX} values"
                    ))
                    .at(at));
                }
                let list: Result<Vec<Expr>> =
                    list.into_iter().map(|e| self.expr(e, at, depth + 1)).collect();
                ExprKind::In { value: sub(expr)?, list: list?, negated }
            }
            Sql::Exists { subquery, negated } => ExprKind::Exists {
                subquery: Box::new(self.subquery(*subquery, at, depth, Use::Exists)?),
                negated,
            },
            Sql::Subquery(query) => {
                ExprKind::Scalar(Box::new(self.subquery(*query, at, depth, Use::Value)?))
            }
            Sql::Function(function) => self.function(&function, at, depth)?,
            Sql::BinaryOp { left, op, right } => return self.binary(*left, op, *right, at, depth),
            Sql::Interval(_) => {
                return Err(Error::invalid(
                    "an INTERVAL is only understood after + or - behind a time",
                )
                .at(at));
            }
            other => self.operation(other, at, depth)?,
        };
        Ok(Expr { kind, at })
    }

    /// What has a form of its own in SQL, yet is an operation on values.
    fn operation(&self, expr: Sql, at: usize, depth: usize) -> Result<ExprKind> {
        let sub = |e: Box<Sql>| self.expr(*e, at, depth + 1).map(Box::new);
        Ok(match expr {
            Sql::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like([*expr, *pattern], escape_char, false, negated, at, depth)?
            }
            Sql::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like([*expr, *pattern], escape_char, true, negated, at, depth)?
            }
            Sql::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
                ExprKind::AnyOf(sub(left)?, sub(right)?)
            }
            Sql::Extract { field, expr, .. } => {
                ExprKind::Part(part_of(&field.to_string(), at)?, sub(expr)?)
            }
            Sql::Cast { expr, data_type, array: false, format: None, .. }
                if data_type.to_string().eq_ignore_ascii_case("date") =>
            {
                ExprKind::AsDate(sub(expr)?)
            }
            Sql::AtTimeZone { timestamp, time_zone } => {
                ExprKind::InZone(sub(timestamp)?, sub(time_zone)?)
            }
            other => return Err(not_understood(&other.to_string(), at)),
        })
    }

    fn binary(
        &self,
        left: Sql,
        op: BinaryOperator,
        right: Sql,
        at: usize,
        depth: usize,
    ) -> Result<Expr> {
        let comparison = match op {
            BinaryOperator::And | BinaryOperator::Or => {
                return self.chain(left, &op, right, at, depth);
            }
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo => return self.arithmetic(left, &op, right, at, depth),
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::NotEqual,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::LessOrEqual,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::GreaterOrEqual,
            other => return Err(not_understood(&format!("operator {other}"), at)),
        };
        let left = Box::new(self.expr(left, at, depth + 1)?);
        let right = Box::new(self.expr(right, at, depth + 1)?);
        Ok(Expr { kind: ExprKind::Compare(comparison, left, right), at })
    }

    /// A chain of one operator leans to the left as deep as it is long; it is walked, not descended.
    fn chain(
        &self,
        left: Sql,
        op: &BinaryOperator,
        right: Sql,
        at: usize,
        depth: usize,
    ) -> Result<Expr> {
        let mut parts = vec![self.expr(right, at, depth + 1)?];
        let mut rest = left;
        loop {
            match rest {
                Sql::BinaryOp { left, op: inner, right } if inner == *op => {
                    parts.push(self.expr(*right, at, depth + 1)?);
                    rest = *left;
                }
                first => {
                    parts.push(self.expr(first, at, depth + 1)?);
                    break;
                }
            }
        }
        parts.reverse();
        let kind =
            if *op == BinaryOperator::And { ExprKind::And(parts) } else { ExprKind::Or(parts) };
        Ok(Expr { kind, at })
    }

    fn literal(&self, value: sql::Value, at: usize) -> Result<Literal> {
        Ok(match value {
            sql::Value::Null => Literal::Null,
            sql::Value::Boolean(value) => Literal::Boolean(value),
            sql::Value::SingleQuotedString(text) => Literal::Text(text),
            sql::Value::Number(digits, false) => number(&digits).ok_or_else(|| {
                Error::invalid(format!("{digits} has more digits than a number can hold")).at(at)
            })?,
            other => return Err(not_understood(&other.to_string(), at)),
        })
    }

    pub(super) fn select(&self, item: Sql, outer: usize, depth: usize) -> Result<Select> {
        let at = self.at(&item, outer);
        let expected = "the subquery should give count, sum, min, max, avg or mode";
        let refused = || Error::invalid(expected).at(at);
        let shown = item.to_string();
        let Sql::Function(function) = item else { return Err(refused()) };
        let name = function.name.to_string();
        let aggregate = match name.to_lowercase().as_str() {
            "count" => Aggregate::Count,
            "sum" => Aggregate::Sum,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            "avg" => Aggregate::Average,
            "mode" => Aggregate::Mode,
            _ => return Err(refused()),
        };
        let FunctionArguments::List(list) = function.args else { return Err(refused()) };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else { return Err(refused()) };
        let understood = format!("{name}({}{argument})", if distinct { "DISTINCT " } else { "" });
        if understood != shown {
            return Err(refused());
        }
        match argument {
            FunctionArgExpr::Wildcard if aggregate == Aggregate::Count && !distinct => {
                Ok(Select::CountAll)
            }
            FunctionArgExpr::Expr(value) if !distinct || aggregate == Aggregate::Count => {
                Ok(Select::Of {
                    aggregate,
                    distinct,
                    value: self.expr(value.clone(), at, depth + 1)?,
                })
            }
            _ => {
                Err(Error::invalid("DISTINCT is understood in count(DISTINCT value) alone").at(at))
            }
        }
    }
}
