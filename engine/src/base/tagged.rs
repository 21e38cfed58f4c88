//! Values behind one byte that says what they are: how rows of parts hold what was told.
//!
//! The byte: bits 0 to 3 say the form of the value (0 none, 1 text, 2 integer, 3 decimal, 4 float, 5 false, 6 true,
//! 7 day, 8 instant, 9 set, 10 an instant of whole seconds); bit 4 says that a number follows, where otherwise the one
//! after the number before is meant; bits 5 and 6 are for the caller.

use super::number::Decimal;
use super::time::{Date, Timestamp};
use super::value::Value;
use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};

const FORM: u8 = 0x0f;
const NUMBERED: u8 = 0x10;
const SECOND: i64 = 1_000_000;

/// Writes the byte, with what the caller says in its bits, and the number when it must.
pub fn encode_head<E: Encoder>(
    (number, next): (u32, u32),
    value: Option<&Value>,
    marks: u8,
    encoder: &mut E,
) -> Result<(), EncodeError> {
    let form = match value {
        None => 0,
        Some(Value::Text(_)) => 1,
        Some(Value::Integer(_)) => 2,
        Some(Value::Decimal(_)) => 3,
        Some(Value::Float(_)) => 4,
        Some(Value::Boolean(says)) => 5 + u8::from(*says),
        Some(Value::Date(_)) => 7,
        Some(Value::Timestamp(time)) => {
            if time.0 % SECOND == 0 {
                10
            } else {
                8
            }
        }
        Some(Value::Set(_)) => 9,
    };
    let numbered = if number == next { 0 } else { NUMBERED };
    (form | numbered | marks).encode(encoder)?;
    if numbered != 0 { number.encode(encoder) } else { Ok(()) }
}

/// Reads the byte, and the number that it means.
pub fn decode_head<D: Decoder>(next: u32, decoder: &mut D) -> Result<(u8, u32), DecodeError> {
    let head = u8::decode(decoder)?;
    let number = if head & NUMBERED == 0 { next } else { u32::decode(decoder)? };
    Ok((head, number))
}

/// Writes what the byte leaves to be said of a value.
pub fn encode_value<E: Encoder>(value: Option<&Value>, encoder: &mut E) -> Result<(), EncodeError> {
    match value {
        None | Some(Value::Boolean(_)) => Ok(()),
        Some(Value::Text(text)) => text.encode(encoder),
        Some(Value::Integer(number)) => number.encode(encoder),
        Some(Value::Decimal(number)) => number.encode(encoder),
        Some(Value::Float(number)) => number.encode(encoder),
        Some(Value::Date(date)) => date.encode(encoder),
        Some(Value::Timestamp(time)) if time.0 % SECOND == 0 => (time.0 / SECOND).encode(encoder),
        Some(Value::Timestamp(time)) => time.encode(encoder),
        Some(Value::Set(texts)) => texts.encode(encoder),
    }
}

/// Reads a value behind its byte.
pub fn decode_value<D: Decoder>(head: u8, decoder: &mut D) -> Result<Option<Value>, DecodeError> {
    Ok(Some(match head & FORM {
        0 => return Ok(None),
        1 => Value::Text(String::decode(decoder)?),
        2 => Value::Integer(i64::decode(decoder)?),
        3 => Value::Decimal(Decimal::decode(decoder)?),
        4 => Value::Float(f64::decode(decoder)?),
        form @ 5..=6 => Value::Boolean(form == 6),
        7 => Value::Date(Date::decode(decoder)?),
        8 => Value::Timestamp(Timestamp::decode(decoder)?),
        9 => Value::Set(Vec::decode(decoder)?),
        10 => {
            let micros = i64::decode(decoder)?.checked_mul(SECOND);
            Value::Timestamp(Timestamp(micros.ok_or(DecodeError::Other("no instant"))?))
        }
        _ => return Err(DecodeError::Other("no form of a value")),
    }))
}

/// What a record told, by the numbers of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Told(pub Vec<(u32, Option<Value>)>);

impl Encode for Told {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.0.len() as u64).encode(encoder)?;
        let mut next = 0;
        for (number, value) in &self.0 {
            encode_head((*number, next), value.as_ref(), 0, encoder)?;
            encode_value(value.as_ref(), encoder)?;
            next = number.wrapping_add(1);
        }
        Ok(())
    }
}

impl<C> Decode<C> for Told {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Told, DecodeError> {
        let count = u64::decode(decoder)?;
        // A count takes no memory before there is a value for it.
        let mut told = Vec::with_capacity(usize::try_from(count.min(64)).unwrap_or(0));
        let mut next = 0;
        for _ in 0..count {
            let (head, number) = decode_head(next, decoder)?;
            told.push((number, decode_value(head, decoder)?));
            next = number.wrapping_add(1);
        }
        Ok(Told(told))
    }
}

impl<'de, C> BorrowDecode<'de, C> for Told {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Told, DecodeError> {
        Told::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::{decode_row, encode_row};

    #[test]
    fn what_was_told_comes_back() {
        let decimal = Decimal { coefficient: -1250, scale: 2 };
        let values = [
            None,
            Some(Value::Text("é".into())),
            Some(Value::Integer(-7)),
            Some(Value::Decimal(decimal)),
            Some(Value::Float(-0.0)),
            Some(Value::Boolean(false)),
            Some(Value::Boolean(true)),
            Some(Value::Date(Date(-3))),
            Some(Value::Timestamp(Timestamp(i64::MIN))),
            Some(Value::Timestamp(Timestamp(-5_000_000))),
            Some(Value::Timestamp(Timestamp(1_700_000_000_000_001))),
            Some(Value::Set(vec!["a".into(), "b".into()])),
        ];
        for step in [0, 1, 2, 900] {
            let numbered = (0..).zip(values.iter().cloned());
            let told = Told(numbered.map(|(n, value)| (5 + n * step, value)).collect());
            let bytes = encode_row(&told).unwrap();
            assert_eq!(decode_row::<Told>(&bytes).unwrap(), told);
            for place in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[place] ^= 0x5f;
                let _ = decode_row::<Told>(&damaged);
                let _ = decode_row::<Told>(&bytes[..place]);
            }
        }
    }
}
