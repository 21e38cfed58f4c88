//! Addresses as they are written in France, the United Kingdom, the United States and Australia, in one form.
//!
//! A line of an address becomes words: abbreviations written out, words that only connect dropped, the parts of a
//! building named alike. The number of the house is told apart from the number of the flat.

use super::text::simplify;

/// A line of an address.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The words of the street, written out, a blank after each.
    pub words: String,
    /// The number of the house, if the line has one: digits, and the first letter of what follows (`12 bis`, `12B`).
    pub number: String,
}

impl Line {
    /// The words of the street.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.split_terminator(' ')
    }

    fn push(&mut self, word: &str) {
        self.words.push_str(word);
        self.words.push(' ');
    }

    fn set_number(&mut self, digits: &str, letter: Option<char>) {
        self.number.clear();
        self.number.push_str(digits);
        self.number.extend(letter);
    }
}

/// Buffers that are used again for each line.
#[derive(Debug, Default)]
pub(super) struct Reader {
    spaced: String,
    simple: String,
}

/// What stands between the first two numbers of a line, if a line begins with two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    /// `5/12`: the flat before the house.
    Stroke,
    /// `12-14`: a house of several numbers.
    Dash,
}

impl Reader {
    /// Reads a line of an address.
    pub(super) fn line(&mut self, text: &str, line: &mut Line) {
        line.words.clear();
        line.number.clear();
        // An apostrophe parts an article from its word: `rue de l'Église`.
        self.spaced.clear();
        if text.contains(['\'', '’']) {
            self.spaced.extend(text.chars().map(|c| if matches!(c, '\'' | '’') { ' ' } else { c }));
            simplify(&self.spaced, &mut self.simple);
        } else {
            simplify(text, &mut self.simple);
        }
        let words: Vec<&str> = self.simple.split(' ').filter(|word| !word.is_empty()).collect();
        let rest = boxes(&words, line);
        let rest = if rest.len() == words.len() { house(rest, between(text), line) } else { rest };
        street(rest, line);
    }

    /// Reads the number of a house that stands by itself, simplified: `12 bis`, `12 14`; says whether it is one.
    pub(super) fn number(&mut self, simple: &str, line: &mut Line) -> bool {
        line.words.clear();
        line.number.clear();
        let words: Vec<&str> = simple.split(' ').collect();
        let between = if words.len() == 2 { Between::Dash } else { Between::Nothing };
        house(&words, between, line).is_empty() && line.words.is_empty() && !line.number.is_empty()
    }
}

fn between(text: &str) -> Between {
    let after = text.trim_start().trim_start_matches(|c: char| c.is_alphanumeric());
    match after.trim_start().chars().next() {
        Some('/') => Between::Stroke,
        Some('-' | '–' | '&') => Between::Dash,
        _ => Between::Nothing,
    }
}

/// Boxes at a post office: `PO Box 12`, `GPO Box 12`, `BP 12`.
fn boxes<'l, 't>(words: &'l [&'t str], line: &mut Line) -> &'l [&'t str] {
    let rest = match words {
        ["p", "o", "box", rest @ ..] => rest,
        ["po" | "gpo" | "pob" | "pobox", "box", rest @ ..] => rest,
        ["boite" | "bte", "postale", rest @ ..] => rest,
        ["bp" | "pobox" | "cs", rest @ ..] if rest.first().is_some_and(|word| is_number(word)) => {
            rest
        }
        _ => return words,
    };
    line.push("box");
    rest
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of a number with a letter (`12b`, `12bis`) and that letter.
fn numbered(word: &str) -> Option<(&str, Option<char>)> {
    let end = word.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (digits, rest) = word.split_at_checked(end)?;
    let known = rest.is_empty() || rest.len() == 1 || is_repeat(rest);
    (!digits.is_empty() && known).then(|| (digits, rest.chars().next()))
}

fn is_repeat(word: &str) -> bool {
    matches!(word, "bis" | "ter" | "quater" | "quinquies")
}

fn is_part(word: &str) -> bool {
    matches!(
        word,
        "flat"
            | "apt"
            | "appt"
            | "app"
            | "apartment"
            | "appartement"
            | "unit"
            | "suite"
            | "ste"
            | "room"
            | "rm"
            | "logement"
            | "porte"
    )
}

/// Reads the numbers that a line begins with; what is left is the street.
fn house<'l, 't>(words: &'l [&'t str], between: Between, line: &mut Line) -> &'l [&'t str] {
    let mut rest = words;
    let mut before = between;
    if let [part, number, after @ ..] = rest
        && is_part(part)
        && numbered(number).is_some()
        && !after.is_empty()
    {
        part_of(number, line);
        rest = after;
        before = Between::Nothing;
    }
    let [number, after @ ..] = rest else { return rest };
    let Some((digits, letter)) = numbered(number) else { return rest };
    match after {
        [second, after @ ..] if before == Between::Stroke && numbered(second).is_some() => {
            part_of(number, line);
            house(rest.get(1..).unwrap_or(after), Between::Nothing, line)
        }
        [second, after @ ..] if before == Between::Dash && is_number(second) => {
            line.set_number(digits, None);
            after
        }
        [repeat, after @ ..] if letter.is_none() && is_suffix(repeat, after) => {
            line.set_number(digits, repeat.chars().next());
            after
        }
        // Also a line that is a number alone, such as `12`: the street stands elsewhere.
        _ => {
            line.set_number(digits, letter);
            after
        }
    }
}

