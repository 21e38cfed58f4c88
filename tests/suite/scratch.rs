//! A folder of its own for each test, on the disk that holds the target folder; and what the tests say when a tool that
//! they drive is absent.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder that goes when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty folder.
    pub(crate) fn new() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("scratch-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("the target folder can be written");
        Scratch(path)
    }

    /// A path inside, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the target folder has a name in Unicode").to_string()
    }

    /// Writes a file inside, and gives its path.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("the folder can be written");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A process that still runs may hold it; the target folder is thrown away anyway.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Says loudly that a test cannot run without a tool; under `.ci/run` (`NAVE_CI`) that is a failure.
pub(crate) fn absent(tool: &str, remedy: &str) {
    let message = format!("SKIPPED: {tool} is absent. {remedy}");
    assert!(std::env::var_os("NAVE_CI").is_none(), "{message}");
    // Straight to the terminal: the test harness hides what `eprintln!` says when a test passes.
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{message}");
}
