//! How a golden row is written: who said what won is written once for all traits of one record.

use super::{GoldenRow, RowTrait, Support, Winner};
use crate::base::ids::NodeId;
use crate::base::tagged::{decode_head, decode_value, encode_head, encode_value};
use bincode::de::{BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Decode, Encode};

/// Another than the first said so: its place follows.
const SAID_BY: u8 = 0x20;
/// What the rule of the trait asks for beside the value follows.
const SUPPORTED: u8 = 0x40;

impl Encode for GoldenRow {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.members.encode(encoder)?;
        self.name.encode(encoder)?;
        self.conditional.encode(encoder)?;
        let mut winners: Vec<&Winner> = Vec::new();
        let mut codes: Vec<(u32, u8)> = Vec::with_capacity(self.traits.len());
        for RowTrait { winner, support, .. } in &self.traits {
            let known = winners.iter().position(|known| *known == winner);
            let place = known.unwrap_or_else(|| {
                winners.push(winner);
                winners.len() - 1
            });
            let supported = *support != Support::None;
            let marks = if place > 0 { SAID_BY } else { 0 } | if supported { SUPPORTED } else { 0 };
            codes.push((u32::try_from(place).unwrap_or(u32::MAX), marks));
        }
        (winners.len() as u64).encode(encoder)?;
        winners.iter().try_for_each(|winner| winner.encode(encoder))?;
        (self.traits.len() as u64).encode(encoder)?;
        let mut next = 0;
        for (RowTrait { number, value, support, .. }, (place, marks)) in
            self.traits.iter().zip(codes)
        {
            encode_head((*number, next), value.as_ref(), marks, encoder)?;
            next = number.wrapping_add(1);
            if marks & SAID_BY != 0 {
                place.encode(encoder)?;
            }
            encode_value(value.as_ref(), encoder)?;
            if *support != Support::None {
                support.encode(encoder)?;
            }
        }
        Ok(())
    }
}

impl<C> Decode<C> for GoldenRow {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<GoldenRow, DecodeError> {
        let members = Vec::<NodeId>::decode(decoder)?;
        let name = Option::<NodeId>::decode(decoder)?;
        let conditional = bool::decode(decoder)?;
        let winners = Vec::<Winner>::decode(decoder)?;
        let count = u64::decode(decoder)?;
        // A count takes no memory before there is a trait for it.
        let mut traits = Vec::with_capacity(usize::try_from(count.min(64)).unwrap_or(0));
        let mut next = 0;
        for _ in 0..count {
            let (head, number) = decode_head(next, decoder)?;
            next = number.wrapping_add(1);
            let place = if head & SAID_BY == 0 { 0 } else { u32::decode(decoder)? };
            let value = decode_value(head, decoder)?;
            let support = match head & SUPPORTED {
                0 => Support::None,
                _ => Support::decode(decoder)?,
            };
            let winner = winners.get(place as usize).copied();
            let winner = winner.ok_or(DecodeError::Other("a trait that nobody said"))?;
            traits.push(RowTrait { number, value, winner, support });
        }
        Ok(GoldenRow { members, name, conditional, traits })
    }
}

impl<'de, C> BorrowDecode<'de, C> for GoldenRow {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<GoldenRow, DecodeError> {
        GoldenRow::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::codec::{decode_row, encode_row};
    use crate::base::ids::{Position, SourceId};
    use crate::base::time::Timestamp;
    use crate::base::value::Value;

    #[test]
    fn a_row_comes_back_and_names_each_winner_once() {
        let winner = |position| Winner {
            time: Timestamp(1_700_000_000_000_000),
            dated: true,
            source: SourceId(1),
            position: Position(position),
        };
        let told = |number, position| {
            RowTrait::told(number, Some(Value::Text("x".into())), winner(position))
        };
        let mut row = GoldenRow::of_anchor(Some(NodeId(7)));
        row.traits = (0..20).map(|number| told(number, 9_000_000)).collect();
        let alike = encode_row(&row).unwrap();
        assert_eq!(decode_row::<GoldenRow>(&alike).unwrap(), row);
        assert!(alike.len() < 20 * 3 + 30, "{}", alike.len());
        row.traits = (0..20).map(|number| told(number, u64::from(number % 3))).collect();
        row.traits[3].support = Support::Verified;
        row.traits[4].value = None;
        row.traits[5].support = Support::Leader(None, winner(4));
        let bytes = encode_row(&row).unwrap();
        assert_eq!(decode_row::<GoldenRow>(&bytes).unwrap(), row);
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] = 0xfd;
            let _ = decode_row::<GoldenRow>(&damaged);
        }
    }
}
