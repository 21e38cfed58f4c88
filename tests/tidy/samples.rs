//! Small samples that break each rule, and good ones that do not: the checker itself can fail.

use crate::docs;
use crate::rules::{self, FILE_LINES_MAX, FUNCTION_LINES_MAX, File, Floors};
use crate::source::{blank, functions, imports, tokens};

fn file(path: &str, text: &str) -> File {
    File { path: path.to_string(), text: text.to_string() }
}

fn floors() -> Floors {
    let (floors, wrong) =
        rules::parse_floors("# the list\n0 base\n1 log entry\n2 catalog\nunsafe base/mmap.rs\n");
    assert!(wrong.is_empty(), "{wrong:?}");
    floors
}

/// Asserts that there is one message, which begins with the place and holds the words.
fn one(wrong: &[String], place: &str, words: &str) {
    let [message] = wrong else { panic!("expected one message at {place}, got {wrong:#?}") };
    assert!(message.starts_with(place), "{message:?} does not name {place}");
    assert!(message.contains(words), "{message:?} does not hold {words:?}");
}

/// The tree of three modules, with the text of `log/mod.rs`.
fn engine(log: &str) -> Vec<File> {
    vec![
        file("engine/src/lib.rs", "//! x\nmod base;\npub use base::Error;\n"),
        file("engine/src/base/mod.rs", "//! x\nmod ids;\n"),
        file("engine/src/entry.rs", "//! x\n"),
        file("engine/src/catalog/mod.rs", "//! x\nuse crate::{base::ids::{A, B}, log};\n"),
        file("engine/src/log/mod.rs", log),
    ]
}

#[test]
fn comments_and_literals_are_blanked() {
    let text =
        "a // b\n/* c /* d */ e */ f \"g \\\" h\" r#\"i \" j\"# b'k' 'l' '\\'' 'm, br\"n\" o\n";
    let words: Vec<String> = tokens(text).into_iter().map(|token| token.text).collect();
    assert_eq!(words, ["a", "f", "'", "m", ",", "o"]);
    assert_eq!(blank("\"x\ny\" z").lines().count(), 2);
}

#[test]
fn imports_are_found() {
    let found = |text: &str, depth| -> Vec<String> {
        imports(&tokens(text), depth).into_iter().map(|import| import.module).collect()
    };
    assert_eq!(
        found("use crate::{base::{a, b}, log::C};\nlet x = crate::entry::y();", 1),
        ["base", "log", "entry"]
    );
    assert_eq!(found("use super::catalog::X;", 1), ["catalog"]);
    assert_eq!(found("use super::catalog::X;", 2), Vec::<String>::new());
    assert_eq!(found("mod tests { use super::*; use super::super::log::X; }", 1), ["log"]);
    assert_eq!(found("mod tests { use super::*; }\nuse super::log;", 1), ["log"]);
    assert_eq!(found("// use crate::log;\nlet a = \"crate::log\";", 1), Vec::<String>::new());
}

#[test]
fn floors_go_down() {
    assert_eq!(
        rules::floors(&floors(), &engine("//! x\nuse crate::base::Error;\nuse crate::log::x;\n")),
        [""; 0]
    );
    let wrong =
        rules::floors(&floors(), &engine("//! x\nuse crate::base::x;\nuse crate::catalog::y;\n"));
    one(
        &wrong,
        "engine/src/log/mod.rs:3: ",
        "`log` (floor 1) imports `catalog`, which is on floor 2",
    );
    let wrong = rules::floors(&floors(), &engine("//! x\nuse crate::{base::a,\n entry::b};\n"));
    one(&wrong, "engine/src/log/mod.rs:3: ", "imports `entry`, which is on floor 1");
    let wrong = rules::floors(&floors(), &engine("//! x\nuse super::catalog;\n"));
    one(&wrong, "engine/src/log/mod.rs:2: ", "floor 2");
    let wrong = rules::floors(&floors(), &engine("//! x\nuse crate::Error;\n"));
    one(&wrong, "engine/src/log/mod.rs:2: ", "is no module");
}

#[test]
fn the_list_of_floors_is_whole() {
    let mut more = engine("//! x\n");
    more.push(file("engine/src/feed.rs", "//! x\n"));
    one(&rules::floors(&floors(), &more), "engine/src/feed.rs:1: ", "stands on no floor");
    let fewer: Vec<File> =
        engine("//! x\n").into_iter().filter(|file| !file.path.contains("entry")).collect();
    one(&rules::floors(&floors(), &fewer), "engine/FLOORS.txt:1: ", "`entry` is not in");
    let mut public = engine("//! x\n");
    public.push(file("engine/src/lib.rs", "//! x\npub mod log;\n"));
    one(&rules::floors(&floors(), &public), "engine/src/lib.rs:2: ", "floor `log` is public");
    one(&rules::parse_floors("0 base\n1 base\n").1, "engine/FLOORS.txt:2: ", "two floors");
    one(&rules::parse_floors("base 0\n").1, "engine/FLOORS.txt:1: ", "is no floor");
}

