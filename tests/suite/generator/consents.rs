//! Random consents, and questions for them.

use super::values::text;
use crate::ast::Predicate;
use crate::oracle::{CONSENT, Said};
use crate::rng::Rng;
use serde_json::{Map, Value as Json, json};

const CHANNELS: [&str; 4] = ["email", "sms", "email", "*"];
const PURPOSES: [&str; 4] = ["marketing", "studies", "marketing", "*"];
const TOPICS: [&str; 2] = ["news", "été"];
/// How a state is said, and which one it is.
const STATES: [(&str, &str); 10] = [
    ("granted", "granted"),
    ("Granted ", "granted"),
    ("yes", "granted"),
    ("true", "granted"),
    ("opt-in", "granted"),
    ("granted", "granted"),
    ("denied", "denied"),
    ("No", "denied"),
    ("withdrawn", "withdrawn"),
    ("OPT-OUT", "withdrawn"),
];

/// What a consent says, as it is kept. The basis is its mark.
pub fn consent(rng: &mut Rng, mark: usize) -> Vec<(String, Said)> {
    let mut said = vec![
        ("channel".to_owned(), text(word(rng, &CHANNELS))),
        ("purpose".to_owned(), text(word(rng, &PURPOSES))),
        ("state".to_owned(), text(rng.pick(&STATES).1)),
        ("basis".to_owned(), text(&format!("k{mark}"))),
    ];
    if rng.one_in(3) {
        said.push(("topic".to_owned(), text(word(rng, &TOPICS))));
    }
    if rng.one_in(5) {
        // A day is text here, like all else.
        said.push(("text".to_owned(), text("2024-03-01")));
    }
    said
}

fn typed(rng: &mut Rng, word: &str) -> String {
    match rng.below(4) {
        0 => word.to_uppercase(),
        1 => format!(" {word} "),
        _ => word.to_owned(),
    }
}

/// Puts what a consent says into its message.
pub fn spell(rng: &mut Rng, said: &[(String, Said)], message: &mut Map<String, Json>) {
    message.insert("type".into(), json!("consent"));
    for (name, said) in said {
        let Json::String(word) = serde_json::from_str(&said.token).expect("a JSON token") else {
            unreachable!("a consent says texts");
        };
        let word = match name.as_str() {
            "state" => {
                let known: Vec<_> = STATES.iter().filter(|(_, state)| *state == word).collect();
                rng.pick(&known).0.to_owned()
            }
            "basis" | "text" => word,
            _ => typed(rng, &word),
        };
        let value = match word.as_str() {
            "true" if rng.one_in(2) => json!(true),
            _ => json!(word),
        };
        message.insert(name.clone(), value);
    }
}

/// Whether an event is a consent.
pub fn is_consent(event: &str) -> bool {
    event == CONSENT
}

/// A question for consents.
pub fn question(rng: &mut Rng) -> Predicate {
    let channels = ["email", "sms", "email", "sms", "email", "sms", "*", "fax"];
    let purposes = ["marketing", "studies", "marketing", "studies", "marketing", "*", "other"];
    let topics = ["news", "été", "none"];
    Predicate::Consents {
        channel: word(rng, &channels).to_owned(),
        purpose: word(rng, &purposes).to_owned(),
        topic: rng.one_in(3).then(|| (*rng.pick(&topics)).to_owned()),
    }
}

fn word<'w>(rng: &mut Rng, words: &[&'w str]) -> &'w str {
    words[rng.below(words.len())]
}
