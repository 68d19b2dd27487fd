//! Judges layers as blobs.

use crate::cluster::contract::facts::{BlobFacts, ImageFacts, LayerFacts};
use crate::cluster::contract::rules::{
    BLOB_DIGEST, BLOB_SIZE, BLOB_UNREADABLE, LAYER_COMPRESSION, LAYER_DIFF_ID, LAYER_SMALL,
    LAYER_TYPE, LAYER_TYPE_DIFFERS, LAYER_UNREADABLE, LAYER_ZSTD_SKIPPABLE, LAYER_ZSTD_START,
    PATH_TWICE, TAR_NAME,
};
use crate::cluster::contract::view::SeenMember;
use crate::cluster::contract::{BlobStart, Findings};

/// Number of bytes that CDI reads to detect a format (`pkg/importer/format-readers.go`).
const SNIFFED: u64 = 512;

/// Judges the layers; `taken` is what CDI takes for the disk.
pub(super) fn judge_layers(
    facts: &ImageFacts,
    taken: Option<SeenMember<'_>>,
    findings: &mut Findings,
) {
    let count = facts.layers.len();
    for (number, layer) in facts.layers.iter().enumerate() {
        let subject = format!("layer {}", number + 1);
        let diff_id = facts.config.diff_ids.get(number);
        let diff_id = diff_id.filter(|_| facts.config.diff_ids.len() == count);
        judge_blob(layer, &subject, diff_id, findings);
        judge_media_type(layer, &subject, findings);
        if taken.is_some_and(|seen| seen.layer == number) {
            judge_start(layer, &subject, findings);
        }
        if let Some(path) = &layer.twice {
            let detail = format!("it has `/{}` twice", path.escape_debug());
            findings.add(&PATH_TWICE, &subject, detail);
        }
        if let Some(name) = &layer.absolute {
            let detail = format!("the name `{}` begins with a slash", name.escape_debug());
            findings.add(&TAR_NAME, &subject, detail);
        }
    }
}

fn judge_blob(
    layer: &LayerFacts,
    subject: &str,
    expected: Option<&String>,
    findings: &mut Findings,
) {
    match &layer.blob {
        None => {}
        Some(BlobFacts::Unreadable(why)) => findings.add(&BLOB_UNREADABLE, subject, why),
        Some(BlobFacts::WrongSize(what)) => findings.add(&BLOB_SIZE, subject, what),
        Some(BlobFacts::WrongDigest(digest)) => {
            findings.add(&BLOB_DIGEST, subject, format!("its bytes have the digest {digest}"));
        }
        Some(BlobFacts::Sound { tar: Err(why), .. }) => {
            findings.add(&LAYER_UNREADABLE, subject, why);
        }
        Some(BlobFacts::Sound { tar: Ok(found), .. }) => {
            if let Some(expected) = expected.filter(|expected| **expected != found.to_string()) {
                let expected = expected.escape_debug();
                let detail = format!("decompressed, its digest is {found}, not `{expected}`");
                findings.add(&LAYER_DIFF_ID, subject, detail);
            }
        }
    }
}

/// The compression that the media type of a layer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeCompression {
    Plain,
    Gzip,
    Zstd,
    Unknown,
}

fn type_compression(media_type: &str) -> TypeCompression {
    match media_type {
        "application/vnd.oci.image.layer.v1.tar"
        | "application/vnd.oci.image.layer.nondistributable.v1.tar"
        | "application/vnd.docker.image.rootfs.diff.tar"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar" => TypeCompression::Plain,
        "application/vnd.oci.image.layer.v1.tar+gzip"
        | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => TypeCompression::Gzip,
        "application/vnd.oci.image.layer.v1.tar+zstd"
        | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
        | "application/vnd.docker.image.rootfs.diff.tar.zstd"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.zstd" => TypeCompression::Zstd,
        _ => TypeCompression::Unknown,
    }
}

fn judge_media_type(layer: &LayerFacts, subject: &str, findings: &mut Findings) {
    let Some(declared) = &layer.declared else { return };
    let media_type = declared.media_type.escape_debug();
    let typed = type_compression(&declared.media_type);
    if typed == TypeCompression::Unknown {
        findings.add(&LAYER_TYPE, subject, format!("its type is `{media_type}`"));
    }
    let Some(BlobFacts::Sound { start, .. }) = &layer.blob else { return };
    let (found, name) = match start {
        BlobStart::Plain => (TypeCompression::Plain, "not compressed"),
        BlobStart::Gzip => (TypeCompression::Gzip, "compressed with gzip"),
        BlobStart::Zstd { .. } | BlobStart::ZstdSkippable => {
            (TypeCompression::Zstd, "compressed with zstd")
        }
        BlobStart::Xz => {
            findings.add(&LAYER_COMPRESSION, subject, "it is compressed with xz");
            return;
        }
        BlobStart::Bzip2 => {
            findings.add(&LAYER_COMPRESSION, subject, "it is compressed with bzip2");
            return;
        }
    };
    if typed != TypeCompression::Unknown && typed != found {
        let detail = format!("its type is `{media_type}`, but it is {name}");
        findings.add(&LAYER_TYPE_DIFFERS, subject, detail);
    }
}

/// Judges whether CDI up to 1.66 detects the compression of a layer without losing its first bytes.
fn judge_start(layer: &LayerFacts, subject: &str, findings: &mut Findings) {
    let Some(BlobFacts::Sound { start, .. }) = &layer.blob else { return };
    match (start, &layer.declared) {
        (BlobStart::ZstdSkippable, _) => {
            findings.add(&LAYER_ZSTD_SKIPPABLE, subject, "it begins with a skippable frame");
        }
        (_, Some(declared)) if declared.size < SNIFFED => {
            findings.add(&LAYER_SMALL, subject, format!("it has {} bytes", declared.size));
        }
        (BlobStart::Zstd { first_block_end: end }, _) if *end < SNIFFED => {
            let detail = format!("its first zstd block ends at byte {end}");
            findings.add(&LAYER_ZSTD_START, subject, detail);
        }
        _ => {}
    }
}