#[test]
fn back_doors_are_found() {
    let hidden = ["#[doc(", "hidden)]\n"].concat();
    one(
        &rules::public_api(&[file("engine/src/db.rs", &hidden)]),
        "engine/src/db.rs:1: ",
        "back door",
    );
    let path = ["#[path", " = \"../engine/src/log/mod.rs\"]\nmod log;\n"].concat();
    one(&rules::public_api(&[file("tests/suite/x.rs", &path)]), "tests/suite/x.rs:1: ", "navedb::");
}

#[test]
fn heads_and_lines_are_judged() {
    one(&rules::heads(&[file("a.rs", "//! x\n"), file("b.rs", "// x\n")]), "b.rs:1: ", "say what");
    let long = "é".repeat(121);
    assert_eq!(rules::lines(&[file("a.rs", &"é".repeat(120)), file("a.txt", &long)]), [""; 0]);
    one(&rules::lines(&[file("a.rs", &long)]), "a.rs:1: ", "121 characters");
    assert_eq!(rules::lines(&[file("a.rs", &format!("r#\"{long}\"#"))]), [""; 0]);
    let markdown = format!("|{long}|\n```\n{long}\n```\n{long}\n");
    one(&rules::lines(&[file("a.md", &markdown)]), "a.md:5: ", "121 characters");
}

#[test]
fn lengths_of_functions_are_counted() {
    let text = "fn a() {\n}\nfn b<T>(x: [u8; 2])\nwhere T: X,\n{\n  f(|y| { y });\n}\n\
                trait T { fn c(&self); }\ntype F = fn(u8);\n";
    let found: Vec<(String, usize)> =
        functions(&tokens(text)).into_iter().map(|f| (f.name, f.lines)).collect();
    assert_eq!(found, [("a".to_string(), 2), ("b".to_string(), 5)]);
}

#[test]
fn sizes_only_shrink() {
    let sizes = |file: &File, list: &str| {
        rules::sizes(std::slice::from_ref(file), &self::file("tests/tidy_exceptions.txt", list))
    };
    let body = |lines: usize| {
        file("a.rs", &format!("//! x\nfn f() {{\n{}}}\n", "x();\n".repeat(lines - 2)))
    };
    let (fits, large) = (body(FUNCTION_LINES_MAX), body(FUNCTION_LINES_MAX + 2));
    assert_eq!(sizes(&fits, "# nothing\n"), [""; 0]);
    assert_eq!(sizes(&large, "function a.rs f 72\n"), [""; 0]);
    one(&sizes(&large, ""), "a.rs:2: ", "72 lines (function a.rs f); split it");
    one(&sizes(&large, "function a.rs f 71\n"), "a.rs:2: ", "may only shrink");
    one(&sizes(&large, "\nfunction a.rs f 73\n"), "tests/tidy_exceptions.txt:2: ", "write 72");
    one(
        &sizes(&fits, "function a.rs f 72\n"),
        "tests/tidy_exceptions.txt:1: ",
        "take the line out",
    );
    one(&sizes(&fits, "file b.rs 900\n"), "tests/tidy_exceptions.txt:1: ", "is gone");
    let long = file("a.rs", &"//! x\n".repeat(FILE_LINES_MAX + 1));
    one(&sizes(&long, ""), "a.rs:1: ", "501 lines (file a.rs); split it");
    assert_eq!(sizes(&long, "file a.rs 501\n"), [""; 0]);
    one(&sizes(&fits, "a.rs\n"), "tests/tidy_exceptions.txt:1: ", "write `file PATH LINES`");
}

#[test]
fn unsafe_is_found() {
    let mapped = file("engine/src/base/mmap.rs", "//! x\nfn a() { unsafe { b() } }\n");
    assert_eq!(
        rules::unsafe_code(&floors(), &[mapped.clone(), file("a.rs", "// unsafe\n")]),
        [""; 0]
    );
    let other = file("server/src/main.rs", "//! x\nfn a() {\n unsafe { b() } }\n");
    one(
        &rules::unsafe_code(&floors(), &[mapped, other]),
        "server/src/main.rs:3: ",
        "outside the files",
    );
    one(&rules::unsafe_code(&floors(), &[]), "engine/FLOORS.txt:1: ", "holds no `unsafe`");
}

