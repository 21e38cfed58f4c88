//! Rules of the tree that no compiler checks, as tests: each message names the place and the remedy.
//!
//! `engine/FLOORS.txt` says which module of the engine stands on which floor (`N name ...`) and which files may hold
//! `unsafe` (`unsafe path ...`); `tests/tidy_exceptions.txt` lists what is larger than the limits, and may only shrink.

#[path = "suite/binary.rs"]
mod binary;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/samples.rs"]
mod samples;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tree.rs"]
mod tree;

use rules::{File, Floors};

/// Fails with all messages, one a line.
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} to mend:\n{}\n", wrong.len(), wrong.join("\n"));
}

fn floors() -> Floors {
    let (floors, wrong) = rules::parse_floors(&tree::read("engine/FLOORS.txt").text);
    none(&wrong);
    floors
}

fn exceptions() -> File {
    tree::read("tests/tidy_exceptions.txt")
}

#[test]
fn the_tree_is_read() {
    let files = tree::files();
    for path in
        ["Cargo.toml", "README.md", "engine/src/lib.rs", "server/src/main.rs", "tests/tidy.rs"]
    {
        assert!(
            files.iter().any(|file| file.path == path),
            "{path} was not found: no rule sees the tree"
        );
    }
}

#[test]
fn imports_of_the_engine_go_down() {
    none(&rules::floors(&floors(), tree::files()));
}

#[test]
fn others_use_the_public_api() {
    none(&rules::public_api(tree::files()));
}

#[test]
fn every_module_says_what_it_is() {
    none(&rules::heads(tree::files()));
}

#[test]
fn lines_are_short() {
    none(&rules::lines(tree::files()));
}

#[test]
fn files_and_functions_are_small() {
    none(&rules::sizes(tree::files(), &exceptions()));
}

#[test]
fn unsafe_stands_where_it_may() {
    none(&rules::unsafe_code(&floors(), tree::files()));
}

#[test]
fn no_forbidden_words() {
    none(&rules::words(tree::files()));
}

#[test]
fn links_lead_somewhere() {
    none(&docs::links(tree::files(), tree::exists));
}

#[test]
fn decisions_are_numbered() {
    none(&docs::decisions(tree::files()));
}

#[test]
fn every_dependency_has_its_reason() {
    none(&docs::dependencies(tree::files()));
}

#[test]
fn the_table_of_commands_is_the_real_one() {
    let output =
        std::process::Command::new(binary::nave()).arg("docs").output().expect("nave starts");
    assert!(
        output.status.success(),
        "`nave docs` failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).expect("`nave docs` prints text");
    assert!(printed.lines().count() > 10, "`nave docs` printed almost nothing: {printed}");
    none(&docs::commands(&tree::read("docs/commands.md"), &printed));
}
