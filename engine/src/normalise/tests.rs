//! Forms of identifiers, by telling cases and random texts.

use super::clean;
use super::*;
use crate::base::random::Rng;

fn check(normaliser: &Normaliser, cases: &[(&str, &str)]) {
    for (text, form) in cases {
        let found = normaliser.apply(text);
        assert_eq!(found.as_deref(), Some(*form), "{normaliser} of {text:?}");
    }
}

fn borrowed(normaliser: &Normaliser, text: &str) -> bool {
    matches!(normaliser.apply(text), Some(Cow::Borrowed(_)))
}

fn email(fold_dots: Folding, fold_plus: Folding) -> Normaliser {
    Normaliser::Email(EmailRules { fold_dots, fold_plus })
}

#[test]
fn addresses_have_one_form() {
    check(
        &email(Folding::Off, Folding::Off),
        &[
            ("ann@example.org", "ann@example.org"),
            (" Ann.Lee+shop@Example.ORG\u{a0}", "ann.lee+shop@example.org"),
            ("ann@example.org.", "ann@example.org"),
            ("ann @ example.org", "ann@example.org"),
            ("\u{feff}ann\u{200b}@exam\u{ad}ple.org\u{200b}", "ann@example.org"),
            ("Ann Lee <Ann@Example.org>", "ann@example.org"),
            ("<mailto:ann@example.org?subject=x>", "ann@example.org"),
            ("'ann@example.org'", "ann@example.org"),
            ("\"Ann Lee\"@example.org", "\"ann lee\"@example.org"),
            ("ｏｎｏ＠ｅｘａｍｐｌｅ．ＣＯＭ", "ono@example.com"),
            // The German sharp s is a letter of its own in domains, since 2008.
            ("info@straße.de", "info@xn--strae-oqa.de"),
            ("info@STRASSE.de", "info@strasse.de"),
            ("info@xn--strae-oqa.de", "info@xn--strae-oqa.de"),
            ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@bu\u{308}cher.example", "ann@xn--bcher-kva.example"),
            ("小野@例え。テスト", "小野@xn--r8jz45g.xn--zckzah"),
            // The dotted capital I is what a Turkish keyboard writes for an i.
            ("İLKER@EXAMPLE.COM", "ilker@example.com"),
            ("ILKER@EXAMPLE.COM", "ilker@example.com"),
            ("ılker@example.com", "ılker@example.com"),
            ("re\u{301}mi@example.fr", "r\u{e9}mi@example.fr"),
            ("RÉMI@example.fr", "r\u{e9}mi@example.fr"),
            ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
            ("a@b@example.org", "a@b@example.org"),
            ("ann@my_host", "ann@my_host"),
            // No addresses: their text.
            ("Ann Lee", "ann lee"),
            ("ANN@", "ann@"),
            ("@example.org", "@example.org"),
            ("ann@.", "ann@."),
            ("<Ann>", "<ann>"),
            ("a.nn+x@gmail.com", "a.nn+x@gmail.com"),
        ],
    );
}

#[test]
fn foldings_hold_where_they_are_asked_for() {
    let gmail = || Folding::at(["Gmail.com", "bücher.example"]);
    check(
        &email(gmail(), Folding::Everywhere),
        &[
            ("A.n.n+Shop@Gmail.com", "ann@gmail.com"),
            ("a.nn@bücher.example", "ann@xn--bcher-kva.example"),
            ("a.nn+x@example.org", "a.nn@example.org"),
            ("+x@example.org", "+x@example.org"),
            ("...@gmail.com", "...@gmail.com"),
            ("\"a.b+c\"@gmail.com", "\"a.b+c\"@gmail.com"),
        ],
    );
    check(&email(Folding::Everywhere, Folding::Off), &[("a.b+c@example.org", "ab+c@example.org")]);
}

#[test]
fn ids_of_devices_have_one_form() {
    let uuid = "6d92078a-8246-4ba4-ae5b-76104861e7dc";
    check(
        &Normaliser::Device,
        &[
            (uuid, uuid),
            ("6D92078A-8246-4BA4-AE5B-76104861E7DC", uuid),
            (" {6d92078a-8246-4ba4-ae5b-76104861e7dc} ", uuid),
            ("6d92078a82464ba4ae5b76104861e7dc", uuid),
            ("URN:UUID:6d92078a-8246-4ba4-ae5b-76104861e7dc", uuid),
            ("9774D56d682e549c", "9774D56d682e549c"),
            ("AbC", "AbC"),
            ("6d92078a-8246-4ba4-ae5b-76104861e7dcf", "6d92078a-8246-4ba4-ae5b-76104861e7dcf"),
        ],
    );
    for zeros in [
        "00000000-0000-0000-0000-000000000000",
        "{00000000-0000-0000-0000-000000000000}",
        "00000000000000000000000000000000",
        "000000000000000",
        "00:00:00:00:00:00",
    ] {
        assert_eq!(Normaliser::Device.form(zeros), Err(Unusable::Nobody), "{zeros}");
    }
}

