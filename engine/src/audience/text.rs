//! LIKE: `%` stands for any text, `_` for one character, and an escape takes away what they mean.

/// Whether a text is like a pattern. Without an escape character no character is one. The way back is always to the
/// last `%`, so the cost is at most the product of both lengths, and the stack does not grow.
pub fn like(text: &str, pattern: &str, escape: Option<char>, any_case: bool) -> bool {
    let pattern = compile(pattern, escape, any_case);
    let text: Vec<char> =
        if any_case { text.chars().map(lower).collect() } else { text.chars().collect() };
    let (mut at, mut step) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < text.len() || step < pattern.len() {
        let fits = match (pattern.get(step), text.get(at)) {
            (Some(Token::Any), _) => {
                back = Some((step, at));
                step += 1;
                continue;
            }
            (Some(Token::One), Some(_)) => true,
            (Some(Token::Is(wanted)), Some(found)) => wanted == found,
            _ => false,
        };
        if fits {
            at += 1;
            step += 1;
        } else if let Some((any, from)) = back.filter(|(_, from)| *from < text.len()) {
            back = Some((any, from + 1));
            at = from + 1;
            step = any + 1;
        } else {
            return false;
        }
    }
    true
}

/// Why a pattern means nothing.
pub const ENDS_IN_ESCAPE: &str = "a pattern must not end with its escape character";

/// Whether a pattern ends with its escape, which then stands before nothing.
pub fn ends_in_escape(pattern: &str, escape: Option<char>) -> bool {
    let mut characters = pattern.chars();
    let mut last = false;
    while let Some(character) = characters.next() {
        last = Some(character) == escape && characters.next().is_none();
    }
    last
}

enum Token {
    Any,
    One,
    Is(char),
}

/// One lower-case character for one character: where there are several, the first.
fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn compile(pattern: &str, escape: Option<char>, any_case: bool) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = |c: char| Token::Is(if any_case { lower(c) } else { c });
        tokens.push(match character {
            c if Some(c) == escape => literal(characters.next().unwrap_or(c)),
            '%' => Token::Any,
            '_' => Token::One,
            c => literal(c),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition itself, by recursion.
    fn stupid(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|n| stupid(&text[n..], rest)),
            Some(('_', rest)) => !text.is_empty() && stupid(&text[1..], rest),
            Some((c, rest)) => text.first() == Some(c) && stupid(&text[1..], rest),
        }
    }

    #[test]
    fn like_is_what_its_definition_says() {
        let mut state = 3_u64;
        let mut next = |n: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for _ in 0..20_000 {
            let text: Vec<char> = (0..next(7)).map(|_| ['a', 'b', 'é'][next(3)]).collect();
            let pattern: Vec<char> =
                (0..next(6)).map(|_| ['a', 'b', 'é', '%', '_'][next(5)]).collect();
            let (t, p): (String, String) = (text.iter().collect(), pattern.iter().collect());
            assert_eq!(like(&t, &p, None, false), stupid(&text, &pattern), "{t} LIKE {p}");
        }
        assert!(
            like("100%", "100!%", Some('!'), false) && !like("1000", "100!%", Some('!'), false)
        );
        assert!(like("ÉCOLE", "éc%", None, true) && !like("ÉCOLE", "éc%", None, false));
        assert!(like("a\\b", "a\\b", None, false));
        assert!(like("İ", "i", None, true) && like("i", "İ", None, true));
        for (pattern, ends) in
            [("a!", true), ("a!!", false), ("!", true), ("!!!", true), ("", false)]
        {
            assert_eq!(ends_in_escape(pattern, Some('!')), ends, "{pattern}");
            assert!(!ends_in_escape(pattern, None), "{pattern}");
        }
    }
}
