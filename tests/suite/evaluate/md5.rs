//! MD5 (RFC 1321), anew: `bucket` is defined by it.

const TURNS: [u32; 16] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

/// The first eight hexadecimal digits of the digest, as a number.
pub fn first_word(text: &str) -> u32 {
    let mut bytes = text.as_bytes().to_vec();
    let bits = bytes.len() as u64 * 8;
    bytes.push(0x80);
    while bytes.len() % 64 != 56 {
        bytes.push(0);
    }
    bytes.extend(bits.to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in bytes.chunks(64) {
        let words: Vec<u32> = block
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64_usize {
            let (mix, word) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sine = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(mix).wrapping_add(sine).wrapping_add(words[word]);
            let turned = sum.rotate_left(TURNS[i / 16 * 4 + i % 4]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(turned));
        }
        for (slot, more) in state.iter_mut().zip([a, b, c, d]) {
            *slot = slot.wrapping_add(more);
        }
    }
    state[0].swap_bytes()
}

#[test]
fn digests_are_those_of_the_standard() {
    assert_eq!(first_word(""), 0xd41d_8cd9);
    assert_eq!(first_word("abc"), 0x9001_5098);
    let long = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
    assert_eq!(first_word(long), 0x57ed_f4a2);
}
