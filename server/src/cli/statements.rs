//! Files of audiences: statements separated by `;`, each with comments before it that name it.
//!
//! *Invariants:* a `;` or `--` inside quotes or a comment separates nothing; a statement keeps its
//! text, comments inside it included; a piece without anything but comments is no statement. *Where
//! to start reading:* `read`.

/// One audience of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The first line of the comment right before it; without one its number, from 1.
    pub(crate) name: String,
    /// The further lines of that comment, as one.
    pub(crate) comment: String,
    /// The text.
    pub(crate) text: String,
}

/// All audiences of a file, in order.
pub(crate) fn read(file: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    for piece in pieces(file) {
        let (comments, text) = split_lead(piece);
        if text.is_empty() {
            continue;
        }
        let number = statements.len() + 1;
        let mut lines = comments.into_iter().filter(|line| !line.is_empty());
        let name = lines.next().map_or_else(|| number.to_string(), str::to_owned);
        let comment = lines.collect::<Vec<_>>().join(" ");
        statements.push(Statement { name, comment, text: text.to_owned() });
    }
    statements
}

/// The text between the semicolons that separate.
fn pieces(file: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(rest) = file.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(';') {
            pieces.push(file.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        at += token_length(rest);
    }
    pieces.push(file.get(from..).unwrap_or_default());
    pieces
}

/// The length of what the text begins with: a comment, something in quotes, or one character. What
/// does not end reaches to the end of the text, and the engine will say so.
fn token_length(text: &str) -> usize {
    let until = |start: usize, end: &str| {
        let found = text.get(start..).and_then(|rest| rest.find(end));
        found.map_or(text.len(), |at| start + at + end.len())
    };
    match text.as_bytes() {
        [b'-', b'-', ..] => until(2, "\n"),
        [b'/', b'*', ..] => until(2, "*/"),
        // A doubled quote inside is the end of one token and the beginning of the next, which comes
        // to the same.
        [b'\'', ..] => until(1, "'"),
        [b'"', ..] => until(1, "\""),
        _ => text.chars().next().map_or(1, char::len_utf8),
    }
}

/// The lines of the last comment block before a statement, and the statement.
fn split_lead(piece: &str) -> (Vec<&str>, &str) {
    let mut comments = Vec::new();
    let mut rest = piece;
    loop {
        let text = rest.trim_start();
        let gap = rest.len() - text.len();
        let apart = rest.get(..gap).is_some_and(|space| space.matches('\n').count() > 1);
        if let Some(comment) = text.strip_prefix("--") {
            if apart {
                comments.clear();
            }
            comments.push(comment.lines().next().unwrap_or_default().trim());
            // The line end stays, so that an empty line after it is seen.
            let length = text.find('\n').unwrap_or(text.len());
            rest = text.get(length..).unwrap_or_default();
            continue;
        }
        if text.starts_with("/*") {
            rest = text.get(token_length(text)..).unwrap_or_default();
            continue;
        }
        return (comments, text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_texts(file: &str) -> Vec<(String, String)> {
        read(file).into_iter().map(|statement| (statement.name, statement.text)).collect()
    }

    #[test]
    fn semicolons_in_quotes_and_comments_separate_nothing() {
        let file = "-- a\np.x = 'it''s; -- no' -- c;\n;\n/* ; */ p.\"a;b\" = 1; -- tail";
        assert_eq!(
            names_and_texts(file),
            [
                ("a".to_owned(), "p.x = 'it''s; -- no' -- c;".to_owned()),
                ("2".to_owned(), "p.\"a;b\" = 1".to_owned())
            ]
        );
    }

    #[test]
    fn the_comment_right_before_names_a_statement() {
        let file = "-- about\n-- the file\n\n-- first\n-- What is\n-- it?\n\np.a = 1;\r\n\
                    -- second\r\np.b = 2;\n;;";
        let statements = read(file);
        assert_eq!(statements.len(), 2);
        assert_eq!(
            (statements[0].name.as_str(), statements[0].comment.as_str()),
            ("first", "What is it?")
        );
        assert_eq!(
            (statements[1].name.as_str(), statements[1].text.as_str()),
            ("second", "p.b = 2")
        );
    }

    #[test]
    fn what_does_not_end_is_kept() {
        assert_eq!(names_and_texts("p.a = 'x; y"), [("1".to_owned(), "p.a = 'x; y".to_owned())]);
        assert_eq!(read("  -- only\n/* comments"), []);
        assert_eq!(read(""), []);
        assert_eq!(names_and_texts("é;ü"), [("1".into(), "é".into()), ("2".into(), "ü".into())]);
    }
}
