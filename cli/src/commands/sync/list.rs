//! The *list* of a catalogue's images, or of its parts, for people and for engines that start a job
//! for each.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use clap::ValueEnum;
use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::sync::SyncShard;
use serde_json::{Value, json};

use super::shard::shard_name;

/// Maximum number of jobs of a matrix of GitHub Actions
/// (<https://docs.github.com/en/actions/reference/limits>).
const GITHUB_JOBS_MAX: usize = 256;
/// Default maximum number of tasks of a matrix of Tekton (`default-max-matrix-combinations-count`,
/// <https://tekton.dev/docs/pipelines/matrix/>).
const TEKTON_TASKS_MAX: usize = 256;
/// Default maximum length of all results of a task of Tekton, in bytes: that of a container's
/// termination message (<https://tekton.dev/docs/pipelines/tasks/#emitting-results>).
const TEKTON_RESULT_MAX: usize = 4096;

/// A value of `--output-format` of `sync --list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CatalogueListFormat {
    /// One line per item
    Text,
    /// JSON array with one object per item
    Json,
    /// JSON object for `strategy.matrix` of GitHub Actions
    Matrix,
    /// JSON array of strings for an array parameter or result of Tekton
    Tekton,
}

/// What is listed.
pub(super) enum CatalogueList<'a> {
    /// The images.
    Images(Vec<&'a CatalogueEntry>),
    /// Parts that have images, and how many.
    Shards(BTreeMap<SyncShard, usize>),
}

impl CatalogueList<'_> {
    /// Returns the parts of a catalogue that have images.
    pub(super) fn of_shards(entries: &[&CatalogueEntry], count: NonZeroU64) -> Self {
        let mut shards = BTreeMap::new();
        for entry in entries {
            *shards.entry(SyncShard::of(&shard_name(entry), count)).or_default() += 1;
        }
        Self::Shards(shards)
    }

    /// Returns the list in a format.
    pub(super) fn write(&self, format: CatalogueListFormat) -> Result<String, Diagnostic> {
        Ok(match format {
            CatalogueListFormat::Text => self.lines(),
            CatalogueListFormat::Json => format!("{}\n", Value::Array(self.objects())),
            CatalogueListFormat::Matrix if self.len() > GITHUB_JOBS_MAX => {
                return Err(Diagnostic::new(format!(
                    "a matrix of GitHub Actions has at most {GITHUB_JOBS_MAX} jobs, not {}",
                    self.len()
                ))
                .help(
                    "list parts of the catalogue with `--list-shards N`, for `--shard` of each job",
                ));
            }
            CatalogueListFormat::Matrix => format!("{}\n", json!({ "include": self.objects() })),
            CatalogueListFormat::Tekton => format!("{}\n", Value::Array(self.names())),
        })
    }

    /// Returns a warning if a list is longer than its reader accepts by default.
    pub(super) fn warning(&self, format: CatalogueListFormat) -> Option<Diagnostic> {
        let is_long = self.len() > TEKTON_TASKS_MAX
            || Value::Array(self.names()).to_string().len() > TEKTON_RESULT_MAX;
        (format == CatalogueListFormat::Tekton && is_long).then(|| {
            Diagnostic::new(format!(
                "a matrix of Tekton has at most {TEKTON_TASKS_MAX} tasks and a result at most \
                 {TEKTON_RESULT_MAX} bytes, unless the cluster is configured otherwise"
            ))
            .help("list parts of the catalogue with `--list-shards N`, for `--shard` of each task")
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Images(entries) => entries.len(),
            Self::Shards(shards) => shards.len(),
        }
    }

    fn lines(&self) -> String {
        let image = |entry: &&CatalogueEntry| {
            format!("{}\t{}\t{}\n", entry.short_name(), entry.image, platforms(entry).join(","))
        };
        let lines: Vec<String> = match self {
            Self::Images(entries) => entries.iter().map(image).collect(),
            Self::Shards(shards) => {
                shards.iter().map(|(shard, images)| format!("{shard}\t{images}\n")).collect()
            }
        };
        lines.concat()
    }

    fn objects(&self) -> Vec<Value> {
        match self {
            Self::Images(entries) => entries.iter().map(|entry| image_json(entry)).collect(),
            Self::Shards(shards) => shards
                .iter()
                .map(|(shard, images)| json!({ "shard": shard.to_string(), "images": images }))
                .collect(),
        }
    }

    fn names(&self) -> Vec<Value> {
        match self {
            Self::Images(entries) => {
                entries.iter().map(|entry| Value::String(entry.short_name())).collect()
            }
            Self::Shards(shards) => {
                shards.keys().map(|shard| Value::String(shard.to_string())).collect()
            }
        }
    }
}

fn platforms(entry: &CatalogueEntry) -> Vec<String> {
    entry.platforms.iter().map(|it| it.platform.to_string()).collect()
}

fn image_json(entry: &CatalogueEntry) -> Value {
    let tags: Vec<String> = entry.tags.iter().map(ToString::to_string).collect();
    json!({
        "name": entry.short_name(),
        "image": entry.image,
        "tag": entry.tag_name(),
        "tags": tags,
        "platforms": platforms(entry),
    })
}
