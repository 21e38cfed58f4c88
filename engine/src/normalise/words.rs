//! Names, postal addresses, and numbers that states give.
//!
//! *Invariants:* these forms are for equality alone; how like two names are is asked elsewhere. *What it does not
//! know:* the parts of a name or an address.

use super::clean::{digit, is_hidden, narrow};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words in lower case with one blank between them. Accents of Latin letters, apostrophes, points and the kind of
/// dash do not count: `O’Brien-Müller, J.` is `obrien muller j`.
pub fn name(text: &str) -> String {
    words(text).join(" ")
}

/// As names are, with what streets and flats are called in one short form, French and English.
pub fn address(text: &str) -> String {
    let words = words(text);
    words
        .iter()
        .map(|word| short(word))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Letters and digits alone, in capitals: `1 85 05 78 006 084 36`, `qq 12-34-56 c`.
pub fn national_id(text: &str) -> String {
    let kept = text.nfkc().map(|c| digit(c).unwrap_or(c)).filter(|c| c.is_alphanumeric());
    kept.collect::<String>().to_uppercase().nfkc().filter(|c| c.is_alphanumeric()).collect()
}

/// Digits alone; nothing when there are letters, or no digit.
pub fn digits(text: &str) -> Option<String> {
    if text.chars().any(char::is_alphabetic) {
        return None;
    }
    let digits: String = text.chars().filter_map(digit).collect();
    (!digits.is_empty()).then_some(digits)
}

fn words(text: &str) -> Vec<String> {
    let mut plain = String::with_capacity(text.len());
    let mut after_latin = false;
    let lower: String = text.chars().filter(|c| !is_hidden(*c)).map(narrow).collect();
    for c in lower.to_lowercase().nfkd() {
        let before = plain.len();
        match c {
            '\'' | '\u{2018}' | '\u{2019}' | '\u{2bc}' | '`' | '\u{b4}' | '.' => {}
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' | 'ð' => plain.push('d'),
            'þ' => plain.push_str("th"),
            'ı' => plain.push('i'),
            c if is_combining_mark(c) => {
                if !after_latin {
                    plain.push(c);
                }
                continue;
            }
            c if c.is_alphanumeric() => plain.push(digit(c).unwrap_or(c)),
            _ => plain.push(' '),
        }
        after_latin = plain.get(before..).is_some_and(|new| new.is_ascii() && new != " ");
    }
    let composed: String = plain.nfc().collect();
    composed.split_whitespace().map(str::to_owned).collect()
}

/// The short form of what streets and flats are called; nothing for what says nothing.
fn short(word: &str) -> &str {
    match word {
        "street" | "saint" | "sainte" | "ste" => "st",
        "road" => "rd",
        "avenue" | "av" => "ave",
        "boulevard" | "boul" | "bvd" | "bd" => "blvd",
        "lane" => "ln",
        "drive" => "dr",
        "court" => "ct",
        "crescent" | "cres" => "cr",
        "place" => "pl",
        "square" => "sq",
        "highway" => "hwy",
        "parkway" => "pkwy",
        "terrace" | "tce" => "ter",
        "close" => "cl",
        "gardens" => "gdns",
        "circuit" | "cct" => "cir",
        "circle" => "cir",
        "parade" => "pde",
        "esplanade" => "esp",
        "chemin" | "che" => "ch",
        "allee" | "allees" => "all",
        "impasse" => "imp",
        "route" => "rte",
        "faubourg" => "fbg",
        "quai" => "q",
        "residence" => "res",
        "batiment" | "bat" | "building" | "bldg" => "bt",
        "apartment" | "appartement" | "appt" | "app" | "flat" | "unit" => "apt",
        "etage" | "floor" => "fl",
        "suite" => "su",
        "north" | "nord" => "n",
        "south" | "sud" => "s",
        "east" | "est" => "e",
        "west" | "ouest" => "w",
        "no" | "nr" | "number" | "numero" => "",
        other => other,
    }
}
