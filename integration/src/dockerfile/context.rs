//! A **context** is a directory into which entries are written.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::compression::compressed;
use super::entry::{Entry, EntryKind};
use super::layer;

/// Writes entries into a directory; `text` has one on each line.
pub fn make(directory: &Path, text: &str) {
    let entries = Entry::parse_all(text.lines().zip(1..).map(|(line, number)| (number, line)));
    entries.and_then(|entries| write(directory, &entries)).unwrap();
}

/// Writes entries into a directory, with their modes regardless of the umask.
pub fn write(directory: &Path, entries: &[Entry]) -> Result<(), String> {
    fs::create_dir_all(directory).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in entries {
        write_one(directory, entry).map_err(|why| format!("{}: {why}", entry.path))?;
    }
    // Last, since files cannot be created in a directory without write permission.
    for entry in entries.iter().rev().filter(|entry| entry.kind == EntryKind::Directory) {
        let mode = fs::Permissions::from_mode(entry.mode);
        fs::set_permissions(directory.join(&entry.path), mode).unwrap();
    }
    Ok(())
}

fn write_one(directory: &Path, entry: &Entry) -> Result<(), String> {
    let path = directory.join(&entry.path);
    let above: Vec<_> = Path::new(&entry.path).ancestors().skip(1).collect();
    for parent in above.iter().rev() {
        let parent = directory.join(parent);
        if !parent.exists() {
            fs::create_dir(&parent).unwrap();
            fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let content = match &entry.kind {
        EntryKind::Directory => {
            return fs::create_dir_all(&path).map_err(|error| error.to_string());
        }
        EntryKind::Link(target) => {
            return symlink(target, &path).map_err(|error| error.to_string());
        }
        EntryKind::Hard(first) => {
            return fs::hard_link(directory.join(first), &path).map_err(|error| error.to_string());
        }
        EntryKind::Fifo => return fifo(&path, entry.mode),
        EntryKind::File(content) => content.clone(),
        EntryKind::Packed(compression, content) => compressed(*compression, content),
        EntryKind::Tar(compression, inner) => compressed(*compression, &layer::write(inner)?),
        EntryKind::Gone | EntryKind::Opaque | EntryKind::Host => {
            return Err("only a layer can have such an entry".into());
        }
    };
    fs::write(&path, content).map_err(|error| error.to_string())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).unwrap();
    Ok(())
}

fn fifo(path: &Path, mode: u32) -> Result<(), String> {
    let (kind, none) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::empty());
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, none, 0).map_err(|error| error.to_string())?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn entries(text: &str) -> Vec<Entry> {
        Entry::parse_all(text.lines().enumerate()).unwrap()
    }

    #[test]
    fn every_kind_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let text = "file 4750 d/a = x\nhard b = d/a\nlink l = nowhere\nfifo 600 p\ndir 500 e\n\
                    tar t = gz\n file a\npacked-xz p.xz = text";
        write(directory.path(), &entries(text)).unwrap();
        let stat = |name: &str| fs::symlink_metadata(directory.path().join(name)).unwrap();
        assert_eq!(stat("b").mode() & 0o7777, 0o4750);
        assert_eq!(stat("b").ino(), stat("d/a").ino());
        assert!(stat("l").is_symlink());
        assert_eq!(stat("p").mode() & 0o170_777, 0o010_600);
        assert_eq!((stat("d").mode() & 0o7777, stat("e").mode() & 0o7777), (0o755, 0o500));
        assert_eq!(fs::read(directory.path().join("t")).unwrap()[..2], [0x1f, 0x8b]);
        assert_eq!(fs::read(directory.path().join("p.xz")).unwrap()[1..5], *b"7zXZ");
    }

    #[test]
    fn what_only_layers_have_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refused = write(directory.path(), &entries("gone a")).unwrap_err();
        assert_eq!(refused, "a: only a layer can have such an entry");
    }
}
