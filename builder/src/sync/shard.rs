//! A *shard* is one of several parts of a catalogue, each synced by another machine. The shard of an
//! image depends on its name alone, so that it does not change when others are added or removed.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// One of several parts of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncShard {
    /// Number of the shard, from 0.
    index: u64,
    /// Number of shards.
    count: u64,
}

/// A shard's number is not below the number of shards, or cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("write it like `0/4`, the first of four: the parts are numbered from 0")]
pub struct ShardError;

impl SyncShard {
    /// Returns the shard with the number `index`, from 0, of `count` shards.
    pub fn new(index: u64, count: u64) -> Result<Self, ShardError> {
        if index < count { Ok(Self { index, count }) } else { Err(ShardError) }
    }

    /// Returns the shard, of `count` shards, that an image is in. `name` is its repository with its
    /// main tag.
    pub fn of(name: &str, count: NonZeroU64) -> Self {
        let digest = Sha256::digest(name);
        let start = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self { index: start % count, count: count.get() }
    }

    /// Returns whether an image is in this shard. `name` is its repository with its main tag.
    pub fn contains(self, name: &str) -> bool {
        NonZeroU64::new(self.count).is_some_and(|count| Self::of(name, count) == self)
    }
}

impl FromStr for SyncShard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError)?;
        let number = |text: &str| text.parse().map_err(|_| ShardError);
        Self::new(number(index)?, number(count)?)
    }
}

impl fmt::Display for SyncShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_parse() {
        let check = |text: &str, expected: Option<&str>| {
            let found = text.parse::<SyncShard>().ok().map(|shard| shard.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("0/1", Some("0/1"));
        check("3/4", Some("3/4"));
        check("4/4", None);
        check("1", None);
        check("0/0", None);
        check("-1/4", None);
        check("a/b", None);
        check("0/4/4", None);
    }

    #[test]
    fn each_image_is_in_one_part() {
        let names: Vec<String> = (0..1000).map(|n| format!("quay.io/d/image-{n}:latest")).collect();
        for count in 1..=64 {
            let parts: Vec<SyncShard> =
                (0..count).map(|index| SyncShard::new(index, count).unwrap()).collect();
            let mut sizes = vec![0_u64; parts.len()];
            for name in &names {
                let holders: Vec<usize> =
                    (0..parts.len()).filter(|part| parts[*part].contains(name)).collect();
                let [holder] = holders[..] else { panic!("{name} of {count}: {holders:?}") };
                sizes[holder] += 1;
            }
            // No part has more than thrice its share, but for chance where shares are small.
            assert!(sizes.iter().all(|size| *size <= 3 * (1000 / count + 5)), "{sizes:?}");
        }
        // What shard an image is in is part of how catalogues are run: it must not change.
        let check = |name: &str, count: u64, expected: u64| {
            assert!(SyncShard::new(expected, count).unwrap().contains(name), "{name} of {count}");
        };
        check("quay.io/containerdisks/fedora:latest", 1, 0);
    }
}
