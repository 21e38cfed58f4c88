//! Inline requests, the form that people type: words, with quotes where a word has spaces.
//!
//! `"..."` knows `\n \r \t \b \a \\ \" \xHH`; `'...'` knows `\'` alone. A closing quote ends the
//! word. *Invariant:* the result is never longer than the line. *Where to start reading:*
//! `split_inline`.

/// The words of a line, or nothing when its quotes do not match.
pub(super) fn split_inline(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let skip = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = rest.get(skip..).unwrap_or_default();
        if rest.is_empty() {
            return Some(words);
        }
        words.push(take_word(&mut rest)?);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0)
}

fn take_word(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        if is_space(byte) {
            break;
        }
        *rest = after;
        match byte {
            b'"' => {
                take_double_quoted(rest, &mut word)?;
                return ends_word(rest).then_some(word);
            }
            b'\'' => {
                take_single_quoted(rest, &mut word)?;
                return ends_word(rest).then_some(word);
            }
            other => word.push(other),
        }
    }
    Some(word)
}

fn ends_word(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| is_space(*byte))
}

fn take_double_quoted(rest: &mut &[u8], word: &mut Vec<u8>) -> Option<()> {
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        match byte {
            b'"' => return Some(()),
            b'\\' => word.push(take_escape(rest)?),
            other => word.push(other),
        }
    }
}

fn take_escape(rest: &mut &[u8]) -> Option<u8> {
    if let [b'x', high, low, after @ ..] = *rest
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        *rest = after;
        return Some(high * 16 + low);
    }
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    })
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn take_single_quoted(rest: &mut &[u8], word: &mut Vec<u8>) -> Option<()> {
    loop {
        if let [b'\\', b'\'', after @ ..] = *rest {
            word.push(b'\'');
            *rest = after;
            continue;
        }
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if byte == b'\'' {
            return Some(());
        }
        word.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_inline(line.as_bytes())?;
        Some(words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
    }

    #[test]
    fn words_split_at_spaces_outside_quotes() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("PING", &["PING"]),
            ("  echo   hi  ", &["echo", "hi"]),
            (r#"ECHO "a b" 'c "d'"#, &["ECHO", "a b", "c \"d"]),
            (r#"ECHO "\x41\n\"\\" ''"#, &["ECHO", "A\n\"\\", ""]),
            (r"ECHO 'it\'s' a'b'", &["ECHO", "it's", "ab"]),
            (r#"ECHO "\xZZ""#, &["ECHO", "xZZ"]),
        ];
        for (line, wanted) in cases {
            assert_eq!(words(line).unwrap(), *wanted, "{line}");
        }
    }

    #[test]
    fn quotes_must_match() {
        for line in
            ["ECHO \"a", "ECHO 'a", "ECHO \"a\"b", "ECHO 'a'b", "ECHO \"a\\", "\"", "ECHO \"\\"]
        {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
