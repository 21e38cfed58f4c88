//! A page of members, as it is asked for on the command line.

use super::arguments::{engine, rows};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use navedb::{Cursor, MembersRequest, limits};

/// Which members, and what is printed of them.
#[derive(Debug, Args)]
pub(crate) struct Page {
    /// The traits whose values are printed
    #[arg(long, value_name = "TRAIT[,TRAIT]", value_delimiter = ',',
          value_parser = NonEmptyStringValueParser::new())]
    select: Vec<String>,
    /// The namespace whose identifiers are printed
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    with: Option<String>,
    /// How many members at most
    #[arg(long, value_name = "N", default_value_t = limits::MEMBERS_DEFAULT, value_parser = rows)]
    limit: usize,
    /// The profile id that the page before ended with
    #[arg(long, value_name = "CURSOR", value_parser = engine::<Cursor>)]
    after: Option<Cursor>,
}

impl Page {
    pub(crate) fn request(&self) -> MembersRequest {
        MembersRequest {
            select: self.select.clone(),
            with: self.with.clone(),
            limit: self.limit,
            after: self.after,
        }
    }
}
