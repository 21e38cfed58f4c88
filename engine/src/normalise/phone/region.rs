//! National numbers of a region.
//!
//! *What it is:* how a region dials, in a form in which most of its numbers are read without the library, which takes
//! microseconds for each. *Invariants:* a number is only taken when its region has numbers of that length; the
//! numbering plans are those of one version of the library, since a fold must give the same whenever it runs.

use super::{INTERNATIONAL_DIGITS, international};
use phonenumber::country::Id;
use phonenumber::metadata::{DATABASE, Metadata};
use phonenumber::{Mode, Type};

/// A region with a numbering plan: two letters of ISO 3166.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(Id);

impl Region {
    /// The region of two letters, in any case.
    ///
    /// # Errors
    /// Why it is none, and what to write.
    pub fn parse(text: &str) -> Result<Region, String> {
        let code = text.trim().to_ascii_uppercase();
        let hint = match code.as_str() {
            "UK" | "EN" | "ENGLAND" => "did you mean 'GB'?",
            "USA" => "did you mean 'US'?",
            "+33" | "33" | "FRA" | "FRANCE" => "did you mean 'FR'?",
            "AUS" => "did you mean 'AU'?",
            "GER" | "DEU" | "GERMANY" => "did you mean 'DE'?",
            _ => "use two letters of ISO 3166, such as FR, GB or US",
        };
        let region = code.parse().ok().filter(|_| code.len() == 2).map(Region);
        region.ok_or_else(|| format!("'{text}' is no region; {hint}"))
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

/// How a region dials.
#[derive(Debug)]
pub struct Plan {
    region: Id,
    code: String,
    /// What is dialled before an international number, as a pattern.
    abroad: &'static str,
    /// What is dialled before a national number.
    trunk: Option<u8>,
    /// Whether most numbers can be read without the library.
    quick: bool,
    lengths: Lengths,
}

/// Digits that national numbers have: one bit for each count.
#[derive(Debug, Clone, Copy, Default)]
struct Lengths(u32);

impl Lengths {
    fn of(metadata: &Metadata) -> Lengths {
        let kinds = [
            Type::FixedLine,
            Type::Mobile,
            Type::TollFree,
            Type::PremiumRate,
            Type::SharedCost,
            Type::PersonalNumber,
            Type::Voip,
            Type::Uan,
            Type::Pager,
        ];
        let descriptors = kinds.iter().filter_map(|kind| metadata.descriptors().get(*kind));
        let lengths = descriptors.flat_map(|descriptor| descriptor.possible_length());
        Lengths(
            lengths
                .fold(0, |bits, length| bits | 1u32.checked_shl(u32::from(*length)).unwrap_or(0)),
        )
    }

    fn have(self, length: usize) -> bool {
        u32::try_from(length).is_ok_and(|length| length < 32 && self.0 >> length & 1 == 1)
    }
}

impl Plan {
    /// How a region dials.
    pub fn of(region: Region) -> Option<Plan> {
        let metadata = DATABASE.by_id(region.0.as_ref())?;
        let abroad = metadata.international_prefix().map_or("00", |pattern| pattern.as_str());
        let trunk = match metadata.national_prefix().map(str::as_bytes) {
            None => None,
            Some([digit]) => Some(*digit),
            // Prefixes of more digits are left to the library.
            Some(_) => return Some(Plan::slow(region.0, metadata, abroad)),
        };
        let parsing = metadata.national_prefix_for_parsing().map(|pattern| pattern.as_str());
        // A prefix that is one of several, beside those of carriers, takes nothing else from a number.
        let plain = match (parsing, metadata.national_prefix()) {
            (None, _) => true,
            (Some(pattern), Some(prefix)) => {
                pattern == prefix
                    || pattern.ends_with(&format!("|{prefix}"))
                    || pattern.starts_with(&format!("{prefix}|"))
            }
            (Some(_), None) => false,
        };
        let quick = plain && metadata.national_prefix_transform_rule().is_none();
        Some(Plan { trunk, quick, ..Plan::slow(region.0, metadata, abroad) })
    }

    fn slow(region: Id, metadata: &Metadata, abroad: &'static str) -> Plan {
        let code = metadata.country_code().to_string();
        Plan { region, code, abroad, trunk: None, quick: false, lengths: Lengths::of(metadata) }
    }

    /// The international form of digits that were dialled in the region; nothing when it has no such number.
    pub fn national(&self, digits: &str) -> Option<String> {
        if let Some(number) = self.short_cut(digits) {
            return Some(number);
        }
        match self.dialled_abroad(digits) {
            Some(number) => Some(number),
            None => self.asked(digits),
        }
    }

    /// The numbers that most people have, written as they write them.
    pub(super) fn short_cut(&self, digits: &str) -> Option<String> {
        if !self.quick || digits.starts_with("00") {
            return None;
        }
        let number = match self.trunk {
            Some(trunk) if digits.as_bytes().first() == Some(&trunk) => digits.get(1..)?,
            // What begins with the country code may be written without a plus.
            _ if digits.starts_with(&self.code) => return None,
            _ => digits,
        };
        let again = number.as_bytes().first().copied();
        let plain = again != Some(b'0') && again != self.trunk;
        // Only prefixes that begin with 00 are surely not at hand.
        let inland = self.abroad == "00" || !self.may_go_abroad(digits);
        let length = self.code.len() + number.len();
        let fits = INTERNATIONAL_DIGITS.contains(&length) && self.lengths.have(number.len());
        (plain && inland && fits).then(|| super::with_code(&self.code, number))
    }

    /// Whether digits could begin with what is dialled before an international number.
    fn may_go_abroad(&self, digits: &str) -> bool {
        self.prefix_abroad(digits).is_some()
    }

    fn prefix_abroad(&self, digits: &str) -> Option<usize> {
        if self.abroad.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.starts_with(self.abroad).then_some(self.abroad.len());
        }
        let pattern = DATABASE.by_id(self.region.as_ref())?.international_prefix()?;
        pattern.find(digits).filter(|found| found.start() == 0).map(|found| found.end())
    }

    /// A number with what is dialled before international ones; also 00 where that is none, as people write it
    /// everywhere.
    fn dialled_abroad(&self, digits: &str) -> Option<String> {
        let own = self.prefix_abroad(digits).and_then(|length| digits.get(length..));
        let general = digits.strip_prefix("00");
        own.into_iter().chain(general).filter(|rest| !rest.starts_with('0')).find_map(possible)
    }

    /// What the library makes of digits.
    pub(super) fn asked(&self, digits: &str) -> Option<String> {
        let number = phonenumber::parse(Some(self.region), digits).ok()?;
        let written = number.format().mode(Mode::E164).to_string();
        let own = written.strip_prefix('+')?.strip_prefix(&self.code)?;
        let settled = possible(&format!("{}{own}", self.code))?;
        (self.lengths.have(own.len()) && settled == written).then_some(written)
    }
}

/// The form of a number that begins with its country code, when the country has numbers of that length.
fn possible(digits: &str) -> Option<String> {
    let number = international(digits)?;
    let digits = number.strip_prefix('+')?;
    if super::is_american(digits) == Some(false) {
        return None;
    }
    let length = super::code_length(digits.as_bytes())?;
    let (code, national) = digits.split_at_checked(length)?;
    let regions = DATABASE.by_code(&code.parse::<u16>().ok()?)?;
    regions.iter().any(|region| Lengths::of(region).have(national.len())).then_some(number)
}
