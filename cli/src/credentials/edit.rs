//! *Edits* of auth files, which only the user may read.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::File;
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::credentials::{AuthFileEdit, AuthFileEditError, CredentialSystem};

use rustix::fs::{FlockOperation, flock};

use super::system::System;
use crate::error::cannot;
use crate::files::make_dirs;
use crate::files::output::{Output, Readers};

/// Changes an auth file, or creates it: completely or not at all, readable for the user only. Several
/// programs can change it at the same time.
pub(crate) fn edit_auth_file<T>(
    path: &Path,
    change: impl FnOnce(&mut AuthFileEdit) -> Result<T, AuthFileEditError>,
) -> Result<T, Diagnostic> {
    let _lock = lock_parent(path)?;
    let old =
        CredentialSystem::read_auth_file(&System, path).map_err(cannot("read", path.display()))?;
    let old = old.map(|content| content.bytes);
    let refused = |error| Diagnostic::new(format!("`{}` {error}", path.display()));
    let before = AuthFileEdit::parse(old.as_deref()).map_err(refused)?;
    let mut after = before.clone();
    let result = change(&mut after).map_err(refused)?;
    if after != before {
        let bytes = after.to_bytes().map_err(cannot("write", path.display()))?;
        write_private(path, &bytes)?;
    }
    Ok(result)
}

/// Locks the directory of a file until the lock is dropped, and creates it if it does not exist. The
/// file itself is replaced, and a lock of it would be of the old one. A file system that cannot lock
/// directories is used without a lock.
fn lock_parent(path: &Path) -> Result<File, Diagnostic> {
    let parent = ensure_parent(path)?;
    let dir = File::open_ambient(&parent, ambient_authority());
    let dir = dir.map_err(cannot("open the directory", parent.display()))?;
    flock(&dir, FlockOperation::LockExclusive).unwrap_or_default();
    Ok(dir)
}

/// Creates the directory of a file, where the file is if the path is a link, and returns its path.
fn ensure_parent(path: &Path) -> Result<PathBuf, Diagnostic> {
    let target = follow_link(path);
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).to_owned();
    make_dirs(&parent, 0o700).map_err(cannot("make the directory", parent.display()))?;
    Ok(parent)
}

/// Writes a file that only the user may read, completely or not at all.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), Diagnostic> {
    drop(ensure_parent(path)?);
    let written = Output::find(path)?.write(content, Readers::Owner);
    written.map_err(cannot("write", path.display()))
}

/// Follows a symbolic link, whose target is replaced.
fn follow_link(path: &Path) -> PathBuf {
    if let Ok(target) = path.canonicalize() {
        return target;
    }
    match path.read_link() {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use cap_std::fs::Dir;
    use diskette_builder::net::credential::Credential;
    use diskette_builder::registry::credentials::AuthFileReaders;

    use super::*;

    /// Writes an entry and returns the content and the mode of the file.
    fn login(path: &Path) -> (String, u32) {
        let set = |edit: &mut AuthFileEdit| {
            edit.set(&"q.io".parse().unwrap(), &Credential::basic("u", "p"))
        };
        edit_auth_file(path, set).unwrap();
        let found = CredentialSystem::read_auth_file(&System, path).unwrap().unwrap();
        assert_eq!(found.readers, AuthFileReaders::Owner);
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        (String::from_utf8(found.bytes).unwrap().replace(['\n', '\t'], ""), mode)
    }

    #[test]
    fn a_login_is_for_the_user_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let at = |name: &str| temporary.path().join(name);
        let entry = r#"{"auths": {"q.io": {"auth": "dTpw"}}}"#.to_owned();

        assert_eq!(login(&at("new/containers/auth.json")), (entry.clone(), 0o600));
        let mode = at("new/containers").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);

        // A file that others could read is closed to them.
        dir.write("old.json", "{}").unwrap();
        dir.set_permissions(
            "old.json",
            cap_std::fs::Permissions::from_std(std::fs::Permissions::from_mode(0o644)),
        )
        .unwrap();
        let readers =
            CredentialSystem::read_auth_file(&System, &at("old.json")).unwrap().unwrap().readers;
        assert_eq!(readers, AuthFileReaders::Others);
        assert_eq!(login(&at("old.json")), (entry.clone(), 0o600));

        // A link stays, whether or not its target exists.
        for (link, end) in [("link", "old.json"), ("dangling", "none.json")] {
            symlink(end, at(link)).unwrap();
            assert_eq!(login(&at(link)), (entry.clone(), 0o600));
            assert_eq!(at(link).read_link().unwrap(), Path::new(end));
        }

        // What cannot be edited is left as it is.
        dir.write("broken.json", "hunter2").unwrap();
        let refused = edit_auth_file(&at("broken.json"), |_| Ok(())).unwrap_err();
        assert!(refused.message.ends_with("` is not JSON at line 1, column 1"), "{refused}");
        assert_eq!(dir.read_to_string("broken.json").unwrap(), "hunter2");
    }
}
