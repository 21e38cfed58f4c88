//! Memory that is asked for before it is needed.

/// Bytes that come from memory together.
const LINE: usize = 64;
/// Lines that are asked for at once, at most: more of them than a core waits for at one time.
const LINES_MAX: usize = 32;

/// Asks for the memory that some bytes are in, the first 2 KiB at most, and waits for none of it. It changes nothing:
/// who will look at many places asks for all of them first, and waits once.
#[inline]
pub fn bring_near(bytes: &[u8]) {
    let some = bytes.get(..bytes.len().min(LINE * LINES_MAX)).unwrap_or_default();
    some.iter().step_by(LINE).for_each(hint);
    some.last().into_iter().for_each(hint);
}

#[cfg(target_arch = "x86_64")]
use super::x86::bring_near as hint;

/// Without a hint the memory comes when it is looked at.
#[cfg(not(target_arch = "x86_64"))]
fn hint(_: &u8) {}
