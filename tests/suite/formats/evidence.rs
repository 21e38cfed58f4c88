//! Results of other matchers: each row of a file is what a message of the type `link` says.

use super::{arrow_file, batch, parquet, stream};
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use arrow::array::{Float64Array, ListBuilder, StringArray, StringBuilder};
use navedb::dir::MemoryDir;
use navedb::{
    ErrorKind, EvidenceColumns, FileReport, Input, LoadRequest, QuarantineRequest, RecordKind,
    Retraction, Said, Settings, import_log, rebuild,
};
use std::sync::Arc;

/// Two identifiers, a score and a time, any of which a row may lack.
type Pair = (Option<String>, Option<String>, Option<f64>, Option<String>);

fn columns(kind: &str, rule: Option<&str>) -> EvidenceColumns {
    let of = |column: &str| ("record".to_owned(), column.to_owned());
    EvidenceColumns {
        left: of("unique_id_l"),
        right: of("unique_id_r"),
        kind: kind.to_owned(),
        score: Some("match_probability".to_owned()),
        rule: rule.map(|rule| Said::Fixed(rule.to_owned())),
    }
}

fn request(columns: EvidenceColumns, name: &str, bytes: Vec<u8>) -> LoadRequest {
    let mut request = LoadRequest::new("splink", RecordKind::Evidence(columns));
    request.inputs.push(Input::Bytes { name: name.to_owned(), bytes });
    request.level = Some(navedb::Level::Memory);
    request
}

fn load(db: &navedb::Db, request: &LoadRequest) -> FileReport {
    db.load(request).unwrap().files.remove(0)
}

/// Some persons that records name, each by one identifier.
fn people(db: &navedb::Db) {
    let all: Vec<String> = (0..6)
        .map(|n| {
            format!(
                r#"{{"type":"identify","identifiers":{{"record":"r{n}"}},"messageId":"i{n}",
                    "timestamp":"2024-01-01T00:00:00Z"}}"#
            )
        })
        .collect();
    store::write(db, "crm", &all);
}

fn pairs(rng: &mut Rng) -> Vec<Pair> {
    let one = |rng: &mut Rng| (!rng.one_in(12)).then(|| format!("r{}", rng.below(6)));
    let pair = |rng: &mut Rng| {
        let score = (!rng.one_in(12)).then(|| rng.below(4000) as f64 / 1000.0 - 2.0);
        let time = (!rng.one_in(12)).then(|| format!("2024-02-0{}T10:00:00Z", 1 + rng.below(9)));
        (one(rng), one(rng), score, time)
    };
    (0..1 + rng.below(12)).map(|_| pair(rng)).collect()
}

fn csv(all: &[Pair]) -> Vec<u8> {
    let mut text = String::from("match_probability,match_key,unique_id_l,unique_id_r,at\n");
    for (left, right, score, at) in all {
        let score = score.map(|score| score.to_string()).unwrap_or_default();
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        text.push_str(&format!("{score},0,{},{},{}\n", said(left), said(right), said(at)));
    }
    text.into_bytes()
}

fn ndjson(all: &[Pair]) -> Vec<u8> {
    let line = |(left, right, score, at): &Pair| {
        let row = serde_json::json!({
            "unique_id_l": left, "unique_id_r": right, "match_probability": score, "at": at, "gamma": [1, 2],
        });
        format!("{row}\n")
    };
    all.iter().map(line).collect::<String>().into_bytes()
}

fn table(all: &[Pair]) -> arrow::array::RecordBatch {
    let texts = |of: fn(&Pair) -> &Option<String>| -> Arc<StringArray> {
        Arc::new(all.iter().map(|pair| of(pair).clone()).collect())
    };
    let scores: Float64Array = all.iter().map(|pair| pair.2).collect();
    batch(vec![
        ("unique_id_l", texts(|pair| &pair.0)),
        ("unique_id_r", texts(|pair| &pair.1)),
        ("match_probability", Arc::new(scores)),
        ("at", texts(|pair| &pair.3)),
    ])
}

/// The messages that say the same, and how many rows say nothing that could be used.
fn messages(all: &[Pair], kind: &str, rule: Option<&str>) -> (Vec<String>, u64) {
    let mut found = Vec::new();
    for (left, right, score, at) in all {
        let (Some(left), Some(right)) = (left, right) else { continue };
        if left == right || (score.is_none() && kind == "fuzzy") {
            continue;
        }
        let of = |value: &str| serde_json::json!({"namespace": "record", "value": value});
        let message = serde_json::json!({
            "type": "link", "left": of(left), "right": of(right), "kind": kind, "score": score, "rule": rule,
            "timestamp": at,
        });
        found.push(message.to_string());
    }
    let broken = (all.len() - found.len()) as u64;
    (found, broken)
}

