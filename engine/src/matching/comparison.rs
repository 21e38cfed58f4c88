//! What is compared of two records, and what the levels of each comparison mean.

/// What is compared. Fields that tell the same thing twice (postcode and city) are one comparison, because the model
/// takes comparisons for independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// The word of the name that agrees best.
    Name,
    /// Each other word of the shorter name.
    OtherName,
    /// The words of the street.
    Street,
    /// Postcode, suburb and city.
    Place,
    /// The day of birth.
    BirthDate,
    /// The number of the house.
    StreetNumber,
    /// A number or code that belongs to one person.
    NationalId,
    /// The telephone number.
    Phone,
    /// The e-mail address.
    Email,
    /// The gender.
    Gender,
    /// The state or region.
    State,
    /// The occupation.
    Occupation,
}

/// How many comparisons there are.
pub(super) const COUNT: usize = 12;

/// All comparisons, with the words that name them in a saved model.
pub(super) const COMPARISONS: [(Comparison, &str); COUNT] = [
    (Comparison::Name, "name"),
    (Comparison::OtherName, "other_name"),
    (Comparison::Street, "street"),
    (Comparison::Place, "place"),
    (Comparison::BirthDate, "birth_date"),
    (Comparison::StreetNumber, "street_number"),
    (Comparison::NationalId, "national_id"),
    (Comparison::Phone, "phone"),
    (Comparison::Email, "email"),
    (Comparison::Gender, "gender"),
    (Comparison::State, "state"),
    (Comparison::Occupation, "occupation"),
];

impl Comparison {
    /// The word that names the comparison in a saved model and in explanations.
    pub fn name(self) -> &'static str {
        COMPARISONS.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    /// What each level of the comparison means, level 0 first.
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Comparison::Name | Comparison::OtherName => &[
                "equal",
                "one change",
                "nearly alike",
                "short form or alike in sound",
                "initial",
                "different",
            ],
            Comparison::Street => &[
                "equal",
                "all words alike",
                "half alike",
                "a quarter alike",
                "a word alike",
                "different",
            ],
            Comparison::Place => &[
                "postcode equal",
                "postcode alike",
                "same district",
                "place equal, no postcode",
                "place equal, other postcode",
                "place alike",
                "postcode alike, other place",
                "different",
            ],
            Comparison::BirthDate => &[
                "equal",
                "one change",
                "day and month swapped",
                "two of three parts equal",
                "year equal",
                "two changes",
                "different",
            ],
            Comparison::StreetNumber | Comparison::Phone => {
                &["equal", "one change", "", "different"]
            }
            Comparison::NationalId => &["equal", "one change", "two changes", "different"],
            Comparison::Email => &["equal", "one change or other host", "two changes", "different"],
            Comparison::Gender | Comparison::State | Comparison::Occupation => {
                &["equal", "different"]
            }
        }
    }
}

/// The most levels of a comparison. Level 0 is equal.
pub(super) const LEVELS: usize = 8;
