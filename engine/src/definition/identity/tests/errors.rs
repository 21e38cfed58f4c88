//! What rules cannot say: each error has the path of its key, a remedy, and the piece of the text that it is about.

use super::super::parse;
use crate::base::limits::BLOCKED_BYTES_MAX;

/// A body, the path of the error, a piece of its message, and what it points at when that is one thing.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    ("bloked = []", "person", "did you mean 'blocked'?", "bloked"),
    ("blocked = 3", "person", "'blocked' must be a list of texts", "3"),
    ("blocked = [\"*\"]", "person.blocked", "blocks every value; write more", "[\"*\"]"),
    ("blocked = [\" \"]", "person.blocked", "never an identifier; leave it out", "[\" \"]"),
    ("blocked = [\"A\", \"a\"]", "person.blocked", "comes twice", "[\"A\", \"a\"]"),
    ("blocked_builtin = 1", "person.blocked_builtin", "must be true or false", "1"),
    ("namespace = 1", "person", "'namespace' must be a table", "1"),
    (
        "namespace.email = 1",
        "person.namespace.email",
        "write [identity.person.namespace.email]",
        "email",
    ),
    ("namespace.email.lmit = 5", "person.namespace.email", "did you mean 'limit'?", "lmit"),
    ("namespace.email.limit = 0", "person.namespace.email.limit", "at least 1; to keep", "0"),
    ("namespace.email.limit = -1", "person.namespace.email.limit", "a whole number", "-1"),
    (
        "namespace.email.limit = 5_000_000_000",
        "person.namespace.email.limit",
        "at most 4294967295",
        "5_000_000_000",
    ),
    (
        "namespace.email.limit = \"5\"",
        "person.namespace.email.limit",
        "must be a number, or {",
        "\"5\"",
    ),
    (
        "namespace.email.limit = { per = \"day\" }",
        "person.namespace.email.limit",
        "says no number",
        "{ per = \"day\" }",
    ),
    (
        "namespace.email.limit = { most = 0, per = \"day\" }",
        "person.namespace.email.limit",
        "at least 1",
        "",
    ),
    (
        "namespace.email.limit = { most = 3, per = \"mont\" }",
        "person.namespace.email.limit.per",
        "did you mean 'month'?",
        "\"mont\"",
    ),
    (
        "namespace.email.limit = { most = 3, per = \"fortnight\" }",
        "person.namespace.email.limit.per",
        "use ever, day, week, month, year",
        "\"fortnight\"",
    ),
    (
        "namespace.email.limit = { most = 3, pro = \"day\" }",
        "person.namespace.email.limit",
        "'pro' is no key of a limit",
        "pro",
    ),
    (
        "namespace.email.unique = \"yes\"",
        "person.namespace.email.unique",
        "must be true or false",
        "\"yes\"",
    ),
    ("namespace.email.rank = 65535", "person.namespace.email.rank", "at most 65534", "65535"),
    (
        "namespace.email.blocked = [\"**\"]",
        "person.namespace.email.blocked",
        "blocks every value",
        "[\"**\"]",
    ),
    ("namespace.email.cap = 0", "person.namespace.email.cap", "at least 1: with 0", "0"),
    ("namespace.email.cap = {}", "person.namespace.email.cap", "says no number", "{}"),
    ("namespace.email.cap = true", "person.namespace.email.cap", "must be a number, or {", "true"),
    ("namespace.email.cap = { phone = 0 }", "person.namespace.email.cap.phone", "at least 1", "0"),
    (
        "namespace.email.cap = { phone = 1, Phone = 2 }",
        "person.namespace.email.cap.Phone",
        "comes twice",
        "Phone",
    ),
    (
        "namespace.email.cap = { phone = \"x\" }",
        "person.namespace.email.cap.phone",
        "a whole number",
        "\"x\"",
    ),
    (
        "namespace.email.normaliser = \"email\"",
        "person.namespace.email.normaliser",
        "name its version too: email@1 or email@2",
        "\"email\"",
    ),
    (
        "namespace.email.normaliser = 2",
        "person.namespace.email",
        "'normaliser' must be text in quotes",
        "2",
    ),
    (
        "namespace.email.fold_dots = true",
        "person.namespace.email.fold_dots",
        "is for email@2 alone; add normaliser = \"email@2\"",
        "true",
    ),
    (
        "namespace.email = { normaliser = \"email@2\", fold_dots = \"gmail.com\" }",
        "person.namespace.email.fold_dots",
        "or a list of domains",
        "\"gmail.com\"",
    ),
    (
        "namespace.email = { normaliser = \"email@2\", fold_plus = [] }",
        "person.namespace.email.fold_plus",
        "or a list of domains",
        "[]",
    ),
    (
        "namespace.email = { normaliser = \"email@2\", fold_plus = [\"a@b.com\"] }",
        "person.namespace.email.fold_plus",
        "'a@b.com' is no domain",
        "[\"a@b.com\"]",
    ),
    (
        "namespace.email = { normaliser = \"email@2\", region = \"FR\" }",
        "person.namespace.email.region",
        "is for phone@2 alone",
        "\"FR\"",
    ),
    (
        "namespace.phone = { normaliser = \"phone@1\", region = \"FR\" }",
        "person.namespace.phone.region",
        "is for phone@2 alone",
        "\"FR\"",
    ),
    (
        "namespace.phone = { normaliser = \"phone@2\", fold_plus = true }",
        "person.namespace.phone.fold_plus",
        "is for email@2 alone",
        "true",
    ),
    (
        "namespace.phone = { normaliser = \"phone@2\", region = \"UK\" }",
        "person.namespace.phone.region",
        "did you mean 'GB'?",
        "\"UK\"",
    ),
    (
        "namespace.phone = { normaliser = \"phone@2\", extension = \"kep\" }",
        "person.namespace.phone.extension",
        "did you mean 'keep'?",
        "\"kep\"",
    ),
    (
        "namespace.email = {}\nnamespace.Email = {}",
        "person.namespace.Email",
        "comes twice, since case does not count",
        "Email",
    ),
    ("namespace.\"\" = {}", "person.namespace.\"\"", "a name has 1 to 256 bytes", "\"\""),
    ("source.web.trus = \"full\"", "person.source.web", "did you mean 'trust'?", "trus"),
    (
        "source.web.trust = \"unknwn\"",
        "person.source.web.trust",
        "did you mean 'unknown'?",
        "\"unknwn\"",
    ),
    (
        "source.web.namespaces = []",
        "person.source.web.namespaces",
        "write trust = \"none\" instead",
        "[]",
    ),
    (
        "source.web.namespaces = [\"email\", \"EMAIL\"]",
        "person.source.web.namespaces",
        "comes twice",
        "",
    ),
    (
        "source.web = { trust = \"none\", namespaces = [\"email\"] }",
        "person.source.web.namespaces",
        "leave this out",
        "[\"email\"]",
    ),
    ("source.\" web\" = {}", "person.source.\" web\"", "no blanks around it", "\" web\""),
    ("component.edges = 0", "person.component.edges", "must be 1 to 1048576", "0"),
    ("component.edge = 1", "person.component", "did you mean 'edges'?", "edge"),
];

/// What is wrong with a body, with the piece of the text that it points at.
fn wrong(body: &str) -> (String, String) {
    let text = format!("[identity.person]\n{body}");
    match parse(&text) {
        Ok(found) => panic!("{body} is taken as {found:?}"),
        Err(trouble) => {
            let piece = text.get(trouble.at.clone()).unwrap_or_default().to_owned();
            (trouble.message, piece)
        }
    }
}

#[test]
fn errors_name_place_and_remedy() {
    for (body, path, hint, piece) in CASES {
        let (message, at) = wrong(body);
        assert!(message.starts_with(&format!("identity.{path}: ")), "{body}: {message}");
        assert!(message.contains(hint), "{body}: {message}");
        assert!(piece.is_empty() || at == *piece, "{body}: {message} points at {at}");
    }
    let (message, _) = wrong(&format!("blocked = [\"{}\"]", "x".repeat(BLOCKED_BYTES_MAX + 1)));
    assert!(message.contains("at most 256 bytes; write its beginning and a star"), "{message}");
}
