//! A **layer** as entries: writes them as a tar, and reads them back.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::entry::{Entry, EntryKind};
use crate::peer;

const GONE: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Returns a tar of entries.
pub fn write(entries: &[Entry]) -> Result<Vec<u8>, String> {
    let mut tar = Builder::new(Vec::new());
    for entry in expanded(entries)? {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.0);
        header.set_gid(entry.owner.1);
        header.set_mtime(1_600_000_000);
        let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let beside = |name: &str| Path::new(parent).join(name).display().to_string();
        let (kind, path, content) = match &entry.kind {
            EntryKind::Directory => (EntryType::Directory, format!("./{}/", entry.path), &[][..]),
            EntryKind::File(content) => (EntryType::Regular, entry.path.clone(), &content[..]),
            EntryKind::Link(_) => (EntryType::Symlink, entry.path.clone(), &[][..]),
            EntryKind::Hard(_) => (EntryType::Link, entry.path.clone(), &[][..]),
            EntryKind::Fifo => (EntryType::Fifo, entry.path.clone(), &[][..]),
            EntryKind::Gone => (EntryType::Regular, beside(&format!("{GONE}{name}")), &[][..]),
            EntryKind::Opaque => (EntryType::Regular, format!("{}/{OPAQUE}", entry.path), &[][..]),
            EntryKind::Host | EntryKind::Packed(..) | EntryKind::Tar(..) => {
                return Err(format!("{}: only a context can have such an entry", entry.path));
            }
        };
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        match &entry.kind {
            EntryKind::Link(target) | EntryKind::Hard(target) => {
                tar.append_link(&mut header, path, target)
            }
            _ => tar.append_data(&mut header, path, Cursor::new(content)),
        }
        .map_err(|error| format!("{}: {error}", entry.path))?;
    }
    Ok(tar.into_inner().unwrap())
}

/// Replaces `host` entries by this machine's programs, and the libraries that `ldd` lists.
fn expanded(entries: &[Entry]) -> Result<Vec<Entry>, String> {
    let mut all = Vec::new();
    let mut libraries = BTreeSet::new();
    for entry in entries {
        if entry.kind != EntryKind::Host {
            all.push(entry.clone());
            continue;
        }
        let program = format!("/{}", entry.path);
        let content = fs::read(&program).map_err(|error| format!("{program}: {error}"))?;
        all.push(Entry { kind: EntryKind::File(content), ..entry.clone() });
        let ldd = peer::find("ldd").ok_or("libraries cannot be found without ldd")?;
        libraries.extend(ldd.run([&program]).split_whitespace().filter_map(library));
    }
    for path in libraries {
        let content = fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        let path = below_usr(path.trim_start_matches('/'));
        all.push(Entry { path, mode: 0o755, owner: (0, 0), kind: EntryKind::File(content) });
    }
    Ok(all)
}

fn library(word: &str) -> Option<String> {
    word.starts_with('/').then(|| word.to_owned())
}

/// Returns a path below `/usr`: the bases have a merged `/usr`, and no path of a layer may lead through a
/// link.
fn below_usr(path: &str) -> String {
    if path.starts_with("usr/") { path.to_owned() } else { format!("usr/{path}") }
}

/// Returns the extended attributes in a tar, as `PATH NAME=VALUE`.
pub fn xattrs(blob: &[u8]) -> Result<Vec<String>, String> {
    let tar = decompressed(blob).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    let mut archive = tar::Archive::new(&tar[..]);
    let mut found = Vec::new();
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().map_err(|error| error.to_string())?.display().to_string();
        let records = entry.pax_extensions().map_err(|error| error.to_string())?;
        for record in records.into_iter().flatten() {
            let record = record.map_err(|error| error.to_string())?;
            let key = record.key().map_err(|error| error.to_string())?;
            if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                let value = String::from_utf8_lossy(record.value_bytes());
                found.push(format!("{path} {name}={value}"));
            }
        }
    }
    Ok(found)
}

