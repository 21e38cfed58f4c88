//! What the engine is held to beyond what it keeps today. A switch is turned on with the change that makes it true, and
//! is then taken out; until then the questions that would tell are not asked.

/// Whether entities and funnels are told and asked.
pub const ENTITIES_AND_FUNNELS: bool = true;

pub struct Held {
    /// A coalesce of several types has the type that holds all of them, whichever value it gives.
    pub coalesce_widens: bool,
    /// Nothing is in an empty set, not even NULL: `NULL = ANY(p.tags)` is false.
    pub empty_sets_hold_no_null: bool,
    /// A column of a statement shows an absent set as an empty one.
    pub absent_sets_are_shown_empty: bool,
    /// A trait that was only ever told NULL may stand as a condition, and in min, max, first and last.
    pub untyped_columns_stand_everywhere: bool,
    /// The sum of finite floats is exact even when a part of it leaves the range of floats.
    pub float_sums_may_stray: bool,
    /// A sum of decimals has an answer when it has 38 digits, even when a part of it has more.
    pub sums_may_stray: bool,
    /// The average of exact numbers is rounded once, even when they have more than 53 bits.
    pub averages_round_once: bool,
    /// A time of the last days of the year 9999 has a local time, or is an error where that lies beyond; never NULL.
    pub zones_reach_the_last_day: bool,
    /// What stands in GROUP BY is known again in another spelling: `SELECT p.Country ... GROUP BY p.country`.
    pub keys_may_be_spelled_anew: bool,
    /// `SELECT count(*) AS name` has the heading `name`.
    pub counts_have_names: bool,
}

pub const HELD: Held = Held {
    coalesce_widens: true,
    empty_sets_hold_no_null: true,
    absent_sets_are_shown_empty: true,
    untyped_columns_stand_everywhere: true,
    float_sums_may_stray: true,
    sums_may_stray: true,
    averages_round_once: true,
    zones_reach_the_last_day: true,
    keys_may_be_spelled_anew: true,
    counts_have_names: true,
};
