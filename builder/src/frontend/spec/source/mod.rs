//! A *source* is the origin of a file's content. Lowering it yields the path or URL, the
//! compression, the checksum, and the name of a disk.
//!
//! - [`types`]: the keys
//! - [`read`]: their values
//! - [`origin`]: the file, URL or image
//! - [`checksum`]: what its bytes are compared with
//! - [`changes`]: how it becomes the content

mod changes;
mod checksum;
mod origin;
mod read;
mod types;

use self::changes::{lower_conversion, lower_request_files, lower_size, lower_unpack};
use self::checksum::lower_checksum;
use self::origin::details_location;
use self::types::{ConvertSpec, OvaDiskSpec, SourceDetails};
pub(super) use self::types::{SourceSpec, SwitchSpec};
use crate::compression::CompressionFormat;
use crate::disk::archived_disk_name;
use crate::disk::convert::Conversion;
use crate::frontend::spec::disk_name::{DEFAULT_DISK_NAME, DiskName};
use crate::frontend::spec::located::{Located, LocatedText};
use crate::frontend::spec::location::{has_scheme, parse_path, parse_url};
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{ArchivedDisk, DiskRequest, SourceLocation, SourceRecipe, SourceRole};

/// Returns the problem of a key that chooses or checks what an image or a file does not have.
fn find_misplaced_key(details: &SourceDetails) -> Option<Diagnostic> {
    let Some(image) = &details.image else {
        let disk = details.disk.as_ref()?;
        let problem = Diagnostic::new("`disk` chooses a disk of an image").at(disk.span.clone());
        return Some(
            problem.help("add `image:`, or remove `disk`; for archives, use `ova: { path, disk }`"),
        );
    };
    let checksums = [("sha256", &details.sha256), ("sha512", &details.sha512)];
    let checksum = checksums.into_iter().find_map(|(key, text)| Some((key, &text.as_ref()?.span)));
    let unpack = details.unpack.as_ref().map(|unpack| ("unpack", &unpack.span));
    let (key, span) = checksum.or(unpack)?;
    let problem = Diagnostic::new(format!("`{key}` is for files and downloads")).at(span.clone());
    let help = match key {
        "unpack" => "remove it: an image says itself how its disk is compressed".to_owned(),
        _ => format!("pin the image by its digest: `image: {}@sha256:…`", image.value),
    };
    Some(problem.help(help))
}

/// Returns the source of a disk and the disk's name inside the image; `path` is its path there, if
/// that is given.
pub(super) fn lower_disk(
    source: &SourceSpec,
    platform: &Platform,
    path: Option<&LocatedText>,
    problems: &mut Vec<Diagnostic>,
) -> Option<(SourceRecipe, DiskName)> {
    let parts = SourceParts::split(source, platform, problems);
    let details = parts.details;
    let LoweredDisk { recipe, span, file } = parts.into_disk(problems)?;
    let name = match (path, details.and_then(|details| details.name.as_ref())) {
        (Some(_), Some(name)) => {
            let problem = Diagnostic::new("both `path` and `name` say where the disk is");
            Err(problem.at(name.span.clone()).help("remove `name`: the path has it"))
        }
        (Some(path), None) => DiskName::of_path(path),
        (None, Some(name)) => DiskName::of_spec(name),
        (None, None) => DiskName::of_file(&file, &span, recipe.compression, recipe.convert),
    };
    let name = name.map_err(|problem| problems.push(problem)).ok()?;
    Some((recipe, name))
}

/// Returns the source of a disk of a virtual machine, which becomes a raw disk without a name.
pub(super) fn lower_raw_disk(
    source: &SourceSpec,
    platform: &Platform,
    problems: &mut Vec<Diagnostic>,
) -> Option<SourceRecipe> {
    let parts = SourceParts::split(source, platform, problems);
    let details = parts.details;
    let name = details.and_then(|details| details.name.as_ref());
    let convert = details.and_then(|details| details.convert.as_ref());
    let convert = convert.filter(|convert| convert.value != ConvertSpec::Raw);
    let spans = [
        ("name", name.map(|name| &name.span), "the disk is called as its volume"),
        ("convert", convert.map(|convert| &convert.span), "the disks of virtual machines are raw"),
    ];
    for (key, span, why) in spans {
        problems.extend(span.map(|span| {
            Diagnostic::new(format!("`{key}` is for the disks of images"))
                .at(span.clone())
                .help(format!("{why}; remove `{key}`"))
        }));
    }
    let mut recipe = parts.into_disk(problems)?.recipe;
    recipe.convert = Some(Conversion::Raw);
    recipe.disk.get_or_insert_default().may_be_blank = true;
    Some(recipe)
}

/// The source of a disk.
struct LoweredDisk {
    recipe: SourceRecipe,
    /// Span of its path or URL.
    span: Span,
    /// Name of its file; of a disk in an archive, the one that it gets.
    file: String,
}

