//! The *architecture* of a guest, as the header of one of its programs shows it (ELF, `e_machine`).

use crate::disk::ReadAt;
use crate::disk::file_system::FileTree;

use super::error::FileProblem;

/// Programs that nearly all systems have.
const PROGRAMS: [&str; 5] =
    ["/bin/sh", "/usr/bin/sh", "/usr/bin/env", "/sbin/init", "/usr/lib/systemd/systemd"];

/// GOARCH names by `e_machine`, for 64-bit and 32-bit programs.
const MACHINES: [(u16, &str, &str); 8] = [
    (3, "386", "386"),
    (62, "amd64", "amd64"),
    (183, "arm64", "arm64"),
    (40, "arm", "arm"),
    (22, "s390x", "s390x"),
    (21, "ppc64le", "ppc"),
    (243, "riscv64", "riscv"),
    (258, "loong64", "loong64"),
];

/// Returns the GOARCH name of the architecture of a system's programs.
pub(super) fn find_architecture(tree: &FileTree<'_>) -> Result<Option<&'static str>, FileProblem> {
    for path in PROGRAMS {
        let Some(program) = tree.open(path)? else { continue };
        let mut header = [0; 20];
        if program.len() < header.len() as u64 {
            continue;
        }
        program.read_exact_at(&mut header, 0)?;
        if let Some(found) = architecture(&header) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn architecture(header: &[u8; 20]) -> Option<&'static str> {
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let bytes = [header[18], header[19]];
    let is_big = header[5] == 2;
    let machine = if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let (_, wide, narrow) = MACHINES.into_iter().find(|(number, ..)| *number == machine)?;
    Some(match (wide, is_big) {
        ("ppc64le", true) => "ppc64",
        _ if header[4] == 1 => narrow,
        _ => wide,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_show_their_architecture() {
        let check = |class: u8, order: u8, machine: u16, expected: Option<&str>| {
            let mut header = [0; 20];
            header[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order]);
            let machine = if order == 2 { machine.to_be_bytes() } else { machine.to_le_bytes() };
            header[18..].copy_from_slice(&machine);
            assert_eq!(architecture(&header), expected);
        };
        check(2, 1, 62, Some("amd64"));
        check(2, 1, 183, Some("arm64"));
        check(1, 1, 40, Some("arm"));
        check(2, 2, 22, Some("s390x"));
        check(2, 1, 21, Some("ppc64le"));
        check(2, 2, 21, Some("ppc64"));
        check(2, 1, 999, None);
        assert_eq!(architecture(b"#!/bin/busybox sh -u"), None);
    }
}
