//! The rules for source: floors, heads, sizes, `unsafe`, and words that have no place in the tree.
//!
//! Every rule takes texts and gives messages (`file:line: what is wrong; what to do`), so that samples can test it.

use crate::source::{functions, imports, tokens};
use std::collections::BTreeMap;

/// Lines of a file.
pub(crate) const FILE_LINES_MAX: usize = 500;
/// Lines of a function, from `fn` to its last brace.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 120;

/// A file of the tree: its path from the root, with `/`, and its text.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}

/// What `engine/FLOORS.txt` says.
#[derive(Debug, Default)]
pub(crate) struct Floors {
    /// The floor of each module.
    pub(crate) modules: BTreeMap<String, u32>,
    /// The files, from `engine/src/`, that may hold `unsafe`.
    pub(crate) unsafe_files: Vec<String>,
}

const FLOORS: &str = "engine/FLOORS.txt";
const ENGINE: &str = "engine/src/";

/// Reads the list of floors: `N name name ...` and `unsafe path ...`; `#` begins a comment.
pub(crate) fn parse_floors(text: &str) -> (Floors, Vec<String>) {
    let (mut floors, mut wrong) = (Floors::default(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let at = format!("{FLOORS}:{}", number + 1);
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(first) = words.next() else { continue };
        if first == "unsafe" {
            floors.unsafe_files.extend(words.map(str::to_string));
        } else if let Ok(floor) = first.parse::<u32>() {
            for name in words {
                if floors.modules.insert(name.to_string(), floor).is_some() {
                    wrong.push(format!("{at}: module `{name}` stands on two floors; keep one"));
                }
            }
        } else {
            wrong.push(format!(
                "{at}: `{first}` is no floor; write `N name ...` or `unsafe path ...`"
            ));
        }
    }
    (floors, wrong)
}

/// The imports of the engine go down only, and the list of floors is whole.
pub(crate) fn floors(floors: &Floors, files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let Some(inner) = file.path.strip_prefix(ENGINE) else { continue };
        let own = inner.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if inner == "lib.rs" {
            wrong.extend(public_floors(floors, file));
            continue;
        }
        seen.insert(own.to_string(), ());
        let Some(&floor) = floors.modules.get(own) else {
            wrong.push(format!(
                "{}:1: module `{own}` stands on no floor; add it to {FLOORS}",
                file.path
            ));
            continue;
        };
        let depth = inner.split('/').count() - usize::from(inner.ends_with("/mod.rs"));
        for import in imports(&tokens(&file.text), depth) {
            let (name, line) = (&import.module, import.line);
            let remedy = match floors.modules.get(name) {
                _ if name == own => continue,
                Some(&lower) if lower < floor => continue,
                Some(&other) => format!(
                    "is on floor {other}; import lower floors only, or move what both need down"
                ),
                None => format!("is no module of {FLOORS}; name the module that it comes from"),
            };
            wrong.push(format!(
                "{}:{line}: `{own}` (floor {floor}) imports `{name}`, which {remedy}",
                file.path
            ));
        }
    }
    let gone = floors.modules.keys().filter(|name| !seen.contains_key(*name));
    wrong.extend(gone.map(|name| {
        format!("{FLOORS}:1: module `{name}` is not in {ENGINE}; take it off the list")
    }));
    wrong
}

/// A floor is private: what users need is re-exported by name.
fn public_floors(floors: &Floors, lib: &File) -> Vec<String> {
    let tokens = tokens(&lib.text);
    let mut wrong = Vec::new();
    for three in tokens.windows(3) {
        if let [visible, module, name] = three
            && visible.text == "pub"
            && module.text == "mod"
            && floors.modules.contains_key(&name.text)
        {
            wrong.push(format!(
                "{}:{}: floor `{}` is public; make it private and re-export what users need",
                lib.path, name.line, name.text
            ));
        }
    }
    wrong
}

/// Server, benches and tests use the public API of the engine: no back doors.
pub(crate) fn public_api(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (hidden, path, include) =
        (["#[doc(", "hidden"].concat(), ["#[path", " = "].concat(), ["include", "!("].concat());
    for file in files.iter().filter(|file| file.is_rust()) {
        let inside = file.path.starts_with(ENGINE);
        for (number, line) in file.numbered() {
            let at = format!("{}:{number}", file.path);
            if inside && line.contains(&hidden) {
                wrong.push(format!("{at}: a hidden public item is a back door; make it public with docs, or private"));
            }
            if !inside
                && (line.contains(&path) || line.contains(&include))
                && line.contains("engine/")
            {
                wrong.push(format!("{at}: takes a file of the engine into itself; use `navedb::`"));
            }
        }
    }
    wrong
}

/// Every file says at its head what it is.
pub(crate) fn heads(files: &[File]) -> Vec<String> {
    let headless = |file: &&File| file.is_rust() && !file.text.starts_with("//!");
    let message =
        |file: &File| format!("{}:1: no `//!` at the head; say what the module is for", file.path);
    files.iter().filter(headless).map(message).collect()
}

