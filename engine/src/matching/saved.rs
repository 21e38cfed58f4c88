//! Models as text: one thing a line, read again exactly, and validated line by line.
//!
//! Words stand there as digests, so that a model tells nobody's name.

use super::comparison::{COMPARISONS, Comparison, LEVELS};
use super::model::{Likely, Model, Terms, UNUSED};
use super::vocabulary::KINDS;
use std::fmt::{self, Write};

/// The version of the text form, and of what levels and digests mean. A model of another version has to be learnt anew.
const VERSION: u32 = 1;

/// What is wrong with the text of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "matching model, line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for ModelError {}

const ANEW: &str = "learn the model anew, or take it from a copy";

impl Model {
    /// The version of the text form that this program writes and reads.
    pub const VERSION: u32 = VERSION;

    /// The model as text, which [`Model::from_text`] reads.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "nave matching model {VERSION}")?;
        writeln!(text, "records {}", self.records)?;
        writeln!(text, "accept {}", self.accept)?;
        writeln!(text, "review {}", self.review)?;
        writeln!(text, "pairs one-person {:e} one-house {:e}", self.share_same, self.share_house)?;
        writeln!(
            text,
            "# How likely each level is for two records of one person, of one house, of strangers."
        )?;
        for (comparison, name) in COMPARISONS {
            for (level, meaning) in (0..).zip(comparison.levels()) {
                let of = |likely: &Likely| at(likely, comparison, level);
                let (same, house) = (of(&self.same), of(&self.house));
                let strangers = of(&self.strangers);
                write!(text, "level {name} {level} {same:e} {house:e} {strangers:e}")?;
                writeln!(text, "{}{meaning}", if meaning.is_empty() { "" } else { " # " })?;
            }
        }
        writeln!(
            text,
            "# The share of records that say a word: of each that is not frequent, then of each that is."
        )?;
        for ((_, name), share) in KINDS.iter().zip(self.rest) {
            writeln!(text, "rest {name} {share:e}")?;
        }
        let mut terms: Vec<_> = self.terms.iter().collect();
        terms.sort_unstable_by_key(|(digest, _)| **digest);
        for (digest, share) in terms {
            writeln!(text, "term {digest:016x} {share:e}")?;
        }
        writeln!(text, "end {} {:016x}", self.terms.len(), self.id)
    }

    /// Reads a model from text. The error names the line and what to do.
    pub fn from_text(text: &str) -> Result<Model, ModelError> {
        let mut reading = Reading::new();
        let mut last = 0;
        for (line, content) in (1..).zip(text.lines()) {
            last = line;
            let content = content.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content.split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            let read = if reading.ended {
                Err(format!("this stands after the end; {ANEW}"))
            } else {
                reading.line(&words)
            };
            read.map_err(|problem| ModelError { line, problem })?;
        }
        reading.model().map_err(|problem| ModelError { line: last + 1, problem })
    }
}

fn at(likely: &Likely, comparison: Comparison, level: usize) -> f64 {
    likely.get(comparison as usize).and_then(|levels| levels.get(level)).copied().unwrap_or(0.0)
}

/// A model that is being read.
struct Reading {
    model: Model,
    begun: bool,
    ended: bool,
    /// Lines that must stand there once each, and have not been read yet.
    missing: Vec<String>,
}

impl Reading {
    fn new() -> Reading {
        let mut missing: Vec<String> =
            ["records", "accept", "review", "pairs", "end"].map(str::to_owned).to_vec();
        missing.extend(KINDS.iter().map(|(_, name)| format!("rest {name}")));
        for (comparison, name) in COMPARISONS {
            missing.extend(
                (0..comparison.levels().len()).map(|level| format!("level {name} {level}")),
            );
        }
        let unused = [[UNUSED; LEVELS]; COMPARISONS.len()];
        let model = Model {
            same: unused,
            house: unused,
            strangers: unused,
            share_same: 0.0,
            share_house: 0.0,
            records: 0,
            terms: Terms::default(),
            rest: [1.0; KINDS.len()],
            accept: 0.0,
            review: 0.0,
            id: 0,
        };
        Reading { model, begun: false, ended: false, missing }
    }