/// Reads the entries of a tar, compressed or not.
pub fn read(blob: &[u8]) -> Result<Vec<Entry>, String> {
    let tar = decompressed(blob).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().map_err(|error| error.to_string())?;
    entries.map(|entry| read_one(&mut entry.map_err(|error| error.to_string())?)).collect()
}

fn decompressed(blob: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    match blob {
        [0x1f, 0x8b, ..] => {
            flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut tar)?;
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::stream::copy_decode(blob, &mut tar)?,
        _ => tar = blob.to_vec(),
    }
    Ok(tar)
}

fn read_one(entry: &mut tar::Entry<'_, &[u8]>) -> Result<Entry, String> {
    let path = plain(&String::from_utf8_lossy(&entry.path_bytes()))?;
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|error| format!("{path}: {error}"))?;
    let target = entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned());
    let header = entry.header();
    let kind = match (header.entry_type(), target) {
        (EntryType::Regular | EntryType::Continuous, _) => EntryKind::File(content),
        (EntryType::Directory, _) => EntryKind::Directory,
        (EntryType::Symlink, Some(target)) => EntryKind::Link(target),
        (EntryType::Link, Some(target)) => EntryKind::Hard(plain(&target)?),
        (EntryType::Fifo, _) => EntryKind::Fifo,
        (other, _) => return Err(format!("{path}: a tar entry of type {other:?}")),
    };
    let number = |number: std::io::Result<u64>| number.map_err(|error| format!("{path}: {error}"));
    let owner = (number(header.uid())?, number(header.gid())?);
    let mode = header.mode().map_err(|error| format!("{path}: {error}"))? & 0o7777;
    Ok(whiteout(Entry { path, mode, owner, kind }))
}

fn whiteout(entry: Entry) -> Entry {
    let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
    let (path, kind) = match name.strip_prefix(GONE) {
        _ if name == OPAQUE => (parent.to_owned(), EntryKind::Opaque),
        Some(gone) if parent.is_empty() => (gone.to_owned(), EntryKind::Gone),
        Some(gone) => (format!("{parent}/{gone}"), EntryKind::Gone),
        None => return entry,
    };
    Entry { path, kind, ..entry }
}

/// Returns the path of an entry, which a tar may have as `./a/`, `/a` or `a`; `..` is refused.
fn plain(path: &str) -> Result<String, String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<_> = parts.collect();
    if parts.contains(&"..") {
        return Err(format!("{path}: a path that goes up"));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::compression::{Compression, compressed};
    use super::*;

    const TEXT: &str = "dir 700 /\ndir 1777 5:6 d\nfile 4755 7:8 d/a = x\nhard b = d/a\nlink l = ../d\nfifo 600 p\n\
                        gone e/f\ngone g\nopaque h\n";

    fn entries(text: &str) -> Vec<Entry> {
        Entry::parse_all(text.lines().enumerate()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = write(&entries(TEXT)).unwrap();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let back = read(&compressed(compression, &written)).unwrap();
            let lines: Vec<_> = back.iter().map(Entry::to_string).collect();
            assert_eq!(lines, TEXT.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_program_brings_its_libraries() {
        let back = read(&write(&entries("host usr/bin/true")).unwrap()).unwrap();
        assert!(back.iter().any(|entry| entry.path.ends_with("/libc.so.6")), "{back:?}");
        assert!(back.iter().all(|entry| entry.path.starts_with("usr/")));
    }

    #[test]
    fn what_does_not_belong_into_a_layer_is_refused() {
        let refused = write(&entries("tar t = none")).unwrap_err();
        assert_eq!(refused, "t: only a context can have such an entry");
        assert_eq!(plain("a/../b").unwrap_err(), "a/../b: a path that goes up");
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Char);
        header.set_size(0);
        let mut tar = Builder::new(Vec::new());
        tar.append_data(&mut header, "dev", &[][..]).unwrap();
        assert_eq!(read(&tar.into_inner().unwrap()).unwrap_err(), "dev: a tar entry of type Char");
        assert!(read(&[0x1f, 0x8b, 0]).unwrap_err().starts_with("it cannot be unpacked"));
    }
}
