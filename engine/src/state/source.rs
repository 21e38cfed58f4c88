//! Whether what a source says is taken: live, held or refused.

use crate::base::error::{Error, Result};
use crate::base::ids::Position;
use bincode::{Decode, Encode};

/// Whether what a source says is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub enum SourceState {
    /// It is logged and folded.
    #[default]
    Live,
    /// It is logged and answered, and folded when the source is released.
    Held,
    /// It is refused, and nothing of it is logged.
    Refused,
}

impl SourceState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            SourceState::Live => "live",
            SourceState::Held => "held",
            SourceState::Refused => "refused",
        }
    }

    /// The state that the body of a definition names; live when it names none.
    pub fn of_body(body: Option<&str>) -> SourceState {
        let table = body.and_then(|body| body.parse::<toml::Table>().ok()).unwrap_or_default();
        let word = table.get("state").and_then(toml::Value::as_str).unwrap_or_default();
        word.parse().unwrap_or_default()
    }
}

impl std::str::FromStr for SourceState {
    type Err = Error;

    fn from_str(text: &str) -> Result<SourceState> {
        [SourceState::Live, SourceState::Held, SourceState::Refused]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "'{text}' is no state of a source; use live, held or refused"
                ))
            })
    }
}

/// What holds for a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct SourceRule {
    /// Its state.
    pub state: SourceState,
    /// The first position whose rows are held back, if any are.
    pub since: Option<Position>,
}

impl SourceRule {
    /// Whether what stands at a position is held back.
    pub fn holds_back(&self, position: Position) -> bool {
        self.since.is_some_and(|since| since <= position)
    }
}
