//! Mappings, at random: a load that named the wrong columns, corrected, is the load that named the right ones.

use crate::rng::{Rng, asked_seed, scale, seeds};
use crate::store::{self, session, view};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Db, DefineRequest, Input, Level, LoadId, LoadRequest, RecordKind, Retraction, Said, Settings,
};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

/// Columns whose cells are identifiers, times and values alike: any may be mistaken for any other.
const COLUMNS: [&str; 6] = ["no", "mail", "when", "Other", "zip code", "what"];
/// The one that names the event, where rows do, or the entity. No mapping takes this from it.
const WHAT: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
    Parquet,
}

/// What cells look like: each column mixes a few forms, so that its type needs the whole file.
fn cell(rng: &mut Rng, column: usize) -> Option<String> {
    let number = rng.between(1, 30);
    if column == WHAT {
        let known = ["purchase", "view", "purchase_items"];
        return Some((*rng.pick(&known)).to_owned()).filter(|_| !rng.one_in(12));
    }
    if rng.one_in(6) {
        return None;
    }
    if column == 2 && !rng.one_in(9) {
        return Some(format!("2024-02-{:02}", 1 + number % 28));
    }
    Some(match rng.below(if column == 1 { 2 } else { 6 }) {
        0 | 1 => number.to_string(),
        2 => format!("0{number}"),
        3 => format!("{number}.5"),
        4 => format!("2024-03-{:02}", 1 + number % 28),
        _ => format!("x{number}"),
    })
}

/// A table, what becomes of its columns, and how a file of it looks.
struct Table {
    form: Form,
    rows: Vec<Vec<Option<String>>>,
    /// The name that each column should have had; none when it should not have been there.
    meant: Vec<Option<String>>,
    /// Whether rows of NDJSON have an array of objects, and the name that it should have had.
    items: Option<&'static str>,
}

impl Table {
    fn file(&self, straight: bool) -> Vec<u8> {
        let names: Vec<(usize, String)> = (0..COLUMNS.len())
            .filter_map(|column| match straight {
                true => self.meant[column].clone().map(|name| (column, name)),
                false => Some((column, COLUMNS[column].to_owned())),
            })
            .collect();
        match self.form {
            Form::Csv => self.csv(&names),
            Form::Json => self.json(&names, if straight { self.items } else { Some("items") }),
            Form::Parquet => self.parquet(&names),
        }
    }

    fn csv(&self, names: &[(usize, String)]) -> Vec<u8> {
        let header: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        let mut text = header.join(",") + "\n";
        for row in &self.rows {
            let cells = names.iter().map(|(column, _)| row[*column].clone().unwrap_or_default());
            text.push_str(&(cells.collect::<Vec<_>>().join(",") + "\n"));
        }
        text.into_bytes()
    }

    fn json(&self, names: &[(usize, String)], items: Option<&str>) -> Vec<u8> {
        let mut text = String::new();
        for row in &self.rows {
            let mut cells: Vec<String> = Vec::new();
            for (column, name) in names {
                let Some(cell) = &row[*column] else { continue };
                let bare = cell.parse::<f64>().is_ok() && !cell.starts_with('0');
                let mark = if bare { "" } else { "\"" };
                cells.push(format!("\"{name}\":{mark}{cell}{mark}"));
            }
            if let (Some(items), true) = (items, self.items.is_some()) {
                cells.push(format!("\"{items}\":[{{\"no\":7,\"n\":1}},{{\"no\":\"a\"}}]"));
            }
            text.push_str(&format!("{{{}}}\n", cells.join(",")));
        }
        text.into_bytes()
    }

