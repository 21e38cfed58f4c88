//! Values that are compared whole: telephones, e-mail addresses, days of birth, genders.

use super::text::simplified;

/// Digits of a telephone number that are compared, from its end: what comes before is how to dial it from elsewhere.
const PHONE_DIGITS: usize = 9;

/// A telephone number: its last digits, however it is written (`+33 6 12 34 56 78`, `06.12.34.56.78`).
pub(super) fn phone(text: &str) -> Option<String> {
    // What follows a letter, a semicolon or a cross is an extension.
    let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = number.find(|c: char| c.is_alphabetic() || matches!(c, ';' | '#'));
    let number = number.get(..end.unwrap_or(number.len())).unwrap_or(number);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let national = digits.trim_start_matches('0');
    if national.len() < 4
        || national.bytes().all(|digit| Some(&digit) == national.as_bytes().first())
    {
        return None;
    }
    national.get(national.len().saturating_sub(PHONE_DIGITS)..).map(str::to_owned)
}

/// An e-mail address without case and without what follows a plus sign; at Google's hosts without dots too, which it
/// passes over.
pub(super) fn email(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let (local, host) = lower.split_once('@')?;
    let local = local.split('+').next().filter(|local| !local.is_empty())?;
    Some(match host {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        host => format!("{local}@{host}"),
    })
}

/// A gender, from its simplified text: `m`, `f`, or the first letter.
pub(super) fn gender(simple: &str) -> &str {
    told_gender(simple).unwrap_or_else(|| {
        let letter = simple.chars().next().map_or(0, char::len_utf8);
        simple.get(..letter).unwrap_or(simple)
    })
}

/// The gender that a word or form of address tells, in English or French.
pub(super) fn told_gender(simple: &str) -> Option<&'static str> {
    match simple {
        "m" | "male" | "man" | "h" | "homme" | "mr" | "monsieur" | "mister" => Some("m"),
        "f" | "female" | "w" | "woman" | "femme" | "mme" | "mlle" | "madame" | "mademoiselle"
        | "mrs" | "ms" | "miss" => Some("f"),
        _ => None,
    }
}

/// In which order a field writes days whose year stands last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DayOrder {
    /// `31/01/1999`, as in Europe and Australia.
    #[default]
    DayFirst,
    /// `01/31/1999`, as in the United States.
    MonthFirst,
}

/// Years of two digits above this are of the century before: days of birth lie in the past.
const YEAR_PIVOT: u32 = 25;

/// A day as eight digits, year first, or the letters and digits of a text that is none.
pub(super) fn day(text: &str, order: DayOrder) -> Option<String> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    let simple = simplified(text);
    let joined: String = simple.split(' ').collect();
    if joined.is_empty() {
        return None;
    }
    let parts: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    Some(match day_of_parts(&parts, order) {
        Some((year, month, day)) => format!("{year:04}{month:02}{day:02}"),
        None => joined,
    })
}

fn day_of_parts(parts: &[&str], order: DayOrder) -> Option<(u32, u32, u32)> {
    let number = |part: &str| {
        let digits = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if digits.len() <= 4 { digits.parse::<u32>().ok() } else { None }
    };
    let year = |part: &str| match (part.len(), number(part)?) {
        (4, year) => Some(year),
        (2, short) => Some(if short > YEAR_PIVOT { 1900 + short } else { 2000 + short }),
        _ => None,
    };
    // A time after the day, as in `1999-01-31T00:00:00` or `1999-01-31 00:00`, tells nothing.
    if let [first, second, third, ..] = parts
        && first.len() == 4
        && let (Some(year), Some(month)) = (number(first), number(second).or_else(|| month(second)))
    {
        let day = third.get(..2).filter(|_| third.contains(['T', 't'])).unwrap_or(third);
        return checked(year, month, number(day)?, DayOrder::MonthFirst);
    }
    let [first, second, third, ..] = parts else { return None };
    let year = year(third)?;
    match (month(first), month(second)) {
        (Some(month), _) => checked(year, month, number(second)?, DayOrder::MonthFirst),
        (_, Some(month)) => checked(year, month, number(first)?, DayOrder::MonthFirst),
        _ => checked(year, number(first)?, number(second)?, order),
    }
}

