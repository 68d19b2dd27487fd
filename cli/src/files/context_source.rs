//! The *source of a build context*: a directory, a tar on standard input or on a server, or a commit
//! of a git repository. All but a directory are unpacked into a temporary one.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diskette_builder::engine::assemble::unpack_download;
use diskette_builder::engine::source::ArchiveDownloads;
use diskette_builder::oci::tar::{is_archive_start, unpack_archive};
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText};
use diskette_builder::recipe::{Checksum, SourceLocation, SourceRecipe, SourceRole};

use super::context_git::GitSource;
use super::temporary_dir::TemporaryDir;
use super::{open_dir, read_text};
use crate::error::{CommandError, cannot};

/// Number of bytes by which a tar is recognized.
const START_LEN: u64 = 512;

/// Where a build context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContextSource {
    /// A directory.
    Directory(PathBuf),
    /// `-`: a tar or a Dockerfile on standard input.
    Stream,
    /// `URL[#sha256:DIGITS]`: a tar on a server.
    Archive { url: String, checksum: Option<Checksum> },
    /// `REPOSITORY#COMMIT[:DIR]`.
    Git(GitSource),
}

/// A directory with the files of a context.
#[derive(Debug)]
pub(crate) enum ContextFolder {
    /// A directory of the user's.
    Named(PathBuf),
    /// What was unpacked; it is removed at the end.
    Temporary(TemporaryDir),
}

/// A context, and the Dockerfile if standard input had one instead of a tar.
#[derive(Debug)]
pub(crate) struct OpenedContext {
    pub(crate) folder: ContextFolder,
    pub(crate) dockerfile: Option<Arc<SourceText>>,
}

impl ContextFolder {
    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }

    /// Returns whether the files were unpacked for this build.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }
}

impl ContextSource {
    /// Parses the context of a build.
    pub(crate) fn parse(text: &str) -> Result<Self, Diagnostic> {
        if text == "-" {
            return Ok(Self::Stream);
        }
        if Path::new(text).exists() {
            return Ok(Self::Directory(text.into()));
        }
        if let Some(git) = GitSource::parse(text) {
            return Ok(Self::Git(git));
        }
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Ok(Self::Directory(text.into()));
        }
        let Some((url, fragment)) = text.split_once('#') else {
            return Ok(Self::Archive { url: text.into(), checksum: None });
        };
        let Some(checksum) = Checksum::parse(fragment) else {
            let message = format!("`{fragment}` is not a checksum");
            let help = "write `URL#sha256:` and 64 hexadecimal digits; a git repository is \
                        `URL.git#COMMIT`";
            return Err(Diagnostic::new(message).help(help));
        };
        Ok(Self::Archive { url: url.into(), checksum: Some(checksum) })
    }

    /// Opens the context: unpacks it into `temporary` unless it is a directory.
    pub(crate) fn open(
        &self,
        downloads: &ArchiveDownloads<'_>,
        temporary: &Path,
    ) -> Result<OpenedContext, CommandError> {
        if let Self::Directory(path) = self {
            let folder = ContextFolder::Named(path.clone());
            return Ok(OpenedContext { folder, dockerfile: None });
        }
        let directory = TemporaryDir::new(temporary)?;
        let dockerfile = self.unpack(downloads, directory.path())?;
        Ok(OpenedContext { folder: ContextFolder::Temporary(directory), dockerfile })
    }

    fn unpack(
        &self,
        downloads: &ArchiveDownloads<'_>,
        path: &Path,
    ) -> Result<Option<Arc<SourceText>>, CommandError> {
        let dir = open_dir(path).map_err(cannot("open", path.display()))?;
        match self {
            Self::Directory(_) => {}
            Self::Stream => {
                let mut start = Vec::new();
                let read = io::stdin().take(START_LEN).read_to_end(&mut start);
                read.map_err(cannot("read", "<stdin>"))?;
                let is_archive = is_archive_start(&start);
                let input = io::Cursor::new(start).chain(io::stdin());
                if !is_archive {
                    let text = read_text(input).map_err(cannot("read", "<stdin>"))?;
                    return Ok(Some(Arc::new(SourceText { name: "<stdin>".into(), text })));
                }
                unpack_archive(input, &dir).map_err(cannot("use the context", "<stdin>"))?;
            }
            Self::Archive { url, checksum } => {
                let location = SourceLocation::Url(url.clone());
                let recipe = SourceRecipe {
                    checksum: checksum.clone(),
                    ..SourceRecipe::new(location, SourceRole::File)
                };
                unpack_download(downloads, &recipe, &dir)?;
            }
            Self::Git(git) => git.check_out(path)?,
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_parse() {
        let check = |text: &str, expected: &str| {
            let found = match ContextSource::parse(text) {
                Ok(ContextSource::Directory(path)) => format!("directory {}", path.display()),
                Ok(ContextSource::Stream) => "stream".into(),
                Ok(ContextSource::Archive { url, checksum: None }) => format!("archive {url}"),
                Ok(ContextSource::Archive { url, checksum: Some(sum) }) => format!("{sum} {url}"),
                Ok(ContextSource::Git(git)) => format!("git {git}"),
                Err(error) => error.message,
            };
            assert_eq!(found, expected, "{text}");
        };
        let digits = "0".repeat(64);
        check("-", "stream");
        check(".", "directory .");
        check("missing", "directory missing");
        check("https://h/c.tar.gz", "archive https://h/c.tar.gz");
        check(
            &format!("https://h/c.tar#sha256:{digits}"),
            &format!("sha256:{digits} https://h/c.tar"),
        );
        check("https://h/c.tar#main", "`main` is not a checksum");
        check("https://h/r.git", "git https://h/r.git at HEAD");
        check("https://h/r.git#main:sub/dir", "git https://h/r.git at main, directory sub/dir");
        check("git@h:r#:d", "git git@h:r at HEAD, directory d");
        check("ssh://git@h/r#v1", "git ssh://git@h/r at v1");
        check("file:///no/repository#v1", "git file:///no/repository at v1");
        check("missing#v1", "directory missing#v1");
    }
}
