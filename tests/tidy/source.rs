//! Reads Rust source just well enough: words and marks without comments and literals, imports, lengths of functions.

/// A word or a mark of the source, with its line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A function with its first line and how many lines it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// A path that begins at the root of the crate: the first name after `crate::` (or after enough `super::`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) line: usize,
}

/// The source with comments and literals blanked; every other character keeps its line.
pub(crate) fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&here) = chars.get(at) {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(here);
            at += 1;
        } else {
            let skipped = chars.get(at..end).unwrap_or_default();
            out.extend(skipped.iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself if none begins here.
fn literal_end(chars: &[char], at: usize) -> usize {
    let get = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let word_before = at > 0 && is_word(get(at - 1));
    match (get(at), get(at + 1)) {
        ('/', '/') => until(chars, at, |c| c == '\n'),
        ('/', '*') => block_comment_end(chars, at),
        ('"', _) => quoted_end(chars, at + 1),
        ('\'', '\\') => until(chars, at + 3, |c| c == '\'') + 1,
        ('\'', c) if c != '\'' && get(at + 2) == '\'' => at + 3,
        ('r' | 'b' | 'c', _) if !word_before => prefixed_end(chars, at),
        _ => at,
    }
    .min(chars.len())
}

fn until(chars: &[char], at: usize, stop: impl Fn(char) -> bool) -> usize {
    chars.iter().skip(at).position(|&c| stop(c)).map_or(chars.len(), |n| at + n)
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
            (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_end(chars: &[char], mut at: usize) -> usize {
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The end of `b"..."`, `r"..."`, `br#"..."#`, `b'x'` and their like.
fn prefixed_end(chars: &[char], start: usize) -> usize {
    let mut at = start;
    while matches!(chars.get(at), Some('r' | 'b' | 'c')) {
        at += 1;
    }
    let raw = chars.get(start..at).is_some_and(|prefix| prefix.contains(&'r'));
    let hashes = chars.iter().skip(at).take_while(|&&c| raw && c == '#').count();
    match chars.get(at + hashes) {
        Some('"') if !raw => quoted_end(chars, at + 1),
        Some('"') => {
            let mut end = at + hashes + 1;
            while end < chars.len() {
                let closes = chars.get(end) == Some(&'"')
                    && chars.iter().skip(end + 1).take_while(|&&c| c == '#').count() >= hashes;
                if closes {
                    return end + 1 + hashes;
                }
                end += 1;
            }
            end
        }
        Some('\'') if hashes == 0 => at.max(literal_end(chars, at)),
        _ => start,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words and marks, without comments and literals. `::` is one mark.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (number, line) in blank(text).lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at(length);
            found.push(Token { text: token.to_string(), line: number + 1 });
            rest = after.trim_start();
        }
    }
    found
}

/// What a file imports from the root of its crate. `depth` is how deep the module of the file lies (the root: 0).
pub(crate) fn imports(tokens: &[Token], depth: usize) -> Vec<Import> {
    let word = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    let (mut braces, mut inline) = (0_usize, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        match word(at) {
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                inline.retain(|&opened| opened <= braces);
            }
            "mod" if word(at + 2) == "{" => inline.push(braces + 1),
            "crate" if word(at + 1) == "::" => found.extend(names_after(tokens, at + 2)),
            "super" if at == 0 || word(at - 1) != "::" => {
                let mut supers = 1;
                while word(at + 1) == "::" && word(at + 2) == "super" {
                    (supers, at) = (supers + 1, at + 2);
                }
                if word(at + 1) == "::" && supers >= depth + inline.len() {
                    found.extend(names_after(tokens, at + 2));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The name at `at`, or each first name of the group `{a::b, c}` that begins there.
fn names_after(tokens: &[Token], at: usize) -> Vec<Import> {
    let import = |token: &Token| Import { module: token.text.clone(), line: token.line };
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if first.text != "{" {
        return vec![import(first)];
    }
    let (mut depth, mut begins, mut found) = (0, false, Vec::new());
    for token in tokens.iter().skip(at) {
        match token.text.as_str() {
            "{" => (depth, begins) = (depth + 1, depth == 0),
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => begins = true,
            _ if begins => {
                found.push(import(token));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

/// Every function that has a body.
pub(crate) fn functions(tokens: &[Token]) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = tokens.get(at + 1) else { break };
        if token.text != "fn" || !name.text.starts_with(is_word) {
            continue;
        }
        if let Some(last) = body_end(tokens.get(at..).unwrap_or_default()) {
            let lines = last + 1 - token.line;
            found.push(Function { name: name.text.clone(), line: token.line, lines });
        }
    }
    found
}

/// The line of the brace that closes the body; none if a `;` comes first.
fn body_end(tokens: &[Token]) -> Option<usize> {
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for token in tokens {
        match token.text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if brackets == 0 && braces == 0 => return None,
            "{" if brackets == 0 || braces > 0 => braces += 1,
            "}" if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}
