//! Watermarks and withdrawals: a query is read on from where all loads before stand, so that each of its rows is in
//! the store exactly once, whatever was withdrawn.

use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::dir::MemoryDir;
use navedb::{
    Db, Following, Level, LoadId, LoadRequest, Phase, Reading, RecordKind, Retraction, RowSpool,
    Said,
};
use std::ops::ControlFlow;

/// A table of a database: the number of each row, and the value that it is followed by.
#[derive(Default)]
struct Receipts(Vec<(u64, u64)>);

impl Receipts {
    fn grow(&mut self, rng: &mut Rng) {
        let mut changed = self.0.last().map_or(0, |(_, changed)| *changed);
        for _ in 0..rng.below(4) {
            changed += rng.below(2) as u64;
            self.0.push((self.0.len() as u64 + 1, changed));
        }
    }

    /// Loads what the watermark leaves, and may be stopped between; gives the load that brought rows.
    fn load(&self, db: &Db, stop: bool) -> Option<LoadId> {
        let since = view(db).watermark("pos", "receipts").map(|known| known.value);
        let since: u64 = since.map_or(0, |value| value.parse().unwrap());
        let columns = ["no", "changed"].map(|name| (name.to_owned(), Reading::Plain));
        let mut spool = RowSpool::new("receipts", columns.to_vec()).unwrap();
        for (no, changed) in self.0.iter().filter(|(_, changed)| *changed >= since) {
            spool.push(&[Some(&no.to_string()), Some(&changed.to_string())]).unwrap();
        }
        let kind = RecordKind::Track(Said::Fixed("receipt".to_owned()));
        let mut request = LoadRequest::new("pos", kind);
        request.inputs.push(spool.finish().unwrap());
        request.ids = vec![("user_id".to_owned(), "no".to_owned())];
        request.message_id = vec!["no".to_owned()];
        request.level = Some(Level::Memory);
        let (query, column) = ("receipts".to_owned(), "changed".to_owned());
        request.following = Some(Following { query, column });
        let report = db.load_with(&request, &mut |told| match told.phase {
            Phase::Rows if stop && told.rows > 0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        report.unwrap().files.first().and_then(|file| file.load)
    }
}

fn events(db: &Db) -> usize {
    view(db).stats().unwrap().events.iter().map(|(_, count)| *count as usize).sum()
}

#[test]
fn a_query_is_read_on_from_where_all_loads_stand() {
    for seed in seeds(8200, scale(40, 1000)) {
        let mut rng = Rng::new(seed);
        let dir = MemoryDir::new();
        let mut db = store::open(dir.clone()).unwrap();
        let (mut receipts, mut loads) = (Receipts::default(), Vec::new());
        for _ in 0..12 {
            receipts.grow(&mut rng);
            let stop = rng.one_in(4);
            loads.extend(receipts.load(&db, stop));
            loads.dedup();
            if rng.one_in(2) && !loads.is_empty() {
                let gone = loads.remove(rng.below(loads.len()));
                let _ = session(&db).retract(&Retraction::Load(gone)).unwrap();
            }
            if rng.one_in(4) {
                db.close().unwrap();
                db = store::open(dir.clone()).unwrap();
            }
            if rng.one_in(2) {
                loads.extend(receipts.load(&db, false));
                assert_eq!(events(&db), receipts.0.len(), "NAVE_SEED={seed}");
                let (position, digest) = (view(&db).position(), view(&db).digest().unwrap());
                assert_eq!(receipts.load(&db, false), None, "NAVE_SEED={seed}");
                let now = (view(&db).position(), view(&db).digest().unwrap());
                assert_eq!(now, (position, digest), "NAVE_SEED={seed}: nothing new");
            }
        }
    }
}
