//! `--shard` as typed: a number, or `auto` for the one in the environment.

use std::str::FromStr;

use diskette_builder::frontend::spec::{CatalogueEntry, FollowedVersions};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::{ShardError, SyncShard};

use crate::environment::Environment;
use crate::error::CommandError;

/// Returns the name of an image with its repository.
pub(crate) fn full_name(entry: &CatalogueEntry) -> String {
    format!("{}:{}", entry.image, entry.tag_name())
}

/// Returns the name that decides which part an image is in. All releases of a list that one entry stands for are in one part: no
/// other has to read the list.
pub(crate) fn shard_name(entry: &CatalogueEntry) -> String {
    match entry.versions {
        FollowedVersions::One => full_name(entry),
        FollowedVersions::All(_) | FollowedVersions::Found => format!("{}:*", entry.image),
    }
}

/// The selected part of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShardArgument {
    Numbered(SyncShard),
    /// Number from the environment; the count if the environment has none.
    Auto(Option<u64>),
}

impl FromStr for ShardArgument {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        match text.strip_prefix("auto") {
            Some("") => Ok(Self::Auto(None)),
            Some(rest) => {
                let count = rest.strip_prefix('/').and_then(|count| count.parse().ok());
                count.filter(|count| *count > 0).map(|it| Self::Auto(Some(it))).ok_or(ShardError)
            }
            None => text.parse().map(Self::Numbered),
        }
    }
}

impl ShardArgument {
    /// Returns the shard.
    pub(super) fn resolve(self, environment: &Environment) -> Result<SyncShard, CommandError> {
        let count = match self {
            Self::Numbered(shard) => return Ok(shard),
            Self::Auto(count) => count,
        };
        let number = |name: &str| environment.variable(name)?.parse::<u64>().ok();
        // Kubernetes counts from 0 and does not set the count; GitLab counts from 1.
        let kubernetes = number("JOB_COMPLETION_INDEX");
        let gitlab = number("CI_NODE_INDEX").and_then(|index| index.checked_sub(1));
        let count = count.or_else(|| number("CI_NODE_TOTAL"));
        let usage =
            |message: &str, help: &str| CommandError::Usage(Diagnostic::new(message).help(help));
        let index = kubernetes.or(gitlab).ok_or_else(|| {
            usage(
                "the environment does not say which part this is",
                "an indexed Job of Kubernetes (`JOB_COMPLETION_INDEX`) or a parallel one of GitLab \
                 (`CI_NODE_INDEX`) does; elsewhere use `--shard I/N`",
            )
        })?;
        let count = count.ok_or_else(|| {
            usage(
                "the environment does not say how many parts there are",
                "use `--shard auto/N`, with the number of the job's completions",
            )
        })?;
        SyncShard::new(index, count).map_err(|_| {
            usage(
                &format!("this is part {index}, from 0, of {count}"),
                "as many parts as the job has completions are needed: `--shard auto/N`",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_typed() {
        let check = |text: &str, expected: Result<ShardArgument, ShardError>| {
            assert_eq!(text.parse(), expected, "{text}");
        };
        check("1/4", Ok(ShardArgument::Numbered(SyncShard::new(1, 4).unwrap())));
        check("auto", Ok(ShardArgument::Auto(None)));
        check("auto/8", Ok(ShardArgument::Auto(Some(8))));
        check("auto/0", Err(ShardError));
        check("automatic", Err(ShardError));
        check("4/4", Err(ShardError));
    }
}
