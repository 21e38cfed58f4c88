//! The rules of an identity as people write them: by names, in TOML.
//!
//! *What it is:* `IdentityRules`, a rule set by the names of namespaces and sources; reading it (`read`), checking it
//! (`check`), writing it in its one form (`write`) and compiling it onto numbers (`compile`). *Invariants:* a namespace
//! or source without a rule has no limit, no cap, is not unique and is trusted; what `to_toml` writes reads as what was
//! written; each thing can be said in one way. *What it does not know:* the log, the graph. *Where to start reading:*
//! `IdentityRules`.
//!
//! ```toml
//! [identity.person]
//! blocked = ["qa-*"]                # nobody's in any namespace, beside those that are built in
//!
//! [identity.person.namespace.user_id]
//! limit = 1
//! unique = true                     # who holds one is known: a score never joins two that are
//! rank = 0                          # the least names the profile
//!
//! [identity.person.namespace.email]
//! limit = { most = 3, per = "month" }
//! normaliser = "email@2"
//! fold_plus = true
//! fold_dots = ["gmail.com"]
//! blocked = ["*@example.com"]
//! cap = 50                          # with more neighbours than this it links nobody
//!
//! [identity.person.namespace.phone]
//! normaliser = "phone@2"
//! region = "FR"
//! cap = { anonymous_id = 100, any = 1000 }
//!
//! [identity.person.source.web]
//! trust = "unknown"                 # its key is public: it never joins two known people
//! namespaces = ["anonymous_id", "email"]
//!
//! [identity.person.component]
//! edges = 4096
//! ```

mod check;
mod household;
mod read;
mod write;

#[cfg(test)]
use read::parse;

use crate::base::calendar::Window;
pub use crate::catalog::Trust;
use crate::normalise::Normaliser;
pub use household::{HOUSEHOLD, HouseholdRules};
use std::collections::BTreeMap;

/// The name of the rule set by which profiles are persons.
pub const PERSON: &str = "person";

/// A rule set, by the names of namespaces and sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRules {
    /// Its name, such as `person`.
    pub name: String,
    /// Values that are nobody's in every namespace; a star stands for any text.
    pub blocked: Vec<String>,
    /// Whether the values that programs write for nobody are blocked too.
    pub blocked_builtin: bool,
    /// By the name of the namespace, in lower case.
    pub namespaces: BTreeMap<String, NamespaceRules>,
    /// By the name of the source, as the log has it.
    pub sources: BTreeMap<String, SourceRules>,
    /// So much evidence may count in a component before only the manual and deterministic tiers do; nothing for the
    /// usual number.
    pub component_edges: Option<u32>,
}

/// How many identifiers of a namespace a profile may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRule {
    /// So many and no more.
    pub most: u32,
    /// For ever, or in each bucket of the calendar of event time, in UTC.
    pub per: Window,
}

/// What holds for a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceRules {
    /// How many a profile may hold.
    pub limit: Option<LimitRule>,
    /// Whether who holds one is known.
    pub unique: bool,
    /// The least names a profile. Without it `user_id`, `email`, `phone` and `anonymous_id` have 0 to 3, and all
    /// others come last.
    pub rank: Option<u16>,
    /// Values that are nobody's in this namespace.
    pub blocked: Vec<String>,
    /// How many neighbours one identifier may have.
    pub cap: CapRules,
    /// How its identifiers are compared; nothing for what its name says.
    pub normaliser: Option<Normaliser>,
}

/// How many neighbours an identifier may have before what links them counts no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapRules {
    /// Of each namespace that is not named.
    pub any: Option<u32>,
    /// Of these namespaces.
    pub of: BTreeMap<String, u32>,
}

/// What holds for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// How far it is believed.
    pub trust: Trust,
    /// The namespaces whose identifiers it may link; nothing for all.
    pub namespaces: Option<Vec<String>>,
}

impl IdentityRules {
    /// The rules that hold when none are written: no limits, no caps, nothing unique, every source trusted, and the
    /// values that programs write for nobody are blocked.
    pub fn new(name: &str) -> IdentityRules {
        IdentityRules {
            name: name.to_owned(),
            blocked: Vec::new(),
            blocked_builtin: true,
            namespaces: BTreeMap::new(),
            sources: BTreeMap::new(),
            component_edges: None,
        }
    }

    /// How the identifiers of a namespace, in lower case, are compared in a store whose log names a version of the
    /// normalisers.
    pub fn normaliser(&self, namespace: &str, version: u32) -> Normaliser {
        let own = self.namespaces.get(namespace).and_then(|rules| rules.normaliser.clone());
        own.unwrap_or_else(|| Normaliser::for_namespace(namespace, version))
    }
}

/// The form of the name of a namespace in which it is compared.
fn namespace_form(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
