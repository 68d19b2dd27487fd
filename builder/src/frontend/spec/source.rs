//! A *source* is where the user says that content comes from. Lowering it finds out whether it is
//! a file or a URL, how it is packed, what its checksum is, and what it is called.

use super::located::{Located, Text};
use super::types::{Compress, Convert, Details, Source, Unpack};
use crate::compression::CompressionFormat;
use crate::disk::convert::ClusterCompression;
use crate::disk::convert::Conversion;
use crate::oci::image::whiteout;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Checksum, SourceLocation, SourceRecipe, SourceRole};

/// Most bytes in a file name: `NAME_MAX` of Linux.
const NAME_LIMIT: usize = 255;

/// Returns the source of a disk and the disk's name inside the image.
pub(super) fn disk(
    source: &Source,
    problems: &mut Vec<Diagnostic>,
) -> Option<(SourceRecipe, String)> {
    let parts = Parts::of(source, problems);
    let checksum = parts.details.and_then(|details| checksum(details, problems));
    let convert = parts.details.and_then(|details| conversion(details, problems));
    let place = parts.place?;
    let file = place.value.file_name();
    let packing = match parts.details.and_then(|details| details.unpack.as_ref()) {
        Some(unpack) => packing(unpack.value),
        None => CompressionFormat::of_name(file),
    };
    let name = match parts.details.and_then(|details| details.name.as_ref()) {
        Some(name) => check_name(&name.value).map(|()| name.value.clone()).map_err(|reason| {
            Diagnostic::new(format!("`{}` is not a file name: {reason}", name.value.escape_debug()))
                .at(name.span.clone())
                .help("write one plain name, for example `name: disk.qcow2`")
        }),
        None => derived_name(file, packing, convert).map_err(|reason| {
            Diagnostic::new(format!("the disk cannot be named after this: {reason}"))
                .at(place.span.clone())
                .help("say what it is called in the image, for example `name: disk.qcow2`")
        }),
    };
    let name = name.map_err(|problem| problems.push(problem)).ok()?;
    let mut recipe = place.recipe(packing, checksum, SourceRole::Disk);
    recipe.convert = convert;
    Some((recipe, name))
}

/// Returns the source of any other file: its bytes are kept unless the user asks otherwise, since
/// a kernel's initramfs is packed and has to stay so.
pub(super) fn file(source: &Source, problems: &mut Vec<Diagnostic>) -> Option<SourceRecipe> {
    let parts = Parts::of(source, problems);
    let checksum = parts.details.and_then(|details| checksum(details, problems));
    if let Some(name) = parts.details.and_then(|details| details.name.as_ref()) {
        problems.push(
            Diagnostic::new("`name` is for disks")
                .at(name.span.clone())
                .help("the file is called as its `path` says; remove `name`"),
        );
    }
    if let Some(convert) = parts.details.and_then(|details| details.convert.as_ref()) {
        problems.push(
            Diagnostic::new("`convert` is for disks")
                .at(convert.span.clone())
                .help("other files are taken as they are; remove `convert`"),
        );
    }
    let packing = parts.details.and_then(|details| packing(details.unpack.as_ref()?.value));
    Some(parts.place?.recipe(packing, checksum, SourceRole::File))
}

/// Says what keeps `name` from being one plain file name.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        "." | ".." => Err("it means a directory"),
        _ if name.contains('/') => Err("it has a slash"),
        _ if name.contains(char::is_control) => Err("it has a control character"),
        _ if name.len() > NAME_LIMIT => Err("it is longer than 255 bytes"),
        // OCI image specification, layer.md, "Whiteouts".
        _ if name.starts_with(whiteout::PREFIX) => {
            Err("`.wh.` marks a deletion in container images")
        }
        _ => Ok(()),
    }
}

struct Parts<'s> {
    place: Option<Located<SourceLocation>>,
    details: Option<&'s Details>,
}

impl<'s> Parts<'s> {
    fn of(source: &'s Source, problems: &mut Vec<Diagnostic>) -> Self {
        let (details, place) = match source {
            Source::Plain(text) if has_scheme(&text.value) => (None, url(text)),
            Source::Plain(text) => (None, path(text)),
            Source::Detailed(details) => match (&details.path, &details.url) {
                (None, None) => return Self { place: None, details: Some(details) },
                (Some(text), None) => (Some(&**details), path(text)),
                (None, Some(text)) => (Some(&**details), url(text)),
                (Some(_), Some(url)) => {
                    let problem =
                        Diagnostic::new("both `path` and `url` are given").at(url.span.clone());
                    let help = "content comes from one place; remove one of the two";
                    (Some(&**details), Err(problem.help(help)))
                }
            },
        };
        Self { place: place.map_err(|problem| problems.push(problem)).ok(), details }
    }
}

impl Located<SourceLocation> {
    fn recipe(
        self,
        packing: Option<CompressionFormat>,
        checksum: Option<Checksum>,
        role: SourceRole,
    ) -> SourceRecipe {
        let (location, origin) = (self.value, Some(self.span));
        SourceRecipe { compression: packing, checksum, origin, ..SourceRecipe::new(location, role) }
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    })
}