/// Year, month and day from the two numbers beside the year; in the other order where only that is a day.
fn checked(year: u32, first: u32, second: u32, order: DayOrder) -> Option<(u32, u32, u32)> {
    let (month, day) = match order {
        DayOrder::MonthFirst => (first, second),
        DayOrder::DayFirst => (second, first),
    };
    let (month, day) = if month > 12 && day <= 12 { (day, month) } else { (month, day) };
    (month <= 12 && day <= 31).then_some((year, month, day))
}

/// The month that an English or French word names, by its beginning.
fn month(word: &str) -> Option<u32> {
    let simple = simplified(word);
    if simple.len() < 3 || simple.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let begins = |beginnings: &[&str]| beginnings.iter().any(|text| simple.starts_with(text));
    let months: [&[&str]; 12] = [
        &["jan"],
        &["feb", "fev"],
        &["mar"],
        &["apr", "avr"],
        &["may", "mai"],
        &["jun", "juin"],
        &["jul", "juil"],
        &["aug", "aou"],
        &["sep"],
        &["oct"],
        &["nov"],
        &["dec"],
    ];
    (1..).zip(months).find(|(_, beginnings)| begins(beginnings)).map(|(month, _)| month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephones() {
        for text in ["+33 6 12 34 56 78", "0033612345678", "06.12.34.56.78", "06 12 34 56 78"] {
            assert_eq!(phone(text).as_deref(), Some("612345678"), "{text}");
        }
        assert_eq!(phone("(310) 246-1501"), phone("+1 310/246-1501"));
        assert_eq!(phone("+44 7911 123456"), phone("07911 123 456"));
        assert_eq!(phone("tel: +16502530000;ext=12"), phone("650-253-0000 x12"));
        assert_eq!(phone("+16502530000;ext=12"), phone("650 253 0000"));
        assert_eq!(phone("+61 2 9374 4000"), phone("(02) 9374 4000"));
        for text in ["", "12", "0000000000", "999 999 999", "none"] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_of_mail() {
        assert_eq!(email(" Ann.Lee+shop@Gmail.com "), email("annlee@googlemail.com"));
        assert_ne!(email("ann.lee@example.org"), email("annlee@example.org"));
        assert_eq!(email("nobody"), None);
        assert_eq!(email("+x@example.org"), None);
    }

    #[test]
    fn genders() {
        assert_eq!((gender("homme"), gender("mr"), gender("male")), ("m", "m", "m"));
        assert_eq!((gender("femme"), gender("mme"), gender("female")), ("f", "f", "f"));
        assert_eq!(gender("élan"), "é");
    }

    #[test]
    fn days_in_all_forms_are_one() {
        for text in [
            "1999-01-31",
            "19990131",
            "31/01/1999",
            "31.1.1999",
            "31-01-99",
            "1999-01-31T00:00:00Z",
            "1999-01-31 12:30",
            "31 janvier 1999",
            "31 Jan 1999",
            "Jan 31, 1999",
            "January 31st, 1999",
        ] {
            assert_eq!(day(text, DayOrder::DayFirst).as_deref(), Some("19990131"), "{text}");
        }
        assert_eq!(day("02/03/2001", DayOrder::DayFirst).as_deref(), Some("20010302"));
        assert_eq!(day("02/03/2001", DayOrder::MonthFirst).as_deref(), Some("20010203"));
        // Only one of the two orders is a day.
        assert_eq!(day("01/31/1999", DayOrder::DayFirst).as_deref(), Some("19990131"));
        assert_eq!(day("about 1850", DayOrder::DayFirst).as_deref(), Some("about1850"));
        assert_eq!(day(" - ", DayOrder::DayFirst), None);
    }
}
