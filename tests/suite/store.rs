//! What every test of the engine needs: stores in memory with a clock that is moved by hand.

use navedb::clock::ManualClock;
use navedb::dir::{Dir, MemoryDir};
use navedb::{
    Batch, Caller, Db, Level, Purpose, Receipt, Record, Result, Session, Settings, Timestamp, View,
};
use std::sync::Arc;

/// 2024-03-31T12:00:00Z, when the tests happen.
pub const NOON: i64 = 1_711_886_400_000_000;

pub fn clock(start: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp(start)))
}

/// Opens whatever is in a folder at noon.
pub fn open(dir: impl Dir + 'static) -> Result<Db> {
    open_with(dir, Settings::default())
}

pub fn open_with(dir: impl Dir + 'static, settings: Settings) -> Result<Db> {
    Db::open_with(Arc::new(dir), clock(NOON), settings)
}

/// A new store.
pub fn new() -> Db {
    open(MemoryDir::new()).unwrap()
}

/// Settings under which files are small, so that a little data makes many of them.
pub fn small() -> Settings {
    Settings { log_file_bytes: 4096, keys_in_memory: 16, ..Settings::default() }
}

pub fn session(db: &Db) -> Session {
    db.session(Caller::all(), Purpose::any())
}

pub fn view(db: &Db) -> View {
    session(db).view()
}

/// What a disk that wraps one in memory, as `disk`, leaves to it: all but `append`.
macro_rules! left_to_the_disk {
    () => {
        fn list(&self, folder: &str) -> navedb::Result<Vec<String>> {
            self.disk.list(folder)
        }

        fn len(&self, name: &str) -> navedb::Result<u64> {
            self.disk.len(name)
        }

        fn read_at(&self, name: &str, offset: u64, len: usize) -> navedb::Result<Vec<u8>> {
            self.disk.read_at(name, offset, len)
        }

        fn map(&self, name: &str) -> navedb::Result<navedb::dir::FileBytes> {
            self.disk.map(name)
        }

        fn rename(&self, from: &str, to: &str) -> navedb::Result<()> {
            self.disk.rename(from, to)
        }

        fn remove(&self, name: &str) -> navedb::Result<()> {
            self.disk.remove(name)
        }

        fn sync_folder(&self, folder: &str) -> navedb::Result<()> {
            self.disk.sync_folder(folder)
        }

        fn lock(&self) -> navedb::Result<Box<dyn Send + Sync>> {
            self.disk.lock()
        }

        fn place(&self) -> String {
            self.disk.place()
        }
    };
}
pub(crate) use left_to_the_disk;

/// What a crash leaves of a disk when everything was handed to the system.
pub fn copy(disk: &MemoryDir) -> MemoryDir {
    let copy = MemoryDir::new();
    disk.files().into_iter().for_each(|(name, bytes)| copy.put(&name, bytes));
    copy
}

pub fn batch<T: AsRef<str>>(source: &str, messages: &[T]) -> Batch {
    messages
        .iter()
        .fold(Batch::new(), |batch, json| batch.record(Record::message(source, json.as_ref())))
}

/// A receipt that a test may leave unread.
pub struct Reply(Receipt);

impl std::ops::Deref for Reply {
    type Target = Receipt;

    fn deref(&self) -> &Receipt {
        &self.0
    }
}

/// Writes messages of a source together, at the level `memory`.
pub fn write<T: AsRef<str>>(db: &Db, source: &str, messages: &[T]) -> Reply {
    Reply(session(db).write(batch(source, messages).level(Level::Memory)).unwrap())
}

/// Writes one message alone, at the level `memory`.
pub fn say(db: &Db, source: &str, message: &str) -> Reply {
    write(db, source, &[message])
}

/// An identify message: a user, a message id, a time, and the traits as JSON.
pub fn identify(user: &str, id: &str, time: &str, traits: &str) -> String {
    format!(
        r#"{{"type":"identify","userId":"{user}","messageId":"{id}","timestamp":"{time}","traits":{traits}}}"#
    )
}

/// A track message: a user, a message id, a time, the event and the properties as JSON.
pub fn track(user: &str, id: &str, time: &str, event: &str, properties: &str) -> String {
    format!(
        r#"{{"type":"track","userId":"{user}","messageId":"{id}","timestamp":"{time}",
            "event":"{event}","properties":{properties}}}"#
    )
}
