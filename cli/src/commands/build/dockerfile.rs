//! The options for Dockerfiles, and their build contexts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use diskette_builder::engine::source::InputFiles;
use diskette_builder::frontend::dockerfile::context::BuildContext;
use diskette_builder::frontend::dockerfile::pattern::IgnoreFile;
use diskette_builder::frontend::dockerfile::{BuildContexts, NamedImage, context_name};
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::recipe::InputFile;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::arguments::image_name::parse_reference;
use crate::environment::Environment;
use crate::error::{CommandError, cannot};
use crate::files::context_dir::ContextDir;
use crate::files::dependencies::ReadFiles;
use crate::files::{read_implied, read_spec};

/// Options that only a Dockerfile needs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Dockerfile options")]
pub(super) struct DockerfileArguments {
    /// Set a build argument; without a value it is taken from the environment; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,

    /// Define what FROM NAME and --from=NAME refer to: a directory, or an image as
    /// `docker-image://REF` or `oci-layout://DIR[:TAG]`; may be repeated
    #[arg(long, value_name = "NAME=CONTEXT")]
    build_context: Vec<ContextArgument>,

    /// Ignore file of the context [default: `.containerignore` or `.dockerignore`,
    /// named after the Dockerfile or in the context]
    #[arg(long, value_name = "FILE")]
    ignorefile: Option<PathBuf>,

    /// Build this stage instead of the last one
    #[arg(long, value_name = "STAGE")]
    pub(super) target: Option<String>,

    /// Resolve the tags of base images again, even if FILE.lock has their digests
    #[arg(long, value_name = "WHEN", require_equals = true, num_args = 0..=1)]
    #[arg(default_missing_value = "always", default_value = "missing", hide_default_value = true)]
    pub(super) pull: PullPolicy,

    /// Record the current digests of base images, and of downloads without a checksum, in
    /// FILE.lock, for later builds
    #[arg(long)]
    pub(super) lock: bool,

    /// Fail if a base image, or a download without a checksum, is not in FILE.lock
    #[arg(long, conflicts_with = "lock")]
    pub(super) locked: bool,
}

/// When the tag of a base is resolved again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PullPolicy {
    /// Always
    #[value(alias = "true", alias = "newer", alias = "ifnewer")]
    Always,
    /// Only if it is not in FILE.lock
    #[value(alias = "false", alias = "ifmissing")]
    Missing,
}

/// `NAME=CONTEXT`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ContextArgument {
    name: String,
    context: NamedContext,
}

/// The meaning of a name in FROM or `--from`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamedContext {
    Directory(PathBuf),
    Image(NamedImage),
}

impl FromStr for ContextArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, context)) = text.split_once('=').filter(|(name, _)| !name.is_empty())
        else {
            return Err("NAME=CONTEXT is expected".into());
        };
        let context = if context == "docker-image://scratch" {
            NamedContext::Image(NamedImage::Scratch)
        } else if let Some(image) = context.strip_prefix("docker-image://") {
            let location = ImageLocation::Registry(parse_reference(image)?);
            NamedContext::Image(NamedImage::Location(location))
        } else if let Some(layout) = context.strip_prefix("oci-layout://") {
            let location = format!("oci:{}", layout.replacen('@', ":", 1)).parse()?;
            NamedContext::Image(NamedImage::Location(location))
        } else if let Some((scheme, _)) = context.split_once("://") {
            return Err(format!(
                "`{scheme}://` is not supported; a directory, `docker-image://` and \
                     `oci-layout://` are"
            ));
        } else if context.is_empty() {
            return Err("a path is missing".into());
        } else {
            NamedContext::Directory(context.into())
        };
        Ok(Self { name: name.to_owned(), context })
    }
}

/// Opened build contexts.
#[derive(Debug)]
pub(super) struct ContextFiles {
    directories: BTreeMap<Arc<str>, ContextDir>,
    /// Records the files that are opened.
    reads: ReadFiles,
}

impl BuildContexts for ContextFiles {
    fn context(&self, name: &str) -> Option<&dyn BuildContext> {
        self.directory(name).map(|context| context as &dyn BuildContext)
    }
}

impl ContextFiles {
    /// Returns the directory of a name, in any spelling of it.
    fn directory(&self, name: &str) -> Option<&ContextDir> {
        if name.is_empty() {
            return self.directories.get(name);
        }
        let name = context_name(name);
        let mut named = self.directories.iter().filter(|(known, _)| !known.is_empty());
        named.find(|(known, _)| context_name(known) == name).map(|(_, context)| context)
    }
}

