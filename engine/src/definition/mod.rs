//! Definitions: what the owner of the store says of fields, sources and mappings.
//!
//! *What it is:* the file that people write (`file`), the kinds of definitions (`kinds`), and `Definitions`, those in
//! force in the form in which a fold asks them. *Invariants:* the fold reads no TOML: it is compiled once for each
//! fold; one body has one form in the log. *What it does not know:* the log, the state. *Where to start reading:*
//! `Definitions`, then `kinds`.

mod body;
mod columns;
mod compiled;
mod expectation;
mod field;
mod file;
mod identity;
mod kinds;
mod mapping;
mod read;
mod saved;
mod trouble;

pub use body::{path_text, quoted};
pub use columns::MappedColumn;
pub use compiled::{Definitions, Mapped};
pub use expectation::Expectation;
pub use field::code_of;
pub use file::{parse_file, parse_full_name, parse_name};
pub use identity::{HouseholdRules, IdentityRules, NamespaceRules};
pub use kinds::fold_text;
pub use mapping::{Mapping, Target};
pub use read::{read, says_nothing, within};
pub use saved::{COMPUTED, ComputedTrait, SEGMENT, STREAM, SegmentRule, StreamRule};
