//! How a golden row is written: who said what won is written once for all traits of one record, and what most rows have
//! alike, one identifier that names them and one record, is a bit each.

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

/// There is one node.
const ONE_MEMBER: u8 = 1;
/// The first node names the row; or another does, which follows.
const FIRST_NAMES: u8 = 1 << 1;
const NAMED: u8 = 1 << 2;
const CONDITIONAL: u8 = 1 << 3;
/// One record said all that won; and it named a time.
const ONE_WINNER: u8 = 1 << 4;
const DATED: u8 = 1 << 5;

/// What a row begins with: its nodes, the one that names it, and marks of what follows.
#[derive(Debug)]
pub(super) struct Head {
    pub members: Vec<NodeId>,
    pub name: Option<NodeId>,
    marks: u8,
}

fn bit(mark: u8, is_set: bool) -> u8 {
    if is_set { mark } else { 0 }
}

impl<C> Decode<C> for Head {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Head, DecodeError> {
        let marks = u8::decode(decoder)?;
        let members = match marks & ONE_MEMBER {
            0 => Vec::<NodeId>::decode(decoder)?,
            _ => vec![NodeId::decode(decoder)?],
        };
        let name = match (marks & FIRST_NAMES, marks & NAMED) {
            (0, 0) => None,
            (0, _) => Some(NodeId::decode(decoder)?),
            _ => members.first().copied(),
        };
        Ok(Head { members, name, marks })
    }
}

impl<'de, C> BorrowDecode<'de, C> for Head {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Head, DecodeError> {
        Head::decode(decoder)
    }
}

impl GoldenRow {
    /// Writes what comes before the traits.
    fn encode_start<E: Encoder>(
        &self,
        winners: &[&Winner],
        encoder: &mut E,
    ) -> Result<(), EncodeError> {
        let first_names = self.name.is_some() && self.name == self.members.first().copied();
        let (one, only) =
            (self.members.len() == 1, if winners.len() == 1 { winners.first() } else { None });
        let marks = bit(ONE_MEMBER, one)
            | bit(FIRST_NAMES, first_names)
            | bit(NAMED, self.name.is_some() && !first_names)
            | bit(CONDITIONAL, self.conditional)
            | bit(ONE_WINNER, only.is_some())
            | bit(DATED, only.is_some_and(|winner| winner.dated));
        marks.encode(encoder)?;
        match self.members.as_slice() {
            [member] => member.encode(encoder)?,
            _ => self.members.encode(encoder)?,
        }
        if !first_names && let Some(name) = self.name {
            name.encode(encoder)?;
        }
        match only {
            Some(Winner { time, source, position, .. }) => (time, source, position).encode(encoder),
            None => {
                (winners.len() as u64).encode(encoder)?;
                winners.iter().try_for_each(|winner| winner.encode(encoder))
            }
        }
    }
}

impl Encode for GoldenRow {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
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
        self.encode_start(&winners, encoder)?;
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
        let Head { members, name, marks } = Head::decode(decoder)?;
        let conditional = marks & CONDITIONAL != 0;
        let winners = match marks & ONE_WINNER {
            0 => Vec::<Winner>::decode(decoder)?,
            _ => {
                let (time, source, position) = Decode::decode(decoder)?;
                vec![Winner { time, dated: marks & DATED != 0, source, position }]
            }
        };
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
    use crate::base::codec::{decode_row, decode_row_head, encode_row};
    use crate::base::ids::{Position, SourceId};
    use crate::base::time::Timestamp;
    use crate::base::value::Value;

    #[test]
    fn what_rows_begin_with_comes_back() {
        let winner = |position, dated| Winner {
            time: Timestamp(-5),
            dated,
            source: SourceId(700),
            position: Position(position),
        };
        let nodes = [NodeId(9), NodeId(1_000_000), NodeId(u32::MAX - 1)];
        let names = [None, Some(nodes[0]), Some(nodes[2])];
        let shapes = (0..4).flat_map(|members| names.map(|name| (members, name)));
        for ((members, name), turn) in shapes.zip(0..) {
            for winners in 0..3_u64 {
                let told = |number| {
                    let of = winner(u64::from(number) % winners, turn % 2 == 0);
                    RowTrait::told(number, Some(Value::Integer(3)), of)
                };
                let row = GoldenRow {
                    members: nodes[..members].to_vec(),
                    name,
                    conditional: turn % 3 == 0,
                    traits: (0..if winners > 0 { 5 } else { 0 }).map(told).collect(),
                };
                let bytes = encode_row(&row).unwrap();
                assert_eq!(decode_row::<GoldenRow>(&bytes).unwrap(), row);
                let head: Head = decode_row_head(&bytes).unwrap();
                assert_eq!((head.members, head.name), (row.members, row.name));
            }
        }
    }

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