impl InputFiles for ContextFiles {
    fn open(&self, file: &InputFile) -> io::Result<File> {
        let context = self.directory(&file.directory).ok_or(io::ErrorKind::NotFound)?;
        self.reads.add(&context.path().join(&file.path));
        context.open(&file.path)
    }

    fn open_neighbor(&self, file: &InputFile, name: &Path) -> io::Result<File> {
        let directory = Arc::clone(&file.directory);
        let path = file.path.parent().unwrap_or(Path::new("")).join(name);
        self.open(&InputFile { directory, path })
    }
}

impl DockerfileArguments {
    /// Returns the names of the build arguments.
    pub(super) fn build_arg_names(&self) -> Vec<String> {
        let names = self.build_arg.iter().map(|text| text.split('=').next().unwrap_or_default());
        names.map(str::to_owned).collect()
    }

    /// Returns the values for ARG; a name without a value takes that of the environment, if there
    /// is one.
    pub(super) fn build_args(&self, environment: &Environment) -> BTreeMap<String, String> {
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None => Some((text.clone(), environment.variable(text)?)),
        };
        self.build_arg.iter().filter_map(pair).collect()
    }

    /// Returns the images that `--build-context` gives names.
    pub(super) fn named_images(&self) -> BTreeMap<String, NamedImage> {
        let image = |context: &ContextArgument| match &context.context {
            NamedContext::Image(image) => Some((context.name.clone(), image.clone())),
            NamedContext::Directory(_) => None,
        };
        self.build_context.iter().filter_map(image).collect()
    }

    /// Opens the directories that files can be copied from; the one without a name is the build's
    /// own context.
    pub(super) fn open_contexts(
        &self,
        context: &Path,
        dockerfile: Option<&Path>,
        reads: &ReadFiles,
    ) -> Result<ContextFiles, CommandError> {
        let mut contexts = BTreeMap::new();
        let ignore = match &self.ignorefile {
            Some(path) => {
                reads.add(path);
                IgnoreFile::parse(&read_spec(path)?)?
            }
            None => read_ignore_file(context, dockerfile, reads)?,
        };
        contexts.insert("".into(), open(context, ignore)?);
        for ContextArgument { name, context } in &self.build_context {
            if let NamedContext::Directory(path) = context {
                contexts.insert(
                    name.as_str().into(),
                    open(path, read_ignore_file(path, None, reads)?)?,
                );
            }
        }
        Ok(ContextFiles { directories: contexts, reads: reads.clone() })
    }
}

fn open(path: &Path, ignore: IgnoreFile) -> Result<ContextDir, Diagnostic> {
    ContextDir::open(path, ignore).map_err(cannot("open the build context", path.display()))
}

/// Endings of the names of ignore files. Podman and Buildah read the first alone if both exist.
const IGNORE_FILES: [&str; 2] = [".containerignore", ".dockerignore"];

/// Reads the ignore file: the one of the Dockerfile, else that of the context.
fn read_ignore_file(
    context: &Path,
    dockerfile: Option<&Path>,
    reads: &ReadFiles,
) -> Result<IgnoreFile, Diagnostic> {
    let own = dockerfile.into_iter().flat_map(|path| {
        IGNORE_FILES.map(|end| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        })
    });
    for path in own.chain(IGNORE_FILES.map(|name| context.join(name))) {
        if let Some(source) = read_implied(&path)? {
            reads.add(&path);
            return IgnoreFile::parse(&source);
        }
    }
    IgnoreFile::new([]).map_err(|bad| Diagnostic::new(format!("{bad:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_contexts_parse() {
        let check = |text: &str, expected: &str| {
            let found = match text.parse() {
                Ok(ContextArgument { name, context: NamedContext::Directory(path) }) => {
                    format!("{name} is the directory {}", path.display())
                }
                Ok(ContextArgument { name, context: NamedContext::Image(image) }) => match image {
                    NamedImage::Location(location) => format!("{name} is the image {location}"),
                    NamedImage::Scratch => format!("{name} is an image without files"),
                },
                Err(error) => error,
            };
            assert_eq!(found, expected, "{text}");
        };
        check("a=../b", "a is the directory ../b");
        check("a=docker-image://q.io/b:1", "a is the image q.io/b:1");
        check("q.io/a:1=oci-layout://dir:tag", "q.io/a:1 is the image oci:dir:tag");
        check("a=docker-image://scratch", "a is an image without files");
        check("a=oci-layout://dir", "a is the image oci:dir");
        check("a=", "a path is missing");
        check("=b", "NAME=CONTEXT is expected");
        check("a", "NAME=CONTEXT is expected");
        check(
            "a=https://b",
            "`https://` is not supported; a directory, `docker-image://` and `oci-layout://` are",
        );
    }
}
