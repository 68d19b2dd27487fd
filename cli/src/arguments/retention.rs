//! Arguments that say which images are *kept*.

use std::time::Duration;

use clap::{ArgGroup, Args};
use diskette_builder::oci::retention::{RetentionRules, parse_age, whole_tag};
use regex::Regex;

/// Which images are kept.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rule").args(["keep", "keep_within"]).required(true).multiple(true))]
pub(crate) struct RetentionArguments {
    /// Keep the newest N images; 0 keeps none. Without it the newest image is kept
    #[arg(long, value_name = "N")]
    keep: Option<usize>,

    /// Keep images that are not older than this: 30d, 12h, 8w or 90min
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
            ..RetentionRules::default()
        }
    }
}
