//! What rows of files are, and the words in them that say it.

use crate::pair::{Case, judge, request};
use crate::rng::Rng;
use navedb::{ConsentColumns, Input, RecordKind, Said};

/// The columns of the words.
pub(crate) const NAMES: [&str; 3] = ["what", "which", "how"];

/// What rows are: persons, events, consents or memberships, by what all rows say or by words in columns.
pub(crate) fn kind(rng: &mut Rng) -> RecordKind {
    let column = |name: &str| Said::Column(name.to_owned());
    let fixed = |text: &str| Said::Fixed(text.to_owned());
    match rng.below(6) {
        0 => RecordKind::Identify,
        1 => RecordKind::Track(fixed("buy")),
        2 | 3 => RecordKind::Track(column("what")),
        4 => RecordKind::Consent(ConsentColumns {
            channel: if rng.one_in(3) { fixed(" SMS") } else { column("what") },
            purpose: if rng.one_in(3) { column("what") } else { column("which") },
            topic: rng.one_in(3).then(|| column("a")),
            state: if rng.one_in(4) { fixed("opt-in") } else { column("how") },
            basis: rng.one_in(3).then(|| column("b")),
            text: rng.one_in(3).then(|| if rng.one_in(2) { column("c") } else { fixed("x") }),
        }),
        _ => RecordKind::Membership {
            group: if rng.one_in(2) { fixed("account") } else { column("what") },
            id: "which".into(),
            state: (!rng.one_in(3)).then(|| "how".to_owned()),
        },
    }
}

/// What is defined after the first load, of half of the cases.
pub(crate) fn definition(rng: &mut Rng) -> Option<String> {
    rng.one_in(2).then(|| (*rng.pick(&DEFINITIONS)).to_owned())
}

/// The words of a row: most say something, whatever the rows are.
pub(crate) fn words(rng: &mut Rng) -> [String; 3] {
    const WHAT: [&str; 10] =
        ["Buy", "view", "Email", "*", "nave.x", "NAVE.consent", "", "  ", " buy", "product"];
    let what = if rng.one_in(2) { "buy" } else { *rng.pick(&WHAT) };
    let which = match rng.below(12) {
        0 => " ".to_owned(),
        1 => "7".to_owned(),
        2 => " Ads ".to_owned(),
        number => format!("p{}", number % 5),
    };
    const HOW: [&str; 12] = [
        "granted", "opt-out", "joined", "left", "maybe", "", " ", "TRUE", "opt-in", "0", "denied",
        "null",
    ];
    let how = if rng.one_in(2) { *rng.pick(&["yes", "no"]) } else { *rng.pick(&HOW) };
    [what.to_owned(), which, how.to_owned()]
}

/// What may be defined of the fields that these files have.
pub(crate) const DEFINITIONS: [&str; 13] = [
    "[trait.a]\ntype = \"text\"\n[property.buy.a]\ntype = \"integer\"\nnull = [\"7\", \"x\"]\n",
    "[trait.b]\ntype = \"integer\"\n[entity.product.c]\ntype = \"date\"\n",
    "[mapping.crm.identify.fields]\na = \"b\"\nb = \"a\"\nc = false\n",
    "[mapping.crm.track.buy.fields]\n\"n.x\" = \"a\"\na = { to = \"z\", type = \"text\" }\n",
    "[mapping.crm.identify]\nids = { user_id = \"who.part\", email = \"b\" }\ntime = \"c\"\n",
    "[mapping.crm.track.buy]\nids = { email = \"who.mail\" }\ntime = \"a\"\ntime_unit = \"s\"\n",
    "[mapping.crm.entity.product]\ntime = \"when\"\n[mapping.crm.entity.product.fields]\na = \"A2\"\n",
    "[trait.a]\ntype = \"money\"\ncurrency = \"EUR\"\n[source.crm]\nmax_new_names = 6\n",
    "[mapping.crm.track]\nids = { email = \"mail\", user_id = \"c\" }\n[mapping.crm.track.fields]\na = \"b\"\n",
    "[mapping.crm.track.fields]\nb = \"a\"\n[mapping.crm.track.view.fields]\nb = false\n",
    "[property.view.a]\ntype = \"money\"\ncurrency = \"EUR\"\n[property.buy.d]\ntype = \"date\"\n",
    "[source.crm]\nmax_new_names = 9\n[mapping.crm.track]\ntime = \"b\"\n",
    "[property.\"nave.consent\".state]\ntype = \"boolean\"\n[property.\"nave.membership\".group]\ntype = \"integer\"\n",
];

/// Judges a file with a header and rows that come again and again, with a definition.
fn judged(kind: &RecordKind, header: &str, rows: &[&str], definition: &str) {
    let case = Case {
        file: &|_, count, _| {
            let rows = rows.iter().cycle().take(2 * rows.len() + count);
            let lines = std::iter::once(&header).chain(rows).map(|line| format!("{line}\n"));
            lines.collect::<String>().into_bytes()
        },
        request: &|bytes, slowly| {
            let file = Input::Bytes { name: "file.csv".into(), bytes: bytes.to_vec() };
            request(kind.clone(), file, (&[("user_id", "user")], slowly), false, &[])
        },
        exact: true,
        definition: Some(definition.to_owned()),
        name: header.to_owned(),
    };
    assert!(judge(1, &mut Rng::new(1), &case) > 0);
}

/// What a consent tells is remembered, but not that it was refused.
#[test]
fn a_consent_is_refused_as_often_as_it_is_told() {
    let column = |name: &str| Said::Column(name.to_owned());
    let kind = RecordKind::Consent(ConsentColumns {
        channel: column("what"),
        purpose: Said::Fixed("ads".into()),
        topic: None,
        state: column("how"),
        basis: None,
        text: None,
    });
    let rows = ["u1,email,yes", "u2,email,yes", "u3,email,no"];
    judged(&kind, "user,what,how", &rows, DEFINITIONS[12]);
}

/// A header in the midst of files that were put together shows no types, and is an event like others.
#[test]
fn a_header_among_rows_that_name_their_event_shows_no_types() {
    let kind = RecordKind::Track(Said::Column("what".to_owned()));
    let rows = ["u1,buy,1", "u2,view,2.5", "u3,what,4", "user,what,n"];
    judged(&kind, "user,what,n", &rows, DEFINITIONS[10]);
}