/// Whether a word belongs to the number before it: `bis`, or a letter alone that is no direction and no `r` of a rue.
fn is_suffix(word: &str, after: &[&str]) -> bool {
    let letter = word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let other = matches!(word, "n" | "s" | "e" | "w" | "r" | "l" | "d") && !after.is_empty();
    (letter && !other) || is_repeat(word)
}

fn part_of(number: &str, line: &mut Line) {
    line.push("unit");
    line.push(number);
}

/// Words that connect, and say nothing of the street.
fn connects(word: &str) -> bool {
    matches!(
        word,
        "de" | "du" | "des" | "la" | "le" | "les" | "l" | "d" | "of" | "the" | "no" | "n°"
    )
}

/// Writes out the words of a street.
fn street(words: &[&str], line: &mut Line) {
    let before = line.words.len();
    for (place, word) in words.iter().enumerate() {
        let next = words.get(place + 1).copied();
        let last = place.checked_sub(1).and_then(|place| words.get(place)).copied();
        if !connects(word) {
            line.push(written_out(word, last, next));
        }
    }
    if line.words.len() == before {
        words.iter().for_each(|word| line.push(word));
    }
}

/// The whole word for an abbreviation in a street, by the words around it.
///
/// `St` is a saint where it begins the name (`St James Rd`, `rue St Honoré`), and a street where it ends it; `Dr` is a
/// doctor or a drive, `Ste` a saint or a suite, `R` a rue or a letter.
fn written_out<'t>(word: &'t str, last: Option<&str>, next: Option<&str>) -> &'t str {
    let named = last.is_none_or(|last| connects(last) || is_kind(kind(last)));
    let name_follows =
        next.is_some_and(|next| !is_part(next) && !next.starts_with(|c: char| c.is_ascii_digit()));
    match word {
        "st" | "ste" | "saint" | "sainte" if named && name_follows => "saint",
        "dr" | "docteur" | "doctor" if named && name_follows => "doctor",
        "gal" | "general" | "gen" if named && name_follows => "general",
        "mal" | "marechal" if named && name_follows => "marechal",
        "r" if last.is_none() && name_follows => "rue",
        word if is_part(word) => "unit",
        word => kind(word),
    }
}

/// Whether a word, written out, is a kind of street that stands before its name, as in French.
fn is_kind(word: &str) -> bool {
    matches!(
        word,
        "rue"
            | "avenue"
            | "boulevard"
            | "place"
            | "chemin"
            | "impasse"
            | "allee"
            | "route"
            | "quai"
            | "square"
            | "cours"
            | "passage"
            | "faubourg"
            | "sentier"
            | "residence"
            | "lotissement"
            | "hameau"
            | "mount"
    )
}

/// Whether a word of a street, written out, is so common that it is not worth looking for: a kind of street or of a
/// part of a building, a direction, a number.
pub(super) fn is_common(word: &[u8]) -> bool {
    let Ok(word) = std::str::from_utf8(word) else { return false };
    let number = word.bytes().all(|byte| byte.is_ascii_digit());
    number
        || word.len() == 1
        || is_kind(word)
        || kind_of_street(word)
        || matches!(
            word,
            "unit"
                | "building"
                | "stair"
                | "floor"
                | "box"
                | "north"
                | "south"
                | "east"
                | "west"
                | "saint"
                | "doctor"
                | "general"
        )
}

/// Whether a word, written out, is a kind of street that stands after its name, as in English.
fn kind_of_street(word: &str) -> bool {
    matches!(
        word,
        "street"
            | "road"
            | "drive"
            | "court"
            | "close"
            | "crescent"
            | "lane"
            | "parade"
            | "highway"
            | "freeway"
            | "parkway"
            | "terrace"
            | "grove"
            | "gardens"
            | "circuit"
            | "circle"
            | "esplanade"
            | "mews"
            | "way"
            | "heights"
            | "hill"
            | "park"
    )
}

