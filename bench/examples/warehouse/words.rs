//! The words of the two files: countries, cities of syllables, plans, tags, categories.

use nave_bench::million::Rng;

pub const COUNTRIES: [&str; 20] = [
    "DE", "FR", "GB", "IT", "ES", "NL", "PL", "BE", "AT", "CH", "SE", "DK", "NO", "FI", "PT", "IE",
    "CZ", "HU", "RO", "GR",
];
pub const PLANS: [&str; 4] = ["free", "basic", "pro", "team"];
pub const LANGUAGES: [&str; 8] = ["de", "fr", "en", "it", "es", "nl", "pl", "sv"];
pub const TAGS: [&str; 32] = [
    "news", "sale", "vip", "garden", "sport", "travel", "books", "music", "games", "food", "wine",
    "coffee", "fashion", "shoes", "kids", "pets", "home", "tools", "cars", "bikes", "photo",
    "audio", "art", "yoga", "hiking", "fishing", "sailing", "chess", "opera", "stamps", "bees",
    "owls",
];
pub const CATEGORIES: [&str; 24] = [
    "books", "shoes", "kitchen", "garden", "toys", "phones", "shirts", "coats", "lamps", "chairs",
    "tables", "beds", "bikes", "tents", "audio", "video", "paper", "paint", "tools", "pets",
    "wine", "tea", "maps", "clocks",
];

const HEADS: [&str; 25] = [
    "Al", "Bor", "Cal", "Dor", "El", "Far", "Gal", "Hol", "Is", "Jor", "Kar", "Lin", "Mar", "Nor",
    "Ol", "Per", "Qui", "Ros", "San", "Tor", "Ul", "Var", "Wes", "Yor", "Zel",
];
const MIDDLES: [&str; 25] = [
    "a", "an", "ar", "e", "el", "en", "er", "i", "in", "ing", "o", "ol", "on", "or", "u", "um",
    "un", "ach", "eck", "ick", "och", "amo", "eri", "ova", "uli",
];
const ENDS: [&str; 20] = [
    "burg", "dorf", "ville", "ton", "stad", "by", "heim", "ford", "furt", "mont", "nes", "vik",
    "grad", "polis", "mouth", "wick", "haven", "feld", "bridge", "minster",
];
const BESIDE: [&str; 4] = ["", " Nova", " Alta", " upon Lea"];

/// Cities of a country.
const CITIES: u64 = 2_500;

/// One of several words, the first ones more often.
pub fn skewed_word(rng: &mut Rng, from: &[&'static str], power: f64) -> &'static str {
    from.get(rng.skewed(from.len() as u64, power) as usize).copied().unwrap_or_default()
}

/// A city of a country that is given by its number: few live in most of them. There are 50,000 in all.
pub fn city(rng: &mut Rng, country: u64) -> String {
    let number = rng.skewed(CITIES, 3.0) * COUNTRIES.len() as u64 + country;
    // Neighbours in rank have nothing in common in their names.
    let mut left = number * 7_919 % (CITIES * COUNTRIES.len() as u64);
    let mut of = |words: &[&'static str]| {
        let count = words.len() as u64;
        let word = words.get((left % count) as usize).copied().unwrap_or_default();
        left /= count;
        word
    };
    let (head, middle, end, beside) = (of(&HEADS), of(&MIDDLES), of(&ENDS), of(&BESIDE));
    format!("{head}{middle}{end}{beside}")
}
