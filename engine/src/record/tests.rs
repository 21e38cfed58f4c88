//! Rows are read as documented, and split as the csv library splits them.

use super::*;
use crate::base::value::Value;
use crate::entry::{Dialect, FileShape, RowFormat, RowKind, TimeUnit};

fn shape(header: &[&str]) -> FileShape {
    FileShape {
        format: RowFormat::Delimited {
            dialect: Dialect::standard(b','),
            header: header.iter().map(ToString::to_string).collect(),
        },
        kind: RowKind::Identify,
        ids: vec![("email".into(), "mail".into())],
        time: Some("at".into()),
        time_unit: TimeUnit::Iso,
        zone: "Europe/Paris".into(),
        message_id: vec![],
        encoding: "utf-8".into(),
        readings: vec![],
    }
}

fn boxed(header: &[&str]) -> Box<FileShape> {
    Box::new(shape(header))
}

fn cell(text: &str) -> FieldValue {
    FieldValue::Cell(CellText::inferred(text))
}

#[test]
fn empty_cells_say_nothing_and_quoted_ones_are_text() {
    let shape = Shape::File(boxed(&["mail", "at", "a", "b"]));
    let row = decode(&shape, b" Ann@X.org ,2024-07-01T12:00:00,,\"\"").unwrap();
    assert_eq!(row.identifiers, vec![identifier_of("EMAIL", "Ann@X.org").unwrap()]);
    assert_eq!(row.time.unwrap().to_string(), "2024-07-01T10:00:00Z");
    assert_eq!(row.fields, vec![("b".to_owned(), cell(""))]);
}

#[test]
fn broken_rows_say_where() {
    let shape = Shape::File(boxed(&["mail", "at", "a"]));
    let column = |row: &[u8]| decode(&shape, row).unwrap_err().column;
    assert_eq!(column(b"a@b,nonsense,1"), Some(2));
    assert_eq!(column(b"a@b,,\"open"), Some(3));
    assert_eq!(column(b"a@b,,\"x\"y"), Some(3));
    assert_eq!(column(b"a@b,1"), Some(3));
    assert_eq!(column(b"0,,1"), Some(1));
    assert!(decode(&shape, b"a@b,,\xff").unwrap_err().reason.contains("UTF-8"));
    assert!(decode(&shape, b" 0 ,,1").unwrap_err().reason.contains("identifier"));
}

#[test]
fn cells_read_as_the_narrowest_type() {
    for (text, value_type) in [
        ("1", ValueType::Integer),
        ("-12", ValueType::Integer),
        ("007", ValueType::Text),
        ("0", ValueType::Integer),
        ("0.50", ValueType::Decimal),
        ("+33", ValueType::Text),
        ("1e3", ValueType::Float),
        ("1e999", ValueType::Text),
        ("9223372036854775808", ValueType::Decimal),
        ("2024-02-29", ValueType::Date),
        ("2023-02-29", ValueType::Text),
        ("2024-02-29T10:00:00+01:00", ValueType::Timestamp),
        ("true", ValueType::Boolean),
        ("tRue", ValueType::Text),
        ("NaN", ValueType::Text),
        ("", ValueType::Text),
        (".", ValueType::Text),
        ("-", ValueType::Text),
    ] {
        assert_eq!(CellText::inferred(text).value_type, value_type, "{text}");
    }
}

#[test]
fn messages_flatten_and_remove() {
    let message =
        br#"{"type":"track","userId":7,"identifiers":{"email":["A@b.c",null]},"anonymousId":"z",
        "event":"buy","timestamp":"2024-01-01","messageId":"m1",
        "properties":{"a":{"b":1.50,"c":null},"l":[{"x":1},{}],"m":[1,{}],"t":"2024-01-02","n":"12"}}"#;
    let row = decode(&Shape::Message, message).unwrap();
    assert_eq!(row.kind, Kind::Track("buy".into()));
    let names: Vec<&str> = row.identifiers.iter().map(|i| i.namespace.as_str()).collect();
    assert_eq!(names, ["user_id", "email", "anonymous_id"]);
    let types: Vec<_> =
        row.fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(types[0], ("a.b", FieldValue::Cell(CellText::number("1.50"))));
    assert_eq!(types[1], ("a.c", FieldValue::Null));
    assert_eq!(types[2], ("m", FieldValue::List));
    assert_eq!(types[3].1, FieldValue::Cell(CellText::string("2024-01-02")));
    assert_eq!(types[4].1, FieldValue::Cell(CellText::string("12")));
    let [children] = row.children.as_slice() else { panic!("an array of objects is a table") };
    assert_eq!((children.property.as_str(), children.rows.len()), ("l", 2));
    let number =
        |name: &str, text: &str| (name.to_owned(), FieldValue::Cell(CellText::number(text)));
    assert_eq!(
        children.rows,
        [vec![number("x", "1"), number("index", "0")], vec![number("index", "1")]]
    );
    let tags = decode(
        &Shape::Message,
        br#"{"type":"identify","userId":"1","traits":{"tags":["b",1,null,"b"]}}"#,
    );
    let (_, tags) = tags.unwrap().fields.remove(0);
    let FieldValue::Cell(cell) = tags else { panic!("a list of scalars is a value") };
    assert_eq!(cell.value_type, ValueType::Set);
    assert_eq!(cell.value_as(ValueType::Set), Some(Value::Set(vec!["1".into(), "b".into()])));
    for bad in [&b"[]"[..], b"{", b"{\"type\":\"x\"}", b"{\"type\":\"track\",\"userId\":\"1\"}"] {
        assert!(decode(&Shape::Message, bad).is_err());
    }
    let deep = format!(
        "{{\"type\":\"identify\",\"userId\":\"1\",\"traits\":{}1{}}}",
        "{\"a\":".repeat(60),
        "}".repeat(60)
    );
    assert!(decode(&Shape::Message, deep.as_bytes()).is_err());
}

