//! Imports of typed columns by column against imports row by row.

use crate::pair::{Case, judge, judge_rounds, request};
use crate::rng::{Rng, scale};
use crate::words;
use navedb::{LoadRequest, Reading, RecordKind, RowSpool};

/// What the rows are, and the types of their columns.
#[derive(Debug, Clone)]
struct Form {
    kind: RecordKind,
    columns: Vec<(String, Reading)>,
    ids: usize,
    time: bool,
    message_id: usize,
}

impl Form {
    fn random(rng: &mut Rng) -> Form {
        let kind = words::kind(rng);
        let named = ["user", "mail", "when", "id", "part", "what", "which", "how"];
        let columns = named.iter().chain(&["a", "b", "c", "d"]).map(|name| {
            let free = name.len() == 1;
            let readings = [Reading::Text, Reading::Plain, Reading::Float, Reading::Json];
            let odd =
                if *name == "user" || !rng.one_in(30) { Reading::Text } else { Reading::Json };
            ((*name).to_owned(), if free { *rng.pick(&readings) } else { odd })
        });
        let columns = columns.collect();
        let (ids, time) = (1 + rng.below(2), rng.one_in(2));
        Form { kind, columns, ids, time, message_id: *rng.pick(&[0, 1, 1, 2]) }
    }

    /// A request for rows as `file` writes them.
    fn request(&self, bytes: &[u8], slowly: bool) -> LoadRequest {
        let mut spool = RowSpool::new("rows", self.columns.clone()).unwrap();
        for row in std::str::from_utf8(bytes).unwrap().lines() {
            let cells: Vec<Option<&str>> =
                row.split('\t').map(|cell| Some(cell).filter(|cell| *cell != NULL)).collect();
            spool.push(&cells).unwrap();
        }
        let ids = [("user_id", "user"), ("email", "mail")];
        let ids = (ids.get(..self.ids).unwrap(), slowly);
        let message_id = ["id", "part"];
        let message_id = message_id.get(..self.message_id).unwrap();
        request(self.kind.clone(), spool.finish().unwrap(), ids, self.time, message_id)
    }
}

/// What stands for a cell that is NULL.
const NULL: &str = "~";

fn cell(rng: &mut Rng, reading: Reading) -> &'static str {
    const TEXTS: [&str; 6] = ["x", "", "7", "2024-02-29", "true", "[1]"];
    const PLAIN: [&str; 9] =
        ["7", "-12", "0.50", "true", "2024-02-29", "123456789012345678901", "x", "", "1.25"];
    const FLOATS: [&str; 5] = ["1.5", "1e300", "3", "NaN", "inf"];
    const JSON: [&str; 10] = [
        "[\"b\",\"a\"]",
        "[]",
        "[[1]]",
        "[{\"x\":1},{\"x\":\"y\"}]",
        "{\"x\":{\"y\":1}}",
        "7",
        "\"text\"",
        "null",
        "{\"x\":2}",
        "no",
    ];
    let texts: &[&str] = match reading {
        Reading::Text => &TEXTS,
        Reading::Plain => &PLAIN,
        Reading::Float => &FLOATS,
        Reading::Json => &JSON,
    };
    rng.pick::<&str>(texts)
}

fn row(rng: &mut Rng, form: &Form, number: usize) -> String {
    let user = if rng.one_in(12) { " ".to_owned() } else { format!("u{}", rng.below(12)) };
    let when = if rng.one_in(12) { "soon" } else { *rng.pick(&["2024-01-05", "2024-02-20"]) };
    let id = if rng.one_in(5) { number.saturating_sub(rng.below(4)) } else { number };
    let mail = format!("M{}@x.org", rng.below(9));
    let mut texts = vec![user, mail, when.to_owned(), format!("i{id}"), "p,1".to_owned()];
    texts.extend(words::words(rng));
    texts.extend(
        form.columns.iter().skip(texts.len()).map(|(_, reading)| cell(rng, *reading).into()),
    );
    let cells = texts.into_iter().map(|text| if rng.one_in(15) { NULL.to_owned() } else { text });
    cells.collect::<Vec<String>>().join("\t")
}

/// Rows; the first of a longer file are the same.
fn file(seed: u64, form: &Form, rows: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let rows = (0..rows).map(|number| row(&mut rng, form, number) + "\n");
    rows.collect::<String>().into_bytes()
}

#[test]
fn typed_columns_by_column_are_those_row_by_row() {
    let written = judge_rounds(scale(20, 10_000), |seed, rng| {
        let form = Form::random(rng);
        let case = Case {
            file: &|seed, rows, _| file(seed, &form, rows),
            request: &|bytes, slowly| form.request(bytes, slowly),
            exact: true,
            definition: words::definition(rng),
            name: format!("{form:?}"),
        };
        judge(seed, rng, &case)
    });
    assert!(written > scale(100, 50_000), "{written}");
}
