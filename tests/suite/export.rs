//! Out again: tables as files and as Arrow batches, and other programs that read them.

use crate::binary::nave;
use crate::scratch::{Scratch, absent};
use crate::store::{self, identify, track, view, write};
use navedb::{
    ArrowRequest, ArrowTable, ExportFormat, ExportPart, ExportReport, ExportRequest, View,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

struct File(Files, String);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().entry(self.1.clone()).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn exported(view: &View, request: &ExportRequest) -> (ExportReport, BTreeMap<String, Vec<u8>>) {
    let files = Files::default();
    let report = view
        .export(
            request,
            &mut |name| {
                files.lock().unwrap().insert(name.to_owned(), Vec::new());
                Ok(Box::new(File(Arc::clone(&files), name.to_owned())))
            },
            &mut |_, _| {},
        )
        .unwrap();
    let found = files.lock().unwrap().clone();
    (report, found)
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

/// Two persons, three events of one type, one of another with a child table, and a product.
fn shop() -> navedb::Db {
    let db = store::new();
    let day = "2024-01-01T00:00:00Z";
    let _ = write(
        &db,
        "crm",
        &[
            identify(
                "ann",
                "1",
                day,
                r#"{"age":30,"tags":["a","b"],"balance":1.5,"profile_id":"x"}"#,
            ),
            identify("bob", "2", day, r#"{"age":50,"balance":-0.125}"#),
            track("ann", "3", day, "buy", r#"{"amount":5,"time":"now"}"#),
            track("ann", "4", day, "buy", r#"{"amount":7}"#),
            track("bob", "5", day, "buy", r#"{"amount":9}"#),
            track("bob", "6", day, "Order Done", r#"{"items":[{"sku":"p"},{"sku":"q"}]}"#),
            r#"{"type":"entity","entity":"product","id":"p","traits":{"price":2.5,"id":"mine"}}"#
                .to_owned(),
        ],
    );
    db
}

#[test]
fn tables_have_the_names_and_columns_of_audiences() {
    let db = shop();
    let (report, files) = exported(&view(&db), &ExportRequest::new(ExportFormat::Csv));
    let names: Vec<(&str, &str, u64)> =
        report.tables.iter().map(|t| (t.name.as_str(), t.file.as_str(), t.rows)).collect();
    assert_eq!(
        names,
        [
            ("profiles", "profiles.csv", 2),
            ("identifiers", "identifiers.csv", 2),
            ("buy", "event.buy.csv", 3),
            ("Order Done", "event.Order%20Done.csv", 1),
            ("Order Done_items", "event.Order%20Done_items.csv", 2),
            ("product", "entity.product.csv", 1),
        ]
    );
    let heading = |name: &str| text(&files, name).lines().next().unwrap().to_owned();
    assert_eq!(heading("profiles.csv"), "profile_id,age,tags,balance,traits.profile_id");
    assert_eq!(
        heading("event.buy.csv"),
        "profile_id,time,source,message_id,amount,properties.time"
    );
    assert_eq!(
        text(&files, "entity.product.csv").lines().collect::<Vec<_>>(),
        ["id,price,fields.id", "p,2.5,mine"]
    );
    // What the columns of a file are called is what audiences call them.
    for question in [
        "p.\"traits.profile_id\" = 'x'",
        "EXISTS (SELECT 1 FROM buy e WHERE e.\"properties.time\" = 'now')",
    ] {
        assert_eq!(view(&db).count(question, navedb::At::Latest).unwrap(), 1, "{question}");
    }
    let profiles = text(&files, "profiles.csv");
    assert!(profiles.contains("30,\"[\"\"a\"\",\"\"b\"\"]\",1.500,x\n"), "{profiles}");
    assert!(profiles.contains("50,[],-0.125,\n"), "{profiles}");
    assert!(text(&files, "nave.sql").contains("CREATE OR REPLACE VIEW \"Order Done_items\" AS"));
    assert!(text(&files, "manifest.json").contains("\"decimal(18,3)\""));
}

#[test]
fn an_audience_takes_its_profiles_with_all_that_is_theirs() {
    let db = shop();
    for (format, only) in [
        (ExportFormat::Csv, ExportPart::ALL.as_slice()),
        (ExportFormat::Ndjson, &[ExportPart::Events]),
        (ExportFormat::Parquet, &[ExportPart::Profiles, ExportPart::Entities]),
    ] {
        let audience = Some("p.age < 40".to_owned());
        let request = ExportRequest { audience, only: only.to_vec(), ..ExportRequest::new(format) };
        let (report, files) = exported(&view(&db), &request);
        assert_eq!(files.len(), report.tables.len() + 2, "{format:?}");
        for table in &report.tables {
            assert!(only.contains(&table.part), "{format:?}: {table:?}");
            let wanted = match table.name.as_str() {
                "buy" => 2,
                "profiles" | "identifiers" | "product" => 1,
                _ => 0,
            };
            assert_eq!(table.rows, wanted, "{format:?}: {}", table.name);
        }
    }
    let request =
        ExportRequest { audience: Some("p.age <".into()), ..ExportRequest::new(ExportFormat::Csv) };
    let refused = view(&db).export(&request, &mut |_| panic!("no file"), &mut |_, _| {});
    assert!(refused.unwrap_err().place().is_some());
}

#[test]
fn batches_are_bounded_and_of_one_snapshot() {
    let db = store::new();
    let people: Vec<String> = (0..70_000)
        .map(|i| format!(r#"{{"type":"identify","userId":"u{i}","traits":{{"n":{i}}}}}"#))
        .collect();
    for some in people.chunks(5_000) {
        let _ = write(&db, "crm", some);
    }
    let before = view(&db);
    let request = ArrowRequest {
        table: ArrowTable::Profiles,
        audience: Some("p.n >= 1000".into()),
        columns: vec!["N".into(), "profile_id".into()],
    };
    let batches = before.arrow(&request).unwrap();
    let names: Vec<String> =
        batches.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["n", "profile_id"]);
    let _ = write(&db, "crm", &[identify("late", "late", "2024-01-01T00:00:00Z", r#"{"n":5000}"#)]);
    let rows: Vec<usize> = batches.map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(rows, [65_536, 3_464]);
    let all = |view: &View, table| {
        let batches = view.arrow(&ArrowRequest::all(table)).unwrap();
        batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    };
    assert_eq!(all(&before, ArrowTable::Identifiers), 70_000);
    assert_eq!(all(&view(&db), ArrowTable::Identifiers), 70_001);
    let shop = shop();
    assert_eq!(all(&view(&shop), ArrowTable::Events("BUY".into())), 3);
    assert_eq!(all(&view(&shop), ArrowTable::Entities("product".into())), 1);
    for (request, words) in [
        (ArrowRequest::all(ArrowTable::Events("by".into())), "'by' is no event type"),
        (
            ArrowRequest {
                columns: vec!["amuont".into()],
                ..ArrowRequest::all(ArrowTable::Events("buy".into()))
            },
            "did you mean 'amount'?",
        ),
    ] {
        let refused = view(&shop).arrow(&request).map(|_| ()).unwrap_err();
        assert!(refused.message().contains(words), "{refused}");
    }
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(nave()).args(arguments).output().expect("nave starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn done(arguments: &[&str]) -> String {
    let (code, said) = run(arguments);
    assert_eq!(code, Some(0), "nave {arguments:?}: {said}");
    said
}

/// A store with odd names, nulls, sets, decimals of many scales, old dates, and text of all kinds.
fn odd_store(scratch: &Scratch) -> String {
    let people = scratch.file(
        "people.ndjson",
        concat!(
            r#"{"u":"1","e":"A@x.org","at":"1965-01-02T03:04:05.000006Z","tags":["b","a,\"q\"","é\n"],"Größe \"x\"":"say \"a\"\r\nline","n":1,"d":1.5,"born":"1901-02-03","ok":true,"f":1e3,"seen":"1969-12-31T23:59:59.999999Z"}"#,
            "\n",
            r#"{"u":"2","at":"2024-01-02T03:04:05Z","tags":[],"Größe \"x\"":"","n":null,"d":-12345678901234567890.125,"ok":false,"f":-2.5e-300}"#,
            "\n",
            r#"{"u":"3","at":"2024-01-02T03:04:05Z","Größe \"x\"":"007","n":-9223372036854775808,"d":0.0001,"profile_id":"odd","wide":0.00000000000000000000000000000000000001}"#,
            "\n",
            r#"{"u":"4","at":"2024-01-02T03:04:05Z","Größe \"x\"":" 😀,;\t' ","wide":12345678901234567890123456789012345678}"#,
            "\n",
        ),
    );
    let events = scratch.file(
        "events.csv",
        "u,when,amount,note,time\n1,2024-05-01T00:00:00Z,19.99,\"a, \"\"b\"\"\",x\n\
         2,2024-05-02T00:00:00Z,5,,y\n3,1969-12-31T23:59:59Z,0.125,\"two\nlines\",\n",
    );
    let store = scratch.path("store");
    let ids = ["--id", "user_id=u"];
    done(
        &[
            &["load", "--data", &store, "--source", "crm", "--as", "identify", "--time", "at"],
            ids.as_slice(),
            &["--id", "email=e", &people],
        ]
        .concat(),
    );
    done(
        &[
            &["load", "--data", &store, "--source", "shop", "--as", "track", "--time", "when"],
            ids.as_slice(),
            &["--event", "Wish List/ä \"1\"'s", &events],
        ]
        .concat(),
    );
    store
}

/// A Python that has the readers.
fn python() -> Option<String> {
    let python = std::env::var("NAVE_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let found = Command::new(&python).args(["-c", "import duckdb, polars, pyarrow"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        absent(
            "duckdb, polars or pyarrow",
            "Install .ci/python.txt for `python3`, or name a Python that has it in NAVE_PYTHON.",
        );
        return None;
    }
    Some(python)
}

#[test]
fn pyarrow_polars_and_duckdb_read_every_file() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    let store = odd_store(&scratch);
    let mut folders = Vec::new();
    for (name, more) in [
        ("parquet", ["--compress", "zstd"].as_slice()),
        ("parquet", &["--compress", "none"]),
        ("csv", &[]),
        ("csv", &["--compress", "zstd"]),
        ("ndjson", &[]),
        ("ndjson", &["--compress", "zstd"]),
    ] {
        for (kind, audience) in [("all", [].as_slice()), ("empty", &["--where", "p.n = 77"])] {
            let to = scratch.path(&format!("{name}-{}-{kind}", folders.len()));
            let format = ["export", "--data", &store, "--to", &to, "--format", name];
            done(&[format.as_slice(), more, audience].concat());
            folders.push(to);
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/export_check.py");
    let output = Command::new(python).arg(script).args(&folders).output().expect("it is there");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("all checks passed"), "{said}");
}

#[test]
fn an_export_overwrites_nothing_but_an_export() {
    let scratch = Scratch::new();
    let store = odd_store(&scratch);
    let to = scratch.path("out");
    let export = |more: &[&str]| {
        run(&[&["export", "--data", &store, "--to", &to, "--format", "csv"], more].concat())
    };
    assert_eq!(export(&[]).0, Some(0));
    let (code, said) = export(&[]);
    assert!(code == Some(1) && said.contains("add --force"), "{said}");
    assert_eq!(export(&["--only", "profiles", "--force"]).0, Some(0));
    let files = |path: &str| {
        let entries = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(files(&to), ["manifest.json", "nave.sql", "profiles.csv"]);
    // A folder of somebody else is never replaced, and a question that is refused leaves nothing behind.
    let (code, said) =
        run(&["export", "--data", &store, "--to", &store, "--format", "csv", "--force"]);
    assert!(code == Some(1) && said.contains("is no export"), "{said}");
    let other = scratch.path("other");
    let (code, said) =
        run(&["export", "--data", &store, "--to", &other, "--where", "p.nobody = 1"]);
    assert!(code == Some(1) && said.contains("'nobody' is no trait"), "{said}");
    assert!(!files(&scratch.path(".")).iter().any(|name| name.starts_with("other")));
}

#[test]
fn the_log_goes_out_and_in_by_command() {
    let scratch = Scratch::new();
    let store = odd_store(&scratch);
    let (file, copy) = (scratch.path("log.ndjson"), scratch.path("copy"));
    done(&["log", "export", "--data", &store, "--to", &file]);
    let (code, said) = run(&["log", "export", "--data", &store, "--to", &file]);
    assert!(code == Some(1) && said.contains("is there already"), "{said}");
    let said = done(&["log", "import", "--data", &copy, &file]);
    let digest = done(&["stats", "--data", &store, "--digest"]);
    assert!(said.contains(&format!("digest {digest}")), "{said}");
    assert_eq!(done(&["log", "export", "--data", &copy]), std::fs::read_to_string(&file).unwrap());
    let (code, said) = run(&["log", "import", "--data", &copy, &file]);
    assert!(code == Some(1) && said.contains("is not empty"), "{said}");
    let cut = std::fs::read_to_string(&file).unwrap();
    let cut = scratch.file("cut.ndjson", &cut[..cut.len() / 2]);
    let third = scratch.path("third");
    let (code, said) = run(&["log", "import", "--data", &third, &cut]);
    assert!(code == Some(1) && said.contains("cut.ndjson: line "), "{said}");
    assert!(!std::path::Path::new(&third).exists(), "part of a log is left");
}