#[test]
fn entities_have_an_id_and_no_identifiers() {
    let message =
        br#"{"type":"entity","entity":"Product","id":" p 1 ","userId":"7","timestamp":"2024-01-01",
        "messageId":"m1","traits":{"price":12.50,"size":{"cm":3},"old":null}}"#;
    let row = decode(&Shape::Message, message).unwrap();
    assert_eq!(row.kind, Kind::Entity { entity: "Product".into(), id: "p 1".into() });
    assert!(row.identifiers.is_empty());
    assert_eq!(row.message_id.as_deref(), Some("m1"));
    let names: Vec<&str> = row.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["price", "size.cm", "old"]);
    for (id, expected) in [("17", "17"), ("1.50", "1.50"), ("0", "0"), ("\"-1\"", "-1")] {
        let message = format!(r#"{{"type":"entity","entity":"product","id":{id}}}"#);
        let kind = decode(&Shape::Message, message.as_bytes()).unwrap().kind;
        assert_eq!(kind, Kind::Entity { entity: "product".into(), id: expected.into() });
    }
}

#[test]
fn times_in_every_unit() {
    let zone = jiff::tz::TimeZone::UTC;
    let at = |text: &str, unit: &str| time_of(text, &unit.parse().unwrap(), &zone).map(|t| t.0);
    assert_eq!(at("1.5", "s"), Some(1_500_000));
    assert_eq!(at("-1", "ms"), Some(-1000));
    assert_eq!(at("7", "us"), Some(7));
    assert_eq!(at("1999", "ns"), Some(1));
    assert_eq!(at("19970101", "%Y%m%d"), Some(852_076_800_000_000));
    assert_eq!(at("01/02/1997 03:04", "%d/%m/%Y %H:%M"), Some(854_766_240_000_000));
    assert_eq!(at("x", "s"), None);
}

/// A step of a linear congruential generator: enough to make odd files.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn records_split_as_the_csv_library_splits_them() {
    let mut state = 7;
    for _ in 0..3000 {
        let mut content = String::new();
        for _ in 0..next(&mut state) % 4 + 1 {
            for field in 0..3 {
                let alphabet = ["a", "\"", ",", "\n", "\r\n", " ", "é"];
                let pick = |state: &mut u64| alphabet[next(state) as usize % alphabet.len()];
                let text: String = (0..next(&mut state) % 4).map(|_| pick(&mut state)).collect();
                let plain = !text.contains(['"', ',', '\n', '\r']);
                let written =
                    if plain { text } else { format!("\"{}\"", text.replace('"', "\"\"")) };
                content += &written;
                content += if field < 2 { "," } else { "\n" };
            }
        }
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(content.as_bytes());
        let expected: Vec<Vec<String>> =
            reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
        let format = RowFormat::Delimited {
            dialect: Dialect::standard(b','),
            header: vec![String::new(); 3],
        };
        let mut found = Vec::new();
        let mut rest = content.as_bytes();
        while let Some((length, used)) =
            split_record(rest, Quoting::Dialect(Dialect::standard(b',')), true)
        {
            let fields = delimited::fields_of(&format, &rest[..length]).unwrap();
            found.push(fields.into_iter().map(|(text, _)| text.into_owned()).collect::<Vec<_>>());
            rest = &rest[used..];
        }
        assert_eq!(found, expected, "{content:?}");
    }
}