fn path(text: &Text) -> Result<Located<SourceLocation>, Diagnostic> {
    let path = text.value.as_str();
    let (message, help) = if path.is_empty() {
        ("the path is empty", "write the path of a file")
    } else if has_scheme(path) {
        ("this is a URL, not a path", "write it under `url:`")
    } else if path.contains(char::is_control) {
        let help = "rename the file, or look for a stray escape like `\\n`";
        ("the path has a control character", help)
    } else if path.ends_with('/') {
        ("the path names a directory", "write the path of a file")
    } else {
        return Ok(Located { value: SourceLocation::path(path), span: text.span.clone() });
    };
    Err(Diagnostic::new(message).at(text.span.clone()).help(help))
}

fn url(text: &Text) -> Result<Located<SourceLocation>, Diagnostic> {
    let url = text.value.as_str();
    let wrong =
        |message: &str, help: &str| Err(Diagnostic::new(message).at(text.span.clone()).help(help));
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("this is not a URL", "begin it with `https://`, or write it under `path:`");
    };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let help = match scheme {
            "file" => "write the path alone",
            _ => "disks are fetched from `https://` and `http://` URLs; download others first",
        };
        return wrong(&format!("`{}://` is not supported", scheme.escape_debug()), help);
    }
    if !url.bytes().all(|b| b.is_ascii_graphic()) {
        let help = "percent-encode it, for example a space as `%20`";
        return wrong("the URL has a character that no URL may have", help);
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        let help = "remove it: it would end up in logs";
        return wrong("the URL carries a user name or password", help);
    }
    if host.is_empty() || host.starts_with(':') {
        return wrong("the URL has no host", "write it like `https://example.com/disk.qcow2`");
    }
    Ok(Located { value: SourceLocation::Url(url.into()), span: text.span.clone() })
}

fn checksum(details: &Details, problems: &mut Vec<Diagnostic>) -> Option<Checksum> {
    let sha256 = details.sha256.as_ref().map(|text| (text, digits(text, "sha256", 64)));
    let sha512 = details.sha512.as_ref().map(|text| (text, digits(text, "sha512", 128)));
    if let (Some(_), Some((text, _))) = (&sha256, &sha512) {
        problems.push(
            Diagnostic::new("both `sha256` and `sha512` are given")
                .at(text.span.clone())
                .help("one is enough; remove the other"),
        );
    }
    let mut keep = |digits: Result<String, Diagnostic>| digits.map_err(|p| problems.push(p)).ok();
    let sha256 = sha256.and_then(|(_, digits)| keep(digits)).map(Checksum::Sha256);
    let sha512 = sha512.and_then(|(_, digits)| keep(digits)).map(Checksum::Sha512);
    sha512.or(sha256)
}

fn digits(text: &Text, algorithm: &str, count: usize) -> Result<String, Diagnostic> {
    let prefix = format!("{algorithm}:");
    let digits = text.value.strip_prefix(&prefix).unwrap_or(&text.value);
    let is_hexadecimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hexadecimal && digits.len() == count {
        return Ok(digits.to_ascii_lowercase());
    }
    let problem =
        Diagnostic::new(format!("this is not a {algorithm} checksum")).at(text.span.clone());
    let name = algorithm.to_uppercase().replace("SHA", "SHA-");
    Err(match digits.len() {
        64 if is_hexadecimal => {
            problem.help("it is as long as a SHA-256; write it under `sha256:`")
        }
        128 if is_hexadecimal => {
            problem.help("it is as long as a SHA-512; write it under `sha512:`")
        }
        found if is_hexadecimal => {
            problem.help(format!("a {name} has {count} hexadecimal digits, this has {found}"))
        }
        _ => problem.help(format!("a {name} is {count} hexadecimal digits, and nothing else")),
    })
}

fn packing(unpack: Unpack) -> Option<CompressionFormat> {
    match unpack {
        Unpack::Gz => Some(CompressionFormat::Gzip),
        Unpack::Xz => Some(CompressionFormat::Xz),
        Unpack::Zst => Some(CompressionFormat::Zstd),
        Unpack::Bz2 => Some(CompressionFormat::Bzip2),
        Unpack::None => None,
    }
}

fn conversion(details: &Details, problems: &mut Vec<Diagnostic>) -> Option<Conversion> {
    let (convert, compress) = (details.convert.as_ref(), details.compress.as_ref());
    match (convert.map(|convert| convert.value), compress) {
        (Some(Convert::Qcow2), compress) => {
            Some(Conversion::Qcow2(match compress.map(|compress| compress.value) {
                Some(Compress::Zlib) => ClusterCompression::Zlib,
                Some(Compress::Zstd) => ClusterCompression::Zstd,
                Some(Compress::None) | None => ClusterCompression::None,
            }))
        }
        (Some(Convert::Raw), None) => Some(Conversion::Raw),
        (Some(Convert::Raw) | None, Some(compress)) => {
            let message = "`compress` is for disks that are converted to qcow2";
            let help =
                "say `convert: qcow2` too, or remove `compress`; layers are compressed anyway";
            problems.push(Diagnostic::new(message).at(compress.span.clone()).help(help));
            None
        }
        (None, None) => None,
    }
}

fn derived_name(
    file: &str,
    packing: Option<CompressionFormat>,
    convert: Option<Conversion>,
) -> Result<String, &'static str> {
    let name = packing.map_or(file, |packing| packing.strip(file));
    check_name(name)?;
    let name = convert.map_or_else(|| name.to_owned(), |convert| convert.file_name(name));
    check_name(&name).map(|()| name)
}
