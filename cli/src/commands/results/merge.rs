//! *Merging*: the results of several files become those of one run.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use diskette_builder::frontend::spec::CatalogueEntry;
use diskette_builder::sync::SyncShard;
use walkdir::{DirEntry, WalkDir};

use super::missing::MissingResults;
use crate::catalogue::results::{
    CatalogueResults, ImageResult, MISSING, PUBLISHED, UNCHANGED, WOULD_PUBLISH, image_name,
    read_results,
};
use crate::commands::sync::shard::{full_name, shard_name};
use crate::error::{CommandError, cannot};
use crate::files::open_file;

/// The results of several files.
#[derive(Debug, Default)]
pub(super) struct MergedResults {
    /// Results of all images, those without a result too.
    pub(super) images: CatalogueResults,
    /// What is missing.
    pub(super) missing: Vec<MissingResults>,
    /// Files that were left out, since an earlier run wrote them.
    outdated: Vec<String>,
}

/// Reads results files, and those of directories that end in `.json`. `oldest` is the current time and
/// the age from which on a file counts as missing.
pub(super) fn read_all(
    paths: &[PathBuf],
    oldest: Option<(SystemTime, Duration)>,
) -> Result<MergedResults, CommandError> {
    let (mut merged, mut problems) = (MergedResults::default(), Vec::new());
    for path in merged.find_files(paths)? {
        let name = path.display();
        let age = oldest.and_then(|(now, max)| file_age(&path, now).filter(|age| *age > max));
        if let Some(age) = age {
            let hours = age.as_secs() / 3600;
            merged.outdated.push(format!("the results file `{name}` is {hours} hours old"));
        } else if !path.exists() {
            merged.add_gap(format!("there is no results file `{name}`"));
        } else {
            match read_results(&path) {
                Ok(results) => merged.add(results),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if problems.is_empty() { Ok(merged) } else { Err(CommandError::Failed(problems)) }
}

/// Returns how long ago a file was written, if that is known.
fn file_age(path: &Path, now: SystemTime) -> Option<Duration> {
    let written = open_file(path).ok()?.metadata().ok()?.modified().ok()?;
    now.duration_since(written).ok()
}

impl MergedResults {
    /// Returns the files, and those of directories.
    fn find_files(&mut self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
        let mut files = Vec::new();
        for path in paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let before = files.len();
            // ext4 makes `lost+found` at the top of a volume, which only root can list.
            let is_own = |entry: &DirEntry| entry.file_name() != "lost+found";
            for found in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(is_own) {
                let found = found.map_err(cannot("list", path.display()))?;
                let is_json = found.path().extension().is_some_and(|end| end == "json");
                if is_json && found.path().is_file() {
                    files.push(found.into_path());
                }
            }
            if files.len() == before {
                self.add_gap(format!("there is no results file in `{}`", path.display()));
            }
        }
        Ok(files)
    }

    /// Adds results; those of an image replace earlier ones. Images of several repositories can be called
    /// alike in different files.
    fn add(&mut self, results: CatalogueResults) {
        for (key, mut result) in results {
            result.judge_outcome();
            let is_free = self.images.get(&key).is_none_or(|it| it.image == result.image);
            let key = if is_free { key } else { image_name(&key, &result) };
            self.images.insert(key, result);
        }
    }

    /// Counts files that were left out as missing: nothing else tells what should have been in them.
    pub(super) fn miss_outdated(&mut self) {
        for message in std::mem::take(&mut self.outdated) {
            self.add_gap(message);
        }
    }

    /// Reports images that were missing when the files were written, and of which no later file has a result.
    pub(super) fn miss_reported(&mut self) {
        let images = self.images.iter().filter(|(_, result)| result.is_missing());
        let images: Vec<String> = images.map(|(key, result)| image_name(key, result)).collect();
        if !images.is_empty() {
            let message = "no results, says the report of an earlier run".to_owned();
            self.missing.push(MissingResults { message, images });
        }
    }

    fn add_gap(&mut self, message: String) {
        self.missing.push(MissingResults { message, images: Vec::new() });
    }

    /// Adds the images of a catalogue that have no result, by part if their number is given.
    pub(super) fn add_missing<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e CatalogueEntry>,
        shards: Option<NonZeroU64>,
    ) {
        let entries: Vec<&CatalogueEntry> = entries.collect();
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &entries {
            *names.entry(entry.short_name()).or_default() += 1;
        }
        // By part: images with a result, and without.
        let mut parts: BTreeMap<SyncShard, (usize, Vec<&CatalogueEntry>)> = BTreeMap::new();
        for entry in entries {
            let shard = SyncShard::of(&shard_name(entry), shards.unwrap_or(NonZeroU64::MIN));
            let (known, missing) = parts.entry(shard).or_default();
            let is_unique = names.get(&entry.short_name()) == Some(&1);
            let has_result = if entry.stands_for_all() {
                self.has_result_of_any(entry, &names)
            } else {
                self.has_result(entry, is_unique)
            };
            if has_result {
                *known += 1;
            } else {
                missing.push(entry);
            }
        }
        for (shard, (known, missing)) in parts {
            if missing.is_empty() {
                continue;
            }
            let count = missing.len();
            let plural = if count == 1 { "an image".into() } else { format!("{count} images") };
            let message = match shards {
                Some(_) if known == 0 => format!("shard {shard} has no results"),
                Some(_) => format!("{plural} of shard {shard} without a result"),
                None => format!("{plural} of the catalogue without a result"),
            };
            let images = missing.iter().map(|entry| full_name(entry)).collect();
            for entry in missing {
                self.images.insert(self.free_key(entry), missing_result(entry, &message));
            }
            self.missing.push(MissingResults { message, images });
        }
    }

    /// Returns whether an image has a result. One that is not called as others are may have been pushed to
    /// another registry than its own.
    fn has_result(&self, entry: &CatalogueEntry, is_unique: bool) -> bool {
        let short = self.images.get(&entry.short_name());
        short.is_some_and(|it| is_unique || it.image == entry.image)
            || self.images.contains_key(&full_name(entry))
    }

    /// Returns whether one of the images that an entry stands for has a result: one that no other entry has. `names` are the
    /// names of all entries.
    fn has_result_of_any(&self, entry: &CatalogueEntry, names: &BTreeMap<String, usize>) -> bool {
        let repository = entry.repository_name();
        let is_of_entry = |key: &String| {
            let name = key.rsplit_once(':').map_or("", |(name, _)| name);
            !names.contains_key(key) && (name == repository || name == entry.image)
        };
        self.images.keys().any(is_of_entry)
    }

    fn free_key(&self, entry: &CatalogueEntry) -> String {
        let short = entry.short_name();
        if self.images.contains_key(&short) { full_name(entry) } else { short }
    }

    /// Returns the number of images by outcome.
    pub(super) fn count(&self) -> String {
        let count = |word: &str| self.images.values().filter(|it| it.outcome == word).count();
        let failed = |it: &&ImageResult| !it.is_missing() && !it.errors().is_empty();
        let failed = self.images.values().filter(failed).count();
        let published = match (count(PUBLISHED), count(WOULD_PUBLISH)) {
            (published, 0) => format!("{published} published"),
            (0, would) => format!("{would} would be published"),
            (published, would) => format!("{published} published, {would} would be published"),
        };
        let missing = match count(MISSING) {
            0 => String::new(),
            missing => format!(", {missing} missing"),
        };
        // medius writes none.
        let without = match count("") {
            0 => String::new(),
            without => format!(", {without} without an outcome"),
        };
        let unchanged = count(UNCHANGED);
        format!("{published}, {unchanged} unchanged, {failed} with failures{missing}{without}")
    }

    /// Returns the names and results of images, those with errors first.
    pub(super) fn errors_first(&self) -> Vec<(String, &ImageResult)> {
        let mut all: Vec<_> =
            self.images.iter().map(|(key, it)| (image_name(key, it), it)).collect();
        all.sort_by_key(|(_, result)| result.errors().is_empty());
        all
    }
}

fn missing_result(entry: &CatalogueEntry, message: &str) -> ImageResult {
    ImageResult {
        stage: "push".into(),
        err: message.to_owned(),
        temporary: true,
        image: entry.image.clone(),
        outcome: MISSING.into(),
        ..ImageResult::default()
    }
}
