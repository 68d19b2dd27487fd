//! What a build reports besides the images: the result on standard output, and files for scripts.

use std::path::{Path, PathBuf};

use clap::Args;
use diskette_builder::engine::assemble::{BuiltImage, BuiltPlatform};
use diskette_builder::oci::image::location::LocalImage;
use serde_json::{Map, Value, json};

use crate::error::CommandError;
use crate::files::{check_output, write_file};
use crate::ui::Ui;

/// Files that are written when the build has succeeded.
#[derive(Debug, Args)]
pub(crate) struct BuildReports {
    /// Write the image ID: the digest of the config for one platform, of the index for several
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,

    /// Write the digest of the index
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,

    /// Write digests and descriptors as JSON, with the keys of docker buildx
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
}

impl BuildReports {
    /// Checks before the build that the files can be written.
    pub(crate) fn check_files(&self) -> Result<(), CommandError> {
        let files = [&self.iidfile, &self.digestfile, &self.metadata_file];
        for path in files.into_iter().flatten() {
            check_output(path)?;
        }
        Ok(())
    }

    /// Returns the first of the files that is written, if any.
    pub(crate) fn first_file(&self) -> Option<&Path> {
        let files = [&self.digestfile, &self.metadata_file, &self.iidfile];
        files.into_iter().flatten().next().map(PathBuf::as_path)
    }

    pub(crate) fn write(
        &self,
        built: &[BuiltImage],
        output: Option<&LocalImage>,
        sent: Option<u64>,
        quiet: bool,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        if let Some(path) = &self.iidfile {
            write_file(path, join_lines(built.iter().map(image_id)).as_bytes())?;
        }
        if let Some(path) = &self.digestfile {
            write_file(path, join_lines(built.iter().map(index_digest)).as_bytes())?;
        }
        if let Some(path) = &self.metadata_file {
            let metadata = format!("{:#}\n", build_metadata(built, sent));
            write_file(path, metadata.as_bytes())?;
        }
        let lines = if quiet {
            join_lines(built.iter().map(index_digest))
        } else {
            join_lines(built.iter().map(pinned_name))
        };
        // The archive is written to standard output in that case.
        if !output.is_some_and(LocalImage::is_stream) {
            ui.print_result(format!("{lines}\n").as_bytes())?;
        }
        Ok(())
    }
}

fn join_lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn index_digest(image: &BuiltImage) -> String {
    image.index.digest.to_string()
}

fn image_id(image: &BuiltImage) -> String {
    match &image.platforms[..] {
        [platform] => platform.config.to_string(),
        _ => index_digest(image),
    }
}

/// Returns the name of the image with its digest, which a cluster should use.
fn pinned_name(image: &BuiltImage) -> String {
    match image.names.first() {
        Some(name) => format!("{}/{}@{}", name.registry(), name.repository(), index_digest(image)),
        None => index_digest(image),
    }
}

/// Returns what buildx writes for one image; for several, an object with the names as keys.
fn build_metadata(built: &[BuiltImage], sent: Option<u64>) -> Value {
    if let [image] = built {
        let mut metadata = image_metadata(image);
        if let Some(sent) = sent {
            metadata["diskette.sent"] = json!(sent);
        }
        return metadata;
    }
    let images = built.iter().enumerate().map(|(number, image)| {
        let name = image.names.first().map_or_else(|| number.to_string(), ToString::to_string);
        (name, image_metadata(image))
    });
    Value::Object(images.collect())
}

fn image_metadata(image: &BuiltImage) -> Value {
    let names: Vec<String> = image.names.iter().map(ToString::to_string).collect();
    let mut metadata = json!({
        "containerimage.digest": index_digest(image),
        "containerimage.descriptor": {
            "mediaType": image.index.media_type.to_string(),
            "digest": index_digest(image),
            "size": image.index.bytes.len(),
        },
        "image.name": names.join(","),
        "diskette.platforms": platforms_metadata(image),
    });
    if let [platform] = &image.platforms[..] {
        metadata["containerimage.config.digest"] = json!(platform.config.to_string());
    }
    metadata
}

fn platforms_metadata(image: &BuiltImage) -> Value {
    let describe = |platform: &BuiltPlatform| {
        let layers: Vec<Value> = platform
            .layers
            .iter()
            .map(|layer| {
                json!({
                    "digest": layer.digest.to_string(),
                    "size": layer.size,
                    "diff_id": layer.diff_id.to_string(),
                })
            })
            .collect();
        json!({
            "digest": platform.manifest.digest.to_string(),
            "size": platform.manifest.bytes.len(),
            "config": platform.config.to_string(),
            "layers": layers,
        })
    };
    let all: Map<String, Value> = image
        .platforms
        .iter()
        .map(|platform| (platform.platform.to_string(), describe(platform)))
        .collect();
    Value::Object(all)
}
