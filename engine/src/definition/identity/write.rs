//! Writing rules in their one form: only what differs from what holds without them, in a fixed order.

use super::{CapRules, IdentityRules, NamespaceRules, SourceRules, Trust};
use crate::base::calendar::Window;
use crate::definition::body::{key_text, quoted};
use crate::normalise::{Extension, Folding, Normaliser};

/// The names of windows.
pub(super) const WINDOWS: [(&str, Window); 5] = [
    ("ever", Window::Ever),
    ("day", Window::Day),
    ("week", Window::Week),
    ("month", Window::Month),
    ("year", Window::Year),
];

/// The names of kinds of trust.
pub(super) const TRUSTS: [(&str, Trust); 3] =
    [("full", Trust::Full), ("unknown", Trust::Unknown), ("none", Trust::Nothing)];

fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| quoted(value.as_ref())).collect();
    format!("[{}]", values.join(", "))
}

/// The values that are blocked, in order and in lower case, as they are compared.
fn blocked(values: &[String]) -> String {
    let mut values: Vec<String> = values.iter().map(|v| v.trim().to_lowercase()).collect();
    values.sort_unstable();
    values.dedup();
    list(values)
}

impl IdentityRules {
    /// The rules as a file has them. Two rule sets that say the same have the same text.
    pub fn to_toml(&self) -> String {
        let head = format!("identity.{}", key_text(&self.name));
        let mut text = format!("[{head}]\n");
        if !self.blocked_builtin {
            text.push_str("blocked_builtin = false\n");
        }
        if !self.blocked.is_empty() {
            text.push_str(&format!("blocked = {}\n", blocked(&self.blocked)));
        }
        for (namespace, rules) in &self.namespaces {
            text.push_str(&format!("\n[{head}.namespace.{}]\n", key_text(namespace)));
            write_namespace(&mut text, rules);
        }
        for (source, rules) in &self.sources {
            text.push_str(&format!("\n[{head}.source.{}]\n", key_text(source)));
            write_source(&mut text, rules);
        }
        if let Some(edges) = self.component_edges {
            text.push_str(&format!("\n[{head}.component]\nedges = {edges}\n"));
        }
        text
    }
}

fn write_namespace(text: &mut String, rules: &NamespaceRules) {
    if let Some(limit) = rules.limit {
        let window = WINDOWS.iter().find(|(_, window)| *window == limit.per);
        match window {
            Some((name, window)) if *window != Window::Ever => {
                text.push_str(&format!("limit = {{ most = {}, per = \"{name}\" }}\n", limit.most));
            }
            _ => text.push_str(&format!("limit = {}\n", limit.most)),
        }
    }
    if rules.unique {
        text.push_str("unique = true\n");
    }
    if let Some(rank) = rules.rank {
        text.push_str(&format!("rank = {rank}\n"));
    }
    if !rules.blocked.is_empty() {
        text.push_str(&format!("blocked = {}\n", blocked(&rules.blocked)));
    }
    write_cap(text, &rules.cap);
    if let Some(normaliser) = &rules.normaliser {
        write_normaliser(text, normaliser);
    }
}

fn write_cap(text: &mut String, cap: &CapRules) {
    if cap.of.is_empty() {
        if let Some(any) = cap.any {
            text.push_str(&format!("cap = {any}\n"));
        }
        return;
    }
    let of = cap.of.iter().map(|(neighbour, most)| format!("{} = {most}", key_text(neighbour)));
    let any = cap.any.map(|most| format!("any = {most}"));
    let pairs: Vec<String> = of.chain(any).collect();
    text.push_str(&format!("cap = {{ {} }}\n", pairs.join(", ")));
}

fn write_normaliser(text: &mut String, normaliser: &Normaliser) {
    text.push_str(&format!("normaliser = \"{normaliser}\"\n"));
    match normaliser {
        Normaliser::Email(rules) => {
            for (key, folding) in [("fold_dots", &rules.fold_dots), ("fold_plus", &rules.fold_plus)]
            {
                match folding {
                    Folding::Off => {}
                    Folding::Everywhere => text.push_str(&format!("{key} = true\n")),
                    Folding::Domains(domains) => {
                        text.push_str(&format!("{key} = {}\n", list(domains)));
                    }
                }
            }
        }
        Normaliser::Phone(rules) => {
            if let Some(region) = rules.region() {
                text.push_str(&format!("region = \"{region}\"\n"));
            }
            if rules.extension == Extension::Dropped {
                text.push_str("extension = \"drop\"\n");
            }
        }
        _ => {}
    }
}

fn write_source(text: &mut String, rules: &SourceRules) {
    if let Some((name, trust)) = TRUSTS.iter().find(|(_, trust)| *trust == rules.trust)
        && *trust != Trust::Full
    {
        text.push_str(&format!("trust = \"{name}\"\n"));
    }
    if let Some(namespaces) = &rules.namespaces {
        let mut namespaces = namespaces.clone();
        namespaces.sort_unstable();
        text.push_str(&format!("namespaces = {}\n", list(&namespaces)));
    }
}
