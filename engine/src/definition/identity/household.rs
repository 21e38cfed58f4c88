//! The rules of households as people write them: which traits persons of one household share.

use crate::base::limits::HOUSEHOLD_PERSONS_MAX;
use crate::definition::body::{Body, quoted};
use crate::definition::trouble::{Found, Trouble};
use toml::de::DeValue;

/// The name of the rule set by which persons are households.
pub const HOUSEHOLD: &str = "household";

const KEYS: [&str; 2] = ["alike", "most"];

/// Which persons live together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdRules {
    /// Lists of traits: persons that are alike in all of one list are of one household. The first list is the surest.
    pub alike: Vec<Vec<String>>,
    /// More persons than so many are no household.
    pub most: u32,
}

impl Default for HouseholdRules {
    fn default() -> HouseholdRules {
        HouseholdRules { alike: Vec::new(), most: HOUSEHOLD_PERSONS_MAX }
    }
}

impl HouseholdRules {
    /// The rules that the body of a definition says.
    ///
    /// # Errors
    /// What is wrong, where it stands in the text, and what to do.
    pub fn read(body: &Body<'_>) -> Found<HouseholdRules> {
        body.check_keys("the rules of households", &KEYS)?;
        let most = match body.whole("most")? {
            None => HOUSEHOLD_PERSONS_MAX,
            Some(most) => u32::try_from(most).ok().filter(|most| *most >= 2).ok_or_else(|| {
                Trouble::new(body.place("most"), "a household has at least 2 persons")
            })?,
        };
        let mut alike = Vec::new();
        for (key, _, value) in body.pairs() {
            if key == "alike" {
                alike = lists(body, value.get_ref())?;
            }
        }
        Ok(HouseholdRules { alike, most })
    }

    /// The rules as a file has them.
    pub fn to_toml(&self) -> String {
        let list = |names: &Vec<String>| {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            format!("[{}]", names.join(", "))
        };
        let mut text = format!("[identity.{HOUSEHOLD}]\n");
        if !self.alike.is_empty() {
            let lists: Vec<String> = self.alike.iter().map(list).collect();
            text.push_str(&format!("alike = [{}]\n", lists.join(", ")));
        }
        if self.most != HOUSEHOLD_PERSONS_MAX {
            text.push_str(&format!("most = {}\n", self.most));
        }
        text
    }
}

fn lists(body: &Body<'_>, value: &DeValue<'_>) -> Found<Vec<Vec<String>>> {
    let wrong = || {
        let message = "must be lists of traits, such as [[\"surname\", \"street\", \"postcode\"], [\"landline\"]]";
        Trouble::new(body.place("alike"), message)
    };
    let outer = value.as_array().ok_or_else(wrong)?;
    let mut found = Vec::new();
    for list in outer {
        let names = list.get_ref().as_array().ok_or_else(wrong)?;
        let names: Option<Vec<String>> =
            names.iter().map(|name| name.get_ref().as_str().map(str::to_owned)).collect();
        found.push(names.filter(|names| !names.is_empty()).ok_or_else(wrong)?);
    }
    Ok(found)
}
