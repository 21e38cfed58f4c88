//! Bytes for plain data, and the digests that guard them. The one user of `bincode`.
//!
//! *Invariants:* little-endian, fixed width, a limit on every decode, no trailing bytes. A decode runs only on bytes
//! whose checksum held. The layout of every type that is encoded here is held by golden vectors in the tests.

use super::error::{Error, Result};
use super::limits::BLOCK_BYTES_MAX;
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};

/// 128 bits of BLAKE3: the digest of payloads, chains and keys.
pub type Digest128 = [u8; 16];

fn config() -> Configuration<LittleEndian, Fixint, Limit<BLOCK_BYTES_MAX>> {
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<BLOCK_BYTES_MAX>()
}

/// The bytes of a value.
///
/// # Errors
/// `Limit` when they are more than `BLOCK_BYTES_MAX`: the library checks its limit only when it reads.
pub fn encode<T: bincode::Encode>(value: &T) -> Result<Vec<u8>> {
    let bytes = bincode::encode_to_vec(value, config())
        .map_err(|e| Error::limit(format!("cannot encode an entry: {e}")))?;
    if bytes.len() > BLOCK_BYTES_MAX {
        return Err(Error::limit(format!("an entry of {} bytes is too large", bytes.len())));
    }
    Ok(bytes)
}

/// The value of bytes whose checksum held.
///
/// # Errors
/// `Corrupt` when they are no such value, or when bytes are left over.
pub fn decode<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T> {
    let (value, read) = bincode::decode_from_slice(bytes, config())
        .map_err(|e| Error::corrupt(format!("an entry cannot be decoded: {e}")))?;
    if read != bytes.len() {
        return Err(Error::corrupt(format!("{} bytes follow an entry", bytes.len() - read)));
    }
    Ok(value)
}

/// The bytes of a derived value, which may be larger than a block.
///
/// # Errors
/// `Limit` when it cannot be encoded.
pub fn encode_large<T: bincode::Encode>(value: &T) -> Result<Vec<u8>> {
    bincode::encode_to_vec(value, config())
        .map_err(|e| Error::limit(format!("cannot encode a derived value: {e}")))
}

/// Decodes with a limit on the memory that a length inside may claim: at least sixteen times the bytes that there are,
/// because values in memory are larger than their bytes, and never without bound.
macro_rules! decode_in_proportion {
    ($bytes:expr, $config:expr) => {
        match $bytes.len() {
            0..=0x40_0000 => bincode::decode_from_slice($bytes, $config.with_limit::<0x400_0000>()),
            ..=0x400_0000 => {
                bincode::decode_from_slice($bytes, $config.with_limit::<0x4000_0000>())
            }
            ..=0x4000_0000 => {
                bincode::decode_from_slice($bytes, $config.with_limit::<0x4_0000_0000>())
            }
            _ => bincode::decode_from_slice($bytes, $config.with_limit::<0x100_0000_0000>()),
        }
    };
}

/// The value of derived bytes whose digest held, which may be larger than a block.
///
/// # Errors
/// `Corrupt` when they are no such value, or when bytes are left over.
pub fn decode_large<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T> {
    let config = bincode::config::standard().with_little_endian().with_fixed_int_encoding();
    let (value, read) = decode_in_proportion!(bytes, config)
        .map_err(|e| Error::corrupt(format!("a derived value cannot be decoded: {e}")))?;
    if read != bytes.len() {
        return Err(Error::corrupt(format!("{} bytes follow a derived value", bytes.len() - read)));
    }
    Ok(value)
}

/// Appends the bytes of a row of a part: small numbers take few bytes.
///
/// # Errors
/// `Limit` when it cannot be encoded.
pub fn encode_row<T: bincode::Encode>(value: &T) -> Result<Vec<u8>> {
    let config = bincode::config::standard().with_little_endian().with_variable_int_encoding();
    bincode::encode_to_vec(value, config)
        .map_err(|e| Error::limit(format!("cannot encode a row: {e}")))
}

/// The value of a row of a part whose checksum held.
///
/// # Errors
/// `Corrupt` when the bytes are no such value, or when bytes are left over.
pub fn decode_row<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T> {
    let config = bincode::config::standard().with_little_endian().with_variable_int_encoding();
    let (value, read) = decode_in_proportion!(bytes, config)
        .map_err(|e| Error::corrupt(format!("a row cannot be decoded: {e}")))?;
    if read != bytes.len() {
        return Err(Error::corrupt(format!("{} bytes follow a row", bytes.len() - read)));
    }
    Ok(value)
}

/// What the bytes of a row of a part whose checksum held begin with.
///
/// # Errors
/// `Corrupt` when they do not begin with such a value.
pub fn decode_row_head<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T> {
    let config = bincode::config::standard().with_little_endian().with_variable_int_encoding();
    let (value, _) = decode_in_proportion!(bytes, config)
        .map_err(|e| Error::corrupt(format!("a row cannot be decoded: {e}")))?;
    Ok(value)
}

