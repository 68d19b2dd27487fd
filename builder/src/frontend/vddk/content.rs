//! The *content* of a kit's files, as far as their first bytes show it: whether a library is one, and
//! whether a symbolic link was stored as a file.

/// How many of a file's first bytes are looked at.
pub(super) const CONTENT_START: usize = 2048;

/// Magic of ELF, and its fields: 64 bits, little-endian (System V ABI, *ELF Header*).
const ELF: &[u8] = b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const SHARED_LIBRARY: [u8; 2] = [3, 0];

/// GOARCH names of machines in ELF.
const MACHINES: [(u8, &str); 7] = [
    (3, "386"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, AMD64),
    (183, "arm64"),
    (243, "riscv64"),
];
const AMD64: &str = "amd64";

/// What a file is by its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileContent {
    Empty,
    /// A library for the machines that a kit is for.
    Library,
    /// A library or program for others: what it is instead.
    OtherProgram(String),
    /// A symbolic link that was stored as a file, and its target if that is known.
    LinkText(Option<String>),
    Other,
}

impl FileContent {
    /// Returns the content of a file of this name, of which these are the first bytes.
    pub(super) fn new(path: &str, start: &[u8], size: u64) -> Self {
        if size == 0 {
            return Self::Empty;
        }
        if start.starts_with(ELF) {
            return program(start);
        }
        let is_whole = size == start.len() as u64;
        match link_text(start) {
            Some(link) if is_whole && is_library(path) => link,
            _ => Self::Other,
        }
    }
}

/// Returns whether a file is a library by its name, e.g. `lib64/libssl.so.3`.
pub(super) fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('.').skip(1).any(|part| part == "so")
}

/// Returns whether macOS made a file of this path beside another, to keep what other systems have no
/// room for.
pub(super) fn is_mac_metadata(path: &str) -> bool {
    let mut parts = path.split('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with("._") || name == ".DS_Store" || parts.any(|part| part == "__MACOSX")
}

fn program(start: &[u8]) -> FileContent {
    let number = start.get(18..20).map_or(0, |field| u16::from_le_bytes([field[0], field[1]]));
    let machine = MACHINES.iter().find(|(known, _)| u16::from(*known) == number);
    let has_layout = start.get(4..6) == Some(&[CLASS_64, LITTLE_ENDIAN]);
    match machine {
        Some((_, AMD64)) if has_layout && start.get(16..18) == Some(&SHARED_LIBRARY) => {
            FileContent::Library
        }
        Some((_, AMD64)) => FileContent::OtherProgram("a program, and no library".into()),
        Some((_, name)) => FileContent::OtherProgram(format!("for {name}")),
        None => FileContent::OtherProgram(format!("for the unknown machine {number}")),
    }
}

/// Returns a symbolic link that became a file, with its target if that is readable: Git without links
/// and zip tools write the target alone, Cygwin, Interix and macOS's SMB a header in front of it.
fn link_text(start: &[u8]) -> Option<FileContent> {
    const HEADERS: [&[u8]; 3] = [b"!<symlink>", b"IntxLNK\x01", b"XSym\n"];
    if HEADERS.iter().any(|header| start.starts_with(header)) {
        return Some(FileContent::LinkText(None));
    }
    let text = std::str::from_utf8(start).ok()?.trim_end();
    let is_path = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    (is_path && is_library(text)).then(|| FileContent::LinkText(Some(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_its_first_bytes() {
        let check = |path: &str, start: &[u8], expected: FileContent| {
            assert_eq!(FileContent::new(path, start, start.len() as u64), expected, "{start:?}");
        };
        let elf = |class: u8, kind: u8, machine: u8| {
            [&b"\x7fELF"[..], &[class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind, 0, machine, 0]]
                .concat()
        };
        let other = |what: &str| FileContent::OtherProgram(what.into());
        let link = |target: &str| FileContent::LinkText(Some(target.into()));
        check("a.so", b"", FileContent::Empty);
        check("a.so", &elf(2, 3, 62), FileContent::Library);
        check("a.so", &elf(2, 2, 62), other("a program, and no library"));
        check("a.so", &elf(1, 3, 3), other("for 386"));
        check("a.so", &elf(2, 3, 183), other("for arm64"));
        check("a.so", b"\x7fELF", other("for the unknown machine 0"));
        check("lib64/a.so", b"a.so.8", link("a.so.8"));
        check("lib64/a.so.8", b"../lib/a.so.8.0\n", link("../lib/a.so.8.0"));
        check("lib64/a.so", b"XSym\n0006\n", FileContent::LinkText(None));
        check("lib64/a.so", b"!<symlink>\xff\xfea\0", FileContent::LinkText(None));
        check("lib64/a.so", b"INPUT(a.so.8)", FileContent::Other);
        check("lib64/a.so", b"see a.so.8", FileContent::Other);
        check("FILES", b"a.so.8", FileContent::Other);
        check("doc/empty", b"", FileContent::Empty);
    }

    #[test]
    fn metadata_of_macos_is_known() {
        let check =
            |path: &str, expected: bool| assert_eq!(is_mac_metadata(path), expected, "{path}");
        check("lib64/._libvixDiskLib.so", true);
        check("._lib64", true);
        check("lib64/.DS_Store", true);
        check("__MACOSX/lib64/a", true);
        check("lib64/libvixDiskLib.so", false);
        check("lib64/.hidden", false);
    }
}
