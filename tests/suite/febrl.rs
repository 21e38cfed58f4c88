//! The Febrl sets, whose persons are made up, load as identify records; see tests/data/README.md.

use crate::store;
use crate::store::view;
use navedb::{Date, DefineRequest, Input, LoadRequest, RecordKind, Value};
use std::path::PathBuf;

fn request(number: u32, ids: &[(&str, &str)]) -> LoadRequest {
    let mut request = LoadRequest::new("febrl", RecordKind::Identify);
    let file = format!("{}/data/febrl/febrl{number}.csv", env!("CARGO_MANIFEST_DIR"));
    request.inputs.push(Input::Path(PathBuf::from(file)));
    request.ids = ids.iter().map(|(n, c)| ((*n).to_owned(), (*c).to_owned())).collect();
    request
}

#[test]
fn febrl_loads_as_identify() {
    // Rows, and different numbers of social security: one that two records share makes them one profile.
    for (number, rows, numbers) in [(1, 1_000, 550), (2, 5_000, 4_089), (3, 5_000, 2_291)] {
        let db = store::new();
        let alone = request(number, &[("rec_id", "rec_id")]);
        let report = db.load(&alone).unwrap();
        let file = &report.files[0];
        assert_eq!((file.rows, file.written, file.broken), (rows, rows, 0), "febrl{number}");
        let stats = view(&db).stats().unwrap();
        assert_eq!((stats.profiles, stats.identifiers), (rows, rows));
        assert_eq!(stats.traits.len(), 10);
        assert_eq!(db.load(&alone).unwrap().files[0].written, 0, "the same file again");

        let db = store::new();
        db.load(&request(number, &[("rec_id", "rec_id"), ("ssn", "soc_sec_id")])).unwrap();
        let stats = view(&db).stats().unwrap();
        assert_eq!((stats.profiles, stats.identifiers), (numbers, rows + numbers));
    }
}

#[test]
fn blanks_belong_to_a_cell_but_not_to_an_identifier() {
    let db = store::new();
    let mut request = LoadRequest::new("febrl", RecordKind::Identify);
    let bytes = b"user, state, zip, born\n rec-1 , wa, 4011, 19081209\n".to_vec();
    request.inputs.push(Input::Bytes { name: "a.csv".to_owned(), bytes });
    request.ids = vec![("user_id".to_owned(), "user".to_owned())];
    db.load(&request).unwrap();
    let told = |name: &str| {
        let profile = view(&db).profile("user_id", "rec-1").unwrap().unwrap();
        profile.traits.into_iter().find(|t| t.name == name).map(|t| t.value)
    };
    assert_eq!(told("state"), Some(Value::Text(" wa".to_owned())));
    assert_eq!(told("zip"), Some(Value::Text(" 4011".to_owned())));
    let text =
        "[trait.zip]\ntype = \"integer\"\n[trait.born]\ntype = \"date\"\nformat = \"%Y%m%d\"";
    let define = DefineRequest { text: text.to_owned(), ..DefineRequest::default() };
    store::session(&db).define(&define).unwrap();
    assert_eq!(told("zip"), Some(Value::Integer(4011)));
    assert_eq!(told("born"), Date::from_ymd(1908, 12, 9).map(Value::Date));
}
