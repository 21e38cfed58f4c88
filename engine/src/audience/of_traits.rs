//! Of which traits values and conditions are, and how finely they look at them.

use super::resolved::{Condition, Scalar};
use crate::base::value::ValueType;
use crate::catalog::Fields;

impl Scalar {
    /// Whether it is the same whatever instant of a day its traits are.
    pub fn is_of_day(&self) -> bool {
        let of_trait = |inner: &Scalar| matches!(inner, Scalar::Trait(_));
        match self {
            Scalar::Trait(_) => false,
            Scalar::Part(part, inner) | Scalar::Truncate(part, inner) if of_trait(inner) => {
                part.is_of_day()
            }
            Scalar::AsDate(inner) if of_trait(inner) => true,
            _ => {
                let mut all = true;
                self.each_part(&mut |part| all &= part.is_of_day());
                all
            }
        }
    }

    /// The one trait that it is made of beside constants.
    pub fn single_trait(&self) -> Option<usize> {
        let (mut found, mut alone) = (None, true);
        self.visit(&mut |scalar| see_trait(scalar, &mut found, &mut alone));
        found.filter(|_| alone)
    }
}

/// Takes note of a value that is looked at: of which trait it is, and whether it is of no other and of traits alone.
fn see_trait(scalar: &Scalar, found: &mut Option<usize>, alone: &mut bool) {
    match scalar {
        Scalar::Trait(number) => *alone &= found.replace(*number).is_none_or(|one| one == *number),
        Scalar::Event(..) | Scalar::Entity(..) | Scalar::Bucket { .. } | Scalar::Subquery(_) => {
            *alone = false;
        }
        _ => {}
    }
}

impl Condition {
    /// The one trait that a condition without parts is about beside constants.
    pub fn single_trait(&self) -> Option<usize> {
        use Condition::{Compare, In, Is, IsNull, Like};
        if !matches!(self, Compare(..) | In(..) | Is(_) | IsNull(_) | Like { .. }) {
            return None;
        }
        let (mut found, mut alone) = (None, true);
        self.visit(&mut |scalar| see_trait(scalar, &mut found, &mut alone));
        found.filter(|_| alone)
    }

    /// The traits of numbers and times in it.
    pub fn numbers(&self, fields: &Fields) -> Vec<usize> {
        use ValueType::{Date, Decimal, Float, Integer, Timestamp};
        let mut found = Vec::new();
        self.visit(&mut |scalar| {
            let Scalar::Trait(number) = scalar else { return };
            let value_type = fields.get(*number).and_then(|field| field.value_type);
            if matches!(value_type, Some(Integer | Float | Decimal | Date | Timestamp)) {
                found.push(*number);
            }
        });
        found
    }

    /// Whether one without parts is the same whatever instant of a day its traits are.
    pub fn is_of_day(&self) -> bool {
        match self {
            Condition::Compare(_, left, right) => left.is_of_day() && right.is_of_day(),
            Condition::In(value, options) => {
                value.is_of_day() && options.iter().all(Scalar::is_of_day)
            }
            Condition::IsNull(value) => value.is_of_day(),
            _ => false,
        }
    }
}