#[test]
fn words_and_numbers_have_one_form() {
    check(
        &Normaliser::Name,
        &[
            (" Élodie  O’BRIEN-Müller ", "elodie obrien muller"),
            ("E\u{301}lodie O'Brien Muller", "elodie obrien muller"),
            ("Lee, J.R.", "lee jr"),
            ("Straße", "strasse"),
            ("Łukasz Œrsted Ælfric", "lukasz oersted aelfric"),
            ("Йосиф", "йосиф"),
            ("山田\u{3000}太郎", "山田 太郎"),
        ],
    );
    check(
        &Normaliser::Address,
        &[
            ("12, Boulevard Saint-Germain", "12 blvd st germain"),
            ("12 bd. St Germain", "12 blvd st germain"),
            ("Flat 3, 10 Downing Street", "apt 3 10 downing st"),
            ("Unit 3/10 Downing St.", "apt 3 10 downing st"),
        ],
    );
    check(&Normaliser::Digits, &[("123-45-6789", "123456789"), ("٠١٢", "012"), ("Ab 1", "ab 1")]);
    check(
        &Normaliser::NationalId,
        &[("qq 12-34-56 c", "QQ123456C"), ("1 85 05 2a 006 084 36", "185052A00608436")],
    );
    check(&Normaliser::Text, &[(" Ann\u{a0}", "Ann")]);
    check(&Normaliser::Lower, &[(" Ann\u{200b}", "ann")]);
}

#[test]
fn short_words_stay_as_they_are() {
    for word in ["street", "sainte", "suite", "terrace", "est", "che", "batiment", "flat", "no"] {
        let once = Normaliser::Address.apply(word).unwrap_or_default().into_owned();
        assert_eq!(Normaliser::Address.apply(&once).unwrap_or_default(), once, "{word}");
    }
}

#[test]
fn what_is_nobodys_has_no_form() {
    for (_, make) in KINDS {
        let normaliser = make();
        for (text, why) in [
            ("", Unusable::Blank),
            (" \u{a0}\t", Unusable::Blank),
            ("null", Unusable::Nobody),
            (" NULL ", Unusable::Nobody),
            ("0", Unusable::Nobody),
        ] {
            let found = normaliser.form(text);
            // Version 1 of phones knows no letters.
            if normaliser != Normaliser::PhoneFirst || why != Unusable::Nobody || text == "0" {
                assert_eq!(found, Err(why), "{normaliser} of {text:?}");
            }
            assert!(found.is_err());
        }
        let long = "7".repeat(IDENTIFIER_BYTES_MAX + 1);
        assert_eq!(normaliser.form(&long), Err(Unusable::TooLong), "{normaliser}");
        assert_eq!(normaliser.form(&"x".repeat(9_000)), Err(Unusable::TooLong), "{normaliser}");
    }
    assert_eq!(Normaliser::PhoneFirst.form("none"), Err(Unusable::NoDigits));
    assert_eq!(Normaliser::Digits.form("--"), Err(Unusable::NoDigits));
    assert_eq!(Normaliser::Text.form("-1"), Err(Unusable::Nobody));
}

#[test]
fn what_is_in_its_form_is_borrowed() {
    let phone = Normaliser::Phone(PhoneRules::default());
    for (normaliser, text) in [
        (&email(Folding::Off, Folding::Off), "ann.lee+x@example.org"),
        (&email(Folding::Everywhere, Folding::Everywhere), "ann@example.org"),
        (&Normaliser::EmailFirst, "ann@example.org"),
        (&Normaliser::PhoneFirst, "+33612345678"),
        (&phone, "+33612345678"),
        (&phone, "0612345678"),
        (&Normaliser::Device, "6d92078a-8246-4ba4-ae5b-76104861e7dc"),
        (&Normaliser::Text, "Ann"),
    ] {
        assert!(borrowed(normaliser, text), "{normaliser} of {text}");
    }
}

