//! The options of what one *server* gets at a time, of commands that work on many images at once.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::Args;
use diskette_builder::net::http::ServerLimits;

/// What one server gets at a time.
#[derive(Debug, Args)]
pub(crate) struct ServerLimitArguments {
    /// Maximum number of connections to one server [default: no limit]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,

    /// Maximum number of requests that one server gets in a second [default: no limit]
    #[arg(long, value_name = "N")]
    max_requests_per_second: Option<NonZeroU32>,
}

impl ServerLimitArguments {
    /// Returns the limits.
    pub(crate) fn limits(&self) -> ServerLimits {
        ServerLimits {
            connections: self.max_connections,
            requests_per_second: self.max_requests_per_second,
        }
    }
}