/// The digest of bytes.
pub fn digest(bytes: &[u8]) -> Digest128 {
    first_half(blake3::hash(bytes))
}

/// The digest of several byte strings one after another, each with its length, so that no two splits are equal.
pub fn digest_of_parts(parts: &[&[u8]]) -> Digest128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    first_half(hasher.finalize())
}

/// The first 128 bits of a BLAKE3 hash.
pub fn first_half(hash: blake3::Hash) -> Digest128 {
    let mut half = [0; 16];
    half.copy_from_slice(hash.as_bytes().split_at(16).0);
    half
}

/// Hashes what is a digest already: its own bits serve.
#[derive(Debug, Clone, Copy, Default)]
pub struct DigestHasher(u64);

impl std::hash::Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk::<8>().copied().unwrap_or_default();
        self.0 ^= u64::from_le_bytes(first);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn write_u128(&mut self, number: u128) {
        self.0 ^= number as u64;
    }
}

/// A map whose keys are digests, or halves of them.
pub type DigestMap<K, V> =
    std::collections::HashMap<K, V, std::hash::BuildHasherDefault<DigestHasher>>;

/// Hashes small numbers, which nobody chooses: a product spreads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NumberHasher(u64);

impl std::hash::Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed.rotate_left(32);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64((number >> 64) as u64);
        self.write_u64(number as u64);
    }
}

/// Hashes texts that anybody may choose, under a seed that nobody knows: each eight bytes go through one product of 64
/// by 64 bits, of which both halves are taken (as wyhash does).
#[derive(Debug, Clone, Copy)]
pub struct TextHasher {
    state: u64,
    seed: u64,
}

/// Makes hashers of texts with one seed.
#[derive(Debug, Clone, Copy)]
pub struct TextHashers(u64);

impl Default for TextHashers {
    fn default() -> TextHashers {
        let random = std::collections::hash_map::RandomState::new();
        TextHashers(std::hash::BuildHasher::hash_one(&random, 0_u64) | 1)
    }
}

impl std::hash::BuildHasher for TextHashers {
    type Hasher = TextHasher;

    fn build_hasher(&self) -> TextHasher {
        TextHasher { state: self.0, seed: self.0.rotate_left(32) }
    }
}

impl std::hash::Hasher for TextHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.write_u64(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 57);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.state ^ word) * u128::from(self.seed ^ 0x9e37_79b9_7f4a_7c15);
        self.state = (wide >> 64) as u64 ^ wide as u64 ^ self.seed;
    }
}

/// A map whose keys are texts.
pub type TextMap<K, V> = std::collections::HashMap<K, V, TextHashers>;

/// A map whose keys are numbers that the engine gives.
pub type NumberMap<K, V> =
    std::collections::HashMap<K, V, std::hash::BuildHasherDefault<NumberHasher>>;

/// The CRC-32C of bytes.
pub fn crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// A little-endian number at an offset of a byte string; nothing when it lies outside.
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?))
}

/// A little-endian number at an offset of a byte string; nothing when it lies outside.
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(offset..offset.checked_add(8)?)?.try_into().ok()?))
}

/// Sixteen bytes at an offset of a byte string; nothing when they lie outside.
pub fn digest_at(bytes: &[u8], offset: usize) -> Option<Digest128> {
    bytes.get(offset..offset.checked_add(16)?)?.try_into().ok()
}

/// Lower-case hexadecimal digits of bytes.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of a fixed number as hexadecimal digits, for entries that are written as text.
pub mod digits {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the digits.
    ///
    /// # Errors
    /// What the writer says.
    pub fn serialize<S: Serializer>(bytes: &[u8], writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(&super::hex(bytes))
    }

    /// Reads the digits.
    ///
    /// # Errors
    /// When they are others, or not as many as the bytes need.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        reader: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(reader)?;
        let wrong = || D::Error::custom(format!("'{text}' is not {} hexadecimal digits", N * 2));
        if text.len() != N * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; N];
        for (byte, start) in bytes.iter_mut().zip((0..).step_by(2)) {
            let pair = text.get(start..start + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_are_refused() {
        let huge_length = [0xff_u8; 9];
        assert!(decode::<Vec<u8>>(&huge_length).is_err());
        for len in [9, 5 << 20] {
            let mut bytes = vec![0xfd_u8; 9];
            bytes.resize(len, 0x7f);
            assert!(decode_large::<Vec<u64>>(&bytes).is_err());
            assert!(decode_large::<Vec<u8>>(&bytes).is_err());
            assert!(decode_row::<Vec<u128>>(&bytes).is_err());
        }
        let mut trailing = encode(&7_u32).unwrap();
        trailing.push(0);
        assert!(decode::<u32>(&trailing).is_err());
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest_of_parts(&[b"ab", b"c"]), digest_of_parts(&[b"a", b"bc"]));
    }
}