#[test]
fn every_format_says_what_messages_say() {
    for seed in seeds(1, scale(40, 1000)) {
        let mut rng = Rng::new(seed);
        let all = pairs(&mut rng);
        let kind = *rng.pick(&["fuzzy", "behavioural", "deterministic", "alias", "manual"]);
        let rule = *rng.pick(&[None, Some("splink-2024")]);
        let (messages, broken) = messages(&all, kind, rule);
        let said = format!("NAVE_SEED={seed} {kind} {all:#?}");
        let db = store::new();
        people(&db);
        let mut text = messages.join("\n");
        text.push('\n');
        let mut one = LoadRequest::new("splink", RecordKind::Message);
        one.inputs.push(Input::Bytes { name: "m.ndjson".to_owned(), bytes: text.into_bytes() });
        assert_eq!(load(&db, &one).written, messages.len() as u64, "{said}");
        let wanted = view(&db).digest().unwrap();
        let table = table(&all);
        for (name, bytes) in [
            ("p.csv", csv(&all)),
            ("p.ndjson", ndjson(&all)),
            ("p.parquet", parquet(&table)),
            ("p.arrows", stream(&table)),
            ("p.arrow", arrow_file(&table)),
        ] {
            let said = format!("{name}: {said}");
            let db = store::new();
            people(&db);
            let before = view(&db).digest().unwrap();
            let mut request = request(columns(kind, rule), name, bytes);
            request.time = Some("at".to_owned());
            let report = load(&db, &request);
            assert_eq!((report.written, report.broken), (messages.len() as u64, broken), "{said}");
            if broken == 0 {
                assert_eq!(view(&db).digest().unwrap(), wanted, "{said}");
            }
            let again = load(&db, &request);
            assert_eq!((again.load, again.duplicates), (None, report.written), "{said}");
            let rebuilt = (view(&db).digest().unwrap(), view(&db).stats().unwrap().profiles);
            if let Some(id) = report.load {
                let _ = session(&db).retract(&Retraction::Load(id)).unwrap();
                assert_eq!(view(&db).digest().unwrap(), before, "{said}");
                load(&db, &request);
                let now = (view(&db).digest().unwrap(), view(&db).stats().unwrap().profiles);
                assert_eq!(now, rebuilt, "{said}: loaded again");
            }
        }
    }
}

#[test]
fn a_log_with_evidence_comes_back_from_its_files_and_from_its_text() {
    let disk = MemoryDir::new();
    let db = store::open(disk.clone()).unwrap();
    people(&db);
    let rows = "match_probability,unique_id_l,unique_id_r\n0.9,r1,r2\n0.8,r2,r3\nlikely,r1,r4\n";
    load(&db, &request(columns("fuzzy", Some("m")), "p.csv", rows.into()));
    let wanted = view(&db).digest().unwrap();
    assert_eq!(view(&db).stats().unwrap().profiles, 4);
    let mut lines = Vec::new();
    view(&db).export_log(&mut lines, &mut |_| {}).unwrap();
    db.close().unwrap();
    rebuild(Arc::new(disk.clone()), store::clock(store::NOON), Settings::default()).unwrap();
    assert_eq!(view(&store::open(disk).unwrap()).digest().unwrap(), wanted);
    let copy = MemoryDir::new();
    import_log(Arc::new(copy.clone()), &mut lines.as_slice(), &mut |_| {}).unwrap();
    assert_eq!(view(&store::open(copy).unwrap()).digest().unwrap(), wanted);
}

/// The reasons in quarantine.
fn reasons(db: &navedb::Db) -> Vec<String> {
    let page = view(db).quarantine(&QuarantineRequest::default()).unwrap();
    page.items.into_iter().map(|item| item.reason).collect()
}

