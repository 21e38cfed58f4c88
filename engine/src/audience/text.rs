//! LIKE: `%` stands for any text, `_` for one character, and an escape takes away what they mean.

use std::str::Chars;

/// A pattern that texts are held against.
#[derive(Debug)]
pub struct Pattern {
    tokens: Vec<Token>,
    any_case: bool,
    form: Form,
}

/// Forms of patterns that are found without a look at single characters.
#[derive(Debug)]
enum Form {
    /// One text.
    Whole(String),
    /// What a text begins and what it ends with.
    Ends(String, String),
    /// What stands anywhere in it.
    Within(String),
    Other,
}

impl Pattern {
    /// Reads a pattern. Without an escape character no character is one.
    pub fn new(pattern: &str, escape: Option<char>, any_case: bool) -> Pattern {
        let tokens = compile(pattern, escape, any_case);
        let form = if any_case { Form::Other } else { Form::of(&tokens) };
        Pattern { tokens, any_case, form }
    }

    /// Whether a text is like it.
    pub fn fits(&self, text: &str) -> bool {
        match &self.form {
            Form::Whole(whole) => text == whole,
            Form::Ends(first, last) => {
                // Most texts differ in their last byte, which takes no call to see.
                (last.is_empty() || text.as_bytes().last() == last.as_bytes().last())
                    && text
                        .strip_prefix(first.as_str())
                        .is_some_and(|rest| rest.ends_with(last.as_str()))
            }
            Form::Within(part) => text.contains(part.as_str()),
            Form::Other => self.fits_by_character(text),
        }
    }

    /// The way back is always to the last `%`, so the cost is at most the product of both lengths, and the stack does
    /// not grow.
    fn fits_by_character(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut step = 0;
        let mut back: Option<(usize, Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            let (token, found) = (self.tokens.get(step), rest.next());
            let fits = match (token, found) {
                (None, None) => return true,
                (Some(Token::Any), _) => {
                    rest = before;
                    step += 1;
                    back = Some((step, rest.clone()));
                    continue;
                }
                (Some(Token::One), Some(_)) => true,
                (Some(Token::Is(wanted)), Some(found)) => {
                    *wanted == if self.any_case { lower(found) } else { found }
                }
                _ => false,
            };
            if fits {
                step += 1;
                continue;
            }
            let Some((behind, from)) = &mut back else { return false };
            if from.next().is_none() {
                return false;
            }
            (step, rest) = (*behind, from.clone());
        }
    }
}

impl Form {
    fn of(tokens: &[Token]) -> Form {
        let mut parts = vec![String::new()];
        for token in tokens {
            match (token, parts.last_mut()) {
                (Token::Is(character), Some(part)) => part.push(*character),
                (Token::Any, _) => parts.push(String::new()),
                _ => return Form::Other,
            }
        }
        match parts.as_mut_slice() {
            [whole] => Form::Whole(std::mem::take(whole)),
            [first, last] => Form::Ends(std::mem::take(first), std::mem::take(last)),
            [first, part, last] if first.is_empty() && last.is_empty() => {
                Form::Within(std::mem::take(part))
            }
            _ => Form::Other,
        }
    }
}

/// Whether a text is like a pattern that is asked about once, which is worth no form.
pub fn like(text: &str, pattern: &str, escape: Option<char>, any_case: bool) -> bool {
    let tokens = compile(pattern, escape, any_case);
    Pattern { tokens, any_case, form: Form::Other }.fits_by_character(text)
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

#[derive(Debug)]
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
            let is_like = stupid(&text, &pattern);
            assert_eq!(like(&t, &p, None, false), is_like, "{t} LIKE {p}");
            assert_eq!(Pattern::new(&p, None, false).fits(&t), is_like, "{t} LIKE {p}");
            // Small letters alone, so that case makes no difference.
            assert_eq!(Pattern::new(&p, None, true).fits(&t), is_like, "{t} ILIKE {p}");
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
