//! What the owner of the store declared of a field: its type and how its values are read.

use crate::base::value::ValueType;
use crate::entry::TimeUnit;
use jiff::tz::TimeZone;

/// How the values of a field are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The declared type; none when it is inferred as that of other fields.
    pub value_type: Option<ValueType>,
    /// The text must name a time zone.
    pub names_zone: bool,
    /// What stands between the texts of a set that comes as one text.
    pub separator: Option<String>,
    /// How a day or an instant is written, when it is not in ISO 8601.
    pub format: Option<TimeUnit>,
    /// What parts the whole from the fraction of a number that is grouped, or has a comma: `1.234,56`.
    pub decimal_mark: Option<char>,
    /// The zone of instants that name none.
    pub zone: TimeZone,
    /// Texts that say nothing.
    pub nulls: Vec<String>,
    /// Where the currency of an amount of money stands.
    pub money: Option<Currency>,
    /// Which of the facts about a trait is its golden value.
    pub golden: Golden,
}

/// Which of the facts about a trait is its golden value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Golden {
    /// The one that was said last; NULL removes.
    #[default]
    Latest,
    /// The one that was said first.
    Earliest,
    /// The least value.
    Least,
    /// The greatest value.
    Greatest,
    /// The value with the most characters.
    Longest,
    /// The value that was said most often.
    Frequent,
    /// The sum of all values.
    Sum,
    /// The texts of all values together.
    Union,
    /// What the first of these sources that says anything says; the rest come after them.
    Sources(Vec<String>),
    /// What a record says that also says, in another trait, that it is verified; then the rest.
    Verified(String),
    /// What the record says whose value of another trait has won.
    Follow(String),
}

impl Golden {
    /// Whether the facts are counted, so that the golden value is of none of them alone.
    pub fn counts(&self) -> bool {
        matches!(self, Golden::Frequent | Golden::Sum | Golden::Union)
    }

    /// Whether another trait can follow one of this rule: what a record says of it alone decides whether it wins.
    pub fn leads(&self) -> bool {
        !self.counts() && !matches!(self, Golden::Verified(_) | Golden::Follow(_))
    }

    /// The other trait that the rule names.
    pub fn names(&self) -> Option<&str> {
        match self {
            Golden::Verified(name) | Golden::Follow(name) => Some(name),
            _ => None,
        }
    }

    /// The words for it in explanations.
    pub fn describe(&self) -> String {
        match self {
            Golden::Latest => "the latest".to_owned(),
            Golden::Earliest => "the earliest".to_owned(),
            Golden::Least => "the least value".to_owned(),
            Golden::Greatest => "the greatest value".to_owned(),
            Golden::Longest => "the longest value".to_owned(),
            Golden::Frequent => "the most frequent value".to_owned(),
            Golden::Sum => "the sum of all values".to_owned(),
            Golden::Union => "all values together".to_owned(),
            Golden::Sources(ranked) => format!("the sources in the order {}", ranked.join(", ")),
            Golden::Verified(flag) => format!("what {flag} says is verified, first"),
            Golden::Follow(leader) => format!("the record that tells {leader}"),
        }
    }
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            value_type: None,
            names_zone: false,
            separator: None,
            format: None,
            decimal_mark: None,
            zone: TimeZone::UTC,
            nulls: Vec::new(),
            money: None,
            golden: Golden::Latest,
        }
    }
}

/// Where the currency of an amount stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Currency {
    /// All amounts are in this one.
    Fixed(String),
    /// A field of the same record names it.
    From(String),
    /// The record says it with the amount: in the same text, or in `NAME.currency`.
    Beside,
}

/// What follows the name of a field of money in the name of the field that has its currency.
pub const CURRENCY: &str = ".currency";

/// What follows the name of a field of money in an object of amount and currency.
pub const AMOUNT: &str = ".amount";

/// A field as it is defined: its name, its other names, and how it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The name.
    pub name: String,
    /// Other names of the same field.
    pub aliases: Vec<String>,
    /// How its values are read.
    pub rule: Rule,
}

impl Declared {
    /// All names that it claims.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let currency = self.rule.money.is_some().then(|| format!("{}{CURRENCY}", self.name));
        std::iter::once(&self.name).chain(&self.aliases).cloned().chain(currency)
    }
}

/// How far a source is believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// Its evidence may join any two profiles.
    #[default]
    Full,
    /// Its evidence never joins two profiles that are both known, as of a key that is public.
    Unknown,
    /// Its evidence links nothing.
    Nothing,
}
