//! The *name* of a disk inside the image: what the spec says, or that of the file, unless CDI
//! cannot import it. A spec can also say the whole path.

use super::located::LocatedText;
use super::paths::{check_file_name, check_plain_path};
use crate::cluster::contract::{DISK_DIRECTORY, DISK_NAME, importable_name, name_problem};
use crate::compression::CompressionFormat;
use crate::disk::convert::Conversion;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::path::{is_below, join};

/// Name of a disk in the image if its source has none that can be used.
pub(super) const DEFAULT_DISK_NAME: &str = "disk.img";

/// The name of a disk inside the image.
#[derive(Debug)]
pub(super) struct DiskName {
    /// The name that the spec says, or that of the file; the path in the image if the spec says
    /// that.
    name: String,
    /// Position of what it was taken from.
    span: Span,
    origin: NameOrigin,
}

/// What the name of a disk was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameOrigin {
    /// `name` says it.
    Spec,
    /// `path` says all of the path.
    Path,
    /// The file is named so.
    File,
    /// The file of a release is named so, for which a spec has no other name.
    Release,
}

impl DiskName {
    /// Returns the name that a spec says.
    pub(super) fn of_spec(name: &LocatedText) -> Result<Self, Diagnostic> {
        check_file_name(&name.value).map_err(|reason| {
            let message = format!("`{}` is not a file name: {reason}", name.value.escape_debug());
            let help = "write one plain name, for example `name: disk.qcow2`";
            Diagnostic::new(message).at(name.span.clone()).help(help)
        })?;
        Ok(Self { name: name.value.clone(), span: name.span.clone(), origin: NameOrigin::Spec })
    }

    /// Returns the path of a disk outside `/disk` that a spec says.
    pub(super) fn of_path(path: &LocatedText) -> Result<Self, Diagnostic> {
        let name = check_plain_path(path)?;
        if name == DISK_DIRECTORY || is_below(name, DISK_DIRECTORY) {
            let problem = Diagnostic::new("`path` is for a disk outside `/disk`");
            let help = "remove `path`; `name` of the disk sets its name in `/disk`";
            return Err(problem.at(path.span.clone()).help(help));
        }
        let (name, span) = (name.to_owned(), path.span.clone());
        Ok(Self { name, span, origin: NameOrigin::Path })
    }

    /// Returns the name of a disk in this file, without the suffix of its compression and with that
    /// of the format that it is converted to.
    pub(super) fn of_file(
        file: &str,
        span: &Span,
        compression: Option<CompressionFormat>,
        convert: Option<Conversion>,
    ) -> Result<Self, Diagnostic> {
        let name = derive_disk_name(file, compression, convert).map_err(|reason| {
            let message = format!("the disk cannot be named after this: {reason}");
            let help = "set its name in the image, for example `name: disk.qcow2`";
            Diagnostic::new(message).at(span.clone()).help(help)
        })?;
        Ok(Self { name, span: span.clone(), origin: NameOrigin::File })
    }

    /// Returns the name of the disk in the file of a release.
    pub(super) fn of_release(file: &str, span: Span) -> Self {
        let is_name = check_file_name(&importable_name(file)).is_ok();
        let name = if is_name { file } else { DEFAULT_DISK_NAME };
        Self { name: name.to_owned(), span, origin: NameOrigin::Release }
    }

    /// Returns the path that the disk gets in the image. A name that CDI cannot import is replaced,
    /// unless the spec says it.
    pub(super) fn choose_path(self, warnings: &mut Vec<Diagnostic>) -> String {
        if self.origin == NameOrigin::Path {
            return self.name;
        }
        join(DISK_DIRECTORY, &self.choose_name(warnings))
    }

    fn choose_name(self, warnings: &mut Vec<Diagnostic>) -> String {
        let Some(problem) = name_problem(&self.name) else { return self.name };
        let shown = self.name.escape_debug();
        if self.origin == NameOrigin::Spec {
            let message = format!("CDI cannot import the disk `{shown}`: {problem}");
            let help = "use letters, digits, `.`, `_`, `+` and `-`";
            let warning = Diagnostic::new(message).help(DISK_NAME.why).help(help);
            warnings.push(warning.rule(DISK_NAME.id).at(self.span));
            return self.name;
        }
        let chosen = importable_name(&self.name);
        let message = format!("`{shown}` is named `{chosen}` in the image: {problem}");
        let warning = Diagnostic::new(message).help(DISK_NAME.why);
        let warning = match self.origin {
            NameOrigin::File => warning.help("set `name:` to choose another name"),
            _ => warning,
        };
        warnings.push(warning.rule(DISK_NAME.id).at(self.span));
        chosen
    }
}

fn derive_disk_name(
    file: &str,
    compression: Option<CompressionFormat>,
    convert: Option<Conversion>,
) -> Result<String, &'static str> {
    let name = compression.map_or(file, |format| format.strip_suffix(file));
    check_file_name(&importable_name(name))?;
    let name = convert.map_or_else(|| name.to_owned(), |convert| convert.file_name(name));
    check_file_name(&importable_name(&name)).map(|()| name)
}
