//! What a plan expects: how many profiles each condition selects, before it is evaluated.
//!
//! Where an index counts its values, that is taken; anything else is asked of a sample of profiles, spread evenly over
//! all of them. Parts are taken to have nothing to do with each other. *Invariant:* no answer depends on it.

use super::machine::Machine;
use super::{Kind, Node};
use crate::base::bits::Bits;
use roaring::RoaringBitmap;

/// Profiles of a sample.
const SAMPLE: u64 = 512;

/// How many profiles each condition is expected to select, in the order of the plan.
pub(in super::super) fn expected<'a>(root: &Node<'a>, machine: &mut Machine<'a>) -> Vec<u64> {
    let (sample, all) = (sample(machine), machine.live.count());
    let mut found = Vec::new();
    see(root, machine, (&sample, all), all as f64, &mut found);
    found
}

/// Profiles spread over all.
fn sample(machine: &Machine<'_>) -> Vec<u32> {
    let step = machine.live.count().div_ceil(SAMPLE).max(1);
    let (mut rows, mut found, mut seen) = (Bits::empty(), Vec::new(), 0);
    for chunk in 0..machine.live.chunks() {
        machine.live.fill(chunk, &mut rows);
        rows.each(|row| {
            if seen % step == 0 {
                found.push(chunk << 16 | u32::from(row));
            }
            seen += 1;
        });
    }
    found
}

/// Adds what is expected of a condition that is asked about so many profiles, and of those below it; gives which part
/// of all it is true of.
fn see<'a>(
    node: &Node<'a>,
    machine: &mut Machine<'a>,
    of: (&[u32], u64),
    asked: f64,
    found: &mut Vec<u64>,
) -> f64 {
    let place = found.len();
    found.push(0);
    let share = match &node.kind {
        Kind::Not(inner) => 1.0 - see(inner, machine, of, asked, found),
        Kind::And(parts) => {
            parts.iter().fold(1.0, |left, part| left * see(part, machine, of, asked * left, found))
        }
        Kind::Or(parts) => {
            let left = parts
                .iter()
                .fold(1.0, |left, part| left * (1.0 - see(part, machine, of, asked * left, found)));
            1.0 - left
        }
        leaf => share_of(leaf, node, machine, of),
    };
    if let Some(slot) = found.get_mut(place) {
        *slot = (asked * share).round() as u64;
    }
    share
}

/// Of which part of all profiles a leaf is true.
fn share_of<'a>(
    leaf: &Kind<'a>,
    node: &Node<'a>,
    machine: &mut Machine<'a>,
    (sample, all): (&[u32], u64),
) -> f64 {
    let part = |count: u64| (count as f64 / all.max(1) as f64).min(1.0);
    match leaf {
        Kind::Constant(value) => f64::from(u8::from(*value == Some(true))),
        Kind::Codes(codes, _) => part(codes.at_most()),
        Kind::Listed(bytes, _) => {
            part(RoaringBitmap::deserialize_from(bytes.as_slice()).map_or(0, |set| set.len()))
        }
        _ => {
            let hits = sample.iter().filter(|one| machine.holds(node, **one) == Some(true));
            hits.count() as f64 / sample.len().max(1) as f64
        }
    }
}