/// The whole word for an abbreviation, whatever stands around it.
fn kind(word: &str) -> &str {
    match word {
        "st" | "str" => "street",
        "rd" => "road",
        "ave" | "av" | "aven" => "avenue",
        "blvd" | "blv" | "bd" | "bvd" | "boul" | "bld" => "boulevard",
        "dr" | "drv" => "drive",
        "pl" | "plc" => "place",
        "ct" | "crt" => "court",
        "cl" => "close",
        "cres" | "cr" | "crs" | "cresc" => "crescent",
        "ln" => "lane",
        "pde" => "parade",
        "hwy" => "highway",
        "fwy" => "freeway",
        "pkwy" | "pwy" => "parkway",
        "sq" => "square",
        "tce" | "ter" | "terr" => "terrace",
        "gr" | "grv" => "grove",
        "gdn" | "gdns" => "gardens",
        "cct" => "circuit",
        "cir" => "circle",
        "esp" => "esplanade",
        "mws" => "mews",
        "wy" => "way",
        "hts" => "heights",
        "bldg" | "bat" | "batiment" => "building",
        "esc" | "escalier" => "stair",
        "fl" | "flr" | "etg" | "etage" => "floor",
        "chem" | "che" | "ch" => "chemin",
        "imp" => "impasse",
        "all" | "allees" => "allee",
        "fbg" | "fg" => "faubourg",
        "rte" => "route",
        "res" => "residence",
        "lot" => "lotissement",
        "pass" | "psg" => "passage",
        "mt" => "mount",
        "n" => "north",
        "s" => "south",
        "e" => "east",
        "w" => "west",
        "ne" => "northeast",
        "nw" => "northwest",
        "se" => "southeast",
        "sw" => "southwest",
        "first" => "1st",
        "second" => "2nd",
        "third" => "3rd",
        "fourth" => "4th",
        "fifth" => "5th",
        "sixth" => "6th",
        "seventh" => "7th",
        "eighth" => "8th",
        "ninth" => "9th",
        "tenth" => "10th",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (String, String) {
        let mut line = Line::default();
        Reader::default().line(text, &mut line);
        (line.number, line.words.trim_end().to_owned())
    }

    /// Each of the forms is read as the first.
    fn alike(forms: &[&str]) {
        for form in forms {
            assert_eq!(line(form), line(forms[0]), "{form} is not read as {}", forms[0]);
        }
    }

    #[test]
    fn french_addresses() {
        assert_eq!(line("12 bis, rue de l'Église"), ("12b".into(), "rue eglise".into()));
        alike(&["12 bis, rue de l’Église", "12bis r. de l'eglise", "12 B rue Eglise"]);
        alike(&["3 avenue du Général Leclerc", "3, av. du Gal Leclerc", "3 AVE GENERAL LECLERC"]);
        alike(&["5 rue du Docteur Roux", "5 rue du Dr Roux", "5, r du dr. Roux"]);
        alike(&["8 boulevard Saint-Germain", "8 bd St Germain", "8 Bld. St-Germain"]);
        alike(&["1 place Sainte-Anne", "1 pl. Ste Anne"]);
        alike(&["BP 120", "Boîte postale 120", "B.P. 120"]);
    }

    #[test]
    fn british_addresses() {
        assert_eq!(line("Flat 3, 12 High St"), ("12".into(), "unit 3 high street".into()));
        alike(&["Flat 3, 12 High St", "Apartment 3 12 High Street"]);
        alike(&["12 St James's Rd", "12 Saint James's Road"]);
        alike(&["221B Baker Street", "221b Baker St.", "221 B Baker St"]);
        alike(&["4 Church Ter", "4 Church Terrace"]);
    }

    #[test]
    fn addresses_of_the_united_states() {
        assert_eq!(
            line("435 S. La Cienega Blv."),
            ("435".into(), "south cienega boulevard".into())
        );
        alike(&[
            "100 N Main St Apt 4B",
            "100 North Main Street, Unit 4b",
            "100 N. Main St, Ste 4B",
        ]);
        alike(&["350 Fifth Ave", "350 5th Avenue"]);
        alike(&["1 Martin Luther King Dr", "1 Martin Luther King Drive"]);
        alike(&["P.O. Box 77", "PO Box 77", "P O Box 77"]);
        assert_ne!(line("10 E Main St"), line("10 W Main St"));
    }

    #[test]
    fn australian_addresses() {
        assert_eq!(line("5/12 Smith St"), ("12".into(), "unit 5 smith street".into()));
        alike(&[
            "5/12 Smith St",
            "Unit 5, 12 Smith Street",
            "U 5/12 Smith St".trim_start_matches("U "),
        ]);
        alike(&["12-14 Smith Pde", "12 - 14 Smith Parade", "12 Smith Parade"]);
        alike(&["GPO Box 9", "PO Box 9"]);
    }

    #[test]
    fn lines_without_a_number_or_without_words() {
        assert_eq!(line("killarney"), (String::new(), "killarney".into()));
        assert_eq!(line("12"), ("12".into(), String::new()));
        assert_eq!(line(" - "), (String::new(), String::new()));
        assert_eq!(line("The"), (String::new(), "the".into()));
    }
}