#[test]
fn forbidden_words_are_found() {
    let bad = [
        ["// TO", "DO x"],
        ["FIX", "ME"],
        ["db", "g!(x)"],
        ["#[ig", "nore]"],
        ["a /wo", "rk/x"],
        ["\"/ro", "ot/"],
    ];
    for parts in bad {
        one(
            &rules::words(&[file("a.txt", &format!("fine\n{}\n", parts.concat()))]),
            "a.txt:2: ",
            ": ",
        );
    }
    let good = ["masTO", "DOnt https://x.org/wo", "rk/ ~/wo", "rk/ ./ro", "ot/x"].concat();
    assert_eq!(rules::words(&[file("a.txt", &good)]), [""; 0]);
}

#[test]
fn links_are_followed() {
    let tree = ["a.md", "docs/b.md", "docs"];
    let check = |path: &str, text: &str| {
        let files =
            [file(path, text), file("docs/b.md", "# One Word: `two`\n## Twice\n## Twice\n")];
        docs::links(&files, |path| tree.contains(&path))
    };
    let good = "[x](docs/b.md#one-word-two) [y](docs/) [z](https://x.org) `[no](n.md)` [t](docs/b.md#twice-1)\n\
                # Here\n[h](#here)\n";
    assert_eq!(check("a.md", good), [""; 0]);
    assert_eq!(check("a.md", "```\n[x](none.md)\n```\n"), [""; 0]);
    one(&check("a.md", "fine\n[x](none.md)"), "a.md:2: ", "`none.md` is missing");
    one(&check("a.md", "[x](docs/b.md#three)"), "a.md:1: ", "no heading `#three`");
    one(&check("docs/c.md", "[x](../a.md) [y](../../z)"), "docs/c.md:1: ", "leaves the tree");
    one(&check("a.md", "[x]: none.md"), "a.md:1: ", "is missing");
    one(&check("a.md", "[h](#there)"), "a.md:1: ", "no heading `#there`");
}

#[test]
fn decisions_are_judged() {
    let decision = |name: &str, text: &str| file(&format!("docs/decisions/{name}"), text);
    let first = decision("0001-a.md", "# A\n\nStatus: accepted\n");
    assert_eq!(
        docs::decisions(&[first.clone(), decision("0002-b.md", "Status: superseded by 0001\n")]),
        [""; 0]
    );
    one(
        &docs::decisions(&[first.clone(), decision("0001-b.md", "Status: rejected\n")]),
        "docs/decisions/0001-b.md:1: ",
        "0001",
    );
    one(
        &docs::decisions(&[decision("0003-c.md", "Status: thought of\n")]),
        "docs/decisions/0003-c.md:1: ",
        "no status",
    );
    one(
        &docs::decisions(&[decision("notes.md", "Status: accepted\n")]),
        "docs/decisions/notes.md:1: ",
        "NNNN",
    );
}

#[test]
fn dependencies_are_judged() {
    let decision =
        file("docs/decisions/0002-a.md", "| crate | why |\n|---|---|\n| `csv` 1 | x |\n");
    let cargo = |text: &str| file("engine/Cargo.toml", &format!("[package]\nname = \"x\"\n{text}"));
    let check = |text: &str| docs::dependencies(&[decision.clone(), cargo(text)]);
    assert_eq!(
        check("[dev-dependencies]\ncsv.workspace = true\nnavedb = { path = \"..\" }\n[lints]\n"),
        [""; 0]
    );
    one(
        &check("[dependencies]\n\nserde = \"1\"\n"),
        "engine/Cargo.toml:5: ",
        "crate `serde` has no reason",
    );
    one(
        &check("[workspace.dependencies]\nrand.workspace = true\n"),
        "engine/Cargo.toml:4: ",
        "`rand`",
    );
}

#[test]
fn the_table_of_commands_is_compared() {
    let document = |inside: &str| {
        file(
            "docs/commands.md",
            &format!("# C\n<!-- commands:begin -->\n\n{inside}\n<!-- commands:end -->\n"),
        )
    };
    assert_eq!(docs::commands(&document("| a |\n| b |"), "| a |\n| b |\n"), [""; 0]);
    one(
        &docs::commands(&document("| a |\n| c |"), "| a |\n| b |\n"),
        "docs/commands.md:5: ",
        "says `| c |`",
    );
    one(
        &docs::commands(&document("| a |"), "| a |\n| b |\n"),
        "docs/commands.md:5: ",
        "says `(end)`",
    );
    one(
        &docs::commands(&file("docs/commands.md", "# C\n"), "x"),
        "docs/commands.md:1: ",
        "put them around",
    );
}
