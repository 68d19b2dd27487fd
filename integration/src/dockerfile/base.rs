//! A **base** is an image that cases build on, made of entries, without a network.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::built::BuiltImage;
use super::compression::{Compression, compressed};
use super::config::Config;
use super::entry::Entry;
use super::layer;
use super::sections::Block;
use super::tree::Tree;
use crate::disk::sha256;

const OCI: &str = "application/vnd.oci.image";
const DOCKER: &str = "application/vnd.docker";

/// Tag of a base in its layout.
pub const TAG: &str = "1";

/// A base image on disk.
#[derive(Debug)]
pub struct Base {
    /// Name of the base, as in `FROM NAME`.
    pub name: String,
    /// OCI layout with the image.
    pub layout: PathBuf,
    /// The same image as `dir:` with a Docker manifest: from an OCI image buildah does not copy
    /// the fields that only Docker's config has.
    pub directory: PathBuf,
    /// The image, read back.
    pub built: BuiltImage,
}

impl Base {
    /// Makes all bases of a text in a directory.
    ///
    /// Sections are `layer none`, `layer gz` or `layer zst`, from the lowest, and `config`: the JSON of
    /// the config's `config`.
    pub fn make_all(text: &str, directory: &Path) -> Result<Vec<Self>, String> {
        Block::parse_all(text)?.iter().map(|block| Self::make(block, directory)).collect()
    }

    fn make(block: &Block<'_>, directory: &Path) -> Result<Self, String> {
        let name = block.name.to_owned();
        let (layout, directory) = (directory.join(&name), directory.join(format!("{name}.dir")));
        fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
        fs::create_dir_all(&directory).unwrap();
        let put = |bytes: &[u8]| {
            for directory in [&layout.join("blobs/sha256"), &directory] {
                fs::write(directory.join(sha256(bytes)), bytes).unwrap();
            }
            json!({ "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len() })
        };
        let (mut layers, mut tars, mut config) = (Vec::new(), Vec::new(), json!({}));
        for section in &block.sections {
            if section.name == "config" {
                let parsed = serde_json::from_str(&section.text());
                config = parsed.map_err(|error| format!("{name}: {error}"))?;
                continue;
            }
            let kind = section.name.strip_prefix("layer ").ok_or(section.name)?;
            let kind = Compression::parse(kind)?;
            let tar = layer::write(&Entry::parse_all(section.lines.iter().copied())?)?;
            layers.push(typed(&put(&compressed(kind, &tar)), &layer_type(kind)?));
            tars.push(typed(&put(&tar), &format!("{DOCKER}.image.rootfs.diff.tar")));
        }
        let config = put(document(&config, &tars).to_string().as_bytes());
        write_directory(&directory, &config, &tars);
        write_layout(&layout, &config, &layers, put);
        Ok(Self { built: BuiltImage::read(&layout)?, name, layout, directory })
    }
}

fn write_directory(directory: &Path, config: &Value, tars: &[Value]) {
    let config = typed(config, &format!("{DOCKER}.container.image.v1+json"));
    let manifest = manifest(&format!("{DOCKER}.distribution.manifest.v2+json"), &config, tars);
    fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
    fs::write(directory.join("version"), "Directory Transport Version: 1.1\n").unwrap();
}

fn write_layout(layout: &Path, config: &Value, layers: &[Value], put: impl Fn(&[u8]) -> Value) {
    let media_type = format!("{OCI}.manifest.v1+json");
    let manifest = manifest(&media_type, &typed(config, &format!("{OCI}.config.v1+json")), layers);
    let mut entry = typed(&put(manifest.to_string().as_bytes()), &media_type);
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": TAG });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn layer_type(kind: Compression) -> Result<String, String> {
    let suffix = match kind {
        Compression::None => "",
        Compression::Gzip => "+gzip",
        Compression::Zstd => "+zstd",
        Compression::Bzip2 | Compression::Xz => {
            return Err(format!("no layer is packed by {kind:?}"));
        }
    };
    Ok(format!("{OCI}.layer.v1.tar{suffix}"))
}

fn typed(blob: &Value, media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": blob["digest"], "size": blob["size"] })
}

fn manifest(media_type: &str, config: &Value, layers: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers })
}

/// The default `PATH`, which both builders set if the base has none.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the empty image that `FROM scratch` starts with.
pub fn scratch() -> BuiltImage {
    BuiltImage {
        tree: Tree::default(),
        config: Config::of(&document(&json!({ "Env": [PATH] }), &[])),
    }
}

/// Returns a config document. Its architecture is that of this machine, since buildah's builds run
/// programs of the bases.
fn document(config: &Value, tars: &[Value]) -> Value {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "created": "2020-09-13T12:26:40Z", "architecture": architecture, "os": "linux", "config": config,
        "rootfs": { "type": "layers", "diff_ids": tars.iter().map(|tar| &tar["digest"]).collect::<Vec<_>>() },
        "history": tars.iter().map(|_| json!({ "created_by": "by hand" })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "=== b\n--- layer gz\nfile d/a = 1\n--- layer zst\ngone d/a\nfile b\n--- config\n\
                        {\"User\": \"u\"}\n";

    #[test]
    fn both_ways_to_read_a_base_give_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let bases = Base::make_all(TEXT, directory.path()).unwrap();
        let [base] = &bases[..] else { panic!("{bases:?}") };
        let other = BuiltImage::read(&base.directory).unwrap();
        assert_eq!(other.differences(&base.built), []);
        let differences = base.built.differences(&scratch());
        let what: Vec<_> = differences.iter().map(|(what, _)| &what[..]).collect();
        assert_eq!(what, ["/b extra", "/d extra", "config.Env", "config.User"]);
    }

    #[test]
    fn bad_bases_are_explained() {
        let directory = tempfile::tempdir().unwrap();
        for (text, expected) in [
            ("=== b\n--- lair gz\n", "lair gz"),
            (
                "=== b\n--- layer rar\n",
                "no compression is called \"rar\"; use none, gz, bz2, xz or zst",
            ),
            ("=== b\n--- layer xz\n", "no layer is packed by Xz"),
            ("=== b\n--- config\n{\n", "b: EOF while parsing an object at line 2 column 0"),
            (
                "=== b\n--- layer gz\nlink a = b\nfile a/c\n",
                "/a/c: /a is no directory in the layers",
            ),
        ] {
            assert_eq!(Base::make_all(text, directory.path()).unwrap_err(), expected);
        }
    }
}