    fn once(&mut self, name: &str) -> Result<(), String> {
        let place = self.missing.iter().position(|missing| missing == name);
        let place = place.ok_or_else(|| {
            format!("`{name}` is not known here, or stands twice; remove the line")
        })?;
        self.missing.swap_remove(place);
        Ok(())
    }

    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["nave", "matching", "model", version] if !self.begun => {
                self.begun = true;
                let known = version.parse() == Ok(VERSION);
                known.then_some(()).ok_or_else(|| {
                    format!("version {version} cannot be read, only {VERSION}; learn the model anew with this program")
                })
            }
            _ if !self.begun => Err(format!(
                "the first line must be `nave matching model {VERSION}`; is this the right file?"
            )),
            ["records", count] => {
                self.once("records")?;
                self.model.records = number(count, "a whole number of records")?;
                Ok(())
            }
            [name @ ("accept" | "review"), score] => {
                self.once(name)?;
                let score = number::<f32>(score, "a number")?;
                let score = Some(score).filter(|score| score.is_finite());
                let score = score.ok_or("a threshold must be finite; write one such as 0")?;
                let place =
                    if *name == "accept" { &mut self.model.accept } else { &mut self.model.review };
                *place = score;
                Ok(())
            }
            ["pairs", "one-person", same, "one-house", house] => {
                self.once("pairs")?;
                self.model.share_same = share(same)?;
                self.model.share_house =
                    if number::<f64>(house, "a share")? == 0.0 { 0.0 } else { share(house)? };
                Ok(())
            }
            ["level", name, level, shares @ ..] => self.level(name, level, shares),
            ["rest", name, value] => {
                self.once(&format!("rest {name}"))?;
                let value = share(value)? as f32;
                let kinds = KINDS.iter().zip(&mut self.model.rest);
                kinds.filter(|((_, known), _)| known == name).for_each(|(_, rest)| *rest = value);
                Ok(())
            }
            ["term", digest, value] => {
                let known = u64::from_str_radix(digest, 16).ok().filter(|_| digest.len() == 16);
                let known = known.ok_or_else(|| {
                    format!("`{digest}` is no digest of 16 hexadecimal digits; {ANEW}")
                })?;
                let twice = self.model.terms.insert(known, share(value)? as f32).is_some();
                if twice {
                    Err(format!("the term {digest} stands twice; remove one"))
                } else {
                    Ok(())
                }
            }
            ["end", count, id] => self.end(count, id),
            _ => Err(format!("`{}` is not understood; {ANEW}", words.join(" "))),
        }
    }

    fn level(&mut self, name: &str, level: &str, shares: &[&str]) -> Result<(), String> {
        self.once(&format!("level {name} {level}"))?;
        let [same, house, strangers] = shares else {
            return Err(format!("a level has three shares, not {}; {ANEW}", shares.len()));
        };
        let comparison = COMPARISONS.iter().find(|(_, known)| *known == name);
        let model = &mut self.model;
        let all =
            [(&mut model.same, same), (&mut model.house, house), (&mut model.strangers, strangers)];
        for (likely, text) in all {
            let value = share(text)?;
            let levels =
                comparison.and_then(|(comparison, _)| likely.get_mut(*comparison as usize));
            let place = level.parse::<usize>().ok().and_then(|level| levels?.get_mut(level));
            place.into_iter().for_each(|place| *place = value);
        }
        Ok(())
    }

    fn end(&mut self, count: &str, id: &str) -> Result<(), String> {
        self.once("end")?;
        let terms = self.model.terms.len();
        if number::<usize>(count, "a number of terms")? != terms {
            return Err(format!("{count} terms were written and {terms} are there; {ANEW}"));
        }
        self.ended = true;
        self.model.identify();
        let told =
            u64::from_str_radix(id, 16).map_err(|_| format!("`{id}` is no digest; {ANEW}"))?;
        if told != self.model.id {
            return Err(format!(
                "the weights were changed after the model was learnt ({id} was written, {:016x} is there); {ANEW}",
                self.model.id
            ));
        }
        Ok(())
    }

    fn model(self) -> Result<Model, String> {
        if !self.begun {
            return Err(format!(
                "the text is empty; its first line must be `nave matching model {VERSION}`"
            ));
        }
        if !self.missing.is_empty() {
            return Err(format!("the line `{}` is missing; {ANEW}", self.missing.join("`, `")));
        }
        if self.model.review > self.model.accept {
            return Err("`review` is above `accept`; lower it".to_owned());
        }
        Ok(self.model)
    }
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not {what}; {ANEW}"))
}

/// A share above zero and up to one.
fn share(text: &str) -> Result<f64, String> {
    let value: f64 = number(text, "a share")?;
    let sound = value > 0.0 && value <= 1.0;
    sound
        .then_some(value)
        .ok_or_else(|| format!("the share {text} is not above 0 and up to 1; {ANEW}"))
}
