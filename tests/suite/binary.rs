//! Finds the `nave` binary of this test run, and has cargo bring it up to date first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `nave` binary of the profile and target folder that this test was built in.
pub(crate) fn nave() -> &'static Path {
    static NAVE: OnceLock<PathBuf> = OnceLock::new();
    NAVE.get_or_init(find)
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

fn find() -> PathBuf {
    let test = std::env::current_exe().expect("a test has an executable");
    let profile = test
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"))
        .and_then(Path::parent)
        .expect("cargo puts tests into <target>/<profile>/deps");
    let binary = profile.join(format!("nave{}", std::env::consts::EXE_SUFFIX));
    // Cargo does not build another package's binary for a test. When it runs the test, it names itself in `CARGO`:
    // ask it, so that no older binary is tested. A test started by hand takes what is there.
    let cargo = std::env::var_os("CARGO");
    if cargo.is_some() || !binary.exists() {
        build(&cargo.unwrap_or_else(|| "cargo".into()), profile);
    }
    assert!(binary.exists(), "{} is missing: run `cargo build -p nave-server`", binary.display());
    binary
}

fn build(cargo: &std::ffi::OsStr, profile: &Path) {
    let name = profile.file_name().and_then(|name| name.to_str()).expect("a profile has a name");
    let target = profile.parent().expect("a profile lies in the target folder");
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "nave-server", "--bin", "nave"])
        .args(["--profile", if name == "debug" { "dev" } else { name }])
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace())
        .status()
        .expect("cargo starts");
    assert!(status.success(), "`cargo build -p nave-server` failed: mend the server first");
}
