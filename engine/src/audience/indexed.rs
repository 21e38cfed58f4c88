//! Conditions on one trait that the indexes of its column answer without looking at profiles.
//!
//! A condition on one trait of text and constants is tested once for each text of a dictionary, or found in it when the
//! order of texts helps; the rows of the codes that pass are the answer.

use super::ast::Comparison;
use super::resolved::{Condition, Scalar};
use super::text::Pattern;
use crate::base::value::{Value, ValueType};
use crate::column::Dictionary;
use crate::state::Reader;

/// Of more numbers each row is compared with all: a pass over a chunk for each takes longer.
const VALUES: usize = 64;

/// What is asked of one trait.
pub(super) enum Test<'a> {
    /// Nothing is known.
    Null,
    /// Truth as codes.
    Codes(Vec<u32>),
    OneOf(Vec<&'a str>),
    /// Any other text.
    Not(&'a str),
    /// Texts before or behind one.
    Order(Comparison, &'a str),
    Prefix(String),
    /// How the value compares with a constant.
    Value(Comparison, &'a Value),
    /// Whether the value is one of some constants.
    Values(Vec<&'a Value>),
    /// Texts that are like a pattern.
    Like(Pattern),
}

impl Test<'_> {
    /// The codes of a dictionary that pass, ascending.
    pub(super) fn codes(&self, dictionary: &Dictionary) -> Vec<u32> {
        match self {
            Test::Null | Test::Value(..) | Test::Values(_) | Test::Not(_) => Vec::new(),
            Test::Like(pattern) => {
                let fits =
                    |code: &u32| dictionary.text(*code).is_some_and(|text| pattern.fits(text));
                (0..dictionary.len()).filter(fits).collect()
            }
            Test::Codes(codes) => codes.clone(),
            Test::OneOf(texts) => {
                let mut codes: Vec<u32> =
                    texts.iter().filter_map(|text| dictionary.find(text)).collect();
                codes.sort_unstable();
                codes.dedup();
                codes
            }
            Test::Order(comparison, text) => {
                let first = dictionary.lower_bound(text.as_bytes());
                let behind = first + u32::from(dictionary.find(text).is_some());
                match comparison {
                    Comparison::Less => (0..first).collect(),
                    Comparison::LessOrEqual => (0..behind).collect(),
                    Comparison::Greater => (behind..dictionary.len()).collect(),
                    Comparison::GreaterOrEqual => (first..dictionary.len()).collect(),
                    Comparison::Equal => (first..behind).collect(),
                    Comparison::NotEqual => Vec::new(),
                }
            }
            Test::Prefix(prefix) => dictionary.prefixed(prefix).collect(),
        }
    }
}

/// The trait that a condition is about alone, and what it asks of it.
pub(super) fn test_of<'a>(
    condition: &'a Condition,
    reader: &Reader<'_>,
) -> Option<(usize, Test<'a>)> {
    let is = |number: usize, wanted: ValueType| {
        let field = reader.state.catalog.traits().get(number);
        field.is_some_and(|field| field.value_type == Some(wanted))
    };
    match condition {
        Condition::IsNull(Scalar::Trait(number)) => Some((*number, Test::Null)),
        Condition::Is(Scalar::Trait(number)) if is(*number, ValueType::Boolean) => {
            Some((*number, Test::Codes(vec![1])))
        }
        Condition::AnyOf(value, Scalar::Trait(number)) if is(*number, ValueType::Set) => {
            Some((*number, Test::OneOf(vec![value.text()?])))
        }
        Condition::Compare(comparison, left, right) => {
            let (number, comparison, other) = match (left, right) {
                (Scalar::Trait(number), other) => (*number, *comparison, other),
                (other, Scalar::Trait(number)) => (*number, comparison.turned(), other),
                _ => return None,
            };
            let Scalar::Constant(Some(value)) = other else { return None };
            let Value::Text(text) = value else {
                return Some((number, Test::Value(comparison, value)));
            };
            let text = text.as_str();
            let test = match comparison {
                Comparison::Equal => Test::OneOf(vec![text]),
                Comparison::NotEqual => Test::Not(text),
                other => Test::Order(other, text),
            };
            is(number, ValueType::Text).then_some((number, test))
        }
        Condition::In(Scalar::Trait(number), options) if is(*number, ValueType::Text) => {
            // A NULL among them makes the answer unknown where none is equal: that is for the row.
            let texts: Option<Vec<&str>> = options.iter().map(Scalar::text).collect();
            Some((*number, Test::OneOf(texts?)))
        }
        Condition::In(Scalar::Trait(number), options) if options.len() <= VALUES => {
            let value = |option: &'a Scalar| match option {
                Scalar::Constant(Some(value)) if !matches!(value, Value::Text(_)) => Some(value),
                _ => None,
            };
            Some((*number, Test::Values(options.iter().map(value).collect::<Option<_>>()?)))
        }
        Condition::Like { value: Scalar::Trait(number), pattern, escape, any_case }
            if is(*number, ValueType::Text) =>
        {
            let pattern = pattern.text()?;
            let prefix = pattern
                .strip_suffix('%')
                .filter(|prefix| !any_case && escape.is_none() && !prefix.contains(['%', '_']));
            let test = match prefix {
                Some(prefix) => Test::Prefix(prefix.to_owned()),
                None => Test::Like(Pattern::new(pattern, *escape, *any_case)),
            };
            Some((*number, test))
        }
        _ => None,
    }
}
