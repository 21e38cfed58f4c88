//! Where in a text an error is, for people: `at character 25, near "purchas e WHERE"`.
//!
//! *Invariant:* the result is one line. *Where to start reading:* `in_words`.

/// How much of the text is shown from the place on.
const NEAR_CHARS: usize = 24;

/// A byte of a text as its character, counted from 1, and what stands there.
pub(crate) fn in_words(text: &str, place: usize) -> String {
    let place = text.floor_char_boundary(place.min(text.len()));
    let (before, after) = text.split_at(place);
    let character = before.chars().count() + 1;
    let shown = after.chars().take(NEAR_CHARS).map(|c| if c.is_control() { ' ' } else { c });
    match shown.collect::<String>().trim() {
        "" => format!("at character {character}, at the end"),
        near => format!("at character {character}, near \"{near}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_place_is_a_character_and_what_stands_there() {
        let text = "p.é = 1\n AND p.contry = 'FR' OR p.city = 'Lyon'";
        for (place, wanted) in [
            (0, "at character 1, near \"p.é = 1  AND p.contry =\""),
            (5, "at character 5, near \"= 1  AND p.contry = 'FR'\""),
            (3, "at character 3, near \"é = 1  AND p.contry = 'F\""),
            (42, "at character 42, near \"'Lyon'\""),
            (48, "at character 48, at the end"),
            (999, "at character 48, at the end"),
        ] {
            assert_eq!(in_words(text, place), wanted, "{place}");
        }
        assert_eq!(in_words("", 0), "at character 1, at the end");
    }
}
