//! Compares the *layers* of two images, which are read at the same time.

use std::thread;

use super::tars::TarComparison;
use super::{DiffContext, DiffError, Difference, DifferenceKind};
use crate::compression::CompressionFormat;
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::layer_tar::{ExpectedBlob, LayerTar};
use crate::oci::progress::ProgressEvent;

type DiffImage<'a> = (&'a dyn Images, &'a PlatformImage);

/// What the layers of two images are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LayerKind {
    /// Tars, as those of images are.
    Tar,
    /// Contents in no tar, as those of artifacts are.
    Blob,
}

/// Compares the layers one by one, lowest first.
pub(super) fn compare_layers(
    name: &str,
    (a_images, a): DiffImage<'_>,
    (b_images, b): DiffImage<'_>,
    context: &DiffContext<'_>,
    found: &mut Vec<Difference>,
) -> Result<(), DiffError> {
    if a.layers.len() != b.layers.len() {
        let [a, b] = [a, b].map(|image| format!("{} layers", image.layers.len()));
        let (subject, place) = (format!("{name} manifest"), "/layers".to_owned());
        found.push(Difference { subject, place, kind: DifferenceKind::Layers, a, b });
    }
    let kind = if a.artifact_type.is_some() && b.artifact_type.is_some() {
        LayerKind::Blob
    } else {
        LayerKind::Tar
    };
    for (number, (a, b)) in a.layers.iter().zip(&b.layers).enumerate() {
        if a.digest == b.digest {
            continue;
        }
        let subject = format!("{name} layer {}", number + 1);
        let pair = [(a_images, a), (b_images, b)];
        compare_layer_pair(&subject, (number, kind), pair, context, found)?;
    }
    Ok(())
}

fn compare_layer_pair(
    subject: &str,
    (number, kind): (usize, LayerKind),
    sides: [(&dyn Images, &Descriptor); 2],
    context: &DiffContext<'_>,
    found: &mut Vec<Difference>,
) -> Result<(), DiffError> {
    let wrong = |at: usize, problem| DiffError::Layer {
        number: number + 1,
        digest: sides[at].1.digest,
        side: ["first", "second"][at],
        problem,
    };
    let (differences, digests, compressions) = thread::scope(|scope| {
        let open = |at: usize| {
            let (images, &Descriptor { digest, size, .. }) = sides[at];
            let (progress, blob) = (context.progress, 2 * number + at);
            let reader = images.open_blob(digest, size, 0)?;
            progress.report(ProgressEvent::Reading { blob, digest, len: size });
            let expected = ExpectedBlob { digest, size, progress, number: Some(blob) };
            let opened = LayerTar::new_ahead(reader, expected, scope);
            opened.map_err(|error| wrong(at, BlobProblem::Read(error)))
        };
        let (mut a, mut b) = (open(0)?, open(1)?);
        let compressions = [a.compression(), b.compression()];
        let mut walk = TarComparison { subject, found: Vec::new() };
        let walked = match kind {
            LayerKind::Tar => walk.compare_tars(&mut a, &mut b, context),
            LayerKind::Blob => walk.compare_blobs(&mut a, &mut b),
        };
        let finish = |at: usize, tar: LayerTar<'_>| {
            let &Descriptor { digest, size: len, .. } = sides[at].1;
            let found = tar.finish().map_err(|problem| wrong(at, problem))?;
            context.progress.report(ProgressEvent::Read { blob: 2 * number + at, digest, len });
            Ok::<_, DiffError>(found)
        };
        let digests = (finish(0, a)?, finish(1, b)?);
        walk.report_unreadable(walked);
        Ok::<_, DiffError>((walk.found, digests, compressions))
    })?;
    if differences.is_empty() {
        let blobs = [0, 1].map(|at| (compressions[at], sides[at].1.size));
        found.push(blob_difference(subject, blobs, digests));
    }
    found.extend(differences);
    Ok(())
}

/// Returns the difference of blobs whose tars have equal entries. `blobs` are the compressions and the
/// sizes in bytes, `digests` those of the tars.
fn blob_difference(
    subject: &str,
    blobs: [(Option<CompressionFormat>, u64); 2],
    digests: (Digest, Digest),
) -> Difference {
    let (kind, [a, b]) = if digests.0 == digests.1 {
        let shown =
            |(compression, size)| format!("{}, {size} bytes", show_compression(compression));
        (DifferenceKind::Compression, blobs.map(shown))
    } else {
        (DifferenceKind::Tar, [digests.0.to_string(), digests.1.to_string()])
    };
    Difference { subject: subject.to_owned(), place: String::new(), kind, a, b }
}

fn show_compression(compression: Option<CompressionFormat>) -> String {
    compression.map_or_else(|| "not compressed".into(), |compression| compression.to_string())
}