#[test]
fn namespaces_have_defaults() {
    let names = |version: u32| {
        ["user_id", "email", "phone", "anonymous_id", "idfa", "device_id", "shoe_size"]
            .map(|namespace| Normaliser::for_namespace(namespace, version).name())
    };
    assert_eq!(names(1), ["text@1", "email@1", "phone@1", "text@1", "text@1", "text@1", "text@1"]);
    assert_eq!(
        names(2),
        ["text@1", "email@2", "phone@2", "text@1", "device@1", "device@1", "text@1"]
    );
}

#[test]
fn names_of_normalisers_are_read() {
    for (name, make) in KINDS {
        assert_eq!(make().name(), name);
        assert_eq!(Normaliser::named(name), Ok(make()));
    }
    for (name, hint) in [
        ("email", "name its version too: email@1 or email@2"),
        ("email@3", "there is email@1 and email@2"),
        ("emial@2", "did you mean 'email@2'?"),
        ("shoe size", "use text@1, lower@1"),
    ] {
        let message = Normaliser::named(name).unwrap_err();
        assert!(message.contains(hint), "{message}");
    }
}

/// Version 1 as the engine has it.
fn version_1(namespace: &str, value: &str) -> Option<String> {
    let trimmed = value.trim();
    let value = match namespace {
        "email" => trimmed.to_lowercase(),
        "phone" => {
            let plus = trimmed.starts_with('+').then_some('+').into_iter();
            let digits = trimmed.chars().filter(char::is_ascii_digit);
            plus.chain(digits).collect::<String>().trim_end_matches('+').to_owned()
        }
        _ => trimmed.to_owned(),
    };
    let nobody =
        value.is_empty() || value == "0" || value == "-1" || value.eq_ignore_ascii_case("null");
    (!nobody && value.len() <= IDENTIFIER_BYTES_MAX).then_some(value)
}

const PIECES: [&str; 66] = [
    "a",
    "b",
    "Ann",
    "I",
    "İ",
    "ı",
    "ß",
    "ẞ",
    "é",
    "e\u{301}",
    "Σ",
    "@",
    "@",
    "＠",
    "\u{fe6b}",
    ".",
    ".",
    "。",
    "+",
    "+",
    "-",
    "_",
    " ",
    "\u{a0}",
    "\u{200b}",
    "\u{feff}",
    "\u{ad}",
    "\u{200d}",
    "\u{307}",
    "\u{323}",
    "0",
    "00",
    "0",
    "1",
    "33",
    "44",
    "39",
    "52",
    "61",
    "612",
    "345",
    "678",
    "٠",
    "７",
    "(0)",
    "(",
    ")",
    "/",
    "ext",
    "x",
    ";ext=",
    ";",
    "tel:",
    "mailto:",
    "<",
    ">",
    "\"",
    "'",
    "{",
    "gmail.com",
    "xn--",
    "K",
    "street",
    "null",
    ".0",
    "e+",
];

#[test]
fn version_1_is_what_the_engine_does() {
    let mut rng = Rng(1);
    for _ in 0..30_000 {
        let text = rng.text(&PIECES, 9);
        for namespace in ["email", "phone", "user_id"] {
            let found = Normaliser::for_namespace(namespace, 1).apply(&text);
            let known = version_1(namespace, &text);
            assert_eq!(found.as_deref(), known.as_deref(), "{namespace} {text:?}");
        }
    }
}

/// The form of a form is itself.
#[test]
fn forms_are_fixed() {
    let phone = |region: &str| {
        Normaliser::Phone(PhoneRules::new(Region::parse(region).ok(), Extension::Kept))
    };
    let mut all: Vec<Normaliser> = KINDS.iter().map(|(_, make)| make()).collect();
    all.extend(["FR", "GB", "US", "AU", "DE", "IT", "MX", "AR", "JP", "RU"].map(phone));
    all.push(email(Folding::Everywhere, Folding::Everywhere));
    all.push(email(Folding::at(["gmail.com"]), Folding::Off));
    let mut rng = Rng(2);
    for _ in 0..4_000 {
        let text = rng.text(&PIECES, 9);
        for normaliser in &all {
            let Some(once) = normaliser.apply(&text) else { continue };
            let again = normaliser.apply(&once);
            assert_eq!(again.as_deref(), Some(&*once), "{normaliser:?} of {text:?}");
        }
    }
}

#[test]
fn digits_of_scripts_are_digits() {
    for (text, digits) in [("٠١٢٣٤٥٦٧٨٩", "0123456789"), ("०९", "09"), ("０９", "09"), ("๐๙", "09")]
    {
        let found: Option<String> = text.chars().map(clean::digit).collect();
        assert_eq!(found.as_deref(), Some(digits));
    }
    assert_eq!(clean::digit('Z'), None);
    assert_eq!(clean::digit('é'), None);
}
