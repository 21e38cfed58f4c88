//! Texts in the form that is compared: letters without case and accents, words, and how a word sounds.

use std::hash::Hasher;

/// The letters without accents that a letter is written with in plain ASCII.
fn plain(letter: char) -> &'static str {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'æ' => "ae",
        'œ' => "oe",
        'ß' => "ss",
        'þ' => "th",
        _ => "",
    }
}

/// A text without case and accents, put in the place of what `simple` held: words parted by single blanks. Full stops
/// and apostrophes inside words are dropped (`O'Neil`, `U.S.`), everything else that is neither letter nor digit parts
/// words.
pub(super) fn simplify(text: &str, simple: &mut String) {
    simple.clear();
    for letter in text.chars() {
        if letter.is_ascii() {
            simplify_letter(letter.to_ascii_lowercase(), simple);
        } else {
            letter.to_lowercase().for_each(|letter| simplify_letter(letter, simple));
        }
    }
    simple.truncate(simple.trim_end().len());
}

fn simplify_letter(letter: char, simple: &mut String) {
    if letter.is_ascii_alphanumeric() {
        simple.push(letter);
    } else if letter.is_alphanumeric() {
        match plain(letter) {
            "" => simple.push(letter),
            letters => simple.push_str(letters),
        }
    } else if !matches!(letter, '\'' | '’' | '.' | '\u{300}'..='\u{36f}')
        && !simple.is_empty()
        && !simple.ends_with(' ')
    {
        simple.push(' ');
    }
}

/// A text without case and accents, as [`simplify`] makes it.
pub(super) fn simplified(text: &str) -> String {
    let mut simple = String::with_capacity(text.len());
    simplify(text, &mut simple);
    simple
}

/// How a word sounds: the class of its first sound and up to three classes of consonants, after Russell's Soundex of
/// 1918. The letters a word begins with are read as they are spoken, in English and in French: `ph` as `f`, `kn` as
/// `n`, `c`, `q` and `k` as one, `y` as `i`, and no `h`.
pub(super) fn sound(word: &[u8]) -> [u8; 4] {
    let class = |letter: u8| match letter {
        b'b' | b'f' | b'p' | b'v' => b'1',
        b'c' | b'g' | b'j' | b'k' | b'q' | b's' | b'x' | b'z' => b'2',
        b'd' | b't' => b'3',
        b'l' => b'4',
        b'm' | b'n' => b'5',
        b'r' => b'6',
        _ => b'0',
    };
    let mut code = [b'0'; 4];
    if word.first().is_some_and(|byte| !byte.is_ascii()) {
        // Of other scripts the classes of consonants are not known: the letters that the word begins with.
        code.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
        return code;
    }
    let (first, rest) = match word {
        [b'p', b'h', rest @ ..] => (b'f', rest),
        [b'k' | b'g' | b'p', b'n', rest @ ..] => (b'n', rest),
        [b'w', b'r', rest @ ..] => (b'r', rest),
        [b'h', first @ (b'a' | b'e' | b'i' | b'o' | b'u' | b'y'), rest @ ..] => (*first, rest),
        [b'c', rest @ ..] if matches!(rest.first(), Some(b'e' | b'i' | b'y')) => (b's', rest),
        [first, rest @ ..] => (*first, rest),
        [] => return code,
    };
    let mut before = class(first);
    let mut slots = code.iter_mut();
    if let Some(slot) = slots.next() {
        *slot = match first {
            b'c' | b'q' => b'k',
            b'y' => b'i',
            b'z' => b's',
            other => other,
        };
    }
    for letter in rest {
        let now = class(*letter);
        if now != b'0' && now != before {
            match slots.next() {
                Some(slot) => *slot = now,
                None => break,
            }
        }
        before = now;
    }
    code
}

/// A number for bytes, the same on every machine and in every version: saved models and indexes hold it.
pub(super) fn digest(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        state = mix(state ^ u64::from_le_bytes(word));
    }
    mix(state ^ bytes.len() as u64)
}

/// Spreads the bits of a number (the finaliser of MurmurHash3, Appleby 2011).
pub(super) fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Hashes numbers, for maps that are never gone through.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(digest(0, bytes));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_simplified() {
        for (text, simple) in [
            ("  José-María O'Neil ", "jose maria oneil"),
            ("J. R. R. Tolkien", "j r r tolkien"),
            ("Ærøskøbing, 日本", "aeroskobing 日本"),
            ("e\u{301}tienne", "etienne"),
            ("--", ""),
        ] {
            assert_eq!(simplified(text), simple);
        }
    }

    #[test]
    fn words_that_sound_alike_are_alike() {
        assert_eq!(sound(b"robert"), *b"r163");
        assert_eq!(sound(b"lee"), *b"l000");
        assert_eq!(sound(b""), *b"0000");
        for (one, other) in [
            ("robert", "rupert"),
            ("philippe", "filip"),
            ("knight", "night"),
            ("wright", "right"),
            ("helene", "elaine"),
            ("catherine", "katrin"),
            ("cecile", "sesile"),
            ("gauthier", "gautier"),
            ("yvonne", "ivon"),
        ] {
            assert_eq!(sound(one.as_bytes()), sound(other.as_bytes()), "{one} {other}");
        }
        assert_ne!(sound("иван".as_bytes()), sound("пётр".as_bytes()));
        assert_ne!(sound(b"martin"), sound(b"mercier"));
        assert_ne!(sound(b"paul"), sound(b"philippe"));
    }
}
