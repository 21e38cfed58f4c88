//! LIKE, by its definition.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Is(char),
}

/// One lower-case character for one character; where there would be several, the character stays.
fn folded(character: char, any_case: bool) -> char {
    let lowered: Vec<char> = character.to_lowercase().collect();
    if any_case && lowered.len() == 1 { lowered[0] } else { character }
}

pub fn like(text: &str, pattern: &str, escape: Option<char>, any_case: bool) -> bool {
    let mut tokens = Vec::new();
    let mut literally = false;
    for character in pattern.chars() {
        if literally {
            tokens.push(Token::Is(folded(character, any_case)));
            literally = false;
        } else if Some(character) == escape {
            literally = true;
        } else {
            tokens.push(match character {
                '%' => Token::Any,
                '_' => Token::One,
                other => Token::Is(folded(other, any_case)),
            });
        }
    }
    assert!(!literally, "no pattern ends with its escape");
    let text: Vec<char> = text.chars().map(|c| folded(c, any_case)).collect();
    fits(&text, &tokens)
}

fn fits(text: &[char], pattern: &[Token]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Token::Any, rest)) => (0..=text.len()).any(|n| fits(&text[n..], rest)),
        Some((Token::One, rest)) => !text.is_empty() && fits(&text[1..], rest),
        Some((Token::Is(c), rest)) => text.first() == Some(c) && fits(&text[1..], rest),
    }
}

#[test]
fn like_is_right() {
    assert!(like("100%", "100!%", Some('!'), false) && !like("1000", "100!%", Some('!'), false));
    assert!(like("ÉCOLE", "éc_l%", None, true) && !like("ÉCOLE", "éc%", None, false));
    assert!(like("", "%", None, false) && !like("", "_", None, false));
}