/// Returns the source of any other file. It is not decompressed unless `unpack` is set, since a
/// kernel's initramfs has to stay compressed.
pub(super) fn lower_file(
    source: &SourceSpec,
    problems: &mut Vec<Diagnostic>,
) -> Option<SourceRecipe> {
    let parts = SourceParts::split(source, &Platform::host(), problems);
    let checksum = parts.details.and_then(|details| lower_checksum(details, problems));
    if let Some(name) = parts.details.and_then(|details| details.name.as_ref()) {
        problems.push(
            Diagnostic::new("`name` is for disks")
                .at(name.span.clone())
                .help("the file is called as its `path` says; remove `name`"),
        );
    }
    let changes = parts.details.map(|details| {
        let convert = details.convert.as_ref().map(|convert| ("convert", &convert.span));
        let ova = details.ova.as_ref().and_then(|ova| ova.path.as_ref());
        let ova = ova.map(|path| ("ova", &path.span));
        let flatten = details.flatten.as_ref().map(|flatten| ("flatten", &flatten.span));
        let discard = details.discard.as_ref().map(|discard| ("discard", &discard.span));
        let size = details.size.as_ref().map(|size| ("size", &size.span));
        let image = details.image.as_ref().map(|image| ("image", &image.span));
        [convert, flatten, discard, size, ova, image]
    });
    for (key, span) in changes.into_iter().flatten().flatten() {
        problems.push(
            Diagnostic::new(format!("`{key}` is for disks"))
                .at(span.clone())
                .help(format!("other files are taken as they are; remove `{key}`")),
        );
    }
    let compression =
        parts.details.and_then(|details| lower_unpack(details.unpack.as_ref()?.value));
    let mut recipe = parts.location?.into_recipe(compression, checksum, SourceRole::File);
    recipe.download = parts.details.and_then(|details| lower_request_files(details, problems));
    Some(recipe)
}

/// Returns the disk to take if a source is an archive: the spec says it, or the name of the file.
fn lower_archived(details: Option<&SourceDetails>, file: &str) -> Option<ArchivedDisk> {
    let is_file = details.is_some_and(|details| details.unpack.is_some());
    let Some(ova) = details.and_then(|details| details.ova.as_ref()) else {
        return archived_disk_name(file).filter(|_| !is_file).map(|_| ArchivedDisk::Default);
    };
    Some(match ova.disk.as_ref().map(|disk| &disk.value) {
        None => ArchivedDisk::Default,
        Some(OvaDiskSpec::Number(number)) => ArchivedDisk::Number(*number),
        Some(OvaDiskSpec::Name(name)) => ArchivedDisk::Name(name.clone()),
    })
}

struct SourceParts<'s> {
    location: Option<Located<SourceLocation>>,
    details: Option<&'s SourceDetails>,
}

impl<'s> SourceParts<'s> {
    /// Returns the source of a disk.
    fn into_disk(self, problems: &mut Vec<Diagnostic>) -> Option<LoweredDisk> {
        let details = self.details;
        problems.extend(details.and_then(find_misplaced_key));
        let checksum = details.and_then(|details| lower_checksum(details, problems));
        let convert = details.and_then(|details| lower_conversion(details, problems));
        let size = details.and_then(|details| lower_size(details.size.as_ref()?, problems));
        let download = details.and_then(|details| lower_request_files(details, problems));
        let location = self.location?;
        let file = match &location.value {
            // The name of its file becomes known only when it is opened.
            SourceLocation::Image(_) => DEFAULT_DISK_NAME,
            location => location.file_name(),
        };
        let archived = lower_archived(details, file);
        let stem = archived.as_ref().and_then(|_| archived_disk_name(file));
        let file = stem.unwrap_or_else(|| file.to_owned());
        let compression = match details.and_then(|details| details.unpack.as_ref()) {
            Some(unpack) => lower_unpack(unpack.value),
            // A compressed archive is recognized when it is opened.
            None if archived.is_some() => None,
            None => CompressionFormat::from_name(&file),
        };
        let span = location.span.clone();
        let mut recipe = location.into_recipe(compression, checksum, SourceRole::Disk);
        let is_on = |switch: Option<&Located<SwitchSpec>>| switch.is_some_and(|it| it.value.0);
        let flatten = is_on(details.and_then(|details| details.flatten.as_ref()));
        let discard = is_on(details.and_then(|details| details.discard.as_ref()));
        let request = DiskRequest { archived, flatten, discard, size, ..DiskRequest::default() };
        recipe.disk = (request != DiskRequest::default()).then(|| Box::new(request));
        (recipe.convert, recipe.download) = (convert, download);
        Some(LoweredDisk { recipe, span, file })
    }

    fn split(source: &'s SourceSpec, platform: &Platform, problems: &mut Vec<Diagnostic>) -> Self {
        let (details, location) = match source {
            SourceSpec::Plain(text) if has_scheme(&text.value) => (None, Some(parse_url(text))),
            SourceSpec::Plain(text) => (None, Some(parse_path(text))),
            SourceSpec::Detailed(details) => {
                (Some(&**details), details_location(details, platform))
            }
        };
        let location = location.and_then(|it| it.map_err(|problem| problems.push(problem)).ok());
        Self { location, details }
    }
}
