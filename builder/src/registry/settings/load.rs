//! The files of the configuration, and the order in which they are read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SettingsFiles;
use crate::recipe::diagnostic::{Diagnostic, SourceText};

const SYSTEM: &str = "/etc/containers/registries.conf";

/// The variables that determine the paths of the files.
#[derive(Debug, Clone, Default)]
pub struct SettingsEnvironment {
    /// `$CONTAINERS_REGISTRIES_CONF`.
    pub registries_conf: Option<PathBuf>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
}

/// Reads the main file and the drop-ins. A user's main file replaces the system's and its drop-ins,
/// as in containers/image.
pub(super) fn read_files(
    around: &SettingsEnvironment,
    files: &impl SettingsFiles,
) -> Result<Vec<Arc<SourceText>>, Diagnostic> {
    let user = around.home.as_ref().map(|home| home.join(".config/containers/registries.conf"));
    let mut texts = Vec::new();
    let mut drop_ins = vec![drop_in_dir(Path::new(SYSTEM))];
    if let Some(named) = &around.registries_conf {
        let text = read_text(named, files)?.ok_or_else(|| {
            Diagnostic::new(format!("cannot find `{}`", named.display()))
                .help("it is named by `$CONTAINERS_REGISTRIES_CONF`; correct that")
        })?;
        texts.push(text);
    } else if let Some(user) = &user
        && let Some(text) = read_text(user, files)?
    {
        texts.push(text);
        drop_ins.clear();
    } else {
        texts.extend(read_text(Path::new(SYSTEM), files)?);
    }
    drop_ins.extend(user.as_deref().map(drop_in_dir));
    for dir in drop_ins {
        for path in list_drop_ins(&dir, files)? {
            // A file that was removed in the meantime is skipped.
            texts.extend(read_text(&path, files)?);
        }
    }
    Ok(texts)
}

fn drop_in_dir(file: &Path) -> PathBuf {
    file.with_extension("conf.d")
}

fn list_drop_ins(dir: &Path, files: &impl SettingsFiles) -> Result<Vec<PathBuf>, Diagnostic> {
    let names = files.list(dir).map_err(read_error(dir))?;
    let mut names = names.unwrap_or_default();
    names.retain(|name| matches!(name.rsplit_once('.'), Some((_, "conf"))));
    names.sort_unstable();
    Ok(names.iter().map(|name| dir.join(name)).collect())
}

fn read_text(
    path: &Path,
    files: &impl SettingsFiles,
) -> Result<Option<Arc<SourceText>>, Diagnostic> {
    let Some(bytes) = files.read(path).map_err(read_error(path))? else { return Ok(None) };
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Arc::new(SourceText { name, text }))),
        Err(_) => {
            Err(Diagnostic::new(format!("`{name}` is not UTF-8 text"))
                .help("is this the right file?"))
        }
    }
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> Diagnostic {
    move |error| {
        Diagnostic::new(format!("cannot read `{}`: {error}", path.display())).help(
            "make it readable, or name another registries.conf in `$CONTAINERS_REGISTRIES_CONF`",
        )
    }
}
