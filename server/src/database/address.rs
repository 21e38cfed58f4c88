//! Where a database is.
//!
//! *Invariant:* what is shown holds no user and no password. *Where to start reading:*
//! `Address::parse`.

use std::path::PathBuf;

/// The variable with the password, for an address that has none.
const PASSWORD: &str = "NAVE_DATABASE_PASSWORD";

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// A file of SQLite.
    Sqlite,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// If the server offers it.
    Preferred,
    /// Never.
    Disabled,
    /// Always, with a certificate that holds.
    Required,
}

/// Where a database is, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    kind: Kind,
    /// The address as the drivers read it.
    url: String,
    shown: String,
    password: Option<String>,
    pub(super) encryption: Encryption,
    /// A file with the certificates that are trusted, instead of those of the web.
    pub(super) certificates: Option<PathBuf>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST/DATABASE`, the same with `mysql`, or `sqlite:FILE`.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let wrong = || {
            "this is no address of a database; write postgres://USER:PASSWORD@HOST/DATABASE, \
             mysql://USER:PASSWORD@HOST/DATABASE or sqlite:FILE"
                .to_owned()
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(wrong)?;
        let kind = match scheme {
            "postgres" | "postgresql" => Kind::Postgres,
            "mysql" | "mariadb" => Kind::Mysql,
            "sqlite" => Kind::Sqlite,
            _ => return Err(wrong()),
        };
        if kind == Kind::Sqlite {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            if file.is_empty() {
                return Err(wrong());
            }
            return Ok(Address::new(kind, file.to_owned(), format!("sqlite:{file}")));
        }
        let scheme = if kind == Kind::Postgres { "postgres" } else { "mysql" };
        let rest = rest.strip_prefix("//").filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
        // A password may hold anything: who asks ends with the last '@'.
        let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(w, p)| (Some(w), p));
        let (place, options) = place.split_once('?').unwrap_or((place, ""));
        let mut address = Address::new(kind, String::new(), format!("{scheme}://{place}"));
        let kept = address.take_options(options)?;
        let (user, given) = match who.map(|who| who.split_once(':')) {
            Some(Some((user, password))) => (Some(user), Some(password.to_owned())),
            Some(None) => (who, None),
            None => (None, None),
        };
        let password = given.or_else(|| std::env::var(PASSWORD).ok().map(|said| encoded(&said)));
        let who = match (user, &password) {
            (Some(user), Some(password)) => format!("{user}:{password}@"),
            (Some(user), None) => format!("{user}@"),
            (None, _) => String::new(),
        };
        address.url = format!("{scheme}://{who}{place}{kept}");
        address.password = password.or(address.password);
        Ok(address)
    }

    fn new(kind: Kind, url: String, shown: String) -> Address {
        let (encryption, certificates) = (Encryption::Preferred, None);
        Address { kind, url, shown, password: None, encryption, certificates }
    }

    /// Takes the options that are ours; gives those that the driver reads.
    fn take_options(&mut self, options: &str) -> Result<String, String> {
        let mut kept = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", mode)) => {
                    self.encryption = match mode {
                        "prefer" => Encryption::Preferred,
                        "disable" => Encryption::Disabled,
                        "require" | "verify-full" => Encryption::Required,
                        _ => {
                            return Err(format!(
                                "'{mode}' is no sslmode; use prefer, disable or require"
                            ));
                        }
                    };
                }
                Some(("sslrootcert", file)) => self.certificates = Some(decoded(file).into()),
                _ => {
                    if let Some(("password", secret)) = option.split_once('=') {
                        self.password = Some(secret.to_owned());
                    }
                    kept.push(option);
                }
            }
        }
        Ok(if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) })
    }

    /// The kind of the database.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The address as the driver reads it; for SQLite the file.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The address without user and password.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// A message in which the password does not stand.
    pub(super) fn without_password(&self, said: &str) -> String {
        let mut said = said.to_owned();
        for secret in self.password.iter().flat_map(|p| [p.clone(), decoded(p)]) {
            if !secret.is_empty() {
                said = said.replace(&secret, "***");
            }
        }
        said
    }
}

/// A text as it stands in an address.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let one = |byte: u8| {
        if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// A text of an address as it was meant.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("postgres://ann:s3cret@db.example:5433/shop", "postgres://db.example:5433/shop"),
            ("postgresql://ann:s3:c@r/e?t@db/shop?sslmode=disable", "postgres://db/shop"),
            ("mysql://ann@db/shop?x=s3cret", "mysql://db/shop"),
            ("mariadb://db/shop", "mysql://db/shop"),
            ("sqlite:some dir/shop.db", "sqlite:some dir/shop.db"),
            ("sqlite:///abs/shop.db", "sqlite:/abs/shop.db"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.shown(), shown);
            assert!(!format!("{address:?}").contains("s3"), "{address:?}");
        }
        let address = Address::parse("postgres://ann:a%20b@db/shop").unwrap();
        assert_eq!(address.without_password("no 'a b' or a%20b"), "no '***' or ***");
        let address = Address::parse("postgres://db/shop?user=ann&password=a%20b").unwrap();
        assert_eq!(address.without_password("no 'a b' or a%20b"), "no '***' or ***");
    }

    #[test]
    fn options_of_encryption_are_ours() {
        let address = Address::parse(
            "mysql://a:b@db/x?sslmode=require&sslrootcert=%2Fca.pem&prefer_socket=false",
        );
        let address = address.unwrap();
        assert_eq!(address.encryption, Encryption::Required);
        assert_eq!(address.certificates, Some(PathBuf::from("/ca.pem")));
        assert_eq!(address.url(), "mysql://a:b@db/x?prefer_socket=false");
        for wrong in ["shop.db", "oracle://x", "postgres:", "sqlite:", "postgres://h/d?sslmode=x"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
