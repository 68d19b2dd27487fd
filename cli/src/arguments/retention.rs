//! Arguments that say which images are *kept*.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use diskette_builder::oci::retention::{RetentionRules, parse_age, whole_tag};
use regex::Regex;

/// Which images are kept.
#[derive(Debug, Args)]
pub(crate) struct RetentionArguments {
    /// Keep the newest N images
    #[arg(long, value_name = "N", required_unless_present = "keep_within")]
    keep: Option<NonZeroUsize>,

    /// Keep images that are not older than this: 30d, 12h or 8w
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    keep_within: Option<Duration>,

    /// Keep tags in which this regular expression matches; may be repeated
    #[arg(long, value_name = "REGEX")]
    keep_tags: Vec<Regex>,

    /// Delete only tags that this regular expression matches as a whole; may be repeated
    #[arg(long, value_name = "REGEX", value_parser = whole_tag)]
    tags: Vec<Regex>,
}

impl RetentionArguments {
    /// Returns the rules.
    pub(crate) fn rules(&self) -> RetentionRules {
        RetentionRules {
            newest: self.keep,
            within: self.keep_within,
            keep_tags: self.keep_tags.clone(),
            only_tags: Some(self.tags.clone()).filter(|all| !all.is_empty()),
            annotation: None,
        }
    }
}
