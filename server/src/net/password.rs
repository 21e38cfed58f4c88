//! The one password of a server.
//!
//! *Invariants:* it has no text form (`Debug` and `Display` are missing on purpose); comparing
//! takes a time that depends on what was given, never on what is right. *Where to start reading:*
//! `Password::is`.

use crate::limits::PASSWORD_BYTES;
use std::hint::black_box;

/// A password.
pub(crate) struct Password(Vec<u8>);

impl Password {
    /// The password in the content of a file: all of it, but for line ends at its end.
    pub(crate) fn from_file(content: &[u8]) -> Result<Password, String> {
        let end =
            content.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
        let password = content.get(..end).unwrap_or_default();
        if password.is_empty() {
            return Err("holds no password; write one into it".to_owned());
        }
        if password.len() > PASSWORD_BYTES {
            return Err(format!("holds more than {PASSWORD_BYTES} bytes; use a shorter password"));
        }
        Ok(Password(password.to_vec()))
    }

    /// Whether this is the password.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        let mut difference = self.0.len() ^ given.len();
        for (byte, wanted) in given.iter().zip(self.0.iter().cycle()) {
            difference |= usize::from(byte ^ wanted);
        }
        black_box(difference) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_password_is_right() {
        let Ok(password) = Password::from_file(b"s3 cret\r\n") else { panic!("a password") };
        assert!(password.is(b"s3 cret"));
        for wrong in ["", "s", "s3 cre", "s3 crets", "s3 cret\n", "s3 crets3 cret", "S3 cret"] {
            assert!(!password.is(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_file_must_hold_one() {
        for bad in [b"".to_vec(), b"\n\r\n".to_vec(), vec![b'x'; PASSWORD_BYTES + 1]] {
            assert!(Password::from_file(&bad).is_err());
        }
    }
}
