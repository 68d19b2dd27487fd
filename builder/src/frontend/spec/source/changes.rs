//! What is done with a source: it is decompressed, converted or resized; and what its request needs.

use super::types::{CompressSpec, ConvertSpec, SizeSpec, SourceDetails, UnpackSpec};
use crate::cluster::kubernetes::Quantity;
use crate::compression::CompressionFormat;
use crate::disk::DiskSize;
use crate::disk::convert::{ClusterCompression, Conversion};
use crate::frontend::spec::located::Located;
use crate::frontend::spec::location::parse_path;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{DownloadDetails, SourceLocation};

/// Returns the compression that is removed.
pub(super) fn lower_unpack(unpack: UnpackSpec) -> Option<CompressionFormat> {
    match unpack {
        UnpackSpec::Gz => Some(CompressionFormat::Gzip),
        UnpackSpec::Xz => Some(CompressionFormat::Xz),
        UnpackSpec::Zst => Some(CompressionFormat::Zstd),
        UnpackSpec::Bz2 => Some(CompressionFormat::Bzip2),
        UnpackSpec::None => None,
    }
}

/// Returns what the disk is converted to.
pub(super) fn lower_conversion(
    details: &SourceDetails,
    problems: &mut Vec<Diagnostic>,
) -> Option<Conversion> {
    let (convert, compress) = (details.convert.as_ref(), details.compress.as_ref());
    match (convert.map(|convert| convert.value), compress) {
        (Some(ConvertSpec::Qcow2), compress) => {
            Some(Conversion::Qcow2(match compress.map(|compress| compress.value) {
                Some(CompressSpec::Zlib) => ClusterCompression::Zlib,
                Some(CompressSpec::Zstd) => ClusterCompression::Zstd,
                Some(CompressSpec::None) | None => ClusterCompression::None,
            }))
        }
        (Some(ConvertSpec::Raw), None) => Some(Conversion::Raw),
        (Some(ConvertSpec::Raw) | None, Some(compress)) => {
            let message = "`compress` is for disks that are converted to qcow2";
            let help =
                "set `convert: qcow2` too, or remove `compress`; layers are compressed anyway";
            problems.push(Diagnostic::new(message).at(compress.span.clone()).help(help));
            None
        }
        (None, None) => None,
    }
}

/// Returns the files that a download needs besides its URL.
pub(super) fn lower_request_files(
    details: &SourceDetails,
    problems: &mut Vec<Diagnostic>,
) -> Option<Box<DownloadDetails>> {
    let keys = [("headers-file", &details.headers_file), ("ca-file", &details.ca_file)];
    let files = keys.map(|(key, text)| {
        let text = text.as_ref()?;
        if details.url.is_none() {
            let problem = Diagnostic::new(format!("`{key}` is for downloads"));
            problems
                .push(problem.at(text.span.clone()).help(format!("use `url:`, or remove `{key}`")));
        }
        match parse_path(text).map(|path| path.value) {
            Ok(SourceLocation::File(file)) => Some(file),
            Ok(_) => None,
            Err(problem) => {
                problems.push(problem);
                None
            }
        }
    });
    let [headers, authority] = files;
    if headers.is_none() && authority.is_none() {
        return None;
    }
    Some(Box::new(DownloadDetails { headers, authority, ..DownloadDetails::default() }))
}

/// Returns the size that the disk gets.
pub(super) fn lower_size(
    size: &Located<SizeSpec>,
    problems: &mut Vec<Diagnostic>,
) -> Option<DiskSize> {
    let text = match &size.value {
        SizeSpec::Bytes(bytes) => bytes.to_string(),
        SizeSpec::Quantity(text) => text.clone(),
    };
    match text.parse::<Quantity>() {
        Ok(size) => Some(DiskSize::Total(size.bytes())),
        Err(error) => {
            let message = format!("`{}` is not a size", text.escape_debug());
            problems.push(Diagnostic::new(message).at(size.span.clone()).help(error.to_string()));
            None
        }
    }
}
