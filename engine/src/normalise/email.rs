//! E-mail addresses.
//!
//! *Invariants:* what is no address is kept as its lower-case text, never lost; the form of a form is itself. Case is
//! folded although RFC 5321 lets a mail server tell `Ann` from `ann`: none in use does, and people write both. The
//! Unicode form is NFC, as RFC 6532 asks: a keyboard may send `é` as one character or as two. Compatibility forms
//! (NFKC) are not folded, as they would make one of mailboxes that are two; only the full-width forms of ASCII are,
//! since no mailbox has them. The dotless i stays one, and the dotted capital one is an i.

use super::clean::{is_hidden, lower, narrow, trim, trim_blanks};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Where a folding of e-mail addresses holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Folding {
    /// Nowhere.
    #[default]
    Off,
    /// At every domain.
    Everywhere,
    /// At these domains, in the form that `domain` gives.
    Domains(Vec<String>),
}

impl Folding {
    /// At these domains.
    pub fn at<T: AsRef<str>>(domains: impl IntoIterator<Item = T>) -> Folding {
        let forms = domains.into_iter().map(|text| domain(text.as_ref()));
        let mut domains: Vec<String> = forms.collect();
        domains.sort_unstable();
        domains.dedup();
        Folding::Domains(domains)
    }

    fn covers(&self, domain: &str) -> bool {
        match self {
            Folding::Off => false,
            Folding::Everywhere => true,
            Folding::Domains(domains) => domains.iter().any(|own| own == domain),
        }
    }
}

/// How addresses are read by version 2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EmailRules {
    /// Where dots before the `@` do not count: `a.nn@gmail.com` is `ann@gmail.com`.
    pub fold_dots: Folding,
    /// Where what follows a plus does not count: `ann+shop@example.org` is `ann@example.org`.
    pub fold_plus: Folding,
}

/// Version 1: blanks around it and case do not count.
pub fn first(text: &str) -> Cow<'_, str> {
    lower(trim_blanks(text))
}

/// Version 2.
pub fn second<'t>(text: &'t str, rules: &EmailRules) -> Cow<'t, str> {
    let text = trim(text);
    if is_clean(text.as_bytes()) {
        return match folded_address(text, rules) {
            Some(form) => Cow::Owned(form),
            None => Cow::Borrowed(text),
        };
    }
    if text.is_ascii() {
        let lower = text.to_ascii_lowercase();
        if is_clean(lower.as_bytes()) {
            return Cow::Owned(folded_address(&lower, rules).unwrap_or(lower));
        }
    }
    let mut form = step(text, rules);
    // What a folding leaves may be put together anew: a mark with another letter, a prefix of links.
    for _ in 0..STEPS_MAX {
        if is_clean(form.as_bytes()) {
            break;
        }
        let next = step(&form, rules);
        if next == form {
            break;
        }
        form = next;
    }
    Cow::Owned(form)
}

/// Steps in which any text has come to its form.
const STEPS_MAX: usize = 8;

fn step(text: &str, rules: &EmailRules) -> String {
    let plain = plain_text(text);
    address(&plain, rules).unwrap_or(plain)
}

/// What a byte may be part of in an address with nothing unusual about it.
const LOCAL: u8 = 1;
const DOMAIN: u8 = 2;

const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut rest: &mut [u8] = &mut places;
    let mut byte = 0_u8;
    while let Some((place, after)) = rest.split_first_mut() {
        *place = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => LOCAL | DOMAIN,
            b'_' | b'+' | b'!' | b'#'..=b'&' | b'*' | b'/' | b'=' | b'?' | b'^' | b'`' => LOCAL,
            b'{'..=b'~' => LOCAL,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    places
};

fn may_be_in(place: u8, byte: u8) -> bool {
    PLACES.get(usize::from(byte)).is_some_and(|places| places & place != 0)
}

/// Whether bytes are an address in lower case with nothing unusual about it.
fn is_clean(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    let Some(odd) = rest.rfind(|byte| !may_be_in(DOMAIN, **byte)) else { return false };
    let before = rest.as_slice();
    let has_domain = bytes.len() > before.len() + 1 && bytes.last() != Some(&b'.');
    let local = before
        .iter()
        .fold(LOCAL, |all, byte| all & PLACES.get(usize::from(*byte)).copied().unwrap_or_default());
    *odd == b'@' && has_domain && !before.is_empty() && local == LOCAL
}

/// A clean address with what is folded left out; nothing when that is nothing.
fn folded_address(text: &str, rules: &EmailRules) -> Option<String> {
    if rules.fold_dots == Folding::Off && rules.fold_plus == Folding::Off {
        return None;
    }
    let (local, domain) = text.split_once('@')?;
    folded(local, domain, rules).map(|local| format!("{local}@{domain}"))
}

/// A text in lower case, composed, without hidden characters and full-width forms.
fn plain_text(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_hidden(*c)).map(narrow).collect();
    // In lower case the dotted capital I is an i and a dot above it.
    let mut dotted = false;
    let lower = seen.to_lowercase();
    let undotted = lower.chars().filter(|c| {
        let dot = *c == '\u{307}' && dotted;
        dotted = *c == 'i' || dot;
        !dot
    });
    let composed: String = undotted.collect::<String>().nfc().collect();
    trim(&composed).to_owned()
}

/// The address that a text is or holds.
fn address(text: &str, rules: &EmailRules) -> Option<String> {
    let (local, at) = bare(text).rsplit_once('@')?;
    let (local, domain) = (trim(local), domain(at));
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let local = folded(local, &domain, rules).unwrap_or(Cow::Borrowed(local));
    Some(format!("{local}@{domain}"))
}

/// An address without what mail programs and links put around it.
fn bare(text: &str) -> &str {
    let mut bare = text;
    loop {
        let mut next = bare;
        if let Some(rest) = next.strip_prefix("mailto:") {
            next = rest.split('?').next().unwrap_or(rest);
        }
        if let Some((_, inner)) = next.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            next = inner;
        }
        for quote in ['"', '\''] {
            let inner = next.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            next = inner.unwrap_or(next);
        }
        next = trim(next);
        if next == bare {
            return bare;
        }
        bare = next;
    }
}

/// The local part without what a folding leaves out; nothing when nothing is left out, or would be left.
fn folded<'l>(local: &'l str, domain: &str, rules: &EmailRules) -> Option<Cow<'l, str>> {
    if local.starts_with('"') {
        return None;
    }
    let mut kept = local;
    if kept.contains('+') && rules.fold_plus.covers(domain) {
        let head = kept.split('+').next().map(trim);
        kept = head.filter(|head| !head.is_empty()).unwrap_or(kept);
    }
    if kept.contains('.') && rules.fold_dots.covers(domain) {
        let joined = kept.replace('.', "");
        let joined = trim(&joined);
        if !joined.is_empty() {
            return Some(Cow::Owned(joined.to_owned()));
        }
    }
    (kept.len() < local.len()).then_some(Cow::Borrowed(kept))
}

/// A domain in ASCII and lower case, without dots after it. UTS 46 without its transitional mappings, so that
/// `straße.de` and `strasse.de`, which may have two owners, stay two. What is no domain is kept in lower case.
pub fn domain(text: &str) -> String {
    let after = |c: char| matches!(c, '.' | '\u{3002}') || c.is_whitespace() || is_hidden(c);
    let text = trim(text).trim_end_matches(after);
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    match idna::domain_to_ascii(text) {
        Ok(ascii) if ascii.bytes().all(fits) => ascii.trim_end_matches('.').to_owned(),
        _ => text.to_lowercase(),
    }
}
