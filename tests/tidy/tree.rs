//! The text files of the tree: what git knows or would take, or, without git, all but build output.

use crate::binary::workspace;
use crate::rules::File;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Every text file, with its path from the root.
pub(crate) fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut paths = from_git().unwrap_or_else(|| {
            let mut paths = Vec::new();
            walk(workspace(), "", &mut paths);
            paths
        });
        paths.sort();
        paths.into_iter().filter_map(text).collect()
    })
}

/// One text file, which must be there.
pub(crate) fn read(path: &str) -> File {
    text(path.to_string()).unwrap_or_else(|| panic!("{path} is missing, or is no text"))
}

/// Whether the tree has a file or folder of that path.
pub(crate) fn exists(path: &str) -> bool {
    workspace().join(path).exists()
}

fn text(path: String) -> Option<File> {
    let bytes = std::fs::read(workspace().join(&path)).ok()?;
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    Some(File { path, text })
}

fn from_git() -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).ok()?;
    Some(names.split('\0').filter(|name| !name.is_empty()).map(str::to_string).collect())
}

fn walk(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the tree can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let left_out = ["target", ".git", ".venv", "__pycache__"].contains(&name.as_str());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !left_out {
            walk(&entry.path(), &format!("{prefix}{name}/"), paths);
        } else if !is_folder {
            paths.push(format!("{prefix}{name}"));
        }
    }
}
