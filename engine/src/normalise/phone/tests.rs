//! Phone numbers, by telling cases and against the library.

use super::region::Plan;
use super::*;
use crate::base::random::Rng;
use phonenumber::metadata::DATABASE;

fn rules(region: &str) -> PhoneRules {
    let region = (!region.is_empty()).then(|| Region::parse(region).unwrap());
    PhoneRules::new(region, Extension::Kept)
}

fn check(region: &str, cases: &[(&str, &str)]) {
    let rules = rules(region);
    for (text, form) in cases {
        let found = second(text, &rules);
        assert_eq!(found.as_deref(), Ok(*form), "{text:?} in '{region}'");
    }
}

#[test]
fn international_numbers_need_no_region() {
    check(
        "",
        &[
            ("+33612345678", "+33612345678"),
            ("+33 6 12-34.56/78", "+33612345678"),
            ("\u{202d}+33\u{a0}6\u{202f}12\u{200b}345678\u{202c}", "+33612345678"),
            ("＋３３ ６１２ ３４５ ６７８", "+33612345678"),
            ("+٣٣ ٦١٢٣٤٥٦٧٨", "+33612345678"),
            ("+33 (0)6 12 34 56 78", "+33612345678"),
            ("+330612345678", "+33612345678"),
            ("0044 (0)20 7946 0958", "+442079460958"),
            ("0033612345678", "+33612345678"),
            ("tel:+33-6-12-34-56-78", "+33612345678"),
            ("whatsapp:+14155238886", "+14155238886"),
            ("tel:06-12-34-56-78;phone-context=+33", "+33612345678"),
            ("33612345678.0", "33612345678"),
            ("+33612345678.0", "+33612345678"),
            // Italy and the Ivory Coast keep their zero.
            ("+39 06 698 82352", "+390669882352"),
            ("+39 (0)6 698 82352", "+390669882352"),
            ("+225 01 23 45 67 89", "+2250123456789"),
            // Mexico gave up the 1 of mobile numbers.
            ("+52 1 55 1234 5678", "+525512345678"),
            ("+52 55 1234 5678", "+525512345678"),
            ("+1 (650) 253-0000", "+16502530000"),
            ("+1 650 253 0000 ext. 12", "+16502530000;ext=12"),
            ("+1-650-253-0000x12", "+16502530000;ext=12"),
            ("tel:+1-650-253-0000;ext=12", "+16502530000;ext=12"),
            ("+33 1 23 45 67 89 poste 5", "+33123456789;ext=5"),
        ],
    );
}

#[test]
fn national_numbers_without_a_region_are_digits() {
    check(
        "",
        &[
            ("06 12 34 56 78", "0612345678"),
            ("(650) 253-0000", "6502530000"),
            ("33612345678", "33612345678"),
            ("001", "001"),
            ("112", "112"),
            ("+0612345678", "0612345678"),
            ("0011 44 20 7946 0958", "0011442079460958"),
            ("+1", "+1"),
            ("+999 123456789", "+999123456789"),
            // No number: its text.
            ("0612345678 (Paul)", "0612345678 (paul)"),
            ("1-800-FLOWERS", "1-800-flowers"),
            ("*123#", "*123#"),
            ("06+12", "06+12"),
            ("ann@example.org", "ann@example.org"),
        ],
    );
    for text in ["()", "+", " - "] {
        assert_eq!(second(text, &rules("")), Err(NoPhone::NoDigits), "{text}");
    }
    for text in ["3.36E+10", "3,36123E+10", "33E9"] {
        assert_eq!(second(text, &rules("")), Err(NoPhone::Rounded), "{text}");
    }
}

#[test]
fn national_numbers_are_those_of_their_region() {
    check(
        "FR",
        &[
            ("06 12 34 56 78", "+33612345678"),
            ("0612345678", "+33612345678"),
            ("06.12.34.56.78", "+33612345678"),
            ("０６\u{3000}１２３４５６７８", "+33612345678"),
            // A spreadsheet took the zero for a sign of a number.
            ("612345678", "+33612345678"),
            ("612345678.0", "+33612345678"),
            ("33612345678", "+33612345678"),
            ("+0612345678", "+33612345678"),
            ("00 44 (0)20 7946 0958", "+442079460958"),
            ("00390669882352", "+390669882352"),
            ("+44 20 7946 0958", "+442079460958"),
            ("001", "001"),
            ("112", "112"),
            ("3631", "3631"),
            ("0012345678", "0012345678"),
            ("06 12 34 56 78 / 01 23 45 67 89", "06123456780123456789"),
            ("0000000000", "0000000000"),
        ],
    );
    check(
        "GB",
        &[
            ("020 7946 0958", "+442079460958"),
            ("(020) 7946 0958 ext 12", "+442079460958;ext=12"),
            ("07911 123456", "+447911123456"),
            ("7911123456", "+447911123456"),
            ("0044 (0)20 7946 0958", "+442079460958"),
            ("0033 6 12 34 56 78", "+33612345678"),
        ],
    );
    check(
        "US",
        &[
            ("(650) 253-0000", "+16502530000"),
            ("1-650-253-0000", "+16502530000"),
            ("6502530000", "+16502530000"),
            ("650.253.0000 x123", "+16502530000;ext=123"),
            ("011 44 20 7946 0958", "+442079460958"),
            ("00 44 20 7946 0958", "+442079460958"),
            ("001", "001"),
            ("911", "911"),
        ],
    );
}

