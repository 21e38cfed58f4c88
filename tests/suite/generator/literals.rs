//! Random literals.

use super::scalars::{Class, class};
use super::values::TEXTS;
use super::{Questions, moment};
use crate::ast::Scalar;
use crate::calendar::{self, DAY, Part};
use crate::evaluate::number::moment as moment_of;
use navedb::{Date, Decimal, Timestamp, Value};

impl Questions<'_> {
    pub(super) fn literal(&mut self, class: Class) -> Scalar {
        let base = self.schema.base;
        if self.rng.one_in(2)
            && let Some(value) = self.seen(class)
        {
            return Scalar::Literal(Some(value));
        }
        let value = match class {
            Class::Text => Value::Text(self.some_text()),
            Class::Boolean => Value::Boolean(self.rng.one_in(2)),
            Class::Number => self.number_literal(),
            Class::Time => match self.rng.below(6) {
                0 | 1 => return self.shifted(Scalar::Now),
                2 => return Scalar::Now,
                3 => Value::Date(Date(moment(self.rng, base).div_euclid(DAY) as i32)),
                4 => {
                    let time = Value::Timestamp(Timestamp(moment(self.rng, base)));
                    return self.shifted(Scalar::Literal(Some(time)));
                }
                _ => Value::Timestamp(Timestamp(moment(self.rng, base))),
            },
        };
        Scalar::Literal(Some(value))
    }

    /// A value of a class that was told; not one at the end of its range, when it should be calm.
    fn seen(&mut self, wanted: Class) -> Option<Value> {
        let near = self.near.as_ref().and_then(|column| self.known.columns.get(column));
        let values = near.filter(|_| !self.rng.one_in(4)).unwrap_or(&self.known.values);
        let tries = (0..8).filter_map(|_| {
            let value = values.get(self.rng.below(values.len().max(1)))?;
            let wild = match value {
                Value::Integer(i) => i.unsigned_abs() > 1 << 40,
                Value::Decimal(d) => d.coefficient.unsigned_abs() > 1 << 60 || d.scale > 9,
                Value::Float(f) => !f.is_finite() || f.abs() > 1e15,
                Value::Date(_) | Value::Timestamp(_) => {
                    let year = calendar::part(Part::Year, moment_of(value)?);
                    !(1900..2100).contains(&year)
                }
                _ => false,
            };
            let fits = class(value.value_type()) == Some(wanted) && !(self.calm && wild);
            // Without a point it would be read as an integer.
            let whole = matches!(value, Value::Decimal(d) if d.scale == 0);
            (fits && !whole).then(|| value.clone())
        });
        tries.take(1).next()
    }

    pub(super) fn some_text(&mut self) -> String {
        match self.rng.below(8) {
            0 => (*self.rng.pick(&["web", "crm", "shop", "5", "true", "e1"])).to_owned(),
            1 => format!("k{}", self.rng.below(100)),
            2 => format!("x{}", self.rng.below(300)),
            _ => (*self.rng.pick(&TEXTS)).to_owned(),
        }
    }

    fn number_literal(&mut self) -> Value {
        match self.rng.below(14) {
            0 if !self.calm => {
                let ends = [i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1, -1];
                Value::Integer(*self.rng.pick(&ends))
            }
            0 => Value::Integer(1000),
            1 if !self.calm => {
                let texts = [
                    "99999999999999999999999999999999999999",
                    "9223372036854775808",
                    "0.00000000000000000001",
                ];
                Value::Decimal(Decimal::parse(self.rng.pick::<&str>(&texts)).unwrap())
            }
            2..=4 => {
                let digits = *self.rng.pick(&[1999_i128, 2001, 5, 125, -50, 250, 1000]);
                Value::Decimal(Decimal::new(digits, 1 + self.rng.below(3) as u8).unwrap())
            }
            5 => Value::Float(*self.rng.pick(&[0.1, -2.5, 1e16, 5e-324, 3.0, 0.0])),
            _ => Value::Integer(self.rng.between(-1, 6)),
        }
    }

    /// A pattern for LIKE, made of a text by putting signs in the place of some of its characters, and its escape.
    pub(super) fn pattern(&mut self) -> (Scalar, Option<char>) {
        let escape = if self.rng.one_in(3) {
            Some(*self.rng.pick(&['!', '\\', '%', '_', 'é', 'F']))
        } else {
            None
        };
        let text = match self.seen(Class::Text) {
            Some(Value::Text(text)) if self.rng.one_in(2) => text,
            _ => self.some_text(),
        };
        let mut pattern = String::new();
        let wild = |pattern: &mut String, sign: char| {
            if escape != Some(sign) {
                pattern.push(sign);
            }
        };
        for character in text.chars() {
            match self.rng.below(8) {
                0 => wild(&mut pattern, '_'),
                1 => wild(&mut pattern, '%'),
                2 => {}
                _ => {
                    let special = matches!(character, '%' | '_') || escape == Some(character);
                    pattern.extend(escape.filter(|_| special));
                    // ILIKE must not mind, LIKE must.
                    let mut other = character.to_lowercase();
                    if other.len() == 1 && character.is_uppercase() && self.rng.one_in(4) {
                        pattern.extend(other.next().filter(|c| escape != Some(*c)));
                    } else {
                        pattern.push(character);
                    }
                }
            }
        }
        if self.rng.one_in(2) {
            wild(&mut pattern, '%');
        }
        if self.rng.one_in(4) && escape != Some('%') {
            pattern.insert(0, '%');
        }
        (Scalar::Literal(Some(Value::Text(pattern))), escape)
    }
}
