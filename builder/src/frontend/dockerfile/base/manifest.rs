//! *Manifests* and indexes, as far as a base is made of them.

use serde::Deserialize;

use super::BaseError;
use super::reader::BaseReader;
use crate::oci::image::digest::Digest;
use crate::oci::image::distance::distance;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::recipe::BaseLayer;

/// How deep indexes may stand in indexes, and how many images they may have together.
const DEPTH_MAX: usize = 3;
const IMAGES_MAX: usize = 1000;

/// Beyond what any runtime can mount.
const LAYERS_MAX: usize = 500;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

/// What a manifest says.
#[derive(Deserialize)]
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    layers: Vec<Descriptor>,
}

/// What a document says of another, or of a blob.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    pub(super) size: u64,
    platform: Option<OciPlatform>,
}

#[derive(Deserialize)]
struct OciPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Descriptor {
    pub(super) fn digest(&self, document: &Document) -> Result<Digest, BaseError> {
        self.digest.parse().map_err(|_| {
            let why = format!("`{}` is not a sha256 digest", self.digest);
            BaseError::Document(document.digest, why)
        })
    }

    fn platform(&self) -> Option<Platform> {
        let OciPlatform { os, architecture, variant } = self.platform.as_ref()?;
        let variant = variant.clone().filter(|variant| !variant.is_empty());
        Some(Platform { os: os.clone(), architecture: architecture.clone(), variant })
    }
}

/// An image of an index.
struct Candidate {
    digest: Digest,
    size: u64,
    platform: Option<Platform>,
}

/// The images of an index and of those in it.
#[derive(Default)]
struct Images {
    all: Vec<Candidate>,
    /// How many descriptors were looked at.
    seen: usize,
}

/// What says that a manifest is for the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The index that it was chosen from.
    ByIndex,
    /// Nothing yet: its config will.
    ByConfig,
}

/// Returns the manifest for a platform; which of an index's is nearest to it.
pub(super) fn choose(
    reader: &BaseReader<'_>,
    root: Document,
    wanted: &Platform,
) -> Result<(Document, Told), BaseError> {
    if !root.is_index() {
        return Ok((root, Told::ByConfig));
    }
    let mut images = Images::default();
    images.collect(reader, &root, 0)?;
    let near = |candidate: &&Candidate| distance(wanted, candidate.platform.as_ref()?);
    let best = images.all.iter().filter(|candidate| near(candidate).is_some()).min_by_key(near);
    let (best, told) = match (best, &images.all[..]) {
        (Some(best), _) => (best, Told::ByIndex),
        (None, [only]) if only.platform.is_none() => (only, Told::ByConfig),
        _ => {
            return Err(reader.wrong_platform(wanted, images.names()));
        }
    };
    let manifest = reader.document(best.digest)?;
    if manifest.bytes.len() as u64 != best.size {
        let why = "it gives another size than one of its manifests has".into();
        return Err(BaseError::Document(root.digest, why));
    }
    Ok((manifest, told))
}

impl Images {
    fn collect(
        &mut self,
        reader: &BaseReader<'_>,
        index: &Document,
        depth: usize,
    ) -> Result<(), BaseError> {
        let wrong = |why: &str| BaseError::Document(index.digest, why.into());
        let content: Index = parse(index)?;
        for descriptor in &content.manifests {
            self.seen += 1;
            if self.seen > IMAGES_MAX {
                return Err(wrong("it names too many images"));
            }
            let digest = descriptor.digest(index)?;
            if !is_index(&descriptor.media_type) {
                let (size, platform) = (descriptor.size, descriptor.platform());
                self.all.push(Candidate { digest, size, platform });
                continue;
            }
            if depth + 1 >= DEPTH_MAX {
                return Err(wrong("indexes stand in too many others"));
            }
            let nested = reader.document(digest)?;
            if !nested.is_index() {
                return Err(wrong("it calls something an index that is none"));
            }
            self.collect(reader, &nested, depth + 1)?;
        }
        Ok(())
    }

    /// Returns the platforms that there are, for messages; what is no image has an unknown one.
    fn names(&self) -> String {
        let platforms = self.all.iter().filter_map(|candidate| candidate.platform.as_ref());
        let known = platforms.filter(|platform| platform.os != "unknown");
        let names: Vec<String> = known.map(ToString::to_string).collect();
        if names.is_empty() { "none".into() } else { names.join(", ") }
    }
}

fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

fn parse<'d, T: Deserialize<'d>>(document: &'d Document) -> Result<T, BaseError> {
    serde_json::from_slice(&document.bytes)
        .map_err(|error| BaseError::Document(document.digest, error.to_string()))
}

/// Reads the manifest of an image.
pub(super) fn read(document: &Document) -> Result<Manifest, BaseError> {
    let wrong = |why: String| BaseError::Document(document.digest, why);
    if document.is_index() {
        return Err(wrong("an index stands where a manifest must be".into()));
    }
    let manifest: Manifest = parse(document)?;
    let config = manifest.config.media_type.as_str();
    let is_image = matches!(
        config,
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    );
    if !is_image {
        return Err(wrong(format!("it is no image, but has a config of type `{config}`")));
    }
    if manifest.layers.len() > LAYERS_MAX {
        return Err(wrong(format!("it has more than {LAYERS_MAX} layers")));
    }
    Ok(manifest)
}

impl Manifest {
    /// Returns the layers, by OCI's names for what they are.
    pub(super) fn layers(&self, document: &Document) -> Result<Vec<BaseLayer>, BaseError> {
        let layer = |descriptor: &Descriptor| {
            let digest = descriptor.digest(document)?;
            let media_type = descriptor.media_type.as_str();
            let media_type = layer_type(media_type).map_err(|why| BaseError::MediaType {
                digest,
                media_type: media_type.into(),
                why,
            })?;
            Ok(BaseLayer { media_type: media_type.into(), digest, size: descriptor.size })
        };
        self.layers.iter().map(layer).collect()
    }
}

/// Returns OCI's name for a type of layer, or why there is none.
fn layer_type(media_type: &str) -> Result<&'static str, &'static str> {
    const DOCKER: &str = "application/vnd.docker.image.rootfs.";
    const OCI: &str = "application/vnd.oci.image.layer.";
    let kind = media_type.strip_prefix(DOCKER).or_else(|| media_type.strip_prefix(OCI));
    match kind {
        Some("diff.tar" | "v1.tar") => Ok("application/vnd.oci.image.layer.v1.tar"),
        Some("diff.tar.gzip" | "v1.tar+gzip") => Ok("application/vnd.oci.image.layer.v1.tar+gzip"),
        Some("diff.tar.zstd" | "v1.tar+zstd") => Ok("application/vnd.oci.image.layer.v1.tar+zstd"),
        Some(kind) if kind.starts_with("foreign") || kind.starts_with("nondistributable") => {
            Err("its bytes are not distributed with the image")
        }
        _ if media_type.ends_with("+encrypted") => Err("it is encrypted"),
        _ => Err("its type is not known"),
    }
}