#[test]
fn numbers_of_other_regions_are_theirs() {
    check(
        "AU",
        &[
            ("02 9374 4000", "+61293744000"),
            ("0412 345 678", "+61412345678"),
            ("412345678", "+61412345678"),
            ("0011 44 20 7946 0958", "+442079460958"),
            ("1300 655 506", "+611300655506"),
        ],
    );
    check(
        "DE",
        &[
            ("030 901820", "+4930901820"),
            ("(030) 90 18 20", "+4930901820"),
            ("0151 23456789", "+4915123456789"),
            ("0049 (0)30 901820", "+4930901820"),
        ],
    );
    check("IT", &[("06 698 82352", "+390669882352"), ("347 123 4567", "+393471234567")]);
    check("RU", &[("8 (912) 345-67-89", "+79123456789"), ("912 345-67-89", "+79123456789")]);
    check("AR", &[("011 15-1234-5678", "+5491112345678")]);
    check("BR", &[("(11) 96123-4567", "+5511961234567"), ("0 15 11 96123-4567", "+5511961234567")]);
    check("JP", &[("090-1234-5678", "+819012345678"), ("010 44 20 7946 0958", "+442079460958")]);
}

#[test]
fn an_extension_can_be_dropped() {
    let rules = PhoneRules::new(None, Extension::Dropped);
    assert_eq!(second("+1 650 253 0000 x12", &rules).as_deref(), Ok("+16502530000"));
}

/// What is read without the library is what the library says.
#[test]
fn the_short_cut_agrees_with_the_library() {
    let mut rng = Rng(3);
    let digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let (mut short, mut asked) = (0, 0);
    for metadata in DATABASE.iter() {
        let Ok(region) = Region::parse(metadata.id()) else { continue };
        let plan = Plan::of(region).unwrap();
        let kinds = [phonenumber::Type::FixedLine, phonenumber::Type::Mobile];
        for kind in kinds {
            let descriptor = metadata.descriptors().get(kind);
            let Some(example) = descriptor.and_then(|descriptor| descriptor.example()) else {
                continue;
            };
            for _ in 0..4 {
                let kept = rng.below(example.len());
                let mut number = example[..kept].to_owned();
                while number.len() < example.len() {
                    number.push_str(digits[rng.below(10)]);
                }
                let trunk = metadata.national_prefix().unwrap_or_default();
                for written in [format!("{trunk}{number}"), number.clone()] {
                    let quick = plan.short_cut(&written);
                    let slow = plan.asked(&written);
                    asked += usize::from(slow.is_some());
                    short += usize::from(quick.is_some());
                    if let (Some(quick), Some(slow)) = (&quick, &slow) {
                        assert_eq!(quick, slow, "{written} in {region}");
                    }
                }
            }
        }
    }
    assert!(short * 3 > asked, "{short} {asked}");
}

/// The codes after which numbers may begin with a zero are those of the numbering plans.
#[test]
fn zeros_stay_where_numbers_have_them() {
    for metadata in DATABASE.iter() {
        let code = metadata.country_code().to_string();
        let kinds = [
            phonenumber::Type::FixedLine,
            phonenumber::Type::Mobile,
            phonenumber::Type::TollFree,
            phonenumber::Type::Uan,
        ];
        for kind in kinds {
            let descriptor = metadata.descriptors().get(kind);
            if let Some(example) = descriptor.and_then(|descriptor| descriptor.example()) {
                let number = format!("+{code}{example}");
                assert_eq!(second(&number, &rules("")).as_deref(), Ok(number.as_str()));
                assert_eq!(code_length(&number.as_bytes()[1..]), Some(code.len()), "{number}");
            }
        }
    }
}

#[test]
fn a_region_is_two_letters() {
    assert_eq!(Region::parse(" fr ").unwrap().to_string(), "FR");
    for (text, hint) in [("UK", "'GB'"), ("France", "'FR'"), ("XX", "ISO 3166"), ("", "ISO 3166")] {
        let message = Region::parse(text).unwrap_err();
        assert!(message.contains(hint), "{message}");
    }
}
