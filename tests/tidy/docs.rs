//! The rules for documents: links lead somewhere, decisions are numbered, the table of commands is the real one.

use crate::rules::File;
use std::collections::{BTreeMap, BTreeSet};

/// Every relative link of a Markdown file leads to a file or folder of the tree, and its anchor to a heading.
pub(crate) fn links(files: &[File], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    let headings: BTreeMap<&str, BTreeSet<String>> =
        documents.clone().map(|file| (file.path.as_str(), anchors(&file.text))).collect();
    let mut wrong = Vec::new();
    for file in documents {
        for (line, target) in targets(&file.text) {
            let at = format!("{}:{line}", file.path);
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let Some(path) = resolve(&file.path, path) else {
                wrong.push(format!("{at}: link `{target}` leaves the tree; link to a file of it"));
                continue;
            };
            if !exists(&path) {
                wrong.push(format!("{at}: link `{target}` leads nowhere; `{path}` is missing"));
            } else if !anchor.is_empty()
                && headings.get(path.as_str()).is_some_and(|known| !known.contains(anchor))
            {
                wrong.push(format!("{at}: link `{target}`: `{path}` has no heading `#{anchor}`"));
            }
        }
    }
    wrong
}

/// The lines of a document that are prose, with code fences left out.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// The targets of `[text](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let (target, after) = after.split_once(')').unwrap_or((after, ""));
            found.push((number, target.split_whitespace().next().unwrap_or_default().to_string()));
            rest = after;
        }
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            found.push((number, target.trim().to_string()));
        }
    }
    found
}

/// The path from the root of a link that stands in `from`; none if it leaves the tree.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_string());
    }
    if link.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of the headings, as the usual Markdown hosts make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
        let slug: String =
            kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
        let time = times.entry(slug.clone()).or_default();
        found.insert(if *time == 0 { slug } else { format!("{slug}-{time}") });
        *time += 1;
    }
    found
}

/// Decisions are named `NNNN-words.md`, no number stands twice, and each says its status.
pub(crate) fn decisions(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("docs/decisions/") else { continue };
        if name == "README.md" {
            continue;
        }
        let number = name.split_once('-').map_or("", |(number, _)| number);
        if number.len() != 4
            || !number.bytes().all(|b| b.is_ascii_digit())
            || !name.ends_with(".md")
        {
            wrong.push(format!("{}:1: name it `NNNN-words.md`", file.path));
        } else if let Some(other) = taken.insert(number, &file.path) {
            wrong.push(format!(
                "{}:1: number {number} is that of {other}; take the next free one",
                file.path
            ));
        }
        let status = file.text.lines().find_map(|line| line.strip_prefix("Status:")).map(str::trim);
        let known = |status: &str| {
            ["accepted", "rejected", "superseded by "].iter().any(|word| status.starts_with(word))
        };
        if !status.is_some_and(known) {
            wrong.push(format!(
                "{}:1: no status; write `Status: accepted`, `rejected` or `superseded by NNNN`",
                file.path
            ));
        }
    }
    wrong
}

/// Every crate that a `Cargo.toml` asks for has its reason in a decision: its name, as code, in the first cell of a
/// table.
pub(crate) fn dependencies(files: &[File]) -> Vec<String> {
    let decisions = files.iter().filter(|file| file.path.starts_with("docs/decisions/"));
    let reasons: BTreeSet<&str> = decisions
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        let mut inside = false;
        for (number, line) in file.text.lines().enumerate() {
            if line.starts_with('[') {
                inside = line.trim_end().ends_with("dependencies]");
                continue;
            }
            let name = line.split([' ', '.', '=']).next().unwrap_or_default();
            let is_crate =
                name.starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains('=');
            if inside && is_crate && name != "navedb" && !reasons.contains(name) {
                let at = format!("{}:{}", file.path, number + 1);
                wrong
                    .push(format!("{at}: crate `{name}` has no reason; add its row to a decision"));
            }
        }
    }
    wrong
}

/// The part of `docs/commands.md` between the marks is what the binary prints.
pub(crate) fn commands(document: &File, printed: &str) -> Vec<String> {
    let (begin, end) = ("<!-- commands:begin -->", "<!-- commands:end -->");
    let lines: Vec<&str> = document.text.lines().map(str::trim_end).collect();
    let place = |mark: &str| lines.iter().position(|line| *line == mark);
    let path = &document.path;
    let (Some(first), Some(last)) = (place(begin), place(end)) else {
        return vec![format!(
            "{path}:1: no `{begin}` and `{end}`; put them around the output of `nave docs`"
        )];
    };
    let written = lines.get(first + 1..last).unwrap_or_default();
    let real: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let (written, real) = (without_blank_ends(written), without_blank_ends(&real));
    let differs = (0..written.len().max(real.len())).find(|&at| written.get(at) != real.get(at));
    let leading = lines.iter().skip(first + 1).take_while(|line| line.is_empty()).count();
    differs
        .map(|at| {
            format!(
                "{path}:{}: says `{}`, `nave docs` says `{}`; put its output between the marks",
                first + 2 + leading + at,
                written.get(at).unwrap_or(&"(end)"),
                real.get(at).unwrap_or(&"(end)")
            )
        })
        .into_iter()
        .collect()
}

fn without_blank_ends<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |at| at + 1);
    lines.get(first..last).unwrap_or_default()
}
