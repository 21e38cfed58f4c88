//! Suburbs, cities, states and postcodes in one form.

/// The words of a suburb, city or place, from its simplified text: saints and mounts written out, `Cedex` and its
/// number dropped.
pub(super) fn place_words(simple: &str) -> impl Iterator<Item = &str> {
    let place = simple.split_once(" cedex").map_or(simple, |(place, _)| place);
    let alone = !place.contains(' ');
    place.split(' ').map(move |word| match word {
        "st" | "ste" | "sainte" if !alone => "saint",
        "mt" if !alone => "mount",
        other => other,
    })
}

/// States by the letters of their names, with the short form that is written for them.
const STATES: [(&str, &str); 60] = [
    ("newsouthwales", "nsw"),
    ("victoria", "vic"),
    ("queensland", "qld"),
    ("westernaustralia", "wa"),
    ("southaustralia", "sa"),
    ("tasmania", "tas"),
    ("australiancapitalterritory", "act"),
    ("northernterritory", "nt"),
    ("alabama", "al"),
    ("alaska", "ak"),
    ("arizona", "az"),
    ("arkansas", "ar"),
    ("california", "ca"),
    ("colorado", "co"),
    ("connecticut", "ct"),
    ("delaware", "de"),
    ("districtofcolumbia", "dc"),
    ("florida", "fl"),
    ("georgia", "ga"),
    ("hawaii", "hi"),
    ("idaho", "id"),
    ("illinois", "il"),
    ("indiana", "in"),
    ("iowa", "ia"),
    ("kansas", "ks"),
    ("kentucky", "ky"),
    ("louisiana", "la"),
    ("maine", "me"),
    ("maryland", "md"),
    ("massachusetts", "ma"),
    ("michigan", "mi"),
    ("minnesota", "mn"),
    ("mississippi", "ms"),
    ("missouri", "mo"),
    ("montana", "mt"),
    ("nebraska", "ne"),
    ("nevada", "nv"),
    ("newhampshire", "nh"),
    ("newjersey", "nj"),
    ("newmexico", "nm"),
    ("newyork", "ny"),
    ("northcarolina", "nc"),
    ("northdakota", "nd"),
    ("ohio", "oh"),
    ("oklahoma", "ok"),
    ("oregon", "or"),
    ("pennsylvania", "pa"),
    ("rhodeisland", "ri"),
    ("southcarolina", "sc"),
    ("southdakota", "sd"),
    ("tennessee", "tn"),
    ("texas", "tx"),
    ("utah", "ut"),
    ("vermont", "vt"),
    ("virginia", "va"),
    ("washington", "wa"),
    ("westvirginia", "wv"),
    ("wisconsin", "wi"),
    ("wyoming", "wy"),
    ("puertorico", "pr"),
];

/// A state, county or region from its letters and digits: the short form of one of Australia or the United States.
pub(super) fn state(joined: &str) -> &str {
    let long = Some(joined).filter(|joined| joined.len() > 3);
    let state = long.and_then(|joined| STATES.iter().find(|(long, _)| *long == joined));
    state.map_or(joined, |(_, short)| short)
}

/// A postcode from its letters and digits: without the sign of the country before it, and without the four digits that
/// the United States add.
pub(super) fn postcode(joined: &str) -> &str {
    let digits = joined.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let country = joined.len() - digits.len();
    let bare = if (1..=2).contains(&country) && matches!(digits.len(), 4 | 5) && all_digits(digits)
    {
        digits
    } else {
        joined
    };
    if bare.len() == 9 && all_digits(bare) { bare.get(..5).unwrap_or(bare) } else { bare }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_postcodes() {
        let place = |text| place_words(text).collect::<Vec<_>>().join(" ");
        assert_eq!(place("st etienne cedex 2"), "saint etienne");
        assert_eq!(place("paris cedex 08"), "paris");
        assert_eq!(place("mt gambier"), "mount gambier");
        assert_eq!(postcode("941031234"), "94103");
        assert_eq!(postcode("f75001"), "75001");
        assert_eq!(postcode("sw1a1aa"), "sw1a1aa");
        assert_eq!(postcode("2010"), "2010");
        assert_eq!((state("newsouthwales"), state("nsw"), state("kent")), ("nsw", "nsw", "kent"));
    }
}