/// Lines are short enough to read side by side. Tables and code in Markdown, and raw texts in Rust, may be longer.
pub(crate) fn lines(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let kinds = [".rs", ".py", ".sh", ".toml", ".md", ".sql", ".ci/run"];
    for file in files.iter().filter(|file| kinds.iter().any(|kind| file.path.ends_with(kind))) {
        let mut fenced = false;
        for (number, line) in file.numbered() {
            let markdown = file.path.ends_with(".md");
            fenced ^= markdown && line.trim_start().starts_with("```");
            let chars = line.chars().count();
            let whole =
                if markdown { fenced || line.starts_with('|') } else { line.contains("r#\"") };
            if chars > LINE_CHARS_MAX && !whole {
                wrong.push(format!(
                    "{}:{number}: {chars} characters; break the line at {LINE_CHARS_MAX}",
                    file.path
                ));
            }
        }
    }
    wrong
}

/// Files and functions stay small; those on the list of exceptions may only shrink.
pub(crate) fn sizes(files: &[File], exceptions: &File) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ceilings = parse_exceptions(exceptions, &mut wrong);
    for file in files.iter().filter(|file| file.is_rust()) {
        let path = &file.path;
        let mut judge = |key: String, line: usize, size: usize, max: usize| {
            let listed = ceilings.remove(&key);
            match listed {
                None if size > max => wrong.push(format!(
                    "{path}:{line}: {size} lines ({key}); split it, {max} is the limit"
                )),
                Some((at, ceiling)) if size > ceiling => {
                    wrong.push(format!(
                        "{path}:{line}: {size} lines ({key}); {at} allows {ceiling}, and it may only shrink"
                    ));
                }
                Some((at, _)) if size <= max => {
                    wrong.push(format!("{at}: `{key}` is within the limit; take the line out"))
                }
                Some((at, ceiling)) if size < ceiling => {
                    wrong.push(format!("{at}: `{key}` has {size} lines now; write {size}"))
                }
                _ => {}
            }
        };
        judge(format!("file {path}"), 1, file.text.lines().count(), FILE_LINES_MAX);
        let mut largest = BTreeMap::new();
        for function in functions(&tokens(&file.text)) {
            let entry = largest.entry(function.name).or_insert((function.lines, function.line));
            *entry = (*entry).max((function.lines, function.line));
        }
        for (name, (size, line)) in largest {
            judge(format!("function {path} {name}"), line, size, FUNCTION_LINES_MAX);
        }
    }
    wrong.extend(
        ceilings
            .into_iter()
            .map(|(key, (at, _))| format!("{at}: `{key}` is gone; take the line out")),
    );
    wrong
}

/// `file PATH LINES` and `function PATH NAME LINES`, each with the place of its line.
fn parse_exceptions(list: &File, wrong: &mut Vec<String>) -> BTreeMap<String, (String, usize)> {
    let mut ceilings = BTreeMap::new();
    for (number, line) in list.numbered() {
        let at = format!("{}:{number}", list.path);
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let entry = line.rsplit_once(' ').and_then(|(key, size)| Some((key, size.parse().ok()?)));
        match entry {
            Some((key, size)) => drop(ceilings.insert(key.to_string(), (at, size))),
            None => {
                wrong.push(format!("{at}: write `file PATH LINES` or `function PATH NAME LINES`"))
            }
        }
    }
    ceilings
}

/// `unsafe` stands in the listed files alone, and each of them still needs it.
pub(crate) fn unsafe_code(floors: &Floors, files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut needed = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let found = tokens(&file.text).into_iter().find(|token| token.text == "unsafe");
        let inner = file.path.strip_prefix(ENGINE).unwrap_or(&file.path);
        match found {
            Some(_) if floors.unsafe_files.iter().any(|listed| listed == inner) => {
                needed.push(inner)
            }
            Some(token) => wrong.push(format!(
                "{}:{}: `unsafe` outside the files that {FLOORS} names; use what `base` offers",
                file.path, token.line
            )),
            None => {}
        }
    }
    let idle = floors.unsafe_files.iter().filter(|listed| !needed.contains(&listed.as_str()));
    wrong.extend(
        idle.map(|listed| {
            format!("{FLOORS}:1: `{listed}` holds no `unsafe`; take it off the list")
        }),
    );
    wrong
}

/// Nothing unfinished, nothing of one developer's machine.
pub(crate) fn words(files: &[File]) -> Vec<String> {
    let unfinished = "finish it, or write an issue";
    let machine = "a path of one machine; write a relative one";
    let banned = [
        (["TO", "DO"].concat(), unfinished),
        (["FIX", "ME"].concat(), unfinished),
        (["dbg", "!"].concat(), "take the debugging out"),
        (["#[ig", "nore"].concat(), "a test runs or goes; long ones ask for NAVE_FULL"),
        (["/wo", "rk/"].concat(), machine),
        (["/ro", "ot/"].concat(), machine),
    ];
    let mut wrong = Vec::new();
    for file in files {
        for (number, line) in file.numbered() {
            let found = banned.iter().filter(|(word, _)| stands_alone(line, word));
            wrong.extend(
                found.map(|(word, remedy)| format!("{}:{number}: `{word}`: {remedy}", file.path)),
            );
        }
    }
    wrong
}

/// Whether the word is in the line and is no tail or head of a longer word or path.
fn stands_alone(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|part| part.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|part| part.chars().next());
        let longer_before =
            before.is_some_and(|c| joins(c) || (word.starts_with('/') && ".-~}".contains(c)));
        let longer_after = after.is_some_and(joins)
            && word.ends_with(char::is_alphanumeric)
            && !word.starts_with('#');
        !longer_before && !longer_after
    })
}