#[test]
fn rows_that_say_nothing_of_two_wait_with_the_reason() {
    let rows = "match_probability,unique_id_l,unique_id_r\n0.9,r1,r2\nsure,r1,r3\nNaN,r1,r3\n3e9,r1,r3\n\
                ,r1,r3\n0.9,,r3\n0.9,r1, \n0.9,r1,null\n0.9,r4,r4\n0.9,r1\n";
    let wanted = [
        (1, "column match_probability: 'sure' is no score; give a number such as 0.97"),
        (1, "'NaN' is no score"),
        (1, "'3e9' is no score"),
        (1, "column match_probability says no score; a fuzzy link needs one"),
        (2, "column unique_id_l names no record, or a list; evidence needs two identifiers"),
        (3, "column unique_id_r names no record"),
        (3, "column unique_id_r is no identifier: record 'null' stands for nobody"),
        (3, "evidence needs two identifiers; both are record 'r4'"),
        (3, "the row has 2 fields"),
    ];
    let db = store::new();
    people(&db);
    let report = db.load(&request(columns("fuzzy", None), "p.csv", rows.into())).unwrap();
    assert_eq!((report.files[0].written, report.files[0].broken), (1, wanted.len() as u64));
    for ((number, (column, words)), row) in wanted.iter().enumerate().zip(&report.broken) {
        assert_eq!((row.line, row.column), (number as u64 + 3, Some(*column)), "{row:?}");
        assert!(row.reason.contains(words), "{row:?}");
    }
    let waiting = reasons(&db);
    assert_eq!(waiting.len(), wanted.len());
    assert!(
        wanted.iter().zip(&waiting).all(|((_, words), reason)| reason.contains(words)),
        "{waiting:?}"
    );
    assert_eq!(view(&db).stats().unwrap().profiles, 5);
    // A list is not taken for one identifier.
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("r4"), Some("r5")]);
    let table = batch(vec![
        ("unique_id_l", Arc::new(lists.finish())),
        ("unique_id_r", Arc::new(StringArray::from(vec!["r5"]))),
        ("match_probability", Arc::new(Float64Array::from(vec![0.9]))),
    ]);
    let line = r#"{"unique_id_l":["r4"],"unique_id_r":"r5","match_probability":0.9}"#;
    for (name, bytes) in [("l.parquet", parquet(&table)), ("l.ndjson", line.into())] {
        let report = load(&db, &request(columns("fuzzy", None), name, bytes));
        assert_eq!((report.written, report.broken), (0, 1), "{name}");
        assert!(reasons(&db).last().unwrap().contains("unique_id_l names no record, or a list"));
    }
    // What only the rules know: values that are nobody's, and two that are one in the form that is compared.
    let mut of_people = columns("alias", None);
    of_people.left.0 = "user_id".to_owned();
    of_people.score = None;
    let rows = "unique_id_l,unique_id_r\nguest,r5\n";
    load(&db, &request(of_people.clone(), "q.csv", rows.into()));
    assert!(reasons(&db).last().unwrap().contains("'guest' is nobody"), "{:?}", reasons(&db));
    (of_people.left.0, of_people.right.0) = ("email".to_owned(), "email".to_owned());
    let rows = "unique_id_l,unique_id_r\nAnn@Example.org,ann@example.org\n";
    load(&db, &request(of_people, "e.csv", rows.into()));
    assert!(reasons(&db).last().unwrap().contains("the same"), "{:?}", reasons(&db));
}

#[test]
fn a_file_is_evidence_by_each_rule_and_a_request_must_fit() {
    let db = store::new();
    people(&db);
    let rows = "match_probability,unique_id_l,unique_id_r,model\n0.9,r1,r2,m1\n0.8,r1,r3,\n";
    let of = |rule: Option<Said>| EvidenceColumns { rule, ..columns("fuzzy", None) };
    let by_column = of(Some(Said::Column("model".to_owned())));
    let all = [of(None), of(Some(Said::Fixed("second".to_owned()))), by_column];
    let written = all.map(|columns| load(&db, &request(columns, "p.csv", rows.into())).written);
    // By the column, the first is by m1, and the second by none, as in the first load.
    assert_eq!(written, [2, 2, 1]);
    let cluster = view(&db).identity_cluster(("record", "r1")).unwrap();
    let mut rules: Vec<_> =
        cluster.links.iter().map(|link| (link.rule.as_str(), link.score)).collect();
    rules.sort_by(|one, other| one.partial_cmp(other).unwrap());
    assert_eq!(
        rules,
        [("m1", 0.9), ("record", 0.8), ("record", 0.9), ("second", 0.8), ("second", 0.9)]
    );
    let refused = |change: &dyn Fn(&mut LoadRequest, &mut EvidenceColumns), words: &str| {
        let mut wrong = columns("fuzzy", None);
        let mut load = request(wrong.clone(), "p.csv", rows.into());
        change(&mut load, &mut wrong);
        load.kind = RecordKind::Evidence(wrong);
        let refused = db.load(&load).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.message().contains(words), "{refused:?}");
    };
    refused(&|load, _| load.ids.push(("a".to_owned(), "b".to_owned())), "--left and --right");
    refused(&|_, columns| columns.score = None, "--score COLUMN");
    refused(
        &|_, columns| columns.score = Some("match_probabilty".to_owned()),
        "did you mean 'match_probability'",
    );
    refused(&|_, columns| columns.right.1 = "unique_id".to_owned(), "no column 'unique_id'");
    refused(&|_, columns| columns.right = columns.left.clone(), "two identifiers");
    refused(&|_, columns| columns.kind = "forbid".to_owned(), "no kind of evidence");
    refused(&|_, columns| columns.kind = "likely".to_owned(), "'likely' is no kind of evidence");
    refused(
        &|_, columns| columns.rule = Some(Said::Fixed("r".repeat(300))),
        "the rule has 300 bytes",
    );
}
