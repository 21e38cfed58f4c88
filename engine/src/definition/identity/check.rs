//! What rules cannot say, however they were made: each with the path of its key, what is wrong, and what to do.

use super::{CapRules, IdentityRules, NamespaceRules, SourceRules, Trust, namespace_form};
use crate::base::limits::{
    BLOCKED_BYTES_MAX, BLOCKED_MAX, BLOCKED_PATTERNS_MAX, COMPONENT_EDGES_LIMIT, NAME_BYTES_MAX,
    RULES_MAX,
};
use crate::definition::body::path_text;
use std::collections::BTreeSet;

/// Something that rules cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The keys that lead to it, from the name of the rule set on.
    pub path: Vec<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "identity.{}: {}", path_text(&self.path), self.message)
    }
}

impl std::error::Error for Wrong {}

pub(super) type Checked = Result<(), Wrong>;

pub(super) fn wrong<T>(path: &[&str], message: impl Into<String>) -> Result<T, Wrong> {
    let path = path.iter().map(|key| (*key).to_owned()).collect();
    Err(Wrong { path, message: message.into() })
}

impl IdentityRules {
    /// Refuses what rules cannot say.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Checked {
        let name = self.name.as_str();
        check_name(&[name], name)?;
        if self.namespaces.len() > RULES_MAX {
            return too_many(&[name, "namespace"], "namespaces", RULES_MAX);
        }
        if self.sources.len() > RULES_MAX {
            return too_many(&[name, "source"], "sources", RULES_MAX);
        }
        check_blocked(&[name, "blocked"], &self.blocked)?;
        let mut forms = BTreeSet::new();
        for (namespace, rules) in &self.namespaces {
            let path = [name, "namespace", namespace];
            check_name(&path, namespace)?;
            if !forms.insert(namespace_form(namespace)) {
                return wrong(
                    &path,
                    "this namespace comes twice, since case does not count; keep one",
                );
            }
            check_namespace(&path, rules)?;
        }
        for (source, rules) in &self.sources {
            let path = [name, "source", source];
            check_name(&path, source)?;
            check_source(&path, rules)?;
        }
        self.check_sums()
    }

    fn check_sums(&self) -> Checked {
        let name = self.name.as_str();
        if let Some(edges) = self.component_edges
            && !(1..=COMPONENT_EDGES_LIMIT).contains(&edges)
        {
            let message = format!("must be 1 to {COMPONENT_EDGES_LIMIT}; leave it out for 4096");
            return wrong(&[name, "component", "edges"], message);
        }
        let all = || self.blocked.iter().chain(self.namespaces.values().flat_map(|r| &r.blocked));
        if all().count() > BLOCKED_MAX {
            return too_many(&[name], "blocked values", BLOCKED_MAX);
        }
        if all().filter(|text| text.contains('*')).count() > BLOCKED_PATTERNS_MAX {
            return too_many(&[name], "blocked values with a star", BLOCKED_PATTERNS_MAX);
        }
        Ok(())
    }
}

fn too_many<T>(path: &[&str], what: &str, most: usize) -> Result<T, Wrong> {
    wrong(path, format!("a rule set has at most {most} {what}; leave out what never occurs"))
}

fn check_name(path: &[&str], name: &str) -> Checked {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.len() > NAME_BYTES_MAX {
        return wrong(path, format!("a name has 1 to {NAME_BYTES_MAX} bytes; write another"));
    }
    if trimmed.len() < name.len() {
        return wrong(path, "a name has no blanks around it; take them away");
    }
    Ok(())
}

fn check_blocked(path: &[&str], values: &[String]) -> Checked {
    let mut known = BTreeSet::new();
    for value in values {
        let shown: String = value.chars().take(40).collect();
        if value.len() > BLOCKED_BYTES_MAX {
            let message = format!(
                "'{shown}' is too long: a blocked value has at most {BLOCKED_BYTES_MAX} bytes; \
                 write its beginning and a star"
            );
            return wrong(path, message);
        }
        if value.trim().is_empty() {
            return wrong(path, "a blank value is never an identifier; leave it out");
        }
        if value.trim().bytes().all(|byte| byte == b'*') {
            return wrong(path, format!("'{shown}' blocks every value; write more of it"));
        }
        if !known.insert(value.trim().to_lowercase()) {
            return wrong(
                path,
                format!("'{shown}' comes twice, since case does not count; keep one"),
            );
        }
    }
    Ok(())
}

fn check_namespace(path: &[&str; 3], rules: &NamespaceRules) -> Checked {
    let [name, kind, namespace] = *path;
    if rules.limit.is_some_and(|limit| limit.most == 0) {
        return wrong(
            &[name, kind, namespace, "limit"],
            "must be at least 1; to keep a namespace out of profiles, block its values, and for no \
             limit leave it out",
        );
    }
    check_cap(&[name, kind, namespace, "cap"], &rules.cap)?;
    check_blocked(&[name, kind, namespace, "blocked"], &rules.blocked)
}

fn check_cap(path: &[&str; 4], cap: &CapRules) -> Checked {
    let [name, kind, namespace, key] = *path;
    let zero = "must be at least 1: with 0 nothing would link it; for no cap leave it out";
    if cap.any == Some(0) {
        return wrong(path, zero);
    }
    let mut forms = BTreeSet::new();
    for (neighbour, most) in &cap.of {
        let path = [name, kind, namespace, key, neighbour.as_str()];
        check_name(&path, neighbour)?;
        if *most == 0 {
            return wrong(&path, zero);
        }
        if !forms.insert(namespace_form(neighbour)) {
            return wrong(&path, "this namespace comes twice, since case does not count; keep one");
        }
        if namespace_form(neighbour) == "any" {
            return wrong(
                &path,
                "'any' means every other namespace; no namespace can be called so",
            );
        }
    }
    Ok(())
}

fn check_source(path: &[&str; 3], rules: &SourceRules) -> Checked {
    let [name, kind, source] = *path;
    let Some(namespaces) = &rules.namespaces else { return Ok(()) };
    let path = [name, kind, source, "namespaces"];
    if rules.trust == Trust::Nothing {
        return wrong(&path, "with trust = \"none\" a source links nothing; leave this out");
    }
    if namespaces.is_empty() {
        return wrong(&path, "an empty list would link nothing; write trust = \"none\" instead");
    }
    if namespaces.len() > RULES_MAX {
        return too_many(&path, "namespaces of a source", RULES_MAX);
    }
    let mut forms = BTreeSet::new();
    for namespace in namespaces {
        check_name(&path, namespace)?;
        if !forms.insert(namespace_form(namespace)) {
            let message = format!("'{namespace}' comes twice, since case does not count; keep one");
            return wrong(&path, message);
        }
    }
    Ok(())
}