    /// A column is of numbers when all of its cells are, else of text.
    fn parquet(&self, names: &[(usize, String)]) -> Vec<u8> {
        let columns = names.iter().map(|(column, name)| {
            let cells: Vec<Option<&str>> =
                self.rows.iter().map(|row| row[*column].as_deref()).collect();
            let all = |is: &dyn Fn(&str) -> bool| cells.iter().flatten().all(|cell| is(cell));
            let array: ArrayRef = if all(&|cell| cell.parse::<i64>().is_ok()) {
                let numbers = cells.iter().map(|cell| cell.map(|cell| cell.parse().unwrap()));
                Arc::new(numbers.collect::<Int64Array>())
            } else if all(&|cell| cell.parse::<f64>().is_ok()) {
                let numbers = cells.iter().map(|cell| cell.map(|cell| cell.parse().unwrap()));
                Arc::new(numbers.collect::<Float64Array>())
            } else {
                Arc::new(cells.into_iter().collect::<StringArray>())
            };
            (name.as_str(), array, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }
}

/// The columns that name the person and the time.
#[derive(Debug, Clone)]
struct Named {
    ids: Vec<usize>,
    time: Option<usize>,
}

impl Named {
    fn random(rng: &mut Rng) -> Named {
        let mut ids = vec![*rng.pick(&[0, 1, 3, 4])];
        if rng.one_in(4) {
            ids.push((ids[0] + 1) % 2);
        }
        let time = *rng.pick(&[None, Some(2), Some(2), Some(3), Some(0)]);
        let time = time.filter(|time| !ids.contains(time));
        Named { ids, time }
    }
}

/// How a table is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    /// Naming the wrong columns.
    Came,
    /// Naming the right ones.
    Named,
    /// Naming the right ones, of a file whose columns are called as they should be.
    Meant,
}

/// One case: tables of one kind, and how a store is told of them.
struct Case {
    kind: RecordKind,
    wrong: Named,
    right: Named,
    tables: [Table; 2],
    /// The mapping of the fields, and that of the columns of identifiers and the time.
    names: String,
    columns: String,
    /// The name of the mapping.
    of: String,
}

impl Case {
    fn random(rng: &mut Rng) -> Case {
        let (kind, of) = match rng.below(5) {
            0 | 1 => (RecordKind::Identify, "identify"),
            2 => (RecordKind::Track(Said::Fixed("purchase".to_owned())), "track.purchase"),
            3 => (RecordKind::Track(Said::Column("what".to_owned())), "track"),
            _ => {
                let (entity, id) = ("product".to_owned(), "what".to_owned());
                (RecordKind::Entity { entity, id }, "entity.product")
            }
        };
        let form = *rng.pick(&[Form::Csv, Form::Json, Form::Parquet]);
        let (mut wrong, mut right) = (Named::random(rng), Named::random(rng));
        if matches!(kind, RecordKind::Entity { .. }) {
            wrong.ids.clear();
            right.ids.clear();
        }
        // A mapping cannot say that there is no time.
        right.time = right.time.or(wrong.time);
        let held = |column: usize| right.ids.contains(&column) || right.time == Some(column);
        let meant: Vec<Option<String>> = (0..COLUMNS.len())
            .map(|column| match rng.below(4) {
                _ if held(column) || column == WHAT => Some(COLUMNS[column].to_owned()),
                0 => Some(format!("field {column}")),
                1 => None,
                _ => Some(COLUMNS[column].to_owned()),
            })
            .collect();
        let tracks = matches!(kind, RecordKind::Track(_));
        let items =
            (form == Form::Json && tracks && rng.one_in(2)).then(|| *rng.pick(&["items", "lines"]));
        let table = |rng: &mut Rng| Table {
            form,
            rows: (0..1 + rng.below(30))
                .map(|_| (0..COLUMNS.len()).map(|column| cell(rng, column)).collect())
                .collect(),
            meant: meant.clone(),
            items,
        };
        let tables = [table(rng), table(rng)];
        let mut fields: Vec<String> = COLUMNS
            .iter()
            .zip(&meant)
            .filter_map(|(given, meant)| match meant {
                None => Some(format!("\"{given}\" = false")),
                Some(meant) if meant != given => Some(format!("\"{given}\" = \"{meant}\"")),
                Some(_) => None,
            })
            .collect();
        fields.extend(items.map(|items| format!("items = \"{items}\"")));
        let names = format!("[mapping.shop.{of}]\nfields = {{ {} }}\n", fields.join(", "));
        let mut mapped = String::new();
        if !right.ids.is_empty() {
            let columns: Vec<String> =
                right.ids.iter().map(|id| format!("\"{}\"", COLUMNS[*id])).collect();
            mapped.push_str(&format!("ids = {{ user_id = [{}] }}\n", columns.join(", ")));
        }
        if let Some(time) = right.time {
            mapped.push_str(&format!("time = \"{}\"\n", COLUMNS[time]));
        }
        Case { kind, wrong, right, tables, names, columns: mapped, of: of.to_owned() }
    }

    /// Loads one of the tables: as it came, or as it should have been.
    fn load(&self, db: &Db, number: usize, how: As) -> Option<LoadId> {
        let table = &self.tables[number];
        let named = if how == As::Came { &self.wrong } else { &self.right };
        let mut request = LoadRequest::new("shop", self.kind.clone());
        let ending = match table.form {
            Form::Csv => "csv",
            Form::Json => "ndjson",
            Form::Parquet => "parquet",
        };
        let name = format!("{number}.{ending}");
        request.inputs.push(Input::Bytes { name, bytes: table.file(how == As::Meant) });
        let ids = named.ids.iter().map(|id| ("user_id".to_owned(), COLUMNS[*id].to_owned()));
        request.ids = ids.collect();
        request.time = named.time.map(|time| COLUMNS[time].to_owned());
        request.level = Some(Level::Memory);
        db.load(&request).unwrap().files[0].load
    }

    fn define(&self, db: &Db) {
        self.define_with(db, &format!("{}{}", self.names, self.columns));
    }

    fn define_with(&self, db: &Db, text: &str) {
        let text = text.to_owned();
        session(db).define(&DefineRequest { text, ..DefineRequest::default() }).unwrap();
    }
}

fn records_in_quarantine(db: &Db) -> u64 {
    let waiting = view(db).stats().unwrap().quarantine;
    waiting.iter().filter(|(place, _)| place == "record").map(|(_, count)| count).sum()
}

fn digest(db: &Db) -> String {
    view(db).digest().unwrap()
}

/// The store again: after a checkpoint and opened again, and after a rebuild.
fn anew(db: Db, dir: &MemoryDir, why: &str) -> Db {
    let live = digest(&db);
    db.checkpoint().unwrap();
    assert_eq!(digest(&db), live, "after a checkpoint: {why}");
    db.close().unwrap();
    let db = store::open(dir.clone()).unwrap();
    assert_eq!(digest(&db), live, "opened again: {why}");
    db.close().unwrap();
    let shared: Arc<dyn Dir> = Arc::new(dir.clone());
    navedb::rebuild(shared, store::clock(store::NOON), Settings::default()).unwrap();
    let db = store::open(dir.clone()).unwrap();
    assert_eq!(digest(&db), live, "made anew: {why}");
    db
}

#[test]
fn a_corrected_load_is_the_right_load() {
    let mut compared = 0;
    for seed in seeds(4100, scale(30, 400)) {
        let mut rng = Rng::new(seed);
        let case = Case::random(&mut rng);
        let why = format!(
            "NAVE_SEED={seed}: {:?} {:?} {}{}",
            case.kind, case.wrong, case.names, case.columns
        );

        let dir = MemoryDir::new();
        let mut corrected = store::open(dir.clone()).unwrap();
        let withdrawn = case.load(&corrected, 0, As::Came);
        case.load(&corrected, 1, As::Came);
        if rng.one_in(4) {
            corrected = anew(corrected, &dir, &why);
        }
        case.define(&corrected);

        let first = store::new();
        case.define(&first);
        case.load(&first, 0, As::Came);
        case.load(&first, 1, As::Came);
        assert_eq!(digest(&corrected), digest(&first), "defined first: {why}");

        let named = store::new();
        case.define_with(&named, &case.names);
        case.load(&named, 0, As::Named);
        case.load(&named, 1, As::Named);
        assert_eq!(digest(&corrected), digest(&named), "the right columns named: {why}");
        // A record in quarantine is told by its bytes, which other names change.
        if records_in_quarantine(&corrected) == 0 {
            compared += 1;
            let straight = store::new();
            case.load(&straight, 0, As::Meant);
            case.load(&straight, 1, As::Meant);
            assert_eq!(digest(&corrected), digest(&straight), "loaded right: {why}");
        }
        if rng.one_in(4) {
            corrected = anew(corrected, &dir, &why);
        }

        let withdrawn = withdrawn.unwrap();
        let _ = session(&corrected).retract(&Retraction::Load(withdrawn)).unwrap();
        let never = store::new();
        case.define_with(&never, &case.names);
        case.load(&never, 1, As::Named);
        assert_eq!(digest(&corrected), digest(&never), "withdrawn: {why}");
        if rng.one_in(4) {
            corrected = anew(corrected, &dir, &why);
        }

        // Loaded again as it came, and the mapping dropped, it is what it was.
        case.load(&corrected, 0, As::Came);
        let drop = vec![format!("mapping.shop.{}", case.of)];
        session(&corrected).define(&DefineRequest { drop, ..DefineRequest::default() }).unwrap();
        let other = store::new();
        case.load(&other, 1, As::Came);
        case.load(&other, 0, As::Came);
        assert_eq!(digest(&corrected), digest(&other), "dropped: {why}");
    }
    assert!(compared > 0 || asked_seed().is_some(), "all cases had broken rows");
}
